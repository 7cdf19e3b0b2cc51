//! Handlers that answer GET, one file per noun.

pub mod assets;
pub mod health;
pub mod staff;
