//! Calls, faxes and letters: Maria at her best moment, reached in ways that are off until somebody
//! switched them on.

use super::*;

/// A call to Maria that nothing speaks against.
fn call() -> (Proposed, Facts) {
    let (message, mut facts) = of(Class::Dunning, Channel::Voice);
    facts.practice.voice_is_on = true;
    (message, facts)
}

/// A fax to Maria, who takes neither texts nor email.
fn fax() -> (Proposed, Facts) {
    let (message, mut facts) = of(Class::Dunning, Channel::Fax);
    facts.practice.fax_is_on = true;
    facts.contact.consent = None;
    facts.guarantor.as_mut().unwrap().takes_text_or_email = false;
    (message, facts)
}

#[test]
fn nobody_is_called_by_a_practice_that_has_not_switched_calls_on() {
    let (message, mut facts) = call();
    assert_eq!(judge(&message, &facts).outcome, Outcome::Send);
    facts.practice.voice_is_on = false;
    withheld(&judge(&message, &facts), RuleId::PracticeCalling);
}

#[test]
fn a_call_needs_a_number_to_call_from() {
    let (message, mut facts) = call();
    facts.practice.caller_number_chosen = false;
    withheld(&judge(&message, &facts), RuleId::CallerNumber);
}

#[test]
fn nobody_is_called_without_a_consent_of_its_own() {
    let (message, mut facts) = call();
    facts.contact.consent = None;
    let decision = judge(&message, &facts);
    withheld(&decision, RuleId::VoiceConsent);
    assert_eq!(decision.headline().unwrap().fact, Fact::NoConsentOnFile);
    facts.contact.consent =
        Some(Consent { granted: false, source: ConsentSource::Staff, at: wednesday() });
    withheld(&judge(&message, &facts), RuleId::VoiceConsent);
}

#[test]
fn who_told_the_calls_to_stop_is_not_called_again_for_anything() {
    for class in [Class::Dunning, Class::FailedAutopay, Class::Receipt, Class::Code] {
        let (_, mut facts) = call();
        facts.contact.suppression = Some(Suppression {
            reason: SuppressionReason::Stop,
            scope: SuppressionScope::AllButReceipts,
            since: wednesday(),
        });
        let message = Proposed { class, ..call().0 };
        withheld(&judge(&message, &facts), RuleId::OptOut);
    }
}

#[test]
fn a_call_waits_for_the_window_and_the_caps_like_a_text() {
    let (message, facts) = call();
    let night = at("2026-03-04T03:00:00-05:00");
    let message = Proposed { slot_at: night, ..message };
    let decision = decide(&message, &facts, &Rules::default(), night);
    deferred(&decision, RuleId::Window, at("2026-03-04T09:00:00-05:00"));

    let (message, mut facts) = call();
    let sent = Sent { at: wednesday().minus_ms(HOUR_MS), notice: "maria/0".into() };
    facts.history.to_contact = vec![sent];
    deferred(&judge(&message, &facts), RuleId::CapOnContact, wednesday().plus_ms(23 * HOUR_MS));
}

#[test]
fn a_call_rings_where_the_number_is_whatever_the_address_says() {
    let (message, mut facts) = call();
    // Los Angeles: eight in the morning there, eleven at the address in New York.
    let message = Proposed { recipient: "+13105550123".into(), ..message };
    facts.contact.value = "+13105550123".into();
    let early = at("2026-03-04T08:00:00-08:00");
    let message = Proposed { slot_at: early, ..message };
    let decision = decide(&message, &facts, &Rules::default(), early);
    deferred(&decision, RuleId::Window, at("2026-03-04T09:00:00-08:00"));
}

#[test]
fn a_landline_can_be_called_but_a_dead_number_cannot() {
    let (message, mut facts) = call();
    facts.contact.line = LineType::Landline;
    for (reach, goes) in [
        (Reach::Good, true),
        (Reach::NotMobile, true),
        (Reach::CarrierBlocked, true),
        (Reach::Invalid, false),
    ] {
        facts.contact.reach = reach;
        assert_eq!(judge(&message, &facts).sends(), goes, "{reach:?}");
    }
    let (text, mut facts) = of(Class::Dunning, Channel::Text);
    facts.contact.reach = Reach::NotMobile;
    withheld(&judge(&text, &facts), RuleId::Reachable);
}

#[test]
fn a_preference_between_text_and_email_says_nothing_about_calls_faxes_and_letters() {
    for (message, mut facts) in [call(), fax(), of(Class::Dunning, Channel::Letter)] {
        facts.guarantor.as_mut().unwrap().preference = Preference::Email;
        assert!(judge(&message, &facts).sends(), "{:?}", message.channel);
    }
}

#[test]
fn a_fax_goes_to_those_who_take_neither_texts_nor_email_and_to_nobody_else() {
    let (message, mut facts) = fax();
    assert!(judge(&message, &facts).sends(), "and needs no consent on file");
    facts.guarantor.as_mut().unwrap().takes_text_or_email = true;
    withheld(&judge(&message, &facts), RuleId::FaxIsForTheUnreached);
    facts.guarantor.as_mut().unwrap().only_this_way =
        Some(OnlyThisWay { channel: Channel::Fax, value: PHONE.into() });
    assert!(judge(&message, &facts).sends(), "they asked for the fax");
    facts.practice.fax_is_on = false;
    withheld(&judge(&message, &facts), RuleId::PracticeFaxing);
}

#[test]
fn a_letter_may_be_printed_at_night_and_after_a_text() {
    let (message, mut facts) = of(Class::Dunning, Channel::Letter);
    let sent = Sent { at: wednesday().minus_ms(HOUR_MS), notice: "maria/0".into() };
    facts.history.to_guarantor = vec![sent];
    let night = at("2026-03-04T03:00:00-05:00");
    let message = Proposed { slot_at: night, ..message };
    assert!(decide(&message, &facts, &Rules::default(), night).sends());
}

#[test]
fn neither_call_nor_fax_nor_letter_goes_over_a_hold() {
    for (message, mut facts) in [call(), fax(), of(Class::Dunning, Channel::Letter)] {
        let hold = Hold::on_account(HoldKind::Attorney, None);
        facts.guarantor.as_mut().unwrap().holds.push(hold);
        withheld(&judge(&message, &facts), RuleId::Attorney);
    }
}

#[test]
fn a_key_in_a_call_is_consent_to_that_one_text_and_for_ten_minutes() {
    let (message, mut facts) = of(Class::NewLink, Channel::Text);
    facts.contact.consent = None;
    facts.contact.text_enabled = false;
    withheld(&judge(&message, &facts), RuleId::Consent);
    facts.contact.asked_at = Some(wednesday().minus_ms(MINUTE_MS));
    assert!(judge(&message, &facts).sends());
    for too_long_ago in [wednesday().minus_ms(11 * MINUTE_MS), wednesday().plus_ms(1)] {
        facts.contact.asked_at = Some(too_long_ago);
        withheld(&judge(&message, &facts), RuleId::Consent);
    }
    facts.contact.asked_at = Some(wednesday());
    let reminder = Proposed { class: Class::Dunning, ..message.clone() };
    withheld(&judge(&reminder, &facts), RuleId::Consent);
    facts.contact.suppression = Some(stop(SuppressionReason::Stop));
    withheld(&judge(&message, &facts), RuleId::OptOut);
}
