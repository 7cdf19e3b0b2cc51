//! "This isn't me": asks once more, because stopping a contact stops it for everybody.

use actix_web::{HttpRequest, http::StatusCode, web};
use app::pages::NotMe;
use serde::Deserialize;

use super::pay::{html, no_pass};
use crate::{failure::Answer, house::House, payer::Payer, visit::Visit};

#[derive(Deserialize)]
pub struct Query {
    /// Which of the open links: the start of its hash, which opens nothing.
    of: Option<String>,
}

/// `GET /not-me`
pub async fn get(
    request: HttpRequest,
    house: web::Data<House>,
    visit: Visit,
    query: web::Query<Query>,
) -> Answer {
    let Some(payer) = Payer::of_open_link(&house, &visit, query.of.as_deref()).await? else {
        return no_pass(&house, &request, &visit).await;
    };
    let lang = payer.lang(&mut house.store.read().await?, &visit).await?;
    let shell = payer.shell(&house, &visit, lang, "/not-me");
    let model = NotMe::Ask { link: payer.reference(&house) };
    Ok(html(StatusCode::OK, model.html(&shell)))
}
