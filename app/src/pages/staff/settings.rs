//! Settings of the practice, one section to a page. The sections are also the forms of the first
//! start, so that a thing is asked in the same words both times.

use leptos::prelude::*;

use super::{StaffShell, billing_terms};
use crate::components::{
    Button, ButtonLink, Checkbox, Errors, Field, Form, Notice, Radio, RadioGroup, Select, Tabs,
    Tone, heading, hidden,
};

const PATH: &str = "/staff/settings";

/// What stands in a form: what is stored, or what was just typed and refused. Secrets never do.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    values: Vec<(String, String)>,
}

impl Typed {
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn put(mut self, name: &str, value: impl Into<String>) -> Self {
        self.values.push((name.to_owned(), value.into()));
        self
    }

    /// A checkbox that is ticked.
    #[must_use]
    pub fn put_on(self, name: &str, is_on: bool) -> Self {
        if is_on { self.put(name, "on") } else { self }
    }

    pub fn text(&self, name: &str) -> String {
        let found = self.values.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    pub fn is_on(&self, name: &str) -> bool {
        self.values.iter().any(|(n, _)| n == name)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Practice,
    Statements,
    Texting,
    Calls,
    Email,
    Payments,
    Sending,
    Imports,
    Prices,
}

impl Section {
    pub const ALL: [Self; 9] = [
        Self::Practice,
        Self::Statements,
        Self::Texting,
        Self::Calls,
        Self::Email,
        Self::Payments,
        Self::Sending,
        Self::Imports,
        Self::Prices,
    ];

    pub const fn slug(self) -> &'static str {
        match self {
            Self::Practice => "practice",
            Self::Statements => "statements",
            Self::Texting => "texting",
            Self::Calls => "calls",
            Self::Email => "email",
            Self::Payments => "payments",
            Self::Sending => "sending",
            Self::Imports => "imports",
            Self::Prices => "prices",
        }
    }

    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|section| section.slug() == slug)
    }

    pub const fn title(self) -> &'static str {
        match self {
            Self::Practice => "Practice",
            Self::Statements => "Statement Options",
            Self::Texting => "SMS Settings",
            Self::Calls => "Calls and fax",
            Self::Email => "Email",
            Self::Payments => "Payments",
            Self::Sending => "Sending hours",
            Self::Imports => "Import safety",
            Self::Prices => "Prices",
        }
    }

    /// The fields of the section.
    pub fn fields(self, typed: &Typed, errors: &Errors) -> AnyView {
        let form = Fields { typed, errors };
        match self {
            Self::Practice => form.practice(),
            Self::Statements => form.statements(),
            Self::Texting => form.texting(),
            Self::Calls => form.calls(),
            Self::Email => form.email(),
            Self::Payments => form.payments(),
            Self::Sending => form.sending(),
            Self::Imports => form.imports(),
            Self::Prices => form.prices(),
        }
    }
}

/// The tabs above every settings page.
pub(super) fn tabs(current: &str) -> AnyView {
    let tabs = Section::ALL.into_iter().fold(Tabs::new("Settings"), |tabs, section| {
        let href = format!("{PATH}/{}", section.slug());
        tabs.tab(href, section.title(), section.slug() == current)
    });
    tabs.tab(format!("{PATH}/templates"), "Templates", current == "templates")
        .tab(format!("{PATH}/rules"), "Rules", current == "rules")
        .tab(format!("{PATH}/connections"), "Connections", current == "connections")
        .tab(format!("{PATH}/keys"), "API keys", current == "keys")
        .view()
}

/// `/staff/settings/{section}`
#[derive(Clone, Debug)]
pub struct Settings {
    pub section: Section,
    /// The version the form was made from: somebody else's change in between is not overwritten.
    pub version: i64,
    pub typed: Typed,
    pub errors: Errors,
    /// What is worth knowing and no reason to refuse: a long name, a missing campaign.
    pub warnings: Vec<String>,
    /// Someone saved this page in the meantime.
    pub changed_meanwhile: bool,
}

impl Settings {
    pub fn html(self, shell: &StaffShell) -> String {
        let is_error = !self.errors.is_empty() || self.changed_meanwhile;
        let title = self.section.title();
        let slug = self.section.slug();
        let here = format!("{PATH}/{slug}");
        let meanwhile = self.changed_meanwhile.then(|| {
            Notice::alert(Tone::Danger)
                .id("errors")
                .title("The settings were changed meanwhile")
                .body(view! {
                    <p>
                        "Somebody saved these settings after you opened this page. Nothing of yours \
                         was saved. "<a href=here.clone()>"Load the new settings"</a>
                        " and make your change again."
                    </p>
                })
                .view()
        });
        let warnings: Vec<AnyView> = self
            .warnings
            .into_iter()
            .map(|text| Notice::new(Tone::Warn).text(text).view())
            .collect();
        let form = Form::post(here.clone(), &shell.csrf).body(view! {
            {hidden("version", self.version.to_string())}
            {self.section.fields(&self.typed, &self.errors)}
            <p>{Button::primary("Save")}</p>
        });
        let body = view! {
            {heading(format!("Settings: {title}"), false)}
            {tabs(slug)}
            {self.errors.summary("Nothing was saved")}
            {meanwhile}
            {warnings}
            <div class="narrow-page">{form}</div>
        };
        if is_error { shell.error_page(title, body) } else { shell.page(title, body) }
    }
}

/// The zones of the United States, by the names people know.
const ZONES: [(&str, &str); 10] = [
    ("America/New_York", "Eastern"),
    ("America/Chicago", "Central"),
    ("America/Denver", "Mountain"),
    ("America/Phoenix", "Mountain, Arizona"),
    ("America/Los_Angeles", "Pacific"),
    ("America/Anchorage", "Alaska"),
    ("Pacific/Honolulu", "Hawaii"),
    ("America/Puerto_Rico", "Atlantic, Puerto Rico"),
    ("Pacific/Guam", "Chamorro, Guam"),
    ("Pacific/Pago_Pago", "Samoa"),
];

/// The forms' parts; the first start puts them together in another order.
pub(super) struct Fields<'a> {
    pub(super) typed: &'a Typed,
    pub(super) errors: &'a Errors,
}

impl Fields<'_> {
    fn text(&self, name: &'static str, label: &'static str) -> Field {
        Field::text(name, label).value(self.typed.text(name)).error(self.errors.of(name))
    }

    fn amount(&self, name: &'static str, label: &'static str) -> Field {
        Field::amount(name, label).value(self.typed.text(name)).error(self.errors.of(name))
    }

    fn number(&self, name: &'static str, label: &'static str) -> Field {
        Field::digits(name, label, 6).value(self.typed.text(name)).error(self.errors.of(name))
    }

    fn check(&self, name: &'static str, label: &'static str) -> Checkbox {
        Checkbox::new(name, label).checked(self.typed.is_on(name))
    }

    fn practice(&self) -> AnyView {
        view! { {self.about()}{self.address()} }.into_any()
    }

    pub(super) fn address(&self) -> AnyView {
        self.text("public_base", "Public address")
            .hint(
                "Where patients reach this server, for example https://pay.example.org. Links in \
                 messages begin with it.",
            )
            .inputmode("url")
            .view()
    }

    pub(super) fn about(&self) -> AnyView {
        let chosen = self.typed.text("zone");
        let known = ZONES.iter().any(|(zone, _)| *zone == chosen);
        let mut zone = Select::new("zone", "Time zone")
            .options(ZONES)
            .chosen(chosen.clone())
            .error(self.errors.of("zone"));
        if !known && !chosen.is_empty() {
            zone = zone.option(chosen.clone(), chosen);
        }
        view! {
            {self.text("name", "Name of the practice").required().maxlength(120)}
            {self.text("legal_name", "Legal name")
                .hint("On statements and receipts, where it differs.")
                .maxlength(120)}
            {self.text("phone", "Office phone")
                .hint("On every page and message: patients call it with questions.")
                .inputmode("tel")
                .required()
                .maxlength(40)}
            {self.text("hours", "Office hours")
                .hint("In one line, for example: Monday to Friday, 8:00 AM to 5:00 PM")
                .maxlength(120)}
            {self.text("street", "Street").maxlength(120)}
            {self.text("city", "City").maxlength(80)}
            {self.text("state", "State").hint("Two letters").narrow().maxlength(2)}
            {self.text("zip", "ZIP").narrow().inputmode("numeric").maxlength(10)}
            {zone}
            {self.text("accent", "Accent color")
                .hint("Six hex digits, for example #0b6157. It is darkened or lightened until it \
                       can be read.")
                .narrow()
                .maxlength(7)}
        }
        .into_any()
    }

    pub(super) fn naming(&self) -> AnyView {
        view! {
            {self.text("custom_name", "Custom practice name")
                .hint("What patients read instead of the legal name. At most 50 characters, or \
                       texts are not sent; 30 or fewer are recommended.")
                .maxlength(80)}
            {self.check("is_sensitive", "Our name alone would tell what somebody is treated for")
                .hint("Behavioral health, fertility, oncology and the like. The custom name must \
                       then be neutral.")}
        }
        .into_any()
    }

    fn statements(&self) -> AnyView {
        view! {
            {self.naming()}
            {self.amount("minimum_balance", "Smallest balance that is reminded of")}
            <fieldset class="choices">
                <legend>"Messages"</legend>
                {self.check("approval_is_required", "Somebody approves every list before it is sent")}
                {self.number("messages_per_hour", "Reminders of one job an hour, at most")}
                {self.check("amount_in_texts", "Say the amount in texts")
                    .hint("Off is safer: a text shows on a locked screen.")}
                {self.check("first_name_in_email", "Begin emails with the first name")}
            </fieldset>
        }
        .into_any()
    }

    pub(super) fn enabling(&self) -> AnyView {
        view! {
            {self.check("texts_enabled_by_practice", "Enable SMS Service")
                .hint("Without it, everything about texts is hidden in the workspace.")}
            <details>
                <summary>"SMS billing consent: what is accepted"</summary>
                <p>{billing_terms::WORDS}</p>
            </details>
            {hidden("billing_version", billing_terms::VERSION)}
            {self.check("billing_accepted", "Accept SMS billing consent")
                .hint("Who accepted which words, and when, is recorded.")}
        }
        .into_any()
    }

    /// Off until a manager has read what a recorded voice asks of the practice (M38).
    fn calls(&self) -> AnyView {
        let notice = Notice::new(Tone::Warn).title("Before you switch reminder calls on").body(view! {
            <p>
                "A call with an automated or recorded voice needs each person\u{2019}s own consent, \
                 apart from that to texts, and recorded on the patient record. Who has none is never \
                 called. Calls go out only in the sending hours and count with texts and emails. \
                 Whoever picks up hears who is calling, and about money only after pressing a key; a \
                 machine hears your name and phone alone. A 9 stops the calls to that phone at once."
            </p>
        });
        view! {
            {notice}
            {self.check("voice_is_on", "Enable reminder calls")
                .hint("They come from the number you text from.")}
            {self.check("voice_notice_accepted", "We have read this and will record each consent")
                .hint("Who accepted, and when, is recorded.")}
            {self.check("amount_in_calls", "Say the amount to a person who pressed 1")
                .hint("Off is safer: whoever is at the phone may press it.")}
            {self.check("fax_is_on", "Fax reminders to those who take neither texts nor email")
                .hint("Needs the InterFAX account under Connections, and a fax number on the record.")}
        }
        .into_any()
    }

    pub(super) fn number_chosen(&self) -> AnyView {
        view! {
            {self.text("text_number", "Number we text from")
                .hint("Bought at the texting provider. Patients reply to it.")
                .inputmode("tel")
                .maxlength(20)}
            <p>{ButtonLink::secondary("/staff/settings/numbers", "Get a Number")}</p>
            {self.check("text_campaign_registered", "The A2P campaign of this number is approved")
                .hint("Carriers block reminders of unregistered senders.")}
        }
        .into_any()
    }

    pub(super) fn sender(&self) -> AnyView {
        view! {
            {self.text("email_from_name", "Sender's name").maxlength(80)}
            {Field::email("email_from_address", "Sender's address")
                .value(self.typed.text("email_from_address"))
                .error(self.errors.of("email_from_address"))
                .hint("An address of the practice's own domain, with SPF, DKIM and DMARC set for \
                       the mail server. Changing it asks for a new test.")
                .autocomplete("off")}
        }
        .into_any()
    }

    fn texting(&self) -> AnyView {
        let resume = self.typed.is_on("texts_are_paused").then(|| {
            self.check("resume_texts", "Go on with reminders by text")
                .hint(
                    "They stopped because carriers' filters took them for spam. Find out why \
                       first: words, links, an unregistered campaign.",
                )
                .view()
        });
        view! {
            {self.enabling()}
            {self.check("instamed_is_active", "InstaMed is active on this account")
                .hint("Text reminders are not available together with InstaMed.")}
            {self.number_chosen()}
            {self.text("code_number", "Another number for sign-in codes")
                .hint("So that STOP to reminders locks nobody out of their account. Without one, \
                       codes go by email.")
                .inputmode("tel")
                .maxlength(20)}
            {resume}
            {self.check("carrier_answers_stop", "The provider confirms STOP itself")
                .hint("Twilio does, with the words set there under Advanced Opt-Out.")}
            {self.check("inbox_is_on", "Somebody reads replies")
                .hint("Off: any other reply gets the fixed answer that it is not recognized.")}
            {self.number("reverify_after_days", "Days after which a phone must be verified again")
                .hint("Empty: never.")}
            {self.text("text_price_cents", "Price of one part of a text, in cents")
                .hint("What the provider charges, for example 1.2. Lists of reminders say what \
                       they will cost. Empty: not known.")
                .inputmode("decimal")
                .narrow()
                .maxlength(8)}
        }
        .into_any()
    }

    fn email(&self) -> AnyView {
        let resume = self.typed.is_on("is_paused").then(|| {
            self.check("resume_email", "Go on with reminders by email")
                .hint("They stopped because of complaints. Find out first why those came.")
                .view()
        });
        view! {
            {self.sender()}
            {resume}
        }
        .into_any()
    }

    fn payments(&self) -> AnyView {
        view! {
            {self.amount("minimum_payment", "Smallest payment online")
                .hint("A smaller balance can always be paid in full.")}
            {self.check("overpayment_is_allowed", "Patients may pay more than they owe")}
            {self.check("checkout_only", "Offer only the processor's own page")
                .hint("No card form on our pages.")}
            {self.amount("biller_refund_limit", "Largest refund without a manager")}
        }
        .into_any()
    }

    fn sending(&self) -> AnyView {
        const DAYS: [(&str, &str); 7] = [
            ("1", "Monday"),
            ("2", "Tuesday"),
            ("3", "Wednesday"),
            ("4", "Thursday"),
            ("5", "Friday"),
            ("6", "Saturday"),
            ("7", "Sunday"),
        ];
        let day = |name: &'static str, label: &'static str| {
            Select::new(name, label)
                .options(DAYS)
                .chosen(self.typed.text(name))
                .error(self.errors.of(name))
        };
        view! {
            <p class="hint">
                "At the recipient's clock. The law's hours, 8 AM to 9 PM, bind in any case; these \
                 can only be narrower."
            </p>
            {day("window_first_weekday", "First day")}
            {day("window_last_weekday", "Last day")}
            {self.number("window_from_hour", "From hour").hint("8 to 20")}
            {self.number("window_until_hour", "Until hour").hint("9 to 21")}
            {self.check("skip_federal_holidays", "Send nothing on federal holidays")}
            {self.check("is_nonprofit_hospital", "We are a nonprofit hospital")
                .hint("A final notice then waits as 26 CFR 1.501(r)-6 asks.")}
            {self.check("collects_for_others", "We collect for somebody else")
                .hint("The rules for debt collectors then bind as well. Most carriers refuse \
                       texts of collectors.")}
        }
        .into_any()
    }

    fn prices(&self) -> AnyView {
        let cents = |name: &'static str, label: &'static str, hint: &'static str| {
            self.text(name, label).hint(hint).inputmode("decimal").narrow().maxlength(8).view()
        };
        view! {
            <p class="hint">
                "For estimates only: what a list of reminders or a profile's next 60 days would \
                 cost. The price of a text is under SMS Settings. Empty: not known, and left out."
            </p>
            {cents("email_price_cents", "Price of one email, in cents", "For example 0.04.")}
            {cents("call_price_cents", "Price of one automated call, in cents",
                "Two minutes at the provider, for example 2.8.")}
            {cents("fax_price_cents", "Price of one faxed page, in cents", "For example 11.")}
            {cents("letter_price_cents", "Price of one letter, in cents",
                "Postage, paper and envelope, for example 100.")}
            {self.number("staff_call_minutes", "Minutes somebody is busy with one call they make")
                .hint("Dialling, talking and writing down what came of it.")}
        }
        .into_any()
    }

    fn imports(&self) -> AnyView {
        view! {
            <p class="hint">
                "A file that changes an implausible part of the book stops all reminders until a \
                 manager has looked at it."
            </p>
            {self.number("breaker_vanished_percent", "Accounts missing from a full file, per cent")}
            {self.number("breaker_cleared_percent", "Accounts cleared to zero, per cent")}
            {self.number("breaker_jump_factor", "A balance counts as jumped when it grew by this factor")}
            {self.number("breaker_jumped_percent", "Accounts that jumped, per cent")}
            {self.number("breaker_smallest_book", "Smallest number of open accounts that is checked")}
        }
        .into_any()
    }
}

/// Choosing where consent comes from, at the first start.
pub(super) fn consent_sources(chosen: &str, error: Option<String>) -> AnyView {
    RadioGroup::new("consent_source", "Where is it written that a patient agreed to texts?")
        .chosen(chosen)
        .error(error)
        .answer(
            Radio::new("import", "In our practice system, and the import carries it")
                .hint("Columns text_consent, source and at, per phone."),
        )
        .answer(
            Radio::new("phone_reminders", "In the opt-in to automated phone calls")
                .hint("The import carries that opt-in per phone; it counts for texts too."),
        )
        .answer(
            Radio::new("staff", "Staff ask, and record it on the patient record")
                .hint("Text/SMS section: phone, consent, Enable, Save."),
        )
        .answer(
            Radio::new("nowhere", "Nowhere yet: reminders go by email only")
                .hint("Without a recorded consent no text is ever sent."),
        )
        .view()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::render_part;

    #[test]
    fn every_section_shows_what_was_typed_and_what_was_refused() {
        for section in Section::ALL {
            assert_eq!(Section::from_slug(section.slug()), Some(section));
            let html = render_part(section.fields(&Typed::new(), &Errors::new()));
            assert!(html.contains("<label"), "{section:?}");
        }
        let typed = Typed::new().put("custom_name", "A name").put_on("is_sensitive", true);
        let errors = Errors::new().on("custom_name", "Too long.");
        let html = render_part(Section::Statements.fields(&typed, &errors));
        assert!(html.contains("value=\"A name\"") && html.contains("Too long."), "{html}");
        assert!(html.contains("checked"), "{html}");
    }
}
