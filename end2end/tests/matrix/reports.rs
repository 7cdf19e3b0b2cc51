//! What browsers report as blocked (R49): few, small, and nothing in it that says who or where.

use domain::staff::Role;
use reqwest::{Method, StatusCode, header::CONTENT_TYPE};

use crate::{callers::Caller, forgery::REPORTS, town::Town};

async fn report(town: &Town, kind: &str, body: String) -> StatusCode {
    let request = town.client.request(Method::POST, format!("{}{REPORTS}", town.base));
    request.header(CONTENT_TYPE, kind).body(body).send().await.unwrap().status()
}

fn of_pay_page(town: &Town) -> String {
    serde_json::json!({ "csp-report": {
        "document-uri": format!("{}/pay?after=pay_secret", town.base),
        "referrer": format!("{}/p/{}", town.base, town.alder.accounts[0].token),
        "violated-directive": "script-src-elem",
        "effective-directive": "script-src-elem",
        "blocked-uri": "https://skim.example/steal.js?who=Wilhelmina",
        "script-sample": "Wilhelmina",
    }})
    .to_string()
}

#[tokio::test]
async fn a_script_that_was_put_into_the_pay_page_shows_on_the_health_page() {
    let town = Town::build().await;
    let manager = town.visitor(Caller::Staff(Role::Manager)).await;
    let health = town.get(&manager, "/staff/health").await.body;
    assert!(health.contains("nothing reported in the last day"), "{health}");
    let before = town.contents().await;
    let said = report(&town, "application/csp-report", of_pay_page(&town)).await;
    assert_eq!(said, StatusCode::NO_CONTENT);
    assert_eq!(before, town.contents().await, "a report left a row");
    let health = town.get(&manager, "/staff/health").await.body;
    assert!(health.contains("last script-src-elem by https://skim.example"), "{health}");
    for secret in ["Wilhelmina", "steal.js", "pay_secret", town.alder.accounts[0].token.as_str()] {
        assert!(!health.contains(secret), "{secret}");
    }
    let ready = town.get(&manager, "/readyz").await;
    let is_ready = ready.status.is_success() && !ready.body.contains("Blocked");
    assert!(is_ready, "what anybody can send turns no load balancer away: {}", ready.body);
    let metrics = town.get(&manager, "/metrics").await.body;
    assert!(metrics.contains("directive=\"script-src-elem\",page=\"pay\""), "{metrics}");
    town.stop().await;
}

#[tokio::test]
async fn reports_are_small_and_few_and_nothing_else_is_taken() {
    let town = Town::build().await;
    let right = of_pay_page(&town);
    for (kind, body, expected) in [
        ("application/x-www-form-urlencoded", right.clone(), StatusCode::BAD_REQUEST),
        ("application/csp-report", "not json".to_owned(), StatusCode::BAD_REQUEST),
        ("application/csp-report", " ".repeat(17 * 1024), StatusCode::PAYLOAD_TOO_LARGE),
        ("application/reports+json", "[]".to_owned(), StatusCode::NO_CONTENT),
        ("application/reports+json; charset=utf-8", "[]".to_owned(), StatusCode::NO_CONTENT),
    ] {
        assert_eq!(report(&town, kind, body).await, expected, "{kind}");
    }
    let mut is_shut = false;
    for _ in 0..1_000 {
        let said = report(&town, "application/csp-report", right.clone()).await;
        is_shut = said == StatusCode::TOO_MANY_REQUESTS;
        if is_shut {
            break;
        }
    }
    assert!(is_shut, "one browser reports for ever");
    town.stop().await;
}
