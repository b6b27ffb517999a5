//! CreateGrant: a permission to use a key, given to one principal.
//!
//! Source: AWS KMS API Reference, CreateGrant; AWS KMS Developer Guide, Grants in AWS KMS.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::json;
use strongroom_policy::Context;

use super::access::Usage;
use super::grant::{self, Constraints, Grant};
use super::key::KmsKey;
use super::name::{Accepts, KeyName};
use super::shapes::{GRANT_NAME, PRINCIPAL, SERVICE_PRINCIPAL};
use super::{access, refusals, shapes, state};
use crate::caller::Caller;
use crate::cloudtrail::elements;
use crate::gate::{self, Authorized, Guard, Need};
use crate::iam::principals::Named;
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::{Refusal, Stop};

/// Grants of one key. Source: AWS KMS Developer Guide, Quotas.
const GRANTS_MAX: u32 = 50_000;

/// The request.
pub struct CreateGrant {
    key: KeyName,
    grantee: Option<String>,
    retiring: Option<String>,
    operations: Vec<String>,
    constraints: Constraints,
    name: Option<String>,
    for_service: bool,
    dry_run: bool,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Created {
    grant_token: String,
    grant_id: String,
}

impl Operation for CreateGrant {
    const NAME: &'static str = "CreateGrant";
    type Output = Created;

    fn read(members: &mut Members<'_, '_>) -> Self {
        shapes::grant_tokens(members);
        members.require("Operations");
        let services = ["GranteeServicePrincipal", "RetiringServicePrincipal"]
            .map(|name| members.text(name, &SERVICE_PRINCIPAL).is_some());
        let constraints = members.structure("Constraints", |constraints| Constraints {
            encryption_context_subset: constraints.map("EncryptionContextSubset"),
            encryption_context_equals: constraints.map("EncryptionContextEquals"),
            source_arn: constraints.text("SourceArn", &shapes::KEY_ID),
        });
        let constraints = constraints.unwrap_or_default();
        if !constraints.fit() {
            members.object(refusals::limit_exceeded(
                "A grant constraint can have at most 8 pairs, and values of at most 384 characters.",
            ));
        }
        CreateGrant {
            key: shapes::key_name(Accepts::Keys, members),
            grantee: members.text("GranteePrincipal", &PRINCIPAL),
            retiring: members.text("RetiringPrincipal", &PRINCIPAL),
            operations: each_once(
                members
                    .texts("Operations", 0..=usize::MAX, &grant::OPERATION)
                    .unwrap_or_default(),
            ),
            constraints,
            name: members.text("Name", &GRANT_NAME),
            for_service: services.contains(&true),
            dry_run: shapes::dry_run(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        self.need(caller, records).map(|need| vec![need])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Created>, Stop> {
        let request = allowed.into_request();
        let key = request.key.find(given.caller, records)?;
        state::if_enabled(&key)?;
        if request.for_service {
            return Err(refusals::unsupported(
                "This version of Strongroom gives no grants to services. Name a GranteePrincipal.",
            )
            .into());
        }
        let Some(grantee) = request.grantee.clone() else {
            return Err(Refusal::validation("GranteePrincipal must be specified.").into());
        };
        let named = grant::principal(&grantee, records, given.caller)?;
        let retiring = match &request.retiring {
            Some(retiring) => grant::principal(retiring, records, given.caller)?,
            None => Named::ByName,
        };
        grant::check_operations(&request.operations, &key)?;
        request.constraints.check(&key)?;
        if !request.is_allowed_without_grants(records, given)? {
            let grantor = given.caller;
            let (operations, constraints) = (&request.operations, &request.constraints);
            if !grant::may_hand_on(&key, grantor, operations, constraints, records)? {
                return Err(Refusal::access_denied(
                    &grantor.arn(),
                    "kms:CreateGrant",
                    Some(&key.arn()),
                    "because the grant that allows it allows less than what was to be granted",
                )
                .into());
            }
        }
        shapes::refuse_dry_run(request.dry_run)?;
        let wanted = Grant {
            key_id: key.key_id.clone(),
            grant_id: grant::fresh_id(given),
            name: request.name,
            created: given.now,
            grantee_principal: grantee,
            retiring_principal: request.retiring,
            issuing_account: given.caller.account.clone(),
            operations: request.operations,
            constraints: request.constraints,
            grantee: named,
            retiring,
        };
        let created = |grant_id: &str| Created {
            grant_token: grant::token(&key, grant_id, given),
            grant_id: grant_id.to_owned(),
        };
        // A name makes a repeated request harmless.
        if wanted.name.is_some()
            && let Some(same) = grant::same(&key, &wanted, records)?
        {
            return Ok(Decided::answer(created(&same)));
        }
        if key.grants_count >= GRANTS_MAX {
            return Err(refusals::limit_exceeded(format!(
                "The key has {GRANTS_MAX} grants, which is the most that a key can have."
            ))
            .into());
        }
        let mut counted = KmsKey::clone(&key);
        counted.grants_count += 1;
        let mut changes = Changes::none();
        wanted.add(&counted, &mut changes)?;
        changes.put(counted.key(), &counted)?;
        Ok(Decided::change(changes, created(&wanted.grant_id)))
    }

    /// Not the token: whoever has it may use the key at once.
    fn tell(output: &Created) -> Option<Vec<u8>> {
        elements::of(&json!({"grantId": output.grant_id}))
    }
}

/// The operations are a set.
fn each_once(operations: Vec<String>) -> Vec<String> {
    let mut once = Vec::new();
    for operation in operations {
        if !once.contains(&operation) {
            once.push(operation);
        }
    }
    once
}

impl CreateGrant {
    fn need<'a>(&'a self, caller: &'a Caller, records: &Records<'_>) -> Result<Need<'a>, Stop> {
        let mut more = Context::new();
        more.insert_all("kms:GrantOperations", self.operations.iter().cloned());
        grant::insert_for_no_service(&mut more);
        for (name, value) in [
            ("kms:GranteePrincipal", &self.grantee),
            ("kms:RetiringPrincipal", &self.retiring),
            ("kms:GrantConstraintSourceArn", &self.constraints.source_arn),
        ] {
            if let Some(value) = value {
                more.insert(name, value.as_str());
            }
        }
        if let Some(kind) = self.constraints.kind() {
            more.insert("kms:GrantConstraintType", kind);
        }
        let context = self.constraints.encryption_context();
        let usage = Usage {
            encryption_context: context.map_or_else(Cow::default, Cow::Borrowed),
            more,
            ..Usage::default()
        };
        access::need("kms:CreateGrant", &self.key, usage, caller, records)
    }

    /// Whether the caller has this right from elsewhere than from a grant.
    fn is_allowed_without_grants(
        &self,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<bool, Stop> {
        let mut need = self.need(given.caller, records)?;
        if let Guard::Key(guard) = &mut need.guard {
            guard.granted = None;
        }
        gate::would_permit(&need, records, given)
    }
}
