//! Events that no vendor sent: refused, and nothing stored.

use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Method, StatusCode, header};
use sha2::Sha256;

use crate::{
    callers::{Caller, hear},
    town::{Town, protocol_now},
};

fn event(id: &str) -> String {
    let at = protocol_now().0 / 1000;
    format!(
        r#"{{"id":"{id}","object":"event","type":"payment_intent.succeeded","created":{at},"livemode":false,"data":{{"object":{{"id":"pi_of_nobody","object":"payment_intent"}}}}}}"#
    )
}

fn signature(body: &str, secret: &str, at_s: i64) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{at_s}.{body}").as_bytes());
    format!("t={at_s},v1={}", hex::encode(mac.finalize().into_bytes()))
}

async fn post(town: &Town, path: &str, header: Option<(&str, &str)>, body: &str) -> StatusCode {
    let visitor = town.visitor(Caller::Nobody).await;
    let mut request = town.request(&visitor, Method::POST, path).body(body.to_owned());
    let kind = if path.contains("twilio") {
        "application/x-www-form-urlencoded"
    } else {
        "application/json"
    };
    request = request.header(header::CONTENT_TYPE, kind);
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    hear(request).await.status
}

#[tokio::test]
async fn a_card_event_that_the_processor_did_not_sign_leaves_no_row() {
    let town = Town::build().await;
    let secret = town.sandbox.webhook_secret().to_owned();
    let (body, now) = (event("evt_1"), protocol_now().0 / 1000);
    let altered = body.replace("pi_of_nobody", "pi_of_nobodx");
    let good = signature(&body, &secret, now);
    let large = format!("{body}{}", " ".repeat(300 * 1024));
    let cases = [
        ("unsigned", None, body.clone()),
        ("empty", Some(String::new()), body.clone()),
        ("another's secret", Some(signature(&body, "whsec_of_somebody", now)), body.clone()),
        ("an altered body", Some(good.clone()), altered),
        ("one byte more", Some(good.clone()), format!("{body} ")),
        ("too old", Some(signature(&body, &secret, now - 400)), body.clone()),
        ("from tomorrow", Some(signature(&body, &secret, now + 86_400)), body.clone()),
        ("too large", Some(signature(&large, &secret, now)), large.clone()),
    ];
    let before = town.contents().await;
    for (how, header, body) in &cases {
        let header = header.as_deref().map(|value| ("stripe-signature", value));
        let status = post(&town, "/webhooks/stripe/alder", header, body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{how}");
    }
    let header = Some(("stripe-signature", good.as_str()));
    let status = post(&town, "/webhooks/stripe/nobody", header, &body).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(before, town.contents().await, "a refused event left something");
    // The same event as it should be: stored once, however often it comes.
    for _ in 0..2 {
        assert_eq!(post(&town, "/webhooks/stripe/alder", header, &body).await, StatusCode::OK);
    }
    let stored = store::scratch::count(&town.house.store, "webhook_event").await.unwrap();
    assert_eq!(stored, 1);
    town.stop().await;
}

#[tokio::test]
async fn a_text_that_the_carrier_did_not_sign_stops_nobodys_reminders() {
    let town = Town::build().await;
    let phone = town.alder.accounts[0].phone.replace('+', "%2B");
    let to = town.sandbox.sender().replace('+', "%2B");
    let body = format!("MessageSid=SM1&From={phone}&To={to}&Body=STOP&OptOutType=STOP");
    let report = "MessageSid=SM1&MessageStatus=delivered".to_owned();
    let before = town.contents().await;
    for (path, body) in [("sms", body), ("status", report)] {
        let path = format!("/webhooks/twilio/alder/{path}");
        for header in [None, Some(("x-twilio-signature", "bm90IGEgc2lnbmF0dXJl"))] {
            assert_eq!(post(&town, &path, header, &body).await, StatusCode::BAD_REQUEST);
        }
    }
    assert_eq!(before, town.contents().await, "a forged text left something");
    // The carrier's own does.
    let sender = town.sandbox.sender().to_owned();
    town.sandbox.patient_texts(town.alder.accounts[0].phone, &sender, "STOP").await.unwrap();
    assert_ne!(before["suppression"], town.contents().await["suppression"]);
    town.stop().await;
}

#[tokio::test]
async fn a_call_that_the_carrier_did_not_place_speaks_no_word_and_presses_no_key() {
    let mut town = Town::build().await;
    town.pay_some().await;
    let message = town.alder.message.as_ref().unwrap();
    let phone = town.alder.accounts[0].phone.replace('+', "%2B");
    let turn = format!("CallSid=CA1&To={phone}&From=%2B15125550100&AnsweredBy=human&Digits=9");
    let report = "CallSid=CA1&CallStatus=completed".to_owned();
    let before = town.contents().await;
    for (path, body) in [
        (format!("call/{message}"), &turn),
        (format!("call/{message}/key"), &turn),
        ("call-status".to_owned(), &report),
    ] {
        let path = format!("/webhooks/twilio/alder/{path}");
        for header in [None, Some(("x-twilio-signature", "bm90IGEgc2lnbmF0dXJl"))] {
            assert_eq!(post(&town, &path, header, body).await, StatusCode::BAD_REQUEST, "{path}");
        }
    }
    assert_eq!(before, town.contents().await, "a forged call left something");
    town.stop().await;
}
