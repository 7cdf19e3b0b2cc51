//! Imports: staged in chunks, compared with the book, applied in resumable chunks (decision 22).

use domain::{
    clock::UnixMs,
    id::{GuarantorId, ImportId, PracticeId},
};

use crate::{Db, Result, StoreError};

mod apply;
mod arrangements;
mod book_counts;
mod claims;
mod contacts;
mod difference;
mod people;
mod stage;

pub use apply::{Phase, apply_next};
pub(crate) use arrangements::keep_scratch;
pub use book_counts::{BookCounts, count_book};
pub use difference::{Breaker, Difference, Example, compare};
pub use stage::{
    Refused, Sealed, delete_staged, insert_refusals, insert_rows, list_refusals, seal,
};

/// Where an import stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Announced; another import of the practice may still be running.
    Waiting,
    /// Rows are being read; a crash here leaves the book untouched.
    Staging,
    /// Waits for a manager, and outreach waits with it.
    Held,
    /// Being applied; a crash here goes on where it was.
    Applying,
    Applied,
    Rejected,
    /// The file could not be read to its end; nothing was applied.
    Failed,
}

impl State {
    pub const ALL: [Self; 7] = [
        Self::Waiting,
        Self::Staging,
        Self::Held,
        Self::Applying,
        Self::Applied,
        Self::Rejected,
        Self::Failed,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Staging => "staging",
            Self::Held => "held",
            Self::Applying => "applying",
            Self::Applied => "applied",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
        }
    }

    fn parse(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or(StoreError::Corrupt("import.state"))
    }
}

#[derive(Clone, Debug)]
pub struct Import {
    pub id: ImportId,
    pub practice: PracticeId,
    pub source: String,
    pub format: String,
    /// `full` or `delta`.
    pub mode: String,
    pub file_name: String,
    pub as_of_on: Option<String>,
    pub state: State,
    pub phase: String,
    pub cursor: String,
    pub rows_total: i64,
    pub rows_accepted: i64,
    pub rows_refused: i64,
    pub rows_unchanged: i64,
    pub difference: Option<Difference>,
    pub started_by: String,
    pub started_at: UnixMs,
    pub finished_at: Option<UnixMs>,
    pub decided_by: Option<String>,
    pub decided_at: Option<UnixMs>,
    pub decided_why: Option<String>,
    pub failure: Option<String>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    practice_id: String,
    source: String,
    format: String,
    mode: String,
    file_name: String,
    as_of_on: Option<String>,
    state: String,
    phase: String,
    cursor: String,
    rows_total: i64,
    rows_accepted: i64,
    rows_refused: i64,
    rows_unchanged: i64,
    difference: Option<String>,
    started_by: String,
    started_at_ms: i64,
    finished_at_ms: Option<i64>,
    decided_by: Option<String>,
    decided_at_ms: Option<i64>,
    decided_why: Option<String>,
    failure: Option<String>,
}

impl Row {
    fn import(self) -> Result<Import> {
        let difference = self.difference.as_deref().map(serde_json::from_str).transpose();
        Ok(Import {
            state: State::parse(&self.state)?,
            difference: difference.map_err(|_| StoreError::Corrupt("import.difference"))?,
            id: ImportId::trusted(self.id),
            practice: PracticeId::trusted(self.practice_id),
            source: self.source,
            format: self.format,
            mode: self.mode,
            file_name: self.file_name,
            as_of_on: self.as_of_on,
            phase: self.phase,
            cursor: self.cursor,
            rows_total: self.rows_total,
            rows_accepted: self.rows_accepted,
            rows_refused: self.rows_refused,
            rows_unchanged: self.rows_unchanged,
            started_by: self.started_by,
            started_at: UnixMs(self.started_at_ms),
            finished_at: self.finished_at_ms.map(UnixMs),
            decided_by: self.decided_by,
            decided_at: self.decided_at_ms.map(UnixMs),
            decided_why: self.decided_why,
            failure: self.failure,
        })
    }
}

/// What an import begins with.
#[derive(Clone, Debug)]
pub struct New {
    pub id: ImportId,
    pub practice: PracticeId,
    pub source: String,
    pub format: String,
    pub mode: String,
    pub file_name: String,
    pub as_of_on: String,
    pub started_by: String,
    pub at: UnixMs,
}

pub async fn insert(db: &mut Db, new: &New) -> Result<()> {
    const INSERT: &str = "insert into import (id, practice_id, source, format, mode, file_name,
        as_of_on, state, started_by, started_at_ms)
        values ($1, $2, $3, $4, $5, $6, $7, 'waiting', $8, $9)";
    sqlx::query(INSERT)
        .bind(new.id.as_str())
        .bind(new.practice.as_str())
        .bind(&new.source)
        .bind(&new.format)
        .bind(&new.mode)
        .bind(&new.file_name)
        .bind(&new.as_of_on)
        .bind(&new.started_by)
        .bind(new.at.0)
        .execute(db.c())
        .await?;
    Ok(())
}

pub async fn load(db: &mut Db, practice: &PracticeId, id: &ImportId) -> Result<Option<Import>> {
    const LOAD: &str = "select id, practice_id, source, format, mode, file_name, as_of_on, state,
        phase, cursor, rows_total, rows_accepted, rows_refused, rows_unchanged, difference,
        started_by, started_at_ms, finished_at_ms, decided_by, decided_at_ms, decided_why, failure
        from import
        where practice_id = $1 and id = $2";
    let row: Option<Row> = sqlx::query_as(LOAD)
        .bind(practice.as_str())
        .bind(id.as_str())
        .fetch_optional(db.c())
        .await?;
    row.map(Row::import).transpose()
}

/// Newest first.
pub async fn list(db: &mut Db, practice: &PracticeId, limit: i64) -> Result<Vec<Import>> {
    const LIST: &str = "select id, practice_id, source, format, mode, file_name, as_of_on, state,
        phase, cursor, rows_total, rows_accepted, rows_refused, rows_unchanged, difference,
        started_by, started_at_ms, finished_at_ms, decided_by, decided_at_ms, decided_why, failure
        from import
        where practice_id = $1
        order by started_at_ms desc, id desc
        limit $2";
    let rows: Vec<Row> =
        sqlx::query_as(LIST).bind(practice.as_str()).bind(limit).fetch_all(db.c()).await?;
    rows.into_iter().map(Row::import).collect()
}

/// The imports that an account's claims were last written by, newest first, with how many each.
pub async fn list_by_guarantor(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
) -> Result<Vec<(ImportId, String, UnixMs, i64)>> {
    const LIST: &str = "select i.id, i.file_name, i.started_at_ms, count(*)
        from claim c
        join import i on i.practice_id = c.practice_id and i.id = c.import_id
        where c.practice_id = $1 and c.guarantor_id = $2
        group by i.id, i.file_name, i.started_at_ms
        order by i.started_at_ms desc, i.id";
    let rows: Vec<(String, String, i64, i64)> = sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .fetch_all(db.c())
        .await?;
    Ok(rows
        .into_iter()
        .map(|(id, file, at, claims)| (ImportId::trusted(id), file, UnixMs(at), claims))
        .collect())
}

/// Imports of every practice that a crash or a stop left half applied.
pub async fn list_applying(db: &mut Db) -> Result<Vec<(PracticeId, ImportId)>> {
    const LIST: &str = "select practice_id, id from import where state = 'applying' order by id";
    let rows: Vec<(String, String)> = sqlx::query_as(LIST).fetch_all(db.c()).await?;
    Ok(rows.into_iter().map(|(p, i)| (PracticeId::trusted(p), ImportId::trusted(i))).collect())
}

/// How many of a practice's imports hold outreach back: waiting for a manager or half applied.
pub async fn count_holding(db: &mut Db, practice: &PracticeId) -> Result<i64> {
    const COUNT: &str = "select count(*) from import
        where practice_id = $1 and state in ('held', 'applying')";
    let (count,): (i64,) = sqlx::query_as(COUNT).bind(practice.as_str()).fetch_one(db.c()).await?;
    Ok(count)
}

/// Moves from one state to another; false when somebody else moved it first.
pub async fn mark_state(
    db: &mut Db,
    practice: &PracticeId,
    id: &ImportId,
    from: State,
    to: State,
) -> Result<bool> {
    const MARK: &str = "update import set state = $4
        where practice_id = $1 and id = $2 and state = $3";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(from.as_str())
        .bind(to.as_str())
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// What reading the file found.
pub async fn mark_read(
    db: &mut Db,
    practice: &PracticeId,
    id: &ImportId,
    rows_total: i64,
    rows_refused: i64,
    difference: &Difference,
) -> Result<()> {
    const MARK: &str = "update import set rows_total = $3, rows_refused = $4, difference = $5
        where practice_id = $1 and id = $2";
    let text = serde_json::to_string(difference).expect("a difference is plain data");
    sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(rows_total)
        .bind(rows_refused)
        .bind(text)
        .execute(db.c())
        .await?;
    Ok(())
}

/// Who accepted or refused a held import, and why.
pub async fn mark_decided(
    db: &mut Db,
    practice: &PracticeId,
    id: &ImportId,
    by: &str,
    why: &str,
    now: UnixMs,
) -> Result<()> {
    const MARK: &str = "update import set decided_by = $3, decided_why = $4, decided_at_ms = $5
        where practice_id = $1 and id = $2";
    sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(by)
        .bind(why)
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(())
}

/// The end, with the counts in their final state. `failure` is a sentence for staff.
pub async fn mark_finished(
    db: &mut Db,
    practice: &PracticeId,
    id: &ImportId,
    state: State,
    failure: Option<&str>,
    now: UnixMs,
) -> Result<()> {
    const MARK: &str = "update import set state = $3, failure = $4, finished_at_ms = $5,
        rows_accepted = rows_total - rows_refused - rows_unchanged
        where practice_id = $1 and id = $2";
    sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(state.as_str())
        .bind(failure)
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(())
}

/// Imports that ended with staged rows still there: a crash came between the two.
pub async fn list_leftover(db: &mut Db, practice: &PracticeId) -> Result<Vec<ImportId>> {
    const LIST: &str = "select i.id from import i
        where i.practice_id = $1 and i.state in ('applied', 'failed')
        and exists (select 1 from import_row r
            where r.practice_id = i.practice_id and r.import_id = i.id)
        order by i.id";
    let rows: Vec<(String,)> =
        sqlx::query_as(LIST).bind(practice.as_str()).fetch_all(db.c()).await?;
    Ok(rows.into_iter().map(|(id,)| ImportId::trusted(id)).collect())
}

/// Closes older imports of the same source that still wait for a manager, or were refused and could
/// be taken back: applying one now would put the book back to an older day.
pub async fn mark_overtaken(db: &mut Db, by: &Import, now: UnixMs) -> Result<u64> {
    const MARK: &str = "update import set state = 'failed', failure = $5, finished_at_ms = $6
        where practice_id = $1 and source = $2 and id <> $3 and started_at_ms <= $4
        and state in ('held', 'rejected')";
    let done = sqlx::query(MARK)
        .bind(by.practice.as_str())
        .bind(&by.source)
        .bind(by.id.as_str())
        .bind(by.started_at.0)
        .bind("A newer file of the same source was applied since. Nothing of this one was.")
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected())
}
