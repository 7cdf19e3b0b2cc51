//! The fields that say who somebody is and where they live, in the one form we compare.
//!
//! Each is only made by `parse`. None shows itself in a log: `Debug` says what it is, not what is in
//! it. Phone numbers and email addresses are in [`crate::phone`].

use std::fmt;

use serde::{Deserialize, Serialize};

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
