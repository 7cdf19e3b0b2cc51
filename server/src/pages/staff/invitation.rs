//! `GET /staff/invitation/{token}`. Opening it changes nothing: scanners of links open everything.

use actix_web::{http::StatusCode, web};
use app::{
    components::Errors,
    pages::staff::{AcceptInvitation, DeadInvitation},
};
use domain::practice::Practice;
use store::{keys::token_hash, staff::Member};

use crate::{
    clock::real_now,
    enrolment,
    failure::{Answer, Failure},
    house::House,
    visit::Visit,
    workspace::shown,
};

pub async fn get(house: web::Data<House>, visit: Visit, token: web::Path<String>) -> Answer {
    house.limits.links.check(visit.address())?;
    let (member, practice) = find(&house, &token).await?;
    let page = AcceptInvitation {
        enrolment: enrolment::offer(&house, &token_hash(&token), &member.email),
        token: token.into_inner(),
        practice: practice.name,
        name: member.name,
        email: member.email,
        errors: Errors::new(),
    };
    Ok(shown(page.html(&visit.csrf(&house))))
}

/// Whose invitation it is, and the practice it leads to. Unknown, used, replaced and expired ones
/// look the same.
pub async fn find(house: &House, token: &str) -> Result<(Member, Practice), Failure> {
    let dead = || Failure::Page(StatusCode::NOT_FOUND, DeadInvitation { is_setup: false }.html());
    let mut db = house.store.read().await?;
    let found = store::staff::find_by_invitation(&mut db, &token_hash(token), real_now()).await?;
    let member = found.ok_or_else(dead)?;
    let practices = store::staff::list_practices(&mut db, &member.id).await?;
    let (practice, _) = practices.into_iter().next().ok_or_else(dead)?;
    let practice = store::practice::load(&mut db, &practice).await?.ok_or_else(dead)?;
    Ok((member, practice))
}
