//! Your Bill Details: per patient and visit what was charged, what insurance did, what is left.
//!
//! Only after sign-in. An adult child's or a restricted line shows its amount and nothing else
//! (D-2); text from the practice's system carries its own language.

use domain::{clock::UnixMs, money::Cents};
use jiff::{civil::Date, tz::TimeZone};
use leptos::prelude::*;

use super::PatientShell;
use crate::{
    components::{
        Badge, Button, Checkbox, Facts, Form, Notice, Tone, day, heading, instant, money, paragraph,
    },
    refusal::{Refusal, errors},
    words::Words,
};

/// One visit that still has something to pay.
#[derive(Clone, Debug)]
pub struct VisitLine {
    pub claim: String,
    pub on: Date,
    /// As the practice's system calls it.
    pub place: Option<String>,
    /// What for, one entry a charge line.
    pub services: Vec<String>,
    pub charged: Cents,
    pub insurance_paid: Cents,
    pub adjusted: Cents,
    pub you_paid: Cents,
    pub you_owe: Cents,
    /// The message that brought the reader here was about this bill.
    pub is_marked: bool,
}

/// The lines of one patient.
#[derive(Clone, Debug)]
pub struct PatientLines {
    /// `None` where only amounts may be shown.
    pub name: Option<String>,
    pub visits: Vec<VisitLine>,
    /// What is owed for visits that may not be shown.
    pub unseen_owed: Cents,
}

/// A visit insurance has not answered yet; not part of what is due.
#[derive(Clone, Debug)]
pub struct WaitingVisit {
    pub on: Date,
    pub name: Option<String>,
    pub charged: Cents,
}

#[derive(Clone, Debug)]
pub struct BillDetails {
    /// Which account this is, for those with several; else empty.
    pub account: String,
    pub due: Cents,
    pub as_of: UnixMs,
    pub zone: TimeZone,
    pub patients: Vec<PatientLines>,
    /// Payments received, not yet posted, newest first.
    pub unposted: Vec<(UnixMs, Cents)>,
    pub credits: Cents,
    /// Placed with an agency: shown, not payable here (D-51).
    pub in_collections: Cents,
    pub waiting: Vec<WaitingVisit>,
    /// False with a legal hold, collections or a held import.
    pub can_pay_online: bool,
    pub refusals: Vec<Refusal>,
    /// A payment that is being checked with the bank.
    pub checking: Option<String>,
    /// Other accounts of this login: label and address.
    pub other_accounts: Vec<(String, String)>,
}

impl BillDetails {
    pub fn html(self, shell: &PatientShell) -> String {
        let w = shell.words();
        let title = w.t("bill-title");
        let errors = errors(shell, &self.refusals);
        let checking = self.checking.clone().map(|attempt| {
            let href = format!("/pay/checking/{attempt}");
            Notice::new(Tone::Warn)
                .body(view! { <p><a href=href>{w.t("checking-title")}</a></p> })
                .view()
        });
        let due = view! {
            <p class="due">
                <span>{w.t("amount-due")}</span>
                <strong>{money(self.due)}</strong>
                <span class="as-of">{w.t("as-of")} " " {instant(w, self.as_of, &self.zone)}</span>
            </p>
        };
        let switch = other_accounts(w, &self.other_accounts);
        let body = view! {
            {heading(title, false)}
            {errors.summary(w.t("refused-summary"))}
            {checking}
            {due}
            {switch}
            {self.payable(shell)}
            {self.beside(w)}
            <p class="beside">{w.t("receipt-print")}</p>
            <ul class="links">
                <li><a href="/account/question">{w.t("bill-question")}</a></li>
                <li><a href="/account/notices">{w.t("notices-all")}</a></li>
                <li><a href="/account/receipts">{w.t("nav-receipts")}</a></li>
                <li><a href="/account/preferences">{w.t("nav-preferences")}</a></li>
            </ul>
        };
        shell.write(title, !errors.is_empty(), &[], body.into_any())
    }

    /// The visits, each to be chosen, and Pay Now.
    fn payable(&self, shell: &PatientShell) -> AnyView {
        let w = shell.words();
        let count: usize = self.patients.iter().map(|patient| patient.visits.len()).sum();
        let is_open =
            self.patients.iter().any(|p| !p.visits.is_empty() || p.unseen_owed.is_positive());
        if !is_open {
            return paragraph(w.t("bill-empty"));
        }
        let can_pay = self.can_pay_online && self.due.is_positive();
        let sections: Vec<AnyView> =
            self.patients.iter().map(|patient| patient_lines(w, patient, can_pay)).collect();
        if !can_pay {
            let phone = shell.practice.phone.clone();
            let sentence = (!self.can_pay_online).then(|| {
                let text = w.with("not-online", &[("phone", phone.into())]);
                Notice::new(Tone::Warn).text(text).view()
            });
            return view! { {sentence}{sections} }.into_any();
        }
        let below = (count > 2).then(|| view! { <p>{Button::secondary(w.t("bill-pay-now"))}</p> });
        let mut form = Form::post("/account/pay", &shell.csrf);
        if !self.account.is_empty() {
            form = form.hidden("account", self.account.clone());
        }
        form.body(view! {
            <p>{Button::primary(w.t("bill-pay-now"))}</p>
            {sections}
            {below}
        })
    }

    /// What stands beside the open bills: money on its way, credits, insurance.
    fn beside(&self, w: Words) -> AnyView {
        let unposted = (!self.unposted.is_empty()).then(|| {
            let rows = self.unposted.iter().fold(Facts::new(), |facts, (at, amount)| {
                facts.row(crate::when::instant(w, *at, &self.zone), money(*amount))
            });
            view! {
                <h2>{w.t("bill-unposted")}</h2>
                {paragraph(w.t("bill-unposted-what"))}
                {rows}
            }
        });
        let credits = self
            .credits
            .is_positive()
            .then(|| Facts::new().row(w.t("bill-credits"), money(self.credits)).view());
        let placed = self.in_collections.is_positive().then(|| {
            let row = Facts::new().row(w.t("bill-collections"), money(self.in_collections));
            view! { {row}{paragraph(w.t("bill-collections-what"))} }
        });
        let waiting = (!self.waiting.is_empty()).then(|| {
            let rows = self.waiting.iter().fold(Facts::new(), |facts, visit| {
                let on = crate::when::day(w, visit.on);
                let label = match &visit.name {
                    Some(name) => format!("{on} · {name}"),
                    None => on,
                };
                facts.row(label, money(visit.charged))
            });
            view! { <h2>{w.t("bill-waiting")}</h2>{paragraph(w.t("bill-waiting-what"))}{rows} }
        });
        view! { {unposted}{credits}{placed}{waiting} }.into_any()
    }
}

fn patient_lines(w: Words, patient: &PatientLines, can_pay: bool) -> AnyView {
    let name = match &patient.name {
        Some(name) => name.clone(),
        None => w.t("bill-amount-only").to_owned(),
    };
    let visits: Vec<AnyView> = patient
        .visits
        .iter()
        .map(|line| visit(w, line, can_pay, patient.name.as_deref()))
        .collect();
    let unseen = patient.unseen_owed.is_positive().then(|| {
        Facts::new().row(w.t("bill-you-owe"), money(patient.unseen_owed)).class("sums").view()
    });
    view! { <h2>{name}</h2>{visits}{unseen} }.into_any()
}

fn visit(w: Words, line: &VisitLine, can_pay: bool, name: Option<&str>) -> AnyView {
    let class = if line.is_marked { "visit marked" } else { "visit" };
    let marked = line.is_marked.then(|| {
        view! { <p>{Badge::new(w.t("bill-marked"))}</p> }
    });
    // The practice's system speaks English, whatever the language of the page.
    let place = line.place.clone().map(|place| view! { <p lang="en">{place}</p> });
    let services: Vec<AnyView> = line
        .services
        .iter()
        .map(|service| view! { <li>{service.clone()}</li> }.into_any())
        .collect();
    let services = (!services.is_empty()).then(|| view! { <ul lang="en">{services}</ul> });
    let sums = Facts::new()
        .row(w.t("bill-charged"), money(line.charged))
        .row(w.t("bill-insurance-paid"), money(line.insurance_paid))
        .row(w.t("bill-adjusted"), money(line.adjusted))
        .row(w.t("bill-you-paid"), money(line.you_paid))
        .row(w.t("bill-you-owe"), money(line.you_owe))
        .class("sums");
    let on = crate::when::day(w, line.on);
    let choose = can_pay.then(|| {
        let hint = match name {
            Some(name) => format!("{on} · {name} · {}", line.you_owe),
            None => format!("{on} · {}", line.you_owe),
        };
        Checkbox::new("claim", w.t("bill-pay-visit"))
            .value(line.claim.clone())
            .checked(true)
            .hint(hint)
            .view()
    });
    let on = day(w, line.on);
    view! {
        <section class=class>
            <h3>{on}</h3>
            {marked}
            {place}
            {services}
            {sums}
            {choose}
        </section>
    }
    .into_any()
}

fn other_accounts(w: Words, accounts: &[(String, String)]) -> AnyView {
    if accounts.is_empty() {
        return ().into_any();
    }
    let items: Vec<AnyView> = accounts
        .iter()
        .map(|(label, href)| view! { <li><a href=href.clone()>{label.clone()}</a></li> }.into_any())
        .collect();
    view! {
        <nav aria-label=w.t("bill-other-accounts")>
            <p>{w.t("bill-other-accounts")}</p>
            <ul class="links">{items}</ul>
        </nav>
    }
    .into_any()
}
