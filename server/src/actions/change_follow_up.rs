//! `POST /staff/follow-ups/{id}` and `/decide`: what came of a call, and a manager's yes or no.

use actix_web::web;
use app::{components::Errors, pages::staff::follow_ups::OUTCOMES};
use domain::staff::Permission;
use engine::{EngineError, Noted, Refusal};
use jiff::civil::Date;

use super::choose_language::see_other;
use crate::{
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    pages::staff::follow_ups::{self, SECTION, Typed, find},
    refusals,
    session::Staff,
};

const NOTE_LONGEST: usize = 500;

fn typed(posted: &Posted) -> Typed {
    Typed {
        outcome: posted.text("outcome").to_owned(),
        next_on: posted.text("next_on").trim().to_owned(),
        note: posted.text("note").trim().to_owned(),
    }
}

pub async fn post(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    posted: Posted,
) -> Answer {
    staff.require(&house, Permission::WriteNotes).await?;
    let found = find(&house, &staff, &id).await?;
    let typed = typed(&posted);
    let mut errors = Errors::new();
    if !OUTCOMES.iter().any(|(code, _)| *code == typed.outcome) {
        errors = errors.on("outcome", "Choose what came of it.");
    }
    let today = house.world.now().day_in(&staff.practice.zone());
    let next_on = typed.next_on.parse::<Date>().ok().filter(|day| *day > today);
    if !typed.next_on.is_empty() && next_on.is_none() {
        errors = errors.on("next_on", "Choose a day after today, or leave it empty.");
    }
    if typed.note.chars().count() > NOTE_LONGEST {
        errors = errors.on("note", "Write at most 500 characters.");
    }
    if !errors.is_empty() {
        return follow_ups::show(&house, &staff, &id, typed, errors).await;
    }
    let noted = Noted {
        outcome: typed.outcome.clone(),
        next_on,
        note: Some(typed.note.clone()).filter(|note| !note.is_empty()),
    };
    let (practice, by) = (&staff.practice.id, staff.actor());
    match house.engine.note_follow_up(practice, &found.id, &noted, &by).await {
        Ok(()) => {
            house.bell.notify_one();
            staff.visit.say(match next_on {
                Some(_) => "Noted. It comes back on the day you chose.",
                None => "Noted, and closed.",
            });
            Ok(see_other(SECTION))
        }
        Err(error) => refuse(&house, &staff, &id, typed, error).await,
    }
}

pub async fn decide(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    posted: Posted,
) -> Answer {
    staff.require(&house, Permission::DecideCollections).await?;
    let found = find(&house, &staff, &id).await?;
    let typed = typed(&posted);
    let yes = match posted.text("verdict") {
        "approve" => true,
        "decline" => false,
        _ => return Err(Failure::Malformed("Choose one of the two buttons.")),
    };
    let note = Some(typed.note.clone()).filter(|note| !note.is_empty());
    let (practice, by) = (&staff.practice.id, staff.actor());
    match house.engine.decide_collections(practice, &found.id, yes, note, &by).await {
        Ok(()) => {
            house.bell.notify_one();
            staff.visit.say(if yes {
                "Approved. Reminders of this account have stopped."
            } else {
                "Declined. The account goes on as before."
            });
            Ok(see_other(SECTION))
        }
        Err(error) => refuse(&house, &staff, &id, typed, error).await,
    }
}

async fn refuse(
    house: &House,
    staff: &Staff,
    id: &str,
    typed: Typed,
    error: EngineError,
) -> Answer {
    let words = match refusals::refusal_of(error)? {
        Refusal::NotFound => return Err(Failure::NotFound),
        other => refusals::sentence(&other, house.world.now(), &staff.practice.zone()),
    };
    follow_ups::show(house, staff, id, typed, Errors::new().overall(words)).await
}
