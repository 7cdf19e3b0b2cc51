//! Form bodies with brackets (`a[b][0]=c`), as every Stripe SDK sends them.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::error::ApiError;

/// Pairs one request may hold, and how deep their brackets may go.
const MAX_PAIRS: usize = 1_000;
const MAX_DEPTH: usize = 8;

/// Stripe's own limits on metadata.
const MAX_METADATA_KEYS: usize = 50;
const MAX_METADATA_KEY_CHARS: usize = 40;
const MAX_METADATA_VALUE_CHARS: usize = 500;

/// A form as a tree. A list is a map from its indices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params {
    leaf: Option<String>,
    children: BTreeMap<String, Params>,
    /// Next index for `key[]`.
    pushed: usize,
}

impl Params {
    pub fn parse(pairs: &[(String, String)]) -> Result<Self, ApiError> {
        if pairs.len() > MAX_PAIRS {
            return Err(ApiError::bad("Too many parameters."));
        }
        let mut root = Self::default();
        for (key, value) in pairs {
            root.insert(key, value)?;
        }
        Ok(root)
    }

    fn insert(&mut self, key: &str, value: &str) -> Result<(), ApiError> {
        let mut parts = key.split('[');
        let mut node = self.child(parts.next().unwrap_or_default());
        for (depth, part) in parts.enumerate() {
            let name = part.strip_suffix(']').filter(|_| depth < MAX_DEPTH);
            let Some(name) = name else {
                return Err(ApiError::bad(format!("Invalid parameter name: {key}")));
            };
            node = if name.is_empty() { node.push() } else { node.child(name) };
        }
        node.leaf = Some(value.to_owned());
        Ok(())
    }

    fn child(&mut self, name: &str) -> &mut Self {
        self.children.entry(name.to_owned()).or_default()
    }

    fn push(&mut self) -> &mut Self {
        let index = format!("{:06}", self.pushed);
        self.pushed += 1;
        self.children.entry(index).or_default()
    }

    pub fn get(&self, name: &str) -> Option<&Self> {
        self.children.get(name)
    }

    /// The node at `a.b.c`.
    pub fn at(&self, path: &str) -> Option<&Self> {
        path.split('.').try_fold(self, |node, name| node.get(name))
    }

    /// The text at `a.b.c`; an empty value counts as absent, as Stripe unsets with it.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.at(path)?.leaf.as_deref().filter(|text| !text.is_empty())
    }

    pub fn has(&self, path: &str) -> bool {
        self.at(path).is_some()
    }

    pub fn required(&self, path: &str) -> Result<&str, ApiError> {
        self.text(path).ok_or_else(|| ApiError::missing(&bracketed(path)))
    }

    pub fn integer(&self, path: &str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.text(path) else { return Ok(None) };
        let value = text.parse().map_err(|_| ApiError::bad_integer(&bracketed(path), text))?;
        Ok(Some(value))
    }

    pub fn flag(&self, path: &str) -> bool {
        matches!(self.text(path), Some("true" | "1"))
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.children.keys().map(String::as_str)
    }

    /// Children in the order of their indices.
    pub fn items(&self, path: &str) -> Vec<&Self> {
        let Some(node) = self.at(path) else { return Vec::new() };
        let mut items: Vec<_> = node.children.iter().collect();
        items.sort_by_key(|(index, _)| index.parse::<usize>().unwrap_or(usize::MAX));
        items.into_iter().map(|(_, child)| child).collect()
    }

    /// The texts of a list; a single value counts as a list of one.
    pub fn texts(&self, path: &str) -> Vec<String> {
        if let Some(text) = self.text(path) {
            return vec![text.to_owned()];
        }
        self.items(path).into_iter().filter_map(|item| item.leaf.clone()).collect()
    }

    /// Feeds names and values, in order, into a digest of the request. What describes a card is
    /// left out, so that no digest of a card number is ever kept.
    pub fn digest(&self, into: &mut Sha256) {
        for (name, child) in &self.children {
            if name == "card" && !child.children.is_empty() {
                continue;
            }
            into.update((name.len() as u64).to_le_bytes());
            into.update(name.as_bytes());
            let leaf = child.leaf.as_deref().unwrap_or_default();
            into.update((leaf.len() as u64).to_le_bytes());
            into.update(leaf.as_bytes());
            into.update((child.children.len() as u64).to_le_bytes());
            child.digest(into);
        }
    }

    /// Merges `metadata` into `into`; an empty value removes the key.
    pub fn merge_metadata(
        &self,
        path: &str,
        into: &mut BTreeMap<String, String>,
    ) -> Result<(), ApiError> {
        let Some(node) = self.at(path) else { return Ok(()) };
        if node.leaf.as_deref() == Some("") {
            into.clear();
        }
        for (key, value) in &node.children {
            let value = value.leaf.as_deref().unwrap_or_default();
            if key.chars().count() > MAX_METADATA_KEY_CHARS
                || value.chars().count() > MAX_METADATA_VALUE_CHARS
            {
                let message = "Metadata keys can be at most 40 characters, values 500.";
                return Err(ApiError::bad(message).param("metadata"));
            }
            if value.is_empty() {
                into.remove(key);
            } else {
                into.insert(key.clone(), value.to_owned());
            }
        }
        if into.len() > MAX_METADATA_KEYS {
            let message = "You can specify up to 50 metadata keys.";
            return Err(ApiError::bad(message).param("metadata"));
        }
        Ok(())
    }
}

/// `a.b` as `a[b]`.
fn bracketed(path: &str) -> String {
    let mut parts = path.split('.');
    let head = parts.next().unwrap_or_default().to_owned();
    parts.fold(head, |text, part| format!("{text}[{part}]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Params {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(body).unwrap();
        Params::parse(&pairs).unwrap()
    }

    #[test]
    fn brackets_become_a_tree() {
        let params = parse(
            "amount=500&metadata[attempt]=a%26b&expand[]=latest_charge&expand[]=x&\
             line_items[0][price_data][currency]=usd&line_items[10][quantity]=2&line_items[9][quantity]=1",
        );
        assert_eq!(params.integer("amount").unwrap(), Some(500));
        assert_eq!(params.text("metadata.attempt"), Some("a&b"));
        assert_eq!(params.texts("expand"), ["latest_charge", "x"]);
        let quantities: Vec<_> =
            params.items("line_items").iter().map(|item| item.text("quantity")).collect();
        assert_eq!(quantities, [None, Some("1"), Some("2")]);
    }

    #[test]
    fn an_unbalanced_name_is_refused() {
        let pairs = vec![("a[b".to_owned(), "1".to_owned())];
        assert!(Params::parse(&pairs).is_err());
    }
}
