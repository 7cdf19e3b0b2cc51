//! *Send me a new link*: only ever to a contact on file, and with one answer for everybody (R75).

use actix_web::{HttpRequest, http::StatusCode, rt, web};
use app::{
    pages::{NewLink, NoPractice},
    refusal::Refusal,
};
use domain::{id::PracticeId, practice::Practice};
use store::contact::{Contact, Kind};
use tracing::warn;

use crate::{
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    pages::pay::{html, strangers_shell},
    visit::{self, Visit},
};

/// A phone that is on more accounts than this is a household; its members call.
const LINKS_MOST: usize = 4;

/// `POST /link/new`
pub async fn post(
    request: HttpRequest,
    house: web::Data<House>,
    visit: Visit,
    posted: Posted,
) -> Answer {
    house.limits.codes.check(visit.address())?;
    let shell = strangers_shell(&house, &request, &visit, "/link/new").await;
    let Some(practice) = visit::practice_at_hand(&house, &request, &visit).await? else {
        return Ok(html(StatusCode::NOT_FOUND, NoPractice.html(&shell)));
    };
    let typed: String = posted.text("contact").chars().take(300).collect();
    let Some((kind, value)) = contact_of(&typed) else {
        let model = NewLink { typed, refusals: vec![Refusal::ContactMalformed], is_sent: false };
        return Ok(html(StatusCode::UNPROCESSABLE_ENTITY, model.html(&shell)));
    };
    // Looked up and sent beside the answer: its time must not tell who is on file.
    let house = house.into_inner();
    rt::spawn(async move {
        if let Err(cause) = send(&house, &practice, kind, &value).await {
            warn!(%cause, "a new link could not be sent");
        }
    });
    let model = NewLink { is_sent: true, ..NewLink::default() };
    Ok(html(StatusCode::OK, model.html(&shell)))
}

/// A phone or an email, as contacts are kept.
pub fn contact_of(typed: &str) -> Option<(Kind, String)> {
    if typed.contains('@') {
        let email = domain::phone::normalise_email(typed).ok()?;
        Some((Kind::Email, email.as_str().to_owned()))
    } else {
        let phone = domain::phone::normalise_us(typed).ok()?;
        Some((Kind::Phone, phone.as_str().to_owned()))
    }
}

async fn send(house: &House, practice: &Practice, kind: Kind, value: &str) -> Result<(), Failure> {
    let contacts = {
        let mut db = house.store.read().await?;
        let index = store::contact::value_index(house.store.keys(), &practice.id, kind, value);
        let found = store::contact::list_by_value(&mut db, &practice.id, &index).await?;
        with_something_due(&mut db, &practice.id, found).await?
    };
    for contact in contacts.into_iter().take(LINKS_MOST) {
        let sent = house.engine.send_new_link(&practice.id, &contact.guarantor, &contact.id);
        sent.await.map_err(Failure::broken)?;
    }
    house.bell.notify_one();
    Ok(())
}

/// The accounts that owe something, or one of them when none does: its link says so.
async fn with_something_due(
    db: &mut store::Db,
    practice: &PracticeId,
    found: Vec<Contact>,
) -> Result<Vec<Contact>, Failure> {
    let owners: Vec<_> = found.iter().map(|contact| contact.guarantor.clone()).collect();
    let due = store::balance::due_of_many(db, practice, &owners).await?;
    let owes =
        |contact: &Contact| due.get(&contact.guarantor).is_some_and(|row| row.due.is_positive());
    if found.iter().any(owes) {
        Ok(found.into_iter().filter(owes).collect())
    } else {
        Ok(found.into_iter().take(1).collect())
    }
}
