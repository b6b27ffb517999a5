//! The compiled evaluator against a naive one, over random policies and requests; and properties
//! that hold for every policy. A failing case prints its seed; run it alone with
//! `POLICY_SEED=<seed> cargo test -p strongroom-policy --test differential`.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests may panic as tests may"
)]

mod naive;
mod random;

use proptest::prelude::*;
use strongroom_policy::{
    Caller, Document, Effect, Kind, Policies, Reach, Request, ResourceRule, Verdict, analysis,
    decide, evaluate, explain,
};

use naive::Answer;
use random::Random;

const CASES: u64 = 8_000;

fn seeds() -> impl Iterator<Item = u64> {
    let only = std::env::var("POLICY_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let (first, count) = only.map_or((1, CASES), |seed| (seed, 1));
    first..first + count
}

fn kind_of(random: &mut Random) -> Kind {
    random.pick(&[Kind::Identity, Kind::Resource, Kind::Resource])
}

fn parse(text: &str, kind: Kind, seed: u64) -> Document {
    Document::parse(text, kind)
        .unwrap_or_else(|malformed| panic!("seed {seed}: {malformed}: {text}"))
}

fn answer(verdict: Verdict, kind: Kind) -> Answer {
    match verdict {
        Verdict::Silent => Answer::Silent,
        Verdict::ExplicitDeny { .. } => Answer::Deny,
        Verdict::Allow { reach, .. } => Answer::Allow(match (kind, reach) {
            (Kind::Identity, _) => "attached",
            (_, Reach::Account) => "account",
            (_, Reach::Role) => "role",
            (_, Reach::Everyone) => "everyone",
            (_, Reach::Caller) => "caller",
        }),
    }
}

#[test]
fn a_compiled_policy_decides_as_a_naive_reading_of_its_text() {
    let (mut allowed, mut denied) = (0, 0);
    for seed in seeds() {
        let mut random = Random::new(seed);
        let kind = kind_of(&mut random);
        let policy = random::policy(&mut random, kind);
        let text = policy.to_string();
        let document = parse(&text, kind, seed);
        for _ in 0..4 {
            let asked = random::asked(&mut random);
            let context = asked.context();
            let request = Request::new(&asked.caller, asked.action, asked.resource, &context);
            let found = answer(evaluate(&[&document], &request), kind);
            let expected = naive::evaluate(&policy, &asked);
            assert_eq!(found, expected, "seed {seed}: {text}\n{asked:?}");
            allowed += u32::from(matches!(found, Answer::Allow(_)));
            denied += u32::from(found == Answer::Deny);

            let applied = explain(&[&document], &request)
                .iter()
                .filter(|trace| trace.applied())
                .fold((false, false), |(allow, deny), trace| {
                    match trace.statement.effect() {
                        Effect::Allow => (true, deny),
                        Effect::Deny => (allow, true),
                    }
                });
            let explained = matches!(
                (&found, applied),
                (Answer::Silent, (false, false))
                    | (Answer::Allow(_), (true, false))
                    | (Answer::Deny, (_, true))
            );
            assert!(
                explained,
                "seed {seed}: explained otherwise: {text}\n{asked:?}"
            );
        }
    }
    // The comparison means nothing if hardly anything matches.
    if std::env::var("POLICY_SEED").is_err() {
        assert!(
            allowed > CASES as u32 / 4,
            "only {allowed} of {CASES} allowed"
        );
        assert!(denied > CASES as u32 / 4, "only {denied} of {CASES} denied");
    }
}

#[test]
fn order_does_not_matter_and_a_denial_never_allows_more() {
    for seed in seeds().take(4_000) {
        let mut random = Random::new(seed);
        let kind = kind_of(&mut random);
        let documents: Vec<Document> = (0..3)
            .map(|_| parse(&random::policy(&mut random, kind).to_string(), kind, seed))
            .collect();
        let denial = parse(
            &random::policy_of(&mut random, kind, "Deny").to_string(),
            kind,
            seed,
        );
        let asked = random::asked(&mut random);
        let context = asked.context();
        let request = Request::new(&asked.caller, asked.action, asked.resource, &context);
        let [a, b, c] = [&documents[0], &documents[1], &documents[2]];
        let forward = answer(evaluate(&[a, b, c], &request), kind);
        for set in [[c, b, a], [b, a, c], [a, c, b]] {
            assert_eq!(
                answer(evaluate(&set, &request), kind),
                forward,
                "seed {seed}"
            );
        }
        let stricter = answer(evaluate(&[a, b, c, &denial], &request), kind);
        let same_or_denied = stricter == forward || stricter == Answer::Deny;
        assert!(
            same_or_denied,
            "seed {seed}: {forward:?} became {stricter:?}"
        );
    }
}

#[test]
fn no_policy_type_can_undo_a_refusal_but_the_two_that_grant() {
    for seed in seeds().take(4_000) {
        let mut random = Random::new(seed);
        let mut identity_kind = || {
            parse(
                &random::policy(&mut random, Kind::Identity).to_string(),
                Kind::Identity,
                seed,
            )
        };
        let [identity, boundary, session, control] = [
            identity_kind(),
            identity_kind(),
            identity_kind(),
            identity_kind(),
        ];
        let resource = parse(
            &random::policy(&mut random, Kind::Resource).to_string(),
            Kind::Resource,
            seed,
        );
        let asked = random::asked(&mut random);
        let context = asked.context();
        let request = Request::new(&asked.caller, asked.action, asked.resource, &context);
        let allows = |policies: &Policies<'_>| {
            matches!(
                decide(policies, &request),
                strongroom_policy::Decision::Allow(_)
            )
        };
        let identities = [&identity];
        let sessions = [&session];
        let level = [&control];
        let levels = [level.as_slice()];
        let open = Policies {
            identity: &identities,
            resource: Some(&resource),
            ..Policies::none("111122223333")
        };
        let stricter = [
            Policies {
                boundary: Some(&boundary),
                ..open
            },
            Policies {
                session: Some(&sessions),
                ..open
            },
            Policies {
                service_control: &levels,
                ..open
            },
            Policies {
                resource_control: &levels,
                ..open
            },
            Policies {
                resource_rule: ResourceRule::Required,
                ..open
            },
        ];
        for policies in stricter {
            assert!(
                !allows(&policies) || allows(&open),
                "seed {seed}: {policies:?}"
            );
        }
    }
}

#[test]
fn what_could_not_deny_does_not_deny() {
    for seed in seeds().take(10_000) {
        let mut random = Random::new(seed);
        let policy = random::policy(&mut random, Kind::Resource);
        let document = parse(&policy.to_string(), Kind::Resource, seed);
        let asked = random::asked(&mut random);
        let context = asked.context();
        let request = Request::new(&asked.caller, asked.action, asked.resource, &context);
        let arn = match &asked.caller {
            Caller::Root { account } => format!("arn:aws:iam::{account}:root"),
            Caller::User { arn, .. } | Caller::FederatedUser { arn } => arn.clone(),
            Caller::RoleSession {
                session_arn,
                role_arn,
                ..
            } => random.pick(&[session_arn, role_arn]).clone(),
            _ => "someone".to_owned(),
        };
        if analysis::may_deny(&document, &arn, asked.action).is_none() {
            let verdict = evaluate(&[&document], &request);
            let denied = matches!(verdict, Verdict::ExplicitDeny { .. });
            assert!(!denied, "seed {seed}: {policy} denied {arn}");
        }
    }
}

#[test]
fn a_stranger_is_let_in_by_public_statements_only() {
    for seed in seeds().take(10_000) {
        let mut random = Random::new(seed);
        let policy = random::policy(&mut random, Kind::Resource);
        let document = parse(&policy.to_string(), Kind::Resource, seed);
        if !analysis::public_access(&document).is_empty() {
            continue;
        }
        // Nobody: no key that says who or where someone is.
        let mut asked = random::asked(&mut random);
        asked.caller = Caller::Anonymous;
        asked.values.retain(|(key, _)| !random::says_who(key));
        let context = asked.context();
        let request = Request::new(&asked.caller, asked.action, asked.resource, &context);
        let verdict = evaluate(&[&document], &request);
        assert!(
            !matches!(verdict, Verdict::Allow { .. }),
            "seed {seed}: {policy}\n{asked:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        for kind in [Kind::Identity, Kind::Resource, Kind::Trust] {
            let _ = Document::parse(&text, kind);
        }
    }

    #[test]
    fn no_damage_to_a_policy_makes_the_parser_panic(
        seed in any::<u64>(),
        at in any::<prop::sample::Index>(),
        length in 0_usize..6,
        put in "[\\[\\]{}\",:$*?a-z0-9\\\\]{0,4}",
    ) {
        let mut random = Random::new(seed);
        let kind = kind_of(&mut random);
        let mut chars: Vec<char> = random::policy(&mut random, kind).to_string().chars().collect();
        let from = at.index(chars.len());
        let to = (from + length).min(chars.len());
        chars.splice(from..to, put.chars());
        let text: String = chars.into_iter().collect();
        if let Ok(document) = Document::parse(&text, kind) {
            let asked = random::asked(&mut random);
            let context = asked.context();
            let request = Request::new(&asked.caller, asked.action, asked.resource, &context);
            let _ = evaluate(&[&document], &request);
            let _ = explain(&[&document], &request);
            let _ = analysis::external_access(&document, "111122223333");
        }
    }

    #[test]
    fn patterns_match_as_the_naive_reading_does(
        pattern in "[ab:*?]{0,14}",
        text in "[ab:]{0,14}",
    ) {
        let policy = serde_json::json!({"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Action": "*", "Resource": format!("arn:{pattern}")}});
        let document = Document::parse(&policy.to_string(), Kind::Identity).unwrap();
        let resource = format!("arn:{text}");
        let mut asked = random::asked(&mut Random::new(1));
        asked.resource = Box::leak(resource.into_boxed_str());
        let context = asked.context();
        let request = Request::new(&asked.caller, asked.action, asked.resource, &context);
        let found = answer(evaluate(&[&document], &request), Kind::Identity);
        prop_assert_eq!(found, naive::evaluate(&policy, &asked));
    }
}
