//! What a practice agrees to before texts are billed to it (S-G4). Changing a word makes a new
//! version: what somebody accepted is kept with its words.

/// Of the words below.
pub const VERSION: &str = "2026-11";

pub const WORDS: &str = "The practice's texting provider bills the practice for texting: for each \
    part of a text it sends, for each text it receives, and each month for each number it has, at \
    the provider's prices and with the carriers' fees. Reminders, receipts, codes, automatic \
    answers and texts that staff write are all billed. SMS can be switched off at any time; what \
    was sent until then is still billed, and a number is billed until it is released at the \
    provider.";
