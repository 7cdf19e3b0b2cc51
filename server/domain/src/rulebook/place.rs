//! Where a person may be, for the law: state and ZIP, as far as somebody knows them.

use crate::zones::{self, Whereabouts};

/// What an address says. Both the state on file and the state of the ZIP count: when they differ,
/// the person may be in either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    on_file: Option<&'static str>,
    zip: Option<u32>,
    of_zip: Option<&'static str>,
}

impl Place {
    pub fn of(whereabouts: Option<&Whereabouts>) -> Self {
        let zip = whereabouts.and_then(|w| w.zip.as_deref());
        Self {
            on_file: whereabouts.and_then(|w| w.state.as_deref()).and_then(zones::known_state),
            zip: zip.and_then(zones::zip_number),
            of_zip: zip.and_then(zones::state_of_zip),
        }
    }

    /// In one of the states, or nobody knows where.
    pub fn may_be_in(&self, states: &[String]) -> bool {
        if self.on_file.is_none() && self.of_zip.is_none() {
            return true;
        }
        [self.on_file, self.of_zip]
            .into_iter()
            .flatten()
            .any(|known| states.iter().any(|state| state == known))
    }

    /// In one of the ZIP ranges, which lie in these states. A ZIP that the state on file confirms,
    /// or that stands alone, answers; otherwise the states do.
    pub fn may_be_in_zips(&self, ranges: &[(u32, u32)], states: &[String]) -> bool {
        let inside = |zip: u32| ranges.iter().any(|(from, to)| (*from..=*to).contains(&zip));
        if self.zip.is_some_and(inside) {
            return true;
        }
        let is_sure = self.of_zip.is_some() && self.on_file.is_none_or(|s| self.of_zip == Some(s));
        !is_sure && self.may_be_in(states)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(zip: &str, state: &str) -> Place {
        let some = |text: &str| Some(text.to_owned()).filter(|t| !t.is_empty());
        Place::of(Some(&Whereabouts { zip: some(zip), state: some(state), ..<_>::default() }))
    }

    fn in_city(place: &Place) -> bool {
        place.may_be_in_zips(&[(10_000, 10_499), (11_200, 11_256)], &["NY".into()])
    }

    #[test]
    fn either_half_of_an_address_can_place_somebody_in_a_state() {
        let ma = ["MA".to_owned()];
        assert!(at("02115", "").may_be_in(&ma) && at("", "ma ").may_be_in(&ma));
        assert!(at("02115", "NY").may_be_in(&ma), "the ZIP says so");
        assert!(at("10001", "MA").may_be_in(&ma), "the state says so");
        assert!(!at("10001", "NY").may_be_in(&ma));
    }

    #[test]
    fn whose_place_nobody_knows_may_be_anywhere() {
        for place in [at("", ""), at("00000", ""), at("09001", "AE"), Place::of(None)] {
            assert!(place.may_be_in(&["MA".into()]) && in_city(&place), "{place:?}");
        }
        assert!(!at("00000", "OH").may_be_in(&["MA".into()]), "a state alone is something");
    }

    #[test]
    fn a_new_yorker_without_a_sound_zip_may_live_in_the_city() {
        assert!(in_city(&at("10001", "NY")) && in_city(&at("10001", "OH")));
        assert!(!in_city(&at("12207", "NY")) && !in_city(&at("12207", "")));
        assert!(in_city(&at("", "NY")) && in_city(&at("00000", "NY")));
        assert!(in_city(&at("94110", "NY")), "a ZIP of another state settles nothing");
        assert!(!in_city(&at("", "OH")) && !in_city(&at("94110", "CA")));
    }
}
