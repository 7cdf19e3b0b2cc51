//! Limits on tries per address and per thing, on protocol time. What must survive a restart (guesses
//! at identity) is counted in the store instead.

use std::{num::NonZeroU32, time::Duration};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock};

use crate::failure::Failure;

/// Keys held at most before idle ones are dropped.
const KEYS_MOST: usize = 100_000;

/// One named limit for each thing that can be tried too often.
pub struct Limits {
    /// Unknown or dead links opened from one address (R29).
    pub links: Limit,
    /// Sign-ins, registrations and resets from one address.
    pub sign_ins: Limit,
    /// Codes asked for from one address (R75).
    pub codes: Limit,
    /// Pay attempts from one address (R76).
    pub payments: Limit,
    /// Pay attempts on one link.
    pub link_payments: Limit,
    pub api: Limit,
    /// Reports of one browser about our pages (R49).
    pub reports: Limit,
    /// Such reports of everybody.
    pub all_reports: Limit,
}

impl Limits {
    pub fn new() -> Self {
        let hour = Duration::from_secs(3600);
        Self {
            links: Limit::new("links", 60, hour),
            sign_ins: Limit::new("sign_ins", 60, hour),
            codes: Limit::new("codes", 30, hour),
            payments: Limit::new("payments", 60, hour),
            link_payments: Limit::new("link_payments", 30, hour),
            api: Limit::new("api", 3000, Duration::from_secs(60)),
            reports: Limit::new("reports", 30, hour),
            all_reports: Limit::new("all_reports", 1_000, hour),
        }
    }

    /// The demo and the tests come from one address; the limits stay, only higher.
    pub fn generous() -> Self {
        let hour = Duration::from_secs(3600);
        Self {
            links: Limit::new("links", 2_000, hour),
            sign_ins: Limit::new("sign_ins", 2_000, hour),
            codes: Limit::new("codes", 1_000, hour),
            payments: Limit::new("payments", 5_000, hour),
            link_payments: Limit::new("link_payments", 100, hour),
            api: Limit::new("api", 60_000, Duration::from_secs(60)),
            reports: Limit::new("reports", 300, hour),
            all_reports: Limit::new("all_reports", 1_000, hour),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}

pub struct Limit {
    name: &'static str,
    keyed: DefaultKeyedRateLimiter<String>,
}

impl Limit {
    /// `burst` tries at once, refilled over `per`.
    fn new(name: &'static str, burst: u32, per: Duration) -> Self {
        let burst = NonZeroU32::new(burst.max(1)).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::with_period(per / burst.get())
            .unwrap_or(Quota::per_hour(burst))
            .allow_burst(burst);
        Self { name, keyed: RateLimiter::keyed(quota) }
    }

    /// Counts one try by `key`.
    pub fn check(&self, key: &str) -> Result<(), Failure> {
        if self.keyed.len() > KEYS_MOST {
            self.keyed.retain_recent();
        }
        self.keyed.check_key(&key.to_owned()).map_err(|not_until| {
            metrics::counter!("clearbill_limited", "limit" => self.name).increment(1);
            let wait = not_until.wait_time_from(governor::clock::DefaultClock::default().now());
            Failure::TooMany(wait.as_secs().max(1))
        })
    }
}
