//! A disk that fails at one write after the other, while somebody pays and somebody writes STOP (R61).
//! Whatever was answered with yes is there after a restart; nothing is there twice; while the disk is
//! broken no money is taken, and whoever runs the server is told.
//!
//! The disk is the real one: the process may write no file beyond a length, and the log of the database
//! comes to it after so many pages. Every process may have one such length, so that this test wants one of
//! its own, as the test runner of this repository gives it.

use std::fs;

use reqwest::{Method, StatusCode};
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use store::scratch;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    callers::{Caller, Heard, Visitor, field, hear},
    town::{GOOD_CARD, Town},
};

/// A frame of SQLite's log: a page, and what stands before it.
const FRAME: u64 = 4096 + 24;
/// Between one failing write and the next that is tried.
const STEP: usize = 3;
/// More than a payment and a STOP write.
const FRAMES_MOST: u64 = 200;
/// What the first account of the town owes.
const OWED_CENTS: i64 = 241_37;

fn limit_files_to(bytes: Option<u64>) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: bytes.or(maximum), maximum }).unwrap();
}

/// What people were told while the disk failed.
#[derive(Debug, Default)]
struct Told {
    /// The payer got as far as typing the card.
    has_typed: bool,
    /// And was shown the receipt.
    has_receipt: bool,
    /// The carrier's STOP was taken.
    is_stopped: bool,
}

/// The form of Make a Payment, as the page has it.
async fn ask_for_intent(town: &Town, visitor: &Visitor, page: &Heard) -> Heard {
    let fields = ["link", "attempt", "shown_due_cents"].map(|name| (name, field(&page.body, name)));
    let mut form = vec![("csrf", visitor.csrf.clone()), ("choice", "full".to_owned())];
    form.extend(fields);
    form.push(("restart", "1".to_owned()));
    hear(town.request(visitor, Method::POST, "/pay/intent").form(&form)).await
}

fn said(heard: &Heard, key: &str) -> Option<String> {
    let answer: serde_json::Value = serde_json::from_str(&heard.body).unwrap_or_default();
    answer[key].as_str().map(str::to_owned)
}

/// Types the card and comes back; whether the receipt was shown.
async fn type_card(town: &Town, visitor: &Visitor, intent: &Heard) -> bool {
    let secret = said(intent, "client_secret").unwrap();
    town.sandbox.pay_intent(&secret, GOOD_CARD).unwrap();
    let back = said(intent, "return_url").unwrap();
    let back = back.trim_start_matches(&town.base).to_owned();
    let returned = town.get(visitor, &back).await;
    // Never an error page, after which people pay again.
    assert_eq!(returned.status, StatusCode::SEE_OTHER, "{returned:?}");
    let to = town.get(visitor, &returned.location).await;
    let is_receipt = returned.location.starts_with("/receipt/");
    assert!(is_receipt || returned.location.starts_with("/pay/checking/"), "{returned:?}");
    if is_receipt {
        assert_eq!(to.status, StatusCode::OK, "{to:?}");
    } else if to.status != StatusCode::SEE_OTHER {
        assert!(to.body.contains("Please don't pay again"), "{to:?}");
    }
    is_receipt
}

/// Somebody pays, and then writes STOP.
async fn pay_and_stop(town: &Town, visitor: &Visitor, page: &Heard) -> Told {
    let mut told = Told::default();
    let intent = ask_for_intent(town, visitor, page).await;
    if said(&intent, "client_secret").is_some() {
        told.has_typed = true;
        told.has_receipt = type_card(town, visitor, &intent).await;
    } else {
        let is_refused = intent.status == StatusCode::INTERNAL_SERVER_ERROR
            || said(&intent, "location").as_deref() == Some("/pay");
        assert!(is_refused, "{intent:?}");
    }
    // The processor's news: taken, or to be brought again.
    town.sandbox.deliver_due().await.unwrap();
    let _ = town.house.payments.drain_webhooks().await;
    let (payer, sender) = (&town.alder.accounts[0], town.sandbox.sender().to_owned());
    let stop = town.sandbox.patient_texts(payer.phone, &sender, "STOP").await.unwrap();
    told.is_stopped = stop.status == Some(StatusCode::OK.as_u16());
    told
}

/// Nothing is taken, nobody is looked at, and whoever runs the server is told.
async fn stands_still(town: &Town, payer: &Visitor, manager: &Visitor) {
    let kept = town.sandbox.kept_cents();
    let alive = town.get(payer, "/healthz").await.status;
    let ready = town.get(payer, "/readyz").await.status;
    assert_eq!((alive, ready), (StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE));
    let page = town.get(payer, "/pay").await;
    let is_shut = page.status == StatusCode::SEE_OTHER
        || page.body.contains("can&#x27;t be paid online")
        || page.body.contains("can't be paid online");
    assert!(is_shut && !page.body.contains("name=\"attempt\""), "{page:?}");
    let health = town.get(manager, "/staff/health").await;
    assert_eq!(health.status, StatusCode::OK);
    assert!(health.body.contains("a write could not be made durable"), "{}", health.body);
    // Nobody looks at people without a row about it, which cannot be written.
    let list = town.get(manager, "/staff/payments").await;
    assert_eq!(list.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(town.sandbox.kept_cents(), kept);
}

/// One disk that fails after so many pages; whether it failed at all.
async fn story(frames: u64) -> bool {
    let town = Town::build().await;
    town.house.store.keep_log().await.unwrap();
    let payer = town.with_link(&town.alder.accounts[0].token).await;
    let manager = town.visitor(Caller::Staff(domain::staff::Role::Manager)).await;
    let page = town.get(&payer, "/pay").await;
    assert_eq!(page.status, StatusCode::OK);
    let log = fs::metadata(town.dir().join("clearbill.sqlite-wal")).unwrap().len();

    limit_files_to(Some(log + frames * FRAME));
    let told = pay_and_stop(&town, &payer, &page).await;
    let has_failed = !town.house.store.is_healthy();
    if has_failed {
        stands_still(&town, &payer, &manager).await;
    } else {
        assert!(told.has_typed && told.has_receipt && told.is_stopped, "{frames}: {told:?}");
    }
    limit_files_to(None);

    let town = town.start_again().await;
    let account = &town.alder.accounts[0];
    let (practice, guarantor) = (&town.alder.practice, &account.guarantor);
    let count = async |table| scratch::count(&town.house.store, table).await.unwrap();
    if told.has_receipt {
        assert_eq!(count("payment").await, 1, "{frames}: a receipt was shown");
    }
    let is_stopped = count("suppression").await > 0;
    assert!(is_stopped || !told.is_stopped, "{frames}: a STOP was taken");
    // Whatever was asked of the processor is asked after.
    let mut db = town.house.store.read().await.unwrap();
    let attempts = store::attempt::list(&mut db, practice, guarantor, 9).await.unwrap();
    drop(db);
    for attempt in &attempts {
        town.house.payments.confirm_returned(practice, guarantor, &attempt.id).await.unwrap();
    }
    let charged = if told.has_typed { OWED_CENTS } else { 0 };
    assert_eq!(town.sandbox.kept_cents(), charged, "{frames}");
    assert_eq!(count("payment").await, i64::from(told.has_typed), "{frames}: {told:?}");
    // Who could not pay pays now.
    if !told.has_typed {
        let payer = town.with_link(&account.token).await;
        let page = town.get(&payer, "/pay").await;
        let intent = ask_for_intent(&town, &payer, &page).await;
        assert!(type_card(&town, &payer, &intent).await, "{frames}: {intent:?}");
    }
    assert_eq!((town.sandbox.kept_cents(), count("payment").await), (OWED_CENTS, 1), "{frames}");
    assert_eq!(town.house.payments.faults().await.unwrap(), []);
    assert_eq!(town.house.store.integrity_faults().await.unwrap(), Vec::<String>::new());
    town.stop().await;
    has_failed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_whichever_write_the_disk_fails_what_was_answered_is_kept_and_nothing_is_done_twice() {
    if std::env::var_os("NEXTEST").is_none() {
        eprintln!(
            "SKIPPED: the limit of a process would hit the other tests too; use cargo nextest"
        );
        return;
    }
    // The system says so with a signal that ends a process which does not listen.
    let listening = signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).unwrap();
    let mut failed = 0;
    let mut is_over = false;
    for frames in (0..FRAMES_MOST).step_by(STEP) {
        if !story(frames).await {
            is_over = true;
            break;
        }
        failed += 1;
    }
    drop(listening);
    assert!(is_over, "a payment writes more than {FRAMES_MOST} pages");
    assert!(failed > 5, "the disk failed in {failed} places only");
}
