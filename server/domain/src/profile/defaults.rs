//! The profile a practice begins with: requirements.md, section 2 (day 0, 7, 21, 45 call task, 75
//! final notice, 90 review), the follow-up call of S-D2 and S-D3, and the weekly repeats of S-D4.

use super::{Action, Anchor, Paper, Profile, Repeat, Step};
use crate::{
    decide::Channel,
    segment::{Filter, Trait, Wanted},
    template::Kind,
};

/// A fresh copy to begin with; nothing is sent by it before a person has approved its proof.
pub fn standard() -> Profile {
    Profile {
        paper: Paper::InAddition,
        applies_to: Filter::default(),
        ends_after_days: 180,
        steps: vec![
            remind(1, "First notice", 0, Kind::ReminderGentle),
            remind(2, "Reminder", 7, Kind::ReminderGentle),
            remind(3, "Second reminder", 21, Kind::ReminderPlain),
            follow_up_call(),
            call_after_two(),
            remind(6, "Firm reminder", 45, Kind::ReminderFirm),
            weekly(),
            final_notice(),
            proposal(),
        ],
    }
}

fn step(id: u16, name: &str, anchor: Anchor, days: i32, action: Action) -> Step {
    Step {
        id,
        name: name.to_owned(),
        anchor,
        days,
        repeat: None,
        action,
        hour: None,
        only_if: Filter::default(),
        hold_out_percent: 0,
    }
}

fn words(kind: Kind) -> Action {
    let channels = vec![Channel::Text, Channel::Email];
    Action::Remind { channels, words: Some(kind), with_call: false }
}

fn remind(id: u16, name: &str, days: i32, tone: Kind) -> Step {
    step(id, name, Anchor::Responsibility, days, words(tone))
}

/// S-D2.
fn follow_up_call() -> Step {
    Step {
        only_if: Filter {
            traits: vec![Wanted { of: Trait::TopPriority, is: true }],
            ..Filter::default()
        },
        ..step(4, "Follow-up call for top priority", Anchor::FirstReminder, 2, Action::Call)
    }
}

/// S-D3: another rule than the one above.
fn call_after_two() -> Step {
    Step {
        only_if: Filter { reminders_at_least: Some(2), ..Filter::default() },
        ..step(5, "Call after two reminders", Anchor::Responsibility, 28, Action::Call)
    }
}

/// S-D4: weekly beyond sixty days, for what is worth it; the caps still hold.
fn weekly() -> Step {
    Step {
        repeat: Some(Repeat { every_days: 7, times: 8 }),
        only_if: Filter { due_at_least: Some(crate::money::Cents(100_00)), ..Filter::default() },
        ..remind(7, "Repeated reminder over 60 days", 61, Kind::ReminderFirm)
    }
}

/// After the repeats, so that it is the last word.
fn final_notice() -> Step {
    Step {
        only_if: Filter { reminders_at_least: Some(2), ..Filter::default() },
        ..remind(8, "Final notice", 120, Kind::FinalNotice)
    }
}

fn proposal() -> Step {
    Step {
        only_if: Filter { reminders_at_least: Some(3), ..Filter::default() },
        ..step(
            9,
            "Propose for collections",
            Anchor::Responsibility,
            150,
            Action::ProposeCollections,
        )
    }
}
