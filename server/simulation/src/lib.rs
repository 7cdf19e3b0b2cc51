//! Seeded people, faults and clock jumps against the real engine, store, payments and sandbox.
//!
//! A seed decides everything that happens: what the practice has switched on, who pays with which
//! card, who writes back in which words, what staff approve, pause and take back, which profiles are
//! activated, what vendors and carriers do wrong, how the clock moves. After each step the invariants
//! are checked; a seed that fails prints itself and plays again. It serves no HTTP and knows no
//! wiring: the server gives it a [`Stage`], so that webhooks arrive through the server's own routes.

use std::{
    fmt,
    path::PathBuf,
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

use book::Book;

mod book;
mod cadence;
mod carriers;
mod facts;
mod invariants;
mod letter;
mod office;
mod people;
mod replies;
mod town;
mod watch;

/// Simulated practices are small.
const PEOPLE_MOST: i64 = 10_000;

/// What one seed plays on: a practice with a book, wired to a sandbox.
pub struct Stage {
    pub store: Store,
    pub world: World,
    pub clock: Arc<SimulatedClock>,
    /// The machine's own clock, by which leases end.
    pub wall: Arc<SimulatedClock>,
    pub payments: Payments,
    /// A worker of the engine, as a server that has just started makes one.
    pub hire: Box<dyn Fn() -> Engine + Send + Sync>,
    pub sandbox: Sandbox,
    pub practice: PracticeId,
    /// The file that the practice's book was imported from, and the name of its source.
    pub file: PathBuf,
    pub source: &'static str,
}

impl Stage {
    fn wall(&self) -> UnixMs {
        self.wall.now()
    }

    /// What the file says of everybody in it; the product must owe the same to start with.
    async fn book(&self) -> Result<Book, String> {
        let mut db = self.store.read().await.map_err(|e| e.to_string())?;
        let named = store::guarantor::list_ids(&mut db, &self.practice, "", PEOPLE_MOST).await;
        let ids = named.map_err(|e| e.to_string())?.into_iter();
        let ids = ids.filter(|one| one.source == self.source);
        let book = Book::read(&self.file, &ids.map(|one| (one.external_id, one.id)).collect())?;
        for (guarantor, account) in &book.accounts {
            let facts = store::balance::load(&mut db, &self.practice, guarantor).await;
            let due = domain::balance::due(&facts.map_err(|e| e.to_string())?).due.0;
            if due != account.owes_cents {
                let owes = account.owes_cents;
                return Err(format!(
                    "{guarantor} owes {owes} cents by the file, {due} by the book"
                ));
            }
        }
        Ok(book)
    }
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
    /// Texts that people wrote back, and that staff wrote to one person.
    pub replies: usize,
    pub written: usize,
    /// Versions of statement profiles that were put to work.
    pub activations: usize,
    pub faults: usize,
    /// Times that nobody worked here for longer than any grace.
    pub outages: usize,
    /// Workers that ended in the middle of their work.
    pub deaths: usize,
}

impl Played {
    pub fn add(&mut self, other: Self) {
        self.steps += other.steps;
        self.messages += other.messages;
        self.payments += other.payments;
        self.declines += other.declines;
        self.opt_outs += other.opt_outs;
        self.replies += other.replies;
        self.written += other.written;
        self.activations += other.activations;
        self.outages += other.outages;
        self.faults += other.faults;
        self.deaths += other.deaths;
    }
}

/// Plays one seed for `steps` steps, then lets everything come to rest and checks again.
pub async fn play(stage: &Stage, seed: u64, steps: usize) -> Result<Played, Failed> {
    let start = |fault| Failed { seed, step: 0, action: "opening the book".into(), fault };
    let book = stage.book().await.map_err(start)?;
    let mut town = town::Town::new(stage, Dice::new(seed), book);
    town.settle_in().await.map_err(start)?;
    for step in 0..steps {
        let (action, done) = town.step().await;
        let failed = |fault| Failed { seed, step, action: action.clone(), fault };
        done.map_err(failed)?;
        town.check().await.map_err(failed)?;
    }
    let failed = |fault| Failed { seed, step: steps, action: "coming to rest".into(), fault };
    town.rest().await.map_err(failed)?;
    let mut played = town.facts.played;
    played.steps = steps;
    played.messages = stage.sandbox.mailbox().len();
    played.payments = stage.sandbox.charges().iter().filter(|c| c.succeeded).count();
    Ok(played)
}
