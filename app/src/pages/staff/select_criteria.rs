//! Send Patient Statements, the first two steps: whom it is meant for, and how the message reads
//! (S-SF1, S-TP1 to S-TP3). Everything chosen lives in the address, so that a list can be kept.

use leptos::prelude::*;

use super::{StaffShell, claim_words::counted};
use crate::components::{
    Badge, Button, Checkbox, Errors, Facts, Field, Form, Notice, Query, Radio, RadioGroup, Select,
    Tone, heading,
};

pub const CRITERIA: &str = "/staff/statements/criteria";
pub const PREVIEW: &str = "/staff/statements/preview";
pub const CONFIRM: &str = "/staff/statements/confirm";

/// Ages by their code in the address.
pub const AGES: [(&str, &str); 7] = [
    ("", "Any age"),
    ("up-to-30", "Up to 30 days"),
    ("31-to-60", "31 to 60 days"),
    ("over-60", "Over 60 days"),
    ("over-7", "Over 7 days"),
    ("over-30", "Over 30 days"),
    ("over-90", "Over 90 days"),
];

pub const LAST_SENT: [(&str, &str); 5] = [
    ("", "At any time"),
    ("never", "Never"),
    ("7", "Never, or not in the last 7 days"),
    ("14", "Never, or not in the last 14 days"),
    ("30", "Never, or not in the last 30 days"),
];

pub const SEGMENTS: [(&str, &str); 6] = [
    ("", "Everybody"),
    ("top", "Top priority: over 60 days or over $500"),
    ("several", "Several open bills"),
    ("self-pay", "Self-pay"),
    ("insurance", "Insurance answered"),
    ("flagged", "Flagged for a reminder"),
];

/// `Select Criteria`. What was chosen is read from the address.
#[derive(Clone, Debug)]
pub struct SelectCriteria {
    pub query: Query,
    pub errors: Errors,
    /// False hides Text altogether (S-G5).
    pub texts_enabled: bool,
    /// Hidden likewise while they are off.
    pub calls_enabled: bool,
    pub fax_enabled: bool,
    /// What patients read when no custom name is given.
    pub practice_name: String,
    /// Why no text can be started now, and from when.
    pub floor: Option<String>,
    /// Saved segments: the address that chooses one, and its name.
    pub saved: Vec<(String, String)>,
    /// What the chosen saved segment selects.
    pub chosen: Option<String>,
}

impl SelectCriteria {
    pub fn html(self, shell: &StaffShell) -> String {
        let is_error = !self.errors.is_empty();
        let floor = self.floor.clone().map(|words| Notice::new(Tone::Warn).text(words).view());
        let body = view! {
            {heading("Select Criteria", false)}
            <p class="hint">
                "Send Patient Statements, step 1 of 3. Choose who should get a reminder; nothing is \
                 sent before you have seen the list and said Yes."
            </p>
            {self.errors.summary("The criteria need a change")}
            {floor}
            {self.saved()}
            {self.form()}
        };
        let title = "Select Criteria";
        if is_error { shell.error_page(title, body) } else { shell.page(title, body) }
    }

    fn saved(&self) -> AnyView {
        if let Some(words) = &self.chosen {
            let href = self.query.without(&["filter"]).href(CRITERIA);
            let words = format!("Saved segment: {words}. ");
            return view! { <p>{words}<a href=href>"Without it"</a></p> }.into_any();
        }
        let links: Vec<AnyView> = self
            .saved
            .iter()
            .map(|(href, name)| {
                view! { <li><a href=href.clone()>{name.clone()}</a></li> }.into_any()
            })
            .collect();
        (!links.is_empty())
            .then(|| view! { <p>"Saved segments"</p><ul class="plain">{links}</ul> })
            .into_any()
    }

    fn value(&self, key: &str) -> String {
        self.query.get(key).unwrap_or_default().to_owned()
    }

    fn form(&self) -> AnyView {
        let fresh = self.query.get("method").is_none();
        let default = if self.texts_enabled { "text" } else { "email" };
        let method = if fresh { default.to_owned() } else { self.value("method") };
        let mut methods = RadioGroup::new("method", "Delivery method").chosen(method);
        if self.texts_enabled {
            methods = methods.answer(Radio::new("text", "Text"));
        }
        methods = methods.answer(Radio::new("email", "Email"));
        if self.calls_enabled {
            methods = methods.answer(Radio::new("voice", "Call"));
        }
        if self.fax_enabled {
            methods = methods.answer(Radio::new("fax", "Fax"));
        }
        methods = methods.error(self.errors.of("method"));
        let has_status = |code: &str| fresh || self.query.all("status").any(|s| s == code);
        let error = |field: &str| self.errors.of(field);
        let status_error = error("status").map(|text| view! { <p class="error">{text}</p> });
        let name_hint = format!(
            "Instead of \u{201c}{}\u{201d}. At most 50 characters; 30 or fewer read best.",
            self.practice_name
        );
        let body = view! {
            {methods}
            <fieldset class="choices" id="f-status">
                <legend>"Claim status"</legend>
                {status_error}
                {Checkbox::new("status", "Ready to send statements")
                    .value("ready")
                    .checked(has_status("ready"))}
                {Checkbox::new("status", "Pending patient")
                    .value("pending_patient")
                    .checked(has_status("pending_patient"))}
            </fieldset>
            <div class="pairs">
                {Select::new("age", "Age of the oldest open bill")
                    .options(AGES)
                    .chosen(self.value("age"))
                    .error(error("age"))}
                {Select::new("last_sent", "Last sent")
                    .options(LAST_SENT)
                    .chosen(self.value("last_sent"))
                    .error(error("last_sent"))}
                {Field::amount("amount_from", "Amount due from")
                    .value(self.value("amount_from"))
                    .error(error("amount_from"))}
                {Field::amount("amount_to", "Amount due up to")
                    .value(self.value("amount_to"))
                    .error(error("amount_to"))}
                {Field::text("name_from", "Guarantors by name from")
                    .hint("A letter or the beginning of a name")
                    .value(self.value("name_from"))
                    .maxlength(60)}
                {Field::text("name_to", "Guarantors by name to")
                    .hint("Up to and with this beginning")
                    .value(self.value("name_to"))
                    .maxlength(60)}
                {Field::text("holds", "Name contains").value(self.value("holds")).maxlength(60)}
                {Select::new("segment", "Segment")
                    .options(SEGMENTS)
                    .chosen(self.value("segment"))
                    .error(error("segment"))}
            </div>
            {Field::text("alias", "Custom practice name")
                .hint(name_hint)
                .value(self.value("alias"))
                .error(error("alias"))}
            <div class="actions">{Button::primary("Preview")}</div>
        };
        let form = Form::get(PREVIEW).class("panel");
        let form = match self.query.get("filter") {
            Some(filter) => form.hidden("filter", filter),
            None => form,
        };
        form.body(body)
    }
}

/// How the message would read.
#[derive(Clone, Debug)]
pub struct PreviewStatements {
    pub query: Query,
    /// The text, or the email's plain part.
    pub text: String,
    pub subject: Option<String>,
    pub is_text: bool,
    /// `Text`, `Email`, `Call`, `Fax`.
    pub kind: &'static str,
    pub name: String,
    /// Over thirty characters (S-TP2).
    pub name_is_long: bool,
    /// Parts each text is charged as, and what one costs, as far as known.
    pub segments: i64,
    pub cost_each: Option<String>,
    /// How it reads for two accounts with one phone or email, its parts, and its cost where known.
    pub together: Option<(String, i64, Option<String>)>,
    /// The criteria in words.
    pub criteria: Vec<(String, String)>,
}

impl PreviewStatements {
    pub fn html(self, shell: &StaffShell) -> String {
        let back = self.query.href(CRITERIA);
        let long = self.name_is_long.then(|| {
            let words = format!(
                "The practice name has {} characters. Names of more than 30 make a text longer and \
                 are easily cut off on small screens.",
                self.name.chars().count()
            );
            Notice::new(Tone::Warn).title("A long practice name").text(words).view()
        });
        let mut facts = Facts::new();
        for (name, value) in self.criteria {
            facts = facts.row(name, value);
        }
        if self.is_text {
            facts = facts
                .row("Parts per text", self.segments.to_string())
                .maybe("Cost per text", self.cost_each.map(|each| format!("about {each}")));
        }
        let subject = self.subject.map(|subject| {
            view! { <p><strong>"Subject: "</strong>{subject}</p> }
        });
        let kind = self.kind;
        let together = self.together.map(|(text, parts, cost)| {
            let cost = cost.map(|cost| format!(", about {cost}")).unwrap_or_default();
            let parts = format!("{}{cost}.", counted(parts, "part", "parts"));
            let parts = self.is_text.then(|| view! { <p class="hint">{parts}</p> });
            view! {
                <section class="panel" aria-labelledby="together">
                    <h2 id="together">"Two accounts with one phone or email"</h2>
                    <p class="hint">
                        "They get one message: the words of one, and a line with its own link for \
                         the other. Nobody is named."
                    </p>
                    <div class="letter-sample">{text}</div>
                    {parts}
                </section>
            }
        });
        let form = self
            .query
            .pairs()
            .iter()
            .fold(Form::get(CONFIRM), |form, (name, value)| form.hidden(name, value))
            .body(view! {
                <div class="actions">
                    {Button::primary("Show Patients")}
                    <a href=back>"Change the criteria"</a>
                </div>
            });
        shell.page(
            "Preview",
            view! {
                {heading("Preview", false)}
                <p class="hint">
                    "Send Patient Statements, step 2 of 3. A sample: each guarantor gets a link of \
                     their own."
                </p>
                {long}
                <section class="panel" aria-labelledby="sample">
                    <h2 id="sample">"Sample message "{Badge::new(kind)}</h2>
                    {subject}
                    <div class="letter-sample">{self.text}</div>
                </section>
                {together}
                {facts}
                {form}
            },
        )
    }
}
