//! A short word about the state of a thing.

use leptos::prelude::*;

use super::Tone;

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
        view! { <span class=format!("badge {}", self.tone.class())>{self.label}</span> }.into_any()
    }
}

renders!(Badge);
