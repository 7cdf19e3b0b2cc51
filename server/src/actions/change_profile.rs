//! `POST /staff/profiles` and what can be done to a version: edit, approve, activate, retire, copy,
//! raise, simulate; and `POST /staff/segments`.

use actix_web::web;
use app::{
    components::{Errors, Query},
    pages::staff::StepFields,
};
use domain::{clock::UnixMs, id::SegmentId, segment::NAME_LONGEST, staff::Permission};
use engine::{EngineError, Refusal};
use store::profile::Version;
use tracing::error;

use super::choose_language::see_other;
use crate::{
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    pages::staff::profiles::{self, SECTION, find},
    profile_form::{self, Typed},
    refusals,
    session::Staff,
    workspace::refused,
};

pub async fn create(house: web::Data<House>, staff: Staff, posted: Posted) -> Answer {
    staff.require(&house, Permission::ManageProfiles).await?;
    let name = posted.text("name").trim().to_owned();
    match house.engine.create_profile(&staff.practice.id, &name, &staff.actor()).await {
        Ok(version) => {
            staff.visit.say("A draft with the usual steps was made. Nothing is sent by it yet.");
            Ok(see_other(&format!("{SECTION}/{version}")))
        }
        Err(error) => {
            let words = words_of(&house, &staff, error)?;
            profiles::show_list(&house, &staff, name, Errors::new().on("name", words)).await
        }
    }
}

fn words_of(house: &House, staff: &Staff, error: EngineError) -> Result<String, Failure> {
    let refusal = refusals::refusal_of(error)?;
    Ok(refusals::sentence(&refusal, house.world.now(), &staff.practice.zone()))
}

/// Save, add, remove or move: the form says which, and keeps what was typed in every case.
pub async fn edit(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    posted: Posted,
) -> Answer {
    staff.require(&house, Permission::ManageProfiles).await?;
    let mut version = find(&house, &staff, &id).await?;
    let seen: i64 =
        posted.text("seen").parse().map_err(|_| Failure::Malformed("Reload the page."))?;
    let mut typed = profile_form::typed_in(&posted);
    if change_steps(&mut typed, posted.text("do"), &staff) {
        let html = profiles::form(&house, &staff, &version, typed, seen, Errors::new());
        return Ok(crate::workspace::shown(html));
    }
    let (document, errors) = profile_form::read(&typed);
    if !errors.is_empty() {
        return Ok(refused(profiles::form(&house, &staff, &version, typed, seen, errors)));
    }
    version.updated_at = UnixMs(seen);
    let (practice, by) = (&staff.practice.id, staff.actor());
    match house.engine.save_profile(practice, &version, &document, &by).await {
        Ok(()) => {
            staff.visit.say("The draft was saved. Read its proof before you approve it.");
            Ok(see_other(&format!("{SECTION}/{}", version.id)))
        }
        Err(error) => {
            let words = match refusals::refusal_of(error)? {
                Refusal::AlreadyDone => {
                    "Somebody else changed this draft, or approved it. Open it again and repeat \
                     your change."
                        .to_owned()
                }
                other => refusals::sentence(&other, house.world.now(), &staff.practice.zone()),
            };
            let errors = Errors::new().overall(words);
            Ok(refused(profiles::form(&house, &staff, &version, typed, seen, errors)))
        }
    }
}

/// True when the form only wants another row, or one less.
fn change_steps(typed: &mut Typed, verb: &str, staff: &Staff) -> bool {
    let at = |rest: &str| rest.parse::<usize>().ok().filter(|at| *at < typed.steps.len());
    if verb == "add" {
        typed.steps.push(profiles::new_step(&staff.practice));
        return true;
    }
    if let Some(place) = verb.strip_prefix("remove-").and_then(at) {
        typed.steps.remove(place);
        return true;
    }
    if let Some(place) = verb.strip_prefix("up-").and_then(at).filter(|place| *place > 0) {
        let steps: &mut Vec<StepFields> = &mut typed.steps;
        steps.swap(place, place - 1);
        return true;
    }
    false
}

/// The version as somebody has read it: a change since then is refused.
async fn as_seen(
    house: &House,
    staff: &Staff,
    id: &str,
    posted: &Posted,
) -> Result<Version, Failure> {
    staff.require(house, Permission::ManageProfiles).await?;
    let mut version = find(house, staff, id).await?;
    if let Ok(seen) = posted.text("seen").parse() {
        version.updated_at = UnixMs(seen);
    }
    Ok(version)
}

pub async fn approve(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    posted: Posted,
) -> Answer {
    let version = as_seen(&house, &staff, &id, &posted).await?;
    let (practice, by) = (&staff.practice.id, staff.actor());
    let done = house.engine.approve_profile(practice, &version, &by).await;
    let said = "The proof is approved. It can be activated now.";
    stepped(&house, &staff, &id, done, said).await
}

pub async fn activate(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    posted: Posted,
) -> Answer {
    let version = as_seen(&house, &staff, &id, &posted).await?;
    let (practice, by) = (&staff.practice.id, staff.actor());
    let done = house.engine.activate_profile(practice, &version, &by).await;
    let said = "The version is active. Its accounts are being taken in.";
    stepped(&house, &staff, &id, done, said).await
}

pub async fn retire(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    posted: Posted,
) -> Answer {
    let version = as_seen(&house, &staff, &id, &posted).await?;
    let (practice, by) = (&staff.practice.id, staff.actor());
    let done = house.engine.retire_profile(practice, &version, &by).await;
    let said = "The version is retired. Nothing more is written by it.";
    stepped(&house, &staff, &id, done, said).await
}

async fn stepped(
    house: &House,
    staff: &Staff,
    id: &str,
    done: Result<(), EngineError>,
    said: &str,
) -> Answer {
    match done {
        Ok(()) => {
            house.bell.notify_one();
            staff.visit.say(said);
            Ok(see_other(&format!("{SECTION}/{id}")))
        }
        Err(error) => {
            let words = match refusals::refusal_of(error)? {
                Refusal::AlreadyDone => {
                    "It was changed since you read it, or somebody else was faster. Read it again."
                        .to_owned()
                }
                other => refusals::sentence(&other, house.world.now(), &staff.practice.zone()),
            };
            let errors = Errors::new().overall(words);
            profiles::show(house, staff, id, Query::default(), errors).await
        }
    }
}

/// Which profile is asked first: one place up.
pub async fn raise(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    _posted: Posted,
) -> Answer {
    staff.require(&house, Permission::ManageProfiles).await?;
    let version = find(&house, &staff, &id).await?;
    let (practice, by) = (&staff.practice.id, staff.actor());
    let done = house.engine.raise_profile(practice, &version.profile, &by).await;
    match done.map_err(refusals::refusal_of) {
        Ok(()) => staff.visit.say("The order was changed."),
        Err(Ok(_)) => staff.visit.say("It is the first one already."),
        Err(Err(failure)) => return Err(failure),
    }
    Ok(see_other(SECTION))
}

pub async fn copy(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    _posted: Posted,
) -> Answer {
    staff.require(&house, Permission::ManageProfiles).await?;
    let version = find(&house, &staff, &id).await?;
    let (practice, by) = (&staff.practice.id, staff.actor());
    let made = house.engine.copy_profile(practice, &version.id, &by).await;
    let made = made.map_err(refusals::failed)?;
    staff.visit.say("A draft was made as a copy. Nothing is sent by it yet.");
    Ok(see_other(&format!("{SECTION}/{made}/edit")))
}

/// Begins a trial; the page shows how far it is.
pub async fn simulate(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    _posted: Posted,
) -> Answer {
    staff.require(&house, Permission::ManageProfiles).await?;
    let version = find(&house, &staff, &id).await?;
    let (practice, by) = (staff.practice.id.clone(), staff.actor());
    let started = house.engine.start_forecast(&practice, &version.id, &by).await;
    let trial = started.map_err(refusals::failed)?;
    let (engine, version) = (house.engine.clone(), version.id);
    let place = format!("{SECTION}/{version}#outlook");
    tokio::spawn(async move {
        if let Err(cause) = engine.run_forecast(&practice, &trial, &version).await {
            error!(%cause, "a trial of a profile failed");
        }
    });
    staff.visit.say("The next 60 days are being worked out. Nothing is sent.");
    Ok(see_other(&place))
}

pub async fn save_segment(house: web::Data<House>, staff: Staff, posted: Posted) -> Answer {
    staff.require(&house, Permission::ManageProfiles).await?;
    let name = posted.text("name").trim().to_owned();
    let typed = profile_form::filter_in(&posted, "");
    let (filter, mut errors) = profile_form::read_filter(&typed);
    if name.is_empty() || name.chars().count() > NAME_LONGEST {
        errors = errors.on("name", "Name the segment in 60 characters or fewer.");
    }
    if !errors.is_empty() {
        return profiles::show_segments(&house, &staff, name, typed, errors).await;
    }
    let (world, practice) = (house.world.clone(), staff.practice.id.clone());
    let entry = staff.entry("create", "segment", &name);
    let (title, by) = (name.clone(), staff.actor().label());
    let made = house.store.write(move |db| {
        let (world, practice, entry) = (world.clone(), practice.clone(), entry.clone());
        let (title, filter, by) = (title.clone(), filter.clone(), by.clone());
        Box::pin(async move {
            let made = store::segment::insert(db, &world, &practice, &title, &filter, &by).await?;
            if made.is_some() {
                store::audit::insert(db, &world, &entry).await?;
            }
            Ok(made)
        })
    });
    if made.await?.is_none() {
        let errors = Errors::new().on("name", "There is a segment of this name already.");
        return profiles::show_segments(&house, &staff, name, typed, errors).await;
    }
    staff.visit.say("The segment was saved.");
    Ok(see_other("/staff/segments"))
}

pub async fn delete_segment(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    _posted: Posted,
) -> Answer {
    staff.require(&house, Permission::ManageProfiles).await?;
    let id: SegmentId = id.parse().map_err(|_| Failure::NotFound)?;
    let (world, practice) = (house.world.clone(), staff.practice.id.clone());
    let entry = staff.entry("delete", "segment", id.as_str());
    let gone = house.store.write(move |db| {
        let (world, practice, entry) = (world.clone(), practice.clone(), entry.clone());
        let id = id.clone();
        Box::pin(async move {
            if !store::segment::delete(db, &practice, &id).await? {
                return Ok(false);
            }
            store::audit::insert(db, &world, &entry).await?;
            Ok(true)
        })
    });
    if !gone.await? {
        return Err(Failure::NotFound);
    }
    staff.visit.say("The segment was deleted.");
    Ok(see_other("/staff/segments"))
}
