//! A practice, its guarantors and their phones, on both databases: what the engine promises, as
//! sentences about people.

mod agreed;
mod calls;
mod consent;
mod digest;
mod digest_faults;
mod failures;
mod holds;
mod inbox;
mod jobs;
mod ladders;
mod money;
mod reports;
mod sending;
mod town;
mod wishes;
