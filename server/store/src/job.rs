//! Runs of reminders, what staff call jobs, and the claims each one reminds of.

use domain::{
    clock::{UnixMs, World},
    decide::Channel,
    id::{ClaimId, GuarantorId, JobId, PracticeId, ProfileVersionId},
};
use jiff::civil::Date;

use crate::{
    Db, Result, StoreError,
    backend::{LIST_LONGEST, padded, rows_of_values, with_list},
};

macro_rules! states {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum State { $($(#[$doc])* $name,)* }

        impl State {
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            fn parse(text: &str) -> Result<Self> {
                match text { $($code => Ok(Self::$name),)* _ => Err(StoreError::Corrupt("job.state")) }
            }
        }
    };
}

states! {
    /// Messages are being written.
    Drafting = "drafting",
    PendingApproval = "pending_approval",
    /// Somebody said yes; the messages are being given their slots.
    Approving = "approving",
    Approved = "approved",
    Cancelled = "cancelled",
}

#[derive(Clone, Debug)]
pub struct Job {
    pub id: JobId,
    pub kind: String,
    /// `text` or `email`.
    pub method: String,
    /// The criteria as JSON.
    pub criteria: String,
    pub custom_name: Option<String>,
    pub state: State,
    /// `yes`, `no`, or not chosen.
    pub mark: Option<String>,
    pub created_by: String,
    pub created_at: UnixMs,
    pub approved_by: Option<String>,
    pub approved_at: Option<UnixMs>,
    pub finished_at: Option<UnixMs>,
    /// It rests: nothing of it goes.
    pub paused_at: Option<UnixMs>,
    pub paused_by: Option<String>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    kind: String,
    method: String,
    criteria: String,
    custom_name: Option<String>,
    state: String,
    mark: Option<String>,
    created_by: String,
    created_at_ms: i64,
    approved_by: Option<String>,
    approved_at_ms: Option<i64>,
    finished_at_ms: Option<i64>,
    paused_at_ms: Option<i64>,
    paused_by: Option<String>,
}

impl Row {
    fn job(self) -> Result<Job> {
        Ok(Job {
            id: JobId::trusted(self.id),
            kind: self.kind,
            method: self.method,
            criteria: self.criteria,
            custom_name: self.custom_name,
            state: State::parse(&self.state)?,
            mark: self.mark,
            created_by: self.created_by,
            created_at: UnixMs(self.created_at_ms),
            approved_by: self.approved_by,
            approved_at: self.approved_at_ms.map(UnixMs),
            finished_at: self.finished_at_ms.map(UnixMs),
            paused_at: self.paused_at_ms.map(UnixMs),
            paused_by: self.paused_by,
        })
    }
}

pub async fn insert(db: &mut Db, practice: &PracticeId, job: &Job) -> Result<()> {
    const INSERT: &str = "insert into job (id, practice_id, kind, method, criteria, custom_name,
        state, created_by, created_at_ms)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    sqlx::query(INSERT)
        .bind(job.id.as_str())
        .bind(practice.as_str())
        .bind(&job.kind)
        .bind(&job.method)
        .bind(&job.criteria)
        .bind(&job.custom_name)
        .bind(job.state.as_str())
        .bind(&job.created_by)
        .bind(job.created_at.0)
        .execute(db.c())
        .await?;
    Ok(())
}

/// The run of a profile on one day and channel.
pub struct OfDay<'a> {
    pub version: &'a ProfileVersionId,
    pub day: Date,
    pub channel: Channel,
    /// The profile's, for the list of jobs.
    pub name: &'a str,
    pub by: &'a str,
    pub needs_approval: bool,
}

/// The job that collects what a profile wants sent on a day.
pub async fn find_or_insert_of_day(
    db: &mut Db,
    world: &World,
    practice: &PracticeId,
    of: &OfDay<'_>,
) -> Result<JobId> {
    const INSERT: &str =
        "insert into job (id, practice_id, kind, method, criteria, state, created_by,
        created_at_ms, version_id, day_on)
        values ($1, $2, 'profile', $3, $4, $9, $5, $6, $7, $8)
        on conflict do nothing";
    const FIND: &str = "select id
        from job
        where practice_id = $1 and version_id = $2 and day_on = $3 and method = $4";
    sqlx::query(INSERT)
        .bind(world.mint::<JobId>().as_str())
        .bind(practice.as_str())
        .bind(of.channel.as_str())
        .bind(serde_json::json!({ "profile": of.name }).to_string())
        .bind(of.by)
        .bind(world.now().0)
        .bind(of.version.as_str())
        .bind(of.day.to_string())
        .bind(if of.needs_approval { State::PendingApproval } else { State::Approved }.as_str())
        .execute(db.c())
        .await?;
    let (id,): (String,) = sqlx::query_as(FIND)
        .bind(practice.as_str())
        .bind(of.version.as_str())
        .bind(of.day.to_string())
        .bind(of.channel.as_str())
        .fetch_one(db.c())
        .await?;
    Ok(JobId::trusted(id))
}

pub async fn load(db: &mut Db, practice: &PracticeId, id: &JobId) -> Result<Option<Job>> {
    const LOAD: &str = "select id, kind, method, criteria, custom_name, state, mark, created_by,
        created_at_ms, approved_by, approved_at_ms, finished_at_ms, paused_at_ms, paused_by
        from job
        where practice_id = $1 and id = $2";
    let row: Option<Row> = sqlx::query_as(LOAD)
        .bind(practice.as_str())
        .bind(id.as_str())
        .fetch_optional(db.c())
        .await?;
    row.map(Row::job).transpose()
}

/// Newest first, before an id for paging.
pub async fn list(
    db: &mut Db,
    practice: &PracticeId,
    before_id: Option<&str>,
    limit: i64,
) -> Result<Vec<Job>> {
    const LIST: &str = "select id, kind, method, criteria, custom_name, state, mark, created_by,
        created_at_ms, approved_by, approved_at_ms, finished_at_ms, paused_at_ms, paused_by
        from job
        where practice_id = $1 and (cast($2 as text) is null or id < $2)
        order by id desc
        limit $3";
    let rows: Vec<Row> = sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(before_id)
        .bind(limit)
        .fetch_all(db.c())
        .await?;
    rows.into_iter().map(Row::job).collect()
}

/// Jobs of all practices that a stopped server left half-way.
pub async fn list_under_way(db: &mut Db) -> Result<Vec<(PracticeId, JobId, State, UnixMs)>> {
    const LIST: &str = "select practice_id, id, state, coalesce(approved_at_ms, created_at_ms)
        from job
        where state in ('drafting', 'approving')
        order by id";
    let rows: Vec<(String, String, String, i64)> = sqlx::query_as(LIST).fetch_all(db.c()).await?;
    rows.into_iter()
        .map(|(practice, id, state, at)| {
            let state = State::parse(&state)?;
            Ok((PracticeId::trusted(practice), JobId::trusted(id), state, UnixMs(at)))
        })
        .collect()
}

/// From one state to the next; false when somebody else was faster (D-39: two approvers, one send).
pub async fn mark_state(
    db: &mut Db,
    practice: &PracticeId,
    id: &JobId,
    from: State,
    to: State,
) -> Result<bool> {
    const MARK: &str = "update job set state = $4
        where practice_id = $1 and id = $2 and state = $3";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(from.as_str())
        .bind(to.as_str())
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// The one yes to the whole list.
pub async fn mark_approving(
    db: &mut Db,
    practice: &PracticeId,
    id: &JobId,
    by: &str,
    now: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update job set state = 'approving', approved_by = $3, approved_at_ms = $4
        where practice_id = $1 and id = $2 and state in ('pending_approval', 'approved')";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(by)
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Begins or ends a rest; false when it stood so before, or the job is over.
pub async fn mark_paused(
    db: &mut Db,
    practice: &PracticeId,
    id: &JobId,
    paused: Option<(&str, UnixMs)>,
) -> Result<bool> {
    const MARK: &str = "update job set paused_at_ms = $3, paused_by = $4
        where practice_id = $1 and id = $2 and state <> 'cancelled'
        and (case when paused_at_ms is null then 1 else 0 end)
            = (case when cast($3 as bigint) is null then 0 else 1 end)";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(paused.map(|(_, at)| at.0))
        .bind(paused.map(|(by, _)| by))
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Records the choice on "Patient Statements Sent".
pub async fn mark_choice(
    db: &mut Db,
    practice: &PracticeId,
    id: &JobId,
    mark: &str,
    finished_at: Option<UnixMs>,
) -> Result<bool> {
    const MARK: &str = "update job set mark = $3,
        finished_at_ms = coalesce(cast($4 as bigint), finished_at_ms)
        where practice_id = $1 and id = $2";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(mark)
        .bind(finished_at.map(|t| t.0))
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// The claims a job reminds of.
pub async fn insert_claims(
    db: &mut Db,
    practice: &PracticeId,
    id: &JobId,
    claims: &[(GuarantorId, ClaimId)],
) -> Result<()> {
    const INSERT: &str = "insert into job_claim (job_id, practice_id, guarantor_id, claim_id)";
    const TAIL: &str = "on conflict (job_id, claim_id) do nothing";
    for chunk in claims.chunks(64) {
        let mut query = sqlx::query(rows_of_values(db.kind, INSERT, 4, chunk.len(), TAIL));
        for (guarantor, claim) in chunk {
            query = query
                .bind(id.as_str().to_owned())
                .bind(practice.as_str().to_owned())
                .bind(guarantor.as_str().to_owned())
                .bind(claim.as_str().to_owned());
        }
        query.execute(db.c()).await?;
    }
    Ok(())
}

/// The claims of these guarantors in these jobs, as `(job, guarantor, claim)`.
pub async fn list_claims(
    db: &mut Db,
    practice: &PracticeId,
    jobs: &[JobId],
    guarantors: &[GuarantorId],
) -> Result<Vec<(JobId, GuarantorId, ClaimId)>> {
    const LIST: &str = "select job_id, guarantor_id, claim_id
        from job_claim
        where practice_id = $1 and guarantor_id in ($list)
        order by guarantor_id, claim_id, job_id";
    let mut found = Vec::new();
    for chunk in guarantors.chunks(LIST_LONGEST) {
        let chunk = padded(chunk);
        let mut query =
            sqlx::query_as::<_, (String, String, String)>(with_list(LIST, 2, chunk.len()))
                .bind(practice.as_str());
        for id in &chunk {
            query = query.bind(id.as_str());
        }
        for (job, guarantor, claim) in query.fetch_all(db.c()).await? {
            if jobs.iter().any(|j| j.as_str() == job) {
                found.push((
                    JobId::trusted(job),
                    GuarantorId::trusted(guarantor),
                    ClaimId::trusted(claim),
                ));
            }
        }
    }
    Ok(found)
}

/// "Yes": claims of the job that are ready and whose guarantor still has a message of the job that
/// went or may go become Pending patient (S-SF3). Only those are remembered as marked.
pub async fn mark_claims_pending(
    db: &mut Db,
    practice: &PracticeId,
    id: &JobId,
    now: UnixMs,
) -> Result<u64> {
    const REMEMBER: &str = "update job_claim set marked_at_ms = $3, reverted_at_ms = null
        where practice_id = $1 and job_id = $2
        and claim_id in (select c.id from claim c
            where c.practice_id = $1 and c.status = 'ready'
            and c.id in (select j.claim_id from job_claim j
                where j.practice_id = $1 and j.job_id = $2))
        and guarantor_id in (select m.guarantor_id from message m
            where m.practice_id = $1 and m.job_id = $2
            and m.state in ('queued', 'sending', 'unknown', 'accepted', 'delivered'))";
    const MARK: &str = "update claim set status = 'pending_patient', version = version + 1,
        updated_at_ms = $3
        where practice_id = $1 and status = 'ready'
        and id in (select j.claim_id from job_claim j
            where j.practice_id = $1 and j.job_id = $2 and j.marked_at_ms is not null
            and j.reverted_at_ms is null)";
    for statement in [REMEMBER, MARK] {
        let done = sqlx::query(statement)
            .bind(practice.as_str())
            .bind(id.as_str())
            .bind(now.0)
            .execute(db.c())
            .await?;
        if statement == MARK {
            return Ok(done.rows_affected());
        }
    }
    Ok(0)
}

/// "No", or nothing reached the guarantor (X7): what this job marked becomes Ready again, of one
/// guarantor or of all.
pub async fn mark_claims_ready(
    db: &mut Db,
    practice: &PracticeId,
    id: &JobId,
    guarantor: Option<&GuarantorId>,
    now: UnixMs,
) -> Result<u64> {
    const MARK: &str =
        "update claim set status = 'ready', version = version + 1, updated_at_ms = $3
        where practice_id = $1 and status = 'pending_patient'
        and id in (select j.claim_id from job_claim j
            where j.practice_id = $1 and j.job_id = $2 and j.marked_at_ms is not null
            and j.reverted_at_ms is null
            and (cast($4 as text) is null or j.guarantor_id = $4))
        and not exists (select 1 from job_claim o
            join message m on m.practice_id = o.practice_id and m.job_id = o.job_id
                and m.guarantor_id = o.guarantor_id
            where o.practice_id = $1 and o.claim_id = claim.id and o.job_id <> $2
            and m.state in ('queued', 'sending', 'unknown', 'accepted', 'delivered')
            and m.created_at_ms >= (select k.created_at_ms from job k
                where k.practice_id = $1 and k.id = $2))";
    const REMEMBER: &str = "update job_claim set reverted_at_ms = $3
        where practice_id = $1 and job_id = $2 and marked_at_ms is not null
        and reverted_at_ms is null
        and (cast($4 as text) is null or guarantor_id = $4)";
    let mut changed = 0;
    for statement in [MARK, REMEMBER] {
        let done = sqlx::query(statement)
            .bind(practice.as_str())
            .bind(id.as_str())
            .bind(now.0)
            .bind(guarantor.map(GuarantorId::as_str))
            .execute(db.c())
            .await?;
        if statement == MARK {
            changed = done.rows_affected();
        }
    }
    Ok(changed)
}

/// A reminder of these claims was accepted.
pub async fn mark_claims_sent(
    db: &mut Db,
    practice: &PracticeId,
    id: &JobId,
    guarantor: &GuarantorId,
    now: UnixMs,
) -> Result<()> {
    const MARK: &str = "update claim set last_sent_at_ms = $4
        where practice_id = $1
        and id in (select j.claim_id from job_claim j
            where j.practice_id = $1 and j.job_id = $2 and j.guarantor_id = $3)";
    sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(guarantor.as_str())
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(())
}
