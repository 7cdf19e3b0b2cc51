//! Who did what, when, from where, with what result; and whether the record is whole.

use domain::clock::UnixMs;
use jiff::tz::TimeZone;
use leptos::prelude::*;

use super::StaffShell;
use crate::{
    components::{
        ButtonLink, Column, Facts, Field, FilterBar, Query, Row, Table, heading, instant_full,
    },
    words::Words,
};

const PATH: &str = "/staff/audit";

#[derive(Clone, Debug)]
pub struct AuditLine {
    pub at: UnixMs,
    pub actor: String,
    pub verb: String,
    pub object: String,
    pub result: String,
    pub detail: String,
    pub address: String,
    /// Its place in the chain; none until the notary came by.
    pub number: Option<i64>,
}

#[derive(Clone, Debug)]
pub struct Audit {
    pub zone: TimeZone,
    pub query: Query,
    pub lines: Vec<AuditLine>,
    /// Where the next, older page begins.
    pub older: Option<String>,
    pub chained_rows: i64,
    pub chain_head: String,
}

impl Audit {
    pub fn html(self, shell: &StaffShell) -> String {
        let w = Words::default();
        let value = |key: &str| self.query.get(key).unwrap_or_default().to_owned();
        let filters = FilterBar::new(PATH, &self.query, &["verb", "actor", "account", "before"])
            .field(Field::search("verb", "What was done").value(value("verb")))
            .field(Field::search("actor", "By whom (email or id)").value(value("actor")))
            .field(Field::search("account", "About which account (id)").value(value("account")));
        let rows = self
            .lines
            .into_iter()
            .map(|line| {
                Row::new()
                    .cell(instant_full(w, line.at, &self.zone))
                    .cell(line.actor)
                    .cell(line.verb)
                    .cell(line.object)
                    .cell(line.result)
                    .cell(line.detail)
                    .cell(line.address)
                    .cell(line.number.map(|n| n.to_string()).unwrap_or_else(|| "soon".into()))
            })
            .collect();
        let columns = ["When", "Who", "Did", "To", "Result", "Detail", "From", "No."];
        let table = Table::new("Audit", columns.map(Column::new).to_vec())
            .rows(rows)
            .empty(view! { <p class="empty">"Nothing matches. Clear the filters to see all."</p> });
        let older = self.older.map(|id| {
            let href = self.query.with("before", &id).href(PATH);
            view! { <p><a class="button" href=href>"Older"</a></p> }
        });
        let export = self.query.href("/staff/audit/export.csv");
        let head = Facts::new()
            .row("Rows in the chain", self.chained_rows.to_string())
            .row("Head of the chain", self.chain_head);
        shell.page(
            "Audit",
            view! {
                {heading("Audit", false)}
                {head.view()}
                {filters}
                <p>{ButtonLink::secondary(export, "Export what is shown as CSV")}</p>
                <div class="ledger">{table}</div>
                {older}
            },
        )
    }
}
