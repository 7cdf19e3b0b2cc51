//! `POST /reports/blocked`: browsers tell here what a page's policy made them block (R49). Small, few
//! from one address and few in all; nothing else of a report is read than [`crate::blocked`] says.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use futures_util::StreamExt;

use crate::{
    blocked,
    clock::real_now,
    failure::{Answer, Failure},
    house::House,
    visit::Visit,
};

/// Where every page's policy sends them.
pub const PATH: &str = "/reports/blocked";
/// A report is a few hundred bytes; browsers send a handful together.
const LARGEST: usize = 16 * 1024;
const KINDS: [&str; 3] = ["application/csp-report", "application/reports+json", "application/json"];

pub async fn post(
    request: HttpRequest,
    house: web::Data<House>,
    visit: Visit,
    mut payload: web::Payload,
) -> Answer {
    house.limits.reports.check(visit.address())?;
    house.limits.all_reports.check("")?;
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    if !KINDS.contains(&kind) {
        return Err(Failure::Malformed("Only reports of browsers are taken here."));
    }
    let mut body = web::BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Failure::Malformed("The report arrived incomplete."))?;
        if body.len() + chunk.len() > LARGEST {
            return Err(Failure::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    let reports = blocked::read(&body).ok_or(Failure::Malformed("The report cannot be read."))?;
    for report in reports {
        house.blocked.add(report, real_now());
    }
    Ok(HttpResponse::NoContent().finish())
}
