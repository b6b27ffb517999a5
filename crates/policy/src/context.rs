//! What a request says about itself: condition keys and their values.

/// The condition keys of one request. Key names are case-insensitive; values are not.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// Sorted by [`ending`] and key, so that a look-up mostly compares numbers.
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    ending: u64,
    /// In lower case.
    key: Box<str>,
    held: Held,
}

#[derive(Debug, Clone)]
enum Held {
    One(String),
    Several(Vec<String>),
    /// Two keys that differ only in letter case were given.
    Ambiguous,
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
        self.hold(key, Held::One(value.into()));
    }

    /// Adds a multivalued key. No values at all is the same as an absent key.
    pub fn insert_all<T: Into<String>>(&mut self, key: &str, values: impl IntoIterator<Item = T>) {
        let mut values: Vec<String> = values.into_iter().map(Into::into).collect();
        match values.len() {
            0 => {}
            1 => self.hold(key, Held::One(values.swap_remove(0))),
            _ => self.hold(key, Held::Several(values)),
        }
    }

    fn hold(&mut self, key: &str, held: Held) {
        let key = key.to_lowercase();
        match self.position(&key) {
            Ok(at) => self.entries[at].held = Held::Ambiguous,
            Err(at) => {
                if self.entries.capacity() == 0 {
                    self.entries.reserve(KEYS_USUAL);
                }
                let entry = Entry {
                    ending: ending(&key),
                    key: key.into(),
                    held,
                };
                self.entries.insert(at, entry);
            }
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
        match self.position(key).ok().map(|at| &self.entries[at].held) {
            None => Saw::Absent,
            Some(Held::Ambiguous) => Saw::Ambiguous,
            Some(Held::One(value)) => Saw::Values(std::slice::from_ref(value)),
            Some(Held::Several(values)) => Saw::Values(values),
        }
    }

    fn position(&self, key: &str) -> Result<usize, usize> {
        let ending = ending(key);
        self.entries.binary_search_by(|entry| {
            (entry.ending.cmp(&ending)).then_with(|| (*entry.key).cmp(key))
        })
    }
}

/// As many as most requests have.
const KEYS_USUAL: usize = 24;

/// A key's last eight bytes and its length, in a number: together they tell nearly all keys apart,
/// while most keys begin alike.
fn ending(key: &str) -> u64 {
    let bytes = key.as_bytes();
    let last = match bytes.last_chunk() {
        Some(last) => u64::from_be_bytes(*last),
        None => bytes
            .iter()
            .fold(0, |last, byte| last << 8 | u64::from(*byte)),
    };
    last ^ (bytes.len() as u64) << 56
}
