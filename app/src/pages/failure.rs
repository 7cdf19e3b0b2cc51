//! When something is refused or broken: one sentence for outside, and the reference under which
//! the cause was logged.

use leptos::prelude::*;

use super::PatientShell;
use crate::{
    components::{Facts, heading, paragraph},
    words::Words,
};

/// Also for what exists and is not the reader's: the two must look the same (R01).
#[derive(Clone, Copy, Debug, Default)]
pub struct NotFound {}

impl NotFound {
    pub fn html(self, shell: &PatientShell) -> String {
        let w = shell.words();
        let title = w.t("failure-not-found");
        shell.error_page(
            title,
            view! {
                {heading(title, false)}
                {paragraph(w.t("failure-not-found-what"))}
                <ul class="links">
                    <li><a href="/">{w.t("failure-front")}</a></li>
                    <li><a href="/link/new">{w.t("front-new-link")}</a></li>
                    <li><a href="/sign-in">{w.t("sign-in")}</a></li>
                </ul>
            },
        )
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    NotAllowed,
    /// The form did not come from our page, or its page is too old.
    FormExpired,
    TooMany,
    TooLarge,
    Malformed,
    /// The number of a card stood in a field that takes none.
    CardNumber,
    /// Something broke on our side.
    Broken,
}

#[derive(Clone, Debug)]
pub struct Problem {
    pub kind: ProblemKind,
    /// To tell on the phone; `None` where nothing was logged.
    pub reference: Option<String>,
}

impl ProblemKind {
    /// What happened, and what to do about it.
    fn words(self, w: Words) -> (&'static str, &'static str) {
        match self {
            ProblemKind::NotAllowed => {
                (w.t("failure-not-allowed"), w.t("failure-not-allowed-what"))
            }
            ProblemKind::FormExpired => (w.t("failure-refused"), w.t("refused-form-expired")),
            ProblemKind::TooMany => (w.t("failure-too-many"), w.t("failure-too-many-what")),
            ProblemKind::TooLarge => (w.t("failure-too-large"), w.t("failure-too-large-what")),
            ProblemKind::Malformed => (w.t("failure-refused"), w.t("failure-refused-what")),
            ProblemKind::CardNumber => (w.t("failure-refused"), w.t("failure-card-number")),
            ProblemKind::Broken => (w.t("failure-broken"), w.t("failure-broken-what")),
        }
    }
}

impl Problem {
    pub fn html(self, shell: &PatientShell) -> String {
        let w = shell.words();
        let (title, what) = self.kind.words(w);
        let reference =
            self.reference.map(|text| Facts::new().row(w.t("receipt-reference"), text).view());
        let body = view! { {heading(title, false)} {paragraph(what)} {reference} };
        shell.error_page(title, body)
    }
}
