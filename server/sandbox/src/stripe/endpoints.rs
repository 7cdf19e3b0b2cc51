//! Events, and the endpoints that want to hear of them.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{
    API_VERSION, Ctx,
    error::ApiError,
    intents::check_names,
    objects::{Endpoint, Event},
    params::Params,
};
use crate::{
    delivery::{Outgoing, Parcel},
    world::World,
};

/// Stripe's limit on endpoints of an account.
const MAX_ENDPOINTS: usize = 16;

/// Records an event and queues it for every endpoint that wants it.
pub fn emit(world: &mut World, kind: &str, object: Value, previous: Option<Value>, ctx: &Ctx) {
    let event = Event {
        id: world.mint("evt_", 24),
        kind: kind.to_owned(),
        created: world.now_seconds(),
        object,
        previous,
        request: Some(ctx.request.clone()).filter(|id| !id.is_empty()),
        idempotency_key: ctx.idempotency_key.clone(),
    };
    let wanting: Vec<String> = world
        .stripe
        .endpoints
        .oldest_first()
        .filter(|(_, endpoint)| endpoint.wants(kind))
        .map(|(id, _)| id.to_owned())
        .collect();
    for endpoint in wanting {
        let parcel = Parcel::Event { event: event.id.clone(), endpoint };
        Outgoing::queue(world, parcel);
    }
    world.stripe.events.put(&event.id.clone(), event);
}

/// How many endpoints have not accepted this event yet.
pub fn pending(world: &World, event: &str) -> usize {
    let waits = |outgoing: &Outgoing| matches!(&outgoing.parcel, Parcel::Event { event: id, .. } if id == event);
    world.outbox.oldest_first().filter(|(_, outgoing)| waits(outgoing)).count()
}

pub fn event_json(world: &World, event: &Event) -> Value {
    event.json(API_VERSION, pending(world, &event.id))
}

/// `Stripe-Signature` over the raw body.
pub fn signature(secret: &str, body: &[u8], unix_seconds: i64) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("{unix_seconds}.").as_bytes());
    mac.update(body);
    format!("t={unix_seconds},v1={}", hex::encode(mac.finalize().into_bytes()))
}

/// Adds an endpoint, or gives one with the same address this secret.
pub fn set(world: &mut World, url: &str, secret: &str) -> String {
    let same = world.stripe.endpoints.oldest_first().find(|(_, known)| known.url == url);
    if let Some((id, endpoint)) = same {
        let (id, mut endpoint) = (id.to_owned(), endpoint.clone());
        endpoint.secret = secret.to_owned();
        endpoint.enabled = true;
        world.stripe.endpoints.put(&id, endpoint);
        return id;
    }
    let endpoint = Endpoint {
        id: world.mint("we_", 24),
        created: world.now_seconds(),
        url: url.to_owned(),
        secret: secret.to_owned(),
        enabled_events: vec!["*".to_owned()],
        enabled: true,
        description: None,
        api_version: Some(API_VERSION.to_owned()),
        metadata: Default::default(),
    };
    let id = endpoint.id.clone();
    world.stripe.endpoints.put(&id, endpoint);
    id
}

pub fn create(world: &mut World, params: &Params) -> Result<Value, ApiError> {
    const NAMES: &[&str] =
        &["api_version", "connect", "description", "enabled_events", "expand", "metadata", "url"];
    check_names(params, NAMES)?;
    if world.stripe.endpoints.len() >= MAX_ENDPOINTS {
        let message = "You have reached the maximum of 16 test webhook endpoints.";
        return Err(ApiError::bad(message));
    }
    let url = checked_url(params.required("url")?)?;
    let enabled_events = params.texts("enabled_events");
    if enabled_events.is_empty() {
        return Err(ApiError::missing("enabled_events"));
    }
    let mut metadata = Default::default();
    params.merge_metadata("metadata", &mut metadata)?;
    let endpoint = Endpoint {
        id: world.mint("we_", 24),
        created: world.now_seconds(),
        url,
        secret: world.mint("whsec_", 32),
        enabled_events,
        enabled: true,
        description: params.text("description").map(str::to_owned),
        api_version: params.text("api_version").map(str::to_owned),
        metadata,
    };
    world.stripe.endpoints.put(&endpoint.id, endpoint.clone());
    Ok(endpoint.json(true))
}

fn checked_url(url: &str) -> Result<String, ApiError> {
    if url.len() > 2_000 || !(url.starts_with("http://") || url.starts_with("https://")) {
        return Err(ApiError::bad("Invalid URL: must be http or https.").param("url"));
    }
    Ok(url.to_owned())
}

pub fn find(world: &World, id: &str) -> Result<Endpoint, ApiError> {
    let endpoint = world.stripe.endpoints.get(id).cloned();
    endpoint.ok_or_else(|| ApiError::no_such("webhook endpoint", id, "webhook_endpoint"))
}

pub fn update(world: &mut World, id: &str, params: &Params) -> Result<Value, ApiError> {
    check_names(
        params,
        &["description", "disabled", "enabled_events", "expand", "metadata", "url"],
    )?;
    let mut endpoint = find(world, id)?;
    if let Some(url) = params.text("url") {
        endpoint.url = checked_url(url)?;
    }
    let events = params.texts("enabled_events");
    if !events.is_empty() {
        endpoint.enabled_events = events;
    }
    if params.has("disabled") {
        endpoint.enabled = !params.flag("disabled");
    }
    if params.has("description") {
        endpoint.description = params.text("description").map(str::to_owned);
    }
    params.merge_metadata("metadata", &mut endpoint.metadata)?;
    world.stripe.endpoints.put(id, endpoint.clone());
    Ok(endpoint.json(false))
}

pub fn delete(world: &mut World, id: &str) -> Result<Value, ApiError> {
    find(world, id)?;
    world.stripe.endpoints.remove(id);
    Ok(json!({ "id": id, "object": "webhook_endpoint", "deleted": true }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_one_the_official_library_accepts() {
        let body = br#"{"id":"evt_test_webhook","object":"event","type":"payment_intent.succeeded","data":{"object":{"id":"pi_123","object":"payment_intent"}}}"#;
        let expected =
            "t=1700000000,v1=f5ded8d1ebdafdd8290892480475b9ff2f0c5fd9ccd1d5d7623810fab3087eec";
        assert_eq!(signature("whsec_test_secret", body, 1_700_000_000), expected);
    }
}
