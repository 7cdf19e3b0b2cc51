//! What never happens, whatever else is the case: each property breaks one thing about a reminder
//! that is otherwise as random as facts can be, and nothing may go.

use super::*;
use crate::rulebook::{Change, Rulebook};

/// Everything a reminder is judged by that the properties do not break themselves.
#[derive(Clone, Debug)]
struct Somebody {
    now: UnixMs,
    message: Proposed,
    facts: Facts,
    rules: Rules,
}

fn somebody() -> impl Strategy<Value = Somebody> {
    (
        0i64..24 * 60 * 365 * 4,
        prop::sample::select(vec![Channel::Text, Channel::Email, Channel::Voice]),
        prop::sample::select(vec!["212", "312", "303", "602", "310", "907", "808", "800", "787"]),
        prop::option::of(prop::sample::select(vec!["10001", "02115", "20001", "94110", "00000"])),
        prop::option::of(prop::sample::select(vec!["NY", "MA", "DC", "CA", "FL", "TX", "ZZ"])),
        prop::sample::select(vec![Preference::Either, Preference::Both]),
        (any::<bool>(), any::<bool>(), 1_000i64..100_000),
    )
        .prop_map(|(minutes, channel, area, zip, state, preference, (strict, few, due))| {
            let now = wednesday().plus_ms(minutes * MINUTE_MS);
            let (message, mut facts) = of(Class::Dunning, channel);
            let recipient =
                if channel.rings() { format!("+1{area}5550123") } else { EMAIL.to_owned() };
            let message = Proposed { recipient: recipient.clone(), slot_at: now, ..message };
            facts.contact.value = recipient;
            facts.practice.voice_is_on = true;
            facts.approval = Approval { is_required: false, given: None };
            facts.balance.as_mut().unwrap().net_due = Some(Cents(due));
            let guarantor = facts.guarantor.as_mut().unwrap();
            guarantor.preference = preference;
            guarantor.whereabouts.zip = zip.map(str::to_owned);
            guarantor.whereabouts.state = state.map(str::to_owned);
            let mut changes = Vec::new();
            if strict {
                for rule in ["M12.early", "M12.CT", "M12.TX", "M12.RI"] {
                    let enabled = Some(true);
                    changes.push(Change { rule: rule.into(), enabled, ..Change::default() });
                }
            }
            if few {
                let numbers = [("max".to_owned(), 1)].into();
                changes.push(Change { rule: "M15.week".into(), enabled: None, numbers });
            }
            let rules = Rules { book: Rulebook::product().with(&changes), ..Rules::default() };
            Somebody { now, message, facts, rules }
        })
}

impl Somebody {
    fn sends(&self) -> bool {
        decide(&self.message, &self.facts, &self.rules, self.now).sends()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn without_consent_no_text_and_no_call_goes(mut one in somebody(), refused in any::<bool>()) {
        prop_assume!(one.message.channel != Channel::Email);
        match &mut one.facts.contact.consent {
            Some(consent) if refused => consent.granted = false,
            consent => *consent = None,
        }
        prop_assert!(!one.sends());
    }

    #[test]
    fn who_has_paid_is_not_reminded(mut one in somebody(), over in 0i64..5_000) {
        one.facts.balance.as_mut().unwrap().net_due = Some(Cents(-over));
        prop_assert!(!one.sends());
    }

    #[test]
    fn who_paid_after_the_approval_is_not_reminded(mut one in somebody(), later in 0i64..DAY_MS) {
        let due = one.facts.balance.as_ref().unwrap().net_due.unwrap();
        let at = one.now.minus_ms(DAY_MS);
        one.facts.approval.given = Some(Approved { at, content_hash: "c0ffee".into(), net_due: due });
        one.facts.balance.as_mut().unwrap().last_paid_at = Some(at.plus_ms(later));
        prop_assert!(!one.sends());
    }

    #[test]
    fn nobody_on_hold_is_reminded(
        mut one in somebody(),
        kind in prop::sample::select(HoldKind::ALL.to_vec()),
        hours in prop::option::of(1i64..1_000),
    ) {
        let until = hours.map(|h| one.now.plus_ms(h * HOUR_MS));
        one.facts.guarantor.as_mut().unwrap().holds.push(Hold::on_account(kind, until));
        prop_assert!(!one.sends());
    }

    /// Asleep: before eight or from nine in the evening on the wall of the phone's own zones.
    #[test]
    fn nobody_is_woken(one in somebody()) {
        if !one.message.channel.rings() || !one.sends() {
            return Ok(());
        }
        for zone in crate::zones::by_phone(&one.message.recipient) {
            let hour = zone.tz().to_datetime(one.now.timestamp()).hour();
            prop_assert!((8..21).contains(&hour), "{zone:?} {hour}");
        }
    }

    #[test]
    fn nobody_hears_more_often_than_the_caps(
        mut one in somebody(),
        (count, days) in prop::sample::select(vec![(1usize, 1i64), (2, 7), (4, 30)]),
        to_contact in any::<bool>(),
        spread in 1i64..1_000,
    ) {
        let window = days * DAY_MS;
        let step = (window - 1) / i64::try_from(count).unwrap();
        let sends: Vec<Sent> = (0..count)
            .map(|i| Sent {
                at: one.now.minus_ms(step * i64::try_from(i).unwrap() + spread),
                notice: i.to_string(),
            })
            .collect();
        let history = &mut one.facts.history;
        if to_contact { history.to_contact = sends } else { history.to_guarantor = sends }
        prop_assert!(!one.sends());
    }
}

/// The properties would hold of a decision that never sends: it does.
#[test]
fn somebody_nothing_is_broken_about_is_reminded_often_enough_to_mean_something() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let sent =
        (0..200).filter(|_| somebody().new_tree(&mut runner).unwrap().current().sends()).count();
    assert!(sent > 10, "{sent} of 200");
}
