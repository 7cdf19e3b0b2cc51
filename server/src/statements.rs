//! What somebody chose on Select Criteria, read from the address; the list it makes; and what the
//! ticked part of it comes to. Shared by the pages and the actions of Send Patient Statements.

use std::collections::BTreeMap;

use app::{
    components::{Errors, Query},
    pages::staff::{AGES, Departure, LAST_SENT, ListedAccount, SEGMENTS, Selected, claim_words},
};
use domain::{
    book::{ClaimStatus, Language},
    clock::{DAY_MS, UnixMs},
    decide::Channel,
    money::Cents,
    practice::{NAME_LONGEST, Practice},
    segment::Filter,
    sms::{NameFit, name_fit},
};
use engine::{Age, Candidate, ConfirmList, Criteria, Goes, Segment, Selection, Sizes};
use jiff::tz::TimeZone;
use store::statement_draft::Ticks;

/// Everything that makes up the criteria, in the order in which an address names it.
const KEYS: [&str; 12] = [
    "method",
    "status",
    "age",
    "amount_from",
    "amount_to",
    "name_from",
    "name_to",
    "holds",
    "last_sent",
    "segment",
    "filter",
    "alias",
];

/// Criteria as somebody chose them.
pub struct Wanted {
    pub criteria: Criteria,
    /// The custom practice name of this run.
    pub alias: Option<String>,
    /// The criteria and nothing else, always in the same order: what a draft is kept under.
    pub query: String,
    pub errors: Errors,
}

/// Reads an address; one without criteria means the default ones.
pub fn read(query: &Query, practice: &Practice, now: UnixMs) -> Wanted {
    let texts = practice.texts_are_enabled();
    let query = with_defaults(query, texts);
    let text = |key: &str| {
        query.get(key).map(str::trim).filter(|typed| !typed.is_empty()).map(str::to_owned)
    };
    let mut errors = Errors::new();
    let asked = query.get("method").and_then(Channel::parse);
    let method = asked.filter(|m| *m != Channel::Letter).unwrap_or(Channel::Text);
    let off = match method {
        Channel::Text if !texts => Some("Texting is not switched on for this practice."),
        Channel::Voice if !practice.calls_are_enabled() => {
            Some("Reminder calls are not switched on for this practice.")
        }
        Channel::Fax if !practice.settings.fax_is_on => {
            Some("Faxing is not switched on for this practice.")
        }
        _ => None,
    };
    if let Some(words) = off {
        errors = errors.on("method", words);
    }
    let statuses: Vec<ClaimStatus> = [ClaimStatus::Ready, ClaimStatus::PendingPatient]
        .into_iter()
        .filter(|status| query.all("status").any(|code| code == status.as_str()))
        .collect();
    if statuses.is_empty() {
        errors = errors.on("status", "Choose at least one claim status.");
    }
    let mut amount = |key: &str| match text(key).map(|typed| Cents::parse_typed(&typed)) {
        None => None,
        Some(Ok(cents)) => Some(cents),
        Some(Err(why)) => {
            let taken = std::mem::take(&mut errors);
            errors = taken.on(key, format!("Write dollars and cents: {why}."));
            None
        }
    };
    let (amount_at_least, amount_at_most) = (amount("amount_from"), amount("amount_to"));
    if let (Some(least), Some(most)) = (amount_at_least, amount_at_most)
        && least > most
    {
        errors = errors.on("amount_to", "This is less than the amount it begins at.");
    }
    let alias = text("alias");
    if let Some(words) = alias.as_deref().and_then(name_refusal) {
        errors = errors.on("alias", words);
    }
    // A saved segment travels in the address, so that a kept list stays what it was.
    let filter = text("filter").map(|typed| serde_json::from_str::<Filter>(&typed));
    if matches!(filter, Some(Err(_))) {
        errors = errors.overall("The saved segment cannot be read. Choose it again.");
    }
    let criteria = Criteria {
        filter: filter.and_then(Result::ok),
        profile: None,
        method,
        statuses,
        age: text("age").and_then(|code| age_of(&code)),
        amount_at_least,
        amount_at_most,
        name_from: text("name_from"),
        name_to: text("name_to"),
        search: text("holds"),
        last_sent_before: text("last_sent").and_then(|code| sent_before(&code, now)),
        segment: text("segment").and_then(|code| segment_of(&code)),
    };
    Wanted { criteria, alias, query: canonical(&query), errors }
}

fn with_defaults(query: &Query, texts: bool) -> Query {
    if query.get("method").is_some() {
        return query.clone();
    }
    let method = if texts { "text" } else { "email" };
    let statuses = "status=ready&status=pending_patient";
    Query::parse(&format!("method={method}&{statuses}&{}", query.href("").replacen('?', "", 1)))
}

fn canonical(query: &Query) -> String {
    let pairs: Vec<(&str, &str)> = KEYS
        .into_iter()
        .flat_map(|key| query.all(key).map(move |value| (key, value)).collect::<Vec<_>>())
        .filter(|(_, value)| !value.trim().is_empty())
        .collect();
    serde_urlencoded::to_string(pairs).unwrap_or_default()
}

/// Why a custom practice name cannot be used (S-TP2).
fn name_refusal(name: &str) -> Option<String> {
    match name_fit(name) {
        NameFit::Fine | NameFit::Empty | NameFit::LongerThanRecommended { .. } => None,
        NameFit::TooLong { chars } => Some(format!(
            "The custom practice name has {chars} characters. At most {NAME_LONGEST} are allowed, \
             or texts are not sent."
        )),
        NameFit::Unprintable => Some(
            "The name holds signs that a text cannot carry. Use letters, digits and plain \
             punctuation."
                .to_owned(),
        ),
    }
}

fn age_of(code: &str) -> Option<Age> {
    let over = |least| Some(Age::Days { least, most: None });
    match code {
        "up-to-30" => Some(Age::UpTo30),
        "31-to-60" => Some(Age::From31To60),
        "over-60" => Some(Age::Over60),
        "over-7" => over(8),
        "over-30" => over(31),
        "over-90" => over(91),
        _ => None,
    }
}

/// Everybody whose last reminder is older than that; `never` leaves only those without one.
fn sent_before(code: &str, now: UnixMs) -> Option<UnixMs> {
    match code {
        "never" => Some(UnixMs(0)),
        days => days.parse::<i64>().ok().map(|days| now.minus_ms(days.clamp(0, 3650) * DAY_MS)),
    }
}

fn segment_of(code: &str) -> Option<Segment> {
    match code {
        "top" => Some(Segment::TopPriority),
        "several" => Some(Segment::MultipleBills),
        "self-pay" => Some(Segment::SelfPay),
        "insurance" => Some(Segment::Insurance),
        "flagged" => Some(Segment::Flagged),
        _ => None,
    }
}

/// The criteria as a reader sees them beside the list; the defaults are left out.
pub fn in_words(wanted: &Wanted) -> Vec<(String, String)> {
    let query = Query::parse(&wanted.query);
    let label = |key: &str, all: &[(&str, &str)]| {
        let code = query.get(key)?;
        let found = all.iter().find(|(known, _)| *known == code && !code.is_empty())?;
        Some(found.1.to_owned())
    };
    let statuses: Vec<&str> =
        wanted.criteria.statuses.iter().map(|s| claim_words::status_name(*s)).collect();
    let amount = amounts(&wanted.criteria);
    let typed = |key: &str| query.get(key).map(|text| format!("\u{201c}{}\u{201d}", text.trim()));
    let range = match (typed("name_from"), typed("name_to")) {
        (None, None) => None,
        (from, to) => Some(format!(
            "from {} to {}",
            from.unwrap_or_else(|| "the first".to_owned()),
            to.unwrap_or_else(|| "the last".to_owned())
        )),
    };
    [
        ("Claim status", Some(statuses.join(", "))),
        ("Age", label("age", &AGES)),
        ("Amount due", amount),
        ("Names", range),
        ("Name contains", typed("holds")),
        ("Last sent", label("last_sent", &LAST_SENT)),
        ("Segment", label("segment", &SEGMENTS)),
        ("Saved segment", wanted.criteria.filter.as_ref().map(Filter::in_words)),
        ("Custom practice name", typed("alias")),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}

/// Criteria as a job keeps them, for a reader.
pub fn criteria_in_words(criteria: &Criteria, zone: &TimeZone) -> Vec<(String, String)> {
    if let Some(profile) = &criteria.profile {
        return vec![("Statement profile".to_owned(), profile.clone())];
    }
    let statuses: Vec<&str> =
        criteria.statuses.iter().map(|s| claim_words::status_name(*s)).collect();
    let age = criteria.age.map(|age| match age {
        Age::UpTo30 => "Up to 30 days".to_owned(),
        Age::From31To60 => "31 to 60 days".to_owned(),
        Age::Over60 => "Over 60 days".to_owned(),
        Age::Days { least, most: None } => format!("{least} days or more"),
        Age::Days { least, most: Some(most) } => format!("{least} to {most} days"),
    });
    let segment = criteria.segment.map(|segment| match segment {
        Segment::SelfPay => "Self-pay",
        Segment::Insurance => "Insurance answered",
        Segment::MultipleBills => "Several open bills",
        Segment::TopPriority => "Top priority",
        Segment::Flagged => "Flagged for a reminder",
    });
    let sent = criteria.last_sent_before.map(|at| match at {
        UnixMs(0) => "Never".to_owned(),
        at => format!("Never, or before {}", at.day_in(zone)),
    });
    [
        ("Claim status", Some(statuses.join(", "))),
        ("Age", age),
        ("Amount due", amounts(criteria)),
        ("Name contains", criteria.search.clone()),
        ("Last sent", sent),
        ("Segment", segment.map(str::to_owned)),
        ("Saved segment", criteria.filter.as_ref().map(Filter::in_words)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}

fn amounts(criteria: &Criteria) -> Option<String> {
    match (criteria.amount_at_least, criteria.amount_at_most) {
        (None, None) => None,
        (Some(least), None) => Some(format!("{least} or more")),
        (None, Some(most)) => Some(format!("up to {most}")),
        (Some(least), Some(most)) => Some(format!("{least} to {most}")),
    }
}

pub fn selection_of(ticks: &Ticks) -> Selection {
    match ticks.parts() {
        Ok(cleared) if cleared.is_empty() => Selection::All,
        Ok(cleared) => Selection::AllBut(cleared.clone()),
        Err(chosen) => Selection::Only(chosen.clone()),
    }
}

/// What the ticked accounts of a list come to.
pub fn selected(list: &ConfirmList, ticks: &Ticks, sizes: &Sizes, practice: &Practice) -> Selected {
    let chosen: Vec<&Candidate> =
        list.eligible.iter().filter(|line| ticks.hold(&line.guarantor)).collect();
    let waits = |line: &&Candidate| match line.goes {
        Goes::At(at) => Some(at),
        Goes::WithinTheHour | Goes::Not => None,
    };
    // One message for those that go together, as far as they are ticked.
    let mut together: BTreeMap<usize, usize> = BTreeMap::new();
    let mut messages: Vec<usize> = Vec::new();
    for line in &chosen {
        match line.goes_with {
            Some(group) => *together.entry(group).or_default() += 1,
            None => messages.push(1),
        }
    }
    messages.extend(together.values());
    let many = i64::try_from(messages.len()).unwrap_or(i64::MAX);
    let (segments, parts) = match list.method {
        Channel::Text => {
            let segments = messages.iter().map(|accounts| sizes.of(*accounts)).sum();
            (segments, segments)
        }
        Channel::Email | Channel::Voice | Channel::Fax | Channel::Letter => (0, many),
    };
    Selected {
        accounts: chosen.len(),
        messages: messages.len(),
        due: chosen.iter().map(|line| line.due).sum(),
        segments,
        cost: cost(list.method, parts, practice),
        waiting: chosen.iter().filter_map(waits).count(),
        first_wait: chosen.iter().filter_map(waits).min(),
        both: chosen.iter().filter(|line| line.chose_both).count(),
    }
}

/// What so many parts of texts, emails, calls, pages or letters cost, as people say it; none where the
/// price is not known.
pub fn cost(channel: Channel, parts: i64, practice: &Practice) -> Option<String> {
    let micros = practice.settings.price_micros(channel);
    if micros <= 0 {
        return None;
    }
    let total = micros.saturating_mul(parts);
    if total < 100_000 {
        // Below ten cents the tenths of a cent are what there is to see.
        let tenths = (total + 500) / 1_000;
        if tenths == 0 {
            return Some("less than 0.1 cents".to_owned());
        }
        return Some(format!("{}.{} cents", tenths / 10, tenths % 10));
    }
    Some(Cents((total + 9_999) / 10_000).to_string())
}

/// The lines of a list in the order the address asks for, accounts with one phone together.
pub fn in_order(mut lines: Vec<Candidate>, sort: &str) -> Vec<Candidate> {
    let (key, down) = match sort.strip_prefix('-') {
        Some(key) => (key, true),
        None => (sort, false),
    };
    if (key, down) == ("due", true) || !["due", "age", "name", "sent"].contains(&key) {
        // As the engine lists them.
        return lines;
    }
    let mut groups: Vec<Vec<Candidate>> = Vec::new();
    for line in lines.drain(..) {
        let joins = |group: &&mut Vec<Candidate>| {
            line.shared_contact.is_some()
                && group.first().is_some_and(|first| first.shared_contact == line.shared_contact)
        };
        match groups.last_mut().filter(|group| joins(group)) {
            Some(group) => group.push(line),
            None => groups.push(vec![line]),
        }
    }
    let by = |group: &[Candidate]| {
        let first = &group[0];
        match key {
            "age" => (group.iter().map(|l| l.age_days).max().unwrap_or_default(), String::new()),
            "name" => (0, store::guarantor::name_key(&first.name)),
            "sent" => (first.last_sent_at.map_or(0, |at| at.0), String::new()),
            _ => (group.iter().map(|l| l.due.0).max().unwrap_or_default(), String::new()),
        }
    };
    groups.sort_by_cached_key(|group| (by(group), group[0].guarantor.clone()));
    if down {
        groups.reverse();
    }
    groups.into_iter().flatten().collect()
}

/// One line as the page shows it. `before` is the contact of the line above.
pub fn listed(
    line: Candidate,
    ticks: &Ticks,
    sharing: usize,
    together: usize,
    before: Option<&String>,
) -> ListedAccount {
    let mut claims: Vec<(ClaimStatus, i64)> = Vec::new();
    for claim in &line.claims {
        match claims.iter_mut().find(|(status, _)| *status == claim.status) {
            Some((_, count)) => *count += 1,
            None => claims.push((claim.status, 1)),
        }
    }
    ListedAccount {
        is_included: ticks.hold(&line.guarantor),
        shares_with_previous: line.shared_contact.is_some()
            && before == line.shared_contact.as_ref(),
        sharing,
        together,
        id: line.guarantor.to_string(),
        name: line.name,
        patients: line.patients,
        due: line.due,
        age_days: line.age_days,
        claims,
        last_sent_at: line.last_sent_at,
        was_sent_lately: line.was_sent_lately,
        masked: line.masked,
        departure: match line.goes {
            Goes::WithinTheHour => Departure::WithinTheHour,
            Goes::At(at) => Departure::At(at),
            Goes::Not => Departure::Not,
        },
        is_top_priority: line.is_top_priority,
        has_several_bills: line.has_several_bills,
        is_self_pay: line.is_self_pay,
        is_flagged: line.is_flagged,
        has_returned_check: line.claims.iter().any(|claim| claim.has_returned_check),
        reads_spanish: line.language == Language::Spanish,
        chose_both: line.chose_both,
        decision: line.decision,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn practice() -> Practice {
        let settings = domain::practice::Settings {
            texts_enabled_by_platform: true,
            texts_enabled_by_practice: true,
            ..domain::practice::Settings::default()
        };
        Practice {
            id: domain::id::PracticeId::trusted("prc_1"),
            slug: "elm".into(),
            name: "Elm Street Clinic".into(),
            settings,
            version: 1,
            live_at: None,
            outreach_held_at: None,
            outreach_held_why: None,
        }
    }

    #[test]
    fn an_address_without_criteria_means_texts_to_everybody_who_is_asked() {
        let wanted = read(&Query::parse("page=2"), &practice(), UnixMs(0));
        assert_eq!(wanted.criteria, Criteria::default());
        assert_eq!(wanted.query, "method=text&status=ready&status=pending_patient");
        assert!(wanted.errors.is_empty());
    }

    #[test]
    fn the_same_criteria_in_another_order_are_the_same_draft() {
        let one = "status=ready&amount_from=20&method=email&tab=not-eligible&holds=";
        let other = "method=email&amount_from=20&status=ready";
        let read = |text: &str| read(&Query::parse(text), &practice(), UnixMs(0)).query;
        assert_eq!(read(one), read(other));
    }

    #[test]
    fn a_name_of_fifty_one_signs_is_refused_with_the_reason() {
        let query = format!("method=text&status=ready&alias={}", "x".repeat(51));
        let wanted = read(&Query::parse(&query), &practice(), UnixMs(0));
        let said = wanted.errors.of("alias").unwrap_or_default();
        assert!(said.contains("51") && said.contains("50"), "{said}");
        let query = format!("method=text&status=ready&alias={}", "x".repeat(50));
        assert!(read(&Query::parse(&query), &practice(), UnixMs(0)).errors.is_empty());
    }

    #[test]
    fn amounts_are_dollars_and_in_order() {
        let wrong = "method=text&status=ready&amount_from=ten&amount_to=5";
        let wanted = read(&Query::parse(wrong), &practice(), UnixMs(0));
        assert!(wanted.errors.of("amount_from").is_some());
        let crossed = "method=text&status=ready&amount_from=10&amount_to=5";
        let wanted = read(&Query::parse(crossed), &practice(), UnixMs(0));
        assert!(wanted.errors.of("amount_to").is_some());
    }

    #[test]
    fn a_cost_is_said_in_cents_while_it_is_small() {
        assert_eq!(cost(Channel::Text, 1, &practice()).as_deref(), Some("1.2 cents"));
        assert_eq!(cost(Channel::Text, 212, &practice()).as_deref(), Some("$2.55"));
        assert_eq!(cost(Channel::Fax, 3, &practice()).as_deref(), Some("$0.33"));
        assert_eq!(cost(Channel::Letter, 12, &practice()).as_deref(), Some("$12.00"));
        let mut unknown = practice();
        unknown.settings.text_price_micros = 0;
        assert_eq!(cost(Channel::Text, 212, &unknown), None);
    }
}
