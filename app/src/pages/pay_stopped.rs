//! Where `/pay` cannot offer a form: another payment is running, nothing is due, or the bill can't
//! be paid online. None of these shows an amount.

use leptos::prelude::*;

use super::PatientShell;
use crate::components::{Button, ButtonLink, Form, heading, paragraph};

#[derive(Clone, Debug)]
pub enum PayStopped {
    /// One open attempt per guarantor, whatever the entry. `attempt` names the running one.
    AlreadyInProgress {
        link: String,
        attempt: String,
    },
    NothingDue,
    /// Legal hold, collections, held import. The reason is not for this page.
    NotOnline,
}

impl PayStopped {
    pub fn html(self, shell: &PatientShell) -> String {
        let w = shell.words();
        let phone = shell.practice.phone.clone();
        match self {
            Self::AlreadyInProgress { link, attempt } => {
                let title = w.t("running-title");
                let form = Form::post("/pay/cancel", &shell.csrf)
                    .hidden("link", link)
                    .hidden("attempt", attempt)
                    .body(Button::primary(w.t("running-cancel")).view());
                shell.page(
                    title,
                    view! {
                        {heading(title, true)}
                        {paragraph(w.t("running-what"))}
                        {paragraph(w.t("running-do"))}
                        {form}
                    },
                )
            }
            Self::NothingDue => {
                let title = w.t("nothing-due");
                let account = if shell.is_signed_in {
                    ButtonLink::secondary("/account", w.t("nav-bill")).view()
                } else {
                    ButtonLink::secondary("/sign-in", w.t("sign-in")).view()
                };
                shell.page(
                    title,
                    view! { {heading(title, true)} {paragraph(w.t("nothing-due-what"))} {account} },
                )
            }
            Self::NotOnline => {
                let title = w.t("not-online-title");
                let sentence = w.with("not-online", &[("phone", phone.into())]);
                shell.page(title, view! { {heading(title, true)} {paragraph(sentence)} })
            }
        }
    }
}

/// `/pay` without a pass: the page was left open for longer than it works, or never opened.
#[derive(Clone, Copy, Debug, Default)]
pub struct PayAgain;

impl PayAgain {
    pub fn html(self, shell: &PatientShell) -> String {
        let w = shell.words();
        let title = w.t("again-title");
        let body = view! {
            {heading(title, false)}
            {paragraph(w.t("again-what"))}
            {ButtonLink::primary("/link/new", w.t("new-link-send"))}
            <p class="links"><a href="/sign-in">{w.t("sign-in")}</a></p>
        };
        shell.page(title, body)
    }
}
