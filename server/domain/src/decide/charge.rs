//! Whether a card on file may be charged: the one question about money that a rule of messages
//! answers, because the notice before the charge is a message (M36).
//!
//! Promises that without an authorization, or with one taken back, nothing is charged; and that a
//! charge of a varying amount waits for its notice. Refuses to know amounts or processors.

use super::{Fact, Reason, RuleId, Rules, Verdict, trace::Finding};
use crate::{
    clock::{DAY_MS, UnixMs},
    rulebook::Kind,
};

/// What is known about one charge that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChargeFacts {
    /// When the written or signed authorization was given. `None`: there is none.
    pub authorized_at: Option<UnixMs>,
    /// The person took it back, or asked their bank to stop it.
    pub is_stopped: bool,
    /// The amount is the same each time, as authorized. `None` when nobody knows.
    pub amount_is_fixed: Option<bool>,
    /// When the provider accepted the notice of this very charge.
    pub noticed_at: Option<UnixMs>,
}

/// How many days before a charge its owner is told, and the rule that says so. Without any rule the
/// notice is still needed.
pub fn notice_days(rules: &Rules, now: UnixMs) -> (u16, &str) {
    rules
        .book
        .rules()
        .iter()
        .filter(|rule| rule.enabled && rule.is_in_force_at(now))
        .filter_map(|rule| match rule.kind {
            Kind::ChargeNotice { ahead_days } => Some((ahead_days, rule.id.as_str())),
            _ => None,
        })
        .max()
        .unwrap_or((0, RuleId::ChargeNotice.as_str()))
}

/// Charge, wait until, or do not, and why. The strictest rule in force binds.
pub fn may_charge(charge: &ChargeFacts, rules: &Rules, now: UnixMs) -> Reason {
    let (days, by) = notice_days(rules, now);
    let Finding { verdict, fact, by } = judged(charge, days, now).by(by);
    Reason { rule: RuleId::ChargeNotice, verdict, fact, by }
}

fn judged(charge: &ChargeFacts, days: u16, now: UnixMs) -> Finding {
    if charge.authorized_at.is_none_or(|at| at > now) {
        return Finding::withhold(Fact::ChargeNotAuthorized);
    }
    if charge.is_stopped {
        return Finding::withhold(Fact::ChargeStopped);
    }
    if charge.amount_is_fixed == Some(true) {
        return Finding::pass(Fact::Fine);
    }
    let Some(at) = charge.noticed_at else {
        return Finding::withhold(Fact::ChargeNoticeTooRecent { at: None });
    };
    let free_at = at.plus_ms(i64::from(days) * DAY_MS);
    if free_at > now {
        Finding::defer(free_at, Fact::ChargeNoticeTooRecent { at: Some(at) })
    } else {
        Finding::pass(Fact::Fine)
    }
}

impl Reason {
    /// Nothing speaks against it.
    pub fn passes(&self) -> bool {
        self.verdict == Verdict::Pass
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMs = UnixMs(100 * DAY_MS);

    fn announced(days_ago: i64) -> ChargeFacts {
        ChargeFacts {
            authorized_at: Some(UnixMs(0)),
            is_stopped: false,
            amount_is_fixed: Some(false),
            noticed_at: Some(NOW.minus_ms(days_ago * DAY_MS)),
        }
    }

    fn verdict(charge: &ChargeFacts) -> Verdict {
        may_charge(charge, &Rules::default(), NOW).verdict
    }

    #[test]
    fn a_card_is_charged_ten_days_after_its_owner_was_told() {
        assert_eq!(verdict(&announced(10)), Verdict::Pass);
        assert_eq!(verdict(&announced(9)), Verdict::Defer(NOW.plus_ms(DAY_MS)));
        let untold = ChargeFacts { noticed_at: None, ..announced(0) };
        assert_eq!(verdict(&untold), Verdict::Withhold);
        let fixed = ChargeFacts { amount_is_fixed: Some(true), ..untold };
        assert_eq!(verdict(&fixed), Verdict::Pass, "the same amount as authorized");
        let unknown = ChargeFacts { amount_is_fixed: None, ..untold };
        assert_eq!(verdict(&unknown), Verdict::Withhold);
    }

    #[test]
    fn nobody_is_charged_who_did_not_agree_or_who_took_it_back() {
        let stopped = ChargeFacts { is_stopped: true, ..announced(30) };
        assert_eq!(verdict(&stopped), Verdict::Withhold);
        for at in [None, Some(NOW.plus_ms(1))] {
            let never = ChargeFacts { authorized_at: at, ..announced(30) };
            assert_eq!(verdict(&never), Verdict::Withhold);
        }
    }
}
