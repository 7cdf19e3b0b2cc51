//! A practice's book in five numbers, as an import ends with them.

use std::collections::BTreeSet;

use domain::{
    balance::AccountFacts,
    id::{GuarantorId, PracticeId},
    money::Cents,
};

use crate::{Db, Result, backend::LIST_LONGEST, balance};

/// What patients owe by the practice's own figures, net of what was paid online and is not posted
/// yet (D-11): applied money comes off its claim, the rest off the account's oldest claims.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BookCounts {
    pub accounts: i64,
    pub patients: i64,
    pub open_claims: i64,
    pub patients_owing: i64,
    pub open_cents: i64,
}

pub async fn count_book(db: &mut Db, practice: &PracticeId) -> Result<BookCounts> {
    const PEOPLE: &str = "select
        (select count(*) from guarantor where practice_id = $1),
        (select count(*) from patient where practice_id = $1)";
    const OPEN: &str = "select count(*), count(distinct patient_id),
        cast(coalesce(sum(patient_due_cents), 0) as bigint)
        from claim
        where practice_id = $1 and patient_due_cents > 0
        and status in ('ready', 'pending_patient')";
    let (accounts, patients): (i64, i64) =
        sqlx::query_as(PEOPLE).bind(practice.as_str()).fetch_one(db.c()).await?;
    let (open_claims, patients_owing, open_cents): (i64, i64, i64) =
        sqlx::query_as(OPEN).bind(practice.as_str()).fetch_one(db.c()).await?;
    let mut counts = BookCounts { accounts, patients, open_claims, patients_owing, open_cents };
    for chunk in list_paying(db, practice).await?.chunks(LIST_LONGEST) {
        for facts in balance::load_many(db, practice, chunk).await?.values() {
            net(&mut counts, facts);
        }
    }
    Ok(counts)
}

/// Accounts with money that the practice's system does not show yet.
async fn list_paying(db: &mut Db, practice: &PracticeId) -> Result<Vec<GuarantorId>> {
    const LIST: &str = "select distinct guarantor_id from payment
        where practice_id = $1 and posted_at_ms is null
        order by guarantor_id";
    let rows: Vec<(String,)> =
        sqlx::query_as(LIST).bind(practice.as_str()).fetch_all(db.c()).await?;
    Ok(rows.into_iter().map(|(id,)| GuarantorId::trusted(id)).collect())
}

/// Takes an account's unposted payments off the counts.
fn net(counts: &mut BookCounts, facts: &AccountFacts) {
    let mut open: Vec<_> = facts
        .claims
        .iter()
        .filter(|claim| claim.patient_due.is_positive())
        .filter(|claim| domain::balance::is_with_patient(claim.status))
        .collect();
    open.sort_by(|a, b| (a.since(), &a.id).cmp(&(b.since(), &b.id)));
    let free = facts.payments.iter().map(|payment| payment.unapplied.at_least_zero());
    let mut free: Cents = free.sum();
    let (mut before, mut after) = (BTreeSet::new(), BTreeSet::new());
    for claim in open {
        before.insert(&claim.patient);
        let covered = free.min(claim.remaining());
        let left = claim.remaining() - covered;
        free -= covered;
        counts.open_cents -= (claim.patient_due - left).0;
        if left.is_positive() {
            after.insert(&claim.patient);
        } else {
            counts.open_claims -= 1;
        }
    }
    counts.patients_owing -= (before.len() - after.len()) as i64;
}
