//! `GET /staff/encounters` and its export: claims by status, age, amount and name.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, web};
use app::{
    components::{Errors, Query},
    pages::staff::{ENCOUNTER_ORDER, EncounterLine, Encounters, claim_words},
};
use domain::{
    balance::{Standing as ClaimStanding, due},
    book::Preferred,
    clock::UnixMs,
    id::{ClaimId, GuarantorId},
    money::Cents,
    staff::Permission,
};
use jiff::{ToSpan, civil::Date};
use store::{
    Db,
    contact::Kind,
    encounter::{Filter, Line, Order, Standing},
};

use crate::{
    failure::{Answer, Failure},
    house::House,
    session::Staff,
    spreadsheet,
    workspace::{self, refused, shown},
};

pub const SECTION: &str = "/staff/encounters";
const PER_PAGE: i64 = 50;
/// An export stops here: narrow the filters for the rest.
const EXPORT_MOST: i64 = 50_000;
const EXPORT_PAGE: i64 = 500;

fn order_of(query: &Query) -> Order {
    match query.get("sort").unwrap_or(ENCOUNTER_ORDER) {
        "age" => Order::Newest,
        "bill" => Order::Smallest,
        "-bill" => Order::Largest,
        "name" => Order::NameUp,
        "-name" => Order::NameDown,
        "visit" => Order::VisitOldest,
        "-visit" => Order::VisitNewest,
        "sent" => Order::SentFirst,
        "-sent" => Order::SentLast,
        _ => Order::Oldest,
    }
}

/// What is understood of the address, and what is not.
fn filter_of(query: &Query, today: Date) -> (Filter, Errors) {
    let mut errors = Errors::new();
    let mut amount = |key: &str| {
        let typed = query.get(key).map(str::trim).filter(|text| !text.is_empty())?;
        match Cents::parse_typed(typed) {
            Ok(cents) => Some(cents),
            Err(why) => {
                let taken = std::mem::take(&mut errors);
                errors = taken.on(key, format!("Write dollars and cents: {why}."));
                None
            }
        }
    };
    let (amount_at_least, amount_at_most) = (amount("amount_from"), amount("amount_to"));
    let ago = |days: i64| today.checked_sub(days.days()).ok();
    let (since_from, since_until) = match query.get("age") {
        Some("up-to-30") => (ago(30), None),
        Some("31-to-60") => (ago(60), ago(31)),
        Some("over-60") => (None, ago(61)),
        Some("this-quarter") => {
            let month = (today.month() - 1) / 3 * 3 + 1;
            (Date::new(today.year(), month, 1).ok(), None)
        }
        _ => (None, None),
    };
    let standing = match query.get("status") {
        None | Some("") => Standing::Open,
        Some("any") => Standing::Any,
        Some(code) => code.parse().map_or(Standing::Open, Standing::Only),
    };
    let name = query.get("name").map(str::trim).filter(|name| !name.is_empty());
    let filter = Filter {
        standing,
        since_until,
        since_from,
        amount_at_least,
        amount_at_most,
        name: name.map(str::to_owned),
        order: order_of(query),
    };
    (filter, errors)
}

pub async fn list(request: HttpRequest, house: web::Data<House>, staff: Staff) -> Answer {
    staff.require(&house, Permission::View).await?;
    let query = Query::parse(request.query_string());
    let zone = staff.practice.zone();
    let today = house.world.now().day_in(&zone);
    let (filter, errors) = filter_of(&query, today);
    house.audit(staff.entry("view", "claims", "list")).await?;
    let mut db = house.store.read().await?;
    let practice = &staff.practice.id;
    let (total, bills) = store::encounter::count(&mut db, practice, &filter).await?;
    let page = query.get("page").and_then(|page| page.parse::<i64>().ok()).unwrap_or(1);
    let pages = (total + PER_PAGE - 1) / PER_PAGE;
    let offset = (page.clamp(1, pages.max(1)) - 1) * PER_PAGE;
    let found = store::encounter::list(&mut db, practice, &filter, PER_PAGE, offset).await?;
    let owed = owed_of(&mut db, &staff, &found).await?;
    let any = Filter { standing: Standing::Any, ..Filter::default() };
    let book_is_empty =
        total == 0 && store::encounter::list(&mut db, practice, &any, 1, 0).await?.is_empty();
    let refused_some = !errors.is_empty();
    let page = Encounters {
        zone,
        query,
        errors,
        lines: found.into_iter().map(|one| line(one, &owed, today)).collect(),
        total: u64::try_from(total).unwrap_or_default(),
        bills,
        per_page: PER_PAGE as u64,
        book_is_empty,
        may_send: staff.role.may(Permission::SendStatements),
        may_import: staff.role.may(Permission::Import),
    };
    let html = page.html(&workspace::shell(&house, &staff, SECTION));
    Ok(if refused_some { refused(html) } else { shown(html) })
}

/// What is owed on each claim the patient is asked for, net of everything received.
async fn owed_of(
    db: &mut Db,
    staff: &Staff,
    lines: &[Line],
) -> Result<BTreeMap<ClaimId, Cents>, Failure> {
    let mut accounts: Vec<GuarantorId> = lines.iter().map(|l| l.guarantor.clone()).collect();
    accounts.sort();
    accounts.dedup();
    let facts = store::balance::load_many(db, &staff.practice.id, &accounts).await?;
    let claims = facts.values().flat_map(|account| due(account).claims);
    Ok(claims
        .filter(|claim| claim.standing == ClaimStanding::Payable)
        .map(|claim| (claim.id, claim.still_due))
        .collect())
}

/// Whole days from one day to another, never below zero.
pub fn days_between(since: Date, today: Date) -> i64 {
    since.until(today).map_or(0, |span| i64::from(span.get_days())).max(0)
}

fn line(one: Line, owed: &BTreeMap<ClaimId, Cents>, today: Date) -> EncounterLine {
    EncounterLine {
        owed: owed.get(&one.id).copied(),
        age_days: days_between(one.since, today),
        guarantor: one.guarantor.to_string(),
        guarantor_name: one.guarantor_name,
        patient_name: one.patient_name,
        visit_on: one.visit_on,
        place: one.place,
        number: one.number,
        status: one.status,
        insurance: one.insurance,
        bill: one.bill,
        last_sent_at: one.last_sent_at,
        has_returned_check: one.has_returned_check,
        is_missing: one.is_missing,
    }
}

pub async fn export(request: HttpRequest, house: web::Data<House>, staff: Staff) -> Answer {
    staff.require(&house, Permission::View).await?;
    let query = Query::parse(request.query_string());
    let zone = staff.practice.zone();
    let today = house.world.now().day_in(&zone);
    let (filter, _) = filter_of(&query, today);
    house.audit(staff.entry("export", "claims", "csv")).await?;
    let whole_contacts = staff.role.may(Permission::SeeIdentity);
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut offset = 0;
    loop {
        let mut db = house.store.read().await?;
        let practice = &staff.practice.id;
        let found = store::encounter::list(&mut db, practice, &filter, EXPORT_PAGE, offset).await?;
        let owed = owed_of(&mut db, &staff, &found).await?;
        let is_last = (found.len() as i64) < EXPORT_PAGE;
        let about = reach_of(&mut db, &staff, &found, whole_contacts).await?;
        rows.extend(found.into_iter().map(|one| {
            let reach = about.get(&one.guarantor).cloned().unwrap_or_default();
            row(line(one, &owed, today), reach, &zone)
        }));
        offset += EXPORT_PAGE;
        if is_last || offset >= EXPORT_MOST {
            break;
        }
    }
    let head = [
        "guarantor",
        "patient",
        "visit_on",
        "claim_number",
        "status",
        "insurance",
        "age_days",
        "bill",
        "owed_now",
        "last_sent_on",
        "last_payment_on",
        "preferred_method",
        "phone",
        "email",
    ];
    let body = spreadsheet::csv(&head, rows.into_iter()).map_err(Failure::broken)?;
    Ok(spreadsheet::download("claims.csv", body))
}

/// How a guarantor is reached, and when they paid last (S-B5).
#[derive(Clone, Default)]
struct Reach {
    last_paid_at: Option<UnixMs>,
    preferred: Option<Preferred>,
    phone: String,
    email: String,
}

/// Contacts come whole only for those who may see identity, else masked.
async fn reach_of(
    db: &mut Db,
    staff: &Staff,
    lines: &[Line],
    whole: bool,
) -> Result<BTreeMap<GuarantorId, Reach>, Failure> {
    let practice = &staff.practice.id;
    let mut ids: Vec<GuarantorId> = lines.iter().map(|l| l.guarantor.clone()).collect();
    ids.sort();
    ids.dedup();
    let accounts = store::guarantor::load_many(db, practice, &ids).await?;
    let contacts = store::contact::list_many(db, practice, &ids).await?;
    let standing = store::standing::load_many(db, practice, &ids).await?;
    Ok(ids
        .into_iter()
        .map(|id| {
            let first = |kind: Kind| {
                let own = contacts.get(&id).into_iter().flatten().find(|c| c.kind == kind);
                own.map(|c| if whole { c.value.clone() } else { c.masked.clone() })
            };
            let reach = Reach {
                last_paid_at: standing.get(&id).and_then(|s| s.last_paid_at),
                preferred: accounts.get(&id).and_then(|a| a.preferred),
                phone: first(Kind::Phone).unwrap_or_default(),
                email: first(Kind::Email).unwrap_or_default(),
            };
            (id, reach)
        })
        .collect())
}

fn row(line: EncounterLine, reach: Reach, zone: &jiff::tz::TimeZone) -> Vec<String> {
    let day = |at: Option<UnixMs>| at.map(|at| at.day_in(zone).to_string()).unwrap_or_default();
    vec![
        line.guarantor_name,
        line.patient_name,
        line.visit_on.to_string(),
        line.number,
        claim_words::status_name(line.status).to_owned(),
        claim_words::insurance_name(line.insurance).to_owned(),
        line.age_days.to_string(),
        line.bill.plain(),
        line.owed.map(Cents::plain).unwrap_or_default(),
        day(line.last_sent_at),
        day(reach.last_paid_at),
        reach.preferred.map(claim_words::preferred_name).unwrap_or_default().to_owned(),
        reach.phone,
        reach.email,
    ]
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_bill_of_thirty_one_days_is_in_the_second_bucket_only() {
        let today = date(2026, 3, 4);
        let since = date(2026, 2, 1);
        assert_eq!(days_between(since, today), 31);
        let holds = |age: &str| {
            let (filter, _) = filter_of(&Query::parse(&format!("age={age}")), today);
            filter.since_from.is_none_or(|from| since >= from)
                && filter.since_until.is_none_or(|until| since <= until)
        };
        assert_eq!(["up-to-30", "31-to-60", "over-60"].map(holds), [false, true, false]);
    }

    #[test]
    fn a_filter_that_is_no_amount_says_so() {
        let (filter, errors) = filter_of(&Query::parse("amount_from=lots"), date(2026, 3, 4));
        assert_eq!(filter.amount_at_least, None);
        assert!(errors.of("amount_from").is_some());
    }
}
