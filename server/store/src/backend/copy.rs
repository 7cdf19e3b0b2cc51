//! A whole database carried over into an empty one of the other kind: from a folder into PostgreSQL,
//! and back. Every table, every column, in steps of bounded size, and afterwards both sides are read
//! once more and compared value by value.
//!
//! The caller sees to it that nobody works on either database meanwhile. A copy that was cut short
//! leaves a target that says so and that no server starts on; it is emptied and filled anew, never gone
//! on with. What was sealed stays sealed: both sides have the same key file.

use std::{collections::BTreeMap, sync::Arc};

use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Row as _, any::AnyRow};

use super::rows_of_values;
use crate::{Db, Kind, Result, Store, StoreError};

/// Rows read, held in memory and written together. The widest are webhook bodies of up to 256 KB.
const STEP: i64 = 128;
/// Rows of one insert; more is not faster (see `backend`).
const ROWS_AT_ONCE: usize = 32;
/// What does not come along: which processes of the old servers had what in hand.
const LEFT_BEHIND: [&str; 1] = ["lease"];
/// Facts about a database rather than about what is in it.
const META: &str = "meta";
const UNFINISHED: &str = "copy_unfinished";
const LEFT: &str = "copied_away";

/// What a copy came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    pub tables: usize,
    pub rows: u64,
}

/// Why no server may work on a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A copy into it did not reach its end.
    Unfinished,
    /// It was copied to another, where the work goes on: two would remind the same people.
    Left,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Text,
    Int,
    Real,
}

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Text(Option<String>),
    Int(Option<i64>),
    Real(Option<f64>),
}

#[derive(Clone, Debug)]
struct Table {
    name: String,
    columns: Vec<(String, Type)>,
    /// Places of the primary key's columns in `columns`, in the key's order.
    key: Vec<usize>,
}

type Line = Vec<Value>;

/// Copies everything. `heard` is told a table's name and how many of its rows are there, after each
/// step. Refuses a target that holds anything, and leaves one on which no server starts before [`finish`].
pub async fn run(source: &Store, target: &Store, heard: impl Fn(&str, u64)) -> Result<Copied> {
    let tables = tables_in_order(source, target).await?;
    refuse_unless_empty(target, &tables).await?;
    mark(target, UNFINISHED).await?;
    let mut done = Copied { tables: tables.len(), rows: 0 };
    let mut sums = BTreeMap::new();
    for table in &tables {
        let sum = copy_table(source, target, table, &heard).await?;
        done.rows += sum.rows;
        sums.insert(table.name.as_str(), sum);
    }
    for table in &tables {
        let expected = sums.get(table.name.as_str()).copied().unwrap_or_default();
        for (side, store) in [("here", source), ("in the copy", target)] {
            if sum_of(store, table).await? != expected {
                return Err(StoreError::Setup(format!(
                    "the rows of {} {side} are not those that were copied: somebody worked on them \
                     meanwhile. Stop every server and command, empty the target and copy again",
                    table.name
                )));
            }
        }
    }
    Ok(done)
}

/// The work goes on in the copy, and only there. Cut short in between, no server starts on either.
pub async fn finish(source: &Store, target: &Store) -> Result<()> {
    mark(source, LEFT).await?;
    forget(target, UNFINISHED).await
}

/// Whether a server may work on this database, and if not, why.
pub async fn find_mark(db: &mut Db) -> Result<Option<Mark>> {
    const FIND: &str = "select name from meta where name in ($1, $2) order by name desc";
    let found: Option<(String,)> =
        sqlx::query_as(FIND).bind(UNFINISHED).bind(LEFT).fetch_optional(db.c()).await?;
    Ok(found.map(|(name,)| if name == UNFINISHED { Mark::Unfinished } else { Mark::Left }))
}

/// The copy is not used after all.
pub async fn delete_mark_left(source: &Store) -> Result<()> {
    forget(source, LEFT).await
}

async fn mark(store: &Store, name: &'static str) -> Result<()> {
    const MARK: &str = "insert into meta (name, value) values ($1, '1')
        on conflict (name) do nothing";
    store.write(move |db| run_on_meta(db, MARK, name)).await
}

async fn forget(store: &Store, name: &'static str) -> Result<()> {
    const FORGET: &str = "delete from meta where name = $1";
    store.write(move |db| run_on_meta(db, FORGET, name)).await
}

fn run_on_meta<'d>(
    db: &'d mut Db,
    sql: &'static str,
    name: &'static str,
) -> futures_util::future::BoxFuture<'d, Result<()>> {
    Box::pin(async move {
        sqlx::query(sql).bind(name).execute(db.c()).await?;
        Ok(())
    })
}

/// Every table of ours, those first that others point to. SQLite's own description is read, which both
/// have: the migrations are one set, and the other side fails loudly where a table or column is missing.
async fn tables_in_order(source: &Store, target: &Store) -> Result<Vec<Table>> {
    const TABLES: &str = "select name from sqlite_master
        where type = 'table' and name not like 'sqlite\\_%' escape '\\'
        and name not like '\\_sqlx%' escape '\\'
        order by name";
    const POINTS_TO: &str = "select \"table\" from pragma_foreign_key_list($1)";
    let sqlite = [source, target].into_iter().find(|store| store.kind() == Kind::Sqlite);
    let sqlite = sqlite.ok_or_else(|| {
        StoreError::Setup("one of the two databases has to be SQLite; else use pg_dump".into())
    })?;
    let mut db = sqlite.read().await?;
    let names: Vec<(String,)> = sqlx::query_as(TABLES).fetch_all(db.c()).await?;
    let mut waiting = Vec::new();
    for (name,) in names {
        if LEFT_BEHIND.contains(&name.as_str()) || name == META {
            continue;
        }
        let above: Vec<(String,)> = sqlx::query_as(POINTS_TO).bind(&name).fetch_all(db.c()).await?;
        let above: Vec<String> = above.into_iter().map(|(t,)| t).filter(|t| *t != name).collect();
        waiting.push((describe(&mut db, name).await?, above));
    }
    let mut ordered: Vec<Table> = Vec::new();
    while !waiting.is_empty() {
        let is_free = |above: &[String]| {
            above.iter().all(|name| ordered.iter().any(|table| table.name == *name))
        };
        let (free, rest): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|(_, above)| is_free(above));
        if free.is_empty() {
            return Err(StoreError::Setup("tables point at each other in a circle".into()));
        }
        ordered.extend(free.into_iter().map(|(table, _)| table));
        waiting = rest;
    }
    Ok(ordered)
}

async fn describe(db: &mut Db, name: String) -> Result<Table> {
    const COLUMNS: &str = "select name, lower(type), pk from pragma_table_info($1) order by cid";
    let found: Vec<(String, String, i64)> =
        sqlx::query_as(COLUMNS).bind(&name).fetch_all(db.c()).await?;
    let mut columns = Vec::new();
    let mut key = Vec::new();
    for (place, (column, of_type, in_key)) in found.into_iter().enumerate() {
        let of_type = match of_type.as_str() {
            "text" => Type::Text,
            "bigint" | "integer" => Type::Int,
            "double precision" => Type::Real,
            other => {
                let words = format!("{name}.{column} is of type {other}, which nobody copies");
                return Err(StoreError::Setup(words));
            }
        };
        if in_key > 0 {
            key.push((in_key, place));
        }
        columns.push((column, of_type));
    }
    key.sort_unstable();
    let key: Vec<usize> = key.into_iter().map(|(_, place)| place).collect();
    if key.is_empty() {
        return Err(StoreError::Setup(format!("{name} has no primary key to go along")));
    }
    Ok(Table { name, columns, key })
}

async fn refuse_unless_empty(target: &Store, tables: &[Table]) -> Result<()> {
    let mut db = target.read().await?;
    for table in tables {
        let count = AssertSqlSafe(format!("select count(*) from {}", table.name));
        let (rows,): (i64,) = sqlx::query_as(count).fetch_one(db.c()).await?;
        if rows > 0 {
            return Err(StoreError::Setup(format!(
                "the target is not empty: there are {rows} rows in {}. Copy into a new database",
                table.name
            )));
        }
    }
    Ok(())
}

impl Table {
    fn names(&self) -> String {
        self.columns.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// The next rows in the order of the key; with `after`, those behind it.
    fn next_rows(&self, is_first: bool) -> AssertSqlSafe<String> {
        let key: Vec<&str> = self.key.iter().map(|place| self.columns[*place].0.as_str()).collect();
        let key = key.join(", ");
        let (names, table) = (self.names(), &self.name);
        let marks: Vec<String> = (1..=self.key.len()).map(|n| format!("${n}")).collect();
        let behind = if is_first {
            String::new()
        } else {
            format!("where ({key}) > ({})", marks.join(", "))
        };
        let rows = format!("select {names} from {table}");
        AssertSqlSafe(format!("{rows} {behind} order by {key} limit {STEP}"))
    }

    fn read(&self, row: &AnyRow) -> Result<Line> {
        let value = |(place, (_, of_type)): (usize, &(String, Type))| {
            Ok(match of_type {
                Type::Text => Value::Text(row.try_get(place)?),
                Type::Int => Value::Int(row.try_get(place)?),
                Type::Real => Value::Real(row.try_get(place)?),
            })
        };
        self.columns.iter().enumerate().map(value).collect()
    }
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Any, <sqlx::Any as sqlx::Database>::Arguments>;

fn bind<'q>(query: Query<'q>, value: &Value) -> Query<'q> {
    match value {
        Value::Text(text) => query.bind(text.clone()),
        Value::Int(number) => query.bind(*number),
        Value::Real(number) => query.bind(*number),
    }
}

/// The rows behind `after`, [`STEP`] at most.
async fn read_step(db: &mut Db, table: &Table, after: Option<&Line>) -> Result<Vec<Line>> {
    let mut query = sqlx::query(table.next_rows(after.is_none()));
    if let Some(line) = after {
        for place in &table.key {
            query = bind(query, &line[*place]);
        }
    }
    let rows = query.fetch_all(db.c()).await?;
    rows.iter().map(|row| table.read(row)).collect()
}

async fn copy_table(
    source: &Store,
    target: &Store,
    table: &Table,
    heard: &impl Fn(&str, u64),
) -> Result<Sum> {
    let shared = Arc::new(table.clone());
    let mut sum = Sum::default();
    let mut after = None;
    loop {
        let mut db = source.read().await?;
        let lines = read_step(&mut db, table, after.as_ref()).await?;
        drop(db);
        let Some(last) = lines.last() else { return Ok(sum) };
        after = Some(last.clone());
        lines.iter().for_each(|line| sum.add(line));
        let (table, lines) = (shared.clone(), Arc::new(lines));
        let written = target.write(move |db| {
            let (table, lines) = (table.clone(), lines.clone());
            Box::pin(async move { insert(db, &table, &lines).await })
        });
        written.await?;
        heard(&shared.name, sum.rows);
    }
}

async fn insert(db: &mut Db, table: &Table, lines: &[Line]) -> Result<()> {
    let head = format!("insert into {} ({})", table.name, table.names());
    for chunk in lines.chunks(ROWS_AT_ONCE) {
        let sql = rows_of_values(db.kind, &head, table.columns.len(), chunk.len(), "");
        let query = chunk.iter().flatten().fold(sqlx::query(sql), bind);
        query.execute(db.c()).await?;
    }
    Ok(())
}

/// What a table holds, whatever order its rows are read in: the two kinds sort text differently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    rows: u64,
    hash: u128,
}

impl Sum {
    fn add(&mut self, line: &Line) {
        let mut hash = Sha256::new();
        for value in line {
            // The length keeps neighbours apart; the tag tells nothing from the empty text.
            let (tag, bytes) = match value {
                Value::Text(Some(text)) => (1u8, text.as_bytes().to_vec()),
                Value::Int(Some(number)) => (2, number.to_be_bytes().to_vec()),
                Value::Real(Some(number)) => (3, number.to_be_bytes().to_vec()),
                Value::Text(None) | Value::Int(None) | Value::Real(None) => (0, Vec::new()),
            };
            hash.update([tag]);
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(&bytes);
        }
        let half =
            hash.finalize().iter().take(16).fold(0, |sum, byte| sum << 8 | u128::from(*byte));
        self.hash = self.hash.wrapping_add(half);
        self.rows += 1;
    }
}

async fn sum_of(store: &Store, table: &Table) -> Result<Sum> {
    let mut sum = Sum::default();
    let mut db = store.read().await?;
    let mut after = None;
    loop {
        let lines = read_step(&mut db, table, after.as_ref()).await?;
        let Some(last) = lines.last() else { return Ok(sum) };
        after = Some(last.clone());
        lines.iter().for_each(|line| sum.add(line));
    }
}

#[cfg(test)]
mod tests;
