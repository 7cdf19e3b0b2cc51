//! Somebody between the server and its public address (R49): what they change on the pay page or in its
//! script is told; an honest one is not.

use std::sync::Arc;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use server::tampering::{Look, look, step};

use crate::{callers::Caller, town::Town};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Between {
    Honest,
    AddsAScript,
    LoosensThePolicy,
    ChangesOurScript,
}

struct Proxy {
    client: reqwest::Client,
    to: String,
    between: Between,
}

async fn pass_on(request: HttpRequest, proxy: web::Data<Proxy>) -> HttpResponse {
    let answer = proxy.client.get(format!("{}{}", proxy.to, request.uri())).send().await.unwrap();
    let status = answer.status().as_u16();
    let mut passed = HttpResponse::build(actix_web::http::StatusCode::from_u16(status).unwrap());
    for (name, value) in answer.headers() {
        let (name, value) = (name.as_str(), value.to_str().unwrap());
        let is_policy = name == "content-security-policy";
        let value = if is_policy && proxy.between == Between::LoosensThePolicy {
            value.replace("script-src 'self'", "script-src 'self' https://tags.example")
        } else {
            value.to_owned()
        };
        if !["content-length", "transfer-encoding", "connection"].contains(&name) {
            passed.append_header((name, value));
        }
    }
    let mut body = answer.text().await.unwrap();
    if proxy.between == Between::AddsAScript {
        body =
            body.replace("</body>", "<script src=\"https://tags.example/t.js\"></script></body>");
    }
    if proxy.between == Between::ChangesOurScript && request.path().contains("/card.") {
        body.push_str("\nfetch('https://evil.example')");
    }
    passed.body(body)
}

/// A proxy in front of the town; its address, and the way to end it.
fn put_between(town: &Town, between: Between) -> (String, actix_web::dev::ServerHandle) {
    let proxy = Arc::new(Proxy { client: town.client.clone(), to: town.base.clone(), between });
    let server = HttpServer::new(move || {
        let proxy = web::Data::from(proxy.clone());
        App::new().app_data(proxy).default_service(web::to(pass_on))
    });
    let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", server.addrs()[0]);
    let server = server.run();
    let handle = server.handle();
    tokio::spawn(server);
    (base, handle)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_changes_the_pay_page_on_its_way_is_noticed_and_an_honest_proxy_is_not() {
    let town = Town::build().await;
    assert_eq!(look(&town.base).await, Look::Same);
    for (between, expected) in [
        (Between::Honest, None),
        (Between::AddsAScript, Some("a script stands in the page that we did not put there")),
        (
            Between::LoosensThePolicy,
            Some("the header content-security-policy is missing or another"),
        ),
        (Between::ChangesOurScript, Some("card.js arrives with other contents")),
    ] {
        let (base, handle) = put_between(&town, between);
        let expected = expected.map_or(Look::Same, |fault| Look::Changed(vec![fault.to_owned()]));
        assert_eq!(look(&base).await, expected, "{between:?}");
        handle.stop(false).await;
        assert!(matches!(look(&base).await, Look::Unreachable(_)), "{between:?} is gone");
    }
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_pay_page_is_red_for_whoever_runs_the_server() {
    let town = Town::build().await;
    let manager = town.visitor(Caller::Staff(domain::staff::Role::Manager)).await;
    let health = town.get(&manager, "/staff/health").await.body;
    assert!(!health.contains("Pay page as it arrives"), "nobody has looked");
    step(&town.house).await.unwrap();
    let health = town.get(&manager, "/staff/health").await.body;
    // The other practice's address is a name that leads nowhere.
    assert!(
        health.contains("http://birch.localhost") && health.contains("is not https"),
        "{health}"
    );
    let changed = Look::Changed(vec!["https://pay.example: a script".to_owned()]);
    town.house.arrival.put(changed, server::clock::real_now());
    let ready = town.get(&manager, "/readyz").await;
    assert!(ready.body.contains("red: Pay page as it arrives: https://pay.example: a script"));
    assert!(ready.status.is_success(), "patients are not kept away");
    town.stop().await;
}
