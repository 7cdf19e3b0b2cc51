//! Maria is called, and faxed: with a consent of its own, through the same gate, and stopped by a key.

use connect::channel::DeliveryStatus;
use domain::{
    clock::{HOUR_MS, MINUTE_MS},
    decide::{Channel, Class, LineType, RuleId},
    id::MessageId,
};
use engine::{DeliveryReport, EngineError, Key, NewContact, Pressed, Refusal, Script};
use store::{contact::Kind, message::State};

use crate::town::{Fault, Person, Town, everywhere, staff};

const MARIA: &str = "+12125550123";
const FAX: &str = "+12125550145";

async fn switch_on(town: &Town) {
    town.settings(|settings, now| {
        settings.voice_is_on = true;
        settings.voice_notice_at = Some(now);
        settings.fax_is_on = true;
    })
    .await;
}

async fn agrees_to_calls(town: &Town, person: &Person) {
    let (p, g, now) = (&town.practice, &person.guarantor, town.world.now());
    let done = town
        .engine
        .record_call_consent(p, g, &person.phone, true, "calls-1: form", now, &staff("desk"))
        .await;
    done.expect("consent");
}

/// Maria with everything it takes, called once; the message.
async fn called(town: &Town) -> (Person, MessageId) {
    let maria = town.person("Maria Peña", MARIA, 82_00).await;
    agrees_to_calls(town, &maria).await;
    let id = call(town, &maria).await;
    (maria, id)
}

async fn call(town: &Town, person: &Person) -> MessageId {
    let job = town.draft(&town.by(Channel::Voice)).await;
    town.approve(&job).await;
    town.pass_ms(HOUR_MS).await;
    let history = town.history(&person.guarantor).await;
    let line = history.into_iter().find(|line| line.channel == Channel::Voice).expect("a call");
    line.id
}

async fn eligible(town: &Town, method: Channel) -> Result<usize, RuleId> {
    let list = town.engine.confirm_list(&town.practice, &town.by(method)).await.expect("list");
    match list.not_eligible.first() {
        None => Ok(list.eligible.len()),
        Some(line) => Err(line.decision.as_ref().and_then(|d| d.headline()).expect("why").rule),
    }
}

#[tokio::test]
async fn nobody_is_called_by_default_nor_without_a_consent_of_its_own() {
    everywhere(async |town: Town| {
        let maria = town.person("Maria Peña", MARIA, 82_00).await;
        assert_eq!(eligible(&town, Channel::Voice).await, Err(RuleId::VoiceConsent));
        agrees_to_calls(&town, &maria).await;
        assert_eq!(eligible(&town, Channel::Voice).await, Err(RuleId::PracticeCalling));
        switch_on(&town).await;
        assert_eq!(eligible(&town, Channel::Voice).await, Ok(1));
        town.settings(|settings, _| settings.voice_notice_at = None).await;
        assert_eq!(eligible(&town, Channel::Voice).await, Err(RuleId::PracticeCalling));
    })
    .await;
}

#[tokio::test]
async fn what_is_said_is_what_was_approved_and_the_amount_only_where_allowed() {
    everywhere(async |town: Town| {
        switch_on(&town).await;
        let (_, id) = called(&town).await;
        let calls = town.provider.to(MARIA);
        assert_eq!((calls.len(), calls[0].channel), (1, Channel::Voice));
        // The practice is renamed after the approval: the approved words are said.
        town.settings(|settings, _| settings.custom_name = Some("Another".into())).await;
        let answered = town.engine.call_answered(&town.practice, &id, MARIA).await.unwrap();
        assert_eq!(answered.script.balance, "You have a balance.", "amounts are off");
        assert!(!answered.script.answered.contains("Another"));

        let elsewhere = town.engine.call_answered(&town.practice, &id, "+12125550199").await;
        assert!(matches!(elsewhere, Err(EngineError::Refused(Refusal::NotFound))));

        town.settings(|settings, _| settings.amount_in_calls = true).await;
        let preview = town.engine.preview(&town.practice, Channel::Voice, None).await.unwrap();
        let script = Script::parse(&preview.text.expect("words")).expect("a script");
        assert!(script.balance.contains('$') && !script.machine.contains('$'));
    })
    .await;
}

#[tokio::test]
async fn a_nine_stops_the_calls_at_once_and_leaves_texts_alone() {
    everywhere(async |town: Town| {
        switch_on(&town).await;
        let (maria, id) = called(&town).await;
        let waiting = {
            town.pass_ms(25 * HOUR_MS).await;
            town.draft(&town.by(Channel::Voice)).await
        };
        let pressed =
            town.engine.call_key(&town.practice, &id, "CA1", Key::Stop).await.expect("a key");
        assert_eq!(pressed, Pressed::Stopped);
        // What waited for its yes is gone in the same breath (D-48).
        let page = town.engine.job_page(&town.practice, &waiting, None, None, 10).await.unwrap();
        assert_eq!(page.counts.get(&State::Cancelled), Some(&1), "{:?}", page.counts);
        assert_eq!(eligible(&town, Channel::Voice).await, Err(RuleId::OptOut));
        assert_eq!(eligible(&town, Channel::Text).await, Ok(1), "texts were not what was stopped");
        // Consent given anew at the desk lifts nothing that she stopped herself (M21).
        agrees_to_calls(&town, &maria).await;
        assert_eq!(eligible(&town, Channel::Voice).await, Err(RuleId::OptOut));
        // Twilio asks again for the same turn: the same answer, and no second opt-out.
        let again = town.engine.call_key(&town.practice, &id, "CA1", Key::Stop).await.unwrap();
        assert_eq!(again, Pressed::Stopped);
        let mut db = town.store.read().await.unwrap();
        let keys = store::call_key::list_by_message(&mut db, &town.practice, &id).await.unwrap();
        assert_eq!(keys.len(), 1);
        assert_eq!(keys[0].1.as_deref(), Some("stopped"));
    })
    .await;
}

#[tokio::test]
async fn a_stop_by_text_stops_the_calls_too() {
    everywhere(async |town: Town| {
        switch_on(&town).await;
        let maria = town.person("Maria Peña", MARIA, 82_00).await;
        agrees_to_calls(&town, &maria).await;
        town.texts_in(MARIA, "STOP", "SM1").await;
        assert_eq!(eligible(&town, Channel::Voice).await, Err(RuleId::OptOut));
    })
    .await;
}

#[tokio::test]
async fn a_two_brings_the_link_once_even_without_consent_to_texts() {
    everywhere(async |town: Town| {
        switch_on(&town).await;
        let (maria, id) = called(&town).await;
        let (p, g, now, desk) = (&town.practice, &maria.guarantor, town.world.now(), staff("desk"));
        // Her texts are off: not enabled, and never agreed to.
        town.engine.enable_texts(p, g, &maria.phone, false, &desk).await.unwrap();
        for call in ["CA1", "CA1"] {
            let pressed = town.engine.call_key(p, &id, call, Key::Link).await.unwrap();
            assert_eq!(pressed, Pressed::LinkSent);
        }
        let texts: Vec<_> =
            town.provider.to(MARIA).into_iter().filter(|o| o.channel == Channel::Text).collect();
        assert_eq!((texts.len(), texts[0].class), (1, Class::NewLink), "one key, one text");
        assert!(texts[0].body.contains("/p/"));
        // It was consent to that one text: no reminder follows from it.
        town.clock.set(now.plus_ms(30 * HOUR_MS));
        assert_eq!(eligible(&town, Channel::Text).await, Err(RuleId::TextEnabled));
    })
    .await;
}

#[tokio::test]
async fn a_two_brings_nothing_to_a_phone_that_stopped_texts_or_takes_none() {
    everywhere(async |town: Town| {
        switch_on(&town).await;
        let (_, id) = called(&town).await;
        town.texts_in(MARIA, "STOP", "SM1").await;
        let pressed = town.engine.call_key(&town.practice, &id, "CA1", Key::Link).await.unwrap();
        assert_eq!(pressed, Pressed::NoLink);
        let again = town.engine.call_key(&town.practice, &id, "CA1", Key::Link).await.unwrap();
        assert_eq!(again, Pressed::NoLink, "the same key of the same call comes to the same");
    })
    .await;
}

#[tokio::test]
async fn a_call_whose_answer_was_lost_is_found_and_not_placed_again() {
    everywhere(async |town: Town| {
        switch_on(&town).await;
        let maria = town.person("Maria Peña", MARIA, 82_00).await;
        agrees_to_calls(&town, &maria).await;
        town.provider.meets(Fault::LostAnswer);
        call(&town, &maria).await;
        town.pass_ms(HOUR_MS).await;
        assert_eq!(town.provider.to(MARIA).len(), 1, "it rang once");
        assert_eq!(town.history(&maria.guarantor).await[0].state, State::Accepted);
    })
    .await;
}

#[tokio::test]
async fn a_call_that_never_left_is_placed_once_more() {
    everywhere(async |town: Town| {
        switch_on(&town).await;
        let maria = town.person("Maria Peña", MARIA, 82_00).await;
        agrees_to_calls(&town, &maria).await;
        town.provider.meets(Fault::LostRequest);
        call(&town, &maria).await;
        town.pass_ms(HOUR_MS).await;
        assert_eq!(town.provider.to(MARIA).len(), 1);
        assert_eq!(town.history(&maria.guarantor).await[0].state, State::Accepted);
    })
    .await;
}

#[tokio::test]
async fn a_line_that_was_busy_is_undelivered_and_the_claim_is_ready_again() {
    everywhere(async |town: Town| {
        switch_on(&town).await;
        let (maria, id) = called(&town).await;
        assert_eq!(town.status(&maria.claims[0]).await, "pending_patient");
        let report = DeliveryReport {
            provider_id: format!("CA{id}"),
            status: DeliveryStatus::Undelivered,
            word: "busy".into(),
            code: None,
            cause: None,
        };
        town.engine.record_report(&town.practice, report).await.unwrap();
        assert_eq!(town.history(&maria.guarantor).await[0].state, State::Failed);
        assert_eq!(town.status(&maria.claims[0]).await, "ready");
        // Being busy says nothing against the number.
        let mut db = town.store.read().await.unwrap();
        let contacts =
            store::contact::list(&mut db, &town.practice, &maria.guarantor).await.unwrap();
        assert!(contacts[0].bad_at.is_none());
    })
    .await;
}

#[tokio::test]
async fn a_call_waits_for_the_caps_that_a_text_has_used_up() {
    everywhere(async |town: Town| {
        switch_on(&town).await;
        let maria = town.person("Maria Peña", MARIA, 82_00).await;
        agrees_to_calls(&town, &maria).await;
        town.remind_all().await;
        town.pass_ms(HOUR_MS).await;
        assert_eq!(town.provider.to(MARIA).len(), 1);
        let job = town.draft(&town.by(Channel::Voice)).await;
        town.approve(&job).await;
        town.pass_ms(2 * HOUR_MS).await;
        assert_eq!(town.provider.to(MARIA).len(), 1, "one contact a day, whatever the channel");
        town.pass_ms(24 * HOUR_MS).await;
        let all = town.provider.to(MARIA);
        assert_eq!((all.len(), all[1].channel), (2, Channel::Voice));
    })
    .await;
}

/// Somebody with a fax and nothing else.
async fn only_a_fax(town: &Town) -> Person {
    let maria = town.person("Maria Peña", MARIA, 82_00).await;
    let (p, g, desk) = (&town.practice, &maria.guarantor, staff("desk"));
    town.engine.enable_texts(p, g, &maria.phone, false, &desk).await.expect("no texts");
    let new = NewContact { kind: Kind::Fax, typed: FAX.into(), line: LineType::Unknown };
    let fax = town.engine.add_contact(p, g, &new, &desk).await.expect("fax");
    // Nobody knows where she lives: the strictest law about faxes may hold there.
    let (when, form) = (town.world.now(), "form v1");
    town.engine.record_consent(p, g, &fax, true, form, when, &desk).await.expect("consent");
    maria
}

#[tokio::test]
async fn who_takes_neither_texts_nor_email_is_faxed_and_asked_after_until_it_arrived() {
    everywhere(async |town: Town| {
        switch_on(&town).await;
        let maria = only_a_fax(&town).await;
        let job = town.draft(&town.by(Channel::Fax)).await;
        town.approve(&job).await;
        town.pass_ms(HOUR_MS).await;
        let faxes = town.provider.to(FAX);
        assert_eq!((faxes.len(), faxes[0].channel), (1, Channel::Fax));
        assert!(faxes[0].body.starts_with("Maria Peña\n\n"), "{}", faxes[0].body);
        assert!(faxes[0].body.contains("$82.00") && faxes[0].body.contains("/p/"));
        let state = async || town.history(&maria.guarantor).await[0].state;
        assert_eq!(state().await, State::Accepted);
        *town.provider.fax_status.lock().unwrap() = Some(DeliveryStatus::Delivered);
        town.pass_ms(3 * MINUTE_MS).await;
        assert_eq!(state().await, State::Delivered);
        let mut db = town.store.read().await.unwrap();
        let next = store::message::queue::find_next(&mut db).await.unwrap();
        assert_eq!(next, None, "and nobody asks after it any more");
    })
    .await;
}

#[tokio::test]
async fn a_fax_nobody_hears_of_is_asked_after_for_two_days_and_no_longer() {
    everywhere(async |town: Town| {
        switch_on(&town).await;
        let maria = only_a_fax(&town).await;
        let job = town.draft(&town.by(Channel::Fax)).await;
        town.approve(&job).await;
        town.pass_ms(50 * HOUR_MS).await;
        assert_eq!(town.history(&maria.guarantor).await[0].state, State::Accepted);
        let mut db = town.store.read().await.unwrap();
        assert_eq!(store::message::queue::find_next(&mut db).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn who_takes_email_is_not_faxed() {
    everywhere(async |town: Town| {
        switch_on(&town).await;
        let maria = only_a_fax(&town).await;
        assert_eq!(eligible(&town, Channel::Fax).await, Ok(1));
        town.email_of(&maria, "maria@example.org").await;
        assert_eq!(eligible(&town, Channel::Fax).await, Err(RuleId::FaxIsForTheUnreached));
    })
    .await;
}

#[tokio::test]
async fn a_fax_whose_answer_was_lost_is_found_by_our_own_reference() {
    everywhere(async |town: Town| {
        switch_on(&town).await;
        let maria = only_a_fax(&town).await;
        town.provider.meets(Fault::LostAnswer);
        let job = town.draft(&town.by(Channel::Fax)).await;
        town.approve(&job).await;
        town.pass_ms(2 * HOUR_MS).await;
        assert_eq!(town.provider.to(FAX).len(), 1);
        assert_eq!(town.history(&maria.guarantor).await[0].state, State::Accepted);
    })
    .await;
}
