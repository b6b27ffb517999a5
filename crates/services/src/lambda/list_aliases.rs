//! ListAliases: a function's aliases, by name.
//!
//! Source: AWS Lambda API Reference, ListAliases.

use serde::Serialize;

use super::alias::{self, ShownAlias};
use super::name::Wanted;
use super::shapes;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::paging::PageRequest;
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct ListAliases {
    function: Wanted,
    version: Option<String>,
    page: PageRequest,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListedAliases {
    aliases: Vec<ShownAlias>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
}

impl Operation for ListAliases {
    const NAME: &'static str = "ListAliases";
    type Output = ListedAliases;

    fn read(members: &mut Members<'_, '_>) -> Self {
        ListAliases {
            function: Wanted::read(members),
            version: members.text("FunctionVersion", &alias::VERSION),
            page: shapes::page(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let action = "lambda:ListAliases";
        self.function.needs(action, caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<ListedAliases>, Stop> {
        let request = allowed.into_request();
        let function = request.function.find_latest(records, given)?;
        let version = request.version.unwrap_or_default();
        let list = format!("ListAliases {} {version}", function.arn);
        let aliases = function.aliases.iter();
        let wanted = aliases.filter(|alias| version.is_empty() || alias.version == version);
        let shown = wanted.map(|alias| (alias.name.clone(), ShownAlias::of(&function, alias)));
        let page = request.page.of_sorted(&list, given, shown)?;
        Ok(Decided::answer(ListedAliases {
            aliases: page.items,
            next_marker: page.marker,
        }))
    }
}
