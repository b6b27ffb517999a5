//! Who is asked about: someone that an ARN names, with the policies that speak for them.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::Problem;
use crate::accounts::Account;
use crate::caller::{AccountId, Caller, Principal, Region, RoleSigner, Signer};
use crate::iam::in_force::InForce;
use crate::iam::role::Role;
use crate::iam::user::User;
use crate::records::{Key, Records};
use crate::sts::session::AssumedRole;
use crate::sts::web_identity::WebIdentity;

/// Someone, and what speaks for them.
pub(super) struct Subject {
    pub(super) caller: Caller,
    pub(super) in_force: InForce,
}

impl Subject {
    /// An account's root user.
    pub(super) fn root(
        account: &AccountId,
        region: &Region,
        records: &Records<'_>,
    ) -> Result<Self, Problem> {
        Ok(Subject {
            caller: caller(account, region, Principal::Root),
            in_force: InForce::of_root(account, records)?,
        })
    }

    /// A user, whichever of its access keys it signs with.
    pub(super) fn user(
        user: Arc<User>,
        region: &Region,
        records: &Records<'_>,
    ) -> Result<Self, Problem> {
        let signer = Signer {
            user: Arc::clone(&user),
            access_key_id: String::new(),
        };
        Ok(Subject {
            caller: caller(&user.account, region, Principal::User(signer)),
            in_force: InForce::of_user(user, records)?,
        })
    }

    /// Someone who has assumed a role, in a session of this name that nothing more was given to; without a name, in
    /// some session.
    pub(super) fn role(
        role: Arc<Role>,
        session_name: &str,
        region: &Region,
        records: &Records<'_>,
    ) -> Result<Self, Problem> {
        let assumed = AssumedRole {
            role: role.name.clone(),
            role_id: role.id.clone(),
            session_name: session_name.to_owned(),
            policy: None,
            managed: Vec::new(),
            tags: Vec::new(),
            transitive_tag_keys: Vec::new(),
            source_identity: None,
            federated_provider: None,
        };
        let signer = RoleSigner {
            role: Arc::clone(&role),
            assumed: Arc::new(assumed),
        };
        Ok(Subject {
            caller: caller(&role.account, region, Principal::Role(signer)),
            in_force: InForce::of_role(role, records)?,
        })
    }

    /// The bearer of a token of a provider of an account's.
    pub(super) fn bearer(
        provider_arn: &str,
        account: &AccountId,
        region: &Region,
        records: &Records<'_>,
    ) -> Result<Self, Problem> {
        let provider = provider_arn.split_once("oidc-provider/");
        let bearer = Arc::new(WebIdentity {
            provider_arn: provider_arn.to_owned(),
            provider: provider.map_or(provider_arn, |(_, url)| url).to_owned(),
            ..WebIdentity::default()
        });
        Ok(Subject {
            caller: caller(account, region, Principal::WebIdentity(Arc::clone(&bearer))),
            in_force: InForce::of_bearer(bearer, account, records)?,
        })
    }

    /// Every root user, user and role of every account.
    pub(super) fn everyone(region: &Region, records: &Records<'_>) -> Result<Vec<Self>, Problem> {
        let mut accounts: Vec<Arc<Account>> = Vec::new();
        let all = Key::all_accounts();
        records.scan::<Account>(all.as_bytes(), &all.end(), false, |account| {
            accounts.push(account);
            ControlFlow::Continue(())
        })?;
        let mut everyone = Vec::new();
        for account in accounts {
            everyone.push(Self::root(&account.id, region, records)?);
            let mut users: Vec<Arc<User>> = Vec::new();
            let all = Key::iam_users(&account.id);
            records.scan::<User>(all.as_bytes(), &all.end(), false, |user| {
                users.push(user);
                ControlFlow::Continue(())
            })?;
            for user in users {
                everyone.push(Self::user(user, region, records)?);
            }
            let mut roles: Vec<Arc<Role>> = Vec::new();
            let all = Key::iam_roles(&account.id);
            records.scan::<Role>(all.as_bytes(), &all.end(), false, |role| {
                roles.push(role);
                ControlFlow::Continue(())
            })?;
            for role in roles {
                everyone.push(Self::role(role, "", region, records)?);
            }
        }
        Ok(everyone)
    }

    /// Whom an ARN names.
    ///
    /// # Errors
    /// It names nobody who is there.
    pub(super) fn find(arn: &str, region: &Region, records: &Records<'_>) -> Result<Self, Problem> {
        let no_principal = || not_a_principal(arn);
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let &["arn", _, service, "", account, resource] = parts.as_slice() else {
            return Err(no_principal());
        };
        let account = AccountId::parse(account).map_err(|_| no_principal())?;
        if records.read::<Account>(Key::account(&account))?.is_none() {
            return Err(Problem::Asked(format!(
                "there is no account {account}; `strongroom admin account list` shows all accounts"
            )));
        }
        let absent = |kind: &str, name: &str| {
            Problem::Asked(format!("account {account} has no {kind} {name}"))
        };
        let name = resource.rsplit('/').next().unwrap_or_default();
        match (service, resource.split('/').next().unwrap_or_default()) {
            ("iam", "root") if resource == "root" => Self::root(&account, region, records),
            ("iam", "user") => {
                let user = records.read::<User>(Key::iam_user(&account, name))?;
                let user = user.filter(|user| User::resource(&user.path, &user.name) == resource);
                let user = user.ok_or_else(|| absent("user", &resource["user/".len()..]))?;
                Self::user(user, region, records)
            }
            ("iam", "role") => {
                let role = records.read::<Role>(Key::iam_role(&account, name))?;
                let role = role.filter(|role| Role::resource(&role.path, &role.name) == resource);
                let role = role.ok_or_else(|| absent("role", &resource["role/".len()..]))?;
                Self::role(role, "", region, records)
            }
            ("sts", "assumed-role") => {
                let mut names = resource.split('/').skip(1);
                let (Some(role), Some(session), None) = (names.next(), names.next(), names.next())
                else {
                    return Err(no_principal());
                };
                let found = records.read::<Role>(Key::iam_role(&account, role))?;
                let found = found.filter(|found| found.name == role);
                let found = found.ok_or_else(|| absent("role", role))?;
                Self::role(found, session, region, records)
            }
            _ => Err(no_principal()),
        }
    }
}

/// A text that names nobody, whoever is there.
pub(super) fn not_a_principal(arn: &str) -> Problem {
    Problem::Asked(format!(
        "'{arn}' is no principal: name one by its ARN, such as arn:aws:iam::123456789012:user/alice, :role/app or \
         :root, or arn:aws:sts::123456789012:assumed-role/app/session"
    ))
}

fn caller(account: &AccountId, region: &Region, principal: Principal) -> Caller {
    Caller {
        account: account.clone(),
        region: region.clone(),
        principal,
        session: None,
    }
}
