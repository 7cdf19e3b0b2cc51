//! The frame of the pages in front of the workspace: signing in, accepting an invitation, the first
//! start. There is no practice yet whose colours they could wear, and nobody to name.

use leptos::prelude::*;

use crate::{
    Document, accent, assets,
    components::{ButtonLink, heading, paragraph},
    render,
    words::Lang,
};

/// A page before anybody is signed in.
pub(super) fn page(title: &str, is_error: bool, body: impl IntoView + 'static) -> String {
    render(Document {
        lang: Lang::En,
        title: format!("{title} · Clearbill"),
        is_error,
        stylesheets: vec![assets::href("staff.css").to_owned(), accent::href(accent::DEFAULT)],
        scripts: Vec::new(),
        body_class: "patient door",
        body: view! {
            <a class="skip" href="#main">"Skip to content"</a>
            <header class="page-head"><p class="alias">"Clearbill"</p></header>
            <main id="main">{body}</main>
        }
        .into_any(),
    })
}

/// A page that only says something, with one way on.
#[derive(Clone, Debug)]
pub struct DoorNotice {
    pub title: String,
    pub text: String,
    pub href: String,
    pub label: String,
}

impl DoorNotice {
    pub fn html(self) -> String {
        page(
            &self.title,
            false,
            view! {
                {heading(self.title.clone(), true)}
                {paragraph(self.text)}
                <p>{ButtonLink::primary(self.href, self.label)}</p>
            },
        )
    }
}
