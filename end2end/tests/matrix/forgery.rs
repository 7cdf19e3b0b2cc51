//! Forms that did not come from our page: refused at every route that takes one, and no row changes.

use domain::staff::Role;
use reqwest::{Method, StatusCode, header};
use server::routes::{Access, Route, TABLE};

use crate::{
    callers::{Caller, Heard, hear, with_form},
    things::{Thing, Whose, fill, things_of},
    town::Town,
};

/// Mail programs post here of their own accord (RFC 8058): the token in the address is what counts.
pub const ONE_CLICK: &str = "/unsubscribe/{token}";

/// Browsers send these by themselves, without a token, and nothing follows from one but a look.
pub const REPORTS: &str = "/reports/blocked";

/// Somebody who may use this form.
pub fn rightful(access: Access) -> Option<Caller> {
    match access {
        Access::Anyone | Access::HalfWay => Some(Caller::Nobody),
        Access::PayPass => Some(Caller::LinkOwn),
        Access::Patient => Some(Caller::PatientOwn),
        Access::Staff(_) => Some(Caller::Staff(Role::Manager)),
        // They send no forms: a signature or a key stands in for the page.
        Access::Vendor | Access::ApiKey | Access::Demo => None,
    }
}

pub fn path_of(town: &Town, route: &Route) -> String {
    let is_secret = things_of(route.path).contains(&Thing::Secret);
    fill(town, route.path, if is_secret { Whose::Nobodys } else { Whose::Own }).0
}

/// How it is forged, and the request that does it.
fn forgeries(
    town: &Town,
    route: &Route,
    path: &str,
    visitor: &crate::callers::Visitor,
) -> Vec<(&'static str, reqwest::RequestBuilder)> {
    let plain = || town.request(visitor, Method::POST, path);
    let right = [("csrf", visitor.csrf.as_str())];
    let altered: String = visitor.csrf.chars().rev().collect();
    let form = |request, fields: &[(&str, &str)]| with_form(request, route.path, fields);
    vec![
        ("no token", form(plain(), &[("other", "x")])),
        ("another token", form(plain(), &[("csrf", &altered)])),
        ("two tokens", form(plain(), &[("csrf", &altered), ("csrf", &altered)])),
        ("another site", form(plain().header(header::ORIGIN, "https://evil.example"), &right)),
        ("no origin", form(plain().header(header::ORIGIN, "null"), &right)),
        ("cross-site", form(plain().header("sec-fetch-site", "cross-site"), &right)),
        ("same-site", form(plain().header("sec-fetch-site", "same-site"), &right)),
        (
            "as text",
            plain()
                .header(header::CONTENT_TYPE, "text/plain")
                .body(format!("csrf={}", visitor.csrf)),
        ),
        (
            "as a query",
            town.request(visitor, Method::POST, &format!("{path}?csrf={}", visitor.csrf)),
        ),
    ]
}

fn is_refused(route: &Route, how: &str, heard: &Heard) -> bool {
    // The card form's script is sent to the page, which is then asked for anew.
    let is_script = matches!(route.path, "/pay/intent" | "/pay/declined")
        && heard.status == StatusCode::OK
        && heard.body.contains("\"/pay\"");
    // Neither a form nor a token of ours: refused before the token is looked for.
    let is_shapeless =
        matches!(how, "as text" | "as a query") && heard.status == StatusCode::BAD_REQUEST;
    heard.status == StatusCode::FORBIDDEN || is_script || is_shapeless
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_from_elsewhere_is_refused_everywhere_and_changes_nothing() {
    let mut town = Town::build().await;
    town.pay_some().await;
    let mut visitors = Vec::new();
    let is_form =
        |route: &&Route| route.method == "post" && ![ONE_CLICK, REPORTS].contains(&route.path);
    for route in TABLE.iter().filter(is_form) {
        if let Some(caller) = rightful(route.access) {
            visitors.push((route, town.visitor(caller).await));
        }
    }
    assert!(visitors.len() > 40, "the table has its forms");
    let before = town.contents().await;
    let mut faults = Vec::new();
    for (route, visitor) in &visitors {
        let path = path_of(&town, route);
        for (how, request) in forgeries(&town, route, &path, visitor) {
            let heard = hear(request).await;
            if !is_refused(route, how, &heard) {
                faults.push(format!("post {path}, {how}: {} {}", heard.status, heard.location));
            }
        }
    }
    let after = town.contents().await;
    let changed: Vec<&String> =
        before.keys().filter(|table| before[*table] != after[*table]).collect();
    town.stop().await;
    assert!(faults.is_empty(), "{}:\n{}", faults.len(), faults.join("\n"));
    assert!(changed.is_empty(), "refused forms changed {changed:?}");
}
