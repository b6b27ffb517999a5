//! `userIdentity`: who called, as an event says it.
//!
//! Source: AWS CloudTrail User Guide, CloudTrail userIdentity element; reference/integrations.md §1.2.

use super::event::text;
use crate::caller::{Caller, Principal, RoleSigner};
use crate::json_text::push_quoted;
use crate::sts::session::Session;
use crate::time::rfc3339;

/// Writes who called, but for the closing brace: a service that calls for them is named at the end. `access_key_id` is the
/// one that was sent.
pub(super) fn push(caller: &Caller, access_key_id: Option<&str>, json: &mut Vec<u8>) {
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
            text("userName", &bearer.subject, json);
            text("identityProvider", &bearer.provider_arn, json);
        }
        principal => {
            push_quoted(type_of(principal), json);
            text("principalId", &caller.unique_id(), json);
            text("arn", &caller.arn(), json);
            text("accountId", caller.account.as_str(), json);
            if let Some(key_id) = key_id {
                text("accessKeyId", key_id, json);
            }
            if let Principal::User(signer) = principal {
                text("userName", &signer.user.name, json);
            }
        }
    }
    if let Some(session) = session {
        push_session(caller, session, json);
    }
}

/// Writes who called to the account whose resource it was about, if it isn't the caller's: no more than whose they are.
pub(super) fn push_to_other_account(caller: &Caller, json: &mut Vec<u8>) {
    json.extend_from_slice(b"{\"type\":\"AWSAccount\",\"principalId\":");
    push_quoted(&caller.unique_id(), json);
    text("accountId", caller.account.as_str(), json);
}

/// Writes all that is known of who signed nothing that holds.
pub(super) fn push_unknown(account: Option<&str>, access_key_id: Option<&str>, json: &mut Vec<u8>) {
    json.extend_from_slice(b"{\"type\":\"Unknown\"");
    if let Some(account) = account {
        text("accountId", account, json);
    }
    if let Some(access_key_id) = access_key_id {
        text("accessKeyId", access_key_id, json);
    }
}

/// Writes that a service acts by itself; which, is named at the end.
///
/// Source: AWS CloudTrail User Guide, CloudTrail userIdentity element, `AWSService`.
pub(super) fn push_service(json: &mut Vec<u8>) {
    json.extend_from_slice(b"{\"type\":\"AWSService\"");
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
    text(
        "mfaAuthenticated",
        if authenticated { "true" } else { "false" },
        json,
    );
    json.push(b'}');
    if let Principal::Role(signer) = &caller.principal
        && let Some(source) = &signer.assumed.source_identity
    {
        text("sourceIdentity", source, json);
    }
    json.push(b'}');
}

/// The role whose session it is, and the provider whose token the session was given for.
fn push_issuer(caller: &Caller, signer: &RoleSigner, json: &mut Vec<u8>) {
    json.extend_from_slice(b"\"sessionIssuer\":{\"type\":\"Role\",\"principalId\":");
    push_quoted(&signer.assumed.role_id, json);
    text("arn", &signer.role.arn(caller), json);
    text("accountId", signer.role.account.as_str(), json);
    text("userName", &signer.role.name, json);
    json.extend_from_slice(b"},");
    if let Some(provider) = &signer.assumed.federated_provider {
        json.extend_from_slice(b"\"webIdFederationData\":{\"federatedProvider\":");
        push_quoted(provider, json);
        json.extend_from_slice(b",\"attributes\":{}},");
    }
}
