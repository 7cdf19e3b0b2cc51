//! Clearbill's own CSV: one charge line a row, with its claim, patient, guarantor and contacts.
//!
//! RFC 4180, UTF-8, a header row, columns in any order. A column we do not know is an error, because
//! a misspelt one would read as "the source does not say". The columns are in `clearbill_csv.md`,
//! which the README and the format page show.
//!
//! People are said when first met and not again while their cells stay the same. Who is said again
//! with other details is refused: two rows that disagree about a person cannot both be right. That
//! memory is bounded, so in a very large ungrouped file somebody may be said twice; saying the same
//! twice changes nothing. Rows of a claim that stand together become one claim; rows apart become
//! pieces of it.

use std::hash::{DefaultHasher, Hasher};

use domain::{
    book::{
        Address, Amounts, Arrangement, BookRow, ChargeLine, Claim, ClaimStatus, Contact, Guarantor,
        InsuranceState, LONGEST_DESCRIPTION, LONGEST_NAME, Language, MOST_LINES_IN_A_PIECE, Owner,
        Patient, PaymentPosted, Preferred, RefusalReason, RowRefusal, TextConsent, is_minor_on,
    },
    money::Cents,
};
use jiff::civil::Date;

use super::{
    Input, Options, Sink, SourceError,
    cells::{Bad, Cells, Read},
    rows::{Columns, Rows, columns},
};

mod arrangement;

/// The columns, as a Markdown table.
pub const FORMAT: &str = include_str!("clearbill_csv.md");

columns! {
    Column {
        PatientId = "patient_id", PatientName = "patient_name", ClaimId = "claim_id",
        ClaimStatus = "claim_status", LineId = "line_id", Service = "service_on",
        Charged = "charged", Due = "patient_due", Insurance = "insurance_state",
        GuarantorId = "guarantor_id", GuarantorName = "guarantor_name",
        GuarantorDob = "guarantor_dob", GuarantorSsn4 = "guarantor_ssn4", Address = "address",
        City = "city", State = "state", Zip = "zip", Language = "language", Phone = "phone",
        Consent = "phone_text_consent", ConsentOn = "phone_consent_on",
        ConsentSource = "phone_consent_source", CallOptIn = "phone_call_opt_in", Email = "email",
        Preferred = "preferred", Plan = "payment_plan", PlanAmount = "plan_amount",
        PlanNext = "plan_next_on", Autopay = "autopay", CardLast4 = "card_last4",
        ChargeAmount = "charge_amount", ChargeOn = "charge_on",
        FailedAutopay = "failed_autopay_on", HighDeductible = "high_deductible",
        Paperless = "paperless", PaperlessConsent = "paperless_consent_on", PatientDob = "patient_dob", PatientDeceased = "patient_deceased_on", Encounter = "encounter_id",
        Place = "place", Description = "description", InsurancePaid = "insurance_paid",
        Adjusted = "adjusted", PatientPaid = "patient_paid", DueSince = "due_since_on",
        FirstStatement = "first_statement_on", DueOn = "due_on", Posted = "posted_payment_ref",
        ReturnedCheck = "returned_check", VisitCompleted = "visit_completed",
    }
}

/// How many of them must be there.
const NEEDS: usize = 9;
/// What a row says of the guarantor, their contacts, and what they agreed to about paying.
const PERSON: std::ops::Range<usize> = Column::GuarantorId as usize..Column::PatientDob as usize;
/// People remembered as said, of each kind: one megabyte.
const REMEMBERED: usize = 1 << 16;

/// As they stand in a header.
pub fn column_names() -> &'static [&'static str] {
    Column::NAMES
}

pub(super) fn read(
    input: &Input,
    options: &Options,
    sink: &mut Sink<'_>,
) -> Result<(), SourceError> {
    input.with_only(|file, stream, size| {
        sink.expect(size);
        let (mut rows, header) = Rows::open(file, stream)?;
        let columns = Columns::find(file, &header, Column::NAMES, NEEDS, true)?;
        let mut book = Book::new(options);
        loop {
            sink.advance(rows.take_consumed());
            let row = rows
                .next()
                .map_err(|cause| SourceError::Unreadable { file: file.to_owned(), cause })?;
            let Some(row) = row else { return book.close_claim(sink) };
            sink.count_row()?;
            if let Some(reason) = row.whole {
                sink.refuse(refusal(row.line, None, reason))?;
                continue;
            }
            let cells = Cells { row: &row, columns: &columns, names: Column::NAMES };
            match book.check(&cells) {
                Ok(checked) => book.accept(row.line, checked, sink)?,
                Err(bad) => book.refuse(&cells, bad, sink)?,
            }
        }
    })
}

fn refusal(line: u64, column: Option<&'static str>, reason: RefusalReason) -> RowRefusal {
    let column = column.map(Into::into);
    RowRefusal { file: "".into(), line, column, reason, ledger_rows: 1 }
}

/// `en`, `es`, or the language's name.
pub(super) fn language(word: &str) -> Option<Language> {
    match word {
        "en" | "en_us" | "english" => Some(Language::English),
        "es" | "es_us" | "spanish" | "español" => Some(Language::Spanish),
        _ => None,
    }
}

/// The codes, and the words of the screens.
fn status(word: &str) -> Option<ClaimStatus> {
    match word {
        "ready_to_send" | "ready_to_send_statements" => Some(ClaimStatus::Ready),
        "paid" => Some(ClaimStatus::Settled),
        code => code.parse().ok(),
    }
}

/// A row in which nothing is wrong.
struct Checked {
    person: Option<Person>,
    patient: Option<(Seen, Patient)>,
    claim: Claim,
    posted: Option<PaymentPosted>,
}

struct Person {
    seen: Seen,
    guarantor: Option<Guarantor>,
    contact: Option<Contact>,
    arrangement: Option<Arrangement>,
}

/// Who, and what was said of them, as hashes.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Seen {
    id: u64,
    details: u64,
}

/// Remembers the last ones said, in a table that forgets rather than grows.
struct Recent(Vec<Seen>);

impl Recent {
    fn new() -> Self {
        Self(vec![Seen::default(); REMEMBERED])
    }

    fn slot(&mut self, id: u64) -> &mut Seen {
        let slot = id as usize % self.0.len();
        &mut self.0[slot]
    }

    /// `Some(true)`: said, and the same. `Some(false)`: said, and different.
    fn knows(&mut self, seen: Seen) -> Option<bool> {
        let known = *self.slot(seen.id);
        (known.id == seen.id).then_some(known.details == seen.details)
    }

    fn remember(&mut self, seen: Seen) {
        *self.slot(seen.id) = seen;
    }
}

/// What is open while a file is read.
struct Book<'o> {
    options: &'o Options,
    people: Recent,
    patients: Recent,
    claim: Option<Claim>,
    /// A claim of which the last row was refused.
    refused_claim: Option<String>,
}

impl<'o> Book<'o> {
    fn new(options: &'o Options) -> Self {
        let (people, patients) = (Recent::new(), Recent::new());
        Self { options, people, patients, claim: None, refused_claim: None }
    }

    fn check(&mut self, cells: &Cells<'_>) -> Read<Checked> {
        let guarantor_id = cells.id(Column::GuarantorId)?;
        let patient_id = cells.need(Column::PatientId, cells.id(Column::PatientId))?;
        let person = self.check_person(cells, guarantor_id, patient_id)?;
        let patient = self.check_patient(cells, guarantor_id, patient_id)?;
        let claim = self.claim_of_row(cells, guarantor_id, patient_id)?;
        if let Some(open) = self.claim.as_ref().filter(|open| open.external_id == claim.external_id)
        {
            agree(cells, open, &claim)?;
        }
        let posted = cells.id(Column::Posted)?.map(|payment_ref| PaymentPosted {
            payment_ref: payment_ref.to_owned(),
            claim_external_id: claim.external_id.clone(),
        });
        Ok(Checked { person, patient, claim, posted })
    }

    /// `None` when the same was said before.
    fn check_person(
        &mut self,
        cells: &Cells<'_>,
        guarantor_id: Option<&str>,
        patient_id: &str,
    ) -> Read<Option<Person>> {
        // A patient's own contacts must not be mistaken for those of a guarantor with the same id.
        let mut id = DefaultHasher::new();
        id.write_u8(u8::from(guarantor_id.is_some()));
        id.write(guarantor_id.unwrap_or(patient_id).as_bytes());
        let mut details = DefaultHasher::new();
        PERSON.for_each(|column| write_cell(&mut details, cells.raw(column)));
        let seen = Seen { id: id.finish(), details: details.finish() };
        match self.people.knows(seen) {
            Some(true) => return Ok(None),
            Some(false) => {
                let column =
                    if guarantor_id.is_some() { Column::GuarantorId } else { Column::PatientId };
                return Err(cells.bad(column, RefusalReason::SaidDifferently));
            }
            None => {}
        }
        let guarantor = match guarantor_id {
            Some(id) => Some(self.guarantor(cells, id)?),
            None if !cells.is_blank(Column::GuarantorName) => {
                return Err(cells.bad(Column::GuarantorId, RefusalReason::Missing));
            }
            None => None,
        };
        let owner = match guarantor_id {
            Some(id) => Owner::Guarantor(id.to_owned()),
            None => Owner::GuarantorOfPatient(patient_id.to_owned()),
        };
        let arrangement = arrangement::read(cells, owner.clone(), self.options)?;
        let contact = self.contact(cells, owner)?;
        Ok(Some(Person { seen, guarantor, contact, arrangement }))
    }

    fn guarantor(&self, cells: &Cells<'_>, id: &str) -> Read<Guarantor> {
        let name = cells.words(Column::GuarantorName, LONGEST_NAME);
        let dob = cells.past_day(Column::GuarantorDob, self.options.as_of)?;
        Ok(Guarantor {
            external_id: id.to_owned(),
            name: cells.need(Column::GuarantorName, name)?,
            dob,
            ssn4: cells.ssn4(Column::GuarantorSsn4)?,
            address: address(cells)?,
            language: cells.choice(Column::Language, language)?,
            is_minor: dob.is_some_and(|dob| is_minor_on(dob, self.options.as_of)),
        })
    }

    fn contact(&self, cells: &Cells<'_>, owner: Owner) -> Read<Option<Contact>> {
        let phone = cells.phone(Column::Phone)?;
        let email = cells.email(Column::Email)?;
        let granted = cells.yes(Column::Consent)?;
        if granted.is_some() && phone.is_none() {
            return Err(cells.bad(Column::Consent, RefusalReason::ConsentWithoutPhone));
        }
        let call_opt_in = cells.yes(Column::CallOptIn)?;
        if call_opt_in.is_some() && phone.is_none() {
            return Err(cells.bad(Column::CallOptIn, RefusalReason::ConsentWithoutPhone));
        }
        let on = cells.past_day(Column::ConsentOn, self.options.today)?;
        let source = cells.words(Column::ConsentSource, LONGEST_NAME)?;
        let text_consent = granted.map(|is_granted| TextConsent { is_granted, on, source });
        let preferred: Option<Preferred> =
            cells.choice(Column::Preferred, |word| word.parse().ok())?;
        if phone.is_none() && email.is_none() && preferred.is_none() {
            return Ok(None);
        }
        Ok(Some(Contact { owner, phone, email, text_consent, call_opt_in, preferred }))
    }

    /// `None` when the same was said before.
    fn check_patient(
        &mut self,
        cells: &Cells<'_>,
        guarantor_id: Option<&str>,
        patient_id: &str,
    ) -> Read<Option<(Seen, Patient)>> {
        let mut id = DefaultHasher::new();
        id.write(patient_id.as_bytes());
        let mut details = DefaultHasher::new();
        for column in
            [Column::PatientName, Column::PatientDob, Column::PatientDeceased, Column::GuarantorId]
        {
            write_cell(&mut details, cells.raw(column));
        }
        if guarantor_id.is_none() {
            PERSON.for_each(|column| write_cell(&mut details, cells.raw(column)));
        }
        let seen = Seen { id: id.finish(), details: details.finish() };
        match self.patients.knows(seen) {
            Some(true) => Ok(None),
            Some(false) => Err(cells.bad(Column::PatientId, RefusalReason::SaidDifferently)),
            None => self.patient(cells, guarantor_id, patient_id).map(|said| Some((seen, said))),
        }
    }

    fn patient(&self, cells: &Cells<'_>, guarantor: Option<&str>, id: &str) -> Read<Patient> {
        let as_of = self.options.as_of;
        let name = cells.words(Column::PatientName, LONGEST_NAME);
        let own_dob = cells.past_day(Column::PatientDob, as_of)?;
        // Without a guarantor the guarantor's cells are the patient's own.
        let is_own = guarantor.is_none();
        let dob = match own_dob {
            None if is_own => cells.past_day(Column::GuarantorDob, as_of)?,
            dob => dob,
        };
        let died = cells.past_day(Column::PatientDeceased, as_of)?;
        if died.is_some() && died < dob {
            return Err(cells.bad(Column::PatientDeceased, RefusalReason::DatesOutOfOrder));
        }
        Ok(Patient {
            external_id: id.to_owned(),
            guarantor_external_id: guarantor.map(str::to_owned),
            name: cells.need(Column::PatientName, name)?,
            dob,
            ssn4: if is_own { cells.ssn4(Column::GuarantorSsn4)? } else { None },
            address: if is_own { address(cells)? } else { Address::default() },
            language: if is_own { cells.choice(Column::Language, language)? } else { None },
            deceased_on: died,
            is_minor: dob.is_some_and(|dob| is_minor_on(dob, as_of)),
        })
    }

    /// The row as a claim of one line.
    fn claim_of_row(
        &self,
        cells: &Cells<'_>,
        guarantor_id: Option<&str>,
        patient_id: &str,
    ) -> Read<Claim> {
        let as_of = self.options.as_of;
        let zero = |amount: Option<Cents>| amount.unwrap_or_default();
        let service_on = cells.need(Column::Service, cells.past_day(Column::Service, as_of))?;
        let amounts = Amounts {
            charged: cells.need(Column::Charged, cells.cents(Column::Charged))?,
            insurance_paid: zero(cells.cents(Column::InsurancePaid)?),
            adjusted: zero(cells.cents(Column::Adjusted)?),
            patient_paid: zero(cells.cents(Column::PatientPaid)?),
            due: cells.need(Column::Due, cells.cents(Column::Due))?,
        };
        let first_statement_on = cells.past_day(Column::FirstStatement, as_of)?;
        let due_since_on = cells.past_day(Column::DueSince, as_of)?;
        let insurance: Read<Option<InsuranceState>> =
            cells.choice(Column::Insurance, |word| word.parse().ok());
        let description = cells.words(Column::Description, LONGEST_DESCRIPTION)?;
        let line = ChargeLine {
            external_id: cells.need(Column::LineId, cells.id(Column::LineId))?.to_owned(),
            line: cells.row.line,
            ledger_rows: 1,
            service_on,
            description: description.clone(),
            amounts,
        };
        Ok(Claim {
            external_id: cells.need(Column::ClaimId, cells.id(Column::ClaimId))?.to_owned(),
            encounter_external_id: cells.id(Column::Encounter)?.map(str::to_owned),
            patient_external_id: patient_id.to_owned(),
            guarantor_external_id: guarantor_id.map(str::to_owned),
            status: cells.need(Column::ClaimStatus, cells.choice(Column::ClaimStatus, status))?,
            insurance: cells.need(Column::Insurance, insurance)?,
            service_on,
            place: cells.words(Column::Place, LONGEST_NAME)?,
            description,
            // Else the first statement, else the visit: never the day of the import (D-13).
            due_since_on: amounts
                .due
                .is_positive()
                .then(|| due_since_on.or(first_statement_on).unwrap_or(service_on)),
            first_statement_on,
            due_on: cells.day(Column::DueOn)?,
            returned_check_on: day_or_yes(cells, Column::ReturnedCheck, as_of, service_on)?,
            visit_completed_on: day_or_yes(cells, Column::VisitCompleted, as_of, service_on)?,
            lines: vec![line],
            has_refused_lines: false,
        })
    }

    fn accept(
        &mut self,
        line: u64,
        checked: Checked,
        sink: &mut Sink<'_>,
    ) -> Result<(), SourceError> {
        let is_same = |open: &Claim| {
            open.external_id == checked.claim.external_id
                && open.lines.len() < MOST_LINES_IN_A_PIECE
        };
        if !self.claim.as_ref().is_some_and(is_same) {
            self.close_claim(sink)?;
        }
        if let Some(Person { seen, guarantor, contact, arrangement }) = checked.person {
            self.people.remember(seen);
            if let Some(guarantor) = guarantor {
                sink.say(line, BookRow::Guarantor(guarantor))?;
            }
            if let Some((seen, patient)) = checked.patient {
                self.patients.remember(seen);
                sink.say(line, BookRow::Patient(patient))?;
            }
            // After the patient, whose guarantor it may be.
            if let Some(contact) = contact {
                sink.say(line, BookRow::Contact(contact))?;
            }
            if let Some(arrangement) = arrangement {
                sink.say(line, BookRow::Arrangement(arrangement))?;
            }
        } else if let Some((seen, patient)) = checked.patient {
            self.patients.remember(seen);
            sink.say(line, BookRow::Patient(patient))?;
        }
        if let Some(posted) = checked.posted {
            sink.say(line, BookRow::PaymentPosted(posted))?;
        }
        match &mut self.claim {
            Some(open) => merge(open, checked.claim),
            none => {
                let claim = none.insert(checked.claim);
                claim.has_refused_lines =
                    self.refused_claim.take().is_some_and(|id| id == claim.external_id);
            }
        }
        Ok(())
    }

    fn refuse(
        &mut self,
        cells: &Cells<'_>,
        bad: Bad,
        sink: &mut Sink<'_>,
    ) -> Result<(), SourceError> {
        if let Ok(Some(id)) = cells.id(Column::ClaimId) {
            match &mut self.claim {
                Some(open) if open.external_id == id => open.has_refused_lines = true,
                _ => self.refused_claim = Some(id.to_owned()),
            }
        }
        sink.refuse(refusal(cells.row.line, Some(bad.column), bad.reason))
    }

    fn close_claim(&mut self, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        let Some(claim) = self.claim.take() else { return Ok(()) };
        let Some(first) = claim.lines.first().map(|line| line.line) else { return Ok(()) };
        if claim.status == ClaimStatus::Settled && claim.totals().due.is_positive() {
            for line in &claim.lines {
                let column = Column::NAMES[Column::ClaimStatus as usize];
                sink.refuse(refusal(line.line, Some(column), RefusalReason::SettledButOwing))?;
            }
            return Ok(());
        }
        sink.say(first, BookRow::Claim(claim))
    }
}

/// A cell and where it ends, so that `ab,c` and `a,bc` differ.
fn write_cell(hasher: &mut DefaultHasher, cell: &[u8]) {
    hasher.write(cell);
    hasher.write_u8(0);
}

fn address(cells: &Cells<'_>) -> Read<Address> {
    Ok(Address {
        street: cells.words(Column::Address, LONGEST_NAME)?,
        city: cells.words(Column::City, LONGEST_NAME)?,
        state: cells.state(Column::State)?,
        zip: cells.zip(Column::Zip)?,
    })
}

/// A day; or `yes`, which is the day of the visit; or `no`.
fn day_or_yes(
    cells: &Cells<'_>,
    column: Column,
    latest: Date,
    visit_on: Date,
) -> Read<Option<Date>> {
    let Some(text) = cells.text(column)? else { return Ok(None) };
    if text.starts_with(|c: char| c.is_ascii_digit()) && text.len() >= 8 {
        return cells.past_day(column, latest);
    }
    Ok(cells.yes(column)?.unwrap_or_default().then_some(visit_on))
}

/// Whether a row may join the claim that is open.
fn agree(cells: &Cells<'_>, open: &Claim, row: &Claim) -> Read<()> {
    let differs = |column| Err(cells.bad(column, RefusalReason::ClaimDisagrees));
    if open.patient_external_id != row.patient_external_id {
        return differs(Column::PatientId);
    }
    if open.guarantor_external_id != row.guarantor_external_id {
        return differs(Column::GuarantorId);
    }
    if open.encounter_external_id != row.encounter_external_id {
        return differs(Column::Encounter);
    }
    if open.status != row.status {
        return differs(Column::ClaimStatus);
    }
    let is_twice =
        |line: &ChargeLine| row.lines.iter().any(|new| new.external_id == line.external_id);
    if open.lines.iter().any(is_twice) {
        return Err(cells.bad(Column::LineId, RefusalReason::SaidTwice));
    }
    Ok(())
}

/// A claim is as old as its oldest line, and pending while any line is.
fn merge(open: &mut Claim, row: Claim) {
    let earlier = |a: Option<Date>, b: Option<Date>| match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    open.service_on = open.service_on.min(row.service_on);
    open.due_since_on = earlier(open.due_since_on, row.due_since_on);
    open.first_statement_on = earlier(open.first_statement_on, row.first_statement_on);
    open.due_on = earlier(open.due_on, row.due_on);
    open.returned_check_on = open.returned_check_on.max(row.returned_check_on);
    open.visit_completed_on = open.visit_completed_on.max(row.visit_completed_on);
    if row.insurance == InsuranceState::Pending {
        open.insurance = InsuranceState::Pending;
    }
    open.place = open.place.take().or(row.place);
    open.description = open.description.take().or(row.description);
    open.lines.extend(row.lines);
}
