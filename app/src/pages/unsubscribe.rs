//! Unsubscribe: GET shows this page and changes nothing (R78, D-55); the button does it.

use leptos::prelude::*;

use super::PatientShell;
use crate::components::{Button, Form, Notice, Tone, heading, paragraph};

#[derive(Clone, Debug)]
pub enum Unsubscribe {
    /// `contact` masked.
    Ask {
        token: String,
        contact: String,
    },
    Done {
        contact: String,
    },
    Gone,
}

impl Unsubscribe {
    pub fn html(self, shell: &PatientShell) -> String {
        let w = shell.words();
        let title = w.t("unsubscribe-title");
        let body = match self {
            Self::Ask { token, contact } => {
                let what = w.with("unsubscribe-what", &[("contact", contact.into())]);
                let form = Form::post(format!("/unsubscribe/{token}"), &shell.csrf)
                    .body(Button::primary(w.t("unsubscribe-confirm")).view());
                view! {
                    {heading(title, false)}
                    {paragraph(what)}
                    {paragraph(w.t("unsubscribe-still-due"))}
                    {form}
                }
                .into_any()
            }
            Self::Done { contact } => {
                let done = w.with("unsubscribe-done", &[("contact", contact.into())]);
                view! {
                    {heading(title, false)}
                    {Notice::alert(Tone::Good).text(done)}
                    {paragraph(w.t("unsubscribe-still-due"))}
                }
                .into_any()
            }
            Self::Gone => {
                view! { {heading(title, false)} {paragraph(w.t("unsubscribe-gone"))} }.into_any()
            }
        };
        shell.page(title, body)
    }
}
