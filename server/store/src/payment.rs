//! Payments: money captured at the processor. What is left of one is folded from the ledger.

use domain::{
    clock::UnixMs,
    id::{AttemptId, ClaimId, GuarantorId, PaymentId, PracticeId},
    money::Cents,
    payment::{DisputeState, Source},
};

use crate::{Db, Result, StoreError, attempt::claims_of, guarantor::name_key};

/// As it was booked; nothing of it changes but the posted mark and the dispute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    pub id: PaymentId,
    pub practice: PracticeId,
    pub guarantor: GuarantorId,
    pub attempt: AttemptId,
    pub intent_id: String,
    pub charge_id: Option<String>,
    pub captured: Cents,
    pub currency: String,
    pub source: Source,
    pub brand: Option<String>,
    pub last4: Option<String>,
    /// What a person reads out on the phone.
    pub reference: String,
    pub received_at: UnixMs,
    pub posted_at: Option<UnixMs>,
    pub posted_by: Option<String>,
    pub disputed_at: Option<UnixMs>,
    pub dispute: Option<DisputeState>,
    pub version: i64,
}

macro_rules! select {
    () => {
        "select id, practice_id, guarantor_id, attempt_id, intent_id, charge_id, captured_cents,
        currency, source, brand, last4, reference, received_at_ms, posted_at_ms, posted_by,
        disputed_at_ms, dispute_state, version
        from payment"
    };
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    practice_id: String,
    guarantor_id: String,
    attempt_id: String,
    intent_id: String,
    charge_id: Option<String>,
    captured_cents: i64,
    currency: String,
    source: String,
    brand: Option<String>,
    last4: Option<String>,
    reference: String,
    received_at_ms: i64,
    posted_at_ms: Option<i64>,
    posted_by: Option<String>,
    disputed_at_ms: Option<i64>,
    dispute_state: Option<String>,
    version: i64,
}

impl Row {
    fn payment(self) -> Result<Payment> {
        let dispute = self.dispute_state.as_deref().map(str::parse).transpose();
        Ok(Payment {
            id: PaymentId::trusted(self.id),
            practice: PracticeId::trusted(self.practice_id),
            guarantor: GuarantorId::trusted(self.guarantor_id),
            attempt: AttemptId::trusted(self.attempt_id),
            intent_id: self.intent_id,
            charge_id: self.charge_id,
            captured: Cents(self.captured_cents),
            currency: self.currency,
            source: self.source.parse().map_err(|_| StoreError::Corrupt("payment.source"))?,
            brand: self.brand,
            last4: self.last4,
            reference: self.reference,
            received_at: UnixMs(self.received_at_ms),
            posted_at: self.posted_at_ms.map(UnixMs),
            posted_by: self.posted_by,
            disputed_at: self.disputed_at_ms.map(UnixMs),
            dispute: dispute.map_err(|_| StoreError::Corrupt("payment.dispute_state"))?,
            version: self.version,
        })
    }
}

/// Only `payments::settle` books one. [`StoreError::Duplicate`] when the attempt, the intent or
/// the reference has a payment already.
pub async fn insert(db: &mut Db, new: &Payment) -> Result<()> {
    const INSERT: &str = "insert into payment (id, practice_id, guarantor_id, attempt_id,
        intent_id, charge_id, captured_cents, currency, source, brand, last4, reference,
        received_at_ms)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    sqlx::query(INSERT)
        .bind(new.id.as_str())
        .bind(new.practice.as_str())
        .bind(new.guarantor.as_str())
        .bind(new.attempt.as_str())
        .bind(&new.intent_id)
        .bind(&new.charge_id)
        .bind(new.captured.0)
        .bind(&new.currency)
        .bind(new.source.as_str())
        .bind(&new.brand)
        .bind(&new.last4)
        .bind(&new.reference)
        .bind(new.received_at.0)
        .execute(db.c())
        .await?;
    Ok(())
}

pub async fn find(db: &mut Db, practice: &PracticeId, id: &PaymentId) -> Result<Option<Payment>> {
    const FIND: &str = concat!(select!(), " where practice_id = $1 and id = $2");
    find_one(db, FIND, practice, id.as_str()).await
}

pub async fn find_by_attempt(
    db: &mut Db,
    practice: &PracticeId,
    attempt: &AttemptId,
) -> Result<Option<Payment>> {
    const FIND: &str = concat!(select!(), " where practice_id = $1 and attempt_id = $2");
    find_one(db, FIND, practice, attempt.as_str()).await
}

pub async fn find_by_intent(
    db: &mut Db,
    practice: &PracticeId,
    intent_id: &str,
) -> Result<Option<Payment>> {
    const FIND: &str = concat!(select!(), " where practice_id = $1 and intent_id = $2");
    find_one(db, FIND, practice, intent_id).await
}

pub async fn find_by_reference(
    db: &mut Db,
    practice: &PracticeId,
    reference: &str,
) -> Result<Option<Payment>> {
    const FIND: &str = concat!(select!(), " where practice_id = $1 and reference = $2");
    find_one(db, FIND, practice, &reference.trim().to_ascii_uppercase()).await
}

async fn find_one(
    db: &mut Db,
    sql: &'static str,
    practice: &PracticeId,
    key: &str,
) -> Result<Option<Payment>> {
    let row: Option<Row> =
        sqlx::query_as(sql).bind(practice.as_str()).bind(key).fetch_optional(db.c()).await?;
    row.map(Row::payment).transpose()
}

/// The guarantor's payments, newest first.
pub async fn list_by_guarantor(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    limit: i64,
) -> Result<Vec<Payment>> {
    const LIST: &str = concat!(
        select!(),
        " where practice_id = $1 and guarantor_id = $2
        order by received_at_ms desc, id desc
        limit $3"
    );
    let rows: Vec<Row> = sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .bind(limit)
        .fetch_all(db.c())
        .await?;
    rows.into_iter().map(Row::payment).collect()
}

/// Takes the payment for a change; false when its version is another by now.
pub async fn mark_version(
    db: &mut Db,
    practice: &PracticeId,
    id: &PaymentId,
    version: i64,
) -> Result<bool> {
    const MARK: &str = "update payment set version = version + 1
        where practice_id = $1 and id = $2 and version = $3";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(version)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// The practice's system shows it, so netting ends (D-11). False when it was so already. An import
/// that reports the posting calls this, with what the book then says in the same transaction; staff
/// go through `payments`, which also takes the applied parts off the book.
pub async fn mark_posted(
    db: &mut Db,
    practice: &PracticeId,
    id: &PaymentId,
    by: &str,
    now: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update payment set posted_at_ms = $3, posted_by = $4,
        version = version + 1
        where practice_id = $1 and id = $2 and posted_at_ms is null";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(now.0)
        .bind(by)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn mark_unposted(db: &mut Db, practice: &PracticeId, id: &PaymentId) -> Result<bool> {
    const MARK: &str = "update payment set posted_at_ms = null, posted_by = null,
        version = version + 1
        where practice_id = $1 and id = $2 and posted_at_ms is not null";
    let done = sqlx::query(MARK).bind(practice.as_str()).bind(id.as_str()).execute(db.c()).await?;
    Ok(done.rows_affected() == 1)
}

pub async fn mark_dispute(
    db: &mut Db,
    practice: &PracticeId,
    id: &PaymentId,
    state: DisputeState,
    now: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update payment set dispute_state = $3,
        disputed_at_ms = coalesce(disputed_at_ms, $4), version = version + 1
        where practice_id = $1 and id = $2
        and (dispute_state is null or dispute_state <> $3)";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(id.as_str())
        .bind(state.as_str())
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// What staff look for in Find Payment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    #[default]
    Any,
    /// Money that no claim has got and the practice's system does not show.
    Unapplied,
    /// Everything is on claims.
    Applied,
    /// Something went back.
    Refunded,
    Disputed,
    /// In the practice's system.
    Posted,
    /// Not in the practice's system yet.
    Unposted,
}

impl Stage {
    fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Any => None,
            Self::Unapplied => Some("unapplied"),
            Self::Applied => Some("applied"),
            Self::Refunded => Some("refunded"),
            Self::Disputed => Some("disputed"),
            Self::Posted => Some("posted"),
            Self::Unposted => Some("unposted"),
        }
    }

    /// Served by the index of what is not posted, which stays short however long the history gets.
    fn is_unposted(self) -> bool {
        matches!(self, Self::Unapplied | Self::Unposted)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    Newest,
    Oldest,
    Largest,
    Smallest,
    NameUp,
    NameDown,
}

#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub stage: Stage,
    pub from: Option<UnixMs>,
    pub until: Option<UnixMs>,
    /// Captured, exactly.
    pub amount: Option<Cents>,
    /// The beginning of the guarantor's or a patient's name.
    pub name: Option<String>,
    /// The guarantor's number in the practice's system.
    pub account: Option<String>,
    pub reference: Option<String>,
    pub guarantor: Option<GuarantorId>,
    pub order: Order,
    /// The last payment of the page before.
    pub after: Option<PaymentId>,
}

/// A row of Find Payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub id: PaymentId,
    pub guarantor: GuarantorId,
    pub guarantor_name: String,
    pub account: String,
    pub captured: Cents,
    /// Free to apply or refund: refunds under way are taken off.
    pub unapplied: Cents,
    pub applied: Cents,
    /// Gone back, or on its way back.
    pub refunded: Cents,
    pub source: Source,
    pub brand: Option<String>,
    pub last4: Option<String>,
    pub reference: String,
    pub received_at: UnixMs,
    pub posted_at: Option<UnixMs>,
    pub dispute: Option<DisputeState>,
    pub version: i64,
    /// The visits the payer ticked.
    pub chosen_claims: Vec<ClaimId>,
    /// The bill of the message whose link was used.
    pub named_claim: Option<ClaimId>,
}

#[derive(sqlx::FromRow)]
struct FoundRow {
    id: String,
    guarantor_id: String,
    guarantor_name: String,
    external_id: String,
    captured_cents: i64,
    unapplied_cents: i64,
    applied_cents: i64,
    kept_cents: i64,
    reserved_cents: i64,
    source: String,
    brand: Option<String>,
    last4: Option<String>,
    reference: String,
    received_at_ms: i64,
    posted_at_ms: Option<i64>,
    dispute_state: Option<String>,
    version: i64,
    chosen_claims: Option<String>,
    named_claim: Option<String>,
}

impl FoundRow {
    fn found(self) -> Result<Found> {
        let dispute = self.dispute_state.as_deref().map(str::parse).transpose();
        Ok(Found {
            id: PaymentId::trusted(self.id),
            guarantor: GuarantorId::trusted(self.guarantor_id),
            guarantor_name: self.guarantor_name,
            account: self.external_id,
            captured: Cents(self.captured_cents),
            unapplied: Cents(self.unapplied_cents - self.reserved_cents),
            applied: Cents(self.applied_cents),
            refunded: Cents(self.captured_cents - self.kept_cents + self.reserved_cents),
            source: self.source.parse().map_err(|_| StoreError::Corrupt("payment.source"))?,
            brand: self.brand,
            last4: self.last4,
            reference: self.reference,
            received_at: UnixMs(self.received_at_ms),
            posted_at: self.posted_at_ms.map(UnixMs),
            dispute: dispute.map_err(|_| StoreError::Corrupt("payment.dispute_state"))?,
            version: self.version,
            chosen_claims: claims_of(self.chosen_claims.as_deref()),
            named_claim: self.named_claim.map(ClaimId::trusted),
        })
    }
}

/// The key of the last payment of the page before.
macro_rules! of_last {
    ($column:literal) => {
        concat!(
            "(select ",
            $column,
            " from payment b
            join guarantor h on h.id = b.guarantor_id and h.practice_id = b.practice_id
            where b.practice_id = $1 and b.id = $7)"
        )
    };
}

/// One constant for each order. `$key` is compared with the same of the page's last payment, read
/// by its id, so that an address carries nothing of a payer.
macro_rules! list {
    ($open:literal, $key:literal, $last:literal, $beyond:literal, $direction:literal) => {
        concat!(
            "with seen as (
            select p.id, p.practice_id, p.guarantor_id, p.attempt_id, p.captured_cents, p.source,
                p.brand, p.last4, p.reference, p.received_at_ms, p.posted_at_ms,
                p.dispute_state, p.version, g.name as guarantor_name, g.name_key, g.external_id,
                coalesce((select cast(-sum(o.amount_cents) as bigint) from posting o
                    where o.practice_id = p.practice_id and o.payment_id = p.id
                    and o.account = 'unapplied'), 0) as unapplied_cents,
                coalesce((select cast(-sum(o.amount_cents) as bigint) from posting o
                    where o.practice_id = p.practice_id and o.payment_id = p.id
                    and o.account = 'applied'), 0) as applied_cents,
                coalesce((select cast(sum(o.amount_cents) as bigint) from posting o
                    where o.practice_id = p.practice_id and o.payment_id = p.id
                    and o.account = 'processor'), 0) as kept_cents,
                coalesce((select cast(sum(r.amount_cents) as bigint) from refund r
                    where r.practice_id = p.practice_id and r.payment_id = p.id
                    and r.state in ('pending', 'sent')), 0) as reserved_cents,
                ",
            $key,
            " as sort_key
            from payment p
            join guarantor g on g.id = p.guarantor_id and g.practice_id = p.practice_id
            where p.practice_id = $1
            and (cast($2 as bigint) is null or p.received_at_ms >= $2)
            and (cast($3 as bigint) is null or p.received_at_ms < $3)
            and (cast($4 as bigint) is null or p.captured_cents = $4)
            and (cast($5 as text) is null or p.reference = $5)
            and (cast($6 as text) is null or p.guarantor_id = $6)
            and (cast($7 as text) is null or ",
            $key,
            $beyond,
            of_last!($last),
            " or (",
            $key,
            " = ",
            of_last!($last),
            " and p.id",
            $beyond,
            "$7))
            and (cast($8 as text) is null or g.external_id = $8)",
            $open,
            "
        )
        select s.id, s.guarantor_id, s.guarantor_name, s.external_id, s.captured_cents,
            s.unapplied_cents, s.applied_cents, s.kept_cents, s.reserved_cents, s.source, s.brand,
            s.last4, s.reference, s.received_at_ms, s.posted_at_ms, s.dispute_state, s.version,
            a.chosen_claims, l.claim_id as named_claim
        from seen s
        join attempt a on a.id = s.attempt_id and a.practice_id = s.practice_id
        left join link l on l.token_hash = a.link_hash and l.practice_id = a.practice_id
        where (cast($9 as text) is null or (s.name_key >= $9 and s.name_key < $10)
            or exists (select 1 from patient t
                where t.practice_id = s.practice_id and t.guarantor_id = s.guarantor_id
                and t.name_key >= $9 and t.name_key < $10))
        and (cast($11 as text) is null
            or ($11 = 'unapplied' and s.posted_at_ms is null
                and s.unapplied_cents > s.reserved_cents)
            or ($11 = 'applied' and s.unapplied_cents = 0 and s.applied_cents > 0)
            or ($11 = 'refunded' and s.kept_cents - s.reserved_cents < s.captured_cents)
            or ($11 = 'disputed' and s.dispute_state is not null)
            or ($11 = 'posted' and s.posted_at_ms is not null)
            or ($11 = 'unposted' and s.posted_at_ms is null))
        order by s.sort_key ",
            $direction,
            ", s.id ",
            $direction,
            "
        limit $12"
        )
    };
}

/// In the order of [`Order`].
macro_rules! orders {
    ($open:literal) => {
        [
            list!($open, "p.received_at_ms", "b.received_at_ms", " < ", "desc"),
            list!($open, "p.received_at_ms", "b.received_at_ms", " > ", "asc"),
            list!($open, "p.captured_cents", "b.captured_cents", " < ", "desc"),
            list!($open, "p.captured_cents", "b.captured_cents", " > ", "asc"),
            list!($open, "g.name_key", "h.name_key", " > ", "asc"),
            list!($open, "g.name_key", "h.name_key", " < ", "desc"),
        ]
    };
}

const LISTS: [&str; 6] = orders!("");
const UNPOSTED_LISTS: [&str; 6] = orders!(" and p.posted_at_ms is null");

/// Find Payment, tab Online. The sums of a payment come from its own postings.
pub async fn list(
    db: &mut Db,
    practice: &PracticeId,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<Found>> {
    let lists = if filter.stage.is_unposted() { &UNPOSTED_LISTS } else { &LISTS };
    let name = filter.name.as_deref().map(name_key).filter(|key| !key.is_empty());
    let name_end = name.as_ref().map(|key| format!("{key}\u{10ffff}"));
    let reference = filter.reference.as_deref().map(|r| r.trim().to_ascii_uppercase());
    let rows: Vec<FoundRow> = sqlx::query_as(lists[filter.order as usize])
        .bind(practice.as_str())
        .bind(filter.from.map(|t| t.0))
        .bind(filter.until.map(|t| t.0))
        .bind(filter.amount.map(|a| a.0))
        .bind(reference)
        .bind(filter.guarantor.as_ref().map(|g| g.as_str()))
        .bind(filter.after.as_ref().map(PaymentId::as_str))
        .bind(filter.account.as_deref().map(str::trim))
        .bind(name)
        .bind(name_end)
        .bind(filter.stage.as_str())
        .bind(limit)
        .fetch_all(db.c())
        .await?;
    rows.into_iter().map(FoundRow::found).collect()
}

/// A line of the export for the practice's system: a part of a payment and the claim it is on, or
/// none for the unapplied part.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct UnpostedLine {
    pub payment_id: String,
    pub reference: String,
    pub received_at_ms: i64,
    pub guarantor_external_id: String,
    pub guarantor_name: String,
    pub captured_cents: i64,
    pub brand: Option<String>,
    pub last4: Option<String>,
    pub claim_external_id: Option<String>,
    pub patient_external_id: Option<String>,
    pub amount_cents: i64,
}

/// Payments the practice's system does not show yet, oldest first, in lines; `limit` counts
/// payments. The lines of a payment sum to what was captured less what went back.
pub async fn list_unposted(
    db: &mut Db,
    practice: &PracticeId,
    after: Option<(UnixMs, &PaymentId)>,
    limit: i64,
) -> Result<Vec<UnpostedLine>> {
    const LIST: &str = "with page as (
            select id, practice_id, guarantor_id, reference, received_at_ms, captured_cents,
                brand, last4
            from payment
            where practice_id = $1 and posted_at_ms is null
            and (received_at_ms > $2 or (received_at_ms = $2 and id > $3))
            order by received_at_ms, id
            limit $4
        ),
        part as (
            select o.payment_id, o.claim_id, cast(-sum(o.amount_cents) as bigint) as amount_cents
            from page p
            join posting o on o.practice_id = p.practice_id and o.payment_id = p.id
            where o.account in ('unapplied', 'applied')
            group by o.payment_id, o.claim_id
            having sum(o.amount_cents) <> 0
        )
        select p.id as payment_id, p.reference, p.received_at_ms,
            g.external_id as guarantor_external_id, g.name as guarantor_name, p.captured_cents,
            p.brand, p.last4, c.external_id as claim_external_id,
            t.external_id as patient_external_id, x.amount_cents
        from page p
        join part x on x.payment_id = p.id
        join guarantor g on g.id = p.guarantor_id and g.practice_id = p.practice_id
        left join claim c on c.id = x.claim_id and c.practice_id = p.practice_id
        left join patient t on t.id = c.patient_id and t.practice_id = p.practice_id
        order by p.received_at_ms, p.id, c.service_on, c.id";
    Ok(sqlx::query_as(LIST)
        .bind(practice.as_str())
        .bind(after.map_or(i64::MIN, |(at, _)| at.0))
        .bind(after.map_or("", |(_, id)| id.as_str()))
        .bind(limit)
        .fetch_all(db.c())
        .await?)
}

/// The first payment anybody made online.
pub async fn find_first(db: &mut Db, practice: &PracticeId) -> Result<Option<PaymentId>> {
    const FIND: &str = "select id from payment
        where practice_id = $1
        order by received_at_ms, id
        limit 1";
    let row: Option<(String,)> =
        sqlx::query_as(FIND).bind(practice.as_str()).fetch_optional(db.c()).await?;
    Ok(row.map(|(id,)| PaymentId::trusted(id)))
}

/// How much waits in Find Payment: payments, and cents of them that no claim has got.
pub async fn count_unapplied(db: &mut Db, practice: &PracticeId) -> Result<(i64, Cents)> {
    const COUNT: &str = "select count(*), cast(coalesce(sum(cents), 0) as bigint)
        from (select cast(-sum(o.amount_cents) as bigint) as cents
            from payment p
            join posting o on o.practice_id = p.practice_id and o.payment_id = p.id
            where p.practice_id = $1 and p.posted_at_ms is null and o.account = 'unapplied'
            group by p.id
            having sum(o.amount_cents) < 0) open_payment";
    let (count, cents): (i64, i64) =
        sqlx::query_as(COUNT).bind(practice.as_str()).fetch_one(db.c()).await?;
    Ok((count, Cents(cents)))
}
