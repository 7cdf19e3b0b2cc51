//! "Is this message real?": somebody pastes the link of a message and learns whether it is ours.
//! The answer tells the day and nothing about whom it was for.

use jiff::civil::Date;
use leptos::prelude::*;

use super::PatientShell;
use crate::{
    components::{Button, Field, Form, Notice, Tone, heading, paragraph},
    refusal::{Refusal, errors},
    when,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageVerdict {
    /// We sent it on this day, in the practice's zone.
    Ours(Date),
    NotOurs,
}

#[derive(Clone, Debug, Default)]
pub struct MessageCheck {
    pub typed: String,
    pub refusals: Vec<Refusal>,
    pub verdict: Option<MessageVerdict>,
    /// The numbers and addresses messages come from.
    pub senders: Vec<String>,
}

impl MessageCheck {
    pub fn html(self, shell: &PatientShell) -> String {
        let w = shell.words();
        let title = w.t("check-title");
        let errors = errors(shell, &self.refusals);
        let alias = shell.practice.alias.clone();
        let phone = shell.practice.phone.clone();
        let verdict = self.verdict.map(|verdict| match verdict {
            MessageVerdict::Ours(day) => {
                let day = when::day(w, day);
                let sentence =
                    w.with("check-ours", &[("alias", alias.into()), ("day", day.into())]);
                Notice::alert(Tone::Good).text(sentence).view()
            }
            MessageVerdict::NotOurs => {
                let sentence = w.with("check-not-ours", &[("phone", phone.into())]);
                Notice::alert(Tone::Warn).text(sentence).view()
            }
        });
        let code = Field::text("code", w.t("check-code"))
            .value(self.typed)
            .hint(w.t("check-code-hint"))
            .error(errors.of("code"))
            .maxlength(300)
            .required();
        let form = Form::post("/check-message", &shell.csrf)
            .body(view! { {code} <p>{Button::primary(w.t("check-submit"))}</p> });
        let body = view! {
            {heading(title, false)}
            {errors.summary(w.t("refused-summary"))}
            {verdict}
            {form}
            {senders(shell, self.senders)}
            {never(shell)}
        };
        shell.write(title, !errors.is_empty(), &[], body.into_any())
    }
}

/// Where messages come from; nothing when it is not known yet.
pub(super) fn senders(shell: &PatientShell, senders: Vec<String>) -> AnyView {
    if senders.is_empty() {
        return ().into_any();
    }
    let items: Vec<AnyView> =
        senders.into_iter().map(|sender| view! { <li>{sender}</li> }.into_any()).collect();
    view! { <h2>{shell.words().t("senders-title")}</h2><ul>{items}</ul> }.into_any()
}

/// What we never ask for.
pub(super) fn never(shell: &PatientShell) -> AnyView {
    let w = shell.words();
    view! { <h2>{w.t("never-title")}</h2>{paragraph(w.t("never-what"))} }.into_any()
}
