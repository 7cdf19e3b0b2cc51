//! A practice's account at the card processor: each practice is its own merchant (decision 6).
//! Kept as the sealed connection `stripe`, write-only.

use std::fmt;

use domain::{clock::UnixMs, id::PracticeId};
use serde::{Deserialize, Serialize};

use crate::{Db, Result, StoreError, practice};

const KIND: &str = "stripe";

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merchant {
    /// `https://api.stripe.com`, or the sandbox.
    pub base_url: String,
    pub secret_key: String,
    pub publishable_key: String,
    /// Every active one: while a secret rotates there are two (R28).
    #[serde(default)]
    pub webhook_secrets: Vec<String>,
    /// Where the processor's script comes from; goes into the pay page's CSP.
    pub js_url: String,
    /// The origin of the processor's own page; goes into `form-action`.
    pub checkout_origin: String,
    /// `acct_…`, when the key belongs to a platform.
    #[serde(default)]
    pub account: Option<String>,
    /// Live money. What the processor sends must say the same (R21).
    #[serde(default)]
    pub livemode: bool,
}

impl fmt::Debug for Merchant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Merchant")
            .field("base_url", &self.base_url)
            .field("account", &self.account)
            .field("livemode", &self.livemode)
            .finish_non_exhaustive()
    }
}

pub async fn load(db: &mut Db, practice: &PracticeId) -> Result<Option<Merchant>> {
    let settings = practice::find_connection(db, practice, KIND).await?;
    settings.as_deref().map(read).transpose()
}

/// From the sealed settings, for those who read the row with others.
pub(crate) fn open(db: &Db, practice: &PracticeId, sealed: &str) -> Result<Merchant> {
    read(&practice::open_connection(db, practice, KIND, sealed)?)
}

fn read(settings: &str) -> Result<Merchant> {
    serde_json::from_str(settings)
        .map_err(|_| StoreError::Corrupt("connection.settings_sealed of stripe"))
}

pub async fn mark(
    db: &mut Db,
    practice: &PracticeId,
    merchant: &Merchant,
    now: UnixMs,
) -> Result<()> {
    let text = serde_json::to_string(merchant).expect("a merchant is plain data");
    practice::mark_connection(db, practice, KIND, &text, now).await
}

/// Up to when the processor's own list was compared with ours.
pub async fn find_compared_until(db: &mut Db, practice: &PracticeId) -> Result<Option<UnixMs>> {
    const FIND: &str = "select compared_until_ms from processor_cursor where practice_id = $1";
    let row: Option<(i64,)> =
        sqlx::query_as(FIND).bind(practice.as_str()).fetch_optional(db.c()).await?;
    Ok(row.map(|(until,)| UnixMs(until)))
}

pub async fn mark_compared_until(db: &mut Db, practice: &PracticeId, until: UnixMs) -> Result<()> {
    const MARK: &str = "insert into processor_cursor (practice_id, compared_until_ms)
        values ($1, $2)
        on conflict (practice_id) do update set compared_until_ms = excluded.compared_until_ms";
    sqlx::query(MARK).bind(practice.as_str()).bind(until.0).execute(db.c()).await?;
    Ok(())
}
