//! What requests for lists say of their pages.
//!
//! Source: AWS KMS API Reference, ListKeys (`Limit`, `Marker`, `NextMarker`, `Truncated`).

use super::refusals;
use super::shapes::MARKER;
use crate::input::Members;
use crate::paging::PageRequest;

/// Takes `Limit`, at most `most`, and `Marker`. `usual` is the size where none is asked for. The model has 1000 for
/// all lists; what each of them takes stands in its reference.
pub(super) fn take(usual: usize, most: i64, members: &mut Members<'_, '_>) -> PageRequest {
    let limit = members.integer("Limit", 1..=most);
    PageRequest {
        most: limit
            .and_then(|it| usize::try_from(it).ok())
            .unwrap_or(usual),
        marker: members.text("Marker", &MARKER),
        invalid_marker: refusals::invalid_marker,
    }
}
