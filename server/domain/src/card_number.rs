//! Card numbers that people type where none belongs (R50). No field of ours takes one: the card is
//! typed in the processor's own frame. So what looks like one is refused in a form and struck out of a
//! text before anything else sees it.
//!
//! A number counts as a card's when its digits are written as people write cards, begin as a card
//! network's do, and carry the network's check digit. Ids, phone numbers and amounts do not: their
//! digits touch letters, are too few, or are grouped in another way.

use std::ops::Range;

/// What stands where a number was struck out.
pub const STRUCK_OUT: &str = "[card number removed]";

const SHORTEST: usize = 14;
const LONGEST: usize = 19;
/// Groups of one number at most: `1234 1234 1234 1234 123`.
const GROUPS_MOST: usize = 5;
/// Between two groups at most, as in `1234 - 1234`.
const GAP_LONGEST: usize = 3;

/// True when the number of a payment card stands somewhere in `text`.
pub fn is_in(text: &str) -> bool {
    !find(text).is_empty()
}

/// `text` with every card number struck out.
pub fn struck_out(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for place in find(text) {
        out.push_str(&text[from..place.start]);
        out.push_str(STRUCK_OUT);
        from = place.end;
    }
    out.push_str(&text[from..]);
    out
}

/// Digits without anything between them.
struct Group {
    place: Range<usize>,
    digits: Vec<u8>,
    /// Only a gap lies between it and the group before.
    follows_on: bool,
    /// No letter touches its beginning, or its end: else it is a part of an id.
    begins_free: bool,
    ends_free: bool,
}

/// Where card numbers stand, in order, without overlaps.
fn find(text: &str) -> Vec<Range<usize>> {
    // Nearly every text ends here.
    if text.chars().filter(|c| digit(*c).is_some()).take(SHORTEST).count() < SHORTEST {
        return Vec::new();
    }
    let groups = groups(text);
    let mut found = Vec::new();
    let mut first = 0;
    while first < groups.len() {
        let length = (1..=GROUPS_MOST.min(groups.len() - first))
            .rev()
            .find(|length| is_card(&groups[first..first + length]));
        if let Some(length) = length {
            found.push(groups[first].place.start..groups[first + length - 1].place.end);
        }
        first += length.unwrap_or(1);
    }
    found
}

fn groups(text: &str) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let (mut before, mut gap, mut gap_is_plain) = (None, 0, true);
    for (at, c) in text.char_indices() {
        let is_letter = c.is_alphanumeric() || c == '_';
        let continues = before.is_some_and(|b| digit(b).is_some());
        match (digit(c), groups.last_mut()) {
            (Some(value), Some(group)) if continues => {
                group.digits.push(value);
                group.place.end = at + c.len_utf8();
            }
            (Some(value), _) => {
                let touches = before.is_some_and(|b: char| b.is_alphanumeric() || b == '_');
                groups.push(Group {
                    place: at..at + c.len_utf8(),
                    digits: vec![value],
                    follows_on: !groups.is_empty() && gap_is_plain && gap <= GAP_LONGEST,
                    begins_free: !touches,
                    ends_free: true,
                });
            }
            (None, Some(group)) if continues => group.ends_free = !is_letter,
            (None, _) => {}
        }
        if digit(c).is_some() {
            (gap, gap_is_plain) = (0, true);
        } else {
            gap += 1;
            gap_is_plain &= matches!(c, ' ' | '-' | '.' | '\u{a0}' | '\u{2013}' | '\u{2011}');
        }
        before = Some(c);
    }
    groups
}

/// Also as phones and keyboards of other scripts write them: full-width and Arabic digits.
fn digit(c: char) -> Option<u8> {
    let zero = match c {
        '0'..='9' => '0',
        '\u{ff10}'..='\u{ff19}' => '\u{ff10}',
        '\u{660}'..='\u{669}' => '\u{660}',
        _ => return None,
    };
    u8::try_from(c as u32 - zero as u32).ok()
}

fn is_card(groups: &[Group]) -> bool {
    let [first, rest @ ..] = groups else { return false };
    let last = rest.last().unwrap_or(first);
    if !first.begins_free || !last.ends_free || rest.iter().any(|group| !group.follows_on) {
        return false;
    }
    let sizes: Vec<usize> = groups.iter().map(|group| group.digits.len()).collect();
    // As on the card. Two phone numbers in a row are grouped otherwise.
    let is_written_so = match sizes.as_slice() {
        [_] | [4, 6, 5] | [4, 6, 4] => true,
        [head @ .., last] => head.iter().all(|size| *size == 4) && (1..=4).contains(last),
        [] => false,
    };
    let digits: Vec<u8> = groups.iter().flat_map(|group| group.digits.iter().copied()).collect();
    is_written_so && is_of_a_network(&digits) && has_check_digit(&digits)
}

/// How the numbers of the networks begin, and how long they are (ISO/IEC 7812).
fn is_of_a_network(digits: &[u8]) -> bool {
    if !(SHORTEST..=LONGEST).contains(&digits.len()) {
        return false;
    }
    let head = digits[..4].iter().fold(0u32, |head, digit| head * 10 + u32::from(*digit));
    match digits.len() {
        14 => matches!(head, 3000..=3059 | 3095 | 3600..=3699 | 3800..=3999),
        15 => matches!(head, 3400..=3499 | 3700..=3799),
        16 => matches!(head, 2221..=2720 | 3000..=3059 | 3528..=3589 | 3600..=3999 | 4000..=6999),
        _ => matches!(head, 3528..=3589 | 4000..=4999 | 6000..=6999),
    }
}

/// Luhn's.
fn has_check_digit(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match u32::from(*digit) {
            digit if place % 2 == 0 => digit,
            digit if digit > 4 => digit * 2 - 9,
            digit => digit * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_card_is_known_however_somebody_writes_it() {
        for text in [
            "4242424242424242",
            "4242 4242 4242 4242",
            "4242-4242-4242-4242",
            "4242 - 4242 - 4242 - 4242",
            "4242.4242.4242.4242",
            "my card is 4242424242424242, exp 12/29",
            "call 2125550142 or use 5555 5555 5555 4444 123",
            "card#5555555555554444.",
            "3782 822463 10005",
            "378282246310005",
            "3056 9309 0259 04",
            "6011111111111117",
            "2223003122003222",
            "6200000000000005",
            "４２４２４２４２４２４２４２４２",
            "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢",
        ] {
            assert!(is_in(text), "{text}");
        }
    }

    #[test]
    fn what_people_write_every_day_is_no_card() {
        for text in [
            "",
            "please call me at 212-555-0142",
            "212-555-0142 415-555-0199",
            "(212) 555-0142 (415) 555-0199",
            "+12125550142 +14155550199",
            "4242 4242 4242 4241",
            "claim 1234567890123456",
            "123-45-6789",
            "pay_01926b3e-4242-7242-8242-424242424242",
            "x4242424242424242",
            "4242424242424242a",
            "1772000000000",
            "1,082.50 and 4,242.42",
            "10001-2345 10002-2345",
            "2026-03-04 2026-03-05",
            "4242424242424242424242424242",
        ] {
            assert!(!is_in(text), "{text}");
        }
    }

    #[test]
    fn only_the_number_is_struck_out() {
        assert_eq!(
            struck_out("Use 4242 4242 4242 4242 12/29, or 378282246310005. Thanks — Åsa"),
            "Use [card number removed] 12/29, or [card number removed]. Thanks — Åsa"
        );
        assert_eq!(struck_out("STOP"), "STOP");
    }

    proptest! {
        /// Ids stand in every form of ours: a form must not be refused for its own hidden fields.
        #[test]
        fn no_id_and_no_instant_is_a_card(random in any::<u128>(), ms in 0i64..4_000_000_000_000) {
            let random: [u8; 10] = random.to_be_bytes()[..10].try_into().unwrap();
            let id = uuid::Builder::from_unix_timestamp_millis(ms.unsigned_abs(), &random);
            let id = format!("pay_{}", id.into_uuid().simple());
            prop_assert!(!is_in(&id));
            prop_assert!(!is_in(&ms.to_string()));
        }

        /// Whatever stands around it, what is struck out is gone, and a second look finds nothing.
        #[test]
        fn what_was_struck_out_is_gone(before in "[ a-z0-9.,-]{0,12}", after in "[ a-z0-9.,-]{0,12}") {
            let out = struck_out(&format!("{before} 4242424242424242 {after}"));
            prop_assert!(!is_in(&out) && !out.contains("4242424242424242"), "{out}");
        }
    }
}
