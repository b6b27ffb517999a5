//! The two clocks: real time, by which signatures are checked, and the domain's, which a development
//! server can move forward. The only file that asks the system for the time of day.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use strongroom_services::time::Timestamp;

/// Real time and the domain's distance from it.
#[derive(Debug, Default)]
pub struct Clock {
    /// Real time that stands still, for simulations.
    standing: Option<i64>,
    /// Milliseconds that the domain is ahead of real time; zero in production.
    ahead: AtomicI64,
}

impl Clock {
    /// A clock that moves only when it is moved; for simulations.
    pub fn standing_at(instant: Timestamp) -> Self {
        Clock {
            standing: Some(instant.milliseconds()),
            ahead: AtomicI64::new(0),
        }
    }

    /// Seconds since 1970, by which signatures are checked.
    pub fn real_seconds(&self) -> i64 {
        self.real_milliseconds().div_euclid(1000)
    }

    /// The domain's present instant.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_milliseconds(self.real_milliseconds() + self.ahead.load(Ordering::Relaxed))
    }

    /// How far the domain is ahead, in milliseconds.
    pub fn ahead_milliseconds(&self) -> i64 {
        self.ahead.load(Ordering::Relaxed)
    }

    /// Puts the domain so far ahead of real time.
    pub fn set_ahead_milliseconds(&self, milliseconds: i64) {
        self.ahead.store(milliseconds, Ordering::Relaxed);
    }

    /// Moves the domain's clock forward.
    pub fn advance(&self, by: Duration) {
        let milliseconds = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        let _ = self
            .ahead
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |ahead| {
                Some(ahead.saturating_add(milliseconds))
            });
    }

    fn real_milliseconds(&self) -> i64 {
        self.standing.unwrap_or_else(|| {
            // A clock before 1970 is a broken machine; the epoch then makes every signature look
            // premature.
            let since_epoch = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
        })
    }
}
