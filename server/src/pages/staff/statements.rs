//! Send Patient Statements: `GET /staff/statements/criteria`, `/preview`, `/confirm`, the question
//! before a run goes, and what became of it.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, web};
use app::{
    components::{Errors, Query},
    pages::staff::{
        ConfirmPatientList, PreviewStatements, SelectCriteria, SendQuestion, StatementsSent,
        message_words::channel_name,
    },
};
use domain::{
    clock::HOUR_MS,
    decide::Channel,
    id::{DraftId, JobId},
    segment::Filter,
    staff::Permission,
    window::{floor_lifts_at, is_below_the_floor},
};
use engine::{ConfirmList, Goes, Sizes};
use store::{
    message::State,
    statement_draft::{Draft, Ticks},
};

use crate::{
    failure::{Answer, Failure},
    house::House,
    pages::staff::profiles::criteria_with,
    refusals,
    session::Staff,
    statements::{self, Wanted},
    workspace::{self, refused, shown},
};

/// The navigation entry all of these stand under.
pub const SECTION: &str = "/staff/statements/criteria";
pub const CONFIRM: &str = "/staff/statements/confirm";
const PER_PAGE: usize = 50;

pub async fn criteria(request: HttpRequest, house: web::Data<House>, staff: Staff) -> Answer {
    staff.require(&house, Permission::SendStatements).await?;
    let query = Query::parse(request.query_string());
    house.audit(staff.entry("view", "criteria", "statements")).await?;
    Ok(shown(criteria_page(&house, &staff, query, Errors::new()).await?))
}

async fn criteria_page(
    house: &House,
    staff: &Staff,
    query: Query,
    errors: Errors,
) -> Result<String, Failure> {
    let mut db = house.store.read().await?;
    let saved = store::segment::list(&mut db, &staff.practice.id).await?;
    drop(db);
    let chosen = query
        .get("filter")
        .and_then(|typed| serde_json::from_str::<Filter>(typed).ok())
        .map(|filter| filter.in_words());
    let now = house.world.now();
    let floor = is_below_the_floor(now)
        .then(|| refusals::floor(floor_lifts_at(now), now, &staff.practice.zone()));
    let page = SelectCriteria {
        query,
        errors,
        texts_enabled: staff.practice.texts_are_enabled(),
        calls_enabled: staff.practice.calls_are_enabled(),
        fax_enabled: staff.practice.settings.fax_is_on,
        practice_name: staff.practice.alias().to_owned(),
        floor,
        saved: saved.into_iter().map(|one| (criteria_with(&one.filter), one.name)).collect(),
        chosen,
    };
    Ok(page.html(&workspace::shell(house, staff, SECTION)))
}

pub async fn preview(request: HttpRequest, house: web::Data<House>, staff: Staff) -> Answer {
    staff.require(&house, Permission::SendStatements).await?;
    let query = Query::parse(request.query_string());
    let now = house.world.now();
    let wanted = statements::read(&query, &staff.practice, now);
    if !wanted.errors.is_empty() {
        return Ok(refused(criteria_page(&house, &staff, query, wanted.errors).await?));
    }
    house.audit(staff.entry("preview", "criteria", "statements")).await?;
    let method = wanted.criteria.method;
    let sample = house.engine.preview(&staff.practice.id, method, wanted.alias.as_deref()).await;
    let sample = match sample {
        Ok(sample) => sample,
        Err(error) => {
            let refusal = refusals::refusal_of(error)?;
            let words = refusals::sentence(&refusal, now, &staff.practice.zone());
            let errors = Errors::new().on("alias", words);
            return Ok(refused(criteria_page(&house, &staff, query, errors).await?));
        }
    };
    let (subject, text) = match (sample.text, sample.mail) {
        (Some(text), _) => (None, text),
        (None, Some(mail)) => (Some(mail.subject), mail.text),
        (None, None) => (None, String::new()),
    };
    let page = PreviewStatements {
        criteria: statements::in_words(&wanted),
        query: Query::parse(&wanted.query),
        text,
        subject,
        is_text: method == Channel::Text,
        kind: channel_name(method),
        name: sample.name,
        name_is_long: sample.name_is_long,
        segments: sample.segments,
        cost_each: statements::cost(method, sample.segments, &staff.practice),
        together: sample.together.map(|text| {
            let segments = sample.sizes.of(2);
            (text, segments, statements::cost(method, segments, &staff.practice))
        }),
    };
    Ok(shown(page.html(&workspace::shell(&house, &staff, SECTION))))
}

/// A list with the ticks that its owner has made.
pub struct Ticked {
    pub wanted: Wanted,
    pub list: ConfirmList,
    pub ticks: Ticks,
    pub sizes: Sizes,
}

/// The list of these criteria, as this person has ticked it so far.
pub async fn ticked(house: &House, staff: &Staff, wanted: Wanted) -> Result<Ticked, Failure> {
    let practice = &staff.practice.id;
    let list = house.engine.confirm_list(practice, &wanted.criteria).await;
    let list = list.map_err(refusals::failed)?;
    let mut sizes = list.sizes.clone();
    if wanted.alias.is_some()
        && let Ok(sample) =
            house.engine.preview(practice, wanted.criteria.method, wanted.alias.as_deref()).await
    {
        sizes = sample.sizes;
    }
    let mut db = house.store.read().await?;
    let draft =
        store::statement_draft::find_open(&mut db, practice, &staff.id, &wanted.query).await?;
    let ticks = draft.map_or_else(Ticks::all, |draft| draft.ticks);
    Ok(Ticked { wanted, list, ticks, sizes })
}

pub async fn confirm(request: HttpRequest, house: web::Data<House>, staff: Staff) -> Answer {
    staff.require(&house, Permission::SendStatements).await?;
    let query = Query::parse(request.query_string());
    let now = house.world.now();
    let wanted = statements::read(&query, &staff.practice, now);
    if !wanted.errors.is_empty() {
        return Ok(refused(criteria_page(&house, &staff, query, wanted.errors).await?));
    }
    house.audit(staff.entry("view", "patient_list", "statements")).await?;
    let ticked = ticked(&house, &staff, wanted).await?;
    let page = list_page(&house, &staff, &query, ticked);
    Ok(shown(page.html(&workspace::shell(&house, &staff, SECTION))))
}

fn list_page(house: &House, staff: &Staff, query: &Query, ticked: Ticked) -> ConfirmPatientList {
    let Ticked { wanted, list, ticks, sizes } = ticked;
    let now = house.world.now();
    let zone = staff.practice.zone();
    let selected = statements::selected(&list, &ticks, &sizes, &staff.practice);
    let shows_not_eligible = query.get("tab") == Some("not-eligible");
    let (eligible, not_eligible) = (list.eligible.len(), list.not_eligible.len());
    let mut sharing: BTreeMap<String, usize> = BTreeMap::new();
    for contact in list.eligible.iter().filter_map(|line| line.shared_contact.clone()) {
        *sharing.entry(contact).or_default() += 1;
    }
    let mut together: BTreeMap<usize, usize> = BTreeMap::new();
    for group in list.eligible.iter().filter_map(|line| line.goes_with) {
        *together.entry(group).or_default() += 1;
    }
    let lines = if shows_not_eligible {
        list.not_eligible
    } else {
        statements::in_order(list.eligible, query.get("sort").unwrap_or("-due"))
    };
    let pages = lines.len().div_ceil(PER_PAGE).max(1);
    let page = query.get("page").and_then(|page| page.parse().ok()).unwrap_or(1);
    let page = usize::clamp(page, 1, pages);
    let mut before: Option<String> = None;
    let rows = lines
        .into_iter()
        .skip((page - 1) * PER_PAGE)
        .take(PER_PAGE)
        .map(|line| {
            let contact = line.shared_contact.clone();
            let many = contact.as_ref().and_then(|c| sharing.get(c)).copied().unwrap_or(1);
            let with = line.goes_with.and_then(|group| together.get(&group)).copied();
            let row = statements::listed(line, &ticks, many, with.unwrap_or(1), before.as_ref());
            before = contact;
            row
        })
        .collect();
    let state =
        ["tab", "page", "sort"].into_iter().fold(Query::parse(&wanted.query), |state, key| {
            state.with(key, query.get(key).unwrap_or_default())
        });
    ConfirmPatientList {
        floor: list
            .floor_until
            .filter(|_| list.method == Channel::Text)
            .map(|until| refusals::floor(until, now, &zone)),
        zone,
        now,
        query: state,
        criteria: statements::in_words(&wanted),
        criteria_query: wanted.query,
        method: list.method,
        shows_not_eligible,
        selected,
        eligible,
        not_eligible,
        rows,
        page: page as u64,
        per_page: PER_PAGE as u64,
        is_cut: list.is_cut,
        stopped: staff.practice.outreach_held_why.clone(),
    }
}

/// The draft of this person behind an id from an address; anybody else's is not there.
pub async fn find_draft(house: &House, staff: &Staff, id: &str) -> Result<Draft, Failure> {
    let id: DraftId = id.parse().map_err(|_| Failure::NotFound)?;
    let mut db = house.store.read().await?;
    let draft = store::statement_draft::load(&mut db, &staff.practice.id, &staff.id, &id).await?;
    draft.ok_or(Failure::NotFound)
}

pub async fn question(house: web::Data<House>, staff: Staff, id: web::Path<String>) -> Answer {
    staff.require(&house, Permission::SendStatements).await?;
    let draft = find_draft(&house, &staff, &id).await?;
    if draft.used_at.is_some() {
        return Err(Failure::See(after_use(&draft)));
    }
    let page = question_page(&house, &staff, &draft, Errors::new()).await?;
    Ok(shown(page.html(&workspace::shell(&house, &staff, SECTION))))
}

/// Where a list that was sent already leads.
pub fn after_use(draft: &Draft) -> String {
    match &draft.job {
        Some(job) => format!("/staff/statements/sent/{job}"),
        None => "/staff/jobs".to_owned(),
    }
}

pub async fn question_page(
    house: &House,
    staff: &Staff,
    draft: &Draft,
    errors: Errors,
) -> Result<SendQuestion, Failure> {
    let now = house.world.now();
    let wanted = statements::read(&Query::parse(&draft.criteria), &staff.practice, now);
    let mut ticked = ticked(house, staff, wanted).await?;
    ticked.ticks = draft.ticks.clone();
    let selected =
        statements::selected(&ticked.list, &ticked.ticks, &ticked.sizes, &staff.practice);
    let lately = ticked
        .list
        .eligible
        .iter()
        .filter(|line| line.was_sent_lately && line.goes != Goes::Not)
        .filter(|line| ticked.ticks.hold(&line.guarantor))
        .count();
    Ok(SendQuestion {
        zone: staff.practice.zone(),
        now,
        draft: draft.id.to_string(),
        criteria_query: ticked.wanted.query,
        method: ticked.list.method,
        selected,
        sent_lately: lately,
        errors,
    })
}

pub async fn sent(house: web::Data<House>, staff: Staff, id: web::Path<String>) -> Answer {
    staff.require(&house, Permission::SendStatements).await?;
    let id: JobId = id.parse().map_err(|_| Failure::NotFound)?;
    let practice = &staff.practice.id;
    let page = house.engine.job_page(practice, &id, None, None, 1).await;
    let page = page.map_err(refusals::failed)?;
    let soon = page.job.approved_at.unwrap_or(page.job.created_at).plus_ms(HOUR_MS);
    let mut db = house.store.read().await?;
    let (waiting, first_wait) = store::message::count_later(&mut db, practice, &id, soon).await?;
    let count = |state: State| page.counts.get(&state).copied().unwrap_or_default();
    let withheld = count(State::Withheld) + count(State::Cancelled) + count(State::Failed);
    let view = StatementsSent {
        zone: staff.practice.zone(),
        now: house.world.now(),
        job: id.to_string(),
        method: Channel::parse(&page.job.method).unwrap_or(Channel::Text),
        queued: page.messages - waiting - withheld,
        waiting,
        first_wait,
        withheld,
        riding: page.riding,
        marked_no: page.job.mark.as_deref() == Some("no"),
        is_finished: page.job.finished_at.is_some(),
    };
    Ok(shown(view.html(&workspace::shell(&house, &staff, SECTION))))
}
