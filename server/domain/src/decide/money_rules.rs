//! What is due, and whether somebody said yes to asking for it.

use super::{
    Case, Class, Fact, PaymentUnderWay, PlanStanding, RuleId, Trace, facts::BalanceFacts,
    trace::Finding,
};
use crate::clock::MINUTE_MS;

/// An abandoned attempt is cancelled after this (decision 1): then look again.
const ATTEMPT_LASTS_MS: i64 = 30 * MINUTE_MS;

pub(super) fn judge(case: &Case<'_>, trace: &mut Trace) {
    let class = case.message.class;
    if class.is_reminder() {
        match &case.facts.balance {
            Some(balance) => on_balance(case, balance, trace),
            None => trace.note(RuleId::NothingDue, Finding::withhold(Fact::BalanceUnknown)),
        }
    }
    if class == Class::Dunning {
        approval(case, trace);
    }
}

fn on_balance(case: &Case<'_>, balance: &BalanceFacts, trace: &mut Trace) {
    let due = match balance.net_due {
        None => Finding::withhold(Fact::BalanceUnknown),
        Some(cents) if !cents.is_positive() => Finding::withhold(Fact::NothingDue { cents }),
        Some(cents) => Finding::pass(Fact::Due { cents }),
    };
    trace.note(RuleId::NothingDue, due);
    let under_way = match balance.payment {
        PaymentUnderWay::No => Finding::pass(Fact::Fine),
        state => {
            Finding::defer(case.now.plus_ms(ATTEMPT_LASTS_MS), Fact::PaymentUnderWay { state })
        }
    };
    trace.note(RuleId::PaymentUnderWay, under_way);
    if case.message.class == Class::FailedAutopay {
        return;
    }
    if let Some(cents) = balance.net_due {
        let minimum = case.rules.minimum_balance;
        let enough = cents >= minimum;
        trace.require(RuleId::SmallBalance, enough, Fact::BelowMinimum { cents, minimum });
    }
    let insurance = match balance.insurance_pending {
        Some(false) => Finding::pass(Fact::Fine),
        Some(true) => Finding::withhold(Fact::InsurancePending),
        None => Finding::withhold(Fact::InsuranceUnknown),
    };
    trace.note(RuleId::InsurancePending, insurance);
    match balance.plan {
        PlanStanding::NoPlan => {}
        PlanStanding::Kept => trace.note(RuleId::PaymentPlan, Finding::withhold(Fact::PlanKept)),
        PlanStanding::Behind => trace.note(RuleId::PaymentPlan, Finding::pass(Fact::PlanBehind)),
    }
    if balance.autopay_is_on {
        trace.note(RuleId::Autopay, Finding::withhold(Fact::AutopayOn));
    }
}

fn approval(case: &Case<'_>, trace: &mut Trace) {
    let approval = &case.facts.approval;
    let Some(given) = &approval.given else {
        let finding = if approval.is_required {
            Finding::withhold(Fact::NotApproved)
        } else {
            Finding::pass(Fact::NoApprovalNeeded)
        };
        trace.note(RuleId::Approval, finding);
        return;
    };
    trace.note(RuleId::Approval, Finding::pass(Fact::Approved { at: given.at }));
    let now_due = case.facts.balance.as_ref().and_then(|b| b.net_due);
    let frozen = match now_due {
        _ if given.content_hash != case.message.content_hash => {
            Finding::withhold(Fact::ContentChanged)
        }
        Some(now) if now != given.net_due => {
            Finding::withhold(Fact::AmountChanged { approved: given.net_due, now })
        }
        Some(_) => Finding::pass(Fact::Fine),
        None => Finding::withhold(Fact::BalanceUnknown),
    };
    trace.note(RuleId::FrozenContent, frozen);
    let paid = case.facts.balance.as_ref().and_then(|b| b.last_paid_at);
    let finding = match paid {
        Some(paid_at) if paid_at >= given.at => {
            Finding::withhold(Fact::PaidAfterApproval { paid_at })
        }
        _ => Finding::pass(Fact::Fine),
    };
    trace.note(RuleId::PaidSinceApproval, finding);
}
