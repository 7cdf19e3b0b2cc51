//! `GET /staff/jobs` and `/staff/jobs/{id}`: the runs of reminders and what became of each message.

use actix_web::{HttpRequest, web};
use app::{
    components::{Errors, Query},
    pages::staff::{
        JobLine, JobQuestion, JobState, JobView, Jobs, MessageRow,
        message_words::{Progress, Sent},
    },
};
use domain::{clock::UnixMs, decide::Channel, id::JobId, staff::Permission};
use engine::Criteria;
use store::{
    Db,
    job::{self, Job},
    message::{self, Line, State},
};

use crate::{
    failure::{Answer, Failure},
    house::House,
    naming::Names,
    refusals,
    session::Staff,
    statements,
    workspace::{self, refused, shown},
};

pub const SECTION: &str = "/staff/jobs";
const LISTED: i64 = 30;
const MESSAGES: i64 = 100;

pub const fn progress_of(state: State) -> Progress {
    match state {
        State::PendingApproval => Progress::PendingApproval,
        State::Queued => Progress::Queued,
        State::Sending => Progress::Sending,
        State::Unknown => Progress::Unknown,
        State::Accepted => Progress::Accepted,
        State::Delivered => Progress::Delivered,
        State::Failed => Progress::Failed,
        State::Withheld => Progress::Withheld,
        State::Cancelled => Progress::Cancelled,
    }
}

/// When a message came as far as it is.
fn reached_at(line: &Line) -> UnixMs {
    let at = match line.state {
        State::Delivered => line.delivered_at,
        State::Accepted => line.accepted_at,
        State::Failed | State::Withheld | State::Cancelled => line.ended_at,
        State::PendingApproval | State::Queued | State::Sending | State::Unknown => None,
    };
    at.unwrap_or(line.created_at)
}

pub fn sent_of(line: &Line) -> Sent {
    Sent {
        id: line.id.to_string(),
        at: reached_at(line),
        class: line.class,
        channel: line.channel,
        masked: line.masked.clone(),
        progress: progress_of(line.state),
        end_reason: line.end_reason.clone(),
        others: line.others,
    }
}

/// The provider's own word, with its code where there is one.
pub fn provider_of(status: Option<&str>, code: Option<&str>) -> Option<String> {
    match (status, code) {
        (Some(status), Some(code)) => Some(format!("{status}, code {code}")),
        (Some(word), None) | (None, Some(word)) => Some(word.to_owned()),
        (None, None) => None,
    }
}

pub fn row_of(line: Line) -> MessageRow {
    MessageRow {
        at: reached_at(&line),
        progress: progress_of(line.state),
        // A delivery needs no further word.
        provider: if line.state == State::Delivered {
            None
        } else {
            provider_of(None, line.provider_code.as_deref())
        },
        account: line.guarantor.as_ref().map(ToString::to_string).zip(line.guarantor_name),
        id: line.id.to_string(),
        class: line.class,
        channel: line.channel,
        masked: line.masked,
        amount: line.amount,
        others: line.others,
        next_at: line.next_at,
        end_reason: line.end_reason,
        handled: None,
    }
}

const fn state_of(state: job::State) -> JobState {
    match state {
        job::State::Drafting => JobState::Drafting,
        job::State::PendingApproval => JobState::PendingApproval,
        job::State::Approving => JobState::Approving,
        job::State::Approved => JobState::Approved,
        job::State::Cancelled => JobState::Cancelled,
    }
}

fn method_of(job: &Job) -> Channel {
    Channel::parse(&job.method).unwrap_or(Channel::Text)
}

pub async fn list(request: HttpRequest, house: web::Data<House>, staff: Staff) -> Answer {
    staff.require(&house, Permission::View).await?;
    let query = Query::parse(request.query_string());
    let practice = &staff.practice.id;
    let mut db = house.store.read().await?;
    let mut jobs = job::list(&mut db, practice, query.get("before"), LISTED + 1).await?;
    let has_more = jobs.len() as i64 > LISTED;
    jobs.truncate(LISTED as usize);
    let older = jobs.last().filter(|_| has_more).map(|last| last.id.to_string());
    let names = Names::of(&mut db, jobs.iter().map(|one| one.created_by.as_str())).await?;
    let mut lines = Vec::new();
    for one in jobs {
        lines.push(job_line(&mut db, &staff, one, &names).await?);
    }
    let page = Jobs {
        zone: staff.practice.zone(),
        query,
        lines,
        older,
        may_send: staff.role.may(Permission::SendStatements),
    };
    Ok(shown(page.html(&workspace::shell(&house, &staff, SECTION))))
}

async fn job_line(db: &mut Db, staff: &Staff, job: Job, names: &Names) -> Result<JobLine, Failure> {
    let counted = message::count_by_job(db, &staff.practice.id, &job.id).await?;
    let sum = |wanted: &[State]| {
        counted.iter().filter(|one| wanted.contains(&one.state)).map(|one| one.messages).sum()
    };
    Ok(JobLine {
        created_at: job.created_at,
        by: names.get(&job.created_by),
        method: method_of(&job),
        state: state_of(job.state),
        messages: sum(State::ALL),
        pending: sum(&[State::PendingApproval]),
        waiting: sum(&[State::Queued, State::Sending, State::Unknown]),
        went: sum(&[State::Accepted, State::Delivered]),
        ended: sum(&[State::Failed, State::Withheld, State::Cancelled]),
        id: job.id.to_string(),
    })
}

pub async fn get(
    request: HttpRequest,
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
) -> Answer {
    staff.require(&house, Permission::View).await?;
    let query = Query::parse(request.query_string());
    show(&house, &staff, &id, query, Errors::new()).await
}

/// The page of one job; 422 when something was refused.
pub async fn show(house: &House, staff: &Staff, id: &str, query: Query, errors: Errors) -> Answer {
    let id: JobId = id.parse().map_err(|_| Failure::NotFound)?;
    let is_refusal = !errors.is_empty();
    let practice = &staff.practice.id;
    let filter = query.get("state").and_then(|code| State::parse(code).ok());
    let before = query.get("before");
    let page = house.engine.job_page(practice, &id, filter, before, MESSAGES + 1).await;
    let mut page = page.map_err(refusals::failed)?;
    let has_more = page.lines.len() as i64 > MESSAGES;
    page.lines.truncate(MESSAGES as usize);
    house.audit(staff.entry("view", "job", id.as_str())).await?;
    let mut db = house.store.read().await?;
    let job = page.job;
    let labels = std::iter::once(job.created_by.as_str())
        .chain(job.approved_by.as_deref())
        .chain(job.paused_by.as_deref());
    let names = Names::of(&mut db, labels).await?;
    let asks = match query.get("ask") {
        Some("approve") => Some(JobQuestion::Approve),
        Some("cancel") => Some(JobQuestion::Cancel),
        _ => None,
    };
    let may_send = staff.role.may(Permission::SendStatements);
    let riding = |state| page.riding_by_state.get(&state).copied().unwrap_or_default();
    let criteria: Criteria = serde_json::from_str(&job.criteria).unwrap_or_default();
    let view = JobView {
        zone: staff.practice.zone(),
        now: house.world.now(),
        id: id.to_string(),
        method: method_of(&job),
        state: state_of(job.state),
        criteria: statements::criteria_in_words(&criteria, &staff.practice.zone()),
        custom_name: job.custom_name.clone(),
        created_by: names.get(&job.created_by),
        created_at: job.created_at,
        approved: job.approved_by.as_deref().map(|by| names.get(by)).zip(job.approved_at),
        mark: job.mark.as_deref().map(|mark| mark == "yes"),
        is_finished: job.finished_at.is_some(),
        paused: job.paused_by.as_deref().map(|by| names.get(by)).zip(job.paused_at),
        counts: page.counts.iter().map(|(state, many)| (progress_of(*state), *many)).collect(),
        reasons: page
            .reasons
            .into_iter()
            .map(|(state, why, many)| (progress_of(state), why, many))
            .collect(),
        messages: page.messages,
        segments: page.segments,
        cost: statements::cost(method_of(&job), page.segments, &staff.practice),
        amount: page.amount,
        next_at: page.next_at,
        last_at: page.last_at,
        older: page.lines.last().filter(|_| has_more).map(|last| last.id.to_string()),
        lines: page
            .lines
            .into_iter()
            .map(|line| {
                let accounts = page.together.get(&line.id).map(|one| one.accounts);
                let mut row = row_of(line);
                if let Some(accounts) = accounts {
                    row.others = i64::try_from(accounts).unwrap_or(1) - 1;
                }
                row
            })
            .collect(),
        riding: page.riding,
        riding_pending: riding(State::PendingApproval),
        riding_queued: riding(State::Queued),
        filter: filter.map(progress_of),
        may_send,
        asks: asks.filter(|_| may_send),
        query,
        errors,
    };
    let html = view.html(&workspace::shell(house, staff, SECTION));
    Ok(if is_refusal { refused(html) } else { shown(html) })
}
