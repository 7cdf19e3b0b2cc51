//! Replies: what patients text back, how it was understood, and every account it may be from. Nobody
//! guesses between accounts of one phone (D-4). Only while texting is on (S-G6).

use domain::{clock::UnixMs, holds::HoldKind};
use jiff::tz::TimeZone;
use leptos::prelude::*;

use super::{StaffShell, decision_words::hold_name};
use crate::{
    components::{Badge, Button, Column, Form, Query, Row, Table, Tabs, Tone, heading, instant},
    words::Words,
};

pub const PATH: &str = "/staff/replies";

/// Whether somebody has to look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Review {
    /// A keyword settled it.
    NotNeeded,
    Open,
    Done {
        by: String,
        at: UnixMs,
    },
}

#[derive(Clone, Debug)]
pub struct ReplyRow {
    pub id: String,
    pub at: UnixMs,
    pub masked: String,
    pub body: String,
    pub meaning: &'static str,
    pub answered: bool,
    /// Every account with this phone: id and name.
    pub accounts: Vec<(String, String)>,
    /// The hold it placed by itself.
    pub placed_hold: Option<HoldKind>,
    pub suggested_hold: Option<HoldKind>,
    pub review: Review,
}

#[derive(Clone, Debug)]
pub struct Replies {
    pub zone: TimeZone,
    pub query: Query,
    pub open_only: bool,
    pub lines: Vec<ReplyRow>,
    pub older: Option<String>,
    pub may_review: bool,
}

impl Replies {
    pub fn html(self, shell: &StaffShell) -> String {
        let base = self.query.without(&["open", "before"]);
        let tabs = Tabs::new("Replies").tab(base.href(PATH), "All replies", !self.open_only).tab(
            base.with("open", "1").href(PATH),
            "To review",
            self.open_only,
        );
        let rows = self.lines.iter().map(|line| self.row(line, &shell.csrf)).collect();
        let columns =
            ["Reply", "When", "From", "Understood as", "Accounts", "Reviewed"].map(Column::new);
        let empty = if self.open_only {
            "Nothing waits for a look."
        } else {
            "Nobody has texted back yet."
        };
        let table = Table::new("Replies by text", columns.to_vec())
            .rows(rows)
            .empty(view! { <p>{empty}</p> });
        let older = self.older.clone().map(|id| {
            let href = self.query.with("before", &id).href(PATH);
            view! { <p><a class="button" href=href>"Older"</a></p> }
        });
        shell.page(
            "Replies",
            view! {
                {heading("Replies", false)}
                <p class="hint">
                    "Opt-outs take effect by themselves, in the moment they arrive. What is not a \
                     keyword waits here for a person."
                </p>
                {tabs}
                {table}
                {older}
            },
        )
    }

    fn row(&self, line: &ReplyRow, csrf: &str) -> Row {
        let w = Words::default();
        let hold = line.suggested_hold.map(|kind| {
            let words = format!("Consider a hold: {}", hold_name(kind).to_lowercase());
            view! { <br/><span class="hint">{words}</span> }
        });
        let placed = line.placed_hold.map(|kind| {
            let words = format!("On hold: {}", hold_name(kind).to_lowercase());
            view! { <br/><span class="hint">{words}</span> }
        });
        let answered = line
            .answered
            .then(|| view! { <br/><span class="hint">"Answered automatically"</span> });
        let accounts: Vec<AnyView> = line
            .accounts
            .iter()
            .map(|(id, name)| {
                let href = format!("/staff/patients/{id}");
                view! { <li><a href=href>{name.clone()}</a></li> }.into_any()
            })
            .collect();
        let accounts = if accounts.is_empty() {
            view! { <span class="hint">"No account has this phone"</span> }.into_any()
        } else {
            let note = (accounts.len() > 1)
                .then(|| view! { <p class="hint">"Any of these may have written:"</p> });
            view! { {note}<ul class="lines">{accounts}</ul> }.into_any()
        };
        let review = match &line.review {
            Review::NotNeeded => view! { <span class="hint">"Not needed"</span> }.into_any(),
            Review::Done { by, at } => {
                let by = format!(" by {by}");
                view! { {instant(w, *at, &self.zone)}{by} }.into_any()
            }
            Review::Open if self.may_review => {
                let named = format!("Mark reviewed: reply from {}", line.masked);
                Form::post(format!("{PATH}/{}/reviewed", line.id), csrf)
                    .body(Button::secondary("Mark reviewed").named(named).view())
            }
            Review::Open => Badge::new("Open").tone(Tone::Warn).view(),
        };
        Row::new()
            .id(format!("reply-{}", line.id))
            .cell(line.body.clone())
            .cell(instant(w, line.at, &self.zone))
            .cell(line.masked.clone())
            .cell(view! { {line.meaning}{placed}{hold}{answered} })
            .cell(accounts)
            .cell(review)
    }
}
