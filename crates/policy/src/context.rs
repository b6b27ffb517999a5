//! What a request says about itself: condition keys and their values.

use std::collections::BTreeMap;

/// The condition keys of one request. Key names are case-insensitive; values are not.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// By key in lower case. `None`: two keys that differ only in letter case were given.
    entries: BTreeMap<Box<str>, Option<Vec<String>>>,
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
        self.entries
            .entry(key.to_lowercase().into())
            .and_modify(|entry| *entry = None)
            .or_insert(Some(values));
    }

    /// What the request holds under `key`, in any letter case.
    pub fn get(&self, key: &str) -> Saw<'_> {
        self.lowercase(&key.to_lowercase())
    }

    /// As [`Context::get`], for a key that is in lower case already.
    pub(crate) fn lowercase(&self, key: &str) -> Saw<'_> {
        match self.entries.get(key) {
            None => Saw::Absent,
            Some(None) => Saw::Ambiguous,
            Some(Some(values)) => Saw::Values(values),
        }
    }
}
