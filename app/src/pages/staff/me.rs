//! One's own account: password, recovery codes, other sessions, and the practice at hand.

use leptos::prelude::*;

use super::StaffShell;
use crate::components::{Button, Errors, Facts, Field, Form, Notice, Select, Tone, heading};

/// `/staff/me`
#[derive(Clone, Debug)]
pub struct Me {
    pub name: String,
    pub email: String,
    pub role: String,
    /// Recovery codes not used yet.
    pub codes_left: usize,
    /// Practices this person works for: id and name. The switch shows from two on.
    pub practices: Vec<(String, String)>,
    pub practice: String,
    pub errors: Errors,
}

impl Me {
    pub fn html(self, shell: &StaffShell) -> String {
        let is_error = !self.errors.is_empty();
        let facts = Facts::new()
            .row("Name", self.name.clone())
            .row("Email", self.email.clone())
            .row("Role", self.role.clone());
        let few = (self.codes_left < 3).then(|| {
            let text = "Only a few recovery codes are left. Make new ones.";
            Notice::new(Tone::Warn).text(text).view()
        });
        let password = Form::post("/staff/me/password", &shell.csrf).body(view! {
            {Field::password("current", "Your password now")
                .error(self.errors.of("current"))
                .autocomplete("current-password")
                .required()}
            {Field::password("password", "New password")
                .hint("At least 12 characters. Other sessions of yours end.")
                .error(self.errors.of("password"))
                .autocomplete("new-password")
                .required()}
            {Field::password("password_again", "The new password again")
                .error(self.errors.of("password_again"))
                .autocomplete("new-password")
                .required()}
            <p>{Button::secondary("Change password")}</p>
        });
        let codes = Form::post("/staff/me/recovery", &shell.csrf).body(view! {
            {Field::password("recovery_current", "Your password")
                .error(self.errors.of("recovery_current"))
                .autocomplete("current-password")
                .required()}
            {Field::digits("code", "Code from your authenticator app", 10)
                .error(self.errors.of("code"))
                .autocomplete("one-time-code")
                .required()}
            <p>{Button::secondary("Make new recovery codes")}</p>
        });
        let left = format!("{} of your recovery codes are unused.", self.codes_left);
        let sessions = Form::post("/staff/me/sessions", &shell.csrf)
            .body(view! { <p>{Button::secondary("Sign out everywhere else")}</p> });
        let body = view! {
            {heading("Your account", false)}
            {self.errors.summary("Nothing was changed")}
            {facts}
            {self.switch(shell)}
            <div class="columns">
                <section class="panel"><h2>"Password"</h2>{password}</section>
                <section class="panel">
                    <h2>"Recovery codes"</h2>
                    <p>{left}</p>
                    {few}
                    {codes}
                </section>
                <section class="panel">
                    <h2>"Other sessions"</h2>
                    <p>"For a computer you forgot to sign out of. This one stays signed in."</p>
                    {sessions}
                </section>
            </div>
        };
        if is_error {
            shell.error_page("Your account", body)
        } else {
            shell.page("Your account", body)
        }
    }

    fn switch(&self, shell: &StaffShell) -> AnyView {
        if self.practices.len() < 2 {
            return ().into_any();
        }
        let select = Select::new("practice", "Practice")
            .options(self.practices.clone())
            .chosen(self.practice.clone());
        let form = Form::post("/staff/practice", &shell.csrf)
            .body(view! { {select} <p>{Button::secondary("Switch practice")}</p> });
        view! {
            <section class="panel narrow-page">
                <h2>"Where you work"</h2>
                {form}
            </section>
        }
        .into_any()
    }
}
