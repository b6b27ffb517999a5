//! Slows down and reports whoever guesses at credentials: an address from which many requests come that are signed
//! with a wrong or unknown access key. Requests with a right signature are never held up, so nobody can lock another
//! out. Knows no access key.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long wrong signatures are held against an address after its first.
const WINDOW: Duration = Duration::from_secs(60);
/// Wrong signatures in a window that cost nothing: a wrong configuration, retried.
const FREE: u32 = 10;
/// How long the first answer after those waits; each doubling of their number doubles it.
const FIRST_DELAY: Duration = Duration::from_millis(100);
/// The longest wait.
const LONGEST_DELAY: Duration = Duration::from_secs(5);
/// Addresses that are counted at once.
const SOURCES_MAX: usize = 10_000;

/// Wrong signatures by where they came from.
pub struct Guesses {
    /// Off in development, where nobody attacks and tests sign wrongly on purpose.
    slows: bool,
    sources: Mutex<HashMap<IpAddr, Window>>,
    total: AtomicU64,
}

#[derive(Clone, Copy)]
struct Window {
    start: Instant,
    wrong: u32,
}

impl Guesses {
    /// None yet. Where it slows nobody, it only counts.
    pub fn new(slows: bool) -> Self {
        Guesses {
            slows,
            sources: Mutex::default(),
            total: AtomicU64::new(0),
        }
    }

    /// Wrong signatures since the start.
    pub fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// Counts a wrong signature; how long its answer should wait.
    pub fn note(&self, from: IpAddr, now: Instant) -> Duration {
        self.total.fetch_add(1, Ordering::Relaxed);
        if !self.slows {
            return Duration::ZERO;
        }
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if sources.len() >= SOURCES_MAX {
            sources.retain(|_, window| now.duration_since(window.start) < WINDOW);
        }
        let from = network(from);
        if sources.len() >= SOURCES_MAX && !sources.contains_key(&from) {
            // So many at once are one attack from everywhere.
            return LONGEST_DELAY;
        }
        let fresh = Window {
            start: now,
            wrong: 0,
        };
        let window = sources.entry(from).or_insert(fresh);
        if now.duration_since(window.start) >= WINDOW {
            *window = fresh;
        }
        window.wrong = window.wrong.saturating_add(1);
        let Window { wrong, .. } = *window;
        drop(sources);
        if is_told(wrong) {
            tracing::warn!(%from, wrong, "many requests with wrong signatures; their answers are held back");
        }
        delay(wrong)
    }
}

/// Whoever has one address of IPv6 has the 2^64 around it.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address => address,
    }
}

/// Once at the first that is slowed, then at each tenfold.
fn is_told(wrong: u32) -> bool {
    let beyond = wrong.saturating_sub(FREE);
    beyond > 0 && 10_u32.checked_pow(beyond.ilog10()) == Some(beyond)
}

fn delay(wrong: u32) -> Duration {
    match wrong.saturating_sub(FREE) {
        0 => Duration::ZERO,
        beyond => FIRST_DELAY
            .saturating_mul(1 << beyond.ilog2())
            .min(LONGEST_DELAY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_more_wrong_signatures_the_longer_their_answers_wait() {
        for (wrong, milliseconds) in [
            (1, 0),
            (10, 0),
            (11, 100),
            (12, 200),
            (13, 200),
            (14, 400),
            (18, 800),
            (10 + 64, 5_000),
            (u32::MAX, 5_000),
        ] {
            assert_eq!(delay(wrong).as_millis(), milliseconds, "{wrong}");
        }
    }

    #[test]
    fn the_operator_is_told_at_the_first_and_at_each_tenfold() {
        let told: Vec<u32> = (0..2_000).filter(|wrong| is_told(*wrong)).collect();
        assert_eq!(told, [11, 20, 110, 1_010]);
    }

    #[test]
    fn each_address_is_held_to_its_own_for_a_minute() {
        let (guesses, start) = (Guesses::new(true), Instant::now());
        let note = |from, at| guesses.note(address(from), start + Duration::from_secs(at));
        for _ in 0..100 {
            note("192.0.2.1", 0);
        }
        assert_eq!(note("192.0.2.1", 59), LONGEST_DELAY);
        assert_eq!(note("::ffff:192.0.2.1", 59), LONGEST_DELAY);
        assert_eq!(note("192.0.2.2", 59), Duration::ZERO);
        assert_eq!(note("192.0.2.1", 60), Duration::ZERO);
        assert_eq!(guesses.total(), 104);
    }

    #[test]
    fn in_development_they_are_only_counted() {
        let (guesses, now) = (Guesses::new(false), Instant::now());
        for _ in 0..100 {
            assert_eq!(guesses.note(address("192.0.2.1"), now), Duration::ZERO);
        }
        assert_eq!(guesses.total(), 100);
    }

    #[test]
    fn a_network_of_ipv6_is_one_source() {
        let (guesses, now) = (Guesses::new(true), Instant::now());
        for host in 0..100 {
            guesses.note(address(&format!("2001:db8:1:2::{host:x}")), now);
        }
        assert!(guesses.note(address("2001:db8:1:2:ffff::1"), now) > Duration::ZERO);
        assert_eq!(
            guesses.note(address("2001:db8:1:3::1"), now),
            Duration::ZERO
        );
    }

    #[test]
    fn an_attack_from_everywhere_takes_no_more_memory() {
        let (guesses, now) = (Guesses::new(true), Instant::now());
        let from = |number: u32| IpAddr::from(number.to_be_bytes());
        for number in 0..SOURCES_MAX as u32 {
            assert_eq!(guesses.note(from(number), now), Duration::ZERO);
        }
        assert_eq!(guesses.note(from(u32::MAX), now), LONGEST_DELAY);
        assert_eq!(guesses.note(from(1), now), Duration::ZERO);
        assert_eq!(guesses.sources.lock().unwrap().len(), SOURCES_MAX);
        assert_eq!(guesses.note(from(u32::MAX), now + WINDOW), Duration::ZERO);
    }
}
