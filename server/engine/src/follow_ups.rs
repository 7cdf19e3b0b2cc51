//! What came of a call, a letter or a proposal, and what follows from it: a dispute, other insurance
//! or hardship become holds, a promise is a pause until its day, collections take a manager's yes.

use domain::{
    clock::UnixMs,
    holds::HoldKind,
    id::{FollowUpId, PracticeId},
};
use jiff::civil::Date;
use store::{
    audit::{self, Actor, Entry},
    follow_up::{self, FollowUp, Kind},
};

use crate::{Engine, NewHold, Refusal, Result};

/// What a person noted.
#[derive(Clone, Debug)]
pub struct Noted {
    /// A code of the workspace's list.
    pub outcome: String,
    /// Tried again then; none closes it.
    pub next_on: Option<Date>,
    pub note: Option<String>,
}

/// The hold that an outcome asks for.
fn hold_of(outcome: &str) -> Option<(HoldKind, &'static str)> {
    Some(match outcome {
        "dispute" => (HoldKind::Dispute, "Disputed by phone"),
        "insurance" => (HoldKind::InsuranceReview, "Other insurance, said by phone"),
        "hardship" => (HoldKind::FinancialAssistance, "Cannot pay, said by phone"),
        "plan" => (HoldKind::Manual, "Asked for a payment plan by phone"),
        "promised" => (HoldKind::Pause, "Promised to pay"),
        _ => return None,
    })
}

impl Engine {
    /// Notes a try. A hold that follows is placed first, so that nothing goes out in between.
    pub async fn note_follow_up(
        &self,
        practice: &PracticeId,
        id: &FollowUpId,
        noted: &Noted,
        by: &Actor,
    ) -> Result<()> {
        let found = self.open_one(practice, id).await?;
        if found.kind == Kind::Collections {
            return Err(Refusal::NotFound.into());
        }
        if let Some((kind, reason)) = hold_of(&noted.outcome) {
            let until = match (kind, noted.next_on) {
                (HoldKind::Pause, Some(day)) => self.start_of(practice, day).await?,
                // A promise without a day is only noted.
                (HoldKind::Pause, None) => None,
                _ => None,
            };
            if kind != HoldKind::Pause || until.is_some() {
                self.hold(practice, &found, kind, reason, until, by).await?;
            }
        }
        self.tried(practice, id, noted, by).await
    }

    /// A manager's yes or no to a proposal. Yes puts the account with the agency (D-51).
    pub async fn decide_collections(
        &self,
        practice: &PracticeId,
        id: &FollowUpId,
        yes: bool,
        note: Option<String>,
        by: &Actor,
    ) -> Result<()> {
        let found = self.open_one(practice, id).await?;
        if found.kind != Kind::Collections {
            return Err(Refusal::NotFound.into());
        }
        if yes {
            let kind = HoldKind::Collections;
            self.hold(practice, &found, kind, "Approved for collections", None, by).await?;
        }
        let outcome = if yes { "approved" } else { "declined" }.to_owned();
        self.tried(practice, id, &Noted { outcome, next_on: None, note }, by).await
    }

    async fn open_one(&self, practice: &PracticeId, id: &FollowUpId) -> Result<FollowUp> {
        let mut db = self.store().read().await?;
        let found = follow_up::load(&mut db, practice, id).await?.ok_or(Refusal::NotFound)?;
        if found.closed_at.is_some() {
            return Err(Refusal::AlreadyDone.into());
        }
        Ok(found)
    }

    async fn start_of(&self, practice: &PracticeId, day: Date) -> Result<Option<UnixMs>> {
        let practice = self.practice(practice).await?;
        let zoned = day.to_zoned(practice.zone()).ok();
        Ok(zoned.map(|zoned| UnixMs(zoned.timestamp().as_millisecond())))
    }

    async fn hold(
        &self,
        practice: &PracticeId,
        about: &FollowUp,
        kind: HoldKind,
        reason: &str,
        until: Option<UnixMs>,
        by: &Actor,
    ) -> Result<()> {
        let new = NewHold { kind, claim: None, only_contact: None, reason: reason.into(), until };
        self.place_hold(practice, &about.guarantor, &new, by).await.map(|_| ())
    }

    async fn tried(
        &self,
        practice: &PracticeId,
        id: &FollowUpId,
        noted: &Noted,
        by: &Actor,
    ) -> Result<()> {
        let (world, practice, id) = (self.world().clone(), practice.clone(), id.clone());
        let (noted, by) = (noted.clone(), by.clone());
        let done = self
            .store()
            .write(move |db| {
                let (world, practice, id) = (world.clone(), practice.clone(), id.clone());
                let (noted, by) = (noted.clone(), by.clone());
                Box::pin(async move {
                    let Noted { outcome, next_on, note } = &noted;
                    let (note, label) = (note.as_deref(), by.label());
                    let done = follow_up::mark_tried(
                        db, &world, &practice, &id, outcome, *next_on, note, &label,
                    )
                    .await?;
                    if done {
                        let entry = Entry::new(&practice, by, "note", "follow_up", id.as_str())
                            .with(format!("outcome={outcome}"));
                        audit::insert(db, &world, &entry).await?;
                    }
                    Ok(done)
                })
            })
            .await?;
        if done { Ok(()) } else { Err(Refusal::AlreadyDone.into()) }
    }
}
