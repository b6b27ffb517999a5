//! AWS's managed policies, as far as they concern this product: facts of AWS's, compiled once.
//!
//! Each says all that AWS's says, but for ReadOnlyAccess, of which there is what concerns IAM, KMS, Lambda, Secrets
//! Manager and STS. AWS's reference tells instants to the minute and no ids: those of AWSSecretsManagerClientReadOnlyAccess
//! and SecretsManagerReadWrite are this product's own.
//!
//! Source: AWS Managed Policy Reference; the versions are as AWS's API showed them in 2026, ReadOnlyAccess' as of 2022.

use std::sync::LazyLock;

use super::identity_policy::IdentityPolicy;
use crate::caller::Caller;
use crate::time::Timestamp;

/// A policy that every account has and none can change.
#[derive(Debug)]
pub struct AwsManagedPolicy {
    /// Its name.
    pub name: &'static str,
    /// `/`, or `/…/`.
    pub path: &'static str,
    /// `ANPA…`
    pub id: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// The number of its only version here.
    pub version: u32,
    /// When AWS made it.
    pub created: Timestamp,
    /// When AWS made that version.
    pub updated: Timestamp,
    /// What it says.
    pub policy: IdentityPolicy,
}

impl AwsManagedPolicy {
    /// Its ARN, as a caller sees it.
    pub fn arn(&self, caller: &Caller) -> String {
        let partition = caller.region.partition();
        format!("arn:{partition}:iam::aws:policy{}{}", self.path, self.name)
    }
}

/// A policy as it stands in the table.
struct Row {
    name: &'static str,
    path: &'static str,
    id: &'static str,
    description: &'static str,
    version: u32,
    /// Seconds since 1970.
    created: i64,
    /// Seconds since 1970.
    updated: i64,
    text: &'static str,
}

/// In the order of their names in lower case.
const TABLE: &[Row] = &[
    Row {
        name: "AdministratorAccess",
        path: "/",
        id: "ANPAIWMBCKSKIEE64ZLYK",
        description: "Provides full access to AWS services and resources.",
        version: 1,
        created: 1_423_247_986,
        updated: 1_423_247_986,
        text: include_str!("aws_managed/AdministratorAccess.json"),
    },
    Row {
        name: "AWSDenyAll",
        path: "/",
        id: "ANPAZKAPJZG4P43IUQ5E5",
        description: "Deny all access.",
        version: 2,
        created: 1_556_750_160,
        updated: 1_702_917_725,
        text: include_str!("aws_managed/AWSDenyAll.json"),
    },
    Row {
        name: "AWSKeyManagementServicePowerUser",
        path: "/",
        id: "ANPAJNPP7PPPPMJRV2SA4",
        description: "Provides access to AWS Key Management Service (KMS).",
        version: 2,
        created: 1_423_248_040,
        updated: 1_488_848_111,
        text: include_str!("aws_managed/AWSKeyManagementServicePowerUser.json"),
    },
    Row {
        name: "AWSLambdaBasicExecutionRole",
        path: "/service-role/",
        id: "ANPAJNCQGXC42545SKXIK",
        description: "Provides write permissions to CloudWatch Logs.",
        version: 1,
        created: 1_428_591_823,
        updated: 1_428_591_823,
        text: include_str!("aws_managed/AWSLambdaBasicExecutionRole.json"),
    },
    Row {
        name: "AWSSecretsManagerClientReadOnlyAccess",
        path: "/",
        id: "ANPASECRETSCLIENTREAD",
        description: "Provides access to retrieve and describe secrets from Secrets Manager. This policy also allows decrypting KMS keys for Secrets Manager secrets.",
        version: 3,
        created: 1_762_373_040,
        updated: 1_770_919_242,
        text: include_str!("aws_managed/AWSSecretsManagerClientReadOnlyAccess.json"),
    },
    Row {
        name: "IAMFullAccess",
        path: "/",
        id: "ANPAI7XKCFMBPM3QQRRVQ",
        description: "Provides full access to IAM via the AWS Management Console.",
        version: 2,
        created: 1_423_248_038,
        updated: 1_561_146_000,
        text: include_str!("aws_managed/IAMFullAccess.json"),
    },
    Row {
        name: "IAMReadOnlyAccess",
        path: "/",
        id: "ANPAJKSO7NDY4T57MWDSQ",
        description: "Provides read only access to IAM via the AWS Management Console.",
        version: 4,
        created: 1_423_248_039,
        updated: 1_516_907_487,
        text: include_str!("aws_managed/IAMReadOnlyAccess.json"),
    },
    Row {
        name: "PowerUserAccess",
        path: "/",
        id: "ANPAJYRXTHIB4FOVS3ZXS",
        description: "Provides full access to AWS services and resources, but does not allow management of Users and groups.",
        version: 12,
        created: 1_423_247_987,
        updated: 1_770_919_154,
        text: include_str!("aws_managed/PowerUserAccess.json"),
    },
    Row {
        name: "ReadOnlyAccess",
        path: "/",
        id: "ANPAILL3HVNFSB6DCOWYQ",
        description: "Provides read-only access to AWS services and resources.",
        version: 87,
        created: 1_423_247_988,
        updated: 1_653_336_978,
        text: include_str!("aws_managed/ReadOnlyAccess.json"),
    },
    Row {
        name: "SecretsManagerReadWrite",
        path: "/",
        id: "ANPASECRETSREADWRITEX",
        description: "Provides read/write access to AWS Secrets Manager via the AWS Management Console. Note: this exludes IAM actions, so combine with IAMFullAccess if rotation configuration is required.",
        version: 6,
        created: 1_522_865_100,
        updated: 1_787_701_030,
        text: include_str!("aws_managed/SecretsManagerReadWrite.json"),
    },
];

/// All of them that are here, in the order of their names in lower case.
pub fn all() -> &'static [AwsManagedPolicy] {
    static ALL: LazyLock<Vec<AwsManagedPolicy>> =
        LazyLock::new(|| TABLE.iter().filter_map(compiled).collect());
    &ALL
}

/// The one of a name, in whatever letter case.
pub fn find(name: &str) -> Option<&'static AwsManagedPolicy> {
    all()
        .iter()
        .find(|policy| policy.name.eq_ignore_ascii_case(name))
}

fn compiled(row: &Row) -> Option<AwsManagedPolicy> {
    Some(AwsManagedPolicy {
        name: row.name,
        path: row.path,
        id: row.id,
        description: row.description,
        version: row.version,
        created: Timestamp::from_milliseconds(row.created * 1000),
        updated: Timestamp::from_milliseconds(row.updated * 1000),
        policy: IdentityPolicy::checked(row.text.trim_end().to_owned()).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_of_aws_compiles_and_stands_in_order() {
        assert_eq!(all().len(), TABLE.len());
        assert!(all().is_sorted_by_key(|policy| policy.name.to_ascii_lowercase()));
    }
}
