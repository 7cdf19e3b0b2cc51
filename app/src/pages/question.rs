//! A question about this bill, to the practice. Signed in only; becomes a task.

use leptos::prelude::*;

use super::PatientShell;
use crate::{
    components::{Button, Checkbox, Form, Notice, Select, TextArea, Tone, heading, paragraph},
    refusal::{Refusal, errors},
};

#[derive(Clone, Debug, Default)]
pub struct Question {
    pub typed: String,
    /// Claims to ask about: id and label.
    pub claims: Vec<(String, String)>,
    pub chosen: String,
    /// The reader thinks that the bill is wrong: reminders stop while it is looked at.
    pub is_disputed: bool,
    pub refusals: Vec<Refusal>,
    pub is_sent: bool,
}

impl Question {
    pub fn html(self, shell: &PatientShell) -> String {
        let w = shell.words();
        let title = w.t("bill-question");
        if self.is_sent {
            let body = view! {
                {heading(title, false)}
                {Notice::alert(Tone::Good).text(w.t("question-sent"))}
                <p class="links"><a href="/account">{w.t("nav-bill")}</a></p>
            };
            return shell.page(title, body);
        }
        let errors = errors(shell, &self.refusals);
        let about = (!self.claims.is_empty()).then(|| {
            Select::new("claim", w.t("question-about"))
                .option("", w.t("question-about-all"))
                .options(self.claims)
                .chosen(self.chosen)
                .view()
        });
        let form = Form::post("/account/question", &shell.csrf).body(view! {
            {about}
            {TextArea::new("question", w.t("question-field"))
                .value(self.typed)
                .error(errors.of("question"))
                .required()}
            {Checkbox::new("dispute", w.t("question-dispute")).value("1").checked(self.is_disputed)}
            <p>{Button::primary(w.t("question-submit"))}</p>
        });
        let body = view! {
            {heading(title, false)}
            {errors.summary(w.t("refused-summary"))}
            {paragraph(w.t("question-what"))}
            {form}
        };
        shell.write(title, !errors.is_empty(), &[], body.into_any())
    }
}
