//! A calendar of the oracle's own: days counted one by one, and daylight saving as the Uniform Time
//! Act has it since 2007.

use std::{collections::BTreeSet, sync::OnceLock};

pub const MINUTE: i64 = 60_000;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// Year, month, day.
pub type Civil = (i64, i64, i64);

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01.
pub fn day_number((year, month, day): Civil) -> i64 {
    let mut days = 0;
    for y in 1970..year {
        days += if is_leap(y) { 366 } else { 365 };
    }
    for m in 1..month {
        days += days_in(year, m);
    }
    days + day - 1
}

pub fn civil(mut days: i64) -> Civil {
    let mut year = 1970;
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let mut month = 1;
    while days >= days_in(year, month) {
        days -= days_in(year, month);
        month += 1;
    }
    (year, month, days + 1)
}

/// Monday is 1. The first of January 1970 was a Thursday.
pub const fn weekday(days: i64) -> i64 {
    (days + 3).rem_euclid(7) + 1
}

/// The `nth` such weekday of a month, as a day number.
fn nth(year: i64, month: i64, wanted: i64, nth: i64) -> i64 {
    let mut found = 0;
    for day in 1..=days_in(year, month) {
        let number = day_number((year, month, day));
        if weekday(number) == wanted {
            found += 1;
            if found == nth {
                return number;
            }
        }
    }
    unreachable!("no month lacks a fourth weekday")
}

fn last_monday(year: i64, month: i64) -> i64 {
    let mut day = day_number((year, month, days_in(year, month)));
    while weekday(day) != 1 {
        day -= 1;
    }
    day
}

/// The years anybody asks about; counted once.
const FIRST_YEAR: i64 = 2020;
const LAST_YEAR: i64 = 2039;

/// 5 USC 6103, with the weekday on which one at the weekend is observed.
pub fn is_holiday(day: i64) -> bool {
    static ALL: OnceLock<BTreeSet<i64>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        let (first, last) = (day_number((FIRST_YEAR, 1, 1)), day_number((LAST_YEAR, 12, 31)));
        (first..=last).filter(|day| is_holiday_by_law(*day)).collect()
    });
    all.contains(&day)
}

fn is_holiday_by_law(day: i64) -> bool {
    let year = civil(day).0;
    let floating = [
        nth(year, 1, 1, 3),
        nth(year, 2, 1, 3),
        last_monday(year, 5),
        nth(year, 9, 1, 1),
        nth(year, 10, 1, 2),
        nth(year, 11, 4, 4),
    ];
    if floating.contains(&day) {
        return true;
    }
    let mut fixed = Vec::new();
    for y in [year, year + 1] {
        for (month, of_month) in [(1, 1), (6, 19), (7, 4), (11, 11), (12, 25)] {
            fixed.push(day_number((y, month, of_month)));
        }
    }
    fixed.iter().any(|on| match weekday(*on) {
        6 => day == *on || day == on - 1,
        7 => day == *on || day == on + 1,
        _ => day == *on,
    })
}

/// When summer time begins and ends in a zone that stands so many minutes from UTC in winter: at two
/// on the second Sunday of March, and at two on the first of November.
pub fn summer(year: i64, winter_minutes: i64) -> (i64, i64) {
    let begins = nth(year, 3, 7, 2) * DAY + 2 * HOUR - winter_minutes * MINUTE;
    let ends = nth(year, 11, 7, 1) * DAY + 2 * HOUR - (winter_minutes + 60) * MINUTE;
    (begins, ends)
}

/// Every summer of a zone, by its winter offset in whole hours from -12 to 0.
fn summers(winter: i64) -> &'static [(i64, i64)] {
    static ALL: OnceLock<Vec<Vec<(i64, i64)>>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        (0..=12)
            .map(|hours| (FIRST_YEAR..=LAST_YEAR).map(|year| summer(year, hours * -60)).collect())
            .collect()
    });
    &all[usize::try_from(winter / -60).expect("west of Greenwich")]
}

/// Day number, and milliseconds since midnight, on the wall.
pub fn on_the_wall(at: i64, zone: &(i64, bool)) -> (i64, i64) {
    let (winter, has_summer) = *zone;
    let mut offset = winter;
    if has_summer && summers(winter).iter().any(|(begins, ends)| *begins <= at && at < *ends) {
        offset += 60;
    }
    let local = at + offset * MINUTE;
    (local.div_euclid(DAY), local.rem_euclid(DAY))
}

#[test]
fn the_oracles_calendar_knows_days_everybody_knows() {
    assert_eq!(civil(day_number((2028, 2, 29))), (2028, 2, 29));
    assert_eq!(weekday(day_number((2026, 3, 4))), 3);
    assert_eq!(summer(2026, -300).0, day_number((2026, 3, 8)) * DAY + 7 * HOUR);
    for (day, holiday) in [
        ((2026, 7, 3), true),
        ((2026, 7, 4), true),
        ((2026, 11, 26), true),
        ((2027, 12, 31), true),
        ((2026, 5, 25), true),
        ((2026, 5, 18), false),
    ] {
        assert_eq!(is_holiday(day_number(day)), holiday, "{day:?}");
    }
}
