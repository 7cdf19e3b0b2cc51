//! Printable letters.

mod notice;
mod statement;

pub use notice::{Notice, letter_words};
pub use statement::{Address, Statement, StatementLine};
