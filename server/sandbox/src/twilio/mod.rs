//! The texting and calling stand-in: Twilio's Messages, Calls, numbers, Lookup, opt-out keywords and
//! signed callbacks.
//!
//! Promises: who texted STOP gets nothing more from that number until START; every accepted text is
//! in the mailbox. Numbers `+1 NPA 555 0190` to `0199` are landlines; all others are mobiles.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha1::Sha1;

use crate::{table::Table, world::World};

pub mod api;
pub mod calls;
pub mod error;
pub mod inbound;
pub mod lookup;
pub mod messages;
pub mod numbers;
pub mod twiml;

/// A text, sent or received.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Message {
    pub sid: String,
    pub from: Option<String>,
    pub to: String,
    pub body: String,
    pub direction: String,
    pub status: String,
    pub service: Option<String>,
    pub segments: usize,
    pub created_ms: i64,
    pub updated_ms: i64,
    pub sent_ms: Option<i64>,
    pub error_code: Option<u32>,
    pub status_callback: Option<String>,
    /// Statuses still to come, and when the next is due (business milliseconds).
    pub to_come: Vec<String>,
    pub next_at_ms: i64,
    /// The error its last status reports.
    pub fails_with: Option<u32>,
    /// Its row in the mailbox.
    pub mailbox: Option<String>,
}

/// A number of ours.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Number {
    pub sid: String,
    pub phone: String,
    pub friendly_name: String,
    pub created_ms: i64,
    pub sms_url: String,
    pub status_callback: String,
    pub voice_url: String,
    /// The carrier's keyword service: it blocks and answers STOP, START and HELP by itself.
    pub keyword_service: bool,
    pub service: Option<String>,
}

/// A person who opted out of one number.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OptOut {
    pub from: String,
    pub to: String,
    pub at_ms: i64,
}

pub struct TwilioTables {
    pub messages: Table<Message>,
    pub numbers: Table<Number>,
    /// Keyed by [`opt_out_key`].
    pub opt_outs: Table<OptOut>,
    pub calls: Table<calls::Placed>,
    /// How people take calls that are still to come.
    pub manners: Table<calls::Scripted>,
}

impl TwilioTables {
    pub fn new() -> Self {
        Self {
            messages: Table::watching("messages", |message: &Message| !message.to_come.is_empty()),
            numbers: Table::new("numbers"),
            opt_outs: Table::new("opt_outs"),
            calls: Table::watching("calls", |call: &calls::Placed| call.waits),
            manners: Table::new("manners"),
        }
    }
}

/// Opt-outs are per pair of our number and the person's.
pub fn opt_out_key(ours: &str, theirs: &str) -> String {
    format!("{ours}|{theirs}")
}

/// `+` and 8 to 15 digits.
pub fn is_e164(phone: &str) -> bool {
    let digits = phone.strip_prefix('+').unwrap_or_default();
    (8..=15).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit())
        && !digits.starts_with('0')
}

/// The documented landlines.
pub fn is_landline(phone: &str) -> bool {
    phone.len() == 12 && phone.starts_with("+1") && &phone[5..11] == "555019"
}

/// `X-Twilio-Signature`: over the full address and the parameters by name, each value once.
pub fn signature(token: &str, url: &str, params: &[(String, String)]) -> String {
    let mut sorted = params.to_vec();
    sorted.sort();
    sorted.dedup();
    let url = url.split('#').next().unwrap_or_default();
    let mut mac =
        Hmac::<Sha1>::new_from_slice(token.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(url.as_bytes());
    for (name, value) in sorted {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

/// Headers and body of a form that Twilio posts.
pub fn signed_form(
    world: &World,
    url: &str,
    params: &[(String, String)],
) -> (Vec<(&'static str, String)>, Vec<u8>) {
    let body = serde_urlencoded::to_string(params).unwrap_or_default();
    let signature = signature(&world.settings().twilio_token, url, params);
    let headers = vec![
        ("content-type", "application/x-www-form-urlencoded; charset=UTF-8".to_owned()),
        ("user-agent", "TwilioProxy/1.1 (sandbox)".to_owned()),
        ("x-twilio-signature", signature),
    ];
    (headers, body.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_signature_is_the_one_the_official_validator_accepts() {
        let params = pairs(&[
            ("CallSid", "CA1234567890ABCDE"),
            ("Digits", "1234"),
            ("From", "+14158675309"),
            ("To", "+18005551212"),
            ("Caller", "+14158675309"),
        ]);
        let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
        assert_eq!(signature("12345", url, &params), "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
        let params = pairs(&[
            ("Sid", "CA123"),
            ("SidAccount", "AC123"),
            ("Digits", "5678"),
            ("Digits", "1234"),
            ("Digits", "1234"),
        ]);
        assert_eq!(signature("12345", url, &params), "IK+Dwps556ElfBT0I3Rgjkr1wJU=");
    }

    #[test]
    fn landlines_are_the_documented_ones() {
        assert!(is_landline("+15125550195"));
        assert!(!is_landline("+15125550189"));
        assert!(!is_landline("+15125560195"));
    }
}
