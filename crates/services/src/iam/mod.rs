//! AWS IAM: one file an operation, and the records that they share.
//!
//! Source: reference/kms-iam-sts.md §B; AWS Identity and Access Management API Reference.

pub(crate) mod access_key;
pub mod account_alias;
pub mod add_client_id_to_open_id_connect_provider;
pub mod add_role_to_instance_profile;
pub mod add_user_to_group;
pub mod attach_group_policy;
pub mod attach_managed_policy;
pub mod attach_role_policy;
pub mod attach_user_policy;
pub mod attachment;
pub mod aws_managed;
pub mod bound_policy;
pub mod create_access_key;
pub mod create_account_alias;
pub mod create_group;
pub mod create_instance_profile;
pub mod create_open_id_connect_provider;
pub mod create_policy;
pub mod create_policy_version;
pub mod create_role;
pub mod create_user;
pub mod create_virtual_mfa_device;
pub mod credential_report;
pub mod deactivate_mfa_device;
pub mod delete_access_key;
pub mod delete_account_alias;
pub mod delete_group;
pub mod delete_group_policy;
pub mod delete_inline_policy;
pub mod delete_instance_profile;
pub mod delete_login_profile;
pub mod delete_open_id_connect_provider;
pub mod delete_permissions_boundary;
pub mod delete_policy;
pub mod delete_policy_version;
pub mod delete_role;
pub mod delete_role_permissions_boundary;
pub mod delete_role_policy;
pub mod delete_user;
pub mod delete_user_permissions_boundary;
pub mod delete_user_policy;
pub mod delete_virtual_mfa_device;
pub mod detach_group_policy;
pub mod detach_managed_policy;
pub mod detach_role_policy;
pub mod detach_user_policy;
pub mod enable_mfa_device;
pub mod entity;
pub mod generate_credential_report;
pub mod get_access_key_last_used;
pub mod get_account_authorization_details;
pub mod get_account_summary;
pub mod get_context_keys_for_custom_policy;
pub mod get_context_keys_for_principal_policy;
pub mod get_credential_report;
pub mod get_group;
pub mod get_group_policy;
pub mod get_inline_policy;
pub mod get_instance_profile;
pub mod get_login_profile;
pub mod get_mfa_device;
pub mod get_open_id_connect_provider;
pub mod get_policy;
pub mod get_policy_version;
pub mod get_role;
pub mod get_role_policy;
pub mod get_user;
pub mod get_user_policy;
pub mod group;
pub mod identity_policy;
pub mod in_force;
pub mod instance_profile;
pub mod list_access_keys;
pub mod list_account_aliases;
pub mod list_attached_group_policies;
pub mod list_attached_policies;
pub mod list_attached_role_policies;
pub mod list_attached_user_policies;
pub mod list_entities;
pub mod list_entities_for_policy;
pub mod list_entity_tags;
pub mod list_group_policies;
pub mod list_groups;
pub mod list_groups_for_user;
pub mod list_inline_policies;
pub mod list_instance_profile_tags;
pub mod list_instance_profiles;
pub mod list_instance_profiles_for_role;
pub mod list_mfa_device_tags;
pub mod list_mfa_devices;
pub mod list_none_of_user;
pub mod list_open_id_connect_provider_tags;
pub mod list_open_id_connect_providers;
pub mod list_policies;
pub mod list_policy_tags;
pub mod list_policy_versions;
pub mod list_role_policies;
pub mod list_role_tags;
pub mod list_roles;
pub mod list_service_specific_credentials;
pub mod list_signing_certificates;
pub mod list_ssh_public_keys;
pub mod list_user_policies;
pub mod list_user_tags;
pub mod list_users;
pub mod list_virtual_mfa_devices;
mod listing;
pub mod managed_policy;
pub mod mfa_device;
pub mod no_login_profile;
pub mod oidc_provider;
mod policy_source;
pub(crate) mod principals;
pub mod put_group_policy;
pub mod put_inline_policy;
pub mod put_permissions_boundary;
pub mod put_role_permissions_boundary;
pub mod put_role_policy;
pub mod put_user_permissions_boundary;
pub mod put_user_policy;
mod quota;
mod refusals;
pub mod remove_client_id_from_open_id_connect_provider;
pub mod remove_role_from_instance_profile;
pub mod remove_user_from_group;
pub mod resync_mfa_device;
pub mod role;
pub mod set_default_policy_version;
pub mod shapes;
pub mod simulate_custom_policy;
pub mod simulate_principal_policy;
mod simulation;
pub mod tag_entity;
pub mod tag_instance_profile;
pub mod tag_mfa_device;
pub mod tag_open_id_connect_provider;
pub mod tag_policy;
pub mod tag_role;
pub mod tag_user;
pub mod unique_id;
pub mod untag_entity;
pub mod untag_instance_profile;
pub mod untag_mfa_device;
pub mod untag_open_id_connect_provider;
pub mod untag_policy;
pub mod untag_role;
pub mod untag_user;
pub mod update_access_key;
pub mod update_assume_role_policy;
pub mod update_group;
pub mod update_open_id_connect_provider_thumbprint;
pub mod update_role;
pub mod update_role_description;
pub mod update_user;
pub mod user;

use crate::operation::Entry;
use crate::refusal::Refusal;

/// Every operation that the service answers.
pub const OPERATIONS: &[Entry] = &[
    Entry::of_query::<add_client_id_to_open_id_connect_provider::AddClientIDToOpenIDConnectProvider>(
    ),
    Entry::of_query::<add_role_to_instance_profile::AddRoleToInstanceProfile>(),
    Entry::of_query::<add_user_to_group::AddUserToGroup>(),
    Entry::of_query::<attach_group_policy::AttachGroupPolicy>(),
    Entry::of_query::<attach_role_policy::AttachRolePolicy>(),
    Entry::of_query::<attach_user_policy::AttachUserPolicy>(),
    Entry::of_query::<create_access_key::CreateAccessKey>(),
    Entry::of_query::<create_account_alias::CreateAccountAlias>(),
    Entry::of_query::<create_group::CreateGroup>(),
    Entry::of_query::<create_instance_profile::CreateInstanceProfile>(),
    Entry::of_query::<create_open_id_connect_provider::CreateOpenIDConnectProvider>(),
    Entry::of_query::<create_policy::CreatePolicy>(),
    Entry::of_query::<create_policy_version::CreatePolicyVersion>(),
    Entry::of_query::<create_role::CreateRole>(),
    Entry::of_query::<create_user::CreateUser>(),
    Entry::of_query::<create_virtual_mfa_device::CreateVirtualMfaDevice>(),
    Entry::of_query::<deactivate_mfa_device::DeactivateMfaDevice>(),
    Entry::of_query::<delete_access_key::DeleteAccessKey>(),
    Entry::of_query::<delete_account_alias::DeleteAccountAlias>(),
    Entry::of_query::<delete_group::DeleteGroup>(),
    Entry::of_query::<delete_group_policy::DeleteGroupPolicy>(),
    Entry::of_query::<delete_instance_profile::DeleteInstanceProfile>(),
    Entry::of_query::<delete_login_profile::DeleteLoginProfile>(),
    Entry::of_query::<delete_open_id_connect_provider::DeleteOpenIDConnectProvider>(),
    Entry::of_query::<delete_policy::DeletePolicy>(),
    Entry::of_query::<delete_policy_version::DeletePolicyVersion>(),
    Entry::of_query::<delete_role::DeleteRole>(),
    Entry::of_query::<delete_role_permissions_boundary::DeleteRolePermissionsBoundary>(),
    Entry::of_query::<delete_role_policy::DeleteRolePolicy>(),
    Entry::of_query::<delete_user::DeleteUser>(),
    Entry::of_query::<delete_user_permissions_boundary::DeleteUserPermissionsBoundary>(),
    Entry::of_query::<delete_user_policy::DeleteUserPolicy>(),
    Entry::of_query::<delete_virtual_mfa_device::DeleteVirtualMfaDevice>(),
    Entry::of_query::<detach_group_policy::DetachGroupPolicy>(),
    Entry::of_query::<detach_role_policy::DetachRolePolicy>(),
    Entry::of_query::<detach_user_policy::DetachUserPolicy>(),
    Entry::of_query::<enable_mfa_device::EnableMfaDevice>(),
    Entry::of_query::<generate_credential_report::GenerateCredentialReport>(),
    Entry::of_query::<get_access_key_last_used::GetAccessKeyLastUsed>(),
    Entry::of_query::<get_account_authorization_details::GetAccountAuthorizationDetails>(),
    Entry::of_query::<get_account_summary::GetAccountSummary>(),
    Entry::of_query::<get_context_keys_for_custom_policy::GetContextKeysForCustomPolicy>(),
    Entry::of_query::<get_context_keys_for_principal_policy::GetContextKeysForPrincipalPolicy>(),
    Entry::of_query::<get_credential_report::GetCredentialReport>(),
    Entry::of_query::<get_group::GetGroup>(),
    Entry::of_query::<get_group_policy::GetGroupPolicy>(),
    Entry::of_query::<get_instance_profile::GetInstanceProfile>(),
    Entry::of_query::<get_login_profile::GetLoginProfile>(),
    Entry::of_query::<get_mfa_device::GetMfaDevice>(),
    Entry::of_query::<get_open_id_connect_provider::GetOpenIDConnectProvider>(),
    Entry::of_query::<get_policy::GetPolicy>(),
    Entry::of_query::<get_policy_version::GetPolicyVersion>(),
    Entry::of_query::<get_role::GetRole>(),
    Entry::of_query::<get_role_policy::GetRolePolicy>(),
    Entry::of_query::<get_user::GetUser>(),
    Entry::of_query::<get_user_policy::GetUserPolicy>(),
    Entry::of_query::<list_access_keys::ListAccessKeys>(),
    Entry::of_query::<list_account_aliases::ListAccountAliases>(),
    Entry::of_query::<list_attached_group_policies::ListAttachedGroupPolicies>(),
    Entry::of_query::<list_attached_role_policies::ListAttachedRolePolicies>(),
    Entry::of_query::<list_attached_user_policies::ListAttachedUserPolicies>(),
    Entry::of_query::<list_entities_for_policy::ListEntitiesForPolicy>(),
    Entry::of_query::<list_group_policies::ListGroupPolicies>(),
    Entry::of_query::<list_groups::ListGroups>(),
    Entry::of_query::<list_groups_for_user::ListGroupsForUser>(),
    Entry::of_query::<list_instance_profile_tags::ListInstanceProfileTags>(),
    Entry::of_query::<list_instance_profiles::ListInstanceProfiles>(),
    Entry::of_query::<list_instance_profiles_for_role::ListInstanceProfilesForRole>(),
    Entry::of_query::<list_mfa_device_tags::ListMfaDeviceTags>(),
    Entry::of_query::<list_mfa_devices::ListMfaDevices>(),
    Entry::of_query::<list_open_id_connect_provider_tags::ListOpenIDConnectProviderTags>(),
    Entry::of_query::<list_open_id_connect_providers::ListOpenIDConnectProviders>(),
    Entry::of_query::<list_policies::ListPolicies>(),
    Entry::of_query::<list_policy_tags::ListPolicyTags>(),
    Entry::of_query::<list_policy_versions::ListPolicyVersions>(),
    Entry::of_query::<list_role_policies::ListRolePolicies>(),
    Entry::of_query::<list_role_tags::ListRoleTags>(),
    Entry::of_query::<list_roles::ListRoles>(),
    Entry::of_query::<list_service_specific_credentials::ListServiceSpecificCredentials>(),
    Entry::of_query::<list_signing_certificates::ListSigningCertificates>(),
    Entry::of_query::<list_ssh_public_keys::ListSSHPublicKeys>(),
    Entry::of_query::<list_user_policies::ListUserPolicies>(),
    Entry::of_query::<list_user_tags::ListUserTags>(),
    Entry::of_query::<list_users::ListUsers>(),
    Entry::of_query::<list_virtual_mfa_devices::ListVirtualMfaDevices>(),
    Entry::of_query::<put_group_policy::PutGroupPolicy>(),
    Entry::of_query::<put_role_permissions_boundary::PutRolePermissionsBoundary>(),
    Entry::of_query::<put_role_policy::PutRolePolicy>(),
    Entry::of_query::<put_user_permissions_boundary::PutUserPermissionsBoundary>(),
    Entry::of_query::<put_user_policy::PutUserPolicy>(),
    Entry::of_query::<
        remove_client_id_from_open_id_connect_provider::RemoveClientIDFromOpenIDConnectProvider,
    >(),
    Entry::of_query::<remove_role_from_instance_profile::RemoveRoleFromInstanceProfile>(),
    Entry::of_query::<remove_user_from_group::RemoveUserFromGroup>(),
    Entry::of_query::<resync_mfa_device::ResyncMfaDevice>(),
    Entry::of_query::<set_default_policy_version::SetDefaultPolicyVersion>(),
    Entry::of_query::<simulate_custom_policy::SimulateCustomPolicy>(),
    Entry::of_query::<simulate_principal_policy::SimulatePrincipalPolicy>(),
    Entry::of_query::<tag_instance_profile::TagInstanceProfile>(),
    Entry::of_query::<tag_mfa_device::TagMfaDevice>(),
    Entry::of_query::<tag_open_id_connect_provider::TagOpenIDConnectProvider>(),
    Entry::of_query::<tag_policy::TagPolicy>(),
    Entry::of_query::<tag_role::TagRole>(),
    Entry::of_query::<tag_user::TagUser>(),
    Entry::of_query::<untag_instance_profile::UntagInstanceProfile>(),
    Entry::of_query::<untag_mfa_device::UntagMfaDevice>(),
    Entry::of_query::<untag_open_id_connect_provider::UntagOpenIDConnectProvider>(),
    Entry::of_query::<untag_policy::UntagPolicy>(),
    Entry::of_query::<untag_role::UntagRole>(),
    Entry::of_query::<untag_user::UntagUser>(),
    Entry::of_query::<update_access_key::UpdateAccessKey>(),
    Entry::of_query::<update_assume_role_policy::UpdateAssumeRolePolicy>(),
    Entry::of_query::<update_group::UpdateGroup>(),
    Entry::of_query::<
        update_open_id_connect_provider_thumbprint::UpdateOpenIDConnectProviderThumbprint,
    >(),
    Entry::of_query::<update_role::UpdateRole>(),
    Entry::of_query::<update_role_description::UpdateRoleDescription>(),
    Entry::of_query::<update_user::UpdateUser>(),
];

/// What this deployment hasn't: each operation whose name says it is refused, with the reason. The first that fits
/// counts.
const ABSENT: &[(&[&str], &str)] = &[
    (
        &["LoginProfile", "ChangePassword", "PasswordPolicy"],
        "This version of Strongroom has no passwords for users. Nothing was changed; give the user an access key.",
    ),
    (
        &["ServiceLinkedRole"],
        "This version of Strongroom has no roles that are linked to a service: none of its services needs one. Nothing was \
         changed.",
    ),
    (
        &["AcquireRole", "RoleTemplate"],
        "This version of Strongroom has no templates of roles. Nothing was changed; make the role by CreateRole.",
    ),
    (
        &["UpdateOpenIDConnectProvider"],
        "This version of Strongroom doesn't map tokens to users of an IAM Identity Center. Nothing was changed.",
    ),
    (
        &["SAMLProvider"],
        "This version of Strongroom has no SAML providers. Nothing was changed; use an OpenID Connect provider.",
    ),
    (
        &[
            "ServiceLastAccessedDetails",
            "OrganizationsAccessReport",
            "ListPoliciesGrantingServiceAccess",
            "GetHumanReadableSummary",
        ],
        "This version of Strongroom makes no such reports.",
    ),
    (
        &[
            "Delegation",
            "Organizations",
            "OutboundWebIdentityFederation",
            "AccountProperties",
            "SetSecurityTokenServicePreferences",
        ],
        "This version of Strongroom has nothing that this would change. Nothing was changed.",
    ),
    (
        &[
            "SSHPublicKey",
            "SigningCertificate",
            "ServerCertificate",
            "ServiceSpecificCredential",
        ],
        "This version of Strongroom keeps no certificates, SSH keys and credentials for single services: it has none of the \
         services that use them. Nothing was changed.",
    ),
];

/// The refusal of an operation that AWS has and this deployment has not.
pub fn absent(operation: &str) -> Option<Refusal> {
    let fits = |parts: &[&str]| parts.iter().any(|part| operation.contains(part));
    ABSENT
        .iter()
        .find(|(parts, _)| fits(parts))
        .map(|(_, reason)| refusals::unsupported(reason))
}
