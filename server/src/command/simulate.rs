//! `clearbill simulate`: seeds against the real engine, store and sandbox, with webhooks arriving
//! through the server's own routes.

use std::{net::TcpListener, sync::Arc};

use actix_web::dev::ServerHandle;
use clap::Args;
use domain::clock::{UnixMs, World};
use sandbox::{Sandbox, SandboxOptions};
use simulation::{Played, SeededChance, SimulatedClock, Stage};

use super::demo;
use crate::{building, config::Config, serving};

/// Steps of one seed: a few business days of a small practice.
const STEPS: usize = 40;
const ACCOUNTS: u32 = 12;
/// A Monday morning in New York.
const START: &str = "2026-03-02T09:30:00-05:00";

#[derive(Args, Debug)]
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
}

impl Simulate {
    pub async fn run(self) -> Result<(), String> {
        // Vendors fail on purpose here: their errors are no news.
        let quiet = Config { log: "off".into(), ..Config::default() };
        serving::start_logs(&quiet);
        let mut total = Played::default();
        let mut failures = 0_u64;
        for seed in self.seed..self.seed + self.seeds {
            match self.play(seed).await {
                Ok(played) => total.add(played),
                Err(words) => {
                    failures += 1;
                    println!("FAILED {words}");
                    println!(
                        "replay: clearbill simulate --seed {seed} --seeds 1 --steps {}",
                        self.steps
                    );
                }
            }
        }
        println!(
            "{} steps, {} messages, {} payments, {} declines, {} opt-outs, {} vendor faults",
            total.steps,
            total.messages,
            total.payments,
            total.declines,
            total.opt_outs,
            total.faults
        );
        println!("{} passed, {failures} failed", self.seeds - failures);
        if failures == 0 { Ok(()) } else { Err("the simulation found faults; see above".into()) }
    }

    async fn play(&self, seed: u64) -> Result<Played, String> {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let (stage, server) = stage(folder.path(), seed).await?;
        let played = simulation::play(&stage, seed, self.steps).await;
        server.stop(false).await;
        stage.store.close().await;
        played.map_err(|failed| failed.to_string())
    }
}

/// A fresh practice with a small book, a sandbox, and a server for its webhooks.
async fn stage(dir: &std::path::Path, seed: u64) -> Result<(Stage, ServerHandle), String> {
    let start = UnixMs::parse_rfc3339(START).ok_or("the start is a constant")?;
    let clock = Arc::new(SimulatedClock::at(start));
    let world = World { clock: clock.clone(), chance: Arc::new(SeededChance::new(seed)) };
    let store = store::scratch::sqlite(dir).await.map_err(|e| e.to_string())?;
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
    let base = format!("http://{}", listener.local_addr().map_err(|e| e.to_string())?);
    let options = SandboxOptions {
        public_base: base.clone(),
        ..SandboxOptions::new(world.clock.clone(), world.chance.clone())
    };
    let sandbox = Sandbox::start(options).await.map_err(|e| e.to_string())?;
    let config = Config { data_dir: dir.to_owned(), ..Config::default() };
    let house = Arc::new(building::house(config, store.clone(), world.clone()));
    let practice = demo::insert_practice(&house, &base).await?;
    building::connect(&house, &sandbox, &base, demo::PRACTICE).await?;
    building::seed_book(&house, &practice, ACCOUNTS, seed).await?;
    let server = serving::serve_in_background(house.clone(), listener)?;
    let stage = Stage {
        store,
        world,
        clock,
        payments: house.payments.clone(),
        engine: house.engine.clone(),
        sandbox,
        practice,
    };
    Ok((stage, server))
}
