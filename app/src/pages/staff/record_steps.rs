//! What staff do from a patient record that takes a page of its own: a hold, a text, an access code.

use domain::holds::HoldKind;
use leptos::prelude::*;

use super::{StaffShell, decision_words::hold_name, patient_record::RecordHead};
use crate::components::{
    Button, Checkbox, Errors, Facts, Field, Form, Notice, Radio, RadioGroup, Select, TextArea,
    Tone, heading,
};

/// What was typed into a hold.
#[derive(Clone, Debug, Default)]
pub struct HoldForm {
    pub kind: String,
    /// Empty for the whole account.
    pub claim: String,
    pub only_contact: String,
    pub reason: String,
    pub until: String,
}

#[derive(Clone, Debug)]
pub struct HoldPage {
    pub head: RecordHead,
    /// Open claims: id and how staff know it.
    pub claims: Vec<(String, String)>,
    /// Contacts: id and masked.
    pub contacts: Vec<(String, String)>,
    pub form: HoldForm,
    pub errors: Errors,
}

fn back(head: &RecordHead) -> AnyView {
    let href = head.at("");
    let words = format!("Back to {}", head.name);
    view! { <p><a href=href>{words}</a></p> }.into_any()
}

impl HoldPage {
    pub fn html(self, shell: &StaffShell) -> String {
        let title = "Hold an account";
        let is_error = !self.errors.is_empty();
        let error = |field: &str| self.errors.of(field);
        let kind = if self.form.kind.is_empty() { "manual" } else { &self.form.kind };
        let form =
            Form::post(self.head.at("/hold"), &shell.csrf).class("panel narrow-page").body(view! {
                {Select::new("kind", "Kind")
                    .hint("Bankruptcy to Dispute are legal: lifting one takes two people.")
                    .options(HoldKind::ALL.iter().map(|k| (k.as_str(), hold_name(*k))))
                    .chosen(kind)
                    .error(error("kind"))}
                {Select::new("claim", "Covers")
                    .option("", "The whole account, new bills too")
                    .options(self.claims.clone())
                    .chosen(self.form.claim.clone())}
                {Select::new("only_contact", "The one contact the patient allows")
                    .hint("Only for confidential communication")
                    .option("", "None")
                    .options(self.contacts.clone())
                    .chosen(self.form.only_contact.clone())
                    .error(error("only_contact"))}
                {TextArea::new("reason", "Reason")
                    .rows(3)
                    .maxlength(500)
                    .value(self.form.reason.clone())
                    .error(error("reason"))
                    .required()}
                {Field::date("until", "Until")
                    .hint("Stands up to this day; without a day until somebody lifts it")
                    .value(self.form.until.clone())
                    .error(error("until"))}
                <div class="actions">{Button::primary("Place hold")}</div>
            });
        let body = view! {
            {heading(title, false)}
            <p>{format!("{}, account {}", self.head.name, self.head.number)}</p>
            {self.errors.summary("The hold was not placed")}
            <p class="hint">
                "While a hold stands, no reminder of what it covers goes out. What waits already is \
                 decided again at once."
            </p>
            {form}
            {back(&self.head)}
        };
        if is_error { shell.error_page(title, body) } else { shell.page(title, body) }
    }
}

/// A text staff write to one patient, without approval (S-SF8).
#[derive(Clone, Debug)]
pub struct SendTextPage {
    pub head: RecordHead,
    /// Phones: id, masked, and why a text to it will not go, if so.
    pub phones: Vec<(String, String, Option<String>)>,
    pub chosen: String,
    pub text: String,
    /// Put before the words when they do not have it.
    pub alias: String,
    pub errors: Errors,
}

impl SendTextPage {
    pub fn html(self, shell: &StaffShell) -> String {
        let title = "Send a text";
        let is_error = !self.errors.is_empty();
        let form = if self.phones.is_empty() {
            let href = self.head.at("#contacts");
            view! {
                <div class="empty">
                    <p>"No phone is on file. "<a href=href>"Add a phone"</a></p>
                </div>
            }
            .into_any()
        } else {
            let first = self.phones.first().map(|(id, ..)| id.clone()).unwrap_or_default();
            let chosen = if self.chosen.is_empty() { first } else { self.chosen.clone() };
            let group = RadioGroup::new("phone", "To").chosen(chosen);
            let group = self.phones.iter().fold(group, |group, (id, masked, why_not)| {
                let radio = Radio::new(id.clone(), masked.clone());
                group.answer(match why_not {
                    Some(why) => radio.hint(format!(" {why}")),
                    None => radio,
                })
            });
            let hint = format!(
                "Begins with \u{201c}{}: \u{201d} unless you name the practice yourself. Write \
                 nothing about visits, treatment or insurance: a text is like a postcard.",
                self.alias
            );
            Form::post(self.head.at("/text"), &shell.csrf).class("panel narrow-page").body(view! {
                {group.error(self.errors.of("phone"))}
                {TextArea::new("text", "Message")
                    .hint(hint)
                    .maxlength(1000)
                    .value(self.text.clone())
                    .error(self.errors.of("text"))
                    .required()}
                <div class="actions">{Button::primary("Send text")}</div>
            })
        };
        let body = view! {
            {heading(title, is_error)}
            <p>{format!("{}, account {}", self.head.name, self.head.number)}</p>
            {self.errors.summary("The text was not sent")}
            {form}
            {back(&self.head)}
        };
        if is_error { shell.error_page(title, body) } else { shell.page(title, body) }
    }
}

/// Give access code: for those whose identity the front desk has checked.
#[derive(Clone, Debug)]
pub struct AccessCodePage {
    pub head: RecordHead,
    pub errors: Errors,
}

impl AccessCodePage {
    pub fn html(self, shell: &StaffShell) -> String {
        let title = "Give an access code";
        let is_error = !self.errors.is_empty();
        let checked = self.errors.of("checked").map(|text| view! { <p class="error">{text}</p> });
        let form = Form::post(self.head.at("/access-code"), &shell.csrf)
            .class("panel narrow-page")
            .body(view! {
                {checked}
                {Checkbox::new(
                    "checked",
                    "I have checked who this is: a photo identification, or questions only they \
                     can answer",
                )}
                <div class="actions">{Button::primary("Make the code")}</div>
            });
        let body = view! {
            {heading(title, is_error)}
            <p>{format!("{}, account {}", self.head.name, self.head.number)}</p>
            {self.errors.summary("No code was made")}
            <p class="hint">
                "Whoever has the code can create an account and read this bill. It works once, for \
                 72 hours; an older code of this account stops working."
            </p>
            {form}
            {back(&self.head)}
        };
        if is_error { shell.error_page(title, body) } else { shell.page(title, body) }
    }
}

/// The code, shown once.
#[derive(Clone, Debug)]
pub struct AccessCodeMade {
    pub head: RecordHead,
    pub code: String,
    /// Where it is typed.
    pub address: String,
    pub until: String,
}

impl AccessCodeMade {
    pub fn html(self, shell: &StaffShell) -> String {
        let title = "Access code";
        let facts = Facts::new()
            .row("Typed at", self.address.clone())
            .row("Works until", self.until.clone());
        shell.page(
            title,
            view! {
                {heading(title, true)}
                <p>{format!("{}, account {}", self.head.name, self.head.number)}</p>
                <p class="code-large"><code>{self.code.clone()}</code></p>
                {facts}
                {Notice::status(Tone::Warn)
                    .text("This code is shown once. Hand it over in person or read it out; never \
                           text or email it.")}
                {back(&self.head)}
            },
        )
    }
}
