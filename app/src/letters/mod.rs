//! Printable letters.

mod notice;
mod page;
mod paper;
mod statement;

pub use notice::{Notice, letter_words};
pub use page::page;
pub use paper::Paper;
pub use statement::{Address, Statement, StatementLine};
