//! The closed set of what a message may name (M26), and where each of it may stand. Nothing here
//! can carry a patient's name beyond the first, a day of service, a provider or an insurer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Form, Kind, Slot};
use crate::{book::Language, practice::Practice};

macro_rules! variables {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Variable { $($(#[$doc])* #[serde(rename = $name)] $variant,)* }

        impl Variable {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// As it stands between braces: `{pay_link}`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

variables! {
    PracticeAlias = "practice_alias",
    PayLink = "pay_link",
    PracticePhone = "practice_phone",
    /// What is owed, or what was paid.
    Amount = "amount",
    DueDate = "due_date",
    /// Only in email, by the practice's switch.
    FirstName = "first_name",
    InstallmentAmount = "installment_amount",
    InstallmentDate = "installment_date",
    CardLastFour = "card_last_four",
    /// Of a payment, for the bookkeeper.
    Reference = "reference",
    /// What a payment left.
    Remaining = "remaining",
    /// "Is this message real?" (MS1)
    CheckCode = "check_code",
    /// A one-time code.
    Code = "code",
}

/// Whether a message has something to say for a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    Always,
    /// A switch of the practice, or the account, may leave it out: only inside brackets.
    Sometimes,
    Never,
}

impl Variable {
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|variable| variable.name() == name)
    }

    pub const fn presence(self, kind: Kind, form: Form) -> Presence {
        use Presence::{Always, Never, Sometimes};
        // A text shows on a locked screen, and a machine may answer a call (M26, D-42).
        let overheard = matches!(form, Form::Text | Form::Voice);
        let is_answer = matches!(kind, Kind::OptOutConfirmation | Kind::Help | Kind::Code);
        match self {
            Self::PracticeAlias | Self::PracticePhone => Always,
            Self::Code => only(matches!(kind, Kind::Code), Always),
            _ if is_answer => Never,
            Self::PayLink => only(
                !matches!(form, Form::Voice) && !matches!(kind, Kind::PaymentConfirmation),
                Always,
            ),
            Self::Amount => match (kind, form) {
                (Kind::PaymentConfirmation, Form::Voice) => Sometimes,
                (Kind::PaymentConfirmation, _) => Always,
                (Kind::FailedAutopay | Kind::PaymentPlan, _) => Sometimes,
                _ if overheard => Sometimes,
                _ => Always,
            },
            Self::DueDate => match kind {
                Kind::DueSoon | Kind::CourtesyCharge => Always,
                Kind::PaymentConfirmation | Kind::PaymentPlan => Never,
                _ => Sometimes,
            },
            Self::FirstName => only(matches!(form, Form::Email), Sometimes),
            Self::InstallmentAmount if overheard => {
                only(matches!(kind, Kind::PaymentPlan), Sometimes)
            }
            Self::InstallmentAmount | Self::InstallmentDate => {
                only(matches!(kind, Kind::PaymentPlan), Always)
            }
            Self::CardLastFour => match kind {
                Kind::CourtesyCharge => Always,
                Kind::FailedAutopay | Kind::PaymentConfirmation => Sometimes,
                _ => Never,
            },
            Self::Reference => only(matches!(kind, Kind::PaymentConfirmation), Always),
            Self::Remaining => only(matches!(kind, Kind::PaymentConfirmation), Sometimes),
            // Nobody writes a code down that a call says.
            Self::CheckCode => only(!matches!(form, Form::Voice), Sometimes),
        }
    }

    /// A value of the length a real one has, for previews and for the linter.
    pub const fn sample(self, language: Language) -> &'static str {
        match self {
            Self::PracticeAlias => "Your practice",
            Self::PayLink => "https://pay.example.org/p/EXAMPLEEXAMPLEEXAMPLE1",
            Self::PracticePhone => "(212) 555-0100",
            Self::Amount | Self::Remaining => "$1,234.56",
            Self::InstallmentAmount => "$123.45",
            Self::DueDate | Self::InstallmentDate => match language {
                Language::English => "September 30",
                Language::Spanish => "30 de septiembre",
            },
            Self::FirstName => "Alexandra",
            Self::CardLastFour => "4242",
            Self::Reference => "CB-7K2M9QPX",
            Self::CheckCode => "K7M2-P9QR",
            Self::Code => "123456",
        }
    }
}

const fn only(holds: bool, presence: Presence) -> Presence {
    if holds { presence } else { Presence::Never }
}

/// What one message has to say for each variable. What is not set is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filling(BTreeMap<Variable, String>);

impl Filling {
    pub fn new() -> Self {
        Self::default()
    }

    /// Who writes. A practice that has not said its phone is called by its name: a message without
    /// words would be worse.
    pub fn of_practice(practice: &Practice) -> Self {
        let phone = practice.settings.phone.trim();
        Self::new()
            .with(Variable::PracticeAlias, practice.alias())
            .with(Variable::PracticePhone, if phone.is_empty() { practice.alias() } else { phone })
    }

    /// Sets a value: one line, without anything invisible. An empty one counts as not set.
    #[must_use]
    pub fn with(mut self, variable: Variable, value: &str) -> Self {
        let visible: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let line = visible.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.is_empty() {
            self.0.remove(&variable);
        } else {
            self.0.insert(variable, line);
        }
        self
    }

    #[must_use]
    pub fn maybe(self, variable: Variable, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(variable, value),
            None => self,
        }
    }

    #[must_use]
    pub fn without(mut self, variable: Variable) -> Self {
        self.0.remove(&variable);
        self
    }

    pub fn get(&self, variable: Variable) -> Option<&str> {
        self.0.get(&variable).map(String::as_str)
    }

    /// Everything a message of this kind can say, of typical length; only what it always can where
    /// `sometimes` is false.
    pub fn sample(slot: Slot, sometimes: bool) -> Self {
        let said = |variable: &&Variable| match variable.presence(slot.kind, slot.form) {
            Presence::Always => true,
            Presence::Sometimes => sometimes,
            Presence::Never => false,
        };
        let filled = Variable::ALL.iter().filter(said);
        filled.fold(Self::new(), |filling, variable| {
            filling.with(*variable, variable.sample(slot.language))
        })
    }
}
