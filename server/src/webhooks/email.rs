//! `POST /webhooks/email/{practice}`: what an email service reports about addresses, signed with the
//! key the practice has stored. Without a key there is no such address.

use actix_web::{HttpRequest, HttpResponse, web};
use connect::channel::sendgrid::{EventKey, What, parse_events};
use engine::{MailEvent, MailEventKind};

use super::{practice_of, raw_body};
use crate::{
    clock::real_now,
    failure::{Answer, Failure},
    house::House,
};

pub async fn post(
    request: HttpRequest,
    house: web::Data<House>,
    slug: web::Path<String>,
    payload: web::Payload,
) -> Answer {
    let practice = practice_of(&house, &slug).await?;
    let body = raw_body(payload).await?;
    let key = {
        let mut db = house.store.read().await?;
        store::sender::load_mail_events(&mut db, &practice.id).await?
    };
    let key = key.and_then(|key| EventKey::parse(&key)).ok_or(Failure::NotFound)?;
    let header = |name: &str| {
        request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    };
    let timestamp = header("x-twilio-email-event-webhook-timestamp");
    let signature = header("x-twilio-email-event-webhook-signature");
    if !key.verifies(timestamp, signature, &body, real_now()) {
        metrics::counter!("clearbill_webhooks_refused_total").increment(1);
        return Err(Failure::Malformed("The request was refused."));
    }
    let events = parse_events(&body).ok_or(Failure::Malformed("No list of events."))?;
    for event in events {
        let event = MailEvent {
            id: event.id,
            kind: match event.what {
                What::Delivered => MailEventKind::Delivered,
                What::Bounced => MailEventKind::HardBounce,
                What::SoftBounced => MailEventKind::SoftBounce,
                What::ReportedAsSpam => MailEventKind::Complaint,
                What::Unsubscribed => MailEventKind::Unsubscribed,
            },
            address: event.address,
            message_id: event.message_id,
            word: event.word,
        };
        let done = house.engine.record_mail_event(&practice.id, event).await;
        done.map_err(Failure::broken)?;
    }
    house.bell.notify_one();
    Ok(HttpResponse::NoContent().finish())
}
