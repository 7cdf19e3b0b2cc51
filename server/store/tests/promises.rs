//! What the database itself promises, tried from outside the store's own functions: who may open it,
//! and that nobody, not even with SQL at hand, rewrites money, consent or the audit unseen.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use domain::{
    clock::{Chance, Clock, UnixMs, World},
    decide::{Channel, ConsentSource},
    id::PracticeId,
};
use sqlx::{AnyConnection, Connection, Executor};
use store::{
    Keys, Kind, Store, StoreError, StoreOptions,
    audit::{self, Actor, Entry},
    consent,
    keys::OsChance,
    scratch,
};

/// Never the same instant twice, so that rows have an order.
struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> UnixMs {
        UnixMs(self.0.fetch_add(1, Ordering::SeqCst))
    }
}

fn world() -> World {
    let chance: Arc<dyn Chance> = Arc::new(OsChance);
    World { clock: Arc::new(Ticking(AtomicI64::new(1_772_643_600_000))), chance }
}

/// A store of each kind, and a connection past it, as somebody with the database's password has.
async fn opened(dir: &Path) -> Vec<(Store, AnyConnection)> {
    let sqlite = scratch::sqlite(dir).await.unwrap();
    let file = format!("sqlite://{}", dir.join("clearbill.sqlite").display());
    let mut all = vec![(sqlite, AnyConnection::connect(&file).await.unwrap())];
    match std::env::var(scratch::POSTGRES_VARIABLE) {
        Ok(server) => {
            let (store, url) = scratch::on_server(&server, dir).await.unwrap();
            all.push((store, AnyConnection::connect(&url).await.unwrap()));
        }
        Err(_) => assert!(std::env::var_os("CI").is_none(), "PostgreSQL is missing"),
    }
    all
}

async fn run(connection: &mut AnyConnection, sql: &'static str) -> Result<u64, sqlx::Error> {
    Ok(connection.execute(sql).await?.rows_affected())
}

fn options(dir: &Path, is_server: bool) -> StoreOptions {
    StoreOptions { database_url: None, data_dir: dir.to_owned(), is_server }
}

fn words(outcome: Result<Store, StoreError>) -> String {
    match outcome {
        Ok(_) => panic!("it opened"),
        Err(StoreError::Setup(words)) => words,
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_second_server_on_the_same_folder_is_refused_and_a_command_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let first = Store::open(options(dir.path(), true), Keys::for_tests()).await.unwrap();
    let second = Store::open(options(dir.path(), true), Keys::for_tests()).await;
    assert!(words(second).contains("another server is running"));
    let command = Store::open(options(dir.path(), false), Keys::for_tests()).await;
    assert!(command.is_ok(), "an import beside it");
    first.close().await;
}

#[tokio::test]
async fn a_database_that_a_newer_program_made_is_not_opened() {
    let dir = tempfile::tempdir().unwrap();
    for (store, mut past) in opened(dir.path()).await {
        let newer = match store.kind() {
            Kind::Sqlite => {
                "insert into _sqlx_migrations (version, description, success, checksum,
                    execution_time) values (9999, 'later', 1, x'00', 0)"
            }
            Kind::Postgres => {
                "insert into _sqlx_migrations (version, description, success, checksum,
                    execution_time) values (9999, 'later', true, '\\x00', 0)"
            }
        };
        run(&mut past, newer).await.unwrap();
        if store.kind() == Kind::Sqlite {
            let again = Store::open(options(dir.path(), false), Keys::for_tests()).await;
            assert!(words(again).contains("schema"));
        }
    }
}

#[tokio::test]
async fn a_key_file_of_another_database_or_from_before_a_rekey_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let old = || Keys::load(&dir.path().join("clearbill.key")).unwrap();
    let first = Keys::load_or_make(dir.path()).unwrap();
    Store::open(options(dir.path(), false), first).await.unwrap().close().await;
    let stranger = Keys::load_or_make(elsewhere.path()).unwrap();
    let refused = Store::open(options(dir.path(), false), stranger).await;
    assert!(words(refused).contains("does not belong to this database"));

    let before = old();
    let renewed = Keys::add(dir.path()).unwrap();
    Store::open(options(dir.path(), false), renewed).await.unwrap().close().await;
    let refused = Store::open(options(dir.path(), false), before).await;
    assert!(words(refused).contains("older than this database"));
    assert!(Store::open(options(dir.path(), false), old()).await.is_ok());
}

/// A practice, somebody who paid it, and what they consented to.
const ROWS: [&str; 6] = [
    "insert into practice (id, slug, name, settings, version, created_at_ms)
        values ('prc_1', 'elm', 'Elm', '{}', 1, 0)",
    "insert into guarantor (id, practice_id, source, external_id, name, name_key, row_mac,
        created_at_ms, updated_at_ms) values ('gua_1', 'prc_1', 's', '1', 'M', 'm', '', 0, 0)",
    "insert into attempt (id, practice_id, guarantor_id, flow, source, state, rank, amount_cents,
        currency, shown_due_cents, language, created_at_ms, expires_at_ms)
        values ('att_1', 'prc_1', 'gua_1', 'element', 'link', 'succeeded', 30, 100, 'usd', 100,
            'en', 0, 0)",
    "insert into payment (id, practice_id, guarantor_id, attempt_id, intent_id, captured_cents,
        currency, source, reference, received_at_ms)
        values ('pay_1', 'prc_1', 'gua_1', 'att_1', 'pi_1', 100, 'usd', 'link', 'R', 0)",
    "insert into posting (id, practice_id, journal_id, kind, account, guarantor_id, payment_id,
        amount_cents, actor, at_ms)
        values ('pst_1', 'prc_1', 'jou_1', 'capture', 'processor', 'gua_1', 'pay_1', 100, '', 0)",
    "insert into consent (id, practice_id, value_index, channel, granted, source, wording, actor,
        at_ms) values ('con_1', 'prc_1', 'x', 'text', 1, 's', 'w', 'a', 0)",
];

#[tokio::test]
async fn money_and_consent_that_were_written_can_be_neither_changed_nor_deleted() {
    let dir = tempfile::tempdir().unwrap();
    for (store, mut past) in opened(dir.path()).await {
        for sql in ROWS {
            run(&mut past, sql).await.unwrap();
        }
        for sql in [
            "update posting set amount_cents = 1 where id = 'pst_1'",
            "delete from posting where id = 'pst_1'",
            "update consent set granted = 0 where id = 'con_1'",
            "delete from consent where id = 'con_1'",
        ] {
            let refused = run(&mut past, sql).await.unwrap_err().to_string();
            assert!(refused.contains("append-only"), "{:?}: {sql}: {refused}", store.kind());
        }
    }
}

async fn heard(store: &Store, verbs: [&'static str; 3]) {
    let world = world();
    let written = store.write(move |db| {
        let world = world.clone();
        Box::pin(async move {
            let practice = PracticeId::trusted("prc_1");
            for verb in verbs {
                let entry = Entry::new(&practice, Actor::System("test"), verb, "thing", "1");
                audit::insert(db, &world, &entry).await?;
            }
            while audit::chain_next(db).await? > 0 {}
            Ok(())
        })
    });
    written.await.unwrap();
}

async fn broken_at(store: &Store) -> Option<i64> {
    let mut db = store.read().await.unwrap();
    audit::verify_chain(&mut db, store.keys()).await.unwrap().broken_at
}

#[tokio::test]
async fn an_audit_row_is_neither_changed_nor_deleted_and_who_does_it_by_force_is_found_out() {
    let dir = tempfile::tempdir().unwrap();
    for (store, mut past) in opened(dir.path()).await {
        let kind = store.kind();
        heard(&store, ["first", "second", "third"]).await;
        assert_eq!(broken_at(&store).await, None);
        let (change, delete) = (
            "update audit set detail = 'nothing happened' where verb = 'second'",
            "delete from audit where verb = 'second'",
        );
        for sql in [change, delete] {
            let refused = run(&mut past, sql).await.unwrap_err().to_string();
            assert!(refused.contains("append-only"), "{kind:?}: {refused}");
        }
        // Whoever owns the database can drop the triggers; not make the chain fit again.
        let drops: [&str; 2] = match kind {
            Kind::Sqlite => ["drop trigger audit_no_rewrite", "drop trigger audit_no_delete"],
            Kind::Postgres => {
                ["drop trigger audit_no_rewrite on audit", "drop trigger audit_no_delete on audit"]
            }
        };
        for sql in drops {
            run(&mut past, sql).await.unwrap();
        }
        assert_eq!(run(&mut past, change).await.unwrap(), 1);
        assert_eq!(broken_at(&store).await, Some(2), "{kind:?}");
        let undo = "update audit set detail = '' where verb = 'second'";
        assert_eq!(run(&mut past, undo).await.unwrap(), 1);
        assert_eq!(broken_at(&store).await, None);
        assert_eq!(run(&mut past, delete).await.unwrap(), 1);
        assert_eq!(broken_at(&store).await, Some(2), "{kind:?}");
    }
}

#[tokio::test]
async fn what_somebody_agreed_to_is_a_chain_for_each_phone() {
    let dir = tempfile::tempdir().unwrap();
    for (store, mut past) in opened(dir.path()).await {
        let kind = store.kind();
        for sql in ROWS {
            run(&mut past, sql).await.unwrap();
        }
        let world = world();
        let written = store.write(move |db| {
            let world = world.clone();
            Box::pin(async move {
                let practice = PracticeId::trusted("prc_1");
                for (phone, granted) in [("one", true), ("two", true), ("one", false)] {
                    let new = consent::New {
                        value_index: phone,
                        channel: Channel::Text,
                        granted,
                        source: ConsentSource::Staff,
                        wording: "form v1",
                        actor: "staff:stf_1",
                        at: world.now(),
                    };
                    consent::insert(db, &world, &practice, &new).await?;
                }
                while consent::chain_next(db).await? > 0 {}
                Ok(())
            })
        });
        written.await.unwrap();
        let broken_at = async || {
            let mut db = store.read().await.unwrap();
            consent::verify_chains(&mut db, store.keys()).await.unwrap().broken_at
        };
        let of_one = async || {
            let mut db = store.read().await.unwrap();
            consent::list(&mut db, &PracticeId::trusted("prc_1"), "one").await.unwrap()
        };
        assert_eq!(broken_at().await, None);
        let rows = of_one().await;
        let places: Vec<_> = rows.iter().map(|row| (row.chain_no, row.granted)).collect();
        assert_eq!(places, [(Some(2), 0), (Some(1), 1)], "{kind:?}");
        assert!(consent::is_whole(store.keys(), &rows));
        let refused = "update consent set wording = 'form v2' where value_index = 'one'";
        let answer = run(&mut past, refused).await.unwrap_err().to_string();
        assert!(answer.contains("append-only"), "{kind:?}: {answer}");
        // Whoever owns the database can drop the trigger; not make the chain fit again.
        let drop = match kind {
            Kind::Sqlite => "drop trigger consent_no_rewrite",
            Kind::Postgres => "drop trigger consent_no_rewrite on consent",
        };
        run(&mut past, drop).await.unwrap();
        let sql = "update consent set granted = 1 where value_index = 'one' and granted = 0";
        assert_eq!(run(&mut past, sql).await.unwrap(), 1);
        assert_eq!(broken_at().await, Some(rows[0].id.clone()), "{kind:?}");
        assert!(!consent::is_whole(store.keys(), &of_one().await));
    }
}
