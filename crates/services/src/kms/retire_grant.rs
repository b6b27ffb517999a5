//! RetireGrant: whoever was given a grant, or made responsible for it, ends it.
//!
//! Source: AWS KMS API Reference, RetireGrant; AWS KMS Developer Guide, Retiring and revoking grants.

use std::sync::Arc;

use super::access::{self, Usage};
use super::grant::{self, Grant};
use super::key::KmsKey;
use super::name::{Accepts, KeyName};
use super::refusals;
use super::shapes::{self, GRANT_ID, GRANT_TOKEN, KEY_ID};
use crate::caller::Caller;
use crate::gate::{self, Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::{Refusal, Stop};

/// The request.
pub struct RetireGrant {
    token: Option<String>,
    key: Option<KeyName>,
    grant_id: Option<String>,
    dry_run: bool,
}

impl Operation for RetireGrant {
    const NAME: &'static str = "RetireGrant";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        let key = members.text("KeyId", &KEY_ID);
        RetireGrant {
            token: members.text("GrantToken", &GRANT_TOKEN),
            key: key.map(|key| KeyName::parse(key, Accepts::Keys)),
            grant_id: members.text("GrantId", &GRANT_ID),
            dry_run: shapes::dry_run(members),
        }
    }

    /// Which grant it is, and so who may retire it, is known only once its token is opened.
    fn needs<'a>(&'a self, _: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        Ok(Vec::new())
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let request = allowed.into_request();
        let (key, found) = match (&request.token, &request.key, &request.grant_id) {
            (Some(token), None, None) => grant::by_token(token, records, given)?,
            (None, Some(name), Some(grant_id)) => {
                let key = name.find(given.caller, records)?;
                let found = grant::find(&key, grant_id, records)?;
                (key, found)
            }
            _ => {
                return Err(Refusal::validation(
                    "You must specify either a GrantToken or a KeyId and a GrantId.",
                )
                .into());
            }
        };
        permit(&key, &found, records, given)?;
        shapes::refuse_dry_run(request.dry_run)?;
        grant::end(&key, &found).map(Decided::silent)
    }
}

/// The grant itself says who may retire it: its retiring principal, its grantee where the operation is
/// among those that it allows, and the account that made it. Others need the key's policy.
fn permit(
    key: &Arc<KmsKey>,
    found: &Grant,
    records: &Records<'_>,
    given: &Given<'_>,
) -> Result<(), Stop> {
    let caller = given.caller;
    let arn = caller.arn();
    let grantee_may = found
        .operations
        .iter()
        .any(|operation| operation == "RetireGrant");
    let named = found.retiring_principal.as_ref() == Some(&arn)
        || (grantee_may && found.grantee_principal == arn)
        || found.issuing_account == caller.account;
    if named {
        return Ok(());
    }
    let (key, usage) = (Arc::clone(key), Usage::default());
    let need = access::need_on_key("kms:RetireGrant", key, None, usage, caller, records)?;
    gate::permit(need, given).map_err(|_| refusals::may_not_retire(&arn, &found.grant_id).into())
}
