//! The last question before a run goes, and what became of it: "Send 212 texts?" and Patient
//! Statements Sent (S-SF1, S-SF3).

use domain::{clock::UnixMs, decide::Channel};
use jiff::tz::TimeZone;
use leptos::prelude::*;

use super::{
    StaffShell,
    claim_words::counted,
    confirm_list::{Selected, departures},
    select_criteria::{CONFIRM, CRITERIA},
};
use crate::{
    components::{
        Button, ButtonLink, Confirm, Errors, Facts, Form, Notice, Radio, RadioGroup, Tone, heading,
    },
    when,
};

fn noun(method: Channel, count: i64) -> String {
    match method {
        Channel::Text => counted(count, "text", "texts"),
        Channel::Email => counted(count, "email", "emails"),
        Channel::Voice => counted(count, "call", "calls"),
        Channel::Fax => counted(count, "fax", "faxes"),
        Channel::Letter => counted(count, "letter", "letters"),
    }
}

/// "Send 212 texts? 9 wait until tomorrow 9:00 AM."
#[derive(Clone, Debug)]
pub struct SendQuestion {
    pub zone: TimeZone,
    pub now: UnixMs,
    pub draft: String,
    /// The query that leads back to the list.
    pub criteria_query: String,
    pub method: Channel,
    pub selected: Selected,
    /// Sent so lately that they are warned about.
    pub sent_lately: usize,
    /// Why it cannot go now.
    pub errors: Errors,
}

impl SendQuestion {
    pub fn html(self, shell: &StaffShell) -> String {
        let title = "Send Patient Statements";
        let back = format!("{CONFIRM}?{}", self.criteria_query);
        let is_error = !self.errors.is_empty();
        let errors = self.errors.summary("Nothing was sent");
        if self.selected.accounts == 0 {
            let body = view! {
                {heading(title, true)}
                {errors}
                <div class="empty">
                    <p>
                        "Nobody is selected, or nobody on the list can get a reminder any more. \
                         Tick somebody, or see the tab Not eligible."
                    </p>
                    <p><a href=back>"Back to the list"</a></p>
                </div>
            };
            return if is_error { shell.error_page(title, body) } else { shell.page(title, body) };
        }
        let many = i64::try_from(self.selected.messages).unwrap_or(i64::MAX);
        let waits = match (self.selected.waiting, self.selected.first_wait) {
            (0, _) | (_, None) => String::new(),
            (1, Some(at)) => {
                format!(" 1 waits until {}.", when::near(at, self.now, &self.zone))
            }
            (waiting, Some(at)) => {
                format!(" {waiting} wait until {}.", when::near(at, self.now, &self.zone))
            }
        };
        let question = format!("Send {}?{waits}", noun(self.method, many));
        let cost = self.selected.cost.as_ref().map(|cost| format!(", about {cost}"));
        let parts = match self.method {
            Channel::Text => {
                let parts = counted(self.selected.segments, "text part", "text parts");
                format!(" {parts}{}.", cost.unwrap_or_default())
            }
            Channel::Email | Channel::Voice | Channel::Fax | Channel::Letter => {
                let cost =
                    self.selected.cost.as_ref().map(|cost| format!(" It costs about {cost}."));
                cost.unwrap_or_default()
            }
        };
        let accounts = match self.selected.accounts {
            accounts if accounts == self.selected.messages => String::new(),
            accounts => {
                format!("For {accounts} accounts: those with one contact get one together. ")
            }
        };
        let detail = format!(
            "{accounts}{} due.{parts} {}",
            self.selected.due,
            departures(&self.selected, self.now, &self.zone)
        );
        let other = match self.method {
            Channel::Text => "email",
            // Only text and email are chosen together.
            Channel::Email | Channel::Voice | Channel::Fax | Channel::Letter => "text",
        };
        let detail = match self.selected.both {
            0 => detail,
            1 => format!("{detail} 1 of them chose both methods and gets the same by {other}."),
            both => {
                format!("{detail} {both} of them chose both methods and get the same by {other}.")
            }
        };
        let lately = (self.sent_lately > 0).then(|| {
            let words = format!(
                "{} got a reminder in the last 7 days.",
                counted(self.sent_lately as i64, "of them", "of them")
            );
            Notice::new(Tone::Warn).text(words).view()
        });
        let action = format!("/staff/statements/send/{}", self.draft);
        let confirm = Confirm::new(
            question,
            Form::post(action, &shell.csrf),
            Button::primary("Yes"),
            ButtonLink::secondary(back, "No"),
        )
        .detail(detail);
        let body = view! {
            {heading(title, false)}
            {errors}
            {lately}
            {confirm}
        };
        if is_error { shell.error_page(title, body) } else { shell.page(title, body) }
    }
}

/// "Patient Statements Sent".
#[derive(Clone, Debug)]
pub struct StatementsSent {
    pub zone: TimeZone,
    pub now: UnixMs,
    pub job: String,
    pub method: Channel,
    /// Go within the hour, or went.
    pub queued: i64,
    pub waiting: i64,
    pub first_wait: Option<UnixMs>,
    /// Decided against since the list was shown.
    pub withheld: i64,
    /// Accounts that go in the message of another with the same phone or email.
    pub riding: i64,
    /// "No" was chosen before.
    pub marked_no: bool,
    pub is_finished: bool,
}

impl StatementsSent {
    pub fn html(self, shell: &StaffShell) -> String {
        let title = "Patient Statements Sent";
        let waiting = match self.first_wait {
            Some(at) if self.waiting > 0 => {
                format!(
                    "{}, the first until {}",
                    self.waiting,
                    when::near(at, self.now, &self.zone)
                )
            }
            _ => self.waiting.to_string(),
        };
        let withheld = if self.withheld > 0 {
            let href = format!("/staff/jobs/{}?state=withheld", self.job);
            view! { {self.withheld.to_string()}" "<a href=href>"See why"</a> }.into_any()
        } else {
            view! { "0" }.into_any()
        };
        let together = (self.riding > 0).then(|| {
            let accounts = counted(self.riding, "account goes", "accounts go");
            format!("{accounts} in the message of another with the same phone or email")
        });
        let facts = Facts::new()
            .row("Sent or going within the hour", counted(self.queued, "account", "accounts"))
            .maybe("Together", together)
            .row("Waiting", waiting)
            .row("Withheld", withheld);
        let choice = RadioGroup::new("mark", "Mark the claims as Pending patient?")
            .chosen(if self.marked_no { "no" } else { "yes" })
            .answer(Radio::new("yes", "Yes").hint(" The claims become Pending patient."))
            .answer(Radio::new("no", "No").hint(
                " The claims stay Ready to send statements, so the next run selects them again.",
            ));
        let form =
            Form::post(format!("/staff/statements/sent/{}", self.job), &shell.csrf).body(view! {
                {choice}
                <div class="actions">{Button::primary("Finish")}</div>
            });
        let hint = (!self.is_finished).then(
            || view! { <p class="hint">"Leaving this page without Finish counts as Yes."</p> },
        );
        let job = format!("/staff/jobs/{}", self.job);
        shell.page(
            title,
            view! {
                {heading(title, true)}
                {facts}
                <section class="panel narrow-page">{form}{hint}</section>
                <p>
                    <a href=job>"See this job"</a>" · "
                    <a href=CRITERIA>"Send more statements"</a>
                </p>
            },
        )
    }
}
