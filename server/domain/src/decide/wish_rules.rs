//! What the person asked for about the time of reminders. A wish only makes a message later.

use super::{
    Case, Channel, Class, Fact, RuleId, Trace, timing_rules::next_in_window, trace::Finding,
};
use crate::clock::UnixMs;

/// Each round leaves one stretch of quiet hours; a day has one.
const ROUNDS: usize = 14;

pub(super) fn judge(case: &Case<'_>, trace: &mut Trace) {
    let Some(guarantor) = &case.facts.guarantor else { return };
    if case.message.class.is_reminder()
        && let Some(until) = guarantor.not_before
    {
        let finding = if until > case.now {
            Finding::defer(until, Fact::AskedToWait { until })
        } else {
            Finding::pass(Fact::Fine)
        };
        trace.note(RuleId::AskedToWait, finding);
    }
    if let Some(quiet) = guarantor.quiet.filter(|_| heeds_quiet(case)) {
        let finding = match quiet.end_after(case.zones.zones(), case.now) {
            None => Finding::pass(Fact::Fine),
            Some(_) => match open_and_not_quiet(case, case.now) {
                Some(until) => Finding::defer(until, Fact::QuietHours { quiet }),
                None => Finding::withhold(Fact::QuietHours { quiet }),
            },
        };
        trace.note(RuleId::QuietHours, finding);
    }
}

/// What somebody waits for does not wait, and a letter wakes nobody.
fn heeds_quiet(case: &Case<'_>) -> bool {
    let class = case.message.class;
    (class.is_reminder() && case.message.channel != Channel::Letter)
        || (class == Class::Receipt && case.message.channel == Channel::Text)
}

/// The first instant at or after `at` that is inside the message's window and outside the person's
/// quiet hours.
pub(super) fn open_and_not_quiet(case: &Case<'_>, at: UnixMs) -> Option<UnixMs> {
    let quiet = case.facts.guarantor.as_ref().and_then(|g| g.quiet);
    let quiet = quiet.filter(|_| heeds_quiet(case));
    let mut candidate = next_in_window(case, at)?;
    for _ in 0..ROUNDS {
        match quiet.and_then(|quiet| quiet.end_after(case.zones.zones(), candidate)) {
            None => return Some(candidate),
            Some(end) => candidate = next_in_window(case, end)?,
        }
    }
    None
}
