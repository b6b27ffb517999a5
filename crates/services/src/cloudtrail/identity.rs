//! `userIdentity`: who called, as an event says it.
//!
//! Source: AWS CloudTrail User Guide, CloudTrail userIdentity element; reference/integrations.md §1.2.

use crate::caller::{Caller, Principal, RoleSigner};
use crate::json_text::push_quoted;
use crate::sts::session::Session;
use crate::time::rfc3339;

/// Writes who called. `access_key_id` is the one that was sent; `invoked_by` the service that calls for its own caller.
pub(super) fn push(
    caller: &Caller,
    access_key_id: Option<&str>,
    invoked_by: Option<&str>,
    json: &mut Vec<u8>,
) {
    let session = caller.session.as_deref();
    let key_id = match (&caller.principal, session) {
        (_, Some(session)) => Some(session.access_key_id.as_str()),
        (Principal::User(signer), None) => Some(signer.access_key_id.as_str()),
        (Principal::WebIdentity(_), None) => None,
        _ => access_key_id,
    };
    json.extend_from_slice(b"{\"type\":");
    match &caller.principal {
        Principal::WebIdentity(bearer) => {
            json.extend_from_slice(b"\"WebIdentityUser\",\"principalId\":");
            push_quoted(&bearer.user_id(), json);
            member("userName", &bearer.subject, json);
            member("identityProvider", &bearer.provider_arn, json);
        }
        principal => {
            push_quoted(type_of(principal), json);
            member("principalId", &caller.unique_id(), json);
            member("arn", &caller.arn(), json);
            member("accountId", caller.account.as_str(), json);
            if let Some(key_id) = key_id {
                member("accessKeyId", key_id, json);
            }
            if let Principal::User(signer) = principal {
                member("userName", &signer.user.name, json);
            }
        }
    }
    if let Some(session) = session {
        push_session(caller, session, json);
    }
    if let Some(service) = invoked_by {
        member("invokedBy", service, json);
    }
    json.push(b'}');
}

/// Writes who called to the account whose resource it was about, if it isn't the caller's: no more than whose they are.
pub(super) fn push_to_other_account(caller: &Caller, invoked_by: Option<&str>, json: &mut Vec<u8>) {
    json.extend_from_slice(b"{\"type\":\"AWSAccount\",\"principalId\":");
    push_quoted(&caller.unique_id(), json);
    member("accountId", caller.account.as_str(), json);
    if let Some(service) = invoked_by {
        member("invokedBy", service, json);
    }
    json.push(b'}');
}

/// Writes all that is known of who signed nothing that holds.
pub(super) fn push_unknown(account: Option<&str>, access_key_id: Option<&str>, json: &mut Vec<u8>) {
    json.extend_from_slice(b"{\"type\":\"Unknown\"");
    if let Some(account) = account {
        member("accountId", account, json);
    }
    if let Some(access_key_id) = access_key_id {
        member("accessKeyId", access_key_id, json);
    }
    json.push(b'}');
}

fn type_of(principal: &Principal) -> &'static str {
    match principal {
        Principal::Root => "Root",
        Principal::User(_) => "IAMUser",
        Principal::Role(_) => "AssumedRole",
        Principal::WebIdentity(_) => "WebIdentityUser",
    }
}

fn push_session(caller: &Caller, session: &Session, json: &mut Vec<u8>) {
    json.extend_from_slice(b",\"sessionContext\":{");
    if let Principal::Role(signer) = &caller.principal {
        push_issuer(caller, signer, json);
    }
    json.extend_from_slice(b"\"attributes\":{\"creationDate\":");
    push_quoted(&rfc3339(session.issued), json);
    let authenticated = session.authenticated.is_some();
    member(
        "mfaAuthenticated",
        if authenticated { "true" } else { "false" },
        json,
    );
    json.push(b'}');
    if let Principal::Role(signer) = &caller.principal
        && let Some(source) = &signer.assumed.source_identity
    {
        member("sourceIdentity", source, json);
    }
    json.push(b'}');
}

/// The role whose session it is, and the provider whose token the session was given for.
fn push_issuer(caller: &Caller, signer: &RoleSigner, json: &mut Vec<u8>) {
    json.extend_from_slice(b"\"sessionIssuer\":{\"type\":\"Role\",\"principalId\":");
    push_quoted(&signer.assumed.role_id, json);
    member("arn", &signer.role.arn(caller), json);
    member("accountId", signer.role.account.as_str(), json);
    member("userName", &signer.role.name, json);
    json.extend_from_slice(b"},");
    if let Some(provider) = &signer.assumed.federated_provider {
        json.extend_from_slice(b"\"webIdFederationData\":{\"federatedProvider\":");
        push_quoted(provider, json);
        json.extend_from_slice(b",\"attributes\":{}},");
    }
}

fn member(name: &str, value: &str, json: &mut Vec<u8>) {
    json.push(b',');
    push_quoted(name, json);
    json.push(b':');
    push_quoted(value, json);
}
