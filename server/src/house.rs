//! Everything a request or a job needs, wired once at start.

use std::sync::Arc;

use domain::clock::World;
use engine::Engine;
use metrics_exporter_prometheus::PrometheusHandle;
use payments::Payments;
use store::{Store, audit::Entry};

use crate::{
    clock::MovableClock, config::Config, failure::Failure, limit::Limits, password::Passwords,
};

pub struct House {
    pub config: Config,
    pub store: Store,
    pub world: World,
    pub payments: Payments,
    pub engine: Engine,
    pub passwords: Passwords,
    pub limits: Limits,
    /// Names this process in leases.
    pub holder: String,
    pub metrics: PrometheusHandle,
    /// Where imports stand.
    pub progress: crate::importing::Board,
    /// What browsers say they blocked on our pages.
    pub blocked: crate::blocked::Board,
    /// How the pay page last arrived at its public address.
    pub arrival: crate::tampering::Board,
    /// Rings when there is work that should not wait for the next tick.
    pub bell: Arc<tokio::sync::Notify>,
    /// Rings when an event of the card processor arrived.
    pub payments_bell: Arc<tokio::sync::Notify>,
    /// Only in the demo.
    pub demo: Option<Demo>,
}

/// What only the demo has: stand-ins for the vendors, and a clock that can be moved.
pub struct Demo {
    pub sandbox: sandbox::Sandbox,
    pub clock: Arc<MovableClock>,
    /// Moving the clock is one long step; two at once would interleave.
    pub moving: tokio::sync::Mutex<()>,
}

impl House {
    /// Writes one audit row in a transaction of its own.
    pub async fn audit(&self, entry: Entry) -> Result<(), Failure> {
        let world = self.world.clone();
        let entry = Arc::new(entry);
        self.store
            .write(move |db| {
                let (world, entry) = (world.clone(), entry.clone());
                Box::pin(async move { store::audit::insert(db, &world, &entry).await })
            })
            .await?;
        Ok(())
    }
}
