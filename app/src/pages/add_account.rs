//! A further account for somebody who is signed in: its own link has brought them here, and its own
//! match lets them see it (D-6). One text for a mismatch, a lock and nothing on file.

use leptos::prelude::*;

use super::{
    PatientShell, TypedAccount,
    create_account::{birth, ssn4},
};
use crate::{
    components::{Button, Form, heading, paragraph},
    refusal::{Refusal, errors},
};

#[derive(Clone, Debug, Default)]
pub struct AddAccount {
    /// The date of birth as typed; the email is not asked for.
    pub typed: TypedAccount,
    pub refusals: Vec<Refusal>,
}

impl AddAccount {
    pub fn html(self, shell: &PatientShell) -> String {
        let w = shell.words();
        let title = w.t("add-title");
        let errors = errors(shell, &self.refusals);
        let form = Form::post("/account/add", &shell.csrf).body(view! {
            {birth(w, &self.typed, &errors)}
            {ssn4(w, &errors)}
            <p>{Button::primary(w.t("add-submit"))}</p>
        });
        let body = view! {
            {heading(title, false)}
            {errors.summary(w.t("refused-summary"))}
            {paragraph(w.t("add-what"))}
            {paragraph(w.t("create-whose"))}
            {form}
            <ul class="links">
                <li><a href="/account">{w.t("add-not-now")}</a></li>
                <li><a href="/pay">{w.t("create-pay-without")}</a></li>
            </ul>
        };
        shell.write(title, !errors.is_empty(), &[], body.into_any())
    }
}
