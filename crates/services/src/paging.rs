//! Pages of a list in the order of positions, each but the last with a marker from which the next goes on. How many
//! items a page may have, and what the request calls that, is up to the service.

use std::ops::ControlFlow;

use crate::operation::Given;
use crate::page_token;
use crate::refusal::{Refusal, Stop};

/// Which part of a list is asked for.
pub(crate) struct PageRequest {
    /// Most items of the page.
    pub(crate) most: usize,
    /// The marker of the page before.
    pub(crate) marker: Option<String>,
    /// The service's refusal of a marker that isn't one of this list.
    pub(crate) invalid_marker: fn() -> Refusal,
}

/// A part of a list.
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// Absent where there is no more.
    pub(crate) marker: Option<String>,
}

impl<T> Page<Result<T, Stop>> {
    /// The page, where none of its items failed.
    ///
    /// # Errors
    /// What the first failed with.
    pub(crate) fn whole(self) -> Result<Page<T>, Stop> {
        let items: Result<Vec<T>, Stop> = self.items.into_iter().collect();
        let marker = self.marker;
        items.map(|items| Page { items, marker })
    }
}

impl PageRequest {
    /// The position behind which the page starts. `list` names the list with all that shapes it.
    ///
    /// # Refusals
    /// The service's own for a marker that isn't one of this list.
    pub(crate) fn start(&self, list: &str, given: &Given<'_>) -> Result<Option<String>, Refusal> {
        let redeem = |marker: &String| {
            page_token::redeem::<String>(list, marker, given).ok_or_else(self.invalid_marker)
        };
        self.marker.as_ref().map(redeem).transpose()
    }

    /// Fills a page from items that come in order, each with its position. `each` calls back until
    /// that breaks.
    pub(crate) fn fill<T>(
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
    pub(crate) fn of_sorted<T>(
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
