//! A cell's text as the type it should have, or the reason why it is not.
//!
//! Blank is `None`; who needs a value says so with [`Cells::need`]. An apostrophe before `=`, `+`,
//! `-` or `@` is the mark our own exports put against spreadsheet formulas (R55) and is taken off.

use std::borrow::Cow;

use domain::{
    book::{RefusalReason, Ssn4, Zip},
    money::{BadAmount, Cents},
    phone::{E164, Email, normalise_email, normalise_us},
};
use jiff::civil::{Date, date};

use super::rows::{Columns, Row};

/// Which column, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bad {
    pub column: &'static str,
    pub reason: RefusalReason,
}

pub type Read<T> = Result<T, Bad>;

/// Nobody alive, and no bill still open, is older.
const EARLIEST: Date = date(1900, 1, 1);

/// One row, read by column.
#[derive(Clone, Copy)]
pub struct Cells<'r> {
    pub row: &'r Row<'r>,
    pub columns: &'r Columns,
    pub names: &'static [&'static str],
}

impl<'r> Cells<'r> {
    pub fn bad(&self, column: impl Into<usize>, reason: RefusalReason) -> Bad {
        Bad { column: self.names[column.into()], reason }
    }

    /// The bytes, trimmed: for telling whether two cells are the same.
    pub fn raw(&self, column: impl Into<usize>) -> &'r [u8] {
        self.columns.raw(self.row, column.into()).trim_ascii()
    }

    pub fn is_blank(&self, column: impl Into<usize>) -> bool {
        self.raw(column).is_empty()
    }

    /// The text of a cell: UTF-8, visible, not blank.
    pub fn text(&self, column: impl Into<usize>) -> Read<Option<&'r str>> {
        let column = column.into();
        let bytes = self.raw(column);
        if bytes.is_empty() {
            return Ok(None);
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|_| self.bad(column, RefusalReason::NotText))?
            .trim();
        let text = match text.strip_prefix('\'') {
            Some(rest) if rest.starts_with(['=', '+', '-', '@']) => rest,
            _ => text,
        };
        // Nearly every cell is plain ASCII.
        let is_plain = bytes.iter().all(|b| (b' '..=b'~').contains(b));
        if !is_plain && text.chars().any(is_hidden) {
            return Err(self.bad(column, RefusalReason::HiddenCharacter));
        }
        Ok((!text.is_empty()).then_some(text))
    }

    pub fn need<T>(&self, column: impl Into<usize>, value: Read<Option<T>>) -> Read<T> {
        value?.ok_or_else(|| self.bad(column, RefusalReason::Missing))
    }

    /// Free text, with line breaks and runs of spaces as one space.
    pub fn words(&self, column: impl Into<usize>, longest: usize) -> Read<Option<String>> {
        let column = column.into();
        let Some(text) = self.text(column)? else { return Ok(None) };
        let is_plain = !text.bytes().any(|b| b.is_ascii_control()) && !text.contains("  ");
        let words = if is_plain {
            Cow::Borrowed(text)
        } else {
            Cow::Owned(text.split_whitespace().collect::<Vec<_>>().join(" "))
        };
        if words.len() > longest {
            return Err(self.bad(column, RefusalReason::TooLong));
        }
        if domain::card_number::is_in(&words) {
            return Err(self.bad(column, RefusalReason::CardNumber));
        }
        Ok(Some(words.into_owned()))
    }

    /// Like [`Self::words`], cut where a source is known to be wordy.
    pub fn cut(&self, column: impl Into<usize>, longest: usize) -> Read<Option<String>> {
        let column = column.into();
        let Some(mut words) = self.words(column, usize::MAX)? else { return Ok(None) };
        if words.len() > longest {
            let end = (0..=longest).rev().find(|i| words.is_char_boundary(*i)).unwrap_or(0);
            words.truncate(end);
        }
        Ok(Some(words))
    }

    /// An external id: as it stands, on one line.
    pub fn id(&self, column: impl Into<usize>) -> Read<Option<&'r str>> {
        let column = column.into();
        let Some(text) = self.text(column)? else { return Ok(None) };
        if text.len() > domain::book::LONGEST_ID {
            return Err(self.bad(column, RefusalReason::TooLong));
        }
        if text.bytes().any(|b| b.is_ascii_control()) {
            return Err(self.bad(column, RefusalReason::HiddenCharacter));
        }
        Ok(Some(text))
    }

    /// Decimal dollars; digits past the cent are rounded once, here.
    pub fn cents(&self, column: impl Into<usize>) -> Read<Option<Cents>> {
        let column = column.into();
        let Some(text) = self.text(column)? else { return Ok(None) };
        Cents::parse_decimal(text).map(Some).map_err(|bad| {
            let reason = match bad {
                BadAmount::OutOfRange => RefusalReason::AmountTooLarge,
                _ => RefusalReason::NotAnAmount,
            };
            self.bad(column, reason)
        })
    }

    /// `2026-03-04`; a time of day after it is left out.
    pub fn day(&self, column: impl Into<usize>) -> Read<Option<Date>> {
        let column = column.into();
        let Some(text) = self.text(column)? else { return Ok(None) };
        let day = match (text.get(..10), text.get(10..)) {
            (Some(day), Some(rest)) if rest.is_empty() || rest.starts_with(['T', ' ']) => day,
            _ => return Err(self.bad(column, RefusalReason::NotADate)),
        };
        let day = plain_day(day).ok_or_else(|| self.bad(column, RefusalReason::NotADate))?;
        if day < EARLIEST {
            return Err(self.bad(column, RefusalReason::DateTooEarly));
        }
        Ok(Some(day))
    }

    /// A day that has come by `latest`.
    pub fn past_day(&self, column: impl Into<usize>, latest: Date) -> Read<Option<Date>> {
        let column = column.into();
        match self.day(column)? {
            Some(day) if day > latest => Err(self.bad(column, RefusalReason::DateInFuture)),
            day => Ok(day),
        }
    }

    pub fn yes(&self, column: impl Into<usize>) -> Read<Option<bool>> {
        let column = column.into();
        let Some(text) = self.text(column)? else { return Ok(None) };
        match text.to_ascii_lowercase().as_str() {
            "yes" | "y" | "true" | "1" => Ok(Some(true)),
            "no" | "n" | "false" | "0" => Ok(Some(false)),
            _ => Err(self.bad(column, RefusalReason::NotYesOrNo)),
        }
    }

    /// One of a few words, however capitalised; spaces and hyphens read as underscores.
    pub fn choice<T>(
        &self,
        column: impl Into<usize>,
        find: impl FnOnce(&str) -> Option<T>,
    ) -> Read<Option<T>> {
        let column = column.into();
        let Some(text) = self.text(column)? else { return Ok(None) };
        let word = text.to_ascii_lowercase().replace([' ', '-'], "_");
        find(&word).map(Some).ok_or_else(|| self.bad(column, RefusalReason::NotAChoice))
    }

    pub fn phone(&self, column: impl Into<usize>) -> Read<Option<E164>> {
        self.parsed(column, RefusalReason::NotAPhone, |text| normalise_us(text).ok())
    }

    pub fn email(&self, column: impl Into<usize>) -> Read<Option<Email>> {
        self.parsed(column, RefusalReason::NotAnEmail, |text| normalise_email(text).ok())
    }

    pub fn ssn4(&self, column: impl Into<usize>) -> Read<Option<Ssn4>> {
        self.parsed(column, RefusalReason::NotSsn4, Ssn4::parse)
    }

    pub fn zip(&self, column: impl Into<usize>) -> Read<Option<Zip>> {
        self.parsed(column, RefusalReason::NotAZip, Zip::parse)
    }

    /// Two letters.
    pub fn state(&self, column: impl Into<usize>) -> Read<Option<String>> {
        self.parsed(column, RefusalReason::NotAState, |text| state_code(text).map(str::to_owned))
    }

    pub fn count(&self, column: impl Into<usize>) -> Read<Option<u64>> {
        self.parsed(column, RefusalReason::NotACount, |text| {
            text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
        })
    }

    fn parsed<T>(
        &self,
        column: impl Into<usize>,
        reason: RefusalReason,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Read<Option<T>> {
        let column = column.into();
        let Some(text) = self.text(column)? else { return Ok(None) };
        parse(text).map(Some).ok_or_else(|| self.bad(column, reason))
    }
}

/// `yyyy-mm-dd`, quickly: a million-row file has several million dates.
fn plain_day(text: &str) -> Option<Date> {
    let bytes = text.as_bytes();
    let number = |range: std::ops::Range<usize>| {
        bytes
            .get(range)?
            .iter()
            .try_fold(0i16, |sum, b| b.is_ascii_digit().then(|| sum * 10 + i16::from(*b - b'0')))
    };
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let small = |n: Option<i16>| n.and_then(|n| i8::try_from(n).ok());
    Date::new(number(0..4)?, small(number(5..7))?, small(number(8..10))?).ok()
}

/// Control characters other than tab and line breaks, and marks that change how text reads without
/// being seen: zero width, direction overrides (R56).
fn is_hidden(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' => false,
        '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2060}' | '\u{feff}' => true,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        c => c.is_control(),
    }
}

/// The code of a state or territory, from the code or the name in any capitals.
pub fn state_code(text: &str) -> Option<&'static str> {
    STATES
        .iter()
        .find(|(code, name)| code.eq_ignore_ascii_case(text) || name.eq_ignore_ascii_case(text))
        .map(|(code, _)| *code)
}

const STATES: [(&str, &str); 56] = [
    ("AL", "Alabama"),
    ("AK", "Alaska"),
    ("AZ", "Arizona"),
    ("AR", "Arkansas"),
    ("CA", "California"),
    ("CO", "Colorado"),
    ("CT", "Connecticut"),
    ("DE", "Delaware"),
    ("DC", "District of Columbia"),
    ("FL", "Florida"),
    ("GA", "Georgia"),
    ("HI", "Hawaii"),
    ("ID", "Idaho"),
    ("IL", "Illinois"),
    ("IN", "Indiana"),
    ("IA", "Iowa"),
    ("KS", "Kansas"),
    ("KY", "Kentucky"),
    ("LA", "Louisiana"),
    ("ME", "Maine"),
    ("MD", "Maryland"),
    ("MA", "Massachusetts"),
    ("MI", "Michigan"),
    ("MN", "Minnesota"),
    ("MS", "Mississippi"),
    ("MO", "Missouri"),
    ("MT", "Montana"),
    ("NE", "Nebraska"),
    ("NV", "Nevada"),
    ("NH", "New Hampshire"),
    ("NJ", "New Jersey"),
    ("NM", "New Mexico"),
    ("NY", "New York"),
    ("NC", "North Carolina"),
    ("ND", "North Dakota"),
    ("OH", "Ohio"),
    ("OK", "Oklahoma"),
    ("OR", "Oregon"),
    ("PA", "Pennsylvania"),
    ("RI", "Rhode Island"),
    ("SC", "South Carolina"),
    ("SD", "South Dakota"),
    ("TN", "Tennessee"),
    ("TX", "Texas"),
    ("UT", "Utah"),
    ("VT", "Vermont"),
    ("VA", "Virginia"),
    ("WA", "Washington"),
    ("WV", "West Virginia"),
    ("WI", "Wisconsin"),
    ("WY", "Wyoming"),
    ("PR", "Puerto Rico"),
    ("GU", "Guam"),
    ("VI", "U.S. Virgin Islands"),
    ("AS", "American Samoa"),
    ("MP", "Northern Mariana Islands"),
];
