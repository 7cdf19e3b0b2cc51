//! Who the channel tests need: a permit for somebody, and a server that has one accident.

use std::{path::Path, process::Command};

use domain::{
    clock::UnixMs,
    decide::{
        Approval, Channel, Class, ContactFacts, Facts, History, LineType, PracticeFacts, Proposed,
        Reach, Rules, Says,
    },
    gate::{RateSlot, SendPermit, admit},
    id::MessageId,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};

/// 2026-03-04T16:00:00Z, a Wednesday morning in Texas.
pub const NOW: UnixMs = UnixMs(1_772_640_000_000);
pub const MARIA_PHONE: &str = "+15125550123";
pub const MARIA_EMAIL: &str = "maria@patient.example";
pub const MESSAGE_ID: &str = "msg_0198c0de000070008000000000000001";
/// Long enough for a loaded machine; only a test of the timeout itself waits for it.
pub const TIMEOUT_MS: u64 = 2_000;

/// The gate says yes: an answer to a text just received, or a notice to a member of staff.
pub fn permit(channel: Channel, recipient: &str, now: UnixMs) -> SendPermit {
    let class = match channel {
        Channel::Text => Class::AutoReply,
        Channel::Email | Channel::Voice | Channel::Fax | Channel::Letter => Class::StaffNotice,
    };
    let message = Proposed {
        message_id: MessageId::trusted(MESSAGE_ID),
        recipient: recipient.to_owned(),
        class,
        channel,
        notice: "notice".into(),
        claims: Vec::new(),
        slot_at: now,
        content_hash: String::new(),
        says: Says::default(),
    };
    let facts = Facts {
        practice: PracticeFacts {
            is_live: true,
            import_is_held: false,
            platform_text_enabled: true,
            practice_text_enabled: true,
            text_number_chosen: true,
            text_billing_accepted: true,
            text_campaign_registered: true,
            code_sender_is_separate: true,
            proof_approved: true,
            email_sender_tested: true,
            email_paused_for_complaints: false,
            voice_is_on: true,
            caller_number_chosen: true,
            fax_is_on: true,
            texts_paused_by_carriers: false,
            instamed_is_active: false,
            text_name_chars: 12,
            text_name_is_custom: false,
            is_sensitive: false,
        },
        contact: ContactFacts {
            value: recipient.to_owned(),
            line: LineType::Mobile,
            reach: Reach::Good,
            text_enabled: true,
            suppression: None,
            consent: None,
            is_wrong_number: false,
            verified_at: None,
            auto_replied_at: None,
            asked_at: None,
            opt_out_confirmed_at: None,
        },
        guarantor: None,
        balance: None,
        approval: Approval { is_required: false, given: None },
        history: History::default(),
    };
    admit(&message, &facts, &Rules::default(), RateSlot::taken_at(now), now)
        .unwrap_or_else(|decision| panic!("the gate says no: {:?}", decision.headline()))
}

pub enum Then {
    Close,
    /// Keeps the connection open and says nothing more.
    Stall,
}

/// Takes one HTTP request, answers with exactly these bytes, and hands the request over.
pub async fn http_server(answer: String, then: Then) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    let request = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        let mut buffer = [0; 4096];
        while !is_complete(&seen) {
            let read = stream.read(&mut buffer).await.unwrap();
            assert!(read > 0, "the client hung up early");
            seen.extend_from_slice(&buffer[..read]);
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        if matches!(then, Then::Stall) {
            // Until the client gives up.
            let _ = stream.read(&mut buffer).await;
        }
        String::from_utf8(seen).unwrap()
    });
    (base_url, request)
}

fn is_complete(seen: &[u8]) -> bool {
    let text = String::from_utf8_lossy(seen);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok()
        })
        .unwrap_or(0);
    body.len() >= length
}

pub fn http(status: u16, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// Runs the shared checker, or says loudly that it did not.
pub fn fits_the_description(spec: &str, method: &str, path: &str, body: &str) {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let tool = shared.join("tools/openapi_request_check.py");
    let spec = shared.join("specs").join(spec);
    if !tool.exists() || !spec.exists() {
        eprintln!("SKIPPED, NOT CHECKED: {method} {path}: no {}", shared.display());
        return;
    }
    let usable = Command::new("python3").args(["-c", "import jsonschema"]).output();
    if !usable.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED, NOT CHECKED: {method} {path}: python3 with jsonschema is missing");
        return;
    }
    let form = "application/x-www-form-urlencoded";
    let content_type = if body.is_empty() { "" } else { form };
    let output = Command::new("python3")
        .arg(tool)
        .arg(spec)
        .args([method, path, content_type, body, "--strict"])
        .output()
        .unwrap();
    let verdict = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{method} {path} {body}\n{verdict}");
}

/// Method, path with query, and body of a recorded request.
pub fn parts(request: &str) -> (String, String, String) {
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut line = head.lines().next().unwrap().split(' ');
    (line.next().unwrap().into(), line.next().unwrap().into(), body.into())
}
