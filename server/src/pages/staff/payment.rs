//! `GET /staff/payments/{id}`: one payment with its proposal; and the form that gives money back.
//! Every view of a payment is audited, also the one that answers a refused form.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::{HttpResponse, http::StatusCode, web};
use app::pages::staff::{
    AttemptLine, LineError, MatchLine, MoneyEvent, MoneyMove, PaymentPage, PaymentRights,
    RefundForm, RefundLine, RefundPage, RefundStep, Refused,
};
use domain::{
    balance::ClaimFacts,
    id::{ClaimId, JournalId, PaymentId},
    money::Cents,
    payment::{DeclineKind, Refusal},
    proposal::Reason,
    staff::Permission,
};
use payments::{Detail, PayError};
use store::{
    Db, attempt::Attempt, claim::Label, match_draft::Draft, posting::JournalKind, posting::Posted,
};

use super::payments::{SECTION, card, visit};
use crate::{
    failure::{Answer, Failure},
    house::House,
    naming::Names,
    session::Staff,
    workspace::{self, shown, with_status},
};

/// Tries to pay that are shown, and how many are looked through for them.
const TRIES_SHOWN: usize = 10;
const TRIES_READ: i64 = 50;

/// What was typed into a refused form.
#[derive(Default)]
pub struct Typed {
    pub lines: BTreeMap<ClaimId, (String, Option<LineError>)>,
    /// The version the form was made for; a change meanwhile has to be seen first.
    pub version: Option<i64>,
    pub refusal: Option<Refusal>,
}

/// Somebody acts on a payment, as the ledger names them.
pub fn acting(staff: &Staff) -> payments::Staff {
    payments::Staff { actor: staff.actor(), address: staff.visit.address().to_owned() }
}

/// A refusal that no page of ours has words for is a mistake of ours, but for what is not there.
pub fn broken(error: PayError) -> Failure {
    match error {
        PayError::Refused(Refusal::NotFound) => Failure::NotFound,
        other => Failure::broken(other),
    }
}

pub async fn get(house: web::Data<House>, staff: Staff, id: web::Path<String>) -> Answer {
    staff.require(&house, Permission::View).await?;
    let id: PaymentId = id.parse().map_err(|_| Failure::NotFound)?;
    show(&house, &staff, &id, None).await
}

/// The page of one payment: as it is, or with what was typed and why it was refused.
pub async fn show(house: &House, staff: &Staff, id: &PaymentId, typed: Option<Typed>) -> Answer {
    let practice = &staff.practice.id;
    let detail = house.payments.payment_detail(practice, id).await.map_err(broken)?;
    let entry = staff.entry("payment_read", "payment", id.as_str()).about(&detail.row.guarantor);
    house.audit(entry).await?;
    let around = Around::load(house, staff, &detail, typed.as_ref()).await?;
    let status = if typed.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let html = page(staff, detail, around, typed).html(&workspace::shell(house, staff, SECTION));
    Ok(with_status(status, html))
}

/// What the page needs beside the payment itself.
struct Around {
    labels: BTreeMap<ClaimId, Label>,
    names: Names,
    draft: Option<Draft>,
    attempts: Vec<Attempt>,
}

impl Around {
    async fn load(
        house: &House,
        staff: &Staff,
        detail: &Detail,
        typed: Option<&Typed>,
    ) -> Result<Self, Failure> {
        let (practice, payment) = (&staff.practice.id, &detail.payment);
        let mut claims: Vec<ClaimId> = detail.account.claims.iter().map(|c| c.id.clone()).collect();
        claims.extend(detail.history.iter().filter_map(|posted| posted.claim.clone()));
        claims.sort();
        claims.dedup();
        let mut db = house.store.read().await?;
        let mut attempts =
            store::attempt::list(&mut db, practice, &payment.guarantor, TRIES_READ).await?;
        attempts.retain(|a| a.created_at <= payment.received_at);
        attempts.truncate(TRIES_SHOWN);
        Ok(Self {
            labels: store::claim::list_labels(&mut db, practice, &claims).await?,
            names: names(&mut db, detail, typed).await?,
            draft: store::match_draft::find(&mut db, practice, &payment.id, &staff.id).await?,
            attempts,
        })
    }

    fn label(&self, claim: &ClaimId) -> Option<app::pages::staff::VisitLabel> {
        self.labels.get(claim).map(visit)
    }
}

async fn names(db: &mut Db, detail: &Detail, typed: Option<&Typed>) -> Result<Names, Failure> {
    let history = detail.history.iter().map(|posted| posted.actor.as_str());
    let refunds = detail.refunds.iter().map(|refund| refund.requested_by.as_str());
    let posted = detail.payment.posted_by.as_deref();
    let changed = match typed.and_then(|typed| typed.refusal.as_ref()) {
        Some(Refusal::ChangedMeanwhile { by, .. }) => Some(by.as_str()),
        _ => None,
    };
    let labels: Vec<&str> = history.chain(refunds).chain(posted).chain(changed).collect();
    Names::of(db, labels.into_iter()).await
}

fn page(staff: &Staff, detail: Detail, around: Around, typed: Option<Typed>) -> PaymentPage {
    let may = |permission| staff.role.may(permission);
    let draft = around.draft.as_ref().filter(|_| typed.is_none() && may(Permission::ApplyPayments));
    let lines = lines(&detail, &around, draft, typed.as_ref());
    let (row, payment, totals) = (&detail.row, &detail.payment, &detail.totals);
    let refused = typed.as_ref().and_then(|typed| typed.refusal.clone()).map(|refusal| {
        let by = match &refusal {
            Refusal::ChangedMeanwhile { by, .. } => around.names.get(by),
            _ => String::new(),
        };
        Refused { refusal, by }
    });
    PaymentPage {
        zone: staff.practice.zone(),
        id: payment.id.to_string(),
        version: typed.as_ref().and_then(|t| t.version).unwrap_or(payment.version),
        received_at: payment.received_at,
        guarantor: row.guarantor_name.clone(),
        guarantor_href: format!("/staff/patients/{}", row.guarantor),
        account: row.account.clone(),
        card: card(payment.brand.as_deref(), payment.last4.as_deref()),
        reference: payment.reference.clone(),
        captured: payment.captured,
        applied: totals.applied,
        refunded: payment.captured - totals.at_processor,
        under_way: totals.reserved,
        unapplied: totals.free().at_least_zero(),
        posted: payment
            .posted_at
            .map(|at| (at, around.names.get(payment.posted_by.as_deref().unwrap_or_default()))),
        dispute: payment.dispute,
        rest: detail.proposal.as_ref().map_or(Cents::ZERO, |proposal| proposal.rest),
        lines,
        draft: draft.map(|draft| draft.at),
        events: events(&detail, &around),
        refunds: detail
            .refunds
            .iter()
            .map(|refund| RefundLine {
                at: refund.requested_at,
                by: around.names.get(&refund.requested_by),
                amount: refund.amount,
                reason: refund.reason,
                state: refund.state,
                failure: refund.failure.clone(),
            })
            .collect(),
        attempts: around
            .attempts
            .iter()
            .map(|attempt| AttemptLine {
                at: attempt.created_at,
                amount: attempt.amount,
                source: attempt.source,
                flow: attempt.flow,
                state: attempt.state,
                declined: attempt.decline_code.as_deref().map(DeclineKind::of),
                is_this: attempt.id == payment.attempt,
            })
            .collect(),
        rights: PaymentRights {
            apply: may(Permission::ApplyPayments),
            refund: may(Permission::Refund),
            mark_posted: may(Permission::MarkPosted),
        },
        refused,
    }
}

/// The proposed visits, then whatever else has something left, oldest first.
fn lines(
    detail: &Detail,
    around: &Around,
    draft: Option<&Draft>,
    typed: Option<&Typed>,
) -> Vec<MatchLine> {
    let Some(proposal) = &detail.proposal else { return Vec::new() };
    let proposed: BTreeMap<&ClaimId, (Cents, Reason)> =
        proposal.lines.iter().map(|line| (&line.claim, (line.amount, line.reason))).collect();
    let place = |claim: &ClaimFacts| proposal.lines.iter().position(|l| l.claim == claim.id);
    let mut claims: Vec<&ClaimFacts> =
        detail.account.claims.iter().filter(|c| c.remaining().is_positive()).collect();
    claims
        .sort_by_key(|claim| (place(claim).unwrap_or(usize::MAX), claim.since(), claim.id.clone()));
    claims
        .into_iter()
        .filter_map(|claim| {
            let proposed = proposed.get(&claim.id);
            let drafted = draft.map(|draft| {
                let line = draft.lines.iter().find(|(id, _)| *id == claim.id);
                line.map_or(String::new(), |(_, typed)| typed.clone())
            });
            let (amount, error) = match typed {
                Some(typed) if !typed.lines.is_empty() => {
                    typed.lines.get(&claim.id).cloned().unwrap_or_default()
                }
                _ => {
                    let amount = proposed.map_or(String::new(), |(amount, _)| amount.plain());
                    (drafted.unwrap_or(amount), None)
                }
            };
            Some(MatchLine {
                claim: claim.id.to_string(),
                visit: around.label(&claim.id)?,
                left: claim.remaining(),
                amount,
                reason: proposed.map(|(_, reason)| *reason),
                is_asked: claim.is_payable(),
                error,
            })
        })
        .collect()
}

/// The journals of the payment, oldest first, and the posting.
fn events(detail: &Detail, around: &Around) -> Vec<MoneyEvent> {
    let reversed: BTreeSet<&JournalId> =
        detail.history.iter().filter_map(|posted| posted.reverses.as_ref()).collect();
    let mut order: Vec<&JournalId> = Vec::new();
    let mut journals: BTreeMap<&JournalId, Vec<&Posted>> = BTreeMap::new();
    for posted in &detail.history {
        let lines = journals.entry(&posted.journal).or_default();
        if lines.is_empty() {
            order.push(&posted.journal);
        }
        lines.push(posted);
    }
    let is_posted = detail.payment.posted_at.is_some();
    let mut events: Vec<MoneyEvent> = order
        .into_iter()
        .filter_map(|id| {
            let lines = &journals[id];
            let first = lines.first()?;
            let what = move_of(&first.kind, reversed.contains(id))?;
            let visits: Vec<_> = lines
                .iter()
                .filter_map(|line| {
                    Some((around.label(line.claim.as_ref()?)?, absolute(line.amount)))
                })
                .collect();
            // Every journal has one line that says how much it moved.
            let amount: Cents =
                lines.iter().map(|line| line.amount).filter(|amount| amount.is_positive()).sum();
            let undo = what == MoneyMove::Applied && !is_posted;
            Some(MoneyEvent {
                at: first.at,
                by: around.names.get(&first.actor),
                what,
                amount,
                visits,
                undo: undo.then(|| id.to_string()),
            })
        })
        .collect();
    if let (Some(at), by) = (detail.payment.posted_at, &detail.payment.posted_by) {
        events.push(MoneyEvent {
            at,
            by: around.names.get(by.as_deref().unwrap_or_default()),
            what: MoneyMove::Posted,
            amount: Cents::ZERO,
            visits: Vec::new(),
            undo: None,
        });
        events.sort_by_key(|event| event.at);
    }
    events
}

fn absolute(amount: Cents) -> Cents {
    amount.max(-amount)
}

fn move_of(kind: &str, is_reversed: bool) -> Option<MoneyMove> {
    let kind = JournalKind::ALL.into_iter().find(|known| known.as_str() == kind)?;
    Some(match kind {
        JournalKind::Capture => MoneyMove::Received,
        JournalKind::Apply if is_reversed => MoneyMove::AppliedThenUndone,
        JournalKind::Apply => MoneyMove::Applied,
        JournalKind::Unapply => MoneyMove::Undone,
        JournalKind::Refund => MoneyMove::Refunded,
        JournalKind::RefundReturned => MoneyMove::RefundCameBack,
        JournalKind::Chargeback => MoneyMove::TakenByBank,
        JournalKind::ChargebackReturned => MoneyMove::GivenBackByBank,
    })
}

/// `GET /staff/payments/{id}/refund`
pub async fn refund(house: web::Data<House>, staff: Staff, id: web::Path<String>) -> Answer {
    staff.require(&house, Permission::Refund).await?;
    let id: PaymentId = id.parse().map_err(|_| Failure::NotFound)?;
    let detail = house.payments.payment_detail(&staff.practice.id, &id).await.map_err(broken)?;
    let form = RefundForm { amount: detail.row.unapplied.plain(), reason: String::new() };
    show_refund(&house, &staff, &detail, form, RefundStep::Asking, None).await
}

/// What this person may give back of one payment alone.
pub fn refund_limit(staff: &Staff) -> Option<Cents> {
    let limit = staff.practice.settings.biller_refund_limit;
    (!staff.role.may(Permission::RefundAboveLimit)).then_some(limit)
}

/// The refund form at a step; 422 when the step is a refusal.
pub async fn show_refund(
    house: &House,
    staff: &Staff,
    detail: &Detail,
    form: RefundForm,
    step: RefundStep,
    version: Option<i64>,
) -> Answer {
    let payment = &detail.payment;
    let entry = staff.entry("payment_read", "payment", payment.id.as_str());
    house.audit(entry.about(&payment.guarantor).with("refund")).await?;
    let is_refused = matches!(step, RefundStep::Incomplete { .. } | RefundStep::Refused(_));
    let page = RefundPage {
        zone: staff.practice.zone(),
        id: payment.id.to_string(),
        version: version.unwrap_or(payment.version),
        card: card(payment.brand.as_deref(), payment.last4.as_deref()),
        reference: payment.reference.clone(),
        unapplied: detail.row.unapplied,
        limit: refund_limit(staff),
        form,
        step,
    };
    let html = page.html(&workspace::shell(house, staff, SECTION));
    let answer: HttpResponse = if is_refused { workspace::refused(html) } else { shown(html) };
    Ok(answer)
}
