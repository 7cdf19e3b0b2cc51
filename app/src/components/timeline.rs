//! What happened, newest first.

use leptos::prelude::*;

use super::Tone;

/// One thing that happened.
pub struct Moment {
    at: AnyView,
    title: String,
    body: Option<AnyView>,
    tone: Tone,
}

impl Moment {
    /// `at` is `instant(…)`.
    pub fn new(at: AnyView, title: impl Into<String>) -> Self {
        Self { at, title: title.into(), body: None, tone: Tone::Plain }
    }

    #[must_use]
    pub fn body(mut self, body: impl IntoView + 'static) -> Self {
        self.body = Some(body.into_any());
        self
    }

    #[must_use]
    pub const fn tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }
}

pub struct Timeline {
    moments: Vec<Moment>,
    empty: String,
}

impl Timeline {
    pub fn new(moments: Vec<Moment>, empty: impl Into<String>) -> Self {
        Self { moments, empty: empty.into() }
    }

    pub fn view(self) -> AnyView {
        if self.moments.is_empty() {
            return view! { <p class="empty">{self.empty}</p> }.into_any();
        }
        let moments: Vec<AnyView> = self
            .moments
            .into_iter()
            .map(|moment| {
                view! {
                    <li class=moment.tone.class()>
                        <span class="when">{moment.at}</span>
                        <div><p>{moment.title}</p>{moment.body}</div>
                    </li>
                }
                .into_any()
            })
            .collect();
        view! { <ol class="timeline">{moments}</ol> }.into_any()
    }
}

renders!(Timeline);
