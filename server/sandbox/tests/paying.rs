//! People pay through the card processor's stand-in.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod world;

use sandbox::{FaultKind, FaultRule, PaymentEnd, Vendor};
use world::{Ear, stage, start};

const VISA: &str = "4242424242424242";

#[actix_web::test]
async fn a_declined_card_leaves_the_payment_open_for_another() {
    let stage = stage().await;
    let bill = stage.bill().await;
    let (id, secret) = (bill.id(), bill.text("/client_secret").to_owned());
    let confirm = format!("payment_intents/{id}/confirm");
    let declined =
        stage.post(&confirm, &[("payment_method", "pm_card_chargeDeclinedInsufficientFunds")]);
    let declined = declined.await;
    assert_eq!(declined.status, 400, "a return address is missing: {}", declined.text);
    let form = [
        ("payment_method", "pm_card_visa_chargeDeclinedInsufficientFunds"),
        ("return_url", "http://127.0.0.1:1/back"),
    ];
    let declined = stage.post(&confirm, &form).await;
    assert_eq!(declined.status, 402);
    assert_eq!(declined.text("/error/type"), "card_error");
    assert_eq!(declined.text("/error/code"), "card_declined");
    assert_eq!(declined.text("/error/decline_code"), "insufficient_funds");
    assert_eq!(declined.text("/error/payment_intent/status"), "requires_payment_method");
    let now = stage.get(&format!("payment_intents/{id}?expand[]=latest_charge")).await;
    assert_eq!(now.text("/last_payment_error/decline_code"), "insufficient_funds");
    assert_eq!(now.text("/latest_charge/status"), "failed");

    assert_eq!(stage.sandbox.pay_intent(&secret, VISA).unwrap(), PaymentEnd::Succeeded);
    let paid = stage.get(&format!("payment_intents/{id}?expand[]=latest_charge")).await;
    assert_eq!(paid.text("/status"), "succeeded");
    assert_eq!(paid.json["amount_received"], 8200);
    assert_eq!(paid.text("/latest_charge/payment_method_details/card/last4"), "4242");
    assert_eq!(paid.text("/latest_charge/metadata/attempt"), "att_1");
    assert!(paid.json["last_payment_error"].is_null());
    assert_eq!(stage.sandbox.kept_cents(), 8200);
    assert_eq!(stage.sandbox.charges().len(), 2);
}

#[actix_web::test]
async fn paying_twice_charges_once() {
    let stage = stage().await;
    let secret = stage.bill().await.text("/client_secret").to_owned();
    assert_eq!(stage.sandbox.pay_intent(&secret, VISA).unwrap(), PaymentEnd::Succeeded);
    let again = stage.sandbox.pay_intent(&secret, VISA).unwrap();
    assert!(matches!(again, PaymentEnd::NotPayable(_)), "{again:?}");
    assert_eq!(stage.sandbox.kept_cents(), 8200);
}

#[actix_web::test]
async fn the_same_key_gives_the_same_answer_and_another_amount_is_refused() {
    let stage = stage().await;
    let form = [("amount", "5000"), ("currency", "usd")];
    let first = stage.post_with_key("payment_intents", &form, "att_7").await;
    let second = stage.post_with_key("payment_intents", &form, "att_7").await;
    assert_eq!(first.json, second.json);
    assert_eq!(first.header("idempotent-replayed"), None);
    assert_eq!(second.header("idempotent-replayed"), Some("true"));
    assert_eq!(second.header("original-request"), first.header("request-id"));
    let other = [("amount", "5001"), ("currency", "usd")];
    let refused = stage.post_with_key("payment_intents", &other, "att_7").await;
    assert_eq!((refused.status, refused.text("/error/type")), (400, "idempotency_error"));
    assert_eq!(stage.sandbox.intents().len(), 1);
}

#[actix_web::test]
async fn a_refused_parameter_leaves_the_key_free() {
    let stage = stage().await;
    let small = [("amount", "49"), ("currency", "usd")];
    let refused = stage.post_with_key("payment_intents", &small, "att_8").await;
    assert_eq!(refused.text("/error/code"), "amount_too_small");
    let right = [("amount", "50"), ("currency", "usd")];
    assert_eq!(stage.post_with_key("payment_intents", &right, "att_8").await.status, 200);
}

#[actix_web::test]
async fn a_canceled_payment_cannot_be_paid_and_a_paid_one_not_canceled() {
    let stage = stage().await;
    let bill = stage.bill().await;
    let canceled = stage.post(&format!("payment_intents/{}/cancel", bill.id()), &[]).await;
    assert_eq!(canceled.text("/status"), "canceled");
    let tried = stage.sandbox.pay_intent(bill.text("/client_secret"), VISA).unwrap();
    assert!(matches!(tried, PaymentEnd::NotPayable(_)));

    let bill = stage.bill().await;
    stage.sandbox.pay_intent(bill.text("/client_secret"), VISA).unwrap();
    let refused = stage.post(&format!("payment_intents/{}/cancel", bill.id()), &[]).await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.text("/error/code"), "payment_intent_unexpected_state");
    assert_eq!(refused.text("/error/payment_intent/status"), "succeeded");
}

#[actix_web::test]
async fn refunds_never_exceed_what_was_captured() {
    let stage = stage().await;
    let bill = stage.bill().await;
    let id = bill.id();
    let early = stage.post("refunds", &[("payment_intent", &id)]).await;
    assert_eq!(early.status, 400);
    stage.sandbox.pay_intent(bill.text("/client_secret"), VISA).unwrap();
    let part =
        [("payment_intent", id.as_str()), ("amount", "8000"), ("reason", "requested_by_customer")];
    let first = stage.post_with_key("refunds", &part, "att_1:refund:1").await;
    assert_eq!((first.status, first.text("/status")), (200, "succeeded"));
    let replayed = stage.post_with_key("refunds", &part, "att_1:refund:1").await;
    assert_eq!(replayed.id(), first.id());
    let too_much = stage.post("refunds", &[("payment_intent", &id), ("amount", "201")]).await;
    assert_eq!(too_much.status, 400);
    assert!(too_much.text("/error/message").contains("($2.01) is greater"), "{}", too_much.text);
    stage.post("refunds", &[("payment_intent", &id)]).await.id();
    let none_left = stage.post("refunds", &[("payment_intent", &id)]).await;
    assert_eq!(none_left.text("/error/code"), "charge_already_refunded");
    assert_eq!(stage.sandbox.kept_cents(), 0);
    let listed = stage.get(&format!("refunds?payment_intent={id}&limit=1")).await;
    assert_eq!(listed.json["data"].as_array().unwrap().len(), 1);
    assert_eq!(listed.json["has_more"], true);

    assert!(stage.sandbox.fail_refund(&first.id()).unwrap());
    assert_eq!(stage.sandbox.kept_cents(), 8000);
}

#[actix_web::test]
async fn a_bank_may_ask_and_a_person_may_refuse() {
    let stage = stage().await;
    let bill = stage.bill().await;
    let (id, secret) = (bill.id(), bill.text("/client_secret").to_owned());
    assert_eq!(
        stage.sandbox.pay_intent(&secret, "4000002500003155").unwrap(),
        PaymentEnd::NeedsApproval
    );
    assert_eq!(
        stage.get(&format!("payment_intents/{id}")).await.text("/status"),
        "requires_action"
    );
    let refused = stage.sandbox.answer_approval(&id, false).unwrap();
    assert!(matches!(refused, PaymentEnd::Declined { .. }), "{refused:?}");
    assert_eq!(stage.sandbox.kept_cents(), 0);
    stage.sandbox.pay_intent(&secret, "4000002500003155").unwrap();
    assert_eq!(stage.sandbox.answer_approval(&id, true).unwrap(), PaymentEnd::Succeeded);
    assert_eq!(stage.sandbox.kept_cents(), 8200);
}

#[actix_web::test]
async fn a_browser_sees_only_the_payment_whose_secret_it_has() {
    let stage = stage().await;
    let bill = stage.bill().await;
    let (id, secret) = (bill.id(), bill.text("/client_secret").to_owned());
    let key = stage.sandbox.stripe_publishable_key().to_owned();
    let url = stage.stripe(&format!("payment_intents/{id}"));
    let ask = |secret: &str| {
        stage.http.get(&url).query(&[("key", key.as_str()), ("client_secret", secret)]).send()
    };
    let seen = ask(&secret).await.unwrap();
    assert_eq!(seen.headers()["access-control-allow-origin"], "*");
    let seen: serde_json::Value = seen.json().await.unwrap();
    assert_eq!(seen["status"], "requires_payment_method");
    assert!(seen.get("metadata").is_none());
    assert_eq!(ask("pi_x_secret_y").await.unwrap().status(), 400);

    let made = stage.http.post(stage.stripe("payment_methods")).form(&[
        ("key", key.as_str()),
        ("type", "card"),
        ("card[number]", VISA),
        ("card[exp_month]", "12"),
        ("card[exp_year]", "40"),
        ("card[cvc]", "123"),
    ]);
    let made: serde_json::Value = made.send().await.unwrap().json().await.unwrap();
    let method = made["id"].as_str().unwrap();
    let paid = stage.http.post(format!("{url}/confirm")).form(&[
        ("key", key.as_str()),
        ("client_secret", &secret),
        ("payment_method", method),
    ]);
    let paid: serde_json::Value = paid.send().await.unwrap().json().await.unwrap();
    assert_eq!(paid["status"], "succeeded");

    let forbidden = stage.http.get(stage.stripe("charges")).bearer_auth(&key).send().await.unwrap();
    assert_eq!(forbidden.status(), 401);
}

#[actix_web::test]
async fn a_wrong_key_gets_nothing() {
    let stage = stage().await;
    let answer =
        stage.http.get(stage.stripe("balance")).bearer_auth("sk_test_wrong").send().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert!(answer.headers().contains_key("request-id"));
    let basic = stage.http.get(stage.stripe("balance"));
    let basic = basic.basic_auth(stage.sandbox.stripe_secret_key(), Some("")).send().await.unwrap();
    assert_eq!(basic.status(), 200);
}

#[actix_web::test]
async fn lists_go_page_by_page_from_the_newest() {
    let stage = stage().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.insert(0, stage.bill().await.id());
    }
    let first = stage.get("payment_intents?limit=2").await;
    let shown: Vec<_> =
        first.json["data"].as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
    assert_eq!(shown, ids[..2]);
    assert_eq!(first.json["has_more"], true);
    let rest = stage.get(&format!("payment_intents?limit=10&starting_after={}", ids[1])).await;
    assert_eq!(rest.json["data"].as_array().unwrap().len(), 3);
    assert_eq!(rest.json["has_more"], false);
}

#[actix_web::test]
async fn what_the_pinned_version_does_not_know_is_refused() {
    let stage = stage().await;
    let form = [("amount", "500"), ("currency", "usd"), ("payment_method_types[]", "card")];
    let refused = stage.post("payment_intents", &form).await;
    assert_eq!(refused.text("/error/code"), "parameter_unknown");
    assert_eq!(stage.get("nothing/here").await.status, 404);
}

#[actix_web::test]
async fn every_event_arrives_signed_and_a_refused_one_comes_again() {
    let stage = stage().await;
    let ear = Ear::open().await;
    let secret = stage.sandbox.webhook_secret().to_owned();
    stage.sandbox.set_webhook_endpoint(&format!("{}/hook", ear.base), &secret).unwrap();
    let bill = stage.bill().await;
    stage.sandbox.pay_intent(bill.text("/client_secret"), VISA).unwrap();
    ear.answers(500, "");
    stage.sandbox.deliver_due().await.unwrap();
    let heard = ear.heard();
    let kinds: Vec<_> = heard.iter().map(|event| event.kind()).collect();
    assert_eq!(kinds, ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]);
    let event = &heard[2];
    assert_eq!(event.json()["api_version"], sandbox::STRIPE_VERSION);
    assert_eq!(event.json()["data"]["object"]["metadata"]["attempt"], "att_1");
    let signature = event.header("stripe-signature");
    let (stamp, given) = signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    assert_eq!(given, hmac_hex(&secret, &[stamp.as_bytes(), b".", &event.body].concat()));

    assert_eq!(stage.sandbox.deliver_due().await.unwrap(), 0);
    stage.clock.advance(5_000);
    stage.sandbox.deliver_due().await.unwrap();
    assert_eq!(ear.kinds(), ["payment_intent.created"]);
    assert_eq!(stage.sandbox.waiting_deliveries(), 0);
}

fn hmac_hex(secret: &str, message: &[u8]) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(message);
    hex::encode(mac.finalize().into_bytes())
}

#[actix_web::test]
async fn events_are_lost_doubled_and_reordered_as_scripted() {
    let stage = stage().await;
    let ear = Ear::open().await;
    stage.sandbox.set_webhook_endpoint(&ear.base, "whsec_x").unwrap();
    let rules = vec![
        FaultRule::new(Vendor::Webhook, "payment_intent.created", FaultKind::Drop),
        FaultRule::new(Vendor::Webhook, "charge.succeeded", FaultKind::Reorder),
        FaultRule::new(Vendor::Webhook, "payment_intent.succeeded", FaultKind::Duplicate),
    ];
    stage.sandbox.add_faults(rules).unwrap().unwrap();
    let bill = stage.bill().await;
    stage.sandbox.pay_intent(bill.text("/client_secret"), VISA).unwrap();
    stage.sandbox.deliver_due().await.unwrap();
    let expected = ["payment_intent.succeeded", "payment_intent.succeeded", "charge.succeeded"];
    assert_eq!(ear.kinds(), expected);
    assert_eq!(stage.sandbox.waiting_deliveries(), 0);
    assert!(stage.sandbox.faults().is_empty());
    let listed = stage.get("events?type=payment_intent.*").await;
    assert_eq!(
        listed.json["data"].as_array().unwrap().len(),
        2,
        "the account still knows them all"
    );
}

#[actix_web::test]
async fn an_answer_that_is_lost_can_be_asked_for_again_with_the_same_key() {
    let stage = stage().await;
    for kind in [FaultKind::TimeoutAfterSuccess, FaultKind::Truncate] {
        let rule = FaultRule::new(Vendor::Stripe, "payment_intents.create", kind).with_ms(1);
        stage.sandbox.add_faults(vec![rule]).unwrap().unwrap();
        let form = [("amount", "5000"), ("currency", "usd")];
        let key = format!("{kind:?}");
        assert!(stage.try_post("payment_intents", &form, Some(&key)).await.is_err(), "{kind:?}");
        let again = stage.post_with_key("payment_intents", &form, &key).await;
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
    }
    assert_eq!(stage.sandbox.intents().len(), 2);
}

#[actix_web::test]
async fn a_request_that_is_cut_off_never_happened() {
    let stage = stage().await;
    let form = [("amount", "5000"), ("currency", "usd")];
    for kind in [FaultKind::Reset, FaultKind::Timeout] {
        let rule = FaultRule::new(Vendor::Stripe, "create", kind).with_ms(1);
        stage.sandbox.add_faults(vec![rule]).unwrap().unwrap();
        assert!(stage.try_post("payment_intents", &form, Some("k")).await.is_err(), "{kind:?}");
    }
    assert!(stage.sandbox.intents().is_empty());
    stage
        .sandbox
        .add_faults(vec![FaultRule::new(Vendor::Stripe, "*", FaultKind::RateLimit)])
        .unwrap()
        .unwrap();
    assert_eq!(stage.post_with_key("payment_intents", &form, "k").await.status, 429);
    stage
        .sandbox
        .add_faults(vec![FaultRule::new(Vendor::Stripe, "*", FaultKind::Error500)])
        .unwrap()
        .unwrap();
    assert_eq!(stage.post_with_key("payment_intents", &form, "k").await.status, 500);
    let kept = stage.post_with_key("payment_intents", &form, "k").await;
    assert_eq!((kept.status, kept.header("idempotent-replayed")), (500, Some("true")));
    assert_eq!(stage.post_with_key("payment_intents", &form, "k2").await.status, 200);
}

#[actix_web::test]
async fn a_scripted_decline_and_a_slow_bank() {
    let stage = stage().await;
    let rules = vec![
        FaultRule::new(Vendor::Stripe, "confirm", FaultKind::Decline).with_code("lost_card"),
        FaultRule::new(Vendor::Stripe, "confirm", FaultKind::Processing).with_ms(60_000),
    ];
    stage.sandbox.add_faults(rules).unwrap().unwrap();
    let bill = stage.bill().await;
    let secret = bill.text("/client_secret");
    let declined = stage.sandbox.pay_intent(secret, VISA).unwrap();
    let PaymentEnd::Declined { decline_code, .. } = declined else { panic!("{declined:?}") };
    assert_eq!(decline_code.as_deref(), Some("lost_card"));
    assert_eq!(stage.sandbox.pay_intent(secret, VISA).unwrap(), PaymentEnd::Processing);
    let refused = stage.post(&format!("payment_intents/{}/cancel", bill.id()), &[]).await;
    assert_eq!(refused.text("/error/code"), "payment_intent_unexpected_state");
    stage.clock.advance(60_000);
    stage.sandbox.deliver_due().await.unwrap();
    assert_eq!(stage.sandbox.intents()[0].status, "succeeded");
}

#[actix_web::test]
async fn a_restart_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let ear = Ear::open().await;
    let (base, key, id);
    {
        let stage = start(Some(dir.path())).await;
        stage.sandbox.set_webhook_endpoint(&ear.base, "whsec_x").unwrap();
        let form = [("amount", "8200"), ("currency", "usd")];
        let bill = stage.post_with_key("payment_intents", &form, "att_9").await;
        stage.sandbox.pay_intent(bill.text("/client_secret"), VISA).unwrap();
        (base, key, id) =
            (stage.sandbox.stripe_base(), stage.sandbox.stripe_secret_key().to_owned(), bill.id());
        stage.sandbox.stop().await;
    }
    // A request that was being written when the power went.
    let path = dir.path().join("sandbox.journal");
    let journal = std::fs::read_to_string(&path).unwrap();
    assert!(!journal.contains(VISA), "no card number is ever written");
    std::fs::write(&path, format!("{journal}[{{\"t\":\"intents\",\"i\":\"pi_torn")).unwrap();

    let stage = start(Some(dir.path())).await;
    assert_eq!(stage.sandbox.stripe_base(), base);
    assert_eq!(stage.sandbox.stripe_secret_key(), key);
    assert_eq!(stage.get(&format!("payment_intents/{id}")).await.text("/status"), "succeeded");
    let form = [("amount", "8200"), ("currency", "usd")];
    let replayed = stage.post_with_key("payment_intents", &form, "att_9").await;
    assert_eq!((replayed.id(), replayed.header("idempotent-replayed")), (id, Some("true")));
    assert_ne!(stage.bill().await.id(), replayed.id(), "the same dice mint other ids");
    assert_eq!(stage.sandbox.deliver_due().await.unwrap(), 4, "what was waiting still arrives");
}

#[actix_web::test]
async fn a_dispute_takes_the_money_until_it_is_won() {
    let stage = stage().await;
    let bill = stage.bill().await;
    stage.sandbox.pay_intent(bill.text("/client_secret"), VISA).unwrap();
    let charge = stage.sandbox.charges()[0].id.clone();
    let dispute = stage.sandbox.dispute(&charge, "fraudulent").unwrap().unwrap();
    assert_eq!(stage.get("balance").await.json["available"][0]["amount"], 0);
    assert_eq!(
        stage.post("refunds", &[("charge", &charge)]).await.text("/error/code"),
        "charge_disputed"
    );
    assert!(stage.sandbox.close_dispute(&dispute, true).unwrap());
    assert_eq!(stage.get("balance").await.json["available"][0]["amount"], 8200);
}
