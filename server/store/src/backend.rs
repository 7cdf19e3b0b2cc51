//! Both databases behind one door; all dialect lives here.
//!
//! SQLite has one writer: a task that runs closures one after the other, each in a savepoint, and
//! commits them in groups, because a commit costs an fsync and money is bound by fsync
//! (performance.md, fact 4). A closure's caller hears `Ok` only after the group is durable.
//! PostgreSQL runs the same closures as plain transactions at read committed.

use std::{
    fs,
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use sqlx::{
    Any, AnyConnection, AssertSqlSafe, ConnectOptions, Executor,
    any::{AnyConnectOptions, AnyPoolOptions},
    pool::PoolConnection,
};
use tokio::sync::{mpsc, oneshot};
use tracing::error;

use crate::{Keys, Result, StoreError};

pub mod copy;

/// Closures committed together at most; more would make one slow commit hurt many callers.
const GROUP_LARGEST: usize = 64;
/// How long the first closure of a group waits for company once others are seen queueing.
const GROUP_WAIT: Duration = Duration::from_millis(5);
/// Closures waiting for the writer; beyond this, callers wait in line.
const WRITER_QUEUE: usize = 1024;
const READERS_SQLITE: u32 = 8;
/// The one connection that writes. A commit is on the disk when it returns.
const WRITER_SETTINGS: &[&str] = &[
    "pragma journal_mode = wal",
    "pragma synchronous = full",
    "pragma foreign_keys = on",
    "pragma busy_timeout = 5000",
    "pragma trusted_schema = off",
    "pragma mmap_size = 0",
];
/// The same for a throw-away database, which nobody has to find again after a power cut: a commit
/// waits for no disk. All else holds, a process that dies included.
const WRITER_SETTINGS_OF_SCRATCH: &[&str] = &[
    "pragma journal_mode = wal",
    "pragma synchronous = off",
    "pragma foreign_keys = on",
    "pragma busy_timeout = 5000",
    "pragma trusted_schema = off",
    "pragma mmap_size = 0",
];
const CONNECTIONS_POSTGRES: u32 = 20;
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// Retries of a PostgreSQL transaction that lost a deadlock.
const DEADLOCK_RETRIES: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

/// Where the data lives.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// `postgres://…`, or none for SQLite in `data_dir`.
    pub database_url: Option<String>,
    pub data_dir: PathBuf,
    /// True for the server: takes the lock that keeps a second server off the same SQLite file.
    /// Commands such as import and verify work beside a running server and pass false.
    pub is_server: bool,
}

/// A handle to the database; cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    kind: Kind,
    readers: sqlx::Pool<Any>,
    writer: Writer,
    keys: Arc<Keys>,
    asked: Arc<AtomicU64>,
    /// Held for the life of the server process.
    _lock: Option<fs::File>,
}

enum Writer {
    Task { queue: mpsc::Sender<Box<dyn Job>>, halted: Arc<AtomicBool> },
    Pool(sqlx::Pool<Any>),
}

/// A connection and the keys to open what it reads.
pub struct Db {
    pub(crate) conn: PoolConnection<Any>,
    pub(crate) kind: Kind,
    keys: Arc<Keys>,
    asked: Arc<AtomicU64>,
}

impl Db {
    pub fn keys(&self) -> Arc<Keys> {
        self.keys.clone()
    }

    /// For one statement.
    pub(crate) fn c(&mut self) -> &mut AnyConnection {
        self.asked.fetch_add(1, Ordering::Relaxed);
        &mut self.conn
    }

    async fn run(&mut self, sql: &'static str) -> Result<()> {
        self.conn.execute(sql).await?;
        Ok(())
    }
}

impl Store {
    /// Connects, brings the schema up to date and checks that the keys belong to this database.
    pub async fn open(options: StoreOptions, keys: Keys) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let keys = Arc::new(keys);
        let store = match &options.database_url {
            Some(url) => Self::open_postgres(url, keys).await?,
            None => {
                let dir = &options.data_dir;
                Self::open_sqlite(dir, options.is_server, keys, WRITER_SETTINGS).await?
            }
        };
        store.made_ready().await
    }

    /// A throw-away database in a folder.
    pub(crate) async fn open_scratch(dir: &Path, keys: Keys) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let settings = WRITER_SETTINGS_OF_SCRATCH;
        let store = Self::open_sqlite(dir, false, Arc::new(keys), settings).await?;
        store.made_ready().await
    }

    async fn made_ready(self) -> Result<Self> {
        crate::migrate::run(&self).await?;
        crate::migrate::check_keys(&self).await?;
        crate::rekey::check_newest(&self).await?;
        Ok(self)
    }

    async fn open_sqlite(
        dir: &Path,
        is_server: bool,
        keys: Arc<Keys>,
        writer_settings: &'static [&'static str],
    ) -> Result<Self> {
        let setup = |e: std::io::Error| StoreError::Setup(format!("{}: {e}", dir.display()));
        fs::create_dir_all(dir).map_err(setup)?;
        let lock = if is_server { Some(lock_folder(dir)?) } else { None };
        let path = dir.join("clearbill.sqlite");
        let url = format!("sqlite://{}?mode=rwc", path.display());
        let writers = pool(&url, 1, writer_settings).await?;
        // The writer comes first: it creates the file.
        let connection = writers.acquire().await?;
        let readers = pool(
            &url,
            READERS_SQLITE,
            &[
                "pragma query_only = on",
                "pragma foreign_keys = on",
                "pragma busy_timeout = 5000",
                "pragma trusted_schema = off",
            ],
        )
        .await?;
        let (queue, jobs) = mpsc::channel(WRITER_QUEUE);
        let (halted, asked) = (Arc::new(AtomicBool::new(false)), Arc::<AtomicU64>::default());
        let (conn, kind) = (connection, Kind::Sqlite);
        let db = Db { conn, kind, keys: keys.clone(), asked: asked.clone() };
        tokio::spawn(write_in_groups(db, jobs, halted.clone()));
        Ok(Self {
            inner: Arc::new(Inner {
                kind: Kind::Sqlite,
                readers,
                writer: Writer::Task { queue, halted },
                keys,
                asked,
                _lock: lock,
            }),
        })
    }

    async fn open_postgres(url: &str, keys: Arc<Keys>) -> Result<Self> {
        refuse_unverified_remote(url)?;
        let pool = pool(url, CONNECTIONS_POSTGRES, &["set lock_timeout = '10s'"]).await?;
        Ok(Self {
            inner: Arc::new(Inner {
                kind: Kind::Postgres,
                readers: pool.clone(),
                writer: Writer::Pool(pool),
                keys,
                asked: Arc::default(),
                _lock: None,
            }),
        })
    }

    pub fn kind(&self) -> Kind {
        self.inner.kind
    }

    pub fn keys(&self) -> &Arc<Keys> {
        &self.inner.keys
    }

    /// A connection for reading; not a transaction, each statement sees the newest commit.
    pub async fn read(&self) -> Result<Db> {
        let conn = self.inner.readers.acquire().await?;
        let (kind, keys) = (self.inner.kind, self.inner.keys.clone());
        Ok(Db { conn, kind, keys, asked: self.inner.asked.clone() })
    }

    /// Runs `work` in a transaction and answers once it is durable. `work` may run again after a
    /// lost deadlock, so it clones what it captured:
    /// `store.write(move |db| { let x = x.clone(); Box::pin(async move { … }) })`.
    /// An `Err` rolls everything in `work` back. Nothing in here may wait for the network.
    pub async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'d> Fn(&'d mut Db) -> BoxFuture<'d, Result<T>> + Send + Sync + 'static,
    {
        match &self.inner.writer {
            Writer::Task { queue, halted } => {
                if halted.load(Ordering::Acquire) {
                    return Err(StoreError::Halted);
                }
                let (reply, answer) = oneshot::channel();
                let job = Box::new(Work { work, result: None, reply });
                queue.send(job).await.map_err(|_| StoreError::Halted)?;
                answer.await.map_err(|_| StoreError::Halted)?
            }
            // A task of its own: a caller that goes away must not leave a transaction half-way.
            Writer::Pool(pool) => {
                let (pool, keys) = (pool.clone(), self.inner.keys.clone());
                let asked = self.inner.asked.clone();
                tokio::spawn(async move { write_on_postgres(pool, keys, asked, work).await })
                    .await
                    .map_err(|_| panicked())?
            }
        }
    }

    /// How many statements ran so far: with the passwords that were hashed, what the time of an answer
    /// is made of, and so what somebody who guesses could measure (R38, R39).
    pub fn asked(&self) -> u64 {
        self.inner.asked.load(Ordering::Relaxed)
    }

    /// False after a failed commit; `/readyz` says so and nothing takes money (R61).
    pub fn is_healthy(&self) -> bool {
        match &self.inner.writer {
            Writer::Task { halted, .. } => !halted.load(Ordering::Acquire),
            Writer::Pool(_) => true,
        }
    }

    /// A consistent copy of an SQLite database in one new file, taken beside a running server.
    pub async fn copy_into(&self, target: &Path) -> Result<()> {
        if self.inner.kind != Kind::Sqlite {
            return Err(StoreError::Setup("use pg_dump to back up PostgreSQL".into()));
        }
        let mut db = self.read().await?;
        db.run("pragma query_only = off").await?;
        let copied =
            sqlx::query("vacuum into $1").bind(target.display().to_string()).execute(db.c()).await;
        db.run("pragma query_only = on").await?;
        copied?;
        Ok(())
    }

    /// For tests of a disk that fails: from here on nothing is folded into SQLite's file, and its log
    /// only grows, so that whoever knows its length knows which write will be the first to fail.
    pub async fn keep_log(&self) -> Result<()> {
        self.write(|db| Box::pin(async move { db.run("pragma wal_autocheckpoint = 0").await }))
            .await
    }

    /// The database's own check of itself; an empty list is good.
    pub async fn integrity_faults(&self) -> Result<Vec<String>> {
        if self.inner.kind != Kind::Sqlite {
            return Ok(Vec::new());
        }
        let mut db = self.read().await?;
        let rows: Vec<(String,)> =
            sqlx::query_as("pragma integrity_check").fetch_all(db.c()).await?;
        let mut faults: Vec<String> = rows.into_iter().map(|r| r.0).filter(|r| r != "ok").collect();
        let broken = sqlx::query("pragma foreign_key_check").fetch_all(db.c()).await?;
        if !broken.is_empty() {
            faults.push(format!("{} rows point at rows that do not exist", broken.len()));
        }
        Ok(faults)
    }

    /// Connections are closed and, on SQLite, the log is folded into the file.
    pub async fn close(&self) {
        self.inner.readers.close().await;
        if let Writer::Pool(pool) = &self.inner.writer {
            pool.close().await;
        }
    }
}

fn lock_folder(dir: &Path) -> Result<fs::File> {
    let setup = |e: std::io::Error| StoreError::Setup(format!("{}: {e}", dir.display()));
    let file = fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(dir.join("server.lock"))
        .map_err(setup)?;
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).map_err(
        |_| {
            StoreError::Setup(format!(
                "another server is running on {}; stop it first, or use another --data-dir",
                dir.display()
            ))
        },
    )?;
    Ok(file)
}

/// A PostgreSQL that is not on this machine is only reached over verified TLS.
fn refuse_unverified_remote(url: &str) -> Result<()> {
    let options: AnyConnectOptions =
        url.parse().map_err(|_| StoreError::Setup("the database URL cannot be read".into()))?;
    let url = options.to_url_lossy();
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Err(StoreError::Setup("the database URL must begin with postgres://".into()));
    }
    let host = url.host_str().unwrap_or_default().to_owned();
    let local = host.is_empty()
        || host.starts_with('/')
        || host.starts_with("%2F")
        || matches!(host.as_str(), "localhost" | "127.0.0.1" | "::1" | "[::1]");
    let verified = url.query_pairs().any(|(k, v)| k == "sslmode" && v == "verify-full");
    if local || verified {
        Ok(())
    } else {
        Err(StoreError::Setup(
            "a remote PostgreSQL needs verified TLS: add sslmode=verify-full to its URL".into(),
        ))
    }
}

async fn pool(url: &str, size: u32, settings: &'static [&'static str]) -> Result<sqlx::Pool<Any>> {
    let options: AnyConnectOptions = url.parse()?;
    // Statements carry no values, but they are noise, and a slow one is found by its metric.
    let options = options.disable_statement_logging();
    let pool = AnyPoolOptions::new()
        .max_connections(size)
        // A connection to a file is not lost on the way; asking each time costs as much as a query.
        .test_before_acquire(!url.starts_with("sqlite"))
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_connect(move |conn, _| {
            Box::pin(async move {
                for setting in settings {
                    conn.execute(*setting).await?;
                }
                Ok(())
            })
        })
        .connect_with(options)
        .await?;
    Ok(pool)
}

/// A closure on its way through the writer.
trait Job: Send {
    /// Runs it; true means that its savepoint may be kept.
    fn run<'d>(&'d mut self, db: &'d mut Db) -> BoxFuture<'d, bool>;
    /// Tells the caller, after the group is durable or lost.
    fn finish(self: Box<Self>, committed: bool);
}

struct Work<T, F> {
    work: F,
    result: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T, F> Job for Work<T, F>
where
    T: Send + 'static,
    F: for<'d> Fn(&'d mut Db) -> BoxFuture<'d, Result<T>> + Send + Sync + 'static,
{
    fn run<'d>(&'d mut self, db: &'d mut Db) -> BoxFuture<'d, bool> {
        Box::pin(async move {
            let outcome = AssertUnwindSafe((self.work)(db)).catch_unwind().await;
            let result = outcome.unwrap_or_else(|_| Err(panicked()));
            let keep = result.is_ok();
            self.result = Some(result);
            keep
        })
    }

    fn finish(self: Box<Self>, committed: bool) {
        let result = match self.result {
            Some(Ok(_)) if !committed => Err(StoreError::Halted),
            Some(result) => result,
            None => Err(StoreError::Halted),
        };
        // The caller may have gone; the work is done all the same.
        let _ = self.reply.send(result);
    }
}

/// Without the words of the panic: they may quote what was being written.
fn panicked() -> StoreError {
    StoreError::Sql("a write panicked".into())
}

async fn write_in_groups(
    mut db: Db,
    mut jobs: mpsc::Receiver<Box<dyn Job>>,
    halted: Arc<AtomicBool>,
) {
    let mut group: Vec<Box<dyn Job>> = Vec::with_capacity(GROUP_LARGEST);
    while let Some(first) = jobs.recv().await {
        let committed = match run_group(&mut db, first, &mut jobs, &mut group).await {
            Ok(()) => true,
            Err(cause) => {
                error!(%cause, "a commit failed; the store halts until restarted");
                let _ = db.run("rollback").await;
                halted.store(true, Ordering::Release);
                false
            }
        };
        for job in group.drain(..) {
            job.finish(committed);
        }
        if !committed {
            return;
        }
    }
}

async fn run_group(
    db: &mut Db,
    first: Box<dyn Job>,
    jobs: &mut mpsc::Receiver<Box<dyn Job>>,
    group: &mut Vec<Box<dyn Job>>,
) -> Result<()> {
    begin_immediate(db).await?;
    let mut next = Some(first);
    let mut waited = false;
    while let Some(mut job) = next.take() {
        db.run("savepoint job").await?;
        let keep = job.run(db).await;
        group.push(job);
        if !keep {
            db.run("rollback to job").await?;
        }
        db.run("release job").await?;
        if group.len() < GROUP_LARGEST {
            next = jobs.try_recv().ok();
            // Somebody queued behind the first: others are likely on their way.
            if next.is_none() && group.len() > 1 && !waited {
                waited = true;
                next = tokio::time::timeout(GROUP_WAIT, jobs.recv()).await.ok().flatten();
            }
        }
    }
    db.run("commit").await
}

/// Another process (an import, a backup) may hold the file for a moment.
async fn begin_immediate(db: &mut Db) -> Result<()> {
    const TRIES: usize = 12;
    let mut last = StoreError::Halted;
    for _ in 0..TRIES {
        match db.run("begin immediate").await {
            Ok(()) => return Ok(()),
            Err(StoreError::Sql(words)) if words.contains("locked") || words.contains("busy") => {
                last = StoreError::Sql(words);
            }
            Err(other) => return Err(other),
        }
    }
    Err(last)
}

async fn write_on_postgres<T, F>(
    pool: sqlx::Pool<Any>,
    keys: Arc<Keys>,
    asked: Arc<AtomicU64>,
    work: F,
) -> Result<T>
where
    T: Send + 'static,
    F: for<'d> Fn(&'d mut Db) -> BoxFuture<'d, Result<T>> + Send + Sync + 'static,
{
    let mut retries = 0;
    loop {
        let conn = pool.acquire().await?;
        let (kind, keys, asked) = (Kind::Postgres, keys.clone(), asked.clone());
        let mut db = Db { conn, kind, keys, asked };
        db.run("begin").await?;
        let outcome = AssertUnwindSafe(work(&mut db)).catch_unwind().await;
        let result = outcome.unwrap_or_else(|_| Err(panicked()));
        match result {
            Ok(value) => {
                db.run("commit").await?;
                return Ok(value);
            }
            Err(cause) => {
                if db.run("rollback").await.is_err() {
                    db.conn.close_on_drop();
                }
                let deadlock = matches!(&cause, StoreError::Sql(w) if w.contains("deadlock"));
                if !deadlock || retries == DEADLOCK_RETRIES {
                    return Err(cause);
                }
                retries += 1;
            }
        }
    }
}

/// A statement whose text is built once per row count: `($1, …), (…)` for a multi-row insert, with
/// nothing to bind before or after. On SQLite the places are anonymous: `$1` is a name there, and
/// looking up hundreds of names took a fifth of an import.
pub(crate) fn rows_of_values(
    kind: Kind,
    head: &str,
    columns: usize,
    rows: usize,
    tail: &str,
) -> AssertSqlSafe<String> {
    let mut sql = String::with_capacity(head.len() + rows * columns * 5 + tail.len() + 16);
    sql.push_str(head);
    sql.push_str(" values ");
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        for column in 1..=columns {
            if column > 1 {
                sql.push_str(", ");
            }
            match kind {
                Kind::Sqlite => sql.push('?'),
                Kind::Postgres => {
                    sql.push('$');
                    sql.push_str(&(row * columns + column).to_string());
                }
            }
        }
        sql.push(')');
    }
    sql.push(' ');
    sql.push_str(tail);
    AssertSqlSafe(sql)
}

/// The longest list of one statement; longer ones come in chunks.
pub(crate) const LIST_LONGEST: usize = 256;

/// A statement with a list: every `$list` in it becomes `$first, $first+1, …`. Lists are padded to a
/// power of two by [`padded`], so that few texts are ever prepared.
pub(crate) fn with_list(text: &str, first: usize, length: usize) -> AssertSqlSafe<String> {
    let mut list = String::with_capacity(length * 5);
    for place in 0..length {
        list.push_str(if place == 0 { "$" } else { ", $" });
        list.push_str(&(first + place).to_string());
    }
    AssertSqlSafe(text.replace("$list", &list))
}

/// The list, its last item repeated until its length is a power of two.
pub(crate) fn padded<T: Clone>(list: &[T]) -> Vec<T> {
    let mut out = list.to_vec();
    if let Some(last) = list.last() {
        out.resize(list.len().next_power_of_two(), last.clone());
    }
    out
}

/// A select inside an update that takes rows nobody else is taking: `$skip_locked` in the text is
/// PostgreSQL's clause, and nothing on SQLite, where writers never meet.
pub(crate) fn skipping_locked(kind: Kind, text: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(text.replace(
        "$skip_locked",
        match kind {
            Kind::Sqlite => "",
            Kind::Postgres => "for update skip locked",
        },
    ))
}

impl Store {
    /// Runs the migrator on the connection that may write.
    pub(crate) async fn migrate_with(
        &self,
        migrator: &sqlx::migrate::Migrator,
    ) -> std::result::Result<(), sqlx::migrate::MigrateError> {
        match &self.inner.writer {
            Writer::Pool(pool) => migrator.run(pool).await,
            Writer::Task { .. } => {
                // Outside the group commit: the migrator opens transactions of its own.
                let url = self.inner.readers.connect_options();
                let mut conn = AnyConnectOptions::clone(&url).connect().await?;
                conn.execute("pragma busy_timeout = 5000").await?;
                migrator.run_direct(None, &mut conn, false).await
            }
        }
    }
}

#[cfg(test)]
mod tests;
