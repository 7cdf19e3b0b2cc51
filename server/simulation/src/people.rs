//! The people of a simulated town: patients who pay, hesitate, are declined, write back or unsubscribe;
//! staff who apply, refund and place holds. What they do is written into the facts when they do it.

use domain::{
    clock::DAY_MS,
    decide::Channel,
    holds::HoldKind,
    id::GuarantorId,
    money::Cents,
    payment::{Choice, Source},
};
use engine::{Lift, NewHold};
use payments::{
    ApplyLine, CheckoutPage, How, PayError, Refunding, Staff, Started, Wish, WishedRefund,
};
use secrecy::ExposeSecret;
use store::{audit::Actor, message};

use crate::{
    invariants::outreach as must,
    letter, office,
    replies::{self, Meaning},
    town::{Done, Town},
};

const CARDS: [&str; 7] = [
    "4242424242424242",
    "4242424242424242",
    "4242424242424242",
    "4000000000000002",
    "4000000000009995",
    "4000002500003155",
    "5555555555554444",
];
/// A payment said to be made is here by then, or it was not made.
const PAID_PAUSES_MS: i64 = 14 * DAY_MS;
/// Holds that one member of staff may place and lift alone.
const HOLDS: [HoldKind; 3] = [HoldKind::Pause, HoldKind::Manual, HoldKind::InsuranceReview];

impl Town<'_> {
    /// Somebody with a link in their hand: the newest messages are likelier.
    async fn somebody(&mut self) -> Result<Option<(GuarantorId, String)>, String> {
        let mailbox = self.stage.sandbox.mailbox();
        let tokens: Vec<&str> = mailbox.iter().flat_map(letter::tokens).collect();
        let recent = &tokens[tokens.len().saturating_sub(30)..];
        let Some(token) = self.dice.pick(recent) else { return Ok(None) };
        let mut db = self.stage.store.read().await.map_err(|e| e.to_string())?;
        let now = self.stage.world.now();
        let found = store::link::find_by_token(&mut db, token, now).await;
        Ok(found.map_err(|e| e.to_string())?.map(|link| (link.guarantor, link.token_hash)))
    }

    async fn due(&self, guarantor: &GuarantorId) -> Result<Cents, String> {
        let mut db = self.stage.store.read().await.map_err(|e| e.to_string())?;
        let facts = store::balance::load(&mut db, &self.stage.practice, guarantor).await;
        Ok(domain::balance::due(&facts.map_err(|e| e.to_string())?).due)
    }

    fn wish(
        &mut self,
        guarantor: &GuarantorId,
        link: String,
        due: Cents,
        how: How,
    ) -> Result<Wish, String> {
        let part = Cents(due.0 / 2);
        let choice = if self.dice.roll(4) == 0 && part >= Cents(10_00) {
            Choice::Other(part)
        } else {
            Choice::Full
        };
        let (payments, practice) = (&self.stage.payments, &self.stage.practice);
        let form = payments.mint_form(practice, guarantor);
        // Whatever becomes of it, this attempt is theirs.
        let attempt = payments.read_form(practice, guarantor, &form);
        let attempt = attempt.map_err(|e| e.to_string())?.attempt;
        self.facts.attempts.insert(attempt.to_string(), guarantor.clone());
        Ok(Wish {
            practice: practice.clone(),
            guarantor: guarantor.clone(),
            form,
            choice,
            shown_due: due,
            how,
            source: Source::Link,
            link_hash: Some(link),
            login: None,
            chosen_claims: Vec::new(),
            receipt_email: None,
            language: "en".into(),
            is_held: false,
            restart: self.dice.roll(3) == 0,
            actor: Actor::System("simulation"),
            address: "127.0.0.1".into(),
        })
    }

    pub async fn pay(&mut self, on_two_devices: bool) -> Done {
        let Some((guarantor, link)) = self.somebody().await? else { return Ok(()) };
        let due = self.due(&guarantor).await?;
        let wish = self.wish(&guarantor, link.clone(), due, How::Element)?;
        let started = if on_two_devices {
            let other = self.wish(&guarantor, link, due, How::Element)?;
            let payments = &self.stage.payments;
            let (one, two) = futures_util::join!(payments.start(&wish), payments.start(&other));
            vec![one, two]
        } else {
            // A double click sends the same form twice.
            let payments = &self.stage.payments;
            let (one, two) = futures_util::join!(payments.start(&wish), payments.start(&wish));
            vec![one, two]
        };
        for answer in started {
            match answer {
                Ok(Started::Element { attempt, client_secret, amount }) => {
                    self.facts.agreed_cents.insert(attempt.to_string(), amount.0);
                    self.type_card(client_secret.expose_secret())?;
                    if self.dice.roll(2) == 0 {
                        let (payments, practice) = (&self.stage.payments, &self.stage.practice);
                        let back = payments.confirm_returned(practice, &guarantor, &attempt).await;
                        said_no(back.map(|_| ()))?;
                    }
                }
                other => said_no(other.map(|_| ()))?,
            }
        }
        Ok(())
    }

    /// A card typed and submitted, or thought better of.
    fn type_card(&mut self, client_secret: &str) -> Done {
        if self.dice.roll(6) == 0 {
            return Ok(());
        }
        let card = self.dice.pick(&CARDS).copied().unwrap_or(CARDS[0]);
        let end = self.stage.sandbox.pay_intent(client_secret, card);
        let end = end.map_err(|e| e.to_string())?;
        match end {
            sandbox::PaymentEnd::NeedsApproval => {
                let yes = self.dice.roll(2) == 0;
                let answered = self.stage.sandbox.answer_approval(client_secret, yes);
                answered.map_err(|e| e.to_string())?;
            }
            sandbox::PaymentEnd::Declined { .. } => self.facts.played.declines += 1,
            _ => {}
        }
        Ok(())
    }

    pub async fn pay_by_checkout(&mut self) -> Done {
        let Some((guarantor, link)) = self.somebody().await? else { return Ok(()) };
        let due = self.due(&guarantor).await?;
        let page = CheckoutPage {
            label: "Payment".into(),
            success_url: "http://127.0.0.1/pay/return".into(),
            cancel_url: "http://127.0.0.1/pay".into(),
        };
        let wish = self.wish(&guarantor, link, due, How::Checkout(page))?;
        match self.stage.payments.start(&wish).await {
            Ok(Started::Checkout { url, attempt, amount }) => {
                self.facts.agreed_cents.insert(attempt.to_string(), amount.0);
                let session = url.rsplit('/').next().unwrap_or_default().to_owned();
                let session = session.split(['?', '#']).next().unwrap_or_default().to_owned();
                if self.dice.roll(4) == 0 {
                    self.stage.sandbox.leave_checkout(&session);
                    return Ok(());
                }
                let card = self.dice.pick(&CARDS).copied().unwrap_or(CARDS[0]);
                let paid = self.stage.sandbox.pay_checkout(&session, card);
                paid.map(|_| ()).map_err(|e| e.to_string())
            }
            other => said_no(other.map(|_| ())),
        }
    }

    pub async fn text_back(&mut self) -> Done {
        let texts: Vec<String> = self
            .stage
            .sandbox
            .mailbox()
            .into_iter()
            .filter(|item| item.channel == sandbox::Channel::Text)
            .map(|item| item.to)
            .collect();
        let Some(phone) = self.dice.pick(&texts).cloned() else { return Ok(()) };
        let (body, meaning) = replies::draw(&mut self.dice);
        let ours = self.stage.sandbox.sender().to_owned();
        let inbound = self.stage.sandbox.patient_texts(&phone, &ours, &body).await;
        let inbound = inbound.map_err(|e| e.to_string())?;
        must::answered(&inbound)?;
        self.watch.skip(self.stage);
        // Only what reached the server can have taken effect.
        if inbound.status != Some(200) {
            return Ok(());
        }
        self.facts.played.replies += 1;
        self.facts.said.insert((phone.clone(), body.clone()), meaning);
        self.note_meaning(&phone, meaning);
        if self.facts.stopped.contains(&phone) && meaning != Meaning::Start {
            must::ended_at_once(&body, self.texts_waiting_for(&phone).await?)?;
        }
        Ok(())
    }

    /// What a careful person knows after reading it.
    fn note_meaning(&mut self, phone: &str, meaning: Meaning) {
        let now = self.stage.world.now();
        let facts = &mut self.facts;
        let peace = match meaning {
            Meaning::Deceased | Meaning::Bankruptcy | Meaning::Attorney => Some(None),
            Meaning::Dispute | Meaning::Insurance | Meaning::Hardship => Some(None),
            Meaning::Paid => Some(Some(now.plus_ms(PAID_PAUSES_MS))),
            _ => None,
        };
        if let Some(until) = peace {
            for guarantor in facts.book.at_phone(phone) {
                let known = facts.left_in_peace.get(&guarantor).copied();
                // What has no end, and what ends later, stands.
                let until = match known {
                    Some(None) => None,
                    Some(Some(known)) => until.map(|end| end.max(known)),
                    None => until,
                };
                facts.left_in_peace.insert(guarantor, until);
            }
        }
        match meaning {
            Meaning::Start => {
                facts.stopped.remove(phone);
                facts.receipts_only.remove(phone);
                facts.started.insert(phone.to_owned());
            }
            Meaning::Receipts if facts.stopped.contains(phone) => {
                facts.receipts_only.insert(phone.to_owned());
            }
            Meaning::Stop
            | Meaning::Stranger
            | Meaning::Deceased
            | Meaning::Bankruptcy
            | Meaning::Attorney => {
                facts.played.opt_outs += 1;
                facts.ever_stopped.insert(phone.to_owned());
                facts.receipts_only.remove(phone);
                facts.stopped.insert(phone.to_owned());
            }
            _ => {}
        }
    }

    /// Texts that wait for their turn or their yes, to whoever has that phone.
    async fn texts_waiting_for(&self, phone: &str) -> Result<usize, String> {
        let mut db = self.stage.store.read().await.map_err(|e| e.to_string())?;
        let mut waiting = 0;
        for guarantor in self.facts.book.at_phone(phone) {
            let filter = message::Filter {
                guarantor: Some(guarantor),
                channel: Some(Channel::Text),
                ..message::Filter::default()
            };
            let lines = message::list(&mut db, &self.stage.practice, &filter, 1_000).await;
            let lines = lines.map_err(|e| e.to_string())?;
            waiting += lines.iter().filter(|line| office::waits(line.state)).count();
        }
        Ok(waiting)
    }

    /// Presses the button that mail programs show, without a word to anybody.
    pub async fn unsubscribe(&mut self) -> Done {
        let mails = self.stage.sandbox.mailbox();
        let mails: Vec<_> =
            mails.into_iter().filter(|item| letter::unsubscribe_token(item).is_some()).collect();
        let Some(mail) = self.dice.pick(&mails) else { return Ok(()) };
        let Some(token) = letter::unsubscribe_token(mail) else { return Ok(()) };
        self.engine.unsubscribe(token).await.map_err(|e| e.to_string())?;
        self.facts.played.opt_outs += 1;
        self.facts.unsubscribed.insert(mail.to.clone());
        Ok(())
    }

    fn staff(&self) -> Staff {
        Staff { actor: Actor::System("simulation"), address: String::new() }
    }

    async fn a_payment(&mut self) -> Result<Option<payments::Detail>, String> {
        let charges = self.stage.sandbox.charges();
        let Some(charge) = self.dice.pick(&charges) else { return Ok(None) };
        let mut db = self.stage.store.read().await.map_err(|e| e.to_string())?;
        let practice = &self.stage.practice;
        let found = store::payment::find_by_intent(&mut db, practice, &charge.payment_intent).await;
        drop(db);
        let Some(payment) = found.map_err(|e| e.to_string())? else { return Ok(None) };
        let detail = self.stage.payments.payment_detail(practice, &payment.id).await;
        detail.map(Some).map_err(|e| e.to_string())
    }

    pub async fn apply(&mut self) -> Done {
        let Some(detail) = self.a_payment().await? else { return Ok(()) };
        let Some(proposal) = detail.proposal else { return Ok(()) };
        let lines: Vec<ApplyLine> = proposal
            .lines
            .iter()
            .map(|line| ApplyLine { claim: line.claim.clone(), amount: line.amount })
            .collect();
        let (practice, payment) = (&self.stage.practice, &detail.payment);
        let staff = self.staff();
        let payments = &self.stage.payments;
        let applied = payments.apply(practice, &payment.id, &lines, payment.version, &staff).await;
        match applied {
            Ok(journal) if self.dice.roll(3) == 0 => {
                let undone =
                    payments.unapply(practice, &journal, payment.version + 1, &staff).await;
                said_no(undone.map(|_| ()))
            }
            other => said_no(other.map(|_| ())),
        }
    }

    pub async fn refund(&mut self) -> Done {
        let Some(detail) = self.a_payment().await? else { return Ok(()) };
        let amount = Cents(detail.payment.captured.0 / 2);
        let wish = WishedRefund {
            practice: self.stage.practice.clone(),
            payment: detail.payment.id.clone(),
            amount,
            reason: domain::payment::RefundReason::PaidTwice,
            staff: self.staff(),
            limit: None,
            expected_version: None,
        };
        // Two people press the button.
        let payments = &self.stage.payments;
        let (one, two) = futures_util::join!(payments.refund(&wish), payments.refund(&wish));
        for answer in [one, two] {
            if let Ok(Refunding::Done(refund) | Refunding::UnderWay(refund)) = &answer {
                let intent = detail.payment.intent_id.clone();
                *self.facts.asked_back.entry(intent).or_default() += refund.amount.0;
            }
            said_no(answer.map(|_| ()))?;
        }
        Ok(())
    }

    pub async fn hold(&mut self) -> Done {
        let Some((guarantor, _)) = self.somebody().await? else { return Ok(()) };
        let (engine, practice) = (&self.engine, &self.stage.practice);
        let by = Actor::System("simulation");
        if let Some(hold) = self.facts.held.get(&guarantor) {
            match engine.lift_hold(practice, &guarantor, hold, &by).await {
                Ok(Lift::Lifted) => self.facts.held.remove(&guarantor),
                Ok(Lift::WaitsForSecondPerson) | Err(engine::EngineError::Refused(_)) => None,
                Err(cause) => return Err(cause.to_string()),
            };
            return Ok(());
        }
        let kind = self.dice.pick(&HOLDS).copied().unwrap_or(HoldKind::Pause);
        let new = NewHold {
            kind,
            claim: None,
            only_contact: None,
            reason: "asked for time".into(),
            until: None,
        };
        match engine.place_hold(practice, &guarantor, &new, &by).await {
            Ok(id) => {
                self.facts.held.insert(guarantor, id);
                Ok(())
            }
            Err(engine::EngineError::Refused(_)) => Ok(()),
            Err(cause) => Err(cause.to_string()),
        }
    }
}

/// The business may say no; only a broken inside is a fault.
fn said_no(answer: Result<(), PayError>) -> Done {
    match answer {
        Ok(()) | Err(PayError::Refused(_)) => Ok(()),
        Err(cause) => Err(cause.to_string()),
    }
}
