//! What stands between an account and its next reminder: flags and holds, by name.
//!
//! Promises that every hold has one place in the precedence of domain rules 5.5, one stable code for
//! the database, and one answer to "may this be paid online". Refuses to know who placed it or why:
//! that is the store's and the note's business.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{clock::UnixMs, id::ClaimId};

/// Which kind of reason wins when several speak (domain rules 5.5). Earlier beats later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precedence {
    LegalBlock,
    Safety,
    Consent,
    Hold,
    Plan,
    Cadence,
    Preference,
}

/// The text is not the code of a hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a kind of hold")]
pub struct UnknownHold;

macro_rules! holds {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $class:ident;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum HoldKind {
            $($(#[$doc])* #[serde(rename = $code)] $name,)*
        }

        impl HoldKind {
            /// In the order in which they win over each other.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code stored in the database and used in URLs. Never changes.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            pub const fn class(self) -> Precedence {
                match self { $(Self::$name => Precedence::$class,)* }
            }
        }

        impl FromStr for HoldKind {
            type Err = UnknownHold;
            fn from_str(text: &str) -> Result<Self, UnknownHold> {
                match text { $($code => Ok(Self::$name),)* _ => Err(UnknownHold) }
            }
        }
    };
}

holds! {
    /// The automatic stay: everything stops at notice (D-49).
    Bankruptcy = "bankruptcy", LegalBlock;
    /// Medicare cost-sharing of a QMB enrollee may not be billed at all (D-19).
    QmbDoNotBill = "qmb_do_not_bill", LegalBlock;
    /// Route to the estate's contact; nothing goes to the decedent (D-50).
    Deceased = "deceased", LegalBlock;
    /// Represented by a lawyer: speak to the lawyer.
    Attorney = "attorney", LegalBlock;
    Litigation = "litigation", LegalBlock;
    /// An open dispute of the bill, or of a card charge (D-20, D-26).
    Dispute = "dispute", LegalBlock;
    /// Somebody else answered that this is not their phone or address (D-45).
    WrongNumber = "wrong_number", Safety;
    /// Only the channel and address the patient named (M28).
    ConfidentialCommunication = "confidential_communication", Safety;
    /// Placed with an agency: shown, not payable, and never texted (D-44, D-51).
    Collections = "collections", Hold;
    /// Waiting for an insurer's review or a corrected claim (D-8).
    InsuranceReview = "insurance_review", Hold;
    /// An application for financial assistance is open (M34, D-53).
    FinancialAssistance = "financial_assistance", Hold;
    /// The patient's or the practice's pause, usually with an end (D-52).
    Pause = "pause", Hold;
    /// Placed by staff for a reason of their own.
    Manual = "manual", Hold;
    /// The balance is on a payment plan that is being kept (D-30).
    PaymentPlan = "payment_plan", Plan;
    /// The card on file will be charged: no action needed (D-30).
    Autopay = "autopay", Plan;
}

impl HoldKind {
    /// Beats everything, a staff member's own message included.
    pub const fn is_legal(self) -> bool {
        matches!(self.class(), Precedence::LegalBlock)
    }

    /// The pay page says "This bill can't be paid online right now" and shows no amount.
    pub const fn blocks_online_payment(self) -> bool {
        self.is_legal() || matches!(self, Self::Collections)
    }

    /// Concerns the person, so a hold on one claim still covers the whole account.
    pub const fn always_covers_the_account(self) -> bool {
        matches!(
            self,
            Self::Bankruptcy
                | Self::QmbDoNotBill
                | Self::Deceased
                | Self::Attorney
                | Self::Litigation
                | Self::WrongNumber
                | Self::ConfidentialCommunication
        )
    }

    /// Staff may lift or override it alone. Legal ones need a second approver (D-49, Roles).
    pub const fn one_person_may_lift(self) -> bool {
        !self.is_legal()
    }
}

impl fmt::Display for HoldKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a hold covers (D-52: a paused balance does not pause a new one).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldScope {
    Account,
    Claim(ClaimId),
}

/// A hold as placed. Whether it still stands is a question of the instant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Hold {
    pub kind: HoldKind,
    pub scope: HoldScope,
    /// The first instant at which it no longer stands; `None` until somebody lifts it.
    pub until: Option<UnixMs>,
}

impl Hold {
    pub fn on_account(kind: HoldKind, until: Option<UnixMs>) -> Self {
        Self { kind, scope: HoldScope::Account, until }
    }

    pub fn on_claim(kind: HoldKind, claim: ClaimId, until: Option<UnixMs>) -> Self {
        Self { kind, scope: HoldScope::Claim(claim), until }
    }

    pub fn stands_at(&self, now: UnixMs) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// Whether the hold speaks about a message on these claims. A message that names no claim is
    /// about the whole account, and every hold of the account speaks about it.
    pub fn covers(&self, claims: &[ClaimId]) -> bool {
        match &self.scope {
            HoldScope::Account => true,
            HoldScope::Claim(_) if self.kind.always_covers_the_account() => true,
            HoldScope::Claim(held) => claims.is_empty() || claims.contains(held),
        }
    }
}

/// Whether the account can be paid online at `now`, given its holds and whether a held import
/// leaves its balance in doubt (journeys, Links).
pub fn can_be_paid_online(holds: &[Hold], import_is_held: bool, now: UnixMs) -> bool {
    !import_is_held
        && !holds.iter().any(|h| {
            h.stands_at(now)
                && h.kind.blocks_online_payment()
                && (h.scope == HoldScope::Account || h.kind.always_covers_the_account())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hold_reads_back_from_its_code() {
        for kind in HoldKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
            let json = serde_json::to_string(kind).unwrap();
            assert_eq!(json, format!("\"{}\"", kind.as_str()));
        }
        assert_eq!("banana".parse::<HoldKind>(), Err(UnknownHold));
    }

    #[test]
    fn holds_are_listed_in_the_order_in_which_they_win() {
        let classes: Vec<_> = HoldKind::ALL.iter().map(|k| k.class()).collect();
        assert!(classes.is_sorted());
    }

    #[test]
    fn a_pause_ends_by_itself_at_its_instant() {
        let pause = Hold::on_account(HoldKind::Pause, Some(UnixMs(1_000)));
        assert!(pause.stands_at(UnixMs(999)));
        assert!(!pause.stands_at(UnixMs(1_000)));
    }

    #[test]
    fn a_pause_on_one_visit_leaves_the_other_visit_alone() {
        let claim = |n: u8| ClaimId::trusted(format!("clm_{n:032x}"));
        let pause = Hold::on_claim(HoldKind::Pause, claim(1), None);
        assert!(pause.covers(&[claim(1), claim(2)]));
        assert!(!pause.covers(&[claim(2)]));
        assert!(pause.covers(&[]), "a message on the whole account is covered");
        let bankrupt = Hold::on_claim(HoldKind::Bankruptcy, claim(1), None);
        assert!(bankrupt.covers(&[claim(2)]), "bankruptcy concerns the person");
    }

    #[test]
    fn a_bill_under_a_legal_hold_cannot_be_paid_online() {
        let now = UnixMs(0);
        for kind in HoldKind::ALL {
            let expected = !(kind.is_legal() || *kind == HoldKind::Collections);
            assert_eq!(can_be_paid_online(&[Hold::on_account(*kind, None)], false, now), expected);
        }
        assert!(!can_be_paid_online(&[], true, now), "a held import leaves the amount in doubt");
    }
}
