//! Time and chance as parameters.
//!
//! Business time (`Clock`) can be moved in the demo and the simulation; protocol time (signatures,
//! one-time codes, rate limits) is always the real clock and never comes from here (decision 32).

use std::{fmt, sync::Arc};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::id::Mint;

pub const SECOND_MS: i64 = 1_000;
pub const MINUTE_MS: i64 = 60 * SECOND_MS;
pub const HOUR_MS: i64 = 60 * MINUTE_MS;
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// An instant, in milliseconds since 1970-01-01T00:00:00Z. Stored in `…_at_ms` columns.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UnixMs(pub i64);

impl UnixMs {
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    pub const fn minus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_sub(ms))
    }

    /// Milliseconds from `earlier` to `self`; negative when `earlier` is later.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The same instant as a calendar timestamp. Instants outside the calendar clamp to its ends.
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_millisecond(self.0).unwrap_or(if self.0 < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        })
    }

    /// The civil day at this instant in `zone`.
    pub fn day_in(self, zone: &TimeZone) -> Date {
        self.timestamp().to_zoned(zone.clone()).date()
    }

    /// Parses RFC 3339, e.g. `2026-03-04T10:00:00-05:00`.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        text.parse::<Timestamp>().ok().map(|t| Self(t.as_millisecond()))
    }
}

impl fmt::Display for UnixMs {
    /// RFC 3339 in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.timestamp())
    }
}

/// Business time.
pub trait Clock: Send + Sync {
    fn now(&self) -> UnixMs;
}

/// Randomness for ids and choices. Tokens and keys never come from here (decision 26).
pub trait Chance: Send + Sync {
    fn fill(&self, bytes: &mut [u8]);

    fn next_u64(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

/// Time and chance together, as the crates that act on the world carry them.
#[derive(Clone)]
pub struct World {
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
}

impl World {
    pub fn now(&self) -> UnixMs {
        self.clock.now()
    }

    pub fn mint<I: Mint>(&self) -> I {
        I::mint(self.now(), &*self.chance)
    }
}
