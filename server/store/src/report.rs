//! Sums for the reports page: what was asked for and came in, how far messages came, step by step,
//! and what people did who were left out of a step.

use domain::{
    clock::{DAY_MS, UnixMs},
    effort::Act,
    id::PracticeId,
    lift::Group,
    money::Cents,
};
use jiff::civil::Date;

use crate::{Db, Result};

/// Somebody who pays within this time of a reminder counts as having paid after it.
pub const PAID_WITHIN_MS: i64 = 14 * DAY_MS;

/// How far the reminders of a step came. A step of nobody's profile is one sent by hand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Funnel {
    /// Profile id and step number; none for reminders staff sent.
    pub step: Option<(String, i64)>,
    pub sent: i64,
    pub delivered: i64,
    /// The link was fetched, by a person or a scanner.
    pub opened: i64,
    /// A person did something on the page.
    pub viewed: i64,
    /// The guarantor paid within fourteen days.
    pub paid: i64,
}

type FunnelRow = (Option<String>, Option<i64>, i64, i64, i64, i64, i64);

/// Reminders accepted by a provider in a stretch of time.
pub async fn list_funnel(
    db: &mut Db,
    practice: &PracticeId,
    from: UnixMs,
    until: UnixMs,
) -> Result<Vec<Funnel>> {
    const LIST: &str = "select s.profile_id, s.step, count(*),
        cast(sum(case when m.state = 'delivered' then 1 else 0 end) as bigint),
        cast(sum(case when exists (select 1 from link_access a
            where a.practice_id = m.practice_id and a.token_hash = m.link_hash)
            then 1 else 0 end) as bigint),
        cast(sum(case when l.viewed_at_ms is not null then 1 else 0 end) as bigint),
        cast(sum(case when exists (select 1 from payment p
            where p.practice_id = m.practice_id and p.guarantor_id = m.guarantor_id
            and p.received_at_ms >= m.accepted_at_ms
            and p.received_at_ms < m.accepted_at_ms + $4) then 1 else 0 end) as bigint)
        from message m
        left join ladder_step s on s.practice_id = m.practice_id and s.notice = m.notice
        left join link l on l.practice_id = m.practice_id and l.token_hash = m.link_hash
        where m.practice_id = $1 and m.class = 'dunning'
        and m.accepted_at_ms >= $2 and m.accepted_at_ms < $3
        group by s.profile_id, s.step
        order by s.profile_id, s.step";
    let rows: Vec<FunnelRow> = sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(from.0)
        .bind(until.0)
        .bind(PAID_WITHIN_MS)
        .fetch_all(db.c())
        .await?;
    let read = |(profile, step, sent, delivered, opened, viewed, paid): FunnelRow| Funnel {
        step: profile.zip(step),
        sent,
        delivered,
        opened,
        viewed,
        paid,
    };
    Ok(rows.into_iter().map(read).collect())
}

/// What staff did on the way to sending reminders, oldest first: `(staff, at, job, an approval or
/// Finish)`. Read off the audit log.
pub async fn list_acts(
    db: &mut Db,
    practice: &PracticeId,
    from: UnixMs,
    until: UnixMs,
    limit: i64,
) -> Result<Vec<Act>> {
    const LIST: &str = "select actor_id, at_ms, verb, object_kind, object_id
        from audit
        where practice_id = $1 and at_ms >= $2 and at_ms < $3 and actor_kind = 'staff'
        and (object_kind = 'job' or object_kind = 'criteria' or object_kind = 'patient_list'
            or (object_kind = 'message' and verb = 'edit'))
        order by at_ms, id
        limit $4";
    let rows: Vec<(String, i64, String, String, String)> = sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(from.0)
        .bind(until.0)
        .bind(limit)
        .fetch_all(db.c())
        .await?;
    Ok(rows
        .into_iter()
        .map(|(staff, at, verb, kind, object)| Act {
            staff,
            at: UnixMs(at),
            ends: kind == "job" && matches!(verb.as_str(), "approve" | "mark"),
            job: (kind == "job").then_some(object),
        })
        .collect())
}

/// A step's people who were reminded and who were left out, and how many of each paid within
/// fourteen days. Only turns whose fourteen days are over by `now` count.
pub async fn list_lift(
    db: &mut Db,
    practice: &PracticeId,
    from: UnixMs,
    now: UnixMs,
) -> Result<Vec<(String, i64, Group, Group)>> {
    const LIST: &str = "select s.profile_id, s.step,
        cast(sum(case when s.outcome = 'written' then 1 else 0 end) as bigint),
        cast(sum(case when s.outcome = 'written' and exists (select 1 from payment p
            where p.practice_id = s.practice_id and p.guarantor_id = s.guarantor_id
            and p.received_at_ms >= s.at_ms and p.received_at_ms < s.at_ms + $4)
            then 1 else 0 end) as bigint),
        cast(sum(case when s.outcome = 'held_out' then 1 else 0 end) as bigint),
        cast(sum(case when s.outcome = 'held_out' and exists (select 1 from payment p
            where p.practice_id = s.practice_id and p.guarantor_id = s.guarantor_id
            and p.received_at_ms >= s.at_ms and p.received_at_ms < s.at_ms + $4)
            then 1 else 0 end) as bigint)
        from ladder_step s
        where s.practice_id = $1 and s.at_ms >= $2 and s.at_ms < $3
        and s.outcome in ('written', 'held_out')
        group by s.profile_id, s.step
        order by s.profile_id, s.step";
    let rows: Vec<(String, i64, i64, i64, i64, i64)> = sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(from.0)
        .bind(now.minus_ms(PAID_WITHIN_MS).0)
        .bind(PAID_WITHIN_MS)
        .fetch_all(db.c())
        .await?;
    let group = |people, paid| Group { people, paid };
    Ok(rows
        .into_iter()
        .map(|(profile, step, n1, p1, n0, p0)| (profile, step, group(n1, p1), group(n0, p0)))
        .collect())
}

/// Of what reminders asked for in a stretch of time, how much the same guarantors paid within thirty
/// days of the first one: accounts, asked, received. What is received never counts above what was
/// asked.
pub async fn sum_collected(
    db: &mut Db,
    practice: &PracticeId,
    from: UnixMs,
    until: UnixMs,
) -> Result<(i64, Cents, Cents)> {
    const SUM: &str = "select count(*), cast(coalesce(sum(asked), 0) as bigint),
        cast(coalesce(sum(case when received > asked then asked else received end), 0) as bigint)
        from (select f.asked as asked,
            (select coalesce(sum(p.captured_cents), 0) from payment p
                where p.practice_id = $1 and p.guarantor_id = f.guarantor_id
                and p.received_at_ms >= f.first_at
                and p.received_at_ms < f.first_at + $4) as received
            from (select m.guarantor_id as guarantor_id, max(m.amount_cents) as asked,
                min(m.accepted_at_ms) as first_at
                from message m
                where m.practice_id = $1 and m.class = 'dunning'
                and m.guarantor_id is not null and m.amount_cents is not null
                and m.accepted_at_ms >= $2 and m.accepted_at_ms < $3
                group by m.guarantor_id) f) s";
    const THIRTY_DAYS_MS: i64 = 30 * DAY_MS;
    let (accounts, asked, received): (i64, i64, i64) = sqlx::query_as(SUM)
        .bind(practice.as_str())
        .bind(from.0)
        .bind(until.0)
        .bind(THIRTY_DAYS_MS)
        .fetch_one(db.c())
        .await?;
    Ok((accounts, Cents(asked), Cents(received)))
}

/// Open claims by the day they became the patient's, with what is due on them: for the average age.
pub async fn list_open_days(
    db: &mut Db,
    practice: &PracticeId,
) -> Result<Vec<(Option<Date>, i64, Cents)>> {
    const LIST: &str = "select coalesce(due_since_on, service_on), count(*),
        cast(sum(patient_due_cents) as bigint)
        from claim
        where practice_id = $1 and status in ('ready', 'pending_patient')
        and patient_due_cents > 0 and vanished_at_ms is null
        group by coalesce(due_since_on, service_on)
        order by coalesce(due_since_on, service_on)";
    let rows: Vec<(String, i64, i64)> =
        sqlx::query_as(LIST).bind(practice.as_str()).fetch_all(db.c()).await?;
    let read = |(day, claims, cents): (String, i64, i64)| (day.parse().ok(), claims, Cents(cents));
    Ok(rows.into_iter().map(read).collect())
}
