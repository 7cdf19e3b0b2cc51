use domain::{
    id::GuarantorId,
    money::Cents,
    payment::{AmountRange, AttemptState, Choice, DeclineKind, Refusal},
};
use futures_util::future::join_all;
use payments::{How, Outcome, PayError, Started};
use sandbox::{CheckoutEnd, FaultKind, FaultRule, PaymentEnd, Vendor};

use crate::house::{EMPTY_CARD, FULL, GOOD_CARD, houses};

fn refusal(result: Result<Started, PayError>) -> Refusal {
    match result {
        Err(PayError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn maria_pays_her_bill_and_owes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let receipt = house.pay(&house.maria, FULL, FULL).await;
        assert_eq!(receipt.payment.captured, Cents(FULL));
        assert_eq!(receipt.payment.last4.as_deref(), Some("4242"));
        assert_eq!(receipt.remaining, Cents::ZERO);
        assert_eq!(house.due(&house.maria).await, 0);
        assert_eq!(house.count("effect").await, 1, "one receipt");
        let nothing = refusal(house.payments.start(&house.wish(&house.maria, 0)).await);
        assert_eq!(nothing, Refusal::NothingDue);
        let recent = house.payments.recent(&house.practice, &house.maria).await.unwrap();
        assert_eq!(recent.len(), 1);
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_presses_at_once_make_one_charge() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let wishes: Vec<_> = (0..50).map(|_| house.wish(&house.maria, FULL)).collect();
        let started = join_all(wishes.iter().map(|w| house.payments.start(w))).await;
        let mut secrets = Vec::new();
        for one in started {
            match one {
                Ok(Started::Element { attempt, client_secret, .. }) => {
                    secrets.push((attempt, client_secret));
                }
                Ok(Started::Checking { .. })
                | Err(PayError::Refused(Refusal::InProgress { .. } | Refusal::TryAgain)) => {}
                other => panic!("{other:?}"),
            }
        }
        assert!(!secrets.is_empty());
        assert_eq!(house.count("attempt").await, 1);
        assert_eq!(house.sandbox.intents().len(), 1, "one intent for all tabs");
        for (_, secret) in &secrets {
            let secret = secrecy::ExposeSecret::expose_secret(secret);
            house.sandbox.pay_intent(secret, GOOD_CARD).unwrap();
        }
        let back = secrets.iter().map(|(attempt, _)| house.returned(&house.maria, attempt));
        for outcome in join_all(back).await {
            assert!(matches!(outcome, Outcome::Paid(_)), "{outcome:?}");
        }
        assert_eq!(house.payments_of(&house.maria).await.len(), 1);
        assert_eq!(house.count("effect").await, 1);
        assert_eq!(house.sandbox.kept_cents(), FULL);
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_card_leaves_the_bill_unpaid_and_another_card_pays_it() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let (attempt, secret) = house.start(&house.wish(&house.maria, FULL)).await;
        let end = house.sandbox.pay_intent(&secret, EMPTY_CARD).unwrap();
        assert!(matches!(end, PaymentEnd::Declined { .. }), "{end:?}");
        let outcome = house.returned(&house.maria, &attempt).await;
        let kind = DeclineKind::InsufficientFunds;
        assert_eq!(outcome, Outcome::Declined { kind, declines: 1 });
        assert_eq!(house.sandbox.intents()[0].status, "canceled");
        assert_eq!(house.due(&house.maria).await, FULL);
        // The old secret is worth nothing now.
        let late = house.sandbox.pay_intent(&secret, GOOD_CARD).unwrap();
        assert!(matches!(late, PaymentEnd::NotPayable(_)));

        house.pay(&house.maria, FULL, FULL).await;
        assert_eq!(house.count("payment").await, 1, "a decline is not a payment");
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_form_again_is_the_same_payment() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let wish = house.wish(&house.maria, FULL);
        let (first, secret) = house.start(&wish).await;
        let (again, same_secret) = house.start(&wish).await;
        assert_eq!((&first, &secret), (&again, &same_secret));

        let mut other = wish.clone();
        other.choice = Choice::Other(Cents(5_000));
        assert_eq!(refusal(house.payments.start(&other).await), Refusal::FormReused);

        house.sandbox.pay_intent(&secret, GOOD_CARD).unwrap();
        house.returned(&house.maria, &first).await;
        house.advance_minutes(300);
        match house.payments.start(&wish).await.unwrap() {
            Started::Paid(receipt) => assert_eq!(receipt.payment.captured, Cents(FULL)),
            other => panic!("{other:?}"),
        }
        assert_eq!(house.sandbox.charges().len(), 1);
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_works_for_one_account_and_one_day() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let (joe, _) = house.somebody("Joe Park", &[5_000]).await;
        let mut stolen = house.wish(&joe, 5_000);
        stolen.form = house.payments.mint_form(&house.practice, &house.maria);
        assert_eq!(refusal(house.payments.start(&stolen).await), Refusal::BadForm);
        stolen.form = "att_1.9999999999999.x".into();
        assert_eq!(refusal(house.payments.start(&stolen).await), Refusal::BadForm);

        let old = house.wish(&house.maria, FULL);
        house.advance_minutes(24 * 60 + 1);
        assert_eq!(refusal(house.payments.start(&old).await), Refusal::FormExpired);
        assert_eq!(house.count("attempt").await, 0);
        assert!(house.sandbox.intents().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_amounts_reach_neither_the_processor_nor_the_book() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let range = AmountRange { least: Cents(1_000), most: Cents(FULL) };
        for amount in [i64::MIN, -1, 0, 1, 999, FULL + 1, 100_000_000, i64::MAX] {
            let mut wish = house.wish(&house.maria, FULL);
            wish.choice = Choice::Other(Cents(amount));
            let refused = refusal(house.payments.start(&wish).await);
            assert_eq!(refused, Refusal::AmountOutOfRange { range }, "{amount}");
        }
        let lied = house.wish(&house.maria, 100);
        let changed = refusal(house.payments.start(&lied).await);
        assert_eq!(changed, Refusal::AmountChanged { due: Cents(FULL) });
        let nobody = house.wish(&GuarantorId::trusted("gua_nobody"), FULL);
        assert_eq!(refusal(house.payments.start(&nobody).await), Refusal::NotFound);
        let mut held = house.wish(&house.maria, FULL);
        held.is_held = true;
        assert_eq!(refusal(house.payments.start(&held).await), Refusal::NotPayableOnline);
        assert_eq!(house.count("attempt").await, 0);
        assert!(house.sandbox.intents().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_that_changed_between_page_and_button_is_not_charged() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let wish = house.wish(&house.maria, FULL);
        let (practice, claim) = (&house.practice, &house.marias_claim);
        store::scratch::mark_patient_due(&house.store, practice, claim, Cents(6_400))
            .await
            .unwrap();
        let changed = refusal(house.payments.start(&wish).await);
        assert_eq!(changed, Refusal::AmountChanged { due: Cents(6_400) });
        house.pay(&house.maria, 6_400, 6_400).await;
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_device_waits_or_takes_over_when_it_says_so() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let (first, secret) = house.start(&house.wish(&house.maria, FULL)).await;
        let mut second = house.wish(&house.maria, FULL);
        second.choice = Choice::Other(Cents(4_000));
        match refusal(house.payments.start(&second).await) {
            Refusal::InProgress { attempt, amount, is_checking, .. } => {
                assert_eq!((attempt, amount, is_checking), (first.clone(), Cents(FULL), false));
            }
            other => panic!("{other:?}"),
        }

        second.restart = true;
        let (other, its_secret) = house.start(&second).await;
        assert_ne!(first, other);
        let late = house.sandbox.pay_intent(&secret, GOOD_CARD).unwrap();
        assert!(matches!(late, PaymentEnd::NotPayable(_)), "the first intent is cancelled");
        assert_eq!(
            house.returned(&house.maria, &first).await,
            Outcome::Over { state: AttemptState::Cancelled }
        );
        house.sandbox.pay_intent(&its_secret, GOOD_CARD).unwrap();
        assert!(matches!(house.returned(&house.maria, &other).await, Outcome::Paid(_)));
        assert_eq!(house.due(&house.maria).await, FULL - 4_000);
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn taking_over_a_payment_that_went_through_says_so() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let (first, secret) = house.start(&house.wish(&house.maria, FULL)).await;
        house.sandbox.pay_intent(&secret, GOOD_CARD).unwrap();
        let mut second = house.wish(&house.maria, FULL);
        second.restart = true;
        match refusal(house.payments.start(&second).await) {
            Refusal::AlreadyPaid { attempt, amount, .. } => {
                assert_eq!((attempt, amount), (first, Cents(FULL)));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(house.payments_of(&house.maria).await.len(), 1);
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn paying_on_the_processors_page_settles_from_its_intent() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let wish = house.wish_checkout(&house.maria, FULL);
        let (attempt, url) = match house.payments.start(&wish).await.unwrap() {
            Started::Checkout { attempt, url, .. } => (attempt, url),
            other => panic!("{other:?}"),
        };
        // Back without paying, then again: the same page.
        let outcome = house.returned(&house.maria, &attempt).await;
        assert_eq!(outcome, Outcome::Open { amount: Cents(FULL) });
        match house.payments.start(&house.wish_checkout(&house.maria, FULL)).await.unwrap() {
            Started::Checkout { url: again, .. } => assert_eq!(url, again),
            other => panic!("{other:?}"),
        }

        let session = url.rsplit('/').next().unwrap();
        let declined = house.sandbox.pay_checkout(session, EMPTY_CARD).unwrap();
        assert!(matches!(declined, CheckoutEnd::Other(PaymentEnd::Declined { .. })));
        let outcome = house.returned(&house.maria, &attempt).await;
        assert_eq!(outcome, Outcome::Open { amount: Cents(FULL) }, "she may try another there");
        let paid = house.sandbox.pay_checkout(session, GOOD_CARD).unwrap();
        assert!(matches!(paid, CheckoutEnd::Paid { .. }), "{paid:?}");
        assert!(matches!(house.returned(&house.maria, &attempt).await, Outcome::Paid(_)));
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_the_processors_page_for_the_card_form_expires_the_page() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let wish = house.wish_checkout(&house.maria, FULL);
        let Started::Checkout { url, .. } = house.payments.start(&wish).await.unwrap() else {
            panic!("a page")
        };
        let mut card = house.wish(&house.maria, FULL);
        assert!(matches!(card.how, How::Element));
        assert!(matches!(refusal(house.payments.start(&card).await), Refusal::InProgress { .. }));
        card.restart = true;
        let (attempt, secret) = house.start(&card).await;
        let session = url.rsplit('/').next().unwrap();
        let late = house.sandbox.pay_checkout(session, GOOD_CARD).unwrap();
        assert!(matches!(late, CheckoutEnd::Other(_)), "{late:?}");
        house.sandbox.pay_intent(&secret, GOOD_CARD).unwrap();
        assert!(matches!(house.returned(&house.maria, &attempt).await, Outcome::Paid(_)));
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_processor_refuses_the_key_nothing_stays_open() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let mut wrong = house.merchant.clone();
        wrong.secret_key = "sk_test_wrong".into();
        house.set_merchant(&wrong).await;
        let refused = refusal(house.payments.start(&house.wish(&house.maria, FULL)).await);
        assert_eq!(refused, Refusal::NotSetUp);
        assert_eq!(house.count("task").await, 1, "a person is told");
        house.set_merchant(&house.merchant).await;
        house.pay(&house.maria, FULL, FULL).await;
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_requests_charge_nobody() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        house.fault(FaultRule::new(Vendor::Stripe, "payment_intents.create", FaultKind::RateLimit));
        let wish = house.wish(&house.maria, FULL);
        assert_eq!(refusal(house.payments.start(&wish).await), Refusal::TryAgain);
        let (attempt, secret) = house.start(&wish).await;
        house.sandbox.pay_intent(&secret, GOOD_CARD).unwrap();
        assert!(matches!(house.returned(&house.maria, &attempt).await, Outcome::Paid(_)));
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_take_over_that_read_too_early_leaves_a_payable_attempt_alone() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        // Another server saw the attempt before its intent was committed, and closes it now.
        let (attempt, secret) = house.start(&house.wish(&house.maria, FULL)).await;
        let (practice, id, now) = (house.practice.clone(), attempt.clone(), house.world.now());
        let close = house.store.write(move |db| {
            let (practice, id) = (practice.clone(), id.clone());
            Box::pin(async move {
                let ending = store::attempt::Ending::default();
                let state = AttemptState::Cancelled;
                store::attempt::mark_closed(db, &practice, &id, None, state, &ending, now).await
            })
        });
        assert!(!close.await.unwrap(), "its secret is in somebody's browser");
        let mut other = house.wish(&house.maria, FULL);
        other.choice = Choice::Other(Cents(4_000));
        let refused = refusal(house.payments.start(&other).await);
        assert!(matches!(refused, Refusal::InProgress { .. }), "{refused:?}");
        house.sandbox.pay_intent(&secret, GOOD_CARD).unwrap();
        assert!(matches!(house.returned(&house.maria, &attempt).await, Outcome::Paid(_)));
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tabs_that_keep_taking_over_each_other_charge_no_more_than_is_due() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        // Restarts with three amounts at once, and everybody who got a secret pays with it.
        let wishes: Vec<_> = (0..24)
            .map(|n| {
                let mut wish = house.wish(&house.maria, FULL);
                wish.restart = true;
                wish.choice = Choice::Other(Cents(FULL - 100 * (n % 3)));
                wish
            })
            .collect();
        let payers = wishes.iter().map(async |wish| {
            if let Ok(Started::Element { client_secret, .. }) = house.payments.start(wish).await {
                let secret = secrecy::ExposeSecret::expose_secret(&client_secret);
                house.sandbox.pay_intent(secret, GOOD_CARD).unwrap();
            }
        });
        join_all(payers).await;
        house.advance_minutes(3);
        house.payments.sweep().await.unwrap();
        house.advance_minutes(61);
        house.payments.sweep().await.unwrap();
        assert!(house.sandbox.kept_cents() <= FULL, "{}", house.sandbox.kept_cents());
        assert!(house.payments_of(&house.maria).await.len() <= 1);
        house.check().await;
    }
}
