//! Events of an email service that were worked off, so that each is once.

use domain::{
    clock::{DAY_MS, UnixMs},
    id::PracticeId,
};

use crate::{Db, Result};

/// Services repeat an event for a day or two.
const KEPT_MS: i64 = 14 * DAY_MS;

/// False when this very event is known.
pub async fn insert(db: &mut Db, practice: &PracticeId, id: &str, now: UnixMs) -> Result<bool> {
    const FORGET: &str = "delete from email_event where practice_id = $1 and at_ms < $2";
    const INSERT: &str = "insert into email_event (practice_id, event_id, at_ms)
        values ($1, $2, $3)
        on conflict (practice_id, event_id) do nothing";
    sqlx::query(FORGET)
        .bind(practice.as_str())
        .bind(now.minus_ms(KEPT_MS).0)
        .execute(db.c())
        .await?;
    let done =
        sqlx::query(INSERT).bind(practice.as_str()).bind(id).bind(now.0).execute(db.c()).await?;
    Ok(done.rows_affected() == 1)
}
