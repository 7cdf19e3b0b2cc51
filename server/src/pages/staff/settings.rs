//! `GET /staff/settings…`: what a manager decides, one section to a page.

use actix_web::{HttpRequest, http::StatusCode, web};
use app::{
    components::{Errors, Tone},
    pages::staff::{
        ApiKeyLine, ApiKeys, ConnectionLine, Connections, Section, Settings, Typed, Vendor,
    },
};
use domain::{clock::UnixMs, staff::Permission};

use crate::{
    failure::{Answer, Failure},
    house::House,
    session::Staff,
    settings_form, vendors,
    workspace::{self, base_of, refused, shown, with_status},
};

pub const SECTION: &str = "/staff/settings";

pub async fn first(house: web::Data<House>, staff: Staff) -> Answer {
    section_page(&house, &staff, Section::Practice).await
}

pub async fn get(house: web::Data<House>, staff: Staff, slug: web::Path<String>) -> Answer {
    let section = Section::from_slug(&slug).ok_or(Failure::NotFound)?;
    section_page(&house, &staff, section).await
}

async fn section_page(house: &House, staff: &Staff, section: Section) -> Answer {
    staff.require(house, Permission::ManageSettings).await?;
    let page = Settings {
        section,
        version: staff.practice.version,
        typed: settings_form::values(section, &staff.practice),
        errors: Errors::new(),
        warnings: settings_form::warnings(section, &staff.practice),
        changed_meanwhile: false,
    };
    Ok(shown(page.html(&workspace::shell(house, staff, SECTION))))
}

/// The section as it was typed, with what is wrong.
pub fn refuse(
    house: &House,
    staff: &Staff,
    section: Section,
    version: i64,
    typed: Typed,
    errors: Errors,
) -> Answer {
    let page = Settings {
        section,
        version,
        typed,
        errors,
        warnings: Vec::new(),
        changed_meanwhile: false,
    };
    Ok(refused(page.html(&workspace::shell(house, staff, SECTION))))
}

/// Somebody saved in between: nothing is overwritten.
pub fn changed_meanwhile(
    house: &House,
    staff: &Staff,
    section: Section,
    version: i64,
    typed: Typed,
) -> Answer {
    let page = Settings {
        section,
        version,
        typed,
        errors: Errors::new(),
        warnings: Vec::new(),
        changed_meanwhile: true,
    };
    let html = page.html(&workspace::shell(house, staff, SECTION));
    Ok(with_status(StatusCode::CONFLICT, html))
}

pub async fn connections(request: HttpRequest, house: web::Data<House>, staff: Staff) -> Answer {
    staff.require(&house, Permission::ManageSettings).await?;
    let page = connections_model(&house, &staff, &request, None).await?;
    Ok(shown(page.html(&workspace::shell(&house, &staff, SECTION))))
}

pub async fn connections_again(
    house: &House,
    staff: &Staff,
    request: &HttpRequest,
    refusal: (Vendor, Typed, Errors),
) -> Answer {
    let page = connections_model(house, staff, request, Some(refusal)).await?;
    Ok(refused(page.html(&workspace::shell(house, staff, SECTION))))
}

async fn connections_model(
    house: &House,
    staff: &Staff,
    request: &HttpRequest,
    refused: Option<(Vendor, Typed, Errors)>,
) -> Result<Connections, Failure> {
    let practice = &staff.practice;
    let mut db = house.store.read().await?;
    let stored = store::dashboard::list_connections(&mut db, &practice.id).await?;
    let merchant = store::merchant::load(&mut db, &practice.id).await?;
    let base = base_of(house, practice, request);
    let lines = Vendor::ALL
        .into_iter()
        .map(|vendor| {
            let updated_at: Option<UnixMs> =
                stored.iter().find(|(kind, _)| kind == vendor.slug()).map(|(_, at)| *at);
            let mut facts = Vec::new();
            let mut badge = None;
            match vendor {
                Vendor::Stripe => {
                    facts.push((
                        "Webhook address".to_owned(),
                        format!("{base}/webhooks/stripe/{}", practice.slug),
                    ));
                    badge = merchant.as_ref().map(|m| {
                        let tone = if m.livemode { Tone::Good } else { Tone::Warn };
                        (vendors::mode(m).to_owned(), tone)
                    });
                }
                Vendor::Smtp => badge = updated_at.map(|_| tested(practice)),
                Vendor::MailEvents => facts.push((
                    "Webhook address".to_owned(),
                    format!("{base}/webhooks/email/{}", practice.slug),
                )),
                Vendor::Interfax => {}
                Vendor::Twilio => facts.push((
                    "Address for replies".to_owned(),
                    format!("{base}/webhooks/twilio/{}/sms", practice.slug),
                )),
            }
            ConnectionLine { vendor, updated_at, badge, facts }
        })
        .collect();
    Ok(Connections { zone: practice.zone(), lines, refused })
}

fn tested(practice: &domain::practice::Practice) -> (String, Tone) {
    match practice.settings.email_tested_at {
        Some(_) => ("Tested".to_owned(), Tone::Good),
        None => ("Not tested".to_owned(), Tone::Warn),
    }
}

/// `GET /staff/settings/keys`
pub async fn keys(house: web::Data<House>, staff: Staff) -> Answer {
    staff.require(&house, Permission::ManageSettings).await?;
    let page = keys_model(&house, &staff).await?;
    Ok(shown(page.html(&workspace::shell(&house, &staff, SECTION))))
}

pub async fn keys_model(house: &House, staff: &Staff) -> Result<ApiKeys, Failure> {
    let mut db = house.store.read().await?;
    let rows = store::api_key::list(&mut db, &staff.practice.id).await?;
    let keys = rows
        .into_iter()
        .map(|row| ApiKeyLine {
            id: row.id,
            name: row.name,
            created_at: UnixMs(row.created_at_ms),
            revoked_at: row.revoked_at_ms.map(UnixMs),
        })
        .collect();
    Ok(ApiKeys {
        zone: staff.practice.zone(),
        keys,
        name: String::new(),
        errors: Errors::new(),
        made: None,
    })
}
