//! Pages of a list, by links that keep its state.

use leptos::prelude::*;

use super::Query;

pub struct Pager {
    path: String,
    query: Query,
    /// From 1.
    page: u64,
    per_page: u64,
    total: u64,
    noun: String,
}

impl Pager {
    /// `noun` as in "1 to 50 of 212 accounts". The address carries `page`.
    pub fn new(path: &str, query: &Query, per_page: u64, total: u64, noun: &str) -> Self {
        let page = query.get("page").and_then(|page| page.parse().ok()).unwrap_or(1);
        let pages = total.div_ceil(per_page.max(1)).max(1);
        Self {
            path: path.to_owned(),
            query: query.without(&["page"]),
            page: u64::clamp(page, 1, pages),
            per_page: per_page.max(1),
            total,
            noun: noun.to_owned(),
        }
    }

    pub fn view(self) -> AnyView {
        if self.total == 0 {
            return ().into_any();
        }
        let pages = self.total.div_ceil(self.per_page);
        let first = (self.page - 1) * self.per_page + 1;
        let last = (self.page * self.per_page).min(self.total);
        let text = format!("{first} to {last} of {} {}", self.total, self.noun);
        let link = |page: u64, label: &'static str| {
            let href = self.query.with("page", &page.to_string()).href(&self.path);
            view! { <a class="button" href=href>{label}</a> }
        };
        let previous = (self.page > 1).then(|| link(self.page - 1, "Previous"));
        let next = (self.page < pages).then(|| link(self.page + 1, "Next"));
        view! {
            <nav class="pager" aria-label="Pages">
                <span>{text}</span>
                {previous}
                {next}
            </nav>
        }
        .into_any()
    }
}

renders!(Pager);
