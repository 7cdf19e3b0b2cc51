//! How often one person may hear from a practice: 1 in 24 hours, 2 in 7 days, 4 in 30 days
//! (decision 28, M15), and the states' own limits below that. The numbers stand in the rulebook.
//!
//! Pure arithmetic on the instants of earlier sends. Counting by phone, by email and by guarantor is
//! the caller's: it asks once for each list.

use serde::{Deserialize, Serialize};

use crate::clock::{DAY_MS, UnixMs};

/// At most `max` messages in any stretch of `window_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cap {
    pub max: u16,
    pub window_ms: i64,
}

impl Cap {
    pub const fn per_days(max: u16, days: i64) -> Self {
        Self { max, window_ms: days * DAY_MS }
    }

    pub const fn days(self) -> i64 {
        self.window_ms / DAY_MS
    }
}

/// How far back a list of earlier sends must reach; no cap of the rulebook looks back further.
pub const HISTORY_MS: i64 = 30 * DAY_MS;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    Free,
    /// Full now; the first instant at which one more fits, if nothing else is sent meanwhile.
    FreeAt(UnixMs, Cap),
    /// A cap of zero.
    Never(Cap),
}

/// Whether one more message fits at `now` after the sends in `prior` (any order). A send exactly one
/// window ago no longer counts; one in the future, after a clock was set back, does.
pub fn room(prior: &[UnixMs], caps: &[Cap], now: UnixMs) -> Room {
    let mut sorted = prior.to_vec();
    sorted.sort_unstable();
    let mut latest: Option<(UnixMs, Cap)> = None;
    for cap in caps {
        let max = usize::from(cap.max);
        if max == 0 {
            return Room::Never(*cap);
        }
        // One more fits once the max-th newest send has left the window.
        let Some(binding) = sorted.len().checked_sub(max).and_then(|i| sorted.get(i)) else {
            continue;
        };
        let free_at = binding.plus_ms(cap.window_ms);
        if free_at > now && latest.is_none_or(|(at, _)| free_at > at) {
            latest = Some((free_at, *cap));
        }
    }
    latest.map_or(Room::Free, |(at, cap)| Room::FreeAt(at, cap))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRODUCT_CAPS: [Cap; 3] = [Cap::per_days(1, 1), Cap::per_days(2, 7), Cap::per_days(4, 30)];

    fn day(n: i64) -> UnixMs {
        UnixMs(n * DAY_MS)
    }

    #[test]
    fn a_first_message_is_free() {
        assert_eq!(room(&[], &PRODUCT_CAPS, day(0)), Room::Free);
    }

    #[test]
    fn nobody_hears_from_a_practice_twice_in_a_day() {
        let caps = PRODUCT_CAPS;
        assert_eq!(room(&[day(0)], &caps, UnixMs(1)), Room::FreeAt(day(1), caps[0]));
        assert_eq!(room(&[day(0)], &caps, day(1)), Room::Free);
        assert_eq!(room(&[day(0)], &caps, UnixMs(DAY_MS - 1)), Room::FreeAt(day(1), caps[0]));
    }

    #[test]
    fn massachusetts_two_in_seven_days_holds_by_itself() {
        // The vectors of M08.MA.freq: sent 6 and 1 days ago waits a day; 8 and 1 days ago may go.
        let caps = [Cap::per_days(2, 7)];
        assert_eq!(room(&[day(-6), day(-1)], &caps, day(0)), Room::FreeAt(day(1), caps[0]));
        assert_eq!(room(&[day(-8), day(-1)], &caps, day(0)), Room::Free);
    }

    #[test]
    fn the_fifth_message_of_a_month_waits_for_the_first_to_age() {
        let sent = [day(0), day(8), day(16), day(24)];
        assert_eq!(room(&sent, &PRODUCT_CAPS, day(29)), Room::FreeAt(day(30), PRODUCT_CAPS[2]));
    }

    #[test]
    fn a_cap_of_zero_never_frees() {
        let none = Cap::per_days(0, 1);
        assert_eq!(room(&[], &[none], day(0)), Room::Never(none));
    }

    #[test]
    fn a_clock_set_back_does_not_make_room() {
        assert!(matches!(room(&[day(5)], &PRODUCT_CAPS, day(4)), Room::FreeAt(..)));
    }

    proptest::proptest! {
        #[test]
        fn the_freeing_instant_is_exact(
            sent in proptest::collection::vec(-40 * DAY_MS..0i64, 0..9),
        ) {
            let sent: Vec<UnixMs> = sent.into_iter().map(UnixMs).collect();
            let fits = |t: UnixMs| PRODUCT_CAPS.iter().all(|cap| {
                let count = sent.iter().filter(|s| t.since(**s) < cap.window_ms).count();
                count < usize::from(cap.max)
            });
            match room(&sent, &PRODUCT_CAPS, UnixMs(0)) {
                Room::Free => assert!(fits(UnixMs(0))),
                Room::FreeAt(at, _) => {
                    assert!(fits(at));
                    assert!(!fits(at.minus_ms(1)));
                    assert!(!fits(UnixMs(0)));
                }
                Room::Never(_) => unreachable!("no cap is zero"),
            }
        }
    }
}
