//! `clearbill simulate`: seeds against the real engine, store and sandbox, with webhooks arriving
//! through the server's own routes. Each seed has a practice, a database and vendors of its own, so
//! that several are played at once and each comes out as it does alone; what they found is told in the
//! order of the seeds, whichever is done first.

use std::{
    collections::BTreeMap,
    net::TcpListener,
    panic::AssertUnwindSafe,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use actix_web::dev::ServerHandle;
use clap::Args;
use domain::{
    clock::{UnixMs, World},
    points::Points,
};
use futures_util::FutureExt;
use sandbox::{Sandbox, SandboxOptions};
use simulation::{Played, SeededChance, SimulatedClock, Stage};
use store::{Store, scratch};

use super::demo;
use crate::{building, config::Config, serving};

/// Seeds of a run that names no number.
const SEEDS: u64 = 20;
/// Steps of one seed: some business days of a small practice.
const STEPS: usize = 40;
/// The cast, and a few whom the seed draws.
const ACCOUNTS: u32 = 30;
/// A Monday morning in New York.
const START: &str = "2026-03-02T09:30:00-05:00";

#[derive(Args, Clone, Debug)]
pub struct Simulate {
    /// How many seeds to play: 20, or the one that --seed names.
    #[arg(long)]
    pub seeds: Option<u64>,
    /// The first seed. Alone it replays that one.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Steps of each seed.
    #[arg(long, default_value_t = STEPS)]
    pub steps: usize,
    /// Seeds played at the same time; as many as there are processors unless told otherwise.
    #[arg(long)]
    pub jobs: Option<usize>,
    /// A PostgreSQL on which each seed makes a database and drops it again; SQLite otherwise.
    #[arg(long)]
    pub database_url: Option<String>,
}

impl Simulate {
    pub async fn run(self) -> Result<(), String> {
        // Vendors fail on purpose here: their errors are no news.
        let quiet = Config { log: "off".into(), ..Config::default() };
        serving::start_logs(&quiet);
        let processors = || thread::available_parallelism().map_or(1, usize::from);
        let players = self.jobs.unwrap_or_else(processors).max(1);
        let first = self.seed.unwrap_or(1);
        let seeds = self.seeds.unwrap_or(if self.seed.is_some() { 1 } else { SEEDS });
        let (next, end) = (AtomicU64::new(first), first.saturating_add(seeds));
        let tally = Mutex::new(Tally::from(first, self.steps));
        thread::scope(|scope| {
            for _ in 0..players {
                // A runtime of its own: what one seed waits for does not hold up another.
                scope.spawn(|| {
                    let system = actix_web::rt::System::new();
                    system.block_on(self.play_on(&next, end, &tally));
                });
            }
        });
        let Tally { total, failures, .. } =
            tally.into_inner().unwrap_or_else(PoisonError::into_inner);
        println!(
            "{} steps, {} messages, {} payments, {} declines, {} replies, {} opt-outs, {} \
             activations, {} vendor faults, {} outages, {} deaths of workers",
            total.steps,
            total.messages,
            total.payments,
            total.declines,
            total.replies,
            total.opt_outs,
            total.activations,
            total.faults,
            total.outages,
            total.deaths
        );
        println!("{} passed, {failures} failed", seeds - failures);
        if failures == 0 { Ok(()) } else { Err("the simulation found faults; see above".into()) }
    }

    /// Plays the next seed until there is none.
    async fn play_on(&self, next: &AtomicU64, end: u64, tally: &Mutex<Tally>) {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return;
            }
            // A panic is a fault of that seed, and the others go on.
            let played = AssertUnwindSafe(self.play(seed)).catch_unwind().await;
            let played = played.unwrap_or_else(|_| Err(format!("seed {seed} panicked")));
            let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
            tally.take(seed, played).iter().for_each(|line| println!("{line}"));
        }
    }

    async fn play(&self, seed: u64) -> Result<Played, String> {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let (store, made) = match &self.database_url {
            None => (scratch::sqlite(folder.path()).await, None),
            Some(server) => match scratch::on_server(server, folder.path()).await {
                Ok((store, url)) => (Ok(store), Some((server, url))),
                Err(cause) => (Err(cause), None),
            },
        };
        let store = store.map_err(|e| e.to_string())?;
        let played = self.play_in(&store, folder.path(), seed).await;
        store.close().await;
        if let Some((server, url)) = made {
            scratch::drop_on_server(server, &url).await.map_err(|e| e.to_string())?;
        }
        played
    }

    async fn play_in(&self, store: &Store, dir: &Path, seed: u64) -> Result<Played, String> {
        let (stage, server) = stage(store, dir, seed).await?;
        let played = simulation::play(&stage, seed, self.steps).await;
        server.stop(false).await;
        played.map_err(|failed| failed.to_string())
    }
}

/// What came of the seeds so far, and what waits for an earlier one to be told.
struct Tally {
    total: Played,
    failures: u64,
    next: u64,
    steps: usize,
    waiting: BTreeMap<u64, Result<Played, String>>,
}

impl Tally {
    fn from(seed: u64, steps: usize) -> Self {
        let (total, waiting) = (Played::default(), BTreeMap::new());
        Self { total, failures: 0, next: seed, steps, waiting }
    }

    /// What there is to tell now: of this seed and of those that waited for it.
    fn take(&mut self, seed: u64, played: Result<Played, String>) -> Vec<String> {
        let mut lines = Vec::new();
        self.waiting.insert(seed, played);
        while let Some(played) = self.waiting.remove(&self.next) {
            let (seed, steps) = (self.next, self.steps);
            self.next += 1;
            match played {
                Ok(played) => self.total.add(played),
                Err(words) => {
                    self.failures += 1;
                    lines.push(format!("FAILED {words}"));
                    lines.push(format!("replay: clearbill simulate --seed {seed} --steps {steps}"));
                }
            }
        }
        lines
    }
}

/// A fresh practice with a small book, a sandbox, and a server for its webhooks.
async fn stage(store: &Store, dir: &Path, seed: u64) -> Result<(Stage, ServerHandle), String> {
    let start = UnixMs::parse_rfc3339(START).ok_or("the start is a constant")?;
    let clock = Arc::new(SimulatedClock::at(start));
    let wall = Arc::new(SimulatedClock::at(start));
    let world = World { clock: clock.clone(), chance: Arc::new(SeededChance::new(seed)) };
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
    let base = format!("http://{}", listener.local_addr().map_err(|e| e.to_string())?);
    let options = SandboxOptions {
        public_base: base.clone(),
        ..SandboxOptions::new(world.clock.clone(), world.chance.clone())
    };
    let sandbox = Sandbox::start(options).await.map_err(|e| e.to_string())?;
    let config = Config { data_dir: dir.to_owned(), ..Config::default() };
    let timeout_ms = config.vendors.timeout_ms;
    let house = Arc::new(building::house(config, store.clone(), world.clone()));
    let practice = demo::insert_practice(&house, &base).await?;
    building::connect(&house, &sandbox, &base, demo::PRACTICE).await?;
    building::seed_book(&house, &practice, ACCOUNTS, seed).await?;
    let server = serving::serve_in_background(house.clone(), listener)?;
    let hire = {
        let (store, world, wall) = (store.clone(), world.clone(), wall.clone());
        move || building::engine(&store, &world, wall.clone(), timeout_ms, Points::default())
    };
    let stage = Stage {
        store: store.clone(),
        world,
        clock,
        wall,
        payments: house.payments.clone(),
        hire: Box::new(hire),
        sandbox,
        practice,
        file: dir.join(building::SAMPLE_FILE),
        source: building::SAMPLE_SOURCE,
    };
    Ok((stage, server))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_wrong_is_told_in_the_order_of_the_seeds() {
        let mut tally = Tally::from(7, 40);
        assert!(tally.take(9, Err("seed 9".into())).is_empty(), "7 and 8 are still played");
        assert!(tally.take(7, Ok(Played::default())).is_empty());
        let lines = tally.take(8, Err("seed 8".into()));
        let failed: Vec<_> = lines.iter().filter(|line| line.starts_with("FAILED")).collect();
        assert_eq!(failed, ["FAILED seed 8", "FAILED seed 9"]);
        assert_eq!(lines[1], "replay: clearbill simulate --seed 8 --steps 40");
        assert_eq!((tally.failures, tally.next), (2, 10));
    }
}
