//! The real adapters against the sandbox: what a practice sees when a patient pays, is declined,
//! changes her mind, gets a text, says STOP; and what is left when the vendor's answer is lost.

#![allow(clippy::unwrap_used, reason = "the test runner is the reader")]

// Each test file uses its part of the cast.
#[allow(dead_code)]
mod cast;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use cast::{MARIA_EMAIL, MARIA_PHONE, MESSAGE_ID, NOW, Then, http, http_server, permit};
use connect::{
    channel::{
        ChannelError, DeliveryStatus, EmailClass, EmailMessage, RefusalCause, TextMessage,
        smtp::{Smtp, SmtpOptions, SmtpTls},
        twilio::{
            self, LineType, NewNumber, NumberSearch, OptOutType, Sender, Twilio, TwilioOptions,
        },
    },
    gateway::{
        CheckoutStatus, Gateway, GatewayError, GatewayOptions, IntentStatus, NewCheckout,
        NewIntent, NewRefund, RefundReason, RefundStatus,
        webhook::{self, ObjectKind, parse_event, verify_signature},
    },
};
use domain::{
    clock::{Chance, Clock, SECOND_MS, UnixMs},
    decide::Channel,
    id::AttemptId,
    money::Cents,
};
use sandbox::{CheckoutEnd, FaultKind, FaultRule, PaymentEnd, Sandbox, SandboxOptions, Vendor};
use secrecy::{ExposeSecret, SecretString};

const VISA: &str = "4242424242424242";
const NO_FUNDS: &str = "4000000000009995";

struct Wednesday;

impl Clock for Wednesday {
    fn now(&self) -> UnixMs {
        NOW
    }
}

/// Different bytes each time, the same in each run.
#[derive(Default)]
struct Counting(AtomicU64);

impl Chance for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let count = self.0.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            chunk.copy_from_slice(&count.to_le_bytes()[..chunk.len()]);
        }
    }
}

async fn sandbox() -> Sandbox {
    let chance = Arc::new(Counting::default());
    Sandbox::start(SandboxOptions::new(Arc::new(Wednesday), chance)).await.unwrap()
}

fn hit(sandbox: &Sandbox, rule: FaultRule) {
    sandbox.add_faults(vec![rule]).unwrap().unwrap();
}

fn gateway(sandbox: &Sandbox) -> Gateway {
    Gateway::new(GatewayOptions {
        base_url: sandbox.stripe_base(),
        secret_key: sandbox.stripe_secret_key().into(),
        account: None,
        timeout_ms: 5_000,
    })
    .unwrap()
}

fn attempt(nth: u8) -> AttemptId {
    AttemptId::trusted(format!("att_0198c0de0000700080000000000000{nth:02x}"))
}

fn bill(nth: u8) -> NewIntent {
    NewIntent { attempt_id: attempt(nth), amount: Cents(82_00), currency: "usd".into() }
}

#[tokio::test]
async fn maria_pays_and_the_intent_shows_her_card() {
    let sandbox = sandbox().await;
    let gateway = gateway(&sandbox);
    let made = gateway.create_intent(bill(1)).await.unwrap();
    assert_eq!(made.status, IntentStatus::RequiresPaymentMethod);
    assert!(!made.livemode);
    let secret = made.client_secret.unwrap();
    let end = sandbox.pay_intent(secret.expose_secret(), VISA).unwrap();
    assert_eq!(end, PaymentEnd::Succeeded);

    let paid = gateway.fetch_intent(&made.id).await.unwrap();
    assert_eq!(paid.status, IntentStatus::Succeeded);
    assert_eq!((paid.amount, paid.amount_received), (Cents(82_00), Cents(82_00)));
    assert_eq!(paid.attempt_id.as_deref(), Some(attempt(1).as_str()));
    let card = paid.card.unwrap();
    assert_eq!((card.brand.as_str(), card.last4.as_str()), ("visa", "4242"));

    let too_late = gateway.cancel_intent(&made.id, &attempt(1)).await.unwrap_err();
    assert!(matches!(too_late, GatewayError::WrongState { .. }), "{too_late:?}");

    let listed = gateway.list_intents(0, None).await.unwrap();
    assert_eq!(listed.items.len(), 1);
    assert_eq!((listed.items[0].id.as_str(), listed.next_cursor), (made.id.as_str(), None));
    assert!(gateway.retrieve_account().await.unwrap().charges_enabled);
}

#[tokio::test]
async fn a_declined_card_leaves_the_intent_open_until_it_is_cancelled() {
    let sandbox = sandbox().await;
    let gateway = gateway(&sandbox);
    let made = gateway.create_intent(bill(1)).await.unwrap();
    let secret = made.client_secret.unwrap();
    let end = sandbox.pay_intent(secret.expose_secret(), NO_FUNDS).unwrap();
    assert!(matches!(end, PaymentEnd::Declined { .. }), "{end:?}");

    let declined = gateway.fetch_intent(&made.id).await.unwrap();
    assert_eq!(declined.status, IntentStatus::RequiresPaymentMethod);
    let decline = declined.last_decline.unwrap();
    assert_eq!(decline.code.as_deref(), Some("card_declined"));
    assert_eq!(decline.decline_code.as_deref(), Some("insufficient_funds"));

    let cancelled = gateway.cancel_intent(&made.id, &attempt(1)).await.unwrap();
    assert_eq!(cancelled.status, IntentStatus::Canceled);
    // The same cancel again is the same answer.
    let again = gateway.cancel_intent(&made.id, &attempt(1)).await.unwrap();
    assert_eq!(again.status, IntentStatus::Canceled);
    let end = sandbox.pay_intent(secret.expose_secret(), VISA).unwrap();
    assert!(matches!(end, PaymentEnd::NotPayable(_)), "{end:?}");
}

#[tokio::test]
async fn the_same_attempt_is_the_same_intent_and_never_another_amount() {
    let sandbox = sandbox().await;
    let gateway = gateway(&sandbox);
    let first = gateway.create_intent(bill(1)).await.unwrap();
    let second = gateway.create_intent(bill(1)).await.unwrap();
    assert_eq!(first.id, second.id);
    let dearer = NewIntent { amount: Cents(83_00), ..bill(1) };
    let refused = gateway.create_intent(dearer).await.unwrap_err();
    assert!(matches!(refused, GatewayError::Refused { .. }), "{refused:?}");
    assert_ne!(gateway.create_intent(bill(2)).await.unwrap().id, first.id);
    assert_eq!(sandbox.intents().len(), 2);
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_asking_again_finds_the_same_intent() {
    for (nth, kind) in [FaultKind::TimeoutAfterSuccess, FaultKind::Truncate].into_iter().enumerate()
    {
        let sandbox = sandbox().await;
        let gateway = gateway(&sandbox);
        hit(&sandbox, FaultRule::new(Vendor::Stripe, "payment_intents.create", kind).with_ms(50));
        let lost = gateway.create_intent(bill(1)).await.unwrap_err();
        assert!(matches!(lost, GatewayError::Unknown(_)), "{nth}: {lost:?}");
        assert_eq!(sandbox.intents().len(), 1);
        let found = gateway.create_intent(bill(1)).await.unwrap();
        assert_eq!(found.id, sandbox.intents()[0].id);
        assert_eq!(sandbox.intents().len(), 1);
    }
}

#[tokio::test]
async fn a_processor_that_does_not_answer_in_time_leaves_the_outcome_unknown() {
    let sandbox = sandbox().await;
    let gateway = Gateway::new(GatewayOptions {
        base_url: sandbox.stripe_base(),
        secret_key: sandbox.stripe_secret_key().into(),
        account: None,
        timeout_ms: 200,
    })
    .unwrap();
    let rule = FaultRule::new(Vendor::Stripe, "payment_intents.create", FaultKind::Timeout);
    hit(&sandbox, rule.with_ms(2_000));
    let late = gateway.create_intent(bill(1)).await.unwrap_err();
    assert_eq!(late, GatewayError::Unknown("timeout"));
}

#[tokio::test]
async fn trouble_at_the_processor_is_told_apart() {
    let sandbox = sandbox().await;
    let gateway = gateway(&sandbox);
    let create = "payment_intents.create";
    hit(&sandbox, FaultRule::new(Vendor::Stripe, create, FaultKind::RateLimit));
    assert_eq!(gateway.create_intent(bill(1)).await.unwrap_err(), GatewayError::RateLimited);
    hit(&sandbox, FaultRule::new(Vendor::Stripe, create, FaultKind::Reset));
    let reset = gateway.create_intent(bill(1)).await.unwrap_err();
    assert!(matches!(reset, GatewayError::Unknown(_)), "{reset:?}");
    hit(&sandbox, FaultRule::new(Vendor::Stripe, create, FaultKind::Error500));
    let broken = gateway.create_intent(bill(1)).await.unwrap_err();
    assert_eq!(broken, GatewayError::Unknown("server error"));
    // The processor repeats its 500 for this key: such an attempt is given up, not retried.
    let still = gateway.create_intent(bill(1)).await.unwrap_err();
    assert_eq!(still, GatewayError::Unknown("server error"));
    let stranger = gateway.fetch_intent("pi_nobody").await.unwrap_err();
    assert_eq!(stranger, GatewayError::NotFound);
    let other_key = Gateway::new(GatewayOptions {
        base_url: sandbox.stripe_base(),
        secret_key: "sk_test_wrong".into(),
        account: None,
        timeout_ms: 5_000,
    });
    let refused = other_key.unwrap().retrieve_account().await.unwrap_err();
    assert_eq!(refused, GatewayError::Unauthorized);
}

#[tokio::test]
async fn an_answer_the_processor_remembers_does_not_lock_a_patient_out() {
    let sandbox = sandbox().await;
    let gateway = gateway(&sandbox);
    let made = gateway.create_intent(bill(1)).await.unwrap();
    hit(&sandbox, FaultRule::new(Vendor::Stripe, "payment_intents.cancel", FaultKind::Error500));
    for _ in 0..2 {
        let broken = gateway.cancel_intent(&made.id, &attempt(1)).await.unwrap_err();
        assert_eq!(broken, GatewayError::Unknown("server error"));
    }
    assert!(gateway.fetch_intent(&made.id).await.unwrap().status.can_be_cancelled());
    let cancelled = gateway.cancel_intent_anew(&made.id).await.unwrap();
    assert_eq!(cancelled.status, IntentStatus::Canceled);

    let page = gateway.create_checkout(checkout()).await.unwrap();
    hit(&sandbox, FaultRule::new(Vendor::Stripe, "checkout.sessions.expire", FaultKind::Error500));
    for _ in 0..2 {
        let broken = gateway.expire_checkout(&page.id, &attempt(1)).await.unwrap_err();
        assert_eq!(broken, GatewayError::Unknown("server error"));
    }
    let expired = gateway.expire_checkout_anew(&page.id).await.unwrap();
    assert_eq!(expired.status, CheckoutStatus::Expired);
}

fn checkout() -> NewCheckout {
    NewCheckout {
        attempt_id: attempt(1),
        amount: Cents(82_00),
        currency: "usd".into(),
        label: "Payment to Hill Country".into(),
        success_url: "http://127.0.0.1:3000/pay/return".into(),
        cancel_url: "http://127.0.0.1:3000/pay".into(),
        expires_at_unix_s: NOW.0 / SECOND_MS + 31 * 60,
        locale: "es".into(),
    }
}

#[tokio::test]
async fn a_checkout_has_no_intent_until_it_is_paid() {
    let sandbox = sandbox().await;
    let gateway = gateway(&sandbox);
    let made = gateway.create_checkout(checkout()).await.unwrap();
    assert_eq!((made.status, made.paid), (CheckoutStatus::Open, false));
    assert_eq!(made.intent_id, None);
    assert!(made.url.is_some());
    assert_eq!(gateway.create_checkout(checkout()).await.unwrap().id, made.id);

    let end = sandbox.pay_checkout(&made.id, VISA).unwrap();
    assert!(matches!(end, CheckoutEnd::Paid { .. }), "{end:?}");
    let paid = gateway.fetch_checkout(&made.id).await.unwrap();
    assert_eq!((paid.status, paid.paid), (CheckoutStatus::Complete, true));
    assert_eq!(paid.attempt_id.as_deref(), Some(attempt(1).as_str()));
    let intent = gateway.fetch_intent(&paid.intent_id.unwrap()).await.unwrap();
    assert_eq!((intent.status, intent.amount_received), (IntentStatus::Succeeded, Cents(82_00)));
    assert_eq!(intent.attempt_id.as_deref(), Some(attempt(1).as_str()));
    let late = gateway.expire_checkout(&made.id, &attempt(1)).await.unwrap_err();
    assert!(matches!(late, GatewayError::WrongState { .. }), "{late:?}");
}

#[tokio::test]
async fn an_expired_checkout_cannot_be_paid() {
    let sandbox = sandbox().await;
    let gateway = gateway(&sandbox);
    let made = gateway.create_checkout(checkout()).await.unwrap();
    let expired = gateway.expire_checkout(&made.id, &attempt(1)).await.unwrap();
    assert_eq!((expired.status, expired.url), (CheckoutStatus::Expired, None));
    let end = sandbox.pay_checkout(&made.id, VISA).unwrap();
    assert!(matches!(end, CheckoutEnd::Other(_)), "{end:?}");
    assert_eq!(sandbox.kept_cents(), 0);
}

#[tokio::test]
async fn a_refund_happens_once_and_is_found_by_its_key() {
    let sandbox = sandbox().await;
    let gateway = gateway(&sandbox);
    let made = gateway.create_intent(bill(1)).await.unwrap();
    sandbox.pay_intent(made.client_secret.unwrap().expose_secret(), VISA).unwrap();
    let refund = |cents, nth: u8| NewRefund {
        key: format!("{}:refund:{nth}", attempt(1)),
        intent_id: made.id.clone(),
        amount: Cents(cents),
        reason: RefundReason::RequestedByPayer,
    };
    let rule = FaultRule::new(Vendor::Stripe, "refunds.create", FaultKind::TimeoutAfterSuccess);
    hit(&sandbox, rule.with_ms(50));
    let lost = gateway.refund(refund(12_00, 1)).await.unwrap_err();
    assert!(matches!(lost, GatewayError::Unknown(_)), "{lost:?}");
    let listed = gateway.list_refunds(&made.id).await.unwrap();
    let found = &listed.items[0];
    assert_eq!(found.key.as_deref(), Some(refund(12_00, 1).key.as_str()));
    let again = gateway.refund(refund(12_00, 1)).await.unwrap();
    assert_eq!((again.id.as_str(), again.amount), (found.id.as_str(), Cents(12_00)));
    let fetched = gateway.fetch_refund(&again.id).await.unwrap();
    assert_eq!(fetched.status, RefundStatus::Succeeded);
    assert_eq!(fetched.intent_id.as_deref(), Some(made.id.as_str()));
    assert_eq!(gateway.fetch_intent(&made.id).await.unwrap().refunded, Cents(12_00));
    let too_much = gateway.refund(refund(80_00, 2)).await.unwrap_err();
    assert!(matches!(too_much, GatewayError::Refused { .. }), "{too_much:?}");
    assert_eq!(sandbox.kept_cents(), 70_00);
}

#[tokio::test]
async fn a_signed_webhook_names_the_intent_to_fetch() {
    let sandbox = sandbox().await;
    let gateway = gateway(&sandbox);
    let (address, request) = http_server(http(200, ""), Then::Close).await;
    let url = format!("{address}/webhooks/stripe/mer_1");
    let events = ["payment_intent.succeeded"];
    let endpoint = gateway.create_webhook_endpoint(&url, &events).await.unwrap();

    let made = gateway.create_intent(bill(1)).await.unwrap();
    sandbox.pay_intent(made.client_secret.unwrap().expose_secret(), VISA).unwrap();
    assert_eq!(sandbox.deliver_due().await.unwrap(), 1);

    let request = request.await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let header = header(head, "stripe-signature");
    let signed_at = header.strip_prefix("t=").unwrap().split(',').next().unwrap();
    let now: i64 = signed_at.parse().unwrap();
    let check = |body: &[u8], secret: &SecretString, now| {
        let secrets = [secret.clone()];
        verify_signature(body, &header, &secrets, now, webhook::TOLERANCE_S)
    };
    check(body.as_bytes(), &endpoint.secret, now).unwrap();
    assert!(check(body.as_bytes(), &endpoint.secret, now + 301).is_err());
    assert!(check(body.as_bytes(), &"whsec_other".into(), now).is_err());
    let event = parse_event(body.as_bytes()).unwrap();
    assert_eq!((event.kind.as_str(), event.object_kind), (events[0], ObjectKind::Intent));
    assert_eq!(event.intent_id.as_deref(), Some(made.id.as_str()));
    assert!(!event.livemode);
}

fn header(head: &str, name: &str) -> String {
    let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")));
    line.unwrap().split_once(':').unwrap().1.trim().to_owned()
}

fn form(body: &str) -> Vec<(String, String)> {
    serde_urlencoded::from_str(body).unwrap()
}

fn texting(sandbox: &Sandbox, status_callback: Option<String>) -> Twilio {
    Twilio::new(TwilioOptions {
        base_url: sandbox.twilio_base(),
        account_sid: sandbox.account_sid().into(),
        auth_token: sandbox.auth_token().into(),
        sender: Sender::From(sandbox.sender().into()),
        status_callback,
        timeout_ms: 5_000,
    })
    .unwrap()
}

async fn text(twilio: &Twilio, to: &str) -> Result<connect::channel::Accepted, ChannelError> {
    let message = TextMessage { to_e164: to.into(), body: "Pay: http://127.0.0.1/p/abc".into() };
    twilio.send_text(permit(Channel::Text, to, NOW), NOW, &message).await
}

#[tokio::test]
async fn a_text_arrives_and_its_report_is_signed() {
    let sandbox = sandbox().await;
    let (address, request) = http_server(http(204, ""), Then::Close).await;
    let url = format!("{address}/webhooks/twilio/status");
    let twilio = texting(&sandbox, Some(url.clone()));
    let accepted = text(&twilio, MARIA_PHONE).await.unwrap();
    assert_eq!((accepted.status, accepted.segments), (DeliveryStatus::Queued, 1));
    let arrived = sandbox.delivered_to(MARIA_PHONE);
    assert_eq!(arrived[0].body, "Pay: http://127.0.0.1/p/abc");
    assert_eq!(arrived[0].vendor_id.as_deref(), Some(accepted.provider_id.as_str()));

    // Only the first of the reports finds somebody at home, which is enough here.
    sandbox.deliver_due().await.unwrap();
    let request = request.await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let token = SecretString::from(sandbox.auth_token());
    let signature = header(head, "x-twilio-signature");
    assert!(twilio::verify_signature(&token, &url, &form(body), &signature));
    assert!(!twilio::verify_signature(&"other".into(), &url, &form(body), &signature));
    let report = twilio::parse_status(&form(body)).unwrap();
    assert_eq!(report.provider_id, accepted.provider_id);
    assert_eq!(report.status, DeliveryStatus::Sent);
}

#[tokio::test]
async fn after_stop_the_carrier_refuses_and_we_are_told_why() {
    let sandbox = sandbox().await;
    let twilio = texting(&sandbox, None);
    text(&twilio, MARIA_PHONE).await.unwrap();
    let (address, request) = http_server(
        "HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\ncontent-length: 11\r\n\r\n<Response/>".into(),
        Then::Close,
    )
    .await;
    let url = format!("{address}/webhooks/twilio/sms");
    sandbox.set_sms_webhook(&url).unwrap();
    sandbox.patient_texts(MARIA_PHONE, sandbox.sender(), "stop").await.unwrap();
    let request = request.await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let token = SecretString::from(sandbox.auth_token());
    let signature = header(head, "x-twilio-signature");
    assert!(twilio::verify_signature(&token, &url, &form(body), &signature));
    let reply = twilio::parse_inbound(&form(body)).unwrap();
    assert_eq!((reply.from.as_str(), reply.body.as_str()), (MARIA_PHONE, "stop"));
    assert!(matches!(reply.opt_out_type, None | Some(OptOutType::Stop)));

    let refused = text(&twilio, MARIA_PHONE).await;
    let cause = RefusalCause::OptedOut;
    assert_eq!(refused, Err(ChannelError::Refused { code: Some(21610), cause }));
}

#[tokio::test]
async fn a_text_whose_answer_was_lost_is_found_instead_of_sent_again() {
    let sandbox = sandbox().await;
    let twilio = texting(&sandbox, None);
    for kind in [FaultKind::TimeoutAfterSuccess, FaultKind::Truncate] {
        hit(&sandbox, FaultRule::new(Vendor::Twilio, "messages.create", kind).with_ms(50));
        let lost = text(&twilio, MARIA_PHONE).await;
        assert!(matches!(lost, Err(ChannelError::Unknown { .. })), "{lost:?}");
    }
    let body = Some("Pay: http://127.0.0.1/p/abc");
    assert_eq!(twilio.find_sent(MARIA_PHONE, body, NOW).await.unwrap().len(), 2);
    assert!(twilio.find_sent(MARIA_PHONE, Some("another"), NOW).await.unwrap().is_empty());
    assert!(twilio.find_sent("+15125550124", body, NOW).await.unwrap().is_empty());
    let much_later = UnixMs(NOW.0 + 3_600 * SECOND_MS);
    assert!(twilio.find_sent(MARIA_PHONE, body, much_later).await.unwrap().is_empty());
}

#[tokio::test]
async fn trouble_with_a_text_is_told_apart() {
    let sandbox = sandbox().await;
    let twilio = texting(&sandbox, None);
    let create = "messages.create";
    hit(&sandbox, FaultRule::new(Vendor::Twilio, create, FaultKind::RateLimit));
    let busy = text(&twilio, MARIA_PHONE).await;
    assert!(matches!(busy, Err(ChannelError::Retry { code: Some(20429), .. })), "{busy:?}");
    hit(&sandbox, FaultRule::new(Vendor::Twilio, create, FaultKind::Error500));
    let broken = text(&twilio, MARIA_PHONE).await;
    assert!(matches!(broken, Err(ChannelError::Unknown { .. })), "{broken:?}");
    hit(&sandbox, FaultRule::new(Vendor::Twilio, create, FaultKind::Reset));
    let reset = text(&twilio, MARIA_PHONE).await;
    assert!(matches!(reset, Err(ChannelError::Unknown { .. })), "{reset:?}");
    let rule = FaultRule::new(Vendor::Twilio, create, FaultKind::Decline);
    hit(&sandbox, rule.with_code("21614"));
    let landline = text(&twilio, MARIA_PHONE).await;
    let cause = RefusalCause::NotMobile;
    assert_eq!(landline, Err(ChannelError::Refused { code: Some(21614), cause }));
    assert_eq!(sandbox.texts_accepted(), 0);
}

#[tokio::test]
async fn a_practice_finds_buys_and_recognises_a_number() {
    let sandbox = sandbox().await;
    let twilio = texting(&sandbox, None);
    let search = NumberSearch { area_code: Some("512".into()), ..NumberSearch::default() };
    let found = twilio.search_numbers(&search).await.unwrap();
    let first = &found[0];
    assert!(first.can_text && first.e164.starts_with("+1512"), "{first:?}");
    assert_eq!(twilio.find_number(&first.e164).await.unwrap(), None);
    let new = NewNumber {
        e164: first.e164.clone(),
        sms_url: "http://127.0.0.1:3000/webhooks/twilio/sms".into(),
        voice_url: "https://pay.example/menu".into(),
        friendly_name: None,
    };
    let bought = twilio.buy_number(&new).await.unwrap();
    assert_eq!(twilio.find_number(&first.e164).await.unwrap(), Some(bought));
    assert_eq!(twilio.lookup_line_type(MARIA_PHONE).await.unwrap(), LineType::Mobile);
    assert_eq!(twilio.lookup_line_type("+15125550195").await.unwrap(), LineType::Landline);
}

fn mail(sandbox: &Sandbox) -> Smtp {
    Smtp::new(SmtpOptions {
        host: sandbox.smtp_addr().ip().to_string(),
        port: sandbox.smtp_addr().port(),
        tls: SmtpTls::None,
        username: None,
        password: None,
        dkim: None,
        timeout_ms: 5_000,
        hello_name: "pay.practice.example".into(),
    })
    .unwrap()
}

async fn email(smtp: &Smtp) -> Result<connect::channel::Accepted, ChannelError> {
    let email = EmailMessage {
        from_name: "Clínica Hill".into(),
        from_address: "billing@practice.example".into(),
        reply_to: Some("office@practice.example".into()),
        to: MARIA_EMAIL.into(),
        subject: "Tiene un estado de cuenta — nuevo".into(),
        text: "Hola María:\n\nhttp://127.0.0.1/p/abc\n".into(),
        html: "<p>Hola María</p>".into(),
        picture_of: None,
        list_unsubscribe_url: Some("https://pay.practice.example/u/abc".into()),
        message_id: MESSAGE_ID.into(),
        class: EmailClass::Reminder,
    };
    smtp.send_email(permit(Channel::Email, MARIA_EMAIL, NOW), NOW, &email).await
}

#[tokio::test]
async fn an_email_arrives_with_both_parts_and_its_headers() {
    let sandbox = sandbox().await;
    let smtp = mail(&sandbox);
    smtp.test_connection().await.unwrap();
    let accepted = email(&smtp).await.unwrap();
    let arrived = sandbox.delivered_to(MARIA_EMAIL);
    assert_eq!(arrived.len(), 1);
    let letter = &arrived[0];
    assert_eq!(letter.subject.as_deref(), Some("Tiene un estado de cuenta — nuevo"));
    assert!(letter.body.contains("Hola María:"), "{}", letter.body);
    assert!(letter.html.as_deref().unwrap().contains("<p>Hola María</p>"));
    assert_eq!(letter.link.as_deref(), Some("http://127.0.0.1/p/abc"));
    let header = |name: &str| {
        let found = letter.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    assert_eq!(header("List-Unsubscribe"), "<https://pay.practice.example/u/abc>");
    assert_eq!(header("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
    assert_eq!(header("Auto-Submitted"), "auto-generated");
    assert_eq!(header("Message-ID"), format!("<{}>", accepted.provider_id));
    assert_eq!(accepted.provider_id, format!("{MESSAGE_ID}@practice.example"));
}

#[tokio::test]
async fn trouble_with_an_email_is_told_apart() {
    let sandbox = sandbox().await;
    let smtp = mail(&sandbox);
    for (says, cause) in [
        ("550 5.1.1 No such user", RefusalCause::BadAddress),
        ("550 5.7.1 Not wanted", RefusalCause::Blocked),
    ] {
        let rule = FaultRule::new(Vendor::Smtp, "rcpt", FaultKind::Decline);
        hit(&sandbox, rule.with_code(says));
        let refused = email(&smtp).await;
        assert_eq!(refused, Err(ChannelError::Refused { code: Some(550), cause }));
    }
    hit(&sandbox, FaultRule::new(Vendor::Smtp, "data", FaultKind::Error500));
    let later = email(&smtp).await;
    assert!(matches!(later, Err(ChannelError::Retry { code: Some(451), .. })), "{later:?}");
    let rule = FaultRule::new(Vendor::Smtp, "data", FaultKind::TimeoutAfterSuccess);
    hit(&sandbox, rule.with_ms(50));
    let lost = email(&smtp).await;
    assert!(matches!(lost, Err(ChannelError::Unknown { .. })), "{lost:?}");
    assert_eq!(sandbox.delivered_to(MARIA_EMAIL).len(), 1);
}
