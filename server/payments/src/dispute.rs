//! Disputes: the card's bank asks for the money back (D-26). Open, it blocks refunds and holds the
//! account; lost, the money is gone and the bills are open again; won, all is as before.

use connect::gateway::webhook::Event;
use domain::{
    holds::HoldKind,
    id::{GuarantorId, HoldId, PracticeId},
    money::Cents,
    payment::DisputeState,
};
use serde::Deserialize;
use store::{
    Db,
    audit::{self, Actor, Entry as AuditEntry},
    balance, hold,
    payment::{self, Payment},
    posting::{self, Entry, JournalKind, NewJournal},
};

use crate::{Payments, Result, alert::Alert};

pub(crate) const ACTOR: &str = "dispute";

/// What the processor signed about a dispute. There is nothing to fetch that would say more.
#[derive(Deserialize)]
struct Body {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Said,
}

#[derive(Deserialize)]
struct Said {
    status: String,
    #[serde(default)]
    amount: i64,
}

impl Payments {
    pub(crate) async fn take_in_dispute(
        &self,
        practice: &PracticeId,
        event: &Event,
        body: &str,
    ) -> Result<&'static str> {
        let Some(intent_id) = &event.intent_id else { return Ok("ignored") };
        let Ok(Body { data: Data { object: said } }) = serde_json::from_str(body) else {
            return Ok("unreadable");
        };
        let Some(state) = state_of(&said.status) else { return Ok("ignored") };
        let mut db = self.store().read().await?;
        let payment = payment::find_by_intent(&mut db, practice, intent_id).await?;
        drop(db);
        let Some(payment) = payment else {
            self.quarantine(practice, intent_id, crate::Quarantine::UnknownAttempt).await?;
            return Ok("quarantined");
        };
        let me = self.clone();
        self.store()
            .write(move |db| {
                let (me, payment, said) = (me.clone(), payment.clone(), said.amount);
                Box::pin(async move { me.write_dispute(db, &payment, state, Cents(said)).await })
            })
            .await?;
        Ok("dispute")
    }

    async fn write_dispute(
        &self,
        db: &mut Db,
        payment: &Payment,
        state: DisputeState,
        amount: Cents,
    ) -> store::Result<()> {
        let (practice, guarantor, now) = (&payment.practice, &payment.guarantor, self.now());
        balance::lock(db, practice, guarantor, Some(now)).await?;
        // Events come in any order: what is decided stays decided, and a dispute outlives the
        // inquiry it began as.
        let known = payment::find(db, practice, &payment.id).await?.and_then(|p| p.dispute);
        if rank(known) >= rank(Some(state)) {
            return Ok(());
        }
        payment::mark_dispute(db, practice, &payment.id, state, now).await?;
        match state {
            DisputeState::Inquiry => {}
            DisputeState::Open => self.hold(db, payment).await?,
            DisputeState::Won => self.lift(db, payment).await?,
            DisputeState::Lost => {
                self.lift(db, payment).await?;
                self.write_loss(db, payment, amount).await?;
            }
        }
        self.write_alert(db, &Alert::disputed(payment, state.as_str())).await?;
        let actor = Actor::System(ACTOR);
        let entry =
            AuditEntry::new(practice, actor, "payment.dispute", "payment", payment.id.as_str())
                .about(guarantor)
                .with(state.as_str());
        audit::insert(db, self.world(), &entry).await
    }

    /// The bank took the money: claims that it had paid are open again.
    async fn write_loss(&self, db: &mut Db, payment: &Payment, amount: Cents) -> store::Result<()> {
        let totals = posting::load_totals(db, &payment.practice, &payment.id).await?;
        let lost = amount.min(totals.at_processor - totals.reserved);
        if !lost.is_positive() {
            return Ok(());
        }
        self.free_up(db, payment, lost, ACTOR).await?;
        let journal = NewJournal {
            practice: &payment.practice,
            guarantor: &payment.guarantor,
            payment: &payment.id,
            kind: JournalKind::Chargeback,
            reverses: None,
            actor: &Actor::System(ACTOR).label(),
            entries: vec![Entry::unapplied(lost), Entry::processor(-lost)],
        };
        posting::insert(db, self.world(), &journal).await?;
        Ok(())
    }

    async fn hold(&self, db: &mut Db, payment: &Payment) -> store::Result<()> {
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
        for hold in hold::list(db, practice, guarantor).await? {
            let is_ours = hold.kind == HoldKind::Dispute
                && hold.lifted_at.is_none()
                && hold.reason == reason_of(payment);
            if is_ours {
                let now = self.now();
                hold::mark_lifted(db, practice, guarantor, &hold.id, &by, false, now).await?;
            }
        }
        Ok(())
    }
}

/// Names the payment, so that its own hold is found again.
fn reason_of(payment: &Payment) -> String {
    format!("card payment {}", payment.reference)
}

fn state_of(status: &str) -> Option<DisputeState> {
    match status {
        "won" | "warning_closed" | "prevented" => Some(DisputeState::Won),
        "lost" => Some(DisputeState::Lost),
        "needs_response" | "under_review" => Some(DisputeState::Open),
        inquiry if inquiry.starts_with("warning_") => Some(DisputeState::Inquiry),
        _ => None,
    }
}

fn rank(state: Option<DisputeState>) -> u8 {
    match state {
        None => 0,
        Some(DisputeState::Inquiry) => 1,
        Some(DisputeState::Open) => 2,
        Some(DisputeState::Won | DisputeState::Lost) => 3,
    }
}
