//! The fax stand-in: InterFAX's outbound faxes. Every page that was taken is in the mailbox, with the
//! document as it would come out of the machine.
//!
//! Numbers `+1 NPA 555 0180` to `0189` never answer; all others take the page.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    faults::{FaultKind, FaultRule},
    mailbox::{Channel, Delivered},
    table::Table,
    twilio::is_e164,
    wire::{Call, Reply},
    world::World,
};

/// In the queue, on the way, sent, and what a machine that never answers ends in.
const QUEUED: i64 = -2;
const SENT: i64 = 0;
const NO_ANSWER: i64 = 6_017;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fax {
    pub id: u64,
    pub to: String,
    pub reference: String,
    pub status: i64,
    pub ends_as: i64,
    pub submitted_ms: i64,
    pub completed_ms: Option<i64>,
    pub content_type: String,
    /// In base64.
    pub document: String,
}

pub fn table() -> Table<Fax> {
    Table::watching("faxes", |fax: &Fax| fax.status < 0)
}

/// The operation's name, as fault scripts use it: `faxes.create`.
pub fn operation(call: &Call) -> String {
    match (call.method.as_str(), call.segments().as_slice()) {
        ("POST", ["outbound", "faxes"]) => "faxes.create",
        ("GET", ["outbound", "search"]) => "faxes.search",
        ("GET", ["outbound", "faxes", _]) => "faxes.fetch",
        _ => "account.fetch",
    }
    .to_owned()
}

pub fn answer(world: &mut World, call: &Call, fault: Option<&FaultRule>) -> Reply {
    let settings = world.settings();
    let is_known = call.basic().is_some_and(|(user, password)| {
        user == settings.interfax_user && password == settings.interfax_password
    });
    if !is_known {
        return refused(401, -1003, "Authentication failed");
    }
    match (call.method.as_str(), call.segments().as_slice()) {
        ("POST", ["outbound", "faxes"]) => create(world, call, fault),
        ("GET", ["outbound", "search"]) => {
            let wanted = call.query_text("reference").unwrap_or_default().to_owned();
            let faxes = world.faxes.newest_first().map(|(_, fax)| fax);
            let found: Vec<Value> =
                faxes.filter(|fax| fax.reference == wanted).map(Fax::json).collect();
            json_reply(&Value::Array(found))
        }
        ("GET", ["outbound", "faxes", id]) => match world.faxes.get(id) {
            Some(fax) => json_reply(&fax.json()),
            None => refused(404, -1062, "Wrong transaction ID"),
        },
        ("GET", ["accounts", "self", "ppcards", "balance"]) => {
            Reply::new(200, "text/json", b"100.00".to_vec())
        }
        _ => refused(404, -1062, "Not found"),
    }
}

fn create(world: &mut World, call: &Call, fault: Option<&FaultRule>) -> Reply {
    let to = call.query_text("faxNumber").unwrap_or_default().to_owned();
    if !is_e164(&to) {
        return refused(400, -112, "No valid recipients");
    }
    if call.body.is_empty() {
        return refused(400, -123, "No valid documents attached");
    }
    let scripted = fault
        .filter(|fault| fault.kind == FaultKind::Decline)
        .map(|fault| fault.code.as_deref().and_then(|code| code.parse().ok()).unwrap_or(NO_ANSWER));
    if let Some(code) = scripted.filter(|code| *code < 0) {
        return refused(400, code, "Refused by the sandbox's script");
    }
    if world.faxes.is_full() {
        return refused(400, -150, "Internal error");
    }
    let is_dead = to.len() == 12 && to.get(5..11) == Some("555018");
    let lost = fault.is_some_and(|fault| fault.kind == FaultKind::Drop);
    let ends_as = scripted.or_else(|| is_dead.then_some(NO_ANSWER)).unwrap_or(SENT);
    let id = 600_000_000 + u64::try_from(world.faxes.len()).unwrap_or_default() + 1;
    let now = world.now().0;
    let fax = Fax {
        id,
        reference: call.query_text("reference").unwrap_or_default().to_owned(),
        status: QUEUED,
        ends_as,
        submitted_ms: now,
        completed_ms: None,
        content_type: call.header("content-type").unwrap_or_default().to_owned(),
        document: STANDARD.encode(&call.body),
        to,
    };
    if ends_as == SENT && !lost {
        let mut page = Delivered::new(world, Channel::Fax, "fax", &fax.to, &text_of(&call.body));
        page.vendor_id = Some(id.to_string());
        page.document = Some(fax.document.clone());
        world.mailbox.put(&page.id.clone(), page);
    }
    world.faxes.put(&id.to_string(), fax);
    let location = format!("{}/outbound/faxes/{id}", world.base());
    Reply::empty(201).header("Location", &location)
}

/// Every fax under way arrives, or does not.
pub fn tick(world: &mut World) {
    let now = world.now().0;
    let under_way: Vec<Fax> = world.faxes.pending().cloned().collect();
    for mut fax in under_way {
        fax.status = fax.ends_as;
        fax.completed_ms = Some(now);
        world.faxes.put(&fax.id.to_string(), fax);
    }
}

pub fn broken() -> Reply {
    refused(500, -150, "Internal error, as the sandbox's script says")
}

pub fn limited() -> Reply {
    refused(429, -160, "Too many requests").header("Retry-After", "1")
}

fn refused(status: u16, code: i64, message: &str) -> Reply {
    let body = json!({ "code": code, "message": message, "moreInfo": null });
    let text = serde_json::to_vec(&body).unwrap_or_default();
    let reply = Reply::new(status, "text/json", text);
    if status == 401 { reply.header("WWW-Authenticate", "Basic realm=\"interfax\"") } else { reply }
}

fn json_reply(body: &Value) -> Reply {
    Reply::new(200, "text/json", serde_json::to_vec(body).unwrap_or_default())
}

impl Fax {
    fn json(&self) -> Value {
        let sent = i64::from(self.status == SENT);
        json!({
            "id": self.id,
            "uri": format!("https://rest.interfax.net/outbound/faxes/{}", self.id),
            "status": self.status,
            "userId": "sandbox",
            "pagesSent": sent,
            "pagesSubmitted": 1,
            "completionTime": self.completed_ms.map(at),
            "submitTime": at(self.submitted_ms),
            "remoteCSID": "",
            "duration": 30 * sent,
            "units": sent,
            "costPerUnit": 0.1,
            "attemptsMade": 1,
            "attemptsToPerform": 3,
            "destinationFax": self.to,
            "contact": "",
            "subject": "",
        })
    }
}

fn at(ms: i64) -> String {
    domain::clock::UnixMs(ms).timestamp().strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// The words on a PDF page whose text is not compressed: the strings of its `Tj` operators, as they
/// are or in hex.
fn text_of(document: &[u8]) -> String {
    // Bytes of the standard Latin encoding, which is Unicode's for all that is written here.
    let latin = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect::<String>();
    let text = latin(document);
    let mut lines = Vec::new();
    for (end, _) in text.match_indices(" Tj") {
        let before = &text[..end];
        if let Some(inner) = before.strip_suffix('>') {
            let Some(start) = inner.rfind('<') else { continue };
            lines.push(hex::decode(&inner[start + 1..]).map(|b| latin(&b)).unwrap_or_default());
        } else if let Some(inner) = before.strip_suffix(')') {
            let Some(start) = opening(inner) else { continue };
            let plain = inner[start..].replace("\\(", "(").replace("\\)", ")");
            lines.push(plain.replace("\\\\", "\\"));
        }
    }
    lines.join("\n")
}

/// Behind the parenthesis that opens the string ending here. Those inside are escaped, or in pairs.
fn opening(before: &str) -> Option<usize> {
    let mut open = 0_usize;
    for (found, sign) in before.rmatch_indices(['(', ')']) {
        match sign {
            _ if before[..found].ends_with('\\') => {}
            ")" => open += 1,
            _ if open == 0 => return Some(found + 1),
            _ => open -= 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_with_its_brackets_and_its_spanish_letters() {
        let page = b"BT (Call \\(212\\) 555-0142) Tj ET BT (Or (212) 555-0143 \\)) Tj ET";
        assert_eq!(text_of(page), "Call (212) 555-0142\nOr (212) 555-0143 )");
        assert_eq!(text_of(b"BT <5065F161> Tj ET"), "Pe\u{f1}a");
    }
}
