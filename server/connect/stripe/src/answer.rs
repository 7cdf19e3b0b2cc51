//! What the processor answers, in our words.

use std::collections::BTreeMap;

use domain::{money::Cents, payment::DisputeStage};
use secrecy::SecretString;

/// Where an intent stands. Only `Succeeded` means that money was captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IntentStatus {
    /// No method yet, or the last one was declined. Can be confirmed again.
    RequiresPaymentMethod,
    RequiresConfirmation,
    /// Waits for the payer, e.g. for 3-D Secure.
    RequiresAction,
    Processing,
    RequiresCapture,
    Canceled,
    Succeeded,
    /// A status this version does not know. Never final: ask again.
    Unrecognised(String),
}

impl IntentStatus {
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Canceled | Self::Succeeded)
    }

    /// Whether the processor would accept a cancel.
    pub fn can_be_cancelled(&self) -> bool {
        matches!(
            self,
            Self::RequiresPaymentMethod
                | Self::RequiresConfirmation
                | Self::RequiresAction
                | Self::RequiresCapture
        )
    }

    pub(crate) fn parse(text: &str) -> Self {
        match text {
            "requires_payment_method" => Self::RequiresPaymentMethod,
            "requires_confirmation" => Self::RequiresConfirmation,
            "requires_action" => Self::RequiresAction,
            "processing" => Self::Processing,
            "requires_capture" => Self::RequiresCapture,
            "canceled" => Self::Canceled,
            "succeeded" => Self::Succeeded,
            other => Self::Unrecognised(other.to_owned()),
        }
    }
}

/// The card as it may be shown on a receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// `visa`, `mastercard`, …
    pub brand: String,
    pub last4: String,
    /// `apple_pay`, `google_pay`, `link`, …
    pub wallet: Option<String>,
}

/// Why a card was refused. Codes only: the processor's sentence is not ours to store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decline {
    /// `card_declined`, `expired_card`, `incorrect_cvc`, `processing_error`, …
    pub code: Option<String>,
    /// The issuer's reason with `card_declined`: `insufficient_funds`, `lost_card`, …
    pub decline_code: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Intent {
    /// `pi_…`
    pub id: String,
    pub status: IntentStatus,
    pub amount: Cents,
    /// What was captured; zero until `Succeeded`.
    pub amount_received: Cents,
    /// Lower case ISO code.
    pub currency: String,
    pub livemode: bool,
    /// Our attempt id, from the metadata. `None` when the intent is not ours.
    pub attempt_id: Option<String>,
    /// Lets its holder confirm this one intent. Absent from lists.
    pub client_secret: Option<SecretString>,
    /// Of the latest charge; known when that was expanded and a card paid.
    pub card: Option<Card>,
    pub last_decline: Option<Decline>,
    /// `ch_…`
    pub latest_charge: Option<String>,
    /// Refunded so far, of the latest charge.
    pub refunded: Cents,
    pub disputed: bool,
    pub created_unix_s: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckoutStatus {
    Open,
    Complete,
    Expired,
}

#[derive(Clone, Debug)]
pub struct Checkout {
    /// `cs_…`
    pub id: String,
    /// The processor's page; only while open.
    pub url: Option<String>,
    pub status: CheckoutStatus,
    /// The processor says the money is there. Settle from the intent, not from this.
    pub paid: bool,
    /// `None` until the payer confirms: a session has no intent before that.
    pub intent_id: Option<String>,
    pub amount: Cents,
    pub currency: String,
    pub livemode: bool,
    pub attempt_id: Option<String>,
    pub expires_at_unix_s: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundStatus {
    Pending,
    RequiresAction,
    Succeeded,
    Failed,
    Canceled,
    /// A status this version does not know. Never final: ask again.
    Unrecognised,
}

impl RefundStatus {
    pub(crate) fn parse(text: &str) -> Self {
        match text {
            "pending" => Self::Pending,
            "requires_action" => Self::RequiresAction,
            "succeeded" => Self::Succeeded,
            "failed" => Self::Failed,
            "canceled" => Self::Canceled,
            _ => Self::Unrecognised,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundReason {
    RequestedByPayer,
    Duplicate,
    Fraudulent,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// `re_…`
    pub id: String,
    pub status: RefundStatus,
    pub amount: Cents,
    pub intent_id: Option<String>,
    /// The key we gave it, from the metadata. `None` when it was made elsewhere.
    pub key: Option<String>,
    pub failure_reason: Option<String>,
    pub created_unix_s: i64,
}

/// Money a card's bank asks back, or asks about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    /// `dp_…` or `du_…`
    pub id: String,
    /// `None` when the processor's word is not one this version knows: ask again.
    pub stage: Option<DisputeStage>,
    pub amount: Cents,
    /// Lower case ISO code.
    pub currency: String,
    pub livemode: bool,
    pub intent_id: Option<String>,
    pub created_unix_s: i64,
}

pub(crate) fn dispute_stage(status: &str) -> Option<DisputeStage> {
    match status {
        "warning_closed" => Some(DisputeStage::InquiryClosed),
        "warning_needs_response" | "warning_under_review" => Some(DisputeStage::Inquiry),
        "needs_response" | "under_review" => Some(DisputeStage::Open),
        "won" | "prevented" => Some(DisputeStage::Won),
        "lost" => Some(DisputeStage::Lost),
        _ => None,
    }
}

/// One page of a list, newest first.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Pass it to get the next page; `None` on the last.
    pub next_cursor: Option<String>,
}

/// The practice's account at the processor, for the set-up checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// `acct_…`
    pub id: String,
    pub charges_enabled: bool,
    pub payouts_enabled: bool,
    pub details_submitted: bool,
    pub country: Option<String>,
    pub default_currency: Option<String>,
}

#[derive(Clone, Debug)]
pub struct WebhookEndpoint {
    /// `we_…`
    pub id: String,
    /// Shown once, at creation.
    pub secret: SecretString,
}

pub(crate) type Metadata = BTreeMap<String, String>;
