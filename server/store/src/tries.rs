//! Counted tries: guesses at identity, passwords and codes, over a rolling span of real time. They
//! survive a restart, because they are rows.
//!
//! A try is counted before anything is compared, and the count commits with the answer "you may
//! compare" (R36). Of a hundred requests at once exactly as many are let through as the limit has
//! left: each first takes the subject's own row, so that on PostgreSQL too they come one by one.

use domain::{
    clock::{DAY_MS, HOUR_MS, UnixMs},
    id::{GuarantorId, PracticeId},
};

use crate::{Db, Result, link};

/// At most `most` tries of one subject in any span of `per_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Keeps uses apart; part of the key.
    pub scope: &'static str,
    pub most: i64,
    pub per_ms: i64,
}

/// Answers about one guarantor, over all paths (R36).
pub const GUARANTOR_MATCHES: Limit = Limit { scope: "match", most: 10, per_ms: DAY_MS };
/// Wrong answers in one practice: a spray over many links stops here (R36).
pub const PRACTICE_MISMATCHES: Limit =
    Limit { scope: "match_practice", most: 200, per_ms: HOUR_MS };

/// The span is counted in this many parts: a try ages out at most one part too late, never early.
const PARTS: i64 = 24;

impl Limit {
    fn part_ms(&self) -> i64 {
        (self.per_ms / PARTS).max(1)
    }

    fn part_of(&self, now: UnixMs) -> i64 {
        now.0 - now.0.rem_euclid(self.part_ms())
    }

    /// Parts that began by then are past the span.
    fn past(&self, now: UnixMs) -> i64 {
        now.0 - self.per_ms - self.part_ms()
    }

    const fn shut(self) -> Self {
        Self { most: 0, ..self }
    }
}

/// Counts one try; false, and not counted, when none is left.
pub async fn claim(db: &mut Db, limit: &Limit, subject: &str, now: UnixMs) -> Result<bool> {
    const LOCK: &str = "insert into try_count (scope, subject, window_at_ms, tries)
        values ($1, $2, 0, 0)
        on conflict (scope, subject, window_at_ms) do update set tries = 0";
    const FORGET: &str = "delete from try_count
        where scope = $1 and subject = $2 and window_at_ms > 0 and window_at_ms <= $3";
    const CLAIM: &str = "insert into try_count (scope, subject, window_at_ms, tries)
        select $1, $2, $3, 1
        where (select coalesce(sum(t.tries), 0) from try_count t
            where t.scope = $1 and t.subject = $2 and t.window_at_ms > 0) < $4
        on conflict (scope, subject, window_at_ms) do update set tries = try_count.tries + 1";
    sqlx::query(LOCK).bind(limit.scope).bind(subject).execute(db.c()).await?;
    sqlx::query(FORGET)
        .bind(limit.scope)
        .bind(subject)
        .bind(limit.past(now))
        .execute(db.c())
        .await?;
    let done = sqlx::query(CLAIM)
        .bind(limit.scope)
        .bind(subject)
        .bind(limit.part_of(now))
        .bind(limit.most)
        .execute(db.c())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Counts one try against each of several limits, those with the shorter spans first: a try that one of
/// them refuses is not counted by the next, which is asked all the same, so that the time it takes tells
/// nothing.
pub async fn claim_each(db: &mut Db, limits: &[Limit], subject: &str, now: UnixMs) -> Result<bool> {
    let mut may = true;
    for limit in limits {
        let limit = if may { *limit } else { limit.shut() };
        may = claim(db, &limit, subject, now).await?;
    }
    Ok(may)
}

/// Gives back the try just counted: it was right, and only wrong ones shall count.
pub async fn release(db: &mut Db, limit: &Limit, subject: &str, now: UnixMs) -> Result<()> {
    const RELEASE: &str = "update try_count set tries = tries - 1
        where scope = $1 and subject = $2 and window_at_ms = $3 and tries > 0";
    sqlx::query(RELEASE)
        .bind(limit.scope)
        .bind(subject)
        .bind(limit.part_of(now))
        .execute(db.c())
        .await?;
    Ok(())
}

/// Forgets the tries of a subject that has proved itself.
pub async fn delete(db: &mut Db, limit: &Limit, subject: &str) -> Result<()> {
    const DELETE: &str = "delete from try_count where scope = $1 and subject = $2";
    sqlx::query(DELETE).bind(limit.scope).bind(subject).execute(db.c()).await?;
    Ok(())
}

pub async fn delete_each(db: &mut Db, limits: &[Limit], subject: &str) -> Result<()> {
    for limit in limits {
        delete(db, limit, subject).await?;
    }
    Ok(())
}

/// Counts that no limit reaches back to, and then the rows of subjects that have none left, `most`
/// at a time; for the housekeeping. A subject's row that goes while somebody counts is written anew
/// by the next count, which waits for the one before as ever.
pub async fn delete_old(db: &mut Db, now: UnixMs, most: i64) -> Result<u64> {
    const DELETE: &str = "delete from try_count where (scope, subject, window_at_ms) in (
        select t.scope, t.subject, t.window_at_ms from try_count t
        where t.window_at_ms <= $1
        and (t.window_at_ms > 0 or not exists (
            select 1 from try_count other
            where other.scope = t.scope and other.subject = t.subject and other.window_at_ms > 0))
        order by t.scope, t.subject, t.window_at_ms
        limit $2)";
    let before = now.minus_ms(2 * DAY_MS).0;
    let done = sqlx::query(DELETE).bind(before).bind(most).execute(db.c()).await?;
    Ok(done.rows_affected())
}

/// Who is asked about themselves, and by which door.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub practice: &'a PracticeId,
    pub guarantor: &'a GuarantorId,
    /// The hash of the link in hand.
    pub link: &'a str,
}

/// Counts one answer to "when were you born, and what are the last four?" against the link, the
/// guarantor and the practice; true when it may be compared. With `is_answer` false (a field was
/// left empty) nothing is counted and the answer is no; the same statements run in every case, so
/// that the time it takes tells nothing (R38).
pub async fn claim_match(
    db: &mut Db,
    asked: Asked<'_>,
    is_answer: bool,
    now: UnixMs,
) -> Result<bool> {
    let nobody = "";
    let link = if is_answer { asked.link } else { nobody };
    let by_link = link::claim_try(db, asked.practice, link).await?;
    // A link that is used up must not use up the guarantor as well: a newer one shall work.
    let next = |open: bool, limit: Limit| if open { limit } else { limit.shut() };
    let guarantor = next(by_link, GUARANTOR_MATCHES);
    let by_guarantor = claim(db, &guarantor, asked.guarantor.as_str(), now).await?;
    let practice = next(by_guarantor, PRACTICE_MISMATCHES);
    claim(db, &practice, asked.practice.as_str(), now).await
}

/// The answer was right: only wrong ones count against the practice.
pub async fn release_match(db: &mut Db, practice: &PracticeId, now: UnixMs) -> Result<()> {
    release(db, &PRACTICE_MISMATCHES, practice.as_str(), now).await
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    };

    use domain::clock::{Chance, Clock, World};

    use super::*;
    use crate::{Store, scratch};

    const NOW: UnixMs = UnixMs(1_772_000_000_000);

    struct Still;

    impl Clock for Still {
        fn now(&self) -> UnixMs {
            NOW
        }
    }

    #[derive(Default)]
    struct Counting(AtomicU64);

    impl Chance for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            let number = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            for (to, from) in bytes.iter_mut().rev().zip(number.iter().rev()) {
                *to = *from;
            }
        }
    }

    struct Cast {
        store: Store,
        practice: PracticeId,
        maria: GuarantorId,
    }

    /// Maria's account on each database, with as many links to it as asked for.
    async fn casts(dir: &std::path::Path, links: &[&str]) -> Vec<Cast> {
        let world = World { clock: Arc::new(Still), chance: Arc::new(Counting::default()) };
        let mut casts = Vec::new();
        for store in scratch::both(dir).await.unwrap() {
            let practice = scratch::insert_practice(&store, &world, "elm").await.unwrap();
            let maria: GuarantorId = world.mint();
            scratch::insert_account(&store, &world, &practice, &maria, "Maria Lopez", &[])
                .await
                .unwrap();
            let rows: Vec<link::New> = links
                .iter()
                .map(|hash| link::New {
                    token_hash: (*hash).to_owned(),
                    guarantor: maria.clone(),
                    contact: None,
                    message: None,
                    advertised: None,
                    claim: None,
                    expires_at: NOW.plus_ms(link::LASTS_MS),
                })
                .collect();
            let owner = practice.clone();
            store
                .write(move |db| {
                    let (rows, owner) = (rows.clone(), owner.clone());
                    Box::pin(async move { link::insert_many(db, &owner, &rows, NOW).await })
                })
                .await
                .unwrap();
            casts.push(Cast { store, practice, maria });
        }
        casts
    }

    impl Cast {
        async fn answers(&self, link: &str, is_answer: bool, now: UnixMs) -> bool {
            let (practice, maria, link) =
                (self.practice.clone(), self.maria.clone(), link.to_owned());
            self.store
                .write(move |db| {
                    let (practice, maria, link) = (practice.clone(), maria.clone(), link.clone());
                    Box::pin(async move {
                        let asked =
                            Asked { practice: &practice, guarantor: &maria, link: link.as_str() };
                        claim_match(db, asked, is_answer, now).await
                    })
                })
                .await
                .unwrap()
        }

        async fn tries(&self, limit: Limit, subject: &'static str, now: UnixMs) -> bool {
            self.store
                .write(move |db| Box::pin(async move { claim(db, &limit, subject, now).await }))
                .await
                .unwrap()
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn of_a_hundred_guesses_at_once_five_are_compared_and_then_none_ever() {
        let dir = tempfile::tempdir().unwrap();
        for cast in casts(dir.path(), &["one"]).await {
            let cast = Arc::new(cast);
            let guesses: Vec<_> = (0..100)
                .map(|_| {
                    let cast = cast.clone();
                    tokio::spawn(async move { cast.answers("one", true, NOW).await })
                })
                .collect();
            let mut compared = 0;
            for guess in guesses {
                compared += u32::from(guess.await.unwrap());
            }
            assert_eq!(compared, 5);
            assert!(!cast.answers("one", true, NOW.plus_ms(100 * DAY_MS)).await);
        }
    }

    #[tokio::test]
    async fn a_guarantor_is_asked_ten_times_a_day_over_all_links() {
        let dir = tempfile::tempdir().unwrap();
        for cast in casts(dir.path(), &["one", "two", "three"]).await {
            for link in ["one", "two"] {
                for _ in 0..5 {
                    assert!(cast.answers(link, true, NOW).await);
                }
            }
            assert!(!cast.answers("three", true, NOW).await);
            assert!(!cast.answers("three", true, NOW.plus_ms(DAY_MS - 1)).await);
            // Those two were burnt on the third link; tomorrow has three left there.
            let tomorrow = NOW.plus_ms(DAY_MS + 2 * HOUR_MS);
            for _ in 0..3 {
                assert!(cast.answers("three", true, tomorrow).await);
            }
            assert!(!cast.answers("three", true, tomorrow).await);
        }
    }

    #[tokio::test]
    async fn a_link_that_is_used_up_leaves_the_guarantors_other_links_alone() {
        let dir = tempfile::tempdir().unwrap();
        for cast in casts(dir.path(), &["old", "new"]).await {
            for _ in 0..5 {
                assert!(cast.answers("old", true, NOW).await);
            }
            for _ in 0..20 {
                assert!(!cast.answers("old", true, NOW).await);
            }
            assert!(cast.answers("new", true, NOW).await);
        }
    }

    #[tokio::test]
    async fn an_empty_field_is_no_and_costs_no_try() {
        let dir = tempfile::tempdir().unwrap();
        for cast in casts(dir.path(), &["one"]).await {
            for _ in 0..20 {
                assert!(!cast.answers("one", false, NOW).await);
            }
            assert!(cast.answers("one", true, NOW).await);
        }
    }

    #[tokio::test]
    async fn tries_come_back_only_when_they_are_past_the_whole_span() {
        let hourly = Limit { scope: "test", most: 3, per_ms: HOUR_MS };
        let dir = tempfile::tempdir().unwrap();
        for cast in casts(dir.path(), &[]).await {
            for minute in [0, 20, 40] {
                assert!(cast.tries(hourly, "a", NOW.plus_ms(minute * 60_000)).await);
            }
            assert!(!cast.tries(hourly, "a", NOW.plus_ms(59 * 60_000)).await);
            assert!(cast.tries(hourly, "b", NOW).await, "another subject has its own");
            assert!(cast.tries(hourly, "a", NOW.plus_ms(64 * 60_000)).await);
            assert!(!cast.tries(hourly, "a", NOW.plus_ms(65 * 60_000)).await);
        }
    }

    #[tokio::test]
    async fn a_right_answer_does_not_count_against_the_practice() {
        let dir = tempfile::tempdir().unwrap();
        for cast in casts(dir.path(), &["one"]).await {
            assert!(cast.answers("one", true, NOW).await);
            let practice = cast.practice.clone();
            let left: i64 = cast
                .store
                .write(move |db| {
                    let practice = practice.clone();
                    Box::pin(async move {
                        release_match(db, &practice, NOW).await?;
                        let mut free = 0;
                        while claim(db, &PRACTICE_MISMATCHES, practice.as_str(), NOW).await? {
                            free += 1;
                        }
                        Ok(free)
                    })
                })
                .await
                .unwrap();
            assert_eq!(left, PRACTICE_MISMATCHES.most);
        }
    }
}
