//! Work list: what needs a person, each closed with what came of it; and the accounts that neither a
//! text nor an email reaches (S-B7).

use domain::{clock::UnixMs, money::Cents};
use jiff::tz::TimeZone;
use leptos::prelude::*;

use super::{StaffShell, claim_words::counted};
use crate::{
    components::{
        Button, ButtonLink, Column, Confirm, Errors, FilterBar, Form, Query, Row, Select, Table,
        Tabs, TextArea, heading, instant, money,
    },
    words::Words,
};

pub const PATH: &str = "/staff/tasks";
pub const UNREACHABLE: &str = "/staff/tasks/unreachable";

#[derive(Clone, Debug)]
pub struct TaskRow {
    pub id: String,
    pub opened_at: UnixMs,
    pub what: String,
    pub detail: Option<String>,
    pub account: Option<(String, String)>,
    /// Where the work is done, when it is not the account.
    pub link: Option<(String, &'static str)>,
}

/// The task somebody is closing.
#[derive(Clone, Debug)]
pub struct Closing {
    pub id: String,
    pub what: String,
    pub account: Option<String>,
    pub typed: String,
}

#[derive(Clone, Debug)]
pub struct WorkList {
    pub zone: TimeZone,
    pub query: Query,
    /// Kinds that are open: code, words, how many.
    pub kinds: Vec<(String, String, i64)>,
    pub lines: Vec<TaskRow>,
    pub is_cut: bool,
    pub may_close: bool,
    pub closing: Option<Closing>,
    pub errors: Errors,
}

fn tabs(on_tasks: bool) -> Tabs {
    Tabs::new("Work").tab(PATH, "Open tasks", on_tasks).tab(
        UNREACHABLE,
        "Unreachable accounts",
        !on_tasks,
    )
}

impl WorkList {
    pub fn html(self, shell: &StaffShell) -> String {
        let w = Words::default();
        let is_error = !self.errors.is_empty();
        let kind = self.query.get("kind").unwrap_or_default().to_owned();
        let total: i64 = self.kinds.iter().map(|(_, _, count)| count).sum();
        let select = Select::new("kind", "Kind")
            .option("", format!("All ({total})"))
            .options(
                self.kinds
                    .iter()
                    .map(|(code, words, count)| (code.clone(), format!("{words} ({count})"))),
            )
            .chosen(kind);
        let filters = (total > 0)
            .then(|| FilterBar::new(PATH, &self.query, &["kind", "close"]).field(select).view());
        let closing = self.closing.as_ref().map(|one| {
            let about = one.account.as_ref().map(|name| format!(" · {name}")).unwrap_or_default();
            Confirm::new(
                format!("Close this task? {}{about}", one.what),
                Form::post(format!("{PATH}/{}/close", one.id), &shell.csrf),
                Button::primary("Close task"),
                ButtonLink::secondary(self.query.without(&["close"]).href(PATH), "No"),
            )
            .inside(
                TextArea::new("outcome", "What came of it")
                    .rows(2)
                    .maxlength(500)
                    .value(one.typed.clone())
                    .error(self.errors.of("outcome"))
                    .required()
                    .view(),
            )
            .view()
        });
        let rows = self
            .lines
            .iter()
            .map(|task| {
                let account = task.account.clone().map(|(id, name)| {
                    let href = format!("/staff/patients/{id}");
                    view! { <a href=href>{name}</a> }
                });
                let link = task.link.clone().map(|(href, label)| {
                    view! { <a href=href>{label}</a> }
                });
                let name = task.account.as_ref().map_or("", |(_, name)| name.as_str());
                let named = format!("Close: {} {name}", task.what).trim_end().to_owned();
                let href = self.query.with("close", &task.id).href(PATH);
                let close =
                    self.may_close.then(|| view! { <a href=href aria-label=named>"Close"</a> });
                Row::new()
                    .cell(task.what.clone())
                    .cell(view! { {account}{link} })
                    .cell(task.detail.clone())
                    .cell(instant(w, task.opened_at, &self.zone))
                    .cell(close)
            })
            .collect();
        let columns = ["Task", "About", "Detail", "Open since", "What to do"].map(Column::new);
        let table = Table::new("Open tasks, the oldest first", columns.to_vec())
            .rows(rows)
            .empty(view! { <p>"Nothing waits for anybody."</p> });
        let cut = self.is_cut.then(
            || view! { <p class="hint">"Only the oldest are shown. Close some, or filter."</p> },
        );
        let body = view! {
            {heading("Work list", false)}
            {self.errors.summary("The task was not closed")}
            {closing}
            {tabs(true)}
            {filters}
            {table}
            {cut}
        };
        if is_error { shell.error_page("Work list", body) } else { shell.page("Work list", body) }
    }
}

#[derive(Clone, Debug)]
pub struct UnreachableRow {
    pub id: String,
    pub name: String,
    pub due: Cents,
    pub age_days: Option<i64>,
    pub why_no_text: String,
    pub why_no_email: String,
    pub has_address: bool,
}

#[derive(Clone, Debug)]
pub struct Unreachable {
    pub query: Query,
    pub sms_enabled: bool,
    pub lines: Vec<UnreachableRow>,
    pub after: Option<String>,
}

impl Unreachable {
    pub fn html(self, shell: &StaffShell) -> String {
        let rows = self
            .lines
            .iter()
            .map(|line| {
                let href = format!("/staff/patients/{}#contacts", line.id);
                let address = if line.has_address { "On file" } else { "Missing or unknown" };
                let row = Row::new()
                    .cell(view! { <a href=href>{line.name.clone()}</a> })
                    .cell(money(line.due))
                    .cell(line.age_days.map(|days| counted(days, "day", "days")));
                let row = if self.sms_enabled { row.cell(line.why_no_text.clone()) } else { row };
                row.cell(line.why_no_email.clone()).cell(address)
            })
            .collect();
        let mut columns = vec![
            Column::new("Guarantor"),
            Column::new("Due").number(),
            Column::new("Oldest").number(),
        ];
        if self.sms_enabled {
            columns.push(Column::new("Why no text"));
        }
        columns.extend([Column::new("Why no email"), Column::new("Postal address")]);
        let table = Table::new("Accounts that nothing reaches", columns).rows(rows).empty(view! {
            <p>"Every account that owes something can be reached by text or email."</p>
        });
        let more = self.after.map(|id| {
            let href = self.query.with("after", &id).href(UNREACHABLE);
            view! { <p><a class="button" href=href>"More"</a></p> }
        });
        shell.page(
            "Unreachable accounts",
            view! {
                {heading("Unreachable accounts", false)}
                <p class="hint">
                    "They owe something, and neither a text nor an email may or can reach them. Ask \
                     for a phone, an email and consent at the next visit, or send a letter."
                </p>
                {tabs(false)}
                {table}
                {more}
            },
        )
    }
}
