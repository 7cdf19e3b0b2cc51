//! Disputes: the card's bank asks for the money back (D-26). Open, one blocks refunds and holds the
//! account; lost, the money is gone and the bills are open again; won, all is as before.
//!
//! An event only says that there is something to look at. What counts is the processor's list of
//! the payment's disputes, fetched with our own key: several may follow each other on one charge,
//! and each is a row of its own. New ones are also found by the hourly comparison, and an undecided
//! one is asked about each day, so that no message has to arrive.

use connect::gateway;
use domain::{
    clock::DAY_MS,
    holds::HoldKind,
    id::{GuarantorId, HoldId, PracticeId},
    money::Cents,
    payment::{DisputeStage, DisputeState, Refusal},
};
use store::{
    Db,
    audit::{self, Actor, Entry as AuditEntry},
    balance,
    dispute::{self, Dispute},
    hold,
    payment::{self, Payment},
    posting::{self, Account, Entry, JournalKind, NewJournal},
};

use crate::{Payments, Quarantine, Result, alert::Alert, merchants::Desk};

pub(crate) const ACTOR: &str = "dispute";
/// Banks take weeks; a day late is early enough for an end whose event was lost.
const LOOK_EVERY_MS: i64 = DAY_MS;
/// Undecided disputes looked at in one sweep.
const BATCH: i64 = 32;

impl Payments {
    /// Takes in the processor's disputes of an intent. False when the payment is not booked yet.
    pub(crate) async fn compare_disputes(
        &self,
        desk: &Desk,
        practice: &PracticeId,
        intent_id: &str,
    ) -> Result<bool> {
        let mut db = self.store().read().await?;
        let payment = payment::find_by_intent(&mut db, practice, intent_id).await?;
        drop(db);
        let Some(payment) = payment else { return Ok(false) };
        let theirs = desk.gateway.list_disputes_of(intent_id).await.map_err(|cause| {
            tracing::warn!(%cause, "the processor's disputes could not be listed");
            Refusal::TryAgain
        })?;
        for dispute in theirs.items {
            self.take_in_dispute(desk, &payment, dispute).await?;
        }
        Ok(true)
    }

    async fn take_in_dispute(
        &self,
        desk: &Desk,
        payment: &Payment,
        theirs: gateway::Dispute,
    ) -> Result<()> {
        // A word we do not know says nothing that could be acted on; the next look may.
        let Some(stage) = theirs.stage else { return Ok(()) };
        let why = if theirs.intent_id.as_deref() != Some(payment.intent_id.as_str()) {
            Some(Quarantine::OtherIntent)
        } else if theirs.livemode != desk.merchant.livemode {
            Some(Quarantine::WrongMode)
        } else if !theirs.currency.eq_ignore_ascii_case(&payment.currency) {
            Some(Quarantine::WrongCurrency)
        } else {
            None
        };
        if let Some(why) = why {
            self.quarantine(&payment.practice, &theirs.id, why).await?;
            return Ok(());
        }
        let (me, payment) = (self.clone(), payment.clone());
        let ours = Dispute { id: theirs.id, amount: theirs.amount, stage };
        self.store()
            .write(move |db| {
                let (me, payment, dispute) = (me.clone(), payment.clone(), ours.clone());
                Box::pin(async move { me.write_dispute(db, &payment, &dispute).await })
            })
            .await?;
        Ok(())
    }

    async fn write_dispute(
        &self,
        db: &mut Db,
        payment: &Payment,
        dispute: &Dispute,
    ) -> store::Result<()> {
        let (practice, guarantor, now) = (&payment.practice, &payment.guarantor, self.now());
        balance::lock(db, practice, guarantor, Some(now)).await?;
        let next_look = (!dispute.stage.is_over()).then(|| now.plus_ms(LOOK_EVERY_MS));
        if !dispute::mark(db, practice, &payment.id, dispute, next_look, now).await? {
            return Ok(());
        }
        let all = dispute::list(db, practice, &payment.id).await?;
        let stages: Vec<DisputeStage> = all.iter().map(|d| d.stage).collect();
        if let Some(state) = DisputeState::of(&stages) {
            payment::mark_dispute(db, practice, &payment.id, state, now).await?;
        }
        if dispute.stage == DisputeStage::Open {
            self.hold(db, payment).await?;
        } else if !stages.contains(&DisputeStage::Open) {
            self.lift(db, payment).await?;
        }
        self.write_losses(db, payment, &all).await?;
        self.write_alert(db, &Alert::disputed(payment, &dispute.id, dispute.stage)).await?;
        let actor = Actor::System(ACTOR);
        let entry =
            AuditEntry::new(practice, actor, "payment.dispute", "payment", payment.id.as_str())
                .about(guarantor)
                .with(format!("{} {}", dispute.id, dispute.stage.as_str()));
        audit::insert(db, self.world(), &entry).await
    }

    /// The bank took the money: claims that it had paid are open again. Posted is the difference to
    /// what was posted before, so that no loss counts twice and none is forgotten.
    async fn write_losses(
        &self,
        db: &mut Db,
        payment: &Payment,
        all: &[Dispute],
    ) -> store::Result<()> {
        let lost: Cents =
            all.iter().filter(|d| d.stage == DisputeStage::Lost).map(|d| d.amount).sum();
        let posted = posting::list(db, &payment.practice, &payment.id).await?;
        let is_loss = |kind: &str| {
            kind == JournalKind::Chargeback.as_str()
                || kind == JournalKind::ChargebackReturned.as_str()
        };
        let booked: Cents = posted
            .iter()
            .filter(|line| line.account == Account::Processor.as_str() && is_loss(&line.kind))
            .map(|line| -line.amount)
            .sum();
        let totals = posting::load_totals(db, &payment.practice, &payment.id).await?;
        let missing = (lost - booked).min(totals.at_processor - totals.reserved);
        if !missing.is_positive() {
            return Ok(());
        }
        self.free_up(db, payment, missing, ACTOR).await?;
        let journal = NewJournal {
            practice: &payment.practice,
            guarantor: &payment.guarantor,
            payment: &payment.id,
            kind: JournalKind::Chargeback,
            reverses: None,
            actor: &Actor::System(ACTOR).label(),
            entries: vec![Entry::unapplied(missing), Entry::processor(-missing)],
        };
        posting::insert(db, self.world(), &journal).await?;
        Ok(())
    }

    async fn hold(&self, db: &mut Db, payment: &Payment) -> store::Result<()> {
        if !self.holds_of(db, payment).await?.is_empty() {
            return Ok(());
        }
        let new = hold::Hold {
            id: self.world().mint::<HoldId>(),
            guarantor: payment.guarantor.clone(),
            kind: HoldKind::Dispute,
            claim: None,
            only_contact: None,
            reason: reason_of(payment),
            until: None,
            placed_by: Actor::System(ACTOR).label(),
            placed_at: self.now(),
            lift_asked_by: None,
            lift_asked_at: None,
            lifted_at: None,
            lifted_by: None,
        };
        hold::insert(db, &payment.practice, &new).await
    }

    async fn lift(&self, db: &mut Db, payment: &Payment) -> store::Result<()> {
        let (practice, guarantor): (_, &GuarantorId) = (&payment.practice, &payment.guarantor);
        let by = Actor::System(ACTOR).label();
        for hold in self.holds_of(db, payment).await? {
            let now = self.now();
            hold::mark_lifted(db, practice, guarantor, &hold.id, &by, false, now).await?;
        }
        Ok(())
    }

    /// Our own holds for this payment that stand.
    async fn holds_of(&self, db: &mut Db, payment: &Payment) -> store::Result<Vec<hold::Hold>> {
        let mut holds = hold::list(db, &payment.practice, &payment.guarantor).await?;
        holds.retain(|hold| {
            hold.kind == HoldKind::Dispute
                && hold.lifted_at.is_none()
                && hold.reason == reason_of(payment)
        });
        Ok(holds)
    }

    /// Asks about disputes that are undecided for a day or longer; how many were asked about.
    pub(crate) async fn sweep_disputes(&self) -> Result<usize> {
        let mut db = self.store().read().await?;
        let due = dispute::list_due(&mut db, self.now(), BATCH).await?;
        drop(db);
        let mut looked = 0;
        for awaited in due {
            let (seen, until) = (awaited.clone(), self.now().plus_ms(LOOK_EVERY_MS));
            let is_ours = self.store().write(move |db| {
                let seen = seen.clone();
                Box::pin(async move { dispute::claim_look(db, &seen, until).await })
            });
            if !is_ours.await? {
                continue;
            }
            looked += 1;
            let desk = match self.desk(&awaited.practice).await {
                Ok(desk) => desk,
                Err(crate::PayError::Refused(_)) => continue,
                Err(cause) => return Err(cause),
            };
            match self.compare_disputes(&desk, &awaited.practice, &awaited.intent_id).await {
                // The processor does not answer: tomorrow.
                Ok(_) | Err(crate::PayError::Refused(_)) => {}
                Err(cause) => return Err(cause),
            }
        }
        Ok(looked)
    }
}

/// Names the payment, so that its own hold is found again.
fn reason_of(payment: &Payment) -> String {
    format!("card payment {}", payment.reference)
}
