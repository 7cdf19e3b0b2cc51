//! What the vendors send to us: Stripe's events, Twilio's status callbacks. Each waits in the
//! outbox until it was accepted; refused ones are tried again at growing intervals of business
//! time. Nothing is sent by a timer of its own: `deliver_due` sends what is due and returns.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    faults::{self, FaultKind, Vendor},
    interfax,
    shared::Shared,
    stripe::{self, API_VERSION, endpoints},
    twilio, wall,
    world::{JournalBroken, World},
};

/// Waits between tries of an event, in business time. Stripe tries for up to three days.
const EVENT_WAITS_MS: &[i64] =
    &[5_000, 60_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000, 43_200_000, 43_200_000];
/// Twilio tries a callback once more.
const FORM_WAITS_MS: &[i64] = &[2_000];

/// How long a reordered delivery waits for the one it is to follow.
const REORDER_WAITS_MS: i64 = 60_000;

/// Requests one call of `deliver_due` makes at most; what is left is due in the next.
const MAX_SENDS: usize = 20_000;

/// Both vendors give up on an answer after this long.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// Bytes of an answer that are read. Both vendors limit it.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parcel {
    /// A Stripe event for one endpoint.
    Event { event: String, endpoint: String },
    /// A form signed with the account's auth token.
    Form { operation: String, url: String, params: Vec<(String, String)> },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outgoing {
    pub parcel: Parcel,
    pub due_at_ms: i64,
    pub tries: usize,
    /// The fault script was asked about this delivery already.
    pub asked: bool,
    pub twice: bool,
    /// Reordered: waits until something queued later went to the same place.
    pub behind_next: bool,
}

impl Outgoing {
    pub fn queue(world: &mut World, parcel: Parcel) {
        let id = world.mint("out_", 16);
        let due_at_ms = world.now().0;
        let outgoing =
            Self { parcel, due_at_ms, tries: 0, asked: false, twice: false, behind_next: false };
        world.outbox.put(&id, outgoing);
    }

    fn place(&self) -> &str {
        match &self.parcel {
            Parcel::Event { endpoint, .. } => endpoint,
            Parcel::Form { url, .. } => url,
        }
    }
}

/// A request ready to be sent.
struct Sending {
    id: String,
    url: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    twice: bool,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

/// Sends everything that is due by the business clock. Returns how many requests were made.
pub async fn deliver_due(shared: &Shared) -> Result<usize, JournalBroken> {
    let _turn = shared.delivering.lock().await;
    let mut sent = 0;
    shared.change(pass_time)?;
    sent += twilio::calls::play_due(shared).await?;
    while sent < MAX_SENDS {
        let Some(sending) = shared.change(next_due)? else { break };
        let mut accepted = false;
        for _ in 0..=usize::from(sending.twice) {
            sent += 1;
            let answer = post(shared, &sending.url, &sending.headers, &sending.body).await;
            accepted |= answer.is_some_and(|answer| (200..300).contains(&answer.status));
        }
        shared.change(|world| finish(world, &sending.id, accepted))?;
    }
    Ok(sent)
}

fn pass_time(world: &mut World) {
    stripe::tick(world);
    twilio::messages::tick(world);
    interfax::tick(world);
}

/// The oldest delivery that is due, after asking the fault script about it once.
fn next_due(world: &mut World) -> Option<Sending> {
    loop {
        let now = world.now().0;
        let (id, outgoing) = world
            .outbox
            .oldest_first()
            .find(|(_, outgoing)| outgoing.due_at_ms <= now)
            .map(|(id, outgoing)| (id.to_owned(), outgoing.clone()))?;
        if !outgoing.asked && asked_is_changed(world, &id, &outgoing) {
            continue;
        }
        let Some(outgoing) = world.outbox.get(&id).cloned() else { continue };
        match sending(world, &id, &outgoing) {
            Some(sending) => return Some(sending),
            // Its event or endpoint is gone.
            None => world.outbox.remove(&id),
        };
    }
}

/// Asks the script. True when the delivery is not to be sent as it stands.
fn asked_is_changed(world: &mut World, id: &str, outgoing: &Outgoing) -> bool {
    let operation = match &outgoing.parcel {
        Parcel::Event { event, .. } => {
            let event = world.stripe.events.get(event);
            event.map(|event| event.kind.clone()).unwrap_or_default()
        }
        Parcel::Form { operation, .. } => operation.clone(),
    };
    let fault = faults::take(&mut world.faults, Vendor::Webhook, &operation);
    let mut outgoing = Outgoing { asked: true, ..outgoing.clone() };
    let Some(fault) = fault else {
        world.outbox.put(id, outgoing);
        return false;
    };
    let later = |ms: u64| world.now().plus_ms(i64::try_from(ms).unwrap_or(i64::MAX)).0;
    match fault.kind {
        FaultKind::Drop => {
            world.outbox.remove(id);
            return true;
        }
        FaultKind::Duplicate => outgoing.twice = true,
        FaultKind::Delay => outgoing.due_at_ms = later(fault.hold_ms()),
        FaultKind::Reorder => {
            outgoing.behind_next = true;
            outgoing.due_at_ms = later(REORDER_WAITS_MS.unsigned_abs());
        }
        _ => {
            outgoing.tries = 1;
            outgoing.due_at_ms = later(EVENT_WAITS_MS[0].unsigned_abs());
        }
    }
    world.outbox.put(id, outgoing);
    fault.kind != FaultKind::Duplicate
}

fn sending(world: &World, id: &str, outgoing: &Outgoing) -> Option<Sending> {
    let (id, twice) = (id.to_owned(), outgoing.twice);
    match &outgoing.parcel {
        Parcel::Event { event, endpoint } => {
            let endpoint = world.stripe.endpoints.get(endpoint)?;
            let event = world.stripe.events.get(event)?;
            let version = endpoint.api_version.as_deref().unwrap_or(API_VERSION);
            let pending = endpoints::pending(world, &event.id);
            let body = serde_json::to_vec_pretty(&event.json(version, pending)).ok()?;
            let signature = endpoints::signature(&endpoint.secret, &body, wall::unix_seconds());
            let headers = vec![
                ("content-type", "application/json; charset=utf-8".to_owned()),
                ("user-agent", "Stripe/1.0 (sandbox)".to_owned()),
                ("stripe-signature", signature),
            ];
            Some(Sending { id, url: endpoint.url.clone(), headers, body, twice })
        }
        Parcel::Form { url, params, .. } => {
            let (mut headers, body) = twilio::signed_form(world, url, params);
            if outgoing.tries > 0 {
                headers.push(("i-twilio-idempotency-token", id.clone()));
            }
            Some(Sending { id, url: url.clone(), headers, body, twice })
        }
    }
}

fn finish(world: &mut World, id: &str, accepted: bool) {
    let Some(mut outgoing) = world.outbox.get(id).cloned() else { return };
    let waits = match outgoing.parcel {
        Parcel::Event { .. } => EVENT_WAITS_MS,
        Parcel::Form { .. } => FORM_WAITS_MS,
    };
    let place = outgoing.place().to_owned();
    match waits.get(outgoing.tries).filter(|_| !accepted) {
        Some(wait) => {
            outgoing.tries += 1;
            outgoing.twice = false;
            outgoing.due_at_ms = world.now().plus_ms(*wait).0;
            world.outbox.put(id, outgoing);
        }
        None => {
            world.outbox.remove(id);
            release_reordered(world, &place);
        }
    }
}

/// Something went to `place`: what was to come after it may go now.
fn release_reordered(world: &mut World, place: &str) {
    let now = world.now().0;
    let waiting: Vec<(String, Outgoing)> = world
        .outbox
        .oldest_first()
        .filter(|(_, outgoing)| outgoing.behind_next && outgoing.place() == place)
        .map(|(id, outgoing)| (id.to_owned(), outgoing.clone()))
        .collect();
    for (id, outgoing) in waiting {
        let outgoing = Outgoing { behind_next: false, due_at_ms: now, ..outgoing };
        world.outbox.put(&id, outgoing);
    }
}

/// Posts to the server under test. No answer, or one that breaks off, is none.
pub async fn post(
    shared: &Shared,
    url: &str,
    headers: &[(&'static str, String)],
    body: &[u8],
) -> Option<Answer> {
    let mut request = shared.client.post(shared.reachable(url)).timeout(ANSWER_WITHIN);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let mut response = request.body(body.to_vec()).send().await.ok()?;
    let status = response.status().as_u16();
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_ANSWER_BYTES {
            break;
        }
    }
    Some(Answer { status, body: String::from_utf8_lossy(&bytes).into_owned() })
}
