//! A practice, its guarantors, and the processor.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use domain::{
    clock::{Chance, Clock, UnixMs, World},
    id::{AttemptId, ClaimId, GuarantorId, PatientId, PracticeId},
    money::Cents,
    payment::{Choice, Source},
};
use hmac::{Hmac, KeyInit, Mac};
use jiff::civil::{Date, date};
use payments::{
    CheckoutPage, How, Outcome, Payments, PaymentsOptions, Receipt, Staff, Started, Wish,
};
use sandbox::{FaultRule, PaymentEnd, Sandbox, SandboxOptions};
use secrecy::ExposeSecret;
use sha2::Sha256;
use store::{
    Store,
    audit::Actor,
    merchant::Merchant,
    payment::{Filter, Payment},
    scratch::{self, ScratchClaim},
};

pub const GOOD_CARD: &str = "4242424242424242";
pub const EMPTY_CARD: &str = "4000000000009995";
/// A Wednesday at noon in New York.
pub const NOON: i64 = 1_772_643_600_000;
pub const FULL: i64 = 8_200;

#[derive(Clone)]
pub struct MovableClock(Arc<AtomicI64>);

impl Clock for MovableClock {
    fn now(&self) -> UnixMs {
        UnixMs(self.0.load(Ordering::SeqCst))
    }
}

#[derive(Default)]
struct Counting(AtomicU64);

impl Chance for Counting {
    /// Distinct, and spread over all bits, so that short references do not meet.
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
            let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let mixed = (mixed ^ (mixed >> 31)).to_be_bytes();
            chunk.copy_from_slice(&mixed[..chunk.len()]);
        }
    }
}

pub struct House {
    pub store: Store,
    pub world: World,
    pub sandbox: Sandbox,
    pub payments: Payments,
    pub practice: PracticeId,
    /// Owes $82.00 for one visit.
    pub maria: GuarantorId,
    pub marias_claim: ClaimId,
    pub merchant: Merchant,
    clock: MovableClock,
}

/// One house for each database.
pub async fn houses(dir: &std::path::Path) -> Vec<House> {
    let mut houses = Vec::new();
    for store in scratch::both(dir).await.unwrap() {
        houses.push(House::build(store).await);
    }
    houses
}

impl House {
    async fn build(store: Store) -> Self {
        let clock = MovableClock(Arc::new(AtomicI64::new(NOON)));
        let chance: Arc<dyn Chance> = Arc::new(Counting::default());
        let world = World { clock: Arc::new(clock.clone()), chance: chance.clone() };
        let options = SandboxOptions::new(Arc::new(clock.clone()), chance);
        let sandbox = Sandbox::start(options).await.unwrap();
        let practice = scratch::insert_practice(&store, &world, "north").await.unwrap();
        let merchant = Merchant {
            base_url: sandbox.stripe_base(),
            secret_key: sandbox.stripe_secret_key().to_owned(),
            publishable_key: sandbox.stripe_publishable_key().to_owned(),
            webhook_secrets: vec!["whsec_of_the_test".into()],
            js_url: String::new(),
            checkout_origin: String::new(),
            account: None,
            livemode: false,
        };
        let options = PaymentsOptions { gateway_timeout_ms: 1_500, ..Default::default() };
        let payments = Payments::new(store.clone(), world.clone(), options);
        let maria: GuarantorId = world.mint();
        let mut house = Self {
            marias_claim: world.mint(),
            store,
            world,
            sandbox,
            payments,
            practice,
            maria: maria.clone(),
            merchant: merchant.clone(),
            clock,
        };
        house.set_merchant(&merchant).await;
        let claims = house.account(&maria, "Maria Lopez", &[FULL]).await;
        house.marias_claim = claims[0].clone();
        house
    }

    pub async fn set_merchant(&self, merchant: &Merchant) {
        let (practice, merchant, now) = (self.practice.clone(), merchant.clone(), self.world.now());
        self.store
            .write(move |db| {
                let (practice, merchant) = (practice.clone(), merchant.clone());
                Box::pin(async move { store::merchant::mark(db, &practice, &merchant, now).await })
            })
            .await
            .unwrap();
    }

    /// A guarantor with a visit a month for each amount, all of one patient.
    pub async fn account(&self, guarantor: &GuarantorId, name: &str, dues: &[i64]) -> Vec<ClaimId> {
        let patient: PatientId = self.world.mint();
        let claims: Vec<ScratchClaim> = dues
            .iter()
            .zip(1..)
            .map(|(due, month)| ScratchClaim::ready(&patient, Cents(*due), day(month)))
            .collect();
        scratch::insert_account(&self.store, &self.world, &self.practice, guarantor, name, &claims)
            .await
            .unwrap()
    }

    pub async fn somebody(&self, name: &str, dues: &[i64]) -> (GuarantorId, Vec<ClaimId>) {
        let guarantor: GuarantorId = self.world.mint();
        let claims = self.account(&guarantor, name, dues).await;
        (guarantor, claims)
    }

    pub fn advance_minutes(&self, minutes: i64) {
        self.clock.0.fetch_add(minutes * 60_000, Ordering::SeqCst);
    }

    pub fn fault(&self, rule: FaultRule) {
        self.sandbox.add_faults(vec![rule]).unwrap().unwrap();
    }

    /// Submit Payment for the full amount on a fresh page.
    pub fn wish(&self, guarantor: &GuarantorId, due: i64) -> Wish {
        Wish {
            practice: self.practice.clone(),
            guarantor: guarantor.clone(),
            form: self.payments.mint_form(&self.practice, guarantor),
            choice: Choice::Full,
            shown_due: Cents(due),
            how: How::Element,
            source: Source::Link,
            link_hash: None,
            login: None,
            chosen_claims: vec![],
            receipt_email: Some("maria@example.com".into()),
            language: "en".into(),
            is_held: false,
            restart: false,
            actor: Actor::LinkHolder("abc".into()),
            address: "203.0.113.7".into(),
        }
    }

    pub fn wish_checkout(&self, guarantor: &GuarantorId, due: i64) -> Wish {
        let page = CheckoutPage {
            label: "Payment to North".into(),
            success_url: "http://127.0.0.1:3000/pay/return".into(),
            cancel_url: "http://127.0.0.1:3000/pay".into(),
        };
        Wish { how: How::Checkout(page), ..self.wish(guarantor, due) }
    }

    /// The attempt and the secret that the script gets.
    pub async fn start(&self, wish: &Wish) -> (AttemptId, String) {
        match self.payments.start(wish).await.unwrap() {
            Started::Element { attempt, client_secret, .. } => {
                (attempt, client_secret.expose_secret().to_owned())
            }
            other => panic!("{other:?}"),
        }
    }

    pub async fn returned(&self, guarantor: &GuarantorId, attempt: &AttemptId) -> Outcome {
        self.payments.confirm_returned(&self.practice, guarantor, attempt).await.unwrap()
    }

    /// A whole payment: page, card, return.
    pub async fn pay(&self, guarantor: &GuarantorId, due: i64, amount: i64) -> Receipt {
        let mut wish = self.wish(guarantor, due);
        if due != amount {
            wish.choice = Choice::Other(Cents(amount));
        }
        let (attempt, secret) = self.start(&wish).await;
        assert_eq!(self.sandbox.pay_intent(&secret, GOOD_CARD).unwrap(), PaymentEnd::Succeeded);
        match self.returned(guarantor, &attempt).await {
            Outcome::Paid(receipt) => *receipt,
            other => panic!("{other:?}"),
        }
    }

    pub async fn payments_of(&self, guarantor: &GuarantorId) -> Vec<Payment> {
        let mut db = self.store.read().await.unwrap();
        store::payment::list_by_guarantor(&mut db, &self.practice, guarantor, 100).await.unwrap()
    }

    pub async fn due(&self, guarantor: &GuarantorId) -> i64 {
        let mut db = self.store.read().await.unwrap();
        let facts = store::balance::load(&mut db, &self.practice, guarantor).await.unwrap();
        domain::balance::due(&facts).due.0
    }

    pub async fn count(&self, table: &'static str) -> i64 {
        scratch::count(&self.store, table).await.unwrap()
    }

    pub async fn version(&self, payment: &Payment) -> i64 {
        let mut db = self.store.read().await.unwrap();
        let found = store::payment::find(&mut db, &self.practice, &payment.id).await.unwrap();
        found.unwrap().version
    }

    pub async fn all(&self, filter: Filter) -> Vec<payments::FoundPayment> {
        self.payments.find_payments(&self.practice, &filter, 100).await.unwrap()
    }

    /// Every invariant of the books, and that the processor and the ledger hold the same cents.
    pub async fn check(&self) {
        let faults = self.payments.faults().await.unwrap();
        assert!(faults.is_empty(), "{faults:?}");
        let mut ledger = 0;
        for found in self.all(Filter::default()).await {
            let mut db = self.store.read().await.unwrap();
            let totals =
                store::posting::load_totals(&mut db, &self.practice, &found.row.id).await.unwrap();
            ledger += totals.at_processor.0;
        }
        assert_eq!(ledger, self.sandbox.kept_cents());
    }

    /// An event as the processor signs it, straight into the inbox.
    pub async fn event(
        &self,
        id: &str,
        kind: &str,
        object: &str,
    ) -> Result<payments::Accepted, payments::BadWebhook> {
        let (body, header) = self.signed(id, kind, object, "whsec_of_the_test", SIGNED_AT);
        self.payments.accept_webhook(&self.practice, &body, &header, SIGNED_AT).await
    }

    pub fn signed(
        &self,
        id: &str,
        kind: &str,
        object: &str,
        secret: &str,
        at: i64,
    ) -> (Vec<u8>, String) {
        let body = format!(
            r#"{{"id":"{id}","object":"event","type":"{kind}","created":{at},"livemode":false,"data":{{"object":{object}}}}}"#
        );
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(format!("{at}.{body}").as_bytes());
        let header = format!("t={at},v1={}", hex::encode(mac.finalize().into_bytes()));
        (body.into_bytes(), header)
    }
}

/// The real clock, which is another than the business clock.
pub const SIGNED_AT: i64 = 1_800_000_000;

pub fn intent_object(intent: &str) -> String {
    format!(r#"{{"id":"{intent}","object":"payment_intent"}}"#)
}

pub fn biller() -> Staff {
    Staff { actor: Actor::Staff("stf_biller".into()), address: "192.0.2.4".into() }
}

fn day(month: i8) -> Date {
    date(2026, month, 2)
}
