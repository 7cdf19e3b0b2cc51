//! Texts that staff of a practice send again and again, written once. They hold nothing about
//! anybody, so they are clear.

use domain::{
    clock::UnixMs,
    id::{CannedReplyId, PracticeId},
};

use crate::{Db, Result};

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct CannedReply {
    pub id: String,
    pub title: String,
    pub body: String,
}

/// By title.
pub async fn list(db: &mut Db, practice: &PracticeId) -> Result<Vec<CannedReply>> {
    const LIST: &str = "select id, title, body
        from canned_reply
        where practice_id = $1 and removed_at_ms is null
        order by title, id";
    Ok(sqlx::query_as(LIST).bind(practice.as_str()).fetch_all(db.c()).await?)
}

pub async fn load(
    db: &mut Db,
    practice: &PracticeId,
    id: &CannedReplyId,
) -> Result<Option<CannedReply>> {
    const LOAD: &str = "select id, title, body
        from canned_reply
        where practice_id = $1 and id = $2 and removed_at_ms is null";
    Ok(sqlx::query_as(LOAD)
        .bind(practice.as_str())
        .bind(id.as_str())
        .fetch_optional(db.c())
        .await?)
}

pub async fn insert(
    db: &mut Db,
    practice: &PracticeId,
    id: &CannedReplyId,
    title: &str,
    body: &str,
    by: &str,
    now: UnixMs,
) -> Result<()> {
    const INSERT: &str = "insert into canned_reply (id, practice_id, title, body, written_by,
        written_at_ms)
        values ($1, $2, $3, $4, $5, $6)";
    sqlx::query(INSERT)
        .bind(id.as_str())
        .bind(practice.as_str())
        .bind(title)
        .bind(body)
        .bind(by)
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(())
}

pub async fn mark_written(
    db: &mut Db,
    practice: &PracticeId,
    id: &CannedReplyId,
    title: &str,
    body: &str,
    by: &str,
    now: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update canned_reply set title = $3, body = $4, written_by = $5,
        written_at_ms = $6
        where practice_id = $1 and id = $2 and removed_at_ms is null";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(title)
        .bind(body)
        .bind(by)
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn mark_removed(
    db: &mut Db,
    practice: &PracticeId,
    id: &CannedReplyId,
    now: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update canned_reply set removed_at_ms = $3
        where practice_id = $1 and id = $2 and removed_at_ms is null";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}
