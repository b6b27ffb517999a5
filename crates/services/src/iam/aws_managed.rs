//! AWS's managed policies, as far as they concern this product: facts of AWS's, compiled once.
//!
//! Source: AWS Managed Policy Reference.

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
    /// When AWS made its version.
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

/// In the order of their names.
const TABLE: &[Row] = &[Row {
    name: "AdministratorAccess",
    path: "/",
    id: "ANPAIWMBCKSKIEE64ZLYK",
    description: "Provides full access to AWS services and resources.",
    version: 1,
    created: 1_423_247_986,
    updated: 1_423_247_986,
    text: r#"{
  "Version" : "2012-10-17",
  "Statement" : [
    {
      "Effect" : "Allow",
      "Action" : "*",
      "Resource" : "*"
    }
  ]
}"#,
}];

/// All of them that are here, in the order of their names.
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
        policy: IdentityPolicy::checked(row.text.to_owned()).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_of_aws_compiles_and_stands_in_order() {
        assert_eq!(all().len(), TABLE.len());
        assert!(all().is_sorted_by_key(|policy| policy.name));
    }
}
