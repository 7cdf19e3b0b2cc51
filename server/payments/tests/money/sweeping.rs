use domain::{
    money::Cents,
    payment::{AttemptState, Refusal},
};
use payments::{Outcome, PayError, Started};
use sandbox::{FaultKind, FaultRule, Vendor};

use crate::house::{EMPTY_CARD, FULL, GOOD_CARD, houses};

fn silence(operation: &str) -> FaultRule {
    // Longer than the gateway waits.
    FaultRule::new(Vendor::Stripe, operation, FaultKind::TimeoutAfterSuccess).with_ms(4_000)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_processor_that_does_not_answer_is_asked_again_with_the_same_key() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        house.fault(silence("payment_intents.create"));
        let wish = house.wish(&house.maria, FULL);
        let attempt = match house.payments.start(&wish).await.unwrap() {
            Started::Checking { attempt } => attempt,
            other => panic!("{other:?}"),
        };
        assert!(matches!(house.returned(&house.maria, &attempt).await, Outcome::Checking { .. }));
        house.advance_minutes(1);
        let report = house.payments.sweep().await.unwrap();
        assert_eq!((report.attempts_looked_at, report.failed), (1, 0), "{report:?}");
        assert_eq!(house.sandbox.intents().len(), 1, "made once");
        let (again, secret) = house.start(&wish).await;
        assert_eq!(attempt, again);
        house.sandbox.pay_intent(&secret, GOOD_CARD).unwrap();
        assert!(matches!(house.returned(&house.maria, &attempt).await, Outcome::Paid(_)));
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn money_whose_news_was_lost_is_booked_by_the_sweeper_once() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let (attempt, secret) = house.start(&house.wish(&house.maria, FULL)).await;
        house.sandbox.pay_intent(&secret, GOOD_CARD).unwrap();
        house.fault(silence("payment_intents.retrieve"));
        let outcome = house.returned(&house.maria, &attempt).await;
        assert!(matches!(outcome, Outcome::Checking { .. }), "{outcome:?}");
        let mut second = house.wish(&house.maria, FULL);
        second.choice = domain::payment::Choice::Other(Cents(2_000));
        match house.payments.start(&second).await {
            Err(PayError::Refused(Refusal::InProgress { is_checking, .. })) => {
                assert!(is_checking);
            }
            other => panic!("{other:?}"),
        }

        house.advance_minutes(1);
        assert_eq!(house.payments.sweep().await.unwrap().settled, 1);
        house.advance_minutes(10);
        assert_eq!(house.payments.sweep().await.unwrap().settled, 0);
        assert_eq!(house.payments_of(&house.maria).await.len(), 1);
        assert_eq!(house.count("effect").await, 1, "one receipt");
        assert!(matches!(house.returned(&house.maria, &attempt).await, Outcome::Paid(_)));
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_payment_is_cancelled_after_half_an_hour() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let (attempt, secret) = house.start(&house.wish(&house.maria, FULL)).await;
        house.advance_minutes(5);
        assert_eq!(house.payments.sweep().await.unwrap().closed, 0);
        house.advance_minutes(26);
        assert_eq!(house.payments.sweep().await.unwrap().closed, 1);
        let over = Outcome::Over { state: AttemptState::Expired };
        assert_eq!(house.returned(&house.maria, &attempt).await, over);
        house.sandbox.pay_intent(&secret, GOOD_CARD).unwrap();
        assert_eq!(house.sandbox.kept_cents(), 0);
        house.pay(&house.maria, FULL, FULL).await;
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_decline_ends_as_a_decline() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let (attempt, secret) = house.start(&house.wish(&house.maria, FULL)).await;
        house.sandbox.pay_intent(&secret, EMPTY_CARD).unwrap();
        house.advance_minutes(31);
        assert_eq!(house.payments.sweep().await.unwrap().closed, 1);
        let outcome = house.returned(&house.maria, &attempt).await;
        assert!(matches!(outcome, Outcome::Declined { .. }), "{outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_page_of_the_processor_expires() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let wish = house.wish_checkout(&house.maria, FULL);
        let Started::Checkout { attempt, .. } = house.payments.start(&wish).await.unwrap() else {
            panic!("a page")
        };
        house.advance_minutes(32);
        assert_eq!(house.payments.sweep().await.unwrap().closed, 1);
        let over = Outcome::Over { state: AttemptState::Expired };
        assert_eq!(house.returned(&house.maria, &attempt).await, over);
        house.pay(&house.maria, FULL, FULL).await;
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bank_takes_its_time_and_nobody_pays_twice_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let (attempt, secret) = house.start(&house.wish(&house.maria, FULL)).await;
        let slow = FaultRule::new(Vendor::Stripe, "confirm", FaultKind::Processing);
        house.fault(slow.with_ms(45 * 60 * 1_000));
        house.sandbox.pay_intent(&secret, GOOD_CARD).unwrap();
        assert!(matches!(house.returned(&house.maria, &attempt).await, Outcome::Checking { .. }));
        // Past the half hour of an abandoned one: this is not abandoned.
        house.advance_minutes(40);
        house.payments.sweep().await.unwrap();
        let mut again = house.wish(&house.maria, FULL);
        again.restart = true;
        match house.payments.start(&again).await {
            Err(PayError::Refused(Refusal::InProgress { is_checking, .. })) => {
                assert!(is_checking);
            }
            other => panic!("{other:?}"),
        }
        house.advance_minutes(10);
        house.sandbox.deliver_due().await.unwrap();
        assert_eq!(house.payments.sweep().await.unwrap().settled, 1);
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hourly_comparison_books_what_every_message_missed() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let (first, secret) = house.start(&house.wish(&house.maria, FULL)).await;
        house.sandbox.pay_intent(&secret, GOOD_CARD).unwrap();
        // As after a restored backup: our row says that it is over.
        let (practice, id, now) = (house.practice.clone(), first.clone(), house.world.now());
        let intent = house.sandbox.intents()[0].id.clone();
        house
            .store
            .write(move |db| {
                let (practice, id, intent) = (practice.clone(), id.clone(), intent.clone());
                Box::pin(async move {
                    let (ending, seen) = (store::attempt::Ending::default(), Some(intent.as_str()));
                    let state = AttemptState::Expired;
                    store::attempt::mark_closed(db, &practice, &id, seen, state, &ending, now).await
                })
            })
            .await
            .unwrap();
        house.advance_minutes(61);
        let report = house.payments.sweep().await.unwrap();
        assert_eq!(report.compared.settled, 1, "{report:?}");
        assert_eq!(house.payments_of(&house.maria).await.len(), 1);
        assert_eq!(house.count("task").await, 1, "late money is told");
        house.advance_minutes(5);
        assert_eq!(house.payments.sweep().await.unwrap().compared.practices, 0, "hourly");
        house.advance_minutes(61);
        let report = house.payments.sweep().await.unwrap();
        assert_eq!((report.compared.practices, report.compared.settled), (1, 0));
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_unknown_for_a_day_is_told_to_a_person_once() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let (_, secret) = house.start(&house.wish(&house.maria, FULL)).await;
        house.sandbox.pay_intent(&secret, GOOD_CARD).unwrap();
        let down = FaultRule::new(Vendor::Stripe, "*", FaultKind::Error500).times(1_000);
        house.fault(down);
        for _ in 0..30 {
            house.advance_minutes(60);
            house.payments.sweep().await.unwrap();
        }
        assert_eq!(house.count("task").await, 1);
        house.sandbox.clear_faults().unwrap();
        house.advance_minutes(61);
        house.payments.sweep().await.unwrap();
        assert_eq!(house.payments_of(&house.maria).await.len(), 1);
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_that_failed_once_does_not_lock_the_patient_out() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        house.start(&house.wish(&house.maria, FULL)).await;
        let page = house.wish_checkout(&house.maria, FULL);
        for operation in ["payment_intents.cancel", "checkout.sessions.expire"] {
            house.fault(FaultRule::new(Vendor::Stripe, operation, FaultKind::Error500));
        }
        // The processor repeats that 500 to the same key for a day.
        let mut again = page;
        again.restart = true;
        assert!(matches!(house.payments.start(&again).await.unwrap(), Started::Checkout { .. }));
        let mut card = house.wish(&house.maria, FULL);
        card.restart = true;
        let (attempt, secret) = house.start(&card).await;
        house.sandbox.pay_intent(&secret, GOOD_CARD).unwrap();
        assert!(matches!(house.returned(&house.maria, &attempt).await, Outcome::Paid(_)));
        house.check().await;
    }
}
