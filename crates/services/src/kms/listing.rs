//! Pages of what a region or a key has: in the order of the records' keys, with markers.
//!
//! Source: AWS KMS API Reference, ListKeys (`Limit`, `Marker`, `NextMarker`, `Truncated`).

use std::ops::ControlFlow;

use super::refusals;
use super::shapes::MARKER;
use crate::input::Members;
use crate::operation::Given;
use crate::page_token;
use crate::refusal::{Refusal, Stop};

/// Which part of a list is asked for.
pub(super) struct PageRequest {
    limit: usize,
    marker: Option<String>,
}

/// A part of a list.
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) next_marker: Option<String>,
}

impl PageRequest {
    /// Takes `Limit`, at most `most`, and `Marker`. `usual` is the size where none is asked for. The model has 1000 for
    /// all lists; what each of them takes stands in its reference.
    pub(super) fn take(usual: usize, most: i64, members: &mut Members<'_, '_>) -> Self {
        let limit = members.integer("Limit", 1..=most);
        PageRequest {
            limit: limit
                .and_then(|it| usize::try_from(it).ok())
                .unwrap_or(usual),
            marker: members.text("Marker", &MARKER),
        }
    }

    /// The position behind which the page starts. `list` names the list with all that shapes it.
    ///
    /// # Refusals
    /// `InvalidMarkerException`
    pub(super) fn start(&self, list: &str, given: &Given<'_>) -> Result<Option<String>, Refusal> {
        let redeem = |marker: &String| {
            page_token::redeem::<String>(list, marker, given).ok_or_else(refusals::invalid_marker)
        };
        self.marker.as_ref().map(redeem).transpose()
    }

    /// Fills a page from items that come in order, each with its position. `each` calls back until
    /// that breaks.
    pub(super) fn fill<T>(
        &self,
        list: &str,
        given: &Given<'_>,
        each: impl FnOnce(&mut dyn FnMut(String, T) -> ControlFlow<()>) -> Result<(), Stop>,
    ) -> Result<Page<T>, Stop> {
        let mut items: Vec<(String, T)> = Vec::new();
        let mut is_more = false;
        each(&mut |position, item| {
            if items.len() == self.limit {
                is_more = true;
                return ControlFlow::Break(());
            }
            items.push((position, item));
            ControlFlow::Continue(())
        })?;
        let last = items.last().filter(|_| is_more);
        let next_marker =
            last.and_then(|(position, _)| page_token::issue(list, position.as_str(), given));
        Ok(Page {
            items: items.into_iter().map(|(_, item)| item).collect(),
            next_marker,
        })
    }
}
