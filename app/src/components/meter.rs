//! A share of a whole, in words and as a bar. The bar is `<meter>` or `<progress>`: no `style`.

use leptos::prelude::*;

#[derive(Clone, Debug)]
pub struct Meter {
    label: String,
    value: i64,
    whole: i64,
    text: String,
    is_progress: bool,
}

impl Meter {
    /// A measurement: how much of the book is older than 60 days.
    pub fn new(label: impl Into<String>, value: i64, whole: i64, text: impl Into<String>) -> Self {
        Self { label: label.into(), value, whole, text: text.into(), is_progress: false }
    }

    /// A task on its way: rows imported so far.
    pub fn progress(
        label: impl Into<String>,
        value: i64,
        whole: i64,
        text: impl Into<String>,
    ) -> Self {
        Self { is_progress: true, ..Self::new(label, value, whole, text) }
    }

    pub fn view(self) -> AnyView {
        let whole = self.whole.max(1).to_string();
        let value = self.value.clamp(0, self.whole.max(1)).to_string();
        let label = self.label.clone();
        let bar = if self.is_progress {
            view! { <progress aria-label=label max=whole value=value></progress> }.into_any()
        } else {
            view! { <meter aria-label=label min="0" max=whole value=value></meter> }.into_any()
        };
        view! { <div class="meter"><span>{self.label}</span>{bar}<span>{self.text}</span></div> }
            .into_any()
    }
}

renders!(Meter);
