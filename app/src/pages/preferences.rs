//! Text and email settings: what each contact may receive, and the language of messages.

use leptos::prelude::*;

use super::PatientShell;
use crate::{
    components::{Button, Checkbox, Form, Notice, Radio, RadioGroup, Tone, heading, paragraph},
    words::Lang,
};

/// A phone or an email of the account.
#[derive(Clone, Debug)]
pub struct ContactChoice {
    pub id: String,
    /// Masked or in full, as the server decides.
    pub label: String,
    pub is_phone: bool,
    pub is_on: bool,
    /// The carrier blocks our texts since STOP; only START from that phone lifts it. Holds the
    /// number to write to.
    pub start_number: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub struct Preferences {
    pub contacts: Vec<ContactChoice>,
    /// The language of messages.
    pub lang: Lang,
    pub is_saved: bool,
}

impl Preferences {
    /// Posts `on={contact}` for each contact that may receive reminders, and `lang`.
    pub fn html(self, shell: &PatientShell) -> String {
        let w = shell.words();
        let title = w.t("nav-preferences");
        let saved =
            self.is_saved.then(|| Notice::alert(Tone::Good).text(w.t("preferences-saved")).view());
        let none = self.contacts.is_empty().then(|| paragraph(w.t("preferences-none")));
        let contacts: Vec<AnyView> = self
            .contacts
            .into_iter()
            .map(|contact| {
                let label = [("contact", contact.label.into())];
                let label = if contact.is_phone {
                    w.with("preferences-text", &label)
                } else {
                    w.with("preferences-email", &label)
                };
                let stopped = contact
                    .start_number
                    .map(|number| w.with("preferences-start", &[("number", number.into())]));
                let is_stopped = stopped.is_some();
                let checkbox = Checkbox::new("on", label)
                    .value(contact.id)
                    .checked(contact.is_on)
                    .disabled(is_stopped);
                match stopped {
                    Some(hint) => checkbox.hint(hint),
                    None => checkbox,
                }
                .view()
            })
            .collect();
        let language = RadioGroup::new("lang", w.t("preferences-language"))
            .chosen(self.lang.code())
            .answer(Radio::new("en", "English"))
            .answer(Radio::new("es", "Español"));
        let form = Form::post("/account/preferences", &shell.csrf).body(view! {
            <fieldset class="choices">
                <legend>{w.t("preferences-legend")}</legend>
                <p class="hint">{w.t("preferences-hint")}</p>
                {none}
                {contacts}
            </fieldset>
            {language}
            <p>{Button::primary(w.t("preferences-save"))}</p>
        });
        shell.page(title, view! { {heading(title, false)} {saved} {form} })
    }
}
