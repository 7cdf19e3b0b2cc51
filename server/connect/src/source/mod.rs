//! Where balances come from: exports of practice systems, read as a stream.
//!
//! A reader turns a folder, a zip or a file into [`BookRow`]s and [`RowRefusal`]s, in the same order
//! every time, with a memory that does not grow with the file. It checks every row on its own and
//! refuses rows, not files; only a file that cannot be what it claims to be is refused whole, and
//! then before the first row is said. It knows no database: whether a patient, a guarantor or a
//! claim of an earlier import exists is for the one who stages the rows to find out, and so are ids
//! said twice far apart in one file.
//!
//! Readers block on the disk. Call them from a blocking thread and let the sink hand chunks over a
//! bounded channel; a reader that is started again says the same rows again, so a stage that was
//! interrupted goes on after the last one it kept.

use std::{fmt, io, path::PathBuf};

use domain::book::{BookRow, RefusalReason, RowRefusal, Said};
use jiff::civil::Date;

mod cells;
pub mod clearbill_csv;
pub mod contacts;
mod input;
mod rows;
mod sort;
pub mod synthea;

pub use input::Input;

/// More refusals than this are no report anybody reads: the file is of another kind.
pub const MOST_REFUSALS: u64 = 250_000;
/// No practice's export has more ledger rows; a stream without an end stops here.
pub const MOST_ROWS: u64 = 50_000_000;

/// What kind of export an input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Clearbill's own CSV, one charge line a row.
    Clearbill,
    /// Synthea's CSV export.
    Synthea,
    /// Contacts, consent and guarantors by patient.
    Contacts,
}

impl Format {
    pub const ALL: [Self; 3] = [Self::Clearbill, Self::Synthea, Self::Contacts];

    /// As on the command line and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clearbill => "clearbill",
            Self::Synthea => "synthea",
            Self::Contacts => "contacts",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == text)
    }
}

/// What the person who imports decides.
#[derive(Clone, Debug)]
pub struct Options {
    /// The day the export speaks of. Later visits are refused.
    pub as_of: Date,
    /// The latest day a recorded consent may carry. An old export may come with contacts gathered
    /// since, so this is today even when `as_of` is not.
    pub today: Date,
    /// Synthea's patients always pay at once; payments on claims younger than this are left out.
    pub open_days: u32,
    /// Where sorted runs of a large export go. They are encrypted under a key that is never
    /// written, and have no name.
    pub scratch: PathBuf,
}

/// How far a reader is, in bytes of uncompressed input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub done: u64,
    pub total: u64,
}

/// What a reader counted. The stage adds what it refuses and finds unchanged itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Ledger or charge rows, refused ones included (decision 22).
    pub rows: u64,
    /// Of those, refused here.
    pub refused: u64,
    /// Rows of any kind refused here.
    pub refusals: u64,
    /// Things said.
    pub said: u64,
}

/// The one who listens has had enough; why is theirs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop;

/// Receives what a reader finds, and counts it.
pub struct Sink<'a> {
    say: &'a mut dyn FnMut(Result<Said, RowRefusal>) -> Result<(), Stop>,
    progress: &'a mut dyn FnMut(Progress),
    tally: Tally,
    at: Progress,
    told: u64,
}

/// Progress is told about every so many bytes.
const PROGRESS_STEP: u64 = 256 * 1024;

impl<'a> Sink<'a> {
    pub fn new(
        say: &'a mut dyn FnMut(Result<Said, RowRefusal>) -> Result<(), Stop>,
        progress: &'a mut dyn FnMut(Progress),
    ) -> Self {
        Self { say, progress, tally: Tally::default(), at: Progress::default(), told: 0 }
    }

    pub fn tally(&self) -> Tally {
        self.tally
    }

    fn say(&mut self, line: u64, row: BookRow) -> Result<(), SourceError> {
        self.tally.said += 1;
        (self.say)(Ok(Said { line, row })).map_err(|Stop| SourceError::Stopped)
    }

    /// Counts a ledger row as read.
    fn count_row(&mut self) -> Result<(), SourceError> {
        self.tally.rows += 1;
        if self.tally.rows > MOST_ROWS { Err(SourceError::TooManyRows) } else { Ok(()) }
    }

    fn refuse(&mut self, refusal: RowRefusal) -> Result<(), SourceError> {
        self.tally.refusals += 1;
        self.tally.refused += u64::from(refusal.ledger_rows);
        if self.tally.refusals > MOST_REFUSALS {
            return Err(SourceError::TooManyRefusals { last: refusal.reason });
        }
        (self.say)(Err(refusal)).map_err(|Stop| SourceError::Stopped)
    }

    fn expect(&mut self, bytes: u64) {
        self.at.total += bytes;
    }

    fn advance(&mut self, bytes: u64) {
        self.at.done = (self.at.done + bytes).min(self.at.total);
        if self.at.done - self.told >= PROGRESS_STEP {
            self.told = self.at.done;
            (self.progress)(self.at);
        }
    }

    fn finish(&mut self) {
        self.at.done = self.at.total;
        (self.progress)(self.at);
    }
}

/// Which of the formats an input is, from the names of its files and columns.
pub fn detect(input: &Input) -> Result<Format, SourceError> {
    if input.has(synthea::TRANSACTIONS)? {
        return Ok(Format::Synthea);
    }
    let names = input.with_only(|file, stream, _| rows::header_names(file, stream))?;
    let has = |name: &str| names.iter().any(|n| n == name);
    match (has("patient_id"), has("claim_id") || has("line_id")) {
        (true, true) => Ok(Format::Clearbill),
        (true, false) => Ok(Format::Contacts),
        (false, _) => Err(SourceError::UnknownFormat),
    }
}

/// Reads the whole input into the sink.
pub fn read(
    input: &Input,
    format: Format,
    options: &Options,
    sink: &mut Sink<'_>,
) -> Result<Tally, SourceError> {
    match format {
        Format::Clearbill => clearbill_csv::read(input, options, sink)?,
        Format::Synthea => synthea::read(input, options, sink)?,
        Format::Contacts => contacts::read(input, options, sink)?,
    }
    sink.finish();
    Ok(sink.tally())
}

/// Why an input was refused whole. Each sentence says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("{file} cannot be read: {cause}")]
    Unreadable { file: String, cause: io::Error },
    #[error("This is neither a folder, a zip nor a file. Check the path.")]
    NotFound,
    #[error("The columns are of no format we know. Compare the first line with the format page.")]
    UnknownFormat,
    #[error("The export has no {file}. Export it too, with its usual name.")]
    MissingFile { file: &'static str },
    #[error("The export has {file} more than once. Keep one.")]
    FileTwice { file: String },
    #[error("There is no CSV file in it, or more than one. Import one file at a time.")]
    NotOneFile,
    #[error("{file} is empty. Export it with its first line of column names.")]
    NoHeader { file: String },
    #[error("{file} is not UTF-8. Save it as CSV UTF-8.")]
    NotUtf8 { file: String },
    #[error("{file} has more than {} columns. Export only the columns needed.", rows::MOST_COLUMNS)]
    TooManyColumns { file: String },
    #[error("{file} has no column {column}. Add it; the format page lists what is needed.")]
    MissingColumn { file: String, column: &'static str },
    #[error("{file} has a column that is not part of the format: {column}. Remove or rename it.")]
    UnknownColumn { file: String, column: ColumnName },
    #[error("{file} has the column {column} twice. Keep one.")]
    ColumnTwice { file: String, column: ColumnName },
    #[error("The zip is damaged or of an unusual kind. Zip the files again, without a password.")]
    ZipUnreadable,
    #[error("The zip needs a password. Zip the files without one.")]
    ZipEncrypted,
    #[error("The zip holds more than {} files. Zip only the export.", input::MOST_ZIP_ENTRIES)]
    ZipTooManyFiles,
    #[error("{file} unpacks to far more than an export would. It was not read.")]
    ZipBomb { file: String },
    #[error("{file} is larger than {} GB. Split the export.", input::LARGEST_FILE >> 30)]
    FileTooLarge { file: String },
    #[error("More than {MOST_ROWS} rows. Split the export.")]
    TooManyRows,
    #[error(
        "More than {MOST_REFUSALS} rows were refused, the last because: {last} \
         The file is probably of another kind."
    )]
    TooManyRefusals { last: RefusalReason },
    #[error("The sorted rows cannot be kept: {0} Free some disk space.")]
    Scratch(io::Error),
    #[error("The import was stopped.")]
    Stopped,
}

/// A column's name as the file has it, fit for a message: short, printable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnName(String);

impl ColumnName {
    fn new(text: &str) -> Self {
        let printable = |c: char| if c.is_control() { '?' } else { c };
        Self(text.chars().take(60).map(printable).collect())
    }
}

impl fmt::Display for ColumnName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "“{}”", self.0)
    }
}

#[cfg(test)]
mod tests;
