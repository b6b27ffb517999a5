//! Pages of a list: in the order of names, with markers.
//!
//! Source: AWS IAM API Reference, ListUsers (`MaxItems`, `Marker`, `IsTruncated`).

use std::ops::ControlFlow;

use super::refusals;
use crate::input::{Members, Pattern, Text};
use crate::operation::Given;
use crate::page_token;
use crate::refusal::{Refusal, Stop};

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

/// Which part of a list is asked for.
pub(super) struct PageRequest {
    most: usize,
    marker: Option<String>,
}

/// A part of a list.
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) marker: Option<String>,
}

impl PageRequest {
    /// Takes `MaxItems` and `Marker`.
    pub(super) fn take(members: &mut Members<'_, '_>) -> Self {
        let most = members.integer("MaxItems", 1..=1000);
        PageRequest {
            most: most
                .and_then(|it| usize::try_from(it).ok())
                .unwrap_or(ITEMS_USUAL),
            marker: members.text("Marker", &MARKER),
        }
    }

    /// The position behind which the page starts. `list` names the list with all that shapes it.
    ///
    /// # Refusals
    /// `ValidationError`
    pub(super) fn start(&self, list: &str, given: &Given<'_>) -> Result<Option<String>, Refusal> {
        let redeem = |marker: &String| {
            page_token::redeem::<String>(list, marker, given).ok_or_else(refusals::invalid_marker)
        };
        self.marker.as_ref().map(redeem).transpose()
    }

    /// Fills a page from items that come in order, each with its position. `each` calls back until that breaks.
    pub(super) fn fill<T>(
        &self,
        list: &str,
        given: &Given<'_>,
        each: impl FnOnce(&mut dyn FnMut(String, T) -> ControlFlow<()>) -> Result<(), Stop>,
    ) -> Result<Page<T>, Stop> {
        let mut items: Vec<(String, T)> = Vec::new();
        let mut is_more = false;
        each(&mut |position, item| {
            if items.len() == self.most {
                is_more = true;
                return ControlFlow::Break(());
            }
            items.push((position, item));
            ControlFlow::Continue(())
        })?;
        let last = items.last().filter(|_| is_more);
        let marker =
            last.and_then(|(position, _)| page_token::issue(list, position.as_str(), given));
        Ok(Page {
            items: items.into_iter().map(|(_, item)| item).collect(),
            marker,
        })
    }

    /// A page of what is in memory, sorted by position.
    pub(super) fn of_sorted<T>(
        &self,
        list: &str,
        given: &Given<'_>,
        sorted: impl IntoIterator<Item = (String, T)>,
    ) -> Result<Page<T>, Stop> {
        let start = self.start(list, given)?;
        let behind = |position: &String| start.as_ref().is_none_or(|start| position > start);
        self.fill(list, given, |push| {
            for (position, item) in sorted {
                if behind(&position) && push(position, item).is_break() {
                    break;
                }
            }
            Ok(())
        })
    }
}
