//! Submit Payment. The card form asks for JSON and confirms with the processor itself; without it,
//! the same form leads to the processor's page. Amounts are judged here, never in the browser, and
//! again under the account's lock (D-22).

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use app::{
    pages::{PayStopped, TypedPayment, checkout_label},
    refusal::Refusal as Words,
    words::Lang,
};
use domain::{
    id::AttemptId,
    money::{BadAmount, Cents},
    payment::{AmountRange, AttemptState, Choice, Refusal},
};
use payments::{CheckoutPage, How, PayError, Started, Wish};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use super::choose_language::see_other;
use crate::{
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    pages::pay::{self, Said, broken_or_missing, decline_of, html, link_gone, page_of},
    payer::{Payable, Payer, Reference, Standing, own_base},
    visit::Visit,
};

/// What follows Submit Payment.
pub(super) enum Step {
    /// Elsewhere: a page of ours, or the processor's.
    Go(String),
    /// The script confirms, with this secret.
    Confirm {
        attempt: AttemptId,
        secret: SecretString,
        return_url: String,
    },
    /// The same page, with what was wrong and what was typed.
    Again(Box<Payer>, Box<Said>, StatusCode),
    /// Another attempt of the account runs.
    Running(Box<Payer>, AttemptId),
    Gone,
}

/// Where the card will be typed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Door {
    Card,
    Checkout,
}

/// `POST /pay`: without the script. Both buttons lead to the processor's page.
pub async fn post(
    request: HttpRequest,
    house: web::Data<House>,
    visit: Visit,
    posted: Posted,
) -> Answer {
    match submit(&house, &request, &visit, &posted, Door::Checkout).await? {
        Step::Go(to) => Ok(see_other(&to)),
        Step::Confirm { attempt, .. } => Ok(see_other(&format!("/pay/checking/{attempt}"))),
        Step::Again(payer, said, status) => {
            pay::page(&house, &request, &visit, &payer, *said, status).await
        }
        Step::Running(payer, attempt) => {
            let lang = payer.lang(&mut house.store.read().await?, &visit).await?;
            let shell = payer.shell(&house, &visit, lang, "/pay");
            let link = payer.reference(&house);
            let model = PayStopped::AlreadyInProgress { link, attempt: attempt.to_string() };
            Ok(html(StatusCode::CONFLICT, model.html(&shell)))
        }
        Step::Gone => link_gone(&house, &request, &visit).await,
    }
}

/// `POST /pay/intent`: the card form asks.
pub async fn intent(
    request: HttpRequest,
    house: web::Data<House>,
    visit: Visit,
    posted: Result<Posted, Failure>,
) -> Answer {
    // A page that is too old is shown anew; JSON has no page to say so.
    let posted = match posted {
        Err(Failure::Forgery) => return Ok(go("/pay")),
        posted => posted?,
    };
    let step = match submit(&house, &request, &visit, &posted, Door::Card).await {
        Err(Failure::TooMany(seconds)) => {
            let lang = visit.lang().unwrap_or_default();
            let words = sentence(&Words::TooManyTries, lang, "");
            return Ok(HttpResponse::TooManyRequests()
                .insert_header(("retry-after", seconds.to_string()))
                .json(json!({ "message": words })));
        }
        Err(Failure::SignIn { at, .. }) => return Ok(go(at)),
        step => step?,
    };
    match step {
        Step::Go(to) => Ok(go(&to)),
        Step::Confirm { attempt, secret, return_url } => Ok(HttpResponse::Ok().json(json!({
            "client_secret": secret.expose_secret(),
            "started": attempt.as_str(),
            "return_url": return_url,
        }))),
        Step::Again(payer, said, status) => again(&house, &visit, &payer, &said, status).await,
        // The page has the words and the button.
        Step::Running(..) => Ok(HttpResponse::Conflict().json(json!({ "is_running": true }))),
        Step::Gone => Ok(go("/pay")),
    }
}

pub(super) fn go(to: &str) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "location": to }))
}

fn sentence(refusal: &Words, lang: Lang, phone: &str) -> String {
    refusal.sentence(app::words::Words::new(lang), phone)
}

/// The refusal as the script shows it, with the account as it stands now and a form to send next.
pub(super) async fn again(
    house: &House,
    visit: &Visit,
    payer: &Payer,
    said: &Said,
    status: StatusCode,
) -> Answer {
    let mut db = house.store.read().await?;
    let lang = payer.lang(&mut db, visit).await?;
    let standing = Standing::load(house, &mut db, payer).await?;
    drop(db);
    let Standing::Payable(payable) = standing else { return Ok(go("/pay")) };
    let phone = &payer.practice.settings.phone;
    let mut answer = Map::new();
    let mut put = |key: &str, value: Value| answer.insert(key.to_owned(), value);
    if let Some((decline, count)) = said.declined {
        put("message", json!(decline.sentence(app::words::Words::new(lang), phone)));
        put("declines", json!(count));
    } else if let Some(refusal) = said.refusals.first() {
        put("message", json!(sentence(refusal, lang, phone)));
        put("field", json!(refusal.field()));
    } else {
        put("message", json!(sentence(&Words::FormExpired, lang, phone)));
    }
    put("attempt", json!(house.payments.mint_form(&payer.practice.id, &payer.guarantor)));
    put("link", json!(payer.reference(house)));
    put("due", json!(payable.account.due.to_string()));
    put("due_cents", json!(payable.account.due.0));
    put("most_cents", json!(payable.range.most.0));
    Ok(HttpResponse::build(status).json(answer))
}

async fn submit(
    house: &House,
    request: &HttpRequest,
    visit: &Visit,
    posted: &Posted,
    door: Door,
) -> Result<Step, Failure> {
    house.limits.payments.check(visit.address())?;
    // The page says that the bill can't be paid online right now (R61).
    if !house.store.is_healthy() {
        return Ok(Step::Go("/pay".into()));
    }
    let (payer, has_lapsed) = match Payer::of_reference(house, visit, posted.text("link")).await? {
        Reference::Valid(payer) => (payer, false),
        Reference::Lapsed(payer) => (payer, true),
        Reference::Gone => return Ok(Step::Gone),
    };
    house.limits.link_payments.check(&payer.limit_key())?;
    note_view(house, &payer).await?;
    payer.keep_pass(house, visit);
    let typed = typed(posted);
    if let Some(to) = result_of(house, &payer, posted.text("attempt")).await? {
        return Ok(Step::Go(to));
    }
    if has_lapsed {
        return Ok(lapsed(payer, typed, StatusCode::UNPROCESSABLE_ENTITY));
    }
    let standing = {
        let mut db = house.store.read().await?;
        Standing::load(house, &mut db, &payer).await?
    };
    let Standing::Payable(payable) = standing else { return Ok(Step::Go("/pay".into())) };
    if door == Door::Card && !payable.has_card_form(&payer.practice) {
        return Ok(Step::Go("/pay".into()));
    }
    let (choice, email) = match read(posted, &typed, payable.range) {
        Ok(read) => read,
        Err(refusals) => return Ok(refused(payer, typed, refusals)),
    };
    let shown_due = Cents(posted.text("shown_due_cents").parse().unwrap_or_default());
    let lang = payer.lang(&mut house.store.read().await?, visit).await?;
    let base = own_base(house, request, &payer.practice);
    let wish = Wish {
        practice: payer.practice.id.clone(),
        guarantor: payer.guarantor.clone(),
        form: posted.text("attempt").to_owned(),
        choice,
        shown_due,
        how: how(door, &base, lang, &payer),
        source: payer.source(),
        link_hash: payer.link().map(|link| link.token_hash.clone()),
        login: match &payer.way {
            crate::payer::Way::Account(patient, _) => Some(patient.login.to_string()),
            crate::payer::Way::Link(_) => None,
        },
        chosen_claims: payer.chosen_claims(),
        receipt_email: email,
        language: lang.code().to_owned(),
        is_held: false,
        restart: posted.text("restart") == "1",
        actor: payer.actor(),
        address: visit.address().to_owned(),
    };
    match house.payments.start(&wish).await {
        Ok(started) => Ok(step_of(payer, typed, started, &base)),
        Err(PayError::Refused(refusal)) => {
            refusal_of(house, payer, typed, &wish, &payable, refusal).await
        }
        Err(PayError::Store(cause)) => Err(cause.into()),
    }
}

/// A person did something here: from now on the link counts as viewed (decision 10).
async fn note_view(house: &House, payer: &Payer) -> Result<(), Failure> {
    let Some(link) = payer.link().filter(|link| link.viewed_at.is_none()) else { return Ok(()) };
    let (practice, hash, now) = (link.practice.clone(), link.token_hash.clone(), house.world.now());
    house
        .store
        .write(move |db| {
            let (practice, hash) = (practice.clone(), hash.clone());
            Box::pin(async move { store::link::mark_viewed(db, &practice, &hash, now).await })
        })
        .await?;
    Ok(())
}

/// The same form again, whose payment is made or under way: its result, however much has changed
/// since (R14).
async fn result_of(house: &House, payer: &Payer, form: &str) -> Result<Option<String>, Failure> {
    let Ok(form) = house.payments.read_form(&payer.practice.id, &payer.guarantor, form) else {
        return Ok(None);
    };
    let mut db = house.store.read().await?;
    let attempt = payer.find_attempt(&mut db, &form.attempt).await?;
    Ok(attempt.and_then(|attempt| match attempt.state {
        AttemptState::Succeeded => Some(format!("/receipt/{}", attempt.id)),
        AttemptState::Processing | AttemptState::Unknown => {
            Some(format!("/pay/checking/{}", attempt.id))
        }
        _ => None,
    }))
}

pub(super) fn typed(posted: &Posted) -> TypedPayment {
    TypedPayment {
        is_other: posted.text("choice") == "other",
        amount: posted.text("amount").chars().take(40).collect(),
        email: posted.text("email").chars().take(300).collect(),
    }
}

/// What the form says, or everything that is wrong with it.
fn read(
    posted: &Posted,
    typed: &TypedPayment,
    range: AmountRange,
) -> Result<(Choice, Option<String>), Vec<Words>> {
    let AmountRange { least, most } = range;
    let mut refusals = Vec::new();
    // Amounts come as dollars, in one field and one currency, whatever else somebody sends (R11).
    let is_doubled = posted.has("amount_cents") || posted.has("currency");
    let choice = if is_doubled {
        Err(Words::AmountMalformed { least, most })
    } else if posted.text("choice") == "full" {
        Ok(Choice::Full)
    } else {
        match Cents::parse_typed(&typed.amount) {
            Ok(amount) if amount < least || amount > most => {
                // More than is due now, but not more than was shown, is explained by `payments`.
                let shown = posted.text("shown_due_cents").parse().unwrap_or_default();
                if amount > most && amount.0 <= shown {
                    Ok(Choice::Other(amount))
                } else {
                    Err(Words::AmountOutOfRange { least, most })
                }
            }
            Ok(amount) => Ok(Choice::Other(amount)),
            Err(BadAmount::Empty) => Err(Words::AmountMissing { least, most }),
            Err(BadAmount::OutOfRange) => Err(Words::AmountOutOfRange { least, most }),
            Err(_) => Err(Words::AmountMalformed { least, most }),
        }
    };
    let choice = choice.map_err(|refusal| refusals.push(refusal));
    let email = match posted.filled("email").map(domain::phone::normalise_email) {
        None => None,
        Some(Ok(email)) => Some(email.as_str().to_owned()),
        Some(Err(_)) => {
            refusals.push(Words::EmailMalformed);
            None
        }
    };
    match choice {
        Ok(choice) if refusals.is_empty() => Ok((choice, email)),
        _ => Err(refusals),
    }
}

fn how(door: Door, base: &str, lang: Lang, payer: &Payer) -> How {
    match door {
        Door::Card => How::Element,
        Door::Checkout => How::Checkout(CheckoutPage {
            label: checkout_label(lang, payer.practice.alias()),
            // The processor writes the session's own name there.
            success_url: format!("{base}/pay/return?session_id={{CHECKOUT_SESSION_ID}}"),
            cancel_url: format!("{base}/pay"),
        }),
    }
}

fn refused(payer: Payer, typed: TypedPayment, refusals: Vec<Words>) -> Step {
    let said = Said { typed: Some(typed), refusals, ..Said::default() };
    Step::Again(Box::new(payer), Box::new(said), StatusCode::UNPROCESSABLE_ENTITY)
}

fn lapsed(payer: Payer, typed: TypedPayment, status: StatusCode) -> Step {
    let said = Said { typed: Some(typed), has_lapsed: true, ..Said::default() };
    Step::Again(Box::new(payer), Box::new(said), status)
}

fn step_of(payer: Payer, typed: TypedPayment, started: Started, base: &str) -> Step {
    match started {
        Started::Element { attempt, client_secret, .. } => Step::Confirm {
            return_url: format!("{base}/pay/return?attempt={attempt}"),
            attempt,
            secret: client_secret,
        },
        Started::Checkout { url, .. } => Step::Go(url),
        Started::Paid(receipt) => Step::Go(format!("/receipt/{}", receipt.payment.attempt)),
        Started::Checking { attempt } => Step::Go(format!("/pay/checking/{attempt}")),
        Started::Over { outcome, .. } => match *outcome {
            payments::Outcome::Declined { kind, declines } => {
                declined(payer, typed, decline_of(kind), declines)
            }
            _ => lapsed(payer, typed, StatusCode::UNPROCESSABLE_ENTITY),
        },
    }
}

pub(super) fn declined(
    payer: Payer,
    typed: TypedPayment,
    decline: app::refusal::Decline,
    declines: i64,
) -> Step {
    let count = u32::try_from(declines).unwrap_or(u32::MAX);
    let said = Said { typed: Some(typed), declined: Some((decline, count)), ..Said::default() };
    Step::Again(Box::new(payer), Box::new(said), StatusCode::UNPROCESSABLE_ENTITY)
}

async fn refusal_of(
    house: &House,
    payer: Payer,
    typed: TypedPayment,
    wish: &Wish,
    payable: &Payable,
    refusal: Refusal,
) -> Result<Step, Failure> {
    let AmountRange { least, most } = payable.range;
    Ok(match refusal {
        Refusal::NothingDue | Refusal::NotPayableOnline | Refusal::TooSmallToPay { .. } => {
            Step::Go("/pay".into())
        }
        Refusal::AmountChanged { due } if due.is_positive() => {
            refused(payer, typed, vec![Words::AmountChanged { now: due }])
        }
        Refusal::AmountChanged { .. } => Step::Go("/pay".into()),
        Refusal::AmountOutOfRange { .. } => {
            refused(payer, typed, vec![Words::AmountOutOfRange { least, most }])
        }
        Refusal::InProgress { attempt, is_checking: true, .. } => {
            Step::Go(format!("/pay/checking/{attempt}"))
        }
        Refusal::InProgress { attempt, .. } => Step::Running(Box::new(payer), attempt),
        Refusal::AlreadyPaid { attempt, .. } => Step::Go(format!("/receipt/{attempt}")),
        Refusal::FormReused => reused(house, payer, typed, wish).await?,
        Refusal::TryAgain => {
            let said = Said {
                typed: Some(typed),
                refusals: vec![Words::ProcessorUnreachable],
                ..Said::default()
            };
            let status = StatusCode::SERVICE_UNAVAILABLE;
            Step::Again(Box::new(payer), Box::new(said), status)
        }
        Refusal::NotSetUp => {
            let said = Said {
                typed: Some(typed),
                refusals: vec![Words::ProcessorUnreachable],
                ..Said::default()
            };
            Step::Again(Box::new(payer), Box::new(said), StatusCode::UNPROCESSABLE_ENTITY)
        }
        // Not a form of this account, or a day old.
        _ => lapsed(payer, typed, StatusCode::UNPROCESSABLE_ENTITY),
    })
}

/// This very form was sent before with another amount or to the other door. What it began is
/// cancelled, so that sending the new form is all that is left to do; if it turns out to be paid,
/// that is the answer.
async fn reused(
    house: &House,
    payer: Payer,
    typed: TypedPayment,
    wish: &Wish,
) -> Result<Step, Failure> {
    let (practice, guarantor) = (&payer.practice.id, &payer.guarantor);
    let form = house.payments.read_form(practice, guarantor, &wish.form);
    let attempt = form.map_err(broken_or_missing)?.attempt;
    let outcome = house.payments.cancel(practice, guarantor, &attempt).await;
    let outcome = outcome.map_err(broken_or_missing)?;
    Ok(match outcome {
        payments::Outcome::Paid(_) | payments::Outcome::Checking { .. } => {
            Step::Go(page_of(&attempt, &outcome))
        }
        _ => lapsed(payer, typed, StatusCode::CONFLICT),
    })
}
