//! Refunds: of unapplied money, to the card it came from, with a reason (D-21, D-27). Reserved in a
//! transaction first, asked of the processor second, posted when it says so.

use connect::gateway::{
    self, GatewayError, NewRefund as GatewayRefund, RefundReason as GatewayReason, RefundStatus,
};
use domain::{
    clock::{HOUR_MS, MINUTE_MS, SECOND_MS, UnixMs},
    id::{JournalId, PaymentId, PracticeId, RefundId},
    money::Cents,
    payment::{DisputeState, RefundReason, RefundState, Refusal},
};
use store::{
    Db, StoreError,
    audit::{self, Actor, Entry as AuditEntry},
    balance, effect,
    payment::{self, Payment},
    posting::{self, Entry, JournalKind, NewJournal},
    refund::{self, NewRefund, Refund, Step},
};

use crate::{Payments, Result, Staff, alert::Alert, answer, merchants::Desk};

/// The first look at a refund whose request may have died with the server.
const FIRST_LOOK_MS: i64 = MINUTE_MS;
/// One that the processor works on is looked at again after this.
const SENT_LOOK_MS: i64 = 30 * MINUTE_MS;
/// After an answer that says nothing; twice as long after each further one, up to the hour.
const UNKNOWN_LOOK_MS: i64 = 10 * SECOND_MS;
const UNKNOWN_LOOK_LONGEST_MS: i64 = HOUR_MS;
/// How long a refund is asked for that the processor's own list does not show. The processor repeats
/// the first answer to a key for a day, a 500 among them, and no asking changes it; after that the
/// key is new again, and it is asked at least twice more. Then staff hear that nothing went back,
/// instead of the money staying reserved for ever.
const ASKED_FOR_MS: i64 = 27 * HOUR_MS;
/// Why such a refund failed.
const NO_ANSWER: &str = "no_answer";
/// Who asked, when it was done at the processor's own dashboard.
const ELSEWHERE: &str = "processor";

#[derive(Clone, Debug)]
pub struct WishedRefund {
    pub practice: PracticeId,
    pub payment: PaymentId,
    pub amount: Cents,
    pub reason: RefundReason,
    pub staff: Staff,
    /// What this person may give back of one payment alone; `None` is no limit.
    pub limit: Option<Cents>,
    /// The one the page showed: the same form sent twice gives back once (R14). `None` where no
    /// page was.
    pub expected_version: Option<i64>,
}

/// How a refund stands after it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refunding {
    Done(Refund),
    /// The processor is not done, or did not answer: it is asked again by itself.
    UnderWay(Refund),
}

impl Payments {
    pub async fn refund(&self, wish: &WishedRefund) -> Result<Refunding> {
        if !wish.amount.is_positive() {
            return Err(Refusal::AmountMissing.into());
        }
        let desk = self.desk(&wish.practice).await?;
        let payment = self.find_payment(&wish.practice, &wish.payment).await?;
        let reserved = self.reserve(wish, &payment).await?;
        self.ask(&desk, &payment, reserved).await
    }

    async fn reserve(&self, wish: &WishedRefund, payment: &Payment) -> Result<Refund> {
        let (me, wish, guarantor) = (self.clone(), wish.clone(), payment.guarantor.clone());
        let reserved = self
            .store()
            .write(move |db| {
                let (me, wish, guarantor) = (me.clone(), wish.clone(), guarantor.clone());
                Box::pin(async move {
                    balance::lock(db, &wish.practice, &guarantor, None).await?;
                    answer(me.write_reserve(db, &wish).await)
                })
            })
            .await??;
        Ok(reserved)
    }

    async fn write_reserve(&self, db: &mut Db, wish: &WishedRefund) -> Result<Refund> {
        let practice = &wish.practice;
        let payment = payment::find(db, practice, &wish.payment).await?;
        let payment = payment.ok_or(Refusal::NotFound)?;
        if wish.expected_version.is_some_and(|expected| expected != payment.version) {
            return Err(crate::apply::changed_meanwhile(db, &payment).await?);
        }
        if let Some(limit) = wish.limit {
            self.check_limit(db, wish, limit).await?;
        }
        if payment.dispute.is_some_and(DisputeState::blocks_refunds) {
            return Err(Refusal::Disputed.into());
        }
        let free = posting::load_totals(db, practice, &payment.id).await?.free();
        if wish.amount > free {
            return Err(Refusal::OnlyUnapplied { cents: free.at_least_zero() }.into());
        }
        let now = self.now();
        let new = NewRefund {
            id: self.world().mint::<RefundId>(),
            practice: practice.clone(),
            payment: payment.id.clone(),
            number: refund::find_next_number(db, practice, &payment.id).await?,
            amount: wish.amount,
            reason: wish.reason,
            state: RefundState::Pending,
            processor_id: None,
            requested_by: wish.staff.actor.label(),
            next_look_at: Some(now.plus_ms(FIRST_LOOK_MS)),
        };
        refund::insert(db, &new, now).await?;
        payment::mark_version(db, practice, &payment.id, payment.version).await?;
        // The engine sees the account owe again what is on its way back.
        balance::lock(db, practice, &payment.guarantor, Some(now)).await?;
        let actor = wish.staff.actor.clone();
        let entry = AuditEntry::new(practice, actor, "refund.ask", "refund", new.id.as_str())
            .about(&payment.guarantor)
            .with(format!("{} cents of {}, {}", new.amount.0, payment.id, new.reason.as_str()))
            .from_address(&wish.staff.address);
        audit::insert(db, self.world(), &entry).await?;
        let reserved = refund::find(db, practice, &new.id).await?;
        Ok(reserved.ok_or(Refusal::NotFound)?)
    }

    /// Several small refunds of one payment are one large one.
    async fn check_limit(&self, db: &mut Db, wish: &WishedRefund, limit: Cents) -> Result<()> {
        let mine = wish.staff.actor.label();
        let before: Cents = refund::list(db, &wish.practice, &wish.payment)
            .await?
            .into_iter()
            .filter(|r| r.requested_by == mine && r.state != RefundState::Failed)
            .map(|r| r.amount)
            .sum();
        if before + wish.amount > limit {
            Err(Refusal::AboveLimit { limit }.into())
        } else {
            Ok(())
        }
    }

    /// Asks the processor. The same row asks with the same key, so it can be asked again.
    async fn ask(&self, desk: &Desk, payment: &Payment, refund: Refund) -> Result<Refunding> {
        let new = GatewayRefund {
            key: key_of(payment, refund.number),
            intent_id: payment.intent_id.clone(),
            amount: refund.amount,
            reason: match refund.reason {
                RefundReason::PaidTwice => GatewayReason::Duplicate,
                RefundReason::Fraud => GatewayReason::Fraudulent,
                _ => GatewayReason::RequestedByPayer,
            },
        };
        match desk.gateway.refund(new).await {
            Ok(theirs) => self.take_in_refund(payment, &refund, &theirs).await?,
            Err(GatewayError::Unknown(why)) => {
                tracing::warn!(refund = %refund.id, why, "a refund: outcome unknown");
                self.look_again(&refund).await?;
            }
            Err(GatewayError::RateLimited) => self.look_again(&refund).await?,
            Err(cause) => {
                self.fail_refund(payment, &refund, &cause.to_string()).await?;
                return Err(Refusal::RefundRefused.into());
            }
        }
        let mut db = self.store().read().await?;
        let now = refund::find(&mut db, &refund.practice, &refund.id).await?;
        let now = now.ok_or(Refusal::NotFound)?;
        match now.state {
            RefundState::Succeeded => Ok(Refunding::Done(now)),
            RefundState::Failed => Err(Refusal::RefundRefused.into()),
            RefundState::Pending | RefundState::Sent => Ok(Refunding::UnderWay(now)),
        }
    }

    async fn look_again(&self, refund: &Refund) -> Result<()> {
        let look_ms = UNKNOWN_LOOK_MS.saturating_mul(1 << refund.looks.clamp(0, 10));
        let at = self.now().plus_ms(look_ms.min(UNKNOWN_LOOK_LONGEST_MS));
        let step = (refund.state, refund.state, None, None, Some(at));
        self.step(refund, step).await?;
        Ok(())
    }

    /// What the processor says of one of our refunds.
    async fn take_in_refund(
        &self,
        payment: &Payment,
        refund: &Refund,
        theirs: &gateway::Refund,
    ) -> Result<()> {
        match theirs.status {
            RefundStatus::Succeeded => self.post_refund(payment, refund, &theirs.id).await,
            RefundStatus::Failed | RefundStatus::Canceled => {
                let why = theirs.failure_reason.clone().unwrap_or_else(|| "failed".into());
                self.fail_refund(payment, refund, &why).await
            }
            RefundStatus::Pending | RefundStatus::RequiresAction | RefundStatus::Unrecognised => {
                if matches!(refund.state, RefundState::Pending | RefundState::Sent) {
                    let at = Some(self.now().plus_ms(SENT_LOOK_MS));
                    let id = Some(theirs.id.clone());
                    self.step(refund, (refund.state, RefundState::Sent, id, None, at)).await?;
                }
                Ok(())
            }
        }
    }

    async fn step(
        &self,
        refund: &Refund,
        (from, to, processor_id, failure, next_look_at): RefundStep,
    ) -> Result<bool> {
        let (practice, id, now) = (refund.practice.clone(), refund.id.clone(), self.now());
        let is_ours = self
            .store()
            .write(move |db| {
                let (practice, id) = (practice.clone(), id.clone());
                let (processor_id, failure) = (processor_id.clone(), failure.clone());
                Box::pin(async move {
                    let step = Step {
                        from,
                        to,
                        processor_id: processor_id.as_deref(),
                        failure: failure.as_deref(),
                        next_look_at,
                    };
                    refund::mark(db, &practice, &id, &step, now).await
                })
            })
            .await?;
        Ok(is_ours)
    }

    /// The money went back: the reservation becomes a posting.
    async fn post_refund(
        &self,
        payment: &Payment,
        refund: &Refund,
        processor_id: &str,
    ) -> Result<()> {
        if refund.state == RefundState::Succeeded {
            return Ok(());
        }
        let (me, payment) = (self.clone(), payment.clone());
        let (refund, processor_id) = (refund.clone(), processor_id.to_owned());
        self.store()
            .write(move |db| {
                let (me, payment) = (me.clone(), payment.clone());
                let (refund, processor_id) = (refund.clone(), processor_id.clone());
                Box::pin(async move {
                    let now = me.now();
                    balance::lock(db, &payment.practice, &payment.guarantor, Some(now)).await?;
                    let step = Step {
                        from: refund.state,
                        to: RefundState::Succeeded,
                        processor_id: Some(&processor_id),
                        failure: None,
                        next_look_at: None,
                    };
                    if refund::mark(db, &refund.practice, &refund.id, &step, now).await? {
                        if refund.state == RefundState::Failed {
                            // Its money was free again, and may have been used since.
                            me.free_up(db, &payment, refund.amount, "refund after all").await?;
                        }
                        me.write_money_back(db, &payment, refund.amount).await?;
                        me.write_notice(db, &payment, &refund.id).await?;
                        me.write_refund_audit(db, &payment, &refund, "refund.done", "").await?;
                    }
                    Ok(())
                })
            })
            .await?;
        Ok(())
    }

    /// Nothing went back, or it came back: the money is unapplied again.
    async fn fail_refund(&self, payment: &Payment, refund: &Refund, why: &str) -> Result<()> {
        if refund.state == RefundState::Failed {
            return Ok(());
        }
        let (me, payment) = (self.clone(), payment.clone());
        let (refund, why) = (refund.clone(), why.to_owned());
        self.store()
            .write(move |db| {
                let (me, payment) = (me.clone(), payment.clone());
                let (refund, why) = (refund.clone(), why.clone());
                Box::pin(async move {
                    let now = me.now();
                    balance::lock(db, &payment.practice, &payment.guarantor, Some(now)).await?;
                    let step = Step {
                        from: refund.state,
                        to: RefundState::Failed,
                        processor_id: None,
                        failure: Some(&why),
                        next_look_at: None,
                    };
                    if refund::mark(db, &refund.practice, &refund.id, &step, now).await? {
                        if refund.state == RefundState::Succeeded {
                            me.write_money_returned(db, &payment, refund.amount).await?;
                        }
                        me.write_refund_audit(db, &payment, &refund, "refund.fail", &why).await?;
                        me.write_alert(db, &Alert::refund_failed(&payment, &why)).await?;
                    }
                    Ok(())
                })
            })
            .await?;
        Ok(())
    }

    async fn write_refund_audit(
        &self,
        db: &mut Db,
        payment: &Payment,
        refund: &Refund,
        verb: &'static str,
        why: &str,
    ) -> store::Result<()> {
        let actor = Actor::System("payments");
        let entry = AuditEntry::new(&refund.practice, actor, verb, "refund", refund.id.as_str())
            .about(&payment.guarantor)
            .with(format!("{} cents {why}", refund.amount.0));
        audit::insert(db, self.world(), &entry).await
    }

    /// Off the unapplied money and off the processor.
    async fn write_money_back(
        &self,
        db: &mut Db,
        payment: &Payment,
        amount: Cents,
    ) -> store::Result<JournalId> {
        let journal = NewJournal {
            practice: &payment.practice,
            guarantor: &payment.guarantor,
            payment: &payment.id,
            kind: JournalKind::Refund,
            reverses: None,
            actor: &Actor::System("refund").label(),
            entries: vec![Entry::unapplied(amount), Entry::processor(-amount)],
        };
        posting::insert(db, self.world(), &journal).await
    }

    /// The payer hears that money is on its way, from us and not from a card statement alone.
    async fn write_notice(
        &self,
        db: &mut Db,
        payment: &Payment,
        refund: &RefundId,
    ) -> store::Result<()> {
        let due = effect::RefundDue {
            payment: payment.id.to_string(),
            attempt: payment.attempt.to_string(),
            refund: refund.to_string(),
        };
        let payload =
            serde_json::to_string(&due).map_err(|_| StoreError::Corrupt("effect.payload"))?;
        let key = format!("{}:{refund}", effect::REFUND);
        let (practice, guarantor) = (&payment.practice, &payment.guarantor);
        effect::insert(db, self.world(), practice, guarantor, effect::REFUND, &key, &payload)
            .await?;
        Ok(())
    }

    async fn write_money_returned(
        &self,
        db: &mut Db,
        payment: &Payment,
        amount: Cents,
    ) -> store::Result<JournalId> {
        let journal = NewJournal {
            practice: &payment.practice,
            guarantor: &payment.guarantor,
            payment: &payment.id,
            kind: JournalKind::RefundReturned,
            reverses: None,
            actor: &Actor::System("refund").label(),
            entries: vec![Entry::processor(amount), Entry::unapplied(-amount)],
        };
        posting::insert(db, self.world(), &journal).await
    }

    /// Compares the processor's refunds of an intent with ours: outcomes we missed, failures that
    /// came later, and refunds made at the processor's own dashboard. False when the payment is not
    /// booked yet.
    pub(crate) async fn compare_refunds(
        &self,
        desk: &Desk,
        practice: &PracticeId,
        intent_id: &str,
    ) -> Result<bool> {
        let mut db = self.store().read().await?;
        let payment = payment::find_by_intent(&mut db, practice, intent_id).await?;
        let Some(payment) = payment else { return Ok(false) };
        let ours = refund::list(&mut db, practice, &payment.id).await?;
        drop(db);
        let theirs = desk.gateway.list_refunds(intent_id).await.map_err(|cause| {
            tracing::warn!(%cause, "the processor's refunds could not be listed");
            Refusal::TryAgain
        })?;
        for refund in &theirs.items {
            let mine = ours.iter().find(|mine| {
                mine.processor_id.as_ref() == Some(&refund.id)
                    || refund.key.as_ref() == Some(&key_of(&payment, mine.number))
            });
            match mine {
                Some(mine) => self.take_in_refund(&payment, mine, refund).await?,
                None => self.take_in_foreign(&payment, refund).await?,
            }
        }
        Ok(true)
    }

    /// A refund somebody made at the processor: the money is gone, so the ledger says so.
    async fn take_in_foreign(&self, payment: &Payment, theirs: &gateway::Refund) -> Result<()> {
        if theirs.status != RefundStatus::Succeeded || !theirs.amount.is_positive() {
            return Ok(());
        }
        let (me, payment) = (self.clone(), payment.clone());
        let (id, amount) = (theirs.id.clone(), theirs.amount);
        let done = self.store().write(move |db| {
            let (me, payment, id) = (me.clone(), payment.clone(), id.clone());
            Box::pin(async move { me.write_foreign(db, &payment, &id, amount).await })
        });
        match done.await {
            // Two looks at once: the other one booked it.
            Ok(()) | Err(StoreError::Duplicate) => Ok(()),
            Err(cause) => Err(cause.into()),
        }
    }

    async fn write_foreign(
        &self,
        db: &mut Db,
        payment: &Payment,
        processor_id: &str,
        amount: Cents,
    ) -> store::Result<()> {
        let (practice, now) = (&payment.practice, self.now());
        balance::lock(db, practice, &payment.guarantor, Some(now)).await?;
        self.free_up(db, payment, amount, "refund elsewhere").await?;
        let new = NewRefund {
            id: self.world().mint::<RefundId>(),
            practice: practice.clone(),
            payment: payment.id.clone(),
            number: refund::find_next_number(db, practice, &payment.id).await?,
            amount,
            reason: RefundReason::PatientAsked,
            state: RefundState::Succeeded,
            processor_id: Some(processor_id.to_owned()),
            requested_by: Actor::System(ELSEWHERE).label(),
            next_look_at: None,
        };
        refund::insert(db, &new, now).await?;
        self.write_money_back(db, payment, amount).await?;
        self.write_notice(db, payment, &new.id).await?;
        let entry = AuditEntry::new(
            practice,
            Actor::System(ELSEWHERE),
            "refund.seen",
            "refund",
            new.id.as_str(),
        )
        .about(&payment.guarantor)
        .with(format!("{} cents of {}", amount.0, payment.id));
        audit::insert(db, self.world(), &entry).await
    }

    /// The sweeper's look at a refund whose outcome is open.
    pub(crate) async fn look_at_refund(&self, refund: &Refund) -> Result<()> {
        let desk = self.desk(&refund.practice).await?;
        let payment = self.find_payment(&refund.practice, &refund.payment).await?;
        if !self.compare_refunds(&desk, &refund.practice, &payment.intent_id).await? {
            return Ok(());
        }
        let mut db = self.store().read().await?;
        let now = refund::find(&mut db, &refund.practice, &refund.id).await?;
        drop(db);
        let Some(refund) = now.filter(|r| r.state == RefundState::Pending) else { return Ok(()) };
        // Its list was read a moment ago, and the last time we asked is at least a look away. Should
        // the refund turn up after all, it is booked like any other.
        if self.now().since(refund.requested_at) >= ASKED_FOR_MS {
            return self.fail_refund(&payment, &refund, NO_ANSWER).await;
        }
        // The processor has never heard of it: ask again, with the same key.
        match self.ask(&desk, &payment, refund).await {
            Ok(_) | Err(crate::PayError::Refused(_)) => Ok(()),
            Err(cause) => Err(cause),
        }
    }
}

type RefundStep = (RefundState, RefundState, Option<String>, Option<String>, Option<UnixMs>);

/// The idempotency key, and how the refund is found again (decision 3).
fn key_of(payment: &Payment, number: i64) -> String {
    format!("{}:refund:{number}", payment.attempt)
}
