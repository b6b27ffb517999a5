//! What is asked about: an action on something that a text names, and what the gate asks of whoever wants it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom_policy::Context;

use super::{Problem, Question};
use crate::caller::{AccountId, Caller, Region};
use crate::cloudtrail;
use crate::gate::{Guard, Need, RoleGuard, Supposed};
use crate::iam::managed_policy::ManagedPolicy;
use crate::iam::principals;
use crate::iam::role::Role;
use crate::iam::shapes::{Tag, add_resource_tags};
use crate::iam::user::User;
use crate::kms::access::Usage;
use crate::kms::envelope;
use crate::kms::key::KmsKey;
use crate::kms::name::{Accepts, KeyName};
use crate::lambda;
use crate::lambda::function::{Function, key_of};
use crate::lambda::function_arn::FunctionArn;
use crate::operation::Entry;
use crate::records::{Key, Records};
use crate::refusal::Stop;
use crate::secretsmanager::access;
use crate::secretsmanager::secret::Secret;
use crate::secretsmanager::secret_id::SecretId;
use crate::secretsmanager::version;
use crate::staging::AWSCURRENT;
use crate::sts::role_session::RoleArn;
use crate::time::Timestamp;
use crate::{iam, kms, secretsmanager, sts};

/// An action on something.
pub(super) struct Topic {
    /// In the letter case of the service.
    pub(super) action: String,
    /// Where it is asked for.
    pub(super) region: Region,
    what: What,
}

enum What {
    /// A secret, there or not.
    Secret(SecretId),
    /// A secret that is to be made.
    NewSecret(String),
    /// A KMS key, there or not.
    Key(KeyName),
    /// A Lambda function that is kept here.
    Function(FunctionArn),
    /// A role, there or not, that is to be assumed.
    Role {
        arn: String,
        owner: AccountId,
        role: Option<Arc<Role>>,
    },
    /// Something else that is by this ARN, with its tags.
    Other { arn: String, tags: Vec<Tag> },
    /// Nothing in particular.
    Nothing,
}

/// The function of an ARN, where it is kept here.
fn function(arn: &str, records: &Records<'_>) -> Result<Option<FunctionArn>, Stop> {
    let Ok(arn) = FunctionArn::parse(arn) else {
        return Ok(None);
    };
    let found = records.peek::<Function>(&key_of(&arn))?;
    Ok(found.map(|_| arn))
}

impl Topic {
    /// Reads what is asked about. `own` is the account of names that don't say theirs.
    pub(super) fn of(
        question: &Question,
        own: &AccountId,
        records: &Records<'_>,
    ) -> Result<Self, Problem> {
        let (service, name) = question.action.split_once(':').ok_or_else(|| {
            Problem::Asked(format!(
                "'{}' is no action: write it as secretsmanager:GetSecretValue",
                question.action
            ))
        })?;
        if name.contains(['*', '?']) || name.is_empty() {
            return Err(Problem::Asked(format!(
                "'{}' is not one action: ask about each without wildcards",
                question.action
            )));
        }
        let service = service.to_ascii_lowercase();
        let action = format!("{service}:{}", exact(&service, name));
        let resource = question.resource.as_str();
        let own = question.account.as_ref().unwrap_or(own);
        let region = region(question)?;
        let what = match service.as_str() {
            _ if resource == "*" => What::Nothing,
            "secretsmanager" if action == "secretsmanager:CreateSecret" => {
                What::NewSecret(resource.to_owned())
            }
            "secretsmanager" => {
                let id = if resource.starts_with("arn:") {
                    resource.to_owned()
                } else {
                    let partition = region.partition();
                    format!("arn:{partition}:secretsmanager:{region}:{own}:secret:{resource}")
                };
                What::Secret(
                    SecretId::parse(id)
                        .map_err(|refusal| Problem::Asked(refusal.message.unwrap_or_default()))?,
                )
            }
            "kms" => {
                let id = match resource {
                    arn if arn.starts_with("arn:") => arn.to_owned(),
                    alias if alias.starts_with("alias/") => {
                        format!("arn:{}:kms:{region}:{own}:{alias}", region.partition())
                    }
                    id => format!("arn:{}:kms:{region}:{own}:key/{id}", region.partition()),
                };
                What::Key(KeyName::parse(id, Accepts::KeysAndAliases))
            }
            "sts" if RoleArn::parse(resource).is_some() => {
                let owner = resource.split(':').nth(4).map(AccountId::parse);
                let Some(Ok(owner)) = owner else {
                    return Err(Problem::Asked(format!("'{resource}' is no role's ARN")));
                };
                What::Role {
                    arn: resource.to_owned(),
                    role: principals::role_of_arn(resource, &owner, records)?,
                    owner,
                }
            }
            // One that a server outside answers for has no policy here.
            "lambda" if let Some(arn) = function(resource, records)? => What::Function(arn),
            _ if !resource.starts_with("arn:") => {
                return Err(Problem::Asked(format!(
                    "'{resource}' is no ARN: name what {action} is for by its ARN, or * where it is for nothing in \
                     particular"
                )));
            }
            _ => What::Other {
                arn: resource.to_owned(),
                tags: tags(resource, records)?,
            },
        };
        Ok(Topic {
            action,
            region,
            what,
        })
    }

    /// The assuming of a role.
    pub(super) fn assuming(action: &str, role: &Arc<Role>, region: &Region) -> Self {
        let resource = Role::resource(&role.path, &role.name);
        let arn = format!(
            "arn:{}:iam::{}:{resource}",
            region.partition(),
            role.account
        );
        Topic {
            action: action.to_owned(),
            region: region.clone(),
            what: What::Role {
                arn,
                owner: role.account.clone(),
                role: Some(Arc::clone(role)),
            },
        }
    }

    /// Whether it is about something that is there, so that its tags are known.
    pub(super) fn is_there(&self) -> bool {
        !matches!(self.what, What::NewSecret(_) | What::Nothing)
    }

    /// Whether it is about a role that is to be assumed, which no root user can.
    pub(super) fn is_assuming(&self) -> bool {
        matches!(self.what, What::Role { .. })
    }

    /// What someone must be allowed to do; after the action itself, what else it takes.
    pub(super) fn needs<'a>(
        &'a self,
        supposed: &Supposed,
        caller: &'a Caller,
        now: Timestamp,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let action = self.action.as_str();
        let plain = |shown, owner, guard| Need {
            action,
            owner,
            shown,
            guard,
        };
        Ok(match &self.what {
            What::Secret(id) => {
                let mut needs = access::need_on(action, id, &(), caller, records)?;
                if action == READ {
                    needs.extend(self.key_need(id, caller, now, records)?);
                }
                needs
            }
            What::NewSecret(name) => vec![access::need_to_make(action, name, &(), caller)],
            What::Key(name) => {
                let usage = Usage {
                    encryption_context: Cow::Owned(encryption_context(supposed)),
                    ..Usage::default()
                };
                vec![kms::access::need(action, name, usage, caller, records)?]
            }
            What::Role { arn, owner, role } => {
                let guard = Guard::Role(Box::new(RoleGuard {
                    role: role.clone(),
                    context: Context::new(),
                }));
                let shown = Some(Cow::Borrowed(arn.as_str()));
                vec![plain(shown, Cow::Borrowed(owner), guard)]
            }
            What::Function(arn) => {
                vec![lambda::need(action, arn, Context::new(), caller, records)?]
            }
            What::Other { arn, tags } => {
                let owner = arn.split(':').nth(4).map(AccountId::parse);
                let owner = match owner {
                    Some(Ok(owner)) => Cow::Owned(owner),
                    _ => Cow::Borrowed(&caller.account),
                };
                let mut context = Context::new();
                add_resource_tags(tags, &mut context);
                vec![plain(
                    Some(Cow::Borrowed(arn.as_str())),
                    owner,
                    Guard::ToBeMade(context),
                )]
            }
            What::Nothing => vec![plain(None, Cow::Borrowed(&caller.account), Guard::Account)],
        })
    }

    /// What reading the secret takes of the key of its current version, where that is a customer's.
    fn key_need<'a>(
        &self,
        id: &SecretId,
        caller: &'a Caller,
        now: Timestamp,
        records: &Records<'_>,
    ) -> Result<Option<Need<'a>>, Stop> {
        let secret = id.record(caller, records)?;
        let Some(secret) = secret.filter(|secret| !secret.is_gone(now)) else {
            return Ok(None);
        };
        let Some((key, version_id)) = current_key(&secret, records)? else {
            return Ok(None);
        };
        let arn = secret.arn();
        let context = version::context(&arn, &version_id);
        let need = envelope::need_for(
            secretsmanager::SERVICE,
            "kms:Decrypt",
            key,
            &context,
            records,
            caller,
        )?;
        Ok(Some(need))
    }
}

const READ: &str = "secretsmanager:GetSecretValue";

/// The customer's key of a secret's current version, and that version's id.
fn current_key(
    secret: &Secret,
    records: &Records<'_>,
) -> Result<Option<(Arc<KmsKey>, String)>, Stop> {
    let current = secret
        .labels
        .holder(AWSCURRENT)
        .and_then(|id| secret.version(id));
    let Some((version, key)) = current.and_then(|it| Some((it, it.customer_key.as_ref()?))) else {
        return Ok(None);
    };
    let place = Key::kms_key(&key.account, &secret.region, &key.key_id);
    let key = records.read::<KmsKey>(place)?;
    Ok(key.map(|key| (key, version.id.clone())))
}

fn encryption_context(supposed: &Supposed) -> BTreeMap<String, String> {
    const PREFIX: &str = "kms:EncryptionContext:";
    let pairs = supposed.iter().filter_map(|(key, values)| {
        let starts = key.get(..PREFIX.len())?.eq_ignore_ascii_case(PREFIX);
        let name = starts.then(|| key[PREFIX.len()..].to_owned())?;
        Some((name, values.first()?.clone()))
    });
    pairs.collect()
}

/// The region that an ARN says, or the question.
fn region(question: &Question) -> Result<Region, Problem> {
    let of_arn = question.resource.strip_prefix("arn:");
    let of_arn = of_arn.and_then(|rest| rest.split(':').nth(2));
    match of_arn.filter(|region| !region.is_empty()) {
        Some(region) => Region::parse(region).map_err(|error| Problem::Asked(error.to_string())),
        None => match &question.region {
            Some(region) => Ok(region.clone()),
            // Whatever the region, it is the same there.
            None if of_arn.is_some() => {
                Region::parse("us-east-1").map_err(|error| Problem::Asked(error.to_string()))
            }
            None => Err(Problem::Asked(
                "name the region with --region, or the resource by its ARN".to_owned(),
            )),
        },
    }
}

/// An action's name in the letter case of its service.
fn exact<'a>(service: &str, name: &'a str) -> &'a str {
    let entries: &[Entry] = match service {
        "secretsmanager" => secretsmanager::OPERATIONS,
        "kms" => kms::OPERATIONS,
        "lambda" => lambda::OPERATIONS,
        "cloudtrail" => cloudtrail::OPERATIONS,
        "iam" => iam::OPERATIONS,
        "sts" => sts::OPERATIONS,
        _ => &[],
    };
    let found = entries
        .iter()
        .find(|entry| entry.name.eq_ignore_ascii_case(name));
    found.map_or(name, |entry| entry.name)
}

/// The tags of something of IAM's.
fn tags(arn: &str, records: &Records<'_>) -> Result<Vec<Tag>, Stop> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let &["arn", _, "iam", "", account, resource] = parts.as_slice() else {
        return Ok(Vec::new());
    };
    let Ok(account) = AccountId::parse(account) else {
        return Ok(Vec::new());
    };
    let name = resource.rsplit('/').next().unwrap_or_default();
    Ok(match resource.split('/').next().unwrap_or_default() {
        "user" => {
            let found = records.read::<User>(Key::iam_user(&account, name))?;
            found.map_or_else(Vec::new, |user| user.tags.clone())
        }
        "role" => {
            let found = records.read::<Role>(Key::iam_role(&account, name))?;
            found.map_or_else(Vec::new, |role| role.tags.clone())
        }
        "policy" => {
            let found = records.read::<ManagedPolicy>(Key::iam_policy(&account, name))?;
            found.map_or_else(Vec::new, |policy| policy.tags.clone())
        }
        _ => Vec::new(),
    })
}
