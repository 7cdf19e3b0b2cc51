//! What is due, and whether somebody said yes to asking for it.

use super::{
    AgreedPayment, Case, Class, Fact, PaymentUnderWay, PlanStanding, RuleId, Trace,
    charge::notice_days, facts::BalanceFacts, trace::Finding,
};
use crate::clock::{DAY_MS, MINUTE_MS, UnixMs};

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
    match case.message.class {
        Class::FailedAutopay => agreed(case, balance, trace),
        Class::Agreed => {
            agreed(case, balance, trace);
            insurance(balance, trace);
        }
        _ => debt(case, balance, trace),
    }
}

/// What the message says of a payment has to be so still.
fn agreed(case: &Case<'_>, balance: &BalanceFacts, trace: &mut Trace) {
    let finding = match balance.agreed {
        AgreedPayment::Unknown => Finding::withhold(Fact::NothingAgreed),
        AgreedPayment::Withdrawn => Finding::withhold(Fact::AgreedOtherwise),
        AgreedPayment::Paid { at } => Finding::withhold(Fact::PaidSinceAgreed { paid_at: at }),
        AgreedPayment::Stands { until: Some(until), .. } if case.now >= until => {
            Finding::withhold(Fact::AgreedDayOver { until })
        }
        AgreedPayment::Stands { .. } => Finding::pass(Fact::AsAgreed),
    };
    trace.note(RuleId::AsAgreed, finding);
    if let AgreedPayment::Stands { charge_at: Some(charge_at), .. } = balance.agreed {
        let (days, rule) = notice_days(case.rules, case.now);
        let by = charge_at.minus_ms(i64::from(days) * DAY_MS);
        let fact = match case.now <= by {
            true => Fact::ChargeNoticeInTime { by },
            false => Fact::ChargeNoticeLate { by },
        };
        trace.note(RuleId::ChargeNotice, Finding::pass(fact).by(rule));
    }
}

/// When the day that a message speaks of is over.
pub(super) fn day_ends(case: &Case<'_>) -> Option<UnixMs> {
    let speaks_of_one = matches!(case.message.class, Class::Agreed | Class::FailedAutopay);
    match case.facts.balance.as_ref().filter(|_| speaks_of_one)?.agreed {
        AgreedPayment::Stands { until, .. } => until,
        AgreedPayment::Unknown | AgreedPayment::Withdrawn | AgreedPayment::Paid { .. } => None,
    }
}

fn insurance(balance: &BalanceFacts, trace: &mut Trace) {
    let finding = match balance.insurance_pending {
        Some(false) => Finding::pass(Fact::Fine),
        Some(true) => Finding::withhold(Fact::InsurancePending),
        None => Finding::withhold(Fact::InsuranceUnknown),
    };
    trace.note(RuleId::InsurancePending, finding);
}

fn debt(case: &Case<'_>, balance: &BalanceFacts, trace: &mut Trace) {
    if let Some(cents) = balance.net_due {
        let minimum = case.rules.minimum_balance;
        let enough = cents >= minimum;
        trace.require(RuleId::SmallBalance, enough, Fact::BelowMinimum { cents, minimum });
    }
    insurance(balance, trace);
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
