//! What the town knows of itself: whatever its people did and were told, written down when they did
//! it. Nothing here is read back from the product.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    clock::UnixMs,
    id::{GuarantorId, HoldId, JobId, MessageId, ProfileVersionId},
    profile::Profile,
};
use sandbox::{Channel, ChargeView};

use crate::{Played, book::Book, replies::Meaning};

/// Where our adapter writes the attempt on everything it makes at the processor.
const ATTEMPT_KEY: &str = "attempt_id";

/// A statement profile as staff activated it.
#[derive(Clone, Debug)]
pub(crate) struct Activated {
    pub document: Profile,
    pub at: UnixMs,
}

#[derive(Default)]
pub(crate) struct Facts {
    pub book: Book,
    /// Phones whose owner wrote STOP; START takes them out.
    pub stopped: BTreeSet<String>,
    /// Phones that ever were, and those whose owner ever wrote START.
    pub ever_stopped: BTreeSet<String>,
    pub started: BTreeSet<String>,
    /// Phones whose owner wrote RECEIPTS after a STOP.
    pub receipts_only: BTreeSet<String>,
    /// Emails whose owner pressed "unsubscribe".
    pub unsubscribed: BTreeSet<String>,
    /// Phones whose owner pressed 9 in a call.
    pub calls_stopped: BTreeSet<String>,
    /// Phones whose owner may have pressed 2 in a call: to be sent the link.
    pub asked_for_link: BTreeSet<String>,
    /// What each phone has said, as a careful person reads it.
    pub said: BTreeMap<(String, String), Meaning>,
    /// Accounts about which somebody wrote what ends reminders on every channel: until then, or,
    /// with no instant, until staff have looked.
    pub left_in_peace: BTreeMap<GuarantorId, Option<UnixMs>>,
    /// Accounts under a hold that stops reminders.
    pub held: BTreeMap<GuarantorId, HoldId>,
    /// True where a profile's reminders wait for a yes, too.
    pub asks_for_yes: bool,
    /// The words of each message that staff had before them when they said yes to it.
    pub approved_words: BTreeMap<MessageId, BTreeSet<String>>,
    /// Messages that staff took back, one by one or with their job.
    pub taken_back: BTreeSet<MessageId>,
    pub resting: BTreeSet<JobId>,
    pub activated: BTreeMap<ProfileVersionId, Activated>,
    /// Whose each attempt is, from the form they sent.
    pub attempts: BTreeMap<String, GuarantorId>,
    /// What each payer was shown before they typed a card.
    pub agreed_cents: BTreeMap<String, i64>,
    /// Cents that staff asked back, by intent.
    pub asked_back: BTreeMap<String, i64>,
    /// Faults that may lose a message for good, by channel.
    pub lost: BTreeMap<&'static str, usize>,
    /// Phones where a carrier gave up on a text of ours.
    pub not_reached: BTreeSet<String>,
    /// Receipts that the product itself reports as given up, where their vendor was down for days.
    pub given_up: BTreeMap<&'static str, usize>,
    /// Vendors' channels that were down for days.
    pub were_down: BTreeSet<&'static str>,
    /// Mail that a worker held when it died.
    pub mail_in_dead_hands: BTreeSet<MessageId>,
    /// When a worker last died, on the wall clock.
    pub died_at: Option<UnixMs>,
    pub played: Played,
}

impl Facts {
    /// The attempt a charge was made for.
    pub fn attempt_of(charge: &ChargeView) -> Option<&str> {
        charge.metadata.get(ATTEMPT_KEY).map(String::as_str)
    }

    /// What an account owes by the processor's charges: nobody here looks at our own ledger. Money
    /// that staff have asked back counts as given back.
    pub fn owes_cents(&self, guarantor: &GuarantorId, charges: &[ChargeView]) -> i64 {
        let owed = self.book.accounts.get(guarantor).map_or(0, |account| account.owes_cents);
        let is_theirs = |charge: &&ChargeView| {
            let attempt = Self::attempt_of(charge);
            attempt.and_then(|id| self.attempts.get(id)) == Some(guarantor)
        };
        let paid: i64 = charges
            .iter()
            .filter(|charge| charge.succeeded)
            .filter(is_theirs)
            .map(|charge| {
                let asked = self.asked_back.get(&charge.payment_intent).copied();
                charge.amount_cents - charge.refunded_cents.max(asked.unwrap_or(0))
            })
            .sum();
        owed - paid
    }

    pub fn lost_on(&self, channel: Channel) -> usize {
        let by_script = self.lost.get(channel_name(channel)).copied().unwrap_or(0);
        let by_death = match channel {
            Channel::Email => self.mail_in_dead_hands.len(),
            Channel::Text | Channel::Call | Channel::Fax => 0,
        };
        by_script + by_death + self.given_up.get(channel_name(channel)).copied().unwrap_or(0)
    }

    pub fn is_left_in_peace(&self, guarantor: &GuarantorId, at: UnixMs) -> bool {
        self.left_in_peace.get(guarantor).is_some_and(|until| until.is_none_or(|end| at < end))
    }

    /// Everything that was ever charged for an account, whatever was given back since.
    pub fn paid_cents(&self, guarantor: &GuarantorId, charges: &[ChargeView]) -> i64 {
        let theirs = charges.iter().filter(|charge| {
            let attempt = Self::attempt_of(charge);
            charge.succeeded && attempt.and_then(|id| self.attempts.get(id)) == Some(guarantor)
        });
        theirs.map(|charge| charge.amount_cents).sum()
    }
}

pub(crate) const fn channel_name(channel: Channel) -> &'static str {
    match channel {
        Channel::Text => "text",
        Channel::Email => "email",
        Channel::Call => "call",
        Channel::Fax => "fax",
    }
}
