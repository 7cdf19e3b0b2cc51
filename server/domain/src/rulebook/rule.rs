//! One rule: when it speaks, and what it asks.

use std::cell::OnceCell;

use jiff::civil::Date;

use super::{Place, Vector};
use crate::{
    caps::Cap,
    clock::{DAY_MS, HOUR_MS, UnixMs},
    decide::{Channel, Class, RuleId, Sender},
    holds::HoldKind,
    window::Week,
    zones::{Whereabouts, Zone},
};

#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// As in the reference: `M15.day`, `M08.MA.freq`. Never changes.
    pub id: String,
    /// A few words, for a list.
    pub title: String,
    /// The whole rule in a sentence or two, as a manager reads it.
    pub words: String,
    /// The name under which `decide` records it, where that is another.
    pub speaks_as: Option<RuleId>,
    pub enabled: bool,
    pub applies: AppliesWhen,
    pub kind: Kind,
    pub sources: Vec<String>,
    pub effective_from: Option<Date>,
    /// The last day on which it applies.
    pub effective_to: Option<Date>,
    /// Empty while nobody outside the product has put a name to it.
    pub reviewed_by: String,
    pub reviewed_on: Option<Date>,
    pub freedom: Freedom,
    pub vectors: Vec<Vector>,
}

/// Every list that is empty asks for nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AppliesWhen {
    /// Two capital letters.
    pub any_state: Vec<String>,
    /// What the ZIPs are called together.
    pub city: Option<String>,
    /// First and last ZIP of each range.
    pub any_zip: Vec<(u32, u32)>,
    pub sender: Vec<Sender>,
    pub channel: Vec<Channel>,
    pub class: Vec<Class>,
    /// Only where neither phone nor address names a zone.
    pub zone_unknown: bool,
    /// Only for nonprofit hospitals.
    pub nonprofit_hospital: bool,
    /// Only for the notice that ends the reminders.
    pub final_notice: bool,
}

/// What a rule asks, with its numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Not more messages than this in any such stretch.
    FrequencyCap { cap: Cap, per: Per },
    /// Only within these hours at the recipient.
    Hours(Week),
    /// A recorded yes of this contact.
    Consent,
    /// A hold of this kind withholds.
    Hold(HoldKind),
    /// Not later than this after its slot.
    Staleness { max_age_ms: i64 },
    /// The contact was confirmed within this time.
    Verified { within_days: u16 },
    /// The message carries this, or this went before.
    Requires(Vec<Requirement>),
    /// The notice that ends the reminders waits for these days.
    FinalNotice { after_first_bill_days: u16, after_written_notice_days: u16 },
    /// A charge of a card on file waits for this after its notice.
    ChargeNotice { ahead_days: u16 },
    /// Nobody younger is written to.
    AdultAge { years: u16 },
    /// Judged by the code of `decide`; the book only names it.
    BuiltIn,
    /// Kept elsewhere in the product, or set under Settings; this says where.
    Elsewhere { at: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    Contact,
    Guarantor,
    Both,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// The words say how to stop them.
    WayOut,
    /// "This is an attempt to collect a debt…"
    CollectorNotice,
    /// The validation notice went before.
    ValidationNotice,
}

/// What a practice may change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freedom {
    pub may_disable: bool,
    /// Its numbers, to the stricter side only.
    pub may_tighten: bool,
    /// Its numbers, to either side.
    pub may_loosen: bool,
}

/// What rules look at to know whether they speak.
pub struct Scene<'a> {
    pub now: UnixMs,
    pub class: Class,
    pub channel: Channel,
    pub sender: Sender,
    pub is_nonprofit_hospital: bool,
    pub is_final_notice: bool,
    pub zone_is_known: bool,
    pub whereabouts: Option<&'a Whereabouts>,
    pub place: OnceCell<Place>,
}

impl Scene<'_> {
    pub fn place(&self) -> &Place {
        self.place.get_or_init(|| Place::of(self.whereabouts))
    }
}

impl Rule {
    /// In force at that instant. A day begins in New York, where the first of the fifty states are,
    /// and ends in Honolulu: at its edges a rule is in force too long rather than too short.
    pub fn is_in_force_at(&self, now: UnixMs) -> bool {
        let begun = self
            .effective_from
            .is_none_or(|from| midnight("America/New_York", from).is_none_or(|at| now >= at));
        let over = self
            .effective_to
            .and_then(|last| last.tomorrow().ok())
            .and_then(|day| midnight("Pacific/Honolulu", day))
            .is_some_and(|end| now >= end);
        begun && !over
    }

    pub(crate) fn speaks_about(&self, scene: &Scene<'_>) -> bool {
        self.enabled && self.applies.to(scene) && self.is_in_force_at(scene.now)
    }
}

fn midnight(zone: &str, day: Date) -> Option<UnixMs> {
    let midnight = Zone::named(zone)?.tz().to_timestamp(day.at(0, 0, 0, 0)).ok()?;
    Some(UnixMs(midnight.as_millisecond()))
}

impl AppliesWhen {
    fn to(&self, scene: &Scene<'_>) -> bool {
        (self.class.is_empty() || self.class.contains(&scene.class))
            && (self.channel.is_empty() || self.channel.contains(&scene.channel))
            && (self.sender.is_empty() || self.sender.contains(&scene.sender))
            && (!self.zone_unknown || !scene.zone_is_known)
            && (!self.nonprofit_hospital || scene.is_nonprofit_hospital)
            && (!self.final_notice || scene.is_final_notice)
            && self.may_be_where(scene)
    }

    /// Whoever may be there is there: nobody knows better.
    fn may_be_where(&self, scene: &Scene<'_>) -> bool {
        if !self.any_zip.is_empty() {
            scene.place().may_be_in_zips(&self.any_zip, &self.any_state)
        } else if !self.any_state.is_empty() {
            scene.place().may_be_in(&self.any_state)
        } else {
            true
        }
    }

    /// Says something about where the person is.
    pub fn names_a_place(&self) -> bool {
        !self.any_state.is_empty() || !self.any_zip.is_empty()
    }
}

impl Kind {
    pub(super) const fn is_asked_by_kind(&self) -> bool {
        matches!(
            self,
            Self::Staleness { .. }
                | Self::Verified { .. }
                | Self::Requires(_)
                | Self::FinalNotice { .. }
                | Self::ChargeNotice { .. }
                | Self::AdultAge { .. }
        )
    }

    /// Its numbers by name, as a form shows them. Empty where there is nothing to change but on and
    /// off.
    pub fn numbers(&self) -> Vec<(&'static str, u16)> {
        let whole = |n: i64| u16::try_from(n).unwrap_or(u16::MAX);
        match self {
            Self::FrequencyCap { cap, .. } => {
                vec![("max", cap.max), ("hours", whole(cap.window_ms / HOUR_MS))]
            }
            Self::Hours(week) => {
                let (from, until) = week.widest();
                vec![("from_hour", from.div_ceil(60)), ("until_hour", until / 60)]
            }
            Self::Staleness { max_age_ms } => vec![("hours", whole(max_age_ms / HOUR_MS))],
            Self::Verified { within_days } => vec![("days", *within_days)],
            Self::FinalNotice { after_first_bill_days, after_written_notice_days } => vec![
                ("days_after_first_bill", *after_first_bill_days),
                ("days_after_written_notice", *after_written_notice_days),
            ],
            Self::ChargeNotice { ahead_days } => vec![("days", *ahead_days)],
            Self::AdultAge { years } => vec![("years", *years)],
            Self::Consent
            | Self::Hold(_)
            | Self::Requires(_)
            | Self::BuiltIn
            | Self::Elsewhere { .. } => Vec::new(),
        }
    }
}

/// `P7D` and `PT24H` in milliseconds.
pub(super) fn span_ms(text: &str) -> Option<i64> {
    let number = |text: &str| text.parse::<i64>().ok().filter(|n| *n > 0);
    if let Some(hours) = text.strip_prefix("PT").and_then(|rest| rest.strip_suffix('H')) {
        number(hours)?.checked_mul(HOUR_MS)
    } else {
        number(text.strip_prefix('P')?.strip_suffix('D')?)?.checked_mul(DAY_MS)
    }
}
