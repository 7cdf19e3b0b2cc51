//! Work nobody waits for: webhooks, sweeps, reminders, the audit's notary. Each part is a step that
//! does what is due and returns; dull loops around them give the pace.

use std::{sync::Arc, time::Duration};

use domain::clock::{MINUTE_MS, UnixMs};
use tokio::{sync::watch, task::JoinHandle};
use tracing::error;

use payments::SweepReport;

use crate::{
    clock::real_now,
    failure::Failure,
    house::{Demo, House},
    importing, tampering,
};

mod approvals;
mod backups;
mod housekeeping;

/// The engine looks at least this often; the bell makes it look at once.
const ENGINE_EVERY: Duration = Duration::from_secs(2);
const PAYMENTS_EVERY: Duration = Duration::from_secs(2);
/// An import that a crash left half applied goes on so soon after its lease has ended.
const IMPORTS_EVERY: Duration = Duration::from_secs(5);
const NOTARY_EVERY: Duration = Duration::from_secs(5);
const NOTARY_LEASE_MS: i64 = MINUTE_MS;
/// Steps of one settling down; a loop of two parts that wake each other ends here.
const SETTLE_MOST: usize = 200;
/// How long a move of the clock waits for what the background has in hand, in such steps.
const WAIT: Duration = Duration::from_millis(20);
const WAITS_MOST: usize = 50;
/// Stops of one move of the clock.
const STOPS_MOST: usize = 100_000;

/// Running loops, and the way to end them.
pub struct Background {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Background {
    /// Lets the step under way end, then stops.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        for task in self.tasks {
            let _ = task.await;
        }
    }
}

/// Starts the loops.
pub fn start(house: Arc<House>) -> Background {
    let (stop, stopped) = watch::channel(false);
    let engine = {
        let house = house.clone();
        every(ENGINE_EVERY, stopped.clone(), Some(house.bell.clone()), move || {
            let house = house.clone();
            async move {
                let did = engine_step(&house).await?;
                next_turn(&house, did).await
            }
        })
    };
    let payments = {
        let house = house.clone();
        every(PAYMENTS_EVERY, stopped.clone(), Some(house.payments_bell.clone()), move || {
            let house = house.clone();
            async move { payments_step(&house).await.map(|_| None) }
        })
    };
    let backups = {
        let house = house.clone();
        every(backups::EVERY, stopped.clone(), None, move || {
            let house = house.clone();
            async move { backups::step(&house).await.map(|()| None) }
        })
    };
    let approvals = {
        let house = house.clone();
        every(approvals::EVERY, stopped.clone(), None, move || {
            let house = house.clone();
            async move { approvals::step(&house).await.map(|_| None) }
        })
    };
    let housekeeping = {
        let house = house.clone();
        every(housekeeping::EVERY, stopped.clone(), None, move || {
            let house = house.clone();
            async move { housekeeping::step(&house).await.map(|_| None) }
        })
    };
    let imports = {
        let house = house.clone();
        every(IMPORTS_EVERY, stopped.clone(), None, move || {
            let house = house.clone();
            async move { imports_step(&house).await.map(|_| None) }
        })
    };
    let tampering = {
        let house = house.clone();
        every(tampering::EVERY, stopped.clone(), None, move || {
            let house = house.clone();
            async move { tampering::step(&house).await }
        })
    };
    let notary = {
        let house = house.clone();
        every(NOTARY_EVERY, stopped, None, move || {
            let house = house.clone();
            async move { notary_step(&house).await.map(|_| None) }
        })
    };
    let tasks =
        vec![engine, payments, approvals, backups, housekeeping, imports, tampering, notary];
    Background { stop, tasks }
}

/// Runs `step` for ever: again after `pace`, after the shorter wait it asked for, or at the bell.
fn every<F, Fut>(
    pace: Duration,
    mut stopped: watch::Receiver<bool>,
    bell: Option<Arc<tokio::sync::Notify>>,
    step: F,
) -> JoinHandle<()>
where
    F: Fn() -> Fut + Send + 'static,
    Fut: Future<Output = Result<Option<Duration>, Failure>> + Send,
{
    tokio::spawn(async move {
        let silent = Arc::new(tokio::sync::Notify::new());
        let bell = bell.unwrap_or(silent);
        while !*stopped.borrow() {
            let sooner = step().await.unwrap_or_else(|cause| {
                error!(%cause, "a background step failed; it will be tried again");
                None
            });
            tokio::select! {
                () = tokio::time::sleep(sooner.unwrap_or(pace)) => {}
                () = bell.notified() => {}
                _ = stopped.changed() => {}
            }
        }
    })
}

/// When the engine should look again, if that is before its usual pace: a sender's next turn is a
/// fraction of a second away, and a list of thousands is made of such turns.
async fn next_turn(house: &House, did_anything: bool) -> Result<Option<Duration>, Failure> {
    const SOONEST: Duration = Duration::from_millis(20);
    let Some(next) = house.engine.next_due().await.map_err(Failure::broken)? else {
        return Ok(None);
    };
    let now = house.world.now();
    // What stays due after a step that did nothing is in other hands.
    if next <= now && !did_anything {
        return Ok(None);
    }
    let wait = u64::try_from(next.since(now)).map_or(SOONEST, Duration::from_millis);
    Ok(Some(wait.clamp(SOONEST, ENGINE_EVERY)))
}

/// Sends what is due; true when anything was done.
async fn engine_step(house: &House) -> Result<bool, Failure> {
    let report = house.engine.tick().await.map_err(Failure::broken)?;
    Ok(report.did_anything())
}

/// Webhooks, then attempts and refunds that are due a look; true when anything was done.
async fn payments_step(house: &House) -> Result<bool, Failure> {
    let drained = house.payments.drain_webhooks().await.map_err(Failure::broken)?;
    let swept = house.payments.sweep().await.map_err(Failure::broken)?;
    Ok(drained > 0 || swept != SweepReport::default())
}

/// Goes on with imports that a crash left half applied; true when there were any.
async fn imports_step(house: &House) -> Result<bool, Failure> {
    importing::resume(&house.store, &house.world).await.map_err(Failure::broken)
}

/// Chains audit rows; true when there were any.
async fn notary_step(house: &House) -> Result<bool, Failure> {
    let holder = house.holder.clone();
    let chained = house
        .store
        .write(move |db| {
            let holder = holder.clone();
            Box::pin(async move {
                let name = store::audit::NOTARY_LEASE;
                if !store::lease::claim(db, name, &holder, real_now(), NOTARY_LEASE_MS).await? {
                    return Ok(0);
                }
                let chained = store::consent::chain_next(db).await?;
                Ok(chained + store::audit::chain_next(db).await?)
            })
        })
        .await?;
    Ok(chained > 0)
}

/// Does everything that is due now, in the server and at the stand-ins, until nothing is.
pub async fn settle_down(house: &House) -> Result<(), Failure> {
    for _ in 0..SETTLE_MOST {
        let mut did = false;
        if let Some(demo) = &house.demo {
            did |= demo.sandbox.deliver_due().await.map_err(Failure::broken)? > 0;
        }
        did |= payments_step(house).await?;
        did |= engine_step(house).await?;
        did |= approvals::step(house).await?;
        if !did {
            break;
        }
    }
    while notary_step(house).await? {}
    Ok(())
}

/// Moves the demo's clock to `target`, stopping at each instant something is due on the way.
pub async fn advance(house: &House, demo: &Demo, target: UnixMs) -> Result<(), Failure> {
    settle_down(house).await?;
    let mut waits = 0;
    for _ in 0..STOPS_MOST {
        let now = house.world.now();
        if target <= now {
            break;
        }
        let mut next = next_due(house, demo).await?;
        if next.is_some_and(|at| at <= now) {
            // What is due and was not done is in the background's hands, or in a dead worker's.
            if waits < WAITS_MOST {
                waits += 1;
                tokio::time::sleep(WAIT).await;
                settle_down(house).await?;
                continue;
            }
            next = house.engine.next_message_after(now).await.map_err(Failure::broken)?;
        }
        let stop = next.filter(|at| *at > now && *at < target).unwrap_or(target);
        demo.clock.move_to(stop).map_err(Failure::broken)?;
        settle_down(house).await?;
        if stop == target {
            return Ok(());
        }
    }
    demo.clock.move_to(target).map_err(Failure::broken)?;
    settle_down(house).await
}

/// The earliest instant at which the server or a stand-in has something to do.
async fn next_due(house: &House, demo: &Demo) -> Result<Option<UnixMs>, Failure> {
    let engine = house.engine.next_due().await.map_err(Failure::broken)?;
    let payments = house.payments.next_due().await.map_err(Failure::broken)?;
    let sandbox = demo.sandbox.next_due();
    Ok([engine, payments, sandbox].into_iter().flatten().min())
}
