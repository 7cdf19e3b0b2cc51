//! Codes that the front desk gives out after checking who somebody is: for those without an SSN on
//! file, unwilling to give it, or without a contact that can be reached. 72 hours, one use.
//!
//! The code alone names the account, so it is long enough that guessing is hopeless (40 bits, and
//! few tries a day by [`PRACTICE_TRIES`]), and stored as a keyed hash.

use domain::{
    clock::{DAY_MS, HOUR_MS, UnixMs},
    id::{AccessCodeId, GuarantorId, PracticeId},
};

use crate::{Db, Result, keys::fill_random, tries::Limit};

pub const LASTS_MS: i64 = 3 * DAY_MS;
/// Codes typed in one practice that were none.
pub const PRACTICE_TRIES: Limit = Limit { scope: "access_code", most: 100, per_ms: HOUR_MS };

/// Thirty-two signs without 0, O, 1 and I, which people confuse on paper.
const SIGNS: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
const LENGTH: usize = 8;

/// A new code as it is read out and written down: `7KQM-2XWT`.
pub fn new_code() -> String {
    let mut random = [0; LENGTH];
    fill_random(&mut random);
    let mut code = String::with_capacity(LENGTH + 1);
    for (at, byte) in random.iter().enumerate() {
        if at == LENGTH / 2 {
            code.push('-');
        }
        code.push(char::from(SIGNS[usize::from(byte % 32)]));
    }
    code
}

/// What was typed, without hyphens and spaces, in capitals.
fn normalised(typed: &str) -> String {
    typed.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

const PURPOSE: &str = "access_code";

/// Gives out `code` for an account; an earlier one of the same account stops working. `now` is the
/// real clock.
pub async fn insert(
    db: &mut Db,
    practice: &PracticeId,
    id: &AccessCodeId,
    guarantor: &GuarantorId,
    code: &str,
    issued_by: &str,
    now: UnixMs,
) -> Result<()> {
    const VOID: &str = "update access_code set used_at_ms = $3
        where practice_id = $1 and guarantor_id = $2 and used_at_ms is null";
    const INSERT: &str = "insert into access_code (id, practice_id, guarantor_id, code_hash,
        issued_by, issued_at_ms, expires_at_ms)
        values ($1, $2, $3, $4, $5, $6, $7)";
    sqlx::query(VOID)
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .bind(now.0)
        .execute(db.c())
        .await?;
    let hash = db.keys().short_hash(PURPOSE, practice.as_str(), &normalised(code));
    sqlx::query(INSERT)
        .bind(id.as_str())
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .bind(hash)
        .bind(issued_by)
        .bind(now.0)
        .bind(now.plus_ms(LASTS_MS).0)
        .execute(db.c())
        .await?;
    Ok(())
}

/// The account a code is for, while it works. Wrong, used and expired are the same `None`.
pub async fn find(
    db: &mut Db,
    practice: &PracticeId,
    typed: &str,
    now: UnixMs,
) -> Result<Option<(AccessCodeId, GuarantorId)>> {
    const FIND: &str = "select id, guarantor_id
        from access_code
        where practice_id = $1 and code_hash = $2 and used_at_ms is null and expires_at_ms > $3";
    for hash in db.keys().short_hashes(PURPOSE, practice.as_str(), &normalised(typed)) {
        let row: Option<(String, String)> = sqlx::query_as(FIND)
            .bind(practice.as_str())
            .bind(hash)
            .bind(now.0)
            .fetch_optional(db.c())
            .await?;
        if let Some((id, guarantor)) = row {
            return Ok(Some((AccessCodeId::trusted(id), GuarantorId::trusted(guarantor))));
        }
    }
    Ok(None)
}

/// Uses it up; false when somebody was faster.
pub async fn claim(
    db: &mut Db,
    practice: &PracticeId,
    id: &AccessCodeId,
    now: UnixMs,
) -> Result<bool> {
    const CLAIM: &str = "update access_code set used_at_ms = $3
        where practice_id = $1 and id = $2 and used_at_ms is null and expires_at_ms > $3";
    let done = sqlx::query(CLAIM)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Codes that stopped working a week ago, `most` at a time; for the housekeeping. Who gave them out
/// stands in the audit.
pub async fn delete_old(db: &mut Db, now: UnixMs, most: i64) -> Result<u64> {
    const DELETE: &str = "delete from access_code where id in (
        select id from access_code
        where expires_at_ms < $1
        order by expires_at_ms, id
        limit $2)";
    let before = now.minus_ms(7 * DAY_MS).0;
    let done = sqlx::query(DELETE).bind(before).bind(most).execute(db.c()).await?;
    Ok(done.rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Store, scratch};

    const NOW: UnixMs = UnixMs(1_772_000_000_000);

    async fn gives(store: &Store, id: &'static str, code: &'static str) {
        let given = store.write(move |db| {
            Box::pin(async move {
                let (practice, maria) =
                    (PracticeId::trusted("prc_1"), GuarantorId::trusted("gua_1"));
                let id = AccessCodeId::trusted(id);
                insert(db, &practice, &id, &maria, code, "staff:stf_1", NOW).await
            })
        });
        given.await.unwrap();
    }

    /// The account a code opens, used up by opening it.
    async fn uses(store: &Store, practice: &'static str, typed: &'static str, at: UnixMs) -> bool {
        let used = store.write(move |db| {
            Box::pin(async move {
                let practice = PracticeId::trusted(practice);
                match find(db, &practice, typed, at).await? {
                    Some((id, _)) => claim(db, &practice, &id, at).await,
                    None => Ok(false),
                }
            })
        });
        used.await.unwrap()
    }

    #[tokio::test]
    async fn a_code_from_the_desk_opens_once_within_three_days_and_the_newest_counts() {
        let dir = tempfile::tempdir().unwrap();
        for store in scratch::both(dir.path()).await.unwrap() {
            insert_owner(&store).await;
            gives(&store, "acc_1", "AAAA-2222").await;
            gives(&store, "acc_2", "BBBB-3333").await;
            assert!(!uses(&store, "prc_1", "AAAA-2222", NOW).await, "replaced");
            assert!(!uses(&store, "prc_2", "BBBB-3333", NOW).await, "another practice's");
            assert!(!uses(&store, "prc_1", "BBBB-3333", NOW.plus_ms(LASTS_MS)).await, "too late");
            assert!(uses(&store, "prc_1", "bbbb 3333", NOW.plus_ms(LASTS_MS - 1)).await);
            assert!(!uses(&store, "prc_1", "BBBB-3333", NOW).await, "used");
        }
    }

    /// Foreign keys want a practice and a guarantor.
    async fn insert_owner(store: &Store) {
        let made = store.write(|db| {
            Box::pin(async move {
                for sql in [
                    "insert into practice (id, slug, name, settings, version, created_at_ms)
                        values ('prc_1', 'elm', 'Elm', '{}', 1, 0)",
                    "insert into guarantor (id, practice_id, source, external_id, name, name_key,
                        row_mac, created_at_ms, updated_at_ms)
                        values ('gua_1', 'prc_1', 's', '1', 'Maria', 'maria', '', 0, 0)",
                ] {
                    sqlx::query(sql).execute(db.c()).await?;
                }
                Ok(())
            })
        });
        made.await.unwrap();
    }

    #[test]
    fn a_code_may_be_typed_small_and_without_its_hyphen() {
        let code = new_code();
        assert_eq!(code.len(), 9);
        let typed = code.to_lowercase().replace('-', " ");
        assert_eq!(normalised(&typed), code.replace('-', ""));
    }
}
