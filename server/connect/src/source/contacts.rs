//! The contacts file: who is responsible for a patient, how they may be reached, what they agreed to.
//!
//! For sources that do not carry it. Keyed by the patient's id in the source it is imported into.
//! An empty cell says nothing and changes nothing; a row that only names a patient is refused. The
//! columns are in `contacts.md`, which the README and the format page show.

use domain::book::{
    BookRow, Contact, LONGEST_NAME, Language, Owner, RefusalReason, Responsible, RowRefusal,
    TextConsent, is_minor_on,
};

use super::{
    Input, Options, Sink, SourceError,
    cells::{Bad, Cells, Read},
    clearbill_csv::language,
    rows::{Columns, Rows, columns},
};

/// The columns, as a Markdown table.
pub const FORMAT: &str = include_str!("contacts.md");

columns! {
    Column {
        Patient = "patient_id",
        Guarantor = "guarantor_id", Name = "guarantor_name", Dob = "guarantor_dob",
        Ssn4 = "guarantor_ssn4", Phone = "phone", Email = "email", TextConsent = "text_consent",
        Source = "source", At = "at", Language = "language", State = "state", Zip = "zip",
    }
}

const NEEDS: usize = 1;

/// As they stand in a header.
pub fn column_names() -> &'static [&'static str] {
    Column::NAMES
}

pub(super) fn read(
    input: &Input,
    options: &Options,
    sink: &mut Sink<'_>,
) -> Result<(), SourceError> {
    input.with_only(|file, stream, size| {
        sink.expect(size);
        let (mut rows, header) = Rows::open(file, stream)?;
        let columns = Columns::find(file, &header, Column::NAMES, NEEDS, true)?;
        loop {
            sink.advance(rows.take_consumed());
            let row = rows
                .next()
                .map_err(|cause| SourceError::Unreadable { file: file.to_owned(), cause })?;
            let Some(row) = row else { return Ok(()) };
            sink.count_row()?;
            let said = match row.whole {
                Some(reason) => Err((None, reason)),
                None => {
                    contact(&Cells { row: &row, columns: &columns, names: Column::NAMES }, options)
                        .map_err(|Bad { column, reason }| (Some(column.into()), reason))
                }
            };
            match said {
                Ok((responsible, contact)) => {
                    sink.say(row.line, BookRow::Responsible(responsible))?;
                    if let Some(contact) = contact {
                        sink.say(row.line, BookRow::Contact(contact))?;
                    }
                }
                Err((column, reason)) => {
                    let (file, line) = ("".into(), row.line);
                    sink.refuse(RowRefusal { file, line, column, reason, ledger_rows: 1 })?;
                }
            }
        }
    })
}

fn contact(cells: &Cells<'_>, options: &Options) -> Read<(Responsible, Option<Contact>)> {
    let patient = cells.need(Column::Patient, cells.id(Column::Patient))?.to_owned();
    if Column::NAMES.iter().enumerate().skip(1).all(|(column, _)| cells.is_blank(column)) {
        return Err(cells.bad(Column::Patient, RefusalReason::NothingSaid));
    }
    let guarantor = cells.id(Column::Guarantor)?.map(str::to_owned);
    let dob = cells.past_day(Column::Dob, options.today)?;
    let language: Option<Language> = cells.choice(Column::Language, language)?;
    let phone = cells.phone(Column::Phone)?;
    let email = cells.email(Column::Email)?;
    let granted = cells.yes(Column::TextConsent)?;
    if granted.is_some() && phone.is_none() {
        return Err(cells.bad(Column::TextConsent, RefusalReason::ConsentWithoutPhone));
    }
    let on = cells.past_day(Column::At, options.today)?;
    let source = cells.words(Column::Source, LONGEST_NAME)?;
    let text_consent = granted.map(|is_granted| TextConsent { is_granted, on, source });
    let owner = match &guarantor {
        Some(id) => Owner::Guarantor(id.clone()),
        None => Owner::GuarantorOfPatient(patient.clone()),
    };
    let responsible = Responsible {
        patient_external_id: patient,
        guarantor_external_id: guarantor,
        name: cells.words(Column::Name, LONGEST_NAME)?,
        dob,
        ssn4: cells.ssn4(Column::Ssn4)?,
        language,
        state: cells.state(Column::State)?,
        zip: cells.zip(Column::Zip)?,
        is_minor: dob.is_some_and(|dob| is_minor_on(dob, options.as_of)),
    };
    let has_contact = phone.is_some() || email.is_some();
    let contact = Contact { owner, phone, email, text_consent, call_opt_in: None, preferred: None };
    Ok((responsible, has_contact.then_some(contact)))
}
