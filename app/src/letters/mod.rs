//! Printable letters.

mod statement;

pub use statement::{Address, Statement, StatementLine};
