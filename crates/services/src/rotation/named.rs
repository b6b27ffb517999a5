//! Which secret an operator means: by its ARN, or by its name with account and region.

use std::sync::Arc;

use super::opened::service_caller;
use crate::access::Problem;
use crate::access::who_can::only_account;
use crate::caller::{AccountId, Region};
use crate::records::Records;
use crate::refusal::Refusal;
use crate::secretsmanager::secret::Secret;
use crate::secretsmanager::secret_id::SecretId;

/// A secret as an operator names it.
#[derive(Clone, Debug)]
pub struct Named {
    /// Its ARN, whole or without the suffix, or its name.
    pub secret: String,
    /// The account of a name; the only one where there is one alone.
    pub account: Option<AccountId>,
    /// The region of a name.
    pub region: Option<Region>,
}

impl Named {
    /// The secret.
    ///
    /// # Errors
    /// There is none, or it isn't told of which account or region it is.
    pub fn find(&self, records: &Records<'_>) -> Result<Arc<Secret>, Problem> {
        let given = &self.secret;
        let asked = |refusal: Refusal| Problem::Asked(refusal.message.unwrap_or_default());
        let id = SecretId::parse(given.clone()).map_err(asked)?;
        let (account, region) = match arn_parts(given) {
            Some((account, region)) => (account, region),
            None => {
                let region = self.region.clone().ok_or_else(|| {
                    Problem::Asked(
                        "name the region with --region, or the secret by its ARN".to_owned(),
                    )
                })?;
                let account = match &self.account {
                    Some(account) => account.clone(),
                    None => only_account(records)?,
                };
                (account, region)
            }
        };
        let caller = service_caller(&account, &region);
        id.record(&caller, records)?.ok_or_else(|| {
            Problem::Asked(format!(
                "there is no secret {given} in account {account}, region {region}"
            ))
        })
    }
}

/// The account and the region in an ARN.
pub(super) fn arn_parts(arn: &str) -> Option<(AccountId, Region)> {
    let mut parts = arn.strip_prefix("arn:")?.split(':').skip(2);
    let region = Region::parse(parts.next()?).ok()?;
    let account = AccountId::parse(parts.next()?).ok()?;
    Some((account, region))
}
