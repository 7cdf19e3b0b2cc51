//! Tabs are links: each has its own address.

use leptos::prelude::*;

pub struct Tabs {
    label: String,
    tabs: Vec<(String, String, bool)>,
}

impl Tabs {
    pub fn new(label: impl Into<String>) -> Self {
        Self { label: label.into(), tabs: Vec::new() }
    }

    #[must_use]
    pub fn tab(
        mut self,
        href: impl Into<String>,
        label: impl Into<String>,
        is_current: bool,
    ) -> Self {
        self.tabs.push((href.into(), label.into(), is_current));
        self
    }

    pub fn view(self) -> AnyView {
        let tabs: Vec<AnyView> = self
            .tabs
            .into_iter()
            .map(|(href, label, is_current)| {
                let current = is_current.then_some("page");
                view! { <li><a href=href aria-current=current>{label}</a></li> }.into_any()
            })
            .collect();
        view! { <nav class="tabs" aria-label=self.label><ul>{tabs}</ul></nav> }.into_any()
    }
}

renders!(Tabs);
