//! Staging labels: which version of a secret is current, previous, pending or carries a label of the
//! user's. The whole state machine of labels, and nothing else.
//!
//! Source: reference/versions-and-staging.md.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The version that readers get who name none.
pub const AWSCURRENT: &str = "AWSCURRENT";
/// The version that was current before.
pub const AWSPREVIOUS: &str = "AWSPREVIOUS";
/// The version that a rotation is working on.
pub const AWSPENDING: &str = "AWSPENDING";

/// Labels over all versions of a secret. Source: quotas, reference/api.md §4.
pub const LABELS_MAX: usize = 20;

/// Where each label is. A label leads to one version, so it can't be in two places.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Labels {
    holders: BTreeMap<String, String>,
    /// Where they were before any was moved; `None`: none was. Whatever moves one goes through [`Labels::change`], so no
    /// move can go unnoticed.
    #[serde(skip)]
    before: Option<BTreeMap<String, String>>,
}

impl PartialEq for Labels {
    fn eq(&self, other: &Self) -> bool {
        self.holders == other.holders
    }
}

impl Eq for Labels {}

/// Why a label can't be moved as asked. Which wording this becomes is the service's matter.
#[derive(Debug, PartialEq, Eq)]
pub enum Immovable {
    /// Neither a version to take it from nor one to give it to was named.
    NothingAsked,
    /// The label is on `holder`, and the request doesn't say to take it from there.
    HolderNotNamed {
        /// The version that has the label.
        holder: String,
    },
    /// The request takes the label from a version that doesn't have it.
    NotOnNamedVersion {
        /// The version that was named.
        named: String,
    },
    /// AWSCURRENT can only be moved.
    CurrentCannotBeRemoved,
    /// More labels than a secret may have.
    TooMany,
}

impl Labels {
    fn change(&mut self) -> &mut BTreeMap<String, String> {
        self.before.get_or_insert_with(|| self.holders.clone());
        &mut self.holders
    }

    /// The labels that came to another version since the secret was read, each with that version; but for the two that
    /// follow others about.
    ///
    /// Source: AWS Secrets Manager User Guide, Secret event notifications.
    pub fn moved(&self) -> impl Iterator<Item = (&str, &str)> {
        let moved = self.before.iter().flat_map(|before| {
            let is_moved =
                |(label, holder): &(&String, &String)| before.get(*label) != Some(*holder);
            self.holders.iter().filter(is_moved)
        });
        let told = moved.filter(|(label, _)| *label != AWSPENDING && *label != AWSPREVIOUS);
        told.map(|(label, holder)| (label.as_str(), holder.as_str()))
    }

    /// The version that has a label.
    pub fn holder(&self, label: &str) -> Option<&str> {
        self.holders.get(label).map(String::as_str)
    }

    /// The labels of a version, in alphabetical order.
    pub fn of<'a>(&'a self, version_id: &'a str) -> impl Iterator<Item = &'a str> {
        self.holders
            .iter()
            .filter(move |(_, holder)| *holder == version_id)
            .map(|(label, _)| &**label)
    }

    /// Whether a version has any label; one without is deprecated.
    pub fn any_on(&self, version_id: &str) -> bool {
        self.of(version_id).next().is_some()
    }

    /// Makes a version current; the one that was becomes AWSPREVIOUS. Its other labels stay.
    pub fn promote(&mut self, version_id: &str) {
        if self.holder(AWSCURRENT) == Some(version_id) {
            return;
        }
        let old = self
            .change()
            .insert(AWSCURRENT.to_owned(), version_id.to_owned());
        match old {
            Some(old) => self.change().insert(AWSPREVIOUS.to_owned(), old),
            None => self.change().remove(AWSPREVIOUS),
        };
    }

    /// Puts a label that the service itself moves on a version, from wherever it is.
    pub(crate) fn hold(&mut self, label: &str, version_id: &str) {
        self.change()
            .insert(label.to_owned(), version_id.to_owned());
    }

    /// Takes a label that the service itself moves from a version, where that has it.
    pub(crate) fn release(&mut self, label: &str, version_id: &str) {
        if self.holder(label) == Some(version_id) {
            self.change().remove(label);
        }
    }

    /// Gives a new version its labels, taking each from wherever it is. Without AWSCURRENT among
    /// them, the current version stays.
    ///
    /// # Errors
    /// [`Immovable::TooMany`].
    pub fn attach_all(&mut self, labels: &[String], version_id: &str) -> Result<(), Immovable> {
        for label in labels.iter().filter(|label| *label != AWSCURRENT) {
            self.change().insert(label.clone(), version_id.to_owned());
        }
        // Last, so that AWSPREVIOUS lands on the old current version whatever else was asked for.
        if labels.iter().any(|label| label == AWSCURRENT) {
            self.promote(version_id);
        }
        self.within_limit()
    }

    /// UpdateSecretVersionStage: takes `label` from one version, gives it to another, or both.
    ///
    /// # Errors
    /// Why the label can't be moved like that; the labels are then to be thrown away.
    pub fn move_label(
        &mut self,
        label: &str,
        remove_from: Option<&str>,
        move_to: Option<&str>,
    ) -> Result<(), Immovable> {
        let holder = self.holder(label);
        match (remove_from, move_to, holder) {
            (None, None, _) => Err(Immovable::NothingAsked),
            (None, Some(to), Some(holder)) if holder != to => Err(Immovable::HolderNotNamed {
                holder: holder.to_owned(),
            }),
            (Some(from), _, holder) if holder != Some(from) => Err(Immovable::NotOnNamedVersion {
                named: from.to_owned(),
            }),
            (Some(_), None, _) if label == AWSCURRENT => Err(Immovable::CurrentCannotBeRemoved),
            (Some(_), None, _) => {
                self.change().remove(label);
                Ok(())
            }
            (_, Some(to), _) if label == AWSCURRENT => {
                self.promote(to);
                self.within_limit()
            }
            (_, Some(to), _) => {
                self.change().insert(label.to_owned(), to.to_owned());
                self.within_limit()
            }
        }
    }

    fn within_limit(&self) -> Result<(), Immovable> {
        if self.holders.len() > LABELS_MAX {
            Err(Immovable::TooMany)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        Labels {
            holders: pairs
                .iter()
                .map(|(l, v)| ((*l).to_owned(), (*v).to_owned()))
                .collect(),
            before: None,
        }
    }

    #[test]
    fn promoting_moves_previous_along_and_rolling_back_swaps_the_two() {
        let mut state = Labels::default();
        state.promote("v1");
        assert_eq!(state, labels(&[(AWSCURRENT, "v1")]));
        state.promote("v2");
        assert_eq!(state, labels(&[(AWSCURRENT, "v2"), (AWSPREVIOUS, "v1")]));
        state.promote("v2");
        assert_eq!(state, labels(&[(AWSCURRENT, "v2"), (AWSPREVIOUS, "v1")]));
        state.promote("v1");
        assert_eq!(state, labels(&[(AWSCURRENT, "v1"), (AWSPREVIOUS, "v2")]));
    }

    #[test]
    fn the_worked_example_of_the_reference_holds() {
        let mut state = Labels::default();
        state.promote("v1");
        state.promote("v2");
        state.attach_all(&[AWSPENDING.to_owned()], "v3").unwrap();
        assert_eq!(
            state,
            labels(&[(AWSCURRENT, "v2"), (AWSPREVIOUS, "v1"), (AWSPENDING, "v3")])
        );
        state
            .move_label(AWSCURRENT, Some("v2"), Some("v3"))
            .unwrap();
        assert_eq!(
            state,
            labels(&[(AWSCURRENT, "v3"), (AWSPENDING, "v3"), (AWSPREVIOUS, "v2")])
        );
        assert!(!state.any_on("v1"));
        state.move_label(AWSPENDING, Some("v3"), None).unwrap();
        state
            .move_label(AWSCURRENT, Some("v3"), Some("v2"))
            .unwrap();
        assert_eq!(state, labels(&[(AWSCURRENT, "v2"), (AWSPREVIOUS, "v3")]));
        state.move_label("X", None, Some("v1")).unwrap();
        state.move_label("X", Some("v1"), None).unwrap();
        state
            .attach_all(&["X".to_owned(), AWSCURRENT.to_owned()], "v4")
            .unwrap();
        assert_eq!(
            state,
            labels(&[("X", "v4"), (AWSCURRENT, "v4"), (AWSPREVIOUS, "v2")])
        );
    }

    #[test]
    fn the_decision_table_of_stage_moves_holds() {
        let none: Option<&str> = None;
        let state = labels(&[(AWSCURRENT, "v2"), (AWSPREVIOUS, "v1"), ("X", "v1")]);
        for (label, from, to, expected) in [
            ("X", none, none, Err(Immovable::NothingAsked)),
            ("Y", none, Some("v1"), Ok(Some("v1"))),
            ("X", none, Some("v1"), Ok(Some("v1"))),
            (
                "X",
                none,
                Some("v2"),
                Err(Immovable::HolderNotNamed {
                    holder: "v1".to_owned(),
                }),
            ),
            ("X", Some("v1"), Some("v2"), Ok(Some("v2"))),
            (
                "X",
                Some("v2"),
                Some("v1"),
                Err(Immovable::NotOnNamedVersion { named: "v2".into() }),
            ),
            (
                "Y",
                Some("v2"),
                Some("v1"),
                Err(Immovable::NotOnNamedVersion { named: "v2".into() }),
            ),
            ("X", Some("v1"), Some("v1"), Ok(Some("v1"))),
            ("X", Some("v1"), none, Ok(None)),
            (
                "X",
                Some("v2"),
                none,
                Err(Immovable::NotOnNamedVersion { named: "v2".into() }),
            ),
            (
                AWSCURRENT,
                Some("v2"),
                none,
                Err(Immovable::CurrentCannotBeRemoved),
            ),
            (AWSCURRENT, Some("v2"), Some("v1"), Ok(Some("v1"))),
        ] {
            let mut after = state.clone();
            let result = after.move_label(label, from, to);
            match expected {
                Ok(holder) => {
                    assert_eq!(result, Ok(()), "{label} {from:?} {to:?}");
                    assert_eq!(after.holder(label), holder, "{label} {from:?} {to:?}");
                }
                Err(why) => assert_eq!(result, Err(why), "{label} {from:?} {to:?}"),
            }
        }
    }

    #[test]
    fn a_custom_label_moves_without_touching_previous() {
        let mut state = labels(&[(AWSCURRENT, "v2"), (AWSPREVIOUS, "v1"), ("X", "v2")]);
        state.move_label("X", Some("v2"), Some("v1")).unwrap();
        assert_eq!(state.holder(AWSPREVIOUS), Some("v1"));
        assert_eq!(state.holder(AWSCURRENT), Some("v2"));
    }

    #[test]
    fn a_secret_has_at_most_twenty_labels() {
        let mut state = Labels::default();
        for number in 0..LABELS_MAX {
            state
                .move_label(&format!("L{number}"), None, Some("v1"))
                .unwrap();
        }
        assert_eq!(
            state.clone().move_label("L20", None, Some("v1")),
            Err(Immovable::TooMany)
        );
        assert_eq!(
            state.attach_all(&["L20".into()], "v2"),
            Err(Immovable::TooMany)
        );
    }
}
