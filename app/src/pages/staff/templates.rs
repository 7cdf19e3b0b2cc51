//! Templates: the words of every kind of message, by form and language, and whose they are.

use domain::{
    book::Language,
    clock::UnixMs,
    template::{Form, Kind, Slot},
};
use jiff::tz::TimeZone;
use leptos::prelude::*;

use super::{
    StaffShell,
    settings::tabs,
    template_words::{form_name, kind_hint, kind_name, language_name},
};
use crate::{
    components::{Badge, Column, Row, Table, Tone, heading, unseen},
    when,
    words::Words,
};

pub const TEMPLATES: &str = "/staff/settings/templates";

/// The practice's own words of a slot.
#[derive(Clone, Debug)]
pub struct ChangedTemplate {
    pub slot: Slot,
    pub version: i64,
    pub by: String,
    pub at: UnixMs,
}

/// `/staff/settings/templates`
#[derive(Clone, Debug)]
pub struct Templates {
    pub zone: TimeZone,
    pub changed: Vec<ChangedTemplate>,
    /// Without them everything about texts is hidden (S-G5).
    pub texts_are_enabled: bool,
    pub may_edit: bool,
}

impl Templates {
    pub fn html(self, shell: &StaffShell) -> String {
        let tabs = self.may_edit.then(|| tabs("templates"));
        let hint = if self.may_edit {
            "What messages say. Clearbill comes with words for all of them; change what should \
             sound like you."
        } else {
            "What messages say. A manager can change it."
        };
        let rows = Kind::ALL.iter().flat_map(|kind| self.rows_of(*kind)).collect();
        let columns = ["Message", "By", "English", "Spanish"].map(Column::new).to_vec();
        let body = view! {
            {heading("Templates", false)}
            {tabs}
            <p class="hint">{hint}</p>
            {Table::new("Templates", columns).rows(rows)}
        };
        shell.page("Templates", body)
    }

    fn rows_of(&self, kind: Kind) -> Vec<Row> {
        let forms = kind.forms().iter();
        forms
            .filter(|form| self.texts_are_enabled || **form != Form::Text)
            .enumerate()
            .map(|(at, form)| {
                let hint = (at == 0).then(|| {
                    view! { <p class="hint">{kind_hint(kind)}</p> }
                });
                Row::new()
                    .cell(view! { {kind_name(kind)}{hint} })
                    .cell(form_name(*form))
                    .cell(self.state(Slot::new(kind, *form, Language::English)))
                    .cell(self.state(Slot::new(kind, *form, Language::Spanish)))
            })
            .collect()
    }

    fn state(&self, slot: Slot) -> AnyView {
        let href = format!("{TEMPLATES}/{}", slot.code());
        let which = format!(
            ": {}, {}, {}",
            kind_name(slot.kind),
            form_name(slot.form).to_lowercase(),
            language_name(slot.language)
        );
        match self.changed.iter().find(|one| one.slot == slot) {
            Some(one) => {
                let when = when::instant(Words::default(), one.at, &self.zone);
                let by = format!("by {}, {when}", one.by);
                view! {
                    <a href=href>{Badge::new("Changed").tone(Tone::Good)}{unseen(which)}</a>
                    <p class="hint">{by}</p>
                }
                .into_any()
            }
            None => view! { <a href=href>"Default"{unseen(which)}</a> }.into_any(),
        }
    }
}
