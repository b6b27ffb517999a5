//! AssumeRole: a session of a role, for whom the role's trust policy lets in.
//!
//! Source: AWS STS API Reference, AssumeRole.

use strongroom_policy::Context;

use super::refusals;
use super::role_session::{Attributes, RoleSession, Wanted, inherited};
use super::shapes::{self, EXTERNAL_ID, SOURCE_IDENTITY};
use crate::caller::{Caller, Principal};
use crate::gate::{Authorized, Need};
use crate::iam::shapes::{TAG_KEY, TAGS_MAX, tags_refused_by};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct AssumeRole {
    wanted: Wanted,
    attributes: Attributes,
    external_id: Option<String>,
}

impl Operation for AssumeRole {
    const NAME: &'static str = "AssumeRole";
    type Output = RoleSession;

    fn read(members: &mut Members<'_, '_>) -> Self {
        shapes::refuse_second_factor(members);
        if members.is_there("ProvidedContexts") {
            members.object(refusals::unsupported(CONTEXTS_ABSENT));
        }
        let transitive_tag_keys = members.texts("TransitiveTagKeys", 0..=TAGS_MAX, &TAG_KEY);
        let attributes = Attributes {
            tags: tags_refused_by(members, refusals::invalid_value),
            transitive_tag_keys: transitive_tag_keys.unwrap_or_default(),
            source_identity: members.text("SourceIdentity", &SOURCE_IDENTITY),
            federated_provider: None,
        };
        let is_passed = |key: &String| {
            let mut tags = attributes.tags.iter();
            tags.any(|tag| tag.key.eq_ignore_ascii_case(key))
        };
        if !attributes.transitive_tag_keys.iter().all(is_passed) {
            members.object(refusals::transitive_tag_not_passed());
        }
        AssumeRole {
            wanted: Wanted::read(members),
            attributes,
            external_id: members.text("ExternalId", &EXTERNAL_ID),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        if matches!(caller.principal, Principal::Root) {
            return Err(refusals::root_assumes_no_role().into());
        }
        let mut context = Context::new();
        if let Some(id) = &self.external_id {
            context.insert("sts:ExternalId", id.as_str());
        }
        // An inherited identity is set for the next session too.
        let earlier = inherited(caller).and_then(|earlier| earlier.source_identity.as_deref());
        if let (None, Some(identity)) = (&self.attributes.source_identity, earlier) {
            context.insert("sts:SourceIdentity", identity);
        }
        let (action, attributes) = ("sts:AssumeRole", &self.attributes);
        self.wanted
            .needs(action, attributes, context, caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<RoleSession>, Stop> {
        let AssumeRole {
            wanted, attributes, ..
        } = allowed.into_request();
        let session = wanted.begin(attributes, records, given)?;
        Ok(Decided::answer(session))
    }
}

const CONTEXTS_ABSENT: &str =
    "This version of Strongroom knows no context providers: leave out ProvidedContexts.";
