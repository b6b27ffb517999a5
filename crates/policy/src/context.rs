//! What a request says about itself: condition keys and their values.

use std::cmp::Ordering;

/// The condition keys of one request. Key names are case-insensitive; values are not.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// Sorted by key, in the order of [`by_length`], since a look-up then mostly compares lengths.
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    /// In lower case.
    key: Box<str>,
    /// `None`: two keys that differ only in letter case were given.
    values: Option<Vec<String>>,
}

/// What a request holds under a condition key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saw<'a> {
    /// No such key, or no value under it.
    Absent,
    /// Two keys that differ only in letter case, such as the tags `Team` and `team`: AWS matches
    /// either, "but not both", so no value is seen.
    Ambiguous,
    /// One value, or several for a multivalued key; at least one.
    Values(&'a [String]),
}

impl Context {
    /// A request without any condition key.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key with one value. A key that is there already, in whatever letter case, becomes
    /// [`Saw::Ambiguous`]; use [`Context::insert_all`] for the values of a multivalued key.
    pub fn insert(&mut self, key: &str, value: impl Into<String>) {
        self.insert_all(key, [value]);
    }

    /// Adds a multivalued key. No values at all is the same as an absent key.
    pub fn insert_all<T: Into<String>>(&mut self, key: &str, values: impl IntoIterator<Item = T>) {
        let values: Vec<String> = values.into_iter().map(Into::into).collect();
        if values.is_empty() {
            return;
        }
        let key = key.to_lowercase();
        match self.position(&key) {
            Ok(at) => self.entries[at].values = None,
            Err(at) => self.entries.insert(
                at,
                Entry {
                    key: key.into(),
                    values: Some(values),
                },
            ),
        }
    }

    /// Gives a key these values in place of those that it has; none at all takes it away.
    pub fn replace<T: Into<String>>(&mut self, key: &str, values: impl IntoIterator<Item = T>) {
        if let Ok(at) = self.position(&key.to_lowercase()) {
            self.entries.remove(at);
        }
        self.insert_all(key, values);
    }

    /// What the request holds under `key`, in any letter case.
    pub fn get(&self, key: &str) -> Saw<'_> {
        self.lowercase(&key.to_lowercase())
    }

    /// As [`Context::get`], for a key that is in lower case already.
    pub(crate) fn lowercase(&self, key: &str) -> Saw<'_> {
        match self.position(key).ok().map(|at| &self.entries[at].values) {
            None => Saw::Absent,
            Some(None) => Saw::Ambiguous,
            Some(Some(values)) => Saw::Values(values),
        }
    }

    fn position(&self, key: &str) -> Result<usize, usize> {
        self.entries
            .binary_search_by(|entry| by_length(&entry.key, key))
    }
}

fn by_length(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}
