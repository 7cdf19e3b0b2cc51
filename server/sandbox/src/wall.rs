//! Protocol time: the real clock, for what a vendor stamps and measures in real time (signature
//! timestamps, held connections). Everything else in the sandbox follows the business clock it is
//! given, so that moving the demo's clock moves its vendors too.

use std::time::Duration;

/// Seconds since 1970, as Stripe puts them into `Stripe-Signature`. Receivers compare them with
/// their own real clock, so a moved business clock must not show here.
#[allow(clippy::disallowed_methods, reason = "signature timestamps are protocol time")]
pub fn unix_seconds() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// Holds a connection open. Only faults that a person scripted wait like this.
#[allow(clippy::disallowed_methods, reason = "a scripted delay on a real connection")]
pub async fn hold(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}
