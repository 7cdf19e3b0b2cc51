//! Names and values, as a definition list.

use leptos::prelude::*;

#[derive(Default)]
pub struct Facts {
    rows: Vec<(String, AnyView)>,
    class: Option<&'static str>,
}

impl Facts {
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn row(mut self, name: impl Into<String>, value: impl IntoView + 'static) -> Self {
        self.rows.push((name.into(), value.into_any()));
        self
    }

    /// A row only where there is something to say.
    #[must_use]
    pub fn maybe(self, name: impl Into<String>, value: Option<impl IntoView + 'static>) -> Self {
        match value {
            Some(value) => self.row(name, value),
            None => self,
        }
    }

    /// `sums`: figures to the right, the last row as the total.
    #[must_use]
    pub const fn class(mut self, class: &'static str) -> Self {
        self.class = Some(class);
        self
    }

    pub fn view(self) -> AnyView {
        let class = format!("facts {}", self.class.unwrap_or_default());
        let rows: Vec<AnyView> = self
            .rows
            .into_iter()
            .map(|(name, value)| view! { <div><dt>{name}</dt><dd>{value}</dd></div> }.into_any())
            .collect();
        view! { <dl class=class.trim_end().to_owned()>{rows}</dl> }.into_any()
    }
}

renders!(Facts);
