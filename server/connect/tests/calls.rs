//! Calls and faxes: requests as the vendors describe them, and the sandbox that rings and prints.

#![allow(clippy::unwrap_used, reason = "the test runner is the reader")]

// Each test file uses its part of the cast.
#[allow(dead_code)]
mod cast;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use cast::{
    MARIA_PHONE, NOW, TIMEOUT_MS, Then, fits_the_description, http, http_server, parts, permit,
};
use connect::channel::{
    CallMessage, ChannelError, DeliveryStatus, FaxMessage, RefusalCause,
    interfax::{Interfax, InterfaxOptions},
    twilio::{
        self, CallPlan, Sender, Twilio, TwilioOptions, Verb, Voice, call_twiml, parse_call_report,
    },
};
use domain::{
    clock::{Chance, Clock, HOUR_MS, SECOND_MS, UnixMs},
    decide::Channel,
};
use sandbox::{FaultKind, FaultRule, Manner, Sandbox, SandboxOptions, Vendor};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const PLACED: &str = r#"{"sid":"CA00000000000000000000000000000001","status":"queued",
    "to":"+15125550123","from":"+15125550199","direction":"outbound-api","answered_by":null,
    "date_created":"Wed, 04 Mar 2026 16:00:01 +0000"}"#;

fn account(base_url: String, sid: &str, token: &str) -> Twilio {
    Twilio::new(TwilioOptions {
        base_url,
        account_sid: sid.into(),
        auth_token: token.into(),
        sender: Sender::From(String::new()),
        status_callback: None,
        timeout_ms: TIMEOUT_MS,
    })
    .unwrap()
}

fn call() -> CallMessage {
    CallMessage { to_e164: MARIA_PHONE.into(), message_id: "msg_1".into(), since: NOW }
}

fn plan(from: &str, words_url: String, status_callback: String) -> CallPlan {
    CallPlan { from_e164: from.into(), words_url, status_callback }
}

fn plan_of_nobody() -> CallPlan {
    plan(
        "+15125550199",
        "https://pay.practice.example/call/msg_1".into(),
        "https://pay.practice.example/call-status".into(),
    )
}

fn page(reference: &str) -> FaxMessage {
    FaxMessage {
        to_e164: MARIA_PHONE.into(),
        document: b"%PDF-1.7 (Amount due: $82.00) Tj".to_vec(),
        reference: reference.into(),
    }
}

fn faxes(base_url: String, user: &str, password: &str) -> Interfax {
    Interfax::new(InterfaxOptions {
        base_url,
        username: user.into(),
        password: password.into(),
        timeout_ms: TIMEOUT_MS,
    })
    .unwrap()
}

struct Still;

impl Clock for Still {
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
    Sandbox::start(SandboxOptions::new(Arc::new(Still), Arc::new(Counting::default())))
        .await
        .unwrap()
}

fn hit(sandbox: &Sandbox, rule: FaultRule) {
    sandbox.add_faults(vec![rule]).unwrap().unwrap();
}

#[tokio::test]
async fn a_call_is_placed_as_twilio_describes_it() {
    let (base, request) = http_server(http(201, PLACED), Then::Close).await;
    let twilio = account(base, ACCOUNT, "token");
    let permit = permit(Channel::Voice, MARIA_PHONE, NOW);
    let accepted = twilio.place_call(permit, NOW, &call(), &plan_of_nobody()).await.unwrap();
    assert_eq!(accepted.provider_id, "CA00000000000000000000000000000001");
    assert_eq!(accepted.status, DeliveryStatus::Queued);
    let (method, path, body) = parts(&request.await.unwrap());
    assert_eq!(path, format!("/2010-04-01/Accounts/{ACCOUNT}/Calls.json"));
    assert!(body.contains("MachineDetection=DetectMessageEnd"), "{body}");
    assert!(body.contains("StatusCallbackEvent=answered&StatusCallbackEvent=completed"), "{body}");
    fits_the_description("twilio.json", &method, &path, &body);
}

#[tokio::test]
async fn a_look_for_a_call_asks_as_twilio_describes_it() {
    let list = format!(r#"{{"calls":[{PLACED}]}}"#);
    let (base, request) = http_server(http(200, &list), Then::Close).await;
    let found =
        account(base, ACCOUNT, "token").find_calls(MARIA_PHONE, "+15125550199", NOW).await.unwrap();
    assert_eq!(found[0].provider_id, "CA00000000000000000000000000000001");
    let (method, path, _) = parts(&request.await.unwrap());
    fits_the_description("twilio.json", &method, &path, "");
}

#[tokio::test]
async fn a_permit_for_a_text_or_a_late_one_calls_and_faxes_nobody() {
    // Nothing listens there: an attempt to connect would be a Retry.
    let nowhere = || "http://127.0.0.1:1".to_owned();
    let refused = Err(ChannelError::Refused { code: None, cause: RefusalCause::SenderFault });
    let twilio = account(nowhere(), ACCOUNT, "token");
    let text = permit(Channel::Text, MARIA_PHONE, NOW);
    assert_eq!(twilio.place_call(text, NOW, &call(), &plan_of_nobody()).await, refused);
    let late = UnixMs(NOW.0 + 6 * SECOND_MS);
    let live = permit(Channel::Voice, MARIA_PHONE, NOW);
    assert_eq!(twilio.place_call(live, late, &call(), &plan_of_nobody()).await, refused);
    let fax = faxes(nowhere(), "user", "password");
    let voice = permit(Channel::Voice, MARIA_PHONE, NOW);
    assert_eq!(fax.send_fax(voice, NOW, &page("msg_1")).await, refused);
}

#[tokio::test]
async fn the_sandbox_rings_speaks_presses_and_reports() {
    let sandbox = sandbox().await;
    let menu = call_twiml(
        Voice::English,
        &[
            Verb::Ask { words: "Press 1".into(), action: "/key".into(), wait_s: 5, digits: 1 },
            Verb::HangUp,
        ],
    );
    let said = |xml: &str| {
        let length = xml.len();
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{xml}"
        )
    };
    let (words, first_turn) = http_server(said(&menu), Then::Close).await;
    let (reports, report) = http_server(http(204, ""), Then::Close).await;
    let twilio = account(sandbox.twilio_base(), sandbox.account_sid(), sandbox.auth_token());
    let plan = plan(sandbox.sender(), format!("{words}/call"), format!("{reports}/status"));
    let permit = permit(Channel::Voice, MARIA_PHONE, NOW);
    twilio.place_call(permit, NOW, &call(), &plan).await.unwrap();
    sandbox.takes_calls(MARIA_PHONE, Manner::Machine).unwrap();
    sandbox.deliver_due().await.unwrap();
    let turn = first_turn.await.unwrap();
    let (head, body) = turn.split_once("\r\n\r\n").unwrap();
    let form: Vec<(String, String)> = serde_urlencoded::from_str(body).unwrap();
    let turn = twilio::parse_call_turn(&form).unwrap();
    assert_eq!(turn.answered_by, twilio::AnsweredBy::Machine);
    assert_eq!((turn.to.as_str(), turn.is_inbound), (MARIA_PHONE, false));
    let signature = head
        .lines()
        .find(|line| line.to_ascii_lowercase().starts_with("x-twilio-signature:"))
        .and_then(|line| line.split_once(": "))
        .unwrap()
        .1;
    let token = sandbox.auth_token().into();
    assert!(twilio::verify_signature(&token, &format!("{words}/call"), &form, signature));
    let report = report.await.unwrap();
    let form: Vec<(String, String)> =
        serde_urlencoded::from_str(report.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(parse_call_report(&form).unwrap().status, DeliveryStatus::Sent);
    let heard = sandbox.delivered_to(MARIA_PHONE);
    assert_eq!((heard[0].channel, heard[0].body.as_str()), (sandbox::Channel::Call, "Press 1"));
    assert_eq!(heard[0].answered_by.as_deref(), Some("machine_end_beep"));
}

#[tokio::test]
async fn a_call_whose_answer_was_lost_is_found_by_its_numbers_and_its_time() {
    let sandbox = sandbox().await;
    let twilio = account(sandbox.twilio_base(), sandbox.account_sid(), sandbox.auth_token());
    let plan = plan(sandbox.sender(), "http://127.0.0.1:1/x".into(), "http://127.0.0.1:1/y".into());
    let rule = FaultRule::new(Vendor::Twilio, "calls.create", FaultKind::TimeoutAfterSuccess);
    hit(&sandbox, rule.with_ms(50));
    let lost =
        twilio.place_call(permit(Channel::Voice, MARIA_PHONE, NOW), NOW, &call(), &plan).await;
    assert!(matches!(lost, Err(ChannelError::Unknown { .. })), "{lost:?}");
    let find = async |to: &str, since: UnixMs| {
        twilio.find_calls(to, sandbox.sender(), since).await.unwrap().len()
    };
    assert_eq!(find(MARIA_PHONE, NOW).await, 1);
    assert_eq!(find("+15125550124", NOW).await, 0);
    assert_eq!(find(MARIA_PHONE, NOW.plus_ms(HOUR_MS)).await, 0);
    let rule = FaultRule::new(Vendor::Twilio, "calls.create", FaultKind::Decline);
    hit(&sandbox, rule.with_code("21217"));
    let wrong =
        twilio.place_call(permit(Channel::Voice, MARIA_PHONE, NOW), NOW, &call(), &plan).await;
    let cause = RefusalCause::BadAddress;
    assert_eq!(wrong, Err(ChannelError::Refused { code: Some(21217), cause }));
    assert_eq!(sandbox.calls_accepted(), 1);
}

#[tokio::test]
async fn a_fax_is_handed_over_with_its_options_in_the_address_and_the_page_as_the_body() {
    let answer = "HTTP/1.1 201 Created\r\nlocation: https://rest.interfax.net/outbound/faxes/667457707\r\n\
                  content-length: 0\r\nconnection: close\r\n\r\n";
    let (base, request) = http_server(answer.into(), Then::Close).await;
    let fax = faxes(base, "user", "password");
    let permit = permit(Channel::Fax, MARIA_PHONE, NOW);
    let accepted = fax.send_fax(permit, NOW, &page("msg_1")).await.unwrap();
    assert_eq!(accepted.provider_id, "667457707");
    let request = request.await.unwrap();
    let (method, path, body) = parts(&request);
    assert_eq!(method, "POST");
    let number = MARIA_PHONE.replace('+', "%2B");
    assert_eq!(path, format!("/outbound/faxes?faxNumber={number}&reference=msg_1&pageSize=letter"));
    assert!(request.to_ascii_lowercase().contains("content-type: application/pdf"));
    assert!(body.starts_with("%PDF"));
}

#[tokio::test]
async fn a_fax_arrives_is_asked_after_and_is_found_by_our_reference() {
    let sandbox = sandbox().await;
    let fax = faxes(sandbox.interfax_base(), sandbox.interfax_user(), sandbox.interfax_password());
    fax.check().await.unwrap();
    let permit = || permit(Channel::Fax, MARIA_PHONE, NOW);
    let accepted = fax.send_fax(permit(), NOW, &page("msg_1")).await.unwrap();
    assert_eq!(fax.load(&accepted.provider_id).await.unwrap().status, DeliveryStatus::Queued);
    sandbox.deliver_due().await.unwrap();
    assert_eq!(fax.load(&accepted.provider_id).await.unwrap().status, DeliveryStatus::Delivered);
    let printed = sandbox.delivered_to(MARIA_PHONE);
    assert_eq!(printed[0].body, "Amount due: $82.00");

    let lost = FaultRule::new(Vendor::Interfax, "faxes.create", FaultKind::TimeoutAfterSuccess);
    hit(&sandbox, lost.with_ms(50));
    let answer = fax.send_fax(permit(), NOW, &page("msg_2")).await;
    assert!(matches!(answer, Err(ChannelError::Unknown { .. })), "{answer:?}");
    assert!(fax.find_sent("msg_2").await.unwrap().is_some());
    assert_eq!(fax.find_sent("msg_3").await.unwrap(), None);
}

#[tokio::test]
async fn trouble_with_a_fax_is_told_apart() {
    let sandbox = sandbox().await;
    let fax = faxes(sandbox.interfax_base(), sandbox.interfax_user(), sandbox.interfax_password());
    let send = async || fax.send_fax(permit(Channel::Fax, MARIA_PHONE, NOW), NOW, &page("m")).await;
    let rule = |kind| FaultRule::new(Vendor::Interfax, "faxes.create", kind);
    hit(&sandbox, rule(FaultKind::RateLimit));
    assert!(matches!(send().await, Err(ChannelError::Retry { after_ms: Some(1_000), .. })));
    hit(&sandbox, rule(FaultKind::Error500));
    assert!(matches!(send().await, Err(ChannelError::Unknown { .. })));
    hit(&sandbox, rule(FaultKind::Decline).with_code("-112"));
    let cause = RefusalCause::BadAddress;
    assert_eq!(send().await, Err(ChannelError::Refused { code: Some(-112), cause }));
    hit(&sandbox, rule(FaultKind::Decline).with_code("205000"));
    let accepted = send().await.unwrap();
    sandbox.deliver_due().await.unwrap();
    let report = fax.load(&accepted.provider_id).await.unwrap();
    assert_eq!(report.cause, Some(RefusalCause::SenderFault), "the account is out of credit");
    let stranger = faxes(sandbox.interfax_base(), "somebody", "else");
    let answer = stranger.check().await;
    let cause = RefusalCause::SenderFault;
    assert_eq!(answer, Err(ChannelError::Refused { code: Some(-1003), cause }));
}
