use domain::{
    money::Cents,
    payment::{DisputeState, RefundReason, Refusal},
};
use payments::{ApplyLine, PayError, WishedRefund};
use sandbox::{FaultKind, FaultRule, Vendor};
use store::payment::Payment;

use crate::house::{FULL, GOOD_CARD, House, biller, houses};

impl House {
    /// Maria's bill is paid, and the money is on her claim.
    async fn paid_and_applied(&self) -> Payment {
        let payment = self.pay(&self.maria, FULL, FULL).await.payment;
        let line = ApplyLine { claim: self.marias_claim.clone(), amount: Cents(FULL) };
        let (practice, version) = (&self.practice, payment.version);
        self.payments.apply(practice, &payment.id, &[line], version, &biller()).await.unwrap();
        payment
    }

    fn charge_of(&self, payment: &Payment) -> String {
        let charges = self.sandbox.charges();
        let its = charges.iter().find(|c| c.succeeded && c.payment_intent == payment.intent_id);
        its.unwrap().id.clone()
    }

    fn disputed(&self, payment: &Payment) -> String {
        self.sandbox.dispute(&self.charge_of(payment), "fraudulent").unwrap().unwrap()
    }

    /// An event about a dispute arrives, whatever it claims, and is worked.
    async fn hears_of(&self, event: &str, dispute: &str, payment: &Payment, claimed: &str) {
        let object = format!(
            r#"{{"id":"{dispute}","object":"dispute","status":"{claimed}","amount":{FULL},"payment_intent":"{}"}}"#,
            payment.intent_id
        );
        self.event(event, "charge.dispute.updated", &object).await.unwrap();
        self.payments.drain_webhooks().await.unwrap();
    }

    async fn dispute_state(&self, payment: &Payment) -> Option<DisputeState> {
        let mut db = self.store.read().await.unwrap();
        let found = store::payment::find(&mut db, &self.practice, &payment.id).await.unwrap();
        found.unwrap().dispute
    }

    async fn is_held(&self) -> bool {
        let mut db = self.store.read().await.unwrap();
        let holds = store::hold::list(&mut db, &self.practice, &self.maria).await.unwrap();
        holds.iter().any(|hold| hold.lifted_at.is_none())
    }

    async fn refund_is_refused(&self, payment: &Payment) -> Option<Refusal> {
        let wish = WishedRefund {
            practice: self.practice.clone(),
            payment: payment.id.clone(),
            amount: Cents(100),
            reason: RefundReason::PatientAsked,
            staff: biller(),
            limit: None,
            expected_version: None,
        };
        match self.payments.refund(&wish).await {
            Err(PayError::Refused(refusal)) => Some(refusal),
            Ok(_) => None,
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_dispute_opens_the_bill_again() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let payment = house.paid_and_applied().await;
        let dispute = house.disputed(&payment);
        house.hears_of("evt_1", &dispute, &payment, "needs_response").await;
        assert_eq!(house.refund_is_refused(&payment).await, Some(Refusal::Disputed));
        assert!(house.is_held().await, "nobody is reminded meanwhile");

        assert!(house.sandbox.close_dispute(&dispute, false).unwrap());
        house.hears_of("evt_2", &dispute, &payment, "lost").await;
        // A late event about the time before, and the same news again.
        house.hears_of("evt_3", &dispute, &payment, "under_review").await;
        assert_eq!(house.dispute_state(&payment).await, Some(DisputeState::Lost));
        assert_eq!(house.due(&house.maria).await, FULL);
        assert!(!house.is_held().await);
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_calls_a_dispute_lost_takes_no_money_the_processor_still_has() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let payment = house.paid_and_applied().await;
        let dispute = house.disputed(&payment);
        house.hears_of("evt_1", &dispute, &payment, "lost").await;
        assert_eq!(house.dispute_state(&payment).await, Some(DisputeState::Open));
        assert_eq!(house.due(&house.maria).await, 0);
        // And of a dispute that does not exist nothing is believed.
        assert!(house.sandbox.close_dispute(&dispute, true).unwrap());
        house.hears_of("evt_2", "dp_of_nobody", &payment, "lost").await;
        assert_eq!(house.dispute_state(&payment).await, Some(DisputeState::Won));
        assert!(!house.is_held().await);
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_banks_question_a_dispute_of_the_same_payment_still_counts() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let payment = house.paid_and_applied().await;
        let question = house.sandbox.inquire(&house.charge_of(&payment)).unwrap().unwrap();
        house.hears_of("evt_1", &question, &payment, "warning_needs_response").await;
        assert_eq!(house.dispute_state(&payment).await, Some(DisputeState::Inquiry));
        assert!(!house.is_held().await, "a question holds nothing");
        assert_ne!(house.refund_is_refused(&payment).await, Some(Refusal::Disputed));
        assert!(house.sandbox.close_dispute(&question, true).unwrap());
        house.hears_of("evt_2", &question, &payment, "warning_closed").await;

        let dispute = house.disputed(&payment);
        house.hears_of("evt_3", &dispute, &payment, "needs_response").await;
        assert_eq!(house.dispute_state(&payment).await, Some(DisputeState::Open));
        assert!(house.is_held().await);
        assert!(house.sandbox.close_dispute(&dispute, false).unwrap());
        house.hears_of("evt_4", &dispute, &payment, "lost").await;
        assert_eq!(house.due(&house.maria).await, FULL);
        // Each step is somebody's task: two of the question, two of the dispute.
        let mut db = house.store.read().await.unwrap();
        let tasks = store::task::list_by_guarantor(&mut db, &house.practice, &house.maria).await;
        let told = tasks.unwrap().iter().filter(|t| t.kind == "payment_disputed").count();
        assert_eq!(told, 4);
        drop(db);
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_whose_every_event_was_lost_is_found_and_followed_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let payment = house.paid_and_applied().await;
        house.payments.sweep().await.unwrap();
        // Weeks after the payment, when the list of payments no longer shows it.
        house.advance_minutes(20 * 24 * 60);
        house.payments.sweep().await.unwrap();
        let dispute = house.disputed(&payment);
        house.advance_minutes(61);
        let report = house.payments.sweep().await.unwrap();
        assert_eq!(report.compared.disputes, 1, "{report:?}");
        assert!(house.is_held().await);

        assert!(house.sandbox.close_dispute(&dispute, false).unwrap());
        house.advance_minutes(25 * 60);
        // The processor is silent on that day, and the next look is made all the same.
        let silent = FaultKind::TimeoutAfterSuccess;
        house
            .fault(FaultRule::new(Vendor::Stripe, "disputes.list", silent).with_ms(4_000).times(2));
        let report = house.payments.sweep().await.unwrap();
        assert_eq!((report.disputes_looked_at, report.failed), (1, 0), "{report:?}");
        assert_eq!(house.due(&house.maria).await, 0);
        house.advance_minutes(25 * 60);
        house.payments.sweep().await.unwrap();
        assert_eq!(house.due(&house.maria).await, FULL);
        house.advance_minutes(25 * 60);
        let report = house.payments.sweep().await.unwrap();
        assert_eq!(report.disputes_looked_at, 0, "what is decided is let be");
        house.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_that_is_heard_of_before_its_payment_books_the_payment_first() {
    let dir = tempfile::tempdir().unwrap();
    for house in houses(dir.path()).await {
        let (_, secret) = house.start(&house.wish(&house.maria, FULL)).await;
        house.sandbox.pay_intent(&secret, GOOD_CARD).unwrap();
        let charge = house.sandbox.charges()[0].clone();
        let dispute = house.sandbox.dispute(&charge.id, "fraudulent").unwrap().unwrap();
        let object = format!(
            r#"{{"id":"{dispute}","object":"dispute","payment_intent":"{}"}}"#,
            charge.payment_intent
        );
        house.event("evt_1", "charge.dispute.created", &object).await.unwrap();
        house.payments.drain_webhooks().await.unwrap();
        let paid = house.payments_of(&house.maria).await;
        assert_eq!(paid.len(), 1);
        house.advance_minutes(1);
        house.payments.drain_webhooks().await.unwrap();
        assert_eq!(house.dispute_state(&paid[0]).await, Some(DisputeState::Open));
        // One that belongs to no payment of ours is told to a person.
        house
            .event("evt_2", "charge.dispute.created", &object.replace("pi_", "pi_no"))
            .await
            .unwrap();
        house.payments.drain_webhooks().await.unwrap();
        let mut db = house.store.read().await.unwrap();
        let open = store::task::list_open(&mut db, &house.practice, None, 50).await.unwrap();
        assert!(open.iter().any(|task| task.kind == "payment_quarantined"), "{open:?}");
        drop(db);
        house.check().await;
    }
}
