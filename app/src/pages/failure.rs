//! When it is us: one sentence for outside, and the reference under which the cause was logged.

use leptos::prelude::*;

use super::PatientShell;
use crate::components::{Facts, heading, paragraph};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// Also for what exists and is not the reader's: the two must look the same.
    NotFound,
    /// No session, wrong form token, foreign origin.
    Refused,
    TooMany,
    TooLarge,
    /// Something broke on our side.
    Broken,
}

#[derive(Clone, Debug)]
pub struct FailurePage {
    pub kind: FailureKind,
    /// To tell on the phone; `None` where nothing was logged.
    pub reference: Option<String>,
}

impl FailurePage {
    pub fn html(self, shell: &PatientShell) -> String {
        let w = shell.words();
        let (title, what) = match self.kind {
            FailureKind::NotFound => (w.t("failure-not-found"), w.t("failure-not-found-what")),
            FailureKind::Refused => (w.t("failure-refused"), w.t("failure-refused-what")),
            FailureKind::TooMany => (w.t("failure-too-many"), w.t("failure-too-many-what")),
            FailureKind::TooLarge => (w.t("failure-too-large"), w.t("failure-too-large-what")),
            FailureKind::Broken => (w.t("failure-broken"), w.t("failure-broken-what")),
        };
        let reference =
            self.reference.map(|text| Facts::new().row(w.t("receipt-reference"), text).view());
        shell.error_page(title, view! { {heading(title, false)} {paragraph(what)} {reference} })
    }
}
