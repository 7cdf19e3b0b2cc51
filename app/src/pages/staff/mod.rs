//! The workspace. English; dense but quiet. Each page is an owned model with
//! `html(self, shell: &StaffShell) -> String`.

mod audit;
mod shell;
mod sign_in;

pub use audit::{Audit, AuditLine};
pub use shell::{NavEntry, StaffShell};
pub use sign_in::{FirstStart, SecondFactor, SignIn, SignInRefusal};
