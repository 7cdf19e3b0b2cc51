//! Charges: one for each try of a card, kept whether or not it went through, as Stripe keeps them.

use serde_json::{Value, json};

use super::{
    Ctx,
    cards::Decline,
    endpoints::emit,
    error::ApiError,
    objects::{Charge, Dispute, Intent, Method},
};
use crate::world::World;

/// How a try ended.
pub enum Attempt<'a> {
    Captured,
    Declined(&'a Decline),
}

pub fn record(
    world: &mut World,
    intent: &Intent,
    method: &Method,
    attempt: Attempt<'_>,
    ctx: &Ctx,
) -> Charge {
    let decline = match attempt {
        Attempt::Captured => None,
        Attempt::Declined(decline) => Some(decline),
    };
    let charge = Charge {
        id: world.mint("ch_", 24),
        intent: intent.id.clone(),
        amount: intent.amount,
        refunded: 0,
        currency: intent.currency.clone(),
        created: world.now_seconds(),
        succeeded: decline.is_none(),
        disputed: false,
        failure_code: decline.map(|decline| decline.code.clone()),
        failure_message: decline.map(|decline| decline.message.clone()),
        decline_code: decline.and_then(|decline| decline.decline_code.clone()),
        network_code: decline.map(|decline| decline.network_code().to_owned()),
        method: method.id.clone(),
        card: method.card.clone(),
        billing: method.billing.clone(),
        metadata: intent.metadata.clone(),
        description: intent.description.clone(),
        receipt_email: intent.receipt_email.clone(),
        customer: intent.customer.clone(),
        statement_descriptor: intent.statement_descriptor.clone(),
        statement_descriptor_suffix: intent.statement_descriptor_suffix.clone(),
    };
    world.stripe.charges.put(&charge.id, charge.clone());
    let kind = if charge.succeeded { "charge.succeeded" } else { "charge.failed" };
    let object = charge.json(world.base());
    emit(world, kind, object, None, ctx);
    charge
}

pub fn find(world: &World, id: &str) -> Result<Charge, ApiError> {
    let charge = world.stripe.charges.get(id).cloned();
    charge.ok_or_else(|| ApiError::no_such("charge", id, "id"))
}

/// The holder asks the bank for the money back.
pub fn dispute(
    world: &mut World,
    charge: &str,
    reason: &str,
    ctx: &Ctx,
) -> Result<Dispute, ApiError> {
    let mut charge = find(world, charge)?;
    if !charge.succeeded || charge.disputed {
        return Err(ApiError::bad("Only a captured charge can be disputed, and only once."));
    }
    charge.disputed = true;
    world.stripe.charges.put(&charge.id, charge.clone());
    let dispute = Dispute {
        id: world.mint("dp_", 24),
        charge: charge.id.clone(),
        intent: charge.intent.clone(),
        amount: charge.amount - charge.refunded,
        currency: charge.currency.clone(),
        created: world.now_seconds(),
        reason: reason.to_owned(),
        status: "needs_response".to_owned(),
        brand: charge.card.brand.clone(),
        metadata: Default::default(),
    };
    world.stripe.disputes.put(&dispute.id, dispute.clone());
    emit(world, "charge.dispute.created", dispute.json(), None, ctx);
    emit(world, "charge.dispute.funds_withdrawn", dispute.json(), None, ctx);
    Ok(dispute)
}

/// The bank decided: `won` gives the money back to the merchant.
pub fn close_dispute(
    world: &mut World,
    id: &str,
    won: bool,
    ctx: &Ctx,
) -> Result<Dispute, ApiError> {
    let mut dispute = find_dispute(world, id)?;
    if matches!(dispute.status.as_str(), "won" | "lost") {
        return Err(ApiError::bad("This dispute is already closed.").executed());
    }
    let before = json!({ "status": dispute.status });
    dispute.status = if won { "won" } else { "lost" }.to_owned();
    world.stripe.disputes.put(id, dispute.clone());
    if won {
        emit(world, "charge.dispute.funds_reinstated", dispute.json(), None, ctx);
    }
    emit(world, "charge.dispute.closed", dispute.json(), Some(before), ctx);
    Ok(dispute)
}

pub fn find_dispute(world: &World, id: &str) -> Result<Dispute, ApiError> {
    let dispute = world.stripe.disputes.get(id).cloned();
    dispute.ok_or_else(|| ApiError::no_such("dispute", id, "dispute"))
}

/// What the account holds: captured less refunded less disputes not won.
pub fn balance(world: &World) -> Value {
    let captured: i64 = world
        .stripe
        .charges
        .oldest_first()
        .map(|(_, charge)| charge.captured() - charge.refunded)
        .sum();
    let withdrawn: i64 = world
        .stripe
        .disputes
        .oldest_first()
        .filter(|(_, dispute)| dispute.status != "won")
        .map(|(_, dispute)| dispute.amount)
        .sum();
    let amount = captured - withdrawn;
    let source = json!({ "card": amount });
    json!({
        "object": "balance",
        "available": [{ "amount": amount, "currency": "usd", "source_types": source }],
        "livemode": false,
        "pending": [{ "amount": 0, "currency": "usd", "source_types": { "card": 0 } }],
    })
}
