use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::{money::Cents, segment::Filter};

const ZONE: &str = "America/New_York";

fn zone() -> TimeZone {
    TimeZone::get(ZONE).unwrap()
}

/// Ten in the morning in New York on a day.
fn at(day: Date) -> UnixMs {
    at_hour(day, 10)
}

fn at_hour(day: Date, hour: i8) -> UnixMs {
    let zoned = day.to_datetime(time(hour, 0, 0, 0)).to_zoned(zone()).unwrap();
    UnixMs(zoned.timestamp().as_millisecond())
}

fn day(plus: i32) -> Date {
    date(2026, 3, 2).checked_add(plus.days()).unwrap()
}

fn reminder(id: u16, anchor: Anchor, days: i32) -> Step {
    Step {
        id,
        name: format!("Step {id}"),
        anchor,
        days,
        repeat: None,
        action: Action::Remind {
            channels: vec![Channel::Text],
            words: Some(Kind::ReminderPlain),
            with_call: false,
        },
        hour: None,
        only_if: Filter::default(),
        hold_out_percent: 0,
    }
}

fn profile(steps: Vec<Step>) -> Profile {
    Profile { paper: Paper::InAddition, applies_to: Filter::default(), steps, ends_after_days: 90 }
}

/// Rosa's bill became hers on day 0; the profile was activated long before.
struct Rosa {
    anchors: Anchors,
    view: AccountView,
    done: Vec<Turn>,
    activated_at: UnixMs,
}

impl Rosa {
    fn new() -> Self {
        Self {
            anchors: Anchors { responsibility: Some(day(0)), ..Anchors::default() },
            view: AccountView { due: Cents(120_00), ..AccountView::default() },
            done: Vec::new(),
            activated_at: at(day(-30)),
        }
    }

    fn next(&self, profile: &Profile, now: UnixMs) -> Next {
        let zone = zone();
        let climb = Climb {
            profile,
            anchors: &self.anchors,
            view: &self.view,
            done: &self.done,
            activated_at: self.activated_at,
            zone: &zone,
        };
        next(&climb, now)
    }

    fn due(&self, profile: &Profile, now: UnixMs) -> Vec<u16> {
        self.next(profile, now).due.iter().map(|due| due.turn.step).collect()
    }
}

const fn once(step: u16) -> Turn {
    Turn { step, occurrence: 0 }
}

fn three_steps() -> Profile {
    profile(vec![
        reminder(1, Anchor::Responsibility, 0),
        reminder(2, Anchor::Responsibility, 7),
        reminder(3, Anchor::Responsibility, 21),
    ])
}

#[test]
fn a_step_is_due_from_its_hour_on_and_not_before() {
    let (rosa, profile) = (Rosa::new(), three_steps());
    assert!(rosa.due(&profile, at_hour(day(0), 8)).is_empty());
    assert_eq!(rosa.next(&profile, at_hour(day(0), 8)).look_at, Some(at_hour(day(0), 9)));
    assert_eq!(rosa.due(&profile, at_hour(day(0), 9)), [1]);
}

#[test]
fn a_step_that_was_done_is_not_due_again() {
    let profile = three_steps();
    let rosa = Rosa { done: vec![once(1)], ..Rosa::new() };
    let next = rosa.next(&profile, at(day(0)));
    assert!(next.due.is_empty());
    assert_eq!(next.look_at, Some(at_hour(day(7), 9)));
}

#[test]
fn a_server_that_was_down_for_two_days_makes_up_for_the_step_and_after_four_days_does_not() {
    let profile = three_steps();
    let rosa = Rosa { done: vec![once(1)], ..Rosa::new() };
    assert_eq!(rosa.due(&profile, at(day(9))), [2]);
    let late = rosa.next(&profile, at(day(11)));
    assert!(late.due.is_empty());
    let skipped: Vec<_> = late.skipped.iter().map(|(due, why)| (due.turn.step, *why)).collect();
    assert_eq!(skipped, [(2, Skip::Missed)]);
}

#[test]
fn activating_a_profile_never_fires_what_lies_behind() {
    let profile = three_steps();
    let rosa = Rosa { activated_at: at(day(8)), ..Rosa::new() };
    let next = rosa.next(&profile, at(day(8)));
    assert_eq!((next.due.len(), next.skipped.len()), (0, 0));
    assert_eq!(next.look_at, Some(at_hour(day(21), 9)));
}

#[test]
fn of_two_messages_due_at_once_the_later_one_goes() {
    let profile = profile(vec![
        reminder(1, Anchor::Responsibility, 0),
        reminder(2, Anchor::Responsibility, 2),
    ]);
    let next = Rosa::new().next(&profile, at(day(2)));
    assert_eq!(next.due.iter().map(|d| d.turn.step).collect::<Vec<_>>(), [2]);
    assert_eq!(next.skipped, [(Due { turn: once(1), slot: at_hour(day(0), 9) }, Skip::Superseded)]);
}

#[test]
fn a_call_goes_beside_a_message_of_the_same_day() {
    let call = Step { action: Action::Call, ..reminder(2, Anchor::Responsibility, 0) };
    let profile = profile(vec![reminder(1, Anchor::Responsibility, 0), call]);
    assert_eq!(Rosa::new().due(&profile, at(day(0))), [1, 2]);
}

#[test]
fn a_call_two_days_after_the_first_reminder_waits_for_that_reminder() {
    let call = Step { action: Action::Call, ..reminder(2, Anchor::FirstReminder, 2) };
    let profile = profile(vec![reminder(1, Anchor::Responsibility, 0), call]);
    let mut rosa = Rosa { done: vec![once(1)], ..Rosa::new() };
    assert!(rosa.next(&profile, at(day(1))).is_over, "nothing is known of a first reminder");
    rosa.anchors.first_reminder = Some(day(1));
    assert!(rosa.due(&profile, at(day(2))).is_empty());
    assert_eq!(rosa.due(&profile, at(day(3))), [2]);
}

#[test]
fn a_weekly_step_comes_again_until_its_number_is_reached() {
    let weekly = Step {
        repeat: Some(Repeat { every_days: 7, times: 3 }),
        ..reminder(1, Anchor::Responsibility, 61)
    };
    let profile = profile(vec![weekly]);
    let mut rosa = Rosa::new();
    for (occurrence, plus) in [(0, 61), (1, 68), (2, 75)] {
        let next = rosa.next(&profile, at(day(plus)));
        assert_eq!(next.due[0].turn, Turn { step: 1, occurrence });
        rosa.done.push(next.due[0].turn);
    }
    assert!(rosa.next(&profile, at(day(82))).is_over);
}

#[test]
fn a_condition_that_comes_true_within_the_grace_lets_the_step_go_and_after_it_not() {
    let step = Step {
        only_if: Filter { due_at_least: Some(Cents(200_00)), ..Filter::default() },
        ..reminder(1, Anchor::Responsibility, 0)
    };
    let profile = profile(vec![step]);
    let mut rosa = Rosa::new();
    assert!(rosa.due(&profile, at(day(0))).is_empty());
    assert_eq!(rosa.next(&profile, at(day(0))).look_at, Some(at(day(1))));
    rosa.view.due = Cents(250_00);
    assert_eq!(rosa.due(&profile, at(day(1))), [1]);
    rosa.view.due = Cents(120_00);
    let late = rosa.next(&profile, at(day(4)));
    assert_eq!(late.skipped[0].1, Skip::Conditions);
}

#[test]
fn a_step_before_the_due_date_knows_the_due_date() {
    let profile = profile(vec![reminder(1, Anchor::DueDate, -3)]);
    let mut rosa = Rosa::new();
    assert!(rosa.next(&profile, at(day(0))).is_over);
    rosa.anchors.due_date = Some(day(10));
    assert_eq!(rosa.due(&profile, at(day(7))), [1]);
}

#[test]
fn a_step_keeps_its_hour_across_the_change_to_summer_time() {
    // The clocks of New York went forward on 8 March 2026.
    let rosa = Rosa::new();
    let profile = three_steps();
    let before = at_hour(day(0), 9);
    let after = rosa.next(&profile, at(day(1))).look_at.unwrap();
    assert_eq!(after.since(before), 7 * DAY_MS - 3_600_000);
}

#[test]
fn the_same_accounts_are_left_out_of_a_step_again_and_again() {
    let step = Step { hold_out_percent: 10, ..reminder(1, Anchor::Responsibility, 0) };
    let people: Vec<_> =
        (0..2_000).map(|n| GuarantorId::trusted(format!("gua_{n:032x}"))).collect();
    let left_out = |step: &Step| {
        people.iter().filter(|g| is_held_out(g, "prf_1", step)).cloned().collect::<Vec<_>>()
    };
    let first = left_out(&step);
    assert_eq!(first, left_out(&step));
    assert!((120..=280).contains(&first.len()), "{}", first.len());
    assert_ne!(first, left_out(&Step { id: 2, ..step.clone() }));
    assert!(left_out(&Step { hold_out_percent: 0, ..step }).is_empty());
}

#[test]
fn the_standard_profile_has_no_problem_and_survives_its_own_document() {
    let standard = standard();
    assert_eq!(problems(&standard), []);
    let text = serde_json::to_string(&standard).unwrap();
    assert_eq!(serde_json::from_str::<Profile>(&text).unwrap(), standard);
}

#[test]
fn a_profile_that_would_do_harm_is_refused_with_the_reason() {
    let final_notice = |only_if: Filter, days: i32| Step {
        action: Action::Remind {
            channels: vec![Channel::Text],
            words: Some(Kind::FinalNotice),
            with_call: false,
        },
        only_if,
        ..reminder(2, Anchor::Responsibility, days)
    };
    let after_one = Filter { reminders_at_least: Some(1), ..Filter::default() };
    let first = reminder(1, Anchor::Responsibility, 0);
    let cases: [(Vec<Step>, &str); 8] = [
        (vec![], "at least one step"),
        (vec![first.clone(), first.clone()], "same number"),
        (vec![reminder(1, Anchor::FirstReminder, 2)], "need a reminder"),
        (vec![reminder(1, Anchor::Responsibility, -2)], "use days after"),
        (vec![Step { hour: Some(22), ..first.clone() }], "8 to 20"),
        (vec![first.clone(), final_notice(Filter::default(), 75)], "final notice"),
        (vec![first.clone(), final_notice(after_one, 5)], "final notice"),
        (vec![Step { action: Action::ProposeCollections, ..first.clone() }], "after two reminders"),
    ];
    for (steps, expected) in cases {
        let found = problems(&profile(steps));
        let said: String = found.iter().map(|p| p.sentence.as_str()).collect();
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn a_step_says_when_it_happens() {
    let cases = [
        (reminder(1, Anchor::DueDate, -3), "3 days before the due date"),
        (reminder(1, Anchor::DueDate, 0), "on the due date"),
        (reminder(1, Anchor::FirstReminder, 2), "2 days after the first reminder"),
    ];
    for (step, expected) in cases {
        assert_eq!(step.when_in_words(), expected);
    }
}

proptest! {
    #[test]
    fn an_account_looked_at_any_way_gets_a_step_once_and_never_two_messages_at_a_look(
        looks in proptest::collection::vec(1i64..200, 1..60),
        activated in -40i64..60,
    ) {
        let profile = standard();
        let mut rosa = Rosa { activated_at: at(day(0)).plus_ms(activated * DAY_MS), ..Rosa::new() };
        rosa.view.reminders = 3;
        rosa.view.age_days = 70;
        let mut now = at(day(-1));
        for hours in looks {
            now = now.plus_ms(hours * 3_600_000);
            let found = rosa.next(&profile, now);
            let messages = found.due.iter().filter(|due| {
                profile.steps.iter().any(|s| s.id == due.turn.step && s.action.is_message())
            });
            prop_assert!(messages.count() <= 1);
            for due in found.due.iter().chain(found.skipped.iter().map(|(due, _)| due)) {
                prop_assert!(!rosa.done.contains(&due.turn), "twice");
                prop_assert!(due.slot >= rosa.activated_at, "before the activation");
                rosa.done.push(due.turn);
            }
            for due in &found.due {
                prop_assert!(now.since(due.slot) <= GRACE_MS);
            }
            if let Some(at) = found.look_at {
                prop_assert!(at > now);
            }
        }
    }
}
