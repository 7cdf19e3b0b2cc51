//! How hard a message is to read: Flesch-Kincaid's school grade for English, Fernandez-Huerta's
//! reading ease for Spanish. Both count words, sentences and syllables, the last by rules of thumb.

use serde::{Deserialize, Serialize};

use super::words::folded;
use crate::book::Language;

/// Everybody who left school reads this (S-TP11); also the bound above which a template is refused.
pub const HARDEST_GRADE: f64 = 8.0;
/// Fewer words say nothing about how hard they are.
const FEWEST_WORDS: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// School years that are enough, to a tenth.
    pub grade: f64,
    pub words: usize,
    pub sentences: usize,
    /// Fernandez-Huerta, 0 to 100, where more is easier; Spanish only.
    pub ease: Option<f64>,
}

impl Reading {
    pub fn is_too_hard(&self) -> bool {
        self.grade > HARDEST_GRADE
    }
}

/// Of sentences; `None` where there are too few words to tell.
pub fn reading(paragraphs: &[String], language: Language) -> Option<Reading> {
    let sentences: Vec<Vec<&str>> = paragraphs.iter().flat_map(|p| sentences(p)).collect();
    let words: usize = sentences.iter().map(Vec::len).sum();
    if words < FEWEST_WORDS {
        return None;
    }
    let syllables: usize = sentences.iter().flatten().map(|word| syllables(word, language)).sum();
    let a_sentence = float(words) / float(sentences.len());
    let a_word = float(syllables) / float(words);
    let (grade, ease) = match language {
        Language::English => ((0.39 * a_sentence + 11.8 * a_word - 15.59).max(0.0), None),
        Language::Spanish => {
            let ease = 206.84 - 60.0 * a_word - 1.02 * a_sentence;
            (grade_of(ease), Some((ease * 10.0).round() / 10.0))
        }
    };
    let grade = (grade * 10.0).round() / 10.0;
    Some(Reading { grade, words, sentences: sentences.len(), ease })
}

fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Fernandez-Huerta's bands, as school years: 60 and more is what eighth graders read.
fn grade_of(ease: f64) -> f64 {
    const BANDS: [(f64, f64); 6] =
        [(90.0, 4.0), (80.0, 5.0), (70.0, 6.0), (60.0, 8.0), (50.0, 10.0), (30.0, 13.0)];
    BANDS.iter().find(|(least, _)| ease >= *least).map_or(16.0, |(_, grade)| *grade)
}

/// The words of each sentence. A colon ends one: what follows it is read on its own.
fn sentences(paragraph: &str) -> Vec<Vec<&str>> {
    let mut all = vec![Vec::new()];
    for word in paragraph.split_whitespace() {
        let plain = word.trim_matches(|c: char| !c.is_alphanumeric());
        if plain.chars().any(char::is_alphabetic)
            && let Some(open) = all.last_mut()
        {
            open.push(plain);
        }
        if word.ends_with(['.', '!', '?', ':', ';']) {
            all.push(Vec::new());
        }
    }
    all.retain(|sentence| !sentence.is_empty());
    all
}

fn syllables(word: &str, language: Language) -> usize {
    match language {
        Language::English => english(word),
        Language::Spanish => spanish(word),
    }
    .max(1)
}

fn english(word: &str) -> usize {
    let word: Vec<char> = folded(word).chars().filter(|c| c.is_alphabetic()).collect();
    let is_vowel = |c: char| "aeiouy".contains(c);
    let mut count = 0;
    let mut was_vowel = false;
    for c in &word {
        let vowel = is_vowel(*c);
        count += usize::from(vowel && !was_vowel);
        was_vowel = vowel;
    }
    let ends = |end: &str| word.ends_with(&end.chars().collect::<Vec<_>>());
    let before = |back: usize| word.len().checked_sub(back).and_then(|at| word.get(at)).copied();
    // The e of "charge", "charged", "charges" is silent; that of "table", "added", "boxes" is not.
    let silent = match () {
        () if ends("e") && !ends("le") => before(2).is_some_and(|c| !is_vowel(c)),
        () if ends("le") => before(3).is_some_and(is_vowel),
        () if ends("ed") => before(3).is_some_and(|c| !is_vowel(c) && c != 't' && c != 'd'),
        () if ends("es") => before(3).is_some_and(|c| !is_vowel(c) && !"sxzcgh".contains(c)),
        () => false,
    };
    if silent && count > 1 { count - 1 } else { count }
}

fn spanish(word: &str) -> usize {
    let word: Vec<char> = word.to_lowercase().chars().filter(|c| c.is_alphabetic()).collect();
    let is_strong = |c: char| "aeoáéó".contains(c);
    // An accented i or u stands alone, whatever is beside it.
    let is_alone = |c: char| "íú".contains(c);
    let mut count = 0;
    let mut before: Option<char> = None;
    for (at, c) in word.iter().copied().enumerate() {
        // The u of que, qui, gue, gui is not heard; a y is a vowel only at the end.
        let follows = |letters: &str| at > 0 && letters.contains(word[at - 1]);
        let leads = word.get(at + 1).is_some_and(|next| "eéií".contains(*next));
        let is_heard = !(c == 'u' && follows("qg") && leads);
        let vowel =
            "aeiouáéíóúü".contains(c) && is_heard || (c == 'y' && at + 1 == word.len() && at > 0);
        if vowel {
            let apart = |b: char| is_alone(b) || is_alone(c) || (is_strong(b) && is_strong(c));
            let joins = before.is_some_and(|b| !apart(b));
            count += usize::from(!joins);
        }
        before = vowel.then_some(c);
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syllables_are_counted_as_people_say_them() {
        for (word, count) in [
            ("bill", 1),
            ("balance", 2),
            ("payment", 2),
            ("automatic", 4),
            ("charge", 1),
            ("charged", 1),
            ("table", 2),
            ("added", 2),
            ("people", 2),
            ("online", 2),
            ("reply", 2),
            ("received", 2),
            ("reference", 3),
            ("the", 1),
            ("boxes", 2),
            ("rates", 1),
        ] {
            assert_eq!(syllables(word, Language::English), count, "{word}");
        }
        for (word, count) in [
            ("factura", 3),
            ("día", 2),
            ("cuenta", 2),
            ("pagué", 2),
            ("línea", 3),
            ("oficina", 4),
            ("veamos", 3),
            ("que", 1),
            ("hay", 1),
            ("recordatorio", 5),
            ("también", 2),
            ("ley", 1),
            ("y", 1),
            ("país", 2),
        ] {
            assert_eq!(syllables(word, Language::Spanish), count, "{word}");
        }
    }

    #[test]
    fn lawyers_english_is_harder_than_ours() {
        let of = |text: &str, language| reading(&[text.to_owned()], language).unwrap();
        let ours = of(
            "You have a bill to pay. You can pay all of it or a part. Call us if it is hard.",
            Language::English,
        );
        assert!(ours.grade < 3.0, "{ours:?}");
        let theirs = of(
            "Notwithstanding previous correspondence regarding outstanding obligations, immediate remittance of the aforementioned remaining balance is respectfully requested.",
            Language::English,
        );
        assert!(theirs.is_too_hard(), "{theirs:?}");
        let ours = of(
            "Tiene una factura por pagar. Puede pagar todo o una parte. Llame si le cuesta.",
            Language::Spanish,
        );
        assert!(!ours.is_too_hard() && ours.ease.unwrap() > 70.0, "{ours:?}");
        let theirs = of(
            "Considerando las comunicaciones anteriormente remitidas respecto de obligaciones pendientes, solicitamos respetuosamente la inmediata regularización correspondiente.",
            Language::Spanish,
        );
        assert!(theirs.is_too_hard(), "{theirs:?}");
        assert_eq!(reading(&["Too short.".to_owned()], Language::English), None);
    }
}
