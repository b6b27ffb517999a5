//! Which events a feed sends.

use crate::audit::source::About;

/// A choice of events; the default is all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Names, with `*` for any run of characters; none: all.
    pub names: Vec<String>,
    /// Event sources, likewise.
    pub sources: Vec<String>,
    /// What failed alone.
    pub errors_only: bool,
    /// What may have changed something alone.
    pub writes_only: bool,
}

impl Filter {
    /// Whether an event is sent.
    #[must_use]
    pub fn takes(&self, about: &About) -> bool {
        // One as EventBridge gives it is known by its kind, and tells of a change.
        let name = about.event_name.as_ref().or(about.detail_type.as_ref());
        matches(&self.names, name)
            && (about.is_native() && self.sources.is_empty()
                || matches(&self.sources, about.event_source.as_ref()))
            && (!self.errors_only || about.failed())
            && (!self.writes_only || about.read_only != Some(true))
    }
}

fn matches(patterns: &[String], text: Option<&String>) -> bool {
    let text = text.map_or("", String::as_str);
    patterns.is_empty() || patterns.iter().any(|pattern| is_like(pattern, text))
}

/// Whether a text is like a pattern, in which `*` is any run of characters.
fn is_like(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(first) else {
        return false;
    };
    let mut pieces = rest.split('*').peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return text.ends_with(piece);
        }
        match text.find(piece) {
            Some(at) => text = &text[at + piece.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: &str = r#"{"eventSource":"secretsmanager.amazonaws.com","eventName":"GetSecretValue","readOnly":true}"#;
    const DENIED: &str = r#"{"eventSource":"secretsmanager.amazonaws.com","eventName":"GetSecretValue","readOnly":true,"errorCode":"AccessDenied"}"#;
    const WRITE: &str =
        r#"{"eventSource":"kms.amazonaws.com","eventName":"ScheduleKeyDeletion","readOnly":false}"#;
    const FAILED: &str = r#"{"eventSource":"secretsmanager.amazonaws.com","eventName":"RotationFailed","readOnly":false,"errorMessage":"no"}"#;
    const NATIVE: &str = r#"{"detail-type":"Secret Label Updated","source":"aws.secretsmanager"}"#;

    #[test]
    fn a_filter_takes_what_meets_all_of_it() {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        let names = |list: &[&str]| Filter {
            names: texts(list),
            ..Filter::default()
        };
        let sources = |list: &[&str]| Filter {
            sources: texts(list),
            ..Filter::default()
        };
        let errors = Filter {
            errors_only: true,
            ..Filter::default()
        };
        let writes = Filter {
            writes_only: true,
            ..Filter::default()
        };
        for (filter, taken) in [
            (Filter::default(), [true; 5]),
            (
                names(&["GetSecretValue"]),
                [true, true, false, false, false],
            ),
            (names(&["*Key*"]), [false, false, true, false, false]),
            (
                names(&["Get*Value", "Schedule*"]),
                [true, true, true, false, false],
            ),
            (
                names(&["Secret Label*"]),
                [false, false, false, false, true],
            ),
            (names(&["get*"]), [false; 5]),
            (sources(&["kms.*"]), [false, false, true, false, false]),
            (
                sources(&["kms.amazonaws.com"]),
                [false, false, true, false, false],
            ),
            (errors, [false, true, false, true, false]),
            (writes, [false, false, true, true, true]),
        ] {
            let found = [READ, DENIED, WRITE, FAILED, NATIVE]
                .map(|json| filter.takes(&About::read(json.as_bytes())));
            assert_eq!(found, taken, "{filter:?}");
        }
    }

    #[test]
    fn stars_stand_for_any_run() {
        for (pattern, text, like) in [
            ("*", "", true),
            ("a*", "a", true),
            ("*a", "ba", true),
            ("a*a", "a", false),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "a1c2b", false),
            ("", "a", false),
            ("**", "x", true),
            ("ä*ö", "äxö", true),
        ] {
            assert_eq!(is_like(pattern, text), like, "{pattern} {text}");
        }
    }
}
