//! ListFunctions: the functions of the caller's account and region, by name.
//!
//! Source: AWS Lambda API Reference, ListFunctions.

use std::ops::ControlFlow;
use std::sync::Arc;

use serde::Serialize;

use super::function::{Function, LATEST};
use super::name;
use super::shapes::{self, ShownConfiguration};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::{Members, Text};
use crate::operation::{Decided, Given, Operation};
use crate::paging::PageRequest;
use crate::records::{Key, Records};
use crate::refusal::Stop;

const VERSIONS: Text = Text::one_of(&["ALL"]);
const REGION: Text = Text::of(1..=50);

/// The request.
pub struct ListFunctions {
    all_versions: bool,
    master_region: Option<String>,
    page: PageRequest,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListedFunctions {
    functions: Vec<ShownConfiguration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
}

impl Operation for ListFunctions {
    const NAME: &'static str = "ListFunctions";
    const WALKS: bool = true;
    type Output = ListedFunctions;

    fn read(members: &mut Members<'_, '_>) -> Self {
        ListFunctions {
            all_versions: members.text("FunctionVersion", &VERSIONS).is_some(),
            master_region: members.text("MasterRegion", &REGION),
            page: shapes::page(members),
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        Ok(vec![name::need_on_none("lambda:ListFunctions", caller)])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<ListedFunctions>, Stop> {
        let request = allowed.into_request();
        let (account, region) = (&given.caller.account, &given.caller.region);
        // There are no copies of functions in other regions, which is what this asks for.
        let is_elsewhere = request
            .master_region
            .is_some_and(|master| master != "ALL" && master != region.as_str());
        let list = format!("ListFunctions {}", request.all_versions);
        let start = request.page.start(&list, given)?;
        let all = Key::lambda_functions(account, region);
        let first = match &start {
            // Versions of the last function may be left.
            Some(position) => {
                let name = position.split(' ').next().unwrap_or_default();
                Key::lambda_function(account, region, name).into_bytes()
            }
            None => all.as_bytes().to_vec(),
        };
        let page = request.page.fill(&list, given, |push| {
            if is_elsewhere {
                return Ok(());
            }
            records.scan::<Function>(&first, &all.end(), false, |function| {
                let numbers: Vec<u64> = match request.all_versions {
                    true => function.published.iter().map(|each| each.number).collect(),
                    false => Vec::new(),
                };
                for number in std::iter::once(0).chain(numbers) {
                    // `$LATEST` comes first.
                    let position = format!("{} {number:020}", function.arn.name);
                    if start.as_ref().is_some_and(|start| position <= *start) {
                        continue;
                    }
                    if push(position, (Arc::clone(&function), number)).is_break() {
                        return ControlFlow::Break(());
                    }
                }
                ControlFlow::Continue(())
            })
        })?;
        let mut functions = Vec::with_capacity(page.items.len());
        for (function, number) in &page.items {
            let version = match number {
                0 => LATEST.to_owned(),
                number => number.to_string(),
            };
            let Some(shown) = function.version(&version) else {
                continue;
            };
            let qualifier = request.all_versions.then_some(version.as_str());
            let shown = (version.as_str(), shown);
            functions.push(ShownConfiguration::of(
                function, shown, qualifier, records, given,
            )?);
        }
        Ok(Decided::answer(ListedFunctions {
            functions,
            next_marker: page.marker,
        }))
    }
}
