//! Balance Notification History, the same filtered for errors (Manage Errors), and one message with
//! everything known about it (S-H1, S-H3, MS3).

use domain::{
    clock::UnixMs,
    decide::{Channel, Class},
    money::Cents,
};
use jiff::tz::TimeZone;
use leptos::prelude::*;

use super::{
    StaffShell,
    decision_words::end_words,
    failed_message::Handling,
    message_rows::{MessageRow, columns, row},
    message_words::{Progress, capital, channel_name, class_name, others_words, together_words},
    record_why::{WhyStored, rules, stored_words},
};
use crate::{
    components::{
        Button, Errors, Facts, Field, FilterBar, Form, Moment, Query, Select, Table, Tabs,
        TextArea, Timeline, heading, instant, instant_full, money,
    },
    when,
    words::Words,
};

pub const PATH: &str = "/staff/notifications";

#[derive(Clone, Debug)]
pub struct NotificationHistory {
    pub zone: TimeZone,
    pub now: UnixMs,
    pub query: Query,
    pub errors_only: bool,
    /// Failures that wait for somebody.
    pub open_errors: i64,
    /// The channels this practice writes by.
    pub methods: Vec<Channel>,
    pub lines: Vec<MessageRow>,
    pub older: Option<String>,
}

/// What the filter of Manage Errors shows: what is to be done by default.
pub const HANDLED: [(&str, &str); 3] = [("", "To do"), ("yes", "Handled"), ("all", "All")];

impl NotificationHistory {
    pub fn html(self, shell: &StaffShell) -> String {
        let value = |key: &str| self.query.get(key).unwrap_or_default().to_owned();
        let base = self.query.without(&["errors", "state", "handled", "before"]);
        let errors = match self.open_errors {
            0 => "Manage Errors".to_owned(),
            many => format!("Manage Errors ({many})"),
        };
        let tabs = Tabs::new("History")
            .tab(base.href(PATH), "All notifications", !self.errors_only)
            .tab(base.with("errors", "1").href(PATH), errors, self.errors_only);
        let filters = self.filters();
        let rows = self.lines.iter().map(|line| row(line, self.now, &self.zone)).collect();
        let is_filtered =
            ["channel", "state", "handled", "from", "until"].iter().any(|k| !value(k).is_empty());
        let empty = if self.errors_only && !is_filtered {
            "Nothing waits to be seen to. Messages that could not be delivered appear here, with \
             the provider's reason."
        } else if self.errors_only {
            "No failure matches. Clear the filters to see what is to be done."
        } else if !is_filtered {
            "No message was written yet. Messages appear here as soon as reminders are sent, or \
             somebody pays or writes."
        } else {
            "Nothing matches. Messages appear here as soon as a job is made or somebody writes."
        };
        let table =
            Table::new("Notifications", columns()).rows(rows).empty(view! { <p>{empty}</p> });
        let older = self.older.map(|id| {
            let href = self.query.with("before", &id).href(PATH);
            view! { <a class="button" href=href>"Older"</a> }
        });
        let newest = self.query.get("before").is_some().then(|| {
            let href = self.query.without(&["before"]).href(PATH);
            view! { <a class="button" href=href>"Newest"</a> }
        });
        let pages = (older.is_some() || newest.is_some())
            .then(|| view! { <nav class="actions" aria-label="Pages">{newest}{older}</nav> });
        shell.page(
            "Notification history",
            view! {
                {heading("Balance Notification History", false)}
                {tabs}
                {filters}
                {table}
                {pages}
            },
        )
    }

    fn filters(&self) -> FilterBar {
        let value = |key: &str| self.query.get(key).unwrap_or_default().to_owned();
        let own = ["channel", "state", "handled", "from", "until", "before"];
        let method = self
            .methods
            .iter()
            .fold(Select::new("channel", "Method").option("", "Any"), |select, channel| {
                select.option(channel.as_str(), channel_name(*channel))
            });
        let filters = FilterBar::new(PATH, &self.query, &own)
            .field(method.chosen(value("channel")))
            .field(Field::date("from", "Written from").value(value("from")))
            .field(Field::date("until", "Until").value(value("until")));
        if self.errors_only {
            return filters
                .field(Select::new("handled", "Show").options(HANDLED).chosen(value("handled")));
        }
        filters.field(
            Select::new("state", "State")
                .option("", "Any")
                .options(Progress::ALL.map(|p| (p.code(), p.name())))
                .chosen(value("state")),
        )
    }
}

/// One message: what it said, how far it came, and every decision about it.
#[derive(Clone, Debug)]
pub struct MessagePage {
    pub zone: TimeZone,
    pub now: UnixMs,
    pub account: Option<(String, String)>,
    pub job: Option<String>,
    pub class: Class,
    pub channel: Channel,
    pub masked: String,
    pub language: &'static str,
    pub amount: Option<Cents>,
    pub segments: i64,
    /// Accounts that the message is for; 1 for one by itself.
    pub accounts: i64,
    pub progress: Progress,
    pub end_reason: Option<String>,
    pub provider: Option<String>,
    pub subject: Option<String>,
    /// Links hidden; none for those who may not read it, and for codes.
    pub text: Option<String>,
    /// Why there is no text.
    pub hidden_because: &'static str,
    pub by: String,
    /// Which template its words are of, and its address for those who may open it.
    pub template: Option<(String, Option<String>)>,
    /// What happened to it, oldest first.
    pub steps: Vec<(UnixMs, String)>,
    pub next_at: Option<UnixMs>,
    pub decisions: Vec<WhyStored>,
    /// A text that waits for its yes may be edited: its address and the words as typed so far, with
    /// `{pay_link}` where the link goes.
    pub edit: Option<(String, String)>,
    /// Of a message that failed.
    pub handling: Option<Handling>,
    pub errors: Errors,
}

impl MessagePage {
    pub fn html(self, shell: &StaffShell) -> String {
        let is_error = !self.errors.is_empty();
        let edit = self.edit.clone().map(|(action, words)| {
            let body = view! {
                {TextArea::new("body", "Words of this one text")
                    .hint(
                        "Keep {pay_link}, the practice's name and the way out. It is approved as \
                         it stands when it is sent.",
                    )
                    .rows(4)
                    .maxlength(1600)
                    .value(words)
                    .error(self.errors.of("body"))}
                <div class="actions">{Button::secondary("Save the words")}</div>
            };
            let form = Form::post(action, &shell.csrf).class("panel").body(body);
            view! { <h2>"Edit before it is approved"</h2>{form} }
        });
        let w = Words::default();
        let title =
            format!("{} by {}", class_name(self.class), channel_name(self.channel).to_lowercase());
        let account = self.account.clone().map(|(id, name)| {
            let href = format!("/staff/patients/{id}");
            view! { <a href=href>{name}</a> }
        });
        let job = self.job.clone().map(|id| {
            let href = format!("/staff/jobs/{id}");
            view! { <a href=href>"The job it belongs to"</a> }
        });
        let goes = self
            .next_at
            .filter(|_| self.progress == Progress::Queued)
            .map(|at| when::near(at, self.now, &self.zone));
        let words = self.template.clone().map(|(words, href)| match href {
            Some(href) => view! { <a href=href>{words}</a> }.into_any(),
            None => view! { {words} }.into_any(),
        });
        let parts = (self.channel == Channel::Text).then(|| self.segments.to_string());
        let together = (self.accounts > 1).then(|| {
            let words = together_words(self.channel, self.accounts);
            let with = others_words(self.channel, self.accounts - 1);
            format!("{}, {with}", capital(&words))
        });
        let facts = Facts::new()
            .row("State", self.progress.badge().view())
            .maybe("Why", self.end_reason.as_deref().map(end_words))
            .maybe("Provider", self.provider.clone())
            .maybe("Guarantor", account)
            .row("To", self.masked.clone())
            .row("Language", self.language)
            .maybe("Amount", self.amount.map(money))
            .maybe("Text parts", parts)
            .maybe("Goes as", together)
            .row("By", self.by.clone())
            .maybe("Words", words)
            .maybe("Job", job)
            .maybe("Goes", goes);
        let subject = self
            .subject
            .clone()
            .map(|subject| view! { <p><strong>"Subject: "</strong>{subject}</p> });
        let text = match self.text.clone() {
            Some(text) => view! { {subject}<div class="letter-sample">{text}</div> }.into_any(),
            None => view! { <p class="hint">{self.hidden_because}</p> }.into_any(),
        };
        let steps = self
            .steps
            .iter()
            .map(|(at, words)| Moment::new(instant_full(w, *at, &self.zone), words.clone()))
            .collect();
        let steps = Timeline::new(steps, "Nothing has happened to it yet.");
        let decisions = self.decisions();
        let summary = self.errors.summary("Nothing was changed");
        let handling = self
            .handling
            .as_ref()
            .map(|handling| handling.view(&shell.csrf, &self.errors, self.now, &self.zone));
        let body = view! {
                {heading(title, false)}
                {summary}
                {facts}
                {handling}
                <h2>"What it says"</h2>
                {text}
                {edit}
                <h2>"What happened"</h2>
                {steps}
                <h2>"Why"</h2>
                {decisions}
        };
        if is_error { shell.error_page("Message", body) } else { shell.page("Message", body) }
    }

    fn decisions(&self) -> AnyView {
        let w = Words::default();
        let moments = self
            .decisions
            .iter()
            .map(|stored| {
                let (words, tone) = stored_words(stored, self.now, &self.zone);
                let caption =
                    format!("Rules as of {}", when::instant_full(w, stored.at, &self.zone));
                let table = rules(&stored.reasons, &self.zone, &caption);
                let ruleset = format!("version {}", stored.ruleset);
                Moment::new(instant(w, stored.at, &self.zone), words).tone(tone).body(view! {
                    <p class="hint">{ruleset}</p>
                    {table}
                })
            })
            .collect();
        Timeline::new(moments, "No decision is stored: nothing had to be asked.").view()
    }
}
