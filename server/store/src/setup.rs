//! The first start: the one-time link that makes the first manager, and how far the screens of a
//! practice have come, so that setting up can be interrupted and resumed.

use domain::{clock::UnixMs, id::PracticeId};

use crate::{Db, Result};

/// Issues a link, and with it ends every older one: only the newest printed link works.
pub async fn insert_link(db: &mut Db, token_hash: &str, until: UnixMs) -> Result<()> {
    const DELETE: &str = "delete from setup_link where used_at_ms is null";
    const INSERT: &str = "insert into setup_link (token_hash, expires_at_ms) values ($1, $2)";
    sqlx::query(DELETE).execute(db.c()).await?;
    sqlx::query(INSERT).bind(token_hash).bind(until.0).execute(db.c()).await?;
    Ok(())
}

/// True while the link may still be used.
pub async fn find_link(db: &mut Db, token_hash: &str, now: UnixMs) -> Result<bool> {
    const FIND: &str = "select count(*) from setup_link
        where token_hash = $1 and expires_at_ms > $2 and used_at_ms is null";
    let (count,): (i64,) =
        sqlx::query_as(FIND).bind(token_hash).bind(now.0).fetch_one(db.c()).await?;
    Ok(count > 0)
}

/// Uses the link up; false when somebody else was faster, or it has expired.
pub async fn mark_link_used(db: &mut Db, token_hash: &str, now: UnixMs) -> Result<bool> {
    const MARK: &str = "update setup_link set used_at_ms = $2
        where token_hash = $1 and expires_at_ms > $2 and used_at_ms is null";
    let done = sqlx::query(MARK).bind(token_hash).bind(now.0).execute(db.c()).await?;
    Ok(done.rows_affected() == 1)
}

/// One screen of the first start and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct StepRow {
    pub step: String,
    /// `done`, `skipped`, `failed` or `waiting`.
    pub state: String,
    /// What was found, or the vendor's reason. Never a secret.
    pub detail: String,
    pub at_ms: i64,
}

pub async fn list_steps(db: &mut Db, practice: &PracticeId) -> Result<Vec<StepRow>> {
    const LIST: &str = "select step, state, detail, at_ms from setup_step
        where practice_id = $1
        order by step";
    Ok(sqlx::query_as(LIST).bind(practice.as_str()).fetch_all(db.c()).await?)
}

pub async fn mark_step(
    db: &mut Db,
    practice: &PracticeId,
    step: &str,
    state: &str,
    detail: &str,
    now: UnixMs,
) -> Result<()> {
    const MARK: &str = "insert into setup_step (practice_id, step, state, detail, at_ms)
        values ($1, $2, $3, $4, $5)
        on conflict (practice_id, step) do update set state = excluded.state,
            detail = excluded.detail, at_ms = excluded.at_ms";
    sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(step)
        .bind(state)
        .bind(detail)
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(())
}

/// The sender was tested, or is another one since. Read and written in one transaction, so that a
/// form saved at the same time is refused rather than lost.
pub async fn mark_email_tested(
    db: &mut Db,
    practice: &PracticeId,
    tested_at: Option<UnixMs>,
) -> Result<bool> {
    let Some(found) = crate::practice::load(db, practice).await? else { return Ok(false) };
    let mut settings = found.settings;
    settings.email_tested_at = tested_at;
    crate::practice::mark_settings(db, practice, found.version, &found.name, &settings).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch;

    #[tokio::test]
    async fn a_new_setup_link_ends_the_old_one_and_each_works_once() {
        let dir = tempfile::tempdir().unwrap();
        for store in scratch::both(dir.path()).await.unwrap() {
            let (now, later) = (UnixMs(1_000), UnixMs(2_000));
            let steps = store.write(move |db| {
                Box::pin(async move {
                    insert_link(db, "old", later).await?;
                    insert_link(db, "new", later).await?;
                    assert!(!find_link(db, "old", now).await?);
                    assert!(find_link(db, "new", now).await?);
                    assert!(!find_link(db, "new", later).await?, "expired");
                    assert!(mark_link_used(db, "new", now).await?);
                    assert!(!mark_link_used(db, "new", now).await?);
                    let practice = PracticeId::trusted("prc_1");
                    mark_step(db, &practice, "stripe", "failed", "the key was refused", now)
                        .await?;
                    mark_step(db, &practice, "stripe", "done", "Test mode", later).await?;
                    list_steps(db, &practice).await
                })
            });
            let steps = steps.await.unwrap();
            assert_eq!(steps.len(), 1);
            assert_eq!((steps[0].state.as_str(), steps[0].at_ms), ("done", 2_000));
        }
    }
}
