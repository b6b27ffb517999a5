//! The compiled evaluator against a naive one, over random policies and requests; and properties
//! that hold for every policy. A failing case prints its seed; run it alone with
//! `POLICY_SEED=<seed> cargo test -p strongroom-policy --test differential`.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests may panic as tests may"
)]

#[path = "../evaluators/mod.rs"]
mod evaluators;
mod possible;
mod random;
mod remedies;

use std::collections::BTreeMap;

use proptest::prelude::*;
use strongroom_policy::{
    Caller, Document, Effect, Kind, Reach, Request, Verdict, analysis, evaluate, explain,
};

use evaluators::naive::{self, Answer};
use evaluators::{Asked, Attached, Outcome, combine, compiled};
use random::Random;

const CASES: u64 = 8_000;
/// Policies of every type take longer.
const SITUATIONS: usize = 4_000;

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
            let request = Request::new(&asked.caller, &asked.action, &asked.resource, &context);
            let found = answer(evaluate(&[&document], &request), kind);
            let expected = naive::evaluate(&policy, &asked, false);
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

/// Policies of every type and a request, from a seed.
fn situation(seed: u64) -> (Random, Attached, Asked) {
    let mut random = Random::new(seed);
    let attached = random::attached(&mut random);
    let asked = random::asked(&mut random);
    (random, attached, asked)
}

fn decided(attached: &Attached, asked: &Asked, seed: u64) -> Outcome {
    compiled::decide(attached, Kind::Resource, asked, &format!("seed {seed}"))
}

#[test]
fn policies_of_all_types_combine_as_in_a_naive_reading_of_their_texts() {
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    for seed in seeds().take(SITUATIONS) {
        let (_, attached, asked) = situation(seed);
        let found = decided(&attached, &asked, seed);
        let expected = combine::decide(&attached, &asked);
        assert_eq!(found, expected, "seed {seed}: {attached:#?}\n{asked:?}");
        *outcomes.entry(format!("{found:?}")).or_default() += 1;
    }
    // The comparison means nothing where an outcome hardly ever comes.
    if std::env::var("POLICY_SEED").is_err() {
        assert_eq!(outcomes.len(), 13, "{outcomes:?}");
        let rarest = outcomes.values().min().copied().unwrap();
        assert!(rarest > SITUATIONS / 200, "{outcomes:?}");
        assert!(outcomes["Allow"] > SITUATIONS / 6, "{outcomes:?}");
    }
}

#[test]
fn the_order_of_policies_levels_and_statements_does_not_matter() {
    for seed in seeds().take(SITUATIONS) {
        let (mut random, attached, asked) = situation(seed);
        let forward = decided(&attached, &asked, seed);
        let shuffled = random::shuffled(&mut random, &attached);
        let again = decided(&shuffled, &asked, seed);
        assert_eq!(again, forward, "seed {seed}: {attached:#?}\n{asked:?}");
    }
}

#[test]
fn a_denial_added_anywhere_never_allows_more() {
    let mut denied = 0;
    for seed in seeds().take(SITUATIONS) {
        let (mut random, attached, asked) = situation(seed);
        let before = decided(&attached, &asked, seed);
        let mut stricter = attached.clone();
        let Some((kind, policy)) = random::some_policy(&mut random, &mut stricter) else {
            continue;
        };
        random::add(&mut random, policy, kind, "Deny");
        let after = decided(&stricter, &asked, seed);
        let same_or_denied = after == before || matches!(after, Outcome::DeniedBy(_));
        assert!(
            same_or_denied,
            "seed {seed}: {before:?} became {after:?}: {stricter:#?}\n{asked:?}"
        );
        denied += usize::from(after != before);
    }
    if std::env::var("POLICY_SEED").is_err() {
        assert!(denied > SITUATIONS / 100, "only {denied} denied");
    }
}

#[test]
fn an_allowance_added_anywhere_never_denies_more() {
    let mut allowed = 0;
    for seed in seeds().take(SITUATIONS) {
        let (mut random, attached, asked) = situation(seed);
        let before = decided(&attached, &asked, seed);
        let mut wider = attached.clone();
        let Some((kind, policy)) = random::some_policy(&mut random, &mut wider) else {
            continue;
        };
        random::add(&mut random, policy, kind, "Allow");
        let after = decided(&wider, &asked, seed);
        let no_worse = after == Outcome::Allow || before != Outcome::Allow;
        // What was denied explicitly stays so.
        let still_denied = !matches!(before, Outcome::DeniedBy(_)) || after == before;
        assert!(
            no_worse && still_denied,
            "seed {seed}: {before:?} became {after:?}: {wider:#?}\n{asked:?}"
        );
        allowed += usize::from(after != before);
    }
    if std::env::var("POLICY_SEED").is_err() {
        assert!(allowed > SITUATIONS / 200, "only {allowed} allowed");
    }
}

#[test]
fn a_limit_taken_away_never_denies_more() {
    for seed in seeds().take(SITUATIONS) {
        let (_, attached, asked) = situation(seed);
        if decided(&attached, &asked, seed) != Outcome::Allow {
            continue;
        }
        let lifts: [fn(&mut Attached); 5] = [
            |attached| attached.boundary = None,
            |attached| attached.session = None,
            |attached| drop(attached.service_control.pop()),
            |attached| drop(attached.resource_control.pop()),
            |attached| attached.required = false,
        ];
        for (index, lift) in lifts.iter().enumerate() {
            let mut wider = attached.clone();
            lift(&mut wider);
            let after = decided(&wider, &asked, seed);
            assert_eq!(
                after,
                Outcome::Allow,
                "seed {seed}, lift {index}: {attached:#?}\n{asked:?}"
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
        let request = Request::new(&asked.caller, &asked.action, &asked.resource, &context);
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
        if analysis::may_deny(&document, &arn, &asked.action).is_none() {
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
        let request = Request::new(&asked.caller, &asked.action, &asked.resource, &context);
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
            let request = Request::new(&asked.caller, &asked.action, &asked.resource, &context);
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
        asked.resource = resource;
        let context = asked.context();
        let request = Request::new(&asked.caller, &asked.action, &asked.resource, &context);
        let found = answer(evaluate(&[&document], &request), Kind::Identity);
        prop_assert_eq!(found, naive::evaluate(&policy, &asked, false));
    }
}
