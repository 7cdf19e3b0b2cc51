//! `GET /staff/payments`: Find Payment, tab Online; the exact matches that can be applied together;
//! and the export of what is not posted.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, web};
use app::{
    components::{Errors, Query},
    pages::staff::{ExactMatch, ExactMatches, FindPayment, PAYMENT_ORDER, PaymentRow, VisitLabel},
};
use domain::{
    clock::UnixMs,
    id::{ClaimId, PaymentId},
    money::Cents,
    staff::Permission,
};
use jiff::{ToSpan, civil::Date, tz::TimeZone};
use payments::FoundPayment;
use store::{
    claim::Label,
    payment::{Filter, Order, Stage, UnpostedLine},
};

use super::payment::broken;
use crate::{
    failure::{Answer, Failure},
    house::House,
    session::Staff,
    spreadsheet,
    workspace::{self, shown},
};

pub const SECTION: &str = "/staff/payments";
const PAGE: i64 = 50;
/// Payments read at once for the export.
const EXPORT_PAGE: i64 = 500;
/// An export stops here. Marking what it holds as posted brings the rest.
const EXPORT_MOST: usize = 50_000;

pub async fn list(request: HttpRequest, house: web::Data<House>, staff: Staff) -> Answer {
    staff.require(&house, Permission::View).await?;
    let query = Query::parse(request.query_string());
    let zone = staff.practice.zone();
    let (filter, errors) = filter_of(&query, &zone);
    let practice = &staff.practice.id;
    house
        .audit(staff.entry("payments_read", "practice", practice.as_str()).with(said(&query)))
        .await?;

    let mut found =
        house.payments.find_payments(practice, &filter, PAGE + 1).await.map_err(broken)?;
    let has_more = found.len() as i64 > PAGE;
    found.truncate(PAGE as usize);
    let next = found.last().filter(|_| has_more).map(|last| last.row.id.to_string());
    let counts_matches = filter.stage == Stage::Unapplied
        && filter.after.is_none()
        && staff.role.may(Permission::ApplyPayments);
    let exact_matches = if counts_matches {
        house.payments.find_exact_matches(practice, &filter).await.map_err(broken)?.len()
    } else {
        0
    };
    let chosen = found.iter().flat_map(|f| f.row.chosen_claims.iter().cloned()).collect();
    let labels = labels(&house, &staff, chosen).await?;
    let nothing_paid_yet = found.is_empty() && {
        let mut db = house.store.read().await?;
        store::payment::find_first(&mut db, &staff.practice.id).await?.is_none()
    };
    let page = FindPayment {
        zone,
        query,
        errors,
        rows: found.into_iter().map(|one| row(one, &labels)).collect(),
        next,
        exact_matches,
        may_mark_posted: staff.role.may(Permission::MarkPosted),
        nothing_paid_yet,
    };
    Ok(shown(page.html(&workspace::shell(&house, &staff, SECTION))))
}

/// Which filters were used, for the audit: never what was typed into them.
fn said(query: &Query) -> String {
    let used = query.pairs().iter().filter(|(_, value)| !value.is_empty());
    let words: Vec<&str> = used
        .filter_map(|(key, value)| match key.as_str() {
            "status" | "sort" => Some(value.as_str()),
            "from" | "until" | "amount" | "name" | "account" | "reference" | "after" => Some(key),
            _ => None,
        })
        .filter(|word| word.len() <= 20)
        .collect();
    words.join(" ")
}

/// The filter an address asks for, and what of it cannot be read.
fn filter_of(query: &Query, zone: &TimeZone) -> (Filter, Errors) {
    let text =
        |key: &str| query.get(key).map(str::trim).filter(|v| !v.is_empty()).map(str::to_owned);
    let mut errors = Errors::new();
    let mut refuse = |field: &str, words: &str| {
        errors = std::mem::take(&mut errors).on(field, words);
    };
    let mut day = |key: &str, days_on: i64| {
        let typed = text(key)?;
        let start = typed
            .parse::<Date>()
            .and_then(|day| day.checked_add(days_on.days()))
            .and_then(|day| day.to_zoned(zone.clone()));
        match start {
            Ok(start) => Some(UnixMs(start.timestamp().as_millisecond())),
            Err(_) => {
                refuse(key, "Write the day like 2026-03-04.");
                None
            }
        }
    };
    let (from, until) = (day("from", 0), day("until", 1));
    let amount = text("amount").and_then(|typed| match Cents::parse_typed(&typed) {
        Ok(amount) => Some(amount),
        Err(_) => {
            refuse("amount", "Write dollars and cents, like 25.00.");
            None
        }
    });
    let filter = Filter {
        stage: stage_of(query.get("status").unwrap_or_default()),
        from,
        until,
        amount,
        name: text("name"),
        account: text("account"),
        reference: text("reference"),
        guarantor: None,
        order: order_of(query.get("sort").unwrap_or(PAYMENT_ORDER)),
        after: text("after").and_then(|id| id.parse::<PaymentId>().ok()),
    };
    (filter, errors)
}

fn stage_of(status: &str) -> Stage {
    match status {
        "applied" => Stage::Applied,
        "refunded" => Stage::Refunded,
        "disputed" => Stage::Disputed,
        "unposted" => Stage::Unposted,
        "posted" => Stage::Posted,
        "all" => Stage::Any,
        _ => Stage::Unapplied,
    }
}

fn order_of(sort: &str) -> Order {
    match sort {
        "received" => Order::Oldest,
        "amount" => Order::Smallest,
        "-amount" => Order::Largest,
        "name" => Order::NameUp,
        "-name" => Order::NameDown,
        _ => Order::Newest,
    }
}

/// How claims are named, of this practice alone.
async fn labels(
    house: &House,
    staff: &Staff,
    mut claims: Vec<ClaimId>,
) -> Result<BTreeMap<ClaimId, Label>, Failure> {
    claims.sort();
    claims.dedup();
    let mut db = house.store.read().await?;
    Ok(store::claim::list_labels(&mut db, &staff.practice.id, &claims).await?)
}

pub fn visit(label: &Label) -> VisitLabel {
    VisitLabel {
        service_on: label.service_on,
        place: label.place.clone(),
        patient: label.patient_name.clone(),
        number: label.number.clone(),
    }
}

/// `Visa 4242`
pub fn card(brand: Option<&str>, last4: Option<&str>) -> String {
    let brand = brand.unwrap_or("card");
    let mut letters = brand.chars();
    let brand: String =
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect();
    match last4 {
        Some(last4) => format!("{brand} {last4}"),
        None => brand,
    }
}

fn row(found: FoundPayment, labels: &BTreeMap<ClaimId, Label>) -> PaymentRow {
    let FoundPayment { row, proposal } = found;
    PaymentRow {
        id: row.id.to_string(),
        received_at: row.received_at,
        guarantor: row.guarantor_name,
        account: row.account,
        amount: row.captured,
        unapplied: row.unapplied,
        card: card(row.brand.as_deref(), row.last4.as_deref()),
        reference: row.reference,
        paid_for: row.chosen_claims.iter().filter_map(|id| labels.get(id)).map(visit).collect(),
        proposal,
        posted_at: row.posted_at,
        dispute: row.dispute,
    }
}

/// `GET /staff/payments/exact`: what one press of the button would apply, to be confirmed.
pub async fn exact(request: HttpRequest, house: web::Data<House>, staff: Staff) -> Answer {
    staff.require(&house, Permission::ApplyPayments).await?;
    let query = Query::parse(request.query_string());
    let zone = staff.practice.zone();
    let (filter, _) = filter_of(&query.without(&["status", "after"]), &zone);
    let practice = &staff.practice.id;
    house.audit(staff.entry("payments_read", "practice", practice.as_str()).with("exact")).await?;
    let found = house.payments.find_exact_matches(practice, &filter).await.map_err(broken)?;
    let proposed = |one: &FoundPayment| -> Vec<ClaimId> {
        let lines = one.proposal.iter().flat_map(|proposal| &proposal.lines);
        lines.map(|line| line.claim.clone()).collect()
    };
    let labels = labels(&house, &staff, found.iter().flat_map(proposed).collect()).await?;
    let matches = found
        .into_iter()
        .filter_map(|one| {
            let proposal = one.proposal?;
            let visits = proposal.lines.iter().filter_map(|line| labels.get(&line.claim));
            Some(ExactMatch {
                id: one.row.id.to_string(),
                version: one.row.version,
                received_at: one.row.received_at,
                guarantor: one.row.guarantor_name,
                amount: one.row.unapplied,
                visits: visits.map(visit).collect(),
                proposal,
            })
        })
        .collect();
    let page = ExactMatches { zone, query, matches };
    Ok(shown(page.html(&workspace::shell(&house, &staff, SECTION))))
}

/// `GET /staff/payments/unposted.csv`: a line for each part of a payment the practice's system does
/// not show yet.
pub async fn export(house: web::Data<House>, staff: Staff) -> Answer {
    staff.require(&house, Permission::MarkPosted).await?;
    let practice = &staff.practice.id;
    let mut lines: Vec<UnpostedLine> = Vec::new();
    let mut last: Option<(UnixMs, PaymentId)> = None;
    while lines.len() < EXPORT_MOST {
        let after = last.as_ref().map(|(at, id)| (*at, id));
        let page = house.payments.export_unposted(practice, after, EXPORT_PAGE).await;
        let page = page.map_err(broken)?;
        let Some(end) = page.last() else { break };
        last = Some((UnixMs(end.received_at_ms), PaymentId::trusted(end.payment_id.clone())));
        lines.extend(page);
    }
    let entry = staff.entry("payments_export", "practice", practice.as_str());
    house.audit(entry.with(format!("{} lines", lines.len()))).await?;
    let zone = staff.practice.zone();
    let head = [
        "reference",
        "received_on",
        "guarantor_id",
        "guarantor_name",
        "patient_id",
        "claim_id",
        "amount",
        "captured",
        "card_brand",
        "card_last4",
        "payment_id",
    ];
    let rows = lines.into_iter().map(|line| {
        vec![
            line.reference,
            UnixMs(line.received_at_ms).day_in(&zone).to_string(),
            line.guarantor_external_id,
            line.guarantor_name,
            line.patient_external_id.unwrap_or_default(),
            line.claim_external_id.unwrap_or_default(),
            Cents(line.amount_cents).plain(),
            Cents(line.captured_cents).plain(),
            line.brand.unwrap_or_default(),
            line.last4.unwrap_or_default(),
            line.payment_id,
        ]
    });
    let body = spreadsheet::csv(&head, rows).map_err(Failure::broken)?;
    Ok(spreadsheet::download("payments-not-posted.csv", body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_a_day_where_the_practice_is() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let query = Query::parse("from=2026-03-04&until=2026-03-04&amount=%2482.00&status=all");
        let (filter, errors) = filter_of(&query, &zone);
        assert!(errors.is_empty());
        assert_eq!(filter.from, UnixMs::parse_rfc3339("2026-03-04T05:00:00Z"));
        assert_eq!(filter.until, UnixMs::parse_rfc3339("2026-03-05T05:00:00Z"));
        assert_eq!((filter.amount, filter.stage), (Some(Cents(82_00)), Stage::Any));
    }

    #[test]
    fn what_cannot_be_read_is_said_and_left_out() {
        let query = Query::parse("from=soon&amount=lots&after=x&status=&sort=-amount");
        let (filter, errors) = filter_of(&query, &TimeZone::UTC);
        assert!(errors.of("from").is_some() && errors.of("amount").is_some());
        assert_eq!((filter.from, filter.amount, filter.after), (None, None, None));
        assert_eq!((filter.stage, filter.order), (Stage::Unapplied, Order::Largest));
    }

    #[test]
    fn the_audit_hears_of_filters_and_never_of_names() {
        let query = Query::parse("name=Maria+Lopez&status=all&reference=CB-123&evil=x");
        assert_eq!(said(&query), "name all reference");
    }

    #[test]
    fn a_card_is_named_by_its_brand_and_last_four() {
        assert_eq!(card(Some("visa"), Some("4242")), "Visa 4242");
        assert_eq!(card(None, None), "Card");
    }
}
