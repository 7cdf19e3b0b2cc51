//! Webhooks: is it really from the processor, and what is it about.
//!
//! A verified event is still only a hint: it names an object, and what counts is the object fetched
//! with our own key (R21, D-26).

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// How far a signature's time may lie from ours, either way.
pub const TOLERANCE_S: i64 = 300;
/// Signatures in one header that are looked at: the processor sends one per active secret.
const SIGNATURES_LIMIT: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("no usable signature header")]
    Malformed,
    #[error("signed too long ago")]
    TooOld,
    #[error("signed in the future")]
    InFuture,
    #[error("no signature matches")]
    Mismatch,
}

/// Checks a `Stripe-Signature` header against the raw body and every active secret (R20, R28).
///
/// `now_unix_s` is the real clock: a signature's age is protocol time, not business time.
pub fn verify_signature(
    raw_body: &[u8],
    header: &str,
    secrets: &[SecretString],
    now_unix_s: i64,
    tolerance_s: i64,
) -> Result<(), SignatureError> {
    let (signed_at, signatures) = parse_header(header).ok_or(SignatureError::Malformed)?;
    let mut matched = subtle::Choice::from(0);
    for secret in secrets {
        let expected = sign(secret, signed_at, raw_body);
        for signature in &signatures {
            matched |= expected.ct_eq(signature);
        }
    }
    if !bool::from(matched) {
        return Err(SignatureError::Mismatch);
    }
    // After the signature, so that only the processor can learn how our clock stands.
    let age = now_unix_s.saturating_sub(signed_at);
    if age > tolerance_s {
        Err(SignatureError::TooOld)
    } else if age < -tolerance_s {
        Err(SignatureError::InFuture)
    } else {
        Ok(())
    }
}

/// `t=1700000000,v1=<hex>[,v1=<hex>][,v0=<hex>]`, in any order. Only v1 counts.
fn parse_header(header: &str) -> Option<(i64, Vec<[u8; 32]>)> {
    let mut signed_at = None;
    let mut signatures = Vec::new();
    for item in header.split(',') {
        match item.trim().split_once('=')? {
            // Digits only: `+1` and `-1` are not what the processor signs.
            ("t", digits) if signed_at.is_none() && digits.bytes().all(|b| b.is_ascii_digit()) => {
                signed_at = Some(digits.parse().ok()?);
            }
            ("t", _) => return None,
            ("v1", text) if signatures.len() < SIGNATURES_LIMIT => {
                let mut signature = [0; 32];
                if hex::decode_to_slice(text, &mut signature).is_ok() {
                    signatures.push(signature);
                }
            }
            _ => {}
        }
    }
    if signatures.is_empty() { None } else { Some((signed_at?, signatures)) }
}

fn sign(secret: &SecretString, signed_at: i64, raw_body: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
        .expect("HMAC takes keys of any length");
    mac.update(signed_at.to_string().as_bytes());
    mac.update(b".");
    mac.update(raw_body);
    mac.finalize().into_bytes().into()
}

/// A short, stable name for a set of parameters.
pub(crate) fn fingerprint(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(&hash.finalize()[..16])
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    Intent,
    Checkout,
    Charge,
    Refund,
    Dispute,
    Other,
}

/// What an event says it is about. Fetch the object before believing more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// `evt_…`: the key for duplicates.
    pub id: String,
    /// `payment_intent.succeeded`, …
    pub kind: String,
    pub created_unix_s: i64,
    pub livemode: bool,
    /// The connected account, when it happened on one.
    pub account: Option<String>,
    pub object_id: Option<String>,
    pub object_kind: ObjectKind,
    /// The intent to fetch: the object's own id, or the one it belongs to.
    pub intent_id: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an event")]
pub struct BadEvent;

/// Reads a verified body. `created` and `livemode` are absent from hand-made test events and then 0
/// and false: a live practice quarantines those (R21).
pub fn parse_event(raw_body: &[u8]) -> Result<Event, BadEvent> {
    #[derive(Deserialize)]
    struct Envelope {
        id: String,
        object: String,
        #[serde(rename = "type")]
        kind: String,
        #[serde(default)]
        created: i64,
        #[serde(default)]
        livemode: bool,
        account: Option<String>,
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        object: Object,
    }
    #[derive(Deserialize)]
    struct Object {
        id: Option<String>,
        #[serde(default)]
        object: String,
        payment_intent: Option<serde_json::Value>,
    }

    let event: Envelope = serde_json::from_slice(raw_body).map_err(|_| BadEvent)?;
    if event.object != "event" || event.id.is_empty() {
        return Err(BadEvent);
    }
    let object = event.data.object;
    let object_kind = match object.object.as_str() {
        "payment_intent" => ObjectKind::Intent,
        "checkout.session" => ObjectKind::Checkout,
        "charge" => ObjectKind::Charge,
        "refund" => ObjectKind::Refund,
        "dispute" => ObjectKind::Dispute,
        _ => ObjectKind::Other,
    };
    let belongs_to = object.payment_intent.and_then(|value| match value {
        serde_json::Value::String(id) => Some(id),
        serde_json::Value::Object(mut intent) => match intent.remove("id") {
            Some(serde_json::Value::String(id)) => Some(id),
            _ => None,
        },
        _ => None,
    });
    let intent_id = if object_kind == ObjectKind::Intent { object.id.clone() } else { belongs_to };
    Ok(Event {
        id: event.id,
        kind: event.kind,
        created_unix_s: event.created,
        livemode: event.livemode,
        account: event.account,
        object_id: object.id,
        object_kind,
        intent_id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id":"evt_test_webhook","object":"event","type":"payment_intent.succeeded","data":{"object":{"id":"pi_123","object":"payment_intent"}}}"#;
    const HEX: &str = "f5ded8d1ebdafdd8290892480475b9ff2f0c5fd9ccd1d5d7623810fab3087eec";
    const AT: i64 = 1_700_000_000;

    fn secrets(all: &[&str]) -> Vec<SecretString> {
        all.iter().map(|s| SecretString::from(*s)).collect()
    }

    fn check(body: &[u8], header: &str, now: i64) -> Result<(), SignatureError> {
        verify_signature(body, header, &secrets(&["whsec_test_secret"]), now, TOLERANCE_S)
    }

    #[test]
    fn the_processors_own_vector_verifies() {
        assert_eq!(check(BODY, &format!("t={AT},v1={HEX}"), AT), Ok(()));
    }

    #[test]
    fn any_altered_byte_is_refused() {
        let header = format!("t={AT},v1={HEX}");
        for at in 0..BODY.len() {
            let mut altered = BODY.to_vec();
            altered[at] ^= 1;
            assert_eq!(check(&altered, &header, AT), Err(SignatureError::Mismatch), "byte {at}");
        }
        let mut longer = BODY.to_vec();
        longer.push(b'\n');
        assert_eq!(check(&longer, &header, AT), Err(SignatureError::Mismatch));
        assert_eq!(check(&BODY[1..], &header, AT), Err(SignatureError::Mismatch));
        assert_eq!(check(b"", &header, AT), Err(SignatureError::Mismatch));
    }

    #[test]
    fn old_and_future_signatures_are_refused() {
        let header = format!("t={AT},v1={HEX}");
        assert_eq!(check(BODY, &header, AT + 300), Ok(()));
        assert_eq!(check(BODY, &header, AT + 301), Err(SignatureError::TooOld));
        assert_eq!(check(BODY, &header, AT - 300), Ok(()));
        assert_eq!(check(BODY, &header, AT - 301), Err(SignatureError::InFuture));
        // The time is signed too: moving it breaks the signature.
        let moved = format!("t={},v1={HEX}", AT + 1);
        assert_eq!(check(BODY, &moved, AT + 1), Err(SignatureError::Mismatch));
    }

    #[test]
    fn one_good_signature_among_several_is_enough() {
        let zeros = "0".repeat(64);
        for header in [
            format!("t={AT},v1={zeros},v1={HEX}"),
            format!("v1={HEX},t={AT},v0={zeros}"),
            format!("t={AT}, v1={HEX}, v2=future"),
            format!("t={AT},v1=nothex,v1={HEX}"),
        ] {
            assert_eq!(check(BODY, &header, AT), Ok(()), "{header}");
        }
    }

    #[test]
    fn headers_without_a_usable_signature_are_refused() {
        for header in [
            String::new(),
            "t=1".into(),
            format!("v1={HEX}"),
            format!("t={AT}"),
            format!("t={AT},v0={HEX}"),
            format!("t=,v1={HEX}"),
            format!("t=-{AT},v1={HEX}"),
            format!("t={AT},t={AT},v1={HEX}"),
            format!("t={AT},v1={}", &HEX[..62]),
            format!("t={AT}000000000000,v1={HEX}"),
        ] {
            assert_eq!(check(BODY, &header, AT), Err(SignatureError::Malformed), "{header}");
        }
    }

    #[test]
    fn while_a_secret_rotates_both_work_and_afterwards_only_the_new_one() {
        let header = format!("t={AT},v1={HEX}");
        let both = secrets(&["whsec_new", "whsec_test_secret"]);
        assert_eq!(verify_signature(BODY, &header, &both, AT, TOLERANCE_S), Ok(()));
        for set in [secrets(&["whsec_new"]), secrets(&[])] {
            let refused = verify_signature(BODY, &header, &set, AT, TOLERANCE_S);
            assert_eq!(refused, Err(SignatureError::Mismatch));
        }
    }

    #[test]
    fn an_event_names_the_intent_it_is_about() {
        let event = parse_event(BODY).expect("an event");
        assert_eq!(event.object_kind, ObjectKind::Intent);
        assert_eq!(event.intent_id.as_deref(), Some("pi_123"));
        for (object, kind, intent) in [
            (
                r#"{"id":"ch_1","object":"charge","payment_intent":"pi_9"}"#,
                ObjectKind::Charge,
                Some("pi_9"),
            ),
            (
                r#"{"id":"re_1","object":"refund","payment_intent":{"id":"pi_9"}}"#,
                ObjectKind::Refund,
                Some("pi_9"),
            ),
            (
                r#"{"id":"cs_1","object":"checkout.session","payment_intent":null}"#,
                ObjectKind::Checkout,
                None,
            ),
            (
                r#"{"id":"du_1","object":"dispute","payment_intent":"pi_9"}"#,
                ObjectKind::Dispute,
                Some("pi_9"),
            ),
            (r#"{"object":"balance"}"#, ObjectKind::Other, None),
        ] {
            let body = format!(
                r#"{{"id":"evt_1","object":"event","type":"x.y","created":5,"livemode":true,"account":"acct_1","data":{{"object":{object}}}}}"#
            );
            let event = parse_event(body.as_bytes()).expect("an event");
            assert_eq!((event.object_kind, event.intent_id.as_deref()), (kind, intent));
            assert!(event.livemode);
            assert_eq!(event.account.as_deref(), Some("acct_1"));
        }
    }

    #[test]
    fn what_is_not_an_event_is_refused() {
        for body in [
            "",
            "null",
            "[]",
            r#"{"id":"evt_1"}"#,
            r#"{"id":"pi_1","object":"payment_intent","type":"x","data":{"object":{}}}"#,
            r#"{"id":"","object":"event","type":"x","data":{"object":{}}}"#,
        ] {
            assert_eq!(parse_event(body.as_bytes()), Err(BadEvent), "{body}");
        }
    }
}
