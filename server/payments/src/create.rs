//! Phase two: the processor's intent, or its page. Its id is committed before anybody can confirm
//! it; an answer that does not come leaves the attempt unknown, and the same key is used again.

use connect::gateway::{
    Checkout, CheckoutStatus, GatewayError, Intent, IntentStatus, NewCheckout, NewIntent,
};
use domain::{
    clock::{MINUTE_MS, SECOND_MS},
    id::AttemptId,
    money::Cents,
    payment::{AttemptState, Flow, Refusal},
    points::Point,
};
use secrecy::SecretString;
use store::attempt::{self, Attempt, Ending};

use crate::{
    How, Outcome, Payments, Receipt, Result, Via, Wish,
    alert::Alert,
    intend::{CheckoutPage, Placed},
    merchants::Desk,
    take_over::Taken,
};

/// An open attempt is looked at again after this, in case nobody comes back to tell.
pub(crate) const OPEN_LOOK_MS: i64 = 2 * MINUTE_MS;
/// An unknown one sooner: a payer waits.
pub(crate) const UNKNOWN_LOOK_MS: i64 = 5 * SECOND_MS;

/// What the page does next.
#[derive(Clone, Debug)]
pub enum Started {
    /// The script confirms with this secret. Never logged, never in a URL of ours.
    Element { attempt: AttemptId, amount: Cents, client_secret: SecretString },
    /// 303 to the processor's page.
    Checkout { attempt: AttemptId, amount: Cents, url: String },
    /// This form, or the payment it joined, has been paid.
    Paid(Box<Receipt>),
    /// The processor has not said how it stands: "Please don't pay again."
    Checking { attempt: AttemptId },
    /// This attempt is over without money; the next form is a new one.
    Over { attempt: AttemptId, outcome: Box<Outcome> },
}

impl Payments {
    /// Submit Payment: intends and creates. Taking over an attempt that is in the way is part of it.
    pub async fn start(&self, wish: &Wish) -> Result<Started> {
        let form = self.read_form(&wish.practice, &wish.guarantor, &wish.form)?;
        let desk = self.desk(&wish.practice).await?;
        let attempt = match self.intend(wish, &form).await? {
            Placed::Ours(attempt) => attempt,
            Placed::TakeOver(other) => {
                self.make_way(&desk, other).await?;
                match self.intend(wish, &form).await? {
                    Placed::Ours(attempt) => attempt,
                    // Somebody was faster; their attempt is seconds old.
                    Placed::TakeOver(other) => return Err(in_progress(&other)),
                }
            }
        };
        let page = match &wish.how {
            How::Element => None,
            How::Checkout(page) => Some(page),
        };
        self.reach(Point::IntentWritten);
        self.create(&desk, attempt, page).await
    }

    /// Cancels the attempt that is in the way.
    async fn make_way(&self, desk: &Desk, other: Attempt) -> Result<()> {
        match self.take_over(desk, &other, AttemptState::Cancelled).await? {
            Taken::Closed => Ok(()),
            Taken::Paid(receipt) => Err(Refusal::AlreadyPaid {
                attempt: other.id,
                amount: receipt.payment.captured,
                at: receipt.payment.received_at,
            }
            .into()),
            Taken::Stuck => Err(in_progress(&other)),
        }
    }

    pub(crate) async fn create(
        &self,
        desk: &Desk,
        attempt: Attempt,
        page: Option<&CheckoutPage>,
    ) -> Result<Started> {
        if !attempt.state.is_open() {
            return self.over(&attempt).await;
        }
        match (attempt.flow, page, attempt.processor_id.clone()) {
            (Flow::Element, _, Some(id)) => self.offer_again(desk, attempt, &id).await,
            (Flow::Element, _, None) => self.create_intent(desk, attempt).await,
            (Flow::Checkout, _, Some(id)) => self.offer_page_again(desk, attempt, &id).await,
            (Flow::Checkout, Some(page), None) => self.create_page(desk, attempt, page).await,
            // Only the payer's own request knows the page's addresses.
            (Flow::Checkout, None, None) => Ok(Started::Checking { attempt: attempt.id }),
        }
    }

    async fn create_intent(&self, desk: &Desk, attempt: Attempt) -> Result<Started> {
        let new = NewIntent {
            attempt_id: attempt.id.clone(),
            amount: attempt.amount,
            currency: attempt.currency.clone(),
        };
        match desk.gateway.create_intent(new).await {
            Ok(intent) if fits(desk, &attempt, &intent) => {
                self.reach(Point::IntentCreated);
                let created = (intent.id.clone(), Some(intent.id.clone()));
                if self.mark_created(&attempt, created).await? {
                    self.reach(Point::IntentKnown);
                    return Ok(element(attempt, intent));
                }
                // Closed while the processor answered: nobody gets the secret.
                if let Err(cause) = desk.gateway.cancel_intent(&intent.id, &attempt.id).await {
                    tracing::warn!(attempt = %attempt.id, %cause, "a spare intent stays open");
                }
                self.reread(&attempt).await
            }
            Ok(_) => self.refused(&attempt, "foreign_intent").await,
            Err(cause) => self.not_created(&attempt, cause).await,
        }
    }

    async fn create_page(
        &self,
        desk: &Desk,
        attempt: Attempt,
        page: &CheckoutPage,
    ) -> Result<Started> {
        let new = NewCheckout {
            attempt_id: attempt.id.clone(),
            amount: attempt.amount,
            currency: attempt.currency.clone(),
            label: page.label.clone(),
            success_url: page.success_url.clone(),
            cancel_url: page.cancel_url.clone(),
            expires_at_unix_s: attempt.expires_at.0 / SECOND_MS,
            locale: attempt.language.clone(),
        };
        match desk.gateway.create_checkout(new).await {
            Ok(checkout) => {
                self.reach(Point::IntentCreated);
                let created = (checkout.id.clone(), checkout.intent_id.clone());
                if self.mark_created(&attempt, created).await? {
                    self.reach(Point::IntentKnown);
                    return self.page_of(attempt, checkout);
                }
                if let Err(cause) = desk.gateway.expire_checkout(&checkout.id, &attempt.id).await {
                    tracing::warn!(attempt = %attempt.id, %cause, "a spare session stays open");
                }
                self.reread(&attempt).await
            }
            Err(cause) => self.not_created(&attempt, cause).await,
        }
    }

    /// Commits what the processor calls it. False when the attempt was closed meanwhile.
    async fn mark_created(
        &self,
        attempt: &Attempt,
        (processor_id, intent_id): (String, Option<String>),
    ) -> Result<bool> {
        let (practice, id) = (attempt.practice.clone(), attempt.id.clone());
        let next_look_at = self.now().plus_ms(OPEN_LOOK_MS).min(attempt.expires_at);
        let is_ours = self
            .store()
            .write(move |db| {
                let (practice, id) = (practice.clone(), id.clone());
                let (processor_id, intent_id) = (processor_id.clone(), intent_id.clone());
                Box::pin(async move {
                    let intent_id = intent_id.as_deref();
                    attempt::mark_created(
                        db,
                        &practice,
                        &id,
                        &processor_id,
                        intent_id,
                        next_look_at,
                    )
                    .await
                })
            })
            .await?;
        Ok(is_ours)
    }

    async fn mark_unknown(&self, attempt: &Attempt) -> Result<()> {
        let (practice, id) = (attempt.practice.clone(), attempt.id.clone());
        let next_look_at = self.now().plus_ms(UNKNOWN_LOOK_MS);
        self.store()
            .write(move |db| {
                let (practice, id) = (practice.clone(), id.clone());
                Box::pin(async move {
                    attempt::mark_unknown(db, &practice, &id, next_look_at).await?;
                    Ok(())
                })
            })
            .await?;
        Ok(())
    }

    /// The intent exists: a second tab, a second device, a reload.
    async fn offer_again(&self, desk: &Desk, attempt: Attempt, id: &str) -> Result<Started> {
        match desk.gateway.fetch_intent(id).await {
            Ok(intent) if intent.status.can_be_cancelled() && fits(desk, &attempt, &intent) => {
                self.mark_state(&attempt, AttemptState::Open, OPEN_LOOK_MS).await?;
                Ok(element(attempt, intent))
            }
            Ok(intent) => {
                let outcome = self.take_in(desk, &attempt, intent, &Via::Start).await?;
                Ok(started_of(&attempt, outcome))
            }
            Err(cause) => self.not_asked(&attempt, cause).await,
        }
    }

    async fn offer_page_again(&self, desk: &Desk, attempt: Attempt, id: &str) -> Result<Started> {
        match desk.gateway.fetch_checkout(id).await {
            Ok(checkout) if checkout.status == CheckoutStatus::Open => {
                self.page_of(attempt, checkout)
            }
            Ok(checkout) => {
                let outcome = self.take_in_checkout(desk, &attempt, checkout, &Via::Start).await?;
                Ok(started_of(&attempt, outcome))
            }
            Err(cause) => self.not_asked(&attempt, cause).await,
        }
    }

    fn page_of(&self, attempt: Attempt, checkout: Checkout) -> Result<Started> {
        match checkout.url {
            Some(url) => Ok(Started::Checkout { attempt: attempt.id, amount: attempt.amount, url }),
            None => Ok(Started::Checking { attempt: attempt.id }),
        }
    }

    /// The processor did not make it, or did not say.
    async fn not_created(&self, attempt: &Attempt, cause: GatewayError) -> Result<Started> {
        match cause {
            GatewayError::Unknown(why) => {
                tracing::warn!(attempt = %attempt.id, why, "creating a payment: outcome unknown");
                // Another tab's request with the same key may have been answered meanwhile.
                let now = self.reload(attempt).await?;
                if now.processor_id.is_some() || !now.state.is_open() {
                    return self.reread(attempt).await;
                }
                self.mark_unknown(attempt).await?;
                Ok(Started::Checking { attempt: attempt.id.clone() })
            }
            GatewayError::RateLimited => Err(Refusal::TryAgain.into()),
            GatewayError::Declined(decline) => {
                let code = decline.decline_code.or(decline.code);
                let ending = Ending { decline_code: code, failure: None };
                self.close(attempt, AttemptState::Declined, ending).await?;
                self.reread(attempt).await
            }
            GatewayError::Refused { code, .. } => self.refused(attempt, &code).await,
            other => self.refused(attempt, &other.to_string()).await,
        }
    }

    /// The processor did not answer a question; nothing was asked of it that moves money.
    async fn not_asked(&self, attempt: &Attempt, cause: GatewayError) -> Result<Started> {
        tracing::warn!(attempt = %attempt.id, %cause, "asking about a payment failed");
        match attempt.state {
            AttemptState::Unknown | AttemptState::Processing => {
                Ok(Started::Checking { attempt: attempt.id.clone() })
            }
            _ => Err(Refusal::TryAgain.into()),
        }
    }

    /// A request the processor will not take from this practice: closed, and a person is told.
    async fn refused(&self, attempt: &Attempt, code: &str) -> Result<Started> {
        let ending = Ending { decline_code: None, failure: Some(code.to_owned()) };
        if !self.close(attempt, AttemptState::Refused, ending).await? {
            // Another tab got through: its payment is the one.
            return self.reread(attempt).await;
        }
        self.alert(Alert::processor_refused(attempt, code)).await?;
        Err(Refusal::NotSetUp.into())
    }

    /// The attempt as others left it.
    async fn reread(&self, attempt: &Attempt) -> Result<Started> {
        let now = self.reload(attempt).await?;
        if now.state.is_open() {
            return Err(in_progress(&now));
        }
        self.over(&now).await
    }

    async fn over(&self, attempt: &Attempt) -> Result<Started> {
        let outcome = self.outcome_of(attempt).await?;
        Ok(started_of(attempt, outcome))
    }
}

fn started_of(attempt: &Attempt, outcome: Outcome) -> Started {
    match outcome {
        Outcome::Paid(receipt) => Started::Paid(receipt),
        Outcome::Checking { .. } | Outcome::Open { .. } => {
            Started::Checking { attempt: attempt.id.clone() }
        }
        over => Started::Over { attempt: attempt.id.clone(), outcome: Box::new(over) },
    }
}

fn element(attempt: Attempt, intent: Intent) -> Started {
    match intent.client_secret {
        Some(client_secret) => {
            Started::Element { attempt: attempt.id, amount: attempt.amount, client_secret }
        }
        None => Started::Checking { attempt: attempt.id },
    }
}

/// The intent is the one we asked for. Confirming another would charge another amount.
fn fits(desk: &Desk, attempt: &Attempt, intent: &Intent) -> bool {
    intent.amount == attempt.amount
        && intent.currency.eq_ignore_ascii_case(&attempt.currency)
        && intent.livemode == desk.merchant.livemode
        && intent.attempt_id.as_ref().is_none_or(|id| id == attempt.id.as_str())
        && intent.status != IntentStatus::Canceled
}

fn in_progress(attempt: &Attempt) -> crate::PayError {
    Refusal::InProgress {
        attempt: attempt.id.clone(),
        amount: attempt.amount,
        since: attempt.created_at,
        is_checking: matches!(attempt.state, AttemptState::Processing | AttemptState::Unknown),
    }
    .into()
}
