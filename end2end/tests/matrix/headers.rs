//! What every answer carries, whatever the route and whoever asks (R47), and that the demo's own pages
//! are nowhere in a server that serves.

use domain::staff::Role;
use reqwest::{Method, header::HeaderMap};
use server::routes::{Access, DEMO_TABLE, Route, TABLE};

use crate::{
    callers::Caller,
    forms::form_of,
    things::{Thing, Whose, fill, things_of},
    town::Town,
};

/// Somebody who is let in, so that the page itself is looked at, and not only its refusal.
fn rightful(route: &Route) -> Caller {
    match (route.access, route.path) {
        (Access::HalfWay, "/code") => Caller::HalfPatient,
        (Access::HalfWay, "/staff/sign-in/code") => Caller::HalfStaff,
        (Access::HalfWay, _) => Caller::FirstStart,
        (Access::PayPass, _) => Caller::LinkOwn,
        (Access::Patient, _) => Caller::PatientOwn,
        (Access::Staff(_), _) => Caller::Staff(Role::Manager),
        (Access::ApiKey, _) => Caller::Key,
        (Access::Anyone | Access::Vendor | Access::Demo, _) => Caller::Nobody,
    }
}

/// Each directive of a policy with its sources.
fn directives(policy: &str) -> Vec<(&str, Vec<&str>)> {
    let parts = policy.split(';').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let mut words = part.split_whitespace();
            (words.next().unwrap_or_default(), words.collect())
        })
        .collect()
}

/// What is wrong with the headers of one answer.
fn faults_in(headers: &HeaderMap, is_pay_page: bool) -> Vec<String> {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let mut faults = Vec::new();
    let mut expect = |name: &str, is_right: bool| {
        if !is_right {
            faults.push(format!("{name}: `{}`", text(name)));
        }
    };
    expect("x-content-type-options", text("x-content-type-options") == "nosniff");
    expect("referrer-policy", text("referrer-policy") == "strict-origin");
    let opener = text("cross-origin-opener-policy");
    let is_own = opener == "same-origin" || (is_pay_page && opener == "same-origin-allow-popups");
    expect("cross-origin-opener-policy", is_own);
    expect("permissions-policy", text("permissions-policy").contains("camera=()"));
    let is_kept_open = text("cache-control").contains("no-store");
    // The icon that there is none of may be remembered for a day.
    let is_asset = ["immutable", "max-age=86400"].iter().any(|word| {
        text("cache-control").starts_with("public") && text("cache-control").contains(word)
    });
    expect("cache-control", is_kept_open || is_asset);
    // Asked as a browser at the practice's own https address asks.
    expect(
        "strict-transport-security",
        text("strict-transport-security").contains("max-age=63072000"),
    );
    let policy = directives(text("content-security-policy"));
    let sources = |name: &str| {
        policy.iter().find(|(known, _)| *known == name).map(|(_, sources)| sources.as_slice())
    };
    for name in ["default-src", "base-uri", "object-src", "frame-ancestors"] {
        expect("content-security-policy", sources(name) == Some(&["'none'"]));
    }
    expect("content-security-policy", sources("style-src") == Some(&["'self'"]));
    let is_strict = |name: &str| sources(name) == Some(&["'self'"]);
    expect("content-security-policy", is_pay_page || is_strict("script-src"));
    expect("content-security-policy", is_pay_page || is_strict("form-action"));
    let lax =
        ["'unsafe-inline'", "'unsafe-eval'", "'unsafe-hashes'", "*", "https:", "http:", "data:"];
    for (name, sources) in &policy {
        let is_lax = sources.iter().any(|s| lax.contains(s) && (*name, *s) != ("img-src", "data:"));
        expect("content-security-policy", !is_lax);
    }
    expect("content-security-policy", sources("report-uri") == Some(&["/reports/blocked"]));
    expect("content-security-policy", sources("report-to") == Some(&["blocked"]));
    expect("reporting-endpoints", text("reporting-endpoints") == "blocked=\"/reports/blocked\"");
    if text("content-type").starts_with("text/html") {
        expect("x-robots-tag", text("x-robots-tag") == "noindex");
    }
    faults
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_of_every_route_carries_the_headers_that_keep_a_browser_safe() {
    let mut town = Town::build().await;
    town.pay_some().await;
    let (mut faults, mut pages) = (Vec::new(), 0);
    for route in TABLE {
        for caller in [rightful(route), Caller::Nobody] {
            let is_secret = things_of(route.path).contains(&Thing::Secret);
            let whose = if is_secret { Whose::Nobodys } else { Whose::Own };
            let (path, _) = fill(&town, route.path, whose);
            let visitor = town.visitor(caller).await.at_home();
            let method = Method::from_bytes(route.method.to_uppercase().as_bytes()).unwrap();
            let mut request = town.request(&visitor, method.clone(), &path);
            // As a trusted proxy passes a request for the practice's own address on.
            request = request.header("host", "pay.alder.example");
            if method == Method::POST {
                let form = form_of(&town, route, caller, whose);
                let origin = "https://pay.alder.example";
                let mut fields = vec![("csrf".to_owned(), visitor.csrf.clone())];
                fields.extend(form.fields);
                request = request.header("origin", origin).form(&fields);
            }
            let answer = request.send().await.unwrap();
            let headers = answer.headers().clone();
            let is_html =
                headers.get("content-type").is_some_and(|v| v.as_bytes().starts_with(b"text/html"));
            pages += usize::from(is_html && answer.status().is_success());
            let is_pay_page = route.path == "/pay";
            for fault in faults_in(&headers, is_pay_page) {
                faults.push(format!("{} {}, {caller:?}: {fault}", route.method, route.path));
            }
        }
    }
    town.stop().await;
    assert!(faults.is_empty(), "{}:\n{}", faults.len(), faults.join("\n"));
    assert!(pages > 20, "pages were looked at: {pages}");
}

#[tokio::test]
async fn the_pages_of_the_demo_are_nowhere_in_a_server_that_serves() {
    let town = Town::build().await;
    for caller in Caller::ALL {
        let visitor = town.visitor(caller).await;
        let unknown = town.get(&visitor, "/sandbox/no-such-page").await;
        for route in DEMO_TABLE {
            assert_eq!(route.access, Access::Demo, "{}", route.path);
            let heard = town.ask(&visitor, route.method, route.path, &[]).await;
            assert_eq!(heard.status, reqwest::StatusCode::NOT_FOUND, "{} {caller:?}", route.path);
            assert_eq!(heard.without(&visitor, &[]), unknown.without(&visitor, &[]));
        }
    }
    let open = TABLE.iter().filter(|route| route.path.starts_with("/sandbox"));
    assert_eq!(open.count(), 0);
    town.stop().await;
}
