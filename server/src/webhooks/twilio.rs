//! `POST /webhooks/twilio/{practice}/sms` and `/status`: patients' replies and delivery reports.

use actix_web::{HttpRequest, HttpResponse, web};
use connect::channel::twilio::{
    self as vendor, CodeMeaning, OptOutType, parse_inbound, parse_status, twiml,
};
use domain::{card_number, practice::Practice};
use engine::{CarrierDid, DeliveryReport};

use super::{practice_of, raw_body};
use crate::{
    failure::{Answer, Failure},
    house::House,
};

pub(super) type Form = Vec<(String, String)>;

/// The practice and the form, once the signature over its public address is right (R27).
pub(super) async fn verified(
    request: &HttpRequest,
    house: &House,
    slug: &str,
    payload: web::Payload,
) -> Result<(Practice, Form), Failure> {
    let practice = practice_of(house, slug).await?;
    let body = raw_body(payload).await?;
    let form: Form = serde_urlencoded::from_bytes(&body)
        .map_err(|_| Failure::Malformed("The form cannot be read."))?;
    let account = {
        let mut db = house.store.read().await?;
        store::sender::load_texts(&mut db, &practice.id).await?
    };
    let account = account.ok_or(Failure::NotFound)?;
    // The configured public address, never the Host header: that one is the sender's to choose.
    let base = practice.settings.public_base.trim_end_matches('/');
    let url = format!("{base}{}", request.uri());
    let header = request.headers().get("x-twilio-signature");
    let header = header.and_then(|value| value.to_str().ok()).unwrap_or_default();
    if vendor::verify_signature(&account.auth_token.into(), &url, &form, header) {
        Ok((practice, form))
    } else {
        metrics::counter!("clearbill_webhooks_refused_total").increment(1);
        Err(Failure::Malformed("The request was refused."))
    }
}

/// A patient writes back. Answered with TwiML: silence, or one text.
pub async fn reply(
    request: HttpRequest,
    house: web::Data<House>,
    slug: web::Path<String>,
    payload: web::Payload,
) -> Answer {
    let (practice, form) = verified(&request, &house, &slug, payload).await?;
    let inbound = parse_inbound(&form).map_err(|_| Failure::Malformed("A field is missing."))?;
    let carrier = match inbound.opt_out_type {
        Some(OptOutType::Stop) => CarrierDid::Stopped,
        Some(OptOutType::Start) => CarrierDid::Started,
        Some(OptOutType::Help) => CarrierDid::Helped,
        None => CarrierDid::Nothing,
    };
    let reply = engine::Reply {
        practice: practice.id.clone(),
        provider_id: inbound.provider_id.clone(),
        from: inbound.from.clone(),
        to: inbound.to.clone(),
        // People do text their card: it is struck out before anything reads or keeps the words (R50).
        body: card_number::struck_out(&inbound.body),
        carrier,
    };
    let answer = house.engine.receive_reply(reply).await.map_err(Failure::broken)?;
    house.bell.notify_one();
    Ok(HttpResponse::Ok().content_type("text/xml; charset=utf-8").body(twiml(answer.as_deref())))
}

/// How far one of our texts came. May come twice, late, and in any order.
pub async fn status(
    request: HttpRequest,
    house: web::Data<House>,
    slug: web::Path<String>,
    payload: web::Payload,
) -> Answer {
    let (practice, form) = verified(&request, &house, &slug, payload).await?;
    let report = parse_status(&form).map_err(|_| Failure::Malformed("A field is missing."))?;
    let cause = match report.meaning() {
        Some(CodeMeaning::Never(cause)) => Some(cause),
        Some(CodeMeaning::Later) | None => None,
    };
    let report = DeliveryReport {
        provider_id: report.provider_id,
        status: report.status,
        word: report.raw_status,
        code: report.error_code,
        cause,
    };
    house.engine.record_report(&practice.id, report).await.map_err(Failure::broken)?;
    house.bell.notify_one();
    Ok(HttpResponse::NoContent().finish())
}
