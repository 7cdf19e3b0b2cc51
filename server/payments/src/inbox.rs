//! The processor's webhooks: verified, stored, answered; worked afterwards, at least once and in any
//! order. An event is a hint: what counts is the object fetched with our own key (D-24, R21–R26).

use connect::gateway::{IntentStatus, webhook};
use domain::{
    clock::{HOUR_MS, MINUTE_MS, SECOND_MS},
    id::PracticeId,
    payment::Refusal,
};
use futures_util::{StreamExt, stream};
use store::{
    attempt,
    webhook::{DueEvent, NewEvent},
};

use crate::{PayError, Payments, Quarantine, Result, Settled, Via, alert::Alert, merchants::Desk};

/// As the inbox calls the processor.
pub(crate) const VENDOR: &str = "stripe";
/// Events of this size are not the processor's (R20): its largest are some tens of kilobytes.
const BODY_LARGEST: usize = 256 * 1024;
/// Taken from the inbox at a time, and worked at once.
const BATCH: i64 = 64;
const AT_ONCE: usize = 16;
/// Batches in one drain; what is left comes with the next.
const BATCHES: usize = 32;
/// A claimed event comes up again after this, should the server die over it.
const CLAIM_MS: i64 = MINUTE_MS;
/// After so many tries a person is told. The sweeper and the comparison go on all the same.
const TRIES: i64 = 12;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// Durable: answer 200, then let [`Payments::drain_webhooks`] run.
    New,
    /// It was here already: answer 200.
    Again,
}

/// Why a delivery is refused: answer 400 and store nothing (R20).
#[derive(Debug, thiserror::Error)]
pub enum BadWebhook {
    #[error(transparent)]
    Signature(#[from] webhook::SignatureError),
    #[error("not an event")]
    NotAnEvent,
    #[error("too large")]
    TooLarge,
    /// No such practice, or one without an account at the processor: answer 404.
    #[error("nobody to deliver to")]
    Nobody,
    /// Ours: answer 500, the processor comes again.
    #[error(transparent)]
    Inside(#[from] PayError),
}

/// How the work on an event ended.
enum Worked {
    Done(&'static str),
    /// Ended inside the transaction that settled.
    Settled,
    Later,
}

impl Payments {
    /// `real_now_unix_s` is the real clock: a signature's age is protocol time (decision 32).
    pub async fn accept_webhook(
        &self,
        practice: &PracticeId,
        raw_body: &[u8],
        signature_header: &str,
        real_now_unix_s: i64,
    ) -> std::result::Result<Accepted, BadWebhook> {
        if raw_body.len() > BODY_LARGEST {
            return Err(BadWebhook::TooLarge);
        }
        let desk = match self.desk(practice).await {
            Ok(desk) => desk,
            Err(PayError::Refused(_)) => return Err(BadWebhook::Nobody),
            Err(inside) => return Err(inside.into()),
        };
        let secrets: Vec<secrecy::SecretString> =
            desk.merchant.webhook_secrets.iter().map(|s| s.clone().into()).collect();
        let tolerance = webhook::TOLERANCE_S;
        let verified = webhook::verify_signature(
            raw_body,
            signature_header,
            &secrets,
            real_now_unix_s,
            tolerance,
        );
        if let Err(cause) = verified {
            metrics::counter!("clearbill_webhooks_refused_total").increment(1);
            return Err(cause.into());
        }
        let event = webhook::parse_event(raw_body).map_err(|_| BadWebhook::NotAnEvent)?;
        let body = String::from_utf8(raw_body.to_vec()).map_err(|_| BadWebhook::NotAnEvent)?;
        let (practice, now) = (practice.clone(), self.now());
        let is_new = self
            .store()
            .write(move |db| {
                let (practice, event, body) = (practice.clone(), event.clone(), body.clone());
                Box::pin(async move {
                    let new = NewEvent {
                        practice: &practice,
                        vendor: VENDOR,
                        event_id: &event.id,
                        kind: &event.kind,
                        body: &body,
                    };
                    store::webhook::insert(db, &new, now).await
                })
            })
            .await
            .map_err(PayError::from)?;
        Ok(if is_new { Accepted::New } else { Accepted::Again })
    }

    /// Works what is due in the inbox; returns how many events ended. One drain at a time in a
    /// process; several servers share the inbox by claims.
    pub async fn drain_webhooks(&self) -> Result<usize> {
        let Ok(_alone) = self.inner.draining.try_lock() else { return Ok(0) };
        let mut ended = 0;
        for _ in 0..BATCHES {
            let batch = self.claim_events().await?;
            if batch.is_empty() {
                break;
            }
            ended += stream::iter(batch)
                .map(|event| self.work_event(event))
                .buffer_unordered(AT_ONCE)
                .filter(|is_over| std::future::ready(*is_over))
                .count()
                .await;
        }
        Ok(ended)
    }

    async fn claim_events(&self) -> Result<Vec<DueEvent>> {
        let now = self.now();
        let mut db = self.store().read().await?;
        let due = store::webhook::list_due(&mut db, VENDOR, now, BATCH).await?;
        drop(db);
        if due.is_empty() {
            return Ok(due);
        }
        let claimed = self
            .store()
            .write(move |db| {
                let due = due.clone();
                Box::pin(async move {
                    let mut claimed = Vec::with_capacity(due.len());
                    for event in due {
                        if store::webhook::claim(db, &event, now.plus_ms(CLAIM_MS)).await? {
                            claimed.push(event);
                        }
                    }
                    Ok(claimed)
                })
            })
            .await?;
        Ok(claimed)
    }

    /// True when the event is over. What fails comes again, later and later.
    async fn work_event(&self, event: DueEvent) -> bool {
        let outcome = match self.work(&event).await {
            Ok(Worked::Settled) => return true,
            Ok(Worked::Done(outcome)) => outcome,
            Ok(Worked::Later) if event.attempts < TRIES => {
                self.put_back(&event).await;
                return false;
            }
            Err(cause) if event.attempts < TRIES => {
                tracing::warn!(event = event.event_id, %cause, "a webhook could not be worked");
                self.put_back(&event).await;
                return false;
            }
            Ok(Worked::Later) | Err(_) => {
                let alert = Alert::webhook_stuck(&event.practice, &event.event_id, VENDOR);
                if let Err(cause) = self.alert(alert).await {
                    tracing::error!(event = event.event_id, %cause, "a stuck webhook goes untold");
                    return false;
                }
                "gave up"
            }
        };
        let (now, id) = (self.now(), event.event_id.clone());
        let done = self.store().write(move |db| {
            let event = event.clone();
            Box::pin(async move {
                let (practice, id) = (&event.practice, &event.event_id);
                store::webhook::mark_done(db, practice, VENDOR, id, outcome, now).await
            })
        });
        // Its claim runs out and it is worked again: harmless.
        done.await
            .inspect_err(|cause| tracing::warn!(event = id, %cause, "a webhook stays open"))
            .is_ok()
    }

    async fn put_back(&self, event: &DueEvent) {
        let wait = (5 * SECOND_MS).saturating_mul(1 << event.attempts.clamp(0, 12)).min(HOUR_MS);
        let (event, next_at) = (event.clone(), self.now().plus_ms(wait));
        let back = self.store().write(move |db| {
            let event = event.clone();
            Box::pin(async move {
                let (practice, id) = (&event.practice, &event.event_id);
                store::webhook::mark_retry(db, practice, VENDOR, id, next_at).await
            })
        });
        if let Err(cause) = back.await {
            // Its claim runs out by itself.
            tracing::warn!(%cause, "a webhook could not be put back");
        }
    }

    async fn work(&self, due: &DueEvent) -> Result<Worked> {
        let (practice, id) = (&due.practice, &due.event_id);
        let mut db = self.store().read().await?;
        let body = store::webhook::find_body(&mut db, practice, VENDOR, id).await?;
        drop(db);
        let Some(body) = body else { return Ok(Worked::Done("empty")) };
        let Ok(event) = webhook::parse_event(body.as_bytes()) else {
            return Ok(Worked::Done("unreadable"));
        };
        let desk = self.desk(practice).await?;
        if event.livemode != desk.merchant.livemode {
            self.quarantine(practice, id, Quarantine::WrongMode).await?;
            return Ok(Worked::Done("quarantined"));
        }
        if let (Some(theirs), Some(ours)) = (&event.account, &desk.merchant.account)
            && theirs != ours
        {
            self.quarantine(practice, id, Quarantine::WrongAccount).await?;
            return Ok(Worked::Done("quarantined"));
        }
        let via = Via::Webhook { event_id: id.clone() };
        match event.object_kind {
            webhook::ObjectKind::Checkout => {
                self.work_checkout(&desk, practice, &event, &via).await
            }
            webhook::ObjectKind::Dispute => self.work_dispute(&desk, practice, &event).await,
            webhook::ObjectKind::Refund => self.work_refund(&desk, practice, &event).await,
            webhook::ObjectKind::Charge if event.kind.contains("refund") => {
                self.work_refund(&desk, practice, &event).await
            }
            webhook::ObjectKind::Intent | webhook::ObjectKind::Charge => {
                self.work_intent(&desk, practice, &event, &via).await
            }
            webhook::ObjectKind::Other => Ok(Worked::Done("ignored")),
        }
    }

    async fn work_intent(
        &self,
        desk: &Desk,
        practice: &PracticeId,
        event: &webhook::Event,
        via: &Via,
    ) -> Result<Worked> {
        let Some(intent_id) = &event.intent_id else { return Ok(Worked::Done("ignored")) };
        let intent = match desk.gateway.fetch_intent(intent_id).await {
            Ok(intent) => intent,
            Err(connect::gateway::GatewayError::NotFound) => {
                self.quarantine(practice, intent_id, Quarantine::UnknownAttempt).await?;
                return Ok(Worked::Done("quarantined"));
            }
            Err(_) => return Ok(Worked::Later),
        };
        if intent.status == IntentStatus::Succeeded {
            return Ok(match self.settle(practice, &intent, via).await? {
                Settled::New(_) => Worked::Settled,
                Settled::Already(_) => Worked::Done("settled before"),
                Settled::Quarantined(_) => Worked::Done("quarantined"),
            });
        }
        let Some(attempt) = intent.attempt_id.as_deref().and_then(|id| id.parse().ok()) else {
            return Ok(Worked::Done("not ours"));
        };
        let mut db = self.store().read().await?;
        let attempt = attempt::find(&mut db, practice, &attempt).await?;
        drop(db);
        // Only the attempt that commits this very intent moves with it: one that was written a
        // moment ago is brought along by its own request.
        let is_its = |a: &attempt::Attempt| {
            a.state.is_open() && a.processor_id.as_deref() == Some(intent.id.as_str())
        };
        match attempt.filter(is_its) {
            Some(attempt) => {
                self.take_in(desk, &attempt, intent, via).await?;
                Ok(Worked::Done("seen"))
            }
            None => Ok(Worked::Done("no change")),
        }
    }

    async fn work_checkout(
        &self,
        desk: &Desk,
        practice: &PracticeId,
        event: &webhook::Event,
        via: &Via,
    ) -> Result<Worked> {
        let Some(id) = &event.object_id else { return Ok(Worked::Done("ignored")) };
        let Ok(checkout) = desk.gateway.fetch_checkout(id).await else {
            return Ok(Worked::Later);
        };
        let Some(attempt) = checkout.attempt_id.as_deref().and_then(|id| id.parse().ok()) else {
            return Ok(Worked::Done("not ours"));
        };
        let mut db = self.store().read().await?;
        let attempt = attempt::find(&mut db, practice, &attempt).await?;
        drop(db);
        let Some(attempt) = attempt else {
            self.quarantine(practice, id, Quarantine::UnknownAttempt).await?;
            return Ok(Worked::Done("quarantined"));
        };
        if let Some(intent_id) = checkout.intent_id.as_ref().filter(|_| checkout.paid) {
            let Ok(intent) = desk.gateway.fetch_intent(intent_id).await else {
                return Ok(Worked::Later);
            };
            return Ok(match self.settle(practice, &intent, via).await? {
                Settled::New(_) => Worked::Settled,
                Settled::Already(_) => Worked::Done("settled before"),
                Settled::Quarantined(_) => Worked::Done("quarantined"),
            });
        }
        if attempt.state.is_open() && attempt.processor_id.as_deref() == Some(id.as_str()) {
            self.take_in_checkout(desk, &attempt, checkout, via).await?;
        }
        Ok(Worked::Done("seen"))
    }

    async fn work_dispute(
        &self,
        desk: &Desk,
        practice: &PracticeId,
        event: &webhook::Event,
    ) -> Result<Worked> {
        let Some(intent_id) = &event.intent_id else { return Ok(Worked::Done("ignored")) };
        // A payment whose own event was lost is booked first; what is not ours is quarantined there.
        let is_booked = match self.compare_disputes(desk, practice, intent_id).await {
            Ok(is_booked) => is_booked,
            Err(PayError::Refused(Refusal::TryAgain)) => return Ok(Worked::Later),
            Err(other) => return Err(other),
        };
        if is_booked {
            return Ok(Worked::Done("disputes compared"));
        }
        match self.work_intent(desk, practice, event, &Via::Comparison).await? {
            Worked::Settled => Ok(Worked::Later),
            other => Ok(other),
        }
    }

    async fn work_refund(
        &self,
        desk: &Desk,
        practice: &PracticeId,
        event: &webhook::Event,
    ) -> Result<Worked> {
        let Some(intent_id) = &event.intent_id else { return Ok(Worked::Done("ignored")) };
        match self.compare_refunds(desk, practice, intent_id).await {
            Ok(true) => Ok(Worked::Done("refunds compared")),
            // The payment itself has not been booked yet: its own event is still to come.
            Ok(false) => Ok(Worked::Later),
            Err(PayError::Refused(Refusal::TryAgain)) => Ok(Worked::Later),
            Err(other) => Err(other),
        }
    }
}
