//! Statement profiles as staff keep them: drafted, proofed, activated, retired. Nothing is sent by a
//! version whose proof nobody approved (S-G8), and an active version never changes.

use domain::{
    id::{PracticeId, ProfileId, ProfileVersionId},
    profile::{Profile, problems, standard},
};
use store::{
    audit::{self, Actor, Entry},
    profile::{self, Version},
};

use crate::{Engine, Refusal, Result};

const NAME_LONGEST: usize = 60;

impl Engine {
    /// A new profile with a draft to begin with: the standard cadence.
    pub async fn create_profile(
        &self,
        practice: &PracticeId,
        name: &str,
        by: &Actor,
    ) -> Result<ProfileVersionId> {
        let name = name.trim().to_owned();
        if name.is_empty() || name.chars().count() > NAME_LONGEST {
            return Err(Refusal::BadProfileName.into());
        }
        let (world, practice, by) = (self.world().clone(), practice.clone(), by.clone());
        let created = self
            .store()
            .write(move |db| {
                let (world, practice, name, by) =
                    (world.clone(), practice.clone(), name.clone(), by.clone());
                Box::pin(async move {
                    let label = by.label();
                    let id = profile::insert(db, &world, &practice, &name, &label).await?;
                    let Some(id) = id else { return Ok(None) };
                    let document = standard();
                    let version =
                        profile::insert_version(db, &world, &practice, &id, &document, &label)
                            .await?;
                    let entry = Entry::new(&practice, by, "create", "profile", id.as_str());
                    audit::insert(db, &world, &entry).await?;
                    Ok(version)
                })
            })
            .await?;
        created.ok_or(Refusal::ProfileNameTaken.into())
    }

    /// A new draft that begins as a copy of a version.
    pub async fn copy_profile(
        &self,
        practice: &PracticeId,
        from: &ProfileVersionId,
        by: &Actor,
    ) -> Result<ProfileVersionId> {
        let from = self.profile_version(practice, from).await?;
        let (world, practice, by) = (self.world().clone(), practice.clone(), by.clone());
        let created = self
            .store()
            .write(move |db| {
                let (world, practice, from, by) =
                    (world.clone(), practice.clone(), from.clone(), by.clone());
                Box::pin(async move {
                    let (profile, document) = (&from.profile, &from.document);
                    let label = by.label();
                    let id =
                        profile::insert_version(db, &world, &practice, profile, document, &label)
                            .await?;
                    let entry = Entry::new(&practice, by, "draft", "profile", profile.as_str());
                    audit::insert(db, &world, &entry).await?;
                    Ok(id)
                })
            })
            .await?;
        created.ok_or(Refusal::NotFound.into())
    }

    /// Replaces a draft as it was last `seen`; refused when somebody else changed it meanwhile. A
    /// draft may have problems; its approval may not.
    pub async fn save_profile(
        &self,
        practice: &PracticeId,
        seen: &Version,
        document: &Profile,
        by: &Actor,
    ) -> Result<()> {
        let (world, practice, by) = (self.world().clone(), practice.clone(), by.clone());
        let (seen, document) = (seen.clone(), document.clone());
        let saved = self
            .store()
            .write(move |db| {
                let (world, practice, by) = (world.clone(), practice.clone(), by.clone());
                let (seen, document) = (seen.clone(), document.clone());
                Box::pin(async move {
                    let (id, now) = (&seen.id, world.now());
                    let saved =
                        profile::mark_document(db, &practice, id, &document, seen.updated_at, now)
                            .await?;
                    if saved {
                        let entry =
                            Entry::new(&practice, by, "change", "profile_version", id.as_str());
                        audit::insert(db, &world, &entry).await?;
                    }
                    Ok(saved)
                })
            })
            .await?;
        if saved { Ok(()) } else { Err(Refusal::AlreadyDone.into()) }
    }

    /// The proof was read as it was last `seen`, and is right.
    pub async fn approve_profile(
        &self,
        practice: &PracticeId,
        seen: &Version,
        by: &Actor,
    ) -> Result<()> {
        if !problems(&seen.document).is_empty() {
            return Err(Refusal::ProfileHasProblems.into());
        }
        self.step_profile(practice, seen, by, "approve").await
    }

    /// From now on accounts climb this version. What lay before is not made up for (D-37).
    pub async fn activate_profile(
        &self,
        practice: &PracticeId,
        seen: &Version,
        by: &Actor,
    ) -> Result<()> {
        self.step_profile(practice, seen, by, "activate").await
    }

    /// Nothing more is written by it; what waits for approval stays for staff to decide.
    pub async fn retire_profile(
        &self,
        practice: &PracticeId,
        seen: &Version,
        by: &Actor,
    ) -> Result<()> {
        self.step_profile(practice, seen, by, "retire").await
    }

    async fn step_profile(
        &self,
        practice: &PracticeId,
        seen: &Version,
        by: &Actor,
        verb: &'static str,
    ) -> Result<()> {
        let (world, practice) = (self.world().clone(), practice.clone());
        let (by, seen) = (by.clone(), seen.clone());
        let done = self
            .store()
            .write(move |db| {
                let (world, practice) = (world.clone(), practice.clone());
                let (by, seen) = (by.clone(), seen.clone());
                Box::pin(async move {
                    let (id, label, now) = (&seen.id, by.label(), world.now());
                    let done = match verb {
                        "approve" => {
                            let at = seen.updated_at;
                            profile::mark_approved(db, &practice, id, at, &label, now).await?
                        }
                        "activate" => {
                            profile::mark_active(db, &practice, &seen, &label, now).await?
                        }
                        _ => profile::mark_retired(db, &practice, id, now).await?,
                    };
                    if done {
                        let entry = Entry::new(&practice, by, verb, "profile_version", id.as_str())
                            .with(format!("number={}", seen.number));
                        audit::insert(db, &world, &entry).await?;
                    }
                    Ok(done)
                })
            })
            .await?;
        if done { Ok(()) } else { Err(Refusal::AlreadyDone.into()) }
    }

    /// Changes which profile is asked first: one place up.
    pub async fn raise_profile(
        &self,
        practice: &PracticeId,
        id: &ProfileId,
        by: &Actor,
    ) -> Result<()> {
        let (world, practice) = (self.world().clone(), practice.clone());
        let (id, by) = (id.clone(), by.clone());
        let done = self
            .store()
            .write(move |db| {
                let (world, practice) = (world.clone(), practice.clone());
                let (id, by) = (id.clone(), by.clone());
                Box::pin(async move {
                    let mut places: Vec<(ProfileId, i64)> = Vec::new();
                    for version in profile::list(db, &practice).await? {
                        if places.last().is_none_or(|(known, _)| *known != version.profile) {
                            places.push((version.profile, version.place));
                        }
                    }
                    let Some(at) = places.iter().position(|(known, _)| *known == id) else {
                        return Ok(false);
                    };
                    let Some(above) = at.checked_sub(1) else { return Ok(false) };
                    let ((upper, first), (lower, second)) = (&places[above], &places[at]);
                    profile::mark_places(db, &practice, (upper, *second), (lower, *first)).await?;
                    let entry = Entry::new(&practice, by, "raise", "profile", id.as_str());
                    audit::insert(db, &world, &entry).await?;
                    Ok(true)
                })
            })
            .await?;
        if done { Ok(()) } else { Err(Refusal::NotFound.into()) }
    }

    pub async fn profile_version(
        &self,
        practice: &PracticeId,
        id: &ProfileVersionId,
    ) -> Result<Version> {
        let mut db = self.store().read().await?;
        profile::load(&mut db, practice, id).await?.ok_or(Refusal::NotFound.into())
    }
}
