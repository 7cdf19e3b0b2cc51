//! Synthea's CSV export: patients, encounters, claims and their ledger.
//!
//! Balances follow from replaying `claims_transactions.csv`, claim by claim in CHARGEID order. The
//! OUTSTANDING and STATUS columns of `claims.csv` are never read: the generator itself calls them a
//! TODO, and they contradict the ledger. Columns are found by name in any order, and columns we do
//! not know are passed over, because versions of the generator add them.
//!
//! In Synthea everybody pays at once. To have a book with balances, what patients paid after the
//! visit is left out on claims younger than `open_days`; copays, paid at the visit, stay.
//!
//! The four files are joined by sorting, because a claim's rows are not always together. A patient
//! or visit that is refused takes its claims along, each row with its own line in the report; a
//! claim of which one row is refused is refused whole, because a ledger with a hole has no balance.

use std::{
    collections::{HashSet, hash_map::DefaultHasher},
    hash::{BuildHasherDefault, Hasher},
};

use domain::book::{
    Address, BookRow, LONGEST_DESCRIPTION, LONGEST_NAME, Patient, RefusalReason, RowRefusal,
    is_minor_on,
};
use jiff::civil::Date;

use super::{
    Input, Options, Sink, SourceError,
    cells::{Bad, Cells, Read, state_code},
    rows::{Columns, Row, Rows, columns},
    sort::Sorter,
};
use record::{ClaimRecord, TransactionRecord};

mod ledger;
mod record;

const PATIENTS: &str = "patients.csv";
const ENCOUNTERS: &str = "encounters.csv";
const CLAIMS: &str = "claims.csv";
pub const TRANSACTIONS: &str = "claims_transactions.csv";

columns! {
    PatientColumn {
        Id = "Id", Birth = "BIRTHDATE", First = "FIRST", Last = "LAST",
        Death = "DEATHDATE", Ssn = "SSN", Middle = "MIDDLE", Suffix = "SUFFIX",
        Street = "ADDRESS", City = "CITY", State = "STATE", Zip = "ZIP",
    }
    EncounterColumn {
        Id = "Id", Stop = "STOP", Class = "ENCOUNTERCLASS", Description = "DESCRIPTION",
    }
    ClaimColumn {
        Id = "Id", Patient = "PATIENTID", Encounter = "APPOINTMENTID", Service = "SERVICEDATE",
    }
    TransactionColumn {
        Id = "ID", Claim = "CLAIMID", Charge = "CHARGEID", Patient = "PATIENTID", Type = "TYPE",
        Amount = "AMOUNT", Method = "METHOD", From = "FROMDATE", TransferType = "TRANSFERTYPE",
        Payments = "PAYMENTS",
        Adjustments = "ADJUSTMENTS", Transfers = "TRANSFERS", Notes = "NOTES",
    }
}

/// How many columns of each enum above must be there.
const PATIENT_NEEDS: usize = 4;
const ENCOUNTER_NEEDS: usize = 1;
const CLAIM_NEEDS: usize = 4;
const TRANSACTION_NEEDS: usize = 10;

/// Hashes of the patients accepted: eight bytes each, whatever the ids look like. Two ids with one
/// hash would let a claim through to the stage, which looks at the ids themselves.
type Known = HashSet<u64, BuildHasherDefault<DefaultHasher>>;

fn hash(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(id.as_bytes());
    hasher.finish()
}

pub(super) fn read(
    input: &Input,
    options: &Options,
    sink: &mut Sink<'_>,
) -> Result<(), SourceError> {
    let mut ledger_bytes = 0;
    for file in [PATIENTS, ENCOUNTERS, CLAIMS, TRANSACTIONS] {
        let bytes = input.size(file)?;
        sink.expect(bytes);
        ledger_bytes = bytes;
    }
    // Replaying counts as reading the ledger once more.
    sink.expect(ledger_bytes);

    let patients = read_patients(input, options, sink)?;
    let mut ledger = Sorter::new(&options.scratch);
    read_visits(input, options, sink, &patients, &mut ledger)?;
    let before = sink.tally().rows;
    read_transactions(input, sink, &mut ledger)?;
    let rows = sink.tally().rows - before;
    ledger::replay(ledger, options, sink, ledger_bytes / rows.max(1))
}

/// Reads one of the files row by row. `each` refuses with [`Bad`]; this adds where.
fn for_each_row(
    input: &Input,
    file: &'static str,
    known: (&'static [&'static str], usize),
    sink: &mut Sink<'_>,
    mut each: impl FnMut(Cells<'_>, &mut Sink<'_>) -> Result<Read<()>, SourceError>,
) -> Result<(), SourceError> {
    let (names, required) = known;
    let is_ledger = file == TRANSACTIONS;
    input.with(file, |stream, _| {
        let (mut rows, header) = Rows::open(file, stream)?;
        let columns = Columns::find(file, &header, names, required, false)?;
        loop {
            let consumed = rows.take_consumed();
            sink.advance(consumed);
            let row = rows.next().map_err(|cause| unreadable(file, cause))?;
            let Some(row) = row else { return Ok(()) };
            if is_ledger {
                sink.count_row()?;
            }
            let read = match row.whole {
                Some(reason) => {
                    sink.refuse(refusal(file, &row, None, reason))?;
                    continue;
                }
                None => each(Cells { row: &row, columns: &columns, names }, sink)?,
            };
            if let Err(Bad { column, reason }) = read {
                sink.refuse(refusal(file, &row, Some(column), reason))?;
            }
        }
    })
}

fn unreadable(file: &str, cause: std::io::Error) -> SourceError {
    SourceError::Unreadable { file: file.to_owned(), cause }
}

fn refusal(
    file: &'static str,
    row: &Row<'_>,
    column: Option<&'static str>,
    reason: RefusalReason,
) -> RowRefusal {
    refusal_at(file, row.line, column, reason)
}

fn refusal_at(
    file: &'static str,
    line: u64,
    column: Option<&'static str>,
    reason: RefusalReason,
) -> RowRefusal {
    RowRefusal {
        file: file.into(),
        line,
        column: column.map(Into::into),
        reason,
        ledger_rows: u32::from(file == TRANSACTIONS),
    }
}

fn read_patients(
    input: &Input,
    options: &Options,
    sink: &mut Sink<'_>,
) -> Result<Known, SourceError> {
    let mut known = Known::default();
    let columns = (PatientColumn::NAMES, PATIENT_NEEDS);
    for_each_row(input, PATIENTS, columns, sink, |cells, sink| {
        let patient = match patient(&cells, options.as_of) {
            Ok(patient) => patient,
            Err(bad) => return Ok(Err(bad)),
        };
        if !known.insert(hash(&patient.external_id)) {
            return Ok(Err(cells.bad(PatientColumn::Id, RefusalReason::SaidTwice)));
        }
        sink.say(cells.row.line, BookRow::Patient(patient))?;
        Ok(Ok(()))
    })?;
    Ok(known)
}

fn patient(cells: &Cells<'_>, as_of: Date) -> Read<Patient> {
    use PatientColumn::*;
    let external_id = cells.need(Id, cells.id(Id))?.to_owned();
    let born = cells.need(Birth, cells.past_day(Birth, as_of))?;
    let died = cells.day(Death)?;
    if died.is_some_and(|died| died < born) {
        return Err(cells.bad(Death, RefusalReason::DatesOutOfOrder));
    }
    let mut name = String::new();
    for part in [First, Middle, Last, Suffix] {
        if let Some(part) = cells.words(part, LONGEST_NAME)? {
            if !name.is_empty() {
                name.push(' ');
            }
            name.push_str(&part);
        }
    }
    if name.is_empty() {
        return Err(cells.bad(Last, RefusalReason::Missing));
    }
    if name.len() > LONGEST_NAME {
        return Err(cells.bad(Last, RefusalReason::TooLong));
    }
    Ok(Patient {
        external_id,
        // Synthea knows no guarantors.
        guarantor_external_id: None,
        name,
        dob: Some(born),
        ssn4: cells.ssn4(Ssn)?,
        address: Address {
            street: cells.cut(Street, LONGEST_NAME)?,
            city: cells.cut(City, LONGEST_NAME)?,
            // Elsewhere in the world the generator writes other words; unknown is not wrong.
            state: cells.text(State)?.and_then(state_code).map(str::to_owned),
            zip: cells.zip(Zip).unwrap_or(None),
        },
        language: None,
        deceased_on: died.filter(|died| *died <= as_of),
        is_minor: is_minor_on(born, as_of),
    })
}

/// Joins claims with their encounters and puts them in front of their transactions.
fn read_visits(
    input: &Input,
    options: &Options,
    sink: &mut Sink<'_>,
    patients: &Known,
    ledger: &mut Sorter,
) -> Result<(), SourceError> {
    let mut visits = Sorter::new(&options.scratch);
    let columns = (EncounterColumn::NAMES, ENCOUNTER_NEEDS);
    for_each_row(input, ENCOUNTERS, columns, sink, |cells, _| {
        match encounter(&cells, options.as_of) {
            Ok(record) => visits.push(&record).map_err(SourceError::Scratch).map(Ok),
            Err(bad) => Ok(Err(bad)),
        }
    })?;
    let columns = (ClaimColumn::NAMES, CLAIM_NEEDS);
    for_each_row(input, CLAIMS, columns, sink, |cells, _| match claim(&cells, patients) {
        Ok(record) => visits.push(&record).map_err(SourceError::Scratch).map(Ok),
        Err(bad) => Ok(Err(bad)),
    })?;
    record::join_visits(visits, ledger, |line| {
        sink.refuse(refusal_at(ENCOUNTERS, line, Some("Id"), RefusalReason::SaidTwice))
    })
}

fn encounter(cells: &Cells<'_>, as_of: Date) -> Read<Vec<u8>> {
    use EncounterColumn::*;
    let id = cells.need(Id, cells.id(Id))?;
    // Still running, or ending after the day we look at: not completed.
    let stopped = cells.day(Stop)?.filter(|day| *day <= as_of);
    let class = cells.cut(Class, LONGEST_NAME)?;
    let description = cells.cut(Description, LONGEST_DESCRIPTION)?;
    Ok(record::encounter(id, cells.row.line, stopped, class.as_deref(), description.as_deref()))
}

fn claim(cells: &Cells<'_>, patients: &Known) -> Read<Vec<u8>> {
    use ClaimColumn::*;
    let id = cells.need(Id, cells.id(Id))?;
    let patient = cells.need(Patient, cells.id(Patient))?;
    let service_on = cells.need(Service, cells.day(Service))?;
    let encounter = cells.id(Encounter)?;
    if !patients.contains(&hash(patient)) {
        return Err(cells.bad(Patient, RefusalReason::UnknownPatient));
    }
    let line = cells.row.line;
    Ok(ClaimRecord::of(id, line, patient, encounter, service_on).encode_for_visits())
}

fn read_transactions(
    input: &Input,
    sink: &mut Sink<'_>,
    ledger: &mut Sorter,
) -> Result<(), SourceError> {
    let columns = (TransactionColumn::NAMES, TRANSACTION_NEEDS);
    for_each_row(input, TRANSACTIONS, columns, sink, |cells, _| {
        let claim = match cells.need(TransactionColumn::Claim, cells.id(TransactionColumn::Claim)) {
            Ok(claim) => claim,
            Err(bad) => return Ok(Err(bad)),
        };
        let (record, refused) = match TransactionRecord::read(&cells) {
            Ok(record) => (record.encode(claim), Ok(())),
            // The claim must know that a row of its is missing.
            Err(bad) => (record::hole(claim, cells.row.line), Err(bad)),
        };
        ledger.push(&record).map_err(SourceError::Scratch)?;
        Ok(refused)
    })
}
