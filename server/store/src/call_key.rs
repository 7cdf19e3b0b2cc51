//! Keys that people pressed in calls: what they asked for, and what came of it. Each key of a call
//! counts once, however often the provider asks what to say next.

use domain::{
    clock::World,
    id::{CallKeyId, GuarantorId, MessageId, PracticeId},
};

use crate::{Db, Result};

#[derive(Clone, Debug)]
pub struct New<'a> {
    pub message: &'a MessageId,
    pub guarantor: Option<&'a GuarantorId>,
    pub value_index: &'a str,
    pub call_id: &'a str,
    pub key: &'a str,
}

/// Records a key; false when this call has recorded it before.
pub async fn insert(
    db: &mut Db,
    world: &World,
    practice: &PracticeId,
    new: &New<'_>,
) -> Result<bool> {
    const INSERT: &str = "insert into call_key (id, practice_id, message_id, guarantor_id,
        value_index, call_id, key, at_ms)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict (practice_id, call_id, key) do nothing";
    let done = sqlx::query(INSERT)
        .bind(world.mint::<CallKeyId>().to_string())
        .bind(practice.as_str())
        .bind(new.message.as_str())
        .bind(new.guarantor.map(GuarantorId::as_str))
        .bind(new.value_index)
        .bind(new.call_id)
        .bind(new.key)
        .bind(world.now().0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// What came of a key.
pub async fn mark_outcome(
    db: &mut Db,
    practice: &PracticeId,
    call_id: &str,
    key: &str,
    outcome: &str,
) -> Result<()> {
    const MARK: &str = "update call_key set outcome = $4
        where practice_id = $1 and call_id = $2 and key = $3";
    sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(call_id)
        .bind(key)
        .bind(outcome)
        .execute(db.c())
        .await?;
    Ok(())
}

/// What came of a key that was pressed before; `None` while that is not known.
pub async fn find_outcome(
    db: &mut Db,
    practice: &PracticeId,
    call_id: &str,
    key: &str,
) -> Result<Option<String>> {
    const FIND: &str = "select outcome from call_key
        where practice_id = $1 and call_id = $2 and key = $3";
    let row: Option<(Option<String>,)> = sqlx::query_as(FIND)
        .bind(practice.as_str())
        .bind(call_id)
        .bind(key)
        .fetch_optional(db.c())
        .await?;
    Ok(row.and_then(|row| row.0))
}

/// The keys pressed in the calls of one message, oldest first: `(key, outcome, at_ms)`.
pub async fn list_by_message(
    db: &mut Db,
    practice: &PracticeId,
    message: &MessageId,
) -> Result<Vec<(String, Option<String>, i64)>> {
    const LIST: &str = "select key, outcome, at_ms from call_key
        where practice_id = $1 and message_id = $2
        order by at_ms, id";
    Ok(sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(message.as_str())
        .fetch_all(db.c())
        .await?)
}
