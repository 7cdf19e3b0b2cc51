//! What was refused on a form: each sentence beside its field, and all of them on top.

use leptos::prelude::*;

/// Refusals as sentences, in the order of the form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Errors {
    said: Vec<(Option<String>, String)>,
}

impl Errors {
    pub fn new() -> Self {
        Self::default()
    }

    /// A sentence about one field.
    #[must_use]
    pub fn on(mut self, field: impl Into<String>, sentence: impl Into<String>) -> Self {
        self.said.push((Some(field.into()), sentence.into()));
        self
    }

    /// A sentence about the whole form.
    #[must_use]
    pub fn overall(mut self, sentence: impl Into<String>) -> Self {
        self.said.push((None, sentence.into()));
        self
    }

    pub fn is_empty(&self) -> bool {
        self.said.is_empty()
    }

    /// What stands beside `field`.
    pub fn of(&self, field: &str) -> Option<String> {
        self.said
            .iter()
            .find(|(about, _)| about.as_deref() == Some(field))
            .map(|(_, sentence)| sentence.clone())
    }

    /// The summary on top of the page: takes the focus, links each sentence to its field.
    /// Nothing when nothing was refused.
    pub fn summary(&self, title: impl Into<String>) -> AnyView {
        if self.said.is_empty() {
            return ().into_any();
        }
        let title: String = title.into();
        let items: Vec<AnyView> = self
            .said
            .iter()
            .map(|(field, sentence)| {
                let sentence = sentence.clone();
                match field {
                    Some(field) => {
                        let href = format!("#f-{field}");
                        view! { <li><a href=href>{sentence}</a></li> }.into_any()
                    }
                    None => view! { <li>{sentence}</li> }.into_any(),
                }
            })
            .collect();
        view! {
            <div class="notice danger" role="alert" tabindex="-1" autofocus=true id="errors">
                <p class="notice-title">{title}</p>
                <ul>{items}</ul>
            </div>
        }
        .into_any()
    }
}
