//! Which reminder fits: the tone follows the age of the debt (S-TP6), and a part that was paid
//! lately is thanked for first (S-TP7).

use super::Kind;

/// Days up to which a debt is young, and after which it is old.
const GENTLE_UP_TO_DAYS: i64 = 30;
const PLAIN_UP_TO_DAYS: i64 = 60;
/// A payment this recent is thanked for.
const THANKED_WITHIN_DAYS: i64 = 14;

/// The reminder for a debt this old; `paid_days_ago` of the last payment, if a part was paid.
pub const fn reminder_for(days_old: i64, paid_days_ago: Option<i64>) -> Kind {
    if let Some(days) = paid_days_ago
        && days >= 0
        && days <= THANKED_WITHIN_DAYS
    {
        return Kind::PartPaymentThanks;
    }
    if days_old <= GENTLE_UP_TO_DAYS {
        Kind::ReminderGentle
    } else if days_old <= PLAIN_UP_TO_DAYS {
        Kind::ReminderPlain
    } else {
        Kind::ReminderFirm
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tone_grows_firmer_with_the_debt_and_thanks_come_first() {
        for (days, paid, kind) in [
            (0, None, Kind::ReminderGentle),
            (30, None, Kind::ReminderGentle),
            (31, None, Kind::ReminderPlain),
            (60, None, Kind::ReminderPlain),
            (61, None, Kind::ReminderFirm),
            (400, Some(14), Kind::PartPaymentThanks),
            (400, Some(15), Kind::ReminderFirm),
            (10, Some(0), Kind::PartPaymentThanks),
        ] {
            assert_eq!(reminder_for(days, paid), kind, "{days} {paid:?}");
        }
    }
}
