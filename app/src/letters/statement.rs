//! A statement on paper: who, what is due, per patient and visit, and how to pay. Opened by staff
//! in the workspace and printed from the browser; also the proof a practice approves (S-G8).

use domain::money::Cents;
use jiff::civil::Date;
use leptos::prelude::*;

use crate::{
    Document, accent, assets,
    components::{Column, Facts, Row, Table, heading, money, paragraph},
    render, when,
    words::{Lang, Words},
};

/// Lines of an address, as on an envelope.
#[derive(Clone, Debug, Default)]
pub struct Address {
    pub lines: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct StatementLine {
    pub on: Date,
    pub patient: String,
    pub charged: Cents,
    pub insurance: Cents,
    pub adjusted: Cents,
    pub paid: Cents,
    pub owed: Cents,
}

#[derive(Clone, Debug)]
pub struct Statement {
    pub lang: Lang,
    pub practice: String,
    pub phone: String,
    pub accent: String,
    pub from: Address,
    pub to: Address,
    pub as_of: Date,
    pub account: String,
    pub lines: Vec<StatementLine>,
    /// Payments not yet posted and credits, as one sum that is taken off.
    pub credits: Cents,
    pub due: Cents,
    /// Where to pay online without typing a long link.
    pub pay_at: String,
}

impl Statement {
    /// A whole document with print styles.
    pub fn html(self) -> String {
        let w = Words::new(self.lang);
        let title = w.t("statement-title");
        let facts = Facts::new()
            .row(w.t("statement-account"), self.account.clone())
            .row(w.t("statement-date"), when::day(w, self.as_of))
            .row(w.t("amount-due"), money(self.due));
        let how = w.with(
            "statement-how",
            &[("address", self.pay_at.clone().into()), ("phone", self.phone.clone().into())],
        );
        let (stylesheets, lang) =
            (vec![assets::href("staff.css").to_owned(), accent::href(&self.accent)], self.lang);
        let (from, to) = (address(&self.practice, &self.from), address("", &self.to));
        let table = self.table(w);
        let body = view! {
            <main class="letter" id="main">
                {from}
                {to}
                {heading(title, false)}
                {facts}
                {table}
                {paragraph(how)}
            </main>
        }
        .into_any();
        render(Document {
            lang,
            title: title.to_owned(),
            is_error: false,
            stylesheets,
            scripts: Vec::new(),
            body_class: "paper",
            body,
        })
    }

    fn table(self, w: Words) -> AnyView {
        let credits = self.credits;
        let due = self.due;
        let rows = self
            .lines
            .into_iter()
            .map(|line| {
                Row::new()
                    .cell(when::day(w, line.on))
                    .cell(line.patient)
                    .cell(money(line.charged))
                    .cell(money(line.insurance))
                    .cell(money(line.adjusted))
                    .cell(money(line.paid))
                    .cell(money(line.owed))
            })
            .collect();
        let columns = vec![
            Column::new(w.t("statement-visit")),
            Column::new(w.t("statement-patient")),
            Column::new(w.t("bill-charged")).number(),
            Column::new(w.t("bill-insurance-paid")).number(),
            Column::new(w.t("bill-adjusted")).number(),
            Column::new(w.t("bill-you-paid")).number(),
            Column::new(w.t("bill-you-owe")).number(),
        ];
        let sums = Facts::new()
            .maybe(w.t("bill-credits"), credits.is_positive().then(|| money(-credits)))
            .row(w.t("amount-due"), money(due))
            .class("sums");
        view! { {Table::new(w.t("statement-title"), columns).rows(rows)}{sums} }.into_any()
    }
}

pub(super) fn address(first: &str, address: &Address) -> AnyView {
    let first = (!first.is_empty()).then(|| first.to_owned());
    let lines: Vec<AnyView> = first
        .into_iter()
        .chain(address.lines.iter().cloned())
        .map(|line| view! { <span>{line}</span><br/> }.into_any())
        .collect();
    view! { <address>{lines}</address> }.into_any()
}
