//! A secret's resource policy: what it must be before it is kept.
//!
//! Source: reference/access-control.md §8.

use strongroom_policy::analysis::{self, Finding};
use strongroom_policy::{PolicyType, Principal, Problem};

use super::access;
use super::secret::Secret;
use super::secret_id::SecretId;
use super::{SERVICE, refusals};
use crate::caller::AccountId;
use crate::gate::{self, ConditionKeys};
use crate::iam::bound_policy::ResourcePolicy;
use crate::operation::Given;
use crate::records::Records;
use crate::refusal::{Refusal, Stop};

/// Something that a policy fails at; ValidateResourcePolicy reports it, PutResourcePolicy refuses it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// It isn't JSON.
    NotJson,
    /// It isn't a resource policy of a secret.
    Syntax(String),
    /// It names someone whom a secret's policy can't name, or who isn't there.
    Principal,
    /// With it, the caller couldn't put another one.
    LockOut {
        /// The statement that denies it; `None` where none allows it.
        statement: Option<usize>,
    },
    /// It grants to everyone.
    Public {
        /// The statement.
        statement: String,
    },
}

/// Reads the policy of a request.
pub(super) fn checked(text: String) -> Result<ResourcePolicy, Flaw> {
    let policy = ResourcePolicy::parse(text).map_err(|malformed| match malformed.problem {
        Problem::NotJson { .. } => Flaw::NotJson,
        _ => Flaw::Syntax(malformed.to_string()),
    })?;
    let foreign_action = policy.document().actions().find(|action| {
        !action.negated
            && action
                .service()
                .is_some_and(|service| !service.eq_ignore_ascii_case(SERVICE))
    });
    match foreign_action {
        None => Ok(policy),
        Some(action) => Err(Flaw::Syntax(format!(
            "Statement[{}].Action: {} is not an action of Secrets Manager",
            action.statement, action.text
        ))),
    }
}

/// The policy of a secret of `owner`, bound to those whom it names now; and whether it names someone whom a secret's
/// policy can't name, or who isn't there.
pub(super) fn bound(
    policy: ResourcePolicy,
    owner: &AccountId,
    records: &Records<'_>,
) -> Result<(ResourcePolicy, Option<Flaw>), Stop> {
    let is_provider = |principal: &Principal| matches!(principal, Principal::Federated { .. });
    let names_provider = policy.document().principals().any(is_provider);
    let (policy, unknown) = policy.bound(owner, records)?;
    let is_wrong = names_provider || unknown.is_some();
    Ok((policy, is_wrong.then_some(Flaw::Principal)))
}

/// Each statement that grants to the public.
pub(super) fn grants_to_everyone(policy: &ResourcePolicy) -> impl Iterator<Item = Flaw> {
    let findings = analysis::public_access(policy.document()).into_iter();
    findings.map(|finding| Flaw::Public {
        statement: name_of(&finding),
    })
}

/// Whether the caller of PutResourcePolicy could no longer call it once the secret is as `changed`.
///
/// `request` is what that call tells policies of itself. That an account's root can always repair a policy doesn't
/// count: whoever would need that has made a mistake.
pub(super) fn lock_out(
    secret_id: &SecretId,
    changed: &Secret,
    request: &dyn ConditionKeys,
    records: &Records<'_>,
    given: &Given<'_>,
) -> Result<Option<Flaw>, Stop> {
    let action = "secretsmanager:PutResourcePolicy";
    let need = access::need_on_changed(action, secret_id, changed, request);
    let refused = gate::would_lock_out(&need, records, given)?;
    Ok(refused.map(|refused| Flaw::LockOut {
        statement: refused
            .denied
            .filter(|_| refused.by == PolicyType::Resource)
            .map(|at| at.statement + 1),
    }))
}

/// A statement as a person finds it: counted from 1, and with its `Sid`.
fn name_of(finding: &Finding) -> String {
    let number = finding.statement + 1;
    match &finding.sid {
        Some(sid) => format!("{number} ({sid})"),
        None => number.to_string(),
    }
}

impl Flaw {
    /// How PutResourcePolicy refuses it.
    pub(super) fn refusal(&self) -> Refusal {
        match self {
            Flaw::NotJson => {
                refusals::malformed_policy("This resource policy contains invalid JSON.")
            }
            Flaw::Syntax(_) => refusals::malformed_policy("This policy has invalid syntax."),
            Flaw::Principal => refusals::malformed_policy(
                "This resource policy contains an unsupported principal.",
            ),
            Flaw::LockOut { .. } => refusals::invalid_request(self.message()),
            Flaw::Public { .. } => refusals::public_policy(),
        }
    }

    /// The name under which ValidateResourcePolicy reports it.
    pub(super) fn check_name(&self) -> &'static str {
        match self {
            Flaw::NotJson | Flaw::Syntax(_) | Flaw::Principal => "POLICY_SYNTAX_CHECK",
            Flaw::LockOut { .. } => "LOCKOUT_CHECK",
            Flaw::Public { .. } => "REFLEXIVE_PRINCIPAL_CHECK",
        }
    }

    /// What is wrong, for the policy's author.
    pub(super) fn message(&self) -> String {
        match self {
            Flaw::Syntax(detail) => format!("This policy has invalid syntax. {detail}"),
            Flaw::LockOut {
                statement: Some(statement),
            } => format!(
                "Statement {statement} of this resource policy denies you \
                 secretsmanager:PutResourcePolicy: you could no longer change the policy. Remove \
                 the statement, or exclude yourself from it."
            ),
            Flaw::LockOut { statement: None } => "No statement of this resource policy allows you \
                 secretsmanager:PutResourcePolicy: you could no longer change the policy. Add one \
                 that does."
                .to_owned(),
            Flaw::Public { statement } => format!(
                "Statement {statement} of this resource policy grants broad access to your \
                 secret: its principal is everyone, and no condition says who that is."
            ),
            other => other.refusal().message.unwrap_or_default(),
        }
    }
}
