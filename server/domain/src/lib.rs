//! Nouns and rules of patient billing: who owes, what is due, who may be reminded, and when.
//!
//! Pure by construction: nothing here reads a clock, rolls dice, or can fail on IO. Time and chance
//! come in as parameters, so every rule can be replayed.

pub mod arrangement;
pub mod balance;
pub mod book;
pub mod caps;
pub mod card_number;
pub mod check_code;
pub mod clock;
pub mod decide;
pub mod effort;
pub mod gate;
pub mod holds;
pub mod id;
pub mod lift;
pub mod money;
pub mod payment;
pub mod phone;
pub mod points;
pub mod practice;
pub mod profile;
pub mod proposal;
pub mod revocation;
pub mod rulebook;
pub mod segment;
pub mod sms;
pub mod staff;
pub mod template;
pub mod window;
pub mod wishes;
pub mod zones;
