//! Texts against a server that has accidents, and our requests against Twilio's own description.

#![allow(clippy::unwrap_used, reason = "the test runner is the reader")]

// Each test file uses its part of the cast.
#[allow(dead_code)]
mod cast;

use cast::{
    MARIA_EMAIL, MARIA_PHONE, NOW, TIMEOUT_MS, Then, fits_the_description, http, http_server,
    parts, permit,
};
use connect::channel::{
    ChannelError, DeliveryStatus, RefusalCause, TextMessage,
    twilio::{LineType, NewNumber, NumberSearch, Sender, Twilio, TwilioOptions},
};
use domain::{
    clock::{SECOND_MS, UnixMs},
    decide::Channel,
};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const SENT: &str = r#"{"sid":"SM00000000000000000000000000000001","status":"queued","to":"+15125550123",
    "from":"+15125550199","body":"hi","num_segments":"2","direction":"outbound-api","error_code":null,
    "error_message":null,"date_created":"Wed, 04 Mar 2026 16:00:01 +0000"}"#;

fn twilio(base_url: String, sender: Sender) -> Twilio {
    Twilio::new(TwilioOptions {
        base_url,
        account_sid: ACCOUNT.into(),
        auth_token: "token".into(),
        sender,
        status_callback: Some("https://pay.practice.example/webhooks/twilio/status".into()),
        timeout_ms: TIMEOUT_MS,
    })
    .unwrap()
}

fn number() -> Sender {
    Sender::From("+15125550199".into())
}

fn text() -> TextMessage {
    TextMessage {
        to_e164: MARIA_PHONE.into(),
        body: "Häuser & more: https://pay.example/p/abc".into(),
    }
}

async fn send(base_url: String) -> Result<connect::channel::Accepted, ChannelError> {
    let permit = permit(Channel::Text, MARIA_PHONE, NOW);
    twilio(base_url, number()).send_text(permit, NOW, &text()).await
}

#[tokio::test]
async fn a_text_is_handed_over_as_twilio_describes_it() {
    for sender in [number(), Sender::Service("MG00000000000000000000000000000001".into())] {
        let (base, request) = http_server(http(201, SENT), Then::Close).await;
        let permit = permit(Channel::Text, MARIA_PHONE, NOW);
        let accepted = twilio(base, sender).send_text(permit, NOW, &text()).await.unwrap();
        assert_eq!(accepted.provider_id, "SM00000000000000000000000000000001");
        assert_eq!((accepted.status, accepted.segments), (DeliveryStatus::Queued, 2));
        let request = request.await.unwrap();
        assert!(request.to_ascii_lowercase().contains("authorization: basic "));
        let (method, path, body) = parts(&request);
        assert_eq!(path, format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json"));
        assert!(body.contains("To=%2B15125550123&Body=H%C3%A4user+%26+more"), "{body}");
        fits_the_description("twilio.json", &method, &path, &body);
    }
}

#[tokio::test]
async fn a_permit_that_is_late_or_for_somebody_else_sends_nothing() {
    // Nothing listens there: an attempt to connect would be a Retry.
    let twilio = twilio("http://127.0.0.1:1".into(), number());
    let refused = Err(ChannelError::Refused { code: None, cause: RefusalCause::SenderFault });
    let late = UnixMs(NOW.0 + 6 * SECOND_MS);
    let for_maria = || permit(Channel::Text, MARIA_PHONE, NOW);
    assert_eq!(twilio.send_text(for_maria(), late, &text()).await, refused);
    let to_john = TextMessage { to_e164: "+15125550124".into(), ..text() };
    assert_eq!(twilio.send_text(for_maria(), NOW, &to_john).await, refused);
    let for_email = permit(Channel::Email, MARIA_EMAIL, NOW);
    let by_text = TextMessage { to_e164: MARIA_EMAIL.into(), ..text() };
    assert_eq!(twilio.send_text(for_email, NOW, &by_text).await, refused);
}

#[tokio::test]
async fn a_text_that_cannot_be_one_is_not_handed_over() {
    let twilio = twilio("http://127.0.0.1:1".into(), number());
    for body in [String::new(), "x".repeat(1_601)] {
        let permit = permit(Channel::Text, MARIA_PHONE, NOW);
        let message = TextMessage { body, ..text() };
        let refused = twilio.send_text(permit, NOW, &message).await;
        assert_eq!(
            refused,
            Err(ChannelError::Refused { code: None, cause: RefusalCause::Content })
        );
    }
}

#[tokio::test]
async fn after_an_accident_nobody_claims_to_know() {
    for (name, answer, then) in [
        ("nothing at all", String::new(), Then::Close),
        ("a stall", String::new(), Then::Stall),
        ("half an answer", http(201, SENT)[..120].to_owned(), Then::Close),
        ("half of the JSON", http(201, &SENT[..40]), Then::Close),
        ("a page", http(200, "<html>"), Then::Close),
        ("a 500", http(500, r#"{"code":20500,"status":500}"#), Then::Close),
        ("a 503", http(503, ""), Then::Close),
        (
            "a redirect",
            "HTTP/1.1 302 X\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n".into(),
            Then::Close,
        ),
    ] {
        let (base, _) = http_server(answer, then).await;
        let outcome = send(base).await;
        assert!(matches!(outcome, Err(ChannelError::Unknown { .. })), "{name}: {outcome:?}");
    }
}

#[tokio::test]
async fn when_nobody_answers_the_door_the_text_may_be_tried_again() {
    let outcome = send("http://127.0.0.1:1".into()).await;
    assert_eq!(outcome, Err(ChannelError::Retry { code: None, after_ms: None }));
    let busy = "HTTP/1.1 429 X\r\nretry-after: 3\r\ncontent-length: 28\r\n\r\n{\"code\":20429,\"status\":429}\n";
    let (base, _) = http_server(busy.into(), Then::Close).await;
    assert_eq!(
        send(base).await,
        Err(ChannelError::Retry { code: Some(20429), after_ms: Some(3_000) })
    );
}

#[tokio::test]
async fn a_carriers_no_is_kept_with_its_code() {
    for (code, cause) in [
        (21610, RefusalCause::OptedOut),
        (21614, RefusalCause::NotMobile),
        (21211, RefusalCause::BadAddress),
        (21606, RefusalCause::SenderFault),
        (29_999, RefusalCause::Permanent),
    ] {
        let body = format!(r#"{{"code":{code},"message":"m","more_info":"u","status":400}}"#);
        let (base, _) = http_server(http(400, &body), Then::Close).await;
        assert_eq!(send(base).await, Err(ChannelError::Refused { code: Some(code), cause }));
    }
}

#[tokio::test]
async fn a_text_of_unknown_fate_is_found_by_its_body() {
    let message = |sid: &str, body: &str, created: &str, direction: &str| {
        format!(
            r#"{{"sid":"{sid}","status":"delivered","body":"{body}","num_segments":"1","direction":"{direction}","error_code":null,"date_created":"{created}","date_sent":null}}"#
        )
    };
    let list = [
        message("SM1", "this one", "Wed, 04 Mar 2026 16:00:01 +0000", "outbound-api"),
        message("SM2", "another", "Wed, 04 Mar 2026 16:00:02 +0000", "outbound-api"),
        message("SM3", "this one", "Tue, 03 Mar 2026 16:00:00 +0000", "outbound-api"),
        message("SM4", "this one", "Wed, 04 Mar 2026 16:00:03 +0000", "inbound"),
    ];
    let body = format!(r#"{{"messages":[{}],"next_page_uri":null}}"#, list.join(","));
    let (base, request) = http_server(http(200, &body), Then::Close).await;
    let found = twilio(base, number()).find_sent(MARIA_PHONE, Some("this one"), NOW).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].provider_id.as_str(), found[0].status),
        ("SM1", DeliveryStatus::Delivered)
    );
    assert_eq!(found[0].created_at, UnixMs(NOW.0 + SECOND_MS));
    let (method, path, body) = parts(&request.await.unwrap());
    fits_the_description("twilio.json", &method, &path, &body);
}

#[tokio::test]
async fn a_line_is_looked_up_as_twilio_describes_it() {
    let answer = r#"{"valid":true,"phone_number":"+15125550123","line_type_intelligence":{"type":"landline","error_code":null}}"#;
    let (base, request) = http_server(http(200, answer), Then::Close).await;
    let line = twilio(base, number()).lookup_line_type(MARIA_PHONE).await.unwrap();
    assert_eq!(line, LineType::Landline);
    let (method, path, body) = parts(&request.await.unwrap());
    fits_the_description("twilio_lookups_v2.json", &method, &path, &body);
}

#[tokio::test]
async fn a_number_is_searched_and_bought_as_twilio_describes_it() {
    let answer = r#"{"available_phone_numbers":[{"phone_number":"+15125550150","friendly_name":"(512) 555-0150",
        "locality":"Austin","region":"TX","latitude":"30.2","capabilities":{"voice":true,"SMS":true}}],"uri":"/x"}"#;
    let (base, request) = http_server(http(200, answer), Then::Close).await;
    let search = NumberSearch {
        area_code: Some("512".into()),
        region: Some("TX".into()),
        ..NumberSearch::default()
    };
    let found = twilio(base, number()).search_numbers(&search).await.unwrap();
    assert!(found[0].can_text && found[0].can_call);
    let (method, path, body) = parts(&request.await.unwrap());
    fits_the_description("twilio.json", &method, &path, &body);

    let answer = r#"{"sid":"PN00000000000000000000000000000001","phone_number":"+15125550150","status":"in-use"}"#;
    let (base, request) = http_server(http(201, answer), Then::Close).await;
    let new = NewNumber {
        e164: found[0].e164.clone(),
        sms_url: "https://pay.practice.example/webhooks/twilio/sms".into(),
        voice_url: "https://pay.example/menu".into(),
        friendly_name: Some("Front desk".into()),
    };
    let bought = twilio(base, number()).buy_number(&new).await.unwrap();
    assert_eq!(bought.e164, "+15125550150");
    let (method, path, body) = parts(&request.await.unwrap());
    fits_the_description("twilio.json", &method, &path, &body);
}
