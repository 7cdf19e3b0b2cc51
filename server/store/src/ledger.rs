//! The books, checked: what must hold at every instant (R19). Read only; `clearbill verify` and the
//! simulation call it.

use domain::{id::PracticeId, money::Cents};

use crate::{Db, Result};

/// Something that must never be. Names what to look at, never a person or an amount.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Fault {
    pub practice_id: String,
    pub object_id: String,
    #[sqlx(default)]
    pub rule: String,
}

/// Faults reported of each rule; a broken book has more than anybody reads.
const REPORTED: i64 = 100;

const RULES: [(&str, &str); 12] = [
    (
        "the postings of a journal sum to zero",
        "select practice_id, journal_id as object_id from posting
        group by practice_id, journal_id
        having sum(amount_cents) <> 0
        order by practice_id, journal_id
        limit $1",
    ),
    (
        "the postings of a practice sum to zero",
        "select practice_id, practice_id as object_id from posting
        group by practice_id
        having sum(amount_cents) <> 0
        order by practice_id
        limit $1",
    ),
    (
        "no more is applied and refunded than was captured",
        "select p.practice_id, p.id as object_id from payment p
        where coalesce((select -sum(o.amount_cents) from posting o
                where o.practice_id = p.practice_id and o.payment_id = p.id
                and o.account = 'unapplied'), 0)
            < coalesce((select sum(r.amount_cents) from refund r
                where r.practice_id = p.practice_id and r.payment_id = p.id
                and r.state in ('pending', 'sent')), 0)
        order by p.practice_id, p.id
        limit $1",
    ),
    (
        "no claim has less than nothing from a payment",
        "select practice_id, claim_id as object_id from posting
        where account = 'applied'
        group by practice_id, claim_id, payment_id
        having sum(amount_cents) > 0
        order by practice_id, claim_id
        limit $1",
    ),
    (
        "every applied posting names a claim of the payment's own account",
        "select o.practice_id, o.id as object_id from posting o
        join payment p on p.id = o.payment_id
        left join claim c on c.id = o.claim_id and c.practice_id = o.practice_id
        where o.practice_id <> p.practice_id or o.guarantor_id <> p.guarantor_id
            or (o.account = 'applied' and c.id is null)
            or (o.account <> 'applied' and o.claim_id is not null)
        order by o.practice_id, o.id
        limit $1",
    ),
    (
        "every succeeded attempt has its payment",
        "select a.practice_id, a.id as object_id from attempt a
        left join payment p on p.attempt_id = a.id and p.practice_id = a.practice_id
        where a.state = 'succeeded' and p.id is null
        order by a.practice_id, a.id
        limit $1",
    ),
    (
        "every payment equals its attempt, which succeeded",
        "select p.practice_id, p.id as object_id from payment p
        left join attempt a on a.id = p.attempt_id and a.practice_id = p.practice_id
        where a.id is null or a.state <> 'succeeded' or a.guarantor_id <> p.guarantor_id
            or a.amount_cents <> p.captured_cents or a.currency <> p.currency
        order by p.practice_id, p.id
        limit $1",
    ),
    (
        "a payment is captured in the ledger once",
        "select p.practice_id, p.id as object_id from payment p
        where p.captured_cents <> coalesce((select sum(o.amount_cents) from posting o
            where o.practice_id = p.practice_id and o.payment_id = p.id
            and o.account = 'processor' and o.kind = 'capture'), 0)
        order by p.practice_id, p.id
        limit $1",
    ),
    (
        "what the ledger gave back is what was refunded",
        "select p.practice_id, p.id as object_id from payment p
        where coalesce((select sum(r.amount_cents) from refund r
                where r.practice_id = p.practice_id and r.payment_id = p.id
                and r.state = 'succeeded'), 0)
            <> coalesce((select -sum(o.amount_cents) from posting o
                where o.practice_id = p.practice_id and o.payment_id = p.id
                and o.account = 'processor' and o.kind in ('refund', 'refund_returned')), 0)
        order by p.practice_id, p.id
        limit $1",
    ),
    (
        "no more is refunded than was captured",
        "select p.practice_id, p.id as object_id from payment p
        where p.captured_cents < coalesce((select sum(r.amount_cents) from refund r
            where r.practice_id = p.practice_id and r.payment_id = p.id
            and r.state <> 'failed'), 0)
        order by p.practice_id, p.id
        limit $1",
    ),
    (
        "every payment has its receipt",
        "select p.practice_id, p.id as object_id from payment p
        left join effect e on e.practice_id = p.practice_id
            and e.effect_key = 'receipt:' || p.id
        where e.id is null
        order by p.practice_id, p.id
        limit $1",
    ),
    (
        "an attempt's rank fits its state",
        "select practice_id, id as object_id from attempt
        where (state = 'draft' and rank <> 0)
            or (state in ('open', 'processing', 'unknown') and rank <> 10)
            or (state in ('declined', 'cancelled', 'expired', 'refused') and rank <> 20)
            or (state = 'succeeded' and rank <> 30)
        order by practice_id, id
        limit $1",
    ),
];

/// An empty list is good.
pub async fn list_faults(db: &mut Db) -> Result<Vec<Fault>> {
    let mut faults = Vec::new();
    for (rule, sql) in RULES {
        let broken: Vec<Fault> = sqlx::query_as(sql).bind(REPORTED).fetch_all(db.c()).await?;
        faults.extend(broken.into_iter().map(|fault| Fault { rule: rule.to_owned(), ..fault }));
    }
    Ok(faults)
}

/// What the ledger says the processor holds for a practice: captured less refunded.
pub async fn sum_at_processor(db: &mut Db, practice: &PracticeId) -> Result<Cents> {
    const SUM: &str = "select cast(coalesce(sum(amount_cents), 0) as bigint) from posting
        where practice_id = $1 and account = 'processor'";
    let (sum,): (i64,) = sqlx::query_as(SUM).bind(practice.as_str()).fetch_one(db.c()).await?;
    Ok(Cents(sum))
}
