//! `/code`: a code to a contact on file, chosen by its mask. Six digits, ten minutes, one use, five
//! tries; three more an hour to one contact (R44). Only contacts on file, never one that is typed.

use actix_web::{HttpResponse, http::StatusCode, web};
use app::{
    pages::{CodeEntry, MaskedContact, PatientShell},
    refusal::Refusal,
};
use domain::id::{CodeId, LoginId};
use store::{
    audit::{Actor, Entry},
    code,
    contact::Contact,
    keys::new_code,
    tries,
};

use super::choose_language::see_other;
use crate::{
    clock::real_now,
    door::page,
    entering::{Entrance, enter},
    failure::{Answer, Failure},
    form::Posted,
    half_way::{HalfWay, Next},
    house::House,
    sending::send_code,
    session::Patient,
    visit::{Visit, patient_shell},
};

const PATH: &str = "/code";
const PURPOSE: &str = "patient";
const DIGITS: usize = 6;

/// `GET /code`
pub async fn get(house: web::Data<House>, visit: Visit) -> Answer {
    let half = find(&house, &visit).await?;
    let model = model(&house, &half, Vec::new()).await?;
    Ok(page(StatusCode::OK, model.html(&shell(&house, &visit, &half))))
}

async fn find(house: &House, visit: &Visit) -> Result<HalfWay, Failure> {
    let again = || Failure::See("/sign-in".into());
    HalfWay::find(house, visit).await?.ok_or_else(again)
}

fn shell(house: &House, visit: &Visit, half: &HalfWay) -> PatientShell {
    let lang = visit.chosen_lang().unwrap_or_else(|| half.way.lang());
    let mut shell = patient_shell(house, visit, &half.practice, lang, false);
    PATH.clone_into(&mut shell.path);
    shell
}

async fn model(
    house: &House,
    half: &HalfWay,
    refusals: Vec<Refusal>,
) -> Result<CodeEntry, Failure> {
    let contacts = half.contacts(house).await?;
    let sent = half.way.sent.as_ref().map(|(_, to)| to);
    let chosen = sent.or(half.way.first.as_ref());
    let chosen = chosen
        .and_then(|id| contacts.iter().find(|contact| contact.id == *id))
        .or_else(|| contacts.first());
    let sent_to = sent
        .and_then(|id| contacts.iter().find(|contact| contact.id == *id))
        .map(|contact| contact.masked.clone());
    Ok(CodeEntry {
        chosen: chosen.map(|contact| contact.id.to_string()).unwrap_or_default(),
        sent_to,
        contacts: contacts
            .into_iter()
            .map(|contact| MaskedContact { id: contact.id.to_string(), label: contact.masked })
            .collect(),
        refusals,
    })
}

/// `POST /code`: `action` is `send` or `continue`.
pub async fn post(house: web::Data<House>, visit: Visit, posted: Posted) -> Answer {
    house.limits.codes.check(visit.address())?;
    let half = find(&house, &visit).await?;
    match posted.text("action") {
        "send" => send(&house, &visit, half, posted.text("contact")).await,
        _ => go_on(&house, &visit, half, posted.text("code")).await,
    }
}

async fn refused(
    house: &House,
    visit: &Visit,
    half: &HalfWay,
    refusal: Refusal,
) -> Result<HttpResponse, Failure> {
    let model = model(house, half, vec![refusal]).await?;
    Ok(page(StatusCode::UNPROCESSABLE_ENTITY, model.html(&shell(house, visit, half))))
}

async fn send(house: &House, visit: &Visit, mut half: HalfWay, chosen: &str) -> Answer {
    let contacts = half.contacts(house).await?;
    let Some(contact) = contacts.into_iter().find(|contact| contact.id.as_str() == chosen) else {
        return refused(house, visit, &half, Refusal::ContactNotChosen).await;
    };
    let secret = new_code();
    let Some(id) = keep_code(house, visit, &half, &contact, &secret).await? else {
        return refused(house, visit, &half, Refusal::CodesExhausted).await;
    };
    let (practice, lang) = (&half.practice.id, shell(house, visit, &half).lang);
    let (guarantor, to) = (&contact.guarantor, &contact.id);
    if !send_code(house, practice, guarantor, to, &secret, lang).await? {
        half.way.sent = None;
        half.keep(house).await?;
        return refused(house, visit, &half, Refusal::CodeNotSent).await;
    }
    half.way.sent = Some((id, contact.id));
    half.keep(house).await?;
    Ok(see_other(PATH))
}

/// Counts the send and stores the code, before it goes anywhere; `None` when the hour is used up.
async fn keep_code(
    house: &House,
    visit: &Visit,
    half: &HalfWay,
    contact: &Contact,
    secret: &str,
) -> Result<Option<CodeId>, Failure> {
    let id: CodeId = house.world.mint();
    let (kept, now, world) = (id.clone(), real_now(), house.world.clone());
    let (practice, subject) = (half.practice.id.clone(), half.session.token_hash.clone());
    let (index, secret) = (contact.value_index.clone(), secret.to_owned());
    let entry =
        entry(half, visit, "send_code", "contact", contact.id.as_str()).about(&contact.guarantor);
    let counted = house.store.write(move |db| {
        let (id, practice, subject) = (kept.clone(), practice.clone(), subject.clone());
        let (index, secret) = (index.clone(), secret.clone());
        let (world, entry) = (world.clone(), entry.clone());
        Box::pin(async move {
            let may = tries::claim(db, &code::SENDS, &index, now).await?;
            let entry = if may { entry } else { entry.denied().with("the hour is used up") };
            store::audit::insert(db, &world, &entry).await?;
            if may {
                let new = code::New {
                    id: &id,
                    practice: &practice,
                    purpose: PURPOSE,
                    subject: &subject,
                    contact_index: &index,
                    code: &secret,
                };
                code::insert(db, &new, now).await?;
            }
            Ok(may)
        })
    });
    Ok(counted.await?.then_some(id))
}

async fn go_on(house: &web::Data<House>, visit: &Visit, half: HalfWay, typed: &str) -> Answer {
    let typed: String = typed.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    if typed.len() != DIGITS || !typed.bytes().all(|b| b.is_ascii_digit()) {
        return refused(house, visit, &half, Refusal::CodeMissing).await;
    }
    if !is_right(house, visit, &half, &typed).await? {
        return refused(house, visit, &half, Refusal::CodeWrong).await;
    }
    if let Next::Add { login, .. } = &half.way.next {
        still_signed_in(house, visit, login).await?;
    }
    let entrance = Entrance {
        practice: half.practice.clone(),
        lang: shell(house, visit, &half).lang,
        next: half.way.next,
        return_to: half.way.return_to,
        by_code: true,
        half: Some(half.session.token_hash),
        access_code: None,
    };
    enter(house, visit, entrance).await?.ok_or(Failure::NotFound)
}

async fn is_right(
    house: &House,
    visit: &Visit,
    half: &HalfWay,
    typed: &str,
) -> Result<bool, Failure> {
    let Some((id, contact)) = half.way.sent.clone() else { return Ok(false) };
    let (practice, subject) = (half.practice.id.clone(), half.session.token_hash.clone());
    let entry = entry(half, visit, "prove_contact", "contact", contact.as_str());
    let (typed, now, world) = (typed.to_owned(), real_now(), house.world.clone());
    let compared = house.store.write(move |db| {
        let (id, practice, subject) = (id.clone(), practice.clone(), subject.clone());
        let (typed, world, entry) = (typed.clone(), world.clone(), entry.clone());
        Box::pin(async move {
            let right = code::claim(db, &practice, &id, &subject, &typed, now).await?;
            store::session::mark_seen(db, &subject, now).await?;
            let entry = if right { entry } else { entry.denied() };
            store::audit::insert(db, &world, &entry).await?;
            Ok(right)
        })
    });
    Ok(compared.await?)
}

/// A further account is added to the login that is signed in here, and to no other.
async fn still_signed_in(house: &House, visit: &Visit, login: &LoginId) -> Result<(), Failure> {
    let patient = Patient::find(house, visit).await?;
    let same = patient.is_some_and(|patient| patient.login == *login);
    let again = || Failure::SignIn { at: "/sign-in", back: "/account/add".into() };
    if same { Ok(()) } else { Err(again()) }
}

fn entry(
    half: &HalfWay,
    visit: &Visit,
    verb: &'static str,
    kind: &'static str,
    object: &str,
) -> Entry {
    let actor = match &half.way.next {
        Next::SignIn { login, .. } | Next::Add { login, .. } => Actor::Login(login.to_string()),
        Next::Create { .. } | Next::Guest { .. } => Actor::Visitor,
    };
    Entry::new(&half.practice.id, actor, verb, kind, object).from_address(visit.address())
}
