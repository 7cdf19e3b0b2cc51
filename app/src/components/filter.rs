//! The row of filters above a list. It is a GET form, so a filtered list can be kept and shared.

use leptos::prelude::*;

use super::{Button, Form, Query};

pub struct FilterBar {
    path: String,
    fields: Vec<AnyView>,
    kept: Vec<(String, String)>,
    is_filtered: bool,
}

impl FilterBar {
    /// `own` names the fields of this bar; the rest of the address is carried along, but for the
    /// page, which starts over.
    pub fn new(path: &str, query: &Query, own: &[&str]) -> Self {
        let kept = query.without(own).without(&["page"]).pairs().to_vec();
        let is_filtered = own.iter().any(|key| query.get(key).is_some_and(|v| !v.is_empty()));
        Self { path: path.to_owned(), fields: Vec::new(), kept, is_filtered }
    }

    #[must_use]
    pub fn field(mut self, field: impl IntoRender<Output = AnyView>) -> Self {
        self.fields.push(field.into_render());
        self
    }

    pub fn view(self) -> AnyView {
        let clear = Query::default().href(&self.path);
        let clear = self.is_filtered.then(|| view! { <a href=clear>"Clear filters"</a> });
        let form = self
            .kept
            .into_iter()
            .fold(Form::get(self.path).class("filters"), |form, (k, v)| form.hidden(k, v));
        let body =
            view! { {self.fields}<div class="actions">{Button::secondary("Filter")}{clear}</div> };
        view! { <search>{form.body(body)}</search> }.into_any()
    }
}

renders!(FilterBar);
