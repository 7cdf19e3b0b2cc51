//! Why, why not, what next: the outcome in a sentence, each rule with its fact, and what was decided
//! before. The same decision as at the gate; a day picker asks it about another day.

use domain::{
    clock::UnixMs,
    decide::{Channel, Decision, Outcome, Reason, Verdict},
    money::Cents,
};
use jiff::{civil::Date, tz::TimeZone};
use leptos::prelude::*;

use super::{
    StaffShell,
    claim_words::counted,
    decision_words::{mend, outcome, rule_title, sentence},
    message_words::{Sent, sent_sentence},
    patient_record::{RecordHead, RecordTab},
    record_agreed::WhyAgreed,
};
use crate::{
    components::{
        Badge, Button, Column, Facts, Field, Form, Moment, Notice, Row, Table, Timeline, Tone, day,
        instant, instant_full, money,
    },
    when,
    words::Words,
};

/// The answer for one channel.
#[derive(Clone, Debug)]
pub struct WhyAnswer {
    pub channel: Channel,
    pub masked: Option<String>,
    pub decision: Option<Decision>,
}

/// A message that waits.
#[derive(Clone, Debug)]
pub struct WhyPending {
    pub message: String,
    pub channel: Channel,
    pub needs_approval: bool,
    pub next_at: Option<UnixMs>,
}

/// A decision as it was stored.
#[derive(Clone, Debug)]
pub struct WhyStored {
    pub at: UnixMs,
    pub message: Option<String>,
    /// How that message goes; none for a decision about an account alone.
    pub channel: Option<Channel>,
    pub outcome: Outcome,
    pub reasons: Vec<Reason>,
    pub ruleset: String,
}

#[derive(Clone, Debug)]
pub struct RecordWhy {
    pub zone: TimeZone,
    pub now: UnixMs,
    pub head: RecordHead,
    pub sms_enabled: bool,
    /// The day asked about; none for now.
    pub asked: Option<Date>,
    /// It is over: what was decided on it is all there is to say.
    pub is_past: bool,
    pub at: UnixMs,
    pub facts_as_of: UnixMs,
    pub ruleset: String,
    pub due: Cents,
    pub oldest_since: Option<Date>,
    pub answers: Vec<WhyAnswer>,
    /// Payments they agreed to, and when they are told of them.
    pub agreed: Vec<WhyAgreed>,
    pub pending: Vec<WhyPending>,
    pub next_look: Option<UnixMs>,
    pub is_below_the_floor: bool,
    /// What went or did not go lately, newest first.
    pub sent: Vec<Sent>,
    pub history: Vec<WhyStored>,
}

const fn by(channel: Channel) -> &'static str {
    match channel {
        Channel::Text => "By text",
        Channel::Email => "By email",
        Channel::Voice => "By call",
        Channel::Fax => "By fax",
        Channel::Letter => "By letter",
    }
}

fn verdict(verdict: Verdict) -> Badge {
    match verdict {
        Verdict::Pass => Badge::new("Fine").tone(Tone::Good),
        Verdict::Defer(_) => Badge::new("Wait").tone(Tone::Warn),
        Verdict::Withhold => Badge::new("No").tone(Tone::Danger),
    }
}

impl RecordWhy {
    pub fn html(self, shell: &StaffShell) -> String {
        let answers: Vec<AnyView> = self
            .answers
            .iter()
            .filter(|_| !self.is_past)
            .filter(|answer| self.sms_enabled || answer.channel != Channel::Text)
            .map(|answer| self.answer(answer))
            .collect();
        let body = view! {
            {self.head.view(RecordTab::Why, false)}
            {self.happened()}
            {self.next()}
            {self.agreed()}
            {self.picker()}
            {answers}
            {self.footing()}
            {self.history()}
        };
        shell.page("Why, why not, what next", body)
    }

    fn happened(&self) -> AnyView {
        let w = Words::default();
        let moments = self
            .sent
            .iter()
            .map(|one| {
                let (words, tone) = sent_sentence(one);
                let href = format!("/staff/messages/{}", one.id);
                Moment::new(instant(w, one.at, &self.zone), words)
                    .tone(tone)
                    .body(view! { <a href=href>"See the message"</a> })
            })
            .collect();
        let list = Timeline::new(moments, "Nothing was sent to this account yet.");
        view! { <h2>"What was sent"</h2>{list} }.into_any()
    }

    fn next(&self) -> AnyView {
        let mut lines: Vec<String> = self
            .pending
            .iter()
            .map(|one| {
                let kind = match one.channel {
                    Channel::Text => "A text",
                    Channel::Email => "An email",
                    Channel::Voice => "A call",
                    Channel::Fax => "A fax",
                    Channel::Letter => "A letter",
                };
                match (one.needs_approval, one.next_at) {
                    (true, _) => format!("{kind} waits for somebody's approval."),
                    (false, Some(at)) => format!(
                        "{kind} goes {}, if the rules still allow it then.",
                        when::near(at, self.now, &self.zone)
                    ),
                    (false, None) => format!("{kind} is being handed over."),
                }
            })
            .collect();
        if lines.is_empty() {
            lines.push("No message waits. Reminders begin when staff send statements.".to_owned());
        }
        lines.push(match self.next_look {
            Some(at) if at > self.now => format!(
                "Clearbill looks at this account again {}.",
                when::near(at, self.now, &self.zone)
            ),
            Some(_) => "Clearbill looks at this account again within a minute.".to_owned(),
            None => "Clearbill looks at this account again when something changes: a balance, a \
                     payment, a reply, a hold."
                .to_owned(),
        });
        let lines: Vec<AnyView> =
            lines.into_iter().map(|line| view! { <p>{line}</p> }.into_any()).collect();
        view! { <h2>"What happens next"</h2>{lines} }.into_any()
    }

    fn agreed(&self) -> AnyView {
        if self.agreed.is_empty() {
            return ().into_any();
        }
        let each: Vec<AnyView> =
            self.agreed.iter().map(|one| one.view(self.now, &self.zone)).collect();
        view! { <h2>"What they agreed to pay"</h2>{each} }.into_any()
    }

    fn picker(&self) -> AnyView {
        let asked = self.asked.map(|date| date.to_string()).unwrap_or_default();
        let form = Form::get(self.head.at("/why")).class("filters").body(view! {
            {Field::date("day", "What about another day?").value(asked)}
            <div class="actions">
                {Button::secondary("Ask")}
                {self.asked.map(|_| {
                    let now = self.head.at("/why");
                    view! { <a href=now>"Back to now"</a> }
                })}
            </div>
        });
        let title = match self.asked {
            Some(past) if self.is_past => {
                format!("What was decided on {}", when::day(Words::default(), past))
            }
            Some(_) => format!(
                "If a reminder were proposed on {}",
                when::instant_full(Words::default(), self.at, &self.zone)
            ),
            None => "If a reminder were proposed now".to_owned(),
        };
        let floor = (self.is_below_the_floor && !self.is_past).then(|| {
            Notice::new(Tone::Warn)
                .text("Between midnight and 3 AM in any of the fifty states no texts are started.")
                .view()
        });
        view! { <h2>{title}</h2>{form}{floor} }.into_any()
    }

    fn answer(&self, answer: &WhyAnswer) -> AnyView {
        let title = match &answer.masked {
            Some(masked) => format!("{} to {masked}", by(answer.channel)),
            None => by(answer.channel).to_owned(),
        };
        let words = outcome(answer.decision.as_ref(), answer.channel, self.now, &self.zone);
        let stands = answer.decision.as_ref().is_some_and(Decision::sends);
        let tone = if stands { Tone::Good } else { Tone::Warn };
        let headline = answer.decision.as_ref().and_then(|d| d.headline()).map(|r| r.rule);
        let way =
            (!stands).then(|| mend(headline, &self.head.id)).flatten().map(|(label, href)| {
                let named = format!("{label}, {}", by(answer.channel).to_lowercase());
                view! { <p><a href=href aria-label=named>{label}</a></p> }
            });
        let rules = answer
            .decision
            .as_ref()
            .map(|decision| rules(&decision.reasons, &self.zone, &format!("Rules: {title}")));
        view! {
            <section class="panel" aria-label=title>
                <h3>{title.clone()}</h3>
                {Notice::new(tone).text(words)}
                {way}
                {rules}
            </section>
        }
        .into_any()
    }

    fn footing(&self) -> AnyView {
        let w = Words::default();
        Facts::new()
            .row("Amount due", money(self.due))
            .maybe("Oldest open bill since", self.oldest_since.map(|since| day(w, since)))
            .row("Facts as of", instant_full(w, self.facts_as_of, &self.zone))
            .row("Rules", format!("version {}", self.ruleset))
            .view()
    }

    fn history(&self) -> AnyView {
        let w = Words::default();
        let moments = self
            .history
            .iter()
            .zip(1..)
            .map(|(stored, number)| {
                let (words, tone) = stored_words(stored, self.now, &self.zone);
                let message = stored.message.clone().map(|id| {
                    let href = format!("/staff/messages/{id}");
                    view! { <a href=href>"See the message"</a>" · " }
                });
                // Two decisions of one minute are told apart by their number.
                let at = when::instant_full(w, stored.at, &self.zone);
                let label = format!("Rules as of {at}, decision {number}");
                let ruleset = format!("version {}", stored.ruleset);
                let table = rules(&stored.reasons, &self.zone, &label);
                Moment::new(instant(w, stored.at, &self.zone), words).tone(tone).body(view! {
                    <p class="hint">{message}{ruleset}</p>
                    {table}
                })
            })
            .collect();
        let (title, empty) = if self.is_past {
            ("The decisions of that day", "Nothing was decided about this account on that day.")
        } else {
            ("What was decided before", "Nothing was decided about this account yet.")
        };
        let list = Timeline::new(moments, empty);
        view! { <h2>{title}</h2>{list} }.into_any()
    }
}

/// Every rule with what it saw: the ones that object in sight, the others one click away.
pub(super) fn rules(reasons: &[Reason], zone: &TimeZone, caption: &str) -> AnyView {
    let (fine, against): (Vec<&Reason>, Vec<&Reason>) =
        reasons.iter().partition(|reason| reason.verdict == Verdict::Pass);
    let objections = (!against.is_empty()).then(|| table(&against, zone, caption));
    let many = counted(fine.len() as i64, "rule found", "rules found");
    let summary = format!("{many} nothing to object to");
    let rest = (!fine.is_empty()).then(|| {
        let table = table(&fine, zone, &format!("{caption}: nothing to object to"));
        view! { <details><summary>{summary}</summary>{table}</details> }
    });
    view! { {objections}{rest} }.into_any()
}

fn table(reasons: &[&Reason], zone: &TimeZone, caption: &str) -> AnyView {
    let rows = reasons
        .iter()
        .map(|reason| {
            let code = reason.rule.as_str();
            Row::new()
                .cell(rule_title(reason.rule))
                .cell(verdict(reason.verdict).view())
                .cell(sentence(reason, zone))
                .cell(code)
                .class(if reason.verdict == Verdict::Pass { "muted" } else { "" })
        })
        .collect();
    let columns = ["Rule", "Says", "What it saw", "Source"].map(Column::new).to_vec();
    Table::new(caption.to_owned(), columns).rows(rows).view()
}

/// A stored decision in a sentence.
pub(super) fn stored_words(stored: &WhyStored, now: UnixMs, zone: &TimeZone) -> (String, Tone) {
    let because = stored
        .reasons
        .first()
        .filter(|reason| reason.verdict != Verdict::Pass)
        .map(|reason| sentence(reason, zone))
        .unwrap_or_default();
    let way = stored.channel.map(|channel| format!("{}: ", by(channel))).unwrap_or_default();
    match stored.outcome {
        Outcome::Send => (format!("{way}It may go."), Tone::Good),
        Outcome::Defer { until } => {
            let until = when::near(until, now, zone);
            (format!("{way}It waits until {until}. {because}"), Tone::Warn)
        }
        Outcome::Withhold => (format!("{way}It may not go. {because}"), Tone::Danger),
    }
}
