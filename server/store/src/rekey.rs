//! Sealing everything anew under the newest key, in bounded steps. Each step is a transaction that
//! replaces a value only while it is still the one that was read, so that it can be cut short at any
//! point, go on, and meet another writer without harm (R81). Staged rows of an import are the
//! exception: they are dropped when the import ends, and [`count_staged`] says whether there are any.

use std::sync::Arc;

use crate::{Db, Keys, Result, Store, StoreError, keys::Place};

/// Values of one step: a few milliseconds of the writer's time.
const STEP: i64 = 500;

/// A sealed column, and how a value of it is found again.
struct Column {
    table: &'static str,
    column: &'static str,
    /// Owner, row and what tells rows of the same name apart; then the value.
    list: &'static str,
    mark: &'static str,
}

macro_rules! column {
    ($table:literal, $column:literal, $owner:literal, $row:literal, $more:literal) => {
        Column {
            table: $table,
            column: $column,
            list: concat!(
                "select ",
                $owner,
                ", ",
                $row,
                ", ",
                $more,
                ", ",
                $column,
                " from ",
                $table,
                " where ",
                $column,
                " is not null and ",
                $column,
                " not like $1",
                " and ",
                $row,
                " > $2",
                " order by ",
                $row,
                " limit $3"
            ),
            mark: concat!(
                "update ",
                $table,
                " set ",
                $column,
                " = $1",
                " where ",
                $owner,
                " = $2 and ",
                $row,
                " = $3 and ",
                $more,
                " = $4",
                " and ",
                $column,
                " = $5"
            ),
        }
    };
    ($table:literal, $column:literal) => {
        column!($table, $column, "practice_id", "id", "''")
    };
}

#[rustfmt::skip]
const COLUMNS: [Column; 21] = [
    column!("staff", "totp_secret_sealed", "'*'", "id", "''"),
    column!("staff", "recovery_sealed", "'*'", "id", "''"),
    column!("connection", "settings_sealed", "practice_id", "kind", "''"),
    column!("guarantor", "dob_sealed"),
    column!("guarantor", "address_sealed"),
    column!("patient", "dob_sealed"),
    column!("contact", "value_sealed"),
    column!("login", "email_sealed"),
    column!("claim", "description_sealed"),
    column!("charge_line", "description_sealed"),
    column!("note", "text_sealed"),
    column!("task", "detail_sealed"),
    column!("follow_up", "note_sealed"),
    column!("handled_error", "note_sealed"),
    column!("reply", "from_sealed"),
    column!("reply", "body_sealed"),
    column!("message", "recipient_sealed"),
    column!("message", "content_sealed"),
    column!("attempt", "receipt_email_sealed"),
    column!("webhook_event", "body_sealed", "practice_id", "event_id", "vendor"),
    column!("session", "state_sealed", "practice_id", "token_hash", "''"),
];

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    pub values: u64,
    /// Values that no key at hand opens: left as they are, for a person to look at.
    pub unreadable: u64,
}

/// Reseals every value that an older key sealed. `heard` is told the table and how many of its values
/// are done, after each step.
pub async fn run(
    store: &Store,
    keys: &Arc<Keys>,
    heard: impl Fn(&'static str, u64),
) -> Result<Resealed> {
    let mut done = Resealed::default();
    for column in &COLUMNS {
        let mut values = 0;
        // Rows of one name may lie on both sides of a step's end: a column is over when a whole
        // pass changes nothing.
        let last = loop {
            let pass = run_column(store, keys, column, &heard, values).await?;
            values += pass.values;
            if pass.values == 0 {
                break pass;
            }
        };
        done.values += values;
        done.unreadable += last.unreadable;
    }
    Ok(done)
}

async fn run_column(
    store: &Store,
    keys: &Arc<Keys>,
    column: &'static Column,
    heard: &impl Fn(&'static str, u64),
    before: u64,
) -> Result<Resealed> {
    let mut pass = Resealed::default();
    let mut after = String::new();
    loop {
        let mut db = store.read().await?;
        let found: Vec<(String, String, String, String)> = sqlx::query_as(column.list)
            .bind(format!("{}.%", keys.active_kid()))
            .bind(&after)
            .bind(STEP)
            .fetch_all(db.c())
            .await?;
        drop(db);
        let Some((_, last, _, _)) = found.last() else { return Ok(pass) };
        after.clone_from(last);
        let (rows, keys) = (Arc::new(found), keys.clone());
        let step = store.write(move |db| {
            let (rows, keys) = (rows.clone(), keys.clone());
            Box::pin(async move { write_step(db, &keys, column, &rows).await })
        });
        let step = step.await?;
        pass.values += step.values;
        pass.unreadable += step.unreadable;
        heard(column.table, before + pass.values);
    }
}

async fn write_step(
    db: &mut Db,
    keys: &Keys,
    column: &'static Column,
    rows: &[(String, String, String, String)],
) -> Result<Resealed> {
    let mut done = Resealed::default();
    for (practice, row, more, sealed) in rows {
        let place = Place { practice, table: column.table, column: column.column, row };
        let anew = match keys.reseal(place, sealed) {
            Ok(Some(anew)) => anew,
            Ok(None) => continue,
            Err(_) => {
                done.unreadable += 1;
                continue;
            }
        };
        let changed = sqlx::query(column.mark)
            .bind(anew)
            .bind(practice)
            .bind(row)
            .bind(more)
            .bind(sealed)
            .execute(db.c())
            .await?;
        done.values += changed.rows_affected();
    }
    Ok(done)
}

/// Rows of imports that are under way or held, sealed under whatever key they were staged with.
pub async fn count_staged(db: &mut Db) -> Result<i64> {
    const COUNT: &str = "select count(*) from import_row";
    let (rows,): (i64,) = sqlx::query_as(COUNT).fetch_one(db.c()).await?;
    Ok(rows)
}

/// Guarantors whose match an older key verifies until they match again, or are imported anew.
pub async fn count_old_verifiers(db: &mut Db, kid: &str) -> Result<i64> {
    const COUNT: &str = "select count(*) from guarantor
        where match_verifier is not null and match_verifier not like $1";
    let (rows,): (i64,) = sqlx::query_as(COUNT).bind(format!("{kid}.%")).fetch_one(db.c()).await?;
    Ok(rows)
}

/// The newest key a database has been used with must be among those at hand: with an older file,
/// what was sealed since could not be opened. A newer file is remembered.
pub(crate) async fn check_newest(store: &Store) -> Result<()> {
    const FIND: &str = "select value from meta where name = 'newest_key'";
    const MARK: &str = "insert into meta (name, value) values ('newest_key', $1)
        on conflict (name) do update set value = excluded.value";
    let mut db = store.read().await?;
    let known: Option<(String,)> = sqlx::query_as(FIND).fetch_optional(db.c()).await?;
    drop(db);
    let ours = store.keys().active_kid().to_owned();
    match known {
        Some((known,)) if known == ours => Ok(()),
        Some((known,)) if !store.keys().has_kid(&known) => Err(StoreError::Setup(
            "the key file is older than this database; copy the newest one from where \
             `clearbill rekey` ran"
                .into(),
        )),
        _ => {
            let marked = store.write(move |db| {
                let ours = ours.clone();
                Box::pin(async move {
                    sqlx::query(MARK).bind(ours).execute(db.c()).await?;
                    Ok(())
                })
            });
            marked.await
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::{
        clock::UnixMs,
        id::{PracticeId, StaffId},
    };

    use super::*;
    use crate::{migrate, scratch};

    /// What a migration calls sealed is resealed, or said here why not.
    #[test]
    fn no_sealed_column_is_forgotten() {
        let mut expected = BTreeSet::new();
        for text in migrate::texts() {
            let mut table = "";
            for line in text.lines() {
                if let Some(rest) = line.strip_prefix("create table ") {
                    table = rest.split([' ', '(']).next().unwrap();
                }
                let word = line.trim().split(' ').next().unwrap();
                if word.ends_with("_sealed") {
                    expected.insert((table.to_owned(), word.to_owned()));
                }
            }
        }
        let staged = ("import_row".to_owned(), "payload_sealed".to_owned());
        assert!(expected.remove(&staged), "staged rows are dropped, not resealed");
        let known: BTreeSet<(String, String)> =
            COLUMNS.iter().map(|c| (c.table.to_owned(), c.column.to_owned())).collect();
        assert_eq!(expected, known);
    }

    const NOW: UnixMs = UnixMs(1_772_000_000_000);

    async fn furnish(store: &Store, notes: usize) {
        let written = store.write(move |db| {
            Box::pin(async move {
                let (elm, oak) = (PracticeId::trusted("prc_1"), PracticeId::trusted("prc_2"));
                for (id, slug) in [(&elm, "elm"), (&oak, "oak")] {
                    const PRACTICE: &str = "insert into practice (id, slug, name, settings,
                        version, created_at_ms) values ($1, $2, $2, '{}', 1, 0)";
                    sqlx::query(PRACTICE).bind(id.as_str()).bind(slug).execute(db.c()).await?;
                    // Both practices have a connection of this kind, and an event of this name.
                    crate::practice::mark_connection(db, id, "smtp", slug, NOW).await?;
                    let event = crate::webhook::NewEvent {
                        practice: id,
                        vendor: "stripe",
                        event_id: "evt_1",
                        kind: "x",
                        body: slug,
                    };
                    crate::webhook::insert(db, &event, NOW).await?;
                }
                const GUARANTOR: &str = "insert into guarantor (id, practice_id, source,
                    external_id, name, name_key, row_mac, created_at_ms, updated_at_ms)
                    values ('gua_1', 'prc_1', 's', '1', 'Maria', 'maria', '', 0, 0)";
                sqlx::query(GUARANTOR).execute(db.c()).await?;
                for number in 0..notes {
                    const NOTE: &str = "insert into note (id, practice_id, guarantor_id,
                        text_sealed, written_by, at_ms) values ($1, 'prc_1', 'gua_1', $2, '', 0)";
                    let id = format!("not_{number:05}");
                    let place =
                        Place { practice: "prc_1", table: "note", column: "text_sealed", row: &id };
                    let sealed = db.keys().seal(place, "called");
                    sqlx::query(NOTE).bind(&id).bind(sealed).execute(db.c()).await?;
                }
                let staff = StaffId::trusted("stf_1");
                crate::staff::insert(db, &staff, "a@elm.example", "Ana", None, NOW).await
            })
        });
        written.await.unwrap();
    }

    async fn under(store: &Store, table: &'static str, column: &'static str) -> BTreeSet<String> {
        let sql = sqlx::AssertSqlSafe(format!("select {column} from {table}"));
        let mut db = store.read().await.unwrap();
        let rows: Vec<(String,)> = sqlx::query_as(sql).fetch_all(db.c()).await.unwrap();
        rows.into_iter().map(|(v,)| v.split('.').next().unwrap().to_owned()).collect()
    }

    #[tokio::test]
    async fn after_a_rekey_the_newest_key_has_sealed_everything_and_a_second_run_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        for store in scratch::both(dir.path()).await.unwrap() {
            let notes = usize::try_from(STEP).unwrap() + 3;
            furnish(&store, notes).await;
            let keys = Arc::new(Keys::for_tests_renewed());
            let done = run(&store, &keys, |_, _| ()).await.unwrap();
            let expected = u64::try_from(notes).unwrap() + 4;
            assert_eq!(done, Resealed { values: expected, unreadable: 0 });
            let newest = BTreeSet::from([keys.active_kid().to_owned()]);
            for (table, column) in [
                ("note", "text_sealed"),
                ("connection", "settings_sealed"),
                ("webhook_event", "body_sealed"),
            ] {
                assert_eq!(under(&store, table, column).await, newest, "{table}");
            }
            let again = run(&store, &keys, |_, _| ()).await.unwrap();
            assert_eq!(again, Resealed::default());
        }
    }

    #[tokio::test]
    async fn a_rekey_that_was_cut_short_goes_on_where_it_was_and_leaves_what_it_cannot_read() {
        let dir = tempfile::tempdir().unwrap();
        for store in scratch::both(dir.path()).await.unwrap() {
            furnish(&store, 5).await;
            let keys = Arc::new(Keys::for_tests_renewed());
            let notes = COLUMNS.iter().find(|c| c.table == "note").unwrap();
            let first = run_column(&store, &keys, notes, &|_, _| (), 0).await.unwrap();
            assert_eq!(first.values, 5);
            // Half-way: both keys are in use, and the newer file opens both.
            let mut db = store.read().await.unwrap();
            let elm = PracticeId::trusted("prc_1");
            let old = crate::practice::find_connection(&mut db, &elm, "smtp").await.unwrap();
            assert_eq!(old.as_deref(), Some("elm"));
            drop(db);
            let moved = store.write(|db| {
                Box::pin(async move {
                    // Somebody put one practice's connection into the other's place.
                    const MOVE: &str = "update connection set settings_sealed =
                        (select c.settings_sealed from connection c where c.practice_id = 'prc_1')
                        where practice_id = 'prc_2'";
                    sqlx::query(MOVE).execute(db.c()).await?;
                    Ok(())
                })
            });
            moved.await.unwrap();
            let rest = run(&store, &keys, |_, _| ()).await.unwrap();
            assert_eq!(rest, Resealed { values: 3, unreadable: 1 });
        }
    }
}
