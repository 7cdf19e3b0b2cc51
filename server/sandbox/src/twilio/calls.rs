//! Calls: placed, picked up by whoever the script says, spoken to with the words our server answers,
//! and reported. Without a script a person picks up, listens to everything, and presses nothing.
//!
//! A call is played in one go when deliveries are due: what was said, and which keys were pressed, is
//! in the mailbox afterwards.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    api::{Answer, not_found, paged, rfc2822},
    error::TwilioError,
    is_e164, signed_form,
    twiml::{Step, steps},
};
use crate::{
    delivery::{Outgoing, Parcel, post},
    faults::{FaultKind, FaultRule},
    mailbox::{Channel, Delivered},
    shared::Shared,
    wire::Call,
    world::{JournalBroken, World},
};

/// Turns of one call; a menu that leads in circles ends here.
const MAX_TURNS: usize = 20;

/// How somebody takes the next call to their number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Manner {
    /// Picks up and presses these keys, one at each question; then listens to the end.
    Person {
        digits: String,
    },
    Machine,
    Busy,
    NoAnswer,
    /// The network says there is no such number.
    Failed,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Scripted {
    pub to: String,
    pub manner: Manner,
}

/// A call of ours.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Placed {
    pub sid: String,
    pub from: String,
    pub to: String,
    pub url: String,
    pub status_callback: Option<String>,
    /// Steps that are reported; `completed` always is.
    pub events: Vec<String>,
    pub hears_machines: bool,
    pub status: String,
    pub answered_by: Option<String>,
    pub created_ms: i64,
    pub ended_ms: Option<i64>,
    /// Nobody's phone has rung yet.
    pub waits: bool,
    pub fails: bool,
    /// Somebody calls us.
    #[serde(default)]
    pub inbound: bool,
}

/// What is needed to talk while the world is not locked.
struct Line {
    call: Placed,
    digits: Option<String>,
    transcript: Vec<String>,
    keys: String,
}

pub fn create(world: &mut World, call: &Call, fault: Option<&FaultRule>) -> Answer {
    let form = call.form();
    let text = |name: &str| {
        let value = form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        value.filter(|value| !value.is_empty())
    };
    let to = text("To").ok_or_else(|| TwilioError::new(400, 21201, "No 'To' number specified"))?;
    let from =
        text("From").ok_or_else(|| TwilioError::new(400, 21213, "'From' phone number required"))?;
    let url =
        text("Url").ok_or_else(|| TwilioError::new(400, 21205, "Url parameter is required"))?;
    let is_url = |url: &str| url.starts_with("http://") || url.starts_with("https://");
    if !is_url(&url) {
        return Err(TwilioError::new(400, 21205, "Url is not a valid URL"));
    }
    if !is_e164(&to) || to == "+15005550001" {
        return Err(TwilioError::of(21217, &to));
    }
    if !world.twilio.numbers.oldest_first().any(|(_, number)| number.phone == from) {
        return Err(TwilioError::of(21210, &from));
    }
    let scripted = fault
        .filter(|fault| fault.kind == FaultKind::Decline)
        .map(|fault| fault.code.as_deref().and_then(|code| code.parse().ok()).unwrap_or(21217_u32));
    if let Some(code) = scripted.filter(|code| *code < 30_000) {
        return Err(TwilioError::of(code, &to));
    }
    if world.twilio.calls.is_full() {
        return Err(TwilioError::of(20429, &to));
    }
    let events = form.iter().filter(|(key, _)| key == "StatusCallbackEvent");
    let placed = Placed {
        sid: world.mint_hex("CA", 16),
        from,
        to,
        url,
        status_callback: text("StatusCallback").filter(|url| is_url(url)),
        events: events.map(|(_, value)| value.clone()).collect(),
        hears_machines: text("MachineDetection").is_some(),
        status: "queued".to_owned(),
        answered_by: None,
        created_ms: world.now().0,
        ended_ms: None,
        // A lost one never rings.
        waits: !fault.is_some_and(|fault| fault.kind == FaultKind::Drop),
        fails: scripted.is_some(),
        inbound: false,
    };
    world.twilio.calls.put(&placed.sid.clone(), placed.clone());
    Ok((201, placed.json(&world.settings().twilio_account)))
}

pub fn fetch(world: &World, call: &Call, sid: &str) -> Answer {
    let placed = world.twilio.calls.get(sid).ok_or_else(|| not_found(call))?;
    Ok((200, placed.json(&world.settings().twilio_account)))
}

/// Newest first, by recipient, caller and status.
pub fn list(world: &World, call: &Call) -> Answer {
    let (to, from) = (call.query_text("To"), call.query_text("From"));
    let status = call.query_text("Status");
    let account = world.settings().twilio_account;
    let rows: Vec<Value> = world
        .twilio
        .calls
        .newest_first()
        .filter(|(_, placed)| to.is_none_or(|to| to == placed.to))
        .filter(|(_, placed)| from.is_none_or(|from| from == placed.from))
        .filter(|(_, placed)| status.is_none_or(|status| status == placed.status))
        .map(|(_, placed)| placed.json(&account))
        .collect();
    Ok((200, paged(call, "calls", rows)))
}

/// The next call to `to` is taken like this.
pub fn script(world: &mut World, to: &str, manner: Manner) {
    let id = world.mint("manner_", 12);
    world.twilio.manners.put(&id, Scripted { to: to.to_owned(), manner });
}

/// Rings every phone that is to ring, and talks to whoever picks up. Returns the requests made.
pub async fn play_due(shared: &Shared) -> Result<usize, JournalBroken> {
    let mut requests = 0;
    while let Some(mut line) = shared.change(pick_up)? {
        requests += talk(shared, &mut line).await;
        shared.change(|world| hang_up(world, line))?;
    }
    Ok(requests)
}

/// Somebody calls our number and presses these keys, so many at each question as it asks for. What
/// they heard, and in the mailbox too.
pub async fn ring_us(
    shared: &Shared,
    from: &str,
    to: &str,
    digits: &str,
    default_url: &str,
) -> Result<Vec<String>, JournalBroken> {
    let mut line = shared.change(|world| {
        let number = world.twilio.numbers.oldest_first().find(|(_, number)| number.phone == to);
        let own = number.map(|(_, number)| number.voice_url.clone()).filter(|url| !url.is_empty());
        let call = Placed {
            sid: world.mint_hex("CA", 16),
            from: from.to_owned(),
            to: to.to_owned(),
            url: own.unwrap_or_else(|| default_url.to_owned()),
            status_callback: None,
            events: Vec::new(),
            hears_machines: false,
            status: "in-progress".to_owned(),
            answered_by: None,
            created_ms: world.now().0,
            ended_ms: None,
            waits: false,
            fails: false,
            inbound: true,
        };
        let digits = Some(digits.to_owned());
        Line { call, digits, transcript: Vec::new(), keys: String::new() }
    })?;
    if !line.call.url.is_empty() {
        talk(shared, &mut line).await;
    }
    let heard = line.transcript.clone();
    shared.change(|world| hang_up(world, line))?;
    Ok(heard)
}

/// The next call that somebody picks up; the others are over at once.
fn pick_up(world: &mut World) -> Option<Line> {
    loop {
        let mut call = world.twilio.calls.pending().next().cloned()?;
        call.waits = false;
        let found = world.twilio.manners.oldest_first().find(|(_, m)| m.to == call.to);
        let found = found.map(|(id, scripted)| (id.to_owned(), scripted.manner.clone()));
        if let Some((id, _)) = &found {
            world.twilio.manners.remove(id);
        }
        let manner = match found {
            _ if call.fails => Manner::Failed,
            Some((_, manner)) => manner,
            None => Manner::Person { digits: String::new() },
        };
        let status = match manner {
            Manner::Busy => "busy",
            Manner::NoAnswer => "no-answer",
            Manner::Failed => "failed",
            Manner::Person { .. } | Manner::Machine => {
                let is_machine = manner == Manner::Machine;
                let who = if is_machine { "machine_end_beep" } else { "human" };
                call.answered_by = call.hears_machines.then(|| who.to_owned());
                call.status = "in-progress".to_owned();
                world.twilio.calls.put(&call.sid.clone(), call.clone());
                report(world, &call, "answered");
                let digits = match manner {
                    Manner::Person { digits } => Some(digits),
                    _ => None,
                };
                let transcript = Vec::new();
                return Some(Line { call, digits, transcript, keys: String::new() });
            }
        };
        call.status = status.to_owned();
        call.ended_ms = Some(world.now().0);
        world.twilio.calls.put(&call.sid.clone(), call.clone());
        report(world, &call, "completed");
    }
}

/// Asks our server what to say until the call is over.
async fn talk(shared: &Shared, line: &mut Line) -> usize {
    let mut url = line.call.url.clone();
    let mut pressed: Option<String> = None;
    for turn in 0..MAX_TURNS {
        let (headers, body) =
            shared.look(|world| turn_form(world, &line.call, &url, pressed.as_deref()));
        let Some(answer) = post(shared, &url, &headers, &body).await else {
            line.transcript.push("(An application error has occurred. Goodbye.)".to_owned());
            return turn + 1;
        };
        let steps = if answer.status == 200 { steps(&answer.body) } else { None };
        let Some(steps) = steps else {
            line.transcript.push("(An application error has occurred. Goodbye.)".to_owned());
            return turn + 1;
        };
        match listen(line, steps) {
            Some((next, key)) => (url, pressed) = (absolute(&url, &next), key),
            None => return turn + 1,
        }
    }
    MAX_TURNS
}

/// Hears one answer; where it leads, and with which keys.
fn listen(line: &mut Line, steps: Vec<Step>) -> Option<(String, Option<String>)> {
    for step in steps {
        match step {
            Step::Say(words) => line.transcript.push(words),
            Step::Gather { words, action, digits: wanted } => {
                line.transcript.extend(words);
                let Some(digits) = line.digits.as_mut().filter(|digits| !digits.is_empty()) else {
                    continue;
                };
                let many = digits.len().min(wanted.max(1));
                let keys: String = digits.drain(..many).collect();
                line.keys.push_str(&keys);
                line.transcript.push(format!("[presses {keys}]"));
                return Some((action, Some(keys)));
            }
            Step::Redirect(to) => return Some((to, None)),
            Step::Dial(number) => {
                line.transcript.push(format!("[connected to {number}]"));
                return None;
            }
            Step::Pause => {}
            Step::Hangup => return None,
        }
    }
    None
}

/// An address in TwiML may be relative to the one it came from.
fn absolute(base: &str, next: &str) -> String {
    if next.starts_with("http://") || next.starts_with("https://") {
        return next.to_owned();
    }
    let origin = base.match_indices('/').nth(2).map_or(base, |(at, _)| &base[..at]);
    format!("{origin}{next}")
}

fn turn_form(
    world: &World,
    call: &Placed,
    url: &str,
    pressed: Option<&str>,
) -> (Vec<(&'static str, String)>, Vec<u8>) {
    let mut params = common(world, call, "in-progress");
    if let Some(who) = &call.answered_by {
        params.push(("AnsweredBy".to_owned(), who.clone()));
    }
    if let Some(keys) = pressed {
        params.push(("Digits".to_owned(), keys.to_owned()));
        params.push(("msg".to_owned(), "Gather End".to_owned()));
    }
    signed_form(world, url, &params)
}

fn common(world: &World, call: &Placed, status: &str) -> Vec<(String, String)> {
    let pairs = [
        ("AccountSid", world.settings().twilio_account),
        ("ApiVersion", "2010-04-01".to_owned()),
        ("CallSid", call.sid.clone()),
        ("CallStatus", status.to_owned()),
        ("Called", call.to.clone()),
        ("Caller", call.from.clone()),
        ("Direction", if call.inbound { "inbound" } else { "outbound-api" }.to_owned()),
        ("From", call.from.clone()),
        ("To", call.to.clone()),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn hang_up(world: &mut World, line: Line) {
    let Line { mut call, transcript, keys, .. } = line;
    call.status = "completed".to_owned();
    call.ended_ms = Some(world.now().0);
    if !call.inbound {
        world.twilio.calls.put(&call.sid.clone(), call.clone());
    }
    // Heard by the person, whoever called.
    let (ours, theirs) = if call.inbound { (&call.to, &call.from) } else { (&call.from, &call.to) };
    let mut heard = Delivered::new(world, Channel::Call, ours, theirs, &transcript.join("\n"));
    heard.vendor_id = Some(call.sid.clone());
    heard.keys = Some(keys);
    heard.answered_by = call.answered_by.clone();
    world.mailbox.put(&heard.id.clone(), heard);
    report(world, &call, "completed");
}

/// The status callback of one step, if it was asked for.
fn report(world: &mut World, call: &Placed, event: &str) {
    let Some(url) = call.status_callback.clone() else { return };
    if event != "completed" && !call.events.iter().any(|wanted| wanted == event) {
        return;
    }
    let status = if event == "answered" { "in-progress" } else { call.status.as_str() };
    let mut params = common(world, call, status);
    params.push(("CallbackSource".to_owned(), "call-progress-events".to_owned()));
    if let Some(who) = call.answered_by.clone() {
        params.push(("AnsweredBy".to_owned(), who));
    }
    let operation = format!("calls.{}", if event == "answered" { event } else { status });
    Outgoing::queue(world, Parcel::Form { operation, url, params });
}

impl Placed {
    pub fn json(&self, account: &str) -> Value {
        json!({
            "sid": self.sid,
            "account_sid": account,
            "api_version": "2010-04-01",
            "answered_by": self.answered_by,
            "caller_name": null,
            "date_created": rfc2822(self.created_ms),
            "date_updated": rfc2822(self.ended_ms.unwrap_or(self.created_ms)),
            "direction": "outbound-api",
            "duration": self.ended_ms.map(|_| "30"),
            "start_time": rfc2822(self.created_ms),
            "end_time": self.ended_ms.map(rfc2822),
            "from": self.from,
            "from_formatted": self.from,
            "to": self.to,
            "to_formatted": self.to,
            "phone_number_sid": null,
            "price": null,
            "price_unit": "USD",
            "status": self.status,
            "uri": format!("/2010-04-01/Accounts/{account}/Calls/{}.json", self.sid),
        })
    }
}
