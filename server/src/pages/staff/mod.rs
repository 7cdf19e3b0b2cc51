//! The workspace's pages.

pub mod audit;
pub mod dashboard;
pub mod health;
pub mod imports;
pub mod invitation;
pub mod me;
pub mod payment;
pub mod payments;
pub mod people;
pub mod settings;
