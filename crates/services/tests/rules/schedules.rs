//! When secrets rotate. Source: rotation.md 3 to 5; AWS Secrets Manager User Guide, Schedule expressions.
//!
//! The arithmetic is also held against a second one that walks hour by hour and reads the expression anew for each.

use proptest::prelude::*;
use strongroom_services::rotation::schedule::{Schedule, ScheduleProblem as Problem, Window};
use strongroom_services::time::{Timestamp, rfc3339};

use crate::calendar::{MONTHS, walked};

fn at(text: &str) -> Timestamp {
    let at: jiff::Timestamp = text.parse().unwrap();
    Timestamp::from_milliseconds(at.as_millisecond())
}

fn schedule(expression: &str, duration: Option<&str>) -> Schedule {
    match expression.strip_suffix(" days") {
        Some(days) if !days.contains('(') => Schedule::after_days(days.parse().unwrap(), duration),
        _ => Schedule::parse(expression, duration),
    }
    .unwrap_or_else(|problem| panic!("{expression}: {problem}"))
}

/// From when to when, and what is shown as the next date.
fn next(expression: &str, duration: Option<&str>, base: &str) -> (String, String) {
    let window = schedule(expression, duration)
        .window_after(at(base))
        .unwrap();
    (rfc3339(window.from), rfc3339(window.rotates_by()))
}

#[test]
fn a_window_opens_where_the_expression_says_and_closes_after_its_duration() {
    // Saturday.
    let base = "2026-11-28T09:30:00Z";
    for (expression, duration, opens, rotates_by) in [
        // Days: from midnight, to the end of the day.
        (
            "30 days",
            None,
            "2026-12-28T00:00:00Z",
            "2026-12-28T23:59:59Z",
        ),
        (
            "1 days",
            Some("3h"),
            "2026-11-29T00:00:00Z",
            "2026-11-29T03:00:00Z",
        ),
        (
            "rate(10 days)",
            None,
            "2026-12-08T00:00:00Z",
            "2026-12-08T23:59:59Z",
        ),
        (
            "rate(1 day)",
            Some("24h"),
            "2026-11-29T00:00:00Z",
            "2026-11-29T23:59:59Z",
        ),
        // Hours: counted from midnight, an hour long.
        (
            "rate(4 hours)",
            None,
            "2026-11-28T12:00:00Z",
            "2026-11-28T13:00:00Z",
        ),
        (
            "rate(10 hours)",
            Some("2h"),
            "2026-11-28T10:00:00Z",
            "2026-11-28T12:00:00Z",
        ),
        (
            "rate(48 hours)",
            None,
            "2026-11-30T00:00:00Z",
            "2026-11-30T01:00:00Z",
        ),
        // Calendars.
        (
            "cron(0 8 * * ? *)",
            None,
            "2026-11-29T08:00:00Z",
            "2026-11-29T23:59:59Z",
        ),
        (
            "cron(0 10 * * ? *)",
            Some("2h"),
            "2026-11-28T10:00:00Z",
            "2026-11-28T12:00:00Z",
        ),
        (
            "cron(0 8 1 * ? *)",
            None,
            "2026-12-01T08:00:00Z",
            "2026-12-01T23:59:59Z",
        ),
        (
            "cron(0 0 1 */2 ? *)",
            None,
            "2027-01-01T00:00:00Z",
            "2027-01-01T23:59:59Z",
        ),
        (
            "cron(0 8 L * ? *)",
            None,
            "2026-11-30T08:00:00Z",
            "2026-11-30T23:59:59Z",
        ),
        (
            "cron(0 0 ? * SUN *)",
            None,
            "2026-11-29T00:00:00Z",
            "2026-11-29T23:59:59Z",
        ),
        (
            "cron(0 16 ? * SAT *)",
            None,
            "2026-11-28T16:00:00Z",
            "2026-11-28T23:59:59Z",
        ),
        (
            "cron(0 16 ? * 6L *)",
            None,
            "2026-12-25T16:00:00Z",
            "2026-12-25T23:59:59Z",
        ),
        (
            "cron(0 9 ? * tue#3 *)",
            None,
            "2026-12-15T09:00:00Z",
            "2026-12-15T23:59:59Z",
        ),
        (
            "cron(0 0 ? 1,6 MON-FRI *)",
            None,
            "2027-01-01T00:00:00Z",
            "2027-01-01T23:59:59Z",
        ),
        (
            "cron(0 8,20 * * ? *)",
            None,
            "2026-11-28T20:00:00Z",
            "2026-11-28T21:00:00Z",
        ),
        (
            "cron(0 8/8 * * ? *)",
            None,
            "2026-11-28T16:00:00Z",
            "2026-11-28T17:00:00Z",
        ),
        (
            "cron(0 /8 * * ? *)",
            Some("8h"),
            "2026-11-28T16:00:00Z",
            "2026-11-28T23:59:59Z",
        ),
        (
            "cron(0 2/10 * * ? *)",
            None,
            "2026-11-28T12:00:00Z",
            "2026-11-28T13:00:00Z",
        ),
        (
            "cron(0 0 29 2 ? *)",
            None,
            "2028-02-29T00:00:00Z",
            "2028-02-29T23:59:59Z",
        ),
    ] {
        let found = next(expression, duration, base);
        let expected = (opens.to_owned(), rotates_by.to_owned());
        assert_eq!(found, expected, "{expression} {duration:?}");
    }
}

#[test]
fn the_next_window_is_never_the_one_that_opened_at_the_base() {
    let (opens, _) = next("cron(0 8 * * ? *)", None, "2026-11-28T08:00:00Z");
    assert_eq!(opens, "2026-11-29T08:00:00Z");
    let (opens, _) = next("rate(4 hours)", None, "2026-11-28T08:00:00Z");
    assert_eq!(opens, "2026-11-28T12:00:00Z");
}

#[test]
fn what_is_no_schedule_is_refused_with_the_reason() {
    let field = |field: &'static str, text: &str| Problem::Field {
        field,
        text: text.to_owned(),
    };
    for (expression, duration, problem) in [
        ("", None, Problem::NoExpression),
        ("every(2 days)", None, Problem::NoExpression),
        ("rate(2 days", None, Problem::NoExpression),
        ("rate()", None, Problem::Rate),
        ("rate(0 days)", None, Problem::Rate),
        ("rate(-1 days)", None, Problem::Rate),
        ("rate(+5 days)", None, Problem::Rate),
        ("rate(1.5 days)", None, Problem::Rate),
        ("rate(10 weeks)", None, Problem::Rate),
        ("rate(10 minutes)", None, Problem::Rate),
        ("rate(99999999999 days)", None, Problem::Rate),
        ("rate(3 hours)", None, Problem::TooOften),
        ("rate(1000 days)", None, Problem::TooSeldom),
        ("cron(0 8 * * ?)", None, Problem::Fields),
        ("cron(0 8 * * ? * *)", None, Problem::Fields),
        ("cron(5 8 * * ? *)", None, Problem::Minutes),
        ("cron(* 8 * * ? *)", None, Problem::Minutes),
        ("cron(0 8 * * ? 2027)", None, Problem::Year),
        ("cron(0 8 * * * *)", None, Problem::BothDays),
        ("cron(0 8 ? * ? *)", None, Problem::BothDays),
        ("cron(0 8 1 * MON *)", None, Problem::BothDays),
        ("cron(0 24 * * ? *)", None, field("hours", "24")),
        ("cron(0 * * * ? *)", None, field("hours", "*")),
        ("cron(0 8 0 * ? *)", None, field("day of month", "0")),
        ("cron(0 8 32 * ? *)", None, field("day of month", "32")),
        ("cron(0 8 15W * ? *)", None, field("day of month", "15W")),
        ("cron(0 8 5-1 * ? *)", None, field("day of month", "5-1")),
        ("cron(0 8 1 13 ? *)", None, field("month", "13")),
        ("cron(0 8 1 JAN-XYZ ? *)", None, field("month", "JAN-XYZ")),
        ("cron(0 8 1 */0 ? *)", None, field("month", "*/0")),
        ("cron(0 8 ? * 8 *)", None, field("day of week", "8")),
        ("cron(0 8 ? * MON#6 *)", None, field("day of week", "MON#6")),
        ("cron(0 8 30 2 ? *)", None, Problem::Never),
        ("cron(0 8 31 4,6,9,11 ? *)", None, Problem::Never),
        ("cron(0 8,10 * * ? *)", None, Problem::TooOften),
        ("cron(0 /3 * * ? *)", None, Problem::TooOften),
        ("cron(0 1,22 * * ? *)", None, Problem::TooOften),
        ("rate(10 days)", Some("3"), Problem::Duration),
        ("rate(10 days)", Some("0h"), Problem::Duration),
        ("rate(10 days)", Some("h"), Problem::Duration),
        ("rate(10 days)", Some("1d"), Problem::Duration),
        ("rate(10 days)", Some("25h"), Problem::WindowTooLong),
        ("rate(4 hours)", Some("5h"), Problem::WindowTooLong),
        ("cron(0 20 * * ? *)", Some("5h"), Problem::WindowTooLong),
        ("cron(0 8,20 * * ? *)", Some("13h"), Problem::WindowTooLong),
    ] {
        assert_eq!(
            Schedule::parse(expression, duration),
            Err(problem),
            "{expression} {duration:?}"
        );
    }
}

#[test]
fn the_days_between_rotations_are_shown_whatever_the_expression() {
    for (expression, days) in [
        ("7 days", 7),
        ("rate(10 days)", 10),
        ("rate(6 hours)", 1),
        ("rate(72 hours)", 3),
        ("cron(0 8 * * ? *)", 1),
        ("cron(0 8 1 * ? *)", 31),
        ("cron(0 8 ? * SUN *)", 7),
        ("cron(0 8,20 * * ? *)", 1),
    ] {
        let found = schedule(expression, None).days_between(at("2026-11-28T09:30:00Z"));
        assert_eq!(found, days, "{expression}");
    }
}

#[test]
fn each_secret_has_a_moment_of_its_own_within_the_window() {
    let window = schedule("rate(10 days)", Some("10h"))
        .window_after(at("2026-11-28T09:30:00Z"))
        .unwrap();
    assert_eq!(window.moment(0), window.from);
    assert_eq!(rfc3339(window.moment(u32::MAX)), "2026-12-08T09:00:00Z");
    assert!(window.moment(1 << 31) > window.from);
}

fn an_expression() -> impl Strategy<Value = String> {
    let hours = prop_oneof![
        (0_u32..24).prop_map(|hour| hour.to_string()),
        (0_u32..4, 0_u32..4).prop_map(|(first, more)| format!("{first},{}", first + 5 + 4 * more)),
        (0_u32..10, 4_u32..12).prop_map(|(first, step)| format!("{first}/{step}")),
        (4_u32..12).prop_map(|step| format!("/{step}")),
    ];
    let months = prop_oneof![
        Just("*".to_owned()),
        (1_u32..=12).prop_map(|month| month.to_string()),
        (1_u32..6, 0_u32..6).prop_map(|(from, more)| format!("{from}-{}", from + more)),
        (0_usize..12).prop_map(|at| MONTHS[at].to_owned()),
        (1_u32..=12, 1_u32..=12).prop_map(|(first, step)| format!("{first}/{step}")),
    ];
    let of_month = prop_oneof![
        Just("*".to_owned()),
        Just("L".to_owned()),
        (1_u32..=28).prop_map(|day| day.to_string()),
        (1_u32..=14, 0_u32..14).prop_map(|(from, more)| format!("{from}-{}", from + more)),
        (1_u32..=28, 1_u32..=31).prop_map(|(from, step)| format!("{from}/{step},L")),
    ];
    let of_week = prop_oneof![
        Just("*".to_owned()),
        Just("L".to_owned()),
        Just("SUN,WED".to_owned()),
        Just("MON-FRI".to_owned()),
        (1_u32..=7).prop_map(|day| day.to_string()),
        (1_u32..=7).prop_map(|day| format!("{day}L")),
        (1_u32..=7, 1_u32..=4).prop_map(|(day, which)| format!("{day}#{which}")),
    ];
    let days = prop_oneof![
        of_month.prop_map(|days| (days, "?".to_owned())),
        of_week.prop_map(|days| ("?".to_owned(), days)),
    ];
    (hours, months, days).prop_map(|(hours, months, (of_month, of_week))| {
        format!("cron(0 {hours} {of_month} {months} {of_week} *)")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_calendar_agrees_with_one_that_walks_hour_by_hour(
        expression in an_expression(),
        base in 0_i64..4_000_000_000,
    ) {
        let base = Timestamp::from_milliseconds(base * 1000);
        match Schedule::parse(&expression, None) {
            Ok(schedule) => {
                let found = schedule.window_after(base).map(|window| window.from);
                prop_assert_eq!(found, walked(&expression, base), "{} after {}", expression, rfc3339(base));
            }
            Err(problem) => prop_assert_eq!(problem, Problem::TooOften),
        }
    }

    #[test]
    fn windows_come_one_after_the_other_and_never_overlap(
        expression in an_expression(),
        base in 0_i64..4_000_000_000,
    ) {
        let Ok(schedule) = Schedule::parse(&expression, None) else {
            return Ok(());
        };
        let mut base = Timestamp::from_milliseconds(base * 1000);
        let mut earlier: Option<Window> = None;
        for _ in 0..20 {
            let window = schedule.window_after(base).unwrap();
            prop_assert!(window.from > base && window.from < window.until);
            prop_assert!(earlier.is_none_or(|earlier| earlier.until <= window.from));
            base = window.from;
            earlier = Some(window);
        }
    }
}
