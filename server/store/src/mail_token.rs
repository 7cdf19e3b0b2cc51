//! Links in mails about a patient's own login: confirm an address, choose a new password. Stored
//! hashed, for one use; opening one changes nothing (D-55).

use domain::{
    clock::{DAY_MS, HOUR_MS, MINUTE_MS, UnixMs},
    id::{LoginId, PracticeId},
};

use crate::{Db, Result, keys::token_hash};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    ConfirmEmail,
    ResetPassword,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::ConfirmEmail => "confirm_email",
            Self::ResetPassword => "reset_password",
        }
    }

    /// How long its link works, on the real clock.
    pub const fn lasts_ms(self) -> i64 {
        match self {
            Self::ConfirmEmail => 3 * DAY_MS,
            Self::ResetPassword => 30 * MINUTE_MS,
        }
    }
}

/// A new link; earlier ones of the same purpose stop working.
pub async fn insert(
    db: &mut Db,
    practice: &PracticeId,
    login: &LoginId,
    purpose: Purpose,
    token: &str,
    now: UnixMs,
) -> Result<()> {
    const VOID: &str = "update mail_token set used_at_ms = $4
        where practice_id = $1 and login_id = $2 and purpose = $3 and used_at_ms is null";
    const INSERT: &str = "insert into mail_token (token_hash, practice_id, purpose, login_id,
        created_at_ms, expires_at_ms)
        values ($1, $2, $3, $4, $5, $6)";
    sqlx::query(VOID)
        .bind(practice.as_str())
        .bind(login.as_str())
        .bind(purpose.as_str())
        .bind(now.0)
        .execute(db.c())
        .await?;
    sqlx::query(INSERT)
        .bind(token_hash(token))
        .bind(practice.as_str())
        .bind(purpose.as_str())
        .bind(login.as_str())
        .bind(now.0)
        .bind(now.plus_ms(purpose.lasts_ms()).0)
        .execute(db.c())
        .await?;
    Ok(())
}

/// Whose link this is, while it works. Unknown, used and expired are the same `None`.
pub async fn find(
    db: &mut Db,
    purpose: Purpose,
    token: &str,
    now: UnixMs,
) -> Result<Option<(PracticeId, LoginId)>> {
    const FIND: &str = "select practice_id, login_id
        from mail_token
        where token_hash = $1 and purpose = $2 and used_at_ms is null and expires_at_ms > $3";
    let row: Option<(String, String)> = sqlx::query_as(FIND)
        .bind(token_hash(token))
        .bind(purpose.as_str())
        .bind(now.0)
        .fetch_optional(db.c())
        .await?;
    Ok(row.map(|(practice, login)| (PracticeId::trusted(practice), LoginId::trusted(login))))
}

/// Uses it up; `None` when somebody else was faster or it no longer works.
pub async fn claim(
    db: &mut Db,
    purpose: Purpose,
    token: &str,
    now: UnixMs,
) -> Result<Option<(PracticeId, LoginId)>> {
    const CLAIM: &str = "update mail_token set used_at_ms = $3
        where token_hash = $1 and purpose = $2 and used_at_ms is null and expires_at_ms > $3
        returning practice_id, login_id";
    let row: Option<(String, String)> = sqlx::query_as(CLAIM)
        .bind(token_hash(token))
        .bind(purpose.as_str())
        .bind(now.0)
        .fetch_optional(db.c())
        .await?;
    Ok(row.map(|(practice, login)| (PracticeId::trusted(practice), LoginId::trusted(login))))
}

/// Links nobody can use any more, `most` at a time; for the housekeeping.
pub async fn delete_old(db: &mut Db, now: UnixMs, most: i64) -> Result<u64> {
    const DELETE: &str = "delete from mail_token where token_hash in (
        select token_hash from mail_token
        where expires_at_ms < $1
        order by expires_at_ms, login_id
        limit $2)";
    let before = now.minus_ms(HOUR_MS).0;
    let done = sqlx::query(DELETE).bind(before).bind(most).execute(db.c()).await?;
    Ok(done.rows_affected())
}
