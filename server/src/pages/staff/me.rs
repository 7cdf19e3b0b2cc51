//! `GET /staff/me`: one's own account.

use actix_web::web;
use app::{components::Errors, pages::staff::Me};

use crate::{
    failure::{Answer, Failure},
    house::House,
    session::Staff,
    workspace::{self, refused, role_name, shown},
};

const SECTION: &str = "/staff/me";

pub async fn get(house: web::Data<House>, staff: Staff) -> Answer {
    let page = model(&house, &staff, Errors::new()).await?;
    Ok(shown(page.html(&workspace::shell(&house, &staff, SECTION))))
}

pub async fn refuse(house: &House, staff: &Staff, errors: Errors) -> Answer {
    let page = model(house, staff, errors).await?;
    Ok(refused(page.html(&workspace::shell(house, staff, SECTION))))
}

async fn model(house: &House, staff: &Staff, errors: Errors) -> Result<Me, Failure> {
    let mut db = house.store.read().await?;
    let member = store::staff::load(&mut db, &staff.id).await?.ok_or(Failure::NotFound)?;
    let mut practices = Vec::new();
    for (id, _) in store::staff::list_practices(&mut db, &staff.id).await? {
        if let Some(practice) = store::practice::load(&mut db, &id).await? {
            practices.push((id.to_string(), practice.name));
        }
    }
    let codes = member.recovery.as_deref().unwrap_or_default();
    Ok(Me {
        name: member.name,
        email: member.email,
        role: role_name(staff.role).to_owned(),
        codes_left: codes.split(',').filter(|code| !code.is_empty()).count(),
        practices,
        practice: staff.practice.id.to_string(),
        errors,
    })
}
