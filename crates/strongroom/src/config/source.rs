//! Reads the configuration: the file first, then the environment over it. Mistakes are told with line and remedy.

use std::fmt;
use std::path::Path;

use serde::Deserialize as _;
use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

use super::Config;
use super::keys::{KEYS, Key, Kind, VARIABLE_PREFIX};

/// Why there is no usable configuration. Its text says what to do.
#[derive(Debug, PartialEq, Eq)]
pub enum ConfigProblem {
    /// The file can't be read.
    Unreadable(String),
    /// A line of the file is wrong.
    Line {
        /// The file, as it was named.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// An environment variable is wrong.
    Variable {
        /// Its name.
        name: String,
        /// What is wrong with its value.
        why: String,
    },
    /// Each key is right by itself, but not together with the others.
    Invalid(String),
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(why) | Self::Invalid(why) => formatter.write_str(why),
            Self::Line { file, line, why } => write!(formatter, "{file}, line {line}: {why}"),
            Self::Variable { name, why } => write!(formatter, "environment variable {name}: {why}"),
        }
    }
}

impl std::error::Error for ConfigProblem {}

/// Reads a configuration file and the environment. The second value names variables that look like ours but aren't.
///
/// # Errors
/// The file can't be read, or the first mistake in it or in a variable.
pub fn read(
    path: &Path,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<(Config, Vec<String>), ConfigProblem> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let path = path.display();
        ConfigProblem::Unreadable(format!(
            "the configuration file {path} can't be read ({error}); check --config"
        ))
    })?;
    parse(&path.display().to_string(), &text, environment)
}

fn parse(
    file: &str,
    text: &str,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<(Config, Vec<String>), ConfigProblem> {
    let line_of = |offset: usize| text[..offset.min(text.len())].matches('\n').count() + 1;
    let wrong = |offset: usize, why: String| ConfigProblem::Line {
        file: file.to_owned(),
        line: line_of(offset),
        why,
    };
    let wrong_toml = |error: &toml::de::Error| {
        wrong(
            error.span().map_or(0, |span| span.start),
            error.message().to_owned(),
        )
    };

    let document = DeTable::parse(text).map_err(|error| wrong_toml(&error))?;
    if let Some((offset, path)) = unknown_key(document.get_ref(), "") {
        let closest = closest(&path, KEYS.iter().map(|key| key.path));
        let why = format!(
            "`{path}` is no key of the configuration; did you mean `{closest}`? See docs/configuration.md"
        );
        return Err(wrong(offset, why));
    }
    // Once by itself, so that a mistake is told with its line, which a table no longer knows.
    toml::from_str::<Config>(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        let line = text.lines().nth(line_of(offset) - 1).unwrap_or_default();
        let name = line.split('=').next().unwrap_or_default().trim();
        wrong(offset, format!("`{name}`: {}", error.message()))
    })?;

    let mut table = toml::from_str::<Table>(text).map_err(|error| wrong_toml(&error))?;
    let mut unknown = Vec::new();
    for (name, value) in environment.filter(|(name, _)| name.starts_with(VARIABLE_PREFIX)) {
        let mut keys = KEYS.iter().filter(|key| !key.is_repeated());
        match keys.find(|key| key.variable() == name) {
            Some(key) => {
                let wrong = |why: String| ConfigProblem::Variable {
                    name: name.clone(),
                    why,
                };
                let value = value_of(key, &value).map_err(wrong)?;
                put(&mut table, key.path, value);
                Config::deserialize(table.clone())
                    .map_err(|error| wrong(error.message().to_owned()))?;
            }
            None => unknown.push(name),
        }
    }
    let config = Config::deserialize(table)
        .map_err(|error| ConfigProblem::Invalid(error.message().to_owned()))?;
    Ok((config, unknown))
}

/// The first key in the file that isn't one of ours, and where it stands.
fn unknown_key(table: &DeTable<'_>, section: &str) -> Option<(usize, String)> {
    let mut found: Option<(usize, String)> = None;
    for (name, value) in table {
        let path = match section {
            "" => name.get_ref().to_string(),
            section => format!("{section}.{}", name.get_ref()),
        };
        let here = match value.get_ref() {
            _ if KEYS.iter().any(|key| key.path == path) => None,
            DeValue::Table(inner) if KEYS.iter().any(|key| is_within(key.path, &path)) => {
                unknown_key(inner, &path)
            }
            DeValue::Array(tables) if is_repeated(&path) => {
                tables.iter().find_map(|table| match table.get_ref() {
                    DeValue::Table(inner) => unknown_key(inner, &path),
                    _ => Some((table.span().start, path.clone())),
                })
            }
            _ => Some((name.span().start, path)),
        };
        found = match (found, here) {
            (Some(first), Some(here)) => Some(if here.0 < first.0 { here } else { first }),
            (first, here) => first.or(here),
        };
    }
    found
}

fn is_repeated(section: &str) -> bool {
    let mut keys = KEYS.iter().filter(|key| key.is_repeated());
    keys.any(|key| key.section() == section)
}

fn is_within(path: &str, section: &str) -> bool {
    path.strip_prefix(section)
        .is_some_and(|rest| rest.starts_with('.'))
}

/// The candidate that a mistyped one most likely meant.
pub(crate) fn closest<'a>(wrong: &str, candidates: impl Iterator<Item = &'a str>) -> &'a str {
    let distance = |candidate: &str| {
        let own = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
        // A right name in a wrong section is closer than any other name in the right one.
        2 * strsim::damerau_levenshtein(&own(candidate), &own(wrong))
            + strsim::damerau_levenshtein(candidate, wrong)
    };
    candidates
        .min_by_key(|candidate| distance(candidate))
        .unwrap_or_default()
}

fn value_of(key: &Key, text: &str) -> Result<Value, String> {
    match key.kind {
        Kind::Text => Ok(Value::String(text.to_owned())),
        Kind::Integer => text
            .parse()
            .map(Value::Integer)
            .map_err(|_| format!("`{text}` is not a whole number")),
        Kind::Flag => text
            .parse()
            .map(Value::Boolean)
            .map_err(|_| format!("`{text}` is neither `true` nor `false`")),
        Kind::List => {
            let items = text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty());
            Ok(Value::Array(
                items.map(|item| Value::String(item.to_owned())).collect(),
            ))
        }
    }
}

fn put(table: &mut Table, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            table.insert(path.to_owned(), value);
        }
        Some((section, rest)) => {
            let inner = table
                .entry(section)
                .or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::resolution::FunctionSettings;

    fn with(
        text: &str,
        environment: &[(&str, &str)],
    ) -> Result<(Config, Vec<String>), ConfigProblem> {
        let environment = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        parse("strongroom.toml", text, environment)
    }

    fn mistake(text: &str, environment: &[(&str, &str)]) -> String {
        with(text, environment)
            .and_then(|(config, _)| config.check())
            .unwrap_err()
            .to_string()
    }

    const GOOD: &str =
        "[data]\ndir = \"/var/lib/strongroom\"\n[seal]\nkey_file = \"/etc/strongroom/root.key\"\n";

    #[test]
    fn a_file_needs_a_folder_and_a_seal_and_no_more() {
        let (config, unknown) = with(GOOD, &[]).unwrap();
        config.check().unwrap();
        assert_eq!(config.server.listen.to_string(), "127.0.0.1:4599");
        assert_eq!(config.limits().unwrap(), crate::edge::Limits::default());
        assert_eq!(
            config.admin_socket().unwrap().to_str(),
            Some("/var/lib/strongroom/admin.sock")
        );
        assert!(unknown.is_empty());
    }

    #[test]
    fn a_mistake_is_told_with_its_line_and_a_remedy() {
        let cases = [
            (
                "[server]\n\nlisten = \"x\"",
                "line 3: `listen`: invalid socket address",
            ),
            ("[server]\nlisten = 4", "line 2: `listen`"),
            ("[server]\nlisten = ", "line 2"),
            (
                "[server]\nlisten = \"127.0.0.1:1\"\nlisten = \"127.0.0.1:2\"",
                "line 3",
            ),
            (
                "[log]\nformat = \"xml\"",
                "line 2: `format`: unknown variant `xml`",
            ),
            ("[limits]\nbody_bytes = -1", "line 2: `body_bytes`"),
            (
                "[server]\nlisen = \"x\"",
                "line 2: `server.lisen` is no key of the configuration; did you mean `server.listen`?",
            ),
            ("[data]\nkey_file = \"x\"", "did you mean `seal.key_file`?"),
            ("[server.tls]\ncert = \"x\"", "did you mean `server.tls."),
            ("[sever]\nlisten = \"x\"", "line 1: `sever` is no key"),
            (
                "listen = \"x\"",
                "line 1: `listen` is no key of the configuration; did you mean `server.listen`?",
            ),
            ("[server]\ntls = 3", "line 2: `server.tls` is no key"),
            (
                "[[functions.endpoints]]\npattern = \"*\"\nurl = \"http://x\"\n[[functions.endpoints]]\npatern = \"*\"",
                "line 5: `functions.endpoints.patern` is no key of the configuration; did you mean \
                 `functions.endpoints.pattern`?",
            ),
            (
                "[[functions.endpoints]]\npattern = \"*\"",
                "line 1: `[[functions.endpoints]]`: missing field `url`",
            ),
            (
                "[functions]\nendpoints = [3]",
                "line 2: `functions.endpoints` is no key",
            ),
            (
                "[functions]\nendpoints = \"http://x\"",
                "line 2: `functions.endpoints` is no key",
            ),
            (
                "[functions.endpoints]\nurl = \"x\"",
                "`[functions.endpoints]`",
            ),
            (
                "[limits]\nrequests = 3\n[server]\nlisen = 3",
                "line 2: `limits.requests`",
            ),
        ];
        for (text, expected) in cases {
            let why = mistake(text, &[]);
            assert!(
                why.contains(expected),
                "{text:?}\n  gives {why:?}\n  not   {expected:?}"
            );
        }
    }

    #[test]
    fn keys_that_contradict_each_other_are_told() {
        let cases = [
            ("", "data.dir is missing"),
            ("[data]\ndir = \"data\"", "must be a whole path"),
            ("[data]\ndir = \"/d\"", "nothing under [seal]"),
            (
                &format!("{GOOD}passphrase_prompt = true\npassphrase_env = \"P\""),
                "set only one of",
            ),
            (
                &format!("{GOOD}[server]\nlisten = \"0.0.0.0:4599\""),
                "there is no certificate",
            ),
            (
                &format!("{GOOD}[server.tls]\nkey = \"/k\""),
                "server.tls.key is set but server.tls.certificate is not",
            ),
            (
                &format!("{GOOD}[server]\ntrusted_proxies = [\"all\"]"),
                "`all` is not an address range",
            ),
            (
                &format!("{GOOD}[limits]\nheader_bytes = 10"),
                "limits.header_bytes is 10 and must be at least 8192",
            ),
            (
                &format!("{GOOD}[limits]\nrequest_seconds = 0"),
                "limits.request_seconds is 0 and must be at least 1",
            ),
        ];
        for (text, expected) in cases {
            let why = mistake(text, &[]);
            assert!(
                why.contains(expected),
                "{text:?}\n  gives {why:?}\n  not   {expected:?}"
            );
        }
        let open = format!("{GOOD}[server]\nlisten = \"0.0.0.0:4599\"\nallow_plaintext = true");
        with(&open, &[]).unwrap().0.check().unwrap();
    }

    fn settings(text: &str) -> Result<FunctionSettings, String> {
        let (config, _) = with(text, &[]).map_err(|why| why.to_string())?;
        config.functions.settings().map_err(|why| why.to_string())
    }

    #[test]
    fn servers_of_functions_have_credentials_of_their_own_or_those_of_all() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let credentials = "AWS_ACCESS_KEY_ID=ONE\nAWS_SECRET_ACCESS_KEY=secret-one";
        let one = file("one", credentials);
        let two = file("two", &credentials.replace("one", "two"));
        let found = settings(&format!(
            "[functions]\ncredentials_file = '{one}'\ndefault_endpoint = \"http://d:1\"\n\
             [[functions.endpoints]]\npattern = \"arn:*:a\"\nurl = \"http://a\"\n\
             [[functions.endpoints]]\npattern = \"arn:*:b\"\nurl = \"http://b/x\"\ncredentials_file = '{two}'\n"
        ))
        .unwrap();
        let told: Vec<String> = found
            .endpoints
            .iter()
            .map(|(pattern, endpoint)| format!("{} {endpoint:?}", pattern.text()))
            .collect();
        assert!(
            told[0].starts_with("arn:*:a") && told[0].contains(&one),
            "{told:?}"
        );
        assert!(
            told[1].starts_with("arn:*:b") && told[1].contains(&two),
            "{told:?}"
        );
        assert!(format!("{:?}", found.everything_else).contains(&one));
        let none = settings("").unwrap();
        assert!(none.endpoints.is_empty() && none.everything_else.is_none());
    }

    #[test]
    fn what_is_wrong_with_a_server_of_functions_is_told_with_its_key() {
        let table = |pattern: &str, url: &str, more: &str| {
            format!("[[functions.endpoints]]\npattern = \"{pattern}\"\nurl = \"{url}\"\n{more}\n")
        };
        let nowhere = "credentials_file = \"/nowhere/at/all\"";
        let cases = [
            (
                table("rotate", "http://a", nowhere),
                "functions.endpoints: 'rotate' matches no function",
            ),
            (
                table("*", "ftp://a", nowhere),
                "functions.endpoints, pattern \"*\": \"ftp://a\" is neither",
            ),
            (table("*", "http://a?b=c", nowhere), "has a query"),
            (table("*", "http://a:b@c", nowhere), "holds no credentials"),
            (
                table("*", "http://a", nowhere),
                "functions.credentials_file /nowhere/at/all can't be read",
            ),
            (
                "[functions]\ndefault_endpoint = \"here\"".to_owned(),
                "functions.default_endpoint: \"here\" ",
            ),
        ];
        for (text, expected) in cases {
            let why = settings(&text).unwrap_err();
            assert!(
                why.contains(expected),
                "{text:?}\n  gives {why:?}\n  not   {expected:?}"
            );
        }
    }

    #[test]
    fn the_environment_goes_over_the_file() {
        let (config, unknown) = with(
            GOOD,
            &[
                ("STRONGROOM_SERVER_LISTEN", "127.0.0.1:1"),
                ("STRONGROOM_SERVER_TLS_KEY", "/k"),
                ("STRONGROOM_SERVER_TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
                ("STRONGROOM_LIMITS_BODY_BYTES", "500000"),
                ("STRONGROOM_SEAL_PASSPHRASE_PROMPT", "true"),
                ("STRONGROOM_LOG_FORMAT", "json"),
                ("STRONGROOM_FUNCTIONS_DEFAULT_ENDPOINT", "http://d"),
                ("STRONGROOM_PORT_4599_TCP", "tcp://10.0.0.1:4599"),
                ("STRONGROOM_FUNCTIONS_ENDPOINTS_URL", "http://e"),
                ("HOME", "/root"),
            ],
        )
        .unwrap();
        assert_eq!(config.server.listen.to_string(), "127.0.0.1:1");
        assert_eq!(config.server.tls.key.unwrap().to_str(), Some("/k"));
        assert_eq!(config.server.trusted_proxies, ["10.0.0.0/8", "::1"]);
        assert_eq!(config.limits.body_bytes, 500_000);
        assert!(config.seal.passphrase_prompt);
        assert_eq!(config.log.format, super::super::LogFormat::Json);
        assert_eq!(
            config.data.dir.unwrap().to_str(),
            Some("/var/lib/strongroom")
        );
        // Kubernetes makes such variables for a service of this name; they must not keep the server from starting.
        assert_eq!(
            unknown,
            [
                "STRONGROOM_PORT_4599_TCP",
                "STRONGROOM_FUNCTIONS_ENDPOINTS_URL"
            ]
        );
        assert_eq!(config.functions.default_endpoint.unwrap(), "http://d");
    }

    #[test]
    fn a_wrong_variable_is_told_by_its_name() {
        let cases = [
            (
                ("STRONGROOM_SERVER_LISTEN", "here"),
                "STRONGROOM_SERVER_LISTEN: invalid socket address",
            ),
            (
                ("STRONGROOM_LIMITS_BODY_BYTES", "1MB"),
                "STRONGROOM_LIMITS_BODY_BYTES: `1MB` is not a whole number",
            ),
            (
                ("STRONGROOM_SERVER_ALLOW_PLAINTEXT", "yes"),
                "STRONGROOM_SERVER_ALLOW_PLAINTEXT: `yes` is neither",
            ),
        ];
        for (variable, expected) in cases {
            let why = mistake(GOOD, &[variable]);
            assert!(why.contains(expected), "{why}");
        }
    }

    #[test]
    fn the_list_of_keys_and_what_is_read_are_the_same() {
        // serde names the fields of a section that it knows when it meets one that it doesn't.
        let mut sections: Vec<&str> = KEYS.iter().map(Key::section).collect();
        sections.dedup();
        for section in sections {
            let key = KEYS.iter().find(|key| key.section() == section).unwrap();
            let text = format!("{}\nnothing_of_ours = 1\n", key.heading());
            let message = toml::from_str::<Config>(&text)
                .unwrap_err()
                .message()
                .to_owned();
            let mut read: Vec<&str> = message.split('`').skip(3).step_by(2).collect();
            let is_table = |name: &str| {
                let path = format!("{section}.{name}");
                KEYS.iter().any(|key| is_within(key.path, &path))
            };
            read.retain(|name| !is_table(name));
            let listed: Vec<&str> = KEYS
                .iter()
                .filter(|key| key.section() == section)
                .map(Key::name)
                .collect();
            assert_eq!(read, listed, "[{section}]: {message}");
        }
        let message = toml::from_str::<Config>("nothing_of_ours = 1")
            .unwrap_err()
            .message()
            .to_owned();
        for section in message.split('`').skip(3).step_by(2) {
            assert!(
                KEYS.iter()
                    .any(|key| key.path.starts_with(&format!("{section}."))),
                "{section}"
            );
        }
    }

    #[test]
    fn the_documented_defaults_are_the_defaults() {
        // A table that is there has no defaults of its own.
        for key in KEYS.iter().filter(|key| !key.is_repeated()) {
            let value = match key.kind {
                Kind::Integer | Kind::Flag | Kind::List => key.default.to_owned(),
                Kind::Text => format!("\"{}\"", key.default),
            };
            let text = format!("[{}]\n{} = {value}\n", key.section(), key.name());
            let Ok(config) = toml::from_str::<Config>(&text) else {
                assert!(
                    key.kind == Kind::Text && key.default.starts_with("none"),
                    "{text}"
                );
                continue;
            };
            let is_optional =
                key.default.starts_with("none") || ["data.dir", "admin.socket"].contains(&key.path);
            let same = format!("{config:?}") == format!("{:?}", Config::default());
            assert!(
                same || is_optional,
                "{} is not the default of {}",
                key.default,
                key.path
            );
        }
    }

    #[test]
    fn the_document_has_every_key() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
        let document = std::fs::read_to_string(path).unwrap();
        let marker =
            "<!-- Made from crates/strongroom/src/config/keys.rs; a test compares them. -->\n";
        let (before, written) = document.split_once(marker).unwrap();
        let expected = super::super::reference();
        if std::env::var_os("STRONGROOM_WRITE_DOCUMENTS").is_some() {
            std::fs::write(path, format!("{before}{marker}{expected}")).unwrap();
        } else {
            assert!(
                written == expected,
                "run the tests with STRONGROOM_WRITE_DOCUMENTS=1 to write {path} anew"
            );
        }
    }
}
