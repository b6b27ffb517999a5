//! When a secret rotates: schedule expressions, their windows, and the arithmetic of both. All of it is in UTC.
//!
//! Source: AWS Secrets Manager User Guide, Rotation schedules, and Schedule expressions; reference/rotation.md §3 to §5.

use std::time::Duration;

use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// The shortest time from one rotation to the next.
const HOURS_BETWEEN_MIN: u32 = 4;
/// The longest `rate(… days)`.
const RATE_DAYS_MAX: u32 = 999;
const HOURS_OF_DAY: u32 = 24;
/// No schedule that ever comes round takes longer: 29 February is missing in 2100.
const DAYS_AHEAD_MAX: i32 = 8 * 366 + 2;
const HOUR: Duration = Duration::from_secs(3600);

/// When a secret rotates, and how long it may take until it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    opens: Opens,
    /// How long a window is open; `None`: as long as is usual for its kind.
    duration_hours: Option<u32>,
}

/// A time in which a rotation may begin: `from` is in it, `until` isn't.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// When it opens.
    pub from: Timestamp,
    /// When it is closed.
    pub until: Timestamp,
}

/// When windows open.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Opens {
    /// At midnight, so many days after the last rotation.
    EveryDays(u32),
    /// So many hours apart, counted from the midnight before the last rotation.
    EveryHours(u32),
    /// Where the calendar says so.
    Calendar(Calendar),
}

/// The hours of the days that a `cron()` expression names.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Calendar {
    /// A bit for each hour, 0 to 23; at least one.
    hours: u32,
    /// A bit for each month, 1 to 12; at least one.
    months: u32,
    days: Days,
}

/// Which days of a month. A `cron()` expression has `?` for one of its two ways to say it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Days {
    OfMonth {
        /// A bit for each day, 1 to 31.
        days: u32,
        /// `L`: the month's last day as well.
        last: bool,
    },
    OfWeek {
        /// A bit for each weekday, 1 (Sunday) to 7.
        days: u32,
        /// `SUN#2`: a weekday, and which of the month's.
        nth: Vec<(u32, u32)>,
        /// `SUNL`: a bit for each weekday of which only the month's last counts.
        last: u32,
    },
}

/// Why a schedule can't be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleProblem {
    /// It is no schedule expression.
    #[error("The schedule expression is not a rate() or cron() expression.")]
    NoExpression,
    /// The rate isn't a number of hours or days.
    #[error("A rate() expression is rate(value unit): a positive whole number, and hours or days.")]
    Rate,
    /// Rotations would follow each other too closely.
    #[error("A secret can't be rotated more often than every {HOURS_BETWEEN_MIN} hours.")]
    TooOften,
    /// Rotations would be too far apart.
    #[error("A rate() expression can't have more than {RATE_DAYS_MAX} days.")]
    TooSeldom,
    /// There aren't six fields.
    #[error(
        "A cron() expression has six fields: minutes, hours, day of month, month, day of week, year."
    )]
    Fields,
    /// The minutes aren't 0.
    #[error("The minutes of a cron() expression must be 0.")]
    Minutes,
    /// The year isn't `*`.
    #[error("The year of a cron() expression must be *.")]
    Year,
    /// A field holds something else than it may.
    #[error("The {field} field of the cron() expression can't be '{text}'.")]
    Field {
        /// Which one.
        field: &'static str,
        /// What it holds.
        text: String,
    },
    /// Both or neither of the fields for days is `?`.
    #[error(
        "One of day of month and day of week in a cron() expression must be ?, and only one of them."
    )]
    BothDays,
    /// There is no such day.
    #[error("The cron() expression names no day that ever comes.")]
    Never,
    /// The window's length isn't one.
    #[error("The duration is a number of whole hours, such as 3h.")]
    Duration,
    /// A window would run into the next day, or into the next window.
    #[error(
        "The rotation window must end before the next one opens, and no later than at the end of its day."
    )]
    WindowTooLong,
}

impl Schedule {
    /// Every so many days, 1 to 1,000: `AutomaticallyAfterDays`. The member's range is the model's to check.
    ///
    /// # Errors
    /// What is wrong with the duration.
    pub fn after_days(days: u32, duration: Option<&str>) -> Result<Self, ScheduleProblem> {
        Self::new(Opens::EveryDays(days.max(1)), duration)
    }

    /// Reads a `ScheduleExpression`, with the `Duration` of its windows where one is given.
    ///
    /// # Errors
    /// What is wrong with either.
    pub fn parse(expression: &str, duration: Option<&str>) -> Result<Self, ScheduleProblem> {
        let inner = |name: &str| {
            let rest = expression.trim().strip_prefix(name)?;
            rest.strip_prefix('(')?.strip_suffix(')')
        };
        let opens = if let Some(rate) = inner("rate") {
            Opens::of_rate(rate)?
        } else if let Some(fields) = inner("cron") {
            Opens::Calendar(Calendar::parse(fields)?)
        } else {
            return Err(ScheduleProblem::NoExpression);
        };
        Self::new(opens, duration)
    }

    fn new(opens: Opens, duration: Option<&str>) -> Result<Self, ScheduleProblem> {
        let duration_hours = duration.map(parse_duration).transpose()?;
        let schedule = Schedule {
            opens,
            duration_hours,
        };
        if schedule.hours_open() > schedule.hours_open_max() {
            return Err(ScheduleProblem::WindowTooLong);
        }
        Ok(schedule)
    }

    /// The first window that opens after `base`: the last rotation, or when rotation was turned on.
    ///
    /// `None` only past the end of the calendar, the year 9999.
    pub fn window_after(&self, base: Timestamp) -> Option<Window> {
        let from = self.opens_after(utc(base)?)?;
        let until = match (self.duration_hours, &self.opens) {
            (None, Opens::EveryDays(_)) => end_of_day(from)?,
            (None, Opens::Calendar(calendar)) if calendar.hours.count_ones() == 1 => {
                end_of_day(from)?
            }
            _ => instant(from)?.after(HOUR * self.hours_open()),
        };
        Some(Window {
            from: instant(from)?,
            until,
        })
    }

    /// The window in which a rotation that failed is tried again. A schedule of days has one each day, as the secret is
    /// overdue by then; the others keep to the hours that were asked for.
    pub fn retry_window_after(&self, now: Timestamp) -> Option<Window> {
        match &self.opens {
            Opens::EveryDays(_) => {
                let daily = Schedule {
                    opens: Opens::EveryDays(1),
                    ..self.clone()
                };
                daily.window_after(now)
            }
            Opens::EveryHours(_) | Opens::Calendar(_) => self.window_after(now),
        }
    }

    /// How many days lie between rotations, at least 1: what DescribeSecret shows as `AutomaticallyAfterDays`. Of a
    /// calendar, the days between its next two.
    pub fn days_between(&self, base: Timestamp) -> u32 {
        match &self.opens {
            Opens::EveryDays(days) => *days,
            Opens::EveryHours(hours) => (hours / HOURS_OF_DAY).max(1),
            Opens::Calendar(_) => {
                let first = self.window_after(base);
                let second = first.and_then(|first| self.window_after(first.from));
                let days = first.zip(second).map_or(0, |(first, second)| {
                    (second.from.seconds() - first.from.seconds()) / 86_400
                });
                u32::try_from(days).unwrap_or_default().max(1)
            }
        }
    }

    fn opens_after(&self, base: DateTime) -> Option<DateTime> {
        match &self.opens {
            Opens::EveryDays(days) => {
                let day = base
                    .date()
                    .checked_add(jiff::Span::new().try_days(*days).ok()?);
                Some(day.ok()?.at(0, 0, 0, 0))
            }
            Opens::EveryHours(hours) => {
                let start = instant(base.date().at(0, 0, 0, 0))?;
                let passed = instant(base)?.milliseconds() - start.milliseconds();
                let step = HOUR * *hours;
                let steps = passed / i64::try_from(step.as_millis()).ok()? + 1;
                utc(start.after(step * u32::try_from(steps).ok()?))
            }
            Opens::Calendar(calendar) => calendar.opens_after(base),
        }
    }

    /// How long a window is open, in hours.
    fn hours_open(&self) -> u32 {
        self.duration_hours.unwrap_or(match &self.opens {
            Opens::EveryDays(_) => HOURS_OF_DAY,
            Opens::EveryHours(_) => 1,
            Opens::Calendar(calendar) => match calendar.only_hour() {
                Some(hour) => HOURS_OF_DAY - hour,
                None => 1,
            },
        })
    }

    fn hours_open_max(&self) -> u32 {
        match &self.opens {
            Opens::EveryDays(_) => HOURS_OF_DAY,
            Opens::EveryHours(hours) => *hours,
            Opens::Calendar(calendar) => match calendar.only_hour() {
                Some(hour) => HOURS_OF_DAY - hour,
                None => calendar.hours_between_min(),
            },
        }
    }
}

impl Window {
    /// What is shown as `NextRotationDate`: the secret rotates on or before it.
    ///
    /// Source: reference/rotation.md §5.
    pub fn rotates_by(self) -> Timestamp {
        let is_midnight = self.until == self.until.day_start();
        let before = i64::from(is_midnight) * 1000;
        Timestamp::from_milliseconds(self.until.milliseconds() - before)
    }

    /// A moment of the window: of many secrets with the same schedule, each has one of its own. `share` says how far
    /// in, as a part of `u32::MAX`; the last tenth is left for the rotation itself.
    pub fn moment(self, share: u32) -> Timestamp {
        let length = self.until.milliseconds() - self.from.milliseconds();
        let usable = i128::from(length) * 9 / 10;
        let into = usable * i128::from(share) / i128::from(u32::MAX);
        Timestamp::from_milliseconds(
            self.from.milliseconds() + i64::try_from(into).unwrap_or_default(),
        )
    }
}

impl Opens {
    fn of_rate(text: &str) -> Result<Self, ScheduleProblem> {
        let mut words = text.split_ascii_whitespace();
        let (Some(value), Some(unit), None) = (words.next(), words.next(), words.next()) else {
            return Err(ScheduleProblem::Rate);
        };
        let value = number(value)
            .filter(|value| *value > 0)
            .ok_or(ScheduleProblem::Rate)?;
        match unit {
            "hour" | "hours" if value < HOURS_BETWEEN_MIN => Err(ScheduleProblem::TooOften),
            "hour" | "hours" if value > RATE_DAYS_MAX * HOURS_OF_DAY => {
                Err(ScheduleProblem::TooSeldom)
            }
            "hour" | "hours" => Ok(Opens::EveryHours(value)),
            "day" | "days" if value > RATE_DAYS_MAX => Err(ScheduleProblem::TooSeldom),
            "day" | "days" => Ok(Opens::EveryDays(value)),
            _ => Err(ScheduleProblem::Rate),
        }
    }
}

impl Calendar {
    fn parse(text: &str) -> Result<Self, ScheduleProblem> {
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let [minutes, hours, day_of_month, month, day_of_week, year] = fields[..] else {
            return Err(ScheduleProblem::Fields);
        };
        if minutes != "0" {
            return Err(ScheduleProblem::Minutes);
        }
        if year != "*" {
            return Err(ScheduleProblem::Year);
        }
        let days = match (day_of_month, day_of_week) {
            (day_of_month, "?") if day_of_month != "?" => Days::of_month(day_of_month)?,
            ("?", day_of_week) if day_of_week != "?" => Days::of_week(day_of_week)?,
            _ => return Err(ScheduleProblem::BothDays),
        };
        let calendar = Calendar {
            hours: HOURS.parse(hours)?,
            months: MONTHS.parse(month)?,
            days,
        };
        if calendar.hours_between_min() < HOURS_BETWEEN_MIN {
            return Err(ScheduleProblem::TooOften);
        }
        // From a leap year's first day, over the eight years in which each day that ever comes does.
        let start = Date::constant(2000, 1, 1).at(0, 0, 0, 0);
        match calendar.opens_after(start) {
            Some(_) => Ok(calendar),
            None => Err(ScheduleProblem::Never),
        }
    }

    fn opens_after(&self, base: DateTime) -> Option<DateTime> {
        let mut day = base.date();
        for _ in 0..DAYS_AHEAD_MAX {
            if self.names(day) {
                let opens = |hour: u32| day.at(i8::try_from(hour).unwrap_or_default(), 0, 0, 0);
                let mut hours = bits(self.hours).map(opens);
                if let Some(opens) = hours.find(|opens| *opens > base) {
                    return Some(opens);
                }
            }
            day = day.tomorrow().ok()?;
        }
        None
    }

    fn names(&self, day: Date) -> bool {
        let month = u32::from(day.month().unsigned_abs());
        has(self.months, month) && self.days.name(day)
    }

    fn only_hour(&self) -> Option<u32> {
        (self.hours.count_ones() == 1).then(|| self.hours.trailing_zeros())
    }

    /// The shortest time from one opening to the next, as if every day were named.
    fn hours_between_min(&self) -> u32 {
        let hours: Vec<u32> = bits(self.hours).collect();
        let next_day = hours.first().map(|first| first + HOURS_OF_DAY);
        let later = hours.iter().copied().skip(1).chain(next_day);
        let gaps = hours.iter().zip(later).map(|(hour, later)| later - hour);
        gaps.min().unwrap_or(HOURS_OF_DAY)
    }
}

impl Days {
    fn of_month(text: &str) -> Result<Self, ScheduleProblem> {
        let mut last = false;
        let mut days = 0;
        for part in text.split(',') {
            if part.eq_ignore_ascii_case("L") {
                last = true;
            } else {
                days |= DAYS_OF_MONTH.parse_part(part, text)?;
            }
        }
        Ok(Days::OfMonth { days, last })
    }

    fn of_week(text: &str) -> Result<Self, ScheduleProblem> {
        let field = &DAYS_OF_WEEK;
        let (mut days, mut nth, mut last) = (0, Vec::new(), 0);
        for part in text.split(',') {
            if part.eq_ignore_ascii_case("L") {
                // The last day of the week.
                days |= 1 << 7;
            } else if let Some((day, which)) = part.split_once('#') {
                let which = number(which).filter(|which| (1..=5).contains(which));
                let which = which.ok_or_else(|| field.problem(text))?;
                nth.push((field.value(day, text)?, which));
            } else if let Some(day) = part.strip_suffix(['L', 'l']) {
                last |= 1 << field.value(day, text)?;
            } else {
                days |= field.parse_part(part, text)?;
            }
        }
        Ok(Days::OfWeek { days, nth, last })
    }

    fn name(&self, day: Date) -> bool {
        let of_month = u32::from(day.day().unsigned_abs());
        let is_last_week = day.day() > day.days_in_month() - 7;
        match self {
            Days::OfMonth { days, last } => {
                has(*days, of_month) || (*last && day == day.last_of_month())
            }
            Days::OfWeek { days, nth, last } => {
                let weekday = day.weekday().to_sunday_one_offset();
                let weekday = u32::from(weekday.unsigned_abs());
                let which = (of_month - 1) / 7 + 1;
                has(*days, weekday)
                    || nth.contains(&(weekday, which))
                    || (has(*last, weekday) && is_last_week)
            }
        }
    }
}

/// A field of a `cron()` expression that names numbers.
struct Field {
    name: &'static str,
    first: u32,
    last: u32,
    /// What the numbers are called, from `first` on.
    names: &'static [&'static str],
    /// Whether it may be `*`. Every hour would be too often.
    may_be_all: bool,
}

const HOURS: Field = Field {
    name: "hours",
    first: 0,
    last: 23,
    names: &[],
    may_be_all: false,
};
const DAYS_OF_MONTH: Field = Field {
    name: "day of month",
    first: 1,
    last: 31,
    names: &[],
    may_be_all: true,
};
const MONTHS: Field = Field {
    name: "month",
    first: 1,
    last: 12,
    names: &[
        "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
    ],
    may_be_all: true,
};
const DAYS_OF_WEEK: Field = Field {
    name: "day of week",
    first: 1,
    last: 7,
    names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
    may_be_all: true,
};

impl Field {
    /// A bit for each number that the field names.
    fn parse(&self, text: &str) -> Result<u32, ScheduleProblem> {
        text.split(',')
            .try_fold(0, |bits, part| Ok(bits | self.parse_part(part, text)?))
    }

    /// One of the parts between commas: `*`, `a`, `a-b`, and any of them with an increment, `a/n`.
    fn parse_part(&self, part: &str, text: &str) -> Result<u32, ScheduleProblem> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => {
                let step = number(step).filter(|step| *step > 0 && *step <= self.last);
                (range, Some(step.ok_or_else(|| self.problem(text))?))
            }
            None => (part, None),
        };
        let (from, to) = match (range, range.split_once('-'), step) {
            ("*", _, step) if self.may_be_all || step.is_some() => (self.first, self.last),
            // `/8` is `0/8`.
            ("", _, Some(_)) => (self.first, self.last),
            (_, Some((from, to)), _) => (self.value(from, text)?, self.value(to, text)?),
            (from, None, Some(_)) => (self.value(from, text)?, self.last),
            (only, None, None) => {
                let only = self.value(only, text)?;
                (only, only)
            }
        };
        if from > to {
            return Err(self.problem(text));
        }
        let step = usize::try_from(step.unwrap_or(1)).unwrap_or(1);
        Ok((from..=to)
            .step_by(step)
            .fold(0, |bits, value| bits | 1 << value))
    }

    fn value(&self, text: &str, whole: &str) -> Result<u32, ScheduleProblem> {
        let named = self
            .names
            .iter()
            .position(|name| name.eq_ignore_ascii_case(text));
        let value = match named {
            Some(at) => u32::try_from(at).ok().map(|at| at + self.first),
            None => number(text),
        };
        value
            .filter(|value| (self.first..=self.last).contains(value))
            .ok_or_else(|| self.problem(whole))
    }

    fn problem(&self, text: &str) -> ScheduleProblem {
        ScheduleProblem::Field {
            field: self.name,
            text: text.to_owned(),
        }
    }
}

/// Reads `Duration`.
fn parse_duration(text: &str) -> Result<u32, ScheduleProblem> {
    let hours = text.strip_suffix('h').and_then(number);
    hours
        .filter(|hours| *hours > 0)
        .ok_or(ScheduleProblem::Duration)
}

/// A number of digits alone: no sign, no blanks.
fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn has(bits: u32, at: u32) -> bool {
    bits & (1 << at) != 0
}

/// The places of the bits that are set, from the lowest.
fn bits(of: u32) -> impl Iterator<Item = u32> {
    (0..u32::BITS).filter(move |at| has(of, *at))
}

fn utc(at: Timestamp) -> Option<DateTime> {
    let at = jiff::Timestamp::from_millisecond(at.milliseconds()).ok()?;
    Some(Offset::UTC.to_datetime(at))
}

fn instant(at: DateTime) -> Option<Timestamp> {
    let at = Offset::UTC.to_timestamp(at).ok()?;
    Some(Timestamp::from_milliseconds(at.as_millisecond()))
}

fn end_of_day(at: DateTime) -> Option<Timestamp> {
    instant(at.date().tomorrow().ok()?.at(0, 0, 0, 0))
}
