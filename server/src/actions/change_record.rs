//! What staff change on a patient record: notes, flags, holds, method and language. Each answers 303
//! to the record, or 422 with what was typed.

use actix_web::web;
use app::{components::Errors, pages::staff::HoldForm};
use domain::{
    book::{Language, Preferred},
    clock::UnixMs,
    holds::HoldKind,
    id::{ClaimId, ContactId, HoldId},
    staff::Permission,
};
use engine::{Lift, NewHold, Refusal};
use jiff::civil::Date;
use store::guarantor::Guarantor;

use super::choose_language::see_other;
use crate::{
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    pages::staff::record::{SECTION, hold_page, show},
    pressed::Pressed,
    record::{Extras, find},
    refusals,
    session::Staff,
    workspace::{self, refused},
};

const NOTE_LONGEST: usize = 2_000;

async fn guarantor(house: &House, staff: &Staff, id: &str) -> Result<Guarantor, Failure> {
    let mut db = house.store.read().await?;
    find(&mut db, &staff.practice, id).await
}

pub fn record_of(id: &str, part: &str) -> String {
    format!("{SECTION}/{id}{part}")
}

/// `POST …/note`
pub async fn note(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    posted: Posted,
) -> Answer {
    staff.require(&house, Permission::WriteNotes).await?;
    let about = guarantor(&house, &staff, &id).await?;
    let typed = posted.text("note").trim().to_owned();
    let many = typed.chars().count();
    if many == 0 || many > NOTE_LONGEST {
        let errors = Errors::new().on("note", "Write a note of at most 2,000 characters.");
        let extras = Extras { typed_note: typed, errors, ..Extras::default() };
        return show(&house, &staff, &id, extras).await;
    }
    if !Pressed::of(&house, &staff, &posted).is_first(&house).await? {
        staff.visit.say("This very note was added a moment ago.");
        return Ok(see_other(&record_of(&id, "#notes")));
    }
    let (world, practice, by) =
        (house.world.clone(), staff.practice.id.clone(), staff.actor().label());
    let entry = staff.entry("write", "note", "").about(&about.id);
    let written = house.store.write(move |db| {
        let (world, practice, by) = (world.clone(), practice.clone(), by.clone());
        let (about, typed, mut entry) = (about.id.clone(), typed.clone(), entry.clone());
        Box::pin(async move {
            let id = store::note::insert(db, &world, &practice, &about, &typed, &by).await?;
            entry.object_id = id.to_string();
            store::audit::insert(db, &world, &entry).await
        })
    });
    written.await?;
    staff.visit.say("The note was added.");
    Ok(see_other(&record_of(&id, "#notes")))
}

/// `POST …/flag`
pub async fn flag(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    posted: Posted,
) -> Answer {
    staff.require(&house, Permission::SendStatements).await?;
    let about = guarantor(&house, &staff, &id).await?;
    let on = posted.text("flag") == "on";
    let practice = &staff.practice.id;
    let done = house.engine.flag_for_reminder(practice, &about.id, on, &staff.actor()).await;
    done.map_err(refusals::failed)?;
    staff.visit.say(if on {
        "Flagged: the segment Flagged of the next run has this account."
    } else {
        "The flag was taken away."
    });
    Ok(see_other(&record_of(&id, "")))
}

/// `POST …/preferences`
pub async fn preferences(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    posted: Posted,
) -> Answer {
    staff.require(&house, Permission::EditContacts).await?;
    let about = guarantor(&house, &staff, &id).await?;
    let wrong = || Failure::Malformed("Choose from the lists.");
    let preferred = match posted.text("preferred") {
        "" => None,
        code => Some(code.parse::<Preferred>().map_err(|_| wrong())?),
    };
    let language = match posted.text("language") {
        "" => None,
        code => Some(code.parse::<Language>().map_err(|_| wrong())?),
    };
    let (practice, by) = (&staff.practice.id, staff.actor());
    if preferred != about.preferred {
        let done = house.engine.set_preferred(practice, &about.id, preferred, &by).await;
        done.map_err(refusals::failed)?;
    }
    if language != about.language {
        let done = house.engine.set_language(practice, &about.id, language, &by).await;
        done.map_err(refusals::failed)?;
    }
    house.bell.notify_one();
    staff.visit.say("Saved.");
    Ok(see_other(&record_of(&id, "#preferences")))
}

/// `POST …/hold`
pub async fn hold(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    posted: Posted,
) -> Answer {
    staff.require(&house, Permission::PlaceHolds).await?;
    let about = guarantor(&house, &staff, &id).await?;
    let form = HoldForm {
        kind: posted.text("kind").to_owned(),
        claim: posted.text("claim").to_owned(),
        only_contact: posted.text("only_contact").to_owned(),
        reason: posted.text("reason").trim().to_owned(),
        until: posted.text("until").trim().to_owned(),
    };
    let wanted = match new_hold(&staff, &form) {
        Ok(wanted) => wanted,
        Err(errors) => return refuse_hold(&house, &staff, &about, form, errors).await,
    };
    // A claim of somebody else's is not there.
    if let Some(claim) = &wanted.claim {
        let mut db = house.store.read().await?;
        let facts = store::balance::load(&mut db, &staff.practice.id, &about.id).await?;
        if !facts.claims.iter().any(|own| own.id == *claim) {
            return Err(Failure::NotFound);
        }
    }
    let placed =
        house.engine.place_hold(&staff.practice.id, &about.id, &wanted, &staff.actor()).await;
    if let Err(error) = placed {
        let refusal = refusals::refusal_of(error)?;
        let field = match refusal {
            Refusal::HoldNeedsReason => "reason",
            Refusal::EndIsPast => "until",
            Refusal::HoldNeedsContact => "only_contact",
            _ => "kind",
        };
        let words = refusals::sentence(&refusal, house.world.now(), &staff.practice.zone());
        let errors = Errors::new().on(field, words);
        return refuse_hold(&house, &staff, &about, form, errors).await;
    }
    house.bell.notify_one();
    staff.visit.say("The hold stands. What waited for this account is decided again.");
    Ok(see_other(&record_of(&id, "#holds")))
}

fn new_hold(staff: &Staff, form: &HoldForm) -> Result<NewHold, Errors> {
    let kind: HoldKind =
        form.kind.parse().map_err(|_| Errors::new().on("kind", "Choose a kind of hold."))?;
    let claim: Option<ClaimId> = match form.claim.as_str() {
        "" => None,
        id => Some(id.parse().map_err(|_| Errors::new().on("claim", "Choose from the list."))?),
    };
    let only_contact: Option<ContactId> = match form.only_contact.as_str() {
        _ if kind != HoldKind::ConfidentialCommunication => None,
        "" => None,
        id => Some(
            id.parse().map_err(|_| Errors::new().on("only_contact", "Choose from the list."))?,
        ),
    };
    let until = match form.until.as_str() {
        "" => None,
        day => Some(morning_of(day, staff).ok_or_else(|| {
            Errors::new().on("until", "Write the day like 2026-03-04, or leave it empty.")
        })?),
    };
    Ok(NewHold { kind, claim, only_contact, reason: form.reason.clone(), until })
}

/// The first instant of a day at the practice.
pub fn morning_of(day: &str, staff: &Staff) -> Option<UnixMs> {
    let day: Date = day.parse().ok()?;
    let zoned = day.to_zoned(staff.practice.zone()).ok()?;
    Some(UnixMs(zoned.timestamp().as_millisecond()))
}

async fn refuse_hold(
    house: &House,
    staff: &Staff,
    about: &Guarantor,
    form: HoldForm,
    errors: Errors,
) -> Answer {
    let mut db = house.store.read().await?;
    let page = hold_page(staff, &mut db, about, form, errors).await?;
    Ok(refused(page.html(&workspace::shell(house, staff, SECTION))))
}

/// `POST …/holds/{hold}/lift`
pub async fn lift(
    house: web::Data<House>,
    staff: Staff,
    path: web::Path<(String, String)>,
    _posted: Posted,
) -> Answer {
    staff.require(&house, Permission::LiftHolds).await?;
    let (id, hold) = path.into_inner();
    let about = guarantor(&house, &staff, &id).await?;
    let hold: HoldId = hold.parse().map_err(|_| Failure::NotFound)?;
    let lifted = house.engine.lift_hold(&staff.practice.id, &about.id, &hold, &staff.actor()).await;
    match lifted {
        Ok(Lift::Lifted) => staff.visit.say("The hold was lifted."),
        Ok(Lift::WaitsForSecondPerson) => staff.visit.say(
            "You agreed to lift this legal hold. It stands until a second person agrees as well.",
        ),
        Err(error) => {
            let refusal = refusals::refusal_of(error)?;
            let words = refusals::sentence(&refusal, house.world.now(), &staff.practice.zone());
            let extras = Extras { errors: Errors::new().overall(words), ..Extras::default() };
            return show(&house, &staff, &id, extras).await;
        }
    }
    house.bell.notify_one();
    Ok(see_other(&record_of(&id, "#holds")))
}

/// `POST …/identity`: the record with date of birth, address and whole contacts, once.
pub async fn identity(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    _posted: Posted,
) -> Answer {
    staff.require(&house, Permission::SeeIdentity).await?;
    show(&house, &staff, &id, Extras { shows_identity: true, ..Extras::default() }).await
}
