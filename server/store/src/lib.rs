//! The only crate that names sqlx or contains SQL.
//!
//! One SQL text serves SQLite and PostgreSQL. Functions take a [`Db`] — a connection, inside a
//! transaction when it came from [`Store::write`] — and are named with fixed verbs: `insert find
//! load list count claim mark delete`. Every statement that touches a practice's rows names the
//! practice in its `where`.

pub mod access_code;
pub mod api_key;
pub mod arrangement;
pub mod attempt;
pub mod audit;
mod backend;
pub mod balance;
pub mod bill;
pub mod call_key;
pub mod canned_reply;
pub mod claim;
pub mod code;
pub mod consent;
pub mod contact;
pub mod conversation;
pub mod dashboard;
pub mod decision;
pub mod dispute;
pub mod effect;
pub mod encounter;
mod error;
pub mod follow_up;
pub mod forecast;
pub mod glance;
pub mod guarantor;
pub mod handled_error;
pub mod hold;
pub mod import;
pub mod job;
pub mod keys;
pub mod ladder;
pub mod lease;
pub mod ledger;
pub mod link;
pub mod login;
pub mod mail_event;
pub mod mail_token;
pub mod match_draft;
pub mod merchant;
pub mod message;
pub mod migrate;
pub mod note;
pub mod notice;
pub mod number_order;
pub mod payment;
pub mod posting;
pub mod practice;
pub mod preference;
pub mod profile;
pub mod refund;
pub mod rekey;
pub mod reply;
pub mod report;
pub mod rule_override;
pub mod scratch;
pub mod search;
pub mod segment;
pub mod selection;
pub mod sender;
pub mod session;
pub mod setup;
pub mod staff;
pub mod standing;
pub mod statement_draft;
pub mod suppression;
pub mod task;
pub mod template;
pub mod tries;
pub mod webhook;

pub use backend::{Db, Kind, Store, StoreOptions, copy};
pub use error::StoreError;
pub use keys::Keys;

/// What every store function returns.
pub type Result<T> = std::result::Result<T, StoreError>;
