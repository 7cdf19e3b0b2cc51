//! Rows of messages as a job and the notification history list them.

use domain::{
    clock::UnixMs,
    decide::{Channel, Class},
    money::Cents,
};
use jiff::tz::TimeZone;
use leptos::prelude::*;

use super::{
    decision_words::end_words,
    message_words::{Progress, capital, channel_name, class_name, together_words},
};
use crate::{
    components::{Column, Row, instant, money},
    when,
    words::Words,
};

#[derive(Clone, Debug)]
pub struct MessageRow {
    pub id: String,
    /// The account, where one is known.
    pub account: Option<(String, String)>,
    pub class: Class,
    pub channel: Channel,
    pub masked: String,
    pub amount: Option<Cents>,
    /// Other accounts in the same message; never who they are.
    pub others: i64,
    pub progress: Progress,
    /// When it came that far.
    pub at: UnixMs,
    /// When it goes, while it waits.
    pub next_at: Option<UnixMs>,
    pub end_reason: Option<String>,
    /// The provider's own word and code.
    pub provider: Option<String>,
    /// Of a failure: what was done about it, or that nobody has done anything.
    pub handled: Option<Handled>,
}

/// Whether somebody has seen to a failure.
#[derive(Clone, Debug)]
pub enum Handled {
    /// In words, with who did it.
    Done(String),
    ToDo,
}

pub(super) fn columns() -> Vec<Column> {
    vec![
        Column::new("Guarantor"),
        Column::new("Message"),
        Column::new("To"),
        Column::new("Amount").number(),
        Column::new("State"),
        Column::new("When"),
        Column::new("Why"),
    ]
}

pub(super) fn row(line: &MessageRow, now: UnixMs, zone: &TimeZone) -> Row {
    let w = Words::default();
    let who = match &line.account {
        Some((id, name)) => {
            let href = format!("/staff/patients/{id}");
            view! { <a href=href>{name.clone()}</a> }.into_any()
        }
        None => view! { <span class="hint">"No account"</span> }.into_any(),
    };
    let what =
        format!("{} by {}", class_name(line.class), channel_name(line.channel).to_lowercase());
    let href = format!("/staff/messages/{}", line.id);
    let named = match &line.account {
        Some((_, name)) => format!("{what} to {name}"),
        None => format!("{what} to {}", line.masked),
    };
    let with = (line.others > 0).then(|| {
        let words = together_words(line.channel, line.others + 1);
        view! { <br/><span class="hint">{capital(&words)}</span> }
    });
    let about = named.clone();
    let goes = line.next_at.filter(|_| {
        matches!(line.progress, Progress::Queued | Progress::Sending | Progress::PendingApproval)
    });
    let at = match goes {
        Some(at) if line.progress == Progress::Queued => {
            let words = format!("Goes {}", when::near(at, now, zone));
            view! { {words} }.into_any()
        }
        _ => instant(w, line.at, zone),
    };
    let why = match (&line.end_reason, &line.provider) {
        (Some(code), Some(word)) => format!("{} ({word})", end_words(code)),
        (Some(code), None) => end_words(code),
        (None, Some(word)) => word.clone(),
        (None, None) => String::new(),
    };
    Row::new()
        .cell(who)
        .cell(view! { <a href=href aria-label=named>{what}</a>{with} })
        .cell(line.masked.clone())
        .cell(line.amount.map(money))
        .cell(line.progress.badge().view())
        .cell(at)
        .cell(reason(line, why, &about))
}

/// Why it failed, and what was done about that.
fn reason(line: &MessageRow, why: String, named: &str) -> Option<AnyView> {
    let handled = match &line.handled {
        None => None,
        Some(Handled::Done(words)) => {
            Some(view! { <p class="hint">{words.clone()}</p> }.into_any())
        }
        Some(Handled::ToDo) => {
            let href = format!("/staff/messages/{}#what-to-do", line.id);
            let label = format!("What to do: {named}");
            Some(view! { <p><a href=href aria-label=label>"What to do"</a></p> }.into_any())
        }
    };
    let why = (!why.is_empty()).then_some(why);
    (why.is_some() || handled.is_some()).then(|| view! { {why}{handled} }.into_any())
}
