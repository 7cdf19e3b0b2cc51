//! The workspace. English; dense but quiet. Each page is an owned model with
//! `html(self, shell: &StaffShell) -> String`.

mod shell;

pub use shell::{NavEntry, StaffShell};
