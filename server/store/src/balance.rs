//! What is due, read from the book and the ledger.
//!
//! [`load`] brings the facts for `domain::balance::due`. [`due_of_many`] and [`list_due`] compute
//! the same sums in SQL, for lists of thousands; a property test holds both to one result.

use std::collections::BTreeMap;

use domain::{
    balance::{AccountFacts, ClaimFacts, UnpostedPayment},
    clock::UnixMs,
    id::{ClaimId, GuarantorId, PatientId, PaymentId, PracticeId},
    money::Cents,
};
use jiff::civil::Date;

use crate::{
    Db, Result, StoreError,
    backend::{LIST_LONGEST, padded, with_list},
};

/// Takes the guarantor's row for this transaction, so that an amount cannot be checked by one and
/// changed by another (D-22). With `wake_at` the engine looks at the account again then, because
/// money moved. False when there is no such guarantor.
pub async fn lock(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    wake_at: Option<UnixMs>,
) -> Result<bool> {
    const LOCK: &str = "update guarantor set next_check_at_ms = coalesce($3, next_check_at_ms)
        where practice_id = $1 and id = $2";
    let done = sqlx::query(LOCK)
        .bind(practice.as_str())
        .bind(guarantor.as_str())
        .bind(wake_at.map(|t| t.0))
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// The facts of one account.
pub async fn load(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
) -> Result<AccountFacts> {
    let mut found = load_many(db, practice, std::slice::from_ref(guarantor)).await?;
    Ok(found.remove(guarantor).unwrap_or_default())
}

/// The facts of an account of which nothing was ever paid with us, in one query.
pub async fn load_unpaid(
    db: &mut Db,
    practice: &PracticeId,
    guarantor: &GuarantorId,
) -> Result<AccountFacts> {
    let mut facts = AccountFacts::default();
    for row in load_claims(db, practice, std::slice::from_ref(guarantor)).await? {
        facts.claims.push(row.claim()?.1);
    }
    Ok(facts)
}

/// The facts of several accounts, in two queries for every few hundred.
pub async fn load_many(
    db: &mut Db,
    practice: &PracticeId,
    guarantors: &[GuarantorId],
) -> Result<BTreeMap<GuarantorId, AccountFacts>> {
    let mut found = BTreeMap::new();
    for chunk in guarantors.chunks(LIST_LONGEST) {
        let chunk = &padded(chunk);
        for row in load_claims(db, practice, chunk).await? {
            let (guarantor, claim) = row.claim()?;
            found.entry(guarantor).or_insert_with(AccountFacts::default).claims.push(claim);
        }
        for (guarantor, payment) in load_payments(db, practice, chunk).await? {
            found.entry(guarantor).or_insert_with(AccountFacts::default).payments.push(payment);
        }
    }
    Ok(found)
}

/// What was applied to claim `c` from payments that the practice's system does not show yet.
macro_rules! applied_unposted {
    () => {
        "coalesce((select cast(-sum(o.amount_cents) as bigint)
            from posting o
            join payment p on p.id = o.payment_id and p.practice_id = o.practice_id
            where o.practice_id = c.practice_id and o.claim_id = c.id
            and o.account = 'applied' and p.posted_at_ms is null), 0)"
    };
}

/// Unapplied money of payment `p`, refunds under way taken off.
macro_rules! free_of_payment {
    () => {
        "coalesce((select cast(-sum(o.amount_cents) as bigint)
            from posting o
            where o.practice_id = p.practice_id and o.payment_id = p.id
            and o.account = 'unapplied'), 0)
        - coalesce((select cast(sum(r.amount_cents) as bigint)
            from refund r
            where r.practice_id = p.practice_id and r.payment_id = p.id
            and r.state in ('pending', 'sent')), 0)"
    };
}

#[derive(sqlx::FromRow)]
struct ClaimRow {
    guarantor_id: String,
    id: String,
    patient_id: String,
    service_on: String,
    status: String,
    insurance_state: String,
    outstanding_cents: i64,
    patient_due_cents: i64,
    applied_cents: i64,
    due_since_on: Option<String>,
    version: i64,
}

impl ClaimRow {
    fn claim(self) -> Result<(GuarantorId, ClaimFacts)> {
        let day =
            |text: &str| text.parse::<Date>().map_err(|_| StoreError::Corrupt("claim: a day"));
        let claim = ClaimFacts {
            id: ClaimId::trusted(self.id),
            patient: PatientId::trusted(self.patient_id),
            service_on: day(&self.service_on)?,
            status: self.status.parse().map_err(|_| StoreError::Corrupt("claim.status"))?,
            insurance: self
                .insurance_state
                .parse()
                .map_err(|_| StoreError::Corrupt("claim.insurance_state"))?,
            outstanding: Cents(self.outstanding_cents),
            patient_due: Cents(self.patient_due_cents),
            applied_unposted: Cents(self.applied_cents),
            due_since: self.due_since_on.as_deref().map(day).transpose()?,
            version: self.version,
        };
        Ok((GuarantorId::trusted(self.guarantor_id), claim))
    }
}

async fn load_claims(
    db: &mut Db,
    practice: &PracticeId,
    guarantors: &[GuarantorId],
) -> Result<Vec<ClaimRow>> {
    const LOAD: &str = concat!(
        "select c.guarantor_id, c.id, c.patient_id, c.service_on, c.status, c.insurance_state,
        c.charged_cents - c.insurance_paid_cents - c.adjusted_cents - c.patient_paid_cents
            as outstanding_cents,
        c.patient_due_cents, ",
        applied_unposted!(),
        " as applied_cents, c.due_since_on, c.version
        from claim c
        where c.practice_id = $1 and c.guarantor_id in ($list)
        order by c.guarantor_id, c.id"
    );
    let mut query = sqlx::query_as(with_list(LOAD, 2, guarantors.len())).bind(practice.as_str());
    for guarantor in guarantors {
        query = query.bind(guarantor.as_str());
    }
    Ok(query.fetch_all(db.c()).await?)
}

async fn load_payments(
    db: &mut Db,
    practice: &PracticeId,
    guarantors: &[GuarantorId],
) -> Result<Vec<(GuarantorId, UnpostedPayment)>> {
    const LOAD: &str = concat!(
        "select p.guarantor_id, p.id, p.received_at_ms,
        coalesce((select cast(sum(o.amount_cents) as bigint)
            from posting o
            where o.practice_id = p.practice_id and o.payment_id = p.id
            and o.account = 'processor'), 0)
        - coalesce((select cast(sum(r.amount_cents) as bigint)
            from refund r
            where r.practice_id = p.practice_id and r.payment_id = p.id
            and r.state in ('pending', 'sent')), 0), ",
        free_of_payment!(),
        "
        from payment p
        where p.practice_id = $1 and p.posted_at_ms is null and p.guarantor_id in ($list)
        order by p.guarantor_id, p.id"
    );
    let sql = with_list(LOAD, 2, guarantors.len());
    let mut query =
        sqlx::query_as::<_, (String, String, i64, i64, i64)>(sql).bind(practice.as_str());
    for guarantor in guarantors {
        query = query.bind(guarantor.as_str());
    }
    let rows = query.fetch_all(db.c()).await?;
    Ok(rows
        .into_iter()
        .map(|(guarantor, id, received_at, kept, unapplied)| {
            let payment = UnpostedPayment {
                id: PaymentId::trusted(id),
                received_at: UnixMs(received_at),
                kept: Cents(kept),
                unapplied: Cents(unapplied),
            };
            (GuarantorId::trusted(guarantor), payment)
        })
        .collect())
}

/// What one account of a list owes; equal to `domain::balance::due` of its facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueRow {
    pub guarantor: GuarantorId,
    pub due: Cents,
    pub oldest_due_since: Option<Date>,
    /// Claims that are still to be paid, wholly or in part.
    pub claims_due: i64,
    /// Unapplied money not yet posted: already taken off `due`.
    pub unposted: Cents,
}

/// For each of these accounts what it owes; one that owes nothing is there with zero.
pub async fn due_of_many(
    db: &mut Db,
    practice: &PracticeId,
    guarantors: &[GuarantorId],
) -> Result<BTreeMap<GuarantorId, DueRow>> {
    let mut found = BTreeMap::new();
    for chunk in guarantors.chunks(LIST_LONGEST) {
        for guarantor in chunk {
            let nothing = DueRow {
                guarantor: guarantor.clone(),
                due: Cents::ZERO,
                oldest_due_since: None,
                claims_due: 0,
                unposted: Cents::ZERO,
            };
            found.insert(guarantor.clone(), nothing);
        }
        for row in due_of_chunk(db, practice, &padded(chunk)).await? {
            found.insert(row.guarantor.clone(), row);
        }
    }
    Ok(found)
}

/// The rule of `domain::balance` in SQL. Windows run over the claims oldest first: a patient's
/// credit covers that patient's claims, then unapplied payments cover the guarantor's.
async fn due_of_chunk(
    db: &mut Db,
    practice: &PracticeId,
    guarantors: &[GuarantorId],
) -> Result<Vec<DueRow>> {
    const DUE: &str = concat!(
        "with claim_now as (
            select c.guarantor_id, c.patient_id, c.id,
                coalesce(c.due_since_on, c.service_on) as since_on,
                c.patient_due_cents as due_cents,
                case when c.status in ('ready', 'pending_patient') then 1 else 0 end as is_asked, ",
        applied_unposted!(),
        " as applied_cents
            from claim c
            where c.practice_id = $1
            and c.status in ('ready', 'pending_patient', 'settled')
            and c.insurance_state <> 'pending'
            and c.guarantor_id in ($list)
        ),
        payment_now as (
            select p.guarantor_id, ",
        free_of_payment!(),
        " as free_cents
            from payment p
            where p.practice_id = $1 and p.posted_at_ms is null and p.guarantor_id in ($list)
        ),
        unposted as (
            select guarantor_id,
                cast(sum(case when free_cents > 0 then free_cents else 0 end) as bigint) as cents
            from payment_now
            group by guarantor_id
        ),
        remaining as (
            select guarantor_id, patient_id, id, since_on,
                case when is_asked = 1 and due_cents > 0 and due_cents > applied_cents
                    then due_cents - applied_cents else 0 end as cents,
                case when due_cents < 0 then -due_cents else 0 end as credit_cents
            from claim_now
        ),
        by_patient as (
            select guarantor_id, id, since_on, cents,
                cast(sum(cents) over (partition by guarantor_id, patient_id
                    order by since_on, id rows unbounded preceding) as bigint)
                - cast(sum(credit_cents) over (partition by guarantor_id, patient_id) as bigint)
                    as over_credit
            from remaining
        ),
        after_credit as (
            select guarantor_id, id, since_on,
                case when over_credit <= 0 then 0
                    when over_credit < cents then over_credit
                    else cents end as cents
            from by_patient
        ),
        by_guarantor as (
            select a.guarantor_id, a.since_on, a.cents, coalesce(u.cents, 0) as unposted_cents,
                cast(sum(a.cents) over (partition by a.guarantor_id
                    order by a.since_on, a.id rows unbounded preceding) as bigint)
                - coalesce(u.cents, 0) as over_unposted
            from after_credit a
            left join unposted u on u.guarantor_id = a.guarantor_id
        ),
        still as (
            select guarantor_id, since_on, unposted_cents,
                case when over_unposted <= 0 then 0
                    when over_unposted < cents then over_unposted
                    else cents end as cents
            from by_guarantor
        )
        select guarantor_id, cast(sum(cents) as bigint),
            min(case when cents > 0 then since_on end),
            sum(case when cents > 0 then 1 else 0 end),
            max(unposted_cents)
        from still
        group by guarantor_id"
    );
    let sql = with_list(DUE, 2, guarantors.len());
    let mut query =
        sqlx::query_as::<_, (String, i64, Option<String>, i64, i64)>(sql).bind(practice.as_str());
    for guarantor in guarantors {
        query = query.bind(guarantor.as_str());
    }
    let rows = query.fetch_all(db.c()).await?;
    rows.into_iter()
        .map(|(guarantor, due, oldest, claims_due, unposted)| {
            let oldest = oldest.map(|text| text.parse::<Date>());
            Ok(DueRow {
                guarantor: GuarantorId::trusted(guarantor),
                due: Cents(due),
                oldest_due_since: oldest
                    .transpose()
                    .map_err(|_| StoreError::Corrupt("claim: a day"))?,
                claims_due,
                unposted: Cents(unposted),
            })
        })
        .collect()
}

/// A page of the accounts that have something with the patient, in the order of their ids, with
/// what they owe. Those whose payments cover everything are there with zero.
pub async fn list_due(
    db: &mut Db,
    practice: &PracticeId,
    after: Option<&GuarantorId>,
    limit: i64,
) -> Result<Vec<DueRow>> {
    const PAGE: &str = "select distinct guarantor_id from claim
        where practice_id = $1 and guarantor_id > $2
        and status in ('ready', 'pending_patient')
        order by guarantor_id
        limit $3";
    let rows: Vec<(String,)> = sqlx::query_as(PAGE)
        .bind(practice.as_str())
        .bind(after.map_or("", GuarantorId::as_str))
        .bind(limit)
        .fetch_all(db.c())
        .await?;
    let page: Vec<GuarantorId> = rows.into_iter().map(|(id,)| GuarantorId::trusted(id)).collect();
    Ok(due_of_many(db, practice, &page).await?.into_values().collect())
}

/// Nothing is left on the claim: it is settled (D-9). False when it was not with the patient.
pub async fn mark_settled(
    db: &mut Db,
    practice: &PracticeId,
    claim: &ClaimId,
    now: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update claim set status = 'settled', settled_at_ms = $3,
        version = version + 1, updated_at_ms = $3
        where practice_id = $1 and id = $2 and status in ('ready', 'pending_patient')";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(claim.as_str())
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Something is left again: back to where it was, which its statements tell.
pub async fn mark_reopened(
    db: &mut Db,
    practice: &PracticeId,
    claim: &ClaimId,
    now: UnixMs,
) -> Result<bool> {
    const MARK: &str = "update claim set status = case
            when first_statement_on is not null or last_sent_at_ms is not null
            then 'pending_patient' else 'ready' end,
        settled_at_ms = null, version = version + 1, updated_at_ms = $3
        where practice_id = $1 and id = $2 and status = 'settled'";
    let done = sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(claim.as_str())
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Staff posted an applied part in the practice's system before its next import says so: the book
/// shows it at once (D-11). The import's own row is unchanged until then, so it does not undo this;
/// once it changes, it is right. A negative part takes the posting back.
pub async fn mark_taken_off(
    db: &mut Db,
    practice: &PracticeId,
    claim: &ClaimId,
    part: Cents,
    now: UnixMs,
) -> Result<()> {
    const MARK: &str = "update claim set patient_due_cents = patient_due_cents - $3,
        patient_paid_cents = patient_paid_cents + $3, version = version + 1, updated_at_ms = $4
        where practice_id = $1 and id = $2";
    sqlx::query(MARK)
        .bind(practice.as_str())
        .bind(claim.as_str())
        .bind(part.0)
        .bind(now.0)
        .execute(db.c())
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests;
