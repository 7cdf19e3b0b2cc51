//! The receipt of a settled payment: for whoever may pay on its account (R07), where it names
//! nobody; and in the account of who signed in, with what it was for.

use std::collections::BTreeMap;

use actix_web::{http::StatusCode, web};
use app::pages::{AccountReceipt, PaidVisit, Receipt};
use domain::{
    id::{AttemptId, ClaimId, PaymentId},
    money::Cents,
    payment::AttemptState,
};
use payments::PayError;
use store::{Db, guarantor::Guarantor, message, payment::Payment};

use super::{
    bill::{denied, shell},
    pay::{html, told_at},
};
use crate::{
    actions::choose_language::see_other,
    choice::Choice,
    failure::{Answer, Failure},
    house::House,
    payer::{Payer, Standing},
    session::Patient,
    visit::Visit,
    wording,
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

/// `GET /account/receipts/{payment}`: one's own, for paper. Another's is the same 404 as none, and
/// the denial is written down.
pub async fn of_account(
    house: web::Data<House>,
    patient: Patient,
    id: web::Path<String>,
) -> Answer {
    let practice = &patient.practice.id;
    let id = PaymentId::trusted(id.into_inner());
    let found = {
        let mut db = house.store.read().await?;
        store::payment::find(&mut db, practice, &id).await?
    };
    let own = found.filter(|payment| patient.guarantors.contains(&payment.guarantor));
    let Some(payment) = own else {
        return Err(denied(&house, &patient, "payment", id.as_str()).await);
    };
    let entry = patient.entry("view_receipt", "payment", id.as_str()).about(&payment.guarantor);
    house.audit(entry).await?;
    let mut db = house.store.read().await?;
    let guarantor = store::guarantor::load(&mut db, practice, &payment.guarantor).await?;
    let guarantor = guarantor.ok_or(Failure::NotFound)?;
    let facts = store::balance::load(&mut db, practice, &guarantor.id).await?;
    let model = AccountReceipt {
        practice: letterhead(&patient),
        amount: payment.captured,
        at: payment.received_at,
        zone: patient.practice.zone(),
        brand: brand_name(payment.brand.as_deref()),
        last_four: payment.last4.clone().unwrap_or_default(),
        reference: payment.reference.clone(),
        refunded: refunded(&mut db, &payment).await?,
        remaining: domain::balance::due(&facts).due,
        visits: paid_visits(&mut db, &house, &patient, &guarantor, &payment).await?,
        account: guarantor.external_id,
        payer: guarantor.name,
    };
    drop(db);
    Ok(html(StatusCode::OK, model.html(&shell(&house, &patient, patient.visit.path()))))
}

/// The practice as it is registered, with its address.
fn letterhead(patient: &Patient) -> Vec<String> {
    let settings = &patient.practice.settings;
    let legal = Some(settings.legal_name.as_str()).filter(|name| !name.is_empty());
    let name = legal.unwrap_or_else(|| patient.practice.alias()).to_owned();
    let address = wording::address(&patient.practice);
    [name, address].into_iter().filter(|line| !line.is_empty()).collect()
}

/// What of the payment is applied, oldest visit first. Of visits that may not be read, one line with
/// their sum.
async fn paid_visits(
    db: &mut Db,
    house: &House,
    patient: &Patient,
    guarantor: &Guarantor,
    payment: &Payment,
) -> Result<Vec<PaidVisit>, Failure> {
    let practice = &patient.practice.id;
    let mut applied: BTreeMap<ClaimId, Cents> = BTreeMap::new();
    for posted in store::posting::list(db, practice, &payment.id).await? {
        if let Some(claim) = posted.claim {
            *applied.entry(claim).or_default() += -posted.amount;
        }
    }
    applied.retain(|_, amount| amount.is_positive());
    let claims: Vec<ClaimId> = applied.keys().cloned().collect();
    let visits = store::bill::list_visits(db, practice, guarantor, &claims).await?;
    let today = house.world.now().day_in(&patient.practice.zone());
    let mut unseen = Cents::ZERO;
    let mut seen = Vec::new();
    for visit in visits {
        let amount = applied.remove(&visit.claim).unwrap_or_default();
        match visit.patient.filter(|one| one.may_be_read_by(guarantor, today)) {
            Some(one) => {
                let words = (visit.service_on, one.name, visit.place);
                seen.push(PaidVisit { visit: Some(words), amount });
            }
            None => unseen += amount,
        }
    }
    unseen += applied.into_values().sum();
    if unseen.is_positive() {
        seen.push(PaidVisit { visit: None, amount: unseen });
    }
    Ok(seen)
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
