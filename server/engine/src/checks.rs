//! Accounts that an event touched: their waiting messages are decided again at once, not only when
//! their slot comes (D-36, D-39).

use std::collections::BTreeMap;

use domain::{
    clock::UnixMs,
    decide::{Approved, Outcome, decide},
    id::{GuarantorId, PracticeId},
    practice::Practice,
};
use store::{
    Db, decision,
    guarantor::{list_to_check, mark_checked},
    message::{self, Message, State, queue},
};

use crate::{
    Engine, Result,
    delivery::named_for,
    facts::{case_of, gather_for},
};

/// Accounts looked at in one tick; the rest are due again in the next.
const CHECKS_TOGETHER: i64 = 500;

impl Engine {
    pub(crate) async fn check_accounts(&self) -> Result<usize> {
        let now = self.now();
        let mut db = self.store().read().await?;
        let due = list_to_check(&mut db, now, CHECKS_TOGETHER).await?;
        drop(db);
        let mut paydays: BTreeMap<PracticeId, Vec<GuarantorId>> = BTreeMap::new();
        for (practice, guarantor) in &due {
            let (engine, practice, guarantor) = (self.clone(), practice.clone(), guarantor.clone());
            let (of, owner) = (practice.clone(), guarantor.clone());
            let is_payday = self
                .store()
                .write(move |db| {
                    let (engine, practice, guarantor) =
                        (engine.clone(), practice.clone(), guarantor.clone());
                    Box::pin(async move { engine.check(db, &practice, &guarantor, now).await })
                })
                .await?;
            if is_payday {
                paydays.entry(of).or_default().push(owner);
            }
        }
        for (practice, guarantors) in &paydays {
            self.remind_of_payday(practice, guarantors).await?;
        }
        Ok(due.len())
    }

    /// True when the account's payday asks for a reminder.
    async fn check(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        guarantor: &GuarantorId,
        now: UnixMs,
    ) -> store::Result<bool> {
        let waiting = queue::list_waiting(db, practice, guarantor).await?;
        let Some(practice) = store::practice::load(db, practice).await? else {
            return Ok(false);
        };
        let ids: Vec<_> = waiting.into_iter().map(|(id, _)| id).collect();
        let messages = message::load_many(db, &practice.id, &ids).await?;
        // What a person waits for is not held up; only reminders answer to the account's state.
        let reminders: Vec<_> = messages.values().filter(|m| m.class.is_reminder()).collect();
        for message in &reminders {
            self.check_message(db, &practice, message, now).await?;
        }
        store::ladder::mark_look(db, &practice.id, guarantor, now).await?;
        let waits = !reminders.is_empty();
        let (is_payday, next) = self.claim_payday(db, &practice, guarantor, waits, now).await?;
        mark_checked(db, &practice.id, guarantor, now, next).await?;
        Ok(is_payday)
    }

    async fn check_message(
        &self,
        db: &mut Db,
        practice: &Practice,
        message: &Message,
        now: UnixMs,
    ) -> store::Result<()> {
        let practice = named_for(db, practice, message).await?;
        let (gathered, claims) = gather_for(db, &practice, &[message], now).await?;
        let (mut proposal, mut facts) = case_of(&gathered, message, &claims);
        if message.state == State::PendingApproval {
            // Judged as if somebody said yes to it as it stands.
            facts.approval.given = Some(Approved {
                at: now.plus_ms(1),
                content_hash: proposal.content_hash.clone(),
                net_due: message.amount.unwrap_or_default(),
            });
        }
        // Whether it is late is for its slot to say.
        proposal.slot_at = proposal.slot_at.max(now);
        let decision = decide(&proposal, &facts, &gathered.rules, now);
        if decision.outcome != Outcome::Withhold {
            return Ok(());
        }
        let row = decision::New {
            guarantor: message.guarantor.as_ref(),
            message: Some(&message.id),
            decision: &decision,
            at: now,
        };
        decision::insert_many(db, self.world(), &practice.id, &[row]).await?;
        self.end_decided(db, &practice, &gathered, message, &decision).await
    }
}
