//! What a practice changes in a rule: on or off, and its numbers. The rule itself says how far.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Freedom, Kind, Rule};
use crate::{
    caps::{Cap, HISTORY_MS},
    clock::HOUR_MS,
    window::Hours,
};

/// One change of one rule. A number that is not named stays the product's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub rule: String,
    pub enabled: Option<bool>,
    /// By the names of `Kind::numbers`.
    pub numbers: BTreeMap<String, u16>,
}

/// Why a change cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("this rule cannot be switched off")]
    MayNotDisable,
    #[error("this rule has no such number, or it cannot be changed")]
    NoSuchNumber { number: String },
    #[error("that is not a number this rule can have")]
    OutOfRange { number: String },
    #[error("that would be laxer than the rule allows")]
    Laxer { number: String },
    #[error("nothing would change")]
    NothingChanged,
}

impl Refused {
    /// The number it is about.
    pub fn number(&self) -> Option<&str> {
        match self {
            Self::NoSuchNumber { number }
            | Self::OutOfRange { number }
            | Self::Laxer { number } => Some(number),
            Self::MayNotDisable | Self::NothingChanged => None,
        }
    }
}

impl Change {
    /// The rule as changed, or why not. `rule` is the product's own.
    pub fn apply(&self, rule: &Rule) -> Result<Rule, Refused> {
        let mut changed = rule.clone();
        match self.enabled {
            Some(false) if !rule.freedom.may_disable => return Err(Refused::MayNotDisable),
            Some(enabled) => changed.enabled = enabled,
            None => {}
        }
        if !self.numbers.is_empty() {
            changed.kind = renumbered(&rule.kind, &self.numbers, rule.freedom)?;
        }
        if changed == *rule { Err(Refused::NothingChanged) } else { Ok(changed) }
    }

    /// The same bytes for the same change.
    pub(super) fn canonical(&self) -> String {
        let numbers: Vec<String> =
            self.numbers.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let switch = self.enabled.map_or("as is", |on| if on { "on" } else { "off" });
        format!("{}:{switch}:{}\n", self.rule, numbers.join(","))
    }
}

/// Which side of a number is the stricter one.
enum Strict {
    Lower,
    Higher,
}

fn renumbered(
    kind: &Kind,
    numbers: &BTreeMap<String, u16>,
    freedom: Freedom,
) -> Result<Kind, Refused> {
    let known = kind.numbers();
    let may_change = freedom.may_tighten || freedom.may_loosen;
    for name in numbers.keys() {
        if !may_change || !known.iter().any(|(n, _)| n == name) {
            return Err(Refused::NoSuchNumber { number: name.clone() });
        }
    }
    let pick = |name: &str, range: std::ops::RangeInclusive<u16>, strict: Strict| {
        let old = known.iter().find(|(n, _)| *n == name).map_or(0, |(_, value)| *value);
        let Some(new) = numbers.get(name).copied() else { return Ok(old) };
        let is_laxer = match strict {
            Strict::Lower => new > old,
            Strict::Higher => new < old,
        };
        let number = name.to_owned();
        if !range.contains(&new) {
            Err(Refused::OutOfRange { number })
        } else if is_laxer && !freedom.may_loosen {
            Err(Refused::Laxer { number })
        } else {
            Ok(new)
        }
    };
    let most_hours = u16::try_from(HISTORY_MS / HOUR_MS).unwrap_or(u16::MAX);
    Ok(match kind {
        Kind::FrequencyCap { per, .. } => {
            let max = pick("max", 1..=99, Strict::Lower)?;
            let hours = pick("hours", 1..=most_hours, Strict::Higher)?;
            Kind::FrequencyCap {
                cap: Cap { max, window_ms: i64::from(hours) * HOUR_MS },
                per: *per,
            }
        }
        Kind::Hours(week) => {
            let from = pick("from_hour", 0..=23, Strict::Higher)?;
            let until = pick("until_hour", 1..=24, Strict::Lower)?;
            if from >= until {
                return Err(Refused::OutOfRange { number: "until_hour".into() });
            }
            Kind::Hours(week.within_hours(Hours::new(from, until)))
        }
        Kind::Staleness { .. } => {
            let hours = pick("hours", 1..=24 * 7, Strict::Lower)?;
            Kind::Staleness { max_age_ms: i64::from(hours) * HOUR_MS }
        }
        Kind::Verified { .. } => {
            Kind::Verified { within_days: pick("days", 1..=3650, Strict::Lower)? }
        }
        Kind::FinalNotice { .. } => Kind::FinalNotice {
            after_first_bill_days: pick("days_after_first_bill", 1..=730, Strict::Higher)?,
            after_written_notice_days: pick("days_after_written_notice", 1..=365, Strict::Higher)?,
        },
        Kind::ChargeNotice { .. } => {
            Kind::ChargeNotice { ahead_days: pick("days", 1..=60, Strict::Higher)? }
        }
        Kind::AdultAge { .. } => Kind::AdultAge { years: pick("years", 18..=25, Strict::Higher)? },
        other => other.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rulebook::Rulebook;

    fn change(rule: &str, enabled: Option<bool>, numbers: &[(&str, u16)]) -> Change {
        let numbers = numbers.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        Change { rule: rule.into(), enabled, numbers }
    }

    fn tried(change: &Change) -> Result<Rule, Refused> {
        change.apply(Rulebook::product().find(&change.rule).unwrap())
    }

    #[test]
    fn a_practice_may_write_less_often_and_not_more_often() {
        let weekly = tried(&change("M15.week", None, &[("max", 1)])).unwrap();
        assert_eq!(weekly.kind.numbers()[0], ("max", 1));
        let laxer = |number: &str| Err(Refused::Laxer { number: number.into() });
        assert_eq!(tried(&change("M15.week", None, &[("max", 3)])), laxer("max"));
        assert_eq!(tried(&change("M15.week", None, &[("hours", 24)])), laxer("hours"));
        let long = change("M15.week", None, &[("hours", 24 * 31)]);
        assert!(matches!(tried(&long), Err(Refused::OutOfRange { .. })), "no history that far");
    }

    #[test]
    fn the_law_cannot_be_switched_off() {
        for rule in ["M01", "M03.law", "M08.MA.freq", "D-49", "M39", "M15.day"] {
            let refused = tried(&change(rule, Some(false), &[]));
            assert_eq!(refused, Err(Refused::MayNotDisable), "{rule}");
        }
        assert!(tried(&change("M12.early", Some(true), &[])).unwrap().enabled);
    }

    #[test]
    fn what_is_not_a_number_of_the_rule_is_refused() {
        let odd = Err(Refused::NoSuchNumber { number: "max".into() });
        assert_eq!(tried(&change("M01", None, &[("max", 1)])), odd);
        assert_eq!(tried(&change("M15.day", None, &[("max", 1)])), Err(Refused::NothingChanged));
    }

    #[test]
    fn a_change_the_rule_does_not_allow_leaves_the_products_rule() {
        let product = Rulebook::product();
        let book = product.with(&[
            change("M15.week", None, &[("max", 5)]),
            change("M15.month", None, &[("max", 3)]),
            change("gone", Some(true), &[]),
        ]);
        assert_eq!(book.find("M15.week"), product.find("M15.week"));
        assert_eq!(book.find("M15.month").unwrap().kind.numbers()[0], ("max", 3));
        assert_ne!(book.version(), product.version());
        assert!(book.version().starts_with(product.version()));
        let again = product.with(&[change("M15.month", None, &[("max", 3)])]);
        assert_eq!(again.version(), book.version(), "the version is of what binds");
    }
}
