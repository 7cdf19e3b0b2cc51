//! What staff do with a conversation: answer, assign, link to an account, close, reopen, and say what
//! a text meant.

use actix_web::web;
use app::components::Errors;
use domain::{
    id::{GuarantorId, ReplyId, StaffId},
    revocation::Inbound,
    staff::Permission,
};
use engine::{Corrected, Delivered, Refusal, takes_back};
use store::{
    contact,
    conversation::{self, Conversation, State},
};

use super::{choose_language::see_other, send_text::SENT_ALREADY};
use crate::{
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    pages::staff::{
        conversation::{Typed, find, refuse},
        inbox::{SECTION, require_inbox},
        record::withheld_words,
    },
    pressed::Pressed,
    refusals,
    session::Staff,
};

fn place_of(opened: &Conversation) -> String {
    format!("{SECTION}/{}", opened.id)
}

async fn open(house: &House, staff: &Staff, id: &str) -> Result<Conversation, Failure> {
    require_inbox(house, staff, Permission::SendTexts).await?;
    let mut db = house.store.read().await?;
    find(&mut db, staff, id).await
}

/// `POST …/send`
pub async fn send(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    posted: Posted,
) -> Answer {
    let opened = open(&house, &staff, &id).await?;
    let (text, account) = (posted.text("text").to_owned(), posted.text("account").to_owned());
    let again = |errors: Errors| Typed { text: text.clone(), account: account.clone(), errors };
    let holders = {
        let mut db = house.store.read().await?;
        contact::list_by_value(&mut db, &staff.practice.id, &opened.value_index).await?
    };
    let Some(holder) = holders.into_iter().find(|c| c.guarantor.as_str() == account) else {
        let errors = Errors::new().on("account", "Choose on behalf of which account it is sent.");
        return refuse(&house, &staff, opened, again(errors)).await;
    };
    let pressed = Pressed::of(&house, &staff, &posted);
    if !pressed.is_first(&house).await? {
        staff.visit.say(SENT_ALREADY);
        return Ok(see_other(&place_of(&opened)));
    }
    let practice = &staff.practice.id;
    let sent = house
        .engine
        .send_direct_text(practice, &holder.guarantor, &holder.id, &text, &staff.actor())
        .await;
    let errors = match sent {
        Ok(Delivered::Sent(_)) => {
            staff.visit.say("The text was sent.");
            return Ok(see_other(&place_of(&opened)));
        }
        Ok(Delivered::Later(_)) => {
            staff.visit.say("The text goes by itself when the hours at their place allow it.");
            return Ok(see_other(&place_of(&opened)));
        }
        Ok(Delivered::Withheld(_, decision)) => {
            Errors::new().overall(withheld_words(&decision, &staff))
        }
        Ok(Delivered::Failed(_)) => Errors::new()
            .overall("The texting service did not take it. The notification history says why."),
        Err(error) => {
            let refusal = refusals::refusal_of(error)?;
            let words = refusals::sentence(&refusal, house.world.now(), &staff.practice.zone());
            match refusal {
                Refusal::BadBody => Errors::new().on("text", words),
                _ => Errors::new().overall(words),
            }
        }
    };
    pressed.forget(&house).await?;
    refuse(&house, &staff, opened, again(errors)).await
}

/// `POST …/assign`: to a colleague, or to nobody.
pub async fn assign(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    posted: Posted,
) -> Answer {
    let opened = open(&house, &staff, &id).await?;
    let to: Option<StaffId> = match posted.text("staff") {
        "" => None,
        id => Some(id.parse().map_err(|_| Failure::Malformed("Choose from the list."))?),
    };
    if let Some(to) = &to {
        let mut db = house.store.read().await?;
        let role = store::staff::find_role(&mut db, to, &staff.practice.id).await?;
        role.ok_or(Failure::Malformed("Choose from the list."))?;
    }
    let detail = to.as_ref().map_or("nobody".to_owned(), StaffId::to_string);
    let (practice, of) = (staff.practice.id.clone(), opened.id.clone());
    let entry = staff.entry("assign", "conversation", of.as_str()).with(detail);
    let world = house.world.clone();
    let marked = house.store.write(move |db| {
        let (practice, of, to) = (practice.clone(), of.clone(), to.clone());
        let (world, entry) = (world.clone(), entry.clone());
        Box::pin(async move {
            conversation::mark_assigned(db, &practice, &of, to.as_ref()).await?;
            store::audit::insert(db, &world, &entry).await
        })
    });
    marked.await?;
    staff.visit.say("Assigned.");
    Ok(see_other(&place_of(&opened)))
}

/// `POST …/link`: which of the phone's accounts it is about, by a person's choice (D-4).
pub async fn link(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    posted: Posted,
) -> Answer {
    let opened = open(&house, &staff, &id).await?;
    let about: Option<GuarantorId> = match posted.text("account") {
        "" => None,
        id => Some(id.parse().map_err(|_| Failure::Malformed("Choose from the list."))?),
    };
    if let Some(about) = &about {
        let mut db = house.store.read().await?;
        let practice = &staff.practice.id;
        let holders = contact::list_by_value(&mut db, practice, &opened.value_index).await?;
        if !holders.iter().any(|holder| holder.guarantor == *about) {
            return Err(Failure::Malformed("Choose from the list."));
        }
    }
    let (practice, of) = (staff.practice.id.clone(), opened.id.clone());
    let mut entry = staff.entry("link", "conversation", of.as_str());
    entry.guarantor = about.clone();
    let world = house.world.clone();
    let marked = house.store.write(move |db| {
        let (practice, of, about) = (practice.clone(), of.clone(), about.clone());
        let (world, entry) = (world.clone(), entry.clone());
        Box::pin(async move {
            conversation::mark_linked(db, &practice, &of, about.as_ref()).await?;
            store::audit::insert(db, &world, &entry).await
        })
    });
    marked.await?;
    staff.visit.say("Saved.");
    Ok(see_other(&place_of(&opened)))
}

/// `POST …/close`
pub async fn close(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    _posted: Posted,
) -> Answer {
    let opened = open(&house, &staff, &id).await?;
    mark_state(&house, &staff, &opened, State::Closed).await?;
    staff.visit.say("The conversation was closed. A new text opens it again.");
    Ok(see_other(SECTION))
}

/// `POST …/reopen`
pub async fn reopen(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    _posted: Posted,
) -> Answer {
    let opened = open(&house, &staff, &id).await?;
    mark_state(&house, &staff, &opened, State::Open).await?;
    staff.visit.say("The conversation is open again.");
    Ok(see_other(&place_of(&opened)))
}

async fn mark_state(
    house: &House,
    staff: &Staff,
    opened: &Conversation,
    state: State,
) -> Result<(), Failure> {
    let verb = if state == State::Closed { "close" } else { "reopen" };
    let (practice, of) = (staff.practice.id.clone(), opened.id.clone());
    let entry = staff.entry(verb, "conversation", of.as_str());
    let (world, by) = (house.world.clone(), staff.actor().label());
    let marked = house.store.write(move |db| {
        let (practice, of, by) = (practice.clone(), of.clone(), by.clone());
        let (world, entry) = (world.clone(), entry.clone());
        Box::pin(async move {
            let now = world.now();
            if conversation::mark_state(db, &practice, &of, state, &by, now).await? {
                store::audit::insert(db, &world, &entry).await?;
            }
            Ok(())
        })
    });
    Ok(marked.await?)
}

/// `POST …/replies/{reply}/meaning`: a person's reading counts. Taking protection back needs the right
/// to lift holds.
pub async fn meaning(
    house: web::Data<House>,
    staff: Staff,
    path: web::Path<(String, String)>,
    posted: Posted,
) -> Answer {
    require_inbox(&house, &staff, Permission::PlaceHolds).await?;
    let (id, reply) = path.into_inner();
    let reply: ReplyId = reply.parse().map_err(|_| Failure::NotFound)?;
    let (opened, said) = {
        let mut db = house.store.read().await?;
        let opened = find(&mut db, &staff, &id).await?;
        let said = store::reply::load(&mut db, &staff.practice.id, &reply).await?;
        (opened, said)
    };
    let (said, value) = said.ok_or(Failure::NotFound)?;
    if value != opened.value_index {
        return Err(Failure::NotFound);
    }
    let to = Inbound::parse(posted.text("meaning")).filter(|to| to.needs_a_person());
    let to = to.ok_or(Failure::Malformed("Choose from the list."))?;
    if Inbound::parse(&said.class).is_some_and(|from| takes_back(from, to)) {
        staff.require(&house, Permission::LiftHolds).await?;
    }
    let practice = &staff.practice.id;
    let done = house.engine.reclassify_reply(practice, &reply, to, &staff.actor()).await;
    let words = match done {
        Ok(Corrected::Done) => "Corrected. What the text did is as you read it.".to_owned(),
        Ok(Corrected::HoldWaitsForSecondPerson) => {
            "Corrected. The legal hold stands until a second person lifts it on the record."
                .to_owned()
        }
        Err(error) => {
            let refusal = refusals::refusal_of(error)?;
            refusals::sentence(&refusal, house.world.now(), &staff.practice.zone())
        }
    };
    house.bell.notify_one();
    staff.visit.say(&words);
    Ok(see_other(&format!("{}#{reply}", place_of(&opened))))
}
