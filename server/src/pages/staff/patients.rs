//! `GET /staff/patients`: finding an account.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, web};
use app::{
    components::Query,
    pages::staff::{FoundAccount, Patients, SearchedBy},
};
use domain::{id::GuarantorId, phone, practice::Practice, staff::Permission};
use store::{
    Db,
    contact::{self, Kind},
    guarantor::Found,
};

use super::encounters::days_between;
use crate::{
    failure::{Answer, Failure},
    house::House,
    session::Staff,
    workspace::{self, shown},
};

pub const SECTION: &str = "/staff/patients";
const PER_PAGE: i64 = 50;

pub async fn list(request: HttpRequest, house: web::Data<House>, staff: Staff) -> Answer {
    staff.require(&house, Permission::View).await?;
    let query = Query::parse(request.query_string());
    let typed = query.get("q").map(str::trim).unwrap_or_default().to_owned();
    let page = query.get("page").and_then(|p| p.parse::<i64>().ok()).unwrap_or(1).clamp(1, 10_000);
    let mut db = house.store.read().await?;
    let (searched_by, mut found) = search(&mut db, &staff.practice, &typed, page).await?;
    let has_more = found.len() as i64 > PER_PAGE;
    found.truncate(PER_PAGE as usize);
    let way = format!("{searched_by:?} found={}", found.len()).to_lowercase();
    house.audit(staff.entry("search", "guarantors", "patients").with(way)).await?;
    let book_is_empty = found.is_empty()
        && store::search::list_by_words(&mut db, &staff.practice.id, "", 1, 0).await?.is_empty();
    let found = fill(&mut db, &house, &staff, found).await?;
    let page = Patients {
        zone: staff.practice.zone(),
        query,
        searched_by,
        found,
        page: u64::try_from(page).unwrap_or(1),
        has_more,
        book_is_empty,
        may_import: staff.role.may(Permission::Import),
    };
    Ok(shown(page.html(&workspace::shell(&house, &staff, SECTION))))
}

/// An email has an at sign, a phone ten digits and hardly anything else; a number of an account is
/// tried before names, because practices number accounts with letters and digits alike.
async fn search(
    db: &mut Db,
    practice: &Practice,
    typed: &str,
    page: i64,
) -> Result<(SearchedBy, Vec<Found>), Failure> {
    if typed.is_empty() {
        let offset = (page - 1) * PER_PAGE;
        let all = store::search::list_by_words(db, &practice.id, "", PER_PAGE + 1, offset).await?;
        return Ok((SearchedBy::Nothing, all));
    }
    let by_contact = match (phone::normalise_email(typed), phone::normalise_us(typed)) {
        (Ok(email), _) => Some((SearchedBy::Email, Kind::Email, email.as_str().to_owned())),
        (_, Ok(number)) => Some((SearchedBy::Phone, Kind::Phone, number.as_str().to_owned())),
        _ => None,
    };
    if page == 1 {
        let numbered = store::search::list_by_number(db, &practice.id, typed, PER_PAGE).await?;
        if !numbered.is_empty() {
            return Ok((SearchedBy::Name, numbered));
        }
    }
    if let Some((by, kind, value)) = by_contact {
        let index = contact::value_index(&db.keys(), &practice.id, kind, &value);
        let holders = contact::list_by_value(db, &practice.id, &index).await?;
        let ids: Vec<GuarantorId> = holders.into_iter().map(|c| c.guarantor).collect();
        return Ok((by, store::search::list_many(db, &practice.id, &ids).await?));
    }
    let offset = (page - 1) * PER_PAGE;
    let named = store::search::list_by_words(db, &practice.id, typed, PER_PAGE + 1, offset).await?;
    Ok((SearchedBy::Name, named))
}

async fn fill(
    db: &mut Db,
    house: &House,
    staff: &Staff,
    found: Vec<Found>,
) -> Result<Vec<FoundAccount>, Failure> {
    let practice = &staff.practice.id;
    let ids: Vec<GuarantorId> =
        found.iter().map(|one| GuarantorId::trusted(one.id.clone())).collect();
    let dues = store::balance::due_of_many(db, practice, &ids).await?;
    let holds = store::hold::load_many(db, practice, &ids).await?;
    let mut patients: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for patient in store::guarantor::list_patients(db, practice, &ids).await? {
        patients.entry(patient.guarantor_id).or_default().push(patient.name);
    }
    let now = house.world.now();
    let today = now.day_in(&staff.practice.zone());
    Ok(found
        .into_iter()
        .map(|one| {
            let id = GuarantorId::trusted(one.id.clone());
            let due = dues.get(&id);
            let standing = |held: &&store::hold::Hold| held.rule().stands_at(now);
            FoundAccount {
                patients: patients.remove(&one.id).unwrap_or_default(),
                due: due.map(|row| row.due).unwrap_or_default(),
                age_days: due
                    .and_then(|row| row.oldest_due_since)
                    .map(|since| days_between(since, today)),
                holds: holds.get(&id).map_or(0, |all| all.iter().filter(standing).count()),
                id: one.id,
                name: one.name,
                number: one.external_id,
                last_sent_at: one.last_sent_at_ms.map(domain::clock::UnixMs),
                is_flagged: one.flagged_at_ms.is_some(),
            }
        })
        .collect())
}
