//! `/sign-in`: email and password, then a code on a device that has not proved a contact before.
//! A wrong password, an unknown email and a login that has to wait give one answer, after the same
//! work (R39). Guesses are counted by email, known or not, and make the next ones wait; a device that
//! the login knows is counted by itself, so that nobody can lock its owner out (R41).

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use app::{
    pages::{SignIn, WhySignIn},
    refusal::Refusal,
    words::Lang,
};
use domain::{
    clock::{DAY_MS, HOUR_MS, MINUTE_MS},
    id::{LoginId, PracticeId},
    phone::normalise_email,
};
use serde::Deserialize;
use store::{
    Db,
    keys::token_hash,
    login::Login,
    tries::{self, Limit},
};

use super::choose_language::see_other;
use crate::{
    clock::real_now,
    door::{Door, page},
    entering::{self, Entrance, enter},
    failure::{Answer, Failure},
    form::Posted,
    half_way::{self, Next, Way},
    house::House,
    password::Cost,
    session::{Patient, local_path},
    visit::{Jar, Visit},
};

const PATH: &str = "/sign-in";

/// Tries at one email from devices it does not know: the waits grow, and a day has at most thirty.
const GUESSES: [Limit; 3] = [
    Limit { scope: "sign_in_minute", most: 5, per_ms: MINUTE_MS },
    Limit { scope: "sign_in_quarter", most: 10, per_ms: 15 * MINUTE_MS },
    Limit { scope: "sign_in_day", most: 30, per_ms: DAY_MS },
];
/// Tries on a device that the login knows.
const ON_KNOWN_DEVICE: Limit = Limit { scope: "sign_in_device", most: 20, per_ms: HOUR_MS };

#[derive(Default, Deserialize)]
pub struct Query {
    #[serde(default)]
    return_to: String,
    /// `out`, `changed` or `confirmed`: what led here.
    #[serde(default)]
    why: String,
}

/// `GET /sign-in`
pub async fn get(
    request: HttpRequest,
    house: web::Data<House>,
    visit: Visit,
    query: web::Query<Query>,
) -> Answer {
    let door = Door::find(&house, &request, &visit).await?;
    if query.why.is_empty()
        && let Some(to) = entering::already_in(&house, &door).await?
    {
        return Ok(see_other(to));
    }
    let why = match query.why.as_str() {
        "out" => WhySignIn::SignedOut,
        "changed" => WhySignIn::PasswordChanged,
        "confirmed" => WhySignIn::EmailConfirmed,
        // A session that is no more was idle for too long, as a rule.
        _ if visit.patient_token().is_some() => WhySignIn::Idle,
        _ if !query.return_to.is_empty() => WhySignIn::NeedsSession,
        _ => WhySignIn::Asked,
    };
    if why == WhySignIn::Idle {
        visit.drop_cookie(Jar::Patient);
    }
    let model = SignIn { why, return_to: kept(&query.return_to), ..model(&door) };
    Ok(page(StatusCode::OK, model.html(&door.shell(&house, PATH))))
}

fn model(door: &Door) -> SignIn {
    SignIn { offers_account: door.link.is_some(), pay_href: door.pay_href(), ..SignIn::default() }
}

/// Only a page of ours that a patient may come back to (R51).
fn kept(wanted: &str) -> String {
    ["/account", "/pay", "/receipt"]
        .into_iter()
        .find_map(|root| local_path(wanted, root))
        .unwrap_or_default()
}

/// `POST /sign-in`
pub async fn post(
    request: HttpRequest,
    house: web::Data<House>,
    visit: Visit,
    posted: Posted,
) -> Answer {
    house.limits.sign_ins.check(visit.address())?;
    let door = Door::find(&house, &request, &visit).await?;
    let typed: String = posted.text("email").trim().chars().take(254).collect();
    let password = posted.text("password");
    let return_to = kept(posted.text("return_to"));
    let mut refusals = Vec::new();
    if typed.is_empty() {
        refusals.push(Refusal::EmailMissing);
    }
    if password.is_empty() {
        refusals.push(Refusal::PasswordMissing);
    }
    if !refusals.is_empty() {
        return Ok(refused(&house, &door, typed, return_to, refusals));
    }
    let practice = &door.practice.id;
    // What is no address at all is looked for too, and not found.
    let email = normalise_email(&typed).map_or_else(|_| typed.to_lowercase(), |e| e.to_string());
    let (login, device) = {
        let mut db = house.store.read().await?;
        let found = store::login::find_by_email(&mut db, practice, &email).await?;
        let login = found.filter(|login| login.disabled_at.is_none());
        // Nobody's devices are asked for too, and there are none: what is not asked is not waited for.
        let id = login.as_ref().map_or_else(|| LoginId::trusted(""), |login| login.id.clone());
        let known = entering::device_is_known(&mut db, &visit, &door.practice, &id).await?;
        (login, known.then(|| token_hash(visit.device_token().unwrap_or_default())))
    };
    let may = count(&house, &door, &email, device.as_deref(), login.as_ref()).await?;
    let stored = login.as_ref().map(|login| login.password_hash.as_str());
    let checked = house.passwords.verify(Cost::Patient, stored, password).await;
    let right = checked.map_err(|_| Failure::TooMany(5))?;
    let Some(login) = login.filter(|_| right && may) else {
        return Ok(refused(&house, &door, typed, return_to, vec![Refusal::SignInFailed]));
    };
    forget_tries(&house, practice, &email).await?;
    go_on(&house, &door, login, device.is_some(), return_to).await
}

fn refused(
    house: &House,
    door: &Door,
    email: String,
    return_to: String,
    refusals: Vec<Refusal>,
) -> HttpResponse {
    let model = SignIn { email, return_to, refusals, ..model(door) };
    page(StatusCode::UNPROCESSABLE_ENTITY, model.html(&door.shell(house, PATH)))
}

fn subject(db: &Db, practice: &PracticeId, email: &str) -> String {
    db.keys().blind(practice.as_str(), "email", email)
}

/// Counts the try before the password is compared; false when this one has to wait. The try itself
/// is in the audit, under the login where there is one.
async fn count(
    house: &House,
    door: &Door,
    email: &str,
    device: Option<&str>,
    login: Option<&Login>,
) -> Result<bool, Failure> {
    let object = login.map_or_else(String::new, |login| login.id.to_string());
    let entry = door.entry("sign_in_try", "login", object);
    let (world, practice, now) = (house.world.clone(), door.practice.id.clone(), real_now());
    let (email, device) = (email.to_owned(), device.map(str::to_owned));
    let counted = house.store.write(move |db| {
        let (world, practice, entry) = (world.clone(), practice.clone(), entry.clone());
        let (email, device) = (email.clone(), device.clone());
        Box::pin(async move {
            let may = match &device {
                Some(device) => tries::claim(db, &ON_KNOWN_DEVICE, device, now).await?,
                None => {
                    let subject = subject(db, &practice, &email);
                    tries::claim_each(db, &GUESSES, &subject, now).await?
                }
            };
            let entry = if may { entry } else { entry.denied().with("too many tries") };
            store::audit::insert(db, &world, &entry).await?;
            Ok(may)
        })
    });
    Ok(counted.await?)
}

async fn forget_tries(house: &House, practice: &PracticeId, email: &str) -> Result<(), Failure> {
    let (practice, email) = (practice.clone(), email.to_owned());
    let forgotten = house.store.write(move |db| {
        let (practice, email) = (practice.clone(), email.clone());
        Box::pin(async move {
            let subject = subject(db, &practice, &email);
            tries::delete_each(db, &GUESSES, &subject).await
        })
    });
    Ok(forgotten.await?)
}

/// In at once on a device that has proved a contact, or with a young link to one of the login's
/// accounts in hand; else by way of a code.
async fn go_on(
    house: &web::Data<House>,
    door: &Door,
    login: Login,
    device_is_known: bool,
    return_to: String,
) -> Answer {
    let accounts = {
        let mut db = house.store.read().await?;
        store::login::list_accounts(&mut db, &door.practice.id, &login.id).await?
    };
    let link = door.link.as_ref().filter(|link| accounts.contains(&link.guarantor));
    let has_contact = link.is_some() && door.holds_contact(house.world.now());
    let first = link.and_then(|link| link.contact.clone());
    let lang = login.language.as_deref().and_then(Lang::from_code).unwrap_or(door.lang);
    let lang = door.visit.chosen_lang().unwrap_or(lang);
    let next = Next::SignIn { login: login.id, add: None };
    if device_is_known || has_contact {
        let entrance = Entrance {
            practice: door.practice.clone(),
            next,
            lang,
            return_to,
            by_code: false,
            half: None,
            access_code: None,
        };
        let entered = enter(house, &door.visit, entrance).await?;
        return entered.ok_or(Failure::NotFound);
    }
    let lang = lang.code().to_owned();
    let way = Way { next, prove: accounts, first, sent: None, return_to, lang };
    half_way::begin(house, &door.visit, &door.practice, &way).await?;
    Ok(see_other("/code"))
}

/// `POST /account/sign-out`
pub async fn sign_out(house: web::Data<House>, patient: Patient, _posted: Posted) -> Answer {
    let (hash, now, world) = (patient.session.token_hash.clone(), real_now(), house.world.clone());
    let entry = patient.entry("sign_out", "login", patient.login.as_str());
    let ended = house.store.write(move |db| {
        let (hash, world, entry) = (hash.clone(), world.clone(), entry.clone());
        Box::pin(async move {
            store::session::mark_ended(db, &hash, now).await?;
            store::audit::insert(db, &world, &entry).await
        })
    });
    ended.await?;
    for jar in [Jar::Patient, Jar::PatientHalf, Jar::Choice, Jar::Pay] {
        patient.visit.drop_cookie(jar);
    }
    Ok(HttpResponse::SeeOther()
        .insert_header(("location", "/sign-in?why=out"))
        // What the browser kept of personal pages goes too (R52).
        .insert_header(("clear-site-data", "\"cache\""))
        .finish())
}
