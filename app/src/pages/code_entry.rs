//! A code to a contact on file. The page is the same whether or not an account exists.

use leptos::prelude::*;

use super::PatientShell;
use crate::{
    components::{Button, Field, Form, Notice, Radio, RadioGroup, Tone, heading},
    refusal::{Refusal, errors},
};

/// A contact to choose, masked.
#[derive(Clone, Debug)]
pub struct MaskedContact {
    pub id: String,
    pub label: String,
}

#[derive(Clone, Debug, Default)]
pub struct CodeEntry {
    pub contacts: Vec<MaskedContact>,
    pub chosen: String,
    /// The masked contact a code went to, once one did.
    pub sent_to: Option<String>,
    pub refusals: Vec<Refusal>,
}

impl CodeEntry {
    pub fn html(self, shell: &PatientShell) -> String {
        let w = shell.words();
        let title = w.t("code-title");
        let errors = errors(shell, &self.refusals);
        let was_sent = self.sent_to.is_some();
        let sent = self.sent_to.map(|to| {
            let sentence = w.with("code-sent", &[("contact", to.into())]);
            Notice::status(Tone::Good).text(sentence).view()
        });
        let code = was_sent.then(|| {
            Form::post("/code", &shell.csrf).hidden("contact", &self.chosen).body(view! {
                {Field::digits("code", w.t("code-field"), 6)
                    .hint(w.t("code-hint"))
                    .error(errors.of("code"))
                    .autocomplete("one-time-code")
                    .required()}
                <p>{Button::primary(w.t("continue")).sends("action", "continue")}</p>
            })
        });
        let choices = self.contacts.into_iter().fold(
            RadioGroup::new("contact", w.t("code-where"))
                .chosen(self.chosen)
                .error(errors.of("contact")),
            |group, contact| group.answer(Radio::new(contact.id, contact.label)),
        );
        let send = if was_sent {
            Button::secondary(w.t("code-send-again"))
        } else {
            Button::primary(w.t("code-send"))
        };
        let send = Form::post("/code", &shell.csrf)
            .body(view! { {choices} <p>{send.sends("action", "send")}</p> });
        let body = view! {
            {heading(title, was_sent && errors.is_empty())}
            {errors.summary(w.t("refused-summary"))}
            {sent}
            {code}
            {send}
            <p class="links"><a href="/office-code">{w.t("code-cannot")}</a></p>
        };
        shell.write(title, !errors.is_empty(), &[], body.into_any())
    }
}
