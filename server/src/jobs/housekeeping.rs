//! What nobody can use any more goes away: counted tries, one-time codes, links of mails, codes of
//! the front desk, sessions, and the bodies of webhooks worked long ago; and pay links that have expired
//! end for good. Once an hour, by one server of several, in steps that each hold the writer for
//! milliseconds. Evidence (consent, opt-outs, decisions, the audit, the ledger) is none of its business.

use std::time::Duration;

use domain::clock::{HOUR_MS, UnixMs};
use futures_util::future::BoxFuture;
use store::{Db, keys::new_token};
use tracing::info;

use crate::{clock::real_now, failure::Failure, house::House};

/// How often a server looks whether the hour is over.
pub const EVERY: Duration = Duration::from_secs(10 * 60);
const LEASE: &str = "housekeeping";
const STEP_ROWS: i64 = 200;
/// Steps of one table in one run; what is left waits for the next.
const STEPS_MOST: usize = 100;

type Step = for<'d> fn(&'d mut Db, UnixMs, i64) -> BoxFuture<'d, store::Result<u64>>;

/// Rows deleted or ended, when it was this server's turn.
pub async fn step(house: &House) -> Result<Option<u64>, Failure> {
    // A holder of its own for each run: the lease then lasts its hour even against ourselves.
    let holder = new_token(9);
    let is_mine = house.store.write(move |db| {
        let holder = holder.clone();
        Box::pin(async move { store::lease::claim(db, LEASE, &holder, real_now(), HOUR_MS).await })
    });
    if !is_mine.await? {
        return Ok(None);
    }
    // Protocol time but for webhooks and pay links, whose rows carry business time.
    let (real, business) = (real_now(), house.world.now());
    let tables: [(&str, UnixMs, Step); 7] = [
        ("try_count", real, |db, now, most| Box::pin(store::tries::delete_old(db, now, most))),
        ("one_time_code", real, |db, now, most| Box::pin(store::code::delete_old(db, now, most))),
        ("mail_token", real, |db, now, most| {
            Box::pin(store::mail_token::delete_old(db, now, most))
        }),
        ("access_code", real, |db, now, most| {
            Box::pin(store::access_code::delete_old(db, now, most))
        }),
        ("session", real, |db, now, most| Box::pin(store::session::delete_old(db, now, most))),
        ("webhook_event", business, |db, now, most| {
            Box::pin(store::webhook::delete_old(db, now, most))
        }),
        ("link", business, |db, now, most| Box::pin(store::link::mark_expired(db, now, most))),
    ];
    let mut all = 0;
    for (table, now, step) in tables {
        let rows = run(house, now, step).await?;
        if rows > 0 {
            info!(table, rows, "housekeeping");
        }
        all += rows;
    }
    Ok(Some(all))
}

async fn run(house: &House, now: UnixMs, step: Step) -> Result<u64, Failure> {
    let mut rows = 0;
    for _ in 0..STEPS_MOST {
        let done = house.store.write(move |db| step(db, now, STEP_ROWS)).await?;
        rows += done;
        if done == 0 {
            break;
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::{clock::World, id::PracticeId};
    use store::{
        keys::OsChance,
        scratch,
        session::{self, Kind},
        tries::{self, Limit},
    };

    use super::*;
    use crate::{building, clock::SystemClock, config::Config};

    const DAY_MS: i64 = 24 * HOUR_MS;
    const HOURLY: Limit = Limit { scope: "test", most: 9, per_ms: HOUR_MS };

    async fn session_of(house: &House, token: &'static str, begun: UnixMs) {
        let written = house.store.write(move |db| {
            Box::pin(async move {
                let practice = PracticeId::trusted("prc_1");
                let (kind, lasts) = (Kind::Patient, 12 * HOUR_MS);
                session::insert(db, kind, token, "lgn_1", &practice, None, begun, lasts).await
            })
        });
        written.await.unwrap();
    }

    async fn tries_of(house: &House, subject: &'static str, at: UnixMs) {
        let counted = house
            .store
            .write(move |db| Box::pin(async move { tries::claim(db, &HOURLY, subject, at).await }));
        assert!(counted.await.unwrap());
    }

    #[tokio::test]
    async fn what_is_long_over_goes_away_once_an_hour_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        for store in scratch::both(dir.path()).await.unwrap() {
            let world = World { clock: Arc::new(SystemClock), chance: Arc::new(OsChance) };
            let config = Config { data_dir: dir.path().to_owned(), ..Config::default() };
            let house = building::house(config, store, world);
            let now = real_now();
            session_of(&house, "yesterday", now.minus_ms(DAY_MS)).await;
            tries_of(&house, "today", now).await;
            let count = async |table| scratch::count(&house.store, table).await.unwrap();
            let (kept_sessions, kept_tries) = (count("session").await, count("try_count").await);
            // More than one step's worth of one of them.
            let many = usize::try_from(STEP_ROWS).unwrap() + 1;
            for number in 0..many {
                let token: &'static str = Box::leak(format!("old {number}").into_boxed_str());
                session_of(&house, token, now.minus_ms(3 * DAY_MS)).await;
            }
            tries_of(&house, "long ago", now.minus_ms(4 * DAY_MS)).await;
            // A count, and the row of its subject.
            let gone = u64::try_from(many).unwrap() + 2;
            assert_eq!(step(&house).await.unwrap(), Some(gone));
            assert_eq!(count("session").await, kept_sessions);
            assert_eq!(count("try_count").await, kept_tries);
            session_of(&house, "another", now.minus_ms(3 * DAY_MS)).await;
            assert_eq!(step(&house).await.unwrap(), None, "the hour is not over");
        }
    }
}
