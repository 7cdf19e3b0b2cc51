//! The sample practice as the importer sees it.

#![allow(clippy::unwrap_used, reason = "the test runner is the reader")]

use std::{
    collections::BTreeMap,
    fs,
    io::BufWriter,
    path::{Path, PathBuf},
};

use connect::source::{self, Format, Input, Options, Progress, Sink, Tally};
use domain::{
    arrangement::Arrangement,
    book::{BookRow, ClaimStatus, Guarantor, InsuranceState, Patient, Said},
    decide::PlanStanding,
    money::Cents,
};
use jiff::civil::{Date, date};
use sandbox::practice::{CAST, SamplePractice, Size, Written, write_csv};

const TODAY: Date = date(2026, 3, 4);

fn written(folder: &tempfile::TempDir, seed: u64, size: Size) -> (PathBuf, Written) {
    let path = folder.path().join("book.csv");
    let mut out = BufWriter::new(fs::File::create(&path).unwrap());
    let practice = SamplePractice { seed, today: TODAY, size };
    let written = write_csv(&practice, &mut out).unwrap();
    (path, written)
}

fn read(path: &Path, each: &mut dyn FnMut(Said)) -> Tally {
    let options =
        Options { as_of: TODAY, today: TODAY, open_days: 0, scratch: std::env::temp_dir() };
    let mut say = |said| {
        match said {
            Ok(said) => each(said),
            Err(refusal) => panic!("refused: {refusal}"),
        }
        Ok(())
    };
    let mut progress = |_: Progress| {};
    let mut sink = Sink::new(&mut say, &mut progress);
    let input = Input::open(path).unwrap();
    assert_eq!(source::detect(&input).unwrap(), Format::Clearbill);
    source::read(&input, Format::Clearbill, &options, &mut sink).unwrap()
}

/// What the importer would find due, by guarantor; credits are taken off, pending is not due.
fn due_by_guarantor(rows: &[Said]) -> BTreeMap<String, Cents> {
    let mut due = BTreeMap::new();
    for said in rows {
        if let BookRow::Claim(claim) = &said.row {
            let whose = claim.guarantor_external_id.as_ref().unwrap_or(&claim.patient_external_id);
            let amount: &mut Cents = due.entry(whose.clone()).or_default();
            if claim.insurance != InsuranceState::Pending {
                *amount += claim.totals().due;
            }
        }
    }
    due
}

fn all(seed: u64, size: Size) -> (Vec<Said>, Tally, Written) {
    let folder = tempfile::tempdir().unwrap();
    let (path, written) = written(&folder, seed, size);
    let mut rows = Vec::new();
    let tally = read(&path, &mut |said| rows.push(said));
    (rows, tally, written)
}

#[test]
fn the_cast_owes_what_it_says_under_every_seed() {
    for seed in [1, 77] {
        let (rows, tally, written) = all(seed, Size::Accounts(60));
        assert_eq!((tally.rows, tally.refused), (written.lines, 0));
        assert_eq!(written.accounts, 60);
        let due = due_by_guarantor(&rows);
        for member in CAST {
            let owes = due.get(member.guarantor_id).copied();
            assert_eq!(owes, Some(Cents(member.owes_cents)), "{}", member.name);
        }
    }
}

#[test]
fn the_sample_practice_has_every_kind_of_account() {
    let (rows, _, written) = all(1, Size::Accounts(60));
    let guarantors: Vec<&Guarantor> = rows
        .iter()
        .filter_map(|said| match &said.row {
            BookRow::Guarantor(guarantor) => Some(guarantor),
            _ => None,
        })
        .collect();
    let patients: Vec<&Patient> = rows
        .iter()
        .filter_map(|said| match &said.row {
            BookRow::Patient(patient) => Some(patient),
            _ => None,
        })
        .collect();
    assert_eq!(patients.len() as u64, written.patients);
    // All but the child who stands alone have a guarantor.
    assert_eq!(guarantors.len(), 59);
    assert!(guarantors.iter().all(|g| !g.is_minor && g.address.state.is_some()));
    assert!(patients.iter().any(|p| p.guarantor_external_id.is_none() && p.is_minor));
    assert_eq!(patients.iter().filter(|p| p.deceased_on.is_some()).count(), 1);
    for status in ClaimStatus::ALL {
        let has = |said: &Said| matches!(&said.row, BookRow::Claim(c) if c.status == *status);
        assert!(rows.iter().any(has), "{status}");
    }
    let mut phones: BTreeMap<String, usize> = BTreeMap::new();
    let (mut without_phone, mut refused_texts) = (0, 0);
    for said in &rows {
        if let BookRow::Contact(contact) = &said.row {
            match &contact.phone {
                Some(phone) => *phones.entry(phone.as_str().to_owned()).or_default() += 1,
                None => without_phone += 1,
            }
            refused_texts +=
                usize::from(contact.text_consent.as_ref().is_some_and(|c| !c.is_granted));
            assert!(contact.email.as_ref().is_none_or(|e| e.as_str().ends_with("@example.org")));
        }
    }
    assert!(phones.keys().all(|phone| &phone[5..10] == "55501"), "only numbers of fiction");
    assert!(phones.values().any(|accounts| *accounts == 2), "somebody shares a phone");
    assert!(without_phone > 0 && refused_texts > 0);
}

#[test]
fn some_have_a_plan_a_card_on_file_a_high_deductible_or_no_paper() {
    for seed in [1, 77] {
        let (rows, ..) = all(seed, Size::Accounts(60));
        let said: Vec<&Arrangement> = rows
            .iter()
            .filter_map(|said| match &said.row {
                BookRow::Arrangement(found) => Some(&found.said),
                _ => None,
            })
            .collect();
        let charge = |a: &&&Arrangement| a.autopay.is_some_and(|pay| pay.charge.is_some());
        let failed = |a: &&&Arrangement| a.autopay.is_some_and(|pay| pay.failed_on.is_some());
        for (what, count) in [
            ("kept", said.iter().filter(|a| a.plan_standing() == PlanStanding::Kept).count()),
            ("behind", said.iter().filter(|a| a.plan_standing() == PlanStanding::Behind).count()),
            ("charge", said.iter().filter(charge).count()),
            ("failed", said.iter().filter(failed).count()),
            ("deductible", said.iter().filter(|a| a.has_high_deductible == Some(true)).count()),
            ("no paper", said.iter().filter(|a| a.is_paperless()).count()),
        ] {
            assert!((2..=10).contains(&count), "{what}: {count}");
        }
        let asked = said.iter().filter(|a| a.paperless.is_some()).count();
        assert!(asked > said.iter().filter(|a| a.is_paperless()).count(), "one has no consent");
        assert!(said.len() < 30, "most have none of it");
    }
}

#[test]
fn a_larger_practice_begins_with_the_smaller_one_and_a_seed_repeats_itself() {
    let bytes = |seed, size| {
        let mut bytes = Vec::new();
        write_csv(&SamplePractice { seed, today: TODAY, size }, &mut bytes).unwrap();
        bytes
    };
    let small = bytes(1, Size::Accounts(60));
    assert!(bytes(1, Size::Accounts(90)).starts_with(&small));
    assert_eq!(bytes(1, Size::Accounts(60)), small);
    assert_ne!(bytes(2, Size::Accounts(60)), small);
    assert_eq!(bytes(1, Size::Accounts(0)).iter().filter(|b| **b == b'\n').count(), 1);
}
