use std::{
    io::Write,
    process::{Command, Stdio},
};

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::clock::{DAY_MS, SECOND_MS};

fn at(rfc3339: &str) -> UnixMs {
    UnixMs::parse_rfc3339(rfc3339).unwrap()
}

fn zones(names: &[&str]) -> ZoneSet {
    ZoneSet::of(names.iter().map(|n| Zone::named(n).unwrap()))
}

/// The product's windows without the lag, so that the tables below read as the rules do.
fn prompt() -> Windows {
    Windows { dispatch_lag_ms: 0, ..Windows::default() }
}

fn next(zone: &[&str], strictness: Strictness, now: &str) -> UnixMs {
    next_open(&zones(zone), &prompt(), strictness, at(now)).unwrap()
}

const NEW_YORK: &[&str] = &["America/New_York"];

#[test]
fn a_night_reminder_waits_for_nine_in_the_morning() {
    for (now, opens) in [
        ("2026-03-04T22:00:00-05:00", "2026-03-05T09:00:00-05:00"),
        ("2026-03-05T08:59:59.999-05:00", "2026-03-05T09:00:00-05:00"),
        ("2026-03-05T09:00:00-05:00", "2026-03-05T09:00:00-05:00"),
        ("2026-03-05T17:59:59.999-05:00", "2026-03-05T17:59:59.999-05:00"),
        ("2026-03-05T18:00:00-05:00", "2026-03-06T09:00:00-05:00"),
        // Saturday evening: Sunday is closed.
        ("2026-03-07T18:00:00-05:00", "2026-03-09T09:00:00-04:00"),
        ("2026-03-08T12:00:00-04:00", "2026-03-09T09:00:00-04:00"),
        // Leap day.
        ("2028-02-28T20:00:00-05:00", "2028-02-29T09:00:00-05:00"),
        ("2028-02-29T20:00:00-05:00", "2028-03-01T09:00:00-05:00"),
    ] {
        assert_eq!(next(NEW_YORK, Strictness::Preferred, now), at(opens), "{now}");
    }
}

#[test]
fn the_laws_hours_are_eight_to_nine_on_every_day() {
    for (now, opens) in [
        ("2026-03-08T07:59:59-04:00", "2026-03-08T08:00:00-04:00"),
        ("2026-03-08T20:59:59.999-04:00", "2026-03-08T20:59:59.999-04:00"),
        ("2026-03-08T21:00:00-04:00", "2026-03-09T08:00:00-04:00"),
    ] {
        assert_eq!(next(NEW_YORK, Strictness::Hard, now), at(opens), "{now}");
    }
}

#[test]
fn a_practice_may_narrow_the_laws_hours_and_never_widen_them() {
    let mut windows = Windows { hard: Hours::new(0, 24), ..prompt() };
    windows.preferred = Hours::new(0, 24);
    windows.preferred_days = Weekdays::EVERY_DAY;
    let night = at("2026-07-05T21:00:00-04:00");
    for strictness in [Strictness::Hard, Strictness::Preferred] {
        assert!(!is_open(&zones(NEW_YORK), &windows, strictness, night));
    }
    windows.hard = Hours::new(10, 12);
    let nine = at("2026-07-06T09:00:00-04:00");
    assert!(!is_open(&zones(NEW_YORK), &windows, Strictness::Preferred, nine));
}

#[test]
fn dispatch_stops_an_hour_before_the_law_does() {
    let windows = Windows::default();
    let last = at("2026-03-05T20:00:00-05:00");
    assert!(is_open(&zones(NEW_YORK), &windows, Strictness::Hard, last.minus_ms(1)));
    assert!(!is_open(&zones(NEW_YORK), &windows, Strictness::Hard, last));
    // The preferred hours end well before that, so the lag takes nothing from them.
    let late = at("2026-03-05T17:59:00-05:00");
    assert!(is_open(&zones(NEW_YORK), &windows, Strictness::Preferred, late));
}

#[test]
fn someone_who_may_be_in_two_zones_is_reminded_when_it_is_day_in_both() {
    let coasts = &["America/New_York", "America/Los_Angeles"];
    for (now, opens) in [
        ("2026-03-05T09:00:00-05:00", "2026-03-05T12:00:00-05:00"),
        ("2026-03-05T17:59:00-05:00", "2026-03-05T17:59:00-05:00"),
        ("2026-03-05T18:00:00-05:00", "2026-03-06T12:00:00-05:00"),
        ("2026-03-07T18:00:00-05:00", "2026-03-09T12:00:00-04:00"),
    ] {
        assert_eq!(next(coasts, Strictness::Preferred, now), at(opens), "{now}");
    }
}

#[test]
fn someone_of_whom_nothing_is_known_is_reminded_when_it_is_day_in_all_states() {
    let anywhere = ZoneSet::fifty_states();
    let open = |strictness, now: &str| {
        let opens = next_open(&anywhere, &prompt(), strictness, at(now)).unwrap();
        (opens, is_open(&anywhere, &prompt(), strictness, opens))
    };
    // M04: 13 to 20 Eastern in winter, 14 to 20 in summer.
    let eight_in_hawaii = at("2026-01-14T13:00:00-05:00");
    assert_eq!(open(Strictness::Hard, "2026-01-14T00:00:00-05:00"), (eight_in_hawaii, true));
    let summer = at("2026-07-15T14:00:00-04:00");
    assert_eq!(open(Strictness::Hard, "2026-07-15T00:00:00-04:00"), (summer, true));
    let closes = at("2026-07-15T20:00:00-04:00");
    assert!(is_open(&anywhere, &prompt(), Strictness::Hard, closes.minus_ms(1)));
    assert!(!is_open(&anywhere, &prompt(), Strictness::Hard, closes));
    // Preferred: nine in Honolulu until six in New York.
    let nine_in_hawaii = at("2026-01-14T14:00:00-05:00");
    assert_eq!(open(Strictness::Preferred, "2026-01-14T00:00:00-05:00"), (nine_in_hawaii, true));
    assert!(!is_open(&anywhere, &prompt(), Strictness::Preferred, at("2026-01-14T18:00:00-05:00")));
}

#[test]
fn windows_that_never_meet_say_so() {
    let windows = Windows { preferred: Hours::new(9, 10), ..prompt() };
    let far = zones(&["America/New_York", "Pacific/Honolulu"]);
    assert_eq!(next_open(&far, &windows, Strictness::Preferred, at("2026-03-04T00:00:00Z")), None);
    let shut = Windows { preferred_days: Weekdays::of([]), ..prompt() };
    assert_eq!(
        next_open(&zones(NEW_YORK), &shut, Strictness::Preferred, at("2026-03-04T00:00:00Z")),
        None
    );
}

#[test]
fn a_run_cannot_be_started_between_midnight_and_three_in_any_state() {
    // Midnight in New York until three in Honolulu.
    assert!(!is_below_the_floor(at("2026-01-14T23:59:59-05:00")));
    assert!(is_below_the_floor(at("2026-01-15T00:00:00-05:00")));
    let three_in_hawaii = at("2026-01-15T08:00:00-05:00");
    assert!(is_below_the_floor(three_in_hawaii.minus_ms(1)));
    assert!(!is_below_the_floor(three_in_hawaii));
    assert_eq!(floor_lifts_at(at("2026-01-15T00:30:00-05:00")), three_in_hawaii);
    let noon = at("2026-01-15T12:00:00-05:00");
    assert_eq!(floor_lifts_at(noon), noon);
}

#[test]
fn federal_holidays_are_days_off_only_where_a_practice_says_so() {
    let mut windows = prompt();
    let thanksgiving = at("2026-11-26T10:00:00-05:00");
    assert!(is_open(&zones(NEW_YORK), &windows, Strictness::Preferred, thanksgiving));
    windows.skip_federal_holidays = true;
    assert_eq!(
        next_open(&zones(NEW_YORK), &windows, Strictness::Preferred, thanksgiving),
        Some(at("2026-11-27T09:00:00-05:00"))
    );
}

#[test]
fn the_eleven_federal_holidays_of_2026_are_known() {
    let start = jiff::civil::date(2026, 1, 1);
    let holidays: Vec<String> = start
        .series(1.day())
        .take(365)
        .filter(|day| is_federal_holiday(*day))
        .map(|day| day.to_string()[5..].to_owned())
        .collect();
    assert_eq!(
        holidays,
        [
            "01-01", "01-19", "02-16", "05-25", "06-19", "07-03", "07-04", "09-07", "10-12",
            "11-11", "11-26", "12-25"
        ]
    );
}

/// Milliseconds from 2025 to 2030, many of them near a change of the clocks.
fn instants() -> impl Strategy<Value = UnixMs> {
    let year_2025 = 1_735_689_600_000_i64;
    let changes = prop::sample::select(vec![
        "2025-03-09T07:00:00Z",
        "2025-11-02T06:00:00Z",
        "2026-03-08T10:00:00Z",
        "2026-11-01T09:00:00Z",
        "2027-03-14T08:00:00Z",
        "2028-02-29T12:00:00Z",
        "2028-11-05T07:00:00Z",
    ]);
    prop_oneof![
        (0..5 * 366 * DAY_MS).prop_map(move |ms| UnixMs(year_2025 + ms)),
        (changes, -2 * DAY_MS..2 * DAY_MS).prop_map(|(change, ms)| at(change).plus_ms(ms)),
    ]
}

fn zone_sets() -> impl Strategy<Value = ZoneSet> {
    let all: Vec<Zone> = Zone::all().filter(|z| !z.name().starts_with("Pacific/C")).collect();
    prop_oneof![
        prop::collection::vec(prop::sample::select(all), 1..4).prop_map(ZoneSet::of),
        Just(ZoneSet::fifty_states()),
    ]
}

/// Written apart from the code: whether the wall clocks of all zones say that it is time.
fn by_the_wall_clock(zones: &ZoneSet, strictness: Strictness, now: UnixMs) -> bool {
    let until = if zones.is_known() { 20 } else { 19 }; // an hour of lag
    zones.zones().iter().all(|zone| {
        let wall = Timestamp::from_millisecond(now.0).unwrap().to_zoned(zone.tz().clone());
        let legal = (8..until).contains(&wall.hour());
        let preferred = (9..18).contains(&wall.hour()) && wall.weekday() != Weekday::Sunday;
        match strictness {
            Strictness::Hard => legal,
            Strictness::Preferred => legal && preferred && !is_below_the_floor(now),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_next_opening_is_open_everywhere_and_nothing_before_it_is(
        zones in zone_sets(),
        now in instants(),
        hard in any::<bool>(),
    ) {
        let strictness = if hard { Strictness::Hard } else { Strictness::Preferred };
        let windows = Windows::default();
        prop_assert_eq!(
            is_open(&zones, &windows, strictness, now),
            by_the_wall_clock(&zones, strictness, now)
        );
        let Some(opens) = next_open(&zones, &windows, strictness, now) else {
            // Only for places whose days do not meet, as Guam's and New York's.
            return Ok(());
        };
        prop_assert!(opens >= now);
        prop_assert!(by_the_wall_clock(&zones, strictness, opens));
        // Windows open on whole minutes: looking at each quarter of an hour finds any other opening.
        let mut earlier = now;
        while earlier < opens {
            prop_assert!(!by_the_wall_clock(&zones, strictness, earlier), "{} before {}", earlier, opens);
            earlier = earlier.plus_ms(15 * MINUTE_MS);
        }
        prop_assert!(opens == now || !by_the_wall_clock(&zones, strictness, opens.minus_ms(1)));
    }

    #[test]
    fn every_american_can_be_reached_within_a_week(zone in prop::sample::select(
        ["AL", "AK", "AZ", "CA", "CO", "FL", "HI", "ID", "IN", "KY", "MI", "ND", "NE", "NY", "OR",
         "PR", "SD", "TN", "TX", "WA"].iter().flat_map(|s| crate::zones::by_state(s)).copied()
            .collect::<Vec<_>>()
    ), now in instants()) {
        let set = ZoneSet::of([zone]);
        let opens = next_open(&set, &Windows::default(), Strictness::Preferred, now);
        prop_assert!(opens.is_some_and(|o| o.since(now) < 3 * DAY_MS));
    }
}

/// Ten years up to 2025 in every zone of the states, as another implementation reads the clock. Later
/// years differ between releases of the zone database, and ours is the one compiled in.
#[test]
fn pythons_zone_database_reads_the_same_clocks() {
    const SCRIPT: &str = "
import sys
from datetime import datetime, timezone
from zoneinfo import ZoneInfo
for line in sys.stdin:
    name, ms = line.split()
    local = datetime.fromtimestamp(int(ms) // 1000, timezone.utc).astimezone(ZoneInfo(name))
    print(local.strftime('%Y-%m-%dT%H:%M:%S'))
";
    let child = Command::new("python3")
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = child else {
        eprintln!("SKIPPED: python3 is not here to compare with");
        return;
    };
    let start = at("2016-01-01T00:00:00Z");
    let states = ["AL", "AK", "AZ", "CA", "CO", "HI", "ID", "IN", "KY", "MI", "ND", "NY", "PR"];
    let mut asked = Vec::new();
    for zone in states.iter().flat_map(|state| crate::zones::by_state(state)).copied() {
        // Four days, an hour and a bit: every hour of the day and every week of the year come up.
        for step in 0..900 {
            let instant = start.plus_ms(step * (97 * HOUR_MS + 1_234 * SECOND_MS));
            asked.push((zone, instant));
        }
    }
    let mut input = child.stdin.take().unwrap();
    let lines: String = asked.iter().map(|(z, i)| format!("{} {}\n", z.name(), i.0)).collect();
    let feeder = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let fed = feeder.join().unwrap();
    if !output.status.success() || fed.is_err() {
        eprintln!("SKIPPED: this python3 has no zone database");
        return;
    }
    let theirs = String::from_utf8(output.stdout).unwrap();
    for ((zone, instant), theirs) in asked.iter().zip(theirs.lines()) {
        let seconds = Timestamp::from_second(instant.0.div_euclid(1_000)).unwrap();
        let ours = zone.tz().to_datetime(seconds);
        assert_eq!(ours.to_string(), theirs, "{} at {instant}", zone.name());
    }
    assert_eq!(theirs.lines().count(), asked.len());
}
