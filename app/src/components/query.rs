//! The state of a list page, which lives in its address: filters, sorting, page.

/// The query of an address, as pairs in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// What cannot be read is dropped: a list page shows itself without it.
    pub fn parse(query: &str) -> Self {
        Self { pairs: serde_urlencoded::from_str(query).unwrap_or_default() }
    }

    pub fn get(&self, key: &str) -> Option<&str> {
        self.pairs.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    pub fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }

    /// The same state with one value changed; an empty value removes it.
    #[must_use]
    pub fn with(&self, key: &str, value: &str) -> Self {
        let mut next = self.without(&[key]);
        if !value.is_empty() {
            next.pairs.push((key.to_owned(), value.to_owned()));
        }
        next
    }

    #[must_use]
    pub fn without(&self, keys: &[&str]) -> Self {
        let pairs = self.pairs.iter().filter(|(k, _)| !keys.contains(&k.as_str()));
        Self { pairs: pairs.cloned().collect() }
    }

    /// `/staff/payments?status=unapplied`
    pub fn href(&self, path: &str) -> String {
        let query = serde_urlencoded::to_string(&self.pairs).unwrap_or_default();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorting_keeps_the_filters_somebody_set() {
        let query = Query::parse("name=O%27Neil+%26+Sons&page=3");
        assert_eq!(query.get("name"), Some("O'Neil & Sons"));
        let sorted = query.without(&["page"]).with("sort", "-due");
        assert_eq!(sorted.href("/list"), "/list?name=O%27Neil+%26+Sons&sort=-due");
        assert_eq!(sorted.with("name", "").with("sort", "").href("/list"), "/list");
    }
}
