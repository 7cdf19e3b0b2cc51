//! "Remind me on my payday": on that day the person's reminder is written, once, and goes the way of
//! every other: a list that waits for its yes where the practice wants one, then the gate (MS11).

use std::collections::BTreeMap;

use domain::{
    clock::UnixMs,
    decide::{Channel, Outcome},
    id::{GuarantorId, JobId, PracticeId},
    practice::Practice,
    window::{floor_lifts_at, is_below_the_floor},
    wishes::Wishes,
};
use store::{
    Db, audit,
    audit::{Actor, Entry},
    guarantor, job, preference,
};

use crate::{
    Criteria, Engine, EngineError, Result,
    facts::{Account, Gathered, gather},
    select::best_contact,
};

const WHO: Actor = Actor::System("payday");

impl Engine {
    /// What a person asked for about the time of reminders, for one account.
    pub async fn set_wishes(
        &self,
        practice: &PracticeId,
        guarantor: &GuarantorId,
        wishes: &Wishes,
        by: &Actor,
    ) -> Result<()> {
        let (wishes, label, engine) = (*wishes, by.label(), self.clone());
        self.change_guarantor(practice, guarantor, by, "set_wishes", "times", move |db, p, g| {
            let (label, engine) = (label.clone(), engine.clone());
            Box::pin(async move {
                if guarantor::load(db, p, g).await?.is_none() {
                    return Ok(false);
                }
                preference::mark_wishes(db, p, g, &wishes, &label, engine.now()).await?;
                Ok(true)
            })
        })
        .await
    }

    /// Whether receipts may go to one phone or email; reminders are another question.
    pub async fn set_receipts(
        &self,
        practice: &PracticeId,
        owner: &GuarantorId,
        contact: &domain::id::ContactId,
        wanted: bool,
        by: &Actor,
    ) -> Result<()> {
        let by = by.clone();
        self.with_contact(practice, owner, contact, move |engine, db, practice, contact| {
            let by = by.clone();
            Box::pin(async move {
                let (value, label, now) = (&contact.value_index, by.label(), engine.now());
                preference::mark_receipts(db, practice, value, wanted, &label, now).await?;
                let entry = Entry::new(practice, by, "preference", "contact", contact.id.as_str())
                    .about(&contact.guarantor)
                    .with(format!("receipts={wanted}"));
                audit::insert(db, engine.world(), &entry).await?;
                Ok(true)
            })
        })
        .await
    }

    /// Whether this account's payday is now, and when to look at it again. Asked for in the
    /// transaction of the check, so that two servers ask once.
    pub(crate) async fn claim_payday(
        &self,
        db: &mut Db,
        practice: &Practice,
        guarantor: &GuarantorId,
        waits: bool,
        now: UnixMs,
    ) -> store::Result<(bool, Option<UnixMs>)> {
        let mut known =
            preference::load_many(db, &practice.id, std::slice::from_ref(guarantor)).await?;
        let Some(known) = known.remove(guarantor) else { return Ok((false, None)) };
        let zone = practice.zone();
        let next = known.wishes.next_look(now, &zone);
        let Some(owner) = guarantor::load(db, &practice.id, guarantor).await? else {
            return Ok((false, None));
        };
        let (reminded, asked) = (owner.last_sent_at, known.reminded_for);
        let Some(day) = known.wishes.is_payday(reminded, asked, now, &zone) else {
            return Ok((false, next));
        };
        // No list is begun in the middle of somebody's night (S-SF5).
        if is_below_the_floor(now) {
            return Ok((false, Some(floor_lifts_at(now))));
        }
        let is_first = preference::mark_reminded_for(db, &practice.id, guarantor, day).await?;
        // One that waits already goes by itself.
        Ok((is_first && !waits, next))
    }

    /// Writes the reminders of those whose payday it is, as one run for each way of sending.
    pub(crate) async fn remind_of_payday(
        &self,
        practice: &PracticeId,
        ids: &[GuarantorId],
    ) -> Result<()> {
        let practice = self.practice(practice).await?;
        let now = self.now();
        let gathered = {
            let mut db = self.store().read().await?;
            gather(&mut db, &practice, ids, &[], now).await?
        };
        let mut runs: BTreeMap<Channel, Vec<GuarantorId>> = BTreeMap::new();
        for (id, account) in &gathered.accounts {
            if let Some(channel) = way_to(&gathered, account, now) {
                runs.entry(channel).or_default().push(id.clone());
            }
        }
        for (method, ids) in runs {
            let criteria = Criteria { method, ..Criteria::default() };
            let job = self.insert_job(&practice, &criteria, None, &WHO, now).await?;
            self.finish_payday_run(&practice, &job, method, &ids).await?;
        }
        Ok(())
    }

    async fn finish_payday_run(
        &self,
        practice: &Practice,
        id: &JobId,
        method: Channel,
        ids: &[GuarantorId],
    ) -> Result<()> {
        let written = self.draft_chunk(practice, id, method, ids, &WHO).await?;
        if written.0 == 0 {
            self.cancel_job(&practice.id, id, &WHO).await?;
            return Ok(());
        }
        let (practice_id, job_id) = (practice.id.clone(), id.clone());
        self.store()
            .write(move |db| {
                let (practice, job) = (practice_id.clone(), job_id.clone());
                Box::pin(async move {
                    let (from, to) = (job::State::Drafting, job::State::PendingApproval);
                    job::mark_state(db, &practice, &job, from, to).await
                })
            })
            .await?;
        if practice.settings.approval_is_required {
            return Ok(());
        }
        match self.approve_job(&practice.id, id, &WHO).await {
            // Night has begun meanwhile, or somebody took it back: staff see it among the jobs.
            Ok(_) | Err(EngineError::Refused(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// By text where that may go, else by email.
fn way_to(gathered: &Gathered, account: &Account, now: UnixMs) -> Option<Channel> {
    [Channel::Text, Channel::Email].into_iter().find(|channel| {
        best_contact(gathered, account, *channel, now)
            .is_some_and(|(_, decision)| decision.outcome != Outcome::Withhold)
    })
}
