//! Words that nobody asked for: other people's ids, roles and amounts under every name a program might
//! trust, in the address, the form, the cookies and the headers, beside a request that is in order (R01,
//! R08, R09). Whose it is comes from the session, the link or the key, and from nothing else.

use domain::staff::Role;
use reqwest::{Method, header};
use server::routes::{Access, Route, TABLE};

use crate::{
    callers::{Caller, Visitor, hear, with_form},
    forgery::{ONE_CLICK, path_of},
    forms::form_of,
    things::Whose,
    town::Town,
};

/// Under which a program might look for somebody.
const SOMEBODY: [&str; 14] = [
    "pid",
    "recid",
    "patient_id",
    "patient",
    "guarantor_id",
    "guarantor",
    "hidden_patient_code",
    "account_id",
    "user_id",
    "login_id",
    "payment_id",
    "attempt_id",
    "claim_id",
    "of",
];
/// What a caller would like to be or to have.
const WISHES: [(&str, &str); 9] = [
    ("is_manager", "1"),
    ("permission", "ManageStaff"),
    ("amount_due", "0"),
    ("due_cents", "0"),
    ("patient_due_cents", "0"),
    ("settled", "1"),
    ("text_consent", "yes"),
    ("skip_timeout_reset", "1"),
    ("live", "1"),
];
const SPOOFED: &str = "203.0.113.66";
const ELSEWHERE: &str = "evil.example";

/// Everything that is added to a request of this caller.
fn extras(town: &Town, caller: Caller) -> Vec<(&'static str, String)> {
    let birch = &town.birch.accounts[0];
    let other = match caller {
        Caller::LinkOwn | Caller::PatientOwn => &town.alder.accounts[1],
        _ => birch,
    };
    let mut all = Vec::new();
    for name in SOMEBODY {
        let id = match name {
            "payment_id" => other.payment.as_ref().unwrap().to_string(),
            "attempt_id" => other.attempt.as_ref().unwrap().to_string(),
            "claim_id" => other.claim.to_string(),
            "login_id" | "user_id" => other.login.to_string(),
            _ => other.guarantor.to_string(),
        };
        all.push((name, id));
    }
    for name in ["practice_id", "tenant", "practice_slug"] {
        all.push((name, town.birch.practice.to_string()));
    }
    all.extend(WISHES.map(|(name, value)| (name, value.to_owned())));
    all
}

/// The request of the page itself, and all of that.
fn request(
    town: &Town,
    visitor: &Visitor,
    route: &Route,
    caller: Caller,
) -> reqwest::RequestBuilder {
    let extras = extras(town, caller);
    let query: Vec<String> = extras.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let path = format!("{}?{}", path_of(town, route), query.join("&"));
    let cookies = extras.iter().map(|(name, value)| format!("{name}={value}"));
    let cookies: Vec<String> = std::iter::once(visitor.cookies.clone()).chain(cookies).collect();
    let visitor = Visitor { cookies: cookies.join("; "), ..visitor.clone() };
    let method = Method::from_bytes(route.method.to_uppercase().as_bytes()).unwrap();
    let request = town
        .request(&visitor, method.clone(), &path)
        .header("x-user-id", &extras[0].1)
        .header("x-practice-id", town.birch.practice.as_str())
        .header("x-role", "manager")
        .header("x-original-url", "/staff/people")
        .header("x-http-method-override", "DELETE")
        .header("x-forwarded-for", SPOOFED)
        .header("x-real-ip", SPOOFED)
        .header("x-forwarded-host", ELSEWHERE)
        .header("x-forwarded-proto", "https")
        .header("forwarded", format!("for={SPOOFED};host={ELSEWHERE};proto=https"));
    if method != Method::POST {
        return request;
    }
    let form = form_of(town, route, caller, Whose::Own);
    let mut fields = vec![("csrf", visitor.csrf.as_str())];
    fields.extend(form.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    // Not a second time under a name that the form has: that is refused as a form gone wrong.
    let new = extras.iter().filter(|(name, _)| form.fields.iter().all(|(known, _)| known != name));
    fields.extend(new.map(|(name, value)| (*name, value.as_str())));
    with_form(request.header(header::ORIGIN, &town.base), route.path, &fields)
}

fn may_ask(route: &Route, caller: Caller) -> bool {
    match route.access {
        Access::PayPass => matches!(caller, Caller::LinkOwn | Caller::PatientOwn),
        Access::Patient => caller == Caller::PatientOwn,
        Access::Staff(permission) => {
            matches!(caller, Caller::Staff(role) if role.may(permission))
        }
        Access::ApiKey => caller == Caller::Key,
        Access::Anyone | Access::HalfWay => caller == Caller::Nobody,
        Access::Vendor | Access::Demo => false,
    }
}

/// Rows of others, which nothing of this may change.
async fn rows_of_others(town: &Town) -> Vec<String> {
    let birch = town.birch.practice.as_str();
    let mut rows = Vec::new();
    for (table, lines) in town.contents().await {
        // Who works where is nobody's to change here either.
        let of_all = ["membership", "practice", "staff"].contains(&table.as_str());
        let its = lines.lines().filter(|line| of_all || line.contains(birch));
        rows.extend(its.map(|line| format!("{table}: {line}")));
    }
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_becomes_somebody_else_by_saying_so() {
    let mut town = Town::build().await;
    town.pay_some().await;
    let before = rows_of_others(&town).await;
    let callers = [
        Caller::LinkOwn,
        Caller::PatientOwn,
        Caller::Staff(Role::FrontDesk),
        Caller::Staff(Role::Viewer),
        Caller::Key,
        Caller::Nobody,
    ];
    let (mut faults, mut asked) = (Vec::new(), 0);
    let routes = TABLE.iter().filter(|route| route.path != ONE_CLICK);
    let (posts, reads): (Vec<&Route>, Vec<&Route>) =
        routes.partition(|route| route.method == "post");
    for route in reads.into_iter().chain(posts) {
        for caller in callers.into_iter().filter(|caller| may_ask(route, *caller)) {
            let visitor = town.visitor(caller).await;
            let heard = hear(request(&town, &visitor, route, caller)).await;
            asked += 1;
            let Route { method, path, .. } = route;
            let mut fault =
                |what: String| faults.push(format!("{method} {path}, {caller:?}: {what}"));
            if heard.status.is_server_error() && *path != "/readyz" {
                fault(format!("broken: {}", heard.status));
            }
            let secrets = caller.must_not_see(&town);
            let told = secrets.iter().find(|secret| {
                heard.body.contains(secret.as_str()) || heard.location.contains(secret.as_str())
            });
            // What strangers type comes back to them, and nothing else of anybody.
            if let Some(secret) = told.filter(|_| caller != Caller::Nobody) {
                fault(format!("told `{secret}`"));
            }
            for spoofed in [ELSEWHERE, SPOOFED] {
                if heard.body.contains(spoofed) || heard.location.contains(spoofed) {
                    fault(format!("believed {spoofed}"));
                }
            }
        }
    }
    let after = rows_of_others(&town).await;
    let audit = &town.contents().await["audit"];
    assert!(!audit.contains(SPOOFED), "the audit believed a header");
    town.stop().await;
    assert!(asked > 150, "{asked} requests");
    assert!(faults.is_empty(), "{}:\n{}", faults.len(), faults.join("\n"));
    let gone: Vec<&String> = before.iter().filter(|row| !after.contains(row)).collect();
    let new: Vec<&String> = after.iter().filter(|row| !before.contains(row)).collect();
    assert!(gone.is_empty() && new.is_empty(), "changed:\n{gone:#?}\nto\n{new:#?}");
}
