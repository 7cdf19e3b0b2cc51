//! `/pay/checking/{attempt}`: nobody knows yet whether the money moved. The page says so, and that
//! paying again would be wrong.

use leptos::prelude::*;

use super::PatientShell;
use crate::components::{ButtonLink, Notice, Tone, heading, paragraph};

#[derive(Clone, Debug)]
pub struct Checking {
    pub attempt: String,
    /// Where the answer will be sent too; masked.
    pub told_at: Option<String>,
}

impl Checking {
    pub fn html(self, shell: &PatientShell) -> String {
        let w = shell.words();
        let title = w.t("checking-title");
        let told = match self.told_at {
            Some(at) => w.with("checking-told-at", &[("contact", at.into())]),
            None => w.t("checking-told-here").to_owned(),
        };
        let again = format!("/pay/checking/{}", self.attempt);
        let body = view! {
            {heading(title, true)}
            {Notice::status(Tone::Warn)
                .body(view! { {paragraph(w.t("checking-do-not-pay"))} {paragraph(told)} })}
            {ButtonLink::primary(again, w.t("checking-again"))}
        };
        shell.page(title, body)
    }
}
