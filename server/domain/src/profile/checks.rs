//! What is wrong with a profile somebody typed, before anybody is reminded by it.

use std::collections::BTreeSet;

use super::{Action, Anchor, Profile, Step, WORDS};
use crate::template::Kind;

/// More steps than this is a list nobody can read.
pub const MOST_STEPS: usize = 40;
const LONGEST_NAME: usize = 60;
/// A step further away than this is a slip of the keyboard.
const FURTHEST_DAYS: i32 = 730;
/// A cycle is reminded by steps at most this often; the caps hold besides (M15).
const MOST_TIMES: u16 = 52;
/// Before the last notice at least this many days pass, so that nobody's first word is the last.
const EARLIEST_FINAL_NOTICE: i32 = 14;

/// One thing to put right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The step's id; `None` for the profile as a whole.
    pub step: Option<u16>,
    pub sentence: String,
}

/// Everything that keeps a profile from being approved; empty when it is fine.
pub fn problems(profile: &Profile) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut whole = |sentence: &str| {
        found.push(Problem { step: None, sentence: sentence.to_owned() });
    };
    if profile.steps.is_empty() {
        whole("A profile needs at least one step.");
    }
    if profile.steps.len() > MOST_STEPS {
        whole("A profile has 40 steps at most.");
    }
    if profile.ends_after_days < 1 {
        whole("Say after how many days the ladder ends.");
    }
    if let Some(sentence) = profile.applies_to.contradiction() {
        whole(sentence);
    }
    let ids: BTreeSet<u16> = profile.steps.iter().map(|step| step.id).collect();
    if ids.len() != profile.steps.len() {
        whole("Two steps have the same number.");
    }
    let reminds = |step: &Step| step.action.is_message();
    let anchored =
        |step: &Step| matches!(step.anchor, Anchor::FirstReminder | Anchor::LatestReminder);
    if profile.steps.iter().any(anchored)
        && !profile.steps.iter().any(|step| reminds(step) && !anchored(step))
    {
        whole("Steps that count from a reminder need a reminder that does not.");
    }
    for step in &profile.steps {
        let sentences = of_step(step);
        found.extend(sentences.into_iter().map(|s| Problem { step: Some(step.id), sentence: s }));
    }
    found
}

fn of_step(step: &Step) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let name = step.name.trim().chars().count();
    if name == 0 || name > LONGEST_NAME {
        found.push("Name the step in 60 characters or fewer.".into());
    }
    if step.days.abs() > FURTHEST_DAYS {
        found.push("A step lies within two years of its day.".into());
    }
    if step.days < 0 && step.anchor != Anchor::DueDate {
        found.push("Only the due date is known before it comes: use days after.".into());
    }
    if step.hour.is_some_and(|hour| !(8..=20).contains(&hour)) {
        found.push("Nobody may be written to before 8:00 or after 21:00: choose 8 to 20.".into());
    }
    if step.hold_out_percent > 50 {
        found.push("At most half of the accounts can be left out of a step.".into());
    }
    if let Some(repeat) = step.repeat {
        if repeat.every_days < 1 || repeat.times < 2 || repeat.times > MOST_TIMES {
            found.push("A repeated step has 1 day or more between, and 2 to 52 times.".into());
        }
        if step.anchor == Anchor::LatestReminder {
            found.push("A step that counts from the latest reminder repeats by itself.".into());
        }
    }
    if let Some(sentence) = step.only_if.contradiction() {
        found.push(sentence.into());
    }
    if let Action::Remind { channels, words, .. } = &step.action {
        let distinct: BTreeSet<_> = channels.iter().collect();
        if channels.is_empty() || distinct.len() != channels.len() {
            found.push("Choose one or more channels, each once.".into());
        }
        let is_late = matches!(step.anchor, Anchor::FirstReminder | Anchor::LatestReminder)
            || step.days >= EARLIEST_FINAL_NOTICE;
        if words.is_some_and(|kind| !WORDS.contains(&kind)) {
            found.push(
                "A step sends an invoice, a reminder, due soon, a plan or the final notice.".into(),
            );
        }
        if *words == Some(Kind::FinalNotice)
            && !(is_late && step.only_if.reminders_at_least.is_some_and(|least| least > 0))
        {
            found.push(
                "A final notice comes 14 days or later, after at least one reminder: set the \
                 condition."
                    .into(),
            );
        }
    }
    if step.action == Action::ProposeCollections
        && step.only_if.reminders_at_least.is_none_or(|least| least < 2)
    {
        found.push(
            "Collections may be proposed after two reminders or more: set the condition.".into(),
        );
    }
    found
}
