//! The card processor's stand-in: Stripe's API at one pinned version, its script and card form, its
//! hosted Checkout page and its signed webhooks.
//!
//! Promises: an intent is captured at most once, refunds never exceed what was captured, and a key
//! answers the same request the same way. Refuses: live mode, manual capture, any currency but
//! those given, real card numbers.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{table::Table, world::World};

pub mod api;
pub mod cards;
pub mod charges;
pub mod checkout;
pub mod elements;
pub mod endpoints;
pub mod error;
pub mod expand;
pub mod intents;
pub mod methods;
pub mod objects;
pub mod page;
pub mod params;
pub mod refunds;

use objects::{Charge, Dispute, Endpoint, Event, Intent, Method, Refund, Session};

/// The version whose shapes are answered, and the one webhooks carry unless an endpoint says otherwise.
pub const API_VERSION: &str = "2026-09-30.endive";

/// Events and remembered idempotency keys; older ones are forgotten (Stripe: 30 days, 24 hours).
const EVENTS_KEEP: usize = 100_000;
const KEYS_KEEP: usize = 50_000;

/// The answer a used idempotency key repeats.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UsedKey {
    /// Digest of method, path and parameters; card fields are not part of it.
    pub fingerprint: String,
    pub status: u16,
    pub body: Value,
    pub request: String,
}

pub struct StripeTables {
    pub intents: Table<Intent>,
    pub charges: Table<Charge>,
    pub refunds: Table<Refund>,
    pub methods: Table<Method>,
    pub sessions: Table<Session>,
    pub events: Table<Event>,
    pub endpoints: Table<Endpoint>,
    pub disputes: Table<Dispute>,
    pub keys: Table<UsedKey>,
}

impl StripeTables {
    pub fn new() -> Self {
        Self {
            intents: Table::watching("intents", |intent: &Intent| {
                intent.status == objects::IntentStatus::Processing
            }),
            charges: Table::new("charges"),
            refunds: Table::new("refunds"),
            methods: Table::new("methods"),
            sessions: Table::watching("sessions", |session: &Session| session.status == "open"),
            events: Table::new("events"),
            endpoints: Table::new("endpoints"),
            disputes: Table::new("disputes"),
            keys: Table::new("keys"),
        }
    }

    pub fn forget_old(&mut self) {
        self.events.retain_newest(EVENTS_KEEP);
        self.keys.retain_newest(KEYS_KEEP);
    }
}

/// What a request brings along besides its parameters.
#[derive(Clone, Debug, Default)]
pub struct Ctx {
    /// `req_…`, in the answer's header and in the events it causes.
    pub request: String,
    pub idempotency_key: Option<String>,
    /// A scripted decline, or a scripted wait in `processing`.
    pub fault: Option<crate::faults::FaultRule>,
    /// Sent with the publishable key, so only what a browser may see and do.
    pub from_browser: bool,
}

/// Time passing: sessions expire, payments in processing settle.
pub fn tick(world: &mut World) {
    let ctx = Ctx::default();
    checkout::expire_due(world, &ctx);
    intents::settle_due(world, &ctx);
}
