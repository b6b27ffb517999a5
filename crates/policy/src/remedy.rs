//! What would let a refused request through: the fewest changes of policies, or of what the request holds.

use crate::combine::{Policies, PolicyType, Refused, Verdicts};
use crate::condition::{Condition, ConditionRef};
use crate::context::Context;
use crate::document::{Effect, Statement};
use crate::evaluate::{Request, StatementRef};
use crate::explain::{Mismatch, explain_type};
use crate::principal::{Caller, Reach};

/// One change of several that are needed together.
#[derive(Debug, Clone)]
pub enum Step<'a> {
    /// A statement that denies is taken away, or no longer applies to the request.
    Remove {
        /// The type of its policy.
        by: PolicyType,
        /// The policy's level.
        level: usize,
        /// Where it stands in that set.
        at: StatementRef,
    },
    /// A policy of this type allows the action on the resource.
    Allow {
        /// The type.
        by: PolicyType,
        /// The level.
        level: usize,
        /// Whom the statement names, where its policy names anyone.
        naming: Option<Naming>,
    },
    /// The request holds something else under the key of a condition.
    Hold {
        /// The type of the condition's policy.
        by: PolicyType,
        /// The policy's level.
        level: usize,
        /// The condition's statement.
        at: StatementRef,
        /// The condition.
        condition: ConditionRef<'a>,
        /// Whether it then holds. That of a statement that denies must not.
        holds: bool,
        /// A value that will do; `None`: no value.
        value: Option<String>,
    },
}

/// Whom a statement has to name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// The caller; for who has assumed a role, the role.
    Caller,
    /// The caller's account.
    Account,
    /// The caller or its account, either will do.
    Either,
}

/// Which changes there can be.
pub struct Changeable<'a> {
    /// Whether the resource can have a policy.
    pub resource_policy: bool,
    /// Whether a request like this can hold something else under a key, which is in lower case.
    pub key: &'a dyn Fn(&str) -> bool,
}

/// The ways to get a refused request allowed, with the fewest steps first. Each is enough, and nothing of it can be
/// left out. None for a request that is allowed, or where nothing that is changeable helps.
///
/// An added statement is taken to name just the action and the resource, without a condition.
pub fn remedies<'a>(
    policies: &Policies<'a>,
    request: &Request<'a>,
    changeable: &Changeable<'_>,
) -> Vec<Vec<Step<'a>>> {
    let mut ways = by_policies(policies, request, changeable);
    let fewest = |ways: &[Vec<Step<'a>>]| ways.iter().map(Vec::len).min();
    // A request that nothing in policies helps may still be one that a value helps.
    let most = fewest(&ways).unwrap_or(usize::MAX);
    if most == 0 {
        return Vec::new();
    }
    for mut held in by_values(policies, request, changeable) {
        let beside = |held: &[Step<'a>]| {
            let context = held.iter().fold(request.context().clone(), with_value);
            by_policies(policies, &request.with_context(&context), changeable)
        };
        let mut further: Vec<Vec<Step<'a>>> = beside(&held);
        let Some(fewer) = fewest(&further).filter(|fewer| *fewer < most) else {
            continue;
        };
        // Another statement may need less than the one that these values were sought for.
        for at in (0..held.len()).rev() {
            let mut less = held.clone();
            less.remove(at);
            let without = beside(&less);
            if fewest(&without) == Some(fewer) {
                (held, further) = (less, without);
            }
        }
        let further = further.into_iter().filter(|steps| steps.len() == fewer);
        ways.extend(further.map(|steps| held.iter().cloned().chain(steps).collect()));
        if ways.len() >= WAYS_MAX {
            break;
        }
    }
    ways.sort_by_key(Vec::len);
    ways.truncate(WAYS_MAX);
    ways
}

/// By changes of policies alone. One empty way: the request is allowed.
fn by_policies<'a>(
    policies: &Policies<'_>,
    request: &Request<'_>,
    changeable: &Changeable<'_>,
) -> Vec<Vec<Step<'a>>> {
    let (verdicts, refused) = Verdicts::beside_denials(policies, request);
    let needed: Vec<Step<'a>> = refused.iter().map(Step::against).collect();
    let caller_reach = match request.caller() {
        Caller::RoleSession { .. } => Reach::Role,
        _ => Reach::Caller,
    };
    let sides = [
        (PolicyType::Identity, Reach::Caller, None),
        (PolicyType::Boundary, Reach::Caller, None),
        (PolicyType::Session, Reach::Caller, None),
        (PolicyType::Resource, caller_reach, Some(Naming::Caller)),
        (PolicyType::Resource, Reach::Account, Some(Naming::Account)),
    ];
    let mut enough: Vec<u32> = Vec::new();
    let mut choices: Vec<u32> = (0..1 << sides.len()).collect();
    choices.sort_by_key(|choice| choice.count_ones());
    for choice in choices {
        if enough.iter().any(|less| less & choice == *less)
            || (choice & BY_RESOURCE != 0 && !changeable.resource_policy)
        {
            continue;
        }
        let chosen = sides.iter().enumerate();
        let chosen = chosen.filter(|(at, _)| choice & (1 << at) != 0);
        let then = chosen.fold(verdicts, |then, (_, (by, reach, _))| {
            then.with_allowed(*by, *reach)
        });
        if then.combine(policies, request).is_ok() {
            enough.push(choice);
        }
    }
    let either = |choice: u32| enough.contains(&(choice ^ BY_RESOURCE));
    let ways = enough.iter().filter(|choice| {
        let account_alone = **choice & BY_RESOURCE == BY_ACCOUNT;
        !(account_alone && either(**choice))
    });
    ways.map(|choice| {
        let chosen = sides.iter().enumerate();
        let chosen = chosen.filter(|(at, _)| choice & (1 << at) != 0);
        let allowing = chosen.map(|(_, (by, _, naming))| Step::Allow {
            by: *by,
            level: 0,
            naming: naming.map(|naming| {
                if either(*choice) {
                    Naming::Either
                } else {
                    naming
                }
            }),
        });
        needed.iter().cloned().chain(allowing).collect()
    })
    .collect()
}

/// The two bits of a choice that are about the resource's policy, and the one that names the account there.
const BY_RESOURCE: u32 = 0b11000;
const BY_ACCOUNT: u32 = 0b10000;
/// More ways than anyone reads.
const WAYS_MAX: usize = 6;
/// Statements whose conditions are looked at.
const STATEMENTS_MAX: usize = 12;

/// Values that get a statement to apply that would allow but for its conditions, or not to apply that denies.
fn by_values<'a>(
    policies: &Policies<'a>,
    request: &Request<'a>,
    changeable: &Changeable<'_>,
) -> Vec<Vec<Step<'a>>> {
    let mut found = Vec::new();
    for (by, level, _) in policies.sets() {
        for trace in explain_type(policies, (by, level), request) {
            let place = (by, level, trace.at);
            let statement = trace.statement;
            if statement.effect() == Effect::Deny && trace.applied() {
                let conditions = statement.compiled_conditions().iter();
                found.extend(conditions.filter_map(|condition| {
                    let step = held(condition, false, statement, place, request, changeable)?;
                    Some(vec![step])
                }));
            }
            let is_near = statement.effect() == Effect::Allow
                && !trace.applied()
                && (trace.mismatches.iter())
                    .all(|mismatch| matches!(mismatch, Mismatch::Condition { .. }));
            if is_near {
                found.extend(let_apply(statement, place, request, changeable));
            }
            if found.len() >= STATEMENTS_MAX {
                return found;
            }
        }
    }
    found
}

type Place = (PolicyType, usize, StatementRef);

/// Values under which all conditions of a statement hold; each of them is needed.
fn let_apply<'a>(
    statement: &'a Statement,
    place: Place,
    request: &Request<'_>,
    changeable: &Changeable<'_>,
) -> Option<Vec<Step<'a>>> {
    let mut context = request.context().clone();
    let mut steps: Vec<Step<'a>> = Vec::new();
    for condition in statement.compiled_conditions() {
        let request = request.with_context(&context);
        if condition.holds(request.context()) {
            continue;
        }
        let step = held(condition, true, statement, place, &request, changeable)?;
        context = with_value(context.clone(), &step);
        steps.push(step);
    }
    Some(steps)
}

/// A value under which a condition holds or doesn't, as wanted, and under which no condition of the statement on the
/// same key stops to hold.
fn held<'a>(
    condition: &'a Condition,
    holds: bool,
    statement: &'a Statement,
    (by, level, at): Place,
    request: &Request<'_>,
    changeable: &Changeable<'_>,
) -> Option<Step<'a>> {
    if !(changeable.key)(condition.key_in_lower_case()) {
        return None;
    }
    let steps = condition.values_to_try(request.context()).into_iter();
    let mut steps = steps.map(|value| Step::Hold {
        by,
        level,
        at,
        condition: ConditionRef(condition),
        holds,
        value,
    });
    steps.find(|step| {
        let context = with_value(request.context().clone(), step);
        let others = statement.compiled_conditions().iter();
        let mut others =
            others.filter(|other| other.key_in_lower_case() == condition.key_in_lower_case());
        condition.holds(&context) == holds && (!holds || others.all(|other| other.holds(&context)))
    })
}

fn with_value(mut context: Context, step: &Step<'_>) -> Context {
    if let Step::Hold {
        condition, value, ..
    } = step
    {
        context.replace(condition.key(), value.clone());
    }
    context
}

impl Step<'_> {
    fn against(refused: &Refused) -> Self {
        let Refused { by, level, denied } = *refused;
        match denied {
            Some(at) => Step::Remove { by, level, at },
            None => Step::Allow {
                by,
                level,
                naming: None,
            },
        }
    }
}
