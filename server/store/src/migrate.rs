//! One forward-only set of migrations for both databases. A file may hold blocks for one dialect,
//! from `-- sqlite:` or `-- postgres:` to `-- end`.

use sqlx::migrate::{Migration, MigrationType, Migrator};

use crate::{Kind, Result, Store, StoreError};

const FILES: &[(i64, &str, &str)] = &[
    (1, "practice", include_str!("../../../migrations/0001_practice.sql")),
    (2, "book", include_str!("../../../migrations/0002_book.sql")),
    (3, "import", include_str!("../../../migrations/0003_import.sql")),
    (4, "message", include_str!("../../../migrations/0004_message.sql")),
    (5, "money", include_str!("../../../migrations/0005_money.sql")),
    (6, "access", include_str!("../../../migrations/0006_access.sql")),
    (7, "audit", include_str!("../../../migrations/0007_audit.sql")),
    (8, "statement_draft", include_str!("../../../migrations/0008_statement_draft.sql")),
    (9, "profile", include_str!("../../../migrations/0009_profile.sql")),
    (10, "dispute", include_str!("../../../migrations/0010_dispute.sql")),
    (11, "housekeeping", include_str!("../../../migrations/0011_housekeeping.sql")),
    (12, "open_claim", include_str!("../../../migrations/0012_open_claim.sql")),
    (13, "inbox", include_str!("../../../migrations/0013_inbox.sql")),
    (14, "waiting_for_yes", include_str!("../../../migrations/0014_waiting_for_yes.sql")),
    (15, "template", include_str!("../../../migrations/0015_template.sql")),
    (16, "voice_fax", include_str!("../../../migrations/0016_voice_fax.sql")),
    (17, "rule_override", include_str!("../../../migrations/0017_rule_override.sql")),
    (18, "evidence", include_str!("../../../migrations/0018_evidence.sql")),
    (19, "arrangement", include_str!("../../../migrations/0019_arrangement.sql")),
    (20, "handled_error", include_str!("../../../migrations/0020_handled_error.sql")),
    (21, "digest", include_str!("../../../migrations/0021_digest.sql")),
    (22, "expired_links", include_str!("../../../migrations/0022_expired_links.sql")),
];

/// Brings the schema to the newest version. A database that is newer than this program is refused
/// (R67); sqlx takes a lock on PostgreSQL so that several servers may start at once.
pub(crate) async fn run(store: &Store) -> Result<()> {
    let migrations = FILES
        .iter()
        .map(|(version, name, text)| {
            let sql = sqlx::AssertSqlSafe(for_dialect(text, store.kind()));
            let sql = sqlx::SqlSafeStr::into_sql_str(sql);
            Migration::new(*version, (*name).into(), MigrationType::Simple, sql, false)
        })
        .collect();
    let migrator = Migrator::with_migrations(migrations);
    let outcome = store.migrate_with(&migrator).await;
    outcome.map_err(|e| {
        StoreError::Setup(format!("the database schema cannot be brought up to date: {e}"))
    })
}

/// The migrations as they are written, for tests that read them.
#[cfg(test)]
pub(crate) fn texts() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(_, _, text)| *text)
}

/// The newest migration the database has had.
pub async fn load_version(db: &mut crate::Db) -> Result<i64> {
    const LOAD: &str = "select coalesce(max(version), 0) from _sqlx_migrations";
    let (version,): (i64,) = sqlx::query_as(LOAD).fetch_one(db.c()).await?;
    Ok(version)
}

fn for_dialect(text: &str, kind: Kind) -> String {
    let mut out = String::with_capacity(text.len());
    let mut skipping = false;
    for line in text.lines() {
        match line.trim() {
            "-- sqlite:" => skipping = kind != Kind::Sqlite,
            "-- postgres:" => skipping = kind != Kind::Postgres,
            "-- end" => skipping = false,
            _ if skipping => {}
            _ => {
                out.push_str(line);
                out.push('\n');
            }
        }
    }
    out
}

/// The keys at hand must be the keys this database was made with (decision 27).
pub(crate) async fn check_keys(store: &Store) -> Result<()> {
    const FIND: &str = "select value from meta where name = 'key_fingerprint'";
    const INSERT: &str = "insert into meta (name, value) values ('key_fingerprint', $1)
        on conflict (name) do nothing";
    let ours = store.keys().fingerprint();
    let mine = ours.clone();
    store
        .write(move |db| {
            let mine = mine.clone();
            Box::pin(async move {
                sqlx::query(INSERT).bind(mine).execute(db.c()).await?;
                Ok(())
            })
        })
        .await?;
    let mut db = store.read().await?;
    let (theirs,): (String,) = sqlx::query_as(FIND).fetch_one(db.c()).await?;
    if theirs == ours {
        Ok(())
    } else {
        Err(StoreError::Setup(
            "the key file does not belong to this database; restore the key file that was backed \
             up with it"
                .into(),
        ))
    }
}
