//! Encounters: the claims of the practice, filtered, sorted and paged, with what is owed on each.

use domain::{
    book::{ClaimStatus, InsuranceState},
    clock::UnixMs,
    money::Cents,
};
use jiff::{civil::Date, tz::TimeZone};
use leptos::prelude::*;

use super::{
    StaffShell,
    claim_words::{claim_number, counted, insurance_name, status_badge},
    select_criteria::CRITERIA,
};
use crate::{
    components::{
        Badge, ButtonLink, Column, Errors, Field, FilterBar, Pager, Query, Row, Select, Table,
        Tone, day, heading, instant, money,
    },
    words::Words,
};

pub const PATH: &str = "/staff/encounters";
/// The oldest first.
pub const ORDER: &str = "-age";

/// Statuses by their code in the address; the empty one is the default.
pub const STATUSES: [(&str, &str); 7] = [
    ("", "With the patient"),
    ("any", "Any"),
    ("ready", "Ready to send statements"),
    ("pending_patient", "Pending patient"),
    ("insurance_pending", "Insurance pending"),
    ("collections", "Collections"),
    ("settled", "Settled"),
];

/// Ages by their code in the address (S-SG2).
pub const AGES: [(&str, &str); 5] = [
    ("", "Any"),
    ("up-to-30", "Up to 30 days"),
    ("31-to-60", "31 to 60 days"),
    ("over-60", "Over 60 days"),
    ("this-quarter", "Since the quarter began"),
];

#[derive(Clone, Debug)]
pub struct EncounterLine {
    pub guarantor: String,
    pub guarantor_name: String,
    pub patient_name: String,
    pub visit_on: Date,
    pub place: Option<String>,
    pub number: String,
    pub status: ClaimStatus,
    pub insurance: InsuranceState,
    pub age_days: i64,
    /// As the practice's system says.
    pub bill: Cents,
    /// Net of everything received; none where the patient is not asked for it.
    pub owed: Option<Cents>,
    pub last_sent_at: Option<UnixMs>,
    pub has_returned_check: bool,
    pub is_missing: bool,
}

#[derive(Clone, Debug)]
pub struct Encounters {
    pub zone: TimeZone,
    pub query: Query,
    pub errors: Errors,
    pub lines: Vec<EncounterLine>,
    pub total: u64,
    pub bills: Cents,
    pub per_page: u64,
    /// The practice has no claim at all.
    pub book_is_empty: bool,
    pub may_send: bool,
    pub may_import: bool,
}

impl Encounters {
    pub fn html(self, shell: &StaffShell) -> String {
        let is_error = !self.errors.is_empty();
        let send =
            self.may_send.then(|| ButtonLink::primary(CRITERIA, "Send Patient Statements").view());
        let export = self.query.without(&["page"]).href("/staff/encounters/export.csv");
        let sum = (self.total > 0).then(|| {
            let words = format!(
                "{}, bills of {} together.",
                counted(i64::try_from(self.total).unwrap_or(i64::MAX), "claim", "claims"),
                self.bills
            );
            view! { <p>{words}</p> }
        });
        let pager = Pager::new(PATH, &self.query, self.per_page, self.total, "claims");
        let body = view! {
            {heading("Encounters", false)}
            {self.errors.summary("Not every filter was understood")}
            <p class="record-actions">
                {send}
                {ButtonLink::secondary(export, "Export as CSV")}
            </p>
            {self.filters()}
            {sum}
            {self.table()}
            {pager}
        };
        if is_error { shell.error_page("Encounters", body) } else { shell.page("Encounters", body) }
    }

    fn filters(&self) -> FilterBar {
        let value = |key: &str| self.query.get(key).unwrap_or_default().to_owned();
        let own = ["status", "age", "amount_from", "amount_to", "name"];
        FilterBar::new(PATH, &self.query, &own)
            .field(Select::new("status", "Status").options(STATUSES).chosen(value("status")))
            .field(Select::new("age", "Age").options(AGES).chosen(value("age")))
            .field(
                Field::amount("amount_from", "Bill from")
                    .value(value("amount_from"))
                    .error(self.errors.of("amount_from")),
            )
            .field(
                Field::amount("amount_to", "Bill up to")
                    .value(value("amount_to"))
                    .error(self.errors.of("amount_to")),
            )
            .field(Field::search("name", "Guarantor or patient").value(value("name")))
    }

    fn table(&self) -> AnyView {
        let columns = vec![
            Column::new("Guarantor").sort("name"),
            Column::new("Patient"),
            Column::new("Visit").sort("visit"),
            Column::new("Claim"),
            Column::new("Status"),
            Column::new("Age").sort("age").number(),
            Column::new("Bill").sort("bill").number(),
            Column::new("Owed now").number(),
            Column::new("Last sent").sort("sent"),
        ];
        let rows = self.lines.iter().map(|line| self.row(line)).collect();
        Table::new("Claims", columns)
            .sorted(PATH, &self.query, ORDER)
            .rows(rows)
            .empty(self.empty())
            .view()
    }

    fn row(&self, line: &EncounterLine) -> Row {
        let w = Words::default();
        let href = format!("/staff/patients/{}", line.guarantor);
        let place = line.place.clone().map(|place| {
            view! { <br/><span class="hint">{place}</span> }
        });
        let insurance = (line.insurance != InsuranceState::Finished).then(|| {
            view! { <br/><span class="hint">{insurance_name(line.insurance)}</span> }
        });
        let check =
            line.has_returned_check.then(|| Badge::new("Returned check").tone(Tone::Danger).view());
        let missing =
            line.is_missing.then(|| Badge::new("Not in the last file").tone(Tone::Warn).view());
        let owed = match line.owed {
            Some(cents) => money(cents),
            None => view! { <span class="hint">"not asked"</span> }.into_any(),
        };
        let sent = match line.last_sent_at {
            Some(at) => instant(w, at, &self.zone),
            None => view! { "Never" }.into_any(),
        };
        Row::new()
            .cell(view! { <a href=href>{line.guarantor_name.clone()}</a> })
            .cell(line.patient_name.clone())
            .cell(view! { {day(w, line.visit_on)}{place} })
            .cell(claim_number(&line.number))
            .cell(view! { {status_badge(line.status)}" "{check}" "{missing}{insurance} })
            .cell(counted(line.age_days, "day", "days"))
            .cell(money(line.bill))
            .cell(owed)
            .cell(sent)
    }

    fn empty(&self) -> AnyView {
        if !self.book_is_empty {
            return view! {
                <p>"No claim matches these filters. "<a href=PATH>"Clear them"</a></p>
            }
            .into_any();
        }
        let import = self
            .may_import
            .then(|| view! { <p>{ButtonLink::primary("/staff/imports", "Import balances")}</p> });
        view! { <p>"There are no claims yet. They come with the first import."</p>{import} }
            .into_any()
    }
}
