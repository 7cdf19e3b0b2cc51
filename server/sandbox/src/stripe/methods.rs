//! Payment methods: a card read once, kept as brand and last four.

use serde_json::Value;

use super::{
    cards::{self, Card},
    error::ApiError,
    objects::{Billing, Method},
    params::Params,
};
use crate::world::World;

/// Year and month now, for expiry dates.
pub fn today(world: &World) -> (i64, i64) {
    let day = world.now().day_in(&jiff::tz::TimeZone::UTC);
    (i64::from(day.year()), i64::from(day.month()))
}

pub fn create(world: &mut World, params: &Params) -> Result<Value, ApiError> {
    Ok(read(world, params)?.json())
}

/// The payment method a request names or describes, if it does.
pub fn given(world: &mut World, params: &Params) -> Result<Option<Method>, ApiError> {
    if let Some(data) = params.get("payment_method_data") {
        return read(world, &data.clone()).map(Some);
    }
    if let Some(token) = params.text("confirmation_token") {
        let id = token.replacen("ctoken_", "pm_", 1);
        let method = world.stripe.methods.get(&id).cloned();
        return method
            .map(Some)
            .ok_or_else(|| ApiError::no_such("confirmation_token", token, "confirmation_token"));
    }
    let Some(id) = params.text("payment_method") else { return Ok(None) };
    if let Some(card) = cards::named(id, today(world)) {
        return Ok(Some(keep(world, card, Billing::default(), Default::default())));
    }
    let method = world.stripe.methods.get(id).cloned();
    method.map(Some).ok_or_else(|| ApiError::no_such("PaymentMethod", id, "payment_method"))
}

pub fn find(world: &World, id: &str) -> Result<Method, ApiError> {
    let method = world.stripe.methods.get(id).cloned();
    method.ok_or_else(|| ApiError::no_such("PaymentMethod", id, "payment_method"))
}

fn read(world: &mut World, params: &Params) -> Result<Method, ApiError> {
    match params.required("type")? {
        "card" => {}
        other => {
            let shown: String = other.chars().take(40).collect();
            let message = format!("The payment method type \"{shown}\" is invalid.");
            return Err(ApiError::bad(message).param("type"));
        }
    }
    let today = today(world);
    let card = match params.text("card.token") {
        Some("tok_visa") => cards::named("pm_card_visa", today),
        Some("tok_sandbox_wallet") => Some(cards::wallet("google_pay", today)),
        Some(token) => return Err(ApiError::no_such("token", token, "card[token]")),
        None => None,
    };
    let card = match card {
        Some(card) => card,
        None => {
            let number = params.required("card.number")?;
            let month = params.integer("card.exp_month")?.ok_or_else(missing("exp_month"))?;
            let year = params.integer("card.exp_year")?.ok_or_else(missing("exp_year"))?;
            cards::read(number, month, year, params.text("card.cvc"), today)?
        }
    };
    let mut metadata = Default::default();
    params.merge_metadata("metadata", &mut metadata)?;
    Ok(keep(world, card, billing(params), metadata))
}

fn missing(name: &str) -> impl FnOnce() -> ApiError + '_ {
    move || ApiError::missing(&format!("card[{name}]"))
}

fn billing(params: &Params) -> Billing {
    let text = |path: &str| {
        let text = params.text(&format!("billing_details.{path}"));
        text.map(|text| text.chars().take(200).collect())
    };
    Billing {
        name: text("name"),
        email: text("email"),
        phone: text("phone"),
        line1: text("address.line1"),
        city: text("address.city"),
        state: text("address.state"),
        postal_code: text("address.postal_code"),
        country: text("address.country"),
    }
}

/// Stores a card as a payment method of its own.
pub fn keep(
    world: &mut World,
    card: Card,
    billing: Billing,
    metadata: super::objects::Metadata,
) -> Method {
    let (id, created) = (world.mint("pm_", 24), world.now_seconds());
    let method = Method { id, created, card, billing, metadata };
    world.stripe.methods.put(&method.id, method.clone());
    method
}
