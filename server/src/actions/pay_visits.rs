//! `POST /account/pay`: the visits ticked on the bill, on the way to Make a Payment.

use std::collections::BTreeSet;

use actix_web::{http::StatusCode, web};
use app::refusal::Refusal;
use domain::{
    id::{ClaimId, GuarantorId},
    money::Cents,
};

use super::choose_language::see_other;
use crate::{
    choice::Choice,
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    pages::bill::{self, Loaded, denied, own_account},
    session::Patient,
};

pub async fn post(house: web::Data<House>, patient: Patient, posted: Posted) -> Answer {
    let account = account_of(&house, &patient, &posted).await?;
    let loaded = bill::load(&house, &patient, &account).await?;
    let ticked: BTreeSet<&str> = posted.all("claim").collect();
    let known = |id: &str| loaded.bill.claims.iter().any(|claim| claim.id.as_str() == id);
    if let Some(foreign) = ticked.iter().find(|id| !known(id)) {
        return Err(denied(&house, &patient, "claim", foreign).await);
    }
    if !loaded.can_pay_online || !loaded.account.due.is_positive() {
        return Ok(see_other(&format!("/account?of={account}")));
    }
    let Some(choice) = choice_of(&account, &loaded, &ticked) else {
        let refusals = vec![Refusal::NoVisitChosen];
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return bill::answer(&house, &patient, loaded, status, refusals).await;
    };
    choice.keep(&house, &patient);
    Ok(see_other("/pay"))
}

/// Somebody with several accounts says which; whoever has one need not.
async fn account_of(
    house: &House,
    patient: &Patient,
    posted: &Posted,
) -> Result<GuarantorId, Failure> {
    match (posted.filled("account"), patient.guarantors.as_slice()) {
        (Some(named), _) => own_account(house, patient, named).await,
        (None, [only]) => Ok(only.clone()),
        (None, _) => Err(Failure::Malformed("Choose the account on its own page.")),
    }
}

/// Everything when every box is ticked, or when there is nothing to tick; else the sum of the ticked
/// visits. A visit that was covered since the page was shown is left out. `None`: nothing is chosen.
fn choice_of(account: &GuarantorId, loaded: &Loaded, ticked: &BTreeSet<&str>) -> Option<Choice> {
    let choosable = loaded.choosable();
    let everything = Choice { guarantor: account.clone(), claims: Vec::new(), amount: None };
    if choosable.is_empty() {
        return Some(everything);
    }
    let chosen: Vec<(&ClaimId, Cents)> = choosable
        .iter()
        .filter(|(id, _)| ticked.contains(id.as_str()))
        .map(|(id, left)| (id, *left))
        .collect();
    if chosen.is_empty() {
        return None;
    }
    let claims = chosen.iter().map(|(id, _)| (*id).clone()).collect();
    if chosen.len() == choosable.len() {
        return Some(Choice { claims, ..everything });
    }
    let amount = chosen.into_iter().map(|(_, left)| left).sum();
    Some(Choice { claims, amount: Some(amount), ..everything })
}
