//! The second factor of staff: an authenticator app (RFC 6238), and recovery codes for a lost phone.

use domain::clock::UnixMs;
use fast_qr::{QRBuilder, convert::svg::SvgBuilder};
use store::Keys;
use totp_rs::{Builder, Secret, Totp};

const ISSUER: &str = "Clearbill";
const RECOVERY_CODES: usize = 10;

/// A fresh secret from the operating system, in base32 as apps take it.
#[allow(clippy::disallowed_methods, reason = "secrets never come from the seeded chance")]
pub fn new_secret() -> String {
    let mut bytes = [0; 20];
    getrandom::fill(&mut bytes).expect("the operating system provides randomness");
    Secret::from(bytes.as_slice()).to_base32()
}

fn totp(secret: &str, account: &str) -> Option<Totp> {
    let secret = Secret::try_from_base32(secret).ok()?;
    Builder::new()
        .with_secret(secret)
        .with_skew(1)
        .with_issuer(Some(ISSUER))
        .with_account_name(account)
        .build()
        .ok()
}

/// The time step a typed code belongs to, if it is right now (or one step off).
pub fn step_of(secret: &str, code: &str, real_now: UnixMs) -> Option<i64> {
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let seconds = u64::try_from(real_now.0 / 1000).ok()?;
    let step = totp(secret, "staff")?.check(&code, seconds)?;
    i64::try_from(step).ok()
}

/// The code that the demo's authenticator shows now.
pub fn current_code(secret: &str, real_now: UnixMs) -> Option<String> {
    let seconds = u64::try_from(real_now.0 / 1000).ok()?;
    Some(totp(secret, "staff")?.generate(seconds).to_string())
}

/// What an authenticator app reads from a QR code.
pub fn address(secret: &str, email: &str) -> Option<String> {
    totp(secret, &email.replace(':', " "))?.to_url().ok()
}

/// The QR code as an SVG image for `img src`.
pub fn picture(secret: &str, email: &str) -> Option<String> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let code = QRBuilder::new(address(secret, email)?).build().ok()?;
    let svg = SvgBuilder::default().to_str(&code);
    Some(format!("data:image/svg+xml;base64,{}", STANDARD.encode(svg)))
}

/// Codes for a lost phone, each for one use: what the person keeps, and what we store.
pub fn new_recovery(keys: &Keys, staff: &str) -> (Vec<String>, String) {
    let codes: Vec<String> = (0..RECOVERY_CODES)
        .map(|_| format!("{}-{}", store::keys::new_code(), store::keys::new_code()))
        .collect();
    let stored: Vec<String> =
        codes.iter().map(|code| keys.short_hash("recovery", staff, code)).collect();
    (codes, stored.join(","))
}

/// What remains stored after `typed` was used; none when it is not one of the codes.
pub fn use_recovery(keys: &Keys, staff: &str, stored: &str, typed: &str) -> Option<String> {
    let typed: String = typed.chars().filter(|c| c.is_ascii_digit()).collect();
    let (first, second) = typed.split_at_checked(6)?;
    let code = format!("{first}-{second}");
    let mut left: Vec<&str> = stored.split(',').collect();
    let at = left.iter().position(|known| keys.is_short_hash("recovery", staff, &code, known))?;
    left.remove(at);
    Some(left.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_of_the_authenticator_is_right_for_its_time_only() {
        // RFC 6238, appendix B: the SHA-1 secret at 59 seconds, last six digits.
        let secret = Secret::from(b"12345678901234567890".as_slice()).to_base32();
        assert_eq!(step_of(&secret, "287 082", UnixMs(59_000)), Some(1));
        assert_eq!(step_of(&secret, "287082", UnixMs(59_000 + 120_000)), None);
        assert_eq!(step_of(&secret, "287083", UnixMs(59_000)), None);
    }

    #[test]
    fn a_recovery_code_works_once() {
        let keys = Keys::for_tests();
        let (codes, stored) = new_recovery(&keys, "stf_1");
        let left = use_recovery(&keys, "stf_1", &stored, &codes[3]).unwrap();
        assert!(use_recovery(&keys, "stf_1", &left, &codes[3]).is_none());
        assert!(use_recovery(&keys, "stf_1", &left, &codes[4]).is_some());
        assert!(use_recovery(&keys, "stf_2", &left, &codes[4]).is_none());
    }
}
