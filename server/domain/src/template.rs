//! What a practice's messages say.
//!
//! A template is paragraphs of words with variables from a closed set (M26), one for each kind of
//! message, form and language. The practice's own is used, else the one Clearbill comes with.
//! Promises that nothing goes out with a hole or a brace in it, and that what a practice writes is
//! words, never markup. [`lint::lint`] says what is wrong with a template before it is saved.

mod book;
mod fill;
mod kind;
pub mod lint;
mod source;
mod tone;
mod variable;

pub use self::{
    book::{Book, Slot, Source, Trace, Version, default_source},
    fill::{Filled, Paragraph, with_check_code},
    kind::{Form, Kind},
    source::{LONGEST_BODY, LONGEST_SUBJECT, Missing, Template},
    tone::reminder_for,
    variable::{Filling, Presence, Variable},
};

#[cfg(test)]
mod tests;
