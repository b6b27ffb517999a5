//! What is said of requests of which not everything is known holds for each of them.

use strongroom_policy::{Bound, Caller, Context, Decision, Known, Policies, Request, decide};

use crate::random::{self, Random};
use crate::remedies::Written;
use crate::seeds;

const KEYS: &[&str] = &[
    "a:text",
    "a:many",
    "a:none",
    "aws:username",
    "aws:principaltag/team",
    "aws:principaltag/none",
    "a:number",
    "a:numbers",
    "a:date",
    "aws:sourceip",
    "a:arn",
    "a:bool",
    "a:binary",
];

fn context(values: &[(String, Vec<String>)], wanted: impl Fn(&str) -> bool, into: &mut Context) {
    for (key, values) in values.iter().filter(|(key, _)| wanted(&key.to_lowercase())) {
        into.insert_all(key, values.iter().map(String::as_str));
    }
}

fn allows(policies: &Policies<'_>, request: &Request<'_>) -> bool {
    matches!(decide(policies, request), Decision::Allow(_))
}

/// The same in another session of the role, where the caller has assumed one.
fn in_session(caller: &Caller, name: &str) -> Caller {
    match caller.clone() {
        Caller::RoleSession {
            role_arn,
            unique_id,
            ..
        } => Caller::RoleSession {
            session_arn: format!("arn:aws:sts::111122223333:assumed-role/reader/{name}"),
            role_arn,
            unique_id,
        },
        other => other,
    }
}

#[test]
fn no_request_is_allowed_that_is_impossible_and_none_denied_that_is_certain() {
    let (mut never, mut always, mut both) = (0, 0, 0);
    for seed in seeds().take(2_000) {
        let mut random = Random::new(seed);
        let written = Written::random(&mut random);
        let first = random::asked(&mut random);
        written.decide(&first, &Context::new(), |policies, _| {
            for _ in 0..6 {
                let (least, most, outcomes) = outcomes(policies, &mut random, seed);
                never += u32::from(!most);
                always += u32::from(least);
                both += u32::from(outcomes.contains(&true) && outcomes.contains(&false));
            }
        });
    }
    if std::env::var("POLICY_SEED").is_err() {
        assert!(
            never > 1_000 && always > 400 && both > 100,
            "{never} {always} {both}"
        );
    }
}

/// What is said of a request of which not everything is known, and what is decided on some that it may be.
fn outcomes(policies: &Policies<'_>, random: &mut Random, seed: u64) -> (bool, bool, Vec<bool>) {
    let asked = random::asked(random);
    let keys = KEYS
        .iter()
        .copied()
        .filter(|_| random.pick(&[true, true, false]));
    let keys: Vec<&str> = keys.collect();
    let known = Known::new(keys.iter().copied(), []);
    let any_session = random.pick(&[true, false]);
    let mut partly = Context::new();
    context(&asked.values, |key| keys.contains(&key), &mut partly);
    let caller = if any_session {
        in_session(&asked.caller, "")
    } else {
        asked.caller.clone()
    };
    let request = Request::new(&caller, &asked.action, &asked.resource, &partly);
    let least = allows(policies, &request.bounded(&known, Bound::Least));
    let most = allows(policies, &request.bounded(&known, Bound::Most));
    assert!(most || !least, "seed {seed}");
    let mut outcomes = Vec::new();
    for _ in 0..8 {
        let other = random::asked(random);
        let mut concrete = partly.clone();
        context(&other.values, |key| !keys.contains(&key), &mut concrete);
        let mut caller = asked.caller.clone();
        if any_session {
            caller = in_session(&caller, random.pick(&["s1", "s2", "s3"]));
        }
        let request = Request::new(&caller, &asked.action, &asked.resource, &concrete);
        let allowed = allows(policies, &request);
        assert!(
            most || !allowed,
            "seed {seed}: possible after all, {request:?}"
        );
        assert!(allowed || !least, "seed {seed}: not certain, {request:?}");
        outcomes.push(allowed);
    }
    (least, most, outcomes)
}
