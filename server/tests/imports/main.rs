//! Balances on their way in, through the one door: read, staged, compared, held or applied, on both
//! databases. What a file may not do counts as much here as what it does.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod agreed;
mod breaker;
mod changes;
mod crash;
mod office;
mod people;
mod refusals;
mod synthea;
