//! One conversation: what was said, how each reply was understood and what that did, every account it
//! may be about, and the next words.

use domain::{clock::UnixMs, holds::HoldKind};
use jiff::tz::TimeZone;
use leptos::prelude::*;

use super::{StaffShell, decision_words::hold_name, inbox::PATH};
use crate::{
    components::{
        Badge, Button, ButtonLink, Errors, Form, Notice, Select, TextArea, Tone, heading,
        instant_full,
    },
    words::Words,
};

/// How a reply was understood, and what may be said against that.
#[derive(Clone, Debug)]
pub struct Understood {
    pub meaning: &'static str,
    /// The hold it placed, or proposes.
    pub placed: Option<HoldKind>,
    pub suggested: Option<HoldKind>,
    pub answered: bool,
    /// What it was taken for before staff said otherwise, and who did.
    pub corrected: Option<(&'static str, String)>,
    /// Its code, while it may be read otherwise.
    pub code: Option<&'static str>,
}

#[derive(Clone, Debug)]
pub struct SaidLine {
    /// `rpl_…` or `msg_…`
    pub id: String,
    pub at: UnixMs,
    pub body: String,
    /// Who of us wrote it; none for the patient.
    pub by: Option<String>,
    /// How far a text of ours came.
    pub state: Option<(String, Tone)>,
    pub understood: Option<Understood>,
}

#[derive(Clone, Debug)]
pub struct Candidate {
    pub id: String,
    pub name: String,
    pub number: String,
}

/// `/staff/inbox/{conversation}`
#[derive(Clone, Debug)]
pub struct ConversationPage {
    pub zone: TimeZone,
    pub id: String,
    pub masked: String,
    pub seq: i64,
    pub is_closed: bool,
    pub accounts: Vec<Candidate>,
    /// The account staff said it is about.
    pub linked: Option<String>,
    pub colleagues: Vec<(String, String)>,
    pub assigned_to: Option<String>,
    pub lines: Vec<SaidLine>,
    /// Older texts than those shown exist.
    pub has_more: bool,
    /// Why nothing may be written, if so.
    pub why_not: Option<String>,
    pub canned: Vec<(String, String)>,
    pub meanings: Vec<(&'static str, &'static str)>,
    pub typed: String,
    pub chosen: String,
    pub alias: String,
    pub errors: Errors,
    pub may_write: bool,
    pub may_correct: bool,
}

impl ConversationPage {
    pub fn html(self, shell: &StaffShell) -> String {
        let is_error = !self.errors.is_empty();
        let title = "Conversation";
        let seq = self.seq.to_string();
        let lines: Vec<AnyView> = self.lines.iter().map(|line| self.said(line, shell)).collect();
        let more = self.has_more.then(|| {
            view! { <p class="hint">"Older texts are in the notification history."</p> }
        });
        let badge = if self.is_closed {
            Badge::new("Closed").view()
        } else {
            Badge::new("Open").tone(Tone::Good).view()
        };
        let refresh = self.at("");
        let body = view! {
            {heading(format!("Conversation with {}", self.masked), is_error)}
            {self.errors.summary("The text was not sent")}
            <p>
                {ButtonLink::secondary(PATH, "Back to the inbox")}" "
                <a class="button" href=refresh>"Refresh"</a>
            </p>
            <div id="inbox" data-seq=seq>
                <div id="about" class="panel">
                    <p>{badge}</p>
                    {self.about(shell)}
                    {self.desk(shell)}
                </div>
                {more}
                <div class="thread" role="log" aria-label="Texts, oldest first" tabindex="0">
                    <ol id="thread">{lines}</ol>
                </div>
            </div>
            {self.reply(shell)}
        };
        if is_error {
            shell.error_page(title, body)
        } else {
            shell.page_with(title, &["inbox.js"], body)
        }
    }

    fn at(&self, part: &str) -> String {
        format!("{PATH}/{}{part}", self.id)
    }

    fn about(&self, shell: &StaffShell) -> AnyView {
        if self.accounts.is_empty() {
            return view! {
                <p>"No account has this phone. Search the patient, add the phone to the record, \
                    and this conversation finds it."</p>
            }
            .into_any();
        }
        let several = (self.accounts.len() > 1 && self.linked.is_none()).then(|| {
            view! { <p>"Any of these may have written. Clearbill does not guess."</p> }
        });
        let names: Vec<AnyView> = self
            .accounts
            .iter()
            .map(|one| {
                let href = format!("/staff/patients/{}", one.id);
                let is_it = self.linked.as_deref() == Some(one.id.as_str());
                let it = is_it.then(|| Badge::new("It is about this one").tone(Tone::Good).view());
                view! {
                    <li><a href=href>{format!("{}, account {}", one.name, one.number)}</a>" "{it}</li>
                }
                .into_any()
            })
            .collect();
        let link = (self.may_write && self.accounts.len() > 1).then(|| {
            let select = self.accounts.iter().fold(
                Select::new("account", "It is about").option("", "Not known"),
                |select, one| select.option(one.id.clone(), one.name.clone()),
            );
            Form::post(self.at("/link"), &shell.csrf).class("filters").body(view! {
                {select.chosen(self.linked.clone().unwrap_or_default())}
                <div class="actions">{Button::secondary("Save account")}</div>
            })
        });
        view! { {several}<ul class="lines">{names}</ul>{link} }.into_any()
    }

    /// Whose it is, and whether it is done.
    fn desk(&self, shell: &StaffShell) -> AnyView {
        if !self.may_write {
            return ().into_any();
        }
        let select = self.colleagues.iter().fold(
            Select::new("staff", "Assigned to").option("", "Nobody"),
            |select, (id, name)| select.option(id.clone(), name.clone()),
        );
        let assign = Form::post(self.at("/assign"), &shell.csrf).class("filters").body(view! {
            {select.chosen(self.assigned_to.clone().unwrap_or_default())}
            <div class="actions">{Button::secondary("Assign")}</div>
        });
        let (part, label) =
            if self.is_closed { ("/reopen", "Reopen") } else { ("/close", "Close conversation") };
        let state = Form::post(self.at(part), &shell.csrf).body(Button::secondary(label).view());
        view! { {assign}{state} }.into_any()
    }

    fn said(&self, line: &SaidLine, shell: &StaffShell) -> AnyView {
        let w = Words::default();
        let who = line.by.clone().unwrap_or_else(|| "Patient".to_owned());
        let state = line
            .state
            .clone()
            .map(|(words, tone)| view! { " "{Badge::new(words).tone(tone).view()} });
        let class = if line.by.is_some() { "said ours" } else { "said theirs" };
        let understood = line.understood.as_ref().map(|u| self.understood(line, u, shell));
        view! {
            <li id=line.id.clone() class=class>
                <p class="hint"><strong>{who}</strong>" "{instant_full(w, line.at, &self.zone)}{state}</p>
                <p class="body">{line.body.clone()}</p>
                {understood}
            </li>
        }
        .into_any()
    }

    fn understood(&self, line: &SaidLine, u: &Understood, shell: &StaffShell) -> AnyView {
        let placed = u.placed.map(|kind| format!(" Hold: {}.", hold_name(kind).to_lowercase()));
        let suggested = u
            .suggested
            .map(|kind| format!(" Consider a hold: {}.", hold_name(kind).to_lowercase()));
        let answered = u.answered.then_some(" Answered automatically.");
        let corrected = u.corrected.as_ref().map(|(was, by)| {
            view! { <p class="hint">{format!("First understood as: {was}. Corrected by {by}.")}</p> }
        });
        let correct = u.code.filter(|_| self.may_correct).map(|code| {
            let action = self.at(&format!("/replies/{}/meaning", line.id));
            let plain = (code != "other").then(|| {
                Form::post(action.clone(), &shell.csrf).hidden("meaning", "other").body(
                    Button::quiet("Not so")
                        .named("Not so: it means none of these; lift what it did")
                        .view(),
                )
            });
            let select = self
                .meanings
                .iter()
                .filter(|(other, _)| *other != code)
                .fold(Select::new("meaning", "It means"), |select, (code, label)| {
                    select.option(*code, *label)
                });
            let other = Form::post(action, &shell.csrf).body(view! {
                {select}
                {Button::secondary("Correct")}
            });
            view! {
                {plain}
                <details><summary>"It means something else"</summary>{other}</details>
            }
        });
        view! {
            <p class="hint">
                {format!("Understood as: {}.", u.meaning)}{placed}{suggested}{answered}
            </p>
            {corrected}
            {correct}
        }
        .into_any()
    }

    fn reply(&self, shell: &StaffShell) -> AnyView {
        if !self.may_write {
            return ().into_any();
        }
        if let Some(why) = self.why_not.clone() {
            return Notice::new(Tone::Warn).text(why).view();
        }
        let account = match self.accounts.as_slice() {
            [] => return ().into_any(),
            [only] => crate::components::hidden("account", only.id.clone()),
            several => {
                let chosen = if self.chosen.is_empty() {
                    self.linked.clone().unwrap_or_default()
                } else {
                    self.chosen.clone()
                };
                several
                    .iter()
                    .fold(
                        Select::new("account", "Sent on behalf of the account of")
                            .option("", "Choose"),
                        |select, one| select.option(one.id.clone(), one.name.clone()),
                    )
                    .chosen(chosen)
                    .error(self.errors.of("account"))
                    .view()
            }
        };
        let canned: Vec<AnyView> = self
            .canned
            .iter()
            .map(|(id, title)| {
                let href = format!("{}?canned={id}#reply", self.at(""));
                view! { <li><a href=href>{title.clone()}</a></li> }.into_any()
            })
            .collect();
        let canned = (!canned.is_empty()).then(|| {
            view! {
                <nav aria-label="Canned replies">
                    <p class="hint">"Begin with a canned reply:"</p>
                    <ul class="canned">{canned}</ul>
                </nav>
            }
        });
        let hint = format!(
            "Begins with \u{201c}{}: \u{201d} unless you name the practice yourself. Write nothing \
             about visits, treatment or insurance: a text is like a postcard.",
            self.alias
        );
        let form = Form::post(self.at("/send"), &shell.csrf).id("reply").body(view! {
            {account}
            {TextArea::new("text", "Message")
                .hint(hint)
                .maxlength(1000)
                .value(self.typed.clone())
                .error(self.errors.of("text"))
                .required()}
            <div class="actions">{Button::primary("Send text")}</div>
        });
        view! { <section class="panel" aria-label="Answer">{canned}{form}</section> }.into_any()
    }
}
