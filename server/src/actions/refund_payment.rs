//! `POST /staff/payments/{id}/refund`: asks once more, then gives unapplied money back (D-27).

use actix_web::web;
use app::pages::staff::{RefundForm, RefundStep, Refused};
use domain::{
    id::PaymentId,
    money::Cents,
    payment::{DisputeState, RefundReason, Refusal},
    staff::Permission,
};
use payments::{Detail, PayError, Refunding, WishedRefund};

use super::{apply_payment::version_of, choose_language::see_other};
use crate::{
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    naming::Names,
    pages::staff::payment::{acting, broken, refund_limit, show_refund},
    session::Staff,
};

pub async fn post(
    house: web::Data<House>,
    staff: Staff,
    path: web::Path<String>,
    posted: Posted,
) -> Answer {
    staff.require(&house, Permission::Refund).await?;
    let id: PaymentId = path.parse().map_err(|_| Failure::NotFound)?;
    let version = version_of(&posted)?;
    let detail = house.payments.payment_detail(&staff.practice.id, &id).await.map_err(broken)?;
    let form = RefundForm {
        amount: posted.text("amount").trim().to_owned(),
        reason: posted.text("reason").to_owned(),
    };
    let amount = Cents::parse_typed(&form.amount).ok();
    let reason: Option<RefundReason> = form.reason.parse().ok();
    let (Some(amount), Some(reason)) = (amount, reason) else {
        let step = RefundStep::Incomplete { amount: amount.is_none(), reason: reason.is_none() };
        return show_refund(&house, &staff, &detail, form, step, Some(version)).await;
    };
    if let Some(refusal) = foreseeable(&staff, &detail, amount) {
        return refuse(&house, &staff, &detail, form, version, refusal).await;
    }
    if posted.text("confirmed") != "yes" {
        let step = RefundStep::Confirming(amount);
        return show_refund(&house, &staff, &detail, form, step, Some(version)).await;
    }
    let wish = WishedRefund {
        practice: staff.practice.id.clone(),
        payment: id.clone(),
        amount,
        reason,
        staff: acting(&staff),
        limit: refund_limit(&staff),
        expected_version: Some(version),
    };
    match house.payments.refund(&wish).await {
        Ok(Refunding::Done(_)) => staff.visit.say("Refunded."),
        Ok(Refunding::UnderWay(_)) => staff.visit.say(
            "The refund is under way: Stripe has not confirmed it yet. It is asked again by itself.",
        ),
        Err(PayError::Refused(Refusal::NotFound)) => return Err(Failure::NotFound),
        Err(PayError::Refused(refusal)) => {
            return refuse(&house, &staff, &detail, form, version, refusal).await;
        }
        Err(cause) => return Err(broken(cause)),
    }
    Ok(see_other(&format!("/staff/payments/{id}")))
}

/// What would be refused anyway, said before anybody is asked to confirm it.
fn foreseeable(staff: &Staff, detail: &Detail, amount: Cents) -> Option<Refusal> {
    let free = detail.row.unapplied;
    match refund_limit(staff) {
        _ if !amount.is_positive() => Some(Refusal::AmountMissing),
        _ if detail.payment.dispute.is_some_and(DisputeState::blocks_refunds) => {
            Some(Refusal::Disputed)
        }
        _ if amount > free => Some(Refusal::OnlyUnapplied { cents: free.at_least_zero() }),
        Some(limit) if amount > limit => Some(Refusal::AboveLimit { limit }),
        _ => None,
    }
}

async fn refuse(
    house: &House,
    staff: &Staff,
    detail: &Detail,
    form: RefundForm,
    version: i64,
    refusal: Refusal,
) -> Answer {
    let by = match &refusal {
        Refusal::ChangedMeanwhile { by, .. } => {
            let mut db = house.store.read().await?;
            Names::of(&mut db, std::iter::once(by.as_str())).await?.get(by)
        }
        _ => String::new(),
    };
    let step = RefundStep::Refused(Refused { refusal, by });
    show_refund(house, staff, detail, form, step, Some(version)).await
}
