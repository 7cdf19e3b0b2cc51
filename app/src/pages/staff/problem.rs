//! When something in the workspace is refused or broken: said inside the workspace, so that one can
//! go on from where one was.

use leptos::prelude::*;

use super::StaffShell;
use crate::{
    components::{ButtonLink, Facts, heading, paragraph},
    pages::ProblemKind,
};

#[derive(Clone, Debug)]
pub struct StaffProblem {
    /// `None` for what does not exist, or is another practice's: the two look the same (R01).
    pub kind: Option<ProblemKind>,
    /// Under which the cause is in the log; `None` where nothing was logged.
    pub reference: Option<String>,
}

impl StaffProblem {
    pub fn html(self, shell: &StaffShell) -> String {
        let (title, what) = match self.kind {
            None => (
                "This page does not exist",
                "What it showed may have been removed, or the address is not quite right.",
            ),
            Some(ProblemKind::NotAllowed) => (
                "Your role may not do this",
                "Ask someone whose role allows it, or a manager. Nothing was changed.",
            ),
            Some(ProblemKind::FormExpired) => (
                "This page was open for too long",
                "Nothing was changed. Go back, reload the page and send it again.",
            ),
            Some(ProblemKind::TooMany) => {
                ("Too many requests", "Wait a minute and try again. Nothing was changed.")
            }
            Some(ProblemKind::TooLarge) => {
                ("This is too large", "Send something smaller. Nothing was changed.")
            }
            Some(ProblemKind::Malformed) => (
                "This could not be accepted",
                "Nothing was changed. Go back, reload the page and try again.",
            ),
            Some(ProblemKind::CardNumber) => (
                "This looks like a card number",
                "It was not kept, and nothing was changed. Go back and take the number out: cards \
                 are only ever typed into the card form of Make a Payment.",
            ),
            Some(ProblemKind::Broken) => (
                "Something went wrong on our side",
                "Look whether your change is there before you make it again. If this stays, tell \
                 whoever runs this server the reference.",
            ),
        };
        let reference = self.reference.map(|text| Facts::new().row("Reference", text).view());
        let body = view! {
            {heading(title, false)}
            {paragraph(what)}
            {reference}
            <p>{ButtonLink::secondary("/staff", "Go to the dashboard")}</p>
        };
        shell.error_page(title, body)
    }
}
