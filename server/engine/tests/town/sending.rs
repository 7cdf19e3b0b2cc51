//! Sent when it may be, once, and at the right pace.

use std::sync::{Arc, atomic::Ordering};

use connect::channel::{ChannelError, DeliveryStatus, RefusalCause};
use domain::{
    clock::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS},
    decide::{Channel, Class, RuleId},
};
use engine::{Delivered, DeliveryReport, Engine, Options, Parts, Refusal};
use store::message::State;

use crate::town::{Fault, PlainWords, at, everywhere, staff};

const ANA: &str = "+12125550111";
const BEN: &str = "+12125550112";

#[tokio::test]
async fn a_reminder_goes_within_the_hour_and_says_only_what_it_may() {
    everywhere(async |town| {
        let ana = town.person("Ana Fuentes", ANA, 82_00).await;
        let job = town.remind_all().await;
        assert_eq!(town.status(&ana.claims[0]).await, "pending_patient");
        town.pass_ms(HOUR_MS).await;
        let sent = town.provider.to(ANA);
        assert_eq!(sent.len(), 1);
        assert!(sent[0].body.contains("https://pay.hilltop.example/p/"));
        for canary in ["Ana", "Fuentes", "82.00", "Patient"] {
            assert!(!sent[0].body.contains(canary), "{canary} in {}", sent[0].body);
        }
        let page = town.engine.job_page(&town.practice, &job, None, None, 10).await.expect("page");
        assert_eq!(page.counts.get(&State::Accepted), Some(&1));
        let why = town.engine.explain(&town.practice, &ana.guarantor, town.world.now()).await;
        let why = why.expect("explained");
        assert!(why.history.iter().any(|d| d.message.is_some()));
        let headline = why.text.decision.expect("a phone").headline().map(|r| r.rule);
        assert_eq!(headline, Some(RuleId::CapOnContact), "one a day");
    })
    .await;
}

#[tokio::test]
async fn the_link_in_the_text_opens_the_account_and_its_holder_is_trusted_for_three_days() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        town.remind_all().await;
        town.pass_ms(HOUR_MS).await;
        let body = town.provider.to(ANA)[0].body.clone();
        let token = body.split("/p/").nth(1).and_then(|t| t.split(' ').next()).expect("a link");
        let mut db = town.store.read().await.expect("read");
        let now = town.world.now();
        let link = store::link::find_by_token(&mut db, token, now).await.expect("read");
        let link = link.expect("live");
        assert_eq!(link.guarantor, ana.guarantor);
        assert!(link.proves_possession(now));
        assert!(!link.proves_possession(now.plus_ms(3 * DAY_MS)));
        let late = now.plus_ms(31 * DAY_MS);
        assert!(store::link::find_by_token(&mut db, token, late).await.expect("read").is_none());
    })
    .await;
}

#[tokio::test]
async fn a_night_approval_waits_for_morning_in_every_zone_the_person_may_be_in() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        town.person("Ben", BEN, 90_00).await;
        let (practice, guarantor) = (town.practice.clone(), ana.guarantor.clone());
        town.store
            .write(move |db| {
                let (practice, guarantor) = (practice.clone(), guarantor.clone());
                Box::pin(async move {
                    let zone = Some("Pacific/Honolulu");
                    store::guarantor::mark_zone(db, &practice, &guarantor, zone).await
                })
            })
            .await
            .expect("zone");
        town.clock.set(at("2026-03-04T21:30:00-05:00"));
        let job = town.draft(&town.by_text()).await;
        let approved = town.approve(&job).await;
        assert_eq!((approved.queued, approved.waiting), (0, 2));
        town.until(at("2026-03-05T08:59:59-05:00")).await;
        assert!(town.provider.all().is_empty(), "nobody is woken");
        town.until(at("2026-03-05T10:00:00-05:00")).await;
        assert_eq!(town.provider.to(BEN).len(), 1, "nine in New York");
        assert!(town.provider.to(ANA).is_empty(), "four in Honolulu");
        town.until(at("2026-03-05T18:00:00-05:00")).await;
        let ana = town.provider.to(ANA);
        assert_eq!(ana.len(), 1);
        // Nine in Honolulu is two in New York.
        assert!(ana[0].at >= at("2026-03-05T14:00:00-05:00"));
    })
    .await;
}

#[tokio::test]
async fn nothing_is_approved_between_midnight_and_three() {
    everywhere(async |town| {
        town.person("Ana", ANA, 82_00).await;
        let job = town.draft(&town.by_text()).await;
        town.clock.set(at("2026-03-05T01:00:00-05:00"));
        let refused = town.engine.approve_job(&town.practice, &job, &staff("biller")).await;
        let Err(engine::EngineError::Refused(Refusal::BelowTheFloor { until })) = refused else {
            panic!("midnight in New York is the floor");
        };
        assert!(until > town.world.now());
    })
    .await;
}

#[tokio::test]
async fn two_workers_never_send_the_same_message() {
    everywhere(async |town| {
        for n in 0..24 {
            town.person(&format!("Person {n}"), &format!("+1212555{:04}", 2000 + n), 50_00).await;
        }
        town.remind_all().await;
        let second = Engine::new(Parts {
            store: town.store.clone(),
            world: town.world.clone(),
            wall: Arc::new(town.wall.clone()),
            channels: Arc::new(town.provider.clone()),
            wording: Arc::new(PlainWords),
            options: Options::default(),
            points: Default::default(),
        });
        let end = town.world.now().plus_ms(HOUR_MS);
        loop {
            let (one, other) = tokio::join!(town.engine.tick(), second.tick());
            one.and(other).expect("tick");
            match town.engine.next_due().await.expect("next") {
                Some(next) if next <= end => town.clock.set(next.max(town.world.now())),
                _ => break,
            }
        }
        let mut ids: Vec<String> = town.provider.all().into_iter().map(|o| o.id).collect();
        assert_eq!(ids.len(), 24);
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 24, "everybody once");
    })
    .await;
}

#[tokio::test]
async fn a_sender_rests_a_second_between_two_texts() {
    everywhere(async |town| {
        for n in 0..20 {
            town.person(&format!("Person {n}"), &format!("+1212555{:04}", 2000 + n), 50_00).await;
        }
        town.clock.set(at("2026-03-04T20:00:00-05:00"));
        town.remind_all().await;
        town.until(at("2026-03-05T10:00:00-05:00")).await;
        let mut instants: Vec<_> = town.provider.all().iter().map(|o| o.at).collect();
        assert_eq!(instants.len(), 20);
        instants.sort();
        for pair in instants.windows(2) {
            assert!(pair[1].since(pair[0]) >= SECOND_MS, "{pair:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_send_whose_answer_is_lost_is_looked_up_and_never_doubled() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        town.provider.meets(Fault::LostAnswer);
        town.remind_all().await;
        town.pass_ms(2 * HOUR_MS).await;
        assert_eq!(town.provider.to(ANA).len(), 1);
        assert!(town.provider.looks.load(Ordering::SeqCst) >= 1);
        assert_eq!(town.history(&ana.guarantor).await[0].state, State::Accepted);
    })
    .await;
}

#[tokio::test]
async fn a_send_that_never_arrived_goes_once_more_after_looking_thrice() {
    everywhere(async |town| {
        town.person("Ana", ANA, 82_00).await;
        town.provider.meets(Fault::LostRequest);
        town.remind_all().await;
        town.pass_ms(10 * MINUTE_MS).await;
        assert!(town.provider.to(ANA).is_empty(), "not before it is sure");
        town.pass_ms(2 * HOUR_MS).await;
        assert_eq!(town.provider.to(ANA).len(), 1);
        assert!(town.provider.looks.load(Ordering::SeqCst) >= 3);
    })
    .await;
}

#[tokio::test]
async fn what_staff_took_back_while_nobody_knew_its_fate_does_not_go_after_all() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        town.provider.meets(Fault::LostRequest);
        let job = town.remind_all().await;
        town.tick().await;
        assert_eq!(town.history(&ana.guarantor).await[0].state, State::Unknown);
        town.engine.cancel_job(&town.practice, &job, &staff("biller")).await.expect("cancelled");
        town.pass_ms(3 * HOUR_MS).await;
        assert!(town.provider.to(ANA).is_empty());
        let line = town.history(&ana.guarantor).await.remove(0);
        assert_eq!((line.state, line.end_reason.as_deref()), (State::Cancelled, Some("staff")));
        assert_eq!(town.status(&ana.claims[0]).await, "ready", "so the next list has her again");
        // One that had arrived is found, and stands as what it is.
        town.provider.meets(Fault::LostAnswer);
        let job = town.remind_all().await;
        town.tick().await;
        town.engine.cancel_job(&town.practice, &job, &staff("biller")).await.expect("cancelled");
        town.pass_ms(3 * HOUR_MS).await;
        assert_eq!(town.provider.to(ANA).len(), 1);
        let line = town.history(&ana.guarantor).await.remove(0);
        assert_eq!((line.state, line.end_reason), (State::Accepted, None));
    })
    .await;
}

#[tokio::test]
async fn a_worker_that_dies_in_the_middle_leaves_nothing_doubled() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        town.remind_all().await;
        town.provider.meets(Fault::Death);
        let engine = town.engine.clone();
        assert!(tokio::spawn(async move { engine.tick().await }).await.is_err(), "it dies");
        assert_eq!(town.history(&ana.guarantor).await[0].state, State::Sending);
        town.tick().await;
        assert_eq!(town.provider.to(ANA).len(), 1, "its lease still stands");
        town.pass_ms(2 * MINUTE_MS).await;
        assert_eq!(town.provider.to(ANA).len(), 1);
        assert_eq!(town.history(&ana.guarantor).await[0].state, State::Accepted);
    })
    .await;
}

#[tokio::test]
async fn an_email_of_unknown_outcome_is_let_be() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        town.email_of(&ana, "ana@example.org").await;
        town.provider.meets(Fault::LostRequest);
        let job = town.draft(&town.by_email()).await;
        town.approve(&job).await;
        town.pass_ms(3 * HOUR_MS).await;
        assert!(town.provider.all().is_empty());
        assert_eq!(town.history(&ana.guarantor).await[0].state, State::Failed);
        assert_eq!(town.status(&ana.claims[0]).await, "ready", "so the next list has her again");
    })
    .await;
}

#[tokio::test]
async fn a_busy_provider_is_asked_again_later_and_a_fault_of_ours_opens_a_task() {
    everywhere(async |town| {
        town.person("Ana", ANA, 82_00).await;
        town.provider.meets(Fault::Says(ChannelError::Retry { code: Some(20429), after_ms: None }));
        let cause = RefusalCause::SenderFault;
        town.provider.meets(Fault::Says(ChannelError::Refused { code: Some(20003), cause }));
        town.remind_all().await;
        town.pass_ms(HOUR_MS).await;
        assert_eq!(town.provider.to(ANA).len(), 1);
        let mut db = town.store.read().await.expect("read");
        let tasks = store::task::list_open(&mut db, &town.practice, Some("sender_fault"), 9).await;
        assert_eq!(tasks.expect("tasks").len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_landline_found_out_late_makes_the_claim_ready_again() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        town.remind_all().await;
        town.pass_ms(HOUR_MS).await;
        assert_eq!(town.status(&ana.claims[0]).await, "pending_patient");
        let id = town.provider.to(ANA)[0].id.clone();
        let report = |status, word: &str, cause| DeliveryReport {
            provider_id: id.clone(),
            status,
            word: word.into(),
            code: Some(30006),
            cause,
        };
        let failed =
            report(DeliveryStatus::Undelivered, "undelivered", Some(RefusalCause::NotMobile));
        let p = &town.practice;
        town.engine.record_report(p, failed.clone()).await.expect("report");
        town.engine.record_report(p, failed).await.expect("twice");
        let late = report(DeliveryStatus::Sent, "sent", None);
        town.engine.record_report(p, late).await.expect("out of order");
        assert_eq!(town.history(&ana.guarantor).await[0].state, State::Failed);
        assert_eq!(town.status(&ana.claims[0]).await, "ready");
        let list = town.engine.confirm_list(p, &town.by_text()).await.expect("list");
        assert!(list.eligible.is_empty());
        let decision = list.not_eligible[0].decision.as_ref().expect("a phone");
        assert_eq!(decision.headline().map(|r| r.rule), Some(RuleId::Reachable));
    })
    .await;
}

#[tokio::test]
async fn a_report_that_is_faster_than_our_own_record_is_not_lost() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        town.remind_all().await;
        let id = town.history(&ana.guarantor).await[0].id.clone();
        let report = DeliveryReport {
            provider_id: format!("SM{id}"),
            status: DeliveryStatus::Delivered,
            word: "delivered".into(),
            code: None,
            cause: None,
        };
        town.engine.record_report(&town.practice, report).await.expect("early");
        town.pass_ms(HOUR_MS).await;
        assert_eq!(town.history(&ana.guarantor).await[0].state, State::Delivered);
    })
    .await;
}

#[tokio::test]
async fn a_code_goes_at_night_and_a_text_of_staff_waits_for_the_legal_window() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        town.clock.set(at("2026-03-04T23:15:00-05:00"));
        let (p, g, c) = (&town.practice, &ana.guarantor, &ana.phone);
        let language = domain::book::Language::English;
        let code = town.engine.send_code(p, g, c, "123456", language).await.expect("code");
        assert!(matches!(code, Delivered::Sent(_)));
        assert_eq!(town.provider.to(ANA)[0].class, Class::Code);
        let by = staff("desk");
        let body = "Please call us about your visit.";
        let direct = town.engine.send_direct_text(p, g, c, body, &by).await.expect("direct");
        assert!(matches!(direct, Delivered::Later(_)));
        town.until(at("2026-03-05T08:30:00-05:00")).await;
        assert_eq!(town.provider.to(ANA).len(), 2);
        assert!(town.provider.to(ANA)[1].body.starts_with("Practice hilltop: "));
        town.remind_all().await;
        town.pass_ms(2 * HOUR_MS).await;
        assert_eq!(town.provider.to(ANA).len(), 3, "neither counts towards the caps");
    })
    .await;
}

#[tokio::test]
async fn a_sender_of_email_writes_both_parts_and_the_way_out() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        town.email_of(&ana, "Ana.Fuentes@Example.org").await;
        let job = town.draft(&town.by_email()).await;
        town.approve(&job).await;
        town.pass_ms(HOUR_MS).await;
        let sent = town.provider.to("ana.fuentes@example.org");
        assert_eq!((sent.len(), sent[0].channel), (1, Channel::Email));
        let url = sent[0].unsubscribe.clone().expect("one-click unsubscribe");
        let token = url.rsplit('/').next().expect("a token");
        let forged = token.replace("con_", "con_0");
        assert!(town.engine.unsubscribe(&forged).await.is_err());
        town.engine.unsubscribe(token).await.expect("unsubscribed");
        town.engine.unsubscribe(token).await.expect("twice is once");
        town.pass_ms(2 * DAY_MS).await;
        let list = town.engine.confirm_list(&town.practice, &town.by_email()).await.expect("list");
        let decision = list.not_eligible[0].decision.as_ref().expect("an email");
        assert_eq!(decision.headline().map(|r| r.rule), Some(RuleId::OptOut));
        let texts = town.engine.confirm_list(&town.practice, &town.by_text()).await.expect("list");
        assert_eq!(texts.eligible.len(), 1, "the phone was not meant");
    })
    .await;
}
