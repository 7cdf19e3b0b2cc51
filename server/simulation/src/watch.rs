//! Looks at the vendors' books, the delivered messages and the tables of the product, and asks the
//! [`crate::invariants`] about them: about each message at the moment it was sent, about everything
//! else after each step.

use std::collections::BTreeMap;

use domain::{
    clock::UnixMs,
    id::{GuarantorId, MessageId},
};
use sandbox::{Channel, Delivered};
use store::message::{self, Message, State};

use crate::{
    Stage,
    facts::{Facts, channel_name},
    invariants::{self as must, Paid, Receipt, Reminder, outreach::Arrived},
    letter::{self, Kind},
};

/// More messages than one seed makes.
const MESSAGES_MOST: i64 = 50_000;
/// A text that was asked for by a key in a call.
const BY_KEY: &str = "link_by_key";
/// Notices of a statement profile begin so.
const OF_LADDER: &str = "ldr_";

/// Remembers what was seen, so that each message is judged once, when it is new.
#[derive(Default)]
pub(crate) struct Watch {
    seen: usize,
    reminders: Vec<Reminder>,
    arrived: Vec<Arrived>,
    receipts: Vec<Receipt>,
    texts: Vec<UnixMs>,
    states: BTreeMap<MessageId, State>,
}

type Seen<T = ()> = Result<T, String>;

fn inside(cause: impl ToString) -> String {
    cause.to_string()
}

impl Watch {
    /// What is in the mailbox now was judged elsewhere: the answers to a text.
    pub fn skip(&mut self, stage: &Stage) {
        self.seen += stage.sandbox.mailbox_after(self.seen).len();
    }

    /// Judges what has arrived since the last call. Called whenever something may have been sent, and
    /// before anything else happens: the facts are those of that moment.
    pub async fn messages(&mut self, stage: &Stage, facts: &mut Facts) -> Seen {
        for item in stage.sandbox.mailbox_after(self.seen) {
            self.seen += 1;
            if item.automatic {
                continue;
            }
            let at = UnixMs::parse_rfc3339(&item.at).ok_or("a message without a time")?;
            let kind = letter::kind(&item);
            must::not_opted_out(facts, &item, kind)?;
            if item.channel == Channel::Text {
                self.texts.push(at);
                let near = self.texts.len().saturating_sub(50);
                must::outreach::spaced(&self.texts[near..])?;
            }
            match kind {
                Kind::Reminder => self.reminder(stage, facts, &item, at).await?,
                Kind::Ringing => self.ringing(stage, facts, &item, at).await?,
                Kind::Receipt => self.receipt(stage, facts, &item, at).await?,
                Kind::Other => {}
            }
        }
        Ok(())
    }

    async fn reminder(
        &mut self,
        stage: &Stage,
        facts: &Facts,
        item: &Delivered,
        at: UnixMs,
    ) -> Seen {
        let tokens = letter::tokens(item);
        must::few_enough(&tokens, item)?;
        // One message for several accounts is made of what was approved for each.
        let words = letter::written(item).filter(|_| tokens.len() == 1).map(letter::plain);
        let mut heard = None;
        for token in tokens {
            let message = by_link(stage, item, token).await?;
            let guarantor = message.guarantor.clone().ok_or("a reminder to nobody")?;
            let account = facts.book.accounts.get(&guarantor);
            let account = account.ok_or("a reminder to nobody in the book")?;
            must::addressed(account, item)?;
            must::awake(account, item, at)?;
            if message.kind == BY_KEY {
                must::asked_for(facts, item)?;
                continue;
            }
            must::consented(facts, account, item)?;
            must::not_held(facts, &guarantor, item, at)?;
            must::still_owes(facts, &guarantor, &stage.sandbox.charges(), item)?;
            // The phone rings once, for whichever of them: the first one's notice stands for all.
            let rang = heard.get_or_insert_with(|| heard_as(&message.notice, &guarantor)).clone();
            let came = Came { item, at, rang, words: words.clone() };
            self.arrival(stage, facts, message, came).await?;
        }
        must::told_apart(&self.reminders, item)
    }

    /// What went of a job or a ladder: wanted, once, fresh, and in its turn.
    async fn arrival(
        &mut self,
        stage: &Stage,
        facts: &Facts,
        message: Message,
        came: Came<'_>,
    ) -> Seen {
        let Came { item, at, rang, words } = came;
        let guarantor = message.guarantor.ok_or("a reminder to nobody")?;
        let one = Arrived {
            message: message.id,
            guarantor: guarantor.clone(),
            channel: item.channel,
            job: message.job,
            is_of_ladder: message.notice.starts_with(OF_LADDER),
            notice: message.notice,
            slot_at: message.slot_at,
            at,
            words,
        };
        // What they agreed to pay, and what failed of it, waits for nobody's yes (X3).
        if message.class == domain::decide::Class::Dunning {
            must::outreach::approved(facts, &one)?;
        }
        must::outreach::wanted(facts, &one)?;
        must::outreach::fresh(&one)?;
        if one.is_of_ladder {
            self.in_turn(stage, facts, &one).await?;
        }
        let notice = one.notice.clone();
        self.arrived.push(one);
        must::outreach::once(&self.arrived)?;
        self.capped(Reminder {
            item: item.id.clone(),
            to: item.to.clone(),
            guarantor,
            notice,
            heard_by_contact: rang,
            at,
        })
    }

    async fn in_turn(&self, stage: &Stage, facts: &Facts, one: &Arrived) -> Seen {
        let mut db = stage.store.read().await.map_err(inside)?;
        let ids = std::slice::from_ref(&one.guarantor);
        let turns = store::ladder::list_steps(&mut db, &stage.practice, ids).await;
        let turns = turns.map_err(inside)?.remove(&one.guarantor).unwrap_or_default();
        let turn = turns.iter().find(|turn| turn.notice.as_ref() == Some(&one.notice));
        let turn = turn.ok_or(format!("{} is of no turn", one.notice))?;
        let account = facts.book.accounts.get(&one.guarantor).ok_or("nobody in the book")?;
        let paid = facts.paid_cents(&one.guarantor, &stage.sandbox.charges());
        let activated = facts.activated.get(&turn.version);
        must::outreach::in_turn(account, activated, turn, &turns, paid)
    }

    fn capped(&mut self, reminder: Reminder) -> Seen {
        let is_near = |r: &&Reminder| r.guarantor == reminder.guarantor || r.to == reminder.to;
        let mut near: Vec<Reminder> = self.reminders.iter().filter(is_near).cloned().collect();
        near.push(reminder.clone());
        self.reminders.push(reminder);
        must::within_caps(&near)
    }

    /// A call or a fax names nobody: it must have been right for somebody whom that number reaches.
    async fn ringing(
        &mut self,
        stage: &Stage,
        facts: &mut Facts,
        item: &Delivered,
        at: UnixMs,
    ) -> Seen {
        must::outreach::discreet(item)?;
        let charges = stage.sandbox.charges();
        let mut found = Err(format!("{} was rung and is in no book", item.to));
        for (guarantor, account) in &facts.book.accounts {
            if account.contact(item.channel) != Some(item.to.as_str()) {
                continue;
            }
            let judged = must::awake(account, item, at)
                .and_then(|()| must::consented(facts, account, item))
                .and_then(|()| must::not_held(facts, guarantor, item, at))
                .and_then(|()| must::still_owes(facts, guarantor, &charges, item));
            found = judged.map(|()| guarantor.clone());
            if found.is_ok() {
                break;
            }
        }
        let guarantor = found?;
        match by_vendor_id(stage, item).await? {
            Some(message) => {
                let rang = heard_as(&message.notice, &guarantor);
                let came = Came { item, at, rang, words: None };
                self.arrival(stage, facts, message, came).await?;
            }
            // The vendor's answer was lost; whose it is will be found out later.
            None => {
                let (to, notice) = (item.to.clone(), item.id.clone());
                let (item, heard_by_contact) = (item.id.clone(), heard_as(&notice, &guarantor));
                self.capped(Reminder { item, to, guarantor, notice, heard_by_contact, at })?;
            }
        }
        if item.channel == Channel::Call && item.keys.as_deref().is_some_and(|k| k.contains('9')) {
            facts.played.opt_outs += 1;
            facts.calls_stopped.insert(item.to.clone());
        }
        Ok(())
    }

    async fn receipt(
        &mut self,
        stage: &Stage,
        facts: &Facts,
        item: &Delivered,
        at: UnixMs,
    ) -> Seen {
        for reference in letter::references(item) {
            let mut db = stage.store.read().await.map_err(inside)?;
            let found =
                store::payment::find_by_reference(&mut db, &stage.practice, &reference).await;
            let payment = found.map_err(inside)?.ok_or("a receipt of no payment")?;
            let owner = facts.attempts.get(payment.attempt.as_str());
            let account = owner.and_then(|owner| facts.book.accounts.get(owner));
            let account = account.ok_or("a receipt of a payment that nobody began")?;
            must::addressed(account, item)?;
            must::awake(account, item, at)?;
            let channel = channel_name(item.channel);
            self.receipts.push(Receipt { reference, channel, to: item.to.clone() });
        }
        must::no_receipt_twice(&self.receipts)
    }

    /// After each step.
    pub async fn check(&mut self, stage: &Stage, facts: &Facts) -> Seen {
        let faults = stage.payments.faults().await.map_err(inside)?;
        if let Some(fault) = faults.first() {
            return Err(format!("the ledger: {fault:?}"));
        }
        must::charged_once(facts, &stage.sandbox.charges())?;
        must::nothing_invented(cents(stage).await?)?;
        let mut db = stage.store.read().await.map_err(inside)?;
        let in_hand = store::message::queue::count_in_hand(&mut db, stage.world.now()).await;
        let (in_hand, lease_ms) = (in_hand.map_err(inside)?, engine::Options::default().lease_ms);
        must::leases_end(in_hand, facts.died_at, stage.wall(), lease_ms)?;
        let astray = store::message::digest::count_astray(&mut db, &stage.practice).await;
        let astray = astray.map_err(inside)?;
        if astray > 0 {
            return Err(format!("{astray} messages are not where the one that carries them is"));
        }
        let everything = message::Filter::default();
        let all = message::list(&mut db, &stage.practice, &everything, MESSAGES_MOST).await;
        let states = all.map_err(inside)?.into_iter().map(|line| (line.id, line.state));
        let before = std::mem::replace(&mut self.states, states.collect());
        must::outreach::never_backwards(&before, &self.states)
    }

    /// When no fault is left and days have passed: every cent and every receipt is in its place, and
    /// nothing waits for anybody.
    pub async fn check_at_rest(&self, stage: &Stage, facts: &Facts) -> Seen {
        must::conserved(cents(stage).await?)?;
        must::no_receipt_missing(facts, &paid(stage, facts).await?, &self.receipts)?;
        let mut db = stage.store.read().await.map_err(inside)?;
        let open = store::attempt::count_open(&mut db, &stage.practice).await.map_err(inside)?;
        if open > 0 {
            return Err(format!("{open} attempts are still open at rest"));
        }
        if store::webhook::find_oldest_open(&mut db).await.map_err(inside)?.is_some() {
            return Err("an event of the processor is still open at rest".into());
        }
        for kind in [store::effect::RECEIPT, store::effect::REFUND] {
            if store::effect::find_next(&mut db, kind).await.map_err(inside)?.is_some() {
                return Err(format!("a {kind} is still to be written at rest"));
            }
        }
        let everybody: Vec<_> = facts.book.accounts.keys().cloned().collect();
        let turns = store::ladder::list_steps(&mut db, &stage.practice, &everybody).await;
        turns.map_err(inside)?.values().try_for_each(|turns| must::outreach::one_at_a_time(turns))
    }
}

/// One account's part of a message as it came.
struct Came<'a> {
    item: &'a Delivered,
    at: UnixMs,
    rang: String,
    words: Option<String>,
}

/// What a phone or email heard: of one message the same for each of its accounts.
fn heard_as(notice: &str, guarantor: &GuarantorId) -> String {
    format!("{notice} {guarantor}")
}

/// The message whose link to pay somebody has in hand.
async fn by_link(stage: &Stage, item: &Delivered, token: &str) -> Seen<Message> {
    let nowhere = || format!("the link of a reminder leads nowhere ({})", item.id);
    let mut db = stage.store.read().await.map_err(inside)?;
    let link = store::link::find_by_token(&mut db, token, stage.world.now()).await;
    let link = link.map_err(inside)?.ok_or_else(nowhere)?;
    let message = link.message.ok_or_else(nowhere)?;
    let message = message::load(&mut db, &stage.practice, &message).await;
    message.map_err(inside)?.ok_or_else(nowhere)
}

/// The message that the vendor knows by its own id.
async fn by_vendor_id(stage: &Stage, item: &Delivered) -> Seen<Option<Message>> {
    let Some(vendor_id) = &item.vendor_id else { return Ok(None) };
    let mut db = stage.store.read().await.map_err(inside)?;
    let found = message::find_by_provider(&mut db, &stage.practice, vendor_id).await;
    let Some(id) = found.map_err(inside)? else { return Ok(None) };
    message::load(&mut db, &stage.practice, &id).await.map_err(inside)
}

/// Receipts that the product gave up on and shows as such, on channels whose vendor was down for
/// days.
pub(crate) async fn given_up(stage: &Stage, facts: &Facts) -> Seen<BTreeMap<&'static str, usize>> {
    let mut db = stage.store.read().await.map_err(inside)?;
    let filter = message::Filter { state: Some(State::Failed), ..message::Filter::default() };
    let failed = message::list(&mut db, &stage.practice, &filter, MESSAGES_MOST).await;
    let mut given_up = BTreeMap::new();
    for line in failed.map_err(inside)? {
        let channel = match line.channel {
            domain::decide::Channel::Text => Channel::Text,
            domain::decide::Channel::Email => Channel::Email,
            _ => continue,
        };
        let name = channel_name(channel);
        if line.class == domain::decide::Class::Receipt && facts.were_down.contains(name) {
            *given_up.entry(name).or_default() += 1;
        }
    }
    Ok(given_up)
}

/// Both books. A payment that is booked with another amount than was charged is a fault by itself.
async fn cents(stage: &Stage) -> Seen<must::Cents> {
    let mut cents = must::Cents { kept_there: stage.sandbox.kept_cents(), ..Default::default() };
    let mut db = stage.store.read().await.map_err(inside)?;
    let practice = &stage.practice;
    for charge in stage.sandbox.charges() {
        let found = store::payment::find_by_intent(&mut db, practice, &charge.payment_intent).await;
        let Some(payment) = found.map_err(inside)?.filter(|_| charge.succeeded) else { continue };
        if payment.captured.0 != charge.amount_cents {
            return Err(format!("{} is booked with another amount", payment.id));
        }
        cents.charged_and_booked += charge.amount_cents;
        cents.given_back_there += charge.refunded_cents;
    }
    let booked = store::ledger::sum_at_processor(&mut db, practice).await;
    cents.ledger = booked.map_err(inside)?.0;
    Ok(cents)
}

async fn paid(stage: &Stage, facts: &Facts) -> Seen<Vec<Paid>> {
    let mut paid = Vec::new();
    let mut db = stage.store.read().await.map_err(inside)?;
    for charge in stage.sandbox.charges().into_iter().filter(|charge| charge.succeeded) {
        let (practice, intent) = (&stage.practice, &charge.payment_intent);
        let found = store::payment::find_by_intent(&mut db, practice, intent).await;
        let payment = found.map_err(inside)?.ok_or(format!("{intent} was never booked"))?;
        let owner = Facts::attempt_of(&charge).and_then(|id| facts.attempts.get(id));
        let guarantor = owner.ok_or(format!("{intent} is nobody's"))?.clone();
        paid.push(Paid { reference: payment.reference, guarantor });
    }
    Ok(paid)
}
