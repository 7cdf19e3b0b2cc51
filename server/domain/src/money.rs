//! Money in integer cents, US dollars (D-18). No floats anywhere.

use std::{
    fmt,
    iter::Sum,
    ops::{Add, AddAssign, Neg, Sub, SubAssign},
};

use serde::{Deserialize, Serialize};

/// An amount in cents. May be negative where the noun allows it (adjustments, ledger postings).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Cents(pub i64);

/// Why a typed or imported amount was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAmount {
    #[error("an amount is missing")]
    Empty,
    #[error("not an amount in dollars and cents")]
    Malformed,
    #[error("more than two digits after the point")]
    TooPrecise,
    #[error("the amount is out of range")]
    OutOfRange,
}

/// No bill of a practice is larger; keeps sums of millions of rows far from overflow.
pub const LARGEST: Cents = Cents(100_000_000_00);

impl Cents {
    pub const ZERO: Self = Self(0);

    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    pub fn at_least_zero(self) -> Self {
        self.max(Self::ZERO)
    }

    /// What a person typed into an amount field: `82`, `82.5`, `$1,082.50`. Plain ASCII digits
    /// only, no sign, no exponent, no thousands separators but well-placed commas (R11).
    pub fn parse_typed(text: &str) -> Result<Self, BadAmount> {
        let text = text.trim();
        let text = text.strip_prefix('$').unwrap_or(text).trim_start();
        if text.is_empty() {
            return Err(BadAmount::Empty);
        }
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let whole = without_commas(whole).ok_or(BadAmount::Malformed)?;
        if whole.is_empty() && fraction.is_empty() {
            return Err(BadAmount::Malformed);
        }
        from_digits(&whole, fraction, false)
    }

    /// Decimal text from a file or a vendor: `-25.15`, `189`, `64.450`. Digits past the cent are
    /// rounded half up once, here (integrations-practice, section 0.3).
    pub fn parse_decimal(text: &str) -> Result<Self, BadAmount> {
        let text = text.trim();
        if text.is_empty() {
            return Err(BadAmount::Empty);
        }
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && fraction.is_empty() {
            return Err(BadAmount::Malformed);
        }
        let amount = from_digits(whole, fraction, true)?;
        Ok(if negative { -amount } else { amount })
    }

    /// `82.00`, without a sign for dollars: the form of CSV files and form fields.
    pub fn plain(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let magnitude = self.0.unsigned_abs();
        format!("{sign}{}.{:02}", magnitude / 100, magnitude % 100)
    }
}

fn without_commas(whole: &str) -> Option<String> {
    if !whole.contains(',') {
        return Some(whole.to_owned());
    }
    let mut groups = whole.split(',');
    let first = groups.next()?;
    if first.is_empty() || first.len() > 3 {
        return None;
    }
    let mut digits = first.to_owned();
    for group in groups {
        if group.len() != 3 {
            return None;
        }
        digits.push_str(group);
    }
    Some(digits)
}

fn from_digits(whole: &str, fraction: &str, round: bool) -> Result<Cents, BadAmount> {
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) {
        return Err(BadAmount::Malformed);
    }
    if fraction.len() > 2 && !round {
        return Err(BadAmount::TooPrecise);
    }
    let dollars: i64 = match whole.trim_start_matches('0') {
        "" => 0,
        digits if digits.len() > 10 => return Err(BadAmount::OutOfRange),
        digits => digits.parse().map_err(|_| BadAmount::OutOfRange)?,
    };
    let digit = |i: usize| fraction.as_bytes().get(i).map_or(0, |b| i64::from(b - b'0'));
    let round_up = i64::from(digit(2) >= 5);
    let cents = dollars * 100 + digit(0) * 10 + digit(1) + round_up;
    if cents > LARGEST.0 { Err(BadAmount::OutOfRange) } else { Ok(Cents(cents)) }
}

impl fmt::Display for Cents {
    /// `$1,082.50`; negative amounts as `-$1,082.50`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.unsigned_abs();
        let dollars = (magnitude / 100).to_string();
        let mut grouped = String::with_capacity(dollars.len() + dollars.len() / 3);
        for (i, digit) in dollars.chars().enumerate() {
            if i > 0 && (dollars.len() - i).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}${grouped}.{:02}", magnitude % 100)
    }
}

impl Add for Cents {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Cents {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Cents {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl AddAssign for Cents {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl SubAssign for Cents {
    fn sub_assign(&mut self, other: Self) {
        self.0 -= other.0;
    }
}

impl Sum for Cents {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patient_types_an_amount_the_way_people_do() {
        for (typed, cents) in
            [("82", 8200), ("82.5", 8250), ("$1,082.50", 108_250), (" 0.50 ", 50), (".75", 75)]
        {
            assert_eq!(Cents::parse_typed(typed), Ok(Cents(cents)), "{typed}");
        }
    }

    #[test]
    fn hostile_amounts_are_refused() {
        for typed in [
            "-1",
            "0.001",
            "1e3",
            "NaN",
            "１００",
            "1.000,00",
            "9223372036854775807",
            "",
            ".",
            "1,00",
            "+5",
            "0x10",
            "1 000",
        ] {
            assert!(Cents::parse_typed(typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn amounts_from_files_are_rounded_once() {
        assert_eq!(Cents::parse_decimal("-25.15"), Ok(Cents(-2515)));
        assert_eq!(Cents::parse_decimal("28.104000000000003"), Ok(Cents(2810)));
        assert_eq!(Cents::parse_decimal("0.005"), Ok(Cents(1)));
    }

    #[test]
    fn dollars_are_grouped_for_reading() {
        assert_eq!(Cents(108_250_050).to_string(), "$1,082,500.50");
        assert_eq!(Cents(-5).to_string(), "-$0.05");
    }
}
