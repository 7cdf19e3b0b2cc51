//! Refunds: several and partial, together never more than was captured.

use serde_json::{Value, json};

use super::{
    Ctx, charges,
    endpoints::emit,
    error::ApiError,
    intents::check_names,
    objects::{Charge, Refund},
    params::Params,
};
use crate::world::World;

const CREATE: &[&str] = &[
    "amount",
    "charge",
    "currency",
    "expand",
    "instructions_email",
    "metadata",
    "payment_intent",
    "reason",
    "refund_application_fee",
    "reverse_transfer",
];

const REASONS: &[&str] = &["duplicate", "fraudulent", "requested_by_customer"];

pub fn create(world: &mut World, params: &Params, ctx: &Ctx) -> Result<Value, ApiError> {
    check_names(params, CREATE)?;
    let mut charge = charge_to_refund(world, params)?;
    let reason = params.text("reason").map(str::to_owned);
    if reason.as_deref().is_some_and(|reason| !REASONS.contains(&reason)) {
        let message = "Invalid reason: must be one of duplicate, fraudulent, or \
                       requested_by_customer";
        return Err(ApiError::bad(message).param("reason"));
    }
    let mut metadata = Default::default();
    params.merge_metadata("metadata", &mut metadata)?;
    let left = charge.amount - charge.refunded;
    if left == 0 {
        let message = format!("Charge {} has already been refunded.", charge.id);
        return Err(ApiError::bad(message).code("charge_already_refunded").executed());
    }
    if charges::is_charged_back(world, &charge.id) {
        let message = format!("Charge {} has been charged back; cannot issue a refund.", charge.id);
        return Err(ApiError::bad(message).code("charge_disputed").executed());
    }
    let amount = params.integer("amount")?.unwrap_or(left);
    if amount < 1 {
        let message = "This value must be greater than or equal to 1.";
        return Err(ApiError::bad(message).code("parameter_invalid_integer").param("amount"));
    }
    if amount > left {
        let message = format!(
            "Refund amount ({}) is greater than unrefunded amount on charge ({})",
            dollars(amount),
            dollars(left)
        );
        return Err(ApiError::bad(message).code("amount_too_large").param("amount").executed());
    }
    let refund = Refund {
        id: world.mint("re_", 24),
        charge: charge.id.clone(),
        intent: charge.intent.clone(),
        amount,
        currency: charge.currency.clone(),
        created: world.now_seconds(),
        status: "succeeded".to_owned(),
        reason,
        failure_reason: None,
        metadata,
    };
    world.stripe.refunds.put(&refund.id, refund.clone());
    let before = json!({ "amount_refunded": charge.refunded });
    charge.refunded += amount;
    world.stripe.charges.put(&charge.id, charge.clone());
    emit(world, "refund.created", refund.json(), None, ctx);
    let object = charge.json(world.base());
    emit(world, "charge.refunded", object, Some(before), ctx);
    Ok(refund.json())
}

fn charge_to_refund(world: &World, params: &Params) -> Result<Charge, ApiError> {
    match (params.text("charge"), params.text("payment_intent")) {
        (None, None) => {
            let message = "One of the following params should be provided for this request: \
                           payment_intent or charge.";
            Err(ApiError::bad(message).code("parameter_missing"))
        }
        (Some(_), Some(_)) => {
            let message = "You may only specify one of these parameters: charge, payment_intent.";
            Err(ApiError::bad(message))
        }
        (Some(id), None) => {
            let charge =
                charges::find(world, id).map_err(|_| ApiError::no_such("charge", id, "charge"))?;
            if charge.succeeded {
                return Ok(charge);
            }
            Err(ApiError::bad(format!("Charge {id} has failed and cannot be refunded."))
                .param("charge"))
        }
        (None, Some(id)) => {
            let intent = world.stripe.intents.get(id);
            let intent =
                intent.ok_or_else(|| ApiError::no_such("payment_intent", id, "payment_intent"))?;
            let charge = intent.latest_charge.as_ref().and_then(|id| world.stripe.charges.get(id));
            charge.filter(|charge| charge.succeeded).cloned().ok_or_else(|| {
                let message = format!(
                    "This PaymentIntent ({id}) does not have a successful charge to refund."
                );
                ApiError::bad(message).param("payment_intent")
            })
        }
    }
}

fn dollars(cents: i64) -> String {
    format!("${}.{:02}", cents / 100, cents % 100)
}

pub fn find(world: &World, id: &str) -> Result<Refund, ApiError> {
    let refund = world.stripe.refunds.get(id).cloned();
    refund.ok_or_else(|| ApiError::no_such("refund", id, "refund"))
}

pub fn update(world: &mut World, id: &str, params: &Params, ctx: &Ctx) -> Result<Value, ApiError> {
    check_names(params, &["metadata", "expand"])?;
    let mut refund = find(world, id)?;
    params.merge_metadata("metadata", &mut refund.metadata)?;
    world.stripe.refunds.put(id, refund.clone());
    emit(world, "refund.updated", refund.json(), None, ctx);
    Ok(refund.json())
}

pub fn cancel(world: &World, id: &str) -> Result<Value, ApiError> {
    let refund = find(world, id)?;
    let message = format!(
        "You cannot cancel this Refund because it has a status of {}. Only a Refund with a status \
         of requires_action can be canceled.",
        refund.status
    );
    Err(ApiError::bad(message).executed())
}

/// The bank sends a refund back, days later: the money is the merchant's again.
pub fn fail(world: &mut World, id: &str, ctx: &Ctx) -> Result<Refund, ApiError> {
    let mut refund = find(world, id)?;
    if refund.status != "succeeded" {
        return Err(ApiError::bad("Only a succeeded refund can fail later.").executed());
    }
    let before = json!({ "status": refund.status });
    refund.status = "failed".to_owned();
    refund.failure_reason = Some("expired_or_canceled_card".to_owned());
    world.stripe.refunds.put(id, refund.clone());
    let mut charge = charges::find(world, &refund.charge)?;
    charge.refunded -= refund.amount;
    world.stripe.charges.put(&charge.id.clone(), charge);
    emit(world, "refund.updated", refund.json(), Some(before.clone()), ctx);
    emit(world, "refund.failed", refund.json(), Some(before), ctx);
    Ok(refund)
}
