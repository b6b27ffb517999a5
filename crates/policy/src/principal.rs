//! Who a policy speaks of, and who calls: the forms of `Principal`, and which callers each covers.
//! Source: IAM user guide, JSON policy elements, Principal and NotPrincipal.

use std::fmt;

/// Someone that a policy names. Names are as written; whether they exist is not known here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Principal {
    /// `"*"` or `{"AWS": "*"}`: everyone, unauthenticated callers and services included.
    Everyone,
    /// An account, by its 12 digits or its root's ARN: allowing it delegates to its own policies.
    Account {
        /// The account's 12 digits.
        account: String,
    },
    /// A user's ARN.
    User {
        /// `arn:<partition>:iam::<account>:user/<path and name>`
        arn: String,
    },
    /// A role's ARN, which covers each of its sessions.
    Role {
        /// `arn:<partition>:iam::<account>:role/<path and name>`
        arn: String,
    },
    /// One session of a role.
    Session {
        /// `arn:<partition>:sts::<account>:assumed-role/<role>/<session>`
        arn: String,
    },
    /// A federated user's ARN.
    FederatedUser {
        /// `arn:<partition>:sts::<account>:federated-user/<name>`
        arn: String,
    },
    /// A user, a role or one session of a role by its unique id, which outlives none of them: how
    /// AWS shows a principal that was deleted.
    UniqueId {
        /// `AIDA…` for a user, `AROA…` for a role, `AROA…:<session>` for a session.
        id: String,
    },
    /// One of these that [`crate::Document::bind_principals`] bound: whoever bears the name later
    /// is another one.
    Bound {
        /// As written.
        name: Box<Principal>,
        /// Whom it meant.
        meant: Meant,
    },
    /// A service, such as `lambda.amazonaws.com`.
    Service {
        /// The service principal's name.
        name: String,
    },
    /// An identity provider: its ARN, or the name of a public one.
    Federated {
        /// The provider.
        provider: String,
    },
    /// A canonical user id, as Amazon S3 uses them.
    CanonicalUser {
        /// The id.
        id: String,
    },
}

/// Whom a name in a policy meant when the policy was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Meant {
    /// The one with this unique id.
    Id(String),
    /// Nobody: none had the name.
    Nobody,
}

impl Principal {
    /// Reads one value of the `AWS` type. `None`: it names nobody.
    pub fn parse_aws(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Principal::Everyone);
        }
        if is_account_id(text) {
            return Some(Principal::Account {
                account: text.into(),
            });
        }
        if is_unique_id(text) {
            return Some(Principal::UniqueId { id: text.into() });
        }
        let arn = Arn::parse(text)?;
        let plain = is_plain_name;
        let text = text.to_owned();
        match (arn.service, arn.resource.split_once('/')) {
            ("iam", None) if arn.resource == "root" => Some(Principal::Account {
                account: arn.account.into(),
            }),
            ("iam", Some(("user", name))) if plain(name) => Some(Principal::User { arn: text }),
            ("iam", Some(("role", name))) if plain(name) => Some(Principal::Role { arn: text }),
            ("sts", Some(("assumed-role", rest))) => {
                let (role, session) = rest.split_once('/')?;
                let one_session = plain(role) && is_session_name(session);
                one_session.then_some(Principal::Session { arn: text })
            }
            ("sts", Some(("federated-user", name))) if plain(name) => {
                Some(Principal::FederatedUser { arn: text })
            }
            _ => None,
        }
    }

    /// Reads one value of the `Service` type.
    pub(crate) fn parse_service(text: &str) -> Option<Self> {
        is_host_name(text).then(|| Principal::Service { name: text.into() })
    }

    /// Reads one value of the `Federated` type.
    pub(crate) fn parse_federated(text: &str) -> Option<Self> {
        let provider_arn = Arn::parse(text).is_some_and(|arn| {
            let kind = arn.resource.split_once('/');
            arn.service == "iam"
                && kind.is_some_and(|(kind, name)| {
                    matches!(kind, "oidc-provider" | "saml-provider")
                        && !name.is_empty()
                        && !name.contains(['*', '?'])
                })
        });
        (provider_arn || is_host_name(text)).then(|| Principal::Federated {
            provider: text.into(),
        })
    }

    /// Reads one value of the `CanonicalUser` type.
    pub(crate) fn parse_canonical_user(text: &str) -> Option<Self> {
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        plain.then(|| Principal::CanonicalUser { id: text.into() })
    }

    /// The same one, bound; a session's id may be its role's.
    pub(crate) fn bound(self, meant: Meant) -> Self {
        let meant = match (meant, &self) {
            // A role's id alone would let its other sessions in.
            (Meant::Id(id), Principal::Session { arn }) if !id.contains(':') => {
                let session = session_name(arn).unwrap_or_default();
                Meant::Id(format!("{id}:{session}"))
            }
            (meant, _) => meant,
        };
        let name = Box::new(self);
        Principal::Bound { name, meant }
    }

    /// The account it belongs to, where its name says so.
    pub fn account(&self) -> Option<&str> {
        match self {
            Principal::Account { account } => Some(account),
            Principal::User { arn }
            | Principal::Role { arn }
            | Principal::Session { arn }
            | Principal::FederatedUser { arn } => Arn::parse(arn).map(|arn| arn.account),
            Principal::Federated { provider } => Arn::parse(provider).map(|arn| arn.account),
            Principal::Bound { name, .. } => name.account(),
            Principal::Everyone
            | Principal::UniqueId { .. }
            | Principal::Service { .. }
            | Principal::CanonicalUser { .. } => None,
        }
    }

    /// Whether it is one session of a role that the caller has assumed in a session of whatever name.
    pub(crate) fn is_some_session_of(&self, caller: &Caller) -> bool {
        let Caller::RoleSession {
            session_arn,
            role_arn,
            unique_id,
        } = caller
        else {
            return false;
        };
        if !(session_arn.is_empty() || session_arn.ends_with('/')) {
            return false;
        }
        let is_id = |id: &str| {
            let role = id.split_once(':').map(|(role, _)| role);
            role.is_some() && role == unique_id.as_deref()
        };
        match self {
            // A session's ARN leaves the role's path out.
            Principal::Session { arn } => {
                self.account() == caller.account()
                    && arn.split('/').nth(1) == role_arn.rsplit('/').next()
            }
            Principal::UniqueId { id } => is_id(id),
            Principal::Bound { meant, .. } => matches!(meant, Meant::Id(id) if is_id(id)),
            _ => false,
        }
    }

    /// How closely it names this caller; `None` if it doesn't.
    pub fn reach(&self, caller: &Caller) -> Option<Reach> {
        let covers = |covered: bool, reach| covered.then_some(reach);
        match self {
            Principal::Everyone => Some(Reach::Everyone),
            Principal::Account { account } => {
                let reach = match caller {
                    Caller::Root { .. } => Reach::Caller,
                    _ => Reach::Account,
                };
                covers(caller.account() == Some(account), reach)
            }
            Principal::User { arn } => covers(
                matches!(caller, Caller::User { arn: own, .. } if own == arn),
                Reach::Caller,
            ),
            Principal::Role { arn } => covers(
                matches!(caller, Caller::RoleSession { role_arn, .. } if role_arn == arn),
                Reach::Role,
            ),
            Principal::Session { arn } => covers(
                matches!(caller, Caller::RoleSession { session_arn, .. } if session_arn == arn),
                Reach::Caller,
            ),
            Principal::FederatedUser { arn } => covers(
                matches!(caller, Caller::FederatedUser { arn: own } if own == arn),
                Reach::Caller,
            ),
            Principal::UniqueId { id } => reach_of_id(id, caller),
            Principal::Bound { meant, .. } => match meant {
                Meant::Id(id) => reach_of_id(id, caller),
                Meant::Nobody => None,
            },
            Principal::Service { name } => covers(
                matches!(caller, Caller::Service { name: own } if own == name),
                Reach::Caller,
            ),
            Principal::Federated { provider } => covers(
                matches!(caller, Caller::WebIdentity { provider: own } if own == provider),
                Reach::Caller,
            ),
            Principal::CanonicalUser { .. } => None,
        }
    }
}

fn reach_of_id(id: &str, caller: &Caller) -> Option<Reach> {
    let covers = |covered: bool, reach| covered.then_some(reach);
    match caller {
        Caller::User {
            unique_id: Some(own),
            ..
        } => covers(own == id, Reach::Caller),
        Caller::RoleSession {
            unique_id: Some(own),
            session_arn,
            ..
        } => match id.split_once(':') {
            None => covers(own == id, Reach::Role),
            Some((role, session)) => covers(
                own == role && session_name(session_arn) == Some(session),
                Reach::Caller,
            ),
        },
        _ => None,
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Principal::Bound { name, .. } => return name.fmt(f),
            Principal::Everyone => "*",
            Principal::Account { account } => account,
            Principal::User { arn }
            | Principal::Role { arn }
            | Principal::Session { arn }
            | Principal::FederatedUser { arn } => arn,
            Principal::UniqueId { id } | Principal::CanonicalUser { id } => id,
            Principal::Service { name } => name,
            Principal::Federated { provider } => provider,
        })
    }
}

/// How closely an allowing statement names its caller, from the loosest to the closest. What the
/// other policies may still limit depends on it; see [`crate::decide`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// The caller's account: the account's own policies must allow as well.
    Account,
    /// The role that the caller has assumed: its boundary and the session's policies still limit.
    Role,
    /// Everyone, or everyone but some.
    Everyone,
    /// The caller itself. Policies without `Principal` reach like this too.
    Caller,
}

/// Who makes a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// The root of an account.
    Root {
        /// 12 digits.
        account: String,
    },
    /// A user with its own keys, or with those of GetSessionToken.
    User {
        /// The user's ARN.
        arn: String,
        /// `AIDA…`, where known; without it, no policy that pins the user by id covers it.
        unique_id: Option<String>,
    },
    /// Someone who has assumed a role.
    RoleSession {
        /// The session's ARN, without the role's path.
        session_arn: String,
        /// The role's ARN, with its path.
        role_arn: String,
        /// The role's `AROA…`, where known.
        unique_id: Option<String>,
    },
    /// A federated user (GetFederationToken).
    FederatedUser {
        /// The federated user's ARN.
        arn: String,
    },
    /// A service that acts for itself.
    Service {
        /// The service principal's name.
        name: String,
    },
    /// The bearer of an identity provider's token, before it has a role.
    WebIdentity {
        /// The provider as policies name it: an ARN, or a public provider's host name.
        provider: String,
    },
    /// Nobody in particular.
    Anonymous,
}

impl Caller {
    /// The caller that an ARN names, its unique id unknown: root, a user, a federated user, a
    /// role (some session of it) or a session (of a role without a path).
    pub fn from_arn(text: &str) -> Option<Self> {
        match Principal::parse_aws(text)? {
            Principal::Account { account } if text != account => Some(Caller::Root { account }),
            Principal::User { arn } => Some(Caller::User {
                arn,
                unique_id: None,
            }),
            Principal::FederatedUser { arn } => Some(Caller::FederatedUser { arn }),
            Principal::Role { arn } => {
                // The session's name is not known, and no policy can name this one.
                let session_arn = String::new();
                Some(Caller::RoleSession {
                    session_arn,
                    role_arn: arn,
                    unique_id: None,
                })
            }
            Principal::Session { arn: session_arn } => {
                let arn = Arn::parse(&session_arn)?;
                let role = arn.resource.split('/').nth(1)?;
                let role_arn = format!("arn:{}:iam::{}:role/{role}", arn.partition, arn.account);
                Some(Caller::RoleSession {
                    session_arn,
                    role_arn,
                    unique_id: None,
                })
            }
            _ => None,
        }
    }

    /// The account that the caller belongs to; a service and a stranger belong to none.
    pub fn account(&self) -> Option<&str> {
        match self {
            Caller::Root { account } => Some(account),
            Caller::User { arn, .. }
            | Caller::RoleSession { role_arn: arn, .. }
            | Caller::FederatedUser { arn } => Arn::parse(arn).map(|arn| arn.account),
            Caller::Service { .. } | Caller::WebIdentity { .. } | Caller::Anonymous => None,
        }
    }

    /// `NotPrincipal` lists this caller: its account, its role and itself, all of them, since
    /// AWS looks at each. Source: IAM user guide, NotPrincipal, "Specifying NotPrincipal with Deny".
    pub(crate) fn is_exempt(&self, listed: &[Principal]) -> bool {
        let names = |reach| {
            listed
                .iter()
                .any(|principal| principal.reach(self) == Some(reach))
        };
        if names(Reach::Everyone) {
            return true;
        }
        match self {
            Caller::User { .. } | Caller::FederatedUser { .. } => {
                names(Reach::Account) && names(Reach::Caller)
            }
            Caller::RoleSession { .. } => {
                names(Reach::Account) && names(Reach::Role) && names(Reach::Caller)
            }
            Caller::Root { .. } | Caller::Service { .. } | Caller::WebIdentity { .. } => {
                names(Reach::Caller)
            }
            Caller::Anonymous => false,
        }
    }
}

/// An ARN of IAM or STS: no region, an account.
struct Arn<'a> {
    partition: &'a str,
    service: &'a str,
    account: &'a str,
    resource: &'a str,
}

impl<'a> Arn<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next();
        let ("arn", partition, service, "", account, resource) =
            (next()?, next()?, next()?, next()?, next()?, next()?)
        else {
            return None;
        };
        let partition_is_known = partition.strip_prefix("aws").is_some_and(|rest| {
            rest.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
        });
        (partition_is_known && is_account_id(account)).then_some(Arn {
            partition,
            service,
            account,
            resource,
        })
    }
}

fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Of a user, a role or a role's session.
fn is_unique_id(text: &str) -> bool {
    let (id, is_named) = match text.split_once(':') {
        None => (text, text.starts_with("AIDA") || text.starts_with("AROA")),
        Some((id, session)) => (id, id.starts_with("AROA") && is_session_name(session)),
    };
    is_named
        && (16..=128).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

fn is_plain_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"*?".contains(&byte))
}

fn is_session_name(text: &str) -> bool {
    is_plain_name(text) && !text.contains('/')
}

/// The last part of a session's ARN.
fn session_name(session_arn: &str) -> Option<&str> {
    session_arn.rsplit_once('/').map(|(_, name)| name)
}

fn is_host_name(text: &str) -> bool {
    text.contains('.')
        && text.split('.').all(|label| {
            !label.is_empty()
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
}
