//! The receipt of a settled payment, and the list of receipts of an account.
//!
//! Without a sign-in it names no person, visit or provider: whoever paid may keep it.

use domain::{clock::UnixMs, money::Cents};
use jiff::tz::TimeZone;
use leptos::prelude::*;

use super::PatientShell;
use crate::components::{ButtonLink, Facts, Notice, Tone, heading, instant_full, money, paragraph};

#[derive(Clone, Debug)]
pub struct Receipt {
    pub amount: Cents,
    pub at: UnixMs,
    pub zone: TimeZone,
    /// `Visa`, `Apple Pay (Visa)`
    pub brand: String,
    pub last_four: String,
    pub reference: String,
    /// What is still due on the account.
    pub remaining: Cents,
    /// What was given back since.
    pub refunded: Cents,
    /// Masked.
    pub sent_to: Vec<String>,
    /// Offer an account to keep receipts; only from a valid link.
    pub offers_account: bool,
    /// Where to pay the rest, while something remains and it can be paid.
    pub pay_href: Option<String>,
}

impl Receipt {
    pub fn html(self, shell: &PatientShell) -> String {
        let w = shell.words();
        let title = w.t("receipt-title");
        let card = w.with(
            "receipt-card-ending",
            &[("brand", self.brand.into()), ("last", self.last_four.into())],
        );
        let facts = Facts::new()
            .row(w.t("receipt-amount"), money(self.amount))
            .row(w.t("receipt-when"), instant_full(w, self.at, &self.zone))
            .row(w.t("receipt-to"), shell.practice.alias.clone())
            .row(w.t("receipt-card"), card)
            .row(w.t("receipt-reference"), self.reference)
            .maybe(
                w.t("receipt-refunded"),
                self.refunded.is_positive().then(|| money(self.refunded)),
            )
            .row(w.t("receipt-remaining"), money(self.remaining));
        let sent = (!self.sent_to.is_empty()).then(|| {
            let to = self.sent_to.join(", ");
            paragraph(w.with("receipt-sent", &[("contact", to.into())]))
        });
        let rest = self
            .pay_href
            .filter(|_| self.remaining.is_positive())
            .map(|href| ButtonLink::secondary(href, w.t("receipt-pay-rest")).view());
        let account = self.offers_account.then(|| {
            view! { <p class="links"><a href="/create-account">{w.t("receipt-keep")}</a></p> }
        });
        let body = view! {
            {heading(title, true)}
            {Notice::status(Tone::Good).text(w.t("receipt-thanks"))}
            {facts}
            {sent}
            <p class="beside">{w.t("receipt-print")}</p>
            {rest}
            {account}
        };
        shell.page(title, body)
    }
}

/// One line of the list.
#[derive(Clone, Debug)]
pub struct ReceiptLine {
    pub attempt: String,
    pub at: UnixMs,
    pub amount: Cents,
    pub refunded: Cents,
    pub card: String,
    pub reference: String,
}

#[derive(Clone, Debug)]
pub struct Receipts {
    pub zone: TimeZone,
    /// Newest first.
    pub lines: Vec<ReceiptLine>,
}

impl Receipts {
    pub fn html(self, shell: &PatientShell) -> String {
        let w = shell.words();
        let title = w.t("receipts-title");
        let zone = self.zone;
        let lines: Vec<AnyView> = self
            .lines
            .into_iter()
            .map(|line| {
                let href = format!("/receipt/{}", line.attempt);
                let when = instant_full(w, line.at, &zone);
                let refunded = line.refunded.is_positive().then(|| {
                    let back = line.refunded.to_string();
                    paragraph(w.with("receipts-refunded", &[("amount", back.into())]))
                });
                let detail = format!("{} · {} · {}", line.amount, line.card, line.reference);
                view! { <li class="visit"><a href=href>{when}</a><p>{detail}</p>{refunded}</li> }
                    .into_any()
            })
            .collect();
        let list = if lines.is_empty() {
            paragraph(w.t("receipts-empty"))
        } else {
            view! { <ul class="links">{lines}</ul> }.into_any()
        };
        shell.page(title, view! { {heading(title, false)} {list} })
    }
}
