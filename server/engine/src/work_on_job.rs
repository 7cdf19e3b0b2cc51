//! What staff do to a job beside the one yes: approve some of it, edit a text that waits, let the
//! whole of it rest and go on (S-SF6, S-D14).

use std::collections::BTreeSet;

use domain::{
    decide::Channel,
    id::{JobId, MessageId, PracticeId},
    sms,
    window::{floor_lifts_at, is_below_the_floor},
};
use store::{
    audit::{self, Actor, Entry},
    job,
    message::{self, Content, State, queue},
};

use crate::{
    Approved, Engine, Refusal, Result, approval::Spread, compose::under_name, facts::content_hash,
};

/// Messages approved one by one at most in one go; more is what the one yes is for.
const SOME_MOST: usize = 500;
/// Stands for the link while a person edits the words around it.
pub const PAY_LINK: &str = "{pay_link}";

impl Engine {
    /// The yes to some messages of a job; the others keep waiting.
    pub async fn approve_some(
        &self,
        practice: &PracticeId,
        id: &JobId,
        only: &BTreeSet<MessageId>,
        by: &Actor,
    ) -> Result<Approved> {
        let practice = self.practice(practice).await?;
        let mut db = self.store().read().await?;
        let found = job::load(&mut db, &practice.id, id).await?.ok_or(Refusal::NotFound)?;
        let mut pending = BTreeSet::new();
        let mut after: Option<MessageId> = None;
        loop {
            let page = queue::list_pending(&mut db, &practice.id, id, after.as_ref(), 500).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.clone());
            pending.extend(page);
        }
        drop(db);
        let now = self.now();
        if found.paused_at.is_some() {
            return Err(Refusal::JobIsPaused.into());
        }
        let rings = Channel::parse(&found.method).is_some_and(Channel::rings);
        if rings && is_below_the_floor(now) {
            return Err(Refusal::BelowTheFloor { until: floor_lifts_at(now) }.into());
        }
        let chosen: Vec<MessageId> = only.intersection(&pending).take(SOME_MOST).cloned().collect();
        if chosen.is_empty() {
            return Err(Refusal::NobodySelected.into());
        }
        let is_all = chosen.len() == pending.len();
        let named = under_name(&practice, found.custom_name.as_deref());
        let (engine, jid, actor) = (self.clone(), id.clone(), by.clone());
        let mark = found.mark.clone();
        let chunk = self
            .store()
            .write(move |db| {
                let (engine, named, jid) = (engine.clone(), named.clone(), jid.clone());
                let (actor, chosen, mark) = (actor.clone(), chosen.clone(), mark.clone());
                Box::pin(async move {
                    let many = i64::try_from(chosen.len()).unwrap_or(i64::MAX);
                    let step_ms = engine.options().spread_ms / many.max(1);
                    let spread = Spread { first: 0, step_ms };
                    let label = actor.label();
                    let chunk = engine.approve_in(db, &named, &chosen, &label, now, spread).await?;
                    if mark.as_deref() != Some("no") {
                        job::mark_claims_pending(db, &named.id, &jid, now).await?;
                    }
                    if is_all {
                        let (from, to) = (job::State::PendingApproval, job::State::Approved);
                        job::mark_state(db, &named.id, &jid, from, to).await?;
                    }
                    let entry = Entry::new(&named.id, actor, "approve", "job", jid.as_str())
                        .with(format!("messages={many}"));
                    audit::insert(db, engine.world(), &entry).await?;
                    Ok(chunk)
                })
            })
            .await?;
        let mut approved = Approved::default();
        approved.take(chunk);
        Ok(approved)
    }

    /// Nothing of the job goes until it is resumed; what is on its way is not stopped.
    pub async fn pause_job(&self, practice: &PracticeId, id: &JobId, by: &Actor) -> Result<u64> {
        self.rest(practice, id, true, by).await
    }

    /// What waits goes on, each at its slot or at once when that has passed.
    pub async fn resume_job(&self, practice: &PracticeId, id: &JobId, by: &Actor) -> Result<u64> {
        self.rest(practice, id, false, by).await
    }

    async fn rest(
        &self,
        practice: &PracticeId,
        id: &JobId,
        pause: bool,
        by: &Actor,
    ) -> Result<u64> {
        let (world, practice, id) = (self.world().clone(), practice.clone(), id.clone());
        let by = by.clone();
        let done = self
            .store()
            .write(move |db| {
                let (world, practice, id) = (world.clone(), practice.clone(), id.clone());
                let by = by.clone();
                Box::pin(async move {
                    let (label, now) = (by.label(), world.now());
                    let paused = pause.then_some((label.as_str(), now));
                    if !job::mark_paused(db, &practice, &id, paused).await? {
                        return Ok(None);
                    }
                    let many = queue::mark_job_resting(db, &practice, &id, pause, now).await?;
                    let verb = if pause { "pause" } else { "resume" };
                    let entry = Entry::new(&practice, by, verb, "job", id.as_str())
                        .with(format!("messages={many}"));
                    audit::insert(db, &world, &entry).await?;
                    Ok(Some(many))
                })
            })
            .await?;
        done.ok_or(Refusal::AlreadyDone.into())
    }

    /// Other words for a text that waits for its yes. The link stays whole, the practice's name and
    /// the way out stay in; `words` hold [`PAY_LINK`] where the link goes.
    pub async fn edit_text(
        &self,
        practice: &PracticeId,
        id: &MessageId,
        words: &str,
        by: &Actor,
    ) -> Result<()> {
        let practice = self.practice(practice).await?;
        let mut db = self.store().read().await?;
        let found = message::load(&mut db, &practice.id, id).await?.ok_or(Refusal::NotFound)?;
        let job = match &found.job {
            Some(job) => job::load(&mut db, &practice.id, job).await?,
            None => None,
        };
        drop(db);
        if found.state != State::PendingApproval || found.channel != Channel::Text {
            return Err(Refusal::AlreadyDone.into());
        }
        let custom = job.as_ref().and_then(|job| job.custom_name.as_deref());
        let named = under_name(&practice, custom);
        let link = link_in(&found.content.text).ok_or(Refusal::Wording("the text has no link"))?;
        let body = sms::economise(&words.replace(PAY_LINK, link));
        check_edited(&body, link, named.alias())?;
        // Words of its own are for its own account: they may lead, but are not cut to a line.
        let content = Content { text: body, ..Content::default() };
        let segments = i64::try_from(sms::size(&content.text).segments).unwrap_or(i64::MAX);
        let hash = content_hash(&content, found.amount);
        let (world, pid, id, by) =
            (self.world().clone(), practice.id.clone(), id.clone(), by.clone());
        let guarantor = found.guarantor.clone();
        let engine = self.clone();
        let digests: BTreeSet<String> = found.digest.clone().into_iter().collect();
        let done = self
            .store()
            .write(move |db| {
                let (world, pid, id, by) = (world.clone(), pid.clone(), id.clone(), by.clone());
                let (content, hash, guarantor) = (content.clone(), hash.clone(), guarantor.clone());
                let (engine, digests) = (engine.clone(), digests.clone());
                Box::pin(async move {
                    if !queue::mark_edited(db, &pid, &id, &content, &hash, segments).await? {
                        return Ok(false);
                    }
                    let mut entry = Entry::new(&pid, by, "edit", "message", id.as_str());
                    entry.guarantor = guarantor;
                    audit::insert(db, &world, &entry).await?;
                    engine.recount(db, &pid, &digests).await?;
                    Ok(true)
                })
            })
            .await?;
        if done { Ok(()) } else { Err(Refusal::AlreadyDone.into()) }
    }
}

/// The pay link of a text, up to the next space.
pub fn link_in(text: &str) -> Option<&str> {
    text.split_whitespace().find(|word| word.contains("/p/"))
}

fn check_edited(body: &str, link: &str, alias: &str) -> std::result::Result<(), Refusal> {
    if body.trim().is_empty() || body.chars().count() > sms::LONGEST_TEXT_CHARS {
        return Err(Refusal::BadBody);
    }
    if body.matches(link).count() != 1 || body.matches("/p/").count() != 1 {
        return Err(Refusal::EditNeeds("the link, once, as {pay_link}"));
    }
    if !body.contains(&sms::economise(alias)) {
        return Err(Refusal::EditNeeds("the name of the practice"));
    }
    if !body.contains("STOP") {
        return Err(Refusal::EditNeeds("the way out: Reply STOP to opt out"));
    }
    if !sms::is_whole_in_first_segment(body, link) {
        return Err(Refusal::Wording("the link would be split"));
    }
    Ok(())
}
