//! The one text that goes back to a reply at once, if one does: confirmations, HELP, proof, and short
//! acknowledgements. Everything else is for a person.

use domain::{
    book::Language,
    clock::DAY_MS,
    decide::{Approval, Channel, Class, Proposed, decide},
    id::ReplyId,
    practice::Practice,
    revocation::{self, Inbound, Proof, Topic},
    template::{Filling, Form, Kind, Slot},
};
use store::{
    Db, decision, message,
    message::{Content, State},
    reply,
};

use crate::{
    Engine,
    compose::{Addressee, Frame},
    facts::says,
    inbound::Arrival,
};

/// "The last message" is not one of last year.
const PROVEN_FOR_MS: i64 = 90 * DAY_MS;

impl Engine {
    /// The one text that goes back, if one does. It passes the same rules as every other message and
    /// stands in the history; the webhook's answer carries it.
    pub(crate) async fn answer_to(
        &self,
        db: &mut Db,
        arrival: &Arrival<'_>,
        reply_id: &ReplyId,
        said: &str,
    ) -> store::Result<Option<String>> {
        if arrival.carrier_answers {
            return Ok(None);
        }
        let Some((class, content)) = self.words_back(db, arrival, said).await? else {
            return Ok(None);
        };
        let (practice, language) = (arrival.practice, arrival.language);
        let to = Addressee {
            guarantor: match arrival.accounts.as_slice() {
                [only] => Some(only),
                _ => None,
            },
            contact: None,
            recipient: &arrival.recipient,
            masked: &arrival.masked,
            language,
        };
        let frame = Frame {
            class,
            kind: class.as_str(),
            channel: Channel::Text,
            job: None,
            amount: None,
            notice: reply_id.to_string(),
            dedupe_key: format!("answer:{reply_id}"),
            // The answer to the webhook is the hand-over; there is nothing to wait for.
            state: State::Accepted,
            created_by: "system:inbound",
        };
        let message = self.message(&to, frame, content, arrival.now);
        let proposal = Proposed {
            message_id: message.id.clone(),
            recipient: message.recipient.clone(),
            class,
            channel: Channel::Text,
            notice: message.notice.clone(),
            claims: Vec::new(),
            slot_at: arrival.now,
            content_hash: message.content_hash.clone(),
            says: says(&message.kind, message.channel, &message.content),
        };
        let approval = Approval { is_required: false, given: None };
        let facts = arrival.gathered.facts(
            to.guarantor,
            &arrival.recipient,
            Channel::Text,
            &[],
            approval,
            None,
        );
        let decision = decide(&proposal, &facts, &arrival.gathered.rules, arrival.now);
        let sends = decision.sends();
        let row = decision::New {
            guarantor: to.guarantor,
            message: sends.then_some(&message.id),
            decision: &decision,
            at: arrival.now,
        };
        decision::insert_many(db, self.world(), &practice.id, &[row]).await?;
        if !sends {
            return Ok(None);
        }
        let body = message.content.text.clone();
        message::insert_many(db, &practice.id, std::slice::from_ref(&message)).await?;
        message::queue::mark_answered(db, &practice.id, &message.id, arrival.now).await?;
        reply::mark_answered(db, &practice.id, reply_id, class.as_str()).await?;
        Ok(Some(body))
    }

    /// What to answer, and as what. With the inbox on nobody is told that they are not understood: a
    /// person reads it; what was understood is acknowledged (MS7). Off, everything but our own
    /// keywords gets the guides' fixed words (X1).
    async fn words_back(
        &self,
        db: &mut Db,
        arrival: &Arrival<'_>,
        said: &str,
    ) -> store::Result<Option<(Class, Content)>> {
        let practice = arrival.practice;
        let ours = |text: String| Content { text, ..Content::default() };
        let (name, phone) = (practice.alias(), &practice.settings.phone);
        let (language, inbound) = (arrival.language, arrival.inbound);
        let inbox = practice.settings.inbox_is_on;
        Ok(match inbound {
            // One confirmation, and none to somebody who had stopped before (M19).
            Inbound::Stop { .. } if !arrival.was_out => {
                let words = answer_words(db, practice, Kind::OptOutConfirmation, language);
                Some((Class::OptOutConfirmation, words.await?))
            }
            Inbound::Start if arrival.was_out => {
                let words = revocation::opt_in_confirmation(name, language);
                Some((Class::OptInConfirmation, ours(words)))
            }
            Inbound::Help => {
                let words = answer_words(db, practice, Kind::Help, language);
                Some((Class::Help, words.await?))
            }
            // Asked for by a keyword, as HELP is, and as often.
            Inbound::Verify => Some((Class::Help, ours(self.proof(db, arrival, said).await?))),
            _ if arrival.was_out => None,
            Inbound::Other(Topic::IsItReal) if inbox => {
                Some((Class::AutoReply, ours(self.proof(db, arrival, "").await?)))
            }
            Inbound::Other(topic) if inbox || matches!(topic, Topic::CallMe | Topic::MailMe) => {
                // Nothing is promised to a phone that is nobody's.
                let known = (!arrival.accounts.is_empty()).then_some(());
                known
                    .and_then(|()| revocation::acknowledgement(inbound, name, phone, language))
                    .or_else(|| (!inbox).then(|| revocation::fixed_reply(language)))
                    .map(|body| (Class::AutoReply, ours(body)))
            }
            Inbound::Start if inbox => None,
            Inbound::Start | Inbound::Other(_) => {
                Some((Class::AutoReply, ours(revocation::fixed_reply(language))))
            }
            _ => None,
        })
    }

    /// Whether and when we texted that phone: about that phone alone, so a shared one tells nothing
    /// about the accounts behind it (MS1).
    async fn proof(&self, db: &mut Db, arrival: &Arrival<'_>, said: &str) -> store::Result<String> {
        let practice = arrival.practice;
        let code = revocation::code_to_verify(said);
        let since = arrival.now.minus_ms(PROVEN_FOR_MS);
        let value = &arrival.recipient.value_index;
        let found = message::find_proof(db, &practice.id, value, code.as_deref(), since).await?;
        let proof = match found {
            Some((at, code)) => Proof::Sent { on: at.day_in(&practice.zone()), code },
            None => Proof::NotSent,
        };
        let check_at = format!("{}/check-message", practice.settings.public_base);
        let phone = &practice.settings.phone;
        Ok(revocation::proof(&proof, practice.alias(), phone, &check_at, arrival.language))
    }
}

/// An answer in the practice's words; they always can be said, for it names only the practice.
async fn answer_words(
    db: &mut Db,
    practice: &Practice,
    kind: Kind,
    language: Language,
) -> store::Result<Content> {
    let book = store::template::load_book(db, &practice.id).await?;
    let slot = Slot::new(kind, Form::Text, language);
    let written = book.write(slot, &Filling::of_practice(practice), |_| true);
    Ok(written.map_or_else(Content::default, |(filled, trace)| Content {
        text: filled.as_text(),
        template: Some(trace.to_string()),
        ..Content::default()
    }))
}
