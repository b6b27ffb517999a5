//! What a resource policy of a secret must be before it is kept.
//!
//! Source: reference/access-control.md §8.

use strongroom_policy::{Document, Kind, Malformed, Principal, Problem, analysis};

use super::refusals;
use super::{OPERATIONS, SERVICE};
use crate::caller::Caller;
use crate::refusal::Refusal;

/// Something that a policy fails at; ValidateResourcePolicy reports it, PutResourcePolicy refuses it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// It isn't JSON.
    NotJson,
    /// It isn't a resource policy of a secret.
    Syntax(String),
    /// It names someone whom a secret's policy can't name, or who isn't there.
    Principal,
    /// It could lock the account's root user out.
    LockOut {
        /// Which statement, counted from 1.
        statement: usize,
    },
    /// It grants to everyone.
    Public {
        /// Which statement, counted from 1.
        statement: usize,
    },
}

/// Reads a policy and finds what is wrong with it. The public check alone is up to the caller:
/// only a request that blocks public policies refuses for it.
pub(super) fn flaws(text: &str, caller: &Caller) -> Vec<Flaw> {
    let document = match Document::parse(text, Kind::Resource) {
        Ok(document) => document,
        Err(Malformed {
            problem: Problem::NotJson { .. },
            ..
        }) => return vec![Flaw::NotJson],
        Err(malformed) => return vec![Flaw::Syntax(malformed.to_string())],
    };
    let mut flaws = Vec::new();
    let foreign_action = document.actions().find(|action| {
        !action.negated
            && action
                .service()
                .is_some_and(|service| !service.eq_ignore_ascii_case(SERVICE))
    });
    if let Some(action) = foreign_action {
        flaws.push(Flaw::Syntax(format!(
            "Statement[{}].Action: {} is not an action of Secrets Manager",
            action.statement, action.text
        )));
    }
    let own_account = Some(caller.account.as_str());
    let unsupported = document.principals().any(|principal| match principal {
        Principal::Federated { .. } | Principal::CanonicalUser { .. } => true,
        // An account has no users and roles yet; whether another account has them isn't known here.
        Principal::User { .. } | Principal::Role { .. } | Principal::Session { .. } => {
            principal.account() == own_account
        }
        _ => false,
    });
    if unsupported {
        flaws.push(Flaw::Principal);
    }
    // Policies aren't in force for root yet; one that means to be must not be kept and ignored.
    let root = caller.arn();
    let locked_out = OPERATIONS.iter().find_map(|operation| {
        analysis::may_deny(&document, &root, &format!("{SERVICE}:{}", operation.name))
    });
    if let Some(finding) = locked_out {
        flaws.push(Flaw::LockOut {
            statement: finding.statement + 1,
        });
    }
    if let Some(finding) = analysis::public_access(&document).first() {
        flaws.push(Flaw::Public {
            statement: finding.statement + 1,
        });
    }
    flaws
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
            Flaw::LockOut { statement } => format!(
                "Statement {statement} of this resource policy denies access to the account's \
                 root user, who could then no longer manage the secret. Remove the statement, or \
                 exclude the root user from it."
            ),
            Flaw::Public { statement } => format!(
                "Statement {statement} of this resource policy grants broad access to your \
                 secret: its principal is everyone, and no condition says who that is."
            ),
            other => other.refusal().message.unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller::{AccountId, Principal as Identity, Region};

    fn found(statement: &str) -> Vec<Flaw> {
        let caller = Caller {
            account: AccountId::parse("123456789012").unwrap(),
            region: Region::parse("us-east-1").unwrap(),
            principal: Identity::Root,
        };
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
        flaws(&text, &caller)
    }

    #[test]
    fn a_policy_is_accepted_where_it_grants_to_someone() {
        for statement in [
            r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},
                "Action":"secretsmanager:GetSecretValue","Resource":"*"}"#,
            r#"{"Effect":"Allow","Principal":{"AWS":"210987654321"},"Action":"*","Resource":"*"}"#,
            r#"{"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::210987654321:user/u"},
                "Action":"secretsmanager:*","Resource":"*"}"#,
        ] {
            assert_eq!(found(statement), vec![], "{statement}");
        }
    }

    #[test]
    fn each_flaw_is_found() {
        for (statement, expected) in [
            (
                r#"{"Effect":"Allow","Principal":"*","Action":"secretsmanager:*","Resource":"*"}"#,
                Flaw::Public { statement: 1 },
            ),
            (
                r#"{"Effect":"Deny","Principal":"*","Action":"secretsmanager:PutSecretValue",
                    "Resource":"*"}"#,
                Flaw::LockOut { statement: 1 },
            ),
            (
                r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:role/gone"},
                    "Action":"secretsmanager:*","Resource":"*"}"#,
                Flaw::Principal,
            ),
            (
                r#"{"Effect":"Allow","Principal":{"CanonicalUser":"abc"},
                    "Action":"secretsmanager:*","Resource":"*"}"#,
                Flaw::Principal,
            ),
        ] {
            assert_eq!(found(statement), vec![expected], "{statement}");
        }
        let foreign = r#"{"Effect":"Allow","Principal":{"AWS":"123456789012"},
            "Action":"s3:GetObject","Resource":"*"}"#;
        assert!(matches!(found(foreign)[..], [Flaw::Syntax(_)]));
        assert_eq!(found("not json"), vec![Flaw::NotJson]);
        assert!(matches!(
            found(r#"{"Effect":"Maybe"}"#)[..],
            [Flaw::Syntax(_)]
        ));
    }
}
