//! Reads the source tree and keeps what no compiler checks: who may name what, which words a file
//! may be called, and that every query says whose rows it touches.
//!
//! A failure prints each place as `file:line: why`. When a rule is in the way of a good change, change
//! the rule here, in the same commit, with its reason. It refuses to judge style: rustfmt and clippy
//! do that.

mod layers;
mod manifest;
mod names;
mod queries;
mod source;

use source::Finding;

/// Fails with every finding at once, so that one run is enough to mend them.
#[track_caller]
fn expect_none(findings: &[Finding]) {
    let list: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "{} to mend:\n{}", list.len(), list.join("\n"));
}
