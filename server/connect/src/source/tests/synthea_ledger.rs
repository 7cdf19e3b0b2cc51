//! Small exports with one peculiarity each.

use super::*;

const AS_OF: Date = date(2024, 4, 12);
const PATIENTS: &str = "Id,BIRTHDATE,DEATHDATE,SSN,FIRST,LAST,ADDRESS,CITY,STATE,ZIP\n\
    p1,1980-05-05,,999-11-2222,Ana1,Ruiz2,1 A St,Boston,Massachusetts,02108\n";
const ENCOUNTERS: &str =
    "Id,STOP,ENCOUNTERCLASS,DESCRIPTION\ne1,2024-04-01T09:00:00Z,urgentcare,Visit\n";
const CLAIMS: &str = "Id,PATIENTID,APPOINTMENTID,SERVICEDATE\nc1,p1,e1,2024-04-01T08:00:00Z\n";
const HEADER: &str = "ID,CLAIMID,CHARGEID,PATIENTID,TYPE,AMOUNT,METHOD,FROMDATE,TRANSFERTYPE,\
    PAYMENTS,ADJUSTMENTS,TRANSFERS,NOTES\n";

fn export(folder: &Path, patients: &str, encounters: &str, claims: &str, transactions: &str) {
    file(folder, "patients.csv", patients);
    file(folder, "encounters.csv", encounters);
    file(folder, "claims.csv", claims);
    file(folder, "claims_transactions.csv", format!("{HEADER}{transactions}"));
}

/// `TYPE,AMOUNT,METHOD,TRANSFERTYPE,PAYMENTS,ADJUSTMENTS,TRANSFERS` of claim c1, in order.
fn ledger(rows: &[&str]) -> String {
    let mut text = String::new();
    for (i, row) in rows.iter().enumerate() {
        let cells: Vec<&str> = row.split(',').collect();
        let [kind, amount, method, party, paid, adjusted, moved] = cells[..] else {
            panic!("{row}")
        };
        text += &format!(
            "t{i},c1,{i},p1,{kind},{amount},{method},2024-04-01T08:00:00Z,{party},{paid},{adjusted},{moved},Thing {i}\n"
        );
    }
    text
}

fn heard(rows: &[&str], open_days: u32) -> Heard {
    let folder = tempfile::tempdir().unwrap();
    export(folder.path(), PATIENTS, ENCOUNTERS, CLAIMS, &ledger(rows));
    let options = Options { open_days, ..options(AS_OF) };
    hear(folder.path(), Format::Synthea, &options).unwrap()
}

fn claim(rows: &[&str], open_days: u32) -> Claim {
    let heard = heard(rows, open_days);
    assert_eq!(heard.refused, []);
    heard.claims()[0].clone()
}

#[test]
fn a_copay_above_the_price_is_the_patients_credit() {
    let claim = claim(&["CHARGE,0.01,,1,,,", "PAYMENT,,COPAY,,75.00,,"], 180);
    assert_eq!(claim.totals().due, Cents(-7_499));
    assert_eq!((claim.status, claim.due_since_on), (ClaimStatus::Settled, None));
}

#[test]
fn an_insurers_excess_is_not_the_patients_credit() {
    let claim = claim(&["CHARGE,100.00,,1,,,", "PAYMENT,,ECHECK,,120.00,,"], 180);
    assert_eq!(claim.totals().due, Cents(0));
}

#[test]
fn a_ledger_that_is_off_by_a_cent_never_asks_for_the_cent() {
    // Claim aa831485 of another export: 250.46 - 75.00 - 131.60 = 43.86, and 43.87 transferred.
    let rows = [
        "CHARGE,250.46,,1,,,",
        "PAYMENT,,COPAY,,75.00,,",
        "PAYMENT,,ECHECK,,131.60,,",
        "TRANSFEROUT,,,,,,43.87",
        "TRANSFERIN,43.87,,p,,,43.87",
        "PAYMENT,,CC,,43.87,,",
    ];
    assert_eq!(claim(&rows, 180).totals().due, Cents(4_386));
    assert_eq!(claim(&rows, 0).totals().due, Cents(-1));
}

#[test]
fn a_second_insurer_pays_before_the_patient_does() {
    let rows = [
        "CHARGE,100.00,,1,,,",
        "PAYMENT,,ECHECK,,60.00,,",
        "TRANSFEROUT,,,,,,40.00",
        "TRANSFERIN,40.00,,2,,,40.00",
        "PAYMENT,,ECHECK,,25.00,,",
        "TRANSFEROUT,,,,,,15.00",
        "TRANSFERIN,15.00,,p,,,15.00",
        "PAYMENT,,CASH,,15.00,,",
    ];
    let claim = claim(&rows, 180);
    let total = claim.totals();
    assert_eq!(
        (total.insurance_paid, total.patient_paid, total.due),
        (Cents(8_500), Cents(0), Cents(1_500))
    );
    assert_eq!(
        (claim.insurance, claim.due_since_on),
        (InsuranceState::Finished, Some(date(2024, 4, 1)))
    );
    assert_eq!(claim.place.as_deref(), Some("Urgent care"));
}

#[test]
fn what_an_insurer_has_not_decided_is_not_due() {
    let pending = claim(&["CHARGE,100.00,,1,,,", "PAYMENT,,COPAY,,20.00,,"], 180);
    assert_eq!(pending.totals().due, Cents(0));
    assert_eq!(pending.status, ClaimStatus::InsurancePending);
    assert_eq!(pending.insurance, InsuranceState::Pending);
}

#[test]
fn a_self_pay_charge_is_due_at_once_and_adjustments_lower_it() {
    let rows = ["CHARGE,100.00,,p,,,", "ADJUSTMENT,,SYSTEM,,,30.00,", "PAYMENT,,CHECK,,70.00,,"];
    let open = claim(&rows, 180);
    assert_eq!((open.totals().due, open.insurance), (Cents(7_000), InsuranceState::SelfPay));
    assert_eq!(open.totals().adjusted, Cents(3_000));
    assert_eq!(
        claim(&rows, 11).totals().due,
        Cents(0),
        "eleven days old is not younger than eleven"
    );
    assert_eq!(claim(&rows, 12).totals().due, Cents(7_000));
}

#[test]
fn a_ledger_out_of_order_and_mixed_with_another_claim_replays_the_same() {
    let rows = ["CHARGE,100.00,,1,,,", "PAYMENT,,ECHECK,,60.00,,", "TRANSFERIN,40.00,,p,,,40.00"];
    let tidy = ledger(&rows);
    let mut mixed: Vec<String> = tidy.lines().map(str::to_owned).collect();
    mixed.reverse();
    mixed.insert(1, "x1,c2,9,p1,CHARGE,5.00,,2024-04-01,p,,,,Other".to_owned());
    let claims = format!("{CLAIMS}c2,p1,,2024-04-01\n");
    let folder = tempfile::tempdir().unwrap();
    export(folder.path(), PATIENTS, ENCOUNTERS, &claims, &(mixed.join("\n") + "\n"));
    let heard = hear(folder.path(), Format::Synthea, &options(AS_OF)).unwrap();
    assert_eq!(heard.refused, []);
    let dues: Vec<Cents> = heard.claims().iter().map(|c| c.totals().due).collect();
    assert_eq!(dues, [Cents(4_000), Cents(500)]);
}

#[test]
fn columns_may_drift_and_the_byte_order_mark_is_no_letter() {
    let folder = tempfile::tempdir().unwrap();
    let rows = ledger(&["CHARGE,10.00,,p,,,"]);
    export(folder.path(), PATIENTS, ENCOUNTERS, CLAIMS, &rows);
    let patients = "\u{feff}ID,SSN,MIDDLE,INCOME,FIPS,birthdate,LAST,FIRST\r\n\
        p1,,Maria,12,,1980-05-05,Ruiz2,Ana1\r\n";
    file(folder.path(), "patients.csv", patients);
    let heard = hear(folder.path(), Format::Synthea, &options(AS_OF)).unwrap();
    assert_eq!(heard.refused, []);
    assert_eq!(heard.patients()[0].name, "Ana1 Maria Ruiz2");
}

#[test]
fn a_refused_patient_takes_their_claims_along() {
    let folder = tempfile::tempdir().unwrap();
    let patients = PATIENTS.replace("1980-05-05", "2080-05-05");
    export(folder.path(), &patients, ENCOUNTERS, CLAIMS, &ledger(&["CHARGE,10.00,,p,,,"]));
    let heard = hear(folder.path(), Format::Synthea, &options(AS_OF)).unwrap();
    assert_eq!(heard.said, []);
    let reports: Vec<String> = heard.refused.iter().map(ToString::to_string).collect();
    assert_eq!(
        reports,
        [
            "patients.csv, line 2, BIRTHDATE: The date is later than the day of the import. \
             Correct it, or import with a later as-of day.",
            "claims.csv, line 2, PATIENTID: No accepted patient has this id. \
             Add or correct the patient's row.",
            "claims_transactions.csv, line 2, CLAIMID: No accepted claim has this id. \
             Add or correct the claim's row.",
        ]
    );
    assert_eq!((heard.tally.rows, heard.tally.refused, heard.tally.refusals), (1, 1, 3));
}

#[test]
fn a_ledger_with_a_hole_is_refused_whole() {
    for (bad, reason) in [
        ("PAYMENT,,BITCOIN,,5.00,,", RefusalReason::UnknownTransaction),
        ("REFUND,5.00,,,,,", RefusalReason::UnknownTransaction),
        ("PAYMENT,,CASH,,5.0O,,", RefusalReason::NotAnAmount),
        ("TRANSFERIN,5.00,,3,,,", RefusalReason::UnknownTransaction),
    ] {
        let heard = heard(&["CHARGE,10.00,,1,,,", bad, "PAYMENT,,ECHECK,,5.00,,"], 180);
        let reasons: BTreeMap<u64, RefusalReason> =
            heard.refused.iter().map(|r| (r.line, r.reason)).collect();
        assert_eq!(reasons[&3], reason, "{bad}");
        assert_eq!(
            (reasons[&2], reasons[&4]),
            (RefusalReason::ClaimIncomplete, RefusalReason::ClaimIncomplete)
        );
        assert!(heard.claims().is_empty());
        assert_eq!(heard.tally.rows, heard.tally.refused);
    }
    let early = heard(&["PAYMENT,,CASH,,5.00,,", "CHARGE,10.00,,1,,,"], 180);
    assert_eq!(early.refused[0].reason, RefusalReason::TransactionBeforeCharge);
}

#[test]
fn the_same_id_twice_is_refused_in_every_file() {
    let folder = tempfile::tempdir().unwrap();
    let twice = |text: &str| format!("{text}{}\n", text.lines().nth(1).unwrap());
    let rows = ledger(&["CHARGE,10.00,,p,,,"]);
    export(folder.path(), &twice(PATIENTS), &twice(ENCOUNTERS), &twice(CLAIMS), &rows);
    let heard = hear(folder.path(), Format::Synthea, &options(AS_OF)).unwrap();
    let files: BTreeSet<&str> = heard.refused.iter().map(|r| r.file.as_ref()).collect();
    assert_eq!(files, BTreeSet::from(["patients.csv", "encounters.csv", "claims.csv"]));
    assert!(heard.refused.iter().all(|r| r.reason == RefusalReason::SaidTwice && r.line == 3));
    assert_eq!(heard.claims().len(), 1);
}

#[test]
fn a_missing_file_or_column_is_named() {
    let folder = tempfile::tempdir().unwrap();
    export(folder.path(), PATIENTS, ENCOUNTERS, CLAIMS, "");
    file(folder.path(), "claims.csv", "Id,PATIENTID,APPOINTMENTID\n");
    let error = hear(folder.path(), Format::Synthea, &options(AS_OF)).unwrap_err().to_string();
    assert_eq!(
        error,
        "claims.csv has no column SERVICEDATE. Add it; the format page lists what is needed."
    );
    fs::remove_file(folder.path().join("encounters.csv")).unwrap();
    let error = hear(folder.path(), Format::Synthea, &options(AS_OF)).unwrap_err().to_string();
    assert_eq!(error, "The export has no encounters.csv. Export it too, with its usual name.");
}
