//! Publishing a version of a function.
//!
//! Source: AWS Lambda Developer Guide, Manage Lambda function versions ("Creating function versions").

use super::function::{Configuration, Function, Published};
use super::refusals;
use crate::kms::uuid;
use crate::operation::Given;
use crate::refusal::Stop;

/// Versions of a function. AWS has no such limit but for the code's size; here a function with all its versions is one record.
const VERSIONS_MAX: usize = 100;

/// Publishes what `$LATEST` is now, and returns the number. Where nothing changed since the last version, that is it.
///
/// # Refusals
/// `CodeStorageExceededException`
pub(super) fn publish(
    function: &mut Function,
    description: Option<String>,
    given: &Given<'_>,
) -> Result<String, Stop> {
    let latest = &function.latest;
    if let Some(last) = function.published.last()
        && last.of_revision == latest.revision_id
    {
        return Ok(last.number.to_string());
    }
    if function.published.len() >= VERSIONS_MAX {
        return Err(refusals::storage_exceeded(format!(
            "The function has {VERSIONS_MAX} versions, which is the most that a function can have: delete some first."
        ))
        .into());
    }
    function.published_count += 1;
    let number = function.published_count;
    function.published.push(Published {
        number,
        of_revision: latest.revision_id.clone(),
        configuration: Configuration {
            description: description.unwrap_or_else(|| latest.description.clone()),
            modified: given.now,
            revision_id: uuid(given),
            ..latest.clone()
        },
    });
    Ok(number.to_string())
}

/// A version that was just published, or `$LATEST`.
pub(super) fn shown<'a>(function: &'a Function, version: &str) -> &'a Configuration {
    function.version(version).unwrap_or(&function.latest)
}
