//! The export in ../shared, whose figures somebody else worked out.

use super::*;

const AS_OF: Date = date(2024, 4, 12);

fn sample() -> Option<(PathBuf, Heard)> {
    let folder = shared("data/synthea-csv")?;
    let heard = hear(&folder, Format::Synthea, &options(AS_OF)).unwrap();
    Some((folder, heard))
}

fn age_days(claim: &Claim) -> i64 {
    AS_OF.duration_since(claim.due_since_on.unwrap()).as_hours() / 24
}

#[test]
fn five_patients_owe_2085_dollars_and_88_cents_over_six_claims() {
    let Some((_, heard)) = sample() else { return };
    let claims = heard.claims();
    let open: Vec<&&Claim> = claims.iter().filter(|c| c.totals().due.is_positive()).collect();
    let owing: BTreeSet<&str> = open.iter().map(|c| c.patient_external_id.as_str()).collect();
    let due = |from: i64, to: i64| -> Cents {
        open.iter().filter(|c| (from..=to).contains(&age_days(c))).map(|c| c.totals().due).sum()
    };
    assert_eq!((owing.len(), open.len(), due(0, i64::MAX)), (5, 6, Cents(208_588)));
    assert_eq!((due(0, 30), due(31, 60), due(61, 90)), (Cents(188_249), Cents(0), Cents(0)));
    assert_eq!((due(91, 120), due(121, i64::MAX)), (Cents(10_000), Cents(10_339)));
    assert!(open.iter().all(|c| c.status == ClaimStatus::Ready));
}

#[test]
fn every_row_of_the_sample_is_accounted_for() {
    let Some((_, heard)) = sample() else { return };
    assert_eq!(heard.refused, []);
    assert_eq!((heard.patients().len(), heard.claims().len()), (11, 561));
    let rows: u64 = heard.claims().iter().map(|c| c.ledger_rows()).sum();
    assert_eq!((rows, heard.tally.rows, heard.tally.refused), (5_567, 5_567, 0));
}

#[test]
fn the_sample_balances_to_the_cent() {
    let Some((folder, heard)) = sample() else { return };
    let total: Amounts = heard.claims().iter().map(|c| c.totals()).sum();
    assert_eq!(total.charged, Cents(121_986_722));
    assert_eq!(total.insurance_paid, Cents(102_070_284));
    // Copays and later payments, but for what is left open.
    assert_eq!(total.patient_paid + total.due, Cents(610_163 + 19_306_275));
    let all_paid = Options { open_days: 0, ..options(AS_OF) };
    let paid = hear(&folder, Format::Synthea, &all_paid).unwrap();
    assert_eq!(paid.claims().iter().map(|c| c.totals().due).sum::<Cents>(), Cents(0));
    assert!(paid.claims().iter().all(|c| c.status == ClaimStatus::Settled));
}

#[test]
fn the_ledger_wins_over_the_status_columns() {
    let Some((_, heard)) = sample() else { return };
    // claims.csv calls one of them BILLED with 42.28 outstanding; the payer paid all of it.
    assert!(heard.claims().iter().all(|c| c.insurance != InsuranceState::Pending));
}

#[test]
fn a_thirteen_year_old_stands_alone_and_an_unknown_zip_is_kept() {
    let Some((_, heard)) = sample() else { return };
    let patients = heard.patients();
    let minors: Vec<&&Patient> = patients.iter().filter(|p| p.is_minor).collect();
    assert_eq!(minors.len(), 1);
    assert_eq!(minors[0].name, "Temika453 Wuckert783");
    assert!(minors[0].as_own_guarantor().is_minor);
    assert!(patients.iter().all(|p| p.guarantor_external_id.is_none()));
    assert!(patients.iter().all(|p| p.address.state.as_deref() == Some("MA")));
    let rodrigo = patients.iter().find(|p| p.name.starts_with("Rodrigo")).unwrap();
    assert_eq!(rodrigo.address.zip.as_ref().unwrap().as_str(), "00000");
    assert_eq!(rodrigo.ssn4.as_ref().unwrap().expose(), "1085");
    let cameron = patients.iter().find(|p| p.name.starts_with("Cameron")).unwrap();
    assert_eq!(cameron.deceased_on, Some(date(2022, 9, 7)));
}

#[test]
fn what_is_left_after_the_insurer_is_the_patients() {
    let Some((_, heard)) = sample() else { return };
    let claims = heard.claims();
    let claim = claims.iter().find(|c| c.external_id.starts_with("b1d906d9")).unwrap();
    let total = claim.totals();
    assert_eq!(total.charged, Cents(1_148_458));
    assert_eq!((total.insurance_paid, total.patient_paid), (Cents(1_133_458), Cents(5_000)));
    assert_eq!(total.due, Cents(10_000));
    assert_eq!(claim.description.as_deref(), Some("Encounter for check up"));
    assert_eq!(claim.place.as_deref(), Some("Ambulatory"));
    assert_eq!(claim.lines[1].description.as_deref(), Some("Colonoscopy"));
    assert_eq!(claim.visit_completed_on, Some(date(2024, 1, 1)));
}

#[test]
fn a_zip_of_the_folder_says_the_same_twice_over() {
    let Some((folder, heard)) = sample() else { return };
    let away = tempfile::tempdir().unwrap();
    let path = away.path().join("export.zip");
    let files: Vec<(String, Vec<u8>)> = ["patients", "encounters", "claims", "claims_transactions"]
        .iter()
        .map(|name| {
            (format!("csv/{name}.csv"), fs::read(folder.join(format!("{name}.csv"))).unwrap())
        })
        .collect();
    let files: Vec<(&str, &[u8])> = files.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect();
    zip_of(&path, &files);
    assert_eq!(detect(&Input::open(&path).unwrap()).unwrap(), Format::Synthea);
    let zipped = hear(&path, Format::Synthea, &options(AS_OF)).unwrap();
    assert_eq!(zipped, heard);
    assert_eq!(hear(&folder, Format::Synthea, &options(AS_OF)).unwrap(), heard);
}

#[test]
fn a_book_as_of_an_earlier_day_refuses_what_came_later() {
    let Some((folder, heard)) = sample() else { return };
    let earlier = hear(&folder, Format::Synthea, &options(date(2024, 1, 31))).unwrap();
    let accepted: u64 = earlier.claims().iter().map(|c| c.ledger_rows()).sum();
    assert_eq!(accepted + earlier.tally.refused, heard.tally.rows);
    assert!(earlier.refused.iter().all(|r| r.reason == RefusalReason::DateInFuture));
    assert!(earlier.tally.refused > 0);
}
