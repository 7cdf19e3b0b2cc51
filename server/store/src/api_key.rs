//! API keys of a practice. The key is shown once; only its hash is stored.

use domain::{
    clock::UnixMs,
    id::{ApiKeyId, PracticeId},
};

use crate::{Db, Result, keys::token_hash};

pub async fn insert(
    db: &mut Db,
    practice: &PracticeId,
    id: &ApiKeyId,
    name: &str,
    key: &str,
    created_by: &str,
    now: UnixMs,
) -> Result<()> {
    const INSERT: &str = "insert into api_key (id, practice_id, name, key_hash, created_at_ms,
        created_by)
        values ($1, $2, $3, $4, $5, $6)";
    sqlx::query(INSERT)
        .bind(id.as_str())
        .bind(practice.as_str())
        .bind(name)
        .bind(token_hash(key))
        .bind(now.0)
        .bind(created_by)
        .execute(db.c())
        .await?;
    Ok(())
}

/// Whose key this is; none when unknown or revoked.
pub async fn find(db: &mut Db, key: &str) -> Result<Option<(ApiKeyId, PracticeId)>> {
    const FIND: &str = "select id, practice_id from api_key
        where key_hash = $1 and revoked_at_ms is null";
    let row: Option<(String, String)> =
        sqlx::query_as(FIND).bind(token_hash(key)).fetch_optional(db.c()).await?;
    Ok(row.map(|(id, practice)| (ApiKeyId::trusted(id), PracticeId::trusted(practice))))
}

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Row {
    pub id: String,
    pub name: String,
    pub created_at_ms: i64,
    pub revoked_at_ms: Option<i64>,
}

pub async fn list(db: &mut Db, practice: &PracticeId) -> Result<Vec<Row>> {
    const LIST: &str = "select id, name, created_at_ms, revoked_at_ms from api_key
        where practice_id = $1
        order by created_at_ms, id";
    Ok(sqlx::query_as(LIST).bind(practice.as_str()).fetch_all(db.c()).await?)
}

/// False when there is no such live key in this practice.
pub async fn mark_revoked(
    db: &mut Db,
    practice: &PracticeId,
    id: &ApiKeyId,
    now: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update api_key set revoked_at_ms = $3
        where practice_id = $1 and id = $2 and revoked_at_ms is null";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}
