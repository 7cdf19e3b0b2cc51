//! b1, b2: a webhook from its arrival until its payment is settled (verified, deduplicated, fetched,
//! booked, with ledger, audit and receipt), against bare durable commits: appends of a page with
//! fdatasync, one after the other, on the same disk.
//!
//! `cargo bench -p end2end --bench webhook -- --payments 512`. The stand-in for the processor runs in
//! this process and shares its two processors with the server.

use std::{io::Write, path::Path, sync::Arc};

use domain::{
    clock::World,
    id::{GuarantorId, PatientId, PracticeId},
    money::Cents,
    payment::{Choice, Source},
};
use end2end::measure::{Comparison, Goal, Wanted, report, seconds};
use futures_util::{StreamExt, stream};
use hmac::{Hmac, KeyInit, Mac};
use jiff::civil::date;
use payments::{How, Payments, PaymentsOptions, Started, Wish};
use sandbox::{PaymentEnd, Sandbox, SandboxOptions};
use secrecy::ExposeSecret;
use server::clock::{SystemClock, real_now};
use sha2::Sha256;
use store::{
    Store,
    audit::Actor,
    keys::OsChance,
    merchant::Merchant,
    scratch::{self, ScratchClaim},
};

const PAYMENTS: u64 = 512;
const IN_FLIGHT: usize = 64;
const SECRET: &str = "whsec_of_the_bench";
const DUE: i64 = 82_00;

struct Desk {
    store: Store,
    world: World,
    sandbox: Sandbox,
    payments: Payments,
    practice: PracticeId,
}

impl Desk {
    async fn open(dir: &Path) -> Self {
        connect::install_tls();
        let world = World { clock: Arc::new(SystemClock), chance: Arc::new(OsChance) };
        let store = scratch::sqlite(dir).await.expect("a database");
        let options = SandboxOptions::new(world.clock.clone(), world.chance.clone());
        let sandbox = Sandbox::start(options).await.expect("a processor");
        let practice = scratch::insert_practice(&store, &world, "bench").await.expect("a practice");
        let merchant = Merchant {
            base_url: sandbox.stripe_base(),
            secret_key: sandbox.stripe_secret_key().to_owned(),
            publishable_key: sandbox.stripe_publishable_key().to_owned(),
            webhook_secrets: vec![SECRET.into()],
            js_url: String::new(),
            checkout_origin: String::new(),
            account: None,
            livemode: false,
        };
        let options = PaymentsOptions {
            gateway_timeout_ms: 20_000,
            wake: None,
            points: domain::points::Points::default(),
        };
        let payments = Payments::new(store.clone(), world.clone(), options);
        let (owner, now) = (practice.clone(), world.now());
        let write = store.write(move |db| {
            let (practice, merchant) = (owner.clone(), merchant.clone());
            Box::pin(async move { store::merchant::mark(db, &practice, &merchant, now).await })
        });
        write.await.expect("a merchant");
        Self { store, world, sandbox, payments, practice }
    }

    /// Somebody who owes has paid at the processor, which has not told us yet: its event.
    async fn paid(&self) -> (Vec<u8>, String) {
        let (guarantor, patient): (GuarantorId, PatientId) = (self.world.mint(), self.world.mint());
        let claims = [ScratchClaim::ready(&patient, Cents(DUE), date(2026, 1, 12))];
        let name = "Maria Lopez";
        let (store, practice) = (&self.store, &self.practice);
        scratch::insert_account(store, &self.world, practice, &guarantor, name, &claims)
            .await
            .expect("an account");
        let wish = Wish {
            practice: practice.clone(),
            guarantor: guarantor.clone(),
            form: self.payments.mint_form(practice, &guarantor),
            choice: Choice::Full,
            shown_due: Cents(DUE),
            how: How::Element,
            source: Source::Link,
            link_hash: None,
            login: None,
            chosen_claims: vec![],
            receipt_email: Some("maria@example.org".into()),
            language: "en".into(),
            is_held: false,
            restart: false,
            actor: Actor::LinkHolder("bench".into()),
            address: "203.0.113.7".into(),
        };
        let started = self.payments.start(&wish).await.expect("a payment begins");
        let Started::Element { client_secret, .. } = started else { panic!("a card payment") };
        let secret = client_secret.expose_secret();
        let end = self.sandbox.pay_intent(secret, "4242424242424242").expect("the intent");
        assert_eq!(end, PaymentEnd::Succeeded);
        let intent = secret.split("_secret_").next().unwrap_or_default();
        signed(intent)
    }

    async fn accept(&self, event: &(Vec<u8>, String)) {
        let now_s = real_now().0 / 1000;
        let accepted = self.payments.accept_webhook(&self.practice, &event.0, &event.1, now_s);
        accepted.await.expect("a good event");
    }

    /// Works the inbox until that many more are over.
    async fn settle(&self, events: usize) {
        let mut ended = 0;
        while ended < events {
            ended += self.payments.drain_webhooks().await.expect("a drain");
        }
    }
}

fn signed(intent: &str) -> (Vec<u8>, String) {
    let at = real_now().0 / 1000;
    let body = format!(
        r#"{{"id":"evt_{intent}","object":"event","type":"payment_intent.succeeded","created":{at},"livemode":false,"data":{{"object":{{"id":"{intent}","object":"payment_intent"}}}}}}"#
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length will do");
    mac.update(format!("{at}.{body}").as_bytes());
    (body.into_bytes(), format!("t={at},v1={}", hex::encode(mac.finalize().into_bytes())))
}

/// Durable commits a second and nothing else: a page appended, then fdatasync.
fn bare_commits(dir: &Path, commits: u64) -> f64 {
    let mut file = std::fs::File::create(dir.join("bare")).expect("a file");
    let begun = end2end::measure::now();
    for _ in 0..commits {
        file.write_all(&[7; 4096]).expect("room on the disk");
        file.sync_data().expect("a disk");
    }
    commits as f64 / begun.elapsed().as_secs_f64()
}

#[tokio::main]
async fn main() -> Result<(), String> {
    let wanted = Wanted::parse(std::env::args().skip(1))?;
    let payments = wanted.number("payments", PAYMENTS);
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    let desk = Desk::open(dir.path()).await;
    let unit = "settled per second / commits per second";
    let what = "webhook to settled, 64 in flight / bare commits";
    let mut many = Comparison::new("b1", what, unit, Goal::AtLeast, 1.5);
    let what = "webhook to settled, one in flight / bare commits";
    let mut one = Comparison::new("b2", what, unit, Goal::AtLeast, 0.4);
    let alone = (payments / 8).max(1);
    for _ in 0..wanted.rounds {
        let all: Vec<_> = stream::iter(0..payments + alone)
            .map(|_| desk.paid())
            .buffer_unordered(16)
            .collect()
            .await;
        let (few, rest) = all.split_at(usize::try_from(alone).unwrap_or_default());
        let bare = bare_commits(dir.path(), payments);
        let (took, ()) = seconds(async {
            stream::iter(rest)
                .map(|event| desk.accept(event))
                .buffer_unordered(IN_FLIGHT)
                .collect::<Vec<()>>()
                .await;
            desk.settle(rest.len()).await;
        })
        .await;
        many.add(rest.len() as f64 / took, bare);
        let bare = bare_commits(dir.path(), payments);
        let (took, ()) = seconds(async {
            for event in few {
                desk.accept(event).await;
                desk.settle(1).await;
            }
        })
        .await;
        one.add(few.len() as f64 / took, bare);
    }
    let booked = scratch::count(&desk.store, "payment").await.map_err(|e| e.to_string())?;
    let rounds = i64::try_from(wanted.rounds).unwrap_or_default();
    assert_eq!(booked, rounds * i64::try_from(payments + alone).unwrap_or_default());
    let command = format!("cargo bench -p end2end --bench webhook -- --payments {payments}");
    println!("{}", report(&wanted, &command, &[many, one]));
    Ok(())
}
