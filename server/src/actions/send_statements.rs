//! `POST /staff/statements/selection`, `/send/{draft}` and `/sent/{job}`: ticks are kept, a list is
//! sent once, and its claims are marked.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use app::components::{Errors, Query};
use app::pages::staff::departures;
use domain::{
    id::{GuarantorId, JobId},
    staff::Permission,
};
use engine::{Drafted, Refusal};
use store::statement_draft::{Draft, Ticks};

use super::choose_language::see_other;
use crate::{
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    pages::staff::statements::{CONFIRM, SECTION, after_use, find_draft, question_page, ticked},
    refusals,
    session::Staff,
    statements,
    workspace::{self, refused},
};

/// `POST /staff/statements/selection`: keeps what was ticked, and goes where the button says.
pub async fn select(
    request: HttpRequest,
    house: web::Data<House>,
    staff: Staff,
    posted: Posted,
) -> Answer {
    staff.require(&house, Permission::SendStatements).await?;
    let now = house.world.now();
    let criteria = Query::parse(posted.text("criteria"));
    let wanted = statements::read(&criteria, &staff.practice, now);
    if !wanted.errors.is_empty() {
        return Err(Failure::Malformed("Choose the criteria again."));
    }
    let draft = keep(&house, &staff, &wanted.query, &posted).await?;
    if wants_json(&request) {
        return sums(&house, &staff, wanted).await;
    }
    let state = Query::parse(posted.text("state"));
    let go = match posted.text("do") {
        "send" => return Ok(see_other(&format!("/staff/statements/send/{draft}"))),
        turn if turn.starts_with("go-") => state.with("page", turn.trim_start_matches("go-")),
        _ => state,
    };
    Ok(see_other(&go.href(CONFIRM)))
}

fn wants_json(request: &HttpRequest) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|v| v.to_str().ok());
    accept.is_some_and(|types| types.starts_with("application/json"))
}

/// The boxes of the page shown, and what the buttons about all of them say.
async fn keep(
    house: &House,
    staff: &Staff,
    criteria: &str,
    posted: &Posted,
) -> Result<domain::id::DraftId, Failure> {
    let wish = posted.text("do").to_owned();
    let ids = |name: &'static str| -> Vec<GuarantorId> {
        posted.all(name).filter_map(|id| id.parse().ok()).collect()
    };
    let (shown, included) = (ids("shown"), ids("include"));
    let (world, practice, me) = (house.world.clone(), staff.practice.id.clone(), staff.id.clone());
    let criteria = criteria.to_owned();
    let kept = house.store.write(move |db| {
        let (world, practice, me) = (world.clone(), practice.clone(), me.clone());
        let (criteria, wish) = (criteria.clone(), wish.clone());
        let (shown, included) = (shown.clone(), included.clone());
        Box::pin(async move {
            let found = store::statement_draft::find_open(db, &practice, &me, &criteria).await?;
            let mut ticks = found.map_or_else(Ticks::all, |draft| draft.ticks);
            match wish.as_str() {
                "all" => ticks = Ticks::all(),
                "clear-all" => ticks = Ticks::none(),
                wish => {
                    for id in shown {
                        let is_included = match wish {
                            "page" => true,
                            "clear-page" => false,
                            _ => included.contains(&id),
                        };
                        ticks.set(id, is_included);
                    }
                }
            }
            let (id, now) = (world.mint(), world.now());
            store::statement_draft::insert(db, &practice, &me, &id, &criteria, &ticks, now).await
        })
    });
    Ok(kept.await?)
}

/// The sums above the list, for the script that keeps ticks as they are made.
async fn sums(house: &House, staff: &Staff, wanted: statements::Wanted) -> Answer {
    let ticked = ticked(house, staff, wanted).await?;
    let selected =
        statements::selected(&ticked.list, &ticked.ticks, &ticked.sizes, &staff.practice);
    let when = departures(&selected, house.world.now(), &staff.practice.zone());
    Ok(HttpResponse::Ok().json(serde_json::json!({
        "accounts": format!("{} of {}", selected.accounts, ticked.list.eligible.len()),
        "due": selected.due.to_string(),
        "messages": selected.messages.to_string(),
        "segments": selected.segments.to_string(),
        "cost": selected.cost.map(|cost| format!("about {cost}")).unwrap_or_default(),
        "when": when,
    })))
}

/// `POST /staff/statements/send/{draft}`: Yes.
pub async fn send(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    _posted: Posted,
) -> Answer {
    staff.require(&house, Permission::SendStatements).await?;
    let draft = find_draft(&house, &staff, &id).await?;
    if draft.used_at.is_some() || !claim(&house, &staff, &draft).await? {
        // The second of two clicks: what the first one made.
        let draft = find_draft(&house, &staff, &id).await?;
        return Ok(see_other(&after_use(&draft)));
    }
    match send_once(&house, &staff, &draft).await {
        Ok(job) => {
            house.bell.notify_one();
            Ok(see_other(&format!("/staff/statements/sent/{job}")))
        }
        Err(Stopped::Refused(refusal)) => {
            settle(&house, &staff, &draft, None).await?;
            let words = refusals::sentence(&refusal, house.world.now(), &staff.practice.zone());
            let errors = Errors::new().overall(words);
            let page = question_page(&house, &staff, &draft, errors).await?;
            Ok(refused(page.html(&workspace::shell(&house, &staff, SECTION))))
        }
        Err(Stopped::Failed(failure)) => {
            settle(&house, &staff, &draft, None).await?;
            Err(failure)
        }
    }
}

/// Why a run did not begin.
enum Stopped {
    Refused(Refusal),
    Failed(Failure),
}

impl From<engine::EngineError> for Stopped {
    fn from(error: engine::EngineError) -> Self {
        match refusals::refusal_of(error) {
            Ok(refusal) => Self::Refused(refusal),
            Err(failure) => Self::Failed(failure),
        }
    }
}

/// K's Yes: the messages are written, and the whole list is approved as one.
async fn send_once(house: &House, staff: &Staff, draft: &Draft) -> Result<JobId, Stopped> {
    let now = house.world.now();
    let wanted = statements::read(&Query::parse(&draft.criteria), &staff.practice, now);
    let practice = &staff.practice.id;
    let (selection, by) = (statements::selection_of(&draft.ticks), staff.actor());
    let Drafted { job, .. } = house
        .engine
        .create_job(practice, &wanted.criteria, &selection, wanted.alias.as_deref(), &by)
        .await?;
    if let Err(error) = house.engine.approve_job(practice, &job, &by).await {
        // Nothing of it may lie around as if somebody still had to approve it.
        house.engine.cancel_job(practice, &job, &by).await?;
        return Err(error.into());
    }
    settle(house, staff, draft, Some(&job)).await.map_err(Stopped::Failed)?;
    Ok(job)
}

async fn claim(house: &House, staff: &Staff, draft: &Draft) -> Result<bool, Failure> {
    let (practice, me, id) = (staff.practice.id.clone(), staff.id.clone(), draft.id.clone());
    let now = house.world.now();
    let won = house.store.write(move |db| {
        let (practice, me, id) = (practice.clone(), me.clone(), id.clone());
        Box::pin(async move { store::statement_draft::claim(db, &practice, &me, &id, now).await })
    });
    Ok(won.await?)
}

async fn settle(
    house: &House,
    staff: &Staff,
    draft: &Draft,
    job: Option<&JobId>,
) -> Result<(), Failure> {
    let (practice, me, id) = (staff.practice.id.clone(), staff.id.clone(), draft.id.clone());
    let job = job.cloned();
    let done = house.store.write(move |db| {
        let (practice, me, id) = (practice.clone(), me.clone(), id.clone());
        let job = job.clone();
        Box::pin(async move {
            store::statement_draft::mark_job(db, &practice, &me, &id, job.as_ref()).await
        })
    });
    Ok(done.await?)
}

/// `POST /staff/statements/sent/{job}`: Finish, with the mark.
pub async fn finish(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    posted: Posted,
) -> Answer {
    staff.require(&house, Permission::SendStatements).await?;
    let id: JobId = id.parse().map_err(|_| Failure::NotFound)?;
    let yes = posted.text("mark") != "no";
    let marked = house.engine.mark_job(&staff.practice.id, &id, yes, &staff.actor()).await;
    marked.map_err(refusals::failed)?;
    staff.visit.say(if yes {
        "Finished. The claims are marked Pending patient."
    } else {
        "Finished. The claims stay Ready to send statements."
    });
    Ok(see_other(&format!("/staff/jobs/{id}")))
}
