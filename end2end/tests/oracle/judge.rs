//! The oracle: every reason the reference gives against sending, looked for one after the other.
//! Section numbers are those of the table of messaging rules and of the domain rules.

use std::collections::BTreeMap;

use domain::{
    clock::UnixMs,
    decide::{
        AgreedPayment, Channel, Class, Facts, GuarantorFacts, LineType, PaymentUnderWay,
        PlanStanding, Preference, Proposed, Reach, Sent, SuppressionReason, SuppressionScope,
    },
    holds::{HoldKind, HoldScope},
    zones::Whereabouts,
};

use crate::{
    calendar::{self, DAY, HOUR, MINUTE, day_number, on_the_wall, weekday},
    facts::House,
    places,
};

/// Why not. Empty: it may go.
pub fn objections(
    message: &Proposed,
    facts: &Facts,
    house: &House,
    now: UnixMs,
) -> Vec<&'static str> {
    let look = Look { message, facts, house, now: now.0, kind: Group::of(message.class) };
    let mut against = Vec::new();
    let mut check = |is_against: bool, why| {
        if is_against {
            against.push(why);
        }
    };
    check(message.recipient != facts.contact.value, "another contact");
    check(look.wrong_number(), "wrong number");
    check(look.unreachable(), "unreachable");
    if message.class != Class::StaffNotice {
        check(look.on_hold(), "on hold");
        check(look.a_child(), "not an adult");
        check(look.another_way(), "confidential");
        check(look.opted_out(), "opted out");
        check(look.answered_enough(), "answered");
        check(look.no_consent(), "no consent");
        check(look.phone_unconfirmed(), "not confirmed");
        check(look.fax_to_a_reader(), "fax");
        check(look.words_lack_something(), "words");
        check(look.final_notice_too_soon(), "final notice");
    }
    check(look.practice_not_ready(), "practice");
    check(look.nothing_to_ask(), "money");
    check(look.not_approved(), "approval");
    check(look.early_or_stale(), "slot");
    check(look.too_often(), "caps");
    check(look.asked_for_the_other(), "preference");
    check(look.asleep(), "asleep");
    check(look.asked_to_wait(), "asked to wait");
    check(look.in_quiet_hours(), "quiet hours");
    against
}

/// A law that an answer may stumble over later and not now.
pub fn law_begins_between(now: UnixMs, until: UnixMs) -> bool {
    let new_york_city = new_yorks_midnight((2026, 9, 1));
    now.0 < new_york_city && new_york_city <= until.0
}

fn new_yorks_midnight(day: calendar::Civil) -> i64 {
    // Both laws that begin on a day begin in a season that the wall tells.
    let summer = day.1 > 3 && day.1 < 11;
    day_number(day) * DAY + if summer { 4 * HOUR } else { 5 * HOUR }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    Reminder,
    Direct,
    Answer,
    Other,
}

impl Group {
    fn of(class: Class) -> Self {
        match class {
            Class::Dunning | Class::Agreed | Class::FailedAutopay => Self::Reminder,
            Class::StaffDirect => Self::Direct,
            Class::OptOutConfirmation
            | Class::OptInConfirmation
            | Class::Help
            | Class::AutoReply => Self::Answer,
            _ => Self::Other,
        }
    }
}

struct Look<'a> {
    message: &'a Proposed,
    facts: &'a Facts,
    house: &'a House,
    now: i64,
    kind: Group,
}

impl Look<'_> {
    fn guarantor(&self) -> Option<&GuarantorFacts> {
        self.facts.guarantor.as_ref()
    }

    fn place(&self) -> Option<&Whereabouts> {
        self.guarantor().map(|g| &g.whereabouts)
    }

    /// Begins with the practice and not with the person.
    fn is_outreach(&self) -> bool {
        matches!(self.kind, Group::Reminder | Group::Direct)
    }

    fn class(&self) -> Class {
        self.message.class
    }

    fn channel(&self) -> Channel {
        self.message.channel
    }

    fn by_phone(&self) -> bool {
        matches!(self.channel(), Channel::Text | Channel::Voice | Channel::Fax)
    }

    fn stands(&self, kind: HoldKind) -> bool {
        let about = &self.message.claims;
        let personal = !matches!(
            kind,
            HoldKind::Dispute
                | HoldKind::Collections
                | HoldKind::InsuranceReview
                | HoldKind::FinancialAssistance
                | HoldKind::Pause
                | HoldKind::Manual
                | HoldKind::PaymentPlan
                | HoldKind::Autopay
        );
        self.guarantor().is_some_and(|g| {
            g.holds.iter().any(|hold| {
                let lasts = hold.until.is_none_or(|until| self.now < until.0);
                let covers = match &hold.scope {
                    HoldScope::Account => true,
                    HoldScope::Claim(claim) => {
                        personal || about.is_empty() || about.contains(claim)
                    }
                };
                hold.kind == kind && lasts && covers
            })
        })
    }

    /// M34, D-49 to D-53.
    fn on_hold(&self) -> bool {
        if self.guarantor().is_none() {
            return self.is_outreach();
        }
        let link = self.class() == Class::NewLink;
        let legal = [
            HoldKind::Bankruptcy,
            HoldKind::QmbDoNotBill,
            HoldKind::Attorney,
            HoldKind::Litigation,
            HoldKind::Dispute,
        ];
        if (self.is_outreach() || link) && legal.iter().any(|kind| self.stands(*kind)) {
            return true;
        }
        let to_the_dead = self.is_outreach()
            || matches!(self.class(), Class::NewLink | Class::Code | Class::AccountNotice);
        if to_the_dead && self.stands(HoldKind::Deceased) {
            return true;
        }
        let reminder = self.kind == Group::Reminder;
        if (reminder || link) && self.stands(HoldKind::Collections) {
            return true;
        }
        let waiting = [
            HoldKind::InsuranceReview,
            HoldKind::FinancialAssistance,
            HoldKind::Pause,
            HoldKind::Manual,
        ];
        if reminder && waiting.iter().any(|kind| self.stands(*kind)) {
            return true;
        }
        self.class() == Class::Dunning
            && (self.stands(HoldKind::PaymentPlan) || self.stands(HoldKind::Autopay))
    }

    /// M33, D-45.
    fn wrong_number(&self) -> bool {
        let contact = &self.facts.contact;
        let told = contact.suppression.is_some_and(|s| s.reason == SuppressionReason::WrongNumber);
        self.kind != Group::Answer
            && (told || contact.is_wrong_number || self.stands_anywhere(HoldKind::WrongNumber))
    }

    fn stands_anywhere(&self, kind: HoldKind) -> bool {
        self.guarantor().is_some_and(|g| {
            g.holds.iter().any(|h| h.kind == kind && h.until.is_none_or(|until| self.now < until.0))
        })
    }

    /// D-3.
    fn a_child(&self) -> bool {
        if self.kind == Group::Answer || self.class() == Class::Receipt {
            return false;
        }
        let Some(guarantor) = self.guarantor() else { return true };
        let Some(born) = guarantor.born_on else { return !guarantor.is_separate_from_patients };
        let names = places::zones(&guarantor.whereabouts);
        let names = names.unwrap_or_else(|| places::FIFTY.into());
        let today = names
            .iter()
            .map(|zone| on_the_wall(self.now, &places::clock(zone)).0)
            .min()
            .expect("a person is somewhere");
        let (year, month, day) = calendar::civil(today);
        let (by, bm, bd) = (i64::from(born.year()), i64::from(born.month()), i64::from(born.day()));
        let mut years = year - by;
        if (month, day) < (bm, bd) {
            years -= 1;
        }
        years < i64::from(self.house.adult_age)
    }

    /// M28.
    fn another_way(&self) -> bool {
        if self.kind == Group::Answer {
            return false;
        }
        let Some(guarantor) = self.guarantor() else { return false };
        match &guarantor.only_this_way {
            Some(only) => only.channel != self.channel() || only.value != self.message.recipient,
            None => self.stands_anywhere(HoldKind::ConfidentialCommunication),
        }
    }

    /// M16 to M22, D-34.
    fn opted_out(&self) -> bool {
        let Some(stop) = self.facts.contact.suppression else { return false };
        let stranger = stop.reason == SuppressionReason::WrongNumber;
        let keeps_receipts = stop.scope == SuppressionScope::AllButReceipts
            && self.class() == Class::Receipt
            && !stranger;
        let may = match self.channel() {
            Channel::Voice => false,
            Channel::Text => match self.class() {
                Class::OptOutConfirmation | Class::Help => true,
                Class::Code => self.facts.practice.code_sender_is_separate && !stranger,
                _ => keeps_receipts,
            },
            _ => {
                let for_good = stranger || stop.reason == SuppressionReason::Complaint;
                keeps_receipts || (!for_good && !self.is_outreach())
            }
        };
        !may
    }

    /// M19, S-R2.
    fn answered_enough(&self) -> bool {
        let contact = &self.facts.contact;
        match self.class() {
            Class::OptOutConfirmation => match contact.suppression {
                None => true,
                Some(stop) => {
                    let done = contact.opt_out_confirmed_at.is_some_and(|at| at.0 >= stop.since.0);
                    done || self.now - stop.since.0 > 5 * MINUTE
                }
            },
            Class::AutoReply => contact.auto_replied_at.is_some_and(|at| self.now - at.0 < DAY),
            _ => false,
        }
    }

    /// The 2 in a call asks for one text with the link: it goes for ten minutes, to that phone (D-47).
    fn pressed_a_key_for_it(&self) -> bool {
        let asked = self.facts.contact.asked_at;
        let waits = asked.map(|at| self.now - at.0);
        self.class() == Class::NewLink && waits.is_some_and(|ms| (0..=10 * MINUTE).contains(&ms))
    }

    /// M01, M09, M10, D-47.
    fn no_consent(&self) -> bool {
        if self.kind == Group::Answer {
            return false;
        }
        let contact = &self.facts.contact;
        let given = contact.consent.is_some_and(|c| c.granted && c.at.0 <= self.now);
        match self.channel() {
            Channel::Text if self.class() == Class::Code || self.pressed_a_key_for_it() => false,
            Channel::Text => !given || !contact.text_enabled,
            Channel::Voice => !given,
            Channel::Email | Channel::Fax => {
                let dc = self.now >= new_yorks_midnight((2023, 1, 1))
                    && places::may_live_in(self.place(), &["DC"]);
                let city = self.now >= new_yorks_midnight((2026, 9, 1))
                    && places::may_live_in_new_york_city(self.place());
                self.is_outreach() && (dc || city) && !given
            }
            Channel::Letter => false,
        }
    }

    /// M33.
    fn phone_unconfirmed(&self) -> bool {
        let code = self.class() == Class::Code;
        let looked_at = match self.channel() {
            Channel::Text => !code && !self.pressed_a_key_for_it(),
            Channel::Voice => true,
            _ => false,
        };
        if self.kind == Group::Answer || !looked_at {
            return false;
        }
        let by_rule = (self.house.number_check && !code).then_some(180);
        let Some(days) = self.house.reverify_days.into_iter().chain(by_rule).min() else {
            return false;
        };
        let limit = i64::from(days) * DAY;
        self.facts.contact.verified_at.is_none_or(|at| self.now - at.0 > limit)
    }

    /// S-B10.
    fn fax_to_a_reader(&self) -> bool {
        let Some(guarantor) = self.guarantor() else { return false };
        let asked = guarantor.only_this_way.as_ref().map(|only| only.channel) == Some(Channel::Fax);
        self.channel() == Channel::Fax
            && self.is_outreach()
            && guarantor.takes_text_or_email
            && !asked
    }

    /// M14, M23.
    fn words_lack_something(&self) -> bool {
        let says = self.message.says;
        let digital = matches!(self.channel(), Channel::Text | Channel::Email);
        let unasked = matches!(self.class(), Class::Dunning | Class::Agreed);
        if unasked && digital && !says.way_out {
            return true;
        }
        if !self.house.collects_for_others || !self.is_outreach() {
            return false;
        }
        let validated = self.facts.balance.as_ref().and_then(|b| b.validation_sent_at);
        let needs_way_out = self.channel() != Channel::Letter;
        !says.collector_notice
            || (needs_way_out && !says.way_out)
            || validated.is_none_or(|at| at.0 > self.now)
    }

    /// M35.
    fn final_notice_too_soon(&self) -> bool {
        if !self.house.is_hospital
            || !self.message.says.is_final_notice
            || self.class() != Class::Dunning
        {
            return false;
        }
        let Some(balance) = &self.facts.balance else { return true };
        let waited = |since: Option<UnixMs>, days: i64| {
            since.is_some_and(|at| self.now - at.0 >= days * DAY)
        };
        !waited(balance.first_billed_at, 120) || !waited(balance.written_notice_at, 30)
    }

    /// M32.
    fn unreachable(&self) -> bool {
        let contact = &self.facts.contact;
        let ours = contact.value.starts_with("+1") && contact.value.len() == 12;
        if self.by_phone() && !ours {
            return true;
        }
        if self.kind == Group::Answer {
            return false;
        }
        if self.channel() == Channel::Text
            && (contact.line == LineType::Landline || contact.line == LineType::TollFree)
        {
            return true;
        }
        let rings_anyway = self.channel() == Channel::Voice
            && (contact.reach == Reach::NotMobile || contact.reach == Reach::CarrierBlocked);
        contact.reach != Reach::Good && !rings_anyway
    }

    /// S-G1 to S-G8, S-TP2, M25, M27, M30, M38.
    fn practice_not_ready(&self) -> bool {
        let p = &self.facts.practice;
        let reminder = self.kind == Group::Reminder;
        let answer = self.kind == Group::Answer;
        let code = self.class() == Class::Code;
        let to_staff = self.class() == Class::StaffNotice;
        let set_up = !answer && !code && !to_staff;
        if self.is_outreach() && !p.is_live {
            return true;
        }
        if reminder && (p.import_is_held || !p.proof_approved) {
            return true;
        }
        if set_up && p.is_sensitive && !p.text_name_is_custom {
            return true;
        }
        match self.channel() {
            Channel::Text => {
                let on = p.platform_text_enabled
                    && p.practice_text_enabled
                    && p.text_billing_accepted
                    && p.text_campaign_registered;
                let long = p.text_name_is_custom && p.text_name_chars > 50;
                let sender = p.text_number_chosen || answer || (code && p.code_sender_is_separate);
                (reminder && (p.instamed_is_active || p.texts_paused_by_carriers))
                    || (set_up && (!on || long))
                    || !sender
            }
            Channel::Email => {
                (!to_staff && !p.email_sender_tested) || (reminder && p.email_paused_for_complaints)
            }
            Channel::Voice => !p.voice_is_on || !p.caller_number_chosen,
            Channel::Fax => !p.fax_is_on,
            Channel::Letter => false,
        }
    }

    /// M34, D-8, D-15, D-16, D-30.
    fn nothing_to_ask(&self) -> bool {
        if self.kind != Group::Reminder {
            return false;
        }
        let Some(balance) = &self.facts.balance else { return true };
        let Some(due) = balance.net_due else { return true };
        if due.0 <= 0 || balance.payment != PaymentUnderWay::No {
            return true;
        }
        let before_insurance = balance.insurance_pending != Some(false);
        match self.class() {
            Class::Dunning => {
                due.0 < self.house.minimum_cents
                    || before_insurance
                    || balance.plan == PlanStanding::Kept
                    || balance.autopay_is_on
            }
            Class::Agreed => before_insurance || self.no_longer_agreed(&balance.agreed),
            _ => self.no_longer_agreed(&balance.agreed),
        }
    }

    /// D-30, S-TR4, S-TR9: only of what the practice's system says at that moment.
    fn no_longer_agreed(&self, agreed: &AgreedPayment) -> bool {
        match agreed {
            AgreedPayment::Stands { until, .. } => until.is_some_and(|end| self.now >= end.0),
            AgreedPayment::Unknown | AgreedPayment::Withdrawn | AgreedPayment::Paid { .. } => true,
        }
    }

    /// M39, D-36, D-39.
    fn not_approved(&self) -> bool {
        if self.class() != Class::Dunning {
            return false;
        }
        let Some(yes) = &self.facts.approval.given else { return self.facts.approval.is_required };
        let balance = self.facts.balance.as_ref();
        let due = balance.and_then(|b| b.net_due);
        let paid = balance.and_then(|b| b.last_paid_at);
        yes.content_hash != self.message.content_hash
            || due != Some(yes.net_due)
            || paid.is_some_and(|at| at.0 >= yes.at.0)
    }

    /// M40.
    fn early_or_stale(&self) -> bool {
        let late = self.now - self.message.slot_at.0;
        self.kind == Group::Reminder
            && (late < 0 || late > i64::from(self.house.stale_hours) * HOUR)
    }

    /// S-SF10.
    fn asked_for_the_other(&self) -> bool {
        let wish = self.guarantor().map(|g| g.preference);
        self.kind == Group::Reminder
            && match self.channel() {
                Channel::Text => wish == Some(Preference::Email),
                Channel::Email => wish == Some(Preference::Text),
                _ => false,
            }
    }

    /// M08 to M13, M15.
    fn too_often(&self) -> bool {
        if self.kind != Group::Reminder || self.channel() == Channel::Letter {
            return false;
        }
        let place = self.place();
        let collector = self.house.collects_for_others;
        let spoken = matches!(self.channel(), Channel::Text | Channel::Voice);
        let mut caps = vec![
            (self.house.most_a_day, 1),
            (self.house.most_a_week, 7),
            (self.house.most_a_month, 30),
        ];
        if spoken && places::may_live_in(place, &["MA"]) {
            caps.push((2, 7));
        }
        if places::may_live_in(place, &["DC"]) {
            caps.push((5, 7));
        }
        let city_law = self.now >= new_yorks_midnight((2026, 9, 1));
        if city_law && places::may_live_in_new_york_city(place) {
            caps.push((3, 7));
        }
        if collector && places::may_live_in(place, &["WA"]) {
            caps.push((3, 7));
        }
        if collector && self.channel() == Channel::Voice {
            caps.push((7, 7));
        }
        if self.house.is_strict && spoken && places::may_live_in(place, &["FL", "OK"]) {
            caps.push((3, 1));
        }
        let history = &self.facts.history;
        [&history.to_contact, &history.to_guarantor].into_iter().any(|list| {
            let counted = self.counted(list);
            caps.iter().any(|(most, days)| {
                let recent = counted.iter().filter(|at| self.now - **at < days * DAY).count();
                recent >= usize::from(*most)
            })
        })
    }

    /// Who chose both hears one notice on both as one contact, which is over with its later half.
    fn counted(&self, list: &[Sent]) -> Vec<i64> {
        if self.guarantor().map(|g| g.preference) != Some(Preference::Both) {
            return list.iter().map(|sent| sent.at.0).collect();
        }
        let mut last: BTreeMap<&str, i64> = BTreeMap::new();
        for sent in list {
            if sent.notice != self.message.notice {
                let latest = last.entry(&sent.notice).or_insert(i64::MIN);
                *latest = (*latest).max(sent.at.0);
            }
        }
        last.into_values().collect()
    }

    /// M03 to M08, M11, M12, M41, S-SF5, D-35.
    fn asleep(&self) -> bool {
        let channel = self.channel();
        if channel == Channel::Letter {
            return false;
        }
        let reminder = matches!(self.class(), Class::Dunning | Class::Agreed);
        let collector = self.house.collects_for_others && self.is_outreach();
        let keeps_hours = match self.class() {
            Class::Dunning | Class::Agreed | Class::FailedAutopay => true,
            Class::StaffDirect | Class::Receipt | Class::AccountNotice => self.by_phone(),
            _ => false,
        };
        if !keeps_hours && !collector {
            return false;
        }
        let (zones, is_known) = self.zones();
        if zones.iter().any(|zone| !self.awake_in(zone, is_known, reminder)) {
            return true;
        }
        let small_hours = |zone: &&str| on_the_wall(self.now, &places::clock(zone)).1 < 3 * HOUR;
        reminder && places::FIFTY.iter().any(small_hours)
    }

    /// MS11.
    fn asked_to_wait(&self) -> bool {
        let until = self.guarantor().and_then(|g| g.not_before);
        self.kind == Group::Reminder && until.is_some_and(|until| self.now < until.0)
    }

    /// S-R3.
    fn in_quiet_hours(&self) -> bool {
        let by_post = self.channel() == Channel::Letter;
        let heeded = (self.kind == Group::Reminder && !by_post)
            || (self.class() == Class::Receipt && self.channel() == Channel::Text);
        let Some(quiet) = self.guarantor().and_then(|g| g.quiet).filter(|_| heeded) else {
            return false;
        };
        let (from, until) = (i64::from(quiet.from_hour), i64::from(quiet.until_hour));
        self.zones().0.iter().any(|zone| {
            let hour = on_the_wall(self.now, &places::clock(zone)).1 / HOUR;
            let past_midnight = until < from;
            (hour >= from && (past_midnight || hour < until)) || (past_midnight && hour < until)
        })
    }

    fn zones(&self) -> (Vec<&'static str>, bool) {
        let on_file = self.place().cloned().unwrap_or_default();
        let mut known = places::zones(&on_file);
        if self.by_phone() {
            let ringing =
                Whereabouts { phone: Some(self.message.recipient.clone()), ..on_file.clone() };
            if let Some(more) = places::zones(&ringing) {
                known.get_or_insert_default().extend(more);
            }
        }
        match known {
            Some(zones) => (zones.into_iter().collect(), true),
            None => (places::FIFTY.to_vec(), false),
        }
    }

    fn awake_in(&self, zone: &str, is_known: bool, reminder: bool) -> bool {
        let (day, clock) = on_the_wall(self.now, &places::clock(zone));
        let weekend = weekday(day) >= 6;
        let sunday = weekday(day) == 7;
        let place = self.place();
        let mut open = 8;
        let mut close = if is_known { 21 } else { 20 };
        let mut narrow = |from: i64, until: i64| {
            open = open.max(from);
            close = close.min(until);
        };
        if self.house.collects_for_others && places::may_live_in(place, &["WA"]) {
            narrow(8, 20);
        }
        if self.house.is_strict {
            if places::may_live_in(place, &["FL", "OK", "MD", "MS", "NJ"]) {
                narrow(8, 20);
            }
            if places::may_live_in(place, &["CT"]) {
                narrow(9, 20);
            }
            if places::may_live_in(place, &["TX"]) {
                narrow(if sunday { 12 } else { 9 }, 21);
            }
            if places::may_live_in(place, &["RI"]) {
                if weekend { narrow(10, 17) } else { narrow(9, 18) }
            }
        }
        // Handed over an hour before the end at the latest.
        close -= 1;
        if reminder {
            let works = (self.house.first_day..=self.house.last_day).contains(&weekday(day));
            if !works || (self.house.skips_holidays && calendar::is_holiday(day)) {
                return false;
            }
            open = open.max(self.house.from_hour);
            close = close.min(self.house.until_hour);
        }
        open * HOUR <= clock && clock < close * HOUR
    }
}
