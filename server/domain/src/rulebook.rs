//! The rules about messages, as data: what the law and the policy ask, who read it and when, and the
//! examples that show it.
//!
//! The files under `server/domain/rules` are compiled in and read once. A practice may change what a
//! rule lets it change (`change`), never below what the rule says is the floor. Each rule names where
//! it applies, since when, its sources and its vectors, and `decide` asks the book instead of knowing
//! numbers. What cannot be data (that a consent exists, that somebody approved) is built into
//! `decide` and stands in the book by its id, so that one page lists everything.
//!
//! Promises: the strictest of all rules that apply binds; a rule about a place also binds a person
//! whose place nobody knows. Refuses: a file with an unknown key, a cap that looks back further than
//! the history reaches, a rule without words.

pub mod change;
mod file;
mod place;
mod rule;
pub mod vector;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, OnceLock},
};

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

pub use self::{
    change::{Change, Refused},
    place::Place,
    rule::{AppliesWhen, Freedom, Kind, Per, Requirement, Rule, Scene},
    vector::Vector,
};
use crate::{decide::RuleId, holds::HoldKind};

/// Raised with every change of what the code of `decide` answers; the files carry their own hash.
const GENERATION: &str = "4";
/// Enough of a hash to tell two sets of rules apart, and short enough to read out.
const HASH_CHARS: usize = 8;

/// A set of rules: the product's, or a practice's. Cheap to clone.
#[derive(Clone)]
pub struct Rulebook(Arc<Pages>);

struct Pages {
    version: String,
    rules: Vec<Rule>,
    caps: Vec<usize>,
    hours: Vec<usize>,
    consents: Vec<usize>,
    holds: Vec<usize>,
    others: Vec<usize>,
}

impl Rulebook {
    /// The rules as this program brings them.
    pub fn product() -> Self {
        static PRODUCT: OnceLock<Rulebook> = OnceLock::new();
        PRODUCT
            .get_or_init(|| {
                let rules = file::read_all().expect("the rules compiled in are read by the tests");
                Self::bind(format!("{GENERATION}.{}", file::hash()), rules)
            })
            .clone()
    }

    /// The product's rules with a practice's changes. A change the rule no longer allows is left
    /// out, and so is the laxer half of one: what the product says then binds.
    #[must_use]
    pub fn with(&self, changes: &[Change]) -> Self {
        if changes.is_empty() {
            return self.clone();
        }
        let mut rules = self.0.rules.clone();
        let mut hash = Sha256::new();
        let by_rule: BTreeMap<&str, &Change> =
            changes.iter().map(|change| (change.rule.as_str(), change)).collect();
        for (id, change) in by_rule {
            let Some(rule) = rules.iter_mut().find(|rule| rule.id == id) else { continue };
            let Ok(changed) = change.apply(rule) else { continue };
            hash.update(change.canonical());
            *rule = changed;
        }
        let hash = hex::encode(hash.finalize());
        let product = self.0.version.split('+').next().unwrap_or_default();
        Self::bind(format!("{product}+{}", &hash[..HASH_CHARS]), rules)
    }

    /// Only this rule, switched on, beside what is built into `decide`: for its vectors.
    fn alone(&self, rule: &Rule) -> Self {
        let kept = Rule { enabled: true, ..rule.clone() };
        let mut rules: Vec<Rule> = Vec::new();
        if !matches!(rule.kind, Kind::AdultAge { .. }) {
            // Without it nobody is of age.
            let adults = |r: &&Rule| matches!(r.kind, Kind::AdultAge { .. });
            rules.extend(self.0.rules.iter().filter(adults).cloned());
        }
        rules.push(kept);
        Self::bind(format!("{}-{}", self.0.version, rule.id), rules)
    }

    fn bind(version: String, rules: Vec<Rule>) -> Self {
        let of = |wanted: fn(&Kind) -> bool| {
            (0..rules.len()).filter(|i| wanted(&rules[*i].kind)).collect::<Vec<_>>()
        };
        let caps = of(|kind| matches!(kind, Kind::FrequencyCap { .. }));
        let hours = of(|kind| matches!(kind, Kind::Hours(_)));
        let consents = of(|kind| matches!(kind, Kind::Consent));
        let holds = of(|kind| matches!(kind, Kind::Hold(_)));
        let others = of(Kind::is_asked_by_kind);
        Self(Arc::new(Pages { version, rules, caps, hours, consents, holds, others }))
    }

    /// Which rules these are, as `4.9f3a1c20` or, with a practice's changes, `4.9f3a1c20+77aa01bc`.
    pub fn version(&self) -> &str {
        &self.0.version
    }

    /// Every rule, in the order of the files.
    pub fn rules(&self) -> &[Rule] {
        &self.0.rules
    }

    pub fn find(&self, id: &str) -> Option<&Rule> {
        self.0.rules.iter().find(|rule| rule.id == id)
    }

    /// The rule that stands for a word of `decide`.
    pub fn entry(&self, rule: RuleId) -> Option<&Rule> {
        self.0.rules.iter().find(|entry| entry.speaks_as == Some(rule))
    }

    pub(crate) fn caps<'a>(&'a self, scene: &'a Scene<'_>) -> impl Iterator<Item = &'a Rule> {
        self.speaking(&self.0.caps, scene)
    }

    pub(crate) fn hours<'a>(&'a self, scene: &'a Scene<'_>) -> impl Iterator<Item = &'a Rule> {
        self.speaking(&self.0.hours, scene)
    }

    pub(crate) fn consents<'a>(&'a self, scene: &'a Scene<'_>) -> impl Iterator<Item = &'a Rule> {
        self.speaking(&self.0.consents, scene)
    }

    /// Everything that is neither a cap, an hour, a consent nor a hold.
    pub(crate) fn others<'a>(&'a self, scene: &'a Scene<'_>) -> impl Iterator<Item = &'a Rule> {
        self.speaking(&self.0.others, scene)
    }

    /// Whether a hold of this kind speaks about the message.
    pub(crate) fn binds(&self, kind: HoldKind, scene: &Scene<'_>) -> bool {
        self.speaking(&self.0.holds, scene).any(|rule| rule.kind == Kind::Hold(kind))
    }

    fn speaking<'a>(
        &'a self,
        which: &'a [usize],
        scene: &'a Scene<'_>,
    ) -> impl Iterator<Item = &'a Rule> {
        which.iter().map(|i| &self.0.rules[*i]).filter(|rule| rule.speaks_about(scene))
    }
}

impl Default for Rulebook {
    fn default() -> Self {
        Self::product()
    }
}

impl PartialEq for Rulebook {
    fn eq(&self, other: &Self) -> bool {
        self.version() == other.version()
    }
}

impl Eq for Rulebook {}

impl fmt::Debug for Rulebook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rulebook({})", self.version())
    }
}

impl Serialize for Rulebook {
    /// By version, which holds the hash of every word in it.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.version())
    }
}

#[cfg(test)]
mod tests;
