//! Reports: whether reminding works, step by step, and what a step adds (W, N, S-H4, S-H5, MS16).

use leptos::prelude::*;

use super::StaffShell;
use crate::components::{ButtonLink, Column, Facts, Query, Row, Table, Tabs, heading};

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

#[derive(Clone, Debug)]
pub struct Reports {
    pub query: Query,
    pub days: i64,
    /// Name, figure, what it means.
    pub figures: Vec<(&'static str, String, &'static str)>,
    pub ages: Vec<(&'static str, i64, String)>,
    pub funnel: Vec<FunnelLine>,
    pub lift: Vec<LiftLine>,
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
                let (whole, value, label) = (most.to_string(), bills.to_string(), *name);
                let bar = view! {
                    <div class="meter">
                        <meter aria-label=label min="0" max=whole value=value.clone()></meter>
                        <span>{value}</span>
                    </div>
                };
                Row::new().cell(*name).cell(bar).cell(amount.clone())
            })
            .collect();
        let columns =
            vec![Column::new("Age"), Column::new("Open bills"), Column::new("Due").number()];
        Table::new("Open bills by age", columns).caption_seen().rows(rows).view()
    }

    fn funnel(&self) -> AnyView {
        let share = |part: i64, whole: i64| {
            let percent = if whole > 0 { part * 100 / whole } else { 0 };
            format!("{part} ({percent} %)")
        };
        let rows = self
            .funnel
            .iter()
            .map(|line| {
                Row::new()
                    .cell(line.step.clone())
                    .cell(line.sent.to_string())
                    .cell(share(line.delivered, line.sent))
                    .cell(share(line.opened, line.sent))
                    .cell(share(line.viewed, line.sent))
                    .cell(share(line.paid, line.sent))
            })
            .collect();
        let mut columns = vec![Column::new("Step")];
        columns.extend(
            ["Sent", "Delivered", "Link opened", "Viewed by a person", "Paid within 14 days"]
                .map(|name| Column::new(name).number()),
        );
        Table::new("How far reminders came, by step", columns)
            .caption_seen()
            .rows(rows)
            .empty(view! { <p>"No reminder was sent in this time."</p> })
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
