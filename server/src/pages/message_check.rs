//! "Is this message real?": the form. The answer is [`crate::actions::check_message`].

use actix_web::{HttpRequest, http::StatusCode, web};
use app::pages::{MessageCheck, NoPractice};

use super::{
    front::senders,
    pay::{html, strangers_shell},
};
use crate::{
    failure::Answer,
    house::House,
    visit::{self, Visit},
};

/// `GET /check-message`
pub async fn get(request: HttpRequest, house: web::Data<House>, visit: Visit) -> Answer {
    let shell = strangers_shell(&house, &request, &visit, "/check-message").await;
    match visit::practice_at_hand(&house, &request, &visit).await? {
        Some(practice) => {
            let model = MessageCheck { senders: senders(&practice), ..MessageCheck::default() };
            Ok(html(StatusCode::OK, model.html(&shell)))
        }
        None => Ok(html(StatusCode::NOT_FOUND, NoPractice.html(&shell))),
    }
}
