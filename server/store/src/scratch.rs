//! Throw-away databases, for the simulation and for tests that must hold on both databases.

use std::{collections::BTreeMap, path::Path};

use domain::{
    arrangement::Arrangement,
    clock::{UnixMs, World},
    id::{ClaimId, GuarantorId, PatientId, PracticeId},
    money::Cents,
};
use jiff::civil::Date;
use sqlx::{ConnectOptions, Executor, any::AnyConnectOptions};

use crate::{Db, Keys, Kind, Result, Store, StoreError, StoreOptions};

pub mod baseline;

/// Where tests find a PostgreSQL in which they may create databases.
pub const POSTGRES_VARIABLE: &str = "CLEARBILL_TEST_POSTGRES";

/// A fresh SQLite store in `dir`, whose commits wait for no disk.
pub async fn sqlite(dir: &Path) -> Result<Store> {
    Store::open_scratch(dir, Keys::for_tests()).await
}

/// A fresh database on the PostgreSQL at `server_url`; returns its store and URL.
pub async fn on_server(server_url: &str, dir: &Path) -> Result<(Store, String)> {
    let url = database_on_server(server_url).await?;
    let options = StoreOptions {
        database_url: Some(url.clone()),
        data_dir: dir.to_owned(),
        is_server: false,
    };
    Ok((Store::open(options, Keys::for_tests()).await?, url))
}

/// The same, empty: whoever opens it first brings its key.
pub async fn database_on_server(server_url: &str) -> Result<String> {
    sqlx::any::install_default_drivers();
    let name = format!("clearbill_{}", crate::keys::new_token(9).to_lowercase().replace('-', "_"));
    let options: AnyConnectOptions = server_url.parse()?;
    let mut conn = options.connect().await?;
    conn.execute(sqlx::AssertSqlSafe(format!("create database {name}"))).await?;
    let mut url = options.to_url_lossy();
    url.set_path(&name);
    Ok(url.to_string())
}

/// Drops what either of them made; whoever is still connected is cut off.
pub async fn drop_on_server(server_url: &str, url: &str) -> Result<()> {
    let options: AnyConnectOptions = server_url.parse()?;
    let made: AnyConnectOptions = url.parse()?;
    let name = made.to_url_lossy().path().trim_start_matches('/').to_owned();
    let mut conn = options.connect().await?;
    conn.execute(sqlx::AssertSqlSafe(format!("drop database {name} with (force)"))).await?;
    Ok(())
}

/// One store of each kind for a test. Without [`POSTGRES_VARIABLE`] it says so loudly and gives
/// SQLite alone; under `CI` that is an error.
pub async fn both(dir: &Path) -> Result<Vec<Store>> {
    let mut stores = vec![sqlite(dir).await?];
    match std::env::var(POSTGRES_VARIABLE) {
        Ok(url) => stores.push(on_server(&url, dir).await?.0),
        Err(_) if std::env::var_os("CI").is_some() => {
            return Err(StoreError::Setup(format!("{POSTGRES_VARIABLE} must be set in CI")));
        }
        Err(_) => {
            eprintln!("SKIPPED on PostgreSQL: set {POSTGRES_VARIABLE} to run this test there")
        }
    }
    Ok(stores)
}

/// A claim of [`insert_account`].
#[derive(Clone, Debug)]
pub struct ScratchClaim {
    pub patient: PatientId,
    pub status: &'static str,
    pub insurance_state: &'static str,
    pub patient_due: Cents,
    pub service_on: Date,
    pub due_since: Option<Date>,
}

impl ScratchClaim {
    pub fn ready(patient: &PatientId, patient_due: Cents, service_on: Date) -> Self {
        Self {
            patient: patient.clone(),
            status: "ready",
            insurance_state: "finished",
            patient_due,
            service_on,
            due_since: None,
        }
    }
}

/// A practice with default settings, live.
pub async fn insert_practice(store: &Store, world: &World, slug: &str) -> Result<PracticeId> {
    let practice = domain::practice::Practice {
        id: world.mint(),
        slug: slug.to_owned(),
        name: format!("Practice {slug}"),
        settings: domain::practice::Settings::default(),
        version: 1,
        live_at: Some(world.now()),
        outreach_held_at: None,
        outreach_held_why: None,
    };
    let (id, now) = (practice.id.clone(), world.now());
    store
        .write(move |db| {
            let practice = practice.clone();
            Box::pin(async move { crate::practice::insert(db, &practice, now).await })
        })
        .await?;
    Ok(id)
}

/// An account with its claims, without contacts: what tests of money need of the book. Patients
/// come into being with their first claim. Returns the claims' ids in the order given.
pub async fn insert_account(
    store: &Store,
    world: &World,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    name: &str,
    claims: &[ScratchClaim],
) -> Result<Vec<ClaimId>> {
    let ids: Vec<ClaimId> = claims.iter().map(|_| world.mint()).collect();
    let (practice, guarantor, name) = (practice.clone(), guarantor.clone(), name.to_owned());
    let (claims, claim_ids, now) = (claims.to_vec(), ids.clone(), world.now());
    store
        .write(move |db| {
            let (practice, guarantor, name) = (practice.clone(), guarantor.clone(), name.clone());
            let (claims, claim_ids) = (claims.clone(), claim_ids.clone());
            Box::pin(async move {
                insert_guarantor(db, &practice, &guarantor, &name, now).await?;
                for (id, claim) in claim_ids.iter().zip(&claims) {
                    insert_claim(db, &practice, &guarantor, id, claim, now).await?;
                }
                Ok(())
            })
        })
        .await?;
    Ok(ids)
}

async fn insert_guarantor(
    db: &mut Db,
    practice: &PracticeId,
    id: &GuarantorId,
    name: &str,
    now: UnixMs,
) -> Result<()> {
    const INSERT: &str = "insert into guarantor (id, practice_id, source, external_id, name,
        name_key, row_mac, created_at_ms, updated_at_ms)
        values ($1, $2, 'scratch', $1, $3, $4, '', $5, $5)";
    sqlx::query(INSERT)
        .bind(id.as_str())
        .bind(practice.as_str())
        .bind(name)
        .bind(crate::guarantor::name_key(name))
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(())
}

async fn insert_claim(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    id: &ClaimId,
    claim: &ScratchClaim,
    now: UnixMs,
) -> Result<()> {
    const PATIENT: &str = "insert into patient (id, practice_id, guarantor_id, source,
        external_id, name, name_key, row_mac, created_at_ms, updated_at_ms)
        values ($1, $2, $3, 'scratch', $1, 'Patient', 'patient', '', $4, $4)
        on conflict (id) do nothing";
    const CLAIM: &str = "insert into claim (id, practice_id, guarantor_id, patient_id, source,
        external_id, service_on, status, insurance_state, charged_cents, insurance_paid_cents,
        adjusted_cents, patient_paid_cents, patient_due_cents, due_since_on, row_mac,
        created_at_ms, updated_at_ms)
        values ($1, $2, $3, $4, 'scratch', $1, $5, $6, $7, $8, 0, 0, 0, $8, $9, '', $10, $10)";
    sqlx::query(PATIENT)
        .bind(claim.patient.as_str())
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .bind(now.0)
        .execute(db.c())
        .await?;
    sqlx::query(CLAIM)
        .bind(id.as_str())
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .bind(claim.patient.as_str())
        .bind(claim.service_on.to_string())
        .bind(claim.status)
        .bind(claim.insurance_state)
        .bind(claim.patient_due.0)
        .bind(claim.due_since.map(|day| day.to_string()))
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(())
}

/// What the practice's system would say at its next import.
pub async fn mark_patient_due(
    store: &Store,
    practice: &PracticeId,
    claim: &ClaimId,
    due: Cents,
) -> Result<()> {
    const MARK: &str = "update claim set patient_due_cents = $3, version = version + 1
        where practice_id = $1 and id = $2";
    let (practice, claim) = (practice.clone(), claim.clone());
    store
        .write(move |db| {
            let (practice, claim) = (practice.clone(), claim.clone());
            Box::pin(async move {
                sqlx::query(MARK)
                    .bind(practice.as_str())
                    .bind(claim.as_str())
                    .bind(due.0)
                    .execute(db.c())
                    .await?;
                Ok(())
            })
        })
        .await
}

/// Everybody of the practice lives in this state: a rule about a place nobody knows binds as well.
pub async fn mark_state(store: &Store, practice: &PracticeId, state: &'static str) -> Result<()> {
    const MARK: &str = "update guarantor set state = $2 where practice_id = $1";
    let practice = practice.clone();
    store
        .write(move |db| {
            let practice = practice.clone();
            Box::pin(async move {
                sqlx::query(MARK).bind(practice.as_str()).bind(state).execute(db.c()).await?;
                Ok(())
            })
        })
        .await
}

/// What the practice's system would say of an account's plan, card and paper at its next import; true
/// when it is news.
pub async fn mark_arrangement(
    store: &Store,
    world: &World,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    said: Arrangement,
) -> Result<bool> {
    let (world, practice, guarantor) = (world.clone(), practice.clone(), guarantor.clone());
    store
        .write(move |db| {
            let (world, practice, guarantor) = (world.clone(), practice.clone(), guarantor.clone());
            Box::pin(async move {
                crate::import::keep_scratch(db, &world, &practice, &guarantor, said).await
            })
        })
        .await
}

/// The status of a claim, as stored.
pub async fn find_claim_status(store: &Store, claim: &ClaimId) -> Result<String> {
    const FIND: &str = "select status from claim where id = $1";
    let mut db = store.read().await?;
    let (status,): (String,) = sqlx::query_as(FIND).bind(claim.as_str()).fetch_one(db.c()).await?;
    Ok(status)
}

/// How many rows a table has.
pub async fn count(store: &Store, table: &'static str) -> Result<i64> {
    let mut db = store.read().await?;
    let sql = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
    let (rows,): (i64,) = sqlx::query_as(sql).fetch_one(db.c()).await?;
    Ok(rows)
}

/// What every table of a store holds, as one text for each table, a line a row: to tell whether
/// anything changed. Ids, hashes and sealed fields included.
pub async fn contents(store: &Store) -> Result<BTreeMap<String, String>> {
    const TABLES: [&str; 2] = [
        "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'
            order by name",
        "select cast(tablename as text) from pg_tables where schemaname = 'public'
            order by tablename",
    ];
    let is_sqlite = store.kind() == Kind::Sqlite;
    let mut db = store.read().await?;
    let tables = TABLES[usize::from(!is_sqlite)];
    let tables: Vec<(String,)> = sqlx::query_as(tables).fetch_all(db.c()).await?;
    let mut contents = BTreeMap::new();
    for (table,) in tables {
        let (row, join) = if is_sqlite {
            let sql = format!("select name from pragma_table_info('{table}') order by cid");
            let columns: Vec<(String,)> =
                sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(db.c()).await?;
            let row: Vec<String> =
                columns.iter().map(|(column,)| format!("quote(\"{column}\")")).collect();
            (row.join(" || '|' || "), "group_concat(line, char(10))")
        } else {
            (format!("cast({table} as text)"), "string_agg(line, chr(10))")
        };
        let sql = format!(
            "select coalesce({join}, '')
            from (select {row} as line from {table} order by 1) as lines"
        );
        let (lines,): (String,) =
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_one(db.c()).await?;
        contents.insert(table, lines);
    }
    Ok(contents)
}
