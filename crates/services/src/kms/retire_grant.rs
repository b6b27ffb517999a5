//! RetireGrant: whoever was given a grant, or made responsible for it, ends it.
//!
//! Source: AWS KMS API Reference, RetireGrant; AWS KMS Developer Guide, Retiring and revoking grants.

use std::sync::Arc;

use serde_json::json;

use super::grant::{self, Grant};
use super::key::KmsKey;
use super::name::{Accepts, KeyName};
use super::refusals;
use super::shapes::{self, GRANT_ID, GRANT_TOKEN, KEY_ID};
use crate::caller::Caller;
use crate::cloudtrail::told::Resource;
use crate::gate::{Authorized, Need};
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
            token: members.untold(|members| members.text("GrantToken", &GRANT_TOKEN)),
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
            (None, Some(name), Some(grant_id)) => named(name, grant_id, records, given)?,
            _ => {
                return Err(Refusal::validation(
                    "You must specify either a GrantToken or a KeyId and a GrantId.",
                )
                .into());
            }
        };
        permit(&key, &found, given.caller)?;
        records.tell(|told| told.note_resource(Resource::Key(Arc::clone(&key))));
        shapes::refuse_dry_run(request.dry_run)?;
        // Which grant a token stands for, the request doesn't say.
        records.tell(|told| told.data = Some(json!({"grantId": found.grant_id})));
        grant::end(&key, &found).map(Decided::silent)
    }
}

/// A grant by its key and its id. Who may not retire it isn't told whether another account's key or grant exists.
fn named(
    name: &KeyName,
    grant_id: &str,
    records: &Records<'_>,
    given: &Given<'_>,
) -> Result<(Arc<KmsKey>, Arc<Grant>), Stop> {
    let caller = given.caller;
    let found = name.find(caller, records).and_then(|key| {
        let found = grant::find(&key, grant_id, records)?;
        Ok((key, found))
    });
    let is_foreign = name.account().is_some_and(|owner| *owner != caller.account);
    match found {
        Err(Stop::Refused(_)) if is_foreign => {
            Err(refusals::may_not_retire(&caller.arn(), grant_id).into())
        }
        found => found,
    }
}

/// The grant itself says who may retire it: its retiring principal, and its grantee where the operation is among those
/// that it allows. Beside them the account that made it, and the one that owns the key. No key policy is asked.
fn permit(key: &KmsKey, found: &Grant, caller: &Caller) -> Result<(), Refusal> {
    let names = caller.grantee_names();
    let grantee_may = found.is_to(&names)
        && found
            .operations
            .iter()
            .any(|operation| operation == "RetireGrant");
    let may = grantee_may
        || found.is_retired_by(&names)
        || [&found.issuing_account, &key.account].contains(&&caller.account);
    if may {
        Ok(())
    } else {
        Err(refusals::may_not_retire(&caller.arn(), &found.grant_id))
    }
}
