//! The second half of an import: one at a time in a practice, applied in short steps that a restart
//! goes on with, and a manager's word on what was held.

use std::sync::Arc;

use domain::{
    clock::World,
    id::{ImportId, PracticeId},
};
use store::{
    Store, StoreError,
    import::{self, Phase, State},
    lease,
};

use super::{Format, ImportFailure, Step, Watch};
use crate::clock::real_now;

/// A killed import frees its practice after this; each chunk extends it.
pub(super) const LEASE_MS: i64 = 15_000;
/// How often and how long to wait for another import of the same practice.
const LEASE_TRIES: u32 = 100;
const LEASE_WAIT: std::time::Duration = std::time::Duration::from_millis(200);

/// The exclusive right to import into a practice.
pub(super) struct Lease {
    pub(super) name: String,
    pub(super) holder: String,
}

impl Lease {
    pub(super) async fn take(store: &Store, practice: &PracticeId) -> Result<Self, ImportFailure> {
        for _ in 0..LEASE_TRIES {
            if let Some(lease) = Self::take_if_free(store, practice).await? {
                return Ok(lease);
            }
            tokio::time::sleep(LEASE_WAIT).await;
        }
        Err(ImportFailure::Busy)
    }

    async fn take_if_free(
        store: &Store,
        practice: &PracticeId,
    ) -> Result<Option<Self>, ImportFailure> {
        let lease = Self { name: format!("import:{practice}"), holder: store::keys::new_token(9) };
        Ok(lease.extend(store, LEASE_MS).await?.then_some(lease))
    }

    async fn extend(&self, store: &Store, for_ms: i64) -> Result<bool, StoreError> {
        let (name, holder) = (self.name.clone(), self.holder.clone());
        store
            .write(move |db| {
                let (name, holder) = (name.clone(), holder.clone());
                Box::pin(async move { lease::claim(db, &name, &holder, real_now(), for_ms).await })
            })
            .await
    }

    pub(super) async fn give_back(&self, store: &Store) -> Result<(), StoreError> {
        // Expired at once: the next one need not wait.
        self.extend(store, -1).await.map(|_| ())
    }
}

/// Under the lease nobody else imports: what stands half-way was cut short by a crash.
pub(super) async fn clear_up(
    store: &Store,
    world: &World,
    practice: &PracticeId,
    held_lease: &Lease,
) -> Result<(), ImportFailure> {
    let left = {
        let mut db = store.read().await?;
        import::list(&mut db, practice, 200).await?
    };
    for import in left.iter().filter(|import| import.state == State::Staging) {
        let words = "It was cut short before the file was read. Import the file again.";
        fail(store, world, practice, &import.id, words).await?;
    }
    apply_accepted(store, world, practice, held_lease).await?;
    drop_leftover(store, practice).await
}

/// Goes on with what a crash cut short, and with what a manager accepted while another import had
/// the lease.
pub(super) async fn apply_accepted(
    store: &Store,
    world: &World,
    practice: &PracticeId,
    held_lease: &Lease,
) -> Result<(), ImportFailure> {
    let left = {
        let mut db = store.read().await?;
        import::list_applying(&mut db).await?
    };
    let watch: Watch = Arc::new(|_| {});
    for (_, id) in left.into_iter().filter(|(owner, _)| owner == practice) {
        apply(store, world, practice, &id, &watch, held_lease).await?;
    }
    Ok(())
}

/// Staged rows of imports that are over.
async fn drop_leftover(store: &Store, practice: &PracticeId) -> Result<(), ImportFailure> {
    let left = {
        let mut db = store.read().await?;
        import::list_leftover(&mut db, practice).await?
    };
    for id in left {
        drop_staged(store, practice, &id).await?;
    }
    Ok(())
}

/// Applies what is staged, step by step, and cleans up. Safe to call again after a crash.
pub(super) async fn apply(
    store: &Store,
    world: &World,
    practice: &PracticeId,
    id: &ImportId,
    watch: &Watch,
    held_lease: &Lease,
) -> Result<(), ImportFailure> {
    loop {
        let (world, owner, import) = (world.clone(), practice.clone(), id.clone());
        let (name, holder) = (held_lease.name.clone(), held_lease.holder.clone());
        let phase = store
            .write(move |db| {
                let (world, owner, import) = (world.clone(), owner.clone(), import.clone());
                let (name, holder) = (name.clone(), holder.clone());
                Box::pin(async move {
                    // Whoever took it over after a long pause of ours goes on from the cursor.
                    if !lease::claim(db, &name, &holder, real_now(), LEASE_MS).await? {
                        return Ok(None);
                    }
                    import::apply_next(db, &world, &owner, &import).await.map(Some)
                })
            })
            .await?;
        let phase = phase.ok_or(ImportFailure::Busy)?;
        watch(Step::Applying(phase));
        if phase == Phase::Done {
            break;
        }
    }
    finish(store, world, practice, id).await?;
    watch(Step::Applied);
    drop_staged(store, practice, id).await?;
    drop_leftover(store, practice).await
}

async fn finish(
    store: &Store,
    world: &World,
    practice: &PracticeId,
    id: &ImportId,
) -> Result<(), ImportFailure> {
    let (world, owner, id) = (world.clone(), practice.clone(), id.clone());
    store
        .write(move |db| {
            let (world, owner, id) = (world.clone(), owner.clone(), id.clone());
            Box::pin(async move {
                let import = import::load(db, &owner, &id).await?;
                let import = import.filter(|import| import.state == State::Applying);
                let Some(import) = import else { return Ok(()) };
                let now = world.now();
                import::mark_finished(db, &owner, &id, State::Applied, None, now).await?;
                if import.format != Format::Contacts.as_str() {
                    import::mark_overtaken(db, &import, now).await?;
                }
                release_outreach(db, &owner, &world).await?;
                let entry = store::audit::Entry::new(
                    &owner,
                    store::audit::Actor::System("import"),
                    "import_applied",
                    "import",
                    id.as_str(),
                )
                .with(format!("{} {} by {}", import.format, import.mode, import.started_by));
                store::audit::insert(db, &world, &entry).await
            })
        })
        .await?;
    Ok(())
}

/// Reminders go on when no other import holds them, and every waiting one is looked at again.
async fn release_outreach(
    db: &mut store::Db,
    practice: &PracticeId,
    world: &World,
) -> store::Result<()> {
    if import::count_holding(db, practice).await? == 0 {
        store::practice::mark_outreach(db, practice, None, world.now()).await?;
    }
    store::guarantor::mark_check_where_waiting(db, practice, world.now()).await?;
    Ok(())
}

async fn drop_staged(
    store: &Store,
    practice: &PracticeId,
    id: &ImportId,
) -> Result<(), ImportFailure> {
    loop {
        let (owner, import) = (practice.clone(), id.clone());
        let more = store
            .write(move |db| {
                let (owner, import) = (owner.clone(), import.clone());
                Box::pin(async move { import::delete_staged(db, &owner, &import).await })
            })
            .await?;
        if !more {
            return Ok(());
        }
    }
}

pub(super) async fn fail(
    store: &Store,
    world: &World,
    practice: &PracticeId,
    id: &ImportId,
    words: &str,
) -> Result<(), ImportFailure> {
    let (owner, import, words, now) = (practice.clone(), id.clone(), words.to_owned(), world.now());
    store
        .write(move |db| {
            let (owner, import, words) = (owner.clone(), import.clone(), words.clone());
            Box::pin(async move {
                import::mark_finished(db, &owner, &import, State::Failed, Some(&words), now).await
            })
        })
        .await?;
    drop_staged(store, practice, id).await
}

/// A manager's word on a held import. Refusing drops nothing, so that it can be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Accept,
    Reject,
    /// Takes a rejection back: it waits again.
    Reconsider,
}

/// Records the verdict; false when the import was no longer in the state it needs.
pub async fn decide(
    store: &Store,
    world: &World,
    entry: store::audit::Entry,
    id: &ImportId,
    verdict: Verdict,
    why: &str,
) -> Result<bool, ImportFailure> {
    let (from, to) = match verdict {
        Verdict::Accept => (State::Held, State::Applying),
        Verdict::Reject => (State::Held, State::Rejected),
        Verdict::Reconsider => (State::Rejected, State::Held),
    };
    let practice = entry.practice.clone();
    let (owner, import, words, by, kept_world) =
        (practice.clone(), id.clone(), why.to_owned(), entry.actor.label(), world.clone());
    let moved = store
        .write(move |db| {
            let (owner, import, words, by, world, entry) = (
                owner.clone(),
                import.clone(),
                words.clone(),
                by.clone(),
                kept_world.clone(),
                entry.clone(),
            );
            Box::pin(async move {
                if !import::mark_state(db, &owner, &import, from, to).await? {
                    return Ok(false);
                }
                import::mark_decided(db, &owner, &import, &by, &words, world.now()).await?;
                match verdict {
                    Verdict::Reject => release_outreach(db, &owner, &world).await?,
                    Verdict::Accept | Verdict::Reconsider => {
                        let why = "an import waits for a manager";
                        store::practice::mark_outreach(db, &owner, Some(why), world.now()).await?;
                    }
                }
                store::audit::insert(db, &world, &entry).await?;
                Ok(true)
            })
        })
        .await?;
    if moved && verdict == Verdict::Accept {
        go_on(store, world, &practice).await?;
    }
    Ok(moved)
}

/// Applies what is to be applied, unless somebody holds the lease: they do it before they give it
/// back.
async fn go_on(store: &Store, world: &World, practice: &PracticeId) -> Result<(), ImportFailure> {
    let lease = match Lease::take(store, practice).await {
        Ok(lease) => lease,
        Err(ImportFailure::Busy) => return Ok(()),
        Err(other) => return Err(other),
    };
    clear_up(store, world, practice, &lease).await?;
    lease.give_back(store).await?;
    Ok(())
}

/// Goes on with every import that a crash left half applied, as soon as the dead one's lease has
/// ended; true when there was one.
pub async fn resume(store: &Store, world: &World) -> Result<bool, ImportFailure> {
    let left = {
        let mut db = store.read().await?;
        import::list_applying(&mut db).await?
    };
    let practices: std::collections::BTreeSet<PracticeId> =
        left.into_iter().map(|(practice, _)| practice).collect();
    let mut resumed = false;
    for practice in practices {
        // Somebody else may be applying it right now, here or beside this server.
        let Some(lease) = Lease::take_if_free(store, &practice).await? else { continue };
        clear_up(store, world, &practice, &lease).await?;
        lease.give_back(store).await?;
        resumed = true;
    }
    Ok(resumed)
}
