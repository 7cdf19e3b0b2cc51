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

/// The holder asks the bank for the money back, or the bank merely asks. One at a time: after one
/// has ended another may follow.
pub fn dispute(
    world: &mut World,
    charge: &str,
    reason: &str,
    is_inquiry: bool,
    ctx: &Ctx,
) -> Result<Dispute, ApiError> {
    let mut charge = find(world, charge)?;
    let is_open = |other: &Dispute| other.charge == charge.id && !other.is_closed();
    let is_busy = world.stripe.disputes.oldest_first().any(|(_, other)| is_open(other));
    if !charge.succeeded || is_busy {
        return Err(ApiError::bad(
            "Only a captured charge without an open dispute can be disputed.",
        ));
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
        status: if is_inquiry { "warning_needs_response" } else { "needs_response" }.to_owned(),
        brand: charge.card.brand.clone(),
        metadata: Default::default(),
    };
    world.stripe.disputes.put(&dispute.id, dispute.clone());
    emit(world, "charge.dispute.created", dispute.json(), None, ctx);
    if !is_inquiry {
        emit(world, "charge.dispute.funds_withdrawn", dispute.json(), None, ctx);
    }
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
    if dispute.is_closed() {
        return Err(ApiError::bad("This dispute is already closed.").executed());
    }
    let before = json!({ "status": dispute.status });
    let is_inquiry = dispute.is_inquiry();
    dispute.status = match (is_inquiry, won) {
        (true, _) => "warning_closed",
        (false, true) => "won",
        (false, false) => "lost",
    }
    .to_owned();
    world.stripe.disputes.put(id, dispute.clone());
    if won && !is_inquiry {
        emit(world, "charge.dispute.funds_reinstated", dispute.json(), None, ctx);
    }
    emit(world, "charge.dispute.closed", dispute.json(), Some(before), ctx);
    Ok(dispute)
}

pub fn find_dispute(world: &World, id: &str) -> Result<Dispute, ApiError> {
    let dispute = world.stripe.disputes.get(id).cloned();
    dispute.ok_or_else(|| ApiError::no_such("dispute", id, "dispute"))
}

/// A dispute keeps the money from being refunded until it is won; a mere question does not.
pub fn is_charged_back(world: &World, charge: &str) -> bool {
    let mut disputes = world.stripe.disputes.oldest_first();
    disputes.any(|(_, d)| d.charge == charge && d.status != "won" && !d.is_inquiry())
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
        .filter(|(_, dispute)| dispute.status != "won" && !dispute.is_inquiry())
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
