//! A practice at a glance: counts and sums for the workspace's first page and for Health. Figures
//! only, nobody's name.

use domain::{
    clock::UnixMs,
    id::{ImportId, PracticeId},
    money::Cents,
};
use jiff::civil::Date;

use crate::{Db, Result};

/// Accounts and cents that share something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heap {
    pub accounts: i64,
    pub cents: Cents,
}

/// What the practice's system says patients owe, by age, and what has come in since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Book {
    /// Everything that is with the patient.
    pub owed: Heap,
    /// S-SG2: up to 30 days, 31 to 60, older.
    pub recent: Heap,
    pub middle: Heap,
    pub old: Heap,
    /// Received online and not yet posted: it comes off what is owed.
    pub unposted_cents: Cents,
}

/// `middle_from` and `old_from` are the last days that count as 31 and as 61 days old.
pub async fn load_book(
    db: &mut Db,
    practice: &PracticeId,
    middle_from: Date,
    old_from: Date,
) -> Result<Book> {
    const ALL: &str = "select count(distinct guarantor_id),
        cast(coalesce(sum(patient_due_cents), 0) as bigint)
        from claim
        where practice_id = $1 and status in ('ready', 'pending_patient')
        and settled_at_ms is null and patient_due_cents > 0";
    const AGED: &str = "select count(distinct guarantor_id),
        cast(coalesce(sum(patient_due_cents), 0) as bigint)
        from claim
        where practice_id = $1 and status in ('ready', 'pending_patient')
        and settled_at_ms is null and patient_due_cents > 0
        and coalesce(due_since_on, service_on) > $2
        and coalesce(due_since_on, service_on) <= $3";
    const UNPOSTED: &str = "select cast(coalesce(sum(posting.amount_cents), 0) as bigint)
        from payment
        join posting on posting.practice_id = payment.practice_id
            and posting.payment_id = payment.id
        where payment.practice_id = $1 and payment.posted_at_ms is null
        and posting.account = 'processor'";
    let (accounts, cents): (i64, i64) =
        sqlx::query_as(ALL).bind(practice.as_str()).fetch_one(db.c()).await?;
    let (first, last) = ("0000-01-01".to_owned(), "9999-12-31".to_owned());
    let (middle_from, old_from) = (middle_from.to_string(), old_from.to_string());
    let mut heaps = [Heap::default(); 3];
    let ranges = [(&middle_from, &last), (&old_from, &middle_from), (&first, &old_from)];
    for (heap, (after, until)) in heaps.iter_mut().zip(ranges) {
        let (accounts, cents): (i64, i64) = sqlx::query_as(AGED)
            .bind(practice.as_str())
            .bind(after)
            .bind(until)
            .fetch_one(db.c())
            .await?;
        *heap = Heap { accounts, cents: Cents(cents) };
    }
    let (unposted,): (i64,) =
        sqlx::query_as(UNPOSTED).bind(practice.as_str()).fetch_one(db.c()).await?;
    let [recent, middle, old] = heaps;
    Ok(Book {
        owed: Heap { accounts, cents: Cents(cents) },
        recent,
        middle,
        old,
        unposted_cents: Cents(unposted),
    })
}

/// Messages of a stretch of time by what became of them, and what still waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Messages {
    pub went: i64,
    pub delivered: i64,
    pub failed: i64,
    pub withheld: i64,
    /// Created earlier or now, not yet gone: waiting for their window or turn.
    pub waiting: i64,
    pub pending_approval: i64,
}

pub async fn count_messages(db: &mut Db, practice: &PracticeId, since: UnixMs) -> Result<Messages> {
    const ENDED: &str = "select state, count(*) from message
        where practice_id = $1 and created_at_ms >= $2
        and state in ('accepted', 'delivered', 'failed', 'withheld')
        group by state";
    const OPEN: &str = "select state, count(*) from message
        where practice_id = $1 and state in ('pending_approval', 'queued', 'sending', 'unknown')
        group by state";
    let mut found = Messages::default();
    let ended: Vec<(String, i64)> =
        sqlx::query_as(ENDED).bind(practice.as_str()).bind(since.0).fetch_all(db.c()).await?;
    let open: Vec<(String, i64)> =
        sqlx::query_as(OPEN).bind(practice.as_str()).fetch_all(db.c()).await?;
    for (state, count) in ended.into_iter().chain(open) {
        match state.as_str() {
            "accepted" => found.went += count,
            "delivered" => {
                found.went += count;
                found.delivered += count;
            }
            "failed" => found.failed += count,
            "withheld" => found.withheld += count,
            "pending_approval" => found.pending_approval += count,
            _ => found.waiting += count,
        }
    }
    Ok(found)
}

/// Jobs whose list waits for somebody's yes.
pub async fn count_pending_jobs(db: &mut Db, practice: &PracticeId) -> Result<i64> {
    const COUNT: &str = "select count(*) from job
        where practice_id = $1 and state = 'pending_approval'";
    let (count,): (i64,) = sqlx::query_as(COUNT).bind(practice.as_str()).fetch_one(db.c()).await?;
    Ok(count)
}

/// Imports that wait for a manager, oldest first.
pub async fn list_held_imports(
    db: &mut Db,
    practice: &PracticeId,
) -> Result<Vec<(ImportId, UnixMs)>> {
    const LIST: &str = "select id, started_at_ms from import
        where practice_id = $1 and state = 'held'
        order by started_at_ms, id";
    let rows: Vec<(String, i64)> =
        sqlx::query_as(LIST).bind(practice.as_str()).fetch_all(db.c()).await?;
    Ok(rows.into_iter().map(|(id, at)| (ImportId::trusted(id), UnixMs(at))).collect())
}

/// When the newest import was applied.
pub async fn find_last_import(db: &mut Db, practice: &PracticeId) -> Result<Option<UnixMs>> {
    const FIND: &str = "select max(finished_at_ms) from import
        where practice_id = $1 and failure is null";
    let (at,): (Option<i64>,) =
        sqlx::query_as(FIND).bind(practice.as_str()).fetch_one(db.c()).await?;
    Ok(at.map(UnixMs))
}

/// When a vendor last told this practice anything.
pub async fn find_last_webhook(
    db: &mut Db,
    practice: &PracticeId,
    vendor: &str,
) -> Result<Option<UnixMs>> {
    const FIND: &str = "select max(received_at_ms) from webhook_event
        where practice_id = $1 and vendor = $2";
    let (at,): (Option<i64>,) =
        sqlx::query_as(FIND).bind(practice.as_str()).bind(vendor).fetch_one(db.c()).await?;
    Ok(at.map(UnixMs))
}

/// Since when an audit row waits for the notary.
pub async fn find_oldest_unchained(db: &mut Db, practice: &PracticeId) -> Result<Option<UnixMs>> {
    const FIND: &str = "select min(at_ms) from audit where practice_id = $1 and chain_no is null";
    let (at,): (Option<i64>,) =
        sqlx::query_as(FIND).bind(practice.as_str()).fetch_one(db.c()).await?;
    Ok(at.map(UnixMs))
}

/// Texts of patients since then: for the inbound test of the first start, and the inbox.
pub async fn count_replies(db: &mut Db, practice: &PracticeId, since: UnixMs) -> Result<i64> {
    const COUNT: &str = "select count(*) from reply where practice_id = $1 and at_ms >= $2";
    let (count,): (i64,) =
        sqlx::query_as(COUNT).bind(practice.as_str()).bind(since.0).fetch_one(db.c()).await?;
    Ok(count)
}

/// When each vendor connection was last stored. Its contents stay sealed.
pub async fn list_connections(db: &mut Db, practice: &PracticeId) -> Result<Vec<(String, UnixMs)>> {
    const LIST: &str = "select kind, updated_at_ms from connection
        where practice_id = $1
        order by kind";
    let rows: Vec<(String, i64)> =
        sqlx::query_as(LIST).bind(practice.as_str()).fetch_all(db.c()).await?;
    Ok(rows.into_iter().map(|(kind, at)| (kind, UnixMs(at))).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::{
        clock::{Chance, Clock, World},
        id::PatientId,
    };
    use jiff::civil::date;

    use super::*;
    use crate::scratch::{self, ScratchClaim};

    struct Noon;
    impl Clock for Noon {
        fn now(&self) -> UnixMs {
            UnixMs(1_772_640_000_000)
        }
    }
    struct Counter(std::sync::atomic::AtomicU64);
    impl Chance for Counter {
        fn fill(&self, bytes: &mut [u8]) {
            let next = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_le_bytes();
            bytes.iter_mut().zip(next.iter().cycle()).for_each(|(b, n)| *b = *n);
        }
    }

    #[tokio::test]
    async fn the_book_is_split_by_age_and_nothing_is_counted_twice() {
        let dir = tempfile::tempdir().unwrap();
        for store in scratch::both(dir.path()).await.unwrap() {
            let chance = Arc::new(Counter(1.into()));
            let world = World { clock: Arc::new(Noon), chance };
            let practice = scratch::insert_practice(&store, &world, "lakeside").await.unwrap();
            let patient: PatientId = world.mint();
            let claims = [
                (82_00, date(2026, 3, 1)),
                (10_00, date(2026, 1, 20)),
                (20_00, date(2025, 11, 3)),
                (-5_00, date(2025, 11, 3)),
            ]
            .map(|(cents, day)| ScratchClaim::ready(&patient, Cents(cents), day));
            let owner = world.mint();
            scratch::insert_account(&store, &world, &practice, &owner, "Maria Lopez", &claims)
                .await
                .unwrap();
            let mut db = store.read().await.unwrap();
            let book = load_book(&mut db, &practice, date(2026, 2, 2), date(2026, 1, 3));
            let book = book.await.unwrap();
            assert_eq!(book.owed, Heap { accounts: 1, cents: Cents(112_00) });
            assert_eq!(book.recent.cents, Cents(82_00));
            assert_eq!(book.middle.cents, Cents(10_00));
            assert_eq!(book.old.cents, Cents(20_00));
            let since = UnixMs(0);
            let messages = count_messages(&mut db, &practice, since).await.unwrap();
            assert_eq!(messages, Messages::default());
            assert!(list_held_imports(&mut db, &practice).await.unwrap().is_empty());
            assert!(list_connections(&mut db, &practice).await.unwrap().is_empty());
            assert_eq!(count_pending_jobs(&mut db, &practice).await.unwrap(), 0);
            assert_eq!(find_last_import(&mut db, &practice).await.unwrap(), None);
            assert_eq!(find_last_webhook(&mut db, &practice, "stripe").await.unwrap(), None);
            assert_eq!(count_replies(&mut db, &practice, since).await.unwrap(), 0);
        }
    }
}
