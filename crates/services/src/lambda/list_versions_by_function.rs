//! ListVersionsByFunction: `$LATEST`, and the published versions by number.
//!
//! Source: AWS Lambda API Reference, ListVersionsByFunction.

use serde::Serialize;

use super::function::LATEST;
use super::name::Wanted;
use super::shapes::{self, ShownConfiguration};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::paging::PageRequest;
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct ListVersionsByFunction {
    function: Wanted,
    page: PageRequest,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListedVersions {
    versions: Vec<ShownConfiguration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
}

impl Operation for ListVersionsByFunction {
    const NAME: &'static str = "ListVersionsByFunction";
    type Output = ListedVersions;

    fn read(members: &mut Members<'_, '_>) -> Self {
        ListVersionsByFunction {
            function: Wanted::read(members),
            page: shapes::page(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let action = "lambda:ListVersionsByFunction";
        self.function.needs(action, caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<ListedVersions>, Stop> {
        let request = allowed.into_request();
        let function = request.function.find(records, given)?;
        let list = format!("ListVersionsByFunction {}", function.arn);
        let published = function.published.iter();
        let numbered = published.map(|each| (each.number.to_string(), &each.configuration));
        let all = std::iter::once((LATEST.to_owned(), &function.latest)).chain(numbered);
        let by_number = (0..).zip(all);
        let positioned = by_number.map(|(place, version): (u64, _)| {
            // Numbers of versions never change places.
            let number = version.0.parse().unwrap_or(place);
            (format!("{number:020}"), version)
        });
        let page = request.page.of_sorted(&list, given, positioned)?;
        let mut versions = Vec::with_capacity(page.items.len());
        for (version, configuration) in &page.items {
            let shown = (version.as_str(), *configuration);
            let qualifier = Some(version.as_str());
            versions.push(ShownConfiguration::of(
                &function, shown, qualifier, records, given,
            )?);
        }
        Ok(Decided::answer(ListedVersions {
            versions,
            next_marker: page.marker,
        }))
    }
}
