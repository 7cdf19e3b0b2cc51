//! What browsers say they blocked on our pages: a script, a frame or a form target that the page's
//! policy does not name (R49). On Make a Payment that is how an injected script shows itself, so the
//! Health page turns amber with the first report and the log has a line.
//!
//! Kept is which rule was broken and by which origin, of the last day, in memory: never an address, a
//! path, a sample of a script or who it was. Anybody can send such a report, so nothing follows from one
//! but that a person looks.

use std::{collections::VecDeque, sync::Mutex};

use domain::clock::{DAY_MS, HOUR_MS, UnixMs};
use serde_json::Value;
use tracing::warn;

/// Reports kept at most; the oldest give way.
const KEPT_MOST: usize = 200;
/// Reports of one request that are looked at.
const AT_ONCE: usize = 20;
const HOST_LONGEST: usize = 100;
/// Everything that a policy of ours may name, and what browsers call its finer parts.
const DIRECTIVES: [&str; 16] = [
    "default-src",
    "script-src",
    "script-src-elem",
    "script-src-attr",
    "style-src",
    "style-src-elem",
    "style-src-attr",
    "img-src",
    "font-src",
    "connect-src",
    "frame-src",
    "form-action",
    "base-uri",
    "object-src",
    "frame-ancestors",
    "worker-src",
];
const OTHER: &str = "other";
/// What browsers put in the place of an address.
const KEYWORDS: [&str; 6] = ["inline", "eval", "wasm-eval", "self", "data", "blob"];
/// A visitor's own additions to their browser are the usual cause of reports, and none of ours.
const EXTENSIONS: [&str; 4] =
    ["chrome-extension", "moz-extension", "safari-extension", "safari-web-extension"];

/// One thing that a browser did not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// One of [`DIRECTIVES`], or `other`.
    pub directive: &'static str,
    /// An origin, a keyword or a scheme.
    pub origin: String,
    pub on_pay_page: bool,
}

impl Blocked {
    fn is_of_an_extension(&self) -> bool {
        EXTENSIONS.contains(&self.origin.as_str())
    }
}

/// Reads a report of either kind: `application/csp-report` has one, `application/reports+json` a
/// list, in which there may be reports about other things.
pub fn read(body: &[u8]) -> Option<Vec<Blocked>> {
    let value: Value = serde_json::from_slice(body).ok()?;
    if let Some(report) = value.get("csp-report") {
        let word = |name: &str| report.get(name).and_then(Value::as_str).unwrap_or_default();
        let directive = Some(word("effective-directive")).filter(|name| !name.is_empty());
        let directive = directive.unwrap_or_else(|| word("violated-directive"));
        return Some(vec![blocked(directive, word("blocked-uri"), word("document-uri"))]);
    }
    let reports = value.as_array()?.iter().take(AT_ONCE);
    let of_policy =
        reports.filter(|r| r.get("type").and_then(Value::as_str) == Some("csp-violation"));
    Some(
        of_policy
            .filter_map(|report| report.get("body"))
            .map(|body| {
                let word = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
                blocked(word("effectiveDirective"), word("blockedURL"), word("documentURL"))
            })
            .collect(),
    )
}

fn blocked(directive: &str, what: &str, page: &str) -> Blocked {
    let directive = directive.split_whitespace().next().unwrap_or_default();
    let directive = DIRECTIVES.iter().find(|known| **known == directive).copied();
    Blocked {
        directive: directive.unwrap_or(OTHER),
        origin: origin_of(what),
        on_pay_page: is_pay_page(page),
    }
}

/// Without path, query or user: what is left names a server and nobody.
fn origin_of(what: &str) -> String {
    if KEYWORDS.contains(&what) {
        return what.to_owned();
    }
    let Some((scheme, rest)) = what.split_once(':') else { return OTHER.to_owned() };
    let scheme = scheme.to_ascii_lowercase();
    if !matches!(scheme.as_str(), "http" | "https" | "ws" | "wss") {
        let is_known = KEYWORDS.contains(&scheme.as_str()) || EXTENSIONS.contains(&scheme.as_str());
        return if is_known { scheme } else { OTHER.to_owned() };
    }
    let host = rest.trim_start_matches('/').split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    let is_host = !host.is_empty() && host.len() <= HOST_LONGEST && host.chars().all(is_plain);
    if is_host { format!("{scheme}://{}", host.to_ascii_lowercase()) } else { OTHER.to_owned() }
}

fn is_pay_page(page: &str) -> bool {
    let rest = page.split_once("://").map_or(page, |(_, rest)| rest);
    let path = rest.find('/').map_or("", |at| &rest[at..]);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    path == "/pay" || path.starts_with("/pay/")
}

/// The reports of the last day.
#[derive(Default)]
pub struct Board {
    kept: Mutex<VecDeque<(UnixMs, Blocked)>>,
}

impl Board {
    /// Counts and keeps one; the log hears of each kind once an hour.
    pub fn add(&self, new: Blocked, now: UnixMs) {
        let page = if new.on_pay_page { "pay" } else { OTHER };
        let labels = [("directive", new.directive), ("page", page)];
        metrics::counter!("clearbill_blocked_total", &labels).increment(1);
        if new.is_of_an_extension() {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_old_news = kept.iter().any(|(at, known)| *known == new && now.since(*at) < HOUR_MS);
        if !is_old_news {
            let (directive, origin) = (new.directive, new.origin.as_str());
            warn!(directive, origin, page, "a browser blocked something on one of our pages");
        }
        kept.retain(|(at, _)| now.since(*at) < DAY_MS);
        if kept.len() == KEPT_MOST {
            kept.pop_front();
        }
        kept.push_back((now, new));
    }

    /// Of the last day and on the pay page: how many, and the newest.
    pub fn on_pay_page(&self, now: UnixMs) -> Option<(usize, Blocked)> {
        let kept = self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let fresh =
            || kept.iter().filter(|(at, blocked)| now.since(*at) < DAY_MS && blocked.on_pay_page);
        fresh().next_back().map(|(_, newest)| (fresh().count(), newest.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMs = UnixMs(1_772_000_000_000);

    fn old(directive: &str, what: &str, page: &str) -> Vec<Blocked> {
        let report = serde_json::json!({ "csp-report": {
            "document-uri": page, "effective-directive": directive, "blocked-uri": what,
            "script-sample": "Maria Lopez", "referrer": "https://pay.example/p/secret",
        }});
        read(report.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn both_kinds_of_report_say_the_same() {
        let expected = Blocked {
            directive: "script-src-elem",
            origin: "https://evil.example:8443".into(),
            on_pay_page: true,
        };
        let page = "https://pay.example/pay?after=pay_0198";
        let what = "https://EVIL.example:8443/skim.js?card=1";
        let first = old("script-src-elem", what, page);
        assert_eq!(first, std::slice::from_ref(&expected));
        let new = serde_json::json!([
            { "type": "deprecation", "body": {} },
            { "type": "csp-violation", "url": page, "body": {
                "effectiveDirective": "script-src-elem", "blockedURL": what, "documentURL": page,
                "sample": "Maria Lopez" } },
        ]);
        assert_eq!(read(new.to_string().as_bytes()).unwrap(), [expected]);
    }

    #[test]
    fn of_what_was_blocked_only_the_origin_is_left() {
        for (what, origin) in [
            ("inline", "inline"),
            ("data:text/html,Maria", "data"),
            ("chrome-extension://abcdef/inject.js", "chrome-extension"),
            ("maria-lopez:4242", OTHER),
            ("https://maria@evil.example/", OTHER),
            ("https://evil.example\nSet-Cookie: x", OTHER),
            ("https://", OTHER),
            ("", OTHER),
        ] {
            assert_eq!(old("img-src", what, "")[0].origin, origin, "{what}");
        }
        let long = format!("https://{}.example/", "a".repeat(200));
        assert_eq!(old("maria-src 'self'", &long, "")[0], blocked("", "", ""));
    }

    #[test]
    fn the_pay_page_is_known_by_its_path() {
        for (page, is_it) in [
            ("https://x.example/pay", true),
            ("https://x.example/pay?after=1", true),
            ("https://x.example/pay/checking/1", true),
            ("https://x.example/payments", false),
            ("https://x.example/p/secret", false),
            ("about", false),
        ] {
            assert_eq!(is_pay_page(page), is_it, "{page}");
        }
    }

    #[test]
    fn no_report_is_no_report() {
        for body in ["", "{}", "7", "\"csp-report\"", "{\"csp-report\"", "\u{feff}"] {
            assert_eq!(read(body.as_bytes()), None, "{body}");
        }
        assert_eq!(read(b"[]"), Some(vec![]));
        assert_eq!(read(b"[{\"type\":\"csp-violation\"}]"), Some(vec![]));
        assert_eq!(read(b"{\"csp-report\":7}").unwrap(), [blocked("", "", "")]);
    }

    #[test]
    fn a_report_of_the_pay_page_is_told_for_a_day_and_a_flood_of_others_is_bounded() {
        let board = Board::default();
        let evil = old("script-src", "https://evil.example/a.js", "https://x.example/pay");
        let extension = old("script-src", "moz-extension://1/a.js", "https://x.example/pay");
        board.add(extension[0].clone(), NOW);
        assert_eq!(board.on_pay_page(NOW), None);
        board.add(evil[0].clone(), NOW);
        board.add(evil[0].clone(), NOW.plus_ms(1));
        assert_eq!(board.on_pay_page(NOW.plus_ms(HOUR_MS)), Some((2, evil[0].clone())));
        assert_eq!(board.on_pay_page(NOW.plus_ms(DAY_MS + 1)), None);
        for _ in 0..3 * KEPT_MOST {
            board.add(blocked("img-src", "data", ""), NOW.plus_ms(2));
        }
        assert_eq!(board.kept.lock().unwrap().len(), KEPT_MOST);
    }
}
