//! Receipts of settled payments and of refunds: by email at once, by text in the window, each exactly
//! once. The effect that asks for one was written with the money; it ends in the transaction that
//! writes the messages.

use std::collections::BTreeSet;

use domain::{
    book::Language,
    clock::{MINUTE_MS, UnixMs},
    decide::{Channel, Class},
    id::{AttemptId, PaymentId, RefundId},
    money::Cents,
    points::Point,
    practice::Practice,
    template::Book,
};
use store::{
    Db, attempt,
    contact::{Contact, Kind},
    effect::{self, Effect, ReceiptDue, RefundDue},
    message::{self, New, State},
    payment::{self, Payment},
    preference,
    refund::{self, Refund},
};
use tracing::warn;

use crate::{
    Engine, Letter, Result, What,
    compose::{Addressee, Frame},
    facts::{Account, Recipient, gather},
};

const TOGETHER: i64 = 64;
/// A receipt that could not be written is tried again after this, so many times.
const AGAIN_MS: i64 = 5 * MINUTE_MS;
const TRIES: i64 = 12;

impl Engine {
    pub(crate) async fn drain_receipts(&self) -> Result<usize> {
        let mut db = self.store().read().await?;
        let mut due = effect::list_due(&mut db, effect::RECEIPT, self.now(), TOGETHER).await?;
        due.extend(effect::list_due(&mut db, effect::REFUND, self.now(), TOGETHER).await?);
        drop(db);
        let mut written = 0;
        for effect in due {
            let (engine, one) = (self.clone(), effect.clone());
            let done = self
                .store()
                .write(move |db| {
                    let (engine, one) = (engine.clone(), one.clone());
                    Box::pin(async move { engine.write_receipts(db, &one).await })
                })
                .await?;
            if done {
                self.reach(Point::ReceiptWritten);
            }
            written += usize::from(done);
        }
        Ok(written)
    }

    async fn write_receipts(&self, db: &mut Db, effect: &Effect) -> store::Result<bool> {
        let now = self.now();
        if !effect::claim(db, effect, now.plus_ms(AGAIN_MS)).await? {
            return Ok(false);
        }
        let Some(receipt) = self.read_receipt(db, effect).await? else {
            // What it names is not there, and will not be: that is for the log, not for a loop.
            if effect.attempts >= TRIES {
                warn!(effect = effect.id.as_str(), "a receipt names no payment; given up");
                effect::mark_done(db, &effect.practice, &effect.id, now).await?;
            }
            return Ok(false);
        };
        let mut messages = Vec::new();
        messages.extend(self.receipt_by_email(&receipt, now));
        // Of money that goes back one message is enough.
        if receipt.refund.is_none() || messages.is_empty() {
            messages.extend(self.receipt_by_text(&receipt, now));
        }
        message::insert_many(db, &effect.practice, &messages).await?;
        effect::mark_done(db, &effect.practice, &effect.id, now).await
    }

    async fn read_receipt(&self, db: &mut Db, effect: &Effect) -> store::Result<Option<Receipt>> {
        let Ok(due) = serde_json::from_str::<ReceiptDue>(&effect.payload) else { return Ok(None) };
        let Some(practice) = store::practice::load(db, &effect.practice).await? else {
            return Ok(None);
        };
        let id = PaymentId::trusted(due.payment);
        let Some(payment) = payment::find(db, &practice.id, &id).await? else { return Ok(None) };
        let refund = match serde_json::from_str::<RefundDue>(&effect.payload) {
            Ok(due) if effect.kind == effect::REFUND => {
                let id = RefundId::trusted(due.refund);
                let found = refund::find(db, &practice.id, &id).await?;
                if found.is_none() {
                    return Ok(None);
                }
                found
            }
            _ => None,
        };
        let attempt_id = AttemptId::trusted(due.attempt);
        let typed = attempt::find_receipt_email(db, &practice.id, &attempt_id).await?;
        let attempt = attempt::find(db, &practice.id, &attempt_id).await?;
        let owner = payment.guarantor.clone();
        let mut gathered =
            gather(db, &practice, std::slice::from_ref(&owner), &[], self.now()).await?;
        let Some(account) = gathered.accounts.remove(&owner) else { return Ok(None) };
        let language = attempt
            .and_then(|a| a.language.parse().ok())
            .or(account.guarantor.language)
            .unwrap_or(Language::English);
        let values: Vec<String> =
            account.contacts.iter().map(|contact| contact.value_index.clone()).collect();
        let unwanted = preference::list_without_receipts(db, &practice.id, &values).await?;
        let book = store::template::load_book(db, &practice.id).await?;
        Ok(Some(Receipt { practice, payment, refund, account, unwanted, typed, language, book }))
    }

    fn receipt_by_email(&self, receipt: &Receipt, now: UnixMs) -> Option<New> {
        let on_file = receipt.contact(Channel::Email);
        let typed =
            receipt.typed.as_deref().and_then(|typed| domain::phone::normalise_email(typed).ok());
        match (typed, on_file) {
            // Somebody else's address: what was paid, and nothing about what is left.
            (Some(typed), on_file) if on_file.is_none_or(|c| c.value != typed.as_str()) => {
                let keys = self.store().keys();
                let to = Recipient::stranger(keys, &receipt.practice, Kind::Email, typed.as_str());
                self.receipt(receipt, Channel::Email, &to, &typed.masked(), None, false, now)
            }
            (_, Some(contact)) => self.receipt_on_file(receipt, Channel::Email, contact, now),
            (_, None) => None,
        }
    }

    fn receipt_by_text(&self, receipt: &Receipt, now: UnixMs) -> Option<New> {
        if !receipt.practice.texts_are_enabled() {
            return None;
        }
        let contact = receipt.contact(Channel::Text)?;
        self.receipt_on_file(receipt, Channel::Text, contact, now)
    }

    fn receipt_on_file(
        &self,
        receipt: &Receipt,
        channel: Channel,
        contact: &Contact,
        now: UnixMs,
    ) -> Option<New> {
        let to = Recipient::on_file(contact);
        // A text shows on a locked screen; what is left stands in the email.
        let tells_rest = channel == Channel::Email;
        self.receipt(receipt, channel, &to, &contact.masked, Some(contact), tells_rest, now)
    }

    #[allow(clippy::too_many_arguments, reason = "to whom, by what, telling how much")]
    fn receipt(
        &self,
        receipt: &Receipt,
        channel: Channel,
        to: &Recipient,
        masked: &str,
        contact: Option<&Contact>,
        tells_rest: bool,
        now: UnixMs,
    ) -> Option<New> {
        let payment = &receipt.payment;
        let remaining = tells_rest.then_some(receipt.account.due.due);
        let letter = Letter {
            practice: &receipt.practice,
            language: receipt.language,
            book: &receipt.book,
            what: receipt.what(remaining),
        };
        let (kind, about, amount) = match &receipt.refund {
            Some(refund) => ("refund", refund.id.to_string(), refund.amount),
            None => ("receipt", payment.id.to_string(), payment.captured),
        };
        let content = self.words(&letter, channel).ok()?;
        let addressee = Addressee {
            guarantor: Some(&payment.guarantor),
            contact: contact.map(|c| &c.id),
            recipient: to,
            masked,
            language: receipt.language,
        };
        let frame = Frame {
            class: Class::Receipt,
            kind,
            channel,
            job: None,
            amount: Some(amount),
            notice: format!("{kind}:{about}"),
            dedupe_key: format!("{kind}:{about}:{}", channel.as_str()),
            state: State::Queued,
            created_by: "system:receipt",
        };
        Some(self.message(&addressee, frame, content, now))
    }
}

struct Receipt {
    practice: Practice,
    payment: Payment,
    /// What went back of it, when that is what the receipt is for.
    refund: Option<Refund>,
    account: Account,
    /// Contacts, as their blind indexes, that want no receipts.
    unwanted: BTreeSet<String>,
    /// Where the payer asked it to be sent.
    typed: Option<String>,
    language: Language,
    book: Book,
}

impl Receipt {
    fn what(&self, remaining: Option<Cents>) -> What<'_> {
        let payment = &self.payment;
        let (reference, brand) = (payment.reference.as_str(), payment.brand.as_deref());
        let last4 = payment.last4.as_deref();
        match &self.refund {
            Some(refund) => {
                let at = refund.ended_at.unwrap_or(refund.requested_at);
                What::Refund { amount: refund.amount, at, reference, brand, last4, remaining }
            }
            None => What::Receipt {
                amount: payment.captured,
                received_at: payment.received_at,
                reference,
                brand,
                last4,
                remaining,
            },
        }
    }

    /// The contact of a channel: for texts one that staff or the person enabled.
    fn contact(&self, channel: Channel) -> Option<&Contact> {
        let mut fitting = self.account.contacts.iter().filter(|c| {
            c.kind == Kind::reached_by(channel)
                && c.bad_at.is_none()
                && !self.unwanted.contains(&c.value_index)
                && (channel == Channel::Email || c.text_enabled_at.is_some())
        });
        fitting.next()
    }
}
