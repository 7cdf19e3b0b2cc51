//! What is due: one rule for every page, message and filter (D-7 to D-17).
//!
//! The practice's system says what a patient owes on each claim. From that we take what we know
//! and it does not know yet: payments captured here and not posted there. Applied parts come off
//! their own claim; the rest comes off the guarantor, oldest claim first. A credit of one patient
//! never pays another patient's claim (D-15), and nothing is ever due below zero (D-17).
//!
//! `store::balance` computes the same sums in SQL for whole lists; a property test holds the two
//! together.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::{
    book::{ClaimStatus, InsuranceState},
    clock::UnixMs,
    id::{ClaimId, PatientId, PaymentId},
    money::Cents,
};

/// A claim as the book holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimFacts {
    pub id: ClaimId,
    pub patient: PatientId,
    pub service_on: Date,
    pub status: ClaimStatus,
    /// While it is pending nothing is the patient's, whatever has been mailed (D-8).
    pub insurance: InsuranceState,
    /// Charged less what payers paid, adjusted, and patients paid: what an insurer is asked for.
    pub outstanding: Cents,
    /// As the practice's system says; negative is a credit.
    pub patient_due: Cents,
    /// Applied here from payments that system does not show yet.
    pub applied_unposted: Cents,
    pub due_since: Option<Date>,
    pub version: i64,
}

impl ClaimFacts {
    /// The age of a balance counts from the day it became the patient's (D-13).
    pub fn since(&self) -> Date {
        self.due_since.unwrap_or(self.service_on)
    }

    /// Whether the patient is asked for it (D-9).
    pub fn is_payable(&self) -> bool {
        is_with_patient(self.status) && self.insurance != InsuranceState::Pending
    }

    /// What is left on this claim, whoever has to pay it.
    pub fn remaining(&self) -> Cents {
        (self.patient_due.at_least_zero() - self.applied_unposted).at_least_zero()
    }

    fn credit(&self) -> Cents {
        let is_final =
            self.status == ClaimStatus::Settled && self.insurance != InsuranceState::Pending;
        if is_final || self.is_payable() {
            (-self.patient_due).at_least_zero()
        } else {
            Cents::ZERO
        }
    }

    fn standing(&self) -> Standing {
        match self.status {
            ClaimStatus::Settled => Standing::Settled,
            ClaimStatus::Collections => Standing::InCollections,
            _ if self.is_payable() => Standing::Payable,
            _ => Standing::WaitingForInsurance,
        }
    }
}

/// A payment captured here that the practice's system does not show yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnpostedPayment {
    pub id: PaymentId,
    pub received_at: UnixMs,
    /// Captured less refunded, refunds under way included.
    pub kept: Cents,
    /// The part of it that no claim has got.
    pub unapplied: Cents,
}

/// Everything the rule looks at, of one guarantor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountFacts {
    pub claims: Vec<ClaimFacts>,
    pub payments: Vec<UnpostedPayment>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Payable,
    /// Shown, not counted.
    WaitingForInsurance,
    /// Shown, not counted, not payable here.
    InCollections,
    Settled,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimDue {
    pub id: ClaimId,
    pub patient: PatientId,
    pub standing: Standing,
    /// After what was applied to it.
    pub remaining: Cents,
    /// After the patient's credits and the guarantor's unapplied payments too, oldest claim first.
    /// Sums to [`AccountDue::due`]. Zero unless payable.
    pub still_due: Cents,
    pub since: Date,
}

/// What one guarantor owes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountDue {
    /// The figure of every page, message and filter. Never negative.
    pub due: Cents,
    /// Oldest first.
    pub claims: Vec<ClaimDue>,
    /// Credits of the guarantor's patients, used up or not.
    pub credits: Cents,
    /// What of them is left after each patient's own claims: a liability for the work list (D-17).
    pub credits_left: Cents,
    /// Unapplied money not yet posted: already taken off `due`.
    pub unposted: Cents,
    /// Whole payments not yet posted, applied parts included: the line on the bill.
    pub received_unposted: Cents,
    pub waiting_for_insurance: Cents,
    pub in_collections: Cents,
    /// Of the oldest claim that is still not covered; re-anchors when that one is paid (D-13).
    pub oldest_due_since: Option<Date>,
}

/// Ready or sent: the two statuses in which a claim can be the patient's.
pub fn is_with_patient(status: ClaimStatus) -> bool {
    matches!(status, ClaimStatus::Ready | ClaimStatus::PendingPatient)
}

/// The rule.
pub fn due(facts: &AccountFacts) -> AccountDue {
    let mut claims: Vec<&ClaimFacts> = facts.claims.iter().collect();
    claims.sort_by(|a, b| (a.since(), &a.id).cmp(&(b.since(), &b.id)));

    let mut credits: BTreeMap<&PatientId, Cents> = BTreeMap::new();
    for claim in &claims {
        *credits.entry(&claim.patient).or_default() += claim.credit();
    }
    let credits_total = credits.values().copied().sum();
    let unposted: Cents = facts.payments.iter().map(|p| p.unapplied.at_least_zero()).sum();
    let mut unposted_left = unposted;

    let mut lines = Vec::with_capacity(claims.len());
    for claim in &claims {
        let standing = claim.standing();
        let remaining = claim.remaining();
        let mut still_due = Cents::ZERO;
        if standing == Standing::Payable {
            let credit = credits.entry(&claim.patient).or_default();
            still_due = cover(remaining, credit);
            still_due = cover(still_due, &mut unposted_left);
        }
        lines.push(ClaimDue {
            id: claim.id.clone(),
            patient: claim.patient.clone(),
            standing,
            remaining,
            still_due,
            since: claim.since(),
        });
    }
    let in_standing = |wanted| lines.iter().filter(move |l| l.standing == wanted);
    AccountDue {
        due: lines.iter().map(|l| l.still_due).sum(),
        credits: credits_total,
        credits_left: credits.into_values().sum(),
        unposted,
        received_unposted: facts.payments.iter().map(|p| p.kept.at_least_zero()).sum(),
        waiting_for_insurance: claims
            .iter()
            .filter(|c| c.standing() == Standing::WaitingForInsurance)
            .map(|c| c.outstanding.max(c.remaining()).at_least_zero())
            .sum(),
        in_collections: in_standing(Standing::InCollections).map(|l| l.remaining).sum(),
        oldest_due_since: lines.iter().find(|l| l.still_due.is_positive()).map(|l| l.since),
        claims: lines,
    }
}

/// Pays `amount` out of `pot`; returns what is left of the amount.
fn cover(amount: Cents, pot: &mut Cents) -> Cents {
    let used = amount.min(*pot);
    *pot -= used;
    amount - used
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn claim(id: &str, patient: &str, due: i64) -> ClaimFacts {
        ClaimFacts {
            id: ClaimId::trusted(id),
            patient: PatientId::trusted(patient),
            service_on: date(2026, 1, 5),
            status: ClaimStatus::Ready,
            insurance: InsuranceState::Finished,
            outstanding: Cents(due),
            patient_due: Cents(due),
            applied_unposted: Cents::ZERO,
            due_since: None,
            version: 1,
        }
    }

    fn payment(unapplied: i64) -> UnpostedPayment {
        UnpostedPayment {
            id: PaymentId::trusted("pay_1"),
            received_at: UnixMs(0),
            kept: Cents(unapplied),
            unapplied: Cents(unapplied),
        }
    }

    #[test]
    fn maria_owes_what_her_claims_say() {
        let facts = AccountFacts {
            claims: vec![claim("a", "maria", 8200), claim("b", "maria", 1800)],
            payments: vec![],
        };
        let account = due(&facts);
        assert_eq!(account.due, Cents(10_000));
        assert_eq!(account.oldest_due_since, Some(date(2026, 1, 5)));
    }

    #[test]
    fn an_online_payment_counts_before_the_practice_has_posted_it() {
        let mut newer = claim("b", "maria", 1800);
        newer.due_since = Some(date(2026, 3, 1));
        let facts = AccountFacts {
            claims: vec![claim("a", "maria", 8200), newer],
            payments: vec![payment(9000)],
        };
        let account = due(&facts);
        assert_eq!(account.due, Cents(1000));
        assert_eq!(account.unposted, Cents(9000));
        // The oldest bill is covered, so the clock starts at the next one.
        assert_eq!(account.oldest_due_since, Some(date(2026, 3, 1)));
    }

    #[test]
    fn what_staff_applied_comes_off_that_claim_and_never_off_another() {
        let mut paid = claim("a", "maria", 5000);
        paid.applied_unposted = Cents(7000);
        let facts =
            AccountFacts { claims: vec![paid, claim("b", "maria", 1800)], payments: vec![] };
        let account = due(&facts);
        assert_eq!(account.due, Cents(1800));
        assert_eq!(account.claims[0].remaining, Cents::ZERO);
    }

    #[test]
    fn leos_credit_does_not_pay_his_sisters_bill() {
        let facts = AccountFacts {
            claims: vec![claim("a", "leo", -5000), claim("b", "ana", 3000)],
            payments: vec![],
        };
        let account = due(&facts);
        assert_eq!(account.due, Cents(3000));
        assert_eq!(account.credits_left, Cents(5000));
    }

    #[test]
    fn a_credit_pays_the_same_patients_bill_first() {
        let facts = AccountFacts {
            claims: vec![claim("a", "leo", -5000), claim("b", "leo", 7000)],
            payments: vec![payment(500)],
        };
        let account = due(&facts);
        assert_eq!((account.due, account.credits_left), (Cents(1500), Cents::ZERO));
    }

    #[test]
    fn nobody_owes_less_than_nothing() {
        let facts = AccountFacts {
            claims: vec![claim("a", "maria", 1000), claim("b", "maria", -4000)],
            payments: vec![payment(9000)],
        };
        assert_eq!(due(&facts).due, Cents::ZERO);
        assert_eq!(due(&facts).oldest_due_since, None);
    }

    #[test]
    fn what_waits_for_insurance_or_lies_with_an_agency_is_shown_and_not_asked_for() {
        let mut waiting = claim("a", "maria", 4000);
        waiting.status = ClaimStatus::InsurancePending;
        let mut rebilled = claim("b", "maria", 1000);
        rebilled.insurance = InsuranceState::Pending;
        let mut placed = claim("c", "maria", 2500);
        placed.status = ClaimStatus::Collections;
        let mut settled = claim("d", "maria", 900);
        settled.status = ClaimStatus::Settled;
        let facts =
            AccountFacts { claims: vec![waiting, rebilled, placed, settled], payments: vec![] };
        let account = due(&facts);
        assert_eq!(account.due, Cents::ZERO);
        assert_eq!(account.waiting_for_insurance, Cents(5000));
        assert_eq!(account.in_collections, Cents(2500));
    }
}
