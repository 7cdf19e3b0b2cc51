//! `clearbill simulate`: seeds against the real engine, store and sandbox, with webhooks arriving
//! through the server's own routes. Each seed has a practice, a database and vendors of its own, so
//! that several are played at once and each comes out as it does alone.

use std::{
    net::TcpListener,
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
use sandbox::{Sandbox, SandboxOptions};
use simulation::{Played, SeededChance, SimulatedClock, Stage};
use store::{Store, scratch};

use super::demo;
use crate::{building, config::Config, serving};

/// Steps of one seed: a few business days of a small practice.
const STEPS: usize = 40;
/// The cast, and a few whom the seed draws.
const ACCOUNTS: u32 = 30;
/// A Monday morning in New York.
const START: &str = "2026-03-02T09:30:00-05:00";

#[derive(Args, Clone, Debug)]
pub struct Simulate {
    /// How many seeds to play.
    #[arg(long, default_value_t = 20)]
    pub seeds: u64,
    /// The first seed; with --seeds 1 it replays one.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Steps of each seed.
    #[arg(long, default_value_t = STEPS)]
    pub steps: usize,
    /// Seeds played at the same time; as many as there are processors unless told otherwise.
    #[arg(long)]
    pub at_once: Option<usize>,
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
        let players = self.at_once.unwrap_or_else(processors).max(1);
        let next = AtomicU64::new(self.seed);
        let tally = Mutex::new((Played::default(), 0_u64));
        thread::scope(|scope| {
            for _ in 0..players {
                // A runtime of its own: what one seed waits for does not hold up another.
                scope.spawn(|| {
                    let system = actix_web::rt::System::new();
                    system.block_on(self.play_on(&next, &tally));
                });
            }
        });
        let (total, failures) = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
        println!(
            "{} steps, {} messages, {} payments, {} declines, {} opt-outs, {} vendor faults, {} \
             deaths of workers",
            total.steps,
            total.messages,
            total.payments,
            total.declines,
            total.opt_outs,
            total.faults,
            total.deaths
        );
        println!("{} passed, {failures} failed", self.seeds - failures);
        if failures == 0 { Ok(()) } else { Err("the simulation found faults; see above".into()) }
    }

    /// Plays the next seed until there is none.
    async fn play_on(&self, next: &AtomicU64, tally: &Mutex<(Played, u64)>) {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= self.seed.saturating_add(self.seeds) {
                return;
            }
            let played = self.play(seed).await;
            let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
            match played {
                Ok(played) => tally.0.add(played),
                Err(words) => {
                    tally.1 += 1;
                    println!("FAILED {words}");
                    let steps = self.steps;
                    println!("replay: clearbill simulate --seed {seed} --seeds 1 --steps {steps}");
                }
            }
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
