//! `GET /account`, Your Bill Details: what one of the signed-in patient's accounts owes, per patient
//! and visit. Another's account, and one that does not exist, are the same 404 (R01); each view and
//! each denial is in the audit.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, http::StatusCode, web};
use app::{
    pages::{BillDetails, PatientLines, PatientShell, VisitLine, WaitingVisit},
    refusal::Refusal,
};
use domain::{
    balance::{AccountDue, ClaimDue, Standing, due},
    clock::UnixMs,
    holds::can_be_paid_online,
    id::{ClaimId, GuarantorId, PatientId},
    money::Cents,
    payment::AttemptState,
};
use jiff::civil::Date;
use serde::Deserialize;
use store::{
    bill::{Bill, BillClaim},
    guarantor::Guarantor,
};

use crate::{
    door::page,
    failure::{Answer, Failure},
    house::House,
    session::Patient,
    visit::patient_shell,
};

const PATH: &str = "/account";

#[derive(Deserialize)]
pub struct Query {
    /// Which of several accounts.
    #[serde(default)]
    of: String,
    /// The visit that a message was about, to be found at once. It opens nothing.
    #[serde(default)]
    marked: String,
}

/// `GET /account`
pub async fn get(house: web::Data<House>, patient: Patient, query: web::Query<Query>) -> Answer {
    let account = choose(&house, &patient, &query.of).await?;
    let mut loaded = load(&house, &patient, &account).await?;
    if !query.marked.is_empty() {
        loaded.marked = Some(ClaimId::trusted(query.into_inner().marked));
    }
    answer(&house, &patient, loaded, StatusCode::OK, Vec::new()).await
}

/// The account to show: the one named, else that of the link in hand, else the first.
async fn choose(house: &House, patient: &Patient, named: &str) -> Result<GuarantorId, Failure> {
    if !named.is_empty() {
        return own_account(house, patient, named).await;
    }
    if let Some(link) = link_in_hand(house, patient).await?
        && patient.guarantors.contains(&link.guarantor)
    {
        return Ok(link.guarantor);
    }
    patient.guarantors.first().cloned().ok_or(Failure::NotFound)
}

async fn link_in_hand(
    house: &House,
    patient: &Patient,
) -> Result<Option<store::link::Link>, Failure> {
    let Some(pass) = patient.visit.pay_pass() else { return Ok(None) };
    let mut db = house.store.read().await?;
    let link = store::link::find_by_hash(&mut db, &pass.link_hash, house.world.now()).await?;
    Ok(link.filter(|link| link.practice == patient.practice.id))
}

/// `named` as one of the patient's own accounts; the denial is written down, and is a 404.
pub async fn own_account(
    house: &House,
    patient: &Patient,
    named: &str,
) -> Result<GuarantorId, Failure> {
    let own = patient.guarantors.iter().find(|own| own.as_str() == named).cloned();
    match own {
        Some(own) => Ok(own),
        None => Err(denied(house, patient, "guarantor", named).await),
    }
}

/// Writes down that somebody asked for what is not theirs, and answers as if it did not exist.
pub async fn denied(house: &House, patient: &Patient, kind: &'static str, named: &str) -> Failure {
    // Whatever was typed into the address is not worth more than its beginning.
    let named: String = named.chars().filter(|c| !c.is_control()).take(64).collect();
    let entry = patient.entry("authz_denied", kind, named).denied();
    match house.audit(entry.with(patient.visit.path().to_owned())).await {
        Ok(()) => Failure::NotFound,
        Err(failure) => failure,
    }
}

/// An account with everything its pages need.
pub struct Loaded {
    pub guarantor: Guarantor,
    pub bill: Bill,
    pub account: AccountDue,
    pub can_pay_online: bool,
    pub today: Date,
    /// A payment that is being checked with the bank.
    checking: Option<String>,
    /// The bill of the message whose link is in hand.
    marked: Option<ClaimId>,
    /// Names of all accounts of this login.
    names: BTreeMap<GuarantorId, String>,
}

pub async fn load(
    house: &House,
    patient: &Patient,
    account: &GuarantorId,
) -> Result<Loaded, Failure> {
    let practice = &patient.practice.id;
    let marked = link_in_hand(house, patient).await?;
    let marked = marked.filter(|link| link.guarantor == *account).and_then(|link| link.claim);
    let mut db = house.store.read().await?;
    let mut all = store::guarantor::load_many(&mut db, practice, &patient.guarantors).await?;
    let names = all.iter().map(|(id, guarantor)| (id.clone(), guarantor.name.clone())).collect();
    let guarantor = all.remove(account).ok_or(Failure::NotFound)?;
    let bill = store::bill::load(&mut db, practice, &guarantor).await?;
    let of = std::slice::from_ref(account);
    let holds = store::hold::load_many(&mut db, practice, of).await?.remove(account);
    let holds: Vec<_> = holds.unwrap_or_default().iter().map(store::hold::Hold::rule).collect();
    let import_is_held = store::import::count_holding(&mut db, practice).await? > 0;
    let open = store::attempt::find_open(&mut db, practice, account).await?;
    let is_checking = |state| matches!(state, AttemptState::Processing | AttemptState::Unknown);
    let now = house.world.now();
    Ok(Loaded {
        account: due(&bill.facts),
        can_pay_online: can_be_paid_online(&holds, import_is_held, now),
        today: now.day_in(&patient.practice.zone()),
        checking: open.filter(|open| is_checking(open.state)).map(|open| open.id.to_string()),
        guarantor,
        bill,
        marked,
        names,
    })
}

/// Writes the view down and shows the bill, with what was refused of a form on it.
pub async fn answer(
    house: &House,
    patient: &Patient,
    loaded: Loaded,
    status: StatusCode,
    refusals: Vec<Refusal>,
) -> Answer {
    let account = &loaded.guarantor.id;
    house.audit(patient.entry("view_bill", "guarantor", account.as_str()).about(account)).await?;
    let shell = shell(house, patient, PATH);
    let model = model(patient, loaded, house.world.now(), refusals);
    Ok(page(status, model.html(&shell)))
}

/// Around a page of somebody who is signed in.
pub fn shell(house: &House, patient: &Patient, path: &str) -> PatientShell {
    let lang = patient.visit.lang().unwrap_or_default();
    let mut shell = patient_shell(house, &patient.visit, &patient.practice, lang, true);
    path.clone_into(&mut shell.path);
    shell
}

fn model(patient: &Patient, loaded: Loaded, now: UnixMs, refusals: Vec<Refusal>) -> BillDetails {
    let has_several = patient.guarantors.len() > 1;
    let others = loaded.names.iter().filter(|(id, _)| **id != loaded.guarantor.id);
    BillDetails {
        account: if has_several { loaded.guarantor.id.to_string() } else { String::new() },
        due: loaded.account.due,
        as_of: now,
        zone: patient.practice.zone(),
        patients: patients(&loaded),
        unposted: unposted(&loaded),
        credits: loaded.account.credits_left,
        in_collections: loaded.account.in_collections,
        waiting: waiting(&loaded),
        can_pay_online: loaded.can_pay_online,
        refusals,
        checking: loaded.checking.clone(),
        other_accounts: others
            .map(|(id, name)| (name.clone(), format!("{PATH}?of={id}")))
            .collect(),
    }
}

impl Loaded {
    fn dues(&self) -> BTreeMap<&ClaimId, &ClaimDue> {
        self.account.claims.iter().map(|claim| (&claim.id, claim)).collect()
    }

    /// Whether the visits of this patient may be read, or only what they come to.
    fn is_readable(&self, patient: &PatientId) -> bool {
        let patient = self.bill.patients.get(patient);
        patient.is_some_and(|patient| patient.may_be_read_by(&self.guarantor, self.today))
    }

    /// Visits with something left to pay, each with what is left; those that may not be read too.
    fn payable(&self) -> impl Iterator<Item = (&BillClaim, Cents)> {
        let dues = self.dues();
        self.bill.claims.iter().filter_map(move |claim| {
            let left = dues.get(&claim.id).map_or(Cents::ZERO, |due| due.still_due);
            left.is_positive().then_some((claim, left))
        })
    }

    /// What may be ticked, with what it comes to.
    pub fn choosable(&self) -> BTreeMap<ClaimId, Cents> {
        self.payable()
            .filter(|(claim, _)| self.is_readable(&claim.patient))
            .map(|(claim, left)| (claim.id.clone(), left))
            .collect()
    }
}

fn patients(loaded: &Loaded) -> Vec<PatientLines> {
    let mut readable: Vec<(&PatientId, PatientLines)> = Vec::new();
    let mut unseen = Cents::ZERO;
    for (claim, left) in loaded.payable() {
        if !loaded.is_readable(&claim.patient) {
            unseen += left;
            continue;
        }
        let line = visit_line(claim, left, loaded.marked.as_ref() == Some(&claim.id));
        match readable.iter_mut().find(|(id, _)| **id == claim.patient) {
            Some((_, lines)) => lines.visits.push(line),
            None => {
                let name = loaded.bill.patients.get(&claim.patient).map(|p| p.name.clone());
                let lines = PatientLines { name, visits: vec![line], unseen_owed: Cents::ZERO };
                readable.push((&claim.patient, lines));
            }
        }
    }
    let mut lines: Vec<PatientLines> = readable.into_iter().map(|(_, lines)| lines).collect();
    if unseen.is_positive() {
        // All of them in one line: not even how many people there are.
        lines.push(PatientLines { name: None, visits: Vec::new(), unseen_owed: unseen });
    }
    lines
}

/// `you_paid` holds everything of the patient's that came off this visit, payments not yet posted and
/// credits too, so that the column adds up.
fn visit_line(claim: &BillClaim, left: Cents, is_marked: bool) -> VisitLine {
    VisitLine {
        claim: claim.id.to_string(),
        on: claim.service_on,
        place: claim.place.clone(),
        services: claim.services.clone(),
        charged: claim.charged,
        insurance_paid: claim.insurance_paid,
        adjusted: claim.adjusted,
        you_paid: claim.patient_paid + (claim.patient_due - left).at_least_zero(),
        you_owe: left,
        is_marked,
    }
}

fn unposted(loaded: &Loaded) -> Vec<(UnixMs, Cents)> {
    let payments = &loaded.bill.facts.payments;
    let mut lines: Vec<(UnixMs, Cents)> = payments
        .iter()
        .filter(|payment| payment.kept.is_positive())
        .map(|payment| (payment.received_at, payment.kept))
        .collect();
    lines.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    lines
}

fn waiting(loaded: &Loaded) -> Vec<WaitingVisit> {
    let dues = loaded.dues();
    let claims = loaded.bill.claims.iter().filter(|claim| {
        dues.get(&claim.id).is_some_and(|due| due.standing == Standing::WaitingForInsurance)
    });
    // Of a visit that may not be read not even the day is shown: it is not asked for either.
    claims
        .filter(|claim| loaded.is_readable(&claim.patient))
        .map(|claim| WaitingVisit {
            on: claim.service_on,
            name: loaded.bill.patients.get(&claim.patient).map(|p| p.name.clone()),
            charged: claim.charged,
        })
        .collect()
}

/// `GET /account/receipts`: every settled payment of the patient's accounts.
pub async fn receipts(house: web::Data<House>, patient: Patient) -> Answer {
    const MOST: i64 = 200;
    let practice = &patient.practice.id;
    let rows = {
        let mut db = house.store.read().await?;
        store::bill::list_receipts(&mut db, practice, &patient.guarantors, MOST).await?
    };
    house.audit(patient.entry("view_receipts", "login", patient.login.as_str())).await?;
    let lines = rows
        .into_iter()
        .map(|row| app::pages::ReceiptLine {
            payment: row.payment.to_string(),
            at: row.received_at,
            amount: row.captured,
            refunded: row.refunded,
            card: card(row.brand.as_deref(), row.last4.as_deref()),
            reference: row.reference,
        })
        .collect();
    let model = app::pages::Receipts { zone: patient.practice.zone(), lines };
    let html = model.html(&shell(&house, &patient, "/account/receipts"));
    Ok::<HttpResponse, Failure>(page(StatusCode::OK, html))
}

/// `Visa •••• 4242`
fn card(brand: Option<&str>, last4: Option<&str>) -> String {
    let brand = brand.unwrap_or("card");
    let mut letters = brand.chars();
    let brand: String =
        letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    match last4 {
        Some(last4) => format!("{brand} •••• {last4}"),
        None => brand,
    }
}
