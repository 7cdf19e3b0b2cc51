//! Staged rows: sealed, in the order the source said them, dropped at the end.

use domain::{
    book::{BookRow, RowRefusal, Said},
    id::{ImportId, PracticeId},
};

use crate::{Db, Keys, Result, StoreError, backend::rows_of_values, keys::Place};

/// Rows of one insert. Measured: 32 is far better than single rows, more adds little.
const ROWS_AT_ONCE: usize = 64;

fn place<'a>(practice: &'a str, row: &'a str) -> Place<'a> {
    Place { practice, table: "import_row", column: "payload_sealed", row }
}

/// A row on its way into the staging table.
pub struct Sealed {
    line: i64,
    kind: &'static str,
    external_id: String,
    due_cents: Option<i64>,
    payload: String,
}

/// Seals a row for [`insert_rows`]: the larger part of the work, and it needs no database.
pub fn seal(keys: &Keys, practice: &PracticeId, id: &ImportId, said: &Said) -> Sealed {
    let payload = serde_json::to_string(&said.row).expect("a book row is plain data");
    Sealed {
        line: i64::try_from(said.line).unwrap_or(i64::MAX),
        kind: said.row.kind(),
        external_id: said.row.key().to_owned(),
        due_cents: match &said.row {
            BookRow::Claim(claim) => Some(claim.totals().due.0),
            _ => None,
        },
        payload: keys.seal(place(practice.as_str(), id.as_str()), &payload),
    }
}

/// Stages rows numbered from `first_seq`.
pub async fn insert_rows(
    db: &mut Db,
    practice: &PracticeId,
    id: &ImportId,
    first_seq: i64,
    rows: &[Sealed],
) -> Result<()> {
    const HEAD: &str = "insert into import_row (import_id, practice_id, seq, line, kind,
        external_id, due_cents, payload_sealed)";
    for (chunk_no, chunk) in rows.chunks(ROWS_AT_ONCE).enumerate() {
        let mut query = sqlx::query(rows_of_values(db.kind, HEAD, 8, chunk.len(), ""));
        for (at, row) in chunk.iter().enumerate() {
            query = query
                .bind(id.as_str())
                .bind(practice.as_str())
                .bind(first_seq + (chunk_no * ROWS_AT_ONCE + at) as i64)
                .bind(row.line)
                .bind(row.kind)
                .bind(&row.external_id)
                .bind(row.due_cents)
                .bind(&row.payload);
        }
        query.execute(db.c()).await?;
    }
    Ok(())
}

pub(super) fn open(
    keys: &Keys,
    practice: &PracticeId,
    id: &ImportId,
    sealed: &str,
) -> Result<BookRow> {
    let payload = keys.open(place(practice.as_str(), id.as_str()), sealed)?;
    serde_json::from_str(&payload).map_err(|_| StoreError::Corrupt("import_row.payload_sealed"))
}

/// Refusals numbered from `first_seq`: line, column and reason, never the value.
pub async fn insert_refusals(
    db: &mut Db,
    practice: &PracticeId,
    id: &ImportId,
    first_seq: i64,
    refusals: &[RowRefusal],
) -> Result<()> {
    const HEAD: &str = "insert into import_refusal (import_id, practice_id, seq, file_name, line,
        column_name, reason, ledger_rows)";
    for (chunk_no, chunk) in refusals.chunks(ROWS_AT_ONCE).enumerate() {
        let mut query = sqlx::query(rows_of_values(db.kind, HEAD, 8, chunk.len(), ""));
        for (at, refusal) in chunk.iter().enumerate() {
            query = query
                .bind(id.as_str())
                .bind(practice.as_str())
                .bind(first_seq + (chunk_no * ROWS_AT_ONCE + at) as i64)
                .bind(refusal.file.to_string())
                .bind(i64::try_from(refusal.line).unwrap_or(i64::MAX))
                .bind(refusal.column.as_ref().map(ToString::to_string))
                .bind(refusal.reason.as_str())
                .bind(i64::from(refusal.ledger_rows));
        }
        query.execute(db.c()).await?;
    }
    Ok(())
}

/// A line of the report.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Refused {
    pub seq: i64,
    pub file_name: String,
    pub line: i64,
    pub column_name: Option<String>,
    /// A code of [`domain::book::RefusalReason`].
    pub reason: String,
}

/// The report of an import, in the order of the file, after `after_seq`.
pub async fn list_refusals(
    db: &mut Db,
    practice: &PracticeId,
    id: &ImportId,
    after_seq: i64,
    limit: i64,
) -> Result<Vec<Refused>> {
    const LIST: &str = "select seq, file_name, line, column_name, reason from import_refusal
        where practice_id = $1 and import_id = $2 and seq > $3
        order by seq
        limit $4";
    Ok(sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(after_seq)
        .bind(limit)
        .fetch_all(db.c())
        .await?)
}

/// Drops some staged rows; false when none are left. In steps, so that the writer is never held for
/// seconds.
pub async fn delete_staged(db: &mut Db, practice: &PracticeId, id: &ImportId) -> Result<bool> {
    const DELETE: &str = "delete from import_row
        where practice_id = $1 and import_id = $2 and seq in (select seq from import_row
            where practice_id = $1 and import_id = $2
            order by seq
            limit 5000)";
    let done =
        sqlx::query(DELETE).bind(practice.as_str()).bind(id.as_str()).execute(db.c()).await?;
    Ok(done.rows_affected() > 0)
}
