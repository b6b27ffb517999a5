//! How policies of different types make one decision, within an account and across accounts.
//! Source: IAM user guide, Policy evaluation logic, and Cross-account policy evaluation logic.

use crate::document::{Document, Effect};
use crate::evaluate::{Request, StatementRef, Verdict, applying, evaluate_for};
use crate::principal::{Caller, Reach};

/// Everything that has a say in a request. What does not exist is empty or `None`; the caller
/// leaves out what does not apply to it, such as service control policies in a management account.
#[derive(Debug, Clone, Copy)]
pub struct Policies<'a> {
    /// A user's own policies and its groups', or a role's.
    pub identity: &'a [&'a Document],
    /// The permissions boundary of the user or role.
    pub boundary: Option<&'a Document>,
    /// The policies given with the session, if any were: one of them has to allow.
    pub session: Option<&'a [&'a Document]>,
    /// Service control policies, a set for each level from the root to the caller's account: some
    /// policy of every level has to allow.
    pub service_control: &'a [&'a [&'a Document]],
    /// Resource control policies, likewise for the resource's account.
    pub resource_control: &'a [&'a [&'a Document]],
    /// The resource's own policy: a secret's, a key's, a role's trust policy.
    pub resource: Option<&'a Document>,
    /// Whether nothing goes without the resource's policy.
    pub resource_rule: ResourceRule,
    /// What else on the resource's side lets this caller in, such as a grant of a KMS key, as
    /// closely as it names the caller.
    pub granted: Option<Reach>,
    /// The account that the resource belongs to, 12 digits.
    pub resource_account: &'a str,
}

/// What the policy of a resource means to callers of the resource's own account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceRule {
    /// An identity policy is enough, as for a secret.
    Optional,
    /// The resource's policy has to let the caller or its account in, as for a KMS key or a
    /// role's trust policy. It binds the account's root too.
    Required,
}

/// The types of policies, by whose names AWS tells what refused a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyType {
    /// [`Policies::resource_control`]
    ResourceControl,
    /// [`Policies::service_control`]
    ServiceControl,
    /// [`Policies::resource`]
    Resource,
    /// [`Policies::identity`]
    Identity,
    /// [`Policies::boundary`]
    Boundary,
    /// [`Policies::session`]
    Session,
}

/// Whether the request may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It may, and by what.
    Allow(Grant),
    /// It may not, and for what reason.
    Deny(Refused),
}

/// What allowed a request. Across accounts, both sides did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Grant {
    /// The caller's side, where it was needed.
    pub identity: Option<IdentityGrant>,
    /// The resource's side, where it was needed or was enough.
    pub resource: Option<ResourceGrant>,
}

/// What allowed a request on the caller's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityGrant {
    /// The caller is the root of its account.
    Root,
    /// A statement of [`Policies::identity`].
    Statement(StatementRef),
}

/// What allowed a request on the resource's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceGrant {
    /// [`Policies::granted`]
    Granted,
    /// A statement of [`Policies::resource`].
    Statement(StatementRef),
}

/// What refused a request. Where several things did, the first in the order of [`PolicyType`], an
/// explicit denial before a missing permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// The type of policy that denied, or that should have allowed.
    pub by: PolicyType,
    /// The level, for service and resource control policies; else 0.
    pub level: usize,
    /// The statement that denied; `None`: no statement of this type allowed.
    pub denied: Option<StatementRef>,
}

impl PolicyType {
    /// AWS's name for it.
    pub fn name(self) -> &'static str {
        match self {
            PolicyType::ResourceControl => "resource control policy",
            PolicyType::ServiceControl => "service control policy",
            PolicyType::Resource => "resource-based policy",
            PolicyType::Identity => "identity-based policy",
            PolicyType::Boundary => "permissions boundary",
            PolicyType::Session => "session policy",
        }
    }
}

impl Refused {
    /// The reason as AWS's AccessDenied messages end, such as `because no identity-based policy
    /// allows the secretsmanager:GetSecretValue action` or `with an explicit deny in a
    /// resource-based policy`. Source: IAM user guide, Troubleshoot access denied error messages.
    pub fn reason(&self, action: &str) -> String {
        let name = self.by.name();
        match self.denied {
            None => format!("because no {name} allows the {action} action"),
            Some(_) => {
                let article = if self.by == PolicyType::Identity {
                    "an"
                } else {
                    "a"
                };
                format!("with an explicit deny in {article} {name}")
            }
        }
    }
}

impl<'a> Policies<'a> {
    /// No policy at all, for a resource of this account: only its root may do anything.
    pub fn none(resource_account: &'a str) -> Self {
        Policies {
            identity: &[],
            boundary: None,
            session: None,
            service_control: &[],
            resource_control: &[],
            resource: None,
            resource_rule: ResourceRule::Optional,
            granted: None,
            resource_account,
        }
    }

    /// The policies of one type, and at one level where the type has levels; else the level is 0.
    pub fn set(&self, by: PolicyType, level: usize) -> &[&'a Document] {
        self.sets()
            .find(|(known, at, _)| (*known, *at) == (by, level))
            .map_or(&[], |(_, _, set)| set)
    }

    /// Each set of policies that are there, with its type and level, in the order in which reasons
    /// are given: for [`crate::explain`].
    pub fn sets(&self) -> impl Iterator<Item = (PolicyType, usize, &[&'a Document])> {
        fn levels<'s, 'a>(
            by: PolicyType,
            levels: &'s [&'s [&'a Document]],
        ) -> impl Iterator<Item = (PolicyType, usize, &'s [&'a Document])> {
            levels
                .iter()
                .enumerate()
                .map(move |(level, set)| (by, level, *set))
        }
        let single = [
            (PolicyType::Resource, 0, self.resource.as_slice()),
            (PolicyType::Identity, 0, self.identity),
            (PolicyType::Boundary, 0, self.boundary.as_slice()),
            (PolicyType::Session, 0, self.session.unwrap_or_default()),
        ];
        levels(PolicyType::ResourceControl, self.resource_control)
            .chain(levels(PolicyType::ServiceControl, self.service_control))
            .chain(single)
    }
}

/// Decides a request.
///
/// - An explicit denial anywhere refuses. Every level of control policies must allow.
/// - Within an account: the resource's policy alone allows those that it names themselves (or as
///   everyone), whatever the caller's own policies leave out. Naming the role does too, but the
///   role's boundary and the session's policies limit it. Naming the account, or nothing, leaves
///   it to the caller's policies: its identity policies, its boundary and its session's policies
///   must all allow. Root needs no policy.
/// - Across accounts both sides must allow.
/// - Services and strangers have no policies of their own: the resource's policy has to let them in.
pub fn decide(policies: &Policies<'_>, request: &Request<'_>) -> Decision {
    match Verdicts::collect(policies, request)
        .and_then(|verdicts| verdicts.combine(policies, request))
    {
        Ok(grant) => Decision::Allow(grant),
        Err(refused) => Decision::Deny(refused),
    }
}

/// What each type of policy says, where none denies explicitly and all control policies allow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Verdicts {
    resource: Option<(ResourceGrant, Reach)>,
    identity: Option<StatementRef>,
    boundary_allows: bool,
    session_allows: bool,
}

impl Verdicts {
    fn collect(policies: &Policies<'_>, request: &Request<'_>) -> Result<Self, Refused> {
        let mut verdicts = Verdicts::before(policies);
        let mut not_allowed = None;
        for (by, level, set) in policies.sets() {
            match (evaluate_for(set, request, policies.boundary.is_some()), by) {
                (Verdict::ExplicitDeny { at }, _) => {
                    return Err(Refused {
                        by,
                        level,
                        denied: Some(at),
                    });
                }
                (Verdict::Silent, PolicyType::ResourceControl | PolicyType::ServiceControl) => {
                    not_allowed.get_or_insert(Refused {
                        by,
                        level,
                        denied: None,
                    });
                }
                (Verdict::Silent, _) => {}
                (Verdict::Allow { at, reach }, by) => verdicts.note_allowed(by, at, reach),
            }
        }
        not_allowed.map_or(Ok(verdicts), Err)
    }

    /// Before any policy was asked.
    fn before(policies: &Policies<'_>) -> Self {
        Verdicts {
            resource: policies
                .granted
                .map(|reach| (ResourceGrant::Granted, reach)),
            identity: None,
            boundary_allows: policies.boundary.is_none(),
            session_allows: policies.session.is_none(),
        }
    }

    fn note_allowed(&mut self, by: PolicyType, at: StatementRef, reach: Reach) {
        match by {
            PolicyType::Resource => {
                if self.resource.is_none_or(|(_, granted)| reach >= granted) {
                    self.resource = Some((ResourceGrant::Statement(at), reach));
                }
            }
            PolicyType::Identity => self.identity = Some(at),
            PolicyType::Boundary => self.boundary_allows = true,
            PolicyType::Session => self.session_allows = true,
            PolicyType::ResourceControl | PolicyType::ServiceControl => {}
        }
    }

    /// What is allowed if nothing were denied, and all that denies or is a level of control policies that doesn't
    /// allow.
    pub(crate) fn beside_denials(
        policies: &Policies<'_>,
        request: &Request<'_>,
    ) -> (Self, Vec<Refused>) {
        let bounded = policies.boundary.is_some();
        let mut verdicts = Verdicts::before(policies);
        let mut refused = Vec::new();
        for (by, level, set) in policies.sets() {
            let denying = applying(set, request, Effect::Deny, bounded);
            refused.extend(denying.map(|(at, _)| Refused {
                by,
                level,
                denied: Some(at),
            }));
            let is_control = matches!(by, PolicyType::ResourceControl | PolicyType::ServiceControl);
            match applying(set, request, Effect::Allow, bounded).max_by_key(|(_, reach)| *reach) {
                Some((at, reach)) => verdicts.note_allowed(by, at, reach),
                None if is_control => refused.push(Refused {
                    by,
                    level,
                    denied: None,
                }),
                None => {}
            }
        }
        (verdicts, refused)
    }

    /// As if a policy of a type allowed as well; the resource's in so close a way.
    pub(crate) fn with_allowed(mut self, by: PolicyType, reach: Reach) -> Self {
        let at = StatementRef {
            document: 0,
            statement: 0,
        };
        self.note_allowed(by, at, reach);
        self
    }

    pub(crate) fn combine(
        self,
        policies: &Policies<'_>,
        request: &Request<'_>,
    ) -> Result<Grant, Refused> {
        let resource = self.resource.map(|(grant, _)| grant);
        let reach = self.resource.map(|(_, reach)| reach);
        let by_resource_alone = Grant {
            identity: None,
            resource,
        };
        let caller_account = request.caller().account();
        if caller_account.is_none() {
            return match reach {
                Some(Reach::Role | Reach::Everyone | Reach::Caller) => Ok(by_resource_alone),
                Some(Reach::Account) | None => Err(silent(PolicyType::Resource)),
            };
        }
        let same_account = caller_account == Some(policies.resource_account);
        let resource_must_allow = !same_account || policies.resource_rule == ResourceRule::Required;
        if resource_must_allow && resource.is_none() {
            return Err(silent(PolicyType::Resource));
        }
        if same_account {
            match reach {
                Some(Reach::Caller | Reach::Everyone) => return Ok(by_resource_alone),
                Some(Reach::Role) => return self.within_limits().map(|()| by_resource_alone),
                Some(Reach::Account) | None => {}
            }
        }
        let identity = Some(self.identity_side(request.caller())?);
        Ok(Grant {
            identity,
            resource: resource.filter(|_| resource_must_allow),
        })
    }

    fn identity_side(&self, caller: &Caller) -> Result<IdentityGrant, Refused> {
        if let Caller::Root { .. } = caller {
            return Ok(IdentityGrant::Root);
        }
        let at = self.identity.ok_or(silent(PolicyType::Identity))?;
        self.within_limits().map(|()| IdentityGrant::Statement(at))
    }

    fn within_limits(&self) -> Result<(), Refused> {
        if !self.boundary_allows {
            return Err(silent(PolicyType::Boundary));
        }
        if !self.session_allows {
            return Err(silent(PolicyType::Session));
        }
        Ok(())
    }
}

fn silent(by: PolicyType) -> Refused {
    Refused {
        by,
        level: 0,
        denied: None,
    }
}
