//! What a reminder cycle takes the people of an office, from what they really did (S-H5): the time
//! between their clicks, from opening Select Criteria or a job to its last approval or Finish.
//!
//! A lower bound, and said to be one: what somebody does before the first click and after the last one
//! leaves no trace, and a longer pause is taken for other work.

use std::collections::BTreeMap;

use crate::clock::{HOUR_MS, MINUTE_MS, UnixMs};

/// Nobody looks at one page of this for longer: the phone rang, or it was lunch.
pub const IDLE_MS: i64 = 5 * MINUTE_MS;
/// Clicks that led to nothing within this time belong to no cycle.
const FORGOTTEN_MS: i64 = 12 * HOUR_MS;

/// One click of somebody on the way to sending reminders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    pub staff: String,
    pub at: UnixMs,
    /// The job it was about; none before there is one.
    pub job: Option<String>,
    /// An approval, or Finish.
    pub ends: bool,
}

/// One cycle that came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle {
    pub job: String,
    pub ended_at: UnixMs,
    pub worked_ms: i64,
    /// People who had a hand in it.
    pub people: usize,
}

/// The cycles that ended, oldest first. `acts` come in any order.
pub fn cycles(mut acts: Vec<Act>) -> Vec<Cycle> {
    acts.sort_by(|one, other| (&one.staff, one.at).cmp(&(&other.staff, other.at)));
    let mut ended: BTreeMap<String, UnixMs> = BTreeMap::new();
    for act in acts.iter().filter(|act| act.ends) {
        if let Some(job) = &act.job {
            let at = ended.entry(job.clone()).or_insert(act.at);
            *at = (*at).max(act.at);
        }
    }
    let mut worked: BTreeMap<&str, (i64, Vec<&str>)> = BTreeMap::new();
    let mut before: Option<&Act> = None;
    let mut pending_ms = 0;
    for act in &acts {
        let gap_ms = before
            .filter(|earlier| earlier.staff == act.staff)
            .map_or(FORGOTTEN_MS, |earlier| act.at.since(earlier.at));
        pending_ms = match gap_ms {
            gap if gap >= FORGOTTEN_MS => 0,
            gap if gap > IDLE_MS => pending_ms,
            gap => pending_ms + gap,
        };
        before = Some(act);
        let Some(job) = &act.job else { continue };
        let counts = ended.get(job).is_some_and(|end| act.at <= *end);
        let spent_ms = std::mem::take(&mut pending_ms);
        if counts {
            let (sum_ms, people) = worked.entry(job.as_str()).or_default();
            *sum_ms += spent_ms;
            if !people.contains(&act.staff.as_str()) {
                people.push(&act.staff);
            }
        }
    }
    let mut found: Vec<Cycle> = ended
        .iter()
        .map(|(job, at)| {
            let (worked_ms, people) =
                worked.get(job.as_str()).map_or((0, 0), |(ms, people)| (*ms, people.len()));
            Cycle { job: job.clone(), ended_at: *at, worked_ms, people }
        })
        .collect();
    found.sort_by(|one, other| (one.ended_at, &one.job).cmp(&(other.ended_at, &other.job)));
    found
}

/// Minutes with one decimal, of all cycles together; none without a cycle.
pub fn average_minutes(cycles: &[Cycle]) -> Option<f64> {
    let sum_ms: i64 = cycles.iter().map(|cycle| cycle.worked_ms).sum();
    let many = i64::try_from(cycles.len()).unwrap_or(i64::MAX);
    (many > 0).then(|| (sum_ms as f64 / many as f64 / 6_000.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn act(staff: &str, minute: i64, job: Option<&str>, ends: bool) -> Act {
        let at = UnixMs(minute * MINUTE_MS);
        Act { staff: staff.into(), at, job: job.map(str::to_owned), ends }
    }

    #[test]
    fn a_cycle_is_from_select_criteria_to_finish_without_the_lunch() {
        let found = cycles(vec![
            act("ana", 0, None, false),
            act("ana", 2, None, false),
            // Lunch.
            act("ana", 50, None, false),
            act("ana", 53, Some("job_1"), false),
            act("ana", 53, Some("job_1"), true),
            act("ana", 54, Some("job_1"), true),
            // Looked at again later, which is no part of sending it.
            act("ana", 57, Some("job_1"), false),
        ]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].worked_ms, found[0].people), (6 * MINUTE_MS, 1));
        assert_eq!(found[0].ended_at, UnixMs(54 * MINUTE_MS));
    }

    #[test]
    fn two_people_count_both_and_a_list_that_was_dropped_counts_for_none() {
        let found = cycles(vec![
            act("ana", 0, None, false),
            act("ana", 4, None, false),
            act("ana", 24 * 60, Some("job_1"), false),
            act("ana", 24 * 60 + 1, Some("job_1"), false),
            act("ben", 24 * 60 + 30, Some("job_1"), false),
            act("ben", 24 * 60 + 33, Some("job_1"), true),
            act("ben", 24 * 60 + 34, Some("job_2"), false),
        ]);
        assert_eq!(found.len(), 1, "a job nobody approved is no cycle");
        assert_eq!((found[0].worked_ms, found[0].people), (4 * MINUTE_MS, 2));
        assert_eq!(average_minutes(&found), Some(4.0));
        assert_eq!(average_minutes(&[]), None);
    }

    #[test]
    fn a_profile_that_sends_by_itself_takes_nobody_a_minute() {
        assert!(cycles(Vec::new()).is_empty());
        let alone = cycles(vec![act("ana", 9, Some("job_1"), true)]);
        assert_eq!(alone[0].worked_ms, 0, "one click has no length of its own");
    }
}
