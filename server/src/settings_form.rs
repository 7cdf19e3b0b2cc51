//! The sections of a practice's settings as forms: what stands in them, and what typed values become
//! or why they are refused. Used by Settings and by the first start.

use std::collections::BTreeSet;

use app::{
    components::Errors,
    pages::staff::{Section, Typed, billing_terms},
};
use domain::{
    clock::UnixMs,
    money::Cents,
    phone::{E164, normalise_email, normalise_us},
    practice::{Practice, Settings},
    sms::{NameFit, name_fit},
};
use jiff::tz::TimeZone;

use crate::{form::Posted, password::LONGEST};

/// The processor takes no less.
const PAYMENT_LEAST: Cents = Cents(50);
const LINE_LONGEST: usize = 120;
/// Never given back to a browser.
const SECRETS: [&str; 5] =
    ["stripe_secret_key", "twilio_auth_token", "smtp_password", "dkim_key", "interfax_password"];

/// Who saves, and when.
pub struct By {
    pub staff: String,
    pub now: UnixMs,
}

/// The form as it is stored.
pub fn values(section: Section, practice: &Practice) -> Typed {
    let s = &practice.settings;
    let typed = Typed::new();
    match section {
        Section::Practice => typed
            .put("name", &practice.name)
            .put("legal_name", &s.legal_name)
            .put("phone", &s.phone)
            .put("hours", &s.hours)
            .put("street", &s.street)
            .put("city", &s.city)
            .put("state", &s.state)
            .put("zip", &s.zip)
            .put("zone", &s.zone)
            .put("accent", &s.accent)
            .put("public_base", &s.public_base),
        Section::Statements => typed
            .put("custom_name", s.custom_name.clone().unwrap_or_default())
            .put_on("is_sensitive", s.is_sensitive)
            .put("minimum_balance", s.minimum_balance.plain())
            .put_on("approval_is_required", s.approval_is_required)
            .put(
                "messages_per_hour",
                s.messages_per_hour.map(|most| most.to_string()).unwrap_or_default(),
            )
            .put_on("amount_in_texts", s.amount_in_texts)
            .put_on("first_name_in_email", s.first_name_in_email),
        Section::Texting => typed
            .put_on("texts_enabled_by_practice", s.texts_enabled_by_practice)
            .put_on("billing_accepted", s.billing_consent_at.is_some())
            .put_on("instamed_is_active", s.instamed_is_active)
            .put("text_number", shown_number(s.text_number.as_deref()))
            .put_on("text_campaign_registered", s.text_campaign_registered)
            .put("code_number", shown_number(s.code_number.as_deref()))
            .put_on("carrier_answers_stop", s.carrier_answers_stop)
            .put_on("inbox_is_on", s.inbox_is_on)
            .put_on("texts_are_paused", s.texts_paused_at.is_some())
            .put(
                "reverify_after_days",
                s.reverify_after_days.map(|days| days.to_string()).unwrap_or_default(),
            )
            .put("text_price_cents", shown_price(s.text_price_micros)),
        Section::Calls => typed
            .put_on("voice_is_on", s.voice_is_on)
            .put_on("voice_notice_accepted", s.voice_notice_at.is_some())
            .put_on("amount_in_calls", s.amount_in_calls)
            .put_on("fax_is_on", s.fax_is_on),
        Section::Email => typed
            .put("email_from_name", &s.email_from_name)
            .put("email_from_address", &s.email_from_address)
            .put_on("is_paused", s.email_paused_at.is_some()),
        Section::Payments => typed
            .put("minimum_payment", s.minimum_payment.plain())
            .put_on("overpayment_is_allowed", s.overpayment_is_allowed)
            .put_on("checkout_only", s.checkout_only)
            .put("biller_refund_limit", s.biller_refund_limit.plain()),
        Section::Sending => typed
            .put("window_first_weekday", s.window_first_weekday.to_string())
            .put("window_last_weekday", s.window_last_weekday.to_string())
            .put("window_from_hour", s.window_from_hour.to_string())
            .put("window_until_hour", s.window_until_hour.to_string())
            .put_on("skip_federal_holidays", s.skip_federal_holidays)
            .put_on("collects_for_others", s.collects_for_others)
            .put_on("is_nonprofit_hospital", s.is_nonprofit_hospital),
        Section::Imports => typed
            .put("breaker_vanished_percent", s.breaker_vanished_percent.to_string())
            .put("breaker_cleared_percent", s.breaker_cleared_percent.to_string())
            .put("breaker_jump_factor", s.breaker_jump_factor.to_string())
            .put("breaker_jumped_percent", s.breaker_jumped_percent.to_string())
            .put("breaker_smallest_book", s.breaker_smallest_book.to_string()),
        Section::Prices => typed
            .put("email_price_cents", shown_price(s.email_price_micros))
            .put("call_price_cents", shown_price(s.call_price_micros))
            .put("fax_price_cents", shown_price(s.fax_price_micros))
            .put("letter_price_cents", shown_price(s.letter_price_micros))
            .put("staff_call_minutes", s.staff_call_minutes.to_string()),
    }
}

/// Millionths of a dollar in a cent.
const MICROS_IN_A_CENT: i64 = 10_000;
/// No provider charges a dollar for a part; more is a slip of the decimal point.
const TEXT_PRICE_MOST_MICROS: i64 = 100 * MICROS_IN_A_CENT;
/// Nor anybody ten for a letter.
const PRICE_MOST_MICROS: i64 = 999 * MICROS_IN_A_CENT;

/// A price in cents with the decimals it has: `1.2`; empty where it is not known.
fn shown_price(micros: i64) -> String {
    if micros <= 0 {
        return String::new();
    }
    let (cents, rest) = (micros / MICROS_IN_A_CENT, micros % MICROS_IN_A_CENT);
    let text = format!("{cents}.{rest:04}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Cents with up to four decimals, as millionths of a dollar; zero for an empty field.
fn read_price(typed: &str, most_micros: i64) -> Option<i64> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Some(0);
    }
    let (cents, rest) = typed.split_once('.').unwrap_or((typed, ""));
    let is_plain = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if cents.len() > 3 || rest.len() > 4 || !is_plain(cents) || !is_plain(rest) {
        return None;
    }
    let micros: i64 = format!("0{cents}{rest:0<4}").parse().ok()?;
    (1..=most_micros).contains(&micros).then_some(micros)
}

fn shown_number(e164: Option<&str>) -> String {
    e164.map(|n| E164::from_normalised(n).map_or_else(|| n.to_owned(), |n| n.display()))
        .unwrap_or_default()
}

/// The form as it was typed, without secrets.
pub fn typed(posted: &Posted) -> Typed {
    posted
        .with_prefix("")
        .filter(|(name, _)| !SECRETS.contains(name) && *name != "csrf" && *name != "version")
        .fold(Typed::new(), |typed, (name, value)| typed.put(name, value))
}

/// Puts a typed section into `practice`; what is refused leaves its old value.
pub fn apply(section: Section, posted: &Posted, practice: &mut Practice, by: &By) -> Errors {
    let mut form = Reading { posted, errors: Errors::new() };
    match section {
        Section::Practice => {
            about(&mut form, practice);
            address(&mut form, &mut practice.settings);
        }
        Section::Statements => {
            naming(&mut form, practice);
            statements(&mut form, &mut practice.settings);
        }
        Section::Texting => {
            enabling(&mut form, &mut practice.settings, by);
            numbers(&mut form, &mut practice.settings);
            texting(&mut form, &mut practice.settings);
            if posted.has("resume_texts") {
                practice.settings.texts_paused_at = None;
            }
        }
        Section::Calls => calls(&mut form, &mut practice.settings, by),
        Section::Email => {
            sender(&mut form, &mut practice.settings);
            if posted.has("resume_email") {
                practice.settings.email_paused_at = None;
            }
        }
        Section::Payments => payments(&mut form, &mut practice.settings),
        Section::Sending => sending(&mut form, &mut practice.settings),
        Section::Imports => imports(&mut form, &mut practice.settings),
        Section::Prices => prices(&mut form, &mut practice.settings),
    }
    form.errors
}

/// Parts of sections, for the steps of the first start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    About,
    Naming,
    Address,
    Sender,
    Enabling,
    Numbers,
}

pub fn apply_parts(parts: &[Part], posted: &Posted, practice: &mut Practice, by: &By) -> Errors {
    let mut form = Reading { posted, errors: Errors::new() };
    for part in parts {
        match part {
            Part::About => about(&mut form, practice),
            Part::Naming => naming(&mut form, practice),
            Part::Address => address(&mut form, &mut practice.settings),
            Part::Sender => sender(&mut form, &mut practice.settings),
            Part::Enabling => enabling(&mut form, &mut practice.settings, by),
            Part::Numbers => numbers(&mut form, &mut practice.settings),
        }
    }
    form.errors
}

/// What is allowed and still worth saying.
pub fn warnings(section: Section, practice: &Practice) -> Vec<String> {
    let s = &practice.settings;
    let mut said = Vec::new();
    match section {
        Section::Statements => {
            if let NameFit::LongerThanRecommended { chars } = name_fit(practice.alias()) {
                said.push(format!(
                    "The name patients read has {chars} characters. 30 or fewer leave more room in \
                     a text."
                ));
            }
            if s.proof_approved_at.is_none() {
                said.push(
                    "Nobody has approved the proofs, so no reminder goes out: open Proofs under \
                     Setting up."
                        .into(),
                );
            }
        }
        Section::Texting => {
            if !s.texts_enabled_by_platform {
                said.push(
                    "Texts are not switched on for this practice by whoever runs this server. Ask \
                     them: clearbill practice texts."
                        .into(),
                );
            }
            if s.texts_paused_at.is_some() {
                said.push("Reminders by text are paused: carriers filter them as spam.".into());
            }
            if s.texts_enabled_by_practice && !s.text_campaign_registered {
                said.push(
                    "Reminders wait until the A2P campaign is approved: carriers would block them."
                        .into(),
                );
            }
        }
        Section::Calls if s.voice_is_on && s.text_number.is_none() => {
            said.push("There is no number to call from: get one under SMS Settings.".into());
        }
        Section::Email => {
            if s.email_tested_at.is_none() {
                said.push(
                    "This sender is not tested, so no email goes to patients: send a test under \
                     Connections."
                        .into(),
                );
            }
            if s.email_paused_at.is_some() {
                said.push("Reminders by email are paused because of complaints.".into());
            }
        }
        _ => {}
    }
    said
}

/// Names of the settings that differ, for the audit: never their values.
pub fn differences(before: &Practice, after: &Practice) -> String {
    let fields = |settings: &Settings| match serde_json::to_value(settings) {
        Ok(serde_json::Value::Object(map)) => map,
        _ => serde_json::Map::new(),
    };
    let (old, new) = (fields(&before.settings), fields(&after.settings));
    let mut changed: BTreeSet<&str> = new
        .iter()
        .filter(|(name, value)| old.get(*name) != Some(value))
        .map(|(name, _)| name.as_str())
        .collect();
    if before.name != after.name {
        changed.insert("name");
    }
    changed.into_iter().collect::<Vec<_>>().join(" ")
}

struct Reading<'a> {
    posted: &'a Posted,
    errors: Errors,
}

impl Reading<'_> {
    fn refuse(&mut self, field: &str, sentence: impl Into<String>) {
        self.errors = std::mem::take(&mut self.errors).on(field, sentence);
    }

    /// A line of text without control characters; too long ones are refused.
    fn line(&mut self, field: &str) -> String {
        let text = self.posted.text(field).trim().to_owned();
        if text.chars().count() > LINE_LONGEST.max(LONGEST) || text.chars().any(char::is_control) {
            self.refuse(field, "That is too long, or has signs that cannot be used here.");
            return String::new();
        }
        text
    }

    fn amount(&mut self, field: &str, least: Cents, into: &mut Cents) {
        match Cents::parse_typed(self.posted.text(field)) {
            Ok(amount) if amount >= least => *into = amount,
            Ok(_) => self.refuse(field, format!("Enter at least {least}.")),
            Err(_) => self.refuse(field, "Enter an amount in dollars and cents, like 10.00."),
        }
    }

    fn number(&mut self, field: &str, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let number = self.posted.text(field).trim().parse::<i64>().ok();
        let found = number.filter(|n| range.contains(n));
        if found.is_none() {
            let (least, most) = (range.start(), range.end());
            self.refuse(field, format!("Enter a whole number from {least} to {most}."));
        }
        found
    }

    /// An optional phone number in E.164.
    fn phone(&mut self, field: &str) -> Option<String> {
        let typed = self.posted.text(field).trim();
        if typed.is_empty() {
            return None;
        }
        match normalise_us(typed) {
            Ok(number) => Some(number.as_str().to_owned()),
            Err(cause) => {
                self.refuse(field, format!("Enter a US number with its area code: {cause}."));
                None
            }
        }
    }
}

fn about(form: &mut Reading<'_>, practice: &mut Practice) {
    let name = form.line("name");
    if name.is_empty() {
        form.refuse("name", "Enter the name of the practice.");
    } else {
        practice.name = name;
    }
    let s = &mut practice.settings;
    s.legal_name = form.line("legal_name");
    let phone = form.line("phone");
    // An office line may have an extension: only the number itself must be one.
    let number = phone.to_ascii_lowercase();
    let number = number.split(['x', 'e', '#']).next().unwrap_or_default().trim();
    if normalise_us(number).is_ok() {
        s.phone = phone;
    } else {
        form.refuse("phone", "Enter the office's number with its area code.");
    }
    s.hours = form.line("hours");
    s.street = form.line("street");
    s.city = form.line("city");
    let state = form.line("state").to_ascii_uppercase();
    if state.is_empty() || !domain::zones::by_state(&state).is_empty() {
        s.state = state;
    } else {
        form.refuse("state", "Enter the two letters of a state, like NY.");
    }
    let zip = form.line("zip");
    let digits = zip.bytes().filter(u8::is_ascii_digit).count();
    let is_zip = zip.bytes().all(|b| b.is_ascii_digit() || b == b'-') && matches!(digits, 5 | 9);
    if zip.is_empty() || is_zip {
        s.zip = zip;
    } else {
        form.refuse("zip", "Enter five digits, or nine.");
    }
    let zone = form.line("zone");
    if TimeZone::get(&zone).is_ok() {
        s.zone = zone;
    } else {
        form.refuse("zone", "Choose a time zone.");
    }
    let accent = form.line("accent");
    if app::accent::is_colour(&accent) {
        s.accent = accent;
    } else {
        form.refuse("accent", "Enter # and six hex digits, like #0b6157.");
    }
}

fn address(form: &mut Reading<'_>, s: &mut Settings) {
    match public_base(form.posted.text("public_base")) {
        Some(base) => s.public_base = base,
        None => form.refuse(
            "public_base",
            "Enter an address that begins with https:// and has nothing after the name, like \
             https://pay.example.org.",
        ),
    }
}

/// `https://host`, or plain http on this machine; empty stays empty.
fn public_base(typed: &str) -> Option<String> {
    let base = typed.trim().trim_end_matches('/').to_ascii_lowercase();
    if base.is_empty() {
        return Some(base);
    }
    let (scheme, host) = base.split_once("://")?;
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let is_local = name == "localhost"
        || name.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|a| a.is_loopback());
    let is_plain = !host.is_empty()
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b));
    (is_plain && (scheme == "https" || scheme == "http" && is_local)).then_some(base)
}

fn naming(form: &mut Reading<'_>, practice: &mut Practice) {
    let name = form.posted.text("custom_name").trim().to_owned();
    let is_sensitive = form.posted.has("is_sensitive");
    match name_fit(&name) {
        NameFit::TooLong { chars } => form.refuse(
            "custom_name",
            format!(
                "This name has {chars} characters. With more than 50, texts are not sent; 30 or \
                 fewer are recommended."
            ),
        ),
        NameFit::Unprintable => {
            form.refuse("custom_name", "Use letters, digits and common signs in one line.");
        }
        NameFit::Empty => practice.settings.custom_name = None,
        NameFit::Fine | NameFit::LongerThanRecommended { .. } => {
            practice.settings.custom_name = Some(name.clone());
        }
    }
    let tells = name.is_empty() || name.eq_ignore_ascii_case(&practice.name);
    if is_sensitive && tells {
        form.refuse(
            "custom_name",
            "Enter a neutral name that does not tell what somebody is treated for.",
        );
    } else {
        practice.settings.is_sensitive = is_sensitive;
    }
}

fn statements(form: &mut Reading<'_>, s: &mut Settings) {
    form.amount("minimum_balance", Cents::ZERO, &mut s.minimum_balance);
    s.approval_is_required = form.posted.has("approval_is_required");
    s.messages_per_hour = match form.posted.filled("messages_per_hour") {
        Some(_) => form.number("messages_per_hour", 1..=100_000),
        None => None,
    };
    s.amount_in_texts = form.posted.has("amount_in_texts");
    s.first_name_in_email = form.posted.has("first_name_in_email");
}

/// The practice's half of S-G3, and the consent to be billed (S-G4).
fn enabling(form: &mut Reading<'_>, s: &mut Settings, by: &By) {
    let wants = form.posted.has("texts_enabled_by_practice");
    match (form.posted.has("billing_accepted"), s.billing_consent_at) {
        // What is accepted are the words on the page.
        (true, None) if form.posted.text("billing_version") != billing_terms::VERSION => {
            form.refuse("billing_accepted", "The words have changed: read and accept them again.");
            return;
        }
        (true, None) => {
            s.billing_consent_at = Some(by.now);
            s.billing_consent_by = Some(by.staff.clone());
        }
        (false, Some(_)) => {
            s.billing_consent_at = None;
            s.billing_consent_by = None;
        }
        _ => {}
    }
    if wants && !s.texts_enabled_by_platform {
        let words = "Whoever runs this server has not switched texts on for this practice: \
                     clearbill practice texts.";
        form.refuse("texts_enabled_by_practice", words);
    } else if wants && s.billing_consent_at.is_none() {
        form.refuse("billing_accepted", "Accept the billing of texts to enable them.");
    } else {
        s.texts_enabled_by_practice = wants;
    }
}

/// Calls are off until somebody has read what they ask of the practice (M38).
fn calls(form: &mut Reading<'_>, s: &mut Settings, by: &By) {
    let wants = form.posted.has("voice_is_on");
    match (form.posted.has("voice_notice_accepted"), s.voice_notice_at) {
        (true, None) => {
            s.voice_notice_at = Some(by.now);
            s.voice_notice_by = Some(by.staff.clone());
        }
        (false, Some(_)) => {
            s.voice_notice_at = None;
            s.voice_notice_by = None;
        }
        _ => {}
    }
    if wants && s.voice_notice_at.is_none() {
        let words = "Read the notice and accept it to enable reminder calls.";
        form.refuse("voice_notice_accepted", words);
    } else {
        s.voice_is_on = wants;
    }
    s.amount_in_calls = form.posted.has("amount_in_calls");
    s.fax_is_on = form.posted.has("fax_is_on");
}

fn numbers(form: &mut Reading<'_>, s: &mut Settings) {
    s.text_number = form.phone("text_number");
    s.text_campaign_registered = form.posted.has("text_campaign_registered");
}

fn texting(form: &mut Reading<'_>, s: &mut Settings) {
    let instamed = form.posted.has("instamed_is_active");
    if instamed && s.texts_enabled_by_practice {
        let words = "Text reminders are not available together with InstaMed. Switch one off.";
        form.refuse("instamed_is_active", words);
    } else {
        s.instamed_is_active = instamed;
    }
    s.code_number = form.phone("code_number");
    if s.code_number.is_some() && s.code_number == s.text_number {
        form.refuse("code_number", "Codes need another number than reminders.");
    }
    s.carrier_answers_stop = form.posted.has("carrier_answers_stop");
    s.inbox_is_on = form.posted.has("inbox_is_on");
    if form.posted.text("reverify_after_days").trim().is_empty() {
        s.reverify_after_days = None;
    } else {
        let days = form.number("reverify_after_days", 1..=3650);
        s.reverify_after_days = days.and_then(|days| u16::try_from(days).ok());
    }
    match read_price(form.posted.text("text_price_cents"), TEXT_PRICE_MOST_MICROS) {
        Some(micros) => s.text_price_micros = micros,
        None => form.refuse("text_price_cents", "Enter cents, like 1.2, and at most 100."),
    }
}

fn sender(form: &mut Reading<'_>, s: &mut Settings) {
    let name = form.line("email_from_name");
    let typed = form.posted.text("email_from_address").trim();
    if typed.is_empty() {
        s.email_from_address = String::new();
        s.email_tested_at = None;
    } else {
        match normalise_email(typed) {
            Ok(address) if address.as_str() != s.email_from_address => {
                s.email_from_address = address.as_str().to_owned();
                // Tested was another one.
                s.email_tested_at = None;
            }
            Ok(_) => {}
            Err(_) => {
                let words = "Enter an email address like billing@example.org.";
                form.refuse("email_from_address", words);
            }
        }
    }
    s.email_from_name = name;
}

fn payments(form: &mut Reading<'_>, s: &mut Settings) {
    form.amount("minimum_payment", PAYMENT_LEAST, &mut s.minimum_payment);
    s.overpayment_is_allowed = form.posted.has("overpayment_is_allowed");
    s.checkout_only = form.posted.has("checkout_only");
    form.amount("biller_refund_limit", Cents::ZERO, &mut s.biller_refund_limit);
}

fn sending(form: &mut Reading<'_>, s: &mut Settings) {
    let first = form.number("window_first_weekday", 1..=7);
    let last = form.number("window_last_weekday", 1..=7);
    let from = form.number("window_from_hour", 8..=20);
    let until = form.number("window_until_hour", 9..=21);
    if let (Some(first), Some(last)) = (first, last) {
        if first > last {
            form.refuse("window_last_weekday", "The last day comes before the first.");
        }
        s.window_first_weekday = i8::try_from(first).unwrap_or(1);
        s.window_last_weekday = i8::try_from(last).unwrap_or(7);
    }
    if let (Some(from), Some(until)) = (from, until) {
        if from >= until {
            form.refuse("window_until_hour", "The hours end before they begin.");
        }
        s.window_from_hour = i8::try_from(from).unwrap_or(9);
        s.window_until_hour = i8::try_from(until).unwrap_or(18);
    }
    s.skip_federal_holidays = form.posted.has("skip_federal_holidays");
    s.is_nonprofit_hospital = form.posted.has("is_nonprofit_hospital");
    s.collects_for_others = form.posted.has("collects_for_others");
}

fn prices(form: &mut Reading<'_>, s: &mut Settings) {
    let fields = [
        ("email_price_cents", &mut s.email_price_micros),
        ("call_price_cents", &mut s.call_price_micros),
        ("fax_price_cents", &mut s.fax_price_micros),
        ("letter_price_cents", &mut s.letter_price_micros),
    ];
    for (field, into) in fields {
        match read_price(form.posted.text(field), PRICE_MOST_MICROS) {
            Some(micros) => *into = micros,
            None => form.refuse(field, "Enter cents, like 2.8, and at most 999."),
        }
    }
    if let Some(minutes) = form.number("staff_call_minutes", 1..=120) {
        s.staff_call_minutes = minutes;
    }
}

fn imports(form: &mut Reading<'_>, s: &mut Settings) {
    let mut read = |field: &str, range, into: &mut i64| {
        if let Some(number) = form.number(field, range) {
            *into = number;
        }
    };
    read("breaker_vanished_percent", 1..=100, &mut s.breaker_vanished_percent);
    read("breaker_cleared_percent", 1..=100, &mut s.breaker_cleared_percent);
    read("breaker_jump_factor", 2..=1000, &mut s.breaker_jump_factor);
    read("breaker_jumped_percent", 1..=100, &mut s.breaker_jumped_percent);
    read("breaker_smallest_book", 1..=1_000_000, &mut s.breaker_smallest_book);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn practice() -> Practice {
        Practice {
            id: domain::id::PracticeId::trusted("prc_1"),
            slug: "lakeside".into(),
            name: "Lakeside Family Practice".into(),
            settings: Settings { texts_enabled_by_platform: true, ..Settings::default() },
            version: 1,
            live_at: None,
            outreach_held_at: None,
            outreach_held_why: None,
        }
    }

    fn by() -> By {
        By { staff: "staff:stf_1".into(), now: UnixMs(1_000) }
    }

    #[test]
    fn a_name_of_51_characters_is_refused_and_one_of_31_is_warned_about() {
        let mut lakeside = practice();
        let long = Posted::of(&[("custom_name", &"n".repeat(51)), ("minimum_balance", "10")]);
        let errors = apply(Section::Statements, &long, &mut lakeside, &by());
        assert!(errors.of("custom_name").is_some_and(|words| words.contains("51 characters")));
        assert_eq!(lakeside.settings.custom_name, None);
        let fits = Posted::of(&[("custom_name", &"n".repeat(31)), ("minimum_balance", "10")]);
        assert!(apply(Section::Statements, &fits, &mut lakeside, &by()).is_empty());
        assert!(warnings(Section::Statements, &lakeside)[0].contains("31 characters"));
    }

    #[test]
    fn a_sensitive_practice_needs_a_neutral_name() {
        let mut lakeside = practice();
        let bare = Posted::of(&[("is_sensitive", "on"), ("minimum_balance", "10")]);
        let errors = apply(Section::Statements, &bare, &mut lakeside, &by());
        assert!(errors.of("custom_name").is_some());
        assert!(!lakeside.settings.is_sensitive);
    }

    #[test]
    fn texts_are_enabled_only_with_the_billing_accepted_and_that_is_recorded() {
        let mut lakeside = practice();
        let wants = Posted::of(&[("texts_enabled_by_practice", "on")]);
        let errors = apply(Section::Texting, &wants, &mut lakeside, &by());
        assert!(errors.of("billing_accepted").is_some());
        let older = Posted::of(&[
            ("texts_enabled_by_practice", "on"),
            ("billing_accepted", "on"),
            ("billing_version", "2019-01"),
        ]);
        let errors = apply(Section::Texting, &older, &mut lakeside, &by());
        assert!(errors.of("billing_accepted").is_some(), "other words than those shown");
        let both = Posted::of(&[
            ("texts_enabled_by_practice", "on"),
            ("billing_accepted", "on"),
            ("billing_version", billing_terms::VERSION),
        ]);
        assert!(apply(Section::Texting, &both, &mut lakeside, &by()).is_empty());
        assert!(lakeside.settings.texts_enabled_by_practice);
        assert_eq!(lakeside.settings.billing_consent_at, Some(UnixMs(1_000)));
        assert_eq!(lakeside.settings.billing_consent_by.as_deref(), Some("staff:stf_1"));
    }

    #[test]
    fn the_price_of_a_text_is_typed_in_cents_and_read_back_the_same() {
        for (typed, micros) in
            [("1.2", 12_000), (" 0.79 ", 7_900), ("3", 30_000), ("", 0), (".75", 7_500)]
        {
            assert_eq!(read_price(typed, TEXT_PRICE_MOST_MICROS), Some(micros), "{typed}");
        }
        for micros in [12_000, 7_900, 30_000, 1, 0] {
            let read = read_price(&shown_price(micros), TEXT_PRICE_MOST_MICROS);
            assert_eq!(read, Some(micros));
        }
        for wrong in ["1,2", "0", "-1", "1.23456", "101", "1e2", "."] {
            assert_eq!(read_price(wrong, TEXT_PRICE_MOST_MICROS), None, "{wrong}");
        }
    }

    #[test]
    fn what_a_letter_costs_is_typed_like_a_text_and_an_empty_price_is_not_known() {
        let mut lakeside = practice();
        let typed = [
            ("email_price_cents", ""),
            ("call_price_cents", "3.5"),
            ("fax_price_cents", "11"),
            ("letter_price_cents", "104.25"),
            ("staff_call_minutes", "8"),
        ];
        let errors = apply(Section::Prices, &Posted::of(&typed), &mut lakeside, &by());
        assert!(errors.is_empty(), "{errors:?}");
        let settings = &lakeside.settings;
        assert_eq!((settings.email_price_micros, settings.call_price_micros), (0, 35_000));
        assert_eq!(settings.letter_price_micros, 1_042_500);
        let stored = values(Section::Prices, &lakeside);
        assert_eq!(stored.text("letter_price_cents"), "104.25");
        let wrong = Posted::of(&[("letter_price_cents", "1000"), ("staff_call_minutes", "0")]);
        let errors = apply(Section::Prices, &wrong, &mut lakeside, &by());
        assert!(errors.of("letter_price_cents").is_some());
        assert!(errors.of("staff_call_minutes").is_some());
        assert_eq!(lakeside.settings.letter_price_micros, 1_042_500);
    }

    #[test]
    fn calls_are_enabled_only_once_the_notice_is_accepted_and_that_is_recorded() {
        let mut lakeside = practice();
        let wants = Posted::of(&[("voice_is_on", "on")]);
        let errors = apply(Section::Calls, &wants, &mut lakeside, &by());
        assert!(errors.of("voice_notice_accepted").is_some());
        assert!(!lakeside.calls_are_enabled());
        let both = Posted::of(&[("voice_is_on", "on"), ("voice_notice_accepted", "on")]);
        assert!(apply(Section::Calls, &both, &mut lakeside, &by()).is_empty());
        assert!(lakeside.calls_are_enabled());
        assert_eq!(lakeside.settings.voice_notice_by.as_deref(), Some("staff:stf_1"));
    }

    #[test]
    fn every_section_gives_back_what_it_was_filled_with() {
        for section in Section::ALL {
            let before = practice();
            let stored = values(section, &before);
            let names = match section {
                Section::Practice => vec!["name", "zone", "accent", "phone"],
                Section::Payments => vec!["minimum_payment", "biller_refund_limit"],
                Section::Sending => vec![
                    "window_first_weekday",
                    "window_last_weekday",
                    "window_from_hour",
                    "window_until_hour",
                ],
                _ => continue,
            };
            let mut fields: Vec<(String, String)> =
                names.iter().map(|name| ((*name).to_owned(), stored.text(name))).collect();
            if let Some(phone) = fields.iter_mut().find(|(name, _)| name == "phone") {
                phone.1 = "(212) 555-0142 ext. 3".into();
            }
            let fields: Vec<(&str, &str)> =
                fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            let mut after = practice();
            let errors = apply(section, &Posted::of(&fields), &mut after, &by());
            assert!(errors.is_empty(), "{section:?} {errors:?}");
        }
    }

    #[test]
    fn the_public_address_is_https_and_nothing_but_a_host() {
        for (typed, kept) in [
            ("https://Pay.Example.org/", Some("https://pay.example.org")),
            ("http://127.0.0.1:3000", Some("http://127.0.0.1:3000")),
            ("", Some("")),
            ("http://pay.example.org", None),
            ("https://pay.example.org/portal", None),
            ("https://a@b.example", None),
            ("javascript://x", None),
        ] {
            assert_eq!(public_base(typed).as_deref(), kept, "{typed}");
        }
    }

    #[test]
    fn the_audit_names_what_changed_and_not_to_what() {
        let (before, mut after) = (practice(), practice());
        after.settings.phone = "(212) 555-0142".into();
        after.name = "Harbor".into();
        assert_eq!(differences(&before, &after), "name phone");
    }
}
