//! Looks at the vendors' books, the delivered messages and the tables of the product, and asks the
//! [`crate::invariants`] about them: about each message at the moment it was sent, about everything
//! else after each step.

use std::collections::BTreeSet;

use domain::clock::UnixMs;
use sandbox::Delivered;

use crate::{
    Stage,
    facts::{Facts, channel_name},
    invariants::{self as must, Paid, Receipt, Reminder},
    letter::{self, Kind},
};

/// Remembers what was seen, so that each message is judged once, when it is new.
#[derive(Default)]
pub(crate) struct Watch {
    seen: BTreeSet<String>,
    reminders: Vec<Reminder>,
    receipts: Vec<Receipt>,
}

type Seen<T = ()> = Result<T, String>;

fn inside(cause: impl ToString) -> String {
    cause.to_string()
}

impl Watch {
    /// Judges what has arrived since the last call. Called whenever something may have been sent, and
    /// before anything else happens: the facts are those of that moment.
    pub async fn messages(&mut self, stage: &Stage, facts: &Facts) -> Seen {
        for item in stage.sandbox.mailbox() {
            if item.automatic || !self.seen.insert(item.id.clone()) {
                continue;
            }
            let at = UnixMs::parse_rfc3339(&item.at).ok_or("a message without a time")?;
            let kind = letter::kind(&item);
            must::not_opted_out(facts, &item, kind)?;
            match kind {
                Kind::Reminder => self.reminder(stage, facts, &item, at).await?,
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
        let mut first = None;
        for token in tokens {
            let mut one = self.account_of(stage, facts, item, token, at).await?;
            // The phone rings once, for whichever of them: the first one's notice stands for all.
            let heard = first.get_or_insert_with(|| one.heard_by_contact.clone());
            one.heard_by_contact = heard.clone();
            self.reminders.push(one);
        }
        must::told_apart(&self.reminders, item)?;
        must::within_caps(&self.reminders)
    }

    /// One account that a reminder speaks of, judged as if it spoke of no other.
    async fn account_of(
        &self,
        stage: &Stage,
        facts: &Facts,
        item: &Delivered,
        token: &str,
        at: UnixMs,
    ) -> Seen<Reminder> {
        let nowhere = || format!("the link of a reminder leads nowhere ({})", item.id);
        let mut db = stage.store.read().await.map_err(inside)?;
        let link = store::link::find_by_token(&mut db, token, stage.world.now()).await;
        let link = link.map_err(inside)?.ok_or_else(nowhere)?;
        let message = link.message.ok_or_else(nowhere)?;
        let message = store::message::load(&mut db, &stage.practice, &message).await;
        let message = message.map_err(inside)?.ok_or_else(nowhere)?;
        drop(db);
        let guarantor = link.guarantor;
        let account = facts.book.accounts.get(&guarantor);
        let account = account.ok_or("a reminder to nobody in the book")?;
        must::addressed(account, item)?;
        must::consented(facts, account, item)?;
        must::awake(account, item, at)?;
        must::not_held(facts, &guarantor, item)?;
        must::still_owes(facts, &guarantor, &stage.sandbox.charges(), item)?;
        let notice = message.job.map_or(message.notice, |job| job.to_string());
        Ok(Reminder {
            item: item.id.clone(),
            to: item.to.clone(),
            heard_by_contact: format!("{notice} {guarantor}"),
            guarantor,
            notice,
            at,
        })
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
    pub async fn check(&self, stage: &Stage, facts: &Facts) -> Seen {
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
        match astray.map_err(inside)? {
            0 => Ok(()),
            many => Err(format!("{many} messages are not where the one that carries them is")),
        }
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
        Ok(())
    }
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
