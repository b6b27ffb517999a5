//! What requests for lists say of their pages.
//!
//! Source: AWS IAM API Reference, ListUsers (`MaxItems`, `Marker`, `IsTruncated`).

use super::refusals;
use crate::input::{Members, Pattern, Text};
use crate::paging::PageRequest;

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
