//! Reports: whether reminding works, step by step, and what a step adds (W, N, S-H4, S-H5, MS16).

use domain::clock::UnixMs;
use jiff::tz::TimeZone;
use leptos::prelude::*;

use super::StaffShell;
use crate::{
    components::{ButtonLink, Column, Facts, Query, Row, Table, Tabs, heading},
    when,
    words::Words,
};

pub const PATH: &str = "/staff/reports";

/// Stretches of time one may look at, in days.
pub const SPANS: [i64; 3] = [30, 60, 90];

#[derive(Clone, Debug)]
pub struct FunnelLine {
    pub step: String,
    pub sent: i64,
    pub delivered: i64,
    pub opened: i64,
    pub viewed: i64,
    pub paid: i64,
}

#[derive(Clone, Debug)]
pub struct LiftLine {
    pub step: String,
    pub reminded: String,
    pub held_out: String,
    /// `+4.2 points (1.1 to 7.3)`, or why nobody can say.
    pub lift: String,
    pub verdict: &'static str,
}

/// What one cycle of reminders took the people of the office.
#[derive(Clone, Debug)]
pub struct CycleLine {
    pub job: String,
    pub ended_at: UnixMs,
    pub people: usize,
    pub minutes: f64,
}

#[derive(Clone, Debug)]
pub struct Reports {
    pub zone: TimeZone,
    pub query: Query,
    pub days: i64,
    /// Name, figure, what it means.
    pub figures: Vec<(&'static str, String, &'static str)>,
    pub ages: Vec<(&'static str, i64, String)>,
    pub funnel: Vec<FunnelLine>,
    pub lift: Vec<LiftLine>,
    /// Newest first.
    pub cycles: Vec<CycleLine>,
}

impl Reports {
    pub fn html(self, shell: &StaffShell) -> String {
        let tabs = SPANS.iter().fold(Tabs::new("Time"), |tabs, days| {
            let href = self.query.with("days", &days.to_string()).href(PATH);
            tabs.tab(href, format!("Last {days} days"), *days == self.days)
        });
        let figures = self.figures.iter().fold(Facts::new(), |facts, (name, figure, meaning)| {
            let (figure, meaning) = (figure.clone(), *meaning);
            facts.row(*name, view! { {figure}" "<span class="hint">{meaning}</span> })
        });
        let export = self.query.href("/staff/reports/export.csv");
        let body = view! {
            {heading("Reports", false)}
            {tabs}
            {figures}
            {self.ages()}
            {self.funnel()}
            {self.lifts()}
            {self.cycles()}
            <p class="hint">"How content patients are is not measured here."</p>
            <p>{ButtonLink::secondary(export, "Export the figures")}</p>
        };
        shell.page("Reports", body)
    }

    fn ages(&self) -> AnyView {
        let most = self.ages.iter().map(|(_, bills, _)| *bills).max().unwrap_or(0).max(1);
        let rows = self
            .ages
            .iter()
            .map(|(name, bills, amount)| {
                let bar = bar(name, *bills as f64, most as f64, bills.to_string());
                Row::new().cell(*name).cell(bar).cell(amount.clone())
            })
            .collect();
        let columns =
            vec![Column::new("Age"), Column::new("Open bills"), Column::new("Due").number()];
        Table::new("Open bills by age", columns).caption_seen().rows(rows).view()
    }

    fn funnel(&self) -> AnyView {
        let share = |step: &str, what: &str, part: i64, whole: i64| {
            let percent = if whole > 0 { part * 100 / whole } else { 0 };
            let label = format!("{what}, {step}");
            bar(&label, part as f64, whole.max(1) as f64, format!("{part} ({percent} %)"))
        };
        let rows = self
            .funnel
            .iter()
            .map(|line| {
                Row::new()
                    .cell(line.step.clone())
                    .cell(line.sent.to_string())
                    .cell(share(&line.step, "Delivered", line.delivered, line.sent))
                    .cell(share(&line.step, "Link opened", line.opened, line.sent))
                    .cell(share(&line.step, "Viewed", line.viewed, line.sent))
                    .cell(share(&line.step, "Paid", line.paid, line.sent))
            })
            .collect();
        let mut columns = vec![Column::new("Step")];
        columns.extend(
            ["Sent", "Delivered", "Link opened", "Viewed by a person", "Paid within 14 days"]
                .map(|name| Column::new(name).number()),
        );
        let table = Table::new("How far reminders came, by step", columns)
            .caption_seen()
            .rows(rows)
            .empty(view! { <p>"No reminder was sent in this time."</p> })
            .view();
        view! {
            {table}
            <p class="hint">
                "Sent: a provider took it. Delivered: the provider says so; a mail server that reports \
                 nothing leaves its emails out, and a call counts when somebody or a machine picked \
                 up. Link opened: fetched by a person or by a scanner. Viewed: somebody did something \
                 on the page. Paid: the guarantor paid online within 14 days, for whatever reason."
            </p>
        }
        .into_any()
    }

    fn cycles(&self) -> AnyView {
        let w = Words::default();
        let most = self.cycles.iter().map(|line| line.minutes).fold(1.0, f64::max);
        let rows = self
            .cycles
            .iter()
            .map(|line| {
                let href = format!("/staff/jobs/{}", line.job);
                let at = when::instant_full(w, line.ended_at, &self.zone);
                let label = format!("Minutes of the cycle of {at}");
                let bar = bar(&label, line.minutes, most, format!("{:.1}", line.minutes));
                Row::new()
                    .cell(view! { <a href=href>{at}</a> })
                    .cell(bar)
                    .cell(line.people.to_string())
            })
            .collect();
        let columns = vec![
            Column::new("Job approved or finished"),
            Column::new("Minutes at least"),
            Column::new("People").number(),
        ];
        Table::new("Staff time by cycle", columns)
            .caption_seen()
            .rows(rows)
            .empty(view! { <p>"Nobody has approved a job in this time."</p> })
            .view()
    }

    fn lifts(&self) -> AnyView {
        let rows = self
            .lift
            .iter()
            .map(|line| {
                Row::new()
                    .cell(line.step.clone())
                    .cell(line.reminded.clone())
                    .cell(line.held_out.clone())
                    .cell(line.lift.clone())
                    .cell(line.verdict)
            })
            .collect();
        let columns = ["Step", "Reminded: paid", "Left out: paid", "What it adds", "So"]
            .map(Column::new)
            .to_vec();
        let table = Table::new("What a step adds", columns).caption_seen().rows(rows).empty(view! {
            <p>
                "No step leaves anybody out. Set a share to leave out in a profile's step to see \
                 what the step adds."
            </p>
        });
        view! {
            {table}
            <p class="hint">
                "The share that paid within 14 days among those who got the step, less the share \
                 among those who were left out by chance, with its 95 % interval."
            </p>
        }
        .into_any()
    }
}

/// A figure with its bar: a chart that is a table.
fn bar(label: &str, value: f64, most: f64, words: String) -> AnyView {
    let (label, value, most) = (label.to_owned(), value.to_string(), most.to_string());
    view! {
        <div class="meter">
            <meter aria-label=label min="0" max=most value=value></meter>
            <span>{words}</span>
        </div>
    }
    .into_any()
}
