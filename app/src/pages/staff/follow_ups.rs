//! Follow-ups: whom to call, what to print, what to decide, and what came of it (S-D2, S-D3, S-D7,
//! S-D13, D-51).

use domain::{clock::UnixMs, money::Cents};
use jiff::{civil::Date, tz::TimeZone};
use leptos::prelude::*;

use super::{StaffShell, profiles::note_field};
use crate::{
    components::{
        Badge, Button, ButtonLink, Column, Errors, Facts, Field, Form, Query, Row, Select, Table,
        Tabs, Tone, heading, instant, money,
    },
    words::Words,
};

pub const PATH: &str = "/staff/follow-ups";

/// Kinds by their code, with the name of their tab.
pub const KINDS: [(&str, &str); 5] = [
    ("", "All"),
    ("call", "Calls"),
    ("letter", "Letters to print"),
    ("collections", "Proposed for collections"),
    ("review", "To look at"),
];

/// What may come of a call or a look. Those that end it say so.
pub const OUTCOMES: [(&str, &str); 12] = [
    ("promised", "Promised to pay"),
    ("paid", "Says it was paid"),
    ("plan", "Wants a payment plan"),
    ("dispute", "Disputes the bill"),
    ("insurance", "Has other insurance"),
    ("hardship", "Cannot pay: financial assistance"),
    ("left_message", "Left a message without an amount"),
    ("no_answer", "No answer"),
    ("wrong_number", "Wrong number"),
    ("refused", "Does not want calls"),
    ("printed", "Printed and mailed"),
    ("done", "Done, nothing else"),
];

pub fn kind_name(code: &str) -> &'static str {
    match code {
        "call" => "Call",
        "letter" => "Letter",
        "collections" => "Proposed for collections",
        _ => "Look at the account",
    }
}

pub fn outcome_name(code: &str) -> String {
    match code {
        "nothing_due" => "Nothing is due any more".to_owned(),
        "approved" => "Approved for collections".to_owned(),
        "declined" => "Declined".to_owned(),
        other => OUTCOMES
            .iter()
            .find(|(known, _)| *known == other)
            .map_or_else(|| other.replace('_', " "), |(_, words)| (*words).to_owned()),
    }
}

#[derive(Clone, Debug)]
pub struct FollowUpRow {
    pub id: String,
    pub kind: String,
    pub account: String,
    pub account_name: String,
    pub due: Cents,
    pub reason: String,
    pub due_on: Date,
    pub is_late: bool,
    pub is_urgent: bool,
    pub tries: i64,
    pub outcome: Option<String>,
}

#[derive(Clone, Debug)]
pub struct FollowUps {
    pub query: Query,
    /// Open ones by kind.
    pub counts: Vec<(String, i64)>,
    pub rows: Vec<FollowUpRow>,
    /// The address of the next page.
    pub more: Option<String>,
}

impl FollowUps {
    pub fn html(self, shell: &StaffShell) -> String {
        let chosen = self.query.get("kind").unwrap_or_default().to_owned();
        let count = |code: &str| {
            let of = |(kind, count): &(String, i64)| {
                if code.is_empty() || kind == code { *count } else { 0 }
            };
            self.counts.iter().map(of).sum::<i64>()
        };
        let tabs = KINDS.iter().fold(Tabs::new("Follow-ups"), |tabs, (code, name)| {
            let href = self.query.without(&["page"]).with("kind", code).href(PATH);
            tabs.tab(href, format!("{name} ({})", count(code)), chosen == *code)
        });
        let rows = self
            .rows
            .iter()
            .map(|line| {
                let href = format!("{PATH}/{}", line.id);
                let record = format!("/staff/patients/{}", line.account);
                let urgent = line.is_urgent.then(|| Badge::new("Urgent").tone(Tone::Danger).view());
                let late = line.is_late.then(|| Badge::new("Late").tone(Tone::Warn).view());
                let tried = (line.tries > 0).then(|| {
                    let last = line.outcome.as_deref().map(outcome_name).unwrap_or_default();
                    format!("{}: {last}", line.tries)
                });
                let label = format!("Open: {} {}", kind_name(&line.kind), line.account_name);
                Row::new()
                    .cell(view! { <a href=record>{line.account_name.clone()}</a> })
                    .cell(money(line.due))
                    .cell(view! { {kind_name(&line.kind)}" "{urgent} })
                    .cell(line.reason.clone())
                    .cell(view! { {line.due_on.strftime("%b %-d, %Y").to_string()}" "{late} })
                    .cell(tried)
                    .cell(view! { <a href=href aria-label=label>"Open"</a> })
            })
            .collect();
        let columns = vec![
            Column::new("Guarantor"),
            Column::new("Due").number(),
            Column::new("Next action"),
            Column::new("Because of"),
            Column::new("On"),
            Column::new("Tries"),
            Column::new("What to do"),
        ];
        let table = Table::new("Open follow-ups, urgent ones first", columns)
            .rows(rows)
            .empty(view! { <p>"Nobody has to be called, and nothing waits to be printed."</p> });
        let export = self.query.without(&["page"]).href("/staff/follow-ups/export.csv");
        let body = view! {
            {heading("Follow-ups", false)}
            {tabs}
            {table}
            {self.more.map(|href| view! { <p><a class="button" href=href>"More"</a></p> })}
            <p>{ButtonLink::secondary(export, "Export as a status sheet")}</p>
        };
        shell.page("Follow-ups", body)
    }
}

#[derive(Clone, Debug)]
pub struct FollowUpPage {
    pub zone: TimeZone,
    pub id: String,
    pub kind: String,
    pub account: String,
    pub account_name: String,
    pub due: Cents,
    pub reason: String,
    pub due_on: Date,
    pub is_urgent: bool,
    pub tries: i64,
    pub outcome: Option<String>,
    pub note: Option<String>,
    pub opened_at: UnixMs,
    pub closed: Option<(String, UnixMs)>,
    /// What to say, a paragraph each.
    pub script: Vec<String>,
    pub may_note: bool,
    /// A manager, for a proposal.
    pub may_decide: bool,
    pub typed_outcome: String,
    pub typed_next: String,
    pub typed_note: String,
    pub errors: Errors,
}

impl FollowUpPage {
    pub fn html(self, shell: &StaffShell) -> String {
        let w = Words::default();
        let is_error = !self.errors.is_empty();
        let title = kind_name(&self.kind);
        let record = format!("/staff/patients/{}", self.account);
        let urgent = self.is_urgent.then(|| Badge::new("Urgent").tone(Tone::Danger).view());
        let closed = self.closed.as_ref().map(|(by, at)| {
            let by = format!(" by {by}");
            view! { {instant(w, *at, &self.zone)}{by} }
        });
        let facts = Facts::new()
            .row("Guarantor", view! { <a href=record>{self.account_name.clone()}</a> })
            .row("Due", money(self.due))
            .row("Because of", view! { {self.reason.clone()}" "{urgent} })
            .row("On", self.due_on.strftime("%b %-d, %Y").to_string())
            .row("Open since", instant(w, self.opened_at, &self.zone))
            .maybe("Tries so far", (self.tries > 0).then(|| self.tries.to_string()))
            .maybe("Last outcome", self.outcome.as_deref().map(outcome_name))
            .maybe("Note", self.note.clone())
            .maybe("Closed", closed);
        let script: Vec<AnyView> =
            self.script.iter().map(|text| view! { <p>{text.clone()}</p> }.into_any()).collect();
        let script = (!script.is_empty()).then(|| {
            view! {
                <section class="panel" aria-labelledby="script">
                    <h2 id="script">"What to say"</h2>
                    {script}
                </section>
            }
        });
        let is_open = self.closed.is_none();
        let decide = (is_open && self.may_decide).then(|| self.decision(&shell.csrf));
        let waits = (is_open && self.kind == "collections" && !self.may_decide)
            .then(|| view! { <p>"A manager decides about this proposal."</p> });
        let tried = (is_open && self.may_note && self.kind != "collections")
            .then(|| self.tried(&shell.csrf));
        let body = view! {
            {heading(title, false)}
            {self.errors.summary("Nothing was noted")}
            {facts}
            {script}
            {decide}
            {waits}
            {tried}
            <p><a href=PATH>"All follow-ups"</a></p>
        };
        if is_error { shell.error_page(title, body) } else { shell.page(title, body) }
    }

    fn tried(&self, csrf: &str) -> AnyView {
        let body = view! {
            {Select::new("outcome", "What came of it")
                .option("", "Choose")
                .options(OUTCOMES)
                .chosen(self.typed_outcome.clone())
                .error(self.errors.of("outcome"))}
            {Field::date("next_on", "Try again on")
                .hint("Leave it empty to close this follow-up")
                .value(self.typed_next.clone())
                .error(self.errors.of("next_on"))}
            {note_field(&self.typed_note, self.errors.of("note"))}
            <div class="actions">{Button::primary("Note it")}</div>
        };
        let form = Form::post(format!("{PATH}/{}", self.id), csrf).class("panel").body(body);
        view! { <h2>"Note what came of it"</h2>{form} }.into_any()
    }

    fn decision(&self, csrf: &str) -> AnyView {
        let body = view! {
            <p>
                "Approving stops all reminders of this account and takes its balance out of what \
                 can be paid here: the agency is paid instead."
            </p>
            {note_field(&self.typed_note, self.errors.of("note"))}
            <div class="actions">
                {Button::danger("Approve for collections").sends("verdict", "approve")}
                {Button::secondary("Decline").sends("verdict", "decline")}
            </div>
        };
        let form = Form::post(format!("{PATH}/{}/decide", self.id), csrf).class("panel").body(body);
        view! { <h2>"Decide"</h2>{form} }.into_any()
    }
}
