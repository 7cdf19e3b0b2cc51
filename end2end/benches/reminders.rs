//! c1, c2, c3: a reminder cycle (the list, the messages with their links, the yes, the gate, the
//! hand-over to a channel that does nothing) in a small and in a large practice with the same number
//! of accounts due: the time for each must not grow with the accounts that owe nothing.
//!
//! `cargo bench -p end2end --bench reminders -- --small 100000 --large 1000000 --percent 1`.

mod town;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use connect::channel::{
    Accepted, CallMessage, ChannelError, DeliveryStatus, EmailMessage, FaxMessage, RefusalCause,
    TextMessage,
};
use domain::{clock::UnixMs, decide::Class, gate::SendPermit, practice::Practice};
use end2end::measure::{Comparison, Goal, Wanted, report, seconds};
use engine::{Channels, DeliveryReport, Found};
use futures_util::future::BoxFuture;
use store::scratch;
use town::Town;

/// What a cycle writes to: counted, so that the baseline writes as many rows.
const WRITTEN: [&str; 5] = ["message", "link", "decision", "audit", "job"];

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

/// Seconds for each account due, from the list to the last hand-over.
async fn cycle(town: &Town) -> f64 {
    let (took, ()) = seconds(async {
        town.write().await;
        town.deliver().await;
    })
    .await;
    took / town.due as f64
}

/// Nothing is due: what a look costs, in milliseconds.
async fn idle_ms(town: &Town) -> f64 {
    const TICKS: u32 = 200;
    while town.engine.tick().await.expect("a tick").did_anything() {}
    let (took, ()) = seconds(async {
        for _ in 0..TICKS {
            town.engine.tick().await.expect("a tick");
        }
    })
    .await;
    took * 1000.0 / f64::from(TICKS)
}

async fn rows(town: &Town) -> i64 {
    let mut rows = 0;
    for table in WRITTEN {
        rows += scratch::count(&town.store, table).await.expect("a count");
    }
    rows
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
    let nowhere = |_: &_, _: &_| Arc::new(Nowhere::default()) as Arc<dyn Channels>;
    let (few, many) = (small * percent / 100, large * percent / 100);
    let small_town = Town::build(&dir.path().join("small"), small, few, nowhere).await;
    let large_town = Town::build(&dir.path().join("large"), large, many, nowhere).await;
    let what = format!("a reminder, {many} due of {large} / {few} due of {small}");
    let mut each = Comparison::new("c2", what, "ms each", Goal::AtMost, 1.5);
    let what = format!("idle tick, {large} accounts / {small}");
    let mut idle = Comparison::new("c3", what, "ms", Goal::AtMost, 2.0);
    let what = format!("rows of a cycle, {many} due of {large} / bare inserts");
    let mut whole = Comparison::new("c1", what, "rows per second", Goal::AtLeast, 0.5);
    for round in 0..wanted.rounds {
        let small_each = cycle(&small_town).await;
        let before = rows(&large_town).await;
        let large_each = cycle(&large_town).await;
        let rows = rows(&large_town).await - before;
        each.add(large_each * 1000.0, small_each * 1000.0);
        let bare = bare_seconds(&dir.path().join(format!("bare-{round}")), rows).await;
        whole.add(rows as f64 / (large_each * large_town.due as f64), rows as f64 / bare);
        let small_idle = idle_ms(&small_town).await;
        idle.add(idle_ms(&large_town).await, small_idle);
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
