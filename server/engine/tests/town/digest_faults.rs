//! One message for several accounts when something goes wrong: what becomes of it becomes of each,
//! once, and nobody is lost.

use std::sync::Arc;

use connect::channel::{ChannelError, DeliveryStatus, RefusalCause};
use domain::clock::{DAY_MS, HOUR_MS, MINUTE_MS};
use engine::{DeliveryReport, Engine, Options, Parts};
use store::message::State;

use crate::{
    digest::{owners, tokens},
    town::{Fault, Person, PlainWords, Town, everywhere},
};

const ANA: &str = "+12125550111";

impl Town {
    async fn family(&self) -> (Person, Person) {
        let ana = self.person("Ana", ANA, 82_00).await;
        (ana, self.person("Ruth", ANA, 40_00).await)
    }

    async fn report(&self, status: DeliveryStatus, code: Option<i64>, cause: Option<RefusalCause>) {
        let sent = self.provider.to(ANA);
        let provider_id = sent.last().expect("a text").id.clone();
        let word = status.as_str().to_owned();
        let report = DeliveryReport { provider_id, status, word, code, cause };
        self.engine.record_report(&self.practice, report).await.expect("report");
    }

    /// How often the caps have counted the phone and each of these people.
    async fn marks(&self, people: &[&Person]) -> Vec<usize> {
        let mut db = self.store.read().await.expect("read");
        let (p, first) = (&self.practice, &people[0].guarantor);
        let phone = store::contact::list(&mut db, p, first).await.expect("contacts")[0].clone();
        let mut subjects = vec![phone.value_index];
        subjects.extend(people.iter().map(|one| one.guarantor.to_string()));
        let since = self.world.now().minus_ms(30 * DAY_MS);
        let marks = store::message::marks::load_many(&mut db, p, &subjects, since).await;
        let marks = marks.expect("marks");
        subjects.iter().map(|subject| marks.get(subject).map_or(0, Vec::len)).collect()
    }

    async fn nobody_is_astray(&self) {
        let mut db = self.store.read().await.expect("read");
        let astray = store::message::digest::count_astray(&mut db, &self.practice).await;
        assert_eq!(astray.expect("count"), 0);
    }
}

#[tokio::test]
async fn the_caps_count_one_for_the_phone_and_one_for_each_account() {
    everywhere(async |town| {
        let (ana, ruth) = town.family().await;
        town.remind_all().await;
        town.pass_ms(HOUR_MS).await;
        assert_eq!(town.marks(&[&ana, &ruth]).await, [1, 1, 1]);
        town.nobody_is_astray().await;
    })
    .await;
}

#[tokio::test]
async fn a_receipt_and_a_late_failure_count_for_both() {
    everywhere(async |town| {
        let (ana, ruth) = town.family().await;
        town.remind_all().await;
        town.pass_ms(HOUR_MS).await;
        town.report(DeliveryStatus::Undelivered, Some(30006), Some(RefusalCause::NotMobile)).await;
        assert_eq!(town.states(&[&ana, &ruth]).await, [State::Failed, State::Failed]);
        for person in [&ana, &ruth] {
            assert_eq!(town.status(&person.claims[0]).await, "ready", "nothing reached them");
        }
        let mut db = town.store.read().await.expect("read");
        let tasks = store::task::list_open(&mut db, &town.practice, None, 9).await;
        assert_eq!(tasks.expect("tasks").len(), 1, "one phone is one task");
        drop(db);
        town.report(DeliveryStatus::Delivered, None, None).await;
        assert_eq!(town.states(&[&ana, &ruth]).await, [State::Delivered, State::Delivered]);
    })
    .await;
}

#[tokio::test]
async fn a_report_faster_than_our_own_record_counts_for_both() {
    everywhere(async |town| {
        let (ana, ruth) = town.family().await;
        town.remind_all().await;
        let leads = [&ana, &ruth].map(|one| town.history(&one.guarantor));
        let [one, other] = leads;
        let leader = (one.await[0].id.clone()).min(other.await[0].id.clone());
        let report = DeliveryReport {
            provider_id: format!("SM{leader}"),
            status: DeliveryStatus::Delivered,
            word: "delivered".into(),
            code: None,
            cause: None,
        };
        town.engine.record_report(&town.practice, report).await.expect("early");
        town.pass_ms(HOUR_MS).await;
        assert_eq!(town.states(&[&ana, &ruth]).await, [State::Delivered, State::Delivered]);
    })
    .await;
}

#[tokio::test]
async fn a_refusal_for_good_ends_both_and_the_phone_is_for_staff_once() {
    everywhere(async |town| {
        let (ana, ruth) = town.family().await;
        let cause = RefusalCause::BadAddress;
        town.provider.refuses(ANA, ChannelError::Refused { code: Some(21211), cause });
        town.remind_all().await;
        town.pass_ms(2 * HOUR_MS).await;
        assert_eq!(town.states(&[&ana, &ruth]).await, [State::Failed, State::Failed]);
        assert_eq!(town.marks(&[&ana, &ruth]).await, [0, 0, 0], "it never went");
        for person in [&ana, &ruth] {
            assert_eq!(town.status(&person.claims[0]).await, "ready");
        }
        let mut db = town.store.read().await.expect("read");
        let tasks = store::task::list_open(&mut db, &town.practice, None, 9).await;
        assert_eq!(tasks.expect("tasks").len(), 1);
        drop(db);
        town.nobody_is_astray().await;
    })
    .await;
}

#[tokio::test]
async fn a_busy_provider_is_asked_again_for_both_at_once_and_given_up_for_both() {
    everywhere(async |town| {
        let (ana, ruth) = town.family().await;
        let busy = || Fault::Says(ChannelError::Retry { code: Some(20429), after_ms: None });
        town.provider.meets(busy());
        town.remind_all().await;
        while town.tick().await.did_anything() {}
        assert_eq!(town.states(&[&ana, &ruth]).await, [State::Queued, State::Queued]);
        assert_eq!(town.marks(&[&ana, &ruth]).await, [0, 0, 0]);
        town.pass_ms(HOUR_MS).await;
        let sent = town.provider.to(ANA);
        assert_eq!((sent.len(), tokens(&sent[0].body).len()), (1, 2));

        town.pass_ms(2 * DAY_MS).await;
        for _ in 0..4 {
            town.provider.meets(busy());
        }
        town.remind_all().await;
        town.pass_ms(3 * HOUR_MS).await;
        assert_eq!(town.provider.to(ANA).len(), 1);
        assert_eq!(town.states(&[&ana, &ruth]).await, [State::Failed, State::Failed]);
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_is_lost_is_looked_up_and_nothing_is_sent_twice() {
    everywhere(async |town| {
        let (ana, ruth) = town.family().await;
        town.provider.meets(Fault::LostAnswer);
        town.remind_all().await;
        while town.tick().await.did_anything() {}
        assert_eq!(town.states(&[&ana, &ruth]).await, [State::Unknown, State::Unknown]);
        town.nobody_is_astray().await;
        town.pass_ms(2 * HOUR_MS).await;
        assert_eq!(town.provider.to(ANA).len(), 1);
        assert_eq!(town.states(&[&ana, &ruth]).await, [State::Accepted, State::Accepted]);
        assert_eq!(town.marks(&[&ana, &ruth]).await, [1, 1, 1]);
    })
    .await;
}

#[tokio::test]
async fn a_request_that_is_lost_is_sent_once_more_for_both() {
    everywhere(async |town| {
        let (ana, ruth) = town.family().await;
        town.provider.meets(Fault::LostRequest);
        town.remind_all().await;
        town.pass_ms(3 * HOUR_MS).await;
        let sent = town.provider.to(ANA);
        assert_eq!(sent.len(), 1);
        assert_eq!(town.opened_by(&sent[0].body).await, owners(&[&ana, &ruth]));
        assert_eq!(town.states(&[&ana, &ruth]).await, [State::Accepted, State::Accepted]);
        assert_eq!(town.marks(&[&ana, &ruth]).await, [1, 1, 1]);
    })
    .await;
}

#[tokio::test]
async fn one_that_pays_while_nobody_knows_is_not_in_the_second_try() {
    everywhere(async |town| {
        let (ana, ruth) = town.family().await;
        town.provider.meets(Fault::LostRequest);
        town.remind_all().await;
        while town.tick().await.did_anything() {}
        town.owes(&ana, 0).await;
        town.pass_ms(3 * HOUR_MS).await;
        let sent = town.provider.to(ANA);
        assert_eq!(sent.len(), 1);
        assert_eq!(town.opened_by(&sent[0].body).await, owners(&[&ruth]));
        assert_eq!(town.states(&[&ana, &ruth]).await, [State::Cancelled, State::Accepted]);
    })
    .await;
}

#[tokio::test]
async fn a_worker_that_dies_with_both_in_hand_leaves_neither_doubled_nor_lost() {
    everywhere(async |town| {
        let (ana, ruth) = town.family().await;
        town.remind_all().await;
        town.provider.meets(Fault::Death);
        let engine = town.engine.clone();
        assert!(tokio::spawn(async move { engine.tick().await }).await.is_err(), "it dies");
        assert_eq!(town.states(&[&ana, &ruth]).await, [State::Sending, State::Sending]);
        town.nobody_is_astray().await;
        town.tick().await;
        assert_eq!(town.provider.to(ANA).len(), 1, "its lease still stands");
        town.pass_ms(2 * MINUTE_MS).await;
        assert_eq!(town.provider.to(ANA).len(), 1);
        assert_eq!(town.states(&[&ana, &ruth]).await, [State::Accepted, State::Accepted]);
        town.pass_ms(3 * DAY_MS).await;
        assert_eq!(town.provider.to(ANA).len(), 1);
    })
    .await;
}

#[tokio::test]
async fn many_workers_at_once_send_one_text() {
    everywhere(async |town| {
        let (ana, ruth) = town.family().await;
        let tom = town.person("Tom", ANA, 30_00).await;
        let mut workers = Vec::new();
        for _ in 0..4 {
            workers.push(Engine::new(Parts {
                store: town.store.clone(),
                world: town.world.clone(),
                wall: Arc::new(town.wall.clone()),
                channels: Arc::new(town.provider.clone()),
                wording: Arc::new(PlainWords),
                options: Options { spread_ms: 3, batch: 1, rounds: 2, ..Options::default() },
                points: Default::default(),
            }));
        }
        town.remind_all().await;
        town.clock.set(town.world.now().plus_ms(HOUR_MS));
        town.wall.set(town.world.now());
        let ticks = workers.iter().map(|one| one.tick());
        for done in futures_util::future::join_all(ticks).await {
            done.expect("tick");
        }
        town.pass_ms(HOUR_MS).await;
        let sent = town.provider.to(ANA);
        assert_eq!(sent.len(), 1);
        assert_eq!(town.opened_by(&sent[0].body).await, owners(&[&ana, &ruth, &tom]));
        let all = town.states(&[&ana, &ruth, &tom]).await;
        assert!(all.iter().all(|state| *state == State::Accepted), "{all:?}");
        assert_eq!(town.marks(&[&ana, &ruth, &tom]).await, [1, 1, 1, 1]);
    })
    .await;
}
