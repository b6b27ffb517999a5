//! The policies that speak for a caller: read anew for every decision, from records that are compiled already, and
//! conditions of the decision's commit, so that what is revoked counts at once.
//!
//! Source: AWS IAM User Guide, Policy evaluation logic.

use std::sync::Arc;

use strongroom_policy::{Context, Document};

use super::user::User;
use crate::accounts::{AccessKey, KeyStatus};
use crate::caller::{Caller, Principal};
use crate::records::{Key, Records};
use crate::refusal::{Refusal, Stop};

/// What speaks for a caller.
pub struct InForce {
    user: Option<Arc<User>>,
}

impl InForce {
    /// Reads what speaks for a caller.
    ///
    /// # Refusals
    /// `UnrecognizedClientException`: its user or its access key is gone, or the key was made inactive, since the
    /// signature was checked.
    pub fn read(caller: &Caller, records: &Records<'_>) -> Result<Self, Stop> {
        let Principal::User(signer) = &caller.principal else {
            return Ok(InForce { user: None });
        };
        let key = records.read::<AccessKey>(Key::access_key(&signer.access_key_id))?;
        let is_active = key.is_some_and(|key| key.status == KeyStatus::Active);
        let user = records.read::<User>(signer.user.key())?;
        let user = user.filter(|user| {
            let has_it = user.access_key_ids.contains(&signer.access_key_id);
            is_active && has_it && user.id == signer.user.id
        });
        match user {
            Some(user) => Ok(InForce { user: Some(user) }),
            None => Err(Refusal::unrecognized_client().into()),
        }
    }

    /// The policies of the caller; none for a root user, which needs none.
    pub fn identity(&self) -> Vec<&Document> {
        let users = self.user.iter();
        users.flat_map(|user| user.inline.documents()).collect()
    }

    /// The caller as policies see it.
    pub fn speaker(&self, caller: &Caller) -> strongroom_policy::Caller {
        match &self.user {
            None => strongroom_policy::Caller::Root {
                account: caller.account.as_str().to_owned(),
            },
            Some(user) => strongroom_policy::Caller::User {
                arn: user.arn(caller),
                unique_id: Some(user.id.clone()),
            },
        }
    }

    /// The condition keys that tell of the caller what depends on what it is.
    ///
    /// Source: IAM User Guide, AWS global condition context keys, Properties of the principal.
    pub fn add_condition_keys(&self, context: &mut Context) {
        let Some(user) = &self.user else {
            context.insert("aws:PrincipalType", "Account");
            return;
        };
        context.insert("aws:PrincipalType", "User");
        context.insert("aws:username", user.name.as_str());
        for tag in &user.tags {
            let key = format!("aws:PrincipalTag/{}", tag.key);
            context.insert(&key, tag.value.as_str());
        }
    }
}
