//! Why a caller may do something, or may not: the decision, each policy that has a say, what each of its statements
//! about the action made of the request, and the smallest changes after which it would be allowed.
//!
//! It is made by the gate, from the same policies and the same request that it decided by. It holds no value of a
//! secret, and of a request no more than its condition keys.

use std::fmt;

use serde::{Deserialize, Serialize};
use strongroom_policy::{
    self as policy, Decision, Effect, Grant, IdentityGrant, Meaning, Mismatch, Policies,
    PolicyType, Refused, ResourceGrant, Saw, StatementRef, explain_type,
};

use super::remedy::{self, Way};
use crate::caller::Caller;
use crate::gate::{Asked, Resource};
use crate::iam::in_force::{InForce, Place, Speaking};
use crate::operation::Given;

/// Why a decision is what it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Explanation {
    /// The caller's ARN.
    pub principal: String,
    /// The action.
    pub action: String,
    /// The resource's ARN, or `*`.
    pub resource: String,
    /// What was decided.
    pub decision: Outcome,
    /// Why, in one line.
    pub reason: String,
    /// What allowed it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_by: Vec<Cited>,
    /// What refused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_by: Option<RefusedBy>,
    /// Each policy that has a say.
    pub policies: Vec<PolicyTrace>,
    /// What would get it allowed, the smallest changes first: any one of these is enough.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ways: Vec<Way>,
    /// What else there is to know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It may.
    Allowed,
    /// A statement denies it.
    ExplicitlyDenied,
    /// Nothing allows it that would have to.
    ImplicitlyDenied,
}

/// A statement of a policy, or what else allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Cited {
    /// The policy, as a person finds it.
    pub source: String,
    /// The statement, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<usize>,
    /// The statement's `Sid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
}

/// What refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RefusedBy {
    /// The type of policy that denies, or that would have to allow.
    pub policy_type: String,
    /// The statement that denies; absent where none allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denied_by: Option<Cited>,
}

/// What a policy made of the request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyTrace {
    /// Its type, by AWS's name.
    pub policy_type: String,
    /// What and where it is, as a person finds it.
    pub source: String,
    /// Its statements that are about the action.
    pub statements: Vec<StatementTrace>,
    /// How many others it has.
    pub other_statements: usize,
}

/// What a statement made of the request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StatementTrace {
    /// Counted from 1.
    pub statement: usize,
    /// Its `Sid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// `Allow` or `Deny`.
    pub effect: String,
    /// Whether it had its effect.
    pub applies: bool,
    /// The elements that match, such as `Action` and `StringEquals aws:PrincipalTag/team`.
    pub matched: Vec<String>,
    /// The elements that don't.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<Failed>,
}

/// An element of a statement that didn't match.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Failed {
    /// Such as `Resource`, or `Condition`.
    pub element: String,
    /// The condition's operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// The condition's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What it wants, with variables filled in.
    pub wanted: Vec<String>,
    /// What the request held under the key; absent for other elements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
}

/// What a request held under a condition key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Held {
    /// Nothing.
    Absent,
    /// Two keys that differ by letter case only, of which none counts.
    Ambiguous,
    /// These values.
    Values(Vec<String>),
}

/// A policy that has a say, and where its set finds it.
pub(super) struct Source {
    pub(super) by: PolicyType,
    pub(super) text: String,
    /// Whether its owner can change it.
    pub(super) changeable: bool,
}

impl Explanation {
    /// Explains a decision. The sets of `policies` are those of `in_force`, in the same order.
    pub(crate) fn of(
        decision: Decision,
        asked: &Asked<'_>,
        in_force: &InForce,
        (policies, request): (&Policies<'_>, &policy::Request<'_>),
        given: &Given<'_>,
    ) -> Self {
        let caller = given.caller;
        let sources = sources(asked, in_force, policies, caller);
        let find = |by, at: StatementRef| {
            let mut of_type = sources.iter().filter(|source| source.by == by);
            let source = of_type.nth(at.document);
            let sets = policies.set(by, 0);
            let statement = sets.get(at.document);
            let statement = statement.and_then(|document| document.statements().get(at.statement));
            Cited {
                source: source.map_or_else(String::new, |source| source.text.clone()),
                statement: Some(at.statement + 1),
                sid: statement.and_then(|it| it.sid().map(str::to_owned)),
            }
        };
        let (outcome, reason) = match &decision {
            Decision::Allow(_) => (Outcome::Allowed, String::new()),
            Decision::Deny(refused) if refused.denied.is_some() => {
                (Outcome::ExplicitlyDenied, refused.reason(asked.action))
            }
            Decision::Deny(refused) => (Outcome::ImplicitlyDenied, refused.reason(asked.action)),
        };
        let mut explanation = Explanation {
            principal: caller.arn(),
            action: asked.action.to_owned(),
            resource: asked.resource.to_string(),
            decision: outcome,
            reason,
            allowed_by: Vec::new(),
            refused_by: None,
            policies: traces(&sources, policies, request),
            ways: Vec::new(),
            notes: notes(asked, caller),
        };
        match decision {
            Decision::Allow(grant) => {
                explanation.allowed_by = allowing(&grant, asked, find);
                let sources = explanation.allowed_by.iter().map(ToString::to_string);
                explanation.reason = format!(
                    "because of {}",
                    sources.collect::<Vec<String>>().join(", and ")
                );
            }
            Decision::Deny(Refused { by, denied, .. }) => {
                explanation.refused_by = Some(RefusedBy {
                    policy_type: by.name().to_owned(),
                    denied_by: denied.map(|at| find(by, at)),
                });
                explanation.ways =
                    remedy::ways(asked, in_force, (policies, request), &sources, given);
            }
        }
        explanation
    }

    /// Whether it was allowed.
    pub fn is_allowed(&self) -> bool {
        self.decision == Outcome::Allowed
    }
}

fn allowing(
    grant: &Grant,
    asked: &Asked<'_>,
    find: impl Fn(PolicyType, StatementRef) -> Cited,
) -> Vec<Cited> {
    let whole = |source: String| Cited {
        source,
        statement: None,
        sid: None,
    };
    let identity = grant.identity.map(|identity| match identity {
        IdentityGrant::Root => whole("the account's root user, who needs no policy".to_owned()),
        IdentityGrant::Statement(at) => find(PolicyType::Identity, at),
    });
    let resource = grant.resource.map(|resource| match resource {
        ResourceGrant::Granted => whole(format!("grant {}", asked.granted.unwrap_or_default())),
        ResourceGrant::Statement(at) => find(PolicyType::Resource, at),
    });
    identity.into_iter().chain(resource).collect()
}

/// Every policy that has a say, in the order of its set.
pub(super) fn sources(
    asked: &Asked<'_>,
    in_force: &InForce,
    policies: &Policies<'_>,
    caller: &Caller,
) -> Vec<Source> {
    let holder = in_force.holder();
    let of = |by| {
        let holder = holder.clone();
        move |speaking: Speaking<'_>| Source {
            by,
            text: described(&speaking, &holder, caller),
            changeable: speaking.is_changeable(),
        }
    };
    let resource = policies.resource.map(|_| Source {
        by: PolicyType::Resource,
        text: asked.of.policy_name(),
        changeable: true,
    });
    let control = in_force.service_control().into_iter().flatten();
    let session = in_force.session().into_iter().flatten();
    let control = control.map(of(PolicyType::ServiceControl));
    let identity = in_force.identity().map(of(PolicyType::Identity));
    let boundary = in_force.boundary().map(of(PolicyType::Boundary));
    let session = session.map(of(PolicyType::Session));
    control
        .chain(resource)
        .chain(identity)
        .chain(boundary)
        .chain(session)
        .collect()
}

/// What and where a policy is.
pub(super) fn described(speaking: &Speaking<'_>, holder: &str, caller: &Caller) -> String {
    match (speaking.place, speaking.group) {
        (Place::Inline(name), None) => format!("inline policy {name} of {holder}"),
        (Place::Inline(name), Some(group)) => {
            format!("inline policy {name} of group {}", group.name)
        }
        (Place::Managed(policy), None) => format!("policy {} of {holder}", policy.arn(caller)),
        (Place::Managed(policy), Some(group)) => {
            format!("policy {} of group {}", policy.arn(caller), group.name)
        }
        (Place::Session, _) => "the policy given with the session".to_owned(),
        (Place::ServiceControl(name), _) => {
            format!(
                "service control policy {name} of account {}",
                caller.account
            )
        }
    }
}

impl Resource<'_> {
    /// What its policy is called.
    pub(super) fn policy_name(&self) -> String {
        match self {
            Resource::Plain | Resource::Absent => "resource policy".to_owned(),
            Resource::Secret(name) => format!("resource policy of secret {name}"),
            Resource::Key(id) => format!("key policy of key {id}"),
            Resource::Role(name) => format!("trust policy of role {name}"),
            Resource::Function(name) => format!("policy of function {name}"),
        }
    }
}

fn notes(asked: &Asked<'_>, caller: &Caller) -> Vec<String> {
    match asked.of {
        Resource::Absent if *asked.owner != caller.account => vec![format!(
            "There is no such resource, or the action is for its own account {} alone.",
            asked.owner
        )],
        Resource::Absent => vec!["There is no such resource.".to_owned()],
        _ => Vec::new(),
    }
}

fn traces(
    sources: &[Source],
    policies: &Policies<'_>,
    request: &policy::Request<'_>,
) -> Vec<PolicyTrace> {
    let mut traced = Vec::new();
    for (by, level, _) in policies.sets() {
        let of_type: Vec<&Source> = sources.iter().filter(|source| source.by == by).collect();
        let first = traced.len();
        traced.extend(of_type.iter().map(|source| PolicyTrace {
            policy_type: by.name().to_owned(),
            source: source.text.clone(),
            statements: Vec::new(),
            other_statements: 0,
        }));
        for trace in explain_type(policies, (by, level), request) {
            let Some(policy) = traced.get_mut(first + trace.at.document) else {
                continue;
            };
            let is_other = |mismatch: &Mismatch<'_>| matches!(mismatch, Mismatch::Action { .. });
            if trace.mismatches.iter().any(is_other) {
                policy.other_statements += 1;
            } else {
                policy.statements.push(statement(&trace));
            }
        }
    }
    traced
}

fn statement(trace: &policy::StatementTrace<'_>) -> StatementTrace {
    let statement = trace.statement;
    let failed: Vec<Failed> = trace.mismatches.iter().map(failed).collect();
    let elements = statement.elements().map(str::to_owned);
    let conditions = statement.conditions();
    let conditions = conditions.map(|it| format!("{} {}", it.operator(), it.key()));
    let failing = |name: &String| failed.iter().any(|failed| failed.name() == *name);
    let matched = elements.chain(conditions).filter(|name| !failing(name));
    StatementTrace {
        statement: trace.at.statement + 1,
        sid: statement.sid().map(str::to_owned),
        effect: match statement.effect() {
            Effect::Allow => "Allow".to_owned(),
            Effect::Deny => "Deny".to_owned(),
        },
        applies: trace.applied(),
        matched: matched.collect(),
        failed,
    }
}

fn failed(mismatch: &Mismatch<'_>) -> Failed {
    let element = |positive: &str, negated: bool, wanted: Vec<String>| Failed {
        element: if negated {
            format!("Not{positive}")
        } else {
            positive.to_owned()
        },
        operator: None,
        key: None,
        wanted,
        held: None,
    };
    match mismatch {
        Mismatch::Action { negated, listed } => {
            let listed = listed.iter().map(|text| (*text).to_owned());
            element("Action", *negated, listed.collect())
        }
        Mismatch::Principal { negated, listed } => {
            let listed = listed.iter().map(ToString::to_string);
            element("Principal", *negated, listed.collect())
        }
        Mismatch::Resource { negated, wanted } => {
            element("Resource", *negated, wanted.iter().map(shown).collect())
        }
        Mismatch::Condition {
            condition,
            wanted,
            saw,
        } => Failed {
            operator: Some(condition.operator().to_owned()),
            key: Some(condition.key().to_owned()),
            held: Some(match saw {
                Saw::Absent => Held::Absent,
                Saw::Ambiguous => Held::Ambiguous,
                Saw::Values(values) => Held::Values(values.to_vec()),
            }),
            ..element("Condition", false, wanted.iter().map(shown).collect())
        },
    }
}

/// A wanted value, and what it is in the request where that differs.
pub(super) fn shown(wanted: &policy::Wanted<'_>) -> String {
    let written = wanted.written;
    match &wanted.meaning {
        Meaning::AsWritten => written.to_owned(),
        Meaning::Resolved(text) => format!("{text} ({written})"),
        Meaning::Unresolved(keys) => {
            format!("{written} (the request has no {})", keys.join(", no "))
        }
        Meaning::Unreadable => format!("{written} (which no value can match)"),
    }
}

impl Failed {
    fn name(&self) -> String {
        match (&self.operator, &self.key) {
            (Some(operator), Some(key)) => format!("{operator} {key}"),
            _ => self.element.clone(),
        }
    }
}

impl fmt::Display for Cited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        if let Some(statement) = self.statement {
            write!(f, ", statement {statement}")?;
        }
        match &self.sid {
            Some(sid) => write!(f, " ({sid})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Held::Absent => f.write_str("nothing"),
            Held::Ambiguous => f.write_str("two keys that differ by letter case only"),
            Held::Values(values) => f.write_str(&values.join(", ")),
        }
    }
}

/// For a person: narrow, since ARNs are long already.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let may = if self.is_allowed() { "may" } else { "may not" };
        writeln!(f, "{}", self.principal)?;
        writeln!(f, "  {may} {}", self.action)?;
        writeln!(f, "  on {}", self.resource)?;
        writeln!(f, "  {}", self.reason)?;
        if let Some(RefusedBy {
            denied_by: Some(cited),
            ..
        }) = &self.refused_by
        {
            writeln!(f, "  which is {cited}")?;
        }
        for note in &self.notes {
            writeln!(f, "\n{note}")?;
        }
        writeln!(f, "\nPolicies that have a say:")?;
        if self.policies.is_empty() {
            writeln!(f, "  none")?;
        }
        for policy in &self.policies {
            write!(f, "{policy}")?;
        }
        match self.ways.as_slice() {
            [] => {}
            [way] => write!(f, "\nTo allow it:\n{way}")?,
            ways => {
                write!(f, "\nTo allow it, any one of these is enough:")?;
                for (at, way) in ways.iter().enumerate() {
                    write!(f, "\n{}.\n{way}", at + 1)?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for PolicyTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {}", self.source)?;
        for statement in &self.statements {
            write!(f, "{statement}")?;
        }
        let others = self.other_statements;
        match (self.statements.is_empty(), others) {
            (_, 0) => Ok(()),
            (true, _) => writeln!(f, "    says nothing about the action"),
            (false, 1) => writeln!(f, "    1 more statement is about other actions"),
            (false, _) => writeln!(f, "    {others} more statements are about other actions"),
        }
    }
}

impl fmt::Display for StatementTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sid = self.sid.as_ref().map(|sid| format!(" ({sid})"));
        let (number, sid) = (self.statement, sid.unwrap_or_default());
        let does = match (self.applies, self.effect.as_str()) {
            (true, "Allow") => "allows it",
            (true, _) => "denies it",
            (false, "Allow") => "would allow it, but doesn't apply",
            (false, _) => "would deny it, but doesn't apply",
        };
        writeln!(f, "    statement {number}{sid} {does}")?;
        for failed in &self.failed {
            write!(f, "{failed}")?;
        }
        if !self.applies && !self.matched.is_empty() {
            writeln!(f, "      matching: {}", self.matched.join(", "))?;
        }
        Ok(())
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "      {} doesn't match", self.name())?;
        let list = if self.element.starts_with("Not") {
            "lists"
        } else {
            "wants"
        };
        for (at, wanted) in self.wanted.iter().enumerate() {
            let word = if at == 0 { list } else { "   or" };
            writeln!(f, "        {word} {wanted}")?;
        }
        match &self.held {
            Some(held) => writeln!(f, "        the request holds {held}"),
            None => Ok(()),
        }
    }
}
