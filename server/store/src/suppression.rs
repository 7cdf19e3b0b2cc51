//! Opt-outs: by phone or email, of a practice or of the whole server. An import can never clear one
//! (M21); only the person can, or staff on the person's word.

use std::collections::BTreeMap;

use domain::{
    clock::{UnixMs, World},
    decide::{Channel, Suppression, SuppressionReason, SuppressionScope},
    id::{PracticeId, SuppressionId},
};

use crate::{
    Db, Result, StoreError,
    backend::{LIST_LONGEST, padded, with_list},
};

/// Stands for every practice of the server, over the global index (wrong numbers, decision 30).
pub const EVERY_PRACTICE: &str = "*";

pub const fn reason_code(reason: SuppressionReason) -> &'static str {
    match reason {
        SuppressionReason::Stop => "stop",
        SuppressionReason::KeyPress => "key_press",
        SuppressionReason::FreeText => "free_text",
        SuppressionReason::Unsubscribe => "unsubscribe",
        SuppressionReason::Staff => "staff",
        SuppressionReason::Carrier => "carrier",
        SuppressionReason::WrongNumber => "wrong_number",
        SuppressionReason::Complaint => "complaint",
    }
}

fn reason_of(code: &str) -> SuppressionReason {
    match code {
        "stop" => SuppressionReason::Stop,
        "key_press" => SuppressionReason::KeyPress,
        "free_text" => SuppressionReason::FreeText,
        "unsubscribe" => SuppressionReason::Unsubscribe,
        "carrier" => SuppressionReason::Carrier,
        "wrong_number" => SuppressionReason::WrongNumber,
        "complaint" => SuppressionReason::Complaint,
        _ => SuppressionReason::Staff,
    }
}

const fn scope_code(scope: SuppressionScope) -> &'static str {
    match scope {
        SuppressionScope::Everything => "everything",
        SuppressionScope::AllButReceipts => "all_but_receipts",
    }
}

/// A new opt-out of one practice; with [`EVERY_PRACTICE`] `value_index` is the global one.
#[derive(Clone, Debug)]
pub struct New<'a> {
    pub practice: &'a str,
    pub value_index: &'a str,
    pub channel: Channel,
    pub reason: SuppressionReason,
    pub scope: SuppressionScope,
    pub actor: &'a str,
}

/// Records it unless the same already stands; true when it is new.
pub async fn insert(db: &mut Db, world: &World, new: &New<'_>) -> Result<bool> {
    const INSERT: &str = "insert into suppression (id, practice_id, value_index, channel, scope,
        reason, actor, at_ms)
        select $1, $2, $3, $4, $5, $6, $7, $8
        where not exists (select 1 from suppression
            where practice_id = $2 and value_index = $3 and channel = $4 and reason = $6
            and scope = $5 and lifted_at_ms is null)";
    let done = sqlx::query(INSERT)
        .bind(world.mint::<SuppressionId>().to_string())
        .bind(new.practice)
        .bind(new.value_index)
        .bind(new.channel.as_str())
        .bind(scope_code(new.scope))
        .bind(reason_code(new.reason))
        .bind(new.actor)
        .bind(world.now().0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

#[derive(sqlx::FromRow)]
struct Row {
    value_index: String,
    channel: String,
    scope: String,
    reason: String,
    at_ms: i64,
}

/// The widest standing opt-out of each value and channel. Values are indexes of the practice and
/// global ones alike; they never collide.
pub async fn load_many(
    db: &mut Db,
    practice: &PracticeId,
    values: &[String],
) -> Result<BTreeMap<(String, Channel), Suppression>> {
    const LOAD: &str = "select value_index, channel, scope, reason, at_ms
        from suppression
        where practice_id in ($1, '*') and value_index in ($list) and lifted_at_ms is null";
    let mut found: BTreeMap<(String, Channel), Suppression> = BTreeMap::new();
    for chunk in values.chunks(LIST_LONGEST) {
        let chunk = padded(chunk);
        let mut query =
            sqlx::query_as::<_, Row>(with_list(LOAD, 2, chunk.len())).bind(practice.as_str());
        for value in &chunk {
            query = query.bind(value);
        }
        for row in query.fetch_all(db.c()).await? {
            let channel =
                Channel::parse(&row.channel).ok_or(StoreError::Corrupt("suppression.channel"))?;
            let stands = Suppression {
                reason: reason_of(&row.reason),
                scope: if row.scope == "all_but_receipts" {
                    SuppressionScope::AllButReceipts
                } else {
                    SuppressionScope::Everything
                },
                since: UnixMs(row.at_ms),
            };
            found
                .entry((row.value_index, channel))
                .and_modify(|known| *known = wider(*known, stands))
                .or_insert(stands);
        }
    }
    Ok(found)
}

/// Of two opt-outs the one that allows less; of equals the older.
pub fn wider(one: Suppression, other: Suppression) -> Suppression {
    let weight = |s: &Suppression| match (s.reason, s.scope) {
        (SuppressionReason::WrongNumber, _) => 3,
        (SuppressionReason::Complaint, SuppressionScope::Everything) => 2,
        (_, SuppressionScope::Everything) => 1,
        (_, SuppressionScope::AllButReceipts) => 0,
    };
    match weight(&one).cmp(&weight(&other)) {
        std::cmp::Ordering::Greater => one,
        std::cmp::Ordering::Less => other,
        std::cmp::Ordering::Equal if one.since <= other.since => one,
        std::cmp::Ordering::Equal => other,
    }
}

/// Lifts what the person themselves stopped: START lifts STOP, the toggle lifts the link. A wrong
/// number stays until staff have looked.
pub async fn mark_lifted(
    db: &mut Db,
    practice: &PracticeId,
    value_index: &str,
    channel: Channel,
    by: &str,
    now: UnixMs,
) -> Result<u64> {
    const MARK: &str = "update suppression set lifted_at_ms = $4, lifted_by = $5
        where practice_id = $1 and value_index = $2 and channel = $3 and lifted_at_ms is null
        and reason <> 'wrong_number'";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(value_index)
        .bind(channel.as_str())
        .bind(now.0)
        .bind(by)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected())
}

/// Staff read a text again: it was no opt-out. Lifts only what those words alone made, never a bare
/// STOP, a click or the carrier's own.
pub async fn mark_misread(
    db: &mut Db,
    practice: &PracticeId,
    value_index: &str,
    since: UnixMs,
    by: &str,
    now: UnixMs,
) -> Result<u64> {
    const MARK: &str = "update suppression set lifted_at_ms = $4, lifted_by = $5
        where practice_id = $1 and value_index = $2 and channel = 'text' and reason = 'free_text'
        and at_ms >= $3 and lifted_at_ms is null";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(value_index)
        .bind(since.0)
        .bind(now.0)
        .bind(by)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected())
}

/// An opt-out that a member of staff recorded by mistake.
#[derive(Clone, Debug)]
pub struct Mistake<'a> {
    pub value_index: &'a str,
    pub channel: Channel,
    pub actor: &'a str,
    pub from: UnixMs,
    pub until: UnixMs,
}

/// Lifts what one person recorded in one go, and nothing that somebody else or the person themselves
/// stopped.
pub async fn mark_mistaken(
    db: &mut Db,
    practice: &PracticeId,
    mistake: &Mistake<'_>,
    by: &str,
    now: UnixMs,
) -> Result<u64> {
    const MARK: &str = "update suppression set lifted_at_ms = $7, lifted_by = $8
        where practice_id = $1 and value_index = $2 and channel = $3 and reason = 'staff'
        and actor = $4 and at_ms >= $5 and at_ms <= $6 and lifted_at_ms is null";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(mistake.value_index)
        .bind(mistake.channel.as_str())
        .bind(mistake.actor)
        .bind(mistake.from.0)
        .bind(mistake.until.0)
        .bind(now.0)
        .bind(by)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected())
}

/// Complaints of the practice since then.
pub async fn count_complaints(db: &mut Db, practice: &PracticeId, since: UnixMs) -> Result<i64> {
    const COUNT: &str = "select count(*) from suppression
        where practice_id = $1 and reason = 'complaint' and channel = 'email' and at_ms >= $2";
    let (many,): (i64,) =
        sqlx::query_as(COUNT).bind(practice.as_str()).bind(since.0).fetch_one(db.c()).await?;
    Ok(many)
}

/// Staff found out that the number is the guarantor's after all.
pub async fn mark_right_number(
    db: &mut Db,
    practice: &PracticeId,
    value_index: &str,
    global_index: &str,
    by: &str,
    now: UnixMs,
) -> Result<u64> {
    const MARK: &str = "update suppression set lifted_at_ms = $4, lifted_by = $5
        where reason = 'wrong_number' and lifted_at_ms is null
        and ((practice_id = $1 and value_index = $2) or (practice_id = '*' and value_index = $3))";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(value_index)
        .bind(global_index)
        .bind(now.0)
        .bind(by)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected())
}

/// A suppression as a restore carries it over from the newer data (R72).
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Kept {
    pub id: String,
    pub practice_id: String,
    pub value_index: String,
    pub channel: String,
    pub scope: String,
    pub reason: String,
    pub actor: String,
    pub at_ms: i64,
    pub lifted_at_ms: Option<i64>,
    pub lifted_by: Option<String>,
}

/// Every opt-out there ever was of one phone or email, oldest first. `values` are the practice's
/// index of it and the global one.
pub async fn list(db: &mut Db, practice: &PracticeId, values: [&str; 2]) -> Result<Vec<Kept>> {
    const LIST: &str = "select id, practice_id, value_index, channel, scope, reason, actor, at_ms,
        lifted_at_ms, lifted_by
        from suppression
        where practice_id in ($1, '*') and value_index in ($2, $3)
        order by at_ms, id";
    Ok(sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(values[0])
        .bind(values[1])
        .fetch_all(db.c())
        .await?)
}

/// Every suppression of the deployment, for a restore.
pub async fn list_kept(db: &mut Db) -> Result<Vec<Kept>> {
    const LIST: &str = "select id, practice_id, value_index, channel, scope, reason, actor, at_ms,
        lifted_at_ms, lifted_by
        from suppression
        order by id";
    Ok(sqlx::query_as(LIST).fetch_all(db.c()).await?)
}

/// Puts one back: new ones are added, known ones take the newer state.
pub async fn insert_kept(db: &mut Db, kept: &Kept) -> Result<()> {
    const INSERT: &str = "insert into suppression (id, practice_id, value_index, channel, scope,
        reason, actor, at_ms, lifted_at_ms, lifted_by)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        on conflict (id) do update set lifted_at_ms = excluded.lifted_at_ms,
            lifted_by = excluded.lifted_by";
    sqlx::query(INSERT)
        .bind(&kept.id)
        .bind(&kept.practice_id)
        .bind(&kept.value_index)
        .bind(&kept.channel)
        .bind(&kept.scope)
        .bind(&kept.reason)
        .bind(&kept.actor)
        .bind(kept.at_ms)
        .bind(kept.lifted_at_ms)
        .bind(&kept.lifted_by)
        .execute(db.c())
        .await?;
    Ok(())
}
