//! What must hold after every step, checked from outside: the vendors' books against ours, and
//! every message against the people it went to.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    clock::UnixMs,
    window::{self, Windows},
    zones,
};
use sandbox::Delivered;

use crate::{Stage, people::Facts};

/// Remembers what was seen, so that each message is judged once, when it is new.
#[derive(Default)]
pub(crate) struct Watch {
    seen: BTreeSet<String>,
}

impl Watch {
    pub async fn check(&mut self, stage: &Stage, facts: &Facts) -> Result<(), String> {
        ledger(stage).await?;
        one_charge_an_attempt(stage)?;
        booked_as_charged(stage).await?;
        self.messages(stage, facts).await?;
        leases(stage).await
    }

    /// When no fault is left and days have passed: every cent and every receipt is in its place.
    pub async fn check_at_rest(&self, stage: &Stage) -> Result<(), String> {
        let kept = stage.sandbox.kept_cents();
        let mut db = stage.store.read().await.map_err(|e| e.to_string())?;
        let booked = store::ledger::sum_at_processor(&mut db, &stage.practice).await;
        let booked = booked.map_err(|e| e.to_string())?.0;
        if kept != booked {
            return Err(format!("the processor holds {kept} cents of ours, the ledger {booked}"));
        }
        let open = store::attempt::count_open(&mut db, &stage.practice).await;
        let open = open.map_err(|e| e.to_string())?;
        if open > 0 {
            return Err(format!("{open} attempts are still open at rest"));
        }
        receipts(stage)
    }

    async fn messages(&mut self, stage: &Stage, facts: &Facts) -> Result<(), String> {
        for item in stage.sandbox.mailbox() {
            if item.automatic || !self.seen.insert(item.id.clone()) {
                continue;
            }
            let is_reminder = item.body.contains("/p/") && !item.body.contains("receipt");
            if !is_reminder {
                continue;
            }
            let at = UnixMs::parse_rfc3339(&item.at).ok_or("a message without a time")?;
            awake(&item, at)?;
            // Opt-outs are noted before anything is sent in a step, so any later text is a fault.
            if item.channel == sandbox::Channel::Text
                && facts.stopped.get(&item.to).is_some_and(|since| at >= *since)
            {
                return Err(format!("somebody who opted out was texted ({})", item.id));
            }
            not_held(stage, facts, &item, at).await?;
        }
        Ok(())
    }
}

async fn ledger(stage: &Stage) -> Result<(), String> {
    let faults = stage.payments.faults().await.map_err(|e| e.to_string())?;
    match faults.first() {
        None => Ok(()),
        Some(fault) => Err(format!("the ledger: {fault:?}")),
    }
}

fn one_charge_an_attempt(stage: &Stage) -> Result<(), String> {
    let mut charged: BTreeMap<String, usize> = BTreeMap::new();
    for charge in stage.sandbox.charges().into_iter().filter(|charge| charge.succeeded) {
        let attempt = charge.metadata.values().next().cloned().unwrap_or(charge.payment_intent);
        *charged.entry(attempt).or_default() += 1;
    }
    match charged.iter().find(|(_, count)| **count > 1) {
        None => Ok(()),
        Some((attempt, count)) => Err(format!("{attempt} was charged {count} times")),
    }
}

/// Whatever is booked was charged, with the same amount; what was charged may not be booked yet.
async fn booked_as_charged(stage: &Stage) -> Result<(), String> {
    let charges = stage.sandbox.charges();
    let mut db = stage.store.read().await.map_err(|e| e.to_string())?;
    let practice = &stage.practice;
    for charge in charges {
        let found = store::payment::find_by_intent(&mut db, practice, &charge.payment_intent).await;
        let Some(payment) = found.map_err(|e| e.to_string())? else { continue };
        if charge.succeeded && payment.captured.0 != charge.amount_cents {
            return Err(format!("{} is booked with another amount", payment.id));
        }
    }
    Ok(())
}

/// No reminder outside the legal hours in any zone its phone may be in.
fn awake(item: &Delivered, at: UnixMs) -> Result<(), String> {
    if item.channel != sandbox::Channel::Text {
        return Ok(());
    }
    let zones = zones::plausible_zones(Some(&item.to), None, None, None);
    if window::is_open(&zones, &Windows::default(), window::Strictness::Hard, at) {
        Ok(())
    } else {
        Err(format!("somebody was texted while asleep, at {at} ({})", item.id))
    }
}

async fn not_held(
    stage: &Stage,
    facts: &Facts,
    item: &Delivered,
    at: UnixMs,
) -> Result<(), String> {
    let Some((_, token)) = item.link.as_deref().and_then(|link| link.split_once("/p/")) else {
        return Ok(());
    };
    let mut db = stage.store.read().await.map_err(|e| e.to_string())?;
    let link = store::link::find_by_token(&mut db, token, stage.world.now()).await;
    let Some(link) = link.map_err(|e| e.to_string())? else { return Ok(()) };
    match facts.held.get(&link.guarantor) {
        Some((_, since)) if at > *since => {
            Err(format!("somebody on hold was reminded ({})", item.id))
        }
        _ => Ok(()),
    }
}

/// Every lease ends: between two steps no worker works, so nothing may be in its hands.
async fn leases(stage: &Stage) -> Result<(), String> {
    let mut db = stage.store.read().await.map_err(|e| e.to_string())?;
    let sending = store::message::queue::count_sending(&mut db).await;
    match sending.map_err(|e| e.to_string())? {
        0 => Ok(()),
        count => Err(format!("{count} messages are still in a worker's hands")),
    }
}

/// One receipt a channel for each payment, never two.
fn receipts(stage: &Stage) -> Result<(), String> {
    let mut count: BTreeMap<(String, String), usize> = BTreeMap::new();
    for item in stage.sandbox.mailbox().into_iter().filter(is_receipt) {
        let words = item.body.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        // One receipt may name its reference more than once.
        let named: BTreeSet<&str> = words.filter(|word| is_reference(word)).collect();
        for reference in named {
            *count.entry((reference.to_owned(), item.to.clone())).or_default() += 1;
        }
    }
    match count.iter().find(|(_, times)| **times > 1) {
        None => Ok(()),
        Some(((reference, to), times)) => {
            let items: Vec<String> = stage
                .sandbox
                .delivered_to(to)
                .into_iter()
                .filter(|item| item.body.contains(reference.as_str()))
                .map(|item| {
                    format!("{:?} {} at {} {:?}", item.channel, item.id, item.at, item.vendor_id)
                })
                .collect();
            Err(format!("the receipt of {reference} was sent {times} times: {}", items.join(", ")))
        }
    }
}

/// A refund's notice names the payment's reference too.
fn is_receipt(item: &Delivered) -> bool {
    let starts = |words: [&str; 2]| {
        let said = item.subject.as_deref().unwrap_or(&item.body);
        words.iter().any(|start| said.contains(start))
    };
    match item.channel {
        sandbox::Channel::Email => starts(["Your payment to", "Su pago a"]),
        sandbox::Channel::Text => starts(["received your payment", "ecibimos su pago"]),
    }
}

/// The form of a payment's reference, `4F7K-2M9P`.
fn is_reference(word: &str) -> bool {
    let bytes = word.as_bytes();
    let letter = |b: &u8| b.is_ascii_digit() || b.is_ascii_uppercase();
    bytes.len() == 9
        && bytes[4] == b'-'
        && bytes[..4].iter().all(letter)
        && bytes[5..].iter().all(letter)
}
