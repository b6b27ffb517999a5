//! Operations on one trail, which the request names: what must be allowed, and which trail is meant, are the same for all.

use serde::Serialize;
use strongroom_policy::Context;

use super::named::Named;
use super::trail::Trail;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// What one of these operations has of its own: its request but for the trail, and its rule.
pub trait TrailRule: Sized + 'static {
    /// The operation's name.
    const NAME: &'static str;
    /// What the caller must be allowed to do with the trail.
    const ACTION: &'static str;
    /// The member that names the trail.
    const TRAIL: &'static str = "Name";
    /// The response's shape.
    type Output: Serialize;

    /// Takes the rest of the request out of its members.
    fn read(members: &mut Members<'_, '_>) -> Self;

    /// The rule. An operation that changes something gets a trail of the caller's region, others also one that is shown
    /// there.
    ///
    /// # Errors
    /// A refusal, or what keeps records from being read.
    fn decide(
        self,
        trail: &Trail,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Self::Output>, Stop>;
}

/// The request.
pub struct OnTrail<Rule> {
    trail: Named,
    rule: Rule,
}

impl<Rule: TrailRule> Operation for OnTrail<Rule> {
    const NAME: &'static str = Rule::NAME;
    type Output = Rule::Output;

    fn read(members: &mut Members<'_, '_>) -> Self {
        OnTrail {
            trail: Named::take(Rule::TRAIL, members),
            rule: Rule::read(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let need = self
            .trail
            .need(Rule::ACTION, Context::new(), caller, records)?;
        Ok(vec![need])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Rule::Output>, Stop> {
        let request = allowed.into_request();
        let trail = match Self::READ_ONLY {
            true => request.trail.find(records, given)?,
            false => request.trail.find_at_home(records, given)?,
        };
        request.rule.decide(&trail, records, given)
    }
}
