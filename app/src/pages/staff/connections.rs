//! The practice's own accounts at its vendors. Write-only: what is stored can be replaced, never
//! read back.

use domain::clock::UnixMs;
use jiff::tz::TimeZone;
use leptos::prelude::*;

use super::{
    StaffShell,
    settings::{Typed, tabs},
};
use crate::{
    components::{
        Badge, Button, Errors, Facts, Field, Form, Select, TextArea, Tone, heading, instant_full,
    },
    words::Words,
};

const PATH: &str = "/staff/settings/connections";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vendor {
    Stripe,
    Smtp,
    /// What the service behind the mail server reports: bounces, complaints.
    MailEvents,
    Twilio,
    Interfax,
}

impl Vendor {
    pub const ALL: [Self; 5] =
        [Self::Stripe, Self::Smtp, Self::MailEvents, Self::Twilio, Self::Interfax];

    /// As the connection is stored and its address ends.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::Smtp => "smtp",
            Self::MailEvents => "mail_events",
            Self::Twilio => "twilio",
            Self::Interfax => "interfax",
        }
    }

    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|vendor| vendor.slug() == slug)
    }

    pub const fn title(self) -> &'static str {
        match self {
            Self::Stripe => "Stripe: payments",
            Self::Smtp => "Mail server: email",
            Self::MailEvents => "Email events: bounces and complaints",
            Self::Twilio => "Twilio: texts and calls",
            Self::Interfax => "InterFAX: faxes",
        }
    }

    /// The fields of its form. Secrets come back empty.
    pub(super) fn fields(self, typed: &Typed, errors: &Errors) -> AnyView {
        let text = |name: &'static str, label: &'static str| {
            Field::text(name, label)
                .value(typed.text(name))
                .error(errors.of(name))
                .autocomplete("off")
        };
        let secret = |name: &'static str, label: &'static str| {
            Field::password(name, label)
                .error(errors.of(name))
                .autocomplete("off")
                .maxlength(300)
                .hint("Never shown again.")
        };
        match self {
            Self::Stripe => view! {
                {secret("stripe_secret_key", "Secret or restricted key").required()}
                {text("stripe_publishable_key", "Publishable key").required()}
            }
            .into_any(),
            Self::Smtp => smtp_fields(typed, errors),
            Self::MailEvents => view! {
                {text("mail_events_key", "Verification key")
                    .hint("Where the mail server is SendGrid's: Settings, Mail Settings, Event \
                           Webhook, with its signature switched on. Point it at the address \
                           above and copy its verification key here.")
                    .required()}
            }
            .into_any(),
            Self::Twilio => view! {
                {text("twilio_account_sid", "Account SID").hint("AC and 32 characters").required()}
                {secret("twilio_auth_token", "Auth token").required()}
                {text("twilio_service_sid", "Messaging Service SID")
                    .hint("MG…, when the number belongs to a service. Otherwise leave it empty.")}
            }
            .into_any(),
            Self::Interfax => view! {
                {text("interfax_username", "User name").required()}
                {secret("interfax_password", "Password").required()}
            }
            .into_any(),
        }
    }
}

fn smtp_fields(typed: &Typed, errors: &Errors) -> AnyView {
    let text = |name: &'static str, label: &'static str| {
        Field::text(name, label).value(typed.text(name)).error(errors.of(name)).autocomplete("off")
    };
    let tls = Select::new("smtp_tls", "Encryption")
        .option("starttls", "STARTTLS (usually port 587)")
        .option("implicit", "TLS from the start (usually port 465)")
        .option("none", "None: only for a mail server on this machine")
        .chosen(typed.text("smtp_tls"))
        .error(errors.of("smtp_tls"));
    view! {
        {text("smtp_host", "Mail server").required()}
        {Field::digits("smtp_port", "Port", 5)
            .value(typed.text("smtp_port"))
            .error(errors.of("smtp_port"))
            .required()}
        {tls}
        {text("smtp_username", "User name").hint("Empty where the server asks for none.")}
        {Field::password("smtp_password", "Password")
            .error(errors.of("smtp_password"))
            .autocomplete("off")
            .hint("Never shown again.")}
        <details>
            <summary>"Sign with DKIM here"</summary>
            <p class="hint">"Only when the mail server does not sign by itself."</p>
            {text("dkim_selector", "Selector")}
            {TextArea::new("dkim_key", "Private key")
                .error(errors.of("dkim_key"))
                .hint("RSA as PEM, or an Ed25519 seed in base64. Never shown again.")
                .maxlength(8000)}
        </details>
    }
    .into_any()
}

/// How one vendor stands.
#[derive(Clone, Debug)]
pub struct ConnectionLine {
    pub vendor: Vendor,
    /// When it was last stored; none when it never was.
    pub updated_at: Option<UnixMs>,
    /// `Live mode`, `Test mode`.
    pub badge: Option<(String, Tone)>,
    /// Safe words about it: the account's id, the webhook address.
    pub facts: Vec<(String, String)>,
}

/// `/staff/settings/connections`
#[derive(Clone, Debug)]
pub struct Connections {
    pub zone: TimeZone,
    pub lines: Vec<ConnectionLine>,
    /// The form that was refused, what was typed into it, and why.
    pub refused: Option<(Vendor, Typed, Errors)>,
}

impl Connections {
    pub fn html(self, shell: &StaffShell) -> String {
        let is_error = self.refused.is_some();
        let summary = self.refused.as_ref().map(|(vendor, _, errors)| {
            errors.summary(format!("{} was not stored", vendor.title()))
        });
        let zone = self.zone.clone();
        let refused = self.refused;
        let panels: Vec<AnyView> = self
            .lines
            .into_iter()
            .map(|line| {
                let typed = refused.as_ref().filter(|(vendor, ..)| *vendor == line.vendor);
                let (typed, errors) = typed
                    .map(|(_, typed, errors)| (typed.clone(), errors.clone()))
                    .unwrap_or_default();
                panel(line, &zone, &typed, &errors, shell)
            })
            .collect();
        let body = view! {
            {heading("Settings: Connections", false)}
            {tabs("connections")}
            {summary}
            <p class="hint">
                "Each practice has its own accounts. What is stored here is sealed and cannot be \
                 shown again; enter it anew to replace it."
            </p>
            <div class="columns">{panels}</div>
        };
        if is_error {
            shell.error_page("Connections", body)
        } else {
            shell.page("Connections", body)
        }
    }
}

fn panel(
    line: ConnectionLine,
    zone: &TimeZone,
    typed: &Typed,
    errors: &Errors,
    shell: &StaffShell,
) -> AnyView {
    let state = match line.updated_at {
        Some(at) => view! { "Stored "{instant_full(Words::default(), at, zone)} }.into_any(),
        None => view! { "Not set up" }.into_any(),
    };
    let badge = line.badge.map(|(text, tone)| Badge::new(text).tone(tone).view());
    let facts =
        line.facts.into_iter().fold(Facts::new(), |facts, (name, value)| facts.row(name, value));
    let label = if line.updated_at.is_some() { "Replace" } else { "Connect" };
    let named = format!("{label} {}", line.vendor.title());
    let fields = line.vendor.fields(typed, errors);
    let form = Form::post(format!("{PATH}/{}", line.vendor.slug()), &shell.csrf).body(view! {
        {fields}
        <p>{Button::secondary(label).named(named)}</p>
    });
    let id = format!("vendor-{}", line.vendor.slug());
    let labelled = id.clone();
    view! {
        <section class="panel" aria-labelledby=labelled>
            <h2 id=id>{line.vendor.title()}</h2>
            <p>{state}" "{badge}</p>
            {facts}
            {form}
        </section>
    }
    .into_any()
}
