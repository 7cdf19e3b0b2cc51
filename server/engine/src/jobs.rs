//! A run of reminders from its list to its end: written, its claims marked, taken back, shown
//! (S-SF1 to S-SF6, X2, D-39). The yes itself is in `approval`.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    book::Preferred,
    clock::UnixMs,
    decide::{Channel, Outcome},
    id::{ClaimId, GuarantorId, JobId, MessageId, PracticeId},
    money::Cents,
    practice::Practice,
};
use store::{
    Db, audit,
    audit::{Actor, Entry},
    decision, job,
    message::{self, State, queue},
};

use crate::{
    Criteria, Engine, Goes, Refusal, Result, Together,
    compose::{Draft, Occasion, check_name, under_name},
    digest,
    facts::{Account, gather},
    select::best_contact,
};

/// Messages written or approved in one transaction: short enough that nobody waits behind it.
const CHUNK: usize = 200;
/// A job left half-written for this long was abandoned by a server that stopped.
const ABANDONED_MS: i64 = 60 * 60 * 1000;

/// Which of the eligible accounts a run is for.
#[derive(Clone, Debug)]
pub enum Selection {
    All,
    /// All but the ones whose box was cleared.
    AllBut(BTreeSet<GuarantorId>),
    Only(BTreeSet<GuarantorId>),
}

impl Selection {
    fn holds(&self, id: &GuarantorId) -> bool {
        match self {
            Self::All => true,
            Self::AllBut(cleared) => !cleared.contains(id),
            Self::Only(chosen) => chosen.contains(id),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Drafted {
    pub job: JobId,
    pub messages: usize,
    pub segments: i64,
    pub amount: Cents,
    /// Over thirty characters: sent, but warned (S-TP2).
    pub name_is_long: bool,
}

/// What the job page shows.
#[derive(Clone, Debug)]
pub struct JobPage {
    pub job: job::Job,
    pub counts: BTreeMap<State, i64>,
    /// `(state, reason, messages)` of what ended without going.
    pub reasons: Vec<(State, String, i64)>,
    pub messages: i64,
    /// Of them, those that go in the message of another account with the same phone or email.
    pub riding: i64,
    pub riding_by_state: BTreeMap<State, i64>,
    pub segments: i64,
    pub amount: Cents,
    pub next_at: Option<UnixMs>,
    pub last_at: Option<UnixMs>,
    pub lines: Vec<message::Line>,
    /// With whom those of the lines go that wait.
    pub together: BTreeMap<MessageId, Together>,
}

impl Engine {
    /// Writes the messages of a run; nothing goes before it is approved. `by` is `staff:stf_…`.
    pub async fn create_job(
        &self,
        practice: &PracticeId,
        criteria: &Criteria,
        selection: &Selection,
        custom_name: Option<&str>,
        by: &Actor,
    ) -> Result<Drafted> {
        let name_is_long = check_name(custom_name)?;
        let practice = self.practice(practice).await?;
        let named = under_name(&practice, custom_name);
        let now = self.now();
        let mut db = self.store().read().await?;
        let (candidates, _) = self.candidates(&mut db, &named, criteria, now).await?;
        drop(db);
        let chosen: Vec<GuarantorId> = candidates
            .into_iter()
            .filter(|c| c.goes != Goes::Not && selection.holds(&c.guarantor))
            .map(|c| c.guarantor)
            .collect();
        if chosen.is_empty() {
            return Err(Refusal::NobodySelected.into());
        }
        let id = self.insert_job(&practice, criteria, custom_name, by, now).await?;
        let mut drafted = Drafted {
            job: id.clone(),
            messages: 0,
            segments: 0,
            amount: Cents::ZERO,
            name_is_long,
        };
        for chunk in chosen.chunks(CHUNK) {
            let written = self.draft_chunk(&named, &id, criteria.method, chunk, by).await?;
            drafted.messages += written.0;
            drafted.amount += written.1;
        }
        if drafted.messages == 0 {
            self.cancel_job(&practice.id, &id, by).await?;
            return Err(Refusal::NobodySelected.into());
        }
        let mut db = self.store().read().await?;
        let counted = message::count_by_job(&mut db, &practice.id, &id).await?;
        drop(db);
        drafted.segments = counted.iter().map(|one| one.segments).sum();
        let (practice, job) = (practice.id.clone(), id.clone());
        self.store()
            .write(move |db| {
                let (practice, job) = (practice.clone(), job.clone());
                Box::pin(async move {
                    let (from, to) = (job::State::Drafting, job::State::PendingApproval);
                    job::mark_state(db, &practice, &job, from, to).await
                })
            })
            .await?;
        Ok(drafted)
    }

    pub(crate) async fn insert_job(
        &self,
        practice: &Practice,
        criteria: &Criteria,
        custom_name: Option<&str>,
        by: &Actor,
        now: UnixMs,
    ) -> Result<JobId> {
        let id: JobId = self.world().mint();
        let row = job::Job {
            id: id.clone(),
            kind: "reminder".into(),
            method: criteria.method.as_str().into(),
            criteria: serde_json::to_string(criteria).expect("criteria are plain data"),
            custom_name: custom_name.map(|n| n.trim().to_owned()).filter(|n| !n.is_empty()),
            state: job::State::Drafting,
            mark: None,
            created_by: by.label(),
            created_at: now,
            approved_by: None,
            approved_at: None,
            finished_at: None,
            paused_at: None,
            paused_by: None,
        };
        let (world, practice, by) = (self.world().clone(), practice.id.clone(), by.clone());
        self.store()
            .write(move |db| {
                let (world, practice, by, row) =
                    (world.clone(), practice.clone(), by.clone(), row.clone());
                Box::pin(async move {
                    job::insert(db, &practice, &row).await?;
                    let entry = Entry::new(&practice, by, "create", "job", row.id.as_str());
                    audit::insert(db, &world, &entry).await
                })
            })
            .await?;
        Ok(id)
    }

    /// Messages and amount written.
    pub(crate) async fn draft_chunk(
        &self,
        practice: &Practice,
        job: &JobId,
        channel: Channel,
        ids: &[GuarantorId],
        by: &Actor,
    ) -> Result<(usize, Cents)> {
        let (engine, practice, job) = (self.clone(), practice.clone(), job.clone());
        let (ids, by) = (ids.to_vec(), by.label());
        let written = self
            .store()
            .write(move |db| {
                let (engine, practice, job) = (engine.clone(), practice.clone(), job.clone());
                let (ids, by) = (ids.clone(), by.clone());
                Box::pin(
                    async move { engine.draft_in(db, &practice, &job, channel, &ids, &by).await },
                )
            })
            .await?;
        written.map_err(Into::into)
    }

    async fn draft_in(
        &self,
        db: &mut Db,
        practice: &Practice,
        job: &JobId,
        channel: Channel,
        ids: &[GuarantorId],
        by: &str,
    ) -> store::Result<std::result::Result<(usize, Cents), Refusal>> {
        let now = self.now();
        let gathered = gather(db, practice, ids, &[], now).await?;
        let book = store::template::load_book(db, &practice.id).await?;
        let (mut drafts, mut decisions) = (Vec::new(), Vec::new());
        for id in ids {
            let Some(account) = gathered.accounts.get(id) else { continue };
            for channel in channels_of(account, channel) {
                let best = best_contact(&gathered, account, channel, now);
                let Some((contact, decision)) = best else { continue };
                if decision.outcome == Outcome::Withhold {
                    continue;
                }
                let occasion =
                    Occasion { job, by, notice: None, kind: None, due_on: None, book: &book };
                match self.reminder(practice, account, contact, channel, &occasion, now) {
                    Ok(draft) => {
                        drafts.push(draft);
                        decisions.push(decision);
                    }
                    Err(refusal) => return Ok(Err(refusal)),
                }
            }
        }
        let mut new: Vec<_> = drafts.iter_mut().map(|d| &mut d.message).collect();
        digest::assign(db, &practice.id, &mut new, |_| job.to_string()).await?;
        let messages: Vec<_> = drafts.iter().map(|d| d.message.clone()).collect();
        let links: Vec<_> = drafts.iter().filter_map(|d| d.link.clone()).collect();
        let claims: Vec<(GuarantorId, ClaimId)> = drafts.iter().flat_map(claims_of_draft).collect();
        message::insert_many(db, &practice.id, &messages).await?;
        store::link::insert_many(db, &practice.id, &links, now).await?;
        job::insert_claims(db, &practice.id, job, &claims).await?;
        let digests = messages.iter().filter_map(|m| m.digest.clone()).collect();
        self.recount(db, &practice.id, &digests).await?;
        let rows: Vec<_> = messages
            .iter()
            .zip(&decisions)
            .map(|(message, decision)| decision::New {
                guarantor: message.guarantor.as_ref(),
                message: Some(&message.id),
                decision,
                at: now,
            })
            .collect();
        decision::insert_many(db, self.world(), &practice.id, &rows).await?;
        let amount = messages.iter().filter_map(|m| m.amount).sum();
        Ok(Ok((messages.len(), amount)))
    }

    /// "Yes" marks the claims Pending patient, "No" leaves them Ready (S-SF3); `finish` closes the
    /// window. Leaving without choosing is Yes, which is what approval did already.
    pub async fn mark_job(
        &self,
        practice: &PracticeId,
        id: &JobId,
        yes: bool,
        by: &Actor,
    ) -> Result<u64> {
        let (world, practice, id, by) =
            (self.world().clone(), practice.clone(), id.clone(), by.clone());
        let changed = self
            .store()
            .write(move |db| {
                let (world, practice, id, by) =
                    (world.clone(), practice.clone(), id.clone(), by.clone());
                Box::pin(async move {
                    let now = world.now();
                    let word = if yes { "yes" } else { "no" };
                    if !job::mark_choice(db, &practice, &id, word, Some(now)).await? {
                        return Ok(None);
                    }
                    let changed = if yes {
                        job::mark_claims_pending(db, &practice, &id, now).await?
                    } else {
                        job::mark_claims_ready(db, &practice, &id, None, now).await?
                    };
                    let entry = Entry::new(&practice, by, "mark", "job", id.as_str())
                        .with(format!("pending_patient={word} claims={changed}"));
                    audit::insert(db, &world, &entry).await?;
                    Ok(Some(changed))
                })
            })
            .await?;
        changed.ok_or(Refusal::NotFound.into())
    }

    /// Takes back everything of a run that has not gone; returns how many messages that was.
    pub async fn cancel_job(&self, practice: &PracticeId, id: &JobId, by: &Actor) -> Result<usize> {
        self.cancel(practice, id, None, by).await
    }

    /// Takes one message of a run back.
    pub async fn cancel_message(
        &self,
        practice: &PracticeId,
        id: &JobId,
        message: &MessageId,
        by: &Actor,
    ) -> Result<usize> {
        self.cancel(practice, id, Some(message), by).await
    }

    async fn cancel(
        &self,
        practice: &PracticeId,
        id: &JobId,
        only: Option<&MessageId>,
        by: &Actor,
    ) -> Result<usize> {
        let (engine, practice, id) = (self.clone(), practice.clone(), id.clone());
        let (only, by) = (only.cloned(), by.clone());
        let done = self
            .store()
            .write(move |db| {
                let (engine, practice, id) = (engine.clone(), practice.clone(), id.clone());
                let (only, by) = (only.clone(), by.clone());
                Box::pin(async move {
                    let now = engine.now();
                    let Some(job) = job::load(db, &practice, &id).await? else { return Ok(None) };
                    let only_one = only.as_ref();
                    let ended =
                        queue::mark_job_cancelled(db, &practice, &id, only_one, now).await?;
                    engine.after_end(db, &practice, &ended).await?;
                    if only.is_none() {
                        for from in [job::State::Drafting, job::State::PendingApproval] {
                            let to = job::State::Cancelled;
                            if job.state == from {
                                job::mark_state(db, &practice, &id, from, to).await?;
                            }
                        }
                    }
                    let entry = Entry::new(&practice, by, "cancel", "job", id.as_str())
                        .with(format!("messages={}", ended.len()));
                    audit::insert(db, engine.world(), &entry).await?;
                    Ok(Some(ended.len()))
                })
            })
            .await?;
        done.ok_or(Refusal::NotFound.into())
    }

    /// What waits, goes and went of a run, with reasons; lines newest first, before an id for paging.
    pub async fn job_page(
        &self,
        practice: &PracticeId,
        id: &JobId,
        state: Option<State>,
        before_id: Option<&str>,
        limit: i64,
    ) -> Result<JobPage> {
        let mut db = self.store().read().await?;
        let job = job::load(&mut db, practice, id).await?.ok_or(Refusal::NotFound)?;
        let counted = message::count_by_job(&mut db, practice, id).await?;
        let (_, next_at, last_at) = message::find_slots(&mut db, practice, id).await?;
        let filter = message::Filter {
            job: Some(id.clone()),
            state,
            before_id: before_id.map(str::to_owned),
            ..message::Filter::default()
        };
        let lines = message::list(&mut db, practice, &filter, limit).await?;
        let waits =
            |line: &&message::Line| matches!(line.state, State::PendingApproval | State::Queued);
        let digests = lines.iter().filter(waits).filter_map(|line| line.digest.clone()).collect();
        let together = self.together(&mut db, practice, &digests).await?;
        let mut page = JobPage {
            job,
            counts: BTreeMap::new(),
            reasons: Vec::new(),
            messages: 0,
            riding: 0,
            riding_by_state: BTreeMap::new(),
            segments: 0,
            amount: Cents::ZERO,
            next_at,
            last_at,
            lines,
            together,
        };
        for one in counted {
            *page.counts.entry(one.state).or_default() += one.messages;
            *page.riding_by_state.entry(one.state).or_default() += one.riding;
            page.messages += one.messages;
            page.riding += one.riding;
            page.segments += one.segments;
            page.amount += one.amount;
            if let Some(reason) = one.end_reason {
                page.reasons.push((one.state, reason, one.messages));
            }
        }
        Ok(page)
    }

    /// Goes on with runs that a stopped server left half-way.
    pub(crate) async fn resume_jobs(&self) -> Result<usize> {
        let mut db = self.store().read().await?;
        let under_way = job::list_under_way(&mut db).await?;
        drop(db);
        let mut resumed = 0;
        for (practice, id, state, since) in under_way {
            if self.now().since(since) < ABANDONED_MS && state == job::State::Drafting {
                continue;
            }
            if state == job::State::Drafting {
                self.cancel_job(&practice, &id, &Actor::System("engine")).await?;
                resumed += 1;
                continue;
            }
            let practice = self.practice(&practice).await?;
            let mut db = self.store().read().await?;
            let Some(job) = job::load(&mut db, &practice.id, &id).await? else { continue };
            drop(db);
            let by = job.approved_by.clone().unwrap_or_default();
            self.finish_approval(&practice, &job, &by, job.approved_at.unwrap_or(since)).await?;
            resumed += 1;
        }
        Ok(resumed)
    }
}

/// The run's channel; for a guarantor who chose both, the same notice on the other one too. Together
/// they count as one contact (journeys, A family and a phone).
pub(crate) fn channels_of(account: &Account, channel: Channel) -> Vec<Channel> {
    match (account.guarantor.preferred, channel) {
        (Some(Preferred::Both), Channel::Text) => vec![channel, Channel::Email],
        (Some(Preferred::Both), Channel::Email) => vec![channel, Channel::Text],
        _ => vec![channel],
    }
}

pub(crate) fn claims_of_draft(draft: &Draft) -> impl Iterator<Item = (GuarantorId, ClaimId)> + '_ {
    let guarantor = draft.message.guarantor.clone();
    draft.claims.iter().filter_map(move |claim| Some((guarantor.clone()?, claim.clone())))
}
