//! Cancelling an attempt, so that another may begin. The processor decides: until it has confirmed
//! the cancel, the attempt stays open and keeps everybody else out (decision 1).

use connect::gateway::{Checkout, CheckoutStatus, GatewayError, Intent, IntentStatus};
use domain::{
    clock::DAY_MS,
    payment::{AttemptState, Flow},
    points::Point,
};
use store::attempt::{Attempt, Ending};

use crate::{
    Outcome, Payments, Receipt, Result, Settled, Via,
    create::{OPEN_LOOK_MS, UNKNOWN_LOOK_MS},
    merchants::Desk,
};

#[derive(Debug)]
pub(crate) enum Taken {
    /// It can no longer bring money.
    Closed,
    /// It already had.
    Paid(Box<Receipt>),
    /// The processor is at work on it, or does not answer.
    Stuck,
}

impl Payments {
    pub(crate) async fn take_over(
        &self,
        desk: &Desk,
        attempt: &Attempt,
        end: AttemptState,
    ) -> Result<Taken> {
        let Some(id) = attempt.processor_id.as_deref() else {
            // Its secret was never handed out, and once the row is closed it never will be: whoever
            // is about to commit its id finds it closed. Had they been faster, the close does not
            // hold, and the attempt stays in the way. What the processor may have made of it is
            // found by the hourly comparison and cancelled there.
            self.close(attempt, end, Ending::default()).await?;
            return self.after_close(attempt).await;
        };
        match attempt.flow {
            Flow::Element => self.take_over_intent(desk, attempt, id, end).await,
            Flow::Checkout => self.take_over_page(desk, attempt, id, end).await,
        }
    }

    async fn take_over_intent(
        &self,
        desk: &Desk,
        attempt: &Attempt,
        id: &str,
        end: AttemptState,
    ) -> Result<Taken> {
        let intent = match cancelled(desk, attempt, id).await {
            Ok(intent) => intent,
            Err(cause) => return self.stuck(attempt, cause).await,
        };
        match intent.status {
            IntentStatus::Canceled => {
                self.reach(Point::IntentCancelled);
                self.close_unpaid(attempt, &intent, end).await?;
                self.after_close(attempt).await
            }
            _ => self.too_late(attempt, &intent).await,
        }
    }

    /// It cannot be cancelled any more: paid, or on the way.
    async fn too_late(&self, attempt: &Attempt, intent: &Intent) -> Result<Taken> {
        if intent.status != IntentStatus::Succeeded {
            self.mark_state(attempt, AttemptState::Processing, OPEN_LOOK_MS).await?;
            return Ok(Taken::Stuck);
        }
        match self.settle(&attempt.practice, intent, &Via::TakeOver).await? {
            Settled::New(payment) | Settled::Already(payment) => {
                Ok(Taken::Paid(Box::new(self.receipt_of(payment).await?)))
            }
            Settled::Quarantined(_) => {
                self.mark_state(attempt, AttemptState::Unknown, DAY_MS).await?;
                Ok(Taken::Stuck)
            }
        }
    }

    async fn take_over_page(
        &self,
        desk: &Desk,
        attempt: &Attempt,
        id: &str,
        end: AttemptState,
    ) -> Result<Taken> {
        let checkout = match expired(desk, attempt, id).await {
            Ok(checkout) => checkout,
            Err(cause) => return self.stuck(attempt, cause).await,
        };
        if checkout.status == CheckoutStatus::Expired {
            self.reach(Point::IntentCancelled);
            self.close(attempt, end, Ending::default()).await?;
            return self.after_close(attempt).await;
        }
        let Some(intent_id) = &checkout.intent_id else {
            self.mark_state(attempt, AttemptState::Processing, OPEN_LOOK_MS).await?;
            return Ok(Taken::Stuck);
        };
        match desk.gateway.fetch_intent(intent_id).await {
            Ok(intent) => self.too_late(attempt, &intent).await,
            Err(cause) => self.stuck(attempt, cause).await,
        }
    }

    /// Closed by us, or by somebody who was faster; paid if they settled it.
    async fn after_close(&self, attempt: &Attempt) -> Result<Taken> {
        let now = self.reload(attempt).await?;
        match self.outcome_of(&now).await? {
            Outcome::Paid(receipt) => Ok(Taken::Paid(receipt)),
            Outcome::Declined { .. } | Outcome::Over { .. } => Ok(Taken::Closed),
            Outcome::Checking { .. } | Outcome::Open { .. } => Ok(Taken::Stuck),
        }
    }

    async fn stuck(&self, attempt: &Attempt, cause: GatewayError) -> Result<Taken> {
        tracing::warn!(attempt = %attempt.id, %cause, "cancelling a payment: outcome unknown");
        self.mark_state(attempt, AttemptState::Unknown, UNKNOWN_LOOK_MS).await?;
        Ok(Taken::Stuck)
    }
}

/// Cancels, and answers what the intent is then. A keyed cancel repeats its first answer for a day,
/// a failure too, and says nothing about now: the intent is asked, and cancelled without a key if
/// it still can be.
async fn cancelled(
    desk: &Desk,
    attempt: &Attempt,
    id: &str,
) -> std::result::Result<Intent, GatewayError> {
    match desk.gateway.cancel_intent(id, &attempt.id).await {
        Ok(intent) if intent.status == IntentStatus::Canceled => return Ok(intent),
        Ok(_) | Err(GatewayError::WrongState { .. } | GatewayError::Unknown(_)) => {}
        Err(cause) => return Err(cause),
    }
    let intent = desk.gateway.fetch_intent(id).await?;
    if !intent.status.can_be_cancelled() {
        return Ok(intent);
    }
    match desk.gateway.cancel_intent_anew(id).await {
        // Confirmed between the question and the cancel.
        Err(GatewayError::WrongState { .. }) => desk.gateway.fetch_intent(id).await,
        answer => answer,
    }
}

/// The same for the processor's page.
async fn expired(
    desk: &Desk,
    attempt: &Attempt,
    id: &str,
) -> std::result::Result<Checkout, GatewayError> {
    match desk.gateway.expire_checkout(id, &attempt.id).await {
        Ok(checkout) if checkout.status == CheckoutStatus::Expired => return Ok(checkout),
        Ok(_) | Err(GatewayError::WrongState { .. } | GatewayError::Unknown(_)) => {}
        Err(cause) => return Err(cause),
    }
    let checkout = desk.gateway.fetch_checkout(id).await?;
    if checkout.status != CheckoutStatus::Open {
        return Ok(checkout);
    }
    match desk.gateway.expire_checkout_anew(id).await {
        Err(GatewayError::WrongState { .. }) => desk.gateway.fetch_checkout(id).await,
        answer => answer,
    }
}
