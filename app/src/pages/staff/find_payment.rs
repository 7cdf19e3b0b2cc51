//! Find Payment: what was paid online, which visits it is probably for, and what nobody has applied
//! or carried over yet. Declined tries are no payments and are not here (D-25).

use domain::{
    clock::UnixMs,
    money::Cents,
    payment::DisputeState,
    proposal::{Confidence, Proposal},
};
use jiff::{civil::Date, tz::TimeZone};
use leptos::prelude::*;

use super::{
    StaffShell,
    payment_words::{dispute_badge, proposal_summary},
};
use crate::{
    components::{
        Badge, Button, ButtonLink, Column, Confirm, Errors, Field, FilterBar, Form, Query, Row,
        Select, Table, Tabs, Tone, day, heading, instant, money, unseen,
    },
    when,
    words::Words,
};

const PATH: &str = "/staff/payments";
/// The fields of the filter bar.
const FILTERS: [&str; 7] = ["status", "from", "until", "amount", "name", "account", "reference"];
/// Value and label; the first is in force when the address names none.
pub const PAYMENT_STATUSES: [(&str, &str); 7] = [
    ("unapplied", "Unapplied"),
    ("applied", "Applied"),
    ("refunded", "Refunded"),
    ("disputed", "Disputed"),
    ("unposted", "Not posted"),
    ("posted", "Posted"),
    ("all", "All"),
];
/// The order in force when the address names none.
pub const PAYMENT_ORDER: &str = "-received";

/// A visit as staff name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisitLabel {
    pub service_on: Date,
    pub place: Option<String>,
    pub patient: String,
    /// Of the claim, in the practice's system.
    pub number: String,
}

impl VisitLabel {
    /// `Jan 20, 2026, Maria Lopez`
    pub(super) fn short(&self, w: Words) -> String {
        format!("{}, {}", when::day(w, self.service_on), self.patient)
    }
}

/// A row of the list.
#[derive(Clone, Debug)]
pub struct PaymentRow {
    pub id: String,
    pub received_at: UnixMs,
    pub guarantor: String,
    pub account: String,
    pub amount: Cents,
    pub unapplied: Cents,
    /// `visa 4242`
    pub card: String,
    pub reference: String,
    /// The visits the payer ticked.
    pub paid_for: Vec<VisitLabel>,
    /// None when nothing of it is left to apply.
    pub proposal: Option<Proposal>,
    pub posted_at: Option<UnixMs>,
    pub dispute: Option<DisputeState>,
}

#[derive(Clone, Debug)]
pub struct FindPayment {
    pub zone: TimeZone,
    pub query: Query,
    /// Filters that could not be read.
    pub errors: Errors,
    pub rows: Vec<PaymentRow>,
    /// Where the next page begins.
    pub next: Option<String>,
    /// Of the whole list as filtered; for those who may apply.
    pub exact_matches: usize,
    pub may_mark_posted: bool,
    /// Nobody has ever paid online.
    pub nothing_paid_yet: bool,
}

impl FindPayment {
    pub fn html(self, shell: &StaffShell) -> String {
        let status = self.status().to_owned();
        let tabs = Tabs::new("Payments").tab(PATH, "Online", true);
        let filters = self.filters();
        let bulk = self.bulk();
        let next = self.pages();
        let export = self.may_mark_posted.then(|| {
            ButtonLink::secondary("/staff/payments/unposted.csv", "Export what is not posted (CSV)")
                .view()
        });
        let errors = self.errors.summary("Some filters cannot be read and were left out");
        let choosing = self.may_mark_posted && self.rows.iter().any(|r| r.posted_at.is_none());
        let table = self.table(&status, choosing);
        let list = if choosing {
            Form::post("/staff/payments/posted", &shell.csrf).body(view! {
                {table}
                <div class="actions">
                    {Button::secondary("Mark the chosen ones as posted")}
                </div>
            })
        } else {
            table.view()
        };
        shell.page(
            "Find Payment",
            view! {
                {heading("Find Payment", false)}
                {tabs}
                {errors}
                {filters}
                <div class="actions">{bulk}{export}</div>
                {list}
                {next}
            },
        )
    }

    fn status(&self) -> &str {
        self.query.get("status").filter(|s| !s.is_empty()).unwrap_or(PAYMENT_STATUSES[0].0)
    }

    fn filters(&self) -> FilterBar {
        let value = |key: &str| self.query.get(key).unwrap_or_default().to_owned();
        let error = |key: &str| self.errors.of(key);
        let status =
            Select::new("status", "Status").options(PAYMENT_STATUSES).chosen(self.status());
        FilterBar::new(PATH, &self.query.without(&["after"]), &FILTERS)
            .field(status)
            .field(Field::date("from", "From").value(value("from")).error(error("from")))
            .field(Field::date("until", "Until").value(value("until")).error(error("until")))
            .field(Field::amount("amount", "Amount").value(value("amount")).error(error("amount")))
            .field(Field::search("name", "Name").value(value("name")))
            .field(Field::search("account", "Account").value(value("account")))
            .field(Field::search("reference", "Reference").value(value("reference")))
    }

    fn bulk(&self) -> Option<AnyView> {
        (self.exact_matches > 0).then(|| {
            let href = self.query.without(&["after", "sort"]).href("/staff/payments/exact");
            ButtonLink::primary(href, format!("Apply {}", exact_matches(self.exact_matches))).view()
        })
    }

    fn pages(&self) -> Option<AnyView> {
        let first = self.query.get("after").map(|_| {
            let href = self.query.without(&["after"]).href(PATH);
            ButtonLink::secondary(href, "Back to the first page").view()
        });
        let next = self.next.as_deref().map(|id| {
            ButtonLink::secondary(self.query.with("after", id).href(PATH), "Next page").view()
        });
        (first.is_some() || next.is_some())
            .then(|| view! { <nav class="pager" aria-label="Pages">{first}{next}</nav> }.into_any())
    }

    fn table(self, status: &str, choosing: bool) -> Table {
        let w = Words::default();
        let is_filtered = FILTERS[1..]
            .iter()
            .any(|key| self.query.get(key).is_some_and(|value| !value.is_empty()));
        let empty = match self.nothing_paid_yet {
            true => NOTHING_PAID,
            false => empty_words(status, is_filtered, self.query.get("after").is_some()),
        };
        let columns = vec![
            Column::new("Received").sort("received"),
            Column::new("Guarantor").sort("name"),
            Column::new("Amount").sort("amount").number(),
            Column::new("Unapplied").number(),
            Column::new("Card"),
            Column::new("Reference"),
            Column::new("Paid for"),
            Column::new("Proposal"),
            Column::new("Posted"),
        ];
        let rows =
            self.rows.into_iter().map(|row| row.view(w, &self.zone, choosing)).collect::<Vec<_>>();
        let table = Table::new("Online payments", columns)
            .sorted(PATH, &self.query.without(&["after"]), PAYMENT_ORDER)
            .rows(rows)
            .empty(view! { <p>{empty}</p> });
        if choosing { table.checkboxes("payment", unseen("Choose")) } else { table }
    }
}

const NOTHING_PAID: &str = "All online payments are applied. Nobody has paid online yet: payments \
                            appear here as soon as a patient pays by the link in a reminder.";

fn empty_words(status: &str, is_filtered: bool, is_later_page: bool) -> &'static str {
    match status {
        _ if is_later_page => "There is nothing after this. Go back to the first page.",
        _ if is_filtered => {
            "No online payment fits these filters. Change one, or clear them to see the others."
        }
        "unapplied" => "All online payments are applied.",
        "unposted" => "Everything that was paid online is in the practice's system.",
        "all" => NOTHING_PAID,
        _ => "There is no such payment. Choose another status to see the others.",
    }
}

impl PaymentRow {
    fn view(self, w: Words, zone: &TimeZone, choosing: bool) -> Row {
        let href = format!("{PATH}/{}", self.id);
        let who = unseen(format!(", {} from {}", self.amount, self.guarantor));
        let label = format!("Include {}, {}", self.guarantor, self.amount);
        let flag = self.dispute.map(dispute_badge);
        let paid_for: Vec<AnyView> = self
            .paid_for
            .iter()
            .map(|visit| view! { <div>{visit.short(w)}</div> }.into_any())
            .collect();
        let posted = match self.posted_at {
            Some(at) => day(w, at.day_in(zone)),
            None => "No".into_any(),
        };
        let proposal = self.proposal.as_ref().map(|proposal| {
            view! {
                <div class="proposal">{proposal_summary(proposal)}</div>
                {confidence_badge(proposal)}
            }
        });
        let row = Row::new()
            .cell(view! { <a href=href>{instant(w, self.received_at, zone)}{who}</a> })
            .cell(view! {
                {self.guarantor}
                <small><span class="unseen">"Account "</span>{self.account}</small>
                {flag}
            })
            .cell(money(self.amount))
            .cell(money(self.unapplied))
            .cell(unbroken(self.card))
            .cell(unbroken(self.reference))
            .cell(paid_for)
            .cell(proposal)
            .cell(posted);
        if choosing && self.posted_at.is_none() { row.checkbox(self.id, label, false) } else { row }
    }
}

/// Read out as one word.
fn unbroken(text: String) -> AnyView {
    view! { <span class="unbroken">{text}</span> }.into_any()
}

fn confidence_badge(proposal: &Proposal) -> AnyView {
    let badge = match proposal.confidence() {
        _ if proposal.is_exact() => Badge::new("Exact match").tone(Tone::Good),
        Confidence::High => Badge::new("High confidence").tone(Tone::Good),
        Confidence::Medium => Badge::new("Medium confidence"),
        Confidence::Low => Badge::new("Low confidence").tone(Tone::Warn),
    };
    badge.view()
}

fn exact_matches(count: usize) -> String {
    if count == 1 { "1 exact match".to_owned() } else { format!("{count} exact matches") }
}

/// One of the payments that are applied together.
#[derive(Clone, Debug)]
pub struct ExactMatch {
    pub id: String,
    pub version: i64,
    pub received_at: UnixMs,
    pub guarantor: String,
    pub amount: Cents,
    pub visits: Vec<VisitLabel>,
    pub proposal: Proposal,
}

/// "Apply 12 exact matches?"
#[derive(Clone, Debug)]
pub struct ExactMatches {
    pub zone: TimeZone,
    pub query: Query,
    pub matches: Vec<ExactMatch>,
}

impl ExactMatches {
    pub fn html(self, shell: &StaffShell) -> String {
        let w = Words::default();
        let back = self.query.href(PATH);
        let total: Cents = self.matches.iter().map(|m| m.amount).sum();
        let confirm = (!self.matches.is_empty()).then(|| {
            let form = self
                .matches
                .iter()
                .fold(Form::post("/staff/payments/exact", &shell.csrf), |form, m| {
                    form.hidden(format!("version.{}", m.id), m.version.to_string())
                });
            Confirm::new(
                format!("Apply {}, {total} in all?", exact_matches(self.matches.len())),
                form,
                Button::primary("Yes, apply them"),
                ButtonLink::secondary(back.clone(), "No, go back"),
            )
            .detail("What changes before you press Yes stays in the list. Each can be undone.")
            .view()
        });
        let rows = self
            .matches
            .into_iter()
            .map(|one| {
                let href = format!("{PATH}/{}", one.id);
                let visits: Vec<AnyView> = one
                    .visits
                    .iter()
                    .map(|visit| view! { <div>{visit.short(w)}</div> }.into_any())
                    .collect();
                Row::new()
                    .cell(view! { <a href=href>{instant(w, one.received_at, &self.zone)}</a> })
                    .cell(one.guarantor)
                    .cell(money(one.amount))
                    .cell(visits)
                    .cell(proposal_summary(&one.proposal))
            })
            .collect();
        let columns = vec![
            Column::new("Received"),
            Column::new("Guarantor"),
            Column::new("Amount").number(),
            Column::new("Visits"),
            Column::new("Why"),
        ];
        let table = Table::new("Exact matches", columns).rows(rows).empty(view! {
            <p>"No payment matches its bills exactly any more. "<a href=back>"Back to the list"</a></p>
        });
        shell.page(
            "Apply exact matches",
            view! { {heading("Apply exact matches", false)}{confirm}{table} },
        )
    }
}
