//! `X-Twilio-Signature`: is this request from Twilio, for this address, with these parameters.
//!
//! The address is the one the public uses, built from configuration, never from `Host`. There is no
//! time in the signature: replays are caught by message id, not here.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Checks a form request. `params` are the decoded form fields, in any order; `url` is the full
/// public address with its query.
pub fn verify_signature(
    auth_token: &SecretString,
    url: &str,
    params: &[(String, String)],
    header: &str,
) -> bool {
    let Ok(signature) = BASE64_STANDARD.decode(header.trim()) else { return false };
    let mut sorted: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, value) in params {
        sorted.entry(name).or_default().insert(value);
    }
    let mut signed = String::new();
    for (name, values) in &sorted {
        for value in values {
            signed.push_str(name);
            signed.push_str(value);
        }
    }
    // Twilio signs with or without the port, depending on product and age: either will do.
    let mut matched = subtle::Choice::from(0);
    for url in [Some(url.to_owned()), with_port(url), without_port(url)].into_iter().flatten() {
        matched |= sign(auth_token, &url, &signed).ct_eq(signature.as_slice());
    }
    matched.into()
}

/// Checks a request with a body that is no form: the query carries the body's hash as `bodySHA256`,
/// and the address alone is signed.
pub fn verify_body_signature(
    auth_token: &SecretString,
    url: &str,
    raw_body: &[u8],
    header: &str,
) -> bool {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let Some(claimed) = query.split('&').find_map(|pair| pair.strip_prefix("bodySHA256=")) else {
        return false;
    };
    let actual = hex::encode(Sha256::digest(raw_body));
    let same_body: bool = actual.as_bytes().ct_eq(claimed.to_ascii_lowercase().as_bytes()).into();
    same_body && verify_signature(auth_token, url, &[], header)
}

fn sign(auth_token: &SecretString, url: &str, params: &str) -> [u8; 20] {
    let mut mac = Hmac::<Sha1>::new_from_slice(auth_token.expose_secret().as_bytes())
        .expect("HMAC takes keys of any length");
    mac.update(url.as_bytes());
    mac.update(params.as_bytes());
    mac.finalize().into_bytes().into()
}

/// Scheme, authority and the rest, as they stand: signing must not normalise anything else.
fn parts(url: &str) -> Option<(&str, &str, &str)> {
    let (scheme, after) = url.split_once("://")?;
    let end = after.find(['/', '?', '#']).unwrap_or(after.len());
    Some((scheme, &after[..end], &after[end..]))
}

fn port_start(authority: &str) -> Option<usize> {
    let colon = authority.rfind(':')?;
    let digits = &authority[colon + 1..];
    (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())).then_some(colon)
}

fn with_port(url: &str) -> Option<String> {
    let (scheme, authority, rest) = parts(url)?;
    if port_start(authority).is_some() {
        return None;
    }
    let port = if scheme == "https" { 443 } else { 80 };
    Some(format!("{scheme}://{authority}:{port}{rest}"))
}

fn without_port(url: &str) -> Option<String> {
    let (scheme, authority, rest) = parts(url)?;
    let colon = port_start(authority)?;
    Some(format!("{scheme}://{}{rest}", &authority[..colon]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";
    const CALL: [(&str, &str); 5] = [
        ("CallSid", "CA1234567890ABCDE"),
        ("Digits", "1234"),
        ("From", "+14158675309"),
        ("To", "+18005551212"),
        ("Caller", "+14158675309"),
    ];

    fn check(url: &str, params: &[(&str, &str)], header: &str) -> bool {
        let params: Vec<_> =
            params.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        verify_signature(&"12345".into(), url, &params, header)
    }

    #[test]
    fn twilios_own_vectors_verify() {
        let with_port = URL.replace(".com", ".com:443");
        let plain = URL.replace("https", "http");
        let odd_port = plain.replace(".com", ".com:1234");
        for (url, header) in [
            (URL, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
            (&with_port, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
            (URL, "kvajT1Ptam85bY51eRf/AJRuM3w="),
            (&with_port, "kvajT1Ptam85bY51eRf/AJRuM3w="),
            (&plain, "0ZXoZLH/DfblKGATFgpif+LLRf4="),
            (&odd_port, "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
        ] {
            assert!(check(url, &CALL, header), "{url} {header}");
        }
    }

    #[test]
    fn repeated_values_count_once_and_sorted() {
        let params = [
            ("Sid", "CA123"),
            ("SidAccount", "AC123"),
            ("Digits", "5678"),
            ("Digits", "1234"),
            ("Digits", "1234"),
        ];
        assert!(check(URL, &params, "IK+Dwps556ElfBT0I3Rgjkr1wJU="));
    }

    #[test]
    fn a_patients_stop_verifies() {
        let params = [
            ("MessageSid", "SM00000000000000000000000000000001"),
            ("From", "+15125550123"),
            ("To", "+15125550199"),
            ("Body", "STOP"),
            ("OptOutType", "STOP"),
            ("NumMedia", "0"),
        ];
        let url = "https://portal.example.com/webhooks/twilio/sms";
        assert!(check(url, &params, "9l5NnHCnXxm676XlFXpd870Ntyk="));
    }

    #[test]
    fn a_body_that_is_no_form_is_signed_by_its_hash() {
        let body = br#"{"property": "value", "boolean": true}"#;
        let url = format!(
            "{URL}&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
        );
        let header = "a9nBmqA0ju/hNViExpshrM61xv4=";
        let token = SecretString::from("12345");
        assert!(verify_body_signature(&token, &url, body, header));
        assert!(!verify_body_signature(&token, &url, b"{}", header));
        assert!(!verify_body_signature(&token, URL, body, header));
    }

    #[test]
    fn a_forged_request_is_refused() {
        let header = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
        let mut altered = CALL;
        altered[1].1 = "1235";
        assert!(!check(URL, &altered, header));
        assert!(!check(URL, &CALL[..4], header));
        assert!(!check(&URL.replace("foo=1", "foo=2"), &CALL, header));
        assert!(!check(&URL.replace("mycompany", "theircompany"), &CALL, header));
        for bad in ["", "=", "RSOYDt4T1cUTdK1PDd93/VVr8B9=", "not base64"] {
            assert!(!check(URL, &CALL, bad), "{bad}");
        }
        let params: Vec<_> = CALL.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
        assert!(!verify_signature(&"54321".into(), URL, &params, header));
    }
}
