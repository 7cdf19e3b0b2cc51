//! What a person has to look at: one task for each reason, an audit row, and a counter.

use domain::{
    id::{GuarantorId, PracticeId},
    payment::DisputeStage,
};
use store::{
    attempt::Attempt,
    audit::{self, Actor, Entry},
    payment::Payment,
    task,
};

use crate::{Payments, Quarantine, Result};

/// Names what, never who: its detail holds ids and codes.
#[derive(Clone, Debug)]
pub(crate) struct Alert {
    pub practice: PracticeId,
    pub guarantor: Option<GuarantorId>,
    /// The task's kind; `app` has the sentence.
    pub kind: &'static str,
    pub object_kind: &'static str,
    pub object_id: String,
    /// Tells this time from the last, where one object can be told of several times.
    pub occasion: Option<String>,
    pub detail: String,
}

impl Alert {
    /// The processor will not take requests of this practice: key, account, or a request it finds
    /// wrong.
    pub fn processor_refused(attempt: &Attempt, code: &str) -> Self {
        Self {
            practice: attempt.practice.clone(),
            guarantor: None,
            kind: "processor_refused",
            object_kind: "attempt",
            object_id: attempt.id.to_string(),
            occasion: None,
            detail: code.to_owned(),
        }
    }

    /// Money, or a message about money, that does not fit what we know (R21).
    pub fn quarantined(practice: &PracticeId, object: &str, why: Quarantine) -> Self {
        Self {
            practice: practice.clone(),
            guarantor: None,
            kind: "payment_quarantined",
            object_kind: "processor",
            object_id: object.to_owned(),
            occasion: None,
            detail: why.as_str().to_owned(),
        }
    }

    /// A day without an answer.
    pub fn unknown_for_long(attempt: &Attempt) -> Self {
        Self {
            practice: attempt.practice.clone(),
            guarantor: Some(attempt.guarantor.clone()),
            kind: "payment_unknown",
            object_kind: "attempt",
            object_id: attempt.id.to_string(),
            occasion: None,
            detail: attempt.processor_id.clone().unwrap_or_default(),
        }
    }

    /// Money came for an attempt that had been closed: it may be a second payment (R16).
    pub fn paid_after_close(payment: &Payment) -> Self {
        Self::of_payment(payment, "payment_after_close", payment.intent_id.clone())
    }

    pub fn refund_failed(payment: &Payment, code: &str) -> Self {
        Self::of_payment(payment, "refund_failed", code.to_owned())
    }

    /// Each step of each dispute: what was closed as done may be open again tomorrow.
    pub fn disputed(payment: &Payment, dispute: &str, stage: DisputeStage) -> Self {
        let stage = stage.as_str();
        Self {
            occasion: Some(format!("{dispute}:{stage}")),
            ..Self::of_payment(payment, "payment_disputed", stage.to_owned())
        }
    }

    /// More went back at the processor than was unapplied here: staff have to say from which claim.
    pub fn overdrawn(payment: &Payment, cause: &str) -> Self {
        Self::of_payment(payment, "payment_overdrawn", cause.to_owned())
    }

    pub fn webhook_stuck(practice: &PracticeId, event: &str, kind: &str) -> Self {
        Self {
            practice: practice.clone(),
            guarantor: None,
            kind: "webhook_stuck",
            object_kind: "webhook",
            object_id: event.to_owned(),
            occasion: None,
            detail: kind.to_owned(),
        }
    }

    fn of_payment(payment: &Payment, kind: &'static str, detail: String) -> Self {
        Self {
            practice: payment.practice.clone(),
            guarantor: Some(payment.guarantor.clone()),
            kind,
            object_kind: "payment",
            object_id: payment.id.to_string(),
            occasion: None,
            detail,
        }
    }
}

impl Payments {
    pub(crate) async fn alert(&self, alert: Alert) -> Result<()> {
        let (me, kind) = (self.clone(), alert.kind);
        let is_new = self
            .store()
            .write(move |db| {
                let (me, alert) = (me.clone(), alert.clone());
                Box::pin(async move { me.write_alert(db, &alert).await })
            })
            .await?;
        if is_new {
            metrics::counter!("clearbill_payment_alerts_total", "kind" => kind).increment(1);
        }
        Ok(())
    }

    /// In the caller's transaction; true when the task is new.
    pub(crate) async fn write_alert(
        &self,
        db: &mut store::Db,
        alert: &Alert,
    ) -> store::Result<bool> {
        let mut key = format!("{}:{}", alert.kind, alert.object_id);
        if let Some(occasion) = &alert.occasion {
            key = format!("{key}:{occasion}");
        }
        let is_new = task::insert(
            db,
            self.world(),
            &alert.practice,
            alert.guarantor.as_ref(),
            alert.kind,
            &key,
            Some(&alert.detail),
        )
        .await?;
        if is_new {
            let actor = Actor::System("payments");
            let mut entry =
                Entry::new(&alert.practice, actor, alert.kind, alert.object_kind, &alert.object_id)
                    .with(&alert.detail);
            entry.guarantor = alert.guarantor.clone();
            audit::insert(db, self.world(), &entry).await?;
        }
        Ok(is_new)
    }
}
