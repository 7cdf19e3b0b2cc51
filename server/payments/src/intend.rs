//! Phase one: what the payer wants becomes a row. In one transaction, under the guarantor's lock:
//! is this form known, what is due now, is the amount right, is another attempt open.

use domain::{
    balance::due,
    clock::{MINUTE_MS, UnixMs},
    id::{ClaimId, GuarantorId, PracticeId},
    money::Cents,
    payment::{
        ATTEMPT_LIFE_MS, AmountRules, AttemptState, CURRENCY, Choice, Flow, Refusal, Source,
    },
    practice::Settings,
};
use store::{
    Db,
    attempt::{self, Attempt, NewAttempt},
    audit::{self, Actor, Entry},
    balance,
};

use crate::{Form, Payments, Result, answer};

/// A draft nobody came back to, because the server died, is looked at after this.
const FIRST_LOOK_MS: i64 = MINUTE_MS;
/// The processor's page must live 30 minutes when the processor reads the request, not when we
/// wrote it.
const CHECKOUT_SLACK_MS: i64 = MINUTE_MS;

/// What the processor's page needs to know. The same attempt must come with the same page.
#[derive(Clone, Debug)]
pub struct CheckoutPage {
    /// "Payment to {alias}": nothing about the bill (D-28).
    pub label: String,
    pub success_url: String,
    pub cancel_url: String,
}

/// Where the card will be typed.
#[derive(Clone, Debug)]
pub enum How {
    /// In the processor's frame on our page.
    Element,
    Checkout(CheckoutPage),
}

impl How {
    pub fn flow(&self) -> Flow {
        match self {
            Self::Element => Flow::Element,
            Self::Checkout(_) => Flow::Checkout,
        }
    }
}

/// A payer who presses Submit Payment.
#[derive(Clone, Debug)]
pub struct Wish {
    pub practice: PracticeId,
    pub guarantor: GuarantorId,
    /// The field of [`Payments::mint_form`].
    pub form: String,
    pub choice: Choice,
    /// What the page said was due.
    pub shown_due: Cents,
    pub how: How,
    pub source: Source,
    pub link_hash: Option<String>,
    pub login: Option<String>,
    /// The visits ticked, if any.
    pub chosen_claims: Vec<ClaimId>,
    pub receipt_email: Option<String>,
    pub language: String,
    /// A hold, an agency or a held import: no payment online now.
    pub is_held: bool,
    /// "Cancel it and start again."
    pub restart: bool,
    pub actor: Actor,
    pub address: String,
}

/// What came of it.
pub(crate) enum Placed {
    /// This attempt: new, or the one that the same wish made before.
    Ours(Attempt),
    /// Another one is in the way and may be cancelled.
    TakeOver(Attempt),
}

impl Payments {
    pub(crate) async fn intend(&self, wish: &Wish, form: &Form) -> Result<Placed> {
        let mut db = self.store().read().await?;
        let practice = store::practice::load(&mut db, &wish.practice).await?;
        drop(db);
        let rules = rules_of(&practice.ok_or(Refusal::NotFound)?.settings);
        let (me, wish, form) = (self.clone(), wish.clone(), form.clone());
        let placed = self
            .store()
            .write(move |db| {
                let (me, wish, form) = (me.clone(), wish.clone(), form.clone());
                Box::pin(async move { answer(me.place(db, &wish, &form, rules).await) })
            })
            .await??;
        Ok(placed)
    }

    async fn place(
        &self,
        db: &mut Db,
        wish: &Wish,
        form: &Form,
        rules: AmountRules,
    ) -> Result<Placed> {
        let now = self.now();
        if !balance::lock(db, &wish.practice, &wish.guarantor, None).await? {
            return Err(Refusal::NotFound.into());
        }
        if let Some(mine) = attempt::find(db, &wish.practice, &form.attempt).await? {
            return replayed(wish, mine);
        }
        if form.expires_at < now {
            return Err(Refusal::FormExpired.into());
        }
        if wish.is_held {
            return Err(Refusal::NotPayableOnline.into());
        }
        let facts = balance::load(db, &wish.practice, &wish.guarantor).await?;
        let account = due(&facts);
        let amount = rules.amount(wish.choice, wish.shown_due, account.due)?;
        if let Some(open) = attempt::find_open(db, &wish.practice, &wish.guarantor).await? {
            return beside(wish, open, amount, now);
        }
        let known = |claim: &&ClaimId| facts.claims.iter().any(|c| c.id == **claim);
        let new = NewAttempt {
            id: form.attempt.clone(),
            practice: wish.practice.clone(),
            guarantor: wish.guarantor.clone(),
            flow: wish.how.flow(),
            source: wish.source,
            amount,
            currency: CURRENCY.to_owned(),
            shown_due: account.due,
            link_hash: wish.link_hash.clone(),
            login: wish.login.clone(),
            chosen_claims: wish.chosen_claims.iter().filter(known).cloned().collect(),
            receipt_email: wish.receipt_email.clone(),
            language: wish.language.clone(),
            expires_at: now.plus_ms(life_ms(wish.how.flow())),
            next_look_at: now.plus_ms(FIRST_LOOK_MS),
        };
        attempt::insert(db, &new, now).await?;
        let entry = Entry::new(
            &wish.practice,
            wish.actor.clone(),
            "pay.intend",
            "attempt",
            new.id.as_str(),
        )
        .about(&wish.guarantor)
        .with(format!("{} cents, {}", amount.0, new.flow.as_str()))
        .from_address(&wish.address);
        audit::insert(db, self.world(), &entry).await?;
        let placed = attempt::find(db, &wish.practice, &new.id).await?;
        Ok(Placed::Ours(placed.ok_or(Refusal::NotFound)?))
    }
}

fn life_ms(flow: Flow) -> i64 {
    match flow {
        Flow::Element => ATTEMPT_LIFE_MS,
        Flow::Checkout => ATTEMPT_LIFE_MS + CHECKOUT_SLACK_MS,
    }
}

pub(crate) fn rules_of(settings: &Settings) -> AmountRules {
    AmountRules {
        minimum: settings.minimum_payment,
        overpayment_is_allowed: settings.overpayment_is_allowed,
    }
}

/// The same form again: the same attempt, or a conflict when it asks for something else (R14).
fn replayed(wish: &Wish, mine: Attempt) -> Result<Placed> {
    let wanted = match wish.choice {
        Choice::Full => wish.shown_due,
        Choice::Other(amount) => amount,
    };
    if mine.guarantor != wish.guarantor {
        Err(Refusal::BadForm.into())
    } else if mine.amount != wanted || mine.flow != wish.how.flow() {
        Err(Refusal::FormReused.into())
    } else {
        Ok(Placed::Ours(mine))
    }
}

/// Another attempt is open. The same amount in the same place is the same payment, from whichever
/// tab or device; anything else waits, or takes it over when the payer says so or nobody finished
/// it.
fn beside(wish: &Wish, open: Attempt, amount: Cents, now: UnixMs) -> Result<Placed> {
    let is_under_way = matches!(open.state, AttemptState::Processing | AttemptState::Unknown);
    let is_abandoned = open.expires_at <= now;
    if open.amount == amount && open.flow == wish.how.flow() && !is_abandoned && !wish.restart {
        return Ok(Placed::Ours(open));
    }
    if wish.restart || is_abandoned {
        return Ok(Placed::TakeOver(open));
    }
    Err(Refusal::InProgress {
        attempt: open.id,
        amount: open.amount,
        since: open.created_at,
        is_checking: is_under_way,
    }
    .into())
}
