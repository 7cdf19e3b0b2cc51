//! What the database does when nothing else is asked of it: the other side of the benchmarks.

use sqlx::Executor;

use crate::{Result, Store, backend::rows_of_values};

/// Columns of the bare table: as many as a charge line has.
pub const COLUMNS: usize = 12;
/// Rows of one insert, as the import itself uses.
const ROWS_AT_ONCE: usize = 64;
/// Rows of one transaction.
const ROWS_A_COMMIT: usize = 1_000;

/// Inserts rows of text into one table with one unique index, in multi-row statements, durably; an
/// empty table each time.
pub async fn insert_bare_rows(
    store: &Store,
    rows: impl Iterator<Item = [String; COLUMNS]>,
) -> Result<u64> {
    const MAKE: &str = "create table if not exists bare_line (a text, b text, c text, d text,
        e text, f text, g text, h text, i text, j text, k text, l text, primary key (a))";
    const HEAD: &str = "insert into bare_line (a, b, c, d, e, f, g, h, i, j, k, l)";
    let write = store.write(|db| {
        Box::pin(async move {
            db.c().execute(MAKE).await?;
            db.c().execute("delete from bare_line").await?;
            Ok(())
        })
    });
    write.await?;
    let mut rows = rows.peekable();
    let mut count = 0;
    while rows.peek().is_some() {
        let group: Vec<[String; COLUMNS]> = rows.by_ref().take(ROWS_A_COMMIT).collect();
        count += group.len() as u64;
        let group = std::sync::Arc::new(group);
        let write = store.write(move |db| {
            let group = group.clone();
            Box::pin(async move {
                for chunk in group.chunks(ROWS_AT_ONCE) {
                    let mut query =
                        sqlx::query(rows_of_values(db.kind, HEAD, COLUMNS, chunk.len(), ""));
                    for cell in chunk.iter().flatten() {
                        query = query.bind(cell);
                    }
                    query.execute(db.c()).await?;
                }
                Ok(())
            })
        });
        write.await?;
    }
    Ok(count)
}

/// PostgreSQL wants the list in front of the insert, SQLite takes it there too.
macro_rules! for_each_number {
    ($insert:literal) => {
        concat!(
            "with recursive n(i) as (select cast(1 as bigint)
            union all select i + 1 from n where i < $2) ",
            $insert
        )
    };
}

/// Accounts that owe nothing: each a guarantor, a patient and a settled claim, under a source of
/// their own. What a cycle must not have to look at.
pub async fn insert_crowd(
    store: &Store,
    practice: &domain::id::PracticeId,
    accounts: i64,
) -> Result<()> {
    const GUARANTORS: &str = for_each_number!(
        "insert into guarantor (id, practice_id, source, external_id, name,
        name_key, row_mac, created_at_ms, updated_at_ms)
        select 'crowd_g_' || i, $1, 'crowd', 'g' || i, 'Crowd ' || i, 'crowd ' || i, '', 0, 0
        from n"
    );
    const PATIENTS: &str = for_each_number!(
        "insert into patient (id, practice_id, guarantor_id, source,
        external_id, name, name_key, row_mac, created_at_ms, updated_at_ms)
        select 'crowd_p_' || i, $1, 'crowd_g_' || i, 'crowd', 'g' || i, 'Crowd ' || i,
        'crowd ' || i, '', 0, 0
        from n"
    );
    const CLAIMS: &str = for_each_number!(
        "insert into claim (id, practice_id, guarantor_id, patient_id, source,
        external_id, service_on, status, insurance_state, charged_cents, insurance_paid_cents,
        adjusted_cents, patient_paid_cents, patient_due_cents, due_since_on, row_mac,
        created_at_ms, updated_at_ms)
        select 'crowd_c_' || i, $1, 'crowd_g_' || i, 'crowd_p_' || i, 'crowd', 'c' || i,
        '2026-01-12', 'settled', 'finished', 10000, 8000, 0, 2000, 0, '2026-01-12', '', 0, 0
        from n"
    );
    let practice = practice.clone();
    let write = store.write(move |db| {
        let practice = practice.clone();
        Box::pin(async move {
            for insert in [GUARANTORS, PATIENTS, CLAIMS] {
                sqlx::query(insert).bind(practice.as_str()).bind(accounts).execute(db.c()).await?;
            }
            Ok(())
        })
    });
    write.await
}
