//! The one question: may this message go to this person now?
//!
//! `decide` is pure. It runs when work is queued, again when it is sent, in the simulator, and on the
//! page that explains why somebody got a text or did not; all four see the same answer. Every rule
//! that applies is evaluated and recorded, also after one has objected. A fact nobody knows gives the
//! answer that does not send.
//!
//! It refuses to know how a message is sent: only `gate::admit` turns a `Send` into a permit.

pub mod charge;
mod facts;
mod money_rules;
mod person_rules;
mod practice_rules;
mod timing_rules;
mod trace;
mod wish_rules;

use std::{borrow::Cow, cell::OnceCell};

use serde_json::Value;
use sha2::{Digest, Sha256};

pub use self::{
    facts::{
        AgreedPayment, Approval, Approved, BalanceFacts, Channel, Class, Consent, ConsentSource,
        ContactFacts, Facts, GuarantorFacts, History, LineType, OnlyThisWay, PaymentUnderWay,
        PlanStanding, PracticeFacts, Preference, Proposed, Reach, Rules, Says, Sender, Sent,
        Suppression, SuppressionReason, SuppressionScope,
    },
    trace::{Decision, Fact, Outcome, Reason, RuleId, Verdict},
};
use self::{timing_rules::first_open_after, trace::Finding};
use crate::{clock::UnixMs, rulebook::Scene, zones::ZoneSet};

/// What the rules look at, gathered once.
struct Case<'a> {
    message: &'a Proposed,
    facts: &'a Facts,
    rules: &'a Rules,
    now: UnixMs,
    /// Where the hour must be right.
    zones: ZoneSet,
    /// What the rules of the book look at.
    scene: Scene<'a>,
}

impl<'a> Case<'a> {
    fn new(message: &'a Proposed, facts: &'a Facts, rules: &'a Rules, now: UnixMs) -> Self {
        let zones = timing_rules::zones_of(message, facts);
        let scene = Scene {
            now,
            class: message.class,
            channel: message.channel,
            sender: rules.sender,
            is_nonprofit_hospital: rules.is_nonprofit_hospital,
            is_final_notice: message.says.is_final_notice,
            zone_is_known: zones.is_known(),
            whereabouts: facts.guarantor.as_ref().map(|g| &g.whereabouts),
            place: OnceCell::new(),
        };
        Self { message, facts, rules, now, zones, scene }
    }
}

/// The rules' findings, as they come in.
#[derive(Default)]
struct Trace(Vec<Reason>);

impl Trace {
    fn note(&mut self, rule: impl Into<RuleId>, finding: Finding) {
        let Finding { verdict, fact, by } = finding;
        self.0.push(Reason { rule: rule.into(), verdict, fact, by });
    }

    /// Withholds on `fact` unless `holds`.
    fn require(&mut self, rule: RuleId, holds: bool, fact: Fact) {
        self.note(rule, if holds { Finding::pass(Fact::Fine) } else { Finding::withhold(fact) });
    }
}

/// Whether the message may go at `now`, with every reason.
pub fn decide(message: &Proposed, facts: &Facts, rules: &Rules, now: UnixMs) -> Decision {
    let case = Case::new(message, facts, rules, now);
    let mut trace = Trace::default();
    person_rules::judge(&case, &mut trace);
    practice_rules::judge(&case, &mut trace);
    money_rules::judge(&case, &mut trace);
    timing_rules::judge(&case, &mut trace);
    conclude(&case, trace)
}

fn conclude(case: &Case<'_>, Trace(mut reasons): Trace) -> Decision {
    let order = |r: &Reason| (r.verdict.severity(), r.rule.precedence(), r.rule);
    reasons.sort_by_key(order);
    let latest = reasons
        .iter()
        .filter_map(|reason| match reason.verdict {
            Verdict::Defer(until) => Some(until),
            Verdict::Pass | Verdict::Withhold => None,
        })
        .max();
    let mut outcome = match (reasons.first().map(|r| r.verdict), latest) {
        (Some(Verdict::Withhold), _) => Outcome::Withhold,
        (_, Some(until)) => match first_open_after(case, until) {
            Some(until) => Outcome::Defer { until },
            None => Outcome::Withhold,
        },
        (Some(_), None) => Outcome::Send,
        // Nothing was looked at: that cannot be a yes.
        (None, None) => Outcome::Withhold,
    };
    // By the time it may go, what it speaks of is over: that is a no, and not a wait.
    if let Outcome::Defer { until } = outcome
        && let Some(end) = money_rules::day_ends(case).filter(|end| until >= *end)
    {
        for reason in reasons.iter_mut().filter(|reason| reason.rule == RuleId::AsAgreed) {
            reason.verdict = Verdict::Withhold;
            reason.fact = Fact::AgreedDayOver { until: end };
        }
        reasons.sort_by_key(order);
        outcome = Outcome::Withhold;
    }
    Decision {
        outcome,
        reasons,
        ruleset_version: Cow::Owned(case.rules.version()),
        inputs_hash: inputs_hash(case),
    }
}

/// The decision of a message that may go but whose turn at the rate limiter is over: at once, again.
pub(crate) fn slot_expired(mut decision: Decision, now: UnixMs) -> Decision {
    let lost = Reason {
        rule: RuleId::RateSlot,
        verdict: Verdict::Defer(now),
        fact: Fact::SlotExpired,
        by: Vec::new(),
    };
    decision.outcome = Outcome::Defer { until: now };
    decision.reasons.insert(0, lost);
    decision
}

fn inputs_hash(case: &Case<'_>) -> String {
    let inputs = serde_json::json!({
        "message": case.message,
        "facts": case.facts,
        "rules": case.rules,
        "ruleset": case.rules.version(),
    });
    let mut canonical = String::new();
    write_canonical(&inputs, &mut canonical);
    hex::encode(Sha256::digest(canonical))
}

/// JSON with sorted keys and no spaces, so that reordering a struct's fields changes no hash.
fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| key.as_str());
            out.push('{');
            for (i, (key, value)) in entries.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push_str(&Value::String(key.clone()).to_string());
                out.push(':');
                write_canonical(value, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
pub(crate) mod tests;
