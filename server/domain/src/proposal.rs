//! Which visits a payment is for: a proposal that staff can edit, with its reasons (D-21).
//!
//! It proposes and never applies. What the payer chose comes first; then an amount that equals
//! exactly one bill, one patient's bills or everything says what it was for; otherwise the oldest
//! bill is paid first. What fits nothing stays unapplied: an overpayment or a prepayment.

use serde::{Deserialize, Serialize};

use crate::{
    balance::ClaimFacts,
    id::{ClaimId, PatientId},
    money::Cents,
};

/// Why a line is proposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The payer ticked this visit.
    ChosenByPayer,
    /// The message that was answered was about this bill.
    NamedInMessage,
    /// The payment is everything that was open.
    EqualsWholeAccount,
    /// The payment is exactly this bill, and no other.
    EqualsThisClaim,
    /// The payment is exactly this bill, and another of the same amount.
    EqualsSeveralClaims,
    /// The payment is exactly what one patient owes.
    EqualsThisPatient,
    /// No clue: oldest first.
    OldestFirst,
    /// As `OldestFirst`, and the money ends here before the bill does.
    OldestFirstInPart,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    Low,
    Medium,
    High,
}

impl Reason {
    pub fn confidence(self) -> Confidence {
        match self {
            Self::ChosenByPayer
            | Self::EqualsWholeAccount
            | Self::EqualsThisClaim
            | Self::EqualsThisPatient => Confidence::High,
            Self::NamedInMessage | Self::EqualsSeveralClaims | Self::OldestFirst => {
                Confidence::Medium
            }
            Self::OldestFirstInPart => Confidence::Low,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub claim: ClaimId,
    pub amount: Cents,
    pub reason: Reason,
    pub confidence: Confidence,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proposal {
    /// Oldest first, chosen visits before the others.
    pub lines: Vec<Line>,
    /// What stays unapplied.
    pub rest: Cents,
}

impl Proposal {
    /// Of its weakest line; low when there is nothing to propose or money is left over.
    pub fn confidence(&self) -> Confidence {
        match self.lines.iter().map(|l| l.confidence).min() {
            Some(weakest) if self.rest == Cents::ZERO => weakest,
            Some(weakest) => weakest.min(Confidence::Medium),
            None => Confidence::Low,
        }
    }

    /// May be applied together with others like it, without a look at each (MS10).
    pub fn is_exact(&self) -> bool {
        self.rest == Cents::ZERO && self.confidence() == Confidence::High
    }
}

/// What the payer told us about the payment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// The visits ticked before paying.
    pub chosen: Vec<ClaimId>,
    /// The bill of the message whose link was used.
    pub named: Option<ClaimId>,
}

/// Spreads `unapplied` over the guarantor's claims. Only payable ones are proposed; staff may
/// choose others by hand.
pub fn propose(unapplied: Cents, claims: &[ClaimFacts], hints: &Hints) -> Proposal {
    let mut open: Vec<&ClaimFacts> =
        claims.iter().filter(|c| c.is_payable() && c.remaining().is_positive()).collect();
    open.sort_by(|a, b| (a.since(), &a.id).cmp(&(b.since(), &b.id)));
    let mut spread = Spread { left: unapplied.at_least_zero(), lines: Vec::new() };

    for claim in open.iter().filter(|c| hints.chosen.contains(&c.id)) {
        spread.give(claim, Reason::ChosenByPayer);
    }
    open.retain(|c| !hints.chosen.contains(&c.id));
    if let Some((reason, exact)) = exact_match(spread.left, &open, hints) {
        for claim in exact {
            spread.give(claim, reason);
        }
    }
    for claim in &open {
        let is_covered = spread.left >= claim.remaining();
        let reason = match () {
            () if hints.named.as_ref() == Some(&claim.id) => Reason::NamedInMessage,
            () if is_covered => Reason::OldestFirst,
            () => Reason::OldestFirstInPart,
        };
        spread.give(claim, reason);
    }
    Proposal { lines: spread.lines, rest: spread.left }
}

struct Spread {
    left: Cents,
    lines: Vec<Line>,
}

impl Spread {
    fn give(&mut self, claim: &ClaimFacts, reason: Reason) {
        let amount = self.left.min(claim.remaining());
        if amount.is_positive() {
            self.left -= amount;
            let confidence = reason.confidence();
            self.lines.push(Line { claim: claim.id.clone(), amount, reason, confidence });
        }
    }
}

/// The claims whose amounts say that they were meant, when some do.
fn exact_match<'c>(
    left: Cents,
    open: &[&'c ClaimFacts],
    hints: &Hints,
) -> Option<(Reason, Vec<&'c ClaimFacts>)> {
    let total = |claims: &[&ClaimFacts]| claims.iter().map(|c| c.remaining()).sum::<Cents>();
    if !left.is_positive() {
        return None;
    }
    let same: Vec<&ClaimFacts> = open.iter().copied().filter(|c| c.remaining() == left).collect();
    if let [only] = same[..] {
        let reason =
            if open.len() == 1 { Reason::EqualsWholeAccount } else { Reason::EqualsThisClaim };
        return Some((reason, vec![only]));
    }
    if total(open) == left {
        return Some((Reason::EqualsWholeAccount, open.to_vec()));
    }
    if let Some(named) = same.iter().find(|c| hints.named.as_ref() == Some(&c.id)) {
        return Some((Reason::EqualsThisClaim, vec![*named]));
    }
    if let Some(oldest) = same.first() {
        return Some((Reason::EqualsSeveralClaims, vec![*oldest]));
    }
    let mut patients: Vec<&PatientId> = open.iter().map(|c| &c.patient).collect();
    patients.sort();
    patients.dedup();
    let of = |patient: &PatientId| -> Vec<&'c ClaimFacts> {
        open.iter().copied().filter(|c| &c.patient == patient).collect()
    };
    let mut matching = patients.into_iter().map(of).filter(|claims| total(claims) == left);
    match (matching.next(), matching.next()) {
        (Some(claims), None) => Some((Reason::EqualsThisPatient, claims)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::book::{ClaimStatus, InsuranceState};

    fn claim(id: &str, patient: &str, month: i8, due: i64) -> ClaimFacts {
        ClaimFacts {
            id: ClaimId::trusted(id),
            patient: PatientId::trusted(patient),
            service_on: date(2026, month, 1),
            status: ClaimStatus::PendingPatient,
            insurance: InsuranceState::Finished,
            outstanding: Cents(due),
            patient_due: Cents(due),
            applied_unposted: Cents::ZERO,
            due_since: None,
            version: 1,
        }
    }

    fn lines(proposal: &Proposal) -> Vec<(&str, i64, Reason)> {
        proposal.lines.iter().map(|l| (l.claim.as_str(), l.amount.0, l.reason)).collect()
    }

    #[test]
    fn without_a_clue_the_oldest_bill_is_paid_first() {
        let claims = [claim("new", "m", 3, 3000), claim("old", "m", 1, 5000)];
        let proposal = propose(Cents(6000), &claims, &Hints::default());
        assert_eq!(
            lines(&proposal),
            [("old", 5000, Reason::OldestFirst), ("new", 1000, Reason::OldestFirstInPart)]
        );
        assert_eq!((proposal.rest, proposal.confidence()), (Cents::ZERO, Confidence::Low));
    }

    #[test]
    fn the_visits_the_payer_ticked_come_first() {
        let claims = [claim("old", "m", 1, 5000), claim("new", "m", 3, 3000)];
        let hints = Hints { chosen: vec![ClaimId::trusted("new")], named: None };
        let proposal = propose(Cents(3000), &claims, &hints);
        assert_eq!(lines(&proposal), [("new", 3000, Reason::ChosenByPayer)]);
        assert!(proposal.is_exact());
    }

    #[test]
    fn an_amount_that_equals_one_bill_is_for_that_bill() {
        let claims =
            [claim("old", "m", 1, 5000), claim("mid", "l", 2, 8200), claim("new", "m", 3, 3000)];
        let proposal = propose(Cents(8200), &claims, &Hints::default());
        assert_eq!(lines(&proposal), [("mid", 8200, Reason::EqualsThisClaim)]);
        assert!(proposal.is_exact());
    }

    #[test]
    fn two_bills_of_the_same_amount_are_not_told_apart() {
        let claims = [claim("a", "m", 1, 2500), claim("b", "l", 2, 2500), claim("c", "m", 3, 9900)];
        let proposal = propose(Cents(2500), &claims, &Hints::default());
        assert_eq!(lines(&proposal), [("a", 2500, Reason::EqualsSeveralClaims)]);
        assert!(!proposal.is_exact());
    }

    #[test]
    fn one_childs_bills_are_recognised_by_their_sum() {
        let claims =
            [claim("a", "leo", 1, 2500), claim("b", "ana", 2, 4000), claim("c", "ana", 3, 100)];
        let proposal = propose(Cents(4100), &claims, &Hints::default());
        assert_eq!(
            lines(&proposal),
            [("b", 4000, Reason::EqualsThisPatient), ("c", 100, Reason::EqualsThisPatient)]
        );
    }

    #[test]
    fn what_is_too_much_stays_unapplied() {
        let claims = [claim("a", "m", 1, 2500)];
        let proposal = propose(Cents(4000), &claims, &Hints::default());
        assert_eq!(lines(&proposal), [("a", 2500, Reason::OldestFirst)]);
        assert_eq!(proposal.rest, Cents(1500));
        assert!(!proposal.is_exact());
        assert_eq!(propose(Cents(4000), &[], &Hints::default()).rest, Cents(4000));
    }

    #[test]
    fn a_bill_at_the_insurer_is_never_proposed() {
        let mut waiting = claim("a", "m", 1, 2500);
        waiting.insurance = InsuranceState::Pending;
        assert!(propose(Cents(2500), &[waiting], &Hints::default()).lines.is_empty());
    }
}
