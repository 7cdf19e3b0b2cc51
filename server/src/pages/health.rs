//! Whether the server lives, whether it may take work, and its numbers.

use actix_web::{HttpResponse, web};

use crate::{failure::Answer, house::House};

/// The process answers.
pub async fn alive() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok\n")
}

/// The process may take work: the database answers and has not failed to commit.
pub async fn ready(house: web::Data<House>) -> HttpResponse {
    let reachable = house.store.read().await.is_ok();
    if reachable && house.store.is_healthy() {
        HttpResponse::Ok().content_type("text/plain").body("ready\n")
    } else {
        HttpResponse::ServiceUnavailable().content_type("text/plain").body(if reachable {
            "the store has halted\n"
        } else {
            "the store is unreachable\n"
        })
    }
}

/// Prometheus text format. Counts and durations only, never a name or a token.
pub async fn metrics(house: web::Data<House>) -> Answer {
    Ok(HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(house.metrics.render()))
}
