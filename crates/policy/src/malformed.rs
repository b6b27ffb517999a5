//! What can be wrong with a policy's text, in a policy author's words. The caller turns a
//! [`Problem`] into AWS's code and wording for its service.

use std::fmt;

use crate::document::Kind;

/// A policy that was refused: where, and what is wrong there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// The place in the document, such as `Statement[0].Principal.AWS[1]`; `policy` for the whole.
    pub path: String,
    /// What is wrong at that place.
    pub problem: Problem,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.problem)
    }
}

impl std::error::Error for Malformed {}

/// What is wrong with a policy. Nothing else makes parsing fail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The text is not JSON at all, or a string in it holds a broken escape.
    #[error("not valid JSON: {detail}")]
    NotJson {
        /// What the JSON reader says, with line and column.
        detail: String,
    },
    /// A value has another JSON type than its element takes. Excess nesting is this too.
    #[error("must be {expected}, but is {found}")]
    WrongType {
        /// The types the element takes.
        expected: &'static str,
        /// The type that was found.
        found: &'static str,
    },
    /// An object holds the same key twice.
    #[error("\"{name}\" stands here more than once")]
    DuplicateElement {
        /// The repeated key.
        name: String,
    },
    /// An element that the policy language does not have, or has in another letter case.
    #[error("\"{name}\" is not an element of the policy language{}", did_you_mean(.meant))]
    UnknownElement {
        /// The element as written.
        name: String,
        /// The element that differs from it in letter case only.
        meant: Option<&'static str>,
    },
    /// A required element is absent.
    #[error("\"{element}\" is missing")]
    Missing {
        /// The absent element.
        element: &'static str,
    },
    /// An element that this kind of policy must not have.
    #[error("\"{element}\" is not allowed in {}", .kind.described())]
    Forbidden {
        /// The element.
        element: &'static str,
        /// The kind of policy that was parsed.
        kind: Kind,
    },
    /// An element and its `Not…` counterpart stand in one statement.
    #[error("\"{element}\" and \"Not{element}\" exclude each other")]
    Both {
        /// The element without `Not`.
        element: &'static str,
    },
    /// An element, list or object that must hold something is empty.
    #[error("must not be empty")]
    Empty,
    /// The policy language has no such version.
    #[error("\"{value}\" is not a version of the policy language; use \"2012-10-17\"")]
    UnsupportedVersion {
        /// The version as written.
        value: String,
    },
    /// The effect is neither `Allow` nor `Deny`.
    #[error("\"{value}\" is not an effect; use \"Allow\" or \"Deny\"")]
    InvalidEffect {
        /// The effect as written.
        value: String,
    },
    /// The statement id has characters other than letters and digits.
    #[error("\"{value}\" is not a statement id; only letters and digits are allowed")]
    InvalidSid {
        /// The id as written.
        value: String,
    },
    /// Two statements have the same id.
    #[error("another statement has the id \"{value}\" already")]
    DuplicateSid {
        /// The id.
        value: String,
    },
    /// An action that is neither `*` nor `service:Name`.
    #[error("\"{value}\" is not an action; write \"service:ActionName\" or \"*\"")]
    InvalidAction {
        /// The action as written.
        value: String,
    },
    /// A resource that is neither `*` nor an ARN.
    #[error("\"{value}\" is not a resource; write an ARN or \"*\"")]
    InvalidResource {
        /// The resource as written.
        value: String,
    },
    /// A principal type other than `AWS`, `Service`, `Federated` and `CanonicalUser`.
    #[error("\"{name}\" is not a type of principal; use AWS, Service, Federated or CanonicalUser")]
    UnknownPrincipalType {
        /// The type as written.
        name: String,
    },
    /// A principal that names nobody: wrong form, or a wildcard inside a name.
    #[error("\"{value}\" does not name a principal")]
    UnsupportedPrincipal {
        /// The principal as written.
        value: String,
    },
    /// A condition operator that the language does not have.
    #[error("\"{name}\" is not a condition operator")]
    UnknownOperator {
        /// The operator as written.
        name: String,
    },
    /// A condition key without a prefix, such as `SourceIp` instead of `aws:SourceIp`.
    #[error("\"{key}\" is not a condition key; write \"prefix:Name\"")]
    InvalidConditionKey {
        /// The key as written.
        key: String,
    },
    /// A policy variable that cannot be read.
    #[error("\"{value}\" holds a policy variable {detail}")]
    InvalidVariable {
        /// The whole value as written.
        value: String,
        /// What is wrong with the variable.
        detail: &'static str,
    },
}

fn did_you_mean(meant: &Option<&'static str>) -> String {
    meant
        .map(|name| format!("; write \"{name}\""))
        .unwrap_or_default()
}

/// A place in a document, linked to its parents; rendered only when something is wrong there.
#[derive(Clone, Copy)]
pub(crate) struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

impl<'a> Path<'a> {
    pub(crate) const ROOT: Path<'static> = Path {
        parent: None,
        step: Step::Root,
    };

    pub(crate) fn key(&'a self, name: &'a str) -> Path<'a> {
        Path {
            parent: Some(self),
            step: Step::Key(name),
        }
    }

    pub(crate) fn index(&'a self, index: usize) -> Path<'a> {
        Path {
            parent: Some(self),
            step: Step::Index(index),
        }
    }

    pub(crate) fn is(&self, problem: Problem) -> Malformed {
        let mut path = String::new();
        self.render(&mut path);
        if path.is_empty() {
            path.push_str("policy");
        }
        Malformed { path, problem }
    }

    fn render(&self, out: &mut String) {
        if let Some(parent) = self.parent {
            parent.render(out);
        }
        match self.step {
            Step::Root => {}
            Step::Key(name) => {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(name);
            }
            Step::Index(index) => out.push_str(&format!("[{index}]")),
        }
    }
}
