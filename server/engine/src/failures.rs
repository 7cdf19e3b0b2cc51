//! What staff do about a message that failed: put the contact right, send the notice another way, stop
//! writing to the guarantor, or put it away with a reason (S-H1, D-41). Each is one outcome, recorded
//! with who and when, in the transaction that brings it about; of two people one wins.
//!
//! Promises: another way goes through the same decision and the same gate, waits for the same caps, and
//! is not offered while the notice is already under way. Undoing an outcome takes back only what
//! that outcome did: never what the person themselves stopped, and nothing that has gone.

use domain::{
    clock::{DAY_MS, UnixMs},
    decide::{Channel, Class, Decision, Outcome as Says, SuppressionReason},
    id::{GuarantorId, HandledErrorId, JobId, MessageId, PracticeId},
    practice::Practice,
    template::Kind,
    window::{floor_lifts_at, is_below_the_floor},
};
use store::{
    Db,
    audit::{self, Actor, Entry},
    contact, decision, follow_up, guarantor,
    handled_error::{self, Handled, Outcome},
    job,
    message::{self, Message, State, queue},
    suppression,
};

use crate::{
    Criteria, Engine, Refusal, Result, WhatIf,
    compose::{Draft, Occasion, under_name},
    explain::ways,
    facts::{Gathered, gather},
    jobs::claims_of_draft,
    ladder::next_working_day,
    select::best_contact_for,
};

/// After this an opt-out that staff recorded by mistake is lifted by the person alone, like any other
/// (M21).
const OPT_OUT_UNDONE_WITHIN_MS: i64 = DAY_MS;
/// Opt-outs of one outcome are written within this time.
const ONE_OUTCOME_MS: i64 = 60_000;
const NOTE_LONGEST: usize = 500;

/// Why nothing is to be done, by the code that is stored.
pub const ARCHIVE_REASONS: [&str; 5] = ["paid", "reached", "moved", "no_contact", "other"];

type Said<T> = store::Result<std::result::Result<T, Refusal>>;

/// One outcome as it is being recorded.
struct Step<'a> {
    id: &'a HandledErrorId,
    message: &'a Message,
    outcome: Outcome,
    detail: &'a str,
    note: Option<&'a str>,
    other: Option<&'a MessageId>,
    by: &'a Actor,
    at: UnixMs,
}

impl Engine {
    /// The ways a failed notice could go instead, each with its decision. Empty where it is under way
    /// already, and for messages that are no reminders.
    pub async fn ways_instead(&self, practice: &PracticeId, id: &MessageId) -> Result<Vec<WhatIf>> {
        let practice = self.practice(practice).await?;
        let mut db = self.store().read().await?;
        let found = message::load(&mut db, &practice.id, id).await?.ok_or(Refusal::NotFound)?;
        let Some(guarantor) = found.guarantor.as_ref().filter(|_| found.class == Class::Dunning)
        else {
            return Ok(Vec::new());
        };
        if is_under_way(&mut db, &practice.id, &found).await? {
            return Ok(Vec::new());
        }
        let now = self.now();
        let gathered =
            gather(&mut db, &practice, std::slice::from_ref(guarantor), &[], now).await?;
        let Some(account) = gathered.accounts.get(guarantor) else { return Ok(Vec::new()) };
        Ok(ways(&gathered, account, &found.notice, now))
    }

    /// Nothing is to be done about it; `reason` is one of [`ARCHIVE_REASONS`].
    pub async fn archive_error(
        &self,
        practice: &PracticeId,
        id: &MessageId,
        reason: &str,
        note: Option<&str>,
        by: &Actor,
    ) -> Result<()> {
        let note = note.map(str::trim).filter(|note| !note.is_empty());
        let is_long = note.is_some_and(|note| note.chars().count() > NOTE_LONGEST);
        let needs_note = reason == "other" && note.is_none();
        if !ARCHIVE_REASONS.contains(&reason) || is_long || needs_note {
            return Err(Refusal::ErrorNeedsReason.into());
        }
        let (engine, practice, id) = (self.clone(), practice.clone(), id.clone());
        let (reason, note, by) = (reason.to_owned(), note.map(str::to_owned), by.clone());
        let done = self
            .store()
            .write(move |db| {
                let (engine, practice, id) = (engine.clone(), practice.clone(), id.clone());
                let (reason, note, by) = (reason.clone(), note.clone(), by.clone());
                Box::pin(async move {
                    let Some(message) = failed(db, &practice, &id).await? else {
                        return Ok(Err(Refusal::NotFound));
                    };
                    let step = Step {
                        id: &engine.world().mint(),
                        message: &message,
                        outcome: Outcome::Archive,
                        detail: &reason,
                        note: note.as_deref(),
                        other: None,
                        by: &by,
                        at: engine.now(),
                    };
                    Ok(engine.record_outcome(db, &practice, &step).await?.map(|_| ()))
                })
            })
            .await?;
        done.map_err(Into::into)
    }

    /// Somebody put a contact of the account right because of this failure.
    pub async fn note_contact_fixed(
        &self,
        practice: &PracticeId,
        guarantor: &GuarantorId,
        id: &MessageId,
        by: &Actor,
    ) -> Result<()> {
        let (engine, practice, id) = (self.clone(), practice.clone(), id.clone());
        let (guarantor, by) = (guarantor.clone(), by.clone());
        let done = self
            .store()
            .write(move |db| {
                let (engine, practice, id) = (engine.clone(), practice.clone(), id.clone());
                let (guarantor, by) = (guarantor.clone(), by.clone());
                Box::pin(async move {
                    let found = failed(db, &practice, &id).await?;
                    let found = found.filter(|m| m.guarantor.as_ref() == Some(&guarantor));
                    let Some(message) = found else { return Ok(Err(Refusal::NotFound)) };
                    let step = Step {
                        id: &engine.world().mint(),
                        message: &message,
                        outcome: Outcome::Contact,
                        detail: "",
                        note: None,
                        other: None,
                        by: &by,
                        at: engine.now(),
                    };
                    Ok(engine.record_outcome(db, &practice, &step).await?.map(|_| ()))
                })
            })
            .await?;
        done.map_err(Into::into)
    }

    /// The guarantor is not written to any more: at this phone or email, or, with `everywhere`, at
    /// any contact on file.
    pub async fn opt_out_after_error(
        &self,
        practice: &PracticeId,
        id: &MessageId,
        everywhere: bool,
        by: &Actor,
    ) -> Result<()> {
        let (engine, practice, id) = (self.clone(), practice.clone(), id.clone());
        let by = by.clone();
        let done = self
            .store()
            .write(move |db| {
                let (engine, practice, id) = (engine.clone(), practice.clone(), id.clone());
                let by = by.clone();
                Box::pin(async move {
                    let Some(message) = failed(db, &practice, &id).await? else {
                        return Ok(Err(Refusal::NotFound));
                    };
                    let step = Step {
                        id: &engine.world().mint(),
                        message: &message,
                        outcome: Outcome::OptOut,
                        detail: if everywhere { "all" } else { "this" },
                        note: None,
                        other: None,
                        by: &by,
                        at: engine.now(),
                    };
                    match engine.record_outcome(db, &practice, &step).await? {
                        Ok(true) => {
                            engine.stop_there(db, &practice, &message, everywhere, &by).await?;
                            Ok(Ok(()))
                        }
                        Ok(false) => Ok(Ok(())),
                        Err(refusal) => Ok(Err(refusal)),
                    }
                })
            })
            .await?;
        done.map_err(Into::into)
    }

    async fn stop_there(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        message: &Message,
        everywhere: bool,
        by: &Actor,
    ) -> store::Result<()> {
        let (now, label) = (self.now(), by.label());
        for (value, channel) in stopped(db, practice, message, everywhere).await? {
            let reason = SuppressionReason::Staff;
            self.suppress(db, practice, &value, channel, reason, &label).await?;
            for holder in contact::list_by_value(db, practice, &value).await? {
                guarantor::mark_check(db, practice, &holder.guarantor, now).await?;
            }
        }
        Ok(())
    }

    /// The same notice, another way: decided as at the gate, approved by whoever asks for it. Returns
    /// when it goes; `None` for a letter, which a person prints.
    pub async fn send_instead(
        &self,
        practice: &PracticeId,
        id: &MessageId,
        channel: Channel,
        by: &Actor,
    ) -> Result<Option<UnixMs>> {
        let practice = self.practice(practice).await?;
        let now = self.now();
        if channel.rings() && is_below_the_floor(now) {
            return Err(Refusal::BelowTheFloor { until: floor_lifts_at(now) }.into());
        }
        let (engine, id, by) = (self.clone(), id.clone(), by.clone());
        let done = self
            .store()
            .write(move |db| {
                let (engine, practice) = (engine.clone(), practice.clone());
                let (id, by) = (id.clone(), by.clone());
                Box::pin(async move {
                    let found = failed(db, &practice.id, &id).await?;
                    let Some(message) = found.filter(|m| m.class == Class::Dunning) else {
                        return Ok(Err(Refusal::NotFound));
                    };
                    engine.send_in(db, &practice, &message, channel, &by).await
                })
            })
            .await?;
        done.map_err(Into::into)
    }

    async fn send_in(
        &self,
        db: &mut Db,
        practice: &Practice,
        message: &Message,
        channel: Channel,
        by: &Actor,
    ) -> Said<Option<UnixMs>> {
        let now = self.now();
        let Some(guarantor) = &message.guarantor else { return Ok(Err(Refusal::NotFound)) };
        if is_under_way(db, &practice.id, message).await? {
            // The second of two clicks finds its own outcome standing.
            let standing = standing(db, &practice.id, message).await?;
            let own = standing.filter(|one| one.by == by.label());
            let Some(own) = own.filter(|one| one.detail == channel.as_str()) else {
                return Ok(Err(Refusal::AlreadyDone));
            };
            return Ok(Ok(goes_at(db, &practice.id, &own).await?));
        }
        let gathered = gather(db, practice, std::slice::from_ref(guarantor), &[], now).await?;
        let handled: HandledErrorId = self.world().mint();
        let step = |other| Step {
            id: &handled,
            message,
            outcome: Outcome::Channel,
            detail: channel.as_str(),
            note: None,
            other,
            by,
            at: now,
        };
        let account = gathered.accounts.get(guarantor);
        let way = account.map(|account| ways(&gathered, account, &message.notice, now));
        let way = way.unwrap_or_default().into_iter().find(|way| way.channel == channel);
        let Some(decision) = way.and_then(|way| way.decision) else {
            return Ok(Err(Refusal::NoContact));
        };
        if decision.outcome == Says::Withhold {
            return Ok(Err(Refusal::Decided(Box::new(decision))));
        }
        if channel == Channel::Letter {
            if let Err(refusal) = self.record_outcome(db, &practice.id, &step(None)).await? {
                return Ok(Err(refusal));
            }
            self.print_instead(db, practice, guarantor, &handled).await?;
            return Ok(Ok(None));
        }
        let (job, draft) =
            match self.draft_instead(db, practice, &gathered, message, channel, by).await? {
                Ok(drafted) => drafted,
                Err(refusal) => return Ok(Err(refusal)),
            };
        if let Err(refusal) =
            self.record_outcome(db, &practice.id, &step(Some(&draft.message.id))).await?
        {
            return Ok(Err(refusal));
        }
        let at = match decision.outcome {
            Says::Defer { until } => until,
            Says::Send | Says::Withhold => now,
        };
        self.write_instead(db, practice, &job, &draft, &decision, at, by).await?;
        Ok(Ok(Some(at)))
    }

    /// The words, and the run of one they stand in: under the name the failed one had.
    async fn draft_instead(
        &self,
        db: &mut Db,
        practice: &Practice,
        gathered: &Gathered,
        message: &Message,
        channel: Channel,
        by: &Actor,
    ) -> Said<(job::Job, Draft)> {
        let (now, label) = (self.now(), by.label());
        let known = message.guarantor.as_ref().and_then(|id| gathered.accounts.get(id));
        let Some(account) = known else { return Ok(Err(Refusal::NotFound)) };
        let best = best_contact_for(gathered, account, channel, &message.notice, now);
        let Some((contact, _)) = best else {
            return Ok(Err(Refusal::NoContact));
        };
        let before = match &message.job {
            Some(job) => job::load(db, &practice.id, job).await?,
            None => None,
        };
        let custom_name = before.and_then(|job| job.custom_name);
        let named = under_name(practice, custom_name.as_deref());
        let criteria = Criteria { method: channel, ..Criteria::default() };
        let id: JobId = self.world().mint();
        let row = job::Job {
            id: id.clone(),
            kind: "reminder".into(),
            method: channel.as_str().into(),
            criteria: serde_json::to_string(&criteria).expect("criteria are plain data"),
            custom_name,
            state: job::State::Drafting,
            mark: None,
            created_by: label.clone(),
            created_at: now,
            approved_by: None,
            approved_at: None,
            finished_at: None,
            paused_at: None,
            paused_by: None,
        };
        let book = store::template::load_book(db, &practice.id).await?;
        let occasion = Occasion {
            job: &id,
            by: &label,
            notice: Some(&message.notice),
            kind: Kind::parse(&message.kind),
            due_on: None,
            book: &book,
        };
        let written = self.reminder(&named, account, contact, channel, &occasion, now);
        Ok(written.map(|mut draft| {
            // One more of the notice: the first on this channel may be the one that failed.
            draft.message.dedupe_key = format!("instead:{}", draft.message.id);
            (row, draft)
        }))
    }

    #[allow(clippy::too_many_arguments, reason = "a message that goes at once has these parts")]
    async fn write_instead(
        &self,
        db: &mut Db,
        practice: &Practice,
        row: &job::Job,
        draft: &Draft,
        decision: &Decision,
        at: UnixMs,
        by: &Actor,
    ) -> store::Result<()> {
        let (now, label, new) = (self.now(), by.label(), &draft.message);
        job::insert(db, &practice.id, row).await?;
        message::insert_many(db, &practice.id, std::slice::from_ref(new)).await?;
        if let Some(link) = &draft.link {
            store::link::insert_many(db, &practice.id, std::slice::from_ref(link), now).await?;
        }
        let claims: Vec<_> = claims_of_draft(draft).collect();
        job::insert_claims(db, &practice.id, &row.id, &claims).await?;
        let rows = [decision::New {
            guarantor: new.guarantor.as_ref(),
            message: Some(&new.id),
            decision,
            at: now,
        }];
        decision::insert_many(db, self.world(), &practice.id, &rows).await?;
        let slot = queue::Slot { id: new.id.clone(), content_hash: new.content_hash.clone(), at };
        let (pid, id) = (&practice.id, &row.id);
        queue::mark_approved(db, pid, std::slice::from_ref(&slot), &label, now).await?;
        job::mark_claims_pending(db, pid, id, now).await?;
        job::mark_choice(db, pid, id, "yes", Some(now)).await?;
        job::mark_state(db, pid, id, job::State::Drafting, job::State::PendingApproval).await?;
        job::mark_approving(db, pid, id, &label, now).await?;
        job::mark_state(db, pid, id, job::State::Approving, job::State::Approved).await?;
        Ok(())
    }

    async fn print_instead(
        &self,
        db: &mut Db,
        practice: &Practice,
        guarantor: &GuarantorId,
        handled: &HandledErrorId,
    ) -> store::Result<()> {
        let new = follow_up::New {
            guarantor,
            kind: follow_up::Kind::Letter,
            script: "statement",
            reason: "A message could not be delivered",
            due_on: next_working_day(self.now().day_in(&practice.zone())),
            is_urgent: false,
            dedupe_key: &letter_key(handled),
        };
        follow_up::insert(db, self.world(), &practice.id, &new).await?;
        Ok(())
    }

    /// Back to the queue, with what the outcome did taken back where that is still possible.
    pub async fn undo_error(
        &self,
        practice: &PracticeId,
        id: &MessageId,
        by: &Actor,
    ) -> Result<()> {
        let (engine, practice, id) = (self.clone(), practice.clone(), id.clone());
        let by = by.clone();
        let done = self
            .store()
            .write(move |db| {
                let (engine, practice, id) = (engine.clone(), practice.clone(), id.clone());
                let by = by.clone();
                Box::pin(async move {
                    let Some(message) = failed(db, &practice, &id).await? else {
                        return Ok(Err(Refusal::NotFound));
                    };
                    let Some(stands) = standing(db, &practice, &message).await? else {
                        // The second of two clicks.
                        return Ok(Ok(()));
                    };
                    let taken = engine.undo_outcome(db, &practice, &message, &stands, &by).await?;
                    if let Err(refusal) = taken {
                        return Ok(Err(refusal));
                    }
                    let now = engine.now();
                    handled_error::mark_undone(db, &practice, &stands.id, &by.label(), now).await?;
                    let mut entry =
                        Entry::new(&practice, by, "undo", "message", message.id.as_str())
                            .with(format!("outcome={}", stands.outcome.as_str()));
                    entry.guarantor = message.guarantor.clone();
                    audit::insert(db, engine.world(), &entry).await?;
                    Ok(Ok(()))
                })
            })
            .await?;
        done.map_err(Into::into)
    }

    async fn undo_outcome(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        message: &Message,
        stands: &Handled,
        by: &Actor,
    ) -> Said<()> {
        let (now, label) = (self.now(), by.label());
        match stands.outcome {
            // The contact stays as it was put right.
            Outcome::Contact | Outcome::Archive => Ok(Ok(())),
            Outcome::Channel => {
                let Some(other) = &stands.other else {
                    let key = letter_key(&stands.id);
                    let done = follow_up::mark_taken_back(db, practice, &key, &label, now).await?;
                    return Ok(if done { Ok(()) } else { Err(Refusal::GoneAlready) });
                };
                let found = message::load(db, practice, other).await?;
                let Some(job) = found.and_then(|other| other.job) else {
                    return Ok(Err(Refusal::GoneAlready));
                };
                let ended = queue::mark_job_cancelled(db, practice, &job, Some(other), now).await?;
                if ended.is_empty() {
                    return Ok(Err(Refusal::GoneAlready));
                }
                self.after_end(db, practice, &ended).await?;
                Ok(Ok(()))
            }
            Outcome::OptOut if now.since(stands.at) > OPT_OUT_UNDONE_WITHIN_MS => {
                Ok(Err(Refusal::OptOutStands))
            }
            Outcome::OptOut => {
                let window = (stands.at, stands.at.plus_ms(ONE_OUTCOME_MS));
                let everywhere = stands.detail == "all";
                for (value, channel) in stopped(db, practice, message, everywhere).await? {
                    let mistake = suppression::Mistake {
                        value_index: &value,
                        channel,
                        actor: &stands.by,
                        from: window.0,
                        until: window.1,
                    };
                    suppression::mark_mistaken(db, practice, &mistake, &label, now).await?;
                    for holder in contact::list_by_value(db, practice, &value).await? {
                        guarantor::mark_check(db, practice, &holder.guarantor, now).await?;
                    }
                }
                Ok(Ok(()))
            }
        }
    }

    /// Records the outcome: true when it is new, false when the same person said the same before,
    /// a refusal when somebody else was faster.
    async fn record_outcome(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        step: &Step<'_>,
    ) -> Said<bool> {
        let (message, label) = (step.message, step.by.label());
        let new = handled_error::New {
            id: step.id,
            message: &message.id,
            guarantor: message.guarantor.as_ref(),
            outcome: step.outcome,
            detail: step.detail,
            note: step.note,
            other: step.other,
            by: &label,
            at: step.at,
        };
        if !handled_error::insert(db, practice, &new).await? {
            let stands = standing(db, practice, message).await?;
            let is_same = stands.is_some_and(|one| {
                one.by == label && one.outcome == step.outcome && one.detail == step.detail
            });
            return Ok(if is_same { Ok(false) } else { Err(Refusal::AlreadyDone) });
        }
        let mut entry =
            Entry::new(practice, step.by.clone(), "handle", "message", message.id.as_str()).with(
                format!("outcome={} {}", step.outcome.as_str(), step.detail).trim_end().to_owned(),
            );
        entry.guarantor = message.guarantor.clone();
        audit::insert(db, self.world(), &entry).await?;
        Ok(Ok(true))
    }
}

fn letter_key(handled: &HandledErrorId) -> String {
    format!("error:{handled}:letter")
}

/// A message of the practice that failed.
async fn failed(
    db: &mut Db,
    practice: &PracticeId,
    id: &MessageId,
) -> store::Result<Option<Message>> {
    let found = message::load(db, practice, id).await?;
    Ok(found.filter(|message| message.state == State::Failed))
}

async fn standing(
    db: &mut Db,
    practice: &PracticeId,
    message: &Message,
) -> store::Result<Option<Handled>> {
    let mut found =
        handled_error::load_many(db, practice, std::slice::from_ref(&message.id)).await?;
    Ok(found.remove(&message.id))
}

/// Some message of the notice waits, is on its way or has arrived.
async fn is_under_way(
    db: &mut Db,
    practice: &PracticeId,
    message: &Message,
) -> store::Result<bool> {
    let written = message::list_by_notice(db, practice, &message.notice).await?;
    let goes =
        |state: &State| state.is_open() || matches!(state, State::Accepted | State::Delivered);
    Ok(written.iter().any(|(_, state)| goes(state)))
}

/// When what went instead goes, or went.
async fn goes_at(
    db: &mut Db,
    practice: &PracticeId,
    handled: &Handled,
) -> store::Result<Option<UnixMs>> {
    let Some(other) = &handled.other else { return Ok(None) };
    let found = message::load(db, practice, other).await?;
    Ok(found.map(|message| message.next_at.unwrap_or(message.slot_at)))
}

/// The phone or email of the message, or everything on file for its guarantor, by channel. Who stops
/// texts to a phone stops calls to it.
async fn stopped(
    db: &mut Db,
    practice: &PracticeId,
    message: &Message,
    everywhere: bool,
) -> store::Result<Vec<(String, Channel)>> {
    let channels = |channel: Channel| match channel {
        Channel::Text | Channel::Voice => vec![Channel::Text, Channel::Voice],
        other => vec![other],
    };
    let mut found: Vec<(String, Channel)> = Vec::new();
    let own = (message.value_index.clone(), message.channel);
    let mut values = vec![own];
    if let Some(guarantor) = message.guarantor.as_ref().filter(|_| everywhere) {
        let contacts = contact::list(db, practice, guarantor).await?;
        values.extend(contacts.into_iter().map(|c| (c.value_index, c.kind.channel())));
    }
    for (value, channel) in values {
        for channel in channels(channel) {
            if !found.iter().any(|(known, by)| *known == value && *by == channel) {
                found.push((value.clone(), channel));
            }
        }
    }
    Ok(found)
}
