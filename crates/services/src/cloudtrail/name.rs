//! How CloudTrail names what the services name otherwise: events, errors, versions of an interface, and services.

use std::borrow::Cow;

/// The service that speaks for secrets.
pub const SECRETS_MANAGER: &str = "secretsmanager.amazonaws.com";
/// The service that speaks for keys.
pub const KMS: &str = "kms.amazonaws.com";
/// The service that speaks for identities.
pub const IAM: &str = "iam.amazonaws.com";
/// The service that gives out sessions.
pub const STS: &str = "sts.amazonaws.com";
/// The service that tells of all this.
pub const CLOUDTRAIL: &str = "cloudtrail.amazonaws.com";
/// The service that runs functions.
pub const LAMBDA: &str = "lambda.amazonaws.com";

/// An operation's name in its events.
///
/// Source: AWS Lambda Developer Guide, Logging AWS Lambda API calls using AWS CloudTrail.
pub fn event_name<'a>(source: &str, operation: &'a str) -> &'a str {
    if source != LAMBDA {
        return operation;
    }
    match LAMBDA_NAMES.binary_search_by_key(&operation, |(plain, _)| plain) {
        Ok(at) => LAMBDA_NAMES[at].1,
        Err(_) => operation,
    }
}

/// Lambda's carry the version of its interface in which they last changed.
const LAMBDA_NAMES: &[(&str, &str)] = &[
    ("AddPermission", "AddPermission20150331v2"),
    ("CreateAlias", "CreateAlias20150331"),
    ("CreateFunction", "CreateFunction20150331"),
    ("DeleteAlias", "DeleteAlias20150331"),
    ("DeleteFunction", "DeleteFunction20150331"),
    ("GetAlias", "GetAlias20150331"),
    ("GetFunction", "GetFunction20150331v2"),
    (
        "GetFunctionConfiguration",
        "GetFunctionConfiguration20150331v2",
    ),
    ("GetPolicy", "GetPolicy20150331v2"),
    ("ListAliases", "ListAliases20150331"),
    ("ListFunctions", "ListFunctions20150331"),
    ("ListTags", "ListTags20170331"),
    ("ListVersionsByFunction", "ListVersionsByFunction20150331"),
    ("PublishVersion", "PublishVersion20150331"),
    ("RemovePermission", "RemovePermission20150331v2"),
    ("TagResource", "TagResource20170331v2"),
    ("UntagResource", "UntagResource20170331v2"),
    ("UpdateAlias", "UpdateAlias20150331"),
    ("UpdateFunctionCode", "UpdateFunctionCode20150331v2"),
    (
        "UpdateFunctionConfiguration",
        "UpdateFunctionConfiguration20150331v2",
    ),
];

/// A service by its name in credential scopes.
pub fn of_signing_name(service: &str) -> Option<&'static str> {
    match service {
        "secretsmanager" => Some(SECRETS_MANAGER),
        "kms" => Some(KMS),
        "iam" => Some(IAM),
        "sts" => Some(STS),
        "lambda" => Some(LAMBDA),
        _ => None,
    }
}

/// Whether a call is a data event: one of what a resource is for, not of its management.
pub fn is_data_event(source: &str, operation: &str) -> bool {
    source == LAMBDA && operation == "Invoke"
}

/// An error's code in events: those of denials have no "Exception" at their end; those of IAM and STS, which the query
/// protocol shortens, have the names of the model's shapes.
///
/// Source: reference/integrations.md §1.1, "Failures"; the services' models (botocore, iam 2010-05-08, sts 2011-06-15).
pub fn error_code<'a>(source: &str, code: &'a str) -> Cow<'a, str> {
    match (source, code) {
        (_, "AccessDeniedException") => Cow::Borrowed("AccessDenied"),
        (IAM, "NotSupportedService") => Cow::Borrowed("ServiceNotSupportedException"),
        (IAM, "ReportExpired" | "ReportNotPresent") => {
            Cow::Owned(format!("Credential{code}Exception"))
        }
        (IAM, "ReportInProgress") => Cow::Borrowed("CredentialReportNotReadyException"),
        (IAM | STS, code) if SHORTENED.contains(&code) => Cow::Owned(format!("{code}Exception")),
        (_, code) => Cow::Borrowed(code),
    }
}

/// Codes that are shapes' names without "Exception".
const SHORTENED: &[&str] = &[
    "ConcurrentModification",
    "DeleteConflict",
    "EntityAlreadyExists",
    "EntityTemporarilyUnmodifiable",
    "IDPCommunicationError",
    "IDPRejectedClaim",
    "InvalidAuthenticationCode",
    "InvalidIdentityToken",
    "InvalidInput",
    "LimitExceeded",
    "MalformedPolicyDocument",
    "NoSuchEntity",
    "OpenIdIdpCommunicationError",
    "PackedPolicyTooLarge",
    "PolicyEvaluation",
    "PolicyNotAttachable",
    "ServiceFailure",
    "UnmodifiableEntity",
];

/// The version of a service's interface, where its events give one: Lambda's, which an event's name ends with.
pub fn api_version(source: &str, event_name: &str) -> Option<String> {
    if source != LAMBDA {
        return None;
    }
    let digits = event_name.trim_start_matches(|each: char| !each.is_ascii_digit());
    match (digits.get(..4), digits.get(4..6), digits.get(6..8)) {
        (Some(year), Some(month), Some(day)) => Some(format!("{year}-{month}-{day}")),
        _ => Some("2015-03-31".to_owned()),
    }
}
