//! Another secret that a built-in function reads, because its parameters name it.

use super::{Failure, Parameters};
use crate::caller::Caller;
use crate::gate::Need;
use crate::kms::envelope;
use crate::kms::key::KmsKey;
use crate::operation::Means;
use crate::records::{Key, Records};
use crate::refusal::Stop;
use crate::rotation::opened::{read, service_caller};
use crate::secretsmanager::secret::Secret;
use crate::secretsmanager::secret_id::SecretId;
use crate::secretsmanager::version::{self, Value};
use crate::secretsmanager::{SERVICE, access};
use crate::staging::AWSCURRENT;

/// Another secret that a function reads: one of the same account and region as that which it rotates.
pub(super) struct OtherSecret {
    /// The parameter that names it.
    parameter: &'static str,
    id: SecretId,
}

impl OtherSecret {
    /// Takes the parameter that names it, if there is one.
    pub(super) fn take(
        parameter: &'static str,
        parameters: &mut Parameters<'_>,
        secret: &Secret,
    ) -> Option<Self> {
        let text = parameters.text(parameter)?.to_owned();
        let Some(id) = SecretId::within(text, &secret.account, &secret.region) else {
            parameters.refuse(format!(
                "{parameter} must be the name or the ARN of a secret of the same account and Region"
            ));
            return None;
        };
        if id.name() == secret.name {
            parameters.refuse(format!(
                "{parameter} must be another secret than the one that is rotated"
            ));
        }
        Some(OtherSecret { parameter, id })
    }

    /// Takes the parameter that names it, which must be there; `what` says what it holds.
    pub(super) fn required(
        parameter: &'static str,
        what: &str,
        parameters: &mut Parameters<'_>,
        secret: &Secret,
    ) -> Self {
        let taken = Self::take(parameter, parameters, secret);
        taken.unwrap_or_else(|| {
            parameters.refuse(format!("it needs the parameter {parameter}, {what}"));
            OtherSecret {
                parameter,
                id: SecretId::nothing(),
            }
        })
    }

    /// What whoever makes a function read it must be allowed: to read it.
    pub(super) fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        const READ: &str = "secretsmanager:GetSecretValue";
        let mut needs = access::need_on(READ, &self.id, &(), caller, records)?;
        if let Some(secret) = self.id.record(caller, records)? {
            needs.extend(need_of_key(&secret, caller, records)?);
        }
        Ok(needs)
    }

    /// Its current value.
    ///
    /// # Errors
    /// [`Failure`]
    pub(super) fn current(
        &self,
        rotated: &Secret,
        records: &Records<'_>,
        means: &Means<'_>,
    ) -> Result<Value, Failure> {
        let service = service_caller(&rotated.account, &rotated.region);
        let found = self.id.find_active(records, &means.given(&service));
        let secret = found.map_err(|stop| self.unreadable(stop))?;
        let current = secret.labels.holder(AWSCURRENT);
        let value = match current.and_then(|id| secret.version(id)) {
            Some(version) => read(&secret, version, records, means),
            None => Ok(None),
        };
        let value = value.map_err(|stop| self.unreadable(stop))?;
        value.ok_or_else(|| self.wrong("it has no value yet"))
    }

    /// That something is wrong with it.
    pub(super) fn wrong(&self, what: impl std::fmt::Display) -> Failure {
        Failure::because(format!(
            "the secret {} ({}) can't be used: {what}",
            self.id.as_given(),
            self.parameter
        ))
    }

    fn unreadable(&self, stop: Stop) -> Failure {
        match stop {
            Stop::Refused(refusal) => self.wrong(refusal.message.unwrap_or_default()),
            Stop::Unavailable(cause) => Failure::Unavailable(cause),
        }
    }
}

/// What whoever lets a function read a secret's current value must be allowed with the customer's key that it is under.
pub(super) fn need_of_key<'a>(
    secret: &Secret,
    caller: &'a Caller,
    records: &Records<'_>,
) -> Result<Option<Need<'a>>, Stop> {
    let current = secret.labels.holder(AWSCURRENT);
    let Some(version) = current.and_then(|id| secret.version(id)) else {
        return Ok(None);
    };
    let Some(under) = &version.customer_key else {
        return Ok(None);
    };
    let place = Key::kms_key(&under.account, &secret.region, &under.key_id);
    let Some(key) = records.read::<KmsKey>(place)? else {
        return Ok(None);
    };
    let arn = secret.arn();
    let context = version::context(&arn, &version.id);
    envelope::need_for(SERVICE, "kms:Decrypt", key, &context, records, caller).map(Some)
}
