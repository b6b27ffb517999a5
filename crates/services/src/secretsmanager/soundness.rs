//! Whether every secret is whole: each version has its value, and each value opens. For whoever checks a copy; it
//! tells names, never values.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::secret::{Secret, ValueKind};
use super::version::{self, SealedValue};
use crate::kms::envelope;
use crate::kms::key::KmsKey;
use crate::operation::Means;
use crate::records::{Key, Records};
use crate::refusal::Stop;

/// Problems that are named; the rest is counted.
const NAMED_MAX: usize = 100;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Secrets.
    pub secrets: u64,
    /// Values that open.
    pub values: u64,
    /// What is wrong, in all.
    pub wrong: u64,
    /// The first of it.
    pub named: Vec<String>,
}

impl Report {
    fn note(&mut self, problem: String) {
        self.wrong += 1;
        if self.named.len() < NAMED_MAX {
            self.named.push(problem);
        }
    }
}

/// Looks at every secret of every account and region.
pub fn examine(records: &Records<'_>, means: &Means<'_>) -> Report {
    let mut report = Report::default();
    let prefix = Key::all_secrets();
    let scanned = records.scan::<Secret>(prefix.as_bytes(), &prefix.end(), false, |secret| {
        report.secrets += 1;
        for version in &secret.versions {
            if version.kind == ValueKind::Awaited {
                continue;
            }
            match opens(&secret, &version.id, records, means) {
                Ok(()) => report.values += 1,
                Err(problem) => report.note(problem),
            }
        }
        ControlFlow::Continue(())
    });
    if let Err(Stop::Unavailable(cause)) = scanned {
        report.note(cause.to_string());
    }
    report
}

fn opens(
    secret: &Arc<Secret>,
    version_id: &str,
    records: &Records<'_>,
    means: &Means<'_>,
) -> Result<(), String> {
    let arn = secret.arn();
    let told = |stop: Stop| match stop {
        Stop::Unavailable(cause) => cause.to_string(),
        Stop::Refused(refusal) => refusal.message.unwrap_or_default(),
    };
    let place = secret.version_key(version_id);
    let Some(sealed) = records.peek::<SealedValue>(&place).map_err(told)? else {
        return Err(format!("secret {arn} version {version_id} has no value"));
    };
    let envelope = &sealed.envelope;
    let key = Key::kms_key(&envelope.key_account, &secret.region, &envelope.key_id);
    let Some(key) = records.peek::<KmsKey>(&key).map_err(told)? else {
        let id = &envelope.key_id;
        return Err(format!(
            "secret {arn} version {version_id}: KMS key {id} is gone"
        ));
    };
    let context = version::context(&arn, version_id);
    let what = || format!("secret {arn} version {version_id}");
    envelope::open_under(&key, envelope, &context, what, means)
        .map(|_| ())
        .map_err(told)
}
