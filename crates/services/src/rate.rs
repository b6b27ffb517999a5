//! How often an account may ask: which operations share a rate, and whether a request is within it. Knows no
//! clock: instants are given.
//!
//! Source: AWS Secrets Manager User Guide, Quotas; reference/api.md §4; AWS KMS Developer Guide, Request quotas; AWS Lambda
//! Developer Guide, Lambda quotas, API requests; IAM and AWS STS quotas. Where AWS's figure depends on the region, the one that holds in most is taken. IAM has none that are
//! published.

use std::time::Duration;

use serde::Deserialize;

use crate::caller::Caller;
use crate::kms::name::{Accepts, KeyName, Named};
use crate::records::{Records, Source};

/// A rate that some operations share, in each account and region.
#[derive(Debug, PartialEq, Eq)]
pub struct Rate {
    /// The service's name in credential scopes.
    service: &'static str,
    /// The operations that count for it, together.
    operations: &'static [&'static str],
    /// Which of their requests.
    of: Of,
    /// Requests a second.
    pub per_second: u32,
}

/// Which requests count for a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    /// All.
    Any,
    /// Those that use a symmetric KMS key, be it for encryption or for HMACs, or no key at all.
    SymmetricKeys,
    /// Those that use an RSA key.
    RsaKeys,
    /// Those that use a key on an elliptic curve.
    CurveKeys,
    /// Those for a data key pair of a kind that starts so.
    Pairs(&'static str),
}

const fn rate(
    service: &'static str,
    per_second: u32,
    of: Of,
    operations: &'static [&'static str],
) -> Rate {
    Rate {
        service,
        operations,
        of,
        per_second,
    }
}

const fn cloudtrail(per_second: u32, operations: &'static [&'static str]) -> Rate {
    rate("cloudtrail", per_second, Of::Any, operations)
}

const fn secrets_manager(per_second: u32, operations: &'static [&'static str]) -> Rate {
    rate("secretsmanager", per_second, Of::Any, operations)
}

const fn kms(per_second: u32, operations: &'static [&'static str]) -> Rate {
    rate("kms", per_second, Of::Any, operations)
}

const fn pairs(per_second: u32, kind: &'static str) -> Rate {
    rate("kms", per_second, Of::Pairs(kind), KEY_PAIRS)
}

const fn lambda(per_second: u32, operations: &'static [&'static str]) -> Rate {
    rate("lambda", per_second, Of::Any, operations)
}

const KEY_PAIRS: &[&str] = &["GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"];

/// Every rate.
pub const RATES: &[Rate] = &[
    secrets_manager(10_000, &["GetSecretValue", "DescribeSecret"]),
    secrets_manager(100, &["BatchGetSecretValue"]),
    secrets_manager(100, &["ListSecrets"]),
    secrets_manager(
        50,
        &[
            "PutSecretValue",
            "UpdateSecret",
            "UpdateSecretVersionStage",
            "ReplicateSecretToRegions",
            "RemoveRegionsFromReplication",
            "StopReplicationToReplica",
        ],
    ),
    secrets_manager(
        50,
        &[
            "DeleteResourcePolicy",
            "GetResourcePolicy",
            "PutResourcePolicy",
            "ValidateResourcePolicy",
        ],
    ),
    secrets_manager(50, &["RotateSecret", "CancelRotateSecret"]),
    secrets_manager(50, &["TagResource", "UntagResource"]),
    secrets_manager(50, &["CreateSecret"]),
    secrets_manager(50, &["DeleteSecret"]),
    secrets_manager(50, &["RestoreSecret"]),
    secrets_manager(50, &["GetRandomPassword"]),
    secrets_manager(50, &["ListSecretVersionIds"]),
    rate(
        "kms",
        10_000,
        Of::SymmetricKeys,
        &[
            "Decrypt",
            "Encrypt",
            "GenerateDataKey",
            "GenerateDataKeyWithoutPlaintext",
            "GenerateMac",
            "GenerateRandom",
            "ReEncrypt",
            "VerifyMac",
            // With a key that is none they are refused, but not without limit.
            "Sign",
            "Verify",
        ],
    ),
    rate(
        "kms",
        1_000,
        Of::RsaKeys,
        &["Decrypt", "Encrypt", "ReEncrypt", "Sign", "Verify"],
    ),
    rate(
        "kms",
        1_000,
        Of::CurveKeys,
        &["Decrypt", "Encrypt", "ReEncrypt", "Sign", "Verify"],
    ),
    pairs(20, "RSA_2048"),
    pairs(4, "RSA_3072"),
    pairs(1, "RSA_4096"),
    pairs(100, ""),
    kms(5, &["CancelKeyDeletion"]),
    kms(5, &["CreateAlias"]),
    kms(50, &["CreateGrant"]),
    kms(5, &["CreateKey"]),
    kms(15, &["DeleteAlias"]),
    kms(15, &["DeleteImportedKeyMaterial"]),
    kms(2_000, &["DescribeKey"]),
    kms(5, &["DisableKey"]),
    kms(5, &["DisableKeyRotation"]),
    kms(5, &["EnableKey"]),
    kms(15, &["EnableKeyRotation"]),
    kms(1_000, &["GetKeyPolicy"]),
    kms(1_000, &["GetKeyRotationStatus"]),
    kms(1, &["GetParametersForImport"]),
    kms(2_000, &["GetPublicKey"]),
    kms(15, &["ImportKeyMaterial"]),
    kms(500, &["ListAliases"]),
    kms(100, &["ListGrants"]),
    kms(100, &["ListKeyPolicies"]),
    kms(100, &["ListKeyRotations"]),
    kms(500, &["ListKeys"]),
    kms(2_000, &["ListResourceTags"]),
    kms(100, &["ListRetirableGrants"]),
    kms(15, &["PutKeyPolicy"]),
    kms(50, &["RetireGrant"]),
    kms(50, &["RevokeGrant"]),
    kms(5, &["RotateKeyOnDemand"]),
    kms(15, &["ScheduleKeyDeletion"]),
    kms(10, &["TagResource"]),
    kms(5, &["UntagResource"]),
    kms(5, &["UpdateAlias"]),
    kms(5, &["UpdateKeyDescription"]),
    lambda(100, &["GetFunction"]),
    lambda(15, &["GetPolicy"]),
    lambda(
        15,
        &[
            "AddPermission",
            "CreateAlias",
            "CreateFunction",
            "DeleteAlias",
            "DeleteFunction",
            "GetAlias",
            "GetFunctionConfiguration",
            "ListAliases",
            "ListFunctions",
            "ListTags",
            "ListVersionsByFunction",
            "PublishVersion",
            "RemovePermission",
            "TagResource",
            "UntagResource",
            "UpdateAlias",
            "UpdateFunctionCode",
            "UpdateFunctionConfiguration",
        ],
    ),
    // LookupEvents: AWS CloudTrail API Reference. The others: AWS CloudTrail User Guide, Quotas.
    cloudtrail(2, &["LookupEvents"]),
    cloudtrail(
        10,
        &[
            "DescribeTrails",
            "GetEventSelectors",
            "GetTrail",
            "GetTrailStatus",
            "ListPublicKeys",
            "ListTags",
            "ListTrails",
        ],
    ),
    cloudtrail(
        1,
        &[
            "AddTags",
            "CreateTrail",
            "DeleteTrail",
            "PutEventSelectors",
            "RemoveTags",
            "StartLogging",
            "StopLogging",
            "UpdateTrail",
        ],
    ),
    rate(
        "sts",
        600,
        Of::Any,
        &[
            "AssumeRole",
            "DecodeAuthorizationMessage",
            "GetAccessKeyInfo",
            "GetCallerIdentity",
            "GetFederationToken",
            "GetSessionToken",
        ],
    ),
];

/// Which rate a request counts for, by its number; `None` where none is published. A request that can't be read counts
/// as one that names no key.
pub fn of(
    service: &str,
    operation: &str,
    request: &[u8],
    caller: &Caller,
    records: &dyn Source,
) -> Option<(usize, &'static Rate)> {
    let mut rates = RATES
        .iter()
        .enumerate()
        .filter(|(_, rate)| rate.service == service && rate.operations.contains(&operation));
    let first = rates.next()?;
    let used = match first.1.of {
        Of::Any => return Some(first),
        Of::Pairs(_) => Used::of_pair(request),
        _ => Used::of_key(request, caller, records),
    };
    std::iter::once(first)
        .chain(rates)
        .find(|(_, rate)| used.counts_for(rate.of))
}

/// What a cryptographic operation uses, as far as rates tell it apart.
struct Used {
    /// The spec of the key, or of the pair that is to be made.
    spec: Option<String>,
}

/// The members of a request that say which key it is about; ReEncrypt counts for the one that decrypts.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct About {
    #[serde(alias = "SourceKeyId")]
    key_id: Option<String>,
    key_pair_spec: Option<String>,
}

impl Used {
    fn of_pair(request: &[u8]) -> Self {
        let about: About = serde_json::from_slice(request).unwrap_or_default();
        Used {
            spec: about.key_pair_spec,
        }
    }

    fn of_key(request: &[u8], caller: &Caller, records: &dyn Source) -> Self {
        let about: About = serde_json::from_slice(request).unwrap_or_default();
        let named = about.key_id.and_then(|given| {
            let name = KeyName::parse(given, Accepts::KeysAndAliases);
            let records = Records::of(records);
            name.resolve(&caller.account, &caller.region, &records).ok()
        });
        Used {
            spec: match named {
                Some(Named::Key(key)) => Some(key.spec.name().to_owned()),
                Some(Named::Absent { .. }) | None => None,
            },
        }
    }

    fn counts_for(&self, of: Of) -> bool {
        let spec = self.spec.as_deref().unwrap_or_default();
        match of {
            Of::Any => true,
            Of::RsaKeys => spec.starts_with("RSA"),
            Of::CurveKeys => spec.starts_with("ECC"),
            Of::SymmetricKeys => !spec.starts_with("RSA") && !spec.starts_with("ECC"),
            Of::Pairs(start) => spec.starts_with(start),
        }
    }
}

/// How long unused requests may be saved up: a second's worth at once is what a rate a second allows.
const SAVED_UP: Duration = Duration::from_secs(1);

/// Takes one request out of a rate, of which so many percent are in force; `None` where there is none left.
///
/// The state is one instant, that at which everything taken will have been earned; what is returned takes its
/// place. Instants are nanoseconds since whatever beginning.
pub fn take(earned_at: u64, now: u64, per_second: u32, percent: u32) -> Option<u64> {
    let hundredths_a_second = (u64::from(per_second) * u64::from(percent)).max(1);
    let each = (100 * NANOSECONDS / hundredths_a_second).max(1);
    let saved_up = u64::try_from(SAVED_UP.as_nanos()).unwrap_or(NANOSECONDS);
    let earned_at = earned_at.max(now).saturating_add(each);
    // Where one request takes longer than what may be saved up, it needs just itself.
    (earned_at <= now.saturating_add(saved_up.max(each))).then_some(earned_at)
}

const NANOSECONDS: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cloudtrail, iam, kms, lambda, secretsmanager, sts};

    /// How many of `offered` requests at regular intervals in so many seconds are within the rate.
    fn admitted(offered: u64, seconds: u64, per_second: u32, percent: u32) -> u64 {
        let mut earned_at = 0;
        (0..offered)
            .filter(|number| {
                let now = number * seconds * NANOSECONDS / offered;
                let taken = take(earned_at, now, per_second, percent);
                earned_at = taken.unwrap_or(earned_at);
                taken.is_some()
            })
            .count() as u64
    }

    #[test]
    fn every_operation_of_a_service_with_rates_counts_for_one_of_them() {
        let names = |entries: &[crate::operation::Entry]| {
            entries.iter().map(|entry| entry.name).collect::<Vec<_>>()
        };
        let rates_of = |service: &str, name: &str| {
            let mut found = RATES.iter();
            let found = found.by_ref().filter(|rate| rate.service == service);
            found.filter(|rate| rate.operations.contains(&name)).count()
        };
        let absent = secretsmanager::ABSENT_OPERATIONS
            .iter()
            .map(|(name, _)| *name);
        for name in names(secretsmanager::OPERATIONS).into_iter().chain(absent) {
            assert_eq!(rates_of("secretsmanager", name), 1, "{name}");
        }
        for name in names(cloudtrail::OPERATIONS) {
            assert_eq!(rates_of("cloudtrail", name), 1, "{name}");
        }
        for name in names(kms::OPERATIONS) {
            assert!(rates_of("kms", name) > 0, "{name}");
        }
        // What functions take is bounded by how many run at once.
        let invoked = |name: &&str| *name == "Invoke";
        for name in names(lambda::OPERATIONS)
            .into_iter()
            .filter(|name| !invoked(name))
        {
            assert_eq!(rates_of("lambda", name), 1, "{name}");
        }
        for name in names(iam::OPERATIONS) {
            assert_eq!(rates_of("iam", name), 0, "{name}");
        }
        for name in names(sts::OPERATIONS)
            .into_iter()
            .filter(|name| !name.contains("With"))
        {
            assert_eq!(rates_of("sts", name), 1, "{name}");
        }
    }

    #[test]
    fn a_rate_allows_what_it_says_each_second_and_one_second_saved_up() {
        for (offered, seconds, per_second, percent, expected) in [
            // Below and at the rate, all of them.
            (500, 10, 50, 100, 500),
            (100, 10, 50, 100, 100),
            // Above it: a second's worth at once, then the rate.
            (10_000, 10, 50, 100, 549),
            (10_000, 10, 50, 200, 1_099),
            (10_000, 10, 50, 10, 54),
            // Less than one a second.
            (10_000, 100, 50, 1, 50),
            (1_000_000, 2, 10_000, 100, 29_999),
        ] {
            assert_eq!(
                admitted(offered, seconds, per_second, percent),
                expected,
                "{offered} in {seconds} s at {percent} % of {per_second}"
            );
        }
    }

    #[test]
    fn who_was_refused_is_let_in_as_soon_as_one_request_was_earned() {
        let mut earned_at = 0;
        while let Some(taken) = take(earned_at, 0, 50, 100) {
            earned_at = taken;
        }
        let each = NANOSECONDS / 50;
        assert_eq!(take(earned_at, each - 1, 50, 100), None);
        assert!(take(earned_at, each, 50, 100).is_some());
    }
}
