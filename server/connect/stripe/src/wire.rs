//! The few fields we read of the processor's answers.
//!
//! Unknown fields are ignored, absent ones are `None`, and an object of another kind or with another
//! id than asked for is not an answer (R63): its outcome is unknown.

use domain::money::Cents;
use miniserde::{Deserialize, json::Value};
use secrecy::SecretString;

use crate::{
    ATTEMPT_KEY, REFUND_KEY,
    answer::{
        Account, Card, Checkout, CheckoutStatus, Decline, Dispute, Intent, IntentStatus, Metadata,
        Page, Refund, RefundStatus, WebhookEndpoint, dispute_stage,
    },
    failure::GatewayError,
};

/// Turns a parsed answer into ours, or says that it is none.
pub(crate) trait Answer: Deserialize {
    type Ours;
    fn into_ours(self) -> Result<Self::Ours, GatewayError>;
}

fn must_be(kind: &str, expected: &str) -> Result<(), GatewayError> {
    if kind == expected { Ok(()) } else { Err(GatewayError::Unknown("another object answered")) }
}

#[derive(Deserialize)]
pub(crate) struct WireIntent {
    id: String,
    object: String,
    status: String,
    amount: i64,
    amount_received: Option<i64>,
    currency: String,
    livemode: bool,
    created: i64,
    metadata: Option<Metadata>,
    client_secret: Option<String>,
    last_payment_error: Option<WireDecline>,
    /// An id, or the charge itself where we asked for it.
    latest_charge: Option<Value>,
}

#[derive(Deserialize)]
struct WireDecline {
    code: Option<String>,
    decline_code: Option<String>,
}

impl Answer for WireIntent {
    type Ours = Intent;

    fn into_ours(self) -> Result<Intent, GatewayError> {
        must_be(&self.object, "payment_intent")?;
        let charge = self.latest_charge.as_ref().map(Charge::read).unwrap_or_default();
        Ok(Intent {
            status: IntentStatus::parse(&self.status),
            amount: Cents(self.amount),
            amount_received: Cents(self.amount_received.unwrap_or_default()),
            currency: self.currency,
            livemode: self.livemode,
            attempt_id: self.metadata.and_then(|mut m| m.remove(ATTEMPT_KEY)),
            client_secret: self.client_secret.map(SecretString::from),
            card: charge.card,
            last_decline: self
                .last_payment_error
                .map(|e| Decline { code: e.code, decline_code: e.decline_code }),
            latest_charge: charge.id,
            refunded: Cents(charge.refunded),
            disputed: charge.disputed,
            created_unix_s: self.created,
            id: self.id,
        })
    }
}

/// A latest charge, as far as it was expanded.
#[derive(Default)]
struct Charge {
    id: Option<String>,
    refunded: i64,
    disputed: bool,
    card: Option<Card>,
}

impl Charge {
    fn read(value: &Value) -> Self {
        if let Value::String(id) = value {
            return Self { id: Some(id.clone()), ..Self::default() };
        }
        let card = field(value, "payment_method_details").and_then(|d| field(d, "card"));
        Self {
            id: text(value, "id"),
            refunded: field(value, "amount_refunded").and_then(whole).unwrap_or_default(),
            disputed: matches!(field(value, "disputed"), Some(Value::Bool(true))),
            card: card.and_then(|card| {
                Some(Card {
                    brand: text(card, "brand")?,
                    last4: text(card, "last4")?,
                    wallet: field(card, "wallet").and_then(|w| text(w, "type")),
                })
            }),
        }
    }
}

fn field<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Object(object) => object.get(name),
        _ => None,
    }
}

fn text(value: &Value, name: &str) -> Option<String> {
    match field(value, name) {
        Some(Value::String(text)) => Some(text.clone()),
        _ => None,
    }
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(miniserde::json::Number::U64(n)) => i64::try_from(*n).ok(),
        Value::Number(miniserde::json::Number::I64(n)) => Some(*n),
        _ => None,
    }
}

/// The id of something that may or may not be expanded.
fn id_of(value: &Value) -> Option<String> {
    match value {
        Value::String(id) => Some(id.clone()),
        other => text(other, "id"),
    }
}

#[derive(Deserialize)]
pub(crate) struct WireCheckout {
    id: String,
    object: String,
    url: Option<String>,
    status: Option<String>,
    payment_status: Option<String>,
    payment_intent: Option<Value>,
    amount_total: Option<i64>,
    currency: Option<String>,
    livemode: bool,
    metadata: Option<Metadata>,
    expires_at: i64,
}

impl Answer for WireCheckout {
    type Ours = Checkout;

    fn into_ours(self) -> Result<Checkout, GatewayError> {
        must_be(&self.object, "checkout.session")?;
        let status = match self.status.as_deref() {
            Some("open") => CheckoutStatus::Open,
            Some("complete") => CheckoutStatus::Complete,
            Some("expired") => CheckoutStatus::Expired,
            _ => return Err(GatewayError::Unknown("a checkout in no known state")),
        };
        Ok(Checkout {
            id: self.id,
            url: self.url,
            status,
            paid: self.payment_status.as_deref() == Some("paid"),
            intent_id: self.payment_intent.as_ref().and_then(id_of),
            amount: Cents(self.amount_total.unwrap_or_default()),
            currency: self.currency.unwrap_or_default(),
            livemode: self.livemode,
            attempt_id: self.metadata.and_then(|mut m| m.remove(ATTEMPT_KEY)),
            expires_at_unix_s: self.expires_at,
        })
    }
}

#[derive(Deserialize)]
pub(crate) struct WireRefund {
    id: String,
    object: String,
    status: Option<String>,
    amount: i64,
    payment_intent: Option<Value>,
    metadata: Option<Metadata>,
    failure_reason: Option<String>,
    created: i64,
}

impl Answer for WireRefund {
    type Ours = Refund;

    fn into_ours(self) -> Result<Refund, GatewayError> {
        must_be(&self.object, "refund")?;
        Ok(Refund {
            id: self.id,
            status: self.status.as_deref().map_or(RefundStatus::Unrecognised, RefundStatus::parse),
            amount: Cents(self.amount),
            intent_id: self.payment_intent.as_ref().and_then(id_of),
            key: self.metadata.and_then(|mut m| m.remove(REFUND_KEY)),
            failure_reason: self.failure_reason,
            created_unix_s: self.created,
        })
    }
}

#[derive(Deserialize)]
pub(crate) struct WireDispute {
    id: String,
    object: String,
    status: String,
    amount: i64,
    currency: String,
    livemode: bool,
    payment_intent: Option<Value>,
    created: i64,
}

impl Answer for WireDispute {
    type Ours = Dispute;

    fn into_ours(self) -> Result<Dispute, GatewayError> {
        must_be(&self.object, "dispute")?;
        Ok(Dispute {
            id: self.id,
            stage: dispute_stage(&self.status),
            amount: Cents(self.amount),
            currency: self.currency,
            livemode: self.livemode,
            intent_id: self.payment_intent.as_ref().and_then(id_of),
            created_unix_s: self.created,
        })
    }
}

#[derive(Deserialize)]
pub(crate) struct WireList<T> {
    object: String,
    data: Vec<T>,
    has_more: bool,
}

/// What a list is paged by.
pub(crate) trait Named {
    fn id(&self) -> &str;
}

impl Named for Intent {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Named for Refund {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Named for Dispute {
    fn id(&self) -> &str {
        &self.id
    }
}

impl<T: Answer> Answer for WireList<T>
where
    T::Ours: Named,
{
    type Ours = Page<T::Ours>;

    fn into_ours(self) -> Result<Self::Ours, GatewayError> {
        must_be(&self.object, "list")?;
        let items = self.data.into_iter().map(T::into_ours).collect::<Result<Vec<_>, _>>()?;
        let next_cursor = match items.last() {
            Some(last) if self.has_more => Some(last.id().to_owned()),
            _ => None,
        };
        Ok(Page { items, next_cursor })
    }
}

#[derive(Deserialize)]
pub(crate) struct WireAccount {
    id: String,
    object: String,
    charges_enabled: Option<bool>,
    payouts_enabled: Option<bool>,
    details_submitted: Option<bool>,
    country: Option<String>,
    default_currency: Option<String>,
}

impl Answer for WireAccount {
    type Ours = Account;

    fn into_ours(self) -> Result<Account, GatewayError> {
        must_be(&self.object, "account")?;
        Ok(Account {
            id: self.id,
            charges_enabled: self.charges_enabled.unwrap_or_default(),
            payouts_enabled: self.payouts_enabled.unwrap_or_default(),
            details_submitted: self.details_submitted.unwrap_or_default(),
            country: self.country,
            default_currency: self.default_currency,
        })
    }
}

#[derive(Deserialize)]
pub(crate) struct WireWebhookEndpoint {
    id: String,
    object: String,
    secret: Option<String>,
}

impl Answer for WireWebhookEndpoint {
    type Ours = WebhookEndpoint;

    fn into_ours(self) -> Result<WebhookEndpoint, GatewayError> {
        must_be(&self.object, "webhook_endpoint")?;
        let secret = self.secret.ok_or(GatewayError::Unknown("an endpoint without its secret"))?;
        Ok(WebhookEndpoint { id: self.id, secret: secret.into() })
    }
}
