//! The receipt of a settled payment, for whoever may pay on its account (R07). It names nobody.

use actix_web::{http::StatusCode, web};
use app::pages::Receipt;
use domain::{id::AttemptId, money::Cents, payment::AttemptState};
use payments::PayError;
use store::{Db, message, payment::Payment};

use super::pay::{html, told_at};
use crate::{
    actions::choose_language::see_other,
    choice::Choice,
    failure::{Answer, Failure},
    house::House,
    payer::{Payer, Standing},
    visit::Visit,
};

/// `GET /receipt/{attempt}`
pub async fn get(house: web::Data<House>, visit: Visit, id: web::Path<String>) -> Answer {
    let id = AttemptId::trusted(id.into_inner());
    for payer in Payer::list(&house, &visit).await? {
        let (practice, guarantor) = (&payer.practice.id, &payer.guarantor);
        match house.payments.receipt(practice, guarantor, &id).await {
            Ok(receipt) => return page(&house, &visit, &payer, &id, receipt).await,
            Err(PayError::Refused(_)) => {}
            Err(PayError::Store(cause)) => return Err(cause.into()),
        }
        let mut db = house.store.read().await?;
        let attempt = payer.find_attempt(&mut db, &id).await?;
        if attempt.is_some_and(|attempt| is_under_way(attempt.state)) {
            return Ok(see_other(&format!("/pay/checking/{id}")));
        }
    }
    Err(Failure::NotFound)
}

const fn is_under_way(state: AttemptState) -> bool {
    matches!(state, AttemptState::Processing | AttemptState::Unknown)
}

async fn page(
    house: &House,
    visit: &Visit,
    payer: &Payer,
    id: &AttemptId,
    receipt: payments::Receipt,
) -> Answer {
    let payment = receipt.payment;
    let mut db = house.store.read().await?;
    let lang = payer.lang(&mut db, visit).await?;
    let can_pay_on = matches!(Standing::load(house, &mut db, payer).await?, Standing::Payable(_));
    let model = Receipt {
        amount: payment.captured,
        at: payment.received_at,
        zone: payer.practice.zone(),
        brand: brand_name(payment.brand.as_deref()),
        last_four: payment.last4.clone().unwrap_or_default(),
        reference: payment.reference.clone(),
        remaining: receipt.remaining,
        refunded: refunded(&mut db, &payment).await?,
        sent_to: sent_to(&mut db, payer, &payment, id).await?,
        offers_account: !payer.is_signed_in(),
        pay_href: can_pay_on.then(|| "/pay".to_owned()),
    };
    drop(db);
    // What was chosen on the bill is paid: the next payment begins with everything again.
    Choice::forget(visit);
    let shell = payer.shell(house, visit, lang, visit.path());
    Ok(html(StatusCode::OK, model.html(&shell)))
}

/// What has gone back to the card, or is on its way.
pub async fn refunded(db: &mut Db, payment: &Payment) -> Result<Cents, Failure> {
    use domain::payment::RefundState;
    let refunds = store::refund::list(db, &payment.practice, &payment.id).await?;
    let counted = refunds.iter().filter(|refund| refund.state != RefundState::Failed);
    Ok(counted.map(|refund| refund.amount).sum())
}

/// Where the receipt went, masked; until it is written, where it will go.
async fn sent_to(
    db: &mut Db,
    payer: &Payer,
    payment: &Payment,
    attempt: &AttemptId,
) -> Result<Vec<String>, Failure> {
    let mut sent = Vec::new();
    for channel in ["email", "text"] {
        let key = format!("receipt:{}:{channel}", payment.id);
        let found = message::find_by_key(db, &payment.practice, &key).await?;
        let Some(id) = found else { continue };
        let message = message::load(db, &payment.practice, &id).await?;
        let message = message.filter(|m| {
            use message::State;
            !matches!(m.state, State::Failed | State::Withheld | State::Cancelled)
        });
        sent.extend(message.map(|m| m.masked));
    }
    if sent.is_empty() {
        sent.extend(told_at(db, payer, attempt).await?);
    }
    Ok(sent)
}

/// The card's brand as people write it.
pub fn brand_name(brand: Option<&str>) -> String {
    match brand.unwrap_or_default() {
        "amex" => "American Express".to_owned(),
        "cartes_bancaires" => "Cartes Bancaires".to_owned(),
        "diners" => "Diners Club".to_owned(),
        "discover" => "Discover".to_owned(),
        "eftpos_au" => "Eftpos".to_owned(),
        "jcb" => "JCB".to_owned(),
        "link" => "Link".to_owned(),
        "mastercard" => "Mastercard".to_owned(),
        "unionpay" => "UnionPay".to_owned(),
        "visa" => "Visa".to_owned(),
        "" | "unknown" => "Card".to_owned(),
        other => other.to_owned(),
    }
}
