//! Staff sign in: password, then the code of the authenticator. One answer for an unknown address, a
//! wrong password and a pause after too many tries.

use leptos::prelude::*;

use super::door;
use crate::components::{Button, Errors, Field, Form, Notice, Tone, heading};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInRefusal {
    /// Wrong address or password, or too many tries lately: nobody outside may tell them apart.
    Wrong,
    /// The password was right; no practice lets this person in any more.
    NoPractice,
    WrongCode,
}

impl SignInRefusal {
    const fn sentence(self) -> &'static str {
        match self {
            Self::Wrong => {
                "The email or the password is not right, or there were too many tries. Check both, \
                 or wait a few minutes and try again."
            }
            Self::NoPractice => {
                "You are not on the staff of any practice here. Ask a manager to add you again."
            }
            Self::WrongCode => {
                "That code is not right, or it was used already. Wait for the next one in your \
                 authenticator app, or use a recovery code."
            }
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct SignIn {
    pub email: String,
    /// Where to go afterwards; a path of the workspace.
    pub return_to: String,
    pub refusal: Option<SignInRefusal>,
}

impl SignIn {
    /// Nobody has an account yet: says where the first one comes from.
    pub const fn first_start() -> FirstStart {
        FirstStart
    }

    pub fn html(self, csrf: &str) -> String {
        let errors = summary(self.refusal);
        let is_error = self.refusal.is_some();
        let form =
            Form::post("/staff/sign-in", csrf).hidden("return_to", self.return_to).body(view! {
                {Field::email("email", "Email")
                    .value(self.email)
                    .autocomplete("username")
                    .required()}
                {Field::password("password", "Password")
                    .autocomplete("current-password")
                    .required()}
                <p>{Button::primary("Sign in")}</p>
            });
        door::page(
            "Staff sign in",
            is_error,
            view! {
                {heading("Staff sign in", false)}
                {errors}
                {form}
                <p class="hint">
                    "Forgotten your password or lost your phone? A manager of your practice can \
                     send you a new invitation."
                </p>
            },
        )
    }
}

fn summary(refusal: Option<SignInRefusal>) -> AnyView {
    match refusal {
        Some(refusal) => Errors::new().overall(refusal.sentence()).summary("You are not signed in"),
        None => ().into_any(),
    }
}

/// The sign-in page of a server without any account.
#[derive(Clone, Copy, Debug)]
pub struct FirstStart;

impl FirstStart {
    /// No form yet, so the token stays unused.
    pub fn html(self, _csrf: &str) -> String {
        let how = Notice::new(Tone::Plain).body(view! {
            <p>
                "Open the one-time setup link that the server printed when it started. It makes the \
                 first manager, and works for 24 hours."
            </p>
            <p>"The link is gone or too old? On the server, run"</p>
            <p><code>"clearbill staff setup-link"</code></p>
            <p>"or add a person to a practice that exists already with"</p>
            <p>
                <code>"clearbill staff add --practice … --email … --name … --role manager"</code>
            </p>
        });
        door::page(
            "Nobody has an account yet",
            false,
            view! { {heading("Nobody has an account yet", false)} {how} },
        )
    }
}

/// The second step: the code of the authenticator, or a recovery code.
#[derive(Clone, Copy, Debug, Default)]
pub struct SecondFactor {
    pub refusal: Option<SignInRefusal>,
}

impl SecondFactor {
    pub fn html(self, csrf: &str) -> String {
        let errors = summary(self.refusal);
        let form = Form::post("/staff/sign-in/code", csrf).body(view! {
            {Field::text("code", "Code from your authenticator app")
                .hint("Six digits. Without your phone, type one of your recovery codes.")
                .autocomplete("one-time-code")
                .inputmode("numeric")
                .narrow()
                .maxlength(20)
                .required()}
            <p>{Button::primary("Sign in")}</p>
        });
        door::page(
            "Enter your code",
            self.refusal.is_some(),
            view! {
                {heading("Enter your code", self.refusal.is_none())}
                {errors}
                {form}
                <p><a href="/staff/sign-in">"Start again"</a></p>
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_sign_in_keeps_the_address_and_never_the_password() {
        let model = SignIn {
            email: "sam@lakeside.example.org".into(),
            return_to: "/staff/payments".into(),
            refusal: Some(SignInRefusal::Wrong),
        };
        let html = model.html("token");
        assert!(html.contains("value=\"sam@lakeside.example.org\""), "{html}");
        assert!(html.contains("value=\"/staff/payments\""));
        assert!(html.contains("id=\"errors\"") && html.contains("<title>Error: Staff sign in"));
    }

    #[test]
    fn without_any_account_there_is_no_form_to_guess_at() {
        let html = SignIn::first_start().html("token");
        assert!(!html.contains("<form"), "{html}");
        assert!(html.contains("clearbill staff setup-link"));
    }
}
