//! What providers say later about messages they took: twice, late, in any order, and sometimes
//! before our own record of the hand-over is written.

use connect::channel::{DeliveryStatus, RefusalCause};
use domain::{
    decide::Channel,
    id::{MessageId, PracticeId},
};
use store::{
    Db, contact, conversation,
    message::{
        self, State,
        queue::{self, Ended},
        reports::{self, Early},
    },
};

use crate::{DeliveryReport, Engine, Result, outcome::rank_of};

const STATUSES: [DeliveryStatus; 5] = [
    DeliveryStatus::Queued,
    DeliveryStatus::Sent,
    DeliveryStatus::Undelivered,
    DeliveryStatus::Failed,
    DeliveryStatus::Delivered,
];

const CAUSES: [(RefusalCause, &str); 8] = [
    (RefusalCause::OptedOut, "opted_out"),
    (RefusalCause::BadAddress, "bad_address"),
    (RefusalCause::NotMobile, "not_mobile"),
    (RefusalCause::SenderFault, "sender_fault"),
    (RefusalCause::Content, "content"),
    (RefusalCause::Blocked, "blocked"),
    (RefusalCause::Filtered, "filtered"),
    (RefusalCause::Permanent, "permanent"),
];

impl Engine {
    /// A provider's later word on a message it took. Reports never move a message backwards; one
    /// that is faster than our own record waits for it.
    pub async fn record_report(&self, practice: &PracticeId, report: DeliveryReport) -> Result<()> {
        let (engine, practice) = (self.clone(), practice.clone());
        self.store()
            .write(move |db| {
                let (engine, practice, report) = (engine.clone(), practice.clone(), report.clone());
                Box::pin(async move {
                    let known =
                        message::find_by_provider(db, &practice, &report.provider_id).await?;
                    match known {
                        Some(id) => engine.apply_report(db, &practice, &id, &report).await,
                        None => {
                            let early = early_of(&report);
                            reports::insert(db, &practice, &early, engine.now()).await
                        }
                    }
                })
            })
            .await?;
        Ok(())
    }

    /// Takes up what was reported before the message was recorded as accepted.
    pub(crate) async fn take_early_reports(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        id: &MessageId,
        provider_id: &str,
    ) -> store::Result<()> {
        for early in reports::claim(db, practice, provider_id).await? {
            if let Some(report) = report_of(early) {
                self.apply_report(db, practice, id, &report).await?;
            }
        }
        Ok(())
    }

    pub(crate) async fn apply_report(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        id: &MessageId,
        report: &DeliveryReport,
    ) -> store::Result<()> {
        let state = match report.status {
            DeliveryStatus::Queued | DeliveryStatus::Sent => State::Accepted,
            DeliveryStatus::Delivered => State::Delivered,
            DeliveryStatus::Undelivered | DeliveryStatus::Failed => State::Failed,
        };
        let code = report.code.map(|c| c.to_string());
        let said = queue::Report {
            state,
            word: &report.word,
            code: code.as_deref(),
            rank: rank_of(report.status),
        };
        let is_news = queue::mark_reported(db, practice, id, &said, self.now()).await?;
        let message = if is_news { message::load(db, practice, id).await? } else { None };
        let Some(message) = message else { return Ok(()) };
        let carried = self.carried(db, practice, &message).await?;
        for rider in &carried {
            queue::mark_reported(db, practice, &rider.id, &said, self.now()).await?;
        }
        if message.channel == Channel::Text {
            conversation::mark_changed(db, practice, &message.value_index).await?;
        }
        match state {
            State::Delivered => contact::mark_delivered(db, practice, &message.value_index).await,
            State::Failed => {
                // The contact learns from it once, each account has its own next step.
                self.arrived_nowhere(db, practice, &message).await?;
                for rider in &carried {
                    self.arrived_nowhere(db, practice, rider).await?;
                }
                match report.cause {
                    Some(cause) => self.learn(db, practice, &message, cause, report.code).await,
                    None => self.note_soft_bounce(db, practice, &message, report.code).await,
                }
            }
            _ => Ok(()),
        }
    }
}

impl Engine {
    /// A message that its provider took and could not deliver.
    async fn arrived_nowhere(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        message: &message::Message,
    ) -> store::Result<()> {
        let ended = Ended {
            id: message.id.clone(),
            job: message.job.clone(),
            guarantor: message.guarantor.clone(),
            digest: None,
        };
        self.after_end(db, practice, std::slice::from_ref(&ended)).await?;
        self.slipped(db, practice, message).await
    }
}

fn early_of(report: &DeliveryReport) -> Early {
    let cause = report.cause.and_then(|c| CAUSES.iter().find(|(known, _)| *known == c));
    Early {
        provider_id: report.provider_id.clone(),
        status: report.status.as_str().to_owned(),
        word: report.word.clone(),
        code: report.code,
        cause: cause.map(|(_, code)| (*code).to_owned()),
    }
}

fn report_of(early: Early) -> Option<DeliveryReport> {
    let cause = early.cause.as_deref().and_then(|code| CAUSES.iter().find(|(_, c)| *c == code));
    Some(DeliveryReport {
        provider_id: early.provider_id,
        status: STATUSES.into_iter().find(|s| s.as_str() == early.status)?,
        word: early.word,
        code: early.code,
        cause: cause.map(|(cause, _)| *cause),
    })
}
