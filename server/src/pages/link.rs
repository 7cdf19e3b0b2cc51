//! "Get a new link": the form. The sending is [`crate::actions::send_new_link`].

use actix_web::{HttpRequest, http::StatusCode, web};
use app::pages::{NewLink, NoPractice};

use super::pay::{html, strangers_shell};
use crate::{
    failure::Answer,
    house::House,
    visit::{self, Visit},
};

/// `GET /link/new`
pub async fn new(request: HttpRequest, house: web::Data<House>, visit: Visit) -> Answer {
    let shell = strangers_shell(&house, &request, &visit, "/link/new").await;
    if visit::practice_at_hand(&house, &request, &visit).await?.is_none() {
        return Ok(html(StatusCode::NOT_FOUND, NoPractice.html(&shell)));
    }
    Ok(html(StatusCode::OK, NewLink::default().html(&shell)))
}
