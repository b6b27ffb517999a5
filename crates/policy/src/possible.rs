//! What could be allowed where only some of a request's condition keys are known, and of someone who has assumed a role
//! perhaps not in which session: what holds for every such request, and what holds for some.
//!
//! An unknown key may have any value or none, independently of every other, so a condition on one may hold or not. What
//! is found to be impossible is; what is found to be certain is; and what depends may turn out to depend on nothing real.

use crate::combine::{Policies, PolicyType};
use crate::condition::ConditionRef;
use crate::document::{Effect, Statement, Who};
use crate::evaluate::{Request, StatementRef};
use crate::explain::Wanted;
use crate::principal::{Caller, Principal, Reach};

/// Which condition keys are known: those of these names, and those that start with one of these prefixes.
#[derive(Debug, Clone, Default)]
pub struct Known {
    keys: Vec<String>,
    families: Vec<String>,
}

/// Which of all requests that are the same as far as they are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// The one that is allowed least: what an allowed one of these may do, all may.
    Least,
    /// The one that is allowed most: what a denied one of these may not do, none may.
    Most,
}

/// A request of which only some is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Partly<'a> {
    pub(crate) known: &'a Known,
    pub(crate) bound: Bound,
}

/// A statement that may have its effect.
#[derive(Debug, Clone)]
pub struct PossibleStatement<'a> {
    /// Where it stands in its set.
    pub at: StatementRef,
    /// The statement.
    pub statement: &'a Statement,
    /// How closely it names the caller, whatever isn't known; `None`: it depends on that whether it does at all.
    pub reach: Option<Reach>,
    /// How closely at most.
    pub reach_max: Reach,
    /// What is open; nothing, and a reach: it has its effect.
    pub open: Vec<Open<'a>>,
}

/// Something that what isn't known decides.
#[derive(Debug, Clone)]
pub enum Open<'a> {
    /// Whether a condition holds.
    Condition(ConditionRef<'a>, Vec<Wanted<'a>>),
    /// Whether the resource is one of these, or none of them.
    Resource(Vec<Wanted<'a>>),
    /// Whether the session is the one that is named.
    Session(&'a Principal),
}

impl Known {
    /// Keys and prefixes of keys, in any letter case.
    pub fn new<'k>(
        keys: impl IntoIterator<Item = &'k str>,
        families: impl IntoIterator<Item = &'k str>,
    ) -> Self {
        Known {
            keys: keys.into_iter().map(str::to_lowercase).collect(),
            families: families.into_iter().map(str::to_lowercase).collect(),
        }
    }

    fn has(&self, key: &str) -> bool {
        self.keys.iter().any(|known| known == key)
            || self
                .families
                .iter()
                .any(|family| key.starts_with(family.as_str()))
    }
}

/// As the evaluator asks for one statement: what depends turns out as the bound says.
pub(crate) fn applies(
    statement: &Statement,
    request: &Request<'_>,
    bounded: bool,
    partly: Partly<'_>,
) -> Option<Reach> {
    let possible = possible(statement, request, bounded, partly.known)?;
    let is_for_caller = (statement.effect() == Effect::Allow) == (partly.bound == Bound::Most);
    if is_for_caller {
        return Some(possible.reach_max);
    }
    let settled = (possible.open.iter()).all(|open| matches!(open, Open::Session(_)));
    possible.reach.filter(|_| settled)
}

/// The statements of one type with this effect that may have it on a request of which only what is known counts.
pub fn possible_statements<'a>(
    policies: &Policies<'a>,
    (by, level): (PolicyType, usize),
    effect: Effect,
    request: &Request<'a>,
    known: &Known,
) -> Vec<PossibleStatement<'a>> {
    let mut found = Vec::new();
    for (document, policy) in policies.set(by, level).iter().enumerate() {
        for (index, statement) in policy.statements().iter().enumerate() {
            if statement.effect() != effect {
                continue;
            }
            let at = StatementRef {
                document,
                statement: index,
            };
            let bounded = policies.boundary.is_some();
            if let Some(possible) = possible(statement, request, bounded, known) {
                found.push(PossibleStatement {
                    at,
                    statement,
                    reach: possible.reach,
                    reach_max: possible.reach_max,
                    open: possible.open,
                });
            }
        }
    }
    found
}

struct Possible<'a> {
    reach: Option<Reach>,
    reach_max: Reach,
    open: Vec<Open<'a>>,
}

fn possible<'a>(
    statement: &'a Statement,
    request: &Request<'_>,
    bounded: bool,
    known: &Known,
) -> Option<Possible<'a>> {
    let context = request.context();
    if !statement.covers_action(request.action(), context) {
        return None;
    }
    let (reach, reach_max, session) = reaches(statement, request.caller(), bounded)?;
    let is_open = |key: &str| !known.has(key);
    let mut open: Vec<Open<'a>> = session.map(Open::Session).into_iter().collect();
    match statement.covers_resource_perhaps(request.resource(), context, &is_open) {
        Some(true) => {}
        Some(false) => return None,
        None => {
            let (_, patterns) = statement.listed_resources();
            open.push(Open::Resource(
                patterns.iter().map(|it| it.unresolved()).collect(),
            ));
        }
    }
    for condition in statement.compiled_conditions() {
        let shown = ConditionRef(condition);
        if is_open(condition.key_in_lower_case()) || shown.variables().any(is_open) {
            open.push(Open::Condition(shown, shown.as_written().collect()));
        } else if !condition.holds(context) {
            return None;
        }
    }
    Some(Possible {
        reach,
        reach_max,
        open,
    })
}

/// How closely a statement names a caller: surely, at most, and in which session.
fn reaches<'a>(
    statement: &'a Statement,
    caller: &Caller,
    bounded: bool,
) -> Option<(Option<Reach>, Reach, Option<&'a Principal>)> {
    let reach = statement.covers_caller(caller, bounded);
    let one_session = |listed: &'a [Principal]| {
        let mut listed = listed.iter();
        listed.find(|principal| principal.is_some_session_of(caller))
    };
    match (statement.who(), reach) {
        (Who::Attached, _) => Some((reach, reach?, None)),
        (Who::Listed(listed), reach) => match one_session(listed) {
            Some(session) if reach != Some(Reach::Caller) => {
                Some((reach, Reach::Caller, Some(session)))
            }
            _ => Some((reach, reach?, None)),
        },
        // The session that is listed may be exempt.
        (Who::AllBut(listed), Some(reach)) => {
            let denies_all = bounded && statement.effect() == Effect::Deny;
            match one_session(listed).filter(|_| !denies_all) {
                Some(session) => Some((None, reach, Some(session))),
                None => Some((Some(reach), reach, None)),
            }
        }
        (Who::AllBut(_), None) => None,
    }
}
