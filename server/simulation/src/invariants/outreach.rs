//! What must hold of reminders beyond the person they go to: that each went once, that staff wanted
//! it, that its day had come, and that carriers' words and people's answers are taken as they are.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    clock::{DAY_MS, SECOND_MS, UnixMs},
    id::{GuarantorId, JobId, MessageId},
    profile::GRACE_MS,
};
use sandbox::{Channel, Delivered, Inbound};
use store::{ladder, message::State};

use super::Held;
use crate::{
    book::{Account, Bill},
    cadence::slot_of,
    facts::{Activated, Facts, channel_name},
};

/// A message that waited for longer than this is decided anew, not sent.
const STALE_MS: i64 = DAY_MS;
/// One sender's texts are at least this far apart.
const APART_MS: i64 = SECOND_MS;

/// A reminder that arrived, and what it was before.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub message: MessageId,
    pub guarantor: GuarantorId,
    pub channel: Channel,
    pub job: Option<JobId>,
    pub notice: String,
    /// Of a statement profile, not of a list that staff made.
    pub is_of_ladder: bool,
    /// When it was to go.
    pub slot_at: UnixMs,
    pub at: UnixMs,
    /// Its words, blanks aside; none of a call, which is spoken by what the person presses.
    pub words: Option<String>,
}

/// Whatever carriers and vendors report or fail to: no message arrives twice, and nobody gets the
/// same notice twice on a channel. The other channel of a fallback is all that may follow.
pub(crate) fn once(arrived: &[Arrived]) -> Held {
    let (mut messages, mut notices) = (BTreeSet::new(), BTreeSet::new());
    for one in arrived {
        if !messages.insert(&one.message) {
            return Err(format!("{} arrived twice", one.message));
        }
        let channel = channel_name(one.channel);
        if !notices.insert((&one.guarantor, &one.notice, channel)) {
            return Err(format!("{} had {} twice by {channel}", one.guarantor, one.notice));
        }
    }
    Ok(())
}

/// Somebody said yes to these very words, where a yes is asked for.
pub(crate) fn approved(facts: &Facts, one: &Arrived) -> Held {
    if one.is_of_ladder && !facts.asks_for_yes {
        return Ok(());
    }
    let same = |read: &BTreeSet<String>| one.words.as_ref().is_none_or(|w| read.contains(w));
    if facts.approved_words.get(&one.message).is_some_and(same) {
        return Ok(());
    }
    let (message, words) = (&one.message, &one.words);
    Err(format!("nobody said yes to {message} with these words: {words:?}"))
}

/// Nothing of a job that rests, and nothing that staff took back.
pub(crate) fn wanted(facts: &Facts, one: &Arrived) -> Held {
    if facts.taken_back.contains(&one.message) {
        return Err(format!("{} was taken back and arrived", one.message));
    }
    if one.job.as_ref().is_some_and(|job| facts.resting.contains(job)) {
        return Err(format!("{} arrived from a job that rests", one.message));
    }
    Ok(())
}

/// Nothing old goes out when a server or a vendor is back.
pub(crate) fn fresh(one: &Arrived) -> Held {
    if one.at.since(one.slot_at) <= STALE_MS {
        return Ok(());
    }
    Err(format!("{} was to go at {} and went at {}", one.message, one.slot_at, one.at))
}

/// One sender's texts keep their distance, so that nothing goes in a burst. In the order in which they
/// were sent: of two, the clock may have been set back in between.
pub(crate) fn spaced(texts: &[UnixMs]) -> Held {
    let mut sorted = texts.to_vec();
    sorted.sort_unstable();
    match sorted.windows(2).find(|two| two[1].since(two[0]) < APART_MS) {
        None => Ok(()),
        Some(two) => Err(format!("two texts within a second, at {} and {}", two[0], two[1])),
    }
}

/// The turn of a ladder: its day falls on a bill of the account, came after the activation, and was
/// not over by more than the grace (D-37); bills older than that one are paid (D-13); and the account
/// is not in the step's hold-out.
pub(crate) fn in_turn(
    account: &Account,
    activated: Option<&Activated>,
    turn: &ladder::Step,
    turns: &[ladder::Step],
    paid_cents: i64,
) -> Held {
    let (slot, written, name) = (turn.slot_at, turn.at, turn.notice.as_deref().unwrap_or("a turn"));
    let activated = activated.ok_or(format!("{name} is of a profile that nobody activated"))?;
    let steps = &activated.document.steps;
    let step = steps.iter().find(|step| step.id == turn.turn.step);
    let step = step.ok_or(format!("{name} is of a step that its profile has not"))?;
    if slot < activated.at {
        return Err(format!("{name} is of {slot}, before the activation at {}", activated.at));
    }
    if written < slot || written.since(slot) > GRACE_MS {
        return Err(format!("{name} is of {slot} and was written at {written}"));
    }
    let falls = |bill: &&Bill| slot_of(step, turn.turn.occurrence, bill) == Some(slot);
    let since = account.bills.iter().filter(falls).map(|bill| bill.since).min();
    let since = since.ok_or(format!("{name} is of {slot}, which is no bill's day"))?;
    let older = account.bills.iter().filter(|bill| bill.since < since);
    if older.map(|bill| bill.cents).sum::<i64>() > paid_cents + account.credit_cents {
        return Err(format!("{name} is of a bill while an older one is open"));
    }
    let is_out = |other: &ladder::Step| {
        other.outcome == "held_out"
            && other.version == turn.version
            && other.turn.step == turn.turn.step
    };
    if turns.iter().any(is_out) {
        return Err(format!("{name} went to somebody who is left out of that step"));
    }
    Ok(())
}

/// At most one reminder is written to an account at a look, and a turn once.
pub(crate) fn one_at_a_time(turns: &[ladder::Step]) -> Held {
    let mut at = BTreeSet::new();
    let mut names = BTreeSet::new();
    for turn in turns.iter().filter(|turn| turn.outcome == "written") {
        if !at.insert(turn.at) {
            return Err(format!("two reminders were written at one look, at {}", turn.at));
        }
        if !names.insert((turn.profile.as_str(), turn.cycle.as_str(), turn.turn)) {
            return Err(format!("a turn was taken twice, the second time at {}", turn.at));
        }
    }
    Ok(())
}

/// What a vendor said about a message is not unsaid by what comes later, or comes again.
pub(crate) fn never_backwards(
    before: &BTreeMap<MessageId, State>,
    now: &BTreeMap<MessageId, State>,
) -> Held {
    for (id, was) in before {
        let Some(is) = now.get(id) else { return Err(format!("{id} is gone")) };
        let may_become: &[State] = match was {
            State::Accepted => &[State::Accepted, State::Delivered, State::Failed],
            State::Failed => &[State::Failed, State::Delivered],
            State::Delivered | State::Withheld | State::Cancelled => std::slice::from_ref(was),
            State::PendingApproval | State::Queued | State::Sending | State::Unknown => continue,
        };
        if !may_become.contains(is) {
            return Err(format!("{id} was {} and is {}", was.as_str(), is.as_str()));
        }
    }
    Ok(())
}

/// A text that came in: at most one goes back by itself, from the carrier or from us, and it neither
/// leads anywhere to pay nor names an amount, for nobody knows who reads it.
pub(crate) fn answered(inbound: &Inbound) -> Held {
    let ours = inbound.replies.len() + inbound.refused_replies.len();
    if ours + usize::from(inbound.automatic_reply.is_some()) > 1 {
        return Err(format!("more than one answer to one text: {:?}", inbound.replies));
    }
    match inbound.replies.iter().find(|text| text.contains("/p/") || text.contains('$')) {
        None => Ok(()),
        Some(text) => Err(format!("an answer says too much: {text}")),
    }
}

/// After a stop in any words: nothing waits for that phone any more, not even for a yes (D-48).
pub(crate) fn ended_at_once(words: &str, waiting: usize) -> Held {
    if waiting == 0 {
        return Ok(());
    }
    Err(format!("somebody wrote {words:?}, and {waiting} texts still wait for them"))
}

/// A machine is told no amount (D-42).
pub(crate) fn discreet(item: &Delivered) -> Held {
    let is_machine = item.answered_by.as_deref().is_some_and(|who| who.starts_with("machine"));
    if is_machine && item.body.contains('$') {
        return Err(format!("a machine was told an amount ({})", item.id));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
