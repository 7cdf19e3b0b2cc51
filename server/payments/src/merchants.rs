//! A gateway for each practice, made from its own sealed settings.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use connect::gateway::{Gateway, GatewayError, GatewayOptions};
use domain::{id::PracticeId, payment::Refusal};
use store::{Store, merchant::Merchant};

use crate::{Payments, Result};

/// A merchant and the way to its account at the processor.
#[derive(Clone)]
pub(crate) struct Desk {
    pub merchant: Arc<Merchant>,
    pub gateway: Gateway,
}

/// Gateways by practice. The settings themselves are the version of a cached one (decision 25):
/// they are read each time, and a gateway is made anew when they differ.
pub(crate) struct Merchants {
    timeout_ms: u64,
    made: Mutex<HashMap<PracticeId, Desk>>,
}

impl Merchants {
    pub fn new(timeout_ms: u64) -> Self {
        Self { timeout_ms, made: Mutex::default() }
    }

    /// [`Refusal::NotSetUp`] when the practice has no account, or one that cannot work.
    async fn find(&self, store: &Store, practice: &PracticeId) -> Result<Desk> {
        let mut db = store.read().await?;
        let merchant = store::merchant::load(&mut db, practice).await?.ok_or(Refusal::NotSetUp)?;
        drop(db);
        let known = self.lock().get(practice).cloned();
        if let Some(desk) = known.filter(|desk| *desk.merchant == merchant) {
            return Ok(desk);
        }
        let gateway = ready_gateway(&merchant, self.timeout_ms).map_err(|cause| {
            tracing::error!(%practice, %cause, "the card processor's settings cannot work");
            Refusal::NotSetUp
        })?;
        let desk = Desk { merchant: Arc::new(merchant), gateway };
        self.lock().insert(practice.clone(), desk.clone());
        Ok(desk)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<PracticeId, Desk>> {
        // A panic elsewhere leaves a map of whole entries.
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A gateway of these settings; for the set-up checks too.
pub fn ready_gateway(
    merchant: &Merchant,
    timeout_ms: u64,
) -> std::result::Result<Gateway, GatewayError> {
    Gateway::new(GatewayOptions {
        base_url: merchant.base_url.clone(),
        secret_key: merchant.secret_key.clone().into(),
        account: merchant.account.clone(),
        timeout_ms,
    })
}

impl Payments {
    pub(crate) async fn desk(&self, practice: &PracticeId) -> Result<Desk> {
        self.inner.merchants.find(self.store(), practice).await
    }
}
