//! Drafts tried on the whole book before anybody is reminded by them (MS4).

use domain::{
    clock::{UnixMs, World},
    id::{ForecastId, PracticeId, ProfileVersionId},
};

use crate::{Db, Result};

#[derive(Clone, Debug)]
pub struct Forecast {
    pub id: ForecastId,
    pub version: ProfileVersionId,
    /// `running`, `done` or `failed`.
    pub state: String,
    pub accounts_done: i64,
    pub accounts_total: i64,
    /// As the engine wrote it.
    pub result: Option<String>,
    pub failure: Option<String>,
    pub started_by: String,
    pub started_at: UnixMs,
    pub finished_at: Option<UnixMs>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    version_id: String,
    state: String,
    accounts_done: i64,
    accounts_total: i64,
    result: Option<String>,
    failure: Option<String>,
    started_by: String,
    started_at_ms: i64,
    finished_at_ms: Option<i64>,
}

impl Row {
    fn forecast(self) -> Forecast {
        Forecast {
            id: ForecastId::trusted(self.id),
            version: ProfileVersionId::trusted(self.version_id),
            state: self.state,
            accounts_done: self.accounts_done,
            accounts_total: self.accounts_total,
            result: self.result,
            failure: self.failure,
            started_by: self.started_by,
            started_at: UnixMs(self.started_at_ms),
            finished_at: self.finished_at_ms.map(UnixMs),
        }
    }
}

pub async fn insert(
    db: &mut Db,
    world: &World,
    practice: &PracticeId,
    version: &ProfileVersionId,
    by: &str,
) -> Result<ForecastId> {
    const INSERT: &str = "insert into forecast (id, practice_id, version_id, state, started_by,
        started_at_ms)
        values ($1, $2, $3, 'running', $4, $5)";
    let id = world.mint::<ForecastId>();
    sqlx::query(INSERT)
        .bind(id.as_str())
        .bind(practice.as_str())
        .bind(version.as_str())
        .bind(by)
        .bind(world.now().0)
        .execute(db.c())
        .await?;
    Ok(id)
}

pub async fn mark_progress(
    db: &mut Db,
    practice: &PracticeId,
    id: &ForecastId,
    done: i64,
    total: i64,
) -> Result<()> {
    const MARK: &str = "update forecast set accounts_done = $3, accounts_total = $4
        where practice_id = $1 and id = $2 and state = 'running'";
    sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(done)
        .bind(total)
        .execute(db.c())
        .await?;
    Ok(())
}

/// Its end: what it found, or why it found nothing.
pub async fn mark_finished(
    db: &mut Db,
    practice: &PracticeId,
    id: &ForecastId,
    outcome: std::result::Result<&str, &str>,
    now: UnixMs,
) -> Result<()> {
    const MARK: &str = "update forecast set state = $3, result = $4, failure = $5,
        finished_at_ms = $6
        where practice_id = $1 and id = $2 and state = 'running'";
    let state = if outcome.is_ok() { "done" } else { "failed" };
    sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(state)
        .bind(outcome.ok())
        .bind(outcome.err())
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(())
}

/// The newest of a version.
pub async fn find_latest(
    db: &mut Db,
    practice: &PracticeId,
    version: &ProfileVersionId,
) -> Result<Option<Forecast>> {
    const FIND: &str =
        "select id, version_id, state, accounts_done, accounts_total, result, failure,
        started_by, started_at_ms, finished_at_ms
        from forecast
        where practice_id = $1 and version_id = $2
        order by started_at_ms desc, id desc
        limit 1";
    let row: Option<Row> = sqlx::query_as(FIND)
        .bind(practice.as_str())
        .bind(version.as_str())
        .fetch_optional(db.c())
        .await?;
    Ok(row.map(Row::forecast))
}
