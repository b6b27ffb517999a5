//! GetAccountSummary: how much of what the caller's account has, and may have.
//!
//! Source: AWS IAM API Reference, GetAccountSummary; IAM User Guide, IAM and AWS STS quotas.

use std::ops::ControlFlow;

use serde::Serialize;

use super::access_key::ACCESS_KEYS_MAX;
use super::add_user_to_group::GROUPS_MAX as GROUPS_OF_USER_MAX;
use super::attachment::ATTACHED_MAX;
use super::create_group::GROUPS_MAX;
use super::create_instance_profile::INSTANCE_PROFILES_MAX;
use super::create_policy::POLICIES_MAX;
use super::create_role::ROLES_MAX;
use super::create_user::USERS_MAX;
use super::entity::Identity;
use super::group::Group;
use super::managed_policy::{ManagedPolicy, SIZE_MAX, VERSIONS_MAX};
use super::mfa_device::MfaDevice;
use super::role::{Role, TRUST_MAX};
use super::user::User;
use super::{account_alias, quota};
use crate::accounts::Account;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Key, Records};
use crate::refusal::Stop;

/// Versions of all managed policies of an account together. No limit but AWS's word for one that is never reached.
const VERSIONS_IN_USE_MAX: usize = 10_000;
/// What AWS allows of what there is none of here.
const SERVER_CERTIFICATES_MAX: usize = 20;
const SIGNING_CERTIFICATES_MAX: usize = 2;

/// The request.
pub struct GetAccountSummary;

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AccountSummary {
    summary_map: SummaryMap,
}

#[derive(Serialize)]
struct SummaryMap {
    entry: Vec<SummaryEntry>,
}

#[derive(Serialize)]
struct SummaryEntry {
    key: &'static str,
    value: usize,
}

impl Operation for GetAccountSummary {
    const NAME: &'static str = "GetAccountSummary";
    const WALKS: bool = true;
    type Output = AccountSummary;

    fn read(_: &mut Members<'_, '_>) -> Self {
        GetAccountSummary
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        Ok(vec![account_alias::need("iam:GetAccountSummary", caller)])
    }

    fn decide(
        _: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<AccountSummary>, Stop> {
        let account = &given.caller.account;
        let count = |all: Key| quota::count(&all, records);
        let mut versions = 0;
        let policies = Key::iam_policies(account);
        records.scan::<ManagedPolicy>(policies.as_bytes(), &policies.end(), false, |policy| {
            versions += policy.versions.len();
            ControlFlow::Continue(())
        })?;
        let (mut devices, mut devices_in_use) = (0, 0);
        let all = Key::iam_mfa_devices(account);
        records.scan::<MfaDevice>(all.as_bytes(), &all.end(), false, |device| {
            devices += 1;
            devices_in_use += usize::from(device.enabled.is_some());
            ControlFlow::Continue(())
        })?;
        let root = records.read::<Account>(Key::account(account))?;
        let has_keys = root.is_some_and(|root| !root.root_access_key_ids.is_empty());
        let numbers = [
            ("Users", count(Key::iam_users(account))?),
            ("UsersQuota", USERS_MAX),
            ("Groups", count(Key::iam_group_names(account))?),
            ("GroupsQuota", GROUPS_MAX),
            ("GroupsPerUserQuota", GROUPS_OF_USER_MAX),
            ("Roles", count(Key::iam_roles(account))?),
            ("RolesQuota", ROLES_MAX),
            ("Policies", count(policies)?),
            ("PoliciesQuota", POLICIES_MAX),
            ("PolicySizeQuota", SIZE_MAX),
            ("PolicyVersionsInUse", versions),
            ("PolicyVersionsInUseQuota", VERSIONS_IN_USE_MAX),
            ("VersionsPerPolicyQuota", VERSIONS_MAX),
            ("UserPolicySizeQuota", User::INLINE_MAX),
            ("GroupPolicySizeQuota", Group::INLINE_MAX),
            ("RolePolicySizeQuota", Role::INLINE_MAX),
            ("AssumeRolePolicySizeQuota", TRUST_MAX),
            ("AttachedPoliciesPerUserQuota", ATTACHED_MAX),
            ("AttachedPoliciesPerGroupQuota", ATTACHED_MAX),
            ("AttachedPoliciesPerRoleQuota", ATTACHED_MAX),
            ("AccessKeysPerUserQuota", ACCESS_KEYS_MAX),
            (
                "InstanceProfiles",
                count(Key::iam_instance_profiles(account))?,
            ),
            ("InstanceProfilesQuota", INSTANCE_PROFILES_MAX),
            ("Providers", count(Key::iam_oidc_providers(account))?),
            ("AccountAccessKeysPresent", usize::from(has_keys)),
            ("AccountMFAEnabled", 0),
            ("AccountPasswordPresent", 0),
            ("AccountSigningCertificatesPresent", 0),
            ("MFADevices", devices),
            ("MFADevicesInUse", devices_in_use),
            ("ServerCertificates", 0),
            ("ServerCertificatesQuota", SERVER_CERTIFICATES_MAX),
            ("SigningCertificatesPerUserQuota", SIGNING_CERTIFICATES_MAX),
            ("GlobalEndpointTokenVersion", 1),
        ];
        let entries = numbers.map(|(key, value)| SummaryEntry { key, value });
        Ok(Decided::answer(AccountSummary {
            summary_map: SummaryMap {
                entry: entries.into(),
            },
        }))
    }
}
