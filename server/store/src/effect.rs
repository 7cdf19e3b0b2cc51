//! What follows once money is durable: a receipt to send, for what came and for what went back. Written in the transaction that books the
//! money, so it is neither lost nor sent for money that was not booked; its key makes it happen
//! once. The engine drains it.

use domain::{
    clock::{UnixMs, World},
    id::{EffectId, GuarantorId, PracticeId},
};

use crate::{Db, Result};

/// A settled payment wants its receipt. The payload is a [`ReceiptDue`] as JSON.
pub const RECEIPT: &str = "receipt";

/// Ids only: amounts, names and the address typed by the payer are read when it is sent.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ReceiptDue {
    pub payment: String,
    pub attempt: String,
}

/// Money went back, and whoever paid it is told. The payload is a [`RefundDue`] as JSON.
pub const REFUND: &str = "refund";

/// Holds what a [`ReceiptDue`] holds, and is read as one where only that is needed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RefundDue {
    pub payment: String,
    pub attempt: String,
    pub refund: String,
}

#[derive(Clone, Debug)]
pub struct Effect {
    pub id: EffectId,
    pub practice: PracticeId,
    pub guarantor: Option<GuarantorId>,
    pub kind: String,
    pub key: String,
    pub payload: String,
    pub attempts: i64,
    pub next_at: UnixMs,
}

/// False when the same effect stands already.
pub async fn insert(
    db: &mut Db,
    world: &World,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    kind: &'static str,
    key: &str,
    payload: &str,
) -> Result<bool> {
    const INSERT: &str = "insert into effect (id, practice_id, guarantor_id, kind, effect_key,
        payload, state, next_at_ms, created_at_ms)
        values ($1, $2, $3, $4, $5, $6, 'new', $7, $7)
        on conflict (practice_id, effect_key) do nothing";
    let done = sqlx::query(INSERT)
        .bind(world.mint::<EffectId>().to_string())
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .bind(kind)
        .bind(key)
        .bind(payload)
        .bind(world.now().0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Effects of all practices that want work now, oldest first.
pub async fn list_due(db: &mut Db, kind: &str, now: UnixMs, limit: i64) -> Result<Vec<Effect>> {
    const LIST: &str = "select id, practice_id, guarantor_id, kind, effect_key, payload, attempts,
        next_at_ms
        from effect
        where next_at_ms <= $1 and kind = $2
        order by next_at_ms, id
        limit $3";
    type Row = (String, String, Option<String>, String, String, String, i64, i64);
    let rows: Vec<Row> =
        sqlx::query_as(LIST).bind(now.0).bind(kind).bind(limit).fetch_all(db.c()).await?;
    Ok(rows
        .into_iter()
        .map(|(id, practice, guarantor, kind, key, payload, attempts, next_at)| Effect {
            id: EffectId::trusted(id),
            practice: PracticeId::trusted(practice),
            guarantor: guarantor.map(GuarantorId::trusted),
            kind,
            key,
            payload,
            attempts,
            next_at: UnixMs(next_at),
        })
        .collect())
}

/// When the next effect of a kind wants work.
pub async fn find_next(db: &mut Db, kind: &str) -> Result<Option<UnixMs>> {
    const FIND: &str = "select min(next_at_ms) as at_ms, count(practice_id) as waiting
        from effect
        where next_at_ms is not null and kind = $1";
    let row: (Option<i64>, i64) = sqlx::query_as(FIND).bind(kind).fetch_one(db.c()).await?;
    Ok(row.0.map(UnixMs))
}

/// Takes one for work until `until`, when it comes up again by itself; false when somebody else
/// was faster.
pub async fn claim(db: &mut Db, effect: &Effect, until: UnixMs) -> Result<bool> {
    const CLAIM: &str = "update effect set next_at_ms = $4, attempts = attempts + 1
        where practice_id = $1 and id = $2 and next_at_ms = $3";
    let done = sqlx::query(CLAIM)
        .bind(effect.practice.as_str())
        .bind(effect.id.as_str())
        .bind(effect.next_at.0)
        .bind(until.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Done for good, in the transaction that did what it asked for; false when it was done before.
pub async fn mark_done(
    db: &mut Db,
    practice: &PracticeId,
    id: &EffectId,
    now: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update effect set state = 'done', next_at_ms = null, done_at_ms = $3
        where practice_id = $1 and id = $2 and state = 'new'";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}
