//! What the service asks for when it rotates a secret, as its events tell of it: a function that is built in reads and
//! changes as one does that runs elsewhere, and leaves the same events, by the service itself.
//!
//! Source: AWS CloudTrail User Guide, CloudTrail userIdentity element (`AWSService`); AWS Secrets Manager User Guide, AWS
//! CloudTrail entries for Secrets Manager; AWS Lambda Developer Guide, Logging AWS Lambda API calls.

use serde_json::json;

use super::job::Work;
use crate::caller::Caller;
use crate::cloudtrail::name;
use crate::cloudtrail::told::{Resource, ServiceCall};
use crate::iam::user::User;
use crate::lambda::invoke::Invoke;
use crate::operation::Operation as _;
use crate::records::Records;
use crate::secretsmanager::get_secret_value::GetSecretValue;
use crate::secretsmanager::put_secret_value::PutSecretValue;
use crate::secretsmanager::secret::Secret;
use crate::secretsmanager::update_secret_version_stage::UpdateSecretVersionStage;
use crate::staging::{AWSCURRENT, AWSPENDING};

/// That a function is invoked for a step.
pub fn invocation(work: &Work) -> ServiceCall {
    let mut call = by_service(name::LAMBDA, Invoke::NAME, false);
    let function = work.function.to_string();
    call.parameters.text("functionName", &function);
    call.parameters.text("invocationType", "RequestResponse");
    call.parameters.text("sourceArn", &work.arn);
    call.parameters
        .text("sourceAccount", work.job.account.as_str());
    call.resources.extend(Resource::by_arn(&function));
    call
}

/// Reading a version's value.
pub(super) fn reading(secret: &Secret, version_id: &str) -> ServiceCall {
    let mut call = of_secret(GetSecretValue::NAME, true, secret);
    call.parameters.text("versionId", version_id);
    call
}

/// Giving the pending version its value.
pub(super) fn writing(secret: &Secret, version_id: &str) -> ServiceCall {
    let mut call = of_secret(PutSecretValue::NAME, false, secret);
    call.parameters.text("clientRequestToken", version_id);
    let stages = [AWSPENDING];
    call.parameters.texts("versionStages", stages.into_iter());
    let response = json!({
        "arn": secret.arn(), "name": secret.name, "versionId": version_id, "versionStages": stages,
    });
    call.response = Some(response.to_string().into_bytes());
    call
}

/// That a version becomes the current one; `secret` is as it was before.
pub(super) fn promoted(secret: &Secret, version_id: &str, records: &Records<'_>) {
    let mut call = of_secret(UpdateSecretVersionStage::NAME, false, secret);
    call.parameters.text("versionStage", AWSCURRENT);
    if let Some(current) = secret.labels.holder(AWSCURRENT) {
        call.parameters.text("removeFromVersionId", current);
    }
    call.parameters.text("moveToVersionId", version_id);
    let response = json!({"arn": secret.arn(), "name": secret.name});
    call.response = Some(response.to_string().into_bytes());
    records.tell(|told| told.calls.push(call));
}

/// That a user got an access key.
pub(super) fn access_key_made(user: &User, id: &str, by: &Caller, records: &Records<'_>) {
    let mut call = of_user("CreateAccessKey", user, by);
    let key = json!({"userName": user.name, "accessKeyId": id, "status": "Active"});
    call.response = Some(json!({ "accessKey": key }).to_string().into_bytes());
    records.tell(|told| told.calls.push(call));
}

/// That a user lost one.
pub(super) fn access_key_removed(user: &User, id: &str, by: &Caller, records: &Records<'_>) {
    let mut call = of_user("DeleteAccessKey", user, by);
    call.parameters.text("accessKeyId", id);
    records.tell(|told| told.calls.push(call));
}

fn of_secret(operation: &'static str, read_only: bool, secret: &Secret) -> ServiceCall {
    let mut call = by_service(name::SECRETS_MANAGER, operation, read_only);
    let arn = secret.arn();
    call.parameters.text("secretId", &arn);
    call.resources.extend(Resource::by_arn(&arn));
    call
}

fn of_user(operation: &'static str, user: &User, by: &Caller) -> ServiceCall {
    let mut call = by_service(name::IAM, operation, false);
    call.parameters.text("userName", &user.name);
    call.resources.extend(Resource::by_arn(&user.arn(by)));
    call
}

fn by_service(source: &'static str, operation: &'static str, read_only: bool) -> ServiceCall {
    ServiceCall {
        invoked_by: Some(name::SECRETS_MANAGER),
        ..ServiceCall::of(source, operation, read_only)
    }
}
