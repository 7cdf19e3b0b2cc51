//! Whether everything runs: what is red says what to do.

use domain::clock::UnixMs;
use jiff::tz::TimeZone;
use leptos::prelude::*;

use super::StaffShell;
use crate::{
    components::{Badge, Column, Facts, Notice, Row, Table, Tone, heading, instant_full},
    words::Words,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    Green,
    Amber,
    Red,
}

/// One thing that was looked at.
#[derive(Clone, Debug)]
pub struct Check {
    pub name: String,
    pub colour: Colour,
    /// What was found: "3 hours", "none".
    pub found: String,
    /// What to do where it is not green.
    pub fix: Option<String>,
    pub href: Option<(String, String)>,
}

/// `/staff/health`
#[derive(Clone, Debug)]
pub struct Health {
    pub zone: TimeZone,
    pub at: UnixMs,
    pub checks: Vec<Check>,
    pub chained_rows: i64,
    pub chain_head: String,
}

impl Health {
    pub fn html(self, shell: &StaffShell) -> String {
        let red = self.checks.iter().filter(|check| check.colour == Colour::Red).count();
        let amber = self.checks.iter().filter(|check| check.colour == Colour::Amber).count();
        let (tone, words) = match (red, amber) {
            (0, 0) => (Tone::Good, "Everything runs.".to_owned()),
            (0, 1) => (Tone::Warn, "One thing wants a look.".to_owned()),
            (0, more) => (Tone::Warn, format!("{more} things want a look.")),
            (1, _) => (Tone::Danger, "One thing is wrong.".to_owned()),
            (more, _) => (Tone::Danger, format!("{more} things are wrong.")),
        };
        let rows = self
            .checks
            .into_iter()
            .map(|check| {
                let badge = match check.colour {
                    Colour::Green => Badge::new("Good").tone(Tone::Good),
                    Colour::Amber => Badge::new("Look").tone(Tone::Warn),
                    Colour::Red => Badge::new("Wrong").tone(Tone::Danger),
                };
                let link = check.href.map(|(href, label)| view! { " "<a href=href>{label}</a> });
                Row::new()
                    .cell(check.name)
                    .cell(badge.view())
                    .cell(check.found)
                    .cell(view! { {check.fix}{link} })
            })
            .collect();
        let columns = ["What", "State", "Found", "What to do"].map(Column::new).to_vec();
        let table = Table::new("Health", columns).rows(rows);
        let chain = Facts::new()
            .row("Audit rows in the chain", self.chained_rows.to_string())
            .row("Head of the chain", view! { <code class="key">{self.chain_head}</code> });
        shell.page(
            "Health",
            view! {
                {heading("Health", false)}
                {Notice::status(tone).text(words)}
                <p>"As of "{instant_full(Words::default(), self.at, &self.zone)}</p>
                {table}
                {chain}
            },
        )
    }
}
