//! `POST /setup/begin` and `/setup/account`: from the one-time link to the first manager. Used up
//! with the account, not with the click: whoever is interrupted opens the link again.

use std::sync::Arc;

use actix_web::web;
use app::{components::Errors, pages::staff::FirstAccount};
use domain::{
    id::{PracticeId, StaffId},
    phone::normalise_email,
    practice::{Practice, Settings},
    staff::Role,
};
use store::{
    Db, StoreError,
    audit::{Actor, Entry},
    keys::{TOKEN_BYTES, new_token, token_hash},
    session::{self, ABSOLUTE_MS, Kind},
};

use super::{accept_invitation::mark_credentials, choose_language::see_other};
use crate::{
    clock::real_now,
    enrolment::{self, Chosen},
    failure::Answer,
    first_start::LINK_LASTS_MS,
    form::Posted,
    house::House,
    pages::setup,
    visit::{Jar, Visit},
    workspace::{refused, shown},
};

/// There is no practice yet that the session could belong to.
const NO_PRACTICE: &str = "*";
const NAME_LONGEST: usize = 80;
const PRACTICE_LONGEST: usize = 120;
const SLUG_LONGEST: usize = 40;

/// `POST /setup/begin`
pub async fn begin(house: web::Data<House>, visit: Visit, posted: Posted) -> Answer {
    house.limits.links.check(visit.address())?;
    let hash = token_hash(posted.text("token"));
    let session = new_token(TOKEN_BYTES);
    let (given, now) = (session.clone(), real_now());
    let begun = house.store.write(move |db| {
        let (hash, token) = (hash.clone(), given.clone());
        Box::pin(async move {
            if !store::setup::find_link(db, &hash, now).await? || store::staff::count(db).await? > 0
            {
                return Ok(false);
            }
            let nobody = PracticeId::trusted(NO_PRACTICE);
            let (kind, lasts) = (Kind::Setup, LINK_LASTS_MS);
            session::insert(db, kind, &token, &hash, &nobody, None, now, lasts).await?;
            Ok(true)
        })
    });
    if !begun.await? {
        return Err(setup::dead());
    }
    visit.keep(Jar::Setup, session, None);
    Ok(see_other("/setup/account"))
}

/// `POST /setup/account`
pub async fn post(house: web::Data<House>, visit: Visit, posted: Posted) -> Answer {
    house.limits.sign_ins.check(visit.address())?;
    let setup = setup::find_session(&house, &visit).await?;
    let typed = |field: &str| posted.text(field).trim().to_owned();
    let (practice, name, email) = (typed("practice"), typed("name"), typed("email"));
    let errors = check(&practice, &name, &email);
    let id: StaffId = house.world.mint();
    let own = [practice.as_str(), name.as_str(), email.as_str()];
    let subject = setup.subject_id.as_str();
    let read = enrolment::read(&house, subject, id.as_str(), &posted, &own, errors).await?;
    let chosen = match read {
        Ok(chosen) => chosen,
        Err(errors) => {
            let account = if email.is_empty() { "manager" } else { email.as_str() };
            let page = FirstAccount {
                enrolment: enrolment::offer_again(&house, subject, account, &posted),
                practice,
                name,
                email,
                errors,
            };
            return Ok(refused(page.html(&visit.csrf(&house))));
        }
    };
    let made = Made {
        link_hash: setup.subject_id.clone(),
        setup_session: setup.token_hash.clone(),
        session: new_token(TOKEN_BYTES),
        practice: new_practice(&house, &practice),
        id,
        name,
        email,
        chosen,
        address: visit.address().to_owned(),
    };
    let made = Arc::new(made);
    let (given, world, now) = (made.clone(), house.world.clone(), real_now());
    let done = house.store.write(move |db| {
        let (made, world) = (given.clone(), world.clone());
        Box::pin(async move { make(db, &made, &world, now).await })
    });
    if !done.await? {
        return Err(setup::dead());
    }
    visit.keep(Jar::Staff, made.session.clone(), Some(ABSOLUTE_MS));
    visit.drop_cookie(Jar::Setup);
    Ok(shown(made.chosen.page("/setup/practice", "Go on: the practice").html()))
}

fn check(practice: &str, name: &str, email: &str) -> Errors {
    let mut errors = Errors::new();
    let fits = |text: &str, most: usize| {
        let length = text.chars().count();
        length > 0 && length <= most && !text.chars().any(char::is_control)
    };
    if !fits(practice, PRACTICE_LONGEST) {
        errors = errors.on("practice", "Enter the name of the practice.");
    }
    if !fits(name, NAME_LONGEST) {
        errors = errors.on("name", "Enter your name.");
    }
    if normalise_email(email).is_err() {
        errors = errors.on("email", "Enter an email address like name@example.org.");
    }
    errors
}

struct Made {
    link_hash: String,
    setup_session: String,
    session: String,
    practice: Practice,
    id: StaffId,
    name: String,
    email: String,
    chosen: Chosen,
    address: String,
}

/// Whoever holds the one-time link runs this server, so texts are allowed from the start (S-G3);
/// nothing is sent before Go live.
fn new_practice(house: &House, name: &str) -> Practice {
    Practice {
        id: house.world.mint(),
        slug: slug_of(name),
        name: name.to_owned(),
        settings: Settings {
            legal_name: name.to_owned(),
            texts_enabled_by_platform: true,
            public_base: house.config.public_base.clone().unwrap_or_default(),
            ..Settings::default()
        },
        version: 1,
        live_at: None,
        outreach_held_at: None,
        outreach_held_why: None,
    }
}

/// `lakeside-family-practice`
pub fn slug_of(name: &str) -> String {
    let mut slug = String::new();
    for c in name.to_lowercase().chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(SLUG_LONGEST);
    let slug = slug.trim_end_matches('-').to_owned();
    if slug.is_empty() { "practice".to_owned() } else { slug }
}

async fn make(
    db: &mut Db,
    made: &Made,
    world: &domain::clock::World,
    now: domain::clock::UnixMs,
) -> Result<bool, StoreError> {
    // Whoever marks the link is the one; the count keeps a second link from making a second first.
    if !store::setup::mark_link_used(db, &made.link_hash, now).await?
        || store::staff::count(db).await? > 0
    {
        return Ok(false);
    }
    let at = world.now();
    let mut practice = made.practice.clone();
    let mut next = 2;
    while store::practice::find_by_slug(db, &practice.slug).await?.is_some() {
        practice.slug = format!("{}-{next}", made.practice.slug);
        next += 1;
    }
    store::practice::insert(db, &practice, at).await?;
    store::staff::insert(db, &made.id, &made.email, &made.name, None, at).await?;
    mark_credentials(db, &made.id, &made.chosen).await?;
    store::staff::mark_membership(db, &made.id, &practice.id, Role::Manager, at).await?;
    session::mark_ended(db, &made.setup_session, now).await?;
    let (kind, id, lasts) = (Kind::Staff, made.id.as_str(), ABSOLUTE_MS);
    session::insert(db, kind, &made.session, id, &practice.id, None, now, lasts).await?;
    let actor = Actor::Staff(id.to_owned());
    let entry = Entry::new(&practice.id, actor, "first_manager_made", "staff", id)
        .from_address(made.address.clone());
    store::audit::insert(db, world, &entry).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_practice_is_addressed_by_plain_letters() {
        assert_eq!(slug_of("Lakeside Family Practice, P.C."), "lakeside-family-practice-p-c");
        assert_eq!(slug_of("  ¡Ñandú!  "), "and");
        assert_eq!(slug_of("会"), "practice");
    }
}
