//! What an email service reports about addresses: bounces and complaints. SMTP itself says such
//! things only while it takes a message; the rest comes here, by webhook (M30, M32).

use connect::channel::{DeliveryStatus, RefusalCause};
use domain::{
    clock::{DAY_MS, UnixMs},
    decide::{Channel, Reach, SuppressionReason},
    id::{MessageId, PracticeId},
};
use store::{
    Db, audit,
    audit::{Actor, Entry},
    contact::{self, Kind},
    guarantor, mail_event, message, suppression, task,
};

use crate::{DeliveryReport, Engine, Result};

const WHO: Actor = Actor::System("mail_events");

/// Complaints for each thousand emails from which reminders by email pause (M30): mailbox services
/// start to refuse a sender at three.
const COMPLAINTS_PER_THOUSAND: i64 = 1;
/// One person's click is no rate.
const COMPLAINTS_LEAST: i64 = 2;
const COMPLAINTS_WITHIN_MS: i64 = 30 * DAY_MS;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailEventKind {
    Delivered,
    /// There is nobody at this address.
    HardBounce,
    /// Full, busy, blocked today: may work another day.
    SoftBounce,
    /// The person pressed "spam".
    Complaint,
    /// The person used the service's own unsubscribe.
    Unsubscribed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailEvent {
    /// The service's own id of the event: the same twice is one.
    pub id: String,
    pub kind: MailEventKind,
    pub address: String,
    /// Our Message-ID, without brackets, when the service knows it.
    pub message_id: Option<String>,
    /// The service's word, for the record.
    pub word: String,
}

impl Engine {
    /// Works an event off; false when it was before.
    pub async fn record_mail_event(&self, practice: &PracticeId, event: MailEvent) -> Result<bool> {
        let (engine, practice) = (self.clone(), practice.clone());
        let is_new = self
            .store()
            .write(move |db| {
                let (engine, practice, event) = (engine.clone(), practice.clone(), event.clone());
                Box::pin(async move {
                    let now = engine.now();
                    if !mail_event::insert(db, &practice, &event.id, now).await? {
                        return Ok(false);
                    }
                    engine.take_mail_event(db, &practice, &event, now).await?;
                    Ok(true)
                })
            })
            .await?;
        Ok(is_new)
    }

    async fn take_mail_event(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        event: &MailEvent,
        now: UnixMs,
    ) -> store::Result<()> {
        let Ok(address) = domain::phone::normalise_email(&event.address) else { return Ok(()) };
        let value = contact::value_index(&db.keys(), practice, Kind::Email, address.as_str());
        let known = match &event.message_id {
            Some(id) => message::find_by_provider(db, practice, id).await?,
            None => None,
        };
        if let Some(id) = &known {
            return self.report_mail(db, practice, id, event, &value).await;
        }
        // An address of ours without the message: what is known about the address counts.
        match event.kind {
            MailEventKind::Delivered => contact::mark_delivered(db, practice, &value).await?,
            MailEventKind::HardBounce => {
                self.mark_address_bad(db, practice, &value, now).await?;
            }
            MailEventKind::SoftBounce => {
                let day = MessageId::trusted(format!("address:{}", now.0 / DAY_MS));
                if contact::mark_soft_bounced(db, practice, &value, &day, now).await? {
                    self.task_for_address(db, practice, &value, now).await?;
                }
            }
            MailEventKind::Complaint | MailEventKind::Unsubscribed => {
                self.stop_mail(db, practice, &value, event.kind).await?;
            }
        }
        Ok(())
    }

    /// An event about a message of ours: its own state first, then the address.
    async fn report_mail(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        id: &MessageId,
        event: &MailEvent,
        value: &str,
    ) -> store::Result<()> {
        let (status, cause) = match event.kind {
            MailEventKind::Delivered => (DeliveryStatus::Delivered, None),
            MailEventKind::HardBounce => (DeliveryStatus::Failed, Some(RefusalCause::BadAddress)),
            MailEventKind::SoftBounce => (DeliveryStatus::Undelivered, None),
            MailEventKind::Complaint | MailEventKind::Unsubscribed => {
                return self.stop_mail(db, practice, value, event.kind).await;
            }
        };
        let report = DeliveryReport {
            provider_id: event.message_id.clone().unwrap_or_default(),
            status,
            word: event.word.clone(),
            code: None,
            cause,
        };
        self.apply_report(db, practice, id, &report).await
    }

    async fn mark_address_bad(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        value: &str,
        now: UnixMs,
    ) -> store::Result<()> {
        if contact::mark_bad(db, practice, value, Reach::HardBounced, None, now).await? > 0 {
            self.task_for_address(db, practice, value, now).await?;
        }
        Ok(())
    }

    async fn task_for_address(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        value: &str,
        now: UnixMs,
    ) -> store::Result<()> {
        for holder in contact::list_by_value(db, practice, value).await? {
            let key = format!("unreachable:{value}:{}", holder.guarantor);
            let about = Some(&holder.guarantor);
            task::insert(db, self.world(), practice, about, "unreachable", &key, None).await?;
            guarantor::mark_check(db, practice, &holder.guarantor, now).await?;
        }
        Ok(())
    }

    /// A complaint stops everything but what the person asks for; too many pause the practice.
    async fn stop_mail(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        value: &str,
        kind: MailEventKind,
    ) -> store::Result<()> {
        let reason = match kind {
            MailEventKind::Complaint => SuppressionReason::Complaint,
            _ => SuppressionReason::Unsubscribe,
        };
        self.suppress(db, practice, value, Channel::Email, reason, "system:mail_events").await?;
        for holder in contact::list_by_value(db, practice, value).await? {
            guarantor::mark_check(db, practice, &holder.guarantor, self.now()).await?;
        }
        if kind == MailEventKind::Complaint {
            self.pause_if_too_many_complain(db, practice).await?;
        }
        Ok(())
    }

    async fn pause_if_too_many_complain(
        &self,
        db: &mut Db,
        practice: &PracticeId,
    ) -> store::Result<()> {
        let now = self.now();
        let since = now.minus_ms(COMPLAINTS_WITHIN_MS);
        let complaints = suppression::count_complaints(db, practice, since).await?;
        let sent = message::count_emails(db, practice, since).await?;
        if complaints < COMPLAINTS_LEAST || complaints * 1_000 < sent * COMPLAINTS_PER_THOUSAND {
            return Ok(());
        }
        let Some(mut paused) = store::practice::load(db, practice).await? else { return Ok(()) };
        if paused.settings.email_paused_at.is_some() {
            return Ok(());
        }
        paused.settings.email_paused_at = Some(now);
        let (version, name) = (paused.version, paused.name.as_str());
        store::practice::mark_settings(db, practice, version, name, &paused.settings).await?;
        let entry = Entry::new(practice, WHO, "pause_email", "practice", practice.as_str())
            .with(format!("complaints={complaints} sent={sent}"));
        audit::insert(db, self.world(), &entry).await?;
        let key = format!("complaints:{}", now.0 / DAY_MS);
        task::insert(db, self.world(), practice, None, "complaints", &key, None).await?;
        Ok(())
    }
}
