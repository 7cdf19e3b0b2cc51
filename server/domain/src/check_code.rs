//! The short code in each message, by which somebody finds out that it was ours (MS1): on the page "Is
//! this message real?", by texting VERIFY, and typed on the keys of a phone.

/// No letters that are read for others.
pub const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
pub const LENGTH: usize = 8;

/// A code from forty bits of chance.
pub fn of(bits: u64) -> String {
    let letter = |place: usize| LETTERS[usize::try_from((bits >> (place * 5)) & 31).unwrap_or(0)];
    (0..LENGTH).map(|place| char::from(letter(place))).collect()
}

/// As it is typed on a phone, where each key stands for a digit and three or four letters: `ABCD2345`
/// is `22232345`.
pub fn keys(code: &str) -> String {
    code.chars().filter_map(key).collect()
}

const fn key(sign: char) -> Option<char> {
    Some(match sign.to_ascii_uppercase() {
        '2'..='9' => sign,
        'A'..='C' => '2',
        'D'..='F' => '3',
        'G'..='I' => '4',
        'J'..='L' => '5',
        'M'..='O' => '6',
        'P'..='S' => '7',
        'T'..='V' => '8',
        'W'..='Z' => '9',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_typed_on_a_phone_key_by_key() {
        assert_eq!(keys("ABCD2345"), "22232345");
        assert_eq!(keys("k7qf-2m9x"), "57732699");
        for letter in LETTERS {
            let typed = keys(&char::from(*letter).to_string());
            assert!(matches!(typed.as_bytes(), [b'2'..=b'9']), "{letter}: {typed}");
        }
    }

    #[test]
    fn every_code_has_eight_letters_of_the_alphabet() {
        for bits in [0, 1, u64::MAX, 0x0123_4567_89AB_CDEF] {
            let code = of(bits);
            assert_eq!(code.len(), LENGTH);
            assert!(code.bytes().all(|letter| LETTERS.contains(&letter)), "{code}");
        }
    }
}
