//! Refused rows as people read them: where each stands and what to do, never what stood in it.

use domain::id::{ImportId, PracticeId};
use store::{Store, import};

/// A refused row as a sentence: where it stands and what to do.
pub fn sentence(refused: &store::import::Refused) -> String {
    let reason = refused.reason.parse::<domain::book::RefusalReason>();
    let words = reason.map_or("It could not be read.", |reason| reason.sentence());
    let file = if refused.file_name.is_empty() {
        String::new()
    } else {
        format!("{}, ", refused.file_name)
    };
    match &refused.column_name {
        Some(column) => format!("{file}line {}, {column}: {words}", refused.line),
        None => format!("{file}line {}: {words}", refused.line),
    }
}

/// The whole report of refused rows, as CSV: file, line, column and reason, never a value.
pub async fn refusals_csv(
    store: &Store,
    practice: &PracticeId,
    id: &ImportId,
) -> Result<Vec<u8>, String> {
    const PAGE: i64 = 5_000;
    let mut rows = Vec::new();
    let mut after = -1;
    loop {
        let mut db = store.read().await.map_err(|e| e.to_string())?;
        let page = import::list_refusals(&mut db, practice, id, after, PAGE).await;
        let page = page.map_err(|e| e.to_string())?;
        let Some(last) = page.last() else { break };
        after = last.seq;
        rows.extend(page);
    }
    let head = ["file", "line", "column", "reason", "what to do"];
    crate::spreadsheet::csv(
        &head,
        rows.into_iter().map(|row| {
            let words = row.reason.parse::<domain::book::RefusalReason>();
            vec![
                row.file_name,
                row.line.to_string(),
                row.column_name.unwrap_or_default(),
                row.reason,
                words.map(|reason| reason.sentence().to_owned()).unwrap_or_default(),
            ]
        }),
    )
    .map_err(|e| e.to_string())
}
