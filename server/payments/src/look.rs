//! Asking the processor how an attempt stands, and taking in what it says. The return page and the
//! sweeper look the same way.

use connect::gateway::{Checkout, CheckoutStatus, GatewayError, Intent, IntentStatus};
use domain::{
    balance::due,
    clock::{DAY_MS, UnixMs},
    id::{AttemptId, GuarantorId, PracticeId},
    money::Cents,
    payment::{AttemptState, DeclineKind, Flow, RECENT_PAYMENT_MS, Refusal},
};
use store::{
    attempt::{self, Attempt, Ending},
    audit::{self, Actor, Entry},
    balance,
    payment::{self, Payment},
};

use crate::{
    Payments, Result, Settled, Via,
    alert::Alert,
    create::{OPEN_LOOK_MS, UNKNOWN_LOOK_MS},
    merchants::Desk,
    take_over::Taken,
};

/// A settled payment, and what remains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub payment: Payment,
    /// Due after it, now.
    pub remaining: Cents,
}

/// How an attempt stands, for the page that the payer comes back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Paid(Box<Receipt>),
    /// "Your bank declined this card. Nothing was charged." The attempt is closed.
    Declined {
        kind: DeclineKind,
        /// Of this account within a day, this one included: after the second, offer other ways.
        declines: i64,
    },
    /// The bank is at work, or the processor has not said.
    Checking {
        since: UnixMs,
    },
    /// The payer has not confirmed.
    Open {
        amount: Cents,
    },
    /// Over without money: cancelled, expired, or refused.
    Over {
        state: AttemptState,
    },
}

impl Payments {
    /// The payer is back. Asks the processor; what the address says counts for nothing.
    pub async fn confirm_returned(
        &self,
        practice: &PracticeId,
        guarantor: &GuarantorId,
        attempt: &AttemptId,
    ) -> Result<Outcome> {
        let attempt = self.find_attempt(practice, guarantor, attempt).await?;
        if !attempt.state.is_open() {
            return self.outcome_of(&attempt).await;
        }
        let desk = self.desk(practice).await?;
        self.look(&desk, &attempt, &Via::Returned).await
    }

    /// "Cancel it" without starting again. Paid after all is an answer too.
    pub async fn cancel(
        &self,
        practice: &PracticeId,
        guarantor: &GuarantorId,
        attempt: &AttemptId,
    ) -> Result<Outcome> {
        let attempt = self.find_attempt(practice, guarantor, attempt).await?;
        if !attempt.state.is_open() {
            return self.outcome_of(&attempt).await;
        }
        let desk = self.desk(practice).await?;
        match self.take_over(&desk, &attempt, AttemptState::Cancelled).await? {
            Taken::Paid(receipt) => Ok(Outcome::Paid(receipt)),
            Taken::Closed => self.outcome_of(&self.reload(&attempt).await?).await,
            Taken::Stuck => Ok(Outcome::Checking { since: attempt.created_at }),
        }
    }

    /// The receipt of a settled attempt of this account.
    pub async fn receipt(
        &self,
        practice: &PracticeId,
        guarantor: &GuarantorId,
        attempt: &AttemptId,
    ) -> Result<Receipt> {
        let mut db = self.store().read().await?;
        let payment = payment::find_by_attempt(&mut db, practice, attempt).await?;
        let payment = payment.filter(|p| &p.guarantor == guarantor).ok_or(Refusal::NotFound)?;
        let facts = balance::load(&mut db, practice, guarantor).await?;
        Ok(Receipt { payment, remaining: due(&facts).due })
    }

    /// "A payment of $82.00 was made 6 minutes ago", newest first (MS9).
    pub async fn recent(
        &self,
        practice: &PracticeId,
        guarantor: &GuarantorId,
    ) -> Result<Vec<Payment>> {
        const NAMED_AT_MOST: i64 = 3;
        let mut db = self.store().read().await?;
        let since = self.now().minus_ms(RECENT_PAYMENT_MS);
        let mut found =
            payment::list_by_guarantor(&mut db, practice, guarantor, NAMED_AT_MOST).await?;
        found.retain(|p| p.received_at >= since);
        Ok(found)
    }

    /// The guarantor's open attempt, for the pay page: "already in progress".
    pub async fn open_attempt(
        &self,
        practice: &PracticeId,
        guarantor: &GuarantorId,
    ) -> Result<Option<Attempt>> {
        let mut db = self.store().read().await?;
        Ok(attempt::find_open(&mut db, practice, guarantor).await?)
    }

    async fn find_attempt(
        &self,
        practice: &PracticeId,
        guarantor: &GuarantorId,
        id: &AttemptId,
    ) -> Result<Attempt> {
        let mut db = self.store().read().await?;
        let attempt = attempt::find(&mut db, practice, id).await?;
        Ok(attempt.filter(|a| &a.guarantor == guarantor).ok_or(Refusal::NotFound)?)
    }

    pub(crate) async fn reload(&self, attempt: &Attempt) -> Result<Attempt> {
        self.find_attempt(&attempt.practice, &attempt.guarantor, &attempt.id).await
    }

    /// Asks, and takes in the answer.
    pub(crate) async fn look(&self, desk: &Desk, attempt: &Attempt, via: &Via) -> Result<Outcome> {
        if !attempt.state.is_open() {
            return self.outcome_of(attempt).await;
        }
        let Some(id) = &attempt.processor_id else {
            return Ok(match attempt.state {
                AttemptState::Unknown => Outcome::Checking { since: attempt.created_at },
                _ => Outcome::Open { amount: attempt.amount },
            });
        };
        match attempt.flow {
            Flow::Element => match desk.gateway.fetch_intent(id).await {
                Ok(intent) => self.take_in(desk, attempt, intent, via).await,
                Err(cause) => self.take_in_silence(attempt, cause).await,
            },
            Flow::Checkout => match desk.gateway.fetch_checkout(id).await {
                Ok(checkout) => self.take_in_checkout(desk, attempt, checkout, via).await,
                Err(cause) => self.take_in_silence(attempt, cause).await,
            },
        }
    }

    pub(crate) async fn take_in(
        &self,
        desk: &Desk,
        attempt: &Attempt,
        intent: Intent,
        via: &Via,
    ) -> Result<Outcome> {
        let waiting = Outcome::Checking { since: attempt.created_at };
        match &intent.status {
            IntentStatus::Succeeded => match self.settle(&attempt.practice, &intent, via).await? {
                Settled::New(payment) | Settled::Already(payment) => {
                    Ok(Outcome::Paid(Box::new(self.receipt_of(payment).await?)))
                }
                // Money lies at the processor that does not fit: no second payment until a person
                // has looked.
                Settled::Quarantined(_) => {
                    self.mark_state(attempt, AttemptState::Unknown, DAY_MS).await?;
                    Ok(waiting)
                }
            },
            IntentStatus::Canceled => {
                self.close_unpaid(attempt, &intent, AttemptState::Cancelled).await
            }
            IntentStatus::Processing | IntentStatus::RequiresCapture => {
                self.mark_state(attempt, AttemptState::Processing, OPEN_LOOK_MS).await?;
                Ok(waiting)
            }
            IntentStatus::Unrecognised(status) => {
                tracing::warn!(attempt = %attempt.id, status, "an intent status we do not know");
                self.mark_state(attempt, AttemptState::Unknown, OPEN_LOOK_MS).await?;
                Ok(waiting)
            }
            IntentStatus::RequiresPaymentMethod if was_declined(&intent, attempt, via) => {
                self.end_declined(desk, attempt).await
            }
            IntentStatus::RequiresPaymentMethod
            | IntentStatus::RequiresConfirmation
            | IntentStatus::RequiresAction => {
                self.mark_state(attempt, AttemptState::Open, OPEN_LOOK_MS).await?;
                Ok(Outcome::Open { amount: attempt.amount })
            }
        }
    }

    /// A decline keeps the intent confirmable: it is over only when the processor has cancelled it
    /// (decision 1).
    async fn end_declined(&self, desk: &Desk, attempt: &Attempt) -> Result<Outcome> {
        match self.take_over(desk, attempt, AttemptState::Declined).await? {
            Taken::Closed => self.outcome_of(&self.reload(attempt).await?).await,
            Taken::Paid(receipt) => Ok(Outcome::Paid(receipt)),
            Taken::Stuck => Ok(Outcome::Checking { since: attempt.created_at }),
        }
    }

    /// The processor has cancelled it: the attempt is over.
    pub(crate) async fn close_unpaid(
        &self,
        attempt: &Attempt,
        intent: &Intent,
        state: AttemptState,
    ) -> Result<Outcome> {
        let decline_code = intent
            .last_decline
            .clone()
            .map(|d| d.decline_code.or(d.code).unwrap_or_else(|| "card_declined".into()));
        let state = if decline_code.is_some() { AttemptState::Declined } else { state };
        self.close(attempt, state, Ending { decline_code, failure: None }).await?;
        self.outcome_of(&self.reload(attempt).await?).await
    }

    pub(crate) async fn take_in_checkout(
        &self,
        desk: &Desk,
        attempt: &Attempt,
        checkout: Checkout,
        via: &Via,
    ) -> Result<Outcome> {
        if let (CheckoutStatus::Complete, Some(intent_id)) = (checkout.status, &checkout.intent_id)
        {
            return match desk.gateway.fetch_intent(intent_id).await {
                Ok(intent) => self.take_in(desk, attempt, intent, via).await,
                Err(cause) => self.take_in_silence(attempt, cause).await,
            };
        }
        match checkout.status {
            CheckoutStatus::Open => {
                self.mark_state(attempt, AttemptState::Open, OPEN_LOOK_MS).await?;
                Ok(Outcome::Open { amount: attempt.amount })
            }
            CheckoutStatus::Expired => {
                self.close(attempt, AttemptState::Expired, Ending::default()).await?;
                self.outcome_of(&self.reload(attempt).await?).await
            }
            CheckoutStatus::Complete => {
                self.mark_state(attempt, AttemptState::Processing, OPEN_LOOK_MS).await?;
                Ok(Outcome::Checking { since: attempt.created_at })
            }
        }
    }

    /// No usable answer: unknown, never failed.
    pub(crate) async fn take_in_silence(
        &self,
        attempt: &Attempt,
        cause: GatewayError,
    ) -> Result<Outcome> {
        tracing::warn!(attempt = %attempt.id, %cause, "asking about a payment failed");
        if matches!(cause, GatewayError::Unauthorized | GatewayError::NotFound) {
            self.alert(Alert::processor_refused(attempt, &cause.to_string())).await?;
        }
        self.mark_state(attempt, AttemptState::Unknown, UNKNOWN_LOOK_MS).await?;
        Ok(Outcome::Checking { since: attempt.created_at })
    }

    /// From our own row.
    pub(crate) async fn outcome_of(&self, attempt: &Attempt) -> Result<Outcome> {
        match attempt.state {
            AttemptState::Succeeded => {
                let receipt =
                    self.receipt(&attempt.practice, &attempt.guarantor, &attempt.id).await?;
                Ok(Outcome::Paid(Box::new(receipt)))
            }
            AttemptState::Declined => {
                let mut db = self.store().read().await?;
                let since = self.now().minus_ms(DAY_MS);
                let (practice, guarantor) = (&attempt.practice, &attempt.guarantor);
                let declines = attempt::count_declined(&mut db, practice, guarantor, since).await?;
                let code = attempt.decline_code.as_deref().unwrap_or_default();
                Ok(Outcome::Declined { kind: DeclineKind::of(code), declines })
            }
            AttemptState::Processing | AttemptState::Unknown => {
                Ok(Outcome::Checking { since: attempt.created_at })
            }
            AttemptState::Draft | AttemptState::Open => {
                Ok(Outcome::Open { amount: attempt.amount })
            }
            state @ (AttemptState::Cancelled | AttemptState::Expired | AttemptState::Refused) => {
                Ok(Outcome::Over { state })
            }
        }
    }

    pub(crate) async fn receipt_of(&self, payment: Payment) -> Result<Receipt> {
        let mut db = self.store().read().await?;
        let facts = balance::load(&mut db, &payment.practice, &payment.guarantor).await?;
        Ok(Receipt { payment, remaining: due(&facts).due })
    }

    /// Moves an open attempt among the open states, to be looked at again after `look_ms`.
    pub(crate) async fn mark_state(
        &self,
        attempt: &Attempt,
        state: AttemptState,
        look_ms: i64,
    ) -> Result<()> {
        let (practice, id) = (attempt.practice.clone(), attempt.id.clone());
        let next_look_at = self.now().plus_ms(look_ms.max(backoff_ms(attempt.looks)));
        self.store()
            .write(move |db| {
                let (practice, id) = (practice.clone(), id.clone());
                Box::pin(async move {
                    attempt::mark_open(db, &practice, &id, state, next_look_at).await?;
                    Ok(())
                })
            })
            .await?;
        Ok(())
    }

    /// Ends an open attempt without money, with its audit row. False when it had ended before, or is
    /// no longer the one we looked at.
    pub(crate) async fn close(
        &self,
        attempt: &Attempt,
        state: AttemptState,
        ending: Ending,
    ) -> Result<bool> {
        let (me, attempt) = (self.clone(), attempt.clone());
        let is_ours = self
            .store()
            .write(move |db| {
                let (me, attempt, ending) = (me.clone(), attempt.clone(), ending.clone());
                Box::pin(async move {
                    let (practice, now) = (&attempt.practice, me.now());
                    let (id, seen) = (&attempt.id, attempt.processor_id.as_deref());
                    let closed =
                        attempt::mark_closed(db, practice, id, seen, state, &ending, now).await?;
                    if closed {
                        let why = ending.decline_code.or(ending.failure).unwrap_or_default();
                        let actor = Actor::System("payments");
                        let entry = Entry::new(
                            practice,
                            actor,
                            "pay.close",
                            "attempt",
                            attempt.id.as_str(),
                        )
                        .about(&attempt.guarantor)
                        .with(format!("{} {why}", state.as_str()));
                        audit::insert(db, me.world(), &entry).await?;
                    }
                    Ok(closed)
                })
            })
            .await?;
        if is_ours {
            metrics::counter!("clearbill_attempts_closed_total", "state" => state.as_str())
                .increment(1);
        }
        Ok(is_ours)
    }
}

/// Looks come later and later, and never later than five minutes: what the processor has settled is
/// booked within fifteen (R25).
fn backoff_ms(looks: i64) -> i64 {
    const LONGEST_MS: i64 = 5 * 60 * 1_000;
    const FIRST_MS: i64 = 2_500;
    FIRST_MS.saturating_mul(1 << looks.clamp(0, 10)).min(LONGEST_MS)
}

/// A decline is final only when the payer comes back with it. On the processor's page, and while
/// only webhooks tell of it, the payer may be typing the next card.
fn was_declined(intent: &Intent, attempt: &Attempt, via: &Via) -> bool {
    let is_told_by_payer = matches!(via, Via::Returned | Via::TakeOver);
    intent.last_decline.is_some() && attempt.flow == Flow::Element && is_told_by_payer
}
