//! The sentences of the money pages: why a visit is proposed, why something was refused, what a
//! state means. The server decides; the words are here.

use domain::{
    clock::UnixMs,
    money::Cents,
    payment::{
        AttemptState, DeclineKind, DisputeState, Flow, RefundReason, RefundState, Refusal, Source,
    },
    proposal::{Proposal, Reason},
};
use jiff::tz::TimeZone;
use leptos::prelude::AnyView;

use crate::{
    components::{Badge, Tone},
    when,
    words::Words,
};

/// Beside each line of a proposal.
pub(super) const fn reason_sentence(reason: Reason) -> &'static str {
    match reason {
        Reason::ChosenByPayer => "The payer chose this visit.",
        Reason::NamedInMessage => "The message that was answered was about this bill.",
        Reason::EqualsWholeAccount => "The payment is everything that was open.",
        Reason::EqualsThisClaim => "The payment is exactly this bill, and no other.",
        Reason::EqualsSeveralClaims => {
            "The payment is exactly this bill, but another has the same amount. Check which."
        }
        Reason::EqualsThisPatient => "The payment is exactly what this patient owes.",
        Reason::OldestFirst => "The oldest open bill comes first.",
        Reason::OldestFirstInPart => "The oldest open bill comes first; the money ends here.",
    }
}

const fn reason_in_short(reason: Reason) -> &'static str {
    match reason {
        Reason::ChosenByPayer => "chosen by the payer",
        Reason::NamedInMessage => "named in the message",
        Reason::EqualsWholeAccount => "everything that was open",
        Reason::EqualsThisClaim => "exactly this bill",
        Reason::EqualsSeveralClaims => "one of several of this amount",
        Reason::EqualsThisPatient => "exactly one patient's bills",
        Reason::OldestFirst | Reason::OldestFirstInPart => "oldest first",
    }
}

/// `2 visits, oldest first; $4.00 left over`
pub(super) fn proposal_summary(proposal: &Proposal) -> String {
    let visits = match proposal.lines.len() {
        0 => return "Nothing is open on this account".to_owned(),
        1 => "1 visit".to_owned(),
        many => format!("{many} visits"),
    };
    let weakest = proposal.lines.iter().min_by_key(|line| line.confidence);
    let why = weakest.map_or("", |line| reason_in_short(line.reason));
    if proposal.rest.is_positive() {
        format!("{visits}, {why}; {} left over", proposal.rest)
    } else {
        format!("{visits}, {why}")
    }
}

pub(super) fn dispute_badge(state: DisputeState) -> AnyView {
    let (words, tone) = match state {
        DisputeState::Inquiry => ("The bank asks about it", Tone::Warn),
        DisputeState::Open => ("Disputed", Tone::Danger),
        DisputeState::Won => ("Dispute won", Tone::Plain),
        DisputeState::Lost => ("Dispute lost", Tone::Danger),
    };
    Badge::new(words).tone(tone).view()
}

pub(super) const fn dispute_sentence(state: DisputeState) -> &'static str {
    match state {
        DisputeState::Inquiry => {
            "The card's bank has a question about this payment. No money was taken back. Answer \
             it in your Stripe dashboard."
        }
        DisputeState::Open => {
            "The card's bank disputes this payment. Until it is decided nothing can be refunded \
             and no reminders go out. Answer it in your Stripe dashboard."
        }
        DisputeState::Won => "A dispute about this payment was decided for the practice.",
        DisputeState::Lost => {
            "A dispute about this payment was lost: the bank took the money back, and the bills \
             it had paid are open again."
        }
    }
}

/// Value and label of each reason money can go back for.
pub(super) const REFUND_REASONS: [(RefundReason, &str); 6] = [
    (RefundReason::Overpaid, "Paid more than was owed"),
    (RefundReason::PaidTwice, "Paid twice"),
    (RefundReason::WrongAccount, "Paid on the wrong account"),
    (RefundReason::InsurancePaid, "Insurance paid after all"),
    (RefundReason::PatientAsked, "The patient asked for it"),
    (RefundReason::Fraud, "The card was used without permission"),
];

pub(super) fn refund_reason(reason: RefundReason) -> &'static str {
    REFUND_REASONS.iter().find(|(known, _)| *known == reason).map_or("", |(_, words)| words)
}

pub(super) fn refund_state(state: RefundState) -> Badge {
    match state {
        RefundState::Pending => Badge::new("Under way").tone(Tone::Warn),
        RefundState::Sent => Badge::new("At the card's bank").tone(Tone::Warn),
        RefundState::Succeeded => Badge::new("Refunded").tone(Tone::Good),
        RefundState::Failed => Badge::new("Failed: nothing went back").tone(Tone::Danger),
    }
}

/// Where the payer came from, and where the card was typed.
pub(super) const fn way_of(source: Source, flow: Flow) -> &'static str {
    match (source, flow) {
        (Source::Link, Flow::Element) => "By link, on our page",
        (Source::Link, Flow::Checkout) => "By link, on Stripe's page",
        (Source::Portal, Flow::Element) => "Signed in, on our page",
        (Source::Portal, Flow::Checkout) => "Signed in, on Stripe's page",
        (Source::Desk, _) => "At the desk",
    }
}

pub(super) fn attempt_outcome(state: AttemptState, declined: Option<DeclineKind>) -> &'static str {
    match (state, declined) {
        (AttemptState::Draft | AttemptState::Open, None) => "Begun, not paid yet",
        (AttemptState::Draft | AttemptState::Open, Some(_)) => {
            "Declined; the payer may be trying again"
        }
        (AttemptState::Processing, _) => "The bank is working on it",
        (AttemptState::Unknown, _) => "Outcome unknown; we keep asking",
        (AttemptState::Succeeded, _) => "Paid",
        (AttemptState::Cancelled, None) => "Given up by the payer",
        (AttemptState::Expired, None) => "Not finished in time",
        (AttemptState::Refused, _) => "Refused by Stripe; nothing was charged",
        (AttemptState::Declined, None) => declined_because(DeclineKind::Generic),
        (_, Some(kind)) => declined_because(kind),
    }
}

const fn declined_because(kind: DeclineKind) -> &'static str {
    match kind {
        DeclineKind::Generic => "Declined by the bank",
        DeclineKind::InsufficientFunds => "Declined: not enough money",
        DeclineKind::Expired => "Declined: the card has expired",
        DeclineKind::WrongCode => "Declined: wrong security code",
        DeclineKind::WrongNumber => "Declined: wrong card number",
        DeclineKind::NeedsApproval => "Declined: the bank wanted to be asked first",
        DeclineKind::TryLater => "Declined: the bank asked to try later",
    }
}

/// Why something about a payment was not done, for staff. `by` is who changed it meanwhile.
pub(super) fn refusal_sentence(refusal: &Refusal, by: &str, zone: &TimeZone) -> String {
    let w = Words::default();
    let at = |at: UnixMs| when::time(w, at, zone);
    let left = |cents: &Cents| format!("Only {cents} of this payment is unapplied.");
    match refusal {
        Refusal::OnlyUnapplied { cents } if !cents.is_positive() => {
            "Nothing of this payment is unapplied. Undo a match first.".to_owned()
        }
        Refusal::OnlyUnapplied { cents } => left(cents),
        Refusal::MoreThanClaim { remaining, .. } => {
            format!("Only {remaining} is left on this visit.")
        }
        Refusal::AmountMissing => "Type an amount of more than zero.".to_owned(),
        Refusal::BadLines => "Type an amount for at least one visit, and one for each.".to_owned(),
        Refusal::ChangedMeanwhile { at: when, .. } => {
            format!("Changed by {by} at {}. Reload.", at(*when))
        }
        Refusal::AlreadyPosted => {
            "This payment is marked as posted. Mark it as not posted to change it.".to_owned()
        }
        Refusal::AlreadyUndone => "This match was undone already.".to_owned(),
        Refusal::Disputed => {
            "The card's bank disputes this payment. Nothing can be refunded until it is decided."
                .to_owned()
        }
        Refusal::AboveLimit { limit } => {
            format!("You can refund up to {limit} of a payment. Ask a manager to refund more.")
        }
        Refusal::RefundRefused => {
            "Stripe refused the refund. The money is unapplied as before.".to_owned()
        }
        Refusal::NotSetUp => {
            "Stripe is not set up for this practice. A manager can connect it in Settings."
                .to_owned()
        }
        _ => "This did not work. Try again in a moment.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use domain::id::ClaimId;

    use super::*;

    #[test]
    fn staff_read_how_much_there_is_and_who_was_faster() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let said = |refusal: &Refusal| refusal_sentence(refusal, "Ana Diaz", &zone);
        assert_eq!(
            said(&Refusal::OnlyUnapplied { cents: Cents(40_00) }),
            "Only $40.00 of this payment is unapplied."
        );
        let at = UnixMs::parse_rfc3339("2026-03-04T14:12:00Z").unwrap();
        let changed = Refusal::ChangedMeanwhile { by: "staff:stf_1".into(), at };
        assert_eq!(said(&changed), "Changed by Ana Diaz at 9:12 AM. Reload.");
        let claim = ClaimId::trusted("clm_1");
        let more = Refusal::MoreThanClaim { claim, remaining: Cents(25_00) };
        assert_eq!(said(&more), "Only $25.00 is left on this visit.");
    }

    #[test]
    fn every_reason_of_a_refund_can_be_chosen_once() {
        for reason in RefundReason::ALL {
            let count = REFUND_REASONS.iter().filter(|(known, _)| known == reason).count();
            assert_eq!(count, 1, "{}", reason.as_str());
        }
    }
}
