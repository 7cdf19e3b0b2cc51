//! One's own account: `POST /staff/me/password`, `/staff/me/recovery`, `/staff/me/sessions`, and
//! `POST /staff/practice` for people who work for several.
//!
//! What changes a way in asks for the password again and tells the person by email (R45).

use actix_web::web;
use app::components::Errors;
use domain::id::PracticeId;
use engine::StaffMail;
use store::{
    keys::{TOKEN_BYTES, new_token},
    session::{ABSOLUTE_MS, Kind},
    staff::Member,
};

use super::choose_language::see_other;
use crate::{
    clock::real_now,
    enrolment::password_fault,
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    pages::staff::me,
    password::Cost,
    second_factor,
    session::Staff,
    staff_mail,
    staff_tries::Tries,
    visit::Jar,
    workspace::shown,
};

const MINE: &str = "/staff/me";

/// The member, when `typed` is their password now. Each try is counted before it is compared.
async fn proven(house: &House, staff: &Staff, typed: &str) -> Result<Option<Member>, Failure> {
    house.limits.sign_ins.check(staff.visit.address())?;
    let member = {
        let mut db = house.store.read().await?;
        store::staff::load(&mut db, &staff.id).await?.ok_or(Failure::NotFound)?
    };
    let tries = Tries::again(&member);
    let may = tries.count(&house.store).await?;
    let checked = house.passwords.verify(Cost::Staff, member.password_hash.as_deref(), typed).await;
    let right = checked.map_err(|_| Failure::TooMany(5))? && may;
    if right {
        tries.forget(&house.store).await?;
    } else {
        let entry = staff.entry("password_again", "staff", staff.id.as_str()).denied();
        house.audit(entry).await?;
    }
    Ok(right.then_some(member))
}

/// `POST /staff/me/password`
pub async fn password(house: web::Data<House>, staff: Staff, posted: Posted) -> Answer {
    let Some(member) = proven(&house, &staff, posted.text("current")).await? else {
        let errors = Errors::new().on("current", "That is not your password now.");
        return me::refuse(&house, &staff, errors).await;
    };
    let own = [member.name.as_str(), member.email.as_str(), staff.practice.name.as_str()];
    let mut errors = Errors::new();
    if let Some(sentence) = password_fault(&posted, &own) {
        errors = errors.on("password", sentence);
    } else if posted.text("password") != posted.text("password_again") {
        errors = errors.on("password_again", "The two passwords are not the same.");
    }
    if !errors.is_empty() {
        return me::refuse(&house, &staff, errors).await;
    }
    let hashed = house.passwords.hash(Cost::Staff, posted.text("password")).await;
    let hash = hashed.map_err(|_| Failure::TooMany(5))?;
    let session = new_token(TOKEN_BYTES);
    let entry = staff.entry("password_changed", "staff", staff.id.as_str());
    let kept =
        std::sync::Arc::new((hash, session, staff.id.clone(), staff.practice.id.clone(), entry));
    let (given, world, now) = (kept.clone(), house.world.clone(), real_now());
    let written = house.store.write(move |db| {
        let (given, world) = (given.clone(), world.clone());
        Box::pin(async move {
            let (hash, session, id, practice, entry) = &*given;
            store::staff::mark_password(db, id, hash).await?;
            // Every session ends, this one too: it goes on under a new token (R42).
            store::session::mark_all_ended(db, Kind::Staff, id.as_str(), None, now).await?;
            let (kind, lasts) = (Kind::Staff, ABSOLUTE_MS);
            store::session::insert(db, kind, session, id.as_str(), practice, None, now, lasts)
                .await?;
            store::audit::insert(db, &world, entry).await
        })
    });
    written.await?;
    staff.visit.keep(Jar::Staff, kept.1.clone(), Some(ABSOLUTE_MS));
    staff.visit.say("Your password was changed. Your other sessions ended.");
    tell(&house, &staff, &member.email, "Your Clearbill password was changed.").await;
    Ok(see_other(MINE))
}

/// `POST /staff/me/recovery`
pub async fn recovery(house: web::Data<House>, staff: Staff, posted: Posted) -> Answer {
    let Some(member) = proven(&house, &staff, posted.text("recovery_current")).await? else {
        let errors = Errors::new().on("recovery_current", "That is not your password.");
        return me::refuse(&house, &staff, errors).await;
    };
    let tries = Tries::at_code(&house.store, &staff.visit, &member);
    let may = tries.count(&house.store).await?;
    let secret = member.totp_secret.as_deref().unwrap_or_default();
    let step = second_factor::step_of(secret, posted.text("code"), real_now()).filter(|_| may);
    let (codes, stored) = second_factor::new_recovery(house.store.keys(), staff.id.as_str());
    let entry = staff.entry("recovery_renewed", "staff", staff.id.as_str());
    let done = match step {
        None => false,
        Some(step) => {
            let (id, world) = (staff.id.clone(), house.world.clone());
            let written = house.store.write(move |db| {
                let (id, stored, world) = (id.clone(), stored.clone(), world.clone());
                let entry = entry.clone();
                Box::pin(async move {
                    if !store::staff::mark_totp_step(db, &id, step).await? {
                        return Ok(false);
                    }
                    store::staff::mark_recovery(db, &id, &stored).await?;
                    store::audit::insert(db, &world, &entry).await?;
                    Ok(true)
                })
            });
            written.await?
        }
    };
    if !done {
        let words = "That code is not right, or it was used already. Wait for the next one.";
        return me::refuse(&house, &staff, Errors::new().on("code", words)).await;
    }
    tries.forget(&house.store).await?;
    tell(&house, &staff, &member.email, "New recovery codes were made for your account.").await;
    let page = app::pages::staff::RecoveryCodes {
        codes,
        next_href: MINE.into(),
        next_label: "Back to your account".into(),
    };
    Ok(shown(page.html()))
}

/// `POST /staff/me/sessions`
pub async fn sessions(house: web::Data<House>, staff: Staff, _posted: Posted) -> Answer {
    let (id, hash) = (staff.id.clone(), staff.session.token_hash.clone());
    let entry = staff.entry("sessions_ended", "staff", id.as_str());
    let (world, now) = (house.world.clone(), real_now());
    let written = house.store.write(move |db| {
        let (id, hash, world, entry) = (id.clone(), hash.clone(), world.clone(), entry.clone());
        Box::pin(async move {
            let (kind, but) = (Kind::Staff, Some(hash.as_str()));
            store::session::mark_all_ended(db, kind, id.as_str(), but, now).await?;
            store::audit::insert(db, &world, &entry).await
        })
    });
    written.await?;
    staff.visit.say("You are signed out everywhere else.");
    Ok(see_other(MINE))
}

/// `POST /staff/practice`
pub async fn practice(house: web::Data<House>, staff: Staff, posted: Posted) -> Answer {
    let wanted: PracticeId = posted.text("practice").parse().map_err(|_| Failure::NotFound)?;
    {
        let mut db = house.store.read().await?;
        store::staff::find_role(&mut db, &staff.id, &wanted).await?.ok_or(Failure::NotFound)?;
    }
    let (hash, world) = (staff.session.token_hash.clone(), house.world.clone());
    let mut entry = staff.entry("practice_opened", "practice", wanted.as_str());
    entry.practice = wanted.clone();
    let written = house.store.write(move |db| {
        let (hash, wanted) = (hash.clone(), wanted.clone());
        let (world, entry) = (world.clone(), entry.clone());
        Box::pin(async move {
            store::session::mark_practice(db, &hash, &wanted).await?;
            store::audit::insert(db, &world, &entry).await
        })
    });
    written.await?;
    Ok(see_other("/staff"))
}

/// A person hears when their own way in changed, whoever did it.
async fn tell(house: &House, staff: &Staff, email: &str, what: &str) {
    let base = staff.practice.settings.public_base.trim_end_matches('/');
    let what = format!("{what} If this was not you, tell a manager of your practice at once.");
    let mail = StaffMail::Attention { what, link: format!("{base}{MINE}") };
    staff_mail::send(house, &staff.practice, email, mail).await;
}
