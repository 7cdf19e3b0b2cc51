//! Text and email settings: what each phone and email may receive, when reminders are welcome, and
//! the language of messages. Saying no to everything is anybody's right, and a choice of its own.

use leptos::prelude::*;

use super::PatientShell;
use crate::{
    components::{
        Button, Checkbox, Errors, Field, Form, Notice, Radio, RadioGroup, Select, Tone, heading,
        paragraph,
    },
    words::{Lang, Words},
};

/// A phone or an email of the account.
#[derive(Clone, Debug)]
pub struct ContactChoice {
    pub id: String,
    /// Masked or in full, as the server decides.
    pub label: String,
    pub is_phone: bool,
    pub is_on: bool,
    pub receipts_on: bool,
    /// The carrier blocks our texts since STOP; only START from that phone lifts it. Holds the
    /// number to write to.
    pub start_number: Option<String>,
}

/// When reminders are welcome, as it stands in the form.
#[derive(Clone, Debug, Default)]
pub struct TimingChoice {
    /// `any`, `monthly`, `once` or `later`.
    pub when: String,
    pub payday: String,
    pub once_on: String,
    pub later_on: String,
    /// Hours of the day, empty for none.
    pub quiet_from: String,
    pub quiet_until: String,
}

/// What is wrong with a [`TimingChoice`] or with the choice of contacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    PaydayMissing,
    DateMissing,
    QuietHalf,
    /// Next to nothing of the practice's own hours would be left.
    QuietTooLong {
        from: i8,
        until: i8,
    },
    NothingLeft,
}

impl Mistake {
    pub fn words(self, w: Words) -> String {
        match self {
            Self::PaydayMissing => w.t("preferences-payday-missing").to_owned(),
            Self::DateMissing => w.t("preferences-date-missing").to_owned(),
            Self::QuietHalf => w.t("preferences-quiet-both").to_owned(),
            Self::QuietTooLong { from, until } => {
                w.with("preferences-quiet-long", &[("from", from.into()), ("until", until.into())])
            }
            Self::NothingLeft => w.t("preferences-nothing-missing").to_owned(),
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Preferences {
    pub contacts: Vec<ContactChoice>,
    pub timing: TimingChoice,
    /// Nothing at all was asked for.
    pub nothing: bool,
    /// The language of messages.
    pub lang: Lang,
    pub is_saved: bool,
    pub errors: Errors,
}

impl Preferences {
    /// Posts `on={contact}` for each contact that may receive reminders, `receipts={contact}` for
    /// receipts, the fields of [`TimingChoice`], `nothing`, and `lang`.
    pub fn html(self, shell: &PatientShell) -> String {
        let w = shell.words();
        let title = w.t("nav-preferences");
        let saved =
            self.is_saved.then(|| Notice::alert(Tone::Good).text(w.t("preferences-saved")).view());
        let none = self.contacts.is_empty().then(|| paragraph(w.t("preferences-none")));
        let contacts: Vec<AnyView> =
            self.contacts.iter().map(|contact| contact_choice(w, contact)).collect();
        let nothing = (!self.contacts.is_empty()).then(|| {
            let error = self.errors.of("nothing").map(|text| {
                view! { <p class="error">{text}</p> }
            });
            let checkbox = Checkbox::new("nothing", w.t("preferences-nothing"))
                .checked(self.nothing)
                .hint(w.t("preferences-nothing-hint"));
            view! { {error}{checkbox} }
        });
        let timing = timing(w, &self.timing, &self.errors);
        let language = RadioGroup::new("lang", w.t("preferences-language"))
            .chosen(self.lang.code())
            .answer(Radio::new("en", "English"))
            .answer(Radio::new("es", "Español"));
        let form = Form::post("/account/preferences", &shell.csrf).body(view! {
            {none}
            {contacts}
            {nothing}
            {timing}
            {language}
            <p>{Button::primary(w.t("preferences-save"))}</p>
        });
        let is_error = !self.errors.is_empty();
        let summary = self.errors.summary(w.t("preferences-refused"));
        let body = view! { {heading(title, is_error)} {saved} {summary} {form} };
        if is_error { shell.error_page(title, body) } else { shell.page(title, body) }
    }
}

fn contact_choice(w: Words, contact: &ContactChoice) -> AnyView {
    let label = [("contact", contact.label.clone().into())];
    let legend = if contact.is_phone {
        w.with("preferences-text", &label)
    } else {
        w.with("preferences-email", &label)
    };
    let stopped = contact
        .start_number
        .clone()
        .map(|number| w.with("preferences-start", &[("number", number.into())]));
    let reminders = Checkbox::new("on", w.t("preferences-reminders"))
        .value(contact.id.clone())
        .checked(contact.is_on)
        .disabled(stopped.is_some());
    let reminders = match stopped.clone() {
        Some(hint) => reminders.hint(hint),
        None => reminders,
    };
    let receipts = Checkbox::new("receipts", w.t("preferences-receipts"))
        .value(contact.id.clone())
        .checked(contact.receipts_on && stopped.is_none())
        .disabled(stopped.is_some());
    view! { <fieldset class="choices"><legend>{legend}</legend>{reminders}{receipts}</fieldset> }
        .into_any()
}

fn timing(w: Words, typed: &TimingChoice, errors: &Errors) -> AnyView {
    let days = (1..=31).fold(
        Select::new("payday", w.t("preferences-payday-day")).option("", w.t("preferences-choose")),
        |select, day| select.option(day.to_string(), day.to_string()),
    );
    let days = days.chosen(typed.payday.clone()).error(errors.of("payday"));
    let date = |name: &'static str, key: &'static str, value: &str| {
        Field::date(name, w.t(key)).value(value).error(errors.of(name)).narrow()
    };
    let chosen = if typed.when.is_empty() { "any".to_owned() } else { typed.when.clone() };
    let when = RadioGroup::new("when", w.t("preferences-when"))
        .chosen(chosen)
        .answer(Radio::new("any", w.t("preferences-when-any")))
        .answer(
            Radio::new("monthly", w.t("preferences-when-payday"))
                .hint(w.t("preferences-when-payday-hint"))
                .inside(days),
        )
        .answer(
            Radio::new("once", w.t("preferences-when-once"))
                .hint(w.t("preferences-when-once-hint"))
                .inside(date("once_on", "preferences-date", &typed.once_on)),
        )
        .answer(
            Radio::new("later", w.t("preferences-when-later"))
                .hint(w.t("preferences-when-later-hint"))
                .inside(date("later_on", "preferences-date-until", &typed.later_on)),
        );
    let hours = |name: &'static str, key: &'static str, value: &str| {
        (0..24)
            .fold(
                Select::new(name, w.t(key)).option("", w.t("preferences-quiet-none")),
                |select, hour: i8| select.option(hour.to_string(), hour_name(w, hour)),
            )
            .chosen(value)
            .error(errors.of(name))
    };
    view! {
        {when}
        <fieldset class="choices">
            <legend>{w.t("preferences-quiet")}</legend>
            <p class="hint">{w.t("preferences-quiet-hint")}</p>
            {hours("quiet_from", "preferences-quiet-from", &typed.quiet_from)}
            {hours("quiet_until", "preferences-quiet-until", &typed.quiet_until)}
        </fieldset>
    }
    .into_any()
}

/// `9:00 AM`, or `9:00` where the day has 24 hours.
fn hour_name(w: Words, hour: i8) -> String {
    if w.lang() == Lang::Es {
        return format!("{hour}:00");
    }
    let (half, twelve) = (if hour < 12 { "AM" } else { "PM" }, hour % 12);
    format!("{}:00 {half}", if twelve == 0 { 12 } else { twelve })
}
