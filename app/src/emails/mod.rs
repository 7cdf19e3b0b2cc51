//! Emails, one file per message: subject, plain text, HTML.
//!
//! A subject says who writes and what kind of message it is, never an amount, a visit or a person:
//! subjects show on locked screens. Every value is escaped; a practice's own wording is paragraphs,
//! not HTML. Mail programs know no stylesheets, so these alone carry their styles inline.

mod account;
mod layout;
mod new_link;
mod refund;
mod staff;
mod templated;

pub use account::{
    AccountExists, ConfirmEmail, ContactChanged, PasswordChanged, PasswordReset, Welcome,
};
pub use layout::{Rider, with_riders};
pub use new_link::NewLink;
pub use refund::Refund;
pub use staff::{ApprovalPending, Attention, StaffInvitation};
pub use templated::{Check, Paid, Templated};

use crate::words::{Lang, Words};

/// Who writes, at the foot of every email (M31).
#[derive(Clone, Debug)]
pub struct Sender {
    pub alias: String,
    pub phone: String,
    /// Postal address in one line.
    pub address: String,
    /// `#0b6157`
    pub accent: String,
}

/// One part of an email, in reading order.
#[derive(Clone, Debug)]
pub(crate) enum Block {
    Paragraph(String),
    /// Label and address.
    Action(String, String),
    /// Large and easy to copy.
    Code(String),
    Facts(Vec<(String, String)>),
    /// The picture code of the link; its words for those who do not see it.
    Picture(String),
}

/// A message by email.
pub trait Email {
    fn lang(&self) -> Lang;
    fn sender(&self) -> &Sender;
    fn subject(&self) -> String;
    /// Where one click stops these emails; only for reminders.
    fn unsubscribe(&self) -> Option<&str> {
        None
    }
    #[doc(hidden)]
    fn blocks(&self) -> Parts;

    /// The plain text part.
    fn text(&self) -> String {
        layout::text(self.words(), self.sender(), &self.blocks().0, self.unsubscribe())
    }

    /// The HTML part.
    fn html(&self) -> String {
        let (subject, blocks) = (self.subject(), self.blocks());
        layout::html(self.words(), self.sender(), &subject, &blocks.0, self.unsubscribe())
    }

    #[doc(hidden)]
    fn words(&self) -> Words {
        Words::new(self.lang())
    }
}

/// The parts of an email; made and read in this module only.
#[derive(Debug)]
pub struct Parts(pub(crate) Vec<Block>);
