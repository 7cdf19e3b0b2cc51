//! A link that no longer works, and how to get a new one.
//!
//! Unknown, expired, revoked and replaced links give the same page (R34), and asking for a new link
//! gives the same answer whether or not the contact is on file.

use leptos::prelude::*;

use super::PatientShell;
use crate::{
    components::{Button, Errors, Field, Form, Notice, Tone, heading, paragraph},
    refusal::{Refusal, errors},
};

/// `GET /p/{token}` for a link that is not one any more.
#[derive(Clone, Debug, Default)]
pub struct LinkGone;

impl LinkGone {
    pub fn html(self, shell: &PatientShell) -> String {
        let title = shell.words().t("link-gone-title");
        let body = view! {
            {heading(title, false)}
            {paragraph(shell.words().t("link-gone-nothing"))}
            {new_link_form(shell, String::new(), &Errors::new())}
            {sign_in(shell)}
        };
        shell.page(title, body)
    }
}

/// `/link/new`
#[derive(Clone, Debug, Default)]
pub struct NewLink {
    pub typed: String,
    pub refusals: Vec<Refusal>,
    /// The answer, always the same.
    pub is_sent: bool,
}

impl NewLink {
    pub fn html(self, shell: &PatientShell) -> String {
        let w = shell.words();
        let title = w.t("new-link-title");
        if self.is_sent {
            let body = view! {
                {heading(title, false)}
                {Notice::alert(Tone::Good).text(w.t("new-link-sent"))}
                {paragraph(w.t("new-link-sent-wait"))}
                {sign_in(shell)}
            };
            return shell.page(title, body);
        }
        let errors = errors(shell, &self.refusals);
        let body = view! {
            {heading(title, false)}
            {errors.summary(w.t("refused-summary"))}
            {new_link_form(shell, self.typed, &errors)}
            {sign_in(shell)}
        };
        shell.write(title, !errors.is_empty(), &[], body.into_any())
    }
}

fn new_link_form(shell: &PatientShell, typed: String, errors: &Errors) -> AnyView {
    let w = shell.words();
    let contact = Field::text("contact", w.t("new-link-contact"))
        .value(typed)
        .hint(w.t("new-link-contact-hint"))
        .error(errors.of("contact"))
        .autocomplete("email")
        .required();
    Form::post("/link/new", &shell.csrf)
        .body(view! { {contact} <p>{Button::primary(w.t("new-link-send"))}</p> })
}

fn sign_in(shell: &PatientShell) -> AnyView {
    let words = shell.words().t("sign-in");
    view! { <p class="links"><a href="/sign-in">{words}</a></p> }.into_any()
}
