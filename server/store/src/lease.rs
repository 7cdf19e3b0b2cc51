//! Leases: work that several servers share is done by one at a time, and a dead one's share comes
//! free by itself.

use domain::clock::UnixMs;

use crate::{Db, Result};

/// Takes or extends the lease `name` for `holder`; false when somebody else has it.
pub async fn claim(
    db: &mut Db,
    name: &str,
    holder: &str,
    now: UnixMs,
    for_ms: i64,
) -> Result<bool> {
    const CLAIM: &str = "insert into lease (name, holder, until_ms) values ($1, $2, $3)
        on conflict (name) do update set holder = excluded.holder, until_ms = excluded.until_ms
        where lease.holder = excluded.holder or lease.until_ms < $4";
    let done = sqlx::query(CLAIM)
        .bind(name)
        .bind(holder)
        .bind(now.plus_ms(for_ms).0)
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}
