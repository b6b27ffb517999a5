//! One set of policies against one request: allow, deny, or silence.

use crate::context::Context;
use crate::document::{Document, Effect, Statement};
use crate::filter::ActionFilter;
use crate::possible::{self, Bound, Known, Partly};
use crate::principal::{Caller, Reach};

/// What is asked: may this caller do this to that.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    caller: &'a Caller,
    /// In lower case.
    action: String,
    filter: ActionFilter,
    resource: &'a str,
    context: &'a Context,
    /// Where not all of it is known.
    partly: Option<Partly<'a>>,
}

impl<'a> Request<'a> {
    /// `action` is `service:Name` in any letter case, without wildcards. `resource` is an ARN, or
    /// `*` for an action on no resource in particular, which only `"Resource": "*"` covers.
    pub fn new(
        caller: &'a Caller,
        action: &str,
        resource: &'a str,
        context: &'a Context,
    ) -> Request<'a> {
        let action = action.to_ascii_lowercase();
        Request {
            caller,
            filter: ActionFilter::of_action(&action),
            action,
            resource,
            context,
            partly: None,
        }
    }

    /// One of all requests that are the same under these condition keys, whatever they hold under others. Someone who
    /// has assumed a role may be in any session where the name of the session isn't given.
    #[must_use]
    pub fn bounded(&self, known: &'a Known, bound: Bound) -> Request<'a> {
        Request {
            partly: Some(Partly { known, bound }),
            ..self.clone()
        }
    }

    /// Who asks.
    pub fn caller(&self) -> &'a Caller {
        self.caller
    }

    /// On what.
    pub fn resource(&self) -> &'a str {
        self.resource
    }

    /// The same request with other condition keys.
    pub(crate) fn with_context<'b>(&self, context: &'b Context) -> Request<'b>
    where
        'a: 'b,
    {
        Request {
            context,
            ..self.clone()
        }
    }

    /// The request's condition keys.
    pub fn context(&self) -> &'a Context {
        self.context
    }

    pub(crate) fn action(&self) -> &str {
        &self.action
    }
}

/// A statement of one of several documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StatementRef {
    /// Index of the document in the set that was evaluated.
    pub document: usize,
    /// Index of the statement in the document.
    pub statement: usize,
}

/// What a set of policies says to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A statement allows it and none denies it.
    Allow {
        /// The first of those that name the caller most closely.
        at: StatementRef,
        /// How closely.
        reach: Reach,
    },
    /// A statement denies it.
    ExplicitDeny {
        /// The first that does.
        at: StatementRef,
    },
    /// No statement applies.
    Silent,
}

/// Evaluates a set of policies of one type, all of which speak for the same side: the identity
/// policies of a caller, say, or a resource's policy. Their order doesn't matter. The caller is
/// taken to have no permissions boundary.
pub fn evaluate(documents: &[&Document], request: &Request<'_>) -> Verdict {
    evaluate_for(documents, request, false)
}

/// As [`evaluate`]; `bounded`: the caller has a permissions boundary.
pub(crate) fn evaluate_for(
    documents: &[&Document],
    request: &Request<'_>,
    bounded: bool,
) -> Verdict {
    let mut allowed: Option<(StatementRef, Reach)> = None;
    for (document, policy) in documents.iter().enumerate() {
        for (index, statement) in policy.statements_for(request.filter) {
            let at = StatementRef {
                document,
                statement: index,
            };
            match (applies(statement, request, bounded), statement.effect()) {
                (None, _) => {}
                (Some(_), Effect::Deny) => return Verdict::ExplicitDeny { at },
                (Some(reach), Effect::Allow) => {
                    if allowed.is_none_or(|(_, best)| reach > best) {
                        allowed = Some((at, reach));
                    }
                }
            }
        }
    }
    allowed.map_or(Verdict::Silent, |(at, reach)| Verdict::Allow { at, reach })
}

/// The statements of a set that have this effect on a request, with how closely each names the caller.
pub(crate) fn applying<'s>(
    documents: &'s [&Document],
    request: &'s Request<'_>,
    effect: Effect,
    bounded: bool,
) -> impl Iterator<Item = (StatementRef, Reach)> {
    let documents = documents.iter().enumerate();
    let statements = documents.flat_map(|(document, policy)| {
        let statements = policy.statements_for(request.filter);
        statements.map(move |(statement, text)| {
            let at = StatementRef {
                document,
                statement,
            };
            (at, text)
        })
    });
    statements
        .filter(move |(_, statement)| statement.effect() == effect)
        .filter_map(move |(at, statement)| Some((at, applies(statement, request, bounded)?)))
}

/// The cheapest and most telling questions first.
fn applies(statement: &Statement, request: &Request<'_>, bounded: bool) -> Option<Reach> {
    if let Some(partly) = request.partly {
        return possible::applies(statement, request, bounded, partly);
    }
    let context = request.context;
    if !statement.covers_action(&request.action, context) {
        return None;
    }
    let reach = statement.covers_caller(request.caller, bounded)?;
    let rest_holds = statement.covers_resource(request.resource, context)
        && statement
            .compiled_conditions()
            .iter()
            .all(|condition| condition.holds(context));
    rest_holds.then_some(reach)
}
