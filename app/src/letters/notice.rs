//! A message on paper, in the practice's words: who writes, to whom, the paragraphs, and the link
//! both written out and as a picture code. Printed by staff, or sent as a fax.

use domain::template::Paragraph;
use jiff::civil::Date;
use leptos::prelude::*;

use super::{Address, statement::address};
use crate::{
    Document, accent, assets,
    components::{paragraph, picture_code},
    render, when,
    words::{Lang, Words},
};

#[derive(Clone, Debug)]
pub struct Notice {
    pub lang: Lang,
    pub practice: String,
    pub phone: String,
    pub accent: String,
    pub from: Address,
    pub to: Address,
    pub on: Date,
    pub paragraphs: Vec<Paragraph>,
    /// "Is this message real?": the code, and the page that knows it.
    pub check: Option<(String, String)>,
}

impl Notice {
    /// A whole document with print styles.
    pub fn html(self) -> String {
        let w = Words::new(self.lang);
        let title = w.t("notice-title");
        let (from, to) = (address(&self.practice, &self.from), address("", &self.to));
        let check = self.check.map(|(code, page)| {
            paragraph(w.with("mail-check", &[("code", code.into()), ("address", page.into())]))
        });
        let foot =
            w.with("mail-foot", &[("alias", self.practice.into()), ("phone", self.phone.into())]);
        let body = view! {
            <main class="letter" id="main">
                {from}
                {to}
                <h1 class="unseen">{title}</h1>
                {paragraph(when::day(w, self.on))}
                {letter_words(w, &self.paragraphs)}
                {check}
                {paragraph(foot)}
            </main>
        }
        .into_any();
        render(Document {
            lang: self.lang,
            title: title.to_owned(),
            is_error: false,
            stylesheets: vec![assets::href("staff.css").to_owned(), accent::href(&self.accent)],
            scripts: Vec::new(),
            body_class: "paper",
            body,
        })
    }
}

/// The paragraphs of a letter.
pub fn letter_words(w: Words, paragraphs: &[Paragraph]) -> AnyView {
    let all: Vec<AnyView> = paragraphs
        .iter()
        .map(|one| match one {
            Paragraph::Words(words) | Paragraph::Code(words) => paragraph(words.clone()),
            Paragraph::Link(link) => view! {
                {picture_code(link, w.t("mail-picture"))}
                <p class="address">{link.clone()}</p>
            }
            .into_any(),
        })
        .collect();
    view! { {all} }.into_any()
}
