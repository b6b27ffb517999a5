//! A second evaluator, slow and simple: it reads the policies' JSON as the IAM user guide tells,
//! with nothing compiled and nothing shared with the first one.

use serde_json::Value;
use strongroom_policy::Caller;

use super::Asked;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Allow(&'static str),
    Deny,
    Silent,
}

/// From the loosest to the closest.
pub(crate) const REACHES: [&str; 5] = ["account", "role", "everyone", "caller", "attached"];

/// What one policy says. `bounded`: the caller has a permissions boundary.
pub(crate) fn evaluate(policy: &Value, asked: &Asked, bounded: bool) -> Answer {
    let variables = policy["Version"] == "2012-10-17";
    let mut best = None;
    for statement in list(&policy["Statement"]) {
        let Some(reach) = applies(statement, asked, variables, bounded) else {
            continue;
        };
        if statement["Effect"] == "Deny" {
            return Answer::Deny;
        }
        let rank = REACHES.iter().position(|known| *known == reach);
        best = best.max(rank);
    }
    best.map_or(Answer::Silent, |rank| Answer::Allow(REACHES[rank]))
}

fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Null => vec![],
        other => vec![other],
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn applies(
    statement: &Value,
    asked: &Asked,
    variables: bool,
    bounded: bool,
) -> Option<&'static str> {
    let action_listed = |element: &str| {
        list(&statement[element]).into_iter().any(|pattern| {
            let pattern = text(pattern).to_lowercase();
            pattern == "*:*" || like(&units(&pattern, true), &asked.action.to_lowercase())
        })
    };
    let action = match statement.get("Action") {
        Some(_) => action_listed("Action"),
        None => !action_listed("NotAction"),
    };
    let mut unresolved = false;
    let mut resource_listed = |element: &str| {
        let mut any = false;
        for pattern in list(&statement[element]) {
            match substituted(&text(pattern), asked, variables, true) {
                Some(units) => any |= resource_like(&units, &asked.resource),
                None => unresolved = true,
            }
        }
        any
    };
    let resource = match statement.get("Resource") {
        Some(_) => resource_listed("Resource"),
        None if statement.get("NotResource").is_none() => true,
        None => {
            let listed = resource_listed("NotResource");
            !listed && (statement["Effect"] == "Deny" || !unresolved)
        }
    };
    let conditions = statement["Condition"].as_object().is_none_or(|operators| {
        operators.iter().all(|(operator, keys)| {
            keys.as_object().is_some_and(|keys| {
                keys.iter()
                    .all(|(key, wanted)| condition(operator, key, wanted, asked, variables))
            })
        })
    });
    let denies_all_bounded =
        bounded && statement["Effect"] == "Deny" && statement.get("NotPrincipal").is_some();
    let reach = if denies_all_bounded {
        "everyone"
    } else {
        principal(statement, &asked.caller)?
    };
    (action && resource && conditions).then_some(reach)
}

// ---- Principals

fn principal(statement: &Value, caller: &Caller) -> Option<&'static str> {
    if let Some(named) = statement.get("Principal") {
        let reaches = names(named)
            .into_iter()
            .filter_map(|(kind, name)| covers(&kind, &name, caller));
        return reaches.max_by_key(|reach| REACHES.iter().position(|known| known == reach));
    }
    let Some(named) = statement.get("NotPrincipal") else {
        return Some("attached");
    };
    let listed = names(named);
    if listed.iter().any(|(_, name)| name == "*") {
        return None;
    }
    let has = |wanted: &str| {
        listed
            .iter()
            .any(|(kind, name)| covers(kind, name, caller) == Some(wanted))
    };
    let exempt = match caller {
        Caller::Root { .. } => has("caller"),
        Caller::User { .. } | Caller::FederatedUser { .. } => has("account") && has("caller"),
        Caller::RoleSession { .. } => has("account") && has("role") && has("caller"),
        Caller::Service { .. } | Caller::WebIdentity { .. } => has("caller"),
        Caller::Anonymous => false,
    };
    (!exempt).then_some("everyone")
}

fn names(principal: &Value) -> Vec<(String, String)> {
    match principal {
        Value::Object(kinds) => kinds
            .iter()
            .flat_map(|(kind, names)| {
                list(names)
                    .into_iter()
                    .map(|name| (kind.clone(), text(name)))
            })
            .collect(),
        other => vec![("AWS".to_owned(), text(other))],
    }
}

fn covers(kind: &str, name: &str, caller: &Caller) -> Option<&'static str> {
    if kind == "AWS" && name == "*" {
        return Some("everyone");
    }
    let is_account = |account: &str| {
        kind == "AWS" && (name == account || name == format!("arn:aws:iam::{account}:root"))
    };
    match caller {
        Caller::Root { account } => is_account(account).then_some("caller"),
        Caller::User { arn, unique_id } => {
            if is_account(&arn[13..25]) {
                Some("account")
            } else {
                (name == arn || Some(name) == unique_id.as_deref()).then_some("caller")
            }
        }
        Caller::RoleSession {
            session_arn,
            role_arn,
            unique_id,
        } => {
            if is_account(&role_arn[13..25]) {
                Some("account")
            } else if name == role_arn || Some(name) == unique_id.as_deref() {
                Some("role")
            } else {
                let session = session_arn.rsplit('/').next().unwrap_or_default();
                let pinned = unique_id.as_ref().map(|role| format!("{role}:{session}"));
                (name == session_arn || Some(name) == pinned.as_deref()).then_some("caller")
            }
        }
        Caller::FederatedUser { arn } => {
            if is_account(&arn[13..25]) {
                Some("account")
            } else {
                (name == arn).then_some("caller")
            }
        }
        Caller::Service { name: own } => (kind == "Service" && name == own).then_some("caller"),
        Caller::WebIdentity { provider } => {
            (kind == "Federated" && name == provider).then_some("caller")
        }
        Caller::Anonymous => None,
    }
}

// ---- Wildcards and variables

#[derive(Clone, Copy, PartialEq)]
enum Unit {
    Literal(char),
    Star,
    Question,
}

fn units(pattern: &str, wildcards: bool) -> Vec<Unit> {
    pattern
        .chars()
        .map(|char| match char {
            '*' if wildcards => Unit::Star,
            '?' if wildcards => Unit::Question,
            char => Unit::Literal(char),
        })
        .collect()
}

/// `None`: a variable has no value.
fn substituted(
    pattern: &str,
    asked: &Asked,
    variables: bool,
    wildcards: bool,
) -> Option<Vec<Unit>> {
    let Some((before, rest)) = pattern.split_once("${").filter(|_| variables) else {
        return Some(units(pattern, wildcards));
    };
    let (key, default, after) = match (rest.find('}')?, rest.find(',')) {
        (end, Some(comma)) if comma < end => {
            let quoted = rest[comma + 1..].trim_start().strip_prefix('\'')?;
            let (default, after) = quoted.split_once('\'')?;
            let after = after.trim_start().strip_prefix('}')?;
            (rest[..comma].trim(), Some(default), after)
        }
        (end, _) => (rest[..end].trim(), None, &rest[end + 1..]),
    };
    let value = if ["*", "?", "$"].contains(&key) {
        key.to_owned()
    } else {
        match given(asked, key) {
            Given::Absent => default?.to_owned(),
            Given::Values(values) if values.len() == 1 => values[0].clone(),
            Given::Values(_) | Given::Ambiguous => return None,
        }
    };
    let mut all = units(before, wildcards);
    all.extend(units(&value, false));
    all.extend(substituted(after, asked, variables, wildcards)?);
    Some(all)
}

enum Given {
    Absent,
    /// Two keys that differ in letter case only.
    Ambiguous,
    Values(Vec<String>),
}

fn given(asked: &Asked, key: &str) -> Given {
    let mut alike = asked
        .values
        .iter()
        .filter(|(known, values)| known.eq_ignore_ascii_case(key) && !values.is_empty());
    match (alike.next(), alike.next()) {
        (None, _) => Given::Absent,
        (Some((_, values)), None) => Given::Values(values.clone()),
        (Some(_), Some(_)) => Given::Ambiguous,
    }
}

fn like(pattern: &[Unit], text: &str) -> bool {
    matches(pattern, &text.chars().collect::<Vec<_>>(), &|_| true)
}

fn resource_like(pattern: &[Unit], text: &str) -> bool {
    let crosses = |index: usize| {
        in_resource_part(pattern, index)
            || (pattern[index] == Unit::Star
                && matches!(pattern.get(index + 1), None | Some(Unit::Literal(':'))))
    };
    matches(pattern, &text.chars().collect::<Vec<_>>(), &crosses)
}

fn arn_like(pattern: &[Unit], text: &str) -> bool {
    if pattern == [Unit::Star] {
        return true;
    }
    let colons = pattern
        .iter()
        .filter(|unit| **unit == Unit::Literal(':'))
        .count();
    let crosses = |index: usize| in_resource_part(pattern, index);
    colons >= 5 && matches(pattern, &text.chars().collect::<Vec<_>>(), &crosses)
}

fn in_resource_part(pattern: &[Unit], index: usize) -> bool {
    pattern[..index]
        .iter()
        .filter(|unit| **unit == Unit::Literal(':'))
        .count()
        >= 5
}

/// By trying everything: `crosses` says whether the wildcard at an index may match a colon. Which
/// rest of the pattern met which rest of the text is remembered, else this takes forever.
fn matches(pattern: &[Unit], text: &[char], crosses: &dyn Fn(usize) -> bool) -> bool {
    let mut table = vec![vec![false; text.len() + 1]; pattern.len() + 1];
    for p in (0..=pattern.len()).rev() {
        for t in (0..=text.len()).rev() {
            let one = t < text.len();
            table[p][t] = match pattern.get(p) {
                None => !one,
                Some(Unit::Literal(char)) => one && text[t] == *char && table[p + 1][t + 1],
                Some(Unit::Question) => {
                    one && (text[t] != ':' || crosses(p)) && table[p + 1][t + 1]
                }
                Some(Unit::Star) => {
                    table[p + 1][t] || (one && (text[t] != ':' || crosses(p)) && table[p][t + 1])
                }
            };
        }
    }
    table[0][0]
}

// ---- Conditions

fn condition(operator: &str, key: &str, wanted: &Value, asked: &Asked, variables: bool) -> bool {
    let wanted: Vec<String> = list(wanted).into_iter().map(text).collect();
    let found = given(asked, key);
    if operator == "Null" {
        let absent = matches!(found, Given::Absent);
        return wanted.iter().any(|wanted| match wanted.as_str() {
            "true" => absent,
            "false" => !absent,
            _ => false,
        });
    }
    let (set, name) = match operator.split_once(':') {
        Some((set, name)) => (set, name),
        None => ("", operator),
    };
    let (name, if_exists) = match name.strip_suffix("IfExists") {
        Some(name) => (name, true),
        None => (name, false),
    };
    let (positive, negated) = match name {
        "NotIpAddress" => ("IpAddress".to_owned(), true),
        name if name.contains("Not") => (name.replace("Not", ""), true),
        name => (name.to_owned(), false),
    };
    let found = match found {
        Given::Absent if if_exists => return true,
        Given::Absent => vec![],
        // Something is there, but nothing that a wanted value could match.
        Given::Ambiguous => return negated,
        Given::Values(values) => values,
    };
    let hit = |value: &str| {
        wanted
            .iter()
            .any(|wanted| compare(&positive, wanted, value, asked, variables))
    };
    let empty_set = found.iter().all(|value| value.is_empty());
    match set {
        "ForAllValues" if empty_set => true,
        "ForAnyValue" if empty_set => false,
        "ForAllValues" => found.iter().all(|value| hit(value) != negated),
        "ForAnyValue" => found.iter().any(|value| hit(value) != negated),
        _ => found.iter().any(|value| hit(value)) != negated,
    }
}

fn compare(operator: &str, wanted: &str, value: &str, asked: &Asked, variables: bool) -> bool {
    let pattern = |wildcards| substituted(wanted, asked, variables, wildcards);
    let literal = || -> Option<String> {
        let units = pattern(false)?;
        Some(
            units
                .iter()
                .map(|unit| {
                    if let Unit::Literal(char) = unit {
                        *char
                    } else {
                        '?'
                    }
                })
                .collect(),
        )
    };
    match operator {
        "StringEquals" => literal().is_some_and(|wanted| wanted == value),
        "StringEqualsIgnoreCase" => {
            literal().is_some_and(|wanted| wanted.to_lowercase() == value.to_lowercase())
        }
        "StringLike" => pattern(true).is_some_and(|pattern| like(&pattern, value)),
        "ArnEquals" | "ArnLike" => pattern(true).is_some_and(|pattern| arn_like(&pattern, value)),
        "Bool" => {
            let (wanted, value) = (wanted.to_lowercase(), value.to_lowercase());
            wanted == value && (value == "true" || value == "false")
        }
        "BinaryEquals" => wanted == value && is_base64(value),
        "IpAddress" => in_network(wanted, value),
        _ => ordered(operator, wanted, value),
    }
}

fn ordered(operator: &str, wanted: &str, value: &str) -> bool {
    let (sense, wanted, value) = if let Some(sense) = operator.strip_prefix("Numeric") {
        (sense, number(wanted), number(value))
    } else {
        (
            operator.strip_prefix("Date").unwrap_or_default(),
            date(wanted),
            date(value),
        )
    };
    let (Some(wanted), Some(value)) = (wanted, value) else {
        return false;
    };
    match sense {
        "Equals" => value == wanted,
        "LessThan" => value < wanted,
        "LessThanEquals" => value <= wanted,
        "GreaterThan" => value > wanted,
        "GreaterThanEquals" => value >= wanted,
        other => panic!("{other}"),
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// Seconds since 1970 of a date as W3C's note on date formats has it, or of such seconds.
fn date(text: &str) -> Option<f64> {
    if text.len() != 4
        && let Ok(seconds) = text.parse::<i64>()
    {
        return Some(seconds as f64);
    }
    let (day, time) = text.split_once('T').unwrap_or((text, ""));
    let mut parts = day.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next(), parts.next());
    let (month, day) = (month.unwrap_or(Some(1))?, day.unwrap_or(Some(1))?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let february = if leap { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = months.get(usize::try_from(month - 1).ok()?)?;
    if parts.next().is_some() || !(1..=*length).contains(&day) {
        return None;
    }
    let leap_days = |year: i64| year / 4 - year / 100 + year / 400;
    let days_before_year = (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969);
    let days_before_month: i64 = months[..(month - 1) as usize].iter().sum();
    let midnight = ((days_before_year + days_before_month + day - 1) * 86_400) as f64;
    if time.is_empty() {
        return (!text.contains('T')).then_some(midnight);
    }
    let (clock, offset) = match time.strip_suffix('Z') {
        Some(clock) => (clock, 0.0),
        None => {
            let at = time.rfind(['+', '-'])?;
            let (hours, minutes) = time[at + 1..].split_once(':')?;
            let seconds = number(hours)? * 3_600.0 + number(minutes)? * 60.0;
            (
                &time[..at],
                if time[at..].starts_with('-') {
                    -seconds
                } else {
                    seconds
                },
            )
        }
    };
    let mut parts = clock.split(':').map(number);
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next());
    if !(0.0..24.0).contains(&hours) || !(0.0..60.0).contains(&minutes) {
        return None;
    }
    Some(midnight + hours * 3_600.0 + minutes * 60.0 + seconds.unwrap_or(Some(0.0))? - offset)
}

fn is_base64(text: &str) -> bool {
    let plain = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - plain.len() < 3
        && plain
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte))
}

/// Bit by bit.
fn in_network(network: &str, address: &str) -> bool {
    let bits = |text: &str| -> Option<Vec<bool>> {
        let bytes = match text.parse::<std::net::IpAddr>().ok()? {
            std::net::IpAddr::V4(address) => address.octets().to_vec(),
            std::net::IpAddr::V6(address) => match address.to_ipv4_mapped() {
                Some(address) => address.octets().to_vec(),
                None => address.octets().to_vec(),
            },
        };
        Some(
            bytes
                .iter()
                .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1))
                .collect(),
        )
    };
    let (base, length) = match network.split_once('/') {
        Some((base, length)) => match length.parse::<usize>() {
            Ok(length) => (base, Some(length)),
            Err(_) => return false,
        },
        None => (network, None),
    };
    let (Some(base), Some(address)) = (bits(base), bits(address)) else {
        return false;
    };
    let length = length.unwrap_or(base.len());
    length <= base.len() && base.len() == address.len() && base[..length] == address[..length]
}
