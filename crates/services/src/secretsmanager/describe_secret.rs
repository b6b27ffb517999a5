//! DescribeSecret: everything about a secret but its values, also while it is scheduled for deletion.
//!
//! Source: reference/api.md §6.6.

use std::collections::BTreeMap;

use serde::Serialize;

use super::access;
use super::metadata::{Metadata, versions_to_stages};
use super::secret_id::SecretId;
use super::shapes;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct DescribeSecret {
    secret_id: SecretId,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Description {
    #[serde(flatten)]
    metadata: Metadata,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    version_ids_to_stages: BTreeMap<String, Vec<String>>,
}

impl Operation for DescribeSecret {
    const NAME: &'static str = "DescribeSecret";
    type Output = Description;

    fn read(members: &mut Members<'_, '_>) -> Self {
        DescribeSecret {
            secret_id: shapes::secret_id(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        access::need_on(
            "secretsmanager:DescribeSecret",
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
    ) -> Result<Decided<Description>, Stop> {
        let secret = allowed.into_request().secret_id.find_any(records, given)?;
        Ok(Decided::answer(Description {
            metadata: Metadata::of(&secret),
            version_ids_to_stages: versions_to_stages(&secret),
        }))
    }
}
