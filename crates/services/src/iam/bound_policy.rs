//! A policy that names principals: kept as it was written, with whom each name meant then, and compiled once when its
//! record is read. Who is made later under a name inherits nothing; who is called otherwise later loses nothing.
//!
//! Source: AWS IAM User Guide, JSON policy elements, Principal ("transforms the ARN to the unique principal ID").

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use strongroom_policy::{Document, Kind, Malformed, Meant, Principal, rename_principals};

use super::principals::{self, Named};
use crate::caller::{AccountId, Caller};
use crate::records::Records;
use crate::refusal::Stop;

/// What a policy is of.
pub trait PolicyOf {
    /// The kind of policy that it has.
    const KIND: Kind;
}

/// A resource of some service.
#[derive(Clone, Debug)]
pub enum OfResource {}

/// A role: who may assume it.
#[derive(Clone, Debug)]
pub enum OfRole {}

impl PolicyOf for OfResource {
    const KIND: Kind = Kind::Resource;
}

impl PolicyOf for OfRole {
    const KIND: Kind = Kind::Trust;
}

/// A resource's policy.
pub type ResourcePolicy = BoundPolicy<OfResource>;

/// A role's trust policy.
pub type TrustPolicy = BoundPolicy<OfRole>;

/// A policy that names principals. A change of the record that holds it copies the record, but not this.
#[derive(Debug)]
pub struct BoundPolicy<Of>(Arc<Compiled>, PhantomData<Of>);

#[derive(Debug)]
struct Compiled {
    text: String,
    /// Users, roles and sessions that it names. Who isn't listed is taken by name.
    bindings: Vec<Binding>,
    document: Document,
}

/// A name in a policy, and the unique id of whoever had it when the policy was written; `None`: nobody had.
type Binding = (String, Option<String>);

impl<Of> Clone for BoundPolicy<Of> {
    fn clone(&self) -> Self {
        BoundPolicy(Arc::clone(&self.0), PhantomData)
    }
}

impl<Of: PolicyOf> BoundPolicy<Of> {
    /// Reads a policy. All whom it names are taken by name.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: String) -> Result<Self, Malformed> {
        Self::compile(text, Vec::new())
    }

    fn compile(text: String, bindings: Vec<Binding>) -> Result<Self, Malformed> {
        let mut document = Document::parse(&text, Of::KIND)?;
        if !bindings.is_empty() {
            document.bind_principals(|principal| {
                let name = principal.to_string();
                let (_, id) = bindings.iter().find(|(each, _)| *each == name)?;
                Some(id.clone().map_or(Meant::Nobody, Meant::Id))
            });
        }
        let compiled = Compiled {
            text,
            bindings,
            document,
        };
        Ok(BoundPolicy(Arc::new(compiled), PhantomData))
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Compiled.
    pub fn document(&self) -> &Document {
        &self.0.document
    }

    /// The same policy of something of `owner`, bound to those who now have the names; and the first, if any, whom that
    /// can't name: one of its own who isn't there.
    pub(crate) fn bound(
        self,
        owner: &AccountId,
        records: &Records<'_>,
    ) -> Result<(Self, Option<Principal>), Stop> {
        self.bound_after(None, owner, records)
    }

    /// The same policy in the place of an earlier one, whose names go on to mean whom they meant there.
    pub(crate) fn bound_after(
        self,
        earlier: Option<&Self>,
        owner: &AccountId,
        records: &Records<'_>,
    ) -> Result<(Self, Option<Principal>), Stop> {
        let earlier = earlier.map_or(&[][..], |earlier| &earlier.0.bindings);
        let mut bindings: Vec<Binding> = Vec::new();
        let mut unknown = None;
        for principal in self.document().principals() {
            let name = principal.to_string();
            if bindings.iter().any(|(each, _)| *each == name) {
                continue;
            }
            if let Some(known) = earlier.iter().find(|(each, _)| *each == name) {
                bindings.push(known.clone());
                continue;
            }
            match principals::named(principal, owner, records)? {
                Named::ByName => {}
                Named::There(id) => bindings.push((name, Some(id))),
                Named::Absent => {
                    bindings.push((name, None));
                    if unknown.is_none() && !principals::is_foreign(principal.account(), owner) {
                        unknown = Some(principal.clone());
                    }
                }
            }
        }
        let policy = match bindings.is_empty() {
            true => self,
            false => Self::compile(self.text().to_owned(), bindings)
                .map_err(|malformed| Stop::Unavailable(Box::new(malformed)))?,
        };
        Ok((policy, unknown))
    }

    /// As it is shown: whom it names of `owner`'s own by the name that they have now, and by the unique id once they are
    /// gone; all others as they were written, so that nothing is told of them.
    pub(crate) fn shown(
        &self,
        owner: &AccountId,
        caller: &Caller,
        records: &Records<'_>,
    ) -> Result<Cow<'_, str>, Stop> {
        let mut renamed: Vec<(&str, String)> = Vec::new();
        for (written, id) in &self.0.bindings {
            let Some(id) = id else { continue };
            if principals::is_foreign(principals::account_of(written), owner) {
                continue;
            }
            let now = principals::name_now(written, id, owner, caller, records)?;
            renamed.extend(now.map(|now| (written.as_str(), now)));
        }
        if renamed.is_empty() {
            return Ok(Cow::Borrowed(self.text()));
        }
        Ok(Cow::Owned(rename_principals(self.text(), |name| {
            let found = renamed.iter().find(|(written, _)| *written == name);
            found.map(|(_, now)| now.clone())
        })))
    }
}

impl<Of> Serialize for BoundPolicy<Of> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.0.text, &self.0.bindings).serialize(serializer)
    }
}

impl<'de, Of: PolicyOf> Deserialize<'de> for BoundPolicy<Of> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (text, bindings) = Deserialize::deserialize(deserializer)?;
        Self::compile(text, bindings).map_err(serde::de::Error::custom)
    }
}
