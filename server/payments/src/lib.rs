//! The only code that moves money.
//!
//! Money moves in named phases, none of which holds a transaction across a network call:
//! [`intend`] (a row; its id was minted with the form) → [`create`] (the processor's intent, whose
//! id is committed before anybody may confirm it) → the payer confirms → [`settle`] (from the intent
//! as fetched with our own key). The return page, the webhook inbox, the sweeper and the hourly
//! comparison all end in `settle`, the only function that posts a payment.
//!
//! Promises:
//! - One open attempt a guarantor, by unique index, whatever the door (decision 1).
//! - A call without an answer is *unknown*, never failed, and is resolved by asking (R63).
//! - What does not fit our row — amount, currency, mode, attempt — is quarantined, never booked
//!   (R21); money that fits is booked, however late it comes (R16).
//! - A refund is reserved before the processor hears of it; nothing is given back twice (R17).
//!
//! Refuses: to know HTTP, to hold card numbers, to send anything to a patient. Receipts are effects
//! that the engine sends.

mod alert;
mod apply;
mod create;
mod dispute;
mod find;
mod form;
mod inbox;
mod intend;
mod look;
mod merchants;
mod post;
mod reconcile;
mod refund;
mod settle;
mod sweep;
mod take_over;

use std::sync::Arc;

use domain::{
    clock::World,
    payment::Refusal,
    points::{Point, Points},
};
use store::{Store, StoreError};

pub use apply::{AppliedInBulk, ApplyLine, Staff};
pub use create::Started;
pub use find::{Detail, FoundPayment};
pub use form::Form;
pub use inbox::{Accepted, BadWebhook};
pub use intend::{CheckoutPage, How, Wish};
pub use look::{Outcome, Receipt};
pub use merchants::ready_gateway;
pub use reconcile::Compared;
pub use refund::{Refunding, WishedRefund};
pub use settle::{Quarantine, Settled, Via};
pub use store::ledger::Fault;
pub use sweep::SweepReport;

/// Everything here either answers, is refused by the business, or failed inside.
pub type Result<T> = std::result::Result<T, PayError>;

#[derive(Debug, thiserror::Error)]
pub enum PayError {
    /// For the payer or staff: `app` has the sentence.
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PayError {
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::Store(_) => None,
        }
    }
}

/// Called after money was booked, so that the engine need not wait for its next tick.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

#[derive(Clone)]
pub struct PaymentsOptions {
    /// For one whole call to the processor. Past it, the outcome is unknown.
    pub gateway_timeout_ms: u64,
    pub wake: Option<Wake>,
    /// Who is told of the points between two durable steps; nobody in `serve`.
    pub points: Points,
}

impl Default for PaymentsOptions {
    /// Ten seconds: the processor answers in one, and a payer looks at a spinner meanwhile.
    fn default() -> Self {
        Self { gateway_timeout_ms: 10_000, wake: None, points: Points::default() }
    }
}

/// Cheap to clone; one for the whole process.
#[derive(Clone)]
pub struct Payments {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    world: World,
    merchants: merchants::Merchants,
    wake: Option<Wake>,
    points: Points,
    /// One drain and one sweep at a time in a process: a second would only meet claimed rows.
    draining: tokio::sync::Mutex<()>,
    sweeping: tokio::sync::Mutex<()>,
}

impl Payments {
    pub fn new(store: Store, world: World, options: PaymentsOptions) -> Self {
        Self {
            inner: Arc::new(Inner {
                store,
                world,
                merchants: merchants::Merchants::new(options.gateway_timeout_ms),
                wake: options.wake,
                points: options.points,
                draining: tokio::sync::Mutex::default(),
                sweeping: tokio::sync::Mutex::default(),
            }),
        }
    }

    fn store(&self) -> &Store {
        &self.inner.store
    }

    fn world(&self) -> &World {
        &self.inner.world
    }

    fn now(&self) -> domain::clock::UnixMs {
        self.inner.world.now()
    }

    /// Says that a point lies behind the last durable step. May not return.
    fn reach(&self, point: Point) {
        self.inner.points.reach(point);
    }

    fn wake(&self) {
        if let Some(wake) = &self.inner.wake {
            wake();
        }
    }

    /// What must hold of the books at every instant; an empty list is good.
    pub async fn faults(&self) -> Result<Vec<Fault>> {
        let mut db = self.store().read().await?;
        Ok(store::ledger::list_faults(&mut db).await?)
    }
}

/// A refusal out of a transaction is an answer: nothing was written before it, so there is nothing
/// to roll back. A failure of the store rolls back.
fn answer<T>(result: Result<T>) -> store::Result<std::result::Result<T, Refusal>> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(PayError::Refused(refusal)) => Ok(Err(refusal)),
        Err(PayError::Store(cause)) => Err(cause),
    }
}
