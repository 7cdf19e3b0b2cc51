//! Applies staged rows in short, resumable steps: each step is one transaction that also moves the
//! cursor, so a crash repeats nothing and skips nothing.

use domain::{
    book::{BookRow, Mode, RefusalReason, RowRefusal},
    clock::World,
    id::{ImportId, PracticeId},
};
use jiff::civil::Date;

use super::{
    Import, State,
    arrangements::keep_arrangements,
    claims::{Whole, keep_claims, merged},
    contacts::keep_contacts,
    difference::mark_vanished,
    people::{Fate, Scope, keep_guarantors, keep_patients, keep_responsible},
    stage,
};
use crate::{Db, Result, StoreError, payment};

/// Staged rows looked at in one step: a payment waits this long for the writer, some tens of
/// milliseconds.
const ROWS_A_STEP: i64 = 1_000;
/// And no more than this much of them, sealed, where claims are large.
const BYTES_A_STEP: usize = 2 * 1024 * 1024;
/// Refusals found while applying are numbered after all that were found while reading.
const APPLY_REFUSALS_FROM: i64 = 1 << 40;

/// The kinds of rows in the order they are applied: nobody's claims before the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Guarantor,
    Patient,
    Responsible,
    Contact,
    Arrangement,
    Claim,
    PaymentPosted,
    /// Open claims that a full file no longer has.
    Vanished,
    Done,
}

impl Phase {
    const ORDER: [Self; 9] = [
        Self::Guarantor,
        Self::Patient,
        Self::Responsible,
        Self::Contact,
        Self::Arrangement,
        Self::Claim,
        Self::PaymentPosted,
        Self::Vanished,
        Self::Done,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Guarantor => "guarantor",
            Self::Patient => "patient",
            Self::Responsible => "responsible",
            Self::Contact => "contact",
            Self::Arrangement => "arrangement",
            Self::Claim => "claim",
            Self::PaymentPosted => "payment_posted",
            Self::Vanished => "vanished",
            Self::Done => "done",
        }
    }

    /// For a progress line.
    pub fn words(self) -> &'static str {
        match self {
            Self::Guarantor => "guarantors",
            Self::Patient => "patients",
            Self::Responsible => "who is responsible",
            Self::Contact => "contacts",
            Self::Arrangement => "plans and cards on file",
            Self::Claim => "claims",
            Self::PaymentPosted => "posted payments",
            Self::Vanished => "missing claims",
            Self::Done => "done",
        }
    }

    fn parse(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Ok(Self::Guarantor);
        }
        let found = Self::ORDER.into_iter().find(|phase| phase.as_str() == text);
        found.ok_or(StoreError::Corrupt("import.phase"))
    }

    fn next(self) -> Self {
        let at = Self::ORDER.iter().position(|phase| *phase == self).unwrap_or_default();
        Self::ORDER[(at + 1).min(Self::ORDER.len() - 1)]
    }
}

struct Staged {
    seq: i64,
    line: i64,
    external_id: String,
    row: BookRow,
}

/// Applies the next step; returns the phase that is under way, [`Phase::Done`] at the end.
pub async fn apply_next(
    db: &mut Db,
    world: &World,
    practice: &PracticeId,
    id: &ImportId,
) -> Result<Phase> {
    let import = super::load(db, practice, id).await?;
    let import = import.filter(|import| import.state == State::Applying);
    let Some(import) = import else { return Ok(Phase::Done) };
    let phase = Phase::parse(&import.phase)?;
    if phase == Phase::Done {
        return Ok(phase);
    }
    if phase == Phase::Vanished {
        return apply_vanished(db, world, &import).await;
    }
    let staged = next_rows(db, &import, phase).await?;
    let Some(last) = staged.last() else {
        mark_cursor(db, &import, phase.next(), "", 0, 0).await?;
        return Ok(phase.next());
    };
    let cursor = last.external_id.clone();
    let day: Option<Date> = import.as_of_on.as_deref().and_then(|day| day.parse().ok());
    let said_on = day.unwrap_or_else(|| world.now().day_in(&jiff::tz::TimeZone::UTC));
    let scope = Scope { world, practice, source: &import.source, said_on };
    let counts = apply_rows(db, &scope, &import, phase, staged).await?;
    mark_cursor(db, &import, phase, &cursor, counts.unchanged, counts.refused).await?;
    Ok(phase)
}

/// Marks what a full file no longer has. Other files say nothing about what they leave out.
async fn apply_vanished(db: &mut Db, world: &World, import: &Import) -> Result<Phase> {
    let is_full = import.mode == Mode::Full.as_str() && import.format != "contacts";
    let last =
        if is_full { mark_vanished(db, import, &import.cursor, world.now()).await? } else { None };
    let (phase, cursor) = match last {
        Some(last) => (Phase::Vanished, last),
        None => (Phase::Done, String::new()),
    };
    mark_cursor(db, import, phase, &cursor, 0, 0).await?;
    Ok(phase)
}

/// The next rows of a phase, never splitting one external id.
async fn next_rows(db: &mut Db, import: &Import, phase: Phase) -> Result<Vec<Staged>> {
    const NEXT: &str = "select seq, line, external_id, payload_sealed from import_row
        where practice_id = $1 and import_id = $2 and kind = $3 and external_id > $4
        order by external_id, seq
        limit $5";
    const SAME: &str = "select seq, line, external_id, payload_sealed from import_row
        where practice_id = $1 and import_id = $2 and kind = $3 and external_id = $4
        order by seq";
    type Raw = (i64, i64, String, String);
    let mut rows: Vec<Raw> = sqlx::query_as(NEXT)
        .bind(import.practice.as_str())
        .bind(import.id.as_str())
        .bind(phase.as_str())
        .bind(&import.cursor)
        .bind(ROWS_A_STEP)
        .fetch_all(db.c())
        .await?;
    if rows.len() as i64 == ROWS_A_STEP
        && let Some(last) = rows.last().map(|row| row.2.clone())
    {
        // More of the last id may follow: leave it to the next step, unless it is the only one.
        let whole = rows.iter().take_while(|row| row.2 != last).count();
        if whole > 0 {
            rows.truncate(whole);
        } else {
            rows = sqlx::query_as(SAME)
                .bind(import.practice.as_str())
                .bind(import.id.as_str())
                .bind(phase.as_str())
                .bind(&last)
                .fetch_all(db.c())
                .await?;
        }
    }
    let mut bytes = 0;
    let large = rows.iter().position(|row| {
        bytes += row.3.len();
        bytes > BYTES_A_STEP
    });
    if let Some(at) = large {
        // Up to the last id that is whole; the first one is taken whatever its size.
        let id = rows[at].2.clone();
        let whole = rows.iter().take_while(|row| row.2 != id).count();
        if whole > 0 {
            rows.truncate(whole);
        }
    }
    let keys = db.keys();
    rows.into_iter()
        .map(|(seq, line, external_id, sealed)| {
            let row = stage::open(&keys, &import.practice, &import.id, &sealed)?;
            Ok(Staged { seq, line, external_id, row })
        })
        .collect()
}

#[derive(Default)]
struct Counts {
    unchanged: i64,
    refused: i64,
}

async fn apply_rows(
    db: &mut Db,
    scope: &Scope<'_>,
    import: &Import,
    phase: Phase,
    staged: Vec<Staged>,
) -> Result<Counts> {
    if phase == Phase::Claim {
        return apply_claims(db, scope, import, staged).await;
    }
    let places: Vec<(i64, i64)> = staged.iter().map(|item| (item.seq, item.line)).collect();
    let fates = keep_rows(db, scope, staged).await?;
    let mut counts = Counts::default();
    for (fate, (seq, line)) in fates.into_iter().zip(places) {
        if let Fate::Refused(column, reason) = fate {
            insert_refusal(db, import, seq, line, column, reason, 0).await?;
        }
        // A contacts file has no ledger rows; its own rows are what is counted.
        if import.format == "contacts" && phase == Phase::Contact {
            counts.unchanged += i64::from(fate == Fate::Unchanged);
            counts.refused += i64::from(matches!(fate, Fate::Refused(..)));
        }
    }
    Ok(counts)
}

/// Rows of one kind; the fates are in their order.
async fn keep_rows(db: &mut Db, scope: &Scope<'_>, staged: Vec<Staged>) -> Result<Vec<Fate>> {
    let (mut guarantors, mut patients) = (Vec::new(), Vec::new());
    let (mut contacts, mut arrangements) = (Vec::new(), Vec::new());
    let mut fates = Vec::with_capacity(staged.len());
    for item in staged {
        match item.row {
            BookRow::Guarantor(said) => guarantors.push(said),
            BookRow::Patient(said) => patients.push(said),
            BookRow::Contact(said) => contacts.push(said),
            BookRow::Arrangement(said) => arrangements.push(said),
            BookRow::Responsible(said) => fates.push(keep_responsible(db, scope, &said).await?),
            BookRow::PaymentPosted(said) => {
                fates.push(keep_posted(db, scope, &said.payment_ref).await?);
            }
            BookRow::Claim(_) => return Err(StoreError::Corrupt("import_row.kind")),
        }
    }
    if !guarantors.is_empty() {
        let kept = keep_guarantors(db, scope, &guarantors).await?;
        fates.extend(guarantors.iter().map(|said| Fate::of(kept[&said.external_id].1)));
    }
    fates.extend(keep_patients(db, scope, &patients).await?);
    fates.extend(keep_contacts(db, scope, &contacts).await?);
    fates.extend(keep_arrangements(db, scope, &arrangements).await?);
    Ok(fates)
}

async fn apply_claims(
    db: &mut Db,
    scope: &Scope<'_>,
    import: &Import,
    staged: Vec<Staged>,
) -> Result<Counts> {
    let mut groups: Vec<(i64, i64, Vec<domain::book::Claim>)> = Vec::new();
    let mut before: Option<String> = None;
    for item in staged {
        let BookRow::Claim(claim) = item.row else { continue };
        if before.as_deref() == Some(item.external_id.as_str())
            && let Some((_, _, pieces)) = groups.last_mut()
        {
            pieces.push(claim);
        } else {
            groups.push((item.seq, item.line, vec![claim]));
        }
        before = Some(item.external_id);
    }
    let mut places = Vec::with_capacity(groups.len());
    let mut claims = Vec::with_capacity(groups.len());
    let mut counts = Counts::default();
    for (seq, line, pieces) in groups {
        let Some(Whole { claim, refused }) = merged(pieces) else { continue };
        for (at, (line, column, reason)) in (1..).zip(refused) {
            let rows = i64::from(line.ledger_rows);
            let place = i64::try_from(line.line).unwrap_or_default();
            counts.refused += rows;
            let seq = APPLY_REFUSALS_FROM * at + seq;
            insert_refusal(db, import, seq, place, column, reason, rows).await?;
        }
        places.push((seq, line));
        claims.push(claim);
    }
    let fates = keep_claims(db, scope, &import.id, &claims).await?;
    for ((claim, fate), (seq, line)) in claims.iter().zip(fates).zip(places) {
        let rows = i64::try_from(claim.ledger_rows()).unwrap_or(i64::MAX);
        match fate {
            Fate::Changed => {}
            Fate::Unchanged => counts.unchanged += rows,
            Fate::Refused(column, reason) => {
                counts.refused += rows;
                insert_refusal(db, import, seq, line, column, reason, rows).await?;
            }
        }
    }
    Ok(counts)
}

/// Netting of a payment ends when the practice's system shows it (D-11).
async fn keep_posted(db: &mut Db, scope: &Scope<'_>, payment_ref: &str) -> Result<Fate> {
    let mut found = payment::find_by_reference(db, scope.practice, payment_ref).await?;
    if found.is_none()
        && let Ok(id) = payment_ref.parse()
    {
        found = payment::find(db, scope.practice, &id).await?;
    }
    // A reference that is not ours belongs to another portal or a check: nothing to net.
    let Some(found) = found else { return Ok(Fate::Unchanged) };
    let by = format!("import:{}", scope.source);
    let now = scope.world.now();
    let changed = payment::mark_posted(db, scope.practice, &found.id, &by, now).await?;
    if changed {
        crate::guarantor::mark_check(db, scope.practice, &found.guarantor, now).await?;
    }
    Ok(if changed { Fate::Changed } else { Fate::Unchanged })
}

async fn insert_refusal(
    db: &mut Db,
    import: &Import,
    seq: i64,
    line: i64,
    column: &'static str,
    reason: RefusalReason,
    rows: i64,
) -> Result<()> {
    let refusal = RowRefusal {
        file: String::new().into(),
        line: u64::try_from(line).unwrap_or_default(),
        column: Some(column.into()),
        reason,
        ledger_rows: u32::try_from(rows).unwrap_or(u32::MAX),
    };
    let at = APPLY_REFUSALS_FROM + seq;
    stage::insert_refusals(db, &import.practice, &import.id, at, &[refusal]).await
}

async fn mark_cursor(
    db: &mut Db,
    import: &Import,
    phase: Phase,
    cursor: &str,
    unchanged: i64,
    refused: i64,
) -> Result<()> {
    const MARK: &str = "update import set phase = $3, cursor = $4,
        rows_unchanged = rows_unchanged + $5, rows_refused = rows_refused + $6
        where practice_id = $1 and id = $2";
    sqlx::query(MARK)
        .bind(import.practice.as_str())
        .bind(import.id.as_str())
        .bind(phase.as_str())
        .bind(cursor)
        .bind(unchanged)
        .bind(refused)
        .execute(db.c())
        .await?;
    Ok(())
}
