//! A code from the front desk, for those without an SSN on file or not willing to give it.

use leptos::prelude::*;

use super::PatientShell;
use crate::{
    components::{Button, Field, Form, heading, paragraph},
    refusal::{Refusal, errors},
};

#[derive(Clone, Debug, Default)]
pub struct OfficeCode {
    pub email: String,
    pub refusals: Vec<Refusal>,
}

impl OfficeCode {
    pub fn html(self, shell: &PatientShell) -> String {
        let w = shell.words();
        let title = w.t("office-title");
        let errors = errors(shell, &self.refusals);
        let what = w.with("office-what", &[("phone", shell.practice.phone.clone().into())]);
        let form = Form::post("/office-code", &shell.csrf).body(view! {
            {Field::text("code", w.t("office-code"))
                .error(errors.of("code"))
                .narrow()
                .maxlength(20)
                .autocomplete("off")
                .required()}
            {Field::email("email", w.t("email"))
                .value(self.email)
                .error(errors.of("email"))
                .required()}
            {Field::password("password", w.t("password"))
                .hint(w.t("office-password-hint"))
                .error(errors.of("password"))
                .autocomplete("new-password")
                .required()}
            <p>{Button::primary(w.t("continue"))}</p>
        });
        let body = view! {
            {heading(title, false)}
            {errors.summary(w.t("refused-summary"))}
            {paragraph(what)}
            {form}
        };
        shell.write(title, !errors.is_empty(), &[], body.into_any())
    }
}
