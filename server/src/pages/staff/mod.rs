//! The workspace's pages.

pub mod audit;
pub mod dashboard;
pub mod encounters;
pub mod health;
pub mod imports;
pub mod invitation;
pub mod me;
pub mod patients;
pub mod payment;
pub mod payments;
pub mod people;
pub mod settings;
pub mod statements;
