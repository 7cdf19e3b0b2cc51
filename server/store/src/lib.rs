//! The only crate that names sqlx or contains SQL.
//!
//! One SQL text serves SQLite and PostgreSQL. Functions take a [`Db`] — a connection, inside a
//! transaction when it came from [`Store::write`] — and are named with fixed verbs: `insert find
//! load list count claim mark delete`. Every statement that touches a practice's rows names the
//! practice in its `where`.

pub mod api_key;
pub mod audit;
mod backend;
mod error;
pub mod keys;
pub mod lease;
pub mod login;
pub mod migrate;
pub mod practice;
pub mod scratch;
pub mod session;
pub mod staff;

pub use backend::{Db, Kind, Store, StoreOptions};
pub use error::StoreError;
pub use keys::Keys;

/// What every store function returns.
pub type Result<T> = std::result::Result<T, StoreError>;
