//! The yes to a run, and the slots its messages get: all within the hour when their windows allow.

use domain::{
    clock::{HOUR_MS, UnixMs},
    decide::{Channel, Decision, Outcome},
    id::{JobId, MessageId, PracticeId},
    practice::Practice,
    window::{floor_lifts_at, is_below_the_floor},
};
use store::{
    Db, audit,
    audit::{Actor, Entry},
    decision, job,
    message::{self, Message, State, queue},
};

use crate::{
    Engine, Refusal, Result,
    compose::under_name,
    facts::{decide_stored, gather_for},
};

/// Messages approved in one transaction: short enough that nobody waits behind it.
const CHUNK: usize = 200;

/// "Patient Statements Sent".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approved {
    /// Go within the hour.
    pub queued: usize,
    /// Wait longer, for a window, a cap or a pause.
    pub waiting: usize,
    /// Decided against since the list was shown.
    pub withheld: usize,
    pub first_at: Option<UnixMs>,
    pub last_at: Option<UnixMs>,
}

impl Engine {
    /// The one yes to the whole list (K). Claims become Pending patient, until "No" is chosen.
    /// Also approves what came back to waiting for approval after a balance changed.
    pub async fn approve_job(
        &self,
        practice: &PracticeId,
        id: &JobId,
        by: &Actor,
    ) -> Result<Approved> {
        let practice = self.practice(practice).await?;
        let mut db = self.store().read().await?;
        let job = job::load(&mut db, &practice.id, id).await?.ok_or(Refusal::NotFound)?;
        drop(db);
        let now = self.now();
        if job.paused_at.is_some() {
            return Err(Refusal::JobIsPaused.into());
        }
        let rings = Channel::parse(&job.method).is_some_and(Channel::rings);
        if rings && is_below_the_floor(now) {
            return Err(Refusal::BelowTheFloor { until: floor_lifts_at(now) }.into());
        }
        let (pid, jid, label) = (practice.id.clone(), id.clone(), by.label());
        let (world, actor) = (self.world().clone(), by.clone());
        let won = self
            .store()
            .write(move |db| {
                let (pid, jid, label) = (pid.clone(), jid.clone(), label.clone());
                let (world, actor) = (world.clone(), actor.clone());
                Box::pin(async move {
                    // Two approvers, one send: the second finds nothing pending.
                    if queue::list_pending(db, &pid, &jid, None, 1).await?.is_empty() {
                        return Ok(false);
                    }
                    if !job::mark_approving(db, &pid, &jid, &label, now).await? {
                        return Ok(false);
                    }
                    let entry = Entry::new(&pid, actor, "approve", "job", jid.as_str());
                    audit::insert(db, &world, &entry).await?;
                    Ok(true)
                })
            })
            .await?;
        if !won {
            return Err(Refusal::AlreadyDone.into());
        }
        self.finish_approval(&practice, &job, &by.label(), now).await
    }

    /// Gives every pending message its slot, in chunks; a restart goes on where it stopped.
    pub(crate) async fn finish_approval(
        &self,
        practice: &Practice,
        job: &job::Job,
        by: &str,
        approved_at: UnixMs,
    ) -> Result<Approved> {
        let named = under_name(practice, job.custom_name.as_deref());
        let mut db = self.store().read().await?;
        let waiting: i64 = message::count_by_job(&mut db, &practice.id, &job.id)
            .await?
            .iter()
            .filter(|one| one.state == State::PendingApproval)
            .map(|one| one.messages)
            .sum();
        drop(db);
        // A practice may want fewer an hour, so that calls about them do not flood it.
        let shaped = practice.settings.messages_per_hour.map_or(0, |most| HOUR_MS / most.max(1));
        let step_ms = (self.options().spread_ms / waiting.max(1)).max(shaped);
        let (mut approved, mut place, mut after) = (Approved::default(), 0, None);
        loop {
            let (engine, named, jid) = (self.clone(), named.clone(), job.id.clone());
            let (by, from) = (by.to_owned(), after.clone());
            let chunk: Chunk = self
                .store()
                .write(move |db| {
                    let (engine, named, jid) = (engine.clone(), named.clone(), jid.clone());
                    let (by, from) = (by.clone(), from.clone());
                    Box::pin(async move {
                        let after = from.as_ref();
                        let size = i64::try_from(CHUNK).unwrap_or(i64::MAX);
                        let ids = queue::list_pending(db, &named.id, &jid, after, size).await?;
                        let spread = Spread { first: place, step_ms };
                        engine.approve_in(db, &named, &ids, &by, approved_at, spread).await
                    })
                })
                .await?;
            let Some(last) = chunk.last.clone() else { break };
            after = Some(last);
            place += i64::try_from(CHUNK).unwrap_or(0);
            approved.take(chunk);
        }
        let (pid, jid) = (practice.id.clone(), job.id.clone());
        let mark = job.mark.clone();
        self.store()
            .write(move |db| {
                let (pid, jid, mark) = (pid.clone(), jid.clone(), mark.clone());
                Box::pin(async move {
                    if mark.as_deref() != Some("no") {
                        let now = approved_at;
                        job::mark_claims_pending(db, &pid, &jid, now).await?;
                        job::mark_choice(db, &pid, &jid, "yes", None).await?;
                    }
                    let (from, to) = (job::State::Approving, job::State::Approved);
                    job::mark_state(db, &pid, &jid, from, to).await
                })
            })
            .await?;
        Ok(approved)
    }

    pub(crate) async fn approve_in(
        &self,
        db: &mut Db,
        practice: &Practice,
        ids: &[MessageId],
        by: &str,
        approved_at: UnixMs,
        spread: Spread,
    ) -> store::Result<Chunk> {
        let now = self.now();
        let messages = message::load_many(db, &practice.id, ids).await?;
        let all: Vec<&Message> = messages.values().collect();
        let (gathered, claims) = gather_for(db, practice, &all, now).await?;
        let mut chunk = Chunk { last: ids.last().cloned(), ..Chunk::default() };
        let mut decisions = Vec::new();
        for (place, id) in (spread.first..).zip(ids) {
            let Some(message) = messages.get(id) else { continue };
            let mut yes = message.clone();
            yes.approved_at = Some(approved_at);
            let decision = decide_stored(&gathered, &yes, &claims, now);
            let slot = match decision.outcome {
                Outcome::Send => Some(now.plus_ms(place * spread.step_ms)),
                // Not all at the opening instant either.
                Outcome::Defer { until } => Some(until.plus_ms(place * spread.step_ms)),
                Outcome::Withhold => None,
            };
            match slot {
                Some(at) => {
                    let content_hash = message.content_hash.clone();
                    chunk.slots.push(queue::Slot { id: id.clone(), content_hash, at });
                    let late = at.since(now) > self.options().spread_ms + 1;
                    chunk.waiting += usize::from(late);
                }
                None => chunk.ended.push((message.clone(), decision.clone())),
            }
            decisions.push((message.clone(), decision));
        }
        let rows: Vec<_> = decisions
            .iter()
            .map(|(message, decision)| decision::New {
                guarantor: message.guarantor.as_ref(),
                message: Some(&message.id),
                decision,
                at: now,
            })
            .collect();
        decision::insert_many(db, self.world(), &practice.id, &rows).await?;
        queue::mark_approved(db, &practice.id, &chunk.slots, by, approved_at).await?;
        for (message, decision) in &chunk.ended {
            self.end_decided(db, practice, &gathered, message, decision).await?;
        }
        Ok(chunk)
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Spread {
    pub first: i64,
    pub step_ms: i64,
}

#[derive(Default)]
pub(crate) struct Chunk {
    last: Option<MessageId>,
    slots: Vec<queue::Slot>,
    waiting: usize,
    ended: Vec<(Message, Decision)>,
}

impl Approved {
    pub(crate) fn take(&mut self, chunk: Chunk) {
        self.waiting += chunk.waiting;
        self.queued += chunk.slots.len() - chunk.waiting;
        self.withheld += chunk.ended.len();
        for slot in &chunk.slots {
            self.first_at = Some(self.first_at.map_or(slot.at, |at| at.min(slot.at)));
            self.last_at = Some(self.last_at.map_or(slot.at, |at| at.max(slot.at)));
        }
    }
}
