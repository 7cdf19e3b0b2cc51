//! Money, from the payer's press of the button to the practice's own system: the real store on both
//! databases, the real gateway, and the sandbox as the processor.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod applying;
mod disputes;
mod house;
mod inbox;
mod paying;
mod refunding;
mod sweeping;
