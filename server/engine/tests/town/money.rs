//! Payments as the engine sees them: receipts, and reminders that they make needless.

use connect::channel::ChannelError;
use domain::{
    clock::{DAY_MS, HOUR_MS},
    decide::{Channel, RuleId},
    id::{AttemptId, GuarantorId, PaymentId, PracticeId},
    money::Cents,
    payment::{Flow, Source},
};
use store::{
    Db, attempt, effect,
    message::State,
    payment::{self, Payment},
    posting::{self, Entry, JournalKind, NewJournal},
};

use crate::town::{Fault, Person, Town, at, everywhere};

const ANA: &str = "+12125550111";

#[tokio::test]
async fn a_payment_at_night_is_receipted_by_email_at_once_and_by_text_in_the_morning() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        town.email_of(&ana, "ana@example.org").await;
        town.clock.set(at("2026-03-04T22:30:00-05:00"));
        town.pay(&ana, 50_00, None).await;
        town.pass_ms(HOUR_MS).await;
        let by_email = town.provider.to("ana@example.org");
        assert_eq!(by_email.len(), 1);
        assert!(by_email[0].body.contains("50.00") && by_email[0].body.contains("Left: $32.00"));
        assert!(town.provider.to(ANA).is_empty());
        town.until(at("2026-03-05T09:00:00-05:00")).await;
        assert_eq!(town.provider.to(ANA).len(), 1);
        town.pass_ms(2 * DAY_MS).await;
        assert_eq!(town.provider.all().len(), 2, "one on each channel, ever");
    })
    .await;
}

#[tokio::test]
async fn a_stranger_who_pays_gets_a_receipt_that_tells_nothing_else() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        town.email_of(&ana, "ana@example.org").await;
        town.pay(&ana, 50_00, Some("aunt@example.org")).await;
        town.pass_ms(HOUR_MS).await;
        let sent = town.provider.to("aunt@example.org");
        assert_eq!(sent.len(), 1);
        assert!(!sent[0].body.contains("Left") && !sent[0].body.contains("Ana"));
        let emails = town.provider.all();
        assert_eq!(emails.iter().filter(|o| o.channel == Channel::Email).count(), 1);
    })
    .await;
}

#[tokio::test]
async fn whoever_unsubscribes_while_a_receipt_waits_still_gets_it() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        town.email_of(&ana, "ana@example.org").await;
        let job = town.draft(&town.by_email()).await;
        town.approve(&job).await;
        town.pass_ms(HOUR_MS).await;
        let reminder = town.provider.to("ana@example.org");
        let url = reminder[0].unsubscribe.clone().expect("one-click unsubscribe");
        // The receipt's text and its email: both are put off.
        let busy = || ChannelError::Retry { after_ms: None, code: None };
        town.provider.meets(Fault::Says(busy()));
        town.provider.meets(Fault::Says(busy()));
        town.pay(&ana, 50_00, None).await;
        town.engine.tick().await.expect("tick");
        assert_eq!(town.provider.to("ana@example.org").len(), 1, "the receipt waits");
        let token = url.rsplit('/').next().expect("a token");
        town.engine.unsubscribe(token).await.expect("unsubscribed");
        town.pass_ms(HOUR_MS).await;
        assert_eq!(town.provider.to("ana@example.org").len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_part_payment_after_the_yes_takes_the_reminder_back() {
    everywhere(async |town| {
        let ana = town.person("Ana", ANA, 82_00).await;
        town.remind_all().await;
        town.pay(&ana, 50_00, None).await;
        town.pass_ms(HOUR_MS).await;
        let reminders: Vec<_> = town
            .history(&ana.guarantor)
            .await
            .into_iter()
            .filter(|line| line.kind == "reminder")
            .collect();
        assert_eq!(reminders[0].state, State::Cancelled);
        let why = RuleId::PaidSinceApproval.as_str();
        assert_eq!(reminders[0].end_reason.as_deref(), Some(why));
        let list = town.engine.confirm_list(&town.practice, &town.by_text()).await.expect("list");
        assert_eq!(list.eligible[0].due, Cents(32_00), "what is left, net of the payment");
    })
    .await;
}

impl Town {
    /// A settled payment, as the payments' side books it.
    pub async fn pay(&self, person: &Person, cents: i64, receipt_to: Option<&'static str>) {
        let (world, practice, guarantor) =
            (self.world.clone(), self.practice.clone(), person.guarantor.clone());
        self.store
            .write(move |db| {
                let (world, practice, guarantor) =
                    (world.clone(), practice.clone(), guarantor.clone());
                Box::pin(async move {
                    book(db, &world, &practice, &guarantor, Cents(cents), receipt_to).await
                })
            })
            .await
            .expect("booked");
    }
}

async fn book(
    db: &mut Db,
    world: &domain::clock::World,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    amount: Cents,
    receipt_to: Option<&str>,
) -> store::Result<()> {
    let now = world.now();
    let attempt_id: AttemptId = world.mint();
    let payment_id: PaymentId = world.mint();
    let new = attempt::NewAttempt {
        id: attempt_id.clone(),
        practice: practice.clone(),
        guarantor: guarantor.clone(),
        flow: Flow::Element,
        source: Source::Link,
        amount,
        currency: "usd".into(),
        shown_due: amount,
        link_hash: None,
        login: None,
        chosen_claims: Vec::new(),
        receipt_email: receipt_to.map(str::to_owned),
        language: "en".into(),
        expires_at: now.plus_ms(HOUR_MS),
        next_look_at: now.plus_ms(HOUR_MS),
    };
    attempt::insert(db, &new, now).await?;
    let intent = format!("pi_{attempt_id}");
    attempt::mark_succeeded(db, practice, &attempt_id, &intent, now).await?;
    let payment = Payment {
        id: payment_id.clone(),
        practice: practice.clone(),
        guarantor: guarantor.clone(),
        attempt: attempt_id.clone(),
        intent_id: intent,
        charge_id: None,
        captured: amount,
        currency: "usd".into(),
        source: Source::Link,
        brand: Some("visa".into()),
        last4: Some("4242".into()),
        reference: format!("R-{}", &payment_id.as_str()[24..]),
        received_at: now,
        posted_at: None,
        posted_by: None,
        disputed_at: None,
        dispute: None,
        version: 1,
    };
    payment::insert(db, &payment).await?;
    let journal = NewJournal {
        practice,
        guarantor,
        payment: &payment_id,
        kind: JournalKind::Capture,
        reverses: None,
        actor: "system:test",
        entries: vec![Entry::processor(amount), Entry::unapplied(-amount)],
    };
    posting::insert(db, world, &journal).await?;
    let due =
        effect::ReceiptDue { payment: payment_id.to_string(), attempt: attempt_id.to_string() };
    let payload = serde_json::to_string(&due).expect("plain data");
    let key = format!("receipt:{payment_id}");
    effect::insert(db, world, practice, guarantor, effect::RECEIPT, &key, &payload).await?;
    store::balance::lock(db, practice, guarantor, Some(now)).await?;
    Ok(())
}
