//! Numbers, dates and networks as conditions compare them. A text that is none of these has no
//! value, and a condition on it does not match.

use std::cmp::Ordering;
use std::net::IpAddr;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;

/// A decimal number of any length, compared exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number<'a> {
    negative: bool,
    /// Without leading zeros.
    whole: &'a str,
    /// Without trailing zeros.
    fraction: &'a str,
}

impl<'a> Number<'a> {
    /// An optional sign, digits, and optionally a point and digits. No exponent.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (digits, ""),
        };
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let (whole, fraction) = (
            whole.trim_start_matches('0'),
            fraction.trim_end_matches('0'),
        );
        let zero = whole.is_empty() && fraction.is_empty();
        Some(Number {
            negative: negative && !zero,
            whole,
            fraction,
        })
    }

    pub(crate) fn compare(&self, other: &Number<'_>) -> Ordering {
        let sizes = || {
            (self.whole.len().cmp(&other.whole.len()))
                .then_with(|| self.whole.cmp(other.whole))
                .then_with(|| self.fraction.cmp(other.fraction))
        };
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => sizes(),
            (true, true) => sizes().reverse(),
        }
    }
}

/// An instant: a W3C form of ISO 8601 (year, month, day, or a time with its offset), or whole
/// seconds since 1970. Four digits are a year.
pub(crate) fn instant(text: &str) -> Option<Timestamp> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) && text.len() != 4 {
        return Timestamp::from_second(text.parse().ok()?).ok();
    }
    let Some((date, time)) = text.split_once('T') else {
        return at_midnight(text);
    };
    let (clock, offset) = match time.strip_suffix('Z') {
        Some(clock) => (clock, Offset::UTC),
        None => {
            let sign = time.rfind(['+', '-'])?;
            (&time[..sign], offset(&time[sign..])?)
        }
    };
    let plain = |part: &str, marks: &[char]| {
        part.chars()
            .all(|char| char.is_ascii_digit() || marks.contains(&char))
    };
    if !plain(date, &['-']) || !plain(clock, &[':', '.']) {
        return None;
    }
    let local: DateTime = format!("{date}T{clock}").parse().ok()?;
    offset.to_timestamp(local).ok()
}

fn at_midnight(text: &str) -> Option<Timestamp> {
    let mut parts = text.split('-');
    let mut part = |length: usize| match parts.next() {
        None => Some(1),
        Some(part) if part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit()) => {
            part.parse::<i16>().ok()
        }
        Some(_) => None,
    };
    let (year, month, day) = (part(4)?, part(2)?, part(2)?);
    if parts.next().is_some() {
        return None;
    }
    let date = Date::new(year, month.try_into().ok()?, day.try_into().ok()?).ok()?;
    Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()
}

/// `+hh:mm` or `-hh:mm`.
fn offset(text: &str) -> Option<Offset> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    if hours.len() != 2 || minutes.len() != 2 {
        return None;
    }
    let (hours, minutes): (u8, u8) = (hours.parse().ok()?, minutes.parse().ok()?);
    if minutes > 59 {
        return None;
    }
    Offset::from_seconds(sign * (i32::from(hours) * 3_600 + i32::from(minutes) * 60)).ok()
}

/// A block of addresses: an address and how many leading bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    prefix_bits: u8,
}

impl Network {
    /// CIDR notation; without a prefix length, the one address. Host bits may be set.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let bits_max = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match prefix {
            None => bits_max,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok()?
            }
            Some(_) => return None,
        };
        (prefix_bits <= bits_max).then_some(Network {
            address,
            prefix_bits,
        })
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= u32::from(self.prefix_bits)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= u32::from(self.prefix_bits)
            }
            _ => false,
        }
    }

    /// Narrow enough to say who calls: at most a /8 of IPv4 or a /32 of IPv6. Source: Amazon S3
    /// user guide, the meaning of "public", which calls wider ranges public.
    pub(crate) fn is_narrow(&self) -> bool {
        self.prefix_bits >= if self.address.is_ipv4() { 8 } else { 32 }
    }
}

/// An address as a request shows it; an IPv4 address in IPv6 clothes counts as IPv4.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>()
        .ok()
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_exactly_at_any_length() {
        let order = |a, b| {
            Number::parse(a)
                .unwrap()
                .compare(&Number::parse(b).unwrap())
        };
        for (a, b, expected) in [
            ("10", "9", Ordering::Greater),
            ("010", "10", Ordering::Equal),
            ("1.50", "1.5", Ordering::Equal),
            ("-0", "0", Ordering::Equal),
            ("-2", "-10", Ordering::Greater),
            ("-1", "1", Ordering::Less),
            ("0.09", "0.1", Ordering::Less),
            ("+3", "3.0", Ordering::Equal),
            ("9007199254740993", "9007199254740992", Ordering::Greater),
        ] {
            assert_eq!(order(a, b), expected, "{a} {b}");
        }
        for text in [
            "", "-", ".", "1.", ".5", "1e3", "0x1", " 1", "1 ", "--1", "1.2.3", "١",
        ] {
            assert_eq!(Number::parse(text), None, "{text}");
        }
    }

    #[test]
    fn dates_are_w3c_forms_or_seconds() {
        for (text, seconds) in [
            ("2020-01-01T00:00:00Z", 1_577_836_800),
            ("2020-01-01T00:00Z", 1_577_836_800),
            ("2020-01-01T01:30:00+01:30", 1_577_836_800),
            ("2019-12-31T23:00:00-01:00", 1_577_836_800),
            ("2020-01-01", 1_577_836_800),
            ("2020-01", 1_577_836_800),
            ("2020", 1_577_836_800),
            ("1577836800", 1_577_836_800),
            ("0", 0),
            ("-1", -1),
        ] {
            assert_eq!(
                instant(text),
                Timestamp::from_second(seconds).ok(),
                "{text}"
            );
        }
        let fraction = instant("2020-01-01T00:00:00.250Z").unwrap();
        assert_eq!(fraction.as_millisecond(), 1_577_836_800_250);
        for text in [
            "",
            "-",
            "now",
            "2020-13-01",
            "2020-02-30",
            "2020-1-1",
            "20200",
            "2020-01-01T00:00:00",
            "2020-01-01T00:00:00+1",
            "2020-01-01T25:00:00Z",
            "2020-01-01T00:00:00Z[UTC]",
            "T",
            "TZ",
            "2020-01-01T00:00:00+99:99",
            "2020-01-01-01",
            "99999999999999999999",
        ] {
            // "20200" is seconds.
            assert_eq!(instant(text).is_some(), text == "20200", "{text}");
        }
    }

    #[test]
    fn networks_hold_what_their_prefix_says() {
        for (network, inside, expected) in [
            ("203.0.113.0/24", "203.0.113.255", true),
            ("203.0.113.77/24", "203.0.113.1", true),
            ("203.0.113.0/24", "203.0.114.0", false),
            ("203.0.113.5", "203.0.113.5", true),
            ("203.0.113.5", "203.0.113.4", false),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "::1", false),
            ("2001:db8::/32", "2001:db8:1::5", true),
            ("2001:db8::/32", "2001:db9::", false),
            ("::/0", "2001:db8::1", true),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
        ] {
            let found = Network::parse(network)
                .unwrap()
                .contains(address(inside).unwrap());
            assert_eq!(found, expected, "{network} {inside}");
        }
        for text in [
            "",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "10.0.0.0/",
            "10.0/8",
            "::/129",
            "*",
        ] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }
}
