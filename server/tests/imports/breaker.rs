//! A file that would silence or flood everybody waits for a manager, and reminders wait with it.

use domain::book::Mode;
use server::importing::{Request, Verdict};
use store::import::State;

use crate::office::{Line, csv, lines, offices};

fn owing(lines: &mut [Line], cents: &str) {
    for line in lines {
        line.due = cents.into();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_a_fifth_of_the_book_changes_nothing_until_a_manager_accepts_it() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        office.full(&lines(0..10)).await;
        let nearly = office.full(&lines(0..9)).await;
        assert!(!nearly.held, "one of ten may be missing");
        assert!(!office.full(&lines(0..10)).await.held);
        let before = office.book().await;

        let held = office.full(&lines(0..8)).await;
        assert!(held.held);
        let difference = held.difference.clone().unwrap();
        assert_eq!((difference.open_before, difference.vanished), (10, 2));
        assert_eq!(difference.examples.len(), 2);
        assert_eq!(office.book().await, before);
        assert_eq!((held.accepted, held.book.open_cents), (0, 20_000));
        assert!(office.outreach_stops_because().await.unwrap().contains("2 of 10 open claims"));

        assert!(office.decide(&held.id, Verdict::Accept).await);
        assert_eq!(office.state(&held.id).await, State::Applied);
        assert_eq!(office.missing().await, ["c00008", "c00009"]);
        assert_eq!(office.outreach_stops_because().await, None);
        assert!(!office.decide(&held.id, Verdict::Accept).await, "it is decided");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_file_lets_reminders_go_on_and_can_be_looked_at_again() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        office.full(&lines(0..10)).await;
        let before = office.book().await;
        let mut cleared = lines(0..10);
        owing(&mut cleared[..3], "0.00");
        let three = office.full(&cleared).await;
        assert!(!three.held, "three of ten may pay at once");
        office.full(&lines(0..10)).await;

        owing(&mut cleared[..4], "0.00");
        let held = office.full(&cleared).await;
        assert!(held.held);
        assert_eq!(held.difference.clone().unwrap().cleared, 4);
        assert!(office.decide(&held.id, Verdict::Reject).await);
        assert_eq!(office.book().await, before);
        assert_eq!(office.outreach_stops_because().await, None);
        assert!(!office.decide(&held.id, Verdict::Accept).await, "it must be taken back first");

        assert!(office.decide(&held.id, Verdict::Reconsider).await);
        assert!(office.outreach_stops_because().await.is_some());
        assert!(office.decide(&held.id, Verdict::Accept).await);
        let settled = office.book().await.iter().filter(|c| c.1 == "settled").count();
        assert_eq!(settled, 4);
        assert_eq!(office.outreach_stops_because().await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_multiplies_a_tenth_of_the_book_is_held() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        office.full(&lines(0..10)).await;
        let mut jumped = lines(0..10);
        owing(&mut jumped[..1], "99.99");
        assert!(!office.full(&jumped).await.held, "not quite five times as much");
        office.full(&lines(0..10)).await;
        owing(&mut jumped[..1], "100.00");
        let held = office.full(&jumped).await;
        assert!(held.held);
        let difference = held.difference.unwrap();
        assert_eq!(difference.jumped, 1);
        let example = &difference.examples[0];
        assert_eq!((example.before_cents, example.after_cents), (Some(2_000), Some(10_000)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_book_never_trips_it_and_neither_does_a_delta_that_leaves_claims_out() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        office.full(&lines(0..4)).await;
        assert!(!office.full(&lines(0..1)).await.held, "four open claims are no book");
        assert_eq!(office.missing().await.len(), 3);
        office.full(&lines(0..20)).await;
        let delta = office.delta(&lines(3..4)).await;
        assert!(!delta.held);
        assert_eq!(delta.difference.unwrap().vanished, 0);
        assert_eq!(office.missing().await, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_claims_that_are_open_now_are_compared() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        let mut book = lines(0..15);
        for line in &mut book[..5] {
            line.status = "collections";
        }
        office.full(&book).await;
        // None of the five is with the patient: their going is no news.
        let without = office.full(&book[5..]).await;
        assert!(!without.held);
        let difference = without.difference.unwrap();
        assert_eq!((difference.open_before, difference.vanished), (10, 0));
        // What is missing already is not missed a second time.
        let fewer = office.full(&book[6..]).await;
        assert!(!fewer.held);
        let again = office.full(&book[6..]).await.difference.unwrap();
        assert_eq!((again.open_before, again.vanished), (9, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rows_of_one_source_say_nothing_about_another() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        office.full(&lines(0..10)).await;
        // The same ids, another system: ten more people, and nobody of the first is missing.
        let other =
            |text: &str| Request { source: "billing-2".into(), ..office.request(text, Mode::Full) };
        let report = office.run(other(&csv(&lines(0..6)))).await;
        assert!(!report.held);
        assert_eq!((report.book.patients, report.book.open_claims), (16, 16));
        assert_eq!(office.missing().await, Vec::<String>::new());
        let report = office.run(other(&csv(&lines(0..1)))).await;
        assert!(report.held, "five of its six are gone");
        assert_eq!(report.difference.unwrap().open_before, 6);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_file_cannot_be_accepted_once_a_newer_one_was_applied() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        office.full(&lines(0..10)).await;
        let mondays = office.full(&lines(0..5)).await;
        assert!(mondays.held);
        let mut tuesdays = lines(0..10);
        owing(&mut tuesdays[..2], "31.00");
        assert!(!office.full(&tuesdays).await.held);
        assert_eq!(office.outreach_stops_because().await, None, "nothing waits any more");
        assert_eq!(office.state(&mondays.id).await, State::Failed);
        for verdict in [Verdict::Accept, Verdict::Reject, Verdict::Reconsider] {
            assert!(!office.decide(&mondays.id, verdict).await);
        }
        assert_eq!(office.book().await[0].2, 3_100);
        assert_eq!(office.missing().await, Vec::<String>::new());
        assert_eq!(store::scratch::count(&office.store, "import_row").await.unwrap(), 0);
    }
}
