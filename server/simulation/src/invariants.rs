//! What must hold, one function each: given what was seen from outside, it says what is wrong or
//! nothing. They decide nothing by the product's own word, and each of them can fail: the tests below
//! show it.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    clock::{DAY_MS, UnixMs},
    id::GuarantorId,
    window::{self, Windows},
    zones,
};
use sandbox::{Channel, ChargeView, Delivered};

use crate::{
    book::Account,
    facts::{Facts, channel_name},
    letter::{self, Kind},
};

pub(crate) mod outreach;

pub(crate) type Held = Result<(), String>;

/// Accounts that one message may speak for.
const ACCOUNTS_MOST: usize = 3;

/// How many notices a person, and a phone or email, may get in how long (M15).
const CAPS: [(usize, i64); 3] = [(1, DAY_MS), (2, 7 * DAY_MS), (4, 30 * DAY_MS)];

/// A reminder that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Reminder {
    /// The message as delivered: one for several accounts has one of these for each.
    pub item: String,
    pub to: String,
    pub guarantor: GuarantorId,
    /// The run it belongs to: a text and an email of one run are one notice.
    pub notice: String,
    /// What the phone or email heard: of one message the same for each of its accounts.
    pub heard_by_contact: String,
    pub at: UnixMs,
}

// ---- messages -----------------------------------------------------------------------------------

/// It went to a phone or email of the account it is about, and nowhere else.
pub(crate) fn addressed(account: &Account, item: &Delivered) -> Held {
    match account.contact(item.channel) {
        Some(contact) if contact.eq_ignore_ascii_case(&item.to) => Ok(()),
        _ => Err(format!("a stranger got somebody's message ({})", item.id)),
    }
}

/// Between eight and nine where the phone is from and where its owner lives, all of them. Emails
/// wake nobody.
pub(crate) fn awake(account: &Account, item: &Delivered, at: UnixMs) -> Held {
    if item.channel == Channel::Email {
        return Ok(());
    }
    let (zip, state) = (account.zip.as_deref(), account.state.as_deref());
    let zones = zones::plausible_zones(Some(&item.to), zip, state, None);
    if window::is_open(&zones, &Windows::default(), window::Strictness::Hard, at) {
        Ok(())
    } else {
        Err(format!("somebody was texted while asleep, at {at} ({})", item.id))
    }
}

/// After STOP no text and no call, of whatever kind, but receipts for whoever asked for those (the
/// answer to the STOP itself is judged where it is given); after "unsubscribe" no reminder; after a 9
/// no call.
pub(crate) fn not_opted_out(facts: &Facts, item: &Delivered, kind: Kind) -> Held {
    let stopped = facts.stopped.contains(&item.to);
    // Who kept receipts also hears that a payment went back: it names the payment.
    let is_about_a_payment = kind == Kind::Receipt || !letter::references(item).is_empty();
    let is_out = match item.channel {
        Channel::Text => stopped && !(is_about_a_payment && facts.receipts_only.contains(&item.to)),
        Channel::Email => kind == Kind::Reminder && facts.unsubscribed.contains(&item.to),
        Channel::Call => stopped || facts.calls_stopped.contains(&item.to),
        Channel::Fax => false,
    };
    if is_out {
        let (id, words) = (&item.id, &item.body);
        return Err(format!("somebody who opted out was messaged ({id}): {words}"));
    }
    Ok(())
}

/// No reminder by text to anybody who never agreed to texts, no call to anybody who never agreed to
/// calls, and no fax to anybody whom something else reaches.
pub(crate) fn consented(facts: &Facts, account: &Account, item: &Delivered) -> Held {
    let may = match item.channel {
        Channel::Email => true,
        Channel::Text => account.agreed_to_texts || facts.started.contains(&item.to),
        Channel::Call => account.agreed_to_calls,
        Channel::Fax => !account.agreed_to_texts || account.phone.is_none(),
    };
    if may { Ok(()) } else { Err(format!("{} never agreed to that ({})", item.to, item.id)) }
}

/// A text with the link goes outside of all this to somebody on the line who pressed the key for it.
pub(crate) fn asked_for(facts: &Facts, item: &Delivered) -> Held {
    if facts.asked_for_link.contains(&item.to) {
        return Ok(());
    }
    Err(format!("{} was sent a link that nobody asked for ({})", item.to, item.id))
}

/// Neither staff nor the person's own words stand in the way.
pub(crate) fn not_held(
    facts: &Facts,
    guarantor: &GuarantorId,
    item: &Delivered,
    at: UnixMs,
) -> Held {
    if facts.held.contains_key(guarantor) {
        return Err(format!("somebody on hold was reminded ({})", item.id));
    }
    if facts.is_left_in_peace(guarantor, at) {
        return Err(format!("somebody was reminded against their own words ({})", item.id));
    }
    Ok(())
}

/// Whoever is reminded owes something at that moment, by the processor's charges.
pub(crate) fn still_owes(
    facts: &Facts,
    guarantor: &GuarantorId,
    charges: &[ChargeView],
    item: &Delivered,
) -> Held {
    let owes = facts.owes_cents(guarantor, charges);
    if owes > 0 {
        Ok(())
    } else {
        Err(format!("{guarantor} has paid and was reminded ({})", item.id))
    }
}

/// A message speaks for one account, or for few of one phone or email (D-4).
pub(crate) fn few_enough(links: &[&str], item: &Delivered) -> Held {
    match links.len() {
        1..=ACCOUNTS_MOST => Ok(()),
        many => Err(format!("a reminder with {many} links to pay ({})", item.id)),
    }
}

/// Each link of a message opens another account (D-6).
pub(crate) fn told_apart(sent: &[Reminder], item: &Delivered) -> Held {
    let mut seen = BTreeSet::new();
    match sent.iter().filter(|one| one.item == item.id).find(|one| !seen.insert(&one.guarantor)) {
        None => Ok(()),
        Some(twice) => Err(format!("{} stands twice in a message ({})", twice.guarantor, item.id)),
    }
}

/// The caps, for the person and for the phone or email, over everything that arrived: no stretch of
/// that length holds any part of more notices. The halves of one notice can come hours apart, and the
/// later one counts as much as the earlier: to count a notice from its first half alone would let
/// through a text at night and the next notice in the morning.
pub(crate) fn within_caps(sent: &[Reminder]) -> Held {
    let mut heard: BTreeMap<&str, Vec<(UnixMs, String)>> = BTreeMap::new();
    for one in sent {
        let notice = format!("{} {}", one.notice, one.guarantor);
        heard.entry(one.guarantor.as_str()).or_default().push((one.at, notice));
        heard.entry(&one.to).or_default().push((one.at, one.heard_by_contact.clone()));
    }
    for (subject, mut heard) in heard {
        heard.sort();
        for (most, within_ms) in CAPS {
            for (last, _) in &heard {
                let stretch = || {
                    let back = |at: &UnixMs| last.since(*at);
                    heard.iter().filter(move |(at, _)| (0..within_ms).contains(&back(at)))
                };
                let notices: BTreeSet<&String> = stretch().map(|(_, notice)| notice).collect();
                if notices.len() > most {
                    let at: Vec<String> = stretch().map(|(at, _)| at.to_string()).collect();
                    let (days, at) = (within_ms / DAY_MS, at.join(", "));
                    return Err(format!(
                        "{subject} got more than {most} reminders in {days} days: {at}"
                    ));
                }
            }
        }
    }
    Ok(())
}

// ---- money --------------------------------------------------------------------------------------

/// One charge an attempt at most, of the amount that was shown to whoever began it.
pub(crate) fn charged_once(facts: &Facts, charges: &[ChargeView]) -> Held {
    let mut seen = BTreeSet::new();
    for charge in charges.iter().filter(|charge| charge.succeeded) {
        let Some(attempt) = Facts::attempt_of(charge) else {
            return Err(format!("{} was charged for no attempt", charge.id));
        };
        if !seen.insert(attempt) {
            return Err(format!("{attempt} was charged twice"));
        }
        if !facts.attempts.contains_key(attempt) {
            return Err(format!("{attempt} was charged, and nobody began it"));
        }
        if let Some(agreed) = facts.agreed_cents.get(attempt).filter(|a| **a != charge.amount_cents)
        {
            let charged = charge.amount_cents;
            return Err(format!("{attempt} was charged {charged} instead of {agreed}"));
        }
    }
    Ok(())
}

/// Cents here and at the processor, for one practice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cents {
    /// Charged there and booked here, with the same amount.
    pub charged_and_booked: i64,
    /// Captured there less given back there.
    pub kept_there: i64,
    /// Given back there, of what is booked.
    pub given_back_there: i64,
    /// What the ledger says the processor holds.
    pub ledger: i64,
}

/// While news is under way: the ledger holds no cent that was not charged, and has given back none
/// that was not given back.
pub(crate) fn nothing_invented(cents: Cents) -> Held {
    let given_back = cents.charged_and_booked - cents.ledger;
    if given_back < 0 {
        return Err(format!("the ledger holds {} cents that nobody was charged", -given_back));
    }
    if given_back > cents.given_back_there {
        let there = cents.given_back_there;
        return Err(format!("the ledger gave {given_back} cents back, the processor {there}"));
    }
    Ok(())
}

/// When all news has arrived: the same cents on both sides.
pub(crate) fn conserved(cents: Cents) -> Held {
    let Cents { kept_there, ledger, .. } = cents;
    if kept_there == ledger {
        return Ok(());
    }
    Err(format!("the processor holds {kept_there} cents of ours, the ledger {ledger}"))
}

// ---- receipts -----------------------------------------------------------------------------------

/// A receipt that arrived: which payment it names, and where it went.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Receipt {
    pub reference: String,
    pub channel: &'static str,
    pub to: String,
}

/// A payment that succeeded, and whose it is.
#[derive(Clone, Debug)]
pub(crate) struct Paid {
    pub reference: String,
    pub guarantor: GuarantorId,
}

/// Never two receipts of one payment on one channel.
pub(crate) fn no_receipt_twice(receipts: &[Receipt]) -> Held {
    let mut seen = BTreeSet::new();
    match receipts.iter().find(|r| !seen.insert((&r.reference, r.channel))) {
        None => Ok(()),
        Some(twice) => Err(format!(
            "the receipt of {} was sent by {} more than once",
            twice.reference, twice.channel
        )),
    }
}

/// When everything has come to rest: each payment has its receipt on every channel that its payer's
/// contacts allow, but for as many as the script lost on purpose.
pub(crate) fn no_receipt_missing(facts: &Facts, paid: &[Paid], receipts: &[Receipt]) -> Held {
    for channel in [Channel::Email, Channel::Text] {
        let name = channel_name(channel);
        let missing: Vec<String> = paid
            .iter()
            .filter(|payment| may_get_receipt(facts, &payment.guarantor, channel))
            .filter(|paid| {
                let is_its = |r: &Receipt| r.reference == paid.reference && r.channel == name;
                !receipts.iter().any(is_its)
            })
            .map(|paid| format!("{} of {}", paid.reference, paid.guarantor))
            .collect();
        if missing.len() > facts.lost_on(channel) {
            let lost = facts.lost_on(channel);
            let all = missing.join(", ");
            return Err(format!("no receipt by {name} of {all}; the script lost {lost} of them"));
        }
    }
    Ok(())
}

fn may_get_receipt(facts: &Facts, guarantor: &GuarantorId, channel: Channel) -> bool {
    let Some(account) = facts.book.accounts.get(guarantor) else { return false };
    let Some(contact) = account.contact(channel) else { return false };
    match channel {
        Channel::Email => true,
        Channel::Text => {
            account.agreed_to_texts
                && !facts.ever_stopped.contains(contact)
                && !facts.not_reached.contains(contact)
        }
        Channel::Call | Channel::Fax => false,
    }
}

// ---- work ---------------------------------------------------------------------------------------

/// Every lease ends: between two steps no worker works, so nothing that is due may be in its hands,
/// unless it died there and the lease still runs.
pub(crate) fn leases_end(
    in_hand: i64,
    died_at: Option<UnixMs>,
    wall: UnixMs,
    lease_ms: i64,
) -> Held {
    if in_hand == 0 || died_at.is_some_and(|at| wall.since(at) < lease_ms) {
        return Ok(());
    }
    Err(format!("{in_hand} messages are still in a worker's hands"))
}

#[cfg(test)]
mod tests;
