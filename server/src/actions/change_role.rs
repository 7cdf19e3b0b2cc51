//! `POST /staff/people/{id}/role` and `/end`: what somebody may do here, or nothing any more. Both
//! end that person's sessions at once (R10, R42), and the last manager always stays one.

use actix_web::web;
use app::components::Errors;
use domain::{
    id::{PracticeId, StaffId},
    staff::{Permission, Role},
};
use store::{Db, StoreError, audit::Entry, session::Kind};

use super::choose_language::see_other;
use crate::{
    clock::real_now,
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    pages::staff::people,
    session::Staff,
    workspace::{self, refused},
};

/// What is to become of a membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Role(Role),
    End,
}

/// `POST /staff/people/{id}/role`
pub async fn post(
    house: web::Data<House>,
    staff: Staff,
    path: web::Path<String>,
    posted: Posted,
) -> Answer {
    // Before the form is read: what is wrong with it is nobody else's business.
    staff.require(&house, Permission::ManageStaff).await?;
    let role: Result<Role, _> = posted.text("role").parse();
    let role = role.map_err(|_| Failure::Malformed("Choose a role from the list."))?;
    change(&house, &staff, &path, Wish::Role(role)).await
}

/// `POST /staff/people/{id}/end`
pub async fn end(
    house: web::Data<House>,
    staff: Staff,
    path: web::Path<String>,
    _posted: Posted,
) -> Answer {
    staff.require(&house, Permission::ManageStaff).await?;
    change(&house, &staff, &path, Wish::End).await
}

async fn change(house: &House, staff: &Staff, path: &str, wish: Wish) -> Answer {
    let (id, row) = people::find(house, staff, path).await?;
    if id == staff.id {
        return refuse(house, staff, path, "Another manager can change your own role.").await;
    }
    let (practice, world) = (staff.practice.id.clone(), house.world.clone());
    let (verb, detail) = match wish {
        Wish::Role(role) => ("role_changed", format!("{} to {}", row.role, role.as_str())),
        Wish::End => ("access_ended", row.role.clone()),
    };
    let entry = staff.entry(verb, "staff", id.as_str()).with(detail);
    let (now, real) = (world.now(), real_now());
    let done = house.store.write(move |db| {
        let (id, practice, entry) = (id.clone(), practice.clone(), entry.clone());
        let world = world.clone();
        Box::pin(async move {
            // Counted under the practice's lock, before and after: never down to none.
            let before = store::staff::count_managers(db, &practice).await?;
            match wish {
                Wish::Role(role) => {
                    store::staff::mark_membership(db, &id, &practice, role, now).await?;
                }
                Wish::End => {
                    store::staff::mark_membership_ended(db, &id, &practice, now).await?;
                }
            }
            finish(db, &id, &practice, before, real, &world, &entry).await
        })
    });
    match done.await {
        Ok(()) => {}
        Err(StoreError::Refused(_)) => {
            let words = "Nobody would be left to manage this practice. Add another manager first.";
            return refuse(house, staff, path, words).await;
        }
        Err(other) => return Err(other.into()),
    }
    staff.visit.say(match wish {
        Wish::Role(_) => "The role was changed.",
        Wish::End => "Access was ended.",
    });
    Ok(see_other(people::SECTION))
}

async fn finish(
    db: &mut Db,
    id: &StaffId,
    practice: &PracticeId,
    managers_before: i64,
    real: domain::clock::UnixMs,
    world: &domain::clock::World,
    entry: &Entry,
) -> Result<(), StoreError> {
    let after = store::staff::count_managers(db, practice).await?;
    if after == 0 && managers_before > 0 {
        // Rolls the change back.
        return Err(StoreError::Refused("the last manager".to_owned()));
    }
    store::session::mark_all_ended(db, Kind::Staff, id.as_str(), None, real).await?;
    store::audit::insert(db, world, entry).await
}

async fn refuse(house: &House, staff: &Staff, path: &str, words: &str) -> Answer {
    let page = people::person_page(house, staff, path, Errors::new().overall(words)).await?;
    Ok(refused(page.html(&workspace::shell(house, staff, people::SECTION))))
}
