//! The event webhook of SendGrid, which some practices have behind their SMTP: delivered, bounced,
//! reported as spam. SMTP has no webhook of its own.
//!
//! Promises: nothing is read before the signature over the raw bytes is right; fields we do not know
//! are ignored, and an event we do not know is no event. Refuses to learn anything about opens and
//! clicks: those are tracking, and machines make them too.

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::clock::{DAY_MS, MINUTE_MS, UnixMs};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde::Deserialize;

/// More events in one call are no service's.
const EVENTS_MOST: usize = 2_000;
/// Services repeat a call for a day; what is older was recorded by somebody.
const OLDEST_MS: i64 = 3 * DAY_MS;
const CLOCKS_APART_MS: i64 = 10 * MINUTE_MS;
/// DER of a P-256 key's header (RFC 5480), before the point itself.
const SPKI_P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const POINT_BYTES: usize = 65;

/// The public key a practice pastes: base64 of its SPKI form. None for anything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventKey(Vec<u8>);

impl EventKey {
    pub fn parse(text: &str) -> Option<Self> {
        let plain: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let der = STANDARD.decode(plain).ok()?;
        let point = der.strip_prefix(&SPKI_P256)?;
        (point.len() == POINT_BYTES && point[0] == 4).then(|| Self(point.to_vec()))
    }

    /// Whether these very bytes were signed at `timestamp`, lately.
    pub fn verifies(&self, timestamp: &str, signature: &str, body: &[u8], now: UnixMs) -> bool {
        let Ok(seconds) = timestamp.parse::<i64>() else { return false };
        let age = now.since(UnixMs(seconds.saturating_mul(1_000)));
        (-CLOCKS_APART_MS..=OLDEST_MS).contains(&age) && self.signed(timestamp, signature, body)
    }

    fn signed(&self, timestamp: &str, signature: &str, body: &[u8]) -> bool {
        let Ok(signature) = STANDARD.decode(signature) else { return false };
        let mut said = timestamp.as_bytes().to_vec();
        said.extend_from_slice(body);
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.0).verify(&said, &signature).is_ok()
    }
}

/// What happened to a message or an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Delivered,
    /// There is nobody.
    Bounced,
    /// Blocked or full today.
    SoftBounced,
    ReportedAsSpam,
    Unsubscribed,
}

#[derive(Clone, PartialEq, Eq)]
pub struct Event {
    pub id: String,
    pub what: What,
    pub address: String,
    /// Without brackets.
    pub message_id: Option<String>,
    /// The service's own word.
    pub word: String,
}

impl std::fmt::Debug for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Event").field("id", &self.id).field("what", &self.what).finish()
    }
}

#[derive(Deserialize)]
struct Wire {
    email: Option<String>,
    event: Option<String>,
    sg_event_id: Option<String>,
    #[serde(rename = "smtp-id")]
    smtp_id: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    reason: Option<String>,
}

/// The events of a body that concern us, in their order. None when it is no list of events.
pub fn parse_events(body: &[u8]) -> Option<Vec<Event>> {
    let all: Vec<Wire> = serde_json::from_slice(body).ok()?;
    if all.len() > EVENTS_MOST {
        return None;
    }
    Some(all.into_iter().filter_map(read).collect())
}

fn read(wire: Wire) -> Option<Event> {
    let word = wire.event?;
    let reason = wire.reason.unwrap_or_default();
    let what = match word.as_str() {
        "delivered" => What::Delivered,
        "bounce" if wire.kind.as_deref() == Some("blocked") => What::SoftBounced,
        "bounce" => What::Bounced,
        "dropped" => match reason.as_str() {
            "Bounced Address" | "Invalid" => What::Bounced,
            "Spam Reporting Address" => What::ReportedAsSpam,
            "Unsubscribed Address" => What::Unsubscribed,
            _ => return None,
        },
        "spamreport" => What::ReportedAsSpam,
        "unsubscribe" | "group_unsubscribe" => What::Unsubscribed,
        _ => return None,
    };
    let message_id = wire.smtp_id.map(|id| id.trim_matches(['<', '>', ' ']).to_owned());
    Some(Event { id: wire.sg_event_id?, what, address: wire.email?, message_id, word })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The official verifier's own vector (integrations-messaging.md, 2).
    const KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/\
                       7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==";
    const TIMESTAMP: &str = "1600112502";
    const SIGNATURE: &str = "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+\
                             uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM=";
    const BODY: &str = "[{\"email\":\"hello@world.com\",\"event\":\"dropped\",\"reason\":\
        \"Bounced Address\",\"sg_event_id\":\
        \"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA\",\"sg_message_id\":\
        \"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0\",\
        \"smtp-id\":\"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>\",\
        \"timestamp\":1600112492}]\r\n";

    fn then() -> UnixMs {
        UnixMs(1_600_112_510_000)
    }

    #[test]
    fn the_services_own_vector_verifies_over_its_very_bytes() {
        assert_eq!(BODY.len(), 327);
        let key = EventKey::parse(KEY).expect("a key");
        assert!(key.verifies(TIMESTAMP, SIGNATURE, BODY.as_bytes(), then()));
        let without_line_end = BODY.trim_end();
        assert!(!key.verifies(TIMESTAMP, SIGNATURE, without_line_end.as_bytes(), then()));
        let altered = BODY.replace("hello@", "hallo@");
        assert!(!key.verifies(TIMESTAMP, SIGNATURE, altered.as_bytes(), then()));
        assert!(!key.verifies("1600112503", SIGNATURE, BODY.as_bytes(), then()));
    }

    #[test]
    fn an_old_call_is_not_taken_again() {
        let key = EventKey::parse(KEY).expect("a key");
        let late = then().plus_ms(4 * DAY_MS);
        assert!(!key.verifies(TIMESTAMP, SIGNATURE, BODY.as_bytes(), late));
        let early = then().minus_ms(DAY_MS);
        assert!(!key.verifies(TIMESTAMP, SIGNATURE, BODY.as_bytes(), early));
    }

    #[test]
    fn only_a_key_of_that_curve_is_a_key() {
        for text in ["", "abc", "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE", "%%%"] {
            assert_eq!(EventKey::parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_event_of_the_reference_means_what_it_says() {
        let table = [
            (r#""event":"delivered""#, Some(What::Delivered)),
            (r#""event":"bounce","type":"bounce""#, Some(What::Bounced)),
            (r#""event":"bounce","type":"blocked""#, Some(What::SoftBounced)),
            (r#""event":"dropped","reason":"Invalid""#, Some(What::Bounced)),
            (r#""event":"dropped","reason":"Bounced Address""#, Some(What::Bounced)),
            (r#""event":"dropped","reason":"Spam Reporting Address""#, Some(What::ReportedAsSpam)),
            (r#""event":"dropped","reason":"Unsubscribed Address""#, Some(What::Unsubscribed)),
            (r#""event":"spamreport""#, Some(What::ReportedAsSpam)),
            (r#""event":"unsubscribe""#, Some(What::Unsubscribed)),
            (r#""event":"group_unsubscribe""#, Some(What::Unsubscribed)),
            (r#""event":"deferred""#, None),
            (r#""event":"processed""#, None),
            (r#""event":"open""#, None),
            (r#""event":"click""#, None),
            (r#""event":"something_new""#, None),
        ];
        for (fields, what) in table {
            let body = format!(r#"[{{"email":"a@b.example","sg_event_id":"1",{fields}}}]"#);
            let events = parse_events(body.as_bytes()).expect("a list");
            assert_eq!(events.first().map(|event| event.what), what, "{fields}");
        }
        let events = parse_events(BODY.as_bytes()).expect("a list");
        let id = "LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net";
        assert_eq!(events[0].message_id.as_deref(), Some(id));
        assert_eq!(parse_events(b"{}"), None);
    }
}
