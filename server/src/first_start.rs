//! The first start: while nobody has an account, a one-time link makes the first manager. Its token
//! is stored hashed, works for a day, and is replaced by each newer one.

use domain::clock::{DAY_MS, UnixMs};
use store::{Store, StoreError, keys};

use crate::clock::real_now;

/// Long enough for somebody else to do the rest tomorrow morning.
pub const LINK_LASTS_MS: i64 = DAY_MS;

/// A fresh setup link under `base`, or none when somebody has an account already: then a link that
/// makes a manager would be a way around every password.
pub async fn new_link(store: &Store, base: &str) -> Result<Option<String>, StoreError> {
    let token = keys::new_token(keys::TOKEN_BYTES);
    let (hash, until) = (keys::token_hash(&token), real_now().plus_ms(LINK_LASTS_MS));
    let made = store.write(move |db| {
        let hash = hash.clone();
        Box::pin(async move { insert(db, &hash, until).await })
    });
    let base = base.trim_end_matches('/');
    Ok(made.await?.then(|| format!("{base}/setup/link/{token}")))
}

async fn insert(db: &mut store::Db, hash: &str, until: UnixMs) -> Result<bool, StoreError> {
    if store::staff::count(db).await? > 0 {
        return Ok(false);
    }
    store::setup::insert_link(db, hash, until).await?;
    Ok(true)
}

/// What `serve` prints while nobody has an account.
pub async fn announce(store: &Store, base: &str) -> Result<(), StoreError> {
    if let Some(link) = new_link(store, base).await? {
        println!("Nobody has an account yet. Open this link once, within 24 hours, to begin:");
        println!("  {link}");
    }
    Ok(())
}
