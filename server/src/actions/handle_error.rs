//! `POST /staff/messages/{message}/archive`, `/opt-out`, `/instead` and `/handled/undo`: what staff do
//! about a message that failed. The second of two clicks comes to the same as the first; whom a
//! colleague was faster than reads what that colleague did.

use actix_web::web;
use app::components::Errors;
use domain::{decide::Channel, id::MessageId, staff::Permission};
use engine::EngineError;
use store::handled_error::Outcome;

use super::choose_language::see_other;
use crate::{
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    pages::staff::notifications::{SECTION, Typed, show_message},
    refusals,
    session::Staff,
};

fn message_of(id: &str) -> Result<MessageId, Failure> {
    id.parse().map_err(|_| Failure::NotFound)
}

/// Back to the list of what is still to be done.
fn done(staff: &Staff, words: &str) -> Answer {
    staff.visit.say(words);
    Ok(see_other(&format!("{SECTION}?errors=1")))
}

async fn refuse(
    house: &House,
    staff: &Staff,
    id: &str,
    field: &str,
    typed: Typed,
    error: EngineError,
) -> Answer {
    let refusal = refusals::refusal_of(error)?;
    let words = refusals::sentence(&refusal, house.world.now(), &staff.practice.zone());
    // Once somebody has handled it, the fields are gone: the sentence stands above the page.
    let is_field = !matches!(refusal, engine::Refusal::AlreadyDone) && !field.is_empty();
    let errors =
        if is_field { Errors::new().on(field, words) } else { Errors::new().overall(words) };
    show_message(house, staff, id, typed, errors).await
}

pub async fn archive(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    posted: Posted,
) -> Answer {
    staff.require(&house, Permission::WriteNotes).await?;
    let message = message_of(&id)?;
    let (reason, note) = (posted.text("reason").to_owned(), posted.text("note").trim().to_owned());
    let (practice, by) = (&staff.practice.id, staff.actor());
    match house.engine.archive_error(practice, &message, &reason, Some(&note), &by).await {
        Ok(()) => done(&staff, "Put away. It stands under Handled, with your reason."),
        Err(error) => {
            let typed = Typed { reason, note, ..Typed::default() };
            refuse(&house, &staff, &id, "reason", typed, error).await
        }
    }
}

pub async fn opt_out(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    posted: Posted,
) -> Answer {
    staff.require(&house, Permission::EditContacts).await?;
    let message = message_of(&id)?;
    let everywhere = match posted.text("where") {
        "this" => false,
        "all" => true,
        _ => return Err(Failure::Malformed("Choose where nothing is sent any more.")),
    };
    let (practice, by) = (&staff.practice.id, staff.actor());
    match house.engine.opt_out_after_error(practice, &message, everywhere, &by).await {
        Ok(()) => {
            house.bell.notify_one();
            done(&staff, "Opted out. What waited for them was taken back.")
        }
        Err(error) => refuse(&house, &staff, &id, "where", Typed::default(), error).await,
    }
}

pub async fn instead(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    posted: Posted,
) -> Answer {
    staff.require(&house, Permission::SendStatements).await?;
    let message = message_of(&id)?;
    let channel = Channel::parse(posted.text("channel"));
    let channel = channel.ok_or(Failure::Malformed("Choose how it should go."))?;
    let (practice, by) = (&staff.practice.id, staff.actor());
    match house.engine.send_instead(practice, &message, channel, &by).await {
        Ok(at) => {
            house.bell.notify_one();
            let zone = staff.practice.zone();
            let words = match at {
                None => "A letter is in the print queue, under Follow-ups.".to_owned(),
                Some(at) => {
                    let when = app::when::near(at, house.world.now(), &zone);
                    format!("It goes {when}, if the rules still allow it then.")
                }
            };
            done(&staff, &words)
        }
        Err(error) => refuse(&house, &staff, &id, "channel", Typed::default(), error).await,
    }
}

/// Back to the queue. Who may bring an outcome about may take it back.
pub async fn undo(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    _posted: Posted,
) -> Answer {
    staff.require(&house, Permission::WriteNotes).await?;
    let message = message_of(&id)?;
    let stands = {
        let mut db = house.store.read().await?;
        let ids = std::slice::from_ref(&message);
        store::handled_error::load_many(&mut db, &staff.practice.id, ids).await?.remove(&message)
    };
    if let Some(stands) = stands {
        staff.require(&house, permission_of(stands.outcome)).await?;
    }
    let (practice, by) = (&staff.practice.id, staff.actor());
    match house.engine.undo_error(practice, &message, &by).await {
        Ok(()) => {
            house.bell.notify_one();
            staff.visit.say("Taken back. The message waits under Manage Errors again.");
            Ok(see_other(&format!("/staff/messages/{message}")))
        }
        Err(error) => refuse(&house, &staff, &id, "", Typed::default(), error).await,
    }
}

/// What it takes to bring an outcome about, and to take it back.
pub const fn permission_of(outcome: Outcome) -> Permission {
    match outcome {
        Outcome::Contact | Outcome::OptOut => Permission::EditContacts,
        Outcome::Channel => Permission::SendStatements,
        Outcome::Archive => Permission::WriteNotes,
    }
}
