//! STOP and everything that means it.

use domain::{
    clock::{DAY_MS, HOUR_MS},
    decide::RuleId,
    revocation::FIXED_REPLY,
};
use store::message::State;

use crate::town::{everywhere, staff};

const ANA: &str = "+12125550111";

#[tokio::test]
async fn nobody_who_wrote_stop_is_texted() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        town.remind_all().await;
        let answer = town.texts_in(ANA, "Stop!", "SM1").await.expect("one confirmation");
        assert!(answer.contains("START"));
        assert_eq!(town.texts_in(ANA, "Stop!", "SM1").await, None, "the same reply again");
        assert_eq!(town.texts_in(ANA, "STOP", "SM2").await, None, "nothing after the first");
        let line = &town.history(&ana.guarantor).await;
        assert!(line.iter().any(|l| l.state == State::Cancelled), "at once, not at its slot");
        assert_eq!(town.status(&ana.claims[0]).await, "ready");
        town.pass_ms(3 * DAY_MS).await;
        assert!(town.provider.all().is_empty());
        let list = town.engine.confirm_list(&town.practice, &town.by_text()).await.expect("list");
        let decision = list.not_eligible[0].decision.as_ref().expect("a phone");
        assert_eq!(decision.headline().map(|r| r.rule), Some(RuleId::OptOut));
    })
    .await;
}

#[tokio::test]
async fn stop_takes_a_message_out_of_a_list_that_waits_for_its_yes() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        let job = town.draft(&town.by_text()).await;
        town.texts_in(ANA, "please stop texting me", "SM1").await;
        assert_eq!(town.history(&ana.guarantor).await.len(), 2, "the answer stands there too");
        assert!(town.engine.approve_job(&town.practice, &job, &staff("b")).await.is_err());
        town.pass_ms(DAY_MS).await;
        assert!(town.provider.all().is_empty());
        let mut db = town.store.read().await.expect("read");
        let tasks = store::task::list_open(&mut db, &town.practice, None, 9).await.expect("tasks");
        assert_eq!(tasks.len(), 1, "words are looked at by a person, after the stop");
    })
    .await;
}

#[tokio::test]
async fn start_from_the_same_phone_brings_texts_back_and_an_import_does_not() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        town.texts_in(ANA, "STOP", "SM1").await;
        town.clock.set(town.world.now().plus_ms(HOUR_MS));
        let (p, g, c, now) = (&town.practice, &ana.guarantor, &ana.phone, town.world.now());
        let by = staff("desk");
        town.engine.record_consent(p, g, c, true, "import", now, &by).await.expect("consent");
        let list = town.engine.confirm_list(p, &town.by_text()).await.expect("list");
        assert!(list.eligible.is_empty(), "only she can");
        let answer = town.texts_in(ANA, "START", "SM2").await;
        assert!(answer.is_some());
        let list = town.engine.confirm_list(p, &town.by_text()).await.expect("list");
        assert_eq!(list.eligible.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_question_gets_the_fixed_answer_once_a_day() {
    everywhere(async |town| {
        town.person("Ana", ANA, 82_00).await;
        let first = town.texts_in(ANA, "what is this for", "SM1").await;
        assert_eq!(first.as_deref(), Some(FIXED_REPLY));
        assert_eq!(town.texts_in(ANA, "hello?", "SM2").await, None);
        town.clock.set(town.world.now().plus_ms(DAY_MS));
        assert!(town.texts_in(ANA, "hello?", "SM3").await.is_some());
        town.settings(|settings, _| settings.inbox_is_on = true).await;
        town.clock.set(town.world.now().plus_ms(DAY_MS));
        assert_eq!(town.texts_in(ANA, "hello?", "SM4").await, None, "somebody reads the inbox");
        assert!(town.texts_in(ANA, "HELP", "SM5").await.expect("help").contains("555-0100"));
    })
    .await;
}

#[tokio::test]
async fn where_the_carrier_answers_stop_we_are_silent() {
    everywhere(async |town| {
        town.person("Ana", ANA, 82_00).await;
        town.settings(|settings, _| settings.carrier_answers_stop = true).await;
        assert_eq!(town.texts_in(ANA, "STOP", "SM1").await, None);
        town.remind_nobody().await;
        town.person("Ben", "+12125550112", 60_00).await;
        let ours = town.texts_in("+12125550112", "stop please", "SM2").await;
        assert!(ours.is_some(), "the carrier does not know these words");
    })
    .await;
}

#[tokio::test]
async fn a_wrong_number_is_wrong_for_every_account_and_gets_no_details() {
    everywhere(async |town| {
        town.person("Ana", ANA, 82_00).await;
        town.person("Eve", ANA, 70_00).await;
        town.remind_all().await;
        assert_eq!(town.texts_in(ANA, "wrong number", "SM1").await, None);
        town.pass_ms(3 * DAY_MS).await;
        assert!(town.provider.all().is_empty());
        let list = town.engine.confirm_list(&town.practice, &town.by_text()).await.expect("list");
        assert_eq!((list.eligible.len(), list.not_eligible.len()), (0, 2));
    })
    .await;
}

#[tokio::test]
async fn the_news_of_a_death_holds_the_account_at_once() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        town.remind_all().await;
        town.texts_in(ANA, "she passed away in May", "SM1").await;
        town.pass_ms(DAY_MS).await;
        assert!(town.provider.all().is_empty());
        let mut db = town.store.read().await.expect("read");
        let holds = store::hold::list(&mut db, &town.practice, &ana.guarantor).await.expect("h");
        assert_eq!(holds[0].kind, domain::holds::HoldKind::Deceased);
    })
    .await;
}

#[tokio::test]
async fn receipts_only_keeps_receipts() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        town.texts_in(ANA, "STOP", "SM1").await;
        town.clock.set(town.world.now().plus_ms(20_000));
        town.texts_in(ANA, "RECEIPTS", "SM2").await;
        town.pay(&ana, 20_00, None).await;
        town.pass_ms(HOUR_MS).await;
        let sent = town.provider.to(ANA);
        assert_eq!(sent.len(), 1);
        assert!(sent[0].body.contains("Received"));
        let list = town.engine.confirm_list(&town.practice, &town.by_text()).await.expect("list");
        assert!(list.eligible.is_empty());
    })
    .await;
}

impl crate::town::Town {
    async fn remind_nobody(&self) {
        let by = staff("biller");
        let (criteria, all) = (self.by_text(), engine::Selection::All);
        let refused = self.engine.create_job(&self.practice, &criteria, &all, None, &by).await;
        let nobody = engine::Refusal::NobodySelected;
        assert!(matches!(refused, Err(engine::EngineError::Refused(r)) if r == nobody));
    }
}
