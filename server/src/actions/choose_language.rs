//! English or Spanish, for as long as this browser keeps its cookies.

use actix_web::HttpResponse;
use app::words::Lang;

use crate::{
    failure::{Answer, Failure},
    form::Posted,
    session::local_path,
    visit::{Jar, Visit},
};

const YEAR_MS: i64 = 365 * 24 * 60 * 60 * 1000;

pub async fn post(visit: Visit, posted: Posted) -> Answer {
    let lang = Lang::from_code(posted.text("lang"));
    let lang = lang.ok_or(Failure::Malformed("Choose English or Spanish."))?;
    visit.keep(Jar::Lang, lang.code(), Some(YEAR_MS));
    let back = local_path(posted.text("back"), "/").unwrap_or_else(|| "/".into());
    Ok(see_other(&back))
}

/// 303 to a path of ours.
pub fn see_other(path: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header(("location", path)).finish()
}
