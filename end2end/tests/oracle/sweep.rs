//! Every change of the clocks to the end of 2037, in every zone of the United States, to the
//! millisecond: around the hours at which something opens or closes, and in the long run every half
//! hour of three days.

use domain::{
    clock::UnixMs,
    decide::{Channel, Class, Outcome, decide},
    zones::{self, Whereabouts},
};

use crate::{
    USUAL,
    calendar::{DAY, HOUR, MINUTE, day_number, on_the_wall, summer},
    facts::{Scenario, fit},
    judge,
    places::{CLOCKS, clock},
    wanted,
};

const STATES: [&str; 56] = [
    "AL", "AK", "AZ", "AR", "CA", "CO", "CT", "DE", "DC", "FL", "GA", "HI", "ID", "IL", "IN", "IA",
    "KS", "KY", "LA", "ME", "MD", "MA", "MI", "MN", "MS", "MO", "MT", "NE", "NV", "NH", "NJ", "NM",
    "NY", "NC", "ND", "OH", "OK", "OR", "PA", "RI", "SC", "SD", "TN", "TX", "UT", "VT", "VA", "WA",
    "WV", "WI", "WY", "PR", "VI", "GU", "AS", "MP",
];

#[test]
fn the_oracle_has_a_clock_for_every_zone_of_every_state() {
    for state in STATES {
        assert!(!zones::by_state(state).is_empty(), "{state}");
        for zone in zones::by_state(state) {
            assert!(CLOCKS.iter().any(|(name, _)| *name == zone.name()), "{zone:?}");
        }
    }
}

#[test]
fn the_product_and_the_oracle_read_the_same_wall_to_the_end_of_2037() {
    for (name, zone) in CLOCKS {
        let known = jiff::tz::TimeZone::get(name).expect("a zone of the database");
        for year in 2025..=2037 {
            let (begins, ends) = summer(year, zone.0);
            let new_year = day_number((year, 1, 1)) * DAY;
            for at in [begins - 1, begins, ends - 1, ends, new_year, new_year + 200 * DAY] {
                let local = known.to_datetime(UnixMs(at).timestamp());
                let (day, clock) = on_the_wall(at, &zone);
                let hours = i64::from(local.hour()) * HOUR + i64::from(local.minute()) * MINUTE;
                assert_eq!(clock - clock % MINUTE, hours, "{name} {at}");
                assert_eq!(crate::calendar::civil(day).2, i64::from(local.day()), "{name} {at}");
            }
        }
    }
}

#[test]
fn nobody_is_written_to_while_asleep_however_the_clocks_change() {
    let (mut looked, mut sent) = (0_u64, 0_u64);
    for (name, _) in CLOCKS {
        // Who keeps winter all year is looked at when the others change.
        let (winter, has_summer) = clock(name);
        let changes = if has_summer { winter } else { -300 };
        for year in 2025..=2037 {
            let (begins, ends) = summer(year, changes);
            for turn in [begins, ends] {
                for step in (-72..=72_i64).filter(|step| is_looked_at(*step)) {
                    for off in [-1, 0] {
                        let now = UnixMs(turn + step * 30 * MINUTE + off);
                        for class in [Class::Dunning, Class::Agreed, Class::FailedAutopay] {
                            looked += 1;
                            sent += u64::from(agree(name, class, now));
                        }
                    }
                }
            }
        }
    }
    println!("{looked} instants around the changes of {} zones: {sent} open", CLOCKS.len());
    assert!(sent > looked / 10 && sent < looked * 6 / 10, "{sent} of {looked}");
}

/// Half hours from the turn, which is at two in the morning: with the usual number of facts only
/// those at which the wall says something that matters, give or take the hour that changes.
fn is_looked_at(step: i64) -> bool {
    let on_the_wall = (step / 2 + 2).rem_euclid(24);
    wanted() > USUAL || step % 2 == 0 && matches!(on_the_wall, 1..=3 | 7..=10 | 16..=21)
}

/// Whether it may go; the two must agree, and a wait must end exactly when the oracle opens.
fn agree(zone: &str, class: Class, now: UnixMs) -> bool {
    let place = Whereabouts { stated_zone: Some(zone.to_owned()), ..Whereabouts::default() };
    let Scenario { message, facts, rules, house, .. } = fit(class, Channel::Email, place, now);
    let decision = decide(&message, &facts, &rules, now);
    let objections = judge::objections(&message, &facts, &house, now);
    let sends = decision.outcome == Outcome::Send;
    assert_eq!(sends, objections.is_empty(), "{zone} {now}: {decision:?} {objections:?}");
    if let Outcome::Defer { until } = decision.outcome {
        for (at, open) in [(until, true), (until.minus_ms(1), false)] {
            let mut then = message.clone();
            then.slot_at = at;
            let found = judge::objections(&then, &facts, &house, at).is_empty();
            assert_eq!(found, open, "{zone} {now}: {at}");
        }
    }
    sends
}
