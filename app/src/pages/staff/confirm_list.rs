//! Confirm Patient List: who would be reminded and when, with a checkbox each; and who not, with the
//! reason and the way to mend it (S-SF2).

use domain::{
    book::ClaimStatus,
    clock::UnixMs,
    decide::{Channel, Decision},
    money::Cents,
};
use jiff::tz::TimeZone;
use leptos::prelude::*;

use super::{
    StaffShell,
    claim_words::{counted, status_name},
    decision_words::{mend, no_contact, sentence},
    message_words::{capital, channel_name, together_words},
    select_criteria::{CONFIRM, CRITERIA},
};
use crate::{
    components::heading,
    components::{
        Badge, Button, Column, Facts, Form, Notice, Query, Row, Table, Tabs, Tone, hidden, instant,
        money,
    },
    when,
    words::Words,
};

pub const SELECTION: &str = "/staff/statements/selection";

/// When an approved message would go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    WithinTheHour,
    At(UnixMs),
    Not,
}

#[derive(Clone, Debug)]
pub struct ListedAccount {
    pub id: String,
    pub name: String,
    pub patients: Vec<String>,
    pub due: Cents,
    pub age_days: i64,
    /// Open claims by status.
    pub claims: Vec<(ClaimStatus, i64)>,
    pub last_sent_at: Option<UnixMs>,
    /// Within seven days: warned.
    pub was_sent_lately: bool,
    pub masked: Option<String>,
    pub departure: Departure,
    /// How many accounts of this list have the same phone or email, itself counted; 1 for alone.
    pub sharing: usize,
    /// The one before it in the list has the same.
    pub shares_with_previous: bool,
    /// How many accounts get one message, itself counted; 1 for alone.
    pub together: usize,
    pub is_top_priority: bool,
    pub has_several_bills: bool,
    pub is_self_pay: bool,
    pub is_flagged: bool,
    pub has_returned_check: bool,
    pub reads_spanish: bool,
    /// Chose text and email: gets the same on the other one too.
    pub chose_both: bool,
    pub is_included: bool,
    pub decision: Option<Decision>,
}

/// What the ticked ones come to.
#[derive(Clone, Debug, Default)]
pub struct Selected {
    pub accounts: usize,
    /// Messages: accounts with one phone or email may get one together.
    pub messages: usize,
    pub due: Cents,
    pub segments: i64,
    pub cost: Option<String>,
    pub waiting: usize,
    pub first_wait: Option<UnixMs>,
    /// How many chose both methods.
    pub both: usize,
}

#[derive(Clone, Debug)]
pub struct ConfirmPatientList {
    pub zone: TimeZone,
    pub now: UnixMs,
    /// The whole state of the list.
    pub query: Query,
    /// The criteria alone, as the draft is kept under.
    pub criteria_query: String,
    pub criteria: Vec<(String, String)>,
    pub method: Channel,
    pub shows_not_eligible: bool,
    pub selected: Selected,
    pub eligible: usize,
    pub not_eligible: usize,
    pub rows: Vec<ListedAccount>,
    pub page: u64,
    pub per_page: u64,
    /// Texts cannot be started before this.
    pub floor: Option<String>,
    /// More accounts match than one run takes.
    pub is_cut: bool,
    /// Nothing goes out for the whole practice.
    pub stopped: Option<String>,
}

impl ConfirmPatientList {
    pub fn html(self, shell: &StaffShell) -> String {
        let title = "Confirm Patient List";
        let tabs = self.tabs();
        let notices = self.notices();
        let list = if self.shows_not_eligible {
            self.not_eligible_table()
        } else if self.eligible == 0 {
            self.nobody()
        } else {
            self.selection(&shell.csrf)
        };
        let summary = self.summary();
        shell.page_with(
            title,
            &["selection.js"],
            view! {
                {heading(title, false)}
                <p class="hint">
                    "Send Patient Statements, step 3 of 3. Clear the box of anyone who should not \
                     get a reminder."
                </p>
                {notices}
                {summary}
                {tabs}
                {list}
            },
        )
    }

    fn tabs(&self) -> Tabs {
        let base = self.query.without(&["tab", "page", "sort"]);
        Tabs::new("Lists")
            .tab(
                base.href(CONFIRM),
                format!("Will get a reminder ({})", self.eligible),
                !self.shows_not_eligible,
            )
            .tab(
                base.with("tab", "not-eligible").href(CONFIRM),
                format!("Not eligible ({})", self.not_eligible),
                self.shows_not_eligible,
            )
    }

    fn notices(&self) -> AnyView {
        let floor = self.floor.clone().map(|words| {
            let by_email = self.query.with("method", "email").without(&["tab", "page"]);
            let href = by_email.href(CONFIRM);
            Notice::new(Tone::Warn)
                .title("Texts cannot be started now")
                .body(view! { <p>{words}" "<a href=href>"Send by email instead"</a></p> })
                .view()
        });
        let stopped = self
            .stopped
            .clone()
            .map(|why| Notice::new(Tone::Warn).title("Reminders wait").text(why).view());
        let cut = self.is_cut.then(|| {
            Notice::new(Tone::Warn)
                .text("More accounts match than one run takes. Narrow the criteria for the rest.")
                .view()
        });
        view! { {floor}{stopped}{cut} }.into_any()
    }

    fn summary(&self) -> AnyView {
        let change = self.query.without(&["tab", "page", "sort"]).href(CRITERIA);
        let method = channel_name(self.method);
        let mut facts = Facts::new();
        for (name, value) in &self.criteria {
            facts = facts.row(name.clone(), value.clone());
        }
        let selected = &self.selected;
        let chosen = format!("{} of {}", selected.accounts, self.eligible);
        let facts = facts
            .row("Method", method)
            .row("Selected", view! { <span data-count="accounts" role="status">{chosen}</span> })
            .row(
                "Due on the selected",
                view! {
                    <span data-count="due">{selected.due.to_string()}</span>
                },
            );
        let cost = selected.cost.clone().map(|cost| {
            view! { <span data-count="cost">{format!("about {cost}")}</span> }
        });
        let messages = view! { <span data-count="messages">{selected.messages.to_string()}</span> };
        let facts = match self.method {
            Channel::Text => facts.row("Texts", messages).row(
                "Text parts",
                view! { <span data-count="segments">{selected.segments.to_string()}</span> },
            ),
            Channel::Email => facts.row("Emails", messages),
            Channel::Voice | Channel::Fax | Channel::Letter => facts,
        };
        let facts = facts.maybe("Cost", cost);
        let facts = facts.row(
            "When",
            view! {
                <span data-count="when">{departures(selected, self.now, &self.zone)}</span>
            },
        );
        view! {
            <section class="panel" aria-labelledby="summary">
                <h2 id="summary">"This run"</h2>
                {facts}
                <p><a href=change>"Change the criteria"</a></p>
            </section>
        }
        .into_any()
    }

    fn nobody(&self) -> AnyView {
        let change = self.query.without(&["tab", "page", "sort"]).href(CRITERIA);
        let words = if self.not_eligible > 0 {
            "Nobody on this list can get a reminder now. The tab Not eligible says why for each, \
             and where to mend it."
        } else {
            "No account matches these criteria. Accounts appear here once a bill is with the \
             patient and something is due on it."
        };
        view! {
            <div class="empty">
                <p>{words}</p>
                <p><a href=change>"Change the criteria"</a></p>
            </div>
        }
        .into_any()
    }

    fn selection(&self, csrf: &str) -> AnyView {
        let columns = vec![
            Column::new("Guarantor and patients").sort("name"),
            Column::new("Due").sort("due").number(),
            Column::new("Oldest").sort("age").number(),
            Column::new("Claims"),
            Column::new("Last sent").sort("sent"),
            Column::new("Contact"),
            Column::new("Goes"),
            Column::new("Flags"),
        ];
        let rows = self.rows.iter().map(|line| self.row(line)).collect();
        let table = Table::new("Patients who will get a reminder", columns)
            .sorted(CONFIRM, &self.query, "-due")
            .checkboxes("include", "Include")
            .rows(rows);
        let shown: Vec<AnyView> =
            self.rows.iter().map(|line| hidden("shown", line.id.clone())).collect();
        let send = match &self.floor {
            None => Button::primary("Send Patient Statements").sends("do", "send"),
            Some(_) => {
                Button::primary("Send Patient Statements").sends("do", "send").disabled(true)
            }
        };
        let state = self.query.href("");
        let body = view! {
            {shown}
            <div class="list-actions">
                {Button::secondary("Save selection").sends("do", "save")}
                {Button::quiet("Select page").sends("do", "page")}
                {Button::quiet("Clear page").sends("do", "clear-page")}
                {Button::quiet(format!("Select all {}", self.eligible)).sends("do", "all")}
                {Button::quiet("Clear all").sends("do", "clear-all")}
            </div>
            {table}
            {self.pages()}
            <div class="actions">{send}</div>
        };
        Form::post(SELECTION, csrf)
            .id("selection")
            .hidden("criteria", self.criteria_query.clone())
            .hidden("state", state.trim_start_matches('?').to_owned())
            .body(body)
    }

    /// Buttons rather than links, so that turning a page keeps what was ticked on this one.
    fn pages(&self) -> AnyView {
        let total = self.eligible as u64;
        let pages = total.div_ceil(self.per_page.max(1)).max(1);
        if pages == 1 {
            return ().into_any();
        }
        let first = (self.page - 1) * self.per_page + 1;
        let last = (self.page * self.per_page).min(total);
        let words = format!("{first} to {last} of {total} accounts");
        let turn = |page: u64, label: &'static str| {
            Button::secondary(label).sends("do", format!("go-{page}")).view()
        };
        let previous = (self.page > 1).then(|| turn(self.page - 1, "Previous"));
        let next = (self.page < pages).then(|| turn(self.page + 1, "Next"));
        view! {
            <div class="pager" role="group" aria-label="Pages">
                <span>{words}</span>
                {previous}
                {next}
            </div>
        }
        .into_any()
    }

    fn row(&self, line: &ListedAccount) -> Row {
        let label = format!("Include {}, {}", line.name, line.due);
        let goes = match line.departure {
            Departure::WithinTheHour => "Within the hour".to_owned(),
            Departure::At(at) => capital(&when::near(at, self.now, &self.zone)),
            Departure::Not => "Not".to_owned(),
        };
        Row::new()
            .id(format!("row-{}", line.id))
            .checkbox(line.id.clone(), label, line.is_included)
            .cell(who(line))
            .cell(money(line.due))
            .cell(age(line.age_days))
            .cell(claims(line))
            .cell(self.last_sent(line))
            .cell(contact(line, Some(self.method)))
            .cell(goes)
            .cell(flags(line))
            .class(if line.shares_with_previous { "joined" } else { "" })
    }

    fn last_sent(&self, line: &ListedAccount) -> AnyView {
        let w = Words::default();
        let Some(at) = line.last_sent_at else { return view! { "Never" }.into_any() };
        let lately =
            line.was_sent_lately.then(|| Badge::new("Under 7 days ago").tone(Tone::Warn).view());
        view! { {instant(w, at, &self.zone)}" "{lately} }.into_any()
    }

    fn not_eligible_table(&self) -> AnyView {
        let columns = vec![
            Column::new("Guarantor and patients"),
            Column::new("Due").number(),
            Column::new("Oldest").number(),
            Column::new("Contact"),
            Column::new("Why not"),
            Column::new("What to do"),
        ];
        let rows = self
            .rows
            .iter()
            .map(|line| {
                let headline = line.decision.as_ref().and_then(|d| d.headline());
                let why = match (&line.decision, headline) {
                    (None, _) => no_contact(self.method).to_owned(),
                    (Some(_), Some(reason)) => sentence(reason, &self.zone),
                    (Some(_), None) => "It cannot be said now.".to_owned(),
                };
                let way =
                    mend(headline.map(|reason| reason.rule), &line.id).map(|(label, href)| {
                        let named = format!("{label} for {}", line.name);
                        view! { <a href=href aria-label=named>{label}</a> }
                    });
                Row::new()
                    .cell(who(line))
                    .cell(money(line.due))
                    .cell(age(line.age_days))
                    .cell(contact(line, None))
                    .cell(why)
                    .cell(way)
            })
            .collect();
        let table = Table::new("Patients who will not get a reminder, and why", columns)
            .rows(rows)
            .empty(view! { <p>"Everybody who matches the criteria can get a reminder."</p> });
        let pager = crate::components::Pager::new(
            CONFIRM,
            &self.query,
            self.per_page,
            self.not_eligible as u64,
            "accounts",
        );
        view! { {table}{pager} }.into_any()
    }
}

/// "211 go within the hour, 1 waits until tomorrow 9:00 AM."
pub fn departures(selected: &Selected, now: UnixMs, zone: &TimeZone) -> String {
    let soon = selected.accounts.saturating_sub(selected.waiting);
    let waits = match (selected.waiting, selected.first_wait) {
        (0, _) | (_, None) => None,
        (1, Some(at)) => Some(format!("1 waits until {}", when::near(at, now, zone))),
        (many, Some(at)) => {
            Some(format!("{many} wait, the first until {}", when::near(at, now, zone)))
        }
    };
    match (soon, waits) {
        (0, None) => "Nobody is selected.".to_owned(),
        (0, Some(waits)) => format!("{waits}."),
        (1, None) => "1 goes within the hour.".to_owned(),
        (many, None) => format!("All {many} go within the hour."),
        (1, Some(waits)) => format!("1 goes within the hour, {waits}."),
        (many, Some(waits)) => format!("{many} go within the hour, {waits}."),
    }
}

fn who(line: &ListedAccount) -> AnyView {
    let href = format!("/staff/patients/{}", line.id);
    let others: Vec<String> =
        line.patients.iter().filter(|name| **name != line.name).cloned().collect();
    let others = (!others.is_empty())
        .then(|| view! { <br/><span class="hint">{format!("for {}", others.join(", "))}</span> });
    view! { <a href=href>{line.name.clone()}</a>{others} }.into_any()
}

fn age(days: i64) -> String {
    counted(days, "day", "days")
}

fn claims(line: &ListedAccount) -> AnyView {
    let items: Vec<AnyView> = line
        .claims
        .iter()
        .map(|(status, count)| {
            let text = format!("{count} {}", status_name(*status));
            view! { <li>{text}</li> }.into_any()
        })
        .collect();
    view! { <ul class="lines">{items}</ul> }.into_any()
}

/// With the method, how the accounts that share it are written to.
fn contact(line: &ListedAccount, method: Option<Channel>) -> AnyView {
    let masked = line.masked.clone().unwrap_or_else(|| "None".to_owned());
    let masked = view! { <span class="whole">{masked}</span> };
    let shared = (line.sharing > 1).then(|| {
        let others = counted(line.sharing as i64 - 1, "other account", "other accounts");
        let how = match method {
            Some(_) if line.together == 1 => ": one goes first",
            _ => "",
        };
        view! { <br/><span class="hint">{format!("Shared with {others}{how}")}</span> }
    });
    let together = method.filter(|_| line.together > 1).map(|method| {
        let words = capital(&together_words(method, line.together as i64));
        view! { " "{Badge::new(words).tone(Tone::Good).view()} }
    });
    view! { {masked}{shared}{together} }.into_any()
}

fn flags(line: &ListedAccount) -> AnyView {
    let all = [
        (line.is_top_priority, "Top priority", Tone::Danger),
        (line.has_several_bills, "Several bills", Tone::Warn),
        (line.is_flagged, "Flagged", Tone::Warn),
        (line.has_returned_check, "Returned check", Tone::Danger),
        (line.chose_both, "Text and email", Tone::Plain),
        (line.is_self_pay, "Self-pay", Tone::Plain),
        (line.reads_spanish, "Spanish", Tone::Plain),
    ];
    let badges: Vec<AnyView> = all
        .into_iter()
        .filter(|(is_so, ..)| *is_so)
        .map(|(_, words, tone)| Badge::new(words).tone(tone).view())
        .collect();
    view! { <span class="flags">{badges}</span> }.into_any()
}
