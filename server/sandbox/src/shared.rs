//! What the listeners, the pump and the handle have in common.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use tokio::sync::Notify;

use crate::world::{JournalBroken, World};

pub struct Shared {
    world: Mutex<World>,
    /// One delivery run at a time, so that order is what the outbox says.
    pub delivering: tokio::sync::Mutex<()>,
    /// Rings when the outbox may have something to send.
    pub bell: Notify,
    pub client: reqwest::Client,
    /// Public address of the server under test, and where it can be reached from here if that is
    /// somewhere else. Signatures are always over the public address.
    addresses: RwLock<Addresses>,
}

#[derive(Clone, Debug, Default)]
pub struct Addresses {
    pub public: String,
    pub reachable: Option<String>,
}

impl Shared {
    pub fn new(world: World, client: reqwest::Client, addresses: Addresses) -> Self {
        Self {
            world: Mutex::new(world),
            delivering: tokio::sync::Mutex::new(()),
            bell: Notify::new(),
            client,
            addresses: RwLock::new(addresses),
        }
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        // A panic in a handler is a bug, but what it left is still a whole world: rows are put whole.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One change, in the journal when this returns.
    pub fn change<R>(&self, change: impl FnOnce(&mut World) -> R) -> Result<R, JournalBroken> {
        let mut world = self.lock();
        let waiting = world.outbox.len();
        let result = change(&mut world);
        world.commit()?;
        if world.outbox.len() > waiting {
            self.bell.notify_one();
        }
        Ok(result)
    }

    pub fn look<R>(&self, look: impl FnOnce(&World) -> R) -> R {
        look(&self.lock())
    }

    pub fn addresses(&self) -> Addresses {
        self.addresses.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set_addresses(&self, addresses: Addresses) {
        *self.addresses.write().unwrap_or_else(PoisonError::into_inner) = addresses;
    }

    /// Where a public address is reached from here.
    pub fn reachable(&self, url: &str) -> String {
        let addresses = self.addresses();
        let rest =
            url.strip_prefix(addresses.public.as_str()).filter(|_| !addresses.public.is_empty());
        let url = match (addresses.reachable, rest) {
            (Some(reachable), Some(rest)) => format!("{reachable}{rest}"),
            _ => url.to_owned(),
        };
        // Twilio's delivery settings travel as a fragment, which is never sent.
        url.split('#').next().unwrap_or_default().to_owned()
    }
}
