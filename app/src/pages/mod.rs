//! The pages, one file per noun. Each is an owned model with `html(self, shell) -> String`.

mod shell;
pub mod staff;

pub use shell::{PatientShell, PracticeFace};
