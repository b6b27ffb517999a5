//! Policies and requests as data, and what decides by them: the compiled evaluator, and a naive one
//! to hold it against.

pub(crate) mod combine;
pub(crate) mod compiled;
pub(crate) mod naive;

use serde_json::Value;
use strongroom_policy::{Caller, Context};

/// A request, as data.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) caller: Caller,
    pub(crate) action: String,
    pub(crate) resource: String,
    /// Condition keys, in any letter case; two that differ in it only are ambiguous.
    pub(crate) values: Vec<(String, Vec<String>)>,
}

impl Asked {
    pub(crate) fn context(&self) -> Context {
        let mut context = Context::new();
        for (key, values) in &self.values {
            context.insert_all(key, values.iter().map(String::as_str));
        }
        context
    }
}

/// Everything that has a say, as JSON.
#[derive(Debug, Clone, Default)]
pub(crate) struct Attached {
    pub(crate) identity: Vec<Value>,
    pub(crate) boundary: Option<Value>,
    pub(crate) session: Option<Vec<Value>>,
    pub(crate) service_control: Vec<Vec<Value>>,
    pub(crate) resource_control: Vec<Vec<Value>>,
    pub(crate) resource: Option<Value>,
    /// Nothing goes without the resource's policy.
    pub(crate) required: bool,
    /// How closely a grant names the caller: `account`, `role` or `caller`.
    pub(crate) granted: Option<&'static str>,
    pub(crate) owner: String,
}

/// A decision, and which type of policy refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Allow,
    /// No policy of this type allows.
    No(&'static str),
    /// A policy of this type denies explicitly.
    DeniedBy(&'static str),
}
