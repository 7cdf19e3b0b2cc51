//! CSV that people open in spreadsheets: RFC 4180, and no cell can act as a formula (R55).

use actix_web::{HttpResponse, http::header};

/// A leading character that a spreadsheet would take for a formula, in plain or full-width form.
fn is_dangerous(first: char) -> bool {
    matches!(first, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '\0' | '＝' | '＋' | '－' | '＠')
}

/// The cell with an apostrophe before anything a spreadsheet would run. Plain numbers stay numbers.
pub fn inert(cell: &str) -> String {
    let is_amount = cell.strip_prefix('-').is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit() || b == b'.')
    });
    match cell.trim_start_matches(' ').chars().next() {
        Some(first) if is_dangerous(first) && !is_amount => format!("'{cell}"),
        _ => cell.to_owned(),
    }
}

/// Rows under a header, as UTF-8 bytes.
pub fn csv(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Result<Vec<u8>, csv::Error> {
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(head)?;
    for row in rows {
        writer.write_record(row.iter().map(|cell| inert(cell)))?;
    }
    writer.into_inner().map_err(|e| e.into_error().into())
}

pub fn download(name: &str, body: Vec<u8>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .body(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_acts_as_a_formula() {
        for (cell, shown) in [
            ("=1+1", "'=1+1"),
            ("+15550100", "'+15550100"),
            ("-2+3", "'-2+3"),
            ("-25.15", "-25.15"),
            ("@sum", "'@sum"),
            (" =x", "' =x"),
            ("＝1", "'＝1"),
            ("Maria Lopez", "Maria Lopez"),
        ] {
            assert_eq!(inert(cell), shown);
        }
    }
}
