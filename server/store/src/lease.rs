//! Leases: work that several servers share is done by one at a time, and a dead one's share comes
//! free by itself.

use domain::clock::UnixMs;

use crate::{Db, Result};

/// Until when somebody has the lease, if anybody ever took it.
pub async fn find_until(db: &mut Db, name: &str) -> Result<Option<UnixMs>> {
    const FIND: &str = "select until_ms from lease where name = $1";
    let row: Option<(i64,)> = sqlx::query_as(FIND).bind(name).fetch_optional(db.c()).await?;
    Ok(row.map(|(until,)| UnixMs(until)))
}

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
