//! One-time codes: six digits to a contact on file. A code belongs to the request that asked for
//! it, lives ten minutes of real time, works once, and bears five tries (R44). Only a keyed hash is
//! kept, because six digits have no entropy.

use domain::{
    clock::{HOUR_MS, MINUTE_MS, UnixMs},
    id::{CodeId, PracticeId},
};

use crate::{Db, Result, tries::Limit};

pub const LASTS_MS: i64 = 10 * MINUTE_MS;
pub const TRIES: i64 = 5;
/// The first code of an hour and three more, to one contact (R44, R75).
pub const SENDS: Limit = Limit { scope: "code_send", most: 4, per_ms: HOUR_MS };

#[derive(Clone, Debug)]
pub struct New<'a> {
    pub id: &'a CodeId,
    pub practice: &'a PracticeId,
    pub purpose: &'static str,
    /// The half-way session that asked; a code of another request does not work here.
    pub subject: &'a str,
    pub contact_index: &'a str,
    pub code: &'a str,
}

pub async fn insert(db: &mut Db, new: &New<'_>, now: UnixMs) -> Result<()> {
    const INSERT: &str = "insert into one_time_code (id, practice_id, purpose, subject_id,
        contact_index, code_hash, created_at_ms, expires_at_ms)
        values ($1, $2, $3, $4, $5, $6, $7, $8)";
    let hash = db.keys().short_hash(new.purpose, new.id.as_str(), new.code);
    sqlx::query(INSERT)
        .bind(new.id.as_str())
        .bind(new.practice.as_str())
        .bind(new.purpose)
        .bind(new.subject)
        .bind(new.contact_index)
        .bind(hash)
        .bind(now.0)
        .bind(now.plus_ms(LASTS_MS).0)
        .execute(db.c())
        .await?;
    Ok(())
}

/// Counts the try, compares, and uses the code up when it is right. False for wrong, expired, used,
/// out of tries and never ours alike.
pub async fn claim(
    db: &mut Db,
    practice: &PracticeId,
    id: &CodeId,
    subject: &str,
    typed: &str,
    now: UnixMs,
) -> Result<bool> {
    const TRY: &str = "update one_time_code set tries = tries + 1
        where practice_id = $1 and id = $2 and subject_id = $3 and used_at_ms is null
        and expires_at_ms > $4 and tries < $5
        returning purpose, code_hash";
    const USE: &str = "update one_time_code set used_at_ms = $3
        where practice_id = $1 and id = $2 and used_at_ms is null";
    let row: Option<(String, String)> = sqlx::query_as(TRY)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(subject)
        .bind(now.0)
        .bind(TRIES)
        .fetch_optional(db.c())
        .await?;
    let (purpose, stored) = row.unwrap_or_default();
    if !db.keys().is_short_hash(&purpose, id.as_str(), typed, &stored) {
        return Ok(false);
    }
    let done = sqlx::query(USE)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Codes nobody can use any more, `most` at a time; for the housekeeping.
pub async fn delete_old(db: &mut Db, now: UnixMs, most: i64) -> Result<u64> {
    const DELETE: &str = "delete from one_time_code where id in (
        select id from one_time_code
        where expires_at_ms < $1
        order by expires_at_ms, id
        limit $2)";
    let before = now.minus_ms(HOUR_MS).0;
    let done = sqlx::query(DELETE).bind(before).bind(most).execute(db.c()).await?;
    Ok(done.rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Store, scratch};

    const NOW: UnixMs = UnixMs(1_772_000_000_000);

    async fn stores_with_code(dir: &std::path::Path) -> Vec<Store> {
        let stores = scratch::both(dir).await.unwrap();
        for store in &stores {
            store
                .write(|db| {
                    Box::pin(async move {
                        let new = New {
                            id: &CodeId::trusted("otc_1"),
                            practice: &PracticeId::trusted("prc_1"),
                            purpose: "patient",
                            subject: "half",
                            contact_index: "index",
                            code: "012345",
                        };
                        insert(db, &new, NOW).await
                    })
                })
                .await
                .unwrap();
        }
        stores
    }

    async fn types(store: &Store, subject: &'static str, code: &'static str, at: UnixMs) -> bool {
        store
            .write(move |db| {
                Box::pin(async move {
                    let practice = PracticeId::trusted("prc_1");
                    claim(db, &practice, &CodeId::trusted("otc_1"), subject, code, at).await
                })
            })
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn a_code_works_once_and_only_where_it_was_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        for store in stores_with_code(dir.path()).await {
            assert!(!types(&store, "another", "012345", NOW).await);
            assert!(!types(&store, "half", "543210", NOW).await);
            assert!(types(&store, "half", "012345", NOW).await);
            assert!(!types(&store, "half", "012345", NOW).await);
        }
    }

    #[tokio::test]
    async fn after_five_wrong_tries_the_right_code_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        for store in stores_with_code(dir.path()).await {
            for _ in 0..5 {
                assert!(!types(&store, "half", "999999", NOW).await);
            }
            assert!(!types(&store, "half", "012345", NOW).await);
        }
    }

    #[tokio::test]
    async fn a_code_is_dead_after_ten_minutes() {
        let dir = tempfile::tempdir().unwrap();
        for store in stores_with_code(dir.path()).await {
            assert!(!types(&store, "half", "012345", NOW.plus_ms(LASTS_MS)).await);
            assert!(types(&store, "half", "012345", NOW.plus_ms(LASTS_MS - 1)).await);
        }
    }
}
