//! `POST /staff/jobs/{id}/approve`, `/cancel` and `/messages/{message}/exclude`.

use std::collections::BTreeSet;

use actix_web::web;
use app::components::{Errors, Query};
use domain::{
    id::{JobId, MessageId},
    staff::Permission,
};
use engine::EngineError;

use super::choose_language::see_other;
use crate::{
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    pages::staff::{
        jobs::{SECTION, show},
        notifications,
    },
    refusals,
    session::Staff,
};

fn job_of(id: &str) -> Result<JobId, Failure> {
    id.parse().map_err(|_| Failure::NotFound)
}

/// One yes to everything of the job that waits for one.
pub async fn approve(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    _posted: Posted,
) -> Answer {
    staff.require(&house, Permission::SendStatements).await?;
    let job = job_of(&id)?;
    match house.engine.approve_job(&staff.practice.id, &job, &staff.actor()).await {
        Ok(done) => {
            house.bell.notify_one();
            staff.visit.say(&format!(
                "Approved: {} go within the hour, {} wait longer, {} were withheld.",
                done.queued, done.waiting, done.withheld
            ));
            Ok(see_other(&format!("{SECTION}/{job}")))
        }
        Err(error) => refuse(&house, &staff, &id, error).await,
    }
}

/// The yes to those that were chosen.
pub async fn approve_some(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    posted: Posted,
) -> Answer {
    staff.require(&house, Permission::SendStatements).await?;
    let job = job_of(&id)?;
    let chosen: BTreeSet<MessageId> =
        posted.all("message").filter_map(|id| id.parse().ok()).collect();
    let (practice, by) = (&staff.practice.id, staff.actor());
    match house.engine.approve_some(practice, &job, &chosen, &by).await {
        Ok(done) => {
            house.bell.notify_one();
            staff.visit.say(&format!(
                "Approved: {} go within the hour, {} wait longer, {} were withheld.",
                done.queued, done.waiting, done.withheld
            ));
            Ok(see_other(&format!("{SECTION}/{job}")))
        }
        Err(error) => refuse(&house, &staff, &id, error).await,
    }
}

/// Lets the whole of it rest.
pub async fn pause(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    _posted: Posted,
) -> Answer {
    staff.require(&house, Permission::SendStatements).await?;
    let job = job_of(&id)?;
    match house.engine.pause_job(&staff.practice.id, &job, &staff.actor()).await {
        Ok(many) => {
            staff.visit.say(&format!("Paused: {many} wait until you resume the job."));
            Ok(see_other(&format!("{SECTION}/{job}")))
        }
        Err(error) => refuse(&house, &staff, &id, error).await,
    }
}

pub async fn resume(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    _posted: Posted,
) -> Answer {
    staff.require(&house, Permission::SendStatements).await?;
    let job = job_of(&id)?;
    match house.engine.resume_job(&staff.practice.id, &job, &staff.actor()).await {
        Ok(many) => {
            house.bell.notify_one();
            staff.visit.say(&format!("Resumed: {many} go on."));
            Ok(see_other(&format!("{SECTION}/{job}")))
        }
        Err(error) => refuse(&house, &staff, &id, error).await,
    }
}

/// Other words for one text that waits.
pub async fn edit(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    posted: Posted,
) -> Answer {
    staff.require(&house, Permission::SendStatements).await?;
    let message: MessageId = id.parse().map_err(|_| Failure::NotFound)?;
    {
        let mut db = house.store.read().await?;
        let found = store::message::load(&mut db, &staff.practice.id, &message).await?;
        found.ok_or(Failure::NotFound)?;
    }
    let body = posted.text("body").trim().to_owned();
    let (practice, by) = (&staff.practice.id, staff.actor());
    match house.engine.edit_text(practice, &message, &body, &by).await {
        Ok(()) => {
            staff.visit.say("The words were saved. They still wait for a yes.");
            Ok(see_other(&format!("/staff/messages/{message}")))
        }
        Err(error) => {
            let refusal = refusals::refusal_of(error)?;
            let words = refusals::sentence(&refusal, house.world.now(), &staff.practice.zone());
            let errors = Errors::new().on("body", words);
            let typed = notifications::Typed { words: Some(body), ..Default::default() };
            notifications::show_message(&house, &staff, &id, typed, errors).await
        }
    }
}

/// Takes back what has not gone.
pub async fn cancel(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    _posted: Posted,
) -> Answer {
    staff.require(&house, Permission::SendStatements).await?;
    let job = job_of(&id)?;
    match house.engine.cancel_job(&staff.practice.id, &job, &staff.actor()).await {
        Ok(many) => {
            staff.visit.say(&format!("Taken back: {many} that had not gone."));
            Ok(see_other(&format!("{SECTION}/{job}")))
        }
        Err(error) => refuse(&house, &staff, &id, error).await,
    }
}

pub async fn exclude(
    house: web::Data<House>,
    staff: Staff,
    path: web::Path<(String, String)>,
    _posted: Posted,
) -> Answer {
    staff.require(&house, Permission::SendStatements).await?;
    let (id, message) = path.into_inner();
    let job = job_of(&id)?;
    let message: MessageId = message.parse().map_err(|_| Failure::NotFound)?;
    {
        let mut db = house.store.read().await?;
        let found = store::message::load(&mut db, &staff.practice.id, &message).await?;
        if found.and_then(|one| one.job).as_ref() != Some(&job) {
            return Err(Failure::NotFound);
        }
    }
    let done =
        house.engine.cancel_message(&staff.practice.id, &job, &message, &staff.actor()).await;
    match done {
        Ok(0) => staff.visit.say("It has gone already, or was taken back before."),
        Ok(_) => staff.visit.say("Excluded: this message will not go."),
        Err(error) => return refuse(&house, &staff, &id, error).await,
    }
    Ok(see_other(&format!("{SECTION}/{job}")))
}

async fn refuse(house: &House, staff: &Staff, id: &str, error: EngineError) -> Answer {
    let refusal = refusals::refusal_of(error)?;
    let words = refusals::sentence(&refusal, house.world.now(), &staff.practice.zone());
    show(house, staff, id, Query::default(), Errors::new().overall(words)).await
}
