//! The pages, one file per noun. Each is an owned model with `html(self, shell) -> String`.

mod shell;

pub mod bill;
pub mod checking;
pub mod code_entry;
pub mod create_account;
pub mod failure;
pub mod front;
pub mod link;
pub mod make_payment;
pub mod message_check;
pub mod not_me;
pub mod office_code;
pub mod password;
pub mod pay_stopped;
pub mod preferences;
pub mod question;
pub mod receipt;
pub mod sign_in;
pub mod staff;
pub mod unsubscribe;

pub use shell::{PatientShell, PracticeFace};
