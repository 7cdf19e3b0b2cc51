//! Keys for the practice's own programs: made here, shown once, revoked here.

use domain::clock::UnixMs;
use jiff::tz::TimeZone;
use leptos::prelude::*;

use super::{StaffShell, settings::tabs};
use crate::{
    components::{
        Badge, Button, ButtonLink, Column, Errors, Field, Form, Notice, Row, Table, Tone, heading,
        instant_full,
    },
    words::Words,
};

const PATH: &str = "/staff/settings/keys";

#[derive(Clone, Debug)]
pub struct ApiKeyLine {
    pub id: String,
    pub name: String,
    pub created_at: UnixMs,
    pub revoked_at: Option<UnixMs>,
}

/// `/staff/settings/keys`
#[derive(Clone, Debug)]
pub struct ApiKeys {
    pub zone: TimeZone,
    pub keys: Vec<ApiKeyLine>,
    pub name: String,
    pub errors: Errors,
    /// A key that was just made.
    pub made: Option<String>,
}

impl ApiKeys {
    pub fn html(self, shell: &StaffShell) -> String {
        let is_error = !self.errors.is_empty();
        let w = Words::default();
        let made = self.made.map(|key| {
            Notice::status(Tone::Warn)
                .title("Copy this key now. It is not shown again.")
                .body(view! { <p><code class="key">{key}</code></p> })
                .view()
        });
        let zone = self.zone;
        let rows = self
            .keys
            .into_iter()
            .map(|key| {
                let state = match key.revoked_at {
                    Some(at) => {
                        let at = instant_full(w, at, &zone);
                        view! { {Badge::new("Revoked")}" "{at} }.into_any()
                    }
                    None => Form::post(format!("{PATH}/{}/revoke", key.id), &shell.csrf)
                        .body(Button::quiet("Revoke").named(format!("Revoke {}", key.name)).view()),
                };
                let class = if key.revoked_at.is_some() { "muted" } else { "" };
                Row::new()
                    .cell(key.name)
                    .cell(instant_full(w, key.created_at, &zone))
                    .cell(state)
                    .class(class)
            })
            .collect();
        let columns = ["Name", "Made", "State"].map(Column::new).to_vec();
        let table = Table::new("API keys", columns)
            .rows(rows)
            .empty(view! { <p>"No program has a key."</p> });
        let form = Form::post(PATH, &shell.csrf).body(view! {
            {Field::text("name", "What the key is for")
                .value(self.name)
                .error(self.errors.of("name"))
                .maxlength(80)
                .required()}
            <p>{Button::primary("Make a key")}</p>
        });
        let body = view! {
            {heading("Settings: API keys", false)}
            {tabs("keys")}
            {self.errors.summary("No key was made")}
            {made}
            <p>"A key brings balances in and takes payments out, for this practice only."</p>
            <p>{ButtonLink::secondary("/api/v1/openapi.json", "Description of the API")}</p>
            {table}
            <section class="panel narrow-page">
                <h2>"New key"</h2>
                {form}
            </section>
        };
        if is_error { shell.error_page("API keys", body) } else { shell.page("API keys", body) }
    }
}
