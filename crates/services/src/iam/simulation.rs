//! What the simulations of policies share: what is simulated, how it is decided, and how the outcome is shown. The gate's
//! own evaluator decides; no resource's real policy is read, as with AWS.
//!
//! Source: AWS IAM API Reference, SimulateCustomPolicy, SimulatePrincipalPolicy and EvaluationResult; what a statement's
//! source and position look like from the AWS CLI's documented examples and from experience.

use std::collections::BTreeSet;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use strongroom_policy::{
    self as policy, Context, Decision, Document, Effect, Kind, Mismatch, Policies, PolicyType,
    Request, Statement, Verdict, explain_type,
};

use super::refusals;
use super::shapes::POLICY_DOCUMENT;
use crate::caller::{AccountId, Caller};
use crate::input::{Members, Text};
use crate::refusal::Refusal;

const ACTION_NAME: Text = Text::of(3..=128);
const RESOURCE_NAME: Text = Text::of(1..=2048);
const KEY_NAME: Text = Text::of(5..=256);
const KEY_VALUE: Text = Text::of(0..=2048);
const KEY_TYPE: Text = Text::one_of(&[
    "string",
    "stringList",
    "numeric",
    "numericList",
    "boolean",
    "booleanList",
    "ip",
    "ipList",
    "binary",
    "binaryList",
    "date",
    "dateList",
]);
/// What AWS calls the type of a policy that speaks for a caller, whatever the model says, and of a resource's.
const IAM_POLICY: &str = "IAM Policy";
const RESOURCE_POLICY: &str = "Resource Policy";

/// A policy that has a say, and what answers call it.
pub(super) struct Source {
    pub(super) id: String,
    pub(super) text: String,
    pub(super) document: Document,
}

/// What a request wants simulated, whoever is asked about.
pub(super) struct Scenario {
    policies: Vec<Source>,
    boundary: Vec<Source>,
    resource: Option<Source>,
    actions: Vec<String>,
    resources: Vec<String>,
    owner: Option<String>,
    caller: Option<String>,
    context: Vec<(String, Vec<String>)>,
}

/// Takes the `PolicyInputList` of a request, or another list of policies.
pub(super) fn policies(name: &str, members: &mut Members<'_, '_>) -> Vec<Source> {
    let texts = members.texts(name, 0..=usize::MAX, &POLICY_DOCUMENT);
    let texts = texts.unwrap_or_default().into_iter().enumerate();
    let sources = texts.filter_map(|(at, text)| {
        source(format!("{name}.{}", at + 1), text, Kind::Identity, members)
    });
    sources.collect()
}

fn source(id: String, text: String, kind: Kind, members: &mut Members<'_, '_>) -> Option<Source> {
    match Document::parse(&text, kind) {
        Ok(document) => Some(Source { id, text, document }),
        Err(malformed) => {
            members.object(refusals::invalid_input(format!(
                "Invalid input policy {id}: {malformed}"
            )));
            None
        }
    }
}

impl Scenario {
    /// Takes what both simulations have.
    pub(super) fn read(members: &mut Members<'_, '_>) -> Self {
        members.require("ActionNames");
        let actions = members.texts("ActionNames", 0..=usize::MAX, &ACTION_NAME);
        let actions = actions.unwrap_or_default();
        if let Some(wrong) = actions.iter().find(|action| !is_action(action)) {
            members.object(refusals::invalid_input(format!(
                "Invalid action name: {wrong}. It must be like service:Action."
            )));
        }
        let boundary = policies("PermissionsBoundaryPolicyInputList", members);
        if boundary.len() > 1 {
            members.object(refusals::invalid_input(
                "Only one permissions boundary can be simulated.",
            ));
        }
        let resource = members.text("ResourcePolicy", &POLICY_DOCUMENT);
        let resource = resource
            .and_then(|text| source("ResourcePolicy".to_owned(), text, Kind::Resource, members));
        let caller = members.text("CallerArn", &RESOURCE_NAME);
        let is_user = |arn: &String| {
            matches!(
                policy::Caller::from_arn(arn),
                Some(policy::Caller::User { .. })
            )
        };
        if caller.as_ref().is_some_and(|arn| !is_user(arn)) {
            members.object(refusals::invalid_input(
                "Invalid Entity Arn: CallerArn must be the ARN of an IAM user.",
            ));
        }
        let entries = members.structures("ContextEntries", 0..=usize::MAX, |entry| {
            let _ = entry.text("ContextKeyType", &KEY_TYPE);
            let name = entry.text("ContextKeyName", &KEY_NAME).unwrap_or_default();
            let values = entry.texts("ContextKeyValues", 0..=usize::MAX, &KEY_VALUE);
            (name, values.unwrap_or_default())
        });
        let resources = members.texts("ResourceArns", 0..=usize::MAX, &RESOURCE_NAME);
        let _ = members.text("ResourceHandlingOption", &Text::of(1..=64));
        Scenario {
            policies: policies("PolicyInputList", members),
            boundary,
            resource,
            actions,
            resources: resources.filter(|all| !all.is_empty()).unwrap_or_default(),
            owner: members.text("ResourceOwner", &RESOURCE_NAME),
            caller,
            context: entries.unwrap_or_default(),
        }
    }

    /// Whether a resource's policy is simulated, for which it matters who calls.
    pub(super) fn asks_for_caller(&self) -> bool {
        self.resource.is_some() && self.caller.is_none()
    }

    /// Simulates each action, for a page of them at a time.
    pub(super) fn results<'a>(
        &'a self,
        standing: &'a Standing,
        caller: &'a Caller,
    ) -> impl Iterator<Item = (String, EvaluationResult)> + 'a {
        self.actions
            .iter()
            .enumerate()
            .map(move |(at, action)| (format!("{at:08}"), self.result(action, standing, caller)))
    }

    fn result(&self, action: &str, standing: &Standing, caller: &Caller) -> EvaluationResult {
        let speaker = self.speaker(standing, caller);
        let context = self.context(&speaker);
        let everything = ["*".to_owned()];
        let resources = if self.resources.is_empty() {
            &everything[..]
        } else {
            &self.resources
        };
        let outcomes: Vec<Outcome> = resources
            .iter()
            .map(|resource| self.outcome(action, resource, standing, (&speaker, &context)))
            .collect();
        // The most restrictive of all.
        let decision = outcomes.iter().map(|outcome| outcome.decision).max();
        let mut matched: Vec<MatchedStatement> = Vec::new();
        let mut missing: BTreeSet<String> = BTreeSet::new();
        for outcome in outcomes
            .iter()
            .filter(|outcome| Some(outcome.decision) == decision)
        {
            for statement in &outcome.matched {
                if !matched.contains(statement) {
                    matched.push(statement.clone());
                }
            }
            missing.extend(outcome.missing.iter().cloned());
        }
        let control = outcomes
            .iter()
            .filter_map(|outcome| outcome.by_organizations);
        let by_organizations = control.reduce(|all, each| all && each);
        let bounded = outcomes.iter().filter_map(|outcome| outcome.by_boundary);
        let by_boundary = bounded.reduce(|all, each| all && each);
        let specific = !self.resources.is_empty();
        EvaluationResult {
            eval_action_name: action.to_owned(),
            eval_resource_name: (resources.len() == 1).then(|| resources[0].clone()),
            eval_decision: decision.unwrap_or(Simulated::ImplicitDeny).name(),
            matched_statements: matched,
            missing_context_values: missing.into_iter().collect(),
            organizations_decision_detail: by_organizations.map(|allowed_by_organizations| {
                OrganizationsDetail {
                    allowed_by_organizations,
                }
            }),
            permissions_boundary_decision_detail: by_boundary.map(BoundaryDetail::of),
            eval_decision_details: specific
                .then(|| outcomes.first().map(|outcome| outcome.details.clone()))
                .flatten(),
            resource_specific_results: if specific {
                resources
                    .iter()
                    .zip(outcomes)
                    .map(ResourceResult::of)
                    .collect()
            } else {
                Vec::new()
            },
        }
    }

    /// Who calls: whom the request names, or whose policies they are.
    fn speaker(&self, standing: &Standing, caller: &Caller) -> policy::Caller {
        let named = self.caller.as_deref().or(standing.arn.as_deref());
        let nobody = || policy::Caller::User {
            arn: caller.iam_arn(&caller.account, "user/"),
            unique_id: None,
        };
        match named.and_then(policy::Caller::from_arn) {
            // The id by which policies name one who is there.
            Some(policy::Caller::User { arn, .. }) if self.caller.is_none() => {
                policy::Caller::User {
                    arn,
                    unique_id: standing.unique_id.clone(),
                }
            }
            Some(speaker) => speaker,
            None => nobody(),
        }
    }

    fn context(&self, speaker: &policy::Caller) -> Context {
        let mut context = Context::new();
        if let policy::Caller::User { arn, .. } = speaker
            && let Some(name) = arn.rsplit('/').next().filter(|name| !name.is_empty())
        {
            context.insert("aws:PrincipalArn", arn.as_str());
            context.insert("aws:PrincipalType", "User");
            context.insert("aws:username", name);
        }
        if let Some(account) = speaker.account() {
            context.insert("aws:PrincipalAccount", account);
        }
        for (key, values) in &self.context {
            context.replace(key, values.iter().map(String::as_str));
        }
        context
    }

    fn outcome(
        &self,
        action: &str,
        resource: &str,
        standing: &Standing,
        (speaker, context): (&policy::Caller, &Context),
    ) -> Outcome {
        let identity: Vec<&Source> = standing.identity.iter().chain(&self.policies).collect();
        let boundary = self.boundary.first().or(standing.boundary.as_ref());
        let control: Vec<Vec<&Document>> = standing
            .control
            .iter()
            .map(|level| level.iter().map(|source| &source.document).collect())
            .collect();
        let control: Vec<&[&Document]> = control.iter().map(Vec::as_slice).collect();
        let documents: Vec<&Document> = identity.iter().map(|source| &source.document).collect();
        let own = speaker.account().unwrap_or_default();
        let owner = self.owner_of(resource).unwrap_or(own).to_owned();
        let policies = Policies {
            identity: &documents,
            boundary: boundary.map(|source| &source.document),
            service_control: &control,
            resource: self.resource.as_ref().map(|source| &source.document),
            ..Policies::none(&owner)
        };
        let request = Request::new(speaker, action, resource, context);
        let decision = match policy::decide(&policies, &request) {
            Decision::Allow(_) => Simulated::Allowed,
            Decision::Deny(refused) if refused.denied.is_some() => Simulated::ExplicitDeny,
            Decision::Deny(_) => Simulated::ImplicitDeny,
        };
        let of_type = |by| -> Vec<&Source> {
            match by {
                PolicyType::Identity => identity.clone(),
                PolicyType::Boundary => boundary.into_iter().collect(),
                PolicyType::Resource => self.resource.iter().collect(),
                _ => Vec::new(),
            }
        };
        let mut outcome = Outcome {
            decision,
            matched: Vec::new(),
            missing: Vec::new(),
            by_organizations: None,
            by_boundary: None,
            details: Details::default(),
        };
        let wanted = match decision {
            Simulated::Allowed => Some(Effect::Allow),
            Simulated::ExplicitDeny => Some(Effect::Deny),
            Simulated::ImplicitDeny => None,
        };
        let mut missing = BTreeSet::new();
        for (by, level, set) in policies.sets() {
            let allows = matches!(policy::evaluate(set, &request), Verdict::Allow { .. });
            match by {
                PolicyType::ServiceControl => {
                    let earlier = outcome.by_organizations.unwrap_or(true);
                    outcome.by_organizations = Some(earlier && allows);
                }
                PolicyType::Boundary if boundary.is_some() => outcome.by_boundary = Some(allows),
                _ => {}
            }
            let sources = of_type(by);
            for trace in explain_type(&policies, (by, level), &request) {
                let other = |mismatch: &Mismatch<'_>| matches!(mismatch, Mismatch::Action { .. });
                if trace.mismatches.iter().any(other) {
                    continue;
                }
                let keys = trace.statement.condition_keys();
                let absent = keys.filter(|key| context.get(key) == policy::Saw::Absent);
                missing.extend(absent.map(str::to_owned));
                if trace.applied()
                    && Some(trace.statement.effect()) == wanted
                    && let Some(source) = sources.get(trace.at.document)
                {
                    outcome
                        .matched
                        .push(MatchedStatement::of(by, source, trace.statement));
                }
            }
        }
        outcome.missing = missing.into_iter().collect();
        if owner != own {
            let verdict = |set: &[&Document]| match policy::evaluate(set, &request) {
                Verdict::Allow { .. } => Simulated::Allowed,
                Verdict::ExplicitDeny { .. } => Simulated::ExplicitDeny,
                Verdict::Silent => Simulated::ImplicitDeny,
            };
            outcome.details = Details(vec![
                (IAM_POLICY, verdict(&documents).name()),
                (
                    RESOURCE_POLICY,
                    verdict(policies.resource.as_slice()).name(),
                ),
            ]);
        }
        outcome
    }

    /// Whose a resource is: what its ARN says, or the request.
    fn owner_of<'a>(&'a self, resource: &'a str) -> Option<&'a str> {
        let of_arn = resource
            .split(':')
            .nth(4)
            .filter(|account| is_account(account));
        let of_request = self.owner.as_deref().map(|owner| {
            let of_arn = owner.split(':').nth(4).unwrap_or_default();
            if is_account(owner) { owner } else { of_arn }
        });
        of_arn.or(of_request.filter(|owner| is_account(owner)))
    }
}

/// What stands for whom the simulation is about.
#[derive(Default)]
pub(super) struct Standing {
    /// Whom; absent where only the request's policies count.
    pub(super) arn: Option<String>,
    pub(super) unique_id: Option<String>,
    pub(super) identity: Vec<Source>,
    pub(super) boundary: Option<Source>,
    /// A set for each level.
    pub(super) control: Vec<Vec<Source>>,
}

fn is_account(text: &str) -> bool {
    AccountId::parse(text).is_ok()
}

fn is_action(text: &str) -> bool {
    text.split_once(':')
        .is_some_and(|(service, name)| !service.is_empty() && !name.is_empty())
        && !text.contains(['*', '?', ' '])
}

/// From the least to the most restrictive.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Simulated {
    Allowed,
    ImplicitDeny,
    ExplicitDeny,
}

impl Simulated {
    fn name(self) -> &'static str {
        match self {
            Simulated::Allowed => "allowed",
            Simulated::ImplicitDeny => "implicitDeny",
            Simulated::ExplicitDeny => "explicitDeny",
        }
    }
}

struct Outcome {
    decision: Simulated,
    matched: Vec<MatchedStatement>,
    missing: Vec<String>,
    by_organizations: Option<bool>,
    by_boundary: Option<bool>,
    details: Details,
}

/// What an action came to.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct EvaluationResult {
    eval_action_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    eval_resource_name: Option<String>,
    eval_decision: &'static str,
    matched_statements: Vec<MatchedStatement>,
    missing_context_values: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organizations_decision_detail: Option<OrganizationsDetail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions_boundary_decision_detail: Option<BoundaryDetail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    eval_decision_details: Option<Details>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resource_specific_results: Vec<ResourceResult>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OrganizationsDetail {
    allowed_by_organizations: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct BoundaryDetail {
    allowed_by_permissions_boundary: bool,
}

impl BoundaryDetail {
    fn of(allowed: bool) -> Self {
        BoundaryDetail {
            allowed_by_permissions_boundary: allowed,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ResourceResult {
    eval_resource_name: String,
    eval_resource_decision: &'static str,
    matched_statements: Vec<MatchedStatement>,
    missing_context_values: Vec<String>,
    eval_decision_details: Details,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions_boundary_decision_detail: Option<BoundaryDetail>,
}

impl ResourceResult {
    fn of((name, outcome): (&String, Outcome)) -> Self {
        ResourceResult {
            eval_resource_name: name.clone(),
            eval_resource_decision: outcome.decision.name(),
            matched_statements: outcome.matched,
            missing_context_values: outcome.missing,
            eval_decision_details: outcome.details,
            permissions_boundary_decision_detail: outcome.by_boundary.map(BoundaryDetail::of),
        }
    }
}

/// What each side of two accounts says; empty within one. In the query protocol a map is a list of `entry`.
#[derive(Clone, Default)]
struct Details(Vec<(&'static str, &'static str)>);

#[derive(Serialize)]
struct DetailsEntry {
    key: &'static str,
    value: &'static str,
}

impl Serialize for Details {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut entries = serializer.serialize_map(None)?;
        for (key, value) in &self.0 {
            entries.serialize_entry("entry", &DetailsEntry { key, value })?;
        }
        entries.end()
    }
}

#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct MatchedStatement {
    source_policy_id: String,
    source_policy_type: &'static str,
    start_position: Position,
    end_position: Position,
}

/// Lines and columns are counted from 1.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Position {
    line: usize,
    column: usize,
}

impl MatchedStatement {
    fn of(by: PolicyType, source: &Source, statement: &Statement) -> Self {
        let span = statement.span();
        // AWS counts a statement from behind what is before it, white space included.
        let before = source.text.get(..span.start).unwrap_or_default().trim_end();
        MatchedStatement {
            source_policy_id: source.id.clone(),
            source_policy_type: if by == PolicyType::Resource {
                RESOURCE_POLICY
            } else {
                IAM_POLICY
            },
            start_position: Position::behind(before),
            end_position: Position::behind(source.text.get(..span.end).unwrap_or_default()),
        }
    }
}

impl Position {
    fn behind(text: &str) -> Self {
        let line = text.rsplit('\n').next().unwrap_or_default();
        Position {
            line: text.matches('\n').count() + 1,
            column: line.chars().count() + 1,
        }
    }
}

/// The condition keys that policies use, as their authors wrote them; each once.
pub(super) fn context_keys<'a>(documents: impl Iterator<Item = &'a Document>) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for document in documents {
        let statements = document.statements().iter();
        let written = statements.flat_map(|statement| {
            let conditions = statement.conditions().map(|condition| condition.key());
            conditions.chain(statement.condition_keys())
        });
        for key in written {
            if !keys.iter().any(|known| known.eq_ignore_ascii_case(key)) {
                keys.push(key.to_owned());
            }
        }
    }
    keys.sort_unstable();
    keys
}

/// # Refusals
/// `InvalidInput`
pub(super) fn caller_needed() -> Refusal {
    refusals::invalid_input("CallerArn must be specified if a ResourcePolicy is included.")
}
