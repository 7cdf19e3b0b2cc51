//! When: the age of the message, the caps, the window, and the channel asked for.

use std::collections::BTreeMap;

use super::{
    Case, Channel, Fact, Facts, Preference, Proposed, RuleId, Sender, Sent, Trace, trace::Finding,
    wish_rules,
};
use crate::{
    caps::{Cap, HISTORY_MS, Room, room},
    clock::UnixMs,
    rulebook::{Kind, Per, Rule},
    window::{LEGAL_HOURS, Strictness, Week, is_open_under, next_open_under},
    zones::{Whereabouts, ZoneSet},
};

pub(super) fn judge(case: &Case<'_>, trace: &mut Trace) {
    let class = case.message.class;
    if class.is_reminder() {
        trace.note(RuleId::Stale, staleness(case));
    }
    if class.is_capped_on(case.message.channel) {
        caps(case, trace);
    }
    if class.is_reminder() {
        trace.note(RuleId::PreferredChannel, preference(case));
    }
    trace.note(RuleId::Window, window(case));
    wish_rules::judge(case, trace);
}

/// The first instant at or after `at` that is inside the message's window.
pub(super) fn first_open_after(case: &Case<'_>, at: UnixMs) -> Option<UnixMs> {
    match strictness_of(case) {
        None => Some(at),
        Some(_) => wish_rules::open_and_not_quiet(case, at),
    }
}

/// The first instant at or after `at` at which the law and the practice's hours let the message go.
pub(super) fn next_in_window(case: &Case<'_>, at: UnixMs) -> Option<UnixMs> {
    let strictness = strictness_of(case)?;
    next_open_under(&law(case), &case.zones, &case.rules.windows, strictness, at)
}

/// The window that binds. A collector's every message keeps the hours, an email too (M05).
fn strictness_of(case: &Case<'_>) -> Option<Strictness> {
    let Proposed { class, channel, .. } = case.message;
    let collects = case.rules.sender == Sender::ThirdParty
        && class.is_outreach()
        && *channel != Channel::Letter;
    class.window_on(*channel).or(collects.then_some(Strictness::Hard))
}

/// The hours that every rule which speaks leaves open.
fn law(case: &Case<'_>) -> Week {
    case.rules.book.hours(&case.scene).fold(Week::every_day(LEGAL_HOURS), |week, rule| match &rule
        .kind
    {
        Kind::Hours(hours) => week.within(hours),
        _ => week,
    })
}

fn staleness(case: &Case<'_>) -> Finding {
    let slot_at = case.message.slot_at;
    let strictest = case
        .rules
        .book
        .others(&case.scene)
        .filter_map(|rule| match rule.kind {
            Kind::Staleness { max_age_ms } => Some((max_age_ms, rule)),
            _ => None,
        })
        .min_by_key(|(max_age_ms, _)| *max_age_ms);
    match strictest {
        Some((max_age_ms, rule)) if case.now.since(slot_at) > max_age_ms => {
            Finding::withhold(Fact::Stale { slot_at }).by(&rule.id)
        }
        _ if slot_at > case.now => Finding::defer(slot_at, Fact::OnTime { slot_at }),
        _ => Finding::pass(Fact::OnTime { slot_at }),
    }
}

fn caps(case: &Case<'_>, trace: &mut Trace) {
    let history = &case.facts.history;
    let on = |side: Per| {
        case.rules
            .book
            .caps(&case.scene)
            .filter_map(|rule| match rule.kind {
                Kind::FrequencyCap { cap, per } if per == side || per == Per::Both => {
                    Some((cap, rule))
                }
                _ => None,
            })
            .collect::<Vec<_>>()
    };
    trace.note(RuleId::CapOnContact, cap(case, &history.to_contact, &on(Per::Contact)));
    trace.note(RuleId::CapOnGuarantor, cap(case, &history.to_guarantor, &on(Per::Guarantor)));
}

fn cap(case: &Case<'_>, sent: &[Sent], binding: &[(Cap, &Rule)]) -> Finding {
    let instants = contacts(case, sent);
    let recent = instants.iter().filter(|at| case.now.since(**at) < HISTORY_MS).count();
    let recent = u32::try_from(recent).unwrap_or(u32::MAX);
    let caps: Vec<Cap> = binding.iter().map(|(cap, _)| *cap).collect();
    let full = |finding: Finding, full: Cap| match binding.iter().find(|(cap, _)| *cap == full) {
        Some((_, rule)) => finding.by(&rule.id),
        None => finding,
    };
    match room(&instants, &caps, case.now) {
        Room::Free => Finding::pass(Fact::CapHasRoom { recent }),
        Room::FreeAt(until, cap) => full(Finding::defer(until, Fact::CapFull { cap, recent }), cap),
        Room::Never(cap) => full(Finding::withhold(Fact::CapFull { cap, recent }), cap),
    }
}

/// The instants that count. For a guarantor who chose both channels, text and email of one notice
/// are one contact, and the other half of this very notice is no reason against this half. The
/// contact lasts until its later half: the halves can be most of a day apart, and whoever had the
/// text in the evening is not to have the next notice in the morning because the email was early.
fn contacts(case: &Case<'_>, sent: &[Sent]) -> Vec<UnixMs> {
    let both = case.facts.guarantor.as_ref().is_some_and(|g| g.preference == Preference::Both);
    if !both {
        return sent.iter().map(|s| s.at).collect();
    }
    let mut last: BTreeMap<&str, UnixMs> = BTreeMap::new();
    for one in sent.iter().filter(|s| s.notice != case.message.notice) {
        let at = last.entry(&one.notice).or_insert(one.at);
        *at = one.at.max(*at);
    }
    last.into_values().collect()
}

fn preference(case: &Case<'_>) -> Finding {
    let wanted = match case.facts.guarantor.as_ref().map(|g| g.preference) {
        Some(Preference::Text) => Some(Channel::Text),
        Some(Preference::Email) => Some(Channel::Email),
        Some(Preference::Either | Preference::Both) | None => None,
    };
    match wanted {
        // The choice is between text and email; a call, a fax and a letter have rules of their own.
        Some(channel)
            if channel != case.message.channel
                && matches!(case.message.channel, Channel::Text | Channel::Email) =>
        {
            Finding::withhold(Fact::PrefersOther { channel })
        }
        _ => Finding::pass(Fact::ChannelWelcome),
    }
}

fn window(case: &Case<'_>) -> Finding {
    let Some(strictness) = strictness_of(case) else {
        return Finding::pass(Fact::GoesAtOnce);
    };
    let (zones, known) = (case.zones.zones().to_vec(), case.zones.is_known());
    let (law, windows) = (law(case), &case.rules.windows);
    if is_open_under(&law, &case.zones, windows, strictness, case.now) {
        return Finding::pass(Fact::WindowOpen { zones, known, strictness });
    }
    let mut finding = match next_open_under(&law, &case.zones, windows, strictness, case.now) {
        Some(until) => Finding::defer(until, Fact::WindowClosed { zones, known, strictness }),
        None => Finding::withhold(Fact::WindowNeverOpens { zones, known, strictness }),
    };
    finding.by = closing(case);
    finding
}

/// The rules of the book that are closed now by themselves; none when the practice's own hours are.
fn closing(case: &Case<'_>) -> Vec<String> {
    let windows = &case.rules.windows;
    case.rules
        .book
        .hours(&case.scene)
        .filter(|rule| match &rule.kind {
            Kind::Hours(week) => {
                !is_open_under(week, &case.zones, windows, Strictness::Hard, case.now)
            }
            _ => false,
        })
        .map(|rule| rule.id.clone())
        .collect()
}

/// The zones of the guarantor, and always those of the number that will ring.
pub(super) fn zones_of(message: &Proposed, facts: &Facts) -> ZoneSet {
    let mut place: Whereabouts =
        facts.guarantor.as_ref().map(|g| g.whereabouts.clone()).unwrap_or_default();
    let on_file = place.zones();
    if !message.channel.rings() {
        return on_file;
    }
    place.phone = Some(message.recipient.clone());
    let ringing = place.zones();
    match (on_file.is_known(), ringing.is_known()) {
        (true, true) => ZoneSet::of(on_file.zones().iter().chain(ringing.zones()).copied()),
        (true, false) => on_file,
        (false, _) => ringing,
    }
}
