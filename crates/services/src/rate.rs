//! How often an account may ask: which operations share a rate, and whether a request is within it. Knows no
//! clock: instants are given.
//!
//! Source: AWS Secrets Manager User Guide, Quotas; reference/api.md §4.

use std::time::Duration;

/// A rate that some operations share, in each account and region.
#[derive(Debug, PartialEq, Eq)]
pub struct Rate {
    /// The operations that count for it, together.
    pub operations: &'static [&'static str],
    /// Requests a second.
    pub per_second: u32,
}

const fn rate(per_second: u32, operations: &'static [&'static str]) -> Rate {
    Rate {
        operations,
        per_second,
    }
}

/// The rates of Secrets Manager.
pub const SECRETS_MANAGER: &[Rate] = &[
    rate(10_000, &["GetSecretValue", "DescribeSecret"]),
    rate(100, &["BatchGetSecretValue"]),
    rate(100, &["ListSecrets"]),
    rate(
        50,
        &[
            "PutSecretValue",
            "UpdateSecret",
            "UpdateSecretVersionStage",
            "ReplicateSecretToRegions",
            "RemoveRegionsFromReplication",
            "StopReplicationToReplica",
        ],
    ),
    rate(
        50,
        &[
            "DeleteResourcePolicy",
            "GetResourcePolicy",
            "PutResourcePolicy",
            "ValidateResourcePolicy",
        ],
    ),
    rate(50, &["RotateSecret", "CancelRotateSecret"]),
    rate(50, &["TagResource", "UntagResource"]),
    rate(50, &["CreateSecret"]),
    rate(50, &["DeleteSecret"]),
    rate(50, &["RestoreSecret"]),
    rate(50, &["GetRandomPassword"]),
    rate(50, &["ListSecretVersionIds"]),
];

/// Which of its rates an operation of Secrets Manager counts for.
pub fn of(operation: &str) -> Option<(usize, &'static Rate)> {
    SECRETS_MANAGER
        .iter()
        .enumerate()
        .find(|(_, rate)| rate.operations.contains(&operation))
}

/// How long unused requests may be saved up: a second's worth at once is what a rate a second allows.
const SAVED_UP: Duration = Duration::from_secs(1);

/// Takes one request out of a rate, of which so many percent are in force; `None` where there is none left.
///
/// The state is one instant, that at which everything taken will have been earned; what is returned takes its
/// place. Instants are nanoseconds since whatever beginning.
pub fn take(earned_at: u64, now: u64, per_second: u32, percent: u32) -> Option<u64> {
    let hundredths_a_second = (u64::from(per_second) * u64::from(percent)).max(1);
    let each = (100 * NANOSECONDS / hundredths_a_second).max(1);
    let saved_up = u64::try_from(SAVED_UP.as_nanos()).unwrap_or(NANOSECONDS);
    let earned_at = earned_at.max(now).saturating_add(each);
    // Where one request takes longer than what may be saved up, it needs just itself.
    (earned_at <= now.saturating_add(saved_up.max(each))).then_some(earned_at)
}

const NANOSECONDS: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secretsmanager::{ABSENT_OPERATIONS, OPERATIONS};

    /// How many of `offered` requests at regular intervals in so many seconds are within the rate.
    fn admitted(offered: u64, seconds: u64, per_second: u32, percent: u32) -> u64 {
        let mut earned_at = 0;
        (0..offered)
            .filter(|number| {
                let now = number * seconds * NANOSECONDS / offered;
                let taken = take(earned_at, now, per_second, percent);
                earned_at = taken.unwrap_or(earned_at);
                taken.is_some()
            })
            .count() as u64
    }

    #[test]
    fn every_operation_counts_for_exactly_one_rate() {
        let present = OPERATIONS.iter().map(|entry| entry.name);
        for name in present.chain(ABSENT_OPERATIONS.iter().map(|(name, _)| *name)) {
            let counted = SECRETS_MANAGER
                .iter()
                .filter(|rate| rate.operations.contains(&name));
            assert_eq!(counted.count(), 1, "{name}");
        }
        assert_eq!(of("CreateKey"), None);
    }

    #[test]
    fn a_rate_allows_what_it_says_each_second_and_one_second_saved_up() {
        for (offered, seconds, per_second, percent, expected) in [
            // Below and at the rate, all of them.
            (500, 10, 50, 100, 500),
            (100, 10, 50, 100, 100),
            // Above it: a second's worth at once, then the rate.
            (10_000, 10, 50, 100, 549),
            (10_000, 10, 50, 200, 1_099),
            (10_000, 10, 50, 10, 54),
            // Less than one a second.
            (10_000, 100, 50, 1, 50),
            (1_000_000, 2, 10_000, 100, 29_999),
        ] {
            assert_eq!(
                admitted(offered, seconds, per_second, percent),
                expected,
                "{offered} in {seconds} s at {percent} % of {per_second}"
            );
        }
    }

    #[test]
    fn who_was_refused_is_let_in_as_soon_as_one_request_was_earned() {
        let mut earned_at = 0;
        while let Some(taken) = take(earned_at, 0, 50, 100) {
            earned_at = taken;
        }
        let each = NANOSECONDS / 50;
        assert_eq!(take(earned_at, each - 1, 50, 100), None);
        assert!(take(earned_at, each, 50, 100).is_some());
    }
}
