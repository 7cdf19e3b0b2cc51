//! One online payment: where its money is, which visits it is for and why, what was done with it
//! and by whom, and the ways to apply, undo, refund and carry it over.

use domain::{
    clock::UnixMs,
    money::Cents,
    payment::{
        AttemptState, DeclineKind, DisputeState, Flow, RefundReason, RefundState, Refusal, Source,
    },
    proposal::Reason,
};
use jiff::tz::TimeZone;
use leptos::prelude::*;

use super::{
    StaffShell, VisitLabel,
    payment_words::{
        attempt_outcome, dispute_badge, dispute_sentence, reason_sentence, refund_reason,
        refund_state, refusal_sentence, way_of,
    },
};
use crate::{
    components::{
        Badge, Button, ButtonLink, Column, Errors, Facts, Form, Moment, Notice, Row, Table,
        Timeline, Tone, heading, instant, instant_full, money, paragraph,
    },
    when,
    words::Words,
};

const PATH: &str = "/staff/payments";

/// A visit that may get a part of the payment.
#[derive(Clone, Debug)]
pub struct MatchLine {
    /// Of the claim; names the field.
    pub claim: String,
    pub visit: VisitLabel,
    pub left: Cents,
    /// As proposed, as drafted, or as typed before something was refused.
    pub amount: String,
    /// None for a visit that was not proposed.
    pub reason: Option<Reason>,
    /// With the insurer or an agency: nobody asks the patient for it.
    pub is_asked: bool,
    pub error: Option<LineError>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineError {
    Malformed,
    /// More than is left on the visit.
    TooMuch(Cents),
}

impl LineError {
    fn sentence(self) -> String {
        match self {
            Self::Malformed => "Write dollars and cents, like 25.00.".to_owned(),
            Self::TooMuch(left) => format!("Only {left} is left on this visit."),
        }
    }
}

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

/// What of a form was refused.
#[derive(Clone, Debug)]
pub struct Refused {
    pub refusal: Refusal,
    /// Who changed it meanwhile.
    pub by: String,
}

/// What this member of staff may do with it.
#[derive(Clone, Copy, Debug, Default)]
pub struct PaymentRights {
    pub apply: bool,
    pub refund: bool,
    pub mark_posted: bool,
}

#[derive(Clone, Debug)]
pub struct PaymentPage {
    pub zone: TimeZone,
    pub id: String,
    /// What the forms were made for.
    pub version: i64,
    pub received_at: UnixMs,
    pub guarantor: String,
    pub guarantor_href: String,
    pub account: String,
    pub card: String,
    pub reference: String,
    pub captured: Cents,
    pub applied: Cents,
    pub refunded: Cents,
    /// On its way back.
    pub under_way: Cents,
    /// Free to apply or refund.
    pub unapplied: Cents,
    pub posted: Option<(UnixMs, String)>,
    pub dispute: Option<DisputeState>,
    /// Proposed ones first, oldest first.
    pub lines: Vec<MatchLine>,
    /// What the proposal leaves unapplied.
    pub rest: Cents,
    /// When the draft was kept that fills the lines.
    pub draft: Option<UnixMs>,
    pub events: Vec<MoneyEvent>,
    pub refunds: Vec<RefundLine>,
    pub attempts: Vec<AttemptLine>,
    pub rights: PaymentRights,
    pub refused: Option<Refused>,
}

impl PaymentPage {
    pub fn html(self, shell: &StaffShell) -> String {
        let errors = self.errors();
        let is_error = !errors.is_empty();
        let body = view! {
            {heading("Payment", is_error)}
            {errors.summary("Nothing was changed")}
            {self.reload()}
            {self.dispute.map(dispute_notice)}
            {self.facts()}
            {self.matching(&errors, &shell.csrf)}
            {self.other_ways(&shell.csrf)}
            {self.history(&shell.csrf)}
            {self.refund_list()}
            {self.tries()}
            <p><a href=PATH>"All online payments"</a></p>
        };
        if is_error { shell.error_page("Payment", body) } else { shell.page("Payment", body) }
    }

    fn errors(&self) -> Errors {
        let errors = self.lines.iter().fold(Errors::new(), |errors, line| match line.error {
            Some(error) => errors.on(field_of(&line.claim), error.sentence()),
            None => errors,
        });
        match &self.refused {
            Some(Refused { refusal: Refusal::MoreThanClaim { .. }, .. }) => errors,
            Some(refused) => {
                errors.overall(refusal_sentence(&refused.refusal, &refused.by, &self.zone))
            }
            None => errors,
        }
    }

    /// What somebody else changed has to be seen before it is changed again.
    fn reload(&self) -> Option<AnyView> {
        let refused = self.refused.as_ref()?;
        matches!(refused.refusal, Refusal::ChangedMeanwhile { .. }).then(|| {
            let href = format!("{PATH}/{}", self.id);
            let words = "What you typed was kept as your draft.";
            view! { <p>{words}" "<a href=href>"Reload this payment"</a></p> }.into_any()
        })
    }

    fn facts(&self) -> AnyView {
        let w = Words::default();
        let who = Facts::new()
            .row("Received", instant_full(w, self.received_at, &self.zone))
            .row("Guarantor", {
                let (href, name) = (self.guarantor_href.clone(), self.guarantor.clone());
                view! { <a href=href>{name}</a> }
            })
            .row("Account", self.account.clone())
            .row("Card", self.card.clone())
            .row("Reference", self.reference.clone())
            .row(
                "Posted",
                match &self.posted {
                    Some((at, by)) => {
                        format!("{}, by {by}", when::instant(w, *at, &self.zone))
                    }
                    None => "No".to_owned(),
                },
            )
            .maybe("Dispute", self.dispute.map(dispute_badge));
        let under_way = self.under_way.is_positive().then(|| money(self.under_way));
        let sums = Facts::new()
            .class("sums")
            .row("Captured", money(self.captured))
            .row("Applied", money(self.applied))
            .row("Refunded", money(self.refunded))
            .maybe("Refund under way", under_way)
            .row("Unapplied", money(self.unapplied));
        view! {
            <div class="columns">
                <section class="panel" aria-label="What was paid">{who}</section>
                <section class="panel" aria-label="Where the money is">{sums}</section>
            </div>
        }
        .into_any()
    }

    /// The lines and the button; in words where there is nothing to apply or nobody who may.
    fn matching(&self, errors: &Errors, csrf: &str) -> AnyView {
        let title = "Apply to visits";
        let words = match () {
            () if self.posted.is_some() => {
                "It is marked as posted: the practice's system shows it. Mark it as not posted to \
                 change what it is applied to."
            }
            () if !self.unapplied.is_positive() => "Nothing of this payment is unapplied.",
            () if self.lines.is_empty() => {
                "Nothing is open on this account: it was paid too much or in advance. Leave it for \
                 the next visit, or refund it."
            }
            () => {
                return view! {
                    <section aria-labelledby="match">
                        <h2 id="match">{title}</h2>
                        {self.match_form(errors, csrf)}
                    </section>
                }
                .into_any();
            }
        };
        view! { <section aria-labelledby="match"><h2 id="match">{title}</h2><p>{words}</p></section> }
            .into_any()
    }

    fn match_form(&self, errors: &Errors, csrf: &str) -> AnyView {
        let w = Words::default();
        let may = self.rights.apply;
        let rows = self.lines.iter().map(|line| self.match_row(w, line, errors)).collect();
        let columns = vec![
            Column::new("Visit"),
            Column::new("Patient"),
            Column::new("Left").number(),
            Column::new("Apply").number(),
            Column::new("Why"),
        ];
        let table = Table::new("Visits of this account", columns).rows(rows);
        let rest = self.rest.is_positive().then(|| {
            let words = format!("{} is more than what is open and stays unapplied.", self.rest);
            paragraph(words)
        });
        let intro = paragraph(
            "Proposed from the oldest bill to the newest. Change any amount; a visit without one \
             stays as it is.",
        );
        let elsewhere = paragraph(
            "For somebody else's bill, refund it with the reason \u{201c}Paid on the wrong \
             account\u{201d} and send them their own link.",
        );
        if !may {
            return view! { {intro}{table}{rest} }.into_any();
        }
        let draft = self.draft.map(|at| {
            let words = format!("Your draft of {} is filled in.", when::instant(w, at, &self.zone));
            Notice::status(Tone::Plain).text(words).view()
        });
        let discard =
            self.draft.map(|_| Button::quiet("Discard draft").sends("do", "discard").view());
        let form = Form::post(format!("{PATH}/{}", self.id), csrf)
            .hidden("version", self.version.to_string())
            .body(view! {
                {table}
                {rest}
                <div class="actions">
                    {Button::primary("Apply").sends("do", "apply")}
                    {Button::secondary("Save draft").sends("do", "draft")}
                    {discard}
                </div>
            });
        view! { {intro}{draft}{form}{elsewhere} }.into_any()
    }

    fn match_row(&self, w: Words, line: &MatchLine, errors: &Errors) -> Row {
        let visit = &line.visit;
        let place = visit.place.as_deref().map_or(String::new(), |place| format!("{place}, "));
        let number = format!("{place}claim {}", visit.number);
        let why = match line.reason {
            Some(reason) => reason_sentence(reason),
            None if line.is_asked => "Not proposed.",
            None => "Not proposed: the patient is not asked for it now.",
        };
        let amount = if self.rights.apply {
            self.amount_field(w, line, errors.of(&field_of(&line.claim)))
        } else {
            let amount = Cents::parse_typed(&line.amount).unwrap_or_default();
            amount.is_positive().then(|| money(amount)).into_any()
        };
        Row::new()
            .cell(view! { {when::day(w, visit.service_on)}<br/><small>{number}</small> })
            .cell(visit.patient.clone())
            .cell(money(line.left))
            .cell(amount)
            .cell(why)
    }

    /// Its row is its visible label; a screen reader hears the whole of it.
    fn amount_field(&self, w: Words, line: &MatchLine, error: Option<String>) -> AnyView {
        let name = field_of(&line.claim);
        let id = format!("f-{name}");
        let label = format!("Apply to {}, {} left", line.visit.short(w), line.left);
        let described = error.as_ref().map(|_| format!("{id}-error"));
        let invalid = error.as_ref().map(|_| "true");
        let error = error.map(|text| {
            let id = format!("{id}-error");
            view! { <p class="error" id=id>{text}</p> }
        });
        let value = Some(line.amount.clone()).filter(|typed| !typed.is_empty());
        view! {
            {error}
            <span class="prefixed">
                <span aria-hidden="true">"$"</span>
                <input
                    id=id
                    class="cents"
                    name=name
                    type="text"
                    value=value
                    inputmode="decimal"
                    autocomplete="off"
                    maxlength="16"
                    aria-label=label
                    aria-invalid=invalid
                    aria-describedby=described
                />
            </span>
        }
        .into_any()
    }

    /// Refund and posting.
    fn other_ways(&self, csrf: &str) -> Option<AnyView> {
        let blocked = self.dispute.is_some_and(DisputeState::blocks_refunds);
        let refund = (self.rights.refund && self.unapplied.is_positive() && !blocked).then(|| {
            let href = format!("{PATH}/{}/refund", self.id);
            ButtonLink::secondary(href, "Refund unapplied money").view()
        });
        let posting = self.rights.mark_posted.then(|| {
            let form = Form::post(format!("{PATH}/{}/posted", self.id), csrf);
            match self.posted {
                None => {
                    form.hidden("posted", "yes").body(Button::secondary("Mark as posted").view())
                }
                Some(_) => {
                    form.hidden("posted", "no").body(Button::secondary("Mark as not posted").view())
                }
            }
        });
        let hint = (self.rights.mark_posted && self.posted.is_none()).then(|| {
            let open = if self.unapplied.is_positive() {
                " What is unapplied then no longer lowers what the account is asked for here."
            } else {
                ""
            };
            let words = "Mark it as posted once the practice's system shows the payment: from \
                         then on its figures count, and the payment leaves the export.";
            view! { <p class="hint">{format!("{words}{open}")}</p> }
        });
        (refund.is_some() || posting.is_some()).then(|| {
            view! {
                <section aria-labelledby="more">
                    <h2 id="more">"Refund and posting"</h2>
                    <div class="actions">{refund}{posting}</div>
                    {hint}
                </section>
            }
            .into_any()
        })
    }

    fn history(&self, csrf: &str) -> AnyView {
        let w = Words::default();
        let moments = self.events.iter().rev().map(|event| self.moment(w, event, csrf)).collect();
        view! {
            <section aria-labelledby="history">
                <h2 id="history">"What was done with it"</h2>
                {Timeline::new(moments, "Nothing yet.")}
            </section>
        }
        .into_any()
    }

    fn moment(&self, w: Words, event: &MoneyEvent, csrf: &str) -> Moment {
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
        let undo = event.undo.clone().filter(|_| self.rights.apply).map(|journal| {
            let name = format!(
                "Undo the match of {}, {}",
                event.amount,
                when::instant(w, event.at, &self.zone)
            );
            Form::post(format!("{PATH}/{}/undo", self.id), csrf)
                .hidden("journal", journal)
                .hidden("version", self.version.to_string())
                .body(Button::secondary("Undo").named(name).view())
        });
        let by = format!("By {}", event.by);
        Moment::new(instant(w, event.at, &self.zone), title).tone(tone).body(view! {
            <p><small>{by}</small></p>
            {visits}
            {undo}
        })
    }

    fn refund_list(&self) -> Option<AnyView> {
        let w = Words::default();
        if self.refunds.is_empty() {
            return None;
        }
        let rows = self
            .refunds
            .iter()
            .map(|refund| {
                let failure = refund.failure.clone().map(|why| format!("Stripe says: {why}"));
                Row::new()
                    .cell(instant(w, refund.at, &self.zone))
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

    fn tries(&self) -> AnyView {
        let w = Words::default();
        let rows = self
            .attempts
            .iter()
            .map(|one| {
                let this = one.is_this.then(|| Badge::new("This payment").tone(Tone::Good).view());
                Row::new()
                    .cell(instant(w, one.at, &self.zone))
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
                {Table::new("Tries to pay", columns).rows(rows)}
            </section>
        }
        .into_any()
    }
}

fn field_of(claim: &str) -> String {
    format!("amount.{claim}")
}

fn dispute_notice(state: DisputeState) -> AnyView {
    let tone = match state {
        DisputeState::Won => Tone::Plain,
        DisputeState::Inquiry => Tone::Warn,
        DisputeState::Open | DisputeState::Lost => Tone::Danger,
    };
    Notice::new(tone).text(dispute_sentence(state)).view()
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
