//! Numbers: searching, buying, configuring, releasing.

use serde_json::{Value, json};

use super::{
    Number,
    api::{Answer, not_found, paged, rfc2822},
    error::TwilioError,
    is_e164,
};
use crate::{wire::Call, world::World};

const MAX_NUMBERS: usize = 500;

/// Area codes offered when a search names none.
const AREAS: &[(&str, &str, &str)] = &[
    ("512", "Austin", "TX"),
    ("617", "Boston", "MA"),
    ("303", "Denver", "CO"),
    ("305", "Miami", "FL"),
    ("415", "San Francisco", "CA"),
];

pub fn available(world: &World, call: &Call, country: &str, kind: &str) -> Answer {
    if country != "US" || !matches!(kind, "Local" | "TollFree") {
        return Err(not_found(call));
    }
    let wanted = call.query_text("AreaCode");
    let region = call.query_text("InRegion");
    let contains: String = call
        .query_text("Contains")
        .unwrap_or_default()
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    let size = call.query_text("PageSize").and_then(|text| text.parse().ok()).unwrap_or(20_usize);
    if wanted == Some("533") {
        return Err(TwilioError::new(400, 21452, "No phone numbers found in area code 533"));
    }
    let areas: Vec<(String, Value, Value)> = match (kind, wanted) {
        ("TollFree", _) => vec![("833".to_owned(), Value::Null, Value::Null)],
        (_, Some(area)) if area.len() == 3 && area.bytes().all(|b| b.is_ascii_digit()) => {
            let known = AREAS.iter().find(|(code, ..)| *code == area);
            let (city, state) =
                known.map_or(("Springfield", "TX"), |(_, city, state)| (*city, *state));
            vec![(area.to_owned(), city.into(), state.into())]
        }
        (_, Some(_)) => {
            return Err(TwilioError::new(400, 21451, "Invalid area code"));
        }
        _ => AREAS
            .iter()
            .filter(|(_, _, state)| region.is_none_or(|region| region == *state))
            .map(|(area, city, state)| ((*area).to_owned(), (*city).into(), (*state).into()))
            .collect(),
    };
    let mut rows = Vec::new();
    for (area, city, state) in areas {
        for last in 100..190 {
            let phone = format!("+1{area}5550{last}");
            let taken =
                world.twilio.numbers.oldest_first().any(|(_, number)| number.phone == phone);
            if !taken && phone.contains(&contains) && rows.len() < size.min(1_000) {
                rows.push(json!({
                    "address_requirements": "none",
                    "beta": false,
                    "capabilities": { "mms": true, "sms": true, "voice": true },
                    "friendly_name": format!("({area}) 555-0{last}"),
                    "iso_country": "US",
                    "lata": null,
                    "latitude": null,
                    "locality": city,
                    "longitude": null,
                    "phone_number": phone,
                    "postal_code": null,
                    "rate_center": null,
                    "region": state,
                }));
            }
        }
    }
    Ok((200, json!({ "available_phone_numbers": rows, "uri": call.path })))
}

pub fn buy(world: &mut World, call: &Call) -> Answer {
    let form = call.form();
    let text =
        |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let phone = match (text("PhoneNumber"), text("AreaCode")) {
        (Some(phone), _) => phone,
        (None, Some(area)) if area == "533" => {
            return Err(TwilioError::new(400, 21452, "No phone numbers found in area code 533"));
        }
        (None, Some(area)) if area.len() == 3 && area.bytes().all(|b| b.is_ascii_digit()) => {
            let taken = |phone: &str| {
                world.twilio.numbers.oldest_first().any(|(_, number)| number.phone == phone)
            };
            let free =
                (100..190).map(|last| format!("+1{area}5550{last}")).find(|phone| !taken(phone));
            free.ok_or_else(|| TwilioError::new(400, 21452, "No phone numbers found in area code"))?
        }
        _ => return Err(TwilioError::new(400, 21452, "PhoneNumber or AreaCode is required")),
    };
    match phone.as_str() {
        "+15005550000" => {
            return Err(TwilioError::new(400, 21422, format!("{phone} is not available")));
        }
        "+15005550001" => {
            return Err(TwilioError::new(400, 21421, format!("{phone} is not valid")));
        }
        _ if !is_e164(&phone) => {
            return Err(TwilioError::new(400, 21421, "PhoneNumber is not valid"));
        }
        _ => {}
    }
    if world.twilio.numbers.oldest_first().any(|(_, number)| number.phone == phone) {
        return Err(TwilioError::new(400, 21422, format!("{phone} is not available")));
    }
    if world.twilio.numbers.len() >= MAX_NUMBERS {
        return Err(TwilioError::new(400, 21404, "The sandbox has no more numbers"));
    }
    let mut number = own(world, &phone);
    configure(&mut number, &form);
    world.twilio.numbers.put(&number.sid, number.clone());
    Ok((201, number.json(&world.settings().twilio_account)))
}

/// A number that is ours from now on.
pub fn own(world: &mut World, phone: &str) -> Number {
    let known = world.twilio.numbers.oldest_first().find(|(_, number)| number.phone == phone);
    if let Some((_, number)) = known {
        return number.clone();
    }
    let number = Number {
        sid: world.mint_hex("PN", 16),
        phone: phone.to_owned(),
        friendly_name: phone.to_owned(),
        created_ms: world.now().0,
        sms_url: String::new(),
        status_callback: String::new(),
        voice_url: String::new(),
        keyword_service: true,
        service: None,
    };
    world.twilio.numbers.put(&number.sid, number.clone());
    number
}

fn configure(number: &mut Number, form: &[(String, String)]) {
    for (name, value) in form {
        let value: String = value.chars().take(2_000).collect();
        match name.as_str() {
            "SmsUrl" => number.sms_url = value,
            "StatusCallback" => number.status_callback = value,
            "VoiceUrl" => number.voice_url = value,
            "FriendlyName" => number.friendly_name = value,
            _ => {}
        }
    }
}

fn find(world: &World, call: &Call, sid: &str) -> Result<Number, TwilioError> {
    world.twilio.numbers.get(sid).cloned().ok_or_else(|| not_found(call))
}

pub fn list(world: &World, call: &Call) -> Answer {
    let phone = call.query_text("PhoneNumber");
    let account = world.settings().twilio_account;
    let rows: Vec<Value> = world
        .twilio
        .numbers
        .oldest_first()
        .filter(|(_, number)| phone.is_none_or(|phone| number.phone.contains(phone)))
        .map(|(_, number)| number.json(&account))
        .collect();
    Ok((200, paged(call, "incoming_phone_numbers", rows)))
}

pub fn fetch(world: &World, call: &Call, sid: &str) -> Answer {
    Ok((200, find(world, call, sid)?.json(&world.settings().twilio_account)))
}

pub fn update(world: &mut World, call: &Call, sid: &str) -> Answer {
    let mut number = find(world, call, sid)?;
    configure(&mut number, &call.form());
    world.twilio.numbers.put(sid, number.clone());
    Ok((200, number.json(&world.settings().twilio_account)))
}

pub fn release(world: &mut World, call: &Call, sid: &str) -> Answer {
    find(world, call, sid)?;
    world.twilio.numbers.remove(sid);
    Ok((204, Value::Null))
}

impl Number {
    pub fn json(&self, account: &str) -> Value {
        json!({
            "sid": self.sid,
            "account_sid": account,
            "address_requirements": "none",
            "address_sid": null,
            "api_version": "2010-04-01",
            "beta": false,
            "bundle_sid": null,
            "capabilities": { "voice": true, "sms": true, "mms": true, "fax": false },
            "date_created": rfc2822(self.created_ms),
            "date_updated": rfc2822(self.created_ms),
            "emergency_address_sid": null,
            "emergency_address_status": "unregistered",
            "emergency_status": "Inactive",
            "friendly_name": self.friendly_name,
            "identity_sid": null,
            "origin": "twilio",
            "phone_number": self.phone,
            "sms_application_sid": "",
            "sms_fallback_method": "POST",
            "sms_fallback_url": "",
            "sms_method": "POST",
            "sms_url": self.sms_url,
            "status": "in-use",
            "status_callback": self.status_callback,
            "status_callback_method": "POST",
            "trunk_sid": null,
            "type": "local",
            "uri": format!("/2010-04-01/Accounts/{account}/IncomingPhoneNumbers/{}.json", self.sid),
            "voice_application_sid": "",
            "voice_caller_id_lookup": false,
            "voice_fallback_method": "POST",
            "voice_fallback_url": "",
            "voice_method": "POST",
            "voice_receive_mode": "voice",
            "voice_url": self.voice_url,
        })
    }
}
