//! `/2010-04-01` and `/v2`: who asks, and which part answers.

use serde_json::{Value, json};

use super::{calls, error::TwilioError, lookup, messages, numbers};
use crate::{
    faults::FaultRule,
    wire::{Call, Reply},
    world::World,
};

pub type Answer = Result<(u16, Value), TwilioError>;

/// The operation's name, as fault scripts use it: `messages.create`.
pub fn operation(call: &Call) -> String {
    let segments = call.segments();
    let (noun, rest) = match segments.as_slice() {
        ["v2", "PhoneNumbers", ..] => return "lookup".to_owned(),
        [_, "Accounts", _, noun, rest @ ..] => (*noun, rest),
        _ => return "account.fetch".to_owned(),
    };
    let noun = noun.trim_end_matches(".json");
    let verb = match (call.method.as_str(), rest.is_empty()) {
        ("POST", true) => "create",
        ("GET", true) => "list",
        ("POST", false) => "update",
        ("DELETE", false) => "delete",
        _ => "fetch",
    };
    let noun = match noun {
        "Messages" => "messages",
        "Calls" => "calls",
        "IncomingPhoneNumbers" => "incoming_phone_numbers",
        "AvailablePhoneNumbers" => return "available_phone_numbers.list".to_owned(),
        _ => "account",
    };
    format!("{noun}.{verb}")
}

pub fn answer(world: &mut World, call: &Call, fault: Option<&FaultRule>) -> Reply {
    let newer = call.segments().first() == Some(&"v2");
    let result = match authorized(world, call) {
        Ok(()) => dispatch(world, call, fault),
        Err(error) => Err(error),
    };
    let reply = match result {
        Ok((204, _)) => Reply::empty(204),
        Ok((status, body)) => Reply::json(status, &body),
        Err(error) if newer => error.problem(),
        Err(error) => error.reply(),
    };
    let request = world.mint_hex("RQ", 16);
    reply.header("Twilio-Request-Id", &request).header("X-API-Domain", "sandbox")
}

pub fn broken() -> Reply {
    TwilioError::new(500, 20500, "Internal Server Error, as the sandbox's script says").reply()
}

fn authorized(world: &World, call: &Call) -> Result<(), TwilioError> {
    let settings = world.settings();
    let given = call.basic();
    let right = given.is_some_and(|(user, token)| {
        user == settings.twilio_account && token == settings.twilio_token
    });
    if right { Ok(()) } else { Err(TwilioError::of(20003, "")) }
}

pub fn not_found(call: &Call) -> TwilioError {
    let shown: String = call.path.chars().take(200).collect();
    TwilioError::new(404, 20404, format!("The requested resource {shown} was not found"))
}

fn dispatch(world: &mut World, call: &Call, fault: Option<&FaultRule>) -> Answer {
    let path = call.path.trim_end_matches(".json").to_owned();
    let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let account = world.settings().twilio_account;
    match (call.method.as_str(), segments.as_slice()) {
        ("GET", ["v2", "PhoneNumbers", phone]) => lookup::answer(call, phone),
        ("GET", [_, "Accounts", id]) if *id == account => Ok((200, describe(&account))),
        (method, [_, "Accounts", id, rest @ ..]) if *id == account => match (method, rest) {
            ("POST", ["Messages"]) => messages::create(world, call, fault),
            ("GET", ["Messages"]) => messages::list(world, call),
            ("GET", ["Messages", sid]) => messages::fetch(world, call, sid),
            ("POST", ["Messages", sid]) => messages::update(world, call, sid),
            ("DELETE", ["Messages", sid]) => messages::delete(world, call, sid),
            ("POST", ["Calls"]) => calls::create(world, call, fault),
            ("GET", ["Calls"]) => calls::list(world, call),
            ("GET", ["Calls", sid]) => calls::fetch(world, call, sid),
            ("GET", ["AvailablePhoneNumbers", country, kind]) => {
                numbers::available(world, call, country, kind)
            }
            ("POST", ["IncomingPhoneNumbers"]) => numbers::buy(world, call),
            ("GET", ["IncomingPhoneNumbers"]) => numbers::list(world, call),
            ("GET", ["IncomingPhoneNumbers", sid]) => numbers::fetch(world, call, sid),
            ("POST", ["IncomingPhoneNumbers", sid]) => numbers::update(world, call, sid),
            ("DELETE", ["IncomingPhoneNumbers", sid]) => numbers::release(world, call, sid),
            _ => Err(not_found(call)),
        },
        _ => Err(not_found(call)),
    }
}

fn describe(account: &str) -> Value {
    json!({
        "sid": account,
        "friendly_name": "Sandbox practice",
        "status": "active",
        "type": "Full",
        "owner_account_sid": account,
        "uri": format!("/2010-04-01/Accounts/{account}.json"),
    })
}

/// A list in pages, as the 2010 API shows them.
pub fn paged(call: &Call, name: &str, rows: Vec<Value>) -> Value {
    const MOST: usize = 1_000;
    let number = |key: &str| call.query_text(key).and_then(|text| text.parse::<usize>().ok());
    let size = number("PageSize").unwrap_or(50).clamp(1, MOST);
    let page = number("Page").unwrap_or(0).min(1_000_000);
    let total = rows.len();
    let start = page * size;
    let shown: Vec<Value> = rows.into_iter().skip(start).take(size).collect();
    let uri = |page: usize| {
        let mut query: Vec<(String, String)> = call
            .query
            .iter()
            .filter(|(key, _)| key != "Page" && key != "PageSize" && key != "PageToken")
            .cloned()
            .collect();
        query.push(("PageSize".to_owned(), size.to_string()));
        query.push(("Page".to_owned(), page.to_string()));
        format!("{}?{}", call.path, serde_urlencoded::to_string(query).unwrap_or_default())
    };
    let more = start + shown.len() < total;
    let end = (start + shown.len()).saturating_sub(1);
    json!({
        "start": start,
        "end": end,
        "page": page,
        "page_size": size,
        "first_page_uri": uri(0),
        "next_page_uri": more.then(|| uri(page + 1)),
        "previous_page_uri": (page > 0).then(|| uri(page - 1)),
        "uri": uri(page),
        name: shown,
    })
}

/// An instant as the 2010 API writes it.
pub fn rfc2822(ms: i64) -> String {
    domain::clock::UnixMs(ms).timestamp().strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}
