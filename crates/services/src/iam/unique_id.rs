//! The index of unique ids: who has one, whatever it is called now. What is bound to someone, such as a policy of a secret
//! or a session, goes on after a new name, and is nobody's after the end.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::entity::Entity;
use super::role::Role;
use super::user::User;
use crate::caller::AccountId;
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;

/// Who has a unique id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UniqueId {
    /// Whose.
    pub account: AccountId,
    /// `AIDA…` or `AROA…`.
    pub id: String,
    /// What has it.
    pub kind: IdKind,
    /// Its name.
    pub name: String,
}

/// What has a unique id.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IdKind {
    /// A user.
    User,
    /// A role.
    Role,
}

/// What can be found by its unique id.
pub trait Identified: Entity {
    /// What it is.
    const KIND_OF_ID: IdKind;
    /// The place of the one of a name.
    fn place(account: &AccountId, name: &str) -> Key;
}

impl Identified for User {
    const KIND_OF_ID: IdKind = IdKind::User;

    fn place(account: &AccountId, name: &str) -> Key {
        Key::iam_user(account, name)
    }
}

impl Identified for Role {
    const KIND_OF_ID: IdKind = IdKind::Role;

    fn place(account: &AccountId, name: &str) -> Key {
        Key::iam_role(account, name)
    }
}

/// Finds the one with a unique id. `last_name`, where something is known of it, is tried first: it is still right for
/// nearly all, and those made before there was an index haven't had another one.
pub fn find<T: Identified>(
    account: &AccountId,
    id: &str,
    last_name: Option<&str>,
    records: &Records<'_>,
) -> Result<Option<Arc<T>>, Stop> {
    let named = |name: &str| -> Result<Option<Arc<T>>, Stop> {
        let found = records.read::<T>(T::place(account, name))?;
        Ok(found.filter(|found| found.id() == id))
    };
    if let Some(name) = last_name
        && let Some(found) = named(name)?
    {
        return Ok(Some(found));
    }
    match records.read::<UniqueId>(Key::iam_id(account, id))? {
        Some(entry) if entry.kind == T::KIND_OF_ID => named(&entry.name),
        _ => Ok(None),
    }
}

/// Enters someone under its name, in the place of an earlier one.
pub(super) fn enter<T: Identified>(of: &T, changes: &mut Changes) -> Result<(), Stop> {
    let entry = UniqueId {
        account: of.account().clone(),
        id: of.id().to_owned(),
        kind: T::KIND_OF_ID,
        name: of.name().to_owned(),
    };
    changes.put(Key::iam_id(of.account(), of.id()), &entry)
}

/// Strikes someone out.
pub(super) fn strike<T: Identified>(of: &T, changes: &mut Changes) {
    changes.delete(Key::iam_id(of.account(), of.id()));
}
