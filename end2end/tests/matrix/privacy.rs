//! A payment from the tap on the link to the receipt, and then a search for the payer in every place
//! that is not theirs: the log, the metrics, the pages and the messages.

use std::{
    io,
    sync::{Arc, Mutex},
};

use reqwest::{Method, StatusCode};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use crate::{
    callers::{Caller, field, hear},
    town::{GOOD_CARD, Town},
};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Everything the process logs from here on, in more detail than anybody runs it with. The HTTP
/// clients are left out: one of them is the visitor's browser.
fn listen() -> Log {
    let log = Log::default();
    let filter = EnvFilter::new("debug,hyper=off,hyper_util=off,reqwest=off");
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(log.clone());
    logs.with_ansi(false).try_init().unwrap();
    log
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_who_reads_logs_metrics_or_a_shared_phone_learns_who_paid() {
    let log = listen();
    let town = Town::build().await;
    let payer = &town.alder.accounts[0];
    let visitor = town.with_link(&payer.token).await;
    let page = town.get(&visitor, "/pay").await;
    assert_eq!(page.status, StatusCode::OK);
    let form = [
        ("csrf", visitor.csrf.clone()),
        ("link", field(&page.body, "link")),
        ("attempt", field(&page.body, "attempt")),
        ("shown_due_cents", field(&page.body, "shown_due_cents")),
        ("choice", "full".to_owned()),
        ("email", payer.email.to_owned()),
    ];
    let intent = town.request(&visitor, Method::POST, "/pay/intent").form(&form);
    let intent = hear(intent).await;
    let intent: serde_json::Value = serde_json::from_str(&intent.body).unwrap();
    let secret = intent["client_secret"].as_str().unwrap_or_else(|| panic!("{intent}"));
    town.sandbox.pay_intent(secret, GOOD_CARD).unwrap();
    let back = intent["return_url"].as_str().unwrap().trim_start_matches(&town.base).to_owned();
    let returned = town.get(&visitor, &back).await;
    let receipt = town.get(&visitor, &returned.location).await;
    assert_eq!(receipt.status, StatusCode::OK, "{}", returned.location);
    // Events and receipts, as the background would.
    town.sandbox.deliver_due().await.unwrap();
    town.house.payments.drain_webhooks().await.unwrap();
    for _ in 0..3 {
        town.house.engine.tick().await.unwrap();
        town.sandbox.deliver_due().await.unwrap();
    }
    // A broken form and a wrong door are logged too.
    town.ask(&visitor, "post", "/pay", &[]).await;
    town.get(&visitor, &format!("/p/{}x", payer.token)).await;
    let metrics = town.get(&town.visitor(Caller::Nobody).await, "/metrics").await;
    assert!(metrics.body.contains("clearbill_"), "the metrics count something");

    let identity = payer.identity();
    let secrets = [payer.token.clone(), store::keys::token_hash(&payer.token), secret.to_owned()];
    let logged = log.text();
    assert!(!logged.is_empty(), "the server logs something");
    for canary in identity.iter().chain(&secrets) {
        assert!(!logged.contains(canary), "the log holds {canary}");
        assert!(!metrics.body.contains(canary), "the metrics hold {canary}");
    }
    for canary in &identity {
        assert!(!page.body.contains(canary), "the pay page names {canary}");
        assert!(!receipt.body.contains(canary), "the receipt names {canary}");
    }
    let mailbox = town.sandbox.mailbox();
    assert!(!mailbox.is_empty(), "a receipt was sent");
    let (first, last) = payer.name.split_once(' ').unwrap();
    for message in mailbox {
        let texts = [Some(message.body), message.subject, message.html];
        for text in texts.into_iter().flatten() {
            let text = text.replace(payer.email, "");
            for name in [first, last, "Patient"] {
                assert!(!text.contains(name), "a message names {name}: {text}");
            }
        }
    }
    town.stop().await;
}
