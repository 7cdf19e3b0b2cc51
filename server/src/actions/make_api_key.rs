//! `POST /staff/settings/keys` and `/staff/settings/keys/{id}/revoke`.

use actix_web::web;
use app::components::Errors;
use domain::{id::ApiKeyId, staff::Permission};
use store::keys::{TOKEN_BYTES, new_token};

use super::choose_language::see_other;
use crate::{
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    pages::staff::settings,
    session::Staff,
    workspace::{self, refused, shown},
};

const NAME_LONGEST: usize = 80;

/// The key is in the answer and nowhere else.
pub async fn post(house: web::Data<House>, staff: Staff, posted: Posted) -> Answer {
    staff.require(&house, Permission::ManageSettings).await?;
    let name = posted.text("name").trim().to_owned();
    let shell = workspace::shell(&house, &staff, settings::SECTION);
    if name.is_empty() || name.chars().count() > NAME_LONGEST || name.chars().any(char::is_control)
    {
        let mut page = settings::keys_model(&house, &staff).await?;
        page.errors = Errors::new().on("name", "Say in a few words what the key is for.");
        page.name = name;
        return Ok(refused(page.html(&shell)));
    }
    let key = format!("cbk_{}", new_token(TOKEN_BYTES));
    let id: ApiKeyId = house.world.mint();
    let (practice, by, world) =
        (staff.practice.id.clone(), staff.actor().label(), house.world.clone());
    let entry = staff.entry("api_key_made", "api_key", id.as_str());
    let given = key.clone();
    let written = house.store.write(move |db| {
        let (practice, by, world) = (practice.clone(), by.clone(), world.clone());
        let (entry, id, name, key) = (entry.clone(), id.clone(), name.clone(), given.clone());
        Box::pin(async move {
            let now = world.now();
            store::api_key::insert(db, &practice, &id, &name, &key, &by, now).await?;
            store::audit::insert(db, &world, &entry).await
        })
    });
    written.await?;
    let mut page = settings::keys_model(&house, &staff).await?;
    page.made = Some(key);
    Ok(shown(page.html(&shell)))
}

pub async fn revoke(
    house: web::Data<House>,
    staff: Staff,
    id: web::Path<String>,
    _posted: Posted,
) -> Answer {
    staff.require(&house, Permission::ManageSettings).await?;
    let id: ApiKeyId = id.parse().map_err(|_| Failure::NotFound)?;
    let (practice, world) = (staff.practice.id.clone(), house.world.clone());
    let entry = staff.entry("api_key_revoked", "api_key", id.as_str());
    let done = house.store.write(move |db| {
        let (practice, world) = (practice.clone(), world.clone());
        let (entry, id) = (entry.clone(), id.clone());
        Box::pin(async move {
            if !store::api_key::mark_revoked(db, &practice, &id, world.now()).await? {
                return Ok(false);
            }
            store::audit::insert(db, &world, &entry).await?;
            Ok(true)
        })
    });
    if !done.await? {
        return Err(Failure::NotFound);
    }
    staff.visit.say("The key was revoked.");
    Ok(see_other("/staff/settings/keys"))
}
