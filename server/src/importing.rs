//! One way in for balances: the command line, an upload, the API and the demo's sample practice all
//! import here. Read as a stream, staged, compared with the book, then applied in short steps; a
//! crash leaves either nothing or something that goes on where it was.

use std::{path::PathBuf, sync::Arc};

use connect::source::{self, Format, Input, Options, Progress, Sink, SourceError, Stop};
use domain::{
    book::{Mode, RowRefusal, Said},
    clock::World,
    id::{ImportId, PracticeId},
};
use jiff::civil::Date;
use store::{
    Store, StoreError,
    import::{self, BookCounts, Breaker, Difference, Phase, State},
    lease,
};
use tokio::sync::mpsc;

use crate::clock::real_now;

/// Things said that travel to the store in one piece.
const CHUNK: usize = 250;
/// Chunks that may wait between the reader and the store: this bounds the memory.
const CHUNKS_WAITING: usize = 4;
/// A killed import frees its practice after this; each chunk extends it.
const LEASE_MS: i64 = 15_000;
/// How often and how long to wait for another import of the same practice.
const LEASE_TRIES: u32 = 100;
const LEASE_WAIT: std::time::Duration = std::time::Duration::from_millis(200);

/// What to import, and how.
pub struct Request {
    pub practice: PracticeId,
    pub input: Input,
    pub format: Format,
    pub mode: Mode,
    /// Which system the ids belong to; "full" is per source (decision 22).
    pub source: String,
    pub file_name: String,
    pub as_of: Date,
    pub open_days: u32,
    /// `staff:stf_…`, `key:…`, `system:command`.
    pub started_by: String,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Report {
    pub id: ImportId,
    pub rows: i64,
    pub accepted: i64,
    pub refused: i64,
    pub unchanged: i64,
    pub held: bool,
    pub difference: Option<Difference>,
    pub book: BookCounts,
}

impl Report {
    /// The line of `import --json`.
    pub fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "import": self.id,
            "rows": self.rows,
            "accepted": self.accepted,
            "refused": self.refused,
            "unchanged": self.unchanged,
            "accounts": self.book.accounts,
            "patients": self.book.patients,
            "open_claims": self.book.open_claims,
            "patients_owing": self.book.patients_owing,
            "open_cents": self.book.open_cents,
            "held": self.held,
        })
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ImportFailure {
    /// The file was refused whole; nothing was applied. The sentence says what to do.
    #[error("{0}")]
    Source(#[from] SourceError),
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("another import of this practice is running; wait for it to end")]
    Busy,
    #[error("there is no such practice")]
    NoPractice,
    #[error("{0}")]
    Inside(String),
}

/// Where an import stands, for a progress bar or a page.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Reading(Progress),
    Comparing,
    Applying(Phase),
}

/// Someone who watches; called often, from any thread.
pub type Watch = Arc<dyn Fn(Step) + Send + Sync>;

/// Imports one file. Waits for another import of the same practice to end.
pub async fn run(
    store: &Store,
    world: &World,
    request: Request,
    watch: Watch,
) -> Result<Report, ImportFailure> {
    let id = announce(store, world, &request).await?;
    run_announced(store, world, request, &id, watch).await
}

/// Imports what [`announce`] wrote down.
pub async fn run_announced(
    store: &Store,
    world: &World,
    request: Request,
    id: &ImportId,
    watch: Watch,
) -> Result<Report, ImportFailure> {
    let practice = &request.practice;
    let held_lease = match Lease::take(store, practice).await {
        Ok(lease) => lease,
        Err(cause) => {
            fail(store, world, practice, id, &cause.to_string()).await?;
            return Err(cause);
        }
    };
    clear_up(store, world, practice, &held_lease).await?;
    begin(store, practice, id).await?;
    let read = stage(store, world, &request, id, watch.clone(), &held_lease).await;
    let (rows, refused) = match read {
        Ok(counts) => counts,
        Err(cause) => {
            fail(store, world, practice, id, &cause.to_string()).await?;
            held_lease.give_back(store).await?;
            return Err(cause);
        }
    };
    watch(Step::Comparing);
    let is_held = compare(store, world, &request, id, rows, refused).await?;
    if !is_held {
        apply(store, world, practice, id, &watch, Some(&held_lease)).await?;
    }
    held_lease.give_back(store).await?;
    report(store, practice, id).await
}

/// The exclusive right to import into a practice.
struct Lease {
    name: String,
    holder: String,
}

impl Lease {
    async fn take(store: &Store, practice: &PracticeId) -> Result<Self, ImportFailure> {
        let lease = Self { name: format!("import:{practice}"), holder: store::keys::new_token(9) };
        for _ in 0..LEASE_TRIES {
            if lease.extend(store, LEASE_MS).await? {
                return Ok(lease);
            }
            tokio::time::sleep(LEASE_WAIT).await;
        }
        Err(ImportFailure::Busy)
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

    async fn give_back(&self, store: &Store) -> Result<(), StoreError> {
        // Expired at once: the next one need not wait.
        self.extend(store, -1).await.map(|_| ())
    }
}

/// Under the lease nobody else imports: what stands half-way was cut short by a crash.
async fn clear_up(
    store: &Store,
    world: &World,
    practice: &PracticeId,
    held_lease: &Lease,
) -> Result<(), ImportFailure> {
    let left = {
        let mut db = store.read().await?;
        import::list(&mut db, practice, 200).await?
    };
    for import in left {
        match import.state {
            State::Staging => {
                let words = "It was cut short before the file was read. Import the file again.";
                fail(store, world, practice, &import.id, words).await?;
            }
            State::Applying => {
                let watch: Watch = Arc::new(|_| {});
                apply(store, world, practice, &import.id, &watch, Some(held_lease)).await?;
            }
            State::Waiting | State::Held | State::Applied | State::Rejected | State::Failed => {}
        }
    }
    Ok(())
}

/// Writes an import down before it starts, so that there is a page to watch.
pub async fn announce(
    store: &Store,
    world: &World,
    request: &Request,
) -> Result<ImportId, ImportFailure> {
    let id: ImportId = world.mint();
    let new = import::New {
        id: id.clone(),
        practice: request.practice.clone(),
        source: request.source.clone(),
        format: request.format.as_str().into(),
        mode: request.mode.as_str().into(),
        file_name: request.file_name.clone(),
        as_of_on: request.as_of.to_string(),
        started_by: request.started_by.clone(),
        at: world.now(),
    };
    store
        .write(move |db| {
            let new = new.clone();
            Box::pin(async move { import::insert(db, &new).await })
        })
        .await?;
    Ok(id)
}

async fn begin(store: &Store, practice: &PracticeId, id: &ImportId) -> Result<(), ImportFailure> {
    let (practice, id) = (practice.clone(), id.clone());
    store
        .write(move |db| {
            let (practice, id) = (practice.clone(), id.clone());
            Box::pin(async move {
                import::mark_state(db, &practice, &id, State::Waiting, State::Staging).await
            })
        })
        .await?;
    Ok(())
}

type Chunk = Vec<Result<Said, RowRefusal>>;

/// Reads on a blocking thread and stages as it goes; returns ledger rows read and refused.
async fn stage(
    store: &Store,
    world: &World,
    request: &Request,
    id: &ImportId,
    watch: Watch,
    held_lease: &Lease,
) -> Result<(i64, i64), ImportFailure> {
    let (send, mut chunks) = mpsc::channel::<Chunk>(CHUNKS_WAITING);
    let options = Options {
        as_of: request.as_of,
        today: request.as_of.max(world.now().day_in(&jiff::tz::TimeZone::UTC)),
        open_days: request.open_days,
        scratch: std::env::temp_dir(),
    };
    let (input, format) = (request.input.clone(), request.format);
    let reader = tokio::task::spawn_blocking(move || {
        let mut chunk = Vec::with_capacity(CHUNK);
        let mut say = |item: Result<Said, RowRefusal>| {
            chunk.push(item);
            if chunk.len() < CHUNK {
                return Ok(());
            }
            let full = std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK));
            send.blocking_send(full).map_err(|_| Stop)
        };
        let mut progress = |at: Progress| watch(Step::Reading(at));
        let mut sink = Sink::new(&mut say, &mut progress);
        let tally = source::read(&input, format, &options, &mut sink)?;
        if !chunk.is_empty() {
            send.blocking_send(chunk).map_err(|_| SourceError::Stopped)?;
        }
        Ok::<_, SourceError>(tally)
    });
    let mut seq = 0;
    let mut staged = Ok(());
    while let Some(chunk) = chunks.recv().await {
        let count = chunk.len() as i64;
        if let Err(cause) = keep_chunk(store, &request.practice, id, seq, chunk, held_lease).await {
            // The reader notices that nobody listens and stops.
            staged = Err(cause);
            break;
        }
        seq += count;
    }
    drop(chunks);
    let tally = reader.await.map_err(|e| ImportFailure::Inside(e.to_string()))?;
    staged?;
    let tally = tally?;
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    Ok((count(tally.rows), count(tally.refused)))
}

async fn keep_chunk(
    store: &Store,
    practice: &PracticeId,
    id: &ImportId,
    first_seq: i64,
    chunk: Chunk,
    held_lease: &Lease,
) -> Result<(), ImportFailure> {
    let mut said = Vec::with_capacity(chunk.len());
    let mut refused = Vec::new();
    for item in chunk {
        match item {
            Ok(row) => said.push(row),
            Err(refusal) => refused.push(refusal),
        }
    }
    let rows = Arc::new((said, refused));
    let (practice, id) = (practice.clone(), id.clone());
    let (name, holder) = (held_lease.name.clone(), held_lease.holder.clone());
    store
        .write(move |db| {
            let (rows, practice, id) = (rows.clone(), practice.clone(), id.clone());
            let (name, holder) = (name.clone(), holder.clone());
            Box::pin(async move {
                import::insert_rows(db, &practice, &id, first_seq, &rows.0).await?;
                let after = first_seq + rows.0.len() as i64;
                import::insert_refusals(db, &practice, &id, after, &rows.1).await?;
                lease::claim(db, &name, &holder, real_now(), LEASE_MS).await.map(|_| ())
            })
        })
        .await?;
    Ok(())
}

/// Compares, and decides between applying and waiting for a manager; true when it waits.
async fn compare(
    store: &Store,
    world: &World,
    request: &Request,
    id: &ImportId,
    rows: i64,
    refused: i64,
) -> Result<bool, ImportFailure> {
    let practice = {
        let mut db = store.read().await?;
        store::practice::load(&mut db, &request.practice).await?
    };
    let practice = practice.ok_or(ImportFailure::NoPractice)?;
    let breaker = Breaker::from(&practice.settings);
    let (owner, id, source) = (practice.id.clone(), id.clone(), request.source.clone());
    let (is_full, world) = (request.mode == Mode::Full, world.clone());
    let is_held = store
        .write(move |db| {
            let (owner, id, source, world) =
                (owner.clone(), id.clone(), source.clone(), world.clone());
            Box::pin(async move {
                let found = import::compare(db, &owner, &id, &source, is_full, breaker).await?;
                import::mark_read(db, &owner, &id, rows, refused, &found).await?;
                let is_held = !found.held_because.is_empty();
                let to = if is_held { State::Held } else { State::Applying };
                import::mark_state(db, &owner, &id, State::Staging, to).await?;
                let why = if is_held {
                    format!("an import waits for a manager: {}", found.held_because.join("; "))
                } else {
                    "an import is being applied".to_owned()
                };
                store::practice::mark_outreach(db, &owner, Some(&why), world.now()).await?;
                Ok(is_held)
            })
        })
        .await?;
    Ok(is_held)
}

/// Applies what is staged, step by step, and cleans up. Safe to call again after a crash.
async fn apply(
    store: &Store,
    world: &World,
    practice: &PracticeId,
    id: &ImportId,
    watch: &Watch,
    held_lease: Option<&Lease>,
) -> Result<(), ImportFailure> {
    loop {
        let (world, owner, import) = (world.clone(), practice.clone(), id.clone());
        let lease_at = held_lease.map(|lease| (lease.name.clone(), lease.holder.clone()));
        let phase = store
            .write(move |db| {
                let (world, owner, import, lease_at) =
                    (world.clone(), owner.clone(), import.clone(), lease_at.clone());
                Box::pin(async move {
                    if let Some((name, holder)) = lease_at {
                        lease::claim(db, &name, &holder, real_now(), LEASE_MS).await?;
                    }
                    import::apply_next(db, &world, &owner, &import).await
                })
            })
            .await?;
        watch(Step::Applying(phase));
        if phase == Phase::Done {
            break;
        }
    }
    finish(store, world, practice, id).await?;
    drop_staged(store, practice, id).await
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
                let Some(import) = import::load(db, &owner, &id).await? else { return Ok(()) };
                let now = world.now();
                if import.mode == Mode::Full.as_str() && import.format != "contacts" {
                    import::mark_vanished(db, &owner, &id, &import.source, now).await?;
                }
                import::mark_finished(db, &owner, &id, State::Applied, None, now).await?;
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

async fn fail(
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

/// What an import came to, and the book after it.
pub async fn report(
    store: &Store,
    practice: &PracticeId,
    id: &ImportId,
) -> Result<Report, ImportFailure> {
    let mut db = store.read().await?;
    let import = import::load(&mut db, practice, id).await?;
    let import = import.ok_or_else(|| ImportFailure::Inside("the import is gone".into()))?;
    let book = import::count_book(&mut db, practice).await?;
    Ok(Report {
        id: import.id,
        rows: import.rows_total,
        accepted: import.rows_accepted,
        refused: import.rows_refused,
        unchanged: import.rows_unchanged,
        held: import.state == State::Held,
        difference: import.difference,
        book,
    })
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
        let watch: Watch = Arc::new(|_| {});
        apply(store, world, &practice, id, &watch, None).await?;
    }
    Ok(moved)
}

/// Goes on with every import that a crash left half applied. Called at start.
pub async fn resume(store: &Store, world: &World) -> Result<(), ImportFailure> {
    let left = {
        let mut db = store.read().await?;
        import::list_applying(&mut db).await?
    };
    for (practice, id) in left {
        // Somebody else may be applying it right now, beside this server.
        let Ok(lease) = Lease::take(store, &practice).await else { continue };
        let watch: Watch = Arc::new(|_| {});
        apply(store, world, &practice, &id, &watch, Some(&lease)).await?;
        lease.give_back(store).await?;
    }
    Ok(())
}

/// Where uploads wait until they are read.
pub fn upload_folder(data_dir: &std::path::Path) -> PathBuf {
    data_dir.join("uploads")
}

/// A refused row as a sentence: where it stands and what to do.
pub fn sentence(refused: &store::import::Refused) -> String {
    let reason = refused.reason.parse::<domain::book::RefusalReason>();
    let words = reason.map_or("It could not be read.", |reason| reason.sentence());
    let file = if refused.file_name.is_empty() {
        String::new()
    } else {
        format!("{}, ", refused.file_name)
    };
    match &refused.column_name {
        Some(column) => format!("{file}line {}, {column}: {words}", refused.line),
        None => format!("{file}line {}: {words}", refused.line),
    }
}

/// The whole report of refused rows, as CSV: file, line, column and reason, never a value.
pub async fn refusals_csv(
    store: &Store,
    practice: &PracticeId,
    id: &ImportId,
) -> Result<Vec<u8>, String> {
    const PAGE: i64 = 5_000;
    let mut rows = Vec::new();
    let mut after = -1;
    loop {
        let mut db = store.read().await.map_err(|e| e.to_string())?;
        let page = import::list_refusals(&mut db, practice, id, after, PAGE).await;
        let page = page.map_err(|e| e.to_string())?;
        let Some(last) = page.last() else { break };
        after = last.seq;
        rows.extend(page);
    }
    let head = ["file", "line", "column", "reason", "what to do"];
    crate::spreadsheet::csv(
        &head,
        rows.into_iter().map(|row| {
            let words = row.reason.parse::<domain::book::RefusalReason>();
            vec![
                row.file_name,
                row.line.to_string(),
                row.column_name.unwrap_or_default(),
                row.reason,
                words.map(|reason| reason.sentence().to_owned()).unwrap_or_default(),
            ]
        }),
    )
    .map_err(|e| e.to_string())
}

/// Where the imports of this process stand, for their pages.
#[derive(Default)]
pub struct Board {
    steps: Arc<std::sync::Mutex<std::collections::HashMap<ImportId, Step>>>,
}

impl Board {
    /// A watcher that keeps the last step of `id` here.
    pub fn watch(&self, id: &ImportId) -> Watch {
        let (steps, id) = (self.steps.clone(), id.clone());
        Arc::new(move |step| {
            let mut steps = steps.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            steps.insert(id.clone(), step);
        })
    }

    pub fn forget(&self, id: &ImportId) {
        self.steps.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(id);
    }

    /// Done, total and words; none when another process does the work.
    pub fn of(&self, id: &ImportId) -> Option<(i64, i64, String)> {
        let steps = self.steps.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        Some(match steps.get(id)? {
            Step::Reading(at) => (count(at.done), count(at.total), "Reading the file".into()),
            Step::Comparing => (0, 1, "Comparing with the book".into()),
            Step::Applying(phase) => (0, 1, format!("Applying: {}", phase.words())),
        })
    }
}
