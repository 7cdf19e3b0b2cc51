//! The receipt of a settled payment, and the receipts of an account: a list, and each for paper.
//!
//! Without a sign-in a receipt names no person, visit or provider: whoever paid may keep it.

use domain::{clock::UnixMs, money::Cents};
use jiff::{civil::Date, tz::TimeZone};
use leptos::prelude::*;

use super::PatientShell;
use crate::{
    components::{ButtonLink, Facts, Notice, Tone, heading, instant_full, money, paragraph},
    when,
    words::Words,
};

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

/// A visit that a payment was applied to.
#[derive(Clone, Debug)]
pub struct PaidVisit {
    /// Day, patient and place; `None` where the payer may read the amount only (D-2).
    pub visit: Option<(Date, String, Option<String>)>,
    pub amount: Cents,
}

/// A receipt in the account: what one hands to an employer or an insurer, so it names the practice
/// as it is registered, who paid, and what for.
#[derive(Clone, Debug)]
pub struct AccountReceipt {
    /// The practice's legal name and address, as on an envelope.
    pub practice: Vec<String>,
    pub payer: String,
    /// The account's number in the practice's system.
    pub account: String,
    pub amount: Cents,
    pub at: UnixMs,
    pub zone: TimeZone,
    pub brand: String,
    pub last_four: String,
    pub reference: String,
    pub refunded: Cents,
    /// What is still due on the account today.
    pub remaining: Cents,
    pub visits: Vec<PaidVisit>,
}

impl AccountReceipt {
    pub fn html(self, shell: &PatientShell) -> String {
        let w = shell.words();
        let title = w.t("receipt-title");
        let from: Vec<AnyView> = self
            .practice
            .into_iter()
            .map(|line| view! { <span>{line}</span><br/> }.into_any())
            .collect();
        let ending = [("brand", self.brand.into()), ("last", self.last_four.into())];
        let facts = Facts::new()
            .row(w.t("receipt-amount"), money(self.amount))
            .row(w.t("receipt-when"), instant_full(w, self.at, &self.zone))
            .row(w.t("receipt-payer"), self.payer)
            .row(w.t("statement-account"), self.account)
            .row(w.t("receipt-card"), w.with("receipt-card-ending", &ending))
            .row(w.t("receipt-reference"), self.reference)
            .maybe(
                w.t("receipt-refunded"),
                self.refunded.is_positive().then(|| money(self.refunded)),
            )
            .row(w.t("receipt-remaining"), money(self.remaining));
        let body = view! {
            {heading(title, false)}
            <address>{from}</address>
            {facts}
            {paid_for(w, self.visits)}
            <p class="beside">{w.t("receipt-print")}</p>
            <p class="links"><a href="/account/receipts">{w.t("receipts-all")}</a></p>
        };
        shell.page(title, body)
    }
}

/// What the payment went to, or that the office has not said yet.
fn paid_for(w: Words, visits: Vec<PaidVisit>) -> AnyView {
    if visits.is_empty() {
        return paragraph(w.t("receipt-not-applied"));
    }
    let rows = visits.into_iter().fold(Facts::new(), |facts, paid| {
        let name = match paid.visit {
            Some((on, patient, place)) => {
                let parts = [Some(when::day(w, on)), Some(patient), place];
                parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
            }
            None => w.t("bill-amount-only").to_owned(),
        };
        facts.row(name, money(paid.amount))
    });
    view! { <h2>{w.t("receipt-paid-for")}</h2>{rows} }.into_any()
}

/// One line of the list.
#[derive(Clone, Debug)]
pub struct ReceiptLine {
    pub payment: String,
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
                let href = format!("/account/receipts/{}", line.payment);
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
