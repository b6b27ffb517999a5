//! Which buckets there are that trails may deliver to: a rule asks whether one is there, before a trail is made for it.
//! It may not know where they lie.

use std::collections::BTreeSet;

/// The names of the buckets that the operator has set up for deliveries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Buckets {
    names: BTreeSet<String>,
    /// Whether any name is one's: a development server makes a folder for it.
    any: bool,
}

impl Buckets {
    /// There are none.
    #[must_use]
    pub const fn none() -> Self {
        Buckets {
            names: BTreeSet::new(),
            any: false,
        }
    }

    /// These are there.
    #[must_use]
    pub fn of(names: impl IntoIterator<Item = String>) -> Self {
        Buckets {
            names: names.into_iter().collect(),
            any: false,
        }
    }

    /// All are there.
    #[must_use]
    pub const fn any() -> Self {
        Buckets {
            names: BTreeSet::new(),
            any: true,
        }
    }

    /// Whether one is there.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.any || self.names.contains(name)
    }
}
