//! Three books that must agree at the end: the processor's, ours, and what people hold in their hands.

use std::collections::BTreeMap;

use domain::{id::GuarantorId, payment::AttemptState};
use serde_json::Value;
use store::{Keys, Store, StoreOptions};

use crate::{
    office::{OWES_CENTS, Office},
    server::Server,
};

/// More than one person of the story has.
const ATTEMPTS_MOST: i64 = 20;

#[derive(Clone, Copy, Debug)]
pub struct Expected {
    pub is_paid: bool,
    /// Pressed Submit Payment at least once.
    pub has_tried: bool,
    pub email_may_be_lost: bool,
}

impl Expected {
    pub fn paid() -> Self {
        Self { is_paid: true, has_tried: true, email_may_be_lost: false }
    }

    pub fn not_paid() -> Self {
        Self { is_paid: false, ..Self::paid() }
    }

    pub fn untouched() -> Self {
        Self { has_tried: false, ..Self::not_paid() }
    }
}

/// Receipts by recipient and channel.
fn receipts(mailbox: &[Value]) -> BTreeMap<String, usize> {
    let mut count = BTreeMap::new();
    for item in mailbox {
        let said = item["subject"].as_str().or(item["body"].as_str()).unwrap_or_default();
        if said.contains("Your payment to") || said.contains("received your payment") {
            *count.entry(item["to"].as_str().unwrap_or_default().to_owned()).or_insert(0) += 1;
        }
    }
    count
}

/// People who have paid and have no text about it, or no email where none could be lost.
pub async fn missing_receipts(
    server: &Server,
    office: &Office,
    expected: &BTreeMap<String, Expected>,
) -> Vec<String> {
    let got = receipts(&server.mailbox().await);
    let lacks = |id: &String| {
        let Some(wanted) = expected.get(id).filter(|wanted| wanted.is_paid) else { return false };
        let person = office.all().into_iter().find(|person| person.id == *id).expect("known");
        let by_email = wanted.email_may_be_lost || got.contains_key(&person.email);
        !(by_email && got.contains_key(&person.phone))
    };
    expected.keys().filter(|id| lacks(id)).cloned().collect()
}

pub async fn compare(server: &Server, office: &Office, expected: &BTreeMap<String, Expected>) {
    let charged = charged(server).await;
    let booked = booked(server).await;
    let balances = office.balances(server).await;
    let receipts = receipts(&server.mailbox().await);
    let attempts = attempts(server).await;
    for person in office.all() {
        let (id, wanted) = (&person.id, expected[&person.id]);
        let mine = &attempts[id];
        let paid = mine.iter().filter(|(_, state)| *state == AttemptState::Succeeded).count();
        let open: Vec<_> = mine.iter().filter(|(_, state)| state.is_open()).collect();
        assert!(open.is_empty(), "{id}: neither paid nor failed: {open:?}");
        assert_eq!(!mine.is_empty(), wanted.has_tried, "{id}: an attempt is lost: {mine:?}");
        assert_eq!(paid, usize::from(wanted.is_paid), "{id}: {mine:?}");

        let charges: Vec<_> = mine.iter().filter_map(|(attempt, _)| charged.get(attempt)).collect();
        let cents: i64 = charges.iter().copied().flatten().sum();
        let times: usize = charges.iter().map(|amounts| amounts.len()).sum();
        let due = if wanted.is_paid { OWES_CENTS } else { 0 };
        assert_eq!((times, cents), (usize::from(wanted.is_paid), due), "{id}: charged otherwise");
        assert_eq!(booked.get(id).copied().unwrap_or(0), due, "{id}: booked otherwise");
        let left = balances.get(id).copied().unwrap_or(0);
        assert_eq!(left, OWES_CENTS - due, "{id}: owes something else");

        let count = |to: &String| receipts.get(to).copied().unwrap_or(0);
        let (texts, emails) = (count(&person.phone), count(&person.email));
        assert_eq!(texts, usize::from(wanted.is_paid), "{id}: texts of a receipt");
        let may_lack = wanted.email_may_be_lost && emails == 0;
        assert!(may_lack || emails == usize::from(wanted.is_paid), "{id}: {emails} emails of one");
    }
    let known: usize = attempts.values().flatten().filter(|(a, _)| charged.contains_key(a)).count();
    assert_eq!(known, charged.len(), "a card was charged for nobody");
}

/// What the processor captured, by attempt. Its intents that brought nothing must be cancelled: a
/// payer who still has the page open cannot pay a closed attempt.
async fn charged(server: &Server) -> BTreeMap<String, Vec<i64>> {
    let stripe = &server.facts["stripe"];
    let (base, key) = (stripe["base"].as_str().unwrap(), stripe["secret_key"].as_str().unwrap());
    let url = format!("{base}/v1/payment_intents?limit=100");
    let answer = server.client.get(url).bearer_auth(key).send().await.unwrap();
    let said: Value = answer.json().await.unwrap();
    assert_eq!(said["has_more"], false, "more intents than people");
    let mut charged: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for intent in said["data"].as_array().unwrap() {
        match intent["status"].as_str().unwrap() {
            "succeeded" => {
                let attempt = intent["metadata"]["attempt_id"].as_str().expect("an attempt");
                let cents = intent["amount_received"].as_i64().unwrap();
                charged.entry(attempt.to_owned()).or_default().push(cents);
            }
            status => assert_eq!(status, "canceled", "an intent can still be paid: {intent}"),
        }
    }
    charged
}

/// What the practice's system is told, by its own ids.
async fn booked(server: &Server) -> BTreeMap<String, i64> {
    let key = server.facts["api_key"].as_str().unwrap();
    let url = format!("{}/api/v1/payments?limit=500", server.base());
    let answer = server.client.get(url).bearer_auth(key).send().await.unwrap();
    let said: Value = answer.json().await.unwrap();
    let mut booked = BTreeMap::new();
    for payment in said["payments"].as_array().unwrap() {
        let id = payment["guarantor_external_id"].as_str().unwrap().to_owned();
        *booked.entry(id).or_insert(0) += payment["captured_cents"].as_i64().unwrap();
    }
    booked
}

/// Every attempt and how it stands, by the practice's id of its owner: read beside the server, as
/// the commands do.
async fn attempts(server: &Server) -> BTreeMap<String, Vec<(String, AttemptState)>> {
    let options = StoreOptions {
        database_url: server.database_url.clone(),
        data_dir: server.dir.clone(),
        is_server: false,
    };
    let store = Store::open(options, Keys::load_or_make(&server.dir).unwrap()).await.unwrap();
    let mut db = store.read().await.unwrap();
    let practice = store::practice::find_by_slug(&mut db, "demo").await.unwrap().unwrap().id;
    let people = store::guarantor::list_ids(&mut db, &practice, "", 1_000).await.unwrap();
    let mut found = BTreeMap::new();
    for person in people {
        let owner: &GuarantorId = &person.id;
        let list = store::attempt::list(&mut db, &practice, owner, ATTEMPTS_MOST).await.unwrap();
        let states = list.into_iter().map(|one| (one.id.to_string(), one.state)).collect();
        found.insert(person.external_id, states);
    }
    drop(db);
    store.close().await;
    found
}
