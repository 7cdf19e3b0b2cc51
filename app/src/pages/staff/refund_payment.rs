//! Giving unapplied money back, with a reason: asked, confirmed, done. What is applied has to be
//! taken off its visits first (D-21).

use domain::{money::Cents, payment::Refusal};
use jiff::tz::TimeZone;
use leptos::prelude::*;

use super::{
    Refused, StaffShell,
    payment_words::{REFUND_REASONS, refusal_sentence},
};
use crate::components::{Button, ButtonLink, Confirm, Errors, Field, Form, Select, heading};

const PATH: &str = "/staff/payments";

/// What was typed into the refund form.
#[derive(Clone, Debug, Default)]
pub struct RefundForm {
    pub amount: String,
    /// `paid_twice`
    pub reason: String,
}

/// How far the form is.
#[derive(Clone, Debug)]
pub enum RefundStep {
    Asking,
    /// The amount cannot be read, or no reason was chosen.
    Incomplete {
        amount: bool,
        reason: bool,
    },
    Refused(Refused),
    /// "Refund $82.00?"
    Confirming(Cents),
}

/// `/staff/payments/{id}/refund`
#[derive(Clone, Debug)]
pub struct RefundPage {
    pub zone: TimeZone,
    pub id: String,
    pub version: i64,
    pub card: String,
    pub reference: String,
    pub unapplied: Cents,
    /// What this person may give back alone.
    pub limit: Option<Cents>,
    pub form: RefundForm,
    pub step: RefundStep,
}

impl RefundPage {
    pub fn html(self, shell: &StaffShell) -> String {
        let errors = self.errors();
        let is_error = !errors.is_empty();
        let title = "Refund unapplied money";
        let back = format!("{PATH}/{}", self.id);
        let main = match self.step {
            RefundStep::Confirming(amount) => self.confirm(amount, &shell.csrf),
            _ => self.ask(&errors, &shell.csrf),
        };
        let payment = format!("Payment {}, {}", self.reference, self.card);
        let body = view! {
            {heading(title, is_error)}
            {errors.summary("Nothing was refunded")}
            <p>{payment}</p>
            {main}
            <p><a href=back>"Back to the payment"</a></p>
        };
        if is_error { shell.error_page(title, body) } else { shell.page(title, body) }
    }

    fn errors(&self) -> Errors {
        match &self.step {
            RefundStep::Asking | RefundStep::Confirming(_) => Errors::new(),
            RefundStep::Incomplete { amount, reason } => {
                let errors = Errors::new();
                let errors = match amount {
                    true => errors.on("amount", "Write dollars and cents, like 25.00."),
                    false => errors,
                };
                match reason {
                    true => errors.on("reason", "Choose why the money goes back."),
                    false => errors,
                }
            }
            RefundStep::Refused(refused) => {
                let sentence = refusal_sentence(&refused.refusal, &refused.by, &self.zone);
                match refused.refusal {
                    Refusal::OnlyUnapplied { .. }
                    | Refusal::AmountMissing
                    | Refusal::AboveLimit { .. } => Errors::new().on("amount", sentence),
                    _ => Errors::new().overall(sentence),
                }
            }
        }
    }

    fn ask(&self, errors: &Errors, csrf: &str) -> AnyView {
        let hint = match self.limit {
            Some(limit) if limit < self.unapplied => {
                format!("{} is unapplied. You can refund up to {limit}.", self.unapplied)
            }
            _ => format!("{} is unapplied.", self.unapplied),
        };
        let reasons = REFUND_REASONS.iter().map(|(reason, words)| (reason.as_str(), *words));
        Form::post(format!("{PATH}/{}/refund", self.id), csrf)
            .hidden("version", self.version.to_string())
            .body(view! {
                {Field::amount("amount", "Amount")
                    .hint(hint)
                    .value(self.form.amount.clone())
                    .error(errors.of("amount"))
                    .autocomplete("off")}
                {Select::new("reason", "Reason")
                    .option("", "Choose one")
                    .options(reasons)
                    .chosen(self.form.reason.clone())
                    .error(errors.of("reason"))}
                <div class="actions">{Button::primary("Refund")}</div>
            })
    }

    fn confirm(&self, amount: Cents, csrf: &str) -> AnyView {
        let form = Form::post(format!("{PATH}/{}/refund", self.id), csrf)
            .hidden("version", self.version.to_string())
            .hidden("amount", amount.plain())
            .hidden("reason", self.form.reason.clone())
            .hidden("confirmed", "yes");
        Confirm::new(
            format!("Refund {amount} to {}?", self.card),
            form,
            Button::danger("Yes, refund it"),
            ButtonLink::secondary(format!("{PATH}/{}", self.id), "No, go back"),
        )
        .detail(
            "It goes to the card it came from, in five to ten days. It cannot be taken back. \
             Stripe keeps its fee.",
        )
        .view()
    }
}
