//! What somebody who picks up a call can do: hear the message, ask for the link by text, stop the
//! calls. The server speaks; what is said and what a key does is decided here.
//!
//! Promises: a 9 takes effect in the transaction that records it (D-47, M17); a 2 is consent to one
//! text and no more, and that text goes through the gate like any other.

use domain::{
    book::Language,
    clock::UnixMs,
    decide::{Channel, SuppressionReason},
    id::{MessageId, PracticeId},
};
use store::{
    audit::{self, Actor, Entry},
    call_key, contact, guarantor,
    message::{self, Message},
};

use crate::{Delivered, Engine, Refusal, Result, Script};

/// The kind of a text that a key in a call asked for: its row is the fact that it was asked for.
pub(crate) const LINK_BY_KEY: &str = "link_by_key";

/// A call of ours that somebody has picked up.
#[derive(Clone, Debug)]
pub struct Answered {
    pub script: Script,
    pub language: Language,
    /// The practice as the message named it.
    pub alias: String,
    /// By which whoever picked up can tell that the call was ours; none for calls of before they had one.
    pub check_code: Option<String>,
}

/// A key that means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Hear,
    Link,
    Stop,
    /// How to tell that the call is real (MS1).
    Code,
    Office,
}

impl Key {
    pub const fn of(digit: &str) -> Option<Self> {
        match digit.as_bytes() {
            b"1" => Some(Self::Hear),
            b"2" => Some(Self::Link),
            b"3" => Some(Self::Code),
            b"9" => Some(Self::Stop),
            b"0" => Some(Self::Office),
            _ => None,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Hear => "1",
            Self::Link => "2",
            Self::Code => "3",
            Self::Stop => "9",
            Self::Office => "0",
        }
    }
}

/// What a key came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pressed {
    Heard,
    /// The text is on its way, or is as good as.
    LinkSent,
    /// It may not go: opted out of texts, a landline, texts switched off.
    NoLink,
    Stopped,
    /// The code of the call was read out.
    Told,
    Connected,
}

impl Pressed {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Heard => "heard",
            Self::LinkSent => "link_sent",
            Self::NoLink => "no_link",
            Self::Stopped => "stopped",
            Self::Told => "told",
            Self::Connected => "connected",
        }
    }
}

/// When the person asked for this very text, if that is how it came about.
pub(crate) fn asked_at(message: &Message) -> Option<UnixMs> {
    (message.kind == LINK_BY_KEY).then_some(message.created_at)
}

impl Engine {
    /// The words for a call that was picked up at `to`. Only a call of ours to that very phone has any.
    pub async fn call_answered(
        &self,
        practice: &PracticeId,
        message: &MessageId,
        to: &str,
    ) -> Result<Answered> {
        let practice = self.practice(practice).await?;
        let mut db = self.store().read().await?;
        let message = message::load(&mut db, &practice.id, message).await?;
        let message = message.filter(|m| m.channel == Channel::Voice && m.recipient == to);
        let message = message.ok_or(Refusal::NotFound)?;
        let named = crate::delivery::named_for(&mut db, &practice, &message).await?;
        let script = Script::parse(&message.content.text).ok_or(Refusal::NotFound)?;
        Ok(Answered {
            script,
            language: message.language,
            alias: named.alias().to_owned(),
            check_code: message.check_code,
        })
    }

    /// Somebody pressed a key in the call `call_id`. The same key again comes to the same.
    pub async fn call_key(
        &self,
        practice: &PracticeId,
        message: &MessageId,
        call_id: &str,
        key: Key,
    ) -> Result<Pressed> {
        let mut db = self.store().read().await?;
        let message = message::load(&mut db, practice, message).await?.ok_or(Refusal::NotFound)?;
        drop(db);
        let is_first = self.record_key(practice, &message, call_id, key).await?;
        let pressed = match key {
            Key::Hear => Pressed::Heard,
            Key::Stop => Pressed::Stopped,
            Key::Code => Pressed::Told,
            Key::Office => Pressed::Connected,
            Key::Link if !is_first => return self.earlier_link(practice, call_id).await,
            Key::Link => self.link_by_key(practice, &message).await?,
        };
        if is_first {
            let (practice, call_id) = (practice.clone(), call_id.to_owned());
            let (digit, outcome) = (key.as_str(), pressed.as_str());
            self.store()
                .write(move |db| {
                    let (practice, call_id) = (practice.clone(), call_id.clone());
                    Box::pin(async move {
                        call_key::mark_outcome(db, &practice, &call_id, digit, outcome).await
                    })
                })
                .await?;
        }
        Ok(pressed)
    }

    /// The key as evidence; a 9 stops the calls in the same transaction. True when it is new.
    async fn record_key(
        &self,
        practice: &PracticeId,
        message: &Message,
        call_id: &str,
        key: Key,
    ) -> Result<bool> {
        let (engine, practice, call_id) = (self.clone(), practice.clone(), call_id.to_owned());
        let message = message.clone();
        let is_first = self
            .store()
            .write(move |db| {
                let (engine, practice) = (engine.clone(), practice.clone());
                let (call_id, message) = (call_id.clone(), message.clone());
                Box::pin(async move {
                    let new = call_key::New {
                        message: &message.id,
                        guarantor: message.guarantor.as_ref(),
                        value_index: &message.value_index,
                        call_id: &call_id,
                        key: key.as_str(),
                    };
                    let is_first = call_key::insert(db, engine.world(), &practice, &new).await?;
                    if !is_first {
                        return Ok(false);
                    }
                    let by = Actor::System("call");
                    let mut entry =
                        Entry::new(&practice, by, "call_key", "message", message.id.as_str())
                            .with(format!("key={}", key.as_str()));
                    entry.guarantor = message.guarantor.clone();
                    audit::insert(db, engine.world(), &entry).await?;
                    if key == Key::Stop {
                        engine.stop_calls(db, &practice, &message.value_index).await?;
                    }
                    Ok(true)
                })
            })
            .await?;
        Ok(is_first)
    }

    async fn stop_calls(
        &self,
        db: &mut store::Db,
        practice: &PracticeId,
        value_index: &str,
    ) -> store::Result<()> {
        let (channel, reason) = (Channel::Voice, SuppressionReason::KeyPress);
        self.suppress(db, practice, value_index, channel, reason, "patient:call").await?;
        let now = self.now();
        for holder in contact::list_by_value(db, practice, value_index).await? {
            guarantor::mark_check(db, practice, &holder.guarantor, now).await?;
        }
        Ok(())
    }

    /// The pay link by text to the phone that is on the line.
    async fn link_by_key(&self, practice: &PracticeId, message: &Message) -> Result<Pressed> {
        let (Some(guarantor), Some(contact)) = (&message.guarantor, &message.contact) else {
            return Ok(Pressed::NoLink);
        };
        let sent = self.send_asked_link(practice, guarantor, contact, message.language).await;
        Ok(match sent {
            Ok(Delivered::Sent(_) | Delivered::Later(_)) => Pressed::LinkSent,
            Ok(Delivered::Withheld(..) | Delivered::Failed(_)) => Pressed::NoLink,
            // The contact is gone since the call was placed.
            Err(crate::EngineError::Refused(_)) => Pressed::NoLink,
            Err(broken) => return Err(broken),
        })
    }

    /// What the first press of 2 came to. While that is still under way, the text is on its way.
    async fn earlier_link(&self, practice: &PracticeId, call_id: &str) -> Result<Pressed> {
        let mut db = self.store().read().await?;
        let key = Key::Link.as_str();
        let outcome = call_key::find_outcome(&mut db, practice, call_id, key).await?;
        let refused = outcome.as_deref() == Some(Pressed::NoLink.as_str());
        Ok(if refused { Pressed::NoLink } else { Pressed::LinkSent })
    }
}
