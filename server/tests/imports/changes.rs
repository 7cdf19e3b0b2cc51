//! What a file changes, what it leaves alone, and money that the practice's system does not show.

use std::collections::BTreeMap;

use domain::{
    id::{AttemptId, ClaimId, GuarantorId, PaymentId},
    money::Cents,
    payment::{Flow, Source},
};
use store::{
    attempt::NewAttempt,
    encounter, payment,
    posting::{self, Entry, JournalKind, NewJournal},
    scratch,
};

use crate::office::{Office, line, lines, offices};

/// Everything the store holds but the imports' own records.
async fn book_of(office: &Office) -> BTreeMap<String, String> {
    let mut contents = scratch::contents(&office.store).await.unwrap();
    for table in ["import", "audit", "audit_head", "lease", "practice"] {
        contents.remove(table);
    }
    contents
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_file_twice_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        let mut file = lines(0..40);
        for line in &mut file[..20] {
            (line.guarantor, line.phone) = ("g1", "(212) 555-0123");
            (line.consent, line.consent_on) = ("yes", "2026-02-01");
        }
        for line in &mut file[20..] {
            line.zip = "10001";
        }
        let first = office.full(&file).await;
        assert_eq!((first.rows, first.accepted, first.unchanged), (40, 40, 0));
        assert_eq!((first.book.accounts, first.book.patients), (21, 40));
        let is_sqlite = office.store.kind() == store::Kind::Sqlite;
        let before = if is_sqlite { book_of(&office).await } else { BTreeMap::new() };
        let again = office.full(&file).await;
        assert_eq!((again.rows, again.accepted, again.refused, again.unchanged), (40, 0, 0, 40));
        assert_eq!(again.book, first.book);
        if is_sqlite {
            assert_eq!(book_of(&office).await, before);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_claim_is_marked_keeps_its_amount_and_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        let first = office.full(&lines(0..10)).await;
        let without = office.full(&lines(1..10)).await;
        assert_eq!(office.missing().await, ["c00000"]);
        assert_eq!(office.book().await[0], ("c00000".into(), "ready", 2_000, true));
        assert_eq!(without.book, first.book, "a missing row is not a zero");
        let back = office.full(&lines(0..10)).await;
        assert_eq!((back.accepted, back.unchanged), (0, 10));
        assert_eq!(office.missing().await, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delta_brings_only_what_changed() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        office.full(&lines(0..10)).await;
        let mut changed = line(3);
        changed.due = "7.50".into();
        let report = office.delta(&[changed, line(10)]).await;
        assert_eq!((report.accepted, report.unchanged), (2, 0));
        let book = office.book().await;
        assert_eq!((book.len(), book[3].2, book[10].2), (11, 750, 2_000));
        assert_eq!(report.book.open_cents, 10 * 2_000 + 750);
    }
}

/// A statement went out: the practice's system does not know, and its file must not undo it.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_stays_pending_until_its_amount_changes() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        let mut file = lines(0..2);
        file[0].status = "pending_patient";
        office.full(&file).await;
        // The system calls it ready all along; only the due date of the other differs.
        file[0].status = "ready";
        office.full(&file).await;
        assert_eq!(office.book().await[0].1, "pending_patient");
        file[0].due = "35.00".into();
        office.full(&file).await;
        assert_eq!(office.book().await[0].1, "ready");
    }
}

async fn claim_of(office: &Office, number: &str) -> (ClaimId, GuarantorId) {
    let mut db = office.store.read().await.unwrap();
    let filter = encounter::Filter { standing: encounter::Standing::Any, ..Default::default() };
    let lines = encounter::list(&mut db, &office.practice, &filter, 100, 0).await.unwrap();
    let line = lines.into_iter().find(|line| line.number == number).unwrap();
    (line.id, line.guarantor)
}

/// `cents` came in online; `applied` of them are on the claim, the rest is unapplied.
async fn pay(office: &Office, number: &str, cents: i64, applied: i64) -> payment::Payment {
    let (claim, guarantor) = claim_of(office, number).await;
    let now = office.world.now();
    let (id, attempt): (PaymentId, AttemptId) = (office.world.mint(), office.world.mint());
    let new_attempt = NewAttempt {
        id: attempt.clone(),
        practice: office.practice.clone(),
        guarantor: guarantor.clone(),
        flow: Flow::Element,
        source: Source::Link,
        amount: Cents(cents),
        currency: "usd".into(),
        shown_due: Cents(cents),
        link_hash: None,
        login: None,
        chosen_claims: vec![],
        receipt_email: None,
        language: "en".into(),
        next_look_at: now,
        expires_at: now.plus_ms(1),
    };
    let payment = payment::Payment {
        id,
        practice: office.practice.clone(),
        guarantor,
        attempt,
        intent_id: format!("pi_{number}"),
        charge_id: None,
        captured: Cents(cents),
        currency: "usd".into(),
        source: Source::Link,
        brand: None,
        last4: None,
        reference: format!("REF{}", number.to_uppercase()),
        received_at: now,
        posted_at: None,
        posted_by: None,
        disputed_at: None,
        dispute: None,
        version: 1,
    };
    let (world, kept) = (office.world.clone(), payment.clone());
    let write = office.store.write(move |db| {
        let (world, payment, claim) = (world.clone(), kept.clone(), claim.clone());
        let new_attempt = new_attempt.clone();
        Box::pin(async move {
            store::attempt::insert(db, &new_attempt, world.now()).await?;
            payment::insert(db, &payment).await?;
            let journal = |kind, entries| NewJournal {
                practice: &payment.practice,
                guarantor: &payment.guarantor,
                payment: &payment.id,
                kind,
                reverses: None,
                actor: "system:test",
                entries,
            };
            let cash = Cents(cents);
            let entries = vec![Entry::processor(cash), Entry::unapplied(-cash)];
            posting::insert(db, &world, &journal(JournalKind::Capture, entries)).await?;
            if applied > 0 {
                let part = Cents(applied);
                let entries = vec![Entry::unapplied(part), Entry::applied(&claim, -part)];
                posting::insert(db, &world, &journal(JournalKind::Apply, entries)).await?;
            }
            Ok(())
        })
    });
    write.await.unwrap();
    payment
}

#[tokio::test(flavor = "multi_thread")]
async fn money_paid_online_is_netted_until_the_practices_system_shows_it() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        let mut file = lines(0..3);
        office.full(&file).await;
        let applied = pay(&office, "c00000", 1_500, 1_500).await;
        pay(&office, "c00001", 2_000, 0).await;
        // The system knows of neither payment yet: its file still says 20.00 each.
        let netted = office.full(&file).await.book;
        assert_eq!(netted.open_cents, 500 + 2_000);
        assert_eq!((netted.open_claims, netted.patients_owing), (2, 2));
        let before = due_of(&office, &applied.guarantor).await;
        assert_eq!(before, 500);

        // Now it shows the first one, with what is left.
        (file[0].due, file[0].posted) = ("5.00".into(), applied.reference.clone());
        let posted = office.full(&file).await.book;
        assert_eq!(posted.open_cents, 500 + 2_000);
        assert_eq!(due_of(&office, &applied.guarantor).await, 500, "taken off once, not twice");
        let mut db = office.store.read().await.unwrap();
        let known = payment::find(&mut db, &office.practice, &applied.id).await.unwrap().unwrap();
        assert_eq!(known.posted_by.as_deref(), Some("import:clearbill"));
        drop(db);
        let again = office.full(&file).await;
        assert_eq!((again.unchanged, again.book), (3, posted));
    }
}

async fn due_of(office: &Office, guarantor: &GuarantorId) -> i64 {
    let mut db = office.store.read().await.unwrap();
    let one = std::slice::from_ref(guarantor);
    let rows = store::balance::due_of_many(&mut db, &office.practice, one).await.unwrap();
    rows[guarantor].due.0
}
