//! The practice that the benchmarks of reminders and of mail remind: accounts that owe for one visit
//! and may be written to by email, among any number that owe nothing.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use domain::{
    clock::{Clock, DAY_MS, HOUR_MS, UnixMs, World},
    decide::{Channel, LineType},
    id::{GuarantorId, PatientId, PracticeId},
    money::Cents,
};
use engine::{Channels, Criteria, Engine, Parts, Selection};
use futures_util::{StreamExt, stream};
use jiff::civil::date;
use server::wording::AppWording;
use store::{
    Store,
    audit::Actor,
    contact,
    keys::OsChance,
    scratch::{self, ScratchClaim},
};

/// Wednesday, 4 March 2026, 15:30 in New York and 10:30 in Honolulu: of somebody without a phone and
/// an address nobody knows the zone, so every window of the fifty states has to be open.
const WEDNESDAY: i64 = 1_772_656_200_000;

#[derive(Clone)]
struct MovableClock(Arc<AtomicI64>);

impl Clock for MovableClock {
    fn now(&self) -> UnixMs {
        UnixMs(self.0.load(Ordering::SeqCst))
    }
}

/// A practice, how many of its accounts are due, and the engine that reminds them.
pub struct Town {
    pub store: Store,
    pub world: World,
    pub engine: Engine,
    pub practice: PracticeId,
    pub due: usize,
    clock: MovableClock,
}

impl Town {
    pub async fn build(
        dir: &Path,
        accounts: u64,
        due: u64,
        channels: impl FnOnce(&Store, &World) -> Arc<dyn Channels>,
    ) -> Self {
        let clock = MovableClock(Arc::new(AtomicI64::new(WEDNESDAY)));
        let world = World { clock: Arc::new(clock.clone()), chance: Arc::new(OsChance) };
        let store = scratch::sqlite(dir).await.expect("a database");
        let practice = scratch::insert_practice(&store, &world, "bench").await.expect("a practice");
        let engine = Engine::new(Parts {
            store: store.clone(),
            world: world.clone(),
            wall: Arc::new(server::clock::SystemClock),
            channels: channels(&store, &world),
            wording: Arc::new(AppWording),
            // The provider's limit is not what is measured here.
            options: engine::Options { email_interval_ms: 0, ..engine::Options::default() },
            points: Default::default(),
        });
        let due_accounts = usize::try_from(due).unwrap_or_default();
        let town = Self { store, world, clock, engine, practice, due: due_accounts };
        town.set_up().await;
        let crowd = i64::try_from(accounts - due).unwrap_or_default();
        scratch::baseline::insert_crowd(&town.store, &town.practice, crowd).await.expect("a crowd");
        stream::iter(0..due)
            .map(|n| town.somebody(n))
            .buffer_unordered(64)
            .collect::<Vec<()>>()
            .await;
        scratch::mark_state(&town.store, &town.practice, "NY").await.expect("a state");
        while town.engine.tick().await.expect("a tick").did_anything() {}
        town
    }

    async fn set_up(&self) {
        let (id, now) = (self.practice.clone(), self.world.now());
        let write = self.store.write(move |db| {
            let id = id.clone();
            Box::pin(async move {
                let practice = store::practice::load(db, &id).await?;
                let practice = practice.ok_or(store::StoreError::Corrupt("practice"))?;
                let mut settings = practice.settings.clone();
                settings.phone = "(212) 555-0100".into();
                settings.state = "NY".into();
                settings.public_base = "https://pay.bench.example".into();
                settings.billing_consent_at = Some(now);
                settings.proof_approved_at = Some(now);
                settings.email_tested_at = Some(now);
                settings.email_from_address = "billing@bench.example.org".into();
                let (version, name) = (practice.version, practice.name.as_str());
                store::practice::mark_settings(db, &id, version, name, &settings).await
            })
        });
        write.await.expect("settings");
    }

    /// Owes for one visit and may be written to by email.
    async fn somebody(&self, number: u64) {
        let (guarantor, patient): (GuarantorId, PatientId) = (self.world.mint(), self.world.mint());
        let claims = [ScratchClaim::ready(&patient, Cents(82_00), date(2026, 1, 12))];
        let name = format!("Person {number}");
        scratch::insert_account(
            &self.store,
            &self.world,
            &self.practice,
            &guarantor,
            &name,
            &claims,
        )
        .await
        .expect("an account");
        let email = contact::New {
            id: self.world.mint(),
            guarantor,
            kind: contact::Kind::Email,
            value: format!("person-{number}@example.org"),
            masked: "p***@example.org".into(),
            line: LineType::Unknown,
            source: "import".into(),
        };
        let (practice, now) = (self.practice.clone(), self.world.now());
        let write = self.store.write(move |db| {
            let (practice, email) = (practice.clone(), email.clone());
            Box::pin(async move { contact::insert(db, &practice, &email, now).await })
        });
        write.await.expect("an email");
    }

    /// A list of everybody who is due, with the yes, and the hour over which it is spread behind it.
    pub async fn write(&self) {
        let by = Actor::Staff("stf_bench".into());
        let criteria = Criteria { method: Channel::Email, ..Criteria::default() };
        let (practice, engine) = (&self.practice, &self.engine);
        let listed = engine.confirm_list(practice, &criteria).await.expect("a list");
        if let Some(left_out) = listed.not_eligible.first() {
            panic!("nobody may be left out, but {:?}", left_out.decision);
        }
        let drafted = engine.create_job(practice, &criteria, &Selection::All, None, &by).await;
        let drafted = drafted.expect("a list");
        assert_eq!(drafted.messages, self.due);
        let approved = engine.approve_job(practice, &drafted.job, &by).await.expect("a yes");
        assert_eq!(approved.queued, self.due);
        self.clock.0.fetch_add(HOUR_MS, Ordering::SeqCst);
    }

    /// Ticks until every message of the list was handed over.
    pub async fn deliver(&self) {
        let mut sent = 0;
        while sent < self.due {
            let now_sent = self.engine.tick().await.expect("a tick").sent;
            assert!(now_sent > 0, "somebody is left out");
            sent += now_sent;
        }
    }

    /// The caps of the last run are over; the hour that it took is taken back.
    pub fn next_week(&self) {
        self.clock.0.fetch_add(7 * DAY_MS - HOUR_MS, Ordering::SeqCst);
    }
}
