//! A second opinion on every send. The oracle reads the rules from the reference, slowly and in its
//! own words: its own calendar, its own time zones, its own look at the tables. It shares with the
//! product the types of the facts and nothing else. Where the two differ, one of them is wrong.
//!
//! 20,000 random facts run with every test. For more:
//!
//! ```text
//! CLEARBILL_ORACLE_FACTS=1000000 cargo nextest run -p end2end --test oracle --no-capture
//! ```
//!
//! Refuses to be fooled by silence: a run in which some rule never objected, or nothing was sent,
//! fails.

mod calendar;
mod facts;
mod judge;
mod places;
mod sweep;

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use domain::{
    clock::{HOUR_MS, UnixMs},
    decide::{
        Decision, Outcome, PaymentUnderWay, Proposed, RuleId, Rules, Sender, Verdict, decide,
    },
    money::Cents,
};

use crate::facts::{Scenario, Seeded, scenario};

/// Enough for every rule to speak.
const USUAL: u64 = 20_000;
/// Taken together by one thread.
const PORTION: u64 = 500;

fn wanted() -> u64 {
    let asked = std::env::var("CLEARBILL_ORACLE_FACTS").ok();
    asked.map_or(USUAL, |number| number.parse().expect("a number of facts"))
}

#[derive(Default)]
struct Tally {
    sent: u64,
    deferred: u64,
    withheld: u64,
    objections: BTreeMap<RuleId, u64>,
}

impl Tally {
    fn note(&mut self, decision: &Decision) {
        match decision.outcome {
            Outcome::Send => self.sent += 1,
            Outcome::Defer { .. } => self.deferred += 1,
            Outcome::Withhold => self.withheld += 1,
        }
        for reason in decision.reasons.iter().filter(|r| r.verdict != Verdict::Pass) {
            *self.objections.entry(reason.rule).or_default() += 1;
        }
    }

    fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.deferred += other.deferred;
        self.withheld += other.withheld;
        for (rule, count) in &other.objections {
            *self.objections.entry(*rule).or_default() += count;
        }
    }
}

/// What `decide` says of a scenario must be what the oracle says, at once and when it waits.
fn compare(seed: u64, tally: &mut Tally) -> Result<(), String> {
    let mut chance = Seeded::new(seed);
    let Scenario { message, facts, rules, house, now } = scenario(&mut chance);
    let decision = decide(&message, &facts, &rules, now);
    tally.note(&decision);
    let objections = judge::objections(&message, &facts, &house, now);
    let sends = decision.outcome == Outcome::Send;
    if sends != objections.is_empty() {
        return Err(format!(
            "{seed}: decided {:?} ({:?}), the oracle objects {objections:?}\n{message:?}\n{facts:?}\n{house:?}",
            decision.outcome,
            decision.headline(),
        ));
    }
    let Outcome::Defer { until } = decision.outcome else { return Ok(()) };
    let from = |at: UnixMs| Proposed { slot_at: message.slot_at.max(at), ..message.clone() };
    let open = |at: UnixMs| judge::objections(&from(at), &facts, &house, at).is_empty();
    if until < now {
        return Err(format!("{seed}: waits for the past"));
    }
    if until == now {
        return Ok(());
    }
    for _ in 0..2 {
        let within = i64::try_from(chance.below(u64::try_from(until.since(now)).unwrap_or(1)));
        let early = now.plus_ms(within.unwrap_or(0));
        if open(early) {
            return Err(format!(
                "{seed}: waits until {until}, may go at {early}\n{message:?}\n{facts:?}\n{house:?}"
            ));
        }
    }
    let under_way = facts.balance.as_ref().is_some_and(|b| b.payment != PaymentUnderWay::No);
    let again = decide(&from(until), &facts, &rules, until).sends();
    if again != open(until) {
        return Err(format!("{seed}: at {until} the two differ again"));
    }
    // What may change meanwhile by itself: a confirmation that ages, a law that begins.
    let may_change = house.reverify_days.is_some() || house.number_check;
    let begins = judge::law_begins_between(now, until);
    if !again && !under_way && !may_change && !begins && until.since(now) < 24 * 29 * HOUR_MS {
        return Err(format!(
            "{seed}: waits until {until} for nothing\n{message:?}\n{facts:?}\n{house:?}"
        ));
    }
    if !under_way && again && open(until.minus_ms(1)) {
        return Err(format!("{seed}: could have gone before {until}"));
    }
    Ok(())
}

/// The oracle would be worth nothing if it agreed with everything.
#[test]
fn a_decision_by_laxer_rules_is_seen() {
    type Loosen = fn(&mut Rules);
    let loosened: [(&str, Loosen); 4] = [
        ("no lag at the end of the hours", |rules| rules.windows.dispatch_lag_ms = 0),
        ("no smallest balance", |rules| rules.minimum_balance = Cents(1)),
        ("holidays like other days", |rules| rules.windows.skip_federal_holidays = false),
        ("a collector as the practice", |rules| rules.sender = Sender::FirstParty),
    ];
    for (what, loosen) in loosened {
        let seen = (0..USUAL).any(|seed| {
            let mut chance = Seeded::new(seed);
            let Scenario { message, facts, mut rules, house, now } = scenario(&mut chance);
            loosen(&mut rules);
            decide(&message, &facts, &rules, now).sends()
                && !judge::objections(&message, &facts, &house, now).is_empty()
        });
        assert!(seen, "{what}");
    }
}

#[test]
fn no_random_facts_part_the_decision_from_the_oracle() {
    let wanted = wanted();
    let next = AtomicU64::new(0);
    let all = Mutex::new((Tally::default(), Vec::<String>::new()));
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let first = next.fetch_add(PORTION, Ordering::Relaxed);
                    if first >= wanted {
                        return;
                    }
                    let mut tally = Tally::default();
                    let breaches: Vec<String> = (first..wanted.min(first + PORTION))
                        .filter_map(|seed| compare(seed, &mut tally).err())
                        .collect();
                    let mut all = all.lock().expect("nobody panics in here");
                    all.0.add(&tally);
                    all.1.extend(breaches);
                    if all.1.len() > 5 {
                        return;
                    }
                }
            });
        }
    });
    let (tally, breaches) = all.into_inner().expect("nobody panics in here");
    let total = tally.sent + tally.deferred + tally.withheld;
    assert!(breaches.is_empty(), "{} of {total}:\n{}", breaches.len(), breaches.join("\n"));
    println!(
        "{total} facts: {} sent, {} deferred, {} withheld, no breach",
        tally.sent, tally.deferred, tally.withheld
    );
    if total >= USUAL {
        assert!(tally.sent > total / 20, "only {} were sent", tally.sent);
        assert!(tally.deferred > total / 20, "only {} were deferred", tally.deferred);
        // The turn is the gate's, the charge is not a message's, and no rule of another name asks.
        let silent = [RuleId::RateSlot, RuleId::ChargeNotice, RuleId::ConsentByRule];
        let missing: Vec<_> = RuleId::ALL
            .iter()
            .filter(|rule| !silent.contains(rule) && !tally.objections.contains_key(rule))
            .collect();
        assert!(missing.is_empty(), "never objected: {missing:?}");
    }
}
