//! ListSecrets: the secrets of an account and region, filtered, sorted, page by page.
//!
//! Source: reference/api.md §6.7.

use std::collections::BTreeMap;

use serde::Serialize;

use super::access;
use super::filters;
use super::listing::{Listing, Order};
use super::metadata::{Metadata, versions_to_stages};
use super::secret::Secret;
use super::shapes::NEXT_TOKEN;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::{Members, Text};
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// Secrets on a page, where the request doesn't say.
const PAGE_DEFAULT: usize = 100;

/// The request.
pub struct ListSecrets {
    listing: Listing,
    page_size: usize,
    next_token: Option<String>,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SecretList {
    secret_list: Vec<SecretListEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SecretListEntry {
    #[serde(flatten)]
    metadata: Metadata,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    secret_versions_to_stages: BTreeMap<String, Vec<String>>,
}

impl Operation for ListSecrets {
    const NAME: &'static str = "ListSecrets";
    const WALKS: bool = true;
    type Output = SecretList;

    fn read(members: &mut Members<'_, '_>) -> Self {
        const SORT_ORDER: Text = Text::one_of(&["asc", "desc"]);
        const SORT_BY: Text = Text::one_of(&[
            "created-date",
            "last-accessed-date",
            "last-changed-date",
            "name",
        ]);
        let listing = Listing {
            include_deleted: members.flag("IncludePlannedDeletion").unwrap_or(false),
            filters: filters::take(members).unwrap_or_default(),
            ascending: members.text("SortOrder", &SORT_ORDER).as_deref() == Some("asc"),
            order: match members.text("SortBy", &SORT_BY).as_deref() {
                Some("last-accessed-date") => Order::Accessed,
                Some("last-changed-date") => Order::Changed,
                Some("name") => Order::Name,
                _ => Order::Created,
            },
        };
        ListSecrets {
            listing,
            page_size: members
                .integer("MaxResults", 1..=100)
                .and_then(|size| usize::try_from(size).ok())
                .unwrap_or(PAGE_DEFAULT),
            next_token: members.text("NextToken", &NEXT_TOKEN),
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        access::need_on_account("secretsmanager:ListSecrets", caller)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<SecretList>, Stop> {
        let request = allowed.into_request();
        let token = request.next_token.as_deref();
        let page = request
            .listing
            .page(Self::NAME, token, request.page_size, records, given)?;
        let entry = |secret: &Secret| SecretListEntry {
            metadata: Metadata::of(secret),
            secret_versions_to_stages: versions_to_stages(secret),
        };
        Ok(Decided::answer(SecretList {
            secret_list: page.secrets.iter().map(|secret| entry(secret)).collect(),
            next_token: page.next_token,
        }))
    }
}
