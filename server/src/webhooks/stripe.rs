//! `POST /webhooks/stripe/{practice}`: 200 once the event is durable; settling follows (decision 4).

use actix_web::{HttpRequest, HttpResponse, web};
use payments::{Accepted, BadWebhook};

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
    let signature = request.headers().get("stripe-signature");
    let signature = signature.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let now_s = real_now().0 / 1000;
    match house.payments.accept_webhook(&practice.id, &body, signature, now_s).await {
        Ok(Accepted::New) => {
            house.payments_bell.notify_one();
            Ok(HttpResponse::Ok().finish())
        }
        Ok(Accepted::Again) => Ok(HttpResponse::Ok().finish()),
        Err(BadWebhook::Nobody) => Err(Failure::NotFound),
        Err(BadWebhook::Inside(cause)) => Err(Failure::broken(cause)),
        Err(_) => Err(Failure::Malformed("The event was refused.")),
    }
}
