//! What a message says is not the engine's: it gives closed variables and gets words back. No
//! variable here can carry a patient's name, a day of service or a provider (M26).

use domain::{
    book::{Address, Language},
    clock::UnixMs,
    decide::Channel,
    money::Cents,
    practice::Practice,
    template::{Book, Kind, Trace},
};
use jiff::civil::Date;
use store::message::Rider;

use crate::Script;

#[derive(Clone, Debug)]
pub enum What<'a> {
    /// Everything that asks for money unasked, from the first word about a bill to the last.
    Reminder {
        kind: Kind,
        /// Only where the practice switched amounts on.
        amount: Option<Cents>,
        /// Of the oldest balance, or of the charge.
        due_on: Option<Date>,
        /// The next one of a plan.
        installment: Option<Installment>,
        card_last4: Option<&'a str>,
        /// Only in email, only where switched on.
        first_name: Option<&'a str>,
        pay_link: &'a str,
        /// "Is this message real?": eight characters that the practice's page confirms.
        check_code: &'a str,
        /// Only in email.
        unsubscribe_url: Option<&'a str>,
        /// Only on paper and fax.
        on_paper: Option<OnPaper<'a>>,
    },
    NewLink {
        pay_link: &'a str,
    },
    Receipt {
        amount: Cents,
        received_at: UnixMs,
        reference: &'a str,
        brand: Option<&'a str>,
        last4: Option<&'a str>,
        /// `None` for a payer who may not know what is left.
        remaining: Option<Cents>,
    },
    /// A part or all of a payment went back to its card.
    Refund {
        amount: Cents,
        at: UnixMs,
        reference: &'a str,
        brand: Option<&'a str>,
        last4: Option<&'a str>,
        remaining: Option<Cents>,
    },
    Code {
        code: &'a str,
    },
    Account(AccountMail),
    Staff(StaffMail),
}

/// The next payment of a plan.
#[derive(Clone, Copy, Debug)]
pub struct Installment {
    /// Only where the practice switched amounts on.
    pub amount: Option<Cents>,
    pub on: Date,
}

/// What stands in the window of an envelope: the guarantor's own name and address.
#[derive(Clone, Copy, Debug)]
pub struct OnPaper<'a> {
    pub name: &'a str,
    pub address: &'a Address,
    pub written_on: Date,
}

/// About a patient's own login. Links are whole addresses.
#[derive(Clone, Debug)]
pub enum AccountMail {
    Welcome {
        link: String,
    },
    /// Somebody tried to create an account with an email that has one.
    AccountExists {
        sign_in: String,
        reset: String,
    },
    ConfirmEmail {
        link: String,
    },
    PasswordReset {
        link: String,
    },
    PasswordChanged,
    ContactChanged,
}

/// To a member of staff.
#[derive(Clone, Debug)]
pub enum StaffMail {
    ApprovalPending {
        count: u64,
        link: String,
    },
    /// One sentence without any patient's data.
    Attention {
        what: String,
        link: String,
    },
    Invitation {
        invited_by: String,
        link: String,
    },
}

#[derive(Clone, Debug)]
pub struct Letter<'a> {
    /// With the job's custom name in place of the practice's, when it has one.
    pub practice: &'a Practice,
    pub language: Language,
    /// The practice's own words and ours.
    pub book: &'a Book,
    pub what: What<'a>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub body: String,
    /// Which words they are; none where a practice cannot write its own.
    pub template: Option<Trace>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    pub subject: String,
    pub text: String,
    pub html: String,
    /// The address of which the HTML part shows a picture code (S-TP8).
    pub picture_of: Option<String>,
    pub template: Option<Trace>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spoken {
    pub script: Script,
    /// Which words tell of the balance.
    pub template: Option<Trace>,
}

/// An email as its two parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailParts {
    pub text: String,
    pub html: String,
}

/// Writes messages; pure. `None` where a message has no such form.
pub trait Wording: Send + Sync {
    fn text(&self, letter: &Letter<'_>) -> Option<Text>;
    fn email(&self, letter: &Letter<'_>) -> Option<Mail>;
    /// What a reminder says of its account inside the text or email of another account with the same
    /// phone or address (D-4): nobody's name, and the amount only where the letter has one.
    fn rider(&self, letter: &Letter<'_>, channel: Channel) -> Option<Rider>;
    /// An email with what it says of other accounts, above its foot.
    fn with_riders(&self, mail: MailParts, riders: &[&Rider]) -> MailParts;
    /// What a call says.
    fn call(&self, letter: &Letter<'_>) -> Option<Spoken>;
    /// A page's paragraphs as plain text, for a letter or a fax.
    fn paper(&self, letter: &Letter<'_>) -> Option<Text>;
    /// That text as a PDF page, the first address in it as a code to scan.
    fn page(&self, language: Language, paper: &str) -> Vec<u8>;
}
