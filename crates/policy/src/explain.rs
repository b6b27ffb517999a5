//! Why a statement applied to a request or did not: each element that stood in the way, what it
//! wanted, and for a condition the value that it saw. It is made of data, for others to put in
//! words.

use crate::combine::{Policies, PolicyType, Refused};
use crate::condition::ConditionRef;
use crate::context::{Context, Saw};
use crate::document::{Document, Effect, Statement, Who};
use crate::evaluate::{Request, StatementRef};
use crate::principal::Principal;

/// What one statement made of a request.
#[derive(Debug, Clone)]
pub struct StatementTrace<'a> {
    /// Where it stands in its set.
    pub at: StatementRef,
    /// The statement: its `Sid`, its effect, its place in the policy's text.
    pub statement: &'a Statement,
    /// All that kept it from applying; empty where it applied.
    pub mismatches: Vec<Mismatch<'a>>,
}

impl StatementTrace<'_> {
    /// The statement had its effect on the request.
    pub fn applied(&self) -> bool {
        self.mismatches.is_empty()
    }
}

/// An element of a statement that did not match a request.
#[derive(Debug, Clone)]
pub enum Mismatch<'a> {
    /// `Action` or, negated, `NotAction`.
    Action {
        /// It is `NotAction`, which lists the action.
        negated: bool,
        /// The values as written.
        listed: Vec<&'a str>,
    },
    /// `Principal` or, negated, `NotPrincipal`.
    Principal {
        /// It is `NotPrincipal`, which exempts the caller.
        negated: bool,
        /// Those named; where the policy was bound, by their unique ids.
        listed: &'a [Principal],
    },
    /// `Resource` or, negated, `NotResource`.
    Resource {
        /// It is `NotResource`, which lists the resource or has a variable without a value.
        negated: bool,
        /// The values.
        wanted: Vec<Wanted<'a>>,
    },
    /// One key under one operator of `Condition`.
    Condition {
        /// The operator and the key.
        condition: ConditionRef<'a>,
        /// The values.
        wanted: Vec<Wanted<'a>>,
        /// What the request held.
        saw: Saw<'a>,
    },
}

/// A value that a resource or a condition wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// As its author wrote it.
    pub written: &'a str,
    /// What that is in the request.
    pub meaning: Meaning<'a>,
}

/// What a wanted value is in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning<'a> {
    /// The same as written: it has no variable.
    AsWritten,
    /// This, with the request's values in place of its variables.
    Resolved(String),
    /// Nothing, as these keys, in lower case, have no value or more than one, and no default.
    Unresolved(Vec<&'a str>),
    /// Nothing, as it is not of its operator's type, such as `ten` under a numeric one.
    Unreadable,
}

/// Says for every statement of a set, in order, whether it applied and if not, why.
///
/// It looks at every element of every statement, which [`crate::evaluate`] does not; use it when
/// someone asks why. The caller is taken to have no permissions boundary.
pub fn explain<'a>(documents: &[&'a Document], request: &Request<'a>) -> Vec<StatementTrace<'a>> {
    explain_for(documents, request, false)
}

/// The same for the policies of one type, for whoever they speak for.
pub fn explain_type<'a>(
    policies: &Policies<'a>,
    (by, level): (PolicyType, usize),
    request: &Request<'a>,
) -> Vec<StatementTrace<'a>> {
    explain_for(
        policies.set(by, level),
        request,
        policies.boundary.is_some(),
    )
}

fn explain_for<'a>(
    documents: &[&'a Document],
    request: &Request<'a>,
    bounded: bool,
) -> Vec<StatementTrace<'a>> {
    let mut traces = Vec::new();
    for (document, policy) in documents.iter().enumerate() {
        for (index, statement) in policy.statements().iter().enumerate() {
            traces.push(StatementTrace {
                at: StatementRef {
                    document,
                    statement: index,
                },
                statement,
                mismatches: mismatches(statement, request, bounded),
            });
        }
    }
    traces
}

/// Says what in the policies that refused a request made them refuse it; `refused` is what
/// [`crate::decide`] answered for the same policies and request.
///
/// - Of an explicit denial: the statement that denied.
/// - Of a missing permission: each statement that could have allowed, the nearest to it first. One
///   for the action but another resource is nearer than one for another action. Empty: there is no
///   such statement, or no such policy at all.
///
/// The set that they are in is [`Policies::set`] for the refusal's type and level.
pub fn explain_refusal<'a>(
    policies: &Policies<'a>,
    request: &Request<'a>,
    refused: &Refused,
) -> Vec<StatementTrace<'a>> {
    let mut traces = explain_type(policies, (refused.by, refused.level), request);
    match refused.denied {
        Some(at) => traces.retain(|trace| trace.at == at),
        None => {
            traces.retain(|trace| trace.statement.effect() == Effect::Allow);
            traces.sort_by_key(distance);
        }
    }
    traces
}

/// How far a statement is from the request: whether its action, its principal and its resource are
/// others, then how many of its conditions fail.
fn distance(trace: &StatementTrace<'_>) -> ([bool; 3], usize) {
    let mut others = [false; 3];
    let mut conditions = 0;
    for mismatch in &trace.mismatches {
        match mismatch {
            Mismatch::Action { .. } => others[0] = true,
            Mismatch::Principal { .. } => others[1] = true,
            Mismatch::Resource { .. } => others[2] = true,
            Mismatch::Condition { .. } => conditions += 1,
        }
    }
    (others, conditions)
}

fn mismatches<'a>(
    statement: &'a Statement,
    request: &Request<'a>,
    bounded: bool,
) -> Vec<Mismatch<'a>> {
    let context: &'a Context = request.context();
    let mut mismatches = Vec::new();
    if !statement.covers_action(request.action(), context) {
        let (negated, listed) = statement.listed_actions();
        mismatches.push(Mismatch::Action { negated, listed });
    }
    if statement.covers_caller(request.caller(), bounded).is_none() {
        let (negated, listed): (_, &[Principal]) = match statement.who() {
            Who::Attached => (false, &[]),
            Who::Listed(principals) => (false, principals),
            Who::AllBut(principals) => (true, principals),
        };
        mismatches.push(Mismatch::Principal { negated, listed });
    }
    if !statement.covers_resource(request.resource(), context) {
        let (negated, patterns) = statement.listed_resources();
        let wanted = patterns.iter().map(|pattern| pattern.wanted(context));
        mismatches.push(Mismatch::Resource {
            negated,
            wanted: wanted.collect(),
        });
    }
    let conditions = statement.compiled_conditions().iter();
    let failed = conditions.filter(|condition| !condition.holds(context));
    mismatches.extend(failed.map(|condition| Mismatch::Condition {
        condition: ConditionRef(condition),
        wanted: ConditionRef(condition).wanted(context).collect(),
        saw: condition.saw(context),
    }));
    mismatches
}
