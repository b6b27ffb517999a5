//! SimulateCustomPolicy: what policies that are given as texts would decide.
//!
//! Source: AWS IAM API Reference, SimulateCustomPolicy; the rule is in `simulation.rs`.

use std::borrow::Cow;

use super::listing::{self, Listed};
use super::simulation::{self, EvaluationResult, Scenario, Source, Standing};
use crate::caller::Caller;
use crate::gate::{Authorized, Guard, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::paging::PageRequest;
use crate::records::Records;
use crate::refusal::Stop;

/// Levels of an organization. Source: the model, `OrganizationPolicyListType`.
const LEVELS_MAX: usize = 7;

/// The request.
pub struct SimulateCustomPolicy {
    scenario: Scenario,
    control: Vec<Vec<Source>>,
    page: PageRequest,
}

impl Operation for SimulateCustomPolicy {
    const NAME: &'static str = "SimulateCustomPolicy";
    const WALKS: bool = true;
    type Output = Listed<EvaluationResult>;

    fn read(members: &mut Members<'_, '_>) -> Self {
        members.require("PolicyInputList");
        let levels = "OrderedOrganizationPolicyInputList";
        let control = members.structures(levels, 0..=LEVELS_MAX, |level| {
            simulation::policies("ServiceControlPolicyInputList", level)
        });
        let scenario = Scenario::read(members);
        if scenario.asks_for_caller() {
            members.object(simulation::caller_needed());
        }
        SimulateCustomPolicy {
            scenario,
            control: control.unwrap_or_default(),
            page: listing::take(members),
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        Ok(vec![Need {
            action: "iam:SimulateCustomPolicy",
            owner: Cow::Borrowed(&caller.account),
            shown: None,
            guard: Guard::Account,
        }])
    }

    fn decide(
        allowed: Authorized<Self>,
        _: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Self::Output>, Stop> {
        let request = allowed.into_request();
        let standing = Standing {
            control: request.control,
            ..Standing::default()
        };
        let results = request.scenario.results(&standing, given.caller);
        let page = request.page.of_sorted(Self::NAME, given, results)?;
        Ok(Decided::answer(Listed::of("EvaluationResults", page)))
    }
}
