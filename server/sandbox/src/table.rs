//! Rows in memory that remember what changed, so that the journal can write exactly that.
//!
//! A table lists its rows in the order they were first put, which is how vendors list objects.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Rows one table may hold. Far above what a demo or a simulation makes, and low enough that a
/// runaway loop ends in an error instead of in all memory used.
pub const MAX_ROWS: usize = 400_000;

/// One changed row, as the journal stores it. `row` is absent when the row was removed.
#[derive(Debug, Serialize, Deserialize)]
pub struct Change {
    #[serde(rename = "t")]
    pub table: String,
    #[serde(rename = "i")]
    pub id: String,
    #[serde(rename = "s")]
    pub seq: u64,
    #[serde(rename = "v", skip_serializing_if = "Option::is_none", default)]
    pub row: Option<Value>,
}

#[derive(Debug)]
struct Row<T> {
    seq: u64,
    value: T,
}

#[derive(Debug)]
pub struct Table<T> {
    name: &'static str,
    rows: BTreeMap<String, Row<T>>,
    order: BTreeMap<u64, String>,
    next_seq: u64,
    dirty: Vec<(String, u64)>,
    /// Which rows time still changes, and those rows: a look at the clock costs only them.
    is_pending: fn(&T) -> bool,
    pending: BTreeSet<u64>,
}

impl<T: Serialize + DeserializeOwned + Clone> Table<T> {
    pub fn new(name: &'static str) -> Self {
        Self::watching(name, |_| false)
    }

    /// A table that knows which of its rows are pending.
    pub fn watching(name: &'static str, is_pending: fn(&T) -> bool) -> Self {
        Self {
            name,
            rows: BTreeMap::new(),
            order: BTreeMap::new(),
            next_seq: 1,
            dirty: Vec::new(),
            is_pending,
            pending: BTreeSet::new(),
        }
    }

    pub fn name(&self) -> &'static str {
        self.name
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_full(&self) -> bool {
        self.rows.len() >= MAX_ROWS
    }

    pub fn get(&self, id: &str) -> Option<&T> {
        self.rows.get(id).map(|row| &row.value)
    }

    /// Inserts or replaces; a replaced row keeps its place in the order.
    pub fn put(&mut self, id: &str, value: T) {
        let seq = match self.rows.get(id) {
            Some(row) => row.seq,
            None => {
                let seq = self.next_seq;
                self.next_seq += 1;
                self.order.insert(seq, id.to_owned());
                seq
            }
        };
        self.keep(id.to_owned(), seq, value);
        self.dirty.push((id.to_owned(), seq));
    }

    fn keep(&mut self, id: String, seq: u64, value: T) {
        if (self.is_pending)(&value) {
            self.pending.insert(seq);
        } else {
            self.pending.remove(&seq);
        }
        self.rows.insert(id, Row { seq, value });
    }

    pub fn remove(&mut self, id: &str) -> Option<T> {
        let row = self.rows.remove(id)?;
        self.order.remove(&row.seq);
        self.pending.remove(&row.seq);
        self.dirty.push((id.to_owned(), row.seq));
        Some(row.value)
    }

    /// Drops the oldest rows beyond `keep`.
    pub fn retain_newest(&mut self, keep: usize) {
        while self.rows.len() > keep {
            let Some(id) = self.order.values().next().cloned() else { return };
            self.remove(&id);
        }
    }

    pub fn oldest_first(&self) -> impl DoubleEndedIterator<Item = (&str, &T)> {
        self.order.values().filter_map(|id| self.get(id).map(|value| (id.as_str(), value)))
    }

    pub fn newest_first(&self) -> impl Iterator<Item = (&str, &T)> {
        self.oldest_first().rev()
    }

    /// Rows that time still changes, oldest first.
    pub fn pending(&self) -> impl Iterator<Item = &T> {
        self.pending.iter().filter_map(|seq| self.get(self.order.get(seq)?))
    }

    /// What changed since the last call, each row once, in its latest state.
    pub fn drain(&mut self, out: &mut Vec<Change>) {
        let mut dirty = std::mem::take(&mut self.dirty);
        dirty.sort();
        dirty.dedup();
        for (id, seq) in dirty {
            out.push(self.change(id, seq));
        }
    }

    /// Every row, for a fresh journal.
    pub fn dump(&self, out: &mut Vec<Change>) {
        for (seq, id) in &self.order {
            out.push(self.change(id.clone(), *seq));
        }
    }

    fn change(&self, id: String, seq: u64) -> Change {
        let row = self.rows.get(&id).filter(|row| row.seq == seq);
        let row = row.and_then(|row| serde_json::to_value(&row.value).ok());
        Change { table: self.name.to_owned(), id, seq, row }
    }

    /// Applies a change read from the journal. Rows of a shape we no longer know are skipped: the
    /// sandbox's past is a convenience, never a record.
    pub fn load(&mut self, change: Change) {
        if let Some(old) = self.rows.remove(&change.id) {
            self.order.remove(&old.seq);
            self.pending.remove(&old.seq);
        }
        self.next_seq = self.next_seq.max(change.seq + 1);
        let Some(row) = change.row else { return };
        match serde_json::from_value(row) {
            Ok(value) => {
                self.order.insert(change.seq, change.id.clone());
                self.keep(change.id, change.seq, value);
            }
            Err(error) => {
                tracing::warn!(table = self.name, id = %change.id, %error, "skipped a journal row");
            }
        }
    }
}
