//! Texts as carriers count them: plain letters, segments, and what must stand where.
//!
//! Promises that a text is as short as its words allow: typographic marks become plain ones, and
//! Spanish accents that would double its price become plain letters only when that saves a segment
//! (X8, D-43). Refuses to split a link or to let it slip into a second segment.

use serde::{Deserialize, Serialize};

use crate::practice::{NAME_LONGEST, NAME_RECOMMENDED};

/// GSM 03.38 without its extension table; each counts as one.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
    ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// Each counts as two, and the two never part.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

const GSM_ALONE: usize = 160;
const GSM_JOINED: usize = 153;
const UCS_ALONE: usize = 70;
const UCS_JOINED: usize = 67;

/// A text longer than this is refused by carriers (21617).
pub const LONGEST_TEXT_CHARS: usize = 1_600;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    Gsm7,
    Ucs2,
}

/// What a text costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    pub encoding: Encoding,
    /// Septets or 16-bit units.
    pub units: usize,
    /// At least one, also for an empty text.
    pub segments: usize,
}

/// How many segments a text takes, exactly: a character of two units is never cut in half.
pub fn size(text: &str) -> Size {
    let pieces = Pieces::of(text);
    let units = pieces.widths.iter().sum();
    Size { encoding: pieces.encoding, units, segments: pieces.segment_of_last() }
}

/// A text cut into characters with their widths.
struct Pieces {
    encoding: Encoding,
    widths: Vec<usize>,
    /// Byte offset of each character.
    offsets: Vec<usize>,
}

impl Pieces {
    fn of(text: &str) -> Self {
        let plain: Option<Vec<usize>> = text.chars().map(gsm_width).collect();
        let (encoding, widths) = match plain {
            Some(widths) => (Encoding::Gsm7, widths),
            None => (Encoding::Ucs2, text.chars().map(char::len_utf16).collect()),
        };
        Self { encoding, widths, offsets: text.char_indices().map(|(at, _)| at).collect() }
    }

    /// The segment, from 1, in which each character lies.
    fn segments(&self) -> Vec<usize> {
        let (alone, joined) = match self.encoding {
            Encoding::Gsm7 => (GSM_ALONE, GSM_JOINED),
            Encoding::Ucs2 => (UCS_ALONE, UCS_JOINED),
        };
        if self.widths.iter().sum::<usize>() <= alone {
            return vec![1; self.widths.len()];
        }
        let (mut segment, mut used) = (1, 0);
        let place = |width: &usize| {
            if used + width > joined {
                segment += 1;
                used = 0;
            }
            used += width;
            segment
        };
        self.widths.iter().map(place).collect()
    }

    fn segment_of_last(&self) -> usize {
        self.segments().last().copied().unwrap_or(1)
    }
}

fn gsm_width(letter: char) -> Option<usize> {
    if BASIC.contains(letter) {
        Some(1)
    } else if EXTENSION.contains(letter) {
        Some(2)
    } else {
        None
    }
}

/// The text with typographic punctuation in its plain form and nothing invisible. Words, accents and
/// emoji stay as they are.
pub fn normalise(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}' | '\u{2032}' | '\u{2035}'
            | '\u{02bc}' | '\u{00b4}' | '`' => plain.push('\''),
            '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{201f}' | '\u{2033}' | '\u{00ab}'
            | '\u{00bb}' => plain.push('"'),
            '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{00ad}' => plain.push('-'),
            '\u{2039}' => plain.push('<'),
            '\u{203a}' => plain.push('>'),
            '\u{2026}' => plain.push_str("..."),
            '\u{2022}' | '\u{00b7}' | '\u{2027}' => plain.push('-'),
            '\u{2044}' | '\u{2215}' => plain.push('/'),
            '\u{00d7}' => plain.push('x'),
            '\u{00a9}' => plain.push_str("(c)"),
            '\u{00ae}' => plain.push_str("(R)"),
            '\u{2122}' => plain.push_str("(TM)"),
            '\u{00ba}' | '\u{00b0}' => plain.push('o'),
            '\u{00aa}' => plain.push('a'),
            '\t'
            | '\u{00a0}'
            | '\u{1680}'
            | '\u{2000}'..='\u{200a}'
            | '\u{202f}'
            | '\u{205f}'
            | '\u{3000}' => plain.push(' '),
            '\r' => {}
            '\u{2028}' | '\u{2029}' => plain.push('\n'),
            '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}'
            | '\u{feff}' => {}
            control if control.is_control() && control != '\n' => {}
            other => plain.push(other),
        }
    }
    plain
}

/// `normalise`, and letters without a GSM-7 form written plainly (`á` as `a`; `é`, `ñ`, `ü`, `¿` have
/// one and stay), but only when the text gets cheaper for it.
pub fn economise(text: &str) -> String {
    let normal = normalise(text);
    if size(&normal).encoding == Encoding::Gsm7 {
        return normal;
    }
    let folded: String = normal.chars().map(plain_letter).collect();
    if size(&folded).segments < size(&normal).segments { folded } else { normal }
}

/// A letter that GSM-7 lacks, written plainly; `None` where it has none or needs none.
pub fn plain_form(letter: char) -> Option<char> {
    Some(plain_letter(letter)).filter(|plain| *plain != letter)
}

fn plain_letter(letter: char) -> char {
    match letter {
        'á' | 'â' | 'ã' | 'ā' => 'a',
        'í' | 'î' | 'ï' => 'i',
        'ó' | 'ô' | 'õ' => 'o',
        'ú' | 'û' => 'u',
        'ê' | 'ë' => 'e',
        'ç' => 'c',
        'ý' => 'y',
        'Á' | 'À' | 'Â' | 'Ã' => 'A',
        'È' | 'Ê' | 'Ë' => 'E',
        'Í' | 'Ì' | 'Î' | 'Ï' => 'I',
        'Ó' | 'Ò' | 'Ô' | 'Õ' => 'O',
        'Ú' | 'Ù' | 'Û' => 'U',
        'Ý' => 'Y',
        other => other,
    }
}

/// The parts of a text in the order in which they are read (M23).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    /// What the practice is called; always first.
    pub name: &'a str,
    /// What comes before the link.
    pub lead: &'a str,
    pub link: Option<&'a str>,
    /// What comes after it.
    pub tail: &'a str,
    /// "Reply STOP to opt out."
    pub stop_line: &'a str,
    /// The first text to this number, or the first in 30 days: it goes in whatever it costs.
    pub stop_line_is_due: bool,
}

/// A text ready to be approved and sent as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    pub body: String,
    pub size: Size,
    pub has_stop_line: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotCompose {
    #[error("a text begins with the practice's name, and there is none")]
    NoName,
    #[error("a link holds only letters a carrier leaves alone")]
    OddLink,
    #[error("the link does not fit into the first segment")]
    LinkNotInFirstSegment,
    #[error("the text is too long for a carrier")]
    TooLong,
}

/// The STOP line is left out only when it is not due and would need a third segment.
const SEGMENTS_FOR_STOP: usize = 2;

/// Puts a text together: name first, the link whole and in the first segment (moved before the lead
/// if it must be), the STOP line when it fits two segments or is due.
pub fn compose(parts: &Parts<'_>) -> Result<Text, CannotCompose> {
    if parts.name.trim().is_empty() {
        return Err(CannotCompose::NoName);
    }
    if parts.link.is_some_and(|link| link.is_empty() || !link.bytes().all(|b| b.is_ascii_graphic()))
    {
        return Err(CannotCompose::OddLink);
    }
    let orders = [
        [parts.lead, parts.link.unwrap_or(""), parts.tail],
        [parts.link.unwrap_or(""), parts.lead, parts.tail],
    ];
    let mut refusal = CannotCompose::LinkNotInFirstSegment;
    for order in orders {
        match compose_in(parts, &order) {
            Ok(text) => return Ok(text),
            Err(why) => refusal = why,
        }
    }
    Err(refusal)
}

fn compose_in(parts: &Parts<'_>, order: &[&str]) -> Result<Text, CannotCompose> {
    let stop = parts.stop_line.trim();
    let with_stop = finish(parts, order, stop);
    let wanted = !stop.is_empty()
        && (parts.stop_line_is_due || size(&with_stop).segments <= SEGMENTS_FOR_STOP);
    let body = if wanted { with_stop } else { finish(parts, order, "") };
    if body.chars().count() > LONGEST_TEXT_CHARS {
        return Err(CannotCompose::TooLong);
    }
    if let Some(link) = parts.link
        && !is_whole_in_first_segment(&body, link)
    {
        return Err(CannotCompose::LinkNotInFirstSegment);
    }
    Ok(Text { size: size(&body), has_stop_line: wanted, body })
}

fn finish(parts: &Parts<'_>, order: &[&str], stop: &str) -> String {
    let mut text = format!("{}:", parts.name.trim());
    for part in order.iter().copied().chain([stop]).map(str::trim).filter(|p| !p.is_empty()) {
        text.push(' ');
        text.push_str(part);
    }
    economise(&text)
}

/// Whether the link stands in the text unbroken, all of it in the first segment.
pub fn is_whole_in_first_segment(text: &str, link: &str) -> bool {
    let Some(from) = text.find(link) else { return false };
    let pieces = Pieces::of(text);
    let segments = pieces.segments();
    pieces
        .offsets
        .iter()
        .zip(segments)
        .filter(|(at, _)| (from..from + link.len()).contains(*at))
        .all(|(_, segment)| segment == 1)
}

/// Whether the link stands in the text unbroken, all of it in one segment, whichever.
pub fn is_whole_in_a_segment(text: &str, link: &str) -> bool {
    let Some(from) = text.find(link) else { return false };
    let pieces = Pieces::of(text);
    let segments = pieces.segments();
    let mut of_link = pieces
        .offsets
        .iter()
        .zip(segments)
        .filter(|(at, _)| (from..from + link.len()).contains(*at))
        .map(|(_, segment)| segment);
    let first = of_link.next();
    of_link.all(|segment| Some(segment) == first)
}

/// Accounts that one message speaks for at most (D-4); the others of a phone wait their turn.
pub const ACCOUNTS_MOST: usize = 3;
/// Parts of a text for several accounts at most: few people read further.
pub const TOGETHER_SEGMENTS_MOST: usize = 4;

/// A text for several accounts of one phone: the first one's as it stands, then a line for each of
/// the others, words and link. Its own link stays in the first segment and no link is split; `None`
/// where that cannot be, or it would cost more than the limit.
pub fn compose_together(body: &str, link: &str, others: &[(&str, &str)]) -> Option<String> {
    let mut text = body.to_owned();
    let mut links = vec![];
    for (words, other) in others {
        links.push(*other);
        // Where one order would break a link in two, the other does not.
        let orders = [format!("{text}\n{words} {other}"), format!("{text}\n{other} {words}")];
        let holds = |text: &String| {
            is_whole_in_first_segment(text, link)
                && links.iter().all(|link| is_whole_in_a_segment(text, link))
        };
        text = orders.into_iter().find(holds)?;
    }
    let fits = size(&text).segments <= TOGETHER_SEGMENTS_MOST
        && text.chars().count() <= LONGEST_TEXT_CHARS;
    fits.then_some(text)
}

/// What a custom practice name is worth in a text (S-TP2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameFit {
    Fine,
    /// Sent, but staff are told: it eats into the first segment.
    LongerThanRecommended {
        chars: usize,
    },
    /// Refused: the text would not be sent.
    TooLong {
        chars: usize,
    },
    Empty,
    /// Line breaks, invisible signs or emoji.
    Unprintable,
}

/// Judges a custom practice name as typed; blanks at its ends do not count.
pub fn name_fit(name: &str) -> NameFit {
    let name = name.trim();
    let chars = name.chars().count();
    let plain = normalise(name);
    if chars == 0 {
        NameFit::Empty
    } else if name.contains('\n') || plain.chars().map(plain_letter).any(|c| gsm_width(c).is_none())
    {
        NameFit::Unprintable
    } else if chars > NAME_LONGEST {
        NameFit::TooLong { chars }
    } else if chars > NAME_RECOMMENDED {
        NameFit::LongerThanRecommended { chars }
    } else {
        NameFit::Fine
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OURS: &str = "https://pay.hilltop.example/p/AAAAAAAAAAAAAAAAAAAAAA";
    const THEIRS: &str = "https://pay.hilltop.example/p/BBBBBBBBBBBBBBBBBBBBBB";
    const WORDS: &str = "Another account with this phone also has a balance:";

    #[test]
    fn a_text_for_two_accounts_breaks_neither_link_however_long_it_is_before() {
        for filler in 0..120 {
            let body = format!("Hilltop: pay {OURS} {} Reply STOP to opt out.", "x".repeat(filler));
            let text = compose_together(&body, OURS, &[(WORDS, THEIRS)]).expect("it fits");
            assert!(text.starts_with(&body), "the approved words stand as they were");
            assert!(is_whole_in_first_segment(&text, OURS));
            assert!(is_whole_in_a_segment(&text, THEIRS), "{filler}: {text}");
            assert!(text.contains(WORDS));
        }
    }

    #[test]
    fn a_text_for_several_accounts_has_four_parts_at_most() {
        let body = format!("Hilltop: pay {OURS} {} Reply STOP to opt out.", "x".repeat(500));
        assert!(size(&body).segments <= TOGETHER_SEGMENTS_MOST);
        assert_eq!(compose_together(&body, OURS, &[(WORDS, THEIRS)]), None);
    }

    #[test]
    fn a_link_across_two_segments_is_seen() {
        let text = format!("{} {THEIRS}", "x".repeat(130));
        assert!(!is_whole_in_a_segment(&text, THEIRS));
        assert!(!is_whole_in_a_segment("no link here", THEIRS));
        let text = format!("{} {THEIRS}", "x".repeat(160));
        assert!(is_whole_in_a_segment(&text, THEIRS) && !is_whole_in_first_segment(&text, THEIRS));
    }

    #[test]
    fn the_alphabet_has_the_right_number_of_letters() {
        assert_eq!(BASIC.chars().count(), 127, "128 less the escape");
        assert_eq!(EXTENSION.chars().count(), 10);
    }

    #[test]
    fn segments_turn_over_where_carriers_turn_them_over() {
        for (text, segments) in [
            ("", 1),
            (&*"a".repeat(160), 1),
            (&*"a".repeat(161), 2),
            (&*"a".repeat(306), 2),
            (&*"a".repeat(307), 3),
            (&*"€".repeat(80), 1),
            (&*"á".repeat(70), 1),
            (&*"á".repeat(71), 2),
            (&*"á".repeat(134), 2),
            (&*"á".repeat(135), 3),
            (&*"😀".repeat(35), 1),
            (&*"😀".repeat(36), 2),
        ] {
            assert_eq!(size(text).segments, segments, "{text}");
        }
    }

    #[test]
    fn a_sign_of_two_units_is_never_cut_in_half() {
        // 152 letters, then a euro: the euro moves whole into the next segment.
        let text = format!("{}€{}", "a".repeat(152), "a".repeat(152));
        assert_eq!(size(&text), Size { encoding: Encoding::Gsm7, units: 306, segments: 3 });
        // 33 emoji are 66 units of 67: the next one does not fit.
        assert_eq!(size(&"😀".repeat(67)).segments, 3);
    }

    #[test]
    fn a_typographic_apostrophe_costs_nothing() {
        let curly = "Sorry, we don\u{2019}t recognize this response.";
        assert_eq!(normalise(curly), "Sorry, we don't recognize this response.");
        assert_eq!(size(curly).encoding, Encoding::Ucs2);
        assert_eq!(size(&normalise(curly)).encoding, Encoding::Gsm7);
    }

    #[test]
    fn spanish_keeps_its_accents_while_they_are_free() {
        assert_eq!(economise("Recordatorio rápido"), "Recordatorio rápido");
        assert_eq!(economise("¿Mañana? ¡Sí, él!"), "¿Mañana? ¡Sí, él!");
        let long = "Su saldo está listo. Pague aquí sin iniciar sesión, o llámenos para más \
                    información sobre el año pasado.";
        let cheap = economise(long);
        assert_eq!(size(&cheap).segments, 1);
        assert!(cheap.contains("esta listo") && cheap.contains("año"), "{cheap}");
    }

    fn reminder<'a>(name: &'a str, lead: &'a str, tail: &'a str) -> Parts<'a> {
        Parts {
            name,
            lead,
            link: Some("https://pay.example.org/p/AbCdEfGhIjKlMnOpQrStUv"),
            tail,
            stop_line: "Reply STOP to opt out.",
            stop_line_is_due: false,
        }
    }

    #[test]
    fn a_reminder_names_the_practice_first_and_ends_with_stop() {
        let text =
            compose(&reminder("Lakeside Clinic", "You have a balance. Pay here:", "Call us."))
                .unwrap();
        assert!(text.body.starts_with("Lakeside Clinic: You have"));
        assert!(text.body.ends_with("Reply STOP to opt out."));
        assert_eq!(text.size.segments, 1);
        assert!(text.has_stop_line);
    }

    #[test]
    fn the_stop_line_gives_way_only_when_it_is_not_due() {
        let tail = "x".repeat(215);
        let mut parts = reminder("Lakeside Clinic", "Pay here:", &tail);
        let without = compose(&parts).unwrap();
        assert!(!without.has_stop_line);
        assert_eq!(without.size.segments, 2);
        parts.stop_line_is_due = true;
        let with = compose(&parts).unwrap();
        assert!(with.has_stop_line);
        assert_eq!(with.size.segments, 3);
    }

    #[test]
    fn a_link_that_would_slip_moves_to_the_front() {
        let lead = "y ".repeat(60);
        let text = compose(&reminder("Lakeside Clinic", &lead, "")).unwrap();
        assert!(text.body.starts_with("Lakeside Clinic: https://pay.example.org/p/"));
        let name = "n".repeat(120);
        assert_eq!(compose(&reminder(&name, &lead, "")), Err(CannotCompose::LinkNotInFirstSegment));
    }

    #[test]
    fn a_text_without_a_name_or_with_an_odd_link_is_not_composed() {
        assert_eq!(compose(&reminder(" ", "a", "b")), Err(CannotCompose::NoName));
        let odd = Parts { link: Some("https://exämple.org"), ..reminder("L", "a", "b") };
        assert_eq!(compose(&odd), Err(CannotCompose::OddLink));
        let long = "z".repeat(1_700);
        assert_eq!(compose(&reminder("L", "a", &long)), Err(CannotCompose::TooLong));
    }

    #[test]
    fn a_custom_name_may_have_fifty_letters_and_should_have_thirty() {
        assert_eq!(name_fit("Lakeside Clinic"), NameFit::Fine);
        assert_eq!(name_fit(&"n".repeat(30)), NameFit::Fine);
        assert_eq!(name_fit(&"n".repeat(31)), NameFit::LongerThanRecommended { chars: 31 });
        assert_eq!(name_fit(&"n".repeat(50)), NameFit::LongerThanRecommended { chars: 50 });
        assert_eq!(name_fit(&format!("  {}  ", "n".repeat(51))), NameFit::TooLong { chars: 51 });
        assert_eq!(name_fit("   "), NameFit::Empty);
        assert_eq!(name_fit("Clínica San José"), NameFit::Fine);
        assert_eq!(name_fit("Smile 😀 Dental"), NameFit::Unprintable);
        assert_eq!(name_fit("Two\nLines"), NameFit::Unprintable);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn economising_never_costs_more_and_settles(text in "\\PC{0,200}") {
            let cheap = economise(&text);
            prop_assert!(size(&cheap).segments <= size(&normalise(&text)).segments);
            prop_assert_eq!(economise(&cheap), cheap);
        }

        #[test]
        fn a_composed_link_is_always_whole(lead in "[a-zA-Záéñ ]{0,90}", tail in "\\PC{0,200}") {
            let link = "https://pay.example.org/p/AbCdEfGhIjKlMnOpQrStUv";
            if let Ok(text) = compose(&reminder("Lakeside", &lead, &tail)) {
                prop_assert!(text.body.contains(link));
                prop_assert!(is_whole_in_first_segment(&text.body, link));
            }
        }
    }
}
