//! The rows behind Stripe's objects, and the objects as the API shows them at the pinned version.
//! Every field the official libraries expect is there; those that no part of Clearbill reads are
//! null, as they are at Stripe for a plain card payment.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::cards::Card;

pub type Metadata = BTreeMap<String, String>;

/// A payment's state, in Stripe's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentStatus {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    Processing,
    Succeeded,
    Canceled,
}

impl IntentStatus {
    pub fn word(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::RequiresConfirmation => "requires_confirmation",
            Self::RequiresAction => "requires_action",
            Self::Processing => "processing",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }

    /// Confirming, changing and canceling are possible.
    pub fn is_open(self) -> bool {
        matches!(
            self,
            Self::RequiresPaymentMethod | Self::RequiresConfirmation | Self::RequiresAction
        )
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Intent {
    pub id: String,
    pub client_secret: String,
    pub amount: i64,
    pub currency: String,
    pub status: IntentStatus,
    pub created: i64,
    pub metadata: Metadata,
    pub description: Option<String>,
    pub receipt_email: Option<String>,
    pub statement_descriptor: Option<String>,
    pub statement_descriptor_suffix: Option<String>,
    pub setup_future_usage: Option<String>,
    pub customer: Option<String>,
    pub automatic_methods: bool,
    pub allow_redirects: String,
    pub allowed_types: Option<Vec<String>>,
    pub method: Option<String>,
    pub latest_charge: Option<String>,
    pub last_error: Option<Value>,
    pub canceled_at: Option<i64>,
    pub cancellation_reason: Option<String>,
    /// Where the bank's approval page sends the person back to.
    pub return_url: Option<String>,
    /// The browser runs the approval itself, instead of being redirected.
    pub use_stripe_sdk: bool,
    /// The Checkout session that made it, if one did.
    pub session: Option<String>,
    /// While processing: when it settles (business milliseconds), and the decline it then meets.
    pub settles_at_ms: Option<i64>,
    pub settles_with: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Charge {
    pub id: String,
    pub intent: String,
    pub amount: i64,
    pub refunded: i64,
    pub currency: String,
    pub created: i64,
    pub succeeded: bool,
    pub disputed: bool,
    pub failure_code: Option<String>,
    pub failure_message: Option<String>,
    pub decline_code: Option<String>,
    pub network_code: Option<String>,
    pub method: String,
    pub card: Card,
    pub billing: Billing,
    pub metadata: Metadata,
    pub description: Option<String>,
    pub receipt_email: Option<String>,
    pub customer: Option<String>,
    pub statement_descriptor: Option<String>,
    pub statement_descriptor_suffix: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Billing {
    pub name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub line1: Option<String>,
    pub city: Option<String>,
    pub state: Option<String>,
    pub postal_code: Option<String>,
    pub country: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Method {
    pub id: String,
    pub created: i64,
    pub card: Card,
    pub billing: Billing,
    pub metadata: Metadata,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Refund {
    pub id: String,
    pub charge: String,
    pub intent: String,
    pub amount: i64,
    pub currency: String,
    pub created: i64,
    pub status: String,
    pub reason: Option<String>,
    pub failure_reason: Option<String>,
    pub metadata: Metadata,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LineItem {
    pub id: String,
    pub price: String,
    pub product: String,
    pub name: String,
    pub currency: String,
    pub unit_amount: i64,
    pub quantity: i64,
}

/// A Checkout session. It has no payment until the person has submitted its form.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    pub id: String,
    pub created: i64,
    pub expires_at: i64,
    pub status: String,
    pub payment_status: String,
    pub currency: String,
    pub lines: Vec<LineItem>,
    pub success_url: String,
    pub cancel_url: Option<String>,
    pub client_reference_id: Option<String>,
    pub customer: Option<String>,
    pub customer_email: Option<String>,
    pub payer_email: Option<String>,
    pub payer_name: Option<String>,
    pub locale: Option<String>,
    pub submit_type: Option<String>,
    pub allowed_types: Option<Vec<String>>,
    pub metadata: Metadata,
    pub intent: Option<String>,
    pub intent_metadata: Metadata,
    pub intent_description: Option<String>,
    pub intent_receipt_email: Option<String>,
    pub intent_descriptor: Option<String>,
    pub intent_descriptor_suffix: Option<String>,
}

impl Session {
    pub fn total(&self) -> i64 {
        self.lines.iter().map(|line| line.unit_amount.saturating_mul(line.quantity)).sum()
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    pub id: String,
    pub kind: String,
    pub created: i64,
    pub object: Value,
    pub previous: Option<Value>,
    pub request: Option<String>,
    pub idempotency_key: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Endpoint {
    pub id: String,
    pub created: i64,
    pub url: String,
    pub secret: String,
    pub enabled_events: Vec<String>,
    pub enabled: bool,
    pub description: Option<String>,
    pub api_version: Option<String>,
    pub metadata: Metadata,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Dispute {
    pub id: String,
    pub charge: String,
    pub intent: String,
    pub amount: i64,
    pub currency: String,
    pub created: i64,
    pub reason: String,
    pub status: String,
    pub brand: String,
    pub metadata: Metadata,
}

impl Intent {
    pub fn received(&self) -> i64 {
        if self.status == IntentStatus::Succeeded { self.amount } else { 0 }
    }

    pub fn json(&self, base: &str) -> Value {
        let automatic = self
            .automatic_methods
            .then(|| json!({ "allow_redirects": self.allow_redirects, "enabled": true }));
        let options = json!({
            "card": {
                "installments": null,
                "mandate_options": null,
                "network": null,
                "request_three_d_secure": "automatic",
            },
        });
        json!({
            "id": self.id,
            "object": "payment_intent",
            "allowed_payment_method_types": self.allowed_types,
            "amount": self.amount,
            "amount_capturable": 0,
            "amount_details": { "tip": {} },
            "amount_received": self.received(),
            "application": null,
            "application_fee_amount": null,
            "automatic_payment_methods": automatic,
            "canceled_at": self.canceled_at,
            "cancellation_reason": self.cancellation_reason,
            "capture_method": "automatic_async",
            "client_secret": self.client_secret,
            "confirmation_method": "automatic",
            "created": self.created,
            "currency": self.currency,
            "customer": self.customer,
            "customer_account": null,
            "description": self.description,
            "excluded_payment_method_types": null,
            "last_payment_error": self.last_error,
            "latest_charge": self.latest_charge,
            "livemode": false,
            "metadata": self.metadata,
            "next_action": self.next_action(base),
            "on_behalf_of": null,
            "payment_method": self.method,
            "payment_method_configuration_details": null,
            "payment_method_options": options,
            "payment_method_types": self.method_types(),
            "processing": null,
            "receipt_email": self.receipt_email,
            "review": null,
            "setup_future_usage": self.setup_future_usage,
            "shipping": null,
            "source": null,
            "statement_descriptor": self.statement_descriptor,
            "statement_descriptor_suffix": self.statement_descriptor_suffix,
            "status": self.status.word(),
            "transfer_data": null,
            "transfer_group": null,
        })
    }

    fn method_types(&self) -> Vec<String> {
        self.allowed_types.clone().unwrap_or_else(|| vec!["card".to_owned()])
    }

    fn next_action(&self, base: &str) -> Option<Value> {
        if self.status != IntentStatus::RequiresAction {
            return None;
        }
        let url =
            format!("{base}/elements/approve/{}?client_secret={}", self.id, self.client_secret);
        Some(match (&self.return_url, self.use_stripe_sdk) {
            (Some(return_url), false) => json!({
                "type": "redirect_to_url",
                "redirect_to_url": { "return_url": return_url, "url": url },
            }),
            _ => json!({
                "type": "use_stripe_sdk",
                "use_stripe_sdk": { "type": "three_d_secure_redirect", "stripe_js": url },
            }),
        })
    }
}

impl Billing {
    pub fn json(&self) -> Value {
        json!({
            "address": {
                "city": self.city,
                "country": self.country,
                "line1": self.line1,
                "line2": null,
                "postal_code": self.postal_code,
                "state": self.state,
            },
            "email": self.email,
            "name": self.name,
            "phone": self.phone,
            "tax_id": null,
        })
    }
}

fn wallet_json(card: &Card) -> Option<Value> {
    let kind = card.wallet.as_deref()?;
    Some(json!({ "dynamic_last4": card.last4, "type": kind, kind: {} }))
}

impl Method {
    pub fn json(&self) -> Value {
        let card = &self.card;
        json!({
            "id": self.id,
            "object": "payment_method",
            "allow_redisplay": "unspecified",
            "billing_details": self.billing.json(),
            "card": {
                "brand": card.brand,
                "checks": {
                    "address_line1_check": null,
                    "address_postal_code_check": null,
                    "cvc_check": "unchecked",
                },
                "country": "US",
                "display_brand": card.brand,
                "exp_month": card.exp_month,
                "exp_year": card.exp_year,
                "fingerprint": format!("Sandbox{}{}", card.brand, card.last4),
                "funding": card.funding,
                "generated_from": null,
                "last4": card.last4,
                "networks": { "available": [card.brand], "preferred": null },
                "regulated_status": "unregulated",
                "three_d_secure_usage": { "supported": true },
                "wallet": wallet_json(card),
            },
            "created": self.created,
            "customer": null,
            "customer_account": null,
            "livemode": false,
            "metadata": self.metadata,
            "type": "card",
        })
    }
}

impl Charge {
    pub fn captured(&self) -> i64 {
        if self.succeeded { self.amount } else { 0 }
    }

    pub fn json(&self, base: &str) -> Value {
        let receipt = self.succeeded.then(|| format!("{base}/receipts/{}", self.id));
        json!({
            "id": self.id,
            "object": "charge",
            "amount": self.amount,
            "amount_captured": self.captured(),
            "amount_refunded": self.refunded,
            "application": null,
            "application_fee": null,
            "application_fee_amount": null,
            "balance_transaction": null,
            "billing_details": self.billing.json(),
            "calculated_statement_descriptor": self.succeeded.then_some("SANDBOX"),
            "captured": self.succeeded,
            "created": self.created,
            "currency": self.currency,
            "customer": self.customer,
            "description": self.description,
            "destination": null,
            "dispute": null,
            "disputed": self.disputed,
            "failure_balance_transaction": null,
            "failure_code": self.failure_code,
            "failure_message": self.failure_message,
            "fraud_details": {},
            "livemode": false,
            "metadata": self.metadata,
            "on_behalf_of": null,
            "order": null,
            "outcome": self.outcome(),
            "paid": self.succeeded,
            "payment_intent": self.intent,
            "payment_method": self.method,
            "payment_method_details": self.method_details(),
            "presentment_details": null,
            "radar_options": {},
            "receipt_email": self.receipt_email,
            "receipt_number": null,
            "receipt_url": receipt,
            "refunded": self.succeeded && self.refunded == self.amount,
            "review": null,
            "shipping": null,
            "source": null,
            "source_transfer": null,
            "statement_descriptor": self.statement_descriptor,
            "statement_descriptor_suffix": self.statement_descriptor_suffix,
            "status": if self.succeeded { "succeeded" } else { "failed" },
            "transfer_data": null,
            "transfer_group": null,
        })
    }

    fn outcome(&self) -> Value {
        if self.succeeded {
            return json!({
                "advice_code": null,
                "network_advice_code": null,
                "network_decline_code": null,
                "network_status": "approved_by_network",
                "reason": null,
                "risk_level": "normal",
                "risk_score": 12,
                "seller_message": "Payment complete.",
                "type": "authorized",
            });
        }
        json!({
            "advice_code": null,
            "network_advice_code": null,
            "network_decline_code": self.network_code,
            "network_status": "declined_by_network",
            "reason": self.decline_code.as_ref().or(self.failure_code.as_ref()),
            "risk_level": "normal",
            "risk_score": 12,
            "seller_message": "The bank did not return any further details with this decline.",
            "type": "issuer_declined",
        })
    }

    fn method_details(&self) -> Value {
        let card = &self.card;
        let cvc_check = match (self.succeeded, self.failure_code.as_deref()) {
            (_, Some("incorrect_cvc")) => "fail",
            (true, _) => "pass",
            _ => "unchecked",
        };
        json!({
            "card": {
                "amount_authorized": self.succeeded.then_some(self.amount),
                "authorization_code": self.succeeded.then_some("123456"),
                "brand": card.brand,
                "checks": {
                    "address_line1_check": null,
                    "address_postal_code_check": self.billing.postal_code.as_ref().map(|_| "pass"),
                    "cvc_check": cvc_check,
                },
                "country": "US",
                "exp_month": card.exp_month,
                "exp_year": card.exp_year,
                "extended_authorization": { "status": "disabled" },
                "fingerprint": format!("Sandbox{}{}", card.brand, card.last4),
                "funding": card.funding,
                "incremental_authorization": { "status": "unavailable" },
                "installments": null,
                "last4": card.last4,
                "mandate": null,
                "multicapture": { "status": "unavailable" },
                "network": card.brand,
                "network_token": { "used": false },
                "network_transaction_id": null,
                "overcapture": {
                    "maximum_amount_capturable": self.amount,
                    "status": "unavailable",
                },
                "regulated_status": "unregulated",
                "three_d_secure": null,
                "wallet": wallet_json(card),
            },
            "type": "card",
        })
    }
}

impl Refund {
    pub fn json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "refund",
            "amount": self.amount,
            "balance_transaction": null,
            "charge": self.charge,
            "created": self.created,
            "currency": self.currency,
            "destination_details": {
                "card": {
                    "reference_status": "pending",
                    "reference_type": "acquirer_reference_number",
                    "type": "refund",
                },
                "type": "card",
            },
            "failure_reason": self.failure_reason,
            "metadata": self.metadata,
            "payment_intent": self.intent,
            "reason": self.reason,
            "receipt_number": null,
            "source_transfer_reversal": null,
            "status": self.status,
            "transfer_reversal": null,
        })
    }
}

impl LineItem {
    pub fn json(&self, created: i64) -> Value {
        let total = self.unit_amount.saturating_mul(self.quantity);
        json!({
            "id": self.id,
            "object": "item",
            "adjustable_quantity": null,
            "amount_discount": 0,
            "amount_subtotal": total,
            "amount_tax": 0,
            "amount_total": total,
            "currency": self.currency,
            "description": self.name,
            "metadata": {},
            "price": {
                "id": self.price,
                "object": "price",
                "active": false,
                "billing_scheme": "per_unit",
                "created": created,
                "currency": self.currency,
                "custom_unit_amount": null,
                "livemode": false,
                "lookup_key": null,
                "metadata": {},
                "nickname": null,
                "product": self.product,
                "recurring": null,
                "tax_behavior": "unspecified",
                "tiers_mode": null,
                "transform_quantity": null,
                "type": "one_time",
                "unit_amount": self.unit_amount,
                "unit_amount_decimal": self.unit_amount.to_string(),
            },
            "quantity": self.quantity,
        })
    }
}

impl Session {
    pub fn json(&self, base: &str) -> Value {
        let is_open = self.status == "open";
        let total = self.total();
        let email = self.payer_email.as_ref().or(self.customer_email.as_ref());
        let details = email.or(self.payer_name.as_ref()).map(|_| {
            json!({
                "address": null,
                "business_name": null,
                "email": email,
                "individual_name": null,
                "name": self.payer_name,
                "phone": null,
                "tax_exempt": "none",
                "tax_ids": null,
            })
        });
        json!({
            "id": self.id,
            "object": "checkout.session",
            "adaptive_pricing": { "enabled": false },
            "after_expiration": null,
            "allow_promotion_codes": null,
            "allowed_payment_method_types": self.allowed_types,
            "amount_subtotal": total,
            "amount_total": total,
            "automatic_tax": {
                "enabled": false,
                "liability": null,
                "provider": null,
                "status": null,
            },
            "billing_address_collection": null,
            "cancel_url": self.cancel_url,
            "client_reference_id": self.client_reference_id,
            "client_secret": null,
            "collected_information": null,
            "consent": null,
            "consent_collection": null,
            "created": self.created,
            "currency": self.currency,
            "currency_conversion": null,
            "custom_fields": [],
            "custom_text": {
                "after_submit": null,
                "shipping_address": null,
                "submit": null,
                "terms_of_service_acceptance": null,
            },
            "customer": self.customer,
            "customer_account": null,
            "customer_creation": "if_required",
            "customer_details": details,
            "customer_email": self.customer_email,
            "discounts": [],
            "expires_at": self.expires_at,
            "integration_identifier": null,
            "invoice": null,
            "invoice_creation": null,
            "livemode": false,
            "locale": self.locale,
            "metadata": self.metadata,
            "mode": "payment",
            "origin_context": null,
            "payment_intent": self.intent,
            "payment_link": null,
            "payment_method_collection": "if_required",
            "payment_method_configuration_details": null,
            "payment_method_options": { "card": { "request_three_d_secure": "automatic" } },
            "payment_method_types": ["card"],
            "payment_status": self.payment_status,
            "permissions": null,
            "phone_number_collection": { "enabled": false },
            "recovered_from": null,
            "saved_payment_method_options": null,
            "setup_intent": null,
            "shipping_address_collection": null,
            "shipping_cost": null,
            "shipping_options": [],
            "status": self.status,
            "submit_type": self.submit_type,
            "subscription": null,
            "success_url": self.success_url,
            "total_details": { "amount_discount": 0, "amount_shipping": 0, "amount_tax": 0 },
            "ui_mode": "hosted_page",
            "url": is_open.then(|| format!("{base}/checkout/{}", self.id)),
            "wallet_options": null,
        })
    }
}

impl Endpoint {
    pub fn wants(&self, kind: &str) -> bool {
        self.enabled && self.enabled_events.iter().any(|event| event == "*" || event == kind)
    }

    /// The secret is shown once, in the answer that creates it.
    pub fn json(&self, with_secret: bool) -> Value {
        let mut out = json!({
            "id": self.id,
            "object": "webhook_endpoint",
            "api_version": self.api_version,
            "application": null,
            "created": self.created,
            "description": self.description,
            "enabled_events": self.enabled_events,
            "livemode": false,
            "metadata": self.metadata,
            "status": if self.enabled { "enabled" } else { "disabled" },
            "url": self.url,
        });
        if with_secret {
            out["secret"] = self.secret.clone().into();
        }
        out
    }
}

impl Event {
    pub fn json(&self, api_version: &str, pending_webhooks: usize) -> Value {
        let mut data = json!({ "object": self.object });
        if let Some(previous) = &self.previous {
            data["previous_attributes"] = previous.clone();
        }
        json!({
            "id": self.id,
            "object": "event",
            "api_version": api_version,
            "created": self.created,
            "data": data,
            "livemode": false,
            "pending_webhooks": pending_webhooks,
            "request": { "id": self.request, "idempotency_key": self.idempotency_key },
            "type": self.kind,
        })
    }
}

impl Dispute {
    /// The bank's question, which takes no money.
    pub fn is_inquiry(&self) -> bool {
        self.status.starts_with("warning_")
    }

    pub fn is_closed(&self) -> bool {
        matches!(self.status.as_str(), "won" | "lost" | "warning_closed")
    }

    pub fn json(&self) -> Value {
        const WEEK: i64 = 7 * 24 * 60 * 60;
        json!({
            "id": self.id,
            "object": "dispute",
            "amount": self.amount,
            "balance_transactions": [],
            "charge": self.charge,
            "created": self.created,
            "currency": self.currency,
            "enhanced_eligibility_types": [],
            "evidence": { "enhanced_evidence": {} },
            "evidence_details": {
                "due_by": self.created + WEEK,
                "enhanced_eligibility": {},
                "has_evidence": false,
                "past_due": false,
                "submission_count": 0,
            },
            "is_charge_refundable": self.is_inquiry(),
            "livemode": false,
            "metadata": self.metadata,
            "payment_intent": self.intent,
            "payment_method_details": {
                "card": {
                    "brand": self.brand,
                    "case_type": if self.is_inquiry() { "inquiry" } else { "chargeback" },
                    "network": self.brand,
                    "network_reason_code": "10.4",
                },
                "type": "card",
            },
            "reason": self.reason,
            "status": self.status,
        })
    }
}
