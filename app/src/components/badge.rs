//! A short word about the state of a thing.

use leptos::prelude::*;

use super::Tone;

/// `Medium confidence`
const LONGEST_WHOLE: usize = 18;

#[derive(Clone, Debug)]
pub struct Badge {
    label: String,
    tone: Tone,
}

impl Badge {
    pub fn new(label: impl Into<String>) -> Self {
        Self { label: label.into(), tone: Tone::Plain }
    }

    #[must_use]
    pub const fn tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }

    pub fn view(self) -> AnyView {
        // Two words in a narrow column stay one thing; a sentence may break.
        let whole = if self.label.chars().count() <= LONGEST_WHOLE { " unbroken" } else { "" };
        let class = format!("badge {}{whole}", self.tone.class());
        view! { <span class=class>{self.label}</span> }.into_any()
    }
}

renders!(Badge);
