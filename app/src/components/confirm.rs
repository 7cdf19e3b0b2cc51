//! "Send 212 texts?" Yes or no, with what will happen said before.

use leptos::prelude::*;

use super::{Button, ButtonLink, Form};

pub struct Confirm {
    question: String,
    detail: Option<String>,
    form: Form,
    yes: Button,
    no: ButtonLink,
    inside: Option<AnyView>,
}

impl Confirm {
    /// `form` carries what Yes needs as hidden fields.
    pub fn new(question: impl Into<String>, form: Form, yes: Button, no: ButtonLink) -> Self {
        Self { question: question.into(), detail: None, form, yes, no, inside: None }
    }

    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Fields between the question and the buttons: a reason, for one.
    #[must_use]
    pub fn inside(mut self, inside: impl IntoView + 'static) -> Self {
        self.inside = Some(inside.into_any());
        self
    }

    pub fn view(self) -> AnyView {
        let detail = self.detail.map(|text| view! { <p>{text}</p> });
        let inside = self.inside;
        let body = self.form.body(view! {
            {inside}
            <div class="actions">{self.yes}{self.no}</div>
        });
        view! {
            <section class="confirm" aria-labelledby="confirm-question">
                <h2 id="confirm-question" tabindex="-1" autofocus=true>{self.question}</h2>
                {detail}
                {body}
            </section>
        }
        .into_any()
    }
}

renders!(Confirm);
