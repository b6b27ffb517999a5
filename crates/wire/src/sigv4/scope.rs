//! What a signature is good for: one day, one region, one service.

use std::borrow::Cow;
use std::fmt;

use super::stamp::Stamp;

/// The day, region and service that a signing key works for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Scope<'a> {
    day: Day,
    region: Cow<'a, str>,
    service: Cow<'a, str>,
}

impl<'a> Scope<'a> {
    /// Makes a scope.
    ///
    /// Region and service: 1 to 63 of lower-case letters, digits and hyphens, a letter first and no hyphen last.
    ///
    /// # Errors
    /// [`ScopeError`] says which of the two has another form.
    pub fn new(
        day: Day,
        region: impl Into<Cow<'a, str>>,
        service: impl Into<Cow<'a, str>>,
    ) -> Result<Self, ScopeError> {
        let scope = Self {
            day,
            region: region.into(),
            service: service.into(),
        };
        if !is_name(&scope.region) {
            Err(ScopeError::Region)
        } else if !is_name(&scope.service) {
            Err(ScopeError::Service)
        } else {
            Ok(scope)
        }
    }

    /// The day, in UTC.
    #[must_use]
    pub fn day(&self) -> Day {
        self.day
    }

    /// The region, such as `us-east-1`.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The service's signing name, such as `secretsmanager`.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.service
    }

    /// The same region and service on another day.
    #[must_use]
    pub fn on(self, day: Day) -> Self {
        Self { day, ..self }
    }

    /// The same scope on its own.
    #[must_use]
    pub fn into_owned(self) -> Scope<'static> {
        Scope {
            day: self.day,
            region: Cow::Owned(self.region.into_owned()),
            service: Cow::Owned(self.service.into_owned()),
        }
    }
}

/// Why a [`Scope`] can't be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ScopeError {
    /// The region's name.
    #[error("not a region's name: use lower-case letters, digits and hyphens, such as us-east-1")]
    Region,
    /// The service's name.
    #[error(
        "not a service's signing name: use lower-case letters, digits and hyphens, such as secretsmanager"
    )]
    Service,
}

/// A calendar day in UTC, written `yyyymmdd`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day([u8; 8]);

impl Day {
    /// The day of an instant in seconds since 1970; one before the year 1 or after 9999-12-30 counts as that.
    #[must_use]
    pub fn at(epoch_seconds: i64) -> Self {
        Stamp::at(epoch_seconds).day()
    }

    pub(super) fn of_digits(digits: [u8; 8]) -> Option<Self> {
        digits
            .iter()
            .all(u8::is_ascii_digit)
            .then_some(Self(digits))
    }

    /// The eight digits.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "of_digits, the only maker, lets digits pass alone"
    )]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("digits")
    }
}

impl fmt::Display for Day {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() <= NAME_LENGTH_MAX
        && bytes.first().is_some_and(u8::is_ascii_lowercase)
        && bytes.last() != Some(&b'-')
        && bytes
            .iter()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

/// As long as a label of a host name may be, since endpoints are named after regions and services.
const NAME_LENGTH_MAX: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_a_lower_case_name() {
        let longest = "a".repeat(63);
        let day = Day::at(0);
        for good in ["us-east-1", "eu-isoe-west-1", "local", "a", &longest] {
            assert!(Scope::new(day, good, "secretsmanager").is_ok(), "{good}");
        }
        let too_long = "a".repeat(64);
        for bad in [
            "",
            "-",
            "US-EAST-1",
            "us east",
            "us_east",
            "1-east",
            "us-",
            "us/east",
            "é",
            "us\n",
            &too_long,
        ] {
            assert_eq!(
                Scope::new(day, bad, "secretsmanager"),
                Err(ScopeError::Region),
                "{bad:?}"
            );
            assert_eq!(
                Scope::new(day, "us-east-1", bad),
                Err(ScopeError::Service),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn a_day_is_the_utc_day_of_its_instants() {
        let cases = [
            (0, "19700101"),
            (86_399, "19700101"),
            (86_400, "19700102"),
            (-1, "19691231"),
            (1_440_938_160, "20150830"),
            (i64::MAX, "99991230"),
            (i64::MIN, "00010101"),
        ];
        for (seconds, text) in cases {
            assert_eq!(Day::at(seconds).as_str(), text);
        }
    }
}
