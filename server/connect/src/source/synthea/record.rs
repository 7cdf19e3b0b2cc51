//! The rows as they are sorted: a key, a tag that puts what explains before what is explained, and
//! the few fields that the replay needs.
//!
//! A key is an id, which holds no NUL, and a NUL after it, so that byte order is id order and no id
//! is a prefix of another.

use domain::{
    book::{LONGEST_DESCRIPTION, RefusalReason},
    money::Cents,
};
use jiff::civil::Date;

use super::{
    super::{
        cells::{Cells, Read},
        sort::Sorter,
    },
    SourceError, TransactionColumn as Column, hash,
};

const ENCOUNTER: u8 = 0;
const CLAIM: u8 = 1;
/// In the ledger a claim's rows come in this order.
const HEAD: u8 = 0;
const HOLE: u8 = 1;
const TRANSACTION: u8 = 2;

struct Writer(Vec<u8>);

impl Writer {
    fn keyed(key: &str, tag: u8) -> Self {
        let mut bytes = Vec::with_capacity(160);
        bytes.extend_from_slice(key.as_bytes());
        bytes.extend_from_slice(&[0, tag]);
        Self(bytes)
    }

    fn number(mut self, number: u64) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    fn cents(self, cents: Cents) -> Self {
        self.number(cents.0 as u64)
    }

    fn text(mut self, text: Option<&str>) -> Self {
        let text = text.unwrap_or_default();
        self.0.extend_from_slice(&(text.len() as u16).to_be_bytes());
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    fn day(self, day: Option<Date>) -> Self {
        let number =
            day.map_or(0, |d| (d.year() as u64) << 16 | (d.month() as u64) << 8 | d.day() as u64);
        self.number(number)
    }
}

/// Reads back what [`Writer`] wrote. Records come from our own sealed file or from memory, so a
/// short one reads as zeros rather than as an error of the export.
struct Reader<'r>(&'r [u8]);

impl<'r> Reader<'r> {
    fn take(&mut self, n: usize) -> &'r [u8] {
        let (head, tail) = self.0.split_at(n.min(self.0.len()));
        self.0 = tail;
        head
    }

    fn number(&mut self) -> u64 {
        self.take(8).iter().fold(0, |sum, b| sum << 8 | u64::from(*b))
    }

    fn cents(&mut self) -> Cents {
        Cents(self.number() as i64)
    }

    fn text(&mut self) -> &'r str {
        let length = self.take(2).iter().fold(0, |sum, b| sum << 8 | usize::from(*b));
        std::str::from_utf8(self.take(length)).unwrap_or_default()
    }

    fn day(&mut self) -> Option<Date> {
        let number = self.number();
        Date::new((number >> 16) as i16, (number >> 8) as u8 as i8, number as u8 as i8).ok()
    }
}

/// Key, tag and rest.
fn split(record: &[u8]) -> (&str, u8, Reader<'_>) {
    let nul = record.iter().position(|b| *b == 0).unwrap_or(record.len());
    let key = std::str::from_utf8(&record[..nul]).unwrap_or_default();
    let tag = record.get(nul + 1).copied().unwrap_or_default();
    (key, tag, Reader(record.get(nul + 2..).unwrap_or_default()))
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

pub fn encounter(
    id: &str,
    line: u64,
    stopped_on: Option<Date>,
    class: Option<&str>,
    description: Option<&str>,
) -> Vec<u8> {
    Writer::keyed(id, ENCOUNTER).number(line).day(stopped_on).text(class).text(description).0
}

/// A claim with what its encounter says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRecord {
    pub id: String,
    pub line: u64,
    pub patient: String,
    pub encounter: Option<String>,
    pub service_on: Date,
    pub completed_on: Option<Date>,
    pub place: Option<String>,
    pub description: Option<String>,
}

impl ClaimRecord {
    pub fn of(id: &str, line: u64, patient: &str, encounter: Option<&str>, on: Date) -> Self {
        Self {
            id: id.to_owned(),
            line,
            patient: patient.to_owned(),
            encounter: encounter.map(str::to_owned),
            service_on: on,
            completed_on: None,
            place: None,
            description: None,
        }
    }

    /// Sorted by encounter.
    pub fn encode_for_visits(&self) -> Vec<u8> {
        let encounter = self.encounter.as_deref().unwrap_or_default();
        self.fields(Writer::keyed(encounter, CLAIM).number(self.line).text(Some(&self.id)))
    }

    /// Sorted by claim.
    fn encode_for_ledger(&self) -> Vec<u8> {
        let encounter = self.encounter.as_deref();
        self.fields(Writer::keyed(&self.id, HEAD).number(self.line).text(encounter))
    }

    fn fields(&self, writer: Writer) -> Vec<u8> {
        writer
            .text(Some(&self.patient))
            .day(Some(self.service_on))
            .day(self.completed_on)
            .text(self.place.as_deref())
            .text(self.description.as_deref())
            .0
    }

    /// `key` and the first text are the two ids; which is which depends on the sort.
    fn decode(mut rest: Reader<'_>) -> (Self, String) {
        let line = rest.number();
        let other = rest.text().to_owned();
        let patient = rest.text().to_owned();
        let service_on = rest.day().unwrap_or_default();
        let claim = Self {
            id: String::new(),
            line,
            patient,
            encounter: None,
            service_on,
            completed_on: rest.day(),
            place: some(rest.text()),
            description: some(rest.text()),
        };
        (claim, other)
    }
}

/// Gives each claim its encounter's description, place and end, and moves it into the ledger.
/// `twice` hears the line of an encounter that was there before.
pub fn join_visits(
    visits: Sorter,
    ledger: &mut Sorter,
    mut twice: impl FnMut(u64) -> Result<(), SourceError>,
) -> Result<(), SourceError> {
    let mut visits = visits.finish().map_err(SourceError::Scratch)?;
    let mut id = String::new();
    let (mut completed_on, mut place, mut description) = (None, None, None);
    while let Some(record) = visits.next().map_err(SourceError::Scratch)? {
        let (key, tag, mut rest) = split(record);
        if tag == ENCOUNTER {
            let line = rest.number();
            if key == id {
                twice(line)?;
                continue;
            }
            key.clone_into(&mut id);
            completed_on = rest.day();
            place = some(&sentence_case(rest.text()));
            description = some(rest.text());
            continue;
        }
        let encounter = some(key);
        let (mut claim, claim_id) = ClaimRecord::decode(rest);
        claim.id = claim_id;
        if encounter.as_deref() == Some(id.as_str()) {
            claim.completed_on = completed_on;
            claim.place = place.clone();
            claim.description = description.clone();
        }
        claim.encounter = encounter;
        ledger.push(&claim.encode_for_ledger()).map_err(SourceError::Scratch)?;
    }
    Ok(())
}

/// Classes are single lower-case words.
fn sentence_case(word: &str) -> String {
    let mut chars = word.chars();
    match (word, chars.next()) {
        ("urgentcare", _) => "Urgent care".to_owned(),
        (_, Some(first)) => first.to_uppercase().chain(chars).collect(),
        (_, None) => String::new(),
    }
}

/// What a ledger row does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    ChargeToInsurer,
    ChargeToPatient,
    /// Paid at the visit.
    Copay,
    InsurerPaid,
    /// Paid after the visit.
    PatientPaid,
    Adjusted,
    TransferredOut,
    TransferredToInsurer,
    TransferredToPatient,
}

impl Kind {
    const ALL: [Self; 9] = [
        Self::ChargeToInsurer,
        Self::ChargeToPatient,
        Self::Copay,
        Self::InsurerPaid,
        Self::PatientPaid,
        Self::Adjusted,
        Self::TransferredOut,
        Self::TransferredToInsurer,
        Self::TransferredToPatient,
    ];

    fn read(cells: &Cells<'_>) -> Read<Self> {
        let unknown = |column: Column| cells.bad(column, RefusalReason::UnknownTransaction);
        let party = |column| match cells.text(column)? {
            Some("1" | "2") => Ok(false),
            Some("p" | "P") => Ok(true),
            _ => Err(unknown(column)),
        };
        match cells.need(Column::Type, cells.text(Column::Type))? {
            "CHARGE" if party(Column::TransferType)? => Ok(Self::ChargeToPatient),
            "CHARGE" => Ok(Self::ChargeToInsurer),
            "TRANSFERIN" if party(Column::TransferType)? => Ok(Self::TransferredToPatient),
            "TRANSFERIN" => Ok(Self::TransferredToInsurer),
            "TRANSFEROUT" => Ok(Self::TransferredOut),
            "ADJUSTMENT" => Ok(Self::Adjusted),
            "PAYMENT" => match cells.need(Column::Method, cells.text(Column::Method))? {
                "COPAY" => Ok(Self::Copay),
                "ECHECK" => Ok(Self::InsurerPaid),
                "CASH" | "CHECK" | "CC" => Ok(Self::PatientPaid),
                _ => Err(unknown(Column::Method)),
            },
            _ => Err(unknown(Column::Type)),
        }
    }

    /// The column that newer exports fill for this kind; older ones, and blanks, use AMOUNT.
    fn amount_column(self) -> Column {
        match self {
            Self::ChargeToInsurer | Self::ChargeToPatient => Column::Amount,
            Self::Copay | Self::InsurerPaid | Self::PatientPaid => Column::Payments,
            Self::Adjusted => Column::Adjustments,
            _ => Column::Transfers,
        }
    }
}

/// One row of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionRecord {
    pub charge: u64,
    pub line: u64,
    pub kind: Kind,
    pub patient: u64,
    pub amount: Cents,
    pub on: Date,
    /// Of charges only.
    pub id: String,
    pub description: Option<String>,
}

impl TransactionRecord {
    pub fn read(cells: &Cells<'_>) -> Read<Self> {
        let kind = Kind::read(cells)?;
        let is_charge = matches!(kind, Kind::ChargeToInsurer | Kind::ChargeToPatient);
        let own = cells.cents(kind.amount_column())?;
        let amount = match own.filter(|own| *own != Cents::ZERO) {
            Some(own) => own,
            None => cells.cents(Column::Amount)?.or(own).unwrap_or_default(),
        };
        let id = cells.need(Column::Id, cells.id(Column::Id))?;
        Ok(Self {
            charge: cells.need(Column::Charge, cells.count(Column::Charge))?,
            line: cells.row.line,
            kind,
            patient: hash(cells.need(Column::Patient, cells.id(Column::Patient))?),
            amount,
            on: cells.need(Column::From, cells.day(Column::From))?,
            id: if is_charge { id.to_owned() } else { String::new() },
            description: if is_charge {
                cells.cut(Column::Notes, LONGEST_DESCRIPTION)?
            } else {
                None
            },
        })
    }

    pub fn encode(&self, claim: &str) -> Vec<u8> {
        let kind = Kind::ALL.iter().position(|kind| *kind == self.kind).unwrap_or_default();
        Writer::keyed(claim, TRANSACTION)
            .number(self.charge)
            .number(self.line)
            .number(kind as u64)
            .number(self.patient)
            .cents(self.amount)
            .day(Some(self.on))
            .text(Some(&self.id))
            .text(self.description.as_deref())
            .0
    }

    fn decode(mut rest: Reader<'_>) -> Self {
        Self {
            charge: rest.number(),
            line: rest.number(),
            kind: Kind::ALL.get(rest.number() as usize).copied().unwrap_or(Kind::TransferredOut),
            patient: rest.number(),
            amount: rest.cents(),
            on: rest.day().unwrap_or_default(),
            id: rest.text().to_owned(),
            description: some(rest.text()),
        }
    }
}

/// Marks a claim of which a row was refused.
pub fn hole(claim: &str, line: u64) -> Vec<u8> {
    Writer::keyed(claim, HOLE).number(line).0
}

/// One record of the sorted ledger.
pub enum Entry {
    Head(ClaimRecord),
    Hole,
    Transaction(TransactionRecord),
}

/// The claim an entry belongs to, and the entry.
pub fn entry(record: &[u8]) -> (&str, Entry) {
    let (key, tag, rest) = split(record);
    let entry = match tag {
        HEAD => {
            let (mut claim, encounter) = ClaimRecord::decode(rest);
            claim.encounter = some(&encounter);
            key.clone_into(&mut claim.id);
            Entry::Head(claim)
        }
        HOLE => Entry::Hole,
        _ => Entry::Transaction(TransactionRecord::decode(rest)),
    };
    (key, entry)
}
