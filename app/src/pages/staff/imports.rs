//! Imports: bring a file in, watch it, read what was refused, decide on what is held.

use domain::{clock::UnixMs, money::Cents};
use jiff::tz::TimeZone;
use leptos::prelude::*;

use super::StaffShell;
use crate::{
    components::{
        Badge, Button, ButtonLink, Column, Errors, Facts, Field, Form, Meter, Notice, Row, Select,
        Table, TextArea, Tone, heading, instant, instant_full, paragraph,
    },
    words::Words,
};

/// One import in the list.
#[derive(Clone, Debug)]
pub struct ImportLine {
    pub id: String,
    pub file_name: String,
    /// `clearbill`, `full`: as staff chose them.
    pub kind: String,
    /// `applied`, `held`, …
    pub state: String,
    pub started_at: UnixMs,
    pub started_by: String,
    pub rows: i64,
    pub accepted: i64,
    pub refused: i64,
    pub unchanged: i64,
}

/// The upload form, as typed.
#[derive(Clone, Debug, Default)]
pub struct UploadForm {
    pub format: String,
    pub mode: String,
    pub source: String,
    pub as_of: String,
    pub open_days: String,
    pub errors: Errors,
}

#[derive(Clone, Debug)]
pub struct Imports {
    pub zone: TimeZone,
    pub lines: Vec<ImportLine>,
    /// None for those who may look but not import.
    pub form: Option<UploadForm>,
}

fn state_badge(state: &str) -> AnyView {
    let (words, tone) = match state {
        "waiting" => ("Waiting to start", Tone::Plain),
        "staging" => ("Reading", Tone::Plain),
        "held" => ("Held: needs a manager", Tone::Warn),
        "applying" => ("Applying", Tone::Plain),
        "applied" => ("Applied", Tone::Good),
        "rejected" => ("Rejected", Tone::Plain),
        _ => ("Failed", Tone::Danger),
    };
    Badge::new(words).tone(tone).view()
}

impl Imports {
    pub fn html(self, shell: &StaffShell) -> String {
        let w = Words::default();
        let refused_form = self.form.as_ref().is_some_and(|form| !form.errors.is_empty());
        let summary = self
            .form
            .as_ref()
            .filter(|_| refused_form)
            .map(|form| form.errors.summary("The file was not imported"));
        let form = self.form.map(|form| upload(form, &shell.csrf));
        let rows = self
            .lines
            .into_iter()
            .map(|line| {
                let href = format!("/staff/imports/{}", line.id);
                Row::new()
                    .cell(view! { <a href=href>{line.file_name}</a> })
                    .cell(line.kind)
                    .cell(state_badge(&line.state))
                    .cell(instant(w, line.started_at, &self.zone))
                    .cell(line.started_by)
                    .cell(line.rows.to_string())
                    .cell(line.accepted.to_string())
                    .cell(line.refused.to_string())
                    .cell(line.unchanged.to_string())
            })
            .collect();
        let columns = vec![
            Column::new("File"),
            Column::new("Kind"),
            Column::new("State"),
            Column::new("Started"),
            Column::new("By"),
            Column::new("Rows").number(),
            Column::new("Accepted").number(),
            Column::new("Refused").number(),
            Column::new("Unchanged").number(),
        ];
        let table = Table::new("Imports", columns).rows(rows).empty(view! {
            <p class="empty">
                "Nothing was imported yet. Choose a file above; the balances appear under Patients."
            </p>
        });
        let body = view! {
            {heading("Imports", refused_form)}
            {summary}
            {form}
            <h2>"Imports so far"</h2>
            {table}
        };
        if refused_form { shell.error_page("Imports", body) } else { shell.page("Imports", body) }
    }
}

fn upload(form: UploadForm, csrf: &str) -> AnyView {
    let error = |field: &str| form.errors.of(field);
    let body = view! {
        {Field::file("file", "File").hint("A CSV, or a zip of an export folder").error(error("file"))}
        {Select::new("format", "Format")
            .option("", "Tell from the file")
            .option("clearbill", "Clearbill CSV, one charge line a row")
            .option("synthea", "Synthea CSV export (zip)")
            .option("contacts", "Contacts and consent by patient id")
            .chosen(form.format.clone())}
        {Select::new("mode", "The file is")
            .option("full", "Full: the whole book of this source")
            .option("delta", "Delta: only what changed")
            .chosen(form.mode.clone())}
        {Field::date("as_of", "As of").hint("The day the file speaks of; today when empty")
            .value(form.as_of.clone()).error(error("as_of"))}
        {Field::text("open_days", "Open days")
            .hint("Synthea only: payments on claims younger than this are left out")
            .value(form.open_days.clone()).error(error("open_days"))}
        {Field::text("source", "Source")
            .hint("Which system the ids belong to; the format's name when empty")
            .value(form.source.clone()).error(error("source"))}
        <div class="actions">{Button::primary("Import")}</div>
    };
    view! {
        <section aria-labelledby="import-a-file">
            <h2 id="import-a-file">"Import a file"</h2>
            {Form::post("/staff/imports", csrf).multipart().body(body)}
        </section>
    }
    .into_any()
}

/// A difference worth showing before a held import is decided.
#[derive(Clone, Debug)]
pub struct DifferenceLine {
    pub kind: String,
    pub claim: String,
    pub before: Option<Cents>,
    pub after: Option<Cents>,
}

/// A refused row: where, and what to do.
#[derive(Clone, Debug)]
pub struct RefusedLine {
    pub place: String,
    pub column: String,
    pub sentence: String,
}

#[derive(Clone, Debug)]
pub struct ImportPage {
    pub zone: TimeZone,
    pub line: ImportLine,
    pub as_of: String,
    pub failure: Option<String>,
    /// Done and total of the step under way, and its words.
    pub progress: Option<(i64, i64, String)>,
    pub new_claims: i64,
    pub vanished: i64,
    pub cleared: i64,
    pub jumped: i64,
    pub held_because: Vec<String>,
    pub differences: Vec<DifferenceLine>,
    pub refused: Vec<RefusedLine>,
    pub decided: Option<String>,
    /// True for a manager, while there is something to decide.
    pub may_decide: bool,
    /// Why was left empty.
    pub reason_is_missing: bool,
}

impl ImportPage {
    pub fn html(self, shell: &StaffShell) -> String {
        let w = Words::default();
        let id = self.line.id.clone();
        let is_moving = matches!(self.line.state.as_str(), "waiting" | "staging" | "applying");
        let progress = is_moving.then(|| progress(&id, self.progress.clone()));
        let failure = self.failure.clone().map(|words| {
            Notice::alert(Tone::Danger).title("Nothing was imported").text(words).view()
        });
        let held = (self.line.state == "held").then(|| {
            Notice::new(Tone::Warn)
                .title("Held: nothing was changed, and no reminder goes out")
                .text(format!("{}.", self.held_because.join("; ")))
                .view()
        });
        let facts = Facts::new()
            .row("State", state_badge(&self.line.state))
            .row("Kind", self.line.kind.clone())
            .row("As of", self.as_of.clone())
            .row("Started", instant_full(w, self.line.started_at, &self.zone))
            .row("By", self.line.started_by.clone())
            .row("Rows", self.line.rows.to_string())
            .row("Accepted", self.line.accepted.to_string())
            .row("Refused", self.line.refused.to_string())
            .row("Unchanged", self.line.unchanged.to_string())
            .maybe("Decided", self.decided.clone());
        let error = self.reason_is_missing;
        let decide = self.may_decide.then(|| decide(&self.line, &shell.csrf, error));
        let body = view! {
            {heading("Import", error)}
            <p>{self.line.file_name.clone()}</p>
            {failure}
            {held}
            {progress}
            {decide}
            {facts}
            {differences(&self)}
            {refused(&id, self.refused)}
            <p><a href="/staff/imports">"All imports"</a></p>
        };
        let scripts: &[&str] = if is_moving { &["progress.js"] } else { &[] };
        if error {
            shell.error_page("Import", body)
        } else {
            shell.page_with("Import", scripts, body)
        }
    }
}

/// Filled by the server; `progress.js` asks again while the import moves, and without it the page
/// is reloaded by hand.
fn progress(id: &str, now: Option<(i64, i64, String)>) -> AnyView {
    let (done, total, words) = now.unwrap_or((0, 1, "Waiting".to_owned()));
    let source = format!("/staff/imports/{id}/progress");
    let meter = Meter::progress("Progress", done, total, words);
    view! {
        <div id="progress" data-source=source role="status">{meter.view()}</div>
        {paragraph("This page follows the import. You may leave it; the import goes on.")}
    }
    .into_any()
}

fn decide(line: &ImportLine, csrf: &str, reason_is_missing: bool) -> AnyView {
    let action = format!("/staff/imports/{}/decide", line.id);
    let missing = reason_is_missing.then(|| "Say why; the audit keeps it.".to_owned());
    let reason = TextArea::new("reason", "Reason").error(missing).view();
    let buttons = if line.state == "held" {
        view! {
            {Button::primary("Accept and apply").sends("verdict", "accept")}
            {Button::danger("Reject").sends("verdict", "reject")}
        }
        .into_any()
    } else {
        Button::secondary("Take the rejection back").sends("verdict", "reconsider").view()
    };
    let body = view! { {reason}<div class="actions">{buttons}</div> };
    view! {
        <section aria-labelledby="decide">
            <h2 id="decide">"Decide"</h2>
            {Form::post(action, csrf).body(body)}
        </section>
    }
    .into_any()
}

fn differences(page: &ImportPage) -> AnyView {
    let rows = page
        .differences
        .iter()
        .map(|line| {
            let amount =
                |cents: Option<Cents>| cents.map_or("not in the file".into(), |c| c.to_string());
            Row::new()
                .cell(line.claim.clone())
                .cell(line.kind.clone())
                .cell(amount(line.before))
                .cell(amount(line.after))
        })
        .collect();
    let counts = format!(
        "{} new claims, {} missing from the file, {} with nothing left to pay, {} much larger.",
        page.new_claims, page.vanished, page.cleared, page.jumped
    );
    let columns = vec![
        Column::new("Claim"),
        Column::new("Change"),
        Column::new("Before").number(),
        Column::new("After").number(),
    ];
    let table = Table::new("Examples of what changes", columns)
        .rows(rows)
        .empty(view! { <p class="empty">"No claim changes in a way worth a second look."</p> });
    view! {
        <section aria-labelledby="differences">
            <h2 id="differences">"What the file changes"</h2>
            <p>{counts}</p>
            {table}
        </section>
    }
    .into_any()
}

fn refused(id: &str, lines: Vec<RefusedLine>) -> AnyView {
    let some = !lines.is_empty();
    let rows = lines
        .into_iter()
        .map(|line| Row::new().cell(line.place).cell(line.column).cell(line.sentence))
        .collect();
    let columns = ["Where", "Column", "What to do"].map(Column::new).to_vec();
    let table = Table::new("Refused rows", columns)
        .rows(rows)
        .empty(view! { <p class="empty">"Every row was accepted."</p> });
    let export = some.then(|| {
        let href = format!("/staff/imports/{id}/refused.csv");
        ButtonLink::secondary(href, "Download the whole report").view()
    });
    view! {
        <section>
            <h2>"Refused rows"</h2>
            {table}
            {export}
        </section>
    }
    .into_any()
}
