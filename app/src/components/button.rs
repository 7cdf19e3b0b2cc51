//! Buttons, and links that look like them. A page has one primary button.

use leptos::prelude::*;

/// A submit button of the form it stands in.
#[derive(Clone, Debug)]
pub struct Button {
    label: String,
    class: &'static str,
    name_value: Option<(String, String)>,
    formaction: Option<String>,
    label_for_reader: Option<String>,
    disabled: bool,
    id: Option<&'static str>,
}

impl Button {
    fn new(class: &'static str, label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            class,
            name_value: None,
            formaction: None,
            label_for_reader: None,
            disabled: false,
            id: None,
        }
    }

    pub fn primary(label: impl Into<String>) -> Self {
        Self::new("button primary", label)
    }

    pub fn secondary(label: impl Into<String>) -> Self {
        Self::new("button", label)
    }

    /// Looks like a link, because it is beside the point of the page.
    pub fn quiet(label: impl Into<String>) -> Self {
        Self::new("button quiet", label)
    }

    pub fn danger(label: impl Into<String>) -> Self {
        Self::new("button danger", label)
    }

    /// What the form sends when this button was the one.
    #[must_use]
    pub fn sends(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.name_value = Some((name.into(), value.into()));
        self
    }

    #[must_use]
    pub fn formaction(mut self, href: impl Into<String>) -> Self {
        self.formaction = Some(href.into());
        self
    }

    /// A longer name where several buttons of a page read the same ("Apply" in each row). It must
    /// begin with the visible words.
    #[must_use]
    pub fn named(mut self, label: impl Into<String>) -> Self {
        self.label_for_reader = Some(label.into());
        self
    }

    #[must_use]
    pub const fn disabled(mut self, disabled: bool) -> Self {
        self.disabled = disabled;
        self
    }

    #[must_use]
    pub const fn id(mut self, id: &'static str) -> Self {
        self.id = Some(id);
        self
    }

    pub fn view(self) -> AnyView {
        let (name, value) = self.name_value.unzip();
        view! {
            <button
                type="submit"
                class=self.class
                id=self.id
                name=name
                value=value
                formaction=self.formaction
                aria-label=self.label_for_reader
                disabled=self.disabled
            >
                {self.label}
            </button>
        }
        .into_any()
    }
}

renders!(Button);

/// A link with the weight of a button.
#[derive(Clone, Debug)]
pub struct ButtonLink {
    href: String,
    label: String,
    class: &'static str,
}

impl ButtonLink {
    pub fn primary(href: impl Into<String>, label: impl Into<String>) -> Self {
        Self { href: href.into(), label: label.into(), class: "button primary" }
    }

    pub fn secondary(href: impl Into<String>, label: impl Into<String>) -> Self {
        Self { href: href.into(), label: label.into(), class: "button" }
    }

    pub fn view(self) -> AnyView {
        view! { <a class=self.class href=self.href>{self.label}</a> }.into_any()
    }
}

renders!(ButtonLink);
