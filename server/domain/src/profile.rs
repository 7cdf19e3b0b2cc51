//! Statement profiles: who is reminded in which steps, from which day on, and what ends the ladder
//! (S-D1 to S-D14, S-TR1 to S-TR10).
//!
//! A ladder is climbed once per *cycle*. A cycle belongs to the oldest open bill; when that one is
//! paid, the next oldest begins a cycle of its own with its own days (D-13). [`next`] is pure: the
//! engine, the simulator and the page that says what happens next ask the same question.
//!
//! It promises: nothing whose hour lay before the activation (D-37), at most one message an account
//! and look, the latest of several that are due; a step missed by more than the grace is recorded as
//! missed and never made up for; a step of a cycle happens once (D-38).

use jiff::{
    ToSpan,
    civil::{Date, time},
    tz::TimeZone,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    clock::{DAY_MS, UnixMs},
    decide::Channel,
    id::GuarantorId,
    segment::{AccountView, Filter},
    template::Kind,
};

mod checks;
mod defaults;
#[cfg(test)]
mod tests;

pub use checks::{Problem, problems};
pub use defaults::standard;

/// A step that could not happen at its hour, because a server was down or something stood in the
/// way, still happens this long after it (D-37).
pub const GRACE_MS: i64 = 3 * DAY_MS;
/// A step whose conditions do not hold yet is looked at again this often within its grace.
const LOOK_AGAIN_MS: i64 = DAY_MS;
/// The hour of a step that names none, at the practice.
const USUAL_HOUR: i8 = 9;

/// How a profile goes with paper statements (S-TR10).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Paper {
    /// The practice mails its statements as before; these come besides.
    #[default]
    InAddition,
    /// These take the place of the paper for guarantors who agreed to it.
    InLieu,
}

/// One version of a profile, as proofed and approved; never changed afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    #[serde(default)]
    pub paper: Paper,
    /// Whose ladder this is; of several active profiles the first that holds is taken.
    #[serde(default)]
    pub applies_to: Filter,
    pub steps: Vec<Step>,
    /// Days after the responsibility day at which the ladder ends and a person looks at the account.
    pub ends_after_days: u16,
}

/// Which day a step counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Anchor {
    /// The bill became the guarantor's to pay (D-13).
    Responsibility,
    FirstStatement,
    DueDate,
    /// The visit was completed and something was left (S-TR3).
    VisitCompleted,
    /// A check came back (S-TR4).
    ReturnedCheck,
    /// Staff flagged the account (S-TR5).
    Flag,
    /// The first reminder of the cycle was accepted by a provider (S-D2).
    FirstReminder,
    /// The latest reminder of the cycle was accepted by a provider.
    LatestReminder,
}

impl Anchor {
    pub const ALL: [Self; 8] = [
        Self::Responsibility,
        Self::FirstStatement,
        Self::DueDate,
        Self::VisitCompleted,
        Self::ReturnedCheck,
        Self::Flag,
        Self::FirstReminder,
        Self::LatestReminder,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Responsibility => "responsibility",
            Self::FirstStatement => "first_statement",
            Self::DueDate => "due_date",
            Self::VisitCompleted => "visit_completed",
            Self::ReturnedCheck => "returned_check",
            Self::Flag => "flag",
            Self::FirstReminder => "first_reminder",
            Self::LatestReminder => "latest_reminder",
        }
    }

    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == code)
    }

    /// As staff read it, after "3 days before" or "on".
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Responsibility => "the day the bill became the patient's",
            Self::FirstStatement => "the first statement",
            Self::DueDate => "the due date",
            Self::VisitCompleted => "the completed visit",
            Self::ReturnedCheck => "the returned check",
            Self::Flag => "the day staff flagged it",
            Self::FirstReminder => "the first reminder",
            Self::LatestReminder => "the latest reminder",
        }
    }
}

/// The kinds of message a step may send; none named is the tone by the age of the balance (S-TP6).
pub const WORDS: [Kind; 7] = [
    Kind::Invoice,
    Kind::ReminderGentle,
    Kind::ReminderPlain,
    Kind::ReminderFirm,
    Kind::DueSoon,
    Kind::PaymentPlan,
    Kind::FinalNotice,
];

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Action {
    /// Through the first of these channels that may be used; the next one when it fails (S-D5).
    Remind {
        channels: Vec<Channel>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        words: Option<Kind>,
        /// A person calls as well.
        #[serde(default)]
        with_call: bool,
    },
    /// A person calls.
    Call,
    /// A letter in the print queue.
    Letter,
    /// Proposed for collections; a manager approves (D-51).
    ProposeCollections,
    /// A person looks at the account.
    Review,
}

impl Action {
    /// A message or a letter: at most one of them an account and look.
    pub const fn is_message(&self) -> bool {
        matches!(self, Self::Remind { .. } | Self::Letter)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeat {
    pub every_days: u16,
    /// How often in all, the first time included.
    pub times: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Unique within the profile and kept across its versions, so that reports can follow a step.
    pub id: u16,
    pub name: String,
    pub anchor: Anchor,
    /// Days after the anchor day; before it when negative.
    pub days: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<Repeat>,
    pub action: Action,
    /// Hour of the day at the practice, 0 to 23; the recipient's windows still hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hour: Option<i8>,
    #[serde(default)]
    pub only_if: Filter,
    /// Accounts per hundred that are left out to see what the step adds (MS16).
    #[serde(default)]
    pub hold_out_percent: u8,
}

/// The days a cycle's steps count from. `None` where the book does not say or it has not happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Anchors {
    pub responsibility: Option<Date>,
    pub first_statement: Option<Date>,
    pub due_date: Option<Date>,
    pub visit_completed: Option<Date>,
    pub returned_check: Option<Date>,
    pub flag: Option<Date>,
    pub first_reminder: Option<Date>,
    pub latest_reminder: Option<Date>,
}

impl Anchors {
    pub const fn day(&self, anchor: Anchor) -> Option<Date> {
        match anchor {
            Anchor::Responsibility => self.responsibility,
            Anchor::FirstStatement => self.first_statement,
            Anchor::DueDate => self.due_date,
            Anchor::VisitCompleted => self.visit_completed,
            Anchor::ReturnedCheck => self.returned_check,
            Anchor::Flag => self.flag,
            Anchor::FirstReminder => self.first_reminder,
            Anchor::LatestReminder => self.latest_reminder,
        }
    }
}

/// A step at one of its times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Turn {
    pub step: u16,
    /// 0 unless the step repeats.
    pub occurrence: u16,
}

/// Everything [`next`] looks at, of one account in its running cycle.
#[derive(Clone, Debug)]
pub struct Climb<'a> {
    pub profile: &'a Profile,
    pub anchors: &'a Anchors,
    pub view: &'a AccountView,
    /// Turns of this cycle that are over, whatever came of them.
    pub done: &'a [Turn],
    pub activated_at: UnixMs,
    /// The practice's zone.
    pub zone: &'a TimeZone,
}

/// Why a turn is over without having happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Skip {
    /// Its grace ended; nobody was there, or something stood in its way all the time.
    Missed,
    /// Its conditions did not hold.
    Conditions,
    /// A later step was due at the same look.
    Superseded,
}

impl Skip {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missed => "missed",
            Self::Conditions => "conditions",
            Self::Superseded => "superseded",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    pub turn: Turn,
    pub slot: UnixMs,
}

/// What an account's ladder wants at an instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Next {
    /// At most one of them is a message.
    pub due: Vec<Due>,
    pub skipped: Vec<(Due, Skip)>,
    /// When to look again, if nothing changes before.
    pub look_at: Option<UnixMs>,
    /// No turn is left, now or later, unless something happens.
    pub is_over: bool,
}

/// What is to be done at `now`, and when to ask again.
pub fn next(climb: &Climb<'_>, now: UnixMs) -> Next {
    let mut next = Next::default();
    let mut soonest: Option<UnixMs> = None;
    let mut sooner = |at: UnixMs| soonest = Some(soonest.map_or(at, |known: UnixMs| known.min(at)));
    for (step, turn) in climb.turns() {
        let Some(slot) = climb.slot(step, turn.occurrence) else { continue };
        if climb.done.contains(&turn) || slot < climb.activated_at {
            continue;
        }
        let due = Due { turn, slot };
        if slot > now {
            sooner(slot);
        } else if now.since(slot) > GRACE_MS {
            let why = if step.only_if.holds(climb.view) { Skip::Missed } else { Skip::Conditions };
            next.skipped.push((due, why));
        } else if step.only_if.holds(climb.view) {
            next.due.push(due);
        } else {
            sooner(slot.plus_ms(GRACE_MS + 1).min(now.plus_ms(LOOK_AGAIN_MS)));
        }
    }
    climb.keep_latest_message(&mut next);
    next.look_at = soonest;
    next.is_over = soonest.is_none() && next.due.is_empty();
    next
}

impl Climb<'_> {
    fn turns(&self) -> impl Iterator<Item = (&Step, Turn)> {
        self.profile.steps.iter().flat_map(|step| {
            let times = step.repeat.map_or(1, |repeat| repeat.times.max(1));
            (0..times).map(move |occurrence| (step, Turn { step: step.id, occurrence }))
        })
    }

    pub fn step(&self, id: u16) -> Option<&Step> {
        self.profile.steps.iter().find(|step| step.id == id)
    }

    /// The instant of a step's turn; `None` while its anchor day is not known.
    pub fn slot(&self, step: &Step, occurrence: u16) -> Option<UnixMs> {
        let anchor = self.anchors.day(step.anchor)?;
        let apart = step.repeat.map_or(0, |repeat| i32::from(repeat.every_days));
        let days = step.days.checked_add(apart.checked_mul(i32::from(occurrence))?)?;
        let day = anchor.checked_add(days.days()).ok()?;
        let hour = step.hour.unwrap_or(USUAL_HOUR).clamp(0, 23);
        let at = day.to_datetime(time(hour, 0, 0, 0)).to_zoned(self.zone.clone()).ok()?;
        Some(UnixMs(at.timestamp().as_millisecond()))
    }

    /// Of several messages due at once only the latest goes (OTT #8308); calls are not messages.
    fn keep_latest_message(&self, next: &mut Next) {
        let is_message =
            |due: &Due| self.step(due.turn.step).is_some_and(|s| s.action.is_message());
        let place = |due: &Due| {
            let place = self.profile.steps.iter().position(|s| s.id == due.turn.step);
            (due.slot, place, due.turn.occurrence)
        };
        let Some(latest) =
            next.due.iter().filter(|due| is_message(due)).max_by_key(|due| place(due)).cloned()
        else {
            return;
        };
        let (kept, superseded): (Vec<_>, Vec<_>) =
            next.due.drain(..).partition(|due| !is_message(due) || *due == latest);
        next.due = kept;
        next.skipped.extend(superseded.into_iter().map(|due| (due, Skip::Superseded)));
    }
}

/// Whether an account is left out of a step, to see what the step adds: always the same accounts for
/// the same step, and other ones for the next step (MS16).
pub fn is_held_out(guarantor: &GuarantorId, profile: &str, step: &Step) -> bool {
    if step.hold_out_percent == 0 {
        return false;
    }
    let digest = Sha256::digest(format!("{guarantor}/{profile}/{}", step.id));
    let draw = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) % 100;
    draw < u32::from(step.hold_out_percent)
}

impl Step {
    /// When it happens, as staff read it: `14 days after the first statement, then every 7 days, 9
    /// times in all`.
    pub fn when_in_words(&self) -> String {
        let anchor = self.anchor.in_words();
        let mut words = match self.days {
            0 => format!("on {anchor}"),
            1 => format!("1 day after {anchor}"),
            -1 => format!("1 day before {anchor}"),
            days if days > 0 => format!("{days} days after {anchor}"),
            days => format!("{} days before {anchor}", days.unsigned_abs()),
        };
        if let Some(repeat) = self.repeat {
            let Repeat { every_days, times } = repeat;
            words.push_str(&format!(", then every {every_days} days, {times} times in all"));
        }
        if let Some(hour) = self.hour {
            words.push_str(&format!(", from {hour}:00"));
        }
        words
    }
}
