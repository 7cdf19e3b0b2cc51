//! Messages of several accounts that go as one, because their phone or email is the same (D-4). The
//! one that carries has the work to do and the lease; the carried ones share its state in the same
//! transactions, and are never found by the index of what is due.

use domain::{
    clock::UnixMs,
    id::{MessageId, PracticeId},
};

use super::queue::TAKEN_BACK;
use crate::{Db, Result};

/// Of one digest at most so many are looked at together; the others wait for the next.
const MEMBERS_MOST: i64 = 12;

/// What of a digest waits, for its slot or its yes, oldest first.
pub async fn list_waiting(
    db: &mut Db,
    practice: &PracticeId,
    digest: &str,
) -> Result<Vec<MessageId>> {
    const LIST: &str = "select id from message
        where practice_id = $1 and digest = $2 and state in ('pending_approval', 'queued')
        order by id
        limit $3";
    list(db, LIST, practice, digest).await
}

/// What of a digest has its yes and rests in no job, oldest first.
pub async fn list_ready(
    db: &mut Db,
    practice: &PracticeId,
    digest: &str,
) -> Result<Vec<MessageId>> {
    const LIST: &str = "select id from message
        where practice_id = $1 and digest = $2 and state = 'queued' and next_at_ms is not null
        and not exists (select 1 from job
            where job.practice_id = $1 and job.id = message.job_id
            and job.paused_at_ms is not null)
        order by id
        limit $3";
    list(db, LIST, practice, digest).await
}

/// What a message carries or carried, oldest first.
pub async fn list_carried(
    db: &mut Db,
    practice: &PracticeId,
    by: &MessageId,
) -> Result<Vec<MessageId>> {
    const LIST: &str = "select id from message
        where practice_id = $1 and carried_by = $2
        order by id
        limit $3";
    list(db, LIST, practice, by.as_str()).await
}

async fn list(
    db: &mut Db,
    text: &'static str,
    practice: &PracticeId,
    of: &str,
) -> Result<Vec<MessageId>> {
    let rows: Vec<(String,)> = sqlx::query_as(text)
        .bind(practice.as_str())
        .bind(of)
        .bind(MEMBERS_MOST)
        .fetch_all(db.c())
        .await?;
    Ok(rows.into_iter().map(|(id,)| MessageId::trusted(id)).collect())
}

/// About to be handed over with others. Whoever held its lease finds that it does not wait any more.
pub async fn mark_carrying(
    db: &mut Db,
    practice: &PracticeId,
    id: &MessageId,
    holder: &str,
    lease_until: UnixMs,
    now: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update message set state = 'sending', attempts = attempts + 1, looks = 0,
        carried_by = null, slot_at_ms = case when slot_at_ms > $5 then $5 else slot_at_ms end,
        next_at_ms = $5, lease_holder = $3, lease_until_ms = $4, version = version + 1
        where practice_id = $1 and id = $2 and state = 'queued'";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(holder)
        .bind(lease_until.0)
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// About to be handed over in the message `by`, at whose side it now stays.
pub async fn mark_carried(
    db: &mut Db,
    practice: &PracticeId,
    id: &MessageId,
    by: &MessageId,
    now: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update message set state = 'sending', attempts = attempts + 1, looks = 0,
        carried_by = $3, slot_at_ms = case when slot_at_ms > $4 then $4 else slot_at_ms end,
        next_at_ms = null, lease_holder = null, lease_until_ms = null, version = version + 1
        where practice_id = $1 and id = $2 and state = 'queued'";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(by.as_str())
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Nobody knows whether the message that carries them went: nobody knows of them.
pub async fn mark_carried_unknown(
    db: &mut Db,
    practice: &PracticeId,
    by: &MessageId,
) -> Result<u64> {
    const MARK: &str = "update message set state = 'unknown', version = version + 1
        where practice_id = $1 and carried_by = $2 and state = 'sending'";
    let done = sqlx::query(MARK).bind(practice.as_str()).bind(by.as_str()).execute(db.c()).await?;
    Ok(done.rows_affected())
}

/// The message that carried it did not go: it waits for itself again, until `next_at`. False for what
/// staff took back meanwhile, as [`super::queue::mark_waiting`].
pub async fn mark_put_down(
    db: &mut Db,
    practice: &PracticeId,
    id: &MessageId,
    next_at: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update message set state = 'queued', carried_by = null, next_at_ms = $3,
        version = version + 1
        where practice_id = $1 and id = $2 and state in ('sending', 'unknown')
        and (end_reason is null or end_reason <> $4)";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(next_at.0)
        .bind(TAKEN_BACK)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// What it would be charged as if it went now, with those it would carry; none for one carried.
pub async fn mark_segments(
    db: &mut Db,
    practice: &PracticeId,
    id: &MessageId,
    segments: i64,
) -> Result<()> {
    const MARK: &str = "update message set segments = $3
        where practice_id = $1 and id = $2 and state in ('pending_approval', 'queued')";
    sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(segments)
        .execute(db.c())
        .await?;
    Ok(())
}

/// Carried messages that are not where the one that carries them is: there are none.
pub async fn count_astray(db: &mut Db, practice: &PracticeId) -> Result<i64> {
    const COUNT: &str = "select count(*) from message m
        join message c on c.practice_id = m.practice_id and c.id = m.carried_by
        where m.practice_id = $1 and m.carried_by is not null
        and (m.state in ('pending_approval', 'queued')
            or (m.state in ('sending', 'unknown') and c.state <> m.state)
            or c.carried_by is not null)";
    let (many,): (i64,) = sqlx::query_as(COUNT).bind(practice.as_str()).fetch_one(db.c()).await?;
    Ok(many)
}
