//! A message that failed, and what staff can do about it: put the contact right, send the notice another
//! way, stop writing to the guarantor, or put it away with a reason (S-H1). What was done stands there
//! with who did it, and can be taken back.

use domain::{
    clock::UnixMs,
    decide::{Channel, Decision},
};
use jiff::tz::TimeZone;
use leptos::prelude::*;

use super::{decision_words::outcome, message_words::channel_name, notification_history::PATH};
use crate::components::{
    Button, ButtonLink, Errors, Form, Notice, Radio, RadioGroup, Select, TextArea, Tone,
};

/// Why nothing is to be done, as it is stored and as people read it.
pub const REASONS: [(&str, &str); 5] = [
    ("paid", "They have paid, or nothing is due any more"),
    ("reached", "They were reached another way"),
    ("moved", "They have left the practice or moved away"),
    ("no_contact", "Nobody knows how to reach them"),
    ("other", "Something else (write it down)"),
];

/// `Put away: they have paid`, of a stored outcome and its detail.
pub fn handled_words(outcome: &str, detail: &str) -> String {
    match (outcome, detail) {
        ("contact", _) => "Contact put right".to_owned(),
        ("channel", "letter") => "A letter goes instead: it is in the print queue".to_owned(),
        ("channel", channel) => {
            let by = Channel::parse(channel).map_or(channel, |channel| channel_name(channel));
            format!("Sent by {} instead", by.to_lowercase())
        }
        ("opt_out", "all") => "Opted out everywhere".to_owned(),
        ("opt_out", _) => "Opted out at this phone or email".to_owned(),
        (_, reason) => {
            let known = REASONS.iter().find(|(code, _)| *code == reason);
            let words = known.map_or(reason, |(_, words)| *words);
            match words.split_once(" (") {
                Some((words, _)) => format!("Put away: {}", words.to_lowercase()),
                None => format!("Put away: {}", words.to_lowercase()),
            }
        }
    }
}

/// A way the notice could go instead.
#[derive(Clone, Debug)]
pub struct WayInstead {
    pub channel: Channel,
    pub masked: String,
    pub decision: Option<Decision>,
}

impl WayInstead {
    fn goes(&self) -> bool {
        use domain::decide::Outcome;
        self.decision.as_ref().is_some_and(|decision| decision.outcome != Outcome::Withhold)
    }
}

/// Which of the outcomes the reader may choose.
#[derive(Clone, Copy, Debug, Default)]
pub struct HandlingRights {
    pub contacts: bool,
    pub sends: bool,
    pub archives: bool,
}

#[derive(Clone, Debug)]
pub struct Handling {
    pub message: String,
    /// The account's id; none for a message to a stranger.
    pub account: Option<String>,
    pub channel: Channel,
    pub masked: String,
    pub rights: HandlingRights,
    /// What was done, by whom, and whether the reader may take it back.
    pub stands: Option<(String, bool)>,
    pub ways: Vec<WayInstead>,
    /// A reminder, which alone has other ways.
    pub is_reminder: bool,
    pub typed_reason: String,
    pub typed_note: String,
}

impl Handling {
    pub fn view(&self, csrf: &str, errors: &Errors, now: UnixMs, zone: &TimeZone) -> AnyView {
        let body = match &self.stands {
            Some((words, may_undo)) => self.done(csrf, words, *may_undo),
            None => self.choices(csrf, errors, now, zone),
        };
        view! {
            <section class="panel" aria-labelledby="what-to-do">
                <h2 id="what-to-do">"What to do about it"</h2>
                {body}
                <p><a href=format!("{PATH}?errors=1")>"Back to Manage Errors"</a></p>
            </section>
        }
        .into_any()
    }

    fn at(&self, part: &str) -> String {
        format!("/staff/messages/{}/{part}", self.message)
    }

    fn done(&self, csrf: &str, words: &str, may_undo: bool) -> AnyView {
        let undo = may_undo.then(|| {
            Form::post(self.at("handled/undo"), csrf)
                .body(view! { <div class="actions">{Button::secondary("Take it back")}</div> })
        });
        view! {
            {Notice::new(Tone::Good).text(words.to_owned())}
            {undo}
        }
        .into_any()
    }

    fn choices(&self, csrf: &str, errors: &Errors, now: UnixMs, zone: &TimeZone) -> AnyView {
        let contact = self.account.as_ref().filter(|_| self.rights.contacts).map(|account| {
            let href = format!("/staff/patients/{account}?error={}#contacts", self.message);
            view! {
                <h3>"Put the contact right"</h3>
                <p class="hint">
                    "Correct, confirm or add a phone or email on the record. You come back here \
                     afterwards."
                </p>
                <div class="actions">{ButtonLink::secondary(href, "Fix the contact")}</div>
            }
        });
        let nothing = !self.rights.contacts && !self.rights.sends && !self.rights.archives;
        let nothing = nothing.then(|| view! { <p class="hint">"Your role reads errors only."</p> });
        view! {
            {nothing}
            {contact}
            {self.instead(csrf, errors, now, zone)}
            {self.stopping(csrf, errors)}
            {self.archive(csrf, errors)}
        }
        .into_any()
    }

    fn instead(&self, csrf: &str, errors: &Errors, now: UnixMs, zone: &TimeZone) -> AnyView {
        if !self.rights.sends || !self.is_reminder {
            return ().into_any();
        }
        let heading = view! { <h3>"Send it another way"</h3> };
        if self.ways.is_empty() {
            return view! {
                {heading}
                <p class="hint">
                    "This notice is under way already, or nothing is on file to send it to."
                </p>
            }
            .into_any();
        }
        let (open, closed): (Vec<&WayInstead>, Vec<&WayInstead>) =
            self.ways.iter().partition(|way| way.goes());
        let closed: Vec<AnyView> = closed
            .into_iter()
            .map(|way| {
                let words = outcome(way.decision.as_ref(), way.channel, now, zone);
                view! { <li>{words}</li> }.into_any()
            })
            .collect();
        let closed = (!closed.is_empty()).then(|| view! { <ul class="plain hint">{closed}</ul> });
        if open.is_empty() {
            return view! { {heading}{closed} }.into_any();
        }
        let first = open[0].channel.as_str();
        let group = RadioGroup::new("channel", "How should it go?")
            .chosen(first)
            .error(errors.of("channel"));
        let group = open.into_iter().fold(group, |group, way| {
            let label = format!("{} to {}", channel_name(way.channel), way.masked);
            let hint = outcome(way.decision.as_ref(), way.channel, now, zone);
            group.answer(Radio::new(way.channel.as_str(), label).hint(hint))
        });
        let form = Form::post(self.at("instead"), csrf).body(view! {
            {group}
            <div class="actions">{Button::secondary("Send it this way")}</div>
        });
        view! { {heading}{closed}{form} }.into_any()
    }

    fn stopping(&self, csrf: &str, errors: &Errors) -> AnyView {
        if !self.rights.contacts || self.account.is_none() {
            return ().into_any();
        }
        let what = match self.channel {
            Channel::Email => "this email",
            Channel::Fax => "this fax number",
            Channel::Text | Channel::Voice | Channel::Letter => "this phone, texts and calls",
        };
        let here = format!("At {} ({what})", self.masked);
        let group = RadioGroup::new("where", "Where should nothing be sent any more?")
            .chosen("this")
            .error(errors.of("where"))
            .answer(Radio::new("this", here))
            .answer(Radio::new("all", "At every phone, email and fax number on the record"));
        let form = Form::post(self.at("opt-out"), csrf).body(view! {
            {group}
            <div class="actions">{Button::secondary("Opt out")}</div>
        });
        view! { <h3>"Stop writing to them"</h3>{form} }.into_any()
    }

    fn archive(&self, csrf: &str, errors: &Errors) -> AnyView {
        if !self.rights.archives {
            return ().into_any();
        }
        let form = Form::post(self.at("archive"), csrf).body(view! {
            {Select::new("reason", "Why is nothing to be done?")
                .option("", "Choose")
                .options(REASONS)
                .chosen(self.typed_reason.clone())
                .error(errors.of("reason"))}
            {TextArea::new("note", "Note")
                .rows(2)
                .maxlength(500)
                .value(self.typed_note.clone())
                .error(errors.of("note"))}
            <div class="actions">{Button::secondary("Put it away")}</div>
        });
        view! { <h3>"Put it away"</h3>{form} }.into_any()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_reads_as_a_sentence() {
        for (outcome, detail, words) in [
            ("contact", "", "Contact put right"),
            ("channel", "email", "Sent by email instead"),
            ("channel", "voice", "Sent by call instead"),
            ("channel", "letter", "A letter goes instead: it is in the print queue"),
            ("opt_out", "this", "Opted out at this phone or email"),
            ("opt_out", "all", "Opted out everywhere"),
            ("archive", "paid", "Put away: they have paid, or nothing is due any more"),
            ("archive", "other", "Put away: something else"),
        ] {
            assert_eq!(handled_words(outcome, detail), words);
        }
    }
}
