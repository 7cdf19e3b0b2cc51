//! `GET /api/v1/payments`: what was paid online and the practice's system does not show yet; and
//! the word that it now does.

use actix_web::{HttpResponse, web};
use domain::{
    clock::UnixMs,
    id::{GuarantorId, PaymentId},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Caller, ErrorBody, invalid, not_found};
use crate::{failure::Answer, house::House};

const PAGE_MOST: i64 = 500;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// The `next` of the page before.
    after: Option<String>,
    /// Payments; at most 500, 100 when left out.
    limit: Option<i64>,
}

/// A part of a payment and the claim it was applied to, or none for the unapplied part.
#[derive(Serialize, ToSchema)]
pub struct PartBody {
    claim_external_id: Option<String>,
    patient_external_id: Option<String>,
    amount_cents: i64,
}

#[derive(Serialize, ToSchema)]
pub struct PaymentBody {
    id: String,
    /// What the payer reads on the receipt; goes into `posted_payment_ref` of an import.
    reference: String,
    /// RFC 3339.
    received_at: String,
    guarantor_external_id: String,
    captured_cents: i64,
    card_brand: Option<String>,
    card_last4: Option<String>,
    /// Sums to what was captured less what was refunded.
    parts: Vec<PartBody>,
}

#[derive(Serialize, ToSchema)]
pub struct PaymentsBody {
    payments: Vec<PaymentBody>,
    next: Option<String>,
}

/// Payments that the practice's system does not show yet, oldest first.
#[utoipa::path(
    get, path = "/api/v1/payments", params(Which),
    responses(
        (status = 200, body = PaymentsBody),
        (status = 401, description = "No key", body = ErrorBody),
    )
)]
pub async fn list(caller: Caller, house: web::Data<House>, which: web::Query<Which>) -> Answer {
    let limit = which.limit.unwrap_or(100);
    if !(1..=PAGE_MOST).contains(&limit) {
        return Err(invalid("limit is a number from 1 to 500"));
    }
    let after = match which.after.as_deref() {
        None => None,
        Some(text) => Some(position(text).ok_or_else(|| invalid("after is the next of a page"))?),
    };
    let practice = &caller.practice.id;
    house.audit(caller.entry("payments_read", "practice", caller.practice.slug.as_str())).await?;
    let mut db = house.store.read().await?;
    let after = after.as_ref().map(|(at, id)| (*at, id));
    let lines = store::payment::list_unposted(&mut db, practice, after, limit).await?;
    let mut payments: Vec<PaymentBody> = Vec::new();
    let mut last = None;
    for line in lines {
        if payments.last().is_none_or(|payment| payment.id != line.payment_id) {
            last = Some(format!("{}.{}", line.received_at_ms, line.payment_id));
            payments.push(PaymentBody {
                id: line.payment_id.clone(),
                reference: line.reference.clone(),
                received_at: UnixMs(line.received_at_ms).to_string(),
                guarantor_external_id: line.guarantor_external_id.clone(),
                captured_cents: line.captured_cents,
                card_brand: line.brand.clone(),
                card_last4: line.last4.clone(),
                parts: Vec::new(),
            });
        }
        if let Some(payment) = payments.last_mut() {
            payment.parts.push(PartBody {
                claim_external_id: line.claim_external_id,
                patient_external_id: line.patient_external_id,
                amount_cents: line.amount_cents,
            });
        }
    }
    let next = last.filter(|_| payments.len() as i64 == limit);
    Ok(HttpResponse::Ok().json(PaymentsBody { payments, next }))
}

fn position(text: &str) -> Option<(UnixMs, PaymentId)> {
    let (at, id) = text.split_once('.')?;
    Some((UnixMs(at.parse().ok()?), id.parse().ok()?))
}

#[derive(Serialize, ToSchema)]
pub struct PostedBody {
    id: String,
    /// False when it was marked before.
    changed: bool,
}

/// The practice's system shows this payment now: it is no longer netted against imports.
#[utoipa::path(
    post, path = "/api/v1/payments/{id}/posted", params(("id" = String, Path)),
    responses(
        (status = 200, body = PostedBody),
        (status = 404, description = "No such payment", body = ErrorBody),
    )
)]
pub async fn mark_posted(caller: Caller, house: web::Data<House>, id: web::Path<String>) -> Answer {
    let id: PaymentId = id.parse().map_err(|_| not_found())?;
    let practice = caller.practice.id.clone();
    let found = {
        let mut db = house.store.read().await?;
        store::payment::find(&mut db, &practice, &id).await?
    };
    let payment = found.ok_or_else(not_found)?;
    let guarantor: GuarantorId = payment.guarantor.clone();
    let entry = caller.entry("payment_posted", "payment", id.as_str()).about(&guarantor);
    let (world, by, wanted) = (house.world.clone(), entry.actor.label(), id.clone());
    let changed = house
        .store
        .write(move |db| {
            let (practice, id, by, world, guarantor, entry) = (
                practice.clone(),
                wanted.clone(),
                by.clone(),
                world.clone(),
                guarantor.clone(),
                entry.clone(),
            );
            Box::pin(async move {
                let now = world.now();
                if !store::payment::mark_posted(db, &practice, &id, &by, now).await? {
                    return Ok(false);
                }
                store::guarantor::mark_check(db, &practice, &guarantor, now).await?;
                store::audit::insert(db, &world, &entry).await?;
                Ok(true)
            })
        })
        .await?;
    Ok(HttpResponse::Ok().json(PostedBody { id: id.to_string(), changed }))
}
