//! Phone numbers and email addresses as people type them, in the one form we keep.
//!
//! Numbers are North American ones in E.164 (M25). The plan's grammar is three digits of area, three
//! of exchange, four of line; checking it here, with the area codes of the zone table we ship anyway,
//! replaces a library whose metadata of every country is parsed at run time and which calls the
//! numbers reserved for tests, `+1 NPA 555 01xx`, invalid.
//!
//! Masked forms are for pages and logs; they keep only what lets an owner recognise their own.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::zones;

/// A US or Canadian number: `+1` and ten digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct E164(String);

/// Why a number is not one we can text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPhone {
    #[error("a number is missing")]
    Empty,
    #[error("letters or signs that are not part of a number")]
    Malformed,
    #[error("not ten digits with an area code")]
    WrongLength,
    #[error("not a number of the United States or Canada")]
    OutsideUsAndCanada,
    #[error("no such area code or exchange")]
    NoSuchNumber,
    #[error("a number with an extension cannot be texted")]
    Extension,
}

/// Countries of the numbering plan that are neither the US nor Canada: texting them costs and is
/// regulated like abroad.
const ABROAD: [&str; 23] = [
    "242", "246", "264", "268", "284", "345", "441", "473", "649", "658", "664", "721", "758",
    "767", "784", "809", "829", "849", "868", "869", "876", "900", "976",
];

/// A number as typed, `(212) 555-0123` or `+1 212.555.0123` or `12125550123`, in E.164.
pub fn normalise_us(text: &str) -> Result<E164, BadPhone> {
    let text = text.trim();
    if text.is_empty() {
        return Err(BadPhone::Empty);
    }
    let lower = text.to_ascii_lowercase();
    if lower.contains("ext") || lower.contains('x') || lower.contains('#') {
        return Err(BadPhone::Extension);
    }
    let mut digits = String::with_capacity(11);
    let (rest, international) = match text.strip_prefix('+') {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    for sign in rest.chars() {
        match sign {
            '0'..='9' => digits.push(sign),
            // Separators people and spreadsheets use, no-break spaces and dashes included.
            ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}' | '\u{2010}'..='\u{2015}' | '\u{202f}' => {
            }
            _ => return Err(BadPhone::Malformed),
        }
    }
    let national = match (digits.len(), international) {
        (11, _) if digits.starts_with('1') => &digits[1..],
        (10, false) => digits.as_str(),
        (_, true) if !digits.starts_with('1') => return Err(BadPhone::OutsideUsAndCanada),
        _ => return Err(BadPhone::WrongLength),
    };
    check_plan(national)?;
    Ok(E164(format!("+1{national}")))
}

fn check_plan(national: &str) -> Result<(), BadPhone> {
    let code = |three: &str| three.as_bytes()[0] >= b'2' && &three[1..] != "11";
    let (area, exchange) = (&national[..3], &national[3..6]);
    // Area codes with a 9 in the middle are kept for a longer plan; 555 is nobody's area.
    if !code(area) || !code(exchange) || area.as_bytes()[1] == b'9' || area == "555" {
        return Err(BadPhone::NoSuchNumber);
    }
    if ABROAD.contains(&area) {
        return Err(BadPhone::OutsideUsAndCanada);
    }
    Ok(())
}

impl E164 {
    /// A number already in the form we keep; `None` for anything else.
    pub fn from_normalised(text: &str) -> Option<Self> {
        let national = text.strip_prefix("+1")?;
        let ten = national.len() == 10 && national.bytes().all(|b| b.is_ascii_digit());
        (ten && check_plan(national).is_ok()).then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For a page that may show it in full: `(212) 555-0123`.
    pub fn display(&self) -> String {
        format!("({}) {}-{}", &self.0[2..5], &self.0[5..8], &self.0[8..])
    }

    /// `(•••) •••-0123`.
    pub fn masked(&self) -> String {
        format!("(•••) •••-{}", &self.0[8..])
    }

    /// Numbers that nobody carries in a pocket: 800, 833, 844, 855, 866, 877, 888.
    pub fn is_toll_free(&self) -> bool {
        matches!(&self.0[2..5], "800" | "833" | "844" | "855" | "866" | "877" | "888")
    }

    /// Zones its prefix names; empty when it says nothing.
    pub fn zones(&self) -> &'static [zones::Zone] {
        zones::by_phone(&self.0)
    }
}

impl fmt::Display for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<E164> for String {
    fn from(number: E164) -> Self {
        number.0
    }
}

impl TryFrom<String> for E164 {
    type Error = BadPhone;
    fn try_from(text: String) -> Result<Self, BadPhone> {
        Self::from_normalised(&text).ok_or(BadPhone::Malformed)
    }
}

/// An email address with its domain folded, as it is stored, compared and sent to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEmail {
    #[error("an email address is missing")]
    Empty,
    #[error("not an email address")]
    Malformed,
    #[error("longer than an email address can be")]
    TooLong,
}

/// RFC 5321: 64 before the at sign, 254 in all.
const LONGEST_LOCAL: usize = 64;
const LONGEST_EMAIL: usize = 254;

/// An address as typed, in lower case. The part before the at sign is folded too: mail systems that
/// tell `Ana@` from `ana@` are rarer than people who type their own address both ways.
pub fn normalise_email(text: &str) -> Result<Email, BadEmail> {
    let text = text.trim();
    if text.is_empty() {
        return Err(BadEmail::Empty);
    }
    if text.len() > LONGEST_EMAIL {
        return Err(BadEmail::TooLong);
    }
    let (local, domain) = text.rsplit_once('@').ok_or(BadEmail::Malformed)?;
    if local.len() > LONGEST_LOCAL {
        return Err(BadEmail::TooLong);
    }
    let local_fits = !local.is_empty()
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && local.bytes().all(|b| b.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&b));
    let label_fits = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let top = domain.rsplit('.').next().unwrap_or_default();
    let domain_fits = domain.contains('.')
        && domain.split('.').all(label_fits)
        && top.len() >= 2
        && !top.bytes().all(|b| b.is_ascii_digit());
    if !local_fits || !domain_fits {
        return Err(BadEmail::Malformed);
    }
    Ok(Email(text.to_ascii_lowercase()))
}

impl Email {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `a•••@example.org`: the domain helps the owner recognise it, the rest would help a stranger.
    pub fn masked(&self) -> String {
        match self.0.split_once('@') {
            Some((local, domain)) => {
                let first = local.chars().next().unwrap_or('•');
                format!("{first}•••@{domain}")
            }
            None => "•••".to_owned(),
        }
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

impl TryFrom<String> for Email {
    type Error = BadEmail;
    fn try_from(text: String) -> Result<Self, BadEmail> {
        normalise_email(&text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn people_write_one_number_in_many_ways() {
        for typed in [
            "(212) 555-0123",
            "212-555-0123",
            "212.555.0123",
            "2125550123",
            "12125550123",
            "1-212-555-0123",
            "+1 212 555 0123",
            "+1 (212) 555–0123",
            "\u{a0}212\u{a0}555\u{a0}0123 ",
        ] {
            assert_eq!(normalise_us(typed).unwrap().as_str(), "+12125550123", "{typed}");
        }
    }

    #[test]
    fn numbers_reserved_for_tests_are_numbers() {
        for area in ["212", "310", "808", "907", "787", "416"] {
            assert!(normalise_us(&format!("+1{area}5550100")).is_ok(), "{area}");
            assert!(normalise_us(&format!("+1{area}5550199")).is_ok(), "{area}");
        }
    }

    #[test]
    fn what_cannot_be_texted_is_refused_with_its_reason() {
        for (typed, why) in [
            ("", BadPhone::Empty),
            ("   ", BadPhone::Empty),
            ("call me", BadPhone::Malformed),
            ("212-555-012", BadPhone::WrongLength),
            ("22125550123", BadPhone::WrongLength),
            ("+44 20 7946 0958", BadPhone::OutsideUsAndCanada),
            ("876-555-0123", BadPhone::OutsideUsAndCanada),
            ("900-555-0123", BadPhone::OutsideUsAndCanada),
            ("111-555-0123", BadPhone::NoSuchNumber),
            ("212-155-0123", BadPhone::NoSuchNumber),
            ("911-555-0123", BadPhone::NoSuchNumber),
            ("212-911-0123", BadPhone::NoSuchNumber),
            ("555-555-5555", BadPhone::NoSuchNumber),
            ("000-000-0000", BadPhone::NoSuchNumber),
            ("999-999-9999", BadPhone::NoSuchNumber),
            ("212-555-0123 x4", BadPhone::Extension),
            ("２１２５５５０１２３", BadPhone::Malformed),
        ] {
            assert_eq!(normalise_us(typed), Err(why), "{typed}");
        }
    }

    #[test]
    fn a_masked_number_shows_its_last_four_digits() {
        let number = normalise_us("2125550123").unwrap();
        assert_eq!(number.masked(), "(•••) •••-0123");
        assert_eq!(number.display(), "(212) 555-0123");
        assert!(!number.is_toll_free());
        assert!(normalise_us("8885550123").unwrap().is_toll_free());
    }

    #[test]
    fn an_address_is_the_same_however_its_owner_types_it() {
        assert_eq!(
            normalise_email(" Ana.Lopez@Example.ORG ").unwrap().as_str(),
            "ana.lopez@example.org"
        );
        assert_eq!(normalise_email("a@example.org").unwrap().masked(), "a•••@example.org");
        for typed in [
            "",
            "ana",
            "ana@",
            "@example.org",
            "ana@localhost",
            "a b@example.org",
            "a@b@c.org",
            "a..b@example.org",
            ".a@example.org",
            "a@-x.org",
            "a@x-.org",
            "a@10.0.0.1",
            "ana@exa mple.org",
            "a\n@example.org",
            "ana@example.o",
        ] {
            // `a@b@c.org` has an at sign in its local part, which only quotes would allow.
            assert!(normalise_email(typed).is_err(), "{typed:?}");
        }
        assert_eq!(
            normalise_email(&format!("{}@example.org", "a".repeat(65))),
            Err(BadEmail::TooLong)
        );
    }

    proptest! {
        #[test]
        fn what_we_keep_normalises_to_itself(number in "[2-9][0-8][0-9][2-9][0-9]{6}") {
            if let Ok(kept) = normalise_us(&number) {
                prop_assert_eq!(normalise_us(kept.as_str()), Ok(kept.clone()));
                prop_assert_eq!(E164::from_normalised(kept.as_str()), Some(kept));
            }
        }

        #[test]
        fn anything_may_be_typed(text in "\\PC{0,40}") {
            let _ = (normalise_us(&text), normalise_email(&text));
        }
    }
}
