//! Two practices on one server, each with people, a book, payments and staff. Every name, contact
//! and amount occurs once in the whole town, so that one found in an answer says whose it is.

use std::{collections::BTreeMap, net::TcpListener, path::Path, sync::Arc};

use domain::{
    clock::{MINUTE_MS, World},
    decide::LineType,
    holds::HoldKind,
    id::{
        ApiKeyId, AttemptId, CannedReplyId, ClaimId, ContactId, ConversationId, DraftId,
        FollowUpId, GuarantorId, HoldId, ImportId, JobId, JournalId, LoginId, MessageId, PatientId,
        PaymentId, PracticeId, ProfileVersionId, ReplyId, SegmentId, StaffId, TaskId,
    },
    money::Cents,
    payment::{Choice, Source},
    practice::{Practice, Settings},
    staff::Role,
};
use payments::{How, Outcome, Started, Wish};
use sandbox::{PaymentEnd, Sandbox, SandboxOptions};
use secrecy::ExposeSecret;
use server::{
    building,
    clock::{SystemClock, real_now},
    config::Config,
    house::House,
    limit::Limits,
    serving,
};
use store::{
    Db, Store,
    audit::Actor,
    contact, conversation,
    hold::Hold,
    job,
    keys::{OsChance, TOKEN_BYTES, new_token, token_hash},
    link,
    scratch::{self, ScratchClaim},
    statement_draft::Ticks,
};

pub const GOOD_CARD: &str = "4242424242424242";
const DAY_MS: i64 = domain::clock::DAY_MS;

/// Somebody with a bill.
pub struct Account {
    pub guarantor: GuarantorId,
    pub contacts: Vec<ContactId>,
    pub claim: ClaimId,
    pub name: &'static str,
    pub phone: &'static str,
    pub email: &'static str,
    /// Of the link in the last message.
    pub token: String,
    pub login: LoginId,
    /// What was paid so far; none before [`Town::pay_some`].
    pub attempt: Option<AttemptId>,
    pub payment: Option<PaymentId>,
    /// Of the last booking of that payment.
    pub journal: Option<JournalId>,
    /// Amounts and references that nobody else has.
    pub numbers: Vec<String>,
}

impl Account {
    /// What names this person.
    pub fn identity(&self) -> Vec<String> {
        let display = domain::phone::normalise_us(self.phone).unwrap().display();
        let names = self.name.split(' ').map(str::to_owned);
        names.chain([self.phone.to_owned(), display, self.email.to_owned()]).collect()
    }

    /// Everything of theirs that an answer to somebody else must not hold.
    pub fn canaries(&self) -> Vec<String> {
        let mut all = self.identity();
        all.extend(self.numbers.iter().cloned());
        all.push(self.token.clone());
        all
    }
}

pub struct Office {
    pub practice: PracticeId,
    pub slug: &'static str,
    pub staff: BTreeMap<&'static str, StaffId>,
    /// A viewer whose role may change and end.
    pub newcomer: StaffId,
    pub staff_names: Vec<String>,
    pub accounts: Vec<Account>,
    pub import: ImportId,
    pub job: JobId,
    pub draft: DraftId,
    pub key_id: ApiKeyId,
    pub key: String,
    /// Of the first account; none before [`Town::pay_some`].
    pub hold: Option<HoldId>,
    pub message: Option<MessageId>,
    pub reply: Option<ReplyId>,
    pub conversation: Option<ConversationId>,
    pub canned: Option<CannedReplyId>,
    pub task: Option<TaskId>,
    pub follow_up: Option<FollowUpId>,
    pub segment: Option<SegmentId>,
    pub profile: Option<ProfileVersionId>,
}

impl Office {
    pub fn canaries(&self) -> Vec<String> {
        let people = self.accounts.iter().flat_map(Account::canaries);
        people.chain(self.staff_names.iter().cloned()).collect()
    }
}

pub struct Town {
    pub house: Arc<House>,
    pub base: String,
    pub sandbox: Sandbox,
    pub client: reqwest::Client,
    /// Whose page a stranger gets, and whose sandbox events arrive.
    pub alder: Office,
    pub birch: Office,
    server: actix::Handle,
    more_dirs: Vec<tempfile::TempDir>,
}

/// What [`serving::serve_in_background`] gives, without naming the HTTP server here.
mod actix {
    pub struct Handle(pub Box<dyn FnOnce() -> Stop + Send>);
    pub type Stop = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;
}

type Who = (&'static str, &'static str, &'static str, i64);

const ALDER: [Who; 2] = [
    ("Wilhelmina Oakenshaw", "+12125550161", "wilhelmina@oakenshaw.example", 241_37),
    ("Thaddeus Quillfeather", "+12125550162", "thaddeus@quillfeather.example", 318_59),
];
const BIRCH: [Who; 1] =
    [("Isolde Brackenbury", "+13105550163", "isolde@brackenbury.example", 739_53)];

impl Town {
    pub async fn build() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = scratch::sqlite(dir.path()).await.unwrap();
        Self::build_on(store, dir).await
    }

    /// One on each database.
    pub async fn build_each() -> Vec<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mut towns = Vec::new();
        for store in scratch::both(dir.path()).await.unwrap() {
            // SQLite's file stays in its own folder; the other towns only need one.
            let own = tempfile::tempdir().unwrap();
            towns.push(Self::build_on(store, own).await);
        }
        // Kept until the first town, which is SQLite's, is over.
        if let Some(first) = towns.first_mut() {
            first.more_dirs.push(dir);
        }
        towns
    }

    async fn build_on(store: Store, dir: tempfile::TempDir) -> Self {
        connect::install_tls();
        let world = World { clock: Arc::new(SystemClock), chance: Arc::new(OsChance) };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let base = format!("http://127.0.0.1:{port}");
        let options = SandboxOptions {
            public_base: base.clone(),
            ..SandboxOptions::new(world.clock.clone(), world.chance.clone())
        };
        let sandbox = Sandbox::start(options).await.unwrap();
        let config = Config { data_dir: dir.path().to_owned(), ..Config::default() };
        let house = house_of(config, store, world);
        let alder = open(&house, "alder", "Alder Family Practice").await;
        let birch = open(&house, "birch", "Birch Street Clinic").await;
        // The last to connect gets the sandbox's events.
        let elsewhere = format!("http://birch.localhost:{port}");
        building::connect(&house, &sandbox, &elsewhere, "birch").await.unwrap();
        building::connect(&house, &sandbox, &base, "alder").await.unwrap();
        let server = serve(&house, listener);
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let alder = furnish(&house, alder, "alder", "Hawthorne", &ALDER).await;
        let birch = furnish(&house, birch, "birch", "Pemberton", &BIRCH).await;
        Self { house, base, sandbox, client, alder, birch, server, more_dirs: vec![dir] }
    }

    /// Everybody pays a part, so that there are payments to look for.
    pub async fn pay_some(&mut self) {
        let parts = [50_17, 60_29, 70_43];
        let offices = [&mut self.alder, &mut self.birch];
        let accounts = offices.into_iter().flat_map(|office| {
            let practice = office.practice.clone();
            office.accounts.iter_mut().map(move |account| (practice.clone(), account))
        });
        for ((practice, account), part) in accounts.zip(parts) {
            let due: i64 = [ALDER.as_slice(), &BIRCH]
                .concat()
                .iter()
                .find(|who| who.0 == account.name)
                .map(|who| who.3)
                .unwrap();
            let wish = wish(&self.house, &practice, account, due, part);
            let Started::Element { attempt, client_secret, .. } =
                self.house.payments.start(&wish).await.unwrap()
            else {
                panic!("a card payment starts with its secret")
            };
            let end = self.sandbox.pay_intent(client_secret.expose_secret(), GOOD_CARD).unwrap();
            assert_eq!(end, PaymentEnd::Succeeded);
            let returned =
                self.house.payments.confirm_returned(&practice, &account.guarantor, &attempt);
            let Outcome::Paid(receipt) = returned.await.unwrap() else { panic!("it was paid") };
            account.numbers.push(Cents(part).to_string());
            account.numbers.push(receipt.payment.reference.clone());
            let mut db = self.house.store.read().await.unwrap();
            let id = &receipt.payment.id;
            let posted = store::posting::list(&mut db, &practice, id).await.unwrap();
            account.journal = posted.last().map(|line| line.journal.clone());
            account.payment = Some(receipt.payment.id.clone());
            account.attempt = Some(attempt);
        }
        self.house.engine.tick().await.unwrap();
        for office in [&mut self.alder, &mut self.birch] {
            correspond(&self.house, office).await;
        }
    }

    pub async fn stop(self) {
        (self.server.0)().await;
        self.house.store.close().await;
    }

    /// The same town after its server was stopped and started again on the same folder, at the same
    /// address: the vendors outside have noticed nothing. SQLite alone.
    pub async fn start_again(self) -> Self {
        let dir = self.dir().to_owned();
        (self.server.0)().await;
        self.house.store.close().await;
        let store = scratch::sqlite(&dir).await.unwrap();
        let config = Config { data_dir: dir, ..Config::default() };
        let house = house_of(config, store, self.house.world.clone());
        let listener = TcpListener::bind(self.base.trim_start_matches("http://")).unwrap();
        let server = serve(&house, listener);
        Self { house, server, ..self }
    }

    /// Where the data are.
    pub fn dir(&self) -> &Path {
        self.more_dirs[0].path()
    }

    pub async fn contents(&self) -> BTreeMap<String, String> {
        scratch::contents(&self.house.store).await.unwrap()
    }
}

fn house_of(config: Config, store: Store, world: World) -> Arc<House> {
    let mut house = building::house(config, store, world);
    house.limits = Limits::generous();
    Arc::new(house)
}

fn serve(house: &Arc<House>, listener: TcpListener) -> actix::Handle {
    let server = serving::serve_in_background(house.clone(), listener).unwrap();
    actix::Handle(Box::new(move || -> actix::Stop { Box::pin(server.stop(false)) }))
}

/// The receipt of the first account, its answer, and what staff made of it.
async fn correspond(house: &House, office: &mut Office) {
    let account = &office.accounts[0];
    let receipt = format!("receipt:{}:email", account.payment.as_ref().unwrap());
    let now = house.world.now();
    let hold = Hold {
        id: house.world.mint(),
        guarantor: account.guarantor.clone(),
        kind: *HoldKind::ALL.last().unwrap(),
        claim: None,
        only_contact: None,
        reason: format!("asked for by {}", account.name),
        until: None,
        placed_by: "town".into(),
        placed_at: now,
        lift_asked_by: None,
        lift_asked_at: None,
        lifted_at: None,
        lifted_by: None,
    };
    let key = contact::value_index(
        house.store.keys(),
        &office.practice,
        contact::Kind::Phone,
        account.phone,
    );
    let parts = Arc::new((office.practice.clone(), hold.clone(), key, house.world.clone()));
    let (phone, name) = (account.phone, account.name);
    let written = house.store.write(move |db| {
        let parts = parts.clone();
        Box::pin(async move {
            let (practice, hold, value_index, world) = &*parts;
            store::hold::insert(db, practice, hold).await?;
            let (masked, body) = ("(***) ***-**00", format!("{name} asks why"));
            let new = store::reply::New {
                value_index,
                from: phone,
                masked,
                body: &body,
                class: "other",
                provider_id: "SM-of-the-town",
            };
            let reply = store::reply::insert(db, world, practice, &new).await?;
            let said = conversation::Said {
                value_index,
                masked,
                is_ours: false,
                waits: true,
                state: None,
                begins: conversation::State::Open,
            };
            let conversation = conversation::mark_said(db, world, practice, &said).await?;
            let canned: CannedReplyId = world.mint();
            let (title, words, now) = ("Hours", "We are open until five.", world.now());
            store::canned_reply::insert(db, practice, &canned, title, words, "town", now).await?;
            let (whose, detail) = (Some(&hold.guarantor), Some(body.as_str()));
            store::task::insert(db, world, practice, whose, "question", "town", detail).await?;
            Ok((reply, conversation, canned))
        })
    });
    let (reply, conversation, canned) = written.await.unwrap();
    office.reply = reply;
    office.conversation = Some(conversation);
    office.canned = Some(canned);
    office.hold = Some(hold.id);
    let mut db = house.store.read().await.unwrap();
    let practice = &office.practice;
    let message = store::message::find_by_key(&mut db, practice, &receipt).await.unwrap();
    office.message = Some(message.expect("a receipt was written"));
    let tasks = store::task::list_by_guarantor(&mut db, practice, &office.accounts[0].guarantor);
    office.task = tasks.await.unwrap().first().map(|task| task.id.clone());
    drop(db);
    plan(house, office).await;
}

/// A draft of a profile, a saved segment, and a call to make.
async fn plan(house: &House, office: &mut Office) {
    let practice = office.practice.clone();
    let by = Actor::Staff(office.staff["manager"].to_string());
    let made = house.engine.create_profile(&practice, "Usual", &by).await;
    office.profile = Some(made.unwrap());
    let (world, guarantor) = (house.world.clone(), office.accounts[0].guarantor.clone());
    let written = house.store.write(move |db| {
        let (world, practice, guarantor) = (world.clone(), practice.clone(), guarantor.clone());
        Box::pin(async move {
            let filter = domain::segment::Filter::default();
            let segment =
                store::segment::insert(db, &world, &practice, "Everybody", &filter, "town").await?;
            let call = store::follow_up::New {
                guarantor: &guarantor,
                kind: store::follow_up::Kind::Call,
                script: "reminder",
                reason: "Call after two reminders",
                due_on: world.now().day_in(&jiff::tz::TimeZone::UTC),
                is_urgent: false,
                dedupe_key: "town",
            };
            store::follow_up::insert(db, &world, &practice, &call).await?;
            let calls = store::follow_up::list_by_guarantor(db, &practice, &guarantor).await?;
            Ok((segment, calls.first().map(|call| call.id.clone())))
        })
    });
    (office.segment, office.follow_up) = written.await.unwrap();
}

fn wish(house: &House, practice: &PracticeId, account: &Account, due: i64, part: i64) -> Wish {
    Wish {
        practice: practice.clone(),
        guarantor: account.guarantor.clone(),
        form: house.payments.mint_form(practice, &account.guarantor),
        choice: Choice::Other(Cents(part)),
        shown_due: Cents(due),
        how: How::Element,
        source: Source::Link,
        link_hash: None,
        login: None,
        chosen_claims: vec![],
        receipt_email: Some(account.email.into()),
        language: "en".into(),
        is_held: false,
        restart: false,
        actor: Actor::LinkHolder("town".into()),
        address: "203.0.113.7".into(),
    }
}

async fn open(house: &House, slug: &str, name: &str) -> PracticeId {
    let now = house.world.now();
    let practice = Practice {
        id: house.world.mint(),
        slug: slug.into(),
        name: name.into(),
        settings: Settings {
            legal_name: name.into(),
            phone: "(212) 555-0142".into(),
            state: "NY".into(),
            texts_enabled_by_platform: true,
            texts_enabled_by_practice: true,
            inbox_is_on: true,
            billing_consent_at: Some(now),
            text_campaign_registered: true,
            proof_approved_at: Some(now),
            email_tested_at: Some(now),
            email_from_name: name.into(),
            email_from_address: format!("billing@{slug}.example.org"),
            ..Settings::default()
        },
        version: 1,
        live_at: Some(now),
        outreach_held_at: None,
        outreach_held_why: None,
    };
    let id = practice.id.clone();
    let written = house.store.write(move |db| {
        let practice = practice.clone();
        Box::pin(async move { store::practice::insert(db, &practice, now).await })
    });
    written.await.unwrap();
    id
}

async fn furnish(
    house: &House,
    practice: PracticeId,
    slug: &'static str,
    surname: &str,
    people: &[Who],
) -> Office {
    let mut accounts = Vec::new();
    for who in people {
        accounts.push(settle_in(house, &practice, *who).await);
    }
    let mint = || -> StaffId { house.world.mint() };
    let members: Vec<(StaffId, String, Role)> = Role::ALL
        .into_iter()
        .map(|role| (mint(), format!("{surname} {}", role.as_str()), role))
        .chain([(mint(), format!("{surname} newcomer"), Role::Viewer)])
        .collect();
    let office = Office {
        practice: practice.clone(),
        slug,
        staff: Role::ALL
            .into_iter()
            .zip(&members)
            .map(|(role, member)| (role.as_str(), member.0.clone()))
            .collect(),
        newcomer: members[Role::ALL.len()].0.clone(),
        staff_names: vec![surname.to_owned()],
        accounts,
        import: house.world.mint(),
        job: house.world.mint(),
        draft: house.world.mint(),
        key_id: house.world.mint(),
        key: format!("cbk_{}", new_token(TOKEN_BYTES)),
        hold: None,
        message: None,
        reply: None,
        conversation: None,
        canned: None,
        task: None,
        follow_up: None,
        segment: None,
        profile: None,
    };
    let rows = Rows {
        practice,
        members,
        manager: office.staff["manager"].clone(),
        import: office.import.clone(),
        job: office.job.clone(),
        draft: office.draft.clone(),
        key_id: office.key_id.clone(),
        key: office.key.clone(),
        now: house.world.now(),
    };
    let rows = Arc::new(rows);
    let written = house.store.write(move |db| {
        let rows = rows.clone();
        Box::pin(async move { rows.insert(db).await })
    });
    written.await.unwrap();
    office
}

struct Rows {
    practice: PracticeId,
    members: Vec<(StaffId, String, Role)>,
    manager: StaffId,
    import: ImportId,
    job: JobId,
    draft: DraftId,
    key_id: ApiKeyId,
    key: String,
    now: domain::clock::UnixMs,
}

impl Rows {
    async fn insert(&self, db: &mut Db) -> store::Result<()> {
        let (practice, now) = (&self.practice, self.now);
        for (id, name, role) in &self.members {
            let email = format!("{}@staff.example", name.replace(' ', "."));
            store::staff::insert(db, id, &email, name, None, now).await?;
            store::staff::mark_membership(db, id, practice, *role, now).await?;
        }
        let (key_id, key) = (&self.key_id, self.key.as_str());
        store::api_key::insert(db, practice, key_id, "books", key, "town", now).await?;
        let import = store::import::New {
            id: self.import.clone(),
            practice: practice.clone(),
            source: "town".into(),
            format: "clearbill".into(),
            mode: "full".into(),
            file_name: "book.csv".into(),
            as_of_on: now.day_in(&jiff::tz::TimeZone::UTC).to_string(),
            started_by: "town".into(),
            at: now,
        };
        store::import::insert(db, &import).await?;
        let job = job::Job {
            id: self.job.clone(),
            kind: "reminder".into(),
            method: "text".into(),
            criteria: "{}".into(),
            custom_name: None,
            state: job::State::Approved,
            mark: None,
            created_by: self.manager.to_string(),
            created_at: now,
            approved_by: None,
            approved_at: None,
            finished_at: Some(now),
            paused_at: None,
            paused_by: None,
        };
        job::insert(db, practice, &job).await?;
        let ticks = Ticks::all();
        let (staff, id) = (&self.manager, &self.draft);
        store::statement_draft::insert(db, practice, staff, id, "method=text", &ticks, now).await?;
        Ok(())
    }
}

/// A guarantor with one visit, a phone, an email, a link and a login.
async fn settle_in(house: &House, practice: &PracticeId, who: Who) -> Account {
    let (name, phone, email, due) = who;
    let now = house.world.now();
    let guarantor: GuarantorId = house.world.mint();
    let patient: PatientId = house.world.mint();
    let day = now.minus_ms(30 * DAY_MS).day_in(&jiff::tz::TimeZone::UTC);
    let visits = [ScratchClaim::ready(&patient, Cents(due), day)];
    let (store, world) = (&house.store, &house.world);
    let account = scratch::insert_account(store, world, practice, &guarantor, name, &visits);
    let claim = account.await.unwrap().swap_remove(0);
    let phone_row = contact::New {
        id: house.world.mint(),
        guarantor: guarantor.clone(),
        kind: contact::Kind::Phone,
        value: phone.into(),
        masked: domain::phone::normalise_us(phone).unwrap().masked(),
        line: LineType::Mobile,
        source: "import".into(),
    };
    let email_row = contact::New {
        id: house.world.mint(),
        kind: contact::Kind::Email,
        value: email.into(),
        masked: domain::phone::normalise_email(email).unwrap().masked(),
        line: LineType::Unknown,
        ..phone_row.clone()
    };
    let token = new_token(TOKEN_BYTES);
    let link = link::New {
        token_hash: token_hash(&token),
        guarantor: guarantor.clone(),
        contact: Some(phone_row.id.clone()),
        message: None,
        advertised: None,
        claim: None,
        expires_at: now.plus_ms(30 * DAY_MS),
    };
    let login: LoginId = house.world.mint();
    let contacts = vec![phone_row.id.clone(), email_row.id.clone()];
    let parts = Arc::new((practice.clone(), phone_row, email_row, link, login.clone()));
    let written = house.store.write(move |db| {
        let parts = parts.clone();
        Box::pin(async move {
            let (practice, phone, email, link, login) = &*parts;
            contact::insert(db, practice, phone, now).await?;
            contact::insert(db, practice, email, now).await?;
            link::insert_many(db, practice, std::slice::from_ref(link), now).await?;
            store::login::insert(db, practice, login, &email.value, "", "en", now).await?;
            store::login::insert_account(db, practice, login, &link.guarantor, now).await
        })
    });
    written.await.unwrap();
    Account {
        guarantor,
        contacts,
        claim,
        name,
        phone,
        email,
        token,
        login,
        attempt: None,
        payment: None,
        journal: None,
        numbers: vec![Cents(due).to_string()],
    }
}

/// How long the sessions of this town last.
pub const SESSION_MS: i64 = 60 * MINUTE_MS;

pub fn protocol_now() -> domain::clock::UnixMs {
    real_now()
}
