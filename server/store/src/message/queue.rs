//! What becomes of a waiting message. Every step names the state it leaves, so that of two workers
//! one wins; leases are on the wall clock, slots on the business clock.

use domain::{
    check_code,
    clock::UnixMs,
    decide::Channel,
    id::{GuarantorId, JobId, MessageId, PracticeId},
};

use super::State;
use crate::{
    Db, Result,
    backend::{LIST_LONGEST, padded, skipping_locked, with_list},
};

/// A message taken for work.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub practice: PracticeId,
    pub id: MessageId,
    pub state: State,
}

/// Takes up to `limit` due messages of all practices that nobody else holds.
pub async fn claim_due(
    db: &mut Db,
    holder: &str,
    now: UnixMs,
    wall: UnixMs,
    lease_until: UnixMs,
    limit: i64,
) -> Result<Vec<Claimed>> {
    const CLAIM: &str = "update message set lease_holder = $1, lease_until_ms = $4
        where id in (select id from message
            where next_at_ms is not null and next_at_ms <= $2
            and (lease_until_ms is null or lease_until_ms <= $3)
            and not exists (select 1 from job
                where job.practice_id = message.practice_id and job.id = message.job_id
                and job.paused_at_ms is not null and message.state = 'queued')
            order by next_at_ms, id
            limit $5
            $skip_locked)
        and (lease_until_ms is null or lease_until_ms <= $3)
        returning practice_id, id, state";
    let rows: Vec<(String, String, String)> = sqlx::query_as(skipping_locked(db.kind, CLAIM))
        .bind(holder)
        .bind(now.0)
        .bind(wall.0)
        .bind(lease_until.0)
        .bind(limit)
        .fetch_all(db.c())
        .await?;
    rows.into_iter()
        .map(|(practice, id, state)| {
            Ok(Claimed {
                practice: PracticeId::trusted(practice),
                id: MessageId::trusted(id),
                state: State::parse(&state)?,
            })
        })
        .collect()
}

/// Takes one message for work at once: a code that somebody waits for.
pub async fn claim_one(
    db: &mut Db,
    practice: &PracticeId,
    id: &MessageId,
    holder: &str,
    wall: UnixMs,
    lease_until: UnixMs,
) -> Result<bool> {
    const CLAIM: &str = "update message set lease_holder = $3, lease_until_ms = $5
        where practice_id = $1 and id = $2 and state = 'queued'
        and (lease_until_ms is null or lease_until_ms <= $4)";
    let done = sqlx::query(CLAIM)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(holder)
        .bind(wall.0)
        .bind(lease_until.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// The earliest instant at which a message wants work.
pub async fn find_next(db: &mut Db) -> Result<Option<UnixMs>> {
    const FIND: &str = "select min(next_at_ms) as at_ms, count(practice_id) as waiting
        from message
        where next_at_ms is not null";
    let row: (Option<i64>, i64) = sqlx::query_as(FIND).fetch_one(db.c()).await?;
    Ok(row.0.map(UnixMs))
}

/// The earliest instant after one at which a message wants work: what is overdue is in somebody's
/// hands, or waits for a dead worker's lease to end.
pub async fn find_next_after(db: &mut Db, now: UnixMs) -> Result<Option<UnixMs>> {
    const FIND: &str = "select min(next_at_ms) as at_ms, count(practice_id) as waiting
        from message
        where next_at_ms is not null and next_at_ms > $1";
    let row: (Option<i64>, i64) = sqlx::query_as(FIND).bind(now.0).fetch_one(db.c()).await?;
    Ok(row.0.map(UnixMs))
}

/// Whoever holds the lease says, before the call, that it is about to hand the message over.
pub async fn mark_sending(
    db: &mut Db,
    practice: &PracticeId,
    id: &MessageId,
    holder: &str,
    now: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update message set state = 'sending', attempts = attempts + 1,
        looks = 0, next_at_ms = $4, version = version + 1
        where practice_id = $1 and id = $2 and lease_holder = $3 and state = 'queued'";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(holder)
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// How a provider took a message.
#[derive(Clone, Debug)]
pub struct Acceptance<'a> {
    pub provider_id: &'a str,
    pub status: &'a str,
    pub rank: i64,
    pub segments: i64,
}

/// The provider has it, by its answer or found by looking.
pub async fn mark_accepted(
    db: &mut Db,
    practice: &PracticeId,
    id: &MessageId,
    acceptance: &Acceptance<'_>,
    now: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update message set state = 'accepted', provider_id = $3,
        provider_status = $4, provider_rank = $5, segments = $6, accepted_at_ms = $7,
        end_reason = null, next_at_ms = null, lease_holder = null, lease_until_ms = null,
        version = version + 1
        where practice_id = $1 and id = $2 and state in ('sending', 'unknown')";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(acceptance.provider_id)
        .bind(acceptance.status)
        .bind(acceptance.rank)
        .bind(acceptance.segments)
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Why a message is over that staff took back.
pub const TAKEN_BACK: &str = "staff";

/// Back to waiting until `next_at`. A deferral moves the slot, a lost turn or a retry does not. False
/// also for what staff took back while it was in a provider's hands: that waits for nothing more.
pub async fn mark_waiting(
    db: &mut Db,
    practice: &PracticeId,
    id: &MessageId,
    next_at: UnixMs,
    moves_slot: bool,
) -> Result<bool> {
    const MARK: &str = "update message set state = 'queued', next_at_ms = $3,
        slot_at_ms = case when $4 = 1 then $3 else slot_at_ms end,
        lease_holder = null, lease_until_ms = null, version = version + 1
        where practice_id = $1 and id = $2 and state in ('queued', 'sending', 'unknown')
        and (end_reason is null or end_reason <> $5)";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(next_at.0)
        .bind(i64::from(moves_slot))
        .bind(TAKEN_BACK)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Its sender is busy until then. Only what still waits: another account's message may have taken it
/// along meanwhile.
pub async fn mark_paced(
    db: &mut Db,
    practice: &PracticeId,
    id: &MessageId,
    next_at: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update message set next_at_ms = $3, lease_holder = null,
        lease_until_ms = null, version = version + 1
        where practice_id = $1 and id = $2 and state = 'queued'";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(next_at.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Nobody knows whether it went; the next look is due at `next_at`.
pub async fn mark_unknown(
    db: &mut Db,
    practice: &PracticeId,
    id: &MessageId,
    next_at: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update message set state = 'unknown', next_at_ms = $3, looks = looks + 1,
        lease_holder = null, lease_until_ms = null, version = version + 1
        where practice_id = $1 and id = $2 and state in ('sending', 'unknown')";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(next_at.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// The amount or the content is not what was approved: a person has to say yes again (D-39).
pub async fn mark_pending_again(
    db: &mut Db,
    practice: &PracticeId,
    id: &MessageId,
    why: &str,
) -> Result<bool> {
    const MARK: &str = "update message set state = 'pending_approval', next_at_ms = null,
        approved_by = null, approved_at_ms = null, end_reason = $3,
        lease_holder = null, lease_until_ms = null, version = version + 1
        where practice_id = $1 and id = $2 and state = 'queued'";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(why)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends a message that has not been handed over, or whose hand-over failed.
pub async fn mark_ended(
    db: &mut Db,
    practice: &PracticeId,
    id: &MessageId,
    state: State,
    why: &str,
    code: Option<&str>,
    now: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update message set state = $3, end_reason = $4,
        provider_code = coalesce(cast($5 as text), provider_code), ended_at_ms = $6,
        next_at_ms = null, lease_holder = null, lease_until_ms = null, version = version + 1
        where practice_id = $1 and id = $2
        and state in ('pending_approval', 'queued', 'sending', 'unknown')";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(state.as_str())
        .bind(why)
        .bind(code)
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// A message that was open, and what ending it may concern.
#[derive(Clone, Debug)]
pub struct Ended {
    pub id: MessageId,
    pub job: Option<JobId>,
    pub guarantor: Option<GuarantorId>,
    pub digest: Option<String>,
}

type EndedRow = (String, Option<String>, Option<String>, Option<String>);

fn ended(rows: Vec<EndedRow>) -> Vec<Ended> {
    rows.into_iter()
        .map(|(id, job, guarantor, digest)| Ended {
            id: MessageId::trusted(id),
            job: job.map(JobId::trusted),
            guarantor: guarantor.map(GuarantorId::trusted),
            digest,
        })
        .collect()
}

/// Which waiting messages an opt-out takes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenBack {
    /// STOP, a wrong number: whatever it is.
    Everything,
    /// Unsubscribed from reminders: receipts and codes still go.
    Outreach,
}

/// STOP: what waits for this phone or email ends at once, also what waits for an approval (D-48).
pub async fn mark_value_cancelled(
    db: &mut Db,
    practice: &PracticeId,
    value_index: &str,
    channel: Channel,
    taken: TakenBack,
    why: &str,
    now: UnixMs,
) -> Result<Vec<Ended>> {
    const MARK: &str = "update message set state = 'cancelled', end_reason = $4, ended_at_ms = $5,
        next_at_ms = null, lease_holder = null, lease_until_ms = null, version = version + 1
        where practice_id = $1 and value_index = $2 and channel = $3
        and state in ('pending_approval', 'queued')
        and ($6 = 1 or class in ('dunning', 'agreed', 'failed_autopay', 'staff_direct'))
        returning id, job_id, guarantor_id, digest";
    let rows: Vec<EndedRow> = sqlx::query_as(MARK)
        .bind(practice.as_str())
        .bind(value_index)
        .bind(channel.as_str())
        .bind(why)
        .bind(now.0)
        .bind(i64::from(taken == TakenBack::Everything))
        .fetch_all(db.c())
        .await?;
    Ok(ended(rows))
}

/// Staff take back what of a job has not gone; one message, or all. What a provider may have already
/// keeps its state and the mark, so that it is not tried again when it turns out that it has not.
pub async fn mark_job_cancelled(
    db: &mut Db,
    practice: &PracticeId,
    job: &JobId,
    only: Option<&MessageId>,
    now: UnixMs,
) -> Result<Vec<Ended>> {
    const NOTE: &str = "update message set end_reason = $4
        where practice_id = $1 and job_id = $2 and (cast($3 as text) is null or id = $3)
        and state in ('sending', 'unknown')";
    const MARK: &str = "update message set state = 'cancelled', end_reason = $4, ended_at_ms = $5,
        next_at_ms = null, lease_holder = null, lease_until_ms = null, version = version + 1
        where practice_id = $1 and job_id = $2 and (cast($3 as text) is null or id = $3)
        and state in ('pending_approval', 'queued')
        returning id, job_id, guarantor_id, digest";
    let rows: Vec<EndedRow> = sqlx::query_as(MARK)
        .bind(practice.as_str())
        .bind(job.as_str())
        .bind(only.map(MessageId::as_str))
        .bind(TAKEN_BACK)
        .bind(now.0)
        .fetch_all(db.c())
        .await?;
    sqlx::query(NOTE)
        .bind(practice.as_str())
        .bind(job.as_str())
        .bind(only.map(MessageId::as_str))
        .bind(TAKEN_BACK)
        .execute(db.c())
        .await?;
    Ok(ended(rows))
}

/// The provider has it and reports nothing by itself: it is asked how far it came at `next_at`, or
/// never again. A report that came meanwhile has settled the question.
pub async fn mark_ask_again(
    db: &mut Db,
    practice: &PracticeId,
    id: &MessageId,
    next_at: Option<UnixMs>,
) -> Result<bool> {
    const MARK: &str = "update message set next_at_ms = $3, lease_holder = null,
        lease_until_ms = null
        where practice_id = $1 and id = $2 and state = 'accepted'";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(next_at.map(|at| at.0))
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// An answer that went back with the webhook's own answer: handed over as it was written.
pub async fn mark_answered(
    db: &mut Db,
    practice: &PracticeId,
    id: &MessageId,
    now: UnixMs,
) -> Result<()> {
    const MARK: &str = "update message set accepted_at_ms = $3
        where practice_id = $1 and id = $2 and state = 'accepted'";
    sqlx::query(MARK).bind(practice.as_str()).bind(id.as_str()).bind(now.0).execute(db.c()).await?;
    Ok(())
}

/// What of a job waits for its yes, in order, after an id.
pub async fn list_pending(
    db: &mut Db,
    practice: &PracticeId,
    job: &JobId,
    after: Option<&MessageId>,
    limit: i64,
) -> Result<Vec<MessageId>> {
    const LIST: &str = "select id from message
        where practice_id = $1 and job_id = $2 and state = 'pending_approval'
        and (cast($3 as text) is null or id > $3)
        order by id
        limit $4";
    let rows: Vec<(String,)> = sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(job.as_str())
        .bind(after.map(MessageId::as_str))
        .bind(limit)
        .fetch_all(db.c())
        .await?;
    Ok(rows.into_iter().map(|(id,)| MessageId::trusted(id)).collect())
}

/// Reminders of an account that wait for their slot or their yes: decided again after an event.
pub async fn list_waiting(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
) -> Result<Vec<(MessageId, State)>> {
    const LIST: &str = "select id, state from message
        where practice_id = $1 and guarantor_id = $2 and state in ('queued', 'pending_approval')
        order by id";
    let rows: Vec<(String, String)> = sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .fetch_all(db.c())
        .await?;
    rows.into_iter()
        .map(|(id, state)| Ok((MessageId::trusted(id), State::parse(&state)?)))
        .collect()
}

/// The yes to one message, with the slot it gets; the frozen content is named, so that a message
/// that changed meanwhile is not approved unseen.
#[derive(Clone, Debug)]
pub struct Slot {
    pub id: MessageId,
    pub content_hash: String,
    pub at: UnixMs,
}

pub async fn mark_approved(
    db: &mut Db,
    practice: &PracticeId,
    slots: &[Slot],
    by: &str,
    now: UnixMs,
) -> Result<u64> {
    const MARK: &str = "update message set state = 'queued', approved_by = $3, approved_at_ms = $4,
        slot_at_ms = $5, next_at_ms = $5, end_reason = null, version = version + 1
        where practice_id = $1 and id = $2 and state = 'pending_approval' and content_hash = $6";
    let mut approved = 0;
    for slot in slots {
        approved += sqlx::query(MARK)
            .bind(practice.as_str())
            .bind(slot.id.as_str())
            .bind(by)
            .bind(now.0)
            .bind(slot.at.0)
            .bind(&slot.content_hash)
            .execute(db.c())
            .await?
            .rows_affected();
    }
    Ok(approved)
}

/// New words, amount and link for a message that has to be approved again; `new` holds them, its id
/// does not matter.
pub async fn mark_rewritten(
    db: &mut Db,
    practice: &PracticeId,
    id: &MessageId,
    new: &super::New,
) -> Result<bool> {
    const MARK: &str = "update message set content_sealed = $3, content_hash = $4,
        amount_cents = $5, segments = $6, link_hash = $7, check_code = $8,
        check_keys = $9, version = version + 1
        where practice_id = $1 and id = $2 and state = 'pending_approval'";
    let plain = serde_json::to_string(&new.content).expect("content is plain data");
    let sealed =
        db.keys().seal(super::place(practice.as_str(), id.as_str(), "content_sealed"), &plain);
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(sealed)
        .bind(&new.content_hash)
        .bind(new.amount.map(|a| a.0))
        .bind(new.segments)
        .bind(&new.link_hash)
        .bind(&new.check_code)
        .bind(new.check_code.as_deref().map(check_code::keys))
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Other words for a text that waits for its yes.
pub async fn mark_edited(
    db: &mut Db,
    practice: &PracticeId,
    id: &MessageId,
    content: &super::Content,
    content_hash: &str,
    segments: i64,
) -> Result<bool> {
    const MARK: &str = "update message set content_sealed = $3, content_hash = $4, segments = $5,
        version = version + 1
        where practice_id = $1 and id = $2 and state = 'pending_approval'";
    let plain = serde_json::to_string(content).expect("content is plain data");
    let sealed =
        db.keys().seal(super::place(practice.as_str(), id.as_str(), "content_sealed"), &plain);
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(sealed)
        .bind(content_hash)
        .bind(segments)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes what waits of a job out of the queue while it rests, and puts it back: each at its slot,
/// or now when that has passed. How many that was.
pub async fn mark_job_resting(
    db: &mut Db,
    practice: &PracticeId,
    job: &JobId,
    rests: bool,
    now: UnixMs,
) -> Result<u64> {
    const REST: &str = "update message set next_at_ms = null
        where practice_id = $1 and job_id = $2 and state = 'queued' and $3 = $3";
    const GO_ON: &str = "update message set next_at_ms = case when slot_at_ms > $3 then slot_at_ms
        else $3 end, slot_at_ms = case when slot_at_ms > $3 then slot_at_ms else $3 end
        where practice_id = $1 and job_id = $2 and state = 'queued' and next_at_ms is null";
    let done = sqlx::query(if rests { REST } else { GO_ON })
        .bind(practice.as_str())
        .bind(job.as_str())
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected())
}

/// How far a message came, as its provider reports.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    pub state: State,
    /// The provider's own word and code, for the record.
    pub word: &'a str,
    pub code: Option<&'a str>,
    pub rank: i64,
}

/// Applies a report only when it ranks above what is known (R27). True when it was news.
pub async fn mark_reported(
    db: &mut Db,
    practice: &PracticeId,
    id: &MessageId,
    report: &Report<'_>,
    now: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update message set state = $3, provider_status = $4, provider_rank = $5,
        provider_code = coalesce(cast($6 as text), provider_code),
        delivered_at_ms = case when $3 = 'delivered' then $7 else delivered_at_ms end,
        ended_at_ms = case when $3 = 'accepted' then ended_at_ms else $7 end,
        end_reason = case when $3 = 'failed' then 'undelivered' else null end,
        next_at_ms = case when $3 = 'accepted' then next_at_ms else null end,
        version = version + 1
        where practice_id = $1 and id = $2 and provider_rank < $5
        and state in ('accepted', 'delivered', 'failed')";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(report.state.as_str())
        .bind(report.word)
        .bind(report.rank)
        .bind(report.code)
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Which of these guarantors have a message of the job that went or still may go (X7).
pub async fn list_reached(
    db: &mut Db,
    practice: &PracticeId,
    job: &JobId,
    guarantors: &[GuarantorId],
) -> Result<Vec<GuarantorId>> {
    const LIST: &str = "select distinct guarantor_id from message
        where practice_id = $1 and job_id = $2
        and state in ('pending_approval', 'queued', 'sending', 'unknown', 'accepted', 'delivered')
        and guarantor_id in ($list)";
    let mut found = Vec::new();
    for chunk in guarantors.chunks(LIST_LONGEST) {
        let chunk = padded(chunk);
        let mut query = sqlx::query_as::<_, (String,)>(with_list(LIST, 3, chunk.len()))
            .bind(practice.as_str())
            .bind(job.as_str());
        for id in &chunk {
            query = query.bind(id.as_str());
        }
        found.extend(
            query.fetch_all(db.c()).await?.into_iter().map(|(id,)| GuarantorId::trusted(id)),
        );
    }
    Ok(found)
}

/// Messages about to be handed over, or handed over without an answer yet.
pub async fn list_sending(
    db: &mut Db,
    practice: &PracticeId,
    channel: Channel,
) -> Result<Vec<MessageId>> {
    const LIST: &str = "select id from message
        where practice_id = $1 and state = 'sending' and channel = $2
        order by id";
    let rows: Vec<(String,)> = sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(channel.as_str())
        .fetch_all(db.c())
        .await?;
    Ok(rows.into_iter().map(|(id,)| MessageId::trusted(id)).collect())
}

/// Messages that some worker holds although they are due: between two steps of a simulation none is,
/// unless its worker died and the lease still runs.
pub async fn count_in_hand(db: &mut Db, now: UnixMs) -> Result<i64> {
    const COUNT: &str = "select count(*) from message
        where (state = 'sending' or lease_until_ms is not null) and next_at_ms <= $1";
    let (count,): (i64,) = sqlx::query_as(COUNT).bind(now.0).fetch_one(db.c()).await?;
    Ok(count)
}
