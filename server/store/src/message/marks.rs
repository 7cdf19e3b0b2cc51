//! What the frequency caps and the rate limiter read: narrow rows, never the messages themselves
//! (performance.md, fact 7).

use std::collections::BTreeMap;

use domain::{
    clock::{HOUR_MS, UnixMs},
    decide::Sent,
    id::{MessageId, PracticeId},
};

use crate::{
    Db, Result,
    backend::{LIST_LONGEST, padded, with_list},
};

/// A capped message was accepted for each of these subjects: a contact's index, a guarantor's id.
pub async fn insert(
    db: &mut Db,
    practice: &PracticeId,
    subjects: &[&str],
    message: &MessageId,
    notice: &str,
    at: UnixMs,
) -> Result<()> {
    const INSERT: &str = "insert into send_mark (practice_id, subject, at_ms, message_id, notice)
        values ($1, $2, $3, $4, $5)
        on conflict (practice_id, subject, at_ms, message_id) do nothing";
    for subject in subjects {
        sqlx::query(INSERT)
            .bind(practice.as_str())
            .bind(*subject)
            .bind(at.0)
            .bind(message.as_str())
            .bind(notice)
            .execute(db.c())
            .await?;
    }
    Ok(())
}

/// A send counted while nobody knew, and now it is known that it never went.
pub async fn delete(db: &mut Db, practice: &PracticeId, message: &MessageId) -> Result<()> {
    const DELETE: &str = "delete from send_mark where practice_id = $1 and message_id = $2";
    sqlx::query(DELETE).bind(practice.as_str()).bind(message.as_str()).execute(db.c()).await?;
    Ok(())
}

/// Sends since an instant, by subject, as `(message, sent)`.
pub async fn load_many(
    db: &mut Db,
    practice: &PracticeId,
    subjects: &[String],
    since: UnixMs,
) -> Result<BTreeMap<String, Vec<(String, Sent)>>> {
    const LOAD: &str = "select subject, at_ms, message_id, notice
        from send_mark
        where practice_id = $1 and at_ms > $2 and subject in ($list)";
    let mut found: BTreeMap<String, Vec<(String, Sent)>> = BTreeMap::new();
    for chunk in subjects.chunks(LIST_LONGEST) {
        let chunk = padded(chunk);
        let mut query =
            sqlx::query_as::<_, (String, i64, String, String)>(with_list(LOAD, 3, chunk.len()))
                .bind(practice.as_str())
                .bind(since.0);
        for subject in &chunk {
            query = query.bind(subject);
        }
        for (subject, at, message, notice) in query.fetch_all(db.c()).await? {
            let sent = Sent { at: UnixMs(at), notice };
            found.entry(subject).or_default().push((message, sent));
        }
    }
    Ok(found)
}

/// Takes a sender's next turn, at most one in `interval_ms` over all servers; otherwise says when
/// the next one is. After a clock that went back far the count begins anew.
pub async fn claim_turn(
    db: &mut Db,
    practice: &PracticeId,
    sender: &str,
    now: UnixMs,
    interval_ms: i64,
) -> Result<std::result::Result<(), UnixMs>> {
    const CLAIM: &str = "insert into sender_rate (practice_id, sender, free_at_ms)
        values ($1, $2, $3)
        on conflict (practice_id, sender) do update set free_at_ms = excluded.free_at_ms
        where sender_rate.free_at_ms <= $4 or sender_rate.free_at_ms > $5";
    const FIND: &str = "select free_at_ms from sender_rate where practice_id = $1 and sender = $2";
    let done = sqlx::query(CLAIM)
        .bind(practice.as_str())
        .bind(sender)
        .bind(now.plus_ms(interval_ms).0)
        .bind(now.0)
        .bind(now.plus_ms(HOUR_MS).0)
        .execute(db.c())
        .await?;
    if done.rows_affected() == 1 {
        return Ok(Ok(()));
    }
    let (free_at,): (i64,) =
        sqlx::query_as(FIND).bind(practice.as_str()).bind(sender).fetch_one(db.c()).await?;
    Ok(Err(UnixMs(free_at)))
}
