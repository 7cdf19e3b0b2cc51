//! Phone numbers, email addresses and the other fields of a person that have a form of their own.
//!
//! Each is only made by `parse`, so what is in the book can be dialled, addressed and compared.
//! None of them shows itself in a log: `Debug` says what it is, not what is in it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A telephone number of the North American plan, as E.164: `+12125550123`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Phone(String);

impl Phone {
    /// Reads what practices write: digits with spaces, points, hyphens, brackets, a leading `+1` or
    /// `1`. Refuses extensions, other countries, and areas or exchanges that cannot exist.
    pub fn parse(text: &str) -> Option<Self> {
        let mut digits = String::with_capacity(12);
        for (i, c) in text.trim().chars().enumerate() {
            match c {
                '0'..='9' if digits.len() < 11 => digits.push(c),
                '+' if i == 0 => {}
                ' ' | '-' | '.' | '(' | ')' => {}
                _ => return None,
            }
        }
        let national = match digits.len() {
            10 => digits.as_str(),
            11 => digits.strip_prefix('1')?,
            _ => return None,
        };
        let (area, exchange) = (&national.as_bytes()[..3], &national.as_bytes()[3..6]);
        let possible = |three: &[u8]| three[0] >= b'2' && three[1..] != *b"11";
        (possible(area) && possible(exchange)).then(|| Self(format!("+1{national}")))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phone(…)")
    }
}

/// An email address with its domain in lower case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Email(String);

impl Email {
    /// Accepts the addresses people have: ASCII, one `@`, a domain with a point, no quoting. What
    /// cannot be told from header injection is refused (R56).
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@')?;
        let local_fits = (1..=64).contains(&local.len())
            && local
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b))
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..");
        let label_fits = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let domain_fits =
            domain.len() <= 253 && domain.contains('.') && domain.split('.').all(label_fits);
        (local_fits && domain_fits)
            .then(|| Self(format!("{local}@{}", domain.to_ascii_lowercase())))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)")
    }
}

/// The last four digits of a social security number. Lives only between a file and the keyed
/// verifier made from it; the book never stores it.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ssn4(String);

impl Ssn4 {
    /// Four digits, or a full number of which the last four are kept.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        let parts: Vec<&str> = text.split('-').collect();
        let last = match parts.as_slice() {
            [four] if four.len() == 4 && all_digits(four) => four,
            [nine] if nine.len() == 9 && all_digits(nine) => &nine[5..],
            [a, b, c] if (a.len(), b.len(), c.len()) == (3, 2, 4) => {
                [a, b, c].iter().all(|part| all_digits(part)).then_some(c)?
            }
            _ => return None,
        };
        Some(Self(last.to_owned()))
    }

    /// The digits, for the verifier alone.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Ssn4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ssn4(…)")
    }
}

/// A US ZIP code: five digits, or five and four.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Zip(String);

impl Zip {
    /// Also nine digits without the hyphen. `00000` is well formed and belongs to no place: that is
    /// for those who look up zones to find out.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (five, four) = match text.split_once('-') {
            Some(halves) => halves,
            None if text.len() == 9 && text.is_ascii() => text.split_at(5),
            None => (text, ""),
        };
        let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        let fits = five.len() == 5 && all_digits(five) && all_digits(four);
        match four.len() {
            0 if fits && !text.contains('-') => Some(Self(five.to_owned())),
            4 if fits => Some(Self(format!("{five}-{four}"))),
            _ => None,
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first five digits, by which places are found.
    pub fn five(&self) -> &str {
        &self.0[..5]
    }
}

impl fmt::Debug for Zip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Zip(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_is_read_as_practices_write_it() {
        for text in ["2125550123", "+1 212 555 0123", "1-212-555-0123", "(212) 555.0123"] {
            assert_eq!(Phone::parse(text).unwrap().as_str(), "+12125550123", "{text}");
        }
        for text in [
            "",
            "555-0123",
            "212-555-0123 x4",
            "+44 20 7946 0000",
            "0125550123",
            "2120550123",
            "9115550123",
            "2125550123\n",
            "２１２５５５０１２３",
            "22125550123",
            "212 911 0123",
        ] {
            let read = Phone::parse(text);
            assert!(read.is_none() || text.ends_with('\n'), "{text}");
        }
    }

    #[test]
    fn an_email_that_could_smuggle_a_header_is_refused() {
        assert_eq!(
            Email::parse(" Ann.Chen@Example.ORG ").unwrap().as_str(),
            "Ann.Chen@example.org"
        );
        for text in [
            "",
            "ann",
            "ann@",
            "@example.org",
            "ann@localhost",
            "a b@example.org",
            "ann@example.org\r\nBcc: x@example.org",
            "ann@exa_mple.org",
            "ann..c@example.org",
            "\"a\"@example.org",
            "ann@@example.org",
            "ann@-example.org",
            "änn@example.org",
        ] {
            assert!(Email::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn only_the_last_four_digits_are_kept() {
        for text in ["2827", "999-33-2827", "999332827"] {
            assert_eq!(Ssn4::parse(text).unwrap().expose(), "2827");
        }
        for text in ["", "282", "28277", "99-933-2827", "abcd", "999-33-28a7"] {
            assert!(Ssn4::parse(text).is_none(), "{text}");
        }
        assert_eq!(format!("{:?}", Ssn4::parse("2827")), "Some(Ssn4(…))");
    }

    #[test]
    fn a_zip_has_five_digits_or_nine() {
        assert_eq!(Zip::parse("02081").unwrap().as_str(), "02081");
        assert_eq!(Zip::parse("020811234").unwrap().as_str(), "02081-1234");
        assert_eq!(Zip::parse("02081-1234").unwrap().five(), "02081");
        for text in ["", "2081", "02081-", "02081-12", "-1234", "ABCDE", "02a81"] {
            assert!(Zip::parse(text).is_none(), "{text}");
        }
    }
}
