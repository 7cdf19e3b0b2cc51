//! Printable letters.

mod notice;
mod page;
mod statement;

pub use notice::Notice;
pub use page::page;
pub use statement::{Address, Statement, StatementLine};
