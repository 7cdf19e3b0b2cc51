//! "This isn't me": confirmed by POST, stops this contact, opens a task for the practice.

use leptos::prelude::*;

use super::PatientShell;
use crate::components::{Button, Form, Notice, Tone, heading, paragraph};

#[derive(Clone, Debug)]
pub enum NotMe {
    /// `link`: the sealed reference of the link it came by.
    Ask {
        link: String,
    },
    Done,
}

impl NotMe {
    pub fn html(self, shell: &PatientShell) -> String {
        let w = shell.words();
        let title = w.t("not-me-title");
        match self {
            Self::Ask { link } => {
                let form = Form::post("/not-me", &shell.csrf)
                    .hidden("link", link)
                    .body(Button::primary(w.t("not-me-confirm")).view());
                let body = view! {
                    {heading(title, false)}
                    {paragraph(w.t("not-me-what"))}
                    {form}
                };
                shell.page(title, body)
            }
            Self::Done => {
                let done = Notice::alert(Tone::Good).text(w.t("not-me-done"));
                shell.page(title, view! { {heading(title, false)} {done} })
            }
        }
    }
}
