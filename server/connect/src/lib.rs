//! The outside world: one folder per kind (gateway, channel, source), one file per vendor.
//!
//! An adapter turns neutral, owned types into a vendor's requests and a vendor's answers into what
//! the caller must do next. It never retries by itself, never touches a table, and never logs a
//! recipient, a body or a key. The sandbox speaks to these same adapters: only base addresses differ.

pub mod channel;
pub mod gateway;
pub mod reach;
pub mod source;

pub use connect_stripe::install_tls;
