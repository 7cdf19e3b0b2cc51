//! Reports that came before our own record of the hand-over they are about.

use domain::{
    clock::{DAY_MS, UnixMs},
    id::PracticeId,
};

use crate::{Db, Result};

/// As the provider said it, in neutral codes.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Early {
    pub provider_id: String,
    pub status: String,
    pub word: String,
    pub code: Option<i64>,
    pub cause: Option<String>,
}

/// Keeps a report until its message is known; what nobody has asked for in a day goes.
pub async fn insert(db: &mut Db, practice: &PracticeId, early: &Early, now: UnixMs) -> Result<()> {
    const INSERT: &str = "insert into early_report (practice_id, provider_id, status, word, code,
        cause, at_ms)
        values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (practice_id, provider_id, status) do nothing";
    const FORGET: &str = "delete from early_report where practice_id = $1 and at_ms < $2";
    sqlx::query(FORGET)
        .bind(practice.as_str())
        .bind(now.minus_ms(DAY_MS).0)
        .execute(db.c())
        .await?;
    sqlx::query(INSERT)
        .bind(practice.as_str())
        .bind(&early.provider_id)
        .bind(&early.status)
        .bind(&early.word)
        .bind(early.code)
        .bind(&early.cause)
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(())
}

/// Takes what came early about a message.
pub async fn claim(db: &mut Db, practice: &PracticeId, provider_id: &str) -> Result<Vec<Early>> {
    const CLAIM: &str = "delete from early_report
        where practice_id = $1 and provider_id = $2
        returning provider_id, status, word, code, cause";
    Ok(sqlx::query_as(CLAIM).bind(practice.as_str()).bind(provider_id).fetch_all(db.c()).await?)
}
