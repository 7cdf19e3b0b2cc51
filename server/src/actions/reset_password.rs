//! `/forgot` and `/reset/{token}`. Asking gives one answer for every address; what follows happens
//! after it was given. A new password ends every session and forgets every device, so that the next
//! sign-in asks for a code again: a mailbox alone opens nothing (R44).

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use app::{
    pages::{Forgot, Reset},
    refusal::Refusal,
    words::Lang,
};
use domain::{
    clock::HOUR_MS,
    id::{LoginId, PracticeId},
    phone::normalise_email,
    practice::Practice,
};
use engine::AccountMail;
use store::{
    audit::{Actor, Entry},
    keys::{TOKEN_BYTES, new_token},
    login::Login,
    mail_token::{self, Purpose},
    session::{self, Kind},
    tries::{self, Limit},
};
use tracing::error;

use super::{
    choose_language::see_other,
    create_account::{refused_email, refused_password},
};
use crate::{
    clock::real_now,
    door::{Door, page},
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    password::Cost,
    sending::{address, post_account_mail},
    visit::{Jar, Visit},
};

/// Mails to one address (R44).
const RESETS: Limit = Limit { scope: "reset", most: 4, per_ms: HOUR_MS };

/// `GET /forgot`
pub async fn get_forgot(request: HttpRequest, house: web::Data<House>, visit: Visit) -> Answer {
    let door = Door::find(&house, &request, &visit).await?;
    Ok(page(StatusCode::OK, Forgot::default().html(&door.shell(&house, "/forgot"))))
}

/// `POST /forgot`
pub async fn post_forgot(
    request: HttpRequest,
    house: web::Data<House>,
    visit: Visit,
    posted: Posted,
) -> Answer {
    house.limits.sign_ins.check(visit.address())?;
    let door = Door::find(&house, &request, &visit).await?;
    let shell = door.shell(&house, "/forgot");
    let email = normalise_email(posted.text("email"));
    let email = match (refused_email(&email), email) {
        (None, Ok(email)) => email.as_str().to_owned(),
        (refusal, _) => {
            let typed = posted.text("email").trim().chars().take(254).collect();
            let refusals = refusal.into_iter().collect();
            let model = Forgot { email: typed, refusals, is_sent: false };
            return Ok(page(StatusCode::UNPROCESSABLE_ENTITY, model.html(&shell)));
        }
    };
    if count(&house, &door, &email).await? {
        // After the answer, so that its time says nothing (R39).
        let (house, practice, lang) = (house.clone(), door.practice.clone(), door.lang);
        actix_web::rt::spawn(async move {
            if let Err(cause) = mail_reset(&house, &practice, &email, lang).await {
                error!(%cause, "a password mail could not be sent");
            }
        });
    }
    Ok(see_other("/forgot/sent"))
}

/// `GET /forgot/sent`: the answer, the same for every address.
pub async fn get_sent(request: HttpRequest, house: web::Data<House>, visit: Visit) -> Answer {
    let door = Door::find(&house, &request, &visit).await?;
    let model = Forgot { is_sent: true, ..Forgot::default() };
    Ok(page(StatusCode::OK, model.html(&door.shell(&house, "/forgot"))))
}

async fn count(house: &House, door: &Door, email: &str) -> Result<bool, Failure> {
    let subject = house.store.keys().blind(door.practice.id.as_str(), "email", email);
    let entry = door.entry("ask_reset", "login", "");
    let (world, now) = (house.world.clone(), real_now());
    let counted = house.store.write(move |db| {
        let (world, subject, entry) = (world.clone(), subject.clone(), entry.clone());
        Box::pin(async move {
            let may = tries::claim(db, &RESETS, &subject, now).await?;
            let entry = if may { entry } else { entry.denied().with("too many") };
            store::audit::insert(db, &world, &entry).await?;
            Ok(may)
        })
    });
    Ok(counted.await?)
}

async fn mail_reset(
    house: &web::Data<House>,
    practice: &Practice,
    email: &str,
    lang: Lang,
) -> Result<(), Failure> {
    let found = {
        let mut db = house.store.read().await?;
        let login = store::login::find_by_email(&mut db, &practice.id, email).await?;
        match login.filter(|login| login.disabled_at.is_none()) {
            None => None,
            Some(login) => {
                let of = store::login::list_accounts(&mut db, &practice.id, &login.id).await?;
                of.into_iter().next().map(|guarantor| (login, guarantor))
            }
        }
    };
    let Some((login, guarantor)) = found else { return Ok(()) };
    let token = new_token(TOKEN_BYTES);
    let (kept, owner, id, now) = (token.clone(), practice.id.clone(), login.id.clone(), real_now());
    let written = house.store.write(move |db| {
        let (token, owner, id) = (kept.clone(), owner.clone(), id.clone());
        Box::pin(async move {
            let purpose = Purpose::ResetPassword;
            mail_token::insert(db, &owner, &id, purpose, &token, now).await
        })
    });
    written.await?;
    let lang = login.language.as_deref().and_then(Lang::from_code).unwrap_or(lang);
    let link = address(house, practice, &format!("/reset/{token}"));
    let mail = AccountMail::PasswordReset { link };
    post_account_mail(house, &practice.id, &guarantor, &login.email, lang, mail);
    Ok(())
}

/// `GET /reset/{token}`: shows the form and changes nothing (D-55).
pub async fn get(
    request: HttpRequest,
    house: web::Data<House>,
    visit: Visit,
    token: web::Path<String>,
) -> Answer {
    house.limits.links.check(visit.address())?;
    let token = token.into_inner();
    let found = {
        let mut db = house.store.read().await?;
        mail_token::find(&mut db, Purpose::ResetPassword, &token, real_now()).await?
    };
    let model = match &found {
        Some(_) => Reset::Ask { token, refusals: Vec::new() },
        None => Reset::Gone,
    };
    let found = found.map(|(practice, _)| practice);
    answer(&house, &request, &visit, found, StatusCode::OK, model).await
}

/// In the frame of the practice whose link it is, where it is one. The address with the token is not
/// where a change of language leads back to.
async fn answer(
    house: &House,
    request: &HttpRequest,
    visit: &Visit,
    practice: Option<PracticeId>,
    status: StatusCode,
    model: Reset,
) -> Answer {
    let mut door = Door::find(house, request, visit).await;
    if let Some(id) = practice {
        let practice = {
            let mut db = house.store.read().await?;
            store::practice::load(&mut db, &id).await?.ok_or(Failure::NotFound)?
        };
        let lang = visit.lang().unwrap_or_default();
        door = match door {
            Ok(door) => Ok(Door { practice, ..door }),
            Err(_) => Ok(Door { practice, link: None, lang, visit: visit.clone() }),
        };
    }
    let door = door?;
    Ok(page(status, model.html(&door.shell(house, visit.path()))))
}

/// `POST /reset/{token}`
pub async fn post(
    request: HttpRequest,
    house: web::Data<House>,
    visit: Visit,
    token: web::Path<String>,
    posted: Posted,
) -> Answer {
    house.limits.sign_ins.check(visit.address())?;
    let token = token.into_inner();
    let Some((practice, login)) = find(&house, &token).await? else {
        return answer(&house, &request, &visit, None, StatusCode::OK, Reset::Gone).await;
    };
    let password = posted.text("password");
    let mut refusals: Vec<Refusal> =
        refused_password(&practice, password, &login.email, true)?.into_iter().collect();
    if refusals.is_empty() && posted.text("password_again") != password {
        refusals.push(Refusal::PasswordsDiffer);
    }
    if !refusals.is_empty() {
        let model = Reset::Ask { token, refusals };
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return answer(&house, &request, &visit, Some(practice.id), status, model).await;
    }
    let hash = house.passwords.hash(Cost::Patient, password).await;
    let hash = hash.map_err(|_| Failure::TooMany(5))?;
    if !change(&house, &visit, &token, &hash).await? {
        return answer(&house, &request, &visit, Some(practice.id), StatusCode::OK, Reset::Gone)
            .await;
    }
    tell(&house, &practice, &login, visit.lang().unwrap_or_default()).await?;
    for jar in [Jar::Patient, Jar::PatientHalf, Jar::Choice] {
        visit.drop_cookie(jar);
    }
    Ok(HttpResponse::SeeOther()
        .insert_header(("location", "/sign-in?why=changed"))
        .insert_header(("clear-site-data", "\"cache\""))
        .finish())
}

async fn find(house: &House, token: &str) -> Result<Option<(Practice, Login)>, Failure> {
    let mut db = house.store.read().await?;
    let found = mail_token::find(&mut db, Purpose::ResetPassword, token, real_now()).await?;
    let Some((practice, login)) = found else { return Ok(None) };
    let login = store::login::load(&mut db, &practice, &login).await?;
    let practice = store::practice::load(&mut db, &practice).await?;
    let login = login.filter(|login| login.disabled_at.is_none());
    Ok(practice.zip(login))
}

/// Uses the link up and puts the new password in place; false when somebody was faster.
async fn change(house: &House, visit: &Visit, token: &str, hash: &str) -> Result<bool, Failure> {
    let (token, hash, now) = (token.to_owned(), hash.to_owned(), real_now());
    let (world, address) = (house.world.clone(), visit.address().to_owned());
    let changed = house.store.write(move |db| {
        let (token, hash) = (token.clone(), hash.clone());
        let (world, address) = (world.clone(), address.clone());
        Box::pin(async move {
            let purpose = Purpose::ResetPassword;
            let Some((practice, login)) = mail_token::claim(db, purpose, &token, now).await? else {
                return Ok(false);
            };
            store::login::mark_password(db, &practice, &login, &hash).await?;
            // Whoever opened the mail has the address.
            store::login::mark_confirmed(db, &practice, &login, now).await?;
            store::login::delete_devices(db, &practice, &login).await?;
            for kind in [Kind::Patient, Kind::PatientHalf] {
                session::mark_all_ended(db, kind, login.as_str(), None, now).await?;
            }
            let entry = reset_entry(&practice, &login).from_address(address);
            store::audit::insert(db, &world, &entry).await?;
            Ok(true)
        })
    });
    Ok(changed.await?)
}

fn reset_entry(practice: &PracticeId, login: &LoginId) -> Entry {
    let actor = Actor::Login(login.to_string());
    Entry::new(practice, actor, "reset_password", "login", login.as_str())
}

/// To the login's address and to the emails on file: one of them may have to object (R45).
async fn tell(
    house: &web::Data<House>,
    practice: &Practice,
    login: &Login,
    lang: Lang,
) -> Result<(), Failure> {
    let on_file = {
        let mut db = house.store.read().await?;
        let of = store::login::list_accounts(&mut db, &practice.id, &login.id).await?;
        store::contact::list_many(&mut db, &practice.id, &of).await?
    };
    let lang = login.language.as_deref().and_then(Lang::from_code).unwrap_or(lang);
    let mut told = std::collections::BTreeSet::new();
    for (guarantor, contacts) in on_file {
        let emails = contacts
            .into_iter()
            .filter(|contact| {
                contact.kind == store::contact::Kind::Email && contact.bad_at.is_none()
            })
            .map(|contact| contact.value);
        for email in std::iter::once(login.email.clone()).chain(emails) {
            if told.insert(email.clone()) {
                let mail = AccountMail::PasswordChanged;
                post_account_mail(house, &practice.id, &guarantor, &email, lang, mail);
            }
        }
    }
    Ok(())
}
