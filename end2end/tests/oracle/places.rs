//! Where somebody may be, read off the same two tables with other eyes.

use std::{
    collections::{BTreeSet, HashMap},
    sync::OnceLock,
};

use domain::zones::Whereabouts;

const PHONES: &str = include_str!("../../../server/domain/data/phone-prefix-zones.csv");
const ZIPS: &str = include_str!("../../../server/domain/data/zip-zones.csv");

pub const FIFTY: [&str; 8] = [
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Phoenix",
    "America/Los_Angeles",
    "America/Anchorage",
    "America/Adak",
    "Pacific/Honolulu",
];

/// Minutes from UTC in winter, and whether there is a summer. Zones of the United States and its
/// territories since 2020.
pub const CLOCKS: [(&str, (i64, bool)); 34] = [
    ("America/New_York", (-300, true)),
    ("America/Detroit", (-300, true)),
    ("America/Indiana/Indianapolis", (-300, true)),
    ("America/Indiana/Marengo", (-300, true)),
    ("America/Indiana/Petersburg", (-300, true)),
    ("America/Indiana/Vevay", (-300, true)),
    ("America/Indiana/Vincennes", (-300, true)),
    ("America/Indiana/Winamac", (-300, true)),
    ("America/Kentucky/Louisville", (-300, true)),
    ("America/Kentucky/Monticello", (-300, true)),
    ("America/Chicago", (-360, true)),
    ("America/Indiana/Knox", (-360, true)),
    ("America/Indiana/Tell_City", (-360, true)),
    ("America/Menominee", (-360, true)),
    ("America/North_Dakota/Beulah", (-360, true)),
    ("America/North_Dakota/Center", (-360, true)),
    ("America/North_Dakota/New_Salem", (-360, true)),
    ("America/Denver", (-420, true)),
    ("America/Boise", (-420, true)),
    ("America/Phoenix", (-420, false)),
    ("America/Los_Angeles", (-480, true)),
    ("America/Anchorage", (-540, true)),
    ("America/Juneau", (-540, true)),
    ("America/Metlakatla", (-540, true)),
    ("America/Nome", (-540, true)),
    ("America/Sitka", (-540, true)),
    ("America/Yakutat", (-540, true)),
    ("America/Adak", (-600, true)),
    ("Pacific/Honolulu", (-600, false)),
    ("America/Puerto_Rico", (-240, false)),
    ("America/St_Thomas", (-240, false)),
    ("Pacific/Guam", (600, false)),
    ("Pacific/Saipan", (600, false)),
    ("Pacific/Pago_Pago", (-660, false)),
];

/// Freely associated states, where our ZIP table reaches.
const ISLANDS: [(&str, (i64, bool)); 3] = [
    ("Pacific/Chuuk", (600, false)),
    ("Pacific/Majuro", (720, false)),
    ("Pacific/Palau", (540, false)),
];

pub fn clock(zone: &str) -> (i64, bool) {
    let found = CLOCKS.iter().chain(&ISLANDS).find(|(name, _)| *name == zone);
    found.unwrap_or_else(|| panic!("the oracle has no clock of {zone}")).1
}

struct Tables {
    phones: HashMap<String, Vec<&'static str>>,
    zips: Vec<(u32, u32, &'static str, &'static str)>,
    names: BTreeSet<&'static str>,
}

fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(|| {
        let mut phones = HashMap::new();
        let mut names: BTreeSet<&str> = FIFTY.into();
        for line in PHONES.lines().skip(1) {
            let (prefix, zones) = line.split_once(',').expect("two columns");
            let zones: Vec<&str> = zones.trim().split('&').collect();
            names.extend(&zones);
            if prefix != "1" {
                phones.insert(prefix.to_owned(), zones);
            }
        }
        let mut zips = Vec::new();
        for line in ZIPS.lines().skip(1) {
            let cells: Vec<&str> = line.trim().split(',').collect();
            let is_a_zone = cells[2].contains('/');
            if is_a_zone {
                names.insert(cells[2]);
                zips.push((
                    cells[0].parse().expect("the first code"),
                    cells[1].parse().expect("the last code"),
                    cells[2],
                    cells[3],
                ));
            }
        }
        Tables { phones, zips, names }
    })
}

fn of_phone(number: &str) -> Vec<&'static str> {
    let digits = number.trim_start_matches('+');
    for length in (2..=digits.len()).rev() {
        if let Some(zones) = tables().phones.get(&digits[..length]) {
            return zones.clone();
        }
    }
    Vec::new()
}

/// Five digits, or five and four; nothing else, and not the placeholder.
fn digits_of(zip: &str) -> Option<u32> {
    let zip = zip.trim();
    let five: String = zip.chars().take(5).collect();
    let rest: String = zip.chars().skip(5).collect();
    let rest_is_sound = rest.is_empty()
        || (rest.len() == 5 && rest.starts_with('-') && rest[1..].parse::<u32>().is_ok());
    (five.len() == 5 && five != "00000" && rest_is_sound).then(|| five.parse().ok()).flatten()
}

fn of_zip(zip: &str) -> Vec<(&'static str, &'static str)> {
    let Some(number) = digits_of(zip) else { return Vec::new() };
    let holds = |(from, to, ..): &&(u32, u32, &str, &str)| *from <= number && number <= *to;
    tables().zips.iter().filter(holds).map(|(_, _, zone, state)| (*zone, *state)).collect()
}

fn of_state(state: &str) -> Vec<&'static str> {
    let wanted = state.trim().to_uppercase();
    tables().zips.iter().filter(|row| row.3 == wanted).map(|row| row.2).collect()
}

/// `None`: nothing is known.
pub fn zones(place: &Whereabouts) -> Option<BTreeSet<&'static str>> {
    let mut found: BTreeSet<&str> = BTreeSet::new();
    found.extend(place.phone.as_deref().map(of_phone).unwrap_or_default());
    let zip = place.zip.as_deref().filter(|zip| !zip.trim().is_empty());
    let by_zip = zip.map(of_zip).unwrap_or_default();
    found.extend(by_zip.iter().map(|(zone, _)| *zone));
    let mut everywhere = false;
    if let Some(stated) = place.stated_zone.as_deref() {
        match tables().names.get(stated) {
            Some(zone) => {
                found.insert(zone);
            }
            None => everywhere = true,
        }
    }
    if let Some(state) = place.state.as_deref() {
        let confirmed = by_zip.first().is_some_and(|(_, s)| *s == state.trim().to_uppercase());
        let placeholder = zip.is_some() && by_zip.is_empty();
        if !confirmed && (!placeholder || !found.is_empty()) {
            found.extend(of_state(state));
        }
    }
    if everywhere {
        found.extend(FIFTY);
    }
    (!found.is_empty()).then_some(found)
}

/// The states somebody may live in; `None`: any.
pub fn states(place: Option<&Whereabouts>) -> Option<BTreeSet<String>> {
    let place = place?;
    let mut found = BTreeSet::new();
    if let Some(state) = place.state.as_deref().map(|s| s.trim().to_uppercase())
        && !of_state(&state).is_empty()
    {
        found.insert(state);
    }
    if let Some((_, state)) = place.zip.as_deref().map(of_zip).unwrap_or_default().first() {
        found.insert((*state).to_owned());
    }
    (!found.is_empty()).then_some(found)
}

pub fn may_live_in(place: Option<&Whereabouts>, wanted: &[&str]) -> bool {
    states(place).is_none_or(|states| states.iter().any(|s| wanted.contains(&s.as_str())))
}

/// The five boroughs. A ZIP settles it unless it contradicts the state or says nothing.
pub fn may_live_in_new_york_city(place: Option<&Whereabouts>) -> bool {
    let zip = place.and_then(|p| p.zip.as_deref());
    if let Some(number) = zip.and_then(digits_of) {
        let three = number / 100;
        let in_city = (100..=104).contains(&three)
            || (111..=114).contains(&three)
            || three == 116
            || number == 11_004
            || number == 11_005;
        if in_city {
            return true;
        }
    }
    let of_zip = zip.map(of_zip).unwrap_or_default();
    let agree = states(place).is_some_and(|states| states.len() == 1);
    if !of_zip.is_empty() && agree {
        return false;
    }
    may_live_in(place, &["NY"])
}
