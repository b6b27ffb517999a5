//! Pages of secrets: what ListSecrets and BatchGetSecretValue walk through.
//!
//! Pages by creation (the default) and by name follow an order that the store keeps, so a page costs
//! what it shows; a name filter narrows the walk to its prefixes. Only other orders look at all of a
//! region's secrets.
//!
//! Source: reference/api.md §6.7, §6.12.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::filters::Filter;
use super::refusals;
use super::secret::{Lifecycle, Secret};
use crate::operation::Given;
use crate::page_token;
use crate::records::{Key, Records};
use crate::refusal::Stop;
use crate::time::Timestamp;

/// Secrets that one page of an ordered walk looks at before it is given out short. A page may be
/// short, or empty, and still have a next one.
const EXAMINED_MAX: usize = 20_000;

/// What a listing is to show, and in which order.
#[derive(Clone, Debug)]
pub(super) struct Listing {
    pub(super) filters: Vec<Filter>,
    pub(super) include_deleted: bool,
    pub(super) order: Order,
    pub(super) ascending: bool,
}

/// What a listing is sorted by.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Created,
    Accessed,
    Changed,
    Name,
}

/// A place in an order: by instant, then by name.
type Position = (Timestamp, String);

/// Secrets, and the token with which the next ones are fetched.
pub(super) struct Page {
    pub(super) secrets: Vec<Arc<Secret>>,
    pub(super) next_token: Option<String>,
}

impl Listing {
    /// One page, from where a token says.
    ///
    /// # Refusals
    /// `InvalidNextTokenException`.
    pub(super) fn page(
        &self,
        operation: &str,
        token: Option<&str>,
        size: usize,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Page, Stop> {
        let bound_to = format!("{operation} {self:?}");
        let after: Option<Position> = match token {
            Some(token) => Some(
                page_token::redeem(&bound_to, token, given)
                    .ok_or_else(refusals::invalid_next_token)?,
            ),
            None => None,
        };
        let prefixes = self.filters.iter().find_map(Filter::name_prefixes);
        let (secrets, next) = match (self.order, prefixes) {
            (Order::Name, None) => self.walk_names(after, size, records, given)?,
            (Order::Created, None) => self.walk_creations(after, size, records, given)?,
            (_, prefixes) => self.sort_all(prefixes, after, size, records, given)?,
        };
        let next_token = next.and_then(|position| page_token::issue(&bound_to, position, given));
        Ok(Page {
            secrets,
            next_token,
        })
    }

    fn admits(&self, secret: &Secret, given: &Given<'_>) -> bool {
        let visible = match secret.lifecycle {
            Lifecycle::Active => true,
            Lifecycle::Deleting { at } => self.include_deleted && at > given.now,
        };
        visible && self.filters.iter().all(|filter| filter.admits(secret))
    }

    fn position(&self, secret: &Secret) -> Position {
        let at = match self.order {
            Order::Created => secret.created,
            Order::Accessed => secret.accessed.unwrap_or_default(),
            Order::Changed => secret.changed,
            Order::Name => Timestamp::default(),
        };
        (at, secret.name.clone())
    }

    fn walk_names(
        &self,
        after: Option<Position>,
        size: usize,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<(Vec<Arc<Secret>>, Option<Position>), Stop> {
        let caller = given.caller;
        let all = Key::secrets(&caller.account, &caller.region);
        let from =
            after.map(|(_, name)| Key::secret(&caller.account, &caller.region, &name).into_bytes());
        let (start, end) = self.bounds(&all, from);
        let mut page = Filling::new(size);
        records.scan::<Secret>(&start, &end, !self.ascending, |secret| {
            page.offer(self.admits(&secret, given), self.position(&secret), secret)
        })?;
        Ok(page.done())
    }

    fn walk_creations(
        &self,
        after: Option<Position>,
        size: usize,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<(Vec<Arc<Secret>>, Option<Position>), Stop> {
        let caller = given.caller;
        let all = Key::created_all(&caller.account, &caller.region);
        let name_from = all.as_bytes().len() + size_of::<Timestamp>();
        let from = after.map(|(at, name)| {
            Key::created(&caller.account, &caller.region, at, &name).into_bytes()
        });
        let (start, end) = self.bounds(&all, from);
        let mut page = Filling::new(size);
        records.scan_keys(&start, &end, !self.ascending, |key| {
            let name = key.get(name_from..).unwrap_or_default();
            let name = String::from_utf8_lossy(name);
            let record = Key::secret(&caller.account, &caller.region, &name);
            match records.peek::<Secret>(&record) {
                Err(stop) => ControlFlow::Break(Err(stop)),
                // Removed since the index was read.
                Ok(None) => ControlFlow::Continue(()),
                Ok(Some(secret)) => page
                    .offer(self.admits(&secret, given), self.position(&secret), secret)
                    .map_break(Ok),
            }
        })?;
        Ok(page.done())
    }

    /// The part of a walk that is left, as a range without its end.
    fn bounds(&self, all: &Key, from: Option<Vec<u8>>) -> (Vec<u8>, Vec<u8>) {
        let (start, end) = (all.as_bytes().to_vec(), all.end());
        match from {
            None => (start, end),
            Some(from) if !self.ascending => (start, from),
            Some(mut from) => {
                // The first key behind it.
                from.push(0);
                (from, end)
            }
        }
    }

    fn sort_all(
        &self,
        prefixes: Option<&[String]>,
        after: Option<Position>,
        size: usize,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<(Vec<Arc<Secret>>, Option<Position>), Stop> {
        let caller = given.caller;
        let everything = [String::new()];
        let mut prefixes: Vec<&String> = prefixes.unwrap_or(&everything).iter().collect();
        prefixes.sort();
        // A prefix whose beginning is in the list itself would visit its secrets twice.
        prefixes.dedup_by(|longer, shorter| longer.starts_with(shorter.as_str()));
        let mut found: Vec<(Position, Arc<Secret>)> = Vec::new();
        for prefix in prefixes {
            let range = Key::secret(&caller.account, &caller.region, prefix);
            records.scan::<Secret>(range.as_bytes(), &range.end(), false, |secret| {
                let position = self.position(&secret);
                let beyond = after.as_ref().is_none_or(|after| {
                    if self.ascending {
                        position > *after
                    } else {
                        position < *after
                    }
                });
                if beyond && self.admits(&secret, given) {
                    found.push((position, secret));
                }
                if found.len() > 8 * (size + 1) {
                    self.keep_first(&mut found, size + 1);
                }
                ControlFlow::Continue(())
            })?;
        }
        self.keep_first(&mut found, size + 1);
        let more = found.len() > size;
        found.truncate(size);
        let next = found
            .last()
            .filter(|_| more)
            .map(|(position, _)| position.clone());
        Ok((found.into_iter().map(|(_, secret)| secret).collect(), next))
    }

    fn keep_first(&self, found: &mut Vec<(Position, Arc<Secret>)>, count: usize) {
        found.sort_by(|(one, _), (other, _)| {
            if self.ascending {
                one.cmp(other)
            } else {
                other.cmp(one)
            }
        });
        found.truncate(count);
    }
}

/// A page that an ordered walk fills.
struct Filling {
    size: usize,
    examined: usize,
    last_examined: Option<Position>,
    secrets: Vec<Arc<Secret>>,
    more: bool,
}

impl Filling {
    fn new(size: usize) -> Self {
        Filling {
            size,
            examined: 0,
            last_examined: None,
            secrets: Vec::new(),
            more: false,
        }
    }

    fn offer(
        &mut self,
        admitted: bool,
        position: Position,
        secret: Arc<Secret>,
    ) -> ControlFlow<()> {
        // Looking at one more than is shown tells whether there is a next page.
        if (admitted && self.secrets.len() == self.size) || self.examined == EXAMINED_MAX {
            self.more = true;
            return ControlFlow::Break(());
        }
        self.examined += 1;
        self.last_examined = Some(position);
        if admitted {
            self.secrets.push(secret);
        }
        ControlFlow::Continue(())
    }

    fn done(self) -> (Vec<Arc<Secret>>, Option<Position>) {
        (self.secrets, self.last_examined.filter(|_| self.more))
    }
}
