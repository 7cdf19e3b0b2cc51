//! The workspace's pages.

pub mod audit;
pub mod dashboard;
pub mod encounters;
pub mod follow_ups;
pub mod health;
pub mod imports;
pub mod invitation;
pub mod jobs;
pub mod me;
pub mod notifications;
pub mod patients;
pub mod payment;
pub mod payments;
pub mod people;
pub mod profiles;
pub mod record;
pub mod replies;
pub mod reports;
pub mod settings;
pub mod statements;
pub mod tasks;
pub mod templates;
pub mod timeline;
