//! People pay on the processor's own page.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod world;

use sandbox::{CheckoutEnd, PaymentEnd};
use world::{Answer, Stage, stage};

const HALF_HOUR: i64 = 30 * 60;

async fn open(stage: &Stage) -> Answer {
    let expires = (world::NOON / 1_000 + HALF_HOUR).to_string();
    let form = [
        ("mode", "payment"),
        ("line_items[0][price_data][currency]", "usd"),
        ("line_items[0][price_data][unit_amount]", "8200"),
        ("line_items[0][price_data][product_data][name]", "Payment to Lakeside <Clinic>"),
        ("line_items[0][quantity]", "1"),
        ("payment_intent_data[metadata][attempt]", "att_1"),
        ("metadata[attempt]", "att_1"),
        ("success_url", "http://127.0.0.1:3000/pay/return?session={CHECKOUT_SESSION_ID}"),
        ("cancel_url", "http://127.0.0.1:3000/pay"),
        ("expires_at", expires.as_str()),
        ("adaptive_pricing[enabled]", "false"),
        ("allowed_payment_method_types[0]", "card"),
        ("locale", "en"),
    ];
    stage.post("checkout/sessions", &form).await
}

fn card(number: &str) -> [(&str, &str); 4] {
    [("number", number), ("expiry", "12 / 40"), ("cvc", "123"), ("zip", "78701")]
}

#[actix_web::test]
async fn a_session_has_no_payment_until_the_form_is_submitted() {
    let stage = stage().await;
    let session = open(&stage).await;
    let id = session.id();
    assert!(session.json["payment_intent"].is_null());
    assert_eq!(session.json["amount_total"], 8200);
    let path = format!("/checkout/{id}");
    assert_eq!(session.text("/url"), format!("{}{path}", stage.sandbox.stripe_base()));
    let page = stage.page(&path).await;
    assert!(page.text.contains("Pay $82.00") && page.text.contains("Lakeside &lt;Clinic&gt;"));
    assert!(
        page.header("content-security-policy")
            .unwrap()
            .contains("form-action 'self' http://127.0.0.1:3000;")
    );

    let declined = stage.submit(&path, &card("4000000000009995")).await;
    assert_eq!(declined.status, 402);
    assert!(declined.text.contains("insufficient funds"));
    assert!(!declined.text.contains("4000000000009995"));
    let now = stage.get(&format!("checkout/sessions/{id}")).await;
    assert_eq!((now.text("/status"), now.text("/payment_status")), ("open", "unpaid"));
    let intent = now.text("/payment_intent").to_owned();
    let refused = stage.post(&format!("payment_intents/{intent}/cancel"), &[]).await;
    assert_eq!(refused.status, 400, "only the session can be expired");

    let paid = stage.submit(&path, &card("5555555555554444")).await;
    assert_eq!(paid.status, 303);
    let expected = format!("http://127.0.0.1:3000/pay/return?session={id}");
    assert_eq!(paid.header("location"), Some(expected.as_str()));
    let now =
        stage.get(&format!("checkout/sessions/{id}?expand[]=payment_intent.latest_charge")).await;
    assert_eq!((now.text("/status"), now.text("/payment_status")), ("complete", "paid"));
    assert_eq!(now.text("/payment_intent/id"), intent, "one payment for all tries");
    assert_eq!(now.text("/payment_intent/metadata/attempt"), "att_1");
    assert_eq!(
        now.text("/payment_intent/latest_charge/payment_method_details/card/brand"),
        "mastercard"
    );
    assert!(now.json["url"].is_null());

    assert_eq!(stage.submit(&path, &card("4242424242424242")).await.status, 303);
    assert_eq!(stage.sandbox.kept_cents(), 8200, "submitting again pays nothing");
    let kinds = stage.get("events?limit=20&type=checkout.session.completed").await;
    assert_eq!(kinds.json["data"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn an_expired_session_takes_no_money() {
    let stage = stage().await;
    let session = open(&stage).await;
    let id = session.id();
    let closed = stage.post(&format!("checkout/sessions/{id}/expire"), &[]).await;
    assert_eq!(closed.text("/status"), "expired");
    assert_eq!(stage.post(&format!("checkout/sessions/{id}/expire"), &[]).await.status, 400);
    assert_eq!(stage.page(&format!("/checkout/{id}")).await.status, 410);
    let end = stage.sandbox.pay_checkout(&id, "4242424242424242").unwrap();
    assert!(matches!(end, CheckoutEnd::Other(PaymentEnd::NotPayable(_))), "{end:?}");
    assert_eq!(stage.sandbox.kept_cents(), 0);
}

#[actix_web::test]
async fn a_session_ends_with_its_half_hour() {
    let stage = stage().await;
    let id = open(&stage).await.id();
    assert_eq!(stage.sandbox.leave_checkout(&id).as_deref(), Some("http://127.0.0.1:3000/pay"));
    stage.sandbox.pay_checkout(&id, "4000000000000002").unwrap();
    stage.clock.advance(HALF_HOUR * 1_000);
    stage.sandbox.deliver_due().await.unwrap();
    assert_eq!(stage.get(&format!("checkout/sessions/{id}")).await.text("/status"), "expired");
    assert_eq!(stage.sandbox.intents()[0].status, "canceled");
}

#[actix_web::test]
async fn a_session_for_five_minutes_is_refused() {
    let stage = stage().await;
    let soon = (world::NOON / 1_000 + 300).to_string();
    let form = [
        ("mode", "payment"),
        ("line_items[0][price_data][currency]", "usd"),
        ("line_items[0][price_data][unit_amount]", "8200"),
        ("line_items[0][price_data][product_data][name]", "Payment"),
        ("line_items[0][quantity]", "1"),
        ("success_url", "http://127.0.0.1:3000/"),
        ("expires_at", soon.as_str()),
    ];
    let refused = stage.post("checkout/sessions", &form).await;
    assert_eq!((refused.status, refused.text("/error/param")), (400, "expires_at"));
}

#[actix_web::test]
async fn the_bank_may_ask_on_the_page_too() {
    let stage = stage().await;
    let id = open(&stage).await.id();
    let asked = stage.submit(&format!("/checkout/{id}"), &card("4000002760003184")).await;
    let approve = format!("/checkout/{id}/approve");
    assert_eq!((asked.status, asked.header("location")), (303, Some(approve.as_str())));
    assert!(stage.page(&approve).await.text.contains("Approve"));
    let refused = stage.submit(&approve, &[("answer", "refuse")]).await;
    assert!(refused.text.contains("unable to authenticate"));
    stage.submit(&format!("/checkout/{id}"), &card("4000002760003184")).await;
    assert_eq!(stage.submit(&approve, &[("answer", "approve")]).await.status, 303);
    assert_eq!(stage.sandbox.kept_cents(), 8200);
}
