//! `POST /staff/payments/{id}/undo`: takes one match back.

use actix_web::web;
use domain::{
    id::{JournalId, PaymentId},
    payment::Refusal,
    staff::Permission,
};
use payments::PayError;

use super::{apply_payment::version_of, choose_language::see_other};
use crate::{
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    pages::staff::payment::{self, Typed, acting, broken},
    session::Staff,
};

pub async fn post(
    house: web::Data<House>,
    staff: Staff,
    path: web::Path<String>,
    posted: Posted,
) -> Answer {
    staff.require(&house, Permission::ApplyPayments).await?;
    let id: PaymentId = path.parse().map_err(|_| Failure::NotFound)?;
    let journal: JournalId = posted.text("journal").parse().map_err(|_| Failure::NotFound)?;
    let version = version_of(&posted)?;
    let practice = &staff.practice.id;
    let mut db = house.store.read().await?;
    let of = store::posting::find_payment(&mut db, practice, &journal).await?;
    drop(db);
    if of.as_ref() != Some(&id) {
        return Err(Failure::NotFound);
    }
    match house.payments.unapply(practice, &journal, version, &acting(&staff)).await {
        Ok(_) => {
            staff.visit.say("The match was taken back; its money is unapplied again.");
            Ok(see_other(&format!("/staff/payments/{id}")))
        }
        Err(PayError::Refused(Refusal::NotFound)) => Err(Failure::NotFound),
        Err(PayError::Refused(refusal)) => {
            let typed = Typed { refusal: Some(refusal), ..Typed::default() };
            payment::show(&house, &staff, &id, Some(typed)).await
        }
        Err(cause) => Err(broken(cause)),
    }
}
