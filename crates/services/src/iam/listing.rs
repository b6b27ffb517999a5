//! Pages of lists: what requests say of them, and how answers show them.
//!
//! Source: AWS IAM API Reference, ListUsers (`MaxItems`, `Marker`, `IsTruncated`).

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::refusals;
use crate::input::{Members, Pattern, Text};
use crate::paging::{Page, PageRequest};

const MARKER: Text = Text::matching(
    1..=4096,
    &Pattern {
        shown: "[\\u0020-\\u00FF]+",
        matches: |text| {
            text.chars()
                .all(|each| ('\u{20}'..='\u{ff}').contains(&each))
        },
    },
);
const ITEMS_USUAL: usize = 100;

/// Takes `MaxItems` and `Marker`.
pub(super) fn take(members: &mut Members<'_, '_>) -> PageRequest {
    let most = members.integer("MaxItems", 1..=1000);
    PageRequest {
        most: most
            .and_then(|it| usize::try_from(it).ok())
            .unwrap_or(ITEMS_USUAL),
        marker: members.text("Marker", &MARKER),
        invalid_marker: refusals::invalid_marker,
    }
}

/// A part of a list, as answers show it: the items under the list's name, and where the next part starts.
pub struct Listed<T> {
    name: &'static str,
    page: Page<T>,
}

impl<T> Listed<T> {
    pub(super) fn of(name: &'static str, page: Page<T>) -> Self {
        Listed { name, page }
    }
}

impl<T: Serialize> Serialize for Listed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry(self.name, &self.page.items)?;
        members.serialize_entry("IsTruncated", &self.page.marker.is_some())?;
        if let Some(marker) = &self.page.marker {
            members.serialize_entry("Marker", marker)?;
        }
        members.end()
    }
}
