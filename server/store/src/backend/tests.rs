//! What a full disk, a power cut and a crowd do to the one writer of SQLite.

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

/// After a power cut the end of the log may be missing, torn, or anything at all. What is left is a
/// whole database with the first commits in it, up to some commit, and none after it (R62).
#[tokio::test]
async fn whatever_a_power_cut_leaves_of_the_log_is_a_whole_database_of_some_moment() {
    const COMMITS: usize = 40;
    let dir = tempfile::tempdir().unwrap();
    let live = dir.path().join("live");
    // Closing folds the schema into the file; from here on everything stays in the log, whose end is
    // what a power cut takes.
    scratch::sqlite(&live).await.unwrap().close().await;
    let store = scratch::sqlite(&live).await.unwrap();
    let unfolded = store.write(|db| {
        Box::pin(async move {
            sqlx::query("pragma wal_autocheckpoint = 0").fetch_all(db.c()).await?;
            Ok(())
        })
    });
    unfolded.await.unwrap();
    for number in 0..COMMITS {
        keep(&store, number).await.unwrap();
    }
    let file = std::fs::read(live.join("clearbill.sqlite")).unwrap();
    let log = std::fs::read(live.join("clearbill.sqlite-wal")).unwrap();
    assert!(log.len() > COMMITS * ROW / 2, "the commits are in the log");
    let mut fewest = COMMITS;
    // From nothing of the log to all of it, in uneven steps; each once cut off and once torn.
    for (round, end) in (0..=log.len()).step_by(log.len() / 37).enumerate() {
        for is_torn in [false, true] {
            let mut left = log[..end].to_vec();
            if is_torn {
                // Sectors that were not written yet hold what was there before.
                left.extend(std::iter::repeat_n(0xa5, 4096 * (1 + round % 3)));
            }
            let cut = dir.path().join(format!("cut-{round}-{is_torn}"));
            std::fs::create_dir(&cut).unwrap();
            std::fs::write(cut.join("clearbill.sqlite"), &file).unwrap();
            std::fs::write(cut.join("clearbill.sqlite-wal"), &left).unwrap();
            let store = scratch::sqlite(&cut).await.unwrap();
            assert_eq!(store.integrity_faults().await.unwrap(), Vec::<String>::new());
            let mut db = store.read().await.unwrap();
            let rows: Vec<(String, i64)> =
                sqlx::query_as("select name, length(holder) from lease where name like 'row %'")
                    .fetch_all(db.c())
                    .await
                    .unwrap();
            drop(db);
            store.close().await;
            for number in 0..rows.len() {
                let wanted = (format!("row {number}"), ROW as i64);
                assert!(rows.contains(&wanted), "{} rows, not the first", rows.len());
            }
            fewest = fewest.min(rows.len());
            if end == log.len() {
                assert_eq!(rows.len(), COMMITS, "what was on the disk is there");
            }
        }
    }
    assert!(fewest < COMMITS / 4, "the cuts reached back far enough: {fewest}");
}

/// The server's own requests stand in line; a command beside it waits for its turn (R68).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_who_write_at_once_and_a_command_beside_them_are_all_served() {
    const EACH: usize = 20;
    let dir = tempfile::tempdir().unwrap();
    let server = scratch::sqlite(dir.path()).await.unwrap();
    let command = scratch::sqlite(dir.path()).await.unwrap();
    let mut writers = Vec::new();
    for writer in 0..50 {
        let store = if writer % 5 == 0 { command.clone() } else { server.clone() };
        writers.push(tokio::spawn(async move {
            for write in 0..EACH {
                // Reads first, as a request does, and then writes.
                let seen = scratch::count(&store, "lease").await;
                seen.map_err(|e| format!("a read of {writer}: {e}"))?;
                let name = format!("{writer} {write}");
                let kept = store.write(move |db| {
                    let name = name.clone();
                    Box::pin(async move {
                        let now = domain::clock::UnixMs(0);
                        crate::lease::claim(db, &name, "somebody", now, 1).await
                    })
                });
                kept.await.map_err(|e| format!("a write of {writer}: {e}"))?;
            }
            Ok::<(), String>(())
        }));
    }
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
    assert_eq!(scratch::count(&server, "lease").await.unwrap(), 50 * EACH as i64);
}
