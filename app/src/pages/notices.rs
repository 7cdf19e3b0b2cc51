//! Messages: every reminder the practice sent, in the patient's own account, with the code by which it
//! can be told from a stranger's (S-SF11, MS1). Only after sign-in.

use domain::{clock::UnixMs, decide::Channel, money::Cents};
use jiff::tz::TimeZone;
use leptos::prelude::*;

use super::PatientShell;
use crate::{
    components::{Badge, ButtonLink, Facts, Tone, heading, money, paragraph},
    when::instant_full,
    words::{Lang, Words},
};

#[derive(Clone, Debug)]
pub struct NoticeLine {
    pub message: String,
    pub at: UnixMs,
    /// How it went, and to which masked phone or email.
    pub ways: Vec<(Channel, String)>,
    pub amount: Option<Cents>,
    pub check_codes: Vec<String>,
    /// The bill page, with the bill it was about.
    pub bill: String,
    /// Whose bill, for a sign-in with several accounts.
    pub account: Option<String>,
    pub is_read: bool,
}

impl NoticeLine {
    fn sent_by(&self, w: Words) -> String {
        let ways: Vec<String> = self
            .ways
            .iter()
            .map(|(channel, to)| {
                let key = match channel {
                    Channel::Text => "notices-by-text",
                    Channel::Email => "notices-by-email",
                    Channel::Voice => "notices-by-call",
                    Channel::Fax => "notices-by-fax",
                    Channel::Letter => "notices-by-letter",
                };
                w.with(key, &[("contact", to.as_str().into())])
            })
            .collect();
        ways.join(" · ")
    }

    fn codes(&self) -> Option<String> {
        (!self.check_codes.is_empty()).then(|| self.check_codes.join(", "))
    }
}

#[derive(Clone, Debug)]
pub struct Notices {
    pub zone: TimeZone,
    /// Newest first.
    pub lines: Vec<NoticeLine>,
}

impl Notices {
    pub fn html(self, shell: &PatientShell) -> String {
        let w = shell.words();
        let title = w.t("notices-title");
        let zone = self.zone;
        let unread = self.lines.iter().filter(|line| !line.is_read).count();
        let count = (unread > 0)
            .then(|| paragraph(w.with("notices-unread", &[("count", unread.to_string().into())])));
        let lines: Vec<AnyView> =
            self.lines.into_iter().map(|line| list_line(w, &zone, line)).collect();
        let list = if lines.is_empty() {
            paragraph(w.t("notices-empty"))
        } else {
            view! { <ul class="links">{lines}</ul> }.into_any()
        };
        let body = view! {
            {heading(title, false)}
            {paragraph(w.t("notices-what"))}
            {count}
            {list}
        };
        shell.page(title, body)
    }
}

fn list_line(w: Words, zone: &TimeZone, line: NoticeLine) -> AnyView {
    let href = format!("/account/notices/{}", line.message);
    let at = instant_full(w, line.at, zone);
    let new = (!line.is_read).then(|| Badge::new(w.t("notices-new")).tone(Tone::Good).view());
    let account = line.account.clone().map(|name| view! { <p>{name}</p> });
    let facts = Facts::new()
        .row(w.t("notices-sent"), line.sent_by(w))
        .maybe(w.t("notices-amount"), line.amount.map(money))
        .maybe(w.t("notices-code"), line.codes());
    let pay = w.with("notices-pay-of", &[("at", at.clone().into())]);
    view! {
        <li class="visit">
            <p><a href=href>{at}</a>" "{new}</p>
            {account}
            {facts}
            <p><a class="button" href=line.bill aria-label=pay>{w.t("notices-pay")}</a></p>
        </li>
    }
    .into_any()
}

/// One of them, with its words.
#[derive(Clone, Debug)]
pub struct NoticePage {
    pub zone: TimeZone,
    pub line: NoticeLine,
    /// As they were sent, links hidden; paragraphs.
    pub words: Vec<String>,
    /// The language they were sent in.
    pub lang: Lang,
}

impl NoticePage {
    pub fn html(self, shell: &PatientShell) -> String {
        let w = shell.words();
        let title = w.t("notice-one-title");
        let (line, lang) = (self.line, self.lang.code());
        let facts = Facts::new()
            .row(w.t("notices-when"), instant_full(w, line.at, &self.zone))
            .row(w.t("notices-sent"), line.sent_by(w))
            .maybe(w.t("notices-amount"), line.amount.map(money))
            .maybe(w.t("notices-code"), line.codes());
        let paragraphs: Vec<AnyView> =
            self.words.into_iter().map(|part| view! { <p>{part}</p> }.into_any()).collect();
        let body = view! {
            {heading(title, false)}
            {facts}
            <h2>{w.t("notices-said")}</h2>
            <section class="visit" lang=lang>{paragraphs}</section>
            {paragraph(w.t("notices-amount-then"))}
            <div class="actions">{ButtonLink::primary(line.bill, w.t("notices-pay"))}</div>
            <p class="links"><a href="/account/notices">{w.t("notices-all")}</a></p>
        };
        shell.page(title, body)
    }
}
