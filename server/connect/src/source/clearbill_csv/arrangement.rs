//! The columns about paying: a plan, a card on file, a high deductible, bills without paper.
//!
//! Each part has a column that says whether there is one, and columns that say what; the details stand
//! only beside a yes. A part of which nothing is said stays as it was. The number of a card is refused
//! in every one of them, whatever the column is for.

use domain::{
    arrangement::{self, Autopay, Charge, Instalment, LastFour, Paperless, Plan, is_too_far},
    book::{Arrangement, Owner, RefusalReason},
    decide::PlanStanding,
    money::Cents,
};
use jiff::civil::Date;

use super::{
    super::{
        Options,
        cells::{Cells, Read},
    },
    Column,
};

const COLUMNS: std::ops::Range<usize> = Column::Plan as usize..Column::PatientDob as usize;

/// `None` when none of the columns says anything.
pub(super) fn read(
    cells: &Cells<'_>,
    owner: Owner,
    options: &Options,
) -> Read<Option<Arrangement>> {
    for column in COLUMNS {
        if cells.text(column)?.is_some_and(domain::card_number::is_in) {
            return Err(cells.bad(column, RefusalReason::CardNumber));
        }
    }
    let said = arrangement::Arrangement {
        plan: plan(cells, options)?,
        autopay: autopay(cells, options)?,
        has_high_deductible: cells.yes(Column::HighDeductible)?,
        paperless: paperless(cells, options)?,
    };
    Ok((!said.says_nothing()).then_some(Arrangement { owner, said }))
}

fn plan(cells: &Cells<'_>, options: &Options) -> Read<Option<Plan>> {
    let details = [Column::PlanAmount, Column::PlanNext];
    let standing = cells.choice(Column::Plan, |word| match word {
        "current" => Some(PlanStanding::Kept),
        "behind" => Some(PlanStanding::Behind),
        "no" | "none" => Some(PlanStanding::NoPlan),
        _ => None,
    })?;
    let Some(standing) = said(cells, Column::Plan, standing, &details)? else { return Ok(None) };
    if standing == PlanStanding::NoPlan {
        refuse_details(cells, &details)?;
    }
    let amount = amount(cells, Column::PlanAmount)?;
    let on = planned_day(cells, Column::PlanNext, options.as_of)?;
    let next = match (amount, on) {
        (Some(amount), Some(on)) => Some(Instalment { amount, on }),
        (None, None) => None,
        (Some(_), None) => return Err(cells.bad(Column::PlanNext, RefusalReason::Missing)),
        (None, Some(_)) => return Err(cells.bad(Column::PlanAmount, RefusalReason::Missing)),
    };
    Ok(Some(Plan { standing, next }))
}

fn autopay(cells: &Cells<'_>, options: &Options) -> Read<Option<Autopay>> {
    let details =
        [Column::CardLast4, Column::ChargeAmount, Column::ChargeOn, Column::FailedAutopay];
    let is_on = cells.yes(Column::Autopay)?;
    let Some(is_on) = said(cells, Column::Autopay, is_on, &details)? else { return Ok(None) };
    if !is_on {
        // A charge that failed may have been the end of it; one that is planned cannot be.
        refuse_details(cells, &[Column::ChargeAmount, Column::ChargeOn])?;
    }
    let card = match cells.text(Column::CardLast4)? {
        Some(text) => Some(
            LastFour::parse(text)
                .ok_or_else(|| cells.bad(Column::CardLast4, RefusalReason::NotLastFour))?,
        ),
        None => None,
    };
    let amount = amount(cells, Column::ChargeAmount)?;
    let on = planned_day(cells, Column::ChargeOn, options.as_of)?;
    let charge = match (amount, on) {
        (None, None) => None,
        (Some(_), None) => return Err(cells.bad(Column::ChargeOn, RefusalReason::Missing)),
        (None, Some(_)) => return Err(cells.bad(Column::ChargeAmount, RefusalReason::Missing)),
        // Nobody is told of a charge without the card it goes to.
        (Some(amount), Some(on)) => {
            let card = cells.need(Column::CardLast4, Ok(card))?;
            Some(Charge { card, amount, on })
        }
    };
    let failed_on = cells.past_day(Column::FailedAutopay, options.today)?;
    Ok(Some(Autopay { is_on, card, charge, failed_on }))
}

fn paperless(cells: &Cells<'_>, options: &Options) -> Read<Option<Paperless>> {
    let is_wanted = cells.yes(Column::Paperless)?;
    let is_wanted = said(cells, Column::Paperless, is_wanted, &[Column::PaperlessConsent])?;
    let consent_on = cells.past_day(Column::PaperlessConsent, options.today)?;
    Ok(is_wanted.map(|is_wanted| Paperless { is_wanted, consent_on }))
}

/// Details without the column that they belong to would say half a thing.
fn said<T>(
    cells: &Cells<'_>,
    lead: Column,
    value: Option<T>,
    details: &[Column],
) -> Read<Option<T>> {
    if value.is_none() && details.iter().any(|column| !cells.is_blank(*column)) {
        return Err(cells.bad(lead, RefusalReason::Missing));
    }
    Ok(value)
}

fn refuse_details(cells: &Cells<'_>, details: &[Column]) -> Read<()> {
    match details.iter().find(|column| !cells.is_blank(**column)) {
        Some(column) => Err(cells.bad(*column, RefusalReason::SaidNo)),
        None => Ok(()),
    }
}

fn amount(cells: &Cells<'_>, column: Column) -> Read<Option<Cents>> {
    match cells.cents(column)? {
        Some(cents) if !cents.is_positive() => Err(cells.bad(column, RefusalReason::NotPositive)),
        amount => Ok(amount),
    }
}

fn planned_day(cells: &Cells<'_>, column: Column, today: Date) -> Read<Option<Date>> {
    match cells.day(column)? {
        Some(day) if is_too_far(day, today) => Err(cells.bad(column, RefusalReason::DateTooFar)),
        day => Ok(day),
    }
}
