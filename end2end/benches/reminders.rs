//! c1, c2, c3: a reminder cycle (the list, the messages with their links, the yes, the gate, the
//! hand-over to a channel that does nothing) in a small and in a large practice with the same number
//! of accounts due: the time for each must not grow with the accounts that owe nothing.
//!
//! `cargo bench -p end2end --bench reminders -- --small 100000 --large 1000000 --percent 1`.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
};

use connect::channel::{
    Accepted, CallMessage, ChannelError, DeliveryStatus, EmailMessage, FaxMessage, RefusalCause,
    TextMessage,
};
use domain::{
    clock::{Clock, DAY_MS, HOUR_MS, UnixMs, World},
    decide::{Channel, Class, LineType},
    gate::SendPermit,
    id::{GuarantorId, PatientId, PracticeId},
    money::Cents,
    practice::Practice,
};
use end2end::measure::{Comparison, Goal, Wanted, report, seconds};
use engine::{Channels, Criteria, DeliveryReport, Engine, Found, Parts, Selection};
use futures_util::{StreamExt, future::BoxFuture, stream};
use jiff::civil::date;
use server::wording::AppWording;
use store::{
    Store,
    audit::Actor,
    contact,
    keys::OsChance,
    scratch::{self, ScratchClaim},
};

/// Wednesday, 4 March 2026, 15:30 in New York and 10:30 in Honolulu: of somebody without a phone and
/// an address nobody knows the zone, so every window of the fifty states has to be open.
const WEDNESDAY: i64 = 1_772_656_200_000;
/// What a cycle writes to: counted, so that the baseline writes as many rows.
const WRITTEN: [&str; 5] = ["message", "link", "decision", "audit", "job"];

#[derive(Clone)]
struct MovableClock(Arc<AtomicI64>);

impl Clock for MovableClock {
    fn now(&self) -> UnixMs {
        UnixMs(self.0.load(Ordering::SeqCst))
    }
}

/// Takes every message and does nothing with it.
#[derive(Clone, Default)]
struct Nowhere(Arc<AtomicUsize>);

impl Nowhere {
    fn take(&self) -> Accepted {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        let provider_id = format!("nowhere-{number}");
        Accepted { provider_id, status: DeliveryStatus::Queued, segments: 1 }
    }
}

impl Channels for Nowhere {
    fn send_text<'a>(
        &'a self,
        _: &'a Practice,
        _: SendPermit,
        _: UnixMs,
        _: &'a TextMessage,
    ) -> BoxFuture<'a, Result<Accepted, ChannelError>> {
        Box::pin(async move { Ok(self.take()) })
    }

    fn find_text<'a>(
        &'a self,
        _: &'a Practice,
        _: Class,
        _: &'a TextMessage,
    ) -> BoxFuture<'a, Result<Option<Found>, ChannelError>> {
        Box::pin(async move { Ok(None) })
    }

    fn place_call<'a>(
        &'a self,
        _: &'a Practice,
        _: SendPermit,
        _: UnixMs,
        _: &'a CallMessage,
    ) -> BoxFuture<'a, Result<Accepted, ChannelError>> {
        Box::pin(async move { Ok(self.take()) })
    }

    fn find_calls<'a>(
        &'a self,
        _: &'a Practice,
        _: &'a CallMessage,
    ) -> BoxFuture<'a, Result<Vec<Found>, ChannelError>> {
        Box::pin(async move { Ok(Vec::new()) })
    }

    fn send_fax<'a>(
        &'a self,
        _: &'a Practice,
        _: SendPermit,
        _: UnixMs,
        _: &'a FaxMessage,
    ) -> BoxFuture<'a, Result<Accepted, ChannelError>> {
        Box::pin(async move { Ok(self.take()) })
    }

    fn find_fax<'a>(
        &'a self,
        _: &'a Practice,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Option<Found>, ChannelError>> {
        Box::pin(async move { Ok(None) })
    }

    /// Nothing was faxed that could be asked after.
    fn load_fax<'a>(
        &'a self,
        _: &'a Practice,
        _: &'a str,
    ) -> BoxFuture<'a, Result<DeliveryReport, ChannelError>> {
        Box::pin(async move { Err(ChannelError::refused(RefusalCause::Permanent)) })
    }

    fn send_email<'a>(
        &'a self,
        _: &'a Practice,
        _: SendPermit,
        _: UnixMs,
        _: &'a EmailMessage,
    ) -> BoxFuture<'a, Result<Accepted, ChannelError>> {
        Box::pin(async move { Ok(self.take()) })
    }
}

struct Town {
    store: Store,
    world: World,
    clock: MovableClock,
    engine: Engine,
    practice: PracticeId,
    out: Nowhere,
    due: usize,
}

impl Town {
    async fn build(dir: &Path, accounts: u64, due: u64) -> Self {
        let clock = MovableClock(Arc::new(AtomicI64::new(WEDNESDAY)));
        let world = World { clock: Arc::new(clock.clone()), chance: Arc::new(OsChance) };
        let store = scratch::sqlite(dir).await.expect("a database");
        let practice = scratch::insert_practice(&store, &world, "bench").await.expect("a practice");
        let out = Nowhere::default();
        let engine = Engine::new(Parts {
            store: store.clone(),
            world: world.clone(),
            wall: Arc::new(server::clock::SystemClock),
            channels: Arc::new(out.clone()),
            wording: Arc::new(AppWording),
            // The provider's limit is not what is measured here.
            options: engine::Options { email_interval_ms: 0, ..engine::Options::default() },
            points: Default::default(),
        });
        let due_accounts = usize::try_from(due).unwrap_or_default();
        let town = Self { store, world, clock, engine, practice, out, due: due_accounts };
        town.set_up().await;
        let crowd = i64::try_from(accounts - due).unwrap_or_default();
        scratch::baseline::insert_crowd(&town.store, &town.practice, crowd).await.expect("a crowd");
        stream::iter(0..due)
            .map(|n| town.somebody(n))
            .buffer_unordered(64)
            .collect::<Vec<()>>()
            .await;
        while town.engine.tick().await.expect("a tick").did_anything() {}
        town
    }

    async fn set_up(&self) {
        let (id, now) = (self.practice.clone(), self.world.now());
        let write = self.store.write(move |db| {
            let id = id.clone();
            Box::pin(async move {
                let practice = store::practice::load(db, &id).await?;
                let practice = practice.ok_or(store::StoreError::Corrupt("practice"))?;
                let mut settings = practice.settings.clone();
                settings.phone = "(212) 555-0100".into();
                settings.state = "NY".into();
                settings.public_base = "https://pay.bench.example".into();
                settings.billing_consent_at = Some(now);
                settings.proof_approved_at = Some(now);
                settings.email_tested_at = Some(now);
                settings.email_from_address = "billing@bench.example.org".into();
                let (version, name) = (practice.version, practice.name.as_str());
                store::practice::mark_settings(db, &id, version, name, &settings).await
            })
        });
        write.await.expect("settings");
    }

    /// Owes for one visit and may be written to by email.
    async fn somebody(&self, number: u64) {
        let (guarantor, patient): (GuarantorId, PatientId) = (self.world.mint(), self.world.mint());
        let claims = [ScratchClaim::ready(&patient, Cents(82_00), date(2026, 1, 12))];
        let name = format!("Person {number}");
        scratch::insert_account(
            &self.store,
            &self.world,
            &self.practice,
            &guarantor,
            &name,
            &claims,
        )
        .await
        .expect("an account");
        let email = contact::New {
            id: self.world.mint(),
            guarantor,
            kind: contact::Kind::Email,
            value: format!("person-{number}@example.org"),
            masked: "p***@example.org".into(),
            line: LineType::Unknown,
            source: "import".into(),
        };
        let (practice, now) = (self.practice.clone(), self.world.now());
        let write = self.store.write(move |db| {
            let (practice, email) = (practice.clone(), email.clone());
            Box::pin(async move { contact::insert(db, &practice, &email, now).await })
        });
        write.await.expect("an email");
    }

    /// The whole cycle of one run; returns seconds for each account due.
    async fn cycle(&self) -> f64 {
        let by = Actor::Staff("stf_bench".into());
        let criteria = Criteria { method: Channel::Email, ..Criteria::default() };
        let before = self.out.0.load(Ordering::SeqCst);
        let (took, ()) = seconds(async {
            let (practice, engine) = (&self.practice, &self.engine);
            let drafted = engine.create_job(practice, &criteria, &Selection::All, None, &by).await;
            let drafted = drafted.expect("a list");
            assert_eq!(drafted.messages, self.due);
            let approved = engine.approve_job(practice, &drafted.job, &by).await.expect("a yes");
            assert_eq!(approved.queued, self.due);
            self.clock.0.fetch_add(HOUR_MS, Ordering::SeqCst);
            while self.out.0.load(Ordering::SeqCst) - before < self.due {
                assert!(engine.tick().await.expect("a tick").sent > 0, "somebody is left out");
            }
        })
        .await;
        took / self.due as f64
    }

    /// Nothing is due: what a look costs, in milliseconds.
    async fn idle(&self) -> f64 {
        const TICKS: u32 = 200;
        while self.engine.tick().await.expect("a tick").did_anything() {}
        let (took, ()) = seconds(async {
            for _ in 0..TICKS {
                self.engine.tick().await.expect("a tick");
            }
        })
        .await;
        took * 1000.0 / f64::from(TICKS)
    }

    /// The caps of the last run are over; the hour that it took is taken back.
    fn next_week(&self) {
        self.clock.0.fetch_add(7 * DAY_MS - HOUR_MS, Ordering::SeqCst);
    }

    async fn rows(&self) -> i64 {
        let mut rows = 0;
        for table in WRITTEN {
            rows += scratch::count(&self.store, table).await.expect("a count");
        }
        rows
    }
}

/// Seconds for as many bare rows as a cycle writes.
async fn bare_seconds(dir: &Path, rows: i64) -> f64 {
    let store = scratch::sqlite(dir).await.expect("a database");
    let cells = (0..rows).map(|n| {
        std::array::from_fn(|column| match column {
            0 => format!("{n:032x}"),
            1 => "x".repeat(300),
            _ => n.to_string(),
        })
    });
    let (took, _) = seconds(scratch::baseline::insert_bare_rows(&store, cells)).await;
    store.close().await;
    took
}

#[tokio::main]
async fn main() -> Result<(), String> {
    let wanted = Wanted::parse(std::env::args().skip(1))?;
    let (small, large) = (wanted.number("small", 100_000), wanted.number("large", 1_000_000));
    let percent = wanted.number("percent", 1);
    // More rounds would meet the cap of four in thirty days.
    if wanted.rounds > 4 {
        return Err("at most four rounds".into());
    }
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    let (few, many) = (small * percent / 100, large * percent / 100);
    let small_town = Town::build(&dir.path().join("small"), small, few).await;
    let large_town = Town::build(&dir.path().join("large"), large, many).await;
    let what = format!("a reminder, {many} due of {large} / {few} due of {small}");
    let mut each = Comparison::new("c2", what, "ms each", Goal::AtMost, 1.5);
    let what = format!("idle tick, {large} accounts / {small}");
    let mut idle = Comparison::new("c3", what, "ms", Goal::AtMost, 2.0);
    let what = format!("rows of a cycle, {many} due of {large} / bare inserts");
    let mut whole = Comparison::new("c1", what, "rows per second", Goal::AtLeast, 0.5);
    for round in 0..wanted.rounds {
        let small_each = small_town.cycle().await;
        let before = large_town.rows().await;
        let large_each = large_town.cycle().await;
        let rows = large_town.rows().await - before;
        each.add(large_each * 1000.0, small_each * 1000.0);
        let bare = bare_seconds(&dir.path().join(format!("bare-{round}")), rows).await;
        whole.add(rows as f64 / (large_each * large_town.due as f64), rows as f64 / bare);
        let small_idle = small_town.idle().await;
        idle.add(large_town.idle().await, small_idle);
        small_town.next_week();
        large_town.next_week();
    }
    let command = format!(
        "cargo bench -p end2end --bench reminders -- --small {small} --large {large} \
         --percent {percent}"
    );
    println!("{}", report(&wanted, &command, &[whole, each, idle]));
    Ok(())
}
