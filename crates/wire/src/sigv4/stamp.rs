//! The instant a request was signed at, in the forms that AWS accepts.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822;
use jiff::tz::Offset;

use super::scope::Day;

/// An instant in whole seconds, together with its text in ISO 8601's basic form, `20150830T123600Z`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    epoch_seconds: i64,
    text: [u8; LENGTH],
}

impl Stamp {
    /// Reads ISO 8601's basic form, which is all that `X-Amz-Date` may have.
    pub(super) fn basic(text: &[u8]) -> Option<Self> {
        let text: [u8; LENGTH] = text.try_into().ok()?;
        if text[8] != b'T' || text[15] != b'Z' {
            return None;
        }
        let when = DateTime::new(
            number(&text[..4])?,
            i8::try_from(number(&text[4..6])?).ok()?,
            i8::try_from(number(&text[6..8])?).ok()?,
            i8::try_from(number(&text[9..11])?).ok()?,
            i8::try_from(number(&text[11..13])?).ok()?,
            i8::try_from(number(&text[13..15])?).ok()?,
            0,
        );
        let epoch_seconds = Offset::UTC.to_timestamp(when.ok()?).ok()?.as_second();
        Some(Self {
            epoch_seconds,
            text,
        })
    }

    /// Reads what a `Date` header may have: the basic form, or a date of HTTP in the present form and the two old ones.
    pub(super) fn of_date_header(text: &str) -> Option<Self> {
        let civil = |format| {
            DateTime::strptime(format, text).and_then(|when| Offset::UTC.to_timestamp(when))
        };
        Self::basic(text.as_bytes()).or_else(|| {
            rfc2822::DateTimeParser::new()
                .parse_timestamp(text)
                .or_else(|_| civil("%A, %d-%b-%y %H:%M:%S GMT"))
                .or_else(|_| civil("%a %b %e %H:%M:%S %Y"))
                .ok()
                .map(|timestamp| Self::at(timestamp.as_second()))
        })
    }

    /// The stamp of an instant; one before the year 1 or after 9999-12-30T22:00:00Z counts as that.
    #[expect(
        clippy::expect_used,
        reason = "FIRST and LAST lie within what jiff can hold"
    )]
    pub(super) fn at(epoch_seconds: i64) -> Self {
        let epoch_seconds = epoch_seconds.clamp(FIRST, LAST);
        let timestamp = Timestamp::from_second(epoch_seconds).expect("a year from 1 to 9999");
        let when = Offset::UTC.to_datetime(timestamp);
        let mut text = *b"00000000T000000Z";
        write_number(&mut text[..4], when.year());
        write_number(&mut text[4..6], when.month().into());
        write_number(&mut text[6..8], when.day().into());
        write_number(&mut text[9..11], when.hour().into());
        write_number(&mut text[11..13], when.minute().into());
        write_number(&mut text[13..15], when.second().into());
        Self {
            epoch_seconds,
            text,
        }
    }

    pub(super) fn epoch_seconds(&self) -> i64 {
        self.epoch_seconds
    }

    #[expect(clippy::expect_used, reason = "its makers write digits, T and Z alone")]
    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text).expect("digits, T and Z")
    }

    #[expect(clippy::expect_used, reason = "its makers put eight digits first")]
    pub(super) fn day(&self) -> Day {
        let digits = self.text.first_chunk().copied();
        digits.and_then(Day::of_digits).expect("eight digits")
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

fn number(digits: &[u8]) -> Option<i16> {
    digits.iter().try_fold(0_i16, |number, digit| {
        digit
            .is_ascii_digit()
            .then(|| number * 10 + i16::from(digit - b'0'))
    })
}

fn write_number(digits: &mut [u8], number: i16) {
    let mut rest = number.unsigned_abs();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
}

const LENGTH: usize = 16;
/// 0001-01-01T00:00:00Z: four digits hold no year before the first.
const FIRST: i64 = -62_135_596_800;
/// 9999-12-30T22:00:00Z: the last instant that jiff can hold.
const LAST: i64 = 253_402_207_200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_basic_form_is_read_and_nothing_near_it() {
        let stamp = Stamp::basic(b"20150830T123600Z").unwrap();
        assert_eq!(stamp.epoch_seconds(), 1_440_938_160);
        assert_eq!(stamp.as_str(), "20150830T123600Z");
        assert_eq!(stamp.day().as_str(), "20150830");
        assert!(Stamp::basic(b"20240229T000000Z").is_some());
        for bad in [
            "",
            "20150830T123600",
            "20150830T123600z",
            "20150830 123600Z",
            "2015-08-30T12:36:00Z",
            "20150830T123600.0Z",
            "20150830T126000Z",
            "20150830T240000Z",
            "20150830T123660Z",
            "20150229T123600Z",
            "20151301T123600Z",
            "20150001T123600Z",
            "20150800T123600Z",
            "+0150830T123600Z",
            "2015083OT123600Z",
            " 20150830T123600",
        ] {
            assert_eq!(Stamp::basic(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn a_date_header_has_the_forms_of_http_or_the_basic_one() {
        for good in [
            "20150830T123600Z",
            "Sun, 30 Aug 2015 12:36:00 GMT",
            "Sun, 30 Aug 2015 12:36:00 -0000",
            "Sun, 30 Aug 2015 14:36:00 +0200",
            "Sunday, 30-Aug-15 12:36:00 GMT",
            "Sun Aug 30 12:36:00 2015",
        ] {
            let stamp = Stamp::of_date_header(good);
            assert_eq!(
                stamp.map(|stamp| stamp.to_string()).as_deref(),
                Some("20150830T123600Z"),
                "{good}"
            );
        }
        let single_digit = Stamp::of_date_header("Sun Nov  6 08:49:37 1994").unwrap();
        assert_eq!(single_digit.as_str(), "19941106T084937Z");
        for bad in [
            "",
            "now",
            "2015-08-30",
            "30.8.2015",
            "Mon, 30 Aug 2015 12:36:00 GMT",
            "1440938160",
        ] {
            assert_eq!(Stamp::of_date_header(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn each_instant_reads_back_as_it_was_written() {
        let step = 86_400 * 37 + 7 * 3600 + 11 * 60 + 13;
        for seconds in (FIRST..=LAST).step_by(step).chain([FIRST, -1, 0, LAST]) {
            let stamp = Stamp::at(seconds);
            assert_eq!(stamp.epoch_seconds(), seconds);
            assert_eq!(Stamp::basic(stamp.as_str().as_bytes()), Some(stamp));
        }
        assert_eq!(Stamp::at(i64::MAX), Stamp::at(LAST));
        assert_eq!(Stamp::at(i64::MIN), Stamp::at(FIRST));
    }
}
