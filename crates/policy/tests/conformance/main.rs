//! What AWS's documentation says of policies, as tables of cases, held against the compiled evaluator
//! and the naive one: both must decide as the tables say. Expected decisions come from the source
//! that stands above each table, never from running this code.
//!
//! The tables are the files beside this one; `table.rs` says how they are written.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests may panic as tests may"
)]

#[path = "../evaluators/mod.rs"]
mod evaluators;
mod table;

use std::collections::BTreeSet;

use evaluators::{Outcome, combine, compiled};
use table::Case;

const TABLES: &[(&str, &str)] = &[
    ("operators", include_str!("operators.table")),
    ("conditions", include_str!("conditions.table")),
    ("variables", include_str!("variables.table")),
    ("elements", include_str!("elements.table")),
    ("principals", include_str!("principals.table")),
    ("combination", include_str!("combination.table")),
    ("keys_and_roles", include_str!("keys_and_roles.table")),
];

fn cases() -> Vec<Case> {
    TABLES
        .iter()
        .flat_map(|(file, text)| table::read(file, text))
        .collect()
}

#[test]
fn the_compiled_evaluator_decides_as_the_tables_say() {
    check(|case| compiled::decide(&case.attached, case.kind, &case.asked, &case.at));
}

#[test]
fn the_naive_evaluator_decides_as_the_tables_say() {
    check(|case| combine::decide(&case.attached, &case.asked));
}

fn check(decide: impl Fn(&Case) -> Outcome) {
    let wrong: Vec<String> = cases()
        .iter()
        .filter_map(|case| {
            let found = decide(case);
            let Case {
                at, rule, expected, ..
            } = case;
            (found != *expected).then(|| format!("{at}: {rule}: {expected:?}, not {found:?}"))
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} cases:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_rule_is_told_once() {
    let cases = cases();
    let rules: BTreeSet<&str> = cases.iter().map(|case| case.rule.as_str()).collect();
    let mut seen = BTreeSet::new();
    let twice: Vec<&str> = cases
        .iter()
        .map(|case| case.rule.as_str())
        .filter(|rule| !seen.insert(*rule))
        .collect();
    assert!(twice.is_empty(), "{twice:#?}");
    assert!(rules.len() > 2_000, "{} cases", rules.len());
}
