//! `POST /staff/payments/{id}/posted` and `/staff/payments/posted`: the practice's system shows
//! these payments, or does not after all (D-11).

use actix_web::web;
use domain::{id::PaymentId, staff::Permission};

use super::choose_language::see_other;
use crate::{
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    pages::staff::payment::{acting, broken},
    session::Staff,
};

/// A page of the list, several times over.
const TOGETHER_MOST: usize = 500;

/// `POST /staff/payments/{id}/posted`
pub async fn post(
    house: web::Data<House>,
    staff: Staff,
    path: web::Path<String>,
    posted: Posted,
) -> Answer {
    staff.require(&house, Permission::MarkPosted).await?;
    let id: PaymentId = path.parse().map_err(|_| Failure::NotFound)?;
    let (practice, by) = (&staff.practice.id, acting(&staff));
    match posted.text("posted") {
        "yes" => {
            let ids = std::slice::from_ref(&id);
            house.payments.mark_posted(practice, ids, &by).await.map_err(broken)?;
            staff.visit.say("Marked as posted. The export does not have it any more.");
        }
        "no" => {
            house.payments.mark_unposted(practice, &id, &by).await.map_err(broken)?;
            staff.visit.say("Marked as not posted. The export has it again.");
        }
        _ => return Err(Failure::Malformed("Say whether it is posted.")),
    }
    Ok(see_other(&format!("/staff/payments/{id}")))
}

/// `POST /staff/payments/posted`
pub async fn several(house: web::Data<House>, staff: Staff, posted: Posted) -> Answer {
    staff.require(&house, Permission::MarkPosted).await?;
    let ids: Result<Vec<PaymentId>, _> = posted.all("payment").map(str::parse).collect();
    let ids = ids.map_err(|_| Failure::NotFound)?;
    if ids.len() > TOGETHER_MOST {
        return Err(Failure::TooLarge);
    }
    if ids.is_empty() {
        return Err(Failure::Malformed("Choose the payments that are posted, then press again."));
    }
    let marked = house.payments.mark_posted(&staff.practice.id, &ids, &acting(&staff)).await;
    let said = match marked.map_err(broken)? {
        1 => "1 payment marked as posted.".to_owned(),
        many => format!("{many} payments marked as posted."),
    };
    staff.visit.say(&said);
    Ok(see_other("/staff/payments"))
}
