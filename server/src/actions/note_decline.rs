//! The card form saw a decline. The processor is asked; if it says so too, the attempt is over and
//! the answer carries the form of the next one, so that another card can be tried at once (D-23).

use actix_web::{HttpResponse, http::StatusCode, web};
use domain::id::AttemptId;
use serde_json::json;

use super::submit_payment::{Step, again, declined, go, typed};
use crate::{
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    pages::pay::{broken_or_missing, decline_of, page_of},
    payer::{Payer, Reference, Standing},
    visit::Visit,
};

/// `POST /pay/declined`
pub async fn post(
    house: web::Data<House>,
    visit: Visit,
    posted: Result<Posted, Failure>,
) -> Answer {
    let posted = match posted {
        Err(Failure::Forgery) => return Ok(go("/pay")),
        posted => posted?,
    };
    house.limits.payments.check(visit.address())?;
    let payer = match Payer::of_reference(&house, &visit, posted.text("link")).await? {
        Reference::Valid(payer) | Reference::Lapsed(payer) => payer,
        Reference::Gone => return Ok(go("/pay")),
    };
    let attempt = AttemptId::trusted(posted.text("started"));
    let (practice, guarantor) = (&payer.practice.id, &payer.guarantor);
    let outcome = house.payments.confirm_returned(practice, guarantor, &attempt).await;
    match outcome.map_err(broken_or_missing)? {
        payments::Outcome::Declined { kind, declines } => {
            metrics::counter!("clearbill_declines_total").increment(1);
            let standing = {
                let mut db = house.store.read().await?;
                Standing::load(&house, &mut db, &payer).await?
            };
            let Standing::Payable(payable) = standing else { return Ok(go("/pay")) };
            if payable.too_many_declines {
                raise_alarm(&house, &payer).await?;
                return Ok(go("/pay"));
            }
            let typed = typed(&posted);
            let step = declined(payer, typed, decline_of(kind), declines);
            let Step::Again(payer, said, _) = step else { return Ok(go("/pay")) };
            again(&house, &visit, &payer, &said, StatusCode::OK).await
        }
        // Nothing is known to be wrong: the same form may be sent again.
        payments::Outcome::Open { .. } => Ok(HttpResponse::Ok().json(json!({}))),
        outcome => Ok(go(&page_of(&attempt, &outcome))),
    }
}

/// Many cards on one link are a thief's list rather than a patient's wallet: staff look (R76).
async fn raise_alarm(house: &House, payer: &Payer) -> Result<(), Failure> {
    metrics::counter!("clearbill_card_testing_total").increment(1);
    let (world, practice, guarantor) =
        (house.world.clone(), payer.practice.id.clone(), payer.guarantor.clone());
    let today = world.now().day_in(&payer.practice.zone());
    let key = format!("card_testing:{guarantor}:{today}");
    house
        .store
        .write(move |db| {
            let (world, practice, guarantor) = (world.clone(), practice.clone(), guarantor.clone());
            let key = key.clone();
            Box::pin(async move {
                let (about, kind) = (Some(&guarantor), "card_testing");
                store::task::insert(db, &world, &practice, about, kind, &key, None).await
            })
        })
        .await?;
    Ok(())
}
