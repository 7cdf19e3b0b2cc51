//! Seeded people, faults and clock jumps against the real engine, store, payments and sandbox.
//!
//! A seed decides everything that happens: who pays with which card, who writes STOP, what the
//! vendors do wrong, how the clock moves. After each step the invariants are checked; a seed that
//! fails prints itself and plays again. It serves no HTTP and knows no wiring: the server gives it a
//! [`Stage`], so that webhooks arrive through the server's own routes.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use domain::{
    clock::{Chance, Clock, UnixMs, World},
    id::PracticeId,
};
use engine::Engine;
use payments::Payments;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use sandbox::Sandbox;
use store::Store;

mod people;
mod watch;

/// What one seed plays on: a practice with a book, wired to a sandbox.
pub struct Stage {
    pub store: Store,
    pub world: World,
    pub clock: Arc<SimulatedClock>,
    pub payments: Payments,
    pub engine: Engine,
    pub sandbox: Sandbox,
    pub practice: PracticeId,
}

/// Business time that only the simulation moves.
pub struct SimulatedClock(AtomicI64);

impl SimulatedClock {
    pub fn at(start: UnixMs) -> Self {
        Self(AtomicI64::new(start.0))
    }

    pub fn move_to(&self, to: UnixMs) {
        self.0.store(to.0, Ordering::Release);
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> UnixMs {
        UnixMs(self.0.load(Ordering::Acquire))
    }
}

/// Chance from a seed: the same seed, the same world.
pub struct SeededChance(Mutex<ChaCha8Rng>);

impl SeededChance {
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(ChaCha8Rng::seed_from_u64(seed)))
    }
}

impl Chance for SeededChance {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes);
    }
}

/// Dice of the simulation itself, apart from the chance of the system it watches.
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed ^ 0x5eed_d1ce))
    }

    /// 0 to `sides - 1`.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0.next_u64() % sides.max(1)
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let at = usize::try_from(self.roll(from.len() as u64)).ok()?;
        from.get(at)
    }
}

/// What went wrong, where; enough to play it again.
#[derive(Debug)]
pub struct Failed {
    pub seed: u64,
    pub step: usize,
    /// What was done in this step.
    pub action: String,
    pub fault: String,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {} step {} ({}): {}", self.seed, self.step, self.action, self.fault)
    }
}

/// What a seed did, for the summary.
#[derive(Clone, Copy, Debug, Default)]
pub struct Played {
    pub steps: usize,
    pub messages: usize,
    pub payments: usize,
    pub declines: usize,
    pub opt_outs: usize,
    pub faults: usize,
}

impl Played {
    pub fn add(&mut self, other: Self) {
        self.steps += other.steps;
        self.messages += other.messages;
        self.payments += other.payments;
        self.declines += other.declines;
        self.opt_outs += other.opt_outs;
        self.faults += other.faults;
    }
}

/// Plays one seed for `steps` steps, then lets everything come to rest and checks again.
pub async fn play(stage: &Stage, seed: u64, steps: usize) -> Result<Played, Failed> {
    let mut town = people::Town::new(stage, Dice::new(seed));
    let mut watch = watch::Watch::default();
    for step in 0..steps {
        let (action, done) = town.step().await;
        let failed = |fault| Failed { seed, step, action: action.clone(), fault };
        done.map_err(failed)?;
        watch.check(stage, &town.facts).await.map_err(failed)?;
    }
    let failed = |fault| Failed { seed, step: steps, action: "coming to rest".into(), fault };
    town.rest().await.map_err(failed)?;
    watch.check(stage, &town.facts).await.map_err(failed)?;
    watch.check_at_rest(stage).await.map_err(failed)?;
    let mut played = town.facts.played;
    played.steps = steps;
    played.messages = stage.sandbox.mailbox().len();
    played.payments = stage.sandbox.charges().iter().filter(|c| c.succeeded).count();
    Ok(played)
}
