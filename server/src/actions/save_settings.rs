//! `POST /staff/settings/{section}`. A form made from older settings overwrites nothing.

use actix_web::web;
use app::pages::staff::{Section, billing_terms};
use domain::{practice::Practice, staff::Permission};
use store::number_order::insert_billing_consent;

use super::choose_language::see_other;
use crate::{
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    pages::staff::settings,
    session::Staff,
    settings_form::{self, By},
};

pub async fn post(
    house: web::Data<House>,
    staff: Staff,
    slug: web::Path<String>,
    posted: Posted,
) -> Answer {
    staff.require(&house, Permission::ManageSettings).await?;
    let section = Section::from_slug(&slug).ok_or(Failure::NotFound)?;
    let version: i64 =
        posted.text("version").parse().map_err(|_| Failure::Malformed("Reload the page."))?;
    let typed = settings_form::typed(&posted);
    let mut changed = staff.practice.clone();
    let by = By { staff: staff.actor().label(), now: house.world.now() };
    let errors = settings_form::apply(section, &posted, &mut changed, &by);
    if !errors.is_empty() {
        return settings::refuse(&house, &staff, section, version, typed, errors);
    }
    if !save(&house, &staff, version, &changed).await? {
        return settings::changed_meanwhile(&house, &staff, section, version, typed);
    }
    staff.visit.say("The settings were saved.");
    Ok(see_other(&format!("/staff/settings/{}", section.slug())))
}

/// Stores changed settings, with the names of what changed in the audit; false when somebody else
/// saved since `version`.
pub async fn save(
    house: &House,
    staff: &Staff,
    version: i64,
    changed: &Practice,
) -> Result<bool, Failure> {
    let detail = settings_form::differences(&staff.practice, changed);
    let entry = staff.entry("settings_changed", "practice", changed.id.as_str()).with(detail);
    let accepts = staff.practice.settings.billing_consent_at.is_none()
        && changed.settings.billing_consent_at.is_some();
    let (by, address) = (staff.actor().label(), staff.visit.address().to_owned());
    let (changed, world) = (changed.clone(), house.world.clone());
    let done = house.store.write(move |db| {
        let (changed, world, entry) = (changed.clone(), world.clone(), entry.clone());
        let (by, address) = (by.clone(), address.clone());
        Box::pin(async move {
            let (id, name) = (&changed.id, &changed.name);
            let settings = &changed.settings;
            if !store::practice::mark_settings(db, id, version, name, settings).await? {
                return Ok(false);
            }
            if accepts {
                let (version, words) = (billing_terms::VERSION, billing_terms::WORDS);
                insert_billing_consent(db, &world, id, version, words, &by, &address).await?;
            }
            store::audit::insert(db, &world, &entry).await?;
            Ok(true)
        })
    });
    let done = done.await?;
    if done {
        // A switch may have freed what waited.
        house.bell.notify_one();
    }
    Ok(done)
}
