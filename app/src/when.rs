//! Days and instants in words, in the zone of the practice and the language of the reader.

use domain::clock::UnixMs;
use jiff::{civil::Date, tz::TimeZone};

use crate::words::Words;

/// `Apr 12, 2026` · `12 abr 2026`
pub fn day(w: Words, day: Date) -> String {
    w.with(
        "day-full",
        &[
            ("month", month(w, day.month()).into()),
            ("day", day.day().to_string().into()),
            ("year", day.year().to_string().into()),
        ],
    )
}

/// `Apr 12, 9:04 AM`: for what is recent, where the year and the zone would only be noise.
pub fn instant(w: Words, at: UnixMs, zone: &TimeZone) -> String {
    let zoned = at.timestamp().to_zoned(zone.clone());
    w.with(
        "instant-short",
        &[
            ("month", month(w, zoned.month()).into()),
            ("day", zoned.day().to_string().into()),
            ("time", clock(w, zoned.hour(), zoned.minute()).into()),
        ],
    )
}

/// `Apr 12, 2026, 9:04 AM EDT`: for receipts and records.
pub fn instant_full(w: Words, at: UnixMs, zone: &TimeZone) -> String {
    let zoned = at.timestamp().to_zoned(zone.clone());
    w.with(
        "instant-full",
        &[
            ("date", day(w, zoned.date()).into()),
            ("time", clock(w, zoned.hour(), zoned.minute()).into()),
            ("zone", zoned.strftime("%Z").to_string().into()),
        ],
    )
}

/// `9:04 AM`
pub fn time(w: Words, at: UnixMs, zone: &TimeZone) -> String {
    let zoned = at.timestamp().to_zoned(zone.clone());
    clock(w, zoned.hour(), zoned.minute())
}

/// For the workspace, of something ahead: `9:04 AM`, `tomorrow 9:00 AM`, `Mon, Mar 9, 9:00 AM`.
pub fn near(at: UnixMs, now: UnixMs, zone: &TimeZone) -> String {
    let w = Words::default();
    let (day, today) = (at.day_in(zone), now.day_in(zone));
    if day == today {
        return time(w, at, zone);
    }
    if today.tomorrow().is_ok_and(|tomorrow| tomorrow == day) {
        return format!("tomorrow {}", time(w, at, zone));
    }
    let weekday = at.timestamp().to_zoned(zone.clone()).strftime("%a").to_string();
    format!("{weekday}, {}", instant(w, at, zone))
}

/// For `<time datetime>`: RFC 3339 in UTC.
pub fn machine(at: UnixMs) -> String {
    at.to_string()
}

fn clock(w: Words, hour: i8, minute: i8) -> String {
    let half = if hour < 12 { w.t("before-noon") } else { w.t("after-noon") };
    let hour = if hour % 12 == 0 { 12 } else { hour % 12 };
    format!("{hour}:{minute:02} {half}")
}

fn month(w: Words, month: i8) -> &'static str {
    let index = usize::try_from(month - 1).unwrap_or_default();
    w.t("months").split(' ').nth(index).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Lang;

    #[test]
    fn a_payment_in_the_evening_is_dated_where_the_practice_is() {
        let at = UnixMs::parse_rfc3339("2026-03-05T01:04:00Z").unwrap();
        let zone = TimeZone::get("America/New_York").unwrap();
        let (english, spanish) = (Words::new(Lang::En), Words::new(Lang::Es));
        assert_eq!(instant_full(english, at, &zone), "Mar 4, 2026, 8:04 PM EST");
        assert_eq!(instant(english, at, &zone), "Mar 4, 8:04 PM");
        assert_eq!(instant_full(spanish, at, &zone), "4 mar 2026, 8:04 p. m. EST");
    }

    #[test]
    fn midnight_and_noon_are_twelve() {
        let zone = TimeZone::UTC;
        let w = Words::default();
        for (text, expected) in
            [("2026-03-05T00:30:00Z", "12:30 AM"), ("2026-03-05T12:00:00Z", "12:00 PM")]
        {
            assert_eq!(time(w, UnixMs::parse_rfc3339(text).unwrap(), &zone), expected);
        }
    }
}
