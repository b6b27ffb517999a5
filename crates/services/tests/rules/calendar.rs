//! A second reckoning of when secrets rotate: it walks hour by hour and reads the expression anew for each.

use strongroom_services::time::Timestamp;

const DAY_SECONDS: i64 = 86_400;

/// A second reading of `cron()`: whether it names this hour.
fn names(expression: &str, hour: Timestamp) -> bool {
    let at = jiff::Timestamp::from_second(hour.seconds()).unwrap();
    let at = jiff::tz::Offset::UTC.to_datetime(at);
    let fields: Vec<&str> = expression
        .trim_start_matches("cron(")
        .trim_end_matches(')')
        .split(' ')
        .collect();
    let number = |text: &str, names: &[&str]| -> i32 {
        match names.iter().position(|name| *name == text) {
            Some(at) => at as i32 + 1,
            None => text.parse().unwrap(),
        }
    };
    let any = |text: &str, value: i32, highest: i32, names: &[&str]| {
        text.split(',').any(|part| {
            let (range, step) = part.split_once('/').unwrap_or((part, "1"));
            let lowest = i32::from(highest != 23);
            let (from, to) = match range.split_once('-') {
                Some((from, to)) => (number(from, names), number(to, names)),
                None if range == "*" || range.is_empty() => (lowest, highest),
                None if part.contains('/') => (number(range, names), highest),
                None => (number(range, names), number(range, names)),
            };
            (from..=to).contains(&value) && (value - from) % step.parse::<i32>().unwrap() == 0
        })
    };
    let last_day = at.date().days_in_month();
    let by_month_day = fields[2] == "?"
        || fields[2].split(',').any(|part| match part {
            "L" => at.day() == last_day,
            part => any(part, at.day().into(), 31, &[]),
        });
    let weekdays = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
    let weekday: i32 = at.weekday().to_sunday_one_offset().into();
    let by_weekday = fields[4] == "?"
        || fields[4].split(',').any(|part| {
            if part == "L" {
                return weekday == 7;
            }
            if let Some((day, which)) = part.split_once('#') {
                let which: i8 = which.parse().unwrap();
                let days = (which - 1) * 7 + 1..=which * 7;
                return number(day, &weekdays) == weekday && days.contains(&at.day());
            }
            if let Some(day) = part.strip_suffix('L') {
                return number(day, &weekdays) == weekday && at.day() + 7 > last_day;
            }
            any(part, weekday, 7, &weekdays)
        });
    any(fields[1], at.hour().into(), 23, &[])
        && any(fields[3], at.month().into(), 12, &MONTHS)
        && by_month_day
        && by_weekday
}

pub(crate) const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];

/// The next opening, hour by hour.
pub(crate) fn walked(expression: &str, base: Timestamp) -> Option<Timestamp> {
    let mut hour = base.seconds().div_euclid(3600) * 3600 + 3600;
    // Three years hold each day that the expressions below can name, 29 February aside.
    let end = base.seconds() + 3 * 366 * DAY_SECONDS;
    while hour < end {
        let at = Timestamp::from_milliseconds(hour * 1000);
        if names(expression, at) {
            return Some(at);
        }
        hour += 3600;
    }
    None
}
