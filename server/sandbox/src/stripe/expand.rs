//! `expand[]`: an id in an answer becomes the object it names.

use serde_json::{Value, json};

use super::{error::ApiError, objects::Session};
use crate::world::World;

/// Stripe's limits: four levels, and a bounded number of paths.
const MAX_LEVELS: usize = 4;
const MAX_PATHS: usize = 20;

pub fn apply(world: &World, mut body: Value, paths: &[String]) -> Result<Value, ApiError> {
    if paths.len() > MAX_PATHS {
        return Err(ApiError::bad("Too many expand paths.").param("expand"));
    }
    for path in paths {
        let names: Vec<&str> = path.split('.').collect();
        if names.len() > MAX_LEVELS {
            let message = "You can only expand 4 levels of a property.";
            return Err(ApiError::bad(message).param("expand"));
        }
        step(world, &mut body, &names, path)?;
    }
    Ok(body)
}

fn step(world: &World, node: &mut Value, names: &[&str], path: &str) -> Result<(), ApiError> {
    let Some((name, rest)) = names.split_first() else { return Ok(()) };
    if let Some(items) = node.as_array_mut() {
        return items.iter_mut().try_for_each(|item| step(world, item, names, path));
    }
    let included = included(world, node, name);
    let Some(fields) = node.as_object_mut() else { return Ok(()) };
    if let Some(value) = included {
        fields.insert((*name).to_owned(), value);
    }
    let Some(child) = fields.get_mut(*name) else {
        let shown: String = path.chars().take(80).collect();
        let message = format!("This property cannot be expanded ({shown}).");
        return Err(ApiError::bad(message).param("expand"));
    };
    if let Some(found) = child.as_str().and_then(|id| object(world, id)) {
        *child = found;
    }
    step(world, child, rest, path)
}

/// Lists that are left out unless asked for.
fn included(world: &World, node: &Value, name: &str) -> Option<Value> {
    match (node["object"].as_str()?, name) {
        ("checkout.session", "line_items") => {
            line_items(world.stripe.sessions.get(node["id"].as_str()?)?).ok()
        }
        ("charge", "refunds") => {
            let charge = node["id"].as_str()?;
            let refunds = world.stripe.refunds.newest_first();
            let data: Vec<Value> = refunds
                .filter(|(_, refund)| refund.charge == charge)
                .map(|(_, refund)| refund.json())
                .collect();
            let url = format!("/v1/charges/{charge}/refunds");
            Some(json!({ "object": "list", "data": data, "has_more": false, "url": url }))
        }
        _ => None,
    }
}

fn object(world: &World, id: &str) -> Option<Value> {
    let base = world.base();
    let stripe = &world.stripe;
    match id.split_once('_')?.0 {
        "pi" => stripe.intents.get(id).map(|row| row.json(base)),
        "ch" => stripe.charges.get(id).map(|row| row.json(base)),
        "pm" => stripe.methods.get(id).map(|row| row.json()),
        "re" => stripe.refunds.get(id).map(|row| row.json()),
        _ => None,
    }
}

pub fn line_items(session: &Session) -> Result<Value, ApiError> {
    let data: Vec<Value> = session.lines.iter().map(|line| line.json(session.created)).collect();
    let url = format!("/v1/checkout/sessions/{}/line_items", session.id);
    Ok(json!({ "object": "list", "data": data, "has_more": false, "url": url }))
}
