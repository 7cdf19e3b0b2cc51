//! When: the age of the message, the caps, the window, and the channel asked for.

use std::collections::BTreeMap;

use super::{Case, Channel, Fact, Preference, RuleId, Sent, Trace, trace::Finding, wish_rules};
use crate::{
    caps::{Cap, HISTORY_MS, PRODUCT_CAPS, Room, room},
    clock::UnixMs,
    window::{is_open, next_open},
    zones::{Whereabouts, ZoneSet, is_new_york_city},
};

/// Massachusetts: two in seven days for a debtor (M08).
const MA_CAP: Cap = Cap::per_days(2, 7);
/// Washington, DC: five in seven days (M09).
const DC_CAP: Cap = Cap::per_days(5, 7);
/// New York City: three in seven days (M10).
const NYC_CAP: Cap = Cap::per_days(3, 7);

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
    wish_rules::judge(case, &zones_of(case), trace);
}

/// The first instant at or after `at` that is inside the message's window.
pub(super) fn first_open_after(case: &Case<'_>, at: UnixMs) -> Option<UnixMs> {
    match case.message.class.window_on(case.message.channel) {
        None => Some(at),
        Some(_) => wish_rules::open_and_not_quiet(case, &zones_of(case), at),
    }
}

fn staleness(case: &Case<'_>) -> Finding {
    let slot_at = case.message.slot_at;
    if case.now.since(slot_at) > case.rules.stale_after_ms {
        Finding::withhold(Fact::Stale { slot_at })
    } else if slot_at > case.now {
        Finding::defer(slot_at, Fact::OnTime { slot_at })
    } else {
        Finding::pass(Fact::OnTime { slot_at })
    }
}

fn caps(case: &Case<'_>, trace: &mut Trace) {
    let caps = binding_caps(case);
    let history = &case.facts.history;
    trace.note(RuleId::CapOnContact, cap(case, &history.to_contact, &caps));
    trace.note(RuleId::CapOnGuarantor, cap(case, &history.to_guarantor, &caps));
}

/// The practice's caps, the product's and those of the places the person may be: all of them bind.
fn binding_caps(case: &Case<'_>) -> Vec<Cap> {
    let mut caps = PRODUCT_CAPS.to_vec();
    caps.extend(&case.rules.caps);
    if let Some(guarantor) = &case.facts.guarantor {
        let place = &guarantor.whereabouts;
        let state = place.law_state().unwrap_or_default();
        if state.eq_ignore_ascii_case("MA") {
            caps.push(MA_CAP);
        }
        if state.eq_ignore_ascii_case("DC") {
            caps.push(DC_CAP);
        }
        if place.zip.as_deref().is_some_and(is_new_york_city) {
            caps.push(NYC_CAP);
        }
    }
    caps
}

fn cap(case: &Case<'_>, sent: &[Sent], caps: &[Cap]) -> Finding {
    let instants = contacts(case, sent);
    let recent = instants.iter().filter(|at| case.now.since(**at) < HISTORY_MS).count();
    let recent = u32::try_from(recent).unwrap_or(u32::MAX);
    match room(&instants, caps, case.now) {
        Room::Free => Finding::pass(Fact::CapHasRoom { recent }),
        Room::FreeAt(until, cap) => Finding::defer(until, Fact::CapFull { cap, recent }),
        Room::Never(cap) => Finding::withhold(Fact::CapFull { cap, recent }),
    }
}

/// The instants that count. For a guarantor who chose both channels, text and email of one notice
/// are one contact, and the other half of this very notice is no reason against this half.
fn contacts(case: &Case<'_>, sent: &[Sent]) -> Vec<UnixMs> {
    let both = case.facts.guarantor.as_ref().is_some_and(|g| g.preference == Preference::Both);
    if !both {
        return sent.iter().map(|s| s.at).collect();
    }
    let mut first: BTreeMap<&str, UnixMs> = BTreeMap::new();
    for one in sent.iter().filter(|s| s.notice != case.message.notice) {
        let at = first.entry(&one.notice).or_insert(one.at);
        *at = one.at.min(*at);
    }
    first.into_values().collect()
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
    let Some(strictness) = case.message.class.window_on(case.message.channel) else {
        return Finding::pass(Fact::GoesAtOnce);
    };
    let set = zones_of(case);
    let (zones, known) = (set.zones().to_vec(), set.is_known());
    let windows = &case.rules.windows;
    if is_open(&set, windows, strictness, case.now) {
        return Finding::pass(Fact::WindowOpen { zones, known, strictness });
    }
    match next_open(&set, windows, strictness, case.now) {
        Some(until) => Finding::defer(until, Fact::WindowClosed { zones, known, strictness }),
        None => Finding::withhold(Fact::WindowNeverOpens { zones, known, strictness }),
    }
}

/// The zones of the guarantor, and always those of the number that will ring.
fn zones_of(case: &Case<'_>) -> ZoneSet {
    let mut place: Whereabouts =
        case.facts.guarantor.as_ref().map(|g| g.whereabouts.clone()).unwrap_or_default();
    let on_file = place.zones();
    if !case.message.channel.rings() {
        return on_file;
    }
    place.phone = Some(case.message.recipient.clone());
    let ringing = place.zones();
    match (on_file.is_known(), ringing.is_known()) {
        (true, true) => ZoneSet::of(on_file.zones().iter().chain(ringing.zones()).copied()),
        (true, false) => on_file,
        (false, _) => ringing,
    }
}
