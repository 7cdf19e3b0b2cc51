//! Text/SMS and Email of a patient record: add, confirm, enable, record consent, remove (S-B2). An
//! opt-out is never lifted here.

use actix_web::web;
use app::{
    components::Errors,
    pages::staff::{CALL_CONSENT_VERSION, LINES, NewContactForm},
};
use domain::{
    clock::{DAY_MS, UnixMs},
    decide::LineType,
    id::{ContactId, GuarantorId, MessageId},
    staff::Permission,
};
use engine::{NewContact, Refusal};
use store::contact::{Contact, Kind};

use super::{
    change_record::{morning_of, record_of},
    choose_language::see_other,
};
use crate::{
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    pages::staff::record::show,
    record::{Extras, find},
    refusals,
    session::Staff,
};

const HOW_LONGEST: usize = 200;

/// `POST …/contacts`
pub async fn add(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    posted: Posted,
) -> Answer {
    staff.require(&house, Permission::EditContacts).await?;
    let about = {
        let mut db = house.store.read().await?;
        find(&mut db, &staff.practice, &id).await?
    };
    let fax = posted.text("fax").trim().to_owned();
    let is_fax = !fax.is_empty() && staff.practice.settings.fax_is_on;
    let typed = if is_fax { fax } else { posted.text("value").trim().to_owned() };
    let kind = match typed.contains('@') {
        _ if is_fax => Kind::Fax,
        true => Kind::Email,
        false => Kind::Phone,
    };
    let new = NewContact { kind, typed: typed.clone(), line: LineType::Unknown };
    let added = house.engine.add_contact(&staff.practice.id, &about.id, &new, &staff.actor()).await;
    if let Err(error) = added {
        let refusal = refusals::refusal_of(error)?;
        let words = refusals::sentence(&refusal, house.world.now(), &staff.practice.zone());
        let errors = Errors::new().on(if is_fax { "fax" } else { "value" }, words.clone());
        let new_contact = if is_fax {
            NewContactForm { fax: typed, fax_error: Some(words), ..NewContactForm::default() }
        } else {
            NewContactForm { value: typed, error: Some(words), ..NewContactForm::default() }
        };
        let mending = posted.filled("error").map(str::to_owned);
        let extras = Extras { new_contact, errors, mending, ..Extras::default() };
        return show(&house, &staff, &id, extras).await;
    }
    house.bell.notify_one();
    staff.visit.say(match kind {
        Kind::Phone => "The phone was added. Enable texts and record consent to text it.",
        Kind::Email => "The email was added.",
        Kind::Fax => "The fax number was added.",
        Kind::Address => "Addresses come from the practice's own system.",
    });
    back(&house, &staff, &about.id, &posted).await
}

/// `POST …/contacts/{contact}/remove`
pub async fn remove(
    house: web::Data<House>,
    staff: Staff,
    path: web::Path<(String, String)>,
    posted: Posted,
) -> Answer {
    staff.require(&house, Permission::EditContacts).await?;
    let (id, contact) = path.into_inner();
    let about: GuarantorId = id.parse().map_err(|_| Failure::NotFound)?;
    let contact: ContactId = contact.parse().map_err(|_| Failure::NotFound)?;
    let done =
        house.engine.remove_contact(&staff.practice.id, &about, &contact, &staff.actor()).await;
    done.map_err(refusals::failed)?;
    house.bell.notify_one();
    staff.visit.say("The contact was removed.");
    back(&house, &staff, &about, &posted).await
}

/// To the contacts, or to the message whose failure brought somebody here: its contact is put right.
async fn back(house: &House, staff: &Staff, about: &GuarantorId, posted: &Posted) -> Answer {
    let failed = posted.filled("error").and_then(|id| id.parse::<MessageId>().ok());
    let Some(message) = failed else {
        return Ok(see_other(&record_of(about.as_str(), "#contacts")));
    };
    let (practice, by) = (&staff.practice.id, staff.actor());
    match house.engine.note_contact_fixed(practice, about, &message, &by).await {
        Ok(()) => {}
        Err(error) => match refusals::refusal_of(error)? {
            Refusal::AlreadyDone => {
                staff.visit.say("Saved. Somebody else had seen to the message already.");
            }
            other => return Err(Failure::broken(format!("refused: {other:?}"))),
        },
    }
    Ok(see_other(&format!("/staff/messages/{message}")))
}

/// What is new about one contact.
struct Change {
    contact: Contact,
    verified: bool,
    line: Option<LineType>,
    texts: Option<bool>,
    consent: Option<Said>,
    /// About automated calls.
    calls: Option<Said>,
}

impl Change {
    fn says_something(&self) -> bool {
        self.verified
            || self.line.is_some()
            || self.texts.is_some()
            || self.consent.is_some()
            || self.calls.is_some()
    }
}

struct Said {
    granted: bool,
    how: String,
    at: UnixMs,
}

/// `POST …/contacts/save`: every contact whose fields the form showed.
pub async fn save(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    posted: Posted,
) -> Answer {
    staff.require(&house, Permission::EditContacts).await?;
    let (about, contacts) = {
        let mut db = house.store.read().await?;
        let about = find(&mut db, &staff.practice, &id).await?;
        let contacts = store::contact::list(&mut db, &staff.practice.id, &about.id).await?;
        (about, contacts)
    };
    let mut errors = Errors::new();
    let mut changes = Vec::new();
    for (shown, _) in posted.with_prefix("shown-") {
        let own = contacts.iter().find(|contact| contact.id.as_str() == shown);
        let contact = own.ok_or(Failure::NotFound)?.clone();
        match change_of(&house, &staff, &posted, contact) {
            Ok(change) => changes.push(change),
            Err((field, words)) => errors = errors.on(field, words),
        }
    }
    if !errors.is_empty() {
        let mending = posted.filled("error").map(str::to_owned);
        return show(&house, &staff, &id, Extras { errors, mending, ..Extras::default() }).await;
    }
    if !changes.iter().any(Change::says_something) {
        staff.visit.say("Nothing was changed.");
        let error = posted.filled("error").and_then(|id| id.parse::<MessageId>().ok());
        let error = error.map(|id| format!("?error={id}"));
        let part = format!("{}#contacts", error.unwrap_or_default());
        return Ok(see_other(&record_of(&id, &part)));
    }
    for change in &changes {
        apply(&house, &staff, &about.id, change).await?;
    }
    house.bell.notify_one();
    staff.visit.say("Saved.");
    back(&house, &staff, &about.id, &posted).await
}

fn change_of(
    house: &House,
    staff: &Staff,
    posted: &Posted,
    contact: Contact,
) -> Result<Change, (String, String)> {
    let named = |field: &str| format!("{field}-{}", contact.id);
    let text = |field: &str| posted.text(&named(field)).trim().to_owned();
    let code = text("line");
    let line = LINES.iter().find(|(known, _)| *known == code).map(|(_, line)| *line);
    let heard = |field: &str| {
        let granted = match text(field).as_str() {
            "yes" => true,
            "no" => false,
            _ => return Ok(None),
        };
        said(house, staff, granted, &text("how"), &text("consent_on"))
            .map(Some)
            .map_err(|(field, words)| (named(field), words))
    };
    let consent = heard("consent")?;
    // The field is there for phones while calls are on.
    let may_call = contact.kind == Kind::Phone && staff.practice.calls_are_enabled();
    let calls = if may_call { heard("call_consent")? } else { None };
    let wants_texts = posted.has(&named("texts"));
    // The box is there for phones while texting is on; elsewhere its absence says nothing.
    let has_box = contact.kind == Kind::Phone && staff.practice.texts_are_enabled();
    let texts =
        (has_box && wants_texts != contact.text_enabled_at.is_some()).then_some(wants_texts);
    Ok(Change {
        verified: posted.has(&named("verified")),
        line: line.filter(|line| contact.kind == Kind::Phone && *line != contact.line),
        texts,
        consent,
        calls,
        contact,
    })
}

fn said(
    house: &House,
    staff: &Staff,
    granted: bool,
    how: &str,
    on: &str,
) -> Result<Said, (&'static str, String)> {
    if how.is_empty() || how.chars().count() > HOW_LONGEST {
        return Err(("how", "Write down how we know: it is the evidence of consent.".to_owned()));
    }
    let now = house.world.now();
    let at = match on {
        "" => now,
        day => morning_of(day, staff)
            .filter(|at| *at <= now && now.since(*at) < 20 * 365 * DAY_MS)
            .ok_or(("consent_on", "Write a day in the past, or leave it empty.".to_owned()))?,
    };
    Ok(Said { granted, how: how.to_owned(), at })
}

async fn apply(
    house: &House,
    staff: &Staff,
    about: &GuarantorId,
    change: &Change,
) -> Result<(), Failure> {
    let (practice, by) = (&staff.practice.id, staff.actor());
    let contact = &change.contact.id;
    if change.verified {
        let done = house.engine.verify_contact(practice, about, contact, change.line, &by).await;
        done.map_err(refusals::failed)?;
    } else if let Some(line) = change.line {
        mark_line(house, staff, about, contact, line).await?;
    }
    if let Some(said) = &change.consent {
        let done = house
            .engine
            .record_consent(practice, about, contact, said.granted, &said.how, said.at, &by)
            .await;
        done.map_err(refusals::failed)?;
    }
    if let Some(said) = &change.calls {
        let wording = format!("{CALL_CONSENT_VERSION}: {}", said.how);
        let done = house
            .engine
            .record_call_consent(practice, about, contact, said.granted, &wording, said.at, &by)
            .await;
        done.map_err(refusals::failed)?;
    }
    if let Some(enabled) = change.texts {
        let done = house.engine.enable_texts(practice, about, contact, enabled, &by).await;
        done.map_err(refusals::failed)?;
    }
    Ok(())
}

/// What a line is, found out without asking its owner: no confirmation of whose it is.
async fn mark_line(
    house: &House,
    staff: &Staff,
    about: &GuarantorId,
    contact: &ContactId,
    line: LineType,
) -> Result<(), Failure> {
    let (world, practice) = (house.world.clone(), staff.practice.id.clone());
    let (about, contact) = (about.clone(), contact.clone());
    let entry = staff.entry("set_line_type", "contact", contact.as_str()).about(&about);
    let done = house.store.write(move |db| {
        let (world, practice, entry) = (world.clone(), practice.clone(), entry.clone());
        let (about, contact) = (about.clone(), contact.clone());
        Box::pin(async move {
            store::contact::mark_line(db, &practice, &about, &contact, line).await?;
            store::audit::insert(db, &world, &entry).await?;
            store::guarantor::mark_check(db, &practice, &about, world.now()).await
        })
    });
    Ok(done.await?)
}
