//! The pages, one file per noun. Each is an owned model with `html(self, shell) -> String`.

mod shell;

mod add_account;
mod bill;
mod checking;
mod code_entry;
mod create_account;
mod failure;
mod front;
mod link;
mod make_payment;
mod message_check;
mod not_me;
mod notices;
mod office_code;
mod password;
mod pay_stopped;
mod preferences;
mod question;
mod receipt;
pub mod sandbox;
mod sign_in;
pub mod staff;
mod unsubscribe;

pub use add_account::AddAccount;
pub use bill::{BillDetails, PatientLines, VisitLine, WaitingVisit};
pub use checking::Checking;
pub use code_entry::{CodeEntry, MaskedContact};
pub use create_account::{CheckYourEmail, CreateAccount, TypedAccount};
pub use failure::{NotFound, Problem, ProblemKind};
pub use front::{Front, NoPractice};
pub use link::{LinkGone, NewLink};
pub use make_payment::{
    CardFrame, MakePayment, ToldAmount, TypedPayment, WhyChanged, checkout_label,
};
pub use message_check::{MessageCheck, MessageVerdict};
pub use not_me::NotMe;
pub use notices::{NoticeLine, NoticePage, Notices};
pub use office_code::OfficeCode;
pub use password::{ConfirmEmail, Forgot, Reset};
pub use pay_stopped::{PayAgain, PayStopped};
pub use preferences::{ContactChoice, Mistake, Preferences, TimingChoice};
pub use question::Question;
pub use receipt::{AccountReceipt, PaidVisit, Receipt, ReceiptLine, Receipts};
pub use shell::{PatientShell, PracticeFace};
pub use sign_in::{SignIn, WhySignIn};
pub use unsubscribe::Unsubscribe;
