//! Sign in, with one answer for a wrong password, an unknown email and a locked login.

use leptos::prelude::*;

use super::PatientShell;
use crate::{
    components::{Button, Field, Form, Notice, Tone, heading},
    refusal::{Refusal, errors},
};

/// Why the reader is asked to sign in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhySignIn {
    #[default]
    Asked,
    /// Fifteen minutes without a click.
    Idle,
    SignedOut,
    PasswordChanged,
    EmailConfirmed,
    NeedsSession,
}

#[derive(Clone, Debug, Default)]
pub struct SignIn {
    pub email: String,
    pub refusals: Vec<Refusal>,
    pub why: WhySignIn,
    /// The page to go on with afterwards; empty for the bill.
    pub return_to: String,
    /// A valid link leads to *Create your account*; without one it is not offered.
    pub offers_account: bool,
    pub pay_href: Option<String>,
}

impl SignIn {
    pub fn html(self, shell: &PatientShell) -> String {
        let w = shell.words();
        let title = w.t("sign-in");
        let errors = errors(shell, &self.refusals);
        let why = match self.why {
            WhySignIn::Asked => None,
            WhySignIn::Idle => Some((Tone::Warn, w.t("sign-in-idle"))),
            WhySignIn::SignedOut => Some((Tone::Good, w.t("sign-in-signed-out"))),
            WhySignIn::PasswordChanged => Some((Tone::Good, w.t("sign-in-password-changed"))),
            WhySignIn::EmailConfirmed => Some((Tone::Good, w.t("sign-in-email-confirmed"))),
            WhySignIn::NeedsSession => Some((Tone::Plain, w.t("sign-in-needed"))),
        };
        let why = why.map(|(tone, words)| Notice::status(tone).text(words).view());
        let mut form = Form::post("/sign-in", &shell.csrf);
        if !self.return_to.is_empty() {
            form = form.hidden("return_to", self.return_to);
        }
        let form = form.body(view! {
            {Field::email("email", w.t("email"))
                .value(self.email)
                .error(errors.of("email"))
                .autocomplete("username")
                .required()}
            {Field::password("password", w.t("password"))
                .error(errors.of("password"))
                .autocomplete("current-password")
                .required()}
            <p>{Button::primary(w.t("sign-in"))}</p>
        });
        let create = self.offers_account.then(|| {
            view! { <li><a href="/create-account?new=yes">{w.t("sign-in-create")}</a></li> }
        });
        let pay = self
            .pay_href
            .map(|href| view! { <li><a href=href>{w.t("create-pay-without")}</a></li> });
        // Somebody with nothing in hand yet: the way to an account begins with a link.
        let is_stranger = !self.offers_account && pay.is_none();
        let no_account =
            is_stranger.then(|| view! { <p class="beside">{w.t("sign-in-no-account")}</p> });
        let new_link =
            is_stranger.then(|| view! { <li><a href="/link/new">{w.t("front-new-link")}</a></li> });
        let body = view! {
            {heading(title, false)}
            {errors.summary(w.t("refused-summary"))}
            {why}
            {form}
            <ul class="links">
                <li><a href="/forgot">{w.t("sign-in-forgot")}</a></li>
                {create}
                <li><a href="/office-code">{w.t("create-office-code")}</a></li>
                {pay}
                {new_link}
            </ul>
            {no_account}
        };
        shell.write(title, !errors.is_empty(), &[], body.into_any())
    }
}
