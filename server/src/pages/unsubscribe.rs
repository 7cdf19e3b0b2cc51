//! `GET /unsubscribe/{token}`: asks, and changes nothing (R78). The button, and mail programs, POST.

use actix_web::{HttpRequest, http::StatusCode, web};
use app::pages::{PatientShell, Unsubscribe};
use store::contact::Contact;

use super::pay::{html, strangers_shell};
use crate::{
    failure::{Answer, Failure},
    house::House,
    visit::{self, Visit},
};

pub async fn get(
    request: HttpRequest,
    house: web::Data<House>,
    visit: Visit,
    token: web::Path<String>,
) -> Answer {
    match named(&house, &visit, &token).await? {
        Some((contact, shell)) => {
            let model = Unsubscribe::Ask { token: token.into_inner(), contact: contact.masked };
            Ok(html(StatusCode::OK, model.html(&shell)))
        }
        None => gone(&house, &request, &visit).await,
    }
}

/// The contact a token names, and the frame of its practice's page.
pub async fn named(
    house: &House,
    visit: &Visit,
    token: &str,
) -> Result<Option<(Contact, PatientShell)>, Failure> {
    let Some((practice, contact)) = house.engine.read_unsubscribe_token(token) else {
        return Ok(None);
    };
    let mut db = house.store.read().await?;
    let practice = store::practice::load(&mut db, &practice).await?;
    let Some(practice) = practice else { return Ok(None) };
    let contact = store::contact::find(&mut db, &practice.id, &contact).await?;
    let Some(contact) = contact else { return Ok(None) };
    let known = store::guarantor::find_language(&mut db, &practice.id, &contact.guarantor).await?;
    let lang = visit.chosen_lang().or(known.map(crate::wording::lang_of)).or(visit.lang());
    let shell = visit::patient_shell(house, visit, &practice, lang.unwrap_or_default(), false);
    Ok(Some((contact, shell)))
}

pub async fn gone(house: &House, request: &HttpRequest, visit: &Visit) -> Answer {
    let shell = strangers_shell(house, request, visit, "/").await;
    Ok(html(StatusCode::NOT_FOUND, Unsubscribe::Gone.html(&shell)))
}
