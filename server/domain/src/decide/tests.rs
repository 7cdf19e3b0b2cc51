//! Maria owes $82 to Lakeside Clinic, in New York, and has said yes to texts. Every test begins with
//! a Wednesday morning on which nothing speaks against reminding her, and changes one thing.

mod calls;
mod properties;

use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::{
    clock::{DAY_MS, HOUR_MS, MINUTE_MS},
    holds::{Hold, HoldKind, Precedence},
    id::{ClaimId, MessageId},
    money::Cents,
    rulebook::{Change, Rulebook},
    window::{Hours, Strictness},
    zones::Whereabouts,
};

pub(crate) const PHONE: &str = "+12125550123";
const EMAIL: &str = "maria@example.org";

pub(crate) fn at(rfc3339: &str) -> UnixMs {
    UnixMs::parse_rfc3339(rfc3339).unwrap()
}

pub(crate) fn wednesday() -> UnixMs {
    at("2026-03-04T10:00:00-05:00")
}

pub(crate) fn reminder() -> Proposed {
    Proposed {
        message_id: MessageId::trusted("msg_maria"),
        recipient: PHONE.into(),
        class: Class::Dunning,
        channel: Channel::Text,
        notice: "maria/1".into(),
        claims: vec![claim(1)],
        slot_at: wednesday(),
        content_hash: "c0ffee".into(),
        says: Says { way_out: true, collector_notice: false, is_final_notice: false },
    }
}

fn claim(n: u8) -> ClaimId {
    ClaimId::trusted(format!("clm_{n:032x}"))
}

fn of(class: Class, channel: Channel) -> (Proposed, Facts) {
    let recipient = if channel.rings() { PHONE } else { EMAIL };
    let message = Proposed { class, channel, recipient: recipient.into(), ..reminder() };
    let mut facts = maria();
    facts.contact.value = recipient.into();
    if class == Class::OptOutConfirmation {
        facts.contact.suppression = Some(stop(SuppressionReason::Stop));
    }
    (message, facts)
}

pub(crate) fn maria() -> Facts {
    Facts {
        practice: PracticeFacts {
            is_live: true,
            import_is_held: false,
            platform_text_enabled: true,
            practice_text_enabled: true,
            text_number_chosen: true,
            text_billing_accepted: true,
            text_campaign_registered: true,
            code_sender_is_separate: true,
            proof_approved: true,
            email_sender_tested: true,
            email_paused_for_complaints: false,
            voice_is_on: false,
            caller_number_chosen: true,
            fax_is_on: false,
            texts_paused_by_carriers: false,
            instamed_is_active: false,
            text_name_chars: 15,
            text_name_is_custom: true,
            is_sensitive: false,
        },
        contact: ContactFacts {
            value: PHONE.into(),
            line: LineType::Mobile,
            reach: Reach::Good,
            text_enabled: true,
            suppression: None,
            consent: Some(Consent {
                granted: true,
                source: ConsentSource::Import,
                at: wednesday().minus_ms(90 * DAY_MS),
            }),
            is_wrong_number: false,
            verified_at: None,
            opt_out_confirmed_at: None,
            auto_replied_at: None,
            asked_at: None,
        },
        guarantor: Some(GuarantorFacts {
            born_on: Some(date(1961, 5, 17)),
            is_separate_from_patients: false,
            holds: vec![],
            only_this_way: None,
            takes_text_or_email: true,
            preference: Preference::Either,
            whereabouts: Whereabouts {
                phone: Some(PHONE.into()),
                zip: Some("12207".into()),
                state: Some("NY".into()),
                stated_zone: None,
            },
            not_before: None,
            quiet: None,
        }),
        balance: Some(BalanceFacts {
            net_due: Some(Cents(82_00)),
            insurance_pending: Some(false),
            payment: PaymentUnderWay::No,
            last_paid_at: None,
            plan: PlanStanding::NoPlan,
            autopay_is_on: false,
            agreed: AgreedPayment::Stands { until: None, charge_at: None },
            first_billed_at: None,
            written_notice_at: None,
            validation_sent_at: None,
        }),
        approval: Approval {
            is_required: true,
            given: Some(Approved {
                at: wednesday().minus_ms(HOUR_MS),
                content_hash: "c0ffee".into(),
                net_due: Cents(82_00),
            }),
        },
        history: History::default(),
    }
}

fn stop(reason: SuppressionReason) -> Suppression {
    Suppression { reason, scope: SuppressionScope::Everything, since: wednesday() }
}

fn judge(message: &Proposed, facts: &Facts) -> Decision {
    decide(message, facts, &Rules::default(), wednesday())
}

/// The reminder with one fact changed.
fn with(change: impl FnOnce(&mut Facts)) -> Decision {
    let mut facts = maria();
    change(&mut facts);
    judge(&reminder(), &facts)
}

fn with_guarantor(change: impl FnOnce(&mut GuarantorFacts)) -> Decision {
    with(|f| change(f.guarantor.as_mut().unwrap()))
}

fn with_balance(change: impl FnOnce(&mut BalanceFacts)) -> Decision {
    with(|f| change(f.balance.as_mut().unwrap()))
}

#[track_caller]
fn withheld(decision: &Decision, rule: RuleId) {
    assert_eq!(decision.outcome, Outcome::Withhold, "{:?}", decision.headline());
    assert_eq!(decision.headline().map(|r| r.rule), Some(rule), "{:?}", decision.headline());
}

#[track_caller]
fn deferred(decision: &Decision, rule: RuleId, until: UnixMs) {
    assert_eq!(decision.headline().map(|r| r.rule), Some(rule), "{:?}", decision.headline());
    match decision.outcome {
        Outcome::Defer { until: then } => assert_eq!(then, until, "{then} is not {until}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn on_a_wednesday_morning_maria_is_reminded_by_text_and_by_email() {
    for channel in [Channel::Text, Channel::Email] {
        let (message, facts) = of(Class::Dunning, channel);
        let decision = judge(&message, &facts);
        assert_eq!(decision.outcome, Outcome::Send, "{:?}", decision.headline());
        assert_eq!(decision.headline(), None);
        assert!(decision.reasons.len() > 25, "every rule is in the trace");
        assert!(decision.reasons.iter().all(|r| r.verdict == Verdict::Pass));
        assert!(decision.ruleset_version.starts_with("4."));
    }
}

#[test]
fn each_rule_speaks_at_most_once_about_her_reminder_unless_two_sources_tell() {
    let decision = with(|_| {});
    for rule in RuleId::ALL {
        assert!(decision.reasons.iter().filter(|r| r.rule == *rule).count() <= 1, "{rule}");
    }
}

#[test]
fn a_legal_block_beats_everything_a_staff_members_own_text_included() {
    for kind in HoldKind::ALL.iter().filter(|k| k.is_legal()) {
        for class in [Class::Dunning, Class::FailedAutopay, Class::StaffDirect, Class::NewLink] {
            for channel in [Channel::Text, Channel::Email] {
                let (message, mut facts) = of(class, channel);
                let guarantor = facts.guarantor.as_mut().unwrap();
                guarantor.holds.push(Hold::on_account(*kind, None));
                // And a heap of lesser objections that must not take the headline.
                facts.contact.suppression = Some(stop(SuppressionReason::Stop));
                facts.contact.is_wrong_number = true;
                facts.practice.is_live = false;
                withheld(&judge(&message, &facts), RuleId::from(*kind));
            }
        }
    }
}

#[test]
fn what_a_bankrupt_person_asks_for_or_has_paid_is_still_answered() {
    for class in [Class::Receipt, Class::Code, Class::OptOutConfirmation, Class::Help] {
        let (message, mut facts) = of(class, Channel::Text);
        let guarantor = facts.guarantor.as_mut().unwrap();
        guarantor.holds.push(Hold::on_account(HoldKind::Bankruptcy, None));
        assert!(judge(&message, &facts).sends(), "{class:?}");
    }
    let (code, mut facts) = of(Class::Code, Channel::Text);
    facts.guarantor.as_mut().unwrap().holds.push(Hold::on_account(HoldKind::Deceased, None));
    withheld(&judge(&code, &facts), RuleId::Deceased);
}

#[test]
fn every_hold_stops_her_reminder_and_one_with_an_end_postpones_it() {
    for kind in HoldKind::ALL {
        let decision = with_guarantor(|g| g.holds.push(Hold::on_account(*kind, None)));
        withheld(&decision, RuleId::from(*kind));
        let over = with_guarantor(|g| g.holds.push(Hold::on_account(*kind, Some(wednesday()))));
        assert!(over.sends(), "{kind}");
    }
    let sunday = at("2026-03-08T00:00:00-05:00");
    let decision = with_guarantor(|g| {
        g.holds.push(Hold::on_account(HoldKind::Pause, Some(wednesday().plus_ms(HOUR_MS))));
        g.holds.push(Hold::on_account(HoldKind::Pause, Some(sunday)));
    });
    deferred(&decision, RuleId::Pause, at("2026-03-09T09:00:00-04:00"));
}

#[test]
fn a_pause_on_one_visit_lets_the_other_be_reminded() {
    let other = with_guarantor(|g| g.holds.push(Hold::on_claim(HoldKind::Pause, claim(2), None)));
    assert!(other.sends());
    let same = with_guarantor(|g| g.holds.push(Hold::on_claim(HoldKind::Pause, claim(1), None)));
    withheld(&same, RuleId::Pause);
}

#[test]
fn reasons_stand_in_the_order_of_precedence() {
    let decision = with(|f| {
        f.contact.suppression = Some(stop(SuppressionReason::Stop));
        f.contact.is_wrong_number = true;
        f.practice.import_is_held = true;
        f.balance.as_mut().unwrap().autopay_is_on = true;
        let guarantor = f.guarantor.as_mut().unwrap();
        guarantor.preference = Preference::Email;
        guarantor.holds.push(Hold::on_account(HoldKind::QmbDoNotBill, None));
    });
    let objecting: Vec<Precedence> = decision
        .reasons
        .iter()
        .filter(|r| r.verdict == Verdict::Withhold)
        .map(|r| r.rule.precedence())
        .collect();
    assert_eq!(
        objecting,
        [
            Precedence::LegalBlock,
            Precedence::Safety,
            Precedence::Consent,
            Precedence::Hold,
            Precedence::Plan,
            Precedence::Preference,
        ]
    );
}

#[test]
fn without_a_yes_on_file_there_is_no_text_and_still_an_email() {
    let nothing = |f: &mut Facts| f.contact.consent = None;
    withheld(&with(nothing), RuleId::Consent);
    withheld(&with(|f| f.contact.consent.as_mut().unwrap().granted = false), RuleId::Consent);
    let tomorrow = wednesday().plus_ms(DAY_MS);
    withheld(&with(|f| f.contact.consent.as_mut().unwrap().at = tomorrow), RuleId::Consent);
    let recorded = wednesday().plus_ms(20 * MINUTE_MS);
    let set_back = with(|f| f.contact.consent.as_mut().unwrap().at = recorded);
    deferred(&set_back, RuleId::Consent, recorded);
    withheld(&with(|f| f.contact.text_enabled = false), RuleId::TextEnabled);
    let (email, mut facts) = of(Class::Dunning, Channel::Email);
    facts.contact.consent = None;
    facts.contact.text_enabled = false;
    assert!(judge(&email, &facts).sends());
}

#[test]
fn washington_and_from_september_new_york_city_want_a_yes_for_email_too() {
    let (email, mut facts) = of(Class::Dunning, Channel::Email);
    facts.contact.consent = None;
    let place = &mut facts.guarantor.as_mut().unwrap().whereabouts;
    (place.zip, place.state) = (Some("20001".into()), Some("DC".into()));
    withheld(&judge(&email, &facts), RuleId::ConsentInDc);
    let place = &mut facts.guarantor.as_mut().unwrap().whereabouts;
    (place.zip, place.state) = (Some("10001".into()), Some("NY".into()));
    assert!(judge(&email, &facts).sends(), "not in March");
    let september = at("2026-09-01T10:00:00-04:00");
    let email = Proposed { slot_at: september, ..email };
    withheld(&decide(&email, &facts, &Rules::default(), september), RuleId::ConsentInNyc);
}

#[test]
fn stop_stops_all_texts_but_its_own_confirmation_help_and_codes_of_another_sender() {
    for class in Class::ALL {
        let (message, mut facts) = of(class, Channel::Text);
        facts.contact.suppression = Some(stop(SuppressionReason::Stop));
        let sends = judge(&message, &facts).sends();
        let may = matches!(
            class,
            Class::OptOutConfirmation | Class::Help | Class::Code | Class::StaffNotice
        );
        assert_eq!(sends, may, "{class:?}");
    }
    let (code, mut facts) = of(Class::Code, Channel::Text);
    facts.contact.suppression = Some(stop(SuppressionReason::Stop));
    facts.practice.code_sender_is_separate = false;
    withheld(&judge(&code, &facts), RuleId::OptOut);
}

#[test]
fn who_unsubscribes_by_email_keeps_receipts_and_sign_in_codes() {
    for class in Class::ALL {
        let (message, mut facts) = of(class, Channel::Email);
        facts.contact.suppression = Some(stop(SuppressionReason::Unsubscribe));
        assert_eq!(judge(&message, &facts).sends(), !class.is_outreach(), "{class:?}");
    }
}

#[test]
fn someone_who_kept_receipts_gets_receipts_and_nothing_else() {
    let kept =
        Suppression { scope: SuppressionScope::AllButReceipts, ..stop(SuppressionReason::Stop) };
    let (receipt, mut facts) = of(Class::Receipt, Channel::Text);
    facts.contact.suppression = Some(kept);
    assert!(judge(&receipt, &facts).sends());
    withheld(&with(|f| f.contact.suppression = Some(kept)), RuleId::OptOut);
}

#[test]
fn an_opt_out_is_confirmed_once_and_at_once() {
    let (message, mut facts) = of(Class::OptOutConfirmation, Channel::Text);
    assert!(judge(&message, &facts).sends());
    let late = wednesday().plus_ms(6 * MINUTE_MS);
    let decision = decide(&message, &facts, &Rules::default(), late);
    withheld(&decision, RuleId::OneConfirmation);
    facts.contact.opt_out_confirmed_at = Some(wednesday());
    withheld(&judge(&message, &facts), RuleId::OneConfirmation);
    facts.contact.suppression = None;
    withheld(&judge(&message, &facts), RuleId::OneConfirmation);
}

#[test]
fn the_fixed_answer_goes_once_a_day() {
    let (message, mut facts) = of(Class::AutoReply, Channel::Text);
    assert!(judge(&message, &facts).sends());
    facts.contact.auto_replied_at = Some(wednesday().minus_ms(23 * HOUR_MS));
    withheld(&judge(&message, &facts), RuleId::OneAutoReply);
    facts.contact.auto_replied_at = Some(wednesday().minus_ms(24 * HOUR_MS));
    assert!(judge(&message, &facts).sends());
}

#[test]
fn a_wrong_number_gets_nothing_from_anyone() {
    for class in Class::ALL.into_iter().filter(|c| !c.is_reply() && *c != Class::StaffNotice) {
        let (message, mut facts) = of(class, Channel::Text);
        facts.contact.suppression = Some(stop(SuppressionReason::WrongNumber));
        withheld(&judge(&message, &facts), RuleId::WrongNumber);
    }
}

#[test]
fn a_child_without_a_guarantor_is_never_written_to() {
    let minor = with_guarantor(|g| g.born_on = Some(date(2012, 6, 1)));
    withheld(&minor, RuleId::Minor);
    assert_eq!(minor.headline().unwrap().fact, Fact::Minor { years: 13 });
    withheld(&with_guarantor(|g| g.born_on = None), RuleId::Minor);
    let parent = with_guarantor(|g| {
        g.born_on = None;
        g.is_separate_from_patients = true;
    });
    assert!(parent.sends());
}

#[test]
fn an_eighteenth_birthday_begins_where_the_day_begins_last() {
    let born = |on| with_guarantor(|g| g.born_on = Some(on));
    assert!(born(date(2008, 3, 4)).sends());
    withheld(&born(date(2008, 3, 5)), RuleId::Minor);
    // Born on a leap day: not yet eighteen on February 28.
    let mut facts = maria();
    facts.guarantor.as_mut().unwrap().born_on = Some(date(2008, 2, 29));
    let message = Proposed { slot_at: at("2026-02-28T10:00:00-05:00"), ..reminder() };
    let decision = decide(&message, &facts, &Rules::default(), message.slot_at);
    assert_eq!(decision.headline().map(|r| r.rule), Some(RuleId::Minor));
}

#[test]
fn a_confidential_request_leaves_one_way_only() {
    let only = |channel, value: &str| {
        with_guarantor(|g| g.only_this_way = Some(OnlyThisWay { channel, value: value.into() }))
    };
    assert!(only(Channel::Text, PHONE).sends());
    withheld(&only(Channel::Email, EMAIL), RuleId::ConfidentialCommunication);
    withheld(&only(Channel::Text, "+12125550199"), RuleId::ConfidentialCommunication);
}

#[test]
fn a_message_to_another_contact_than_the_one_looked_up_never_goes() {
    withheld(&with(|f| f.contact.value = "+12125550199".into()), RuleId::RightContact);
}

#[test]
fn what_cannot_arrive_is_not_sent() {
    for reach in [Reach::Invalid, Reach::HardBounced, Reach::KeepsBouncing, Reach::CarrierBlocked] {
        withheld(&with(|f| f.contact.reach = reach), RuleId::Reachable);
    }
    withheld(&with(|f| f.contact.line = LineType::Landline), RuleId::Reachable);
    assert!(with(|f| f.contact.line = LineType::Unknown).sends());
    let abroad = Proposed { recipient: "+442079460958".into(), ..reminder() };
    let mut facts = maria();
    facts.contact.value = abroad.recipient.clone();
    withheld(&judge(&abroad, &facts), RuleId::Reachable);
}

#[test]
fn a_practice_that_is_not_ready_sends_no_reminder() {
    type Change = fn(&mut PracticeFacts);
    let text: [(Change, RuleId); 11] = [
        (|p| p.is_live = false, RuleId::Live),
        (|p| p.import_is_held = true, RuleId::HeldImport),
        (|p| p.platform_text_enabled = false, RuleId::PracticeTexting),
        (|p| p.practice_text_enabled = false, RuleId::PracticeTexting),
        (|p| p.text_number_chosen = false, RuleId::TextNumber),
        (|p| p.text_billing_accepted = false, RuleId::TextBilling),
        (|p| p.text_campaign_registered = false, RuleId::TextCampaign),
        (|p| p.proof_approved = false, RuleId::Proof),
        (|p| p.instamed_is_active = true, RuleId::InstaMed),
        (|p| p.text_name_chars = 51, RuleId::NameLength),
        (|p| (p.is_sensitive, p.text_name_is_custom) = (true, false), RuleId::NeutralName),
    ];
    for (change, rule) in text {
        withheld(&with(|f| change(&mut f.practice)), rule);
    }
    let email: [(Change, RuleId); 4] = [
        (|p| p.email_sender_tested = false, RuleId::EmailSender),
        (|p| p.email_paused_for_complaints = true, RuleId::Complaints),
        (|p| p.proof_approved = false, RuleId::Proof),
        (|p| p.import_is_held = true, RuleId::HeldImport),
    ];
    for (change, rule) in email {
        let (message, mut facts) = of(Class::Dunning, Channel::Email);
        change(&mut facts.practice);
        withheld(&judge(&message, &facts), rule);
    }
    let (message, mut facts) = of(Class::Dunning, Channel::Email);
    facts.practice.instamed_is_active = true;
    facts.practice.text_number_chosen = false;
    assert!(judge(&message, &facts).sends(), "none of that concerns email");
}

#[test]
fn a_practice_name_that_is_not_custom_may_be_long() {
    let long = with(|f| (f.practice.text_name_chars, f.practice.text_name_is_custom) = (70, false));
    assert!(long.sends());
    assert!(with(|f| f.practice.text_name_chars = 50).sends());
}

#[test]
fn nobody_is_reminded_of_what_they_do_not_owe() {
    withheld(&with(|f| f.balance = None), RuleId::NothingDue);
    withheld(&with_balance(|b| b.net_due = None), RuleId::NothingDue);
    for cents in [0, -500] {
        withheld(&with_balance(|b| b.net_due = Some(Cents(cents))), RuleId::NothingDue);
    }
    withheld(&with_balance(|b| b.net_due = Some(Cents(9_99))), RuleId::SmallBalance);
    withheld(&with_balance(|b| b.insurance_pending = Some(true)), RuleId::InsurancePending);
    withheld(&with_balance(|b| b.insurance_pending = None), RuleId::InsurancePending);
    withheld(&with_balance(|b| b.plan = PlanStanding::Kept), RuleId::PaymentPlan);
    withheld(&with_balance(|b| b.autopay_is_on = true), RuleId::Autopay);
    assert!(with_balance(|b| b.plan = PlanStanding::Behind).sends());
}

#[test]
fn nobody_is_reminded_while_they_are_paying_or_after_they_have_paid() {
    for state in [PaymentUnderWay::Open, PaymentUnderWay::Unknown] {
        let until = wednesday().plus_ms(30 * MINUTE_MS);
        deferred(&with_balance(|b| b.payment = state), RuleId::PaymentUnderWay, until);
    }
    let paid = with_balance(|b| b.last_paid_at = Some(wednesday().minus_ms(MINUTE_MS)));
    withheld(&paid, RuleId::PaidSinceApproval);
    let before = with_balance(|b| b.last_paid_at = Some(wednesday().minus_ms(DAY_MS)));
    assert!(before.sends());
}

#[test]
fn what_was_approved_is_what_is_sent() {
    let unapproved = with(|f| f.approval.given = None);
    withheld(&unapproved, RuleId::Approval);
    assert!(unapproved.waits_for_approval_only());
    let edited = with(|f| f.approval.given.as_mut().unwrap().content_hash = "0ther".into());
    withheld(&edited, RuleId::FrozenContent);
    assert!(edited.waits_for_approval_only());
    let partly_paid = with_balance(|b| b.net_due = Some(Cents(64_00)));
    withheld(&partly_paid, RuleId::FrozenContent);
    let not_required = with(|f| f.approval = Approval { is_required: false, given: None });
    assert!(not_required.sends());
    let also_opted_out = with(|f| {
        f.approval.given = None;
        f.contact.suppression = Some(stop(SuppressionReason::Stop));
    });
    assert!(!also_opted_out.waits_for_approval_only());
}

#[test]
fn an_approval_in_the_evening_sends_in_the_morning() {
    let night = at("2026-03-04T20:59:00-05:00");
    let message = Proposed { slot_at: night, ..reminder() };
    let decision = decide(&message, &maria(), &Rules::default(), night);
    deferred(&decision, RuleId::Window, at("2026-03-05T09:00:00-05:00"));
    let Fact::WindowClosed { zones, known, strictness } = &decision.headline().unwrap().fact else {
        panic!("{decision:?}");
    };
    assert_eq!((zones.len(), *known, *strictness), (1, true, Strictness::Preferred));
}

#[test]
fn the_number_that_rings_counts_also_when_another_is_on_file() {
    let (mut message, mut facts) = of(Class::Dunning, Channel::Text);
    message.recipient = "+18085550123".into();
    facts.contact.value = message.recipient.clone();
    deferred(&judge(&message, &facts), RuleId::Window, at("2026-03-04T09:00:00-10:00"));
}

#[test]
fn someone_without_a_usable_address_is_written_to_when_all_states_are_awake() {
    let (message, mut facts) = of(Class::Dunning, Channel::Email);
    let place = &mut facts.guarantor.as_mut().unwrap().whereabouts;
    *place = Whereabouts { zip: Some("00000".into()), state: Some("MA".into()), ..<_>::default() };
    deferred(&judge(&message, &facts), RuleId::Window, at("2026-03-04T14:00:00-05:00"));
}

#[test]
fn a_receipt_at_night_goes_by_email_at_once_and_by_text_in_the_morning() {
    let night = at("2026-03-04T23:00:00-05:00");
    let (email, facts) = of(Class::Receipt, Channel::Email);
    assert!(decide(&email, &facts, &Rules::default(), night).sends());
    let (text, facts) = of(Class::Receipt, Channel::Text);
    let decision = decide(&text, &facts, &Rules::default(), night);
    deferred(&decision, RuleId::Window, at("2026-03-05T08:00:00-05:00"));
    let (code, facts) = of(Class::Code, Channel::Text);
    assert!(decide(&code, &facts, &Rules::default(), night).sends());
}

#[test]
fn codes_and_receipts_are_outside_caps_approval_and_balance() {
    for class in [Class::Code, Class::Receipt, Class::AccountNotice, Class::StaffDirect] {
        let (message, mut facts) = of(class, Channel::Text);
        facts.balance = None;
        facts.approval = Approval { is_required: true, given: None };
        facts.history.to_contact = vec![Sent { at: wednesday(), notice: "x".into() }; 9];
        facts.history.to_guarantor = facts.history.to_contact.clone();
        assert!(judge(&message, &facts).sends(), "{class:?}");
    }
}

#[test]
fn a_failed_autopay_needs_no_approval_and_passes_the_autopay_hold() {
    let (message, mut facts) = of(Class::FailedAutopay, Channel::Text);
    facts.approval = Approval { is_required: true, given: None };
    facts.balance.as_mut().unwrap().autopay_is_on = true;
    facts.guarantor.as_mut().unwrap().holds.push(Hold::on_account(HoldKind::Autopay, None));
    assert!(judge(&message, &facts).sends());
}

fn with_agreed(class: Class, agreed: AgreedPayment) -> Decision {
    let (message, mut facts) = of(class, Channel::Text);
    facts.approval = Approval { is_required: true, given: None };
    let balance = facts.balance.as_mut().unwrap();
    (balance.plan, balance.autopay_is_on, balance.agreed) = (PlanStanding::Kept, true, agreed);
    judge(&message, &facts)
}

#[test]
fn an_agreed_payment_is_told_of_where_a_reminder_of_the_balance_is_not() {
    let stands = AgreedPayment::Stands { until: None, charge_at: None };
    assert!(with_agreed(Class::Agreed, stands).sends());
    withheld(&with_agreed(Class::Dunning, stands), RuleId::Approval);
    let later = with_agreed(Class::Dunning, stands);
    assert!(later.reason(RuleId::PaymentPlan).is_some() && later.reason(RuleId::Autopay).is_some());
}

#[test]
fn what_was_withdrawn_paid_or_is_over_is_not_told() {
    for class in [Class::Agreed, Class::FailedAutopay] {
        for agreed in [
            AgreedPayment::Unknown,
            AgreedPayment::Withdrawn,
            AgreedPayment::Paid { at: wednesday() },
            AgreedPayment::Stands { until: Some(wednesday()), charge_at: None },
        ] {
            withheld(&with_agreed(class, agreed), RuleId::AsAgreed);
        }
    }
}

#[test]
fn a_notice_of_a_charge_says_in_its_trace_whether_it_is_late() {
    let notice = |days: i64| {
        let charge_at = Some(wednesday().plus_ms(days * DAY_MS));
        let found = with_agreed(Class::Agreed, AgreedPayment::Stands { until: None, charge_at });
        assert!(found.sends(), "{found:?}");
        found.reason(RuleId::ChargeNotice).unwrap().clone()
    };
    let by = |days: i64| wednesday().plus_ms((days - 10) * DAY_MS);
    assert_eq!(notice(10).fact, Fact::ChargeNoticeInTime { by: by(10) });
    assert_eq!(notice(9).fact, Fact::ChargeNoticeLate { by: by(9) });
    assert_eq!(notice(9).by, ["M36"]);
}

fn sent(days_ago: i64, notice: &str) -> Sent {
    Sent { at: wednesday().minus_ms(days_ago * DAY_MS), notice: notice.into() }
}

#[test]
fn one_person_hears_once_a_day_whatever_the_channel_or_account() {
    let earlier = Sent { at: wednesday().minus_ms(HOUR_MS), notice: "maria/0".into() };
    let tomorrow = wednesday().plus_ms(23 * HOUR_MS);
    let by_contact = with(|f| f.history.to_contact.push(earlier.clone()));
    // 23 hours on it is Thursday nine o'clock, when the window opens.
    deferred(&by_contact, RuleId::CapOnContact, tomorrow);
    let by_guarantor = with(|f| f.history.to_guarantor.push(earlier.clone()));
    deferred(&by_guarantor, RuleId::CapOnGuarantor, tomorrow);
}

#[test]
fn a_full_week_and_a_full_month_free_up_when_their_oldest_ages() {
    let week = with(|f| f.history.to_guarantor = vec![sent(5, "a"), sent(2, "b")]);
    deferred(&week, RuleId::CapOnGuarantor, at("2026-03-06T10:00:00-05:00"));
    let month = with(|f| {
        f.history.to_guarantor = vec![sent(29, "a"), sent(20, "b"), sent(15, "c"), sent(9, "d")];
    });
    deferred(&month, RuleId::CapOnGuarantor, at("2026-03-05T10:00:00-05:00"));
}

#[test]
fn who_chose_both_channels_gets_one_notice_on_both_as_one_contact() {
    let same = Sent { at: wednesday().minus_ms(MINUTE_MS), notice: "maria/1".into() };
    let both = with(|f| {
        f.history.to_guarantor = vec![same.clone(), sent(3, "b"), sent(3, "b")];
        f.guarantor.as_mut().unwrap().preference = Preference::Both;
    });
    assert!(both.sends(), "{:?}", both.headline());
    let not_both = with(|f| f.history.to_guarantor = vec![same]);
    assert_eq!(not_both.headline().map(|r| r.rule), Some(RuleId::CapOnGuarantor));
}

#[test]
fn who_chose_both_channels_rests_a_day_after_the_later_half_of_a_notice() {
    let half = |hours_ago| Sent {
        at: wednesday().minus_ms(hours_ago * HOUR_MS),
        notice: "maria/0".into(),
    };
    for halves in [[half(25), half(23)], [half(23), half(25)]] {
        let next = with(|f| {
            f.history.to_guarantor = halves.into();
            f.guarantor.as_mut().unwrap().preference = Preference::Both;
        });
        deferred(&next, RuleId::CapOnGuarantor, wednesday().plus_ms(HOUR_MS));
    }
}

#[test]
fn a_practice_may_lower_the_caps_and_not_raise_them() {
    let rules = |max| {
        let numbers = [("max".to_owned(), max)].into();
        let change = Change { rule: "M15.week".into(), enabled: None, numbers };
        Rules { book: Rulebook::product().with(&[change]), ..Rules::default() }
    };
    let mut facts = maria();
    facts.history.to_contact = vec![sent(5, "a")];
    let weekly = rules(1);
    let decision = decide(&reminder(), &facts, &weekly, wednesday());
    deferred(&decision, RuleId::CapOnContact, at("2026-03-06T10:00:00-05:00"));
    assert_eq!(decision.headline().unwrap().by, ["M15.week"]);
    assert!(decision.ruleset_version.contains('+'), "{}", decision.ruleset_version);
    facts.history.to_contact = vec![sent(5, "a"), sent(2, "b")];
    assert!(!decide(&reminder(), &facts, &rules(99), wednesday()).sends());
}

#[test]
fn a_message_a_day_late_is_decided_anew_and_an_early_one_waits() {
    let slot = |slot_at| judge(&Proposed { slot_at, ..reminder() }, &maria());
    assert!(slot(wednesday().minus_ms(DAY_MS)).sends());
    withheld(&slot(wednesday().minus_ms(DAY_MS + 1)), RuleId::Stale);
    let later = wednesday().plus_ms(HOUR_MS);
    deferred(&slot(later), RuleId::Stale, later);
}

#[test]
fn who_asked_for_email_gets_no_text() {
    withheld(&with_guarantor(|g| g.preference = Preference::Email), RuleId::PreferredChannel);
    assert!(with_guarantor(|g| g.preference = Preference::Text).sends());
}

#[test]
fn a_window_that_never_opens_withholds_rather_than_waits_for_ever() {
    let mut rules = Rules::default();
    rules.windows.preferred = Hours::new(12, 12);
    withheld(&decide(&reminder(), &maria(), &rules, wednesday()), RuleId::Window);
}

#[test]
fn a_phone_nobody_confirmed_lately_is_not_texted_where_a_practice_checks() {
    let rules = Rules { reverify_after_days: Some(180), ..Rules::default() };
    let mut facts = maria();
    let decision = decide(&reminder(), &facts, &rules, wednesday());
    withheld(&decision, RuleId::Reassigned);
    facts.contact.verified_at = Some(wednesday().minus_ms(180 * DAY_MS));
    assert!(decide(&reminder(), &facts, &rules, wednesday()).sends());
}

#[test]
fn a_collector_says_so_and_keeps_the_hours_by_email_too() {
    let rules = Rules { sender: Sender::ThirdParty, ..Rules::default() };
    let (mut email, mut facts) = of(Class::StaffDirect, Channel::Email);
    withheld(&decide(&email, &facts, &rules, wednesday()), RuleId::CollectorDuties);
    email.says.collector_notice = true;
    facts.balance.as_mut().unwrap().validation_sent_at = Some(wednesday().minus_ms(DAY_MS));
    assert!(decide(&email, &facts, &rules, wednesday()).sends());
    let night = at("2026-03-04T22:00:00-05:00");
    let morning = at("2026-03-05T08:00:00-05:00");
    deferred(&decide(&email, &facts, &rules, night), RuleId::Window, morning);
}

#[test]
fn someone_of_no_known_state_is_treated_as_if_every_states_law_were_theirs() {
    let (email, mut facts) = of(Class::Dunning, Channel::Email);
    facts.contact.consent = None;
    let place = &mut facts.guarantor.as_mut().unwrap().whereabouts;
    *place = Whereabouts { phone: Some(PHONE.into()), ..<_>::default() };
    withheld(&judge(&email, &facts), RuleId::ConsentInDc);
}

#[test]
fn staff_are_told_things_while_the_practice_is_still_being_set_up() {
    let (message, mut facts) = of(Class::StaffNotice, Channel::Email);
    facts.guarantor = None;
    facts.balance = None;
    facts.practice.is_live = false;
    facts.practice.email_sender_tested = false;
    assert!(judge(&message, &facts).sends());
}

#[test]
fn a_reminder_to_nobody_we_know_never_goes() {
    for class in [Class::Dunning, Class::FailedAutopay, Class::StaffDirect, Class::Code] {
        let (message, mut facts) = of(class, Channel::Text);
        facts.guarantor = None;
        assert_eq!(judge(&message, &facts).outcome, Outcome::Withhold, "{class:?}");
    }
    let (help, mut facts) = of(Class::Help, Channel::Text);
    facts.guarantor = None;
    assert!(judge(&help, &facts).sends());
}

#[test]
fn the_inputs_hash_ignores_the_instant_and_nothing_else() {
    let hash = |facts: &Facts, now| decide(&reminder(), facts, &Rules::default(), now).inputs_hash;
    let first = hash(&maria(), wednesday());
    assert_eq!(first.len(), 64);
    assert_eq!(first, hash(&maria(), wednesday().plus_ms(DAY_MS)));
    let mut poorer = maria();
    poorer.balance.as_mut().unwrap().net_due = Some(Cents(82_01));
    assert_ne!(first, hash(&poorer, wednesday()));
}

#[test]
fn a_stored_decision_reads_back_and_names_nobody() {
    let decision = with(|f| f.contact.suppression = Some(stop(SuppressionReason::Stop)));
    let json = serde_json::to_string(&decision).unwrap();
    assert_eq!(serde_json::from_str::<Decision>(&json).unwrap(), decision);
    for secret in [PHONE, "12207", "1961", EMAIL] {
        assert!(!json.contains(secret), "{secret}");
    }
    assert!(json.contains(r#""rule":"M18","verdict":"withhold""#), "{json}");
    let facts = serde_json::to_string(&maria()).unwrap();
    assert_eq!(serde_json::from_str::<Facts>(&facts).unwrap(), maria());
    assert!(serde_json::from_str::<Facts>("{}").is_err(), "a forgotten fact is not a fact");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    /// Waiting until `until` and asking again gives a yes, if nothing else has changed: a deferral
    /// is a promise. And no reminder goes outside eight and nine at the recipient.
    #[test]
    fn a_deferral_is_a_promise(
        hours in 0i64..24 * 400,
        sends in prop::collection::vec(0i64..24 * 31, 0..6),
        pause in prop::option::of(1i64..24 * 20),
        area in prop::sample::select(vec!["212", "312", "303", "602", "310", "907", "808", "800"]),
    ) {
        let now = wednesday().plus_ms(hours * HOUR_MS + 7);
        let recipient = format!("+1{area}5550123");
        let mut facts = maria();
        facts.contact.value = recipient.clone();
        facts.history.to_contact = sends
            .iter()
            .map(|h| Sent { at: now.minus_ms(h * HOUR_MS), notice: h.to_string() })
            .collect();
        if let Some(h) = pause {
            let until = Some(now.plus_ms(h * HOUR_MS));
            facts.guarantor.as_mut().unwrap().holds.push(Hold::on_account(HoldKind::Pause, until));
        }
        let message = Proposed { recipient, slot_at: now, ..reminder() };
        let rules = Rules::default();
        let decision = decide(&message, &facts, &rules, now);
        let goes_at = match decision.outcome {
            Outcome::Send => now,
            Outcome::Defer { until } => {
                prop_assert!(until > now);
                until
            }
            Outcome::Withhold => return Err(TestCaseError::fail(format!("{decision:?}"))),
        };
        let again = Proposed { slot_at: goes_at, ..message };
        prop_assert!(decide(&again, &facts, &rules, goes_at).sends());
        let just_before = goes_at.minus_ms(1);
        let early = Proposed { slot_at: just_before, ..again };
        prop_assert!(goes_at == now || !decide(&early, &facts, &rules, just_before).sends());
    }
}
