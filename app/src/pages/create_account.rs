//! Create your account: the guarantor's own date of birth and SSN last four, an email, a password.
//!
//! Mismatch, lock and nothing on file give one text; an email already in use gives the success
//! page, and the mail says so. SSN and password are never echoed.

use leptos::prelude::*;

use super::PatientShell;
use crate::{
    components::{Button, Errors, Field, Form, Notice, Tone, heading, paragraph},
    refusal::{Refusal, errors},
    words::Words,
};

/// What is given back after a refusal.
#[derive(Clone, Debug, Default)]
pub struct TypedAccount {
    pub email: String,
    pub dob_month: String,
    pub dob_day: String,
    pub dob_year: String,
}

#[derive(Clone, Debug, Default)]
pub struct CreateAccount {
    pub typed: TypedAccount,
    pub refusals: Vec<Refusal>,
    /// Back to the pay page, while there is a pay context.
    pub pay_href: Option<String>,
}

impl CreateAccount {
    pub fn html(self, shell: &PatientShell) -> String {
        let w = shell.words();
        let title = w.with("create-title", &[("alias", shell.practice.alias.clone().into())]);
        let errors = errors(shell, &self.refusals);
        let email = Field::email("email", w.t("email"))
            .value(self.typed.email.clone())
            .error(errors.of("email"))
            .required();
        let password = Field::password("password", w.t("password"))
            .hint(w.t("create-password-hint"))
            .error(errors.of("password"))
            .autocomplete("new-password")
            .required();
        let form = Form::post("/create-account", &shell.csrf).body(view! {
            {email}
            {password}
            {birth(w, &self.typed, &errors)}
            {ssn4(w, &errors)}
            <p>{Button::primary(w.t("create-submit"))}</p>
        });
        let pay = self.pay_href.map(|href| {
            view! { <li><a href=href>{w.t("create-pay-without")}</a></li> }
        });
        let body = view! {
            {heading(title, false)}
            {errors.summary(w.t("refused-summary"))}
            {paragraph(w.t("create-whose"))}
            {form}
            <ul class="links">
                <li><a href="/sign-in">{w.t("sign-in")}</a></li>
                <li><a href="/office-code">{w.t("create-office-code")}</a></li>
                {pay}
            </ul>
        };
        shell.write(w.t("create-short"), !errors.is_empty(), &[], body.into_any())
    }
}

/// Month, day, year, in the order Americans write them; each with its own label.
pub(super) fn birth(w: Words, typed: &TypedAccount, errors: &Errors) -> AnyView {
    let error = errors.of("dob_month");
    let part = |name: &'static str, label, digits, token, value: &str| {
        Field::digits(name, label, digits).value(value).autocomplete(token).required().view()
    };
    let class = if error.is_some() { "choices bad" } else { "choices" };
    let described = if error.is_some() { "dob-error dob-hint" } else { "dob-hint" };
    let error = error.map(|text| view! { <p class="error" id="dob-error">{text}</p> });
    view! {
        <fieldset class=class aria-describedby=described>
            <legend>{w.t("birth")}</legend>
            <p class="hint" id="dob-hint">{w.t("birth-hint")}</p>
            {error}
            <div class="parts">
                {part("dob_month", w.t("birth-month"), 2, "bday-month", &typed.dob_month)}
                {part("dob_day", w.t("birth-day"), 2, "bday-day", &typed.dob_day)}
                {part("dob_year", w.t("birth-year"), 4, "bday-year", &typed.dob_year)}
            </div>
        </fieldset>
    }
    .into_any()
}

pub(super) fn ssn4(w: Words, errors: &Errors) -> AnyView {
    Field::digits("ssn4", w.t("ssn4"), 4)
        .hint(w.t("ssn4-hint"))
        .error(errors.of("ssn4"))
        .autocomplete("off")
        .required()
        .view()
}

/// The uniform answer of *Create Account* where a code or a confirmed email comes next.
#[derive(Clone, Debug)]
pub struct CheckYourEmail {
    /// As typed by the person reading, so it needs no mask.
    pub email: String,
}

impl CheckYourEmail {
    pub fn html(self, shell: &PatientShell) -> String {
        let w = shell.words();
        let title = w.t("check-email-title");
        let sentence = w.with("check-email-what", &[("email", self.email.into())]);
        let body = view! {
            {heading(title, true)}
            {Notice::status(Tone::Good).text(sentence)}
            {paragraph(w.t("check-email-spam"))}
        };
        shell.page(title, body)
    }
}
