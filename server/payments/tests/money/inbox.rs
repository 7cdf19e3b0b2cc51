use domain::money::Cents;
use futures_util::future::join_all;
use payments::{Accepted, BadWebhook, Outcome};
use sandbox::{FaultKind, FaultRule, Vendor};

use crate::house::{FULL, GOOD_CARD, SIGNED_AT, houses, intent_object};

const SUCCEEDED: &str = "payment_intent.succeeded";

#[tokio::test(flavor = "multi_thread")]
async fn the_same_event_a_hundred_times_books_one_payment() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let (_, secret) = house.start(&house.wish(&house.maria, FULL)).await;
        house.sandbox.pay_intent(&secret, GOOD_CARD).unwrap();
        let object = intent_object(&house.sandbox.intents()[0].id);
        let events = (0..100).map(|n| {
            // Some under another id: the processor sends a second event about the same thing.
            let id = format!("evt_{}", n % 4);
            let (house, object) = (&house, object.clone());
            async move { house.event(&id, SUCCEEDED, &object).await.unwrap() }
        });
        let accepted = join_all(events).await;
        assert_eq!(accepted.iter().filter(|a| **a == Accepted::New).count(), 4);
        assert_eq!(house.payments.drain_webhooks().await.unwrap(), 4);
        assert_eq!(house.payments.drain_webhooks().await.unwrap(), 0);
        assert_eq!(house.payments_of(&house.maria).await.len(), 1);
        assert_eq!(house.count("effect").await, 1);
        assert_eq!(house.due(&house.maria).await, 0);
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_overtakes_our_own_answer_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        // The processor makes the intent and we never hear of it: no id is committed.
        let silent = FaultRule::new(
            Vendor::Stripe,
            "payment_intents.create",
            FaultKind::TimeoutAfterSuccess,
        );
        house.fault(silent.with_ms(3_000));
        let wish = house.wish(&house.maria, FULL);
        house.payments.start(&wish).await.unwrap();
        let intent = house.sandbox.intents()[0].clone();
        house.sandbox.pay_intent(&intent.client_secret, GOOD_CARD).unwrap();
        house.event("evt_early", SUCCEEDED, &intent_object(&intent.id)).await.unwrap();
        assert_eq!(house.payments.drain_webhooks().await.unwrap(), 1);
        assert_eq!(house.payments_of(&house.maria).await.len(), 1);
        let attempt = house.payments_of(&house.maria).await[0].attempt.clone();
        assert!(matches!(house.returned(&house.maria, &attempt).await, Outcome::Paid(_)));
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_worked_later_when_the_processor_does_not_answer() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let (_, secret) = house.start(&house.wish(&house.maria, FULL)).await;
        house.sandbox.pay_intent(&secret, GOOD_CARD).unwrap();
        let object = intent_object(&house.sandbox.intents()[0].id);
        house.event("evt_1", SUCCEEDED, &object).await.unwrap();
        let down = FaultRule::new(Vendor::Stripe, "payment_intents.retrieve", FaultKind::Error500);
        house.fault(down.times(2));
        assert_eq!(house.payments.drain_webhooks().await.unwrap(), 0);
        assert_eq!(house.payments.drain_webhooks().await.unwrap(), 0, "not at once");
        house.advance_minutes(1);
        assert_eq!(house.payments.drain_webhooks().await.unwrap(), 0);
        house.advance_minutes(1);
        assert_eq!(house.payments.drain_webhooks().await.unwrap(), 1);
        assert_eq!(house.payments_of(&house.maria).await.len(), 1);
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_old_and_altered_deliveries_are_refused_and_not_stored() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let object = intent_object("pi_1");
        let accept = async |body: &[u8], header: &str, now: i64| {
            house.payments.accept_webhook(&house.practice, body, header, now).await
        };
        let (body, header) = house.signed("evt_1", SUCCEEDED, &object, "whsec_other", SIGNED_AT);
        let refused = accept(&body, &header, SIGNED_AT).await;
        assert!(matches!(refused, Err(BadWebhook::Signature(_))), "{refused:?}");
        let ours = "whsec_of_the_test";
        let (body, header) = house.signed("evt_1", SUCCEEDED, &object, ours, SIGNED_AT);
        for now in [SIGNED_AT + 301, SIGNED_AT - 301] {
            assert!(accept(&body, &header, now).await.is_err());
        }
        let mut altered = body.clone();
        altered[20] ^= 1;
        assert!(accept(&altered, &header, SIGNED_AT).await.is_err());
        assert!(accept(&vec![b' '; 10_000_000], &header, SIGNED_AT).await.is_err());
        assert!(accept(&body, "", SIGNED_AT).await.is_err());
        assert_eq!(house.count("webhook_event").await, 0);
        assert_eq!(accept(&body, &header, SIGNED_AT).await.unwrap(), Accepted::New);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_secret_rotates_both_are_taken() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let mut rotating = house.merchant.clone();
        rotating.webhook_secrets.push("whsec_new".into());
        house.set_merchant(&rotating).await;
        for (id, secret) in [("evt_1", "whsec_of_the_test"), ("evt_2", "whsec_new")] {
            let (body, header) = house.signed(id, "x.y", "{}", secret, SIGNED_AT);
            let taken =
                house.payments.accept_webhook(&house.practice, &body, &header, SIGNED_AT).await;
            assert_eq!(taken.unwrap(), Accepted::New);
        }
        rotating.webhook_secrets = vec!["whsec_new".into()];
        house.set_merchant(&rotating).await;
        assert!(house.event("evt_3", "x.y", "{}").await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_does_not_fit_its_attempt_is_quarantined_and_never_booked() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let (attempt, secret) = house.start(&house.wish(&house.maria, FULL)).await;
        house.sandbox.pay_intent(&secret, GOOD_CARD).unwrap();
        let object = intent_object(&house.sandbox.intents()[0].id);
        // Test money, and the practice believes that it is live.
        let mut live = house.merchant.clone();
        live.livemode = true;
        house.set_merchant(&live).await;
        house.event("evt_1", SUCCEEDED, &object).await.unwrap();
        house.payments.drain_webhooks().await.unwrap();
        let outcome = house.returned(&house.maria, &attempt).await;
        assert!(matches!(outcome, Outcome::Checking { .. }), "{outcome:?}");
        assert_eq!(house.payments_of(&house.maria).await.len(), 0);
        assert_eq!(house.due(&house.maria).await, FULL);
        assert!(house.count("task").await >= 1, "a person is told");

        // A genuine event about an intent that nobody here made.
        house.event("evt_2", SUCCEEDED, &intent_object("pi_of_somebody_else")).await.unwrap();
        house.payments.drain_webhooks().await.unwrap();
        assert_eq!(house.count("payment").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intent_for_another_amount_than_the_attempt_is_quarantined() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let (_, secret) = house.start(&house.wish(&house.maria, FULL)).await;
        house.sandbox.pay_intent(&secret, GOOD_CARD).unwrap();
        let gateway = payments::ready_gateway(&house.merchant, 2_000).unwrap();
        let id = house.sandbox.intents()[0].id.clone();
        let mut intent = gateway.fetch_intent(&id).await.unwrap();
        for (amount, currency) in [(100, "usd"), (FULL, "eur")] {
            intent.amount = Cents(amount);
            intent.amount_received = Cents(amount);
            intent.currency = currency.into();
            let via = payments::Via::Sweep;
            let settled = house.payments.settle(&house.practice, &intent, &via).await.unwrap();
            assert!(matches!(settled, payments::Settled::Quarantined(_)), "{settled:?}");
        }
        assert_eq!(house.count("payment").await, 0);
        let elsewhere =
            store::scratch::insert_practice(&house.store, &house.world, "south").await.unwrap();
        let via = payments::Via::Sweep;
        let other = house.payments.settle(&elsewhere, &intent, &via).await;
        assert!(other.is_err(), "another practice has no account at all: {other:?}");
    }
}
