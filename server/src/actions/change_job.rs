//! `POST /staff/jobs/{id}/approve`, `/cancel` and `/messages/{message}/exclude`.

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
    pages::staff::jobs::{SECTION, show},
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
