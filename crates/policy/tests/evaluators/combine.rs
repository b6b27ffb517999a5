//! How the naive evaluator combines policies of different types: as the flow charts of the IAM user
//! guide's Policy evaluation logic and Cross-account policy evaluation logic go, step by step.

use serde_json::Value;

use super::naive::{Answer, REACHES, evaluate};
use super::{Asked, Attached, Outcome};

pub(crate) fn decide(attached: &Attached, asked: &Asked) -> Outcome {
    let bounded = attached.boundary.is_some();
    let says = |policy: &Value| evaluate(policy, asked, bounded);
    let allows = |set: &[Value]| {
        set.iter()
            .any(|policy| matches!(says(policy), Answer::Allow(_)))
    };

    // Any explicit denial.
    let one = |policy: &Option<Value>| policy.iter().cloned().collect::<Vec<_>>();
    let all = [
        ("resource control", attached.resource_control.concat()),
        ("service control", attached.service_control.concat()),
        ("resource", one(&attached.resource)),
        ("identity", attached.identity.clone()),
        ("boundary", one(&attached.boundary)),
        ("session", attached.session.clone().unwrap_or_default()),
    ];
    for (name, policies) in &all {
        if policies.iter().any(|policy| says(policy) == Answer::Deny) {
            return Outcome::DeniedBy(name);
        }
    }

    // Each level of the organization's policies.
    for (name, levels) in [
        ("resource control", &attached.resource_control),
        ("service control", &attached.service_control),
    ] {
        if !levels.iter().all(|level| allows(level)) {
            return Outcome::No(name);
        }
    }

    // The resource's side.
    let by_policy = match attached.resource.as_ref().map(says) {
        Some(Answer::Allow(reach)) => Some(reach),
        _ => None,
    };
    let closeness = |reach: &&str| REACHES.iter().position(|known| known == reach);
    let let_in = by_policy
        .into_iter()
        .chain(attached.granted)
        .max_by_key(closeness);

    // The caller's side.
    let is_root = matches!(asked.caller, strongroom_policy::Caller::Root { .. });
    let limits = || {
        if attached
            .boundary
            .as_ref()
            .is_some_and(|policy| !matches!(says(policy), Answer::Allow(_)))
        {
            Outcome::No("boundary")
        } else if attached.session.as_ref().is_some_and(|set| !allows(set)) {
            Outcome::No("session")
        } else {
            Outcome::Allow
        }
    };
    let callers_side = || {
        if is_root {
            Outcome::Allow
        } else if allows(&attached.identity) {
            limits()
        } else {
            Outcome::No("identity")
        }
    };

    match (asked.caller.account(), let_in) {
        // No account of its own, so nobody else to ask.
        (None, Some("role" | "everyone" | "caller")) => Outcome::Allow,
        (None, _) => Outcome::No("resource"),
        // The same account: one side is enough.
        (Some(account), let_in) if account == attached.owner => match let_in {
            Some("caller" | "everyone") => Outcome::Allow,
            Some("role") => limits(),
            Some(_) => callers_side(),
            None if attached.required => Outcome::No("resource"),
            None => callers_side(),
        },
        // Another account: both sides.
        (Some(_), Some(_)) => callers_side(),
        (Some(_), None) => Outcome::No("resource"),
    }
}
