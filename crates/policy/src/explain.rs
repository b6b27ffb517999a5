//! Why a statement applied to a request or did not: each element that stood in the way, and for
//! a condition the value that it saw.

use crate::condition::ConditionRef;
use crate::context::Saw;
use crate::document::{Document, Effect};
use crate::evaluate::{Request, StatementRef};

/// What one statement made of a request.
#[derive(Debug, Clone)]
pub struct StatementTrace<'a> {
    /// Which statement.
    pub at: StatementRef,
    /// Its `Sid`.
    pub sid: Option<&'a str>,
    /// Its effect, had it applied or not.
    pub effect: Effect,
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
    /// `Action` or `NotAction`.
    Action,
    /// `Principal` or `NotPrincipal`.
    Principal,
    /// `Resource` or `NotResource`.
    Resource,
    /// One key under one operator of `Condition`.
    Condition {
        /// What was wanted.
        wanted: ConditionRef<'a>,
        /// What the request held.
        saw: Saw<'a>,
    },
}

/// Says for every statement of a set, in order, whether it applied and if not, why.
///
/// It looks at every element of every statement, which [`crate::evaluate`] does not; use it when
/// someone asks why.
pub fn explain<'a>(documents: &[&'a Document], request: &Request<'a>) -> Vec<StatementTrace<'a>> {
    let mut traces = Vec::new();
    let context = request.context();
    for (document, policy) in documents.iter().enumerate() {
        for (index, statement) in policy.statements().iter().enumerate() {
            let mut mismatches = Vec::new();
            if !statement.covers_action(request.action(), context) {
                mismatches.push(Mismatch::Action);
            }
            if statement.covers_caller(request.caller()).is_none() {
                mismatches.push(Mismatch::Principal);
            }
            if !statement.covers_resource(request.resource(), context) {
                mismatches.push(Mismatch::Resource);
            }
            let failed = statement.compiled_conditions().iter();
            mismatches.extend(failed.filter(|condition| !condition.holds(context)).map(
                |condition| Mismatch::Condition {
                    wanted: ConditionRef(condition),
                    saw: condition.saw(context),
                },
            ));
            traces.push(StatementTrace {
                at: StatementRef {
                    document,
                    statement: index,
                },
                sid: statement.sid(),
                effect: statement.effect(),
                mismatches,
            });
        }
    }
    traces
}
