//! Stripe, and nothing else: a thin client over `async-stripe` with neutral, owned types that
//! `connect::gateway` re-exports. A crate of its own because the generated code is large: it is
//! compiled once and then left alone.
//!
//! Promises:
//! - One call is one HTTP request, with a timeout and, for every POST that creates something, an
//!   idempotency key. Nothing is retried here; a caller that repeats a call with the same id gets
//!   the first answer (D-23).
//! - Only a card error with status 402 is [`GatewayError::Declined`]. A transport error, a timeout,
//!   a truncated or foreign answer, a 5xx, a key still in use are [`GatewayError::Unknown`]: the
//!   request may have been carried out, and only asking again can tell (R63).
//! - What leaves us is an amount, an attempt id and, at Checkout, the practice's alias. No name, no
//!   email, no phone, no description, no statement suffix (D-28, D-60).
//! - Neither `Debug` nor `Display` of anything here shows a key, a client secret or a payer.
//! - Webhook signatures are checked on the raw bytes, in constant time, by [`webhook`].
//!
//! What of `async-stripe` is used, and what is not (1.0.0-rc.10, API version [`API_VERSION`]):
//! - Its client and its generated *requests* are used, which keeps parameter names honest.
//! - Its generated *answers* are not. They refuse a whole object when any of some hundred fields is
//!   absent, so a stand-in or a newer server that leaves out one field we never read would turn a
//!   captured payment into "unreadable". We read the few fields we act on ([`wire`]) and check that
//!   the object is the one we asked for.
//! - Errors are parsed inside its client, with the generated types. When an error embeds an intent
//!   that lacks fields, the error as a whole is unreadable and becomes `Unknown`: safe, and the
//!   caller asks for the intent next anyway.
//! - Account, dispute and webhook endpoint calls are built by hand: their crates would cost more to compile
//!   than the four lines they save.
//! - The client keeps no idle connections and reads answers without a size limit; the timeout
//!   bounds both.

mod answer;
mod client;
mod failure;
pub mod webhook;
mod wire;

pub use answer::{
    Account, Card, Checkout, CheckoutStatus, Decline, Dispute, Intent, IntentStatus, Page, Refund,
    RefundReason, RefundStatus, WebhookEndpoint,
};
pub use client::{Gateway, GatewayOptions, NewCheckout, NewIntent, NewRefund};
pub use failure::GatewayError;

/// The API version every request and every webhook endpoint of ours is pinned to.
pub const API_VERSION: &str = "2026-09-30.endive";

/// The metadata key that carries our attempt id on intents and checkout sessions.
pub const ATTEMPT_KEY: &str = "attempt_id";
/// The metadata key that carries our own key on refunds, to find one after an unknown outcome.
pub const REFUND_KEY: &str = "refund_key";

/// Installs ring as the TLS provider of this process. Calling it again changes nothing.
pub fn install_tls() {
    // An error means that a provider is already there: this one, from an earlier call.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
