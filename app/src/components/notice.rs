//! A message on the page: `role=alert` interrupts (a decline), `role=status` waits (work is done).

use leptos::prelude::*;

use super::Tone;

pub struct Notice {
    tone: Tone,
    role: Option<&'static str>,
    id: Option<&'static str>,
    title: Option<String>,
    focus: bool,
    body: Option<AnyView>,
}

impl Notice {
    /// Says something that is simply so.
    pub fn new(tone: Tone) -> Self {
        Self { tone, role: None, id: None, title: None, focus: false, body: None }
    }

    /// Interrupts a screen reader, and takes the focus.
    pub fn alert(tone: Tone) -> Self {
        Self { role: Some("alert"), focus: true, ..Self::new(tone) }
    }

    /// Read out when there is a pause.
    pub fn status(tone: Tone) -> Self {
        Self { role: Some("status"), ..Self::new(tone) }
    }

    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// An alert beside another one that has the focus.
    #[must_use]
    pub const fn unfocused(mut self) -> Self {
        self.focus = false;
        self
    }

    #[must_use]
    pub const fn id(mut self, id: &'static str) -> Self {
        self.id = Some(id);
        self
    }

    #[must_use]
    pub fn text(self, text: impl Into<String>) -> Self {
        let text: String = text.into();
        self.body(view! { <p>{text}</p> })
    }

    #[must_use]
    pub fn body(mut self, body: impl IntoView + 'static) -> Self {
        self.body = Some(body.into_any());
        self
    }

    pub fn view(self) -> AnyView {
        let class = format!("notice {}", self.tone.class());
        let tabindex = self.focus.then_some("-1");
        let title = self.title.map(|text| view! { <p class="notice-title">{text}</p> });
        view! {
            <div class=class role=self.role id=self.id tabindex=tabindex autofocus=self.focus>
                {title}
                {self.body}
            </div>
        }
        .into_any()
    }
}

renders!(Notice);
