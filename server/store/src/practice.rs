//! Practices, their settings and their vendor connections.

use domain::{
    clock::UnixMs,
    id::PracticeId,
    practice::{Practice, Settings},
};

use crate::{Db, Result, StoreError, keys::Place};

#[derive(sqlx::FromRow)]
pub(crate) struct Row {
    id: String,
    slug: String,
    name: String,
    settings: String,
    version: i64,
    live_at_ms: Option<i64>,
    outreach_held_at_ms: Option<i64>,
    outreach_held_why: Option<String>,
}

impl Row {
    pub(crate) fn practice(self) -> Result<Practice> {
        let settings: Settings = serde_json::from_str(&self.settings)
            .map_err(|_| StoreError::Corrupt("practice.settings"))?;
        Ok(Practice {
            id: PracticeId::trusted(self.id),
            slug: self.slug,
            name: self.name,
            settings,
            version: self.version,
            live_at: self.live_at_ms.map(UnixMs),
            outreach_held_at: self.outreach_held_at_ms.map(UnixMs),
            outreach_held_why: self.outreach_held_why,
        })
    }
}

fn settings_text(settings: &Settings) -> String {
    serde_json::to_string(settings).expect("settings are plain data")
}

pub async fn insert(db: &mut Db, practice: &Practice, now: UnixMs) -> Result<()> {
    const INSERT: &str = "insert into practice (id, slug, name, settings, version, live_at_ms,
        created_at_ms)
        values ($1, $2, $3, $4, 1, $5, $6)";
    sqlx::query(INSERT)
        .bind(practice.id.as_str())
        .bind(&practice.slug)
        .bind(&practice.name)
        .bind(settings_text(&practice.settings))
        .bind(practice.live_at.map(|t| t.0))
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(())
}

pub async fn load(db: &mut Db, id: &PracticeId) -> Result<Option<Practice>> {
    const LOAD: &str = "select id, slug, name, settings, version, live_at_ms, outreach_held_at_ms,
        outreach_held_why
        from practice
        where id = $1";
    let row: Option<Row> = sqlx::query_as(LOAD).bind(id.as_str()).fetch_optional(db.c()).await?;
    row.map(Row::practice).transpose()
}

pub async fn find_by_slug(db: &mut Db, slug: &str) -> Result<Option<Practice>> {
    const FIND: &str = "select id, slug, name, settings, version, live_at_ms, outreach_held_at_ms,
        outreach_held_why
        from practice
        where slug = $1";
    let row: Option<Row> = sqlx::query_as(FIND).bind(slug).fetch_optional(db.c()).await?;
    row.map(Row::practice).transpose()
}

/// Every practice of the deployment, oldest first.
pub async fn list(db: &mut Db) -> Result<Vec<Practice>> {
    const LIST: &str = "select id, slug, name, settings, version, live_at_ms, outreach_held_at_ms,
        outreach_held_why
        from practice
        order by id";
    let rows: Vec<Row> = sqlx::query_as(LIST).fetch_all(db.c()).await?;
    rows.into_iter().map(Row::practice).collect()
}

/// Replaces settings and name; false when somebody else changed them since `version`.
pub async fn mark_settings(
    db: &mut Db,
    id: &PracticeId,
    version: i64,
    name: &str,
    settings: &Settings,
) -> Result<bool> {
    const MARK: &str = "update practice set settings = $3, name = $4, version = version + 1
        where id = $1 and version = $2";
    let done = sqlx::query(MARK)
        .bind(id.as_str())
        .bind(version)
        .bind(settings_text(settings))
        .bind(name)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn mark_live(db: &mut Db, id: &PracticeId, now: UnixMs) -> Result<()> {
    const MARK: &str = "update practice set live_at_ms = $2 where id = $1 and live_at_ms is null";
    sqlx::query(MARK).bind(id.as_str()).bind(now.0).execute(db.c()).await?;
    Ok(())
}

/// Stops (`Some(why)`) or resumes all outreach of a practice.
pub async fn mark_outreach(
    db: &mut Db,
    id: &PracticeId,
    held: Option<&str>,
    now: UnixMs,
) -> Result<()> {
    const MARK: &str = "update practice set outreach_held_at_ms = $2, outreach_held_why = $3
        where id = $1";
    sqlx::query(MARK)
        .bind(id.as_str())
        .bind(held.map(|_| now.0))
        .bind(held)
        .execute(db.c())
        .await?;
    Ok(())
}

/// A vendor connection's settings (JSON), opened. `kind` is `stripe`, `twilio` or `smtp`.
pub async fn find_connection(
    db: &mut Db,
    practice: &PracticeId,
    kind: &'static str,
) -> Result<Option<String>> {
    const FIND: &str = "select settings_sealed from connection
        where practice_id = $1 and kind = $2";
    let row: Option<(String,)> =
        sqlx::query_as(FIND).bind(practice.as_str()).bind(kind).fetch_optional(db.c()).await?;
    row.map(|(sealed,)| open_connection(db, practice, kind, &sealed)).transpose()
}

/// Opens the sealed settings of a connection, for those who read the row with others.
pub(crate) fn open_connection(
    db: &Db,
    practice: &PracticeId,
    kind: &'static str,
    sealed: &str,
) -> Result<String> {
    db.keys().open(connection_place(practice, kind), sealed)
}

/// Stores a vendor connection, sealed; it can be replaced but never read back by a person.
pub async fn mark_connection(
    db: &mut Db,
    practice: &PracticeId,
    kind: &'static str,
    settings: &str,
    now: UnixMs,
) -> Result<()> {
    const MARK: &str = "insert into connection (practice_id, kind, settings_sealed, updated_at_ms)
        values ($1, $2, $3, $4)
        on conflict (practice_id, kind) do update set settings_sealed = excluded.settings_sealed,
            updated_at_ms = excluded.updated_at_ms";
    let sealed = db.keys().seal(connection_place(practice, kind), settings);
    sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(kind)
        .bind(sealed)
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(())
}

fn connection_place<'a>(practice: &'a PracticeId, kind: &'a str) -> Place<'a> {
    Place { practice: practice.as_str(), table: "connection", column: "settings_sealed", row: kind }
}
