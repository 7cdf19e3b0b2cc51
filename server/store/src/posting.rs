//! The ledger: append-only, balanced journals in integer cents. What is unapplied is folded from
//! it and never stored (D-21, R19).
//!
//! Three accounts. `processor`: money at the processor, positive. `unapplied`: what is owed to a
//! payer until a claim gets it, negative. `applied`: what took a claim down, negative.

use domain::{
    clock::{UnixMs, World},
    id::{ClaimId, GuarantorId, JournalId, PaymentId, PostingId, PracticeId},
    money::Cents,
};

use crate::{Db, Result, StoreError, backend::rows_of_values};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    Processor,
    Unapplied,
    Applied,
}

impl Account {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Processor => "processor",
            Self::Unapplied => "unapplied",
            Self::Applied => "applied",
        }
    }
}

/// What a journal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalKind {
    Capture,
    Apply,
    Unapply,
    Refund,
    /// A refund that failed after it had succeeded.
    RefundReturned,
    /// The card's bank took the money back.
    Chargeback,
    /// And gave it back.
    ChargebackReturned,
}

impl JournalKind {
    pub const ALL: [Self; 7] = [
        Self::Capture,
        Self::Apply,
        Self::Unapply,
        Self::Refund,
        Self::RefundReturned,
        Self::Chargeback,
        Self::ChargebackReturned,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Apply => "apply",
            Self::Unapply => "unapply",
            Self::Refund => "refund",
            Self::RefundReturned => "refund_returned",
            Self::Chargeback => "chargeback",
            Self::ChargebackReturned => "chargeback_returned",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Entry {
    pub account: Account,
    pub claim: Option<ClaimId>,
    pub amount: Cents,
}

impl Entry {
    pub fn processor(amount: Cents) -> Self {
        Self { account: Account::Processor, claim: None, amount }
    }

    pub fn unapplied(amount: Cents) -> Self {
        Self { account: Account::Unapplied, claim: None, amount }
    }

    pub fn applied(claim: &ClaimId, amount: Cents) -> Self {
        Self { account: Account::Applied, claim: Some(claim.clone()), amount }
    }
}

#[derive(Clone, Debug)]
pub struct NewJournal<'a> {
    pub practice: &'a PracticeId,
    pub guarantor: &'a GuarantorId,
    pub payment: &'a PaymentId,
    pub kind: JournalKind,
    pub reverses: Option<&'a JournalId>,
    pub actor: &'a str,
    /// Sums to zero.
    pub entries: Vec<Entry>,
}

/// Writes a journal; refuses one that does not balance.
pub async fn insert(db: &mut Db, world: &World, new: &NewJournal<'_>) -> Result<JournalId> {
    const HEAD: &str = "insert into posting (id, practice_id, journal_id, kind, account,
        guarantor_id, payment_id, claim_id, amount_cents, reverses_journal_id, actor, at_ms)";
    const COLUMNS: usize = 12;
    let sum: Cents = new.entries.iter().map(|e| e.amount).sum();
    if sum != Cents::ZERO || new.entries.is_empty() {
        return Err(StoreError::Refused("a journal must balance".into()));
    }
    let journal: JournalId = world.mint();
    let sql = rows_of_values(db.kind, HEAD, COLUMNS, new.entries.len(), "");
    let mut query = sqlx::query(sql);
    for entry in &new.entries {
        query = query
            .bind(world.mint::<PostingId>().to_string())
            .bind(new.practice.to_string())
            .bind(journal.to_string())
            .bind(new.kind.as_str())
            .bind(entry.account.as_str())
            .bind(new.guarantor.to_string())
            .bind(new.payment.to_string())
            .bind(entry.claim.as_ref().map(ToString::to_string))
            .bind(entry.amount.0)
            .bind(new.reverses.map(ToString::to_string))
            .bind(new.actor.to_owned())
            .bind(world.now().0);
    }
    query.execute(db.c()).await?;
    Ok(journal)
}

/// Where the money of one payment is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Captured less refunded and charged back.
    pub at_processor: Cents,
    pub applied: Cents,
    /// Owed to the payer, refunds under way still included.
    pub unapplied: Cents,
    /// Refunds under way.
    pub reserved: Cents,
}

impl Totals {
    /// What may be applied or refunded now.
    pub fn free(&self) -> Cents {
        self.unapplied - self.reserved
    }
}

pub async fn load_totals(
    db: &mut Db,
    practice: &PracticeId,
    payment: &PaymentId,
) -> Result<Totals> {
    const LOAD: &str = "select
        cast(coalesce(sum(case when account = 'processor' then amount_cents else 0 end), 0)
            as bigint),
        cast(coalesce(sum(case when account = 'applied' then -amount_cents else 0 end), 0)
            as bigint),
        cast(coalesce(sum(case when account = 'unapplied' then -amount_cents else 0 end), 0)
            as bigint),
        cast((select coalesce(sum(amount_cents), 0) from refund
            where practice_id = $1 and payment_id = $2 and state in ('pending', 'sent')) as bigint)
        from posting
        where practice_id = $1 and payment_id = $2";
    let (at_processor, applied, unapplied, reserved): (i64, i64, i64, i64) = sqlx::query_as(LOAD)
        .bind(practice.as_str())
        .bind(payment.as_str())
        .fetch_one(db.c())
        .await?;
    Ok(Totals {
        at_processor: Cents(at_processor),
        applied: Cents(applied),
        unapplied: Cents(unapplied),
        reserved: Cents(reserved),
    })
}

/// One line of a payment's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    pub journal: JournalId,
    pub kind: String,
    pub account: String,
    pub claim: Option<ClaimId>,
    pub amount: Cents,
    pub reverses: Option<JournalId>,
    pub actor: String,
    pub at: UnixMs,
}

/// Everything that was posted for a payment, oldest first.
pub async fn list(db: &mut Db, practice: &PracticeId, payment: &PaymentId) -> Result<Vec<Posted>> {
    const LIST: &str = "select journal_id, kind, account, claim_id, amount_cents,
        reverses_journal_id, actor, at_ms
        from posting
        where practice_id = $1 and payment_id = $2
        order by at_ms, id";
    type Row = (String, String, String, Option<String>, i64, Option<String>, String, i64);
    let rows: Vec<Row> = sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(payment.as_str())
        .fetch_all(db.c())
        .await?;
    Ok(rows
        .into_iter()
        .map(|(journal, kind, account, claim, amount, reverses, actor, at)| Posted {
            journal: JournalId::trusted(journal),
            kind,
            account,
            claim: claim.map(ClaimId::trusted),
            amount: Cents(amount),
            reverses: reverses.map(JournalId::trusted),
            actor,
            at: UnixMs(at),
        })
        .collect())
}

/// Which payment a journal belongs to, in this practice.
pub async fn find_payment(
    db: &mut Db,
    practice: &PracticeId,
    journal: &JournalId,
) -> Result<Option<PaymentId>> {
    const FIND: &str = "select payment_id from posting
        where journal_id = $2 and practice_id = $1
        order by id
        limit 1";
    let row: Option<(String,)> = sqlx::query_as(FIND)
        .bind(practice.as_str())
        .bind(journal.as_str())
        .fetch_optional(db.c())
        .await?;
    Ok(row.map(|(id,)| PaymentId::trusted(id)))
}

/// What a claim has got, of which payment: the patient record and the bill.
pub async fn list_by_claim(
    db: &mut Db,
    practice: &PracticeId,
    claim: &ClaimId,
) -> Result<Vec<(PaymentId, Cents)>> {
    const LIST: &str = "select payment_id, cast(-sum(amount_cents) as bigint)
        from posting
        where practice_id = $1 and claim_id = $2 and account = 'applied'
        group by payment_id
        having sum(amount_cents) <> 0
        order by payment_id";
    let rows: Vec<(String, i64)> =
        sqlx::query_as(LIST).bind(practice.as_str()).bind(claim.as_str()).fetch_all(db.c()).await?;
    Ok(rows.into_iter().map(|(id, cents)| (PaymentId::trusted(id), Cents(cents))).collect())
}
