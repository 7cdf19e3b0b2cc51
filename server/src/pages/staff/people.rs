//! `GET /staff/people` and `/staff/people/{id}`.

use actix_web::{HttpRequest, web};
use app::{
    components::{Errors, Query},
    pages::staff::{InviteForm, People, Person, PersonPage, Standing},
};
use domain::{id::StaffId, staff::Permission};
use store::staff::Colleague;

use crate::{
    failure::{Answer, Failure},
    house::House,
    session::Staff,
    workspace::{self, refused, shown},
};

pub const SECTION: &str = "/staff/people";

pub async fn list(house: web::Data<House>, staff: Staff) -> Answer {
    staff.require(&house, Permission::ManageStaff).await?;
    let page = model(&house, &staff, InviteForm::default(), Errors::new()).await?;
    Ok(shown(page.html(&workspace::shell(&house, &staff, SECTION))))
}

/// The list with an invitation form as it was typed.
pub async fn list_again(
    house: &House,
    staff: &Staff,
    invite: InviteForm,
    errors: Errors,
) -> Answer {
    let page = model(house, staff, invite, errors).await?;
    Ok(refused(page.html(&workspace::shell(house, staff, SECTION))))
}

async fn model(
    house: &House,
    staff: &Staff,
    invite: InviteForm,
    errors: Errors,
) -> Result<People, Failure> {
    let mut db = house.store.read().await?;
    let rows = store::staff::list(&mut db, &staff.practice.id).await?;
    let mut people: Vec<Person> = rows.into_iter().map(|row| person(staff, row)).collect();
    people.sort_by_key(|one| one.standing == Standing::Left);
    Ok(People { people, invite, errors })
}

fn person(staff: &Staff, row: Colleague) -> Person {
    let standing = match (row.ended_at_ms, row.is_invited) {
        (Some(_), _) => Standing::Left,
        (None, 1) => Standing::Invited,
        _ => Standing::Active,
    };
    Person {
        is_me: row.id == staff.id.as_str(),
        id: row.id,
        name: row.name,
        email: row.email,
        role: row.role,
        standing,
    }
}

pub async fn get(
    request: HttpRequest,
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
) -> Answer {
    staff.require(&house, Permission::ManageStaff).await?;
    let asks_to_end = Query::parse(request.query_string()).get("end") == Some("ask");
    let mut page = person_page(&house, &staff, &id, Errors::new()).await?;
    page.asks_to_end = asks_to_end && !page.person.is_me && !page.is_last_manager;
    Ok(shown(page.html(&workspace::shell(&house, &staff, SECTION))))
}

/// The person of this practice behind an id from an address; 404 for anybody else's (R06).
pub async fn find(house: &House, staff: &Staff, id: &str) -> Result<(StaffId, Colleague), Failure> {
    let id: StaffId = id.parse().map_err(|_| Failure::NotFound)?;
    let mut db = house.store.read().await?;
    let row = store::staff::find_colleague(&mut db, &staff.practice.id, &id).await?;
    Ok((id, row.ok_or(Failure::NotFound)?))
}

pub async fn person_page(
    house: &House,
    staff: &Staff,
    id: &str,
    errors: Errors,
) -> Result<PersonPage, Failure> {
    let (id, row) = find(house, staff, id).await?;
    let person = person(staff, row);
    let mut db = house.store.read().await?;
    let elsewhere = store::staff::list_practices(&mut db, &id).await?;
    let managers = store::staff::list(&mut db, &staff.practice.id).await?;
    let managers = managers
        .iter()
        .filter(|m| m.role == "manager" && m.ended_at_ms.is_none() && m.is_invited == 0)
        .count();
    let is_manager = person.role == "manager" && person.standing == Standing::Active;
    Ok(PersonPage {
        is_last_manager: is_manager && managers < 2,
        may_reset: elsewhere.iter().all(|(practice, _)| *practice == staff.practice.id),
        person,
        errors,
        asks_to_end: false,
    })
}
