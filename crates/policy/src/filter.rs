//! Which statements can't concern an action, told from one number each: most statements of most
//! policies are for other services, and looking at each would be most of a decision's cost.
//!
//! It is a Bloom filter of 64 bits over what a statement's actions are: names as they are,
//! patterns by their service. It may take a statement for one that concerns the action, never the
//! other way round.

/// The actions that a statement may concern, or those that a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ActionFilter(u64);

impl ActionFilter {
    /// Every action: `NotAction`, or a pattern for any service.
    pub(crate) const EVERY: ActionFilter = ActionFilter(u64::MAX);

    /// Of a request's action: its name and its service, since a statement has either.
    pub(crate) fn of_action(action_in_lower_case: &str) -> Self {
        let hash = Fnv::of_service(action_in_lower_case);
        ActionFilter(hash.bit() | hash.and_name(action_in_lower_case).bit())
    }

    /// Of some patterns for actions.
    pub(crate) fn of_patterns<'a>(in_lower_case: impl Iterator<Item = &'a str>) -> Self {
        let bits = in_lower_case.map(|pattern| {
            let service = service(pattern);
            let name = &pattern[service.len()..];
            let hash = Fnv::of_service(pattern);
            if service.contains(WILDCARDS) {
                u64::MAX
            } else if name.contains(WILDCARDS) {
                hash.bit()
            } else {
                hash.and_name(pattern).bit()
            }
        });
        ActionFilter(bits.fold(0, |all, bit| all | bit))
    }

    /// Whether a statement's actions and a request's may have one in common.
    pub(crate) fn may_concern(self, other: ActionFilter) -> bool {
        self.0 & other.0 != 0
    }
}

const WILDCARDS: [char; 2] = ['*', '?'];

/// What stands before the colon; everything where there is none.
fn service(action: &str) -> &str {
    action
        .split_once(':')
        .map_or(action, |(service, _)| service)
}

/// FNV-1a: a few bytes, no key. Whoever writes policies that collide slows down their own decisions.
#[derive(Clone, Copy)]
struct Fnv(u64);

impl Fnv {
    fn of_service(action: &str) -> Self {
        Fnv(0xcbf2_9ce4_8422_2325).and(service(action))
    }

    fn and_name(self, action: &str) -> Self {
        self.and(&action[service(action).len()..])
    }

    fn and(self, text: &str) -> Self {
        Fnv(text.bytes().fold(self.0, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        }))
    }

    fn bit(self) -> u64 {
        1 << (self.0 >> 58)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_pattern_matches_passes_and_most_else_does_not() {
        let passes = |pattern: &str, action: &str| {
            ActionFilter::of_patterns([pattern].into_iter())
                .may_concern(ActionFilter::of_action(action))
        };
        for pattern in [
            "*",
            "*:getsecretvalue",
            "secretsmanager:*",
            "secretsmanager:get*",
            "secretsmanager:?etsecretvalue",
            "secretsmanager:getsecretvalue",
            "s*:getsecretvalue",
        ] {
            assert!(
                passes(pattern, "secretsmanager:getsecretvalue"),
                "{pattern}"
            );
        }
        let actions = (0..1_000).map(|number| format!("service{number}:action{number}"));
        let passed = |pattern| {
            actions
                .clone()
                .filter(|action| passes(pattern, action))
                .count()
        };
        // Two of 64 bits.
        for pattern in ["kms:*", "kms:decrypt"] {
            assert!((10..60).contains(&passed(pattern)), "{}", passed(pattern));
        }
    }
}
