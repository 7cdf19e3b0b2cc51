//! Words that have no place in a message about a bill: what tells of somebody's health, what
//! threatens, what advertises. Lists of words compiled in, matched without case and accents.
//!
//! An entry that ends in `*` stands for every word that begins so; hyphens join words that must
//! follow each other.

use std::sync::OnceLock;

use super::Problem;
use crate::book::Language;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    Health,
    /// Harmless in most messages, telling in some.
    HealthMaybe,
    Provider,
    Threat,
    Promotion,
}

impl Topic {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "health" => Self::Health,
            "health_maybe" => Self::HealthMaybe,
            "provider" => Self::Provider,
            "threat" => Self::Threat,
            "promotion" => Self::Promotion,
            _ => return None,
        })
    }

    pub(super) fn problem(self, word: &str) -> Problem {
        let word = word.to_owned();
        match self {
            Self::Health => Problem::Health { word },
            Self::HealthMaybe => Problem::MaybeHealth { word },
            Self::Provider => Problem::Provider { word },
            Self::Threat => Problem::Threat { word },
            Self::Promotion => Problem::Promotion { word },
        }
    }
}

struct Entry {
    topic: Topic,
    /// Folded; the last may be a beginning only.
    words: Vec<String>,
    is_prefix: bool,
}

fn list(language: Language) -> &'static [Entry] {
    static ENGLISH: OnceLock<Vec<Entry>> = OnceLock::new();
    static SPANISH: OnceLock<Vec<Entry>> = OnceLock::new();
    match language {
        Language::English => {
            ENGLISH.get_or_init(|| read(include_str!("../../../data/templates/words.en.txt")))
        }
        Language::Spanish => {
            SPANISH.get_or_init(|| read(include_str!("../../../data/templates/words.es.txt")))
        }
    }
}

fn read(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    for section in text.split("# ").map(str::trim).filter(|s| !s.is_empty()) {
        let (name, rest) = section.split_once('\n').unwrap_or((section, ""));
        let topic = Topic::parse(name);
        debug_assert!(topic.is_some(), "no topic {name}");
        let Some(topic) = topic else { continue };
        for entry in rest.split_whitespace() {
            let plain = entry.strip_suffix('*').unwrap_or(entry);
            let words = plain.split('-').map(folded).collect();
            entries.push(Entry { topic, words, is_prefix: plain.len() < entry.len() });
        }
    }
    entries
}

/// Lower case, without accents.
pub(super) fn folded(text: &str) -> String {
    let plain = |letter: char| match letter {
        'á' | 'à' | 'â' | 'ä' => 'a',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'í' | 'ì' | 'î' | 'ï' => 'i',
        'ó' | 'ò' | 'ô' | 'ö' => 'o',
        'ú' | 'ù' | 'û' | 'ü' => 'u',
        'ñ' => 'n',
        other => other,
    };
    text.to_lowercase().chars().map(plain).collect()
}

/// What stands in a text, each entry once, as it was written. Health is looked for in both
/// languages, the rest in the text's own.
pub(super) fn found(text: &str, language: Language) -> Vec<(Topic, String)> {
    let written: Vec<&str> =
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let plain: Vec<String> = written.iter().map(|word| folded(word)).collect();
    let mut found: Vec<(Topic, String)> = Vec::new();
    for other in Language::ALL {
        for entry in list(*other) {
            let is_telling = matches!(entry.topic, Topic::Health);
            if *other != language && !is_telling {
                continue;
            }
            let Some(at) = plain.windows(entry.words.len()).position(|w| entry.stands_for(w))
            else {
                continue;
            };
            let words = written[at..at + entry.words.len()].join(" ");
            if !found.iter().any(|(_, seen)| *seen == words) {
                found.push((entry.topic, words));
            }
        }
    }
    found
}

impl Entry {
    fn stands_for(&self, window: &[String]) -> bool {
        let last = self.words.len() - 1;
        self.words.iter().zip(window).enumerate().all(|(at, (wanted, word))| {
            if at == last && self.is_prefix { word.starts_with(wanted) } else { word == wanted }
        })
    }
}

/// A day written out: a message to many people has no day of its own but that of a visit.
pub(super) fn typed_day(text: &str) -> Option<String> {
    const MONTHS: [&str; 24] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
        "enero",
        "febrero",
        "marzo",
        "abril",
        "mayo",
        "junio",
        "julio",
        "agosto",
        "septiembre",
        "octubre",
        "noviembre",
        "diciembre",
    ];
    let words: Vec<&str> = text.split_whitespace().collect();
    let bare = |word: &str| folded(word.trim_matches(|c: char| !c.is_alphanumeric()));
    for (at, word) in words.iter().enumerate() {
        let trimmed = word.trim_matches(|c: char| !c.is_ascii_digit());
        let numbers: Vec<&str> = trimmed.split(['/', '-', '.']).collect();
        let is_number =
            |n: &&str| (1..=4).contains(&n.len()) && n.bytes().all(|b| b.is_ascii_digit());
        let slashed = trimmed.contains('/') && numbers.len() == 2;
        if numbers.iter().all(is_number) && (numbers.len() == 3 && trimmed.len() <= 10 || slashed) {
            return Some(trimmed.to_owned());
        }
        if !MONTHS.contains(&bare(word).as_str()) {
            continue;
        }
        let is_day = |word: &&&str| bare(word).parse::<u8>().is_ok_and(|n| (1..=31).contains(&n));
        let after = words.get(at + 1).filter(is_day).map(|day| format!("{word} {day}"));
        // "3 de mayo"
        let of = (at >= 2 && bare(words[at - 1]) == "de").then(|| words.get(at - 2)).flatten();
        let before = of.filter(is_day).map(|day| format!("{day} de {word}"));
        let direct = (at >= 1).then(|| words.get(at - 1)).flatten();
        let direct = direct.filter(is_day).map(|day| format!("{day} {word}"));
        if let Some(day) = after.or(before).or(direct) {
            return Some(day);
        }
    }
    None
}

/// An address or an amount typed where a variable belongs.
pub(super) fn typed_link(text: &str) -> Option<&str> {
    text.split_whitespace().find(|word| {
        let plain = word.to_lowercase();
        ["http:", "https:", "www."].iter().any(|start| plain.contains(start))
            || [".com", ".org", ".net", ".ly/", ".co/", ".gl/", ".health"]
                .iter()
                .any(|end| plain.contains(end))
    })
}

pub(super) fn typed_amount(text: &str) -> Option<&str> {
    text.split_whitespace().find(|word| {
        word.split('$').nth(1).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_whatever_their_case_accents_and_endings() {
        let topics = found;
        for (text, language, topic, word) in [
            ("after your Surgery", Language::English, Topic::Health, "Surgery"),
            ("our ONCOLOGISTS", Language::English, Topic::Health, "ONCOLOGISTS"),
            ("your lab work", Language::English, Topic::Health, "lab work"),
            ("su cirugía", Language::Spanish, Topic::Health, "cirugía"),
            ("su cirugía", Language::English, Topic::Health, "cirugía"),
            ("Dr. House", Language::English, Topic::Provider, "Dr"),
            ("we will take legal action", Language::English, Topic::Threat, "legal action"),
            ("acciones legales", Language::Spanish, Topic::Threat, "acciones legales"),
            ("a discount", Language::English, Topic::Promotion, "discount"),
        ] {
            assert!(topics(text, language).contains(&(topic, word.to_owned())), "{text}");
        }
        assert_eq!(topics("Thank you. Call us and we will help.", Language::English), []);
        // "sale" is a promotion in English and only leaves in Spanish.
        assert_eq!(topics("la cuenta sale bien", Language::Spanish), []);
    }

    #[test]
    fn a_day_that_was_typed_is_seen() {
        for text in [
            "on 3/14",
            "on 03/14/2026.",
            "on 2026-03-14",
            "May 3rd no, May 3",
            "el 3 de mayo",
            "14 March",
        ] {
            assert!(typed_day(text).is_some(), "{text}");
        }
        for text in ["in 10 minutes", "you may pay", "call 212-555-0100", "24/7 and more", "may 90"]
        {
            let is_hours = text.starts_with("24/7");
            assert_eq!(typed_day(text).is_some(), is_hours, "{text}");
        }
    }

    #[test]
    fn addresses_and_amounts_that_were_typed_are_seen() {
        assert_eq!(typed_link("pay at bit.ly/abc now"), Some("bit.ly/abc"));
        assert_eq!(typed_link("see www.elm.example"), Some("www.elm.example"));
        assert_eq!(typed_link("See and pay."), None);
        assert_eq!(typed_amount("pay $82.00 now"), Some("$82.00"));
        assert_eq!(typed_amount("a $ sign"), None);
    }
}
