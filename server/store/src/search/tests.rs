//! The lists of the workspace on both databases: claims, search, whom nothing reaches, drafts.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use domain::{
    book::ClaimStatus,
    clock::{Chance, Clock, DAY_MS, UnixMs, World},
    decide::{Channel, ConsentSource, LineType},
    id::{DraftId, GuarantorId, JobId, PatientId, PracticeId, StaffId},
    money::Cents,
    staff::Role,
};
use jiff::civil::date;

use super::*;
use crate::{
    Store, consent,
    contact::{self, Kind},
    encounter::{self, Filter, Order, Standing},
    import, link, message, reply,
    scratch::{self, ScratchClaim},
    statement_draft::{self, Ticks},
    task,
};

const NOW: UnixMs = UnixMs(1_772_636_400_000);

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
        let n = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        for (byte, from) in bytes.iter_mut().rev().zip(n.iter().rev().cycle()) {
            *byte = *from;
        }
    }
}

struct House {
    store: Store,
    world: World,
    practice: PracticeId,
}

impl House {
    async fn account(&self, name: &str, claims: &[(i64, &'static str, i8)]) -> GuarantorId {
        let guarantor: GuarantorId = self.world.mint();
        let patient: PatientId = self.world.mint();
        let claims: Vec<ScratchClaim> = claims
            .iter()
            .map(|(cents, status, month)| ScratchClaim {
                status,
                ..ScratchClaim::ready(&patient, Cents(*cents), date(2026, *month, 2))
            })
            .collect();
        scratch::insert_account(
            &self.store,
            &self.world,
            &self.practice,
            &guarantor,
            name,
            &claims,
        )
        .await
        .unwrap();
        guarantor
    }

    async fn contact(&self, owner: &GuarantorId, kind: Kind, value: &str) -> String {
        let (practice, world) = (self.practice.clone(), self.world.clone());
        let (owner, value) = (owner.clone(), value.to_owned());
        self.store
            .write(move |db| {
                let (practice, world) = (practice.clone(), world.clone());
                let new = contact::New {
                    id: world.mint(),
                    guarantor: owner.clone(),
                    kind,
                    value: value.clone(),
                    masked: "masked".into(),
                    line: LineType::Mobile,
                    source: "test".into(),
                };
                Box::pin(async move {
                    contact::insert(db, &practice, &new, NOW).await?;
                    Ok(contact::value_index(&db.keys(), &practice, kind, &new.value))
                })
            })
            .await
            .unwrap()
    }
}

fn houses(stores: Vec<Store>) -> Vec<(Store, World)> {
    let world = || World { clock: Arc::new(Still), chance: Arc::new(Counting::default()) };
    stores.into_iter().map(|store| (store, world())).collect()
}

async fn open(store: Store, world: World) -> House {
    let practice = scratch::insert_practice(&store, &world, "north").await.unwrap();
    House { store, world, practice }
}

#[tokio::test]
async fn claims_are_listed_in_every_order_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    for (store, world) in houses(scratch::both(dir.path()).await.unwrap()) {
        let house = open(store, world).await;
        house.account("Zoë Ámbar", &[(50_00, "ready", 1), (5_00, "settled", 1)]).await;
        house.account("Adam 100%", &[(70_00, "pending_patient", 2)]).await;
        let mut db = house.store.read().await.unwrap();
        for order in [
            Order::Oldest,
            Order::Newest,
            Order::Largest,
            Order::Smallest,
            Order::NameUp,
            Order::NameDown,
            Order::VisitNewest,
            Order::VisitOldest,
            Order::SentLast,
            Order::SentFirst,
        ] {
            let filter = Filter { order, ..Filter::default() };
            let lines = encounter::list(&mut db, &house.practice, &filter, 10, 0).await.unwrap();
            assert_eq!(lines.len(), 2, "{order:?}: settled ones are with nobody");
        }
        let named = |name: &str| Filter { name: Some(name.to_owned()), ..Filter::default() };
        for (name, found) in [("ambar", 1), ("ZOE", 1), ("100%", 1), ("100_", 0)] {
            let (count, _) =
                encounter::count(&mut db, &house.practice, &named(name)).await.unwrap();
            assert_eq!(count, found, "{name}");
        }
        let any = Filter {
            standing: Standing::Any,
            amount_at_least: Some(Cents(5_00)),
            amount_at_most: Some(Cents(50_00)),
            since_until: Some(date(2026, 1, 31)),
            since_from: Some(date(2026, 1, 1)),
            ..Filter::default()
        };
        let counted = encounter::count(&mut db, &house.practice, &any).await.unwrap();
        assert_eq!(counted, (2, Cents(55_00)));
        let settled =
            Filter { standing: Standing::Only(ClaimStatus::Settled), ..Filter::default() };
        let counted = encounter::count(&mut db, &house.practice, &settled).await.unwrap();
        assert_eq!(counted, (1, Cents(5_00)));
    }
}

#[tokio::test]
async fn an_account_is_found_by_any_of_its_names_and_numbers() {
    let dir = tempfile::tempdir().unwrap();
    for (store, world) in houses(scratch::both(dir.path()).await.unwrap()) {
        let house = open(store, world).await;
        let maria = house.account("María López", &[(50_00, "ready", 1)]).await;
        house.account("Adam Silva", &[]).await;
        let mut db = house.store.read().await.unwrap();
        let practice = &house.practice;
        for typed in ["lopez", "Lopez, Maria", "mar", "PATIENT"] {
            let found = list_by_words(&mut db, practice, typed, 10, 0).await.unwrap();
            assert_eq!(found.len(), 1, "{typed}");
            assert_eq!(found[0].id, maria.as_str());
        }
        assert_eq!(list_by_words(&mut db, practice, " ", 10, 0).await.unwrap().len(), 2);
        assert_eq!(list_by_words(&mut db, practice, "", 1, 1).await.unwrap().len(), 1);
        let by_number = list_by_number(&mut db, practice, maria.as_str(), 10).await.unwrap();
        assert_eq!(by_number.len(), 1);
        let many = list_many(&mut db, practice, &[maria.clone(), maria.clone()]).await.unwrap();
        assert_eq!(many.len(), 1);
    }
}

#[tokio::test]
async fn whoever_has_consent_or_an_email_is_reachable() {
    let dir = tempfile::tempdir().unwrap();
    for (store, world) in houses(scratch::both(dir.path()).await.unwrap()) {
        let house = open(store, world).await;
        let claims = [(50_00, "ready", 1)];
        let nothing = house.account("Nothing", &claims).await;
        let email = house.account("Email", &claims).await;
        house.contact(&email, Kind::Email, "a@example.com").await;
        let silent = house.account("Silent", &claims).await;
        house.contact(&silent, Kind::Phone, "+12125550100").await;
        let texted = house.account("Texted", &claims).await;
        let value = house.contact(&texted, Kind::Phone, "+12125550101").await;
        let (practice, world) = (house.practice.clone(), house.world.clone());
        let (owner, index) = (texted.clone(), value.clone());
        house
            .store
            .write(move |db| {
                let (practice, world) = (practice.clone(), world.clone());
                let (owner, index) = (owner.clone(), index.clone());
                Box::pin(async move {
                    let new = consent::New {
                        value_index: &index,
                        channel: Channel::Text,
                        granted: true,
                        source: ConsentSource::Staff,
                        wording: "a form",
                        actor: "staff:stf_1",
                        at: NOW,
                    };
                    consent::insert(db, &world, &practice, &new).await?;
                    let own = contact::list(db, &practice, &owner).await?;
                    let by = Some(("staff:stf_1", NOW));
                    contact::mark_text_enabled(db, &practice, &owner, &own[0].id, by).await?;
                    contact::mark_line(db, &practice, &owner, &own[0].id, LineType::Voip).await
                })
            })
            .await
            .unwrap();
        let mut db = house.store.read().await.unwrap();
        let mut found = list_unreachable(&mut db, &house.practice, None, 10).await.unwrap();
        found.sort();
        let mut expected = vec![nothing, silent];
        expected.sort();
        assert_eq!(found, expected);
        let holders = contact::list_holders(&mut db, &house.practice, std::slice::from_ref(&value));
        let holders = holders.await.unwrap();
        assert_eq!(holders[&value], std::slice::from_ref(&texted));
        // Read on this database as well, though nothing is there.
        let (practice, nobody) = (&house.practice, &texted);
        assert!(link::list_views(&mut db, practice, nobody, 5).await.unwrap().is_empty());
        assert!(import::list_by_guarantor(&mut db, practice, nobody).await.unwrap().is_empty());
        assert!(task::load_many(&mut db, practice, &["k".into()]).await.unwrap().is_empty());
        let ids = [house.world.mint()];
        assert!(reply::list_values(&mut db, practice, &ids).await.unwrap().is_empty());
        let job: JobId = house.world.mint();
        let later = message::count_later(&mut db, practice, &job, NOW).await.unwrap();
        assert_eq!(later, (0, None));
    }
}

#[tokio::test]
async fn a_list_is_sent_once_however_often_yes_is_pressed() {
    let dir = tempfile::tempdir().unwrap();
    for (store, world) in houses(scratch::both(dir.path()).await.unwrap()) {
        let house = open(store, world).await;
        let (practice, world) = (house.practice.clone(), house.world.clone());
        let me: StaffId = world.mint();
        let cleared: GuarantorId = world.mint();
        house
            .store
            .write(move |db| {
                let (practice, world) = (practice.clone(), world.clone());
                let (me, cleared) = (me.clone(), cleared.clone());
                Box::pin(async move {
                    crate::staff::insert(db, &me, "a@example.com", "Ana", None, NOW).await?;
                    crate::staff::mark_membership(db, &me, &practice, Role::Biller, NOW).await?;
                    let mut ticks = Ticks::all();
                    ticks.set(cleared.clone(), false);
                    let mut ids: Vec<DraftId> = Vec::new();
                    for ticks in [Ticks::all(), ticks.clone()] {
                        let id: DraftId = world.mint();
                        let criteria = "method=text";
                        ids.push(
                            statement_draft::insert(db, &practice, &me, &id, criteria, &ticks, NOW)
                                .await?,
                        );
                    }
                    assert_eq!(ids[0], ids[1], "one open draft a list");
                    let id = &ids[0];
                    let open = statement_draft::find_open(db, &practice, &me, "method=text");
                    assert_eq!(open.await?.map(|d| d.ticks), Some(ticks));
                    assert!(statement_draft::claim(db, &practice, &me, id, NOW).await?);
                    assert!(!statement_draft::claim(db, &practice, &me, id, NOW).await?);
                    // Refused: it is open again, and may be claimed again.
                    statement_draft::mark_job(db, &practice, &me, id, None).await?;
                    assert!(statement_draft::claim(db, &practice, &me, id, NOW).await?);
                    let job: JobId = world.mint();
                    statement_draft::mark_job(db, &practice, &me, id, Some(&job)).await?;
                    statement_draft::mark_job(db, &practice, &me, id, None).await?;
                    let kept = statement_draft::load(db, &practice, &me, id).await?;
                    assert_eq!(kept.and_then(|d| d.job), Some(job), "sent stays sent");
                    let later = NOW.plus_ms(40 * DAY_MS);
                    let next: DraftId = world.mint();
                    let all = Ticks::all();
                    statement_draft::insert(db, &practice, &me, &next, "x", &all, later).await?;
                    assert!(statement_draft::load(db, &practice, &me, id).await?.is_none());
                    Ok(())
                })
            })
            .await
            .unwrap();
    }
}
