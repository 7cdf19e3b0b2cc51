//! What a member of staff has typed into a match and not applied yet, so that an idle sign-out or a
//! colleague's change loses nothing. One a person and payment; never read by anybody else.

use domain::{
    clock::UnixMs,
    id::{ClaimId, PaymentId, PracticeId, StaffId},
};

use crate::{Db, Result};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Amounts as they were typed, good or not.
    pub lines: Vec<(ClaimId, String)>,
    pub at: UnixMs,
}

/// Replaces the draft of this person, if there is one.
pub async fn insert(
    db: &mut Db,
    practice: &PracticeId,
    payment: &PaymentId,
    staff: &StaffId,
    draft: &Draft,
) -> Result<()> {
    const INSERT: &str = "insert into match_draft (practice_id, payment_id, staff_id, lines, at_ms)
        values ($1, $2, $3, $4, $5)
        on conflict (practice_id, payment_id, staff_id)
        do update set lines = excluded.lines, at_ms = excluded.at_ms";
    let lines = serde_json::to_string(&draft.lines).unwrap_or_default();
    sqlx::query(INSERT)
        .bind(practice.as_str())
        .bind(payment.as_str())
        .bind(staff.as_str())
        .bind(lines)
        .bind(draft.at.0)
        .execute(db.c())
        .await?;
    Ok(())
}

/// A draft that cannot be read is none: it was only a convenience.
pub async fn find(
    db: &mut Db,
    practice: &PracticeId,
    payment: &PaymentId,
    staff: &StaffId,
) -> Result<Option<Draft>> {
    const FIND: &str = "select lines, at_ms from match_draft
        where practice_id = $1 and payment_id = $2 and staff_id = $3";
    let row: Option<(String, i64)> = sqlx::query_as(FIND)
        .bind(practice.as_str())
        .bind(payment.as_str())
        .bind(staff.as_str())
        .fetch_optional(db.c())
        .await?;
    Ok(row.and_then(|(lines, at)| {
        Some(Draft { lines: serde_json::from_str(&lines).ok()?, at: UnixMs(at) })
    }))
}

pub async fn delete(
    db: &mut Db,
    practice: &PracticeId,
    payment: &PaymentId,
    staff: &StaffId,
) -> Result<()> {
    const DELETE: &str = "delete from match_draft
        where practice_id = $1 and payment_id = $2 and staff_id = $3";
    sqlx::query(DELETE)
        .bind(practice.as_str())
        .bind(payment.as_str())
        .bind(staff.as_str())
        .execute(db.c())
        .await?;
    Ok(())
}
