//! `GET /staff/patients/{guarantor}`: the patient record, with why, the timeline, and the pages of
//! what takes a form of its own. Each view is audited.

use actix_web::{HttpRequest, web};
use app::{
    components::{Errors, Query},
    pages::staff::{
        AccessCodePage, HoldForm, HoldPage, RecordWhy, SendTextPage, WhyAgreed, WhyAnswer,
        WhyPending, WhyStored, claim_words, decision_words,
    },
};
use domain::{
    clock::UnixMs,
    decide::{Channel, Decision},
    id::ClaimId,
    staff::Permission,
};
use engine::{Coming, WhatIf};
use jiff::civil::Date;
use store::{Db, contact::Kind, guarantor::Guarantor, message};

use super::{
    jobs::{progress_of, sent_of},
    timeline,
};
use crate::{
    failure::{Answer, Failure},
    house::House,
    record::{self, Extras, find, head_of},
    refusals,
    session::Staff,
    workspace::{self, refused, shown},
};

pub const SECTION: &str = "/staff/patients";
const SENT_SHOWN: i64 = 10;
/// Decisions of one day; each account has a few a day.
const DECIDED_SHOWN: i64 = 200;
/// The hour of another day that "what if" asks about.
const ASKED_HOUR: i8 = 10;

pub async fn get(
    request: HttpRequest,
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
) -> Answer {
    staff.require(&house, Permission::View).await?;
    let query = Query::parse(request.query_string());
    let named = |key: &str| query.get(key).map(str::to_owned);
    let (removing, mending) = (named("remove"), named("error"));
    show(&house, &staff, &id, Extras { removing, mending, ..Extras::default() }).await
}

/// The record; 422 when `extras` hold errors.
pub async fn show(house: &House, staff: &Staff, id: &str, extras: Extras) -> Answer {
    let is_refusal = !extras.errors.is_empty();
    let mut db = house.store.read().await?;
    let guarantor = find(&mut db, &staff.practice, id).await?;
    let verb = if extras.shows_identity { "view_identity" } else { "view" };
    house.audit(staff.entry(verb, "guarantor", id).about(&guarantor.id)).await?;
    let page = record::load(house, staff, &mut db, guarantor, extras).await?;
    let html = page.html(&workspace::shell(house, staff, SECTION));
    Ok(if is_refusal { refused(html) } else { shown(html) })
}

pub async fn why(
    request: HttpRequest,
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
) -> Answer {
    staff.require(&house, Permission::View).await?;
    let (now, zone) = (house.world.now(), staff.practice.zone());
    let mut db = house.store.read().await?;
    let guarantor = find(&mut db, &staff.practice, &id).await?;
    house.audit(staff.entry("view_why", "guarantor", id.as_str()).about(&guarantor.id)).await?;
    let asked: Option<Date> = Query::parse(request.query_string())
        .get("day")
        .and_then(|day| day.trim().parse().ok())
        .filter(|day| *day != now.day_in(&zone));
    let past = asked.filter(|day| *day < now.day_in(&zone));
    let at = asked
        .filter(|_| past.is_none())
        .and_then(|day| day.at(ASKED_HOUR, 0, 0, 0).to_zoned(zone.clone()).ok())
        .map_or(now, |zoned| UnixMs(zoned.timestamp().as_millisecond()));
    let practice = &staff.practice.id;
    let said = house.engine.explain(practice, &guarantor.id, at).await;
    let said = said.map_err(refusals::failed)?;
    let filter =
        message::Filter { guarantor: Some(guarantor.id.clone()), ..message::Filter::default() };
    let history = match past {
        None => said.history,
        Some(day) => decided_on(&mut db, &staff, &guarantor, day).await?,
    };
    let sent = message::list(&mut db, practice, &filter, SENT_SHOWN).await?;
    let page = RecordWhy {
        zone,
        now,
        head: head_of(&guarantor),
        sms_enabled: staff.practice.texts_are_enabled(),
        asked: asked.filter(|_| at > now || past.is_some()),
        is_past: past.is_some(),
        at: said.at,
        facts_as_of: said.facts_as_of,
        ruleset: said.ruleset,
        due: said.due,
        oldest_since: said.oldest_due_since,
        answers: [Some(said.text), Some(said.email), said.call, said.fax, said.letter]
            .into_iter()
            .flatten()
            .map(answer)
            .collect(),
        agreed: said.agreed.into_iter().map(agreed).collect(),
        pending: said
            .pending
            .into_iter()
            .map(|one| WhyPending {
                message: one.message.to_string(),
                channel: one.channel,
                needs_approval: one.state == message::State::PendingApproval,
                next_at: one.next_at,
            })
            .collect(),
        next_look: said.next_look,
        is_below_the_floor: said.is_below_the_floor,
        sent: sent.iter().map(sent_of).collect(),
        history: history.into_iter().map(stored).collect(),
    };
    Ok(shown(page.html(&workspace::shell(&house, &staff, SECTION))))
}

/// What was decided on a day that is over, as it was stored then.
async fn decided_on(
    db: &mut Db,
    staff: &Staff,
    guarantor: &Guarantor,
    day: Date,
) -> Result<Vec<store::decision::Stored>, Failure> {
    let zone = staff.practice.zone();
    let morning = |day: Date| {
        let zoned = day.to_zoned(zone.clone()).ok()?;
        Some(UnixMs(zoned.timestamp().as_millisecond()))
    };
    let stretch = (morning(day), day.tomorrow().ok().and_then(morning));
    let (practice, id) = (&staff.practice.id, &guarantor.id);
    Ok(store::decision::list_between(db, practice, id, stretch, DECIDED_SHOWN).await?)
}

fn agreed(one: Coming) -> WhyAgreed {
    WhyAgreed {
        occasion: one.occasion,
        slot: one.slot,
        progress: one.state.map(progress_of),
        decision: one.decision,
    }
}

fn answer(one: WhatIf) -> WhyAnswer {
    WhyAnswer { channel: one.channel, masked: one.contact, decision: one.decision }
}

/// A stored decision as the pages show it.
pub fn stored(one: store::decision::Stored) -> WhyStored {
    WhyStored {
        at: one.at,
        message: one.message.map(|id| id.to_string()),
        channel: one.channel,
        outcome: one.outcome,
        reasons: one.reasons,
        ruleset: one.ruleset,
    }
}

pub async fn events(house: web::Data<House>, staff: Staff, id: web::Path<String>) -> Answer {
    staff.require(&house, Permission::View).await?;
    let mut db = house.store.read().await?;
    let guarantor = find(&mut db, &staff.practice, &id).await?;
    house
        .audit(staff.entry("view_timeline", "guarantor", id.as_str()).about(&guarantor.id))
        .await?;
    let page = timeline::load(&staff, &mut db, &guarantor).await?;
    Ok(shown(page.html(&workspace::shell(&house, &staff, SECTION))))
}

pub async fn hold(house: web::Data<House>, staff: Staff, id: web::Path<String>) -> Answer {
    staff.require(&house, Permission::PlaceHolds).await?;
    let mut db = house.store.read().await?;
    let guarantor = find(&mut db, &staff.practice, &id).await?;
    house.audit(staff.entry("view", "guarantor", id.as_str()).about(&guarantor.id)).await?;
    let page = hold_page(&staff, &mut db, &guarantor, HoldForm::default(), Errors::new()).await?;
    Ok(shown(page.html(&workspace::shell(&house, &staff, SECTION))))
}

pub async fn hold_page(
    staff: &Staff,
    db: &mut Db,
    guarantor: &Guarantor,
    form: HoldForm,
    errors: Errors,
) -> Result<HoldPage, Failure> {
    let practice = &staff.practice.id;
    let lines =
        store::selection::list_claims(db, practice, std::slice::from_ref(&guarantor.id)).await?;
    let ids: Vec<ClaimId> = lines.iter().map(|line| line.id.clone()).collect();
    let labels = store::claim::list_labels(db, practice, &ids).await?;
    let claims = lines
        .into_iter()
        .filter_map(|line| {
            let label = labels.get(&line.id)?;
            let words = format!(
                "Claim {}, visit on {}, {}",
                label.number,
                label.service_on,
                claim_words::status_name(line.status)
            );
            Some((line.id.to_string(), words))
        })
        .collect();
    let contacts = store::contact::list(db, practice, &guarantor.id).await?;
    Ok(HoldPage {
        head: head_of(guarantor),
        claims,
        contacts: contacts.into_iter().map(|c| (c.id.to_string(), c.masked)).collect(),
        form,
        errors,
    })
}

pub async fn text(house: web::Data<House>, staff: Staff, id: web::Path<String>) -> Answer {
    require_texts(&house, &staff).await?;
    let mut db = house.store.read().await?;
    let guarantor = find(&mut db, &staff.practice, &id).await?;
    drop(db);
    house.audit(staff.entry("view", "guarantor", id.as_str()).about(&guarantor.id)).await?;
    let page = text_page(&house, &staff, &guarantor, "", "", Errors::new()).await?;
    Ok(shown(page.html(&workspace::shell(&house, &staff, SECTION))))
}

/// Texting pages are not there while texting is off (S-G5).
pub async fn require_texts(house: &House, staff: &Staff) -> Result<(), Failure> {
    staff.require(house, Permission::SendTexts).await?;
    if staff.practice.texts_are_enabled() { Ok(()) } else { Err(Failure::NotFound) }
}

pub async fn text_page(
    house: &House,
    staff: &Staff,
    guarantor: &Guarantor,
    chosen: &str,
    text: &str,
    errors: Errors,
) -> Result<SendTextPage, Failure> {
    let mut db = house.store.read().await?;
    let contacts = store::contact::list(&mut db, &staff.practice.id, &guarantor.id).await?;
    let phones = contacts
        .into_iter()
        .filter(|contact| contact.kind == Kind::Phone)
        .map(|contact| {
            let why_not = contact
                .text_enabled_at
                .is_none()
                .then(|| "Texts are not enabled on this phone.".to_owned());
            (contact.id.to_string(), contact.masked, why_not)
        })
        .collect();
    Ok(SendTextPage {
        head: head_of(guarantor),
        phones,
        chosen: chosen.to_owned(),
        text: text.to_owned(),
        alias: staff.practice.alias().to_owned(),
        errors,
    })
}

/// Why a text to somebody was withheld, in a sentence.
pub fn withheld_words(decision: &Decision, staff: &Staff) -> String {
    let zone = staff.practice.zone();
    decision.headline().map_or_else(
        || decision_words::no_contact(Channel::Text).to_owned(),
        |reason| decision_words::sentence(reason, &zone),
    )
}

pub async fn access_code(house: web::Data<House>, staff: Staff, id: web::Path<String>) -> Answer {
    staff.require(&house, Permission::IssueAccessCodes).await?;
    let mut db = house.store.read().await?;
    let guarantor = find(&mut db, &staff.practice, &id).await?;
    house.audit(staff.entry("view", "guarantor", id.as_str()).about(&guarantor.id)).await?;
    let page = AccessCodePage { head: head_of(&guarantor), errors: Errors::new() };
    Ok(shown(page.html(&workspace::shell(&house, &staff, SECTION))))
}
