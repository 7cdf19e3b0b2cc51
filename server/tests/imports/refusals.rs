//! Rows that cannot be taken: each with its line, column and reason, never with what stood in it.

use domain::book::Mode;
use store::import;

use crate::office::{Line, csv, line, lines, offices};

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_row_is_reported_by_line_and_never_refuses_the_file() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        let mut file = lines(0..6);
        file[1].due = "a lot".into();
        file[4].phone = "555-CALL-MARIA";
        let report = office.full(&file).await;
        assert_eq!((report.rows, report.accepted, report.refused), (6, 4, 2));
        assert_eq!(report.accepted + report.refused + report.unchanged, report.rows);
        assert_eq!(report.book.open_claims, 4);
        let mut db = office.store.read().await.unwrap();
        let listed = import::list_refusals(&mut db, &office.practice, &report.id, -1, 10).await;
        let listed: Vec<(i64, String, String)> = listed
            .unwrap()
            .into_iter()
            .map(|row| (row.line, row.column_name.unwrap_or_default(), row.reason))
            .collect();
        let expected = [(3, "patient_due", "not_an_amount"), (6, "phone", "not_a_phone")];
        let expected = expected.map(|(line, column, why)| (line, column.into(), why.into()));
        assert_eq!(listed, expected);
        drop(db);
        let text = office.report_of_refused_rows(&report.id).await;
        assert!(text.contains("Write dollars and cents"), "{text}");
        assert!(!text.contains("a lot") && !text.contains("MARIA"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_with_a_refused_row_is_shown_but_asked_of_nobody_until_it_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        let second = Line { line: "2", due: "oops".into(), ..line(0) };
        let report = office.full(&[line(0), second.clone(), line(1)]).await;
        assert_eq!((report.refused, report.book.open_claims), (1, 1));
        assert_eq!(office.book().await[0].1, "insurance_pending");
        let whole = Line { due: "5.00".into(), ..second };
        let report = office.full(&[line(0), whole, line(1)]).await;
        assert_eq!((report.refused, report.book.open_cents), (0, 4_500));
    }
}

/// Rows of one claim that stand apart meet only when they are applied.
#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_stands_twice_far_apart_is_refused_once_and_the_import_ends() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        let twice = [line(0), line(1), line(0)];
        let report = office.full(&twice).await;
        assert_eq!((report.rows, report.accepted, report.refused), (3, 2, 1));
        assert!(office.report_of_refused_rows(&report.id).await.contains(",4,line_id,said_twice,"));
        assert_eq!(office.book().await[0].1, "insurance_pending");
        assert_eq!(office.outreach_stops_because().await, None);
        let again = office.full(&twice).await;
        assert_eq!((again.accepted, again.refused, again.unchanged), (0, 1, 2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_far_apart_that_name_one_claim_and_two_patients_never_mix() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        let theirs = Line { claim: "c00000".into(), line: "2", due: "900.00".into(), ..line(2) };
        let report = office.full(&[line(0), line(1), theirs]).await;
        assert_eq!((report.rows, report.refused), (3, 1));
        let text = office.report_of_refused_rows(&report.id).await;
        assert!(text.contains(",4,patient_id,claim_disagrees,"), "{text}");
        assert_eq!(office.book().await[0], ("c00000".into(), "insurance_pending", 2_000, false));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_one_claim_that_stand_apart_become_one_claim() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        let rest = Line { line: "2", due: "3.50".into(), ..line(0) };
        let file = [line(0), line(1), rest.clone()];
        let report = office.full(&file).await;
        assert_eq!((report.accepted, report.book.open_claims), (3, 2));
        assert_eq!(office.book().await[0].2, 2_350);
        let together = office.full(&[line(0), rest, line(1)]).await;
        assert_eq!(together.book, report.book);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_book_is_refused_whole_and_nothing_stays_behind() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        office.full(&lines(0..2)).await;
        let text = csv(&lines(0..2)).replace("patient_due", "patient_dew");
        let request = office.request(&text, Mode::Full);
        let watch = std::sync::Arc::new(|_| {});
        let refused =
            server::importing::run(&office.store, &office.world, request, watch).await.unwrap_err();
        assert!(refused.to_string().contains("patient_d"), "{refused}");
        assert_eq!(store::scratch::count(&office.store, "import_row").await.unwrap(), 0);
        assert_eq!(office.full(&lines(0..2)).await.unchanged, 2, "the next one need not wait");
    }
}
