//! `/account/question`: a question about the bill becomes a task for the billing office. Whoever says
//! that the bill is wrong stops its reminders until somebody has looked (D-20).

use actix_web::{http::StatusCode, web};
use app::{pages::Question, refusal::Refusal, when, words::Words};
use domain::{
    holds::HoldKind,
    id::{ClaimId, GuarantorId},
};
use engine::NewHold;
use sha2::{Digest, Sha256};

use super::choose_language::see_other;
use crate::{
    door::page,
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    pages::bill::{self, denied, shell},
    session::Patient,
};

const PATH: &str = "/account/question";
const SENT: &str = "question";
const LONGEST: usize = 2_000;
/// For staff, in the reason of the hold.
const DISPUTE_REASON: &str = "The patient says the bill is wrong; see the question";

/// `GET /account/question`
pub async fn get(house: web::Data<House>, patient: Patient) -> Answer {
    let is_sent = patient.visit.said().as_deref() == Some(SENT);
    let model = if is_sent {
        Question { is_sent, ..Question::default() }
    } else {
        Question { claims: claims(&house, &patient).await?, ..Question::default() }
    };
    Ok(page(StatusCode::OK, model.html(&shell(&house, &patient, PATH))))
}

/// The visits one may ask about, of all accounts: day and what is left.
async fn claims(house: &House, patient: &Patient) -> Result<Vec<(String, String)>, Failure> {
    let words = Words::new(patient.visit.lang().unwrap_or_default());
    let mut lines = Vec::new();
    for account in &patient.guarantors {
        let loaded = bill::load(house, patient, account).await?;
        let choosable = loaded.choosable();
        lines.extend(loaded.bill.claims.iter().filter_map(|claim| {
            let left = choosable.get(&claim.id)?;
            let day = when::day(words, claim.service_on);
            Some((claim.id.to_string(), format!("{day} · {left}")))
        }));
    }
    Ok(lines)
}

/// `POST /account/question`
pub async fn post(house: web::Data<House>, patient: Patient, posted: Posted) -> Answer {
    let named = posted.text("claim").trim();
    let Some((account, claim)) = about(&house, &patient, named).await? else {
        return Err(denied(&house, &patient, "claim", named).await);
    };
    let text: String = posted.text("question").trim().chars().take(LONGEST).collect();
    let is_disputed = posted.has("dispute");
    if text.is_empty() {
        let model = Question {
            claims: claims(&house, &patient).await?,
            chosen: named.to_owned(),
            is_disputed,
            refusals: vec![Refusal::QuestionMissing],
            ..Question::default()
        };
        let html = model.html(&shell(&house, &patient, PATH));
        return Ok(page(StatusCode::UNPROCESSABLE_ENTITY, html));
    }
    let is_new = open_task(&house, &patient, &account, claim.as_ref(), &text).await?;
    if is_new && is_disputed {
        let hold = NewHold {
            kind: HoldKind::Dispute,
            claim,
            only_contact: None,
            reason: DISPUTE_REASON.to_owned(),
            until: None,
        };
        let (practice, by) = (&patient.practice.id, patient.actor());
        let placed = house.engine.place_hold(practice, &account, &hold, &by).await;
        placed.map_err(Failure::broken)?;
    }
    patient.visit.say(SENT);
    Ok(see_other(PATH))
}

/// The account, and the visit if one was named; `None` when it is not theirs.
async fn about(
    house: &House,
    patient: &Patient,
    named: &str,
) -> Result<Option<(GuarantorId, Option<ClaimId>)>, Failure> {
    if named.is_empty() {
        return Ok(patient.guarantors.first().map(|account| (account.clone(), None)));
    }
    for account in &patient.guarantors {
        let loaded = bill::load(house, patient, account).await?;
        if let Some(claim) = loaded.choosable().into_keys().find(|id| id.as_str() == named) {
            return Ok(Some((account.clone(), Some(claim))));
        }
    }
    Ok(None)
}

/// One task for one question a day: pressing Send twice asks once. True when it is new.
async fn open_task(
    house: &House,
    patient: &Patient,
    account: &GuarantorId,
    claim: Option<&ClaimId>,
    text: &str,
) -> Result<bool, Failure> {
    let day = house.world.now().day_in(&patient.practice.zone());
    let digest = hex::encode(Sha256::digest(text.as_bytes()));
    let key = format!("question:{account}:{day}:{}", &digest[..16]);
    let detail = match claim {
        Some(claim) => format!("About {claim}: {text}"),
        None => text.to_owned(),
    };
    let entry = patient.entry("ask_question", "guarantor", account.as_str()).about(account);
    let (world, practice, account) =
        (house.world.clone(), patient.practice.id.clone(), account.clone());
    let opened = house.store.write(move |db| {
        let (world, practice, account) = (world.clone(), practice.clone(), account.clone());
        let (key, detail, entry) = (key.clone(), detail.clone(), entry.clone());
        Box::pin(async move {
            let (of, kind) = (Some(&account), "question");
            let (key, detail) = (key.as_str(), Some(detail.as_str()));
            let is_new = store::task::insert(db, &world, &practice, of, kind, key, detail).await?;
            if is_new {
                store::audit::insert(db, &world, &entry).await?;
            }
            Ok(is_new)
        })
    });
    Ok(opened.await?)
}
