//! What goes wrong, by script. Rules are asked in the order they were added; the first that
//! matches an operation and is past its `skip` fires, until its `times` are used up. Nothing here
//! is random, so a failing run can be played again.

use domain::points::Point;
use serde::{Deserialize, Serialize};

use crate::table::Table;

/// Rules one script may hold at a time.
pub const MAX_RULES: usize = 1_000;

/// How long a "timeout" holds the connection when the rule does not say: past the client timeouts
/// anyone sets for a payment, short enough for a person to wait for.
pub const DEFAULT_HOLD_MS: u64 = 35_000;

/// No rule holds a connection, or delays an event, for longer.
pub const MAX_HOLD_MS: u64 = 7 * 24 * 60 * 60 * 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vendor {
    Stripe,
    Twilio,
    #[serde(alias = "fax")]
    Interfax,
    #[serde(alias = "email", alias = "mail")]
    Smtp,
    /// What the vendors send to us: Stripe's events and Twilio's callbacks.
    #[serde(alias = "webhooks")]
    Webhook,
    /// Clearbill itself; its operations are the points of [`domain::points`].
    Clearbill,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Stripe: the card is declined with `code` (a decline code). Twilio: `code` 2xxxx refuses the
    /// request, 3xxxx accepts it and reports it undelivered later. InterFAX: a `code` below zero
    /// refuses, one above zero fails later. SMTP: the recipient is refused.
    Decline,
    /// Nothing happens and nothing is answered; the connection is held for `ms`, then closed.
    Timeout,
    /// It happens, but the answer never comes.
    #[serde(alias = "timeout after success", alias = "timeout-after-success")]
    TimeoutAfterSuccess,
    /// Status 500 (SMTP: 451), nothing happened.
    #[serde(alias = "error_500", alias = "500", alias = "fail")]
    Error500,
    /// The connection closes without an answer; nothing happened.
    Reset,
    /// It happens, and half of the answer arrives.
    Truncate,
    /// Arrives twice.
    Duplicate,
    /// Arrives after the one that follows it.
    Reorder,
    /// Is lost on the way, without an error to anyone.
    #[serde(alias = "lose")]
    Drop,
    /// `ms` later: on the real clock for an answer, on the business clock for a webhook.
    Delay,
    /// Status 429 (SMTP: 421).
    RateLimit,
    /// Stripe only: confirming leaves the payment in `processing`; it settles `ms` of business
    /// time later, or fails then if `code` names a decline.
    Processing,
    /// Clearbill only: the process ends there, as `kill -9` would end it.
    #[serde(alias = "kill", alias = "crash")]
    Die,
}

/// One line of a script. `vendor` and `operation` may be left out: the vendor then follows from
/// the kind, and the operation is any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<Vendor>,
    /// `payment_intents.create`, `confirm` (the last part is enough), `messages.create`, an event
    /// type for webhooks, or `*`.
    #[serde(default = "any_operation")]
    pub operation: String,
    pub kind: FaultKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    #[serde(default = "once")]
    pub times: u32,
    /// Matches that pass unharmed before the first that is hit.
    #[serde(default)]
    pub skip: u32,
}

fn any_operation() -> String {
    "*".to_owned()
}

const fn once() -> u32 {
    1
}

/// A script as people post it: one rule, a list, or `{"rules": […]}`.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum FaultScript {
    Rules { rules: Vec<FaultRule> },
    List(Vec<FaultRule>),
    One(FaultRule),
}

impl FaultScript {
    pub fn into_rules(self) -> Vec<FaultRule> {
        match self {
            Self::Rules { rules } | Self::List(rules) => rules,
            Self::One(rule) => vec![rule],
        }
    }
}

/// Why a script was not taken. None of its rules are then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadFault {
    #[error("at most {MAX_RULES} fault rules at a time")]
    TooMany,
    #[error("{kind:?} does not apply to {vendor:?}")]
    NotApplicable { vendor: Vendor, kind: FaultKind },
    #[error("ms is at most {MAX_HOLD_MS}")]
    TooLong,
    #[error("operation is 1 to 100 characters, code at most 100")]
    BadText,
    #[error("{0} is not a point at which Clearbill can be ended")]
    NoSuchPoint(String),
}

impl FaultRule {
    /// A rule that hits the next match once.
    pub fn new(vendor: Vendor, operation: &str, kind: FaultKind) -> Self {
        Self {
            vendor: Some(vendor),
            operation: operation.to_owned(),
            kind,
            code: None,
            ms: None,
            times: 1,
            skip: 0,
        }
    }

    #[must_use]
    pub fn with_code(mut self, code: &str) -> Self {
        self.code = Some(code.to_owned());
        self
    }

    #[must_use]
    pub fn with_ms(mut self, ms: u64) -> Self {
        self.ms = Some(ms);
        self
    }

    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    #[must_use]
    pub fn after(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    pub fn vendor(&self) -> Vendor {
        self.vendor.unwrap_or(match self.kind {
            FaultKind::Duplicate | FaultKind::Reorder | FaultKind::Drop => Vendor::Webhook,
            FaultKind::Die => Vendor::Clearbill,
            _ => Vendor::Stripe,
        })
    }

    pub fn hold_ms(&self) -> u64 {
        self.ms.unwrap_or(DEFAULT_HOLD_MS)
    }

    fn check(&self) -> Result<(), BadFault> {
        use FaultKind as K;
        let vendor = self.vendor();
        let applies = match vendor {
            Vendor::Stripe | Vendor::Twilio | Vendor::Interfax => {
                !matches!(self.kind, K::Reorder | K::Duplicate | K::Processing | K::Die)
                    || (vendor == Vendor::Stripe && self.kind == K::Processing)
            }
            Vendor::Smtp => !matches!(self.kind, K::Reorder | K::Processing | K::Truncate | K::Die),
            Vendor::Webhook => {
                matches!(self.kind, K::Duplicate | K::Reorder | K::Drop | K::Delay | K::Reset)
            }
            Vendor::Clearbill => self.kind == K::Die,
        };
        if !applies {
            return Err(BadFault::NotApplicable { vendor, kind: self.kind });
        }
        if vendor == Vendor::Clearbill && self.operation.parse::<Point>().is_err() {
            return Err(BadFault::NoSuchPoint(self.operation.chars().take(100).collect()));
        }
        if self.ms.is_some_and(|ms| ms > MAX_HOLD_MS) {
            return Err(BadFault::TooLong);
        }
        let code_chars = self.code.as_deref().map_or(0, str::len);
        if self.operation.is_empty() || self.operation.len() > 100 || code_chars > 100 {
            return Err(BadFault::BadText);
        }
        Ok(())
    }

    fn matches(&self, vendor: Vendor, operation: &str) -> bool {
        self.vendor() == vendor
            && (self.operation == "*"
                || self.operation == operation
                || operation
                    .strip_suffix(self.operation.as_str())
                    .is_some_and(|head| head.ends_with('.')))
    }
}

pub fn add(table: &mut Table<FaultRule>, rules: Vec<FaultRule>) -> Result<(), BadFault> {
    if table.len() + rules.len() > MAX_RULES {
        return Err(BadFault::TooMany);
    }
    rules.iter().try_for_each(FaultRule::check)?;
    let first = table.oldest_first().last().and_then(|(id, _)| id.parse::<u64>().ok());
    for (id, rule) in (first.unwrap_or(0) + 1..).zip(rules) {
        if rule.times > 0 {
            table.put(&id.to_string(), rule);
        }
    }
    Ok(())
}

/// The rule that hits this operation, used up by one.
pub fn take(table: &mut Table<FaultRule>, vendor: Vendor, operation: &str) -> Option<FaultRule> {
    hit(table, |rule| rule.matches(vendor, operation))
}

/// As [`take`], for a step within an operation: only rules that name the step itself hit it.
pub fn take_named(table: &mut Table<FaultRule>, vendor: Vendor, step: &str) -> Option<FaultRule> {
    hit(table, |rule| rule.vendor() == vendor && rule.operation == step)
}

fn hit(table: &mut Table<FaultRule>, matches: impl Fn(&FaultRule) -> bool) -> Option<FaultRule> {
    let matching: Vec<(String, FaultRule)> = table
        .oldest_first()
        .filter(|(_, rule)| matches(rule))
        .map(|(id, rule)| (id.to_owned(), rule.clone()))
        .collect();
    for (id, mut rule) in matching {
        if rule.skip > 0 {
            rule.skip -= 1;
            table.put(&id, rule);
            continue;
        }
        let hit = rule.clone();
        rule.times -= 1;
        if rule.times == 0 {
            table.remove(&id);
        } else {
            table.put(&id, rule);
        }
        return Some(hit);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_fire_in_order_after_their_skips_and_only_as_often_as_said() {
        let mut table = Table::new("faults");
        let later = FaultRule::new(Vendor::Stripe, "confirm", FaultKind::Reset).after(1).times(2);
        let other = FaultRule::new(Vendor::Stripe, "*", FaultKind::Error500);
        add(&mut table, vec![later, other]).unwrap();
        let mut kinds = Vec::new();
        for _ in 0..5 {
            let hit = take(&mut table, Vendor::Stripe, "payment_intents.confirm");
            kinds.push(hit.map(|rule| rule.kind));
        }
        let (error, reset) = (Some(FaultKind::Error500), Some(FaultKind::Reset));
        assert_eq!(kinds, [error, reset, reset, None, None]);
        assert_eq!(table.len(), 0);
    }

    #[test]
    fn a_script_may_be_short() {
        let script = r#"{"rules":[{"kind":"duplicate"},{"kind":"timeout after success"}]}"#;
        let script: FaultScript = serde_json::from_str(script).unwrap();
        let rules = script.into_rules();
        assert_eq!(rules[0].vendor(), Vendor::Webhook);
        assert_eq!(rules[1].vendor(), Vendor::Stripe);
    }

    #[test]
    fn clearbill_ends_only_at_a_point_that_exists() {
        let mut table = Table::new("faults");
        let script = r#"{"kind":"die","operation":"intent.written","skip":1}"#;
        let rule = serde_json::from_str::<FaultScript>(script).unwrap().into_rules();
        add(&mut table, rule).unwrap();
        for wrong in [
            FaultRule::new(Vendor::Clearbill, "intent", FaultKind::Die),
            FaultRule::new(Vendor::Clearbill, "intent.written", FaultKind::Reset),
            FaultRule::new(Vendor::Stripe, "intent.written", FaultKind::Die),
        ] {
            assert!(add(&mut table, vec![wrong]).is_err());
        }
        assert_eq!(take(&mut table, Vendor::Clearbill, "intent.created"), None);
        assert_eq!(take(&mut table, Vendor::Clearbill, "intent.written"), None);
        assert!(take(&mut table, Vendor::Clearbill, "intent.written").is_some());
    }

    #[test]
    fn a_rule_that_cannot_apply_is_refused_whole() {
        let mut table = Table::new("faults");
        let good = FaultRule::new(Vendor::Stripe, "*", FaultKind::Reset);
        let bad = FaultRule::new(Vendor::Twilio, "*", FaultKind::Reorder);
        assert!(add(&mut table, vec![good, bad]).is_err());
        assert_eq!(table.len(), 0);
    }
}
