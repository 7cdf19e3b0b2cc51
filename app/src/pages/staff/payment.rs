//! One online payment: where its money is, which visits it is for and why, what was done with it
//! and by whom, and the ways to apply, undo, refund and carry it over.

use domain::{
    clock::UnixMs,
    money::Cents,
    payment::{DisputeState, Refusal},
    proposal::Reason,
};
use jiff::tz::TimeZone;
use leptos::prelude::*;

use super::{
    AttemptLine, MoneyEvent, RefundLine, StaffShell, VisitLabel, payment_history,
    payment_words::{dispute_badge, dispute_sentence, reason_sentence, refusal_sentence},
};
use crate::{
    components::{
        Button, ButtonLink, Column, Errors, Facts, Form, Notice, Row, Table, Tone, heading,
        instant_full, money, paragraph,
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
            {payment_history::done(&self, &shell.csrf)}
            {payment_history::refunds(&self)}
            {payment_history::tries(&self)}
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
                    <section class="match" aria-labelledby="match">
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
            .cell(view! {
                {when::day(w, visit.service_on)}
                <div class="patient-name">{visit.patient.clone()}</div>
                <small>{number}</small>
            })
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

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn page(rights: PaymentRights) -> PaymentPage {
        let visit = |patient: &str| VisitLabel {
            service_on: date(2026, 1, 20),
            place: Some("Main Street".into()),
            patient: patient.into(),
            number: "C-1".into(),
        };
        let line = |claim: &str, amount: &str, reason| MatchLine {
            claim: claim.into(),
            visit: visit("Leo <b>Lopez"),
            left: Cents(25_00),
            amount: amount.into(),
            reason,
            is_asked: true,
            error: None,
        };
        PaymentPage {
            zone: TimeZone::UTC,
            id: "pay_1".into(),
            version: 3,
            received_at: UnixMs(1_775_999_040_000),
            guarantor: "Maria Lopez".into(),
            guarantor_href: "/staff/patients/gua_1".into(),
            account: "G1".into(),
            card: "Visa 4242".into(),
            reference: "EBCC-RVG6".into(),
            captured: Cents(40_00),
            applied: Cents::ZERO,
            refunded: Cents::ZERO,
            under_way: Cents::ZERO,
            unapplied: Cents(40_00),
            posted: None,
            dispute: None,
            lines: vec![
                line("clm_1", "25.00", Some(Reason::OldestFirst)),
                line("clm_2", "15.00", Some(Reason::OldestFirstInPart)),
            ],
            rest: Cents::ZERO,
            draft: None,
            events: vec![MoneyEvent {
                at: UnixMs(1_775_999_040_000),
                by: "Clearbill".into(),
                what: crate::pages::staff::MoneyMove::Applied,
                amount: Cents(10_00),
                visits: vec![(visit("Leo"), Cents(10_00))],
                undo: Some("jnl_1".into()),
            }],
            refunds: Vec::new(),
            attempts: Vec::new(),
            rights,
            refused: None,
        }
    }

    fn shell() -> StaffShell {
        StaffShell {
            practice: "Elm Street".into(),
            accent: "#0b6157".into(),
            staff_name: "Sam".into(),
            role: "Biller".into(),
            csrf: "token".into(),
            section: PATH.into(),
            navigation: Vec::new(),
            sms_enabled: false,
            idle_minutes: 15,
            flash: None,
            alarm: None,
        }
    }

    const ALL: PaymentRights = PaymentRights { apply: true, refund: true, mark_posted: true };

    #[test]
    fn a_biller_sees_the_proposal_with_its_reasons_and_can_change_it() {
        let html = page(ALL).html(&shell());
        assert!(html.contains("The oldest open bill comes first; the money ends here."), "{html}");
        assert!(html.contains("name=\"amount.clm_2\""), "{html}");
        assert!(html.contains("value=\"15.00\""), "{html}");
        assert!(html.contains("Leo &lt;b&gt;Lopez"), "{html}");
        for button in ["Apply", "Save draft", "Undo", "Mark as posted"] {
            assert!(html.contains(&format!(">{button}</button>")), "{button}: {html}");
        }
    }

    #[test]
    fn a_viewer_sees_the_same_and_can_change_nothing() {
        let html = page(PaymentRights::default()).html(&shell());
        assert!(html.contains("$15.00"), "{html}");
        let main = html.split_once("<main").unwrap().1;
        assert!(!main.contains("<button") && !main.contains("<input"), "{main}");
        assert!(!main.contains("/refund"), "{main}");
    }

    #[test]
    fn what_was_typed_comes_back_with_how_much_there_is() {
        let mut refused = page(ALL);
        refused.lines[0].amount = "30.00".into();
        refused.lines[1].error = Some(LineError::Malformed);
        refused.refused = Some(Refused {
            refusal: Refusal::OnlyUnapplied { cents: Cents(40_00) },
            by: String::new(),
        });
        let html = refused.html(&shell());
        assert!(html.contains("<title>Error: Payment"), "{html}");
        assert!(html.contains("Only $40.00 of this payment is unapplied."), "{html}");
        assert!(html.contains("value=\"30.00\""), "{html}");
        assert!(html.contains("href=\"#f-amount.clm_2\""), "{html}");
        assert!(html.contains("aria-describedby=\"f-amount.clm_2-error\""), "{html}");
    }

    #[test]
    fn money_the_bank_disputes_cannot_be_refunded() {
        let mut disputed = page(ALL);
        disputed.dispute = Some(DisputeState::Open);
        let html = disputed.html(&shell());
        assert!(html.contains("disputes this payment"), "{html}");
        assert!(!html.contains("/refund\""), "{html}");
    }

    #[test]
    fn a_posted_payment_is_not_matched_again() {
        let mut posted = page(ALL);
        posted.posted = Some((UnixMs(1_775_999_040_000), "Ana Diaz".into()));
        let html = posted.html(&shell());
        assert!(!html.contains(">Apply</button>"), "{html}");
        assert!(html.contains(">Mark as not posted</button>"), "{html}");
    }
}
