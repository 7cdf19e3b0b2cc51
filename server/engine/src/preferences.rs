//! What patients and staff decide about being written to: unsubscribe, toggles, texting on a phone.
//! Every change leaves a consent row as evidence and takes effect at once.

use domain::{
    book::{Language, Preferred},
    clock::UnixMs,
    decide::{Channel, ConsentSource, SuppressionReason},
    id::{ContactId, GuarantorId, PracticeId},
};
use store::{
    Db, audit,
    audit::{Actor, Entry},
    consent,
    contact::{self, Contact, Kind},
    guarantor, suppression,
};

use crate::{Engine, Refusal, Result, compose};

impl Engine {
    /// One-click unsubscribe (RFC 8058): by POST, without cookies; stops reminders to exactly that
    /// email. Doing it twice is the same as once.
    pub async fn unsubscribe(&self, token: &str) -> Result<PracticeId> {
        let keys = self.store().keys();
        let (practice, contact_id) =
            compose::read_unsubscribe_token(keys, token).ok_or(Refusal::BadToken)?;
        let (engine, pid) = (self.clone(), practice.clone());
        let found = self
            .store()
            .write(move |db| {
                let (engine, pid, contact_id) = (engine.clone(), pid.clone(), contact_id.clone());
                Box::pin(async move {
                    let Some(contact) = contact::find(db, &pid, &contact_id).await? else {
                        return Ok(false);
                    };
                    let change = Change {
                        source: ConsentSource::Portal,
                        wording: "unsubscribe",
                        actor: Actor::LinkHolder("unsubscribe".into()),
                        reason: SuppressionReason::Unsubscribe,
                    };
                    engine.set_wanted(db, &pid, &contact, false, &change).await?;
                    Ok(true)
                })
            })
            .await?;
        if found { Ok(practice) } else { Err(Refusal::BadToken.into()) }
    }

    /// Whom a token of ours names: for the page that a GET shows.
    pub fn read_unsubscribe_token(&self, token: &str) -> Option<(PracticeId, ContactId)> {
        compose::read_unsubscribe_token(self.store().keys(), token)
    }

    /// The toggle for texts to one phone, in the patient's account (X5, S-R3).
    pub async fn set_text_preference(
        &self,
        practice: &PracticeId,
        guarantor: &GuarantorId,
        contact: &ContactId,
        wanted: bool,
        by: &Actor,
    ) -> Result<()> {
        self.set_preference(practice, guarantor, contact, Kind::Phone, wanted, by).await
    }

    /// The toggle for reminders to one email.
    pub async fn set_email_preference(
        &self,
        practice: &PracticeId,
        guarantor: &GuarantorId,
        contact: &ContactId,
        wanted: bool,
        by: &Actor,
    ) -> Result<()> {
        self.set_preference(practice, guarantor, contact, Kind::Email, wanted, by).await
    }

    async fn set_preference(
        &self,
        practice: &PracticeId,
        guarantor: &GuarantorId,
        contact: &ContactId,
        kind: Kind,
        wanted: bool,
        by: &Actor,
    ) -> Result<()> {
        let by_staff = matches!(by, Actor::Staff(_));
        let change = Change {
            source: if by_staff { ConsentSource::Staff } else { ConsentSource::Portal },
            wording: "preference",
            actor: by.clone(),
            reason: if by_staff {
                SuppressionReason::Staff
            } else {
                SuppressionReason::Unsubscribe
            },
        };
        self.with_contact(practice, guarantor, contact, move |engine, db, practice, contact| {
            let change = change.clone();
            Box::pin(async move {
                if contact.kind != kind {
                    return Ok(false);
                }
                engine.set_wanted(db, practice, contact, wanted, &change).await?;
                Ok(true)
            })
        })
        .await
    }

    /// Texting on a phone, by staff on the patient record (S-B2): the phone is enabled, and who
    /// agreed when is written down. Enabling does not lift an opt-out; only the person can (M21).
    pub async fn enable_texts(
        &self,
        practice: &PracticeId,
        guarantor: &GuarantorId,
        contact: &ContactId,
        enabled: bool,
        by: &Actor,
    ) -> Result<()> {
        let by = by.clone();
        self.with_contact(practice, guarantor, contact, move |engine, db, practice, contact| {
            let by = by.clone();
            Box::pin(async move {
                let (now, label) = (engine.now(), by.label());
                let mark = enabled.then_some((label.as_str(), now));
                let (owner, id) = (&contact.guarantor, &contact.id);
                if !contact::mark_text_enabled(db, practice, owner, id, mark).await? {
                    return Ok(false);
                }
                let verb = if enabled { "enable_texts" } else { "disable_texts" };
                let entry = Entry::new(practice, by, verb, "contact", id.as_str()).about(owner);
                audit::insert(db, engine.world(), &entry).await?;
                guarantor::mark_check(db, practice, owner, now).await?;
                Ok(true)
            })
        })
        .await
    }

    /// Writes down that a person agreed, or did not, on paper or at the desk (D-32). `at` may be the
    /// day it was given. A yes lifts nothing that the person stopped; a no stops at once.
    #[allow(clippy::too_many_arguments, reason = "who, what, when and how we know")]
    pub async fn record_consent(
        &self,
        practice: &PracticeId,
        guarantor: &GuarantorId,
        contact: &ContactId,
        granted: bool,
        wording: &str,
        at: UnixMs,
        by: &Actor,
    ) -> Result<()> {
        let said = Said { granted, wording, at };
        self.write_down(practice, guarantor, contact, None, said, by).await
    }

    /// What a person said about automated calls to a phone: a consent of its own, which that to texts
    /// neither gives nor takes (M38, D-47).
    #[allow(clippy::too_many_arguments, reason = "who said what, when, and who wrote it down")]
    pub async fn record_call_consent(
        &self,
        practice: &PracticeId,
        guarantor: &GuarantorId,
        contact: &ContactId,
        granted: bool,
        wording: &str,
        at: UnixMs,
        by: &Actor,
    ) -> Result<()> {
        let said = Said { granted, wording, at };
        self.write_down(practice, guarantor, contact, Some(Channel::Voice), said, by).await
    }

    async fn write_down(
        &self,
        practice: &PracticeId,
        guarantor: &GuarantorId,
        contact: &ContactId,
        channel: Option<Channel>,
        said: Said<'_>,
        by: &Actor,
    ) -> Result<()> {
        let (granted, at) = (said.granted, said.at);
        let (by, wording) = (by.clone(), said.wording.to_owned());
        self.with_contact(practice, guarantor, contact, move |engine, db, practice, contact| {
            let (by, wording) = (by.clone(), wording.clone());
            Box::pin(async move {
                let at = at.min(engine.now());
                let channel = channel.unwrap_or(contact.kind.channel());
                if Kind::reached_by(channel) != contact.kind {
                    return Ok(false);
                }
                let new = consent::New {
                    value_index: &contact.value_index,
                    channel,
                    granted,
                    source: ConsentSource::Staff,
                    wording: &wording,
                    actor: &by.label(),
                    at,
                };
                consent::insert(db, engine.world(), practice, &new).await?;
                if !granted {
                    let (value, reason) = (&contact.value_index, SuppressionReason::Staff);
                    engine.suppress(db, practice, value, channel, reason, &by.label()).await?;
                }
                let entry = Entry::new(practice, by, "consent", "contact", contact.id.as_str())
                    .about(&contact.guarantor)
                    .with(format!("channel={} granted={granted}", channel.as_str()));
                audit::insert(db, engine.world(), &entry).await?;
                let now = engine.now();
                guarantor::mark_check(db, practice, &contact.guarantor, now).await?;
                Ok(true)
            })
        })
        .await
    }

    /// The preferred channel of a guarantor; `None`: no preference.
    pub async fn set_preferred(
        &self,
        practice: &PracticeId,
        guarantor: &GuarantorId,
        preferred: Option<Preferred>,
        by: &Actor,
    ) -> Result<()> {
        let word = preferred.map_or("none", Preferred::as_str);
        self.change_guarantor(practice, guarantor, by, "set_preferred", word, move |db, p, g| {
            Box::pin(async move { guarantor::mark_preferred(db, p, g, preferred).await })
        })
        .await
    }

    pub async fn set_language(
        &self,
        practice: &PracticeId,
        guarantor: &GuarantorId,
        language: Option<Language>,
        by: &Actor,
    ) -> Result<()> {
        let word = language.map_or("none", Language::as_str);
        self.change_guarantor(practice, guarantor, by, "set_language", word, move |db, p, g| {
            Box::pin(async move { guarantor::mark_language(db, p, g, language).await })
        })
        .await
    }

    /// Yes or no to a channel on one contact, by the person or on the person's word.
    async fn set_wanted(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        contact: &Contact,
        wanted: bool,
        change: &Change,
    ) -> store::Result<()> {
        let (now, label) = (self.now(), change.actor.label());
        let channel = contact.kind.channel();
        let new = consent::New {
            value_index: &contact.value_index,
            channel,
            granted: wanted,
            source: change.source,
            wording: change.wording,
            actor: &label,
            at: now,
        };
        consent::insert(db, self.world(), practice, &new).await?;
        let value = &contact.value_index;
        if wanted {
            suppression::mark_lifted(db, practice, value, channel, &label, now).await?;
            if contact.kind == Kind::Phone {
                let (owner, mark) = (&contact.guarantor, Some((label.as_str(), now)));
                contact::mark_text_enabled(db, practice, owner, &contact.id, mark).await?;
            }
        } else {
            self.suppress(db, practice, value, channel, change.reason, &label).await?;
        }
        let actor = change.actor.clone();
        let entry = Entry::new(practice, actor, "preference", "contact", contact.id.as_str())
            .about(&contact.guarantor)
            .with(format!("channel={} wanted={wanted}", channel.as_str()));
        audit::insert(db, self.world(), &entry).await?;
        for holder in contact::list_by_value(db, practice, value).await? {
            guarantor::mark_check(db, practice, &holder.guarantor, now).await?;
        }
        Ok(())
    }
}

/// What somebody agreed to or refused, in which words, and when.
struct Said<'a> {
    granted: bool,
    wording: &'a str,
    at: UnixMs,
}

#[derive(Clone)]
struct Change {
    source: ConsentSource,
    wording: &'static str,
    actor: Actor,
    reason: SuppressionReason,
}
