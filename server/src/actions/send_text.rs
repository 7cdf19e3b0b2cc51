//! `POST /staff/patients/{guarantor}/text`: a text staff write to one patient, at any time and without
//! approval (S-SF8). The gate is asked all the same.

use actix_web::web;
use app::components::Errors;
use domain::id::ContactId;
use engine::{Delivered, Refusal};
use store::guarantor::Guarantor;

use super::{change_record::record_of, choose_language::see_other};
use crate::{
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    pages::staff::record::{SECTION, require_texts, text_page, withheld_words},
    pressed::Pressed,
    record::find,
    refusals,
    session::Staff,
    workspace::{self, refused},
};

pub const SENT_ALREADY: &str = "This very text was sent off a moment ago. It was not sent again.";

pub async fn post(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    posted: Posted,
) -> Answer {
    require_texts(&house, &staff).await?;
    let about = {
        let mut db = house.store.read().await?;
        find(&mut db, &staff.practice, &id).await?
    };
    let (phone, text) = (posted.text("phone").to_owned(), posted.text("text").to_owned());
    let Ok(contact) = phone.parse::<ContactId>() else {
        return Err(Failure::Malformed("Choose a phone."));
    };
    let pressed = Pressed::of(&house, &staff, &posted);
    if !pressed.is_first(&house).await? {
        staff.visit.say(SENT_ALREADY);
        return Ok(see_other(&after(&house, &staff, &about, &contact).await?));
    }
    let practice = &staff.practice.id;
    let sent =
        house.engine.send_direct_text(practice, &about.id, &contact, &text, &staff.actor()).await;
    let errors = match sent {
        Ok(Delivered::Sent(_)) => {
            staff.visit.say("The text was sent.");
            return Ok(see_other(&after(&house, &staff, &about, &contact).await?));
        }
        Ok(Delivered::Later(_)) => {
            staff.visit.say("The text goes by itself when the hours at their place allow it.");
            return Ok(see_other(&record_of(&id, "/why")));
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
    let page = text_page(&house, &staff, &about, &phone, &text, errors).await?;
    Ok(refused(page.html(&workspace::shell(&house, &staff, SECTION))))
}

/// Where the answer will be read: the conversation, where there is an inbox.
async fn after(
    house: &House,
    staff: &Staff,
    about: &Guarantor,
    contact: &ContactId,
) -> Result<String, Failure> {
    let record = record_of(about.id.as_str(), "");
    if !staff.has_inbox() {
        return Ok(record);
    }
    let mut db = house.store.read().await?;
    let practice = &staff.practice.id;
    let contact = store::contact::load(&mut db, practice, &about.id, contact).await?;
    let Some(contact) = contact else { return Ok(record) };
    let found = store::conversation::find_by_value(&mut db, practice, &contact.value_index).await?;
    Ok(found.map_or(record, |id| format!("/staff/inbox/{id}")))
}
