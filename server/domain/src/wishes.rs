//! When a person would rather be reminded: quiet hours, a payday, a pause they chose (S-R3, MS11).
//!
//! A wish only ever makes a reminder later. Nothing here can make one go: the rules of consent, caps
//! and windows apply all the same.

use jiff::{ToSpan, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{
    clock::{HOUR_MS, UnixMs},
    zones::Zone,
};

/// A reminder of a payday may come on the day or on one of the days after: there are Sundays,
/// holidays and approvals in between.
pub const PAYDAY_LASTS_DAYS: i32 = 3;
/// Nine in the morning: by then it is past three everywhere in the fifty states (S-SF5).
const MORNING_MS: i64 = 9 * HOUR_MS;
/// Longest pause a person may choose: half a year, after which the practice would have to guess.
pub const SNOOZE_LONGEST_DAYS: i32 = 180;

/// Hours of the day in which nothing should come; over midnight when they end earlier than they
/// begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct QuietHours {
    pub from_hour: i8,
    pub until_hour: i8,
}

impl QuietHours {
    /// None for what is no hour of the day, and for an empty stretch.
    pub fn new(from_hour: i8, until_hour: i8) -> Option<Self> {
        let is_hour = |hour: i8| (0..24).contains(&hour);
        (is_hour(from_hour) && is_hour(until_hour) && from_hour != until_hour)
            .then_some(Self { from_hour, until_hour })
    }

    pub const fn covers(self, hour: i8) -> bool {
        if self.from_hour < self.until_hour {
            self.from_hour <= hour && hour < self.until_hour
        } else {
            hour >= self.from_hour || hour < self.until_hour
        }
    }

    /// How many hours from `open` up to `close` stay free.
    pub fn leaves_between(self, open: i8, close: i8) -> usize {
        (open..close).filter(|hour| !self.covers(*hour)).count()
    }

    /// When the quiet that reigns at `at` in one of the zones ends there; `None` where none does.
    pub fn end_after(self, zones: &[Zone], at: UnixMs) -> Option<UnixMs> {
        zones.iter().filter_map(|zone| self.end_in(zone.tz(), at)).max()
    }

    fn end_in(self, zone: &TimeZone, at: UnixMs) -> Option<UnixMs> {
        let local = jiff::Timestamp::from_millisecond(at.0).ok()?.to_zoned(zone.clone());
        if !self.covers(local.hour()) {
            return None;
        }
        let today = local.date();
        let ends_today = local.hour() < self.until_hour;
        let day = if ends_today { today } else { today.tomorrow().ok()? };
        let end = day.at(self.until_hour, 0, 0, 0).to_zoned(zone.clone()).ok()?;
        Some(UnixMs(end.timestamp().as_millisecond()))
    }
}

/// "Remind me on my payday."
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payday {
    /// A day of each month; the last one of a month that is shorter.
    Monthly(i8),
    Once(Date),
}

impl Payday {
    /// The payday that `today` is, or is shortly after.
    pub fn current(self, today: Date) -> Option<Date> {
        let last = match self {
            Self::Once(day) => day,
            Self::Monthly(day) => {
                let this = in_month(today, day);
                if this <= today { this } else { in_month(month_before(today), day) }
            }
        };
        let end = last.checked_add(PAYDAY_LASTS_DAYS.days()).ok()?;
        (last <= today && today <= end).then_some(last)
    }

    /// The first payday after `today`.
    pub fn next(self, today: Date) -> Option<Date> {
        match self {
            Self::Once(day) => (day > today).then_some(day),
            Self::Monthly(day) => {
                let this = in_month(today, day);
                if this > today {
                    return Some(this);
                }
                let after = today.first_of_month().checked_add(1.month()).ok()?;
                Some(in_month(after, day))
            }
        }
    }
}

fn in_month(of: Date, day: i8) -> Date {
    let last = of.days_in_month();
    Date::new(of.year(), of.month(), day.clamp(1, last)).unwrap_or(of)
}

fn month_before(of: Date) -> Date {
    of.first_of_month().checked_sub(1.month()).unwrap_or(of)
}

/// What one account asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Wishes {
    pub quiet: Option<QuietHours>,
    pub payday: Option<Payday>,
    /// No reminder before this day.
    pub snoozed_until: Option<Date>,
}

impl Wishes {
    /// The instant before which no reminder may go; `None` when one may go now. `last_reminded` is
    /// when the last one went: each payday is good for one.
    pub fn not_before(
        &self,
        last_reminded: Option<UnixMs>,
        now: UnixMs,
        zone: &TimeZone,
    ) -> Option<UnixMs> {
        let today = now.day_in(zone);
        let snoozed = self.snoozed_until.filter(|day| *day > today);
        let waits = self.payday.and_then(|payday| match payday {
            Payday::Once(day) => (day > today).then_some(day),
            Payday::Monthly(_) => {
                let is_spent = |day: Date| {
                    let begins = start_of(day, zone);
                    last_reminded.is_some_and(|at| begins.is_some_and(|begins| at >= begins))
                };
                match payday.current(today) {
                    Some(day) if !is_spent(day) => None,
                    _ => payday.next(today),
                }
            }
        });
        let day = snoozed.max(waits)?;
        start_of(day, zone)
    }

    /// The payday for which a reminder is to be asked for now: it has come, nothing holds it back,
    /// and none was sent or asked for since.
    pub fn is_payday(
        &self,
        last_reminded: Option<UnixMs>,
        asked_for: Option<Date>,
        now: UnixMs,
        zone: &TimeZone,
    ) -> Option<Date> {
        let day = self.payday?.current(now.day_in(zone))?;
        let begins = start_of(day, zone)?;
        let is_spent = last_reminded.is_some_and(|at| at >= begins) || asked_for == Some(day);
        (!is_spent && self.not_before(last_reminded, now, zone).is_none()).then_some(day)
    }

    /// When this account is to be looked at again because of its payday: that morning.
    pub fn next_look(&self, now: UnixMs, zone: &TimeZone) -> Option<UnixMs> {
        let today = now.day_in(zone);
        let next = self.payday.and_then(|payday| payday.next(today))?;
        let begins = start_of(next.max(self.snoozed_until.unwrap_or(next)), zone)?;
        Some(begins.plus_ms(MORNING_MS))
    }
}

fn start_of(day: Date, zone: &TimeZone) -> Option<UnixMs> {
    let begins = day.to_zoned(zone.clone()).ok()?;
    Some(UnixMs(begins.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn at(text: &str) -> UnixMs {
        UnixMs::parse_rfc3339(text).expect("an instant")
    }

    fn new_york() -> TimeZone {
        TimeZone::get("America/New_York").expect("a zone")
    }

    fn monthly(day: i8) -> Wishes {
        Wishes { payday: Some(Payday::Monthly(day)), ..Wishes::default() }
    }

    #[test]
    fn somebody_paid_on_the_fifteenth_hears_from_us_once_then() {
        let (wishes, zone) = (monthly(15), new_york());
        let the_15th = at("2026-03-15T00:00:00-04:00");
        let early = at("2026-03-04T10:00:00-05:00");
        assert_eq!(wishes.not_before(None, early, &zone), Some(the_15th));
        let monday = at("2026-03-16T10:00:00-04:00");
        assert_eq!(wishes.not_before(None, monday, &zone), None);
        assert_eq!(wishes.is_payday(None, None, monday, &zone), Some(date(2026, 3, 15)));
        let next = at("2026-04-15T00:00:00-04:00");
        assert_eq!(wishes.not_before(Some(monday), monday.plus_ms(1), &zone), Some(next));
        assert_eq!(wishes.is_payday(Some(monday), None, monday.plus_ms(1), &zone), None);
        let late = at("2026-03-20T10:00:00-04:00");
        assert_eq!(wishes.not_before(None, late, &zone), Some(next), "the moment has passed");
    }

    #[test]
    fn the_thirty_first_is_the_last_day_of_a_shorter_month() {
        let (wishes, zone) = (monthly(31), new_york());
        let early = at("2026-02-10T10:00:00-05:00");
        assert_eq!(wishes.not_before(None, early, &zone), Some(at("2026-02-28T00:00:00-05:00")));
        let after = at("2026-03-02T10:00:00-05:00");
        assert_eq!(wishes.is_payday(None, None, after, &zone), Some(date(2026, 2, 28)));
    }

    #[test]
    fn a_date_picked_once_holds_until_then_and_no_longer() {
        let zone = new_york();
        let wishes = Wishes { payday: Some(Payday::Once(date(2026, 3, 20))), ..Wishes::default() };
        let now = at("2026-03-04T10:00:00-05:00");
        assert_eq!(wishes.not_before(None, now, &zone), Some(at("2026-03-20T00:00:00-04:00")));
        assert_eq!(wishes.next_look(now, &zone), Some(at("2026-03-20T09:00:00-04:00")));
        let then = at("2026-03-20T09:00:00-04:00");
        assert_eq!(wishes.is_payday(None, None, then, &zone), Some(date(2026, 3, 20)));
        assert_eq!(wishes.is_payday(None, Some(date(2026, 3, 20)), then, &zone), None);
        let later = at("2026-05-01T09:00:00-04:00");
        assert_eq!(wishes.not_before(Some(then), later, &zone), None);
        assert_eq!(wishes.next_look(later, &zone), None);
    }

    #[test]
    fn of_a_pause_and_a_payday_the_later_counts() {
        let zone = new_york();
        let wishes = Wishes { snoozed_until: Some(date(2026, 4, 1)), ..monthly(15) };
        let now = at("2026-03-04T10:00:00-05:00");
        assert_eq!(wishes.not_before(None, now, &zone), Some(at("2026-04-01T00:00:00-04:00")));
    }

    #[test]
    fn quiet_hours_may_go_over_midnight() {
        let zones: Vec<Zone> = Zone::named("America/New_York").into_iter().collect();
        let night = QuietHours::new(20, 11).expect("hours");
        assert!(night.covers(23) && night.covers(0) && night.covers(10));
        assert!(!night.covers(11) && !night.covers(19));
        let morning = at("2026-03-04T09:30:00-05:00");
        assert_eq!(night.end_after(&zones, morning), Some(at("2026-03-04T11:00:00-05:00")));
        let evening = at("2026-03-04T20:30:00-05:00");
        assert_eq!(night.end_after(&zones, evening), Some(at("2026-03-05T11:00:00-05:00")));
        assert_eq!(night.end_after(&zones, at("2026-03-04T12:00:00-05:00")), None);
        assert_eq!(night.leaves_between(9, 18), 7);
        assert_eq!(QuietHours::new(9, 9), None);
        assert_eq!(QuietHours::new(9, 24), None);
    }
}
