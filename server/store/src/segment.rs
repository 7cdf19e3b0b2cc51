//! Saved filters over accounts, which profiles, jobs and the work queue share.

use domain::{
    clock::{UnixMs, World},
    id::{PracticeId, SegmentId},
    segment::Filter,
};

use crate::{Db, Result, StoreError, guarantor::name_key};

#[derive(Clone, Debug)]
pub struct Segment {
    pub id: SegmentId,
    pub name: String,
    pub filter: Filter,
    pub created_by: String,
    pub updated_at: UnixMs,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    name: String,
    filter: String,
    created_by: String,
    updated_at_ms: i64,
}

impl Row {
    fn segment(self) -> Result<Segment> {
        Ok(Segment {
            id: SegmentId::trusted(self.id),
            name: self.name,
            filter: serde_json::from_str(&self.filter)
                .map_err(|_| StoreError::Corrupt("segment.filter"))?,
            created_by: self.created_by,
            updated_at: UnixMs(self.updated_at_ms),
        })
    }
}

fn document(filter: &Filter) -> String {
    serde_json::to_string(filter).expect("a filter is plain data")
}

/// `None` when the practice has one of that name already.
pub async fn insert(
    db: &mut Db,
    world: &World,
    practice: &PracticeId,
    name: &str,
    filter: &Filter,
    by: &str,
) -> Result<Option<SegmentId>> {
    const INSERT: &str = "insert into segment (id, practice_id, name, name_key, filter, created_by,
        created_at_ms, updated_at_ms)
        values ($1, $2, $3, $4, $5, $6, $7, $7)
        on conflict (practice_id, name_key) do nothing";
    let id = world.mint::<SegmentId>();
    let done = sqlx::query(INSERT)
        .bind(id.as_str())
        .bind(practice.as_str())
        .bind(name)
        .bind(name_key(name))
        .bind(document(filter))
        .bind(by)
        .bind(world.now().0)
        .execute(db.c())
        .await?;
    Ok((done.rows_affected() == 1).then_some(id))
}

/// False when there is no such segment any more.
pub async fn mark_filter(
    db: &mut Db,
    practice: &PracticeId,
    id: &SegmentId,
    filter: &Filter,
    now: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update segment set filter = $3, updated_at_ms = $4
        where practice_id = $1 and id = $2";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(document(filter))
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn delete(db: &mut Db, practice: &PracticeId, id: &SegmentId) -> Result<bool> {
    const DELETE: &str = "delete from segment
        where practice_id = $1 and id = $2";
    let done =
        sqlx::query(DELETE).bind(practice.as_str()).bind(id.as_str()).execute(db.c()).await?;
    Ok(done.rows_affected() == 1)
}

/// All of a practice, by name.
pub async fn list(db: &mut Db, practice: &PracticeId) -> Result<Vec<Segment>> {
    const LIST: &str = "select id, name, filter, created_by, updated_at_ms
        from segment
        where practice_id = $1
        order by name_key, id";
    let rows: Vec<Row> = sqlx::query_as(LIST).bind(practice.as_str()).fetch_all(db.c()).await?;
    rows.into_iter().map(Row::segment).collect()
}

pub async fn load(db: &mut Db, practice: &PracticeId, id: &SegmentId) -> Result<Option<Segment>> {
    const LOAD: &str = "select id, name, filter, created_by, updated_at_ms
        from segment
        where practice_id = $1 and id = $2";
    let row: Option<Row> = sqlx::query_as(LOAD)
        .bind(practice.as_str())
        .bind(id.as_str())
        .fetch_optional(db.c())
        .await?;
    row.map(Row::segment).transpose()
}
