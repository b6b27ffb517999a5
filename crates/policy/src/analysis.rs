//! What can be said of a policy without a request: whom it opens a resource to, and whom it could
//! lock out.

use std::collections::BTreeSet;

use crate::condition::Condition;
use crate::context::Context;
use crate::document::{Document, Effect, Statement, Who};
use crate::principal::{Caller, Principal};

/// A statement that has what was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Index of the statement.
    pub statement: usize,
    /// Its `Sid`.
    pub sid: Option<String>,
}

/// Someone outside of an account to whom a statement grants something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalGrant {
    /// The statement.
    pub finding: Finding,
    /// Who that is.
    pub grantee: Grantee,
}

/// Who is granted something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grantee {
    /// Anyone at all.
    Public,
    /// A principal named by the policy.
    Principal(Principal),
    /// Whoever a condition lets in, such as the members of an organization: the condition key and
    /// a value of it, as written.
    Pinned {
        /// The condition key.
        key: String,
        /// The value that callers must have.
        value: String,
    },
}

/// The statements that grant something to the public.
///
/// Such a statement allows, names everyone (`*`, `{"AWS": "*"}` or `NotPrincipal`), and has no
/// condition that pins its callers to fixed values of a key that says who or where they are; nor
/// is everyone but such callers denied everything by another statement. Another account is not
/// the public. Source: Amazon S3 user guide, The meaning of "public".
pub fn public_access(document: &Document) -> Vec<Finding> {
    if document.statements().iter().any(turns_strangers_away) {
        return Vec::new();
    }
    document
        .statements()
        .iter()
        .enumerate()
        .filter(|(_, statement)| {
            names_everyone(statement)
                && statement.effect() == Effect::Allow
                && !statement.compiled_conditions().iter().any(pins_callers)
        })
        .map(|(index, statement)| finding(index, statement))
        .collect()
}

/// Everyone outside of `own_account` (12 digits) to whom the policy grants something, statement
/// by statement. Services, whose grants conditions narrow to their source, are not among them, nor
/// are principals known by their unique id only: analyse a document before binding it.
pub fn external_access(document: &Document, own_account: &str) -> Vec<ExternalGrant> {
    let public: BTreeSet<usize> = public_access(document)
        .into_iter()
        .map(|finding| finding.statement)
        .collect();
    let mut grants = Vec::new();
    for (index, statement) in document.statements().iter().enumerate() {
        if statement.effect() != Effect::Allow {
            continue;
        }
        let mut add = |grantee| {
            grants.push(ExternalGrant {
                finding: finding(index, statement),
                grantee,
            });
        };
        if public.contains(&index) {
            add(Grantee::Public);
        } else if names_everyone(statement) {
            pinned_outside(statement, own_account)
                .into_iter()
                .for_each(&mut add);
        }
        if let Who::Listed(principals) = statement.who() {
            let named: BTreeSet<&Principal> = principals
                .iter()
                .filter(|principal| match principal {
                    Principal::Everyone | Principal::Service { .. } => false,
                    other => other.account() != Some(own_account) && !is_unique_id(other),
                })
                .collect();
            named
                .into_iter()
                .for_each(|principal| add(Grantee::Principal(principal.clone())));
        }
    }
    grants
}

/// The first statement that could deny `action` to a principal, whatever the request holds: its
/// conditions and its resource are taken to match. Conservative: what it doesn't find can't
/// happen, what it finds may depend on a condition.
///
/// `principal_arn` is the ARN of an account's root, a user, a role (any session of it), a session
/// or a federated user; of anyone else, every denying statement for the action is found.
pub fn may_deny(document: &Document, principal_arn: &str, action: &str) -> Option<Finding> {
    let caller = Caller::from_arn(principal_arn);
    let action = action.to_ascii_lowercase();
    let context = Context::new();
    document
        .statements()
        .iter()
        .enumerate()
        .find(|(_, statement)| {
            statement.effect() == Effect::Deny
                && statement.covers_action(&action, &context)
                && caller
                    .as_ref()
                    .is_none_or(|caller| may_cover(statement, caller))
        })
        .map(|(index, statement)| finding(index, statement))
}

fn may_cover(statement: &Statement, caller: &Caller) -> bool {
    // Whether a user or a role has a permissions boundary is not known here.
    let bounded = matches!(caller, Caller::User { .. } | Caller::RoleSession { .. });
    if statement.covers_caller(caller, bounded).is_some() {
        return true;
    }
    let Who::Listed(principals) = statement.who() else {
        return false;
    };
    // The caller's id is not known, so whoever has the name may be the one that was meant.
    let mut names = principals.iter().map(|principal| match principal {
        Principal::Bound { name, .. } => name.as_ref(),
        principal => principal,
    });
    names.any(|principal| {
        principal.reach(caller).is_some()
            || match (principal, caller) {
                // Which id a name has is not known here.
                (
                    Principal::UniqueId { .. },
                    Caller::User {
                        unique_id: None, ..
                    },
                )
                | (
                    Principal::UniqueId { .. },
                    Caller::RoleSession {
                        unique_id: None, ..
                    },
                ) => true,
                // Some session of the role, where none in particular is asked about. A session's ARN
                // leaves the role's path out.
                (
                    Principal::Session { arn },
                    Caller::RoleSession {
                        session_arn,
                        role_arn,
                        ..
                    },
                ) => {
                    let role = arn.split('/').nth(1);
                    session_arn.is_empty()
                        && principal.account() == caller.account()
                        && role == role_arn.rsplit('/').next()
                }
                // The same role, if only the session's ARN is known and the role's path thus is not.
                (
                    Principal::Role { arn },
                    Caller::RoleSession {
                        session_arn,
                        role_arn,
                        ..
                    },
                ) => {
                    !session_arn.is_empty()
                        && principal.account() == caller.account()
                        && arn.rsplit('/').next() == role_arn.rsplit('/').next()
                }
                _ => false,
            }
    })
}

fn finding(index: usize, statement: &Statement) -> Finding {
    Finding {
        statement: index,
        sid: statement.sid().map(str::to_owned),
    }
}

fn names_everyone(statement: &Statement) -> bool {
    match statement.who() {
        Who::Attached => false,
        Who::Listed(principals) => principals.contains(&Principal::Everyone),
        Who::AllBut(_) => true,
    }
}

fn is_unique_id(principal: &Principal) -> bool {
    matches!(principal, Principal::UniqueId { .. })
}

/// The keys that say who calls or where from. `aws:ResourceAccount` says nothing of the kind.
const PINNING_KEYS: &[&str] = &[
    "aws:principalarn",
    "aws:principalaccount",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:sourcearn",
    "aws:sourceaccount",
    "aws:sourceorgid",
    "aws:sourceip",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "aws:username",
    "kms:calleraccount",
];

fn pins_callers(condition: &Condition) -> bool {
    condition.requires_a_wanted_value() && wants_fixed_callers(condition)
}

fn wants_fixed_callers(condition: &Condition) -> bool {
    PINNING_KEYS.contains(&condition.key_in_lower_case())
        && (condition.wants_fixed_values() || wants_fixed_organizations(condition))
}

/// A path in an organization is pinned by its first part; what follows is mostly a wildcard.
fn wants_fixed_organizations(condition: &Condition) -> bool {
    condition.key_in_lower_case() == "aws:principalorgpaths"
        && condition.texts().iter().all(|text| {
            text.split_once('/').is_some_and(|(organization, _)| {
                organization.starts_with("o-") && !organization.contains(['*', '?', '$'])
            })
        })
}

/// Denies everything to everyone but callers that one condition pins, as data perimeters do.
fn turns_strangers_away(statement: &Statement) -> bool {
    let everyone = matches!(statement.who(), Who::Listed(principals)
        if principals.contains(&Principal::Everyone));
    let [condition] = statement.compiled_conditions() else {
        return false;
    };
    statement.effect() == Effect::Deny
        && everyone
        && statement.covers_every_action()
        && statement.covers_every_resource()
        && condition.catches_all_but_wanted_values()
        && wants_fixed_callers(condition)
}

/// Where a statement for everyone is pinned: the pins that lie outside of the account. If one
/// pin holds own callers only, nobody else gets in.
fn pinned_outside(statement: &Statement, own_account: &str) -> Vec<Grantee> {
    let mut outside = Vec::new();
    for condition in statement
        .compiled_conditions()
        .iter()
        .filter(|pin| pins_callers(pin))
    {
        let foreign: Vec<_> = condition
            .texts()
            .iter()
            .filter(|value| !is_own(value, own_account))
            .collect();
        if foreign.is_empty() {
            return Vec::new();
        }
        outside.extend(foreign.into_iter().map(|value| Grantee::Pinned {
            key: condition.key_in_lower_case().to_owned(),
            value: value.to_string(),
        }));
    }
    outside
}

fn is_own(value: &str, own_account: &str) -> bool {
    value == own_account
        || (value.starts_with("arn:") && value.split(':').nth(4) == Some(own_account))
}
