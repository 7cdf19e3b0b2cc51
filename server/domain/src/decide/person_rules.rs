//! Who is written to: legal blocks, safety, consent. Nothing here looks at money.

use jiff::civil::Date;

use super::{
    Case, Channel, Class, Fact, GuarantorFacts, LineType, Reach, RuleId, SuppressionReason,
    SuppressionScope, Trace, trace::Finding,
};
use crate::{
    clock::{DAY_MS, MINUTE_MS, UnixMs},
    holds::{HoldKind, Precedence},
    phone,
    zones::is_new_york_city,
};

/// 2023-01-01T05:00:00Z: DC Code 28-3814 covers creditors from here on (M09).
const DC_CONSENT_FROM: UnixMs = UnixMs(1_672_549_200_000);
/// 2026-09-01T04:00:00Z: 6 RCNY 5-77 is in force (M10).
const NYC_CONSENT_FROM: UnixMs = UnixMs(1_788_235_200_000);

/// A text that somebody asked for by a key in a call goes while they still expect it.
const ASKED_LASTS_MS: i64 = 10 * MINUTE_MS;

/// The confirmation of an opt-out must follow it within five minutes, or not at all (M19).
const CONFIRM_WITHIN_MS: i64 = 5 * MINUTE_MS;

pub(super) fn judge(case: &Case<'_>, trace: &mut Trace) {
    trace.require(
        RuleId::RightContact,
        case.message.recipient == case.facts.contact.value,
        Fact::OtherContact,
    );
    if case.message.class != Class::StaffNotice {
        holds(case, trace);
        if !case.message.class.is_reply() {
            age(case, trace);
            confidential(case, trace);
        }
        trace.note(RuleId::OptOut, opt_out(case));
        one_answer(case, trace);
        consent(case, trace);
    }
    wrong_number(case, trace);
    trace.note(RuleId::Reachable, reachable(case));
}

fn holds(case: &Case<'_>, trace: &mut Trace) {
    for kind in HoldKind::ALL {
        if !binds(*kind, case.message.class) {
            continue;
        }
        let Some(guarantor) = &case.facts.guarantor else {
            // A reminder to nobody in particular knows of no hold, and so must not go.
            if case.message.class.is_outreach() {
                trace.note(*kind, Finding::withhold(Fact::NobodyKnown));
            }
            continue;
        };
        trace.note(*kind, hold(case, guarantor, *kind));
    }
}

/// Whether a hold of this kind speaks about messages of this class. What a person asked for this
/// very minute, and the receipt of what they paid, are answers and not collection.
fn binds(kind: HoldKind, class: Class) -> bool {
    match kind {
        // Judged with the contact's own facts.
        HoldKind::WrongNumber | HoldKind::ConfidentialCommunication => false,
        HoldKind::Deceased => {
            class.is_outreach()
                || matches!(class, Class::NewLink | Class::Code | Class::AccountNotice)
        }
        _ if kind.is_legal() => class.is_outreach() || class == Class::NewLink,
        HoldKind::Collections => class.is_reminder() || class == Class::NewLink,
        // The declined charge is the autopay's or the plan's own news.
        HoldKind::PaymentPlan | HoldKind::Autopay => class == Class::Dunning,
        _ => class.is_reminder(),
    }
}

fn hold(case: &Case<'_>, guarantor: &GuarantorFacts, kind: HoldKind) -> Finding {
    let standing = guarantor
        .holds
        .iter()
        .filter(|h| h.kind == kind && h.stands_at(case.now) && h.covers(&case.message.claims));
    // Several of one kind: the one that ends last, and one without an end ends never.
    let longest = standing.max_by_key(|h| h.until.map_or((1, UnixMs(0)), |until| (0, until)));
    match longest {
        None => Finding::pass(Fact::NoSuchHold { kind }),
        Some(hold) => {
            let fact = Fact::HoldStands { kind, until: hold.until };
            match hold.until {
                Some(until) if kind.class() >= Precedence::Hold => Finding::defer(until, fact),
                _ => Finding::withhold(fact),
            }
        }
    }
}

fn wrong_number(case: &Case<'_>, trace: &mut Trace) {
    // The one confirmation still goes to whoever just told us.
    if case.message.class.is_reply() {
        return;
    }
    let held = case.facts.guarantor.as_ref().is_some_and(|g| {
        g.holds.iter().any(|h| h.kind == HoldKind::WrongNumber && h.stands_at(case.now))
    });
    let told = matches!(
        case.facts.contact.suppression,
        Some(s) if s.reason == SuppressionReason::WrongNumber
    );
    let wrong = held || told || case.facts.contact.is_wrong_number;
    trace.require(RuleId::WrongNumber, !wrong, Fact::WrongNumber);
}

fn confidential(case: &Case<'_>, trace: &mut Trace) {
    let Some(guarantor) = &case.facts.guarantor else { return };
    let finding = match &guarantor.only_this_way {
        Some(only)
            if only.channel == case.message.channel && only.value == case.message.recipient =>
        {
            Finding::pass(Fact::Fine)
        }
        Some(only) => Finding::withhold(Fact::ConfidentialElsewhere { channel: only.channel }),
        None => {
            let asked = guarantor
                .holds
                .iter()
                .any(|h| h.kind == HoldKind::ConfidentialCommunication && h.stands_at(case.now));
            if asked {
                Finding::withhold(Fact::ConfidentialUnspecified)
            } else {
                Finding::pass(Fact::Fine)
            }
        }
    };
    trace.note(RuleId::ConfidentialCommunication, finding);
}

fn age(case: &Case<'_>, trace: &mut Trace) {
    // A receipt answers a payment, whoever's thumb made it.
    if case.message.class == Class::Receipt {
        return;
    }
    let finding = match &case.facts.guarantor {
        None => Finding::withhold(Fact::NobodyKnown),
        Some(guarantor) => adulthood(case, guarantor),
    };
    trace.note(RuleId::Minor, finding);
}

fn adulthood(case: &Case<'_>, guarantor: &GuarantorFacts) -> Finding {
    let Some(born_on) = guarantor.born_on else {
        return if guarantor.is_separate_from_patients {
            Finding::pass(Fact::PresumedAdult)
        } else {
            Finding::withhold(Fact::BirthdayUnknown)
        };
    };
    // The birthday comes last where the day begins last.
    let zones = guarantor.whereabouts.zones();
    let today = zones.zones().iter().map(|zone| case.now.day_in(zone.tz())).min();
    match today.map(|today| full_years(born_on, today)) {
        Some(years) if years >= i16::from(case.rules.adult_age) => Finding::pass(Fact::Adult),
        Some(years) => Finding::withhold(Fact::Minor { years: years.max(0) }),
        None => Finding::withhold(Fact::BirthdayUnknown),
    }
}

/// Completed years. Who was born on February 29 completes one on March 1 in a common year.
fn full_years(born_on: Date, today: Date) -> i16 {
    let had_birthday = (today.month(), today.day()) >= (born_on.month(), born_on.day());
    today.year() - born_on.year() - i16::from(!had_birthday)
}

fn opt_out(case: &Case<'_>) -> Finding {
    let Some(suppression) = case.facts.contact.suppression else {
        return Finding::pass(Fact::NotOptedOut);
    };
    let (reason, since) = (suppression.reason, suppression.since);
    let class = case.message.class;
    let kept_receipts = class == Class::Receipt
        && suppression.scope == SuppressionScope::AllButReceipts
        && reason != SuppressionReason::WrongNumber;
    let allowed = match case.message.channel {
        Channel::Text => match class {
            // The confirmation, and the answer to HELP, may always go (M19, M22).
            Class::OptOutConfirmation | Class::Help => true,
            // Another sender's codes are not what was stopped (D-34).
            Class::Code => {
                reason != SuppressionReason::WrongNumber
                    && case.facts.practice.code_sender_is_separate
            }
            _ => kept_receipts,
        },
        // A recorded voice that was told to stop says nothing more, of whatever kind.
        Channel::Voice => false,
        // Unsubscribing from reminders does not unsubscribe from receipts or from signing in.
        Channel::Email | Channel::Fax | Channel::Letter => match reason {
            SuppressionReason::WrongNumber | SuppressionReason::Complaint => kept_receipts,
            _ => kept_receipts || !(class.is_outreach()),
        },
    };
    if allowed {
        Finding::pass(Fact::OptedOutButAllowed { reason, since })
    } else {
        Finding::withhold(Fact::OptedOut { reason, since })
    }
}

/// One confirmation for an opt-out, within five minutes of it; one fixed answer a day.
fn one_answer(case: &Case<'_>, trace: &mut Trace) {
    let contact = &case.facts.contact;
    match case.message.class {
        Class::OptOutConfirmation => {
            let finding = match (contact.suppression, contact.opt_out_confirmed_at) {
                (None, _) => Finding::withhold(Fact::NothingToConfirm),
                (Some(s), Some(at)) if at >= s.since => {
                    Finding::withhold(Fact::AlreadyConfirmed { at })
                }
                (Some(s), _) if case.now.since(s.since) > CONFIRM_WITHIN_MS => {
                    Finding::withhold(Fact::TooLateToConfirm { since: s.since })
                }
                (Some(_), _) => Finding::pass(Fact::Fine),
            };
            trace.note(RuleId::OneConfirmation, finding);
        }
        Class::AutoReply => {
            let finding = match contact.auto_replied_at {
                Some(at) if case.now.since(at) < DAY_MS => {
                    Finding::withhold(Fact::AlreadyAnswered { at })
                }
                _ => Finding::pass(Fact::Fine),
            };
            trace.note(RuleId::OneAutoReply, finding);
        }
        _ => {}
    }
}

fn consent(case: &Case<'_>, trace: &mut Trace) {
    let class = case.message.class;
    if class.is_reply() {
        trace.note(RuleId::Consent, Finding::pass(Fact::AskedForIt));
        return;
    }
    let recorded = match case.facts.contact.consent {
        None => Finding::withhold(Fact::NoConsentOnFile),
        Some(consent) if !consent.granted => {
            Finding::withhold(Fact::ConsentRefused { at: consent.at })
        }
        // A consent dated ahead of now is a mistake of the file, not a consent.
        Some(consent) if consent.at > case.now => Finding::withhold(Fact::NoConsentOnFile),
        Some(consent) => Finding::pass(Fact::ConsentGiven { at: consent.at }),
    };
    match case.message.channel {
        Channel::Text if class == Class::Code || has_just_asked(case) => {
            trace.note(RuleId::Consent, Finding::pass(Fact::AskedForIt));
        }
        Channel::Text => {
            trace.note(RuleId::Consent, recorded);
            trace.require(
                RuleId::TextEnabled,
                case.facts.contact.text_enabled,
                Fact::TextsNotEnabled,
            );
            reassigned(case, trace);
        }
        Channel::Voice => {
            trace.note(RuleId::VoiceConsent, recorded);
            reassigned(case, trace);
        }
        Channel::Letter => {
            trace.note(RuleId::Consent, Finding::pass(Fact::ConsentNotNeeded));
        }
        Channel::Email | Channel::Fax => {
            let local = class.is_outreach().then(|| local_consent_rule(case)).flatten();
            match local {
                Some(rule) => trace.note(rule, recorded),
                None => trace.note(RuleId::Consent, Finding::pass(Fact::ConsentNotNeeded)),
            }
            if case.message.channel == Channel::Fax && class.is_outreach() {
                unreached(case, trace);
            }
        }
    }
}

/// The person pressed the key for this very link, on this very phone, a moment ago.
fn has_just_asked(case: &Case<'_>) -> bool {
    case.message.class == Class::NewLink
        && case
            .facts
            .contact
            .asked_at
            .is_some_and(|at| (0..=ASKED_LASTS_MS).contains(&case.now.since(at)))
}

/// A fax is for those who agreed to neither texts nor email, and for those who asked for it (S-B10).
fn unreached(case: &Case<'_>, trace: &mut Trace) {
    let Some(guarantor) = &case.facts.guarantor else { return };
    let asked = guarantor.only_this_way.as_ref().is_some_and(|only| only.channel == Channel::Fax);
    trace.require(
        RuleId::FaxIsForTheUnreached,
        asked || !guarantor.takes_text_or_email,
        Fact::TakesTextOrEmail,
    );
}

/// Where even an email about a debt needs a yes.
fn local_consent_rule(case: &Case<'_>) -> Option<RuleId> {
    let place = &case.facts.guarantor.as_ref()?.whereabouts;
    let in_dc = place.law_state().is_some_and(|s| s.eq_ignore_ascii_case("DC"));
    let in_nyc = place.zip.as_deref().is_some_and(is_new_york_city);
    if in_dc && case.now >= DC_CONSENT_FROM {
        Some(RuleId::ConsentInDc)
    } else if in_nyc && case.now >= NYC_CONSENT_FROM {
        Some(RuleId::ConsentInNyc)
    } else {
        None
    }
}

fn reassigned(case: &Case<'_>, trace: &mut Trace) {
    let Some(days) = case.rules.reverify_after_days else { return };
    let at = case.facts.contact.verified_at;
    let fresh = at.is_some_and(|at| case.now.since(at) <= i64::from(days) * DAY_MS);
    trace.require(RuleId::Reassigned, fresh, Fact::NotVerifiedSince { at });
}

fn reachable(case: &Case<'_>) -> Finding {
    let contact = &case.facts.contact;
    let channel = case.message.channel;
    if channel.rings() && phone::E164::from_normalised(&contact.value).is_none() {
        return Finding::withhold(Fact::OutsideNumberingPlan);
    }
    // Who has just texted us can be texted, whatever a lookup said.
    if case.message.class.is_reply() {
        return Finding::pass(Fact::Fine);
    }
    let is_no_mobile = matches!(contact.line, LineType::Landline | LineType::TollFree);
    match (channel, contact.reach) {
        (Channel::Text, _) if is_no_mobile => {
            Finding::withhold(Fact::NotAMobile { line: contact.line })
        }
        // What a carrier does to texts says nothing about calls.
        (_, Reach::Good) | (Channel::Voice, Reach::NotMobile | Reach::CarrierBlocked) => {
            Finding::pass(Fact::Fine)
        }
        (_, reach) => Finding::withhold(Fact::Unreachable { reach }),
    }
}
