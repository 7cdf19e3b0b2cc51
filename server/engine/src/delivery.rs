//! Hands due messages over: the intent in one transaction with the facts and the gate, the call
//! outside any, the outcome in another.

use connect::channel::{
    Accepted, CallMessage, ChannelError, EmailClass, EmailMessage, FaxMessage, RefusalCause,
    TextMessage,
};
use domain::{
    clock::UnixMs,
    decide::{Channel, Class},
    gate::SendPermit,
    id::{MessageId, PracticeId},
    points::Point,
    practice::Practice,
};
use store::{
    Db,
    message::{
        self, Message, State, digest, marks,
        queue::{self, Acceptance},
    },
};

use crate::{
    Engine, Found, Result,
    compose::under_name,
    intent::{Hand, Intent},
    outcome::rank_of,
};

/// What came of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Sent,
    /// Waits: for a window, a cap, an event.
    Deferred,
    /// Asked after at the provider.
    AskedAfter,
    /// No turn was free at the sender before this instant.
    NoTurn(UnixMs),
    /// Decided against, or back to waiting for a yes.
    Withheld,
    Refused,
    Retried,
    Unknown,
    /// Somebody else had it, or it was over.
    Gone,
}

impl Engine {
    /// One message that this engine holds the lease of and that waits.
    pub(crate) async fn deliver(&self, practice: &Practice, id: &MessageId) -> Result<Step> {
        let (engine, owned, mid) = (self.clone(), practice.clone(), id.clone());
        let intent = self
            .store()
            .write(move |db| {
                let (engine, owned, mid) = (engine.clone(), owned.clone(), mid.clone());
                Box::pin(async move { engine.intend(db, &owned, &mid).await })
            })
            .await?;
        let Hand { permit, message, riders } = match intent {
            Intent::Go(hand) => *hand,
            Intent::Step(step) => return Ok(step),
        };
        let (sending, handed) = points_of(message.class);
        sending.inspect(|point| self.reach(*point));
        let content = self.as_handed(&message, &riders);
        let said = Message { content, ..message.clone() };
        let answer = self.hand_over(practice, permit, &said).await;
        handed.inspect(|point| self.reach(*point));
        self.record(practice, message, riders, answer).await
    }

    /// The provider has none of them: each waits for its next try, unless staff took it back meanwhile.
    async fn put_down(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        message: &Message,
        riders: &[Message],
        next_at: UnixMs,
    ) -> store::Result<Step> {
        let (over, why) = (State::Cancelled, queue::TAKEN_BACK);
        for one in riders {
            marks::delete(db, practice, &one.id).await?;
            if !digest::mark_put_down(db, practice, &one.id, next_at).await? {
                self.end(db, practice, one, over, why, None, self.now()).await?;
            }
        }
        marks::delete(db, practice, &message.id).await?;
        if queue::mark_waiting(db, practice, &message.id, next_at, false).await? {
            return Ok(Step::Retried);
        }
        self.end(db, practice, message, over, why, None, self.now()).await?;
        Ok(Step::Withheld)
    }

    /// Which sender a message leaves by, and how long that one rests between two.
    pub(crate) fn sender_of(&self, practice: &Practice, message: &Message) -> (&'static str, i64) {
        let options = self.options();
        match message.channel {
            Channel::Email => ("email", options.email_interval_ms),
            Channel::Text
                if message.class == Class::Code && practice.settings.code_number.is_some() =>
            {
                ("code", options.text_interval_ms)
            }
            Channel::Text => ("text", options.text_interval_ms),
            Channel::Voice => ("voice", options.text_interval_ms),
            Channel::Fax => ("fax", options.text_interval_ms),
            Channel::Letter => ("letter", 0),
        }
    }

    /// The call. `None`: the permit had run out, nothing was tried.
    async fn hand_over(
        &self,
        practice: &Practice,
        permit: SendPermit,
        message: &Message,
    ) -> Option<std::result::Result<Accepted, ChannelError>> {
        let now = self.now();
        if !permit.is_valid_at(now) {
            return None;
        }
        let channels = &self.parts.channels;
        Some(match message.channel {
            Channel::Text => {
                let text = text_of(message);
                channels.send_text(practice, permit, now, &text).await
            }
            Channel::Email => {
                let email = email_of(practice, message);
                channels.send_email(practice, permit, now, &email).await
            }
            Channel::Voice => channels.place_call(practice, permit, now, &call_of(message)).await,
            Channel::Fax => {
                let fax = self.fax_of(message);
                channels.send_fax(practice, permit, now, &fax).await
            }
            // A letter is printed by people; nothing hands it over.
            Channel::Letter => Err(ChannelError::refused(RefusalCause::SenderFault)),
        })
    }

    async fn record(
        &self,
        practice: &Practice,
        message: Message,
        riders: Vec<Message>,
        answer: Option<std::result::Result<Accepted, ChannelError>>,
    ) -> Result<Step> {
        let (engine, practice) = (self.clone(), practice.id.clone());
        let step = self
            .store()
            .write(move |db| {
                let (engine, practice) = (engine.clone(), practice.clone());
                let (message, riders) = (message.clone(), riders.clone());
                let answer = answer.clone();
                Box::pin(async move {
                    let now = engine.now();
                    match answer {
                        None => engine.put_down(db, &practice, &message, &riders, now).await,
                        Some(Ok(accepted)) => {
                            let acceptance = Acceptance {
                                provider_id: &accepted.provider_id,
                                status: accepted.status.as_str(),
                                rank: rank_of(accepted.status),
                                segments: i64::from(accepted.segments.max(1)),
                            };
                            engine.accept(db, &practice, &message, &riders, &acceptance).await?;
                            Ok(Step::Sent)
                        }
                        Some(Err(error)) => {
                            engine.fault(db, &practice, &message, &riders, error).await
                        }
                    }
                })
            })
            .await?;
        Ok(step)
    }

    async fn fault(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        message: &Message,
        riders: &[Message],
        error: ChannelError,
    ) -> store::Result<Step> {
        let (now, options) = (self.now(), self.options());
        // The try that has just failed is not in the row we read before it.
        let tried = message.attempts + 1;
        if !matches!(error, ChannelError::Unknown { .. }) {
            for one in std::iter::once(message).chain(riders) {
                marks::delete(db, practice, &one.id).await?;
            }
        }
        match error {
            ChannelError::Unknown { .. } => {
                let look_at = now.plus_ms(options.look_after_ms[0]);
                queue::mark_unknown(db, practice, &message.id, look_at).await?;
                digest::mark_carried_unknown(db, practice, &message.id).await?;
                Ok(Step::Unknown)
            }
            // Ours to mend, and then it may go: wait like for a busy provider, with a task open.
            ChannelError::Refused { code, cause: RefusalCause::SenderFault }
                if tried < options.attempts =>
            {
                self.learn(db, practice, message, RefusalCause::SenderFault, code).await?;
                self.wait_again(db, practice, message, riders, None).await
            }
            ChannelError::Retry { after_ms, .. } if tried < options.attempts => {
                self.wait_again(db, practice, message, riders, after_ms).await
            }
            ChannelError::Retry { code, .. } => {
                let code = code.map(|c| c.to_string());
                let why = "gave_up";
                for one in std::iter::once(message).chain(riders) {
                    self.end(db, practice, one, State::Failed, why, code.as_deref(), now).await?;
                }
                // A mail server that says so speaks of the mailbox; one that is silent does not.
                if message.channel == Channel::Email
                    && let Some(code) = code.and_then(|code| code.parse().ok())
                {
                    self.note_soft_bounce(db, practice, message, Some(code)).await?;
                }
                Ok(Step::Refused)
            }
            ChannelError::Refused { code, cause } => {
                self.refuse(db, practice, message, riders, cause, code).await?;
                Ok(Step::Refused)
            }
        }
    }

    async fn wait_again(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        message: &Message,
        riders: &[Message],
        after_ms: Option<u64>,
    ) -> store::Result<Step> {
        let backoff = &self.options().backoff_ms;
        // As many tries lie behind it as its row counted before this one.
        let place = usize::try_from(message.attempts).unwrap_or(0).min(backoff.len() - 1);
        let asked = after_ms.and_then(|ms| i64::try_from(ms).ok()).unwrap_or(0);
        let next_at = self.now().plus_ms(backoff[place].max(asked));
        self.put_down(db, practice, message, riders, next_at).await
    }

    /// A message of unknown outcome, or one whose worker died in the middle: looked up, never
    /// guessed. Texts, calls and faxes can be looked up; when the looks agree that it does not exist, it
    /// may be tried once more. An email cannot, so it is let be.
    pub(crate) async fn look(&self, practice: &Practice, id: &MessageId) -> Result<Step> {
        let mut db = self.store().read().await?;
        let Some(message) = message::load(&mut db, &practice.id, id).await? else {
            return Ok(Step::Gone);
        };
        let riders = self.carried(&mut db, &practice.id, &message).await?;
        drop(db);
        let content = self.as_handed(&message, &riders);
        let said = Message { content, ..message.clone() };
        let found = match message.channel {
            Channel::Email | Channel::Letter => Ok(None),
            Channel::Voice => self.look_for_call(practice, &message).await?,
            Channel::Fax => self.parts.channels.find_fax(practice, message.id.as_str()).await,
            Channel::Text => {
                let text = text_of(&said);
                self.parts.channels.find_text(practice, message.class, &text).await
            }
        };
        let (engine, practice) = (self.clone(), practice.id.clone());
        let step = self
            .store()
            .write(move |db| {
                let (engine, practice) = (engine.clone(), practice.clone());
                let (message, riders) = (message.clone(), riders.clone());
                let found = found.clone();
                Box::pin(async move {
                    engine.settle_look(db, &practice, &message, &riders, found).await
                })
            })
            .await?;
        Ok(step)
    }

    /// The newest call to this phone that is no other message's.
    async fn look_for_call(
        &self,
        practice: &Practice,
        message: &Message,
    ) -> Result<std::result::Result<Option<Found>, ChannelError>> {
        let call = call_of(message);
        let found = match self.parts.channels.find_calls(practice, &call).await {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        let mut db = self.store().read().await?;
        for one in found {
            let owner = message::find_by_provider(&mut db, &practice.id, &one.provider_id).await?;
            if owner.is_none_or(|owner| owner == message.id) {
                return Ok(Ok(Some(one)));
            }
        }
        Ok(Ok(None))
    }

    fn fax_of(&self, message: &Message) -> FaxMessage {
        FaxMessage {
            to_e164: message.recipient.clone(),
            document: self.wording().page(message.language, &message.content.text),
            reference: message.id.to_string(),
        }
    }

    /// How far a fax under way came: nobody tells us by itself.
    pub(crate) async fn ask_after(&self, practice: &Practice, id: &MessageId) -> Result<Step> {
        let mut db = self.store().read().await?;
        let Some(message) = message::load(&mut db, &practice.id, id).await? else {
            return Ok(Step::Gone);
        };
        drop(db);
        let Some(provider_id) = &message.provider_id else { return Ok(Step::Gone) };
        let told = self.parts.channels.load_fax(practice, provider_id).await;
        let is_over = told.as_ref().is_ok_and(|report| report.status.is_final());
        if let Ok(report) = told {
            self.record_report(&practice.id, report).await?;
        }
        let (now, options) = (self.now(), self.options());
        let waited = message.accepted_at.map_or(0, |at| now.since(at));
        let again = !is_over && waited < options.ask_for_ms;
        let next_at = again.then(|| now.plus_ms(options.ask_every_ms));
        let (practice, id) = (practice.id.clone(), id.clone());
        self.store()
            .write(move |db| {
                let (practice, id) = (practice.clone(), id.clone());
                Box::pin(async move { queue::mark_ask_again(db, &practice, &id, next_at).await })
            })
            .await?;
        Ok(Step::AskedAfter)
    }

    async fn settle_look(
        &self,
        db: &mut Db,
        practice: &PracticeId,
        message: &Message,
        riders: &[Message],
        found: std::result::Result<Option<Found>, ChannelError>,
    ) -> store::Result<Step> {
        let (now, options) = (self.now(), self.options());
        let absent = matches!(found, Ok(None));
        if let Ok(Some(found)) = found {
            let acceptance = Acceptance {
                provider_id: &found.provider_id,
                status: found.status.as_str(),
                rank: rank_of(found.status),
                segments: i64::from(found.segments.max(1)),
            };
            let took = self.accept(db, practice, message, riders, &acceptance).await?;
            return Ok(if took { Step::Sent } else { Step::Gone });
        }
        let looks = usize::try_from(message.looks).unwrap_or(usize::MAX);
        let can_look_again = can_be_found(message.channel) && looks < options.look_after_ms.len();
        if can_look_again {
            // The first absence may be the provider's own lag; a failed look says nothing.
            let next_at = now.plus_ms(options.look_after_ms[looks]);
            queue::mark_unknown(db, practice, &message.id, next_at).await?;
            digest::mark_carried_unknown(db, practice, &message.id).await?;
            return Ok(Step::Unknown);
        }
        if absent && can_be_found(message.channel) && message.attempts < 2 {
            return self.put_down(db, practice, message, riders, now).await;
        }
        for one in std::iter::once(message).chain(riders) {
            self.end(db, practice, one, State::Failed, "unknown", None, now).await?;
        }
        Ok(Step::Unknown)
    }
}

/// The points before and after the hand-over, of the two kinds that must neither be lost nor doubled.
const fn points_of(class: Class) -> (Option<Point>, Option<Point>) {
    match class {
        Class::Receipt => (Some(Point::ReceiptSending), Some(Point::ReceiptHanded)),
        Class::Dunning => (Some(Point::ReminderSending), Some(Point::ReminderHanded)),
        _ => (None, None),
    }
}

/// The practice under the name of the message's job.
pub(crate) async fn named_for(
    db: &mut Db,
    practice: &Practice,
    message: &Message,
) -> store::Result<Practice> {
    let job = match &message.job {
        Some(job) => store::job::load(db, &practice.id, job).await?,
        None => None,
    };
    Ok(under_name(practice, job.and_then(|job| job.custom_name).as_deref()))
}

/// Email has no place where one could look.
const fn can_be_found(channel: Channel) -> bool {
    matches!(channel, Channel::Text | Channel::Voice | Channel::Fax)
}

/// The caps leave a day between two calls to a phone, and the slot is never later than the call.
fn call_of(message: &Message) -> CallMessage {
    CallMessage {
        to_e164: message.recipient.clone(),
        message_id: message.id.to_string(),
        since: message.slot_at,
    }
}

fn text_of(message: &Message) -> TextMessage {
    TextMessage { to_e164: message.recipient.clone(), body: message.content.text.clone() }
}

fn email_of(practice: &Practice, message: &Message) -> EmailMessage {
    let settings = &practice.settings;
    let name = settings.email_from_name.trim();
    EmailMessage {
        from_name: if name.is_empty() { practice.alias() } else { name }.to_owned(),
        from_address: settings.email_from_address.clone(),
        reply_to: None,
        to: message.recipient.clone(),
        subject: message.content.subject.clone().unwrap_or_default(),
        text: message.content.text.clone(),
        html: message.content.html.clone().unwrap_or_default(),
        picture_of: message.content.picture_of.clone(),
        list_unsubscribe_url: message.content.unsubscribe_url.clone(),
        message_id: message.id.to_string(),
        class: if message.class.is_outreach() && message.content.unsubscribe_url.is_some() {
            EmailClass::Reminder
        } else {
            EmailClass::Transactional
        },
    }
}
