//! What nobody types by accident, in every search, every filter and every field of every form: broken
//! text, SQL, markup, numbers out of any range, addresses of other sites (R11, R51, R53, R54). Nothing
//! breaks over it, no redirect leaves us, and what was kept of it stands on no page as markup.

use domain::staff::Role;
use reqwest::{
    Method,
    header::{CONTENT_TYPE, HeaderMap, LOCATION, ORIGIN},
};
use server::routes::{Access, Route, TABLE};

use crate::{
    callers::{Caller, Visitor, with_form},
    forgery::{ONE_CLICK, REPORTS, path_of},
    forms::form_of,
    things::Whose,
    town::Town,
};

/// Stands in no page of ours by itself.
const MARK: &str = "hostilemark";
const ELSEWHERE: &str = "evil.example";

/// As typed into a field.
const TYPED: [&str; 12] = [
    "<script src=//evil.example>hostilemark</script>",
    "\"><img src=x onerror=hostilemark>",
    "' or 1=1; drop table claim; --",
    "%' union select token_hash from link where '%'='",
    "nul\u{0}byte",
    "\u{202e}gnp.exe \u{fffd} \u{1f4a3}",
    "-1",
    "99999999999999999999999999",
    "1e3",
    "//evil.example/staff",
    "https://evil.example\r\nset-cookie: staff=1",
    "{{constructor.constructor('hostilemark')()}}",
];
/// As it stands in an address, where text may also be no text.
const ASKED: [&str; 11] = [
    "%3Cscript%20src%3D%2F%2Fevil.example%3Ehostilemark%3C%2Fscript%3E",
    "%22%3E%3Cimg%20src%3Dx%20onerror%3Dhostilemark%3E",
    "%27%20or%201%3D1%3B%20drop%20table%20claim%3B%20--",
    "a%00b",
    "%ff%fe%80",
    "-1",
    "0",
    "9223372036854775808",
    "2026-02-30",
    "%2F%2Fevil.example%2Fstaff",
    "https:%2F%2Fevil.example%0d%0aset-cookie:%20staff%3D1",
];
/// What our pages read from an address, and what they might.
const PARAMETERS: [&str; 46] = [
    "q",
    "sort",
    "order",
    "page",
    "limit",
    "offset",
    "cursor",
    "after",
    "before",
    "status",
    "state",
    "states",
    "method",
    "kind",
    "filter",
    "days",
    "day",
    "on",
    "from",
    "to",
    "amount",
    "amount_from",
    "amount_to",
    "age",
    "age_from",
    "age_to",
    "name",
    "name_from",
    "name_to",
    "holds",
    "holds_from",
    "account",
    "segment",
    "last_sent",
    "reference",
    "actor",
    "verb",
    "tab",
    "show",
    "open",
    "of",
    "marked",
    "attempt",
    "session_id",
    "return_to",
    "why",
];

fn caller_of(access: Access) -> Option<Caller> {
    match access {
        Access::Anyone | Access::HalfWay => Some(Caller::Nobody),
        Access::PayPass => Some(Caller::LinkOwn),
        Access::Patient => Some(Caller::PatientOwn),
        Access::Staff(_) => Some(Caller::Staff(Role::Manager)),
        Access::ApiKey => Some(Caller::Key),
        Access::Vendor | Access::Demo => None,
    }
}

struct Answer {
    status: u16,
    to: String,
    /// Of a page; a file to take away is no markup.
    page: String,
}

async fn send(request: reqwest::RequestBuilder) -> Answer {
    let answer = request.send().await.unwrap();
    let text = |headers: &HeaderMap, name| -> String {
        headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    let (status, to) = (answer.status().as_u16(), text(answer.headers(), LOCATION));
    let is_page = text(answer.headers(), CONTENT_TYPE).starts_with("text/html");
    let body = answer.text().await.unwrap_or_default();
    Answer { status, to, page: if is_page { body } else { String::new() } }
}

/// What is wrong with an answer to something hostile.
fn fault_of(town: &Town, answer: &Answer) -> Option<String> {
    let Answer { status, to, page } = answer;
    let is_ours = to.is_empty()
        || (to.starts_with('/') && !to.starts_with("//"))
        || to.starts_with(&town.base)
        || to.starts_with(&town.sandbox.stripe_base());
    let markup = [format!("<script src=//{ELSEWHERE}"), format!("<img src=x onerror={MARK}>")];
    if *status >= 500 {
        Some(format!("broken: {status}"))
    } else if !is_ours {
        Some(format!("leads to {to}"))
    } else if markup.iter().any(|markup| page.contains(markup.as_str())) {
        Some("markup on the page".to_owned())
    } else {
        None
    }
}

/// Those that a database or a number may break over, alone too: of many at once one is refused first, and
/// hides what the next would do.
const ALONE: [&str; 2] = ["a%00b", "9223372036854775808"];

/// Every address, with each of these words for all parameters.
async fn ask(town: &Town, visitor: &Visitor, route: &Route, faults: &mut Vec<String>) {
    let path = path_of(town, route);
    for word in ASKED {
        let single: Vec<String> = PARAMETERS.iter().map(|name| format!("{name}={word}")).collect();
        let mut queries = vec![single.join("&")];
        let is_list = !route.path.contains('{') && matches!(route.access, Access::Staff(_));
        if is_list && ALONE.contains(&word) {
            queries.extend(single);
        }
        for query in queries {
            let request = town.request(visitor, Method::GET, &format!("{path}?{query}"));
            if let Some(fault) = fault_of(town, &send(request).await) {
                faults.push(format!("get {path}?{query}: {fault}"));
            }
        }
    }
}

/// Every form, with each of these words in each field in turn.
async fn fill_in(town: &Town, visitor: &Visitor, route: &Route, faults: &mut Vec<String>) {
    let (path, caller) = (path_of(town, route), caller_of(route.access).unwrap());
    let filled = form_of(town, route, caller, Whose::Own).fields;
    for place in 0..filled.len() {
        for word in TYPED {
            let mut fields = vec![("csrf", visitor.csrf.as_str())];
            fields.extend(filled.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            fields[place + 1].1 = word;
            let request = town.request(visitor, Method::POST, &path);
            let request = request.header(ORIGIN, &town.base);
            if let Some(fault) = fault_of(town, &send(with_form(request, &path, &fields)).await) {
                let name = fields[place + 1].0;
                faults.push(format!("post {path}, {name}={word:?}: {fault}"));
            }
        }
    }
}

/// These end what the others need: a session, a link, the person's own password.
const LAST: [&str; 4] = ["/staff/sign-out", "/account/sign-out", "/not-me", "/staff/me/sessions"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_breaks_over_what_somebody_hostile_types_and_nothing_of_it_becomes_markup() {
    for mut town in Town::build_each().await {
        town.pay_some().await;
        let mut faults = Vec::new();
        let routes = || TABLE.iter().filter(|route| route.path != "/readyz");
        let reads = || routes().filter(|route| route.method == "get");
        for route in reads() {
            let Some(caller) = caller_of(route.access) else { continue };
            ask(&town, &town.visitor(caller).await, route, &mut faults).await;
        }
        let is_form =
            |route: &&Route| route.method == "post" && ![ONE_CLICK, REPORTS].contains(&route.path);
        let (last, forms): (Vec<&Route>, Vec<&Route>) =
            routes().filter(is_form).partition(|route| LAST.contains(&route.path));
        for route in forms.into_iter().chain(last) {
            let Some(caller) = caller_of(route.access) else { continue };
            fill_in(&town, &town.visitor(caller).await, route, &mut faults).await;
        }
        // What was kept is shown to everybody who may see it.
        for route in reads() {
            let Some(caller) = caller_of(route.access) else { continue };
            let visitor = town.visitor(caller).await;
            let request = town.request(&visitor, Method::GET, &path_of(&town, route));
            if let Some(fault) = fault_of(&town, &send(request).await) {
                faults.push(format!("get {} afterwards: {fault}", route.path));
            }
        }
        let kept = town.contents().await;
        town.stop().await;
        assert!(kept.values().any(|rows| rows.contains(MARK)), "nothing hostile was ever kept");
        assert!(!kept["claim"].is_empty(), "a table is gone");
        assert!(faults.is_empty(), "{}:\n{}", faults.len(), faults.join("\n"));
    }
}
