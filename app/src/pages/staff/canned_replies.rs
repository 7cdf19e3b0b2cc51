//! Canned replies of a practice: written once, checked for what a text can carry, used in the inbox.

use leptos::prelude::*;

use super::{StaffShell, inbox};
use crate::components::{
    Button, ButtonLink, Column, Errors, Field, Form, Row, Table, TextArea, heading,
};

pub const PATH: &str = "/staff/inbox/canned";

#[derive(Clone, Debug)]
pub struct CannedLine {
    pub id: String,
    pub title: String,
    pub body: String,
    /// Parts a carrier counts, with the practice's name before it.
    pub segments: usize,
}

/// `/staff/inbox/canned`
#[derive(Clone, Debug)]
pub struct CannedReplies {
    pub lines: Vec<CannedLine>,
    pub may_edit: bool,
    /// Empty for a new one.
    pub id: String,
    pub title: String,
    pub body: String,
    pub errors: Errors,
}

impl CannedReplies {
    pub fn html(self, shell: &StaffShell) -> String {
        let is_error = !self.errors.is_empty();
        let rows = self
            .lines
            .iter()
            .map(|line| {
                let edit = self.may_edit.then(|| {
                    let href = format!("{PATH}?edit={}#edit", line.id);
                    let remove = Form::post(format!("{PATH}/{}/remove", line.id), &shell.csrf)
                        .body(
                            Button::quiet("Remove").named(format!("Remove {}", line.title)).view(),
                        );
                    view! {
                        {ButtonLink::secondary(href, format!("Edit {}", line.title)).view()}
                        {remove}
                    }
                });
                let parts = if line.segments == 1 {
                    "1 part".to_owned()
                } else {
                    format!("{} parts", line.segments)
                };
                Row::new().cell(line.title.clone()).cell(line.body.clone()).cell(parts).cell(edit)
            })
            .collect();
        let columns = ["Title", "Words", "Length", "Change"].map(Column::new).to_vec();
        let table = Table::new("Canned replies", columns)
            .rows(rows)
            .empty(view! { <p>"None has been written yet."</p> });
        let form = self.may_edit.then(|| {
            let label = if self.id.is_empty() { "Add canned reply" } else { "Save canned reply" };
            let legend = if self.id.is_empty() { "A new one" } else { "Change it" };
            let fields = view! {
                {Field::text("title", "Title")
                    .hint("What staff see in the inbox.")
                    .maxlength(60)
                    .value(self.title.clone())
                    .error(self.errors.of("title"))
                    .required()}
                {TextArea::new("body", "Words")
                    .hint("The practice's name is put before it. No names, visits or treatment: \
                           the same words go to everybody.")
                    .maxlength(400)
                    .value(self.body.clone())
                    .error(self.errors.of("body"))
                    .required()}
                <div class="actions">{Button::primary(label)}</div>
            };
            let form = Form::post(PATH, &shell.csrf).hidden("id", self.id.clone()).body(fields);
            view! { <section id="edit" class="panel narrow-page"><h2>{legend}</h2>{form}</section> }
        });
        let body = view! {
            {heading("Canned replies", false)}
            {self.errors.summary("It was not saved")}
            {table}
            {form}
            <p>{ButtonLink::secondary(inbox::PATH, "Back to the inbox")}</p>
        };
        if is_error {
            shell.error_page("Canned replies", body)
        } else {
            shell.page("Canned replies", body)
        }
    }
}
