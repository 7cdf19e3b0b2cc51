//! What became of an online payment: its journals with their undo, its refunds, and the tries to pay
//! that led to it.

use domain::{
    clock::UnixMs,
    money::Cents,
    payment::{AttemptState, DeclineKind, Flow, RefundReason, RefundState, Source},
};
use leptos::prelude::*;

use super::{
    PaymentPage, VisitLabel,
    payment_words::{attempt_outcome, refund_reason, refund_state, way_of},
};
use crate::{
    components::{
        Badge, Button, Column, Form, Moment, Row, Table, Timeline, Tone, instant, money, paragraph,
    },
    when,
    words::Words,
};

const PATH: &str = "/staff/payments";

/// What was done with the money, by whom.
#[derive(Clone, Debug)]
pub struct MoneyEvent {
    pub at: UnixMs,
    pub by: String,
    pub what: MoneyMove,
    pub amount: Cents,
    /// What each visit got or lost.
    pub visits: Vec<(VisitLabel, Cents)>,
    /// Set on a match that can be taken back.
    pub undo: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoneyMove {
    Received,
    Applied,
    /// A match that was taken back since.
    AppliedThenUndone,
    Undone,
    Refunded,
    RefundCameBack,
    TakenByBank,
    GivenBackByBank,
    Posted,
}

#[derive(Clone, Debug)]
pub struct RefundLine {
    pub at: UnixMs,
    pub by: String,
    pub amount: Cents,
    pub reason: RefundReason,
    pub state: RefundState,
    /// In the processor's words.
    pub failure: Option<String>,
}

/// A try to pay. Only the one that succeeded is a payment.
#[derive(Clone, Debug)]
pub struct AttemptLine {
    pub at: UnixMs,
    pub amount: Cents,
    pub source: Source,
    pub flow: Flow,
    pub state: AttemptState,
    pub declined: Option<DeclineKind>,
    /// The try that became this payment.
    pub is_this: bool,
}

impl MoneyEvent {
    fn title(&self) -> (String, Tone) {
        let amount = self.amount;
        let visits = match self.visits.len() {
            1 => "1 visit".to_owned(),
            many => format!("{many} visits"),
        };
        match self.what {
            MoneyMove::Received => (format!("{amount} received"), Tone::Good),
            MoneyMove::Applied => (format!("{amount} applied to {visits}"), Tone::Good),
            MoneyMove::AppliedThenUndone => {
                (format!("{amount} matched to {visits}, taken back since"), Tone::Plain)
            }
            MoneyMove::Undone => (format!("Match of {amount} taken back"), Tone::Warn),
            MoneyMove::Refunded => (format!("{amount} refunded"), Tone::Plain),
            MoneyMove::RefundCameBack => (format!("Refund of {amount} came back"), Tone::Warn),
            MoneyMove::TakenByBank => (format!("{amount} taken back by the bank"), Tone::Danger),
            MoneyMove::GivenBackByBank => (format!("{amount} given back by the bank"), Tone::Good),
            MoneyMove::Posted => ("Marked as posted".to_owned(), Tone::Plain),
        }
    }
}

pub(super) fn done(page: &PaymentPage, csrf: &str) -> AnyView {
    let w = Words::default();
    let moments = page.events.iter().rev().map(|event| moment(page, w, event, csrf)).collect();
    view! {
        <section aria-labelledby="history">
            <h2 id="history">"What was done with it"</h2>
            {Timeline::new(moments, "Nothing yet.")}
        </section>
    }
    .into_any()
}

fn moment(page: &PaymentPage, w: Words, event: &MoneyEvent, csrf: &str) -> Moment {
    let (title, tone) = event.title();
    let visits: Vec<AnyView> = event
        .visits
        .iter()
        .map(|(visit, amount)| {
            let words = format!("{amount}: {}", visit.short(w));
            view! { <li>{words}</li> }.into_any()
        })
        .collect();
    let visits = (!visits.is_empty()).then(|| view! { <ul>{visits}</ul> });
    let undo = event.undo.clone().filter(|_| page.rights.apply).map(|journal| {
        let name = format!(
            "Undo the match of {}, {}",
            event.amount,
            when::instant(w, event.at, &page.zone)
        );
        Form::post(format!("{PATH}/{}/undo", page.id), csrf)
            .hidden("journal", journal)
            .hidden("version", page.version.to_string())
            .body(Button::secondary("Undo").named(name).view())
    });
    let by = format!("By {}", event.by);
    Moment::new(instant(w, event.at, &page.zone), title).tone(tone).body(view! {
        <p><small>{by}</small></p>
        {visits}
        {undo}
    })
}

pub(super) fn refunds(page: &PaymentPage) -> Option<AnyView> {
    let w = Words::default();
    if page.refunds.is_empty() {
        return None;
    }
    let rows = page
        .refunds
        .iter()
        .map(|refund| {
            let failure = refund.failure.clone().map(|why| format!("Stripe says: {why}"));
            Row::new()
                .cell(instant(w, refund.at, &page.zone))
                .cell(money(refund.amount))
                .cell(refund_reason(refund.reason))
                .cell(view! { {refund_state(refund.state)}<small>{failure}</small> })
                .cell(refund.by.clone())
        })
        .collect();
    let columns = vec![
        Column::new("Asked for"),
        Column::new("Amount").number(),
        Column::new("Reason"),
        Column::new("State"),
        Column::new("By"),
    ];
    let table = Table::new("Refunds", columns).rows(rows);
    Some(view! { <h2>"Refunds"</h2>{table} }.into_any())
}

pub(super) fn tries(page: &PaymentPage) -> AnyView {
    let w = Words::default();
    let rows = page
        .attempts
        .iter()
        .map(|one| {
            let this = one.is_this.then(|| Badge::new("This payment").tone(Tone::Good).view());
            Row::new()
                .cell(instant(w, one.at, &page.zone))
                .cell(money(one.amount))
                .cell(way_of(one.source, one.flow))
                .cell(view! { {attempt_outcome(one.state, one.declined)}" "{this} })
        })
        .collect();
    let columns = vec![
        Column::new("Begun"),
        Column::new("Amount").number(),
        Column::new("How"),
        Column::new("Outcome"),
    ];
    view! {
        <section aria-labelledby="tries">
            <h2 id="tries">"Tries to pay"</h2>
            {paragraph("Up to this payment. A declined try is no payment: nothing was charged.")}
            {Table::new("Tries up to this payment", columns).rows(rows)}
        </section>
    }
    .into_any()
}
