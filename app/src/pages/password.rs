//! A forgotten password: asking for the mail, and choosing a new one.

use leptos::prelude::*;

use super::PatientShell;
use crate::{
    components::{Button, Field, Form, Notice, Tone, heading, paragraph},
    refusal::{Refusal, errors},
};

#[derive(Clone, Debug, Default)]
pub struct Forgot {
    pub email: String,
    pub refusals: Vec<Refusal>,
    /// The answer, the same for every address.
    pub is_sent: bool,
}

impl Forgot {
    pub fn html(self, shell: &PatientShell) -> String {
        let w = shell.words();
        let title = w.t("forgot-title");
        let errors = errors(shell, &self.refusals);
        if self.is_sent {
            let sent = Notice::alert(Tone::Good).text(w.t("forgot-sent"));
            let body = view! {
                {heading(title, false)}
                {sent}
                <p class="links"><a href="/sign-in">{w.t("sign-in")}</a></p>
            };
            return shell.page(title, body);
        }
        let form = Form::post("/forgot", &shell.csrf).body(view! {
            {Field::email("email", w.t("email"))
                .value(self.email)
                .error(errors.of("email"))
                .required()}
            <p>{Button::primary(w.t("forgot-submit"))}</p>
        });
        let body = view! {
            {heading(title, false)}
            {errors.summary(w.t("refused-summary"))}
            {paragraph(w.t("forgot-what"))}
            {form}
            <p class="links"><a href="/sign-in">{w.t("sign-in")}</a></p>
        };
        shell.write(title, !errors.is_empty(), &[], body.into_any())
    }
}

/// `/reset/{token}`. Opening it changes nothing (D-55).
#[derive(Clone, Debug)]
pub enum Reset {
    Ask {
        token: String,
        refusals: Vec<Refusal>,
    },
    /// Used, expired, or never ours.
    Gone,
}

impl Reset {
    pub fn html(self, shell: &PatientShell) -> String {
        let w = shell.words();
        let title = w.t("reset-title");
        let Self::Ask { token, refusals } = self else {
            let again = w.t("reset-again");
            let body = view! {
                {heading(title, false)}
                {paragraph(w.t("reset-gone"))}
                <p class="links"><a href="/forgot">{again}</a></p>
            };
            return shell.page(title, body);
        };
        let errors = errors(shell, &refusals);
        let form = Form::post(format!("/reset/{token}"), &shell.csrf).body(view! {
            {Field::password("password", w.t("reset-new"))
                .hint(w.t("create-password-hint"))
                .error(errors.of("password"))
                .autocomplete("new-password")
                .required()}
            {Field::password("password_again", w.t("reset-new-again"))
                .error(errors.of("password_again"))
                .autocomplete("new-password")
                .required()}
            <p>{Button::primary(w.t("reset-submit"))}</p>
        });
        let body = view! {
            {heading(title, false)}
            {errors.summary(w.t("refused-summary"))}
            {form}
        };
        shell.write(title, !errors.is_empty(), &[], body.into_any())
    }
}

/// `/confirm-email/{token}`: GET shows a button, POST confirms.
#[derive(Clone, Debug)]
pub enum ConfirmEmail {
    Ask { token: String },
    Done,
    Gone,
}

impl ConfirmEmail {
    pub fn html(self, shell: &PatientShell) -> String {
        let w = shell.words();
        let title = w.t("confirm-email-title");
        let body = match self {
            Self::Ask { token } => {
                let form = Form::post(format!("/confirm-email/{token}"), &shell.csrf)
                    .body(Button::primary(w.t("confirm-email-submit")).view());
                view! { {heading(title, false)} {paragraph(w.t("confirm-email-what"))} {form} }
                    .into_any()
            }
            Self::Done => view! {
                {heading(title, false)}
                {Notice::alert(Tone::Good).text(w.t("sign-in-email-confirmed"))}
                <p class="links"><a href="/account">{w.t("nav-bill")}</a></p>
            }
            .into_any(),
            Self::Gone => view! {
                {heading(title, false)}
                {paragraph(w.t("confirm-email-gone"))}
                <p class="links"><a href="/sign-in">{w.t("sign-in")}</a></p>
            }
            .into_any(),
        };
        shell.page(title, body)
    }
}
