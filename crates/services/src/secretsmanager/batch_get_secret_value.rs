//! BatchGetSecretValue: the current values of several secrets, each allowed and refused by itself.
//!
//! Source: reference/api.md §6.5.

use std::sync::Arc;

use serde::Serialize;

use super::access;
use super::filters::{self, Filter};
use super::get_secret_value::{self, GetSecretValue, SecretValue};
use super::listing::{Listing, Order};
use super::refusals;
use super::secret::Secret;
use super::secret_id::SecretId;
use super::shapes::{NEXT_TOKEN, SECRET_ID};
use crate::caller::Caller;
use crate::cloudtrail::name;
use crate::cloudtrail::told::{Resource, ServiceCall};
use crate::gate::{self, Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::{Refusal, Stop};

/// Values in one response. Source: reference/api.md §4.
const VALUES_MAX: usize = 20;

/// The request.
pub struct BatchGetSecretValue {
    selection: Selection,
    page_size: usize,
    next_token: Option<String>,
}

enum Selection {
    Listed(Vec<String>),
    Filtered(Vec<Filter>),
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SecretValues {
    secret_values: Vec<SecretValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
    errors: Vec<ItemError>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ItemError {
    secret_id: String,
    error_code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

impl Operation for BatchGetSecretValue {
    const NAME: &'static str = "BatchGetSecretValue";
    const WALKS: bool = true;
    type Output = SecretValues;

    fn read(members: &mut Members<'_, '_>) -> Self {
        let listed = members.texts("SecretIdList", 1..=VALUES_MAX, &SECRET_ID);
        let filters = filters::take(members);
        let page_size = members.integer("MaxResults", 1..=20);
        let selection = match (listed, filters) {
            (Some(listed), None) => {
                if page_size.is_some() {
                    members.object(refusals::invalid_parameter(
                        "'Filters' not specified. 'Filters' must also be specified when \
                         'MaxResults' is provided.",
                    ));
                }
                Selection::Listed(listed)
            }
            (None, Some(filters)) => Selection::Filtered(filters),
            _ => {
                members.object(refusals::invalid_parameter(
                    "Either 'SecretIdList' or 'Filters' must be provided, but not both.",
                ));
                Selection::Listed(Vec::new())
            }
        };
        BatchGetSecretValue {
            selection,
            page_size: page_size
                .and_then(|it| usize::try_from(it).ok())
                .unwrap_or(VALUES_MAX),
            next_token: members.text("NextToken", &NEXT_TOKEN),
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        let mut needs = access::need_on_account("secretsmanager:BatchGetSecretValue", caller)?;
        if let Selection::Filtered(_) = self.selection {
            needs.extend(access::need_on_account(
                "secretsmanager:ListSecrets",
                caller,
            )?);
        }
        Ok(needs)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<SecretValues>, Stop> {
        let request = allowed.into_request();
        let mut output = SecretValues {
            secret_values: Vec::new(),
            next_token: None,
            errors: Vec::new(),
        };
        let secret_ids = match request.selection {
            Selection::Listed(secret_ids) => secret_ids,
            Selection::Filtered(filters) => {
                let listing = Listing {
                    filters,
                    include_deleted: false,
                    order: Order::Created,
                    ascending: false,
                };
                let token = request.next_token.as_deref();
                let page = listing.page(Self::NAME, token, request.page_size, records, given)?;
                output.next_token = page.next_token;
                page.secrets.iter().map(|secret| secret.arn()).collect()
            }
        };
        let mut changes = Changes::none();
        for secret_id in secret_ids {
            let read = told_one(&secret_id, records, |resources| {
                read_one(&secret_id, records, given, &mut changes, resources)
            });
            match read {
                Ok(value) => output.secret_values.push(value),
                Err(Stop::Refused(Refusal { code, message, .. })) => {
                    output.errors.push(ItemError {
                        secret_id,
                        error_code: code,
                        message,
                    });
                }
                Err(unavailable) => return Err(unavailable),
            }
        }
        Ok(Decided::change(changes, output))
    }
}

/// Tells of reading one secret as of a call of GetSecretValue, before that which it asks of KMS.
///
/// Source: AWS Secrets Manager User Guide, AWS CloudTrail entries for Secrets Manager, `GetSecretValue`.
fn told_one<T>(
    secret_id: &str,
    records: &Records<'_>,
    read: impl FnOnce(&mut Vec<Resource>) -> Result<T, Stop>,
) -> Result<T, Stop> {
    let mut call = ServiceCall::of(name::SECRETS_MANAGER, GetSecretValue::NAME, true);
    call.parameters.text("secretId", secret_id);
    call.tell(records, read)
}

/// One secret's current value, as GetSecretValue would give it. `resources` becomes what it is about.
fn read_one(
    given_id: &str,
    records: &Records<'_>,
    given: &Given<'_>,
    changes: &mut Changes,
    resources: &mut Vec<Resource>,
) -> Result<SecretValue, Stop> {
    let secret_id = SecretId::parse(given_id.to_owned())?;
    for need in access::need_on(
        "secretsmanager:GetSecretValue",
        &secret_id,
        &(),
        given.caller,
        records,
    )? {
        resources.extend(need.resource());
        gate::permit(&need, records, given)?;
    }
    let secret: Arc<Secret> = secret_id.find_active(records, given)?;
    let version = get_secret_value::current(&secret)?;
    get_secret_value::disclose(&secret, version, records, given, changes)
}
