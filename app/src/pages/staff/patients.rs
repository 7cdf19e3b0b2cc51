//! Patients: find an account by name, by its number, or by a phone or email on file.

use domain::{clock::UnixMs, money::Cents};
use jiff::tz::TimeZone;
use leptos::prelude::*;

use super::{StaffShell, claim_words::counted};
use crate::{
    components::{
        Badge, Button, ButtonLink, Column, Field, Form, Query, Row, Table, Tone, heading, instant,
        money,
    },
    words::Words,
};

const PATH: &str = "/staff/patients";

#[derive(Clone, Debug)]
pub struct FoundAccount {
    pub id: String,
    pub name: String,
    pub number: String,
    pub patients: Vec<String>,
    pub due: Cents,
    pub age_days: Option<i64>,
    pub last_sent_at: Option<UnixMs>,
    pub is_flagged: bool,
    pub holds: usize,
}

/// What was searched by, as it was understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchedBy {
    Nothing,
    Name,
    Phone,
    Email,
}

#[derive(Clone, Debug)]
pub struct Patients {
    pub zone: TimeZone,
    pub query: Query,
    pub searched_by: SearchedBy,
    pub found: Vec<FoundAccount>,
    /// From 1.
    pub page: u64,
    pub has_more: bool,
    pub book_is_empty: bool,
    pub may_import: bool,
}

impl Patients {
    pub fn html(self, shell: &StaffShell) -> String {
        let typed = self.query.get("q").unwrap_or_default().to_owned();
        let form = Form::get(PATH).class("filters search").body(view! {
            {Field::search("q", "Search by name, account number, phone or email")
                .value(typed)
                .autocomplete("off")}
            <div class="actions">{Button::primary("Search")}</div>
        });
        let table = self.table();
        let pages = self.pages();
        shell.page(
            "Patients",
            view! {
                {heading("Patients", false)}
                <search>{form}</search>
                {table}
                {pages}
            },
        )
    }

    fn table(&self) -> AnyView {
        let w = Words::default();
        let rows = self
            .found
            .iter()
            .map(|one| {
                let href = format!("{PATH}/{}", one.id);
                let sent = match one.last_sent_at {
                    Some(at) => instant(w, at, &self.zone),
                    None => view! { "Never" }.into_any(),
                };
                let age = one.age_days.map(|days| counted(days, "day", "days"));
                let flagged = one.is_flagged.then(|| Badge::new("Flagged").tone(Tone::Warn).view());
                let held = (one.holds > 0).then(|| {
                    let words = counted(one.holds as i64, "hold", "holds");
                    Badge::new(words).tone(Tone::Danger).view()
                });
                Row::new()
                    .cell(view! { <a href=href>{one.name.clone()}</a> })
                    .cell(one.number.clone())
                    .cell(one.patients.join(", "))
                    .cell(money(one.due))
                    .cell(age)
                    .cell(sent)
                    .cell(view! { <span class="flags">{flagged}{held}</span> })
            })
            .collect();
        let columns = vec![
            Column::new("Guarantor"),
            Column::new("Account"),
            Column::new("Patients"),
            Column::new("Due").number(),
            Column::new("Oldest").number(),
            Column::new("Last sent"),
            Column::new("Flags"),
        ];
        Table::new("Accounts", columns).rows(rows).empty(self.empty()).view()
    }

    fn empty(&self) -> AnyView {
        let words = match self.searched_by {
            _ if self.book_is_empty => {
                "There are no accounts yet. They come with the first import of balances."
            }
            SearchedBy::Phone => {
                "No account has this phone. Phones are found only by the whole number."
            }
            SearchedBy::Email => {
                "No account has this email. Emails are found only by the whole address."
            }
            SearchedBy::Name | SearchedBy::Nothing => {
                "Nobody is found. Try one name only, or the account number."
            }
        };
        let import = (self.book_is_empty && self.may_import)
            .then(|| view! { <p>{ButtonLink::primary("/staff/imports", "Import balances")}</p> });
        view! { <p>{words}</p>{import} }.into_any()
    }

    fn pages(&self) -> AnyView {
        let link = |page: u64, label: &'static str| {
            let href = self.query.with("page", &page.to_string()).href(PATH);
            view! { <a class="button" href=href>{label}</a> }
        };
        let previous = (self.page > 1).then(|| link(self.page - 1, "Previous"));
        let next = self.has_more.then(|| link(self.page + 1, "Next"));
        if previous.is_none() && next.is_none() {
            return ().into_any();
        }
        view! { <nav class="pager" aria-label="Pages">{previous}{next}</nav> }.into_any()
    }
}
