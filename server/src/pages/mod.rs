//! Handlers that answer GET, one file per noun.

pub mod assets;
pub mod bill;
pub mod front;
pub mod health;
pub mod link;
pub mod message_check;
pub mod not_me;
pub mod notices;
pub mod pay;
pub mod receipt;
pub mod setup;
pub mod staff;
pub mod unsubscribe;
