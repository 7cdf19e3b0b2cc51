//! Sessions of staff and patients, and of sign-ins half-way through. Tokens are stored hashed;
//! all times are the real clock's.

use domain::{
    clock::{DAY_MS, UnixMs},
    id::PracticeId,
};

use crate::{
    Db, Result,
    keys::{Place, token_hash},
};

/// Idle and absolute limits (R37). Whatever a client sends, only these count.
pub const IDLE_MS: i64 = 15 * 60 * 1000;
pub const ABSOLUTE_MS: i64 = 12 * 60 * 60 * 1000;
/// Last-seen is written at most this often.
const TOUCH_MS: i64 = 60 * 1000;
/// How far the clocks of several servers may be apart. A session seen later than that from now was seen
/// before the clock was set back: it would come to life again, or never go idle, and ends instead (R65).
const CLOCKS_APART_MS: i64 = 5 * 60 * 1000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Staff,
    /// A member of staff whose password was right and whose code is awaited.
    StaffHalf,
    Patient,
    /// A patient who has matched or signed in, and whose code is awaited.
    PatientHalf,
    /// The first-start screens.
    Setup,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Staff => "staff",
            Self::StaffHalf => "staff_half",
            Self::Patient => "patient",
            Self::PatientHalf => "patient_half",
            Self::Setup => "setup",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Session {
    /// SHA-256 of the cookie's token; names the session in logs and the audit.
    pub token_hash: String,
    pub subject_id: String,
    pub practice: PracticeId,
    /// JSON of the half-finished step, if any.
    pub state: Option<String>,
    pub created_at: UnixMs,
    pub last_seen_at: UnixMs,
    pub expires_at: UnixMs,
}

impl Session {
    /// True when last-seen is old enough to be worth a write.
    pub fn wants_touch(&self, now: UnixMs) -> bool {
        now.since(self.last_seen_at) >= TOUCH_MS
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    token_hash: String,
    subject_id: String,
    practice_id: String,
    state_sealed: Option<String>,
    created_at_ms: i64,
    last_seen_at_ms: i64,
    expires_at_ms: i64,
}

fn place<'a>(practice: &'a str, hash: &'a str) -> Place<'a> {
    Place { practice, table: "session", column: "state_sealed", row: hash }
}

/// Starts a session for a token that only the browser will know.
#[allow(clippy::too_many_arguments, reason = "a session is made of exactly these")]
pub async fn insert(
    db: &mut Db,
    kind: Kind,
    token: &str,
    subject_id: &str,
    practice: &PracticeId,
    state: Option<&str>,
    now: UnixMs,
    lasts_ms: i64,
) -> Result<()> {
    const INSERT: &str = "insert into session (token_hash, kind, subject_id, practice_id,
        state_sealed, created_at_ms, last_seen_at_ms, expires_at_ms)
        values ($1, $2, $3, $4, $5, $6, $6, $7)";
    let hash = token_hash(token);
    let sealed = db.keys().seal_option(place(practice.as_str(), &hash), state);
    sqlx::query(INSERT)
        .bind(&hash)
        .bind(kind.as_str())
        .bind(subject_id)
        .bind(practice.as_str())
        .bind(sealed)
        .bind(now.0)
        .bind(now.plus_ms(lasts_ms).0)
        .execute(db.c())
        .await?;
    Ok(())
}

/// The live session behind a token: not ended, not idle, not too old, and not of a time to come.
pub async fn find(db: &mut Db, kind: Kind, token: &str, now: UnixMs) -> Result<Option<Session>> {
    const FIND: &str = "select token_hash, subject_id, practice_id, state_sealed, created_at_ms,
        last_seen_at_ms, expires_at_ms
        from session
        where token_hash = $1 and kind = $2 and ended_at_ms is null
        and expires_at_ms > $3 and last_seen_at_ms > $4 and last_seen_at_ms <= $5";
    let row: Option<Row> = sqlx::query_as(FIND)
        .bind(token_hash(token))
        .bind(kind.as_str())
        .bind(now.0)
        .bind(now.minus_ms(IDLE_MS).0)
        .bind(now.plus_ms(CLOCKS_APART_MS).0)
        .fetch_optional(db.c())
        .await?;
    let Some(row) = row else { return Ok(None) };
    let keys = db.keys();
    let state =
        keys.open_option(place(&row.practice_id, &row.token_hash), row.state_sealed.as_deref())?;
    Ok(Some(Session {
        token_hash: row.token_hash,
        subject_id: row.subject_id,
        practice: PracticeId::trusted(row.practice_id),
        state,
        created_at: UnixMs(row.created_at_ms),
        last_seen_at: UnixMs(row.last_seen_at_ms),
        expires_at: UnixMs(row.expires_at_ms),
    }))
}

/// Whose session a token was that went idle or grew too old within the last day, and was not ended:
/// enough to keep what somebody was typing as theirs, never to show anything.
pub async fn find_lapsed(
    db: &mut Db,
    kind: Kind,
    token: &str,
    now: UnixMs,
) -> Result<Option<(String, PracticeId)>> {
    const FIND: &str = "select subject_id, practice_id
        from session
        where token_hash = $1 and kind = $2 and ended_at_ms is null and last_seen_at_ms > $3";
    let row: Option<(String, String)> = sqlx::query_as(FIND)
        .bind(token_hash(token))
        .bind(kind.as_str())
        .bind(now.minus_ms(DAY_MS).0)
        .fetch_optional(db.c())
        .await?;
    Ok(row.map(|(subject, practice)| (subject, PracticeId::trusted(practice))))
}

/// Replaces what a half-finished step has established.
pub async fn mark_state(
    db: &mut Db,
    practice: &PracticeId,
    hash: &str,
    state: Option<&str>,
) -> Result<()> {
    const MARK: &str = "update session set state_sealed = $3
        where token_hash = $1 and practice_id = $2";
    let sealed = db.keys().seal_option(place(practice.as_str(), hash), state);
    sqlx::query(MARK).bind(hash).bind(practice.as_str()).bind(sealed).execute(db.c()).await?;
    Ok(())
}

pub async fn mark_seen(db: &mut Db, hash: &str, now: UnixMs) -> Result<()> {
    const MARK: &str = "update session set last_seen_at_ms = $2
        where token_hash = $1 and ended_at_ms is null and last_seen_at_ms < $2";
    sqlx::query(MARK).bind(hash).bind(now.0).execute(db.c()).await?;
    Ok(())
}

/// Staff may work for several practices; the session holds the one at hand.
pub async fn mark_practice(db: &mut Db, hash: &str, practice: &PracticeId) -> Result<()> {
    const MARK: &str = "update session set practice_id = $2, state_sealed = null
        where token_hash = $1 and ended_at_ms is null";
    sqlx::query(MARK).bind(hash).bind(practice.as_str()).execute(db.c()).await?;
    Ok(())
}

pub async fn mark_ended(db: &mut Db, hash: &str, now: UnixMs) -> Result<()> {
    const MARK: &str = "update session set ended_at_ms = $2
        where token_hash = $1 and ended_at_ms is null";
    sqlx::query(MARK).bind(hash).bind(now.0).execute(db.c()).await?;
    Ok(())
}

/// Sessions nobody has used for two days, `most` at a time; for the housekeeping. Idle sessions end
/// after minutes, and [`find_lapsed`] looks back one day.
pub async fn delete_old(db: &mut Db, now: UnixMs, most: i64) -> Result<u64> {
    const DELETE: &str = "delete from session where token_hash in (
        select token_hash from session
        where last_seen_at_ms < $1
        order by last_seen_at_ms, subject_id
        limit $2)";
    let before = now.minus_ms(2 * DAY_MS).0;
    let done = sqlx::query(DELETE).bind(before).bind(most).execute(db.c()).await?;
    Ok(done.rows_affected())
}

/// Ends every session of a person but one: after a reset, a role change, a removal (R42).
pub async fn mark_all_ended(
    db: &mut Db,
    kind: Kind,
    subject_id: &str,
    but: Option<&str>,
    now: UnixMs,
) -> Result<()> {
    const MARK: &str = "update session set ended_at_ms = $3
        where kind = $1 and subject_id = $2 and ended_at_ms is null
        and token_hash <> $4";
    sqlx::query(MARK)
        .bind(kind.as_str())
        .bind(subject_id)
        .bind(now.0)
        .bind(but.unwrap_or_default())
        .execute(db.c())
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Store, scratch};

    const NOW: UnixMs = UnixMs(1_772_000_000_000);

    async fn is_live(store: &Store, at: UnixMs) -> bool {
        let mut db = store.read().await.unwrap();
        find(&mut db, Kind::Patient, "token", at).await.unwrap().is_some()
    }

    #[tokio::test]
    async fn a_clock_that_is_set_back_ends_sessions_and_brings_none_to_life() {
        let dir = tempfile::tempdir().unwrap();
        for store in scratch::both(dir.path()).await.unwrap() {
            let begun = store.write(|db| {
                Box::pin(async move {
                    let practice = PracticeId::trusted("prc_1");
                    let (kind, lasts) = (Kind::Patient, ABSOLUTE_MS);
                    insert(db, kind, "token", "lgn_1", &practice, None, NOW, lasts).await
                })
            });
            begun.await.unwrap();
            assert!(is_live(&store, NOW.plus_ms(IDLE_MS - 1)).await);
            assert!(!is_live(&store, NOW.plus_ms(IDLE_MS)).await, "idle");
            // Two servers are never quite of one mind about the time.
            assert!(is_live(&store, NOW.minus_ms(CLOCKS_APART_MS)).await);
            for back in [CLOCKS_APART_MS + 1, DAY_MS] {
                assert!(!is_live(&store, NOW.minus_ms(back)).await, "{back} ms back");
            }
        }
    }
}
