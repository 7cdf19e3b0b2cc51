use domain::{
    clock::{Chance, Clock, UnixMs, World},
    id::{GuarantorId, PatientId, PracticeId},
    money::Cents,
};
use jiff::civil::date;

use super::*;
use crate::{
    Keys,
    audit::{self, Actor, Entry},
    note,
    scratch::{self, ScratchClaim},
};

struct Still;

impl Clock for Still {
    fn now(&self) -> UnixMs {
        UnixMs(1_772_000_000_000)
    }
}

#[derive(Default)]
struct Counting(std::sync::atomic::AtomicU64);

impl Chance for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let number = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_be_bytes();
        for (to, from) in bytes.iter_mut().rev().zip(number.iter().rev()) {
            *to = *from;
        }
    }
}

fn world() -> World {
    World { clock: Arc::new(Still), chance: Arc::new(Counting::default()) }
}

/// Two practices with accounts, notes over several steps, and a chained audit.
async fn furnish(store: &Store) -> PracticeId {
    let world = world();
    let elm = scratch::insert_practice(store, &world, "elm").await.unwrap();
    let oak = scratch::insert_practice(store, &world, "oak").await.unwrap();
    for (practice, name) in [(&elm, "María Ñandú ✓"), (&oak, "O'Neil; drop table note --")] {
        let (maria, patient): (GuarantorId, PatientId) = (world.mint(), world.mint());
        let mut claims = vec![ScratchClaim::ready(&patient, Cents(82_00), date(2026, 1, 20))];
        claims.push(ScratchClaim { patient_due: Cents(-5), due_since: None, ..claims[0].clone() });
        scratch::insert_account(store, &world, practice, &maria, name, &claims).await.unwrap();
        let (owner, world) = (practice.clone(), world.clone());
        let written = store.write(move |db| {
            let (owner, maria, world) = (owner.clone(), maria.clone(), world.clone());
            Box::pin(async move {
                for number in 0..STEP * 2 + 7 {
                    let words = format!("called {number} times\nno answer");
                    note::insert(db, &world, &owner, &maria, &words, "staff:1").await?;
                }
                let actor = Actor::System("test");
                let entry = Entry::new(&owner, actor, "viewed", "guarantor", maria.as_str());
                audit::insert(db, &world, &entry).await?;
                crate::lease::claim(db, "notary", "old server", Still.now(), 60_000).await?;
                Ok(())
            })
        });
        written.await.unwrap();
    }
    store.write(|db| Box::pin(async move { audit::chain_next(db).await })).await.unwrap();
    elm
}

/// Everything that has to be the same.
async fn book(store: &Store) -> BTreeMap<String, String> {
    let mut contents = scratch::contents(store).await.unwrap();
    for own in ["lease", "meta", "_sqlx_migrations"] {
        contents.remove(own);
    }
    contents
}

async fn mark_of(store: &Store) -> Option<Mark> {
    find_mark(&mut store.read().await.unwrap()).await.unwrap()
}

/// Empty databases to copy into: a folder, and PostgreSQL where there is one.
async fn targets(dir: &std::path::Path) -> Vec<Store> {
    std::fs::create_dir_all(dir.join("target")).unwrap();
    scratch::both(&dir.join("target")).await.unwrap()
}

#[tokio::test]
async fn what_was_copied_there_and_back_is_what_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let source = scratch::sqlite(&dir.path().join("source")).await.unwrap();
    furnish(&source).await;
    let before = book(&source).await;
    for (number, target) in targets(dir.path()).await.into_iter().enumerate() {
        let there = run(&source, &target, |_, _| ()).await.unwrap();
        let lines: u64 = before.values().map(|text| text.lines().count() as u64).sum();
        assert_eq!(there.rows, lines);
        let chain = audit::verify_chain(&mut target.read().await.unwrap(), target.keys()).await;
        let chain = chain.unwrap();
        assert_eq!((chain.rows, chain.broken_at), (2, None));
        assert_eq!(scratch::count(&target, "lease").await.unwrap(), 0, "the old servers are gone");
        assert_eq!(mark_of(&target).await, Some(Mark::Unfinished));
        finish(&source, &target).await.unwrap();
        assert_eq!((mark_of(&source).await, mark_of(&target).await), (Some(Mark::Left), None));
        delete_mark_left(&source).await.unwrap();
        let home = scratch::sqlite(&dir.path().join(format!("back{number}"))).await.unwrap();
        let back = run(&target, &home, |_, _| ()).await.unwrap();
        assert_eq!(there, back);
        assert_eq!(book(&home).await, before);
    }
}

#[tokio::test]
async fn nothing_is_copied_over_something() {
    let dir = tempfile::tempdir().unwrap();
    let source = scratch::sqlite(&dir.path().join("source")).await.unwrap();
    furnish(&source).await;
    for target in targets(dir.path()).await {
        scratch::insert_practice(&target, &world(), "another").await.unwrap();
        let before = scratch::contents(&target).await.unwrap();
        let refused = run(&source, &target, |_, _| ()).await.unwrap_err();
        assert!(refused.to_string().contains("1 rows in practice"), "{refused}");
        assert_eq!(scratch::contents(&target).await.unwrap(), before);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_during_which_somebody_worked_is_refused_and_no_server_starts_on_it() {
    let dir = tempfile::tempdir().unwrap();
    let source = scratch::sqlite(&dir.path().join("source")).await.unwrap();
    let elm = furnish(&source).await;
    for target in targets(dir.path()).await {
        // The practice was copied long before the audit's turn came.
        let renamed = std::sync::atomic::AtomicBool::new(false);
        let (thread, other) = (tokio::runtime::Handle::current(), source.clone());
        let heard = |table: &str, _: u64| {
            if table != "note" || renamed.swap(true, std::sync::atomic::Ordering::Relaxed) {
                return;
            }
            let (other, elm) = (other.clone(), elm.clone());
            let written = async move {
                let written = other.write(move |db| {
                    let elm = elm.clone();
                    Box::pin(async move {
                        let found = crate::practice::load(db, &elm).await?.unwrap();
                        let named = format!("{}!", found.name);
                        const MARK: &str = "update practice set name = $2 where id = $1";
                        sqlx::query(MARK).bind(elm.as_str()).bind(named).execute(db.c()).await?;
                        Ok(())
                    })
                });
                written.await.unwrap();
            };
            std::thread::scope(|scope| {
                scope.spawn(|| thread.block_on(written));
            });
        };
        let refused = run(&source, &target, heard).await.unwrap_err();
        assert!(refused.to_string().contains("practice here"), "{refused}");
        assert_eq!(mark_of(&target).await, Some(Mark::Unfinished));
    }
}

#[tokio::test]
async fn a_database_that_was_left_says_so_until_somebody_takes_it_back() {
    let dir = tempfile::tempdir().unwrap();
    let source = scratch::sqlite(dir.path()).await.unwrap();
    assert_eq!(mark_of(&source).await, None);
    mark(&source, LEFT).await.unwrap();
    mark(&source, LEFT).await.unwrap();
    assert_eq!(mark_of(&source).await, Some(Mark::Left));
    delete_mark_left(&source).await.unwrap();
    assert_eq!(mark_of(&source).await, None);
}

#[tokio::test]
async fn no_table_is_forgotten_and_each_comes_after_those_it_points_to() {
    let dir = tempfile::tempdir().unwrap();
    let store = scratch::sqlite(dir.path()).await.unwrap();
    let names: Vec<String> =
        tables_in_order(&store, &store).await.unwrap().into_iter().map(|t| t.name).collect();
    let mut made: Vec<&str> = crate::migrate::texts()
        .flat_map(str::lines)
        .filter_map(|line| line.strip_prefix("create table "))
        .map(|rest| rest.split([' ', '(']).next().unwrap())
        .filter(|name| !LEFT_BEHIND.contains(name) && *name != META)
        .collect();
    let at = |name: &str| names.iter().position(|known| known == name).unwrap();
    assert!(at("practice") < at("guarantor") && at("guarantor") < at("claim"));
    assert!(at("attempt") < at("payment") && at("payment") < at("posting"));
    let mut known: Vec<&str> = names.iter().map(String::as_str).collect();
    made.sort_unstable();
    known.sort_unstable();
    assert_eq!(known, made);
    // The keys of the scratch stores are one file's: what is sealed opens on both sides.
    assert_eq!(Keys::for_tests().fingerprint(), store.keys().fingerprint());
}
