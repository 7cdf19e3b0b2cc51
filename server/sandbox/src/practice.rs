//! The sample practice: a book of invented people, written as Clearbill's own CSV.
//!
//! The same seed, day and size write the same bytes. The first accounts are the cast, who are the
//! same under every seed, so that demos, tests and screenshots can speak of Maria Lopez; the others
//! are drawn one by one from the seed and their number, so that a larger book begins with the smaller
//! one and a million charge lines need no more memory than one account.
//!
//! Nobody here can be reached by accident: emails end in `example.org`, and phones are in exchange
//! 555, in the range reserved for fiction as long as it lasts (`01xx`, a hundred an area).

use std::io::{self, Write};

use jiff::civil::Date;

mod account;
pub mod cast;
mod names;

pub use cast::{CAST, CastMember};

/// How many accounts a demo has unless told otherwise.
pub const DEFAULT_ACCOUNTS: u32 = 60;

/// Where to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Guarantors. Less than the cast is the beginning of the cast.
    Accounts(u32),
    /// Charge lines, for benchmarks; exactly as many.
    Lines(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SamplePractice {
    pub seed: u64,
    /// The business day. Nothing in the book is later.
    pub today: Date,
    pub size: Size,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    pub accounts: u64,
    pub patients: u64,
    pub claims: u64,
    pub lines: u64,
}

/// Writes the book, header first.
pub fn write_csv(practice: &SamplePractice, out: &mut dyn Write) -> io::Result<Written> {
    let mut book =
        Book { out, today: practice.today, most_lines: None, written: Written::default() };
    let accounts = match practice.size {
        Size::Accounts(accounts) => u64::from(accounts),
        Size::Lines(lines) => {
            book.most_lines = Some(lines);
            u64::MAX
        }
    };
    book.header()?;
    for number in 0..accounts {
        if book.is_full() {
            break;
        }
        match usize::try_from(number).ok().and_then(|at| CAST.get(at)) {
            Some(member) => cast::write(member, &mut book)?,
            None => account::write(practice.seed, number, &mut book)?,
        }
    }
    book.out.flush()?;
    Ok(book.written)
}

/// The columns of the format, in the order in which [`Book::line`] writes them.
const HEADER: &str = "guarantor_id,guarantor_name,guarantor_dob,guarantor_ssn4,address,city,state,\
zip,language,phone,phone_text_consent,phone_consent_on,phone_consent_source,phone_call_opt_in,email,\
preferred,payment_plan,plan_amount,plan_next_on,autopay,card_last4,charge_amount,charge_on,\
failed_autopay_on,high_deductible,paperless,paperless_consent_on,patient_id,patient_name,patient_dob,patient_deceased_on,encounter_id,claim_id,\
claim_status,line_id,service_on,place,description,charged,insurance_paid,adjusted,patient_paid,\
patient_due,insurance_state,due_since_on,first_statement_on,due_on,posted_payment_ref,\
returned_check,visit_completed";

/// The columns of a guarantor, ready to be repeated on each line: that is how practices export.
struct Person {
    id: String,
    name: String,
    dob: String,
    ssn4: String,
    address: String,
    city: &'static str,
    state: &'static str,
    zip: &'static str,
    language: &'static str,
    phone: String,
    /// Consent, day, source, call opt-in.
    consent: [String; 4],
    email: String,
    preferred: &'static str,
    agreed: Agreed,
    /// Without a guarantor of their own the patient stands alone.
    is_guarantor: bool,
}

/// What a guarantor agreed to about paying; empty cells say nothing.
#[derive(Default)]
struct Agreed {
    plan: &'static str,
    installment: Option<(i64, Date)>,
    autopay: &'static str,
    card: &'static str,
    charge: Option<(i64, Date)>,
    failed_on: Option<Date>,
    high_deductible: &'static str,
    paperless: &'static str,
    paperless_on: Option<Date>,
}

impl Agreed {
    /// In the order of the header.
    fn cells(&self) -> [String; 11] {
        let amount = |said: Option<(i64, Date)>| said.map(|(cents, _)| dollars(cents));
        let day = |day: Option<Date>| day.map(|day| day.to_string()).unwrap_or_default();
        [
            self.plan.to_owned(),
            amount(self.installment).unwrap_or_default(),
            day(self.installment.map(|(_, on)| on)),
            self.autopay.to_owned(),
            self.card.to_owned(),
            amount(self.charge).unwrap_or_default(),
            day(self.charge.map(|(_, on)| on)),
            day(self.failed_on),
            self.high_deductible.to_owned(),
            self.paperless.to_owned(),
            day(self.paperless_on),
        ]
    }
}

struct PatientOf {
    id: String,
    name: String,
    dob: String,
    deceased_on: String,
}

/// Days are counted back from today.
#[derive(Clone, Copy, Debug)]
struct Visit {
    status: &'static str,
    insurance: &'static str,
    place: &'static str,
    days_ago: u16,
    due_since: Option<u16>,
    first_statement: Option<u16>,
    returned_check: Option<u16>,
}

/// In cents; charged is the sum of the others.
#[derive(Clone, Copy, Debug)]
pub struct Charge {
    pub description: &'static str,
    pub insurance_paid: i64,
    pub adjusted: i64,
    pub patient_paid: i64,
    pub due: i64,
}

struct Book<'o> {
    out: &'o mut dyn Write,
    today: Date,
    most_lines: Option<u64>,
    written: Written,
}

impl Book<'_> {
    fn is_full(&self) -> bool {
        self.most_lines.is_some_and(|most| self.written.lines >= most)
    }

    fn header(&mut self) -> io::Result<()> {
        writeln!(self.out, "{HEADER}")
    }

    fn days_ago(&self, days: u16) -> Date {
        self.today.saturating_sub(jiff::Span::new().days(i64::from(days)))
    }

    fn day(&self, days_ago: Option<u16>) -> String {
        days_ago.map(|days| self.days_ago(days).to_string()).unwrap_or_default()
    }

    /// One claim, with a number that is unique to the patient.
    fn claim(
        &mut self,
        person: &Person,
        patient: &PatientOf,
        number: usize,
        visit: &Visit,
        charges: &[Charge],
    ) -> io::Result<()> {
        self.written.claims += 1;
        for (at, charge) in charges.iter().enumerate() {
            if self.is_full() {
                break;
            }
            self.line(person, patient, (number, at + 1), visit, charge)?;
            self.written.lines += 1;
        }
        Ok(())
    }

    fn line(
        &mut self,
        person: &Person,
        patient: &PatientOf,
        (claim, line): (usize, usize),
        visit: &Visit,
        charge: &Charge,
    ) -> io::Result<()> {
        let own = if person.is_guarantor { (&*person.id, &*person.name) } else { ("", "") };
        for text in [
            own.0,
            own.1,
            &person.dob,
            &person.ssn4,
            &person.address,
            person.city,
            person.state,
            person.zip,
            person.language,
            &person.phone,
            &person.consent[0],
            &person.consent[1],
            &person.consent[2],
            &person.consent[3],
            &person.email,
            person.preferred,
        ] {
            cell(self.out, text)?;
        }
        for text in person.agreed.cells() {
            cell(self.out, &text)?;
        }
        for text in [&*patient.id, &patient.name, &patient.dob, &patient.deceased_on] {
            cell(self.out, text)?;
        }
        let charged = charge.insurance_paid + charge.adjusted + charge.patient_paid + charge.due;
        let service_on = self.days_ago(visit.days_ago);
        write!(
            self.out,
            "E-{0}-{claim},C-{0}-{claim},{1},{line},{service_on},{2},",
            id_part(&patient.id),
            visit.status,
            visit.place,
        )?;
        cell(self.out, charge.description)?;
        let amounts =
            [charged, charge.insurance_paid, charge.adjusted, charge.patient_paid, charge.due];
        for cents in amounts {
            write!(self.out, "{},", dollars(cents))?;
        }
        let due_on = visit
            .first_statement
            .map(|days| self.days_ago(days).saturating_add(jiff::Span::new().days(30)).to_string());
        writeln!(
            self.out,
            "{},{},{},{},,{},{service_on}",
            visit.insurance,
            self.day(visit.due_since),
            self.day(visit.first_statement),
            due_on.unwrap_or_default(),
            self.day(visit.returned_check),
        )
    }
}

/// Patient ids begin with `P-`; what follows numbers their visits.
fn id_part(patient: &str) -> &str {
    patient.strip_prefix("P-").unwrap_or(patient)
}

fn dollars(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100)
}

/// With the comma after it.
fn cell(out: &mut dyn Write, text: &str) -> io::Result<()> {
    if text.contains([',', '"', '\n']) {
        write!(out, "\"{}\",", text.replace('"', "\"\""))
    } else {
        write!(out, "{text},")
    }
}
