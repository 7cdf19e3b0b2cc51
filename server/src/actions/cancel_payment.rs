//! *Cancel it and start again*: ends the attempt that is in the way. The processor decides; if it was
//! paid after all, the receipt is the answer.

use actix_web::{HttpRequest, web};
use domain::id::AttemptId;
use payments::Outcome;

use super::choose_language::see_other;
use crate::{
    failure::Answer,
    form::Posted,
    house::House,
    pages::pay::{broken_or_missing, link_gone, page_of},
    payer::{Payer, Reference},
    visit::Visit,
};

/// `POST /pay/cancel`
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
    payer.keep_pass(&house, &visit);
    let attempt = AttemptId::trusted(posted.text("attempt"));
    let (practice, guarantor) = (&payer.practice.id, &payer.guarantor);
    let outcome = house.payments.cancel(practice, guarantor, &attempt).await;
    let outcome = outcome.map_err(broken_or_missing)?;
    Ok(see_other(&match &outcome {
        Outcome::Over { .. } | Outcome::Declined { .. } => "/pay".to_owned(),
        outcome => page_of(&attempt, outcome),
    }))
}
