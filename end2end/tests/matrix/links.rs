//! Links out of messages: guessed, fetched by scanners, and dead.

use reqwest::{Method, StatusCode};
use store::keys::{TOKEN_BYTES, new_token};

use crate::{callers::Caller, town::Town};

/// As many misses as the limit of this town bears from one address.
const GUESSES: usize = 2_000;

/// A token with one character replaced, or shortened, or lengthened.
fn mutated(token: &str, round: usize) -> String {
    let at = round % token.len();
    match round % 3 {
        0 => {
            let old = token.as_bytes()[at];
            let new = if old == b'A' { 'B' } else { 'A' };
            format!("{}{new}{}", &token[..at], &token[at + 1..])
        }
        1 => token[..at.max(20)].to_owned(),
        _ => format!("{token}{}", char::from(b'a' + u8::try_from(round % 26).unwrap())),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_guesses_links_finds_one_page_and_then_a_closed_door() {
    let town = Town::build().await;
    let visitor = town.visitor(Caller::Nobody).await;
    let valid = &town.alder.accounts[0].token;
    let mut page = None;
    for round in 0..GUESSES {
        let token = match round % 2 {
            0 => new_token(TOKEN_BYTES),
            _ => mutated(valid, round / 2),
        };
        let heard = town.get(&visitor, &format!("/p/{token}")).await;
        assert_eq!(heard.status, StatusCode::NOT_FOUND, "guess {round}");
        let plain = heard.without(&visitor, &[token]);
        assert_eq!(*page.get_or_insert_with(|| plain.clone()), plain, "guess {round}");
    }
    let mut is_shut = false;
    for _ in 0..GUESSES / 4 {
        let heard = town.get(&visitor, &format!("/p/{}", new_token(TOKEN_BYTES))).await;
        is_shut = heard.status == StatusCode::TOO_MANY_REQUESTS;
        if is_shut {
            break;
        }
    }
    assert!(is_shut, "guessing goes on for ever");
    // Whoever was sent a link from the same address still gets in.
    town.with_link(valid).await;
    town.stop().await;
}

#[tokio::test]
async fn a_dead_link_is_the_same_page_as_one_that_never_was() {
    let town = Town::build().await;
    let visitor = town.visitor(Caller::Nobody).await;
    let unknown = new_token(TOKEN_BYTES);
    let never = town.get(&visitor, &format!("/p/{unknown}")).await;
    let never = never.without(&visitor, &[unknown]);
    let account = &town.alder.accounts[0];
    let (practice, guarantor) = (town.alder.practice.clone(), account.guarantor.clone());
    let now = town.house.world.now();
    let held = town.with_link(&account.token).await;
    let revoked = town.house.store.write(move |db| {
        let (practice, guarantor) = (practice.clone(), guarantor.clone());
        Box::pin(async move { store::link::mark_all_revoked(db, &practice, &guarantor, now).await })
    });
    revoked.await.unwrap();
    let dead = town.get(&visitor, &format!("/p/{}", account.token)).await;
    assert_eq!(dead.without(&visitor, std::slice::from_ref(&account.token)), never);
    // And whoever had opened it before sees no amount any more (R34).
    let page = town.get(&held, "/pay").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(!page.body.contains("241.37"));
    town.stop().await;
}

#[tokio::test]
async fn a_scanner_that_follows_a_link_twenty_times_leaves_everything_as_it_was() {
    let town = Town::build().await;
    let visitor = town.visitor(Caller::Nobody).await;
    let token = &town.alder.accounts[0].token;
    let before = town.contents().await;
    for round in 0..20 {
        let method = [Method::GET, Method::HEAD, Method::OPTIONS][round % 3].clone();
        let path = format!("/p/{token}");
        town.request(&visitor, method, &path).send().await.unwrap();
        let held = town.with_link(token).await;
        for path in ["/pay", "/not-me", "/link/new", "/create-account"] {
            let heard = town.get(&held, path).await;
            assert!(heard.status.is_success(), "{path}: {}", heard.status);
        }
    }
    let after = town.contents().await;
    for (table, rows) in &before {
        let is_log = table == "link_access";
        assert!((after[table] == *rows) != is_log, "{table}");
    }
    town.stop().await;
}

/// The forms of a page, each as its button would send it: where to, and the fields with their values.
fn forms_of(page: &str) -> Vec<(String, Vec<(String, String)>)> {
    let attribute = |tag: &str, name: &str| {
        let rest = tag.split_once(&format!(" {name}=\""))?.1;
        Some(rest.split_once('"')?.0.to_owned())
    };
    let forms = page.split("<form").skip(1).filter_map(|form| form.split("</form>").next());
    forms
        .filter_map(|form| {
            let tags = form.split('<').filter(|tag| {
                ["input", "button"].iter().any(|kind| tag.starts_with(kind))
                    && tag.contains(" name=")
            });
            let fields = tags.filter_map(|tag| {
                Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default()))
            });
            Some((attribute(form, "action")?, fields.filter(|(name, _)| name != "csrf").collect()))
        })
        .collect()
}

/// Whoever follows links and presses what there is to press, as some scanners do (R31): it may begin a
/// payment that nobody confirms, and say that its own contact is not the right one; it signs nobody in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scanner_that_presses_every_button_signs_nobody_in_and_stops_nobody_elses_messages() {
    let mut town = Town::build().await;
    town.pay_some().await;
    let [own, other] = town.alder.accounts.as_slice() else { panic!("two accounts") };
    let before = town.contents().await;
    let kept = town.sandbox.kept_cents();
    let scanner = town.with_link(&own.token).await;
    let mut pressed = 0;
    // The page first, what leads from it afterwards, and "This isn't me" last, which ends the link.
    for page in ["/pay", "/link/new", "/create-account", "/sign-in", "/forgot", "/not-me"] {
        let heard = town.get(&scanner, page).await;
        for (action, fields) in forms_of(&heard.body) {
            town.ask(&scanner, "post", &action, &fields).await;
            pressed += 1;
        }
    }
    assert!(pressed >= 8, "{pressed} buttons");
    let after = town.contents().await;
    for table in ["session", "login", "login_account", "device", "consent", "payment", "posting"] {
        assert_eq!(before[table], after[table], "{table}");
    }
    assert_eq!(town.sandbox.kept_cents(), kept, "a card was charged");
    let new = |table: &str| -> Vec<String> {
        let old: Vec<&str> = before[table].lines().collect();
        let lines = after[table].lines().filter(|line| !old.contains(line));
        lines.map(str::to_owned).collect()
    };
    let theirs = [other.guarantor.as_str(), other.contacts[0].as_str(), other.contacts[1].as_str()];
    for table in ["suppression", "contact", "attempt", "link", "message"] {
        let touched = new(table);
        let is_theirs = |row: &&String| theirs.iter().any(|id| row.contains(id));
        assert!(!touched.iter().any(|row| is_theirs(&row)), "{table}: {touched:?}");
    }
    town.stop().await;
}
