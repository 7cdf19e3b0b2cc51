//! `POST /unsubscribe/{token}`: the page's button, and mail programs themselves, without cookies and
//! without a redirect (RFC 8058, R78). The address is the whole proof, so it needs no form token;
//! it can only stop reminders to that one email, and doing it twice is the same as once.

use actix_web::{HttpRequest, http::StatusCode, web};
use app::pages::Unsubscribe;
use engine::{EngineError, Refusal};

use crate::{
    failure::{Answer, Failure},
    house::House,
    pages::{
        pay::html,
        unsubscribe::{gone, named},
    },
    visit::Visit,
};

pub async fn post(
    request: HttpRequest,
    house: web::Data<House>,
    visit: Visit,
    token: web::Path<String>,
) -> Answer {
    match house.engine.unsubscribe(&token).await {
        Ok(_) => house.bell.notify_one(),
        Err(EngineError::Refused(Refusal::BadToken)) => {
            return gone(&house, &request, &visit).await;
        }
        Err(cause) => return Err(Failure::broken(cause)),
    }
    match named(&house, &visit, &token).await? {
        Some((contact, shell)) => {
            let model = Unsubscribe::Done { contact: contact.masked };
            Ok(html(StatusCode::OK, model.html(&shell)))
        }
        None => gone(&house, &request, &visit).await,
    }
}
