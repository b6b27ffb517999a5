//! The IAM policy language: parse a document once, evaluate it, explain the decision, analyse it.
//!
//! An island: it knows the language and AWS's rules for combining policies, and no service,
//! record, account or clock. What only a service knows (its action prefix, its condition keys,
//! which principals exist, what time it is) the caller gives or checks with what is exposed here.
//!
//! ```
//! use strongroom_policy::{Caller, Context, Document, Kind, Request, Verdict, evaluate};
//!
//! let document = Document::parse(
//!     r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow",
//!         "Action": "secretsmanager:Get*", "Resource": "*"}}"#,
//!     Kind::Identity,
//! )?;
//! let caller = Caller::from_arn("arn:aws:iam::111122223333:user/alice").ok_or("not a caller")?;
//! let context = Context::new();
//! let request = Request::new(&caller, "secretsmanager:GetSecretValue", "arn:aws:x:::y", &context);
//! assert!(matches!(evaluate(&[&document], &request), Verdict::Allow { .. }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod analysis;
mod combine;
mod condition;
mod context;
mod document;
mod evaluate;
mod explain;
mod filter;
mod json;
mod malformed;
mod pattern;
mod possible;
mod principal;
mod remedy;
mod rename;
mod values;
mod wildcards;

pub use combine::{
    Decision, Grant, IdentityGrant, Policies, PolicyType, Refused, ResourceGrant, ResourceRule,
    decide,
};
pub use condition::ConditionRef;
pub use context::{Context, Saw};
pub use document::{ActionRef, Document, Effect, Kind, ResourceRef, Statement, Version};
pub use evaluate::{Request, StatementRef, Verdict, evaluate};
pub use explain::{
    Meaning, Mismatch, StatementTrace, Wanted, explain, explain_refusal, explain_type,
};
pub use malformed::{Malformed, Problem};
pub use possible::{Bound, Known, Open, PossibleStatement, possible_statements};
pub use principal::{Caller, Meant, Principal, Reach};
pub use remedy::{Changeable, Naming, Step, remedies};
pub use rename::rename_principals;
pub use wildcards::Wildcards;
