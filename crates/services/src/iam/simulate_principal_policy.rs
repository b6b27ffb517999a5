//! SimulatePrincipalPolicy: what the policies of a user, a group or a role would decide.
//!
//! Source: AWS IAM API Reference, SimulatePrincipalPolicy; the rule is in `simulation.rs`.

use super::listing::{self, Listed};
use super::policy_source::{self, PolicySource};
use super::refusals;
use super::simulation::{self, EvaluationResult, Scenario};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::paging::PageRequest;
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct SimulatePrincipalPolicy {
    source: PolicySource,
    scenario: Scenario,
    page: PageRequest,
}

impl Operation for SimulatePrincipalPolicy {
    const NAME: &'static str = "SimulatePrincipalPolicy";
    const WALKS: bool = true;
    type Output = Listed<EvaluationResult>;

    fn read(members: &mut Members<'_, '_>) -> Self {
        let source = policy_source::take(members);
        let scenario = Scenario::read(members);
        if scenario.asks_for_caller() && !source.is_user() {
            members.object(simulation::caller_needed());
        }
        if members.is_there("PolicyExclusionList") {
            members.object(refusals::unsupported(
                "This version of Strongroom simulates all policies of a principal: leave out PolicyExclusionList, or give \
                 those that are to count to SimulateCustomPolicy.",
            ));
        }
        SimulatePrincipalPolicy {
            source,
            scenario,
            page: listing::take(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        self.source
            .needs("iam:SimulatePrincipalPolicy", caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Self::Output>, Stop> {
        let request = allowed.into_request();
        let standing = request.source.standing(given.caller, records)?;
        let list = format!("{} {}", Self::NAME, request.source.arn());
        let results = request.scenario.results(&standing, given.caller);
        let page = request.page.of_sorted(&list, given, results)?;
        Ok(Decided::answer(Listed::of("EvaluationResults", page)))
    }
}
