//! The demo's mailbox: each text, email, call and fax as it was delivered, and the codes that only a real
//! phone would show. Not a page of the product; it never exists in `serve`.

use leptos::prelude::*;

use crate::{
    Document, accent, assets,
    components::{Badge, Facts},
    render,
    words::Lang,
};

/// One delivered text or email.
#[derive(Clone, Debug)]
pub struct Letter {
    /// `text`, `email`, `call` or `fax`.
    pub channel: String,
    /// RFC 3339.
    pub at: String,
    pub to: String,
    pub from: String,
    pub subject: Option<String>,
    /// Of a call, what was said, a line for each sentence.
    pub body: String,
    pub link: Option<String>,
    /// Pressed in a call.
    pub keys: Option<String>,
    /// The carrier's word for who picked up.
    pub answered_by: Option<String>,
    /// Where a fax's page can be seen.
    pub document: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Mailbox {
    pub now: String,
    /// Email of the member of staff and the code their authenticator shows now.
    pub codes: Vec<(String, String)>,
    /// Newest first.
    pub letters: Vec<Letter>,
}

impl Mailbox {
    pub fn html(self) -> String {
        let codes = self
            .codes
            .into_iter()
            .fold(Facts::new(), |facts, (email, code)| facts.row(email, code));
        let count = self.letters.len();
        let letters: Vec<AnyView> = self.letters.into_iter().map(letter).collect();
        let empty = (count == 0).then(|| {
            view! {
                <p class="empty">
                    "Nothing was sent yet. Send reminders in the workspace, then move the clock."
                </p>
            }
        });
        let body = view! {
            <header class="staff-head"><p class="alias">"Clearbill demo"</p></header>
            <main id="main">
                <h1>"Mailbox"</h1>
                <p>
                    {format!("The demo's clock says {}. Reload to see new messages.", near(&self.now))}
                </p>
                <p><a href="/staff">"Workspace"</a></p>
                <section>
                    <h2>"Authenticator codes now"</h2>
                    {codes}
                </section>
                <section>
                    <h2>{format!("Delivered: {count}")}</h2>
                    {empty}
                    {letters}
                </section>
            </main>
        };
        render(Document {
            lang: Lang::En,
            title: "Mailbox".to_owned(),
            is_error: false,
            stylesheets: vec![assets::href("staff.css").to_owned(), accent::href(accent::DEFAULT)],
            scripts: Vec::new(),
            body_class: "staff mailbox",
            body: body.into_any(),
        })
    }
}

/// `2026-03-04 17:26 UTC`, of RFC 3339.
fn near(at: &str) -> String {
    let minute = at.get(..16).unwrap_or(at);
    format!("{} UTC", minute.replace('T', " "))
}

fn letter(letter: Letter) -> AnyView {
    let badge = Badge::new(letter.channel).view();
    let subject = letter.subject.map(|subject| view! { <p><strong>{subject}</strong></p> });
    let link = letter.link.map(|href| view! { <p><a href=href.clone()>{href.clone()}</a></p> });
    let call = (letter.answered_by.is_some() || letter.keys.is_some()).then(|| {
        let who = letter.answered_by.unwrap_or_else(|| "unknown".to_owned());
        let keys = letter.keys.unwrap_or_else(|| "none".to_owned());
        view! { <p>{format!("Answered by {who}. Keys pressed: {keys}.")}</p> }
    });
    let page = letter.document.map(|href| view! { <p><a href=href>"See the page"</a></p> });
    view! {
        <article class="letter">
            <p>{badge}" "{format!("{} · to {} · from {}", near(&letter.at), letter.to, letter.from)}</p>
            {subject}
            {call}
            <pre>{letter.body}</pre>
            {page}
            {link}
        </article>
    }
    .into_any()
}
