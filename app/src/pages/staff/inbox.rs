//! Text Inbox: conversations by phone. All accounts of a phone are named; nobody guesses between them
//! (D-4). Only while texting is on and somebody reads replies (S-G6, X1).

use domain::clock::UnixMs;
use jiff::tz::TimeZone;
use leptos::prelude::*;

use super::StaffShell;
use crate::{
    components::{
        Badge, Button, ButtonLink, Field, Form, Query, Tabs, Tone, heading, instant, unseen,
    },
    words::Words,
};

pub const PATH: &str = "/staff/inbox";

/// Which conversations are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    Open,
    Mine,
    Closed,
    All,
}

impl Shown {
    pub const ALL: [(Self, &'static str, &'static str); 4] = [
        (Self::Open, "open", "Open"),
        (Self::Mine, "mine", "Mine"),
        (Self::Closed, "closed", "Closed"),
        (Self::All, "all", "All"),
    ];

    pub fn parse(code: &str) -> Self {
        Self::ALL.into_iter().find(|(_, known, _)| *known == code).map_or(Self::Open, |one| one.0)
    }
}

#[derive(Clone, Debug)]
pub struct ConversationLine {
    pub id: String,
    pub masked: String,
    /// Every account of the phone, by name.
    pub names: Vec<String>,
    pub unread: i64,
    pub is_closed: bool,
    pub assigned_to: Option<String>,
    pub at: UnixMs,
    /// What the patient said last, cut short.
    pub said: Option<String>,
    pub last_is_ours: bool,
}

/// `/staff/inbox`
#[derive(Clone, Debug)]
pub struct Inbox {
    pub zone: TimeZone,
    pub query: Query,
    pub shown: Shown,
    /// Where the practice's inbox stands, for `inbox.js`.
    pub seq: i64,
    pub lines: Vec<ConversationLine>,
    /// The address of the next page.
    pub older: Option<String>,
    pub search: String,
    /// How many of the newest texts were searched for the words.
    pub searched: i64,
    pub may_write: bool,
    pub may_edit_canned: bool,
}

impl Inbox {
    pub fn html(self, shell: &StaffShell) -> String {
        let tabs = Shown::ALL.into_iter().fold(Tabs::new("Conversations"), |tabs, one| {
            let (shown, code, label) = one;
            let href = Query::default().with("show", code).href(PATH);
            let is_current = self.search.is_empty() && self.shown == shown;
            tabs.tab(href, label, is_current)
        });
        let search = Form::get(PATH).class("filters").body(view! {
            {Field::search("q", "Search name, phone or words").value(self.search.clone())}
            <div class="actions">{Button::secondary("Search")}</div>
        });
        let scope = (!self.search.is_empty()).then(|| {
            let words = format!(
                "Names and whole numbers of all conversations, and the words of the newest {} \
                 texts each way. Texts are stored sealed, so older words cannot be searched.",
                self.searched
            );
            view! { <p class="hint">{words}</p> }
        });
        let write = self
            .may_write
            .then(|| ButtonLink::secondary(format!("{PATH}/new"), "New conversation").view());
        let canned = self.may_write.then(|| {
            let label = if self.may_edit_canned { "Edit canned replies" } else { "Canned replies" };
            ButtonLink::secondary(format!("{PATH}/canned"), label).view()
        });
        let refresh = self.query.href(PATH);
        let lines: Vec<AnyView> = self.lines.iter().map(|line| self.line(line)).collect();
        let empty = lines.is_empty().then(|| {
            let words = if self.search.is_empty() {
                "No conversation is here."
            } else {
                "Nothing was found."
            };
            view! { <div class="empty"><p>{words}</p></div> }
        });
        let older =
            self.older.clone().map(|href| view! { <p><a class="button" href=href>"Older"</a></p> });
        let seq = self.seq.to_string();
        shell.page_with(
            "Text Inbox",
            &["inbox.js"],
            view! {
                {heading("Text Inbox", false)}
                <p class="actions">
                    {write}
                    {canned}
                    <a class="button" href=refresh>"Refresh"</a>
                    <a class="button" href="/staff/replies">"All replies"</a>
                </p>
                {tabs}
                {search}
                {scope}
                <div id="inbox" data-seq=seq>
                    <ul id="conversations" class="conversations">{lines}</ul>
                    {empty}
                </div>
                {older}
            },
        )
    }

    fn line(&self, line: &ConversationLine) -> AnyView {
        let w = Words::default();
        let names = if line.names.is_empty() {
            "No account has this phone".to_owned()
        } else {
            line.names.join(" or ")
        };
        let unread = (line.unread > 0).then(|| {
            view! { <span class="count">{line.unread.to_string()}{unseen(" unread")}</span> }
        });
        let closed = line.is_closed.then(|| Badge::new("Closed").view());
        let whose = line.assigned_to.clone().map(|name| format!("With {name}"));
        let waits = (!line.last_is_ours && !line.is_closed)
            .then(|| Badge::new("Waits for an answer").tone(Tone::Warn).view());
        let said = line.said.clone().unwrap_or_else(|| "No reply yet".to_owned());
        let href = format!("{PATH}/{}", line.id);
        view! {
            <li class:unread=line.unread.is_positive()>
                <p>
                    <a href=href>{format!("{names}, {}", line.masked)}</a>
                    " "{unread}" "{waits}" "{closed}
                </p>
                <p class="said">{said}</p>
                <p class="hint">{instant(w, line.at, &self.zone)}" "{whose}</p>
            </li>
        }
        .into_any()
    }
}

/// `/staff/inbox/new`: whom to write to.
#[derive(Clone, Debug)]
pub struct NewConversation {
    pub search: String,
    /// Accounts found: id, name, number. None before a search.
    pub found: Option<Vec<(String, String, String)>>,
}

impl NewConversation {
    pub fn html(self, shell: &StaffShell) -> String {
        let search = Form::get("/staff/inbox/new").class("filters").body(view! {
            {Field::search("q", "Patient or guarantor, by name or number")
                .value(self.search)}
            <div class="actions">{Button::secondary("Search")}</div>
        });
        let found = self.found.map(|found| {
            if found.is_empty() {
                return view! { <div class="empty"><p>"Nobody was found."</p></div> }.into_any();
            }
            let rows: Vec<AnyView> = found
                .into_iter()
                .map(|(id, name, number)| {
                    let href = format!("/staff/patients/{id}/text");
                    view! { <li><a href=href>{format!("Write to {name}, account {number}")}</a></li> }
                        .into_any()
                })
                .collect();
            view! { <ul class="lines">{rows}</ul> }.into_any()
        });
        shell.page(
            "New conversation",
            view! {
                {heading("New conversation", false)}
                <p>"A text you write yourself needs no approval, at any time of the day that the \
                    law allows. Consent and opt-outs count all the same."</p>
                {search}
                {found}
                <p>{ButtonLink::secondary(PATH, "Back to the inbox")}</p>
            },
        )
    }
}
