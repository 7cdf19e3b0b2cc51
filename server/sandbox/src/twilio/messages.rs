//! Texts: accepted, sent, delivered, with a callback for each step after the first.

use serde_json::{Value, json};

use super::{
    Message, OptOut,
    api::{Answer, not_found, paged, rfc2822},
    error::TwilioError,
    is_e164, is_landline, opt_out_key,
};
use crate::{
    delivery::{Outgoing, Parcel},
    faults::{FaultKind, FaultRule},
    mailbox::{Channel, Delivered},
    wire::Call,
    world::World,
};

/// Twilio's limit on a body.
const MAX_BODY_CHARS: usize = 1_600;

/// A scheduled text lies between these.
const SOONEST_SCHEDULE_MS: i64 = 15 * 60 * 1_000;
const LATEST_SCHEDULE_MS: i64 = 35 * 24 * 60 * 60 * 1_000;

/// A message to a landline ends so.
const LANDLINE: u32 = 30006;

struct Order {
    to: String,
    from: Option<String>,
    service: Option<String>,
    body: String,
    status_callback: Option<String>,
    send_at_ms: Option<i64>,
}

fn read(world: &World, call: &Call) -> Result<Order, TwilioError> {
    let form = call.form();
    let text = |name: &str| {
        let value = form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        value.filter(|value| !value.is_empty())
    };
    let to = text("To")
        .ok_or_else(|| TwilioError::new(400, 21604, "A 'To' phone number is required."))?;
    let (from, service) = (text("From"), text("MessagingServiceSid"));
    if from.is_none() && service.is_none() {
        let message = "A 'From' phone number or MessagingServiceSid is required.";
        return Err(TwilioError::new(400, 21603, message));
    }
    let body =
        text("Body").ok_or_else(|| TwilioError::new(400, 21602, "Message body is required."))?;
    if body.chars().count() > MAX_BODY_CHARS {
        return Err(TwilioError::of(21617, &to));
    }
    if !is_e164(&to) {
        return Err(TwilioError::of(21211, &to));
    }
    let status_callback = text("StatusCallback");
    let is_url = |url: &String| url.starts_with("http://") || url.starts_with("https://");
    if status_callback.as_ref().is_some_and(|url| !is_url(url)) {
        return Err(TwilioError::new(400, 21609, "The 'StatusCallback' URL is not a valid URL."));
    }
    let mut send_at_ms = None;
    if text("ScheduleType").as_deref() == Some("fixed") {
        if service.is_none() {
            let message = "MessagingServiceSid is required to schedule a message";
            return Err(TwilioError::new(400, 35118, message));
        }
        let at = text("SendAt").and_then(|at| domain::clock::UnixMs::parse_rfc3339(&at));
        let wait = at.map(|at| at.since(world.now()));
        if !wait.is_some_and(|wait| (SOONEST_SCHEDULE_MS..=LATEST_SCHEDULE_MS).contains(&wait)) {
            let message = "SendAt must be between 15 minutes and 35 days from now";
            return Err(TwilioError::new(400, 35114, message));
        }
        send_at_ms = at.map(|at| at.0);
    }
    Ok(Order { to, from, service, body, status_callback, send_at_ms })
}

/// The magic numbers of Twilio's test credentials, and our own rules.
fn sender(world: &World, order: &Order) -> Result<String, TwilioError> {
    let magic_to = match order.to.as_str() {
        "+15005550001" => Some(21211),
        "+15005550002" => Some(21612),
        "+15005550003" => Some(21408),
        "+15005550004" => Some(21610),
        "+15005550009" => Some(21614),
        _ => None,
    };
    if let Some(code) = magic_to {
        return Err(TwilioError::of(code, &order.to));
    }
    let settings = world.settings();
    let from = match (&order.from, &order.service) {
        (Some(from), _) => from.clone(),
        (None, Some(service)) => {
            let pool = world.twilio.numbers.oldest_first();
            let mut pool = pool.filter(|(_, number)| number.service.as_ref() == Some(service));
            match pool.next() {
                Some((_, number)) => number.phone.clone(),
                None if *service == settings.service => settings.sender,
                None => {
                    let message = "The Messaging Service does not exist or has no numbers.";
                    return Err(TwilioError::new(404, 21701, message));
                }
            }
        }
        (None, None) => return Err(TwilioError::of(21212, "")),
    };
    match from.as_str() {
        "+15005550006" => Ok(from),
        "+15005550001" => Err(TwilioError::of(21212, &from)),
        "+15005550007" => Err(TwilioError::of(21606, &from)),
        "+15005550008" => Err(TwilioError::of(21611, &from)),
        _ if !is_e164(&from) => Err(TwilioError::of(21212, &from)),
        _ if world.twilio.numbers.oldest_first().any(|(_, number)| number.phone == from) => {
            Ok(from)
        }
        _ => Err(TwilioError::of(21606, &from)),
    }
}

pub fn create(world: &mut World, call: &Call, fault: Option<&FaultRule>) -> Answer {
    let order = read(world, call)?;
    let from = sender(world, &order)?;
    let scripted = fault
        .filter(|fault| fault.kind == FaultKind::Decline)
        .map(|fault| fault.code.as_deref().and_then(|code| code.parse().ok()).unwrap_or(21614_u32));
    if let Some(code) = scripted.filter(|code| *code < 30_000) {
        return Err(TwilioError::of(code, &order.to));
    }
    if world.twilio.opt_outs.get(&opt_out_key(&from, &order.to)).is_some() {
        return Err(TwilioError::of(21610, &order.to));
    }
    if world.twilio.messages.is_full() {
        return Err(TwilioError::of(21611, &from));
    }
    let lost = fault.is_some_and(|fault| fault.kind == FaultKind::Drop);
    let fails_with = scripted.or_else(|| is_landline(&order.to).then_some(LANDLINE));
    let now = world.now().0;
    let (status, to_come): (&str, &[&str]) = match (order.send_at_ms, &order.service) {
        (Some(_), _) => ("scheduled", &["queued", "sent", "delivered"]),
        (None, Some(_)) => ("accepted", &["queued", "sent", "delivered"]),
        (None, None) => ("queued", &["sent", "delivered"]),
    };
    let mut to_come: Vec<String> = to_come.iter().map(|status| (*status).to_owned()).collect();
    if lost || fails_with.is_some() {
        to_come.pop();
    }
    if fails_with.is_some() {
        to_come.push("undelivered".to_owned());
    }
    let sid = world.mint_hex("SM", 16);
    let mut delivered = Delivered::new(world, Channel::Text, &from, &order.to, &order.body);
    delivered.status = status.to_owned();
    delivered.vendor_id = Some(sid.clone());
    let message = Message {
        sid: sid.clone(),
        from: Some(from),
        segments: segments(&order.body),
        to: order.to,
        body: order.body,
        direction: "outbound-api".to_owned(),
        status: status.to_owned(),
        service: order.service,
        created_ms: now,
        updated_ms: now,
        sent_ms: None,
        error_code: None,
        status_callback: order.status_callback,
        to_come,
        next_at_ms: order.send_at_ms.unwrap_or(now),
        fails_with,
        mailbox: Some(delivered.id.clone()),
    };
    // What is lost on the way, or cannot be received, never reaches the person's phone.
    let arrives = !lost && message.fails_with.is_none() && order.send_at_ms.is_none();
    if arrives {
        world.mailbox.put(&delivered.id.clone(), delivered);
    }
    world.twilio.messages.put(&sid, message.clone());
    // The pump moves it on; an empty change of the outbox would not ring.
    Ok((201, message.json(&world.settings().twilio_account)))
}

/// GSM texts hold 160 characters, 153 when split; others 70 and 67.
fn segments(body: &str) -> usize {
    const EXTENDED: &str = "\u{c}^{}\\[~]|€";
    const GSM: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
    let is_gsm = body.chars().all(|c| GSM.contains(c) || EXTENDED.contains(c));
    let (units, one, many) = if is_gsm {
        let wide = body.chars().filter(|c| EXTENDED.contains(*c)).count();
        (body.chars().count() + wide, 160, 153)
    } else {
        (body.encode_utf16().count(), 70, 67)
    };
    if units <= one { 1 } else { units.div_ceil(many) }
}

/// Moves every text on to its next status, with the callback Twilio would make.
pub fn tick(world: &mut World) {
    let now = world.now().0;
    let due: Vec<Message> = world
        .twilio
        .messages
        .pending()
        .filter(|message| message.next_at_ms <= now)
        .cloned()
        .collect();
    for mut message in due {
        for status in std::mem::take(&mut message.to_come) {
            step(world, &mut message, &status);
        }
        world.twilio.messages.put(&message.sid.clone(), message);
    }
}

fn step(world: &mut World, message: &mut Message, status: &str) {
    let now = world.now().0;
    let was_scheduled = message.status == "scheduled";
    message.status = status.to_owned();
    message.updated_ms = now;
    if status == "sent" {
        message.sent_ms = Some(now);
    }
    let fails = matches!(status, "undelivered" | "failed");
    if fails {
        message.error_code = message.fails_with;
    }
    if let Some(id) = message.mailbox.clone() {
        let known = world.mailbox.get(&id).cloned();
        let arrives_now = known.is_none() && was_scheduled && message.fails_with.is_none();
        let from = message.from.clone().unwrap_or_default();
        let fresh = || Delivered {
            id: id.clone(),
            vendor_id: Some(message.sid.clone()),
            ..Delivered::new(world, Channel::Text, &from, &message.to, &message.body)
        };
        if let Some(delivered) = known.or_else(|| arrives_now.then(fresh)) {
            let status = status.to_owned();
            world.mailbox.put(&id, Delivered { status, ..delivered });
        }
    }
    report(world, message, status, message.error_code.filter(|_| fails));
}

/// The callback of one status, queued.
fn report(world: &mut World, message: &Message, status: &str, code: Option<u32>) {
    let Some(url) = message.status_callback.clone() else { return };
    let now = world.now().0;
    let fails = matches!(status, "undelivered" | "failed");
    let account = world.settings().twilio_account;
    let mut params = vec![
        ("AccountSid".to_owned(), account),
        ("ApiVersion".to_owned(), "2010-04-01".to_owned()),
        ("From".to_owned(), message.from.clone().unwrap_or_default()),
        ("MessageSid".to_owned(), message.sid.clone()),
        ("MessageStatus".to_owned(), status.to_owned()),
        ("SmsSid".to_owned(), message.sid.clone()),
        ("SmsStatus".to_owned(), status.to_owned()),
        ("To".to_owned(), message.to.clone()),
    ];
    if let Some(service) = &message.service {
        params.push(("MessagingServiceSid".to_owned(), service.clone()));
    }
    if fails {
        params.push(("ErrorCode".to_owned(), code.unwrap_or(30008).to_string()));
    }
    if fails || status == "delivered" {
        let at = domain::clock::UnixMs(now).timestamp().strftime("%y%m%d%H%M").to_string();
        params.push(("RawDlrDoneDate".to_owned(), at));
    }
    let operation = format!("messages.{status}");
    Outgoing::queue(world, Parcel::Form { operation, url, params });
}

/// The carrier says something of a text once more, or something it never was.
pub fn report_again(world: &mut World, sid: &str, status: &str) -> bool {
    let Some(message) = world.twilio.messages.get(sid).cloned() else { return false };
    report(world, &message, status, message.error_code);
    true
}

fn find(world: &World, call: &Call, sid: &str) -> Result<Message, TwilioError> {
    world.twilio.messages.get(sid).cloned().ok_or_else(|| not_found(call))
}

pub fn fetch(world: &World, call: &Call, sid: &str) -> Answer {
    Ok((200, find(world, call, sid)?.json(&world.settings().twilio_account)))
}

/// Redacts (`Body=`) or takes back a scheduled text (`Status=canceled`).
pub fn update(world: &mut World, call: &Call, sid: &str) -> Answer {
    let mut message = find(world, call, sid)?;
    for (name, value) in call.form() {
        match (name.as_str(), value.as_str()) {
            ("Body", "") => message.body = String::new(),
            ("Body", _) => {
                return Err(TwilioError::new(400, 20001, "Body can only be set to empty"));
            }
            ("Status", "canceled") if message.status == "scheduled" => {
                message.status = "canceled".to_owned();
                message.to_come.clear();
            }
            ("Status", _) => {
                let message = "The message cannot be canceled in its current state";
                return Err(TwilioError::new(400, 30409, message));
            }
            _ => {}
        }
    }
    message.updated_ms = world.now().0;
    world.twilio.messages.put(sid, message.clone());
    Ok((200, message.json(&world.settings().twilio_account)))
}

pub fn delete(world: &mut World, call: &Call, sid: &str) -> Answer {
    find(world, call, sid)?;
    world.twilio.messages.remove(sid);
    Ok((204, Value::Null))
}

/// Newest first; by recipient, sender and day or instant sent. A text not sent yet counts by when
/// it was accepted, so that a look-up after a timeout finds it.
pub fn list(world: &World, call: &Call) -> Answer {
    let (to, from) = (call.query_text("To"), call.query_text("From"));
    let mut bounds = Vec::new();
    for (name, value) in &call.query {
        let name = name.as_str();
        if name.starts_with("DateSent") && !value.is_empty() {
            let bound = bound(name, value)
                .ok_or_else(|| TwilioError::new(400, 20001, "Invalid DateSent"))?;
            bounds.push(bound);
        }
    }
    let account = world.settings().twilio_account;
    let rows: Vec<Value> = world
        .twilio
        .messages
        .newest_first()
        .filter(|(_, message)| to.is_none_or(|to| to == message.to))
        .filter(|(_, message)| from.is_none() || from == message.from.as_deref())
        .filter(|(_, message)| {
            let at = message.sent_ms.unwrap_or(message.created_ms);
            bounds.iter().all(|(least, most)| (*least..*most).contains(&at))
        })
        .map(|(_, message)| message.json(&account))
        .collect();
    Ok((200, paged(call, "messages", rows)))
}

/// `DateSent`, `DateSent>`, `DateSent<` with a day or an instant, as a half-open range.
fn bound(name: &str, value: &str) -> Option<(i64, i64)> {
    const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
    let day = value.parse::<jiff::civil::Date>().ok().filter(|_| value.len() == 10);
    let (start, end) = match day {
        Some(day) => {
            let start = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond();
            (start, start + DAY_MS)
        }
        None => {
            let at = domain::clock::UnixMs::parse_rfc3339(value)?.0;
            (at, at + 1_000)
        }
    };
    match name {
        "DateSent" => Some((start, end)),
        "DateSent>" => Some((start, i64::MAX)),
        "DateSent<" => Some((i64::MIN, end)),
        _ => None,
    }
}

/// A text that arrived from a person, or one that answers it.
pub fn note(world: &mut World, from: &str, to: &str, body: &str, direction: &str) -> Message {
    let now = world.now().0;
    let message = Message {
        sid: world.mint_hex("SM", 16),
        from: Some(from.to_owned()),
        to: to.to_owned(),
        body: body.to_owned(),
        direction: direction.to_owned(),
        status: if direction == "inbound" { "received" } else { "delivered" }.to_owned(),
        service: None,
        segments: segments(body),
        created_ms: now,
        updated_ms: now,
        sent_ms: Some(now),
        error_code: None,
        status_callback: None,
        to_come: Vec::new(),
        next_at_ms: now,
        fails_with: None,
        mailbox: None,
    };
    world.twilio.messages.put(&message.sid, message.clone());
    message
}

pub fn opt_out(world: &mut World, ours: &str, theirs: &str) {
    let row = OptOut { from: ours.to_owned(), to: theirs.to_owned(), at_ms: world.now().0 };
    world.twilio.opt_outs.put(&opt_out_key(ours, theirs), row);
}

impl Message {
    pub fn json(&self, account: &str) -> Value {
        let uri = format!("/2010-04-01/Accounts/{account}/Messages/{}", self.sid);
        json!({
            "account_sid": account,
            "api_version": "2010-04-01",
            "body": self.body,
            "date_created": rfc2822(self.created_ms),
            "date_sent": self.sent_ms.map(rfc2822),
            "date_updated": rfc2822(self.updated_ms),
            "direction": self.direction,
            "error_code": self.error_code,
            "error_message": self.error_code.map(|_| "Delivery failed"),
            "from": self.from,
            "messaging_service_sid": self.service,
            "num_media": "0",
            "num_segments": self.segments.to_string(),
            "price": null,
            "price_unit": "USD",
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": { "media": format!("{uri}/Media.json") },
            "to": self.to,
            "uri": format!("{uri}.json"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_follow_the_alphabet() {
        assert_eq!(segments(&"a".repeat(160)), 1);
        assert_eq!(segments(&"a".repeat(161)), 2);
        assert_eq!(segments(&"ñ".repeat(160)), 1);
        assert_eq!(segments(&"í".repeat(71)), 2);
    }

    #[test]
    fn a_day_is_a_range() {
        let (start, end) = bound("DateSent", "2026-03-04").unwrap();
        assert_eq!(end - start, 86_400_000);
        assert!(bound("DateSent", "yesterday").is_none());
    }
}
