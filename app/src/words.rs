//! Every sentence a patient reads, in English and Spanish, from the Fluent files in
//! `app/messages`, which are compiled in.
//!
//! A key that is missing is shown as itself rather than as nothing; tests make sure that both
//! languages have the same keys with the same variables, and that every key used exists.

use std::{collections::HashMap, sync::OnceLock};

pub use fluent_bundle::FluentValue as Value;
use fluent_bundle::{FluentArgs, FluentResource, concurrent::FluentBundle};
use unic_langid::LanguageIdentifier;

include!(concat!(env!("OUT_DIR"), "/messages.rs"));

/// The languages of the patient side. The workspace is in English.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Lang {
    #[default]
    En,
    Es,
}

impl Lang {
    pub const ALL: [Self; 2] = [Self::En, Self::Es];

    /// As in `<html lang>`, in the database and in a cookie.
    pub const fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Es => "es",
        }
    }

    /// `es`, `es-MX`, `ES_us`: the languages of an import file, a cookie or a browser.
    pub fn from_code(code: &str) -> Option<Self> {
        let primary = code.trim().split(['-', '_']).next().unwrap_or_default();
        Self::ALL.into_iter().find(|lang| primary.eq_ignore_ascii_case(lang.code()))
    }

    /// The first of ours in an `Accept-Language` header, by its weights.
    pub fn from_accept_language(header: &str) -> Option<Self> {
        let mut best: Option<(f32, Self)> = None;
        for entry in header.split(',').take(16) {
            let (tag, rest) = entry.split_once(';').unwrap_or((entry, ""));
            let weight = rest.trim().strip_prefix("q=").map_or(1.0, |q| q.parse().unwrap_or(0.0));
            let better = best.is_none_or(|(highest, _)| weight > highest);
            if let Some(lang) = Self::from_code(tag)
                && weight > 0.0
                && better
            {
                best = Some((weight, lang));
            }
        }
        best.map(|(_, lang)| lang)
    }
}

/// The sentences in one language. Copy it wherever a sentence is needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Words {
    lang: Lang,
}

impl Words {
    pub const fn new(lang: Lang) -> Self {
        Self { lang }
    }

    pub const fn lang(self) -> Lang {
        self.lang
    }

    /// A message without variables.
    pub fn t(self, key: &'static str) -> &'static str {
        let found = book(self.lang).plain.get(key);
        debug_assert!(found.is_some(), "no message {key}, or it has variables");
        found.map_or(key, String::as_str)
    }

    /// A message with variables: `w.with("amount-range", &[("least", "$1.00".into()), …])`.
    pub fn with(self, key: &'static str, variables: &[(&'static str, Value<'_>)]) -> String {
        let bundle = &book(self.lang).bundle;
        let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) else {
            debug_assert!(false, "no message {key}");
            return key.to_owned();
        };
        let mut arguments = FluentArgs::with_capacity(variables.len());
        for (name, value) in variables {
            arguments.set(*name, value.clone());
        }
        let mut errors = Vec::new();
        let text = bundle.format_pattern(pattern, Some(&arguments), &mut errors);
        debug_assert!(errors.is_empty(), "{key}: {errors:?}");
        text.into_owned()
    }
}

struct Book {
    bundle: FluentBundle<FluentResource>,
    /// The messages without variables, formatted once.
    plain: HashMap<String, String>,
}

fn book(lang: Lang) -> &'static Book {
    static EN: OnceLock<Book> = OnceLock::new();
    static ES: OnceLock<Book> = OnceLock::new();
    match lang {
        Lang::En => EN.get_or_init(|| load(lang)),
        Lang::Es => ES.get_or_init(|| load(lang)),
    }
}

fn load(lang: Lang) -> Book {
    let id: LanguageIdentifier = lang.code().parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![id]);
    // Isolation marks are invisible characters that would make a text message twice as long.
    bundle.set_use_isolating(false);
    let mut keys = Vec::new();
    for (_, name, text) in FILES.iter().filter(|(code, ..)| *code == lang.code()) {
        let resource =
            FluentResource::try_new((*text).to_owned()).unwrap_or_else(|(rest, errors)| {
                debug_assert!(false, "{}/{name}: {errors:?}", lang.code());
                rest
            });
        keys.extend(keys_in(text));
        let added = bundle.add_resource(resource);
        debug_assert!(added.is_ok(), "{}/{name}: {added:?}", lang.code());
    }
    let plain = keys
        .into_iter()
        .filter_map(|key| {
            let pattern = bundle.get_message(key)?.value()?;
            let mut errors = Vec::new();
            let text = bundle.format_pattern(pattern, None, &mut errors).into_owned();
            errors.is_empty().then_some((key.to_owned(), text))
        })
        .collect();
    Book { bundle, plain }
}

/// A message begins at the start of a line: `key = …`. Comments and continuations do not.
fn keys_in(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
        .filter_map(|line| line.split_once(" =").map(|(key, _)| key))
}

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeMap, BTreeSet},
        fs,
        path::Path,
    };

    use super::*;

    /// Each message with the names of its variables.
    fn messages(code: &str) -> BTreeMap<String, BTreeSet<String>> {
        let mut found = BTreeMap::new();
        for (_, _, text) in FILES.iter().filter(|(lang, ..)| *lang == code) {
            let mut key = String::new();
            for line in text.lines().filter(|line| !line.starts_with('#')) {
                if let Some(next) = keys_in(line).next() {
                    key = next.to_owned();
                    let twice = found.insert(key.clone(), BTreeSet::new()).is_some();
                    assert!(!twice, "{key} stands twice in {code}");
                }
                for part in line.split('$').skip(1) {
                    let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                    let name = part[..end.unwrap_or(part.len())].to_owned();
                    found.get_mut(&key).unwrap().insert(name);
                }
            }
        }
        found
    }

    fn sources(folder: &Path, all: &mut String) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, all);
            } else if path.extension().is_some_and(|e| e == "rs") {
                all.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }

    #[test]
    fn both_languages_say_the_same_things_with_the_same_variables() {
        let (english, spanish) = (messages("en"), messages("es"));
        assert!(english.len() > 100);
        for (key, variables) in &english {
            assert_eq!(Some(variables), spanish.get(key), "{key}");
        }
        assert_eq!(english.len(), spanish.len());
    }

    #[test]
    fn every_sentence_asked_for_exists_and_every_sentence_is_asked_for() {
        let english = messages("en");
        let mut all = String::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
        // The examples of comments and this very test ask for nothing.
        let all: String = all
            .lines()
            .filter(|line| !line.trim_start().starts_with("//") && !line.contains("for call in"))
            .collect::<Vec<_>>()
            .join("\n");
        let compact: String = all.split_whitespace().collect::<Vec<_>>().join("");
        // Other things have a `with` too: only what hangs on words is asked for.
        let speakers = ["{w", "(w", "=w", "|w", ",w", ">w", "words()", "Words::new(lang)"];
        for call in [".t(\"", ".with(\""] {
            for (at, _) in compact.match_indices(call) {
                if !speakers.iter().any(|speaker| compact[..at].ends_with(speaker)) {
                    continue;
                }
                let rest = &compact[at + call.len()..];
                let key = &rest[..rest.find('"').unwrap()];
                assert!(english.contains_key(key), "{call}{key}");
            }
        }
        for key in english.keys() {
            assert!(all.contains(&format!("\"{key}\"")), "nobody says {key}");
        }
    }

    #[test]
    fn files_parse_without_a_warning() {
        for (code, name, text) in FILES {
            let parsed = FluentResource::try_new((*text).to_owned());
            assert!(parsed.is_ok(), "{code}/{name}: {:?}", parsed.err().map(|(_, e)| e));
        }
    }

    #[test]
    fn a_browser_that_prefers_spanish_gets_spanish() {
        assert_eq!(Lang::from_accept_language("es-MX,es;q=0.9,en;q=0.8"), Some(Lang::Es));
        assert_eq!(Lang::from_accept_language("fr, en;q=0.3, es;q=0.7"), Some(Lang::Es));
        assert_eq!(Lang::from_accept_language("de, fr"), None);
        assert_eq!(Lang::from_accept_language("es;q=0"), None);
    }
}
