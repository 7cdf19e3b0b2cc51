//! Disputes of card payments, one row each. Rows only move forward (`rank`); what they do to the
//! money and to the account is `payments`' business.

use domain::{
    clock::UnixMs,
    id::{PaymentId, PracticeId},
    money::Cents,
    payment::DisputeStage,
};

use crate::{Db, Result, StoreError};

/// What the processor says of a dispute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    /// As the processor calls it.
    pub id: String,
    pub amount: Cents,
    pub stage: DisputeStage,
}

/// A dispute whose end is awaited, and the intent to ask about.
#[derive(Clone, Debug)]
pub struct Awaited {
    pub practice: PracticeId,
    pub id: String,
    pub intent_id: String,
    pub next_look_at: UnixMs,
}

/// Writes a new dispute, or moves a known one forward; false when this is no news.
pub async fn mark(
    db: &mut Db,
    practice: &PracticeId,
    payment: &PaymentId,
    dispute: &Dispute,
    next_look_at: Option<UnixMs>,
    now: UnixMs,
) -> Result<bool> {
    const MARK: &str = "insert into dispute (id, practice_id, payment_id, amount_cents, stage,
        rank, opened_at_ms, next_look_at_ms)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict (practice_id, id) do update set amount_cents = excluded.amount_cents,
            stage = excluded.stage, rank = excluded.rank,
            next_look_at_ms = excluded.next_look_at_ms
        where dispute.payment_id = excluded.payment_id and dispute.rank < excluded.rank";
    let done = sqlx::query(MARK)
        .bind(&dispute.id)
        .bind(practice.as_str())
        .bind(payment.as_str())
        .bind(dispute.amount.0)
        .bind(dispute.stage.as_str())
        .bind(dispute.stage.rank())
        .bind(now.0)
        .bind(next_look_at.map(|at| at.0))
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Every dispute of a payment, in the order in which we heard of them.
pub async fn list(db: &mut Db, practice: &PracticeId, payment: &PaymentId) -> Result<Vec<Dispute>> {
    const LIST: &str = "select id, amount_cents, stage
        from dispute
        where practice_id = $1 and payment_id = $2
        order by opened_at_ms, id";
    let rows: Vec<(String, i64, String)> = sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(payment.as_str())
        .fetch_all(db.c())
        .await?;
    rows.into_iter()
        .map(|(id, amount, stage)| {
            let stage = stage.parse().map_err(|_| StoreError::Corrupt("dispute.stage"))?;
            Ok(Dispute { id, amount: Cents(amount), stage })
        })
        .collect()
}

/// Undecided disputes of all practices that want a look now, longest waiting first.
pub async fn list_due(db: &mut Db, now: UnixMs, limit: i64) -> Result<Vec<Awaited>> {
    const LIST: &str = "select d.practice_id, d.id, p.intent_id, d.next_look_at_ms
        from dispute d
        join payment p on p.id = d.payment_id and p.practice_id = d.practice_id
        where d.next_look_at_ms <= $1
        order by d.next_look_at_ms, d.id
        limit $2";
    let rows: Vec<(String, String, String, i64)> =
        sqlx::query_as(LIST).bind(now.0).bind(limit).fetch_all(db.c()).await?;
    Ok(rows
        .into_iter()
        .map(|(practice, id, intent_id, next)| Awaited {
            practice: PracticeId::trusted(practice),
            id,
            intent_id,
            next_look_at: UnixMs(next),
        })
        .collect())
}

/// Takes a dispute for a look, and says when the next one is due; false when somebody else did.
pub async fn claim_look(db: &mut Db, seen: &Awaited, until: UnixMs) -> Result<bool> {
    const CLAIM: &str = "update dispute set next_look_at_ms = $4
        where practice_id = $1 and id = $2 and next_look_at_ms = $3";
    let done = sqlx::query(CLAIM)
        .bind(seen.practice.as_str())
        .bind(&seen.id)
        .bind(seen.next_look_at.0)
        .bind(until.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}
