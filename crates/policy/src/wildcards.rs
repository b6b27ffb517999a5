//! Texts with wildcards outside of policy documents, which match as those of `StringLike` do.

use crate::context::Context;
use crate::pattern::{Pattern, Style};

/// A text in which `*` is any run of characters and `?` any one character. Nothing in it is a policy variable.
#[derive(Debug, Clone)]
pub struct Wildcards(Pattern);

impl Wildcards {
    /// Compiles a text; any is one.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let compiled = Pattern::compile(text, Style::Like, false);
        Wildcards(compiled.unwrap_or_else(|_| unreachable!("only a variable can be wrong")))
    }

    /// The text as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.text()
    }

    /// Whether all of `text` is as this says. Letter case counts.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.0.matches(text, &Context::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_across_colons_and_nothing_is_a_variable() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "a:b:c", true),
            ("a*c", "a:b:c", true),
            ("a*c", "a:b:cd", false),
            ("a?c", "a:c", true),
            ("a?c", "ac", false),
            ("abc", "abc", true),
            ("abc", "ABC", false),
            ("${aws:username}", "${aws:username}", true),
            ("${open", "${open", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(
                Wildcards::of(pattern).matches(text),
                expected,
                "{pattern} {text}"
            );
            assert_eq!(Wildcards::of(pattern).text(), pattern);
        }
    }
}
