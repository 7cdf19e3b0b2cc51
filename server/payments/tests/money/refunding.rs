use domain::{
    clock::{HOUR_MS, MINUTE_MS},
    money::Cents,
    payment::{RefundReason, RefundState, Refusal},
};
use futures_util::future::join_all;
use payments::{ApplyLine, PayError, Refunding, WishedRefund};
use sandbox::{FaultKind, FaultRule, Vendor};
use store::payment::Payment;

use crate::house::{FULL, House, biller, houses};

fn wish(house: &House, payment: &Payment, amount: i64) -> WishedRefund {
    WishedRefund {
        practice: house.practice.clone(),
        payment: payment.id.clone(),
        amount: Cents(amount),
        reason: RefundReason::PatientAsked,
        staff: biller(),
        limit: None,
        expected_version: None,
    }
}

fn refusal(result: Result<Refunding, PayError>) -> Refusal {
    match result {
        Err(PayError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn money_goes_back_in_parts_and_never_more_than_came() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let payment = house.pay(&house.maria, FULL, FULL).await.payment;
        let part = house.payments.refund(&wish(&house, &payment, 3_000)).await.unwrap();
        assert!(matches!(part, Refunding::Done(_)), "{part:?}");
        assert_eq!(house.due(&house.maria).await, 3_000);
        let too_much = refusal(house.payments.refund(&wish(&house, &payment, 5_201)).await);
        assert_eq!(too_much, Refusal::OnlyUnapplied { cents: Cents(5_200) });
        for bad in [0, -1] {
            let refused = refusal(house.payments.refund(&wish(&house, &payment, bad)).await);
            assert_eq!(refused, Refusal::AmountMissing);
        }
        house.payments.refund(&wish(&house, &payment, 5_200)).await.unwrap();
        assert_eq!(house.sandbox.kept_cents(), 0);
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_refund_at_once_give_the_money_back_once() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let payment = house.pay(&house.maria, FULL, FULL).await.payment;
        let wishes: Vec<_> = (0..8).map(|_| wish(&house, &payment, FULL)).collect();
        let results = join_all(wishes.iter().map(|w| house.payments.refund(w))).await;
        assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1);
        assert_eq!(house.sandbox.refunds().len(), 1);
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_without_an_answer_is_found_again_and_posted_once() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let payment = house.pay(&house.maria, FULL, FULL).await.payment;
        let silent =
            FaultRule::new(Vendor::Stripe, "refunds.create", FaultKind::TimeoutAfterSuccess);
        house.fault(silent.with_ms(4_000));
        let asked = house.payments.refund(&wish(&house, &payment, 2_000)).await.unwrap();
        match asked {
            Refunding::UnderWay(refund) => assert_eq!(refund.state, RefundState::Pending),
            other => panic!("{other:?}"),
        }
        // Reserved: nobody gives it out again.
        let refused = refusal(house.payments.refund(&wish(&house, &payment, FULL)).await);
        assert_eq!(refused, Refusal::OnlyUnapplied { cents: Cents(FULL - 2_000) });
        house.advance_minutes(1);
        assert_eq!(house.payments.sweep().await.unwrap().refunds_looked_at, 1);
        house.advance_minutes(120);
        house.payments.sweep().await.unwrap();
        assert_eq!(house.sandbox.refunds().len(), 1);
        assert_eq!(house.due(&house.maria).await, 2_000);
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_the_processor_never_heard_of_is_asked_for_again() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let payment = house.pay(&house.maria, FULL, FULL).await.payment;
        house.fault(FaultRule::new(Vendor::Stripe, "refunds.create", FaultKind::Reset));
        let asked = house.payments.refund(&wish(&house, &payment, 2_000)).await.unwrap();
        assert!(matches!(asked, Refunding::UnderWay(_)));
        assert!(house.sandbox.refunds().is_empty());
        house.advance_minutes(1);
        house.payments.sweep().await.unwrap();
        assert_eq!(house.sandbox.refunds().len(), 1);
        house.check().await;
    }
}

impl House {
    /// Sweeps wherever something is due, until nothing is; how often a refund was looked at.
    async fn sweep_to_rest(&self) -> usize {
        let mut looks = 0;
        while let Some(next) = self.payments.next_due().await.unwrap() {
            assert!(looks < 100, "a refund is asked for without end");
            self.advance_minutes((next.since(self.world.now()) + MINUTE_MS - 1) / MINUTE_MS);
            looks += self.payments.sweep().await.unwrap().refunds_looked_at;
        }
        looks
    }

    /// The processor's news of its first refund.
    async fn hear_of_refund(&self, kind: &str) {
        let refund = self.sandbox.refunds()[0].clone();
        let object = format!(
            r#"{{"id":"{}","object":"refund","payment_intent":"{}"}}"#,
            refund.id, refund.payment_intent
        );
        self.event("evt_1", kind, &object).await.unwrap();
        assert_eq!(self.payments.drain_webhooks().await.unwrap(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_the_processor_answers_with_one_error_for_ever_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let payment = house.pay(&house.maria, FULL, FULL).await.payment;
        // Its key keeps the error, and every repetition gets it again.
        house.fault(FaultRule::new(Vendor::Stripe, "refunds.create", FaultKind::Error500));
        let asked = house.payments.refund(&wish(&house, &payment, 2_000)).await.unwrap();
        assert!(matches!(asked, Refunding::UnderWay(_)), "{asked:?}");
        assert_eq!(house.due(&house.maria).await, 2_000);
        let (began, looks) = (house.world.now(), house.sweep_to_rest().await);
        assert!(looks < 50, "looked at {looks} times in a day: the processor is asked ever less");
        assert!(house.world.now().since(began) > 25 * HOUR_MS, "not before its key is free again");
        assert!(house.sandbox.refunds().is_empty());
        assert_eq!(house.due(&house.maria).await, 0, "nothing went back");
        assert_eq!(house.count("task").await, 1, "a person is told");
        // Whoever asks again asks anew.
        let again = house.payments.refund(&wish(&house, &payment, 2_000)).await.unwrap();
        assert!(matches!(again, Refunding::Done(_)), "{again:?}");
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_was_given_up_and_turns_up_is_booked_and_reopens_the_bill() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let payment = house.pay(&house.maria, FULL, FULL).await.payment;
        let lost = FaultRule::new(Vendor::Stripe, "refunds.create", FaultKind::Reset);
        house.fault(lost.times(1_000));
        house.payments.refund(&wish(&house, &payment, 2_000)).await.unwrap();
        house.sweep_to_rest().await;
        let line = ApplyLine { claim: house.marias_claim.clone(), amount: Cents(FULL) };
        let version = house.version(&payment).await;
        let (p, by) = (&house.practice, biller());
        house.payments.apply(p, &payment.id, &[line], version, &by).await.unwrap();
        house.sandbox.clear_faults().unwrap();
        let late = connect::gateway::NewRefund {
            key: format!("{}:refund:1", payment.attempt),
            intent_id: payment.intent_id.clone(),
            amount: Cents(2_000),
            reason: connect::gateway::RefundReason::RequestedByPayer,
        };
        let gateway = payments::ready_gateway(&house.merchant, 2_000).unwrap();
        gateway.refund(late).await.unwrap();
        house.hear_of_refund("refund.created").await;
        assert_eq!(house.count("refund").await, 1, "the one we had asked for");
        assert_eq!(house.due(&house.maria).await, 2_000);
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_comes_back_is_unapplied_again() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let payment = house.pay(&house.maria, FULL, FULL).await.payment;
        house.payments.refund(&wish(&house, &payment, 2_000)).await.unwrap();
        assert!(house.sandbox.fail_refund(&house.sandbox.refunds()[0].id).unwrap());
        house.hear_of_refund("refund.failed").await;
        assert_eq!(house.due(&house.maria).await, 0);
        assert_eq!(house.count("task").await, 1, "a person is told");
        let faults = house.payments.faults().await.unwrap();
        assert!(faults.is_empty(), "{faults:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_unapplied_money_is_refunded() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let payment = house.pay(&house.maria, FULL, FULL).await.payment;
        let line = ApplyLine { claim: house.marias_claim.clone(), amount: Cents(4_200) };
        house
            .payments
            .apply(&house.practice, &payment.id, &[line], payment.version, &biller())
            .await
            .unwrap();
        let refused = refusal(house.payments.refund(&wish(&house, &payment, FULL)).await);
        assert_eq!(refused, Refusal::OnlyUnapplied { cents: Cents(4_000) });
        let mut above = wish(&house, &payment, 4_000);
        above.limit = Some(Cents(2_500));
        let refused = refusal(house.payments.refund(&above).await);
        assert_eq!(refused, Refusal::AboveLimit { limit: Cents(2_500) });
        house.payments.refund(&wish(&house, &payment, 4_000)).await.unwrap();
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_made_at_the_processor_is_booked_and_reopens_the_bill() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let payment = house.pay(&house.maria, FULL, FULL).await.payment;
        let line = ApplyLine { claim: house.marias_claim.clone(), amount: Cents(FULL) };
        house
            .payments
            .apply(&house.practice, &payment.id, &[line], payment.version, &biller())
            .await
            .unwrap();
        let gateway = payments::ready_gateway(&house.merchant, 2_000).unwrap();
        let elsewhere = connect::gateway::NewRefund {
            key: "of the dashboard".into(),
            intent_id: payment.intent_id.clone(),
            amount: Cents(1_200),
            reason: connect::gateway::RefundReason::RequestedByPayer,
        };
        gateway.refund(elsewhere).await.unwrap();
        house.advance_minutes(61);
        let report = house.payments.sweep().await.unwrap();
        assert_eq!(report.compared.refunds, 1);
        assert_eq!(house.due(&house.maria).await, 1_200);
        let status = store::scratch::find_claim_status(&house.store, &house.marias_claim).await;
        assert_eq!(status.unwrap(), "ready");
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_refund_form_sent_twice_gives_back_once() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let payment = house.pay(&house.maria, FULL, FULL).await.payment;
        let seen = Some(house.version(&payment).await);
        let form = WishedRefund { expected_version: seen, ..wish(&house, &payment, 2_000) };
        house.payments.refund(&form).await.unwrap();
        let again = refusal(house.payments.refund(&form).await);
        assert!(matches!(again, Refusal::ChangedMeanwhile { .. }), "{again:?}");
        assert_eq!(house.sandbox.refunds().len(), 1);
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_holds_for_several_small_refunds_of_one_payment() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let payment = house.pay(&house.maria, FULL, FULL).await.payment;
        let limit = Some(Cents(3_000));
        let small = WishedRefund { limit, ..wish(&house, &payment, 2_000) };
        house.payments.refund(&small).await.unwrap();
        let refused = refusal(house.payments.refund(&small).await);
        assert_eq!(refused, Refusal::AboveLimit { limit: Cents(3_000) });
        house.payments.refund(&wish(&house, &payment, 2_000)).await.unwrap();
        house.check().await;
    }
}
