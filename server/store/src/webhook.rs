//! The durable inbox of what vendors tell us. A webhook is answered with 200 once its row is here
//! (decision 4, R26); what it leads to follows, at least once, in any order.

use domain::{
    clock::{DAY_MS, UnixMs},
    id::PracticeId,
};

use crate::{Db, Result, keys::Place};

#[derive(Clone, Debug)]
pub struct NewEvent<'a> {
    pub practice: &'a PracticeId,
    pub vendor: &'a str,
    /// The vendor's id: the key for duplicates.
    pub event_id: &'a str,
    pub kind: &'a str,
    pub body: &'a str,
}

/// An event that wants work.
#[derive(Clone, Debug)]
pub struct DueEvent {
    pub practice: PracticeId,
    pub vendor: String,
    pub event_id: String,
    pub attempts: i64,
    pub next_at: UnixMs,
}

/// False when this event was here already (R22).
pub async fn insert(db: &mut Db, event: &NewEvent<'_>, now: UnixMs) -> Result<bool> {
    const INSERT: &str = "insert into webhook_event (practice_id, vendor, event_id, kind,
        body_sealed, state, next_at_ms, received_at_ms)
        values ($1, $2, $3, $4, $5, 'new', $6, $6)
        on conflict (practice_id, vendor, event_id) do nothing";
    let place = place(event.practice.as_str(), event.event_id);
    let sealed = db.keys().seal(place, event.body);
    let done = sqlx::query(INSERT)
        .bind(event.practice.as_str())
        .bind(event.vendor)
        .bind(event.event_id)
        .bind(event.kind)
        .bind(sealed)
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Events of all practices that want work now, oldest first.
pub async fn list_due(db: &mut Db, vendor: &str, now: UnixMs, limit: i64) -> Result<Vec<DueEvent>> {
    const LIST: &str = "select practice_id, vendor, event_id, attempts, next_at_ms
        from webhook_event
        where next_at_ms <= $1 and vendor = $2
        order by next_at_ms, event_id
        limit $3";
    let rows: Vec<(String, String, String, i64, i64)> =
        sqlx::query_as(LIST).bind(now.0).bind(vendor).bind(limit).fetch_all(db.c()).await?;
    Ok(rows
        .into_iter()
        .map(|(practice, vendor, event_id, attempts, next_at)| DueEvent {
            practice: PracticeId::trusted(practice),
            vendor,
            event_id,
            attempts,
            next_at: UnixMs(next_at),
        })
        .collect())
}

/// Takes an event until `until`, when it comes up again by itself; false when somebody else was
/// faster.
pub async fn claim(db: &mut Db, event: &DueEvent, until: UnixMs) -> Result<bool> {
    const CLAIM: &str = "update webhook_event set next_at_ms = $5, attempts = attempts + 1
        where practice_id = $1 and vendor = $2 and event_id = $3 and next_at_ms = $4";
    let done = sqlx::query(CLAIM)
        .bind(event.practice.as_str())
        .bind(&event.vendor)
        .bind(&event.event_id)
        .bind(event.next_at.0)
        .bind(until.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// What the vendor wrote; `None` when there is no such event or its body was dropped.
pub async fn find_body(
    db: &mut Db,
    practice: &PracticeId,
    vendor: &str,
    event_id: &str,
) -> Result<Option<String>> {
    const FIND: &str = "select body_sealed from webhook_event
        where practice_id = $1 and vendor = $2 and event_id = $3";
    let row: Option<(String,)> = sqlx::query_as(FIND)
        .bind(practice.as_str())
        .bind(vendor)
        .bind(event_id)
        .fetch_optional(db.c())
        .await?;
    let keys = db.keys();
    match row {
        Some((sealed,)) if !sealed.is_empty() => {
            keys.open(place(practice.as_str(), event_id), &sealed).map(Some)
        }
        _ => Ok(None),
    }
}

/// Ends an event; its body is dropped, only that it came is kept.
pub async fn mark_done(
    db: &mut Db,
    practice: &PracticeId,
    vendor: &str,
    event_id: &str,
    outcome: &str,
    now: UnixMs,
) -> Result<()> {
    const MARK: &str = "update webhook_event set state = 'done', next_at_ms = null,
        done_at_ms = $4, outcome = $5, body_sealed = ''
        where practice_id = $1 and vendor = $2 and event_id = $3 and state = 'new'";
    sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(vendor)
        .bind(event_id)
        .bind(now.0)
        .bind(outcome)
        .execute(db.c())
        .await?;
    Ok(())
}

/// It could not be worked: it comes up again at `next_at`.
pub async fn mark_retry(
    db: &mut Db,
    practice: &PracticeId,
    vendor: &str,
    event_id: &str,
    next_at: UnixMs,
) -> Result<()> {
    const MARK: &str = "update webhook_event set next_at_ms = $4
        where practice_id = $1 and vendor = $2 and event_id = $3 and state = 'new'";
    sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(vendor)
        .bind(event_id)
        .bind(next_at.0)
        .execute(db.c())
        .await?;
    Ok(())
}

/// How long the oldest unfinished event has waited, for the Health page.
pub async fn find_oldest_open(db: &mut Db) -> Result<Option<UnixMs>> {
    const FIND: &str = "select min(received_at_ms) from webhook_event where next_at_ms is not null";
    let (oldest,): (Option<i64>,) = sqlx::query_as(FIND).fetch_one(db.c()).await?;
    Ok(oldest.map(UnixMs))
}

/// Events worked this long ago are forgotten: the vendor repeats one for days, not for months, and its
/// signature would be too old by then.
const KEPT_MS: i64 = 60 * DAY_MS;

/// Events that were worked long ago, `most` at a time; for the housekeeping.
pub async fn delete_old(db: &mut Db, now: UnixMs, most: i64) -> Result<u64> {
    const DELETE: &str = "delete from webhook_event
        where (practice_id, vendor, event_id) in (
            select practice_id, vendor, event_id from webhook_event
            where done_at_ms < $1 and next_at_ms is null
            order by done_at_ms, event_id
            limit $2)";
    let before = now.minus_ms(KEPT_MS).0;
    let done = sqlx::query(DELETE).bind(before).bind(most).execute(db.c()).await?;
    Ok(done.rows_affected())
}

fn place<'a>(practice: &'a str, event_id: &'a str) -> Place<'a> {
    Place { practice, table: "webhook_event", column: "body_sealed", row: event_id }
}
