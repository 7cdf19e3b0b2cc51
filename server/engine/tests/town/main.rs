//! A practice, its guarantors and their phones, on both databases: what the engine promises, as
//! sentences about people.

mod calls;
mod consent;
mod holds;
mod jobs;
mod ladders;
mod money;
mod sending;
mod town;
