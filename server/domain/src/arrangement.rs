//! What a guarantor has agreed with the practice about paying: a plan, a card on file, bills without
//! paper. The practice's own system keeps these; its file says them, and Clearbill charges nothing.
//!
//! A file says a whole part or nothing of it: a plan with its next instalment, autopay with its next
//! charge. So a part that is said replaces what was known, and a part that is not said leaves it.
//!
//! An [`Occasion`] is one thing to tell the guarantor of: an instalment that is coming, a charge that
//! is coming, a charge that failed. It is told once, in the words and cents of its day; when a later
//! file says another day or amount, that is another occasion, and the old one stands no more.

use jiff::{ToSpan, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{
    clock::UnixMs,
    decide::{AgreedPayment, Channel, Class, PlanStanding},
    money::Cents,
    profile::GRACE_MS,
    template::Kind,
};

/// An instalment is reminded of so many days before: a weekend fits in between.
const INSTALMENT_AHEAD_DAYS: i64 = 5;
/// A charge is told of so many days before the last day on which the notice is in time: room for a
/// closed window, a holiday and a full cap.
const CHARGE_EARLIER_DAYS: i64 = 4;
/// When a day's work begins at the practice; the recipient's hours still hold.
const HOUR: i8 = 9;
/// No file plans further ahead.
pub const PLANNED_AHEAD_YEARS: i16 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instalment {
    pub amount: Cents,
    pub on: Date,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub standing: PlanStanding,
    /// The next one; `None` when the source does not say it.
    pub next: Option<Instalment>,
}

/// The last four digits of a card: all that is ever kept of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LastFour([u8; 4]);

impl LastFour {
    pub fn parse(text: &str) -> Option<Self> {
        let digits: [u8; 4] = text.as_bytes().try_into().ok()?;
        digits.iter().all(u8::is_ascii_digit).then_some(Self(digits))
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl TryFrom<String> for LastFour {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not four digits")
    }
}

impl From<LastFour> for String {
    fn from(digits: LastFour) -> Self {
        digits.as_str().to_owned()
    }
}

/// What will be charged to the card on file, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    pub card: LastFour,
    pub amount: Cents,
    pub on: Date,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Autopay {
    pub is_on: bool,
    pub card: Option<LastFour>,
    pub charge: Option<Charge>,
    /// The day on which the last charge was declined.
    pub failed_on: Option<Date>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paperless {
    pub is_wanted: bool,
    /// The day it was agreed to, or taken back. Without one nothing is recorded, and paper goes on.
    pub consent_on: Option<Date>,
}

/// Everything a source says of one guarantor; `None` is "not said".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrangement {
    pub plan: Option<Plan>,
    pub autopay: Option<Autopay>,
    pub has_high_deductible: Option<bool>,
    pub paperless: Option<Paperless>,
}

impl Arrangement {
    pub fn says_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// What is known after this was said.
    #[must_use]
    pub fn over(self, before: Self) -> Self {
        Self {
            plan: self.plan.or(before.plan),
            autopay: self.autopay.or(before.autopay),
            has_high_deductible: self.has_high_deductible.or(before.has_high_deductible),
            paperless: self.paperless.or(before.paperless),
        }
    }

    pub fn plan_standing(&self) -> PlanStanding {
        self.plan.map_or(PlanStanding::NoPlan, |plan| plan.standing)
    }

    pub fn autopay_is_on(&self) -> bool {
        self.autopay.is_some_and(|autopay| autopay.is_on)
    }

    /// Agreed to bills without paper, on a day that is recorded (S-TR10).
    pub fn is_paperless(&self) -> bool {
        self.paperless
            .is_some_and(|paperless| paperless.is_wanted && paperless.consent_on.is_some())
    }

    /// What there is to tell of now, the most pressing first.
    pub fn occasions(&self) -> Vec<Occasion> {
        let failed = self.autopay.and_then(|autopay| autopay.failed_on).map(Occasion::Failed);
        let charge = self.autopay.filter(|autopay| autopay.is_on).and_then(|a| a.charge);
        let next = self.plan.filter(|plan| plan.standing != PlanStanding::NoPlan);
        let next = next.and_then(|plan| plan.next);
        failed
            .into_iter()
            .chain(charge.map(Occasion::Charge))
            .chain(next.map(Occasion::Instalment))
            .collect()
    }
}

/// One thing to tell a guarantor of, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    Instalment(Instalment),
    Charge(Charge),
    /// The charge of that day was declined.
    Failed(Date),
}

impl Occasion {
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Instalment(_) => Kind::PaymentPlan,
            Self::Charge(_) => Kind::CourtesyCharge,
            Self::Failed(_) => Kind::FailedAutopay,
        }
    }

    pub const fn class(&self) -> Class {
        match self {
            Self::Instalment(_) | Self::Charge(_) => Class::Agreed,
            Self::Failed(_) => Class::FailedAutopay,
        }
    }

    /// The day it is about.
    pub const fn day(&self) -> Date {
        match self {
            Self::Instalment(instalment) => instalment.on,
            Self::Charge(charge) => charge.on,
            Self::Failed(day) => *day,
        }
    }

    pub const fn amount(&self) -> Option<Cents> {
        match self {
            Self::Instalment(instalment) => Some(instalment.amount),
            Self::Charge(charge) => Some(charge.amount),
            Self::Failed(_) => None,
        }
    }

    /// The ways it may go, the best first. The notice of a charge names its amount or is none (M36),
    /// so a text that may not say amounts is no way for it.
    pub const fn ways(&self, texts_say_amounts: bool) -> &'static [Channel] {
        match self {
            Self::Charge(_) if texts_say_amounts => &[Channel::Email, Channel::Text],
            Self::Charge(_) => &[Channel::Email],
            Self::Instalment(_) | Self::Failed(_) => &[Channel::Text, Channel::Email],
        }
    }

    /// What every message of it carries, and no message of another: the same day, amount and card
    /// give the same key for ever, however often a file repeats them (D-38).
    pub fn key(&self) -> String {
        match self {
            Self::Instalment(one) => format!("instalment:{}:{}", one.on, one.amount.0),
            Self::Charge(one) => {
                format!("charge:{}:{}:{}", one.on, one.amount.0, one.card.as_str())
            }
            Self::Failed(day) => format!("failed:{day}"),
        }
    }

    /// When it is told. `notice_days` is how long before a charge its notice is in time.
    pub fn slot(&self, notice_days: u16, zone: &TimeZone) -> Option<UnixMs> {
        match self {
            Self::Instalment(one) => begins(ahead(one.on, INSTALMENT_AHEAD_DAYS)?, HOUR, zone),
            Self::Charge(one) => {
                let days = i64::from(notice_days) + CHARGE_EARLIER_DAYS;
                begins(ahead(one.on, days)?, HOUR, zone)
            }
            Self::Failed(day) => begins(*day, 0, zone),
        }
    }

    /// When it may be told, now or later; `None` once that is over.
    pub fn open_slot(&self, notice_days: u16, zone: &TimeZone, now: UnixMs) -> Option<UnixMs> {
        let lapses = self.lapses_at(notice_days, zone)?;
        self.slot(notice_days, zone).filter(|_| now < lapses)
    }

    /// From then on it is not told any more. Nothing is made up for after the grace (D-37), but the
    /// notice of a charge: late is better than never, while the charge is still to come.
    pub fn lapses_at(&self, notice_days: u16, zone: &TimeZone) -> Option<UnixMs> {
        match self {
            // The whole day of the failure counts, whatever its hour was.
            Self::Failed(day) => Some(begins(day.tomorrow().ok()?, 0, zone)?.plus_ms(GRACE_MS)),
            Self::Instalment(_) => Some(self.slot(notice_days, zone)?.plus_ms(GRACE_MS)),
            Self::Charge(one) => begins(one.on.tomorrow().ok()?, 0, zone),
        }
    }
}

/// The arrangement of an account, and when its parts were last said differently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    pub arrangement: Arrangement,
    pub plan_said_at: Option<UnixMs>,
    pub autopay_said_at: Option<UnixMs>,
}

impl Known {
    /// How the occasion behind `key` stands by now, for [`crate::decide::decide`].
    pub fn stands(
        &self,
        key: &str,
        last_paid_at: Option<UnixMs>,
        zone: &TimeZone,
    ) -> AgreedPayment {
        let Some(occasion) = self.arrangement.occasions().into_iter().find(|o| o.key() == key)
        else {
            return AgreedPayment::Withdrawn;
        };
        let said_at = match occasion {
            Occasion::Instalment(_) => self.plan_said_at,
            Occasion::Failed(_) => self.autopay_said_at,
            // It is charged whatever was paid since, unless a file says otherwise.
            Occasion::Charge(_) => None,
        };
        if let (Some(paid), Some(said)) = (last_paid_at, said_at)
            && paid >= said
        {
            return AgreedPayment::Paid { at: paid };
        }
        let ends = |day: Date| day.tomorrow().ok().and_then(|next| begins(next, 0, zone));
        match occasion {
            // How late it may be told is for its slot and its staleness.
            Occasion::Failed(_) => AgreedPayment::Stands { until: None, charge_at: None },
            Occasion::Instalment(one) => {
                AgreedPayment::Stands { until: ends(one.on), charge_at: None }
            }
            Occasion::Charge(one) => {
                AgreedPayment::Stands { until: ends(one.on), charge_at: begins(one.on, 0, zone) }
            }
        }
    }
}

fn ahead(day: Date, days: i64) -> Option<Date> {
    day.checked_sub(days.days()).ok()
}

fn begins(day: Date, hour: i8, zone: &TimeZone) -> Option<UnixMs> {
    let at = day.at(hour, 0, 0, 0).to_zoned(zone.clone()).ok()?;
    Some(UnixMs(at.timestamp().as_millisecond()))
}

/// Whether somebody may plan for that day on `today`.
pub fn is_too_far(day: Date, today: Date) -> bool {
    let last = today.checked_add(i64::from(PLANNED_AHEAD_YEARS).years());
    last.is_ok_and(|last| day > last)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::clock::{DAY_MS, HOUR_MS};

    const DUE: Date = date(2026, 3, 20);

    fn at(text: &str) -> UnixMs {
        UnixMs::parse_rfc3339(text).unwrap()
    }

    fn new_york() -> TimeZone {
        TimeZone::get("America/New_York").unwrap()
    }

    fn card(text: &str) -> LastFour {
        LastFour::parse(text).unwrap()
    }

    fn charge(amount: i64) -> Charge {
        Charge { card: card("4242"), amount: Cents(amount), on: DUE }
    }

    fn autopay(charge: Option<Charge>, failed_on: Option<Date>) -> Arrangement {
        let autopay = Autopay { is_on: true, card: Some(card("4242")), charge, failed_on };
        Arrangement { autopay: Some(autopay), ..Arrangement::default() }
    }

    fn plan(standing: PlanStanding, amount: i64) -> Arrangement {
        let next = Some(Instalment { amount: Cents(amount), on: DUE });
        Arrangement { plan: Some(Plan { standing, next }), ..Arrangement::default() }
    }

    #[test]
    fn only_four_digits_are_the_end_of_a_card() {
        for text in ["", "424", "42424", "42a2", "4242424242424242", "\u{664}242"] {
            assert_eq!(LastFour::parse(text), None, "{text}");
        }
        assert_eq!(card("0042").as_str(), "0042");
        assert_eq!(serde_json::from_str::<LastFour>("\"0042\"").unwrap(), card("0042"));
        assert!(serde_json::from_str::<LastFour>("\"42\"").is_err());
    }

    #[test]
    fn what_is_said_replaces_its_part_and_leaves_the_others() {
        let before =
            Arrangement { has_high_deductible: Some(true), ..plan(PlanStanding::Kept, 50) };
        let said = Arrangement {
            plan: Some(Plan { standing: PlanStanding::NoPlan, next: None }),
            ..Arrangement::default()
        };
        let after = said.over(before);
        assert_eq!(after.plan_standing(), PlanStanding::NoPlan);
        assert_eq!(after.has_high_deductible, Some(true));
        assert!(after.occasions().is_empty(), "a plan that is over has no instalment");
        assert_eq!(Arrangement::default().over(before), before);
    }

    #[test]
    fn paper_stops_only_with_a_consent_that_has_a_day() {
        let said = |is_wanted, consent_on| Arrangement {
            paperless: Some(Paperless { is_wanted, consent_on }),
            ..Arrangement::default()
        };
        assert!(said(true, Some(DUE)).is_paperless());
        assert!(!said(true, None).is_paperless());
        assert!(!said(false, Some(DUE)).is_paperless());
        assert!(!Arrangement::default().is_paperless());
    }

    #[test]
    fn an_instalment_is_reminded_of_five_days_before_and_not_made_up_for() {
        let one = plan(PlanStanding::Kept, 50_00).occasions()[0];
        let nine = at("2026-03-15T09:00:00-04:00");
        assert_eq!(one.slot(10, &new_york()), Some(nine));
        for (after_ms, open) in [(0, true), (GRACE_MS - 1, true), (GRACE_MS, false)] {
            let found = one.open_slot(10, &new_york(), nine.plus_ms(after_ms));
            assert_eq!(found.is_some(), open, "{after_ms}");
        }
    }

    #[test]
    fn a_charge_is_told_two_weeks_before_and_late_until_its_day_is_over() {
        let one = autopay(Some(charge(125_00)), None).occasions()[0];
        assert_eq!(one.slot(10, &new_york()), Some(at("2026-03-06T09:00:00-05:00")));
        // A practice that wants more days gets them on top.
        assert_eq!(one.slot(14, &new_york()), Some(at("2026-03-02T09:00:00-05:00")));
        let evening = at("2026-03-20T22:00:00-04:00");
        assert!(one.open_slot(10, &new_york(), evening).is_some());
        assert_eq!(one.open_slot(10, &new_york(), evening.plus_ms(2 * HOUR_MS)), None);
    }

    #[test]
    fn a_failure_is_told_for_three_days_after_its_day() {
        let one = autopay(None, Some(DUE)).occasions()[0];
        let midnight = at("2026-03-21T00:00:00-04:00");
        for (days, open) in [(-1, true), (2, true), (3, false), (30, false)] {
            let found = one.open_slot(10, &new_york(), midnight.plus_ms(days * DAY_MS));
            assert_eq!(found.is_some(), open, "{days}");
        }
    }

    #[test]
    fn the_same_day_amount_and_card_are_one_occasion_and_others_are_others() {
        let key = |arrangement: Arrangement| arrangement.occasions()[0].key();
        assert_eq!(key(autopay(Some(charge(1)), None)), key(autopay(Some(charge(1)), None)));
        assert_ne!(key(autopay(Some(charge(1)), None)), key(autopay(Some(charge(2)), None)));
        let other_card = Charge { card: card("1881"), ..charge(1) };
        assert_ne!(key(autopay(Some(charge(1)), None)), key(autopay(Some(other_card), None)));
        assert_ne!(key(plan(PlanStanding::Kept, 1)), key(plan(PlanStanding::Kept, 2)));
    }

    #[test]
    fn a_message_stands_while_the_file_says_the_same_and_nothing_was_paid() {
        let said = at("2026-03-04T10:00:00-05:00");
        let known = |arrangement| Known {
            arrangement,
            plan_said_at: Some(said),
            autopay_said_at: Some(said),
        };
        let key = plan(PlanStanding::Kept, 50_00).occasions()[0].key();
        let stands = |arrangement, paid| known(arrangement).stands(&key, paid, &new_york());
        let over = at("2026-03-21T00:00:00-04:00");
        let kept = plan(PlanStanding::Kept, 50_00);
        let fine = AgreedPayment::Stands { until: Some(over), charge_at: None };
        assert_eq!(stands(kept, None), fine);
        assert_eq!(stands(kept, Some(said.minus_ms(1))), fine, "paid before the file was made");
        assert_eq!(stands(kept, Some(said)), AgreedPayment::Paid { at: said });
        assert_eq!(stands(plan(PlanStanding::Kept, 60_00), None), AgreedPayment::Withdrawn);
        assert_eq!(stands(plan(PlanStanding::NoPlan, 50_00), None), AgreedPayment::Withdrawn);
        assert_eq!(stands(Arrangement::default(), None), AgreedPayment::Withdrawn);

        let charged = autopay(Some(charge(125_00)), None);
        let key = charged.occasions()[0].key();
        let found = known(charged).stands(&key, Some(said), &new_york());
        let charge_at = Some(at("2026-03-20T00:00:00-04:00"));
        let fine = AgreedPayment::Stands { until: Some(over), charge_at };
        assert_eq!(found, fine, "it is charged whatever else was paid");
        let off = Arrangement {
            autopay: charged.autopay.map(|autopay| Autopay { is_on: false, ..autopay }),
            ..charged
        };
        assert_eq!(known(off).stands(&key, None, &new_york()), AgreedPayment::Withdrawn);
    }
}
