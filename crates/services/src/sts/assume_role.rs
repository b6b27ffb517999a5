//! AssumeRole: a session of a role, for whom the role's trust policy lets in.
//!
//! Source: AWS STS API Reference, AssumeRole.

use std::time::Duration;

use strongroom_policy::Context;

use super::refusals;
use super::role_session::{Attributes, RoleSession, Wanted, inherited};
use super::shapes::{EXTERNAL_ID, SOURCE_IDENTITY, SecondFactor};
use crate::caller::{Caller, Principal};
use crate::cloudtrail::elements;
use crate::gate::{Authorized, Need};
use crate::iam::in_force::add_second_factor;
use crate::iam::shapes::{TAG_KEY, TAGS_MAX, tags_refused_by};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct AssumeRole {
    wanted: Wanted,
    attributes: Attributes,
    second_factor: Option<SecondFactor>,
    external_id: Option<String>,
}

impl Operation for AssumeRole {
    const NAME: &'static str = "AssumeRole";
    const READ_ONLY: bool = true;
    type Output = RoleSession;

    fn read(members: &mut Members<'_, '_>) -> Self {
        let second_factor = SecondFactor::take(members);
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
            second_factor,
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
        if self.second_factor.is_some() {
            // That the code is right is seen to before anything is given for it.
            add_second_factor(Duration::ZERO, &mut context);
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
            wanted,
            attributes,
            second_factor,
            ..
        } = allowed.into_request();
        let mut changes = Changes::none();
        if let Some(second_factor) = &second_factor
            && let Some(refusal) = second_factor.refused(records, given, &mut changes)?
        {
            return Ok(Decided::refuse(changes, refusal));
        }
        let authenticated = second_factor.map(|_| given.now);
        let session = wanted.begin(attributes, authenticated, records, given)?;
        Ok(Decided::change(changes, session))
    }

    /// Whose credentials were given out is told, although nothing was changed.
    ///
    /// Source: AWS IAM User Guide, Logging IAM and AWS STS API calls with AWS CloudTrail.
    fn tell(output: &Self::Output) -> Option<Vec<u8>> {
        elements::of(output)
    }
}

const CONTEXTS_ABSENT: &str =
    "This version of Strongroom knows no context providers: leave out ProvidedContexts.";
