//! Segments: filters over accounts that profiles, jobs and the work queue share (S-SG1 to S-SG6). A
//! filter is plain data, says in words what it selects, and never looks at anything but the facts
//! given here.

use serde::{Deserialize, Serialize};

use crate::{book::Language, money::Cents};

/// Longest name of a saved filter, so that it fits a menu.
pub const NAME_LONGEST: usize = 60;

/// What a filter may look at. Amounts are what remains due, net of everything received (D-14).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountView {
    /// Days since the oldest open balance became the guarantor's.
    pub age_days: i64,
    pub due: Cents,
    /// No open claim went through an insurer.
    pub is_self_pay: bool,
    /// An insurer still has to answer about some claim.
    pub has_insurance_pending: bool,
    /// Open claims.
    pub bills: u32,
    pub is_flagged: bool,
    /// By the practice's system or by a hold, whether the plan is kept or not.
    pub is_on_plan: bool,
    /// As the practice's system says.
    pub has_high_deductible: bool,
    /// The visits of three or more of the last twelve months left something to pay.
    pub is_recurring: bool,
    pub has_returned_check: bool,
    pub language: Option<Language>,
    pub state: Option<String>,
    /// Reminders of the running cycle that a provider accepted.
    pub reminders: u32,
    /// The latest reminder of the cycle failed on every channel it tried.
    pub last_reminder_failed: bool,
}

/// From these on an account is top priority (S-SG1).
pub const TOP_PRIORITY_DAYS: i64 = 60;
pub const TOP_PRIORITY_CENTS: Cents = Cents(500_00);

impl AccountView {
    pub fn is_top_priority(&self) -> bool {
        self.age_days > TOP_PRIORITY_DAYS || self.due > TOP_PRIORITY_CENTS
    }
}

/// Every part that is set has to hold; an empty filter holds for everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_at_least: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_at_most: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_at_least: Option<Cents>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_at_most: Option<Cents>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bills_at_least: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reminders_at_least: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reminders_at_most: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Two letters; any of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub traits: Vec<Wanted>,
}

/// A trait that has to be there, or must not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Wanted {
    pub of: Trait,
    pub is: bool,
}

macro_rules! traits {
    ($($name:ident = $code:literal, $yes:literal, $no:literal, $find:expr;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Trait { $($name,)* }

        impl Trait {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            pub fn parse(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == code)
            }

            /// As staff read it.
            pub const fn in_words(self, is: bool) -> &'static str {
                match (self, is) { $((Self::$name, true) => $yes, (Self::$name, false) => $no,)* }
            }

            fn holds(self, view: &AccountView) -> bool {
                let find: fn(&AccountView) -> bool = match self { $(Self::$name => $find,)* };
                find(view)
            }
        }
    };
}

traits! {
    SelfPay = "self_pay", "self-pay", "with insurance", |v| v.is_self_pay;
    InsurancePending = "insurance_pending", "insurance still pending", "insurance finished",
        |v| v.has_insurance_pending;
    SeveralBills = "several_bills", "several open bills", "one open bill", |v| v.bills > 1;
    TopPriority = "top_priority", "top priority (over 60 days or over $500.00)",
        "not top priority", AccountView::is_top_priority;
    Flagged = "flagged", "flagged for reminder", "not flagged", |v| v.is_flagged;
    OnPlan = "on_plan", "on a payment plan", "not on a payment plan", |v| v.is_on_plan;
    HighDeductible = "high_deductible", "high-deductible plan", "no high-deductible plan",
        |v| v.has_high_deductible;
    Recurring = "recurring", "recurring balance (bills of three or more months of the last year)",
        "no recurring balance",
        |v| v.is_recurring;
    ReturnedCheck = "returned_check", "returned check", "no returned check",
        |v| v.has_returned_check;
    LastReminderFailed = "last_reminder_failed", "last reminder could not be delivered",
        "last reminder was not refused", |v| v.last_reminder_failed;
}

impl Filter {
    pub fn holds(&self, view: &AccountView) -> bool {
        self.age_at_least.is_none_or(|least| view.age_days >= least)
            && self.age_at_most.is_none_or(|most| view.age_days <= most)
            && self.due_at_least.is_none_or(|least| view.due >= least)
            && self.due_at_most.is_none_or(|most| view.due <= most)
            && self.bills_at_least.is_none_or(|least| view.bills >= least)
            && self.reminders_at_least.is_none_or(|least| view.reminders >= least)
            && self.reminders_at_most.is_none_or(|most| view.reminders <= most)
            && self
                .language
                .is_none_or(|language| view.language.unwrap_or(Language::English) == language)
            && (self.states.is_empty() || self.holds_state(view.state.as_deref()))
            && self.traits.iter().all(|wanted| wanted.of.holds(view) == wanted.is)
    }

    fn holds_state(&self, state: Option<&str>) -> bool {
        state.is_some_and(|here| self.states.iter().any(|one| one.eq_ignore_ascii_case(here)))
    }

    /// What it selects, as one phrase: `over 59 days, at least $500.00, self-pay`.
    pub fn in_words(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        match (self.age_at_least, self.age_at_most) {
            (Some(least), Some(most)) => parts.push(format!("{least} to {most} days old")),
            (Some(least), None) => parts.push(format!("{least} days or older")),
            (None, Some(most)) => parts.push(format!("up to {most} days old")),
            (None, None) => {}
        }
        match (self.due_at_least, self.due_at_most) {
            (Some(least), Some(most)) => parts.push(format!("{least} to {most} due")),
            (Some(least), None) => parts.push(format!("at least {least} due")),
            (None, Some(most)) => parts.push(format!("at most {most} due")),
            (None, None) => {}
        }
        if let Some(least) = self.bills_at_least {
            parts.push(format!("at least {least} open bills"));
        }
        if let Some(least) = self.reminders_at_least {
            parts.push(format!("after {least} or more reminders"));
        }
        if let Some(most) = self.reminders_at_most {
            parts.push(format!("after at most {most} reminders"));
        }
        if let Some(language) = self.language {
            let name = match language {
                Language::English => "reads English",
                Language::Spanish => "reads Spanish",
            };
            parts.push(name.to_owned());
        }
        if !self.states.is_empty() {
            parts.push(format!("in {}", self.states.join(", ")));
        }
        parts.extend(self.traits.iter().map(|wanted| wanted.of.in_words(wanted.is).to_owned()));
        if parts.is_empty() { "everybody".to_owned() } else { parts.join(", ") }
    }

    /// What no account could satisfy, as a sentence for the person who typed it.
    pub fn contradiction(&self) -> Option<&'static str> {
        let crossed = |least: Option<i64>, most: Option<i64>| {
            least.zip(most).is_some_and(|(least, most)| least > most)
        };
        let cents = |amount: Option<Cents>| amount.map(|c| c.0);
        let count = |number: Option<u32>| number.map(i64::from);
        if crossed(self.age_at_least, self.age_at_most) {
            return Some("The lowest age is above the highest.");
        }
        if crossed(cents(self.due_at_least), cents(self.due_at_most)) {
            return Some("The lowest amount is above the highest.");
        }
        if crossed(count(self.reminders_at_least), count(self.reminders_at_most)) {
            return Some("The lowest number of reminders is above the highest.");
        }
        let both = |wanted: &Wanted| {
            self.traits.iter().any(|other| other.of == wanted.of && other.is != wanted.is)
        };
        self.traits.iter().any(both).then_some("Two parts contradict each other.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rosa() -> AccountView {
        AccountView {
            age_days: 64,
            due: Cents(120_00),
            is_self_pay: true,
            bills: 2,
            state: Some("ma".into()),
            reminders: 2,
            ..AccountView::default()
        }
    }

    #[test]
    fn an_empty_filter_holds_for_everybody() {
        assert!(Filter::default().holds(&rosa()));
        assert!(Filter::default().holds(&AccountView::default()));
        assert_eq!(Filter::default().in_words(), "everybody");
    }

    #[test]
    fn every_part_that_is_set_has_to_hold() {
        let wanted = |of, is| Filter { traits: vec![Wanted { of, is }], ..Filter::default() };
        let cases: [(Filter, bool); 13] = [
            (Filter { age_at_least: Some(64), ..Filter::default() }, true),
            (Filter { age_at_least: Some(65), ..Filter::default() }, false),
            (Filter { age_at_most: Some(63), ..Filter::default() }, false),
            (Filter { due_at_least: Some(Cents(120_00)), ..Filter::default() }, true),
            (Filter { due_at_most: Some(Cents(119_99)), ..Filter::default() }, false),
            (Filter { bills_at_least: Some(3), ..Filter::default() }, false),
            (Filter { reminders_at_least: Some(2), ..Filter::default() }, true),
            (Filter { reminders_at_most: Some(1), ..Filter::default() }, false),
            (Filter { states: vec!["NY".into(), "MA".into()], ..Filter::default() }, true),
            (Filter { language: Some(Language::Spanish), ..Filter::default() }, false),
            (wanted(Trait::TopPriority, true), true),
            (wanted(Trait::SeveralBills, false), false),
            (wanted(Trait::OnPlan, false), true),
        ];
        for (filter, expected) in cases {
            assert_eq!(filter.holds(&rosa()), expected, "{filter:?}");
        }
    }

    #[test]
    fn an_account_in_no_known_state_is_in_none_of_them() {
        let filter = Filter { states: vec!["MA".into()], ..Filter::default() };
        assert!(!filter.holds(&AccountView { state: None, ..rosa() }));
    }

    #[test]
    fn a_filter_says_what_it_selects() {
        let filter = Filter {
            age_at_least: Some(61),
            due_at_least: Some(Cents(500_00)),
            states: vec!["MA".into()],
            traits: vec![
                Wanted { of: Trait::SelfPay, is: true },
                Wanted { of: Trait::OnPlan, is: false },
            ],
            ..Filter::default()
        };
        let words =
            "61 days or older, at least $500.00 due, in MA, self-pay, not on a payment plan";
        assert_eq!(filter.in_words(), words);
    }

    #[test]
    fn what_nobody_can_satisfy_is_said() {
        let crossed = Filter { age_at_least: Some(9), age_at_most: Some(8), ..Filter::default() };
        assert!(crossed.contradiction().is_some());
        let both = Filter {
            traits: vec![
                Wanted { of: Trait::SelfPay, is: true },
                Wanted { of: Trait::SelfPay, is: false },
            ],
            ..Filter::default()
        };
        assert!(both.contradiction().is_some());
        assert_eq!(Filter::default().contradiction(), None);
    }
}
