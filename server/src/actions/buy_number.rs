//! `POST /staff/settings/numbers`: buys a number on the practice's account and points its replies
//! here; `…/use` chooses it for texts (S-NU1, S-NU2).
//!
//! The intent is stored before the vendor is asked, and only who stored it asks: the same form twice
//! buys one number. An outcome that nobody knows is looked up, never bought again.

use actix_web::{HttpRequest, web};
use app::components::{Errors, Query};
use connect::channel::{
    ChannelError,
    twilio::{NewNumber, Twilio},
};
use domain::{clock::MINUTE_MS, id::NumberOrderId, phone::E164, staff::Permission};
use store::number_order::{self, Order, State};

use super::choose_language::see_other;
use crate::{
    actions::save_settings,
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    pages::staff::numbers::show,
    session::Staff,
    vendors::{self, Unfit},
    workspace::base_of,
};

const PATH: &str = "/staff/settings/numbers";
/// A purchase that the vendor's list does not show after this was none.
const SETTLED_AFTER_MS: i64 = 2 * MINUTE_MS;
const BOUGHT: &str = "The number was bought. Select it and save to text from it.";
const NOT_KNOWN: &str = "Nobody knows yet whether the number was bought. Look it up in a minute; it \
                         is not bought again.";

pub async fn post(
    request: HttpRequest,
    house: web::Data<House>,
    staff: Staff,
    posted: Posted,
) -> Answer {
    staff.require(&house, Permission::ManageSettings).await?;
    let number = E164::from_normalised(posted.text("number"));
    let number = number.ok_or(Failure::Malformed("Choose a number from the list."))?;
    let order: NumberOrderId =
        posted.text("order").parse().map_err(|_| Failure::Malformed("Reload the page."))?;
    let base = base_of(&house, &staff.practice, &request);
    let twilio = match account(&house, &staff).await? {
        Ok(twilio) => twilio,
        Err(unfit) => return refuse(&house, &staff, &unfit.words).await,
    };
    if !insert(&house, &staff, &order, &number).await? {
        // Somebody, or this very form, was here before.
        return match standing(&house, &staff, &number).await? {
            Some(order) => settle(&house, &staff, &twilio, &order).await,
            None => Err(Failure::Malformed("Search again and choose the number anew.")),
        };
    }
    let wish = NewNumber {
        e164: number.as_str().to_owned(),
        sms_url: format!("{base}/webhooks/twilio/{}/sms", staff.practice.slug),
        voice_url: format!("{base}/webhooks/twilio/{}/menu", staff.practice.slug),
        friendly_name: Some(staff.practice.slug.clone()),
    };
    // Bought outside of here, perhaps: then there is nothing to pay for.
    let owned = match twilio.find_number(number.as_str()).await {
        Ok(Some(owned)) => Ok(owned),
        _ => match twilio.buy_number(&wish).await {
            Err(ChannelError::Unknown { cause }) => {
                match twilio.find_number(number.as_str()).await {
                    Ok(Some(owned)) => Ok(owned),
                    _ => Err(ChannelError::Unknown { cause }),
                }
            }
            outcome => outcome,
        },
    };
    match owned {
        Ok(owned) => {
            mark(&house, &staff, &order, State::Bought, Some(owned.sid)).await?;
            staff.visit.say(BOUGHT);
            Ok(see_other(PATH))
        }
        Err(ChannelError::Unknown { .. }) => {
            staff.visit.say(NOT_KNOWN);
            Ok(see_other(PATH))
        }
        Err(cause) => {
            mark(&house, &staff, &order, State::Refused, None).await?;
            refuse(&house, &staff, &vendors::texts_fault(&cause).words).await
        }
    }
}

/// `POST …/look`: what became of a purchase that nobody knows about.
pub async fn look(house: web::Data<House>, staff: Staff, posted: Posted) -> Answer {
    staff.require(&house, Permission::ManageSettings).await?;
    let number = E164::from_normalised(posted.text("number"));
    let number = number.ok_or(Failure::Malformed("Choose a number from the list."))?;
    let order = standing(&house, &staff, &number).await?;
    let order = order.ok_or(Failure::Malformed("Choose a number from the list."))?;
    match account(&house, &staff).await? {
        Ok(twilio) => settle(&house, &staff, &twilio, &order).await,
        Err(unfit) => refuse(&house, &staff, &unfit.words).await,
    }
}

async fn settle(house: &House, staff: &Staff, twilio: &Twilio, order: &Order) -> Answer {
    if order.state == State::Bought {
        staff.visit.say(BOUGHT);
        return Ok(see_other(PATH));
    }
    match twilio.find_number(&order.number).await {
        Ok(Some(owned)) => {
            mark(house, staff, &order.id, State::Bought, Some(owned.sid)).await?;
            staff.visit.say(BOUGHT);
        }
        Ok(None) if house.world.now().since(order.wanted_at) > SETTLED_AFTER_MS => {
            mark(house, staff, &order.id, State::Refused, None).await?;
            staff.visit.say("The number was not bought. Search again.");
        }
        Ok(None) => staff.visit.say(NOT_KNOWN),
        Err(cause) => return refuse(house, staff, &vendors::texts_fault(&cause).words).await,
    }
    Ok(see_other(PATH))
}

/// `POST …/use`: select and save.
pub async fn select(house: web::Data<House>, staff: Staff, posted: Posted) -> Answer {
    staff.require(&house, Permission::ManageSettings).await?;
    let Some(number) = E164::from_normalised(posted.text("number")) else {
        let errors = Errors::new().on("number", "Select one of your numbers.");
        return show(&house, &staff, &Query::default(), errors).await;
    };
    if staff.practice.settings.text_number.as_deref() == Some(number.as_str()) {
        staff.visit.say("That number is in use already.");
        return Ok(see_other(PATH));
    }
    let order = standing(&house, &staff, &number).await?;
    if order.is_none_or(|order| order.state != State::Bought) {
        let errors = Errors::new().on("number", "Select one of your numbers.");
        return show(&house, &staff, &Query::default(), errors).await;
    }
    let mut changed = staff.practice.clone();
    changed.settings.text_number = Some(number.as_str().to_owned());
    // The campaign belongs to the number before.
    changed.settings.text_campaign_registered = false;
    if !save_settings::save(&house, &staff, changed.version, &changed).await? {
        return refuse(&house, &staff, "Somebody else changed the settings meanwhile. Save again.")
            .await;
    }
    staff.visit.say("Saved. Texts go out from this number.");
    Ok(see_other("/staff/settings/texting"))
}

async fn account(house: &House, staff: &Staff) -> Result<Result<Twilio, Unfit>, Failure> {
    let account = {
        let mut db = house.store.read().await?;
        store::sender::load_texts(&mut db, &staff.practice.id).await?
    };
    let account = account.ok_or(Failure::Malformed("Connect the Twilio account first."))?;
    Ok(vendors::twilio(house, &account))
}

async fn refuse(house: &House, staff: &Staff, words: &str) -> Answer {
    show(house, staff, &Query::default(), Errors::new().overall(words)).await
}

async fn standing(house: &House, staff: &Staff, number: &E164) -> Result<Option<Order>, Failure> {
    let mut db = house.store.read().await?;
    Ok(number_order::find_standing(&mut db, &staff.practice.id, number.as_str()).await?)
}

async fn insert(
    house: &House,
    staff: &Staff,
    order: &NumberOrderId,
    number: &E164,
) -> Result<bool, Failure> {
    let (world, practice) = (house.world.clone(), staff.practice.id.clone());
    let (order, number) = (order.clone(), number.as_str().to_owned());
    let by = staff.actor().label();
    let entry = staff.entry("order", "number", order.as_str());
    let inserted = house.store.write(move |db| {
        let (world, practice, by) = (world.clone(), practice.clone(), by.clone());
        let (order, number, entry) = (order.clone(), number.clone(), entry.clone());
        Box::pin(async move {
            let now = world.now();
            let is_new = number_order::insert(db, &practice, &order, &number, &by, now).await?;
            if is_new {
                store::audit::insert(db, &world, &entry).await?;
            }
            Ok(is_new)
        })
    });
    Ok(inserted.await?)
}

async fn mark(
    house: &House,
    staff: &Staff,
    order: &NumberOrderId,
    state: State,
    vendor_id: Option<String>,
) -> Result<(), Failure> {
    let (world, practice, order) = (house.world.clone(), staff.practice.id.clone(), order.clone());
    let verb = if state == State::Bought { "bought" } else { "not_bought" };
    let entry = staff.entry(verb, "number", order.as_str());
    let marked = house.store.write(move |db| {
        let (world, practice, order) = (world.clone(), practice.clone(), order.clone());
        let (vendor_id, entry) = (vendor_id.clone(), entry.clone());
        Box::pin(async move {
            let (now, vendor_id) = (world.now(), vendor_id.as_deref());
            if number_order::mark_settled(db, &practice, &order, state, vendor_id, now).await? {
                store::audit::insert(db, &world, &entry).await?;
            }
            Ok(())
        })
    });
    Ok(marked.await?)
}
