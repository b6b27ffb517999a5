//! AWS Lambda, as far as rotation functions need it: one file an operation, and the records that they share.
//!
//! Source: AWS Lambda API Reference; botocore's model (lambda 2015-03-31); reference/rotation.md §2.4.

pub mod add_permission;
mod alias;
pub mod code;
pub mod create_alias;
pub mod create_function;
pub mod delete_alias;
pub mod delete_function;
pub mod elsewhere;
pub mod environment;
pub mod execution_role;
pub mod function;
pub mod function_arn;
pub mod get_alias;
pub mod get_function;
pub mod get_function_configuration;
pub mod get_policy;
pub mod invoke;
pub mod invoke_permission;
pub mod list_aliases;
pub mod list_functions;
pub mod list_tags;
pub mod list_versions_by_function;
mod name;
mod package;
mod permission;
pub mod publish_version;
mod refusals;
pub mod remove_permission;
pub mod renewal;
mod shapes;
pub mod tag_resource;
mod tagged;
mod tags;
pub mod untag_resource;
pub mod update_alias;
pub mod update_function_code;
pub mod update_function_configuration;
mod version;

pub(crate) use name::need;

use crate::operation::Entry;
use crate::refusal::Refusal;

/// Every operation that the service answers.
pub const OPERATIONS: &[Entry] = &[
    Entry::of::<add_permission::AddPermission>(),
    Entry::of::<create_alias::CreateAlias>(),
    Entry::of::<create_function::CreateFunction>(),
    Entry::of::<delete_alias::DeleteAlias>(),
    Entry::of::<delete_function::DeleteFunction>(),
    Entry::of::<get_alias::GetAlias>(),
    Entry::of::<get_function::GetFunction>(),
    Entry::of::<get_function_configuration::GetFunctionConfiguration>(),
    Entry::of::<get_policy::GetPolicy>(),
    Entry::of::<invoke::Invoke>(),
    Entry::of::<list_aliases::ListAliases>(),
    Entry::of::<list_functions::ListFunctions>(),
    Entry::of::<list_tags::ListTags>(),
    Entry::of::<list_versions_by_function::ListVersionsByFunction>(),
    Entry::of::<publish_version::PublishVersion>(),
    Entry::of::<remove_permission::RemovePermission>(),
    Entry::of::<tag_resource::TagResource>(),
    Entry::of::<untag_resource::UntagResource>(),
    Entry::of::<update_alias::UpdateAlias>(),
    Entry::of::<update_function_code::UpdateFunctionCode>(),
    Entry::of::<update_function_configuration::UpdateFunctionConfiguration>(),
];

/// The refusal of a request that is one too many.
///
/// Source: AWS Lambda API Reference, `TooManyRequestsException`.
pub fn throttled() -> Refusal {
    Refusal::framework("TooManyRequestsException", "Rate exceeded")
}
