//! The words in force: what a practice has written, else the words Clearbill comes with.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, OnceLock},
};

use sha2::{Digest, Sha256};

use super::{Form, Kind, Template, fill::Filled, source::Missing, variable::Filling};
use crate::book::Language;

/// Which words: of one kind, in one form and language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    pub kind: Kind,
    pub form: Form,
    pub language: Language,
}

impl Slot {
    pub const fn new(kind: Kind, form: Form, language: Language) -> Self {
        Self { kind, form, language }
    }

    /// Every slot a message can come from.
    pub fn all() -> impl Iterator<Item = Self> {
        Kind::ALL.iter().flat_map(|kind| {
            let forms = kind.forms().iter();
            forms.flat_map(|form| {
                Language::ALL.iter().map(|language| Self::new(*kind, *form, *language))
            })
        })
    }

    /// `reminder_gentle.text.en`, as it stands in addresses.
    pub fn code(self) -> String {
        format!("{}.{}.{}", self.kind.as_str(), self.form.as_str(), self.language.as_str())
    }

    pub fn parse(code: &str) -> Option<Self> {
        Self::all().find(|slot| slot.code() == code)
    }
}

/// A template as it is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Empty where the form has none.
    pub subject: String,
    pub body: String,
}

/// Which words a message was written with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Version {
    /// Those Clearbill comes with; the mark changes with every word of them.
    Default {
        mark: String,
    },
    Edited {
        number: i64,
    },
}

/// `reminder_gentle.text.en v3`, `code.email.es default 1f3a9c20`: the trace of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    pub slot: Slot,
    pub version: Version,
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Version::Default { mark } => write!(f, "{} default {mark}", self.slot.code()),
            Version::Edited { number } => write!(f, "{} v{number}", self.slot.code()),
        }
    }
}

impl Trace {
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let slot = Slot::parse(words.next()?)?;
        let version = match (words.next()?, words.next()) {
            ("default", Some(mark)) => Version::Default { mark: mark.to_owned() },
            (number, None) => Version::Edited { number: number.strip_prefix('v')?.parse().ok()? },
            _ => return None,
        };
        Some(Self { slot, version })
    }
}

/// The current words of a practice. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Book {
    edited: Arc<BTreeMap<Slot, (i64, Template)>>,
}

impl Book {
    /// Clearbill's own words alone.
    pub fn standard() -> &'static Self {
        static STANDARD: OnceLock<Book> = OnceLock::new();
        STANDARD.get_or_init(Self::default)
    }

    /// From the practice's current versions. One that can no longer be read is passed over: the
    /// default stands in.
    pub fn of(edited: impl IntoIterator<Item = (Slot, i64, Source)>) -> Self {
        let read = edited.into_iter().filter_map(|(slot, number, source)| {
            let template = Template::parse(slot.form, &source.subject, &source.body).ok()?;
            Some((slot, (number, template)))
        });
        Self { edited: Arc::new(read.collect()) }
    }

    /// The words for a message, and which they were. Where the practice's own cannot be filled, or
    /// `fits` refuses them, the default is used; `None` when that cannot be filled either.
    pub fn write(
        &self,
        slot: Slot,
        filling: &Filling,
        fits: impl Fn(&Filled) -> bool,
    ) -> Option<(Filled, Trace)> {
        if let Some((number, template)) = self.edited.get(&slot)
            && let Ok(filled) = template.fill(filling)
            && fits(&filled)
        {
            let version = Version::Edited { number: *number };
            return Some((filled, Trace { slot, version }));
        }
        let standard = standard(slot)?;
        let filled: Result<Filled, Missing> = standard.template.fill(filling);
        let version = Version::Default { mark: standard.mark.clone() };
        Some((filled.ok()?, Trace { slot, version }))
    }
}

struct Standard {
    source: Source,
    template: Template,
    mark: String,
}

/// The words Clearbill comes with; `None` for a form the kind does not have.
pub fn default_source(slot: Slot) -> Option<&'static Source> {
    standard(slot).map(|standard| &standard.source)
}

fn standard(slot: Slot) -> Option<&'static Standard> {
    static ALL: OnceLock<BTreeMap<Slot, Standard>> = OnceLock::new();
    ALL.get_or_init(load).get(&slot)
}

macro_rules! file {
    ($name:literal) => {
        include_str!(concat!("../../data/templates/", $name, ".txt"))
    };
}

const FILES: [(Form, Language, &str); 8] = [
    (Form::Text, Language::English, file!("text.en")),
    (Form::Text, Language::Spanish, file!("text.es")),
    (Form::Email, Language::English, file!("email.en")),
    (Form::Email, Language::Spanish, file!("email.es")),
    (Form::Voice, Language::English, file!("voice.en")),
    (Form::Voice, Language::Spanish, file!("voice.es")),
    (Form::Letter, Language::English, file!("letter.en")),
    (Form::Letter, Language::Spanish, file!("letter.es")),
];

fn load() -> BTreeMap<Slot, Standard> {
    let mut all = BTreeMap::new();
    for (form, language, text) in FILES {
        for section in text.split("# ").map(str::trim).filter(|s| !s.is_empty()) {
            let (name, rest) = section.split_once('\n').unwrap_or((section, ""));
            let (subject, body) = match rest.trim().strip_prefix("Subject:") {
                Some(rest) => rest.split_once('\n').unwrap_or((rest, "")),
                None => ("", rest),
            };
            let source =
                Source { subject: subject.trim().to_owned(), body: body.trim().to_owned() };
            let template = Template::parse(form, &source.subject, &source.body);
            debug_assert!(template.is_ok() && Kind::parse(name).is_some(), "{name}: {template:?}");
            let (Some(kind), Ok(template)) = (Kind::parse(name), template) else { continue };
            let digest = Sha256::digest(format!("{}\n{}", source.subject, source.body));
            let mark = hex::encode(&digest[..4]);
            all.insert(Slot::new(kind, form, language), Standard { source, template, mark });
        }
    }
    all
}
