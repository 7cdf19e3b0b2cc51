//! The fields of a filter over accounts, as profiles, steps and saved segments ask for it. Values are
//! what was typed; the server reads and checks them.

use domain::segment::Trait;
use leptos::prelude::*;

use crate::components::{Errors, Field, Select};

/// Traits one filter may ask for.
pub const TRAITS: usize = 3;

/// A filter as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterFields {
    pub age_from: String,
    pub age_to: String,
    pub due_from: String,
    pub due_to: String,
    pub bills_from: String,
    pub reminders_from: String,
    pub reminders_to: String,
    pub language: String,
    pub states: String,
    /// `self_pay:yes`, `on_plan:no`, or empty.
    pub traits: [String; TRAITS],
}

impl FilterFields {
    /// The fields, their names beginning with `prefix`.
    pub fn view(&self, prefix: &str, errors: &Errors) -> AnyView {
        let name = |part: &str| format!("{prefix}{part}");
        let days = |part: &str, label: &str, value: &str| {
            Field::digits(name(part), label, 4).value(value).error(errors.of(&name(part)))
        };
        let amount = |part: &str, label: &str, value: &str| {
            Field::amount(name(part), label).value(value).error(errors.of(&name(part)))
        };
        let traits: Vec<AnyView> = self
            .traits
            .iter()
            .enumerate()
            .map(|(at, chosen)| {
                let label = if at == 0 { "Only accounts that are" } else { "And" };
                Select::new(format!("{prefix}trait{at}"), label)
                    .option("", "Any")
                    .options(Trait::ALL.iter().flat_map(|one| {
                        [true, false].map(|is| {
                            let code = if is { "yes" } else { "no" };
                            let value = format!("{}:{code}", one.as_str());
                            (value, upper_first(one.in_words(is)))
                        })
                    }))
                    .chosen(chosen.clone())
                    .view()
            })
            .collect();
        view! {
            <div class="pairs">
                {days("age_from", "Days old, from", &self.age_from)}
                {days("age_to", "Days old, up to", &self.age_to)}
                {amount("due_from", "Amount due from", &self.due_from)}
                {amount("due_to", "Amount due up to", &self.due_to)}
                {days("bills_from", "Open bills, at least", &self.bills_from)}
                {days("reminders_from", "After this many reminders or more", &self.reminders_from)}
                {days("reminders_to", "After this many reminders at most", &self.reminders_to)}
                {Select::new(name("language"), "Language")
                    .option("", "Any")
                    .option("en", "English")
                    .option("es", "Spanish")
                    .chosen(self.language.clone())}
                {Field::text(name("states"), "States")
                    .hint("Two letters each, with commas: MA, NY")
                    .value(self.states.clone())
                    .error(errors.of(&name("states")))
                    .maxlength(200)}
                {traits}
            </div>
        }
        .into_any()
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn upper_first(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}
