//! Which messages have words of their own, and in which forms.

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident { $($(#[$each:meta])* $variant:ident = $code:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$each])* #[serde(rename = $code)] $variant,)* }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// As in the database, in addresses and in statement profiles. Never changes.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            pub fn parse(text: &str) -> Option<Self> {
                match text { $($code => Some(Self::$variant),)* _ => None }
            }
        }
    )*};
}

codes! {
    /// What a message is for. A step of a statement profile names one of these.
    Kind {
        /// The first word about a new bill.
        Invoice = "invoice",
        ReminderGentle = "reminder_gentle",
        ReminderPlain = "reminder_plain",
        ReminderFirm = "reminder_firm",
        /// Thanks for a part, with what is left (S-TP7).
        PartPaymentThanks = "part_payment_thanks",
        /// The next instalment of a payment plan.
        PaymentPlan = "payment_plan",
        PaymentConfirmation = "payment_confirmation",
        FailedAutopay = "failed_autopay",
        /// Notice before a card on file is charged (S-TR9).
        CourtesyCharge = "courtesy_charge",
        DueSoon = "due_soon",
        /// Before the practice decides what comes next. States no threat.
        FinalNotice = "final_notice",
        OptOutConfirmation = "opt_out_confirmation",
        /// The answer to HELP.
        Help = "help",
        /// A one-time code.
        Code = "code",
    }

    /// How words reach a person. A fax is a letter.
    Form {
        Text = "text",
        Email = "email",
        /// What a call says aloud.
        Voice = "voice",
        Letter = "letter",
    }
}

impl Kind {
    /// The forms a kind is ever sent in: answers to a text are texts or spoken, and a code is worth
    /// nothing by the time a letter arrives.
    pub const fn forms(self) -> &'static [Form] {
        match self {
            Self::OptOutConfirmation | Self::Help => &[Form::Text, Form::Voice],
            Self::Code => &[Form::Text, Form::Email],
            _ => Form::ALL,
        }
    }

    /// A reminder in one of its three tones.
    pub const fn is_reminder(self) -> bool {
        matches!(self, Self::ReminderGentle | Self::ReminderPlain | Self::ReminderFirm)
    }
}
