//! What vendors send us: verified, made durable, answered; processed afterwards. A failure of ours
//! answers 5xx, so that the vendor comes again.

use actix_web::web;
use domain::practice::Practice;
use futures_util::StreamExt;

use crate::{failure::Failure, house::House};

pub mod calls;
pub mod email;
pub mod menu;
pub mod stripe;
pub mod twilio;

/// Larger bodies are no vendor's (R20).
const LARGEST: usize = 256 * 1024;

async fn practice_of(house: &House, slug: &str) -> Result<Practice, Failure> {
    let mut db = house.store.read().await?;
    store::practice::find_by_slug(&mut db, slug).await?.ok_or(Failure::NotFound)
}

/// The raw body: signatures are over exactly these bytes.
async fn raw_body(mut payload: web::Payload) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Failure::Malformed("The body arrived incomplete."))?;
        if body.len() + chunk.len() > LARGEST {
            return Err(Failure::Malformed("The body is too large."));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
