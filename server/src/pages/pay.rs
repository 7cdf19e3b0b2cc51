//! Make a Payment: the page itself, the way back from the processor, and "we're checking".

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use app::{
    pages::{
        CardFrame, Checking, LinkGone, MakePayment, PatientShell, PayAgain, PayStopped, ToldAmount,
        TypedPayment, WhyChanged,
    },
    refusal::{Decline, Refusal},
    words::Lang,
};
use domain::{
    balance::AccountDue,
    clock::UnixMs,
    id::AttemptId,
    payment::{AttemptState, DeclineKind},
};
use payments::{Outcome, PayError};
use serde::Deserialize;
use store::{attempt::Attempt, glance::Glance, link::Link, payment::Payment};
use tracing::error;

use crate::{
    actions::choose_language::see_other,
    failure::{Answer, Failure},
    headers::PayPolicy,
    house::House,
    payer::{Payable, Payer, Standing, Way},
    visit::{self, Visit, short},
};

/// A decline is told on the page the payer comes back to, not on one they open tomorrow.
const DECLINE_TOLD_MS: i64 = domain::clock::HOUR_MS;

/// What the page says beside the form.
#[derive(Default)]
pub struct Said {
    pub typed: Option<TypedPayment>,
    pub refusals: Vec<Refusal>,
    /// The last decline, and how many there were.
    pub declined: Option<(Decline, u32)>,
    pub has_lapsed: bool,
}

#[derive(Deserialize)]
pub struct Query {
    /// The attempt that ended without money.
    after: Option<String>,
}

/// `GET /pay`
pub async fn get(
    request: HttpRequest,
    house: web::Data<House>,
    visit: Visit,
    query: web::Query<Query>,
) -> Answer {
    if query.after.is_none() {
        let mut db = house.store.read().await?;
        if let Some((payer, seen)) = Payer::at_a_glance(&house, &mut db, &visit).await? {
            if let Some(attempt) = under_way_of(&seen) {
                return Ok(see_other(&checking_page(attempt)));
            }
            let view = View {
                lang: visit.lang_for(seen.language),
                standing: Standing::at_a_glance(&house, &mut db, &seen).await?,
                recent: match seen.has_payments {
                    true => recent(&house, &payer).await?,
                    false => Vec::new(),
                },
            };
            drop(db);
            return Ok(show(
                &house,
                &request,
                &visit,
                &payer,
                view,
                Said::default(),
                StatusCode::OK,
            ));
        }
    }
    let Some(payer) = Payer::find(&house, &visit).await? else {
        return no_pass(&house, &request, &visit).await;
    };
    if let Some(attempt) = under_way(&house, &payer).await? {
        return Ok(see_other(&checking_page(&attempt.id)));
    }
    let mut said = Said::default();
    if let Some(id) = &query.after {
        let id = AttemptId::trusted(id.as_str());
        let mut db = house.store.read().await?;
        let attempt = payer.find_attempt(&mut db, &id).await?;
        drop(db);
        if let Some(attempt) = attempt {
            said = after(&house, &payer, &attempt).await?;
        }
    }
    page(&house, &request, &visit, &payer, said, StatusCode::OK).await
}

/// A payment of this account that the bank or the processor has not answered: nobody pays again
/// before it has, from whichever device.
async fn under_way(house: &House, payer: &Payer) -> Result<Option<Attempt>, Failure> {
    let mut db = house.store.read().await?;
    let (practice, guarantor) = (&payer.practice.id, &payer.guarantor);
    let open = store::attempt::find_open(&mut db, practice, guarantor).await?;
    Ok(open.filter(|attempt| is_unanswered(attempt.state)))
}

/// The same of what was seen with the link.
fn under_way_of(seen: &Glance) -> Option<&AttemptId> {
    seen.open.as_ref().filter(|(_, state)| is_unanswered(*state)).map(|(id, _)| id)
}

const fn is_unanswered(state: AttemptState) -> bool {
    matches!(state, AttemptState::Processing | AttemptState::Unknown)
}

/// What there is to say after an attempt that ended without money.
async fn after(house: &House, payer: &Payer, attempt: &Attempt) -> Result<Said, Failure> {
    let now = house.world.now();
    let is_fresh = attempt.closed_at.is_some_and(|at| now.since(at) < DECLINE_TOLD_MS);
    let mut said = Said::default();
    match attempt.state {
        AttemptState::Declined if is_fresh => {
            let code = attempt.decline_code.as_deref().unwrap_or_default();
            let mut db = house.store.read().await?;
            let since = now.minus_ms(domain::clock::DAY_MS);
            let (practice, guarantor) = (&payer.practice.id, &payer.guarantor);
            let count = store::attempt::count_declined(&mut db, practice, guarantor, since).await?;
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            said.declined = Some((decline_of(DeclineKind::of(code)), count));
        }
        AttemptState::Expired | AttemptState::Refused if is_fresh => said.has_lapsed = true,
        _ => {}
    }
    Ok(said)
}

pub const fn decline_of(kind: DeclineKind) -> Decline {
    match kind {
        DeclineKind::Generic => Decline::Generic,
        DeclineKind::InsufficientFunds => Decline::InsufficientFunds,
        DeclineKind::Expired => Decline::ExpiredCard,
        DeclineKind::WrongCode => Decline::WrongCode,
        DeclineKind::WrongNumber => Decline::WrongNumber,
        DeclineKind::NeedsApproval => Decline::NeedsApproval,
        DeclineKind::TryLater => Decline::TryLater,
    }
}

/// The page as the account stands now, whatever brought the payer here.
pub async fn page(
    house: &House,
    request: &HttpRequest,
    visit: &Visit,
    payer: &Payer,
    said: Said,
    status: StatusCode,
) -> Answer {
    let mut db = house.store.read().await?;
    let lang = payer.lang(&mut db, visit).await?;
    let standing = Standing::load(house, &mut db, payer).await?;
    drop(db);
    let view = View { lang, standing, recent: recent(house, payer).await? };
    Ok(show(house, request, visit, payer, view, said, status))
}

/// What the page is made of, beside what was typed.
struct View {
    lang: Lang,
    standing: Standing,
    recent: Vec<Payment>,
}

async fn recent(house: &House, payer: &Payer) -> Result<Vec<Payment>, Failure> {
    let (practice, guarantor) = (&payer.practice.id, &payer.guarantor);
    house.payments.recent(practice, guarantor).await.map_err(Failure::broken)
}

fn show(
    house: &House,
    request: &HttpRequest,
    visit: &Visit,
    payer: &Payer,
    view: View,
    said: Said,
    status: StatusCode,
) -> HttpResponse {
    let shell = payer.shell(house, visit, view.lang, "/pay");
    match view.standing {
        Standing::Payable(payable) => {
            let script = payable.has_card_form(&payer.practice);
            let script = script.then_some(payable.merchant.js_url.as_str());
            PayPolicy::of(script, &payable.merchant.checkout_origin).allow(request);
            html(status, model(house, payer, &payable, &view.recent, said).html(&shell))
        }
        Standing::NothingDue => html(StatusCode::OK, PayStopped::NothingDue.html(&shell)),
        Standing::NotOnline => html(StatusCode::OK, PayStopped::NotOnline.html(&shell)),
    }
}

fn model(
    house: &House,
    payer: &Payer,
    payable: &Payable,
    recent: &[Payment],
    said: Said,
) -> MakePayment {
    let (practice, guarantor) = (&payer.practice.id, &payer.guarantor);
    let account = &payable.account;
    let mut refusals = said.refusals;
    if payable.too_many_declines {
        refusals.push(Refusal::TooManyDeclines);
    }
    let newest = recent.first().map(|payment| payment.received_at);
    let card = payable.has_card_form(&payer.practice).then(|| CardFrame {
        publishable_key: payable.merchant.publishable_key.clone(),
        script: payable.merchant.js_url.clone(),
        account: payable.merchant.account.clone(),
    });
    MakePayment {
        link: payer.reference(house),
        attempt: house.payments.mint_form(practice, guarantor),
        due: account.due,
        as_of: house.world.now(),
        zone: payer.practice.zone(),
        told: payer.link().and_then(|link| told(link, account, newest)),
        people: people(account),
        recent: recent.first().map(|payment| (payment.captured, payment.received_at)),
        least: payable.range.least,
        most: payable.range.most,
        typed: said.typed.unwrap_or_else(|| as_chosen(payer, account)),
        refusals,
        declined: said.declined.filter(|_| !payable.too_many_declines),
        has_lapsed: said.has_lapsed,
        card,
        statement_href: statement_href(payer),
        not_me_href: payer.link().map(|link| format!("/not-me?of={}", short(&link.token_hash))),
    }
}

/// What the message said, where that is no longer so (D-10).
fn told(link: &Link, account: &AccountDue, newest: Option<UnixMs>) -> Option<ToldAmount> {
    let amount = link.advertised.filter(|amount| *amount != account.due)?;
    let paid_since = newest.is_some_and(|at| at > link.created_at);
    let why = if paid_since && account.due < amount {
        WhyChanged::PaymentReceived
    } else if account.due > amount {
        WhyChanged::NewCharges
    } else {
        WhyChanged::Corrected
    };
    Some(ToldAmount { amount, why })
}

/// How many people's bills the amount covers.
fn people(account: &AccountDue) -> u32 {
    let open = account.claims.iter().filter(|claim| claim.still_due.is_positive());
    let patients: std::collections::BTreeSet<_> = open.map(|claim| &claim.patient).collect();
    u32::try_from(patients.len()).unwrap_or(u32::MAX)
}

/// The visits ticked on the bill come as *Pay other amount*.
fn as_chosen(payer: &Payer, account: &AccountDue) -> TypedPayment {
    let Way::Account(_, Some(choice)) = &payer.way else { return TypedPayment::default() };
    match choice.amount {
        Some(amount) if amount < account.due => {
            TypedPayment { is_other: true, amount: amount.plain(), email: String::new() }
        }
        _ => TypedPayment::default(),
    }
}

fn statement_href(payer: &Payer) -> String {
    match payer.way {
        Way::Link(_) => "/create-account".to_owned(),
        Way::Account(..) => "/account".to_owned(),
    }
}

pub fn html(status: StatusCode, html: String) -> HttpResponse {
    HttpResponse::build(status).content_type("text/html; charset=utf-8").body(html)
}

/// The frame for visitors of whom nothing is known but the practice, if that.
pub async fn strangers_shell(
    house: &House,
    request: &HttpRequest,
    visit: &Visit,
    path: &str,
) -> PatientShell {
    let mut shell = visit::shell_for_failure(house, request).await;
    shell.csrf = visit.csrf(house);
    path.clone_into(&mut shell.path);
    shell
}

/// Nobody who may pay: the pass has lapsed, or there never was one.
pub async fn no_pass(house: &House, request: &HttpRequest, visit: &Visit) -> Answer {
    let shell = strangers_shell(house, request, visit, "/link/new").await;
    Ok(html(StatusCode::NOT_FOUND, PayAgain.html(&shell)))
}

/// The one page for unknown, expired, revoked and replaced links (R34).
pub async fn link_gone(house: &House, request: &HttpRequest, visit: &Visit) -> Answer {
    let shell = strangers_shell(house, request, visit, "/link/new").await;
    Ok(html(StatusCode::NOT_FOUND, LinkGone.html(&shell)))
}

/// What the processor appends is read for one thing: which of the payer's own attempts to ask about.
#[derive(Deserialize)]
pub struct Return {
    attempt: Option<String>,
    session_id: Option<String>,
}

/// `GET /pay/return`: back from the processor. How the payment stands is asked there, with our own
/// key; nothing in the address counts.
pub async fn back(house: web::Data<House>, visit: Visit, query: web::Query<Return>) -> Answer {
    let payers = Payer::list(&house, &visit).await?;
    if payers.is_empty() {
        return Err(Failure::NotFound);
    }
    let mut db = house.store.read().await?;
    for payer in &payers {
        let found = match (&query.attempt, &query.session_id) {
            (Some(id), _) => payer.find_attempt(&mut db, &AttemptId::trusted(id.as_str())).await?,
            (None, Some(id)) => {
                let practice = &payer.practice.id;
                let found = store::attempt::find_by_processor(&mut db, practice, id).await?;
                found.filter(|attempt| attempt.guarantor == payer.guarantor)
            }
            (None, None) => None,
        };
        if let Some(attempt) = found {
            drop(db);
            // Each look is a question to the processor.
            house.limits.payments.check(visit.address())?;
            payer.keep_pass(&house, &visit);
            return Ok(see_other(&where_to(&house, payer, &attempt.id).await?));
        }
    }
    Ok(see_other("/pay"))
}

/// Asks how an attempt stands, and says which page tells it.
async fn where_to(house: &House, payer: &Payer, id: &AttemptId) -> Result<String, Failure> {
    let (practice, guarantor) = (&payer.practice.id, &payer.guarantor);
    match house.payments.confirm_returned(practice, guarantor, id).await {
        Ok(outcome) => Ok(page_of(id, &outcome)),
        // The card may have been charged, and we cannot write it down: that is no error page, after which
        // people pay again, but the page that says not to (R61).
        Err(PayError::Store(cause)) => {
            error!(attempt = %id, %cause, "how a payment stands could not be written down");
            Ok(checking_page(id))
        }
        Err(cause) => Err(broken_or_missing(cause)),
    }
}

pub fn broken_or_missing(cause: PayError) -> Failure {
    match cause {
        PayError::Refused(domain::payment::Refusal::NotFound) => Failure::NotFound,
        PayError::Refused(refusal) => Failure::broken(refusal),
        PayError::Store(cause) => cause.into(),
    }
}

fn checking_page(attempt: &AttemptId) -> String {
    format!("/pay/checking/{attempt}")
}

/// The page that tells an outcome.
pub fn page_of(attempt: &AttemptId, outcome: &Outcome) -> String {
    match outcome {
        Outcome::Paid(_) => format!("/receipt/{attempt}"),
        Outcome::Checking { .. } => checking_page(attempt),
        Outcome::Open { .. } => "/pay".to_owned(),
        Outcome::Declined { .. } | Outcome::Over { .. } => format!("/pay?after={attempt}"),
    }
}

/// `GET /pay/checking/{attempt}`, and its *Check again*.
pub async fn checking(house: web::Data<House>, visit: Visit, id: web::Path<String>) -> Answer {
    let id = AttemptId::trusted(id.into_inner());
    for payer in Payer::list(&house, &visit).await? {
        let mut db = house.store.read().await?;
        let found = payer.find_attempt(&mut db, &id).await?;
        drop(db);
        if found.is_none() {
            continue;
        }
        house.limits.payments.check(visit.address())?;
        let to = where_to(&house, &payer, &id).await?;
        if to != checking_page(&id) {
            return Ok(see_other(&to));
        }
        let mut db = house.store.read().await?;
        let lang = payer.lang(&mut db, &visit).await?;
        let told_at = told_at(&mut db, &payer, &id).await?;
        drop(db);
        let shell = payer.shell(&house, &visit, lang, visit.path());
        let model = Checking { attempt: id.to_string(), told_at };
        return Ok(html(StatusCode::OK, model.html(&shell)));
    }
    Err(Failure::NotFound)
}

/// Where the receipt will go by email, masked: what was typed, else the email on file.
pub async fn told_at(
    db: &mut store::Db,
    payer: &Payer,
    attempt: &AttemptId,
) -> Result<Option<String>, Failure> {
    let practice = &payer.practice.id;
    let typed = store::attempt::find_receipt_email(db, practice, attempt).await?;
    if let Some(email) = typed.and_then(|text| domain::phone::normalise_email(&text).ok()) {
        return Ok(Some(email.masked()));
    }
    let contacts = store::contact::list(db, practice, &payer.guarantor).await?;
    let email =
        contacts.into_iter().find(|c| c.kind == store::contact::Kind::Email && c.bad_at.is_none());
    Ok(email.map(|contact| contact.masked))
}
