//! Whether the server lives, whether it may take work, and its numbers.

use std::fmt::Write as _;

use actix_web::{HttpResponse, web};
use app::pages::staff::Colour;

use crate::{failure::Answer, health, house::House};

/// The process answers.
pub async fn alive() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok\n")
}

/// The process may take work: the database answers and has not failed to commit. What else is red
/// is named below, one line each; it does not keep patients away.
pub async fn ready(house: web::Data<House>) -> HttpResponse {
    let checks = match health::of_server(&house).await {
        Ok(checks) if house.store.is_healthy() => checks,
        Ok(_) => return unready("the store has halted\n"),
        Err(_) => return unready("the store is unreachable\n"),
    };
    let mut body = String::from("ready\n");
    for check in checks.into_iter().filter(|check| check.colour == Colour::Red) {
        let _ = writeln!(body, "red: {}: {}", check.name, check.found);
    }
    HttpResponse::Ok().content_type("text/plain").body(body)
}

fn unready(words: &'static str) -> HttpResponse {
    HttpResponse::ServiceUnavailable().content_type("text/plain").body(words)
}

/// Prometheus text format. Counts and durations only, never a name or a token.
pub async fn metrics(house: web::Data<House>) -> Answer {
    Ok(HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(house.metrics.render()))
}
