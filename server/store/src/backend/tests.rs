//! What a full disk does to the one writer of SQLite.

use super::*;
use crate::scratch;

/// Room for a few of the rows below, in pages of 4 KiB.
const PAGES_LEFT: i64 = 40;
const ROW: usize = 20_000;
const ROWS: usize = 60;

#[tokio::test]
async fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let store = scratch::sqlite(dir.path()).await.unwrap();
    store
        .write(|db| {
            Box::pin(async move {
                let (pages,): (i64,) =
                    sqlx::query_as("pragma page_count").fetch_one(db.c()).await?;
                let limit = format!("pragma max_page_count = {}", pages + PAGES_LEFT);
                sqlx::query(sqlx::AssertSqlSafe(limit)).fetch_all(db.c()).await?;
                Ok(())
            })
        })
        .await
        .unwrap();
    // Several at once, so that the one that does not fit shares a commit with others that do.
    let writes = (0..ROWS).map(|number| keep(&store, number));
    let answers = futures_util::future::join_all(writes).await;
    let kept: Vec<usize> = (0..ROWS).filter(|number| answers[*number].is_ok()).collect();
    assert!(kept.len() < ROWS, "the disk was not full");
    store.close().await;

    let store = scratch::sqlite(dir.path()).await.unwrap();
    assert_eq!(store.integrity_faults().await.unwrap(), Vec::<String>::new());
    let mut db = store.read().await.unwrap();
    for number in 0..ROWS {
        let row: Option<(String,)> = sqlx::query_as("select holder from lease where name = $1")
            .bind(format!("row {number}"))
            .fetch_optional(db.c())
            .await
            .unwrap();
        let length = row.map(|(holder,)| holder.len());
        let wanted = kept.contains(&number).then_some(ROW);
        assert_eq!(length, wanted, "row {number} was answered otherwise");
    }
}

async fn keep(store: &Store, number: usize) -> Result<bool> {
    let now = domain::clock::UnixMs(0);
    store
        .write(move |db| {
            Box::pin(async move {
                let (name, holder) = (format!("row {number}"), "x".repeat(ROW));
                crate::lease::claim(db, &name, &holder, now, 1).await
            })
        })
        .await
}
