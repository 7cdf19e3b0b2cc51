//! The stage: stores, clocks that only move when told, and channels that do as they are told.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use connect::channel::{
    Accepted, CallMessage, ChannelError, DeliveryStatus, EmailMessage, FaxMessage, TextMessage,
};
use domain::{
    book::Language,
    clock::{Chance, Clock, UnixMs, World},
    decide::{Channel, Class, LineType},
    gate::SendPermit,
    id::{ClaimId, ContactId, GuarantorId, JobId, PracticeId},
    money::Cents,
    practice::Practice,
    template::Kind,
};
use engine::{
    AccountMail, Channels, Criteria, DeliveryReport, Engine, Found, Letter, Mail, MailParts,
    NewContact, Options, Parts, Script, Selection, Spoken, Text, What, Wording,
};
use futures_util::future::BoxFuture;
use jiff::civil::{Date, date};
use store::{
    Store,
    audit::Actor,
    contact,
    message::{self, Rider},
    scratch,
};

/// Wednesday, 4 March 2026, 10:00 in New York.
pub const WEDNESDAY_10: &str = "2026-03-04T10:00:00-05:00";

pub fn at(text: &str) -> UnixMs {
    UnixMs::parse_rfc3339(text).expect("an instant")
}

#[derive(Clone)]
pub struct MovableClock(Arc<AtomicI64>);

impl MovableClock {
    pub fn at(instant: UnixMs) -> Self {
        Self(Arc::new(AtomicI64::new(instant.0)))
    }

    pub fn set(&self, instant: UnixMs) {
        self.0.store(instant.0, Ordering::SeqCst);
    }
}

impl Clock for MovableClock {
    fn now(&self) -> UnixMs {
        UnixMs(self.0.load(Ordering::SeqCst))
    }
}

#[derive(Default)]
struct Counting(AtomicU64);

impl Chance for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
            let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
            chunk.copy_from_slice(&mixed[..chunk.len()]);
        }
    }
}

/// What a provider has got.
#[derive(Clone, Debug)]
pub struct Out {
    pub channel: Channel,
    pub class: Class,
    pub to: String,
    pub body: String,
    pub unsubscribe: Option<String>,
    pub id: String,
    pub at: UnixMs,
}

/// What the next hand-over meets.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It arrives, and the answer is lost.
    LostAnswer,
    /// It never arrives, and nobody says so.
    LostRequest,
    Says(ChannelError),
    /// The worker dies after it arrived.
    Death,
}

#[derive(Clone, Default)]
pub struct Provider {
    pub out: Arc<Mutex<Vec<Out>>>,
    pub faults: Arc<Mutex<VecDeque<Fault>>>,
    /// What is always said of an address.
    pub refused: Arc<Mutex<BTreeMap<String, ChannelError>>>,
    pub looks: Arc<AtomicU64>,
    /// How faxes end, once they are asked after.
    pub fax_status: Arc<Mutex<Option<DeliveryStatus>>>,
}

impl Provider {
    pub fn meets(&self, fault: Fault) {
        self.faults.lock().expect("no panic").push_back(fault);
    }

    pub fn refuses(&self, to: &str, why: ChannelError) {
        self.refused.lock().expect("no panic").insert(to.to_owned(), why);
    }

    pub fn all(&self) -> Vec<Out> {
        self.out.lock().expect("no panic").clone()
    }

    pub fn to(&self, value: &str) -> Vec<Out> {
        self.all().into_iter().filter(|o| o.to == value).collect()
    }

    fn take(&self, permit: &SendPermit, now: UnixMs, out: Out) -> Result<Accepted, ChannelError> {
        assert!(permit.is_valid_at(now) && permit.recipient() == out.to, "a live permit for them");
        assert_eq!(permit.channel(), out.channel);
        if let Some(why) = self.refused.lock().expect("no panic").get(&out.to) {
            return Err(why.clone());
        }
        let fault = self.faults.lock().expect("no panic").pop_front();
        let accepted =
            Accepted { provider_id: out.id.clone(), status: DeliveryStatus::Queued, segments: 1 };
        match fault {
            None => {
                self.out.lock().expect("no panic").push(out);
                Ok(accepted)
            }
            Some(Fault::LostAnswer) => {
                self.out.lock().expect("no panic").push(out);
                Err(ChannelError::Unknown { cause: "timeout" })
            }
            Some(Fault::LostRequest) => Err(ChannelError::Unknown { cause: "timeout" }),
            Some(Fault::Says(error)) => Err(error),
            Some(Fault::Death) => {
                self.out.lock().expect("no panic").push(out);
                panic!("the worker dies here");
            }
        }
    }
}

impl Channels for Provider {
    fn send_text<'a>(
        &'a self,
        _: &'a Practice,
        permit: SendPermit,
        now: UnixMs,
        message: &'a TextMessage,
    ) -> BoxFuture<'a, Result<Accepted, ChannelError>> {
        let out = Out {
            channel: Channel::Text,
            class: permit.class(),
            to: message.to_e164.clone(),
            body: message.body.clone(),
            unsubscribe: None,
            id: format!("SM{}", permit.message_id()),
            at: now,
        };
        Box::pin(async move { self.take(&permit, now, out) })
    }

    fn find_text<'a>(
        &'a self,
        _: &'a Practice,
        _: Class,
        message: &'a TextMessage,
    ) -> BoxFuture<'a, Result<Option<Found>, ChannelError>> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        let found =
            self.all().into_iter().find(|o| o.to == message.to_e164 && o.body == message.body).map(
                |o| Found {
                    provider_id: o.id,
                    status: DeliveryStatus::Sent,
                    code: None,
                    segments: 1,
                },
            );
        Box::pin(async move { Ok(found) })
    }

    fn place_call<'a>(
        &'a self,
        _: &'a Practice,
        permit: SendPermit,
        now: UnixMs,
        call: &'a CallMessage,
    ) -> BoxFuture<'a, Result<Accepted, ChannelError>> {
        assert_eq!(call.message_id, permit.message_id().as_str());
        let out = Out {
            channel: Channel::Voice,
            class: permit.class(),
            to: call.to_e164.clone(),
            body: String::new(),
            unsubscribe: None,
            id: format!("CA{}", permit.message_id()),
            at: now,
        };
        Box::pin(async move { self.take(&permit, now, out) })
    }

    fn find_calls<'a>(
        &'a self,
        _: &'a Practice,
        call: &'a CallMessage,
    ) -> BoxFuture<'a, Result<Vec<Found>, ChannelError>> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        let mut calls = self.all();
        calls.reverse();
        let found = calls
            .into_iter()
            .filter(|o| o.channel == Channel::Voice && o.to == call.to_e164 && o.at >= call.since)
            .map(|o| Found {
                provider_id: o.id,
                status: DeliveryStatus::Sent,
                code: None,
                segments: 1,
            })
            .collect();
        Box::pin(async move { Ok(found) })
    }

    fn send_fax<'a>(
        &'a self,
        _: &'a Practice,
        permit: SendPermit,
        now: UnixMs,
        fax: &'a FaxMessage,
    ) -> BoxFuture<'a, Result<Accepted, ChannelError>> {
        let out = Out {
            channel: Channel::Fax,
            class: permit.class(),
            to: fax.to_e164.clone(),
            body: String::from_utf8_lossy(&fax.document).into_owned(),
            unsubscribe: None,
            id: format!("FX{}", fax.reference),
            at: now,
        };
        Box::pin(async move { self.take(&permit, now, out) })
    }

    fn find_fax<'a>(
        &'a self,
        _: &'a Practice,
        reference: &'a str,
    ) -> BoxFuture<'a, Result<Option<Found>, ChannelError>> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        let id = format!("FX{reference}");
        let found = self.all().into_iter().find(|o| o.id == id).map(|o| Found {
            provider_id: o.id,
            status: DeliveryStatus::Queued,
            code: None,
            segments: 1,
        });
        Box::pin(async move { Ok(found) })
    }

    fn load_fax<'a>(
        &'a self,
        _: &'a Practice,
        provider_id: &'a str,
    ) -> BoxFuture<'a, Result<DeliveryReport, ChannelError>> {
        let status = self.fax_status.lock().expect("no panic").unwrap_or(DeliveryStatus::Queued);
        let report = DeliveryReport {
            provider_id: provider_id.to_owned(),
            status,
            word: status.as_str().to_owned(),
            code: None,
            cause: None,
        };
        Box::pin(async move { Ok(report) })
    }

    fn send_email<'a>(
        &'a self,
        _: &'a Practice,
        permit: SendPermit,
        now: UnixMs,
        message: &'a EmailMessage,
    ) -> BoxFuture<'a, Result<Accepted, ChannelError>> {
        let out = Out {
            channel: Channel::Email,
            class: permit.class(),
            to: message.to.clone(),
            body: message.text.clone(),
            unsubscribe: message.list_unsubscribe_url.clone(),
            id: message.message_id.clone(),
            at: now,
        };
        Box::pin(async move { self.take(&permit, now, out) })
    }
}

/// Plain words that hold every variable.
pub struct PlainWords;

fn words(letter: &Letter<'_>) -> String {
    let alias = letter.practice.alias();
    match &letter.what {
        What::Reminder { kind: Kind::PaymentPlan, installment: Some(next), pay_link, .. } => {
            let part = next.amount.map(|a| format!(" of {a}")).unwrap_or_default();
            let on = next.on;
            format!("{alias}: Installment{part} on {on}. Pay: {pay_link} Reply STOP to opt out.")
        }
        What::Reminder {
            kind: Kind::CourtesyCharge, amount, due_on, card_last4, pay_link, ..
        } => {
            let amount = amount.map(|a| format!(" {a}")).unwrap_or_default();
            let (on, card) = (due_on.expect("a day"), card_last4.expect("a card"));
            format!("{alias}: Charge{amount} to {card} on {on}. {pay_link} Reply STOP to opt out.")
        }
        What::Reminder { kind: Kind::FailedAutopay, card_last4, pay_link, .. } => {
            let card = card_last4.unwrap_or("your card");
            format!("{alias}: Declined: {card}. Pay: {pay_link} Reply STOP to opt out.")
        }
        What::Reminder { pay_link, amount, .. } => {
            let amount = amount.map(|a| format!(" {a}")).unwrap_or_default();
            format!("{alias}: You have a balance{amount}. Pay: {pay_link} Reply STOP to opt out.")
        }
        What::NewLink { pay_link } => format!("{alias}: {pay_link}"),
        What::Receipt { amount, reference, remaining, .. } => {
            let rest = remaining.map(|r| format!(" Left: {r}.")).unwrap_or_default();
            format!("{alias}: Received {amount}. Reference {reference}.{rest}")
        }
        What::Refund { amount, reference, .. } => format!("{alias}: {amount} back, {reference}"),
        What::Code { code } => format!("{alias}: {code}"),
        What::Account(AccountMail::PasswordReset { link }) => format!("{alias}: {link}"),
        What::Account(_) => format!("{alias}: about your account"),
        What::Staff(_) => "For staff".to_owned(),
    }
}

impl Wording for PlainWords {
    fn text(&self, letter: &Letter<'_>) -> Option<Text> {
        Some(Text { body: words(letter), template: None })
    }

    fn email(&self, letter: &Letter<'_>) -> Option<Mail> {
        let text = words(letter);
        let (subject, html) = ("Your bill".into(), format!("<p>{text}</p>"));
        Some(Mail { subject, html, text, picture_of: None, template: None })
    }

    fn rider(&self, letter: &Letter<'_>, channel: Channel) -> Option<Rider> {
        let What::Reminder { pay_link, amount, .. } = &letter.what else { return None };
        if !matches!(channel, Channel::Text | Channel::Email) {
            return None;
        }
        let amount = amount.map(|a| format!(" {a}")).unwrap_or_default();
        let words = match letter.language {
            Language::English => format!("Another account here also has a balance{amount}:"),
            Language::Spanish => format!("Otra cuenta aqui tambien tiene un saldo{amount}:"),
        };
        let link = (*pay_link).to_owned();
        let html = (channel == Channel::Email).then(|| format!("<p>{words} {link}</p>"));
        Some(Rider { words, link, html })
    }

    fn with_riders(&self, mail: MailParts, riders: &[&Rider]) -> MailParts {
        let MailParts { mut text, mut html } = mail;
        for rider in riders {
            text.push_str(&format!("\n{} {}", rider.words, rider.link));
            html.push_str(rider.html.as_deref().unwrap_or_default());
        }
        MailParts { text, html }
    }

    fn call(&self, letter: &Letter<'_>) -> Option<Spoken> {
        let What::Reminder { amount, .. } = &letter.what else { return None };
        let amount = amount.map(|a| format!(" {a}")).unwrap_or_default();
        let alias = letter.practice.alias();
        let script = Script {
            answered: format!("This is {alias}."),
            balance: format!("You have a balance{amount}."),
            machine: format!("Please call {alias}."),
        };
        Some(Spoken { script, template: None })
    }

    fn paper(&self, letter: &Letter<'_>) -> Option<Text> {
        let What::Reminder { on_paper: Some(paper), .. } = &letter.what else { return None };
        let body = format!("{}\n\n{}", paper.name, words(letter));
        Some(Text { body, template: None })
    }

    fn page(&self, _: Language, paper: &str) -> Vec<u8> {
        paper.as_bytes().to_vec()
    }
}

pub struct Town {
    pub store: Store,
    pub world: World,
    pub clock: MovableClock,
    pub wall: MovableClock,
    pub provider: Provider,
    pub engine: Engine,
    pub practice: PracticeId,
}

pub struct Person {
    pub guarantor: GuarantorId,
    pub claims: Vec<ClaimId>,
    pub phone: ContactId,
}

pub fn staff(name: &str) -> Actor {
    Actor::Staff(format!("stf_{name}"))
}

/// The same story on every database at hand.
pub async fn everywhere<F>(story: F)
where
    F: AsyncFn(Town),
{
    let dir = tempfile::tempdir().expect("a folder");
    for store in scratch::both(dir.path()).await.expect("databases") {
        story(Town::new(store).await).await;
    }
}

impl Town {
    async fn new(store: Store) -> Self {
        let clock = MovableClock::at(at(WEDNESDAY_10));
        let wall = MovableClock::at(at(WEDNESDAY_10));
        let world = World { clock: Arc::new(clock.clone()), chance: Arc::new(Counting::default()) };
        let provider = Provider::default();
        let practice = scratch::insert_practice(&store, &world, "hilltop").await.expect("practice");
        let engine = Engine::new(Parts {
            store: store.clone(),
            world: world.clone(),
            wall: Arc::new(wall.clone()),
            channels: Arc::new(provider.clone()),
            wording: Arc::new(PlainWords),
            options: Options::default(),
            points: Default::default(),
        });
        let town = Self { store, world, clock, wall, provider, engine, practice };
        town.set_up().await;
        town
    }

    async fn set_up(&self) {
        self.settings(|settings, now| {
            settings.phone = "(212) 555-0100".into();
            settings.public_base = "https://pay.hilltop.example".into();
            settings.texts_enabled_by_platform = true;
            settings.texts_enabled_by_practice = true;
            settings.billing_consent_at = Some(now);
            settings.text_number = Some("+12125550100".into());
            settings.code_number = Some("+12125550101".into());
            settings.text_campaign_registered = true;
            settings.carrier_answers_stop = false;
            settings.proof_approved_at = Some(now);
            settings.email_tested_at = Some(now);
            settings.email_from_address = "billing@hilltop.example".into();
        })
        .await;
    }

    pub async fn settings(&self, change: impl Fn(&mut domain::practice::Settings, UnixMs)) {
        let mut practice = self.load_practice().await;
        change(&mut practice.settings, self.world.now());
        self.store
            .write(move |db| {
                let practice = practice.clone();
                Box::pin(async move {
                    let (id, version) = (&practice.id, practice.version);
                    let (name, settings) = (practice.name.as_str(), &practice.settings);
                    store::practice::mark_settings(db, id, version, name, settings).await
                })
            })
            .await
            .expect("settings");
    }

    pub async fn load_practice(&self) -> Practice {
        let mut db = self.store.read().await.expect("read");
        store::practice::load(&mut db, &self.practice).await.expect("load").expect("exists")
    }

    /// Somebody who owes, on an enabled phone with consent.
    pub async fn person(&self, name: &str, number: &str, cents: i64) -> Person {
        self.person_owing(name, number, &[(cents, date(2026, 1, 12))]).await
    }

    /// The same with several bills, each with its day.
    pub async fn person_owing(&self, name: &str, number: &str, bills: &[(i64, Date)]) -> Person {
        let guarantor: GuarantorId = self.world.mint();
        let patient = self.world.mint();
        let bills: Vec<_> = bills
            .iter()
            .map(|(cents, day)| scratch::ScratchClaim::ready(&patient, Cents(*cents), *day))
            .collect();
        let claims = scratch::insert_account(
            &self.store,
            &self.world,
            &self.practice,
            &guarantor,
            name,
            &bills,
        )
        .await
        .expect("account");
        let desk = staff("desk");
        let new =
            NewContact { kind: contact::Kind::Phone, typed: number.into(), line: LineType::Mobile };
        let phone =
            self.engine.add_contact(&self.practice, &guarantor, &new, &desk).await.expect("phone");
        let (p, g, when) = (&self.practice, &guarantor, self.world.now());
        self.engine.enable_texts(p, g, &phone, true, &desk).await.expect("enabled");
        self.engine
            .record_consent(p, g, &phone, true, "form v1", when, &desk)
            .await
            .expect("consent");
        Person { guarantor, claims, phone }
    }

    pub async fn email_of(&self, person: &Person, email: &str) -> ContactId {
        let new =
            NewContact { kind: contact::Kind::Email, typed: email.into(), line: LineType::Unknown };
        let (p, g) = (&self.practice, &person.guarantor);
        let desk = staff("desk");
        let id = self.engine.add_contact(p, g, &new, &desk).await.expect("email");
        // Nobody knows where these people live: the strictest law about email may hold there.
        let when = self.world.now();
        self.engine.record_consent(p, g, &id, true, "form v1", when, &desk).await.expect("consent");
        id
    }

    pub fn by(&self, method: Channel) -> Criteria {
        Criteria { method, ..Criteria::default() }
    }

    pub fn by_text(&self) -> Criteria {
        Criteria::default()
    }

    pub fn by_email(&self) -> Criteria {
        Criteria { method: Channel::Email, ..Criteria::default() }
    }

    pub async fn draft(&self, criteria: &Criteria) -> JobId {
        let by = staff("biller");
        let all = Selection::All;
        let drafted =
            self.engine.create_job(&self.practice, criteria, &all, None, &by).await.expect("job");
        drafted.job
    }

    pub async fn approve(&self, job: &JobId) -> engine::Approved {
        self.engine.approve_job(&self.practice, job, &staff("biller")).await.expect("approved")
    }

    /// Drafts and approves a run for everybody.
    pub async fn remind_all(&self) -> JobId {
        let job = self.draft(&self.by_text()).await;
        self.approve(&job).await;
        job
    }

    pub async fn tick(&self) -> engine::TickReport {
        self.engine.tick().await.expect("tick")
    }

    /// Lets time pass, stopping wherever something is due.
    pub async fn until(&self, end: UnixMs) {
        for _ in 0..100_000 {
            while self.tick().await.did_anything() {}
            let next = self.engine.next_due().await.expect("next");
            let stop = next.filter(|n| *n > self.world.now() && *n < end).unwrap_or(end);
            self.clock.set(stop);
            self.wall.set(stop);
            if stop == end {
                while self.tick().await.did_anything() {}
                return;
            }
        }
        panic!("time stands still");
    }

    pub async fn pass_ms(&self, ms: i64) {
        self.until(self.world.now().plus_ms(ms)).await;
    }

    pub async fn texts_in(&self, number: &str, body: &str, sid: &str) -> Option<String> {
        let reply = engine::Reply {
            practice: self.practice.clone(),
            provider_id: sid.into(),
            from: number.into(),
            to: "+12125550100".into(),
            body: body.into(),
            carrier: engine::CarrierDid::Nothing,
        };
        self.engine.receive_reply(reply).await.expect("reply")
    }

    pub async fn status(&self, claim: &ClaimId) -> String {
        scratch::find_claim_status(&self.store, claim).await.expect("claim")
    }

    /// The practice's system says something else now, as an import would.
    pub async fn owes(&self, person: &Person, cents: i64) {
        let claim = &person.claims[0];
        scratch::mark_patient_due(&self.store, &self.practice, claim, Cents(cents))
            .await
            .expect("due");
        let (practice, guarantor, now) =
            (self.practice.clone(), person.guarantor.clone(), self.world.now());
        self.store
            .write(move |db| {
                let (practice, guarantor) = (practice.clone(), guarantor.clone());
                Box::pin(async move {
                    store::guarantor::mark_check(db, &practice, &guarantor, now).await
                })
            })
            .await
            .expect("check");
    }

    pub async fn history(&self, guarantor: &GuarantorId) -> Vec<message::Line> {
        let filter =
            message::Filter { guarantor: Some(guarantor.clone()), ..message::Filter::default() };
        let mut db = self.store.read().await.expect("read");
        message::list(&mut db, &self.practice, &filter, 100).await.expect("history")
    }
}
