//! What patients text back. The reply is stored first; an opt-out takes effect in that very
//! transaction, together with the end of everything that waits for that phone (R72, D-48).

use domain::{
    book::Language,
    clock::{DAY_MS, UnixMs},
    decide::{Channel, ConsentSource, SuppressionReason, SuppressionScope},
    holds::HoldKind,
    id::{GuarantorId, HoldId, PracticeId, ReplyId},
    phone::E164,
    practice::Practice,
    revocation::{self, Inbound},
};
use store::{
    Db, audit,
    audit::{Actor, Entry},
    consent,
    contact::{self, Kind},
    conversation, guarantor, hold, message,
    message::queue::TakenBack,
    reply, suppression, task,
};

use crate::{
    Engine, Refusal, Result,
    facts::{Gathered, Recipient, gather},
};

const WHO: Actor = Actor::System("inbound");

/// What the carrier's keyword service has done with a reply by itself; when it did anything, it has
/// also answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CarrierDid {
    Nothing,
    Stopped,
    Started,
    Helped,
}

/// A text from a patient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub practice: PracticeId,
    /// The provider's id: the same reply twice is one.
    pub provider_id: String,
    /// Who wrote, and which number of the practice they wrote to; E.164.
    pub from: String,
    pub to: String,
    pub body: String,
    pub carrier: CarrierDid,
}

/// What the patient's own words do is done in their name.
pub const BY_TEXT: &str = "patient:text";

/// A reply on its way through the transaction, as it arrives or as staff read it later.
pub(crate) struct Arrival<'a> {
    pub practice: &'a Practice,
    pub gathered: Gathered,
    pub accounts: Vec<GuarantorId>,
    pub recipient: Recipient,
    pub masked: String,
    pub language: Language,
    pub inbound: Inbound,
    /// An opt-out stood before this reply.
    pub was_out: bool,
    pub carrier_answers: bool,
    /// Who says that this is what it means: [`BY_TEXT`], or a member of staff.
    pub by: String,
    pub now: UnixMs,
}

impl Engine {
    /// A text arrived. Answer the webhook with what comes back; `None` is silence, and the same reply
    /// again is answered with silence.
    pub async fn receive_reply(&self, reply: Reply) -> Result<Option<String>> {
        let practice = self.practice(&reply.practice).await?;
        let engine = self.clone();
        let answer = self
            .store()
            .write(move |db| {
                let (engine, practice, reply) = (engine.clone(), practice.clone(), reply.clone());
                Box::pin(async move { engine.receive_in(db, &practice, &reply).await })
            })
            .await?;
        Ok(answer)
    }

    async fn receive_in(
        &self,
        db: &mut Db,
        practice: &Practice,
        said: &Reply,
    ) -> store::Result<Option<String>> {
        let (from, body) = (said.from.as_str(), said.body.as_str());
        let now = self.now();
        let recipient = Recipient::stranger(&db.keys(), practice, Kind::Phone, from);
        let masked = E164::from_normalised(from).map_or_else(|| "•••".to_owned(), |n| n.masked());
        let inbound = understood(body, said.carrier);
        let new = reply::New {
            value_index: &recipient.value_index,
            from,
            masked: &masked,
            body,
            class: inbound.code(),
            provider_id: &said.provider_id,
        };
        let Some(reply_id) = reply::insert(db, self.world(), &practice.id, &new).await? else {
            return Ok(None);
        };
        let holders = contact::list_by_value(db, &practice.id, &recipient.value_index).await?;
        let mut accounts: Vec<GuarantorId> = holders.into_iter().map(|c| c.guarantor).collect();
        accounts.sort();
        accounts.dedup();
        let strangers = std::slice::from_ref(&recipient);
        let gathered = gather(db, practice, &accounts, strangers, now).await?;
        let toll_free = E164::from_normalised(&said.to).is_some_and(|n| n.is_toll_free());
        let carrier_word = revocation::carrier_answers(body, toll_free).is_some();
        let mut arrival = Arrival {
            was_out: gathered.is_opted_out(&recipient, Channel::Text),
            language: language_of(&gathered),
            carrier_answers: said.carrier != CarrierDid::Nothing
                || (practice.settings.carrier_answers_stop && carrier_word),
            practice,
            gathered,
            accounts,
            recipient,
            masked,
            inbound,
            by: BY_TEXT.to_owned(),
            now,
        };
        self.act_on(db, &arrival, &reply_id).await?;
        // What the reply changed is part of the facts of its answer.
        let (ids, strangers) = (arrival.accounts.clone(), [arrival.recipient.clone()]);
        arrival.gathered = gather(db, practice, &ids, &strangers, now).await?;
        let answer = self.answer_to(db, &arrival, &reply_id, body).await?;
        self.note_in_inbox(db, &arrival).await?;
        let mut entry = Entry::new(&practice.id, WHO, "receive", "reply", reply_id.as_str())
            .with(format!("class={} answered={}", inbound.code(), answer.is_some()));
        if let [only] = arrival.accounts.as_slice() {
            entry.guarantor = Some(only.clone());
        }
        audit::insert(db, self.world(), &entry).await?;
        Ok(answer)
    }

    /// The conversation of that phone. A bare STOP ends it: nothing may be answered.
    async fn note_in_inbox(&self, db: &mut Db, arrival: &Arrival<'_>) -> store::Result<()> {
        let waits = arrival.inbound.needs_a_person();
        let said = conversation::Said {
            value_index: &arrival.recipient.value_index,
            masked: &arrival.masked,
            is_ours: false,
            waits: waits && arrival.practice.settings.inbox_is_on,
            state: match arrival.inbound {
                Inbound::Stop { exact: true } => Some(conversation::State::Closed),
                _ => waits.then_some(conversation::State::Open),
            },
            begins: if waits { conversation::State::Open } else { conversation::State::Closed },
        };
        conversation::mark_said(db, self.world(), &arrival.practice.id, &said).await?;
        Ok(())
    }

    /// Suppressions, consent, holds and tasks.
    pub(crate) async fn act_on(
        &self,
        db: &mut Db,
        arrival: &Arrival<'_>,
        reply_id: &ReplyId,
    ) -> store::Result<()> {
        let practice = &arrival.practice.id;
        let value = &arrival.recipient.value_index;
        if let Some(reason) = arrival.inbound.suppression() {
            self.suppress(db, practice, value, Channel::Text, reason, &arrival.by).await?;
            self.consent_by_word(db, arrival, false).await?;
            if reason == SuppressionReason::WrongNumber {
                let global = arrival.recipient.global_index.clone();
                self.suppress_everywhere(db, &global, Channel::Text, &arrival.by).await?;
            }
        }
        if arrival.was_out {
            match arrival.inbound {
                Inbound::Start => {
                    let (by, channel) = (arrival.by.as_str(), Channel::Text);
                    suppression::mark_lifted(db, practice, value, channel, by, arrival.now).await?;
                    self.consent_by_word(db, arrival, true).await?;
                }
                Inbound::ReceiptsOnly => self.keep_receipts(db, arrival).await?,
                _ => {}
            }
        }
        if let Some(kind) = arrival.inbound.hold() {
            self.hold_all(db, arrival, kind).await?;
        }
        if arrival.inbound.needs_a_person() {
            let about = match arrival.accounts.as_slice() {
                [only] => Some(only),
                _ => None,
            };
            let (kind, key) = (arrival.inbound.code(), format!("reply:{}", reply_id.as_str()));
            let kind = format!("reply_{kind}");
            task::insert(db, self.world(), practice, about, &kind, &key, None).await?;
        }
        for account in &arrival.accounts {
            guarantor::mark_check(db, practice, account, arrival.now).await?;
        }
        Ok(())
    }

    async fn consent_by_word(
        &self,
        db: &mut Db,
        arrival: &Arrival<'_>,
        granted: bool,
    ) -> store::Result<()> {
        let new = consent::New {
            value_index: &arrival.recipient.value_index,
            channel: Channel::Text,
            granted,
            source: if arrival.by == BY_TEXT {
                ConsentSource::Keyword
            } else {
                ConsentSource::Staff
            },
            wording: arrival.inbound.code(),
            actor: &arrival.by,
            at: arrival.now,
        };
        consent::insert(db, self.world(), &arrival.practice.id, &new).await
    }

    /// "RECEIPTS" after a STOP: everything else stays stopped (MS8).
    async fn keep_receipts(&self, db: &mut Db, arrival: &Arrival<'_>) -> store::Result<()> {
        let practice = &arrival.practice.id;
        let value = &arrival.recipient.value_index;
        let (by, now) = (arrival.by.as_str(), arrival.now);
        suppression::mark_lifted(db, practice, value, Channel::Text, by, now).await?;
        let new = suppression::New {
            practice: practice.as_str(),
            value_index: value,
            channel: Channel::Text,
            reason: SuppressionReason::Stop,
            scope: SuppressionScope::AllButReceipts,
            actor: by,
        };
        suppression::insert(db, self.world(), &new).await?;
        // A wish of its own: the no of the STOP covers the rest by the row above.
        self.consent_by_word(db, arrival, true).await
    }

    async fn hold_all(
        &self,
        db: &mut Db,
        arrival: &Arrival<'_>,
        kind: HoldKind,
    ) -> store::Result<()> {
        let practice = &arrival.practice.id;
        let standing = hold::load_many(db, practice, &arrival.accounts).await?;
        let reason = if arrival.by == BY_TEXT {
            "a reply says so; not looked at by staff yet"
        } else {
            "a reply, as staff read it"
        };
        for account in &arrival.accounts {
            let is_such = |h: &hold::Hold| {
                h.kind == kind && h.claim.is_none() && h.rule().stands_at(arrival.now)
            };
            let held = standing.get(account).is_some_and(|all| all.iter().any(is_such));
            if held {
                continue;
            }
            let row = hold::Hold {
                id: self.world().mint::<HoldId>(),
                guarantor: account.clone(),
                kind,
                claim: None,
                only_contact: None,
                reason: reason.into(),
                until: arrival.inbound.hold_days().map(|days| arrival.now.plus_ms(days * DAY_MS)),
                placed_by: arrival.by.clone(),
                placed_at: arrival.now,
                lift_asked_by: None,
                lift_asked_at: None,
                lifted_at: None,
                lifted_by: None,
            };
            hold::insert(db, practice, &row).await?;
            let entry = Entry::new(practice, WHO, "hold", "hold", row.id.as_str())
                .about(account)
                .with(format!("kind={kind}"));
            audit::insert(db, self.world(), &entry).await?;
        }
        Ok(())
    }

    /// A wrong number is wrong for every practice of the server (decision 30).
    pub(crate) async fn suppress_everywhere(
        &self,
        db: &mut Db,
        global_index: &str,
        channel: Channel,
        actor: &str,
    ) -> store::Result<()> {
        let new = suppression::New {
            practice: suppression::EVERY_PRACTICE,
            value_index: global_index,
            channel,
            reason: SuppressionReason::WrongNumber,
            scope: SuppressionScope::Everything,
            actor,
        };
        suppression::insert(db, self.world(), &new).await?;
        for (practice, value) in contact::list_by_global(db, global_index).await? {
            let (all, why, now) = (TakenBack::Everything, "wrong_number", self.now());
            let ended =
                message::queue::mark_value_cancelled(db, &practice, &value, channel, all, why, now)
                    .await?;
            self.after_end(db, &practice, &ended).await?;
        }
        Ok(())
    }

    /// "This isn't me", confirmed on the pay page: that contact is stopped for the whole server, its
    /// links end, and staff get a task.
    pub async fn report_wrong_contact(
        &self,
        practice: &PracticeId,
        contact_id: &domain::id::ContactId,
    ) -> Result<()> {
        let (engine, practice, contact_id) = (self.clone(), practice.clone(), contact_id.clone());
        let found = self
            .store()
            .write(move |db| {
                let (engine, practice, contact_id) =
                    (engine.clone(), practice.clone(), contact_id.clone());
                Box::pin(async move {
                    let Some(contact) = contact::find(db, &practice, &contact_id).await? else {
                        return Ok(false);
                    };
                    let channel = contact.kind.channel();
                    let (reason, actor) = (SuppressionReason::WrongNumber, "link:holder");
                    let value = &contact.value_index;
                    engine.suppress(db, &practice, value, channel, reason, actor).await?;
                    let global = &contact.global_index;
                    engine.suppress_everywhere(db, global, channel, actor).await?;
                    let now = engine.now();
                    store::link::mark_contact_revoked(db, &practice, &contact.id, now).await?;
                    let key = format!("wrong:{}", contact.value_index);
                    let about = Some(&contact.guarantor);
                    let world = engine.world();
                    task::insert(db, world, &practice, about, "wrong_contact", &key, None).await?;
                    guarantor::mark_check(db, &practice, &contact.guarantor, now).await?;
                    Ok(true)
                })
            })
            .await?;
        if found { Ok(()) } else { Err(Refusal::NotFound.into()) }
    }
}

/// The carrier's own word counts before ours: what it stopped is stopped.
fn understood(body: &str, carrier: CarrierDid) -> Inbound {
    match carrier {
        CarrierDid::Stopped => Inbound::Stop { exact: true },
        CarrierDid::Started => Inbound::Start,
        CarrierDid::Helped => Inbound::Help,
        CarrierDid::Nothing => revocation::classify(body),
    }
}

/// The language of the accounts behind a phone, when they agree.
pub(crate) fn language_of(gathered: &Gathered) -> Language {
    let mut all =
        gathered.accounts.values().map(|a| a.guarantor.language.unwrap_or(Language::English));
    match all.next() {
        Some(first) if all.all(|other| other == first) => first,
        _ => Language::English,
    }
}
