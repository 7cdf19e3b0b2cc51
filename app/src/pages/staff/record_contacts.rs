//! Text/SMS, calls, Email and Fax on the patient record: line type, confirmed on, consent, opt-outs,
//! Enable, Save (S-B2, M38). Nothing here lifts an opt-out: only the person can (M21).

use domain::{
    clock::UnixMs,
    decide::{ConsentSource, LineType},
};
use jiff::{civil::Date, tz::TimeZone};
use leptos::prelude::*;

use super::{claim_words::counted, decision_words::line_name, patient_record::PatientRecord};
use crate::{
    components::{
        Badge, Button, ButtonLink, Checkbox, Confirm, Facts, Field, Form, Notice, Select, Tone,
        day, hidden, unseen,
    },
    when,
    words::Words,
};

/// Line types by the code of the form.
pub const LINES: [(&str, LineType); 5] = [
    ("unknown", LineType::Unknown),
    ("mobile", LineType::Mobile),
    ("voip", LineType::Voip),
    ("landline", LineType::Landline),
    ("toll_free", LineType::TollFree),
];

/// What a person must have agreed to before a recorded voice calls them; kept with the evidence under
/// this version. Staff read it to whoever agrees at the desk.
pub const CALL_CONSENT_VERSION: &str = "calls-1";
const CALL_CONSENT: &str = "\u{201c}I agree that the practice may call this number about my bills with \
    an automated or recorded voice. I need not agree to be treated, and I can stop the calls at any \
    time by pressing 9.\u{201d}";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContactKind {
    Phone,
    Email,
    Fax,
}

/// Automated calls to a phone, where the practice has them switched on.
#[derive(Clone, Debug, Default)]
pub struct Calls {
    pub consent: Option<(bool, ConsentSource, UnixMs)>,
    /// Since when they are stopped, and how.
    pub stopped: Option<(UnixMs, &'static str)>,
}

#[derive(Clone, Debug)]
pub struct ContactLine {
    pub id: String,
    pub kind: ContactKind,
    pub calls: Option<Calls>,
    pub masked: String,
    /// Only after somebody asked to see identity.
    pub full: Option<String>,
    pub line: LineType,
    pub verified_on: Option<Date>,
    pub texts_enabled: bool,
    pub consent: Option<(bool, ConsentSource, UnixMs)>,
    /// Since when, and how.
    pub opted_out: Option<(UnixMs, &'static str)>,
    /// What deliveries taught, when it is bad news.
    pub trouble: Option<&'static str>,
    /// Other accounts with the same.
    pub shared_with: usize,
}

/// What was typed into "Add a phone or email".
#[derive(Clone, Debug, Default)]
pub struct NewContactForm {
    pub value: String,
    pub error: Option<String>,
    pub fax: String,
    pub fax_error: Option<String>,
}

const fn source_words(source: ConsentSource) -> &'static str {
    match source {
        ConsentSource::Import => "from the practice's system",
        ConsentSource::PhoneReminders => "by opting in to automated phone reminders",
        ConsentSource::Staff => "recorded by staff",
        ConsentSource::Portal => "by themselves in their account",
        ConsentSource::Keyword => "by text",
    }
}

pub(super) fn contacts(record: &PatientRecord, csrf: &str) -> AnyView {
    let part = |kind: ContactKind| -> Vec<&ContactLine> {
        record.contacts.iter().filter(|line| line.kind == kind).collect()
    };
    let (phones, emails) = (part(ContactKind::Phone), part(ContactKind::Email));
    let faxes = part(ContactKind::Fax);
    let shows_fax = record.fax_enabled || !faxes.is_empty();
    let faxes = shows_fax.then(|| section(record, csrf, "Fax", "faxes", &faxes));
    let texting = if record.sms_enabled { "Text/SMS" } else { "Phones" };
    let phones = section(record, csrf, texting, "texting", &phones);
    let emails = section(record, csrf, "Email", "emails", &emails);
    let hint = if record.sms_enabled {
        "A phone is texted only once it is enabled and consent is on file."
    } else {
        "As the person gave it at the desk or on the phone."
    };
    let add = record.rights.contacts.then(|| {
        posting(record, record.head.at("/contacts"), csrf).body(view! {
            {Field::text("value", "Add a phone or email")
                .hint(hint)
                .value(record.new_contact.value.clone())
                .error(record.new_contact.error.clone())
                .autocomplete("off")}
            <div class="actions">{Button::secondary("Add")}</div>
        })
    });
    let add_fax = (record.rights.contacts && record.fax_enabled).then(|| {
        posting(record, record.head.at("/contacts"), csrf).body(view! {
            {Field::text("fax", "Add a fax number")
                .hint("For whom neither texts nor email may reach.")
                .value(record.new_contact.fax.clone())
                .error(record.new_contact.fax_error.clone())
                .inputmode("tel")
                .autocomplete("off")}
            <div class="actions">{Button::secondary("Add fax")}</div>
        })
    });
    view! {
        <section class="panel" aria-labelledby="contacts">
            <h2 id="contacts">"Contacts"</h2>
            {mending(record)}
            {phones}
            {emails}
            {faxes}
            {add}
            {add_fax}
        </section>
    }
    .into_any()
}

/// A form that leads back to the message whose failure brought somebody here.
fn posting(record: &PatientRecord, action: String, csrf: &str) -> Form {
    let form = Form::post(action, csrf);
    match &record.mending {
        Some((id, _)) => form.hidden("error", id.clone()),
        None => form,
    }
}

fn mending(record: &PatientRecord) -> AnyView {
    let Some((id, words)) = &record.mending else { return ().into_any() };
    let back = format!("/staff/messages/{id}");
    let words = words.clone();
    Notice::new(Tone::Warn)
        .body(view! {
            <p>
                {words}" Put the contact right here; saving brings you back. "
                <a href=back>"Back to the message"</a>
            </p>
        })
        .view()
}

/// "Remove this contact?", when somebody asked for it.
pub(super) fn removal(record: &PatientRecord, csrf: &str) -> AnyView {
    let Some((id, masked)) = &record.removing else { return ().into_any() };
    let action = record.head.at(&format!("/contacts/{id}/remove"));
    let confirm = Confirm::new(
        format!("Remove {masked} from this account?"),
        posting(record, action, csrf),
        Button::danger("Remove"),
        ButtonLink::secondary(record.head.at("#contacts"), "No, keep it"),
    )
    .detail("Links that were sent to it stop working. The record of consent stays.");
    view! { <div id="remove">{confirm}</div> }.into_any()
}

fn section(
    record: &PatientRecord,
    csrf: &str,
    title: &'static str,
    id: &'static str,
    lines: &[&ContactLine],
) -> AnyView {
    if lines.is_empty() {
        let words = match id {
            "texting" => "No phone is on file.",
            "emails" => "No email is on file.",
            _ => "No fax number is on file.",
        };
        return view! { <h3 id=id>{title}</h3><p class="hint">{words}</p> }.into_any();
    }
    let cards: Vec<AnyView> = lines.iter().map(|line| card(record, line)).collect();
    if !record.rights.contacts {
        return view! { <h3 id=id>{title}</h3>{cards} }.into_any();
    }
    let save = Button::secondary("Save").named(format!("Save {title}"));
    let body = view! { {cards}<div class="actions">{save}</div> };
    let form = posting(record, record.head.at("/contacts/save"), csrf).body(body);
    view! { <h3 id=id>{title}</h3>{form} }.into_any()
}

fn card(record: &PatientRecord, line: &ContactLine) -> AnyView {
    let name = line.full.clone().unwrap_or_else(|| line.masked.clone());
    let facts = facts(record, line);
    let fields = record.rights.contacts.then(|| fields(record, line));
    view! {
        <div class="contact-card" role="group" aria-label=line.masked.clone()>
            <p><strong>{name}</strong></p>
            {facts}
            {fields}
        </div>
    }
    .into_any()
}

fn facts(record: &PatientRecord, line: &ContactLine) -> AnyView {
    let w = Words::default();
    let consent = consent_words(line.consent, &record.zone);
    let verified = match line.verified_on {
        Some(date) => day(w, date),
        None => view! { "Never" }.into_any(),
    };
    let opted_out = line.opted_out.map(|(since, how)| {
        let words = format!("Opted out {} {how}", on(since, &record.zone));
        let come_back = match line.kind {
            ContactKind::Phone => "Only they can come back: by texting START, or in their account.",
            ContactKind::Email => "Only they can come back: in their account.",
            ContactKind::Fax => "Nothing is faxed there any more.",
        };
        view! { {Badge::new(words).tone(Tone::Danger)}<br/><span class="hint">{come_back}</span> }
    });
    let trouble = line.trouble.map(|words| {
        view! { {Badge::new(format!("This contact {words}")).tone(Tone::Danger)} }
    });
    let shared = (line.shared_with > 0).then(|| {
        counted(
            i64::try_from(line.shared_with).unwrap_or_default(),
            "other account",
            "other accounts",
        )
    });
    let evidence = record.rights.evidence.then(|| {
        let href = record.head.at(&format!("/contacts/{}/evidence.csv", line.id));
        let label = format!("Everything about {} in one file", line.masked);
        view! { <a href=href>"Download all"{unseen(format!(": {label}"))}</a> }
    });
    let calls = line.calls.as_ref().map(|calls| match calls.stopped {
        Some((since, how)) => {
            let words = format!("Stopped {} {how}", on(since, &record.zone));
            Badge::new(words).tone(Tone::Danger).view()
        }
        None => consent_words(calls.consent, &record.zone).into_any(),
    });
    let mut facts = Facts::new();
    if line.kind == ContactKind::Phone {
        let enabled = if line.texts_enabled { "Enabled" } else { "Not enabled" };
        facts = facts
            .row("Line type", line_name(line.line))
            .maybe("Texts", record.sms_enabled.then_some(enabled));
    }
    facts
        .row("Confirmed as theirs", verified)
        .maybe("Consent", (line.kind != ContactKind::Fax).then_some(consent))
        .maybe("Automated calls", calls)
        .maybe("Opted out", opted_out)
        .maybe("Delivery", trouble)
        .maybe("Shared with", shared)
        .maybe("Evidence", evidence)
        .view()
}

fn on(at: UnixMs, zone: &TimeZone) -> String {
    format!("on {}", when::day(Words::default(), at.day_in(zone)))
}

fn consent_words(consent: Option<(bool, ConsentSource, UnixMs)>, zone: &TimeZone) -> String {
    match consent {
        Some((true, source, at)) => format!("Given {}, {}", on(at, zone), source_words(source)),
        Some((false, source, at)) => format!("Refused {}, {}", on(at, zone), source_words(source)),
        None => "None on file".to_owned(),
    }
}

/// Named by the contact, so that several stand in one form with one Save.
fn fields(record: &PatientRecord, line: &ContactLine) -> AnyView {
    let named = |field: &str| format!("{field}-{}", line.id);
    let is_phone = line.kind == ContactKind::Phone;
    let enable = (is_phone && record.sms_enabled).then(|| {
        Checkbox::new(named("texts"), "Enable texts to this phone")
            .checked(line.texts_enabled)
            .view()
    });
    let chosen = LINES.iter().find(|(_, known)| *known == line.line).map_or("unknown", |(c, _)| *c);
    let kind = is_phone.then(|| {
        Select::new(named("line"), "Line type")
            .options(LINES.iter().map(|(code, line)| (*code, line_name(*line))))
            .chosen(chosen)
            .view()
    });
    let what = match line.kind {
        ContactKind::Phone => "Consent to texts",
        ContactKind::Email => "Consent to reminders by email",
        ContactKind::Fax => "Faxes to this number",
    };
    let calls = line.calls.as_ref().map(|_| {
        Select::new(named("call_consent"), "Consent to automated calls")
            .option("", "Nothing new to record")
            .option("yes", "They agreed")
            .option("no", "They said no")
            .hint(CALL_CONSENT)
            .view()
    });
    // Tells a cleared box from a form that did not show it.
    let shown = hidden(named("shown"), "on");
    let back = record.mending.as_ref().map(|(id, _)| format!("&error={id}"));
    let back = back.unwrap_or_default();
    let remove = record.head.at(&format!("?remove={}{back}#remove", line.id));
    let removes = format!("Remove {}", line.masked);
    // What keeps a phone from being texted is there to be mended.
    let lacks = is_phone
        && record.sms_enabled
        && (!line.texts_enabled || !line.consent.is_some_and(|(granted, ..)| granted));
    let is_open = !record.errors.is_empty() || lacks;
    view! {
        {shown}
        <details open=is_open>
            <summary>"Change"</summary>
            {enable}
            {Checkbox::new(named("verified"), "The person has confirmed today that it is theirs")}
            <div class="pairs">
                {kind}
                {Select::new(named("consent"), what)
                    .option("", "Nothing new to record")
                    .option("yes", "They agreed")
                    .option("no", "They said no")}
                {calls}
                {Field::date(named("consent_on"), "Said on")
                    .hint("Today when empty")
                    .error(record.errors.of(&named("consent_on")))}
                {Field::text(named("how"), "How we know")
                    .hint("A signed form, in person, by phone …")
                    .maxlength(200)
                    .error(record.errors.of(&named("how")))}
            </div>
            <p><a href=remove aria-label=removes>"Remove"</a></p>
        </details>
    }
    .into_any()
}
