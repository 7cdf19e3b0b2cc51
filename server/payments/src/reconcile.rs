//! The hourly comparison: the processor's own list of payments against ours. It finds money whose
//! every message was lost, intents that nobody will use, refunds and disputes made elsewhere.

use std::collections::BTreeSet;

use connect::gateway::{Intent, IntentStatus};
use domain::{
    clock::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, UnixMs},
    id::{AttemptId, PracticeId},
};
use store::{attempt, merchant, payment, posting};

use crate::{PayError, Payments, Result, Settled, Via, merchants::Desk};

/// The list is by time of creation, and an attempt may be paid until it expires: each comparison
/// looks back over the life of an attempt, and some.
const OVERLAP_MS: i64 = 2 * HOUR_MS;
/// The first comparison looks back so far: as long as the processor remembers our keys.
const FIRST_MS: i64 = DAY_MS + OVERLAP_MS;
/// Pages of a hundred in one comparison. More payments in an hour than this is no practice.
const PAGES_MOST: usize = 50;
/// Young intents are left to their own requests.
const YOUNG_MS: i64 = 5 * MINUTE_MS;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    pub practices: usize,
    pub intents: usize,
    pub settled: usize,
    pub cancelled: usize,
    pub refunds: usize,
    /// Payments with a dispute that began lately.
    pub disputes: usize,
}

impl Payments {
    /// Each practice once an hour, one server at a time.
    pub(crate) async fn compare_hourly(&self) -> Result<Compared> {
        let mut db = self.store().read().await?;
        let practices = store::practice::list(&mut db).await?;
        drop(db);
        let mut compared = Compared::default();
        for practice in practices {
            if !self.is_my_turn(&practice.id).await? {
                continue;
            }
            match self.compare(&practice.id, &mut compared).await {
                Ok(()) => compared.practices += 1,
                // Not set up, or the processor does not answer: next hour.
                Err(PayError::Refused(refusal)) => {
                    tracing::debug!(practice = %practice.id, %refusal, "no comparison");
                }
                Err(cause) => return Err(cause),
            }
        }
        Ok(compared)
    }

    async fn is_my_turn(&self, practice: &PracticeId) -> Result<bool> {
        let now = self.now();
        let name = format!("compare:{practice}");
        // Looking costs less than writing: most ticks are not anybody's turn.
        let mut db = self.store().read().await?;
        let until = merchant::find_compared_until(&mut db, practice).await?;
        drop(db);
        if until.is_some_and(|until| now.since(until) < HOUR_MS && until <= now) {
            return Ok(false);
        }
        // Not set up yet: nothing to compare, and nothing to write about it at each tick.
        match self.desk(practice).await {
            Ok(_) => {}
            Err(PayError::Refused(_)) => return Ok(false),
            Err(cause) => return Err(cause),
        }
        let holder = self.world().mint::<AttemptId>().to_string();
        let is_mine = self
            .store()
            .write(move |db| {
                let (name, holder) = (name.clone(), holder.clone());
                Box::pin(async move {
                    store::lease::claim(db, &name, &holder, now, 10 * MINUTE_MS).await
                })
            })
            .await?;
        Ok(is_mine)
    }

    async fn compare(&self, practice: &PracticeId, compared: &mut Compared) -> Result<()> {
        let desk = self.desk(practice).await?;
        let now = self.now();
        let mut db = self.store().read().await?;
        let until = merchant::find_compared_until(&mut db, practice).await?;
        drop(db);
        let since = match until.filter(|until| *until <= now) {
            Some(until) => until.minus_ms(OVERLAP_MS),
            None => now.minus_ms(FIRST_MS),
        };
        let mut cursor = None;
        for _ in 0..PAGES_MOST {
            let listed = desk.gateway.list_intents(since.0 / SECOND_MS, cursor.as_deref()).await;
            let page = listed.map_err(|cause| {
                tracing::warn!(%practice, %cause, "the processor's list could not be read");
                domain::payment::Refusal::TryAgain
            })?;
            for intent in page.items {
                compared.intents += 1;
                self.compare_intent(&desk, practice, intent, compared).await?;
            }
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        self.compare_disputes_since(&desk, practice, since, compared).await?;
        self.mark_compared(practice, now).await
    }

    /// Disputes that began since then, whose events may never have arrived.
    async fn compare_disputes_since(
        &self,
        desk: &Desk,
        practice: &PracticeId,
        since: UnixMs,
        compared: &mut Compared,
    ) -> Result<()> {
        let (mut cursor, mut intents) = (None, BTreeSet::new());
        for _ in 0..PAGES_MOST {
            let listed = desk.gateway.list_disputes(since.0 / SECOND_MS, cursor.as_deref()).await;
            let page = listed.map_err(|cause| {
                tracing::warn!(%practice, %cause, "the processor's disputes could not be read");
                domain::payment::Refusal::TryAgain
            })?;
            intents.extend(page.items.into_iter().filter_map(|dispute| dispute.intent_id));
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        for intent in intents {
            // Of a payment that is not booked here its intent tells.
            if self.compare_disputes(desk, practice, &intent).await? {
                compared.disputes += 1;
            }
        }
        Ok(())
    }

    async fn mark_compared(&self, practice: &PracticeId, until: UnixMs) -> Result<()> {
        let practice = practice.clone();
        self.store()
            .write(move |db| {
                let practice = practice.clone();
                Box::pin(async move { merchant::mark_compared_until(db, &practice, until).await })
            })
            .await?;
        Ok(())
    }

    async fn compare_intent(
        &self,
        desk: &Desk,
        practice: &PracticeId,
        intent: Intent,
        compared: &mut Compared,
    ) -> Result<()> {
        match intent.status {
            IntentStatus::Succeeded => self.compare_paid(desk, practice, &intent, compared).await,
            _ if intent.status.can_be_cancelled() => {
                self.compare_unpaid(desk, practice, &intent, compared).await
            }
            _ => Ok(()),
        }
    }

    async fn compare_paid(
        &self,
        desk: &Desk,
        practice: &PracticeId,
        intent: &Intent,
        compared: &mut Compared,
    ) -> Result<()> {
        let mut db = self.store().read().await?;
        let known = payment::find_by_intent(&mut db, practice, &intent.id).await?;
        let Some(payment) = known else {
            drop(db);
            // The list says what it said when it was made: the intent itself is asked.
            if let Ok(fetched) = desk.gateway.fetch_intent(&intent.id).await {
                let settled = self.settle(practice, &fetched, &Via::Comparison).await?;
                compared.settled += usize::from(matches!(settled, Settled::New(_)));
            }
            return Ok(());
        };
        let totals = posting::load_totals(&mut db, practice, &payment.id).await?;
        drop(db);
        let gone = payment.captured - totals.at_processor + totals.reserved;
        if intent.refunded > gone {
            self.compare_refunds(desk, practice, &intent.id).await?;
            compared.refunds += 1;
        }
        Ok(())
    }

    /// An intent of an attempt that is over: nobody will confirm it, so nobody shall be able to.
    async fn compare_unpaid(
        &self,
        desk: &Desk,
        practice: &PracticeId,
        intent: &Intent,
        compared: &mut Compared,
    ) -> Result<()> {
        let is_young = self.now().since(UnixMs(intent.created_unix_s * SECOND_MS)) < YOUNG_MS;
        let Some(id) = intent.attempt_id.as_deref().and_then(|id| id.parse::<AttemptId>().ok())
        else {
            return Ok(());
        };
        let mut db = self.store().read().await?;
        let attempt = attempt::find(&mut db, practice, &id).await?;
        drop(db);
        let is_spare = attempt.is_some_and(|a| {
            !a.state.is_open() || a.intent_id.as_ref().is_some_and(|known| known != &intent.id)
        });
        if is_spare && !is_young && desk.gateway.cancel_intent(&intent.id, &id).await.is_ok() {
            compared.cancelled += 1;
        }
        Ok(())
    }
}
