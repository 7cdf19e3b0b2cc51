//! Where each account stands on its ladder, and every turn that is over (D-37, D-38).

use std::collections::BTreeMap;

use domain::{
    clock::UnixMs,
    decide::Channel,
    id::{ClaimId, GuarantorId, PracticeId, ProfileId, ProfileVersionId},
    profile::Turn,
};
use jiff::civil::Date;

use crate::{
    Db, Result,
    backend::{LIST_LONGEST, padded, with_list},
    message::channel_of,
};

/// Where an account stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Climbing,
    /// Every turn is over; a person has been asked to look.
    Over,
    /// Nothing is due.
    Idle,
    /// No active profile is theirs.
    Nobody,
}

impl State {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Climbing => "climbing",
            Self::Over => "over",
            Self::Idle => "idle",
            Self::Nobody => "none",
        }
    }
}

/// What a look at an account found.
#[derive(Clone, Debug)]
pub struct Stand {
    pub version: Option<ProfileVersionId>,
    /// The oldest open claim.
    pub cycle: Option<ClaimId>,
    pub next_at: Option<UnixMs>,
    pub state: State,
}

/// A turn that is over.
#[derive(Clone, Debug)]
pub struct Step {
    pub profile: ProfileId,
    pub version: ProfileVersionId,
    pub cycle: ClaimId,
    pub turn: Turn,
    pub outcome: String,
    pub slot_at: UnixMs,
    pub at: UnixMs,
    /// What its messages carry.
    pub notice: Option<String>,
    /// The first of its messages that a provider accepted.
    pub accepted_at: Option<UnixMs>,
    /// Channels on which it failed for good.
    pub failed: Vec<Channel>,
}

#[derive(sqlx::FromRow)]
struct StepRow {
    guarantor_id: String,
    profile_id: String,
    version_id: String,
    cycle: String,
    step: i64,
    occurrence: i64,
    outcome: String,
    slot_at_ms: i64,
    at_ms: i64,
    notice: Option<String>,
    accepted_at_ms: Option<i64>,
    failed_channels: String,
}

impl StepRow {
    fn step(self) -> Result<(GuarantorId, Step)> {
        let failed = self.failed_channels.split(',').filter(|code| !code.is_empty());
        let step = Step {
            profile: ProfileId::trusted(self.profile_id),
            version: ProfileVersionId::trusted(self.version_id),
            cycle: ClaimId::trusted(self.cycle),
            turn: Turn {
                step: u16::try_from(self.step).unwrap_or(u16::MAX),
                occurrence: u16::try_from(self.occurrence).unwrap_or(u16::MAX),
            },
            outcome: self.outcome,
            slot_at: UnixMs(self.slot_at_ms),
            at: UnixMs(self.at_ms),
            notice: self.notice,
            accepted_at: self.accepted_at_ms.map(UnixMs),
            failed: failed.map(channel_of).collect::<Result<_>>()?,
        };
        Ok((GuarantorId::trusted(self.guarantor_id), step))
    }
}

/// Accounts to look at, of all practices, the longest waiting first.
pub async fn list_due(
    db: &mut Db,
    now: UnixMs,
    limit: i64,
) -> Result<Vec<(PracticeId, GuarantorId)>> {
    const LIST: &str = "select practice_id, guarantor_id
        from ladder
        where next_at_ms is not null and next_at_ms <= $1
        order by next_at_ms, guarantor_id
        limit $2";
    let rows: Vec<(String, String)> =
        sqlx::query_as(LIST).bind(now.0).bind(limit).fetch_all(db.c()).await?;
    let read = |(practice, guarantor): (String, String)| {
        (PracticeId::trusted(practice), GuarantorId::trusted(guarantor))
    };
    Ok(rows.into_iter().map(read).collect())
}

/// The earliest instant at which some account wants a look.
pub async fn find_next(db: &mut Db) -> Result<Option<UnixMs>> {
    const FIND: &str = "select min(next_at_ms) as at_ms, count(practice_id) as due
        from ladder
        where next_at_ms is not null";
    let row: (Option<i64>, i64) = sqlx::query_as(FIND).fetch_one(db.c()).await?;
    Ok(row.0.map(UnixMs))
}

/// When this account is looked at next, and by which version.
pub async fn load(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
) -> Result<Option<(Option<ProfileVersionId>, Option<UnixMs>, String)>> {
    const LOAD: &str = "select version_id, next_at_ms, state
        from ladder
        where practice_id = $1 and guarantor_id = $2";
    let row: Option<(Option<String>, Option<i64>, String)> = sqlx::query_as(LOAD)
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .fetch_optional(db.c())
        .await?;
    Ok(row.map(|(version, at, state)| {
        (version.map(ProfileVersionId::trusted), at.map(UnixMs), state)
    }))
}

/// Takes in up to `limit` accounts after one, to be looked at now; the last of them.
pub async fn insert_some(
    db: &mut Db,
    practice: &PracticeId,
    after: Option<&GuarantorId>,
    limit: i64,
    now: UnixMs,
) -> Result<Option<GuarantorId>> {
    const LIST: &str = "select id from guarantor
        where practice_id = $1 and id > $2
        order by id
        limit $3";
    const INSERT: &str = "insert into ladder (guarantor_id, practice_id, next_at_ms, state)
        select id, practice_id, $4, 'idle'
        from guarantor
        where practice_id = $1 and id > $2 and id <= $3
        on conflict (guarantor_id) do update set next_at_ms = excluded.next_at_ms";
    let from = after.map_or("", GuarantorId::as_str);
    let ids: Vec<(String,)> = sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(from)
        .bind(limit)
        .fetch_all(db.c())
        .await?;
    let Some((last,)) = ids.into_iter().next_back() else { return Ok(None) };
    sqlx::query(INSERT)
        .bind(practice.as_str())
        .bind(from)
        .bind(&last)
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(Some(GuarantorId::trusted(last)))
}

/// What a look found, over whatever stood there.
pub async fn mark(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    stand: &Stand,
) -> Result<()> {
    const MARK: &str =
        "insert into ladder (guarantor_id, practice_id, version_id, cycle, next_at_ms,
        state)
        values ($1, $2, $3, $4, $5, $6)
        on conflict (guarantor_id) do update set version_id = excluded.version_id,
        cycle = excluded.cycle, next_at_ms = excluded.next_at_ms, state = excluded.state";
    sqlx::query(MARK)
        .bind(guarantor.as_str())
        .bind(practice.as_str())
        .bind(stand.version.as_ref().map(ProfileVersionId::as_str))
        .bind(stand.cycle.as_ref().map(ClaimId::as_str))
        .bind(stand.next_at.map(|at| at.0))
        .bind(stand.state.as_str())
        .execute(db.c())
        .await?;
    Ok(())
}

/// Nothing may be done about these accounts now: they are looked at again at `at`.
pub async fn mark_later(
    db: &mut Db,
    practice: &PracticeId,
    guarantors: &[GuarantorId],
    at: UnixMs,
) -> Result<()> {
    const MARK: &str = "update ladder set next_at_ms = $2
        where practice_id = $1 and guarantor_id in ($list)";
    for chunk in guarantors.chunks(LIST_LONGEST) {
        let chunk = padded(chunk);
        let mut query =
            sqlx::query(with_list(MARK, 3, chunk.len())).bind(practice.as_str()).bind(at.0);
        for id in &chunk {
            query = query.bind(id.as_str());
        }
        query.execute(db.c()).await?;
    }
    Ok(())
}

/// Something happened to the account: it is looked at by `at` at the latest, if the practice has a
/// profile that is climbed.
pub async fn mark_look(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    at: UnixMs,
) -> Result<()> {
    const MARK: &str = "insert into ladder (guarantor_id, practice_id, next_at_ms, state)
        select g.id, g.practice_id, $3, 'idle'
        from guarantor g
        where g.practice_id = $1 and g.id = $2
        and exists (select 1 from profile_version v
            where v.practice_id = $1 and v.state = 'active')
        on conflict (guarantor_id) do update set next_at_ms = case
            when ladder.next_at_ms < excluded.next_at_ms then ladder.next_at_ms
            else excluded.next_at_ms end";
    sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .bind(at.0)
        .execute(db.c())
        .await?;
    Ok(())
}

/// Every turn of these accounts that is over, oldest first.
pub async fn list_steps(
    db: &mut Db,
    practice: &PracticeId,
    guarantors: &[GuarantorId],
) -> Result<BTreeMap<GuarantorId, Vec<Step>>> {
    const LIST: &str = "select guarantor_id, profile_id, version_id, cycle, step, occurrence,
        outcome, slot_at_ms, at_ms, notice, accepted_at_ms, failed_channels
        from ladder_step
        where practice_id = $1 and guarantor_id in ($list)
        order by guarantor_id, at_ms, step, occurrence";
    let mut found: BTreeMap<GuarantorId, Vec<Step>> = BTreeMap::new();
    for chunk in guarantors.chunks(LIST_LONGEST) {
        let chunk = padded(chunk);
        let mut query =
            sqlx::query_as::<_, StepRow>(with_list(LIST, 2, chunk.len())).bind(practice.as_str());
        for id in &chunk {
            query = query.bind(id.as_str());
        }
        for row in query.fetch_all(db.c()).await? {
            let (guarantor, step) = row.step()?;
            found.entry(guarantor).or_default().push(step);
        }
    }
    Ok(found)
}

/// A turn is over. False when it was over already: it happens once (D-38).
pub async fn insert_step(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    step: &Step,
) -> Result<bool> {
    const INSERT: &str = "insert into ladder_step (practice_id, guarantor_id, profile_id, cycle,
        step, occurrence, version_id, outcome, slot_at_ms, at_ms, notice)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        on conflict (guarantor_id, profile_id, cycle, step, occurrence) do nothing";
    let done = sqlx::query(INSERT)
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .bind(step.profile.as_str())
        .bind(step.cycle.as_str())
        .bind(i64::from(step.turn.step))
        .bind(i64::from(step.turn.occurrence))
        .bind(step.version.as_str())
        .bind(&step.outcome)
        .bind(step.slot_at.0)
        .bind(step.at.0)
        .bind(&step.notice)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// A provider has a message of this notice: the turn counts as a reminder (D-40).
pub async fn mark_accepted(
    db: &mut Db,
    practice: &PracticeId,
    notice: &str,
    at: UnixMs,
) -> Result<()> {
    const MARK: &str = "update ladder_step set accepted_at_ms = $3
        where practice_id = $1 and notice = $2 and accepted_at_ms is null";
    sqlx::query(MARK).bind(practice.as_str()).bind(notice).bind(at.0).execute(db.c()).await?;
    Ok(())
}

/// A message of this notice failed for good on a channel. True when the notice is a ladder's.
pub async fn mark_failed(
    db: &mut Db,
    practice: &PracticeId,
    notice: &str,
    channel: Channel,
) -> Result<bool> {
    const MARK: &str = "update ladder_step set failed_channels = failed_channels || $3
        where practice_id = $1 and notice = $2 and failed_channels not like $4";
    let code = channel.as_str();
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(notice)
        .bind(format!("{code},"))
        .bind(format!("%{code}%"))
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// The days a claim's steps count from.
#[derive(Clone, Debug, Default)]
pub struct ClaimDays {
    pub first_statement: Option<Date>,
    pub due: Option<Date>,
    pub visit_completed: Option<Date>,
    pub returned_check: Option<Date>,
    pub is_self_pay: bool,
}

/// Of the open claims of these accounts.
pub async fn list_days(
    db: &mut Db,
    practice: &PracticeId,
    guarantors: &[GuarantorId],
) -> Result<BTreeMap<ClaimId, ClaimDays>> {
    const LIST: &str = "select id, first_statement_on, due_on, visit_completed_on,
        returned_check_on, insurance_state
        from claim
        where practice_id = $1 and guarantor_id in ($list)
        and status in ('ready', 'pending_patient')";
    type Row = (String, Option<String>, Option<String>, Option<String>, Option<String>, String);
    let mut found = BTreeMap::new();
    let day = |text: Option<String>| text.and_then(|text| text.parse().ok());
    for chunk in guarantors.chunks(LIST_LONGEST) {
        let chunk = padded(chunk);
        let mut query =
            sqlx::query_as::<_, Row>(with_list(LIST, 2, chunk.len())).bind(practice.as_str());
        for id in &chunk {
            query = query.bind(id.as_str());
        }
        for (id, statement, due, visit, check, insurance) in query.fetch_all(db.c()).await? {
            let days = ClaimDays {
                first_statement: day(statement),
                due: day(due),
                visit_completed: day(visit),
                returned_check: day(check),
                is_self_pay: insurance == "self_pay",
            };
            found.insert(ClaimId::trusted(id), days);
        }
    }
    Ok(found)
}

/// Accounts whose visits left them something to pay in so many months since a day: what they owe
/// recurs (S-SG6). Read off the book: paid or still due, it was theirs.
pub async fn list_recurring(
    db: &mut Db,
    practice: &PracticeId,
    guarantors: &[GuarantorId],
    since: Date,
    months: i64,
) -> Result<Vec<GuarantorId>> {
    const LIST: &str = "select guarantor_id
        from claim
        where practice_id = $1 and service_on >= $2 and status <> 'insurance_pending'
        and vanished_at_ms is null and guarantor_id in ($list)
        and (patient_due_cents > 0 or patient_paid_cents > 0 or settled_at_ms is not null)
        group by guarantor_id
        having count(distinct substr(service_on, 1, 7)) >= $3";
    let mut found = Vec::new();
    for chunk in guarantors.chunks(LIST_LONGEST) {
        let chunk = padded(chunk);
        let mut query = sqlx::query_as::<_, (String,)>(with_list(LIST, 4, chunk.len()))
            .bind(practice.as_str())
            .bind(since.to_string())
            .bind(months);
        for id in &chunk {
            query = query.bind(id.as_str());
        }
        found.extend(
            query.fetch_all(db.c()).await?.into_iter().map(|(id,)| GuarantorId::trusted(id)),
        );
    }
    Ok(found)
}
