//! What never came back is fetched: attempts, refunds and disputes whose outcome is open, and once an
//! hour the processor's own list. Several servers share the rows by claims; a tick has
//! limits, and what is left comes with the next.

use domain::{
    clock::{DAY_MS, HOUR_MS, MINUTE_MS},
    payment::{AttemptState, Flow},
};
use futures_util::{StreamExt, stream};
use store::{
    attempt::{self, Attempt},
    refund::{self, Refund},
};

use crate::{
    Outcome, PayError, Payments, Result, Started, Via, alert::Alert, reconcile::Compared,
    take_over::Taken,
};

/// Attempts and refunds of one tick. The processor takes 100 calls a second; a tick comes each few
/// seconds.
const BATCH: i64 = 64;
const AT_ONCE: usize = 8;
/// A claimed row comes up again after this, should the server die over it.
const CLAIM_MS: i64 = MINUTE_MS;
/// After a day without an answer a person is told, and it is asked every hour.
const LONG_MS: i64 = DAY_MS;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SweepReport {
    pub attempts_looked_at: usize,
    pub settled: usize,
    pub closed: usize,
    pub refunds_looked_at: usize,
    pub disputes_looked_at: usize,
    pub compared: Compared,
    /// Rows whose look failed inside; they come again.
    pub failed: usize,
}

/// What a look at an attempt led to.
enum Look {
    Settled,
    Closed,
    Open,
    Failed,
    /// Somebody else looks.
    Taken,
}

impl Payments {
    /// When the next look, retry or event is due; the demo's clock steps through these.
    pub async fn next_due(&self) -> Result<Option<domain::clock::UnixMs>> {
        let mut db = self.store().read().await?;
        Ok(store::attempt::find_next_due(&mut db).await?)
    }

    /// One tick, by business time. Run it each few seconds; a second one at the same time in this
    /// process does nothing.
    pub async fn sweep(&self) -> Result<SweepReport> {
        let Ok(_alone) = self.inner.sweeping.try_lock() else { return Ok(SweepReport::default()) };
        let mut report = SweepReport::default();
        self.sweep_attempts(&mut report).await?;
        self.sweep_refunds(&mut report).await?;
        report.disputes_looked_at = self.sweep_disputes().await?;
        report.compared = self.compare_hourly().await?;
        Ok(report)
    }

    async fn sweep_attempts(&self, report: &mut SweepReport) -> Result<()> {
        let mut db = self.store().read().await?;
        let due = attempt::list_due(&mut db, self.now(), BATCH).await?;
        drop(db);
        let mut looks =
            stream::iter(due).map(|attempt| self.sweep_attempt(attempt)).buffer_unordered(AT_ONCE);
        while let Some(look) = looks.next().await {
            match look {
                Look::Taken => continue,
                Look::Settled => report.settled += 1,
                Look::Closed => report.closed += 1,
                Look::Failed => report.failed += 1,
                Look::Open => {}
            }
            report.attempts_looked_at += 1;
        }
        Ok(())
    }

    async fn sweep_attempt(&self, attempt: Attempt) -> Look {
        let id = attempt.id.clone();
        match self.claim_and_look(attempt).await {
            Ok(look) => look,
            Err(cause) => {
                tracing::warn!(attempt = %id, %cause, "a look at a payment failed");
                Look::Failed
            }
        }
    }

    async fn claim_and_look(&self, attempt: Attempt) -> Result<Look> {
        let (seen, until) = (attempt.clone(), self.now().plus_ms(CLAIM_MS));
        let is_ours = self
            .store()
            .write(move |db| {
                let seen = seen.clone();
                Box::pin(async move { attempt::claim_look(db, &seen, until).await })
            })
            .await?;
        if !is_ours {
            return Ok(Look::Taken);
        }
        let attempt = self.reload(&attempt).await?;
        if !attempt.state.is_open() {
            return Ok(Look::Closed);
        }
        let look = self.bring_on(&attempt).await?;
        if matches!(look, Look::Open) {
            self.mind_age(&attempt).await?;
        }
        Ok(look)
    }

    /// Abandoned ones are cancelled, the others asked about.
    async fn bring_on(&self, attempt: &Attempt) -> Result<Look> {
        let desk = self.desk(&attempt.practice).await?;
        let is_abandoned = attempt.expires_at <= self.now();
        if is_abandoned && attempt.state != AttemptState::Processing {
            return Ok(match self.take_over(&desk, attempt, AttemptState::Expired).await? {
                Taken::Closed => Look::Closed,
                Taken::Paid(_) => Look::Settled,
                Taken::Stuck => Look::Open,
            });
        }
        if attempt.processor_id.is_none() && attempt.flow == Flow::Element {
            // The same key asks the same question: did you make it?
            return Ok(match self.create(&desk, attempt.clone(), None).await {
                Ok(Started::Paid(_)) => Look::Settled,
                Ok(Started::Over { .. }) => Look::Closed,
                Ok(_) | Err(PayError::Refused(_)) => Look::Open,
                Err(cause) => return Err(cause),
            });
        }
        Ok(match self.look(&desk, attempt, &Via::Sweep).await? {
            Outcome::Paid(_) => Look::Settled,
            Outcome::Declined { .. } | Outcome::Over { .. } => Look::Closed,
            Outcome::Checking { .. } | Outcome::Open { .. } => Look::Open,
        })
    }

    async fn mind_age(&self, attempt: &Attempt) -> Result<()> {
        if self.now().since(attempt.created_at) < LONG_MS {
            return Ok(());
        }
        self.alert(Alert::unknown_for_long(attempt)).await?;
        let fresh = self.reload(attempt).await?;
        if fresh.state.is_open() {
            self.mark_state(&fresh, fresh.state, HOUR_MS).await?;
        }
        Ok(())
    }

    async fn sweep_refunds(&self, report: &mut SweepReport) -> Result<()> {
        let mut db = self.store().read().await?;
        let due = refund::list_due(&mut db, self.now(), BATCH).await?;
        drop(db);
        for refund in due {
            match self.sweep_refund(&refund).await {
                Ok(true) => report.refunds_looked_at += 1,
                Ok(false) => {}
                Err(cause) => {
                    tracing::warn!(refund = %refund.id, %cause, "a look at a refund failed");
                    report.failed += 1;
                }
            }
        }
        Ok(())
    }

    async fn sweep_refund(&self, refund: &Refund) -> Result<bool> {
        let wait = MINUTE_MS.saturating_mul(1 << refund.looks.clamp(0, 6));
        let (seen, until) = (refund.clone(), self.now().plus_ms(wait));
        let is_ours = self
            .store()
            .write(move |db| {
                let seen = seen.clone();
                Box::pin(async move { refund::claim_look(db, &seen, until).await })
            })
            .await?;
        if is_ours {
            self.look_at_refund(refund).await?;
        }
        Ok(is_ours)
    }
}
