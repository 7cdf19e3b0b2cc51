//! A simulated town: what happens next, by the dice, and everything that follows from it by itself.
//! Time jumps and workers die; what its people do is in [`crate::people`], [`crate::office`] and
//! [`crate::cadence`], what goes wrong outside in [`crate::carriers`].

use std::{future::poll_fn, pin::pin, task::Poll};

use domain::clock::{DAY_MS, HOUR_MS, MINUTE_MS, UnixMs};
use engine::Engine;
use sandbox::{FaultRule, Vendor};

use crate::{
    Dice, Stage,
    book::Book,
    facts::Facts,
    watch::{self, Watch},
};

/// Rounds of letting due work happen; two parts that wake each other end here.
const ROUNDS: usize = 60;
/// Stops of one advance of the clock.
const STOPS_MOST: usize = 5_000;
/// A worker dies within so many of the waits that its work is made of.
const DIES_WITHIN: u64 = 40;
pub(crate) type Done = Result<(), String>;

pub(crate) struct Town<'a> {
    pub stage: &'a Stage,
    pub dice: Dice,
    pub facts: Facts,
    pub engine: Engine,
    pub watch: Watch,
    /// Faults that were added and not accounted for yet.
    pub scripted: Vec<FaultRule>,
}

impl<'a> Town<'a> {
    pub fn new(stage: &'a Stage, dice: Dice, book: Book) -> Self {
        let facts = Facts { book, ..Facts::default() };
        let (engine, watch) = ((stage.hire)(), Watch::default());
        Self { stage, dice, facts, engine, watch, scripted: Vec::new() }
    }

    /// One thing that somebody does, and everything that follows from it by itself.
    pub async fn step(&mut self) -> (String, Done) {
        if let Err(cause) = self.note_mail_in_dead_hands().await {
            return ("between two steps".into(), Err(cause));
        }
        let (action, done) = self.something_happens().await;
        let done = match done {
            Ok(()) => self.settle().await,
            failed => failed,
        };
        (format!("{action}, at {}", self.stage.world.now()), done)
    }

    async fn something_happens(&mut self) -> (&'static str, Done) {
        match self.dice.roll(46) {
            0..=3 => ("staff send reminders", self.send_reminders().await),
            4..=9 | 40 => ("somebody pays by link", self.pay(false).await),
            10 => ("somebody pays on two devices", self.pay(true).await),
            11 => ("somebody pays on the processor's page", self.pay_by_checkout().await),
            12..=15 => ("somebody texts back", self.text_back().await),
            16 => ("somebody unsubscribes", self.unsubscribe().await),
            17 => ("staff apply a payment", self.apply().await),
            18 => ("staff refund", self.refund().await),
            19 => ("staff place or lift a hold", self.hold().await),
            20..=21 => ("a vendor fails", self.fault()),
            22..=23 => ("a carrier errs", self.carrier_errs()),
            24 => ("a vendor is down for days", self.vendor_is_down().await),
            25 => ("nobody works here for days", self.server_is_down()),
            26 => ("the clock steps back", self.jump(-20 * MINUTE_MS)),
            27..=28 => ("a day passes", self.advance(DAY_MS + HOUR_MS).await),
            29 => ("a day passes, and nobody was there", self.jump(DAY_MS + HOUR_MS)),
            30..=31 => ("a worker dies", self.die().await),
            32..=34 => ("staff work on a job", self.work_on_a_job().await),
            35 => ("staff read the inbox", self.read_the_inbox().await),
            36 => ("staff write to one person", self.write_to_somebody().await),
            37 | 41 => ("a manager changes the profiles", self.change_profiles().await),
            38 => ("somebody gives a number", self.give_a_number().await),
            _ => ("some time passes", self.pass_some_time()),
        }
    }

    /// What must hold after every step.
    pub async fn check(&mut self) -> Done {
        self.watch.check(self.stage, &self.facts).await
    }

    /// Faults end, days pass, everything due is done; then every cent and receipt is in its place.
    pub async fn rest(&mut self) -> Done {
        self.note_mail_in_dead_hands().await?;
        self.note_lost(&[Vendor::Smtp, Vendor::Twilio]);
        self.stage.sandbox.clear_faults().map_err(|e| e.to_string())?;
        self.advance(3 * DAY_MS).await?;
        self.check().await?;
        self.facts.not_reached = self.stage.sandbox.phones_not_reached();
        self.facts.given_up = watch::given_up(self.stage, &self.facts).await?;
        self.watch.check_at_rest(self.stage, &self.facts).await
    }

    /// Does what is due now, at the vendors and here, until nothing is. What arrives is judged at
    /// once: nobody pays and nobody writes STOP in between.
    pub async fn settle(&mut self) -> Done {
        for _ in 0..ROUNDS {
            self.judge_messages().await?;
            let delivered = self.stage.sandbox.deliver_due().await.map_err(|e| e.to_string())?;
            let drained = self.stage.payments.drain_webhooks().await.map_err(|e| e.to_string())?;
            let swept = self.stage.payments.sweep().await.map_err(|e| e.to_string())?;
            let ticked = self.engine.tick().await.map_err(|e| e.to_string())?;
            self.judge_messages().await?;
            let quiet = delivered == 0
                && drained == 0
                && swept == payments::SweepReport::default()
                && !ticked.did_anything();
            if quiet {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Time passes as it does for a server that runs: it stops wherever something is due.
    pub async fn advance(&mut self, by_ms: i64) -> Done {
        let target = self.stage.world.now().plus_ms(by_ms);
        let lease_ms = engine::Options::default().lease_ms;
        for _ in 0..STOPS_MOST {
            let now = self.stage.world.now();
            let next = next_stop(self.next_due().await?, now, lease_ms, target);
            self.jump(next.unwrap_or(target).since(now))?;
            self.settle().await?;
            if next.is_none() {
                return Ok(());
            }
        }
        Err(format!("something is due more than {STOPS_MOST} times before {target}"))
    }

    async fn next_due(&self) -> Result<Option<UnixMs>, String> {
        let engine = self.engine.next_due().await.map_err(|e| e.to_string())?;
        let payments = self.stage.payments.next_due().await.map_err(|e| e.to_string())?;
        Ok([engine, payments, self.stage.sandbox.next_due()].into_iter().flatten().min())
    }

    async fn judge_messages(&mut self) -> Done {
        self.watch.messages(self.stage, &mut self.facts).await
    }

    pub fn jump(&mut self, by_ms: i64) -> Done {
        self.stage.clock.move_to(self.stage.world.now().plus_ms(by_ms));
        // The machine's own clock, by which leases end, only goes forward.
        self.stage.wall.move_to(self.stage.wall().plus_ms(by_ms.abs()));
        Ok(())
    }

    fn pass_some_time(&mut self) -> Done {
        let minutes = i64::try_from(self.dice.roll(300)).unwrap_or_default() + 1;
        self.jump(minutes * MINUTE_MS)
    }

    /// The process ends in the middle of its work: what it had asked for goes on, what it would have
    /// done next does not. Another one takes over.
    async fn die(&mut self) -> Done {
        match self.dice.roll(2) {
            0 => self.send_reminders().await?,
            _ => self.pay(false).await?,
        }
        let waits = self.dice.roll(DIES_WITHIN) + 1;
        let (stage, engine) = (self.stage, self.engine.clone());
        stage.sandbox.deliver_due().await.map_err(|e| e.to_string())?;
        let died = match self.dice.roll(4) {
            0 => cut_off(stage.payments.drain_webhooks(), waits).await.is_none(),
            1 => cut_off(stage.payments.sweep(), waits).await.is_none(),
            _ => {
                stage.payments.drain_webhooks().await.map_err(|e| e.to_string())?;
                cut_off(engine.tick(), waits).await.is_none()
            }
        };
        if died {
            self.facts.played.deaths += 1;
            self.facts.died_at = Some(self.stage.wall());
            self.note_mail_in_dead_hands().await?;
        }
        self.engine = (self.stage.hire)();
        self.judge_messages().await
    }

    /// Nobody knows of a mail in a dead worker's hands whether it went; it is not sent again. What the
    /// worker had asked of the database before it died may be done a moment after its death, so that
    /// one look then is not enough: the next step looks once more, before the lease can have ended.
    async fn note_mail_in_dead_hands(&mut self) -> Done {
        let (practice, mail) = (&self.stage.practice, domain::decide::Channel::Email);
        let mut db = self.stage.store.read().await.map_err(|e| e.to_string())?;
        let sending = store::message::queue::list_sending(&mut db, practice, mail).await;
        self.facts.mail_in_dead_hands.extend(sending.map_err(|e| e.to_string())?);
        Ok(())
    }
}

/// Where time stops on its way to `target`. What is due and was not done is in a dead worker's hands
/// and goes on when the lease has ended: to pass over that would let days go by, at once, in which a
/// living server had finished it and everything behind it.
fn next_stop(due: Option<UnixMs>, now: UnixMs, lease_ms: i64, target: UnixMs) -> Option<UnixMs> {
    let stop = due.map(|at| if at > now { at } else { now.plus_ms(lease_ms) });
    stop.filter(|at| *at < target)
}

/// Drops the work when it has waited so many times; none when it was not done by then.
async fn cut_off<F: Future>(work: F, mut waits: u64) -> Option<F::Output> {
    let mut work = pin!(work);
    poll_fn(|context| {
        if waits == 0 {
            return Poll::Ready(None);
        }
        waits -= 1;
        work.as_mut().poll(context).map(Some)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dead_worker_holds_hides_nothing_that_comes_after_its_lease() {
        let at = |minutes: i64| UnixMs(minutes * MINUTE_MS);
        let stop = |due| next_stop(due, at(10), MINUTE_MS, at(60));
        assert_eq!(stop(Some(at(30))), Some(at(30)));
        assert_eq!(stop(Some(at(10))), Some(at(11)), "not at once to the end");
        assert_eq!(stop(Some(at(5))), Some(at(11)));
        assert_eq!((stop(None), stop(Some(at(60)))), (None, None));
    }
}
