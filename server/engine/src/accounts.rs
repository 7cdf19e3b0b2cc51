//! What staff do to an account: contacts, holds, flags, notes. Legal holds take two people (D-49).

use std::sync::Arc;

use domain::{
    clock::UnixMs,
    decide::LineType,
    holds::HoldKind,
    id::{ClaimId, ContactId, GuarantorId, HoldId, PracticeId},
    phone,
};
use futures_util::future::BoxFuture;
use store::{
    Db, audit,
    audit::{Actor, Entry},
    contact::{self, Contact, Kind},
    guarantor, hold,
};

use crate::{Engine, Refusal, Result};

/// A phone or email as typed.
#[derive(Clone, Debug)]
pub struct NewContact {
    pub kind: Kind,
    pub typed: String,
    pub line: LineType,
}

#[derive(Clone, Debug)]
pub struct NewHold {
    pub kind: HoldKind,
    /// One balance, or the whole account (D-52).
    pub claim: Option<ClaimId>,
    /// For confidential communication: the only contact the patient allows.
    pub only_contact: Option<ContactId>,
    pub reason: String,
    pub until: Option<UnixMs>,
}

/// What lifting a hold came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lift {
    Lifted,
    /// A legal hold: the first of two people has agreed.
    WaitsForSecondPerson,
}

const REASON_LONGEST: usize = 500;

impl Engine {
    /// Adds a phone, an email or a fax number; the same again is the one that stands.
    pub async fn add_contact(
        &self,
        practice: &PracticeId,
        guarantor: &GuarantorId,
        new: &NewContact,
        by: &Actor,
    ) -> Result<ContactId> {
        let (value, masked) = match new.kind {
            Kind::Phone | Kind::Fax => {
                let number = phone::normalise_us(&new.typed).map_err(Refusal::BadPhone)?;
                (number.as_str().to_owned(), number.masked())
            }
            // Addresses stand on the guarantor, as the practice's system has them.
            Kind::Address => return Err(Refusal::NotFound.into()),
            Kind::Email => {
                let email = phone::normalise_email(&new.typed).map_err(Refusal::BadEmail)?;
                (email.as_str().to_owned(), email.masked())
            }
        };
        let row = contact::New {
            id: self.world().mint(),
            guarantor: guarantor.clone(),
            kind: new.kind,
            value,
            masked,
            line: new.line,
            source: "staff".into(),
        };
        let (world, practice, by) = (self.world().clone(), practice.clone(), by.clone());
        let added = self
            .store()
            .write(move |db| {
                let (world, practice, by, row) =
                    (world.clone(), practice.clone(), by.clone(), row.clone());
                Box::pin(async move {
                    if guarantor::load(db, &practice, &row.guarantor).await?.is_none() {
                        return Ok(None);
                    }
                    let now = world.now();
                    let id = contact::insert(db, &practice, &row, now).await?;
                    let entry = Entry::new(&practice, by, "add", "contact", id.as_str())
                        .about(&row.guarantor);
                    audit::insert(db, &world, &entry).await?;
                    guarantor::mark_check(db, &practice, &row.guarantor, now).await?;
                    Ok(Some(id))
                })
            })
            .await?;
        added.ok_or(Refusal::NotFound.into())
    }

    /// Staff confirmed with the person that a contact is theirs; it is good again, and a wrong-number
    /// mark of it is taken back.
    pub async fn verify_contact(
        &self,
        practice: &PracticeId,
        guarantor: &GuarantorId,
        contact: &ContactId,
        line: Option<LineType>,
        by: &Actor,
    ) -> Result<()> {
        let zone = self.practice(practice).await?.zone();
        let by = by.clone();
        self.with_contact(practice, guarantor, contact, move |engine, db, practice, contact| {
            let (by, zone) = (by.clone(), zone.clone());
            Box::pin(async move {
                let now = engine.now();
                let (owner, id) = (&contact.guarantor, &contact.id);
                let today = now.day_in(&zone);
                if !contact::mark_verified(db, practice, owner, id, today, line).await? {
                    return Ok(false);
                }
                let (value, global) = (&contact.value_index, &contact.global_index);
                let label = by.label();
                store::suppression::mark_right_number(db, practice, value, global, &label, now)
                    .await?;
                let entry = Entry::new(practice, by, "verify", "contact", id.as_str()).about(owner);
                audit::insert(db, engine.world(), &entry).await?;
                guarantor::mark_check(db, practice, owner, now).await?;
                Ok(true)
            })
        })
        .await
    }

    pub async fn remove_contact(
        &self,
        practice: &PracticeId,
        guarantor: &GuarantorId,
        contact: &ContactId,
        by: &Actor,
    ) -> Result<()> {
        let by = by.clone();
        self.with_contact(practice, guarantor, contact, move |engine, db, practice, contact| {
            let by = by.clone();
            Box::pin(async move {
                let now = engine.now();
                let (owner, id) = (&contact.guarantor, &contact.id);
                if !contact::mark_removed(db, practice, owner, id, now).await? {
                    return Ok(false);
                }
                store::link::mark_contact_revoked(db, practice, id, now).await?;
                let entry = Entry::new(practice, by, "remove", "contact", id.as_str()).about(owner);
                audit::insert(db, engine.world(), &entry).await?;
                guarantor::mark_check(db, practice, owner, now).await?;
                Ok(true)
            })
        })
        .await
    }

    /// Places a hold; what waits for the account is decided again at once.
    pub async fn place_hold(
        &self,
        practice: &PracticeId,
        guarantor: &GuarantorId,
        new: &NewHold,
        by: &Actor,
    ) -> Result<HoldId> {
        let now = self.now();
        let reason = new.reason.trim();
        if reason.is_empty() || reason.chars().count() > REASON_LONGEST {
            return Err(Refusal::HoldNeedsReason.into());
        }
        if new.until.is_some_and(|until| until <= now) {
            return Err(Refusal::EndIsPast.into());
        }
        if new.kind == HoldKind::ConfidentialCommunication && new.only_contact.is_none() {
            return Err(Refusal::HoldNeedsContact.into());
        }
        let row = hold::Hold {
            id: self.world().mint(),
            guarantor: guarantor.clone(),
            kind: new.kind,
            claim: new.claim.clone(),
            only_contact: new.only_contact.clone(),
            reason: reason.to_owned(),
            until: new.until,
            placed_by: by.label(),
            placed_at: now,
            lift_asked_by: None,
            lift_asked_at: None,
            lifted_at: None,
            lifted_by: None,
        };
        let (engine, practice, by) = (self.clone(), practice.clone(), by.clone());
        let placed = self
            .store()
            .write(move |db| {
                let (engine, practice, by, row) =
                    (engine.clone(), practice.clone(), by.clone(), row.clone());
                Box::pin(async move {
                    if guarantor::load(db, &practice, &row.guarantor).await?.is_none() {
                        return Ok(None);
                    }
                    if let Some(only) = &row.only_contact
                        && contact::load(db, &practice, &row.guarantor, only).await?.is_none()
                    {
                        return Ok(None);
                    }
                    hold::insert(db, &practice, &row).await?;
                    let entry = Entry::new(&practice, by, "hold", "hold", row.id.as_str())
                        .about(&row.guarantor)
                        .with(format!("kind={}", row.kind));
                    audit::insert(db, engine.world(), &entry).await?;
                    guarantor::mark_check(db, &practice, &row.guarantor, now).await?;
                    Ok(Some(row.id.clone()))
                })
            })
            .await?;
        placed.ok_or(Refusal::NotFound.into())
    }

    /// Lifts a hold. A legal one only after two different people said so, in any order of roles; the
    /// first is recorded.
    pub async fn lift_hold(
        &self,
        practice: &PracticeId,
        guarantor: &GuarantorId,
        id: &HoldId,
        by: &Actor,
    ) -> Result<Lift> {
        let (engine, practice, by) = (self.clone(), practice.clone(), by.clone());
        let (guarantor, id) = (guarantor.clone(), id.clone());
        let lifted = self
            .store()
            .write(move |db| {
                let (engine, practice, by) = (engine.clone(), practice.clone(), by.clone());
                let (guarantor, id) = (guarantor.clone(), id.clone());
                Box::pin(async move { engine.lift_in(db, &practice, &guarantor, &id, by).await })
            })
            .await?;
        lifted.map_err(Into::into)
    }

    async fn lift_in(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        owner: &GuarantorId,
        id: &HoldId,
        by: Actor,
    ) -> store::Result<std::result::Result<Lift, Refusal>> {
        let now = self.now();
        let holds = hold::list(db, practice, owner).await?;
        let Some(standing) = holds.into_iter().find(|h| h.id == *id) else {
            return Ok(Err(Refusal::NotFound));
        };
        let takes_two = !standing.kind.one_person_may_lift();
        let label = by.label();
        let mut entry = Entry::new(practice, by, "lift", "hold", id.as_str())
            .about(owner)
            .with(format!("kind={}", standing.kind));
        if hold::mark_lifted(db, practice, owner, id, &label, takes_two, now).await? {
            audit::insert(db, self.world(), &entry).await?;
            guarantor::mark_check(db, practice, owner, now).await?;
            return Ok(Ok(Lift::Lifted));
        }
        if takes_two && hold::mark_lift_asked(db, practice, owner, id, &label, now).await? {
            entry.verb = "ask_lift";
            audit::insert(db, self.world(), &entry).await?;
            return Ok(Ok(Lift::WaitsForSecondPerson));
        }
        let same_person = standing.lift_asked_by.as_deref() == Some(label.as_str());
        if takes_two && same_person && standing.lifted_at.is_none() {
            return Ok(Err(Refusal::NeedsSecondPerson));
        }
        Ok(Err(Refusal::AlreadyDone))
    }

    /// Flags an account for the next run, or takes the flag away (S-TR5).
    pub async fn flag_for_reminder(
        &self,
        practice: &PracticeId,
        guarantor: &GuarantorId,
        flagged: bool,
        by: &Actor,
    ) -> Result<()> {
        let at = flagged.then(|| self.now());
        let word = if flagged { "on" } else { "off" };
        self.change_guarantor(practice, guarantor, by, "flag", word, move |db, p, g| {
            Box::pin(async move { guarantor::mark_flagged(db, p, g, at).await })
        })
        .await
    }

    /// One change of a guarantor's row with its audit row and the engine's next look.
    pub(crate) async fn change_guarantor<F>(
        &self,
        practice: &PracticeId,
        id: &GuarantorId,
        by: &Actor,
        verb: &'static str,
        word: &'static str,
        change: F,
    ) -> Result<()>
    where
        F: for<'d> Fn(
                &'d mut Db,
                &'d PracticeId,
                &'d GuarantorId,
            ) -> BoxFuture<'d, store::Result<bool>>
            + Send
            + Sync
            + 'static,
    {
        let (world, practice, id, by) =
            (self.world().clone(), practice.clone(), id.clone(), by.clone());
        let change = Arc::new(change);
        let changed = self
            .store()
            .write(move |db| {
                let (world, practice, id, by) =
                    (world.clone(), practice.clone(), id.clone(), by.clone());
                let change = change.clone();
                Box::pin(async move {
                    if !change(db, &practice, &id).await? {
                        return Ok(false);
                    }
                    let entry = Entry::new(&practice, by, verb, "guarantor", id.as_str())
                        .about(&id)
                        .with(word);
                    audit::insert(db, &world, &entry).await?;
                    guarantor::mark_check(db, &practice, &id, world.now()).await?;
                    Ok(true)
                })
            })
            .await?;
        if changed { Ok(()) } else { Err(Refusal::NotFound.into()) }
    }

    /// Runs a change on one standing contact of a guarantor; `false` from it is "no such contact".
    pub(crate) async fn with_contact<F>(
        &self,
        practice: &PracticeId,
        owner: &GuarantorId,
        id: &ContactId,
        change: F,
    ) -> Result<()>
    where
        F: for<'d> Fn(
                &'d Engine,
                &'d mut Db,
                &'d PracticeId,
                &'d Contact,
            ) -> BoxFuture<'d, store::Result<bool>>
            + Send
            + Sync
            + 'static,
    {
        let (engine, practice, owner, id) =
            (self.clone(), practice.clone(), owner.clone(), id.clone());
        let change = Arc::new(change);
        let found = self
            .store()
            .write(move |db| {
                let (engine, practice, owner, id) =
                    (engine.clone(), practice.clone(), owner.clone(), id.clone());
                let change = change.clone();
                Box::pin(async move {
                    match contact::load(db, &practice, &owner, &id).await? {
                        Some(contact) => change(&engine, db, &practice, &contact).await,
                        None => Ok(false),
                    }
                })
            })
            .await?;
        if found { Ok(()) } else { Err(Refusal::NotFound.into()) }
    }
}
