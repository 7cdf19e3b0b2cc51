//! Handlers that answer POST, one file per verb and noun. Each answers 303 on success and 422 with
//! the form and what was typed on refusal.

pub mod choose_language;
pub mod import_file;
pub mod staff_sign_in;
