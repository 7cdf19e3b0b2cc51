//! A rule's data in words: where it applies, what its numbers mean.

use domain::{
    clock::{DAY_MS, HOUR_MS},
    decide::{Channel, Class, Sender},
    rulebook::{AppliesWhen, Change, Kind},
    window::Hours,
};

pub const fn kind_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::FrequencyCap { .. } => "How often",
        Kind::Hours(_) => "Hours",
        Kind::Consent => "Consent",
        Kind::Hold(_) => "Hold",
        Kind::Staleness { .. } => "Age of the message",
        Kind::Verified { .. } => "Confirmed contact",
        Kind::Requires(_) => "What must be said",
        Kind::FinalNotice { .. } => "Wait before a final notice",
        Kind::ChargeNotice { .. } => "Wait before a charge",
        Kind::AdultAge { .. } => "Age of the person",
        Kind::BuiltIn => "Part of every decision",
        Kind::Elsewhere { .. } => "Kept elsewhere in the product",
    }
}

/// The label of a number's field.
pub fn number_name(name: &str) -> String {
    match name {
        "max" => "Messages at most",
        "hours" => "Hours",
        "days" => "Days",
        "years" => "Years",
        "from_hour" => "From hour",
        "until_hour" => "Until hour",
        "days_after_first_bill" => "Days after the first bill",
        "days_after_written_notice" => "Days after the written notice",
        other => return other.replace('_', " "),
    }
    .to_owned()
}

/// What a rule asks, with its numbers; empty where there are none.
pub fn numbers(kind: &Kind) -> String {
    match kind {
        Kind::FrequencyCap { cap, .. } => {
            format!("{} in {}", cap.max, span(cap.window_ms))
        }
        Kind::Hours(week) => {
            let names = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"];
            let days = week.days.iter().zip(names).map(|(hours, name)| (name, *hours));
            let same = week.days.iter().all(|hours| *hours == week.days[0]);
            if same {
                return format!("{} every day", hours(week.days[0]));
            }
            days.map(|(name, open)| format!("{name} {}", hours(open)))
                .collect::<Vec<_>>()
                .join(", ")
        }
        Kind::Staleness { max_age_ms } => span(*max_age_ms),
        Kind::Verified { within_days } => format!("{within_days} days"),
        Kind::FinalNotice { after_first_bill_days, after_written_notice_days } => format!(
            "{after_first_bill_days} days after the first bill, {after_written_notice_days} after \
             the written notice"
        ),
        Kind::ChargeNotice { ahead_days } => format!("{ahead_days} days"),
        Kind::AdultAge { years } => format!("{years} years"),
        Kind::Consent
        | Kind::Hold(_)
        | Kind::Requires(_)
        | Kind::BuiltIn
        | Kind::Elsewhere { .. } => String::new(),
    }
}

fn span(ms: i64) -> String {
    if ms % DAY_MS == 0 && ms > DAY_MS {
        format!("{} days", ms / DAY_MS)
    } else {
        format!("{} hours", ms / HOUR_MS)
    }
}

fn hours(hours: Hours) -> String {
    if hours.open >= hours.close {
        return "closed".to_owned();
    }
    let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    format!("{} to {}", clock(hours.open), clock(hours.close))
}

/// Who, where, by which way and for what; `Everything` without any condition.
pub fn where_and_when(applies: &AppliesWhen) -> String {
    let mut parts = Vec::new();
    match &applies.city {
        Some(city) => parts.push(format!("people who may live in {city}")),
        None if applies.names_a_place() => {
            parts.push(format!("people who may live in {}", applies.any_state.join(", ")));
        }
        None => {}
    }
    if applies.zone_unknown {
        parts.push("people of whom no zone is known".to_owned());
    }
    if applies.nonprofit_hospital {
        parts.push("nonprofit hospitals".to_owned());
    }
    if applies.final_notice {
        parts.push("final notices".to_owned());
    }
    if !applies.sender.is_empty() {
        let senders: Vec<&str> = applies.sender.iter().map(|sender| sender_name(*sender)).collect();
        parts.push(format!("in the name of {}", senders.join(" or ")));
    }
    if !applies.channel.is_empty() {
        let ways: Vec<&str> = applies.channel.iter().map(|channel| way(*channel)).collect();
        parts.push(format!("by {}", ways.join(", ")));
    }
    if !applies.class.is_empty() {
        let classes: Vec<&str> = applies.class.iter().map(|class| class_name(*class)).collect();
        parts.push(classes.join(", "));
    }
    if parts.is_empty() { "Everything".to_owned() } else { parts.join("; ") }
}

const fn sender_name(sender: Sender) -> &'static str {
    match sender {
        Sender::FirstParty => "the practice itself",
        Sender::ThirdParty => "a collector",
        Sender::Marketing => "an advertiser",
    }
}

const fn way(channel: Channel) -> &'static str {
    match channel {
        Channel::Text => "text",
        Channel::Email => "email",
        Channel::Voice => "call",
        Channel::Fax => "fax",
        Channel::Letter => "letter",
    }
}

const fn class_name(class: Class) -> &'static str {
    match class {
        Class::Dunning => "reminders",
        Class::Agreed => "notices of agreed payments",
        Class::FailedAutopay => "declined charges",
        Class::StaffDirect => "messages that staff write",
        Class::NewLink => "new links",
        Class::Receipt => "receipts",
        Class::Code => "codes",
        Class::AccountNotice => "news of the login",
        Class::OptOutConfirmation => "confirmations of an opt-out",
        Class::OptInConfirmation => "confirmations of coming back",
        Class::Help => "answers to HELP",
        Class::AutoReply => "automatic answers",
        Class::StaffNotice => "messages to staff",
    }
}

/// A practice's change in words: `On; messages at most 1`.
pub fn change_words(change: &Change) -> String {
    let switch = change.enabled.map(|on| if on { "On" } else { "Off" }.to_owned());
    let numbers =
        change.numbers.iter().map(|(name, value)| format!("{}: {value}", number_name(name)));
    switch.into_iter().chain(numbers).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use domain::rulebook::Rulebook;

    use super::*;

    #[test]
    fn every_rule_says_to_whom_it_applies_and_what_its_numbers_are() {
        for rule in Rulebook::product().rules() {
            assert!(!where_and_when(&rule.applies).is_empty(), "{}", rule.id);
            assert_eq!(
                rule.kind.numbers().is_empty(),
                numbers(&rule.kind).is_empty(),
                "{}",
                rule.id
            );
        }
        let book = Rulebook::product();
        let city = book.find("M10.NYC.freq").expect("a rule of the reference");
        assert!(where_and_when(&city.applies).contains("New York City"));
        assert_eq!(numbers(&city.kind), "3 in 7 days");
    }
}
