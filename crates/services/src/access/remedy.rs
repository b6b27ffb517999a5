//! What would get a refused request allowed, in words and as something to paste: what the policy language says has to
//! change, at the places where this deployment keeps its policies.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use strongroom_policy::{self as policy, Changeable, Naming, Policies, PolicyType, Step, remedies};

use super::explanation::{Source, shown};
use crate::caller::{Caller, Principal};
use crate::gate::{Asked, Resource};
use crate::iam::in_force::InForce;
use crate::operation::Given;

/// Changes that together are enough; none of them can be left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Way {
    /// All of them.
    pub changes: Vec<Change>,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "Kind",
    rename_all = "PascalCase",
    rename_all_fields = "PascalCase"
)]
pub enum Change {
    /// Remove a statement that denies, or narrow it so that it doesn't apply.
    RemoveStatement {
        /// The policy.
        policy: String,
        /// The statement, counted from 1.
        statement: usize,
        /// Its `Sid`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sid: Option<String>,
    },
    /// Add a statement.
    AddStatement {
        /// Policies that it can be added to: to any of them.
        policies: Vec<String>,
        /// The statement, as JSON.
        add: Value,
        /// Where another principal does as well.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        or_name: Option<String>,
    },
    /// Give the principal a grant of the key.
    CreateGrant {
        /// The key's ARN.
        key: String,
        /// The principal.
        grantee_principal: String,
        /// The operation.
        operation: String,
    },
    /// Let the request, the principal or the resource hold something else under a condition's key.
    HoldValue {
        /// What is to be changed.
        of: String,
        /// The condition's key.
        key: String,
        /// A value that does; absent where there must be none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<String>,
        /// The condition, as `StringEquals aws:PrincipalTag/team`.
        condition: String,
        /// What the condition lists.
        wanted: Vec<String>,
        /// Whether it has to hold.
        holds: bool,
        /// The condition's policy.
        policy: String,
        /// The condition's statement, counted from 1.
        statement: usize,
    },
}

/// The ways to get a refused request allowed.
pub(super) fn ways(
    asked: &Asked<'_>,
    in_force: &InForce,
    (policies, request): (&Policies<'_>, &policy::Request<'_>),
    sources: &[Source],
    given: &Given<'_>,
) -> Vec<Way> {
    let may_hold = |key: &str| changes_under(key, given.caller).is_some();
    let changeable = Changeable {
        resource_policy: matches!(
            asked.of,
            Resource::Secret(_) | Resource::Key(_) | Resource::Role(_) | Resource::Function(_)
        ),
        key: &may_hold,
    };
    let teller = Teller {
        asked,
        in_force,
        policies,
        request,
        sources,
        caller: given.caller,
    };
    let mut ways: Vec<Way> = Vec::new();
    for steps in remedies(policies, request, &changeable) {
        let changes: Vec<Change> = steps.iter().map(|step| teller.change(step)).collect();
        // Two statements may want the same.
        if !ways.iter().any(|way| way.changes == changes) {
            let grant = teller.grant_instead(&steps, &changes);
            ways.push(Way { changes });
            ways.extend(grant.map(|changes| Way { changes }));
        }
    }
    ways
}

struct Teller<'a> {
    asked: &'a Asked<'a>,
    in_force: &'a InForce,
    policies: &'a Policies<'a>,
    request: &'a policy::Request<'a>,
    sources: &'a [Source],
    caller: &'a Caller,
}

impl Teller<'_> {
    fn change(&self, step: &Step<'_>) -> Change {
        match step {
            Step::Remove { by, level, at } => {
                let document = self.policies.set(*by, *level).get(at.document);
                let statement = document.and_then(|it| it.statements().get(at.statement));
                Change::RemoveStatement {
                    policy: self.name(*by, at.document),
                    statement: at.statement + 1,
                    sid: statement.and_then(|it| it.sid().map(str::to_owned)),
                }
            }
            Step::Allow { by, naming, .. } => self.addition(*by, *naming),
            Step::Hold {
                by,
                at,
                condition,
                holds,
                value,
                ..
            } => {
                let wanted = condition.wanted(self.request.context());
                Change::HoldValue {
                    of: changes_under(condition.key(), self.caller)
                        .unwrap_or_default()
                        .to_owned(),
                    key: condition.key().to_owned(),
                    value: value.clone(),
                    condition: format!("{} {}", condition.operator(), condition.key()),
                    wanted: wanted.map(|wanted| shown(&wanted)).collect(),
                    holds: *holds,
                    policy: self.name(*by, at.document),
                    statement: at.statement + 1,
                }
            }
        }
    }

    fn name(&self, by: PolicyType, document: usize) -> String {
        let mut of_type = self.sources.iter().filter(|source| source.by == by);
        of_type
            .nth(document)
            .map_or_else(String::new, |source| source.text.clone())
    }

    fn addition(&self, by: PolicyType, naming: Option<Naming>) -> Change {
        let of_type = self
            .sources
            .iter()
            .filter(|source| source.by == by && source.changeable);
        let mut policies: Vec<String> = of_type.map(|source| source.text.clone()).collect();
        let new = match by {
            PolicyType::Identity => Some(format!("a new policy of {}", self.in_force.holder())),
            PolicyType::Resource if policies.is_empty() => {
                Some(format!("a new {}", self.asked.of.policy_name()))
            }
            PolicyType::Boundary if policies.is_empty() => {
                Some("another permissions boundary".to_owned())
            }
            PolicyType::Session if policies.is_empty() => {
                Some("the policy given with the session".to_owned())
            }
            _ => None,
        };
        policies.extend(new);
        let mut add = json!({
            "Effect": "Allow",
            "Action": self.asked.action,
        });
        // A trust policy is about its role alone, and doesn't say so.
        if by != PolicyType::Resource || !matches!(self.asked.of, Resource::Role(_)) {
            add["Resource"] = json!(self.asked.resource);
        }
        let account = self.caller.iam_arn(&self.caller.account, "root");
        let own = self.caller.principal_arn();
        if let Some(naming) = naming {
            add["Principal"] = match (naming, &self.caller.principal) {
                (_, Principal::WebIdentity(bearer)) => json!({"Federated": bearer.provider_arn}),
                (Naming::Account, _) => json!({"AWS": account}),
                (Naming::Caller | Naming::Either, _) => json!({"AWS": own}),
            };
        }
        Change::AddStatement {
            policies,
            add,
            or_name: (naming == Some(Naming::Either) && account != own).then_some(account),
        }
    }

    /// A grant of a key does as well as its policy.
    fn grant_instead(&self, steps: &[Step<'_>], changes: &[Change]) -> Option<Vec<Change>> {
        let Resource::Key(_) = self.asked.of else {
            return None;
        };
        let operation = self.asked.action.strip_prefix("kms:")?;
        let by_policy = steps.iter().position(|step| {
            matches!(step, Step::Allow { by: PolicyType::Resource, naming: Some(it), .. } if *it != Naming::Account)
        })?;
        if !crate::kms::grant::is_grantable(operation) {
            return None;
        }
        let mut changes = changes.to_vec();
        changes[by_policy] = Change::CreateGrant {
            key: self.asked.resource.to_string(),
            grantee_principal: self.caller.principal_arn(),
            operation: operation.to_owned(),
        };
        Some(changes)
    }
}

/// What is to be changed for another value under a condition key; `None`: it is what it is.
fn changes_under(key: &str, caller: &Caller) -> Option<&'static str> {
    let key = key.to_ascii_lowercase();
    let starts = |prefix: &&str| key.starts_with(*prefix);
    if key.starts_with("aws:principaltag/") {
        return match caller.principal {
            Principal::User(_) => Some("the user's tags"),
            Principal::Role(_) => Some("the role's or the session's tags"),
            Principal::Root | Principal::WebIdentity(_) => None,
        };
    }
    if [
        "aws:resourcetag/",
        "secretsmanager:resourcetag/",
        "iam:resourcetag/",
    ]
    .iter()
    .any(starts)
    {
        return Some("the resource's tags");
    }
    if FIXED.iter().any(starts) {
        return None;
    }
    Some("the request")
}

/// Condition keys of which no request of the caller's on this resource can hold another value.
const FIXED: &[&str] = &[
    "aws:principal",
    "aws:userid",
    "aws:username",
    "aws:resource",
    "aws:requestedregion",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceorg",
    "aws:sourcevpc",
    "aws:vpcsourceip",
    "aws:multifactorauth",
    "aws:federatedprovider",
    "kms:calleraccount",
    "kms:key",
    "kms:multiregion",
    "kms:resourcealiases",
    "secretsmanager:secretid",
    "secretsmanager:secretprimaryregion",
    "secretsmanager:resource/",
];

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, change) in self.changes.iter().enumerate() {
            if at > 0 {
                writeln!(f, "  and")?;
            }
            write!(f, "{change}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::RemoveStatement {
                policy,
                statement,
                sid,
            } => {
                let sid = sid.as_ref().map(|sid| format!(" ({sid})"));
                writeln!(
                    f,
                    "  remove or narrow statement {statement}{}",
                    sid.unwrap_or_default()
                )?;
                writeln!(f, "    of {policy}")
            }
            Change::AddStatement {
                policies,
                add,
                or_name,
            } => {
                for (at, policy) in policies.iter().enumerate() {
                    let word = if at == 0 { "add to" } else { "    or" };
                    writeln!(f, "  {word} {policy}")?;
                }
                let members = add.as_object().into_iter().flatten();
                let members: Vec<String> = members
                    .map(|(name, value)| format!("\"{name}\": {value}"))
                    .collect();
                writeln!(f, "    {{{}}}", members.join(",\n     "))?;
                match or_name {
                    Some(account) => writeln!(f, "    or the same for {account}"),
                    None => Ok(()),
                }
            }
            Change::CreateGrant {
                key,
                grantee_principal,
                operation,
            } => {
                writeln!(f, "  give a grant of {key}")?;
                writeln!(f, "    for {operation} to {grantee_principal}")
            }
            Change::HoldValue {
                of,
                key,
                value,
                condition,
                wanted,
                holds,
                policy,
                statement,
            } => {
                let value = match value {
                    Some(value) => format!("{key} = {value}"),
                    None => format!("no {key}"),
                };
                let holds = if *holds { "holds" } else { "doesn't hold" };
                writeln!(f, "  change {of}, for example to {value}, so that")?;
                writeln!(f, "    {condition} ({}) {holds}", wanted.join(", "))?;
                writeln!(f, "    in {policy}, statement {statement}")
            }
        }
    }
}
