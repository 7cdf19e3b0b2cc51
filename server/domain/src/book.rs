//! What a practice's system says: who owes, for whom, for what, and how they may be reached.
//!
//! The neutral form between a source (a file, later an API) and our own book. Everything is typed
//! and already checked on its own; keys are the source's external ids. A row says, it does not
//! decide: `None` means "the source does not say" and never "delete", a claim missing from a full
//! file is not a zero (D-12), and amounts are the practice's own, never recomputed (D-7).
//!
//! A claim comes with its lines. When a file is not grouped by claim, a claim comes in several
//! pieces with the same external id and different lines; its totals are those of all its lines,
//! which is why no total is said anywhere and [`Claim::totals`] speaks of one piece only.

use std::{
    fmt,
    iter::Sum,
    ops::{Add, AddAssign},
    str::FromStr,
};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{
    arrangement,
    money::Cents,
    phone::{E164, Email},
};

mod identity;
mod refusal;

pub use identity::{Ssn4, Zip};
pub use refusal::{RefusalReason, RowRefusal};

/// No external id is longer. Sources use UUIDs and counters.
pub const LONGEST_ID: usize = 100;
/// No name, address line or place is longer.
pub const LONGEST_NAME: usize = 200;
/// No description is longer.
pub const LONGEST_DESCRIPTION: usize = 500;
/// Below this age nobody is addressed about money (D-3).
pub const ADULT_AT: i16 = 18;
/// A claim with more lines than this comes in pieces, so that one claim cannot fill the memory.
pub const MOST_LINES_IN_A_PIECE: usize = 500;

/// Which system the ids belong to. Rows of one source never touch rows of another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Source(String);

impl Source {
    /// A short key: lower-case letters, digits and hyphens, 40 at most.
    pub fn new(text: &str) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let well_formed = !text.is_empty() && text.len() <= 40 && text.bytes().all(plain);
        well_formed.then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is none of the codes of the wanted kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a code of this kind")]
pub struct UnknownCode;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident { $($(#[$each:meta])* $variant:ident = $code:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$each])* #[serde(rename = $code)] $variant,)* }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code in files and in the database. Never changes.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }
        }

        impl FromStr for $name {
            type Err = UnknownCode;
            fn from_str(text: &str) -> Result<Self, UnknownCode> {
                match text { $($code => Ok(Self::$variant),)* _ => Err(UnknownCode) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )*};
}

codes! {
    /// What a file claims to be (D-12).
    Mode {
        /// The whole book of the source. What is missing is marked, not zeroed.
        Full = "full",
        /// Only what changed.
        Delta = "delta",
    }

    /// Where a claim stands (D-9).
    ClaimStatus {
        /// Ready to send statements.
        Ready = "ready",
        /// A statement went out and was marked so.
        PendingPatient = "pending_patient",
        /// An insurer has not decided: never a patient's debt yet (D-8).
        InsurancePending = "insurance_pending",
        /// Nothing left to pay.
        Settled = "settled",
        /// Placed with an agency: shown, not payable (D-51).
        Collections = "collections",
    }

    /// What insurers still have to say.
    InsuranceState {
        Pending = "pending",
        Finished = "finished",
        /// There is no insurer.
        SelfPay = "self_pay",
    }

    /// What a person reads.
    Language {
        English = "en",
        Spanish = "es",
    }

    /// How a guarantor wants to hear.
    Preferred {
        Text = "text",
        Email = "email",
        Both = "both",
    }
}

/// One thing a source says, with the line it stands on (of the file named by the reader).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    pub line: u64,
    pub row: BookRow,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum BookRow {
    Guarantor(Guarantor),
    Patient(Patient),
    Contact(Contact),
    Arrangement(Arrangement),
    Responsible(Responsible),
    Claim(Claim),
    PaymentPosted(PaymentPosted),
}

impl BookRow {
    /// The kind in the staging table.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Guarantor(_) => "guarantor",
            Self::Patient(_) => "patient",
            Self::Contact(_) => "contact",
            Self::Arrangement(_) => "arrangement",
            Self::Responsible(_) => "responsible",
            Self::Claim(_) => "claim",
            Self::PaymentPosted(_) => "payment_posted",
        }
    }

    /// The external id that this row is about.
    pub fn key(&self) -> &str {
        match self {
            Self::Guarantor(said) => &said.external_id,
            Self::Patient(said) => &said.external_id,
            Self::Contact(said) => said.owner.external_id(),
            Self::Arrangement(said) => said.owner.external_id(),
            Self::Responsible(said) => &said.patient_external_id,
            Self::Claim(said) => &said.external_id,
            Self::PaymentPosted(said) => &said.payment_ref,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    pub street: Option<String>,
    pub city: Option<String>,
    /// Two letters.
    pub state: Option<String>,
    pub zip: Option<Zip>,
}

/// Who owes and is addressed (D-1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guarantor {
    pub external_id: String,
    pub name: String,
    pub dob: Option<Date>,
    pub ssn4: Option<Ssn4>,
    pub address: Address,
    pub language: Option<Language>,
    /// Under 18 on the day of the file: nothing is sent to them (D-3).
    pub is_minor: bool,
}

/// Who was treated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patient {
    pub external_id: String,
    /// `None`: the source names nobody. Then the patient is their own guarantor, unless a contacts
    /// file or staff said otherwise, and a re-import leaves what those said.
    pub guarantor_external_id: Option<String>,
    pub name: String,
    pub dob: Option<Date>,
    pub ssn4: Option<Ssn4>,
    pub address: Address,
    pub language: Option<Language>,
    pub deceased_on: Option<Date>,
    /// Under 18 on the day of the file.
    pub is_minor: bool,
}

impl Patient {
    /// The account of a patient for whom nobody else is responsible. A minor among these stands
    /// alone and is withheld with that reason (D-3).
    pub fn as_own_guarantor(&self) -> Guarantor {
        Guarantor {
            external_id: self.external_id.clone(),
            name: self.name.clone(),
            dob: self.dob,
            ssn4: self.ssn4.clone(),
            address: self.address.clone(),
            language: self.language,
            is_minor: self.is_minor,
        }
    }
}

/// Whose contacts a row gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", content = "id", rename_all = "snake_case")]
pub enum Owner {
    Guarantor(String),
    /// Whoever is responsible for this patient.
    GuarantorOfPatient(String),
}

impl Owner {
    pub fn external_id(&self) -> &str {
        match self {
            Self::Guarantor(id) | Self::GuarantorOfPatient(id) => id,
        }
    }
}

/// How a guarantor may be reached, and what they agreed to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    pub owner: Owner,
    pub phone: Option<E164>,
    pub email: Option<Email>,
    /// `None`: the source does not say. Never consent.
    pub text_consent: Option<TextConsent>,
    /// Automated phone-call reminders, which S-B1 (b) accepts for texts.
    pub call_opt_in: Option<bool>,
    pub preferred: Option<Preferred>,
}

/// What a guarantor said about texts to the phone of the same row, as the practice recorded it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextConsent {
    pub is_granted: bool,
    /// The practice's day.
    pub on: Option<Date>,
    /// Where it was given: a form, the desk, the portal (D-32).
    pub source: Option<String>,
}

/// What a guarantor agreed with the practice about paying.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrangement {
    pub owner: Owner,
    pub said: arrangement::Arrangement,
}

/// A contacts file names who is responsible for a patient, or corrects what is known of them.
/// Every `None` leaves what the book has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Responsible {
    pub patient_external_id: String,
    /// `None`: whoever is responsible now.
    pub guarantor_external_id: Option<String>,
    pub name: Option<String>,
    pub dob: Option<Date>,
    pub ssn4: Option<Ssn4>,
    pub language: Option<Language>,
    pub state: Option<String>,
    pub zip: Option<Zip>,
    /// What the date of birth says on the day of the file; meaningless without one.
    pub is_minor: bool,
}

/// One visit's claim, or a piece of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    pub external_id: String,
    pub encounter_external_id: Option<String>,
    pub patient_external_id: String,
    /// Responsibility sits on the visit (D-1). `None`: the patient's guarantor.
    pub guarantor_external_id: Option<String>,
    pub status: ClaimStatus,
    pub insurance: InsuranceState,
    pub service_on: Date,
    pub place: Option<String>,
    pub description: Option<String>,
    /// The day the balance became the patient's: the anchor of its age (D-13).
    pub due_since_on: Option<Date>,
    pub first_statement_on: Option<Date>,
    pub due_on: Option<Date>,
    pub returned_check_on: Option<Date>,
    pub visit_completed_on: Option<Date>,
    pub lines: Vec<ChargeLine>,
    /// Some rows of this claim were refused, so its balance may be wrong: show it, but remind
    /// nobody of it until a later file has all of them.
    pub has_refused_lines: bool,
}

impl Claim {
    /// Of this piece.
    pub fn totals(&self) -> Amounts {
        self.lines.iter().map(|line| line.amounts).sum()
    }

    /// How many rows of the file this piece stands for.
    pub fn ledger_rows(&self) -> u64 {
        self.lines.iter().map(|line| u64::from(line.ledger_rows)).sum()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChargeLine {
    pub external_id: String,
    /// Where it stands in the file, for the report.
    pub line: u64,
    /// How many rows of the file it stands for: one, or a charge with the ledger rows after it.
    /// Accepted, refused and unchanged rows are counted in these (decision 22).
    pub ledger_rows: u32,
    pub service_on: Date,
    pub description: Option<String>,
    pub amounts: Amounts,
}

/// `due` is what the practice says; the others explain it. A negative `due` is a credit (D-15).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amounts {
    pub charged: Cents,
    pub insurance_paid: Cents,
    pub adjusted: Cents,
    pub patient_paid: Cents,
    pub due: Cents,
}

impl Add for Amounts {
    type Output = Self;
    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl AddAssign for Amounts {
    fn add_assign(&mut self, other: Self) {
        self.charged += other.charged;
        self.insurance_paid += other.insurance_paid;
        self.adjusted += other.adjusted;
        self.patient_paid += other.patient_paid;
        self.due += other.due;
    }
}

impl Sum for Amounts {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), Add::add)
    }
}

/// The practice's system shows a payment made with us: it stops being netted (D-11).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentPosted {
    /// Our payment's id, as we gave it to the practice.
    pub payment_ref: String,
    pub claim_external_id: String,
}

/// Whether somebody born on `dob` is under 18 on `day`.
pub fn is_minor_on(dob: Date, day: Date) -> bool {
    let had_birthday = (day.month(), day.day()) >= (dob.month(), dob.day());
    day.year() - dob.year() - i16::from(!had_birthday) < ADULT_AT
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::phone::{normalise_email, normalise_us};

    #[test]
    fn a_child_is_a_minor_until_the_eighteenth_birthday() {
        let born = date(2006, 4, 13);
        assert!(is_minor_on(born, date(2024, 4, 12)));
        assert!(!is_minor_on(born, date(2024, 4, 13)));
        assert!(is_minor_on(date(2008, 2, 29), date(2026, 2, 28)));
    }

    #[test]
    fn a_row_survives_being_staged() {
        let row = BookRow::Contact(Contact {
            owner: Owner::GuarantorOfPatient("p-1".to_owned()),
            phone: normalise_us("(212) 555-0123").ok(),
            email: normalise_email("maria@example.org").ok(),
            text_consent: Some(TextConsent { is_granted: true, on: None, source: None }),
            call_opt_in: None,
            preferred: Some(Preferred::Both),
        });
        let text = serde_json::to_string(&row).unwrap();
        assert_eq!(serde_json::from_str::<BookRow>(&text).unwrap(), row);
        assert_eq!((row.kind(), row.key()), ("contact", "p-1"));
    }

    #[test]
    fn a_source_key_is_short_and_plain() {
        assert!(Source::new("clearbill-csv").is_some());
        for text in ["", "Synthea", "a b", "a/b", "é"] {
            assert!(Source::new(text).is_none(), "{text}");
        }
    }
}
