//! "This isn't me", confirmed: that contact is written to no more, and staff get a task.

use actix_web::{HttpRequest, http::StatusCode, web};
use app::pages::NotMe;

use crate::{
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    pages::pay::{html, link_gone},
    payer::{Payer, Reference},
    visit::Visit,
};

/// `POST /not-me`
pub async fn post(
    request: HttpRequest,
    house: web::Data<House>,
    visit: Visit,
    posted: Posted,
) -> Answer {
    house.limits.payments.check(visit.address())?;
    let payer = match Payer::of_reference(&house, &visit, posted.text("link")).await? {
        Reference::Valid(payer) | Reference::Lapsed(payer) => payer,
        Reference::Gone => return link_gone(&house, &request, &visit).await,
    };
    let lang = payer.lang(&mut house.store.read().await?, &visit).await?;
    if let Some(contact) = payer.link().and_then(|link| link.contact.clone()) {
        let stopped = house.engine.report_wrong_contact(&payer.practice.id, &contact);
        stopped.await.map_err(Failure::broken)?;
        house.bell.notify_one();
    }
    let shell = payer.shell(&house, &visit, lang, "/");
    Ok(html(StatusCode::OK, NotMe::Done.html(&shell)))
}
