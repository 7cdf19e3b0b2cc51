//! The practice's front page: who we are, where our messages come from, and how to get on.

use leptos::prelude::*;

use super::{
    PatientShell,
    message_check::{never, senders},
};
use crate::components::{ButtonLink, Facts, heading, paragraph};

#[derive(Clone, Debug, Default)]
pub struct Front {
    /// Street, city; empty when unknown.
    pub address: String,
    pub senders: Vec<String>,
}

impl Front {
    pub fn html(self, shell: &PatientShell) -> String {
        let w = shell.words();
        let face = shell.practice.clone();
        let title = w.with("front-title", &[("alias", face.alias.clone().into())]);
        let phone_href = face.phone_href();
        let facts = Facts::new()
            .row(w.t("front-phone"), view! { <a href=phone_href>{face.phone}</a> })
            .maybe(
                w.t("front-hours"),
                (!face.hours.is_empty()).then(|| view! { <span lang="en">{face.hours}</span> }),
            )
            .maybe(w.t("front-address"), Some(self.address).filter(|text| !text.is_empty()));
        let body = view! {
            {heading(title, false)}
            {paragraph(w.t("front-what"))}
            {ButtonLink::primary("/sign-in", w.t("sign-in"))}
            <ul class="links">
                <li><a href="/link/new">{w.t("front-new-link")}</a></li>
                <li><a href="/check-message">{w.t("front-check")}</a></li>
            </ul>
            {facts}
            {senders(shell, self.senders)}
            {never(shell)}
        };
        shell.page(w.t("front-short"), body)
    }
}

/// Where no practice is named by the host or the path.
#[derive(Clone, Debug, Default)]
pub struct NoPractice;

impl NoPractice {
    pub fn html(self, shell: &PatientShell) -> String {
        let w = shell.words();
        let title = w.t("no-practice-title");
        shell.page(title, view! { {heading(title, false)} {paragraph(w.t("no-practice-what"))} })
    }
}
