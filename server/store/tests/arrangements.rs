//! What a file says of plans, cards on file and paper, staged and applied on both databases.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use domain::{
    arrangement::{Arrangement, Autopay, Charge, Instalment, Known, LastFour, Paperless, Plan},
    book::{self, BookRow, Owner, Said},
    clock::{Chance, Clock, UnixMs, World},
    decide::PlanStanding,
    id::{GuarantorId, ImportId, PracticeId},
    money::Cents,
};
use jiff::civil::{Date, date};
use store::{
    Store, arrangement, consent, guarantor,
    import::{self, Phase, State},
    keys::OsChance,
    scratch,
};

/// Wednesday, 4 March 2026, noon in New York, and a second later each time it is asked.
struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> UnixMs {
        UnixMs(self.0.fetch_add(1_000, Ordering::SeqCst))
    }
}

struct Office {
    store: Store,
    world: World,
    practice: PracticeId,
}

async fn offices(dir: &std::path::Path) -> Vec<Office> {
    let mut all = Vec::new();
    for store in scratch::both(dir).await.unwrap() {
        let chance: Arc<dyn Chance> = Arc::new(OsChance);
        let clock = Ticking(AtomicI64::new(1_772_643_600_000));
        let world = World { clock: Arc::new(clock), chance };
        let practice = scratch::insert_practice(&store, &world, "north").await.unwrap();
        all.push(Office { store, world, practice });
    }
    all
}

fn ann() -> BookRow {
    BookRow::Patient(book::Patient {
        external_id: "p1".into(),
        guarantor_external_id: None,
        name: "Ann Chen".into(),
        dob: None,
        ssn4: None,
        address: book::Address::default(),
        language: None,
        deceased_on: None,
        is_minor: false,
    })
}

impl Office {
    /// Stages Ann and these arrangements of patients, and applies them; how many rows were refused.
    async fn import(&self, said: &[(&str, Arrangement)]) -> usize {
        let id: ImportId = self.world.mint();
        let new = import::New {
            id: id.clone(),
            practice: self.practice.clone(),
            source: "clearbill".into(),
            format: "clearbill".into(),
            mode: "delta".into(),
            file_name: "book.csv".into(),
            as_of_on: "2026-03-04".into(),
            started_by: "system:test".into(),
            at: self.world.now(),
        };
        let rows = said.iter().map(|(patient, said)| {
            let owner = Owner::GuarantorOfPatient((*patient).to_owned());
            BookRow::Arrangement(book::Arrangement { owner, said: *said })
        });
        let rows: Vec<Said> = std::iter::once(ann())
            .chain(rows)
            .zip(2..)
            .map(|(row, line)| Said { line, row })
            .collect();
        let (keys, practice) = (self.store.keys().clone(), self.practice.clone());
        let kept = id.clone();
        let write = self.store.write(move |db| {
            let sealed: Vec<_> =
                rows.iter().map(|said| import::seal(&keys, &practice, &kept, said)).collect();
            let (new, practice, id) = (new.clone(), practice.clone(), kept.clone());
            Box::pin(async move {
                import::insert(db, &new).await?;
                import::insert_rows(db, &practice, &id, 0, &sealed).await?;
                import::mark_state(db, &practice, &id, State::Waiting, State::Applying).await
            })
        });
        assert!(write.await.unwrap());
        while self.apply(&id).await != Phase::Done {}
        let mut db = self.store.read().await.unwrap();
        import::list_refusals(&mut db, &self.practice, &id, -1, 10).await.unwrap().len()
    }

    async fn apply(&self, id: &ImportId) -> Phase {
        let (world, practice, id) = (self.world.clone(), self.practice.clone(), id.clone());
        let write = self.store.write(move |db| {
            let (world, practice, id) = (world.clone(), practice.clone(), id.clone());
            Box::pin(async move { import::apply_next(db, &world, &practice, &id).await })
        });
        write.await.unwrap()
    }

    async fn anns(&self) -> GuarantorId {
        let mut db = self.store.read().await.unwrap();
        guarantor::list_ids(&mut db, &self.practice, "", 10).await.unwrap().remove(0).id
    }

    async fn known(&self) -> Known {
        let id = self.anns().await;
        let mut db = self.store.read().await.unwrap();
        arrangement::load(&mut db, &self.practice, &id).await.unwrap()
    }

    /// Whether the engine has something to look at.
    async fn is_due(&self) -> bool {
        let mut db = self.store.read().await.unwrap();
        let due = arrangement::list_due(&mut db, UnixMs(i64::MAX), 10).await.unwrap();
        assert_eq!(arrangement::find_next(&mut db).await.unwrap().is_some(), !due.is_empty());
        !due.is_empty()
    }

    async fn mark_next(&self, at: Option<UnixMs>) {
        let (practice, id) = (self.practice.clone(), self.anns().await);
        let write = self.store.write(move |db| {
            let (practice, id) = (practice.clone(), id.clone());
            Box::pin(async move { arrangement::mark_next(db, &practice, &id, at).await })
        });
        write.await.unwrap();
    }
}

fn card() -> LastFour {
    LastFour::parse("0042").unwrap()
}

fn everything() -> Arrangement {
    let on = date(2026, 3, 20);
    let charge = Charge { card: card(), amount: Cents(125_00), on };
    Arrangement {
        plan: Some(Plan {
            standing: PlanStanding::Kept,
            next: Some(Instalment { amount: Cents(50_00), on }),
        }),
        autopay: Some(Autopay {
            is_on: true,
            card: Some(card()),
            charge: Some(charge),
            failed_on: Some(date(2026, 3, 3)),
        }),
        has_high_deductible: Some(true),
        paperless: Some(Paperless { is_wanted: true, consent_on: Some(date(2026, 2, 1)) }),
    }
}

fn paperless(is_wanted: bool, consent_on: Option<Date>) -> Arrangement {
    let paperless = Some(Paperless { is_wanted, consent_on });
    Arrangement { paperless, ..Arrangement::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_kept_as_it_was_said_and_the_same_again_is_no_news() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        assert_eq!(office.import(&[("p1", everything())]).await, 0);
        let first = office.known().await;
        assert_eq!(first.arrangement, everything());
        assert!(first.plan_said_at.is_some() && first.autopay_said_at.is_some());
        assert!(office.is_due().await);
        office.mark_next(None).await;
        assert!(!office.is_due().await);
        office.import(&[("p1", everything())]).await;
        assert_eq!(office.known().await, first, "with the days on which it was first said so");
        assert!(!office.is_due().await, "there is nothing new to look at");
        office.mark_next(Some(UnixMs(7))).await;
        assert!(office.is_due().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_is_not_said_stays_and_one_that_is_said_is_replaced_whole() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        office.import(&[("p1", everything())]).await;
        let before = office.known().await;
        office.import(&[("p1", Arrangement::default())]).await;
        assert_eq!(office.known().await, before);
        let off = Autopay { is_on: false, card: None, charge: None, failed_on: None };
        let off = Arrangement { autopay: Some(off), ..Arrangement::default() };
        office.import(&[("p1", off)]).await;
        let after = office.known().await;
        assert_eq!(after.arrangement, Arrangement { autopay: off.autopay, ..everything() });
        assert_eq!(after.plan_said_at, before.plan_said_at);
        assert!(after.autopay_said_at > before.autopay_said_at);
        assert!(office.is_due().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_arrangement_of_nobody_is_refused_and_the_others_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        let refused = office.import(&[("p9", everything()), ("p1", everything())]).await;
        assert_eq!(refused, 1);
        assert_eq!(office.known().await.arrangement, everything());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_practice_may_remind_nobody_nothing_is_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        office.import(&[("p1", everything())]).await;
        for (why, is_due) in [(Some("an import is held"), false), (None, true)] {
            let (practice, now) = (office.practice.clone(), office.world.now());
            let write = office.store.write(move |db| {
                let practice = practice.clone();
                Box::pin(
                    async move { store::practice::mark_outreach(db, &practice, why, now).await },
                )
            });
            write.await.unwrap();
            assert_eq!(office.is_due().await, is_due, "{why:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_to_do_without_paper_and_its_end_are_evidence_in_a_chain() {
    let dir = tempfile::tempdir().unwrap();
    for office in offices(dir.path()).await {
        // Wanted, and nobody recorded when: that is no consent.
        office.import(&[("p1", paperless(true, None))]).await;
        let keys = office.store.keys().clone();
        let index = consent::account_index(&keys, &office.practice, &office.anns().await);
        let mut db = office.store.read().await.unwrap();
        assert!(consent::list(&mut db, &office.practice, &index).await.unwrap().is_empty());
        drop(db);
        for (is_wanted, day) in
            [(true, date(2026, 2, 1)), (true, date(2026, 2, 1)), (false, date(2026, 3, 2))]
        {
            office.import(&[("p1", paperless(is_wanted, Some(day)))]).await;
        }
        let chained = office.store.write(|db| Box::pin(consent::chain_next(db)));
        assert_eq!(chained.await.unwrap(), 2, "the same again is no second row");
        let mut db = office.store.read().await.unwrap();
        let rows = consent::list(&mut db, &office.practice, &index).await.unwrap();
        let said: Vec<_> =
            rows.iter().map(|row| (row.channel.as_str(), row.granted, row.chain_no)).collect();
        let way = consent::PAPERLESS;
        assert_eq!(said, [(way, 0, Some(2)), (way, 1, Some(1))]);
        assert!(consent::is_whole(&keys, &rows));
        assert!(rows.iter().all(|row| row.actor == "import:clearbill"));
    }
}
