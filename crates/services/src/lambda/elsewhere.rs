//! Which functions are answered by servers outside: a rule asks whether one is, before it says that there is no such
//! function. It may not know where those servers are.

use strongroom_policy::Wildcards;

use super::function_arn::FunctionArn;

/// Which functions are answered by servers outside, as the operator says. Built-in ones never are.
#[derive(Clone, Debug)]
pub struct Elsewhere {
    named: Vec<FunctionPattern>,
    /// Whether some server answers for whatever nothing else answers for.
    everything_else: bool,
}

/// A pattern for ARNs of functions, with `*` for any run of characters and `?` for any one.
///
/// One for a function without a qualifier holds for its versions and aliases as well.
#[derive(Clone, Debug)]
pub struct FunctionPattern(Wildcards);

/// A pattern that no function's ARN matches.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' matches no function: a pattern is for whole ARNs, such as arn:aws:lambda:*:123456789012:function:rotate-*"
)]
pub struct InvalidFunctionPattern(String);

impl Elsewhere {
    /// Nothing is answered outside.
    #[must_use]
    pub fn nowhere() -> Self {
        Elsewhere::of(Vec::new(), false)
    }

    /// Functions of these patterns are, and with `everything_else` all that nothing here answers for.
    #[must_use]
    pub fn of(named: Vec<FunctionPattern>, everything_else: bool) -> Self {
        Elsewhere {
            named,
            everything_else,
        }
    }

    /// Whether a pattern names it: then a server outside is asked even where there is a function of this name here.
    #[must_use]
    pub fn names(&self, function: &FunctionArn) -> bool {
        self.named.iter().any(|pattern| pattern.matches(function))
    }

    /// Whether a server outside is asked for it where there is no function of this name here.
    #[must_use]
    pub fn answers(&self, function: &FunctionArn) -> bool {
        !function.is_built_in() && (self.everything_else || self.names(function))
    }
}

impl FunctionPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`InvalidFunctionPattern`]: it begins neither like an ARN nor with a wildcard, as a function's mere name does.
    pub fn parse(text: &str) -> Result<Self, InvalidFunctionPattern> {
        if text.starts_with("arn:") || text.starts_with(['*', '?']) {
            Ok(FunctionPattern(Wildcards::of(text)))
        } else {
            Err(InvalidFunctionPattern(text.to_owned()))
        }
    }

    /// Whether it is for a function; for a built-in one none is.
    #[must_use]
    pub fn matches(&self, function: &FunctionArn) -> bool {
        !function.is_built_in()
            && (self.0.matches(&function.to_string())
                || function.qualifier.is_some()
                    && self.0.matches(&function.unqualified().to_string()))
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(rest: &str) -> FunctionArn {
        FunctionArn::parse(&format!(
            "arn:aws:lambda:us-east-1:123456789012:function:{rest}"
        ))
        .unwrap()
    }

    fn pattern(text: &str) -> FunctionPattern {
        FunctionPattern::parse(text).unwrap()
    }

    #[test]
    fn a_pattern_is_for_whole_arns() {
        let prefix = "arn:aws:lambda:us-east-1:123456789012:function:";
        for (text, name, expected) in [
            ("*", "rotate", true),
            ("arn:aws:lambda:*", "rotate", true),
            ("arn:*:function:rotate-*", "rotate-a", true),
            ("arn:*:function:rotate-*", "other", false),
            ("*:function:rotat?", "rotate", true),
            ("*:function:rotat?", "rotated", false),
            ("arn:aws:lambda:eu-*:function:*", "rotate", false),
            ("arn:aws:lambda:*:210987654321:function:*", "rotate", false),
            (&format!("{prefix}rotate"), "rotate", true),
            (&format!("{prefix}rotate"), "Rotate", false),
            (&format!("{prefix}rotate"), "rotate-2", false),
        ] {
            assert_eq!(pattern(text).matches(&function(name)), expected, "{text}");
        }
    }

    #[test]
    fn a_function_that_is_named_is_named_with_its_versions_and_aliases() {
        let all = pattern("arn:aws:lambda:us-east-1:123456789012:function:rotate");
        let live = pattern("arn:aws:lambda:us-east-1:123456789012:function:rotate:live");
        for (name, by_all, by_live) in [
            ("rotate", true, false),
            ("rotate:live", true, true),
            ("rotate:3", true, false),
            ("rotate:$LATEST", true, false),
        ] {
            assert_eq!(all.matches(&function(name)), by_all, "{name}");
            assert_eq!(live.matches(&function(name)), by_live, "{name}");
        }
    }

    #[test]
    fn a_mere_name_is_no_pattern() {
        for text in [
            "",
            "rotate",
            "rotate-*",
            "function:rotate",
            "ARN:aws:lambda:*",
        ] {
            assert!(FunctionPattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn whatever_is_not_named_is_answered_by_the_server_for_everything_else() {
        let named = || vec![pattern("*:function:a-*"), pattern("*:function:b")];
        for (elsewhere, name, names, answers) in [
            (Elsewhere::nowhere(), "a-1", false, false),
            (Elsewhere::of(named(), false), "a-1", true, true),
            (Elsewhere::of(named(), false), "b", true, true),
            (Elsewhere::of(named(), false), "c", false, false),
            (Elsewhere::of(named(), true), "c", false, true),
            (Elsewhere::of(Vec::new(), true), "a-1", false, true),
        ] {
            let function = function(name);
            assert_eq!(elsewhere.names(&function), names, "{name}");
            assert_eq!(elsewhere.answers(&function), answers, "{name}");
        }
    }

    #[test]
    fn a_built_in_function_is_never_answered_elsewhere() {
        let elsewhere = Elsewhere::of(vec![pattern("*")], true);
        let built_in = function("strongroom-postgres");
        assert!(!elsewhere.names(&built_in));
        assert!(!elsewhere.answers(&built_in));
        assert!(elsewhere.answers(&function("postgres")));
    }
}
