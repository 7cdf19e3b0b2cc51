//! Texts to people and from them.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod world;

use sandbox::{Channel, FaultKind, FaultRule, Vendor};
use world::{Ear, stage};

const MARIA: &str = "+15125550123";

#[actix_web::test]
async fn a_text_is_accepted_sent_and_delivered_with_a_callback_for_each_step() {
    let stage = stage().await;
    let ear = Ear::open().await;
    let callback = format!("{}/webhooks/twilio/status", ear.base);
    let body = "Lakeside: pay at http://127.0.0.1:3000/p/abc. Reply STOP to end.";
    let sent = stage.text(MARIA, body, &[("StatusCallback", &callback)]).await;
    assert_eq!((sent.status, sent.text("/status")), (201, "queued"));
    assert_eq!(sent.text("/num_segments"), "1");
    stage.sandbox.deliver_due().await.unwrap();
    let heard = ear.heard();
    let statuses: Vec<String> = heard
        .iter()
        .map(|call| call.form().into_iter().find(|(name, _)| name == "MessageStatus").unwrap().1)
        .collect();
    assert_eq!(statuses, ["sent", "delivered"]);
    assert!(!heard[0].header("x-twilio-signature").is_empty());
    let mail = stage.sandbox.mailbox();
    assert_eq!((mail[0].channel, mail[0].to.as_str()), (Channel::Text, MARIA));
    assert_eq!(mail[0].link.as_deref(), Some("http://127.0.0.1:3000/p/abc"));
    assert_eq!(mail[0].status, "delivered");
    let found = stage
        .ask_twilio(&stage.twilio("Messages.json?To=%2B15125550123&DateSent=2026-03-04"))
        .await;
    assert_eq!(found.text("/messages/0/sid"), sent.text("/sid"));
    let none = stage
        .ask_twilio(&stage.twilio("Messages.json?To=%2B15125550123&DateSent=2026-03-05"))
        .await;
    assert!(none.json["messages"].as_array().unwrap().is_empty());
}

#[actix_web::test]
async fn after_stop_nothing_more_arrives_until_start() {
    let stage = stage().await;
    let ear = Ear::open().await;
    stage.sandbox.set_sms_webhook(&format!("{}/webhooks/twilio/sms", ear.base)).unwrap();
    let sender = stage.sandbox.sender().to_owned();
    ear.answers(200, "<Response><Message>Sorry</Message></Response>");
    let stopped = stage.sandbox.patient_texts(MARIA, &sender, "Stop").await.unwrap();
    assert!(
        stopped.automatic_reply.unwrap().starts_with("You have successfully been unsubscribed")
    );
    assert_eq!(stopped.refused_replies, ["Sorry"], "a reply after STOP is refused");
    assert_eq!(stopped.status, Some(200));
    let heard = ear.heard();
    let form = heard[0].form();
    let value =
        |name: &str| form.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    assert_eq!(value("Body").as_deref(), Some("Stop"));
    assert_eq!(value("OptOutType"), None, "only with a messaging service");
    let expected =
        signature(stage.sandbox.auth_token(), &format!("{}/webhooks/twilio/sms", ear.base), form);
    assert_eq!(heard[0].header("x-twilio-signature"), expected);

    let refused = stage.text(MARIA, "Hello", &[]).await;
    assert_eq!((refused.status, refused.json["code"].as_u64()), (400, Some(21610)));
    assert!(stage.sandbox.is_opted_out(&sender, MARIA));
    let mailbox = stage.sandbox.delivered_to(MARIA);
    assert_eq!(mailbox.len(), 1);
    assert!(mailbox[0].automatic);

    stage.sandbox.patient_texts(MARIA, &sender, "START").await.unwrap();
    assert_eq!(stage.text(MARIA, "Hello", &[]).await.status, 201);
}

fn signature(token: &str, url: &str, mut form: Vec<(String, String)>) -> String {
    use base64::Engine;
    use hmac::{Hmac, KeyInit, Mac};
    form.sort();
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(token.as_bytes()).unwrap();
    mac.update(url.as_bytes());
    for (name, value) in form {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes())
}

#[actix_web::test]
async fn without_the_carriers_keywords_the_server_answers_stop_itself() {
    let stage = stage().await;
    let ear = Ear::open().await;
    stage.sandbox.set_sms_webhook(&ear.base).unwrap();
    stage.sandbox.own_number("+15125550150", false).unwrap();
    ear.answers(200, "<Response><Message>You are opted out.</Message></Response>");
    let stopped = stage.sandbox.patient_texts(MARIA, "+15125550150", "STOP").await.unwrap();
    assert_eq!(stopped.automatic_reply, None);
    assert_eq!(stopped.replies, ["You are opted out."]);
    assert_eq!(stage.sandbox.delivered_to(MARIA)[0].body, "You are opted out.");
}

#[actix_web::test]
async fn landlines_are_known_and_receive_nothing() {
    let stage = stage().await;
    let base = stage.sandbox.twilio_base();
    let ask = |phone: &str| format!("{base}/v2/PhoneNumbers/{phone}?Fields=line_type_intelligence");
    let landline = stage.ask_twilio(&ask("+15125550190")).await;
    assert_eq!(landline.text("/line_type_intelligence/type"), "landline");
    let mobile = stage.ask_twilio(&ask("%2B15125550189")).await;
    assert_eq!(mobile.text("/line_type_intelligence/type"), "mobile");
    let sent = stage.text("+15125550190", "Hello", &[]).await;
    stage.sandbox.deliver_due().await.unwrap();
    let now =
        stage.ask_twilio(&stage.twilio(&format!("Messages/{}.json", sent.text("/sid")))).await;
    assert_eq!(
        (now.text("/status"), now.json["error_code"].as_u64()),
        ("undelivered", Some(30006))
    );
    assert!(stage.sandbox.mailbox().is_empty());
}

#[actix_web::test]
async fn magic_numbers_and_wrong_tokens_are_refused_as_documented() {
    let stage = stage().await;
    for (to, code) in [
        ("+15005550001", 21211),
        ("+15005550002", 21612),
        ("+15005550003", 21408),
        ("+15005550004", 21610),
        ("+15005550009", 21614),
    ] {
        assert_eq!(stage.text(to, "x", &[]).await.json["code"], code);
    }
    let url = stage.twilio("Messages.json");
    let wrong = stage
        .http
        .get(&url)
        .basic_auth(stage.sandbox.account_sid(), Some("no"))
        .send()
        .await
        .unwrap();
    assert_eq!(wrong.status(), 401);
    let lookup = format!("{}/v2/PhoneNumbers/+1", stage.sandbox.twilio_base());
    let wrong = stage.http.get(&lookup).send().await.unwrap();
    assert_eq!(wrong.headers()["content-type"], "application/problem+json");
}

#[actix_web::test]
async fn a_timeout_after_success_is_found_by_looking_it_up() {
    let stage = stage().await;
    let rule = FaultRule::new(Vendor::Twilio, "messages.create", FaultKind::TimeoutAfterSuccess)
        .with_ms(1);
    stage.sandbox.add_faults(vec![rule]).unwrap().unwrap();
    let request = stage.http.post(stage.twilio("Messages.json"));
    let request = request.basic_auth(stage.sandbox.account_sid(), Some(stage.sandbox.auth_token()));
    let form = [("To", MARIA), ("From", stage.sandbox.sender()), ("Body", "Hello")];
    assert!(request.form(&form).send().await.is_err());
    assert_eq!(stage.sandbox.texts_accepted(), 1);
    let found = stage.ask_twilio(&stage.twilio("Messages.json?To=%2B15125550123")).await;
    assert_eq!(found.text("/messages/0/body"), "Hello");
}

#[actix_web::test]
async fn a_number_is_searched_bought_and_used() {
    let stage = stage().await;
    let url = stage.twilio("AvailablePhoneNumbers/US/Local.json?AreaCode=617&SmsEnabled=true");
    let phone =
        stage.ask_twilio(&url).await.text("/available_phone_numbers/0/phone_number").to_owned();
    assert_eq!(phone, "+16175550100");
    let request = stage.http.post(stage.twilio("IncomingPhoneNumbers.json"));
    let request = request.basic_auth(stage.sandbox.account_sid(), Some(stage.sandbox.auth_token()));
    let bought = request.form(&[("PhoneNumber", &phone)]).send().await.unwrap();
    assert_eq!(bought.status(), 201);
    let sent = stage.text(MARIA, "Hello", &[("From", &phone)]).await;
    assert_eq!(sent.status, 201);
    let other = stage.http.post(stage.twilio("Messages.json"));
    let other = other.basic_auth(stage.sandbox.account_sid(), Some(stage.sandbox.auth_token()));
    let other = other.form(&[("To", MARIA), ("From", "+19995550000"), ("Body", "x")]);
    let refused: serde_json::Value = other.send().await.unwrap().json().await.unwrap();
    assert_eq!(refused["code"], 21606);
}
