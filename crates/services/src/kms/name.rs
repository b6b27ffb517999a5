//! How a request names a key: by id, ARN, alias name or alias ARN.
//!
//! Source: reference/kms-iam-sts.md §A2, §A8; AWS KMS Developer Guide, Key identifiers (KeyId).

use std::sync::Arc;

use super::alias::{Alias, alias_arn};
use super::key::KmsKey;
use super::refusals;
use crate::caller::{AccountId, Caller, Region};
use crate::records::{Key, Records};
use crate::refusal::{Refusal, Stop};

/// A key as a request names it.
#[derive(Clone, Debug)]
pub struct KeyName {
    given: String,
    names: Names,
}

#[derive(Clone, Debug)]
enum Names {
    Something(Place, What),
    Nothing(Refusal),
}

#[derive(Clone, Debug)]
enum What {
    /// A key's id.
    Key(String),
    /// An alias, with `alias/`.
    Alias(String),
}

/// Where a name says that its key is.
#[derive(Clone, Debug)]
enum Place {
    /// In the caller's account, and the region of the request.
    Here,
    /// What an ARN says.
    There {
        partition: String,
        region: String,
        account: AccountId,
    },
}

/// Which kinds of names an operation takes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Accepts {
    /// Ids and ARNs of keys.
    Keys,
    /// Also names and ARNs of aliases.
    KeysAndAliases,
}

/// What a name stands for.
#[derive(Debug)]
pub enum Named {
    /// A key.
    Key(Arc<KmsKey>),
    /// Nothing; where it would be, and what its account is told.
    Absent {
        /// The account that it would belong to.
        owner: AccountId,
        /// The refusal.
        refusal: Refusal,
    },
}

impl KeyName {
    /// Reads a name of a key.
    pub fn parse(given: String, accepts: Accepts) -> Self {
        let names = match parse(&given) {
            Names::Something(_, What::Alias(_)) if accepts == Accepts::Keys => {
                Names::Nothing(refusals::invalid_key_id(&given))
            }
            names => names,
        };
        KeyName { given, names }
    }

    /// The key that an ARN names, of whatever account and region; for operators, who are in none.
    pub fn by_arn(arn: &str, records: &Records<'_>) -> Result<Option<Arc<KmsKey>>, Stop> {
        let name = Self::parse(arn.to_owned(), Accepts::KeysAndAliases);
        let Names::Something(
            Place::There {
                region, account, ..
            },
            _,
        ) = &name.names
        else {
            return Ok(None);
        };
        let Ok(region) = Region::parse(region) else {
            return Ok(None);
        };
        match name.resolve(account, &region, records)? {
            Named::Key(key) => Ok(Some(key)),
            Named::Absent { .. } => Ok(None),
        }
    }

    /// The text of the request.
    pub fn as_given(&self) -> &str {
        &self.given
    }

    /// The alias that it is, with `alias/`.
    pub fn alias(&self) -> Option<&str> {
        match &self.names {
            Names::Something(_, What::Alias(name)) => Some(name),
            Names::Something(_, What::Key(_)) | Names::Nothing(_) => None,
        }
    }

    /// The account whose key it names, where it says one.
    pub fn account(&self) -> Option<&AccountId> {
        match &self.names {
            Names::Something(Place::There { account, .. }, _) => Some(account),
            Names::Something(Place::Here, _) | Names::Nothing(_) => None,
        }
    }

    /// Whether it is this key's id alone, which doesn't say whose key it is.
    pub(super) fn is_bare_id(&self, key_id: &str) -> bool {
        matches!(&self.names, Names::Something(Place::Here, What::Key(id)) if id == key_id)
    }

    /// Whether it is this alias in the caller's account and region, by name or by ARN.
    pub fn is_own_alias(&self, wanted: &str, caller: &Caller) -> bool {
        let own_arn = || alias_arn(&caller.account, &caller.region, wanted);
        self.given == wanted || self.given == own_arn()
    }

    /// What it stands for. `here` is the account of names that don't say theirs.
    pub fn resolve(
        &self,
        here: &AccountId,
        own_region: &Region,
        records: &Records<'_>,
    ) -> Result<Named, Stop> {
        let nothing = |owner: &AccountId, refusal| {
            Ok(Named::Absent {
                owner: owner.clone(),
                refusal,
            })
        };
        let (place, what) = match &self.names {
            Names::Something(place, what) => (place, what),
            Names::Nothing(refusal) => return nothing(here, refusal.clone()),
        };
        let owner = match place {
            Place::Here => here,
            Place::There {
                partition,
                region,
                account,
            } if region == own_region.as_str() && partition == own_region.partition() => account,
            Place::There { region, .. } => {
                return nothing(here, refusals::arn_of_other_region(region));
            }
        };
        let key_id = match what {
            What::Key(key_id) => key_id.clone(),
            What::Alias(name) => {
                match records.read::<Alias>(Key::kms_alias(owner, own_region, name))? {
                    Some(alias) => alias.key_id.clone(),
                    None => {
                        let arn = alias_arn(owner, own_region, name);
                        return nothing(owner, refusals::alias_not_found(&arn));
                    }
                }
            }
        };
        match records.read::<KmsKey>(Key::kms_key(owner, own_region, &key_id))? {
            Some(key) => Ok(Named::Key(key)),
            None => nothing(owner, refusals::key_not_found(owner, own_region, &key_id)),
        }
    }

    /// The key.
    ///
    /// # Refusals
    /// `NotFoundException`, `InvalidArnException`.
    pub fn find(&self, caller: &Caller, records: &Records<'_>) -> Result<Arc<KmsKey>, Stop> {
        match self.resolve(&caller.account, &caller.region, records)? {
            Named::Key(key) => Ok(key),
            Named::Absent { refusal, .. } => Err(refusal.into()),
        }
    }
}

fn parse(given: &str) -> Names {
    if given.starts_with("arn:") {
        return parse_arn(given).unwrap_or_else(|| Names::Nothing(refusals::invalid_arn(given)));
    }
    if given.starts_with("alias/") {
        return Names::Something(Place::Here, What::Alias(given.to_owned()));
    }
    if is_key_id(given) {
        return Names::Something(Place::Here, What::Key(given.to_owned()));
    }
    Names::Nothing(refusals::invalid_key_id(given))
}

fn parse_arn(given: &str) -> Option<Names> {
    let parts: Vec<&str> = given.splitn(6, ':').collect();
    let &[_, partition, "kms", region, account, resource] = parts.as_slice() else {
        return None;
    };
    let place = Place::There {
        partition: partition.to_owned(),
        region: region.to_owned(),
        account: AccountId::parse(account).ok()?,
    };
    match resource.split_once('/')? {
        ("key", key_id) if is_key_id(key_id) => {
            Some(Names::Something(place, What::Key(key_id.to_owned())))
        }
        ("alias", name) if !name.is_empty() => {
            Some(Names::Something(place, What::Alias(resource.to_owned())))
        }
        _ => None,
    }
}

/// A UUID, or `mrk-` and 32 hexadecimal digits.
fn is_key_id(text: &str) -> bool {
    let hexadecimal = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match text.strip_prefix("mrk-") {
        Some(digits) => digits.len() == 32 && hexadecimal(digits),
        None => {
            let groups: Vec<&str> = text.split('-').collect();
            groups.len() == 5
                && [8, 4, 4, 4, 12]
                    .iter()
                    .zip(&groups)
                    .all(|(length, group)| group.len() == *length && hexadecimal(group))
        }
    }
}

/// The ARN that policies are asked about where a name of no key was given.
pub(crate) fn arn_of_absent(named: &str, caller: &Caller) -> String {
    if named.starts_with("alias/") {
        return alias_arn(&caller.account, &caller.region, named);
    }
    let (region, account) = (&caller.region, &caller.account);
    format!(
        "arn:{}:kms:{region}:{account}:key/{named}",
        region.partition()
    )
}
