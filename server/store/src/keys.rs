//! Keys and everything done with them: sealing fields, blind indexes, verifiers, token hashes.
//!
//! Each purpose has its own key, so that a leak of the index key opens no data. A key may be followed
//! by a newer one ([`file`]): the newest seals, older ones still open. Blind indexes, row digests,
//! the pepper of passwords and the audit chain stay with the oldest for the life of a database:
//! what they are made from is not kept, or must not change.

mod file;

use aes_gcm::{
    Aes256Gcm, Nonce,
    aead::{Aead, KeyInit, Payload},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{Result, StoreError};

type HmacSha256 = Hmac<Sha256>;

const NONCE_BYTES: usize = 12;
/// A token in a link or cookie: 256 bits; pay links use 128 (security.md 4.4).
pub const TOKEN_BYTES: usize = 32;
pub const LINK_TOKEN_BYTES: usize = 16;

/// The deployment's keys. Several generations may be loaded; the last one is active.
pub struct Keys {
    generations: Vec<Generation>,
}

struct Generation {
    kid: String,
    seal: Zeroizing<[u8; 32]>,
    index: Zeroizing<[u8; 32]>,
    verify: Zeroizing<[u8; 32]>,
    audit: Zeroizing<[u8; 32]>,
    forms: Zeroizing<[u8; 32]>,
}

/// Where a sealed value lives; bound into the ciphertext so that it cannot be moved (R81).
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub practice: &'a str,
    pub table: &'static str,
    pub column: &'static str,
    pub row: &'a str,
}

impl Keys {
    /// Keys for tests and the simulation, from one fixed secret.
    pub fn for_tests() -> Self {
        Self { generations: vec![Generation::derive("test", &[7; 32])] }
    }

    /// The same, and a newer one.
    pub fn for_tests_renewed() -> Self {
        let newer = Generation::derive("newer", &[8; 32]);
        Self { generations: vec![Generation::derive("test", &[7; 32]), newer] }
    }

    fn active(&self) -> &Generation {
        self.generations.last().expect("load refuses an empty key file")
    }

    /// Identifies the oldest generation, which a database keeps for life.
    pub fn fingerprint(&self) -> String {
        let first = self.generations.first().expect("load refuses an empty key file");
        hex::encode(mac(&first.verify, &[b"fingerprint"]))[..32].to_owned()
    }

    /// Encrypts one field for one place: `kid.nonce+ciphertext`.
    pub fn seal(&self, place: Place<'_>, plain: &str) -> String {
        let generation = self.active();
        let mut nonce = [0; NONCE_BYTES];
        fill_random(&mut nonce);
        let cipher = generation.cipher(place);
        let aad = associated(place, &generation.kid);
        let sealed = cipher
            .encrypt(&Nonce::from(nonce), Payload { msg: plain.as_bytes(), aad: &aad })
            .expect("AES-GCM encrypts anything shorter than 64 GiB");
        let mut bytes = nonce.to_vec();
        bytes.extend_from_slice(&sealed);
        format!("{}.{}", generation.kid, URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Opens what [`Keys::seal`] made for the same place.
    pub fn open(&self, place: Place<'_>, sealed: &str) -> Result<String> {
        let fault = StoreError::Sealed { table: place.table, column: place.column };
        let opened = (|| {
            let (kid, body) = sealed.split_once('.')?;
            let generation = self.generations.iter().find(|g| g.kid == kid)?;
            let bytes = URL_SAFE_NO_PAD.decode(body).ok()?;
            let (nonce, body) = bytes.split_at_checked(NONCE_BYTES)?;
            let nonce: [u8; NONCE_BYTES] = nonce.try_into().ok()?;
            let aad = associated(place, kid);
            let plain = generation
                .cipher(place)
                .decrypt(&Nonce::from(nonce), Payload { msg: body, aad: &aad })
                .ok()?;
            String::from_utf8(plain).ok()
        })();
        opened.ok_or(fault)
    }

    pub fn seal_option(&self, place: Place<'_>, plain: Option<&str>) -> Option<String> {
        plain.map(|p| self.seal(place, p))
    }

    pub fn open_option(&self, place: Place<'_>, sealed: Option<&str>) -> Result<Option<String>> {
        sealed.map(|s| self.open(place, s)).transpose()
    }

    /// A blind index: finds equal values without holding them. 128 bits, hex.
    /// `kind` is `phone` or `email`; `value` is normalised. Practice `*` is the whole server's.
    pub fn blind(&self, practice: &str, kind: &str, value: &str) -> String {
        let first = &self.generations[0];
        let digest = mac(&first.index, &[practice.as_bytes(), kind.as_bytes(), value.as_bytes()]);
        hex::encode(&digest[..16])
    }

    /// A keyed digest of a source row, so that the same row again is a no-op (decision 22).
    pub fn row_mac(&self, practice: &str, kind: &str, canonical: &str) -> String {
        let first = &self.generations[0];
        let parts = [b"row", practice.as_bytes(), kind.as_bytes(), canonical.as_bytes()];
        hex::encode(&mac(&first.index, &parts)[..16])
    }

    /// The verifier of a guarantor's date of birth and SSN last four. Bound to the row, so there
    /// is no dictionary over people without the key. The digits are not kept.
    pub fn match_verifier(&self, practice: &str, guarantor: &str, dob: &str, ssn4: &str) -> String {
        self.match_verifier_by(self.active(), practice, guarantor, dob, ssn4)
    }

    fn match_verifier_by(
        &self,
        generation: &Generation,
        practice: &str,
        guarantor: &str,
        dob: &str,
        ssn4: &str,
    ) -> String {
        let parts =
            [practice.as_bytes(), guarantor.as_bytes(), dob.as_bytes(), ssn4.as_bytes(), b"1"];
        format!("{}.{}", generation.kid, hex::encode(mac(&generation.verify, &parts)))
    }

    /// Compares in constant time. A missing or empty stored verifier never matches (R38), and
    /// costs as much as one that does.
    pub fn matches(
        &self,
        stored: Option<&str>,
        practice: &str,
        guarantor: &str,
        dob: &str,
        ssn4: &str,
    ) -> bool {
        let stored = stored.unwrap_or_default();
        let kid = stored.split_once('.').map_or("", |(kid, _)| kid);
        let generation =
            self.generations.iter().find(|g| g.kid == kid).unwrap_or_else(|| self.active());
        let typed = self.match_verifier_by(generation, practice, guarantor, dob, ssn4);
        !stored.is_empty()
            && !ssn4.is_empty()
            && bool::from(typed.as_bytes().ct_eq(stored.as_bytes()))
    }

    /// Authenticates what a form or cookie carries: `purpose` keeps uses apart.
    pub fn sign(&self, purpose: &str, parts: &[&str]) -> String {
        let mut all: Vec<&[u8]> = vec![purpose.as_bytes()];
        all.extend(parts.iter().map(|p| p.as_bytes()));
        URL_SAFE_NO_PAD.encode(mac(&self.active().forms, &all))
    }

    pub fn is_signed(&self, purpose: &str, parts: &[&str], signature: &str) -> bool {
        let mut all: Vec<&[u8]> = vec![purpose.as_bytes()];
        all.extend(parts.iter().map(|p| p.as_bytes()));
        self.generations.iter().any(|g| {
            let ours = URL_SAFE_NO_PAD.encode(mac(&g.forms, &all));
            bool::from(ours.as_bytes().ct_eq(signature.as_bytes()))
        })
    }

    /// A short secret (a one-time code) as stored: keyed, because six digits have no entropy.
    pub fn short_hash(&self, purpose: &str, subject: &str, code: &str) -> String {
        self.active().short_hash(purpose, subject, code)
    }

    /// Every form in which a short secret may be stored, the newest key's first: codes outlive a
    /// new key.
    pub fn short_hashes(&self, purpose: &str, subject: &str, code: &str) -> Vec<String> {
        let newest_first = self.generations.iter().rev();
        newest_first.map(|g| g.short_hash(purpose, subject, code)).collect()
    }

    /// Compares in constant time with what is stored.
    pub fn is_short_hash(&self, purpose: &str, subject: &str, code: &str, stored: &str) -> bool {
        let hashes = self.short_hashes(purpose, subject, code);
        hashes.iter().any(|hash| bool::from(hash.as_bytes().ct_eq(stored.as_bytes())))
    }

    /// Names the key that seals now.
    pub fn active_kid(&self) -> &str {
        &self.active().kid
    }

    pub fn has_kid(&self, kid: &str) -> bool {
        self.generations.iter().any(|g| g.kid == kid)
    }

    /// The same content under the active key; none when it is there already.
    pub fn reseal(&self, place: Place<'_>, sealed: &str) -> Result<Option<String>> {
        if sealed.split_once('.').is_some_and(|(kid, _)| kid == self.active_kid()) {
            return Ok(None);
        }
        Ok(Some(self.seal(place, &self.open(place, sealed)?)))
    }

    /// Whether a match should be written anew, because an older key made it (decision 27).
    pub fn is_old_verifier(&self, stored: &str) -> bool {
        stored.split_once('.').is_none_or(|(kid, _)| kid != self.active_kid())
    }

    /// Peppers a password before argon2id, so that the database alone cannot be attacked.
    pub fn pepper(&self, password: &str) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(mac(&self.generations[0].verify, &[b"password", password.as_bytes()]))
    }

    /// The next link of the audit chain.
    pub fn chain(&self, previous: &str, row: &str) -> String {
        hex::encode(mac(&self.generations[0].audit, &[previous.as_bytes(), row.as_bytes()]))
    }
}

impl Generation {
    fn derive(kid: &str, secret: &[u8]) -> Self {
        let hkdf = Hkdf::<Sha256>::new(None, secret);
        let key = |purpose: &[u8]| {
            let mut out = Zeroizing::new([0; 32]);
            hkdf.expand(purpose, &mut *out).expect("32 bytes is a valid HKDF length");
            out
        };
        Self {
            kid: kid.to_owned(),
            seal: key(b"seal"),
            index: key(b"index"),
            verify: key(b"verify"),
            audit: key(b"audit"),
            forms: key(b"forms"),
        }
    }

    fn short_hash(&self, purpose: &str, subject: &str, code: &str) -> String {
        let parts = [purpose.as_bytes(), subject.as_bytes(), code.as_bytes()];
        hex::encode(mac(&self.verify, &parts))
    }

    /// A subkey a row, so that nonces never meet.
    fn cipher(&self, place: Place<'_>) -> Aes256Gcm {
        let hkdf = Hkdf::<Sha256>::new(None, &*self.seal);
        let mut key = Zeroizing::new([0; 32]);
        let info =
            joined(&[place.practice.as_bytes(), place.table.as_bytes(), place.row.as_bytes()]);
        hkdf.expand(&info, &mut *key).expect("32 bytes is a valid HKDF length");
        Aes256Gcm::new_from_slice(&*key).expect("the key has 32 bytes")
    }
}

/// A fresh token for a link, cookie or key: base64url of operating-system randomness.
pub fn new_token(bytes: usize) -> String {
    let mut random = vec![0; bytes];
    fill_random(&mut random);
    URL_SAFE_NO_PAD.encode(random)
}

/// How tokens of 128 bits and more are stored.
pub fn token_hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

/// Six digits from the operating system, without modulo bias.
pub fn new_code() -> String {
    loop {
        let mut random = [0; 4];
        fill_random(&mut random);
        let number = u32::from_le_bytes(random);
        // The largest multiple of a million that fits.
        if number < 4_294_000_000 {
            return format!("{:06}", number % 1_000_000);
        }
    }
}

/// Chance from the operating system, for `serve` and `demo`.
pub struct OsChance;

impl domain::clock::Chance for OsChance {
    fn fill(&self, bytes: &mut [u8]) {
        fill_random(bytes);
    }
}

#[allow(clippy::disallowed_methods, reason = "the one place that asks the operating system")]
pub(crate) fn fill_random(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system provides randomness");
}

/// Length-prefixed, so that no two lists of parts collide.
fn joined(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(parts.iter().map(|p| p.len() + 8).sum());
    for part in parts {
        out.extend_from_slice(&(part.len() as u64).to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}

fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = <HmacSha256 as hmac::KeyInit>::new_from_slice(key).expect("HMAC takes any key");
    mac.update(&joined(parts));
    mac.finalize().into_bytes().into()
}

fn associated(place: Place<'_>, kid: &str) -> Vec<u8> {
    joined(&[
        place.table.as_bytes(),
        place.column.as_bytes(),
        place.row.as_bytes(),
        place.practice.as_bytes(),
        kid.as_bytes(),
        b"1",
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'static> =
        Place { practice: "prc_1", table: "guarantor", column: "dob_sealed", row: "gua_1" };

    #[test]
    fn a_sealed_date_of_birth_opens_only_where_it_was_put() {
        let keys = Keys::for_tests();
        let sealed = keys.seal(PLACE, "1980-02-29");
        assert_eq!(keys.open(PLACE, &sealed).unwrap(), "1980-02-29");
        for elsewhere in [
            Place { row: "gua_2", ..PLACE },
            Place { column: "address_sealed", ..PLACE },
            Place { practice: "prc_2", ..PLACE },
        ] {
            assert!(keys.open(elsewhere, &sealed).is_err());
        }
    }

    #[test]
    fn a_guarantor_without_a_stored_ssn_never_matches() {
        let keys = Keys::for_tests();
        assert!(!keys.matches(None, "p", "g", "1980-02-29", ""));
        assert!(!keys.matches(Some(""), "p", "g", "1980-02-29", "1234"));
        let stored = keys.match_verifier("p", "g", "1980-02-29", "1234");
        assert!(keys.matches(Some(&stored), "p", "g", "1980-02-29", "1234"));
        assert!(!keys.matches(Some(&stored), "p", "g", "1980-02-29", "1235"));
        assert!(!keys.matches(Some(&stored), "p", "g2", "1980-02-29", "1234"));
    }
}
