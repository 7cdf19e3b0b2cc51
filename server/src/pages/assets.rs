//! Stylesheets and scripts under names that hold their hash, kept by browsers for ever.

use actix_web::{HttpResponse, http::header, web};

use crate::failure::{Answer, Failure};

pub async fn get(file: web::Path<String>) -> Answer {
    let found = app::assets::find(&file).ok_or(Failure::NotFound)?;
    Ok(HttpResponse::Ok()
        .content_type(found.content_type)
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(found.bytes.into_owned()))
}

/// Browsers ask for an icon by themselves; there is none, and that is no error.
pub async fn no_icon() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((header::CACHE_CONTROL, "public, max-age=86400"))
        .finish()
}
