//! The sandbox in process: what people do to it (pay, give up, text back), what a test reads from
//! it (mailbox, charges, refunds), and the controls of the demo (faults, webhooks).

use std::{collections::BTreeSet, sync::Arc};

use domain::points::Point;
use serde::Serialize;

use crate::{
    BadFault, Delivered, FaultRule, Inbound, JournalBroken, Sandbox, Vendor, delivery, faults,
    stripe::{
        Ctx, cards, charges,
        checkout::{self, Submitted},
        endpoints,
        error::ApiError,
        intents, methods,
        objects::{Billing, IntentStatus},
        refunds,
    },
    twilio,
    world::World,
};

/// Expiry month people "type" with a card number here; the year is three years on.
const EXPIRY_MONTH: i64 = 12;

/// How paying ended, as the person sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentEnd {
    Succeeded,
    /// The sentence shown, and the decline code if the bank gave one.
    Declined {
        code: String,
        decline_code: Option<String>,
        message: String,
    },
    /// The bank asks for approval; answer with [`Sandbox::answer_approval`].
    NeedsApproval,
    Processing,
    /// There is nothing to pay: canceled, expired, already paid, or unknown.
    NotPayable(String),
}

/// How a visit to the Checkout page ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckoutEnd {
    /// Paid; the browser goes to this address.
    Paid {
        return_to: String,
    },
    Other(PaymentEnd),
}

/// A charge as the ledger must know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChargeView {
    pub id: String,
    pub payment_intent: String,
    pub amount_cents: i64,
    pub refunded_cents: i64,
    pub succeeded: bool,
    pub disputed: bool,
    pub metadata: std::collections::BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefundView {
    pub id: String,
    pub charge: String,
    pub payment_intent: String,
    pub amount_cents: i64,
    pub status: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IntentView {
    pub id: String,
    pub client_secret: String,
    pub amount_cents: i64,
    pub status: String,
    pub checkout_session: Option<String>,
    pub metadata: std::collections::BTreeMap<String, String>,
}

fn ended(result: Result<IntentStatus, ApiError>) -> PaymentEnd {
    match result {
        Ok(IntentStatus::Succeeded) => PaymentEnd::Succeeded,
        Ok(IntentStatus::Processing) => PaymentEnd::Processing,
        Ok(IntentStatus::RequiresAction) => PaymentEnd::NeedsApproval,
        Ok(status) => PaymentEnd::NotPayable(format!("status {}", status.word())),
        Err(error) if error.kind == "card_error" || error.payment_method.is_some() => {
            PaymentEnd::Declined {
                code: error.code.clone().unwrap_or_default(),
                decline_code: error.decline_code.clone(),
                message: error.message.clone(),
            }
        }
        Err(error) => PaymentEnd::NotPayable(error.message.clone()),
    }
}

fn person(world: &mut World, operation: &str) -> Ctx {
    let fault = faults::take(&mut world.faults, faults::Vendor::Stripe, operation);
    // In process there is no network to cut: what is left of a fault is what the bank does.
    let fault = fault.filter(|fault| {
        matches!(fault.kind, faults::FaultKind::Decline | faults::FaultKind::Processing)
    });
    Ctx { request: world.mint("req_", 14), fault, from_browser: true, ..Ctx::default() }
}

impl Sandbox {
    // ---- what was delivered ----

    /// Every text and email as delivered, oldest first.
    pub fn mailbox(&self) -> Vec<Delivered> {
        self.shared.look(|world| world.mailbox.oldest_first().map(|(_, row)| row.clone()).collect())
    }

    /// What was delivered after the first so many, oldest first.
    pub fn mailbox_after(&self, seen: usize) -> Vec<Delivered> {
        self.shared.look(|world| {
            world.mailbox.oldest_first().skip(seen).map(|(_, row)| row.clone()).collect()
        })
    }

    /// What one phone or inbox received, oldest first.
    pub fn delivered_to(&self, to: &str) -> Vec<Delivered> {
        self.mailbox().into_iter().filter(|row| row.to.eq_ignore_ascii_case(to)).collect()
    }

    /// Texts the API accepted from us, whether or not they arrived.
    pub fn texts_accepted(&self) -> usize {
        self.shared.look(|world| {
            let messages = world.twilio.messages.oldest_first();
            messages.filter(|(_, message)| message.direction == "outbound-api").count()
        })
    }

    /// Phones at which a text of ours ended undelivered, as the carrier sees it, each once.
    pub fn phones_not_reached(&self) -> BTreeSet<String> {
        self.shared.look(|world| {
            let messages = world.twilio.messages.oldest_first();
            let failed = messages.filter(|(_, message)| message.fails_with.is_some());
            failed.map(|(_, message)| message.to.clone()).collect()
        })
    }

    /// The carrier reports a status of a text out of turn: once more, late, or wrongly. The text is
    /// the one with this vendor id; false when there is none.
    pub fn carrier_repeats(&self, text: &str, status: &str) -> Result<bool, JournalBroken> {
        self.shared.change(|world| twilio::messages::report_again(world, text, status))
    }

    /// Whether this person stopped texts from this number of ours.
    pub fn is_opted_out(&self, ours: &str, theirs: &str) -> bool {
        let key = twilio::opt_out_key(ours, theirs);
        self.shared.look(|world| world.twilio.opt_outs.get(&key).is_some())
    }

    // ---- webhooks and time ----

    /// Sends every webhook and status callback that is due by the business clock, with expiries and
    /// settlements that fell due. Returns when done, with the number of requests made.
    pub async fn deliver_due(&self) -> Result<usize, JournalBroken> {
        delivery::deliver_due(&self.shared).await
    }

    /// Deliveries still waiting, due or not.
    pub fn waiting_deliveries(&self) -> usize {
        self.shared.look(|world| world.outbox.len())
    }

    /// When the next delivery, expiry or settlement is due; the demo's clock steps through these.
    pub fn next_due(&self) -> Option<domain::clock::UnixMs> {
        self.shared.look(|world| {
            let outbox = world.outbox.oldest_first().map(|(_, row)| row.due_at_ms);
            let texts = world.twilio.messages.pending().map(|row| row.next_at_ms);
            let sessions = world.stripe.sessions.pending();
            let sessions = sessions.map(|row| row.expires_at.saturating_mul(1_000));
            let intents = world.stripe.intents.pending().filter_map(|row| row.settles_at_ms);
            outbox.chain(texts).chain(sessions).chain(intents).min().map(domain::clock::UnixMs)
        })
    }

    /// Sends every event of the account to `url`, signed with `secret`. The same address again
    /// replaces its secret.
    pub fn set_webhook_endpoint(&self, url: &str, secret: &str) -> Result<String, JournalBroken> {
        self.shared.change(|world| endpoints::set(world, url, secret))
    }

    /// Where texts to our numbers are posted, unless a number has an address of its own.
    pub fn set_sms_webhook(&self, url: &str) -> Result<(), JournalBroken> {
        self.shared.change(|world| {
            let mut settings = world.settings();
            settings.sms_webhook = url.to_owned();
            world.set_settings(settings);
        })
    }

    /// A number that is ours from now on. `keyword_service` is the carrier's: without it nobody but
    /// the server reacts to STOP.
    pub fn own_number(&self, phone: &str, keyword_service: bool) -> Result<(), JournalBroken> {
        self.shared.change(|world| {
            let mut number = twilio::numbers::own(world, phone);
            number.keyword_service = keyword_service;
            world.twilio.numbers.put(&number.sid.clone(), number);
        })
    }

    // ---- faults ----

    /// Adds to the script.
    pub fn add_faults(&self, rules: Vec<FaultRule>) -> Result<Result<(), BadFault>, JournalBroken> {
        self.shared.change(|world| faults::add(&mut world.faults, rules))
    }

    /// What is left of the script.
    pub fn faults(&self) -> Vec<FaultRule> {
        self.shared
            .look(|world| world.faults.oldest_first().map(|(_, rule)| rule.clone()).collect())
    }

    /// Asks the script whether Clearbill ends at a point, and uses the rule up: a process started
    /// again on the same folder passes it.
    pub fn ends(&self) -> impl Fn(Point) -> bool + Send + Sync + 'static {
        let shared = Arc::clone(&self.shared);
        move |point| {
            let is_meant = |(_, rule): (&str, &FaultRule)| rule.vendor() == Vendor::Clearbill;
            if !shared.look(|world| world.faults.oldest_first().any(is_meant)) {
                return false;
            }
            let take = |world: &mut World| {
                faults::take(&mut world.faults, Vendor::Clearbill, point.as_str())
            };
            shared.change(take).is_ok_and(|rule| rule.is_some())
        }
    }

    /// What is left of the script for one vendor is dropped: it is well again.
    pub fn clear_faults_of(&self, vendor: Vendor) -> Result<(), JournalBroken> {
        self.shared.change(|world| {
            let rules = world.faults.oldest_first();
            let of_vendor = rules.filter(|(_, rule)| rule.vendor() == vendor);
            let ids: Vec<String> = of_vendor.map(|(id, _)| id.to_owned()).collect();
            for id in ids {
                world.faults.remove(&id);
            }
        })
    }

    pub fn clear_faults(&self) -> Result<(), JournalBroken> {
        self.shared.change(|world| world.faults.retain_newest(0))
    }

    // ---- people with phones ----

    /// A person texts one of our numbers. The carrier acts on its keywords, the server gets the
    /// signed webhook, and its replies are in the mailbox when this returns.
    pub async fn patient_texts(
        &self,
        from: &str,
        to: &str,
        body: &str,
    ) -> Result<Inbound, JournalBroken> {
        let url = self.shared.look(|world| world.settings().sms_webhook);
        twilio::inbound::deliver(&self.shared, from, to, body, &url).await
    }

    /// How the next call to this phone is taken; without a script a person listens to the end.
    pub fn takes_calls(
        &self,
        to: &str,
        manner: twilio::calls::Manner,
    ) -> Result<(), JournalBroken> {
        self.shared.change(|world| twilio::calls::script(world, to, manner))
    }

    /// Somebody calls our number from their phone and presses these keys; what they heard.
    pub async fn patient_calls(
        &self,
        from: &str,
        to: &str,
        digits: &str,
    ) -> Result<Vec<String>, JournalBroken> {
        let texts = self.shared.look(|world| world.settings().sms_webhook);
        let url = texts.strip_suffix("/sms").map(|base| format!("{base}/menu"));
        let url = url.unwrap_or_default();
        twilio::calls::ring_us(&self.shared, from, to, digits, &url).await
    }

    /// Calls the API accepted from us, whether or not anybody picked up.
    pub fn calls_accepted(&self) -> usize {
        self.shared.look(|world| world.twilio.calls.len())
    }

    // ---- people with cards ----

    /// A person types this card into the form of the payment with this client secret and submits.
    pub fn pay_intent(
        &self,
        client_secret: &str,
        card_number: &str,
    ) -> Result<PaymentEnd, JournalBroken> {
        let id = client_secret.split("_secret_").next().unwrap_or_default().to_owned();
        self.shared.change(|world| {
            let ctx = person(world, "payment_intents.confirm");
            let result = pay(world, &id, client_secret, card_number, &ctx);
            self.shared.bell.notify_one();
            ended(result)
        })
    }

    /// The person answers the bank.
    pub fn answer_approval(
        &self,
        intent: &str,
        approves: bool,
    ) -> Result<PaymentEnd, JournalBroken> {
        self.shared.change(|world| {
            let ctx = Ctx { from_browser: true, ..Ctx::default() };
            let session = world.stripe.intents.get(intent).and_then(|row| row.session.clone());
            let result = match session {
                Some(session) => match checkout::answer(world, &session, approves, &ctx) {
                    Ok(Submitted::Paid(_)) => Ok(IntentStatus::Succeeded),
                    Ok(_) => Ok(IntentStatus::Processing),
                    Err(error) => Err(error),
                },
                None => {
                    intents::answer_approval(world, intent, approves, &ctx).map(|row| row.status)
                }
            };
            self.shared.bell.notify_one();
            ended(result)
        })
    }

    /// A person fills in the Checkout page of this session and submits.
    pub fn pay_checkout(
        &self,
        session: &str,
        card_number: &str,
    ) -> Result<CheckoutEnd, JournalBroken> {
        self.shared.change(|world| {
            let ctx = person(world, "checkout.sessions.confirm");
            let today = methods::today(world);
            let (month, year) = (EXPIRY_MONTH, today.0 + 3);
            let card = cards::read(card_number, month, year, Some("123"), today);
            let billing = Billing::default();
            let result = card.and_then(|card| checkout::pay(world, session, card, billing, &ctx));
            self.shared.bell.notify_one();
            match result {
                Ok(Submitted::Paid(session)) => {
                    CheckoutEnd::Paid { return_to: checkout::success_url(&session) }
                }
                Ok(Submitted::Asks) => CheckoutEnd::Other(PaymentEnd::NeedsApproval),
                Ok(Submitted::Processing(_)) => CheckoutEnd::Other(PaymentEnd::Processing),
                Err(error) => CheckoutEnd::Other(ended(Err(error))),
            }
        })
    }

    /// The person leaves the Checkout page by its Back button. Nothing changes at the processor;
    /// the answer is where the browser goes.
    pub fn leave_checkout(&self, session: &str) -> Option<String> {
        self.shared.look(|world| world.stripe.sessions.get(session)?.cancel_url.clone())
    }

    /// The card holder asks the bank for the money back. The answer is the dispute's id.
    pub fn dispute(&self, charge: &str, reason: &str) -> Result<Option<String>, JournalBroken> {
        self.shared.change(|world| {
            let dispute = charges::dispute(world, charge, reason, false, &Ctx::default());
            dispute.ok().map(|dispute| dispute.id)
        })
    }

    /// The bank asks about a charge and takes nothing yet. The answer is the dispute's id.
    pub fn inquire(&self, charge: &str) -> Result<Option<String>, JournalBroken> {
        self.shared.change(|world| {
            let dispute = charges::dispute(world, charge, "general", true, &Ctx::default());
            dispute.ok().map(|dispute| dispute.id)
        })
    }

    /// The bank decides a dispute. False when there is none open with this id.
    pub fn close_dispute(&self, dispute: &str, won: bool) -> Result<bool, JournalBroken> {
        self.shared
            .change(|world| charges::close_dispute(world, dispute, won, &Ctx::default()).is_ok())
    }

    /// The bank sends a refund back. False when it had not succeeded.
    pub fn fail_refund(&self, refund: &str) -> Result<bool, JournalBroken> {
        self.shared.change(|world| refunds::fail(world, refund, &Ctx::default()).is_ok())
    }

    // ---- what the ledger is compared with ----

    /// Every try of a card, oldest first.
    pub fn charges(&self) -> Vec<ChargeView> {
        self.shared.look(|world| {
            let charges = world.stripe.charges.oldest_first();
            charges
                .map(|(_, charge)| ChargeView {
                    id: charge.id.clone(),
                    payment_intent: charge.intent.clone(),
                    amount_cents: charge.amount,
                    refunded_cents: charge.refunded,
                    succeeded: charge.succeeded,
                    disputed: charge.disputed,
                    metadata: charge.metadata.clone(),
                })
                .collect()
        })
    }

    pub fn refunds(&self) -> Vec<RefundView> {
        self.shared.look(|world| {
            let refunds = world.stripe.refunds.oldest_first();
            refunds
                .map(|(_, refund)| RefundView {
                    id: refund.id.clone(),
                    charge: refund.charge.clone(),
                    payment_intent: refund.intent.clone(),
                    amount_cents: refund.amount,
                    status: refund.status.clone(),
                })
                .collect()
        })
    }

    pub fn intents(&self) -> Vec<IntentView> {
        self.shared.look(|world| {
            let intents = world.stripe.intents.oldest_first();
            intents
                .map(|(_, intent)| IntentView {
                    id: intent.id.clone(),
                    client_secret: intent.client_secret.clone(),
                    amount_cents: intent.amount,
                    status: intent.status.word().to_owned(),
                    checkout_session: intent.session.clone(),
                    metadata: intent.metadata.clone(),
                })
                .collect()
        })
    }

    /// Captured less refunded and lost in disputes, in cents.
    pub fn kept_cents(&self) -> i64 {
        let charges = self.charges().into_iter().filter(|charge| charge.succeeded);
        let captured: i64 = charges.map(|charge| charge.amount_cents - charge.refunded_cents).sum();
        let lost: i64 = self.shared.look(|world| {
            let disputes = world.stripe.disputes.oldest_first();
            disputes.filter(|(_, d)| d.status == "lost").map(|(_, d)| d.amount).sum()
        });
        captured - lost
    }
}

fn pay(
    world: &mut World,
    id: &str,
    client_secret: &str,
    card_number: &str,
    ctx: &Ctx,
) -> Result<IntentStatus, ApiError> {
    let intent = intents::find(world, id)?;
    if intent.client_secret != client_secret {
        return Err(ApiError::no_such("payment_intent", id, "intent"));
    }
    if !intent.status.is_open() {
        return Err(ApiError::bad(format!("status {}", intent.status.word())));
    }
    let today = methods::today(world);
    let (month, year) = (EXPIRY_MONTH, today.0 + 3);
    let card = cards::read(card_number, month, year, Some("123"), today)?;
    let method = methods::keep(world, card, Billing::default(), Default::default());
    intents::charge(world, intent, &method, false, ctx).map(|intent| intent.status)
}
