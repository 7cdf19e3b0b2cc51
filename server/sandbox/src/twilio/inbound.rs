//! A person texts us. The carrier's keyword service acts first, as it does in life: it blocks on
//! STOP and answers by itself; the webhook comes after, and a reply it asks for to a blocked
//! person is refused.

use super::{Number, messages, opt_out_key, signed_form, twiml::unescaped};
use crate::{
    delivery::post,
    mailbox::{Channel, Delivered},
    shared::Shared,
    world::{JournalBroken, World},
};

/// Twilio's default keywords; the whole message must be one.
const STOP: &[&str] =
    &["STOP", "UNSUBSCRIBE", "END", "QUIT", "STOPALL", "REVOKE", "OPTOUT", "CANCEL"];
const START: &[&str] = &["START", "YES", "UNSTOP"];
const HELP: &[&str] = &["HELP", "INFO"];

const STOP_ANSWER: &str = "You have successfully been unsubscribed. You will not receive any more \
                           messages from this number. Reply START to resubscribe.";
const START_ANSWER: &str = "You have successfully been re-subscribed to messages from this number. \
                            Reply HELP for help. Reply STOP to unsubscribe. Msg&Data Rates May Apply.";
const HELP_ANSWER: &str = "Reply STOP to unsubscribe. Msg&Data Rates May Apply.";

/// Replies one TwiML answer may hold.
const MAX_REPLIES: usize = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyword {
    Stop,
    Start,
    Help,
}

/// What came of a person's text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inbound {
    pub message_sid: String,
    /// The server's status; none when it did not answer in time.
    pub status: Option<u16>,
    pub body: String,
    /// What the carrier's keyword service answered by itself.
    pub automatic_reply: Option<String>,
    /// What the server asked to reply and the person got.
    pub replies: Vec<String>,
    /// What the server asked to reply and was refused (21610).
    pub refused_replies: Vec<String>,
}

pub fn keyword(body: &str) -> Option<Keyword> {
    let word = body.trim().to_ascii_uppercase();
    let is_in = |words: &[&str]| words.contains(&word.as_str());
    match () {
        () if is_in(STOP) => Some(Keyword::Stop),
        () if is_in(START) => Some(Keyword::Start),
        () if is_in(HELP) => Some(Keyword::Help),
        () => None,
    }
}

struct Arrived {
    sid: String,
    automatic_reply: Option<String>,
    url: String,
    headers: Vec<(&'static str, String)>,
    form: Vec<u8>,
}

/// Delivers `body` from the person's phone `from` to our number `to`. `default_url` is where texts
/// to a number without a webhook of its own go.
pub async fn deliver(
    shared: &Shared,
    from: &str,
    to: &str,
    body: &str,
    default_url: &str,
) -> Result<Inbound, JournalBroken> {
    let arrived = shared.change(|world| arrive(world, from, to, body, default_url))?;
    let answer = match arrived.url.is_empty() {
        true => None,
        false => post(shared, &arrived.url, &arrived.headers, &arrived.form).await,
    };
    let mut inbound = Inbound {
        message_sid: arrived.sid,
        automatic_reply: arrived.automatic_reply,
        ..Inbound::default()
    };
    let Some(answer) = answer else { return Ok(inbound) };
    inbound.status = Some(answer.status);
    let replies = if answer.status == 200 { twiml_messages(&answer.body) } else { Vec::new() };
    inbound.body = answer.body;
    shared.change(|world| {
        for reply in replies {
            if world.twilio.opt_outs.get(&opt_out_key(to, from)).is_some() {
                inbound.refused_replies.push(reply);
                continue;
            }
            let sent = messages::note(world, to, from, &reply, "outbound-reply");
            let mut delivered = Delivered::new(world, Channel::Text, to, from, &reply);
            delivered.vendor_id = Some(sent.sid);
            world.mailbox.put(&delivered.id.clone(), delivered);
            inbound.replies.push(reply);
        }
    })?;
    Ok(inbound)
}

fn arrive(world: &mut World, from: &str, to: &str, body: &str, default_url: &str) -> Arrived {
    let message = messages::note(world, from, to, body, "inbound");
    let number = world.twilio.numbers.oldest_first().find(|(_, number)| number.phone == to);
    let number: Option<Number> = number.map(|(_, number)| number.clone());
    let has_service = number.as_ref().is_some_and(|number| number.keyword_service);
    let keyword = keyword(body).filter(|_| has_service);
    let key = opt_out_key(to, from);
    let was_out = world.twilio.opt_outs.get(&key).is_some();
    let automatic_reply = match keyword {
        Some(Keyword::Stop) => {
            messages::opt_out(world, to, from);
            (!was_out).then_some(STOP_ANSWER)
        }
        Some(Keyword::Start) => {
            world.twilio.opt_outs.remove(&key);
            was_out.then_some(START_ANSWER)
        }
        Some(Keyword::Help) => Some(HELP_ANSWER),
        None => None,
    };
    if let Some(text) = automatic_reply {
        let mut delivered = Delivered::new(world, Channel::Text, to, from, text);
        delivered.automatic = true;
        world.mailbox.put(&delivered.id.clone(), delivered);
    }
    let service = number.as_ref().and_then(|number| number.service.clone());
    let own_url = number.map(|number| number.sms_url).filter(|url| !url.is_empty());
    let url = own_url.unwrap_or_else(|| default_url.to_owned());
    let mut params = vec![
        ("ToCountry", "US".to_owned()),
        ("ToState", String::new()),
        ("SmsMessageSid", message.sid.clone()),
        ("NumMedia", "0".to_owned()),
        ("ToCity", String::new()),
        ("FromZip", String::new()),
        ("SmsSid", message.sid.clone()),
        ("FromState", String::new()),
        ("SmsStatus", "received".to_owned()),
        ("FromCity", String::new()),
        ("Body", body.to_owned()),
        ("FromCountry", "US".to_owned()),
        ("To", to.to_owned()),
        ("ToZip", String::new()),
        ("NumSegments", message.segments.to_string()),
        ("MessageSid", message.sid.clone()),
        ("AccountSid", world.settings().twilio_account),
        ("From", from.to_owned()),
        ("ApiVersion", "2010-04-01".to_owned()),
    ];
    if let Some(service) = service {
        params.push(("MessagingServiceSid", service));
        let kind = match keyword {
            Some(Keyword::Stop) => Some("STOP"),
            Some(Keyword::Start) => Some("START"),
            Some(Keyword::Help) => Some("HELP"),
            None => None,
        };
        if let Some(kind) = kind {
            params.push(("OptOutType", kind.to_owned()));
        }
    }
    let params: Vec<(String, String)> =
        params.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let (headers, form) = signed_form(world, &url, &params);
    let automatic_reply = automatic_reply.map(str::to_owned);
    Arrived { sid: message.sid, automatic_reply, url, headers, form }
}

/// The texts of `<Message>` in a TwiML answer, with or without an inner `<Body>`.
fn twiml_messages(xml: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let mut rest = xml;
    while texts.len() < MAX_REPLIES {
        let Some(start) = rest.find("<Message") else { break };
        rest = &rest[start + "<Message".len()..];
        let Some(open) = rest.find('>') else { break };
        if rest[..open].ends_with('/') {
            rest = &rest[open + 1..];
            continue;
        }
        let Some(close) = rest.find("</Message>") else { break };
        let inner = rest.get(open + 1..close).unwrap_or_default();
        let inner = match (inner.find("<Body>"), inner.find("</Body>")) {
            (Some(start), Some(end)) => inner.get(start + "<Body>".len()..end).unwrap_or_default(),
            _ => inner,
        };
        let text = unescaped(inner.trim());
        if !text.is_empty() {
            texts.push(text);
        }
        rest = &rest[close + "</Message>".len()..];
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_message_is_a_keyword() {
        assert_eq!(keyword(" stop "), Some(Keyword::Stop));
        assert_eq!(keyword("STOP PLEASE"), None);
        assert_eq!(keyword("unstop"), Some(Keyword::Start));
    }

    #[test]
    fn replies_are_read_from_twiml() {
        let xml = "<?xml version=\"1.0\"?><Response><Message>A &amp; B</Message>\
                   <Message to=\"+1\"><Body>C</Body></Message></Response>";
        assert_eq!(twiml_messages(xml), ["A & B", "C"]);
        assert!(twiml_messages("<Response/>").is_empty());
    }
}
