//! The rule in SQL equals the rule in `domain::balance`, for generated accounts, on both databases.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use domain::{
    balance::due,
    clock::{Chance, Clock, World},
    id::JournalId,
    payment::{Flow, RefundReason, RefundState, Source},
};
use jiff::civil::date;
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};

use super::*;
use crate::{
    Store, attempt,
    payment::{self, Payment},
    posting::{self, Entry, JournalKind, NewJournal},
    refund,
    scratch::{self, ScratchClaim},
};

struct Still;

impl Clock for Still {
    fn now(&self) -> UnixMs {
        UnixMs(1_772_000_000_000)
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

fn world() -> World {
    World { clock: Arc::new(Still), chance: Arc::new(Counting::default()) }
}

#[derive(Clone, Debug)]
struct SomeClaim {
    patient: usize,
    status: &'static str,
    insurance: &'static str,
    due: i64,
    day: i8,
    since: Option<i8>,
}

#[derive(Clone, Debug)]
struct SomePayment {
    captured: i64,
    /// Of it, per mille, to the nth claim.
    applied: Vec<(usize, i64)>,
    refunding: i64,
    is_posted: bool,
}

fn some_claim() -> impl Strategy<Value = SomeClaim> {
    let status = prop::sample::select(vec![
        "ready",
        "ready",
        "pending_patient",
        "insurance_pending",
        "settled",
        "collections",
    ]);
    let insurance = prop::sample::select(vec!["finished", "self_pay", "pending"]);
    (0..3_usize, status, insurance, -5_000..20_000_i64, 1..28_i8, prop::option::of(1..28_i8))
        .prop_map(|(patient, status, insurance, due, day, since)| SomeClaim {
            patient,
            status,
            insurance,
            due,
            day,
            since,
        })
}

fn some_payment() -> impl Strategy<Value = SomePayment> {
    let applied = prop::collection::vec((0..6_usize, 0..400_i64), 0..3);
    (100..15_000_i64, applied, 0..2_000_i64, prop::bool::weighted(0.3)).prop_map(
        |(captured, applied, refunding, is_posted)| SomePayment {
            captured,
            applied,
            refunding,
            is_posted,
        },
    )
}

type SomeAccount = (Vec<SomeClaim>, Vec<SomePayment>);

fn some_account() -> impl Strategy<Value = SomeAccount> {
    (prop::collection::vec(some_claim(), 0..7), prop::collection::vec(some_payment(), 0..4))
}

async fn insert(
    store: &Store,
    world: &World,
    practice: &PracticeId,
    (claims, payments): &SomeAccount,
) -> GuarantorId {
    let guarantor: GuarantorId = world.mint();
    let patients: Vec<PatientId> = (0..3).map(|_| world.mint()).collect();
    let claims: Vec<ScratchClaim> = claims
        .iter()
        .map(|c| ScratchClaim {
            patient: patients[c.patient].clone(),
            status: c.status,
            insurance_state: c.insurance,
            patient_due: Cents(c.due),
            service_on: date(2026, 1, c.day),
            due_since: c.since.map(|day| date(2026, 2, day)),
        })
        .collect();
    let ids = scratch::insert_account(store, world, practice, &guarantor, "Somebody", &claims)
        .await
        .unwrap();
    for some in payments {
        insert_payment(store, world, practice, &guarantor, &ids, some).await;
    }
    guarantor
}

async fn insert_payment(
    store: &Store,
    world: &World,
    practice: &PracticeId,
    guarantor: &GuarantorId,
    claims: &[ClaimId],
    some: &SomePayment,
) {
    let (world, practice, guarantor) = (world.clone(), practice.clone(), guarantor.clone());
    let (claims, some) = (claims.to_vec(), some.clone());
    let done = store.write(move |db| {
        let (world, practice, guarantor) = (world.clone(), practice.clone(), guarantor.clone());
        let (claims, some) = (claims.clone(), some.clone());
        Box::pin(async move {
            let now = world.now();
            let new = attempt::NewAttempt {
                id: world.mint(),
                practice: practice.clone(),
                guarantor: guarantor.clone(),
                flow: Flow::Element,
                source: Source::Link,
                amount: Cents(some.captured),
                currency: "usd".into(),
                shown_due: Cents(some.captured),
                link_hash: None,
                login: None,
                chosen_claims: vec![],
                receipt_email: None,
                language: "en".into(),
                expires_at: now,
                next_look_at: now,
            };
            attempt::insert(db, &new, now).await?;
            attempt::mark_succeeded(db, &practice, &new.id, new.id.as_str(), now).await?;
            let payment = Payment {
                id: world.mint(),
                practice: practice.clone(),
                guarantor: guarantor.clone(),
                attempt: new.id.clone(),
                intent_id: new.id.to_string(),
                charge_id: None,
                captured: Cents(some.captured),
                currency: "usd".into(),
                source: Source::Link,
                brand: None,
                last4: None,
                reference: new.id.to_string(),
                received_at: now,
                posted_at: None,
                posted_by: None,
                disputed_at: None,
                dispute: None,
                version: 1,
            };
            payment::insert(db, &payment).await?;
            let captured = payment.captured;
            journal(
                db,
                &world,
                &payment,
                JournalKind::Capture,
                vec![Entry::processor(captured), Entry::unapplied(-captured)],
            )
            .await?;
            for (claim, per_mille) in &some.applied {
                let Some(claim) = claims.get(*claim) else { continue };
                let part = Cents(captured.0 * per_mille / 1000);
                journal(
                    db,
                    &world,
                    &payment,
                    JournalKind::Apply,
                    vec![Entry::unapplied(part), Entry::applied(claim, -part)],
                )
                .await?;
            }
            let free = posting::load_totals(db, &practice, &payment.id).await?.free();
            let back = Cents(some.refunding).min(free);
            if back.is_positive() {
                let refund = refund::NewRefund {
                    id: world.mint(),
                    practice: practice.clone(),
                    payment: payment.id.clone(),
                    number: 1,
                    amount: back,
                    reason: RefundReason::PatientAsked,
                    state: RefundState::Pending,
                    processor_id: None,
                    requested_by: "staff:stf".into(),
                    next_look_at: None,
                };
                refund::insert(db, &refund, now).await?;
            }
            if some.is_posted {
                payment::mark_posted(db, &practice, &payment.id, "source:test", now).await?;
            }
            Ok(())
        })
    });
    done.await.unwrap();
}

async fn journal(
    db: &mut Db,
    world: &World,
    payment: &Payment,
    kind: JournalKind,
    entries: Vec<Entry>,
) -> Result<JournalId> {
    let new = NewJournal {
        practice: &payment.practice,
        guarantor: &payment.guarantor,
        payment: &payment.id,
        kind,
        reverses: None,
        actor: "system:test",
        entries,
    };
    posting::insert(db, world, &new).await
}

#[tokio::test]
async fn a_list_of_accounts_says_what_each_bill_page_says() {
    const ACCOUNTS: usize = 120;
    let dir = tempfile::tempdir().unwrap();
    for store in scratch::both(dir.path()).await.unwrap() {
        let world = world();
        let practice = scratch::insert_practice(&store, &world, "north").await.unwrap();
        let mut runner = TestRunner::deterministic();
        let mut guarantors = Vec::new();
        for _ in 0..ACCOUNTS {
            let account = some_account().new_tree(&mut runner).unwrap().current();
            guarantors.push(insert(&store, &world, &practice, &account).await);
        }
        let mut db = store.read().await.unwrap();
        let facts = load_many(&mut db, &practice, &guarantors).await.unwrap();
        let listed = due_of_many(&mut db, &practice, &guarantors).await.unwrap();
        let mut owing = 0;
        for guarantor in &guarantors {
            let facts = facts.get(guarantor).cloned().unwrap_or_default();
            let account = due(&facts);
            let row = &listed[guarantor];
            assert_eq!(row.due, account.due, "{facts:?}");
            assert_eq!(row.oldest_due_since, account.oldest_due_since, "{facts:?}");
            let claims = account.claims.iter().filter(|c| c.still_due.is_positive()).count();
            assert_eq!(row.claims_due, i64::try_from(claims).unwrap());
            owing += i32::from(account.due.is_positive());
        }
        // The generator reaches both sides of the rule.
        assert!(owing > 20 && owing < 110, "{owing}");

        let faults = crate::ledger::list_faults(&mut db).await.unwrap();
        let real: Vec<_> = faults.iter().filter(|f| !f.rule.contains("receipt")).collect();
        assert!(real.is_empty(), "{real:?}");
    }
}

#[tokio::test]
async fn paging_through_the_accounts_misses_nobody() {
    let dir = tempfile::tempdir().unwrap();
    for store in scratch::both(dir.path()).await.unwrap() {
        let world = world();
        let practice = scratch::insert_practice(&store, &world, "north").await.unwrap();
        let elsewhere = scratch::insert_practice(&store, &world, "south").await.unwrap();
        for number in 0..25 {
            let home = if number % 5 == 0 { &elsewhere } else { &practice };
            let patient: PatientId = world.mint();
            let claim = ScratchClaim::ready(&patient, Cents(1000 + number), date(2026, 1, 2));
            let guarantor: GuarantorId = world.mint();
            scratch::insert_account(&store, &world, home, &guarantor, "Somebody", &[claim])
                .await
                .unwrap();
        }
        let mut db = store.read().await.unwrap();
        let mut seen = Vec::new();
        loop {
            let page = list_due(&mut db, &practice, seen.last(), 7).await.unwrap();
            if page.is_empty() {
                break;
            }
            assert!(page.iter().all(|row| row.due >= Cents(1000)));
            seen.extend(page.into_iter().map(|row| row.guarantor));
        }
        assert_eq!(seen.len(), 20);
    }
}
