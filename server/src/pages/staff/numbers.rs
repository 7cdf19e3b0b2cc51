//! `GET /staff/settings/numbers`: Get a Number (S-NU1), and the question before it is bought.

use actix_web::{HttpRequest, web};
use app::{
    components::{Errors, Query},
    pages::staff::{BuyNumber, NumberOffer, Numbers, OwnNumber},
};
use connect::channel::twilio::NumberSearch;
use domain::{id::NumberOrderId, phone::E164, staff::Permission};
use store::number_order::{self, State};

use super::settings::SECTION;
use crate::{
    failure::{Answer, Failure},
    house::House,
    session::Staff,
    vendors,
    workspace::{self, refused, shown},
};

pub async fn list(request: HttpRequest, house: web::Data<House>, staff: Staff) -> Answer {
    staff.require(&house, Permission::ManageSettings).await?;
    let query = Query::parse(request.query_string());
    show(&house, &staff, &query, Errors::new()).await
}

/// The page; 422 when something is wrong.
pub async fn show(house: &House, staff: &Staff, query: &Query, errors: Errors) -> Answer {
    let page = model(house, staff, query, errors).await?;
    let shell = workspace::shell(house, staff, SECTION);
    Ok(if page.errors.is_empty() { shown(page.html(&shell)) } else { refused(page.html(&shell)) })
}

async fn model(
    house: &House,
    staff: &Staff,
    query: &Query,
    mut errors: Errors,
) -> Result<Numbers, Failure> {
    let text = |key: &str| query.get(key).unwrap_or_default().trim().to_owned();
    let (area, contains) = (text("area"), text("contains"));
    let current = staff.practice.settings.text_number.clone();
    let (account, orders) = {
        let mut db = house.store.read().await?;
        let practice = &staff.practice.id;
        let account = store::sender::load_texts(&mut db, practice).await?;
        (account, number_order::list_standing(&mut db, practice).await?)
    };
    let mut own: Vec<OwnNumber> = orders
        .into_iter()
        .map(|order| OwnNumber {
            friendly: friendly(&order.number),
            e164: order.number,
            is_uncertain: order.state == State::Buying,
        })
        .collect();
    // One that was typed into the settings, or bought elsewhere.
    if let Some(number) = &current
        && !own.iter().any(|one| one.e164 == *number)
    {
        own.push(OwnNumber {
            e164: number.clone(),
            friendly: friendly(number),
            is_uncertain: false,
        });
    }
    let searched = query.get("area").is_some() || query.get("contains").is_some();
    let mut offers = None;
    match account {
        None => errors = errors.overall("Connect the Twilio account first, under Connections."),
        Some(_) if !searched => {}
        Some(account) => match search(house, &account, &area, &contains).await {
            Ok(found) => offers = Some(found),
            Err(unfit) => errors = errors.overall(unfit.words),
        },
    }
    Ok(Numbers { area, contains, offers, own, current, errors })
}

pub fn friendly(number: &str) -> String {
    E164::from_normalised(number).map_or_else(|| number.to_owned(), |number| number.display())
}

async fn search(
    house: &House,
    account: &store::sender::TextAccount,
    area: &str,
    contains: &str,
) -> Result<Vec<NumberOffer>, vendors::Unfit> {
    let digits = |text: &str, most: usize| {
        let plain: String = text.chars().filter(char::is_ascii_alphanumeric).take(most).collect();
        Some(plain).filter(|plain| !plain.is_empty())
    };
    let wishes = NumberSearch {
        area_code: digits(area, 3),
        contains: digits(contains, 10),
        ..NumberSearch::default()
    };
    let found = vendors::twilio(house, account)?.search_numbers(&wishes).await;
    let found = found.map_err(|cause| vendors::texts_fault(&cause))?;
    Ok(found
        .into_iter()
        .filter(|number| number.can_text)
        .map(|number| {
            let place = [number.locality, number.region].into_iter().flatten();
            NumberOffer {
                place: place.collect::<Vec<_>>().join(", "),
                friendly: number.friendly,
                e164: number.e164,
            }
        })
        .collect())
}

/// `GET /staff/settings/numbers/buy?number=`
pub async fn buy(request: HttpRequest, house: web::Data<House>, staff: Staff) -> Answer {
    staff.require(&house, Permission::ManageSettings).await?;
    let query = Query::parse(request.query_string());
    let Some(number) = query.get("number").and_then(E164::from_normalised) else {
        return show(&house, &staff, &Query::default(), Errors::new()).await;
    };
    let page = BuyNumber {
        e164: number.as_str().to_owned(),
        friendly: number.display(),
        order: house.world.mint::<NumberOrderId>().to_string(),
    };
    Ok(shown(page.html(&workspace::shell(&house, &staff, SECTION))))
}
