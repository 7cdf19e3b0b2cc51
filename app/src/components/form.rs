//! Forms. A form that changes anything carries the session's CSRF token; there is no way to make a
//! POST form here without one.

use leptos::prelude::*;

pub struct Form {
    action: String,
    csrf: Option<String>,
    class: Option<&'static str>,
    id: Option<&'static str>,
    enctype: Option<&'static str>,
    hidden: Vec<(String, String)>,
}

impl Form {
    pub fn post(action: impl Into<String>, csrf: &str) -> Self {
        Self {
            action: action.into(),
            csrf: Some(csrf.to_owned()),
            class: None,
            id: None,
            enctype: None,
            hidden: Vec::new(),
        }
    }

    /// A form that only asks: searches and filters, whose state belongs into the address.
    pub fn get(action: impl Into<String>) -> Self {
        Self {
            action: action.into(),
            csrf: None,
            class: None,
            id: None,
            enctype: None,
            hidden: Vec::new(),
        }
    }

    #[must_use]
    pub const fn class(mut self, class: &'static str) -> Self {
        self.class = Some(class);
        self
    }

    #[must_use]
    pub const fn id(mut self, id: &'static str) -> Self {
        self.id = Some(id);
        self
    }

    /// For files.
    #[must_use]
    pub const fn multipart(mut self) -> Self {
        self.enctype = Some("multipart/form-data");
        self
    }

    #[must_use]
    pub fn hidden(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.hidden.push((name.into(), value.into()));
        self
    }

    pub fn body(self, body: impl IntoView + 'static) -> AnyView {
        let method = if self.csrf.is_some() { "post" } else { "get" };
        let csrf = self.csrf.map(|token| hidden("csrf", token));
        let kept: Vec<AnyView> =
            self.hidden.into_iter().map(|(name, value)| hidden(name, value)).collect();
        view! {
            <form
                method=method
                action=self.action
                class=self.class
                id=self.id
                enctype=self.enctype
                novalidate
            >
                {csrf}
                {kept}
                {body}
            </form>
        }
        .into_any()
    }
}

pub fn hidden(name: impl Into<String>, value: impl Into<String>) -> AnyView {
    let (name, value): (String, String) = (name.into(), value.into());
    view! { <input type="hidden" name=name value=value/> }.into_any()
}
