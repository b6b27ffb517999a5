//! A user: its record, how it is found, and what its operations need.
//!
//! Source: AWS IAM User Guide, IAM users, and IAM and AWS STS quotas.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strongroom_policy::Context;

use super::identity_policy::InlinePolicies;
use super::managed_policy::PolicyName;
use super::refusals;
use super::shapes::{Tag, add_resource_tags};
use crate::caller::{AccountId, Caller, Principal};
use crate::gate::{Guard, Need};
use crate::records::{Key, Records};
use crate::refusal::Stop;
use crate::time::{Timestamp, iso8601};

/// Characters of a user's inline policies together, white space not counted.
pub(super) const INLINE_MAX: usize = 2048;

/// An IAM user. Its record holds its inline policies, compiled when it is read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct User {
    /// Whose.
    pub account: AccountId,
    /// As it was written; users differ by more than letter case.
    pub name: String,
    /// `/`, or `/…/`.
    pub path: String,
    /// `AIDA…`, never given again.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// Its access keys, in the order of their making.
    pub access_key_ids: Vec<String>,
    /// Its own policies.
    pub inline: InlinePolicies,
    /// The managed policies that are attached to it, in the order of their attaching.
    pub attached: Vec<PolicyName>,
    /// What bounds what its policies may allow.
    pub boundary: Option<PolicyName>,
    /// The names of the groups that it is in.
    pub groups: Vec<String>,
}

/// A user as format 1 has it: without managed policies, boundary and groups.
#[derive(Deserialize)]
struct FirstUser {
    account: AccountId,
    name: String,
    path: String,
    id: String,
    created: Timestamp,
    tags: Vec<Tag>,
    access_key_ids: Vec<String>,
    inline: InlinePolicies,
}

impl User {
    /// Its ARN without partition and account: what is behind them.
    pub fn resource(path: &str, name: &str) -> String {
        format!("user{path}{name}")
    }

    /// Its ARN, as a caller sees it.
    pub fn arn(&self, caller: &Caller) -> String {
        caller.iam_arn(&self.account, &Self::resource(&self.path, &self.name))
    }

    /// Its place.
    pub fn key(&self) -> Key {
        Key::iam_user(&self.account, &self.name)
    }

    /// Whether a key is its place.
    pub(crate) fn is_at(&self, key: &[u8]) -> bool {
        self.key().as_bytes() == key
    }

    /// Reads the fields of an earlier format.
    pub(crate) fn earlier(format: u8, fields: &[u8]) -> Option<Self> {
        let first: FirstUser = postcard::from_bytes(fields).ok().filter(|_| format == 1)?;
        Some(User {
            account: first.account,
            name: first.name,
            path: first.path,
            id: first.id,
            created: first.created,
            tags: first.tags,
            access_key_ids: first.access_key_ids,
            inline: first.inline,
            attached: Vec::new(),
            boundary: None,
            groups: Vec::new(),
        })
    }
}

/// The user of the caller's account with a name.
///
/// # Refusals
/// `NoSuchEntity`
pub(super) fn find(name: &str, records: &Records<'_>, caller: &Caller) -> Result<Arc<User>, Stop> {
    let found = records.read::<User>(Key::iam_user(&caller.account, name))?;
    found.ok_or_else(|| refusals::no_such_user(name).into())
}

/// The user that a request means: the one it names, or the caller.
///
/// # Refusals
/// `ValidationError` where the caller is none.
pub(super) fn name_or_caller(name: Option<&str>, caller: &Caller) -> Result<String, Stop> {
    match (name, &caller.principal) {
        (Some(name), _) => Ok(name.to_owned()),
        (None, Principal::User(signer)) => Ok(signer.user.name.clone()),
        (None, _) => Err(refusals::name_needed().into()),
    }
}

/// The need of an operation on a user, with what conditions may ask of the request.
pub(super) fn need<'a>(
    action: &'static str,
    name: &str,
    mut context: Context,
    caller: &'a Caller,
    records: &Records<'_>,
) -> Result<Vec<Need<'a>>, Stop> {
    let found = records.read::<User>(Key::iam_user(&caller.account, name))?;
    let arn = match &found {
        Some(user) => {
            add_resource_tags(&user.tags, &mut context);
            user.arn(caller)
        }
        None => caller.iam_arn(&caller.account, &User::resource("/", name)),
    };
    Ok(vec![Need {
        action,
        owner: Cow::Borrowed(&caller.account),
        shown: Some(Cow::Owned(arn)),
        guard: Guard::ToBeMade(context),
    }])
}

/// A user as answers show it; only some show its tags.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ShownUser {
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<String>,
    user_id: String,
    arn: String,
    #[serde(serialize_with = "iso8601::serialize")]
    create_date: Timestamp,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Tag>,
}

impl ShownUser {
    pub(super) fn of(user: &User, caller: &Caller) -> Self {
        ShownUser {
            path: Some(user.path.clone()),
            user_name: Some(user.name.clone()),
            user_id: user.id.clone(),
            arn: user.arn(caller),
            create_date: user.created,
            tags: Vec::new(),
        }
    }

    pub(super) fn with_tags(user: &User, caller: &Caller) -> Self {
        ShownUser {
            tags: user.tags.clone(),
            ..Self::of(user, caller)
        }
    }

    /// The root user, which has neither name nor path.
    pub(super) fn of_root(created: Timestamp, caller: &Caller) -> Self {
        ShownUser {
            path: None,
            user_name: None,
            user_id: caller.account.to_string(),
            arn: caller.arn(),
            create_date: created,
            tags: Vec::new(),
        }
    }
}
