//! The only door to a channel.
//!
//! A channel takes a `SendPermit` by value, and only `admit` makes one, after `decide` said yes at
//! that moment: consent, window, caps, holds, balance and approval, all looked at together. A permit
//! is for one message to one recipient and dies after five seconds, so that neither a stalled worker
//! nor a retry can send on yesterday's yes (decision 31).
//!
//! Nobody else can make one:
//!
//! ```compile_fail,E0451
//! use domain::{clock::UnixMs, gate::SendPermit, id::MessageId};
//! let permit = SendPermit {
//!     message_id: MessageId::trusted("msg_1"),
//!     recipient: "+12125550123".into(),
//!     made_at: UnixMs(0),
//! };
//! ```
//!
//! nor keep a second copy of one:
//!
//! ```compile_fail,E0599
//! fn twice(permit: domain::gate::SendPermit) {
//!     let _second = permit.clone();
//! }
//! ```
//!
//! nor read one back from a file or a queue:
//!
//! ```compile_fail,E0277
//! let _permit: domain::gate::SendPermit = serde_json::from_str("{}").unwrap();
//! ```

use crate::{
    clock::{SECOND_MS, UnixMs},
    decide::{Channel, Class, Decision, Facts, Proposed, Rules, decide, slot_expired},
    id::MessageId,
};

/// How long a permit, and the rate limiter's slot before it, may be held.
pub const PERMIT_LASTS_MS: i64 = 5 * SECOND_MS;

/// A turn given by the rate limiter of the sending number or mail server. Taken before the decision,
/// so that nothing stale waits in line behind it.
#[derive(Debug)]
#[must_use = "a slot that is dropped is a turn wasted"]
pub struct RateSlot {
    taken_at: UnixMs,
}

impl RateSlot {
    /// For the rate limiter: the slot it has just given.
    pub const fn taken_at(now: UnixMs) -> Self {
        Self { taken_at: now }
    }

    const fn is_valid_at(&self, now: UnixMs) -> bool {
        is_fresh(self.taken_at, now)
    }
}

/// Leave to send one message to one recipient, now.
#[derive(Debug)]
#[must_use = "a permit that is dropped sends nothing"]
pub struct SendPermit {
    message_id: MessageId,
    recipient: String,
    channel: Channel,
    class: Class,
    content_hash: String,
    made_at: UnixMs,
    decision: Decision,
}

impl SendPermit {
    pub fn message_id(&self) -> &MessageId {
        &self.message_id
    }

    /// The number in E.164, or the email address.
    pub fn recipient(&self) -> &str {
        &self.recipient
    }

    pub fn channel(&self) -> Channel {
        self.channel
    }

    /// Which sender to use: codes have one of their own.
    pub fn class(&self) -> Class {
        self.class
    }

    /// What the body and amount must hash to.
    pub fn content_hash(&self) -> &str {
        &self.content_hash
    }

    /// The decision it rests on, to be stored with the message.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Uses up the permit of another account's message, which goes in this one to the same phone or
    /// email. False when it is for somebody else: then nothing may go for it.
    #[must_use = "what is not carried does not go"]
    pub fn carry(&mut self, rider: Self) -> bool {
        let is_same = rider.recipient == self.recipient
            && rider.channel == self.channel
            && rider.class == self.class;
        if is_same {
            // Both were given for now: the hand-over ends with the older of them.
            self.made_at = UnixMs(self.made_at.0.min(rider.made_at.0));
        }
        is_same
    }

    /// Five seconds, and not before it was made.
    pub fn is_valid_at(&self, now: UnixMs) -> bool {
        is_fresh(self.made_at, now)
    }
}

/// Decides, and gives leave to send when the answer is yes; otherwise the decision says until when
/// to wait or why not. The recipient is the proposal's, whose facts must be the ones given.
pub fn admit(
    message: &Proposed,
    facts: &Facts,
    rules: &Rules,
    slot: RateSlot,
    now: UnixMs,
) -> Result<SendPermit, Decision> {
    let decision = decide(message, facts, rules, now);
    if !decision.sends() {
        return Err(decision);
    }
    if !slot.is_valid_at(now) {
        return Err(slot_expired(decision, now));
    }
    Ok(SendPermit {
        message_id: message.message_id.clone(),
        recipient: message.recipient.clone(),
        channel: message.channel,
        class: message.class,
        content_hash: message.content_hash.clone(),
        made_at: now,
        decision,
    })
}

const fn is_fresh(made_at: UnixMs, now: UnixMs) -> bool {
    made_at.0 <= now.0 && now.since(made_at) < PERMIT_LASTS_MS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::{
        Outcome, RuleId,
        tests::{PHONE, maria, reminder, wednesday},
    };

    fn knock(facts: &Facts, slot: RateSlot, now: UnixMs) -> Result<SendPermit, Decision> {
        admit(&reminder(), facts, &Rules::default(), slot, now)
    }

    #[test]
    fn a_reminder_nothing_speaks_against_gets_a_permit_for_five_seconds() {
        let now = wednesday();
        let permit = knock(&maria(), RateSlot::taken_at(now), now).unwrap();
        assert_eq!(permit.recipient(), PHONE);
        assert_eq!(permit.message_id(), &reminder().message_id);
        assert_eq!(permit.channel(), Channel::Text);
        assert_eq!(permit.class(), Class::Dunning);
        assert_eq!(permit.content_hash(), "c0ffee");
        assert!(permit.decision().sends());
        assert!(permit.is_valid_at(now));
        assert!(permit.is_valid_at(now.plus_ms(PERMIT_LASTS_MS - 1)));
        assert!(!permit.is_valid_at(now.plus_ms(PERMIT_LASTS_MS)));
        assert!(!permit.is_valid_at(now.minus_ms(1)), "a clock set back frees nothing");
    }

    #[test]
    fn one_hand_over_uses_the_permits_of_all_accounts_it_is_for_and_lasts_as_the_oldest() {
        let older = wednesday();
        let now = older.plus_ms(1_000);
        let mut permit = knock(&maria(), RateSlot::taken_at(now), now).unwrap();
        let rider = knock(&maria(), RateSlot::taken_at(older), older).unwrap();
        assert!(permit.carry(rider));
        assert!(permit.is_valid_at(older.plus_ms(PERMIT_LASTS_MS - 1)));
        assert!(!permit.is_valid_at(older.plus_ms(PERMIT_LASTS_MS)));
        let mut facts = maria();
        let mut elsewhere = reminder();
        elsewhere.recipient = "+12125550199".into();
        facts.contact.value = elsewhere.recipient.clone();
        let slot = RateSlot::taken_at(now);
        let stranger = admit(&elsewhere, &facts, &Rules::default(), slot, now).unwrap();
        assert!(!permit.carry(stranger), "another phone's");
        assert_eq!(permit.recipient(), PHONE);
    }

    #[test]
    fn whatever_decide_refuses_gets_no_permit() {
        let mut facts = maria();
        facts.contact.consent = None;
        let now = wednesday();
        let decision = knock(&facts, RateSlot::taken_at(now), now).unwrap_err();
        assert_eq!(decision.outcome, Outcome::Withhold);
    }

    #[test]
    fn a_worker_that_stalled_behind_its_slot_must_queue_again() {
        let now = wednesday();
        let slot = RateSlot::taken_at(now.minus_ms(PERMIT_LASTS_MS));
        let decision = knock(&maria(), slot, now).unwrap_err();
        assert_eq!(decision.outcome, Outcome::Defer { until: now });
        assert_eq!(decision.headline().map(|r| r.rule), Some(RuleId::RateSlot));
    }
}
