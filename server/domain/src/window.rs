//! When a recipient may hear from a practice: within the hours of every zone they may be in.
//!
//! Three nested windows (X4, M03): the law's 8 to 21, which practice settings may narrow and never
//! widen; the practice's preferred hours, Monday to Saturday 9 to 18; and the absolute floor of the
//! guide, midnight to three in none of the fifty states (S-SF5). Dispatch stops before the law's
//! window ends, because delivery may lag (D-35). Answers are exact to the millisecond across
//! daylight saving, leap days and weekends.

use jiff::{
    ToSpan,
    civil::{Date, DateTime, Weekday},
};
use serde::{Deserialize, Serialize};

use crate::{
    clock::{HOUR_MS, MINUTE_MS, UnixMs},
    zones::{Zone, ZoneSet},
};

const DAY_MINUTES: u16 = 24 * 60;

/// Hours of a civil day, in minutes since midnight: from `open` up to, not including, `close`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Hours {
    pub open: u16,
    pub close: u16,
}

impl Hours {
    pub const fn new(open_hour: u16, close_hour: u16) -> Self {
        Self { open: open_hour * 60, close: close_hour * 60 }
    }

    pub const CLOSED: Self = Self { open: 0, close: 0 };

    fn hold(self, minute: u16) -> bool {
        self.open <= minute && minute < self.close
    }

    const fn is_closed(self) -> bool {
        self.open >= self.close
    }

    const fn within(self, other: Self) -> Self {
        let open = if self.open > other.open { self.open } else { other.open };
        let close = if self.close < other.close { self.close } else { other.close };
        Self { open, close }
    }

    const fn ending_earlier(self, minutes: u16) -> Self {
        Self { open: self.open, close: self.close.saturating_sub(minutes) }
    }
}

/// Nobody is texted outside these, whatever a practice sets (M03, M05 to M08).
pub const LEGAL_HOURS: Hours = Hours::new(8, 21);
/// The law's hours for someone whose place is unknown: the strictest state closes at 20 (M04, M12).
pub const LEGAL_HOURS_ANYWHERE: Hours = Hours::new(8, 20);
/// The guide's "not available midnight to 3 AM for all time zones" leaves these.
const ABOVE_THE_FLOOR: Hours = Hours { open: 3 * 60, close: DAY_MINUTES };
/// How long a carrier may take to deliver what we hand over (guide K).
pub const DISPATCH_LAG_MS: i64 = HOUR_MS;

/// Days of the week on which reminders go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Weekdays(u8);

impl Weekdays {
    pub const EVERY_DAY: Self = Self(0b111_1111);
    pub const MONDAY_TO_SATURDAY: Self = Self(0b011_1111);
    pub const MONDAY_TO_FRIDAY: Self = Self(0b001_1111);

    pub fn of(days: impl IntoIterator<Item = Weekday>) -> Self {
        Self(days.into_iter().fold(0, |bits, day| bits | Self::bit(day)))
    }

    pub fn contains(self, day: Weekday) -> bool {
        self.0 & Self::bit(day) != 0
    }

    fn bit(day: Weekday) -> u8 {
        1 << day.to_monday_zero_offset()
    }
}

/// Hours by the day of the week, Monday first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Week {
    pub days: [Hours; 7],
    pub closed_on_holidays: bool,
}

impl Week {
    pub const fn every_day(hours: Hours) -> Self {
        Self { days: [hours; 7], closed_on_holidays: false }
    }

    /// Open only when both are.
    #[must_use]
    pub fn within(mut self, other: &Self) -> Self {
        for (day, bound) in self.days.iter_mut().zip(other.days) {
            *day = day.within(bound);
        }
        self.closed_on_holidays |= other.closed_on_holidays;
        self
    }

    #[must_use]
    pub fn within_hours(self, hours: Hours) -> Self {
        self.within(&Self::every_day(hours))
    }

    /// Earliest opening and latest closing, in minutes since midnight.
    pub fn widest(&self) -> (u16, u16) {
        let open = self.days.iter().filter(|hours| !hours.is_closed());
        let from = open.clone().map(|hours| hours.open).min();
        (from.unwrap_or_default(), open.map(|hours| hours.close).max().unwrap_or_default())
    }

    fn ending_earlier(mut self, minutes: u16) -> Self {
        for day in &mut self.days {
            *day = day.ending_earlier(minutes);
        }
        self
    }

    fn only_on(mut self, wanted: Weekdays) -> Self {
        for (offset, day) in self.days.iter_mut().enumerate() {
            if wanted.0 & (1 << offset) == 0 {
                *day = Hours::CLOSED;
            }
        }
        self
    }

    fn on(&self, day: Date) -> Hours {
        if self.closed_on_holidays && is_federal_holiday(day) {
            return Hours::CLOSED;
        }
        let offset = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or_default();
        self.days[offset]
    }
}

/// A practice's windows. `Default` is the product's.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Windows {
    /// Narrows `LEGAL_HOURS`; wider settings have no effect.
    pub hard: Hours,
    pub preferred: Hours,
    pub preferred_days: Weekdays,
    /// Federal holidays count as days off (M41).
    pub skip_federal_holidays: bool,
    /// Nothing is handed over in the last stretch of the hard window.
    pub dispatch_lag_ms: i64,
}

impl Default for Windows {
    fn default() -> Self {
        Self {
            hard: LEGAL_HOURS,
            preferred: Hours::new(9, 18),
            preferred_days: Weekdays::MONDAY_TO_SATURDAY,
            skip_federal_holidays: false,
            dispatch_lag_ms: DISPATCH_LAG_MS,
        }
    }
}

/// Which of the windows binds a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strictness {
    /// The law's hours at the recipient.
    Hard,
    /// The practice's preferred hours within them, above the floor in all states.
    Preferred,
}

/// One zone's opening hours.
struct Opening {
    zone: Zone,
    week: Week,
}

impl Opening {
    fn is_open(&self, at: UnixMs) -> bool {
        let local = self.zone.tz().to_datetime(at.timestamp());
        self.week.on(local.date()).hold(minute_of(local))
    }

    /// The first instant at or after `at` that is open; `None` if no day within the horizon is.
    fn next_open(&self, at: UnixMs) -> Option<UnixMs> {
        if self.is_open(at) {
            return Some(at);
        }
        let mut day = self.zone.tz().to_datetime(at.timestamp()).date();
        for _ in 0..=HORIZON_DAYS {
            let hours = self.week.on(day);
            if !hours.is_closed() {
                let opening = self.opening(day, hours)?;
                if opening >= at {
                    return Some(opening);
                }
            }
            day = day.checked_add(1.day()).ok()?;
        }
        None
    }

    fn opening(&self, day: Date, hours: Hours) -> Option<UnixMs> {
        let (hour, minute) = (hours.open / 60, hours.open % 60);
        let local = day.at(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0);
        let instant = self.zone.tz().to_timestamp(local).ok()?;
        Some(UnixMs(instant.as_millisecond()))
    }
}

/// No working week, holidays included, leaves a longer gap than this between two opening days.
const HORIZON_DAYS: u16 = 16;
/// Each round moves one zone to its next opening; windows that meet at all meet within days.
const MOST_ROUNDS: u16 = 512;

/// Whether a message may be handed over at `now`, by the hours that bind everywhere.
pub fn is_open(zones: &ZoneSet, windows: &Windows, strictness: Strictness, now: UnixMs) -> bool {
    is_open_under(&law_of(zones), zones, windows, strictness, now)
}

/// The first instant at or after `now` at which a message may be handed over, or `None` when the
/// windows of the zones never meet (an hour-wide window in New York and Honolulu).
pub fn next_open(
    zones: &ZoneSet,
    windows: &Windows,
    strictness: Strictness,
    now: UnixMs,
) -> Option<UnixMs> {
    next_open_under(&law_of(zones), zones, windows, strictness, now)
}

/// `is_open` where the rules narrow the law's hours further.
pub fn is_open_under(
    law: &Week,
    zones: &ZoneSet,
    windows: &Windows,
    strictness: Strictness,
    now: UnixMs,
) -> bool {
    openings(law, zones, windows, strictness).iter().all(|opening| opening.is_open(now))
}

/// `next_open` where the rules narrow the law's hours further.
pub fn next_open_under(
    law: &Week,
    zones: &ZoneSet,
    windows: &Windows,
    strictness: Strictness,
    now: UnixMs,
) -> Option<UnixMs> {
    let openings = openings(law, zones, windows, strictness);
    let mut at = now;
    for _ in 0..MOST_ROUNDS {
        let mut latest = at;
        for opening in &openings {
            latest = latest.max(opening.next_open(at)?);
        }
        if latest == at {
            return Some(at);
        }
        at = latest;
    }
    None
}

fn law_of(zones: &ZoneSet) -> Week {
    Week::every_day(if zones.is_known() { LEGAL_HOURS } else { LEGAL_HOURS_ANYWHERE })
}

/// Whether it is midnight to 3 AM in one of the fifty states: staff cannot start a run then.
pub fn is_below_the_floor(now: UnixMs) -> bool {
    !floor().all(|opening| opening.is_open(now))
}

/// When `is_below_the_floor` ends.
pub fn floor_lifts_at(now: UnixMs) -> UnixMs {
    let mut at = now;
    while let Some(later) = floor().filter_map(|o| o.next_open(at)).max().filter(|l| *l > at) {
        at = later;
    }
    at
}

fn floor() -> impl Iterator<Item = Opening> {
    ZoneSet::fifty_states()
        .zones()
        .to_vec()
        .into_iter()
        .map(|zone| Opening { zone, week: Week::every_day(ABOVE_THE_FLOOR) })
}

fn openings(
    law: &Week,
    zones: &ZoneSet,
    windows: &Windows,
    strictness: Strictness,
) -> Vec<Opening> {
    let lag = windows.dispatch_lag_ms.max(0).div_euclid(MINUTE_MS);
    let lag = u16::try_from(lag).unwrap_or(DAY_MINUTES);
    // Whatever the rules say, never outside what the law leaves everywhere.
    let hard = law.within(&law_of(zones)).within_hours(windows.hard).ending_earlier(lag);
    let week = match strictness {
        Strictness::Hard => hard,
        Strictness::Preferred => {
            let mut preferred =
                hard.within_hours(windows.preferred).only_on(windows.preferred_days);
            preferred.closed_on_holidays |= windows.skip_federal_holidays;
            preferred
        }
    };
    let mut openings: Vec<Opening> =
        zones.zones().iter().map(|zone| Opening { zone: *zone, week }).collect();
    if strictness == Strictness::Preferred {
        openings.extend(floor());
    }
    openings
}

fn minute_of(local: DateTime) -> u16 {
    u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs())
}

/// A federal holiday, or the weekday on which one that falls on a weekend is observed (5 USC 6103).
pub fn is_federal_holiday(day: Date) -> bool {
    let (month, of_month, weekday) = (day.month(), day.day(), day.weekday());
    let nth = (of_month - 1) / 7 + 1;
    let floating = matches!(
        (month, weekday, nth),
        (1 | 2, Weekday::Monday, 3)
            | (9, Weekday::Monday, 1)
            | (10, Weekday::Monday, 2)
            | (11, Weekday::Thursday, 4)
    ) || (month == 5 && weekday == Weekday::Monday && of_month > 24);
    let fixed = |day: Date| {
        matches!((day.month(), day.day()), (1, 1) | (6, 19) | (7, 4) | (11, 11) | (12, 25))
    };
    let observed = match weekday {
        Weekday::Monday => day.yesterday().is_ok_and(fixed),
        Weekday::Friday => day.tomorrow().is_ok_and(fixed),
        _ => false,
    };
    floating || fixed(day) || observed
}

#[cfg(test)]
mod tests;
