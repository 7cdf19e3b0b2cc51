//! The timeline of an account: imports, messages, views, payments, declines, replies, notes.

use domain::clock::UnixMs;
use jiff::tz::TimeZone;
use leptos::prelude::*;

use super::{
    StaffShell,
    patient_record::{RecordHead, RecordTab},
};
use crate::{
    components::{Moment, Timeline, Tone, instant_full},
    words::Words,
};

#[derive(Clone, Debug)]
pub struct Event {
    pub at: UnixMs,
    pub title: String,
    pub detail: String,
    /// Where to read more.
    pub link: Option<(String, &'static str)>,
    pub tone: Tone,
}

#[derive(Clone, Debug)]
pub struct RecordTimeline {
    pub zone: TimeZone,
    pub head: RecordHead,
    /// Newest first.
    pub events: Vec<Event>,
    /// Older ones were left out.
    pub is_cut: bool,
    /// Who looked at this patient; for those who may read the audit.
    pub audit: Option<String>,
}

impl RecordTimeline {
    pub fn html(self, shell: &StaffShell) -> String {
        let w = Words::default();
        let moments = self
            .events
            .into_iter()
            .map(|event| {
                let link = event.link.map(|(href, label)| view! { <a href=href>{label}</a> });
                let detail = (!event.detail.is_empty()).then(|| view! { <p>{event.detail}</p> });
                Moment::new(instant_full(w, event.at, &self.zone), event.title)
                    .tone(event.tone)
                    .body(view! { {detail}{link} })
            })
            .collect();
        let list = Timeline::new(moments, "Nothing has happened on this account yet.");
        let cut = self.is_cut.then(|| view! { <p class="hint">"Older events are left out."</p> });
        let audit =
            self.audit.map(|href| view! { <p><a href=href>"Who looked at this patient"</a></p> });
        shell.page(
            "Timeline",
            view! {
                {self.head.view(RecordTab::Timeline, false)}
                {list}
                {cut}
                {audit}
            },
        )
    }
}
