//! The client against a server that speaks one line and then misbehaves: what is asked, byte for
//! byte, and what each kind of answer means. The sandbox plays whole payments; this plays accidents.

#![allow(clippy::unwrap_used, reason = "the test runner is the reader")]

use connect_stripe::{
    Gateway, GatewayError, GatewayOptions, IntentStatus, NewCheckout, NewIntent, NewRefund,
    RefundReason, RefundStatus,
};
use domain::{id::AttemptId, money::Cents};
use secrecy::ExposeSecret;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};

/// Long enough for a loaded machine; the one test that runs into it takes this long.
const TIMEOUT_MS: u64 = 2_000;

enum Then {
    Close,
    /// Keeps the connection open and says nothing more.
    Stall,
}

/// Takes one request, answers with exactly these bytes, and hands the request over.
async fn server(answer: String, then: Then) -> (Gateway, JoinHandle<String>) {
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
    let gateway = Gateway::new(GatewayOptions {
        base_url,
        secret_key: "sk_test_abc".into(),
        account: None,
        timeout_ms: TIMEOUT_MS,
    });
    (gateway.unwrap(), request)
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

fn http(status: u16, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

fn intent(id: &str, status: &str) -> String {
    format!(
        r#"{{"id":"{id}","object":"payment_intent","status":"{status}","amount":8200,"amount_received":0,
        "currency":"usd","livemode":false,"created":1700000000,"metadata":{{"attempt_id":"{}"}},
        "client_secret":"{id}_secret_x","last_payment_error":null,"latest_charge":null}}"#,
        attempt()
    )
}

fn attempt() -> AttemptId {
    AttemptId::trusted("att_0198c0de000070008000000000000001")
}

fn new_intent() -> NewIntent {
    NewIntent { attempt_id: attempt(), amount: Cents(8200), currency: "usd".into() }
}

/// The decoded form or query, sorted.
fn fields(encoded: &str) -> Vec<String> {
    let mut fields: Vec<String> = encoded
        .split('&')
        .map(|pair| {
            pair.replace("%5B", "[").replace("%5D", "]").replace("%3A", ":").replace("%2F", "/")
        })
        .collect();
    fields.sort();
    fields
}

#[tokio::test]
async fn an_intent_tells_the_processor_an_amount_and_an_attempt_and_nothing_else() {
    let (gateway, request) =
        server(http(200, &intent("pi_1", "requires_payment_method")), Then::Close).await;
    let made = gateway.create_intent(new_intent()).await.unwrap();
    assert_eq!(made.status, IntentStatus::RequiresPaymentMethod);
    assert_eq!(made.attempt_id.as_deref(), Some(attempt().as_str()));
    assert_eq!(made.client_secret.as_ref().unwrap().expose_secret(), "pi_1_secret_x");
    assert!(!format!("{made:?}").contains("pi_1_secret_x"));

    let request = request.await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("post /v1/payment_intents http/1.1"), "{head}");
    assert!(head.contains(&format!("idempotency-key: {}", attempt())));
    assert!(head.contains("stripe-version: 2026-09-30.endive"));
    assert!(head.contains("authorization: bearer sk_test_abc"));
    assert_eq!(
        fields(body),
        [
            "allowed_payment_method_types[0]=card".to_owned(),
            "amount=8200".to_owned(),
            "currency=usd".to_owned(),
            format!("metadata[attempt_id]={}", attempt()),
        ]
    );
}

#[tokio::test]
async fn a_checkout_names_the_practice_and_nothing_about_the_patient() {
    let answer = r#"{"id":"cs_test_1","object":"checkout.session","url":"https://checkout.stripe.com/c/1",
        "status":"open","payment_status":"unpaid","payment_intent":null,"amount_total":8200,
        "currency":"usd","livemode":false,"metadata":{},"expires_at":1700001800}"#;
    let (gateway, request) = server(http(200, answer), Then::Close).await;
    let made = gateway
        .create_checkout(NewCheckout {
            attempt_id: attempt(),
            amount: Cents(8200),
            currency: "usd".into(),
            label: "Payment".into(),
            success_url: "https://pay.example/ok".into(),
            cancel_url: "https://pay.example/back".into(),
            expires_at_unix_s: 1_700_001_800,
            locale: "es".into(),
        })
        .await
        .unwrap();
    assert_eq!((made.intent_id, made.paid), (None, false));
    let request = request.await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(
        head.to_ascii_lowercase().contains(&format!("idempotency-key: {}:checkout", attempt()))
    );
    assert_eq!(
        fields(body),
        [
            "adaptive_pricing[enabled]=false".to_owned(),
            "allowed_payment_method_types[0]=card".to_owned(),
            "cancel_url=https://pay.example/back".to_owned(),
            "expires_at=1700001800".to_owned(),
            "line_items[0][price_data][currency]=usd".to_owned(),
            "line_items[0][price_data][product_data][name]=Payment".to_owned(),
            "line_items[0][price_data][unit_amount]=8200".to_owned(),
            "line_items[0][quantity]=1".to_owned(),
            "locale=es".to_owned(),
            format!("metadata[attempt_id]={}", attempt()),
            "mode=payment".to_owned(),
            format!("payment_intent_data[metadata][attempt_id]={}", attempt()),
            "success_url=https://pay.example/ok".to_owned(),
        ]
    );
}

#[tokio::test]
async fn a_fetched_intent_shows_card_refund_and_dispute_of_its_charge() {
    let charge = r#"{"id":"ch_1","object":"charge","amount_refunded":1200,"disputed":true,
        "payment_method_details":{"type":"card","card":{"brand":"visa","last4":"4242","wallet":{"type":"apple_pay"}}}}"#;
    let body = intent("pi_1", "succeeded")
        .replace(r#""latest_charge":null"#, &format!(r#""latest_charge":{charge}"#));
    let (gateway, request) = server(http(200, &body), Then::Close).await;
    let fetched = gateway.fetch_intent("pi_1").await.unwrap();
    let card = fetched.card.unwrap();
    assert_eq!((card.brand.as_str(), card.last4.as_str()), ("visa", "4242"));
    assert_eq!(card.wallet.as_deref(), Some("apple_pay"));
    assert_eq!((fetched.refunded, fetched.disputed), (Cents(1200), true));
    assert_eq!(fetched.latest_charge.as_deref(), Some("ch_1"));
    let request = request.await.unwrap().replace("%5B", "[").replace("%5D", "]");
    assert!(
        request.starts_with("GET /v1/payment_intents/pi_1?expand[0]=latest_charge "),
        "{request}"
    );
}

#[tokio::test]
async fn a_decline_that_happened_in_the_browser_is_read_from_the_intent() {
    let error = r#""last_payment_error":{"type":"card_error","code":"card_declined","decline_code":"insufficient_funds","message":"x"}"#;
    let body = intent("pi_1", "requires_payment_method")
        .replace(r#""last_payment_error":null"#, error)
        .replace(r#""latest_charge":null"#, r#""latest_charge":"ch_9""#);
    let (gateway, _) = server(http(200, &body), Then::Close).await;
    let fetched = gateway.fetch_intent("pi_1").await.unwrap();
    let decline = fetched.last_decline.unwrap();
    assert_eq!(decline.decline_code.as_deref(), Some("insufficient_funds"));
    assert_eq!(fetched.latest_charge.as_deref(), Some("ch_9"));
    assert_eq!(fetched.card, None);
}

#[tokio::test]
async fn only_a_card_error_with_402_means_declined() {
    let error = |kind: &str, code: &str| {
        format!(
            r#"{{"error":{{"type":"{kind}","code":"{code}","message":"m","decline_code":"insufficient_funds"}}}}"#
        )
    };
    let card = error("card_error", "card_declined");
    for (status, body, expected) in [
        (402, card.clone(), "declined (insufficient_funds)"),
        (400, card.clone(), "refused (card_declined)"),
        (402, error("invalid_request_error", "x"), "refused (x)"),
        (400, error("idempotency_error", "parameter_mismatch"), "refused (parameter_mismatch)"),
        (
            400,
            error("invalid_request_error", "payment_intent_unexpected_state"),
            "the object is in another state (payment_intent_unexpected_state)",
        ),
        (
            401,
            r#"{"error":{"type":"invalid_request_error","message":"bad key"}}"#.into(),
            "the processor refused the key",
        ),
        (
            403,
            r#"{"error":{"type":"invalid_request_error","message":"m"}}"#.into(),
            "the processor refused the key",
        ),
        (404, error("invalid_request_error", "resource_missing"), "no such object"),
        (409, error("idempotency_error", "idempotency_key_in_use"), "outcome unknown: key in use"),
        (429, error("invalid_request_error", "lock_timeout"), "too many requests"),
        (
            500,
            r#"{"error":{"type":"api_error","message":"m"}}"#.into(),
            "outcome unknown: server error",
        ),
        (503, card, "outcome unknown: server error"),
        (502, "<html>bad gateway</html>".into(), "outcome unknown: unreadable answer"),
        (402, "<html>pay me</html>".into(), "outcome unknown: unreadable answer"),
    ] {
        let (gateway, _) = server(http(status, &body), Then::Close).await;
        let error = gateway.create_intent(new_intent()).await.unwrap_err();
        assert_eq!(error.to_string(), expected, "{status} {body}");
        assert_eq!(matches!(error, GatewayError::Declined(_)), expected.starts_with("declined"));
    }
}

#[tokio::test]
async fn whatever_else_happens_the_outcome_is_unknown() {
    let whole = intent("pi_1", "succeeded");
    let half = &whole[..whole.len() / 2];
    let other_object = whole.replace(r#""object":"payment_intent""#, r#""object":"charge""#);
    for (name, answer, then) in [
        ("nothing at all", String::new(), Then::Close),
        ("a stall before the answer", String::new(), Then::Stall),
        ("half a head", "HTTP/1.1 200 OK\r\ncontent-le".into(), Then::Close),
        (
            "half an answer with a whole length",
            http(200, &whole)[..http(200, &whole).len() - 40].into(),
            Then::Close,
        ),
        ("half an answer with its own length", http(200, half), Then::Close),
        ("no JSON", http(200, "OK"), Then::Close),
        ("no UTF-8 sense", http(200, "\u{feff}"), Then::Close),
        ("an empty object", http(200, "{}"), Then::Close),
        ("another kind of object", http(200, &other_object), Then::Close),
        ("another intent", http(200, &intent("pi_2", "succeeded")), Then::Close),
        (
            "a redirect",
            "HTTP/1.1 302 X\r\nlocation: /\r\ncontent-length: 0\r\n\r\n".into(),
            Then::Close,
        ),
    ] {
        let (gateway, _) = server(answer, then).await;
        let outcome = gateway.fetch_intent("pi_1").await;
        assert!(matches!(outcome, Err(GatewayError::Unknown(_))), "{name}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_refund_carries_its_own_key_and_can_be_found_by_it() {
    let answer = r#"{"id":"re_1","object":"refund","status":"pending","amount":1200,
        "payment_intent":"pi_1","metadata":{"refund_key":"att_x:refund:1"},"created":1700000000}"#;
    let (gateway, request) = server(http(200, answer), Then::Close).await;
    let refund = gateway
        .refund(NewRefund {
            key: "att_x:refund:1".into(),
            intent_id: "pi_1".into(),
            amount: Cents(1200),
            reason: RefundReason::RequestedByPayer,
        })
        .await
        .unwrap();
    assert_eq!((refund.status, refund.amount), (RefundStatus::Pending, Cents(1200)));
    assert_eq!(refund.key.as_deref(), Some("att_x:refund:1"));
    let request = request.await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.to_ascii_lowercase().contains("idempotency-key: att_x:refund:1"));
    assert_eq!(
        fields(body),
        [
            "amount=1200",
            "metadata[refund_key]=att_x:refund:1",
            "payment_intent=pi_1",
            "reason=requested_by_customer",
        ]
    );
}

#[tokio::test]
async fn a_list_is_read_page_by_page() {
    let list = |more: bool| {
        let items = [intent("pi_2", "succeeded"), intent("pi_1", "canceled")].join(",");
        format!(
            r#"{{"object":"list","url":"/v1/payment_intents","has_more":{more},"data":[{items}]}}"#
        )
    };
    let (gateway, request) = server(http(200, &list(true)), Then::Close).await;
    let page = gateway.list_intents(1_700_000_000, Some("pi_3")).await.unwrap();
    assert_eq!(page.items.len(), 2);
    assert_eq!(page.next_cursor.as_deref(), Some("pi_1"));
    let request = request.await.unwrap();
    let line = request.lines().next().unwrap().to_owned();
    let query = line.split(['?', ' ']).nth(2).unwrap().to_owned();
    assert_eq!(
        fields(&query),
        [
            "created[gte]=1700000000",
            "expand[0]=data.latest_charge",
            "limit=100",
            "starting_after=pi_3"
        ]
    );
    let (gateway, _) = server(http(200, &list(false)), Then::Close).await;
    assert_eq!(gateway.list_intents(0, None).await.unwrap().next_cursor, None);
}

#[tokio::test]
async fn a_session_that_is_no_longer_open_is_a_matter_of_state() {
    let body = r#"{"error":{"type":"invalid_request_error","message":"Only Checkout Sessions with a status in [\"open\"] can be expired."}}"#;
    let (gateway, _) = server(http(400, body), Then::Close).await;
    let error = gateway.expire_checkout("cs_test_1", &attempt()).await.unwrap_err();
    assert!(matches!(error, GatewayError::WrongState { .. }), "{error:?}");
}

#[tokio::test]
async fn an_endpoint_for_webhooks_is_pinned_to_our_version() {
    let answer =
        r#"{"id":"we_1","object":"webhook_endpoint","secret":"whsec_1","status":"enabled"}"#;
    let (gateway, request) = server(http(200, answer), Then::Close).await;
    let events = ["payment_intent.succeeded", "charge.refunded"];
    let made = gateway.create_webhook_endpoint("https://pay.example/hook", &events).await.unwrap();
    assert_eq!(made.secret.expose_secret(), "whsec_1");
    let request = request.await.unwrap();
    let (_, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(
        fields(body),
        [
            "api_version=2026-09-30.endive",
            "enabled_events[0]=payment_intent.succeeded",
            "enabled_events[1]=charge.refunded",
            "url=https://pay.example/hook",
        ]
    );
}
