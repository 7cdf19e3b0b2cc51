//! What a person has to look at: wrong numbers, free-text replies, unreachable accounts, a sender
//! that is refused. One open task for one reason, by its key.

use std::collections::BTreeMap;

use domain::{
    clock::{UnixMs, World},
    id::{GuarantorId, PracticeId, TaskId},
};

use crate::{
    Db, Result,
    backend::{LIST_LONGEST, padded, with_list},
    keys::Place,
};

#[derive(Clone, Debug)]
pub struct Task {
    pub id: TaskId,
    pub guarantor: Option<GuarantorId>,
    pub kind: String,
    pub detail: Option<String>,
    pub opened_at: UnixMs,
    pub closed_at: Option<UnixMs>,
    pub closed_by: Option<String>,
    pub outcome: Option<String>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    guarantor_id: Option<String>,
    kind: String,
    detail_sealed: Option<String>,
    opened_at_ms: i64,
    closed_at_ms: Option<i64>,
    closed_by: Option<String>,
    outcome: Option<String>,
}

#[derive(sqlx::FromRow)]
struct KeyedRow {
    dedupe_key: String,
    #[sqlx(flatten)]
    task: Row,
}

fn place<'a>(practice: &'a PracticeId, id: &'a str) -> Place<'a> {
    Place { practice: practice.as_str(), table: "task", column: "detail_sealed", row: id }
}

impl Row {
    fn open(self, db: &Db, practice: &PracticeId) -> Result<Task> {
        let detail =
            db.keys().open_option(place(practice, &self.id), self.detail_sealed.as_deref())?;
        Ok(Task {
            detail,
            id: TaskId::trusted(self.id),
            guarantor: self.guarantor_id.map(GuarantorId::trusted),
            kind: self.kind,
            opened_at: UnixMs(self.opened_at_ms),
            closed_at: self.closed_at_ms.map(UnixMs),
            closed_by: self.closed_by,
            outcome: self.outcome,
        })
    }
}

/// Opens a task unless one with the same key exists; true when it is new.
pub async fn insert(
    db: &mut Db,
    world: &World,
    practice: &PracticeId,
    guarantor: Option<&GuarantorId>,
    kind: &str,
    dedupe_key: &str,
    detail: Option<&str>,
) -> Result<bool> {
    const INSERT: &str = "insert into task (id, practice_id, guarantor_id, kind, detail_sealed,
        dedupe_key, opened_at_ms)
        values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (practice_id, dedupe_key) do nothing";
    let id = world.mint::<TaskId>();
    let sealed = db.keys().seal_option(place(practice, id.as_str()), detail);
    let done = sqlx::query(INSERT)
        .bind(id.as_str())
        .bind(practice.as_str())
        .bind(guarantor.map(GuarantorId::as_str))
        .bind(kind)
        .bind(sealed)
        .bind(dedupe_key)
        .bind(world.now().0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Open tasks, oldest first; of one kind when it is given.
pub async fn list_open(
    db: &mut Db,
    practice: &PracticeId,
    kind: Option<&str>,
    limit: i64,
) -> Result<Vec<Task>> {
    const LIST: &str = "select id, guarantor_id, kind, detail_sealed, opened_at_ms, closed_at_ms,
        closed_by, outcome
        from task
        where practice_id = $1 and closed_at_ms is null
        and (cast($2 as text) is null or kind = $2)
        order by opened_at_ms, id
        limit $3";
    let rows: Vec<Row> = sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(kind)
        .bind(limit)
        .fetch_all(db.c())
        .await?;
    rows.into_iter().map(|r| r.open(db, practice)).collect()
}

pub async fn list_by_guarantor(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
) -> Result<Vec<Task>> {
    const LIST: &str = "select id, guarantor_id, kind, detail_sealed, opened_at_ms, closed_at_ms,
        closed_by, outcome
        from task
        where practice_id = $1 and guarantor_id = $2
        order by opened_at_ms desc, id desc";
    let rows: Vec<Row> = sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .fetch_all(db.c())
        .await?;
    rows.into_iter().map(|r| r.open(db, practice)).collect()
}

/// The tasks of these reasons, open or closed, by their keys.
pub async fn load_many(
    db: &mut Db,
    practice: &PracticeId,
    dedupe_keys: &[String],
) -> Result<BTreeMap<String, Task>> {
    const LOAD: &str = "select dedupe_key, id, guarantor_id, kind, detail_sealed, opened_at_ms,
        closed_at_ms, closed_by, outcome
        from task
        where practice_id = $1 and dedupe_key in ($list)";
    let mut found = BTreeMap::new();
    for chunk in dedupe_keys.chunks(LIST_LONGEST) {
        let chunk = padded(chunk);
        let mut query =
            sqlx::query_as::<_, KeyedRow>(with_list(LOAD, 2, chunk.len())).bind(practice.as_str());
        for key in &chunk {
            query = query.bind(key);
        }
        for row in query.fetch_all(db.c()).await? {
            found.insert(row.dedupe_key, row.task.open(db, practice)?);
        }
    }
    Ok(found)
}

/// Open tasks by kind.
pub async fn count_open(db: &mut Db, practice: &PracticeId) -> Result<Vec<(String, i64)>> {
    const COUNT: &str = "select kind, count(*)
        from task
        where practice_id = $1 and closed_at_ms is null
        group by kind
        order by kind";
    Ok(sqlx::query_as(COUNT).bind(practice.as_str()).fetch_all(db.c()).await?)
}

/// What it is about turned out to be something else; only while it is open.
pub async fn mark_kind(
    db: &mut Db,
    practice: &PracticeId,
    dedupe_key: &str,
    kind: &str,
) -> Result<bool> {
    const MARK: &str = "update task set kind = $3
        where practice_id = $1 and dedupe_key = $2 and closed_at_ms is null";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(dedupe_key)
        .bind(kind)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn mark_closed(
    db: &mut Db,
    practice: &PracticeId,
    id: &TaskId,
    by: &str,
    outcome: &str,
    now: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update task set closed_at_ms = $3, closed_by = $4, outcome = $5
        where practice_id = $1 and id = $2 and closed_at_ms is null";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(now.0)
        .bind(by)
        .bind(outcome)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}
