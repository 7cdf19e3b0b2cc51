//! Rows of a CSV file (RFC 4180), one at a time, in fixed buffers.
//!
//! A row that is too long, too wide or too narrow is skipped to its end and reported, however many
//! gigabytes that takes; the buffers never grow. Line numbers are those of an editor. Empty lines,
//! and the rows of bare commas that spreadsheets leave below a table, are no rows.

use std::io::{self, Read};

use csv_core::ReadRecordResult;
use domain::book::RefusalReason;

use super::{ColumnName, SourceError};

/// A row of an export is a few hundred bytes.
pub const LONGEST_ROW: usize = 64 * 1024;
/// The widest export we know has fewer than a hundred.
pub const MOST_COLUMNS: usize = 256;
const BUFFER: usize = 64 * 1024;

pub struct Rows<'a> {
    input: &'a mut dyn Read,
    buffer: Box<[u8]>,
    at: usize,
    filled: usize,
    core: csv_core::Reader,
    text: Box<[u8]>,
    ends: Box<[usize]>,
    line: u64,
    columns: usize,
    consumed: u64,
}

/// One row. `whole` says why none of it can be used.
pub struct Row<'r> {
    pub line: u64,
    pub whole: Option<RefusalReason>,
    text: &'r [u8],
    ends: &'r [usize],
}

impl<'a> Rows<'a> {
    /// Reads the header; `file` is for messages. Names are trimmed and, for comparing, lower case.
    pub fn open(file: &str, input: &'a mut dyn Read) -> Result<(Self, Vec<String>), SourceError> {
        let mut rows = Self {
            input,
            buffer: vec![0; BUFFER].into_boxed_slice(),
            at: 0,
            filled: 0,
            core: csv_core::Reader::new(),
            text: vec![0; LONGEST_ROW].into_boxed_slice(),
            // One more, to see that there are too many.
            ends: vec![0; MOST_COLUMNS + 1].into_boxed_slice(),
            line: 1,
            columns: usize::MAX,
            consumed: 0,
        };
        let named = || file.to_owned();
        let unreadable = |cause| SourceError::Unreadable { file: named(), cause };
        rows.skip_byte_order_mark(file)?;
        let header = rows.next().map_err(unreadable)?;
        let header = header.ok_or_else(|| SourceError::NoHeader { file: named() })?;
        if header.whole.is_some() {
            return Err(SourceError::TooManyColumns { file: named() });
        }
        let mut names = Vec::with_capacity(header.ends.len());
        for i in 0..header.ends.len() {
            let name = std::str::from_utf8(header.raw(i))
                .map_err(|_| SourceError::NotUtf8 { file: named() })?
                .trim()
                .to_ascii_lowercase();
            if !name.is_empty() && names.contains(&name) {
                return Err(SourceError::ColumnTwice {
                    file: named(),
                    column: ColumnName::new(&name),
                });
            }
            names.push(name);
        }
        rows.columns = names.len();
        Ok((rows, names))
    }

    fn skip_byte_order_mark(&mut self, file: &str) -> Result<(), SourceError> {
        let unreadable = |cause| SourceError::Unreadable { file: file.to_owned(), cause };
        // A first read may give a single byte; the mark has three.
        while self.filled < 3 {
            match self.input.read(&mut self.buffer[self.filled..]) {
                Ok(0) => break,
                Ok(n) => self.filled += n,
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => return Err(unreadable(cause)),
            }
        }
        self.consumed = self.filled as u64;
        match &self.buffer[..self.filled] {
            [0xef, 0xbb, 0xbf, ..] => self.at = 3,
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
                return Err(SourceError::NotUtf8 { file: file.to_owned() });
            }
            _ => {}
        }
        Ok(())
    }

    /// Bytes taken from the input since the last call.
    pub fn take_consumed(&mut self) -> u64 {
        std::mem::take(&mut self.consumed)
    }

    /// The next row that is not empty.
    pub fn next(&mut self) -> io::Result<Option<Row<'_>>> {
        loop {
            if !self.skip_line_ends()? {
                return Ok(None);
            }
            let line = self.line;
            let Some((text, ends, whole)) = self.read_record()? else { return Ok(None) };
            if whole.is_none() && self.text[..text].iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let whole = whole.or(match ends {
                _ if self.columns == usize::MAX => None,
                n if n < self.columns => Some(RefusalReason::TooFewColumns),
                n if n > self.columns => Some(RefusalReason::TooManyColumns),
                _ => None,
            });
            return Ok(Some(Row {
                line,
                whole,
                text: &self.text[..text],
                ends: &self.ends[..ends],
            }));
        }
    }

    /// False at the end of the input.
    fn skip_line_ends(&mut self) -> io::Result<bool> {
        loop {
            if self.at == self.filled && !self.fill()? {
                return Ok(false);
            }
            match self.buffer[self.at] {
                b'\n' => self.line += 1,
                b'\r' => {}
                _ => return Ok(true),
            }
            self.at += 1;
        }
    }

    fn fill(&mut self) -> io::Result<bool> {
        self.at = 0;
        self.filled = loop {
            match self.input.read(&mut self.buffer) {
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.consumed += self.filled as u64;
        Ok(self.filled > 0)
    }

    /// Lengths of the text and the ends, and why the row is useless.
    fn read_record(&mut self) -> io::Result<Option<(usize, usize, Option<RefusalReason>)>> {
        let (mut text, mut ends, mut whole) = (0, 0, None);
        loop {
            if self.at == self.filled {
                self.fill()?;
            }
            // Empty at the end of the input, which finishes the last record.
            let input = &self.buffer[self.at..self.filled];
            let (result, read, wrote, ended) =
                self.core.read_record(input, &mut self.text[text..], &mut self.ends[ends..]);
            self.line += input[..read].iter().filter(|b| **b == b'\n').count() as u64;
            self.at += read;
            text += wrote;
            ends += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => {
                    whole = Some(RefusalReason::RowTooLong);
                    text = 0;
                }
                ReadRecordResult::OutputEndsFull => {
                    whole = whole.or(Some(RefusalReason::TooManyColumns));
                    ends = 0;
                }
                ReadRecordResult::Record => break,
                ReadRecordResult::End => return Ok(None),
            }
        }
        // The ends of a row that overflowed count from a start that is gone.
        if whole.is_some() { Ok(Some((0, 0, whole))) } else { Ok(Some((text, ends, None))) }
    }
}

impl Row<'_> {
    /// The cell as it stands between the commas; empty when there is none.
    pub fn raw(&self, column: usize) -> &[u8] {
        let Some(end) = self.ends.get(column).copied() else { return b"" };
        let start = if column == 0 { 0 } else { self.ends[column - 1] };
        self.text.get(start..end).unwrap_or_default()
    }
}

/// The names in a file's first line, in lower case.
pub fn header_names(file: &str, input: &mut dyn Read) -> Result<Vec<String>, SourceError> {
    Rows::open(file, input).map(|(_, names)| names)
}

/// Where the columns we know stand in a file.
pub struct Columns {
    at: Vec<Option<usize>>,
}

impl Columns {
    /// `known` in the reader's own order; the first `required` of them must be there. With
    /// `is_closed`, a column we do not know is an error: a misspelt one would otherwise be read as
    /// "the source does not say".
    pub fn find(
        file: &str,
        names: &[String],
        known: &'static [&'static str],
        required: usize,
        is_closed: bool,
    ) -> Result<Self, SourceError> {
        let at: Vec<Option<usize>> = known
            .iter()
            .map(|column| names.iter().position(|name| name.eq_ignore_ascii_case(column)))
            .collect();
        if is_closed {
            let stranger = names.iter().find(|n| !known.iter().any(|k| n.eq_ignore_ascii_case(k)));
            if let Some(name) = stranger {
                let column = ColumnName::new(name);
                return Err(SourceError::UnknownColumn { file: file.to_owned(), column });
            }
        }
        match at[..required].iter().position(Option::is_none) {
            Some(i) => Err(SourceError::MissingColumn { file: file.to_owned(), column: known[i] }),
            None => Ok(Self { at }),
        }
    }

    pub fn raw<'r>(&self, row: &'r Row<'_>, column: usize) -> &'r [u8] {
        self.at[column].map_or(&b""[..], |at| row.raw(at))
    }
}

/// Names the columns of a file: an enum whose variants index [`Columns`], and the names.
macro_rules! columns {
    ($($(#[$doc:meta])* $column:ident { $($name:ident = $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum $column { $($name,)* }

        impl $column {
            pub(super) const NAMES: &'static [&'static str] = &[$($text,)*];
        }

        impl From<$column> for usize {
            fn from(column: $column) -> usize {
                column as usize
            }
        }
    )*};
}
pub(super) use columns;
