//! Refunds. A row reserves its amount before the processor hears of it, so that two at once can
//! never give back more than is unapplied (R17).

use domain::{
    clock::UnixMs,
    id::{PaymentId, PracticeId, RefundId},
    money::Cents,
    payment::{RefundReason, RefundState},
};

use crate::{Db, Result, StoreError};

#[derive(Clone, Debug)]
pub struct NewRefund {
    pub id: RefundId,
    pub practice: PracticeId,
    pub payment: PaymentId,
    pub number: i64,
    pub amount: Cents,
    pub reason: RefundReason,
    pub state: RefundState,
    pub processor_id: Option<String>,
    /// An actor's label.
    pub requested_by: String,
    pub next_look_at: Option<UnixMs>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    pub id: RefundId,
    pub practice: PracticeId,
    pub payment: PaymentId,
    pub number: i64,
    pub amount: Cents,
    pub reason: RefundReason,
    pub state: RefundState,
    pub processor_id: Option<String>,
    pub requested_by: String,
    pub requested_at: UnixMs,
    pub next_look_at: Option<UnixMs>,
    pub looks: i64,
    pub ended_at: Option<UnixMs>,
    pub failure: Option<String>,
}

macro_rules! select {
    () => {
        "select id, practice_id, payment_id, number, amount_cents, reason, state, processor_id,
        requested_by, requested_at_ms, next_look_at_ms, looks, ended_at_ms, failure
        from refund"
    };
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    practice_id: String,
    payment_id: String,
    number: i64,
    amount_cents: i64,
    reason: String,
    state: String,
    processor_id: Option<String>,
    requested_by: String,
    requested_at_ms: i64,
    next_look_at_ms: Option<i64>,
    looks: i64,
    ended_at_ms: Option<i64>,
    failure: Option<String>,
}

impl Row {
    fn refund(self) -> Result<Refund> {
        let bad = |_| StoreError::Corrupt("refund");
        Ok(Refund {
            id: RefundId::trusted(self.id),
            practice: PracticeId::trusted(self.practice_id),
            payment: PaymentId::trusted(self.payment_id),
            number: self.number,
            amount: Cents(self.amount_cents),
            reason: self.reason.parse().map_err(bad)?,
            state: self.state.parse().map_err(bad)?,
            processor_id: self.processor_id,
            requested_by: self.requested_by,
            requested_at: UnixMs(self.requested_at_ms),
            next_look_at: self.next_look_at_ms.map(UnixMs),
            looks: self.looks,
            ended_at: self.ended_at_ms.map(UnixMs),
            failure: self.failure,
        })
    }
}

pub async fn insert(db: &mut Db, new: &NewRefund, now: UnixMs) -> Result<()> {
    const INSERT: &str = "insert into refund (id, practice_id, payment_id, number, amount_cents,
        reason, state, processor_id, requested_by, requested_at_ms, next_look_at_ms)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    sqlx::query(INSERT)
        .bind(new.id.as_str())
        .bind(new.practice.as_str())
        .bind(new.payment.as_str())
        .bind(new.number)
        .bind(new.amount.0)
        .bind(new.reason.as_str())
        .bind(new.state.as_str())
        .bind(&new.processor_id)
        .bind(&new.requested_by)
        .bind(now.0)
        .bind(new.next_look_at.map(|t| t.0))
        .execute(db.c())
        .await?;
    Ok(())
}

/// The number of the next refund of a payment.
pub async fn find_next_number(
    db: &mut Db,
    practice: &PracticeId,
    payment: &PaymentId,
) -> Result<i64> {
    const FIND: &str = "select coalesce(max(number), 0) + 1 from refund
        where practice_id = $1 and payment_id = $2";
    let (number,): (i64,) = sqlx::query_as(FIND)
        .bind(practice.as_str())
        .bind(payment.as_str())
        .fetch_one(db.c())
        .await?;
    Ok(number)
}

pub async fn find(db: &mut Db, practice: &PracticeId, id: &RefundId) -> Result<Option<Refund>> {
    const FIND: &str = concat!(select!(), " where practice_id = $1 and id = $2");
    let row: Option<Row> = sqlx::query_as(FIND)
        .bind(practice.as_str())
        .bind(id.as_str())
        .fetch_optional(db.c())
        .await?;
    row.map(Row::refund).transpose()
}

/// In the order they were asked for.
pub async fn list(db: &mut Db, practice: &PracticeId, payment: &PaymentId) -> Result<Vec<Refund>> {
    const LIST: &str = concat!(
        select!(),
        " where practice_id = $1 and payment_id = $2
        order by number"
    );
    let rows: Vec<Row> = sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(payment.as_str())
        .fetch_all(db.c())
        .await?;
    rows.into_iter().map(Row::refund).collect()
}

/// Refunds of all practices that want a look now, oldest first.
pub async fn list_due(db: &mut Db, now: UnixMs, limit: i64) -> Result<Vec<Refund>> {
    const LIST: &str = concat!(
        select!(),
        " where next_look_at_ms <= $1
        order by next_look_at_ms, id
        limit $2"
    );
    let rows: Vec<Row> = sqlx::query_as(LIST).bind(now.0).bind(limit).fetch_all(db.c()).await?;
    rows.into_iter().map(Row::refund).collect()
}

/// Takes a refund for a look until `until`; false when somebody else was faster.
pub async fn claim_look(db: &mut Db, refund: &Refund, until: UnixMs) -> Result<bool> {
    const CLAIM: &str = "update refund set next_look_at_ms = $4, looks = looks + 1
        where practice_id = $1 and id = $2 and next_look_at_ms = $3";
    let done = sqlx::query(CLAIM)
        .bind(refund.practice.as_str())
        .bind(refund.id.as_str())
        .bind(refund.next_look_at.map(|t| t.0))
        .bind(until.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// A step of a refund.
#[derive(Clone, Debug)]
pub struct Step<'a> {
    /// Only from this state; false when somebody else moved it.
    pub from: RefundState,
    pub to: RefundState,
    pub processor_id: Option<&'a str>,
    pub failure: Option<&'a str>,
    pub next_look_at: Option<UnixMs>,
}

pub async fn mark(
    db: &mut Db,
    practice: &PracticeId,
    id: &RefundId,
    step: &Step<'_>,
    now: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update refund set state = $4, processor_id = coalesce($5, processor_id),
        failure = $6, next_look_at_ms = $7, ended_at_ms = $8
        where practice_id = $1 and id = $2 and state = $3";
    let is_over = matches!(step.to, RefundState::Succeeded | RefundState::Failed);
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(step.from.as_str())
        .bind(step.to.as_str())
        .bind(step.processor_id)
        .bind(step.failure)
        .bind(step.next_look_at.map(|t| t.0))
        .bind(is_over.then_some(now.0))
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}
