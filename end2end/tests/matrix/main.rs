//! Asks every route of the running server as everybody, for everybody's things, and looks at what
//! comes back: the answers, the rows, the log and the metrics.
//!
//! The routes come from `server::routes::TABLE`. A route with a parameter that [`things`] does not
//! know fails the matrix: say what it names, and for whom.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod access;
mod at_rest;
mod audited;
mod callers;
mod cards;
mod disk;
mod extras;
mod forgery;
mod forms;
mod headers;
mod hostile;
mod links;
mod pressed;
mod privacy;
mod reports;
mod staff_door;
mod tampering;
mod things;
mod town;
mod uniform;
mod webhooks;
