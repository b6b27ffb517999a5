//! RevokeGrant: a key's owner takes a grant back.
//!
//! Source: AWS KMS API Reference, RevokeGrant.

use super::access::Usage;
use super::name::{Accepts, KeyName};
use super::shapes::GRANT_ID;
use super::{access, grant, shapes};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct RevokeGrant {
    key: KeyName,
    grant_id: String,
    dry_run: bool,
}

impl Operation for RevokeGrant {
    const NAME: &'static str = "RevokeGrant";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        RevokeGrant {
            key: shapes::key_name(Accepts::Keys, members),
            grant_id: members.required_text("GrantId", &GRANT_ID),
            dry_run: shapes::dry_run(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let mut usage = Usage::default();
        grant::insert_for_no_service(&mut usage.more);
        access::need("kms:RevokeGrant", &self.key, usage, caller, records).map(|need| vec![need])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let request = allowed.into_request();
        let key = request.key.find(given.caller, records)?;
        let found = grant::find(&key, &request.grant_id, records)?;
        shapes::refuse_dry_run(request.dry_run)?;
        grant::end(&key, &found).map(Decided::silent)
    }
}
