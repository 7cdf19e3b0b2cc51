//! The transaction before a hand-over: the facts, the gate, and the intent, of one message or of
//! several accounts' that go as one. Each is decided for itself, and what may not go now is simply not
//! part of it.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    clock::UnixMs,
    decide::{Decision, Outcome},
    gate::{RateSlot, SendPermit, admit},
    id::{ClaimId, GuarantorId, JobId, MessageId, PracticeId},
    practice::Practice,
};
use store::{
    Db, decision,
    message::{self, Message, State, digest, marks, queue},
};

use crate::{
    Engine,
    delivery::{Step, named_for},
    facts::{Gathered, case_of, decide_stored, gather_for},
};

/// What the transaction before the call says.
pub(crate) enum Intent {
    Go(Box<Hand>),
    Step(Step),
}

/// What is handed over: a message, and those of other accounts that go in it.
pub(crate) struct Hand {
    pub permit: SendPermit,
    pub message: Message,
    pub riders: Vec<Message>,
}

impl Engine {
    pub(crate) async fn intend(
        &self,
        db: &mut Db,
        practice: &Practice,
        id: &MessageId,
    ) -> store::Result<Intent> {
        let now = self.now();
        // The practice as it is now: it may have been put on hold a moment ago.
        let Some(fresh) = store::practice::load(db, &practice.id).await? else {
            return Ok(Intent::Step(Step::Gone));
        };
        let Some(message) = message::load(db, &fresh.id, id).await? else {
            return Ok(Intent::Step(Step::Gone));
        };
        let practice = named_for(db, &fresh, &message).await?;
        if message.state != State::Queued {
            return Ok(Intent::Step(Step::Gone));
        }
        let Some((message, others)) = self.lock_together(db, &practice, message).await? else {
            return Ok(Intent::Step(Step::Gone));
        };
        let all: Vec<&Message> = std::iter::once(&message).chain(&others).collect();
        let (gathered, claims) = gather_for(db, &practice, &all, now).await?;
        let first = decide_stored(&gathered, &message, &claims, now);
        if first.sends() {
            let (sender, interval_ms) = self.sender_of(&practice, &message);
            let turn = marks::claim_turn(db, &practice.id, sender, now, interval_ms).await?;
            if let Err(free_at) = turn {
                queue::mark_waiting(db, &practice.id, id, free_at, false).await?;
                return Ok(Intent::Step(Step::NoTurn(free_at)));
            }
        }
        let (proposal, facts) = case_of(&gathered, &message, &claims);
        let verdict = admit(&proposal, &facts, &gathered.rules, RateSlot::taken_at(now), now);
        match verdict {
            Ok(permit) => {
                let mut permits = BTreeMap::from([(message.id.clone(), permit)]);
                let mut ready = Vec::new();
                for other in others {
                    if let Some(permit) = admit_along(&gathered, &other, &claims, now) {
                        permits.insert(other.id.clone(), permit);
                        ready.push(other);
                    }
                }
                let Some(group) = self.fill(message, ready) else {
                    return Ok(Intent::Step(Step::Gone));
                };
                self.intend_together(db, &practice.id, group.members, permits).await
            }
            Err(decision) => {
                self.keep_decision(db, &practice.id, &message, &decision).await?;
                match decision.outcome {
                    Outcome::Defer { until } => {
                        queue::mark_waiting(db, &practice.id, id, until, true).await?;
                        Ok(Intent::Step(Step::Deferred))
                    }
                    Outcome::Send | Outcome::Withhold => {
                        self.end_decided(db, &practice, &gathered, &message, &decision).await?;
                        Ok(Intent::Step(Step::Withheld))
                    }
                }
            }
        }
    }

    /// Two messages to one person or phone are decided one after the other: takes the accounts, in
    /// one order for all, and the phone; then reads again what waits. The message itself, and those
    /// that may go in one with it; `None` when it does not wait any more.
    async fn lock_together(
        &self,
        db: &mut Db,
        practice: &Practice,
        message: Message,
    ) -> store::Result<Option<(Message, Vec<Message>)>> {
        let digest = message.digest.clone();
        let mut ids = match &digest {
            Some(digest) => digest::list_ready(db, &practice.id, digest).await?,
            None => Vec::new(),
        };
        ids.push(message.id.clone());
        let known = match &digest {
            Some(_) => message::load_many(db, &practice.id, &ids).await?,
            None => BTreeMap::from([(message.id.clone(), message.clone())]),
        };
        lock_accounts(db, &practice.id, known.values()).await?;
        store::contact::lock_value(db, &practice.id, &message.value_index).await?;
        if digest.is_none() {
            return Ok(Some((message, Vec::new())));
        }
        let mut fresh = message::load_many(db, &practice.id, &ids).await?;
        let Some(own) = fresh.remove(&message.id).filter(|one| one.state == State::Queued) else {
            return Ok(None);
        };
        let others = fresh.into_values().filter(|one| {
            one.state == State::Queued
                && one.next_at.is_some()
                && (&one.recipient, one.channel, one.class)
                    == (&own.recipient, own.channel, own.class)
        });
        let others = others.collect();
        Ok(Some((own, others)))
    }

    /// Writes the intent: one message leads and is worked on, the others go in it.
    async fn intend_together(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        members: Vec<Message>,
        mut permits: BTreeMap<MessageId, SendPermit>,
    ) -> store::Result<Intent> {
        let now = self.now();
        let until = self.parts.wall.now().plus_ms(self.options().lease_ms);
        let mut members = members.into_iter();
        let first = members.next().and_then(|one| Some((permits.remove(&one.id)?, one)));
        let Some((mut permit, message)) = first else { return Ok(Intent::Step(Step::Gone)) };
        let holder = &self.holder;
        let leads = match &message.digest {
            Some(_) => digest::mark_carrying(db, practice, &message.id, holder, until, now).await?,
            None => queue::mark_sending(db, practice, &message.id, holder, now).await?,
        };
        if !leads {
            return Ok(Intent::Step(Step::Gone));
        }
        self.keep_decision(db, practice, &message, permit.decision()).await?;
        // Counted from the intent on; taken back when it turns out that it did not go.
        if message.class.is_capped_on(message.channel) {
            self.count(db, practice, &message, false, now).await?;
        }
        let mut riders = Vec::new();
        for rider in members {
            let Some(theirs) = permits.remove(&rider.id) else { continue };
            let decision = theirs.decision().clone();
            // Taken back by somebody in this very moment, it is left out.
            if !permit.carry(theirs)
                || !digest::mark_carried(db, practice, &rider.id, &message.id, now).await?
            {
                continue;
            }
            self.keep_decision(db, practice, &rider, &decision).await?;
            self.count(db, practice, &rider, true, now).await?;
            riders.push(rider);
        }
        Ok(Intent::Go(Box::new(Hand { permit, message, riders })))
    }

    async fn keep_decision(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        message: &Message,
        decision: &Decision,
    ) -> store::Result<()> {
        let row = decision::New {
            guarantor: message.guarantor.as_ref(),
            message: Some(&message.id),
            decision,
            at: self.now(),
        };
        decision::insert_many(db, self.world(), practice, &[row]).await
    }
}

/// Takes the accounts of these messages, in one order for all who take several.
pub(crate) async fn lock_accounts<'a>(
    db: &mut Db,
    practice: &PracticeId,
    messages: impl Iterator<Item = &'a Message>,
) -> store::Result<()> {
    let accounts: BTreeSet<&GuarantorId> =
        messages.filter_map(|one| one.guarantor.as_ref()).collect();
    for guarantor in accounts {
        store::balance::lock(db, practice, guarantor, None).await?;
    }
    Ok(())
}

/// Leave for another account's message to go in this one, decided as if its own slot were now: a
/// later slot only spreads what goes. One that may not go now waits for its own turn.
fn admit_along(
    gathered: &Gathered,
    other: &Message,
    claims: &BTreeMap<(JobId, GuarantorId), Vec<ClaimId>>,
    now: UnixMs,
) -> Option<SendPermit> {
    let (mut proposal, facts) = case_of(gathered, other, claims);
    proposal.slot_at = proposal.slot_at.min(now);
    admit(&proposal, &facts, &gathered.rules, RateSlot::taken_at(now), now).ok()
}
