//! `POST /staff/tasks/{id}/close` and `/staff/replies/{id}/reviewed`: somebody has looked, and says
//! what came of it.

use actix_web::web;
use app::components::{Errors, Query};
use domain::{
    id::{ReplyId, TaskId},
    staff::Permission,
};

use super::choose_language::see_other;
use crate::{
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    pages::staff::{
        replies::{self, task_key},
        tasks,
    },
    session::Staff,
};

const OUTCOME_LONGEST: usize = 500;

pub async fn close(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    posted: Posted,
) -> Answer {
    staff.require(&house, Permission::WriteNotes).await?;
    let task: TaskId = id.parse().map_err(|_| Failure::NotFound)?;
    let outcome = posted.text("outcome").trim().to_owned();
    let many = outcome.chars().count();
    if many == 0 || many > OUTCOME_LONGEST {
        let query = Query::default().with("close", &id);
        let errors = Errors::new().on("outcome", "Write down what came of it.");
        return tasks::show(&house, &staff, query, outcome, errors).await;
    }
    if !mark(&house, &staff, &task, &outcome).await? {
        return Err(Failure::NotFound);
    }
    staff.visit.say("The task was closed.");
    Ok(see_other(tasks::SECTION))
}

/// Closes it with its audit row; false when there is no such open task here.
async fn mark(house: &House, staff: &Staff, task: &TaskId, outcome: &str) -> Result<bool, Failure> {
    let (world, practice, task) = (house.world.clone(), staff.practice.id.clone(), task.clone());
    let (by, outcome) = (staff.actor().label(), outcome.to_owned());
    let entry = staff.entry("close", "task", task.as_str());
    let closed = house.store.write(move |db| {
        let (world, practice, task) = (world.clone(), practice.clone(), task.clone());
        let (by, outcome, entry) = (by.clone(), outcome.clone(), entry.clone());
        Box::pin(async move {
            let now = world.now();
            if !store::task::mark_closed(db, &practice, &task, &by, &outcome, now).await? {
                return Ok(false);
            }
            store::audit::insert(db, &world, &entry).await?;
            Ok(true)
        })
    });
    Ok(closed.await?)
}

pub async fn reviewed(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    _posted: Posted,
) -> Answer {
    staff.require(&house, Permission::WriteNotes).await?;
    if !staff.practice.texts_are_enabled() {
        return Err(Failure::NotFound);
    }
    let reply: ReplyId = id.parse().map_err(|_| Failure::NotFound)?;
    let key = task_key(&reply);
    let found = {
        let mut db = house.store.read().await?;
        let keys = std::slice::from_ref(&key);
        store::task::load_many(&mut db, &staff.practice.id, keys).await?.remove(&key)
    };
    let task = found.ok_or(Failure::NotFound)?;
    let said = if mark(&house, &staff, &task.id, "Reviewed").await? {
        "Marked as reviewed."
    } else {
        "Somebody else has reviewed it already."
    };
    staff.visit.say(said);
    Ok(see_other(&format!("{}?open=1", replies::SECTION)))
}
