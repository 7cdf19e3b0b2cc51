//! The words and rules of paying: attempts, refunds, what may be paid, and every way to say no.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{
    clock::{DAY_MS, MINUTE_MS, UnixMs},
    id::{AttemptId, ClaimId},
    money::Cents,
};

/// One currency a practice, and so far one for all (D-18). Lower case, as the processor has it.
pub const CURRENCY: &str = "usd";
/// The processor refuses less.
pub const PROCESSOR_MINIMUM: Cents = Cents(50);
/// The processor refuses more: eight digits.
pub const PROCESSOR_MAXIMUM: Cents = Cents(999_999_99);
/// An attempt nobody finished is cancelled after this (decision 1). The processor's page lives as
/// long, and not less.
pub const ATTEMPT_LIFE_MS: i64 = 30 * MINUTE_MS;
/// A form can be submitted, or replayed, this long after it was shown.
pub const FORM_LIFE_MS: i64 = DAY_MS;
/// A payment this young is named before the next one is taken (MS9).
pub const RECENT_PAYMENT_MS: i64 = DAY_MS;

/// The codes are the database's and never change.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident { $($(#[$each:meta])* $variant:ident = $code:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$each])* #[serde(rename = $code)] $variant,)* }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;
            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text { $($code => Ok(Self::$variant),)* _ => Err(UnknownWord) }
            }
        }
    )*};
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a word of this kind")]
pub struct UnknownWord;

codes! {
    /// Where the card is typed.
    Flow {
        /// On our page, in the processor's frame.
        Element = "element",
        /// On the processor's page.
        Checkout = "checkout",
    }

    /// Where the payer came from.
    Source {
        Link = "link",
        /// Signed in.
        Portal = "portal",
        /// Staff took the card.
        Desk = "desk",
    }

    /// One try to pay. The first four are open: one of them a guarantor at most, by unique index.
    AttemptState {
        /// Written down; the processor may not know it yet.
        Draft = "draft",
        /// The processor knows it and waits for the payer.
        Open = "open",
        /// Confirmed; the processor works on it.
        Processing = "processing",
        /// A call ended without an answer. Never failed: ask (R63).
        Unknown = "unknown",
        /// The money is ours, and booked.
        Succeeded = "succeeded",
        /// The bank said no, and the processor confirmed the cancel.
        Declined = "declined",
        /// The payer or somebody at another door started anew.
        Cancelled = "cancelled",
        /// Nobody finished it in time.
        Expired = "expired",
        /// The processor refused the request itself.
        Refused = "refused",
    }

    RefundState {
        /// Reserved here; the processor may not know it yet, or has not answered.
        Pending = "pending",
        /// The processor has it and is not done.
        Sent = "sent",
        Succeeded = "succeeded",
        /// Nothing went back; the reservation is released.
        Failed = "failed",
    }

    /// Why money goes back. Required (D-27).
    RefundReason {
        Overpaid = "overpaid",
        PaidTwice = "paid_twice",
        WrongAccount = "wrong_account",
        InsurancePaid = "insurance_paid",
        PatientAsked = "patient_asked",
        Fraud = "fraud",
    }

    /// What the card's bank is asking back (D-26).
    DisputeState {
        /// A question, not a dispute: nothing is taken yet.
        Inquiry = "inquiry",
        Open = "open",
        Won = "won",
        Lost = "lost",
    }

    /// How far one dispute has come.
    DisputeStage {
        Inquiry = "inquiry",
        /// The bank's question came to nothing. A dispute may still follow.
        InquiryClosed = "inquiry_closed",
        Open = "open",
        Won = "won",
        Lost = "lost",
    }
}

/// Ranks only rise: settled never becomes pending again (R19), and money that arrives for a closed
/// attempt still lands (R16).
pub const RANK_SUCCEEDED: i64 = 30;
pub const RANK_CLOSED: i64 = 20;

impl AttemptState {
    pub const fn rank(self) -> i64 {
        match self {
            Self::Draft => 0,
            Self::Open | Self::Processing | Self::Unknown => 10,
            Self::Declined | Self::Cancelled | Self::Expired | Self::Refused => RANK_CLOSED,
            Self::Succeeded => RANK_SUCCEEDED,
        }
    }

    pub const fn is_open(self) -> bool {
        self.rank() < RANK_CLOSED
    }
}

impl DisputeStage {
    /// Only rises, whatever the order in which news of it comes.
    pub const fn rank(self) -> i64 {
        match self {
            Self::Inquiry => 1,
            Self::InquiryClosed => 2,
            Self::Open => 3,
            Self::Won | Self::Lost => 4,
        }
    }

    /// Nothing more will come of it by itself.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::InquiryClosed | Self::Won | Self::Lost)
    }
}

impl DisputeState {
    /// What a payment with these disputes is: the gravest of them, an open one before a lost one.
    pub fn of(stages: &[DisputeStage]) -> Option<Self> {
        let has = |stage| stages.contains(&stage);
        match stages {
            [] => None,
            _ if has(DisputeStage::Open) => Some(Self::Open),
            _ if has(DisputeStage::Lost) => Some(Self::Lost),
            _ if has(DisputeStage::Inquiry) => Some(Self::Inquiry),
            _ => Some(Self::Won),
        }
    }

    /// Blocks refunds: the money is at the bank's disposal. An inquiry does not.
    pub const fn blocks_refunds(self) -> bool {
        matches!(self, Self::Open | Self::Lost)
    }
}

/// *Pay full amount* or *Pay other amount*.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    Full,
    Other(Cents),
}

/// What a practice allows (D-22).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AmountRules {
    pub minimum: Cents,
    pub overpayment_is_allowed: bool,
}

/// Between what and what: "From $10.00 to $82.00".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmountRange {
    pub least: Cents,
    pub most: Cents,
}

impl AmountRules {
    /// `None` when nothing can be paid.
    pub fn range(self, due: Cents) -> Option<AmountRange> {
        let most = if self.overpayment_is_allowed { PROCESSOR_MAXIMUM } else { due };
        let most = most.min(PROCESSOR_MAXIMUM);
        let wanted = if due.is_positive() { self.minimum.min(due) } else { self.minimum };
        let least = wanted.max(PROCESSOR_MINIMUM);
        (least <= most).then_some(AmountRange { least, most })
    }

    /// The amount to charge, from what is due now. The page's own figure only tells whether the
    /// payer saw the same (R15); it is never charged unchecked.
    pub fn amount(self, choice: Choice, shown_due: Cents, due: Cents) -> Result<Cents, Refusal> {
        if due <= Cents::ZERO && (choice == Choice::Full || !self.overpayment_is_allowed) {
            return Err(Refusal::NothingDue);
        }
        let range = self.range(due).ok_or(Refusal::TooSmallToPay { due })?;
        match choice {
            Choice::Full if shown_due != due => Err(Refusal::AmountChanged { due }),
            Choice::Full if due > range.most => Err(Refusal::AmountOutOfRange { range }),
            Choice::Full if due < range.least => Err(Refusal::TooSmallToPay { due }),
            Choice::Full => Ok(due),
            // Within the bill when the page was shown: the balance is what changed, and nobody
            // overpays without having meant to.
            Choice::Other(amount) if amount > due && amount <= shown_due => {
                Err(Refusal::AmountChanged { due })
            }
            Choice::Other(amount) if amount >= range.least && amount <= range.most => Ok(amount),
            Choice::Other(_) => Err(Refusal::AmountOutOfRange { range }),
        }
    }
}

/// Why a bank said no, in the classes that have a sentence of their own. Lost, stolen and fraud get
/// the generic one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeclineKind {
    Generic,
    InsufficientFunds,
    Expired,
    WrongCode,
    WrongNumber,
    NeedsApproval,
    TryLater,
}

impl DeclineKind {
    /// From the processor's codes, as `attempt.decline_code` keeps them.
    pub fn of(code: &str) -> Self {
        match code {
            "insufficient_funds" | "withdrawal_count_limit_exceeded" | "card_velocity_exceeded" => {
                Self::InsufficientFunds
            }
            "expired_card" | "invalid_expiry_month" | "invalid_expiry_year" => Self::Expired,
            "incorrect_cvc" | "invalid_cvc" => Self::WrongCode,
            "incorrect_number" | "invalid_number" => Self::WrongNumber,
            "authentication_required"
            | "payment_intent_authentication_failure"
            | "approve_with_id"
            | "call_issuer" => Self::NeedsApproval,
            "processing_error"
            | "try_again_later"
            | "issuer_not_available"
            | "reenter_transaction" => Self::TryLater,
            _ => Self::Generic,
        }
    }
}

/// The business says no. `app` turns each into a sentence; nothing here is text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such attempt, payment, claim or journal in this practice and account.
    #[error("not found")]
    NotFound,
    /// The form is not ours, or of another account.
    #[error("the form is not valid")]
    BadForm,
    #[error("the form has expired")]
    FormExpired,
    /// The same form with another amount or flow (R14): a conflict, nothing was charged.
    #[error("the form was used with other values")]
    FormReused,
    #[error("nothing is due")]
    NothingDue,
    /// Less than the processor takes: the office has to.
    #[error("too small to pay online")]
    TooSmallToPay { due: Cents },
    #[error("amount out of range")]
    AmountOutOfRange { range: AmountRange },
    /// The balance moved between the page and the button (R15).
    #[error("the amount due has changed")]
    AmountChanged { due: Cents },
    /// A hold, an agency, a held import: "This bill can't be paid online right now."
    #[error("not payable online")]
    NotPayableOnline,
    /// Another attempt of this account is open. It can be cancelled and started again.
    #[error("a payment is in progress")]
    InProgress { attempt: AttemptId, amount: Cents, since: UnixMs, is_checking: bool },
    /// The other attempt turned out to be paid.
    #[error("already paid")]
    AlreadyPaid { attempt: AttemptId, amount: Cents, at: UnixMs },
    /// The processor does not answer or asks to wait; nothing was charged.
    #[error("try again in a moment")]
    TryAgain,
    /// The practice has no working processor account.
    #[error("online payment is not set up")]
    NotSetUp,

    /// "Only $40.00 of this payment is unapplied."
    #[error("only {cents} is unapplied")]
    OnlyUnapplied { cents: Cents },
    #[error("a claim has less left than that")]
    MoreThanClaim { claim: ClaimId, remaining: Cents },
    #[error("an amount must be more than zero")]
    AmountMissing,
    /// The same claim twice, or no line at all.
    #[error("the lines do not add up")]
    BadLines,
    /// "Changed by {name} at 9:12. Reload." `by` is an actor's label.
    #[error("changed meanwhile")]
    ChangedMeanwhile { by: String, at: UnixMs },
    /// It is in the practice's system: mark it as not posted first.
    #[error("already posted")]
    AlreadyPosted,
    #[error("already undone")]
    AlreadyUndone,
    #[error("the card's bank disputes this payment")]
    Disputed,
    /// Above what this person may refund alone.
    #[error("a refund above {limit} needs a manager")]
    AboveLimit { limit: Cents },
    /// The processor refused the refund; the money is unapplied as before.
    #[error("the refund was refused")]
    RefundRefused,
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: AmountRules = AmountRules { minimum: Cents(1000), overpayment_is_allowed: false };

    fn other(amount: i64) -> Choice {
        Choice::Other(Cents(amount))
    }

    #[test]
    fn the_full_amount_is_what_is_due_now() {
        assert_eq!(RULES.amount(Choice::Full, Cents(8200), Cents(8200)), Ok(Cents(8200)));
        let changed = RULES.amount(Choice::Full, Cents(8200), Cents(6400));
        assert_eq!(changed, Err(Refusal::AmountChanged { due: Cents(6400) }));
    }

    #[test]
    fn another_amount_lies_between_the_minimum_and_what_is_due() {
        let due = Cents(8200);
        for good in [1000, 1001, 8200] {
            assert_eq!(RULES.amount(other(good), due, due), Ok(Cents(good)));
        }
        let range = AmountRange { least: Cents(1000), most: due };
        for bad in [i64::MIN, -1, 0, 1, 999, 8201, i64::MAX] {
            assert_eq!(
                RULES.amount(other(bad), due, due),
                Err(Refusal::AmountOutOfRange { range }),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_bill_under_the_minimum_can_be_paid_in_full() {
        assert_eq!(RULES.amount(other(400), Cents(400), Cents(400)), Ok(Cents(400)));
        let tiny = RULES.amount(Choice::Full, Cents(30), Cents(30));
        assert_eq!(tiny, Err(Refusal::TooSmallToPay { due: Cents(30) }));
    }

    #[test]
    fn an_amount_that_fitted_the_page_but_not_the_bill_any_more_is_explained() {
        let refused = RULES.amount(other(8000), Cents(8200), Cents(6400));
        assert_eq!(refused, Err(Refusal::AmountChanged { due: Cents(6400) }));
        assert_eq!(RULES.amount(other(5000), Cents(8200), Cents(6400)), Ok(Cents(5000)));
    }

    #[test]
    fn nobody_pays_when_nothing_is_due_unless_the_practice_takes_prepayments() {
        assert_eq!(RULES.amount(other(5000), Cents(0), Cents(0)), Err(Refusal::NothingDue));
        let prepay = AmountRules { overpayment_is_allowed: true, ..RULES };
        assert_eq!(prepay.amount(other(5000), Cents(0), Cents(0)), Ok(Cents(5000)));
        assert_eq!(prepay.amount(Choice::Full, Cents(0), Cents(0)), Err(Refusal::NothingDue));
        assert_eq!(prepay.amount(other(9000), Cents(8200), Cents(8200)), Ok(Cents(9000)));
        let paid_meanwhile = prepay.amount(other(5000), Cents(8200), Cents(0));
        assert_eq!(paid_meanwhile, Err(Refusal::AmountChanged { due: Cents(0) }));
    }

    #[test]
    fn a_stolen_card_gets_the_same_sentence_as_any_other() {
        assert_eq!(DeclineKind::of("stolen_card"), DeclineKind::Generic);
        assert_eq!(DeclineKind::of("insufficient_funds"), DeclineKind::InsufficientFunds);
    }
}
