//! Who is written to: legal blocks, safety, consent. Nothing here looks at money.

use jiff::civil::Date;

use super::{
    Case, Channel, Class, Fact, GuarantorFacts, LineType, Reach, RuleId, SuppressionReason,
    SuppressionScope, Trace, trace::Finding,
};
use crate::{
    clock::{DAY_MS, HOUR_MS, MINUTE_MS, UnixMs},
    holds::{HoldKind, Precedence},
    phone,
    rulebook::{Kind, Requirement, Rule},
};

/// A clock that is put right goes back by less than this; a date further ahead is a wrong date.
const CLOCK_SET_BACK_MS: i64 = 2 * HOUR_MS;

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
        by_the_book(case, trace);
    }
    wrong_number(case, trace);
    trace.note(RuleId::Reachable, reachable(case));
}

fn holds(case: &Case<'_>, trace: &mut Trace) {
    for kind in HoldKind::ALL {
        if !binds(case, *kind) {
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

/// Whether a hold of this kind speaks about the message. What a person asked for this very minute,
/// and the receipt of what they paid, are answers and not collection.
fn binds(case: &Case<'_>, kind: HoldKind) -> bool {
    match kind {
        // Judged with the contact's own facts.
        HoldKind::WrongNumber | HoldKind::ConfidentialCommunication => false,
        _ => case.rules.book.binds(kind, &case.scene),
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
        Some(years) if years >= adult_age(case) => Finding::pass(Fact::Adult),
        Some(years) => Finding::withhold(Fact::Minor { years: years.max(0) }),
        None => Finding::withhold(Fact::BirthdayUnknown),
    }
}

/// The highest age that a rule asks for; without one nobody is of age.
fn adult_age(case: &Case<'_>) -> i16 {
    case.rules
        .book
        .others(&case.scene)
        .filter_map(|rule| match rule.kind {
            Kind::AdultAge { years } => i16::try_from(years).ok(),
            _ => None,
        })
        .max()
        .unwrap_or(i16::MAX)
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
        // Recorded before the clock was set back. It stands, and nothing goes before its instant: to
        // end the message for good would lose a receipt over a correction of the time.
        Some(consent)
            if consent.at > case.now && consent.at.since(case.now) <= CLOCK_SET_BACK_MS =>
        {
            Finding::defer(consent.at, Fact::ConsentGiven { at: consent.at })
        }
        // Dated further ahead it is a mistake of the file, not a consent.
        Some(consent) if consent.at > case.now => Finding::withhold(Fact::NoConsentOnFile),
        Some(consent) => Finding::pass(Fact::ConsentGiven { at: consent.at }),
    };
    let has_asked = class == Class::Code || has_just_asked(case);
    if has_asked && case.message.channel == Channel::Text {
        trace.note(RuleId::Consent, Finding::pass(Fact::AskedForIt));
        return;
    }
    let mut is_needed = false;
    for rule in case.rules.book.consents(&case.scene) {
        is_needed = true;
        let Finding { verdict, fact, .. } = &recorded;
        let finding = Finding { verdict: *verdict, fact: fact.clone(), by: Vec::new() };
        trace.note(rule.speaks_as.unwrap_or(RuleId::ConsentByRule), finding.by(&rule.id));
    }
    if !is_needed {
        trace.note(RuleId::Consent, Finding::pass(Fact::ConsentNotNeeded));
    }
    match case.message.channel {
        Channel::Text => {
            let enabled = case.facts.contact.text_enabled;
            trace.require(RuleId::TextEnabled, enabled, Fact::TextsNotEnabled);
            reassigned(case, trace);
        }
        Channel::Voice => reassigned(case, trace),
        Channel::Fax if class.is_outreach() => unreached(case, trace),
        Channel::Email | Channel::Fax | Channel::Letter => {}
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

fn reassigned(case: &Case<'_>, trace: &mut Trace) {
    let by_rule = case.rules.book.others(&case.scene).filter_map(|rule| match rule.kind {
        Kind::Verified { within_days } => Some(within_days),
        _ => None,
    });
    let Some(days) = by_rule.chain(case.rules.reverify_after_days).min() else { return };
    let at = case.facts.contact.verified_at;
    let fresh = at.is_some_and(|at| case.now.since(at) <= i64::from(days) * DAY_MS);
    trace.require(RuleId::Reassigned, fresh, Fact::NotVerifiedSince { at });
}

/// What the book asks beyond consent: words that say what they must, and waits that are over.
fn by_the_book(case: &Case<'_>, trace: &mut Trace) {
    for rule in case.rules.book.others(&case.scene) {
        let fallback = match &rule.kind {
            Kind::Requires(_) => RuleId::WayOut,
            Kind::FinalNotice { .. } => RuleId::FinalNotice,
            _ => continue,
        };
        let finding = asked_for(case, rule).by(&rule.id);
        trace.note(rule.speaks_as.unwrap_or(fallback), finding);
    }
}

fn asked_for(case: &Case<'_>, rule: &Rule) -> Finding {
    match &rule.kind {
        Kind::Requires(needs) => {
            let missing = needs.iter().find_map(|need| missing(case, *need));
            missing.map_or(Finding::pass(Fact::Fine), Finding::withhold)
        }
        Kind::FinalNotice { after_first_bill_days, after_written_notice_days } => {
            let balance = case.facts.balance.as_ref();
            let billed = balance.and_then(|b| b.first_billed_at);
            let noticed = balance.and_then(|b| b.written_notice_at);
            let first = waited(case, billed, *after_first_bill_days);
            let second = waited(case, noticed, *after_written_notice_days);
            match (first, second) {
                (Wait::Unknown, _) => Finding::withhold(Fact::FirstBillTooRecent { at: billed }),
                (_, Wait::Unknown) => {
                    Finding::withhold(Fact::WrittenNoticeTooRecent { at: noticed })
                }
                (Wait::Until(one), Wait::Until(other)) if other > one => {
                    Finding::defer(other, Fact::WrittenNoticeTooRecent { at: noticed })
                }
                (Wait::Until(one), _) => {
                    Finding::defer(one, Fact::FirstBillTooRecent { at: billed })
                }
                (Wait::Over, Wait::Until(other)) => {
                    Finding::defer(other, Fact::WrittenNoticeTooRecent { at: noticed })
                }
                (Wait::Over, Wait::Over) => Finding::pass(Fact::Fine),
            }
        }
        _ => Finding::pass(Fact::Fine),
    }
}

fn missing(case: &Case<'_>, need: Requirement) -> Option<Fact> {
    let says = case.message.says;
    let validated = case.facts.balance.as_ref().and_then(|b| b.validation_sent_at);
    match need {
        Requirement::WayOut => (!says.way_out).then_some(Fact::NoWayOut),
        Requirement::CollectorNotice => (!says.collector_notice).then_some(Fact::NoCollectorNotice),
        Requirement::ValidationNotice => {
            validated.is_none_or(|at| at > case.now).then_some(Fact::NoValidationNotice)
        }
    }
}

enum Wait {
    Over,
    Until(UnixMs),
    /// Nobody knows when it began.
    Unknown,
}

fn waited(case: &Case<'_>, since: Option<UnixMs>, days: u16) -> Wait {
    let Some(since) = since else { return Wait::Unknown };
    let over = since.plus_ms(i64::from(days) * DAY_MS);
    if over <= case.now { Wait::Over } else { Wait::Until(over) }
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
