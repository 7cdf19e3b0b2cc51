//! Becoming able to sign in: a password, an authenticator, and recovery codes that are shown once.
//! The same for an invited colleague and for the first manager.

use leptos::prelude::*;

use super::door;
use crate::components::{
    Button, ButtonLink, Errors, Facts, Field, Form, Notice, Tone, heading, hidden,
};

/// Longest and shortest password, as the fields say it.
const PASSWORD_HINT: &str = "At least 12 characters. Four or five words that only you would put \
    together are easy to remember and hard to guess.";

/// A secret that an authenticator app is about to learn.
#[derive(Clone, Debug)]
pub struct Enrolment {
    /// Base32, as a person would type it.
    pub secret: String,
    /// Proves at the POST that the secret is one we made for this page.
    pub signature: String,
    /// The QR code as a `data:` address; none when it could not be drawn.
    pub picture: Option<String>,
}

impl Enrolment {
    /// In groups of four, for typing.
    fn grouped(&self) -> String {
        let letters: Vec<char> = self.secret.chars().collect();
        letters.chunks(4).map(String::from_iter).collect::<Vec<_>>().join(" ")
    }

    fn view(self, errors: &Errors) -> AnyView {
        let key = self.grouped();
        let picture = self.picture.clone().map(|src| {
            view! {
                <p>
                    <img class="qr" src=src width="220" height="220"
                        alt="QR code for your authenticator app. The key below says the same."/>
                </p>
            }
        });
        view! {
            <h2>"Your authenticator"</h2>
            <p>
                "Scan this with an authenticator app on your phone, for example the one that came \
                 with it. From then on the app shows a new code every 30 seconds."
            </p>
            {picture}
            <p>"Or type this key into the app: "<code class="key">{key}</code></p>
            {hidden("totp_secret", self.secret)}
            {hidden("totp_signature", self.signature)}
            {Field::digits("code", "Code the app shows now", 10)
                .error(errors.of("code"))
                .autocomplete("one-time-code")
                .required()}
        }
        .into_any()
    }
}

fn password_fields(errors: &Errors) -> AnyView {
    view! {
        {Field::password("password", "Choose a password")
            .hint(PASSWORD_HINT)
            .error(errors.of("password"))
            .autocomplete("new-password")
            .required()}
        {Field::password("password_again", "The same password again")
            .error(errors.of("password_again"))
            .autocomplete("new-password")
            .required()}
    }
    .into_any()
}

/// `/staff/invitation/{token}`
#[derive(Clone, Debug)]
pub struct AcceptInvitation {
    pub token: String,
    pub practice: String,
    pub name: String,
    pub email: String,
    pub enrolment: Enrolment,
    pub errors: Errors,
}

impl AcceptInvitation {
    pub fn html(self, csrf: &str) -> String {
        let is_error = !self.errors.is_empty();
        let who = Facts::new().row("Name", self.name).row("Email", self.email).view();
        let form = Form::post(format!("/staff/invitation/{}", self.token), csrf).body(view! {
            {password_fields(&self.errors)}
            {self.enrolment.view(&self.errors)}
            <p>{Button::primary("Set up my account")}</p>
        });
        door::page(
            "Set up your account",
            is_error,
            view! {
                {heading("Set up your account", false)}
                {self.errors.summary("Your account is not set up yet")}
                <p>{format!("You are joining {} on Clearbill.", self.practice)}</p>
                {who}
                {form}
            },
        )
    }
}

/// The invitation or setup link cannot be used: unknown, used, replaced and expired look the same.
#[derive(Clone, Copy, Debug)]
pub struct DeadInvitation {
    pub is_setup: bool,
}

impl DeadInvitation {
    pub fn html(self) -> String {
        let title = "This link no longer works";
        let words = if self.is_setup {
            view! {
                <p>
                    "Each setup link works once, for 24 hours, and a newer one replaces it. On the \
                     server, run"
                </p>
                <p><code>"clearbill staff setup-link"</code></p>
            }
            .into_any()
        } else {
            view! {
                <p>
                    "Each invitation works once, for 24 hours, and a newer one replaces it. Ask a \
                     manager of your practice for a new one."
                </p>
            }
            .into_any()
        };
        door::page(
            title,
            true,
            view! {
                {heading(title, true)}
                {words}
                <p><a href="/staff/sign-in">"Staff sign in"</a></p>
            },
        )
    }
}

/// `/setup/link/{token}`: opening the page changes nothing, so that a scanner of links uses
/// nothing up.
#[derive(Clone, Debug)]
pub struct OpenSetup {
    pub token: String,
}

impl OpenSetup {
    pub fn html(self, csrf: &str) -> String {
        let form = Form::post("/setup/begin", csrf)
            .hidden("token", self.token)
            .body(view! { <p>{Button::primary("Begin")}</p> });
        door::page(
            "Set up Clearbill",
            false,
            view! {
                {heading("Set up Clearbill", false)}
                <p>
                    "This makes the first manager of this server and leads through everything up to \
                     Go live. It takes about half an hour; you can stop at any step and come back."
                </p>
                <p>"You will want at hand:"</p>
                <ul>
                    <li>"your phone, for an authenticator app"</li>
                    <li>"the keys of the practice's Stripe account"</li>
                    <li>"the address and password of a mail server"</li>
                    <li>"the practice's Twilio account, if it will send texts"</li>
                </ul>
                {form}
            },
        )
    }
}

/// `/setup/account`: the first manager, and the name of the practice.
#[derive(Clone, Debug)]
pub struct FirstAccount {
    pub practice: String,
    pub name: String,
    pub email: String,
    pub enrolment: Enrolment,
    pub errors: Errors,
}

impl FirstAccount {
    pub fn html(self, csrf: &str) -> String {
        let is_error = !self.errors.is_empty();
        let form = Form::post("/setup/account", csrf).body(view! {
            {Field::text("practice", "Name of the practice")
                .value(self.practice)
                .error(self.errors.of("practice"))
                .hint("Its legal name. What patients read can be shorter; that comes next.")
                .autocomplete("organization")
                .maxlength(120)
                .required()}
            {Field::text("name", "Your name")
                .value(self.name)
                .error(self.errors.of("name"))
                .autocomplete("name")
                .maxlength(80)
                .required()}
            {Field::email("email", "Your email")
                .value(self.email)
                .error(self.errors.of("email"))
                .autocomplete("username")
                .required()}
            {password_fields(&self.errors)}
            {self.enrolment.view(&self.errors)}
            <p>{Button::primary("Create the manager account")}</p>
        });
        door::page(
            "The first manager",
            is_error,
            view! {
                {heading("The first manager", false)}
                {self.errors.summary("The account is not created yet")}
                <p>"Everyone else gets an invitation from this person. Nobody shares a login."</p>
                {form}
            },
        )
    }
}

/// Shown once, right after they were made.
#[derive(Clone, Debug)]
pub struct RecoveryCodes {
    pub codes: Vec<String>,
    pub next_href: String,
    pub next_label: String,
}

impl RecoveryCodes {
    pub fn html(self) -> String {
        let codes: Vec<AnyView> = self
            .codes
            .into_iter()
            .map(|code| view! { <li><code>{code}</code></li> }.into_any())
            .collect();
        let warning = Notice::status(Tone::Warn).text(
            "Print this page or copy the codes into your password safe now. They are not shown \
             again. Each works once, in place of the code from your phone.",
        );
        door::page(
            "Your recovery codes",
            false,
            view! {
                {heading("Your recovery codes", true)}
                {warning}
                <ul class="codes">{codes}</ul>
                <p>{ButtonLink::primary(self.next_href, self.next_label)}</p>
            },
        )
    }
}
