//! ListSecretVersionIds: a secret's versions, newest first.
//!
//! Source: reference/api.md §6.8.

use serde::Serialize;

use super::access;
use super::refusals;
use super::secret::Version;
use super::secret_id::SecretId;
use super::shapes::{self, NEXT_TOKEN};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::page_token;
use crate::records::Records;
use crate::refusal::Stop;
use crate::time::{Timestamp, epoch_seconds};

/// Versions on a page, where the request doesn't say.
const PAGE_DEFAULT: usize = 100;

/// The request.
pub struct ListSecretVersionIds {
    secret_id: SecretId,
    page_size: usize,
    next_token: Option<String>,
    include_deprecated: bool,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct VersionList {
    versions: Vec<VersionEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
    #[serde(rename = "ARN")]
    arn: String,
    name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct VersionEntry {
    version_id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    version_stages: Vec<String>,
    #[serde(
        serialize_with = "epoch_seconds::optional::serialize",
        skip_serializing_if = "Option::is_none"
    )]
    last_accessed_date: Option<Timestamp>,
    #[serde(serialize_with = "epoch_seconds::serialize")]
    created_date: Timestamp,
    kms_key_ids: [String; 1],
}

impl Operation for ListSecretVersionIds {
    const NAME: &'static str = "ListSecretVersionIds";
    type Output = VersionList;

    fn read(members: &mut Members<'_, '_>) -> Self {
        ListSecretVersionIds {
            secret_id: shapes::secret_id(members),
            page_size: members
                .integer("MaxResults", 1..=100)
                .and_then(|size| usize::try_from(size).ok())
                .unwrap_or(PAGE_DEFAULT),
            next_token: members.text("NextToken", &NEXT_TOKEN),
            include_deprecated: members.flag("IncludeDeprecated").unwrap_or(false),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        access::need_on(
            "secretsmanager:ListSecretVersionIds",
            &self.secret_id,
            &(),
            caller,
            records,
        )
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<VersionList>, Stop> {
        let request = allowed.into_request();
        let secret = request.secret_id.find_any(records, given)?;
        let bound_to = format!(
            "{} {} {}",
            Self::NAME,
            secret.arn(),
            request.include_deprecated
        );
        let after: Option<(Timestamp, String)> = match &request.next_token {
            Some(token) => Some(
                page_token::redeem(&bound_to, token, given)
                    .ok_or_else(refusals::invalid_next_token)?,
            ),
            None => None,
        };

        let mut listed: Vec<&Version> = secret
            .versions
            .iter()
            .filter(|version| request.include_deprecated || secret.labels.any_on(&version.id))
            .collect();
        listed.sort_by(|one, other| position(other).cmp(&position(one)));
        let rest: Vec<&Version> = listed
            .into_iter()
            .filter(|version| {
                after
                    .as_ref()
                    .is_none_or(|(at, id)| position(version) < (*at, id.as_str()))
            })
            .collect();
        let page: Vec<&Version> = rest.iter().copied().take(request.page_size).collect();
        let next_token = match page.last() {
            Some(last) if rest.len() > page.len() => {
                page_token::issue(&bound_to, position(last), given)
            }
            _ => None,
        };
        let versions = page
            .into_iter()
            .map(|version| VersionEntry {
                version_id: version.id.clone(),
                version_stages: secret.labels_of(&version.id),
                last_accessed_date: version.accessed,
                created_date: version.created,
                kms_key_ids: [version
                    .kms_key_id
                    .clone()
                    .unwrap_or_else(|| "DefaultEncryptionKey".to_owned())],
            })
            .collect();
        Ok(Decided::answer(VersionList {
            versions,
            next_token,
            arn: secret.arn(),
            name: secret.name.clone(),
        }))
    }
}

/// Where a version stands in the listing.
fn position(version: &Version) -> (Timestamp, &str) {
    (version.created, &version.id)
}
