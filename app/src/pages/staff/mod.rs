//! The workspace. English; dense but quiet. Each page is an owned model with
//! `html(self, shell: &StaffShell) -> String`.

mod audit;
mod door;
mod invitation;
mod me;
mod people;
mod shell;
mod sign_in;

pub use audit::{Audit, AuditLine};
pub use door::DoorNotice;
pub use invitation::{
    AcceptInvitation, DeadInvitation, Enrolment, FirstAccount, OpenSetup, RecoveryCodes,
};
pub use me::Me;
pub use people::{InvitationMade, InviteForm, People, Person, PersonPage, ROLES, Standing};
pub use shell::{NavEntry, StaffShell};
pub use sign_in::{FirstStart, SecondFactor, SignIn, SignInRefusal};
