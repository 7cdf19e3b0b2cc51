//! What the patient side says no to, as types, and the sentence for each. The server decides that
//! something is refused; the words are decided here, in both languages.
//!
//! Sentences about identity say the same thing for a mismatch, a lock and a record that is not
//! there (R38): the type has one variant for all of them, so they cannot differ.

use domain::money::Cents;

use crate::{components::Errors, pages::PatientShell, words::Words};

/// Why a form was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    AmountMissing {
        least: Cents,
        most: Cents,
    },
    AmountMalformed {
        least: Cents,
        most: Cents,
    },
    AmountOutOfRange {
        least: Cents,
        most: Cents,
    },
    /// The balance moved between showing and submitting.
    AmountChanged {
        now: Cents,
    },
    EmailMissing,
    EmailMalformed,
    Declined(Decline),
    /// Card attempts of this account are stopped for a while (R76).
    TooManyDeclines,
    /// The processor could not be reached and nothing was charged.
    ProcessorUnreachable,
    PasswordMissing,
    PasswordTooShort {
        least: u32,
    },
    PasswordTooCommon,
    PasswordsDiffer,
    BirthIncomplete,
    BirthImpossible,
    Ssn4Malformed,
    /// Mismatch, locked, none on file, no such patient.
    IdentityUnconfirmed,
    /// Wrong password, no such login, locked.
    SignInFailed,
    ContactNotChosen,
    ContactMalformed,
    CodeMissing,
    /// Wrong, expired, used, too many tries.
    CodeWrong,
    /// Three codes an hour (R44).
    CodesExhausted,
    /// The contact cannot be reached now; another one may.
    CodeNotSent,
    OfficeCodeWrong,
    MessageCodeMissing,
    NoVisitChosen,
    QuestionMissing,
    /// The form was open too long or came from elsewhere.
    FormExpired,
    TooManyTries,
}

/// What the bank said, as far as a patient may know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decline {
    InsufficientFunds,
    ExpiredCard,
    WrongCode,
    WrongNumber,
    NeedsApproval,
    TryLater,
    /// Also for cards reported lost or stolen, and for suspected fraud: never say so.
    Generic,
}

impl Decline {
    pub const ALL: [Self; 7] = [
        Self::InsufficientFunds,
        Self::ExpiredCard,
        Self::WrongCode,
        Self::WrongNumber,
        Self::NeedsApproval,
        Self::TryLater,
        Self::Generic,
    ];

    /// From the processor's `code` and `decline_code`.
    pub fn from_codes(code: &str, decline_code: Option<&str>) -> Self {
        match decline_code.unwrap_or(code) {
            "insufficient_funds" | "withdrawal_count_limit_exceeded" | "card_velocity_exceeded" => {
                Self::InsufficientFunds
            }
            "expired_card" | "invalid_expiry_month" | "invalid_expiry_year" => Self::ExpiredCard,
            "incorrect_cvc" | "invalid_cvc" | "incorrect_zip" => Self::WrongCode,
            "incorrect_number" | "invalid_number" => Self::WrongNumber,
            "authentication_required"
            | "approve_with_id"
            | "call_issuer"
            | "payment_intent_authentication_failure" => Self::NeedsApproval,
            "processing_error"
            | "try_again_later"
            | "issuer_not_available"
            | "reenter_transaction" => Self::TryLater,
            _ => Self::Generic,
        }
    }

    pub fn sentence(self, w: Words, phone: &str) -> String {
        let phone = [("phone", phone.into())];
        match self {
            Self::InsufficientFunds => w.t("decline-insufficient-funds").to_owned(),
            Self::ExpiredCard => w.t("decline-expired-card").to_owned(),
            Self::WrongCode => w.t("decline-wrong-code").to_owned(),
            Self::WrongNumber => w.t("decline-wrong-number").to_owned(),
            Self::NeedsApproval => w.t("decline-needs-approval").to_owned(),
            Self::TryLater => w.t("decline-try-later").to_owned(),
            Self::Generic => w.with("decline-generic", &phone),
        }
    }
}

impl Refusal {
    /// The field it stands beside; `None` for the form as a whole.
    pub const fn field(&self) -> Option<&'static str> {
        Some(match self {
            Self::AmountMissing { .. }
            | Self::AmountMalformed { .. }
            | Self::AmountOutOfRange { .. } => "amount",
            Self::AmountChanged { .. } => "choice",
            Self::EmailMissing | Self::EmailMalformed => "email",
            Self::PasswordMissing | Self::PasswordTooShort { .. } | Self::PasswordTooCommon => {
                "password"
            }
            Self::PasswordsDiffer => "password_again",
            Self::BirthIncomplete | Self::BirthImpossible => "dob_month",
            Self::Ssn4Malformed => "ssn4",
            Self::ContactNotChosen | Self::ContactMalformed => "contact",
            Self::CodeMissing
            | Self::CodeWrong
            | Self::OfficeCodeWrong
            | Self::MessageCodeMissing => "code",
            Self::QuestionMissing => "question",
            Self::Declined(_)
            | Self::TooManyDeclines
            | Self::ProcessorUnreachable
            | Self::IdentityUnconfirmed
            | Self::SignInFailed
            | Self::CodesExhausted
            | Self::CodeNotSent
            | Self::NoVisitChosen
            | Self::FormExpired
            | Self::TooManyTries => return None,
        })
    }

    /// What the reader is told. `phone` is the practice's.
    pub fn sentence(&self, w: Words, phone: &str) -> String {
        let call = [("phone", phone.into())];
        let range = |key, least: &Cents, most: &Cents| {
            w.with(key, &[("least", least.to_string().into()), ("most", most.to_string().into())])
        };
        match self {
            Self::AmountMissing { least, most } => range("refused-amount-missing", least, most),
            Self::AmountMalformed { least, most } => range("refused-amount-malformed", least, most),
            Self::AmountOutOfRange { least, most } => range("refused-amount-range", least, most),
            Self::AmountChanged { now } => {
                w.with("refused-amount-changed", &[("amount", now.to_string().into())])
            }
            Self::Declined(decline) => decline.sentence(w, phone),
            Self::TooManyDeclines => w.with("refused-too-many-declines", &call),
            Self::ProcessorUnreachable => w.with("refused-processor-unreachable", &call),
            Self::PasswordTooShort { least } => {
                w.with("refused-password-short", &[("least", i64::from(*least).into())])
            }
            Self::IdentityUnconfirmed => w.with("refused-identity", &call),
            Self::CodesExhausted => w.with("refused-codes-exhausted", &call),
            Self::CodeNotSent => w.with("refused-code-not-sent", &call),
            Self::OfficeCodeWrong => w.with("refused-office-code", &call),
            Self::TooManyTries => w.with("refused-too-many-tries", &call),
            plain => plain.plain_sentence(w).to_owned(),
        }
    }

    fn plain_sentence(&self, w: Words) -> &'static str {
        match self {
            Self::EmailMissing => w.t("refused-email-missing"),
            Self::EmailMalformed => w.t("refused-email-malformed"),
            Self::PasswordMissing => w.t("refused-password-missing"),
            Self::PasswordTooCommon => w.t("refused-password-common"),
            Self::PasswordsDiffer => w.t("refused-passwords-differ"),
            Self::BirthIncomplete => w.t("refused-birth-incomplete"),
            Self::BirthImpossible => w.t("refused-birth-impossible"),
            Self::Ssn4Malformed => w.t("refused-ssn4"),
            Self::SignInFailed => w.t("refused-sign-in"),
            Self::ContactNotChosen => w.t("refused-contact-not-chosen"),
            Self::ContactMalformed => w.t("refused-contact-malformed"),
            Self::CodeMissing => w.t("refused-code-missing"),
            Self::CodeWrong => w.t("refused-code-wrong"),
            Self::MessageCodeMissing => w.t("refused-message-code-missing"),
            Self::NoVisitChosen => w.t("refused-no-visit"),
            Self::QuestionMissing => w.t("refused-question-missing"),
            _ => w.t("refused-form-expired"),
        }
    }
}

/// The refusals of a form, for its fields and the summary on top.
pub(crate) fn errors(shell: &PatientShell, refusals: &[Refusal]) -> Errors {
    refusals.iter().fold(Errors::new(), |errors, refusal| {
        let sentence = refusal.sentence(shell.words(), &shell.practice.phone);
        match refusal.field() {
            Some(field) => errors.on(field, sentence),
            None => errors.overall(sentence),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::words::Lang;

    #[test]
    fn each_reason_of_the_bank_has_its_own_sentence_in_both_languages() {
        let mut said = HashSet::new();
        for lang in Lang::ALL {
            for decline in Decline::ALL {
                let sentence = decline.sentence(Words::new(lang), "(555) 010-0123");
                assert!(said.insert(sentence.clone()), "{sentence}");
            }
        }
    }

    #[test]
    fn nobody_is_told_that_a_card_was_reported_stolen() {
        for code in ["lost_card", "stolen_card", "fraudulent", "pickup_card", "something_new"] {
            assert_eq!(Decline::from_codes("card_declined", Some(code)), Decline::Generic);
        }
        assert_eq!(Decline::from_codes("expired_card", None), Decline::ExpiredCard);
    }
}
