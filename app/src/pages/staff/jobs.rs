//! Jobs: the runs of reminders, what each one waits for, and what became of its messages. A job can
//! be approved, cut down and taken back while something of it waits (S-SF6, X2).

use domain::{clock::UnixMs, decide::Channel, money::Cents};
use jiff::tz::TimeZone;
use leptos::prelude::*;

use super::{
    StaffShell,
    claim_words::counted,
    decision_words::end_words,
    message_rows::{MessageRow, columns, row},
    message_words::{Progress, channel_name},
    select_criteria::CRITERIA,
};
use crate::{
    components::{
        Badge, Button, ButtonLink, Column, Confirm, Errors, Facts, Form, Query, Row, Table, Tabs,
        Tone, heading, instant_full, money,
    },
    when,
    words::Words,
};

pub const PATH: &str = "/staff/jobs";

const ONE_FOR_SEVERAL: &str = "Accounts with one phone or email get one message together.";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    Drafting,
    PendingApproval,
    Approving,
    Approved,
    Cancelled,
}

impl JobState {
    fn badge(self, waiting: i64) -> Badge {
        match self {
            Self::Drafting => Badge::new("Being written"),
            Self::PendingApproval => Badge::new("Waits for approval").tone(Tone::Warn),
            Self::Approving => Badge::new("Being approved"),
            Self::Approved if waiting > 0 => Badge::new("Going out").tone(Tone::Good),
            Self::Approved => Badge::new("Done").tone(Tone::Good),
            Self::Cancelled => Badge::new("Cancelled"),
        }
    }
}

#[derive(Clone, Debug)]
pub struct JobLine {
    pub id: String,
    pub created_at: UnixMs,
    pub by: String,
    pub method: Channel,
    pub state: JobState,
    pub messages: i64,
    pub pending: i64,
    pub waiting: i64,
    pub went: i64,
    pub ended: i64,
}

#[derive(Clone, Debug)]
pub struct Jobs {
    pub zone: TimeZone,
    pub query: Query,
    pub lines: Vec<JobLine>,
    pub older: Option<String>,
    pub may_send: bool,
}

impl Jobs {
    pub fn html(self, shell: &StaffShell) -> String {
        let w = Words::default();
        let rows = self
            .lines
            .iter()
            .map(|job| {
                let href = format!("{PATH}/{}", job.id);
                let pending = (job.pending > 0).then(|| {
                    let words = format!("{} to approve", job.pending);
                    Badge::new(words).tone(Tone::Warn).view()
                });
                Row::new()
                    .cell(view! { <a href=href>{instant_full(w, job.created_at, &self.zone)}</a> })
                    .cell(job.by.clone())
                    .cell(channel_name(job.method))
                    .cell(view! { {job.state.badge(job.waiting)}" "{pending} })
                    .cell(job.messages.to_string())
                    .cell(job.waiting.to_string())
                    .cell(job.went.to_string())
                    .cell(job.ended.to_string())
            })
            .collect();
        let columns = vec![
            Column::new("Job of"),
            Column::new("By"),
            Column::new("Method"),
            Column::new("State"),
            Column::new("Messages").number(),
            Column::new("Waiting").number(),
            Column::new("Sent").number(),
            Column::new("Not sent").number(),
        ];
        let start = self.may_send.then(|| view! { <a href=CRITERIA>"Send Patient Statements"</a> });
        let table = Table::new("Jobs", columns).rows(rows).empty(view! {
            <p>"No reminders were sent yet. "{start}</p>
        });
        let older = self.older.map(|id| {
            let href = self.query.with("before", &id).href(PATH);
            view! { <p><a class="button" href=href>"Older"</a></p> }
        });
        shell.page("Jobs", view! { {heading("Jobs", false)}{table}{older} })
    }
}

/// What somebody is asked before it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobQuestion {
    Approve,
    Cancel,
}

#[derive(Clone, Debug)]
pub struct JobView {
    pub zone: TimeZone,
    pub now: UnixMs,
    pub query: Query,
    pub id: String,
    pub method: Channel,
    pub state: JobState,
    pub criteria: Vec<(String, String)>,
    pub custom_name: Option<String>,
    pub created_by: String,
    pub created_at: UnixMs,
    pub approved: Option<(String, UnixMs)>,
    /// Claims are marked Pending patient; none while nobody has finished.
    pub mark: Option<bool>,
    pub is_finished: bool,
    /// By whom and since when it rests.
    pub paused: Option<(String, UnixMs)>,
    pub counts: Vec<(Progress, i64)>,
    /// Why messages ended without going.
    pub reasons: Vec<(Progress, String, i64)>,
    pub messages: i64,
    /// Of them, those that go in the message of another account with the same phone or email.
    pub riding: i64,
    pub riding_pending: i64,
    pub riding_queued: i64,
    pub segments: i64,
    pub cost: Option<String>,
    pub amount: Cents,
    pub next_at: Option<UnixMs>,
    pub last_at: Option<UnixMs>,
    pub lines: Vec<MessageRow>,
    pub filter: Option<Progress>,
    pub older: Option<String>,
    pub may_send: bool,
    pub asks: Option<JobQuestion>,
    pub errors: Errors,
}

impl JobView {
    pub fn html(self, shell: &StaffShell) -> String {
        let title = "Job";
        let is_error = !self.errors.is_empty();
        let body = view! {
            {heading("Job", false)}
            {self.errors.summary("Nothing was changed")}
            {self.question(&shell.csrf)}
            {self.actions(&shell.csrf)}
            {self.facts()}
            {self.reasons()}
            {self.tabs()}
            {self.table(&shell.csrf)}
            {self.older.clone().map(|id| {
                let href = self.query.with("before", &id).without(&["ask"]).href(&self.at(""));
                view! { <p><a class="button" href=href>"Older"</a></p> }
            })}
            <p><a href=PATH>"All jobs"</a></p>
        };
        if is_error { shell.error_page(title, body) } else { shell.page(title, body) }
    }

    fn at(&self, part: &str) -> String {
        format!("{PATH}/{}{part}", self.id)
    }

    fn count(&self, progress: Progress) -> i64 {
        self.counts.iter().find(|(p, _)| *p == progress).map_or(0, |(_, count)| *count)
    }

    fn open(&self) -> i64 {
        self.count(Progress::PendingApproval) + self.count(Progress::Queued)
    }

    fn noun(&self, count: i64) -> String {
        match self.method {
            Channel::Text => counted(count, "text", "texts"),
            Channel::Email => counted(count, "email", "emails"),
            Channel::Voice => counted(count, "call", "calls"),
            Channel::Fax => counted(count, "fax", "faxes"),
            Channel::Letter => counted(count, "letter", "letters"),
        }
    }

    fn question(&self, csrf: &str) -> AnyView {
        let no = || ButtonLink::secondary(self.at(""), "No");
        match self.asks {
            Some(JobQuestion::Approve) if self.count(Progress::PendingApproval) > 0 => {
                let pending = self.count(Progress::PendingApproval);
                let many = self.noun(pending - self.riding_pending);
                let accounts = match self.riding_pending {
                    0 => String::new(),
                    _ => format!("They are for {pending} accounts: {ONE_FOR_SEVERAL} "),
                };
                Confirm::new(
                    format!("Approve and send {many}?"),
                    Form::post(self.at("/approve"), csrf),
                    Button::primary("Yes"),
                    no(),
                )
                .detail(format!(
                    "{accounts}Each goes within the hour, or when the hours at the recipient allow \
                     it. The list below shows what it says: open a message to read it.",
                ))
                .view()
            }
            Some(JobQuestion::Cancel) if self.open() > 0 => {
                let many = self.noun(self.open() - self.riding_pending - self.riding_queued);
                Confirm::new(
                    format!("Take back {many} that have not gone?"),
                    Form::post(self.at("/cancel"), csrf),
                    Button::danger("Yes, take them back"),
                    no(),
                )
                .detail(
                    "What has gone cannot be taken back. Claims that nothing reached become Ready \
                     to send statements again.",
                )
                .view()
            }
            _ => ().into_any(),
        }
    }

    fn actions(&self, csrf: &str) -> AnyView {
        if !self.may_send {
            return ().into_any();
        }
        let approve = (self.count(Progress::PendingApproval) > 0)
            .then(|| ButtonLink::primary(self.at("?ask=approve"), "Approve and send").view());
        let cancel = (self.open() > 0)
            .then(|| ButtonLink::secondary(self.at("?ask=cancel"), "Take back what waits").view());
        let mark = (self.state == JobState::Approved && !self.is_finished).then(|| {
            let href = format!("/staff/statements/sent/{}", self.id);
            ButtonLink::secondary(href, "Finish: mark the claims").view()
        });
        let rest = |verb: &str, label: &str| {
            Form::post(self.at(&format!("/{verb}")), csrf).body(Button::secondary(label).view())
        };
        let pause = (self.paused.is_none() && self.count(Progress::Queued) > 0)
            .then(|| rest("pause", "Pause"));
        let resume = self.paused.is_some().then(|| rest("resume", "Resume"));
        view! { <div class="record-actions">{approve}{resume}{pause}{cancel}{mark}</div> }
            .into_any()
    }

    fn facts(&self) -> AnyView {
        let w = Words::default();
        let mut facts = Facts::new()
            .row("State", self.state.badge(self.count(Progress::Queued)).view())
            .row("Method", channel_name(self.method));
        for (name, value) in &self.criteria {
            facts = facts.row(name.clone(), value.clone());
        }
        facts = facts.maybe("Custom practice name", self.custom_name.clone());
        let made = view! {
            {instant_full(w, self.created_at, &self.zone)}{format!(" by {}", self.created_by)}
        };
        let approved = self.approved.as_ref().map(|(by, at)| {
            let by = format!(" by {by}");
            view! { {instant_full(w, *at, &self.zone)}{by} }
        });
        let mark = self
            .mark
            .map(|yes| if yes { "Pending patient" } else { "Left Ready to send statements" });
        let when = match (self.next_at, self.last_at) {
            (Some(first), Some(last)) if last > first => Some(format!(
                "{} to {}",
                when::near(first, self.now, &self.zone),
                when::near(last, self.now, &self.zone)
            )),
            (Some(at), _) => Some(when::near(at, self.now, &self.zone)),
            _ => None,
        };
        let parts = (self.method == Channel::Text).then(|| {
            let cost = self.cost.as_ref().map(|cost| format!(", about {cost}")).unwrap_or_default();
            format!("{}{cost}", self.segments)
        });
        let messages = match self.riding {
            0 => self.messages.to_string(),
            riding => {
                let sent = self.noun(self.messages - riding);
                format!("{sent} for {} accounts. {ONE_FOR_SEVERAL}", self.messages)
            }
        };
        let cost = self.cost.as_ref().filter(|_| self.method != Channel::Text);
        let cost = cost.map(|cost| format!("about {cost}"));
        let paused = self.paused.as_ref().map(|(by, at)| {
            let by = format!(" by {by}");
            view! { {instant_full(w, *at, &self.zone)}{by} }
        });
        facts
            .maybe("Paused", paused)
            .row("Made", made)
            .maybe("Approved", approved)
            .maybe("Cost", cost)
            .maybe("Claims", mark)
            .row("Messages", messages)
            .maybe("Text parts", parts)
            .row("Asked for", money(self.amount))
            .maybe("What waits goes", when)
            .view()
    }

    fn reasons(&self) -> AnyView {
        if self.reasons.is_empty() {
            return ().into_any();
        }
        let rows = self
            .reasons
            .iter()
            .map(|(progress, code, count)| {
                Row::new()
                    .cell(end_words(code))
                    .cell(progress.badge().view())
                    .cell(count.to_string())
            })
            .collect();
        let columns =
            vec![Column::new("Reason"), Column::new("State"), Column::new("Messages").number()];
        let table = Table::new("Why messages did not go", columns).rows(rows);
        view! { <h2>"Why messages did not go"</h2>{table} }.into_any()
    }

    fn tabs(&self) -> Tabs {
        let base = self.query.without(&["state", "before", "ask"]);
        let all = format!("All ({})", self.messages);
        let tabs = Tabs::new("Messages").tab(base.href(&self.at("")), all, self.filter.is_none());
        self.counts.iter().filter(|(_, count)| *count > 0).fold(tabs, |tabs, (progress, count)| {
            tabs.tab(
                base.with("state", progress.code()).href(&self.at("")),
                format!("{} ({count})", progress.name()),
                self.filter == Some(*progress),
            )
        })
    }

    fn table(&self, csrf: &str) -> AnyView {
        let mut columns = columns();
        if self.may_send {
            columns.push(Column::new("What to do"));
        }
        let rows = self
            .lines
            .iter()
            .map(|line| {
                let shown = row(line, self.now, &self.zone);
                if !self.may_send {
                    return shown;
                }
                let waits = matches!(line.progress, Progress::PendingApproval | Progress::Queued);
                let name = line.account.as_ref().map_or(&line.masked, |(_, name)| name);
                let shown = if line.progress == Progress::PendingApproval {
                    shown.checkbox(line.id.clone(), format!("Choose {name}"), false)
                } else {
                    shown
                };
                shown.cell(waits.then(|| {
                    let action = self.at(&format!("/messages/{}/exclude", line.id));
                    Button::quiet("Exclude")
                        .named(format!("Exclude {name}"))
                        .formaction(action)
                        .view()
                }))
            })
            .collect();
        let may_choose = self.may_send && self.count(Progress::PendingApproval) > 0;
        let table = Table::new("Messages of this job", columns)
            .rows(rows)
            .empty(view! { <p>"No message is in this state."</p> });
        let table = if may_choose { table.checkboxes("message", "Choose") } else { table };
        if !self.may_send {
            return table.view();
        }
        let some = may_choose.then(|| {
            view! { <div class="actions">{Button::secondary("Approve the chosen ones")}</div> }
        });
        Form::post(self.at("/approve-some"), csrf).body(view! { {table}{some} })
    }
}
