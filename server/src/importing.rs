//! One way in for balances: the command line, an upload, the API and the demo's sample practice all
//! import here. Read as a stream, staged, compared with the book, then applied in short steps; a
//! crash leaves either nothing or something that goes on where it was.

use std::{path::PathBuf, sync::Arc};

use connect::source::{self, Format, Input, Options, Progress, Sink, SourceError, Stop};
use domain::{
    book::{BookRow, Mode, RowRefusal, Said},
    clock::World,
    id::{ImportId, PracticeId},
    points::{Point, Points},
};
use jiff::civil::Date;
use store::{
    Store, StoreError,
    import::{self, BookCounts, Breaker, Difference, Phase, State},
    lease,
};
use tokio::sync::mpsc;

use self::applying::{LEASE_MS, Lease, apply, apply_accepted, clear_up, fail};
pub use self::{
    applying::{Verdict, decide, resume},
    refused::{refusals_csv, sentence},
};
use crate::clock::real_now;

mod applying;
mod refused;

/// Things said that travel to the store in one piece, and are one durable commit there.
const CHUNK: usize = 1_000;
/// Charge lines of such a piece: claims may be large.
const CHUNK_LINES: usize = 4_000;
/// Chunks that may wait between the reader and the store: this bounds the memory.
const CHUNKS_WAITING: usize = 4;

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
    /// A part of the file lies in the store.
    Staged,
    Comparing,
    /// It may be applied.
    Compared,
    Applying(Phase),
    /// All of it stands in the book.
    Applied,
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
        watch(Step::Compared);
        apply(store, world, practice, id, &watch, &held_lease).await?;
    }
    apply_accepted(store, world, practice, &held_lease).await?;
    held_lease.give_back(store).await?;
    report(store, practice, id).await
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

type Chunk = Vec<Result<import::Sealed, RowRefusal>>;

/// Reads and seals on a blocking thread and stages as it goes; returns ledger rows read and refused.
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
    let on_read = watch.clone();
    let (keys, practice, import_id) = (store.keys().clone(), request.practice.clone(), id.clone());
    let reader = tokio::task::spawn_blocking(move || {
        let (mut chunk, mut lines) = (Vec::with_capacity(CHUNK), 0);
        let mut say = |item: Result<Said, RowRefusal>| {
            lines += lines_of(&item);
            chunk.push(item.map(|said| import::seal(&keys, &practice, &import_id, &said)));
            if chunk.len() < CHUNK && lines < CHUNK_LINES {
                return Ok(());
            }
            lines = 0;
            let full = std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK));
            send.blocking_send(full).map_err(|_| Stop)
        };
        let mut progress = |at: Progress| on_read(Step::Reading(at));
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
        watch(Step::Staged);
    }
    drop(chunks);
    let tally = reader.await.map_err(|e| ImportFailure::Inside(e.to_string()))?;
    staged?;
    let tally = tally?;
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    Ok((count(tally.rows), count(tally.refused)))
}

fn lines_of(item: &Result<Said, RowRefusal>) -> usize {
    match item {
        Ok(Said { row: BookRow::Claim(claim), .. }) => claim.lines.len(),
        Ok(_) | Err(_) => 0,
    }
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
    let is_full = request.mode == Mode::Full && request.format != Format::Contacts;
    // Beside the writer, not in it: over a large book this takes seconds. Under the lease nothing
    // else changes what is compared.
    let found = {
        let mut db = store.read().await?;
        import::compare(&mut db, &practice.id, id, &request.source, is_full, breaker).await?
    };
    let (owner, id, found, world) = (practice.id, id.clone(), Arc::new(found), world.clone());
    let is_held = store
        .write(move |db| {
            let (owner, id, found, world) =
                (owner.clone(), id.clone(), found.clone(), world.clone());
            Box::pin(async move {
                let is_held = !found.held_because.is_empty();
                let to = if is_held { State::Held } else { State::Applying };
                if !import::mark_state(db, &owner, &id, State::Staging, to).await? {
                    return Ok(None);
                }
                import::mark_read(db, &owner, &id, rows, refused, &found).await?;
                let why = if is_held {
                    format!("an import waits for a manager: {}", found.held_because.join("; "))
                } else {
                    "an import is being applied".to_owned()
                };
                store::practice::mark_outreach(db, &owner, Some(&why), world.now()).await?;
                Ok(Some(is_held))
            })
        })
        .await?;
    // Somebody took the lease over during a long pause of ours and closed this import.
    is_held.ok_or(ImportFailure::Busy)
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

/// Where uploads wait until they are read.
pub fn upload_folder(data_dir: &std::path::Path) -> PathBuf {
    data_dir.join("uploads")
}

/// Where the imports of this process stand, for their pages.
pub struct Board {
    steps: Arc<std::sync::Mutex<std::collections::HashMap<ImportId, Step>>>,
    points: Points,
}

impl Board {
    pub fn new(points: Points) -> Self {
        Self { steps: Arc::default(), points }
    }

    /// A watcher that keeps the last step of `id` here.
    pub fn watch(&self, id: &ImportId) -> Watch {
        let (steps, id, points) = (self.steps.clone(), id.clone(), self.points.clone());
        Arc::new(move |step| {
            match step {
                Step::Staged => return points.reach(Point::ImportStaged),
                Step::Compared => return points.reach(Point::ImportCompared),
                Step::Applied => return points.reach(Point::ImportFinished),
                Step::Applying(Phase::Done) | Step::Reading(_) | Step::Comparing => {}
                Step::Applying(_) => points.reach(Point::ImportApplied),
            }
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
            Step::Staged | Step::Compared | Step::Applied => return None,
            Step::Comparing => (0, 1, "Comparing with the book".into()),
            Step::Applying(phase) => (0, 1, format!("Applying: {}", phase.words())),
        })
    }
}
