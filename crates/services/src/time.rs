//! Instants and days as the services speak of them. Knows no clock: the instant is always given.

use std::time::Duration;

use serde::{Deserialize, Serialize};

const DAY_MILLISECONDS: i64 = 24 * 60 * 60 * 1000;

/// An instant: whole milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since the epoch.
    pub const fn from_milliseconds(milliseconds: i64) -> Self {
        Self(milliseconds)
    }

    /// Milliseconds since the epoch.
    pub const fn milliseconds(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Midnight (UTC) of the day that this instant lies in; `LastAccessedDate` is such a value.
    pub const fn day_start(self) -> Self {
        Self(self.0 - self.0.rem_euclid(DAY_MILLISECONDS))
    }

    /// The instant `later` after this one; the end of time where that overflows.
    pub fn after(self, later: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(later.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// How long ago an earlier instant was; nothing where it wasn't earlier.
    pub fn since(self, earlier: Timestamp) -> Duration {
        let passed = self.0.saturating_sub(earlier.0);
        Duration::from_millis(u64::try_from(passed).unwrap_or_default())
    }

    /// Whether at least `age` passed between `earlier` and this instant.
    pub fn is_past(self, earlier: Timestamp, age: Duration) -> bool {
        self >= earlier.after(age)
    }
}

/// An instant as policies and people write it, in whole seconds: `2026-01-31T23:59:59Z`.
pub fn rfc3339(instant: Timestamp) -> String {
    let nearest = if instant.0 < 0 {
        jiff::Timestamp::MIN
    } else {
        jiff::Timestamp::MAX
    };
    jiff::Timestamp::from_second(instant.seconds())
        .unwrap_or(nearest)
        .to_string()
}

/// How AWS's query protocol writes an instant: as policies do.
pub mod iso8601 {
    use serde::Serializer;

    use super::{Timestamp, rfc3339};
    use crate::cloudtrail::elements::INSTANT_TEXT;

    /// Serializes one instant; for serde's `serialize_with`.
    pub fn serialize<S: Serializer>(instant: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(INSTANT_TEXT, &rfc3339(*instant))
    }

    /// Serializes an optional instant; the member is skipped by its struct where it is absent.
    pub mod optional {
        use serde::Serializer;

        use super::Timestamp;

        /// Serializes the instant.
        pub fn serialize<S: Serializer>(
            instant: &Option<Timestamp>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            match instant {
                Some(instant) => super::serialize(instant, serializer),
                None => serializer.serialize_none(),
            }
        }
    }
}

/// How operators' JSON writes an instant, and reads it back: as policies do, in whole seconds.
pub mod text {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::{Timestamp, rfc3339};

    /// Serializes one instant; for serde's `with`.
    pub fn serialize<S: Serializer>(instant: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&rfc3339(*instant))
    }

    /// Reads one back.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        let instant: jiff::Timestamp = text.parse().map_err(D::Error::custom)?;
        Ok(Timestamp(instant.as_millisecond()))
    }

    /// The same of an instant that may be missing.
    pub mod optional {
        use serde::{Deserialize, Deserializer, Serializer};

        use super::Timestamp;

        /// Serializes the instant, or null.
        pub fn serialize<S: Serializer>(
            instant: &Option<Timestamp>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            match instant {
                Some(instant) => super::serialize(instant, serializer),
                None => serializer.serialize_none(),
            }
        }

        /// Reads it back.
        pub fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Option<Timestamp>, D::Error> {
            #[derive(Deserialize)]
            struct Written(#[serde(deserialize_with = "super::deserialize")] Timestamp);
            let written = Option::<Written>::deserialize(deserializer)?;
            Ok(written.map(|written| written.0))
        }
    }
}

/// How AWS's JSON protocols write an instant: a number of seconds with milliseconds as its fraction.
///
/// Source: reference/api.md §1, "Timestamps".
pub mod epoch_seconds {
    use serde::Serializer;

    use super::Timestamp;
    use crate::cloudtrail::elements::EPOCH_SECONDS;

    /// Serializes one instant; for serde's `serialize_with`.
    pub fn serialize<S: Serializer>(instant: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        // Exact: an epoch in milliseconds is far below 2^53.
        serializer.serialize_newtype_struct(EPOCH_SECONDS, &(instant.0 as f64 / 1000.0))
    }

    /// Serializes an optional instant; the member is skipped by its struct where it is absent.
    pub mod optional {
        use serde::Serializer;

        use super::Timestamp;

        /// Serializes the instant, or null.
        pub fn serialize<S: Serializer>(
            instant: &Option<Timestamp>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            match instant {
                Some(instant) => super::serialize(instant, serializer),
                None => serializer.serialize_none(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_written_in_the_civil_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_798_761_599, "2026-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(Timestamp(seconds * 1000)), expected);
        }
    }

    #[test]
    fn a_day_starts_at_midnight_utc_also_before_the_epoch() {
        for (at, start) in [
            (0, 0),
            (86_399_999, 0),
            (86_400_000, 86_400_000),
            (-1, -86_400_000),
        ] {
            assert_eq!(Timestamp(at).day_start(), Timestamp(start));
        }
    }
}
