//! What stands around every page of the workspace: the practice, who is signed in, where one can
//! go, and the warning before an idle sign-out.

use leptos::prelude::*;

use crate::{
    Document, accent, assets,
    components::{Button, Form, Notice, Tone},
    render,
    words::Lang,
};

/// One place to go, for those whose role may go there.
#[derive(Clone, Debug)]
pub struct NavEntry {
    pub label: String,
    pub href: String,
    /// How many things wait there.
    pub waiting: Option<u64>,
}

impl NavEntry {
    pub fn new(label: impl Into<String>, href: impl Into<String>) -> Self {
        Self { label: label.into(), href: href.into(), waiting: None }
    }

    #[must_use]
    pub const fn waiting(mut self, count: u64) -> Self {
        self.waiting = Some(count);
        self
    }
}

/// Around a page of the workspace.
#[derive(Clone, Debug)]
pub struct StaffShell {
    /// The practice's own name for itself.
    pub practice: String,
    /// `#0b6157`
    pub accent: String,
    pub staff_name: String,
    /// `Biller`
    pub role: String,
    pub csrf: String,
    /// The `href` of the current navigation entry.
    pub section: String,
    /// Only what this role may open. Texting pages are left out while SMS is off (S-G5).
    pub navigation: Vec<NavEntry>,
    pub sms_enabled: bool,
    /// Minutes without a request until the session ends; the warning comes two minutes earlier.
    pub idle_minutes: u32,
    /// What the last action did, said once, as a status.
    pub flash: Option<String>,
    /// What stops outreach for the whole practice, on every page until it is resolved.
    pub alarm: Option<(String, String)>,
}

impl StaffShell {
    /// A page. `title` never holds a person's name.
    pub fn page(&self, title: &str, body: impl IntoView + 'static) -> String {
        self.write(title, false, &[], body.into_any())
    }

    /// A page that refuses what was sent.
    pub fn error_page(&self, title: &str, body: impl IntoView + 'static) -> String {
        self.write(title, true, &[], body.into_any())
    }

    /// A page that refuses what was sent, with modules of `app/scripts`.
    pub fn error_page_with(
        &self,
        title: &str,
        scripts: &[&str],
        body: impl IntoView + 'static,
    ) -> String {
        self.write(title, true, scripts, body.into_any())
    }

    /// A page with modules of `app/scripts`, by file name.
    pub fn page_with(
        &self,
        title: &str,
        scripts: &[&str],
        body: impl IntoView + 'static,
    ) -> String {
        self.write(title, false, scripts, body.into_any())
    }

    fn write(&self, title: &str, is_error: bool, scripts: &[&str], body: AnyView) -> String {
        let mut modules = vec!["idle.js"];
        modules.extend(scripts);
        render(Document {
            lang: Lang::En,
            title: format!("{title} · {}", self.practice),
            is_error,
            stylesheets: vec![assets::href("staff.css").to_owned(), accent::href(&self.accent)],
            scripts: modules.into_iter().map(|name| assets::href(name).to_owned()).collect(),
            body_class: "staff",
            body: self.around(body),
        })
    }

    fn around(&self, body: AnyView) -> AnyView {
        let entries: Vec<AnyView> = self.navigation.iter().map(|e| self.entry(e)).collect();
        let flash = self.flash.clone().map(|text| Notice::status(Tone::Good).text(text).view());
        let alarm = self.alarm.clone().map(|(text, href)| {
            Notice::new(Tone::Warn)
                .body(view! { <p>{text}" "<a href=href>"Look at it"</a></p> })
                .view()
        });
        let sign_out =
            Form::post("/staff/sign-out", &self.csrf).body(Button::quiet("Sign out").view());
        // The script shows this two minutes before the session ends.
        let warn_after = (u64::from(self.idle_minutes.saturating_sub(2)) * 60_000).to_string();
        view! {
            <a class="skip" href="#main">"Skip to content"</a>
            <header class="staff-head">
                <p class="alias">{self.practice.clone()}</p>
                <p class="who">{format!("{} · {}", self.staff_name, self.role)}</p>
                {sign_out}
            </header>
            <nav class="staff-nav" aria-label="Workspace"><ul>{entries}</ul></nav>
            <main id="main">
                <div id="idle" class="notice warn" role="alert" data-warn-after-ms=warn_after hidden>
                    <p>
                        "You will be signed out in two minutes. "
                        <a href="">"Reload this page to stay signed in"</a>
                    </p>
                </div>
                {alarm}
                {flash}
                {body}
            </main>
        }
        .into_any()
    }

    fn entry(&self, entry: &NavEntry) -> AnyView {
        let current = (entry.href == self.section).then_some("page");
        let waiting = entry.waiting.filter(|count| *count > 0).map(|count| {
            view! { <span class="count">{count.to_string()}<span class="unseen">" waiting"</span></span> }
        });
        view! {
            <li><a href=entry.href.clone() aria-current=current>{entry.label.clone()}{waiting}</a></li>
        }
        .into_any()
    }
}
