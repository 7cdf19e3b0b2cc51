//! Replays a claim's ledger and says what the patient owes.
//!
//! A charge and the rows after it, up to the next charge, are one line. The money of a line is with
//! an insurer or with the patient, and transfers move what is left; what was moved to the patient,
//! less what the patient paid, is due.

use std::mem;

use domain::{
    book::{Amounts, BookRow, ChargeLine, Claim, ClaimStatus, InsuranceState, RefusalReason},
    money::Cents,
};
use jiff::civil::Date;

use super::{
    super::{Options, Sink, SourceError, sort::Sorter},
    CLAIMS, TRANSACTIONS, hash,
    record::{self, ClaimRecord, Entry, Kind, TransactionRecord},
    refusal_at,
};

/// A year in intensive care has fewer. More is no claim, and would have to fit in memory.
const MOST_ROWS_OF_A_CLAIM: usize = 20_000;

/// Says every claim of the sorted ledger. `bytes_per_row` is for progress.
pub fn replay(
    ledger: Sorter,
    options: &Options,
    sink: &mut Sink<'_>,
    bytes_per_row: u64,
) -> Result<(), SourceError> {
    let mut ledger = ledger.finish().map_err(SourceError::Scratch)?;
    let mut current = Rows::default();
    while let Some(record) = ledger.next().map_err(SourceError::Scratch)? {
        let (id, entry) = record::entry(record);
        if id != current.id {
            mem::take(&mut current).close(options, sink)?;
            id.clone_into(&mut current.id);
        }
        match entry {
            Entry::Head(claim) if current.head.is_some() => {
                let twice = RefusalReason::SaidTwice;
                sink.refuse(refusal_at(CLAIMS, claim.line, Some("Id"), twice))?;
            }
            Entry::Head(claim) => current.head = Some(claim),
            Entry::Hole => current.has_hole = true,
            Entry::Transaction(row) => {
                sink.advance(bytes_per_row);
                current.add(row, sink)?;
            }
        }
    }
    current.close(options, sink)
}

/// The rows of one claim.
#[derive(Default)]
struct Rows {
    id: String,
    head: Option<ClaimRecord>,
    has_hole: bool,
    is_too_long: bool,
    rows: Vec<TransactionRecord>,
}

impl Rows {
    fn add(&mut self, row: TransactionRecord, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        if self.rows.len() == MOST_ROWS_OF_A_CLAIM {
            self.is_too_long = true;
            for row in mem::take(&mut self.rows) {
                refuse(&row, None, RefusalReason::TooManyLines, sink)?;
            }
        }
        if self.is_too_long {
            return refuse(&row, None, RefusalReason::TooManyLines, sink);
        }
        self.rows.push(row);
        Ok(())
    }

    fn close(self, options: &Options, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let whole = match &self.head {
            None => Some(("CLAIMID", RefusalReason::UnknownClaim)),
            Some(head) if head.service_on > options.as_of => {
                Some(("FROMDATE", RefusalReason::DateInFuture))
            }
            Some(_) if self.has_hole => Some(("CLAIMID", RefusalReason::ClaimIncomplete)),
            Some(_) => None,
        };
        if let Some((column, reason)) = whole {
            return self.refuse_all(Some(column), reason, None, sink);
        }
        let Some(head) = &self.head else { return Ok(()) };
        if let Some((at, column, reason)) = self.first_fault(head) {
            return self.refuse_all(Some(column), reason, Some(at), sink);
        }
        let claim = claim(head, &self.rows, options);
        sink.say(head.line, BookRow::Claim(claim))
    }

    /// The first row that cannot belong to this claim.
    fn first_fault(&self, head: &ClaimRecord) -> Option<(usize, &'static str, RefusalReason)> {
        let patient = hash(&head.patient);
        if !self.rows[0].kind.is_charge() {
            return Some((0, "TYPE", RefusalReason::TransactionBeforeCharge));
        }
        for (at, row) in self.rows.iter().enumerate() {
            if row.patient != patient {
                return Some((at, "PATIENTID", RefusalReason::ClaimDisagrees));
            }
            if row.kind.is_charge()
                && self.rows[..at].iter().any(|r| r.kind.is_charge() && r.id == row.id)
            {
                return Some((at, "ID", RefusalReason::SaidTwice));
            }
        }
        None
    }

    /// `reason` for the row at fault, or for all; the others are refused because of it.
    fn refuse_all(
        &self,
        column: Option<&'static str>,
        reason: RefusalReason,
        fault: Option<usize>,
        sink: &mut Sink<'_>,
    ) -> Result<(), SourceError> {
        for (at, row) in self.rows.iter().enumerate() {
            if fault.is_none_or(|fault| fault == at) {
                refuse(row, column, reason, sink)?;
            } else {
                refuse(row, Some("CLAIMID"), RefusalReason::ClaimIncomplete, sink)?;
            }
        }
        Ok(())
    }
}

fn refuse(
    row: &TransactionRecord,
    column: Option<&'static str>,
    reason: RefusalReason,
    sink: &mut Sink<'_>,
) -> Result<(), SourceError> {
    sink.refuse(refusal_at(TRANSACTIONS, row.line, column, reason))
}

impl Kind {
    fn is_charge(self) -> bool {
        matches!(self, Self::ChargeToInsurer | Self::ChargeToPatient)
    }
}

/// One charge with what happened to it.
struct Line<'r> {
    charge: &'r TransactionRecord,
    rows: u32,
    is_with_patient: bool,
    copay: Cents,
    insurer_paid: Cents,
    adjusted: Cents,
    paid_later: Cents,
    responsibility: Cents,
    owed_since: Option<Date>,
}

impl<'r> Line<'r> {
    fn begin(charge: &'r TransactionRecord) -> Self {
        let is_self_pay = charge.kind == Kind::ChargeToPatient;
        Self {
            charge,
            rows: 1,
            is_with_patient: is_self_pay,
            copay: Cents::ZERO,
            insurer_paid: Cents::ZERO,
            adjusted: Cents::ZERO,
            paid_later: Cents::ZERO,
            responsibility: if is_self_pay { charge.amount } else { Cents::ZERO },
            owed_since: is_self_pay.then_some(charge.on),
        }
    }

    fn apply(&mut self, row: &TransactionRecord) {
        self.rows += 1;
        match row.kind {
            Kind::Copay => self.copay += row.amount,
            Kind::InsurerPaid => self.insurer_paid += row.amount,
            Kind::PatientPaid => self.paid_later += row.amount,
            Kind::Adjusted => self.adjusted += row.amount,
            Kind::TransferredToInsurer => self.is_with_patient = false,
            Kind::TransferredToPatient => {
                self.is_with_patient = true;
                self.responsibility += row.amount;
                self.owed_since = self.owed_since.or(Some(row.on));
            }
            // Back from the patient, when an insurer takes it after all.
            Kind::TransferredOut if self.is_with_patient => self.responsibility -= row.amount,
            Kind::TransferredOut | Kind::ChargeToInsurer | Kind::ChargeToPatient => {}
        }
    }

    /// What is left of the charge before anything the patient paid after the visit.
    fn remainder(&self) -> Cents {
        self.charge.amount - self.insurer_paid - self.copay - self.adjusted
    }

    /// The patient's part of the remainder. Never more than the remainder: one ledger in the wild
    /// transfers a cent more than is left.
    fn owed(&self) -> Cents {
        self.responsibility.min(self.remainder()).at_least_zero()
    }

    /// Left, and not the patient's: an insurer has yet to pay.
    fn pending(&self) -> Cents {
        (self.remainder() - self.owed()).at_least_zero()
    }

    /// A copay above the price of the line is the patient's money (D-17); an insurer's excess is
    /// not, so the credit stops at what the patient gave.
    fn credit(&self) -> Cents {
        (-self.remainder()).min(self.copay).at_least_zero()
    }

    fn amounts(&self, is_withheld: bool) -> Amounts {
        let paid_later = if is_withheld { Cents::ZERO } else { self.paid_later };
        Amounts {
            charged: self.charge.amount,
            insurance_paid: self.insurer_paid,
            adjusted: self.adjusted,
            patient_paid: self.copay + paid_later,
            due: self.owed() - self.credit() - paid_later,
        }
    }
}

fn claim(head: &ClaimRecord, rows: &[TransactionRecord], options: &Options) -> Claim {
    let age_days = options.as_of.duration_since(head.service_on).as_hours() / 24;
    let is_withheld = age_days < i64::from(options.open_days);
    let mut ledger: Vec<Line<'_>> = Vec::new();
    for row in rows {
        match ledger.last_mut() {
            Some(line) if !row.kind.is_charge() => line.apply(row),
            _ => ledger.push(Line::begin(row)),
        }
    }
    let mut due_since_on: Option<Date> = None;
    let mut lines = Vec::with_capacity(ledger.len());
    for line in &ledger {
        let amounts = line.amounts(is_withheld);
        if let Some(since) = line.owed_since.filter(|_| amounts.due.is_positive()) {
            // Never before the visit, never after the day we look from.
            let since = since.max(head.service_on).min(options.as_of);
            due_since_on = Some(due_since_on.map_or(since, |earlier| earlier.min(since)));
        }
        lines.push(ChargeLine {
            external_id: line.charge.id.clone(),
            line: line.charge.line,
            ledger_rows: line.rows,
            service_on: line.charge.on,
            description: line.charge.description.clone(),
            amounts,
        });
    }
    let is_pending = ledger.iter().any(|line| line.pending().is_positive());
    let is_self_pay = ledger.iter().all(|line| line.charge.kind == Kind::ChargeToPatient);
    let due: Cents = lines.iter().map(|line| line.amounts.due).sum();
    Claim {
        external_id: head.id.clone(),
        encounter_external_id: head.encounter.clone(),
        patient_external_id: head.patient.clone(),
        guarantor_external_id: None,
        status: match due.is_positive() {
            _ if is_pending => ClaimStatus::InsurancePending,
            true => ClaimStatus::Ready,
            false => ClaimStatus::Settled,
        },
        insurance: match is_self_pay {
            _ if is_pending => InsuranceState::Pending,
            true => InsuranceState::SelfPay,
            false => InsuranceState::Finished,
        },
        service_on: head.service_on,
        place: head.place.clone(),
        description: head.description.clone(),
        due_since_on,
        first_statement_on: None,
        due_on: None,
        returned_check_on: None,
        visit_completed_on: head.completed_on,
        lines,
        has_refused_lines: false,
    }
}
