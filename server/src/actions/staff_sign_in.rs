//! Staff sign in: password, then the authenticator's code. Uniform answers and equal cost whether
//! or not the address is known (R39); tries are counted before they are compared, and make the next
//! ones wait (R36; see [`crate::staff_tries`]).

use actix_web::{HttpResponse, http::StatusCode, web};
use app::pages::staff::{SecondFactor, SignIn, SignInRefusal};
use domain::{
    clock::MINUTE_MS,
    id::{PracticeId, StaffId},
};
use serde::Deserialize;
use store::{
    audit::{Actor, Entry},
    keys::new_token,
    session::{self, Kind},
    staff::Member,
};

use super::choose_language::see_other;
use crate::{
    clock::real_now,
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    password::Cost,
    second_factor,
    session::{Staff, local_path},
    staff_tries::{Tries, remember_device},
    visit::{Jar, Visit},
};

/// Time to fetch the phone and type the code.
const HALF_WAY_MS: i64 = 10 * MINUTE_MS;
const EMAIL_LONGEST: usize = 254;

#[derive(Deserialize)]
pub struct Query {
    #[serde(default)]
    return_to: String,
}

/// `GET /staff/sign-in`
pub async fn get(house: web::Data<House>, visit: Visit, query: web::Query<Query>) -> Answer {
    if store::staff::count(&mut house.store.read().await?).await? == 0 {
        return Err(Failure::Page(StatusCode::OK, SignIn::first_start().html(&visit.csrf(&house))));
    }
    let model = SignIn { email: String::new(), return_to: query.0.return_to, refusal: None };
    Ok(page(StatusCode::OK, model.html(&visit.csrf(&house))))
}

fn page(status: StatusCode, html: String) -> HttpResponse {
    HttpResponse::build(status).content_type("text/html; charset=utf-8").body(html)
}

/// `POST /staff/sign-in`
pub async fn post(house: web::Data<House>, visit: Visit, posted: Posted) -> Answer {
    house.limits.sign_ins.check(visit.address())?;
    let email: String = posted.text("email").trim().chars().take(EMAIL_LONGEST).collect();
    let return_to = posted.text("return_to").to_owned();
    let member = store::staff::find_by_email(&mut house.store.read().await?, &email).await?;
    let usable = member.filter(|m| m.disabled_at.is_none() && m.password_hash.is_some());
    let tries = Tries::at_password(&house.store, &visit, &email, usable.as_ref());
    let may = tries.count(&house.store).await?;
    let stored = usable.as_ref().and_then(|m| m.password_hash.as_deref());
    let checked = house.passwords.verify(Cost::Staff, stored, posted.text("password")).await;
    let right = checked.map_err(|_| Failure::TooMany(5))?;
    if let Some(member) = usable.as_ref().filter(|_| right && may) {
        tries.forget(&house.store).await?;
        return half_way(&house, &visit, member, return_to).await;
    }
    let what = if may { "password" } else { "password, after too many tries" };
    note_failure(&house, &visit, usable.as_ref(), what).await?;
    let model = SignIn { email, return_to, refusal: Some(SignInRefusal::Wrong) };
    Ok(page(StatusCode::UNPROCESSABLE_ENTITY, model.html(&visit.csrf(&house))))
}

/// Writes a wrong try into the audit: under the practice where the person works, else under none. The
/// statements are the same for everybody, so that neither the answer nor its time says who works here
/// (R39).
async fn note_failure(
    house: &House,
    visit: &Visit,
    member: Option<&Member>,
    what: &'static str,
) -> Result<(), Failure> {
    let id = member.map_or_else(|| StaffId::trusted(""), |member| member.id.clone());
    let (world, address) = (house.world.clone(), visit.address().to_owned());
    let noted = house.store.write(move |db| {
        let (id, world, address) = (id.clone(), world.clone(), address.clone());
        Box::pin(async move {
            let practices = store::staff::list_practices(db, &id).await?;
            let practice = practices.into_iter().next().map(|(practice, _)| practice);
            let practice = practice.unwrap_or_else(|| PracticeId::trusted("*"));
            let entry = Entry::new(&practice, Actor::Visitor, "sign_in_try", "staff", id.as_str());
            let entry = entry.from_address(address).denied().with(what);
            store::audit::insert(db, &world, &entry).await
        })
    });
    Ok(noted.await?)
}

async fn half_way(house: &House, visit: &Visit, member: &Member, return_to: String) -> Answer {
    let practices = {
        let mut db = house.store.read().await?;
        store::staff::list_practices(&mut db, &member.id).await?
    };
    let Some((practice, _)) = practices.into_iter().next() else {
        let model = SignIn {
            email: member.email.clone(),
            return_to,
            refusal: Some(SignInRefusal::NoPractice),
        };
        return Ok(page(StatusCode::FORBIDDEN, model.html(&visit.csrf(house))));
    };
    let token = new_token(store::keys::TOKEN_BYTES);
    let (kept, id, now) = (token.clone(), member.id.clone(), real_now());
    house
        .store
        .write(move |db| {
            let (token, id, practice, back) =
                (kept.clone(), id.clone(), practice.clone(), return_to.clone());
            Box::pin(async move {
                let half = Kind::StaffHalf;
                let back = Some(back.as_str());
                session::insert(db, half, &token, id.as_str(), &practice, back, now, HALF_WAY_MS)
                    .await
            })
        })
        .await?;
    visit.keep(Jar::StaffHalf, token, Some(HALF_WAY_MS));
    Ok(see_other("/staff/sign-in/code"))
}

/// `GET /staff/sign-in/code`
pub async fn get_code(house: web::Data<House>, visit: Visit) -> Answer {
    find_half(&house, &visit).await?;
    let model = SecondFactor { refusal: None };
    Ok(page(StatusCode::OK, model.html(&visit.csrf(&house))))
}

async fn find_half(house: &House, visit: &Visit) -> Result<(session::Session, Member), Failure> {
    let again = || Failure::SignIn { at: "/staff/sign-in", back: "/staff".into() };
    let token = visit.staff_half_token().ok_or_else(again)?;
    let mut db = house.store.read().await?;
    let found = session::find(&mut db, Kind::StaffHalf, token, real_now()).await?;
    let session = found.ok_or_else(again)?;
    let id = StaffId::trusted(session.subject_id.clone());
    let member = store::staff::load(&mut db, &id).await?.ok_or_else(again)?;
    Ok((session, member))
}

/// `POST /staff/sign-in/code`
pub async fn post_code(house: web::Data<House>, visit: Visit, posted: Posted) -> Answer {
    house.limits.sign_ins.check(visit.address())?;
    let (half, member) = find_half(&house, &visit).await?;
    let code = posted.text("code");
    let tries = Tries::at_code(&house.store, &visit, &member);
    let may = tries.count(&house.store).await?;
    let secret = member.totp_secret.as_deref().unwrap_or_default();
    let proven = match second_factor::step_of(secret, code, real_now()) {
        _ if !may => false,
        Some(step) => use_step(&house, &member, step).await?,
        None => use_recovery(&house, &member, code).await?,
    };
    if !proven {
        let what = if may { "code" } else { "code, after too many tries" };
        note_failure(&house, &visit, Some(&member), what).await?;
        let model = SecondFactor { refusal: Some(SignInRefusal::WrongCode) };
        return Ok(page(StatusCode::UNPROCESSABLE_ENTITY, model.html(&visit.csrf(&house))));
    }
    tries.forget(&house.store).await?;
    let to = half.state.clone().unwrap_or_default();
    start(&house, &visit, &half, &member).await?;
    let to = local_path(&to, "/staff").filter(|p| !p.starts_with("/staff/sign-in"));
    Ok(see_other(&to.unwrap_or_else(|| "/staff".into())))
}

/// A code counts once, even when two requests bring it at the same time.
async fn use_step(house: &House, member: &Member, step: i64) -> Result<bool, Failure> {
    let id = member.id.clone();
    let used = house.store.write(move |db| {
        let id = id.clone();
        Box::pin(async move { store::staff::mark_totp_step(db, &id, step).await })
    });
    Ok(used.await?)
}

/// So does a recovery code.
async fn use_recovery(house: &House, member: &Member, typed: &str) -> Result<bool, Failure> {
    let (id, typed) = (member.id.clone(), typed.to_owned());
    let used = house.store.write(move |db| {
        let (id, typed) = (id.clone(), typed.clone());
        Box::pin(async move {
            let keys = db.keys();
            let left =
                |stored: &str| second_factor::use_recovery(&keys, id.as_str(), stored, &typed);
            store::staff::claim_recovery(db, &id, left).await
        })
    });
    Ok(used.await?)
}

/// Ends the half-way session and starts the real one under a new token (R42).
async fn start(
    house: &House,
    visit: &Visit,
    half: &session::Session,
    member: &Member,
) -> Result<(), Failure> {
    let token = new_token(store::keys::TOKEN_BYTES);
    let (kept, id, practice, now) =
        (token.clone(), member.id.clone(), half.practice.clone(), real_now());
    let (world, hash) = (house.world.clone(), half.token_hash.clone());
    let entry =
        Entry::new(&practice, Actor::Staff(id.to_string()), "sign_in", "staff", id.as_str())
            .from_address(visit.address());
    house
        .store
        .write(move |db| {
            let (token, id, practice, hash, world, entry) = (
                kept.clone(),
                id.clone(),
                practice.clone(),
                hash.clone(),
                world.clone(),
                entry.clone(),
            );
            Box::pin(async move {
                session::mark_ended(db, &hash, now).await?;
                let lasts = session::ABSOLUTE_MS;
                let kind = Kind::Staff;
                session::insert(db, kind, &token, id.as_str(), &practice, None, now, lasts).await?;
                store::audit::insert(db, &world, &entry).await
            })
        })
        .await?;
    visit.keep(Jar::Staff, token, Some(session::ABSOLUTE_MS));
    visit.drop_cookie(Jar::StaffHalf);
    remember_device(&house.store, visit, member);
    Ok(())
}

/// `POST /staff/sign-out`
pub async fn sign_out(house: web::Data<House>, staff: Staff, _posted: Posted) -> Answer {
    let (hash, now, world) = (staff.session.token_hash.clone(), real_now(), house.world.clone());
    let entry = staff.entry("sign_out", "staff", staff.id.as_str());
    house
        .store
        .write(move |db| {
            let (hash, world, entry) = (hash.clone(), world.clone(), entry.clone());
            Box::pin(async move {
                session::mark_ended(db, &hash, now).await?;
                store::audit::insert(db, &world, &entry).await
            })
        })
        .await?;
    staff.visit.drop_cookie(Jar::Staff);
    Ok(HttpResponse::SeeOther()
        .insert_header(("location", "/staff/sign-in"))
        // What the browser kept of personal pages goes too (R52).
        .insert_header(("clear-site-data", "\"cache\""))
        .finish())
}
