//! Select Criteria: whom a run of reminders is meant for (S-SF1, S-SG1 to S-SG5). Stored with the job.

use domain::{book::ClaimStatus, clock::UnixMs, decide::Channel, money::Cents, segment::Filter};
use serde::{Deserialize, Serialize};

/// Days since the oldest open balance became the patient's (S-SG2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Age {
    UpTo30,
    From31To60,
    Over60,
    Days { least: i64, most: Option<i64> },
}

impl Age {
    pub const fn holds(self, days: i64) -> bool {
        match self {
            Self::UpTo30 => days <= 30,
            Self::From31To60 => days > 30 && days <= 60,
            Self::Over60 => days > 60,
            Self::Days { least, most } => {
                days >= least
                    && match most {
                        Some(most) => days <= most,
                        None => true,
                    }
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Segment {
    SelfPay,
    Insurance,
    MultipleBills,
    /// Over 60 days or over $500 (S-SG1).
    TopPriority,
    /// Flagged for reminder by staff (S-TR5).
    Flagged,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Criteria {
    /// Text or Email.
    pub method: Channel,
    /// `Ready` and `PendingPatient` are the ones that can be the patient's.
    pub statuses: Vec<ClaimStatus>,
    pub age: Option<Age>,
    /// Of the net balance.
    pub amount_at_least: Option<Cents>,
    pub amount_at_most: Option<Cents>,
    /// Guarantors by name, `A` to `F`.
    pub name_from: Option<String>,
    pub name_to: Option<String>,
    pub search: Option<String>,
    pub last_sent_before: Option<UnixMs>,
    pub segment: Option<Segment>,
    /// A saved segment, as it was when the list was made.
    pub filter: Option<Filter>,
    /// The profile that wrote the job; a person's criteria have none.
    pub profile: Option<String>,
}

impl Default for Criteria {
    fn default() -> Self {
        Self {
            method: Channel::Text,
            // Without the second no second reminder would ever be selected (journeys, Time).
            statuses: vec![ClaimStatus::Ready, ClaimStatus::PendingPatient],
            age: None,
            amount_at_least: None,
            amount_at_most: None,
            name_from: None,
            name_to: None,
            search: None,
            last_sent_before: None,
            segment: None,
            filter: None,
            profile: None,
        }
    }
}

/// From here on a balance is top priority.
pub const TOP_PRIORITY_DAYS: i64 = 60;
pub const TOP_PRIORITY_CENTS: Cents = Cents(500_00);
/// A reminder this recent earns a warning on the list.
pub const RECENT_DAYS: i64 = 7;
