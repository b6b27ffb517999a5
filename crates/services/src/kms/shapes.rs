//! Members that several operations share, with the model's constraints, and their readers.
//!
//! Source: the service's model (botocore, kms 2014-11-01).

use std::collections::BTreeMap;

use super::name::{Accepts, KeyName};
use crate::input::{Members, Text};

pub(super) const KEY_ID: Text = Text::of(1..=2048);
pub(super) const DESCRIPTION: Text = Text::of(0..=8192);
pub(super) const POLICY: Text = Text::of(1..=131_072);
pub(super) const MARKER: Text = Text::of(1..=1024);
const GRANT_TOKEN: Text = Text::of(1..=8192);

/// Takes the `KeyId` that names the operation's key.
pub(super) fn key_name(accepts: Accepts, members: &mut Members<'_, '_>) -> KeyName {
    KeyName::parse(members.required_text("KeyId", &KEY_ID), accepts)
}

/// Takes an encryption context.
pub(super) fn encryption_context(
    name: &str,
    members: &mut Members<'_, '_>,
) -> BTreeMap<String, String> {
    members.map(name).unwrap_or_default()
}

/// Takes the grant tokens of a request. Grants are in force at once here, so nothing depends on them.
pub(super) fn grant_tokens(members: &mut Members<'_, '_>) {
    members.texts("GrantTokens", 0..=10, &GRANT_TOKEN);
}
