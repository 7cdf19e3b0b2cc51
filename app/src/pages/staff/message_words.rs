//! What became of a message, in sentences; shared by the record, the jobs and the history.

use domain::{
    clock::UnixMs,
    decide::{Channel, Class},
};

use super::decision_words::end_words;
use crate::components::{Badge, Tone};

/// How far a message came, by the codes of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    PendingApproval,
    Queued,
    Sending,
    Unknown,
    Accepted,
    Delivered,
    Failed,
    Withheld,
    Cancelled,
}

impl Progress {
    pub const ALL: [Self; 9] = [
        Self::PendingApproval,
        Self::Queued,
        Self::Sending,
        Self::Unknown,
        Self::Accepted,
        Self::Delivered,
        Self::Failed,
        Self::Withheld,
        Self::Cancelled,
    ];

    /// As in the address.
    pub const fn code(self) -> &'static str {
        match self {
            Self::PendingApproval => "pending_approval",
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Unknown => "unknown",
            Self::Accepted => "accepted",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Withheld => "withheld",
            Self::Cancelled => "cancelled",
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::PendingApproval => "Waits for approval",
            Self::Queued => "Waits to be sent",
            Self::Sending => "Being sent",
            Self::Unknown => "Being looked up",
            Self::Accepted => "Sent",
            Self::Delivered => "Delivered",
            Self::Failed => "Failed",
            Self::Withheld => "Withheld",
            Self::Cancelled => "Cancelled",
        }
    }

    pub const fn tone(self) -> Tone {
        match self {
            Self::Delivered | Self::Accepted => Tone::Good,
            Self::Failed => Tone::Danger,
            Self::Unknown | Self::Withheld | Self::PendingApproval => Tone::Warn,
            Self::Queued | Self::Sending | Self::Cancelled => Tone::Plain,
        }
    }

    pub fn badge(self) -> Badge {
        Badge::new(self.name()).tone(self.tone())
    }
}

/// What a message is for, as staff say it.
pub const fn class_name(class: Class) -> &'static str {
    match class {
        Class::Dunning => "Reminder",
        Class::Agreed => "Agreed payment",
        Class::FailedAutopay => "Failed autopay",
        Class::StaffDirect => "From staff",
        Class::NewLink => "New link",
        Class::Receipt => "Receipt",
        Class::Code => "Sign-in code",
        Class::AccountNotice => "About the account",
        Class::OptOutConfirmation => "Opt-out confirmed",
        Class::OptInConfirmation => "Opt-in confirmed",
        Class::Help => "Help",
        Class::AutoReply => "Automatic answer",
        Class::StaffNotice => "To staff",
    }
}

pub const fn channel_name(channel: Channel) -> &'static str {
    match channel {
        Channel::Text => "Text",
        Channel::Email => "Email",
        Channel::Voice => "Call",
        Channel::Fax => "Fax",
        Channel::Letter => "Letter",
    }
}

/// A message of the history, in short.
#[derive(Clone, Debug)]
pub struct Sent {
    pub id: String,
    /// When it came that far.
    pub at: UnixMs,
    pub class: Class,
    pub channel: Channel,
    pub masked: String,
    pub progress: Progress,
    pub end_reason: Option<String>,
    /// Other accounts told of in the same message; never who they are.
    pub others: i64,
}

/// Begins a sentence.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// "one text for 2 accounts": never which.
pub fn together_words(channel: Channel, accounts: i64) -> String {
    format!("one {} for {accounts} accounts", channel_name(channel).to_lowercase())
}

/// "together with 1 other account on this phone".
pub fn others_words(channel: Channel, others: i64) -> String {
    let accounts = if others == 1 { "account" } else { "accounts" };
    let contact = if channel == Channel::Email { "with this email" } else { "on this phone" };
    format!("together with {others} other {accounts} {contact}")
}

/// `Reminder by text to •••: delivered.`
pub fn sent_sentence(one: &Sent) -> (String, Tone) {
    let with = match one.others {
        0 => String::new(),
        others => format!(", {},", others_words(one.channel, others)),
    };
    let what = format!(
        "{} by {} to {}{with}",
        class_name(one.class),
        channel_name(one.channel).to_lowercase(),
        one.masked
    );
    let why = one.end_reason.as_deref().map(|code| format!(": {}", end_words(code).to_lowercase()));
    let why = why.unwrap_or_default();
    match one.progress {
        Progress::PendingApproval => (format!("{what} waits for approval."), Tone::Plain),
        Progress::Queued => (format!("{what} waits to be sent."), Tone::Plain),
        Progress::Sending => (format!("{what} is being sent."), Tone::Plain),
        Progress::Unknown => (format!("{what}: nobody knows yet whether it was sent."), Tone::Warn),
        Progress::Accepted => (format!("{what} was sent."), Tone::Good),
        Progress::Delivered => (format!("{what} was sent and delivered."), Tone::Good),
        Progress::Failed => (format!("{what} failed{why}."), Tone::Danger),
        Progress::Withheld => (format!("{what} was withheld{why}."), Tone::Warn),
        Progress::Cancelled => (format!("{what} was cancelled{why}."), Tone::Plain),
    }
}
