//! The only function that posts a payment. It is given an intent as fetched from the processor, and
//! books it once: attempt, payment, ledger, receipt and audit in one transaction.

use connect::gateway::{Intent, IntentStatus};
use domain::{
    id::{AttemptId, PaymentId, PracticeId},
    money::Cents,
    payment::Refusal,
    points::Point,
};
use store::{
    Db, StoreError,
    attempt::{self, Attempt},
    audit::{self, Actor, Entry as AuditEntry},
    balance, effect,
    payment::{self, Payment},
    posting::{self, Entry, JournalKind, NewJournal},
    webhook,
};

use crate::{Payments, Result, alert::Alert, merchants::Desk};

/// Who brought the news. It changes nothing of what is booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Via {
    /// Submit Payment met a payment that was already there.
    Start,
    Returned,
    TakeOver,
    Sweep,
    /// The hourly comparison with the processor's own list.
    Comparison,
    /// An event of the inbox, which ends in the same transaction.
    Webhook {
        event_id: String,
    },
}

impl Via {
    fn as_str(&self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Returned => "return",
            Self::TakeOver => "take_over",
            Self::Sweep => "sweep",
            Self::Comparison => "comparison",
            Self::Webhook { .. } => "webhook",
        }
    }
}

/// Why money was not booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quarantine {
    /// Carries no attempt id: not made by us.
    NotOurs,
    /// Names an attempt this practice does not have.
    UnknownAttempt,
    /// The attempt has another intent, and that one is booked or known.
    OtherIntent,
    WrongAmount,
    WrongCurrency,
    /// Test money for a live practice, or the other way round.
    WrongMode,
    /// An event of another account.
    WrongAccount,
}

impl Quarantine {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotOurs => "not_ours",
            Self::UnknownAttempt => "unknown_attempt",
            Self::OtherIntent => "other_intent",
            Self::WrongAmount => "wrong_amount",
            Self::WrongCurrency => "wrong_currency",
            Self::WrongMode => "wrong_mode",
            Self::WrongAccount => "wrong_account",
        }
    }
}

#[derive(Clone, Debug)]
pub enum Settled {
    New(Payment),
    /// Somebody was faster, or it is the same news again.
    Already(Payment),
    /// A person was told.
    Quarantined(Quarantine),
}

/// References collide once in a trillion; three tries make that never.
const REFERENCE_TRIES: usize = 3;

impl Payments {
    /// Books a succeeded intent of this practice. `intent` comes from the gateway and nowhere else.
    pub async fn settle(
        &self,
        practice: &PracticeId,
        intent: &Intent,
        via: &Via,
    ) -> Result<Settled> {
        let desk = self.desk(practice).await?;
        let attempt = match self.attempt_of(practice, intent).await? {
            Ok(attempt) => attempt,
            Err(why) => return self.quarantine(practice, &intent.id, why).await,
        };
        if let Some(payment) = self.find_settled(practice, intent).await? {
            return Ok(Settled::Already(payment));
        }
        if let Err(why) = check(&desk, &attempt, intent) {
            return self.quarantine(practice, &intent.id, why).await;
        }
        self.reach(Point::PaymentFetched);
        for _ in 0..REFERENCE_TRIES {
            match self.book(&attempt, intent, via).await {
                Ok(Some(payment)) => {
                    self.reach(Point::PaymentBooked);
                    metrics::counter!("clearbill_payments_settled_total", "via" => via.as_str())
                        .increment(1);
                    self.wake();
                    return Ok(Settled::New(payment));
                }
                // A race with the same news, lost; or a reference that exists.
                Ok(None) | Err(StoreError::Duplicate) => {
                    if let Some(payment) = self.find_settled(practice, intent).await? {
                        return Ok(Settled::Already(payment));
                    }
                    if self.is_settled_otherwise(practice, &attempt).await? {
                        let why = Quarantine::OtherIntent;
                        return self.quarantine(practice, &intent.id, why).await;
                    }
                }
                Err(cause) => return Err(cause.into()),
            }
        }
        Err(StoreError::Duplicate.into())
    }

    async fn attempt_of(
        &self,
        practice: &PracticeId,
        intent: &Intent,
    ) -> Result<std::result::Result<Attempt, Quarantine>> {
        let Some(id) = &intent.attempt_id else { return Ok(Err(Quarantine::NotOurs)) };
        let Ok(id) = id.parse::<AttemptId>() else { return Ok(Err(Quarantine::NotOurs)) };
        let mut db = self.store().read().await?;
        let attempt = attempt::find(&mut db, practice, &id).await?;
        Ok(attempt.ok_or(Quarantine::UnknownAttempt))
    }

    async fn find_settled(
        &self,
        practice: &PracticeId,
        intent: &Intent,
    ) -> Result<Option<Payment>> {
        let mut db = self.store().read().await?;
        Ok(payment::find_by_intent(&mut db, practice, &intent.id).await?)
    }

    async fn is_settled_otherwise(&self, practice: &PracticeId, attempt: &Attempt) -> Result<bool> {
        let mut db = self.store().read().await?;
        Ok(payment::find_by_attempt(&mut db, practice, &attempt.id).await?.is_some())
    }

    pub(crate) async fn quarantine(
        &self,
        practice: &PracticeId,
        object: &str,
        why: Quarantine,
    ) -> Result<Settled> {
        tracing::error!(%practice, object, why = why.as_str(), "money in quarantine");
        self.alert(Alert::quarantined(practice, object, why)).await?;
        Ok(Settled::Quarantined(why))
    }

    async fn book(
        &self,
        attempt: &Attempt,
        intent: &Intent,
        via: &Via,
    ) -> store::Result<Option<Payment>> {
        let payment = self.payment_of(attempt, intent);
        let (me, attempt, via) = (self.clone(), attempt.clone(), via.clone());
        self.store()
            .write(move |db| {
                let (me, attempt) = (me.clone(), attempt.clone());
                let (via, payment) = (via.clone(), payment.clone());
                Box::pin(async move {
                    let is_first = me.write_payment(db, &attempt, &payment, &via).await?;
                    Ok(is_first.then_some(payment))
                })
            })
            .await
    }

    /// The transaction. The compare-and-set on the attempt decides who books.
    async fn write_payment(
        &self,
        db: &mut Db,
        attempt: &Attempt,
        payment: &Payment,
        via: &Via,
    ) -> store::Result<bool> {
        let (practice, guarantor, now) = (&payment.practice, &payment.guarantor, self.now());
        balance::lock(db, practice, guarantor, Some(now)).await?;
        if !attempt::mark_succeeded(db, practice, &attempt.id, &payment.intent_id, now).await? {
            return Ok(false);
        }
        payment::insert(db, payment).await?;
        let actor = Actor::System("settle");
        let journal = NewJournal {
            practice,
            guarantor,
            payment: &payment.id,
            kind: JournalKind::Capture,
            reverses: None,
            actor: &actor.label(),
            entries: vec![Entry::processor(payment.captured), Entry::unapplied(-payment.captured)],
        };
        posting::insert(db, self.world(), &journal).await?;
        self.write_receipt(db, payment).await?;
        let entry = AuditEntry::new(practice, actor, "pay.settle", "payment", payment.id.as_str())
            .about(guarantor)
            .with(format!("{} cents via {}", payment.captured.0, via.as_str()));
        audit::insert(db, self.world(), &entry).await?;
        if !attempt.state.is_open() {
            self.write_alert(db, &Alert::paid_after_close(payment)).await?;
        }
        if let Via::Webhook { event_id } = via {
            webhook::mark_done(db, practice, crate::inbox::VENDOR, event_id, "settled", now)
                .await?;
        }
        Ok(true)
    }

    async fn write_receipt(&self, db: &mut Db, payment: &Payment) -> store::Result<()> {
        let due = effect::ReceiptDue {
            payment: payment.id.to_string(),
            attempt: payment.attempt.to_string(),
        };
        let payload =
            serde_json::to_string(&due).map_err(|_| StoreError::Corrupt("effect.payload"))?;
        let key = format!("{}:{}", effect::RECEIPT, payment.id);
        let (practice, guarantor) = (&payment.practice, &payment.guarantor);
        effect::insert(db, self.world(), practice, guarantor, effect::RECEIPT, &key, &payload)
            .await?;
        Ok(())
    }

    fn payment_of(&self, attempt: &Attempt, intent: &Intent) -> Payment {
        let card = intent.card.clone();
        Payment {
            id: self.world().mint::<PaymentId>(),
            practice: attempt.practice.clone(),
            guarantor: attempt.guarantor.clone(),
            attempt: attempt.id.clone(),
            intent_id: intent.id.clone(),
            charge_id: intent.latest_charge.clone(),
            captured: intent.amount_received,
            currency: attempt.currency.clone(),
            source: attempt.source,
            brand: card.as_ref().map(|c| c.brand.clone()),
            last4: card.map(|c| c.last4),
            reference: self.new_reference(),
            received_at: self.now(),
            posted_at: None,
            posted_by: None,
            disputed_at: None,
            dispute: None,
            version: 1,
        }
    }

    /// Eight letters and digits that survive the telephone, as `4F7K-2M9P`.
    fn new_reference(&self) -> String {
        // Crockford's alphabet: no I, L, O, U.
        const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let mut bits = self.world().chance.next_u64();
        let mut text = String::with_capacity(9);
        for at in 0..8 {
            if at == 4 {
                text.push('-');
            }
            let letter = usize::try_from(bits & 31).unwrap_or_default();
            text.push(char::from(ALPHABET[letter]));
            bits >>= 5;
        }
        text
    }

    /// The payment of this practice, for those who act on one.
    pub(crate) async fn find_payment(
        &self,
        practice: &PracticeId,
        id: &PaymentId,
    ) -> Result<Payment> {
        let mut db = self.store().read().await?;
        Ok(payment::find(&mut db, practice, id).await?.ok_or(Refusal::NotFound)?)
    }
}

/// Against our own row, not against what anybody says (R21).
fn check(desk: &Desk, attempt: &Attempt, intent: &Intent) -> std::result::Result<(), Quarantine> {
    let other = |known: &Option<String>| known.as_ref().is_some_and(|id| id != &intent.id);
    let is_other = match attempt.flow {
        domain::payment::Flow::Element => other(&attempt.processor_id) || other(&attempt.intent_id),
        domain::payment::Flow::Checkout => other(&attempt.intent_id),
    };
    if is_other {
        Err(Quarantine::OtherIntent)
    } else if intent.status != IntentStatus::Succeeded
        || intent.amount != attempt.amount
        || intent.amount_received != attempt.amount
        || intent.amount_received <= Cents::ZERO
    {
        Err(Quarantine::WrongAmount)
    } else if !intent.currency.eq_ignore_ascii_case(&attempt.currency) {
        Err(Quarantine::WrongCurrency)
    } else if intent.livemode != desk.merchant.livemode {
        Err(Quarantine::WrongMode)
    } else {
        Ok(())
    }
}
