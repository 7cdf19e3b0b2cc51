//! One step of the engine: everything that is due at this instant, in bounded rounds. A server runs
//! it in a dull loop; a test and the demo's clock call it themselves.

use std::collections::BTreeMap;

use domain::{
    clock::UnixMs,
    decide::Channel,
    id::{MessageId, PracticeId},
    practice::Practice,
};
use futures_util::{StreamExt, stream};
use store::{
    effect,
    message::{self, State, queue},
};

use crate::{Engine, Result, delivery::Step};

/// What a tick did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TickReport {
    pub sent: usize,
    /// Waits for a window, a cap or an event.
    pub deferred: usize,
    /// Waits for its sender's next turn.
    pub paced: usize,
    pub withheld: usize,
    pub refused: usize,
    pub retried: usize,
    pub unknown: usize,
    /// Faxes under way that were asked after.
    pub asked_after: usize,
    /// Accounts looked at again after an event.
    pub checked: usize,
    /// Accounts whose ladder was looked at, and steps of taking accounts in after an activation.
    pub climbed: usize,
    pub enrolled: usize,
    /// Accounts looked at for something agreed that they are to be told of.
    pub agreed: usize,
    pub receipts: usize,
    pub resumed: usize,
}

impl TickReport {
    /// False when there was nothing to do.
    pub fn did_anything(&self) -> bool {
        *self != Self::default()
    }

    fn add(&mut self, step: &Step) {
        let word = match step {
            Step::Sent => "sent",
            Step::Deferred => "deferred",
            Step::NoTurn(_) => "paced",
            Step::Withheld => "withheld",
            Step::Refused => "refused",
            Step::Retried => "retried",
            Step::Unknown => "unknown",
            Step::AskedAfter => "asked_after",
            Step::Gone => return,
        };
        metrics::counter!("clearbill_messages_total", "outcome" => word).increment(1);
        match step {
            Step::Sent => self.sent += 1,
            Step::Deferred => self.deferred += 1,
            Step::NoTurn(_) => self.paced += 1,
            Step::Withheld => self.withheld += 1,
            Step::Refused => self.refused += 1,
            Step::Retried => self.retried += 1,
            Step::Unknown => self.unknown += 1,
            Step::AskedAfter => self.asked_after += 1,
            Step::Gone => {}
        }
    }
}

impl Engine {
    /// Does what is due now: half-finished jobs, accounts to look at, receipts, messages.
    pub async fn tick(&self) -> Result<TickReport> {
        let mut report = TickReport {
            resumed: self.resume_jobs().await?,
            checked: self.check_accounts().await?,
            enrolled: self.enrol().await?,
            climbed: self.climb().await?,
            agreed: self.tell_agreed().await?,
            receipts: self.drain_receipts().await?,
            ..TickReport::default()
        };
        for _ in 0..self.options().rounds {
            let claimed = self.claim().await?;
            if claimed.is_empty() {
                break;
            }
            let mut by_practice: BTreeMap<PracticeId, Vec<queue::Claimed>> = BTreeMap::new();
            for one in claimed {
                by_practice.entry(one.practice.clone()).or_default().push(one);
            }
            for (id, claimed) in by_practice {
                let practice = self.practice(&id).await?;
                self.work_off(&practice, claimed, &mut report).await?;
            }
        }
        Ok(report)
    }

    /// The next instant at which [`Engine::tick`] has something to do, after doing all of now.
    pub async fn next_due(&self) -> Result<Option<UnixMs>> {
        let mut db = self.store().read().await?;
        let instants = [
            queue::find_next(&mut db).await?,
            store::guarantor::find_next_check(&mut db).await?,
            store::ladder::find_next(&mut db).await?,
            store::arrangement::find_next(&mut db).await?,
            effect::find_next(&mut db, effect::RECEIPT).await?,
            effect::find_next(&mut db, effect::REFUND).await?,
        ];
        Ok(instants.into_iter().flatten().min())
    }

    /// The next instant after `now` at which a message wants work, whatever is overdue.
    pub async fn next_message_after(&self, now: UnixMs) -> Result<Option<UnixMs>> {
        let mut db = self.store().read().await?;
        Ok(queue::find_next_after(&mut db, now).await?)
    }

    async fn claim(&self) -> Result<Vec<queue::Claimed>> {
        let (holder, now) = (self.holder.clone(), self.now());
        let wall = self.parts.wall.now();
        let until = wall.plus_ms(self.options().lease_ms);
        let limit = self.options().batch;
        let claimed = self
            .store()
            .write(move |db| {
                let holder = holder.clone();
                Box::pin(
                    async move { queue::claim_due(db, &holder, now, wall, until, limit).await },
                )
            })
            .await?;
        Ok(claimed)
    }

    async fn work_off(
        &self,
        practice: &Practice,
        claimed: Vec<queue::Claimed>,
        report: &mut TickReport,
    ) -> Result<()> {
        let mut left: Vec<queue::Claimed> = claimed;
        while !left.is_empty() {
            let rest = left.split_off(left.len().min(self.options().together));
            let now_working = std::mem::replace(&mut left, rest);
            let steps: Vec<(MessageId, Result<Step>)> = stream::iter(now_working)
                .map(|one| async move {
                    let step = match one.state {
                        State::Sending | State::Unknown => self.look(practice, &one.id).await,
                        State::Accepted => self.ask_after(practice, &one.id).await,
                        _ => self.deliver(practice, &one.id).await,
                    };
                    (one.id, step)
                })
                .buffer_unordered(self.options().together)
                .collect()
                .await;
            let mut no_turn = None;
            for (_, step) in steps {
                let step = step?;
                if let Step::NoTurn(free_at) = step {
                    no_turn = Some(free_at);
                }
                report.add(&step);
            }
            // The sender is busy: the rest gets the turns after that one instead of trying in vain.
            if let Some(free_at) = no_turn {
                left = self.pace(practice, left, free_at, report).await?;
            }
        }
        Ok(())
    }

    /// Spreads the waiting ones over the sender's next turns; returns what is not paced.
    async fn pace(
        &self,
        practice: &Practice,
        claimed: Vec<queue::Claimed>,
        free_at: UnixMs,
        report: &mut TickReport,
    ) -> Result<Vec<queue::Claimed>> {
        let (waiting, others): (Vec<_>, Vec<_>) =
            claimed.into_iter().partition(|one| one.state == State::Queued);
        if waiting.is_empty() {
            return Ok(others);
        }
        let ids: Vec<MessageId> = waiting.iter().map(|one| one.id.clone()).collect();
        let mut db = self.store().read().await?;
        let messages = message::load_many(&mut db, &practice.id, &ids).await?;
        drop(db);
        let interval = |channel| match channel {
            Channel::Email => self.options().email_interval_ms,
            Channel::Text | Channel::Voice | Channel::Fax | Channel::Letter => {
                self.options().text_interval_ms
            }
        };
        let mut turn: BTreeMap<Channel, UnixMs> = BTreeMap::new();
        let slots: Vec<(MessageId, UnixMs)> = ids
            .iter()
            .filter_map(|id| {
                let channel = messages.get(id)?.channel;
                let at = turn.entry(channel).or_insert(free_at);
                *at = at.plus_ms(interval(channel));
                Some((id.clone(), *at))
            })
            .collect();
        report.paced += slots.len();
        let pid = practice.id.clone();
        self.store()
            .write(move |db| {
                let (pid, slots) = (pid.clone(), slots.clone());
                Box::pin(async move {
                    for (id, at) in &slots {
                        queue::mark_paced(db, &pid, id, *at).await?;
                    }
                    Ok(())
                })
            })
            .await?;
        Ok(others)
    }
}
