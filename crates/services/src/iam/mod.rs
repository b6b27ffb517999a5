//! AWS IAM: one file an operation, and the records that they share.
//!
//! Source: reference/kms-iam-sts.md §B; AWS Identity and Access Management API Reference.

use crate::operation::Entry;
use crate::refusal::Refusal;

/// Every operation that the service answers.
pub const OPERATIONS: &[Entry] = &[];

/// The refusal of an operation that AWS has and this deployment has not.
pub fn absent(_: &str) -> Option<Refusal> {
    None
}
